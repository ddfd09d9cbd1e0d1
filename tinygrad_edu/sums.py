"""Sums that keep their digits, whatever the dtype, the axis and the layout.

NumPy adds pairwise only along the axis that lies together in memory; along any other one it adds one row
after the other, and a float32 mean of a million equal numbers is wrong by a percent. Here such sums are made in
blocks of a few rows, and the sums of the blocks are added in the next wider dtype. Half precision is always
summed in float32, and rounded once.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .annotations import Array, DTypeLike

BLOCK = 32  # rows that are added one after the other, in their own dtype
WIDTH = 256  # entries that one of NumPy's inner loops should have: shorter ones cost more than the sum
SMALL = 1 << 15  # entries up to which the wider dtype costs less than blocks

HALF = np.dtype(np.float16)
_add: Any = np.add.reduce
WIDER: dict[Any, Any] = {
    HALF: np.dtype(np.float32), np.dtype(np.float32): np.dtype(np.float64), np.dtype(np.complex64): np.dtype(complex),
}  # fmt: skip


def worked_in(dtype: DTypeLike) -> Any:
    """The dtype to keep a sum or a state of numbers of `dtype` in: float32 for float16, where an eps would vanish."""
    return WIDER[HALF] if dtype == HALF else dtype


def room(dtype: DTypeLike, entries: int) -> Any:
    """The dtype to add up so many numbers of `dtype` in, one after the other: a wider one where they are many."""
    return WIDER.get(dtype, dtype) if entries > BLOCK else dtype


def total(x: object, *, axis: tuple[int, ...], keepdims: bool = False) -> Any:
    """The sum over `axis`, sorted and counted from the left. The error is that of about 32 roundings, however
    many entries there are; where NumPy adds pairwise, it is NumPy's sum.

    >>> total(np.full((10**6, 2), 0.1, np.float32), axis=(0,)).round()
    array([100000., 100000.], dtype=float32)
    """
    if x.__class__ is not np.ndarray or x.dtype.kind not in "fc" or not axis:
        return _add(x, axis=axis, keepdims=keepdims)
    if x.dtype is not HALF:
        if x.size <= BLOCK or (x.flags.c_contiguous and axis[0] == x.ndim - len(axis)):
            return _add(x, axis=axis, keepdims=keepdims)
        if x.size > SMALL:
            return _ordered(x, axis, keepdims)
    elif x.size > SMALL:
        return _ordered(x.astype(np.float32), axis, keepdims).astype(HALF)
    return _add(x, axis=axis, keepdims=keepdims, dtype=WIDER.get(x.dtype)).astype(x.dtype)


def running_total(x: Array, *, axis: int) -> Any:
    """The sums of all entries up to each along `axis`, added up in float64."""
    if x.dtype not in WIDER:
        return np.add.accumulate(x, axis=axis)
    wide = np.complex128 if x.dtype.kind == "c" else np.float64
    return np.add.accumulate(x.astype(wide), axis=axis).astype(x.dtype)


def _ordered(x: Array, axis: tuple[int, ...], keepdims: bool) -> Any:
    """`total` of a large array: its axes in the order of memory, those that lie together as one."""
    shape = tuple(1 if i in axis else n for i, n in enumerate(x.shape))
    still = [i for i in axis if not x.strides[i] and x.shape[i] > 1]  # the same entry again and again
    times = math.prod(x.shape[i] for i in still)
    x = x[tuple(slice(0, 1) if i in still else slice(None) for i in range(x.ndim))]
    order = sorted(range(x.ndim), key=lambda i: -abs(x.strides[i]))
    lengths: list[int] = []
    folded: list[bool] = []
    last = 0
    for i in order:
        n, stride = x.shape[i], x.strides[i]
        if n != 1 and lengths and folded[-1] == (i in axis) and last == n * stride:
            lengths[-1] *= n
        elif n != 1:
            lengths.append(n)
            folded.append(i in axis)
        last = stride if n != 1 else last
    y = _fold(np.transpose(x, order).reshape(lengths), [k for k, f in enumerate(folded) if f])
    kept = [i for i in order if i not in axis]
    y = np.reshape(y if times == 1 else y * times, [x.shape[i] for i in kept])
    y = np.transpose(y, np.argsort(kept)).astype(x.dtype, copy=False)
    return y.reshape(shape) if keepdims else y[()]


def _fold(x: Array, axes: list[int]) -> Any:
    """The sum over `axes`, ascending; the last one first if it is long and next to itself in memory."""
    if axes and axes[-1] == x.ndim - 1 and x.shape[-1] >= BLOCK // 2:
        x = _add(x, axis=axes.pop())
    for done, k in enumerate(axes):
        x = _rows(x, k - done)
    return x


def _rows(x: Any, k: int) -> Any:
    """The sum along axis `k`, block by block. Several rows are taken as one where they are short."""
    n, lead, rest = x.shape[k], x.shape[:k], x.shape[k + 1 :]
    if n <= BLOCK:
        return _add(x, axis=k)
    wider = WIDER.get(x.dtype)
    if x.size <= SMALL:
        return _add(x, axis=k, dtype=wider)
    side, wide = rest, 1
    if x.flags.c_contiguous:
        m = math.prod(rest)
        wide = min(-(-WIDTH // m), n // BLOCK)
        side = (wide * m,)
    blocks = n // (BLOCK * wide)
    cut = blocks * BLOCK * wide
    before = (slice(None),) * k
    part = _add(x[(*before, slice(0, cut))].reshape(*lead, blocks, BLOCK, *side), axis=k + 1)
    part = part.reshape(*lead, blocks * wide, *rest)
    if cut < n:
        part = np.concatenate([part, x[(*before, slice(cut, n))]], axis=k)
    if wider is not None and wide == 1:
        return _add(part, axis=k, dtype=wider)
    return _rows(part.astype(wider or x.dtype, copy=False), k)


def in_single(forward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator for the forward of an op that adds up products: of half precision it is computed in float32, and
    rounded once."""

    @functools.wraps(forward)
    def call(*xs: Any, **attributes: Any) -> Any:
        for x in xs:
            if getattr(x, "dtype", None) is HALF:
                break
        else:
            return forward(*xs, **attributes)
        half = np.result_type(*[x.dtype if hasattr(x, "dtype") else x for x in xs if _floats(x)]) == HALF
        y = forward(*[x.astype(np.float32) if getattr(x, "dtype", None) is HALF else x for x in xs], **attributes)
        return y.astype(HALF) if half else y

    return call


def _floats(x: object) -> bool:
    return not hasattr(x, "dtype") or x.dtype.kind in "fc"
