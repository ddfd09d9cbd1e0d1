"""All passes, one after the other."""

from __future__ import annotations

from collections.abc import Callable

from ..program import Program
from .algebra import ALGEBRA
from .common import with_common_steps_once, without_dead_steps
from .computed_before import with_steps_computed_before
from .constants import CONSTANTS
from .draft import rewritten
from .layout import LAYOUT
from .loose import LOOSE
from .owned import with_own_results
from .products import with_products_together
from .sections import SECTIONS
from .side_by_side import with_parts_side_by_side
from .tables import with_tables_first

RULES = CONSTANTS, ALGEBRA, LAYOUT, SECTIONS


def _rules(program: Program) -> Program:
    return rewritten(program, *RULES)


def _loosely(program: Program) -> Program:
    return with_common_steps_once(rewritten(program, LOOSE, *RULES))


PASSES: dict[str, Callable[[Program], Program]] = {
    "equal steps once": with_common_steps_once,
    "constants, algebra, views and slices": _rules,
    "equal steps once again": with_common_steps_once,
    "no idle steps": without_dead_steps,
    "parts side by side": with_parts_side_by_side,
    "products together": with_products_together,
    "what that made simpler": lambda program: with_common_steps_once(_rules(program)),
    "steps computed before": with_steps_computed_before,
    "tables first": with_tables_first,
}
ONLY_IF = {"what that made simpler": "parts side by side"}  # a pass that is needed if the program changed since another
FAST = "algebra of real numbers"  # that does not keep nan, inf and -0


def stages(program: Program, fast: bool = False) -> dict[str, Program]:
    """The program as it was read, and after each pass, by the names of these; the last is what runs."""
    found = {"as read": program}
    now = program
    before: dict[str, Program] = {}
    for name, one in PASSES.items():
        before[name] = now
        if name in ONLY_IF and now is before[ONLY_IF[name]]:
            continue
        now = found[name] = one(now)
        if name == "constants, algebra, views and slices" and fast:
            now = found[FAST] = _loosely(now)
    found["no idle steps, own results"] = with_own_results(program, without_dead_steps(now))
    return found


def simplified(program: Program, fast: bool = False) -> Program:
    """The same program with less to do. Its results are the same bit for bit, but where products of few rows
    and of many take each other's place: there, sums are taken in another order."""
    *_, last = stages(program, fast).values()
    return last
