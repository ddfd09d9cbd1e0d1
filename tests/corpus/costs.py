"""How often a check calls the function, where functions are hard to differentiate: at kinks, jumps, poles, oscillations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.testing import check_derivative

COSTLY: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "sin": (np.sin, np.cos),
    "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
    "abs": (np.abs, np.sign),
    "sqrt(abs)": (lambda x: np.sqrt(np.abs(x)), lambda x: np.sign(x) / 2 / np.sqrt(np.abs(x))),
    "sin(1e5 x)": (lambda x: np.sin(1e5 * x), lambda x: 1e5 * np.cos(1e5 * x)),
    "log": (np.log, lambda x: 1 / x),
    "steps": (lambda x: np.floor(4 * np.real(x)) / 4 + x, lambda x: 0 * x + 1),
}


def costs(lengths: tuple[int, ...] = (1, 2, 3, 10, 30, 100)) -> dict[int, float]:
    """For each number of inputs, the most calls of the function in a check, in those of plain central differences."""
    worst = dict.fromkeys(lengths, 0.0)
    for n in lengths:
        normal = np.random.default_rng(n).normal(size=n)
        for x in (normal, np.where(np.arange(n) % 2, normal, 0), normal * 10.0 ** (np.arange(n) % 5 * 3 - 6)):
            for f, df in COSTLY.values():
                for factor in (1, -1, 1.001):
                    styles: list[tuple[Any, Any]] = [
                        (lambda x, f=f: f(x).sum(), lambda x, df=df, k=factor: k * df(x)),
                        (f, lambda x, cotangent, df=df, k=factor: k * cotangent * df(x)),
                        (lambda x, f=f: (f(x), x), lambda dY, cache, df=df, k=factor: k * dY * df(cache)),
                    ]
                    for style in styles:
                        with np.errstate(all="ignore"):
                            report = check_derivative(*style, x, raises=False)
                        worst[n] = max(worst[n], report.evaluations / (2 * n))
    return worst
