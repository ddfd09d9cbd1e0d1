"""Slices that are written into zeros and then added up, as gradients of slices are, put side by side instead."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ..program import Program, Step, Value
from .draft import Draft
from .sections import parts_of


class Placed(NamedTuple):
    """A value that stands in zeros, at these places of one axis."""

    axis: int
    at: range
    value: Value


class Sum(NamedTuple):
    """A sum of two arrays of placed values."""

    axis: int
    left: Any
    right: Any


def with_parts_side_by_side(program: Program) -> Program:
    """A sum of arrays that are zero but for one slice each is a concatenation, where the slices have nothing in common:
    of n slices, n arrays of the whole size are one. Zeros are added to what remains, as 0 + -0 is 0."""
    sums = _sums(program)
    if not sums:
        return program
    inner = {v for step in program.steps if step.results[0] in sums for v in step.uses}
    others = {v for step in program.steps if step.results[0] not in sums for v in step.uses} | set(program.results)
    draft = Draft(program)
    for step in program.steps:
        new, draft.site = draft.follow(step), step.site
        found = sums.get(step.results[0])
        last = found is not None and (step.result not in inner or step.result in others)
        joined = _side_by_side(step.result, found, draft) if last else None
        if joined is None:
            draft.keep(new)
        else:
            draft.now[step.result] = joined
    return draft.end()


def _sums(program: Program) -> dict[Value, Sum]:
    """The additions of arrays that are zero but for slices of one axis, each a tree of what is placed."""
    placed: dict[Value, Placed | Sum] = {}
    sums: dict[Value, Sum] = {}
    zeros: set[Value] = set()
    for step in program.steps:
        if step.primitive == "zeros_like":
            zeros.add(step.result)
        elif step.primitive == "setitem":
            slot = _slot(step, zeros)
            if slot is not None:
                placed[step.result] = slot
        elif step.primitive == "add" and not step.kwargs and len(step.args) == 2:
            a, b = (placed.get(v) if isinstance(v, Value) else None for v in step.args)
            if a is not None and b is not None and a.axis == b.axis and step.args[0].shape == step.args[1].shape:
                placed[step.result] = sums[step.result] = Sum(a.axis, a, b)
    return sums


def _slot(step: Step, zeros: set[Value]) -> Placed | None:
    """For a slice of one axis that is written into zeros: the axis, the part of it, and what is written."""
    x, index, value = step.args
    parts = parts_of(index, x.shape) if x in zeros else None
    if parts is None or not isinstance(value, Value) or value.dtype != x.dtype or x.dtype != step.result.dtype:
        return None
    axes = [d for d, (k, n) in enumerate(zip(parts, x.shape, strict=True)) if k != range(n)]
    if len(axes) != 1:
        return None
    (axis,) = axes
    part = parts[axis]
    at = range(part, part + 1) if isinstance(part, int) else part
    small = tuple(len(k) for k in parts if isinstance(k, range))
    return Placed(axis, at, value) if value.shape == small and at.step == 1 and len(at) else None


def _side_by_side(whole: Value, found: Any, draft: Draft) -> Value | None:
    """The parts one after the other, with zeros where there is none."""
    parts: list[Placed] = []
    todo = [found]
    while todo:
        part = todo.pop()
        todo += [part.right, part.left] if isinstance(part, Sum) else []
        parts += [part] if isinstance(part, Placed) else []
    parts.sort(key=lambda p: p.at.start)
    if any(a.at.stop > b.at.start for a, b in pairwise(parts)):
        return None
    axis, shape, dtype = found.axis, whole.shape, whole.dtype
    values = [_with_zero(draft, draft.now.get(p.value, p.value)) for p in parts]
    if len(parts) == shape[axis] and all(len(v.shape) < len(shape) for v in values):
        return draft.call("stack", (values,), shape, dtype, axis=axis)
    row, end = [], 0
    for p, v in zip(parts, values, strict=True):
        row += _zeros(p.at.start - end, axis, whole, draft)
        small = (*shape[:axis], len(p.at), *shape[axis + 1 :])
        row.append(v if v.shape == small else draft.call("reshape", (v, small), small, dtype))
        end = p.at.stop
    return draft.call("concatenate", (row + _zeros(shape[axis] - end, axis, whole, draft),), shape, dtype, axis=axis)


def _zeros(n: int, axis: int, like: Value, draft: Draft) -> list[Value]:
    """Zeros for a gap of this length, if there is one."""
    shape = (*like.shape[:axis], n, *like.shape[axis + 1 :])
    return [draft.constant(np.zeros(shape, like.dtype))] if n else []


def _with_zero(draft: Draft, v: Value) -> Value:
    """v + 0, which is what becomes of it when zeros are added: -0 becomes 0."""
    return draft.call("add", (v, 0), v.shape, v.dtype) if v.dtype.kind in "fc" else v
