"""At which line of a function do two runs of it part, or does something first change?

Both runs are watched line by line. The first array that they leave different, in the order in which arrays get their
last numbers, is the one to blame, and the line is the one that gave it these numbers.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, FrameType
from typing import Any, NamedTuple

import numpy as np

from ..causes.text import text_of
from ..report import Blame
from ..subjects.functions import reached
from ..subjects.other_libraries import plain
from .probes import Run, alike

LARGEST = 100_000  # numbers of an array that is looked at
STEPS = 2_000  # lines that are watched


class LocalValue(NamedTuple):
    """A local variable: the object, and the numbers that it held then."""

    thing: Any
    numbers: Any


class State(NamedTuple):
    """The state after a line: of which call of which function, and its local variables."""

    code: CodeType
    frame: int
    line: int
    values: dict[str, LocalValue]


class StateTrace:
    """Runs something, and keeps the steps of the user's functions among it, and the first after which `changed`."""

    def __init__(self, functions: Sequence[Any], changed: Callable[[], bool] = lambda: False) -> None:
        self.codes = {f.__code__: f for f in functions}
        self.changed = changed
        self.steps: list[State] = []
        self.first: State | None = None
        self.last: dict[FrameType, int] = {}
        self.frames: dict[FrameType, int] = {}

    def __call__(self, run: Run) -> list[State]:
        self.steps, self.last, self.frames = [], {}, {}
        before = sys.gettrace()
        sys.settrace(self.enter)
        try:
            run()
        except Exception:  # the steps until then are what is asked for
            return self.steps
        finally:
            sys.settrace(before)
        return self.steps

    def enter(self, frame: FrameType, event: str, argument: object) -> Any:
        return self.local if frame.f_code in self.codes else None

    def local(self, frame: FrameType, event: str, argument: object) -> Any:
        if len(self.steps) < STEPS and event in ("line", "return"):
            values = dict(_numbers_in(frame.f_locals))
            line = self.last.get(frame, frame.f_lineno) if event == "line" else frame.f_lineno
            if event == "return":
                values |= _numbers_in({f"return {k}": part for k, part in enumerate(_parts(argument))})
            if frame in self.last or event == "return":
                number = self.frames.setdefault(frame, len(self.frames))
                self.steps.append(State(frame.f_code, number, line, values))
                if self.first is None and self.changed():
                    self.first = self.steps[-1]
            self.last[frame] = frame.f_lineno
        return self.local

    def blame(self, step: State, name: str) -> Blame:
        """The line of a step, and the variable that tells."""
        f = self.codes[step.code]
        name = f.__name__ if name.startswith("return ") else name
        return Blame(name, f"{step.code.co_filename}:{step.line}", text_of(f, step.line))


def _numbers_in(variables: Any) -> Iterator[tuple[str, LocalValue]]:
    for name, thing in variables.items():
        if (numbers := _numbers(thing)) is not None:
            yield name, LocalValue(thing, numbers)


def _numbers(thing: object) -> Any:
    """A copy of the numbers of an array or a float, else None."""
    value = thing if isinstance(thing, np.ndarray) else plain(thing)
    if isinstance(value, np.ndarray | np.generic | float) and np.size(value) <= LARGEST:
        value = np.array(value)
        return value if value.dtype.kind in "fiub" else None
    return None


def _parts(result: object) -> list[Any]:
    if isinstance(result, dict):
        return list(result.values())
    return list(result) if isinstance(result, tuple | list) else [result]


def sources(*functions: object) -> list[Any]:
    """The functions of the user that these reach, as far as their text is known."""
    found: list[Any] = []
    for f in functions:
        for g in reached(f):
            try:
                inspect.getsourcelines(g)
            except (OSError, TypeError):
                continue
            found += [g] * (g not in found)
    return found


def parting_line(functions: Sequence[Any], first: Callable[[], Run], second: Callable[[], Run]) -> Blame | None:
    """The line that gave its last numbers to the first array which two runs leave different."""
    watch = StateTrace(functions)
    left, right = watch(first()), watch(second())
    if [(s.code, s.line) for s in left] != [(s.code, s.line) for s in right]:
        return None
    ends = {b.frame: (a.values, b.values) for a, b in zip(left, right, strict=True)}
    parted = [
        changed(right, b[name].thing)
        for a, b in ends.values()
        for name in b
        if name in a and not alike(_numbers(a[name].thing), _numbers(b[name].thing))
    ]
    if not parted:
        return None
    k, name = min(parted)
    return watch.blame(right[k], name)


def changed(steps: Sequence[State], thing: object) -> tuple[int, str]:
    """The last step that changed the numbers of an object, and the variable that it was."""
    last, before = (0, ""), None
    for k, step in enumerate(steps):
        for name, value in step.values.items():
            if value.thing is thing:
                if before is None or not np.array_equal(value.numbers, before, equal_nan=before.dtype.kind == "f"):
                    last = (k, name)
                before = value.numbers
                break
    return last


def writing_line(functions: Sequence[Any], run: Run, altered: Callable[[], bool]) -> Blame | None:
    """The first line after which something has changed."""
    watch = StateTrace(functions, altered)
    watch(run)
    return watch.blame(watch.first, watch.codes[watch.first.code].__name__) if watch.first else None
