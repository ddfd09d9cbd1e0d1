"""A program that is made from another, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..program import Program, Step, Value

Rule = Callable[[Step, "Draft"], Value | None]


class Draft:
    """A program that is made from another: its steps so far, and what made each value."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.constants = dict(program.constants)
        self.steps: list[Step] = []
        self.made: dict[Value, Step] = {}
        self.now: dict[Value, Value] = {}  # what stands for a value of the other program
        self.count: int | None = None  # the number of the last value, once there is a new one
        self.site: str | None = None

    def value(self, shape: tuple[int, ...], dtype: Any) -> Value:
        """A new value."""
        self.count = self.program.free_number() if self.count is None else self.count + 1
        return Value(self.count, tuple(shape), np.dtype(dtype))

    def constant(self, array: Any) -> Value:
        """A new constant."""
        value = self.value(np.shape(array), array.dtype)
        self.constants[value] = array
        return value

    def keep(self, step: Step) -> None:
        """Let a step be the next one."""
        self.steps.append(step)
        for v in step.results:
            self.made[v] = step

    def call(
        self, primitive: str, args: tuple[Any, ...], shape: tuple[int, ...], dtype: Any, /, **kwargs: Any
    ) -> Value:
        """A new step, whose result has this shape and dtype."""
        result = self.value(shape, dtype)
        self.keep(Step(primitive, args, kwargs, (result,), self.site))
        return result

    def follow(self, step: Step) -> Step:
        """A step of the other program, on what stands for its values."""
        return step.renamed(self.now) if self.now else step

    def of(self, value: Any, *primitives: str) -> Step | None:
        """The step that made a value, if it is one of these primitives."""
        step = self.made.get(value) if isinstance(value, Value) else None
        return step if step is not None and step.primitive in primitives else None

    def number(self, x: Any) -> Any:
        """The one number that an argument is, or that all entries of a constant are; None if it is none."""
        if isinstance(x, Value):
            if x not in self.constants:
                return None
            array = np.asarray(self.constants[x])
            first = array.flat[0] if array.size else None
            return first if first is not None and array.tobytes() == first.tobytes() * array.size else None
        return x if isinstance(x, bool | int | float | np.generic) else None

    def end(self) -> Program:
        """What it has become."""
        results = [self.now.get(v, v) for v in self.program.results]
        used = set(results).union(*[step.uses for step in self.steps]) if self.constants else set()
        constants = {v: a for v, a in self.constants.items() if v in used}
        return Program(
            self.program.inputs, self.program.names, constants, self.steps, results, self.program.outputs
        )  # fmt: skip


def rewritten(program: Program, *tables: dict[str, list[Rule]]) -> Program:
    """Each step that a rule knows something simpler for is replaced by that. A rule is given a step, on values that are
    simplified already, and gives the value that stands for its result, or None. Tables have the rules for each
    primitive; those under `*` are for all."""
    draft = Draft(program)
    rules: dict[str, list[Rule]] = {}
    for step in program.steps:
        new, draft.site, name = draft.follow(step), step.site, step.primitive
        if name not in rules:
            rules[name] = [rule for table in tables for rule in (*table.get(name, ()), *table.get("*", ()))]
        found = None
        for rule in rules[name] if len(new.results) == 1 else ():
            found = rule(new, draft)
            if found is not None:
                break
        if found is None:
            draft.keep(new)
        else:
            draft.now[step.result] = found
    return draft.end()
