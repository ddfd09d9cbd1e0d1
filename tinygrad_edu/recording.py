"""What is being recorded just now, in this thread or task, and where the user's program stands."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache, lru_cache
from types import CodeType, FrameType
from typing import Any, overload

import numpy as np

from .blocks import STATES, Block, Body

PACKAGE = os.path.dirname(__file__) + os.sep
LIBRARIES = (PACKAGE, os.path.dirname(np.__file__) + os.sep)


class Recorder:
    """Receives the events of the graph. The base class ignores them: results remember how they were made."""

    def recorded(self, t: Any) -> None:
        """Called with each result of an operation on tracked variables."""

    def pulled(self, steps: Iterator[Any]) -> Iterator[Any]:
        """Called with the steps of each backward walk; returns the iterator of steps that the caller consumes."""
        return steps


class Sites(Recorder):
    """Keep the user's line with each result."""

    def recorded(self, t: Any) -> None:
        t.site = site()


PLAIN, SITES = Recorder(), Sites()
recorder: ContextVar[Recorder] = ContextVar("recorder", default=PLAIN)
recording: ContextVar[Recorder | None] = ContextVar("recording", default=PLAIN)  # None: nothing is recorded


class Tracer:
    """Who computes operations in place of NumPy, and writes them down; see program/."""

    def forward(self, op: Any, xs: Any, attributes: Any) -> Any:
        """The value of an op on variables or arrays."""
        raise NotImplementedError

    def walked(self, steps: Iterator[Any]) -> Iterator[Any]:
        """The steps of a backward walk, in which this package's functions are called, and with `watched` the user's."""
        raise NotImplementedError

    def watched(self, f: Any, *args: Any) -> Any:
        """`f(*args)`, where `f` is the user's."""
        raise NotImplementedError

    def rules(self, op: Any, vjps: Any) -> Any:
        """The rules of an op, as they are to be called in such a walk."""
        raise NotImplementedError

    def gave(self, t: Any, i: int, gx: Any) -> None:
        """Called with what `t` adds to the gradient of its input `i`."""

    def take(self, x: Any) -> None:
        """Note that the value of a variable is read, where no op does it."""
        raise NotImplementedError

    def shown(self, x: Any) -> Any:
        """What `x.data` is."""
        raise NotImplementedError

    def replaced(self, x: Any, array: Any) -> None:
        """Do what `x.data = array` does."""
        raise NotImplementedError

    def graded(self, x: Any, read: bool = True) -> None:
        """Note that the gradient of a variable is read, or only replaced."""
        raise NotImplementedError

    def cleared(self, params: Any, set_to_none: bool) -> None:
        """Do what `zero_grad()` does."""
        raise NotImplementedError

    def stepped(self, optimizer: Any) -> None:
        """Do what `optimizer.step()` does."""
        raise NotImplementedError

    def unknown(self, x: Any) -> bool:
        """Whether the values of an array may be others in the next run."""
        raise NotImplementedError

    def check(self, x: Any, check: Any) -> bool:
        """Have `check(x)` raise its error in this run and each later one; False if x will never change."""
        raise NotImplementedError

    def answer(self, x: Any, question: Any) -> bool | None:
        """The answer to `question(x)` that holds for this program, which is made anew where it does not; None if it
        cannot be known before a run."""
        raise NotImplementedError

    def drawn(self, generator: Any, method: str, args: Any, kwargs: Any, shared: Any) -> Any:
        """What a generator draws; where it is the shared one, `shared()` gives that of another run."""
        raise NotImplementedError

    def sowed(self, generator: Any, seed: Any) -> None:
        """Note a new generator."""
        raise NotImplementedError

    def later(self, effect: Any) -> None:
        """Call `effect()` when what is computed has been written."""
        raise NotImplementedError


tracing: ContextVar[Tracer | None] = ContextVar("tracing", default=None)
TRACERS: list[Tracer] = []  # those at work in any thread; as a rule none, which is quick to see

STATES.extend((recorder, recording))


def tracer() -> Tracer | None:
    """Who writes down what is computed in this thread or task."""
    return tracing.get() if TRACERS else None


class Recording(Block):
    """Record in a block of code, or a function, of this thread or task; tell `by`, or who is told already."""

    states = (recorder, recording)

    def __init__(self, by: Recorder | None = None, on: bool = True) -> None:
        self.by, self.on = by, on

    def inside(self) -> tuple[Any, ...]:
        by = self.by or recorder.get()
        return by, by if self.on else None

    def again(self) -> Recording:
        return Recording(self.by, self.on)


@overload
def no_grad(function: None = None) -> Recording: ...
@overload
def no_grad(function: Body) -> Body: ...
def no_grad(function: Any = None) -> Any:
    """Record nothing in a `with` block, or in a function decorated with it.

    It holds for this thread or task. A decorated function may be a method, a generator or a coroutine: its body
    records nothing whenever it runs, and its caller records while it waits. (A `with` block inside a generator
    stays open over a `yield`, for the caller too: decorate the generator instead.)

    >>> import tinygrad_edu as tg
    >>> w = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> with tg.no_grad():
    ...     w -= 0.1
    >>> w.data
    array([0.9, 1.9], dtype=float32)
    """
    block = Recording(on=False)
    return block if function is None else block(function)


class Site:
    """A line of the user's program, read as "file.py:12"; cheap to take, worked out when shown."""

    __slots__ = ("code", "place")

    def __init__(self, frame: FrameType) -> None:
        self.code, self.place = frame.f_code, frame.f_lasti

    def same(self, other: Any) -> bool:
        """Whether it is the same instruction of the program."""
        return isinstance(other, Site) and (self.code, self.place) == (other.code, other.place)

    def __str__(self) -> str:
        return f"{self.code.co_filename}:{_lines(self.code)[self.place // 2]}"


@lru_cache(maxsize=64)
def _lines(code: CodeType) -> list[int | None]:
    """The line of each instruction."""
    return [line for line, *_ in code.co_positions()]


@cache
def _ours(file: str) -> bool:
    return file.startswith(LIBRARIES)


def user_frame() -> FrameType | None:
    """What is running of the user's program: the nearest frame outside this package."""
    frame: FrameType | None = sys._getframe(2)  # who asks is of this package
    while frame is not None and _ours(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def stack_level() -> int:
    """The `stacklevel` at which a warning of the caller names the user's line."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _ours(frame.f_code.co_filename):
        level, frame = level + 1, frame.f_back
    return level


def site() -> Site | None:
    """The line of the user's program that is running."""
    frame = user_frame()
    return frame and Site(frame)
