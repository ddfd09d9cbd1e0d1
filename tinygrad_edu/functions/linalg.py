"""Linear algebra: products, and the functions of `tg.linalg`. Matrices are the last two axes."""

from __future__ import annotations

import builtins
import math
import operator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import ops
from ..errors import DTypeError, ShapeError
from .common import Axis, lift, normal_axes, normal_axis, number, spelled
from .layout import concat, diagonal, expand_dims, matrix_transpose, moveaxis, reshape, roll
from .reduce import max, min, over_axes, sum

if TYPE_CHECKING:
    from ..tensor import Tensor


class EighResult(NamedTuple):
    eigenvalues: Tensor
    eigenvectors: Tensor


class QRResult(NamedTuple):
    Q: Tensor
    R: Tensor


class SlogdetResult(NamedTuple):
    sign: Tensor
    logabsdet: Tensor


class SVDResult(NamedTuple):
    U: Tensor
    S: Tensor
    Vh: Tensor


def matmul(a: Any, b: Any) -> Tensor:
    """Matrix product `(..., i, k), (..., k, j) -> (..., i, j)`; a 1-D tensor is a row or a column.

    >>> import tinygrad_edu as tg
    >>> (tg.ones((2, 3)) @ tg.ones((3, 4))).shape
    (2, 4)
    """
    a, b = lift(a, "matmul"), lift(b, "matmul")
    if not (a.ndim and b.ndim):
        raise ShapeError(f"matmul: needs tensors of one axis or more; got {a.shape} and {b.shape}; use * for scalars")
    if a.ndim > 1 and b.ndim > 1:
        return ops.matmul.binary(a, b)
    row, column = a.ndim == 1, b.ndim == 1
    if a.shape[-1] != b.shape[0 if column else -2]:
        raise ShapeError(f"matmul: {ops.matmul.must}; got {a.shape} and {b.shape}; transpose one of them")
    y = ops.matmul(expand_dims(a, 0) if row else a, expand_dims(b, 1) if column else b)
    shape = y.shape[:-2] + y.shape[-2 + row : y.ndim - column]
    return reshape(y, shape)


def vecdot(a: Any, b: Any, axis: int = -1, *, dim: int | None = None) -> Tensor:
    """sum(a * b) over `axis`, after broadcasting."""
    axis = axis if dim is None else spelled("vecdot", axis, -1, dim)
    return sum(ops.multiply(lift(a, "vecdot"), lift(b, "vecdot")), axis)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Tensor:
    """Sum over pairs of axes: the last `n` of `a` with the first `n` of `b`, or two lists."""
    a, b = lift(a, "tensordot"), lift(b, "tensordot")
    left, right = _summed_over(axes, a, b)
    if [a.shape[i] for i in left] != [b.shape[i] for i in right]:
        raise ShapeError(
            f"tensordot: the axes summed over must have equal lengths; got {a.shape} over {left} and "
            f"{b.shape} over {right}; check axes"
        )
    kept_a = [i for i in range(a.ndim) if i not in left]
    kept_b = [i for i in range(b.ndim) if i not in right]
    rows, columns = [a.shape[i] for i in kept_a], [b.shape[i] for i in kept_b]
    n = math.prod(a.shape[i] for i in left)
    y = ops.matmul(
        reshape(ops.permute_dims(a, axes=(*kept_a, *left)), (math.prod(rows), n)),
        reshape(ops.permute_dims(b, axes=(*right, *kept_b)), (n, math.prod(columns))),
    )
    return reshape(y, rows + columns)


def _summed_over(axes: Any, a: Any, b: Any) -> tuple[list[int], list[int]]:
    """The axes of `a`, and those of `b`, that `tensordot` pairs."""
    if not isinstance(axes, int):
        left, right = (k if isinstance(k, tuple | list) else (k,) for k in axes)
        return [normal_axis("tensordot", k, a.ndim) for k in left], [normal_axis("tensordot", k, b.ndim) for k in right]
    if not 0 <= axes <= builtins.min(a.ndim, b.ndim):
        raise ShapeError(
            f"tensordot: axes must be from 0 to {builtins.min(a.ndim, b.ndim)} for {a.shape} and {b.shape}; "
            f"got {axes}; check the shapes"
        )
    return list(range(a.ndim - axes, a.ndim)), list(range(axes))


def einsum(subscripts: str, *operands: Any) -> Tensor:
    """Einstein summation, as `numpy.einsum` writes it: `einsum("bik,bkj->bij", a, b)`."""
    xs = [lift(x, "einsum") for x in operands]
    names, output = _parsed(subscripts, xs)
    for i, name in enumerate(names):
        if len(name) != xs[i].ndim or set(name) & set("->,."):
            raise ShapeError(
                f"einsum: subscripts must name each axis; got {name!r} for shape {xs[i].shape}; write one "
                "letter for each"
            )
        names[i], xs[i] = _distinct(name, xs[i])
    if len(set(output)) != len(output) or set(output) - set("".join(names)):
        raise ShapeError(
            f"einsum: the output must use each index once, from the inputs; got {subscripts!r}; correct "
            "the part after ->"
        )
    lengths = {c: n for name, x in zip(names, xs, strict=True) for c, n in zip(name, x.shape, strict=True) if n != 1}
    for i, name in enumerate(names):
        shape = tuple(lengths.get(c, 1) for c in name)
        if 1 in xs[i].shape and shape != xs[i].shape:
            xs[i] = ops.broadcast_to(xs[i], shape=shape)
        alone = [k for k, c in enumerate(name) if c not in output and "".join(names).count(c) == 1]
        if alone:
            xs[i] = sum(xs[i], tuple(alone))
            names[i] = "".join(c for k, c in enumerate(name) if k not in alone)
    return ops.einsum(*xs, subscripts=",".join(names) + "->" + output)


def _parsed(subscripts: str, xs: list[Any]) -> tuple[list[str], str]:
    """The letters of each operand's axes and of the output's, which need not be given."""
    left, arrow, output = subscripts.replace(" ", "").partition("->")
    names = left.split(",")
    if len(names) != len(xs):
        raise ShapeError(f"einsum: needs one operand for each of {names}; got {len(xs)}; separate subscripts by commas")
    if "..." in subscripts:
        names, output = _spelled_out(names, output, arrow, xs)
    if not arrow:  # then what stood for "...", and each letter that is used once
        flat = "".join(names)
        output += "".join(sorted(c for c in set(flat) if flat.count(c) == 1 and c not in output))
    return names, output


def _spelled_out(names: list[str], output: str, arrow: str, xs: list[Any]) -> tuple[list[str], str]:
    """Subscripts with letters in place of `...`; axes of length 1 there are not yet broadcast."""
    free = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if c not in "".join([*names, output])]
    lengths = [x.ndim - len(n.replace("...", "")) if "..." in n else 0 for n, x in zip(names, xs, strict=True)]
    letters = "".join(free[: builtins.max(lengths)])
    shapes = [
        x.shape[n.index("...") : n.index("...") + k] for n, x, k in zip(names, xs, lengths, strict=True) if "..." in n
    ]
    common = np.broadcast_shapes(*shapes)
    spelled = []
    for i, (name, k) in enumerate(zip(names, lengths, strict=True)):
        if "..." in name:
            at = name.index("...")
            shape = xs[i].shape[:at] + common[len(common) - k :] + xs[i].shape[at + k :]
            xs[i] = ops.broadcast_to(xs[i], shape=shape) if shape != xs[i].shape else xs[i]
            name = name.replace("...", letters[len(letters) - k :])
        spelled.append(name)
    return spelled, output.replace("...", letters) if arrow else letters


def _distinct(name: str, x: Any) -> tuple[str, Any]:
    """A repeated index, as in "ii", taken as the diagonal."""
    for c in dict.fromkeys(name):
        while name.count(c) > 1:
            i = name.index(c)
            j = name.index(c, i + 1)
            if x.shape[i] != x.shape[j]:
                raise ShapeError(
                    f"einsum: a repeated index must have one length; got {x.shape} for {name!r}; check the operand"
                )
            x = diagonal(x, 0, i, j)
            name = "".join(s for k, s in enumerate(name) if k not in (i, j)) + c
    return name, x


def outer(a: Any, b: Any) -> Tensor:
    """y[i, j] = a[i] * b[j], of flattened tensors."""
    return ops.multiply(lift(a, "outer").reshape(-1, 1), lift(b, "outer").reshape(1, -1))


def cross(a: Any, b: Any, axis: int = -1, *, dim: int | None = None) -> Tensor:
    """The vector product of vectors of length 3 along `axis`."""
    axis = axis if dim is None else spelled("cross", axis, -1, dim)
    a, b = lift(a, "cross"), lift(b, "cross")
    normal_axis("cross", axis, builtins.min(a.ndim, b.ndim))
    if a.shape[axis] != 3 or b.shape[axis] != 3:
        raise ShapeError(
            f"cross: vectors must have length 3; got {a.shape} and {b.shape} along axis {axis}; pad with a zero"
        )
    a, b = moveaxis(a, axis, -1), moveaxis(b, axis, -1)
    turned = roll(a, -1, -1) * roll(b, 1, -1) - roll(a, 1, -1) * roll(b, -1, -1)
    return moveaxis(turned, -1, axis)


def trace(x: Any, offset: int = 0, dtype: Any = None) -> Tensor:
    """The sum of the diagonal `offset` of the last two axes."""
    return sum(diagonal(x, offset), -1, dtype=dtype)


def _matrix(x: Any, who: str, square: bool = False) -> Any:
    x = lift(x, who)
    if x.ndim < 2 or (square and x.shape[-1] != x.shape[-2]):
        what = "square matrices" if square else "matrices"
        raise ShapeError(f"{who}: needs {what} in the last two axes; got {x.shape}; use reshape")
    return x if x.dtype.kind in "fc" else x.astype(np.float64)


def inv(x: Any) -> Tensor:
    """The inverse matrix."""
    return ops.inv(_matrix(x, "inv", True))


def solve(a: Any, b: Any) -> Tensor:
    """The solution x of a @ x = b; a 1-D `b` is one column."""
    a, b = _matrix(a, "solve", True), lift(b, "solve")
    if b.ndim == 1:
        return solve(a, expand_dims(b, 1))[..., 0]
    return ops.solve(a, b)


def det(x: Any) -> Tensor:
    """The determinant; its gradient is the transposed adjugate, also where the matrix is singular."""
    return ops.det(_matrix(x, "det", True))


def slogdet(x: Any) -> SlogdetResult:
    """The sign of the determinant, and the logarithm of its size."""
    pair = ops.slogdet(_matrix(x, "slogdet", True))
    return SlogdetResult(pair[..., 0].detach(), pair[..., 1])


def cholesky(x: Any, upper: bool = False) -> Tensor:
    """The lower triangular L with L @ L.mT = x, for a positive definite x (its symmetric part)."""
    y = ops.cholesky(_matrix(x, "cholesky", True))
    return matrix_transpose(y) if upper else y


def qr(x: Any, mode: str = "reduced") -> QRResult:
    """x = Q @ R with orthonormal columns in Q and an upper triangular R; `mode` is "reduced"."""
    x = _matrix(x, "qr")
    if mode != "reduced":
        raise ValueError(f"qr: mode must be 'reduced'; got {mode!r}; drop the argument")
    m, n = x.shape[-2:]
    y = ops.qr(x[..., :m])
    q, r = matrix_transpose(y[..., :m]), y[..., m:]
    return QRResult(q, r if n <= m else concat([r, matmul(matrix_transpose(q), x[..., m:])], -1))


def svd(x: Any, full_matrices: bool = False) -> SVDResult:
    """x = U * S @ Vh, with the singular values S descending; always the reduced form."""
    x = _matrix(x, "svd")
    if full_matrices:
        raise ValueError("svd: full_matrices must be False (the full bases have no derivative); got True; drop it")
    m = x.shape[-2]
    y = ops.svd(x)
    return SVDResult(y[..., :m, :], y[..., m, :], matrix_transpose(y[..., m + 1 :, :]))


def eigh(x: Any) -> EighResult:
    """The eigenvalues, ascending, and eigenvectors (columns) of the symmetric part of `x`.

    The derivative takes eigenvectors of equal eigenvalues to stay as they are among themselves.
    """
    y = ops.eigh(_matrix(x, "eigh", True))
    return EighResult(y[..., 0, :], y[..., 1:, :])


def pinv(x: Any, rtol: float | None = None) -> Tensor:
    """The pseudo-inverse V @ (U / s).mT; singular values up to `rtol` times the largest count as 0."""
    x = _matrix(x, "pinv")
    u, s, vh = svd(x)
    share = rtol if rtol is not None else builtins.max(x.shape[-2:]) * np.finfo(x.dtype).eps
    cut = share * np.max(s._data, axis=-1, keepdims=True, initial=0)
    keep = s._data > cut
    inverse = ops.where(keep, 1 / ops.where(keep, s, 1), 0)
    return matmul(matrix_transpose(vh), matrix_transpose(u * expand_dims(inverse, -2)))


def matrix_power(x: Any, n: int) -> Tensor:
    """x @ x @ ... @ x, `n` times, by repeated squaring; of the inverse for a negative `n`."""
    x = _matrix(x, "matrix_power", True)
    try:
        n = operator.index(n)
    except TypeError:
        raise DTypeError(f"matrix_power: the power must be an integer; got {n!r}; use eigh for roots") from None
    if n < 0:
        x, n = inv(x), -n
    result = None
    while n:
        if n % 2:
            result = x if result is None else ops.matmul(result, x)
        n //= 2
        x = ops.matmul(x, x) if n else x
    return lift(np.broadcast_to(np.eye(x.shape[-1], dtype=x.dtype), x.shape)) if result is None else result


def vector_norm(
    x: Any, ord: float = 2, axis: Axis = None, keepdims: bool = False, *, dim: Axis = None, keepdim: bool | None = None
) -> Tensor:
    """sum(abs(x)**ord)**(1/ord); the largest for inf, the smallest for -inf, a count for 0."""
    axis = axis if dim is None else spelled("vector_norm", axis, None, dim)
    keepdims = keepdims if keepdim is None else spelled("vector_norm", keepdims, False, keepdim)
    x, ord = lift(x, "vector_norm"), number("vector_norm", "ord", ord)
    x = x if x.dtype.kind in "fc" else x.astype(np.float64)
    if ord == 2:
        return over_axes(ops.norm2, x, axis, keepdims)
    if ord == float("inf"):
        return max(ops.abs(x), axis, keepdims)
    if ord == -float("inf"):
        return min(ops.abs(x), axis, keepdims)
    if ord == 0:
        return sum(ops.not_equal(x, 0), axis, keepdims).astype(x.dtype)
    if ord == 1:
        return sum(ops.abs(x), axis, keepdims)
    if not isinstance(ord, float | int):
        raise DTypeError(f"vector_norm: ord must be a number; got {ord!r}; use 2, 1 or inf")
    return over_axes(ops.normp, x, axis, keepdims, p=float(ord))


def matrix_norm(x: Any, ord: Any = "fro", keepdims: bool = False) -> Tensor:
    """ "fro": root of the sum of squares; "nuc", 2, -2: of singular values; 1, inf: of sums of sizes."""
    x = _matrix(x, "matrix_norm")
    if ord == "fro":
        return vector_norm(x, 2, (-2, -1), keepdims)
    if ord in ("nuc", 2, -2):
        s = svd(x).S
        y = sum(s, -1) if ord == "nuc" else (max if ord == 2 else min)(s, -1)
    elif ord in (1, -1, float("inf"), -float("inf")):
        sums = sum(ops.abs(x), -2 if abs(ord) == 1 else -1)
        y = (max if ord > 0 else min)(sums, -1)
    else:
        raise ValueError(f"matrix_norm: ord must be fro, nuc, 1, 2, inf or their negatives; got {ord!r}; choose one")
    return expand_dims(y, (-2, -1)) if keepdims else y


def norm(
    x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False, *, dim: Axis = None, keepdim: bool | None = None
) -> Tensor:
    """NumPy's `linalg.norm`: a vector norm over all axes or one, a matrix norm over two."""
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


__all__ = [
    "cholesky", "cross", "det", "diagonal", "eigh", "inv", "matmul", "matrix_norm", "matrix_power",
    "matrix_transpose", "norm", "outer", "pinv", "qr", "slogdet", "solve", "svd", "tensordot",
    "trace", "vecdot", "vector_norm",
]  # fmt: skip
