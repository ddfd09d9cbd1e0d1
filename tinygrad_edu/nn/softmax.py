"""Softmax, its logarithm and its relatives as modules; the functions are in `nn.functional`."""

from __future__ import annotations

from ..annotations import ArrayLike
from ..functions.arguments import lift, spelled
from ..functions.settings import settings
from ..tensor import Tensor
from . import functional as F
from .functional.convolution import must_have_axes
from .module import Module


class _AlongAxis(Module):
    """A layer of one axis, by default the last."""

    @settings
    def __init__(self, axis: int = -1, *, dim: int | None = None) -> None:
        super().__init__()
        self.axis = axis if dim is None else spelled(type(self).__name__, axis, -1, dim)


class Softmax(_AlongAxis):
    """exp(x) / sum(exp(x)) along `axis`.

    Source: Bridle, "Probabilistic interpretation of feedforward classification network outputs, with relationships to
    statistical pattern recognition" (1990).

    >>> from tinygrad_edu import nn
    >>> nn.Softmax(axis=0)([[1.0, 2.0], [1.0, 2.0]]).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """

    def forward(self, input: ArrayLike) -> Tensor:
        return F.softmax(input, self.axis)


class LogSoftmax(_AlongAxis):
    """x - logsumexp(x) along `axis`. Source: Bridle (1990).

    >>> from tinygrad_edu import nn
    >>> nn.LogSoftmax()([0.0, 0.0]).exp().tolist()
    [0.5, 0.5]
    """

    def forward(self, input: ArrayLike) -> Tensor:
        return F.log_softmax(input, self.axis)


class Softmin(_AlongAxis):
    """softmax(-x) along `axis`. Source: Bridle (1990).

    >>> from tinygrad_edu import nn; nn.Softmin()([0.0, 1000.0]).tolist()
    [1.0, 0.0]
    """

    def forward(self, input: ArrayLike) -> Tensor:
        return F.softmin(input, self.axis)


class Softmax2d(Module):
    """softmax over the channels: `(n, c, h, w)` or `(c, h, w)`. Source: Bridle (1990).

    >>> from tinygrad_edu import nn
    >>> nn.Softmax2d()([[[1.0, 2.0]], [[1.0, 2.0]]]).tolist()
    [[[0.5, 0.5]], [[0.5, 0.5]]]
    """

    def forward(self, input: ArrayLike) -> Tensor:
        x = lift(input, "Softmax2d")
        must_have_axes(x, 2, "Softmax2d")
        return F.softmax(x, -3)
