"""All passes, one after the other."""

from __future__ import annotations

from ..program import Program
from .algebra import ALGEBRA
from .common import with_common_steps_once, without_dead_steps
from .computed_before import with_steps_computed_before
from .constants import CONSTANTS
from .draft import rewritten
from .layout import LAYOUT
from .owned import with_own_results
from .products import with_products_together
from .sections import SECTIONS
from .side_by_side import with_parts_side_by_side
from .tables import with_tables_first

RULES = CONSTANTS, ALGEBRA, LAYOUT, SECTIONS


def simplified(program: Program) -> Program:
    """The same program with less to do. Its results are the same bit for bit, but where products of few rows
    and of many take each other's place: there, sums are taken in another order."""
    short = rewritten(with_common_steps_once(program), *RULES)
    short = without_dead_steps(with_common_steps_once(short))
    joined = with_products_together(with_parts_side_by_side(short))
    if joined is not short:
        joined = with_common_steps_once(rewritten(joined, *RULES))
    found = with_tables_first(with_steps_computed_before(joined))
    return with_own_results(program, without_dead_steps(found))
