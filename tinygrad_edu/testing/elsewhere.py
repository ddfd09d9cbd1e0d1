"""Derivatives that are zero at the inputs, or too small to be seen sharply, could not have been wrong: other inputs at
which they are larger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .examination import Examination
from .report import Entry, Report
from .slopes.judging import CALLS, Judge, overall
from .slopes.probe import Probe
from .slopes.thresholds import CLEAR

TRIES = 20  # other inputs that are tried, at most; fewer where there are few numbers to move
VISIT = 10  # calls that a visit takes, at least: to begin with, and for one entry of it
PAIRS = 4  # of samples, for an entry that is looked at elsewhere
SHOWN = 8  # derivatives that are looked at elsewhere; at least two of each argument


class Elsewhere:
    """Looks at those derivatives of an examination that are zero, or within their error bars, where it was checked."""

    def __init__(self, first: Examination, judge: Judge, entries: Sequence[Entry]) -> None:
        self.first, self.subject, self.judge, self.rng = first, first.subject, judge, judge.rng
        unseen, dim = judge.g == 0, np.zeros(judge.g.size, dtype=bool)
        if len(entries) >= unseen.size:  # each has its own
            bars = np.array([[e.error, abs(e.analytic)] for e in entries[: unseen.size]])
            unseen |= bars[:, 0] >= bars[:, 1]
            dim = (bars[:, 0] > CLEAR * bars[:, 1]) & ~unseen
        self.dead = [int(k) for k in np.flatnonzero(unseen)]
        self.dim = [int(k) for k in np.flatnonzero(dim)]  # a mistake of a thousandth would not have been seen
        self.seen: list[Entry] = []  # entries that were looked at elsewhere
        self.wrong: Judge | None = None  # who found one wrong
        self.budget = CALLS * self.subject.x.size

    def affords(self, calls: int) -> bool:
        """Whether the function may still be called so often."""
        return self.subject.calls + calls <= self.budget

    def look(self) -> None:
        """Draw other inputs until every derivative in question was seen, or patience ends."""
        waiting = self.chosen()
        for x in self.inputs():
            if not waiting or self.wrong is not None or not self.affords(VISIT):
                return
            waiting = self.visit(x, waiting)

    def chosen(self) -> list[int]:
        """Some of the entries in question, of every argument."""
        dead, found, start = {*self.dead, *self.dim}, [], 0
        share = max(2, SHOWN // len(self.subject.arguments))
        for a in self.subject.arguments:
            mine = [k for k in range(start, start + a.size) if k in dead]
            found += [mine[i] for i in sorted({int(i) for i in np.linspace(0, len(mine) - 1, min(share, len(mine)))})]
            start += a.size
        return found

    def inputs(self) -> Iterator[Any]:
        """Inputs of the same kind: all numbers moved, or some, a little or far, now and then without change of sign."""
        x, scales = self.subject.x, self.judge.scales
        for k in range(min(TRIES, 2 + 2 * x.size)):
            z = self.rng.standard_normal(x.size) * (self.rng.random(x.size) < (1, 0.5, 0.2)[k % 3])
            if k % 4 == 0:
                yield x * np.exp(z / 2) + (x == 0) * scales * z
            elif k % 4 == 1:  # of size 1, where most functions are alive
                yield self.rng.standard_normal(x.size)
            else:
                yield x + scales * z * (0.3 if k % 4 == 2 else 2)

    def visit(self, x: Any, waiting: Sequence[int]) -> list[int]:
        """Check what is alive at `x`; return what is not."""
        judge = self.judge_at(x, waiting)
        if judge is None:
            return list(waiting)
        found: dict[int, Entry] = {}
        for k in waiting:
            if self.affords(2 * PAIRS + 1):
                found[k] = judge.entry(k)
        if any(e.verdict == "WRONG" for e in found.values()):
            self.wrong = judge
            self.seen = [*found.values(), *self.others(judge, found)]
            return []
        seen = [k for k, e in found.items() if e.verdict == "RIGHT" and e.analytic and _sharp(e)]
        self.seen += [found[k] for k in seen]
        return [k for k in waiting if k not in seen]

    def judge_at(self, x: Any, waiting: Sequence[int]) -> Judge | None:
        """Who judges at other inputs; None if nothing in question is alive there."""
        subject = self.subject
        try:
            probe = Probe.of(subject, x)
        except Exception:  # outside the domain
            return None
        g = subject.nearby(x, self.judge.c)
        if probe.y.shape != self.judge.probe.y.shape or not np.all(np.isfinite(probe.y)) or not np.all(np.isfinite(g)):
            return None
        if not np.any(g[list(waiting)]) and not self.moves(probe, waiting):
            return None
        probe.measure_noise(self.rng, 1)
        judge = Judge(subject, probe, self.judge.c, g, self.first.haze(x, g), self.rng, self.judge.each)
        judge.complex, judge.most = self.judge.complex, PAIRS
        return judge

    def others(self, judge: Judge, known: Mapping[int, Entry]) -> Iterator[Entry]:
        """What else can be looked at where one is wrong, until the function was called as often as it may."""
        for k in range(judge.g.size):
            if k not in known and self.affords(2 * PAIRS + 1):
                yield judge.entry(k)

    def moves(self, probe: Probe, waiting: Sequence[int]) -> bool:
        """Whether the function depends on any of these numbers here."""
        x = probe.x.copy()
        x[list(waiting)] += 1e-3 * self.judge.scales[list(waiting)] * self.rng.standard_normal(len(waiting))
        y = probe(x)
        return y is not None and bool(np.any(y != probe.y))

    def told(self) -> str:
        """The sentence about what could not have been wrong."""
        n, count, dim = self.judge.g.size, len(self.dead), len(self.dim)
        small = ", or too small beside the function to be seen" if np.any(self.judge.g[self.dead]) else ""
        text = f"all {n} derivatives agree" if n > 1 else "the derivative agrees"
        if count:
            text = (
                f"{n - count} of {n} derivatives agree; the other {count} (of {self.names(self.dead)}) are 0 "
                f"here{small}, so that they could not have been wrong"
            )
        if dim:
            text += (
                f"; beside the function, {dim} of these (of {self.names(self.dim)}) can be seen to 2 digits or fewer"
            )
        return text + (f"; at other inputs {len(self.seen)} of these were larger, and agreed" if self.seen else "")

    def names(self, places: Sequence[int]) -> str:
        """The arguments of some entries."""
        return ", ".join(dict.fromkeys(self.subject.place(k)[0] for k in places))


def _sharp(entry: Entry) -> bool:
    """Whether a mistake of a thousandth would have been seen."""
    return entry.error <= CLEAR * max(abs(entry.analytic), abs(entry.numerical))


def elsewhere(first: Examination, report: Report) -> Report:
    """The report; if derivatives that could not be seen are wrong at other inputs, the report from there."""
    if report.verdict != "RIGHT" or first.judge is None:
        return report
    search = Elsewhere(first, first.judge, report.entries)
    if not search.dead and not search.dim:
        return report
    search.look()
    if search.wrong is None:
        report.diagnosis, report.evaluations = search.told(), first.subject.calls
        return report
    entries, search.seen = search.seen, []
    first.judge, first.probe, first.subject.x = search.wrong, search.wrong.probe, search.wrong.probe.x
    found = Report(*overall(entries), entries=entries, method=" and ".join(sorted(search.wrong.methods)))
    found.evaluations = first.subject.calls
    found.notes.append(
        f"at the inputs given this could not be seen ({search.told()}); these are other inputs, at which it could"
    )
    return found
