"""Layers that move or resize, and the one that does nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..annotations import ArrayLike
from ..functions.arguments import lift, normal_axis, spelled
from ..functions.layout import flatten
from ..functions.settings import Positive, integer, settings, several
from ..tensor import Tensor
from . import functional as F
from .module import Module


class Identity(Module):
    """The input itself; takes any arguments, as a stand-in for other layers.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.Identity(54, unused=True)(tg.ones(2)).tolist()
    [1.0, 1.0]
    """

    @settings
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Tensor:
        return input


class Flatten(Module):
    """Axes `start_axis` to `end_axis` as one: `(batch, c, h, w) -> (batch, c * h * w)`.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.Flatten()(tg.ones((2, 3, 4))).shape
    (2, 12)
    """

    @settings
    def __init__(
        self, start_axis: int = 1, end_axis: int = -1, *, start_dim: int | None = None, end_dim: int | None = None
    ) -> None:
        super().__init__()
        self.start_axis = start_axis if start_dim is None else spelled("Flatten", start_axis, 1, start_dim)
        self.end_axis = end_axis if end_dim is None else spelled("Flatten", end_axis, -1, end_dim)

    def forward(self, input: ArrayLike) -> Tensor:
        return flatten(input, self.start_axis, self.end_axis)


class Unflatten(Module):
    """An axis as several, of lengths `unflattened_size`: `(batch, c * h * w) -> (batch, c, h, w)`; one may be -1.

    ShapeError where the lengths do not multiply to that of the axis.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.Unflatten(1, (2, -1))(tg.ones((5, 6))).shape
    (5, 2, 3)
    """

    @settings
    def __init__(
        self, axis: int = 1, unflattened_size: int | tuple[int, ...] = (-1,), *, dim: int | None = None
    ) -> None:
        super().__init__()
        self.axis = axis if dim is None else spelled("Unflatten", axis, 1, dim)
        sizes = several("Unflatten", "unflattened_size", unflattened_size)
        self.unflattened_size = tuple(integer("Unflatten", "unflattened_size", n, -1) for n in sizes)

    def forward(self, input: ArrayLike) -> Tensor:
        x = lift(input, "Unflatten")
        axis = normal_axis("Unflatten", self.axis, x.ndim)
        return x.reshape(*x.shape[:axis], *self.unflattened_size, *x.shape[axis + 1 :])


class Upsample(Module):
    """The axes after the channels resized: see `F.interpolate`.

    Shapes: `(n, c, l) -> (n, c, l_out)`, and so for 2 and 3 axes; give `size` or `scale_factor`.
    Source: Gonzalez and Woods, "Digital image processing" (2018).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.Upsample(scale_factor=2)(tg.tensor([[[1.0, 3.0]]])).tolist()
    [[[1.0, 1.0, 3.0, 3.0]]]
    >>> nn.Upsample(4, mode="linear")(tg.tensor([[[1.0, 3.0]]])).tolist()
    [[[1.0, 1.5, 2.5, 3.0]]]
    """

    @settings
    def __init__(
        self, size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None, mode: str = "nearest", align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.size, self.scale_factor, self.mode, self.align_corners = size, scale_factor, mode, align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: ArrayLike) -> Tensor:
        again = self.recompute_scale_factor
        return F.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners, again)


class UpsamplingNearest2d(Upsample):
    """The height and width resized, each entry the nearest one.

    Shapes: `(n, c, h, w) -> (n, c, h_out, w_out)`. Source: Gonzalez and Woods, "Digital image processing" (2018).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.UpsamplingNearest2d(scale_factor=2)(tg.tensor([[[[1.0, 3.0]]]])).tolist()
    [[[[1.0, 1.0, 3.0, 3.0], [1.0, 1.0, 3.0, 3.0]]]]
    """

    @settings
    def __init__(
        self, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None
    ) -> None:
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """The height and width resized by lines between entries; the corners lie on each other.

    Shapes: `(n, c, h, w) -> (n, c, h_out, w_out)`. Source: Gonzalez and Woods, "Digital image processing" (2018).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.UpsamplingBilinear2d((1, 3))(tg.tensor([[[[1.0, 3.0]]]])).tolist()
    [[[[1.0, 2.0, 3.0]]]]
    """

    @settings
    def __init__(
        self, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None
    ) -> None:
        super().__init__(size, scale_factor, "bilinear", True)


class PixelShuffle(Module):
    """Channels as pixels of a larger image: `(..., c * r * r, h, w) -> (..., c, h * r, w * r)`.

    ShapeError where r * r does not divide the channels; see `F.pixel_shuffle`. Source: Shi et al. (2016).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.PixelShuffle(2)(tg.arange(4.0).reshape(1, 4, 1, 1)).tolist()
    [[[[0.0, 1.0], [2.0, 3.0]]]]
    """

    @settings
    def __init__(self, upscale_factor: Positive) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: ArrayLike) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)


class PixelUnshuffle(Module):
    """Pixels as channels of a smaller image: `(..., c, h * r, w * r) -> (..., c * r * r, h, w)`.

    ShapeError where r does not divide height and width. Source: Shi et al. (2016).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.PixelUnshuffle(2)(tg.arange(4.0).reshape(1, 1, 2, 2)).tolist()
    [[[[0.0]], [[1.0]], [[2.0]], [[3.0]]]]
    """

    @settings
    def __init__(self, downscale_factor: Positive) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: ArrayLike) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)


class ChannelShuffle(Module):
    """Channels taken in turn from each of `groups`.

    Shapes: `(n, c, ...) -> (n, c, ...)`; see `F.channel_shuffle`. Source: Zhang et al., "ShuffleNet" (2018).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.ChannelShuffle(2)(tg.arange(6.0).reshape(1, 6, 1)).flatten().tolist()
    [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]
    """

    @settings
    def __init__(self, groups: Positive) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: ArrayLike) -> Tensor:
        return F.channel_shuffle(input, self.groups)
