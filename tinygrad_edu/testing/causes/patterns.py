"""Which mistake is it? A wrong gradient beside the right one often gives its cause away."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

SIGN = "sign flipped"
FACTOR = "off by a constant factor"
TRANSPOSED = "transposed"
AXIS = "summed over the wrong axis"
UNSUMMED = "not summed (broadcast)"
TERM = "one term missing"
OVERWRITTEN = "= for +="
STALE = "stale cache"
ORDER = "right at order 1 and wrong at order 2"
ROUNDED = "rounded to a lower precision"
NOT_FINITE = "not finite"
SHAPE = "wrong shape"
KINK = "kink"


def recognise(a: Any, n: object, bars: Any, sizes: Sequence[int], x: Any) -> str | None:
    """The mistake that turns the gradient `n`, known within `bars`, into `a`; None if they agree.

    `sizes` are the lengths that the problem has, for `1/m missing, m = 5`; `x` is the input.
    """
    a, n = np.asarray(a, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if a.shape != n.shape:
        return misshapen(a, n, bars)
    if np.any(~np.isfinite(a)):
        return f"{NOT_FINITE}: {int(np.sum(~np.isfinite(a)))} of {a.size} entries are inf or nan"
    bars = np.maximum(bars, 1e-9 * np.abs(n))
    if np.all(np.abs(a - n) <= bars):
        return None
    return (
        _rounded(a, n)
        or _proportional(a, n, bars, sizes)
        or _rearranged(a, n, bars)
        or _partial(a, n, bars)
        or _remainder(a, n, bars, np.asarray(x, dtype=np.float64))
    )


def factor(a: Any, n: Any, bars: Any) -> float | None:
    """The constant `k` with `a = k * n` within the bars, if there is one."""
    square = float(np.sum(n * n))
    if not square > 0:
        return None
    k = float(np.sum(a * n)) / square
    near = np.abs(a - k * n) <= (1 + abs(k)) * bars + 1e-6 * np.abs(a)
    return k if bool(np.all(near)) and np.any(np.abs(n) > 10 * np.asarray(bars)) else None


def _proportional(a: Any, n: Any, bars: Any, sizes: Sequence[int]) -> str | None:
    k = factor(a, n, bars)
    if k is None:
        return None
    if abs(k) < 1e-9:
        return f"{TERM}: the whole gradient is 0"
    if a.size == 1 and not _plain(k, sizes):
        return None  # any two numbers are proportional
    size = float(np.max(np.abs(n)))
    if math.isclose(
        k, -1, rel_tol=max(1e-6, float(np.min(np.broadcast_to(bars, n.shape)[np.abs(n) > size / 2])) / size)
    ):
        return SIGN
    return proportional(k, sizes)


def proportional(k: float, sizes: Sequence[int]) -> str:
    """The sentence for a gradient that is `k` times the right one."""
    text = f"1 {'+' if k > 1 else '-'} {abs(k - 1):.3g}" if abs(k - 1) < 1e-3 else f"{k:.6g}"
    return f"{FACTOR} {text}{_cause(k, sizes)}"


def _plain(k: float, sizes: Sequence[int]) -> bool:
    simple = {1, 2, 3, 4, 10, 100, math.pi, math.sqrt(2), math.log(2), math.log(10), *sizes}
    return any(math.isclose(abs(k), v, rel_tol=1e-6) or math.isclose(abs(k), 1 / v, rel_tol=1e-6) for v in simple if v)


def _cause(k: float, sizes: Sequence[int]) -> str:
    if k < 0:
        rest = _cause(-k, sizes) or ""
        return f", with the sign flipped{rest}"
    lengths = sorted({int(s) for s in sizes if s > 1})
    for m in lengths:
        if math.isclose(k, m, rel_tol=1e-6):
            return f": 1/m missing, m = {m}" + (" (or a factor 2 too many)" if m == 2 else "")
        if math.isclose(k, 1 / m, rel_tol=1e-6):
            two = ", or the factor 2 of the square is missing" if m == 2 else ""
            return f": divided by m = {m} once too often{two}"
    for m in lengths:
        if math.isclose(k, 1 / m**2, rel_tol=1e-6):
            return f": divided by m = {m} twice too often"
    if math.isclose(k, 0.5, rel_tol=1e-6):
        return ": the factor 2 of the square is missing"
    if math.isclose(k, 2, rel_tol=1e-6):
        return ": a factor 2 too many, as of a square that is not there or was halved"
    return ""


def _rounded(a: Any, n: Any) -> str | None:
    for dtype, low, high in ((np.float16, 1e-5, 2e-3), (np.float32, 1e-9, 2e-7)):
        with np.errstate(all="ignore"):
            kept = np.array_equal(a, a.astype(dtype).astype(np.float64))
        off = np.max(np.abs(a - n) / np.where(n == 0, 1, np.abs(n)), initial=0)
        if kept and low < off < high and not np.array_equal(a, np.round(a, 3)):  # 2.0 is no sign of float32
            return f"{ROUNDED}: every entry is a {np.dtype(dtype).name} number"
    return None


def _rearranged(a: Any, n: Any, bars: Any) -> str | None:
    """The right numbers in other places, or other sums of the right numbers."""
    for axes in list(itertools.permutations(range(a.ndim)))[1:] if a.ndim <= 4 else []:
        turned = a.transpose(axes)
        if turned.shape == a.shape and np.all(np.abs(turned - a) <= bars):  # the same numbers: no order is to blame
            continue
        if turned.shape == n.shape and np.all(np.abs(turned - n) <= bars.transpose(axes) + bars):
            if any(n.shape[k] > 1 and np.ptp(n, axis=k).max() <= 2 * np.max(bars) for k in range(n.ndim)):
                return f"{AXIS}: spread along the wrong axis"
            return TRANSPOSED if a.ndim == 2 else f"{TRANSPOSED}: axes {axes}"
    for k in range(a.ndim):
        if a.shape[k] > 1 and np.all(np.abs(np.flip(a, k) - n) <= bars + np.flip(bars, k)):
            return f"{TRANSPOSED}: entries run backwards along axis {k}"
    near = bool(np.all(np.abs(a - n) <= 1e-3 * np.abs(n)))  # each beside its own place
    if a.size > 1 and not near and np.allclose(np.sort(a, axis=None), np.sort(n, axis=None), rtol=1e-6, atol=0):
        return f"{TRANSPOSED}: the right numbers in other places"
    slack = bars.sum() + 1e-9 * np.abs(n).sum()
    if a.size > 1 and abs(a.sum() - n.sum()) <= slack < 1e-3 * min(abs(n.sum()), np.abs(a - n).sum()):
        return f"{AXIS}: the entries differ, their total is right"
    for k in range(a.ndim):  # every entry got what its neighbours should have, too
        total = np.broadcast_to(n.sum(axis=k, keepdims=True), n.shape)
        if a.shape[k] > 1 and np.all(np.abs(a - total) <= bars * a.shape[k] + 1e-9 * np.abs(total)):
            return f"{AXIS}: summed over axis {k} as well"
    return None


def _partial(a: Any, n: Any, bars: Any) -> str | None:
    """Some entries right, others not: what was written twice keeps its last share."""
    wrong = np.abs(a - n) > bars
    if a.size < 2 or np.all(wrong):
        return None
    where = np.argwhere(wrong)
    bars = np.broadcast_to(bars, a.shape)
    k = factor(a[wrong], n[wrong], bars[wrong])
    if k is not None and (abs(k + 1) < 1e-6 or (len(where) > 2 and abs(k) > 1e-9)):
        return f"{SIGN if abs(k + 1) < 1e-6 else f'{FACTOR} {k:.6g}'}, in {len(where)} of {a.size} entries"
    rows = sorted({int(i[0]) for i in where})
    whole = a.ndim == 1 or all(np.all(wrong[r]) for r in rows)
    if whole and np.all(a[wrong] != 0) and np.all(n[wrong] != 0) and len(rows) <= max(1, a.shape[0] - 1):
        smaller = np.abs(a[wrong]) < np.abs(n[wrong])
        if np.mean(smaller) >= 0.5 or a.ndim > 1:
            return f"{OVERWRITTEN}: entries {rows[:5]} keep only part of what they should add up"
    return f"{TERM}, in {len(where)} of {a.size} entries"


def _remainder(a: Any, n: object, bars: Any, x: Any) -> str:
    """What is missing, if it has a simple form."""
    rest = n - a
    if x.shape == rest.shape and x.size > 1:
        k = factor(rest, x, 2 * bars)
        if k is not None:
            return f"{TERM}: {k:.6g} times the input itself, as of a penalty k*x**2"
    if rest.size > 1 and np.ptp(rest) <= 4 * np.max(bars):
        return f"{TERM}: {float(rest.flat[0]):.6g} in every entry"
    return f"{TERM} or wrong"


def misshapen(a: Any, n: Any, bars: Any) -> str:
    """The mistake behind a gradient of another shape than its input's."""

    def near(b: Any) -> bool:
        return b.shape == n.shape and bool(np.all(np.abs(b - n) <= np.maximum(bars, 1e-6 * np.abs(n))))

    if a.ndim > 1 and a.shape[::-1] == n.shape and a.shape != n.shape:
        return TRANSPOSED if near(a.T) else f"{TRANSPOSED}, and wrong besides"
    if a.size == n.size:
        return f"{SHAPE}: {a.shape}, right in its numbers; reshape it" if near(a.reshape(n.shape)) else SHAPE
    for count in range(1, a.ndim + 1):
        for axes in itertools.combinations(range(a.ndim), count):
            for b in (a.sum(axis=axes), a.sum(axis=axes, keepdims=True)):
                if near(b):
                    return f"{UNSUMMED}: sum over axis {', '.join(map(str, axes))}"
    try:
        grown = np.broadcast_shapes(a.shape, n.shape)
    except ValueError:
        grown = ()
    if grown == a.shape and a.size > n.size:
        return f"{UNSUMMED}, and wrong besides"
    if grown == n.shape and a.size < n.size:
        return f"{AXIS}: summed over an axis that the input has"
    return SHAPE
