"""A `Program`: what a function asks of arrays, written down as data.

A program has typed inputs, constants, steps and results. Each step calls one primitive, a function of NumPy (or an op
of this package that NumPy has no name for), on earlier values. It can be read as text, kept as JSON, drawn, and run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import is_
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from .coding import decoded, encoded
from .primitives import VIEWS, function_of


class Value:
    """One array of a program: its shape and dtype, and the number under which text shows it."""

    __slots__ = ("dtype", "number", "shape", "weak")

    def __init__(self, number: int, shape: tuple[int, ...], dtype: np.dtype[Any], weak: bool = False) -> None:
        self.number, self.shape, self.dtype = number, shape, dtype
        self.weak = weak  # a Python number, which never widens what it meets

    def __repr__(self) -> str:
        return f"v{self.number}"

    @property
    def type(self) -> str:
        """As text: `float32[2, 3]`."""
        return "number" if self.weak else f"{self.dtype}[{', '.join(map(str, self.shape))}]"

    @property
    def size(self) -> int:
        """How many entries it has."""
        return math.prod(self.shape)


UNKNOWN: Any = object()


class Step:
    """`results = primitive(*args, **kwargs)`, where values of the program stand anywhere within the arguments. A step
    is never changed. `uses` are the values that it reads, in the order in which they stand; `result` is its first
    result, as a rule the only one."""

    __slots__ = ("_form", "args", "kwargs", "primitive", "result", "results", "site", "uses")

    def __init__(
        self,
        primitive: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        results: tuple[Value, ...],
        site: str | None = None,
        uses: tuple[Value, ...] | None = None,
        form: Any = UNKNOWN,
    ) -> None:
        self.primitive, self.args, self.kwargs, self.results, self.site = primitive, args, kwargs, results, site
        self.uses = uses_of(args, kwargs) if uses is None else uses
        self.result = results[0]
        self._form = form

    @property
    def form(self) -> Any:
        """All but the values; None if it cannot be compared. Steps of one form on the same values are equal, and equal
        forms are one object."""
        if self._form is UNKNOWN:
            self._form = form_of(self.primitive, self.args, self.kwargs)
        return self._form

    def on(self, change: Callable[[Value], Any]) -> Step:
        """The same step on other values."""
        return Step(
            self.primitive, changed(self.args, change), changed(self.kwargs, change), self.results, self.site
        )  # fmt: skip

    def renamed(self, now: dict[Value, Value]) -> Step:
        """The same step on what stands for its values, where something does."""
        for v in self.uses:
            if v in now:
                break
        else:
            return self

        def change(v: Value) -> Value:
            return now.get(v, v)

        args, kwargs, uses = self.args, self.kwargs, tuple([now.get(v, v) for v in self.uses])
        plain = len(args) == len(uses) and all(map(is_, args, self.uses))
        args = uses if plain else changed(args, change)
        return Step(self.primitive, args, changed(kwargs, change), self.results, self.site, uses, self._form)

    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        args = [shown(a) for a in self.args] + [f"{k}={shown(a)}" for k, a in self.kwargs.items()]
        return f"{', '.join(map(repr, self.results))} = {self.primitive}({', '.join(args)})"


@dataclass(eq=False)
class Program:
    """Inputs, constants, steps, results."""

    inputs: list[Value]
    names: list[str]
    constants: dict[Value, Any]
    steps: list[Step]
    results: list[Value]
    outputs: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        called = [f"{v}: {v.type}" + (f"  {name}" if name else "") for v, name in zip(self.inputs, self.names)]
        lines = ["program("] + [f"    {line}" for line in called] + ["):"]
        lines += [f"    {v} = constant({_few(a)})  {v.type}" for v, a in self.constants.items()]
        for step in self.steps:
            lines.append(f"    {step}  {', '.join(v.type for v in step.results)}")
        lines.append(f"    return {', '.join(map(repr, self.results))}")
        return "\n".join(lines)

    __repr__ = __str__

    def __call__(self, *arrays: Any) -> list[Any]:
        """Run it on NumPy, step by step: the meaning of a program, with which every other way to run it must agree."""
        if len(arrays) != len(self.inputs):
            raise TypeError(
                f"program: takes {len(self.inputs)} arrays; got {len(arrays)}; give one for each of {self.names}"
            )
        known: dict[Value, Any] = {**self.constants, **dict(zip(self.inputs, arrays, strict=True))}
        with np.errstate(all="ignore"):
            for step, gone in zip(self.steps, self.last_uses(), strict=True):
                now = step.on(known.__getitem__)
                found = function_of(step.primitive)(*now.args, **now.kwargs)
                found = found if len(step.results) > 1 or isinstance(found, tuple | list) else (found,)
                known.update(zip(step.results, found, strict=True))
                del now, found
                for v in gone:
                    del known[v]
        return [known[v] for v in self.results]

    def last_uses(self) -> list[list[Value]]:
        """For each step, the values that steps made and that nothing needs after it."""
        kept, found = {*self.results, *self.inputs, *self.constants}, []
        for step in reversed(self.steps):
            gone = [v for v in dict.fromkeys((*step.uses, *step.results)) if v not in kept]
            kept.update(gone)
            found.append(gone)
        return found[::-1]

    def peak(self) -> int:
        """The bytes that results of steps take at most at one time, if each is freed after its last use. Views share
        the memory of what they show; what a primitive needs while it runs does not count."""
        owner: dict[Value, Value] = {}  # of the memory that a value shows
        living: dict[Value, int] = {}  # how many values show it
        now = most = 0
        for step, gone in zip(self.steps, self.last_uses(), strict=True):
            for v in step.results:
                x = step.args[0] if step.primitive in VIEWS and _shows(step) else v
                owner[v] = owner.get(x, x)
                if owner[v] is v:
                    now += v.size * v.dtype.itemsize
                living[owner[v]] = living.get(owner[v], 0) + 1
            most = max(most, now)
            for v in gone:
                own = owner[v]
                living[own] -= 1
                now -= own.size * own.dtype.itemsize if not living[own] and own in owner else 0
        return most

    def to_json(self) -> str:
        """As text in JSON, from which `Program.from_json` makes an equal program."""
        return json.dumps(self.to_data())

    def to_data(self) -> dict[str, Any]:
        """What `to_json` writes down, as lists, dicts, texts and numbers."""
        values = {v: i for i, v in enumerate(self.values())}
        return {
            "values": [[list(v.shape), v.dtype.str, v.weak] for v in values],
            "inputs": [[values[v], name] for v, name in zip(self.inputs, self.names, strict=True)],
            "constants": [[values[v], encoded(a, values)] for v, a in self.constants.items()],
            "steps": [
                [s.primitive, encoded(list(s.args), values), encoded(s.kwargs, values), [values[v] for v in s.results],
                 s.site]
                for s in self.steps
            ],
            "results": [values[v] for v in self.results],
            "outputs": self.outputs,
        }  # fmt: skip

    @classmethod
    def from_json(cls, text: str) -> Program:
        """The program that `to_json` wrote down."""
        data = json.loads(text)
        values = [Value(i, tuple(s), np.dtype(d), w) for i, (s, d, w) in enumerate(data["values"])]
        return cls(
            [values[i] for i, _ in data["inputs"]],
            [name for _, name in data["inputs"]],
            {values[i]: decoded(a, values) for i, a in data["constants"]},
            [
                Step(p, tuple(decoded(a, values)), decoded(k, values), tuple(values[i] for i in r), site)
                for p, a, k, r, site in data["steps"]
            ],
            [values[i] for i in data["results"]],
            data["outputs"],
        )

    def values(self) -> Iterator[Value]:
        """All values: inputs, constants, results of steps."""
        yield from self.inputs
        yield from self.constants
        for step in self.steps:
            yield from step.results

    def free_number(self) -> int:
        """A number that no value has yet, nor any above it."""
        numbers = [v.number for step in self.steps for v in step.results]
        return 1 + max([*numbers, *[v.number for v in (*self.inputs, *self.constants)]], default=-1)

    def made_by(self) -> dict[Value, Step]:
        """The step that makes each value."""
        return {v: step for step in self.steps for v in step.results}

    def users(self) -> dict[Value, list[Step]]:
        """The steps that use each value."""
        found: dict[Value, list[Step]] = {v: [] for v in self.values()}
        for step in self.steps:
            for v in dict.fromkeys(step.uses):
                found[v].append(step)
        return found

    def with_steps(self, steps: Sequence[Step], results: Sequence[Value] | None = None) -> Program:
        """The same inputs and other steps; constants that nothing uses any more go."""
        results = self.results if results is None else list(results)
        used = set(results).union(*[step.uses for step in steps]) if self.constants else set()
        kept = {v: a for v, a in self.constants.items() if v in used}
        return replace(self, steps=list(steps), results=results, constants=kept)


def _shows(step: Step) -> bool:
    """Whether the result of a view is a view indeed: an index has no arrays."""
    return isinstance(step.args[0], Value) and len(step.uses) == 1


def uses_of(args: Any, kwargs: Any) -> tuple[Value, ...]:
    """The values within the arguments of a step, in their order."""
    found: list[Value] = []
    for x in args:
        kind = x.__class__
        if kind is Value:
            found.append(x)
        elif kind in NESTED:
            _collect(x, found)
    if kwargs:
        _collect(kwargs, found)
    return tuple(found)


def _collect(x: Any, found: list[Value]) -> None:
    kind = x.__class__
    if kind is Value:
        found.append(x)
    elif kind is tuple or kind is list:
        for part in x:
            if part.__class__ is Value:
                found.append(part)
            elif part.__class__ in NESTED:
                _collect(part, found)
    elif kind is dict:
        for part in x.values():
            if part.__class__ in NESTED:
                _collect(part, found)
    elif kind is slice:
        _collect((x.start, x.stop, x.step), found)


def changed(x: Any, change: Callable[[Value], Any]) -> Any:
    """Arguments with other values."""
    kind = x.__class__
    if kind is Value:
        return change(x)
    if kind is tuple:
        return tuple([changed(part, change) if part.__class__ in NESTED else part for part in x])
    if kind is list:
        return [changed(part, change) if part.__class__ in NESTED else part for part in x]
    if kind is dict:
        return {k: changed(part, change) for k, part in x.items()} if x else x
    return x


NESTED = {Value, tuple, list, dict, slice}
PLAIN = {int, str, type(None)}


class Form:
    """What all calls of a primitive have in common that differ in their values only: one object for each `key`."""

    __slots__ = ("__weakref__", "key")

    def __init__(self, key: Any) -> None:
        self.key = key


FORMS: WeakValueDictionary[Any, Form] = WeakValueDictionary()


def form_of(primitive: str, args: Any, kwargs: Any) -> Form | None:
    """The form of a call of a primitive; None if its arguments cannot be compared."""
    holes = [HOLE if x.__class__ is Value else x if x.__class__ in PLAIN else key_of(x, HOLE) for x in args]
    key = primitive, tuple(holes), key_of(kwargs, HOLE) if kwargs else ()
    try:
        found = FORMS.get(key)
    except TypeError:
        return None
    return FORMS.setdefault(key, Form(key)) if found is None else found


HOLE = object()


def key_of(x: Any, value: Any = None) -> Any:
    """An argument as something that can be compared: 1, 1.0 and True are different, as are 0.0 and -0.0. Values are
    themselves, or `value`."""
    kind = x.__class__
    if kind is Value:
        return value or x
    if kind in PLAIN:
        return x
    if kind is tuple or kind is list:
        return kind, tuple([part if part.__class__ in PLAIN else key_of(part, value) for part in x])
    if kind is dict:
        return tuple([(k, key_of(v, value)) for k, v in x.items()]) if x else ()
    if kind is slice:
        return slice, *[part if part.__class__ in PLAIN else key_of(part, value) for part in (x.start, x.stop, x.step)]
    if isinstance(x, float):
        return kind, x.hex()
    return kind, x


def shown(x: Any) -> str:
    """An argument as text."""
    if isinstance(x, tuple):
        return f"({', '.join(map(shown, x))}{',' * (len(x) == 1)})"
    if isinstance(x, list):
        return f"[{', '.join(map(shown, x))}]"
    if isinstance(x, slice):
        bounds = (x.start, x.stop) if x.step in (None, 1) else (x.start, x.stop, x.step)
        return ":".join("" if k is None else shown(k) for k in bounds)
    if isinstance(x, np.dtype):
        return str(x)
    if isinstance(x, type):
        return x.__name__
    return "..." if x is Ellipsis else repr(x)


def _few(a: Any) -> str:
    text = np.array2string(np.asarray(a), separator=", ", threshold=6, edgeitems=2, precision=4)
    return " ".join(text.split())
