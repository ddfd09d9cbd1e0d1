"""Special functions: gamma and its logarithmic derivatives, modified Bessel functions, sinc, x log y.

Those with an order as an attribute have it so that the rule of one is the same op of another order. Everything is
computed in float64, and rounded once.
"""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from ..domain import POSITIVE, REAL, Domain, inf
from ..op import Op
from .elementwise import less_equal, log, log1p, sign, where
from .erf import horner, in_double, ratio

__all__ = [
    "bessel_i", "bessel_ie", "gammaln", "polygamma", "sinc", "xlog1py", "xlogy",
]  # fmt: skip

# B[2k] / (2k)!, for the Euler-Maclaurin formula
_BERNOULLI = (
    1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600,
    -3617 / 10670622842880000, 43867 / 5109094217170944000, -174611 / 802857662698291200000,
)  # fmt: skip


def _zeta(s: int, x: Any) -> Any:
    """Hurwitz's zeta: the sum over k >= 0 of (x + k)**-s, for x > 0 and s > 1, by Euler and Maclaurin."""
    total, z = np.zeros_like(x), x + 12
    for k in range(12):
        total = total + (x + k) ** -float(s)
    total = total + z ** (1.0 - s) / (s - 1) + z ** -float(s) / 2
    rising: float = s
    for k, b in enumerate(_BERNOULLI, 1):
        total = total + b * rising * z ** (1.0 - s - 2 * k)
        rising *= (s + 2 * k - 1) * (s + 2 * k)
    return total


def _digamma(x: Any) -> Any:
    """By the recurrence, Stirling's series, and the reflection (Abramowitz and Stegun 6.3)."""
    left = x.real <= 0
    up = np.where(left, 1 - x, x)
    z = up + 12
    total = np.log(z) - 1 / (2 * z)
    for k in range(12):
        total = total - 1 / (up + k)
    factorial = 1.0
    for k, b in enumerate(_BERNOULLI, 1):
        factorial *= max((2 * k - 2) * (2 * k - 1), 1)
        total = total - b * factorial * z ** (-2.0 * k)
    part = x - np.round(x.real)
    total = total - np.where(left, np.pi / np.tan(np.pi * np.where(part == 0, 0.5, part)), 0)
    pole = left & (part == 0)
    return np.where(pole, np.where(x == 0, -np.inf, np.nan), np.where(x.real == np.inf, np.inf, total))


def _polygamma(x: Any, *, n: int) -> Any:
    """(-1)**(n + 1) n! zeta(n + 1, x). Left of 0, the sum over all integers, which depends on the fraction of x only,
    without what is missing."""
    if n == 0:
        return _digamma(x)
    s = n + 1
    left = x.real <= 0
    fraction = x - np.floor(x.real)
    own = _zeta(s, np.where(left, 1 - x, x))
    whole = _zeta(s, fraction) + (-1.0) ** s * _zeta(s, 1 - fraction)
    total = np.where(left, whole - (-1.0) ** s * own, own)
    return (-1.0) ** s * math.factorial(n) * total


# Cephes (S. L. Moshier): Stirling's correction, and log(gamma(x)) / (x - 2) for 2 <= x < 3
_STIRLING = (
    8.11614167470508450300e-4, -5.95061904284301438324e-4, 7.93650340457716943945e-4,
    -2.77777777730099687205e-3, 8.33333333333331927722e-2,
)  # fmt: skip
_GAMMA = (
    (-1.37825152569120859100e3, -3.88016315134637840924e4, -3.31612992738871184744e5,
     -1.16237097492762307383e6, -1.72173700820839662146e6, -8.53555664245765465627e5),
    (1.0, -3.51815701436523470549e2, -1.70642106651881159223e4, -2.20528590553854454839e5,
     -1.13933444367982507207e6, -2.53252307177582951285e6, -2.01889141433532773231e6),
)  # fmt: skip


def _gammaln(x: Any) -> Any:
    left = x <= 0
    up = np.where(left, 1 - x, x)
    u, product = np.where(up < 13, up, 2.5), 1.0 + 0 * up
    for _ in range(2):
        low = u < 2
        product, u = np.where(low, product / u, product), np.where(low, u + 1, u)
    for _ in range(10):
        high = u >= 3
        product, u = np.where(high, product * (u - 1), product), np.where(high, u - 1, u)
    small = np.log(product) + (u - 2) * ratio(_GAMMA, u - 2)
    z = np.where(up < 13, 13, up)
    correction = np.where(z > 1e8, 0, horner(_STIRLING, 1 / (z * z)))
    large = (z - 0.5) * np.log(z) - z + 0.5 * np.log(2 * np.pi) + np.where(z > 1e17, 0, correction / z)
    large = np.where(z == np.inf, np.inf, large)
    value = np.where(up < 13, small, large)
    part = x - np.round(x)
    reflected = np.log(np.pi / np.abs(np.sin(np.pi * part))) - value
    return np.where(np.isnan(x), x, np.where(left, np.where(np.isinf(x), np.inf, reflected), value))


gammaln = Op("gammaln", in_double(_gammaln), (lambda g, y, x: g * polygamma(x, n=0),), analytic=False,
             domain=(POSITIVE,), special=(0.5, 1, 2, 1e10, -1.5),
             doc="The logarithm of abs(gamma(x)). Source: Cephes, S. L. Moshier.")  # fmt: skip
polygamma = Op("polygamma", in_double(_polygamma), (lambda g, y, x, *, n: g * polygamma(x, n=n + 1),),
               attributes=lambda rng, shape: {"n": int(rng.integers(4))}, domain=(POSITIVE,), special=(0.5, 20, -1.5),
               doc="The derivative of order n of digamma, the derivative of gammaln.")  # fmt: skip


def _bessel_ie(x: Any, *, n: int) -> Any:
    """The power series, whose terms are all positive, up to 30; then Hankel's expansion (Abramowitz and Stegun 9.7)."""
    n = builtins.abs(n)
    turned = np.where(x.real < 0, -x, x)
    small, large = np.where(turned.real < 30, turned, 0), np.where(turned.real < 30, 30, turned)
    series, q = 1.0 + 0 * small, small * small / 4
    for k in range(70, 0, -1):
        series = 1 + series * q / (k * (n + k))
    series = series * (small / 2) ** n / math.factorial(n) * np.exp(-small)
    tail = np.ones_like(large)
    for k in range(24, 0, -1):
        tail = 1 - tail * (4 * n * n - (2 * k - 1) ** 2) / (8 * k * large)
    tail = tail / np.sqrt(2 * np.pi * large)
    value = np.where(turned.real < 30, series, tail)
    return np.where(x.real < 0, -value, value) if n % 2 else value


def _bessel_i(x: Any, *, n: int) -> Any:
    return _bessel_ie(x, n=n) * np.exp(np.where(x.real < 0, -x, x))


def _order(rng: Any, shape: Any) -> dict[str, Any]:
    return {"n": int(rng.integers(3))}


bessel_i = Op("bessel_i", in_double(_bessel_i),
              (lambda g, y, x, *, n: g * (bessel_i(x, n=n - 1) + bessel_i(x, n=n + 1)) / 2,),
              attributes=_order, domain=(Domain(-20, 20),), special=(0, 1e-8),
              doc="The modified Bessel function of the first kind, of an integer order.")  # fmt: skip
bessel_ie = Op("bessel_ie", in_double(_bessel_ie),
               (lambda g, y, x, *, n: g * ((bessel_ie(x, n=n - 1) + bessel_ie(x, n=n + 1)) / 2 - sign(x) * y),),
               attributes=_order, domain=(Domain(kinks=(0.0,)),), special=(1e-8, 1e3),
               doc="exp(-abs(x)) times the modified Bessel function of the first kind, without overflow.")  # fmt: skip


def _sinc(x: Any, *, n: int) -> Any:
    """The derivative of order `n` of sin(u) / u at u = pi x, by u: the power series where it is quick, else the
    recurrence that Leibniz's rule gives for u f(u) = sin(u)."""
    u = np.pi * x
    near = np.abs(u.real) < n + 2
    small, large = np.where(near, u, 0), np.where(near, 1, u)
    terms = 20 + 2 * n
    series = 0 * u
    for k in range(terms, -1, -1):  # of u**(2k) / (2k + 1)!, differentiated n times
        if 2 * k >= n:
            weight = (-1.0) ** k * math.perm(2 * k, n) / math.factorial(2 * k + 1)
            series = series + weight * small ** (2 * k - n)
    waves = (np.sin(large), np.cos(large), -np.sin(large), -np.cos(large))
    value = waves[0] / large
    for k in range(1, n + 1):
        value = (waves[k % 4] - k * value) / large
    return np.pi**n * np.where(near, series, value)


sinc = Op("sinc", in_double(_sinc), (lambda g, y, x, *, n: g * sinc(x, n=n + 1),), attributes=_order,
          domain=(REAL,), special=(0, 1, 100),
          doc="The derivative of order n of sin(pi x) / (pi x), which is 1 at 0.")  # fmt: skip


def _times_log(x: Any, y: Any, logarithm: Any, one: Any) -> Any:
    nothing = (x == 0) & ~np.isnan(y)
    return np.where(nothing, 0, x * logarithm(np.where(nothing, one, y)))


def _unless_both(x: Any, y: Any, edge: float, one: float) -> Any:
    """`y`, but `one`, whose logarithm is 0, where x is 0 and y has no logarithm."""
    return where((x == 0) & less_equal(y, edge), one, y)


xlogy = Op("xlogy", in_double(lambda x, y: _times_log(x, y, np.log, 1)),
           (lambda g, y, a, b: g * log(_unless_both(a, b, 0, 1)),
            lambda g, y, a, b: g * a / b),
           domain=(REAL, POSITIVE), special=(1,), doc="x * log(y), and 0 where x is 0.")  # fmt: skip
xlog1py = Op("xlog1py", in_double(lambda x, y: _times_log(x, y, np.log1p, 0)),
             (lambda g, y, a, b: g * log1p(_unless_both(a, b, -1, 0)),
              lambda g, y, a, b: g * a / (1 + b)),
             domain=(REAL, Domain(-1, inf)), special=(0,), doc="x * log1p(y), and 0 where x is 0.")  # fmt: skip
