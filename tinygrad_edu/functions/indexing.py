"""Picking, sorting and searching."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..annotations import Array, ArrayLike
from ..arrays import to_array
from ..batched import whole
from ..engine import Variable
from ..errors import DTypeError, ShapeError
from ..values import require, value
from .arguments import lift, normal_axis, spelled
from .calls import own_keywords
from .layout import broadcast_to, moveaxis, reshape
from .settings import Size, refused, settings

if TYPE_CHECKING:
    from ..tensor import Tensor


def split_index(key: ArrayLike) -> tuple[tuple[Any, ...], list[Any]]:
    """An index as users write it: the tuple with `ARRAY` for each array in it, and the arrays."""
    index: list[Any] = []
    arrays: list[Any] = []
    for k in key if isinstance(key, tuple) else (key,):
        if isinstance(k, slice):
            index.append(slice(*(_bound(b) for b in (k.start, k.stop, k.step))))
        elif k is None or k is Ellipsis:
            index.append(k)
        elif isinstance(k, int | np.integer) and not isinstance(k, bool | np.bool):
            index.append(int(k))
        else:
            # an array of another kind, as within `vmap` or a program that is written down, stays what it is
            array: Any = k if isinstance(k, Variable) or hasattr(k, "__array_function__") else _places(k)
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


def _places(k: object) -> Any:
    """What stands for places in an index, as an array."""
    try:
        return np.asarray(k)
    except (ValueError, TypeError, OverflowError, RecursionError, AttributeError) as error:
        raise refused("getitem", "an index", f"integers, slices or truth values ({error})", k, "x[[0, 1]]") from None


def _bound(b: Any) -> int | None:
    """A bound of a slice as a number of its own: an array of no axes could be written into afterwards."""
    if b is None or b.__class__ is int:
        return b
    try:
        return operator.index(b)
    except TypeError:
        raise DTypeError(f"getitem: a slice must have integers for bounds; got {b!r}; use x[int(i):]") from None


@settings
def take(x: ArrayLike, indices: ArrayLike, axis: int | None = None, *, dim: int | None = None) -> Tensor:
    """The entries at `indices` along `axis`; of the flattened tensor for None.

    >>> import tinygrad_edu as tg
    >>> tg.take([[1, 2, 3], [4, 5, 6]], [2, 0], axis=1).tolist()
    [[3, 1], [6, 4]]
    """
    axis = axis if dim is None else spelled("take", axis, None, dim)
    x = lift(x, "take")
    if axis is None:
        x, axis = x.reshape(-1), 0
    index = _integers("take", indices)
    axis = normal_axis("take", axis, x.ndim)
    return ops.getitem(x, index, index=(slice(None),) * axis + (ops.ARRAY,))


@settings
def take_along_axis(x: ArrayLike, indices: ArrayLike, axis: int = -1, *, dim: int | None = None) -> Tensor:
    """y[i, j] = x[indices[i, j], j] for axis 0, and so on: as `argsort` and `argmax` index.

    Errors: a ShapeError unless `indices` has as many axes as `x`.

    >>> import tinygrad_edu as tg
    >>> x = tg.asarray([[3, 1], [2, 4]])
    >>> tg.take_along_axis(x, tg.argmax(x, axis=1, keepdims=True), axis=1).tolist()
    [[3], [4]]
    """
    axis = axis if dim is None else spelled("take_along_axis", axis, -1, dim)
    x, index = lift(x, "take_along_axis"), _integers("take_along_axis", indices)
    if x.ndim != index.ndim:
        raise ShapeError(
            f"take_along_axis: indices must have as many axes as the tensor; got {index.shape} for "
            f"{x.shape}; use take, or expand_dims on the indices"
        )
    return ops.take_along_axis(x, index, axis=normal_axis("take_along_axis", axis, x.ndim))


@settings
def gather(
    input: ArrayLike, axis: int | None = None, index: ArrayLike | None = None, *, dim: int | None = None
) -> Tensor:
    """y[i, j] = input[index[i, j], j] for axis 0, and so on, for all of `index`, which may be smaller than `input` but
    along `axis`: PyTorch's `gather`, with its order of arguments. `dim` is PyTorch's name of `axis`.

    Errors: a ShapeError where `index` has other axes than `input`, or is longer along one of the others.

    >>> import tinygrad_edu as tg
    >>> tg.gather(tg.asarray([[1.0, 2.0], [3.0, 4.0]]), 1, [[1], [0]]).tolist()
    [[2.0], [3.0]]
    """
    axis = axis if dim is None else spelled("gather", axis, None, dim)
    x, places = lift(input, "gather"), _integers("gather", index)
    if not x.ndim and places.ndim < 2:  # a number is a row of one, as in PyTorch
        return reshape(gather(x.reshape(1), axis, places.reshape(-1)), places.shape)
    axis = normal_axis("gather", axis, x.ndim)
    if x.ndim != places.ndim or any(k > n for i, (k, n) in enumerate(zip(places.shape, x.shape)) if i != axis):
        raise ShapeError(
            f"gather: index must have the axes of the input, no longer but along axis {axis}; got {places.shape} for "
            f"{x.shape}; use take for whole rows"
        )
    x = x[tuple(slice(None) if i == axis else slice(k) for i, k in enumerate(places.shape))]
    return ops.take_along_axis(x, places, axis=axis)


@own_keywords
def scatter_add(
    input: ArrayLike,
    axis: int | None = None,
    index: ArrayLike | None = None,
    src: ArrayLike | None = None,
    *,
    dim: int | None = None,
) -> Tensor:
    """`input` with `src` added at `index` along `axis`; what is added to one place several times, is summed.

    y[index[i, j], j] += src[i, j] for axis 0, y[i, index[i, j]] += src[i, j] for axis 1, and so on, for all of
    `index`, which may be smaller than `src` and, but along `axis`, than `input`. A scalar `src` is added everywhere.
    `dim` is PyTorch's name of `axis`. Errors: a ShapeError for an `index` that is larger.

    >>> import tinygrad_edu as tg
    >>> tg.scatter_add(tg.zeros(3), 0, [0, 2, 2], tg.asarray([1.0, 2.0, 3.0])).tolist()
    [1.0, 0.0, 5.0]
    """
    axis, index, added = _given("scatter_add", axis=axis if dim is None else dim, index=index, src=src)
    input, src, places = lift(input, "scatter_add"), lift(added, "scatter_add"), _integers("scatter_add", index)
    if not input.ndim and max(src.ndim, places.ndim) < 2:
        return reshape(scatter_add(input.reshape(1), axis, places.reshape(-1), src.reshape(-1)), ())
    axis = normal_axis("scatter_add", axis, input.ndim)
    src = broadcast_to(src, places.shape) if src.ndim == 0 else src
    room = tuple(n if i == axis else min(n, m) for i, (n, m) in enumerate(zip(src.shape, input.shape, strict=False)))
    if not len(places.shape) == input.ndim == src.ndim or any(n > m for n, m in zip(places.shape, room, strict=True)):
        raise ShapeError(
            f"scatter_add: index must fit into src, and into input but along axis {axis}; got {places.shape}, src "
            f"{src.shape} and input {input.shape}; cut index, or use index_add for one index for each row"
        )
    _within("scatter_add", places, input.shape[axis])
    if places.shape != src.shape:
        src = src[tuple(slice(0, n) for n in places.shape)]
    shape = (*places.shape[:axis], input.shape[axis], *places.shape[axis + 1 :])
    added = ops.put_along_axis(src, places, shape=shape, axis=axis)
    if shape != input.shape:
        added = ops.pad(added, width=tuple((0, m - n) for n, m in zip(shape, input.shape, strict=True)), value=0.0)
    return ops.add(input, added)


@own_keywords
def index_add(
    input: ArrayLike,
    axis: int | None = None,
    index: ArrayLike | None = None,
    source: ArrayLike | None = None,
    alpha: float = 1,
    *,
    dim: int | None = None,
) -> Tensor:
    """`input` with `alpha` times the rows of `source` added to the rows that `index` names, along `axis`.

    y[index[i], j] += alpha * source[i, j] for axis 0, and so on; a row that is named several times receives the sum.
    `dim` is PyTorch's name of `axis`.
    Errors: a ShapeError unless `index` has one axis, and `source` a row for each entry of it.

    >>> import tinygrad_edu as tg
    >>> tg.index_add(tg.zeros((2, 2)), 0, [1, 1], tg.ones((2, 2)), alpha=3).tolist()
    [[0.0, 0.0], [6.0, 6.0]]
    """
    axis, index, added = _given("index_add", axis=axis if dim is None else dim, index=index, source=source)
    input, source, places = lift(input, "index_add"), lift(added, "index_add"), _integers("index_add", index)
    if not input.ndim and source.ndim < 2:
        return reshape(index_add(input.reshape(1), axis, places.reshape(-1), source.reshape(-1), alpha), ())
    axis = normal_axis("index_add", axis, input.ndim)
    places = places.reshape(-1) if len(places.shape) == 0 else places
    shape = (*input.shape[:axis], *places.shape, *input.shape[axis + 1 :])
    if len(places.shape) != 1 or source.shape != shape:
        raise ShapeError(
            f"index_add: index must have one axis, and source the shape of input but along axis {axis}, there one row "
            f"for each index; got index {places.shape}, source {source.shape} and input {input.shape}; use scatter_add "
            "for an index for each entry"
        )
    _within("index_add", places, input.shape[axis])
    rows = moveaxis(source if _is_one(alpha) else source * alpha, axis, 0)
    room = (input.shape[axis], *rows.shape[1:])
    return ops.add(input, moveaxis(ops.put(rows, places, shape=room, index=(ops.ARRAY,)), 0, axis))


@settings
def bincount(x: ArrayLike, weights: ArrayLike | None = None, minlength: Size = 0) -> Tensor:
    """How often each of 0, 1, ... stands in `x`; with `weights`, the sums of the weights that belong to each.

    Errors: a ValueError unless `x` is one axis of integers from 0; a ShapeError for weights of another shape.

    >>> import tinygrad_edu as tg
    >>> tg.bincount([0, 2, 2], weights=tg.asarray([1.0, 2.0, 3.0])).tolist()
    [1.0, 0.0, 5.0]
    """
    places = lift(_integers("bincount", x))
    least = whole(places._data).min(initial=0)
    if places.ndim != 1 or least < 0:
        raise ValueError(
            f"bincount: x must be one axis of integers, none negative; got {least if least < 0 else places.shape}; "
            "use reshape(-1), or subtract the smallest"
        )
    n = max(minlength, int(whole(places._data).max(initial=-1)) + 1)
    values = broadcast_to(1, places.shape) if weights is None else lift(weights, "bincount")
    if values.shape != places.shape:
        raise ShapeError(
            f"bincount: weights must have the shape of x; got {values.shape} for {places.shape}; use index_add for rows"
        )
    if weights is not None and values.dtype.kind not in "fc":  # as NumPy and PyTorch have it
        values = values.astype(np.float64)
    return ops.put(values, places, shape=(n,), index=(ops.ARRAY,))


def _given(who: str, **arguments: object) -> tuple[Any, ...]:
    """The arguments, none of which may be left out."""
    missing = [name for name, value in arguments.items() if value is None]
    if missing:
        raise TypeError(f"{who}: needs {', '.join(arguments)}; got no {missing[0]}; see help(tg.{who})")
    return tuple(arguments.values())


def _is_one(alpha: object) -> bool:
    return isinstance(alpha, int | float) and alpha == 1


def _within(who: str, index: Array, n: int) -> None:
    """Raise for an index that an axis of length `n` does not have."""

    def check(values: Array) -> None:
        if values.size and not -n <= values.min() <= values.max() < n:
            raise IndexError(
                f"{who}: an index must be from {-n} to {n - 1}; got {values.min()} to {values.max()}; make the input "
                "longer"
            )

    require(value(index) if isinstance(index, Variable) else index, check)


def _integers(who: str, indices: object) -> Any:
    index: Any = indices if isinstance(indices, Variable) else to_array(indices, who=who)
    if index.dtype.kind not in "iu" and index.size:
        given = index.dtype if hasattr(indices, "dtype") else np.asarray(indices).dtype
        raise DTypeError(f"{who}: indices must be integers; got {given}; use .astype('int64')")
    return index.astype(np.intp)


@settings
def argsort(
    x: ArrayLike, axis: int = -1, descending: bool = False, stable: bool = True, *, dim: int | None = None
) -> Tensor:
    """The indices that sort `x` along `axis`; equal entries keep their order.

    >>> import tinygrad_edu as tg
    >>> tg.argsort([30, 10, 20]).tolist()
    [1, 2, 0]
    """
    axis = axis if dim is None else spelled("argsort", axis, -1, dim)
    x = lift(x, "argsort")
    return ops.argsort(x, axis=normal_axis("argsort", axis, x.ndim), descending=bool(descending))


@settings
def sort(
    x: ArrayLike, axis: int = -1, descending: bool = False, stable: bool = True, *, dim: int | None = None
) -> Tensor:
    """`x` sorted along `axis`; each entry's gradient goes back to where it came from.

    PyTorch's `sort(dim=)` gives places as well, so `dim` is refused: use `axis`, and `argsort` for the places.

    >>> import tinygrad_edu as tg
    >>> tg.sort([3, 1, 2]).tolist(), tg.sort([3, 1, 2], descending=True).tolist()
    ([1, 2, 3], [3, 2, 1])
    """
    axis = axis if dim is None else spelled("sort", axis, -1, dim)
    x = lift(x, "sort")
    axis = normal_axis("sort", axis, x.ndim)
    return take_along_axis(x, argsort(x, axis, descending), axis)


@settings
def topk(
    x: ArrayLike, k: int, axis: int = -1, largest: bool = True, sorted: bool = True, *, dim: int | None = None
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The `k` largest (or smallest) entries along `axis`, and their indices: sorted, also where they need not be.

    Errors: a ShapeError unless `k` is from 0 to the length of the axis.

    >>> import tinygrad_edu as tg
    >>> entries, places = tg.topk([3, 1, 2], 2)
    >>> entries.tolist(), places.tolist()
    ([3, 2], [0, 2])
    """
    axis = axis if dim is None else spelled("topk", axis, -1, dim)
    x = lift(x, "topk")
    if not x.ndim:
        entries, places = topk(x.reshape(1), k, axis, largest)
        return (reshape(entries, ()), reshape(places, ())) if k else (entries, places)
    axis = normal_axis("topk", axis, x.ndim)
    if not 0 <= k <= x.shape[axis]:
        raise ShapeError(f"topk: k must be from 0 to {x.shape[axis]}, the axis's length; got {k}; use a smaller k")
    places = ops.argtop(x, k=k, axis=axis, largest=largest)
    return take_along_axis(x, places, axis), places


@settings
def searchsorted(
    x1: ArrayLike, x2: ArrayLike, side: str = "left", sorter: ArrayLike | None = None, *, right: bool | None = None
) -> Tensor:  # fmt: skip
    """Where to insert each entry of `x2` into the sorted `x1` so that it stays sorted.

    `side` says whether before ("left") or after ("right") equal entries, as PyTorch's `right` does;
    `sorter` is the argsort of an unsorted `x1`.

    >>> import tinygrad_edu as tg
    >>> tg.searchsorted([1, 2, 4], [2, 3]).tolist(), tg.searchsorted([1, 2, 4], [2, 3], side="right").tolist()
    ([1, 2], [2, 2])
    """
    x1 = lift(x1, "searchsorted")
    if right is not None:
        side = "right" if right else spelled("searchsorted", side, "left", "left")
    return ops.searchsorted(x1 if sorter is None else take(x1, sorter, 0), lift(x2), side=side)


@settings
def nonzero(x: ArrayLike, *, as_tuple: bool = True) -> Any:
    """The indices of the entries that are not 0, one tensor for each axis; in one tensor, an entry in each row, for
    `as_tuple` False, PyTorch's default.

    Errors: a ShapeError for a scalar.

    >>> import tinygrad_edu as tg
    >>> rows, columns = tg.nonzero([[1, 0], [0, 2]])
    >>> rows.tolist(), columns.tolist()
    ([0, 1], [0, 1])
    """
    x = lift(x, "nonzero")
    if not x.ndim:
        raise ShapeError("nonzero: the tensor must have an axis; got a scalar; use reshape(-1)")
    places = np.nonzero(x._data)
    return tuple(lift(k) for k in places) if as_tuple else lift(np.stack(places, -1))


@own_keywords
def unique_values(x: ArrayLike) -> Tensor:
    """The different values in `x`, ascending, each nan by itself; a gradient goes to where each stands first.

    >>> import tinygrad_edu as tg
    >>> tg.unique_values([3, 1, 3, 2]).tolist()
    [1, 2, 3]
    """
    x = lift(x, "unique_values").reshape(-1)
    return take(x, np.unique(x._data, return_index=True, equal_nan=False)[1])
