"""NumPy's own functions on tensors: `np.sin(t)`, `np.sum(t, axis=0)`, `np.linalg.inv(t)` record.

Ufuncs find their op by name in the registry. Other functions are listed here with the function of
this package that does the same; what has no derivative anyway runs on the arrays.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from . import ops
from .engine import REGISTRY, Variable
from .functions import creation, elementwise, indexing, layout, linalg, reduce

UFUNCS: dict[Any, Callable[..., Any]] = {
    getattr(np, name): op
    for name, op in REGISTRY.items()
    if op.kind == "elementwise" and isinstance(getattr(np, name, None), np.ufunc)
}
UFUNCS |= {np.matmul: linalg.matmul, np.vecdot: linalg.vecdot, np.fabs: ops.abs, np.rint: elementwise.round}
UFUNCS |= {np.power: elementwise.power, np.float_power: elementwise.power, np.true_divide: ops.divide}

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
    out = options.pop("out", None)
    if (
        out is not None
        and isinstance(out[0], np.ndarray)
        and not any(getattr(x, "flags", 0) for x in inputs if isinstance(x, Variable))
    ):
        return getattr(ufunc, method)(*_plain(inputs), out=out, **options)  # no graph to lose
    if out is not None:
        raise TypeError(
            f"np.{ufunc.__name__}: cannot write into an array (out=, or array += tensor), which "
            "would lose the graph; got out; write array = array + tensor, or use the tensor's .data"
        )
    if method == "reduce" and ufunc in REDUCTIONS and set(options) <= {"axis", "keepdims"}:
        return REDUCTIONS[ufunc](*inputs, **{"axis": 0} | options)
    if method == "accumulate" and ufunc in (np.add, np.multiply) and set(options) <= {"axis"}:
        scan = reduce.cumulative_sum if ufunc is np.add else reduce.cumulative_prod
        return scan(*inputs, **{"axis": 0} | options)
    if method == "outer" and ufunc is np.multiply and not options:
        a, b = inputs
        return linalg.tensordot(a, b, axes=0)
    if method != "__call__" or ufunc not in UFUNCS or set(options) - {"dtype"}:
        raise TypeError(
            f"np.{ufunc.__name__}: must be a ufunc that this package has, called plainly; got "
            f"{method} with {sorted(options)}; use np.asarray(t) for a value without a gradient"
        )
    result = UFUNCS[ufunc](*inputs)
    return result.astype(options["dtype"]) if options.get("dtype") is not None else result


def _typed(function: Callable[..., Any]) -> Callable[..., Any]:
    """With NumPy's `dtype`, in which to compute."""

    def call(a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
        a = _tensor(a) if dtype is None else _tensor(a).astype(dtype)
        return function(a, axis, True) if keepdims else function(a, axis)

    return call


def _spread(function: Callable[..., Any]) -> Callable[..., Any]:
    """With NumPy's names for `correction`."""

    def call(a: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False, correction: Any = None) -> Any:
        return function(a, axis, keepdims, correction=ddof if correction is None else correction)

    return call


def _ordered(function: Callable[..., Any]) -> Callable[..., Any]:
    """np.sort and np.argsort: all our sorts are stable, so `kind` and `stable` are met."""

    def call(a: Any, axis: int | None = -1, kind: Any = None, stable: Any = None) -> Any:
        return function(layout.flatten(a) if axis is None else a, -1 if axis is None else axis)

    return call


def _tensor(x: Any) -> Any:
    return elementwise.positive(x) if not isinstance(x, Variable) else x


def _lower(a: Any) -> Any:
    """The symmetric matrix of the lower triangle of `a`, which is all that NumPy reads."""
    return layout.tril(a) + layout.matrix_transpose(layout.tril(a, -1))


def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    if compute_uv and full_matrices and a.shape[-1] != a.shape[-2]:
        raise TypeError(
            f"np.linalg.svd: full_matrices must be False (the full bases have no derivative); got shape {a.shape}; "
            "pass full_matrices=False"
        )
    return linalg.svd(a) if compute_uv else linalg.svd(a).S


def _vstack(tup: Any) -> Any:
    return layout.concat([layout.reshape(x, (1, -1)) if x.ndim < 2 else x for x in map(_tensor, tup)], 0)


def _hstack(tup: Any) -> Any:
    tensors = [layout.reshape(x, (-1,)) if x.ndim < 1 else x for x in map(_tensor, tup)]
    return layout.concat(tensors, 0 if tensors[0].ndim == 1 else 1)


def _dstack(tup: Any) -> Any:
    tensors = [layout.reshape(x, (*((1,) * (2 - x.ndim)), *x.shape, 1)) if x.ndim < 3 else x for x in map(_tensor, tup)]
    return layout.concat(tensors, 2)


def _dot(a: Any, b: Any) -> Any:
    a, b = _tensor(a), _tensor(b)
    if not (a.ndim and b.ndim):
        return ops.multiply(a, b)
    return linalg.matmul(a, b) if b.ndim <= 2 else linalg.tensordot(a, b, ([-1], [-2]))


def _diag(v: Any, k: int = 0) -> Any:
    if v.ndim != 1:
        return layout.diagonal(v, k)
    n = v.shape[0] + abs(k)
    i = np.arange(v.shape[0])
    return ops.put(v, i + max(-k, 0), i + max(k, 0), shape=(n, n), index=(ops.ARRAY, ops.ARRAY))


def _diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    for _ in range(n):
        a = layout.moveaxis(a, axis, 0)
        a = layout.moveaxis(a[1:] - a[:-1], 0, axis)
    return a


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    return indexing.nonzero(condition) if x is None else elementwise.where(condition, x, y)


def _clip(a: Any, a_min: Any = None, a_max: Any = None, min: Any = None, max: Any = None) -> Any:
    return elementwise.clip(a, a_min if min is None else min, a_max if max is None else max)


# Each is called with NumPy's own argument names, defaults left out, the first argument by position.
FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: _typed(reduce.sum), np.prod: _typed(reduce.prod), np.mean: _typed(reduce.mean),
    np.max: reduce.max, np.min: reduce.min, np.amax: reduce.max, np.amin: reduce.min,
    np.all: reduce.all, np.any: reduce.any, np.var: _spread(reduce.var), np.std: _spread(reduce.std),
    np.count_nonzero: reduce.count_nonzero, np.argmax: reduce.argmax, np.argmin: reduce.argmin,
    np.cumsum: _typed(reduce.cumulative_sum), np.cumprod: _typed(reduce.cumulative_prod),
    np.cumulative_sum: reduce.cumulative_sum, np.cumulative_prod: reduce.cumulative_prod,
    np.reshape: layout.reshape, np.ravel: layout.flatten, np.transpose: layout.permute_dims,
    np.matrix_transpose: layout.matrix_transpose, np.moveaxis: layout.moveaxis, np.swapaxes: layout.swapaxes,
    np.expand_dims: layout.expand_dims, np.squeeze: layout.squeeze, np.broadcast_to: layout.broadcast_to,
    np.concatenate: layout.concat, np.stack: layout.stack, np.vstack: _vstack, np.hstack: _hstack,
    np.dstack: _dstack, np.split: layout.split, np.unstack: layout.unstack, np.flip: layout.flip,
    np.roll: layout.roll, np.tile: layout.tile, np.repeat: layout.repeat, np.pad: layout.pad,
    np.tril: layout.tril, np.triu: layout.triu, np.diag: _diag, np.diff: _diff, np.copy: ops.clone,
    np.diagonal: lambda a, offset=0, axis1=0, axis2=1: layout.diagonal(a, offset, axis1, axis2),
    np.trace: lambda a, offset=0, axis1=0, axis2=1: reduce.sum(layout.diagonal(a, offset, axis1, axis2), -1),
    np.where: _where, np.clip: _clip, np.round: elementwise.round, np.around: elementwise.round,
    np.take: indexing.take, np.take_along_axis: indexing.take_along_axis, np.sort: _ordered(indexing.sort),
    np.argsort: _ordered(indexing.argsort),
    np.searchsorted: lambda a, v, side="left", sorter=None: indexing.searchsorted(a, v, side, sorter),
    np.unique: indexing.unique_values,
    np.bincount: lambda x, minlength=0: creation.asarray(np.bincount(_plain(x), minlength=minlength)),
    np.nonzero: indexing.nonzero, np.unique_values: indexing.unique_values, np.dot: _dot,
    np.inner: lambda a, b: linalg.tensordot(a, b, ([-1], [-1])), np.outer: linalg.outer,
    np.einsum: lambda subscripts, *operands, optimize=True: linalg.einsum(subscripts, *operands),
    np.tensordot: linalg.tensordot, np.cross: linalg.cross, np.meshgrid: layout.meshgrid,
    np.zeros_like: creation.zeros_like, np.ones_like: creation.ones_like, np.full_like: creation.full_like,
    np.linalg.inv: linalg.inv, np.linalg.solve: linalg.solve, np.linalg.det: linalg.det,
    np.linalg.slogdet: linalg.slogdet, np.linalg.qr: linalg.qr, np.linalg.svd: _svd,
    np.linalg.cholesky: lambda a, upper=False: linalg.cholesky(_lower(a), upper),
    np.linalg.eigh: lambda a: linalg.eigh(_lower(a)), np.linalg.eigvalsh: lambda a: linalg.eigh(_lower(a)).eigenvalues,
    np.linalg.norm: linalg.norm, np.linalg.vector_norm: linalg.vector_norm, np.linalg.matrix_norm: linalg.matrix_norm,
    np.linalg.pinv: lambda a, rcond=None, rtol=None: linalg.pinv(a, rcond if rtol is None else rtol),
    np.linalg.matrix_power: linalg.matrix_power, np.linalg.trace: linalg.trace, np.linalg.diagonal: layout.diagonal,
    np.linalg.outer: lambda a, x2: linalg.outer(a, x2), np.linalg.matmul: lambda a, x2: linalg.matmul(a, x2),
    np.linalg.cross: lambda a, x2, axis=-1: linalg.cross(a, x2, axis),
    np.linalg.tensordot: lambda a, x2, axes=2: linalg.tensordot(a, x2, axes),
    np.linalg.vecdot: lambda a, x2, axis=-1: linalg.vecdot(a, x2, axis),
    np.linalg.matrix_transpose: layout.matrix_transpose,
}  # fmt: skip

WITHOUT_GRADIENT = {
    np.allclose, np.array_equal, np.array_equiv, np.array_repr, np.array_str, np.array2string,
    np.isclose, np.ndim, np.shape, np.size, np.result_type, np.can_cast, np.iscomplexobj,
    np.isrealobj, np.may_share_memory, np.shares_memory, np.histogram,
    np.empty_like, np.common_type, np.min_scalar_type, np.savetxt, np.save, np.argwhere,
    np.flatnonzero,
}  # fmt: skip


@cache
def _signature(function: Any) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except ValueError:  # written in C, and silent about its arguments in some versions of NumPy
        return None


def _named(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The call's arguments by NumPy's names, without those at their defaults; the first, and those of
    a list of any length, by position."""
    signature = _signature(function)
    if signature is None:
        return list(args), kwargs
    bound = signature.bind(*args, **kwargs)
    lead: list[Any] = []
    rest: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        parameter = signature.parameters[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            lead += value
        elif parameter.kind is parameter.VAR_KEYWORD:
            rest |= value
        elif not lead and not rest:
            lead.append(value)
        elif not (value is parameter.default or (value is None and parameter.default is np._NoValue)):
            rest[name] = value
    return lead, {k: v for k, v in rest.items() if v is not np._NoValue}


def call_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `Tensor.__array_function__` does."""
    if function in WITHOUT_GRADIENT:
        return function(*_plain(args), **{k: _plain(v) for k, v in kwargs.items()})
    if function not in FUNCTIONS:
        raise TypeError(
            f"np.{function.__name__}: must be a function that this package has; got a tensor; use "
            "np.asarray(t) for a value without a gradient, or compose it from others"
        )
    lead, rest = _named(function, args, kwargs)
    target = FUNCTIONS[function]
    known = _signature(target)
    unknown = [k for k in rest if known and k not in known.parameters] if known else []
    if unknown:
        raise TypeError(
            f"np.{function.__name__}: must be called with arguments that this package takes; got {unknown}; use the "
            "function of tinygrad_edu of that name"
        )
    return target(*lead, **rest)
