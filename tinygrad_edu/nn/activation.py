"""Activations as modules; the functions are in `nn.functional`.

`inplace` is taken where PyTorch has it, and changes nothing: the result is the same, and the input stays as it is.
"""

from __future__ import annotations

from ..annotations import ArrayLike, DTypeLike
from ..functions.arguments import spelled
from ..functions.calls import own_keywords
from ..functions.settings import Positive, settings
from ..random import Generator
from ..tensor import Tensor
from . import functional as F
from . import guards
from .module import Module
from .parameter import Parameter


class Sigmoid(Module):
    """1 / (1 + exp(-x)).

    Source: Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors" (1986).

    >>> from tinygrad_edu import nn; nn.Sigmoid()([0.0, 100.0]).tolist()
    [0.5, 1.0]
    """

    def forward(self, input: ArrayLike) -> Tensor:
        return F.sigmoid(input)


class Tanh(Module):
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x)). Source: LeCun et al., "Efficient backprop" (1998).

    >>> from tinygrad_edu import nn; round(nn.Tanh()(1.0).item(), 4)
    0.7616
    """

    def forward(self, input: ArrayLike) -> Tensor:
        return F.tanh(input)


class ReLU(Module):
    """max(x, 0); its derivative at 0 is 0. Source: Nair and Hinton (2010), see `F.relu`.

    >>> from tinygrad_edu import nn
    >>> nn.ReLU()([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """

    @settings
    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, input: ArrayLike) -> Tensor:
        return F.relu(input)


class LeakyReLU(Module):
    """x where it is positive, else `negative_slope * x`. Source: Maas et al. (2013).

    >>> from tinygrad_edu import nn
    >>> nn.LeakyReLU(0.25)([-2.0, 3.0]).tolist()
    [-0.5, 3.0]
    """

    @settings
    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope

    def forward(self, input: ArrayLike) -> Tensor:
        return F.leaky_relu(input, self.negative_slope)


class PReLU(Module):
    """Leaky ReLU with a learned slope, at first `init`: one, or one for each channel (axis 1).

    Source: He et al. (2015).

    >>> from tinygrad_edu import nn
    >>> nn.PReLU(2)([[-1.0, 2.0]]).tolist()
    [[-0.25, 2.0]]
    """

    @settings
    def __init__(self, num_parameters: Positive = 1, init: float = 0.25, dtype: DTypeLike | None = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.weight = Parameter([float(init)] * num_parameters, dtype=dtype)

    def forward(self, input: ArrayLike) -> Tensor:
        return F.prelu(input, self.weight)


class ELU(Module):
    """x where it is positive, else `alpha * (exp(x) - 1)`. Source: Clevert et al. (2016).

    >>> from tinygrad_edu import nn
    >>> round(nn.ELU()(-1.0).item(), 4)
    -0.6321
    """

    @settings
    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, input: ArrayLike) -> Tensor:
        return F.elu(input, self.alpha)


class CELU(Module):
    """x where it is positive, else `alpha * (exp(x / alpha) - 1)`. Source: Barron (2017).

    >>> from tinygrad_edu import nn
    >>> round(nn.CELU(2.0)(-2.0).item(), 4)
    -1.2642
    """

    @settings
    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, input: ArrayLike) -> Tensor:
        return F.celu(input, self.alpha)


class SELU(Module):
    """ELU, scaled so that activations keep mean 0 and variance 1. Source: Klambauer et al. (2017).

    >>> from tinygrad_edu import nn
    >>> round(nn.SELU()(1.0).item(), 4)
    1.0507
    """

    @settings
    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, input: ArrayLike) -> Tensor:
        return F.selu(input)


class GELU(Module):
    """x times the normal distribution function of x; `approximate="tanh"` is faster.

    Source: Hendrycks and Gimpel (2016).

    >>> from tinygrad_edu import nn
    >>> round(nn.GELU()(1.0).item(), 4)
    0.8413
    """

    @settings
    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: ArrayLike) -> Tensor:
        return F.gelu(input, self.approximate)


class SiLU(Module):
    """x * sigmoid(x). Source: Hendrycks and Gimpel (2016).

    >>> from tinygrad_edu import nn
    >>> round(nn.SiLU()(1.0).item(), 4)
    0.7311
    """

    @settings
    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, input: ArrayLike) -> Tensor:
        return F.silu(input)


class Mish(Module):
    """x * tanh(log(1 + exp(x))). Source: Misra (2019).

    >>> from tinygrad_edu import nn
    >>> round(nn.Mish()(1.0).item(), 4)
    0.8651
    """

    @own_keywords
    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, input: ArrayLike) -> Tensor:
        return F.mish(input)


class LogSigmoid(Module):
    """log(sigmoid(x)), without underflow.

    >>> from tinygrad_edu import nn; nn.LogSigmoid()(-1000.0).item()
    -1000.0
    """

    def forward(self, input: ArrayLike) -> Tensor:
        return F.logsigmoid(input)


class Softsign(Module):
    """x / (1 + abs(x)). Source: Bergstra et al. (2009).

    >>> from tinygrad_edu import nn; nn.Softsign()([-1.0, 3.0]).tolist()
    [-0.5, 0.75]
    """

    def forward(self, input: ArrayLike) -> Tensor:
        return F.softsign(input)


class Tanhshrink(Module):
    """x - tanh(x).

    >>> from tinygrad_edu import nn; round(nn.Tanhshrink()(1.0).item(), 4)
    0.2384
    """

    def forward(self, input: ArrayLike) -> Tensor:
        return F.tanhshrink(input)


class Softplus(Module):
    """log(1 + exp(beta * x)) / beta; x itself where `beta * x > threshold`. Source: Dugas et al. (2001).

    >>> from tinygrad_edu import nn
    >>> round(nn.Softplus()(0.0).item(), 4)
    0.6931
    """

    @settings
    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: ArrayLike) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)


class Hardtanh(Module):
    """x, moved into the interval from `min_val` to `max_val`.

    Source: Collobert, "Large scale machine learning" (2004).

    >>> from tinygrad_edu import nn
    >>> nn.Hardtanh(0.0, 2.0)([-1.0, 0.5, 3.0]).tolist()
    [0.0, 0.5, 2.0]
    """

    @settings
    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.min_val, self.max_val = min_val, max_val

    def forward(self, input: ArrayLike) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val)


class ReLU6(Hardtanh):
    """x, moved into the interval from 0 to 6. Source: Krizhevsky (2010).

    >>> from tinygrad_edu import nn
    >>> nn.ReLU6()([-1.0, 3.0, 8.0]).tolist()
    [0.0, 3.0, 6.0]
    """

    @own_keywords
    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0)


class Hardsigmoid(Module):
    """x / 6 + 1 / 2, moved into the interval from 0 to 1. Source: Howard et al. (2019).

    >>> from tinygrad_edu import nn; nn.Hardsigmoid()([-4.0, 0.0, 4.0]).tolist()
    [0.0, 0.5, 1.0]
    """

    @own_keywords
    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, input: ArrayLike) -> Tensor:
        return F.hardsigmoid(input)


class Hardswish(Module):
    """x * hardsigmoid(x). Source: Howard et al. (2019).

    >>> from tinygrad_edu import nn; nn.Hardswish()([1.5, 4.0]).tolist()
    [1.125, 4.0]
    """

    @own_keywords
    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, input: ArrayLike) -> Tensor:
        return F.hardswish(input)


class Hardshrink(Module):
    """x where it is larger than `lambd` in size, else 0. Source: Donoho and Johnstone (1994).

    >>> from tinygrad_edu import nn; nn.Hardshrink()([0.25, -1.0]).tolist()
    [0.0, -1.0]
    """

    @settings
    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: ArrayLike) -> Tensor:
        return F.hardshrink(input, self.lambd)


class Softshrink(Module):
    """x moved by `lambd` towards 0, and 0 where it is smaller than that in size. Source: Donoho (1995).

    >>> from tinygrad_edu import nn
    >>> nn.Softshrink()([0.25, -1.0, 2.0]).tolist()
    [0.0, -0.5, 1.5]
    """

    @settings
    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: ArrayLike) -> Tensor:
        return F.softshrink(input, self.lambd)


class Threshold(Module):
    """x where it is larger than `threshold`, else `value`.

    >>> from tinygrad_edu import nn
    >>> nn.Threshold(1.0, -5.0)([0.5, 2.0]).tolist()
    [-5.0, 2.0]
    """

    @settings
    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold, self.value = threshold, value

    def forward(self, input: ArrayLike) -> Tensor:
        return F.threshold(input, self.threshold, self.value)


class RReLU(Module):
    """Leaky ReLU whose slope is drawn for each entry in training, and the mean of `lower` and `upper` otherwise.

    Source: Xu et al. (2015).

    >>> from tinygrad_edu import nn
    >>> nn.RReLU(0.25, 0.75).eval()([-1.0, 2.0]).tolist()
    [-0.5, 2.0]
    """

    @settings
    def __init__(
        self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False, *, rng: Generator | None = None
    ) -> None:
        super().__init__()
        self.lower, self.upper, self.rng = lower, upper, rng

    def forward(self, input: ArrayLike) -> Tensor:
        guards.note_mode(self, input)
        return F.rrelu(input, self.lower, self.upper, self.training, rng=self.rng)


class GLU(Module):
    """a * sigmoid(b) for the halves a and b of the input along `axis`. Source: Dauphin et al. (2017).

    >>> from tinygrad_edu import nn
    >>> nn.GLU()([4.0, 8.0, 0.0, 0.0]).tolist()
    [2.0, 4.0]
    """

    @settings
    def __init__(self, axis: int = -1, *, dim: int | None = None) -> None:
        super().__init__()
        self.axis = axis if dim is None else spelled("GLU", axis, -1, dim)

    def forward(self, input: ArrayLike) -> Tensor:
        return F.glu(input, self.axis)
