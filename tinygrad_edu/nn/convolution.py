"""Convolution layers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..annotations import ArrayLike, DTypeLike
from ..errors import ShapeError
from ..functions.settings import Positive, lengths, settings
from ..random import Generator
from . import functional as F
from .functional.convolution import sizes
from .linear import uniform
from .module import Module
from .parameter import Parameter

if TYPE_CHECKING:
    from ..tensor import Tensor


class _Conv(Module):
    """What the convolutions share: settings, and kernels uniform to +-1 / sqrt(fan_in)."""

    axes = 0
    convolve: Any = None  # the function of each kind

    @settings
    def __init__(
        self,
        in_channels: Positive,
        out_channels: Positive,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] | str = 0,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        dtype: DTypeLike | None = None,
        *,
        rng: Generator | None = None,
    ) -> None:
        super().__init__()
        who, n = type(self).__name__, self.axes
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{who}: groups must divide in_channels and out_channels; got {groups} for {in_channels} and "
                f"{out_channels}; choose a divisor"
            )
        if padding_mode not in ("zeros", "reflect", "replicate", "circular"):
            raise ValueError(
                f"{who}: padding_mode must be zeros, reflect, replicate or circular; got {padding_mode!r}; choose one"
            )
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride = sizes(kernel_size, n, who, "kernel_size"), sizes(stride, n, who, "stride")
        self.padding = padding if isinstance(padding, str) else sizes(padding, n, who, "padding")
        self.dilation, self.groups, self.padding_mode = sizes(dilation, n, who, "dilation"), groups, padding_mode
        shape = self.weight_shape()
        bound = 1 / math.sqrt(min(shape[1] * math.prod(self.kernel_size), 2**62))
        self.weight = uniform(shape, bound, dtype, rng)
        self.bias: Parameter | Any = uniform((out_channels,), bound, dtype, rng) if bias else None

    def weight_shape(self) -> tuple[int, ...]:
        """(out_channels, in_channels / groups, *kernel_size)"""
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    def forward(self, input: ArrayLike) -> Tensor:
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            if padding == "same":
                total = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
                pairs = [(t // 2, t - t // 2) for t in total]
            else:
                pairs = [(p, p) for p in ((0,) * self.axes if padding == "valid" else padding)]
            around = [n for pair in reversed(pairs) for n in pair]
            input, padding = F.pad(input, around, self.padding_mode), 0
        return self.convolve(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(_Conv):
    """Each window of the input times each kernel, plus a bias for each output channel.

    Shapes: `(batch, in_channels, l) -> (batch, out_channels, l_out)`; see `F.conv1d` for l_out.
    Initial values: uniform to +-1 / sqrt(in_channels / groups * kernel_size), weight and bias.
    ShapeError where the channels of the input, which come before the lengths, are not `in_channels`.
    Source: Waibel et al. (1989).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.Conv1d(2, 4, 3, stride=2)
    >>> layer(tg.ones((5, 2, 8))).shape, layer.weight.shape
    ((5, 4, 3), (4, 2, 3))
    """

    axes, convolve = 1, staticmethod(F.conv1d)


class Conv2d(_Conv):
    """Each window of the input times each kernel, plus a bias for each output channel.

    Shapes: `(batch, in_channels, h, w) -> (batch, out_channels, h_out, w_out)`; see `F.conv1d` for sizes.
    Initial values: uniform to +-1 / sqrt(in_channels / groups * height * width of the kernel).
    Source: LeCun et al. (1989).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.Conv2d(1, 4, 3, padding="same")(tg.ones((2, 1, 8, 8))).shape
    (2, 4, 8, 8)
    """

    axes, convolve = 2, staticmethod(F.conv2d)


class Conv3d(_Conv):
    """Each window of the input times each kernel, plus a bias for each output channel.

    Shapes: `(batch, in_channels, d, h, w) -> (batch, out_channels, d_out, h_out, w_out)`; see `F.conv1d` for sizes.
    Initial values: uniform to +-1 / sqrt(in_channels / groups * size of the kernel).
    ShapeError where the channels of the input, which come before the lengths, are not `in_channels`.
    Source: Ji et al. (2013).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.Conv3d(2, 4, (1, 3, 3))(tg.ones((1, 2, 5, 8, 8))).shape
    (1, 4, 5, 6, 6)
    """

    axes, convolve = 3, staticmethod(F.conv3d)


class _ConvTranspose(_Conv):
    """What the transposed convolutions share; they are padded with zeros only, as in PyTorch."""

    @settings
    def __init__(
        self,
        in_channels: Positive,
        out_channels: Positive,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] = 0,
        output_padding: object = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | tuple[int, ...] = 1,
        padding_mode: str = "zeros",
        dtype: DTypeLike | None = None,
        *,
        rng: Generator | None = None,
    ) -> None:
        who = type(self).__name__
        if padding_mode != "zeros":
            raise ValueError(f"{who}: padding_mode must be 'zeros'; got {padding_mode!r}; leave it out")
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, "zeros", dtype, rng=rng
        )
        self.output_padding = sizes(output_padding, self.axes, who, "output_padding")

    def weight_shape(self) -> tuple[int, ...]:
        """(in_channels, out_channels / groups, *kernel_size)"""
        return (self.in_channels, self.out_channels // self.groups, *self.kernel_size)

    def forward(self, input: ArrayLike, output_size: object = None) -> Tensor:
        """The map applied to `input`; `output_size`, if given, says what output_padding does else."""
        n = self.axes
        y = self._map(input, self.output_padding if output_size is None else (0,) * n)
        if output_size is None:
            return y
        wanted = lengths(type(self).__name__, "output_size", output_size)[-n:]
        extra = tuple(m - k for m, k in zip(wanted, y.shape[-n:], strict=False))
        if len(extra) != n or not all(
            0 <= e < max(s, d) for e, s, d in zip(extra, self.stride, self.dilation, strict=True)
        ):
            raise ShapeError(
                f"{type(self).__name__}: output_size must be from {y.shape[-n:]} to less than a stride more; got "
                f"{wanted}; leave it out"
            )
        return self._map(input, extra)

    def _map(self, x: object, extra: tuple[int, ...]) -> Any:
        return self.convolve(x, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)


class ConvTranspose1d(_ConvTranspose):
    """The transpose of a convolution as a linear map, which enlarges; see `F.conv_transpose2d`.

    Shapes: `(batch, in_channels, l) -> (batch, out_channels, l_out)`.
    Initial values: uniform to +-1 / sqrt(out_channels / groups * kernel_size).
    With a stride, several lengths have one l_out of a convolution: `output_size` says which is meant.
    Source: Zeiler et al. (2010).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer, x = nn.ConvTranspose1d(2, 4, 3, stride=2), tg.ones((1, 2, 3))
    >>> layer(x).shape, layer(x, output_size=8).shape
    ((1, 4, 7), (1, 4, 8))
    """

    axes, convolve = 1, staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    """The transpose of a convolution as a linear map, which enlarges; see `F.conv_transpose2d`.

    Shapes: `(batch, in_channels, h, w) -> (batch, out_channels, h_out, w_out)`.
    Initial values: uniform to +-1 / sqrt(out_channels / groups * height * width of the kernel).
    Source: Zeiler et al. (2010).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.ConvTranspose2d(3, 4, 2, stride=2)
    >>> layer(tg.ones((1, 3, 5, 5))).shape, layer.weight.shape
    ((1, 4, 10, 10), (3, 4, 2, 2))
    """

    axes, convolve = 2, staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTranspose):
    """The transpose of a convolution as a linear map, which enlarges; see `F.conv_transpose2d`.

    Shapes: `(batch, in_channels, d, h, w) -> (batch, out_channels, d_out, h_out, w_out)`.
    Initial values: uniform to +-1 / sqrt(out_channels / groups * size of the kernel). Source: Zeiler et al. (2010).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.ConvTranspose3d(3, 4, 2, stride=2)(tg.ones((1, 3, 2, 5, 5))).shape
    (1, 4, 4, 10, 10)
    """

    axes, convolve = 3, staticmethod(F.conv_transpose3d)


class Unfold(Module):
    """Each window as a column: `(n, c, h, w) -> (n, c * k_h * k_w, windows)`.

    Windows go row by row; see `F.unfold`. Source: Chellapilla, Puri and Simard (2006).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.Unfold(2)(tg.arange(6.0).reshape(1, 1, 2, 3)).tolist()
    [[[0.0, 1.0], [1.0, 2.0], [3.0, 4.0], [4.0, 5.0]]]
    """

    @settings
    def __init__(
        self,
        kernel_size: Any,
        dilation: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] = 0,
        stride: int | tuple[int, ...] = 1,
    ) -> None:
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)


class Fold(Module):
    """Columns added up at the places of their windows: `(n, c * k_h * k_w, windows) -> (n, c, *output_size)`.

    Where windows overlap, entries add up; ShapeError where the number of windows is another.
    Source: Chellapilla, Puri and Simard (2006).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.Fold((1, 3), (1, 2))(tg.ones((1, 2, 2))).tolist()
    [[[[1.0, 2.0, 1.0]]]]
    """

    @settings
    def __init__(
        self,
        output_size: int | tuple[int, ...],
        kernel_size: int | tuple[int, ...],
        dilation: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] = 0,
        stride: int | tuple[int, ...] = 1,
    ) -> None:
        super().__init__()
        self.output_size, self.kernel_size = output_size, kernel_size
        self.dilation, self.padding, self.stride = dilation, padding, stride

    def forward(self, input: ArrayLike) -> Tensor:
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)
