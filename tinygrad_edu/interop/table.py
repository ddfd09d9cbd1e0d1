"""NumPy's own functions, and what does the same here.

Ufuncs find their op by name in the registry. Other functions are listed with the function of this
package that does the same, or with a line that says it in those.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce as fold
from typing import Any

import numpy as np

from .. import ops
from ..engine import REGISTRY, Variable
from ..functions import contract, creation, elementwise, indexing, layout, linalg, reduce

UFUNCS: dict[Any, Callable[..., Any]] = {
    getattr(np, name): op
    for name, op in REGISTRY.items()
    if op.kind == "elementwise" and isinstance(getattr(np, name, None), np.ufunc)
}
UFUNCS |= {
    np.matmul: linalg.matmul, np.vecdot: linalg.vecdot, np.fabs: ops.abs, np.rint: elementwise.round,
    np.power: elementwise.power, np.float_power: elementwise.power,
    np.true_divide: ops.divide, np.divmod: lambda a, b: (a // b, a % b),
    np.deg2rad: lambda x: x * (np.pi / 180), np.radians: lambda x: x * (np.pi / 180),
    np.rad2deg: lambda x: x * (180 / np.pi), np.degrees: lambda x: x * (180 / np.pi),
    np.fmax: lambda a, b: elementwise.maximum(*_without_nan(a, b)),
    np.fmin: lambda a, b: elementwise.minimum(*_without_nan(a, b)),
}  # fmt: skip

REDUCTIONS = {
    np.add: reduce.sum, np.multiply: reduce.prod, np.maximum: reduce.max, np.minimum: reduce.min,
    np.logical_and: reduce.all, np.logical_or: reduce.any, np.logaddexp: reduce.logsumexp,
}  # fmt: skip


def _under_its_name(call: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    call.__name__ = function.__name__
    return call


def _typed(function: Callable[..., Any]) -> Callable[..., Any]:
    """With NumPy's `dtype`, in which to compute."""

    def call(a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
        a = tensor(a) if dtype is None else tensor(a).astype(dtype)
        return function(a, axis, True) if keepdims else function(a, axis)

    return _under_its_name(call, function)


def _spread(function: Callable[..., Any]) -> Callable[..., Any]:
    """With NumPy's names for `correction`."""

    def call(a: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False, correction: Any = None) -> Any:
        return function(a, axis, keepdims, correction=ddof if correction is None else correction)

    return _under_its_name(call, function)


def _ordered(function: Callable[..., Any]) -> Callable[..., Any]:
    """np.sort and np.argsort: all our sorts are stable, so `kind` and `stable` are met."""

    def call(a: Any, axis: int | None = -1, kind: Any = None, stable: Any = None) -> Any:
        return function(layout.flatten(a) if axis is None else a, -1 if axis is None else axis)

    return _under_its_name(call, function)


def tensor(x: Any) -> Any:
    """`x`, which may be a number, a list or an array, as a tensor."""
    return elementwise.positive(x) if not isinstance(x, Variable) else x


def _triangle(a: Any, part: str = "L") -> Any:
    """The symmetric matrix of the lower (or upper) triangle of `a`, which is all that NumPy reads."""
    lower = layout.tril(layout.matrix_transpose(a) if part.upper() == "U" else a)
    return lower + layout.matrix_transpose(layout.tril(lower, -1))


def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    a = _triangle(a) if hermitian else a
    if compute_uv and full_matrices and a.shape[-1] != a.shape[-2]:
        raise TypeError(
            f"np.linalg.svd: full_matrices must be False (the full bases have no derivative); got shape {a.shape}; "
            "pass full_matrices=False"
        )
    return linalg.svd(a) if compute_uv else linalg.svd(a).S


def _at_least(k: int) -> Callable[..., Any]:
    def call(*arys: Any) -> Any:
        tensors = tuple(
            layout.reshape(x, (1,) * (min(k, 2) - x.ndim) + x.shape + (1,) * (k - 2)) if x.ndim < k else x
            for x in map(tensor, arys)
        )
        return tensors if len(tensors) > 1 else tensors[0]

    return call


def _joined(k: int, axis: int) -> Callable[..., Any]:
    """np.vstack and its like: concatenate what is made to have `k` axes."""

    def call(tup: Any) -> Any:
        tensors = [_at_least(k)(x) for x in tup]
        return layout.concat(tensors, min(axis, tensors[0].ndim - 1) if tensors else axis)

    return call


def _column_stack(tup: Any) -> Any:
    return layout.concat([x if x.ndim > 1 else layout.reshape(x, (-1, 1)) for x in map(tensor, tup)], 1)


def _without_nan(a: Any, b: Any) -> tuple[Any, Any]:
    return elementwise.where(ops.isnan(tensor(a)), b, a), elementwise.where(ops.isnan(tensor(b)), a, b)


def _average(a: Any, axis: Any = None, weights: Any = None) -> Any:
    if weights is None:
        return reduce.mean(a, axis)
    a, w = tensor(a), tensor(weights)
    if w.shape != a.shape:  # a weight for each entry along the axis
        a, axis = layout.moveaxis(a, axis, -1), -1
    return reduce.sum(a * w, axis) / reduce.sum(w, axis)


def _trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    y = layout.moveaxis(y, axis, -1)
    width = dx if x is None else _diff(tensor(x)) if np.ndim(x) == 1 else layout.moveaxis(_diff(x, axis=axis), axis, -1)
    return reduce.sum((y[..., 1:] + y[..., :-1]) * width, -1) / 2


def _median(a: Any, axis: int | None = None) -> Any:
    s = indexing.sort(layout.flatten(a)) if axis is None else layout.moveaxis(indexing.sort(a, axis), axis, -1)
    n, last = s.shape[-1], s[..., -1]  # where a nan would stand
    return elementwise.where(ops.isnan(last), last, (s[..., (n - 1) // 2] + s[..., n // 2]) / 2)


def _interp(x: Any, xp: Any, fp: Any) -> Any:
    x, xp, fp = map(tensor, (x, xp, fp))
    i = elementwise.clip(indexing.searchsorted(xp, x, side="right"), 1, xp.shape[0] - 1)
    share = elementwise.clip((x - xp[i - 1]) / (xp[i] - xp[i - 1]), 0, 1)
    return fp[i - 1] + share * (fp[i] - fp[i - 1])


def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    parts = np.array_split(np.arange(ary.shape[axis]), indices_or_sections)
    return layout.split(ary, np.cumsum([len(part) for part in parts])[:-1].tolist(), axis)


def _dot(a: Any, b: Any) -> Any:
    a, b = tensor(a), tensor(b)
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


def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    pairs = reversed(list(zip(condlist, choicelist, strict=True)))
    return fold(lambda rest, pair: elementwise.where(pair[0], pair[1], rest), pairs, default)


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
    np.concatenate: layout.concat, np.stack: layout.stack, np.vstack: _joined(2, 0), np.hstack: _joined(1, 1),
    np.dstack: _joined(3, 2), np.atleast_1d: _at_least(1), np.atleast_2d: _at_least(2), np.atleast_3d: _at_least(3),
    np.column_stack: _column_stack,
    np.append: lambda arr, values, axis=None: layout.concat([arr, values], axis), np.array_split: _array_split,
    np.vsplit: lambda ary, indices_or_sections: layout.split(ary, indices_or_sections, 0),
    np.hsplit: lambda ary, indices_or_sections: layout.split(ary, indices_or_sections, min(ary.ndim - 1, 1)),
    np.dsplit: lambda ary, indices_or_sections: layout.split(ary, indices_or_sections, 2),
    np.split: layout.split, np.unstack: layout.unstack,
    np.flip: layout.flip, np.flipud: lambda m: layout.flip(m, 0), np.fliplr: lambda m: layout.flip(m, 1),
    np.astype: lambda x, dtype, copy=True: x.astype(dtype), np.trapezoid: _trapezoid, np.average: _average,
    np.median: _median, np.interp: _interp,
    np.ptp: lambda a, axis=None, keepdims=False: reduce.max(a, axis, keepdims) - reduce.min(a, axis, keepdims),
    np.select: _select,
    np.polyval: lambda p, x: fold(lambda y, c: y * x + c, p, 0 * x),
    np.vdot: lambda a, b: _dot(np.ravel(a), np.ravel(b)),
    np.roll: layout.roll, np.tile: layout.tile, np.repeat: layout.repeat, np.pad: layout.pad,
    np.tril: layout.tril, np.triu: layout.triu, np.diag: _diag, np.diff: _diff, np.copy: ops.clone,
    np.diagonal: lambda a, offset=0, axis1=0, axis2=1: layout.diagonal(a, offset, axis1, axis2),
    np.trace: lambda a, offset=0, axis1=0, axis2=1: reduce.sum(layout.diagonal(a, offset, axis1, axis2), -1),
    np.where: _where, np.clip: _clip, np.round: elementwise.round, np.around: elementwise.round,
    np.take: indexing.take, np.take_along_axis: indexing.take_along_axis, np.sort: _ordered(indexing.sort),
    np.argsort: _ordered(indexing.argsort),
    np.searchsorted: lambda a, v, side="left", sorter=None: indexing.searchsorted(a, v, side, sorter),
    np.unique: indexing.unique_values,
    np.bincount: indexing.bincount,
    np.nonzero: indexing.nonzero, np.unique_values: indexing.unique_values, np.dot: _dot,
    np.inner: lambda a, b: linalg.tensordot(a, b, ([-1], [-1])) if np.ndim(a) and np.ndim(b) else a * b,
    np.outer: linalg.outer,
    np.einsum: lambda *operands, optimize=True: contract.einsum(*operands),
    np.tensordot: linalg.tensordot, np.cross: linalg.cross, np.meshgrid: layout.meshgrid,
    np.zeros_like: creation.zeros_like, np.ones_like: creation.ones_like, np.full_like: creation.full_like,
    np.linalg.inv: linalg.inv, np.linalg.solve: linalg.solve, np.linalg.det: linalg.det,
    np.linalg.slogdet: linalg.slogdet, np.linalg.qr: linalg.qr, np.linalg.svd: _svd,
    np.linalg.cholesky: lambda a, upper=False: linalg.cholesky(_triangle(a), upper),
    np.linalg.eigh: lambda a, UPLO="L": linalg.eigh(_triangle(a, UPLO)),
    np.linalg.eigvalsh: lambda a, UPLO="L": linalg.eigvalsh(_triangle(a, UPLO)), np.linalg.cond: linalg.cond,
    np.linalg.norm: linalg.norm, np.linalg.vector_norm: linalg.vector_norm, np.linalg.matrix_norm: linalg.matrix_norm,
    np.linalg.pinv: lambda a, rcond=None, hermitian=False, rtol=None: linalg.pinv(
        _triangle(a) if hermitian else a, rcond if rtol is None else rtol
    ),
    np.linalg.matrix_power: linalg.matrix_power, np.linalg.trace: linalg.trace, np.linalg.diagonal: layout.diagonal,
    np.linalg.outer: lambda a, x2: linalg.outer(a, x2), np.linalg.matmul: lambda a, x2: linalg.matmul(a, x2),
    np.linalg.cross: lambda a, x2, axis=-1: linalg.cross(a, x2, axis),
    np.linalg.tensordot: lambda a, x2, axes=2: linalg.tensordot(a, x2, axes),
    np.linalg.vecdot: lambda a, x2, axis=-1: linalg.vecdot(a, x2, axis),
    np.linalg.matrix_transpose: layout.matrix_transpose, np.linalg.svdvals: linalg.svdvals,
    np.linalg.multi_dot: lambda arrays: fold(_dot, arrays),
}  # fmt: skip

WITHOUT_GRADIENT = {
    np.allclose, np.array_equal, np.array_equiv, np.array_repr, np.array_str, np.array2string,
    np.isclose, np.ndim, np.shape, np.size, np.result_type, np.can_cast, np.iscomplexobj,
    np.isrealobj, np.may_share_memory, np.shares_memory, np.histogram,
    np.empty_like, np.common_type, np.min_scalar_type, np.savetxt, np.save, np.argwhere,
    np.flatnonzero, np.linalg.matrix_rank,
}  # fmt: skip
