"""The coefficients of our own polynomials, derived anew: those of erf in `ops/erf.py`, of sin, cos and power in
`compiler/mathematics.py`.

    python benchmarks/polynomials.py

Each is the polynomial whose largest weighted error is least, found by Lawson's iteration: least squares at Chebyshev's
points, again and again, where each point's weight is multiplied by its error. Values are mpmath's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np

POINTS, ROUNDS = 400, 300


def fitted(f: Any, weight: Any, low: float, high: float, degree: int) -> tuple[list[float], float]:
    """The coefficients, highest power first, and the largest `weight(x) * |p(x) - f(x)|` between two bounds."""
    x = (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * (np.arange(POINTS) + 0.5) / POINTS)
    size = max(abs(low), abs(high))
    value, each = (np.array([float(g(mp.mpf(v))) for v in x]) for g in (f, weight))
    matrix = (x[:, None] / size) ** np.arange(degree, -1, -1) * each[:, None]
    share, best, least = np.full(POINTS, 1 / POINTS), np.zeros(degree + 1), np.inf
    for _ in range(ROUNDS):
        root = np.sqrt(share)
        c = np.linalg.lstsq(matrix * root[:, None], value * each * root, rcond=None)[0]
        error = np.abs(matrix @ c - value * each)
        if error.max() < least:
            best, least = c, float(error.max())
        share = share * error / np.sum(share * error)
    return (best / size ** np.arange(degree, -1.0, -1)).tolist(), least


def of_square(f: Callable[[Any], Any], at_zero: Any) -> Callable[[Any], Any]:
    """`f(sqrt(z)) / sqrt(z)`, for an odd f."""
    return lambda z: f(mp.sqrt(z)) / mp.sqrt(z) if z > 0 else at_zero


def relative(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda z: 1 / f(z)


def main() -> None:
    mp.mp.dps = 30
    quarter = mp.pi / 2
    erf = of_square(mp.erf, 2 / mp.sqrt(mp.pi))
    sine, cosine = of_square(lambda x: mp.sin(quarter * x), quarter), lambda z: mp.cos(quarter * mp.sqrt(z))
    log2 = of_square(lambda s: mp.log((1 + s) / (1 - s), 2), 2 / mp.log(2))
    found = {
        "NEAR: erf(x) / x - 1 by x**2, |x| < 0.9": fitted(lambda z: erf(z) - 1, relative(erf), 0, 0.81, 5),
        "FAR: log(1 - erf(x)), 0.9 <= x <= 3.95": fitted(lambda x: mp.log(mp.erfc(x)), mp.erfc, 0.9, 3.95, 5),
        "SINE: sin(x pi / 2) / x by x**2, |x| <= 1/2": fitted(sine, relative(sine), 0, 0.25, 4),
        "COSINE: cos(x pi / 2) by x**2, |x| <= 1/2": fitted(cosine, relative(cosine), 0, 0.25, 4),
        "LOG2: log2((1 + s) / (1 - s)) / s by s**2": fitted(log2, relative(log2), 0, (3 - 8**0.5) ** 2, 6),
        "EXP2: 2**x, |x| <= 1/2": fitted(lambda x: 2**x, lambda x: 2**-x, -0.5, 0.5, 7),
    }
    for name, (coefficients, error) in found.items():
        print(f"{name}, error {error:.1e}")
        print("   ", ", ".join(f"{c:.9g}" if "erf" in name else repr(c) for c in coefficients))


if __name__ == "__main__":
    main()
