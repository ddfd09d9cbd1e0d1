"""`Writer`: a program that is being written."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import GraphError
from ..recording import site
from .array import ProgramArray, plain, refusal
from .host import Host, HostNumber
from .primitives import function_of
from .program import Program, Step, Value

NUMBERS = {int, float, bool, str, type(None), type(Ellipsis)}  # arguments that stand for themselves
ARRAYS = np.ndarray, np.generic
UNKNOWN: Any = object()


class Writer:
    """A program that is being written."""

    def __init__(self) -> None:
        self.count = 0
        self.inputs: list[Value] = []
        self.names: list[str] = []
        self.given: dict[Value, Any] = {}  # what inputs are in this run
        self.constants: dict[Value, Any] = {}
        self.steps: list[Step] = []
        self.made: dict[Value, Step] = {}  # what made each value
        self.known: dict[int, tuple[Any, Value]] = {}  # constants by the array's id, which is kept alive
        self.host = Host()
        self.refusal = refusal
        self.questions: list[tuple[Value, Callable[[Any], Any], Any]] = []  # asked about inputs, and the answers
        self.thread = threading.get_ident()
        self.closed = False
        self.lines: dict[Any, str | None] = {None: None}  # the user's lines, by code and place in it
        self.within = False  # a function of this package, and
        self.paused = False  # the watch with it
        self.users = False  # the forward of an operation of the user's
        self.line: Any = UNKNOWN  # the user's line that called it
        self.refused: GraphError | None = None  # what the function did that no program can hold
        self.watch: Any = None  # a profiler that looks at what the user's function calls

    def value(self, x: Any, weak: bool = False) -> Value:
        """A new value of the type of `x`."""
        self.count += 1
        x = np.asarray(x) if weak else x
        return Value(self.count - 1, x.shape, x.dtype, weak)

    def input(self, x: Any, name: str = "") -> ProgramArray:
        """A new input, which is `x` in this run."""
        value = self.value(x)
        self.inputs.append(value)
        self.names.append(name)
        self.given[value] = x
        return ProgramArray(x, value, self)

    def number(self, now: Any, key: Any, again: Callable[[Any], Any]) -> HostNumber:
        """A Python number that `again(arguments)` gives before each run, and that is `now`; equal keys are one."""
        return HostNumber(now, self.host.look_up(key, again), self)

    def ask(self, x: HostNumber, question: Callable[[Any], Any]) -> Any:
        """The answer to a question about a number; a run in which it is another needs another program."""
        answer = question(x.now)
        self.questions.append((self._number(x), question, answer))
        return answer

    def _number(self, x: HostNumber) -> Value:
        """The input of the program that is this number."""
        if x.text not in self.host.inputs:
            value = self.host.inputs[x.text] = self.value(x.now, weak=True)
            self.inputs.append(value)
            self.names.append("")
            self.given[value] = x.now
        return self.host.inputs[x.text]

    def reference(self, x: Any) -> Any:
        """What stands for `x` in the arguments of a step."""
        kind = x.__class__
        if kind is ProgramArray:
            if x.writer is not self:
                raise refusal("a tensor of another compiled function that has ended", "return it from that function")
            return x.value
        if kind in NUMBERS or kind is slice:
            return x
        if isinstance(x, HostNumber):
            return self._number(x)
        if isinstance(x, np.ndarray):
            if id(x) not in self.known:
                value = self.value(x)
                self.known[id(x)] = x, value
                self.constants[value] = x
            return self.known[id(x)][1]
        if isinstance(x, tuple | list):
            return (list if isinstance(x, list) else tuple)(map(self.reference, x))
        if isinstance(x, dict):
            return {k: self.reference(v) for k, v in x.items()}
        return x

    def constant(self, x: Any) -> ProgramArray:
        """A plain array, as it is now and whenever the program runs."""
        return ProgramArray(x, self.reference(x), self)

    def unwatched(self, f: Callable[..., Any], *args: Any) -> Any:
        """`f(*args)`, for functions of this package: they need no watch, which would cost as much time again, and all
        that they do is of one line of the user's."""
        if self.within or threading.get_ident() != self.thread:
            return f(*args)
        watch = self.watch
        self.paused = watch is not None and sys.getprofile() is watch
        if self.paused:
            sys.setprofile(None)
        self.within = True
        try:
            return f(*args)
        finally:
            self.within, self.line = False, UNKNOWN
            if self.paused:
                sys.setprofile(watch)

    def watched(self, f: Callable[..., Any], *args: Any) -> Any:
        """`f(*args)`, for a function of the user's that one of this package calls."""
        if not self.within or threading.get_ident() != self.thread:
            return f(*args)
        line, paused, self.line, self.within = self.line, self.paused, UNKNOWN, False
        if paused:
            sys.setprofile(self.watch)
        try:
            return f(*args)
        finally:
            if paused:
                sys.setprofile(None)
            self.line, self.paused, self.within = line, paused, True

    def call(self, primitive: str, args: Any, kwargs: Any) -> Any:
        """Compute, and write the step down. (A thread that meets a tensor of another's program just computes.)"""
        if threading.get_ident() != self.thread:
            return function_of(primitive)(*plain(args), **plain(kwargs))
        return (
            self._call(primitive, args, kwargs) if self.within else self.unwatched(self._call, primitive, args, kwargs)
        )

    def _call(self, primitive: str, args: Any, kwargs: Any) -> Any:
        if self.closed:
            raise refusal("a tensor of a compiled function that has ended", "return it from the function")
        given = []
        for x in args:
            kind = x.__class__
            given.append(x.values if kind is ProgramArray else x if kind in NUMBERS else plain(x))
        found = function_of(primitive)(*given, **plain(kwargs)) if kwargs else function_of(primitive)(*given)
        several = isinstance(found, tuple | list)
        parts = found if several else (found,)
        for part in parts:
            if not isinstance(part, ARRAYS):
                raise refusal(
                    f"a Python {type(parts[0]).__name__} from {primitive}", "use tg.where, or functions of tensors"
                )
        results = tuple([self.value(part) for part in parts])
        known = tuple([x if x.__class__ in NUMBERS else self.reference(x) for x in args])
        step = Step(primitive, known, self.reference(kwargs) if kwargs else {}, results, self._line())
        self.steps.append(step)
        for value in results:
            self.made[value] = step
        if not several:
            return ProgramArray(found, results[0], self)
        arrays = [ProgramArray(part, value, self) for part, value in zip(parts, results, strict=True)]
        return type(found)(arrays) if type(found) in (tuple, list) else type(found)(*arrays)

    def _line(self) -> str | None:
        """The user's line that is running."""
        if self.line is not UNKNOWN:
            return self.line
        where = site()
        key = None if where is None else (where.code, where.place)
        if key not in self.lines:
            self.lines[key] = str(where)
        self.line = self.lines[key] if self.within else UNKNOWN
        return self.lines[key]

    def program(self, results: list[Value], outputs: list[str]) -> Program:
        """What was written, ended by these results."""
        self.closed = True
        return Program(self.inputs, self.names, self.constants, self.steps, results, outputs).with_steps(self.steps)
