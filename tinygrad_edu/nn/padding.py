"""Padding layers: entries added around the input, or taken away where `padding` is negative.

`padding` is one number for all sides, or (before, after) for the last axis, then for the one before it ...
A tuple of another length is a ShapeError.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..annotations import ArrayLike
from ..errors import ShapeError
from ..functions.settings import integer, settings, several
from ..tensor import Tensor
from . import functional as F
from .module import Module


class _Pad(Module):
    """A padding of the last `axes` axes."""

    axes, mode = 0, "constant"
    value: float | None = None

    @settings
    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__()
        who, n = type(self).__name__, 2 * self.axes
        given = several(who, "padding", padding) if isinstance(padding, tuple | list) else [padding] * n
        self.padding = tuple(integer(who, "padding", k) for k in given)
        if len(given) != n:
            raise ShapeError(f"{who}: padding must be one number, or {n}; got {padding}; use e.g. 1")

    def forward(self, input: ArrayLike) -> Tensor:
        return F.pad(input, self.padding, self.mode, self.value)


class _ConstantPad(_Pad):
    @settings
    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__(padding)
        self.value = value


class ZeroPad1d(_Pad):
    """The input with zeros around it: `(n, c, l)`.

    `padding` is one number, or (left, right): `l_out = l + left + right`.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.ZeroPad1d((1, 2))(tg.ones((1, 1, 2))).tolist()
    [[[0.0, 1.0, 1.0, 0.0, 0.0]]]
    """

    axes = 1


class ZeroPad2d(_Pad):
    """The input with zeros around it: `(n, c, h, w)`.

    `padding` is one number, or (left, right, top, bottom).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.ZeroPad2d((1, 0, 0, 1))(tg.ones((1, 1, 1, 2))).tolist()
    [[[[0.0, 1.0, 1.0], [0.0, 0.0, 0.0]]]]
    """

    axes = 2


class ZeroPad3d(_Pad):
    """The input with zeros around it: `(n, c, d, h, w)`.

    `padding` is one number, or (left, right, top, bottom, front, back).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.ZeroPad3d((1, 1, 0, 0, 2, 0))(tg.ones((1, 1, 2, 3, 4))).shape
    (1, 1, 4, 3, 6)
    """

    axes = 3


class ConstantPad1d(_ConstantPad):
    """The input with `value` around it: `(n, c, l)`.

    `padding` is one number, or (left, right).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.ConstantPad1d((1, 0), 7)(tg.ones((1, 1, 2))).tolist()
    [[[7.0, 1.0, 1.0]]]
    """

    axes = 1


class ConstantPad2d(_ConstantPad):
    """The input with `value` around it: `(n, c, h, w)`.

    `padding` is one number, or (left, right, top, bottom).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.ConstantPad2d((-1, 0, 0, 1), 5)(tg.arange(3.0).reshape(1, 1, 1, 3)).tolist()
    [[[[1.0, 2.0], [5.0, 5.0]]]]
    """

    axes = 2


class ConstantPad3d(_ConstantPad):
    """The input with `value` around it: `(n, c, d, h, w)`.

    `padding` is one number, or (left, right, top, bottom, front, back).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.ConstantPad3d((1, 0, 0, 0, 0, 1), 5)(tg.ones((1, 1, 1, 1, 1))).tolist()
    [[[[[5.0, 1.0]], [[5.0, 5.0]]]]]
    """

    axes = 3


class ReflectionPad1d(_Pad):
    """The input with the entries before the edge, mirrored around it: `(n, c, l)`.

    The edge itself does not come twice. `padding` is one number, or (left, right).
    Padding of the axis's length or more goes back and forth, as in NumPy; PyTorch refuses it.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.ReflectionPad1d((2, 1))(tg.arange(3.0).reshape(1, 1, 3)).tolist()
    [[[2.0, 1.0, 0.0, 1.0, 2.0, 1.0]]]
    """

    axes, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """The input with the entries before the edge, mirrored around it: `(n, c, h, w)`.

    `padding` is one number, or (left, right, top, bottom).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.ReflectionPad2d((1, 0, 1, 0))(tg.arange(4.0).reshape(1, 1, 2, 2)).tolist()
    [[[[3.0, 2.0, 3.0], [1.0, 0.0, 1.0], [3.0, 2.0, 3.0]]]]
    """

    axes, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """The input with the entries before the edge, mirrored around it: `(n, c, d, h, w)`.

    `padding` is one number, or (left, right, top, bottom, front, back).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.ReflectionPad3d((0, 0, 0, 0, 2, 0))(tg.arange(3.0).reshape(1, 1, 3, 1, 1)).flatten().tolist()
    [2.0, 1.0, 0.0, 1.0, 2.0]
    """

    axes, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """The input with the entry at the edge, repeated around it: `(n, c, l)`.

    `padding` is one number, or (left, right).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.ReplicationPad1d((2, 1))(tg.arange(3.0).reshape(1, 1, 3)).tolist()
    [[[0.0, 0.0, 0.0, 1.0, 2.0, 2.0]]]
    """

    axes, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """The input with the entry at the edge, repeated around it: `(n, c, h, w)`.

    `padding` is one number, or (left, right, top, bottom).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.ReplicationPad2d((1, 0, 1, 0))(tg.arange(4.0).reshape(1, 1, 2, 2)).tolist()
    [[[[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [2.0, 2.0, 3.0]]]]
    """

    axes, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """The input with the entry at the edge, repeated around it: `(n, c, d, h, w)`.

    `padding` is one number, or (left, right, top, bottom, front, back).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.ReplicationPad3d((0, 0, 0, 0, 2, 0))(tg.arange(3.0).reshape(1, 1, 3, 1, 1)).flatten().tolist()
    [0.0, 0.0, 0.0, 1.0, 2.0]
    """

    axes, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """The input with the entries of the other end around it: `(n, c, l)`.

    `padding` is one number, or (left, right).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.CircularPad1d((2, 1))(tg.arange(3.0).reshape(1, 1, 3)).tolist()
    [[[1.0, 2.0, 0.0, 1.0, 2.0, 0.0]]]
    """

    axes, mode = 1, "circular"


class CircularPad2d(_Pad):
    """The input with the entries of the other end around it: `(n, c, h, w)`.

    `padding` is one number, or (left, right, top, bottom).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.CircularPad2d((1, 0, 1, 0))(tg.arange(4.0).reshape(1, 1, 2, 2)).tolist()
    [[[[3.0, 2.0, 3.0], [1.0, 0.0, 1.0], [3.0, 2.0, 3.0]]]]
    """

    axes, mode = 2, "circular"


class CircularPad3d(_Pad):
    """The input with the entries of the other end around it: `(n, c, d, h, w)`.

    `padding` is one number, or (left, right, top, bottom, front, back).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.CircularPad3d((0, 0, 0, 0, 2, 0))(tg.arange(3.0).reshape(1, 1, 3, 1, 1)).flatten().tolist()
    [1.0, 2.0, 0.0, 1.0, 2.0]
    """

    axes, mode = 3, "circular"
