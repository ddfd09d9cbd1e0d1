"""Fourier transforms under the names of `numpy.fft`: `tg.fft`. All are the discrete transform along one axis, with what
is cut off, filled in and divided by around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..annotations import ArrayLike, DTypeLike
from ..arrays import get_default_dtype, normal_dtype
from ..engine import constant
from ..errors import DTypeError, ShapeError
from ..functions.arguments import Axis
from .arguments import lift, normal_axis
from .calls import at_device, own_keywords
from .joining import concat, roll
from .layout import flip
from .settings import integer, refused, settings, several

if TYPE_CHECKING:
    from ..tensor import Tensor

NORMS = {"backward": (0.0, 1.0), "ortho": (0.5, 0.5), "forward": (1.0, 0.0)}  # powers of 1/n: there, and back


def _complex(who: str, x: Any) -> Tensor:
    x = lift(x, who)
    if not x.ndim:
        raise ShapeError(f"{who}: needs a tensor of one axis or more; got a scalar; use reshape(-1)")
    return x if x.dtype.kind == "c" else x.astype(np.result_type(x.dtype if x.dtype.kind == "f" else np.float64, "c8"))


def _one(who: str, x: Any, n: Any, axis: Any, norm: Any, inverse: bool) -> Any:
    """The transform of length `n` along an axis, to which `x` is cut or filled up with zeros."""
    norm = "backward" if norm is None else norm
    if not isinstance(norm, str) or norm not in NORMS:
        raise refused(who, "norm", "backward, ortho or forward", norm, "norm='ortho'", ValueError)
    axis = normal_axis(who, axis, x.ndim)
    n = x.shape[axis] if n is None else integer(who, "n", n, 1)
    if not n:
        raise ShapeError(f"{who}: needs an entry along the axis; got {x.shape}; guard before")
    if n < x.shape[axis]:
        x = x[(*(slice(None),) * axis, slice(n))]
    elif n > x.shape[axis]:
        width = tuple((0, n - x.shape[axis]) if i == axis else (0, 0) for i in range(x.ndim))
        x = ops.pad(x, width=width, value=0)
    power = NORMS[norm][inverse]
    y = ops.dft(x, axis=axis, inverse=inverse)
    return y * float(n) ** -power if power else y


@own_keywords
def fft(x: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = "backward") -> Tensor:
    """y[k] = sum over j of x[j] exp(-2 pi i j k / n), along `axis`.

    Source: Cooley and Tukey, "An algorithm for the machine calculation of complex Fourier series" (1965).

    >>> import tinygrad_edu as tg
    >>> tg.fft.fft([1.0, 0.0, 0.0]).tolist()
    [(1+0j), (1+0j), (1+0j)]
    """
    return _one("fft", _complex("fft", x), n, axis, norm, False)


@own_keywords
def ifft(x: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = "backward") -> Tensor:
    """The inverse of `fft`: x[j] = sum over k of y[k] exp(2 pi i j k / n) / n. Source: Cooley and Tukey (1965).

    >>> import tinygrad_edu as tg
    >>> tg.fft.ifft([3.0, 0.0, 0.0]).tolist()
    [(1+0j), (1+0j), (1+0j)]
    """
    return _one("ifft", _complex("ifft", x), n, axis, norm, True)


@own_keywords
def rfft(x: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = "backward") -> Tensor:
    """The first n // 2 + 1 entries of `fft` of real numbers; the others are their conjugates.

    Source: Sorensen et al., "Real-valued fast Fourier transform algorithms" (1987).

    >>> import tinygrad_edu as tg
    >>> tg.fft.rfft([1.0, 1.0, 1.0, 1.0]).tolist()
    [(4+0j), 0j, 0j]
    """
    x = _real("rfft", x)
    y = _one("rfft", _complex("rfft", x), n, axis, norm, False)
    axis = normal_axis("rfft", axis, y.ndim)
    return y[(*(slice(None),) * axis, slice(y.shape[axis] // 2 + 1))]


@own_keywords
def irfft(x: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = "backward") -> Tensor:
    """The inverse of `rfft`: `n` real numbers, 2 (m - 1) for m entries if it is not given.

    Source: Sorensen et al. (1987).

    >>> import tinygrad_edu as tg
    >>> tg.fft.irfft([4.0, 0.0, 0.0]).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    y = _complex("irfft", x)
    axis = normal_axis("irfft", axis, y.ndim)
    n = 2 * (y.shape[axis] - 1) if n is None else integer("irfft", "n", n, 1)
    lead = (slice(None),) * axis
    m = n // 2 + 1
    if m > y.shape[axis]:
        y = ops.pad(y, width=tuple((0, m - y.shape[axis]) if i == axis else (0, 0) for i in range(y.ndim)), value=0)
    half = y[(*lead, slice(m))]
    rest = ops.conj(flip(half[(*lead, slice(1, n - m + 1))], axis))
    return ops.real(_one("irfft", concat([half, rest], axis), None, axis, norm, True))


@own_keywords
def hfft(x: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = "backward") -> Tensor:
    """`fft` of numbers whose second half are conjugates of the first, which is given: the result is real.

    Source: Sorensen et al. (1987).

    >>> import tinygrad_edu as tg
    >>> tg.fft.hfft([1.0, 0.0]).tolist()
    [1.0, 1.0]
    """
    return irfft(ops.conj(_complex("hfft", x)), n, axis, _turned(norm))


@own_keywords
def ihfft(x: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = "backward") -> Tensor:
    """The inverse of `hfft`. Source: Sorensen et al. (1987).

    >>> import tinygrad_edu as tg
    >>> tg.fft.ihfft([1.0, 1.0]).real.tolist()
    [1.0, 0.0]
    """
    return ops.conj(rfft(x, n, axis, _turned(norm)))


def _turned(norm: object) -> Any:
    """The norm of the other direction."""
    norm = "backward" if norm is None else norm
    return {"backward": "forward", "forward": "backward"}.get(norm, norm) if isinstance(norm, str) else norm


def _real(who: str, x: ArrayLike) -> Any:
    x = lift(x, who)
    if x.dtype.kind == "c":
        raise DTypeError(f"{who}: needs real numbers; got {x.dtype}; use fft")
    return x


def _axes(who: str, x: Any, s: Any, axes: Any, last: bool = False) -> list[tuple[Any, int]]:
    """Lengths and axes of a transform along several; `last`: of which one is for real numbers."""
    lengths = None if s is None else [n if n is None else integer(who, "s", n) for n in several(who, "s", s)]
    if axes is None:
        axes = range(x.ndim) if lengths is None else range(x.ndim - len(lengths), x.ndim)
    found = [normal_axis(who, k, x.ndim) for k in ([axes] if isinstance(axes, int) else several(who, "axes", axes))]
    lengths = [None] * len(found) if lengths is None else lengths
    if len(lengths) != len(found) or len(set(found)) != len(found):
        raise ShapeError(f"{who}: needs a length for each of different axes; got s={s} and axes={axes}; give as many")
    if last and not found:
        raise ShapeError(f"{who}: needs an axis; got {axes} of a tensor of shape {x.shape}; give one, as axes=(0,)")
    return [(None if k == -1 else k, axis) for k, axis in zip(lengths, found, strict=True)]


@own_keywords
def fftn(
    x: ArrayLike, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str | None = "backward"
) -> Tensor:
    """`fft` along several axes, all of them if none are given. Source: Cooley and Tukey (1965).

    >>> import tinygrad_edu as tg
    >>> tg.fft.fftn(tg.ones((2, 2))).real.tolist()
    [[4.0, 0.0], [0.0, 0.0]]
    """
    y = _complex("fftn", x)
    for n, axis in reversed(_axes("fftn", y, s, axes)):
        y = _one("fftn", y, n, axis, norm, False)
    return y


@own_keywords
def ifftn(
    x: ArrayLike, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str | None = "backward"
) -> Tensor:
    """The inverse of `fftn`. Source: Cooley and Tukey (1965).

    >>> import tinygrad_edu as tg
    >>> tg.fft.ifftn(tg.ones((2, 2))).real.tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    y = _complex("ifftn", x)
    for n, axis in reversed(_axes("ifftn", y, s, axes)):
        y = _one("ifftn", y, n, axis, norm, True)
    return y


@own_keywords
def rfftn(
    x: ArrayLike, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str | None = "backward"
) -> Tensor:
    """`rfft` along the last of several axes, and `fft` along the others. Source: Sorensen et al. (1987).

    >>> import tinygrad_edu as tg
    >>> tg.fft.rfftn(tg.ones((2, 2))).shape
    (2, 2)
    """
    x = _real("rfftn", x)
    *others, (n, last) = _axes("rfftn", x, s, axes, last=True)
    y: Any = rfft(x, n, last, norm)
    for n, axis in reversed(others):
        y = _one("rfftn", y, n, axis, norm, False)
    return y


@own_keywords
def irfftn(
    x: ArrayLike, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str | None = "backward"
) -> Tensor:
    """The inverse of `rfftn`. Source: Sorensen et al. (1987).

    >>> import tinygrad_edu as tg
    >>> tg.fft.irfftn(tg.fft.rfftn(tg.ones((2, 2)))).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    x = _complex("irfftn", x)
    *others, (n, last) = _axes("irfftn", x, s, axes, last=True)
    for k, axis in others:
        x = _one("irfftn", x, k, axis, norm, True)
    return irfft(x, n, last, norm)


@settings
def fftfreq(n: int, d: float = 1.0, *, dtype: DTypeLike | None = None, device: object | None = None) -> Tensor:
    """The frequencies of `fft`: 0, 1, ..., -2, -1, divided by n * d.

    >>> import tinygrad_edu as tg
    >>> tg.fft.fftfreq(4).tolist()
    [0.0, 0.25, -0.5, -0.25]
    """
    return _frequencies("fftfreq", np.fft.fftfreq, n, d, dtype, device)


@settings
def rfftfreq(n: int, d: float = 1.0, *, dtype: DTypeLike | None = None, device: object | None = None) -> Tensor:
    """The frequencies of `rfft`: 0, 1, ... n // 2, divided by n * d.

    >>> import tinygrad_edu as tg
    >>> tg.fft.rfftfreq(4).tolist()
    [0.0, 0.25, 0.5]
    """
    return _frequencies("rfftfreq", np.fft.rfftfreq, n, d, dtype, device)


def _frequencies(who: str, make: Callable[..., Any], n: int, d: float, dtype: object, device: object) -> Any:
    at_device(who, device)
    if not 1 <= n < 2**40 or d == 0:
        raise ValueError(f"{who}: n must be a length and d a step; got {n} and {d}; use e.g. n=8")
    return constant(make(n, d).astype(get_default_dtype() if dtype is None else normal_dtype(who, dtype)))


@own_keywords
def fftshift(x: ArrayLike, axes: Axis | None = None) -> Tensor:
    """Frequency 0 moved to the middle.

    >>> import tinygrad_edu as tg
    >>> tg.fft.fftshift([0.0, 1.0, -2.0, -1.0]).tolist()
    [-2.0, -1.0, 0.0, 1.0]
    """
    return _shifted("fftshift", x, axes, lambda n: n // 2)


@own_keywords
def ifftshift(x: ArrayLike, axes: Axis | None = None) -> Tensor:
    """The inverse of `fftshift`.

    >>> import tinygrad_edu as tg
    >>> tg.fft.ifftshift([-2.0, -1.0, 0.0, 1.0]).tolist()
    [0.0, 1.0, -2.0, -1.0]
    """
    return _shifted("ifftshift", x, axes, lambda n: -(n // 2))


def _shifted(who: str, x: ArrayLike, axes: int | Sequence[int] | None, by: Callable[..., Any]) -> Any:
    x = lift(x, who)
    axes = range(x.ndim) if axes is None else axes if isinstance(axes, tuple | list) else (axes,)
    for axis in axes:
        axis = normal_axis(who, axis, x.ndim)
        x = roll(x, by(x.shape[axis]), axis)
    return x


__all__ = [
    "fft", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifftn", "ifftshift", "ihfft", "irfft", "irfftn", "rfft",
    "rfftfreq", "rfftn",
]  # fmt: skip
