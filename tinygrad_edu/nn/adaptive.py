"""Pooling layers whose windows are fitted to a wanted size."""

from __future__ import annotations

from typing import Any

from ..functions.settings import settings
from ..random import Generator
from . import functional as F
from .module import Layer


class _AdaptiveAvgPool(Layer):
    pool: Any = None  # the function of each kind

    @settings
    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Any) -> Any:
        return self.pool(input, self.output_size)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """The means of `output_size` windows that cover the input: `(n, c, l) -> (n, c, output_size)`."""

    pool = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """The means of `output_size` windows that cover the input: `(n, c, h, w) -> (n, c, *output_size)`."""

    pool = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """The means of `output_size` windows that cover the input: `(n, c, d, h, w) -> (n, c, *output_size)`."""

    pool = staticmethod(F.adaptive_avg_pool3d)


class _AdaptiveMaxPool(Layer):
    pool: Any = None  # the function of each kind

    @settings
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, input: Any) -> Any:
        return self.pool(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The largest entries of `output_size` windows that cover the input: `(n, c, l) -> (n, c, output_size)`."""

    pool = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The largest entries of `output_size` windows that cover the input: `(n, c, h, w) -> (n, c, *output_size)`."""

    pool = staticmethod(F.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The largest entries of `output_size` windows that cover the input: `(n, c, d, h, w) -> (n, c, *output_size)`."""

    pool = staticmethod(F.adaptive_max_pool3d)


class _FractionalMaxPool(Layer):
    pool: Any = None  # the function of each kind
    _random_samples: Any

    @settings
    def __init__(
        self, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
        _random_samples: Any = None, *, rng: Generator | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size, self.output_size, self.output_ratio = kernel_size, output_size, output_ratio
        self.return_indices, self.rng = return_indices, rng
        self.register_buffer("_random_samples", _random_samples)

    def forward(self, input: Any) -> Any:
        return self.pool(
            input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices, self._random_samples,
            rng=self.rng,
        )  # fmt: skip


class FractionalMaxPool2d(_FractionalMaxPool):
    """The largest entries of windows in steps of random lengths: `(n, c, h, w) -> (n, c, *output_size)`; see
    `F.fractional_max_pool2d`."""

    pool = staticmethod(F.fractional_max_pool2d)


class FractionalMaxPool3d(_FractionalMaxPool):
    """The largest entries of windows in steps of random lengths: `(n, c, d, h, w) -> (n, c, *output_size)`; see
    `F.fractional_max_pool3d`."""

    pool = staticmethod(F.fractional_max_pool3d)
