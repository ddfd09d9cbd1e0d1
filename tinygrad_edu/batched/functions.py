"""How NumPy's functions carry the hidden axis along: those that are known, by NumPy's names of their arguments.

A carrier that is called with arguments it does not name, or answers `NotImplemented`, leaves the call to
be run example by example; so none has to know everything that NumPy's function can do.
"""

from __future__ import annotations

import inspect
import string
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from .examples import by_example, view
from .levels import Batch, aligned, as_array, at, batches, full_batch, leading, read_only, widened, writeable
from .ufuncs import axes, results

CARRIERS: dict[Any, Callable[..., Any]] = {}


def carry_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `BatchedArray.__array_function__` does."""
    carrier = CARRIERS.get(function)
    if carrier is not None and _takes(carrier, args, kwargs):
        found = carrier(*args, **kwargs)
        if found is not NotImplemented:
            return found
    return by_example(function, args, kwargs)


@cache
def _signature(carrier: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(carrier)


@cache
def _keywords(carrier: Callable[..., Any], n: int) -> frozenset[str] | None:
    """The names that may follow `n` arguments without one; None where these are too many, or not enough."""
    named = [p for p in _signature(carrier).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    rest = named[n:]
    return None if n > len(named) or any(p.default is p.empty for p in rest) else frozenset(p.name for p in rest)


def _takes(carrier: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    names = _keywords(carrier, len(args))
    if names is not None and kwargs.keys() <= names:  # nearly always, and much faster than `bind`
        return True
    try:
        _signature(carrier).bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def _carries(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(carrier: Callable[..., Any]) -> Callable[..., Any]:
        CARRIERS.update(dict.fromkeys(functions, carrier))
        return carrier

    return register


def with_leading_axes(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the last axes, which takes any leading ones, and may return several arrays: the
    hidden axis becomes a leading one."""

    def call(*xs: Any, **options: Any) -> Any:
        if not any(isinstance(x, Batch) for x in xs):
            return function(*xs, **options)
        lead = leading(xs)
        n, ndim = lead.examples, max(np.ndim(x) for x in xs)
        full = [full_batch(x, lead.level, n).reshape(n, *(1,) * (ndim - np.ndim(x)), *np.shape(x)) for x in xs]
        found = call(*full, **options)
        if hasattr(found, "_fields"):
            return type(found)(*map(lead.result, found))
        return results(lead, found)

    return call


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(a: Any, axis: Any = None, **options: Any) -> Any:
        if {"out", "where"} & set(options) or not isinstance(a, Batch) or any(True for _ in batches(options)):
            return NotImplemented
        if axis is not None and not a.ndim:
            return NotImplemented
        return a.result(function(a.values, axis=axes(axis, a.ndim), **options))

    return call


REDUCTIONS = (np.sum, np.prod, np.mean, np.std, np.var, np.max, np.min, np.all, np.any, np.count_nonzero)
CARRIERS |= {function: _reduction(function) for function in REDUCTIONS}


def _along(function: Callable[..., Any], usual: int | None, reduces: bool) -> Callable[..., Any]:
    """A function along one axis; for None, of the flattened array."""

    def call(a: Any, axis: Any = usual, **options: Any) -> Any:
        if set(options) - {"kind", "stable", "dtype", "keepdims"} or not a.ndim or (axis is None and options):
            return NotImplemented
        if axis is None:
            a, axis = a.like(a.values.reshape(a.examples, a.size)), 0
        y = function(a.values, axis=axes(axis, a.ndim), **options)
        return a.result(y) if reduces else a.like(y)

    return call


CARRIERS |= {function: _along(function, None, True) for function in (np.argmax, np.argmin)}
CARRIERS |= {function: _along(function, None, False) for function in (np.cumsum, np.cumprod)}
CARRIERS |= {function: _along(function, -1, False) for function in (np.sort, np.argsort)}


def _matrices(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(a: Any, *more: Any, **options: Any) -> Any:
        if not isinstance(a, Batch) or a.ndim < 2 or any(True for _ in batches((more, options))):
            return NotImplemented
        return with_leading_axes(lambda x: function(x, *more, **options))(a)

    return call


MATRIX = ("inv", "det", "cholesky", "slogdet", "eigh", "svd", "qr")
CARRIERS |= {getattr(np.linalg, name): _matrices(getattr(np.linalg, name)) for name in MATRIX}


@_carries(np.linalg.solve)
def _solve(a: Any, b: Any) -> Any:
    if np.ndim(a) < 2 or not np.ndim(b):
        return NotImplemented
    if np.ndim(b) == 1:  # a vector, which with a batch would look like a matrix
        return with_leading_axes(np.linalg.solve)(a, as_array(b)[:, None])[..., 0]
    return with_leading_axes(np.linalg.solve)(a, b)


CARRIERS |= {
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a: a.size,
    np.iscomplexobj: lambda x: np.iscomplexobj(x.values),
    np.real: lambda val: val.real,
    np.imag: lambda val: val.imag,
}


@_carries(np.copy)
def _copy(a: Any, order: Any = "K") -> Any:
    return a.like(np.copy(a.values, order=order))


@_carries(np.reshape)
def _reshape(a: Any, shape: Any) -> Any:
    return a.like(np.reshape(a.values, (a.examples, *(shape if isinstance(shape, tuple | list) else (shape,)))))


@_carries(np.ravel)
def _ravel(a: Any) -> Any:
    flat = a.like(np.reshape(a.values, (a.examples, a.size)))
    if _first(a).flags.c_contiguous:
        return flat
    if writeable(a):  # NumPy gives a view or a copy, as the order in memory is, which is not that of one example alone
        raise view(np.ravel)
    return read_only(flat)


def _first(x: Any) -> Any:
    """The array of the first example."""
    return x if not isinstance(x, Batch) else _first(x.values)[0, ...]


@_carries(np.transpose, np.permute_dims)
def _transpose(a: Any, axes: Any = None) -> Any:
    order = range(a.ndim)[::-1] if axes is None else axes
    if len(order) != a.ndim:
        return NotImplemented
    return a.like(np.transpose(a.values, (0, *(normalize_axis_index(k, a.ndim) + 1 for k in order))))


@_carries(np.matrix_transpose, np.linalg.matrix_transpose)
def _matrix_transpose(x: Any) -> Any:
    return x.like(np.swapaxes(x.values, -1, -2)) if x.ndim > 1 else NotImplemented


@_carries(np.swapaxes)
def _swapaxes(a: Any, axis1: Any, axis2: Any) -> Any:
    return a.like(np.swapaxes(a.values, axes(axis1, a.ndim), axes(axis2, a.ndim)))


def _several(axis: Any, ndim: int) -> tuple[int, ...]:
    return tuple(k + 1 for k in normalize_axis_tuple(axis, ndim))


@_carries(np.moveaxis)
def _moveaxis(a: Any, source: Any, destination: Any) -> Any:
    return a.like(np.moveaxis(a.values, _several(source, a.ndim), _several(destination, a.ndim)))


@_carries(np.flip)
def _flip(m: Any, axis: Any = None) -> Any:
    if not m.ndim:  # NumPy makes a scalar of it
        return NotImplemented
    return m.like(np.flip(m.values, tuple(range(1, m.ndim + 1)) if axis is None else _several(axis, m.ndim)))


@_carries(np.expand_dims)
def _expand_dims(a: Any, axis: Any) -> Any:
    more = len(axis) if isinstance(axis, tuple | list) else 1
    return a.like(np.expand_dims(a.values, _several(axis, a.ndim + more)))


@_carries(np.squeeze)
def _squeeze(a: Any, axis: Any = None) -> Any:
    gone = [i for i, n in enumerate(a.shape) if n == 1] if axis is None else axis
    return a.like(np.squeeze(a.values, _several(gone, a.ndim)))


@_carries(np.broadcast_to)
def _broadcast_to(array: Any, shape: Any) -> Any:
    shape = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    if len(shape) < array.ndim:
        return NotImplemented
    values = widened(array, array.level, len(shape) - array.ndim)
    return array.like(np.broadcast_to(values, (array.examples, *shape)))


@_carries(np.split)
def _split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> Any:
    if not ary.ndim or any(True for _ in batches(indices_or_sections)):
        return NotImplemented
    return list(map(ary.like, np.split(ary.values, indices_or_sections, axes(axis, ary.ndim))))


@_carries(np.diagonal)
def _diagonal(a: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1) -> Any:
    if isinstance(offset, Batch) or a.ndim < 2:
        return NotImplemented
    return a.like(np.diagonal(a.values, offset, axes(axis1, a.ndim), axes(axis2, a.ndim)))


@_carries(np.pad)
def _pad(array: Any, pad_width: Any, mode: Any = "constant", constant_values: Any = 0) -> Any:
    if not isinstance(array, Batch) or isinstance(pad_width, dict) or mode != "constant":
        return NotImplemented
    if np.ndim(constant_values) or isinstance(constant_values, Batch):
        return NotImplemented
    width = np.broadcast_to(np.asarray(pad_width), (array.ndim, 2)).tolist()
    return array.like(np.pad(array.values, ((0, 0), *width), constant_values=constant_values))


def _like(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(a: Any, dtype: Any = None, order: Any = "K", subok: Any = True, shape: Any = None) -> Any:
        if shape is not None:
            shape = (a.examples, *(shape if isinstance(shape, tuple | list) else (shape,)))
        return a.like(function(a.values, dtype=dtype, order=order, shape=shape))

    return call


CARRIERS |= {function: _like(function) for function in (np.zeros_like, np.ones_like, np.empty_like)}


@_carries(np.full_like)
def _full_like(a: Any, fill_value: Any, dtype: Any = None) -> Any:
    if isinstance(fill_value, Batch) or np.ndim(fill_value) or not isinstance(a, Batch):
        return NotImplemented
    return a.like(np.full_like(a.values, fill_value, dtype=dtype))


def _joined(function: Callable[..., Any], more: int) -> Callable[..., Any]:
    """A function that joins arrays; its result has `more` axes than they."""

    def call(arrays: Any, axis: Any = 0) -> Any:
        if not isinstance(arrays, tuple | list) or axis is None:
            return NotImplemented
        xs = list(map(as_array, arrays))
        ndim = xs[0].ndim + more
        if not ndim or any(x.ndim + more != ndim for x in xs):
            return NotImplemented
        lead = leading(xs)
        return lead.like(function([full_batch(x, lead.level, lead.examples) for x in xs], axis=axes(axis, ndim)))

    return call


CARRIERS |= {np.concatenate: _joined(np.concatenate, 0), np.stack: _joined(np.stack, 1)}


@_carries(np.where)
def _where(condition: Any, x: Any, y: Any) -> Any:
    lead = leading((condition, x, y))
    return lead.like(np.where(*aligned((condition, x, y), lead.level)))


@_carries(np.take_along_axis)
def _take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    if axis is None or np.ndim(arr) != np.ndim(indices):
        return NotImplemented
    lead = leading([arr, indices])
    values, places = (full_batch(v, lead.level, lead.examples) for v in (arr, indices))
    return lead.like(np.take_along_axis(values, places, axes(axis, np.ndim(arr))))


@_carries(np.einsum)
def _einsum(subscripts: Any, *operands: Any, optimize: Any = False) -> Any:
    if not isinstance(subscripts, str) or "->" not in subscripts or "." in subscripts:
        return NotImplemented
    left, output = subscripts.replace(" ", "").split("->")
    names, lead = left.split(","), leading(operands)
    free = sorted(set(string.ascii_letters) - set(subscripts))
    if not free or list(map(len, names)) != list(map(np.ndim, operands)):
        return NotImplemented
    named = ",".join(free[0] + s if at(x, lead.level) else s for s, x in zip(names, operands, strict=True))
    values = [x.values if at(x, lead.level) else x for x in operands]
    return lead.result(np.einsum(f"{named}->{free[0]}{output}", *values, optimize=optimize))
