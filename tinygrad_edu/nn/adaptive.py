"""Pooling layers whose windows are fitted to a wanted size."""

from __future__ import annotations

from typing import Any

from ..annotations import ArrayLike
from ..functions.settings import settings
from ..random import Generator
from ..tensor import Tensor
from . import functional as F
from .module import Module


class _AdaptiveAvgPool(Module):
    pool: Any = None  # the function of each kind

    @settings
    def __init__(self, output_size: int | tuple[int | None, ...]) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: ArrayLike) -> Tensor:
        return self.pool(input, self.output_size)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """The means of `output_size` windows that cover the input: `(n, c, l) -> (n, c, output_size)`.

    Windows overlap where the lengths do not divide: see `F.adaptive_avg_pool2d`. Source: He et al. (2014).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.AdaptiveAvgPool1d(2)(tg.arange(3.0).reshape(1, 1, 3)).tolist()
    [[[0.5, 1.5]]]
    """

    pool = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """The means of `output_size` windows that cover the input: `(n, c, h, w) -> (n, c, *output_size)`.

    With `output_size` 1, the mean of each channel; None keeps an axis as it is. Source: He et al. (2014).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> x = tg.arange(4.0).reshape(1, 1, 2, 2)
    >>> nn.AdaptiveAvgPool2d(1)(x).tolist(), nn.AdaptiveAvgPool2d((None, 1))(x).tolist()
    ([[[[1.5]]]], [[[[0.5], [2.5]]]])
    """

    pool = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """The means of `output_size` windows that cover the input: `(n, c, d, h, w) -> (n, c, *output_size)`.

    Source: He et al. (2014).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.AdaptiveAvgPool3d((1, 2, None))(tg.ones((1, 3, 4, 5, 6))).shape
    (1, 3, 1, 2, 6)
    """

    pool = staticmethod(F.adaptive_avg_pool3d)


class _AdaptiveMaxPool(Module):
    pool: Any = None  # the function of each kind

    @settings
    def __init__(self, output_size: int | tuple[int | None, ...], return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, input: ArrayLike) -> Tensor:
        return self.pool(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The largest entries of `output_size` windows that cover the input: `(n, c, l) -> (n, c, output_size)`.

    With `return_indices`, also their places: see `F.adaptive_max_pool1d`. Source: He et al. (2014).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.AdaptiveMaxPool1d(2)(tg.tensor([[[1.0, 3.0, 2.0]]])).tolist()
    [[[3.0, 3.0]]]
    """

    pool = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The largest entries of `output_size` windows that cover the input: `(n, c, h, w) -> (n, c, *output_size)`.

    With `return_indices`, also their places. Source: He et al. (2014).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> y, at = nn.AdaptiveMaxPool2d(1, return_indices=True)(tg.tensor([[[1.0, 7.0], [3.0, 5.0]]]))
    >>> y.item(), at.item()
    (7.0, 1)
    """

    pool = staticmethod(F.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The largest entries of `output_size` windows that cover the input: `(n, c, d, h, w) -> (n, c, *output_size)`.

    With `return_indices`, also their places. Source: He et al. (2014).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.AdaptiveMaxPool3d((2, 1, 1))(tg.arange(8.0).reshape(1, 1, 2, 2, 2)).flatten().tolist()
    [3.0, 7.0]
    """

    pool = staticmethod(F.adaptive_max_pool3d)


class _FractionalMaxPool(Module):
    pool: Any = None  # the function of each kind
    _random_samples: Any

    @settings
    def __init__(
        self,
        kernel_size: int | tuple[int, ...],
        output_size: int | tuple[int, ...] | None = None,
        output_ratio: object = None,
        return_indices: bool = False,
        _random_samples: ArrayLike | None = None,
        *,
        rng: Generator | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size, self.output_size, self.output_ratio = kernel_size, output_size, output_ratio
        self.return_indices, self.rng = return_indices, rng
        self.register_buffer("_random_samples", _random_samples)

    def forward(self, input: ArrayLike) -> Tensor:
        return self.pool(
            input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices, self._random_samples,
            rng=self.rng,
        )  # fmt: skip


class FractionalMaxPool2d(_FractionalMaxPool):
    """The largest entries of windows in steps of random lengths: `(n, c, h, w) -> (n, c, *output_size)`; see
    `F.fractional_max_pool2d`. Source: Graham (2014).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn, random
    >>> nn.FractionalMaxPool2d(2, output_ratio=0.5, rng=random.default_rng(0))(tg.ones((1, 3, 8, 6))).shape
    (1, 3, 4, 3)
    """

    pool = staticmethod(F.fractional_max_pool2d)


class FractionalMaxPool3d(_FractionalMaxPool):
    """The largest entries of windows in steps of random lengths: `(n, c, d, h, w) -> (n, c, *output_size)`; see
    `F.fractional_max_pool3d`. Source: Graham (2014).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.FractionalMaxPool3d(2, output_size=(2, 3, 4))(tg.ones((1, 3, 6, 6, 6))).shape
    (1, 3, 2, 3, 4)
    """

    pool = staticmethod(F.fractional_max_pool3d)
