"""`ProgramArray`: looks like an array to NumPy and to whoever computes with it, and writes down what it is asked.

It carries the array of this run along, so that shapes and dtypes are known, and what is written down has run.
What asks for a value, and not for an operation on it, is refused: a program must be right for other values as well.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..arrays import reading
from ..batched.levels import Batch
from ..engine import Variable
from ..errors import GraphError
from ..recording import site
from .host import HostNumber
from .primitives import VIEWS, name_of
from .program import Value

OWN, SHARED = np.empty(0).flags, np.broadcast_to(0.0, 0).flags  # of what may be written into, and of what may not
# what may be asked without a step: it follows from shapes and dtypes
KNOWN = {np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj, np.min_scalar_type,
         np.may_share_memory, np.shares_memory}  # fmt: skip
# their shapes depend on values
UNSHAPED = {"nonzero", "flatnonzero", "argwhere", "unique", "compress", "extract", "trim_zeros", "union1d", "setdiff1d"}


class UnknownShapeError(GraphError):
    """The shape of a result depends on values."""


class EffectError(GraphError):
    """A function does something besides computing."""


def refusal(got: str, do: str, error: type[GraphError] = GraphError, at: Any = None) -> GraphError:
    """The error for what a program cannot hold, with the user's line."""
    at = at or site()
    return error(f"compile: the function must do the same operations for all values; got {got} at {at}; {do}")


def plain(x: Any) -> Any:
    """Arguments with the arrays of this run."""
    kind = x.__class__
    if kind is ProgramArray:
        return x.values
    if kind is slice or kind is int or kind is float:
        return x
    if isinstance(x, HostNumber):
        return x.now
    if isinstance(x, tuple | list):
        parts = [plain(part) for part in x]
        return type(x)(parts) if type(x) in (tuple, list) else type(x)(*parts)
    if isinstance(x, dict):
        return {k: plain(part) for k, part in x.items()}
    return x


@reading
class ProgramArray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of a program that is being written; `values` is what it is in this run."""

    __slots__ = ("flags", "value", "values", "writer")
    __hash__ = object.__hash__
    base = None

    def __init__(self, values: Any, value: Value, writer: Any) -> None:
        self.values, self.value, self.writer, self.flags = values, value, writer, OWN

    shape = property(lambda self: self.values.shape)
    ndim = property(lambda self: self.values.ndim)
    size = property(lambda self: self.values.size)
    dtype = property(lambda self: self.values.dtype)
    itemsize = property(lambda self: self.values.itemsize)
    nbytes = property(lambda self: self.values.nbytes)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        for x in inputs:
            if isinstance(x, Variable | Batch):
                return NotImplemented  # it is for the tensor, or for all examples of it, to answer
        name = name_of(ufunc)
        if method == "at":
            return inputs[0].become(self.writer.call(f"{name}.at", inputs, options))
        if method == "reduce":
            return self._reduced(ufunc, name, inputs[0], out, **options)
        y = self.writer.call(name if method == "__call__" else f"{name}.{method}", inputs, options)
        return y if out is None else _into(out, y)

    def _reduced(
        self, ufunc: Any, name: str, x: Any, out: Any, axis: Any = 0, keepdims: Any = False, **options: Any
    ) -> Any:
        """Sums are a primitive of their own, over axes that are counted from the left."""
        axes = tuple(range(np.ndim(x))) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        axes = tuple(sorted(k % max(np.ndim(x), 1) for k in axes))
        dtype = options.pop("dtype", None)
        if name == "add" and not options and x.dtype.kind in "fc":
            y = np.astype(x, dtype) if dtype is not None and dtype != x.dtype else x
            y = self.writer.call("sum", (y,), {"axis": axes, "keepdims": bool(keepdims)})
        else:
            options |= {} if dtype is None else {"dtype": dtype}
            y = self.writer.call(f"{name}.reduce", (x,), {"axis": axes, "keepdims": bool(keepdims), **options})
        return y if out is None else _into(out, y)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        for t in types:
            if issubclass(t, Variable | Batch):
                return NotImplemented
        if function in KNOWN:
            return function(*plain(args), **plain(kwargs))
        out = kwargs.pop("out", None) if "out" in kwargs else None
        if function in SPELLED:
            y = SPELLED[function](*args, **kwargs)
        else:
            name = name_of(function)
            if name in UNSHAPED or (name == "where" and len(args) == 1):
                raise refusal(f"{name}, whose shape depends on values", "use tg.where", UnknownShapeError)
            y = self.writer.call(name, args, kwargs)
        return y if out is None else _into((out,), y)

    def __read_only__(self) -> ProgramArray:
        """The same array, for `vmap`, in which nobody writes into what all examples share."""
        same = ProgramArray(self.values, self.value, self.writer)
        same.flags = SHARED
        return same

    def become(self, y: Any) -> None:
        """Be written into: from here on this array is `y`. What it is a view of would not hear of that."""
        made = self.writer.made.get(self.value)
        if made is not None and made.primitive in VIEWS and self.writer.users:
            raise refusal("a write through a view of an array", "write into the array itself, by an index")
        self.values, self.value = y.values, y.value

    def __getitem__(self, index: Any) -> Any:
        self._refuse_masks(index)
        return self.writer.call("getitem", (self, index), {})

    def _refuse_masks(self, index: Any) -> None:
        for k in index if isinstance(index, tuple) else (index,):
            if isinstance(k, ProgramArray) and k.dtype == bool:
                raise refusal(
                    "a mask as an index, whose result's shape depends on values", "use tg.where", UnknownShapeError
                )

    def __setitem__(self, index: Any, value: Any) -> None:
        self.become(self.writer.call("setitem", (self, index, value), {}))

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() != self.writer.thread:
            return np.array(self.values)
        return self._value_asked()

    def _value_asked(self, *args: Any, **kwargs: Any) -> Any:
        error = refusal(
            "the value of a tensor (bool, float, item, or a conversion to an array)", "use tg.where, or return it"
        )
        self.writer.refused = self.writer.refused or error  # should the function catch it
        raise error

    __bool__ = __float__ = __int__ = __index__ = __complex__ = __contains__ = __format__ = _value_asked
    item = tolist = tobytes = tofile = dump = dumps = _value_asked

    def __copy__(self) -> Any:
        return ProgramArray(self.values, self.value, self.writer)

    def __deepcopy__(self, memo: Any) -> Any:
        return self.__copy__()

    copy = __copy__

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(np.ndarray, name) or name in ("strides", "data", "ctypes"):
            raise AttributeError(f"compile: an array of a program has no attribute {name!r}", name=name, obj=self)
        function = getattr(np, name)
        return lambda *args, **kwargs: function(self, *args, **kwargs)

    real = property(lambda self: self if self.dtype.kind != "c" else np.real(self))
    imag = property(lambda self: np.imag(self))
    T = property(lambda self: np.transpose(self) if self.ndim else self)
    mT = property(lambda self: np.swapaxes(self, -1, -2))  # noqa: N815

    def astype(self, dtype: Any, *args: Any, copy: bool = True, **options: Any) -> Any:
        """The same values in another dtype."""
        wanted = np.dtype(dtype)
        if wanted == self.dtype:
            return self.__copy__()
        return self.writer.call("astype", (self,), {"dtype": wanted})

    def reshape(self, *shape: Any, **options: Any) -> Any:
        """The same entries in another shape."""
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, **options)

    def transpose(self, *axes: Any) -> Any:
        """The axes in another order."""
        order = axes[0] if len(axes) == 1 and isinstance(axes[0], tuple | list | None) else axes or None
        return np.transpose(self, order)

    def flatten(self, order: Any = "C") -> Any:
        """A copy with one axis."""
        return np.reshape(self, -1, order=order)


def _into(out: Any, y: Any) -> Any:
    (target,) = out
    if not isinstance(target, ProgramArray):
        raise refusal("a plain array as out=", "let the operation make its result")
    target.become(y if y.dtype == target.dtype else y.astype(target.dtype))
    return target


def _reduction(ufunc: Any) -> Callable[..., Any]:
    def reduce(a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = False, **options: Any) -> Any:
        options = {k: v for k, v in options.items() if v is not np._NoValue}
        return ufunc.reduce(a, axis=axis, keepdims=keepdims, **({} if dtype is None else {"dtype": dtype}), **options)

    return reduce


# functions of NumPy that are other primitives
SPELLED: dict[Any, Callable[..., Any]] = {
    np.sum: _reduction(np.add), np.prod: _reduction(np.multiply), np.max: _reduction(np.maximum),
    np.min: _reduction(np.minimum), np.amax: _reduction(np.maximum), np.amin: _reduction(np.minimum),
    np.any: _reduction(np.logical_or), np.all: _reduction(np.logical_and),
    np.copy: lambda a, **options: a.__copy__(), np.astype: lambda x, dtype, **options: x.astype(dtype),
    np.ravel: lambda a, order="C": np.reshape(a, -1, order=order),
    np.matrix_transpose: lambda x: np.swapaxes(x, -1, -2),
}  # fmt: skip
