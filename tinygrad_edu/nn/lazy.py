"""Layers that find out the size of their input from the first input that they see.

Call the model once before its parameters are used, as by an optimizer: until then, such a layer has none.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from ..changes import at_once, become, draft
from ..errors import ShapeError
from ..functions.arguments import lift
from ..functions.calls import fitting
from . import convolution, linear, normalization
from .module import Module

_P = ParamSpec("_P")


def _later(whole: Callable[Concatenate[Any, Any, _P], None]) -> Callable[[Any], Callable[Concatenate[Any, _P], None]]:
    """Decorator: an `__init__` that keeps what `whole` takes beside the number of features, and shows its parameters to
    type checkers."""

    def decorate(own: object) -> Callable[Concatenate[Any, _P], None]:
        def init(self: _Lazy, /, *args: _P.args, **kwargs: _P.kwargs) -> None:
            _Lazy.__init__(self, *args, **kwargs)

        return init

    return decorate


class _Lazy(Module):
    """A layer without its first argument, the number of features, which the first input has at `_feature_axis`."""

    _feature_axis = 1

    def __init_subclass__(cls, **defaults: object) -> None:
        super().__init_subclass__()
        parameters = list(inspect.signature(cls.__mro__[2]).parameters.values())[1:]
        cls.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [p.replace(default=defaults.get(p.name, p.default)) for p in parameters]
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Module.__init__(self)
        given = inspect.signature(type(self)).bind(*args, **fitting(type(self), args, kwargs))
        given.apply_defaults()
        self._waiting: inspect.BoundArguments | None = given
        self._yet = "its parameters are made at the first call: call the model once with an input"

    def _made_in(self, dtype: object) -> None:
        if self._waiting is not None and "dtype" in self._waiting.arguments:
            self._waiting.arguments["dtype"] = dtype

    def forward(self, input: Any, *more: Any) -> Any:
        if self._waiting is not None:
            who, given, x = type(self).__name__, self._waiting, lift(input, type(self).__name__)
            if not -x.ndim <= self._feature_axis < x.ndim:
                raise ShapeError(
                    f"{who}: the input must have features as axis {self._feature_axis}; got {x.shape}; reshape it"
                )
            new = draft(self)
            super(_Lazy, new).__init__(x.shape[self._feature_axis], *given.args, **given.kwargs)  # type: ignore[call-arg]
            new.training, new._waiting, new._yet = self.training, None, ""
            at_once(become(self, new))
        return super().forward(input, *more)


class LazyLinear(_Lazy, linear.Linear):
    """Linear whose `in_features` are those of the first input. Source: Rosenblatt (1958).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.LazyLinear(2)
    >>> layer(tg.ones((5, 3))).shape, layer.weight.shape
    ((5, 2), (2, 3))
    """

    @_later(linear.Linear.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    _feature_axis = -1


class LazyConv1d(_Lazy, convolution.Conv1d):
    """Conv1d whose `in_channels` are those of the first input: `(n, c, l)`.

    Until then it has no parameters: call it once before an optimizer is made. Source: Waibel et al. (1989).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.LazyConv1d(4, 3)
    >>> layer(tg.ones((2, 5, 8))).shape, layer.weight.shape
    ((2, 4, 6), (4, 5, 3))
    """

    @_later(convolution.Conv1d.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    _feature_axis = -2


class LazyConv2d(_Lazy, convolution.Conv2d):
    """Conv2d whose `in_channels` are those of the first input: `(n, c, h, w)`.

    Until then it has no parameters: call it once before an optimizer is made. Source: LeCun et al. (1989).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.LazyConv2d(4, 3, padding=1)
    >>> len(list(layer.parameters()))
    0
    >>> layer(tg.ones((2, 5, 8, 8))).shape, layer.in_channels
    ((2, 4, 8, 8), 5)
    """

    @_later(convolution.Conv2d.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    _feature_axis = -3


class LazyConv3d(_Lazy, convolution.Conv3d):
    """Conv3d whose `in_channels` are those of the first input: `(n, c, d, h, w)`.

    Until then it has no parameters: call it once before an optimizer is made. Source: Ji et al. (2013).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.LazyConv3d(4, 2)
    >>> layer(tg.ones((1, 5, 3, 3, 3))).shape, layer.weight.shape
    ((1, 4, 2, 2, 2), (4, 5, 2, 2, 2))
    """

    @_later(convolution.Conv3d.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    _feature_axis = -4


class LazyConvTranspose1d(_Lazy, convolution.ConvTranspose1d):
    """ConvTranspose1d whose `in_channels` are those of the first input: `(n, c, l)`.

    Until then it has no parameters: call it once before an optimizer is made. Source: Zeiler et al. (2010).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.LazyConvTranspose1d(4, 2, stride=2)
    >>> layer(tg.ones((2, 5, 3))).shape, layer.weight.shape
    ((2, 4, 6), (5, 4, 2))
    """

    @_later(convolution.ConvTranspose1d.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    _feature_axis = -2


class LazyConvTranspose2d(_Lazy, convolution.ConvTranspose2d):
    """ConvTranspose2d whose `in_channels` are those of the first input: `(n, c, h, w)`.

    Until then it has no parameters: call it once before an optimizer is made. Source: Zeiler et al. (2010).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.LazyConvTranspose2d(4, 2, stride=2)
    >>> layer(tg.ones((2, 5, 3, 3))).shape, layer.weight.shape
    ((2, 4, 6, 6), (5, 4, 2, 2))
    """

    @_later(convolution.ConvTranspose2d.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    _feature_axis = -3


class LazyConvTranspose3d(_Lazy, convolution.ConvTranspose3d):
    """ConvTranspose3d whose `in_channels` are those of the first input: `(n, c, d, h, w)`.

    Until then it has no parameters: call it once before an optimizer is made. Source: Zeiler et al. (2010).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.LazyConvTranspose3d(4, 2)
    >>> layer(tg.ones((1, 5, 3, 3, 3))).shape, layer.weight.shape
    ((1, 4, 4, 4, 4), (5, 4, 2, 2, 2))
    """

    @_later(convolution.ConvTranspose3d.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    _feature_axis = -4


class LazyBatchNorm1d(_Lazy, normalization.BatchNorm1d):
    """BatchNorm1d whose `num_features` are those of the first input: `(n, c, l)`.

    Until then it has no parameters: call it once before an optimizer is made. Source: Ioffe and Szegedy (2015).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.LazyBatchNorm1d()
    >>> layer(tg.ones((2, 5, 3))).shape, layer.num_features
    ((2, 5, 3), 5)
    """

    @_later(normalization.BatchNorm1d.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...


class LazyBatchNorm2d(_Lazy, normalization.BatchNorm2d):
    """BatchNorm2d whose `num_features` are those of the first input: `(n, c, h, w)`.

    Until then it has no parameters: call it once before an optimizer is made. Source: Ioffe and Szegedy (2015).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.LazyBatchNorm2d()
    >>> layer(tg.ones((2, 5, 3, 3))).shape, layer.weight.shape
    ((2, 5, 3, 3), (5,))
    """

    @_later(normalization.BatchNorm2d.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...


class LazyBatchNorm3d(_Lazy, normalization.BatchNorm3d):
    """BatchNorm3d whose `num_features` are those of the first input: `(n, c, d, h, w)`.

    Until then it has no parameters: call it once before an optimizer is made. Source: Ioffe and Szegedy (2015).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.LazyBatchNorm3d(affine=False)
    >>> layer(tg.ones((2, 5, 3, 3, 3))).shape, layer.running_mean.shape
    ((2, 5, 3, 3, 3), (5,))
    """

    @_later(normalization.BatchNorm3d.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...


class LazyInstanceNorm1d(_Lazy, normalization.InstanceNorm1d, affine=True, track_running_stats=True):
    """InstanceNorm1d whose `num_features` are those of the first input: `(n, c, l)`; with `affine` and running
    statistics, unless told otherwise.

    Until then it has no parameters: call it once before an optimizer is made.
    Source: Ulyanov, Vedaldi and Lempitsky (2016).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.LazyInstanceNorm1d()
    >>> layer(tg.ones((2, 5, 3))).shape, layer.weight.shape
    ((2, 5, 3), (5,))
    """

    @_later(normalization.InstanceNorm1d.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    _feature_axis = -2


class LazyInstanceNorm2d(_Lazy, normalization.InstanceNorm2d, affine=True, track_running_stats=True):
    """InstanceNorm2d whose `num_features` are those of the first input: `(n, c, h, w)`; with `affine` and running
    statistics, unless told otherwise.

    Until then it has no parameters: call it once before an optimizer is made.
    Source: Ulyanov, Vedaldi and Lempitsky (2016).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.LazyInstanceNorm2d(affine=False)
    >>> layer(tg.ones((2, 5, 3, 3))).shape, layer.running_mean.shape
    ((2, 5, 3, 3), (5,))
    """

    @_later(normalization.InstanceNorm2d.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    _feature_axis = -3


class LazyInstanceNorm3d(_Lazy, normalization.InstanceNorm3d, affine=True, track_running_stats=True):
    """InstanceNorm3d whose `num_features` are those of the first input: `(n, c, d, h, w)`; with `affine` and running
    statistics, unless told otherwise.

    Until then it has no parameters: call it once before an optimizer is made.
    Source: Ulyanov, Vedaldi and Lempitsky (2016).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.LazyInstanceNorm3d()
    >>> layer(tg.ones((2, 5, 3, 3, 3))).shape, layer.num_features
    ((2, 5, 3, 3, 3), 5)
    """

    @_later(normalization.InstanceNorm3d.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    _feature_axis = -4
