"""Slices of arrays that were put together from parts, read from the parts."""

from __future__ import annotations

from typing import Any

from ..program import Step, Value
from .draft import Draft, Rule

Part = int | range  # what an index takes of one axis


def parts_of(index: Any, shape: tuple[int, ...]) -> tuple[Part, ...] | None:
    """What an index of whole numbers and slices takes of each axis; None for any other index."""
    given = list(index) if isinstance(index, tuple) else [index]
    if any(not (type(k) is int or k is Ellipsis or isinstance(k, slice)) for k in given):
        return None
    if any(
        isinstance(k, slice) and not all(type(b) is int or b is None for b in (k.start, k.stop, k.step)) for k in given
    ):
        return None
    rest = [slice(None)] * (len(shape) - sum(k is not Ellipsis for k in given))
    at = next((i for i, k in enumerate(given) if k is Ellipsis), len(given))
    full = [*given[:at], *rest, *given[at + 1 :]]
    return tuple(k % n if type(k) is int else range(*k.indices(n)) for k, n in zip(full, shape, strict=True))


def _fixed(k: slice) -> bool:
    return all(type(bound) is int or bound is None for bound in (k.start, k.stop, k.step))


def index_from(parts: tuple[Part, ...], shape: tuple[int, ...]) -> tuple[Any, ...]:
    """The index that takes these parts: slices, if steps are 1."""
    return tuple(
        k if isinstance(k, int) else slice(None) if k == range(n) else slice(k.start, k.stop)
        for k, n in zip(parts, shape, strict=True)
    )


def _plain(parts: tuple[Part, ...] | None) -> bool:
    return parts is not None and all(isinstance(k, int) or (k.step == 1 and len(k) > 0) for k in parts)


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


def whole(step: Step, draft: Draft) -> Value | None:
    """x[...] is x."""
    found = _section(step)
    return found[0] if found is not None and found[0].shape == step.result.shape else None


def of_joined(step: Step, draft: Draft) -> Value | None:
    """A slice of a concatenation that lies within one part is a slice of that part."""
    found = _section(step)
    joined = None if found is None else draft.of(found[0], "concatenate")
    if found is None or joined is None or not all(isinstance(x, Value) for x in joined.args[0]):
        return None
    axis = axis_of(joined)
    if axis is None:
        return None
    parts, start = found[1], 0
    k = parts[axis]
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


def of_stacked(step: Step, draft: Draft) -> Value | None:
    """One entry of a stack is that part."""
    found = _section(step)
    stacked = None if found is None else draft.of(found[0], "stack")
    if found is None or stacked is None or not all(isinstance(x, Value) for x in stacked.args[0]):
        return None
    axis = axis_of(stacked)
    if axis is None or not isinstance(k := found[1][axis], int):
        return None
    x = stacked.args[0][k]
    return _taken(x, found[1][:axis] + found[1][axis + 1 :], step, draft) if x.dtype == step.result.dtype else None


def axis_of(step: Step) -> int | None:
    """Along which axis of its result a step puts parts together."""
    axis = step.kwargs.get("axis", 0) if len(step.args) < 2 else step.args[1]
    if set(step.kwargs) > {"axis"} or type(axis) is not int:
        return None
    return axis % len(step.result.shape)


def of_written(step: Step, draft: Draft) -> Value | None:
    """A slice of an array into which a slice was written: what was written, where it is the same slice; of the array
    as it was, where they have nothing in common."""
    found = _section(step)
    written = None if found is None else draft.of(found[0], "setitem")
    if found is None or written is None or not isinstance(written.args[0], Value):
        return None
    x, index, value = written.args
    parts = parts_of(index, x.shape)
    if parts is None or not _plain(parts):
        return None
    if parts == found[1]:
        same = isinstance(value, Value) and value.shape == step.result.shape and value.dtype == step.result.dtype
        return value if same else None
    apart = any(not (set(_range(a)) & set(_range(b))) for a, b in zip(parts, found[1], strict=True))
    return _taken(x, found[1], step, draft) if apart and x.dtype == step.result.dtype else None


def _range(k: Part) -> range:
    return range(k, k + 1) if isinstance(k, int) else k


SECTIONS: list[Rule] = [whole, of_joined, of_stacked, of_written]
