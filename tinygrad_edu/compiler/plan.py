"""A program with where its inputs come from and its outputs go: the calls of a compiled function."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..changes import at_once
from ..engine import NEEDS, STEPPED, Variable, births, constant
from ..holders import USED
from ..program.program import Program
from ..program.reading import Place, Written
from .execute import Executor
from .graph import Call, in_graph
from .trees import in_tree

KINDS = ("argument", "grad", "drawn", "value", "state", "number", "cotangent")  # inputs stand in this order


class Plan:
    """What was written down, ready to be run again."""

    def __init__(self, written: Written, function: Any, fast: bool) -> None:
        self.written, self.function, self.fast = written, function, fast
        program = written.program
        order = sorted(range(len(program.inputs)), key=lambda k: KINDS.index(written.sources[k].kind))
        inputs, names = [program.inputs[k] for k in order], [program.names[k] for k in order]
        self.sources = [written.sources[k] for k in order]
        self.which = [place.key for place in self.sources if place.kind == "cotangent"]  # the results that have one
        self.given = len(self.sources) - len(self.which)
        self.questions = [(order.index(i), question, answer) for i, question, answer in written.questions]
        self.checks = [(order.index(i), check) for i, check in written.checks]
        values = iter(program.results)
        results = [(place, None if place.kind == "no grad" else next(values)) for place in written.targets]
        self.cleared = [place.owner for place, _ in results if place.kind == "no grad"]
        shown = [(place, v) for place, v in results if v is not None and place.kind != "vjp"]
        pulled = [v for place, v in results if v is not None and place.kind == "vjp"]
        self.targets = [place for place, _ in shown]
        forward = Program(
            inputs[: self.given], names[: self.given], program.constants, program.steps, [v for _, v in shown]
        )
        self.backward = Program(inputs, names, program.constants, program.steps, pulled)
        self.tensors = [place.owner for place in self.sources if place.kind == "value"]
        self.rows = [_Row(place.owner, *place.key) for place in self.sources if place.kind == "state"]
        self.readers = [_reader(place) for place in self.sources if place.kind in KINDS[:3]]
        changed = self._changed(forward)
        first = len(self.readers)
        self.executor = Executor(forward, fast, changed, set(range(first)))
        self.inside = [self.targets[k].owner for k in changed if self.targets[k].kind == "value"]
        self.inside = self.inside if self.executor.whole else []
        self.arrays = [x._data for x in self.tensors]  # as they were when they were looked at last
        self.types = [(np.shape(a), a.dtype) for a in self.arrays]
        self.flags = [x.flags for x in self.tensors]
        self.lock = threading.Lock()
        self._pullback: Executor | None = None

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
        if [x.flags for x in self.tensors] != self.flags:
            return False
        arrays = [x._data for x in self.tensors]
        if not all(map(operator.is_, arrays, self.arrays)):
            if [(np.shape(a), a.dtype) for a in arrays] != self.types:
                return False
            self.arrays = arrays
        return all(now() == then for now, then in self.written.guards)

    def gathered(self, leaves: Sequence[Any]) -> list[Any]:
        """The inputs of a run."""
        given = [read(leaves) for read in self.readers]
        return [*given, *[x._data for x in self.tensors], *[row() for row in self.rows], *self.written.numbers()]

    def run(self, inputs: Sequence[Any], leaves: Sequence[Any], called: Any) -> Any:
        """One call."""
        for i, check in self.checks:
            check(inputs[i])
        with self.lock:
            for x in self.inside:  # before: a graph that was recorded must not use it as it will be
                self._written(x)
            return self.publish(self.executor(inputs), inputs, leaves, called)

    def pullback(self, arrays: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        """The gradients of all tracked inputs."""
        if self._pullback is None:
            self._pullback = Executor(self.backward, self.fast)
        return self._pullback([*arrays, *cotangents])

    def publish(self, arrays: Sequence[Any], inputs: Sequence[Any], leaves: Sequence[Any], called: Any) -> Any:
        """Give results back, and write everywhere else, all or nothing. What was written in place already is None."""
        results: dict[int, Any] = {}
        changes: list[Any] = [(setattr, x, "_grad", None) for x in self.cleared]
        for place, array in zip(self.targets, arrays, strict=True):
            if array is None:  # written in place, or checked already
                continue
            x, kind = place.owner, place.kind
            if kind == "grad":
                changes.append((setattr, x, "_grad", constant(array)))
            elif kind == "result":
                results[place.key] = array
            elif kind == "check":
                x(array)
            elif kind == "state":
                changes.append((np.copyto, x.part(*place.key).reshape(-1), array))
            elif x.flags & NEEDS and isinstance(x._data, np.ndarray) and x._data.flags.writeable:
                self._written(x)
                changes.append((np.copyto, x._data, array))
            else:
                x.born, x.past, x.site = births(), None, STEPPED
                changes += [(setattr, x, "_data", array), (setattr, x, "store", None)]
        for effect in self.written.effects:
            changes += effect()
        at_once(*changes)
        shown = {}
        if self.which:
            tracked = [leaves[key] if isinstance(key, int) else key for key in self.written.inputs]
            shown = in_graph(Call(self, list(inputs), called), results, tracked)
        return in_tree(self.written.result, {k: shown[k] if k in shown else constant(y) for k, y in results.items()})

    @staticmethod
    def _written(x: Any) -> None:
        """Note that a leaf is written into, for graphs that were recorded before."""
        x.born, x.past, x.site = births(), None, STEPPED
        if x.store is not None and x.store is not USED:
            at_once(*x.store.stamped(x.born))


def _reader(place: Place) -> Callable[[Sequence[Any]], Any]:
    """What gives an input's array before a run, from the arrays of the arguments."""
    x, key = place.owner, place.key
    if place.kind == "argument":
        return lambda leaves: leaves[key]._data if isinstance(leaves[key], Variable) else leaves[key]
    if place.kind == "grad":
        return lambda leaves: x._grad._data
    method, args, kwargs = key
    return lambda leaves: x.draw(method, *args, **kwargs)


class _Row:
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
