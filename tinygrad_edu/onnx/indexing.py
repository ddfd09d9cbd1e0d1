"""Picking entries, and writing into them, as nodes of ONNX.

What is written to is found by picking: the same index, of an array of the places 0, 1, 2 ..., names the places.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..annotations import DTypeLike
from ..program.program import Step, Value
from .graph import OnnxGraph
from .layout import expanded, shape_of


def picked(g: OnnxGraph, name: str, shape: tuple[int, ...], index: object, out: tuple[int, ...]) -> str:
    """`x[index]`, of the shape `out`."""
    given = list(index) if isinstance(index, tuple) else [index]
    taken = sum(k is not None and k is not Ellipsis for k in given)
    at = next((i for i, k in enumerate(given) if k is Ellipsis), len(given))
    full = [*given[:at], *[slice(None)] * (len(shape) - taken), *given[at + 1 :]]
    parts = [k for k in full if k is not None]
    arrays = [d for d, k in enumerate(parts) if _is_array(k)]
    for d, k in enumerate(parts):  # whole numbers beside arrays are arrays too
        if arrays and isinstance(k, int | np.integer) and not isinstance(k, bool):
            parts[d], arrays = np.asarray(k), sorted({*arrays, d})
    name = _sliced(g, name, shape, parts)
    if not arrays:
        return g.reshaped(name, out)
    lead = np.broadcast_shapes(*[shape_of(parts[d]) for d in arrays])
    if len(arrays) == 1:
        (axis,) = arrays
        return g.reshaped(g.add("Gather", name, g.of(parts[axis], np.int64), axis=axis), out)
    others = [d for d in range(len(parts)) if d not in arrays]
    together = arrays == list(range(arrays[0], arrays[-1] + 1)) and not _split(full)
    name = g.add("Transpose", name, perm=[*arrays, *others])
    places = [g.reshaped(expanded(g, g.of(parts[d], np.int64), lead), (*lead, 1)) for d in arrays]
    name = g.add("GatherND", name, g.add("Concat", *places, axis=-1))
    if together and arrays[0]:  # the picked axes stand where the arrays stood
        before, n = arrays[0], len(lead)
        order = [*range(n, n + before), *range(n), *range(n + before, n + len(others))]
        name = g.add("Transpose", name, perm=order)
    return g.reshaped(name, out)


def _is_array(k: object) -> bool:
    return isinstance(k, Value | np.ndarray | list)


def _split(full: list[Any]) -> bool:
    """Whether a new axis stands between arrays of an index: then what they pick comes first."""
    places = [i for i, k in enumerate(full) if _is_array(k)]
    return any(k is None for k in full[places[0] : places[-1]])


def _sliced(g: OnnxGraph, name: str, shape: tuple[int, ...], parts: list[Any]) -> str:
    """Slices and whole numbers of the axes that have them."""
    taken: list[tuple[int, int, int, int]] = []  # start, end, axis, step
    for d, (k, n) in enumerate(zip(parts, shape, strict=True)):
        if _is_array(k) or (isinstance(k, slice) and k == slice(None)):
            continue
        if isinstance(k, slice):
            start, stop, step = k.indices(n)
            stop = stop if stop >= 0 else -(2**62)  # before the first entry, not the last
        else:
            start, stop, step = k % n, k % n + 1, 1
        taken.append((start, stop, d, step))
    return g.add("Slice", name, *map(g.ints, zip(*taken, strict=True))) if taken else name


def _getitem(g: OnnxGraph, step: Step) -> str:
    x, index = step.args
    return picked(g, g.of(x), x.shape, index, step.result.shape)


def _places(g: OnnxGraph, shape: tuple[int, ...], index: Any, out: tuple[int, ...]) -> str:
    """The places of the entries that an index picks, counted in a row."""
    count = np.arange(math.prod(shape)).reshape(shape)
    names = index if isinstance(index, tuple) else (index,)
    if not any(isinstance(k, Value) for k in names):
        return g.constant(count[index].reshape(-1))
    return g.reshaped(picked(g, g.constant(count), shape, index, out), (-1,))


def _written(reduction: str) -> Callable[[OnnxGraph, Step], str]:
    def write(g: OnnxGraph, step: Step) -> str:
        x, index, value = step.args
        dtype = step.result.dtype
        out = _picked_shape(x.shape, index)
        rows = g.reshaped(expanded(g, _fitted(g, value, out, dtype), out), (-1,))
        if not math.prod(out):
            return g.add("Identity", g.of(x, dtype))
        options = {} if reduction == "none" else {"reduction": reduction}
        places = _places(g, x.shape, index, out)
        flat = g.add("ScatterElements", g.reshaped(g.of(x, dtype), (-1,)), places, rows, axis=0, **options)
        return g.reshaped(flat, x.shape)

    return write


def _fitted(g: OnnxGraph, value: object, out: tuple[int, ...], dtype: DTypeLike) -> str:
    """What is written, without axes of length 1 in front that the place does not have."""
    shape = shape_of(value)
    name = g.of(value, dtype)
    return g.reshaped(name, shape[len(shape) - len(out) :]) if len(shape) > len(out) else name


def _picked_shape(shape: tuple[int, ...], index: object) -> tuple[int, ...]:
    """The shape of what an index picks."""

    def plain(k: object) -> Any:
        return np.zeros(k.shape, np.int64) if isinstance(k, Value) else k

    stand_in = np.broadcast_to(np.zeros((), bool), shape)
    return stand_in[tuple(map(plain, index)) if isinstance(index, tuple) else plain(index)].shape


def _along_axis(g: OnnxGraph, step: Step) -> str:
    x, indices = step.args[:2]
    axis = (step.args[2] if len(step.args) > 2 else step.kwargs.get("axis", -1)) % len(x.shape)
    shape = [n if d == axis else m for d, (n, m) in enumerate(zip(x.shape, step.result.shape, strict=True))]
    places = expanded(g, g.of(indices, np.int64), step.result.shape)
    return g.add("GatherElements", expanded(g, g.of(x), shape), places, axis=axis)


INDEXING: dict[str, Callable[[OnnxGraph, Step], str]] = {
    "getitem": _getitem, "setitem": _written("none"), "add.at": _written("add"), "multiply.at": _written("mul"),
    "maximum.at": _written("max"), "minimum.at": _written("min"), "take_along_axis": _along_axis,
}  # fmt: skip
