"""Functions that rearrange entries without computing with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..annotations import ArrayLike
from ..errors import AxisError, ShapeError
from .arguments import Axis, lift, normal_axes, normal_axis, normal_shape, number, spelled, unpacked
from .calls import own_keywords
from .settings import integer, settings, several, truth

if TYPE_CHECKING:
    from ..tensor import Tensor


@own_keywords
def reshape(x: ArrayLike, *dims: Any, shape: Any = None, copy: bool | None = None) -> Tensor:
    """The same entries in another shape; one length may be -1, to be worked out.

    No entries are copied where that can be; with `copy` True they always are, False refuses a shape that needs it.
    Errors: a ShapeError for a shape of another number of entries.

    >>> import tinygrad_edu as tg
    >>> tg.reshape(tg.arange(6), (2, -1)).shape
    (2, 3)
    """
    x = lift(x, "reshape")
    wanted = normal_shape("reshape", shape if shape is not None else dims[0] if len(dims) == 1 else dims)
    size, known = math.prod(x.shape), math.prod(n for n in wanted if n != -1)
    if wanted.count(-1) == 1 and known and size % known == 0:
        wanted = tuple(size // known if n == -1 else n for n in wanted)
    if math.prod(wanted) != size or min(wanted, default=0) < 0:
        raise ShapeError(
            f"reshape: the new shape must have the {size} entries of {x.shape}; got {wanted}; "
            "use -1 for one length to be worked out"
        )
    if copy is False:
        try:
            np.reshape(np.asarray(x._data), wanted, copy=False)
        except ValueError:
            raise ShapeError(
                f"reshape: with copy=False the result must share memory; got {x.shape} in an order that cannot; leave "
                "copy out"
            ) from None
    elif copy is not None and truth("reshape", "copy", copy):
        return ops.clone(ops.reshape(x, shape=wanted))
    return ops.reshape(x, shape=wanted)


@own_keywords
def flatten(x: ArrayLike, start_axis: int = 0, end_axis: int = -1) -> Tensor:
    """Axes `start_axis` to `end_axis` as one: all entries along one axis, if neither is given.

    Errors: an AxisError where `start_axis` is after `end_axis`.

    >>> import tinygrad_edu as tg
    >>> tg.ones((2, 3, 4)).flatten(1).shape
    (2, 12)
    """
    x = lift(x, "flatten")
    n = x.ndim or 1
    start, end = normal_axis("flatten", start_axis, n), normal_axis("flatten", end_axis, n)
    if start > end:
        raise AxisError(f"flatten: start_axis must not be after end_axis; got {start_axis}, {end_axis}; exchange them")
    shape = x.shape or (1,)
    return reshape(x, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


@own_keywords
def permute_dims(x: ArrayLike, axes: Sequence[int] | None = None) -> Tensor:
    """Axis `i` of the result is axis `axes[i]` of `x`; all axes reversed for None.

    Errors: a ShapeError unless `axes` names each axis once.

    >>> import tinygrad_edu as tg
    >>> tg.permute_dims(tg.ones((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    x = lift(x, "permute_dims")
    ndim = x.ndim
    order = tuple(range(ndim))[::-1] if axes is None else tuple(
        normal_axis("permute_dims", k, ndim) for k in several("permute_dims", "axes", axes)
    )  # fmt: skip
    if sorted(order) != list(range(ndim)):
        raise ShapeError(f"permute_dims: axes must name each of {ndim} axes once; got {axes}; check x.ndim")
    return ops.permute_dims(x, axes=order)


@own_keywords
def transpose(x: ArrayLike, *axes: Any) -> Tensor:
    """NumPy's name and arguments for `permute_dims`.

    >>> import tinygrad_edu as tg
    >>> tg.transpose([[1, 2], [3, 4]]).tolist()
    [[1, 3], [2, 4]]
    """
    if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], tuple | list)):
        return permute_dims(x, axes[0])
    return permute_dims(x, axes or None)


@own_keywords
def matrix_transpose(x: ArrayLike) -> Tensor:
    """The last two axes exchanged: (..., m, n) -> (..., n, m).

    Errors: a ShapeError for fewer than two axes.

    >>> import tinygrad_edu as tg
    >>> tg.matrix_transpose(tg.ones((5, 2, 3))).shape
    (5, 3, 2)
    """
    x = lift(x, "matrix_transpose")
    if x.ndim < 2:
        raise ShapeError(f"matrix_transpose: needs two axes or more; got {x.shape}; use reshape first")
    return ops.permute_dims(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


@own_keywords
def moveaxis(x: ArrayLike, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Move axes to new places; the others keep their order.

    Errors: a ShapeError unless there is one destination for each source, each axis once.

    >>> import tinygrad_edu as tg
    >>> tg.moveaxis(tg.ones((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    x = lift(x, "moveaxis")
    pair = [v if isinstance(v, tuple | list) else (v,) for v in (source, destination)]
    start, end = ([normal_axis("moveaxis", k, x.ndim) for k in axes] for axes in pair)
    if len(start) != len(end) or len(set(start)) != len(start) or len(set(end)) != len(end):
        raise ShapeError(
            f"moveaxis: needs as many sources as destinations, each once; got {source}, {destination}; pair them"
        )
    order = [k for k in range(x.ndim) if k not in start]
    for to, axis in sorted(zip(end, start, strict=True)):
        order.insert(to, axis)
    return permute_dims(x, order)


@settings
def swapaxes(x: ArrayLike, axis1: int, axis2: int) -> Tensor:
    """Two axes exchanged.

    >>> import tinygrad_edu as tg
    >>> tg.swapaxes(tg.ones((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    x = lift(x, "swapaxes")
    order = list(range(x.ndim))
    a, b = normal_axis("swapaxes", axis1, x.ndim), normal_axis("swapaxes", axis2, x.ndim)
    order[a], order[b] = b, a
    return permute_dims(x, order)


@own_keywords
def expand_dims(x: ArrayLike, axis: int | Sequence[int] = 0, *, dim: int | None = None) -> Tensor:
    """New axes of length 1, at the places `axis` of the result.

    >>> import tinygrad_edu as tg
    >>> tg.expand_dims(tg.ones((2, 3)), (0, -1)).shape
    (1, 2, 3, 1)
    """
    axis = axis if dim is None else spelled("expand_dims", axis, 0, dim)
    x = lift(x, "expand_dims")
    places = axis if isinstance(axis, tuple | list) else (axis,)
    new = normal_axes("expand_dims", tuple(places), x.ndim + len(places))
    old = iter(x.shape)
    shape = tuple(1 if i in new else next(old) for i in range(x.ndim + len(new)))
    return ops.reshape(x, shape=shape)


@own_keywords
def squeeze(x: ArrayLike, axis: Axis = None, *, dim: Axis = None) -> Tensor:
    """Without the axes `axis`, which must have length 1; without all such axes for None.

    Errors: a ShapeError for an axis of another length.

    >>> import tinygrad_edu as tg
    >>> tg.squeeze(tg.ones((1, 2, 1)), 0).shape, tg.squeeze(tg.ones((1, 2, 1))).shape
    ((2, 1), (2,))
    """
    axis = axis if dim is None else spelled("squeeze", axis, None, dim)
    x = lift(x, "squeeze")
    axes = normal_axes("squeeze", axis, x.ndim)
    if axis is None:
        axes = tuple(i for i in axes if x.shape[i] == 1)
    if any(x.shape[i] != 1 for i in axes):
        raise ShapeError(
            f"squeeze: the axes removed must have length 1; got axis {axis} of {x.shape}; use reshape or sum"
        )
    return ops.reshape(x, shape=tuple(n for i, n in enumerate(x.shape) if i not in axes))


@own_keywords
def broadcast_to(x: ArrayLike, shape: int | Sequence[int]) -> Tensor:
    """`x` repeated along axes of length 1, and along new leading axes, to have `shape`.

    >>> import tinygrad_edu as tg
    >>> tg.broadcast_to([1, 2], (3, 2)).tolist()
    [[1, 2], [1, 2], [1, 2]]
    """
    return ops.broadcast_to(lift(x, "broadcast_to"), shape=normal_shape("broadcast_to", shape))


@own_keywords
def flip(x: ArrayLike, axis: Axis = None, *, dim: Axis = None) -> Tensor:
    """The order of entries reversed along `axis`; along all axes for None.

    >>> import tinygrad_edu as tg
    >>> tg.flip([[1, 2], [3, 4]], axis=1).tolist()
    [[2, 1], [4, 3]]
    """
    axis = axis if dim is None else spelled("flip", axis, None, dim)
    x = lift(x, "flip")
    axes = normal_axes("flip", axis, x.ndim)
    turn = slice(None, None, -1)
    return ops.getitem(x, index=tuple(turn if i in axes else slice(None) for i in range(x.ndim)))


@settings
def pad(x: ArrayLike, pad_width: ArrayLike, mode: str = "constant", constant_values: ArrayLike = 0) -> Tensor:
    """Entries added around `x`, as `numpy.pad` does: `pad_width` is `((before, after), ...)`.

    `mode` is "constant" (with `constant_values`), "edge", "reflect", "symmetric" or "wrap". Errors: a ShapeError unless
    `pad_width` has a pair for each axis, of numbers from 0; a ValueError for another `mode`.

    >>> import tinygrad_edu as tg
    >>> tg.pad([1, 2, 3], (2, 1)).tolist(), tg.pad([1, 2, 3], (2, 1), mode="reflect").tolist()
    ([0, 0, 1, 2, 3, 0], [3, 2, 1, 2, 3, 2])
    """
    x = lift(x, "pad")
    try:
        width = tuple(map(tuple, np.broadcast_to(np.asarray(pad_width), (x.ndim, 2)).tolist()))
        width = tuple((integer("pad", "pad_width", a), integer("pad", "pad_width", b)) for a, b in width)
    except ValueError:
        raise ShapeError(
            f"pad: pad_width must be (before, after) for each axis; got {pad_width!r} for shape {x.shape}; "
            "give one pair for each axis"
        ) from None
    if min((n for pair in width for n in pair), default=0) < 0:
        raise ShapeError(f"pad: pad_width must not be negative; got {pad_width!r}; use slices to cut")
    if mode == "constant":
        same = isinstance(constant_values, complex) and x.dtype.kind == "c"
        entry = constant_values if same else number("pad", "constant_values", constant_values)
        return ops.pad(x, width=width, value=entry)
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        raise ValueError(f"pad: mode must be constant, edge, reflect, symmetric or wrap; got {mode!r}; choose one")
    return ops.border(x, width=width, mode=mode) if width else ops.clone(x)


def _triangle(x: Any, k: int, lower: bool, who: str) -> Any:
    x = lift(x, who)
    if x.ndim < 2:
        raise ShapeError(f"{who}: needs two axes or more; got {x.shape}; use reshape first")
    rows, columns = x.shape[-2:]
    mask = np.tri(rows, columns, k if lower else k - 1, dtype=bool)
    return ops.where(mask if lower else ~mask, x, np.zeros((), x.dtype))


@settings
def tril(x: ArrayLike, k: int = 0) -> Tensor:
    """The entries on and below diagonal `k` of the last two axes; 0 elsewhere.

    >>> import tinygrad_edu as tg
    >>> tg.tril([[1, 2], [3, 4]]).tolist()
    [[1, 0], [3, 4]]
    """
    return _triangle(x, k, True, "tril")


@settings
def triu(x: ArrayLike, k: int = 0) -> Tensor:
    """The entries on and above diagonal `k` of the last two axes; 0 elsewhere.

    >>> import tinygrad_edu as tg
    >>> tg.triu([[1, 2], [3, 4]], 1).tolist()
    [[0, 2], [0, 0]]
    """
    return _triangle(x, k, False, "triu")


@settings
def diagonal(x: ArrayLike, offset: int = 0, axis1: int = -2, axis2: int = -1) -> Tensor:
    """The diagonal `offset` of two axes, as a new last axis; a copy, into which a write does not reach `x`.

    >>> import tinygrad_edu as tg
    >>> tg.diagonal([[1, 2], [3, 4]]).tolist()
    [1, 4]
    """
    x = lift(x, "diagonal")
    pair = tuple(normal_axis("diagonal", k, x.ndim) for k in (axis1, axis2))
    x = moveaxis(x, pair, (-2, -1))
    rows, columns = max(-offset, 0), max(offset, 0)
    n = np.arange(max(min(x.shape[-2] - rows, x.shape[-1] - columns), 0))
    return ops.getitem(x, n + rows, n + columns, index=(Ellipsis, ops.ARRAY, ops.ARRAY))


@settings
def meshgrid(*xs: ArrayLike, indexing: str = "xy") -> list[Tensor]:
    """Coordinate tensors of a grid from one-dimensional `xs`: x along columns and y along rows, for "ij" exchanged.

    A list of tensors in place of several arguments is taken, too. Errors: a ValueError for another `indexing`.

    >>> import tinygrad_edu as tg
    >>> [x.tolist() for x in tg.meshgrid([1, 2], [3, 4, 5])]
    [[[1, 2], [1, 2], [1, 2]], [[3, 3], [4, 4], [5, 5]]]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij'; got {indexing!r}; choose one")
    tensors = [lift(x, "meshgrid").reshape(-1) for x in unpacked(xs)]
    shape = tuple(x.shape[0] for x in tensors)
    grids = []
    for i, x in enumerate(tensors):
        own = tuple(-1 if k == i else 1 for k in range(len(tensors)))
        grids.append(broadcast_to(reshape(x, own), shape))
    return [swapaxes(g, 0, 1) for g in grids] if indexing == "xy" and len(grids) > 1 else grids
