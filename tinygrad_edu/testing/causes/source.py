"""Which line of a hand-written derivative is wrong?

The function is run once on Tensors, so that the engine knows the true derivative of the result by every
value in it. Then the hand-written derivative is run again and again, each time with one assignment
mended: it gets a true derivative in place of what it computed. The first whose mending makes the whole
result right is the culprit. By convention `dZ` is the derivative by `Z`; a variable named otherwise is
tried with every true derivative of its shape. Courses leave out 1/m until the end, so that derivatives on
the way may be m times the true ones.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from ...backward import pull
from ...engine import NEEDS, Variable, constant
from ...recording import SITES, Recording
from ..report import Blame
from .mending import Hook, Mendable, assigned_again, site_of, text_of
from .patterns import OVERWRITTEN, TERM, recognise

MOST = 3000  # runs of the derivative
PATIENCE = 2.0  # seconds for all of them: then no line is named
Found = tuple[Blame, str | None]


class Truth(NamedTuple):
    """What the engine knows of the function."""

    arguments: list[Any]  # the derivative by each argument
    nodes: list[Any]  # by every value in the graph
    names: dict[str, list[Any]]  # by each value that a local variable had
    values: dict[str, list[Any]]  # these values themselves
    series: list[list[Any]]  # by the values that an op on one line of the function had, in their order


def blame_line(pair: Any, c: Any, sizes: Sequence[int]) -> Found | None:
    """The first wrong line of the derivative of a `Pair`, and the pattern of its mistake."""
    try:
        truth = truth_of(pair, c)
        search = Search(pair, c, truth, sizes)
    except Exception:  # the function does not run on Tensors, or has no source: then there is no line to name
        return None
    return search.culprit()


class Search:
    """Mends one assignment of the derivative after the other."""

    def __init__(self, pair: Any, c: Any, truth: Truth, sizes: Sequence[int]) -> None:
        self.pair, self.truth, self.sizes, self.runs = pair, truth, sizes, 0
        self.end = monotonic() + PATIENCE
        self.cotangent = np.asarray(c).reshape(pair.shape)
        self.copy = Mendable(pair.df)
        self.seen: dict[int, list[Any]] = {}  # site: the values it was given
        self.before = self.right(self.note)

    def note(self, k: int, value: Any) -> Any:
        if (numbers := _array(value)) is not None:
            self.seen.setdefault(k, []).append(numbers.copy())
        return value

    def right(self, hook: Hook) -> list[bool]:
        """Which gradients are right when assignments go through this hook."""
        self.runs += 1
        df, self.pair.df = self.pair.df, self.copy.with_hook(hook)
        try:
            value, cache = self.pair.call(self.pair.x)
            found = self.pair.differentiate(self.pair.x, value, cache, self.cotangent)
            found = self.pair.named(found, self.cotangent)
        except Exception:  # numbers that do not fit are no mending
            return [False] * len(self.truth.arguments)
        finally:
            self.pair.df = df
        return [_equal(np.asarray(g), t) for g, t in zip(found, self.truth.arguments, strict=True)]

    def culprit(self) -> Found | None:
        """The line to blame: preferably one that explains everything, and that has no good reason for its value."""
        for whole in (True, False):
            for doubt, order in ((0, 1), (1, 1), (2, -1)):
                for k in list(self.seen)[::order]:
                    if self.doubt(k) <= doubt and (true := self.mending(k, whole)) is not None:
                        return self.accuse(k, true)
        return None

    def doubt(self, k: int) -> int:
        """How well the value of a site is explained: 0 not at all, 1 as a multiple of a true derivative, 2 as a
        true derivative, 3 as a number of the function."""
        value = self.seen[k][-1]
        name = self.copy.sites[k].name
        truths = self.truth.names.get(name[1:], []) if name.startswith("d") else []
        truths = truths or self.truth.nodes
        if any(_equal(value, t) for t in truths):
            return 2
        data = () if name.startswith(("d", "g")) else self.truth.values.values()
        if any(_equal(value, v) for values in data for v in values):
            return 3
        return int(any(_equal(value, t * m) for t in truths for m in self.multiples()))

    def multiples(self) -> list[float]:
        return [*self.sizes, *(1 / m for m in self.sizes)]

    def mending(self, k: int, whole: bool) -> Any:
        """A true value for a site that makes all gradients right (or more of them, and none wrong)."""
        for values in self.candidates(k):
            if self.runs > MOST or monotonic() > self.end:
                break
            after = self.right(_Replacing(k, values))
            if all(after) if whole else sum(after) > sum(self.before) and all(np.array(after) >= self.before):
                return values[-1]
        return None

    def candidates(self, k: int) -> Iterator[list[Any]]:
        """What might be right there: for each time that the line ran, a value, or None for its own."""
        name, values = self.copy.sites[k].name, self.seen[k]
        own = self.truth.names.get(name[1:], []) if name.startswith("d") else []
        shape = values[-1].shape
        for m in (1.0, *self.multiples()):
            for t in own or [t for t in self.truth.nodes if t.shape == shape] + self.truth.arguments:
                yield [*[None] * (len(values) - 1), t * m]
            for series in ([own] if own else self.truth.series) if len(values) > 1 else []:
                for i in range(len(series) - len(values) + 1):
                    part = series[i : i + len(values)][::-1]
                    if [t.shape for t in part] == [v.shape for v in values]:
                        yield [t * m for t in part]

    def accuse(self, k: int, true: Any) -> Found:
        (line, name), value, df = self.copy.sites[k], self.seen[k][-1], self.pair.df
        pattern = recognise(value, true, _bars(true), self.sizes, np.zeros(np.shape(true)))
        if (pattern or TERM).startswith((TERM, OVERWRITTEN)):
            pattern = self.forgotten(k, true) or missing_factor(value, true, self.truth.values) or pattern
        return Blame(name, site_of(df, line), text_of(df, line)), pattern

    def forgotten(self, k: int, true: Any) -> str | None:
        """Whether the true value is the sum of what the line, or an earlier one with this name, assigned."""
        (line, name), values = self.copy.sites[k], [v for v in self.seen[k] if v.shape == true.shape]
        earlier = [self.seen[j][-1] for j in self.seen if j < k and self.copy.sites[j].name == name]
        sums = [sum(values), *(values[-1] + v for v in earlier if v.shape == true.shape)]
        found = any(_equal(np.asarray(s), true) for s in sums)
        return assigned_again(name, line) if found else None


class _Replacing:
    """A hook that gives one site other values, in their order."""

    def __init__(self, k: int, values: Sequence[Any]) -> None:
        self.k, self.values = k, iter(values)

    def __call__(self, k: int, value: Any) -> Any:
        other = next(self.values, None) if k == self.k else None
        return value if other is None else other.copy()


def missing_factor(value: Any, true: Any, values: dict[str, list[Any]]) -> str | None:
    """Whether the derivative lacks the slope of an activation, computed from a variable of the function."""
    if value.shape != true.shape or not np.all(value):
        return None
    ratio = true / value
    for name, v in ((name, v) for name, known in values.items() for v in known if v.shape == ratio.shape and v.size):
        for text, slope in SLOPES.items():
            if np.allclose(ratio, slope(v), rtol=1e-6, atol=1e-12) and np.ptp(ratio) > 0:
                return f"{TERM}: the factor {text.replace('v', name)}"
    return None


SLOPES: dict[str, Callable[[Any], Any]] = {
    "1 - v**2": lambda v: 1 - v**2,
    "v * (1 - v)": lambda v: v * (1 - v),
    "v > 0": lambda v: v > 0,
    "cos(v)": np.cos,
    "v": lambda v: v,
    "2 * v": lambda v: 2 * v,
}


def truth_of(pair: Any, c: Any) -> Truth:
    """Run the function on Tensors, and differentiate <c, value> by everything in it."""
    tensors = [constant(a.array.astype(np.float64)[()]) for a in pair.arguments]
    for t in tensors:
        t.flags = NEEDS
    inputs = pair.placed(tensors)
    with Recording(SITES), np.errstate(all="ignore"):
        result, seen = watch(pair.f, lambda: pair.f(*inputs))
        value = result[0] if isinstance(result, tuple) else result
        pulled = list(pull([(value, np.asarray(c, dtype=np.float64).reshape(value.shape)[()])]))
    found = {t.born: np.asarray(g) for t, g in pulled}
    seen += [(a.name, t) for a, t in zip(pair.arguments, tensors, strict=True)]
    names: dict[str, list[Any]] = {}
    values: dict[str, list[Any]] = {}
    series: dict[tuple[str, str], list[Any]] = {}
    for t, _ in reversed(pulled):
        series.setdefault((str(t.op), str(t.site)), []).append(found[t.born])
    for name, v in seen:
        if isinstance(v, Variable) and v.born in found:
            names.setdefault(name, []).append(found[v.born])
        if (known := _array(getattr(v, "_data", v))) is not None:
            values.setdefault(name, []).append(known)
    zero = [np.zeros(a.array.shape) for a in pair.arguments]
    arguments = [found.get(t.born, z) for t, z in zip(tensors, zero, strict=True)]
    return Truth(arguments, list(found.values()), names, values, list(series.values()))


def watch(f: Callable[..., Any], call: Callable[[], Any]) -> tuple[Any, list[tuple[str, Any]]]:
    """Run `call`, and note the values that `f`, and what it calls in its own file, assign to local variables."""
    file = inspect.unwrap(f).__code__.co_filename
    seen: list[tuple[str, Any]] = []
    known: dict[tuple[FrameType, str], int] = {}

    def local(frame: FrameType, event: str, argument: Any) -> Any:
        for name, value in frame.f_locals.items():
            if known.get((frame, name)) != id(value):
                known[frame, name] = id(value)
                seen.append((name, value))
        return local

    before = sys.gettrace()
    sys.settrace(lambda frame, *event: local(frame, *event) if frame.f_code.co_filename == file else None)
    try:
        return call(), seen
    finally:
        sys.settrace(before)


def _bars(true: Any) -> Any:
    return 1e-8 * np.max(np.abs(true), initial=0) + 1e-12 * np.abs(true)


def _equal(value: Any, true: Any) -> bool:
    return value.shape == true.shape and bool(np.all(np.abs(value - true) <= _bars(true)))


def _array(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic | float) and np.asarray(value).dtype.kind == "f":
        return np.asarray(value, dtype=np.float64)
    return None
