"""Initial values, written into a tensor in place, which is returned. Chance comes from `rng`, or from
the shared generator."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..annotations import Array
from ..errors import ShapeError
from ..functions.settings import Leaf, Positive, settings
from ..interop.names import guide as _guide
from ..random import Generator, or_shared

if TYPE_CHECKING:
    from ..tensor import Tensor

GAINS = {
    "linear": 1.0, "sigmoid": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv_transpose2d": 1.0,
    "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75,
}  # fmt: skip


def _write(t: Tensor, values: Array) -> Any:
    t.data = values
    return t


@settings
def constant_(tensor: Leaf, val: float) -> Any:
    """`val` everywhere.

    >>> from tinygrad_edu import nn
    >>> nn.init.constant_(nn.Parameter([0.0, 0.0]), 0.5).tolist()
    [0.5, 0.5]
    """
    return _write(tensor, np.full(tensor.shape, val))


@settings
def zeros_(tensor: Leaf) -> Any:
    """0 everywhere.

    >>> from tinygrad_edu import nn
    >>> nn.init.zeros_(nn.Parameter([1.0, 2.0])).tolist()
    [0.0, 0.0]
    """
    return constant_(tensor, 0.0)


@settings
def ones_(tensor: Leaf) -> Any:
    """1 everywhere.

    >>> from tinygrad_edu import nn
    >>> nn.init.ones_(nn.Parameter([0.0, 2.0])).tolist()
    [1.0, 1.0]
    """
    return constant_(tensor, 1.0)


@settings
def uniform_(tensor: Leaf, a: float = 0.0, b: float = 1.0, rng: Generator | None = None) -> Any:
    """Random numbers, uniform between `a` and `b`.

    Errors: a ValueError unless the bounds are finite, the lower first.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> w = nn.init.uniform_(nn.Parameter(tg.zeros(10_000)), -2.0, 3.0, tg.random.default_rng(0))
    >>> round(w.min().item(), 1), round(w.max().item(), 1)
    (-2.0, 3.0)
    """
    if not (math.isfinite(a) and math.isfinite(b) and a <= b and math.isfinite(b - a)):
        raise ValueError(f"uniform_: bounds must be finite, the lower first; got {a} and {b}; use e.g. 0 and 1")
    return _write(tensor, or_shared(rng).draw("uniform", a, b, tensor.shape))


@settings
def normal_(tensor: Leaf, mean: float = 0.0, std: float = 1.0, rng: Generator | None = None) -> Any:
    """Normal numbers around `mean`, with standard deviation `std`.

    Errors: a ValueError for a `std` below 0.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> w = nn.init.normal_(nn.Parameter(tg.zeros(10_000)), 1.0, 0.5, tg.random.default_rng(0))
    >>> round(w.mean().item(), 1), round(w.data.std().item(), 1)
    (1.0, 0.5)
    """
    if not std >= 0:
        raise ValueError(f"normal_: std must be 0 or more; got {std}; use e.g. 1.0")
    return _write(tensor, or_shared(rng).draw("normal", mean, std, tensor.shape))


@settings
def trunc_normal_(
    tensor: Leaf, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, rng: Generator | None = None
) -> Any:
    """Normal numbers, drawn again until they lie from `a` to `b` (bounds, not numbers of deviations).

    Errors: a ValueError where hardly any of the distribution lies between the bounds. Source: J. von Neumann, "Various
    techniques used in connection with random digits" (1951).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> w = nn.init.trunc_normal_(nn.Parameter(tg.zeros(10_000)), a=-1.0, b=0.5, rng=tg.random.default_rng(0))
    >>> round(w.min().item(), 1), round(w.max().item(), 1)
    (-1.0, 0.5)
    """
    if not (0 < std < float("inf")) or mean + 40 * std < a or mean - 40 * std > b or not a < b:
        raise ValueError(f"trunc_normal_: the bounds must hold some of the distribution; got {a} to {b}; widen them")
    held = math.erf((b - mean) / std / 2**0.5) - math.erf((a - mean) / std / 2**0.5)
    if held < 1e-3:
        raise ValueError(f"trunc_normal_: the bounds must hold some of the distribution; got {a} to {b}; widen them")
    draw = or_shared(rng).draw
    values = draw("normal", mean, std, tensor.shape)
    while (out := (values < a) | (values > b)).any():
        values[out] = draw("normal", mean, std, int(out.sum()))
    return _write(tensor, values)


@settings
def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the variance of activations steady through a nonlinearity.

    It is sqrt(2) for relu, 5 / 3 for tanh, sqrt(2 / (1 + slope**2)) for leaky_relu.
    Source: He et al. (2015) for the kinds of relu; the others are PyTorch's.
    Errors: a ValueError for another nonlinearity.

    >>> from tinygrad_edu import nn
    >>> round(nn.init.calculate_gain("relu"), 4), nn.init.calculate_gain("leaky_relu", 1.0)
    (1.4142, 1.0)
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in GAINS:
        raise ValueError(
            f"calculate_gain: nonlinearity must be leaky_relu or one of {', '.join(GAINS)}; got "
            f"{nonlinearity!r}; choose one"
        )
    return GAINS[nonlinearity]


@settings
def fans(tensor: Leaf) -> tuple[int, int]:
    """How many inputs an output has, and how many outputs an input: of a matrix, or of kernels.

    Of shape (out, in, *kernel): in and out, each times the entries of a kernel. Biases have none: a ShapeError.
    Source: Glorot and Bengio (2010).

    >>> from tinygrad_edu import nn
    >>> nn.init.fans(nn.Linear(3, 2).weight), nn.init.fans(nn.Conv2d(3, 8, 5).weight)
    ((3, 2), (75, 200))
    """
    if len(tensor.shape) < 2:
        raise ShapeError(f"init: fan in and fan out need two axes or more; got {tensor.shape}; use uniform_")
    if not math.prod(tensor.shape):
        raise ShapeError(f"init: the tensor must have entries; got shape {tensor.shape}; use another")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


@settings
def xavier_uniform_(tensor: Leaf, gain: float = 1.0, rng: Generator | None = None) -> Any:
    """Uniform to +-gain * sqrt(6 / (fan_in + fan_out)).

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> w = nn.init.xavier_uniform_(nn.Parameter(tg.zeros((200, 400))), rng=tg.random.default_rng(0))
    >>> round(abs(w).max().item(), 3)  # sqrt(6 / 600)
    0.1
    """
    bound = gain * math.sqrt(6 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound, rng)


@settings
def xavier_normal_(tensor: Leaf, gain: float = 1.0, rng: Generator | None = None) -> Any:
    """Normal with deviation gain * sqrt(2 / (fan_in + fan_out)). Source: Glorot and Bengio (2010).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> w = nn.init.xavier_normal_(nn.Parameter(tg.zeros((100, 100))), rng=tg.random.default_rng(0))
    >>> round(w.data.std().item(), 2)  # sqrt(2 / 200)
    0.1
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(fans(tensor))), rng)


def _kaiming(tensor: Leaf, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"init: mode must be 'fan_in' or 'fan_out'; got {mode!r}; choose one")
    return calculate_gain(nonlinearity, a) / math.sqrt(fans(tensor)[mode == "fan_out"])


@settings
def kaiming_uniform_(
    tensor: Leaf, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", rng: Generator | None = None
) -> Any:
    """Uniform to +-gain * sqrt(3 / fan). Source: He et al., "Delving deep into rectifiers" (2015).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> w = nn.init.kaiming_uniform_(nn.Parameter(tg.zeros((100, 600))), rng=tg.random.default_rng(0))
    >>> round(abs(w).max().item(), 3)  # sqrt(2) * sqrt(3 / 600)
    0.1
    """
    bound = math.sqrt(3) * _kaiming(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, rng)


@settings
def kaiming_normal_(
    tensor: Leaf, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", rng: Generator | None = None
) -> Any:
    """Normal with deviation gain / sqrt(fan). Source: He et al. (2015).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> w = nn.init.kaiming_normal_(nn.Parameter(tg.zeros((100, 200))), rng=tg.random.default_rng(0))
    >>> round(w.data.std().item(), 2)  # sqrt(2) / sqrt(200)
    0.1
    """
    return normal_(tensor, 0.0, _kaiming(tensor, a, mode, nonlinearity), rng)


@settings
def orthogonal_(tensor: Leaf, gain: float = 1.0, rng: Generator | None = None) -> Any:
    """Rows (or columns) that are orthonormal, times `gain`.

    Source: Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks" (2014).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> w = nn.init.orthogonal_(nn.Parameter(tg.zeros((2, 3))), rng=tg.random.default_rng(0))
    >>> abs((w @ w.mT).detach()).round(4).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    fans(tensor)
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    q, r = np.linalg.qr(or_shared(rng).draw("standard_normal", (max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diagonal(r))  # makes the distribution uniform over orthogonal matrices
    return _write(tensor, gain * (q.T if rows < columns else q).reshape(tensor.shape))


@settings
def eye_(tensor: Leaf) -> Any:
    """1 on the diagonal of a matrix, 0 elsewhere. Errors: a ShapeError unless it has two axes.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.init.eye_(nn.Parameter(tg.zeros((2, 3)))).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    return _write(tensor, np.eye(*_matrix("eye_", tensor)))


@settings
def dirac_(tensor: Leaf, groups: Positive = 1) -> Any:
    """Kernels with which a convolution gives back its input: 1 in the middle, from channel i to channel i of a group.

    Errors: a ShapeError unless the tensor has 3 to 5 axes, and `groups` divides the first.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.init.dirac_(nn.Parameter(tg.zeros((2, 2, 3)))).tolist()
    [[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]
    """
    shape = tensor.shape
    if not 3 <= len(shape) <= 5 or shape[0] % groups:
        raise ShapeError(
            f"dirac_: the tensor must be (out, in, *kernel), with a first axis that groups divides; got {shape} and "
            f"{groups}; use kernels of a convolution"
        )
    values = np.zeros(shape)
    out = shape[0] // groups
    for i in range(min(out, shape[1])):
        one: Any = (slice(i, None, out), i, *(n // 2 for n in shape[2:]))
        values[one] = 1
    return _write(tensor, values)


@settings
def sparse_(tensor: Leaf, sparsity: float, std: float = 0.01, rng: Generator | None = None) -> Any:
    """Normal numbers with deviation `std`, of which a share `sparsity` in each column, rounded up, is 0.

    Errors: a ShapeError unless it has two axes, a ValueError for a share that is not from 0 to 1 or a `std` below 0.
    Source: Martens, "Deep learning via Hessian-free optimization" (2010).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> w = nn.init.sparse_(nn.Parameter(tg.zeros((4, 3))), 0.5, rng=tg.random.default_rng(0))
    >>> (w == 0).sum(axis=0).tolist()
    [2, 2, 2]
    """
    rows, columns = _matrix("sparse_", tensor)
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparse_: sparsity must be from 0 to 1; got {sparsity}; use e.g. 0.9")
    if not std >= 0:
        raise ValueError(f"sparse_: std must be 0 or more; got {std}; use e.g. 0.01")
    draw = or_shared(rng).draw
    values = draw("normal", 0.0, std, (rows, columns))
    places = np.argsort(draw("random", (rows, columns)), 0)[: math.ceil(sparsity * rows)]
    np.put_along_axis(values, places, 0, 0)
    return _write(tensor, values)


def _matrix(who: str, tensor: Leaf) -> tuple[int, int]:
    if len(tensor.shape) != 2:
        raise ShapeError(f"{who}: the tensor must be a matrix; got shape {tensor.shape}; use another")
    return tensor.shape


_guide(__name__, "nn.init")
