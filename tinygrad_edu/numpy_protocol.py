"""NumPy's own functions on tensors: `np.sin(t)`, `np.sum(t, axis=0)`, `np.linalg.inv(t)` record.

Ufuncs find their op by name in the registry. Other functions are listed here with the function of
this package that does the same; what has no derivative anyway runs on the arrays.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from . import ops
from .engine import REGISTRY, Variable
from .errors import DTypeError
from .functions import creation, elementwise, indexing, layout, linalg, reduce

UFUNCS: dict[Any, Callable[..., Any]] = {
    getattr(np, name): op
    for name, op in REGISTRY.items()
    if op.kind == "elementwise" and isinstance(getattr(np, name, None), np.ufunc)
}
UFUNCS |= {np.matmul: linalg.matmul, np.vecdot: linalg.vecdot, np.fabs: ops.abs, np.rint: ops.round}
UFUNCS |= {np.float_power: ops.power, np.true_divide: ops.divide}

REDUCTIONS = {
    np.add: reduce.sum, np.multiply: reduce.prod, np.maximum: reduce.max, np.minimum: reduce.min,
    np.logical_and: reduce.all, np.logical_or: reduce.any, np.logaddexp: reduce.logsumexp,
}  # fmt: skip


def _plain(x: Any) -> Any:
    """Arrays in place of tensors, in nested arguments."""
    if isinstance(x, Variable):
        return x._data
    if isinstance(x, tuple | list):
        return type(x)(map(_plain, x))
    return x


def call_ufunc(ufunc: Any, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What `Tensor.__array_ufunc__` does."""
    if options.pop("out", None) is not None:
        raise TypeError(
            f"np.{ufunc.__name__}: cannot write into an array (out=, or array += tensor), which "
            "would lose the graph; got out; write array = array + tensor"
        )
    options = {k: v for k, v in options.items() if v is not None}
    if method == "reduce" and ufunc in REDUCTIONS and set(options) <= {"axis", "keepdims"}:
        return REDUCTIONS[ufunc](*inputs, **{"axis": 0} | options)
    if method == "accumulate" and ufunc in (np.add, np.multiply):
        scan = reduce.cumulative_sum if ufunc is np.add else reduce.cumulative_prod
        return scan(*inputs, **{"axis": 0} | options)
    if method == "outer" and ufunc is np.multiply:
        a, b = inputs
        return linalg.tensordot(a, b, axes=0)
    if method != "__call__" or ufunc not in UFUNCS or set(options) - {"dtype"}:
        raise TypeError(
            f"np.{ufunc.__name__}: must be a ufunc that this package has, called plainly; got "
            f"{method} with {sorted(options)}; use np.asarray(t) for a value without a gradient"
        )
    result = UFUNCS[ufunc](*inputs)
    return result.astype(options["dtype"]) if "dtype" in options else result


def _same(function: Callable[..., Any], **renamed: str) -> Callable[..., Any]:
    """Our function under NumPy's argument names; arguments left at NumPy's default are dropped."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **{renamed.get(k, k): v for k, v in kwargs.items()})

    return call


def _ddof(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
        return function(a, axis, keepdims, correction=ddof)

    return call


def _axis_stack(ndim: int, axis: int) -> Callable[..., Any]:
    """np.vstack, np.hstack and np.dstack: concat after adding axes."""

    def call(tup: Any) -> Any:
        tensors = [elementwise.positive(x) for x in tup]
        if ndim == 2:
            tensors = [layout.reshape(x, (1, -1)) if x.ndim < 2 else x for x in tensors]
        elif ndim == 3:
            tensors = [layout.reshape(x, (*((1,) * (2 - x.ndim)), *x.shape, 1)) if x.ndim < 3 else x for x in tensors]
        else:
            tensors = [layout.reshape(x, (-1,)) if x.ndim < 1 else x for x in tensors]
        return layout.concat(tensors, 0 if ndim == 1 and tensors[0].ndim == 1 else axis)

    return call


def _dot(a: Any, b: Any) -> Any:
    a, b = elementwise.positive(a), elementwise.positive(b)
    if not (a.ndim and b.ndim):
        return ops.multiply(a, b)
    return linalg.matmul(a, b) if b.ndim <= 2 else linalg.tensordot(a, b, ([-1], [-2]))


def _diag(v: Any, k: int = 0) -> Any:
    if v.ndim != 1:
        return layout.diagonal(v, k)
    n = v.shape[0] + abs(k)
    i = np.arange(v.shape[0])
    index = (ops.ARRAY, ops.ARRAY)
    return ops.put(v, i + max(-k, 0), i + max(k, 0), shape=(n, n), index=index)


def _where(condition: Any, *xy: Any) -> Any:
    return ops.where(condition, *xy) if xy else indexing.nonzero(condition)


def _inner(a: Any, b: Any) -> Any:
    return linalg.tensordot(a, b, ([-1], [-1]))


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: _same(reduce.sum), np.prod: _same(reduce.prod), np.mean: _same(reduce.mean),
    np.max: _same(reduce.max), np.min: _same(reduce.min), np.amax: _same(reduce.max),
    np.amin: _same(reduce.min), np.all: _same(reduce.all), np.any: _same(reduce.any),
    np.var: _ddof(reduce.var), np.std: _ddof(reduce.std), np.count_nonzero: reduce.count_nonzero,
    np.argmax: _same(reduce.argmax), np.argmin: _same(reduce.argmin),
    np.cumsum: _same(reduce.cumulative_sum), np.cumprod: _same(reduce.cumulative_prod),
    np.cumulative_sum: reduce.cumulative_sum, np.cumulative_prod: reduce.cumulative_prod,
    np.reshape: _same(layout.reshape), np.ravel: layout.flatten, np.transpose: layout.permute_dims,
    np.matrix_transpose: layout.matrix_transpose, np.moveaxis: layout.moveaxis,
    np.swapaxes: layout.swapaxes, np.expand_dims: layout.expand_dims, np.squeeze: layout.squeeze,
    np.broadcast_to: layout.broadcast_to, np.concatenate: layout.concat, np.stack: layout.stack,
    np.vstack: _axis_stack(2, 0), np.hstack: _axis_stack(1, 1), np.dstack: _axis_stack(3, 2),
    np.split: layout.split, np.unstack: layout.unstack, np.flip: _same(layout.flip, m="x"),
    np.roll: layout.roll, np.tile: _same(layout.tile, A="x"), np.repeat: layout.repeat,
    np.pad: layout.pad, np.tril: _same(layout.tril, m="x"), np.triu: _same(layout.triu, m="x"),
    np.diagonal: lambda a, offset=0, axis1=0, axis2=1: layout.diagonal(a, offset, axis1, axis2),
    np.diag: _diag, np.where: _where, np.clip: lambda a, a_min=None, a_max=None, *, min=None, max=None:
        elementwise.clip(a, a_min if min is None else min, a_max if max is None else max),
    np.round: elementwise.round, np.around: elementwise.round, np.take: indexing.take,
    np.take_along_axis: _same(indexing.take_along_axis, arr="x"), np.sort: _same(indexing.sort),
    np.argsort: _same(indexing.argsort), np.searchsorted: lambda a, v, side="left", sorter=None:
        indexing.searchsorted(a, v, side, sorter),
    np.nonzero: indexing.nonzero, np.unique_values: indexing.unique_values,
    np.dot: _dot, np.inner: _inner, np.outer: linalg.outer, np.einsum: linalg.einsum,
    np.tensordot: linalg.tensordot, np.cross: lambda a, b, axis=-1: linalg.cross(a, b, axis),
    np.trace: lambda a, offset=0, axis1=0, axis2=1: reduce.sum(layout.diagonal(a, offset, axis1, axis2), -1),
    np.zeros_like: creation.zeros_like, np.ones_like: creation.ones_like,
    np.full_like: creation.full_like, np.meshgrid: layout.meshgrid,
    np.linalg.inv: linalg.inv, np.linalg.solve: linalg.solve, np.linalg.det: linalg.det,
    np.linalg.slogdet: linalg.slogdet, np.linalg.cholesky: linalg.cholesky, np.linalg.qr: linalg.qr,
    np.linalg.svd: linalg.svd, np.linalg.eigh: linalg.eigh, np.linalg.norm: linalg.norm,
    np.linalg.pinv: linalg.pinv, np.linalg.matrix_power: linalg.matrix_power,
    np.linalg.eigvalsh: lambda a: linalg.eigh(a).eigenvalues,
    np.linalg.vector_norm: lambda x, *, axis=None, keepdims=False, ord=2:
        linalg.vector_norm(x, ord, axis, keepdims),
    np.linalg.matrix_norm: lambda x, *, keepdims=False, ord="fro": linalg.matrix_norm(x, ord, keepdims),
    np.linalg.trace: lambda x, *, offset=0: linalg.trace(x, offset),
    np.linalg.diagonal: lambda x, *, offset=0: layout.diagonal(x, offset),
    np.linalg.outer: linalg.outer, np.linalg.cross: lambda a, b, *, axis=-1: linalg.cross(a, b, axis),
    np.linalg.matmul: linalg.matmul, np.linalg.tensordot: lambda a, b, *, axes=2: linalg.tensordot(a, b, axes),
    np.linalg.vecdot: lambda a, b, *, axis=-1: linalg.vecdot(a, b, axis),
    np.linalg.matrix_transpose: layout.matrix_transpose,
}  # fmt: skip

WITHOUT_GRADIENT = {
    np.allclose, np.array_equal, np.array_equiv, np.array_repr, np.array_str, np.array2string,
    np.isclose, np.ndim, np.shape, np.size, np.result_type, np.can_cast, np.iscomplexobj,
    np.isrealobj, np.may_share_memory, np.shares_memory, np.bincount, np.histogram, np.unique,
    np.empty_like, np.common_type, np.min_scalar_type, np.savetxt, np.save, np.copyto, np.argwhere,
    np.flatnonzero,
}  # fmt: skip


def call_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `Tensor.__array_function__` does."""
    if function in WITHOUT_GRADIENT:
        return function(*_plain(args), **{k: _plain(v) for k, v in kwargs.items()})
    if function not in FUNCTIONS:
        raise TypeError(
            f"np.{function.__name__}: must be a function that this package has; got a tensor; use "
            "np.asarray(t) for a value without a gradient, or compose it from others"
        )
    defaults = inspect.signature(function).parameters
    given = {k: v for k, v in kwargs.items() if k not in defaults or not (v is defaults[k].default or v is None)}
    try:
        return FUNCTIONS[function](*args, **given)
    except TypeError as error:
        if isinstance(error, DTypeError) or "argument" not in str(error):
            raise
        raise TypeError(
            f"np.{function.__name__}: must be called with arguments that this package takes; got "
            f"{sorted(given)} ({error}); use the function of tinygrad_edu of that name"
        ) from error
