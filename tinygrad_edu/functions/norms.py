"""Sizes of vectors and matrices: norms, and what follows from singular values."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..annotations import ArrayLike
from ..arrays import complex_step
from ..errors import DTypeError, ShapeError
from .arguments import Axis, as_tuple, lift, normal_axes, normal_axis, number, spelled
from .calls import own_keywords
from .layout import expand_dims, matrix_transpose, moveaxis
from .linalg import inv, matrix, svdvals, triangle
from .reduce import max, min, over_axes, sum
from .settings import refused, settings

if TYPE_CHECKING:
    from ..tensor import Tensor


def _largest(sizes: Tensor, axis: Axis, keepdims: bool = False) -> Any:
    """The largest of sizes, which is 0 where there are none."""
    none = any(not sizes.shape[k] for k in normal_axes("vector_norm", axis, sizes.ndim))
    return (sum if none else max)(sizes, axis, keepdims)


@settings
def vector_norm(
    x: ArrayLike,
    ord: float = 2,
    axis: Axis = None,
    keepdims: bool = False,
    *,
    dim: Axis = None,
    keepdim: bool | None = None,
) -> Tensor:
    """sum(abs(x)**ord)**(1/ord); max(abs(x)) for inf, min(abs(x)) for -inf, the number of entries other than 0 for 0.

    Errors: a DTypeError where `ord` is no number.

    >>> import tinygrad_edu as tg
    >>> [tg.linalg.vector_norm([3.0, -4.0], ord).item() for ord in (2, 1, float("inf"), 0)]
    [5.0, 7.0, 4.0, 2.0]
    """
    axis = axis if dim is None else spelled("vector_norm", axis, None, dim)
    keepdims = keepdims if keepdim is None else spelled("vector_norm", keepdims, False, keepdim)
    x, ord = lift(x, "vector_norm"), number("vector_norm", "ord", ord)
    x = ops.abs(x) if x.dtype.kind == "c" and not complex_step.get() else x
    x = x if x.dtype.kind in "fc" else x.astype(np.float64)
    if ord == 2:
        return over_axes(ops.norm2, x, axis, keepdims)
    if ord == float("inf"):
        return _largest(ops.abs(x), axis, keepdims)
    if ord == -float("inf"):
        return min(ops.abs(x), axis, keepdims)
    if ord == 0:  # of steps, so that the gradient is 0
        return sum(ops.where(ops.equal(x, 0), 0, x**0), axis, keepdims)
    if ord == 1:
        return sum(ops.abs(x), axis, keepdims)
    if not isinstance(ord, float | int):
        raise DTypeError(f"vector_norm: ord must be a number; got {ord!r}; use 2, 1 or inf")
    return over_axes(ops.normp, x, axis, keepdims, p=float(ord))


@settings
def matrix_norm(
    x: ArrayLike, ord: object = "fro", axis: Axis = (-2, -1), keepdims: bool = False,
    *, dim: Axis = None, keepdim: bool | None = None,
) -> Tensor:  # fmt: skip
    """A norm of matrices, chosen by `ord`.

    "fro": sqrt(sum(abs(x)**2)). "nuc", 2, -2: the sum, the largest, the smallest of the singular values. 1 and -1: the
    largest and the smallest sum(abs(x)) of a column; inf and -inf: of a row.

    The rows and columns of a matrix are numbered along the two axes that `axis` names.

    Errors: a ShapeError where `axis` does not name two axes, a ValueError for another `ord`.

    >>> import tinygrad_edu as tg
    >>> [tg.linalg.matrix_norm([[3.0, 0.0], [0.0, 4.0]], ord).item() for ord in ("fro", "nuc", 2, 1)]
    [5.0, 7.0, 4.0, 4.0]
    """
    axis = axis if dim is None else spelled("matrix_norm", axis, (-2, -1), dim)
    keepdims = keepdims if keepdim is None else spelled("matrix_norm", keepdims, False, keepdim)
    x = matrix(x, "matrix_norm")
    axes = tuple(normal_axis("matrix_norm", k, x.ndim) for k in as_tuple(axis))
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ShapeError(f"matrix_norm: axis must name two axes; got {axis} for shape {x.shape}; use (-2, -1)")
    if axes != (x.ndim - 2, x.ndim - 1):
        y = matrix_norm(moveaxis(x, axes, (-2, -1)), ord)
        return expand_dims(y, axes) if keepdims else y
    if not isinstance(ord, str | int | float):
        raise refused("matrix_norm", "ord", "fro, nuc or a number", ord, "ord='fro'")
    if ord == "fro":
        return vector_norm(x, 2, (-2, -1), keepdims)
    if ord == "nuc":
        y = ops.nuclear(x if x.shape[-2] >= x.shape[-1] else matrix_transpose(x))
    elif ord in (2, -2):
        y = (_largest if ord == 2 else min)(svdvals(x), -1)
    elif ord in (1, -1, float("inf"), -float("inf")):
        sums = sum(ops.abs(x), -2 if abs(ord) == 1 else -1)
        y = (_largest if ord > 0 else min)(sums, -1)
    else:
        raise ValueError(f"matrix_norm: ord must be fro, nuc, 1, 2, inf or their negatives; got {ord!r}; choose one")
    return expand_dims(y, (-2, -1)) if keepdims else y


@settings
def norm(
    x: ArrayLike,
    ord: Any = None,
    axis: Axis = None,
    keepdims: bool = False,
    *,
    dim: Axis = None,
    keepdim: bool | None = None,
) -> Tensor:
    """NumPy's `linalg.norm`: a vector norm over all axes or one, a matrix norm over two.

    Errors: a ShapeError where `ord` is given and `axis` names neither one nor two axes.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.norm([[3.0, 4.0], [6.0, 8.0]], axis=1).tolist()
    [5.0, 10.0]
    """
    axis = axis if dim is None else spelled("norm", axis, None, dim)
    keepdims = keepdims if keepdim is None else spelled("norm", keepdims, False, keepdim)
    x = lift(x, "norm")
    axes = normal_axes("norm", axis, x.ndim)
    if ord is None:
        return vector_norm(x, 2, axes, keepdims)
    if len(axes) == 1:
        return vector_norm(x, ord, axes, keepdims)
    if len(axes) != 2:
        raise ShapeError(f"norm: with ord, axis must name one or two axes; got {axis} for {x.shape}; name them")
    moved = moveaxis(x, axis if isinstance(axis, tuple | list) else axes, (-2, -1))
    y = matrix_norm(moved, ord)
    return expand_dims(y, axes) if keepdims else y


@settings
def matrix_rank(x: ArrayLike, rtol: Any = None, *, atol: Any = None, hermitian: bool = False) -> Tensor:
    """How many singular values are above `rtol` times the largest, and above `atol`; it has no gradient.

    Of a `hermitian` matrix the lower triangle is read. Tolerances may differ between the matrices of a batch.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.matrix_rank([[1.0, 2.0], [2.0, 4.0]]).item()
    1
    """
    x = matrix(x, "matrix_rank", hermitian).detach()
    s = svdvals(triangle(x) if hermitian else x)
    if rtol is None:
        rtol = 0.0 if atol is not None else builtins.max(x.shape[-2:]) * float(np.finfo(s.dtype).eps)
    limit = lift(rtol, "matrix_rank")[..., None] * _largest(s, -1, True)
    limit = limit if atol is None else ops.maximum(limit, lift(atol, "matrix_rank")[..., None])
    return sum(s > limit, -1)


@own_keywords
def cond(x: ArrayLike, p: object = None) -> Tensor:
    """The condition number of a matrix: norm(x, p) * norm(inv(x), p); for `p` None or 2, by singular values.

    Errors: a ShapeError for matrices without entries, a DTypeError for another `p`.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.cond([[4.0, 0.0], [0.0, 2.0]]).item()
    2.0
    """
    if not isinstance(p, str | int | float | None):
        raise refused("cond", "p", "None, fro, nuc or a number", p, "p=2")
    x = matrix(x, "cond", square=p not in (None, 2, -2))
    if not all(x.shape[-2:]):
        raise ShapeError(f"cond: the matrices must have entries; got shape {x.shape}; guard before")
    if p in (None, 2, -2):
        large, small = matrix_norm(x, 2), matrix_norm(x, -2)
        return small / large if p == -2 else large / small
    return matrix_norm(x, p) * matrix_norm(inv(x), p)
