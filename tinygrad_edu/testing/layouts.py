"""The same numbers in other layouts of memory, as slices, transposes and sums hand them on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def strided(a: Any) -> Any:
    """Every second number of a row that is twice as long."""
    return _within(a, 2) if a.ndim else a


def narrow(a: Any) -> Any:
    """The left half of a wider array, as the derivative of a concatenation is: only its rows are contiguous."""
    if not a.ndim:
        return a
    wide = np.full((*a.shape[:-1], 2 * a.shape[-1]), 7, dtype=a.dtype)
    view = wide[..., : a.shape[-1]]
    view[...] = a
    return view


def reverse(a: Any) -> Any:
    """A row that is stored from its end."""
    return _within(a, -1) if a.ndim else a


def _within(a: Any, step: int) -> Any:
    wide = np.full((*a.shape[:-1], a.shape[-1] * abs(step)), 7, dtype=a.dtype)
    view = wide[..., ::step]
    view[...] = a
    return view


def repeated(a: Any) -> Any:
    """One number for every place, with stride 0, as the derivative of a sum is."""
    return np.broadcast_to(np.array(a).reshape(-1)[:1].reshape((1,) * a.ndim), a.shape) if a.size else a


def misaligned(a: Any) -> Any:
    """Numbers that begin one byte after where their dtype would begin."""
    store = np.zeros(a.nbytes + a.itemsize, dtype=np.uint8)
    view = store[1 : 1 + a.nbytes].view(a.dtype).reshape(a.shape)
    view[...] = a
    return view


def read_only(a: object) -> Any:
    """A copy that cannot be written to."""
    a = np.array(a)
    a.flags.writeable = False
    return a


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "plain": lambda a: np.array(a, order="C"),
    "fortran": lambda a: np.array(a, order="F"),
    "narrow": narrow,
    "strided": strided,
    "repeated": repeated,
    "reversed": reverse,
    "misaligned": misaligned,
    "read-only": read_only,
}
SAME = tuple(name for name in LAYOUTS if name != "repeated")  # those that keep every number


def laid_out(a: object, layout: str) -> Any:
    """An array in one of `LAYOUTS`."""
    return LAYOUTS[layout](np.asarray(a))
