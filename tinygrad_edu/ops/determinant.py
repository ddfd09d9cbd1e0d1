"""The determinant and its derivatives, on the last two axes.

The determinant is a polynomial in the entries, so it has derivatives of every order at every matrix, singular ones
included. `cofactors(a, h1, ..., hk)` is the gradient of the k-th of them:

    <cofactors(a, h1, ..., hk), h> = D^(k+1) det(a)[h1, ..., hk, h]

This form is symmetric in the directions and linear in each, so its own derivatives are of the same form, and one rule
serves all orders.
"""

import itertools
from typing import Any

import numpy as np

from ..batched import with_leading_axes
from ..domain import REAL
from ..op import Each, Op
from .complex import imag, real
from .linalg import INVERTIBLE, SINGULAR, SQUARE, at, corner, cubic, inv

__all__ = ["cofactors", "det", "slogdet"]

INDICES = "abcdefghijklmnopqrstuvw"


def _cofactors(a: Any, *along: Any) -> Any:
    """By the inverse where it is accurate, else by singular values."""
    y = _by_inverse(a, *along) if len(along) < 2 else None
    return _by_singular_values(a, *along) if y is None else y


def _by_inverse(a: Any, h: Any = None) -> Any:
    """det(a) X for X = inv(a).mT, or its derivative; None where cancellation or a range error would lose digits."""
    d = np.linalg.det(a)
    if not ((d != 0) & (np.abs(d) < np.inf)).all():
        return None
    x = np.swapaxes(np.linalg.inv(a), -1, -2)
    condition = _row_sum(a) * _row_sum(x)
    if (condition > np.finfo(d.dtype).eps ** (-0.5 if h is None else -0.25)).any():
        return None
    if h is not None:
        x = np.sum(x * h, axis=(-2, -1), keepdims=True) * x - x @ np.swapaxes(h, -1, -2) @ x
    return d[..., None, None] * x


def _row_sum(x: Any) -> Any:
    return np.max(np.sum(np.abs(x), axis=-1), axis=-1, initial=0)


def _by_singular_values(a: Any, *along: Any) -> Any:
    """In the bases of the singular vectors `a` is diagonal, so a product of the other singular values multiplies each
    minor of the directions."""
    finite = np.isfinite(a).all(axis=(-2, -1), keepdims=True)
    u, s, vh = np.linalg.svd(np.where(finite, a, 0))
    turn = np.linalg.det(u) * np.linalg.det(vh)
    left, right = np.conj(np.swapaxes(u, -1, -2)), np.conj(np.swapaxes(vh, -1, -2))
    inner = _minors(s, [left @ h @ right for h in along])
    y = turn[..., None, None] * (np.swapaxes(left, -1, -2) @ inner @ np.swapaxes(right, -1, -2))
    return np.where(finite, y, np.nan).astype(y.dtype, copy=False)


def _minors(s: Any, along: Any) -> Any:
    """`cofactors` of a diagonal matrix: Leibniz's sum over the rows in which the directions stand in for `s`."""
    n, m = s.shape[-1], len(along) + 1
    names = INDICES[:m]
    rest = _other_products(s, m)
    y = np.zeros((*s.shape, n), dtype=np.result_type(s, *along))
    for order in itertools.permutations(range(m)):
        turns = sum(order[i] > order[j] for i in range(m) for j in range(i, m))
        pairs = [names[i] + names[order[i]] for i in range(m)]
        fixed = order[-1] == m - 1
        subscripts = ",".join("..." + p for p in [names, *pairs[:-1]]) + "->..." + (names[-1] if fixed else pairs[-1])
        term = np.einsum(subscripts, rest, *along, optimize=m > 2) * (-1) ** turns
        if fixed:
            y[..., range(n), range(n)] += term
        else:
            y += term
    return y


def _other_products(s: Any, m: int) -> Any:
    """For each `m` different indices, the product of `s` at all others; 0 where two of the indices are equal."""
    n = s.shape[-1]
    places = np.indices((n,) * m)
    differ = np.ones((n,) * m, bool)
    for i, j in itertools.combinations(range(m), 2):
        differ &= places[i] != places[j]
    y = np.broadcast_to(differ.astype(s.dtype), (*s.shape[:-1], *differ.shape)).copy()
    for k in sorted(range(n), key=lambda k: min(k, n - 1 - k)):  # largest and smallest in turn, against overflow
        y *= np.where((places == k).any(axis=0), 1, s[(..., k, *(None,) * m)])
    return y


def _along(i: int) -> Any:
    """By `a`, one direction more; by a direction, `g` in its place."""

    def rule(g: Any, y: Any, a: Any, *along: Any) -> Any:
        return cofactors(a, *along, g) if i == 0 else cofactors(a, *along[: i - 1], g, *along[i:])

    return rule


cofactors = Op("cofactors", with_leading_axes(_cofactors), Each(_along),
               kind="linalg", signature="(n,n),(n,n)->(n,n)", domain=(REAL, REAL), must=SQUARE, flops=cubic(8 / 3),
               doc="The gradient of det(a), or with directions h, ... that of its derivatives along them.")  # fmt: skip
det = Op("det", np.linalg.det,
         (lambda g, y, a: corner(g) * cofactors(a),),
         kind="linalg", signature="(n,n)->()", domain=(REAL,), must=SQUARE, flops=cubic(2 / 3),
         latex=r"\det", advice="products of many entries over- or underflow; use slogdet")  # fmt: skip


def _from_slogdet(g: Any, y: Any, a: Any) -> Any:
    """With t = tr(inv(a) da): d logabsdet = Re t, and, of a complex matrix, d sign = sign i Im t."""
    size = at(g, 1)
    if a.dtype.kind == "c":
        size = real(size) + 1j * imag(at(g, 0) * at(y, 0))
    return corner(size) * inv(a).mT


slogdet = Op("slogdet", lambda a: np.stack(np.linalg.slogdet(a), axis=-1),
             (_from_slogdet,),
             kind="linalg", signature="(n,n)->(2)", domain=(INVERTIBLE,), must=SQUARE,
             analytic=False, complex=True, flops=cubic(2 / 3), advice=SINGULAR,
             doc="The sign of det(a), and log(abs(det(a))).")  # fmt: skip
