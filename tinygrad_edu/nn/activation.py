"""Activations as modules; the functions are in `nn.functional`.

`inplace` is taken where PyTorch has it, and changes nothing: the result is the same, and the input stays as it is.
"""

from __future__ import annotations

from typing import Any

from ..functions.arguments import lift, spelled
from ..functions.settings import Positive, settings
from ..random import Generator
from . import functional as F
from . import guards
from .functional.convolution import must_have_axes
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


class CELU(Layer):
    """x where it is positive, else `alpha * (exp(x / alpha) - 1)`."""

    @settings
    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, input: Any) -> Any:
        return F.celu(input, self.alpha)


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


class Mish(Layer):
    """x * tanh(log(1 + exp(x)))."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        return F.mish(input)


class LogSigmoid(Layer):
    """log(sigmoid(x))."""

    def forward(self, input: Any) -> Any:
        return F.logsigmoid(input)


class Softsign(Layer):
    """x / (1 + abs(x))."""

    def forward(self, input: Any) -> Any:
        return F.softsign(input)


class Tanhshrink(Layer):
    """x - tanh(x)."""

    def forward(self, input: Any) -> Any:
        return F.tanhshrink(input)


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


class ReLU6(Hardtanh):
    """x, moved into the interval from 0 to 6."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0)


class Hardsigmoid(Layer):
    """x / 6 + 1 / 2, moved into the interval from 0 to 1."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        return F.hardsigmoid(input)


class Hardswish(Layer):
    """x * hardsigmoid(x)."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        return F.hardswish(input)


class Hardshrink(Layer):
    """x where it is larger than `lambd` in size, else 0."""

    @settings
    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Any) -> Any:
        return F.hardshrink(input, self.lambd)


class Softshrink(Layer):
    """x moved by `lambd` towards 0, and 0 where it is smaller than that in size."""

    @settings
    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Any) -> Any:
        return F.softshrink(input, self.lambd)


class Threshold(Layer):
    """x where it is larger than `threshold`, else `value`."""

    @settings
    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold, self.value = threshold, value

    def forward(self, input: Any) -> Any:
        return F.threshold(input, self.threshold, self.value)


class RReLU(Layer):
    """Leaky ReLU whose slope is drawn for each entry in training, and the mean of `lower` and `upper` otherwise."""

    @settings
    def __init__(
        self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False, *, rng: Generator | None = None
    ) -> None:
        super().__init__()
        self.lower, self.upper, self.rng = lower, upper, rng

    def forward(self, input: Any) -> Any:
        guards.note_mode(self, input)
        return F.rrelu(input, self.lower, self.upper, self.training, rng=self.rng)


class GLU(Layer):
    """a * sigmoid(b) for the halves a and b of the input along `axis`."""

    @settings
    def __init__(self, axis: int = -1, *, dim: int | None = None) -> None:
        super().__init__()
        self.axis = axis if dim is None else spelled("GLU", axis, -1, dim)

    def forward(self, input: Any) -> Any:
        return F.glu(input, self.axis)


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


class Softmin(Layer):
    """softmax(-x) along `axis`."""

    @settings
    def __init__(self, axis: int = -1, *, dim: int | None = None) -> None:
        super().__init__()
        self.axis = axis if dim is None else spelled("Softmin", axis, -1, dim)

    def forward(self, input: Any) -> Any:
        return F.softmin(input, self.axis)


class Softmax2d(Layer):
    """softmax over the channels: `(n, c, h, w)` or `(c, h, w)`."""

    def forward(self, input: Any) -> Any:
        x = lift(input, "Softmax2d")
        must_have_axes(x, 2, "Softmax2d")
        return F.softmax(x, -3)
