"""A derivative by numbers alone, with an error bar.

A function is sampled on a line through the point, at steps that shrink by ten: `h`, `h/10`, ... From
the samples come central, left and right slopes; polynomial extrapolation to `h = 0` sharpens each
(Richardson), and the disagreement of neighbouring extrapolations estimates the truncation error. The
rounding error is measured, not guessed: the function is evaluated some units in the last place away,
and what a straight line does not explain is noise, which a slope amplifies by `1/h`.

Sources: C. Ridders, "Accurate computation of F'(x) and F'(x) F''(x)" (1982); J. Moré and S. Wild,
"Estimating computational noise" (2011); W. Squire and G. Trapp, "Using complex variables to estimate
derivatives of real functions" (1998).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

EPS = float(np.finfo(np.float64).eps)
inf = float("inf")


class Slope(NamedTuple):
    """A derivative along a line: `value` within `error`, and what the function does there."""

    value: float
    error: float
    left: float = float("nan")
    right: float = float("nan")
    state: str = "smooth"  # or "kink", "edge" (one-sided), "steep" (no finite slope), "outside"
    natural: float = 0.0  # the size a slope has here: |f| / |x|, or what is seen over a wide step
    steps: bool = False  # the function moves in steps, like rounded numbers


class Probe:
    """A function of one flat vector around a point: counts its calls, and knows its noise."""

    def __init__(self, f: Callable[[Any], Any], x: Any) -> None:
        self.f, self.x, self.count = f, np.asarray(x, dtype=np.float64), 0
        self.y = f(self.x)
        self.count += 1
        self.noise = np.zeros(np.shape(self.y))

    def __call__(self, x: Any) -> Any:
        """f(x), or None where it has no value of the right size."""
        self.count += 1
        try:
            y = self.f(x)
        except (ArithmeticError, ValueError):  # outside its domain
            return None
        return y if y.shape == self.y.shape else None

    def measure_noise(self, rng: Any, pairs: int) -> None:
        """What second differences show that no smooth function has, so close to the point."""
        eps = float(np.finfo(self.y.dtype).eps) if self.y.dtype.kind == "f" else EPS
        self.noise = eps * np.abs(self.y.astype(np.float64))
        size = np.where(self.x == 0, typical(self.x) * EPS, np.abs(self.x))
        for k in range(pairs):
            shift = size * rng.choice([-1.0, 1.0], self.x.shape) * (4 * EPS if k else 2.0**-27)
            above, below = self(self.x + shift), self(self.x - shift)
            if above is not None and below is not None:
                bend = np.abs(above.astype(np.float64) - 2 * self.y.astype(np.float64) + below) / 2
                self.noise = np.where(np.isfinite(bend), np.maximum(self.noise, bend), self.noise)


def typical(x: Any) -> float:
    """The size of an array's numbers: the largest, or 1 if all are 0."""
    return float(np.max(np.abs(x), initial=0)) or 1.0


class Level(NamedTuple):
    """f(x + h v) - f(x) and f(x) - f(x - h v), with the steps really taken; None outside."""

    h: float
    up: float
    down: float
    above: float | None
    below: float | None


class Line:
    """The function <c, f> on the line x + t v, sampled as closely as it takes."""

    def __init__(self, probe: Probe, v: Any, c: Any, scale: float = 1.0) -> None:
        self.probe, self.v, self.c, self.scale = probe, v, c, scale
        self.changed = np.zeros(probe.y.shape, dtype=bool)
        self.levels: dict[float, Level] = {}
        self.blur = 0.0  # the rounding error of the complex step

    def sample(self, *powers: float) -> None:
        """Take samples at `scale * 10**-power` on both sides."""
        for power in powers:
            h = self.scale * 10.0**-power
            if h in self.levels:
                continue
            up, above = self._side(h)
            down, below = self._side(-h)
            if up and down:
                minus = None if below is None else -below
                self.levels[h] = Level(h, up, -down, above, minus)

    def _side(self, h: float) -> tuple[float, float | None]:
        x = self.probe.x
        moved = x + h * self.v
        step = float(np.dot(moved - x, self.v) / np.dot(self.v, self.v))
        y = self.probe(moved) if step and np.all(np.isfinite(moved)) else None
        if y is None or not np.all(np.isfinite(y)):
            return step, None
        change = y.astype(np.float64) - self.probe.y
        self.changed |= change != 0
        return step, float(np.dot(self.c, change))

    def noise(self) -> float:
        """The noise of <c, f> from those outputs that this line moves (any may, if none is seen to)."""
        if not self.changed.any():  # nothing to be seen: even of a sum of zeros, the last place may hide it
            return max(3 * float(np.sum(np.abs(self.c * self.probe.noise))), EPS * (not self.probe.y.any()), 1e-300)
        part = (self.c * self.probe.noise)[self.changed]
        return 1e-300 + 3 * float(np.sqrt(np.sum(part * part)))

    def natural(self) -> float:
        """|f| / |x|, from those outputs that this line moves."""
        return float(np.sum(np.abs(self.c * self.probe.y)[self.changed if self.changed.any() else ...])) / self.scale

    def slope(self, analytic: float | None = None, most: int = 8, goal: float = 1e-7) -> Slope:
        """The derivative at t = 0, from at most `most` pairs of samples.

        An analytic value that agrees within a narrow bar ends the search early; it does not move it.
        """
        self.sample(1)
        unit = max(1.0, typical(self.probe.x))
        if self.scale < 1e-3 * unit and (
            analytic if self._still() else self._hazy(goal)
        ):  # x is tiny for this function
            self.sample(*(p + np.log10(self.scale / unit) for p in (1.5, 2, 2.5, 3)))
        else:
            self.sample(2, 3, 4)
        found = self._read()
        if self._hazy(goal) and len(self.levels) < most and found.state != "kink":
            self.sample(0.5)
            found = self._read()
        wide = (
            [p + np.log10(self.scale / unit) for p in (1.5, 2, 3)]
            if self.scale < 1e-3 * unit and (analytic or not self._still())
            else []
        )
        for power in (*wide, 5, 6, 7, 2, 3, 8.5, 10):
            if len(self.levels) >= most or self._settled(found, analytic, goal):
                break
            self.sample(power)
            found = self._read()
        return found

    def _still(self) -> bool:
        return not any(t.above or t.below for t in self.levels.values())

    def _hazy(self, goal: float) -> bool:
        """Whether rounding blurs even the slope over the widest step."""
        widest = max(self.levels.values(), default=None)
        move = max(abs(widest.above or 0), abs(widest.below or 0)) if widest else 0.0
        return widest is not None and self.noise() >= 10 * goal * move

    def _settled(self, found: Slope, analytic: float | None, goal: float) -> bool:
        if found.state != "smooth" or found.error > goal * abs(found.value):
            return not self.changed.any() and len(self.levels) >= 4 and not analytic
        return analytic is None or abs(analytic - found.value) <= found.error

    def _read(self) -> Slope:
        levels = [self.levels[h] for h in sorted(self.levels, reverse=True)]
        found = read_slope(levels, self.noise())
        rises = (abs(side) / t.h for t in levels for side in (t.above, t.below) if side is not None)
        widest = max((abs(side) for t in levels for side in (t.above, t.below) if side is not None), default=0.0)
        if self.changed.any() and self.noise() > max(
            0.02 * widest, 1e5 * EPS * self.natural() * self.scale, 1e-290
        ):  # all that moves is noise
            found = found._replace(error=inf)
        return found._replace(natural=max(self.natural(), *rises, 0.0))

    def complex_slope(self) -> float | None:
        """Im <c, f(x + i h v)> / h, where f takes complex numbers; it has no truncation error."""
        h = 1e-20 * self.scale
        self.probe.count += 1
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                y = self.probe.f(self.probe.x + 1j * h * self.v)
        except Exception:  # whatever a function says to complex numbers, it means no
            return None
        if y.shape != self.probe.y.shape or y.dtype.kind != "c" or not np.all(np.isfinite(y)):
            return None
        self.changed |= y.imag != 0
        terms = self.c * y.imag
        self.blur = 64 * EPS * abs(float(np.sum(terms))) / h + 8 * EPS * float(np.sum(np.abs(terms))) / h
        return float(np.sum(terms)) / h

    def agrees_with_complex(self, z: float, most: int) -> bool:
        """Whether two real differences, at steps as fine as it takes, see the complex step's slope and no kink."""
        for powers in ((2, 4), (6,), (8,)):
            if len(self.levels) + len(powers) > most:
                return False
            self.sample(*powers)
            both = [
                t for t in sorted(self.levels.values(), reverse=True) if t.above is not None and t.below is not None
            ]
            if len(both) < 2:
                continue
            wide, fine = _central(both[-2]), _central(both[-1])
            bends = [abs(t.above / t.up - t.below / t.down) for t in both[-2:]]  # type: ignore[operator]
            hazy = 4 * self.noise() / both[-1].h
            small = bends[1] <= 0.05 * bends[0] + 2 * hazy
            near = abs(z - fine) <= hazy + 0.01 * abs(wide - z) + 1e-7 * abs(fine)
            if small and near and (hazy <= 1e-3 * abs(z) or len(both) == 2):
                return True
        return False


def read_slope(levels: Sequence[Level], noise: float) -> Slope:
    """What samples at shrinking steps say about the slope at 0."""
    both: Sequence[Level] = [t for t in levels if t.above is not None and t.below is not None]
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
    central = [(t.h, _central(t), noise / t.h) for t in both]
    (value, error), (a, da), (b, db) = extrapolate(central, 2), extrapolate(left, 1), extrapolate(right, 1)
    if any(_diverges(side) for side in (central, left, right)):
        return Slope(value, 2 * error, a, b, "steep")
    if hidden := _scatter(central):
        central, left, right = ([(h, v, r + hidden / h) for h, v, r in side] for side in (central, left, right))
        (value, error), (a, da), (b, db) = extrapolate(central, 2), extrapolate(left, 1), extrapolate(right, 1)
    gap = abs(b - a)
    kink = gap > 4 * (da + db) and gap > 1e-6 * max(abs(a), abs(b))
    if kink:
        return Slope((a + b) / 2, 2 * (da + db), a, b, "kink")
    return Slope(value, 2 * error, a, b, "smooth", steps=quantum > 0)


def _resolved(levels: Sequence[Level], noise: float) -> Sequence[Level]:
    """The levels finer than any at which a step a hundred times smaller moves the function as far."""
    moves = [max(abs(t.above or 0), abs(t.below or 0)) for t in levels]
    for j in range(len(levels) - 1, 1, -1):
        if moves[j] > max(0.3 * moves[j - 2], 10 * noise) and levels[j].h < 0.02 * levels[j - 2].h and moves[j - 2]:
            return levels[j + 1 :]
    return levels


def _central(t: Level) -> float:
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
            ratio = (points[i - j][0] / h) ** power
            row.append(row[-1] + (row[-1] - rows[i - 1][j - 1]) / (ratio - 1))
        rows.append(row)
        for j, t in enumerate(row):
            if i == 0:
                continue
            before = rows[i - 1][j - 1 if j else 0]
            error = max(abs(t - before), abs(t - row[j - 1]) if j else 0.0) + 2 * rounding + 4 * EPS * abs(t)
            finer = points[i + 1 :]
            agreed = all(abs(v - t) <= error + 4 * r + abs(value - t) for _, v, r in finer)
            if agreed and error < best[1]:
                best = (t, error)
    return _geometric(points, best)


def _geometric(points: Sequence[tuple[float, float, float]], best: tuple[float, float]) -> tuple[float, float]:
    """Aitken's limit, for slopes that come in by another power of h, as those of x**1.5 do."""
    limits = []
    for (_, a, _), (_, b, _), (_, c, r) in zip(points, points[1:], points[2:], strict=False):
        bend = (c - b) - (b - a)
        if abs(b - a) > abs(c - b) > 4 * r and bend:
            limits.append((c - (c - b) / bend * (c - b), r))
    if len(points) > 2:
        (_, a, _), (_, b, _), (_, c, r) = points[-3:]
        if abs(c - b) > 4 * r and abs(c - b) > abs(b - a) and best[0] == c:  # not converging yet
            best = (c, inf)
    if len(limits) < 3 or len({round(np.log10(p[0] / q[0]), 6) for p, q in pairwise(points)}) > 1:
        return best
    (x, _), (y, _), (z, r) = limits[-3:]
    error = max(abs(z - y), abs(y - x)) + 4 * r
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
    seen = [abs(v) for _, v, r in points if abs(v) > 10 * r]
    last = seen[-4:]
    if len(last) < 4 or len(seen) < len(points) - 2:
        return False
    return all(b > 1.9 * a > 0 for a, b in pairwise(last))


def _quantum(both: Sequence[Level], noise: float) -> float:
    """The height of the function's steps, if it looks smooth from afar and flat from near."""
    moves = [max(abs(t.above or 0), abs(t.below or 0)) for t in both]
    flat = next((i for i, m in enumerate(moves) if m == 0), len(moves))
    if flat == len(moves) or flat < 2 or any(moves[flat:]):
        return 0.0
    seen = both[:flat]
    slopes = [_central(t) for t in seen[:-1]]
    bends = [abs((t.above or 0) / t.up - (t.below or 0) / t.down) for t in seen[:-1]]
    if abs(slopes[0] - slopes[-1]) > 0.25 * abs(slopes[0]) or min(bends) > 0.25 * abs(slopes[0]):
        return 0.0
    slope = slopes[len(slopes) > 1]
    if abs(slope) * both[flat].h <= 2 * noise:  # as flat as rounding makes it
        return 0.0
    off = [abs(move - slope * step) for t in seen[1:] for move, step in ((t.above or 0, t.up), (t.below or 0, t.down))]
    return 2 * max(*off, abs(slope) * both[flat].h)
