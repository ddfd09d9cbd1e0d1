"""Entries shifted to mean 0 and scaled to mean square 1, over the axes `axis`: for speed only.

With `center` False, they are scaled and not shifted.
"""

import math
from typing import Any

import numpy as np

from ..domain import REAL
from ..op import Op
from ..pieces import in_rows
from ..sums import in_single, total
from .reduce import Axes, inner, some_axes, sum

__all__ = ["deviation", "standardize"]


def _length(x: Any, axis: Axes) -> int:
    return math.prod(x.shape[i] for i in axis)


def _apart(x: Any, axis: Axes, eps: float, center: bool) -> tuple[Any, Any]:
    """What is scaled, and by what it is divided."""
    n = _length(x, axis)
    d = x - total(x, axis=axis, keepdims=True) / n if center else x
    return d, np.sqrt(inner(d, d, axis=axis) / n + eps)


@in_single
@in_rows
def _standardize(x: Any, *, axis: Axes, eps: float, center: bool) -> Any:
    d, size = _apart(x, axis, eps, center)
    return d / size


@in_single
def _deviation(x: Any, *, axis: Axes, eps: float, center: bool) -> Any:
    return _apart(x, axis, eps, center)[1]


def _mean(x: Any, axis: Axes) -> Any:
    return sum(x, axis=axis, keepdims=True) / _length(x, axis)


@in_rows
def _from_standardized(g: Any, y: Any, x: Any, *, axis: Axes, eps: float, center: bool) -> Any:
    along = y * (inner(g, y, axis=axis) / _length(x, axis))
    along = along + _mean(g, axis) if center else along
    return (g - along) / deviation(x, axis=axis, eps=eps, center=center)


def _from_deviation(g: Any, y: Any, x: Any, *, axis: Axes, eps: float, center: bool) -> Any:
    d = x - _mean(x, axis) if center else x
    return g * (d / (y * _length(x, axis)))


def _settings(rng: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    return {"axis": some_axes(rng, shape)["axis"], "eps": 0.5, "center": bool(rng.random() < 0.5)}


deviation = Op(
    "deviation", _deviation, (_from_deviation,),
    kind="reduce", attributes=_settings, domain=(REAL,),
    doc="sqrt(mean((x - mean(x))**2) + eps) over `axis`, which is kept; of x itself, not centered, for center=False.",
)  # fmt: skip
standardize = Op(
    "standardize", _standardize, (_from_standardized,),
    kind="scan", attributes=_settings, domain=(REAL,),
    flops=lambda y, x, **kw: 8 * math.prod(x),
    doc="(x - mean(x)) / sqrt(mean((x - mean(x))**2) + eps) over `axis`; x / sqrt(mean(x**2) + eps) for center=False.",
)  # fmt: skip
