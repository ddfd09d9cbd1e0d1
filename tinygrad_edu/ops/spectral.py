"""Functions of singular values that are smooth where singular vectors are not: at equal singular values.

No rule here goes through singular vectors, or divides by differences of singular values. Each is written in its output
and in solutions of linear matrix equations, so it has derivatives of every order.

Sources: G. H. Golub and V. Pereyra, "The differentiation of pseudo-inverses" (1973); N. J. Higham, "Functions of
Matrices" (2008), chapter 8, for the polar factor.
"""

import math
from typing import Any

import numpy as np

from ..domain import REAL, Domain
from ..op import Op
from .linalg import DEFINITE, SQUARE, TALL, adjoint, ascent, corner, cubic, sym, symmetric, turned

__all__ = ["lyapunov", "nuclear", "pinv", "polar", "stein"]

SMALL = Domain(-0.3, 0.3)  # entries of a matrix of up to 3 rows whose eigenvalues are less than 1


def _kept(a: Any, s: Any, rtol: float | None) -> Any:
    """Which singular values count as more than 0."""
    share = max(a.shape[-2:]) * np.finfo(s.dtype).eps if rtol is None else rtol
    return s > share * s[..., :1]


def _pinv(a: Any, *, rtol: float | None) -> Any:
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    keep = _kept(a, s, rtol)
    inverse = np.where(keep, 1 / np.where(keep, s, 1), 0)
    return turned(vh) @ (inverse[..., :, None] * turned(u))


def _from_pinv(g: Any, y: Any, a: Any, *, rtol: float | None) -> Any:
    """dy = -y da y + y y' da' (1 - a y) + (1 - y a) da' y' y, for a constant rank.

    What `rtol` cuts off, b = a - a y a, turns with `a`, too: the last two terms then solve Stein equations.
    """
    yh, g = adjoint(y), ascent(g)
    rows, columns = y @ yh, yh @ y
    straight = -(yh @ g @ yh)
    if rtol is None:
        left = right = g
    else:
        b = a - a @ y @ a
        left, right = stein(rows, b @ adjoint(b), g), stein(adjoint(b) @ b, columns, g)
        straight = straight + yh @ rows @ left @ b + b @ right @ columns @ yh
    left, right = adjoint(left), adjoint(right)
    return ascent(straight + (left - a @ (y @ left)) @ rows + columns @ (right - (right @ y) @ a))


pinv = Op("pinv", _pinv, (_from_pinv,), kind="linalg", signature="(m,n)->(n,m)", domain=(TALL,), analytic=False,
          complex=True, attributes=lambda rng, shape: {"rtol": None if rng.random() < 0.5 else 0.0},
          flops=cubic(20),
          doc="The pseudo-inverse; singular values up to `rtol` times the largest count as 0.")  # fmt: skip


def _polar(a: Any) -> Any:
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return (u * _kept(a, s, None)[..., None, :]) @ vh


def _from_polar(g: Any, y: Any, a: Any) -> Any:
    """With a = y h: dy = y w + (1 - y y') da inv(h), where h w + w h = y' da - da' y."""
    yh, g = adjoint(y), ascent(g)
    h = sym(yh @ a)
    turn = lyapunov(h, yh @ g)
    return ascent(y @ (turn - adjoint(turn)) + (g - y @ (yh @ g)) @ pinv(h, rtol=None))


polar = Op("polar", _polar, (_from_polar,), kind="linalg", signature="(m,n)->(m,n)", domain=(TALL,), analytic=False,
           complex=True,
           flops=cubic(20),
           doc="U @ V.mT, the nearest matrix with orthonormal columns; directions of singular value 0 are left out.",
           )  # fmt: skip
nuclear = Op("nuclear", lambda a: np.sum(np.linalg.svd(a, compute_uv=False), axis=-1),
             (lambda g, y, a: corner(g) * ascent(polar(a)),),
             kind="linalg", signature="(m,n)->()", domain=(TALL,), analytic=False, complex=True,
             flops=cubic(8 / 3), doc="The sum of the singular values.")  # fmt: skip


def _lyapunov(h: Any, c: Any) -> Any:
    values, v = np.linalg.eigh(symmetric(h))
    total = values[..., :, None] + values[..., None, :]
    top = np.max(np.abs(total), axis=(-2, -1), keepdims=True, initial=0)
    zero = np.abs(total) <= h.shape[-1] * np.finfo(values.dtype).eps * top
    share = np.where(zero, 0, 1 / np.where(zero, 1, total))
    return v @ (share * (turned(v) @ c @ v)) @ turned(v)


def _by_h(g: Any, y: Any, h: Any, c: Any) -> Any:
    solved, yh = lyapunov(h, ascent(g)), adjoint(y)
    return ascent(-sym(solved @ yh + yh @ solved))


lyapunov = Op("lyapunov", _lyapunov, (_by_h, lambda g, y, h, c: ascent(lyapunov(h, ascent(g)))),
              kind="linalg", signature="(n,n),(n,n)->(n,n)", domain=(DEFINITE, REAL), analytic=False, complex=True,
              must=SQUARE,
              flops=cubic(17),
              doc="The x with h @ x + x @ h = c, for a positive definite h (its symmetric part).")  # fmt: skip


def _stein(k: Any, m: Any, c: Any) -> Any:
    rows, v = np.linalg.eigh(symmetric(k))
    columns, w = np.linalg.eigh(symmetric(m))
    middle = (turned(v) @ c @ w) / (1 - rows[..., :, None] * columns[..., None, :])
    return v @ middle @ turned(w)


stein = Op("stein", _stein,
           (lambda g, y, k, m, c: ascent(sym(stein(k, m, ascent(g)) @ sym(m) @ adjoint(y))),
            lambda g, y, k, m, c: ascent(sym(adjoint(y) @ sym(k) @ stein(k, m, ascent(g)))),
            lambda g, y, k, m, c: ascent(stein(k, m, ascent(g)))),
           kind="linalg", signature="(n,n),(m,m),(n,m)->(n,m)", domain=(SMALL, SMALL, REAL), analytic=False,
           complex=True,
           must="k and m must be square, and fit the rows and columns of c",
           flops=lambda y, k, m, c: cubic(9)(y, k) + cubic(9)(y, m) + 4 * math.prod(c) * (k[-1] + m[-1]),
           doc="The x with x - k @ x @ m = c, for symmetric k and m (their symmetric parts).")  # fmt: skip
