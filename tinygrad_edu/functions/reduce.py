"""Functions that fold axes away. `axis` is an int, a tuple of ints, or None for all axes."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..annotations import ArrayLike, DTypeLike
from ..arrays import complex_step
from ..op import Op
from ..sums import HALF
from .arguments import Axis, lift, normal_axes, normal_axis, single, spelled
from .calls import own_keywords
from .settings import real, truth

if TYPE_CHECKING:
    from ..tensor import Tensor


def over_axes(op: Op, x: ArrayLike, axis: Axis, keepdims: bool, **attributes: object) -> Any:
    """`op` over `axis`, as users write it."""
    x = lift(x, op.name)
    axes = normal_axes(op.name, axis, x.ndim)
    return op(x, axis=axes, keepdims=_kept(op, keepdims), **attributes)


def _kept(op: Op, keepdims: bool) -> builtins.bool:
    return keepdims if keepdims.__class__ is builtins.bool else truth(op.name, "keepdims", keepdims)


def _as(y: Any, dtype: Any) -> Any:
    """A total in the dtype that was asked for: NumPy adds small integers up in int64."""
    return y if dtype is None or y.dtype == dtype else y.astype(dtype)


@own_keywords
def sum(
    x: ArrayLike, axis: Axis = None, keepdims: bool = False, dtype: DTypeLike | None = None,
    *, dim: Axis = None, keepdim: bool | None = None,
) -> Tensor:  # fmt: skip
    """The sum over `axis`: `(2, 3) -> (3,)` for axis 0.

    >>> import tinygrad_edu as tg
    >>> tg.sum(tg.asarray([[1, 2], [3, 4]]), axis=0).data
    array([4, 6])
    """
    axis = axis if dim is None else spelled("sum", axis, None, dim)
    keepdims = keepdims if keepdim is None else spelled("sum", keepdims, False, keepdim)
    x = lift(x, "sum")
    return _as(over_axes(ops.sum, x if dtype is None else x.astype(dtype), axis, keepdims), dtype)


@own_keywords
def prod(
    x: ArrayLike, axis: Axis = None, keepdims: bool = False, dtype: DTypeLike | None = None,
    *, dim: Axis = None, keepdim: bool | None = None,
) -> Tensor:  # fmt: skip
    """The product over `axis`; its gradient is right also where entries are 0.

    >>> import tinygrad_edu as tg
    >>> tg.prod([[1, 2], [3, 4]], axis=1).tolist()
    [2, 12]
    >>> tg.grad(tg.prod)([0.0, 2.0, 3.0]).tolist()
    [6.0, 0.0, 0.0]
    """
    axis = axis if dim is None else spelled("prod", axis, None, dim)
    keepdims = keepdims if keepdim is None else spelled("prod", keepdims, False, keepdim)
    x = lift(x, "prod")
    return _as(_wide(x if dtype is None else x.astype(dtype), lambda x: over_axes(ops.prod, x, axis, keepdims)), dtype)


def _wide(x: Tensor, f: Callable[[Any], Any]) -> Any:
    """`f(x)`; of float16 computed in float32, and rounded once, there and back."""
    return f(x.astype(np.float32)).astype(HALF) if x.dtype == HALF else f(x)


@own_keywords
def max(
    x: ArrayLike, axis: Axis = None, keepdims: bool = False, *, dim: Axis = None, keepdim: bool | None = None
) -> Tensor:
    """The largest entry over `axis`; ties share the gradient equally.

    PyTorch's `max(dim=)` gives places as well, so `dim` is refused: use `axis`, and `argmax` for the places.

    >>> import tinygrad_edu as tg
    >>> tg.max([[1, 5], [3, 2]], axis=0).tolist()
    [3, 5]
    >>> tg.grad(tg.max)([1.0, 2.0, 2.0]).tolist()
    [0.0, 0.5, 0.5]
    """
    axis = axis if dim is None else spelled("max", axis, None, dim)
    keepdims = keepdims if keepdim is None else spelled("max", keepdims, False, keepdim)
    return over_axes(ops.max, x, axis, keepdims)


@own_keywords
def min(
    x: ArrayLike, axis: Axis = None, keepdims: bool = False, *, dim: Axis = None, keepdim: bool | None = None
) -> Tensor:
    """The smallest entry over `axis`; ties share the gradient equally.

    PyTorch's `min(dim=)` gives places as well, so `dim` is refused: use `axis`, and `argmin` for the places.

    >>> import tinygrad_edu as tg
    >>> tg.min([[1, 5], [3, 2]], axis=1, keepdims=True).tolist()
    [[1], [2]]
    """
    axis = axis if dim is None else spelled("min", axis, None, dim)
    keepdims = keepdims if keepdim is None else spelled("min", keepdims, False, keepdim)
    return over_axes(ops.min, x, axis, keepdims)


@own_keywords
def logsumexp(
    x: ArrayLike, axis: Axis = None, keepdims: bool = False, *, dim: Axis = None, keepdim: bool | None = None
) -> Tensor:
    """log(sum(exp(x))) over `axis`, without overflow; its gradient is the softmax of `x`.

    >>> import tinygrad_edu as tg
    >>> round(tg.logsumexp([1000.0, 1000.0]).item(), 3)
    1000.693
    >>> tg.grad(tg.logsumexp)([1000.0, 1000.0]).tolist()
    [0.5, 0.5]
    """
    axis = axis if dim is None else spelled("logsumexp", axis, None, dim)
    keepdims = keepdims if keepdim is None else spelled("logsumexp", keepdims, False, keepdim)
    x = lift(x, "logsumexp")
    if not x.ndim:  # a number is a row of one
        axis = normal_axes("logsumexp", axis, 1)[:0]
    return over_axes(ops.logsumexp, x, axis, keepdims)


def _count(x: Any, axis: Axis, who: str) -> int:
    shape = x.shape
    return math.prod(shape[i] for i in normal_axes(who, axis, len(shape)))


def averaged(x: ArrayLike, who: str) -> Any:
    """`x` as floats: sums of integers could overflow."""
    x = lift(x, who)
    return x if x.dtype.kind in "fc" else x.astype(np.float64)


@single
def mean(
    x: ArrayLike, axis: Axis = None, keepdims: bool = False, *, dim: Axis = None, keepdim: bool | None = None
) -> Tensor:
    """The mean over `axis`: sum(x) / n. float16 is summed in float32, integers in float64, as NumPy does.

    >>> import tinygrad_edu as tg
    >>> tg.mean([[1.0, 2.0], [3.0, 6.0]], axis=0).tolist()
    [2.0, 4.0]
    """
    axis = axis if dim is None else spelled("mean", axis, None, dim)
    keepdims = keepdims if keepdim is None else spelled("mean", keepdims, False, keepdim)
    x = averaged(x, "mean")
    return sum(x, axis, keepdims) / _count(x, axis, "mean")


PLAIN = 0.0  # NumPy's correction where none is given, known by identity


def _corrected(who: str, correction: float | None, unbiased: bool | None) -> tuple[builtins.bool, Any]:
    """Whether `dim` has one meaning, and what is taken from n: as PyTorch spells it, 1 for None and for `unbiased`."""
    if unbiased is not None:
        if correction is not PLAIN:
            raise TypeError(
                f"{who}: unbiased is PyTorch's correction of 1 or 0; got both, {unbiased} and {correction}; give one"
            )
        return True, int(truth(who, "unbiased", unbiased))
    plain = correction is not PLAIN
    return plain, 1 if correction is None else real(who, "correction", correction)


@single
def var(
    x: ArrayLike, axis: Axis = None, keepdims: bool = False, correction: float | None = PLAIN,
    *, dim: Axis = None, keepdim: bool | None = None, unbiased: bool | None = None,
) -> Tensor:  # fmt: skip
    """The variance over `axis`: sum(abs(x - mean(x))**2) / (n - correction).

    PyTorch's `dim` is taken beside a `correction` only, as its own is 1; so is None, and `unbiased` True.

    >>> import tinygrad_edu as tg
    >>> tg.var([1.0, 3.0]).item(), tg.var([1.0, 3.0], dim=0, correction=1).item()
    (1.0, 2.0)
    """
    plain, correction = _corrected("var", correction, unbiased)
    axis = axis if dim is None else spelled("var", axis, None, dim, plain)
    keepdims = keepdims if keepdim is None else spelled("var", keepdims, False, keepdim, plain)
    x = averaged(x, "var")
    n = builtins.max(_count(x, axis, "var") - correction, 0)
    d = x - mean(x, axis, keepdims=True)
    return sum(ops.square(_size(d)), axis, keepdims) / n


@single
def std(
    x: ArrayLike, axis: Axis = None, keepdims: bool = False, correction: float | None = PLAIN,
    *, dim: Axis = None, keepdim: bool | None = None, unbiased: bool | None = None,
) -> Tensor:  # fmt: skip
    """The standard deviation over `axis`: the 2-norm of `x - mean(x)`, over sqrt(n - correction).

    Written with the norm, it cannot overflow, and its derivative at a constant `x` is 0. `dim` is as for `var`.

    >>> import tinygrad_edu as tg
    >>> tg.std([1.0, 3.0]).item()
    1.0
    """
    plain, correction = _corrected("std", correction, unbiased)
    axis = axis if dim is None else spelled("std", axis, None, dim, plain)
    keepdims = keepdims if keepdim is None else spelled("std", keepdims, False, keepdim, plain)
    x = averaged(x, "std")
    n = builtins.max(_count(x, axis, "std") - correction, 0)
    return over_axes(ops.norm2, _size(x - mean(x, axis, keepdims=True)), axis, keepdims) / n**0.5


def _size(d: Tensor) -> Any:
    """What stands for `d` in a sum of squared sizes: its absolute value if it is complex."""
    return ops.abs(d) if d.dtype.kind == "c" and not complex_step.get() else d


@own_keywords
def all(
    x: ArrayLike, axis: Axis = None, keepdims: bool = False, *, dim: Axis = None, keepdim: bool | None = None
) -> Tensor:
    """Whether all entries over `axis` are true.

    >>> import tinygrad_edu as tg
    >>> tg.all([[True, False], [True, True]], axis=1).tolist()
    [False, True]
    """
    axis = axis if dim is None else spelled("all", axis, None, dim)
    keepdims = keepdims if keepdim is None else spelled("all", keepdims, False, keepdim)
    return over_axes(ops.all, x, axis, keepdims)


@own_keywords
def any(
    x: ArrayLike, axis: Axis = None, keepdims: bool = False, *, dim: Axis = None, keepdim: bool | None = None
) -> Tensor:
    """Whether any entry over `axis` is true.

    >>> import tinygrad_edu as tg
    >>> tg.any([[True, False], [False, False]], axis=1).tolist()
    [True, False]
    """
    axis = axis if dim is None else spelled("any", axis, None, dim)
    keepdims = keepdims if keepdim is None else spelled("any", keepdims, False, keepdim)
    return over_axes(ops.any, x, axis, keepdims)


@own_keywords
def count_nonzero(
    x: ArrayLike, axis: Axis = None, keepdims: bool = False, *, dim: Axis = None, keepdim: bool | None = None
) -> Tensor:
    """How many entries over `axis` are not 0.

    >>> import tinygrad_edu as tg
    >>> tg.count_nonzero([[1, 0, 2], [0, 0, 3]], axis=1).tolist()
    [2, 1]
    """
    axis = axis if dim is None else spelled("count_nonzero", axis, None, dim)
    keepdims = keepdims if keepdim is None else spelled("count_nonzero", keepdims, False, keepdim)
    return over_axes(ops.count_nonzero, x, axis, keepdims)


def _position(op: Op, x: ArrayLike, axis: int | None, keepdims: bool) -> Any:
    x = lift(x, op.name)
    shape = x.shape
    keepdims = _kept(op, keepdims)
    if axis is None:
        place = op(x.reshape(-1), axis=0, keepdims=False)
        return place.reshape((1,) * len(shape)) if keepdims else place
    return op(x, axis=normal_axis(op.name, axis, len(shape)), keepdims=_kept(op, keepdims))


@own_keywords
def argmax(
    x: ArrayLike,
    axis: int | None = None,
    keepdims: bool = False,
    *,
    dim: int | None = None,
    keepdim: bool | None = None,
) -> Tensor:
    """Where the (first) largest entry stands along `axis`; of the flattened tensor for None.

    >>> import tinygrad_edu as tg
    >>> tg.argmax([[1, 5], [7, 2]], axis=1).tolist(), tg.argmax([[1, 5], [7, 2]]).item()
    ([1, 0], 2)
    """
    axis = axis if dim is None else spelled("argmax", axis, None, dim)
    keepdims = keepdims if keepdim is None else spelled("argmax", keepdims, False, keepdim)
    return _position(ops.argmax, x, axis, keepdims)


@own_keywords
def argmin(
    x: ArrayLike,
    axis: int | None = None,
    keepdims: bool = False,
    *,
    dim: int | None = None,
    keepdim: bool | None = None,
) -> Tensor:
    """Where the (first) smallest entry stands along `axis`; of the flattened tensor for None.

    >>> import tinygrad_edu as tg
    >>> tg.argmin([[4, 5], [7, 2]], axis=1).tolist(), tg.argmin([[4, 5], [7, 2]]).item()
    ([0, 1], 3)
    """
    axis = axis if dim is None else spelled("argmin", axis, None, dim)
    keepdims = keepdims if keepdim is None else spelled("argmin", keepdims, False, keepdim)
    return _position(ops.argmin, x, axis, keepdims)


def _scan(op: Op, x: Any, axis: int | None, initial: float | None, **attributes: Any) -> Any:
    x = lift(x, op.name)
    if axis is None:
        x, axis = (x if len(x.shape) == 1 else x.reshape(-1)), 0
    axis = normal_axis(op.name, axis, x.ndim)
    y = op(x, axis=axis, **attributes)
    if initial is None:
        return y
    width = tuple((1, 0) if i == axis else (0, 0) for i in range(x.ndim))
    return ops.pad(y, width=width, value=initial)


@own_keywords
def cumulative_sum(
    x: ArrayLike,
    axis: int | None = None,
    include_initial: bool = False,
    dtype: DTypeLike | None = None,
    *,
    dim: int | None = None,
) -> Tensor:
    """y[k] = x[0] + ... + x[k] along `axis`, after a 0 if `include_initial`.

    For None, an `x` of several axes is flattened.

    >>> import tinygrad_edu as tg
    >>> tg.cumulative_sum([1, 2, 3]).tolist(), tg.cumulative_sum([1, 2, 3], include_initial=True).tolist()
    ([1, 3, 6], [0, 1, 3, 6])
    """
    axis = axis if dim is None else spelled("cumulative_sum", axis, None, dim)
    x = x if dtype is None else lift(x, "cumulative_sum").astype(dtype)
    start = 0 if truth("cumulative_sum", "include_initial", include_initial) else None
    return _as(_scan(ops.cumulative_sum, x, axis, start, reverse=False), dtype)


@own_keywords
def cumulative_prod(
    x: ArrayLike,
    axis: int | None = None,
    include_initial: bool = False,
    dtype: DTypeLike | None = None,
    *,
    dim: int | None = None,
) -> Tensor:
    """y[k] = x[0] * ... * x[k] along `axis`, after a 1 if `include_initial`.

    >>> import tinygrad_edu as tg
    >>> tg.cumulative_prod([[1, 2], [3, 4]], axis=0).tolist()
    [[1, 2], [3, 8]]
    """
    axis = axis if dim is None else spelled("cumulative_prod", axis, None, dim)
    x = lift(x, "cumulative_prod")
    start = 1 if truth("cumulative_prod", "include_initial", include_initial) else None
    x = x if dtype is None else x.astype(dtype)
    return _as(_wide(x, lambda x: _scan(ops.cumulative_prod, x, axis, start)), dtype)
