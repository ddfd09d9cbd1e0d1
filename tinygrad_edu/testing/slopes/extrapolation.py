"""From samples at shrinking steps to a slope with an error bar, and to what the function does there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .thresholds import BENT, CERTAIN, DOUBLING, SAFETY, STEADY, VISIBLE

EPS = float(np.finfo(np.float64).eps)
inf = float("inf")


class Slope(NamedTuple):
    """A derivative along a line: `value` within `error`, and what the function does there."""

    value: float
    error: float
    left: float = float("nan")
    right: float = float("nan")
    state: str = "smooth"  # or "kink", "edge" (one-sided), "steep" (no finite slope), "outside"
    natural: float = 0.0  # the size a slope has here: |f| / |x|, or what is seen over a step that is not too wide
    afar: float = 0.0  # the largest rise over any step
    length: float = 0.0  # the widest step over which the slope stays about the same
    noise: float = inf  # what the function's noise alone makes of the error
    steps: bool = False  # the function moves in steps, like rounded numbers

    @property
    def by_complex_step(self) -> bool:
        """Whether it has no sides, as the complex step has none."""
        return self.left == self.right == self.value


class Sample(NamedTuple):
    """f(x + h v) - f(x) and f(x) - f(x - h v), with the steps really taken; None outside."""

    h: float
    up: float
    down: float
    above: float | None
    below: float | None


def read_slope(levels: Sequence[Sample], noise: float) -> Slope:
    """What samples at shrinking steps say about the slope at 0."""
    both: Sequence[Sample] = [t for t in levels if t.above is not None and t.below is not None]
    quantum = _quantum(both, noise)
    noise += quantum
    both = _resolved(both, noise)
    right = [(t.h, t.above / t.up, 2 * noise / t.h) for t in levels if t.above is not None]
    left = [(t.h, t.below / t.down, 2 * noise / t.h) for t in levels if t.below is not None]
    fine = levels[-3:]
    if all(t.above is None and t.below is None for t in fine) or not fine:
        return Slope(float("nan"), inf, state="outside")
    for side, other in ((right, "below"), (left, "above")):
        if len(side) >= 2 and all(getattr(t, other) is None for t in fine):
            value, error = extrapolate(side, 1)
            state = "steep" if _diverges(side) else "edge"
            return Slope(value, 2 * error, state=state)
    if len(both) < 2:
        return Slope(float("nan"), inf)
    right, left = ([p for p in side if p[0] <= both[0].h] for side in (right, left))
    central = [(t.h, slope_of(t), noise / t.h) for t in both]
    (value, error), (a, da), (b, db) = extrapolate(central, 2), extrapolate(left, 1), extrapolate(right, 1)
    if any(_diverges(side) for side in (central, left, right)):
        return Slope(value, 2 * error, a, b, "steep")
    if hidden := _scatter(central):
        central, left, right = ([(h, v, r + hidden / h) for h, v, r in side] for side in (central, left, right))
        (value, error), (a, da), (b, db) = extrapolate(central, 2), extrapolate(left, 1), extrapolate(right, 1)
    gap = abs(b - a)
    kink = gap > SAFETY * (da + db) and gap > VISIBLE * max(abs(a), abs(b))
    if kink:
        return Slope((a + b) / 2, 2 * (da + db), a, b, "kink")
    return Slope(value, 2 * error, a, b, "smooth", steps=quantum > 0)


def jumps(levels: Sequence[Sample], least: float) -> bool:
    """Whether the function stays away from its value by the same amount, however close a side comes."""
    for side in ("above", "below"):
        moves = [m for t in levels[-3:] if (m := getattr(t, side)) is not None]
        same = len(moves) == 3 and max(moves) - min(moves) <= STEADY * abs(moves[-1])
        if same and abs(moves[-1]) > least and levels[-1].h < STEADY * levels[-3].h:
            return True
    return False


def _resolved(levels: Sequence[Sample], noise: float) -> Sequence[Sample]:
    """The levels finer than any at which a step a hundred times smaller moves the function as far."""
    moves = [max(abs(t.above or 0), abs(t.below or 0)) for t in levels]
    for j in range(len(levels) - 1, 1, -1):
        if (
            moves[j] > max(0.3 * moves[j - 2], CERTAIN * noise)
            and levels[j].h < STEADY * levels[j - 2].h
            and moves[j - 2]
        ):
            return levels[j + 1 :]
    return levels


def slope_of(t: Sample) -> float:
    """The central slope."""
    return (t.above + t.below) / (t.up + t.down)  # type: ignore[operator]


def extrapolate(points: Sequence[tuple[float, float, float]], power: int) -> tuple[float, float]:
    """The limit at h = 0 of values (h, value, rounding), and its error (Neville's scheme in h**power).

    An extrapolation that a finer value contradicts is not believed.
    """
    if not points:
        return float("nan"), inf
    best = (points[-1][1], inf)
    rows: list[list[float]] = []
    for i, (h, value, rounding) in enumerate(points):
        row = [value]
        for j in range(1, min(i, 4) + 1):
            ratio = float(np.float64(points[i - j][0] / h) ** power)  # inf, where steps are 1e300 apart
            row.append(row[-1] + (row[-1] - rows[i - 1][j - 1]) / (ratio - 1))
        rows.append(row)
        for j, t in enumerate(row):
            if i == 0:
                continue
            before = rows[i - 1][j - 1 if j else 0]
            error = max(abs(t - before), abs(t - row[j - 1]) if j else 0.0) + 2 * rounding + 4 * EPS * abs(t)
            finer = points[i + 1 :]
            agreed = all(abs(v - t) <= error + SAFETY * r + abs(value - t) for _, v, r in finer)
            if agreed and error < best[1]:
                best = (t, error)
    return _geometric(points, best)


def _geometric(points: Sequence[tuple[float, float, float]], best: tuple[float, float]) -> tuple[float, float]:
    """Aitken's limit, for slopes that come in by another power of h, as those of x**1.5 do."""
    limits = []
    for (_, a, _), (_, b, _), (_, c, r) in zip(points, points[1:], points[2:], strict=False):
        bend = (c - b) - (b - a)
        if abs(b - a) > abs(c - b) > SAFETY * r and bend:
            limits.append((c - (c - b) / bend * (c - b), r))
    if len(points) > 2:
        (_, a, _), (_, b, _), (_, c, r) = points[-3:]
        if abs(c - b) > SAFETY * r and abs(c - b) > abs(b - a) and best[0] == c:  # not converging yet
            best = (c, inf)
    if len(limits) < 3 or len({round(np.log10(p[0] / q[0]), 6) for p, q in pairwise(points)}) > 1:
        return best
    (x, _), (y, _), (z, r) = limits[-3:]
    error = max(abs(z - y), abs(y - x)) + SAFETY * r
    return (z, error) if error < best[1] else best


def _scatter(points: Sequence[tuple[float, float, float]]) -> float:
    """The noise in values that stop to settle, and scatter more and more as the step shrinks."""
    jumps = [(abs(q[1] - p[1]), q[0], q[2]) for p, q in pairwise(points)]
    if len(jumps) < 2 or jumps[-1][0] <= max(jumps[-2][0], 8 * jumps[-1][2]):
        return 0.0
    low = min(range(len(jumps)), key=lambda i: jumps[i][0])
    return 2 * max(jump * h for jump, h, _ in jumps[low:])


def _diverges(points: Sequence[tuple[float, float, float]]) -> bool:
    """Whether slopes keep growing as the step shrinks, well above their rounding."""
    seen = [abs(v) for _, v, r in points if abs(v) > CERTAIN * r]
    last = seen[-4:]
    if len(last) < 4 or len(seen) < len(points) - 2:
        return False
    return all(b > DOUBLING * a > 0 for a, b in pairwise(last))


def _quantum(both: Sequence[Sample], noise: float) -> float:
    """The height of the function's steps, if it looks smooth from afar and flat from near."""
    moves = [max(abs(t.above or 0), abs(t.below or 0)) for t in both]
    flat = next((i for i, m in enumerate(moves) if m == 0), len(moves))
    if flat == len(moves) or flat < 2 or any(moves[flat:]):
        return 0.0
    seen = both[:flat]
    slopes = [slope_of(t) for t in seen[:-1]]
    bends = [abs((t.above or 0) / t.up - (t.below or 0) / t.down) for t in seen[:-1]]
    if abs(slopes[0] - slopes[-1]) > BENT * abs(slopes[0]) or min(bends) > BENT * abs(slopes[0]):
        return 0.0
    slope = slopes[len(slopes) > 1]
    if abs(slope) * both[flat].h <= 2 * noise:  # as flat as rounding makes it
        return 0.0
    off = [abs(move - slope * step) for t in seen[1:] for move, step in ((t.above or 0, t.up), (t.below or 0, t.down))]
    return 2 * max(*off, abs(slope) * both[flat].h)
