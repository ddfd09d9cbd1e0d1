"""Padding layers: entries added around the input, or taken away where `padding` is negative.

`padding` is one number for all sides, or (before, after) for the last axis, then for the one before it ...
"""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from ..functions.settings import integer, settings, several
from . import functional as F
from .module import Layer


class _Pad(Layer):
    """A padding of the last `axes` axes."""

    axes, mode = 0, "constant"
    value: float | None = None

    @settings
    def __init__(self, padding: Any) -> None:
        super().__init__()
        who, n = type(self).__name__, 2 * self.axes
        given = several(who, "padding", padding) if isinstance(padding, tuple | list) else [padding] * n
        self.padding = tuple(integer(who, "padding", k) for k in given)
        if len(given) != n:
            raise ShapeError(f"{who}: padding must be one number, or {n}; got {padding}; use e.g. 1")

    def forward(self, input: Any) -> Any:
        return F.pad(input, self.padding, self.mode, self.value)


class _ConstantPad(_Pad):
    @settings
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value


class ZeroPad1d(_Pad):
    """The input with zeros around it: `(n, c, l)`."""

    axes = 1


class ZeroPad2d(_Pad):
    """The input with zeros around it: `(n, c, h, w)`."""

    axes = 2


class ZeroPad3d(_Pad):
    """The input with zeros around it: `(n, c, d, h, w)`."""

    axes = 3


class ConstantPad1d(_ConstantPad):
    """The input with `value` around it: `(n, c, l)`."""

    axes = 1


class ConstantPad2d(_ConstantPad):
    """The input with `value` around it: `(n, c, h, w)`."""

    axes = 2


class ConstantPad3d(_ConstantPad):
    """The input with `value` around it: `(n, c, d, h, w)`."""

    axes = 3


class ReflectionPad1d(_Pad):
    """The input with the entries before the edge, mirrored around it: `(n, c, l)`."""

    axes, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """The input with the entries before the edge, mirrored around it: `(n, c, h, w)`."""

    axes, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """The input with the entries before the edge, mirrored around it: `(n, c, d, h, w)`."""

    axes, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """The input with the entry at the edge, repeated around it: `(n, c, l)`."""

    axes, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """The input with the entry at the edge, repeated around it: `(n, c, h, w)`."""

    axes, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """The input with the entry at the edge, repeated around it: `(n, c, d, h, w)`."""

    axes, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """The input with the entries of the other end around it: `(n, c, l)`."""

    axes, mode = 1, "circular"


class CircularPad2d(_Pad):
    """The input with the entries of the other end around it: `(n, c, h, w)`."""

    axes, mode = 2, "circular"


class CircularPad3d(_Pad):
    """The input with the entries of the other end around it: `(n, c, d, h, w)`."""

    axes, mode = 3, "circular"
