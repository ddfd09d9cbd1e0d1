"""Activations: functions of each entry, and softmax, a function of rows.

`inplace` is taken where PyTorch has it, and changes nothing: the result is the same, and the input stays as it is.
"""

from __future__ import annotations

from ... import ops
from ...annotations import ArrayLike, DTypeLike
from ...engine import Variable
from ...errors import ShapeError
from ...functions.arguments import lift, row_axis, single, spelled
from ...functions.elementwise import sigmoid, tanh
from ...functions.settings import settings
from ...random import Generator, or_shared
from ...tensor import Tensor


def relu(input: ArrayLike, inplace: bool = False) -> Tensor:
    """max(x, 0); its derivative at 0 is 0.

    Source: Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines" (2010).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.relu([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """
    return ops.relu.unary(input if isinstance(input, Variable) else lift(input, "relu"))


@settings
def leaky_relu(input: ArrayLike, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where it is positive, else `negative_slope * x`.

    Source: Maas et al., "Rectifier nonlinearities improve neural network acoustic models" (2013).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.leaky_relu([-2.0, 3.0], 0.25).tolist()
    [-0.5, 3.0]
    """
    x = lift(input, "leaky_relu")
    if isinstance(negative_slope, Variable):  # a slope that needs a gradient
        return ops.where(x > 0, x, x * negative_slope)
    return ops.leaky_relu(x, slope=negative_slope)


@settings
def prelu(input: ArrayLike, weight: ArrayLike) -> Tensor:
    """Leaky ReLU with a learned slope: one, or one for each channel (axis 1).

    Source: He et al., "Delving deep into rectifiers" (2015).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.prelu([[-1.0, -1.0]], [0.25, 0.5]).tolist()
    [[-0.25, -0.5]]
    """
    x, weight = lift(input, "prelu"), lift(weight, "prelu")
    weight = weight.reshape((-1,) + (1,) * (x.ndim - 2) if weight.size > 1 else ())
    return ops.where(x > 0, x, x * weight)


@settings
def elu(input: ArrayLike, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where it is positive, else `alpha * (exp(x) - 1)`.

    Source: Clevert et al., "Fast and accurate deep network learning by exponential linear units" (2016).

    >>> import tinygrad_edu.nn.functional as F
    >>> round(F.elu(-1.0).item(), 4), F.elu(2.0).item()
    (-0.6321, 2.0)
    """
    x = lift(input, "elu")
    if isinstance(alpha, Variable):  # one that needs a gradient
        return ops.where(x > 0, x, ops.expm1(ops.where(x > 0, 0, x)) * alpha)
    return ops.elu(x, alpha=alpha, scale=1.0)


@settings
def celu(input: ArrayLike, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where it is positive, else `alpha * (exp(x / alpha) - 1)`.

    Source: Barron, "Continuously differentiable exponential linear units" (2017).

    >>> import tinygrad_edu.nn.functional as F
    >>> round(F.celu(-2.0, alpha=2.0).item(), 4)
    -1.2642
    """
    x = lift(input, "celu")
    return ops.where(x > 0, x, ops.expm1(ops.where(x > 0, 0, x) / alpha) * alpha)


def selu(input: ArrayLike, inplace: bool = False) -> Tensor:
    """ELU scaled so that activations keep mean 0 and variance 1.

    Source: Klambauer et al., "Self-normalizing neural networks" (2017).

    >>> import tinygrad_edu.nn.functional as F
    >>> round(F.selu(1.0).item(), 4), round(F.selu(-1.0).item(), 4)
    (1.0507, -1.1113)
    """
    alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
    return ops.elu(lift(input, "selu"), alpha=alpha, scale=scale)


@settings
def gelu(input: ArrayLike, approximate: str = "none") -> Tensor:
    """x times the normal distribution function of x; "tanh" approximates it.

    Source: Hendrycks and Gimpel, "Gaussian error linear units" (2016). Errors: a ValueError for another `approximate`.

    >>> import tinygrad_edu.nn.functional as F
    >>> round(F.gelu(1.0).item(), 4), round(F.gelu(1.0, "tanh").item(), 4)
    (0.8413, 0.8412)
    """
    x = lift(input, "gelu")
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh'; got {approximate!r}; choose one")
    return ops.gelu.unary(x) if approximate == "none" else ops.gelu_tanh.unary(x)


def silu(input: ArrayLike, inplace: bool = False) -> Tensor:
    """x * sigmoid(x). Also called swish. Source: Hendrycks and Gimpel, "Gaussian error linear units" (2016).

    >>> import tinygrad_edu.nn.functional as F
    >>> round(F.silu(1.0).item(), 4)
    0.7311
    """
    return ops.silu.unary(lift(input, "silu"))


@single
def mish(input: ArrayLike, inplace: bool = False) -> Tensor:
    """x * tanh(log(1 + exp(x))). Source: Misra, "Mish: a self regularized non-monotonic activation function" (2019).

    >>> import tinygrad_edu.nn.functional as F
    >>> round(F.mish(1.0).item(), 4)
    0.8651
    """
    x = lift(input, "mish")
    return x * tanh(ops.softplus(x))


@settings
def softplus(input: ArrayLike, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta * x)) / beta; x itself where `beta * x > threshold`.

    Source: Dugas et al., "Incorporating second-order functional knowledge for better option pricing" (2001).

    >>> import tinygrad_edu.nn.functional as F
    >>> round(F.softplus(0.0).item(), 4), F.softplus(100.0).item()
    (0.6931, 100.0)
    """
    return ops.softplus(lift(input, "softplus"), beta=beta, threshold=threshold)


@settings
def hardtanh(input: ArrayLike, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x, moved into the interval from `min_val` to `max_val`; its derivative at the ends is 0.

    Source: Collobert, "Large scale machine learning" (2004).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.hardtanh([-2.0, 0.5, 3.0]).tolist()
    [-1.0, 0.5, 1.0]
    """
    x = lift(input, "hardtanh")
    return ops.where(x <= min_val, min_val, ops.where(x >= max_val, max_val, x))


@settings
def relu6(input: ArrayLike, inplace: bool = False) -> Tensor:
    """x, moved into the interval from 0 to 6.

    Source: Krizhevsky, "Convolutional deep belief networks on CIFAR-10" (2010).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.relu6([-1.0, 3.0, 8.0]).tolist()
    [0.0, 3.0, 6.0]
    """
    return hardtanh(input, 0.0, 6.0)


@single
def hardsigmoid(input: ArrayLike, inplace: bool = False) -> Tensor:
    """x / 6 + 1 / 2, moved into the interval from 0 to 1. Source: Howard et al., "Searching for MobileNetV3" (2019).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.hardsigmoid([-4.0, 0.0, 4.0]).tolist()
    [0.0, 0.5, 1.0]
    """
    return hardtanh(lift(input, "hardsigmoid") / 6 + 0.5, 0.0, 1.0)


@single
def hardswish(input: ArrayLike, inplace: bool = False) -> Tensor:
    """x * hardsigmoid(x). Source: Howard et al., "Searching for MobileNetV3" (2019).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.hardswish([1.5, 4.0]).tolist()
    [1.125, 4.0]
    """
    x = lift(input, "hardswish")
    return x * hardsigmoid(x)


@settings
def hardshrink(input: ArrayLike, lambd: float = 0.5) -> Tensor:
    """x where it is larger than `lambd` in size, else 0.

    Source: Donoho and Johnstone, "Ideal spatial adaptation by wavelet shrinkage" (1994).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.hardshrink([0.25, -1.0]).tolist()
    [0.0, -1.0]
    """
    x = lift(input, "hardshrink")
    return ops.where(ops.abs(x) > lambd, x, 0)


@settings
def softshrink(input: ArrayLike, lambd: float = 0.5) -> Tensor:
    """x moved by `lambd` towards 0, and 0 where it is smaller than that in size.

    Source: Donoho, "De-noising by soft-thresholding" (1995). Errors: a ValueError for a `lambd` below 0.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.softshrink([0.25, -1.0, 2.0]).tolist()
    [0.0, -0.5, 1.5]
    """
    if lambd < 0:
        raise ValueError(f"softshrink: lambd must be 0 or more; got {lambd}; use e.g. 0.5")
    x = lift(input, "softshrink")
    return ops.where(x > lambd, x - lambd, ops.where(x < -lambd, x + lambd, 0))


@single
def tanhshrink(input: ArrayLike) -> Tensor:
    """x - tanh(x).

    >>> import tinygrad_edu.nn.functional as F
    >>> round(F.tanhshrink(1.0).item(), 4)
    0.2384
    """
    x = lift(input, "tanhshrink")
    return x - tanh(x)


@single
def softsign(input: ArrayLike) -> Tensor:
    """x / (1 + abs(x)). Source: Bergstra et al., "Quadratic polynomials learn better image features" (2009).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.softsign([-1.0, 3.0]).tolist()
    [-0.5, 0.75]
    """
    x = lift(input, "softsign")
    return x / (ops.abs(x) + 1)


@settings
def threshold(input: ArrayLike, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where it is larger than `threshold`, else `value`.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.threshold([0.5, 2.0], threshold=1.0, value=-5.0).tolist()
    [-5.0, 2.0]
    """
    x = lift(input, "threshold")
    return ops.where(x > threshold, x, value)


@settings
def rrelu(
    input: ArrayLike, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False,
    rng: Generator | None = None,
) -> Tensor:  # fmt: skip
    """x where it is positive, else x times a slope: in training, one drawn for each entry between `lower` and `upper`,
    otherwise their mean. Errors: a ValueError unless `lower` is at most `upper`.

    Source: Xu et al., "Empirical evaluation of rectified activations in convolutional network" (2015).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.rrelu([-1.0, 2.0], 0.25, 0.75).tolist()
    [-0.5, 2.0]
    >>> -0.75 <= F.rrelu(-1.0, 0.25, 0.75, training=True).item() <= -0.25
    True
    """
    x = lift(input, "rrelu")
    if not lower <= upper:
        raise ValueError(f"rrelu: lower must be at most upper; got {lower} and {upper}; swap them")
    drawn = training and x.dtype.kind == "f"
    slope = or_shared(rng).uniform(lower, upper, x.shape, x.dtype) if drawn else (lower + upper) / 2
    return ops.where(x > 0, x, x * slope)


@single
def glu(input: ArrayLike, axis: int = -1, *, dim: int | None = None) -> Tensor:
    """a * sigmoid(b) for the halves a and b of `input` along `axis`. An odd length raises a ShapeError.

    Source: Dauphin et al., "Language modeling with gated convolutional networks" (2017).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.glu([4.0, 8.0, 0.0, 0.0]).tolist()
    [2.0, 4.0]
    """
    axis = axis if dim is None else spelled("glu", axis, -1, dim)
    x = lift(input, "glu")
    axes = row_axis("glu", axis, x.ndim)
    n = x.shape[axes[0]] if axes else 1
    if n % 2:
        raise ShapeError(f"glu: the axis must have an even length; got {n} for shape {x.shape}; choose another")
    before = (slice(None),) * axes[0]
    return x[(*before, slice(0, n // 2))] * sigmoid(x[(*before, slice(n // 2, n))])


@settings
def logsigmoid(input: ArrayLike) -> Tensor:
    """log(sigmoid(x)), without underflow.

    >>> import tinygrad_edu.nn.functional as F
    >>> round(F.logsigmoid(0.0).item(), 4), F.logsigmoid(-1000.0).item()
    (-0.6931, -1000.0)
    """
    return -ops.softplus(-lift(input, "logsigmoid"))


@settings
def log_softmax(input: ArrayLike, axis: int = -1, *, dim: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """x - logsumexp(x) along `axis`, the log of softmax; computed in `dtype`, if given. Source: Bridle (1990).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.log_softmax([0.0, 0.0]).exp().tolist()
    [0.5, 0.5]
    """
    axis = axis if dim is None else spelled("log_softmax", axis, -1, dim)
    x = lift(input, "log_softmax") if dtype is None else lift(input, "log_softmax").astype(dtype)
    return ops.log_softmax(x, axis=row_axis("log_softmax", axis, x.ndim))


@settings
def softmax(input: ArrayLike, axis: int = -1, *, dim: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """exp(x) / sum(exp(x)) along `axis`, without overflow; computed in `dtype`, if given. Source: Bridle (1990).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.softmax([0.0, 0.0]).tolist()
    [0.5, 0.5]
    """
    axis = axis if dim is None else spelled("softmax", axis, -1, dim)
    x = lift(input, "softmax") if dtype is None else lift(input, "softmax").astype(dtype)
    return ops.softmax(x, axis=row_axis("softmax", axis, x.ndim))


@settings
def softmin(input: ArrayLike, axis: int = -1, *, dim: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """softmax(-x) along `axis`, in `dtype`, if given. Source: Bridle (1990).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.softmin([0.0, 0.0]).tolist()
    [0.5, 0.5]
    """
    return softmax(-lift(input, "softmin"), axis, dim=dim, dtype=dtype)


@settings
def gumbel_softmax(
    logits: ArrayLike,
    tau: float = 1.0,
    hard: bool = False,
    eps: float = 1e-10,
    axis: int = -1,
    *,
    dim: int | None = None,
    rng: Generator | None = None,
) -> Tensor:
    """softmax((logits + noise) / tau) along `axis`: random shares that come near to a draw of one class.

    The noise has the standard Gumbel distribution. With `hard`, the value is 1 for the largest share and 0 for the
    others, and the gradient is that of the shares. `eps` has no effect, as in PyTorch.
    Source: Jang et al., "Categorical reparameterization with Gumbel-softmax" (2017).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.gumbel_softmax([0.0, 100.0], hard=True).tolist()
    [0.0, 1.0]
    """
    axis = axis if dim is None else spelled("gumbel_softmax", axis, -1, dim)
    x = lift(logits, "gumbel_softmax")
    axes = row_axis("gumbel_softmax", axis, x.ndim)
    noise = or_shared(rng).draw("gumbel", size=x.shape).astype(x.dtype if x.dtype.kind == "f" else "float32")
    shares = ops.softmax((x + noise) / tau, axis=axes)
    if not hard:
        return shares
    chosen = shares == ops.max(shares, axis=axes, keepdims=True)
    return shares + ops.where(chosen, 1 - shares.detach(), -shares.detach())


__all__ = [
    "celu", "elu", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu",
    "log_softmax", "logsigmoid", "mish", "prelu", "relu", "relu6", "rrelu", "selu", "sigmoid", "silu", "softmax",
    "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
]  # fmt: skip
