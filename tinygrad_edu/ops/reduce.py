"""Operations that fold axes away (`axis` is a tuple of non-negative ints), and running folds."""

import math
from typing import Any

import numpy as np

from ..domain import NONZERO, REAL, inf
from ..op import Op
from ..pieces import in_rows
from ..sums import BLOCK, in_single, running_total, total
from .elementwise import abs, exp, sign, where
from .indexing import some_axis
from .layout import broadcast_to, reshape

__all__ = [
    "all", "any", "argmax", "argmin", "count_nonzero", "cumulative_argmax", "cumulative_argmin", "cumulative_sum",
    "inner", "log_softmax", "logsumexp", "max", "min", "norm2", "normp", "softmax", "sum",
]  # fmt: skip

Axes = tuple[int, ...]


def some_axes(rng: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    axes = tuple(i for i in range(len(shape)) if rng.random() < 0.6)
    return {"axis": axes, "keepdims": bool(rng.random() < 0.5)}


def kept(v: Any, x: Any, axis: Axes, keepdims: bool) -> Any:
    """A reduced value with its axes back, of length 1."""
    if keepdims or not axis:
        return v
    return reshape(v, shape=tuple(1 if i in axis else n for i, n in enumerate(x.shape)))


sum = Op(
    "sum",
    total,
    (lambda g, y, x, *, axis, keepdims: broadcast_to(kept(g, x, axis, keepdims), shape=x.shape),),
    kind="reduce", linear=True, attributes=some_axes, domain=(REAL,), latex=r"\sum_{\text{axis } #axis} #1",
    advice="the sum overflows, or adds inf to -inf; use a mean, or a wider dtype",
)  # fmt: skip


ROW = 1024  # products that are added up without an array of them


@in_single
def _inner(a: Any, b: Any, *, axis: Axes) -> Any:
    last = a.__class__ is b.__class__ is np.ndarray and a.shape == b.shape and axis[:1] == (a.ndim - len(axis),)
    n = math.prod(a.shape[i] for i in axis)
    row = n if n <= ROW else math.gcd(n, ROW)
    if not last or a.dtype != b.dtype or a.dtype.kind != "f" or row < BLOCK:
        return total(a * b, axis=axis, keepdims=True)
    lead = a.shape[: axis[0]]
    parts = np.vecdot(*[np.reshape(x, (*lead, n // row, row)) for x in (a, b)])
    return np.reshape(total(parts, axis=(len(lead),)), (*lead, *(1,) * len(axis)))


inner = Op(
    "inner", _inner,
    (lambda g, y, a, b, *, axis: g * b, lambda g, y, a, b, *, axis: g * a),
    kind="reduce", broadcasts=True,
    signature="(n),(n)->(1)", domain=(REAL, REAL), attributes=lambda rng, shape: {"axis": (len(shape) - 1,)},
    doc="sum(a * b) over `axis`, which is kept.",
)  # fmt: skip


def _share(g: Any, y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    """The gradient of max and min, shared equally among ties."""
    ties = x == kept(y, x, axis, keepdims)
    shares = kept(g, x, axis, keepdims) / sum(ties, axis=axis, keepdims=True)
    return ties * shares  # nan where the maximum is nan: no entry equals it


max = Op("max", np.maximum.reduce, (_share,), kind="reduce", latex=r"\max", attributes=some_axes,
         analytic=False, masks=True, domain=(REAL,),
         must="the axes reduced must not be empty")  # fmt: skip
min = Op("min", np.minimum.reduce, (_share,), kind="reduce", latex=r"\min", attributes=some_axes,
         analytic=False, masks=True, domain=(REAL,),
         must="the axes reduced must not be empty")  # fmt: skip


def _above_top(x: Any, axis: Axes) -> tuple[Any, Any]:
    """`x` minus its largest entry over `axis`, so that exp cannot overflow; and that entry, 0 where it is infinite."""
    x = x if x.dtype.kind in "fc" else x * 1.0  # integers become floats, as in exp
    real = x.real if np.iscomplexobj(x) else x
    top = np.maximum.reduce(real, axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, np.zeros_like(top))
    return x - top, top


@in_single
def _logsumexp(x: Any, *, axis: Axes, keepdims: bool) -> Any:
    with np.errstate(all="ignore"):  # infinities may come in, and go out
        z, top = _above_top(x, axis)
        y = np.log(total(np.exp(z), axis=axis, keepdims=True)) + top
    return _folded(y, x, axis, keepdims)


def _folded(y: Any, x: Any, axis: Axes, keepdims: bool) -> Any:
    """What was computed with the axes kept, in the shape asked for: the undoing of `_kept`."""
    return y if keepdims else np.reshape(y, tuple(n for i, n in enumerate(x.shape) if i not in axis))[()]


@in_single
@in_rows
def _softmax(x: Any, *, axis: Axes) -> Any:
    with np.errstate(all="ignore"):
        y = np.exp(_above_top(x, axis)[0])
        return y / total(y, axis=axis, keepdims=True)


@in_single
@in_rows
def _log_softmax(x: Any, *, axis: Axes) -> Any:
    with np.errstate(all="ignore"):
        z = _above_top(x, axis)[0]
        return z - np.log(total(np.exp(z), axis=axis, keepdims=True))


def _axes_only(rng: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    return {"axis": some_axes(rng, shape)["axis"]}


softmax = Op(
    "softmax",
    _softmax,
    (in_rows(lambda g, y, x, *, axis: y * (g - inner(g, y, axis=axis))),),
    kind="scan", attributes=_axes_only, domain=(REAL,), special=(-1000, 1000),
    doc="exp(x) / sum(exp(x)) over `axis`, shifted by the maximum so that it cannot overflow.",
)  # fmt: skip
log_softmax = Op(
    "log_softmax",
    _log_softmax,
    (in_rows(lambda g, y, x, *, axis: g - exp(y) * sum(g, axis=axis, keepdims=True)),),
    kind="scan", attributes=_axes_only, domain=(REAL,), special=(-1000, 1000),
    doc="log(softmax(x)) over `axis`, without underflow.",
)  # fmt: skip


def _from_logsumexp(g: Any, y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    nothing = kept(y, x, axis, keepdims) == -inf  # where no entry has a share
    return where(nothing, 0, kept(g, x, axis, keepdims) * softmax(where(nothing, 0, x), axis=axis))


logsumexp = Op(
    "logsumexp", _logsumexp, (_from_logsumexp,),
    kind="reduce", attributes=some_axes, domain=(REAL,), special=(-1000, 1000),
    doc="log(sum(exp(x))), shifted by the maximum so that it cannot overflow.",
)  # fmt: skip


def _quotient(x: Any, y: Any) -> Any:
    """x / y, and 0, at every order, where y is 0."""
    return where(y == 0, 0, x / where(y == 0, 1, y))


def _top(size: Any, axis: Axes) -> Any:
    """The largest size, to divide by: so powers neither overflow nor underflow. 1 where it is 0 or infinite."""
    top = np.maximum.reduce(size, axis=axis, keepdims=True, initial=0)
    return np.where((top == 0) | ~np.isfinite(top), 1, top).astype(size.dtype)


@in_single
def _norm2(x: Any, *, axis: Axes, keepdims: bool) -> Any:
    top = _top(np.abs(x.real if np.iscomplexobj(x) else x), axis)
    scaled = x / top
    y = top * np.sqrt(total(scaled * scaled, axis=axis, keepdims=True))
    return _folded(y, x, axis, keepdims)


norm2 = Op(
    "norm2",
    _norm2,
    (lambda g, y, x, *, axis, keepdims: kept(g, x, axis, keepdims)
     * _quotient(x, kept(y, x, axis, keepdims)),),
    kind="reduce", attributes=some_axes, domain=(NONZERO,),
    doc="sqrt(sum(x**2)), safe from overflow; its derivative at 0 is 0.",
)  # fmt: skip


@in_single
def _normp(x: Any, *, axis: Axes, keepdims: bool, p: float) -> Any:
    size = np.abs(x)
    top = _top(size, axis)
    y = top * total((size / top) ** p, axis=axis, keepdims=True) ** (1 / p)
    return _folded(y, x, axis, keepdims)


def _from_normp(g: Any, y: Any, x: Any, *, axis: Axes, keepdims: bool, p: float) -> Any:
    share = _quotient(abs(x), kept(y, x, axis, keepdims))
    return kept(g, x, axis, keepdims) * (sign(x) * where(x == 0, 1, share) ** (p - 1))  # for p < 2, 0 has no powers


normp = Op(
    "normp", _normp, (_from_normp,),
    kind="reduce", analytic=False, domain=(NONZERO,),
    attributes=lambda rng, shape: some_axes(rng, shape) | {"p": float(rng.choice([1, 3, 2.5]))},
    doc="sum(abs(x)**p)**(1/p); its derivative at 0 is 0.",
)  # fmt: skip


def _cumulative_sum(x: Any, *, axis: int, reverse: bool) -> Any:
    if not reverse:
        return running_total(x, axis=axis)
    return np.flip(running_total(np.flip(x, axis), axis=axis), axis)


cumulative_sum = Op(
    "cumulative_sum",
    _cumulative_sum,
    (lambda g, y, x, *, axis, reverse: cumulative_sum(g, axis=axis, reverse=not reverse),),
    kind="scan", linear=True, domain=(REAL,),
    attributes=lambda rng, shape: some_axis(rng, shape) | {"reverse": bool(rng.random() < 0.5)},
    doc="The sum of all entries up to here along `axis` (from here on, with `reverse`).",
)  # fmt: skip


def _running(name: str, extreme: Any) -> Op:
    def places(x: Any, *, axis: int) -> Any:
        n = x.shape[axis]
        along = np.reshape(np.arange(n), tuple(n if i == axis else 1 for i in range(x.ndim)))
        records = np.where((x == extreme(x, axis=axis)) | np.isnan(x), along, 0)
        return np.maximum.accumulate(records, axis=axis)

    return Op(
        name, places, kind="scan", attributes=some_axis, analytic=False, domain=(REAL,),
        doc="Where the extreme of the entries up to here along `axis` stands; the last of equal ones.",
    )  # fmt: skip


cumulative_argmax = _running("cumulative_argmax", np.maximum.accumulate)
cumulative_argmin = _running("cumulative_argmin", np.minimum.accumulate)


def _flat(name: str, forward: Any, doc: str = "") -> Op:
    return Op(name, forward, kind="reduce", attributes=some_axes, analytic=False, doc=doc)


def _one_axis(rng: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    return some_axis(rng, shape) | {"keepdims": bool(rng.random() < 0.5)}


all = _flat("all", np.all)
any = _flat("any", np.any)
count_nonzero = _flat("count_nonzero", np.count_nonzero)
argmax = Op("argmax", np.argmax, kind="reduce", attributes=_one_axis, analytic=False)
argmin = Op("argmin", np.argmin, kind="reduce", attributes=_one_axis, analytic=False)
