"""Activations: functions of each entry, and softmax, a function of rows.

`inplace` is taken where PyTorch has it, and changes nothing: the result is the same, and the input stays as it is.
"""

from __future__ import annotations

from typing import Any

from ... import ops
from ...engine import Variable
from ...functions.arguments import lift, row_axis, spelled
from ...functions.elementwise import sigmoid, tanh
from ...functions.settings import settings
from ...tensor import Tensor


def relu(input: Any, inplace: bool = False) -> Tensor:
    """max(x, 0); its derivative at 0 is 0."""
    return ops.relu.unary(input if isinstance(input, Variable) else lift(input, "relu"))


@settings
def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where it is positive, else `negative_slope * x`."""
    return ops.leaky_relu(lift(input, "leaky_relu"), slope=negative_slope)


def prelu(input: Any, weight: Any) -> Tensor:
    """Leaky ReLU with a learned slope: one, or one for each channel (axis 1)."""
    x, weight = lift(input, "prelu"), lift(weight, "prelu")
    weight = weight.reshape((-1,) + (1,) * (x.ndim - 2) if weight.size > 1 else ())
    return ops.where(x > 0, x, x * weight)


@settings
def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where it is positive, else `alpha * (exp(x) - 1)`. Source: Clevert et al. (2016)."""
    return ops.elu(lift(input, "elu"), alpha=alpha, scale=1.0)


def selu(input: Any, inplace: bool = False) -> Tensor:
    """ELU scaled so that activations keep mean 0 and variance 1. Source: Klambauer et al. (2017)."""
    alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
    return ops.elu(lift(input, "selu"), alpha=alpha, scale=scale)


@settings
def gelu(input: Any, approximate: str = "none") -> Tensor:
    """x times the normal distribution function of x; "tanh" approximates it.

    Source: Hendrycks and Gimpel, "Gaussian error linear units" (2016).
    """
    x = lift(input, "gelu")
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh'; got {approximate!r}; choose one")
    return ops.gelu.unary(x) if approximate == "none" else ops.gelu_tanh.unary(x)


def silu(input: Any, inplace: bool = False) -> Tensor:
    """x * sigmoid(x)."""
    return ops.silu.unary(lift(input, "silu"))


@settings
def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta * x)) / beta; x itself where `beta * x > threshold`."""
    return ops.softplus(lift(input, "softplus"), beta=beta, threshold=threshold)


@settings
def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x, moved into the interval from `min_val` to `max_val`; its derivative at the ends is 0."""
    x = lift(input, "hardtanh")
    return ops.where(x <= min_val, min_val, ops.where(x >= max_val, max_val, x))


def logsigmoid(input: Any) -> Tensor:
    """log(sigmoid(x)), without underflow."""
    return -ops.softplus(-lift(input, "logsigmoid"))


@settings
def log_softmax(input: Any, axis: int = -1, *, dim: int | None = None) -> Tensor:
    """log(softmax(x)) along `axis`: x - logsumexp(x), without the rounding of large x."""
    axis = axis if dim is None else spelled("log_softmax", axis, -1, dim)
    x = lift(input, "log_softmax")
    return ops.log_softmax(x, axis=row_axis("log_softmax", axis, x.ndim))


@settings
def softmax(input: Any, axis: int = -1, *, dim: int | None = None) -> Tensor:
    """exp(x) / sum(exp(x)) along `axis`: positive shares that add up to 1, without overflow.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.softmax([0.0, 0.0]).tolist()
    [0.5, 0.5]
    """
    axis = axis if dim is None else spelled("softmax", axis, -1, dim)
    x = lift(input, "softmax")
    return ops.softmax(x, axis=row_axis("softmax", axis, x.ndim))


__all__ = [
    "elu", "gelu", "hardtanh", "leaky_relu", "log_softmax", "logsigmoid", "prelu", "relu", "selu",
    "sigmoid", "silu", "softmax", "softplus", "tanh",
]  # fmt: skip
