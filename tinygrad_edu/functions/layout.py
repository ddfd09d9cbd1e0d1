"""Functions that rearrange entries without computing with them."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..arrays import to_array
from ..errors import AxisError, DTypeError, ShapeError
from .arguments import Axis, lift, normal_axes, normal_axis, normal_shape, number, spelled, unpacked
from .calls import own_keywords
from .settings import integer, settings, several, truth

if TYPE_CHECKING:
    from ..tensor import Tensor


@own_keywords
def reshape(x: Any, *dims: Any, shape: Any = None, copy: bool | None = None) -> Tensor:
    """The same entries in another shape; one length may be -1, to be worked out.

    No entries are copied where that can be; with `copy` True they always are, False refuses a shape that needs it.

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
def flatten(x: Any, start_axis: int = 0, end_axis: int = -1) -> Tensor:
    """Axes `start_axis` to `end_axis` as one: all entries along one axis, if neither is given.

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
def permute_dims(x: Any, axes: Sequence[int] | None = None) -> Tensor:
    """Axis `i` of the result is axis `axes[i]` of `x`; all axes reversed for None.

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
def transpose(x: Any, *axes: Any) -> Tensor:
    """NumPy's name and arguments for `permute_dims`.

    >>> import tinygrad_edu as tg
    >>> tg.transpose([[1, 2], [3, 4]]).tolist()
    [[1, 3], [2, 4]]
    """
    if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], tuple | list)):
        return permute_dims(x, axes[0])
    return permute_dims(x, axes or None)


@own_keywords
def matrix_transpose(x: Any) -> Tensor:
    """The last two axes exchanged: (..., m, n) -> (..., n, m).

    >>> import tinygrad_edu as tg
    >>> tg.matrix_transpose(tg.ones((5, 2, 3))).shape
    (5, 3, 2)
    """
    x = lift(x, "matrix_transpose")
    if x.ndim < 2:
        raise ShapeError(f"matrix_transpose: needs two axes or more; got {x.shape}; use reshape first")
    return ops.permute_dims(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


@own_keywords
def moveaxis(x: Any, source: Any, destination: Any) -> Tensor:
    """Move axes to new places; the others keep their order.

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
def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
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
def expand_dims(x: Any, axis: int | Sequence[int] = 0, *, dim: int | None = None) -> Tensor:
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
def squeeze(x: Any, axis: Axis = None, *, dim: Axis = None) -> Tensor:
    """Without the axes `axis`, which must have length 1; without all such axes for None.

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
def broadcast_to(x: Any, shape: Any) -> Tensor:
    """`x` repeated along axes of length 1, and along new leading axes, to have `shape`.

    >>> import tinygrad_edu as tg
    >>> tg.broadcast_to([1, 2], (3, 2)).tolist()
    [[1, 2], [1, 2], [1, 2]]
    """
    return ops.broadcast_to(lift(x, "broadcast_to"), shape=normal_shape("broadcast_to", shape))


@settings
def concat(xs: Sequence[Any], axis: int | None = 0, *, dim: int | None = None) -> Tensor:
    """The tensors one after the other along `axis`, on which alone their lengths may differ; flattened first for None.

    >>> import tinygrad_edu as tg
    >>> tg.concat([[[1, 2]], [[3, 4]]], axis=1).tolist()
    [[1, 2, 3, 4]]
    """
    axis = axis if dim is None else spelled("concat", axis, 0, dim)
    tensors = [lift(x, "concat") for x in several("concat", "xs", xs)]
    if not tensors:
        raise ShapeError("concat: needs one tensor or more; got none; pass a list of tensors")
    if axis is None:
        tensors, axis = [x.reshape(-1) for x in tensors], 0
    return ops.concat(*tensors, axis=normal_axis("concat", axis, tensors[0].ndim))


@settings
def stack(xs: Sequence[Any], axis: int = 0, *, dim: int | None = None) -> Tensor:
    """The tensors, all of one shape, along a new axis.

    >>> import tinygrad_edu as tg
    >>> tg.stack([[1, 2], [3, 4]], axis=1).tolist()
    [[1, 3], [2, 4]]
    """
    axis = axis if dim is None else spelled("stack", axis, 0, dim)
    tensors = [lift(x, "stack") for x in several("stack", "xs", xs)]
    if len({x.shape for x in tensors}) != 1:
        shapes = ", ".join(str(x.shape) for x in tensors) or "none"
        raise ShapeError(f"stack: tensors must have one shape; got {shapes}; use concat to join")
    return ops.stack(*tensors, axis=normal_axis("stack", axis, tensors[0].ndim + 1))


def _cut(x: Any, axis: int, piece: slice) -> Any:
    return ops.getitem(x, index=(slice(None),) * axis + (piece,))


@settings
def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0, *, dim: int | None = None) -> list[Tensor]:
    """`x` cut along `axis` into equal sections, or before each of the given indices.

    >>> import tinygrad_edu as tg
    >>> [part.tolist() for part in tg.split([1, 2, 3, 4], 2)], [part.tolist() for part in tg.split([1, 2, 3, 4], [1])]
    ([[1, 2], [3, 4]], [[1], [2, 3, 4]])
    """
    axis = axis if dim is None else spelled("split", axis, 0, dim)
    x = lift(x, "split")
    axis = normal_axis("split", axis, x.ndim)
    n = x.shape[axis]
    if isinstance(indices_or_sections, int | np.integer):
        indices_or_sections = int(indices_or_sections)
        if indices_or_sections < 1 or n % indices_or_sections:
            raise ShapeError(
                f"split: the axis must divide into equal sections; got length {n} and {indices_or_sections} "
                "sections; pass indices instead"
            )
        step = n // indices_or_sections
        cuts = list(range(step, n, step)) if step else [0] * (indices_or_sections - 1)
    else:
        cuts = [integer("split", "indices", k) for k in several("split", "indices_or_sections", indices_or_sections)]
    return [_cut(x, axis, slice(a, b)) for a, b in zip([0, *cuts], [*cuts, n], strict=True)]


@settings
def unstack(x: Any, axis: int = 0, *, dim: int | None = None) -> tuple[Tensor, ...]:
    """The slices of `x` along `axis`, which is gone from each.

    >>> import tinygrad_edu as tg
    >>> [row.tolist() for row in tg.unstack([[1, 2], [3, 4]])]
    [[1, 2], [3, 4]]
    """
    axis = axis if dim is None else spelled("unstack", axis, 0, dim)
    x = lift(x, "unstack")
    axis = normal_axis("unstack", axis, x.ndim)
    return tuple(ops.getitem(x, index=(slice(None),) * axis + (k,)) for k in range(x.shape[axis]))


@own_keywords
def flip(x: Any, axis: Axis = None, *, dim: Axis = None) -> Tensor:
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


@own_keywords
def roll(x: Any, shift: Any, axis: Any = None, *, dim: int | None = None) -> Tensor:
    """Entries moved by `shift` along `axis`; those that fall off come back at the other end.

    >>> import tinygrad_edu as tg
    >>> tg.roll([1, 2, 3, 4], 1).tolist()
    [4, 1, 2, 3]
    """
    axis = axis if dim is None else spelled("roll", axis, None, dim)
    x = lift(x, "roll")
    if axis is None:
        return roll(x.reshape(-1), shift, 0).reshape(x.shape)
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    shifts = shift if isinstance(shift, tuple | list) else (shift,) * len(axes)
    if len(shifts) != len(axes):
        raise ShapeError(f"roll: needs a shift for each axis; got {shift} for axes {axis}; pair them")
    for by, k in zip(shifts, axes, strict=True):
        try:
            by = operator.index(by)
        except TypeError:
            raise DTypeError(f"roll: shift must be an integer; got {by!r}; round it") from None
        k = normal_axis("roll", k, x.ndim)
        cut = -by % x.shape[k] if x.shape[k] else 0
        if cut:
            x = concat([_cut(x, k, slice(cut, None)), _cut(x, k, slice(0, cut))], k)
    return x


@own_keywords
def tile(x: Any, reps: Any) -> Tensor:
    """Copies of `x` side by side, `reps[i]` of them along axis `i`.

    >>> import tinygrad_edu as tg
    >>> tg.tile([1, 2], (2, 2)).tolist()
    [[1, 2, 1, 2], [1, 2, 1, 2]]
    """
    x, reps = lift(x, "tile"), normal_shape("tile", reps)
    reps = (1,) * (x.ndim - len(reps)) + reps
    shape = (1,) * (len(reps) - x.ndim) + x.shape
    pairs = [n for pair in zip(reps, shape, strict=True) for n in pair]
    spread = reshape(x, [n for pair in zip([1] * len(shape), shape, strict=True) for n in pair])
    return reshape(broadcast_to(spread, pairs), [r * n for r, n in zip(reps, shape, strict=True)])


@settings
def repeat(x: Any, repeats: Any, axis: int | None = None, *, dim: int | None = None) -> Tensor:
    """Each entry along `axis` repeated: `repeats` times, or as often as `repeats[i]` says.

    >>> import tinygrad_edu as tg
    >>> tg.repeat([1, 2], 2).tolist(), tg.repeat([1, 2], [3, 1]).tolist()
    ([1, 1, 2, 2], [1, 1, 1, 2])
    """
    axis = axis if dim is None else spelled("repeat", axis, None, dim)
    x = lift(x, "repeat")
    if axis is None:
        x, axis = x.reshape(-1), 0
    axis = normal_axis("repeat", axis, x.ndim)
    counts = to_array(repeats, who="repeat")
    if counts.dtype.kind not in "iu" or counts.min(initial=0) < 0 or counts.shape not in ((), (1,), (x.shape[axis],)):
        raise ShapeError(
            f"repeat: repeats must be a count, or one for each of {x.shape[axis]} entries; got {repeats}; use ints >= 0"
        )
    if int(counts.max(initial=0)) * x.shape[axis] >= 2**48:
        raise ShapeError(f"repeat: the result must fit into memory; got repeats up to {counts.max()}; use fewer")
    places = np.repeat(np.arange(x.shape[axis]), counts)
    return ops.getitem(x, places, index=(slice(None),) * axis + (ops.ARRAY,))


@settings
def repeat_interleave(
    x: Any, repeats: Any, axis: int | None = None, *, dim: int | None = None, output_size: int | None = None
) -> Tensor:  # fmt: skip
    """PyTorch's name of `repeat`; `output_size` is what the length shall be, which is checked.

    >>> import tinygrad_edu as tg
    >>> tg.repeat_interleave(tg.asarray([1.0, 2.0]), [2, 1]).tolist()
    [1.0, 1.0, 2.0]
    """
    axis = axis if dim is None else spelled("repeat_interleave", axis, None, dim)
    y = repeat(x, repeats, axis)
    if output_size is not None and y.shape[axis or 0] != output_size:
        raise ShapeError(
            f"repeat_interleave: output_size must be what comes out, {y.shape[axis or 0]}; got {output_size}; leave it "
            "out"
        )
    return y


@settings
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: float = 0) -> Tensor:
    """Entries added around `x`, as `numpy.pad` does: `pad_width` is `((before, after), ...)`.

    `mode` is "constant" (with `constant_values`), "edge", "reflect", "symmetric" or "wrap".

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
            f"pad: pad_width must be (before, after) for each axis; got {pad_width} for shape {x.shape}; "
            "give one pair for each axis"
        ) from None
    if min((n for pair in width for n in pair), default=0) < 0:
        raise ShapeError(f"pad: pad_width must not be negative; got {pad_width}; use slices to cut")
    if mode == "constant":
        return ops.pad(x, width=width, value=number("pad", "constant_values", constant_values))
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        raise ValueError(f"pad: mode must be constant, edge, reflect, symmetric or wrap; got {mode!r}; choose one")
    return ops.border(x, width=width, mode=mode)


def _triangle(x: Any, k: int, lower: bool, who: str) -> Any:
    x = lift(x, who)
    if x.ndim < 2:
        raise ShapeError(f"{who}: needs two axes or more; got {x.shape}; use reshape first")
    rows, columns = x.shape[-2:]
    mask = np.tri(rows, columns, k if lower else k - 1, dtype=bool)
    return ops.where(mask if lower else ~mask, x, np.zeros((), x.dtype))


@settings
def tril(x: Any, k: int = 0) -> Tensor:
    """The entries on and below diagonal `k` of the last two axes; 0 elsewhere.

    >>> import tinygrad_edu as tg
    >>> tg.tril([[1, 2], [3, 4]]).tolist()
    [[1, 0], [3, 4]]
    """
    return _triangle(x, k, True, "tril")


@settings
def triu(x: Any, k: int = 0) -> Tensor:
    """The entries on and above diagonal `k` of the last two axes; 0 elsewhere.

    >>> import tinygrad_edu as tg
    >>> tg.triu([[1, 2], [3, 4]], 1).tolist()
    [[0, 2], [0, 0]]
    """
    return _triangle(x, k, False, "triu")


@settings
def diagonal(x: Any, offset: int = 0, axis1: int = -2, axis2: int = -1) -> Tensor:
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
def meshgrid(*xs: Any, indexing: str = "xy") -> list[Tensor]:
    """Coordinate tensors of a grid from one-dimensional `xs`: x along columns and y along rows, for "ij" exchanged.

    A list of tensors in place of several arguments is taken, too.

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
