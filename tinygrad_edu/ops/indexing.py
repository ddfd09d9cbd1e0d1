"""Picking entries, and its adjoint: adding them into zeros at the places they were picked from.

Index arrays are inputs, not attributes: they are data, and may change from call to call. In the
attribute `index`, `ARRAY` marks where each of them belongs.
"""

import math
from typing import Any

import numpy as np

from ..batched import beside, pick, whole
from ..domain import INTEGER, REAL, SORTED
from ..op import Each, Op
from ..sums import BLOCK, WIDER, in_single
from .elementwise import where

__all__ = [
    "ARRAY", "argsort", "argtop", "getitem", "put", "put_along_axis", "searchsorted", "setitem",
    "take_along_axis",
]  # fmt: skip


class _Array:
    """The place of an index array in an index; a singleton, so that attributes compare."""

    def __repr__(self) -> str:
        return "array"

    def __reduce__(self) -> str:
        return "ARRAY"


ARRAY = _Array()


def filled(index: tuple[Any, ...], arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    """The index with its arrays in place."""
    left = iter(arrays)
    return tuple(next(left) if k is ARRAY else k for k in index)


def _pick(x: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    if x.__class__ is np.ndarray and all(a.__class__ is np.ndarray for a in arrays):
        return x[filled(index, arrays) if arrays else index]
    return pick(x, filled(index, arrays))


@in_single
def _put(g: Any, *arrays: Any, shape: tuple[int, ...], index: tuple[Any, ...]) -> Any:
    g = beside(g, arrays)
    if arrays:  # an entry picked twice receives twice
        return _added(g, filled(index, arrays), shape)
    x = np.zeros_like(g, order="C", shape=shape)
    x[index] = g
    return x


def _added(g: Any, index: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """Zeros to which `g` is added at `index`; in a wider dtype where an entry receives many times."""
    if not (isinstance(g, np.ndarray) and all(map(_numbers_only, index))):
        wide = WIDER.get(g.dtype, g.dtype) if g.size > BLOCK else g.dtype
        x = np.zeros_like(g, order="C", shape=shape, dtype=wide)
        np.add.at(x, index, g.astype(wide, copy=False))
        return x.astype(g.dtype, copy=False)
    # by places in the flat array, where `index` picks whole rows: NumPy is several times as fast with one index
    rows = np.ravel_multi_index(index, shape[: len(index)], mode="wrap")  # negative ones count from the end
    tail = math.prod(shape[len(index) :])
    places = (rows[..., None] * tail + np.arange(tail)).reshape(-1)
    if g.dtype.kind == "f" and rows.size > BLOCK and np.bincount(rows.reshape(-1)).max() > BLOCK:
        return np.bincount(places, g.reshape(-1), math.prod(shape)).reshape(shape).astype(g.dtype, copy=False)
    x = np.zeros_like(g, order="C", shape=shape)
    np.add.at(x.reshape(-1), places, g.reshape(-1))
    return x


def _add_picked(total: Any, g: Any, *arrays: Any, index: tuple[Any, ...]) -> None:
    """Add the gradient of `x[index]` into that of `x`: T slices of T rows cost as much as one sum over them."""
    if arrays and g.size > BLOCK:
        total += _put(g, *arrays, shape=total.shape, index=index)
    elif arrays:
        np.add.at(total, filled(index, arrays), g)
    else:
        total[index] += g


def _numbers_only(k: Any) -> bool:
    return isinstance(k, np.ndarray) and k.dtype.kind in "iu"


def _some_index(rng: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    kinds = [
        slice(None), slice(None, None, -1), slice(0, 1), slice(1, None), 0, -1,
    ]  # fmt: skip
    index: list[Any] = [kinds[int(rng.integers(len(kinds)))] for _ in shape]
    index.insert(int(rng.integers(len(shape) + 1)), None)
    return {"index": tuple(index)}


getitem = Op(
    "getitem",
    _pick,
    Each(lambda i: _from_picked if i == 0 else None),
    kind="index", view=True, linear=True, attributes=_some_index, add=_add_picked,
    latex="#1_{[#index]}",
    doc="`x[index]`, with NumPy's basic and advanced indexing.",
)  # fmt: skip


def _from_picked(g: Any, y: Any, x: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    return put(g, *arrays, shape=x.shape, index=index)


put = Op(
    "put",
    _put,
    Each(lambda i: _from_put if i == 0 else None),
    kind="index", linear=True,
    attributes=lambda rng, shape: {
        "shape": tuple(n + 2 for n in shape),
        "index": tuple(slice(int(k), int(k) + n) for n, k in zip(shape, rng.integers(3, size=len(shape)), strict=True)),
    },
    doc="Zeros of `shape` to which the input is added at `index`.",
)  # fmt: skip


def _from_put(g: Any, y: Any, x: Any, *arrays: Any, shape: Any, index: tuple[Any, ...]) -> Any:
    return getitem(g, *arrays, index=index)


def _setitem(x: Any, value: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    x = np.copy(beside(x, (value, *arrays)))
    x[filled(index, arrays)] = value
    return x


def _kept(g: Any, y: Any, x: Any, value: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    return setitem(g, 0, *arrays, index=index)


def _written(g: Any, y: Any, x: Any, value: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    gv = getitem(g, *arrays, index=index)
    if not arrays:
        return gv
    # an entry that is written several times keeps the last value, and only that has a gradient:
    # write numbers in place of the values, and see which of them can be read again
    numbers = np.arange(math.prod(gv.shape)).reshape(gv.shape)
    last = getitem(setitem(np.zeros(x.shape, np.intp), numbers, *arrays, index=index), *arrays, index=index)
    return where(last == numbers, gv, 0)


setitem = Op(
    "setitem",
    _setitem,
    Each(lambda i: (_kept, _written)[i] if i < 2 else None),
    kind="write", linear=True, signature="(n),()->(n)", domain=(REAL, REAL),
    attributes=lambda rng, shape: {"index": (*(slice(0, 1) for _ in shape[1:]), slice(None, None, 2))},
    must="the value must broadcast into the place that the index names",
    doc="A copy of `x` in which `value` stands at `index`.",
)  # fmt: skip


def _argsort(x: Any, axis: int, descending: bool) -> Any:
    if not descending:
        return np.argsort(x, axis=axis, stable=True)
    last = x.shape[axis] - 1  # the other way round, twice: equal entries keep their order
    return last - np.flip(np.argsort(np.flip(x, axis), axis=axis, stable=True), axis)


def some_axis(rng: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    """Attributes of an op that works along one axis."""
    return {"axis": int(rng.integers(len(shape)))}


@in_single
def _put_along(g: Any, indices: Any, *, shape: tuple[int, ...], axis: int) -> Any:
    g = beside(g, (indices,))
    grid = [np.arange(n).reshape((-1,) + (1,) * (len(shape) - i - 1)) for i, n in enumerate(shape)]
    places = tuple(indices if i == axis else grid[i] for i in range(len(shape)))
    return _added(g, places, shape)


take_along_axis = Op(
    "take_along_axis",
    lambda x, indices, *, axis: np.take_along_axis(x, indices, axis=axis),
    (lambda g, y, x, indices, *, axis: put_along_axis(g, indices, shape=x.shape, axis=axis), None),
    kind="index", linear=True, attributes=some_axis, signature="(n),(n)->(n)", domain=(REAL, INTEGER),
    doc="`y[i, j] = x[indices[i, j], j]` for axis 0, and so on.",
)  # fmt: skip
put_along_axis = Op(
    "put_along_axis",
    _put_along,
    (lambda g, y, x, indices, *, shape, axis: take_along_axis(g, indices, axis=axis), None),
    kind="index", linear=True, signature="(n),(n)->(n)", domain=(REAL, INTEGER),
    attributes=lambda rng, shape: some_axis(rng, shape) | {"shape": shape},
    doc="Zeros of `shape` to which the input is added at `indices` along `axis`.",
)  # fmt: skip
argsort = Op(
    "argsort",
    lambda x, *, axis, descending: _argsort(x, axis, descending),
    kind="index", attributes=lambda rng, shape: some_axis(rng, shape) | {"descending": False},
    doc="The indices that sort along `axis`; equal entries keep their order.",
)  # fmt: skip


BLOCKS = 64  # entries of a long row of which the extreme one is looked at first


def _unsorted_top(x: Any, k: int, axis: int, largest: bool) -> Any:
    """The indices of `k` largest (or smallest) entries. Of a long row, they stand in the `k` blocks whose extreme
    entries are the most extreme ones."""
    n, last = x.shape[axis], axis == x.ndim - 1
    if x.__class__ is np.ndarray and last and n % BLOCKS == 0 and 4 * k * BLOCKS < n:
        rows = x.reshape(-1, n // BLOCKS, BLOCKS)
        tops = _partitioned((np.max if largest else np.min)(rows, axis=2), k, 1, largest)
        found = np.take_along_axis(rows, tops[..., None], axis=1).reshape(len(rows), -1)
        places = _partitioned(found, k, 1, largest)
        places = np.take_along_axis(tops, places // BLOCKS, axis=1) * BLOCKS + places % BLOCKS
        return places.reshape(*x.shape[:-1], k)
    return _partitioned(x, k, axis, largest)


def _partitioned(x: Any, k: int, axis: int, largest: bool) -> Any:
    n = x.shape[axis]
    places = np.argpartition(x, n - k if largest else k - 1, axis=axis)
    return places[((slice(None),) * axis + (slice(n - k, None) if largest else slice(0, k),))]


def _argtop(x: Any, *, k: int, axis: int, largest: bool) -> Any:
    n = x.shape[axis]
    cut = (slice(None),) * axis
    if 0 < k < n:
        places = np.sort(_unsorted_top(x, k, axis, largest), axis=axis)
        chosen = np.take_along_axis(x, places, axis=axis)
        edge = (np.min if largest else np.max)(chosen, axis=axis, keepdims=True)
        left_out = np.count_nonzero(x == edge, axis=axis) - np.count_nonzero(chosen == edge, axis=axis)
        if not whole(left_out).any() and not whole(edge != edge).any():  # else equal ones were chosen by chance
            return np.take_along_axis(places, _argsort(chosen, axis, largest), axis=axis)
    return _argsort(x, axis, largest)[(*cut, slice(0, k))]


argtop = Op(
    "argtop",
    _argtop,
    kind="index", attributes=lambda rng, shape: some_axis(rng, shape) | {"k": 1, "largest": bool(rng.random() < 0.5)},
    doc="The indices of the `k` largest (or smallest) entries along `axis`, sorted; equal entries keep their order.",
)  # fmt: skip
searchsorted = Op(
    "searchsorted",
    lambda x, v, *, side: np.searchsorted(x, v, side=side),
    kind="index", signature="(n),(k)->(k)", domain=(SORTED, REAL), attributes=lambda rng, shape: {"side": "left"},
    doc="Where to insert `v` into the sorted `x` to keep it sorted.",
)  # fmt: skip
