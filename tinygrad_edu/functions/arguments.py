"""How arguments are read: values, axes, and functions that are one op."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from .. import engine
from ..annotations import ArrayLike
from ..arrays import is_weak, to_array
from ..engine import NEEDS, Variable
from ..errors import AxisError, DTypeError, ShapeError
from ..op import Op
from ..ops.layout import alias, concat, reshape
from ..precision import lowered
from ..recording import recording
from ..sums import HALF
from .calls import Decorated, fitting
from .settings import real, refused, settings

if TYPE_CHECKING:
    from ..tensor import Tensor

Axis = int | Sequence[int] | None
NOTHING: Any = object()  # no argument


def lift(x: ArrayLike | Variable, who: str = "asarray") -> Tensor:
    """`x` itself if it is a tensor, else a constant tensor of its values, copied."""
    if isinstance(x, Variable):
        return x  # type: ignore[return-value]  # a Tensor, as results_are() says
    if isinstance(x, list | tuple) and any(isinstance(v, Variable | list | tuple) for v in x):
        try:
            return _stacked([lift(v, who) for v in x], who)
        except RecursionError:
            raise ValueError(f"{who}: data must be a nest of numbers; got a list in itself; take it apart") from None
    return engine.constant(to_array(x, who=who)) if is_weak(x) else engine.enter(x, who)


def single(function: Decorated) -> Decorated:
    """Decorator: `settings`, and where the first argument is of float16, compute in float32 and round the result, once,
    to float16."""
    return _in_single(function, True)


def kept_single(function: Decorated) -> Decorated:
    """Decorator: likewise, but within `amp.autocast` the result stays in float32: losses, and what loses digits."""
    return _in_single(function, False)


def _in_single(function: Decorated, always: bool) -> Decorated:
    """Computes in float32 what is given in float16, and rounds the result: `always`, or outside of autocast only."""
    who, first = function.__name__, next(iter(inspect.signature(function).parameters))

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if args:
            x = lift(args[0], who)
        elif first in kwargs:
            x = lift(kwargs.pop(first), who)
        else:
            return function(**kwargs)
        if x._data.dtype is not HALF:
            return function(x, *args[1:], **kwargs)
        y = function(x.astype(np.float32), *args[1:], **kwargs)
        return y.astype(HALF) if always or lowered.get() is None else y

    return settings(cast(Decorated, wrapped))


def _stacked(tensors: list[Any], who: str) -> Any:
    """A list of tensors as one tensor; a gradient goes back to each."""
    shape = tensors[0].shape
    if any(t.shape != shape for t in tensors):
        raise ValueError(
            f"{who}: data must be a rectangular nest of numbers; got rows of shapes "
            f"{', '.join(str(t.shape) for t in tensors)}; make all rows equally long, or take one tensor of "
            "a layer that gives several, such as nn.RNN"
        )
    return concat(*[reshape(t, shape=(1, *shape)) for t in tensors], axis=0)


def number(who: str, what: str, x: object) -> Any:
    """A setting, which has no gradient: a tensor that needs one is refused."""
    if isinstance(x, Variable):
        if x.flags & NEEDS:
            raise DTypeError(f"{who}: {what} must be a number; got a tensor that needs a gradient; detach() it")
        x = x._data
    return real(who, what, x)


def of_one(x: ArrayLike, /) -> Tensor:
    """The form of `elementwise` functions of one array."""
    raise NotImplementedError


def of_two(x1: ArrayLike, x2: ArrayLike, /) -> Tensor:
    """The form of those of two arrays."""
    raise NotImplementedError


def scaled(x1: ArrayLike, x2: ArrayLike, /, *, alpha: float = 1) -> Tensor:
    """The form of those of two arrays that multiply the second by `alpha`."""
    raise NotImplementedError


def elementwise(op: Op, form: Decorated, example: str = "", result: str = "", home: str = "elementwise") -> Decorated:
    """The public function of an elementwise op: scalars stay weak, lists and arrays are read.

    It takes what `form` takes, and shows that to type checkers, `inspect` and `help`. Its docstring shows `example`,
    the arguments of a call, and `result`, which that call prints.
    """
    signature = inspect.signature(form)
    parameters = signature.parameters
    given = [p.name for p in parameters.values() if p.kind is p.POSITIONAL_ONLY]
    arity = len(given)

    def unary(x: Any = NOTHING, /, *more: Any, **others: Any) -> Any:
        if more or others or x is NOTHING:
            fitting(function, () if x is NOTHING else (x, *more), others)
        return op.unary(x if isinstance(x, Variable) else lift(x, op.name))

    def nary(*xs: Any, **others: Any) -> Any:
        if "alpha" in others and "alpha" in parameters and len(xs) == 2:  # PyTorch's factor of the second
            second = xs[1] if is_weak(xs[1]) else lift(xs[1], op.name)
            return nary(xs[0], second * real(op.name, "alpha", others.pop("alpha")), **others)
        if others or len(xs) != arity:
            fitting(function, xs, others)
        if not any(isinstance(x, Variable) for x in xs):
            weak = [is_weak(x) for x in xs]
            xs = tuple(x if w and not all(weak) else lift(x, op.name) for x, w in zip(xs, weak, strict=True))
        return op(*xs)

    function: Any = unary if arity == 1 else nary
    function.__signature__, function.__annotations__ = signature, form.__annotations__
    function.__name__ = function.__qualname__ = op.name
    function.__module__ = f"{__package__}.{home}"  # where pickle will find it
    written = f" = {op.formula.format(*given)}" if op.formula else ""
    others = ", with broadcasting" if arity > 1 else ""
    others += "; `alpha`, if given, multiplies the second" if "alpha" in parameters else ""
    function.__doc__ = op.doc or f"{op.name}({', '.join(given)}){written}, entry by entry{others}."
    if example:
        place = "tg.special" if home == "special" else "tg"
        function.__doc__ += f"\n\n>>> import tinygrad_edu as tg\n>>> {place}.{op.name}({example})\n{result}\n"
    return cast(Decorated, function)


def normal_axis(who: str, axis: Any, ndim: int) -> int:
    """`axis` counted from the left."""
    try:
        i = operator.index(axis)
    except TypeError:
        i = None
    if i is None or isinstance(axis, bool | np.bool):
        raise refused(who, "axis", "an integer", axis, "axis=0")
    if not ndim:
        raise AxisError(f"{who}: a number has no axes; got axis {i}; give an array, or None for the axis")
    if not -ndim <= i < ndim:
        raise AxisError(
            f"{who}: axis must be from {-ndim} to {ndim - 1}; got {i} for a tensor of {ndim} "
            f"dimensions; check the tensor's shape"
        )
    return i % ndim


def row_axis(who: str, axis: int, ndim: int) -> tuple[int, ...]:
    """The one axis of a function of rows, as a tuple; a number, which has none, counts as a row of one."""
    return (normal_axis(who, axis, ndim or 1),)[:ndim]


def normal_axes(who: str, axis: Axis, ndim: int) -> tuple[int, ...]:
    """All axes for None, else a sorted tuple without repetition."""
    if axis is None:
        return tuple(range(ndim))
    axes = [normal_axis(who, k, ndim) for k in (axis if isinstance(axis, tuple | list) else (axis,))]
    if len(set(axes)) != len(axes):
        raise AxisError(f"{who}: axes must differ; got {axis}; name each axis once")
    return tuple(sorted(axes))


# Functions that do something else in PyTorch, so that its `dim` and `keepdim` are not taken.
OTHERWISE = {
    "max": "PyTorch gives values and places; use max(axis=) and argmax(axis=)",
    "min": "PyTorch gives values and places; use min(axis=) and argmin(axis=)",
    "sort": "PyTorch gives values and places; use sort(axis=) and argsort(axis=)",
    "var": "PyTorch divides by n - 1, this by n; use axis=, with correction=1 for the same",
    "std": "PyTorch divides by n - 1, this by n; use axis=, with correction=1 for the same",
    "split": "PyTorch takes the length of a part, this how many parts; use axis=",
}


def spelled(who: str, ours: object, default: object, theirs: object, plain: bool = False) -> Any:
    """An argument that was given as PyTorch calls it: `dim` for `axis`, `keepdim` for `keepdims`; `plain`, if it can
    mean one thing only."""
    if ours is not default and ours != default:
        raise TypeError(
            f"{who}: axis is PyTorch's dim, and keepdims its keepdim; got both, {ours!r} and {theirs!r}; give one"
        )
    if who in OTHERWISE and not plain:
        raise TypeError(f"{who}: must be given axis and keepdims; got dim or keepdim; {OTHERWISE[who]} and keepdims=")
    return theirs


def normal_shape(who: str, shape: int | Sequence[int]) -> tuple[int, ...]:
    """A shape given as an int or a sequence, as a tuple of ints."""
    try:
        lengths = tuple(map(operator.index, as_tuple(shape if not hasattr(shape, "tolist") else shape.tolist())))
    except (TypeError, ValueError):
        raise refused(who, "shape", "integers", shape, "(2, 3)") from None
    if len(lengths) > 64 or max(lengths, default=0) >= 2**62:
        raise ShapeError(f"{who}: shape must be one that an array can have; got {str(lengths)[:60]}; use a smaller one")
    if min(lengths, default=0) < (-1 if who == "reshape" else 0):
        raise ShapeError(f"{who}: lengths must not be negative; got {shape}; use e.g. (2, 3)")
    return lengths


def unpacked(xs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Several arguments, or the one list of tensors that stands for them, as PyTorch writes it."""
    one = xs[0] if len(xs) == 1 else None
    return tuple(one) if isinstance(one, list | tuple) and any(isinstance(x, Variable) for x in one) else xs


def as_tuple(x: object) -> tuple[Any, ...]:
    """Several things as a tuple, one thing as a tuple of one."""
    return tuple(x) if isinstance(x, tuple | list) else (x,)


def fresh(who: str, x: Any) -> Any:
    """A new variable of the values of `x`, to differentiate by."""
    x = lift(x, who)
    if x.dtype.kind not in "fc":
        raise DTypeError(
            f"{who}: can only differentiate by floating-point arguments; got {x.dtype}; pass floats "
            "(1.0, not 1), or choose other argnums"
        )
    new = alias(x) if x.flags and recording.get() else engine.unrecorded(x)
    new.flags = NEEDS
    new.name = x.name
    return new
