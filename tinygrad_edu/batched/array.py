"""`BatchedArray`, which looks like an array of one example to NumPy and to whoever computes with it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..sums import total as total_over
from .examples import by_example
from .functions import carry_function
from .indexing import getitem, setitem
from .levels import Batch, at, full_batch, has_level, levels, read_only, refusal
from .ufuncs import carry_ufunc


class BatchedArray(Batch, np.lib.mixins.NDArrayOperatorsMixin):
    """`values[i]` is the array of example `i` of the `vmap` numbered `level`.

    It has the attributes and methods of an array: those that are not here are looked up on each example.
    """

    __slots__ = ()
    __hash__ = object.__hash__
    base = None

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return carry_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return carry_function(function, args, kwargs)

    def __getitem__(self, key: Any) -> Any:
        return getitem(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        setitem(self, key, value)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    def __copy__(self) -> Any:
        return np.copy(self)

    def __deepcopy__(self, memo: Any) -> Any:
        return np.copy(self)

    def __bool__(self) -> bool:
        raise refusal(
            "the function must not branch on values, which differ from example to example",
            "bool() of a batched tensor", "use tg.where",
        )  # fmt: skip

    __float__ = __int__ = __index__ = __complex__ = __contains__ = __bool__

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise refusal(
            "the function must use operations of this package or of NumPy",
            "a conversion of a batched tensor to an array", "keep it a tensor",
        )  # fmt: skip

    def item(self, *args: Any) -> Any:
        """Refused, as are all conversions to what is not an array."""
        return self.__array__()

    tolist = tobytes = tofile = dump = dumps = item

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(f"vmap: an array has no attribute {name!r}", name=name, obj=self)
        if not callable(getattr(np.ndarray, name)):
            return by_example(operator.attrgetter(name), (self,), {})
        return lambda *args, **kwargs: _of_each(name, self, args, kwargs)

    @property
    def real(self) -> Any:
        return type(self)(self.values.real, self.level, self.scalar)

    @property
    def imag(self) -> Any:
        return type(self)(self.values.imag, self.level, self.scalar)

    @property
    def T(self) -> Any:
        return np.transpose(self) if self.ndim else self

    @property
    def mT(self) -> Any:
        return np.matrix_transpose(self)

    def astype(self, dtype: Any, *args: Any, **options: Any) -> Any:
        """The same values in another dtype."""
        y = type(self)(self.values.astype(dtype, *args, **options), self.level, self.scalar)
        return self if y.values is self.values else y

    def reshape(self, *shape: Any, **options: Any) -> Any:
        """The same entries in another shape."""
        if self.scalar:
            return _of_each("reshape", self, shape, options)
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, **options)

    def transpose(self, *axes: Any) -> Any:
        """The axes in another order."""
        order = axes[0] if len(axes) == 1 and isinstance(axes[0], tuple | list | None) else axes or None
        return np.transpose(self, order) if self.ndim else _of_each("transpose", self, axes, {})

    def flatten(self, order: Any = "C") -> Any:
        """A copy with one axis."""
        return np.copy(np.reshape(self, -1)) if order == "C" else _of_each("flatten", self, (order,), {})


def _of_each(name: str, x: BatchedArray, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A method of each example."""

    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(x, name)(*args, **kwargs)

    call.__name__ = name
    return by_example(call, (x, *args), kwargs)


def _by_function(function: Callable[..., Any]) -> Any:
    """A method that is one of NumPy's functions, for arrays; for scalars it may give a scalar."""

    def method(self: BatchedArray, *args: Any, **kwargs: Any) -> Any:
        if self.scalar:
            return _of_each(function.__name__, self, args, kwargs)
        return function(self, *args, **kwargs)

    return method


for _function in (
    np.all, np.any, np.argmax, np.argmin, np.argsort, np.copy, np.cumprod, np.cumsum, np.diagonal, np.max, np.mean,
    np.min, np.prod, np.ravel, np.squeeze, np.std, np.sum, np.swapaxes, np.var,
):  # fmt: skip
    setattr(BatchedArray, _function.__name__, _by_function(_function))


def enter(x: Any, level: int, axis: int) -> Any:
    """`axis` of `x`, hidden: each entry along it becomes an example."""
    if isinstance(x, Batch) and x.level > level:
        return x.like(enter(x.values, level, axis + 1))
    values = np.moveaxis(x, axis, 0)
    return read_only(BatchedArray(values, level, values.ndim == 1))


def leave(x: Any, level: int, axis: int, size: int) -> Any:
    """The examples of `x` along a new `axis`; equal ones if it is not batched at this level."""
    if isinstance(x, Batch) and x.level > level:
        return x.like(leave(x.values, level, axis + 1, size))
    return np.moveaxis(full_batch(x, level, size), 0, axis)


def repeat(x: Any, level: int, size: int) -> Any:
    """`size` equal examples."""
    if isinstance(x, Batch) and x.level > level:
        return x.like(repeat(x.values, level, size))
    return BatchedArray(full_batch(x, level, size), level, not np.ndim(x))


def total(x: Any, level: int, size: int) -> Any:
    """The sum over the examples."""
    if isinstance(x, Batch) and x.level > level:
        return x.like(total(x.values, level, size))
    return total_over(x.values, axis=(0,)) if at(x, level) else x * size


def beside(x: Any, others: tuple[Any, ...]) -> Any:
    """`x`, batched at every level at which one of the others is: not every use of arrays asks NumPy's protocols."""
    for other in others:
        for level, size in levels(other):
            x = x if has_level(x, level) else repeat(x, level, size)
    return x
