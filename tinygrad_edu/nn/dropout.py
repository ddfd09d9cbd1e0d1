"""Dropout layers."""

from __future__ import annotations

from typing import Any

from ..annotations import ArrayLike
from ..functions.settings import Probability, settings
from ..random import Generator
from ..tensor import Tensor
from . import functional as F
from . import guards
from .module import Module


class _Dropout(Module):
    """What the kinds of dropout share: a probability, and where chance comes from."""

    drop: Any = None  # the function of each kind

    @settings
    def __init__(self, p: Probability = 0.5, inplace: bool = False, *, rng: Generator | None = None) -> None:
        super().__init__()
        self.p, self.rng = p, rng

    def forward(self, input: ArrayLike) -> Tensor:
        guards.note_mode(self, input)
        return self.drop(input, self.p, self.training, rng=self.rng)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class Dropout(_Dropout):
    """In training, each entry is set to 0 with probability `p`, the others are divided by 1 - p.

    Source: Srivastava et al. (2014).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn, random
    >>> drop = nn.Dropout(0.5, rng=random.default_rng(0))
    >>> drop(tg.ones(4)).tolist(), drop.eval()(tg.ones(4)).tolist()
    ([0.0, 2.0, 2.0, 2.0], [1.0, 1.0, 1.0, 1.0])
    """

    drop = staticmethod(F.dropout)


class Dropout1d(_Dropout):
    """In training, each channel is set to 0 with probability `p`, the others are divided by 1 - p: `(n, c, l)`.

    See `F.dropout1d`. Source: Tompson et al. (2015).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn, random
    >>> nn.Dropout1d(0.5, rng=random.default_rng(0))(tg.ones((1, 3, 2))).tolist()
    [[[0.0, 0.0], [2.0, 2.0], [2.0, 2.0]]]
    """

    drop = staticmethod(F.dropout1d)


class Dropout2d(_Dropout):
    """In training, each channel is set to 0 with probability `p`, the others are divided by 1 - p: `(n, c, h, w)`.

    See `F.dropout2d`. Source: Tompson et al. (2015).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn, random
    >>> nn.Dropout2d(0.5, rng=random.default_rng(0))(tg.ones((1, 3, 1, 2))).tolist()
    [[[[0.0, 0.0]], [[2.0, 2.0]], [[2.0, 2.0]]]]
    """

    drop = staticmethod(F.dropout2d)


class Dropout3d(_Dropout):
    """In training, each channel is set to 0 with probability `p`, the others are divided by 1 - p:
    `(n, c, d, h, w)`.

    See `F.dropout3d`. Source: Tompson et al. (2015).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn, random
    >>> nn.Dropout3d(0.5, rng=random.default_rng(0))(tg.ones((1, 3, 1, 1, 2))).tolist()
    [[[[[0.0, 0.0]]], [[[2.0, 2.0]]], [[[2.0, 2.0]]]]]
    """

    drop = staticmethod(F.dropout3d)


class AlphaDropout(_Dropout):
    """Dropout that keeps mean 0 and variance 1 of what SELU gives: see `F.alpha_dropout`.

    Source: Klambauer et al. (2017).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn, random
    >>> drop = nn.AlphaDropout(0.5, rng=random.default_rng(0))
    >>> [round(v, 3) for v in drop(tg.zeros(4)).tolist()], drop.eval()(tg.zeros(4)).tolist()
    ([-0.779, 0.779, 0.779, 0.779], [0.0, 0.0, 0.0, 0.0])
    """

    drop = staticmethod(F.alpha_dropout)


class FeatureAlphaDropout(_Dropout):
    """AlphaDropout of whole channels: `(n, c, ...)`. Source: Klambauer et al. (2017).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn, random
    >>> y = nn.FeatureAlphaDropout(0.5, rng=random.default_rng(0))(tg.zeros((1, 3, 2)))
    >>> [[round(v, 3) for v in channel] for channel in y[0].tolist()]
    [[-0.779, -0.779], [0.779, 0.779], [0.779, 0.779]]
    """

    drop = staticmethod(F.feature_alpha_dropout)
