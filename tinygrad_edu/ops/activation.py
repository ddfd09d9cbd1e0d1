"""Activations that their formulas would compute in many passes: for speed only.

Their derivatives at 0, where they have a kink, are those from the left.
"""

from typing import Any

import numpy as np

from ..domain import NONZERO, REAL
from ..op import Op
from ..pieces import at_least, at_most, in_pieces
from .elementwise import exp, sigmoid, tanh, where
from .erf import erf

__all__ = ["elu", "gelu", "gelu_tanh", "leaky_relu", "silu"]


@in_pieces
def _leaky_relu(x: Any, *, slope: float = 0.01) -> Any:
    if 0 < slope <= 1:
        return np.maximum(x, slope * x)
    return at_least(x, 0) + slope * at_most(x, 0)


leaky_relu = Op(
    "leaky_relu",
    _leaky_relu,
    (in_pieces(lambda g, y, x, *, slope=0.01: where(x > 0, g, slope * g)),),
    domain=(NONZERO,), special=(0,), analytic=False,
    attributes=lambda rng, shape: {"slope": float(rng.choice([0.01, 2.0]))},
    doc="x where it is positive, else slope * x.",
)  # fmt: skip


def _expm1(x: Any) -> Any:
    """exp(x) - 1 for x <= 0: of float32 by tanh, which NumPy computes in vectors on every machine."""
    if getattr(x, "dtype", None) != np.float32:
        return np.expm1(x)
    t = np.tanh(x * 0.5)
    return (t + t) / (1 - t)


@in_pieces
def _elu(x: Any, *, alpha: float = 1.0, scale: float = 1.0) -> Any:
    return scale * at_least(x, 0) + (alpha * scale) * _expm1(at_most(x, 0))


@in_pieces
def _from_elu(g: Any, y: Any, x: Any, *, alpha: float = 1.0, scale: float = 1.0) -> Any:
    return g * where(x > 0, scale, (alpha * scale) * exp(where(x > 0, 0, x)))


elu = Op(
    "elu", _elu, (_from_elu,),
    domain=(NONZERO,), special=(0, -700), analytic=False,
    attributes=lambda rng, shape: {"alpha": float(rng.choice([1.0, 0.5])), "scale": float(rng.choice([1.0, 2.0]))},
    doc="scale * x where x is positive, else scale * alpha * (exp(x) - 1).",
)  # fmt: skip
silu = Op(
    "silu",
    in_pieces(lambda x: x * sigmoid(x)),
    (in_pieces(lambda g, y, x: g * _silu_slope(y, sigmoid(x))),),
    domain=(REAL,), special=(0,),
    doc="x * sigmoid(x).",
)  # fmt: skip


def _silu_slope(y: Any, s: Any) -> Any:
    return s + y * (1 - s)


ROOT_HALF, DENSITY, ROOT, CUBIC = 0.5**0.5, (2 * np.pi) ** -0.5, (2 / np.pi) ** 0.5, 0.044715
gelu = Op(
    "gelu",
    in_pieces(lambda x: 0.5 * x * (1 + erf(ROOT_HALF * x))),
    (in_pieces(lambda g, y, x: g * (0.5 * (1 + erf(ROOT_HALF * x)) + x * (DENSITY * exp(-0.5 * (x * x))))),),
    domain=(REAL,), special=(0, 30, -30),
    doc="x times the normal distribution function of x.",
)  # fmt: skip


def _gate(x: Any) -> Any:
    return tanh(ROOT * x * (1 + CUBIC * (x * x)))


def _gelu_tanh_slope(x: Any, t: Any) -> Any:
    return 0.5 * (1 + t) + (0.5 * ROOT) * x * ((1 - t * t) * (1 + (3 * CUBIC) * (x * x)))


gelu_tanh = Op(
    "gelu_tanh",
    in_pieces(lambda x: 0.5 * x * (1 + _gate(x))),
    (in_pieces(lambda g, y, x: g * _gelu_tanh_slope(x, _gate(x))),),
    domain=(REAL,), special=(0, 30, -30),
    doc="x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2, which is near to gelu.",
)  # fmt: skip
