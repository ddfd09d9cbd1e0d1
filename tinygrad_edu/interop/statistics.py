"""NumPy's statistics in functions of tensors, with its arguments: quantiles, sums without nan, covariances."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..annotations import Array, ArrayLike
from ..engine import Variable
from ..errors import ShapeError
from ..functions import contract, elementwise, indexing, joining, layout, reduce
from ..functions.arguments import Axis, lift, normal_axes, single
from ..functions.reduce import averaged
from ..functions.settings import truth
from ..values import require, value

if TYPE_CHECKING:
    from ..tensor import Tensor


def _rows(a: Any, axis: Any) -> tuple[Any, tuple[int, ...]]:
    """`a` with the axes reduced as one, the last; and those axes."""
    axes = normal_axes("quantile", axis, a.ndim)
    kept = [i for i in range(a.ndim) if i not in axes]
    moved = layout.permute_dims(a, (*kept, *axes))
    return layout.reshape(moved, (*(a.shape[i] for i in kept), math.prod(a.shape[i] for i in axes))), axes


def _ends(n: Any, q: Any) -> Any:
    return elementwise.maximum(n - 1, 0) * q


def _between(alpha: float, beta: float) -> Callable[[Any, Any], Any]:
    return lambda n, q: n * q + (alpha + q * (1 - alpha - beta)) - 1


# the place of a quantile among n sorted entries, and how far it lies from the one below (0) to the one above (1), by
# the part behind the point and the place below. Source: R. J. Hyndman, Y. Fan, "Sample quantiles in statistical
# packages" (1996); NumPy for the others.
Method = tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]
METHODS: dict[str, Method] = {
    "linear": (_ends, lambda part, low: part),
    "lower": (_ends, lambda part, low: 0 * part),
    "higher": (_ends, lambda part, low: 1.0 * (part > 0)),
    "midpoint": (_ends, lambda part, low: 0.5 * (part > 0)),
    "nearest": (_ends, lambda part, low: 1.0 * ((part > 0.5) | ((part == 0.5) & (low % 2 == 1)))),
    "inverted_cdf": (lambda n, q: n * q - 1, lambda part, low: 1.0 * (part > 0)),
    "averaged_inverted_cdf": (lambda n, q: n * q - 1, lambda part, low: 0.5 + 0.5 * (part > 0)),
    "closest_observation": (lambda n, q: n * q - 1 - 0.5, lambda part, low: 1.0 * ((part > 0) | (low % 2 == 0))),
    "interpolated_inverted_cdf": (_between(0, 1), lambda part, low: part),
    "hazen": (_between(0.5, 0.5), lambda part, low: part),
    "weibull": (_between(0, 0), lambda part, low: part),
    "median_unbiased": (_between(1 / 3, 1 / 3), lambda part, low: part),
    "normal_unbiased": (_between(3 / 8, 3 / 8), lambda part, low: part),
}
PICKED = {"lower", "higher", "nearest", "inverted_cdf", "closest_observation"}  # which give an entry as it is


def quantile(a: ArrayLike, q: ArrayLike, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """np.quantile: between the sorted entries next to (n - 1) q; `q` has no gradient. nan if there is one."""
    return _quantile(lift(a, "quantile"), q, axis, method, keepdims, by_rows=False)


def nanquantile(a: ArrayLike, q: ArrayLike, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """np.nanquantile: of the entries that are not nan, which are sorted to the end."""
    return _quantile(lift(a, "nanquantile"), q, axis, method, keepdims, by_rows=True)


def _quantile(a: Any, q: Any, axis: Any, method: str, keepdims: bool, by_rows: bool) -> Any:
    if method not in METHODS:
        raise ValueError(f"quantile: method must be one of {', '.join(METHODS)}; got {method!r}; choose one")
    share = _shares(q)
    require(value(share) if isinstance(share, Variable) else share, _must_be_shares)
    a = a if a.dtype.kind == "f" else a.astype(np.float64)
    rows, axes = _rows(a, axis)
    if not rows.shape[-1]:
        raise ShapeError(f"quantile: needs an entry; got {a.shape}; guard before")
    ordered = indexing.sort(rows)
    count = reduce.sum(1 - 1 * ops.isnan(rows), -1) if by_rows else lift(rows.shape[-1])
    flat = lift(share.reshape(-1, *(1,) * (ordered.ndim - 1)))
    place, between = METHODS[method]
    position, last = place(count, flat), elementwise.maximum(count - 1, 0)
    floor = elementwise.floor(position)
    low, high = (elementwise.minimum(elementwise.maximum(k, 0), last) for k in (floor, floor + 1))
    exact = (
        a.dtype
        if isinstance(q, int | float) or method in PICKED
        else np.result_type(a.dtype, getattr(q, "dtype", share.dtype))
    )
    weight = between(position - floor, floor).astype(exact)
    pick: Any = lambda k: layout.moveaxis(
        indexing.take_along_axis(
            ordered,
            layout.moveaxis(layout.broadcast_to(k.astype(np.int64), (len(flat), *ordered.shape[:-1])), 0, -1),
            -1,
        ),
        -1,
        0,
    )
    below, above = pick(low), pick(high)
    apart = (weight != 0) & (ops.isfinite(below) | (below != above))  # no step of 0 * inf, nor from inf to inf
    y = below + weight * (elementwise.where(apart, above, 0) - elementwise.where(apart, below, 0))
    if not by_rows:
        y = elementwise.where(ops.isnan(ordered[..., -1]), ordered[..., -1], y)
    y = layout.reshape(y, (*share.shape, *y.shape[1:]))
    return layout.expand_dims(y, [k + share.ndim for k in axes]) if truth("quantile", "keepdims", keepdims) else y


def _shares(q: object) -> Any:
    """Which shares are asked for, in float64: they have no gradient."""
    return lift(q).detach().astype(np.float64) if isinstance(q, Variable) else np.asarray(q, np.float64)


def _must_be_shares(q: Any) -> None:
    if not np.all((q >= 0) & (q <= 1)):
        raise ValueError(f"quantile: q must be from 0 to 1; got {q}; use percentile for 0 to 100")


def percentile(a: ArrayLike, q: ArrayLike, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """np.percentile: the quantile of q / 100."""
    return quantile(a, _shares(q) / 100, axis, method, keepdims)


def nanpercentile(a: ArrayLike, q: ArrayLike, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """np.nanpercentile."""
    return nanquantile(a, _shares(q) / 100, axis, method, keepdims)


def median(a: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """np.median."""
    return quantile(a, 0.5, axis, keepdims=keepdims)


def nanmedian(a: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Any:
    """np.nanmedian."""
    return nanquantile(a, 0.5, axis, keepdims=keepdims)


def _without(fill: float, function: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction of what is not nan, where `fill` changes nothing."""

    def call(a: Tensor, axis: Axis = None, keepdims: bool = False) -> Any:
        a = lift(a, function.__name__)
        y = function(elementwise.where(ops.isnan(a), fill, a), axis, keepdims)
        if math.isinf(fill):  # of nan alone
            y = elementwise.where(reduce.all(ops.isnan(a), axis, keepdims), np.nan, y)
        return y

    call.__name__ = f"nan{function.__name__}"
    return call


nansum, nanprod = _without(0.0, reduce.sum), _without(1.0, reduce.prod)
nanmax, nanmin = _without(-np.inf, reduce.max), _without(np.inf, reduce.min)


def _count(a: Any, axis: Any, keepdims: bool) -> Any:
    return reduce.sum(1 - 1 * ops.isnan(a), axis, keepdims)


@single
def nanmean(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """np.nanmean."""
    a = averaged(a, "nanmean")
    return nansum(a, axis, keepdims) / _count(a, axis, keepdims).astype(a.dtype)


@single
def nanvar(a: ArrayLike, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """np.nanvar."""
    a = averaged(a, "nanvar")
    off = a - nanmean(a, axis, True)
    squares = off * off if off.dtype.kind != "c" else ops.square(ops.abs(off))
    return nansum(squares, axis, keepdims) / (_count(a, axis, keepdims).astype(squares.dtype) - ddof)


@single
def nanstd(a: ArrayLike, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """np.nanstd."""
    return elementwise.sqrt(nanvar(a, axis, ddof, keepdims))


def cov(
    m: ArrayLike,
    y: ArrayLike | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Array | None = None,
    aweights: Array | None = None,
) -> Any:
    """np.cov: products of deviations from the mean, each row a variable (each column, without `rowvar`).

    An observation counts `fweights` times, whole numbers, and has the weight `aweights`.
    """
    rows = [_variables(x, rowvar) for x in (m, y) if x is not None]
    x = joining.concat(rows, 0) if len(rows) > 1 else rows[0]
    free = (0 if bias else 1) if ddof is None else ddof
    if fweights is None and aweights is None:
        x = x - reduce.mean(x, 1, keepdims=True)
        return _all_axes_of_one(contract.matmul(x, _conj(x).T) / (x.shape[1] - free))
    counts: Any = None if fweights is None else _weights(fweights, x.shape[1], True)
    weights: Any = None if aweights is None else _weights(aweights, x.shape[1], False)
    w = weights if counts is None else counts if weights is None else counts * weights
    total = reduce.sum(w)
    x = x - reduce.sum(x * w, 1, keepdims=True) / total
    spread = total if weights is None else reduce.sum(w * weights) / total
    return _all_axes_of_one(contract.matmul(x * w, _conj(x).T) / (total - free * (1 if weights is None else spread)))


def _weights(w: ArrayLike, n: int, counted: bool) -> Any:
    w = lift(w, "cov")
    if w.shape != (n,):
        raise ShapeError(f"cov: weights must be one for each of {n} observations; got shape {w.shape}; check them")

    def check(values: Array) -> None:
        if np.any(values < 0) or (counted and np.any(values != np.round(values))):
            raise ValueError(
                f"cov: weights must not be negative, and fweights whole numbers; got {values.min()} to {values.max()}; "
                "check them"
            )

    require(value(w), check)
    return w.astype(np.float64)


def _variables(x: Any, rowvar: bool) -> Any:
    x = lift(x, "cov")
    x = x.astype(np.result_type(x.dtype, np.float64))  # as NumPy does
    if x.ndim > 2:
        raise ShapeError(f"cov: needs a vector or a matrix; got {x.shape}; reshape it")
    x = layout.reshape(x, (1, -1)) if x.ndim < 2 else x
    return x if rowvar or x.shape[0] == 1 else x.T


def _conj(x: Tensor) -> Any:
    return ops.conj(x) if x.dtype.kind == "c" else x


def _all_axes_of_one(x: Tensor) -> Any:
    """A matrix of one entry as a number."""
    return layout.reshape(x, ()) if x.size == 1 else x


def corrcoef(x: ArrayLike, y: ArrayLike | None = None, rowvar: bool = True) -> Any:
    """np.corrcoef: the covariance divided by both deviations."""
    c = cov(x, y, rowvar)
    if not c.ndim:
        return c / c
    variances = layout.diagonal(c)
    deviations = elementwise.sqrt(ops.real(variances) if c.dtype.kind == "c" else variances)
    return c / deviations[:, None] / deviations[None, :]


@single
def average(
    a: ArrayLike,
    axis: Axis = None,
    weights: ArrayLike | None = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any:
    """np.average; with `returned`, the sum of the weights too."""
    if weights is None:
        mean = reduce.mean(a, axis, keepdims)
        return (mean, 0 * mean + lift(a).size // max(mean.size, 1)) if returned else mean
    a, w = lift(a, "average"), lift(weights, "average")
    if w.shape != a.shape:  # a weight for each entry along the axis
        (k,) = normal_axes("average", axis, a.ndim)
        w = layout.reshape(w, [-1 if i == k else 1 for i in range(a.ndim)])
    w = layout.broadcast_to(w.astype(np.result_type(a.dtype, w.dtype)), a.shape)
    total = reduce.sum(w, axis, keepdims)
    mean = reduce.sum(a * w, axis, keepdims) / total
    return (mean, layout.broadcast_to(total, mean.shape)) if returned else mean
