"""Large arrays in pieces that stay in the cache, where a function takes several passes over them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

PIECE = 1 << 17  # bytes of each array at a time; of rows, where each call costs more, twice as many
LARGE = 1 << 16  # entries from which pieces pay
FEW = 1 << 13  # entries up to which another call costs more than it saves


def in_pieces(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator for a function that gives one number for each entry of its arrays: the forward or a rule of an
    elementwise op. It changes no result. Anything but plain arrays of one shape is left to the function itself.

    >>> cube = in_pieces(lambda x: x * x * x)
    >>> cube(np.full((300, 400), 2.0)).sum()
    np.float64(960000.0)
    """

    @functools.wraps(function)
    def call(*xs: object, **attributes: object) -> Any:
        first = xs[0]
        if first.__class__ is not np.ndarray or first.size < LARGE:
            return function(*xs, **attributes)
        flat = []
        for x in xs:
            if x.__class__ is np.ndarray and x.shape == first.shape:
                if any(x.strides) and not x.flags.c_contiguous:
                    return function(*xs, **attributes)
                x = x.reshape(-1) if any(x.strides) else x[(0,) * x.ndim]  # one number, for all entries
            elif not isinstance(x, np.generic | int | float):
                return function(*xs, **attributes)
            flat.append(x)
        out, step = None, PIECE // max([first.itemsize, *(x.itemsize for x in flat if x.__class__ is np.ndarray)])
        for start in range(0, first.size, step):
            cut = slice(start, start + step)
            part = function(*[x[cut] if x.__class__ is np.ndarray else x for x in flat], **attributes)
            out = np.empty(first.size, part.dtype) if out is None else out
            out[cut] = part
        return out.reshape(first.shape)  # type: ignore[union-attr]

    return call


@functools.lru_cache(maxsize=64)
def _filled(number: float, dtype: np.dtype[Any]) -> Any:
    array = np.full(PIECE // dtype.itemsize, number, dtype)
    array.flags.writeable = False
    return array


def _beside(ufunc: np.ufunc) -> Callable[[Any, float], Any]:
    def call(x: Any, number: float) -> Any:
        if x.__class__ is not np.ndarray or x.size < FEW or x.dtype.char not in "fd" or not x.flags.c_contiguous:
            return ufunc(x, number)
        flat, others = x.reshape(-1), _filled(number, x.dtype)
        out, step = np.empty_like(flat), others.size
        for start in range(0, flat.size, step):
            part = flat[start : start + step]
            ufunc(part, others[: part.size], out=out[start : start + step])
        return out.reshape(x.shape)

    return call


# np.maximum(x, number) and np.minimum(x, number), by an array of this number: NumPy compares two arrays in vectors, but
# not an array with a number, which takes five times as long
at_least = _beside(np.maximum)
at_most = _beside(np.minimum)


def in_rows(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator for a function that gives an array of the shape of its first one, and for which only the axes that its
    attribute `axis` names belong together: it takes some places of the longest other axis at a time.

    >>> shares = in_rows(lambda x, *, axis: x / np.sum(x, axis=axis, keepdims=True))
    >>> shares(np.ones((500, 400)), axis=(1,)).sum().round(6)
    np.float64(500.0)
    """

    @functools.wraps(function)
    def call(*xs: Any, axis: tuple[int, ...], **attributes: Any) -> Any:
        first = xs[0]
        if first.__class__ is not np.ndarray or first.size < LARGE or len(axis) == first.ndim:
            return function(*xs, axis=axis, **attributes)
        if any(x.__class__ is not np.ndarray or x.shape != first.shape for x in xs):
            return function(*xs, axis=axis, **attributes)
        along = max((i for i in range(first.ndim) if i not in axis), key=lambda i: first.shape[i])
        step = max(1, 2 * PIECE * first.shape[along] // (first.size * first.itemsize))
        out: Any = None
        for start in range(0, first.shape[along], step):
            cut = (slice(None),) * along + (slice(start, start + step),)
            part = function(*[x[cut] for x in xs], axis=axis, **attributes)
            out = np.empty(first.shape, part.dtype) if out is None else out
            out[cut] = part
        return out

    return call
