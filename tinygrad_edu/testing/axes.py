"""A derivative that is right at its inputs, where their axes have other lengths: one, a prime number, none.

That the numbers are wrong there is a fault of the derivative where the length is surely free: the axis is one of
several, or several inputs have it. Said it is a note, as are a wrong shape and an error: a function of a vector
may take any length while its derivative was written for one.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from .examination import cotangent_of
from .kernels.probes import alike
from .kernels.sizes import LENGTHS, copied, holders, resized, spread, variations
from .slopes.judging import CALLS, Judge
from .slopes.probe import Probe
from .slopes.thresholds import VISIBLE
from .subjects.functions import takes_any_length
from .subjects.other_libraries import plain, precision
from .subjects.pairs import Pair
from .subjects.subjects import Mismatch

VISIT = 22  # calls of the function, at most, for one length: the check, and the same function where an axis is repeated
PAIRS = 4  # of samples, at most, among these
FEW = 6  # lengths, at least, if the function may be called so often; else calls for one in two at the inputs
SURE = 1e-3  # of the derivative: differences that are smaller may be rounding at inputs that nobody chose


class Said(NamedTuple):
    """What is said of another length, and whether it makes the derivative wrong."""

    text: str
    wrong: bool = False


class Axes:
    """The pair of a check, tried with other lengths of axes."""

    def __init__(self, pair: Pair, seed: int) -> None:
        self.pair, self.rng = pair, np.random.default_rng(seed)
        self.free: dict[int, bool] = {}  # lengths, and whether the functions may be tried with others in their place
        self.most = min(CALLS * pair.x.size, pair.calls + max(FEW * VISIT, pair.calls // 2))

    @cached_property
    def size(self) -> float:
        """Of what the function adds up, at the inputs."""
        y = np.asarray(self.pair.value(self.pair.x))
        g = self.pair.gradient(self.pair.x, np.ones(y.size))
        return max(float(np.sum(np.abs(y))), float(np.sum(np.abs(g * self.pair.x))))

    @property
    def functions(self) -> list[Any]:
        return [f for f in self.pair.functions if not (self.pair.own and f is self.pair.functions[1])]

    def said(self) -> list[Said]:
        """What differs at other lengths, until the function was called often enough, or the derivative is wrong."""
        found: list[Said] = []
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # of means of nothing
            for old, new in variations(tuple(self.pair.inputs), LENGTHS):
                if self.pair.calls + VISIT > self.most or any(s.wrong for s in found):
                    break
                if old not in self.free:
                    self.free[old] = all(takes_any_length(f, old) for f in self.functions)
                if self.free[old] and (said := self.at(old, new)) is not None:
                    found.append(said)
        return found

    def at(self, old: int, new: int) -> Said | None:
        """What is said of axes of length `new` in place of `old`, if the function takes them."""
        pair = self.pair
        other = resized(tuple(pair.inputs), old, new, self.rng)
        axes = holders(tuple(pair.inputs), old)
        shared = len(axes) > 1
        try:
            y = self.value(other)
            broadcast = new == 1 and not shared and alike(y, self.value(spread(other, tuple(pair.inputs), old)))
        except Exception:  # the function has no value there
            return None
        if np.ndim(y) != len(pair.shape) or not np.all(np.isfinite(y)) or (new and not np.size(y)):
            return None  # it makes something else of it
        where = f"where an axis has length {new} in place of {old}"
        try:
            text = self.compared(other, empty=not new)
        except Mismatch as found:
            text = (
                f"the gradient of {found.argument.name} has shape {found.got.shape}, not {found.argument.array.shape}"
            )
            return None if broadcast else Said(f"{where}, {text}")
        except Exception as error:
            cause = error.__cause__ or error
            return None if broadcast else Said(f"{where}, df raises {type(cause).__name__}: {cause}")
        free = shared or max(axes, default=0) > 1
        return Said(f"{where}, {text}", free and bool(new)) if text and (free or not broadcast) else None

    def value(self, inputs: Sequence[Any]) -> Any:
        with precision(self.pair.library):
            return np.asarray(plain(self.pair.apart(self.pair.f(*copied(inputs)))[0]))

    def pair_at(self, inputs: Sequence[Any]) -> Pair:
        f, df = self.pair.functions
        return Pair(f, True if self.pair.own else df, inputs)

    def compared(self, inputs: Sequence[Any], empty: bool) -> str:
        """What is wrong with the derivative at these inputs, along one random direction; nothing if it is right."""
        if empty:
            return self.at_nothing(inputs)
        pair = self.pair_at(inputs)
        try:
            probe = Probe.of(pair)
            c = cotangent_of(probe.y, self.rng)
            g = pair.gradient(pair.x, c)
            probe.measure_noise(self.rng, 1)
            judge = Judge(pair, probe, c, g, np.zeros(g.size), self.rng)
            v = self.rng.standard_normal(g.size) * judge.scales
            slope = judge.slope(v, 1.0, float(np.dot(g, v)), PAIRS)
            entry = judge.along(v, (), lambda v, analytic: slope)
        finally:
            self.pair.calls += pair.calls
        if slope.state != "smooth":  # on a kink, where nobody put it: of several at once, no slope is the right one
            return ""
        if entry.verdict != "WRONG":
            return ""
        off, size = abs(entry.analytic - entry.numerical), max(abs(entry.analytic), abs(entry.numerical))
        seen = VISIBLE * max(float(np.sum(np.abs(c * probe.y))), self.size)  # less is lost beside what is added up
        if not off > max(SURE * size, seen):
            return ""
        a, n = entry.analytic, entry.numerical
        return f"the derivative is wrong: {a:.6g} along a direction along which the slope is {n:.6g}"

    def at_nothing(self, inputs: Sequence[Any]) -> str:
        """What is wrong with the gradients at inputs some of which are empty."""
        pair = self.pair_at(inputs)
        self.pair.calls += pair.calls
        y = pair.value(pair.x)
        g = pair.gradient(pair.x, np.ones(y.size))
        return "nothing comes out, and a gradient is not 0" if not y.size and np.any(g) else ""
