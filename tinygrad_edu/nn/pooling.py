"""Pooling layers."""

from __future__ import annotations

from typing import Any

from ..annotations import ArrayLike
from ..functions.settings import settings
from ..tensor import Tensor
from . import functional as F
from .module import Module


class _MaxPool(Module):
    pool: Any = None  # the function of each kind

    @settings
    def __init__(
        self,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] | None = None,
        padding: int | tuple[int, ...] = 0,
        dilation: int | tuple[int, ...] = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation, self.ceil_mode = padding, dilation, ceil_mode
        self.return_indices = return_indices

    def forward(self, input: ArrayLike) -> Tensor:
        return self.pool(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )  # fmt: skip


class MaxPool1d(_MaxPool):
    """The largest entry of each window: `(n, c, l) -> (n, c, l_out)`; ties share the
    gradient. With `return_indices`, also their places: see `F.max_pool1d`. Source: Yamaguchi et al. (1990).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.MaxPool1d(2)(tg.tensor([[[1.0, 3.0, 4.0, 2.0]]])).tolist()
    [[[3.0, 4.0]]]
    """

    pool = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPool):
    """The largest entry of each window: `(n, c, h, w) -> (n, c, h_out, w_out)`; ties share the
    gradient. With `return_indices`, also their places: see `F.max_pool2d`. Source: Yamaguchi et al. (1990).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.MaxPool2d(2)(tg.arange(16.0).reshape(1, 1, 4, 4)).tolist()
    [[[[5.0, 7.0], [13.0, 15.0]]]]
    """

    pool = staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPool):
    """The largest entry of each window: `(n, c, d, h, w) -> (n, c, d_out, h_out, w_out)`; ties share the
    gradient. With `return_indices`, also their places: see `F.max_pool3d`. Source: Yamaguchi et al. (1990).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.MaxPool3d(2, stride=1)(tg.ones((1, 3, 4, 5, 6))).shape
    (1, 3, 3, 4, 5)
    """

    pool = staticmethod(F.max_pool3d)


class _MaxUnpool(Module):
    pool: Any = None  # the function of each kind

    @settings
    def __init__(
        self,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] | None = None,
        padding: int | tuple[int, ...] = 0,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, kernel_size if stride is None else stride, padding

    unpool: Any = None  # the function of each kind

    def forward(self, input: ArrayLike, indices: ArrayLike, output_size: object = None) -> Tensor:
        return self.unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool1d(_MaxUnpool):
    """Entries at the places that `MaxPool1d(return_indices=True)` found them at, and 0 elsewhere.

    Shapes: `(n, c, l) -> (n, c, l_out)`; see `F.max_unpool1d` for l_out, or give `output_size`.
    Source: Zeiler and Fergus (2014).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> y, at = nn.MaxPool1d(2, return_indices=True)(tg.tensor([[[1.0, 3.0, 4.0, 2.0]]]))
    >>> nn.MaxUnpool1d(2)(y, at).tolist()
    [[[0.0, 3.0, 4.0, 0.0]]]
    """

    unpool = staticmethod(F.max_unpool1d)


class MaxUnpool2d(_MaxUnpool):
    """Entries at the places that `MaxPool2d(return_indices=True)` found them at, and 0 elsewhere.

    Shapes: `(n, c, h, w) -> (n, c, h_out, w_out)`; see `F.max_unpool1d`, or give `output_size`.
    Source: Zeiler and Fergus (2014).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> y, at = nn.MaxPool2d(2, return_indices=True)(tg.arange(4.0).reshape(1, 1, 2, 2))
    >>> nn.MaxUnpool2d(2)(y, at).tolist()
    [[[[0.0, 0.0], [0.0, 3.0]]]]
    """

    unpool = staticmethod(F.max_unpool2d)


class MaxUnpool3d(_MaxUnpool):
    """Entries at the places that `MaxPool3d(return_indices=True)` found them at, and 0 elsewhere.

    Shapes: `(n, c, d, h, w) -> (n, c, d_out, h_out, w_out)`; see `F.max_unpool1d`, or give `output_size`.
    Source: Zeiler and Fergus (2014).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> y, at = nn.MaxPool3d(2, return_indices=True)(tg.arange(27.0).reshape(1, 1, 3, 3, 3))
    >>> nn.MaxUnpool3d(2)(y, at, (3, 3, 3)).shape, at.tolist()
    ((1, 1, 3, 3, 3), [[[[[13]]]]])
    """

    unpool = staticmethod(F.max_unpool3d)


class _AvgPool(Module):
    pool: Any = None  # the function of each kind

    @settings
    def __init__(
        self,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] | None = None,
        padding: int | tuple[int, ...] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode, self.count_include_pad = padding, ceil_mode, count_include_pad

    def forward(self, input: ArrayLike) -> Tensor:
        return self.pool(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )  # fmt: skip


class AvgPool1d(_AvgPool):
    """The mean of each window: `(n, c, l) -> (n, c, l_out)`.

    The padding counts as zeros, unless `count_include_pad=False`; see `F.avg_pool1d` for l_out.
    Source: LeCun et al. (1998).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> x = tg.tensor([[[1.0, 3.0, 5.0]]])
    >>> nn.AvgPool1d(2, stride=1)(x).tolist()
    [[[2.0, 4.0]]]
    >>> nn.AvgPool1d(2, padding=1, count_include_pad=False)(x).tolist()
    [[[1.0, 4.0]]]
    """

    pool = staticmethod(F.avg_pool1d)


class _AvgPoolOver(_AvgPool):
    @settings
    def __init__(
        self,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] | None = None,
        padding: int | tuple[int, ...] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        self.divisor_override = divisor_override

    def forward(self, input: Any) -> Tensor:
        return self.pool(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
            self.divisor_override,
        )  # fmt: skip


class AvgPool2d(_AvgPoolOver):
    """The mean of each window: `(n, c, h, w) -> (n, c, h_out, w_out)`; or its sum over
    `divisor_override`.

    See `F.avg_pool1d` for sizes. Source: LeCun et al. (1998).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> x = tg.arange(4.0).reshape(1, 1, 2, 2)
    >>> nn.AvgPool2d(2)(x).item(), nn.AvgPool2d(2, divisor_override=1)(x).item()
    (1.5, 6.0)
    """

    pool = staticmethod(F.avg_pool2d)


class AvgPool3d(_AvgPoolOver):
    """The mean of each window: `(n, c, d, h, w) -> (n, c, d_out, h_out, w_out)`; or its sum over
    `divisor_override`.

    See `F.avg_pool1d` for sizes. Source: LeCun et al. (1998).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.AvgPool3d((1, 2, 2))(tg.arange(8.0).reshape(1, 1, 2, 2, 2)).flatten().tolist()
    [1.5, 5.5]
    """

    pool = staticmethod(F.avg_pool3d)


class _LPPool(Module):
    pool: Any = None  # the function of each kind

    @settings
    def __init__(
        self,
        norm_type: float,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, input: ArrayLike) -> Tensor:
        return self.pool(input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)


class LPPool1d(_LPPool):
    """sum(x**norm_type)**(1 / norm_type) of each window: `(n, c, l) -> (n, c, l_out)`.

    See `F.lp_pool1d`. Source: Sermanet et al. (2012).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.LPPool1d(2, kernel_size=2)(tg.tensor([[[3.0, 4.0, 0.0, 2.0]]])).round(decimals=4).tolist()
    [[[5.0, 2.0]]]
    """

    pool = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPool):
    """sum(x**norm_type)**(1 / norm_type) of each window: `(n, c, h, w) -> (n, c, h_out, w_out)`.

    See `F.lp_pool1d`. Source: Sermanet et al. (2012).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> x = tg.arange(4.0).reshape(1, 1, 2, 2)
    >>> nn.LPPool2d(1, kernel_size=2)(x).tolist()
    [[[[6.0]]]]
    """

    pool = staticmethod(F.lp_pool2d)


class LPPool3d(_LPPool):
    """sum(x**norm_type)**(1 / norm_type) of each window: `(n, c, d, h, w) -> (n, c, d_out, h_out, w_out)`.

    See `F.lp_pool1d`. Source: Sermanet et al. (2012).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> round(nn.LPPool3d(3, kernel_size=2)(tg.ones((1, 1, 2, 2, 2))).item(), 4)
    2.0
    """

    pool = staticmethod(F.lp_pool3d)
