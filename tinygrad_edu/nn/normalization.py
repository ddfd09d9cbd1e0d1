"""Normalization layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..annotations import ArrayLike, DTypeLike
from ..arrays import get_default_dtype
from ..errors import ShapeError
from ..functions.arguments import lift
from ..functions.settings import Positive, Size, lengths, settings
from ..values import value
from . import functional as F
from . import guards
from .functional.linear import like
from .functional.normalization import batch_norm_with, refuse_examples
from .module import Module
from .parameter import Parameter

if TYPE_CHECKING:
    from ..tensor import Tensor


def _full(shape: int | tuple[int, ...], value: float, dtype: DTypeLike | None) -> Parameter:
    return Parameter(np.full(shape, value, dtype or get_default_dtype()))


class Running(Module):
    """What batch norm and instance norm share: a factor and a summand for each channel, and running statistics; for
    inputs of the numbers of axes in `ndims`, with the channels at `channel_axis`."""

    ndims: tuple[int, ...] = ()
    channel_axis = 1
    running_mean: Any
    running_var: Any
    num_batches_tracked: Any

    @settings
    def __init__(
        self, num_features: Size, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight: Parameter | Any = _full(num_features, 1.0, dtype) if affine else None
        self.bias: Parameter | Any = _full(num_features, 0.0, dtype) if affine and bias else None
        dtype = dtype or get_default_dtype()
        tracked = track_running_stats
        self.register_buffer("running_mean", np.zeros(num_features, dtype) if tracked else None)
        self.register_buffer("running_var", np.ones(num_features, dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", np.array(0, np.int64) if tracked else None)

    def checked(self, input: Any) -> Any:
        """The input, if it has the right axes, in the dtype of the weights."""
        who = type(self).__name__
        x = lift(input, who)
        guards.note_mode(self, x)
        axis = self.channel_axis
        if len(x.shape) not in self.ndims or x.shape[axis] != self.num_features:
            axes = " or ".join(str(n) for n in self.ndims)
            raise ShapeError(
                f"{who}: the input must have {axes} axes, and {self.num_features} channels as axis {axis}; "
                f"got shape {x.shape}; check num_features"
            )
        return x if self.weight is None else like(x, self.weight)


class _BatchNorm(Running):
    def count(self, x: Tensor) -> tuple[float, dict[Any, Any]]:
        """The share that a batch has in the running statistics, and the new count, in training."""
        share, new = self.momentum, {}
        if self.training and self.num_batches_tracked is not None and x.size:
            count = new[self.num_batches_tracked] = value(self.num_batches_tracked) + 1
            if share is None:  # the plain mean over all batches so far
                share = 1 / float(count)
        return 0.0 if share is None else share, new

    def forward(self, input: ArrayLike) -> Tensor:
        x = self.checked(input)
        if self.training and self.num_batches_tracked is not None:
            refuse_examples(type(self).__name__, x)
        return batch_norm_with(
            x, self.running_mean, self.running_var, self.weight, self.bias,
            self.training or self.running_mean is None, self.eps, lambda: self.count(x),
        )  # fmt: skip


class BatchNorm1d(_BatchNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias, for each channel: `(n, c)` or `(n, c, l)`, to the same.

    In training, mean and variance are the batch's; in evaluation, running ones, which move towards the
    batch's by `momentum` (None: their plain mean). Initial values: weight 1, bias 0. A batch with one value in each
    channel has no variance: training refuses it.
    Source: Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
    shift" (2015).

    >>> from tinygrad_edu import nn
    >>> norm = nn.BatchNorm1d(1, eps=0.0, momentum=0.5)
    >>> norm([[1.0], [3.0]]).tolist()
    [[-1.0], [1.0]]
    >>> norm.running_mean.tolist(), norm.running_var.tolist()
    ([1.0], [1.5])
    """

    ndims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias, for each channel: `(n, c, h, w)`; see BatchNorm1d.

    Source: Ioffe and Szegedy (2015).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> norm = nn.BatchNorm2d(3, momentum=0.5)
    >>> norm(tg.ones((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    >>> norm.running_mean.tolist()
    [0.5, 0.5, 0.5]
    """

    ndims = (4,)


class BatchNorm3d(_BatchNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias, for each channel: `(n, c, d, h, w)`; see BatchNorm1d.

    Source: Ioffe and Szegedy (2015).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> norm = nn.BatchNorm3d(2, momentum=0.5)
    >>> norm(tg.ones((1, 2, 3, 4, 4))).shape
    (1, 2, 3, 4, 4)
    >>> norm.running_var.tolist()
    [0.5, 0.5]
    """

    ndims = (5,)


class _InstanceNorm(Running):
    @settings
    def __init__(
        self, num_features: Size, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = False,
        track_running_stats: bool = False, dtype: DTypeLike | None = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype, bias=bias)

    def forward(self, input: ArrayLike) -> Tensor:
        x = self.checked(input)
        single = x.ndim < max(self.ndims)
        x = x.expand_dims(0) if single else x
        y = F.instance_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias,
            self.training or self.running_mean is None, self.momentum or 0.0, self.eps,
        )  # fmt: skip
        return y.squeeze(0) if single else y


class InstanceNorm1d(_InstanceNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias, for each channel of each example: `(n, c, l)` or `(c, l)`.

    With `track_running_stats`, evaluation uses running statistics, as batch norm does. Initial values (with `affine`):
    weight 1, bias 0.
    Source: Ulyanov, Vedaldi and Lempitsky, "Instance normalization: the missing ingredient for fast stylization"
    (2016).

    >>> from tinygrad_edu import nn
    >>> nn.InstanceNorm1d(2, eps=0.0)([[1.0, 3.0], [10.0, 30.0]]).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """

    ndims, channel_axis = (2, 3), -2


class InstanceNorm2d(_InstanceNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias, for each channel of each example: `(n, c, h, w)` or `(c, h, w)`;
    see InstanceNorm1d. Source: Ulyanov, Vedaldi and Lempitsky (2016).

    >>> from tinygrad_edu import nn
    >>> nn.InstanceNorm2d(2, eps=0.0)([[[[1.0, 3.0]], [[10.0, 30.0]]]]).tolist()
    [[[[-1.0, 1.0]], [[-1.0, 1.0]]]]
    """

    ndims, channel_axis = (3, 4), -3


class InstanceNorm3d(_InstanceNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias, for each channel of each example: `(n, c, d, h, w)` or
    `(c, d, h, w)`; see InstanceNorm1d. Source: Ulyanov, Vedaldi and Lempitsky (2016).

    >>> from tinygrad_edu import nn
    >>> nn.InstanceNorm3d(2, eps=0.0)([[[[1.0, 3.0]]], [[[10.0, 30.0]]]]).tolist()
    [[[[-1.0, 1.0]]], [[[-1.0, 1.0]]]]
    """

    ndims, channel_axis = (4, 5), -4


class LocalResponseNorm(Module):
    """x / (k + alpha * mean(x**2))**beta, with the mean over `size` neighbouring channels.

    Shapes: `(n, c, l ...)` to the same.
    Source: Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks" (2012).

    >>> from tinygrad_edu import nn
    >>> norm = nn.LocalResponseNorm(size=2, alpha=2.0, beta=1.0, k=0.0)
    >>> norm([[[1.0], [1.0]]]).tolist()
    [[[1.0], [0.5]]]
    """

    @settings
    def __init__(self, size: Positive, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: ArrayLike) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)


class LayerNorm(Module):
    """(x - mean) / sqrt(var + eps) * weight + bias, over the last axes. Initial values: weight 1, bias 0.

    Shapes: `(..., *normalized_shape)` to the same; weight and bias have `normalized_shape`. An input with other
    last axes raises ShapeError.
    Source: Ba, Kiros and Hinton, "Layer normalization" (2016).

    >>> from tinygrad_edu import nn
    >>> nn.LayerNorm(2, eps=0.0)([[1.0, 3.0], [10.0, 30.0]]).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """

    @settings
    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float = 1e-5, elementwise_affine: bool = True,
        bias: bool = True, dtype: DTypeLike | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.normalized_shape = lengths(type(self).__name__, "normalized_shape", normalized_shape)
        self.eps = eps
        self.weight: Parameter | Any = _full(self.normalized_shape, 1.0, dtype) if elementwise_affine else None
        self.bias: Parameter | Any = _full(self.normalized_shape, 0.0, dtype) if elementwise_affine and bias else None

    def forward(self, input: ArrayLike) -> Tensor:
        x = input if self.weight is None else like(lift(input), self.weight)
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)


class RMSNorm(Module):
    """x / sqrt(mean(x**2) + eps) * weight, over the last axes. Initial values: weight 1.

    Shapes: `(..., *normalized_shape)` to the same. `eps` None is the distance from 1 to the next number of the dtype.
    Source: Zhang and Sennrich, "Root mean square layer normalization" (2019).

    >>> from tinygrad_edu import nn
    >>> nn.RMSNorm(2, eps=0.0)([[2.0, 2.0], [-3.0, 3.0]]).tolist()
    [[1.0, 1.0], [-1.0, 1.0]]
    """

    @settings
    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = lengths(type(self).__name__, "normalized_shape", normalized_shape)
        self.eps = eps
        self.weight: Parameter | Any = _full(self.normalized_shape, 1.0, dtype) if elementwise_affine else None

    def forward(self, input: ArrayLike) -> Tensor:
        x = input if self.weight is None else like(lift(input), self.weight)
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)


class GroupNorm(Module):
    """(x - mean) / sqrt(var + eps) * weight + bias, over groups of channels: `(n, c, ...)`.

    Initial values: weight 1, bias 0.
    Source: Wu and He, "Group normalization" (2018).
    Errors: a ValueError where `num_groups` does not divide `num_channels`.

    >>> from tinygrad_edu import nn
    >>> norm = nn.GroupNorm(num_groups=2, num_channels=4, eps=0.0)
    >>> norm([[1.0, 3.0, 10.0, 30.0]]).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """

    @settings
    def __init__(
        self,
        num_groups: Positive,
        num_channels: Positive,
        eps: float = 1e-5,
        affine: bool = True,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: num_groups must divide num_channels; got {num_groups} for {num_channels}; choose a divisor"
            )
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.weight: Parameter | Any = _full(num_channels, 1.0, dtype) if affine else None
        self.bias: Parameter | Any = _full(num_channels, 0.0, dtype) if affine and bias else None

    def forward(self, input: ArrayLike) -> Tensor:
        x = input if self.weight is None else like(lift(input), self.weight)
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)
