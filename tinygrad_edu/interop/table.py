"""NumPy's own functions, and what does the same here.

Ufuncs find their op by name in the registry. Other functions are listed with the function of this
package that does the same, or with a line that says it in those.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy._core import umath

from .. import ops
from ..annotations import ArrayLike
from ..engine import Variable
from ..functions import (
    contract,
    creation,
    eigen,
    elementwise,
    fourier,
    indexing,
    joining,
    layout,
    linalg,
    norms,
    reduce,
)
from ..op import REGISTRY
from . import array_api, assembly, polynomials, reductions, signals, statistics
from .reductions import typed, under_its_name

if TYPE_CHECKING:
    from ..tensor import Tensor

LOG2 = math.log(2.0)


def _wide(x: Tensor) -> Any:
    """Computed in float64, or wider."""
    x = tensor(x)
    return x if x.dtype in (np.float64, np.longdouble) or x.dtype.kind == "c" else x.astype(np.float64)


def _frexp(x: Tensor) -> Any:
    e = ops.exponent(x)
    return x * 2.0 ** -e.astype(x.dtype), e


UFUNCS: dict[Any, Callable[..., Any]] = {
    getattr(np, name): op
    for name, op in REGISTRY.items()
    if op.kind.entrywise and isinstance(getattr(np, name, None), np.ufunc)
}
UFUNCS |= {
    np.matmul: contract.matmul, np.vecdot: contract.vecdot, np.fabs: ops.abs, np.rint: elementwise.round,
    np.power: elementwise.power, np.sign: elementwise.sign,
    np.true_divide: ops.divide, np.float_power: lambda a, b: elementwise.power(_wide(a), _wide(b)),
    np.logaddexp2: lambda a, b: ops.logaddexp(tensor(a) * LOG2, tensor(b) * LOG2) / LOG2,
    np.ldexp: lambda x, e: tensor(x) * 2.0 ** tensor(e).astype(tensor(x).dtype),
    np.frexp: lambda x: _frexp(reduce.averaged(x, "frexp")),
    np.modf: lambda x: (tensor(x) - ops.trunc(x), ops.trunc(x)),
    np.matvec: lambda a, b: layout.squeeze(contract.matmul(a, layout.expand_dims(tensor(b), -1)), -1),
    np.vecmat: lambda a, b: layout.squeeze(contract.matmul(layout.expand_dims(ops.conj(tensor(a)), -2), b), -2),
    np.left_shift: ops.bitwise_left_shift, np.right_shift: ops.bitwise_right_shift,
    np.divmod: lambda a, b: (a // b, a % b),
    np.deg2rad: lambda x: x * (np.pi / 180), np.radians: lambda x: x * (np.pi / 180),
    np.rad2deg: lambda x: x * (180 / np.pi), np.degrees: lambda x: x * (180 / np.pi),
    np.fmax: lambda a, b: elementwise.maximum(*_without_nan(a, b)),
    np.fmin: lambda a, b: elementwise.minimum(*_without_nan(a, b)),
    vars(umath)["clip"]: elementwise.clip,  # what array.clip(low, high) calls; it has no public name
}  # fmt: skip

ACCUMULATIONS = {
    np.add: reduce.cumulative_sum, np.multiply: reduce.cumulative_prod,
    np.maximum: signals.running(ops.cumulative_argmax), np.minimum: signals.running(ops.cumulative_argmin),
}  # fmt: skip

REDUCTIONS = {
    np.add: reductions.sum, np.multiply: reductions.prod, np.maximum: reductions.max, np.minimum: reductions.min,
    np.logical_and: reductions.all, np.logical_or: reductions.any, np.logaddexp: reductions.logsumexp,
}  # fmt: skip


def _ordered(function: Callable[..., Any]) -> Callable[..., Any]:
    """np.sort and np.argsort: all our sorts are stable, so `kind` and `stable` are met."""

    def call(a: Tensor, axis: int | None = -1, kind: object = None, stable: object = None) -> Any:
        return function(layout.flatten(a) if axis is None else a, -1 if axis is None else axis)

    return under_its_name(call, function)


def tensor(x: ArrayLike) -> Any:
    """`x`, which may be a number, a list or an array, as a tensor."""
    return elementwise.positive(x) if not isinstance(x, Variable) else x


def _svd(a: Tensor, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    a = linalg.triangle(a) if hermitian else a
    return linalg.svd(a, full_matrices) if compute_uv else linalg.svdvals(a)


def _qr(a: Tensor, mode: str = "reduced") -> Any:
    return linalg.qr(a, "reduced").R if mode == "r" else linalg.qr(a, mode)


def _angle(z: ArrayLike, deg: bool = False) -> Any:
    return elementwise.atan2(array_api.imag(z), array_api.real(z)) * (180 / np.pi if deg else 1)


def _plane(transform: Callable[..., Any]) -> Callable[..., Any]:
    """np.fft.fft2 and its like: along the last two axes."""

    def call(a: Tensor, s: object = None, axes: int | Sequence[int] = (-2, -1), norm: object = None) -> Any:
        return transform(a, s, axes, "backward" if norm is None else norm)

    return call


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
        return joining.concat(tensors, min(axis, tensors[0].ndim - 1) if tensors else axis)

    return call


def _column_stack(tup: Any) -> Any:
    return joining.concat([x if x.ndim > 1 else layout.reshape(x, (-1, 1)) for x in map(tensor, tup)], 1)


def _without_nan(a: Tensor, b: ArrayLike) -> tuple[Any, Any]:
    return elementwise.where(ops.isnan(tensor(a)), b, a), elementwise.where(ops.isnan(tensor(b)), a, b)


def _array_split(ary: Tensor, indices_or_sections: int | Sequence[int], axis: int = 0) -> Any:
    parts = np.array_split(np.arange(ary.shape[axis]), indices_or_sections)
    return joining.split(ary, np.cumsum([len(part) for part in parts])[:-1].tolist(), axis)


def _dot(a: Any, b: Any) -> Any:
    a, b = tensor(a), tensor(b)
    if not (a.ndim and b.ndim):
        return ops.multiply(a, b)
    return contract.matmul(a, b) if b.ndim <= 2 else contract.tensordot(a, b, ([-1], [-2]))


def _diag(v: Tensor, k: int = 0) -> Any:
    if v.ndim != 1:
        return layout.diagonal(v, k)
    n = v.shape[0] + abs(k)
    i = np.arange(v.shape[0])
    return ops.put(v, i + max(-k, 0), i + max(k, 0), shape=(n, n), index=(ops.ARRAY, ops.ARRAY))


def _unique(ar: ArrayLike, equal_nan: bool = True) -> Any:
    values = indexing.unique_values(ar)
    several = np.isnan(values._data).cumsum() if equal_nan else np.zeros(1)  # nans stand last
    return values[: len(several) - int(several[-1]) + 1] if several.size and several[-1] > 1 else values


def _filled(a: Any, x: float) -> Any:
    """`a` with `x` in place of nan."""
    return elementwise.where(ops.isnan(tensor(a)), x, a)


def _by_columns(who: str, order: object) -> bool:
    """Whether entries are to be read in Fortran's order."""
    if order not in ("C", "F"):
        raise ValueError(f"np.{who}: order must be 'C' or 'F'; got {order!r}; choose one")
    return bool(order == "F")


def _reshape(a: Any, shape: Any, order: str = "C", *, copy: Any = None) -> Any:
    if not _by_columns("reshape", order):
        return layout.reshape(a, shape, copy=copy)
    wanted = np.empty(a.shape).reshape(shape).shape  # with the length that -1 stands for
    return layout.permute_dims(layout.reshape(layout.permute_dims(a), wanted[::-1], copy=copy))


def _ravel(a: Any, order: str = "C") -> Any:
    return layout.flatten(layout.permute_dims(a) if _by_columns("ravel", order) else a)


def _take(a: Any, indices: Any, axis: Any = None, mode: str = "raise") -> Any:
    n = tensor(a).size if axis is None else a.shape[axis]
    if mode == "clip":
        indices = elementwise.clip(tensor(indices), 0, n - 1)
    return indexing.take(a, tensor(indices) % n if mode == "wrap" else indices, axis)


def _concatenate(arrays: Any, axis: Any = 0, *, dtype: Any = None) -> Any:
    joined = joining.concat(arrays, axis)
    return joined if dtype is None else joined.astype(dtype)


def _where(condition: ArrayLike, x: ArrayLike | None = None, y: Any = None) -> Any:
    return indexing.nonzero(condition) if x is None else elementwise.where(condition, x, y)


def _clip(
    a: Tensor,
    a_min: ArrayLike | None = None,
    a_max: ArrayLike | None = None,
    min: ArrayLike | None = None,
    max: ArrayLike | None = None,
) -> Any:
    return elementwise.clip(a, a_min if min is None else min, a_max if max is None else max)


# Each is called with NumPy's own argument names, defaults left out, the first argument by position.
FUNCTIONS: dict[Any, Callable[..., Any]] = {
    **{getattr(np, name): getattr(reductions, name) for name in (
        "all", "any", "max", "mean", "min", "nanmax", "nanmean", "nanmin", "nanprod", "nanstd", "nansum", "nanvar",
        "prod", "std", "sum", "var",
    )},
    np.amax: reductions.max, np.amin: reductions.min,
    np.count_nonzero: reduce.count_nonzero, np.argmax: reduce.argmax, np.argmin: reduce.argmin,
    np.cumsum: typed(reduce.cumulative_sum), np.cumprod: typed(reduce.cumulative_prod),
    np.cumulative_sum: reduce.cumulative_sum, np.cumulative_prod: reduce.cumulative_prod,
    np.reshape: _reshape, np.ravel: _ravel, np.fix: ops.trunc, np.transpose: layout.permute_dims,
    np.matrix_transpose: layout.matrix_transpose, np.moveaxis: layout.moveaxis, np.swapaxes: layout.swapaxes,
    np.expand_dims: layout.expand_dims, np.squeeze: layout.squeeze, np.broadcast_to: layout.broadcast_to,
    np.concatenate: _concatenate, np.stack: joining.stack, np.vstack: _joined(2, 0), np.hstack: _joined(1, 1),
    np.dstack: _joined(3, 2), np.atleast_1d: _at_least(1), np.atleast_2d: _at_least(2), np.atleast_3d: _at_least(3),
    np.column_stack: _column_stack,
    np.append: lambda arr, values, axis=None: joining.concat([arr, values], axis), np.array_split: _array_split,
    np.vsplit: lambda ary, indices_or_sections: joining.split(ary, indices_or_sections, 0),
    np.hsplit: lambda ary, indices_or_sections: joining.split(ary, indices_or_sections, min(ary.ndim - 1, 1)),
    np.dsplit: lambda ary, indices_or_sections: joining.split(ary, indices_or_sections, 2),
    np.split: joining.split, np.unstack: joining.unstack,
    np.flip: layout.flip, np.flipud: lambda m: layout.flip(m, 0), np.fliplr: lambda m: layout.flip(m, 1),
    np.astype: lambda x, dtype, copy=True: x.astype(dtype),
    np.ptp: lambda a, axis=None, keepdims=False: reduce.max(a, axis, keepdims) - reduce.min(a, axis, keepdims),
    np.vdot: lambda a, b: contract.vecdot(layout.flatten(a), layout.flatten(b)),
    np.roll: joining.roll, np.tile: joining.tile, np.repeat: joining.repeat, np.pad: assembly.pad,
    np.tril: layout.tril, np.triu: layout.triu, np.diag: _diag, np.copy: ops.clone,
    np.diagonal: lambda a, offset=0, axis1=0, axis2=1: layout.diagonal(a, offset, axis1, axis2),
    np.trace: lambda a, offset=0, axis1=0, axis2=1, dtype=None: reduce.sum(
        layout.diagonal(a, offset, axis1, axis2), -1, dtype=dtype
    ),
    np.where: _where, np.clip: _clip, np.round: elementwise.round, np.around: elementwise.round,
    np.take: _take, np.take_along_axis: indexing.take_along_axis, np.sort: _ordered(indexing.sort),
    np.argsort: _ordered(indexing.argsort),
    np.searchsorted: lambda a, v, side="left", sorter=None: indexing.searchsorted(a, v, side, sorter),
    np.unique: _unique,
    np.bincount: indexing.bincount,
    **{getattr(np, f"unique_{name}"): getattr(array_api, f"unique_{name}") for name in ("all", "counts", "inverse")},
    np.nonzero: indexing.nonzero, np.unique_values: indexing.unique_values, np.dot: _dot,
    np.inner: lambda a, b: contract.tensordot(a, b, ([-1], [-1])) if np.ndim(a) and np.ndim(b) else a * b,
    np.outer: linalg.outer,
    np.einsum: lambda *operands, optimize=True: contract.einsum(*operands),
    np.tensordot: contract.tensordot, np.cross: linalg.cross, np.meshgrid: layout.meshgrid,
    np.zeros_like: creation.zeros_like, np.ones_like: creation.ones_like, np.full_like: creation.full_like,
    np.linalg.inv: linalg.inv, np.linalg.solve: linalg.solve, np.linalg.det: linalg.det,
    np.linalg.slogdet: linalg.slogdet, np.linalg.qr: _qr, np.linalg.svd: _svd,
    np.linalg.cholesky: lambda a, upper=False: linalg.cholesky(linalg.triangle(a), upper),
    np.linalg.eig: eigen.eig, np.linalg.eigvals: eigen.eigvals,
    np.linalg.eigh: lambda a, UPLO="L": linalg.eigh(a, UPLO),
    np.linalg.eigvalsh: lambda a, UPLO="L": linalg.eigvalsh(a, UPLO), np.linalg.cond: norms.cond,
    np.linalg.norm: norms.norm, np.linalg.vector_norm: norms.vector_norm, np.linalg.matrix_norm: norms.matrix_norm,
    np.linalg.pinv: lambda a, rcond=None, hermitian=False, rtol=None: linalg.pinv(
        a, rcond if rtol is None else rtol, hermitian
    ),
    np.linalg.matrix_power: linalg.matrix_power,
    np.linalg.matrix_rank: lambda A, rtol=None: norms.matrix_rank(A, rtol),
    np.linalg.trace: linalg.trace, np.linalg.diagonal: layout.diagonal,
    np.linalg.outer: lambda a, x2: linalg.outer(a, x2), np.linalg.matmul: lambda a, x2: contract.matmul(a, x2),
    np.linalg.cross: lambda a, x2, axis=-1: linalg.cross(a, x2, axis),
    np.linalg.tensordot: lambda a, x2, axes=2: contract.tensordot(a, x2, axes),
    np.linalg.vecdot: lambda a, x2, axis=-1: contract.vecdot(a, x2, axis),
    np.linalg.matrix_transpose: layout.matrix_transpose, np.linalg.svdvals: linalg.svdvals,
    np.real: array_api.real, np.imag: array_api.imag, np.broadcast_arrays: array_api.broadcast_arrays,
    np.angle: _angle,
    **{getattr(np.fft, name): getattr(fourier, name) for name in fourier.__all__ if "freq" not in name},
    **{getattr(np.fft, f"{name}2"): _plane(getattr(fourier, f"{name}n")) for name in ("fft", "ifft", "rfft", "irfft")},
    np.sinc: lambda x: ops.sinc(tensor(x), n=0), np.i0: lambda x: ops.bessel_i(tensor(x), n=0),
    np.lib.stride_tricks.sliding_window_view: assembly.sliding_window_view,
    np.linalg.multi_dot: assembly.multi_dot, np.linalg.lstsq: assembly.lstsq,
    np.linalg.tensorinv: assembly.tensorinv, np.linalg.tensorsolve: assembly.tensorsolve,
    **{getattr(np, name): getattr(statistics, name) for name in (
        "average", "corrcoef", "cov", "median", "nanmedian", "nanpercentile", "nanquantile", "percentile", "quantile",
    )},
    np.nancumsum: typed(lambda a, axis=None: reduce.cumulative_sum(_filled(a, 0), axis)),
    np.nancumprod: typed(lambda a, axis=None: reduce.cumulative_prod(_filled(a, 1), axis)),
    **{getattr(np, name): getattr(polynomials, name) for name in (
        "poly", "polyadd", "polyder", "polyfit", "polyint", "polymul", "polysub", "roots",
    )},
    **{getattr(np, name): getattr(signals, name) for name in (
        "convolve", "correlate", "diff", "ediff1d", "geomspace", "gradient", "interp", "linspace", "logspace",
        "nan_to_num", "polyval", "rot90", "trapezoid", "unwrap", "vander",
    )},
    **{getattr(np, name): getattr(assembly, name) for name in (
        "apply_along_axis", "apply_over_axes", "block", "choose", "compress", "delete", "diagflat", "extract",
        "insert", "kron", "partition", "piecewise", "put_along_axis", "resize", "rollaxis", "select",
    )},
}  # fmt: skip

# constant wherever they have a derivative: tensors of truth values and places
STEPS = {np.iscomplex, np.isin, np.isneginf, np.isposinf, np.isreal, np.nanargmax, np.nanargmin}
WITHOUT_GRADIENT = {
    np.allclose, np.array_equal, np.array_equiv, np.array_repr, np.array_str, np.array2string,
    np.isclose, np.ndim, np.shape, np.size, np.result_type, np.can_cast, np.iscomplexobj,
    np.isrealobj, np.may_share_memory, np.shares_memory,
    np.einsum_path, np.diag_indices_from, np.tril_indices_from, np.triu_indices_from, np.savez, np.savez_compressed,
    np.empty_like, np.common_type, np.min_scalar_type, np.savetxt, np.save, np.argwhere,
    np.flatnonzero,
}  # fmt: skip
