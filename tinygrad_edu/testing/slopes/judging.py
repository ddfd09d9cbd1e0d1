"""From numbers to verdicts: each entry of an analytic gradient against the function itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..report import Entry
from ..subjects.subjects import Subject
from .extended import Extended
from .extrapolation import EPS, Slope, inf
from .numerical import Line
from .probe import Probe, sizes
from .thresholds import (
    AGREED,
    CLEAR,
    COMPLEX_STEP,
    DROWNED,
    FAR,
    LOSES,
    MISS,
    NOISY,
    SAFETY,
    SMALL,
    SUSPECT,
    VISIBLE,
    WITHIN,
)

ROUNDING = "equal within the rounding of the derivative"
WIDE = "the error bar, {:.1g}, is as large as the derivative"
FAINT = "agrees to {}: the error bar, {:.1g}, shows no more"
BENDS = "no two steps show the same slope: the function bends more than those can follow"
COARSE = "the difference is no more than the rounding of {}, in which the function or its derivative is computed"
LOST = "rounding, {:.1g}, leaves not even the first digit of the derivative, or of the function's slope"
QUIET = "nothing but rounding"  # the reason for NOISE where the derivative, too, is no more than that
CALLS = 20  # of the function, for each number differentiated by, are a check's: ten times central differences
CAUSE = 4  # calls that are kept for the rounding and the cause of a mistake
TOGETHER = 8  # calls for a direction along which several kinks are passed at once
HAZES = 8  # bars are so many times the rounding that was seen of a derivative
EACH = 128  # up to so many inputs, every entry is checked; beyond, random projections


class Judge:
    """Compares the gradient of `<c, f>` at a point with slopes of the function there."""

    def __init__(self, subject: Subject, probe: Probe, c: Any, g: Any, haze: Any, rng: Any, each: int = EACH) -> None:
        self.subject, self.probe, self.c, self.g, self.rng = subject, probe, c, g, rng
        self.haze = haze + subject.slack(g) / HAZES
        self.complex, self.each = subject.complex, each
        self.methods: set[str] = set()
        self.traced = False  # whether the last slope is a complex step that was watched from beginning to end
        self.real: Slope | None = None  # the slope by real differences, if the last one needed them
        self.wrong = False  # whether an entry was found wrong
        n, kept = probe.x.size, CAUSE if subject.through_function else 0
        self.most = max(5, min(5 + min(n, 2), (self.left() - n - kept) // (2 * n)))  # pairs of samples for each entry
        self.grains: dict[float, Any] = {}
        self.scales = sizes(subject.split(probe.x))
        self.extended = Extended(subject, probe, c, g)

    def left(self) -> int:
        """How often the function may still be called."""
        return CALLS * self.probe.x.size - self.subject.calls

    def slope(self, v: object, scale: float, analytic: float, most: int) -> Slope:
        """The derivative along `v`: by the complex step where real differences confirm it."""
        line = Line(self.probe, v, self.c, scale)
        z, self.real = line.complex_slope() if self.complex else None, None
        traced = self.traced = z is not None and self.subject.traced  # nothing without a complex derivative was reached
        self.complex = z is not None  # once refused, complex numbers are not tried again
        if z is None:
            self.real = line.slope(analytic, most=most)
            return self._by_differences(self.real)
        off = line.disagreement(z, most)
        if off is None:
            self.real = real = line.slope(analytic, most=most)
            lost = not math.isfinite(real.error) or abs(real.value - z) <= real.error > AGREED * abs(z)
            natural = abs(z) <= SAFETY * real.natural  # not what is left of large imaginary parts that cancel
            lost = lost or (traced and natural and real.error >= abs(real.value))
            if z and real.state == "smooth" and lost:
                # the real numbers cannot tell, and do not object
                return self._by_complex_step(line, z, 0.0 if traced else abs(real.value - z))
            return self._by_differences(real)
        suspect = abs(analytic - z) > SUSPECT * abs(z) and not traced  # what was traced and confirmed is no accident
        if math.isfinite(analytic) and (suspect or z == 0):  # before calling it wrong, look at real numbers alone
            self.real = real = line.slope(z or analytic, most=most, spare=1)
            if z == 0 or real.state != "smooth" or abs(real.value - z) > real.error + line.blur:
                return self._by_differences(real)
        return self._by_complex_step(line, z, 0.0 if traced else off)

    def real_slope(self, v: object, analytic: float, most: int) -> Slope:
        """The derivative along `v` by real differences."""
        return self._by_differences(Line(self.probe, v, self.c).slope(analytic, most=most))

    def _by_differences(self, real: Slope) -> Slope:
        self.traced = False
        self.methods.add("extrapolated differences")
        return real

    def _by_complex_step(self, line: Line, z: float, off: float) -> Slope:
        self.methods.add("complex step")
        local, afar = line.local(), line.afar()
        error = 2 * line.blur + off + COMPLEX_STEP * afar  # of its truncation, which is all there is where a slope is 0
        return Slope(z, error, z, z, natural=line.natural(), afar=afar, length=local[-1].h if local else 0.0)

    def entries(self) -> list[Entry]:
        """Every entry, or random directions if there are too many."""
        n = self.probe.x.size
        found = [self.entry(k) for k in range(n)] if n <= self.each else list(self.projections())
        kinks = [k for k, e in enumerate(found) if e.verdict == "KINK"]
        return found + list(self.together(kinks)) if len(kinks) > 1 and n <= self.each else found

    def together(self, kinks: Sequence[int]) -> Iterator[Entry]:
        """Several entries may each lie between their slopes, and still be no subgradient together, as
        when a tie of max gives each of its entries the whole gradient."""
        for k in range(1 if self.g.size < 4 else 3):
            if self.left() < TOGETHER:
                return
            v = np.zeros(self.g.size)
            v[kinks] = self.scales[kinks] * (self.rng.choice([1.0, -1.0], len(kinks)) if k else 1.0)
            entry = self.along(v, (), lambda v, analytic: self.real_slope(v, analytic, TOGETHER // 2))
            if entry.verdict == "WRONG":
                text = f"each of these {len(kinks)} entries lies between its slopes, but together they do not"
                yield entry.but(reason=f"a kink: {text}")
                return

    def entry(self, k: int) -> Entry:
        v = self._unit(k)
        slope = self.slope(v, float(self.scales[k]), float(self.g[k]), self.most)
        entry = self.judge(*self.subject.place(k), float(self.g[k]), slope, float(self.haze[k]))
        entry = self.reconsider(entry, k, slope) if entry.verdict == "WRONG" else entry
        self.wrong = self.wrong or entry.verdict == "WRONG"
        return entry

    def projections(self, miss: float = MISS) -> Iterator[Entry]:
        """Random directions, so many that an error of a hundred bars is missed with probability `miss`.

        Along a Gaussian direction the error of the gradient is itself Gaussian, so that it is below
        a hundredth of its spread with probability 0.008.
        """
        for k in range(math.ceil(math.log(miss) / math.log(WITHIN))):
            v = self.rng.standard_normal(self.probe.x.size) * self.scales
            if k % 2:  # let small gradients be heard beside large ones
                share = np.abs(self.g) * self.scales
                middle = float(np.median(share[share > 0])) if np.any(share > 0) else 1.0
                v = v / (1 + share / middle)
            found = self.along(v, (k,))
            if found.verdict == "WRONG":
                yield from self.wrong_entries(v)
                return
            yield found
        some = set(np.argsort(-np.abs(self.g))[:4].tolist()) | set(self.rng.integers(self.g.size, size=8).tolist())
        yield from (self.entry(k) for k in sorted(some))

    def along(self, v: Any, index: tuple[int, ...], slope: Callable[[Any, float], Slope] | None = None) -> Entry:
        analytic = float(np.dot(np.where(v == 0, 0, self.g), v))
        found = self.slope(v, 1.0, analytic, 8) if slope is None else slope(v, analytic)
        return self.judge("direction", index, analytic, found, self.haze_along(v))

    def haze_along(self, v: Any) -> float:
        """The rounding of the gradient, seen along `v`: of its entries, which share causes, so that it may
        add up, and of the sum over them."""
        terms = np.where(v == 0, 0, self.g) * v
        return float(np.sum(np.abs(self.haze * v))) + EPS * float(np.sum(np.abs(terms)))

    def wrong_entries(self, v: Any, most: int = 3) -> Iterator[Entry]:
        """Halve the set of entries that move until single wrong ones are left."""
        sets = [np.arange(v.size)]
        found = 0
        while sets and found < most:
            part = sets.pop()
            if part.size == 1:
                entry = self.entry(int(part[0]))
                found += entry.verdict == "WRONG"
                yield entry
                continue
            for half in (part[part.size // 2 :], part[: part.size // 2]):
                masked = np.zeros(v.size)
                masked[half] = v[half]
                if self.along(masked, ()).verdict == "WRONG":
                    sets.append(half)

    def judge(self, name: str, index: tuple[int, ...], a: float, s: Slope, haze: float = 0.0) -> Entry:
        verdict, reason, error = verdict_of(a, s, haze)
        if verdict == "UNDECIDED" and reason.startswith("agrees") and self.subject.accuracy.f:
            verdict = "RIGHT"  # no more was asked
        if verdict == "NOISE" and abs(a) <= 8 * np.max(self.haze, initial=0):
            reason = QUIET
        return Entry(name, index, a, s.value, error, verdict, reason)

    def reconsider(self, entry: Entry, k: int, s: Slope) -> Entry:
        """How much of a small difference is rounding, before the derivative is called wrong."""
        if s.state == "kink" and abs(entry.analytic - entry.numerical) > FAR * entry.error:
            return entry
        entry = self.within_rounding(entry, k, s)
        coarse = max(self.subject.coarse, self.probe.lattice.coarse)
        size = float(np.sum(np.abs(self.c * self.probe.y))) / float(self.scales[k])
        still = size if entry.numerical == 0 else 0.0  # where rounding lets nothing move
        most = SAFETY * coarse * max(1.0, float(np.max(np.abs(self.g))), still)
        off, own = abs(entry.analytic - entry.numerical), LOSES * coarse * float(np.max(np.abs(self.g)))
        reason = COARSE.format("float32" if coarse < float(np.finfo(np.float16).eps) else "float16")
        if entry.verdict == "WRONG" and coarse <= self.subject.unit and off <= own:  # more than the inputs' dtype has
            return entry.but(verdict="RIGHT", reason=reason, error=own)
        if entry.verdict == "WRONG" and off <= most:
            return entry.but(verdict="UNDECIDED", reason=reason, error=most)
        return entry

    def within_rounding(self, entry: Entry, k: int, s: Slope) -> Entry:
        """The entry; not WRONG if what rounding does in float64 explains the difference."""
        cancels = not self.probe.y.any()  # the terms of a sum of 0 have a size, too
        natural = max(s.natural, cancels / float(self.scales[k]))
        off, floor = abs(entry.analytic - entry.numerical), 32 * EPS * natural
        if entry.analytic == 0 and off <= floor:
            return self._absolved(entry, max(off, entry.error), s)
        entry = self.in_extended_precision(entry, k, s)
        if entry.verdict != "WRONG" or self.extended.gradient is not None:
            return entry
        if not off <= floor and not off <= SMALL * abs(entry.numerical):
            if self.wrong or not self.complex or self._real_numbers_object(entry.analytic) or self.left() < CAUSE:
                return entry
            grain = 30 * max(abs(z - s.value) for z in self._complex_slopes(k, 2.0**-46, (-1, 1, 2)) or [s.value])
            lost = off <= grain and self._real_numbers_allow(entry.analytic, k)  # where a function cancels itself
            return self._absolved(entry, grain, s) if lost else entry
        blur = 12 * float(np.sum(np.abs(self.c * self.probe.noise))) / self.scales[k]  # what real numbers could show
        if off <= SMALL * abs(entry.numerical) and off <= blur:
            return entry.but(verdict="RIGHT", reason="equal within the rounding of the function", error=blur)
        width = 2.0**-8 if off <= floor else 2.0**-26
        if s.length and s.state == "smooth":  # no wider than the function's own length scale
            width = min(width, max(2.0**-5 * s.length / self.scales[k], 2.0**-46))
        grain = 3 * float(self._grain(width)[k])
        if self.complex and off > 10 * grain + entry.error:
            grain += 3 * float(_unevenness(self._complex_slopes(k, width, NEARBY) or [0.0]))
        if off <= 10 * grain + entry.error:
            return self._absolved(entry, max(10 * grain, off, entry.error), s)
        return entry

    def in_extended_precision(self, entry: Entry, k: int, s: Slope) -> Entry:
        """The entry, with what rounding does to the derivative, and to the function, as extended precision shows it."""
        error = self.extended_error(entry, k, s)
        off = abs(entry.analytic - entry.numerical)
        if off > error and not self.wrong and not self.traced and self.extended.function_loses:
            most = max(1, min(self.most, (self.left() - CAUSE) // 2))
            fine = self.extended.slope(self._unit(k), float(self.scales[k]), entry.analytic, most)
            unclear = not fine.error <= DROWNED * abs(fine.value)
            if unclear or abs(entry.analytic - fine.value) <= fine.error + error:  # there, the function does not object
                error = max(error, off)
        if entry.verdict != "WRONG" or not off <= error:
            return entry
        size = max(abs(entry.analytic), abs(entry.numerical))
        if min(error, size) <= 32 * EPS * s.natural or error < DROWNED * size:
            return entry.but(verdict="RIGHT", reason=ROUNDING, error=error)
        return entry.but(verdict="UNDECIDED", reason=LOST.format(error), error=error)

    def extended_error(self, entry: Entry, k: int, s: Slope) -> float:
        """The error bar with the rounding of the derivative and, if need be, of the complex step's slope."""
        fine, error = self.extended.gradient, entry.error
        if fine is not None:
            error += 2 * abs(float(fine[k] - self.g[k]))
        off = abs(entry.analytic - entry.numerical)
        if s.by_complex_step and off > error and (not self.wrong or off <= SMALL * abs(entry.numerical)):
            error += 2 * self.extended.lost_by_slope(self._unit(k), float(self.scales[k]), s.value)
        return error

    def _absolved(self, entry: Entry, error: float, s: Slope) -> Entry:
        """An entry whose difference may be rounding; unless that is as large as the derivative, and so says nothing."""
        size = max(abs(entry.analytic), abs(entry.numerical))
        opposite = entry.analytic * entry.numerical < 0 and abs(entry.numerical) > SAFETY * s.error
        if min(error, size) <= VISIBLE * s.natural or error < size:
            return entry.but(verdict="RIGHT", reason=ROUNDING, error=error)
        if opposite:
            return entry
        return entry.but(verdict="UNDECIDED", reason=WIDE.format(error), error=error)

    def _real_numbers_object(self, analytic: float) -> bool:
        """Whether real differences were taken, and are against a derivative."""
        return self.real is not None and abs(self.real.value - analytic) > self.real.error

    def _real_numbers_allow(self, analytic: float, k: int) -> bool:
        """Whether real differences alone have nothing against a derivative."""
        real = Line(self.probe, self._unit(k), self.c, float(self.scales[k])).slope(analytic, most=7)
        return abs(real.value - analytic) <= real.error

    def slope_at(self, shift: Any, k: int) -> float | None:
        """The slope in entry `k` at other inputs, to some six digits, by one short step; None outside the domain."""
        x, step = self.probe.x + shift, 2.0**-16 * self.scales[k] * self._unit(k)
        above, below = self.probe(x + step), self.probe(x - step)
        if above is None or below is None:
            return None
        return float(np.dot(self.c, above - below)) / (2 * step[k])

    def _unit(self, k: int) -> Any:
        v = np.zeros(self.probe.x.size)
        v[k] = 1.0
        return v

    def _grain(self, width: float) -> Any:
        """How unevenly each derivative moves nearby: its rounding."""
        if width not in self.grains:
            x, d = self.probe.x, self.scales * width
            nearby = [self.subject.nearby(x + i * d, self.c) if i else self.g for i in NEARBY]
            self.grains[width] = _unevenness(nearby)
        return self.grains[width]

    def _complex_slopes(self, k: int, width: float, places: Iterable[int]) -> list[float]:
        """The complex step's slopes nearby: where large imaginary parts cancel inside the function, its rounding
        is more than its size tells."""
        line = Line(self.probe, self._unit(k), self.c, float(self.scales[k]))
        d = self.scales * width * self.rng.uniform(0.5, 1, self.probe.x.size)
        d *= self.rng.choice([-1, 1], d.size)  # no symmetry that hides rounding
        found = [line.complex_slope(i * d) for i in places]
        return [z for z in found if z is not None] if None not in found else []


NEARBY = range(-4, 5)


def _unevenness(values: Sequence[Any]) -> Any:
    """How far values at equal steps are from any cubic: what no smooth function does so close to a point."""
    uneven = np.max(np.abs(np.diff(values, 4, axis=0)), axis=0, initial=0)
    return np.where(np.isfinite(uneven), uneven, 0.0)


def verdict_of(a: float, s: Slope, haze: float = 0.0) -> tuple[str, str, float]:
    """Verdict, reason and error bar for an analytic value against a numerical slope."""
    error = s.error + HAZES * haze + 16 * EPS * abs(a if math.isfinite(a) else 0)
    size = max(abs(a), abs(s.value)) if math.isfinite(a) else abs(s.value)
    if s.state == "outside":
        return "OUT_OF_DOMAIN", "the function has no value on either side", error
    if s.state == "steep":
        return "OUT_OF_DOMAIN", "the function has no finite slope here: it jumps, or rises infinitely steeply", error
    if not math.isfinite(a):
        return "WRONG", f"the derivative is {a}, where the function has a finite slope", error
    if s.state == "kink":
        low, high = sorted((s.left, s.right))
        slopes = f"between the slopes {s.left + 0.0:.6g} and {s.right + 0.0:.6g}"  # + 0.0: no "-0"
        if low - error <= a <= high + error:
            return "KINK", f"a kink: {a + 0.0:.6g} lies {slopes}", error
        return "WRONG", f"a kink, and not {slopes} on its sides", error
    noisy = s.noise + HAZES * haze >= NOISY * error
    if not math.isfinite(error) or not math.isfinite(s.value):
        if noisy:
            return "NOISE", "the function is too noisy to have a slope", error
        return "UNDECIDED", BENDS, error
    difference = abs(a - s.value)
    if difference > error >= abs(s.value) > 0 and s.state == "smooth" and not noisy and s.noise < inf:
        return "UNDECIDED", BENDS, error
    hazy = error > DROWNED * size and error > VISIBLE * s.natural
    if noisy:
        drowned = "NOISE", "the noise of the function is as large as its slope", error
    else:
        drowned = "UNDECIDED", WIDE.format(error), error
    if difference <= error:
        if hazy and size > 0 and (a or error > VISIBLE * s.afar):  # 0 is seen where the function rises all around
            return drowned
        if a and error > CLEAR * size and error > VISIBLE * s.natural and size > 0:
            return "UNDECIDED", FAINT.format(digits(error / size), error), error
        return "RIGHT", "", error
    if difference <= 3 * error and (hazy or (s.steps and error > 0.01 * size)):
        return drowned
    return "WRONG", "", error


def digits(error: float) -> str:
    """So many digits as a relative error leaves."""
    count = int(-math.log10(error))
    return f"{count} digit{'s' * (count != 1)}"


def overall(entries: Sequence[Entry]) -> tuple[str, str]:
    """One verdict for all entries, and its reason."""
    if all(e.reason == QUIET or (e.verdict == "RIGHT" and abs(e.analytic) <= e.error) for e in entries):
        small = ", or too small beside the function to be seen" if any(e.analytic for e in entries) else ""
        return (
            "VACUOUS",
            f"every derivative is zero here{small}, so that a wrong one could not be told from a right one",
        )
    for verdict in ("WRONG", "KINK", "OUT_OF_DOMAIN", "NOISE", "UNDECIDED"):
        some = [e for e in entries if e.verdict == verdict]
        if some:
            e = max(some, key=lambda e: e.rank) if verdict == "WRONG" else some[0]
            more = f" ({len(some)} of {len(entries)} entries)" if len(entries) > 1 else ""
            return verdict, f"{e.place}: {e.reason}{more}" if e.reason else f"{e.place} is wrong{more}"
    agree = f"all {len(entries)} derivatives agree" if len(entries) != 1 else "the derivative agrees"
    faint = [e for e in entries if e.reason.startswith("agrees")]
    least = max(faint, key=lambda e: e.error / abs(e.analytic), default=None)
    said = least.reason.removeprefix("agrees").partition(":")[0] + " at least" if least else ""
    return "RIGHT", agree + said
