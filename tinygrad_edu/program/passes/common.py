"""Equal steps once, and no steps whose results nobody uses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..program import Program, Step, Value

SMALL = 1 << 16  # entries of constants that are compared
EITHER_WAY = {"add", "multiply"}  # a * b is b * a


def without_dead_steps(program: Program) -> Program:
    """Steps whose results nobody uses go."""
    used = set(program.results)
    kept: list[Step] = []
    for step in reversed(program.steps):
        for v in step.results:
            if v in used:
                kept.append(step)
                used.update(step.uses)
                break
    constants = {v: a for v, a in program.constants.items() if v in used}
    return replace(program, steps=kept[::-1], constants=constants)


def with_common_steps_once(program: Program) -> Program:
    """Equal steps are made once, and equal constants are one."""
    seen: dict[Any, tuple[Value, ...]] = {}
    same: dict[Value, Value] = _equal_constants(program)
    kept = []
    for step in program.steps:
        step = step.renamed(same)
        form = step.form
        uses = step.uses
        if step.primitive in EITHER_WAY and len(uses) == 2 and step.args == uses:
            uses = tuple(sorted(uses, key=lambda v: v.number))
        known = None if form is None else seen.get((form, uses))
        if known is None:
            kept.append(step)
            if form is not None and step.primitive != "copy":
                seen[form, uses] = step.results
        else:
            same.update(zip(step.results, known, strict=True))
    return program.with_steps(kept, [same.get(v, v) for v in program.results])


def _equal_constants(program: Program) -> dict[Value, Value]:
    """For constants that are equal to an earlier one: that one."""
    seen: dict[Any, Value] = {}
    same: dict[Value, Value] = {}
    for v, array in program.constants.items():
        if not v.weak and v.size <= SMALL:
            first = seen.setdefault((v.dtype, v.shape, np.asarray(array).tobytes()), v)
            same |= {v: first} if first is not v else {}
    return same
