"""Picking, sorting and searching."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..engine import Variable
from ..errors import DTypeError, ShapeError
from .common import lift, normal_axis, spelled

if TYPE_CHECKING:
    from ..tensor import Tensor


def split_index(key: Any) -> tuple[tuple[Any, ...], list[Any]]:
    """An index as users write it: the tuple with `ARRAY` for each array in it, and the arrays."""
    index: list[Any] = []
    arrays: list[Any] = []
    for k in key if isinstance(key, tuple) else (key,):
        if k is None or k is Ellipsis or isinstance(k, slice):
            index.append(k)
        elif isinstance(k, int | np.integer) and not isinstance(k, bool | np.bool):
            index.append(int(k))
        else:
            array: Any = k if isinstance(k, Variable) else np.asarray(k)
            if array.size == 0 and isinstance(k, list):
                array = array.astype(np.intp)
            if array.dtype.kind not in "iub":
                raise DTypeError(
                    f"getitem: an index must be integers, slices or truth values; got {array.dtype}; "
                    "use .astype('int64')"
                )
            index.append(ops.ARRAY)
            arrays.append(array)
    return tuple(index), arrays


def take(x: Any, indices: Any, axis: int | None = None, *, dim: int | None = None) -> Tensor:
    """The entries at `indices` along `axis`; of the flattened tensor for None."""
    axis = axis if dim is None else spelled("take", axis, None, dim)
    x = lift(x, "take")
    if axis is None:
        x, axis = x.reshape(-1), 0
    index = _integers("take", indices)
    axis = normal_axis("take", axis, x.ndim)
    return ops.getitem(x, index, index=(slice(None),) * axis + (ops.ARRAY,))


def take_along_axis(x: Any, indices: Any, axis: int = -1, *, dim: int | None = None) -> Tensor:
    """y[i, j] = x[indices[i, j], j] for axis 0, and so on: as `argsort` and `argmax` index."""
    axis = axis if dim is None else spelled("take_along_axis", axis, -1, dim)
    x, index = lift(x, "take_along_axis"), _integers("take_along_axis", indices)
    if x.ndim != index.ndim:
        raise ShapeError(
            f"take_along_axis: indices must have as many axes as the tensor; got {index.shape} for "
            f"{x.shape}; use take, or expand_dims on the indices"
        )
    return ops.take_along_axis(x, index, axis=normal_axis("take_along_axis", axis, x.ndim))


def _integers(who: str, indices: Any) -> Any:
    index: Any = indices if isinstance(indices, Variable) else np.asarray(indices)
    if index.dtype.kind not in "iu" and index.size:
        raise DTypeError(f"{who}: indices must be integers; got {index.dtype}; use .astype('int64')")
    return index.astype(np.intp)


def argsort(x: Any, axis: int = -1, descending: bool = False, stable: bool = True, *, dim: int | None = None) -> Tensor:
    """The indices that sort `x` along `axis`; equal entries keep their order."""
    axis = axis if dim is None else spelled("argsort", axis, -1, dim)
    x = lift(x, "argsort")
    return ops.argsort(x, axis=normal_axis("argsort", axis, x.ndim), descending=bool(descending))


def sort(x: Any, axis: int = -1, descending: bool = False, stable: bool = True, *, dim: int | None = None) -> Tensor:
    """`x` sorted along `axis`; each entry's gradient goes back to where it came from."""
    axis = axis if dim is None else spelled("sort", axis, -1, dim)
    x = lift(x, "sort")
    axis = normal_axis("sort", axis, x.ndim)
    return take_along_axis(x, argsort(x, axis, descending), axis)


def topk(x: Any, k: int, axis: int = -1, largest: bool = True, *, dim: int | None = None) -> tuple[Tensor, Tensor]:
    """The `k` largest (or smallest) entries along `axis`, sorted, and their indices."""
    axis = axis if dim is None else spelled("topk", axis, -1, dim)
    x = lift(x, "topk")
    axis = normal_axis("topk", axis, x.ndim)
    if not 0 <= k <= x.shape[axis]:
        raise ShapeError(f"topk: k must be from 0 to {x.shape[axis]}, the axis's length; got {k}; use a smaller k")
    places = argsort(x, axis, descending=largest)[(slice(None),) * axis + (slice(0, k),)]
    return take_along_axis(x, places, axis), places


def searchsorted(x1: Any, x2: Any, side: str = "left", sorter: Any = None) -> Tensor:
    """Where to insert each entry of `x2` into the sorted `x1` so that it stays sorted."""
    x1 = lift(x1, "searchsorted")
    return ops.searchsorted(x1 if sorter is None else take(x1, sorter, 0), lift(x2), side=side)


def nonzero(x: Any) -> tuple[Tensor, ...]:
    """The indices of the entries that are not 0, one tensor for each axis."""
    return tuple(lift(k) for k in np.nonzero(lift(x, "nonzero")._data))


def unique_values(x: Any) -> Tensor:
    """The different values in `x`, ascending; a gradient goes to where each stands first."""
    x = lift(x, "unique_values").reshape(-1)
    return take(x, np.unique(x._data, return_index=True)[1])
