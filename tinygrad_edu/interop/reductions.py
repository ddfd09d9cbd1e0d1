"""NumPy's reductions with its arguments: the `dtype` to compute in, `where` entries count, and the `initial` value."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..annotations import ArrayLike, DTypeLike
from ..errors import DTypeError
from ..functions import elementwise, layout, reduce
from ..functions.arguments import Axis, lift, single
from . import statistics

if TYPE_CHECKING:
    from ..tensor import Tensor


def under_its_name(call: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    call.__name__ = function.__name__
    return call


def typed(function: Callable[..., Any]) -> Callable[..., Any]:
    """With NumPy's `dtype`, in which to compute."""

    def call(a: Tensor, axis: Axis = None, dtype: DTypeLike | None = None) -> Any:
        return function(_in(a, dtype, function), axis)

    return under_its_name(call, function)


def _in(a: ArrayLike, dtype: DTypeLike | None, function: Callable[..., Any]) -> Any:
    a = lift(a, function.__name__)
    return a if dtype is None else a.astype(dtype)


def _counted(a: Tensor, where: ArrayLike) -> Any:
    """Which entries of `a` count, in its shape."""
    mask = lift(where, "where")
    if mask.dtype.kind != "b":
        raise DTypeError(f"where: must be truth values; got {mask.dtype}; write where != 0")
    return layout.broadcast_to(mask, a.shape)


def _kept(a: Any, where: ArrayLike, fill: ArrayLike) -> Any:
    """`a` with `fill`, which changes nothing, for the entries that do not count."""
    return a if where is True else elementwise.where(_counted(a, where), a, fill)


def reduction(
    function: Callable[..., Any], fill: Any, join: Callable[[Any, Any], Any] | None = None
) -> Callable[..., Any]:
    """`fill` is what changes nothing, for a dtype if it is a function: without one, `where` needs `initial`. `join`
    brings that in."""
    none = callable(fill)

    def call(
        a: Tensor,
        axis: Axis = None,
        dtype: DTypeLike | None = None,
        keepdims: bool = False,
        initial: ArrayLike | None = None,
        where: ArrayLike = True,
    ) -> Any:
        a = _in(a, dtype, function)
        if where is not True and none and initial is None:
            raise ValueError(
                f"{function.__name__}: with where, an initial value must be given; got none; give initial="
            )
        if none and initial is not None and not a.size:  # the largest of nothing
            a = reduce.sum(a, axis, keepdims).astype(a.dtype) if a.dtype.kind != "b" else reduce.any(a, axis, keepdims)
            return elementwise.where(True, initial, a)
        y = function(_kept(a, where, fill(a.dtype) if none else fill), axis, keepdims)
        return y if initial is None or join is None else join(y, initial)

    return under_its_name(call, function)


def _least(dtype: np.dtype[Any]) -> Any:
    return -np.inf if dtype.kind in "fc" else False if dtype.kind == "b" else int(np.iinfo(dtype).min)


def _largest(dtype: np.dtype[Any]) -> Any:
    return np.inf if dtype.kind in "fc" else True if dtype.kind == "b" else int(np.iinfo(dtype).max)


def without_nan(
    function: Callable[..., Any], plain: Callable[..., Any], join: Callable[[Any, Any], Any] | None = None
) -> Callable[..., Any]:
    """A reduction that leaves nan out, to which entries that do not count are set; `plain` is that of what has none."""

    def call(
        a: Tensor,
        axis: Axis = None,
        dtype: DTypeLike | None = None,
        keepdims: bool = False,
        initial: ArrayLike | None = None,
        where: ArrayLike = True,
        **more: Any,
    ) -> Any:
        a = _in(a, dtype, function)
        if a.dtype.kind not in "fc":
            return plain(
                a, axis, keepdims=keepdims, where=where, **more, **({} if initial is None else {"initial": initial})
            )
        y = function(_kept(a, where, np.nan), axis, keepdims=keepdims, **more)
        return y if initial is None or join is None else join(y, initial)

    return under_its_name(call, function)


@single
def mean(
    a: ArrayLike, axis: Axis = None, dtype: DTypeLike | None = None, keepdims: bool = False, where: ArrayLike = True
) -> Any:
    """np.mean: of the entries that count."""
    x = _in(a, dtype, mean)
    if where is True:
        return reduce.mean(x, axis, keepdims)
    x, mask = reduce.averaged(x, "mean"), _counted(x, where)
    n = reduce.sum(mask, axis, keepdims)
    return reduce.sum(_kept(x, mask, 0), axis, keepdims) / n.astype(x.dtype)


@single
def var(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    ddof: float = 0,
    keepdims: bool = False,
    correction: float | None = None,
    where: ArrayLike = True,
) -> Any:
    """np.var: the mean square of the deviations from the mean, of the entries that count."""
    x, less = _in(a, dtype, var), ddof if correction is None else correction
    if where is True:
        return reduce.var(x, axis, keepdims, correction=less)
    off, n = _deviations(x, axis, keepdims, where, less)
    return reduce.sum(off * off, axis, keepdims) / n


def _deviations(a: Tensor, axis: Axis, keepdims: bool, where: ArrayLike, less: float) -> tuple[Any, Any]:
    """The size of the deviations from the mean, 0 for what does not count, and how many count, but for `less`."""
    a, mask = reduce.averaged(a, "var"), _counted(a, where)
    off = _kept(a - mean(a, axis, None, True, mask), mask, 0)
    off = ops.abs(off) if off.dtype.kind == "c" else off
    return off, elementwise.maximum(reduce.sum(mask, axis, keepdims) - less, 0).astype(off.dtype)


@single
def std(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    ddof: float = 0,
    keepdims: bool = False,
    correction: float | None = None,
    where: ArrayLike = True,
) -> Any:
    """np.std: the square root of np.var, as a norm, whose derivative at 0 is 0."""
    x, less = _in(a, dtype, std), ddof if correction is None else correction
    if where is True:
        return reduce.std(x, axis, keepdims, correction=less)
    off, n = _deviations(x, axis, keepdims, where, less)
    return reduce.over_axes(ops.norm2, off, axis, keepdims) / elementwise.sqrt(n)


sum, prod = reduction(reduce.sum, 0, ops.add), reduction(reduce.prod, 1, ops.multiply)
max = reduction(reduce.max, _least, elementwise.maximum)
min = reduction(reduce.min, _largest, elementwise.minimum)
all, any = reduction(reduce.all, True), reduction(reduce.any, False)
logsumexp = reduction(reduce.logsumexp, -np.inf, elementwise.logaddexp)
nansum, nanprod = (
    without_nan(statistics.nansum, sum, ops.add),
    without_nan(statistics.nanprod, prod, ops.multiply),
)
nanmax, nanmin = without_nan(statistics.nanmax, max, np.fmax), without_nan(statistics.nanmin, min, np.fmin)
nanmean, nanvar, nanstd = (
    without_nan(statistics.nanmean, mean),
    without_nan(statistics.nanvar, var),
    without_nan(statistics.nanstd, std),
)
