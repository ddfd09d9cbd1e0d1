"""A program with where its inputs come from and its outputs go: the calls of a compiled function."""

from __future__ import annotations

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

LAST = {"number": 1, "cotangent": 2}  # inputs that stand at the end, in this order


class Plan:
    """What was written down, ready to be run again."""

    def __init__(self, written: Written, function: Any, fast: bool) -> None:
        self.written, self.function, self.fast = written, function, fast
        program = written.program
        values = iter(program.results)
        results = [(place, None if place.kind == "no grad" else next(values)) for place in written.targets]
        order = sorted(range(len(program.inputs)), key=lambda k: LAST.get(written.sources[k].kind, 0))
        inputs, names = [program.inputs[k] for k in order], [program.names[k] for k in order]
        self.sources = [written.sources[k] for k in order if written.sources[k].kind != "cotangent"]
        self.given = len(self.sources)
        self.questions = [(order.index(i), question, answer) for i, question, answer in written.questions]
        self.which = [written.sources[k].key for k in order[self.given :]]  # the results that have a cotangent
        self.checks = [(order.index(i), check) for i, check in written.checks]
        self.targets = [place for place, _ in results if place.kind != "vjp"]
        shown = [(place, v) for place, v in results if v is not None and place.kind != "vjp"]
        pulled = [v for place, v in results if v is not None and place.kind == "vjp"]
        forward = Program(
            inputs[: self.given], names[: self.given], program.constants, program.steps, [v for _, v in shown]
        )
        self.backward = Program(inputs, names, program.constants, program.steps, pulled)
        self.readers = [_reader(place) for place in self.sources if place.kind != "number"]
        changed = self._changed(forward, [place for place, _ in shown])
        self.executor = Executor(forward, fast, changed)
        self.inside = [shown[k][0].owner for k in changed if shown[k][0].kind == "value"] if self.executor.whole else []
        self.lock = threading.Lock()
        self._pullback: Executor | None = None
        self.types = [
            (place.owner, np.shape(place.owner._data), place.owner._data.dtype, place.owner.flags)
            for place in self.sources
            if place.kind == "value"
        ]

    def _changed(self, program: Program, targets: list[Place]) -> dict[int, int]:
        """The results that take the place of an input, by their numbers, where nothing can go wrong in between."""
        if any(place.kind == "check" for place in targets):
            return {}
        at = {(p.kind, id(p.owner), p.key): k for k, p in enumerate(self.sources) if p.kind in ("value", "state")}
        found = {}
        for k, (place, value) in enumerate(zip(targets, program.results, strict=True)):
            i = at.get((place.kind, id(place.owner), place.key))
            own = place.kind == "state" or (place.kind == "value" and place.owner.flags & NEEDS)
            if own and i is not None and value.dtype == program.inputs[i].dtype:
                found[k] = i
        return found

    def holds(self) -> bool:
        """Whether what was read besides arguments is still of the kind that it was."""
        for x, shape, dtype, flags in self.types:
            if x._data.shape != shape or x._data.dtype != dtype or x.flags != flags:
                return False
        return all(now() == then for now, then in self.written.guards)

    def gathered(self, leaves: Sequence[Any]) -> list[Any]:
        """The inputs of a run."""
        return [*[read(leaves) for read in self.readers], *self.written.numbers()]

    def run(self, inputs: Sequence[Any], leaves: Sequence[Any], called: Any) -> Any:
        """One call."""
        for i, check in self.checks:
            check(inputs[i])
        with self.lock:
            for x in self.inside:  # before: a graph that was recorded must not use it as it will be
                self._written(x)
            arrays = self.executor(inputs)
            return self.publish(arrays, inputs, leaves, called)

    def pullback(self, arrays: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        """The gradients of all tracked inputs."""
        if self._pullback is None:
            self._pullback = Executor(self.backward, self.fast)
        return self._pullback([*arrays, *cotangents])

    def publish(self, arrays: Sequence[Any], inputs: Sequence[Any], leaves: Sequence[Any], called: Any) -> Any:
        """Give results back, and write everywhere else, all or nothing. What was written in place already is None."""
        results: dict[int, Any] = {}
        changes: list[Any] = []
        values = iter(arrays)
        for place in self.targets:
            x = place.owner
            array = None if place.kind == "no grad" else next(values)
            if place.kind == "result":
                results[place.key] = array
            elif place.kind == "grad":
                changes.append((setattr, x, "_grad", constant(array)))
            elif place.kind == "no grad":
                changes.append((setattr, x, "_grad", None))
            elif place.kind == "check":
                if array is not None:  # else it was checked as it was written down
                    x(array)
            elif array is None:
                continue
            elif place.kind == "state":
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
    if place.kind == "value":
        return lambda leaves: x._data
    if place.kind == "grad":
        return lambda leaves: x._grad._data
    if place.kind == "state":
        name, i = key
        return _Row(name, i, x)
    if place.kind == "drawn":
        method, args, kwargs = key
        return lambda leaves: x.draw(method, *args, **kwargs)
    raise AssertionError(place.kind)


class _Row:
    """A part of an optimizer's state as a row, the same view as long as it is the same array."""

    def __init__(self, name: str, i: int, bundle: Any) -> None:
        self.name, self.i, self.bundle = name, i, bundle
        self.whole: Any = None
        self.row: Any = None

    def __call__(self, leaves: Sequence[Any]) -> Any:
        whole = self.bundle.state[self.name]
        if whole is not self.whole:
            self.whole, self.row = whole, self.bundle.part(self.name, self.i).reshape(-1)
        return self.row
