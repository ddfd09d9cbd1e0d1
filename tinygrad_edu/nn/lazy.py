"""Layers that find the size of their input out: from the first input that they see.

Call the model once before its parameters are used, as by an optimizer: until then, such a layer has none.
"""

from __future__ import annotations

import inspect
from typing import Any

from ..errors import ShapeError
from ..functions.arguments import lift
from . import convolution, linear, normalization
from .module import Module


class _Lazy(Module):
    """A layer without its first argument, the number of features, which the first input has at `feature_axis`."""

    feature_axis = 1

    def __init_subclass__(cls, **defaults: Any) -> None:
        super().__init_subclass__()
        parameters = list(inspect.signature(cls.__mro__[2]).parameters.values())[1:]
        cls.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [p.replace(default=defaults.get(p.name, p.default)) for p in parameters]
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Module.__init__(self)
        given = inspect.signature(type(self)).bind(*args, **kwargs)
        given.apply_defaults()
        self._waiting: inspect.BoundArguments | None = given

    def forward(self, input: Any, *more: Any) -> Any:
        if self._waiting is not None:
            who, given, x = type(self).__name__, self._waiting, lift(input, type(self).__name__)
            if not -x.ndim <= self.feature_axis < x.ndim:
                raise ShapeError(
                    f"{who}: the input must have features as axis {self.feature_axis}; got {x.shape}; reshape it"
                )
            training = self.training
            super().__init__(x.shape[self.feature_axis], *given.args, **given.kwargs)  # type: ignore[call-arg]
            self.training, self._waiting = training, None
        return super().forward(input, *more)


class LazyLinear(_Lazy, linear.Linear):
    """Linear whose `in_features` are those of the first input.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.LazyLinear(2)
    >>> layer(tg.ones((5, 3))).shape, layer.weight.shape
    ((5, 2), (2, 3))
    """

    feature_axis = -1


class LazyConv1d(_Lazy, convolution.Conv1d):
    """Conv1d whose `in_channels` are those of the first input: `(n, c, l)`."""

    feature_axis = -2


class LazyConv2d(_Lazy, convolution.Conv2d):
    """Conv2d whose `in_channels` are those of the first input: `(n, c, h, w)`."""

    feature_axis = -3


class LazyConv3d(_Lazy, convolution.Conv3d):
    """Conv3d whose `in_channels` are those of the first input: `(n, c, d, h, w)`."""

    feature_axis = -4


class LazyConvTranspose1d(_Lazy, convolution.ConvTranspose1d):
    """ConvTranspose1d whose `in_channels` are those of the first input: `(n, c, l)`."""

    feature_axis = -2


class LazyConvTranspose2d(_Lazy, convolution.ConvTranspose2d):
    """ConvTranspose2d whose `in_channels` are those of the first input: `(n, c, h, w)`."""

    feature_axis = -3


class LazyConvTranspose3d(_Lazy, convolution.ConvTranspose3d):
    """ConvTranspose3d whose `in_channels` are those of the first input: `(n, c, d, h, w)`."""

    feature_axis = -4


class LazyBatchNorm1d(_Lazy, normalization.BatchNorm1d):
    """BatchNorm1d whose `num_features` are those of the first input: `(n, c, l)`."""


class LazyBatchNorm2d(_Lazy, normalization.BatchNorm2d):
    """BatchNorm2d whose `num_features` are those of the first input: `(n, c, h, w)`."""


class LazyBatchNorm3d(_Lazy, normalization.BatchNorm3d):
    """BatchNorm3d whose `num_features` are those of the first input: `(n, c, d, h, w)`."""


class LazyInstanceNorm1d(_Lazy, normalization.InstanceNorm1d, affine=True, track_running_stats=True):
    """InstanceNorm1d whose `num_features` are those of the first input: `(n, c, l)`; with `affine` and running
    statistics, unless told otherwise."""

    feature_axis = -2


class LazyInstanceNorm2d(_Lazy, normalization.InstanceNorm2d, affine=True, track_running_stats=True):
    """InstanceNorm2d whose `num_features` are those of the first input: `(n, c, h, w)`; with `affine` and running
    statistics, unless told otherwise."""

    feature_axis = -3


class LazyInstanceNorm3d(_Lazy, normalization.InstanceNorm3d, affine=True, track_running_stats=True):
    """InstanceNorm3d whose `num_features` are those of the first input: `(n, c, d, h, w)`; with `affine` and running
    statistics, unless told otherwise."""

    feature_axis = -4
