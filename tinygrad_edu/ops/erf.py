"""The error function, its complement, scaled complement and inverse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..domain import REAL, UNIT, Domain, inf
from ..op import Op
from ..pieces import in_pieces
from .elementwise import exp

__all__ = ["erf", "erfc", "erfcx", "erfinv"]

# W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969):
# numerators and denominators for |x| <= 0.47 (of what is more than 1), for |x| <= 4, and beyond, highest power first.
CODY = (
    ((-0.814222293815396847, -20.44016720847355530, -130.160483783394017,
      -905.131288392070259, 365.14075569929885),
     (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3,
      2.84423683343917062e3)),
    ((2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0,
      6.61191906371416295e1, 2.98635138197400131e2, 8.81952221241769090e2,
      1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
     (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
      1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3,
      3.43936767414372164e3, 1.23033935480374942e3)),
    ((1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1,
      1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4),
     (1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1,
      6.05183413124413191e-2, 2.33520497626869185e-3)),
)  # fmt: skip

# erf(x) / x as a rational function of x**2, fitted for |x| <= 3.95 to a relative error of 2e-8
SINGLE = (
    (2.025740503e-6, 2.846748988e-4, 3.808110998e-3, 5.287518883e-2, 1.915506525e-1, 1.128379144),
    (3.782941859e-5, 1.170693083e-3, 1.505497548e-2, 1.145594939e-1, 5.03090022e-1, 1.0),
)

# erf(x) / x - 1 by x**2 for |x| < 0.9, and log(1 - erf(x)) from there on, highest power first
NEAR = (-6.09036025e-4, 5.01196287e-3, -2.6778909e-2, 0.112821408, -0.376125233, 0.128379154)
FAR = (-1.25156014e-3, 1.55790327e-2, -9.11091239e-2, -0.650755354, -1.12019078, -1.8776539e-3)


def ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], z: Any) -> Any:
    """A rational function of z, by Horner's rule."""
    top, bottom = coefficients
    return horner(top, z) / horner(bottom, z)


def horner(coefficients: tuple[float, ...], z: Any) -> Any:
    value = coefficients[0] * z + coefficients[1]
    for c in coefficients[2:]:
        value *= z
        value += c
    return value


def _between(x: Any, bound: float) -> Any:
    """x, or a bound that it is beyond."""
    if x.__class__ is np.ndarray:
        return np.clip(x, -bound, bound)  # one pass
    return np.minimum(np.maximum(x, -bound), bound)


def _erf_to_the_last_digits(x: Any) -> Any:
    """In float32, to 1.5 units in the last place, by polynomials of `benchmarks/polynomials.py`: in programs,
    where an exponential costs little."""
    size = np.abs(x)
    far = np.copysign(1 - np.exp(horner(FAR, np.minimum(size, 4))), x)
    return np.where(size < 0.9, x + x * horner(NEAR, x * x), far)


@in_pieces
def _erf(x: Any) -> Any:
    x = x if hasattr(x, "dtype") and x.dtype.kind in "fc" else np.asarray(x, dtype=np.float64)
    if x.dtype == np.float16:
        return _erf(x.astype(np.float32)).astype(np.float16)
    if x.dtype == np.float32 and not isinstance(x, np.ndarray | np.generic):
        return _erf_to_the_last_digits(x)
    if x.dtype == np.float32:  # twice as quick on NumPy, to 5.3 units in the last place
        near = _between(x, 3.95)  # beyond, erf rounds to 1
        return _between(near * ratio(SINGLE, near * near), 1)
    size = np.where(x.real < 0, -x, x)
    near, mid = size.real <= 0.46875, size.real <= 4.0
    low, high = np.where(mid, size, 4), np.where(mid, 4, np.where(size.real > 6, 6, size))
    core = np.where(near, size, 0)
    inverse = 1 / (high * high)
    tail = np.exp(-high * high) * (1 / np.pi**0.5 - inverse * ratio(CODY[2], inverse)) / high
    value = 1 - np.where(mid, np.exp(-low * low) * ratio(CODY[1], low), tail)
    value = np.where(near, core + core * ratio(CODY[0], core * core), value)
    value = np.where(np.isnan(x), x, np.where(x.real < 0, -value, value))
    return value.astype(x.dtype)[()]


erf = Op("erf", _erf, (in_pieces(lambda g, y, x: g * (2 / np.pi**0.5 * exp(-x * x))),),
         domain=(REAL,), special=(0, 30, -30),
         doc="erf(x) = 2 / sqrt(pi) times the integral of exp(-t**2) from 0 to x. "
             "Source: Cody, \"Rational Chebyshev approximations for the error function\" (1969).")  # fmt: skip


def in_double(f: Callable[..., Any]) -> Callable[..., Any]:
    """In float64, for real inputs of any dtype; what comes in single or half precision goes out so."""

    def computed(*xs: Any, **attributes: Any) -> Any:
        dtype = np.result_type(*xs)
        dtype = dtype if dtype.kind in "fc" else np.dtype(np.float64)
        wide = [x.astype(np.float64) if hasattr(x, "dtype") and x.dtype.kind != "c" else x for x in xs]
        with np.errstate(all="ignore"):
            return f(*wide, **attributes).astype(dtype)[()]

    return computed


def _scaled_erfc(x: Any) -> Any:
    """exp(x**2) * erfc(x) for x > 0.46, by Cody's rational functions (1969)."""
    low, high = np.where(x <= 4, x, 4), np.where(x <= 4, 4, x)
    inverse = 1 / (high * high)
    return np.where(x <= 4, ratio(CODY[1], low), (1 / np.pi**0.5 - inverse * ratio(CODY[2], inverse)) / high)


def _minus_square(x: Any) -> Any:
    """exp(-x**2), with x**2 to twice the digits."""
    near = np.round(16 * x) / 16
    return np.exp(-near * near) * np.exp(-(x - near) * (x + near))


def _erfc(x: Any) -> Any:
    size = np.where(np.abs(x) > 30, 30, np.abs(x))
    far = _scaled_erfc(np.where(size > 0.46875, size, 1)) * _minus_square(size)
    value = np.where(size > 0.46875, np.where(x < 0, 2 - far, far), 1 - _erf(x))
    return np.where(np.isnan(x), x, value)


def _erfcx(x: Any) -> Any:
    near = np.where(x > 0.46875, 0, np.where(x < -30, -30, x))
    value = np.where(x > 0.46875, _scaled_erfc(np.where(x > 0.46875, x, 1)), _erfc(near) / _minus_square(near))
    return np.where(np.isnan(x), x, value)


# M. Giles, "Approximating the erfinv function" (2010): in w = -log(1 - x**2), for w < 5 and beyond
GILES = (
    (2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 2.1858087e-4, -1.25372503e-3, -4.17768164e-3,
     2.46640727e-1, 1.50140941),
    (-2.00214257e-4, 1.00950558e-4, 1.34934322e-3, -3.67342844e-3, 5.73950773e-3, -7.6224613e-3, 9.43887047e-3,
     1.00167406, 2.83297682),
)  # fmt: skip


def _erfinv(x: Any) -> Any:
    """Giles' approximation, made exact by three steps of Halley's method."""
    size = np.where(np.abs(x) < 1, np.abs(x), 0)
    w = -np.log((1 - size) * (1 + size))
    near, mid = np.minimum(w, 5) - 2.5, np.sqrt(np.minimum(np.maximum(w, 5), 16)) - 3
    far = -np.log(np.where(w > 16, 1 - size, 0.1))  # erfc(y) is about exp(-y**2) / (y sqrt(pi))
    y = size * np.where(w < 5, horner(GILES[0], near), horner(GILES[1], mid))
    y = np.where(w > 16, np.sqrt(far - 0.5 * np.log(np.pi * far)), y)
    for _ in range(3):
        off = np.where(size < 0.5, size - _erf(y), _erfc(y) - (1 - size)) * (np.pi**0.5 / 2) / _minus_square(y)
        y = y + off / (1 - y * off)
    return np.where(np.abs(x) < 1, np.copysign(y, x), np.where(np.abs(x) == 1, x * np.inf, np.nan))


erfc = Op("erfc", in_double(_erfc), (lambda g, y, x: g * (-2 / np.pi**0.5) * exp(-x * x),), analytic=False,
          domain=(REAL,), special=(0, 5, -30),
          doc="1 - erf(x), to its own digits. Source: Cody (1969).")  # fmt: skip
erfcx = Op("erfcx", in_double(_erfcx), (lambda g, y, x: g * (2 * x * y - 2 / np.pi**0.5),), analytic=False,
           domain=(Domain(-5, inf),), special=(0, 5),
           doc="exp(x**2) * erfc(x), which does not underflow. Source: Cody (1969).")  # fmt: skip
erfinv = Op("erfinv", in_double(_erfinv), (lambda g, y, x: g * (np.pi**0.5 / 2) * exp(y * y),), analytic=False,
            domain=(UNIT,), special=(0, 0.999),
            doc="The x with erf(x) = y. Source: M. Giles, \"Approximating the erfinv function\" (2010).")  # fmt: skip
