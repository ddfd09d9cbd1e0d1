"""Dropout: entries, or whole channels, taken away by chance in training."""

from __future__ import annotations

from typing import Any

from ...annotations import ArrayLike
from ...functions.arguments import lift
from ...functions.settings import Probability, settings
from ...random import Generator, or_shared
from ...tensor import Tensor
from .convolution import must_have_axes

SATURATED = -1.7580993408473766  # what SELU tends to on the left: -scale * alpha


@settings
def dropout(
    input: ArrayLike,
    p: Probability = 0.5,
    training: bool = True,
    rng: Generator | None = None,
    *,
    inplace: bool = False,
) -> Tensor:
    """Each entry set to 0 with probability `p`, the others divided by 1 - p; `input` itself if not training.

    `p` is from 0 to 1, no percentage.
    Source: Srivastava et al., "Dropout" (2014).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import random
    >>> import tinygrad_edu.nn.functional as F
    >>> F.dropout(tg.ones(4), 0.5, rng=random.default_rng(0)).tolist()
    [0.0, 2.0, 2.0, 2.0]
    >>> F.dropout(tg.ones(4), 0.5, training=False).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    x = lift(input, "dropout")
    return _dropped(x, p, training, rng, x.shape)


def _dropped(x: Tensor, p: float, training: bool, rng: Generator | None, shape: tuple[int, ...]) -> Any:
    """`x` with entries set to 0, as drawn in `shape`, which broadcasts."""
    if not training or p == 0:
        return x
    if p == 1:
        return x * 0.0
    keep = or_shared(rng).bernoulli(1 - p, shape, x.dtype)
    return x * (keep / (1 - p))


def _channel_dropout(n: int, x: ArrayLike, p: float, training: bool, rng: Generator | None) -> Any:
    x = lift(x, f"dropout{n}d")
    must_have_axes(x, n, f"dropout{n}d")
    return _dropped(x, p, training, rng, (*x.shape[:-n], *(1,) * n))


@settings
def dropout1d(
    input: ArrayLike,
    p: Probability = 0.5,
    training: bool = True,
    rng: Generator | None = None,
    *,
    inplace: bool = False,
) -> Tensor:
    """Each channel of `(n, c, l)` or `(c, l)` set to 0 with probability `p`, the others divided by 1 - p.

    Source: Tompson et al., "Efficient object localization using convolutional networks" (2015).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import random
    >>> import tinygrad_edu.nn.functional as F
    >>> F.dropout1d(tg.ones((1, 3, 2)), 0.5, rng=random.default_rng(0)).tolist()
    [[[0.0, 0.0], [2.0, 2.0], [2.0, 2.0]]]
    """
    return _channel_dropout(1, input, p, training, rng)


@settings
def dropout2d(
    input: ArrayLike,
    p: Probability = 0.5,
    training: bool = True,
    rng: Generator | None = None,
    *,
    inplace: bool = False,
) -> Tensor:
    """Each channel of `(n, c, h, w)` or `(c, h, w)` set to 0 with probability `p`; see `dropout1d`.

    Source: Tompson et al. (2015).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import random
    >>> import tinygrad_edu.nn.functional as F
    >>> F.dropout2d(tg.ones((1, 3, 1, 2)), 0.5, rng=random.default_rng(0)).tolist()
    [[[[0.0, 0.0]], [[2.0, 2.0]], [[2.0, 2.0]]]]
    """
    return _channel_dropout(2, input, p, training, rng)


@settings
def dropout3d(
    input: ArrayLike,
    p: Probability = 0.5,
    training: bool = True,
    rng: Generator | None = None,
    *,
    inplace: bool = False,
) -> Tensor:
    """Each channel of `(n, c, d, h, w)` or `(c, d, h, w)` set to 0 with probability `p`; see `dropout1d`.

    Source: Tompson et al. (2015).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import random
    >>> import tinygrad_edu.nn.functional as F
    >>> F.dropout3d(tg.ones((1, 3, 1, 1, 2)), 0.5, rng=random.default_rng(0)).tolist()
    [[[[[0.0, 0.0]]], [[[2.0, 2.0]]], [[[2.0, 2.0]]]]]
    """
    return _channel_dropout(3, input, p, training, rng)


def _saturated(x: Tensor, p: float, training: bool, rng: Generator | None, shape: tuple[int, ...]) -> Any:
    """`x` with entries set to the value that SELU saturates at, then scaled and moved back to mean 0 and variance 1."""
    if not training or p == 0:
        return x
    if p == 1:
        return x * 0.0
    keep = or_shared(rng).bernoulli(1 - p, shape, x.dtype)
    scale = float(((1 - p) * (1 + p * SATURATED**2)) ** -0.5)
    return x * (keep * scale) + ((1 - keep) * SATURATED - SATURATED * p) * scale


@settings
def alpha_dropout(
    input: ArrayLike, p: Probability = 0.5, training: bool = False, inplace: bool = False, rng: Generator | None = None
) -> Tensor:
    """Dropout that keeps mean 0 and variance 1 of what SELU gives: entries become its value far on the left.

    Without `training=True` the input comes back, as in PyTorch.
    Source: Klambauer et al., "Self-normalizing neural networks" (2017).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import random
    >>> import tinygrad_edu.nn.functional as F
    >>> y = F.alpha_dropout(tg.zeros(4), 0.5, training=True, rng=random.default_rng(0))
    >>> [round(v, 3) for v in y.tolist()]
    [-0.779, 0.779, 0.779, 0.779]
    """
    x = lift(input, "alpha_dropout")
    return _saturated(x, p, training, rng, x.shape)


@settings
def feature_alpha_dropout(
    input: ArrayLike, p: Probability = 0.5, training: bool = False, inplace: bool = False, rng: Generator | None = None
) -> Tensor:
    """`alpha_dropout` of whole channels: `(n, c, ...)`.

    Without `training=True` the input comes back. Source: Klambauer et al. (2017).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import random
    >>> import tinygrad_edu.nn.functional as F
    >>> y = F.feature_alpha_dropout(tg.zeros((1, 3, 2)), 0.5, training=True, rng=random.default_rng(0))
    >>> [[round(v, 3) for v in channel] for channel in y[0].tolist()]
    [[-0.779, -0.779], [0.779, 0.779], [0.779, 0.779]]
    """
    x = lift(input, "feature_alpha_dropout")
    return _saturated(x, p, training, rng, (*x.shape[:2], *(1,) * (x.ndim - 2)))


__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]
