"""Convolution layers."""

from __future__ import annotations

import math
from typing import Any

from ..errors import ShapeError
from ..functions.settings import Positive, settings
from ..random import Generator
from . import functional as F
from .functional.convolution import sizes
from .linear import uniform
from .module import Layer


class _Conv(Layer):
    """What the convolutions share: settings, and kernels uniform to +-1 / sqrt(fan_in)."""

    axes = 0

    @settings
    def __init__(
        self, in_channels: Positive, out_channels: Positive, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros", dtype: Any = None,
        *, rng: Generator | None = None,
    ) -> None:  # fmt: skip
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
        self.bias = uniform((out_channels,), bound, dtype, rng) if bias else None

    def weight_shape(self) -> tuple[int, ...]:
        """(out_channels, in_channels / groups, *kernel_size)"""
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    def forward(self, input: Any) -> Any:
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            if padding == "same":
                total = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
                pairs = [(t // 2, t - t // 2) for t in total]
            else:
                pairs = [(p, p) for p in ((0,) * self.axes if padding == "valid" else padding)]
            around = [n for pair in reversed(pairs) for n in pair]
            input, padding = F.pad(input, around, self.padding_mode), 0
        return self.convolve(input, padding)

    def convolve(self, x: Any, padding: Any) -> Any:
        """The convolution itself."""
        raise NotImplementedError


class Conv1d(_Conv):
    """Each window of the input times each kernel, plus a bias for each output channel.

    Shapes: `(batch, in_channels, l) -> (batch, out_channels, l_out)`; see `F.conv1d` for l_out.
    Initial values: uniform to +-1 / sqrt(in_channels / groups * kernel_size), weight and bias.
    """

    axes = 1

    def convolve(self, x: Any, padding: Any) -> Any:
        return F.conv1d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv2d(_Conv):
    """Each window of the input times each kernel, plus a bias for each output channel.

    Shapes: `(batch, in_channels, h, w) -> (batch, out_channels, h_out, w_out)`; see `F.conv1d` for sizes.
    Initial values: uniform to +-1 / sqrt(in_channels / groups * height * width of the kernel).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.Conv2d(1, 4, 3, padding="same")(tg.ones((2, 1, 8, 8))).shape
    (2, 4, 8, 8)
    """

    axes = 2

    def convolve(self, x: Any, padding: Any) -> Any:
        return F.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class ConvTranspose2d(_Conv):
    """The transpose of a convolution as a linear map, which enlarges; see `F.conv_transpose2d`.

    Shapes: `(batch, in_channels, h, w) -> (batch, out_channels, h_out, w_out)`.
    Initial values: uniform to +-1 / sqrt(out_channels / groups * height * width of the kernel).
    """

    axes = 2

    @settings
    def __init__(
        self, in_channels: Positive, out_channels: Positive, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1, dtype: Any = None,
        *, rng: Generator | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, "zeros", dtype, rng=rng
        )
        self.output_padding = sizes(output_padding, 2, "ConvTranspose2d", "output_padding")

    def weight_shape(self) -> tuple[int, ...]:
        """(in_channels, out_channels / groups, *kernel_size)"""
        return (self.in_channels, self.out_channels // self.groups, *self.kernel_size)

    def forward(self, input: Any, output_size: Any = None) -> Any:
        """The map applied to `input`; `output_size` (h_out, w_out), if given, says what output_padding does else."""
        y = self._map(input, self.output_padding if output_size is None else (0, 0))
        if output_size is None:
            return y
        extra = tuple(int(n) - m for n, m in zip(output_size[-2:], y.shape[-2:], strict=True))
        if not all(0 <= e < max(s, d) for e, s, d in zip(extra, self.stride, self.dilation, strict=True)):
            raise ShapeError(
                f"ConvTranspose2d: output_size must be from {y.shape[-2:]} to less than a stride more; got "
                f"{tuple(output_size)}; leave it out"
            )
        return self._map(input, extra)

    def _map(self, x: Any, extra: tuple[int, ...]) -> Any:
        padding: Any = self.padding
        return F.conv_transpose2d(x, self.weight, self.bias, self.stride, padding, extra, self.groups, self.dilation)
