"""How arguments are read: values, axes, and functions that are one op."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import engine
from ..arrays import to_array
from ..engine import Op, Variable
from ..errors import AxisError, DTypeError

if TYPE_CHECKING:
    from ..tensor import Tensor

Axis = int | Sequence[int] | None


def lift(x: Any, who: str = "asarray") -> Any:
    """`x` itself if it is a tensor, else a constant tensor of its values."""
    return x if isinstance(x, Variable) else engine.constant(to_array(x, who=who))


def elementwise(op: Op) -> Callable[..., Tensor]:
    """The public function of an elementwise op: scalars stay weak, lists and arrays are read."""
    arity = len(op.domain or ())

    def unary(x: Any, /) -> Any:
        return op.unary(x if isinstance(x, Variable) else lift(x, op.name))

    def nary(*xs: Any) -> Any:
        if len(xs) != arity:
            raise TypeError(f"{op}: takes {arity} arguments; got {len(xs)}; see help(tg.{op})")
        if not any(isinstance(x, Variable) for x in xs):
            xs = tuple(lift(x, op.name) for x in xs)
        return op(*xs)

    function: Callable[..., Any] = unary if arity == 1 else nary
    function.__name__ = function.__qualname__ = op.name
    names = ", ".join("abc"[:arity]) if arity > 1 else "x"
    written = f" = {op.formula.format(*'abc')}" if op.formula and arity > 1 else ""
    function.__doc__ = op.doc or f"{op.name}({names}){written}, entry by entry, with broadcasting."
    return function


def normal_axis(who: str, axis: Any, ndim: int) -> int:
    """`axis` counted from the left."""
    try:
        i = operator.index(axis)
    except TypeError:
        raise DTypeError(f"{who}: axis must be an integer; got {axis!r}; use e.g. axis=0") from None
    if not -ndim <= i < ndim:
        raise AxisError(
            f"{who}: axis must be from {-ndim} to {ndim - 1}; got {i} for a tensor of {ndim} "
            f"dimensions; check the tensor's shape"
        )
    return i % ndim


def normal_axes(who: str, axis: Axis, ndim: int) -> tuple[int, ...]:
    """All axes for None, else a sorted tuple without repetition."""
    if axis is None:
        return tuple(range(ndim))
    axes = [normal_axis(who, k, ndim) for k in (axis if isinstance(axis, tuple | list) else (axis,))]
    if len(set(axes)) != len(axes):
        raise AxisError(f"{who}: axes must differ; got {axis}; name each axis once")
    return tuple(sorted(axes))


def normal_shape(who: str, shape: Any) -> tuple[int, ...]:
    """A shape given as an int or a sequence, as a tuple of ints."""
    if isinstance(shape, int | np.integer):
        return (int(shape),)
    try:
        return tuple(operator.index(n) for n in shape)
    except TypeError:
        raise DTypeError(f"{who}: shape must be integers; got {shape!r}; use e.g. (2, 3)") from None
