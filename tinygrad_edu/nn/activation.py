"""Activations as modules; the functions are in `nn.functional`.

`inplace` is taken where PyTorch has it, and changes nothing: the result is the same, and the input stays as it is.
"""

from __future__ import annotations

from typing import Any

from ..functions.arguments import spelled
from ..functions.settings import Positive, settings
from . import functional as F
from .module import Layer, Parameter


class Sigmoid(Layer):
    """1 / (1 + exp(-x))."""

    def forward(self, input: Any) -> Any:
        return F.sigmoid(input)


class Tanh(Layer):
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x))."""

    def forward(self, input: Any) -> Any:
        return F.tanh(input)


class ReLU(Layer):
    """max(x, 0); its derivative at 0 is 0."""

    @settings
    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        return F.relu(input)


class LeakyReLU(Layer):
    """x where it is positive, else `negative_slope * x`."""

    @settings
    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope

    def forward(self, input: Any) -> Any:
        return F.leaky_relu(input, self.negative_slope)


class PReLU(Layer):
    """Leaky ReLU with a learned slope, at first `init`: one, or one for each channel (axis 1)."""

    @settings
    def __init__(self, num_parameters: Positive = 1, init: float = 0.25, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.weight = Parameter([float(init)] * num_parameters, dtype=dtype)

    def forward(self, input: Any) -> Any:
        return F.prelu(input, self.weight)


class ELU(Layer):
    """x where it is positive, else `alpha * (exp(x) - 1)`."""

    @settings
    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, input: Any) -> Any:
        return F.elu(input, self.alpha)


class SELU(Layer):
    """ELU, scaled so that activations keep mean 0 and variance 1."""

    @settings
    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        return F.selu(input)


class GELU(Layer):
    """x times the normal distribution function of x; `approximate="tanh"` is faster."""

    @settings
    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Any) -> Any:
        return F.gelu(input, self.approximate)


class SiLU(Layer):
    """x * sigmoid(x)."""

    @settings
    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        return F.silu(input)


class Softplus(Layer):
    """log(1 + exp(beta * x)) / beta; x itself where `beta * x > threshold`."""

    @settings
    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Any) -> Any:
        return F.softplus(input, self.beta, self.threshold)


class Hardtanh(Layer):
    """x, moved into the interval from `min_val` to `max_val`."""

    @settings
    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.min_val, self.max_val = min_val, max_val

    def forward(self, input: Any) -> Any:
        return F.hardtanh(input, self.min_val, self.max_val)


class Softmax(Layer):
    """exp(x) / sum(exp(x)) along `axis`."""

    @settings
    def __init__(self, axis: int = -1, *, dim: int | None = None) -> None:
        super().__init__()
        self.axis = axis if dim is None else spelled("Softmax", axis, -1, dim)

    def forward(self, input: Any) -> Any:
        return F.softmax(input, self.axis)


class LogSoftmax(Layer):
    """x - logsumexp(x) along `axis`."""

    @settings
    def __init__(self, axis: int = -1, *, dim: int | None = None) -> None:
        super().__init__()
        self.axis = axis if dim is None else spelled("LogSoftmax", axis, -1, dim)

    def forward(self, input: Any) -> Any:
        return F.log_softmax(input, self.axis)
