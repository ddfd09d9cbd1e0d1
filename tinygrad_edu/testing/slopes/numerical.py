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

import itertools
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...arrays import complex_step
from .extrapolation import EPS, Sample, Slope, extrapolate, inf, jumps, read_slope, slope_of
from .probe import Probe, typical
from .thresholds import (
    AGREED,
    BENT,
    CERTAIN,
    COMPLEX_STEP,
    DOUBLING,
    DROWNED,
    FAR,
    GOAL,
    SAFETY,
    SPREAD,
    TINY,
    UNRELATED,
    VISIBLE,
)


class Line:
    """The function <c, f> on the line x + t v, sampled as closely as it takes."""

    def __init__(self, probe: Probe, v: Any, c: Any, scale: float = 1.0) -> None:
        self.probe, self.v, self.c, self.scale = probe, v, c, scale
        self.changed = np.zeros(probe.y.shape, dtype=bool)
        self.levels: dict[float, Sample] = {}
        self.unit = max(1.0, typical(probe.x))
        self.blur = 0.0  # the rounding error of the complex step

    def sample(self, *powers: float) -> None:
        """Take samples at `scale * 10**-power` on both sides."""
        for h in map(self._step, powers):
            if h in self.levels:
                continue
            up, above = self._side(h)
            down, below = self._side(-h)
            if up and down:
                minus = None if below is None else -below
                self.levels[h] = Sample(h, up, -down, above, minus)

    @property
    def tiny(self) -> bool:
        """Whether the scale is far smaller than that of the other numbers, or than 1."""
        return self.scale < 1e-3 * self.unit

    def _from_unit(self, *powers: float) -> list[float]:
        """Powers of steps relative to `unit`, relative to the scale."""
        return [p + float(np.log10(self.scale)) - float(np.log10(self.unit)) for p in powers]

    def _step(self, power: float) -> float:
        return float(10.0 ** (float(np.log10(self.scale)) - power))

    def _side(self, h: float) -> tuple[float, float | None]:
        x = self.probe.x
        moved = x + h * self.v
        if self.probe.dtype is not None:  # the step that is really taken
            moved = moved.astype(self.probe.dtype).astype(np.float64)
        step = float(np.dot(moved - x, self.v) / np.dot(self.v, self.v))
        y = self.probe(moved) if step and np.all(np.isfinite(moved)) else None
        if y is None or not np.all(np.isfinite(y)):
            return step, None
        change = (y.astype(np.promote_types(y.dtype, np.float64)) - self.probe.y).astype(np.float64)
        self.changed |= change != 0
        return step, float(np.dot(self.c, change))

    def noise(self) -> float:
        """The noise of <c, f> from those outputs that this line moves (any may, if none is seen to)."""
        if not self.changed.any():  # nothing to be seen: even of a sum of zeros, the last place may hide it
            return max(SPREAD * float(np.sum(np.abs(self.c * self.probe.noise))), EPS * (not self.probe.y.any()), TINY)
        part = (self.c * self.probe.noise)[self.changed]
        most = float(np.max(np.abs(part), initial=0)) or 1.0
        return TINY + SPREAD * most * float(np.sqrt(np.sum((part / most) ** 2))) + self._rounded_inputs()

    def _rounded_inputs(self) -> float:
        """What it does to <c, f> that a function rounds its inputs, or numbers of their size that it makes of them."""
        both = [t for t in self.levels.values() if t.above is not None and t.below is not None]
        rises = [max(abs(t.above / t.up), abs(t.below / t.down)) for t in both if t.above or t.below]  # type: ignore[operator]
        if not rises:
            return 0.0
        unit = self.probe.lattice.coarse
        return self.scale * (unit * float(np.median(rises)) if unit else EPS / 2 * min(rises))

    def natural(self) -> float:
        """|f| / |x|, from those outputs that this line moves; |f| being at least what its rounding is that of."""
        size = np.maximum(np.abs(self.probe.y), self.probe.lattice.spacing / EPS)
        part = np.abs(self.c * size)[self.changed if self.changed.any() else ...]
        local = self.local()
        return float(np.sum(part)) / max(self.scale, local[-1].h if local else 0.0, TINY)

    def local(self) -> list[Sample]:
        """The levels within the function's own length scale: from the finest that rounding leaves legible on, as
        long as the slope stays what it is there."""
        seen = [t for _, t in sorted(self.levels.items()) if t.above is not None and t.below is not None]
        noise = self.noise()
        while len(seen) > 1 and abs(slope_of(seen[0])) < 16 * noise / seen[0].h:
            del seen[0]
        first = abs(slope_of(seen[0])) if seen else 0.0
        found: list[Sample] = []
        for t in seen:
            if not first / SAFETY <= abs(slope_of(t)) <= SAFETY * first:
                break
            found.append(t)
        return found

    def slope(self, analytic: float | None = None, most: int = 8, spare: int = 0, goal: float = GOAL) -> Slope:
        """The derivative at t = 0, from at most `most` pairs of samples, and `spare` ones for a closer look.

        An analytic value that agrees within a narrow bar ends the search early; it does not move it.
        """
        tiny, from_unit = self.tiny, self._from_unit
        begun, beside = self._bends(), False
        if not begun:
            self.sample(1)
        if tiny and (analytic if self._still() else self._hazy(goal)):  # x is tiny for this function
            self.sample(*from_unit(1.5, 3))
            self.sample(*((0.3, 0.05) if self._bent() else from_unit(2, 2.5)))
        elif self.probe.sharp:
            self.sample(9, 10)
        elif not begun:
            self.sample(2)
            if analytic == 0 and self._still():  # flat here, and farther away?
                self.sample(0.5)
            beside = self._beside()
            for power in self._within() if beside else ():
                self.sample(power)
            if not beside and (analytic != 0 or not self._still()):
                self.sample(3)
                if not self._rough():
                    self.sample(4)
        found = self._read()
        doubtful = found.state in ("kink", "steep", "edge") or not np.isfinite(found.error)
        if doubtful and not beside:  # here, or only near here?
            closest = self._closest()
            if len({self._step(p) for p in (closest - 1, closest)} | set(self.levels)) <= most + spare:
                self.sample(closest - 1, closest)
                found = self._read()
                if not np.isfinite(found.value) or (found.state == "steep" and self._sinks()):
                    self.sample(closest + 1)
                    found = self._read()
        if self._hazy(goal) and len(self.levels) < most and found.state != "kink":
            self.sample(0.5)
            found = self._read()
        wide = from_unit(1.5, 2, 3) if tiny and (analytic or not self._still()) else []
        for power in itertools.chain(self._closer(), wide, (5, 6, 7, 2, 3, 8.5, 10)):
            if len(self.levels) >= most or found.steps or self._settled(found, analytic, goal):
                break
            self.sample(power)
            found = self._read()
        if found.state == "smooth" and not np.isfinite(found.error):
            found = self._agreed(found)
        return self._from_afar(analytic, found) if analytic and found.value == 0 else found

    def _beside(self) -> bool:
        """Whether all steps so far leave the domain on the same side, and on the other the slope grows as they shrink:
        as at a pole or a steep end, or beside one."""
        levels = [t for _, t in sorted(self.levels.items())]
        above = [abs(t.above / t.up) for t in levels if t.above is not None]
        below = [abs(t.below / t.down) for t in levels if t.below is not None]
        one, other = (above, below) if above else (below, above)
        return not other and len(one) == len(levels) > 1 and one[0] > DOUBLING * one[1]

    def _within(self) -> Iterator[float]:
        """The powers of steps so small that they stay inside the domain, if rounding leaves them legible."""
        rise = max(abs(side) / t.h for t in self.levels.values() for side in (t.above, t.below) if side is not None)
        for power, other in ((10, 11), (13, 12)):
            if self._step(power) * rise < 1e2 * self.noise() or self._step(power) < 100 * EPS * self.unit:
                return
            yield power
            reached = self.levels[min(self.levels)]
            if reached.above is not None and reached.below is not None:
                yield other
                return

    def _agreed(self, found: Slope) -> Slope:
        """Where the smallest steps spoil the extrapolation: the slope that two larger ones in a row show alike, with
        their difference for an error."""
        both = [t for _, t in sorted(self.levels.items()) if t.above is not None and t.below is not None]
        pairs = [
            (SAFETY * abs(slope_of(a) - slope_of(b)) + SAFETY * self.noise() / a.h, slope_of(b))
            for a, b in itertools.pairwise(both)
        ]
        error, value = min(pairs, default=(np.inf, 0.0))
        return found._replace(value=value, error=error) if error <= VISIBLE * abs(value) else found

    def _from_afar(self, analytic: float, found: Slope) -> Slope:
        """Where nothing moves nearby: if the slope over wide steps is sharp, and the analytic one, the function
        loses its digits inside, as `log(cos(x))` at x = 1e-8 does; else it is constant here."""
        wide = [t for t in sorted(self.levels.values(), reverse=True) if t.h > 100 * self.scale]
        moving = [t for t in wide if t.above and t.below]
        value, error = extrapolate([(t.h, slope_of(t), self.noise() / t.h) for t in moving], 2)
        bar = 1e-2 * abs(analytic)
        return found._replace(value=value, error=bar) if max(abs(value - analytic), error) <= bar else found

    def _rough(self) -> bool:
        """Whether the slopes over the smallest two steps have nothing in common, so that much smaller ones are due."""
        fine = self._finest()
        a, b = (slope_of(t) for t in fine) if len(fine) == 2 else (1.0, 0.0)
        if not fine or self._bent(fine[0]):
            return True
        return abs(a - b) > UNRELATED * max(abs(a), abs(b)) and abs(a) * fine[0].h > 100 * self.noise()

    def _finest(self, count: int = 2) -> list[Sample]:
        """The smallest steps that stay within the domain."""
        inside = [t for _, t in sorted(self.levels.items()) if t.above is not None and t.below is not None]
        return inside[:count]

    def _bends(self) -> bool:
        """Whether the slopes over the smallest two steps differ by more than rounding, and come closer to each other as
        steps shrink, or are those on two sides of a pole: then steps nearby show more. Noise does neither."""
        fine = self._finest(3)
        slopes = [slope_of(t) for t in fine]
        if len(fine) < 2 or abs(slopes[0] - slopes[1]) <= CERTAIN * self.noise() / fine[0].h:
            return False
        far = abs(slopes[0] - slopes[1]) > BENT * abs(slopes[0])
        return (
            len(fine) == 2
            or abs(slopes[0] - slopes[1]) < abs(slopes[1] - slopes[2])
            or (far and not self._bent(fine[0]))
        )

    def _closer(self) -> Iterator[float]:
        """The powers of smaller steps, while slopes bend; of one between two that are far apart and show the same."""
        while self._bends():
            fine, next_ = self._finest()
            a, b = (float(np.log10(self.scale / t.h)) for t in (fine, next_))
            same = abs(slope_of(fine) - slope_of(next_)) < BENT * abs(slope_of(fine))
            yield round((a + b) / 2 if same and a - b > 1.5 else a + 1, 6)

    def _bent(self, t: Sample | None = None) -> bool:
        """Whether a step, or else the widest, shows another slope to the left than to the right, as across a kink."""
        t = t or max((t for t in self.levels.values() if t.above is not None and t.below is not None), default=None)
        sides = (t.above / t.up, t.below / t.down) if t else (0.0, 0.0)  # type: ignore[operator]
        return abs(sides[0] - sides[1]) > BENT * max(map(abs, sides))

    def _restless(self) -> bool:
        """Whether the function moves as far over small steps as over large ones, now here and now there: noise."""
        moves = [abs(side) for t in self.levels.values() for side in (t.above, t.below) if side is not None]
        fine = [self.levels[h] for h in sorted(self.levels)[:2]]
        sides = [(side, step) for t in fine for side, step in ((t.above, t.up), (t.below, t.down)) if side is not None]
        slopes = [side / step for side, step in sides]
        far = len(self.levels) > 2 and bool(sides) and max(abs(side) for side, _ in sides) > 0.1 * max(moves)
        return far and max(slopes) - min(slopes) > max(map(abs, slopes)) / 2

    def _sinks(self) -> bool:
        """Whether the function has begun to come closer to its value over the smallest steps: then smaller ones show
        more."""
        fine = [self.levels[h] for h in sorted(self.levels)[:2]]
        moves = [m for t in fine if (m := max(abs(t.above or 0), abs(t.below or 0)))]
        return len(moves) == 2 and moves[0] < 0.3 * moves[1]

    def _closest(self) -> float:
        """The power of the smallest step that rounding leaves legible."""
        sides = [(side, t.h) for t in self.levels.values() for side in (t.above, t.below) if side is not None]
        rise = max((abs(side) / h for side, h in sides), default=0.0)
        power = float(np.log10(max(self.scale * rise / (1e2 * self.noise()), 1.0)))
        return float(np.clip(np.floor(power - 1), 6, 10)) if power >= 6 else max(power, 1.5)

    def _still(self) -> bool:
        return not any(t.above or t.below for t in self.levels.values())

    def _hazy(self, goal: float) -> bool:
        """Whether rounding blurs even the slope over the widest step within the domain."""
        inside = [t for t in self.levels.values() if t.above is not None or t.below is not None]
        widest = max(inside or self.levels.values(), default=None)
        move = max(abs(widest.above or 0), abs(widest.below or 0)) if widest else 0.0
        return widest is not None and self.noise() >= CERTAIN * goal * move

    def _settled(self, found: Slope, analytic: float | None, goal: float) -> bool:
        if found.state != "smooth" or found.error > goal * abs(found.value):
            if analytic is not None and abs(analytic - found.value) <= found.error < DROWNED * abs(found.value):
                return found.noise > found.error / SAFETY  # it agrees, and smaller steps would show noise only
            return not self.changed.any() and len(self.levels) >= (4 if analytic is None else 3) and not analytic
        off = abs(analytic - found.value) if analytic is not None else 0.0
        # what agrees needs no smaller steps; nor does what is off by far, where four steps show the same slope
        return off <= found.error or (off > FAR * found.error and len(self.levels) >= 4)

    def _read(self) -> Slope:
        levels = [self.levels[h] for h in sorted(self.levels, reverse=True)]
        found = read_slope(levels, self.noise())
        if jumps(levels, 100 * EPS * float(np.sum(np.abs(self.c * self.probe.y)))):
            return found._replace(state="steep")
        local = self.local() or levels[-1:]
        rises = (abs(side) / t.h for t in local for side in (t.above, t.below) if side is not None)
        moves = [(abs(side), t.h) for t in levels for side in (t.above, t.below) if side is not None]
        widest = max((move for move, _ in moves), default=0.0)
        if self.changed.any() and self.noise() > max(
            0.02 * widest, 1e5 * EPS * self.natural() * self.scale, 1e-290
        ):  # all that moves is noise
            return found._replace(error=inf, natural=max(self.natural(), *rises, 0.0))
        length = local[-1].h if local else 0.0
        noise = inf if self._restless() else SAFETY * self.noise() / length if length else 0.0
        return found._replace(natural=max(self.natural(), *rises, 0.0), afar=self.afar(), length=length, noise=noise)

    def afar(self) -> float:
        """The largest rise over any step, divided by the step."""
        sides = ((side, t.h) for t in self.levels.values() for side in (t.above, t.below) if side is not None)
        return max((abs(side) / h for side, h in sides), default=0.0)

    def complex_slope(self, shift: Any = 0.0) -> float | None:
        """Im <c, f(x + shift + i h v)> / h, where f takes complex numbers; it has no truncation error."""
        h = COMPLEX_STEP * self.scale
        if h < TINY:  # too small to be divided by
            return None
        self.probe.count += 1
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                token = complex_step.set(True)
                try:
                    y = self.probe.f(self.probe.x + shift + 1j * h * self.v)
                finally:
                    complex_step.reset(token)
        except Exception:  # any exception means that complex input is not supported
            return None
        if y.shape != self.probe.y.shape or y.dtype.kind != "c" or not np.all(np.isfinite(y)):
            return None
        self.changed |= y.imag != 0
        terms = self.c * y.imag
        size = np.where(self.probe.y == 0, 1, np.abs(self.probe.y))
        astray = np.minimum(np.abs(y.real - self.probe.y) / size, 1)  # complex functions can be less exact
        self.blur = float(64 * EPS * abs(np.sum(terms)) + np.sum((8 * EPS + 64 * astray) * np.abs(terms))) / h
        return float(np.sum(terms)) / h

    def disagreement(self, z: float, most: int) -> float | None:
        """How far real differences are from the complex step's slope; None where they see another one, or a kink."""
        ways: list[Sequence[float]] = [(2, 4), (7,), (10,)]
        if self.tiny:
            self.sample(2)
            if self._hazy(GOAL):  # too tiny for this function
                ways = [self._from_unit(1.5, 3)]
        for powers in ways:
            if len(self.levels) + len(powers) > most:
                return None
            self.sample(*powers)
            both = [
                t for t in sorted(self.levels.values(), reverse=True) if t.above is not None and t.below is not None
            ]
            if len(both) < 2:
                continue
            if not (both[-1].above or both[-1].below):  # smaller steps will show no more
                return None
            wide, fine = slope_of(both[-2]), slope_of(both[-1])
            real = fine + (fine - wide) / ((both[-2].h / both[-1].h) ** 2 - 1)
            bends = [abs(t.above / t.up - t.below / t.down) for t in both[-2:]]  # type: ignore[operator]
            hazy = SAFETY * self.noise() / both[-1].h
            small = bends[1] <= 0.05 * bends[0] + 2 * hazy
            near = abs(z - real) <= hazy + 0.01 * abs(wide - fine) + 1e-11 * abs(fine)
            if small and near and (hazy <= AGREED * abs(z) or len(both) == 2):
                if not abs(wide - fine) > abs(z - real) > VISIBLE * abs(z):  # smaller steps will show no more
                    return abs(z - real)
            elif abs(z - real) > hazy + abs(wide - fine) + 1e-11 * abs(fine) and bends[1] <= 0.05 * bends[0] + hazy:
                return None
        return None
