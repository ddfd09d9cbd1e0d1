"""The functions of `tg.linalg`. Matrices are the last two axes."""

from __future__ import annotations

import builtins
import operator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import ops
from ..annotations import Array, ArrayLike, DTypeLike
from ..errors import DTypeError, ShapeError
from ..sums import HALF
from .arguments import lift, normal_axis, spelled
from .calls import own_keywords
from .contract import matmul
from .creation import zeros_like
from .joining import concat, roll
from .layout import diagonal, expand_dims, matrix_transpose, moveaxis, tril, triu
from .reduce import sum
from .settings import settings

if TYPE_CHECKING:
    from ..tensor import Tensor


class EighResult(NamedTuple):
    """What `eigh` gives, by name or in order.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.eigh([[2.0, 0.0], [0.0, 1.0]]).eigenvalues.tolist()
    [1.0, 2.0]
    """

    eigenvalues: Tensor
    eigenvectors: Tensor


class QRResult(NamedTuple):
    """What `qr` gives, by name or in order.

    >>> import tinygrad_edu as tg
    >>> abs(tg.linalg.qr([[2.0]]).R).tolist()
    [[2.0]]
    """

    Q: Tensor
    R: Tensor


class SlogdetResult(NamedTuple):
    """What `slogdet` gives, by name or in order.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.slogdet([[-1.0]]).sign.item()
    -1.0
    """

    sign: Tensor
    logabsdet: Tensor


class SVDResult(NamedTuple):
    """What `svd` gives, by name or in order.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.svd([[0.0, 3.0], [2.0, 0.0]]).S.tolist()
    [3.0, 2.0]
    """

    U: Tensor
    S: Tensor
    Vh: Tensor


@own_keywords
def outer(a: ArrayLike, b: ArrayLike) -> Tensor:
    """y[i, j] = a[i] * b[j], of flattened tensors.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.outer([1, 2], [3, 4]).tolist()
    [[3, 4], [6, 8]]
    """
    return ops.multiply(lift(a, "outer").reshape(-1, 1), lift(b, "outer").reshape(1, -1))


@settings
def cross(a: ArrayLike, b: ArrayLike, axis: int = -1, *, dim: int | None = None) -> Tensor:
    """The vector product of vectors of length 3 along `axis`.

    Shapes `(..., 3), (..., 3) -> (..., 3)`. Errors: a ShapeError for another length.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]).tolist()
    [0.0, 0.0, 1.0]
    """
    axis = axis if dim is None else spelled("cross", axis, -1, dim)
    a, b = lift(a, "cross"), lift(b, "cross")
    if a.dtype == b.dtype == HALF:
        return cross(a.astype(np.float32), b, axis).astype(HALF)
    normal_axis("cross", axis, builtins.min(a.ndim, b.ndim))
    if a.shape[axis] != 3 or b.shape[axis] != 3:
        raise ShapeError(
            f"cross: vectors must have length 3; got {a.shape} and {b.shape} along axis {axis}; pad with a zero"
        )
    a, b = moveaxis(a, axis, -1), moveaxis(b, axis, -1)
    turned = roll(a, -1, -1) * roll(b, 1, -1) - roll(a, 1, -1) * roll(b, -1, -1)
    return moveaxis(turned, -1, axis)


@settings
def trace(x: ArrayLike, offset: int = 0, dtype: DTypeLike | None = None) -> Tensor:
    """The sum of the diagonal `offset` of the last two axes.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.trace([[1, 2], [3, 4]]).item()
    5
    """
    return sum(diagonal(x, offset), -1, dtype=dtype)


def _adjoint(x: ArrayLike) -> Any:
    """The matrix transposed and, if it is complex, conjugated."""
    y = matrix_transpose(x)
    return ops.conj(y) if y.dtype.kind == "c" else y


def _real(x: Tensor) -> Any:
    return ops.real(x) if x.dtype.kind == "c" else x


def matrix(x: ArrayLike, who: str, square: bool = False) -> Tensor:
    x = lift(x, who)
    if x.ndim < 2 or (square and x.shape[-1] != x.shape[-2]):
        what = "square matrices" if square else "matrices"
        raise ShapeError(f"{who}: needs {what} in the last two axes; got {x.shape}; use reshape")
    return x if x.dtype.kind in "fc" else x.astype(np.float64)


def inv(x: ArrayLike) -> Tensor:
    """The inverse of square matrices; a LinAlgError where one is singular.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.inv([[2.0, 0.0], [0.0, 4.0]]).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    return ops.inv(matrix(x, "inv", True))


@own_keywords
def solve(a: ArrayLike, b: ArrayLike) -> Tensor:
    """The solution x of a @ x = b; a 1-D `b` is one column. A LinAlgError where `a` is singular.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 8.0]).tolist()
    [1.0, 2.0]
    """
    a, b = matrix(a, "solve", True), lift(b, "solve")
    if b.ndim == 1:
        return solve(a, expand_dims(b, 1))[..., 0]
    return ops.solve(a, b)


@settings
def solve_triangular(
    a: ArrayLike,
    b: ArrayLike,
    lower: bool = False,
    unit_diagonal: bool = False,
    *,
    upper: bool | None = None,
    left: bool = True,
) -> Tensor:
    """The solution x of a @ x = b, of which one triangle of `a` is read; a 1-D `b` is one column.

    With `unit_diagonal`, its diagonal is taken for ones. `upper` is PyTorch's opposite of `lower`; without `left`, it
    is the solution of x @ a = b. Source: `scipy.linalg.solve_triangular`.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.solve_triangular([[2.0, 0.0], [1.0, 4.0]], [2.0, 9.0], lower=True).tolist()
    [1.0, 2.0]
    """
    a = matrix(a, "solve_triangular", True)
    lower = lower if upper is None else not upper
    if not left:
        turned = matrix_transpose(lift(b, "solve_triangular"))
        return matrix_transpose(solve_triangular(matrix_transpose(a), turned, not lower, unit_diagonal))
    triangle = tril if lower else triu
    if unit_diagonal:
        one = np.eye(a.shape[-1], dtype=a.dtype)
        return solve(triangle(a) * (1 - one) + one, b)
    return solve(triangle(a), b)


@settings
def cholesky_solve(b: ArrayLike, L: ArrayLike, upper: bool = False) -> Tensor:
    """The solution x of a @ x = b, given the Cholesky factor of `a`; the order of arguments is PyTorch's.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.cholesky_solve([[4.0]], [[2.0]]).tolist()
    [[1.0]]
    """
    L = matrix(L, "cholesky_solve", True)
    L = _adjoint(L) if upper else L
    return solve_triangular(_adjoint(L), solve_triangular(L, b, lower=True))


def det(x: ArrayLike) -> Tensor:
    """The determinant; its gradient is the transposed adjugate, also where the matrix is singular.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.det([[2.0, 4.0], [1.0, 3.0]]).item()
    2.0
    """
    return ops.det(matrix(x, "det", True))


@own_keywords
def slogdet(x: ArrayLike) -> SlogdetResult:
    """The sign of the determinant, det / abs(det), and the logarithm of its size.

    >>> import tinygrad_edu as tg
    >>> [y.item() for y in tg.linalg.slogdet([[-1.0, 0.0], [0.0, 1.0]])]
    [-1.0, 0.0]
    """
    pair = ops.slogdet(matrix(x, "slogdet", True))
    sign = pair[..., 0]
    return SlogdetResult(sign if sign.dtype.kind == "c" else sign.detach(), _real(pair[..., 1]))


@settings
def cholesky(x: ArrayLike, upper: bool = False) -> Tensor:
    """The lower triangular L with L @ L.mT = x, for a positive definite x (its symmetric part).

    Of a complex x (its Hermitian part), L.mT is conjugated. With `upper`, L transposed likewise.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.cholesky([[4.0, 2.0], [2.0, 5.0]]).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    y = ops.cholesky(matrix(x, "cholesky", True))
    return _adjoint(y) if upper else y


def _completed(q: Tensor, whole: Array) -> Any:
    """Orthonormal columns `q`, and beside them those of the constant basis `whole` that are not in their span.

    How these turn among themselves has no derivative: a result must not depend on it.
    """
    rest = lift(whole[..., q.shape[-1] :])
    if q.flags:
        rest = ops.polar(rest - matmul(q, matmul(_adjoint(q), rest)))
    return concat([q, rest], -1)


@settings
def qr(x: ArrayLike, mode: str = "reduced") -> QRResult:
    """x = Q @ R with orthonormal columns in Q and an upper triangular R; with `mode` "complete", Q is square.

    Errors: a ValueError for another `mode`.

    >>> import tinygrad_edu as tg
    >>> Q, R = tg.linalg.qr([[0.0, 2.0], [1.0, 0.0]])
    >>> abs(Q @ R).tolist()
    [[0.0, 2.0], [1.0, 0.0]]
    """
    x = matrix(x, "qr")
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr: mode must be 'reduced' or 'complete'; got {mode!r}; drop the argument")
    m, n = x.shape[-2:]
    y = ops.qr(x[..., :m])
    q, r = matrix_transpose(y[..., :m]), y[..., m:]
    r = r if n <= m else concat([r, matmul(_adjoint(q), x[..., m:])], -1)
    if mode == "complete" and m > n:
        q = _completed(q, np.linalg.qr(x._data, mode="complete")[0])
        r = concat([r, zeros_like(x[..., n:, :])], -2)
    return QRResult(q, r)


@settings
def svd(x: ArrayLike, full_matrices: bool = True) -> SVDResult:
    """x = U * S @ Vh, with the singular values S descending and orthonormal columns in U and rows in Vh.

    With `full_matrices`, as in NumPy and PyTorch by default, U and Vh are square: x = U[:, :k] * S @ Vh[:k] for
    k = min(m, n). Singular vectors of equal singular values stay as they are among themselves in the derivative.

    >>> import tinygrad_edu as tg
    >>> U, S, Vh = tg.linalg.svd([[0.0, 3.0], [2.0, 0.0]])
    >>> S.tolist(), abs(U * S @ Vh).tolist()
    ([3.0, 2.0], [[0.0, 3.0], [2.0, 0.0]])
    """
    x = matrix(x, "svd")
    m, n = x.shape[-2:]
    y = ops.svd(x)
    u, s, v = y[..., :m, :], _real(y[..., m, :]), y[..., m + 1 :, :]
    if full_matrices and m > n:
        u = _completed(u, np.linalg.svd(x._data)[0])
    elif full_matrices and m < n:
        v = _completed(v, np.linalg.svd(_adjoint(x)._data)[0])
    return SVDResult(u, s, _adjoint(v))


def triangle(x: ArrayLike, part: str = "L") -> Any:
    """The symmetric (Hermitian) matrix of the lower (or upper) triangle of `x`, which is all that is read."""
    if part not in ("L", "U", "l", "u"):
        raise ValueError(f"eigh: UPLO must be 'L' or 'U'; got {part!r}; leave it out for the symmetric part")
    lower = tril(_adjoint(x) if part in "Uu" else x)
    below = tril(lower, -1)
    middle = (lower - below + _adjoint(lower - below)) / 2  # the diagonal, whose imaginary part is not read either
    return below + middle + _adjoint(below)


@settings
def eigh(x: ArrayLike, UPLO: str | None = None) -> EighResult:
    """The eigenvalues, ascending, and eigenvectors (columns) of the symmetric part of `x`; of a complex `x`, of its
    Hermitian part. With `UPLO`, only the lower ("L") or upper ("U") triangle of `x` is read, as in NumPy and PyTorch.

    The derivative takes eigenvectors of equal eigenvalues to stay as they are among themselves. A complex vector's
    phase is what LAPACK gives: a result must not depend on it.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.eigh([[2.0, 1j], [-1j, 2.0]]).eigenvalues.tolist()
    [1.0, 3.0]
    """
    x = matrix(x, "eigh", True)
    y = ops.eigh(x if UPLO is None else triangle(x, UPLO))
    return EighResult(_real(y[..., 0, :]), y[..., 1:, :])


@own_keywords
def svdvals(x: ArrayLike) -> Tensor:
    """The singular values, descending: (..., m, n) -> (..., min(m, n)).

    >>> import tinygrad_edu as tg
    >>> tg.linalg.svdvals([[0.0, 3.0], [2.0, 0.0]]).tolist()
    [3.0, 2.0]
    """
    return svd(x, False).S


@settings
def eigvalsh(x: ArrayLike, UPLO: str | None = None) -> Tensor:
    """The eigenvalues of the symmetric part of `x`, ascending; `UPLO` as for `eigh`.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.eigvalsh([[2.0, 1.0], [1.0, 2.0]]).round(4).tolist()
    [1.0, 3.0]
    """
    return eigh(x, UPLO).eigenvalues


@settings
def pinv(x: ArrayLike, rtol: float | None = None, hermitian: bool = False) -> Tensor:
    """The pseudo-inverse V @ (U / s).mT; singular values up to `rtol` times the largest count as 0.

    Of a `hermitian` matrix only the lower triangle is read.

    Its derivative is right wherever the rank does not change, also at equal singular values (Golub and Pereyra, 1973).

    >>> import tinygrad_edu as tg
    >>> tg.linalg.pinv(tg.asarray([[2.0, 0.0], [0.0, 0.0]])).tolist()
    [[0.5, 0.0], [0.0, 0.0]]
    """
    x = matrix(x, "pinv", hermitian)
    return ops.pinv(triangle(x) if hermitian else x, rtol=None if rtol is None else float(rtol))


@settings
def matrix_power(x: ArrayLike, n: int) -> Tensor:
    """x @ x @ ... @ x, `n` times, by repeated squaring; of the inverse for a negative `n`.

    Errors: a DTypeError where `n` is no integer.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.matrix_power([[1.0, 1.0], [0.0, 1.0]], 3).tolist()
    [[1.0, 3.0], [0.0, 1.0]]
    """
    x = matrix(x, "matrix_power", True)
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
    return x**0 * np.eye(x.shape[-1], dtype=x.dtype) if result is None else result
