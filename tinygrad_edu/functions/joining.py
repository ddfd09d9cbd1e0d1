"""Functions that put tensors together, cut them, and repeat them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..annotations import ArrayLike
from ..arrays import to_array
from ..engine import Variable
from ..errors import DTypeError, ShapeError
from ..values import settled, value
from .arguments import lift, normal_axis, normal_shape, spelled
from .calls import own_keywords
from .layout import broadcast_to, reshape
from .settings import integer, settings, several

if TYPE_CHECKING:
    from ..tensor import Tensor


@settings
def concat(xs: Sequence[Any], axis: int | None = 0, *, dim: int | None = None) -> Tensor:
    """The tensors one after the other along `axis`, on which alone their lengths may differ; flattened first for None.

    Errors: a ShapeError for no tensors.

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

    Errors: a ShapeError for tensors of several shapes, or none.

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


def _cut(x: Tensor, axis: int, piece: slice) -> Any:
    return ops.getitem(x, index=(slice(None),) * axis + (piece,))


@settings
def split(
    x: ArrayLike, indices_or_sections: int | Sequence[int], axis: int = 0, *, dim: int | None = None
) -> list[Tensor]:
    """`x` cut along `axis` into equal sections, or before each of the given indices.

    Errors: a ShapeError where the length is no multiple of the number of sections.

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
def unstack(x: ArrayLike, axis: int = 0, *, dim: int | None = None) -> tuple[Tensor, ...]:
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
def roll(x: ArrayLike, shift: object, axis: int | Sequence[int] | None = None, *, dim: int | None = None) -> Tensor:
    """Entries moved by `shift` along `axis`; those that fall off come back at the other end.

    Errors: a ShapeError unless there is a shift for each axis, a DTypeError for one that is no integer.

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
def tile(x: ArrayLike, reps: int | Sequence[int]) -> Tensor:
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
def repeat(x: ArrayLike, repeats: object, axis: int | None = None, *, dim: int | None = None) -> Tensor:
    """Each entry along `axis` repeated: `repeats` times, or as often as `repeats[i]` says.

    Errors: a ShapeError unless `repeats` is a count, or one for each entry.

    >>> import tinygrad_edu as tg
    >>> tg.repeat([1, 2], 2).tolist(), tg.repeat([1, 2], [3, 1]).tolist()
    ([1, 1, 2, 2], [1, 1, 1, 2])
    """
    axis = axis if dim is None else spelled("repeat", axis, None, dim)
    x = lift(x, "repeat")
    if axis is None:
        x, axis = x.reshape(-1), 0
    axis = normal_axis("repeat", axis, x.ndim)
    given = value(repeats) if isinstance(repeats, Variable) else to_array(repeats, who="repeat")
    counts = settled("repeat", "repeats", given)
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
    x: ArrayLike, repeats: ArrayLike, axis: int | None = None, *, dim: int | None = None, output_size: int | None = None
) -> Tensor:  # fmt: skip
    """PyTorch's name of `repeat`; `output_size` is what the length shall be, which is checked.

    Errors: a ShapeError for another `output_size`.

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
