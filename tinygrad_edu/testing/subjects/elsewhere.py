"""Derivatives that are zero at the inputs, or too small to be seen sharply, could not have been wrong: other inputs at
which they are larger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..report import Entry, Report
from ..slopes.judging import CALLS, Judge
from ..slopes.probe import Probe
from ..slopes.thresholds import CLEAR
from .subjects import Subject

TRIES = 20  # other inputs that are tried, at most; fewer where there are few numbers to move
VISIT = 10  # calls that a visit takes, at least: to begin with, and for one entry of it
PAIRS = 4  # of samples, for an entry that is looked at elsewhere
SHOWN = 8  # derivatives that are looked at elsewhere; at least two of each argument


class Elsewhere:
    """Looks at those derivatives of a subject that are zero, or within their error bars, where it was checked."""

    def __init__(self, subject: Subject, judge: Judge, entries: Sequence[Entry]) -> None:
        self.subject, self.judge, self.rng = subject, judge, judge.rng
        unseen, dim = judge.g == 0, np.zeros(judge.g.size, dtype=bool)
        if len(entries) >= unseen.size:  # each has its own
            bars = np.array([[e.error, abs(e.analytic)] for e in entries[: unseen.size]])
            unseen |= bars[:, 0] >= bars[:, 1]
            dim = (bars[:, 0] > CLEAR * bars[:, 1]) & ~unseen
        self.dead = [int(k) for k in np.flatnonzero(unseen)]
        self.dim = [int(k) for k in np.flatnonzero(dim)]  # a mistake of a thousandth would not have been seen
        self.seen: list[Entry] = []  # entries that were looked at elsewhere
        self.place: Any = None  # the inputs at which one is wrong
        self.budget = CALLS * subject.x.size

    def affords(self, calls: int) -> bool:
        """Whether the function may still be called so often."""
        return self.subject.calls + calls <= self.budget

    def look(self) -> None:
        """Draw other inputs until every derivative in question was seen, or patience ends."""
        waiting = self.chosen()
        for x in self.inputs():
            if not waiting or self.place is not None or not self.affords(VISIT):
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
        subject = self.subject
        try:
            probe = Probe.of(subject, x)
        except Exception:  # outside the domain
            return list(waiting)
        g = subject.nearby(x, self.judge.c)
        if probe.y.shape != self.judge.probe.y.shape or not np.all(np.isfinite(probe.y)) or not np.all(np.isfinite(g)):
            return list(waiting)
        if not np.any(g[list(waiting)]) and not self.moves(probe, waiting):
            return list(waiting)
        probe.measure_noise(self.rng, 1)
        judge = Judge(subject, probe, self.judge.c, g, np.zeros(g.size), self.rng, self.judge.each)
        judge.complex, judge.most = self.judge.complex, PAIRS
        left = []
        for k in waiting:
            if not self.affords(2 * PAIRS + 1):
                left.append(k)
                continue
            entry = judge.entry(k)
            if entry.verdict == "WRONG":
                self.place = x
            sharp = entry.error <= CLEAR * max(abs(entry.analytic), abs(entry.numerical))
            if entry.verdict == "WRONG" or (entry.verdict == "RIGHT" and entry.analytic and sharp):
                self.seen.append(entry)
            else:
                left.append(k)
        return left

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


def look_elsewhere(subject: Subject, judge: Judge, report: Report) -> Any:
    """Say in a report that is RIGHT which derivatives were not seen; return inputs where they are wrong, if found."""
    search = Elsewhere(subject, judge, report.entries)
    if not search.dead and not search.dim:
        return None
    search.look()
    report.diagnosis = search.told()
    return search.place
