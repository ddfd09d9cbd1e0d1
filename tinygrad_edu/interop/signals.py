"""NumPy's functions of sampled signals in functions of tensors: convolutions, differences, interpolation, grids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..annotations import ArrayLike, DTypeLike
from ..arrays import is_weak
from ..errors import ShapeError
from ..functions import contract, creation, elementwise, indexing, joining, layout, reduce
from ..functions.arguments import Axis, lift, normal_axes, normal_axis, spelled
from ..functions.calls import own_keywords
from ..functions.settings import integer
from ..sums import HALF, worked_in

if TYPE_CHECKING:
    from ..tensor import Tensor


def convolve(a: ArrayLike, v: ArrayLike, mode: str = "full") -> Any:
    """np.convolve: y[k] = sum over j of a[k - j] v[j]."""
    a, v = lift(a, "convolve"), lift(v, "convolve")
    long, short = (a, v) if a.size >= v.size else (v, a)
    return _middle("convolve", _full(long, short), long.size, short.size, mode, False)


def correlate(a: ArrayLike, v: ArrayLike, mode: str = "valid") -> Any:
    """np.correlate: y[k] = sum over j of a[k + j] conj(v[j])."""
    a, v = lift(a, "correlate"), lift(v, "correlate")
    v = ops.conj(v) if v.dtype.kind == "c" else v
    return _middle(
        "correlate", _full(a, layout.flip(v)), max(a.size, v.size), min(a.size, v.size), mode, v.size > a.size
    )


def _full(a: Any, v: Any) -> Any:
    if a.ndim > 1 or v.ndim > 1 or not (a.size and v.size):
        raise ShapeError(f"convolve: needs vectors; got {a.shape} and {v.shape}; flatten them")
    a, v = layout.reshape(a, -1), layout.reshape(v, -1)
    n, m = a.size, v.size
    padded = layout.pad(a, (m - 1, m - 1)) if m > 1 else a
    places = np.arange(n + m - 1)[:, None] + np.arange(m)
    return contract.matmul(indexing.take(padded, places), layout.flip(v))


def _middle(who: str, full: Any, n: int, m: int, mode: str, turned: bool) -> Any:
    """The part of a full convolution of lengths n >= m that a mode asks for."""
    if mode == "full":
        return full
    if mode not in ("same", "valid"):
        raise ValueError(f"{who}: mode must be full, same or valid; got {mode!r}; choose one")
    start = m - 1 if mode == "valid" else m // 2 if turned else (m - 1) // 2
    return full[start : start + (n - m + 1 if mode == "valid" else n)]


@own_keywords
def diff(
    a: ArrayLike,
    n: int = 1,
    axis: int = -1,
    prepend: ArrayLike | None = None,
    append: ArrayLike | None = None,
    *,
    dim: int | None = None,
) -> Tensor:
    """np.diff: the differences of neighbours along an axis, `n` times.

    >>> import tinygrad_edu as tg
    >>> tg.diff([1, 4, 9, 16]).tolist(), tg.diff([1, 4, 9, 16], n=2).tolist(), tg.diff([1, 4], prepend=0).tolist()
    ([3, 5, 7], [2, 2], [1, 3])
    """
    axis = axis if dim is None else spelled("diff", axis, -1, dim)
    a, n = lift(a, "diff"), integer("diff", "n", n, 0)
    axis = normal_axis("diff", axis, a.ndim)
    if n == 0:
        return a
    one = (*a.shape[:axis], 1, *a.shape[axis + 1 :])
    ends = [None if e is None else lift(e, "diff") for e in (prepend, append)]
    first, last = (e if e is None or e.ndim else layout.broadcast_to(e, one) for e in ends)
    a = (
        joining.concat([x for x in (first, a, last) if x is not None], axis)
        if first is not None or last is not None
        else a
    )
    a = layout.moveaxis(a, axis, 0)
    for _ in range(min(n, a.shape[0])):  # then there is none left
        a = a[1:] ^ a[:-1] if a.dtype.kind == "b" else a[1:] - a[:-1]
    return layout.moveaxis(a, 0, axis)


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """np.ediff1d."""
    ary = layout.flatten(lift(ary, "ediff1d"))
    parts = [to_begin, ary[1:] - ary[:-1], to_end]
    return joining.concat([layout.flatten(lift(x, "ediff1d")).astype(ary.dtype) for x in parts if x is not None], 0)


def gradient(f: ArrayLike, *varargs: Any, axis: Axis | None = None, edge_order: int = 1) -> Any:
    """np.gradient: central differences, one-sided at the ends; of uneven steps too."""
    f = lift(f, "gradient")
    f = f if f.dtype.kind in "fc" else f.astype(np.float64)
    axes = tuple(range(f.ndim)) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    steps = varargs * len(axes) if len(varargs) == 1 else varargs or (1.0,) * len(axes)
    if len(steps) != len(axes):
        raise ShapeError(
            f"gradient: needs a step for each of {len(axes)} axes; got {len(steps)}; give one, or one each"
        )
    wide = f.astype(worked_in(f.dtype))
    found = [_slope(wide, h, normal_axis("gradient", k, f.ndim), edge_order) for k, h in zip(axes, steps, strict=True)]
    found = [slope.astype(f.dtype) for slope in found]
    return found[0] if (axis is not None and not isinstance(axis, tuple | list)) or len(found) == 1 else tuple(found)


def _slope(f: Any, h: Any, axis: int, edge_order: int) -> Any:
    f = layout.moveaxis(f, axis, -1)
    n = f.shape[-1]
    if n < edge_order + 1:
        raise ShapeError(f"gradient: needs {edge_order + 1} entries along an axis; got {f.shape}; use a longer one")
    h = lift(h, "gradient")
    h = (h[1:] - h[:-1] if h.ndim else layout.broadcast_to(h, (n - 1,))).astype(f.dtype)
    left, right, slopes = h[:-1], h[1:], (f[..., 1:] - f[..., :-1]) / h
    inner = (slopes[..., :-1] * right + slopes[..., 1:] * left) / (left + right)
    first, last = slopes[..., :1], slopes[..., -1:]
    if edge_order == 2:
        first = first - (slopes[..., 1:2] - first) * h[0] / (h[0] + h[1])
        last = last + (last - slopes[..., -2:-1]) * h[-1] / (h[-1] + h[-2])
    return layout.moveaxis(joining.concat([first, inner, last], -1), -1, axis)


def trapezoid(y: ArrayLike, x: ArrayLike | None = None, dx: float = 1.0, axis: int = -1) -> Any:
    """np.trapezoid."""
    y = lift(y, "trapezoid")
    if y.dtype == getattr(x, "dtype", HALF) == HALF:
        return trapezoid(y.astype(np.float32), x, dx, axis).astype(HALF)
    width = dx if x is None else diff(x) if np.ndim(x) == 1 else layout.moveaxis(diff(x, axis=axis), axis, -1)
    y = layout.moveaxis(y, axis, -1)
    return reduce.sum((y[..., 1:] + y[..., :-1]) * width, -1) / 2


def interp(x: ArrayLike, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """np.interp: linear between the points (xp, fp), constant outside."""
    x, xp, fp = (lift(v, "interp") for v in (x, xp, fp))
    if period is not None:
        x, xp = x % abs(period), xp % abs(period)
        order = indexing.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = joining.concat([xp[-1:] - abs(period), xp, xp[:1] + abs(period)])
        fp = joining.concat([fp[-1:], fp, fp[:1]])
        left = right = None
    i = elementwise.clip(indexing.searchsorted(xp, x, side="right"), 1, xp.shape[0] - 1)
    share = elementwise.clip((x - xp[i - 1]) / (xp[i] - xp[i - 1]), 0, 1)
    y = fp[i - 1] + share * (fp[i] - fp[i - 1])
    y = y if left is None else elementwise.where(ops.less(x, xp[0]), left, y)
    return y if right is None else elementwise.where(ops.greater(x, xp[-1]), right, y)


def unwrap(p: ArrayLike, discont: Any = None, axis: int = -1, *, period: float = 2 * np.pi) -> Any:
    """np.unwrap: jumps of more than half a period are made smaller by whole periods."""
    p = layout.moveaxis(lift(p, "unwrap"), axis, -1)
    steps = (p[..., 1:] - p[..., :-1]).detach()
    half = period / 2
    wrapped = elementwise.remainder(steps + half, period) - half
    wrapped = elementwise.where((wrapped == -half) & (steps > 0), half, wrapped)
    turns = elementwise.where(
        ops.less(ops.abs(steps), half if discont is None else max(discont, half)), 0, wrapped - steps
    )
    turns = reduce.cumulative_sum(turns, -1)
    return layout.moveaxis(joining.concat([p[..., :1], p[..., 1:] + turns], -1), -1, axis)


def nan_to_num(x: ArrayLike, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """np.nan_to_num."""
    x = lift(x, "nan_to_num")
    if x.dtype.kind != "f":
        return x
    limit = np.finfo(x.dtype).max
    x = elementwise.where(ops.isnan(x), nan, x)
    x = elementwise.where(x == np.inf, limit if posinf is None else posinf, x)
    return elementwise.where(x == -np.inf, -limit if neginf is None else neginf, x)


def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: object = None, axis: int = 0) -> Any:
    """np.linspace between tensors."""
    start, stop = _ends(start, stop)
    share = creation.linspace(0.0, 1.0, num, endpoint, start.dtype)
    share = layout.reshape(share, (-1, *(1,) * max(start.ndim, stop.ndim)))
    y = layout.moveaxis(start * (1 - share) + stop * share, 0, axis)
    return y if dtype is None else y.astype(dtype)


def _ends(a: Any, b: Any) -> tuple[Any, Any]:
    """Two tensors of one dtype of floats; a Python number takes that of the other."""
    dtypes = [x for x in (a, b) if not is_weak(x)]
    wanted = np.result_type(*[lift(x, "linspace").dtype for x in dtypes])
    wanted = wanted if wanted.kind in "fc" else np.dtype(np.float64)
    a, b = (lift(np.asarray(x, wanted) if is_weak(x) else x, "linspace").astype(wanted) for x in (a, b))
    return a, b


def logspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    base: ArrayLike = 10.0,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Any:
    """np.logspace: base**linspace."""
    y = elementwise.power(base, linspace(start, stop, num, endpoint, axis=axis))
    return y if dtype is None else y.astype(dtype)


def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    """np.geomspace: between numbers of one sign, each a constant times the last; in float64 at least."""
    start, stop = _ends(start, stop)
    start, stop = (x.astype(np.result_type(x.dtype, np.float64)) for x in (start, stop))
    sign = elementwise.sign(start)
    logs = linspace(elementwise.log(start / sign), elementwise.log(stop / sign), num, endpoint, axis=axis)
    y = elementwise.exp(logs) * (sign if not sign.ndim else layout.expand_dims(sign, axis))
    return y if dtype is None else y.astype(dtype)


def vander(x: ArrayLike, N: int | None = None, increasing: bool = False) -> Any:
    """np.vander: the powers of each entry, in columns."""
    x = lift(x, "vander")
    powers = np.arange(x.size if N is None else N)
    return joining.stack([x ** int(k) for k in (powers if increasing else powers[::-1])], -1)


def polyval(p: Any, x: ArrayLike) -> Any:
    """np.polyval, by Horner's rule."""
    y = 0 * lift(x, "polyval")
    for c in p:
        y = y * x + c
    return y


def rot90(m: ArrayLike, k: int = 1, axes: Any = (0, 1)) -> Any:
    """np.rot90."""
    m = lift(m, "rot90")
    i, j = (normal_axis("rot90", a, m.ndim) for a in axes)
    normal_axes("rot90", (i, j), m.ndim)
    for _ in range(k % 4):
        m = layout.flip(layout.swapaxes(m, i, j), i)
    return m


def running(op: Any) -> Any:
    """np.maximum.accumulate and np.minimum.accumulate: each entry is taken from where the running extreme stands."""

    def call(a: Any, axis: int = 0) -> Any:
        a = lift(a, "accumulate")
        axis = normal_axis("accumulate", axis, a.ndim)
        return indexing.take_along_axis(a, op(a, axis=axis), axis)

    return call
