"""Pooling layers."""

from __future__ import annotations

from typing import Any

from ..functions.settings import Positive, settings
from . import functional as F
from .module import Layer


class _MaxPool(Layer):
    pool: Any = None  # the function of each kind

    @settings
    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation, self.ceil_mode = padding, dilation, ceil_mode
        self.return_indices = return_indices

    def forward(self, input: Any) -> Any:
        return self.pool(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )  # fmt: skip


class MaxPool1d(_MaxPool):
    """The largest entry of each window: `(n, c, l) -> (n, c, l_out)`; ties share the
    gradient. With `return_indices`, also their places: see `F.max_pool1d`."""

    pool = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPool):
    """The largest entry of each window: `(n, c, h, w) -> (n, c, h_out, w_out)`; ties share the
    gradient. With `return_indices`, also their places: see `F.max_pool2d`."""

    pool = staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPool):
    """The largest entry of each window: `(n, c, d, h, w) -> (n, c, d_out, h_out, w_out)`; ties share the
    gradient. With `return_indices`, also their places: see `F.max_pool3d`."""

    pool = staticmethod(F.max_pool3d)


class _MaxUnpool(Layer):
    pool: Any = None  # the function of each kind

    @settings
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, kernel_size if stride is None else stride, padding

    unpool: Any = None  # the function of each kind

    def forward(self, input: Any, indices: Any, output_size: Any = None) -> Any:
        return self.unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool1d(_MaxUnpool):
    """Entries at the places that `MaxPool1d(return_indices=True)` found them at, and 0 elsewhere."""

    unpool = staticmethod(F.max_unpool1d)


class MaxUnpool2d(_MaxUnpool):
    """Entries at the places that `MaxPool2d(return_indices=True)` found them at, and 0 elsewhere."""

    unpool = staticmethod(F.max_unpool2d)


class MaxUnpool3d(_MaxUnpool):
    """Entries at the places that `MaxPool3d(return_indices=True)` found them at, and 0 elsewhere."""

    unpool = staticmethod(F.max_unpool3d)


class _AvgPool(Layer):
    pool: Any = None  # the function of each kind

    @settings
    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode, self.count_include_pad = padding, ceil_mode, count_include_pad

    def forward(self, input: Any) -> Any:
        return self.pool(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )  # fmt: skip


class AvgPool1d(_AvgPool):
    """The mean of each window: `(n, c, l) -> (n, c, l_out)`."""

    pool = staticmethod(F.avg_pool1d)


class _AvgPoolOver(_AvgPool):
    @settings
    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: Positive | None = None,
    ) -> None:  # fmt: skip
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        self.divisor_override = divisor_override

    def forward(self, input: Any) -> Any:
        return self.pool(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
            self.divisor_override,
        )  # fmt: skip


class AvgPool2d(_AvgPoolOver):
    """The mean of each window: `(n, c, h, w) -> (n, c, h_out, w_out)`; or its sum over
    `divisor_override`."""

    pool = staticmethod(F.avg_pool2d)


class AvgPool3d(_AvgPoolOver):
    """The mean of each window: `(n, c, d, h, w) -> (n, c, d_out, h_out, w_out)`; or its sum over
    `divisor_override`."""

    pool = staticmethod(F.avg_pool3d)


class _LPPool(Layer):
    pool: Any = None  # the function of each kind

    @settings
    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, input: Any) -> Any:
        return self.pool(input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)


class LPPool1d(_LPPool):
    """sum(x**norm_type)**(1 / norm_type) of each window: `(n, c, l) -> (n, c, l_out)`."""

    pool = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPool):
    """sum(x**norm_type)**(1 / norm_type) of each window: `(n, c, h, w) -> (n, c, h_out, w_out)`."""

    pool = staticmethod(F.lp_pool2d)


class LPPool3d(_LPPool):
    """sum(x**norm_type)**(1 / norm_type) of each window: `(n, c, d, h, w) -> (n, c, d_out, h_out, w_out)`."""

    pool = staticmethod(F.lp_pool3d)
