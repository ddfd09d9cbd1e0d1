"""Slices of arrays that were put together from parts, read from the parts."""

from __future__ import annotations

from typing import Any

from ..program import Step, Value
from .draft import Draft, Rule

Part = int | range  # what an index takes of one axis
BOUNDS = {int, type(None)}


def parts_of(index: Any, shape: tuple[int, ...]) -> tuple[Part, ...] | None:
    """What an index of whole numbers and slices takes of each axis; None for any other index."""
    given = index if index.__class__ is tuple else (index,)
    found: list[Part] = []
    for k in given:
        if k.__class__ is int:
            found.append(k % shape[len(found)])
        elif k.__class__ is slice and _fixed(k):
            found.append(range(*k.indices(shape[len(found)])))
        elif k is Ellipsis:
            start = len(found)
            found += map(range, shape[start : start + len(shape) - len(given) + 1])
        else:
            return None
    found += map(range, shape[len(found) :])
    return tuple(found)


def _fixed(k: slice) -> bool:
    return k.start.__class__ in BOUNDS and k.stop.__class__ in BOUNDS and k.step.__class__ in BOUNDS


def index_from(parts: tuple[Part, ...], shape: tuple[int, ...]) -> tuple[Any, ...]:
    """The index that takes these parts: slices, if steps are 1."""
    return tuple(
        k if isinstance(k, int) else slice(None) if k == range(n) else slice(k.start, k.stop)
        for k, n in zip(parts, shape, strict=True)
    )


def _plain(parts: tuple[Part, ...] | None) -> bool:
    if parts is None:
        return False
    return not any(k.__class__ is range and (k.step != 1 or not k) for k in parts)


def _taken(x: Value, parts: tuple[Part, ...], step: Step, draft: Draft) -> Value:
    """These parts of a value; itself, if that is all of it."""
    index = index_from(parts, x.shape)
    if all(isinstance(k, slice) and k == slice(None) for k in index):
        return x
    return draft.call("getitem", (x, index), step.result.shape, x.dtype)


def _section(step: Step) -> tuple[Value, tuple[Part, ...]] | None:
    """What a slice is taken of, and which parts."""
    if step.primitive != "getitem" or not isinstance(step.args[0], Value):
        return None
    x, index = step.args
    parts = parts_of(index, x.shape)
    return (x, parts) if parts is not None and _plain(parts) else None


def section(step: Step, draft: Draft) -> Value | None:
    """x[...] is x; a slice of what was put together from parts is read from the part."""
    found = _section(step)
    if found is None:
        return None
    x, parts = found
    if x.shape == step.result.shape:
        return x
    made = draft.made.get(x)
    known = None if made is None else READ_FROM.get(made.primitive)
    return known(step, made, parts, draft) if known is not None and made is not None else None


def _of_joined(step: Step, joined: Step, parts: tuple[Part, ...], draft: Draft) -> Value | None:
    """A slice of a concatenation that lies within one part is a slice of that part."""
    axis = axis_of(joined)
    if axis is None or not all(isinstance(x, Value) for x in joined.args[0]):
        return None
    k, start = parts[axis], 0
    first, last = (k, k) if isinstance(k, int) else (k.start, k.stop - 1)
    for x in joined.args[0]:
        end = start + x.shape[axis]
        if start <= first and last < end:
            if x.dtype != step.result.dtype:
                return None
            moved = first - start if isinstance(k, int) else range(first - start, last + 1 - start)
            return _taken(x, (*parts[:axis], moved, *parts[axis + 1 :]), step, draft)
        start = end
    return None


def _of_stacked(step: Step, stacked: Step, parts: tuple[Part, ...], draft: Draft) -> Value | None:
    """One entry of a stack is that part."""
    axis = axis_of(stacked)
    if axis is None or not isinstance(k := parts[axis], int):
        return None
    x = stacked.args[0][k]
    if not isinstance(x, Value) or x.dtype != step.result.dtype:
        return None
    return _taken(x, parts[:axis] + parts[axis + 1 :], step, draft)


def _of_written(step: Step, written: Step, parts: tuple[Part, ...], draft: Draft) -> Value | None:
    """A slice of an array into which a slice was written: what was written, where it is the same slice; of the array
    as it was, where they have nothing in common."""
    x, index, value = written.args
    there = parts_of(index, x.shape) if isinstance(x, Value) else None
    if there is None or not _plain(there):
        return None
    if there == parts:
        same = isinstance(value, Value) and value.shape == step.result.shape and value.dtype == step.result.dtype
        return value if same else None
    apart = any(not (set(_range(a)) & set(_range(b))) for a, b in zip(there, parts, strict=True))
    return _taken(x, parts, step, draft) if apart and x.dtype == step.result.dtype else None


READ_FROM = {"concatenate": _of_joined, "stack": _of_stacked, "setitem": _of_written}


def axis_of(step: Step) -> int | None:
    """Along which axis of its result a step puts parts together."""
    axis = step.kwargs.get("axis", 0) if len(step.args) < 2 else step.args[1]
    if set(step.kwargs) > {"axis"} or type(axis) is not int:
        return None
    return axis % len(step.result.shape)


def _range(k: Part) -> range:
    return range(k, k + 1) if isinstance(k, int) else k


SECTIONS: dict[str, list[Rule]] = {"getitem": [section]}
