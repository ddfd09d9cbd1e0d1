"""What a run takes in: arguments, tensors from outside and their gradients, answers about values, random numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine import NEEDS, births, constant
from ..recording import Tracer
from .array import ProgramArray, refusal
from .host import HostNumber
from .program import Value
from .writer import Writer
from .written import Place, Taken


class Inputs(Tracer):
    """The inputs of a program, each with where its value comes from."""

    def __init__(self) -> None:
        self.writer = Writer()
        self.start = births()
        self.sources: dict[Value, Place] = {}
        self.taken: dict[int, Taken] = {}
        self.arguments: list[tuple[int, Any, Any, Value, Any]] = []  # number, given, inside, and its inputs
        self.settled: dict[int, bool] = {}  # leaves: whether what is done depends on the gradient that they had
        self.checks: list[tuple[ProgramArray, Callable[[Any], None]]] = []
        self.draws: list[tuple[Any, Any]] = []  # calls of generators, and what they gave
        self.sown: list[tuple[Any, Any]] = []  # generators that were made within, and their seeds
        self.states: list[tuple[Any, Any]] = []  # generators that were drawn from, as they were before

    def argument(self, x: Any, i: int, name: str = "") -> ProgramArray:
        """The array of an argument as an input."""
        array = self.writer.input(x, name)
        self.sources[array.value] = Place("argument", None, i)
        if isinstance(x, np.ndarray):
            self.arguments.append((i, x, array, array.value, None))
        return array

    def tensor(self, x: Any, i: int) -> Any:
        """A tensor that stands for an argument."""
        data = x._data if hasattr(x._data, "dtype") else np.asarray(x._data)
        array = self.writer.input(data, x.name or "")
        self.sources[array.value] = Place("argument", None, i)
        t = constant(array)
        t.flags, t.name, t.hooks = x.flags & NEEDS, x.name, x.hooks
        if x.op is None and x._grad is not None:
            gradient = self.writer.input(x._grad._data, f"grad of {x.name}" if x.name else "")
            self.sources[gradient.value] = Place("argument grad", None, i)
            t._grad = constant(gradient)
        self.arguments.append((i, x, t, array.value, t._grad))
        return t

    def number(self, x: float, i: int) -> Any:
        """A number that stands for an argument."""
        return self.writer.number(x, ("argument", i), lambda leaves: leaves[i])

    def array(self, x: Any) -> Any:
        """The value of a variable; of one that existed before, it is an input from now on."""
        self.take(x)
        return x._data

    def take(self, x: Any) -> None:
        data = x._data
        if isinstance(data, ProgramArray | HostNumber | int | float) or x.born >= self.start or id(x) in self.taken:
            return
        if not isinstance(data, np.ndarray | np.generic):
            raise refusal(
                "a batch of vmap from outside", "compile the function that is mapped, or map the compiled one"
            )
        taken = Taken(x)
        array = self.writer.input(data, x.name or "")
        self.sources[array.value] = Place("value", x)
        taken.value = array.value
        g = x._grad
        if x.op is None and g is not None:
            gradient = self.writer.input(g._data, f"grad of {x.name}" if x.name else "")
            self.sources[gradient.value] = Place("grad", x)
            taken.gradient = constant(gradient)
            taken.gradient.born, taken.gradient.site = g.born, g.site
        self.taken[id(x)] = taken
        if taken.gradient is not None:
            x._grad = taken.gradient
        x._data = array

    def graded(self, x: Any, read: bool = True) -> None:
        self.take(x)
        taken = self.taken.get(id(x))
        self.settled.setdefault(id(x), read or (taken is not None and x._grad is not taken.gradient))

    def unknown(self, x: Any) -> bool:
        return isinstance(x, ProgramArray)

    def check(self, x: Any, check: Callable[[Any], None]) -> bool:
        if not isinstance(x, ProgramArray):
            return False
        check(x.values)
        self.checks.append((self._whole_input(x), check))
        return True

    def answer(self, x: Any, question: Callable[[Any], bool]) -> bool | None:
        x = self._whole_input(x) if isinstance(x, ProgramArray) else x
        if not isinstance(x, ProgramArray) or x.value not in self.sources:
            return None
        answer = bool(question(x.values))
        self.writer.questions.append((x.value, question, answer))
        return answer

    def _whole_input(self, x: ProgramArray) -> ProgramArray:
        """The input of which `x` is another shape, as its values are known before a run; else a copy of `x`."""
        made, value = self.writer.made, x.value
        while value not in self.sources and value in made and made[value].primitive == "reshape":
            value = made[value].uses[0]
        return ProgramArray(x.values, value, self.writer) if value in self.sources else x.__copy__()

    def shown(self, x: Any) -> Any:
        return self.array(x)

    def sowed(self, generator: Any, seed: Any) -> None:
        self.sown.append((generator, seed))

    def drawn(self, generator: Any, method: str, args: Any, kwargs: Any, shared: Any) -> Any:
        own = [seed for inner, seed in self.sown if inner is generator]
        if own and own[0] is not None:
            return generator.drawn(method, *args, **kwargs)  # the same in each run
        if own:
            raise refusal("a generator without a seed, made within", "make it outside, or give it a seed")
        if not any(known is generator for known, _ in self.states):
            self.states.append((generator, generator.state()))
        found, call = np.asarray(generator.drawn(method, *args, **kwargs)), (generator, method, args, kwargs)
        if generator.repeats():
            for earlier, array in self.draws:
                if earlier == call and np.array_equal(array.values, found):
                    return array
        array = self.writer.input(found, method)
        self.draws.append((call, array))
        self.sources[array.value] = Place("drawn", generator if shared is None else shared, (method, args, kwargs))
        return array

    def undrawn(self) -> None:
        """Generators are as they were before."""
        for generator, state in self.states:
            generator.set_state(state)
