"""Operators of ONNX that change shapes and pick entries, as expressions of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

import tinygrad_edu as tg

from ..annotations import ArrayLike
from .node import OnnxNode, Operator, axes_of, numbers


def _reshape(node: OnnxNode, x: Any, shape: Sequence[int]) -> Any:
    wanted = numbers(shape)
    if not node("allowzero", 0):
        wanted = [x.shape[i] if n == 0 else n for i, n in enumerate(wanted)]
    return tg.reshape(x, tuple(wanted))


def _transpose(node: OnnxNode, x: Any) -> Any:
    return tg.permute_dims(x, tuple(node("perm", range(x.ndim)[::-1])))


def _squeeze(node: OnnxNode, x: Any, axes: object = None) -> Any:
    found = axes_of(node, axes, x.ndim)
    return tg.squeeze(x, axis=found)


def _unsqueeze(node: OnnxNode, x: Any, axes: object = None) -> Any:
    given = numbers(axes) if axes is not None else node("axes")
    rank = x.ndim + len(given)
    new = {k % rank for k in given}
    rest = iter(x.shape)
    return tg.reshape(x, tuple(1 if k in new else next(rest) for k in range(rank)))


def _flatten(node: OnnxNode, x: Any) -> Any:
    axis = node("axis", 1) % (x.ndim + 1)
    return tg.reshape(x, (int(np.prod(x.shape[:axis], dtype=int)), int(np.prod(x.shape[axis:], dtype=int))))


def _split(node: OnnxNode, x: Any, sizes: Any = None) -> Any:
    axis, n = node("axis", 0), len(node.outputs)
    length = x.shape[axis]
    lengths = numbers(sizes) if sizes is not None else node("split")
    lengths = lengths or [min(-(-length // n), length - k * -(-length // n)) for k in range(n)]
    ends = list(accumulate(lengths))
    lead = (slice(None),) * (axis % x.ndim)
    return tuple(x[(*lead, slice(b - m, b))] for b, m in zip(ends, lengths, strict=True))


def _slice(node: OnnxNode, x: Any, starts: Any = None, ends: Any = None, axes: object = None, steps: Any = None) -> Any:
    first = node("starts") if starts is None else numbers(starts)
    last = node("ends") if ends is None else numbers(ends)
    at = node("axes") if axes is None else numbers(axes)
    at = range(len(first)) if at is None else at
    strides = [1] * len(first) if steps is None else numbers(steps)
    index: list[Any] = [slice(None)] * x.ndim
    for k, a, b, s in zip(at, first, last, strides, strict=True):
        n = x.shape[k]
        a, b = (n + v if v < 0 else v for v in (a, b))
        if s > 0:
            index[k] = slice(min(max(a, 0), n), min(max(b, 0), n), s)
        else:
            stop = min(max(b, -1), n - 1)
            index[k] = slice(min(max(a, 0), n - 1), None if stop < 0 else stop, s)
    return x[tuple(index)]


def _gather(node: OnnxNode, x: Any, indices: Any) -> Any:
    axis = node("axis", 0) % x.ndim
    return x[(*[slice(None)] * axis, _index(indices))]


def _index(indices: Any) -> Any:
    """Indices as they are, or a plain number."""
    return indices if indices.ndim else numbers(indices)[0]


def _gather_nd(node: OnnxNode, x: Any, indices: Any) -> Any:
    if node("batch_dims", 0):
        raise node.refused("batch_dims")
    return x[tuple(indices[..., k] for k in range(indices.shape[-1]))]


def _gather_elements(node: OnnxNode, x: Any, indices: Any) -> Any:
    axis = node("axis", 0) % x.ndim
    return x[_grid(indices, axis)]


def _grid(indices: Any, axis: int) -> tuple[Any, ...]:
    """An index for each axis: `indices` for one, each entry's own place for the others."""
    places: list[Any] = list(np.indices(indices.shape, sparse=True))
    places[axis] = indices
    return tuple(places)


def _scattered(x: Any, index: Any, updates: Any, reduction: str, node: OnnxNode) -> Any:
    y = tg.asarray(x).clone()
    if reduction == "none":
        y[index] = updates
    elif reduction == "add":
        np.add.at(y, index, updates)
    else:
        raise node.refused(f"reduction {reduction!r}")
    return y


def _scatter_elements(node: OnnxNode, x: Any, indices: Any, updates: Any) -> Any:
    axis = node("axis", 0) % x.ndim
    return _scattered(x, _grid(indices, axis), updates, node("reduction", "none"), node)


def _scatter_nd(node: OnnxNode, x: Any, indices: Any, updates: Any) -> Any:
    index = tuple(indices[..., k] for k in range(indices.shape[-1]))
    return _scattered(x, index, updates, node("reduction", "none"), node)


def _expand(node: OnnxNode, x: Any, shape: Sequence[int]) -> Any:
    return tg.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(numbers(shape))))


def _pad(node: OnnxNode, x: Any, pads: Any = None, value: Any = None, axes: object = None) -> Any:
    widths = node("pads") if pads is None else numbers(pads)
    at = range(x.ndim) if axes is None else [k % x.ndim for k in numbers(axes)]
    n = len(widths) // 2
    pairs = [(0, 0)] * x.ndim
    for k, a, b in zip(at, widths[:n], widths[n:], strict=True):
        pairs[k] = (a, b)
    mode = node("mode", "constant")
    if mode != "constant":
        return tg.pad(x, pairs, mode=mode)
    number = node("value", 0.0) if value is None else np.asarray(tg.asarray(value).data).item()
    return tg.pad(x, pairs, constant_values=number)


def _constant(node: OnnxNode) -> Any:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if node(name) is not None:
            kind = {"value_float": np.float32, "value_floats": np.float32}.get(name)
            return np.asarray(node(name), kind)
    raise node.refused("a constant of text or a sparse one")


def _constant_of_shape(node: OnnxNode, shape: int | Sequence[int]) -> Any:
    value = node("value", np.zeros(1, np.float32))
    return np.full(tuple(numbers(shape)), value.reshape(-1)[0])


def _one_hot(node: OnnxNode, indices: Any, depth: Any, values: Any) -> Any:
    (n,) = numbers(depth)
    axis, low, high = node("axis", -1), values[0], values[1]
    here = tg.expand_dims(tg.remainder(indices, n), -1) == np.arange(n)
    found = tg.where(here, high, low)
    return tg.moveaxis(found, -1, axis)


def _triangle(node: OnnxNode, x: ArrayLike, k: object = None) -> Any:
    diagonal = 0 if k is None else numbers(k)[0]
    return tg.triu(x, diagonal) if node("upper", 1) else tg.tril(x, diagonal)


PARTS: dict[str, Operator] = {
    "Reshape": _reshape, "Transpose": _transpose, "Squeeze": _squeeze, "Unsqueeze": _unsqueeze, "Flatten": _flatten,
    "Concat": lambda node, *xs: tg.concat(xs, axis=node("axis")), "Split": _split, "Slice": _slice, "Expand": _expand,
    "Tile": lambda node, x, n: tg.tile(x, tuple(numbers(n))), "Pad": _pad, "Trilu": _triangle, "Gather": _gather,
    "GatherND": _gather_nd, "GatherElements": _gather_elements, "ScatterElements": _scatter_elements,
    "ScatterND": _scatter_nd, "OneHot": _one_hot, "Constant": _constant, "ConstantOfShape": _constant_of_shape,
    "Shape": lambda node, x: np.array(x.shape[node("start", 0) : node("end")], np.int64),
    "Size": lambda node, x: np.asarray(x.size),
    "Range": lambda node, a, b, step: np.arange(*(np.asarray(v).item() for v in (a, b, step))).astype(a.dtype),
}  # fmt: skip
