"""NumPy's functions of polynomials, of tensors of coefficients with the highest power first."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError
from ..functions import creation, eigen, joining, layout, reduce
from ..functions.arguments import lift
from ..functions.settings import integer
from ..values import value
from . import assembly, signals


def _vector(who: str, p: Any) -> Any:
    p = layout.reshape(lift(p, who), (-1,)) if lift(p, who).ndim < 1 else lift(p, who)
    if p.ndim != 1:
        raise ShapeError(f"{who}: coefficients must be a vector; got {p.shape}; take one row")
    return p


def polyadd(a1: Any, a2: Any) -> Any:
    """np.polyadd: the shorter one is filled up with zeros in front."""
    a1, a2 = _vector("polyadd", a1), _vector("polyadd", a2)
    n = max(a1.size, a2.size)
    return layout.pad(a1, ((n - a1.size, 0),)) + layout.pad(a2, ((n - a2.size, 0),))


def polysub(a1: Any, a2: Any) -> Any:
    """np.polysub."""
    return polyadd(a1, -_vector("polysub", a2))


def polymul(a1: Any, a2: Any) -> Any:
    """np.polymul."""
    return signals.convolve(_vector("polymul", a1), _vector("polymul", a2))


def polyder(p: Any, m: Any = 1) -> Any:
    """np.polyder: the derivative, `m` times."""
    p = _vector("polyder", p)
    for _ in range(integer("polyder", "m", m, 0)):
        p = p[:-1] * np.arange(p.size - 1, 0, -1)
    return p


def polyint(p: Any, m: Any = 1, k: Any = None) -> Any:
    """np.polyint: the integral, `m` times, with the constants `k`, the first one for the first time."""
    p, m = _vector("polyint", p), integer("polyint", "m", m, 0)
    constants = layout.reshape(lift(0 if k is None else k, "polyint"), (-1,))
    if constants.size not in (1, m):
        raise ShapeError(f"polyint: k must hold one constant for each of m={m}; got {constants.size}; give as many")
    for i in range(m):
        p = joining.concat([p / np.arange(p.size, 0, -1), constants[i % constants.size][None].astype(p.dtype)])
    return p


def polyfit(x: Any, y: Any, deg: Any, rcond: Any = None, w: Any = None) -> Any:
    """np.polyfit: least squares of the powers of `x`, each divided by its length."""
    x, y, n = lift(x, "polyfit"), lift(y, "polyfit"), integer("polyfit", "deg", deg, 0) + 1
    powers, y = signals.vander(x + 0.0, n), y + 0.0
    if w is not None:
        w = lift(w, "polyfit")
        powers, y = powers * w[:, None], y * (w if y.ndim == 1 else w[:, None])
    sizes = reduce.sum(powers * powers, 0) ** 0.5
    found = assembly.lstsq(powers / sizes, y, rcond)[0]
    return found / (sizes if y.ndim == 1 else sizes[:, None])


def poly(seq_of_zeros: Any) -> Any:
    """np.poly: the coefficients of the polynomial with these zeros, or of a matrix's characteristic one."""
    zeros = lift(seq_of_zeros, "poly")
    zeros = eigen.eigvals(zeros) if zeros.ndim == 2 else _vector("poly", zeros)
    p = creation.ones(1, dtype=zeros.dtype)
    for k in range(zeros.size):
        p = signals.convolve(p, joining.stack([lift(1.0).astype(zeros.dtype), -zeros[k]]))
    return p


def roots(p: Any) -> Any:
    """np.roots: the eigenvalues of the companion matrix; zeros at either end are known."""
    p = _vector("roots", p)
    places = np.flatnonzero(value(p))
    if not places.size:
        return creation.zeros(0, dtype=p.dtype)
    inner = p[int(places[0]) : int(places[-1]) + 1]
    found = creation.zeros(0, dtype=p.dtype)
    if inner.size > 1:
        below = np.eye(inner.size - 2, inner.size - 1)
        found = eigen.eigvals(joining.concat([(-inner[1:] / inner[0])[None], lift(below).astype(inner.dtype)]))
    return joining.concat([found, creation.zeros(p.size - 1 - int(places[-1]), dtype=found.dtype)])
