"""An array with one hidden leading axis, for `vmap`.

A `BatchedArray` holds a whole batch and has the shape of one example. It answers NumPy's protocols,
so the forward of every op, and every rule read on arrays, runs on the batch at once: what NumPy
function is called with a batched argument decides how the hidden axis is carried along. A function
that is not listed here is run example by example, which is slower and gives the same.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np


class BatchedArray(np.lib.mixins.NDArrayOperatorsMixin):
    """`values[i]` is the array of example `i`."""

    __slots__ = ("values",)
    __hash__ = object.__hash__
    base = None

    def __init__(self, values: Any) -> None:
        self.values = values

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
        return BatchedArray(self.values.real)

    @property
    def mT(self) -> Any:
        return BatchedArray(np.swapaxes(self.values, -1, -2))

    @property
    def T(self) -> Any:
        return np.transpose(self)

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        return BatchedArray(self.values.astype(dtype, copy=copy))

    def reshape(self, *shape: Any) -> Any:
        return np.reshape(self, shape[0] if isinstance(shape[0], tuple) else shape)

    def max(self, axis: Any = None, keepdims: bool = False, initial: Any = np._NoValue) -> Any:
        return np.max(self, axis=axis, keepdims=keepdims, initial=initial)

    def batch(self, x: Any) -> Any:
        """`x` as a batch like this one."""
        return x if isinstance(x, BatchedArray) else BatchedArray(full_batch(x, self.values.shape[0]))

    def all(self) -> Any:
        return np.all(self.values)  # "for all, in every example": for guards inside ops

    def __bool__(self) -> bool:
        raise TypeError(
            "vmap: the function must not branch on values, which differ from example to example; "
            "got bool() of a batched tensor; use tg.where"
        )

    __float__ = __int__ = __index__ = __len__ = __iter__ = __bool__

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError(
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
            if ufunc is np.matmul:
                return BatchedArray(np.matmul(*_aligned(inputs), **options))
            return BatchedArray(ufunc(*_aligned(inputs), **options))
        if method == "at":
            return _add_at(*inputs)
        (x,) = inputs
        axis = options.pop("axis", 0)
        if method == "reduce":
            return BatchedArray(ufunc.reduce(x.values, axis=_axes(axis, x.ndim), **options))
        if method == "accumulate":
            return BatchedArray(ufunc.accumulate(x.values, axis=axis % x.ndim + 1, **options))
        return NotImplemented

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return CARRIERS.get(function, _one_by_one(function))(*args, **kwargs)


def _aligned(inputs: Any) -> list[Any]:
    """Arrays that broadcast as the examples do: the batch first, then axes of length 1, then theirs."""
    ndim = max(
        [x.ndim for x in inputs if isinstance(x, BatchedArray)]
        + [np.ndim(x) for x in inputs if not isinstance(x, BatchedArray)]
    )
    return [
        x.values.reshape(x.values.shape[0], *(1,) * (ndim - x.ndim), *x.shape) if isinstance(x, BatchedArray) else x
        for x in inputs
    ]


def _axes(axis: Any, ndim: int) -> Any:
    """Axes of an example, as axes of the batch."""
    if axis is None:
        return tuple(range(1, ndim + 1))
    if isinstance(axis, tuple):
        return tuple(a % ndim + 1 for a in axis)
    return axis % ndim + 1


def batch_size(*xs: Any) -> int:
    return next(x.values.shape[0] for x in xs if isinstance(x, BatchedArray))


def full_batch(x: Any, n: int) -> Any:
    """The values of `x`, or `n` equal examples where it is not batched."""
    if isinstance(x, BatchedArray):
        return x.values
    return np.broadcast_to(x, (n, *np.shape(x)))


def _flatten(args: Any) -> list[Any]:
    found = []
    for x in args:
        found += _flatten(x) if isinstance(x, tuple | list) else [x]
    return found


def _example(x: Any, i: int) -> Any:
    if isinstance(x, tuple | list):
        return type(x)(_example(v, i) for v in x)
    return x.values[i] if isinstance(x, BatchedArray) else x


def _one_by_one(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function applied to each example in turn, its results stacked."""

    def call(*args: Any, **kwargs: Any) -> Any:
        n = batch_size(*_flatten([*args, *kwargs.values()]))
        results = [
            function(*_example(list(args), i), **{k: _example(v, i) for k, v in kwargs.items()}) for i in range(n)
        ]
        if isinstance(results[0], tuple):
            return tuple(BatchedArray(np.stack(part)) for part in zip(*results, strict=True))
        return BatchedArray(np.stack(results))

    return call


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: Any, axis: Any = None, **options: Any) -> Any:
        return BatchedArray(function(x.values, axis=_axes(axis, x.ndim), **options))

    return call


def _whole(function: Callable[..., Any]) -> Callable[..., Any]:
    """Functions of the last two axes, which take any leading axes, and may return several arrays."""

    def call(*xs: Any, **options: Any) -> Any:
        n = batch_size(*xs)
        result = function(*[full_batch(x, n) for x in xs], **options)
        if isinstance(result, tuple):
            return tuple(map(BatchedArray, result))
        return BatchedArray(result)

    return call


def _elementwise(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *xs, **options: BatchedArray(function(*_aligned(xs), **options))


def _joined(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(xs: Any, axis: int = 0, **options: Any) -> Any:
        n = batch_size(*xs)
        ndim = len(np.shape(xs[0])) + (function is np.stack)
        return BatchedArray(function([full_batch(x, n) for x in xs], axis=axis % ndim + 1))

    return call


def _take_along_axis(x: Any, indices: Any, axis: int) -> Any:
    n = batch_size(x, indices)
    return BatchedArray(np.take_along_axis(full_batch(x, n), full_batch(indices, n), _axes(axis, len(np.shape(x)))))


def _einsum(subscripts: str, *xs: Any, **options: Any) -> Any:
    free = next(c for c in "ZYXWVUTSRQPONMLKJIHGFEDCBA" if c not in subscripts)
    left, output = subscripts.split("->")
    names = [free + s if isinstance(x, BatchedArray) else s for s, x in zip(left.split(","), xs, strict=True)]
    values = [x.values if isinstance(x, BatchedArray) else x for x in xs]
    return BatchedArray(np.einsum(",".join(names) + "->" + free + output, *values, **options))


def _index(x: Any, key: Any) -> tuple[Any, ...]:
    """An index into the batch that picks `key` from each example."""
    parts = key if isinstance(key, tuple) else (key,)
    arrays = [k for k in parts if isinstance(k, np.ndarray | BatchedArray | list)]
    if not arrays:
        return (slice(None), *parts)
    # With index arrays, the example number becomes one more of them, so that each example may
    # have indices of its own, and their axes come first together.
    n = x.values.shape[0]
    ndim = max(len(np.shape(k)) for k in arrays)
    rows = np.arange(n).reshape((n,) + (1,) * ndim)
    return (rows, *(_spread(k, n, ndim) for k in parts))


def _spread(k: Any, n: int, ndim: int) -> Any:
    if isinstance(k, BatchedArray):
        return k.values.reshape((n,) + (1,) * (ndim - k.ndim) + k.shape)
    return k


def _simple(key: Any) -> bool:
    """Whether the index arrays of `key` stand together at its front, and none is a mask."""
    parts = key if isinstance(key, tuple) else (key,)
    places = [i for i, k in enumerate(parts) if isinstance(k, np.ndarray | BatchedArray | list)]
    masks = any(getattr(parts[i], "dtype", np.dtype(int)).kind == "b" for i in places)
    return not masks and places == list(range(len(places)))


def _getitem(x: Any, key: Any) -> Any:
    if not _simple(key):
        return _one_by_one(operator.getitem)(x, key)
    return BatchedArray(x.values[_index(x, key)])


def _setitem(x: Any, key: Any, value: Any) -> None:
    if _simple(key):
        values = value
        if isinstance(value, BatchedArray):
            shape = x.values[_index(x, key)].shape
            values = value.values.reshape((value.values.shape[0],) + (1,) * (len(shape) - 1 - value.ndim) + value.shape)
        x.values[_index(x, key)] = values
    else:
        for i in range(x.values.shape[0]):
            x.values[i][_example(key, i)] = _example(value, i)


def _add_at(x: Any, key: Any, value: Any) -> None:
    for i in range(x.values.shape[0]):
        np.add.at(x.values[i], _example(key, i), _example(value, i))


def _reshape(x: Any, shape: Any) -> Any:
    return BatchedArray(np.reshape(x.values, (x.values.shape[0], *shape)))


def _transpose(x: Any, axes: Any = None) -> Any:
    order = range(x.ndim)[::-1] if axes is None else axes
    return BatchedArray(np.transpose(x.values, (0, *(a + 1 for a in order))))


def _broadcast_to(x: Any, shape: Any) -> Any:
    lengths = (x.values.shape[0], *(1,) * (len(shape) - x.ndim), *x.shape)
    return BatchedArray(np.broadcast_to(x.values.reshape(lengths), (x.values.shape[0], *shape)))


def _zeros_like(x: Any, dtype: Any = None, shape: Any = None) -> Any:
    lengths = None if shape is None else (x.values.shape[0], *shape)
    return BatchedArray(np.zeros_like(x.values, dtype=dtype, shape=lengths))


def _argsort(x: Any, axis: int = -1, **options: Any) -> Any:
    return BatchedArray(np.argsort(x.values, axis=_axes(axis, x.ndim), **options))


def _moveaxis(x: Any, a: Any, b: Any) -> Any:
    return BatchedArray(np.moveaxis(x.values, _axes(a, x.ndim), _axes(b, x.ndim)))


def _shape_of(x: Any) -> tuple[int, ...]:
    return tuple(x.shape)


CARRIERS: dict[Any, Callable[..., Any]] = {
    np.shape: _shape_of,
    np.ndim: lambda x: x.ndim,
    np.size: lambda x: x.size,
    np.iscomplexobj: lambda x: np.iscomplexobj(x.values),
    np.reshape: _reshape,
    np.transpose: _transpose,
    np.swapaxes: lambda x, a, b: BatchedArray(np.swapaxes(x.values, *_axes((a, b), x.ndim))),
    np.moveaxis: _moveaxis,
    np.flip: lambda x, axis=None: BatchedArray(np.flip(x.values, _axes(axis, x.ndim))),
    np.broadcast_to: _broadcast_to,
    np.pad: lambda x, width, **options: BatchedArray(np.pad(x.values, ((0, 0), *width), **options)),
    np.copy: lambda x: BatchedArray(np.copy(x.values)),
    np.concatenate: _joined(np.concatenate),
    np.stack: _joined(np.stack),
    np.where: _elementwise(np.where),
    np.zeros_like: _zeros_like,
    np.ones_like: lambda x, dtype=None: BatchedArray(np.ones_like(x.values, dtype=dtype)),
    np.full_like: lambda x, value, dtype=None: BatchedArray(np.full_like(x.values, value, dtype=dtype)),
    np.argsort: _argsort,
    np.take_along_axis: _take_along_axis,
    np.einsum: _einsum,
}
REDUCTIONS = (np.sum, np.prod, np.max, np.min, np.all, np.any, np.argmax, np.argmin, np.count_nonzero)
CARRIERS |= {function: _reduction(function) for function in REDUCTIONS}
MATRIX = ("inv", "det", "solve", "cholesky", "slogdet", "eigh", "svd", "qr")
CARRIERS |= {getattr(np.linalg, name): _whole(getattr(np.linalg, name)) for name in MATRIX}
