"""NumPy's functions that put arrays together and take them apart, in functions of tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce as fold
from typing import TYPE_CHECKING, Any

import numpy as np

from ..annotations import Array, ArrayLike
from ..batched import BatchedArray, whole
from ..errors import ShapeError
from ..functions import contract, elementwise, indexing, joining, layout, linalg, norms, reduce
from ..functions.arguments import Axis, lift, normal_axis
from ..values import value
from ..writing import assign
from . import statistics

if TYPE_CHECKING:
    from ..tensor import Tensor


def kron(a: ArrayLike, b: ArrayLike) -> Any:
    """np.kron: every entry of `a` times `b`, in blocks."""
    a, b = lift(a, "kron"), lift(b, "kron")
    n = max(a.ndim, b.ndim)
    a, b = (layout.reshape(x, (1,) * (n - x.ndim) + x.shape) for x in (a, b))
    blocks = layout.reshape(a, [k for m in a.shape for k in (m, 1)]) * layout.reshape(
        b, [k for m in b.shape for k in (1, m)]
    )
    return layout.reshape(blocks, [i * j for i, j in zip(a.shape, b.shape, strict=True)])


def delete(arr: ArrayLike, obj: ArrayLike, axis: int | None = None) -> Any:
    """np.delete."""
    arr = lift(arr, "delete")
    return _picked(arr, np.delete(_places(arr), _index(obj), axis))


def insert(arr: ArrayLike, obj: ArrayLike, values: ArrayLike, axis: int | None = None) -> Any:
    """np.insert."""
    arr = lift(arr, "insert")
    values = lift(values, "insert").astype(arr.dtype)
    places = np.insert(_places(arr), _index(obj), arr.size + _places(values), axis)
    return _picked(joining.concat([layout.flatten(arr), layout.flatten(values)]), places)


def _places(x: Tensor) -> Any:
    """The number of each entry: what NumPy does with these, is done with the entries."""
    return np.arange(x.size).reshape(x.shape)


def _picked(x: Any, places: Any) -> Any:
    return indexing.take(layout.flatten(x), places)


def _index(obj: object) -> Any:
    return np.asarray(obj._data) if hasattr(obj, "_data") else obj


def block(arrays: Sequence[Any]) -> Any:
    """np.block: nested lists of blocks, the innermost along the last axis."""
    depth = _depth(arrays)
    ndim = max([depth, *(lift(x, "block").ndim for x in _flat(arrays))])

    def joined(x: ArrayLike, level: int) -> Any:
        if isinstance(x, list):
            return joining.concat([joined(v, level + 1) for v in x], level - depth)
        x = lift(x, "block")
        return layout.reshape(x, (1,) * (ndim - x.ndim) + x.shape)

    return joined(arrays, 0)


def _depth(x: ArrayLike) -> int:
    return 1 + max((_depth(v) for v in x), default=0) if isinstance(x, list) else 0


def _flat(x: ArrayLike) -> list[Any]:
    return [leaf for v in x for leaf in _flat(v)] if isinstance(x, list) else [x]


def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: ArrayLike, *args: object, **kwargs: object) -> Any:
    """np.apply_along_axis: a function of tensors on each row."""
    arr = lift(arr, "apply_along_axis")
    axis = normal_axis("apply_along_axis", axis, arr.ndim)
    moved = layout.moveaxis(arr, axis, -1)
    found = [
        lift(func1d(row, *args, **kwargs), "apply_along_axis") for row in layout.reshape(moved, (-1, moved.shape[-1]))
    ]
    y = layout.reshape(joining.stack(found), (*moved.shape[:-1], *found[0].shape))
    k = found[0].ndim
    return layout.moveaxis(y, [*range(y.ndim - k, y.ndim)], [*range(axis, axis + k)])


def piecewise(x: ArrayLike, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """np.piecewise: each function where its condition holds, the last one elsewhere; each is called on all of `x`."""
    x = lift(x, "piecewise")
    conditions = [lift(c, "piecewise") for c in (condlist if isinstance(condlist, list | tuple) else [condlist])]
    value: Any = lambda f: f(x, *args, **kw) if callable(f) else f
    if len(funclist) not in (len(conditions), len(conditions) + 1):
        raise ShapeError(
            f"piecewise: needs a function for each condition, and one more at most; got {len(funclist)} for "
            f"{len(conditions)}; add one"
        )
    y = value(funclist[-1]) if len(funclist) > len(conditions) else 0 * x
    for condition, f in zip(conditions, funclist, strict=False):
        y = elementwise.where(condition, value(f), y)
    return layout.broadcast_to(lift(y, "piecewise").astype(x.dtype), x.shape)


def put_along_axis(arr: Tensor, indices: Array, values: object, axis: Axis) -> None:
    """np.put_along_axis: writes into the tensor."""
    at = lift(indices, "put_along_axis")
    if axis is None:
        at, axis = layout.flatten(at), 0
        shape: tuple[int, ...] = (arr.size,)
        if arr.ndim != 1:
            assign(arr, np.unravel_index(np.asarray(at._data), arr.shape), values)
            return
    else:
        axis, shape = normal_axis("put_along_axis", axis, arr.ndim), arr.shape
    grid = np.ogrid[tuple(slice(n) for n in at.shape)]
    index = tuple(np.asarray(at._data) if i == axis else grid[i] for i in range(len(shape)))
    assign(arr, index, values)


def choose(a: ArrayLike, choices: Any, mode: str = "raise") -> Any:
    """np.choose: the entries of several tensors that an index tensor names."""
    options = [lift(c, "choose") for c in choices]
    a = lift(a, "choose")
    shape = np.broadcast_shapes(a.shape, *(c.shape for c in options))
    n = len(options)
    if mode == "raise" and not np.all((np.asarray(a._data) >= 0) & (np.asarray(a._data) < n)):
        raise ValueError(f"choose: indices must be from 0 to {n - 1}; got others; use mode='clip' or 'wrap'")
    a = elementwise.clip(a, 0, n - 1) if mode == "clip" else elementwise.remainder(a, n) if mode == "wrap" else a
    stacked = joining.stack([layout.broadcast_to(c, shape) for c in options])
    return indexing.take_along_axis(stacked, layout.broadcast_to(a, shape)[None], 0)[0]


def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """np.select."""
    pairs = reversed(list(zip(condlist, choicelist, strict=True)))
    return fold(lambda rest, pair: elementwise.where(pair[0], pair[1], rest), pairs, default)


def partition(a: ArrayLike, kth: int, axis: int | None = -1) -> Any:
    """np.partition: a sorted tensor is partitioned at every place."""
    return indexing.sort(layout.flatten(a) if axis is None else a, -1 if axis is None else axis)


def tensorinv(a: ArrayLike, ind: int = 2) -> Any:
    """np.linalg.tensorinv."""
    a = lift(a, "tensorinv")
    n = math.prod(a.shape[ind:])
    return layout.reshape(linalg.inv(layout.reshape(a, (-1, n))), (*a.shape[ind:], *a.shape[:ind]))


def tensorsolve(a: ArrayLike, b: ArrayLike, axes: Any = None) -> Any:
    """np.linalg.tensorsolve."""
    a, b = lift(a, "tensorsolve"), lift(b, "tensorsolve")
    if axes is not None:
        last = [normal_axis("tensorsolve", k, a.ndim) for k in axes]
        a = layout.permute_dims(a, [*(k for k in range(a.ndim) if k not in last), *last])
    shape = a.shape[b.ndim :]
    return layout.reshape(linalg.solve(layout.reshape(a, (-1, math.prod(shape))), layout.flatten(b)), shape)


def lstsq(a: ArrayLike, b: ArrayLike, rcond: Any = None) -> Any:
    """np.linalg.lstsq: the solution of least squares, by the pseudo-inverse; residuals, rank, singular values."""
    a, b = lift(a, "lstsq"), lift(b, "lstsq")
    m, n = a.shape
    rtol = np.finfo(a.dtype).eps * max(m, n) if rcond is None else max(float(rcond), 0.0)
    values = linalg.svdvals(a)
    rank = norms.matrix_rank(a, rtol)
    full = whole(rank._data) == n
    if np.any(full) != np.all(full):
        raise ShapeError(
            "lstsq: the matrices of a batch must have residuals all, or none; got some of full rank; use pinv(a) @ b"
        )
    x = contract.matmul(linalg.pinv(a, rtol), b)
    off = layout.reshape(b - contract.matmul(a, x), (m, -1))
    residuals = reduce.sum(off * off, 0) if np.all(full) and n < m else lift(np.zeros(0, a.dtype))
    return x, residuals, rank if isinstance(rank._data, BatchedArray) else rank.item(), values


def multi_dot(arrays: Any) -> Any:
    """np.linalg.multi_dot: in the cheapest order, which is found from the shapes (Cormen et al., chapter 15)."""
    xs = [lift(x, "multi_dot") for x in arrays]
    if len(xs) < 2:
        raise ShapeError(f"multi_dot: needs two arrays or more; got {len(xs)}; use the array itself")
    row, column = xs[0].ndim == 1, xs[-1].ndim == 1
    xs[0] = layout.reshape(xs[0], (1, -1)) if row else xs[0]
    xs[-1] = layout.reshape(xs[-1], (-1, 1)) if column else xs[-1]
    n, d = len(xs), [*(x.shape[0] for x in xs), xs[-1].shape[1]]
    cost, cut = {(i, i): 0 for i in range(n)}, {}
    for width in range(1, n):
        for i in range(n - width):
            j = i + width
            costs = [cost[i, k] + cost[k + 1, j] + d[i] * d[k + 1] * d[j + 1] for k in range(i, j)]
            cost[i, j] = min(costs)
            cut[i, j] = i + costs.index(min(costs))

    def product(i: int, j: int) -> Any:
        return xs[i] if i == j else contract.matmul(product(i, cut[i, j]), product(cut[i, j] + 1, j))

    y = product(0, n - 1)
    return layout.reshape(y, y.shape[row : 2 - column])


def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    """np.apply_over_axes: one axis after the other, which are kept."""
    a = lift(a, "apply_over_axes")
    for axis in np.ravel(axes).tolist():
        y = lift(func(a, axis))
        a = y if y.ndim == a.ndim else layout.expand_dims(y, axis)
    return a


def compress(condition: Any, a: Any, axis: Any = None) -> Any:
    """np.compress: what stands where the condition holds."""
    a = layout.flatten(lift(a, "compress")) if axis is None else lift(a, "compress")
    return indexing.take(a, np.flatnonzero(value(lift(condition, "compress"))), axis or 0)


def extract(condition: Any, arr: Any) -> Any:
    """np.extract."""
    return compress(layout.flatten(lift(condition, "extract")), arr)


def resize(a: Any, new_shape: Any) -> Any:
    """np.resize: the entries again and again, as many as there is room for."""
    a = lift(a, "resize")
    return _picked(a, np.resize(_places(a), new_shape))


def sliding_window_view(x: Any, window_shape: Any, axis: Any = None) -> Any:
    """np.lib.stride_tricks.sliding_window_view: the windows along some axes, each window along new last ones."""
    x = lift(x, "sliding_window_view")
    return _picked(x, np.lib.stride_tricks.sliding_window_view(_places(x), window_shape, axis))


def diagflat(v: Any, k: int = 0) -> Any:
    """np.diagflat."""
    v = layout.flatten(lift(v, "diagflat"))
    return elementwise.where(np.diagflat(np.ones(v.size, bool), k), _picked(v, np.diagflat(_places(v), k)), 0)


def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """np.rollaxis."""
    a = lift(a, "rollaxis")
    axis, start = normal_axis("rollaxis", axis, a.ndim), start + a.ndim if start < 0 else start
    return layout.moveaxis(a, axis, start - (start > axis))


STATISTICS: dict[str, Any] = {
    "maximum": reduce.max,
    "minimum": reduce.min,
    "mean": reduce.mean,
    "median": statistics.median,
}


def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """np.pad; what is added may also be a statistic along the axis, or a ramp to `end_values`."""
    known = {"linear_ramp": "end_values", "constant": "constant_values"}.get(mode)
    if set(kwargs) - {known}:
        raise TypeError(f"np.pad: mode {mode!r} takes {known or 'nothing more'}; got {sorted(kwargs)}; leave it out")
    if mode not in STATISTICS and mode != "linear_ramp":
        return layout.pad(array, pad_width, mode, **kwargs)
    x = lift(array, "pad")
    widths = np.broadcast_to(np.asarray(pad_width), (x.ndim, 2)).tolist()
    ends = np.broadcast_to(np.asarray(kwargs.get("end_values", 0)), (x.ndim, 2)).tolist()
    for axis, (before, after) in enumerate(widths):
        around = (slice(None),) * axis
        if mode in STATISTICS:
            first = last = STATISTICS[mode](x, axis=axis, keepdims=True)
            if x.dtype.kind in "iu":
                first = last = elementwise.round(first).astype(x.dtype)
            parts = [joining.repeat(first, before, axis), x, joining.repeat(last, after, axis)]
        else:
            low, high = ends[axis]
            shape = (-1,) + (1,) * (x.ndim - 1 - axis)
            up, down = ((np.arange(n) / max(n, 1)).reshape(shape).astype(x.dtype) for n in (before, after))
            begin, end = x[(*around, slice(0, 1))], x[(*around, slice(-1, None))]
            parts = [low + (begin - low) * up, x, high + (end - high) * np.flip(down, 0)]
        x = joining.concat(parts, axis)
    return x
