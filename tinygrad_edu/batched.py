"""An array with one hidden leading axis, for `vmap`.

A `BatchedArray` holds a whole batch and has the shape of one example. It answers NumPy's protocols,
so the forward of every op, and every rule read on arrays, runs on the batch at once: which NumPy
function is called with a batched argument decides how the hidden axis is carried along. A function
that is not listed here is run example by example, which is slower and gives the same.

Batches nest: each `vmap` has a `level`, later ones higher, and the values of a batch may themselves
be batched at a lower level. A function is carried along at the highest level among its arguments;
arrays of lower levels count as plain there, and have their turn when the values are computed with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .errors import DTypeError
from .sums import total as total_over


class BatchedArray(np.lib.mixins.NDArrayOperatorsMixin):
    """`values[i]` is the array of example `i` of the `vmap` numbered `level`."""

    __slots__ = ("level", "values")
    __hash__ = object.__hash__
    base = None

    def __init__(self, values: Any, level: int) -> None:
        self.values, self.level = values, level

    def like(self, values: Any) -> BatchedArray:
        """Another batch of the same level."""
        return BatchedArray(values, self.level)

    @property
    def examples(self) -> int:
        return int(self.values.shape[0])

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.values.shape[1:])

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    @property
    def dtype(self) -> Any:
        return self.values.dtype

    @property
    def real(self) -> Any:
        return self.like(self.values.real)

    @property
    def mT(self) -> Any:
        return self.like(np.swapaxes(self.values, -1, -2))

    @property
    def T(self) -> Any:
        return np.transpose(self)

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        return self.like(self.values.astype(dtype, copy=copy))

    def reshape(self, *shape: Any) -> Any:
        return np.reshape(self, shape[0] if isinstance(shape[0], tuple) else shape)

    def sum(self, axis: Any = None, **options: Any) -> Any:
        return np.sum(self, axis=axis, **options)

    def prod(self, axis: Any = None, **options: Any) -> Any:
        return np.prod(self, axis=axis, **options)

    def mean(self, axis: Any = None, **options: Any) -> Any:
        return np.mean(self, axis=axis, **options)

    def max(self, axis: Any = None, **options: Any) -> Any:
        return np.max(self, axis=axis, **options)

    def min(self, axis: Any = None, **options: Any) -> Any:
        return np.min(self, axis=axis, **options)

    def all(self) -> Any:
        """Whether all entries of all examples are true: for guards inside ops."""
        return self.values.all()

    def batch(self, x: Any) -> Any:
        """`x`, batched at this level too."""
        return x if has_level(x, self.level) else self.like(full_batch(x, self.level, self.examples))

    def __bool__(self) -> bool:
        raise DTypeError(
            "vmap: the function must not branch on values, which differ from example to example; "
            "got bool() of a batched tensor; use tg.where"
        )

    __float__ = __int__ = __index__ = __len__ = __iter__ = __bool__

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise DTypeError(
            "vmap: the function must use operations of this package or of NumPy; got a conversion "
            "of a batched tensor to an array; keep it a tensor"
        )

    def __getitem__(self, key: Any) -> Any:
        return _getitem(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _setitem(self, key, value)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        options.pop("out", None)
        if method == "__call__":
            lead = leading(inputs)
            return lead.like(ufunc(*_aligned(inputs, lead.level), **options))
        if method == "at":
            return _add_at(*inputs)
        (x,) = inputs
        axis = options.pop("axis", 0)
        if method == "reduce":
            reduce = total_over if ufunc is np.add and isinstance(axis, tuple) else ufunc.reduce
            return x.like(reduce(x.values, axis=_axes(axis, x.ndim), **options))
        if method == "accumulate":
            return x.like(ufunc.accumulate(x.values, axis=axis % x.ndim + 1, **options))
        return NotImplemented

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return CARRIERS.get(function, _one_by_one(function))(*args, **kwargs)


def whole(x: Any) -> Any:
    """A value as an array; inside a `vmap`, that of all examples, which are its first axis."""
    while isinstance(x, BatchedArray):
        x = x.values
    return np.asarray(x)


def has_level(x: Any, level: int) -> bool:
    """Whether `x` is batched by the `vmap` numbered `level`."""
    while isinstance(x, BatchedArray):
        if x.level == level:
            return True
        x = x.values
    return False


def enter(x: Any, level: int, axis: int) -> Any:
    """`axis` of `x`, hidden: each entry along it becomes an example."""
    if isinstance(x, BatchedArray) and x.level > level:
        return x.like(enter(x.values, level, axis + 1))
    return BatchedArray(np.moveaxis(x, axis, 0), level)


def leave(x: Any, level: int, axis: int, size: int) -> Any:
    """The examples of `x` along a new `axis`; equal ones if it is not batched at this level."""
    if isinstance(x, BatchedArray) and x.level > level:
        return x.like(leave(x.values, level, axis + 1, size))
    return np.moveaxis(full_batch(x, level, size), 0, axis)


def repeat(x: Any, level: int, size: int) -> Any:
    """`size` equal examples."""
    if isinstance(x, BatchedArray) and x.level > level:
        return x.like(repeat(x.values, level, size))
    return BatchedArray(full_batch(x, level, size), level)


def total(x: Any, level: int, size: int) -> Any:
    """The sum over the examples."""
    if isinstance(x, BatchedArray) and x.level > level:
        return x.like(total(x.values, level, size))
    return total_over(x.values, axis=(0,)) if has_level(x, level) else x * size


def leading(xs: Iterable[Any]) -> BatchedArray:
    """The argument of the highest level."""
    return max((x for x in _flat(xs) if isinstance(x, BatchedArray)), key=lambda x: x.level)


def _flat(xs: Iterable[Any]) -> Iterable[Any]:
    for x in xs:
        if isinstance(x, tuple | list):
            yield from _flat(x)
        else:
            yield x


def _at(x: Any, level: int) -> bool:
    """Whether the outermost batch of `x` is that of `level`."""
    return isinstance(x, BatchedArray) and x.level == level


def full_batch(x: Any, level: int, n: int) -> Any:
    """The values of `x` at `level`, or `n` equal examples where it is not batched there."""
    return x.values if _at(x, level) else np.broadcast_to(x, (n, *np.shape(x)))


def _aligned(inputs: Any, level: int) -> list[Any]:
    """Values that broadcast as examples do: the batch first, then axes of length 1, then theirs."""
    ndim = max(np.ndim(x) for x in inputs)
    return [x.values.reshape(x.examples, *(1,) * (ndim - x.ndim), *x.shape) if _at(x, level) else x for x in inputs]


def _axes(axis: Any, ndim: int) -> Any:
    """Axes of an example, as axes of the batch."""
    if axis is None:
        return tuple(range(1, ndim + 1))
    if isinstance(axis, tuple):
        return tuple(a % ndim + 1 for a in axis)
    return axis % ndim + 1


def _example(x: Any, level: int, i: int) -> Any:
    if isinstance(x, tuple | list):
        return type(x)(_example(v, level, i) for v in x)
    return x.values[i] if _at(x, level) else x


def _one_by_one(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function applied to each example in turn, its results stacked."""

    def call(*args: Any, **kwargs: Any) -> Any:
        lead = leading([*args, *kwargs.values()])
        results = [
            function(*_example(list(args), lead.level, i), **{k: _example(v, lead.level, i) for k, v in kwargs.items()})
            for i in range(lead.examples)
        ]
        if isinstance(results[0], tuple):
            return tuple(lead.like(np.stack(part)) for part in zip(*results, strict=True))
        return lead.like(np.stack(results))

    return call


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, axis=None, **options: x.like(function(x.values, axis=_axes(axis, x.ndim), **options))


def with_leading_axes(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the last axes, which takes any leading ones, and may return several arrays: the
    hidden axis becomes a leading one."""

    def call(*xs: Any, **options: Any) -> Any:
        if not any(isinstance(x, BatchedArray) for x in xs):
            return function(*xs, **options)
        lead = leading(xs)
        n, ndim = lead.examples, max(np.ndim(x) for x in xs)
        full = [full_batch(x, lead.level, n).reshape(n, *(1,) * (ndim - np.ndim(x)), *np.shape(x)) for x in xs]
        result = call(*full, **options)
        return tuple(map(lead.like, result)) if isinstance(result, tuple) else lead.like(result)

    return call


def _where(*xs: Any) -> Any:
    lead = leading(xs)
    return lead.like(np.where(*_aligned(xs, lead.level)))


def _joined(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(xs: Any, axis: int = 0) -> Any:
        lead = leading(xs)
        ndim = np.ndim(xs[0]) + (function is np.stack)
        return lead.like(function([full_batch(x, lead.level, lead.examples) for x in xs], axis=axis % ndim + 1))

    return call


def _take_along_axis(x: Any, indices: Any, axis: int) -> Any:
    lead = leading([x, indices])
    values, places = (full_batch(v, lead.level, lead.examples) for v in (x, indices))
    return lead.like(np.take_along_axis(values, places, _axes(axis, np.ndim(x))))


def _einsum(subscripts: str, *xs: Any, **options: Any) -> Any:
    lead = leading(xs)
    free = next(c for c in "ZYXWVUTSRQPONMLKJIHGFEDCBA" if c not in subscripts)
    left, output = subscripts.split("->")
    pairs = list(zip(left.split(","), xs, strict=True))
    names = ",".join(free + s if _at(x, lead.level) else s for s, x in pairs)
    values = [x.values if _at(x, lead.level) else x for x in xs]
    return lead.like(np.einsum(f"{names}->{free}{output}", *values, **options))


def _index(key: Any, level: int, n: int) -> tuple[Any, ...]:
    """An index into the batch that picks `key` from each example.

    With index arrays, the example's number becomes one more of them, so that each example may have
    indices of its own.
    """
    parts = key if isinstance(key, tuple) else (key,)
    arrays = [k for k in parts if isinstance(k, np.ndarray | BatchedArray | list)]
    if not arrays:
        return (slice(None), *parts)
    ndim = max(np.ndim(k) for k in arrays)
    rows = np.arange(n).reshape((n,) + (1,) * ndim)
    spread = [k.values.reshape((n,) + (1,) * (ndim - k.ndim) + k.shape) if _at(k, level) else k for k in parts]
    return (rows, *spread)


def _simple(key: Any) -> bool:
    """Whether the index arrays of `key` stand together at its front, and none is a mask."""
    parts = key if isinstance(key, tuple) else (key,)
    places = [i for i, k in enumerate(parts) if isinstance(k, np.ndarray | BatchedArray | list)]
    masks = any(getattr(parts[i], "dtype", np.dtype(int)).kind == "b" for i in places)
    return not masks and places == list(range(len(places)))


def pick(x: Any, key: Any) -> Any:
    """`x[key]`, also where `x` is a plain array and an index in `key` is batched."""
    for k in key if isinstance(key, tuple) else (key,):
        if isinstance(k, BatchedArray):
            x = k.batch(x)
    return x[key]


def _getitem(x: Any, key: Any) -> Any:
    if any(isinstance(k, BatchedArray) and k.dtype.kind == "b" for k in (key if isinstance(key, tuple) else (key,))):
        raise DTypeError(
            "vmap: an index must pick as many entries from every example; got a mask that differs between them; use "
            "tg.where(mask, x, 0)"
        )
    if not _simple(key):
        return _one_by_one(pick)(x, key)
    return x.like(pick(x.values, _index(key, x.level, x.examples)))


def _setitem(x: Any, key: Any, value: Any) -> None:
    if not _simple(key):
        for i in range(x.examples):
            x.values[i][_example(key, x.level, i)] = _example(value, x.level, i)
        return
    places = _index(key, x.level, x.examples)
    if _at(value, x.level):
        ndim = np.ndim(x.values[places]) - 1
        value = value.values.reshape(value.examples, *(1,) * (ndim - value.ndim), *value.shape)
    x.values[places] = value


def _add_at(x: Any, key: Any, value: Any) -> None:
    for i in range(x.examples):
        np.add.at(x.values[i], _example(key, x.level, i), _example(value, x.level, i))


def _reshape(x: Any, shape: Any) -> Any:
    return x.like(np.reshape(x.values, (x.examples, *shape)))


def _transpose(x: Any, axes: Any = None) -> Any:
    order = range(x.ndim)[::-1] if axes is None else axes
    return x.like(np.transpose(x.values, (0, *(a + 1 for a in order))))


def _broadcast_to(x: Any, shape: Any) -> Any:
    lengths = (x.examples, *(1,) * (len(shape) - x.ndim), *x.shape)
    return x.like(np.broadcast_to(x.values.reshape(lengths), (x.examples, *shape)))


def _zeros_like(x: Any, dtype: Any = None, order: Any = "K", shape: Any = None) -> Any:
    lengths = None if shape is None else (x.examples, *shape)
    return x.like(np.zeros_like(x.values, dtype=dtype, order=order, shape=lengths))


CARRIERS: dict[Any, Callable[..., Any]] = {
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: x.ndim,
    np.size: lambda x: x.size,
    np.iscomplexobj: lambda x: np.iscomplexobj(x.values),
    np.reshape: _reshape,
    np.transpose: _transpose,
    np.swapaxes: lambda x, a, b: x.like(np.swapaxes(x.values, *_axes((a, b), x.ndim))),
    np.moveaxis: lambda x, a, b: x.like(np.moveaxis(x.values, _axes(a, x.ndim), b % x.ndim + 1)),
    np.flip: lambda x, axis=None: x.like(np.flip(x.values, _axes(axis, x.ndim))),
    np.broadcast_to: _broadcast_to,
    np.pad: lambda x, width, **options: x.like(np.pad(x.values, ((0, 0), *width), **options)),
    np.copy: lambda x: x.like(np.copy(x.values)),
    np.concatenate: _joined(np.concatenate),
    np.stack: _joined(np.stack),
    np.where: _where,
    np.zeros_like: _zeros_like,
    np.ones_like: lambda x, dtype=None: x.like(np.ones_like(x.values, dtype=dtype)),
    np.full_like: lambda x, value, dtype=None: x.like(np.full_like(x.values, value, dtype=dtype)),
    np.argsort: lambda x, axis=-1, **options: x.like(np.argsort(x.values, axis=_axes(axis, x.ndim), **options)),
    np.take_along_axis: _take_along_axis,
    np.einsum: _einsum,
}
REDUCTIONS = (
    np.sum, np.prod, np.mean, np.std, np.var, np.max, np.min, np.all, np.any, np.argmax, np.argmin, np.count_nonzero,
)  # fmt: skip
CARRIERS |= {function: _reduction(function) for function in REDUCTIONS}
MATRIX = ("inv", "det", "solve", "cholesky", "slogdet", "eigh", "svd", "qr")
CARRIERS |= {getattr(np.linalg, name): with_leading_axes(getattr(np.linalg, name)) for name in MATRIX}
