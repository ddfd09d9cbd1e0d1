"""Matrix functions, on the last two axes. Factorisations return their parts side by side in one
array, which `functions.linalg` takes apart; so each is computed once and has one rule.

Sources: M. B. Giles, "An extended collection of matrix derivative results for forward and reverse
mode AD" (2008); for Cholesky, I. Murray, "Differentiation of the Cholesky decomposition" (2016);
for QR, M. Seeger et al., "Auto-differentiating linear algebra" (2017).
"""

import math
from typing import Any

import numpy as np

from ..domain import REAL, Domain
from ..engine import Op
from .elementwise import equal, where
from .indexing import getitem
from .layout import reshape, sum_to

__all__ = ["adjugate", "cholesky", "det", "eigh", "inv", "qr", "slogdet", "solve", "svd"]

INVERTIBLE = Domain(matrix="invertible")
DEFINITE = Domain(matrix="definite")
SYMMETRIC = Domain(matrix="symmetric")
TALL = Domain(matrix="tall")
SQUARE = "the last two axes must be equal"


def _at(x: Any, *index: Any) -> Any:
    """`x[..., *index]`"""
    return getitem(x, index=(Ellipsis, *index))


def _corner(v: Any) -> Any:
    """A number for each matrix, with two axes of length 1, to multiply matrices by."""
    return reshape(v, shape=(*v.shape, 1, 1))


def _sym(x: Any) -> Any:
    return (x + x.mT) / 2


def _cubic(share: float) -> Any:
    """Flops of `share n**3` for each matrix: Golub and Van Loan, "Matrix Computations"."""
    return lambda y, a, *others: share * math.prod(a) * a[-1]


inv = Op("inv", np.linalg.inv,
         (lambda g, y, a: -(y.mT @ g @ y.mT),),
         kind="linalg", signature="(n,n)->(n,n)", domain=(INVERTIBLE,), must=SQUARE, flops=_cubic(2))  # fmt: skip
solve = Op("solve", np.linalg.solve,
           (lambda g, y, a, b: -(solve(a.mT, g) @ y.mT), lambda g, y, a, b: solve(a.mT, g)),
           kind="linalg", broadcasts=True, signature="(n,n),(n,k)->(n,k)", domain=(INVERTIBLE, REAL),
           flops=lambda y, a, b: 2 / 3 * math.prod(a) * a[-1] + 2 * math.prod(y) * a[-1],
           must="a must be square, with as many rows as b")  # fmt: skip


def _adjugate(a: Any) -> Any:
    """det(a) inv(a), by singular values where that is 0 * inf."""
    d = np.linalg.det(a)
    if (d != 0).all():
        return d[..., None, None] * np.linalg.inv(a)
    u, s, vh = np.linalg.svd(a)
    n = a.shape[-1]
    others = np.stack([np.prod(np.delete(s, i, axis=-1), axis=-1) for i in range(n)], axis=-1)
    turn = np.linalg.det(u) * np.linalg.det(vh)
    v = np.swapaxes(vh, -1, -2)
    return turn[..., None, None] * (v * others[..., None, :]) @ np.swapaxes(u, -1, -2)


def _from_adjugate(g: Any, y: Any, a: Any) -> Any:
    """d adj = (tr(adj da) adj - adj da adj) / det"""
    along = sum_to(g * y, shape=(*g.shape[:-2], 1, 1))
    return (along * y.mT - y.mT @ g @ y.mT) / _corner(det(a))


adjugate = Op("adjugate", _adjugate, (_from_adjugate,), kind="linalg", signature="(n,n)->(n,n)",
              domain=(INVERTIBLE,), must=SQUARE, flops=_cubic(8 / 3),
              doc="det(a) inv(a), which exists for singular matrices as well.")  # fmt: skip
det = Op("det", np.linalg.det,
         (lambda g, y, a: _corner(g) * adjugate(a).mT,),
         kind="linalg", signature="(n,n)->()", domain=(INVERTIBLE,), must=SQUARE, flops=_cubic(2 / 3))  # fmt: skip
slogdet = Op("slogdet", lambda a: np.stack(np.linalg.slogdet(a), axis=-1),
             (lambda g, y, a: _corner(_at(g, 1)) * inv(a).mT,),
             kind="linalg", signature="(n,n)->(2)", domain=(INVERTIBLE,), must=SQUARE,
             analytic=False, flops=_cubic(2 / 3), doc="The sign of det(a), and log(abs(det(a))).")  # fmt: skip


def _half(x: Any, lower: bool = True) -> Any:
    """The lower triangle with half the diagonal: Murray's Phi (or the upper one)."""
    n = np.arange(x.shape[-1])
    below = n[:, None] > n if lower else n[:, None] < n
    return x * (below + 0.5 * (n[:, None] == n)).astype(x.dtype)


def _from_cholesky(g: Any, y: Any, a: Any) -> Any:
    middle = _half(y.mT @ g)
    return _sym(solve(y.mT, solve(y.mT, middle.mT).mT))


cholesky = Op("cholesky", lambda a: np.linalg.cholesky((a + np.swapaxes(a, -1, -2)) / 2),
              (_from_cholesky,), kind="linalg", signature="(n,n)->(n,n)", domain=(DEFINITE,),
              analytic=False, must=SQUARE, flops=_cubic(1 / 3),
              doc="The lower triangular L with L @ L.mT = (a + a.mT) / 2.")  # fmt: skip


def _qr(a: Any) -> Any:
    q, r = np.linalg.qr(a)
    return np.concatenate([np.swapaxes(q, -1, -2), r], axis=-1)


def _from_qr(g: Any, y: Any, a: Any) -> Any:
    """For at least as many rows as columns; a wide matrix is split by functions.linalg.qr."""
    m = a.shape[-2]
    gq, gr = _at(g, slice(0, m)).mT, _at(g, slice(m, None))
    q, r = _at(y, slice(0, m)).mT, _at(y, slice(m, None))
    middle = r @ gr.mT - gq.mT @ q
    return solve(r, (gq + q @ _copied(middle)).mT).mT


def _copied(x: Any) -> Any:
    """The symmetric matrix that has the lower triangle of `x`."""
    lower = _half(x)
    return lower + lower.mT


qr = Op("qr", _qr, (_from_qr,), kind="linalg", signature="(m,n)->(n,m+n)", domain=(TALL,),
        analytic=False, flops=lambda y, a: math.prod(a) * (4 * a[-1] - 4 / 3 * a[-1] ** 2 / a[-2]),
        doc="Q transposed, and R beside it.")  # fmt: skip


def _eigh(a: Any) -> Any:
    values, vectors = np.linalg.eigh((a + np.swapaxes(a, -1, -2)) / 2)
    return np.concatenate([values[..., None, :], vectors], axis=-2)


def _aligned(y: Any, near: Any, row: int) -> Any:
    """Eigenvectors and singular vectors are unique but for signs: those nearest to `near`."""
    others = np.arange(y.shape[-2]) != row
    agree = np.sum((y * near)[..., others, :], axis=-2, keepdims=True)
    return np.where(others[:, None], y * np.sign(agree), y)


def _gaps(values: Any) -> Any:
    """1 / (values[j] - values[i]), and 0 where they are equal: on the diagonal, and for ties."""
    columns = reshape(values, shape=(*values.shape[:-1], 1, values.shape[-1]))
    difference = columns - columns.mT
    tie = equal(difference, 0)
    return where(tie, 0, 1 / where(tie, 1, difference))


def _from_eigh(g: Any, y: Any, a: Any) -> Any:
    gl, gv = _at(g, slice(0, 1), slice(None)), _at(g, slice(1, None), slice(None))
    values, v = _at(y, 0, slice(None)), _at(y, slice(1, None), slice(None))
    return _sym((v * gl) @ v.mT + v @ (_gaps(values) * (v.mT @ gv)) @ v.mT)


eigh = Op("eigh", _eigh, (_from_eigh,), kind="linalg", signature="(n,n)->(n+1,n)",
          domain=(SYMMETRIC,), analytic=False, must=SQUARE, align=lambda y, near, a: _aligned(y, near, 0),
          flops=_cubic(9), doc="The eigenvalues of (a + a.mT) / 2, ascending, over its eigenvectors.")  # fmt: skip


def _svd(a: Any) -> Any:
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return np.concatenate([u, s[..., None, :], np.swapaxes(vh, -1, -2)], axis=-2)


def _from_svd(g: Any, y: Any, a: Any) -> Any:
    m = a.shape[-2]
    parts = slice(0, m), slice(m, m + 1), slice(m + 1, None)
    gu, gs, gv = (_at(g, part, slice(None)) for part in parts)
    u, row, v = (_at(y, part, slice(None)) for part in parts)
    s = _at(row, 0, slice(None))
    gaps = _gaps(s * s)
    zero = equal(row, 0)
    inverse = where(zero, 0, 1 / where(zero, 1, row))
    left, right = gaps * (u.mT @ gu - gu.mT @ u), gaps * (v.mT @ gv - gv.mT @ v)
    ga = u @ (left * row) @ v.mT + (u * gs) @ v.mT + u @ (row.mT * right) @ v.mT
    ga = ga + ((gu - u @ (u.mT @ gu)) * inverse) @ v.mT
    return ga + (u * inverse) @ (gv - v @ (v.mT @ gv)).mT


svd = Op("svd", _svd, (_from_svd,), kind="linalg", signature="(m,n)->(m+1+n,m)", domain=(TALL,),
         analytic=False, align=lambda y, near, a: _aligned(y, near, a.shape[-2]),
         flops=lambda y, a: math.prod(a) * (6 * a[-1] + 11 * a[-1] ** 2 / a[-2]),
         doc="U over the singular values over V (`a = U * s @ V.mT`).")  # fmt: skip
