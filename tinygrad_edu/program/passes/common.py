"""Equal steps once, and no steps whose results nobody uses."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..program import Program, Step, Value

SMALL = 1 << 16  # entries of constants that are compared
SIMPLE = {int, str, bool, type(None)}


def without_dead_steps(program: Program) -> Program:
    """Steps whose results nobody uses go."""
    used = set(program.results)
    kept: list[Step] = []
    for step in reversed(program.steps):
        if any(v in used for v in step.results):
            kept.append(step)
            used.update(step.uses)
    return program.with_steps(kept[::-1])


def with_common_steps_once(program: Program) -> Program:
    """Equal steps are made once, and equal constants are one."""
    seen: dict[Any, tuple[Value, ...]] = {}
    same: dict[Value, Value] = _equal_constants(program)
    kept = []
    for step in program.steps:
        if not same.keys().isdisjoint(step.uses):
            step = step.on(lambda v: same.get(v, v))
        try:
            key = step.primitive, key_of(step.args), key_of(step.kwargs)
            known = seen.get(key)
        except TypeError:
            known, key = None, None
        if known is None:
            kept.append(step)
            if key is not None and step.primitive != "copy":
                seen[key] = step.results
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


def key_of(x: Any) -> Any:
    """An argument as something that can be compared: 1, 1.0 and True are different, as are 0.0 and -0.0."""
    kind = x.__class__
    if kind is Value:
        return x
    if kind in SIMPLE:
        return kind, x
    if kind is tuple or kind is list:
        return kind, tuple([key_of(part) for part in x])
    if kind is dict:
        return tuple([(k, key_of(v)) for k, v in x.items()]) if x else ()
    if kind is slice:
        return slice, key_of((x.start, x.stop, x.step))
    if isinstance(x, float):
        return kind, x.hex()
    hash(x)
    return kind, x
