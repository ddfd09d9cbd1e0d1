"""A program with where its inputs come from and its outputs go: the calls of a compiled function."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..changes import at_once
from ..engine import DECIDES, NEEDS, STEPPED, Variable, births, constant
from ..errors import GraphError
from ..holders import USED
from ..nn.parameter import Parameter
from ..program.array import ProgramArray
from ..program.program import Program
from ..program.written import Place, Written
from ..random import Generator
from .execute import Executor
from .graph import CompiledCall, ended, in_graph
from .guards import Outside
from .repetition import OTHERWISE, repeated
from .trees import Arguments

KINDS = (
    "argument",
    "argument grad",
    "grad",
    "drawn",
    "value",
    "state",
    "number",
    "cotangent",
)  # inputs stand in this order
NO_GRAD = ("no grad", "no argument grad")


class Plan:
    """What was written down, ready to be run again."""

    def __init__(
        self,
        written: Written,
        function: Callable[..., Any],
        fast: bool,
        outside: Outside,
        make: Callable[..., Any] | None = None,
    ) -> None:
        self.make = make  # what runs a program, where that is not an `Executor`
        self.written, self.function, self.fast, self.outside = written, function, fast, outside
        program = written.program
        order = sorted(range(len(program.inputs)), key=lambda k: KINDS.index(written.sources[k].kind))
        inputs, names = [program.inputs[k] for k in order], [program.names[k] for k in order]
        self.sources = [written.sources[k] for k in order]
        self.which = [place.key for place in self.sources if place.kind == "cotangent"]  # the results that have one
        self.given = len(self.sources) - len(self.which)
        self.questions = [(order.index(i), question, answer) for i, question, answer in written.questions]
        self.checks = [(order.index(i), check) for i, check in written.checks]
        values = iter(program.results)
        results = [(place, None if place.kind in NO_GRAD else next(values)) for place in written.targets]
        self.cleared = [place for place, _ in results if place.kind in NO_GRAD]
        shown = [(place, v) for place, v in results if v is not None and place.kind != "vjp"]
        pulled = [v for place, v in results if v is not None and place.kind == "vjp"]
        self.targets = [place for place, _ in shown]
        forward = Program(
            inputs[: self.given], names[: self.given], program.constants, program.steps, [v for _, v in shown]
        )
        self.backward = Program(inputs, names, program.constants, program.steps, pulled)
        self.tensors = [place.owner for place in self.sources if place.kind == "value"]
        self.rows = [_StateRow(place.owner, *place.key) for place in self.sources if place.kind == "state"]
        self.readers = [_reader(place) for place in self.sources if place.kind in KINDS[:4]]
        self.inputs, self.ended = inputs[: self.given], frozenset(written.ended)
        self.draws = [k for k, place in enumerate(self.sources) if place.kind == "drawn"]
        changed = {} if make else self._changed(forward)
        first = len(self.readers)
        self.executor = make(forward) if make else Executor(forward, fast, changed, set(range(first)))
        self.inside = [self.targets[k].owner for k in changed if self.targets[k].kind == "value"]
        self.inside = self.inside if self.executor.whole else []
        self.arrays = [x._data for x in self.tensors]  # as they were when they were looked at last
        self.types = [(np.shape(a), a.dtype) for a in self.arrays]
        self.flags = [x.flags & DECIDES for x in self.tensors]
        self.into = [place for place in self.targets if place.kind in ("argument", "value")]  # what is written into
        self.late_checks = any(place.kind == "check" for place in self.targets)
        self.lock = threading.Lock()
        self._pullback: Any = None
        self.form: Any = None  # of the calls for which it was made
        self.repeat: Callable[[Any], Any] = _otherwise
        self._repeats = False

    def _changed(self, program: Program) -> dict[int, int]:
        """The results that take the place of an input, by their numbers, where nothing can go wrong in between."""
        if any(place.kind == "check" for place in self.targets):
            return {}
        at = {(p.kind, id(p.owner), p.key): k for k, p in enumerate(self.sources) if p.kind in ("value", "state")}
        found = {}
        for k, (place, value) in enumerate(zip(self.targets, program.results, strict=True)):
            i = at.get((place.kind, id(place.owner), place.key))
            own = place.kind == "state" or (place.kind == "value" and place.owner.flags & NEEDS)
            if own and i is not None and value.dtype == program.inputs[i].dtype:
                found[k] = i
        return found

    def holds(self) -> bool:
        """Whether what was read besides arguments is still of the kind that it was."""
        if [x.flags & DECIDES for x in self.tensors] != self.flags:
            return False
        arrays = [x._data for x in self.tensors]
        if not all(map(operator.is_, arrays, self.arrays)):
            if [(np.shape(a), a.dtype) for a in arrays] != self.types:
                return False
            self.arrays = arrays
        return all(now() == then for now, then in self.written.guards) and self.outside.holds()

    def gathered(self, leaves: Sequence[Any]) -> list[Any] | None:
        """The inputs of a run; None, and nothing is drawn, if they are not such that the program holds for them."""
        draws = self.draws
        given = [None if k in draws else read(leaves) for k, read in enumerate(self.readers)]
        found = [*given, *[x._data for x in self.tensors], *[row() for row in self.rows]]
        if ProgramArray in map(type, found):  # another thread reads a function just now
            return None
        found += self.written.numbers(leaves)
        for i, question, answer in self.questions:
            if question(found[i]) != answer:
                return None
        for k in draws:
            found[k] = self.readers[k](leaves)
        return found

    def examples(self) -> list[Any]:
        """Inputs of a run as they could be: what the function reads besides is as it is; arguments are positive, and
        matrices that have an inverse; whole numbers, which may be indices, are zeros."""
        state = iter([*[x._data for x in self.tensors], *[row() for row in self.rows]])
        found = []
        for v, place in zip(self.inputs, self.sources[: self.given], strict=True):
            if place.kind in ("value", "state"):
                found.append(next(state))
            else:
                found.append(1.0 if v.weak else _example(v.shape, v.dtype))
        return found

    def check_apart(self, leaves: Sequence[Any]) -> None:
        """What is written into must be known by one name, and be no view: a write would be seen elsewhere, too."""
        for place in self.into:
            x = _owner(place, leaves)
            if isinstance(x, Variable):
                others = self.tensors if place.kind == "argument" else () if isinstance(x, Parameter) else leaves
                shared = x.source.__class__ is tuple or any(y is x for y in others)
            else:
                shared = any(y is not x and np.shares_memory(x, y) for y in leaves if isinstance(y, np.ndarray))
            if shared:
                raise GraphError(
                    "compile: what is written into must be known by one name, and be no view of something else; got an "
                    "argument that the function meets by another name too, or a view; pass a clone()"
                )

    def run(self, inputs: Sequence[Any], called: Arguments) -> Any:
        """One call."""
        if self.into:
            self.check_apart(called.leaves)
        for i, check in self.checks:
            check(inputs[i])
        with self.lock:
            for x in self.inside:  # before: a graph that was recorded must not use it as it will be
                self._written(x)
            calls, arrays = self.executor.begun(inputs)
            if self.late_checks:  # of what the calls compute: nothing is written in place then
                at_once(*calls)
                calls = []
            found = self.publish(arrays, inputs, called, calls)
            if not self._repeats:
                self._repeats = True
                self.repeat = repeated(self, called) or _otherwise
            return found

    def pullback(self, arrays: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        """The gradients of all tracked inputs."""
        with self.lock:
            if self._pullback is None:
                self._pullback = self.make(self.backward) if self.make else Executor(self.backward, self.fast)
            return self._pullback([*arrays, *cotangents])

    def publish(
        self, arrays: Sequence[Any], inputs: Sequence[Any], called: Arguments, calls: Sequence[Any] = ()
    ) -> Any:  # fmt: skip
        """Make the calls that are left, give results back, and write everywhere else, all or nothing. What the calls
        write in place is None."""
        results: list[Any] = []
        leaves = called.leaves
        changes: list[Any] = [(setattr, _owner(place, leaves), "_grad", None) for place in self.cleared]
        written: list[tuple[Any, Any]] = []
        for place, array in zip(self.targets, arrays, strict=True):
            if array is None:  # written in place, or checked already
                continue
            kind = place.kind
            if kind == "grad" or kind == "argument grad":
                changes.append((setattr, _owner(place, leaves), "_grad", constant(array)))
            elif kind == "result":
                results.append(array)
            elif kind == "check":  # these stand first
                place.owner(array)
            elif kind == "state":
                changes.append((np.copyto, place.owner.part(*place.key).reshape(-1), array))
            else:
                written.append((_owner(place, leaves), array))
        for x, array in written:
            if not isinstance(x, Variable):
                changes.append((np.copyto, x, array))
            elif x.flags & NEEDS and isinstance(x._data, np.ndarray) and x._data.flags.writeable:
                self._written(x)
                changes.append((np.copyto, x._data, array))
            else:
                x.born, x.past, x.site = births(), None, STEPPED
                changes += [(setattr, x, "_data", array), (setattr, x, "store", None)]
        for effect in self.written.effects:
            changes += effect()
        at_once(*calls, *changes)
        for step in self.written.after:
            step()
        if self.which:
            shown = in_graph(CompiledCall(self, list(inputs), called, results), results)
        else:
            shown = [ended(y) if k in self.ended else constant(y) for k, y in enumerate(results)]
        return self.written.result.put_together(shown, leaves)

    @staticmethod
    def _written(x: Any) -> None:
        """Note that a leaf is written into, for graphs that were recorded before."""
        x.born, x.past, x.site = births(), None, STEPPED
        if x.store is not None and x.store is not USED:
            at_once(*x.store.stamped(x.born))


def _example(shape: tuple[int, ...], dtype: Any) -> Any:
    x = np.ones(shape, dtype) * (dtype.kind in "fc")
    return x + np.eye(*shape[-2:], dtype=dtype) if len(shape) > 1 and dtype.kind in "fc" else x


def _otherwise(arguments: Sequence[Any]) -> Any:
    return OTHERWISE


def _owner(place: Place, leaves: Sequence[Any]) -> Any:
    """The tensor or array that an output goes to."""
    return place.owner if place.key is None else leaves[place.key]


def _reader(place: Place) -> Callable[[Sequence[Any]], Any]:
    """What gives an input's array before a run, from the arrays of the arguments."""
    x, key = place.owner, place.key
    if place.kind == "argument":
        return lambda leaves: leaves[key]._data if isinstance(leaves[key], Variable) else leaves[key]
    if place.kind == "argument grad":
        return lambda leaves: leaves[key]._grad._data
    if place.kind == "grad":
        return lambda leaves: x._grad._data
    method, args, kwargs = key
    if isinstance(x, Generator):
        return lambda leaves: np.asarray(x.draw(method, *args, **kwargs))
    return lambda leaves: np.asarray(x().draw(method, *args, **kwargs))


class _StateRow:
    """A part of an optimizer's state as a row, the same view as long as it is the same array."""

    def __init__(self, bundle: Any, name: str, i: int) -> None:
        self.name, self.i, self.bundle = name, i, bundle
        self.whole: Any = None
        self.row: Any = None

    def __call__(self) -> Any:
        whole = self.bundle.state[self.name]
        if whole is not self.whole:
            self.whole, self.row = whole, self.bundle.part(self.name, self.i).reshape(-1)
        return self.row
