"""Normalization layers, and dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import get_default_dtype
from ..errors import ShapeError
from ..functions.arguments import lift
from ..functions.settings import Positive, Probability, Size, lengths, settings
from ..random import Generator
from . import functional as F
from . import guards
from .functional.linear import like
from .functional.normalization import batch_norm_with, refuse_examples
from .module import Layer, Parameter


def _full(shape: Any, value: float, dtype: Any) -> Parameter:
    return Parameter(np.full(shape, value, dtype or get_default_dtype()))


class _BatchNorm(Layer):
    """Batch norm for inputs of the numbers of axes in `ndims`."""

    ndims: tuple[int, ...] = ()
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
        self.weight = _full(num_features, 1.0, dtype) if affine else None
        self.bias = _full(num_features, 0.0, dtype) if affine and bias else None
        dtype = dtype or get_default_dtype()
        tracked = track_running_stats
        self.register_buffer("running_mean", np.zeros(num_features, dtype) if tracked else None)
        self.register_buffer("running_var", np.ones(num_features, dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", np.array(0, np.int64) if tracked else None)

    def forward(self, input: Any) -> Any:
        x = lift(input, type(self).__name__)
        guards.note_mode(self, x)
        if len(x.shape) not in self.ndims or x.shape[1] != self.num_features:
            axes = " or ".join(str(n) for n in self.ndims)
            raise ShapeError(
                f"{type(self).__name__}: the input must have {axes} axes, and {self.num_features} channels as axis 1; "
                f"got shape {x.shape}; check num_features"
            )
        share, new = self.momentum, {}
        if self.training and self.num_batches_tracked is not None and x.size:
            refuse_examples(type(self).__name__, x)
            count = self.num_batches_tracked._data + 1
            new = {self.num_batches_tracked: np.asarray(count, self.num_batches_tracked._data.dtype)}
            if share is None:  # the plain mean over all batches so far
                share = 1 / float(count)
        x = x if self.weight is None else like(x, self.weight)
        return batch_norm_with(
            x, self.running_mean, self.running_var, self.weight, self.bias,
            self.training or self.running_mean is None, 0.0 if share is None else share, self.eps, new,
        )  # fmt: skip


class BatchNorm1d(_BatchNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias, for each channel: `(n, c)` or `(n, c, l)`.

    In training, mean and variance are the batch's; in evaluation, running ones, which move towards the
    batch's by `momentum` (None: their plain mean). Initial values: weight 1, bias 0.
    """

    ndims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias, for each channel: `(n, c, h, w)`; see BatchNorm1d."""

    ndims = (4,)


class LayerNorm(Layer):
    """(x - mean) / sqrt(var + eps) * weight + bias, over the last axes. Initial values: weight 1, bias 0."""

    @settings
    def __init__(
        self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.normalized_shape = lengths(type(self).__name__, "normalized_shape", normalized_shape)
        self.eps = eps
        self.weight = _full(self.normalized_shape, 1.0, dtype) if elementwise_affine else None
        self.bias = _full(self.normalized_shape, 0.0, dtype) if elementwise_affine and bias else None

    def forward(self, input: Any) -> Any:
        x = input if self.weight is None else like(lift(input), self.weight)
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)


class RMSNorm(Layer):
    """x / sqrt(mean(x**2) + eps) * weight, over the last axes. Initial values: weight 1."""

    @settings
    def __init__(
        self, normalized_shape: Any, eps: float | None = None, elementwise_affine: bool = True, dtype: Any = None
    ) -> None:
        super().__init__()
        self.normalized_shape = lengths(type(self).__name__, "normalized_shape", normalized_shape)
        self.eps = eps
        self.weight = _full(self.normalized_shape, 1.0, dtype) if elementwise_affine else None

    def forward(self, input: Any) -> Any:
        x = input if self.weight is None else like(lift(input), self.weight)
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)


class GroupNorm(Layer):
    """(x - mean) / sqrt(var + eps) * weight + bias, over groups of channels: `(n, c, ...)`.

    Initial values: weight 1, bias 0.
    """

    @settings
    def __init__(
        self, num_groups: Positive, num_channels: Positive, eps: float = 1e-5, affine: bool = True, dtype: Any = None,
        *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: num_groups must divide num_channels; got {num_groups} for {num_channels}; choose a divisor"
            )
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.weight = _full(num_channels, 1.0, dtype) if affine else None
        self.bias = _full(num_channels, 0.0, dtype) if affine and bias else None

    def forward(self, input: Any) -> Any:
        x = input if self.weight is None else like(lift(input), self.weight)
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


class Dropout(Layer):
    """In training, each entry is set to 0 with probability `p`, the others are divided by 1 - p.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn, random
    >>> drop = nn.Dropout(0.5, rng=random.default_rng(0))
    >>> drop(tg.ones(4)).tolist(), drop.eval()(tg.ones(4)).tolist()
    ([0.0, 2.0, 2.0, 2.0], [1.0, 1.0, 1.0, 1.0])
    """

    @settings
    def __init__(self, p: Probability = 0.5, inplace: bool = False, *, rng: Generator | None = None) -> None:
        super().__init__()
        self.p, self.rng = p, rng

    def forward(self, input: Any) -> Any:
        guards.note_mode(self, input)
        return F.dropout(input, self.p, self.training, self.rng)

    def extra_repr(self) -> str:
        return f"p={self.p}"
