"""Inverses and factorisations, on the last two axes. Factorisations return their parts side by side in one
array, which `functions.linalg` takes apart; so each is computed once and has one rule.

Gradients of complex matrices stand as dL/da - i dL/db (see complex.py); where a rule of a factorisation is written for
the direction of ascent, dL/da + i dL/db, as the literature has it, `ascent` turns one into the other.

Sources: M. B. Giles, "An extended collection of matrix derivative results for forward and reverse
mode AD" (2008); for Cholesky, I. Murray, "Differentiation of the Cholesky decomposition" (2016);
for QR, M. Seeger et al., "Auto-differentiating linear algebra" (2017).
"""

import math
import warnings
from typing import Any

import numpy as np

from ..arrays import complex_step
from ..batched import whole
from ..domain import BOOLEAN, REAL, Domain
from ..op import Op
from ..recording import user_frame
from .complex import conj, real
from .elementwise import abs, equal, less_equal, where
from .indexing import getitem
from .layout import reshape
from .reduce import max, sum

__all__ = ["cholesky", "compose", "eigh", "inv", "qr", "solve", "svd", "tied"]

INVERTIBLE = Domain(matrix="invertible")
DEFINITE = Domain(matrix="definite")
SYMMETRIC = Domain(matrix="symmetric")
TALL = Domain(matrix="tall")
SQUARE = "the last two axes must be equal"
SINGULAR = "the matrix is singular, or nearly; add a small multiple of the identity, or use pinv"


def at(x: Any, *index: Any) -> Any:
    """`x[..., *index]`"""
    return getitem(x, index=(Ellipsis, *index))


def corner(v: Any) -> Any:
    """A number for each matrix, with two axes of length 1, to multiply matrices by."""
    return reshape(v, shape=(*v.shape, 1, 1))


def ascent(g: Any) -> Any:
    """The conjugate of what is complex."""
    return conj(g) if g.dtype.kind == "c" else g


def adjoint(x: Any) -> Any:
    """The matrix transposed and, if it is complex, conjugated."""
    return ascent(x.mT)


def sym(x: Any) -> Any:
    return (x + adjoint(x)) / 2


def turned(a: Any) -> Any:
    """`adjoint` of an array."""
    y = np.swapaxes(a, -1, -2)
    return np.conj(y) if y.dtype.kind == "c" and not complex_step.get() else y


def symmetric(a: Any) -> Any:
    """`sym` of an array."""
    return (a + turned(a)) / 2


def cubic(share: float) -> Any:
    """Flops of `share n**3` for each matrix: Golub and Van Loan, "Matrix Computations"."""
    return lambda y, a, *others, **attributes: share * math.prod(a) * a[-1]


inv = Op("inv", np.linalg.inv,
         (lambda g, y, a: -(y.mT @ g @ y.mT),),
         kind="linalg", signature="(n,n)->(n,n)", latex="#1^{-1}", domain=(INVERTIBLE,), must=SQUARE,
         flops=cubic(2), advice=SINGULAR)  # fmt: skip
solve = Op("solve", np.linalg.solve,
           (lambda g, y, a, b: -(solve(a.mT, g) @ y.mT), lambda g, y, a, b: solve(a.mT, g)),
           kind="linalg", broadcasts=True, signature="(n,n),(n,k)->(n,k)", domain=(INVERTIBLE, REAL),
           flops=lambda y, a, b: 2 / 3 * math.prod(a) * a[-1] + 2 * math.prod(y) * a[-1],
           must="a must be square, with as many rows as b", advice=SINGULAR)  # fmt: skip


def _half(x: Any, lower: bool = True) -> Any:
    """The lower triangle with half the diagonal: Murray's Phi (or the upper one)."""
    n = np.arange(x.shape[-1])
    below = n[:, None] > n if lower else n[:, None] < n
    return x * (below + 0.5 * (n[:, None] == n)).astype(x.dtype)


def _from_cholesky(g: Any, y: Any, a: Any) -> Any:
    g, left = ascent(g), adjoint(y)
    middle = _half(left @ g)
    return ascent(sym(solve(left, adjoint(solve(left, adjoint(middle))))))


cholesky = Op("cholesky", lambda a: np.linalg.cholesky(symmetric(a)),
              (_from_cholesky,), kind="linalg", signature="(n,n)->(n,n)", domain=(DEFINITE,),
              analytic=False, complex=True, must=SQUARE, flops=cubic(1 / 3), advice=SINGULAR,
              doc="The lower triangular L with L @ L.mT = (a + a.mT) / 2; adjoints for mT, if complex.")  # fmt: skip


def _qr(a: Any) -> Any:
    q, r = np.linalg.qr(a)
    return np.concatenate([np.swapaxes(q, -1, -2), r], axis=-1)


def _from_qr(g: Any, y: Any, a: Any) -> Any:
    """For at least as many rows as columns; a wide matrix is split by functions.linalg.qr."""
    m = a.shape[-2]
    g = ascent(g)
    gq, gr = at(g, slice(0, m)).mT, at(g, slice(m, None))
    q, r = at(y, slice(0, m)).mT, at(y, slice(m, None))
    middle = r @ adjoint(gr) - adjoint(gq) @ q
    return solve(r, adjoint(gq + q @ _copied(middle))).mT


def _copied(x: Any) -> Any:
    """The symmetric (Hermitian) matrix that has the lower triangle of `x`."""
    lower = _half(x)
    return lower + adjoint(lower)


qr = Op("qr", _qr, (_from_qr,), kind="linalg", signature="(m,n)->(n,m+n)", domain=(TALL,),
        analytic=False, complex=True, flops=lambda y, a: math.prod(a) * (4 * a[-1] - 4 / 3 * a[-1] ** 2 / a[-2]),
        doc="Q transposed, and R beside it.")  # fmt: skip


def _eigh(a: Any) -> Any:
    values, vectors = np.linalg.eigh(symmetric(a))
    return np.concatenate([values[..., None, :], vectors], axis=-2)


def _aligned(y: Any, near: Any, row: int) -> Any:
    """Eigenvectors and singular vectors are unique but for signs: those nearest to `near`."""
    others = np.arange(y.shape[-2]) != row
    agree = np.sum((y * near)[..., others, :], axis=-2, keepdims=True)
    return np.where(others[:, None], y * np.sign(agree), y)


def _tied(tie: Any, change: Any, slopes: Any) -> Any:
    """Zeros, and a warning where they are not what the limit of different values gives.

    A function of the eigenvalues and another of the eigenvectors each have their right derivative where eigenvalues
    are equal. In one of both together, as V f(L) V.mT, the part that mixes equal eigenvalues needs f', which no rule
    of `eigh` is given.
    """
    n = np.arange(change.shape[-1])
    size = np.abs(change + turned(change))
    rounding = np.finfo(size.dtype).eps ** 0.5 * np.max(size, axis=(-2, -1), keepdims=True, initial=0)
    if whole(tie & (n[:, None] != n) & (size > rounding) & (slopes != 0)).any() and (frame := user_frame()):
        text = (
            "eigh, svd: a function of values and vectors together must be differentiated where the values differ; got "
            "equal values, whose mixed part is left out; use inv, solve, pinv or matrix_power for functions of matrices"
        )
        warnings.warn_explicit(text, RuntimeWarning, frame.f_code.co_filename, frame.f_lineno)
    return np.zeros_like(change)


tied = Op("tied", _tied, kind="linalg", signature="(n,n),(n,n),(n,n)->(n,n)", analytic=False, complex=True,
          flops=lambda y, *xs: 2 * math.prod(y), domain=(BOOLEAN, REAL, Domain(0, 0)),
          doc="What equal eigenvalues add to a derivative: 0, with a warning where something is left out.")  # fmt: skip


def _row(d: Any) -> Any:
    return reshape(d, shape=(*d.shape[:-1], 1, d.shape[-1]))


def _gaps(values: Any) -> tuple[Any, Any]:
    """values[j] - values[i], and where that is 0 but for rounding."""
    n = values.shape[-1]
    columns = _row(values)
    gap = columns - columns.mT
    if not n:
        return gap, equal(gap, gap)
    top = max(abs(columns), axis=(len(columns.shape) - 1,), keepdims=True)
    return gap, less_equal(abs(gap), top * (8 * n**0.5 * float(np.finfo(values.dtype).eps)))


def _pairs(d: Any) -> Any:
    """abs(d[i]) + abs(d[j])"""
    sizes = abs(_row(d))
    return sizes + sizes.mT


def _per_gap(change: Any, values: Any, slopes: Any) -> Any:
    """change[i, j] / (values[j] - values[i]), and 0 where these are equal."""
    gap, tie = _gaps(values)
    return where(tie, tied(tie, change, _pairs(slopes)), change / where(tie, 1, gap))


def _by_left(g: Any, y: Any, u: Any, d: Any, v: Any, values: Any) -> Any:
    inner = g @ v
    left_out = tied(_gaps(values)[1], u.mT @ inner, _pairs(d))
    return inner * _row(d) + u @ left_out


compose = Op("compose", lambda u, d, v, values: (u * d[..., None, :]) @ np.swapaxes(v, -1, -2),
             (_by_left,
              lambda g, y, u, d, v, values: sum(u * (g @ v), axis=(len(u.shape) - 2,), keepdims=False),
              lambda g, y, u, d, v, values: g.mT @ (u * _row(d)),
              None),
             kind="linalg", signature="(m,n),(n),(k,n),(n)->(m,k)", domain=(REAL, REAL, REAL, REAL),
             flops=lambda y, u, *xs: math.prod(u) + 2 * math.prod(y) * u[-1],
             doc="U * d @ V.mT: the gradient d of some values, in the bases that belong to them.")  # fmt: skip


def _real(x: Any) -> Any:
    return real(x) if x.dtype.kind == "c" else x


def _from_eigh(g: Any, y: Any, a: Any) -> Any:
    g = ascent(g)
    gl, gv = _real(at(g, 0, slice(None))), at(g, slice(1, None), slice(None))
    values, v = _real(at(y, 0, slice(None))), at(y, slice(1, None), slice(None))
    right = adjoint(v)
    return ascent(sym(compose(v, gl, right.mT, values) + v @ _per_gap(right @ gv, values, gl) @ right))


eigh = Op("eigh", _eigh, (_from_eigh,), kind="linalg", signature="(n,n)->(n+1,n)",
          domain=(SYMMETRIC,), analytic=False, complex=True, must=SQUARE, align=lambda y, near, a: _aligned(y, near, 0),
          flops=cubic(9),
          doc="The eigenvalues of (a + a.mT) / 2 (the adjoint, if complex), ascending, over the vectors.")  # fmt: skip


def _svd(a: Any) -> Any:
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return np.concatenate([u, s[..., None, :], turned(vh)], axis=-2)


def _inverse(x: Any) -> Any:
    """1 / x, and 0 where x is 0."""
    zero = equal(x, 0)
    return where(zero, 0, 1 / where(zero, 1, x))


def _from_svd(g: Any, y: Any, a: Any) -> Any:
    """Where U and V turn together, by the differences of singular values; where against each other, by their sums."""
    m, g = a.shape[-2], ascent(g)
    (gu, u), (gs, s), (gv, v) = (
        (at(g, part, slice(None)), at(y, part, slice(None))) for part in (slice(0, m), m, slice(m + 1, None))
    )
    gs, s, vh = _real(gs), _real(s), adjoint(v)
    left, right = adjoint(u) @ gu, vh @ gv
    turn, against = _per_gap(left + right, s, gs), left - right
    turn = turn + adjoint(turn) + (against - adjoint(against)) * _inverse(_row(s) + _row(s).mT)
    scale = _inverse(_row(s))
    ga = compose(u, gs, vh.mT, s) + u @ (turn / 2) @ vh + ((gu - u @ left) * scale) @ vh
    return ascent(ga + (u * scale) @ adjoint(gv - v @ right))


svd = Op("svd", _svd, (_from_svd,), kind="linalg", signature="(m,n)->(m+1+n,m)", domain=(TALL,),
         analytic=False, complex=True, align=lambda y, near, a: _aligned(y, near, a.shape[-2]),
         flops=lambda y, a: math.prod(a) * (6 * a[-1] + 11 * a[-1] ** 2 / a[-2]),
         doc="U over the singular values over V (`a = U * s @ V.mT`, V conjugated if it is complex).")  # fmt: skip
