"""Layers that move or resize, and the one that does nothing."""

from __future__ import annotations

from typing import Any

from ..functions.layout import flatten
from ..functions.settings import settings
from . import functional as F
from .module import Layer


class Identity(Layer):
    """The input itself; takes any arguments, as a stand-in for other layers."""

    @settings
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        return input


class Flatten(Layer):
    """Axes `start_axis` to `end_axis` as one: `(batch, c, h, w) -> (batch, c * h * w)`.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.Flatten()(tg.ones((2, 3, 4))).shape
    (2, 12)
    """

    @settings
    def __init__(self, start_axis: int = 1, end_axis: int = -1) -> None:
        super().__init__()
        self.start_axis, self.end_axis = start_axis, end_axis

    def forward(self, input: Any) -> Any:
        return flatten(input, self.start_axis, self.end_axis)


class Upsample(Layer):
    """The axes after the channels resized: see `F.interpolate`."""

    @settings
    def __init__(
        self, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool = False
    ) -> None:
        super().__init__()
        self.size, self.scale_factor, self.mode, self.align_corners = size, scale_factor, mode, align_corners

    def forward(self, input: Any) -> Any:
        return F.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners)
