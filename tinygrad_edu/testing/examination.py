"""One derivative, examined at one point: repeat, differentiate, compare, conclude. For the cause, see `explanation`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..annotations import Array
from ..errors import GraphError
from ..transforms.derivatives import jvp
from .causes.patterns import ORDER
from .precision import in_own_dtype
from .report import Entry, Report
from .slopes.extrapolation import EPS, Slope
from .slopes.judging import EACH, Judge, digits, overall
from .slopes.probe import Probe
from .slopes.thresholds import LOSES
from .subjects.functions import inexact
from .subjects.subjects import Mismatch, SecondOrder, Subject, TensorSubject, off_domain

DIGITS = 4  # an inexact function that agrees to so many digits is not called wrong


def cotangent_of(y: Any, rng: Any) -> Any:
    """1 for one number; else numbers of both signs, so that no sum cancels the derivative."""
    return np.ones(1) if y.size == 1 else rng.uniform(0.5, 1.5, y.size) * rng.choice([-1, 1], y.size)


class Examination:
    """Everything at one point: repeat, differentiate, compare, conclude."""

    def __init__(self, subject: Subject, seed: int = 0, modes: Sequence[str] = ("reverse",), each: int = EACH) -> None:
        self.subject, self.seed, self.modes, self.each = subject, seed, modes, each
        if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
            raise TypeError(f"{subject.who}: seed must be a whole number from 0; got {seed!r}; write 0, say")
        self.rng = np.random.default_rng(int(seed))
        self.judge: Judge | None = None
        self.probe: Probe | None = None
        self.mismatch: Mismatch | None = None  # if a gradient has the wrong shape
        self.c: Any = np.ones(1)

    def report(self) -> Report:
        """The verdict at the subject's inputs."""
        with np.errstate(all="ignore"):
            report = self._verdict()
        report.evaluations = self.subject.calls
        return report

    def _verdict(self) -> Report:
        try:
            self.probe = probe = Probe.of(self.subject)
        except (ArithmeticError, ValueError) as error:
            if not off_domain(error):
                raise
            return Report("OUT_OF_DOMAIN", f"the function has no value at the inputs: {error}")
        self.c = cotangent_of(probe.y, self.rng)
        return _unfit(probe) or self._compare(probe)

    def _compare(self, probe: Probe) -> Report:
        subject, c = self.subject, self.c
        try:
            start = len(subject.seen)
            g = subject.gradient(subject.x, c)
            again = subject.gradient(subject.x, c)
            values = subject.seen[start:]
            haze = self.haze(subject.x, g)
        except Mismatch as found:
            self.mismatch = found
            return _misshapen(found)
        if unsteady := _unsteady(values, probe, g, again):
            return unsteady
        probe.measure_noise(self.rng, 1 if probe.x.size == 1 else 2)
        self.judge = judge = Judge(subject, probe, c, g, haze, self.rng, self.each)
        entries = judge.entries()
        if "forward" in self.modes and isinstance(subject, TensorSubject):
            entries += _forward(subject, judge, c, entries)
        report = Report(*overall(entries), entries=entries, method=" and ".join(sorted(judge.methods)))
        if report.verdict == "WRONG" and not subject.accuracy.given and (why := inexact(*subject.functions)):
            self._to_some_digits(report, why)
        if report.verdict == "RIGHT" and subject.narrow and subject.dtype is None:
            in_own_dtype(subject, c, g, probe.y, self.rng, report)
        return report

    def haze(self, x: Any, g: Any) -> Any:
        """The rounding of the gradient `g` at `x`, as inputs moved by some units in the last place show it."""
        step = 4 * EPS * self.rng.choice([-1, 1], x.size)
        near = self._shaken(x, step, g)
        haze = np.abs(near - g)
        # a derivative of which not half the digits are those of both sides, which agree, has no rounding as an excuse
        alone = haze > np.sqrt(EPS) * np.maximum(np.abs(near), np.abs(g))
        if np.any(alone):
            haze = np.where(alone, np.minimum(haze, np.abs(near - self._shaken(x, -step, g))), haze)
        if self.subject.dtype is not None:
            haze = haze + float(np.finfo(self.subject.dtype).eps) * np.max(np.abs(g), initial=0)
        return np.where(np.isfinite(haze), haze, 0)

    def _shaken(self, x: Any, step: Any, g: Any) -> Any:
        """The gradient where each input is moved by a relative step; `g`, that at the inputs, where none moves."""
        near = x * (1 + step)
        return g if np.array_equal(near, x) else self.subject.nearby(near, self.c)

    def _relative(self, e: Entry) -> float:
        """How far an entry is off, as a share of the largest of its array."""
        parts = {a.name: part for a, part in self.subject.paired(self.judge.g)} if self.judge is not None else {}
        size = max(
            (float(np.max(np.abs(p), initial=0)) for name, p in parts.items() if e.argument in (name, "direction")),
            default=0.0,
        )
        return abs(e.analytic - e.numerical) / size if 0 < size < np.inf else np.inf

    def _to_some_digits(self, report: Report, why: str) -> None:
        """Where a function is known to be inexact, and agrees to some digits, that is no mistake."""
        off = max(map(self._relative, report.wrong), default=np.inf)
        if not 0 < off <= 10.0**-DIGITS:
            return
        count = digits(off)
        if off <= LOSES * self.subject.unit:  # more than the inputs' own dtype has
            report.verdict, report.diagnosis = "RIGHT", f"all derivatives agree to {count}, as {why} has no more"
            report.entries = [e.but(verdict="RIGHT") if e.verdict == "WRONG" else e for e in report.entries]
            return
        report.pattern = f"agrees to {count}: solver tolerance or low precision"
        report.verdict = "UNDECIDED"
        report.diagnosis = (
            f"{report.wrong[0].place} agrees to {count}: solver tolerance or low precision, as of {why}; "
            f"accuracy=1e-{count.partition(' ')[0]} takes that for right"
        )
        report.entries = [e.but(verdict="UNDECIDED") if e.verdict == "WRONG" else e for e in report.entries]


def _unfit(probe: Probe) -> Report | None:
    """Reasons not to compare numbers at all."""
    if not probe.y.size or not probe.x.size:
        what = "the inputs are" if probe.y.size else "the output is"
        return Report("VACUOUS", f"there is nothing to differentiate: {what} empty")
    if probe.y.dtype.kind == "c":
        return Report("OUT_OF_DOMAIN", "the function returns complex numbers; check its real and imaginary part apart")
    if not np.all(np.isfinite(probe.y)):
        return Report("OUT_OF_DOMAIN", "the function is not finite at the inputs")
    return None


def _unsteady(values: Sequence[Any], probe: Probe, g: Array, again: Array) -> Report | None:
    """Whether two calls with the same inputs differ."""
    eps = float(np.finfo(probe.y.dtype).eps)
    if not all(_same(y, probe.y, eps) for y in values):
        return Report(
            "NOT_REPEATABLE",
            "calls of the function with the same inputs gave different values: it is random, or keeps state",
        )
    with np.errstate(invalid="ignore"):
        moved = np.abs(again - g) > 1e-12 * np.abs(g)
    if not np.any(moved):
        return None
    grown = np.allclose(again, 2 * g)
    more = ": the second is twice the first, as when gradients add up and are never set to zero" if grown else ""
    return Report("NOT_REPEATABLE", f"calls of the derivative with the same inputs gave different values{more}")


def _same(a: Any, b: Any, eps: float) -> bool:
    """Equal but for the last places, which parallel sums may turn."""
    return a.shape == b.shape and bool(np.all(np.abs(a.astype(np.float64) - b) <= 64 * eps * np.abs(b)))


def _misshapen(found: Mismatch) -> Report:
    a, g = found.argument, found.got
    whose = f"{a.name} has shape {a.array.shape}"
    if found.wanted != a.array.shape:
        whose = f"the Jacobian, of shape output + input, has shape {found.wanted}"
    text = f"the gradient of {a.name} has shape {g.shape}, where {whose}"
    return Report("WRONG", text, entries=[Entry(a.name, (), float("nan"), float("nan"), 0.0, "WRONG", text)])


def _forward(subject: TensorSubject, judge: Judge, c: Any, entries: Sequence[Entry]) -> list[Entry]:
    """Forward mode along two random directions, against the slopes found already or new ones."""
    out = []
    for k in range(2):
        v = judge.rng.standard_normal(subject.x.size) * judge.scales
        each = len(entries) == v.size  # has its own slope
        if each and any(e.verdict not in ("RIGHT", "WRONG") for e in entries):
            continue  # left and right differ, or noise: the reverse entries have said so
        analytic = _tangent(subject, c, v, subject.x)
        if each:
            n, bar = (np.array([getattr(e, x) for e in entries]) for x in ("numerical", "error"))
            size = float(np.sum(np.abs(c * judge.probe.y)))
            s = Slope(float(n @ v), float(bar @ np.abs(v)) + 64 * EPS * float(np.abs(n) @ np.abs(v)), natural=size)
        else:
            s = judge.slope(v, 1.0, analytic, 8)
        haze = judge.haze_along(v)
        entry = judge.judge("direction", (k,), analytic, s, haze)
        if entry.verdict == "WRONG":  # before calling it wrong: how much of it is the tangent's own rounding?
            near = (subject.x * (1 + 4 * EPS * judge.rng.choice([-1, 1], v.size)) for _ in range(4))
            grain = max(abs(_tangent(subject, c, v, x) - analytic) for x in near)
            entry = judge.judge("direction", (k,), analytic, s, haze + grain)
        out.append(entry.but(argument="forward mode, direction"))
    return out


def _tangent(subject: TensorSubject, c: Any, v: Any, x: Any) -> float:
    """The derivative of <c, f> at `x` along `v`, pushed forward."""

    def run(*parts: Any) -> Any:
        result = subject.f(*subject.placed(parts))
        return tuple(result) if isinstance(result, tuple | list) else result

    parts = [p.copy() for p in subject.split(x)]
    try:
        moves = jvp(run, tuple(parts), tuple(subject.split(v)))[1]
    except GraphError:  # values left the graph: nothing is pushed past that, as nothing is pulled past it
        return 0.0
    flat = np.concatenate([np.ravel(m.data) for m in (moves if isinstance(moves, tuple) else (moves,))])
    return float(np.dot(c, flat))


def examine_order(
    subject: TensorSubject,
    order: int,
    modes: Sequence[str] = ("reverse", "forward"),
    seed: int = 0,
    each: int = EACH,
) -> Report:
    """Examine the first, or the first and the second derivative."""
    first = Examination(subject, seed, modes, each)
    return with_second(first, first.report(), order)


def with_second(first: Examination, report: Report, order: int) -> Report:
    """The report of a first derivative; or, with order 2, of both, or of the second one if that is wrong."""
    subject = first.subject
    if order == 1 or not isinstance(subject, TensorSubject) or report.verdict not in ("RIGHT", "KINK", "VACUOUS"):
        return report
    w = np.random.default_rng(first.seed + 1).choice([-1.5, -0.5, 0.5, 1.0, 2.0], subject.x.size)
    second = Examination(SecondOrder(subject, first.c, w), first.seed, ("reverse",), first.each).report()
    second.evaluations += report.evaluations
    if second.verdict == "WRONG":
        second.diagnosis = f"the first derivative is right, the second is wrong: {second.diagnosis}"
        second.pattern = ORDER
        return second
    if second.verdict == "VACUOUS":  # a linear function: nothing to be wrong about
        report.notes.append("the second derivative is zero here")
    elif second.verdict != "RIGHT":
        report.notes.append(f"second derivative: {second.verdict}: {second.diagnosis}")
        report.verdict = second.verdict if report.verdict == "RIGHT" else report.verdict
    report.entries += [e.but(argument=f"second derivative, {e.argument}") for e in second.entries]
    report.evaluations = second.evaluations
    return report
