"""Which lines of a hand-written derivative are wrong?

The function is run once on Tensors, so that the engine knows the true derivative of the result by every value in it
(`truth`). Then the hand-written derivative is run again and again, each time with one assignment mended: it gets a true
derivative in place of what it computed. The first whose mending makes the whole result right is the culprit; where
there are several, that which makes most gradients right is mended, and the search goes on. By convention `dZ` is the
derivative by `Z`; a variable named otherwise is tried with every true derivative of its shape. Courses leave out 1/m
until the end, so that derivatives on the way may be m times the true ones: what comes after a line is linear in its
value, so that two runs tell m.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..report import Blame
from . import runs
from .mending import Hook, Mendable
from .patterns import OVERWRITTEN, TERM, recognise
from .text import assigned_again, site_of, text_of
from .truth import Known, Truth, bars, equal, numbers

SEVERAL = 4  # lines that are named, at most
GIVEN = -1  # the site of the gradient of the output


class Culprit(NamedTuple):
    """A wrong line, and the pattern of its mistake."""

    blame: Blame
    pattern: str | None
    handed: bool = False  # it only hands on what is wrong already
    named: bool = False  # by its name, it is to be a derivative, which it is not: what comes after it does not matter


class Mending(NamedTuple):
    """Values for each time that a site was visited (None for its own), and which gradients are right with them."""

    site: int
    values: list[Any]
    right: list[bool]


class Search(runs.Runs):
    """Mends one assignment of the derivative after the other."""

    def __init__(
        self, pair: Any, c: Any, copy: Mendable, truth: Truth, here: tuple[Any, Any], sizes: Sequence[int]
    ) -> None:
        self.mended: list[Mending] = []
        super().__init__(pair, c, copy, truth, here)
        self.truth, self.sizes = truth, sizes
        self.multiples = np.array([1.0, *sizes, *(1 / m for m in sizes)])
        self.carries = False  # whether some value is a derivative from left to right
        self.look()
        self.at_first = {k: self.doubts(k) for k in self.seen}  # before anything is mended

    def run(self, hook: Hook) -> list[Any] | None:
        fixed = {m.site: runs.Replacing(m.site, m.values) for m in self.mended}
        return super().run(lambda k, value: hook(k, fixed[k](k, value) if k in fixed else value))

    def look(self) -> None:
        """Run the derivative as far as it is mended, and note the values of each site."""
        self.seen: dict[int, list[Any]] = {}
        self.order: dict[int, list[int]] = {}  # when: the how manieth of all visits it was

        def note(k: int, value: Any) -> Any:
            if (found := numbers(value, whole=self.copy.sites[k].handed)) is not None:
                self.order.setdefault(k, []).append(sum(map(len, self.seen.values())))
                self.seen.setdefault(k, []).append(found.copy())
            return value

        self.gradients = self.run(note)
        self.before = self.right(self.gradients)
        self.zeroed: dict[int, list[Any] | None] = {}
        self.had = Known(v for values in self.seen.values() for v in values)
        self.holders: dict[tuple[Any, bytes], int] = {  # the first site that had these numbers
            (self.cotangent.shape, self.cotangent.tobytes()): GIVEN
        }
        for i, k in sorted((i, k) for k, times in self.order.items() for i in times):
            value = self.seen[k][self.order[k].index(i)]
            if not self.copy.sites[k].given:
                self.holders.setdefault((value.shape, value.tobytes()), k)
        self.presence: dict[tuple[Any, bytes], bool] = {}
        names = {self.copy.sites[k].name for k in self.seen if not self.prepares(k)}
        self.owned = {id(t) for name in names for series in self.own(name) for t in series}  # derivatives with a name

    def told(self) -> str:
        """How far the search went."""
        return f"{self.runs} runs of df" + (", after which the search ends" if self.runs >= runs.MOST else "")

    def culprits(self) -> list[Culprit]:
        """The lines to blame."""
        found: list[Culprit] = []
        while len(found) < SEVERAL and not all(self.before) and (best := self.best()) is not None:
            if found and self.copy.sites[best.site].handed:  # where it went wrong is named already
                break
            best = self.origin(best)
            found.append(self.accuse(best))
            self.mended.append(best)
            self.look()
        return found

    def best(self) -> Mending | None:
        """The mending that makes everything right, preferably of a site that has no good reason for its value; else the
        one that makes most of it right, and nothing wrong."""
        taken = {m.site for m in self.mended} | {k for k in self.seen if self.prepares(k)}
        doubts = {k: self.doubts(k) for k in self.seen if k not in taken and not self.copy.sites[k].given}
        first = {k: self.order[k][next(i for i, d in enumerate(ds) if d == min(ds))] for k, ds in doubts.items()}
        own = {k for k in doubts if not self.copy.sites[k].handed}
        doubtful = sorted(
            (k for k in own if min(doubts[k]) < 2), key=lambda k: (self.final(k), min(doubts[k]), first[k])
        )
        trusted = sorted((k for k in own if min(doubts[k]) >= 2), key=lambda k: -first[k])
        handed = sorted(doubts.keys() - own, key=lambda k: first[k])
        partial: Mending | None = None
        for sites in (doubtful, trusted, handed):
            for k, values in self.trials(sites):
                for mending in self.mendings(k, values):
                    if all(mending.right):
                        return self.latest(mending)
                    if partial is None or sum(mending.right) > sum(partial.right):
                        partial = mending
        return partial

    def latest(self, mending: Mending) -> Mending:
        """The same mending where a variable that is wrong was last assigned, if a later line hands on the same numbers:
        what is missing there is missing in the end."""
        here, found = self.copy.sites[mending.site], mending
        for k in self.seen:
            there = self.copy.sites[k]
            same = (there.function, there.name) == (here.function, here.name) and not there.given and not there.handed
            if k > mending.site and same and self._alike(k, mending.site) and there.line > here.line:
                again = self.run(runs.Replacing(k, mending.values))
                found = Mending(k, mending.values, mending.right) if all(self.right(again)) else found
        return found

    def origin(self, mending: Mending) -> Mending:
        """A line of a loop that is right until another one has run only hands on what that one adds: this is wrong, if
        the same differences, added there, make as much right."""
        k, times = mending.site, self.order[mending.site]
        shifts = self._shifts(mending)
        if len(times) < 2 or not shifts or shifts[0].any():
            return mending
        for j, visits in self.order.items():
            site = self.copy.sites[j]
            own = not (site.given or site.handed or site.empty)
            if j == k or not own or visits[0] < times[0] or self.seen[j][0].shape != shifts[0].shape:
                continue
            after = [next((i for i, t in enumerate(times) if t > v), None) for v in visits]
            moved = runs.Moving(j, [None if i is None else shifts[i] for i in after])
            right = self.right(self.run(moved))
            if len({*after} - {None}) == len(times) - 1 and all(np.array(right) >= mending.right):
                return Mending(j, moved.values, right)
        return mending

    def _shifts(self, mending: Mending) -> list[Any]:
        """What a line lacks each time, when what it goes on with is right."""
        wanted, raw = runs.Replacing(mending.site, mending.values), list[Any]()

        def note(k: int, value: Any) -> Any:
            if k == mending.site:
                raw.append(np.copy(numbers(value)))
            return wanted(k, value)

        self.run(note)
        pairs = list(zip(mending.values, raw, strict=False))
        if any(v is None or v.shape != r.shape for v, r in pairs):
            return []
        return [np.where(np.abs(v - r) <= bars(v), 0, v - r) for v, r in pairs]

    def _alike(self, k: int, other: int) -> bool:
        """Whether two sites had the same numbers each time."""
        pairs = len(self.seen[k]) == len(self.seen[other]), zip(self.seen[k], self.seen[other], strict=False)
        return pairs[0] and all(map(np.array_equal, *zip(*pairs[1], strict=True)))

    def final(self, k: int) -> bool:
        """Whether a site has what is returned, so that its mending makes that right wherever the mistake is."""
        returned = {(g.shape, g.tobytes()) for g in self.gradients or []}
        return (self.seen[k][-1].shape, self.seen[k][-1].tobytes()) in returned

    def trials(self, sites: Sequence[int]) -> Iterator[tuple[int, Iterator[list[Any]]]]:
        """Sites, each with what might be right there: first what is likely, at every site."""
        named = {k for k in sites if self.own(self.copy.sites[k].name)}
        yield from ((k, self.likely(k)) for k in sites)
        yield from ((k, self.last(k)) for k in sites if k in named)
        yield from ((k, self.explained(k)) for k in sites if k not in named)
        yield from ((k, self.last(k)) for k in sites if k not in named)

    def prepares(self, k: int) -> bool:
        """Whether a site makes a zero, or an array of zeros, to which something is added later."""
        return self.copy.sites[k].empty and not any(v.any() for v in self.seen[k])

    def doubts(self, k: int) -> list[int]:
        """How well the values of a site are explained: 0 not at all, or by an earlier line that had them already, 1 as
        multiples or shares of true derivatives, 2 as true derivatives, 3 as numbers of the function."""
        return [self._explained(k, value) for value in self.seen[k]]

    def _explained(self, k: int, value: Any) -> int:
        name = self.copy.sites[k].name
        named = self.own(name)
        known = Known(t for series in named for t in series) if named else self.truth.gradients
        factors = known.factors(value)
        if np.any(np.isclose(factors, 1, rtol=1e-8)):
            if not named and self.holders.get((value.shape, value.tobytes()), k) != k:
                return 0  # nothing was done here to what there was
            wholes = [t for t in named[0] if t.shape == value.shape] if named else []
            partly = bool(wholes) and not any(equal(value, t) for t in wholes)
            return 1 if partly and not any(map(self.present, wholes)) else 2
        again = name in self.truth.values or not name.startswith(("d", "g"))
        if again and np.any(np.isclose(self.truth.data.factors(value), 1, rtol=1e-8)):
            return 3
        if np.any(np.isclose(self.truth.pushed.factors(value), 1, rtol=1e-8)):
            self.carries = self.carries or bool(value.any())
            return 2
        return int(any(map(self._usual, factors)))

    def _usual(self, k: float) -> bool:
        """Whether it is a factor that derivatives on the way may have."""
        return bool(np.any(np.isclose(k, self.multiples, rtol=1e-6)))

    def own(self, name: str) -> list[list[Any]]:
        """The true derivatives by the variable that a name speaks of, `Z` for `dZ`, and their shares."""
        name = name.rpartition(".")[2]
        start = next((s for s in ("grad_", "d_", "d") if name.startswith(s)), None)
        return self.truth.names.get(name[len(start) :], []) if start else []

    def without(self, k: int) -> list[Any] | None:
        """The gradients with zeros for the values of a site; None if nothing depends on these."""
        if k not in self.zeroed:
            zeros = [np.zeros_like(v) for v in self.seen[k]]
            found = self.run(runs.Replacing(k, zeros)) if any(v.any() for v in self.seen[k]) else self.gradients
            same = found is not self.gradients and found is not None and self._same(found)
            self.zeroed[k] = None if same else found
        return self.zeroed[k]

    def mendings(self, k: int, candidates: Iterable[list[Any]]) -> Iterator[Mending]:
        """True values for a site that make more gradients right, and none wrong."""
        if self.runs >= runs.MOST or (without := self.without(k)) is None:
            return
        for values in candidates:
            if self.runs >= runs.MOST:
                return
            found = self.run(runs.Replacing(k, values))
            for m in self._factors(found, without):
                after = self._scaled(found, without, m)
                if sum(after) > sum(self.before) and all(np.array(after) >= self.before):
                    yield Mending(k, [None if v is None else v * m for v in values], after)
                    break

    def _same(self, found: list[Any]) -> bool:
        return self.gradients is not None and all(map(np.array_equal, found, self.gradients))

    def _factors(self, found: list[Any] | None, without: list[Any] | None) -> list[float]:
        """The factors by which the values of a site may be multiplied to make a gradient right."""
        factors = [1.0]
        if found is None or without is None:
            return factors
        for g, zero, true in zip(found, without, self.truth.arguments, strict=True):
            if g.shape == zero.shape == true.shape and (square := float(np.sum((g - zero) ** 2))):
                m = float(np.sum((g - zero) * (true - zero))) / square
                if self._usual(m) and not np.isclose(m, factors, rtol=1e-6).any():
                    factors.append(float(self.multiples[np.argmin(np.abs(self.multiples - m))]))
        return factors

    def _scaled(self, found: list[Any] | None, without: list[Any] | None, m: float) -> list[bool]:
        if m == 1 or found is None or without is None:
            return self.right(found)
        return self.right([z + m * (g - z) for g, z in zip(found, without, strict=True)])

    def likely(self, k: int) -> Iterator[list[Any]]:
        """What might be right at a site, a value for each time that it was visited: by its name; else true derivatives
        that no site has."""
        if self.own(self.copy.sites[k].name):
            yield from self.candidates(k)
            if len(self.seen[k]) == 1:  # it may speak of another variable
                shape = self.seen[k][0].shape
                yield from ([t] for t in self.truth.fitting(shape) if t.shape == shape and id(t) not in self.owned)
        else:
            yield from (values for values in self.candidates(k) if not all(map(self.present, values)))

    def explained(self, k: int) -> Iterator[list[Any]]:
        """True derivatives that some site has already."""
        return (values for values in self.candidates(k) if all(map(self.present, values)))

    def last(self, k: int) -> Iterator[list[Any]]:
        """What might be right there the last of several times, the others being right."""
        values = self.seen[k]
        for t in self.truths(k) if len(values) > 1 else []:
            yield [*[None] * (len(values) - 1), t]

    def candidates(self, k: int) -> Iterator[list[Any]]:
        name, values = self.copy.sites[k].name, self.seen[k]
        own, again = self.own(name), self.truth.values.get(name, [])
        if len(values) == 1:
            yield from ([t] for t in self.truths(k))
        shapes = [v.shape for v in values]
        several = [*(own or self.truth.series), *self.tangents()] if len(values) > 1 else []
        for series in [*several, again]:  # the last: a value of the function, computed once more
            for part in _parts(series, len(values)):
                for turned in (part[::-1], part):
                    if all(t is None or t.shape == s for t, s in zip(turned, shapes, strict=True)):
                        yield list(turned)

    def tangents(self) -> list[list[Any]]:
        """The derivatives from left to right, if the code carries such along."""
        return self.truth.tangents if self.carries else []

    def truths(self, k: int) -> list[Any]:
        """True derivatives that fit a site."""
        shape = self.seen[k][-1].shape
        own = [t for series in self.own(self.copy.sites[k].name) for t in series]
        if own or self.copy.sites[k].handed:
            return own + (self.truth.arguments if self.copy.sites[k].handed else [])
        return self.truth.fitting(shape) + [t for series in self.tangents() for t in series if t.shape == shape]

    def present(self, true: Any) -> bool:
        """Whether some site has this derivative."""
        if true is None:
            return True
        key = true.shape, true.tobytes()
        if key not in self.presence:
            self.presence[key] = bool(np.any(np.isclose(self.had.factors(true), 1, rtol=1e-8)))
        return self.presence[key]

    def accuse(self, mending: Mending) -> Culprit:
        """The line of a mending, and what is wrong with it: where it ran first, if it is wrong there."""
        k, values = mending.site, mending.values
        site = self.copy.sites[k]
        wrong = (i for i, t in enumerate(values) if t is not None and not equal(self.seen[k][i], t))
        i = next(wrong, max(i for i, t in enumerate(values) if t is not None))
        value, true = self.seen[k][i], values[i]
        true = true.reshape(value.shape) if true.size == value.size else true
        pattern = recognise(value, true, bars(true), self.sizes, np.zeros(np.shape(true)))
        if (pattern or TERM).startswith((TERM, OVERWRITTEN)):
            pattern = self.forgotten(k, true) or self.missing_factor(value, true) or pattern
        blame = Blame(site.name, site_of(site.function, site.line), text_of(site.function, site.line))
        named = any(equal(t, true) for series in self.own(site.name) for t in series)
        return Culprit(blame, pattern, site.handed, named)

    def forgotten(self, k: int, true: Any) -> str | None:
        """Whether the true value is the sum of what the line, or an earlier one with this name, assigned."""
        site, values = self.copy.sites[k], [v for v in self.seen[k] if v.shape == true.shape]
        earlier = [self.seen[j][-1] for j in self.seen if j < k and self.copy.sites[j].name == site.name]
        sums = [sum(values), *(values[-1] + v for v in earlier if v.shape == true.shape)] if values else []
        found = any(equal(np.asarray(s), true) for s in sums)
        return assigned_again(site.name, site.line) if found else None

    def missing_factor(self, value: Any, true: Any) -> str | None:
        """Whether the derivative lacks the slope of an activation, computed from a variable of the function."""
        if value.shape != true.shape or not np.all(value):
            return None
        ratio = true / value
        mine = {self.copy.sites[k].name: values for k, values in self.seen.items()}
        for name, known in (*self.truth.values.items(), *mine.items()):
            name = name.removeprefix("self.")
            for v in (v for v in known if name.isidentifier() and _spreads(v, ratio)):
                for text, slope in SLOPES.items():
                    if np.allclose(ratio, slope(v), rtol=1e-6, atol=1e-12) and np.ptp(ratio) > 0:
                        return f"{TERM}: the factor {text.replace('v', name)}"
        return None


def _spreads(v: Any, ratio: Any) -> bool:
    """Whether an array has the shape of another, or is broadcast to it."""
    pairs = list(zip(v.shape[::-1], ratio.shape[::-1], strict=False))
    return bool(v.size) and 0 < v.ndim <= ratio.ndim and all(n in (1, m) for n, m in pairs)


def _parts(series: list[Any], n: int) -> Iterator[Sequence[Any]]:
    """Runs of `n` in a row, the first having none perhaps, as the state that a recurrent network begins with; or, where
    an op stands several times on its line, every so manieth."""
    known = [None, *series] if n > 1 else series
    yield from (known[i : i + n] for i in range(len(known) - n, -1, -1))
    for step in range(2, len(series) // max(n - 1, 1) + 1):
        yield from (series[i::step][:n] for i in range(step) if len(series[i::step]) == n)


SLOPES: dict[str, Callable[[Any], Any]] = {
    "1 - v**2": lambda v: 1 - v**2,
    "v * (1 - v)": lambda v: v * (1 - v),
    "v > 0": lambda v: v > 0,
    "cos(v)": np.cos,
    "1 - v": lambda v: 1 - v,
    "v": lambda v: v,
    "2 * v": lambda v: 2 * v,
}
