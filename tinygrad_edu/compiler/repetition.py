"""A call that repeats the last one: the same tensors with other values, as one Python function of straight lines.

A plan makes every call right; most calls differ from the one before in the numbers of their arguments alone. For these
the checks, the pointers and the results are written out as Python, once for each plan: a small training step then
costs about as much as its arithmetic. What is not as it was in the last call gives `OTHERWISE`, before anything of the
call is done, and the plan does it.

Gradients that only their parameter holds are written where they were. Reference counts tell who else holds one: they
save new arrays, and decide no value.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from operator import attrgetter, is_
from typing import Any
from weakref import getweakrefcount

import numpy as np

from ..arrays import get_default_dtype
from ..batched import RUNNING
from ..changes import at_once
from ..engine import DECIDES, STEPPED, births, constant
from ..holders import COUNTED, USED
from ..precision import lowered
from ..recording import TRACERS, recording
from ..tensor import Tensor
from .graph import ended
from .guards import PLAIN
from .native import DATA, address
from .threads import helped

OTHERWISE = object()


def repeated(plan: Any, called: Any) -> Callable[[Any], Any] | None:
    """The function `f(arguments)`, or None where a call cannot be foreseen so far."""
    whole = plan.executor.whole
    if whole is None or DATA is None or called.structure is not None or called.floats or called.form[2] is not None:
        return None
    if not {p.kind for p in plan.sources} <= {"argument", "drawn", "value", "state", "number"}:
        return None
    if plan.cleared or plan.late_checks or plan.written.after:
        return None
    for k, place in enumerate(plan.targets):
        if not (place.kind in ("result", "grad") or (place.kind in ("value", "state") and k in plan.executor.changed)):
            return None
    return _Source(plan, called).function()


class _Source:
    """The source, while its lines are written, and the names that it uses."""

    def __init__(self, plan: Any, called: Any) -> None:
        self.plan, self.whole, self.called = plan, plan.executor.whole, called
        self.names: dict[str, Any] = {
            "OTHERWISE": OTHERWISE, "TRACERS": TRACERS, "RUNNING": RUNNING, "recording": recording.get,
            "lowered": lowered.get, "Tensor": Tensor, "ndarray": np.ndarray, "dtype": get_default_dtype,
            "STEPPED": STEPPED, "USED": USED, "births": births,
            "at_once": at_once, "setattr": setattr, "constant": constant, "empty": np.empty, "id": id, "plan": plan,
            "whole": self.whole, "lock": plan.lock, "apart": self.whole.apart, "ended": ended,
            "put_together": plan.written.result.put_together,
        }  # fmt: skip
        self.lines: list[str] = []
        self.objects: list[str] = []  # the arrays that differ from call to call, and their places in the table
        self.slots: list[int] = []

    def name(self, x: Any) -> str:
        """A name for an object."""
        if type(x) in (int, bool, str, type(None)):
            return repr(x)
        found = f"k{len(self.names)}"
        self.names[found] = x
        return found

    def unless(self, condition: str) -> None:
        """Leave the call to the plan where a condition does not hold."""
        self.lines.append(f"if not ({condition}): return OTHERWISE")

    def do(self, *lines: str) -> None:
        self.lines += lines

    def function(self) -> Callable[[Any], Any]:
        form, on, dtype, low = self.plan.form
        self.unless("not TRACERS and not RUNNING")
        self.unless(
            f"(recording() is not None) is {on} and dtype() is {self.name(dtype)} and lowered() is {self.name(low)}"
        )
        self._arguments(form[1])
        before, self.lines = self.lines, []
        self._state()
        self._numbers()
        self._checks()
        self._gradients()
        self._run()
        lines = [*before, "with lock:", *(f"    {line}" for line in self.lines)]
        source = "\n".join(["def repeat(arguments):", *(f"    {line}" for line in lines)])
        exec(compile(source, "<call>", "exec"), self.names)
        function: Callable[[Any], Any] = self.names["repeat"]
        return function

    def _arguments(self, kinds: Any) -> None:
        """Each is of the kind that it was; its array has no gaps, and is no memory that is written into."""
        tensors = []
        self.unless(f"len(arguments) == {len(kinds)}")
        if kinds:
            self.do(f"{''.join(f'a{i}, ' for i in range(len(kinds)))}= arguments")
        used = {place.key for place in self.plan.sources if place.kind == "argument"}
        for i, (x, kind) in enumerate(zip(self.called.leaves, kinds, strict=True)):
            a, d = f"a{i}", f"d{i}"
            if isinstance(x, PLAIN):
                self.unless(f"{a}.__class__ is {self.name(type(x))} and {a} == {self.name(x)}")
                continue
            if type(x) is Tensor:
                shape, type_, flags, leaf, fresh, _ = kind
                tensors.append(a)
                self.unless(f"{a}.__class__ is Tensor and {a}.flags & {DECIDES} == {flags}")
                self.unless(f"({a}.op is None) is {leaf} and ({a}._grad is None) is {fresh} and not {a}.hooks")
                self.do(f"{d} = {a}._data")
            else:
                _, shape, type_ = kind
                self.do(f"{d} = {a}")
            self.unless(f"{d}.__class__ is ndarray and {d}.dtype is {self.name(type_)}")
            strides = np.empty(shape, type_).strides
            self.unless(f"{d}.shape == {self.name(shape)} and {d}.strides == {self.name(strides)}")
            if i in used:
                self.unless(f"{d}.base is None and id({d}) not in whole.roots or apart({d})")
        if len(tensors) > 1:
            self.unless(f"len({{{', '.join(f'id({a})' for a in tensors)}}}) == {len(tensors)}")

    def _value(self, i: int) -> str:
        """The array of an input, as Python."""
        place = self.plan.sources[i]
        if place.kind == "argument":
            return f"d{place.key}"
        if place.kind == "drawn":
            return f"r{i}"
        if place.kind == "number":
            return f"n{i}"
        return f"known[{i}]"

    def _state(self) -> None:
        """What the function reads besides: the tensors with the arrays that they had, rows of an optimizer's state."""
        self.do("known = whole.known")
        rows: dict[Any, Any] = {}
        first = len(self.plan.readers)
        for k, (x, flags) in enumerate(zip(self.plan.tensors, self.plan.flags, strict=True)):
            t = f"t{k}"
            self.names[t] = x
            self.unless(f"{t}._data is known[{first + k}] and {t}.flags & {DECIDES} == {flags}")
        first += len(self.plan.tensors)
        for k, row in enumerate(self.plan.rows):
            rows.setdefault((id(row.bundle), row.name), []).append((first + k, row))
        for together in rows.values():
            (_, row), bundle = together[0], self.name(together[0][1].bundle)
            self.do(f"w = {bundle}.state[{row.name!r}]")  # loading a state makes another dict
            for i, row in together:
                r = self.name(row)
                self.unless(f"{r}.whole is w and {r}.row is known[{i}]")
        for now, then in self.plan.written.guards:
            self.unless(f"{self.name(now)}() == {self.name(then)}")
        self.unless(f"{self.name(self.plan.outside.holds)}()")

    def _numbers(self) -> None:
        """The numbers that the host computes, and the questions whose answers make the program right."""
        wanted = [i for i, place in enumerate(self.plan.sources) if place.kind == "number"]
        if wanted:
            self.do(f"{''.join(f'n{i}, ' for i in wanted)}= {self.name(self.plan.written.numbers)}(arguments)")
        for i, question, answer in self.plan.questions:
            self.unless(f"{self.name(question)}({self._value(i)}) == {self.name(answer)}")

    def _checks(self) -> None:
        for k in self.plan.draws:
            self.do(f"r{k} = {self.name(self.plan.readers[k])}(arguments)")
        for i, check in self.plan.checks:
            self.do(f"{self.name(check)}({self._value(i)})")

    def _gradients(self) -> None:
        """Parameters' gradients stay the arrays that they are, or all are new."""
        grads = [k for k, place in enumerate(self.plan.targets) if place.kind == "grad"]
        if grads:
            values = [self.plan.executor.program.results[k] for k in grads]
            slots = [self.whole.place(k) for k in grads]
            self.names["gradients"] = LentGradients(
                self.whole, [self.plan.targets[k].owner for k in grads], values, slots
            )
            self.do("new = None if gradients.kept() else gradients.renewed()")

    def _run(self) -> None:
        plan, whole = self.plan, self.whole
        results = [k for k, place in enumerate(plan.targets) if place.kind == "result"]
        for i, place in enumerate(plan.sources):
            if place.kind in ("argument", "drawn") and i in whole.slots:
                self._moving(self._value(i), whole.slots[i][0])
        for k in results:
            v = plan.executor.program.results[k]
            self.do(f"y{k} = empty({self.name(v.shape)}, {self.name(v.dtype)})")
            self._moving(f"y{k}", whole.place(k))
        objects, numbers, places = whole.repetition(self.slots)
        self.names |= {"objects": objects, "numbers": numbers}
        for k, x in enumerate(self.objects):
            self.do(f"objects[{1 + len(self.slots) + k}] = id({x})")
        for k, i in enumerate(whole.numbers):
            self.do(f"numbers[{k}] = n{i}")
        for x in plan.inside:
            t = next(f"t{k}" for k, other in enumerate(plan.tensors) if other is x)
            self.do(f"{t}.born, {t}.past, {t}.site = births(), None, STEPPED")
            self.do(f"if {t}.store is not None and {t}.store is not USED: at_once(*{t}.store.stamped({t}.born))")
        kernels = whole.kernels
        self.names |= {"again": kernels.again, "places": places}
        if kernels.slices:
            self.names |= {"shared": kernels.again_shared, "helped": helped, "helpers": kernels.helpers}
        function = "shared if helped(*helpers) else again" if kernels.slices else "again"
        changes = [f"({function}, *places)", *(f"*{self.name(f)}()" for f in plan.written.effects)]
        if "gradients" in self.names:
            self.do("if new is not None:")
            self.do(f"    at_once({', '.join([*changes, '*new'])})", "    gradients.remember(new)", "else:")
            self.do(f"    at_once({', '.join(changes)})")
        else:
            self.do(f"at_once({', '.join(changes)})")
        shown = [f"{'ended' if k in plan.ended else 'constant'}(y{at})" for k, at in enumerate(results)]
        self.do(f"return put_together([{', '.join(shown)}], arguments)")

    def _moving(self, x: str, slot: int) -> None:
        self.objects.append(x)
        self.slots.append(slot)


STATE = attrgetter("flags", "name", "store", "hooks")  # of a gradient; as it is made:
USUAL = (0, None, None, None)


class LentGradients:
    """The gradients of parameters that the last call made, and whether nobody else holds them."""

    def __init__(self, whole: Any, params: list[Any], values: list[Any], slots: list[int]) -> None:
        self.whole, self.params, self.values, self.slots = whole, params, values, slots
        self.tensors: list[Any] = []
        self.arrays: list[Any] = []
        self.usual = [USUAL] * len(params)

    def kept(self) -> bool:
        """Whether the parameters have them still, and they alone."""
        return (
            self.whole.lent is self.tensors
            and COUNTED
            and all(map(is_, [p._grad for p in self.params], self.tensors))
            and list(map(STATE, self.tensors)) == self.usual
            and self.alone()
        )

    def alone(self) -> bool:
        """Whether there are as many references to each as where nobody but its parameter and this object has one."""
        tensors, arrays = self.counts()
        one, other = UNHELD
        return (
            tensors.count(one) == len(tensors)
            and arrays.count(other) == len(arrays)
            and not any(map(getweakrefcount, self.tensors))
            and not any(map(getweakrefcount, self.arrays))
        )

    def counts(self) -> tuple[list[int], list[int]]:
        return list(map(sys.getrefcount, self.tensors)), list(map(sys.getrefcount, self.arrays))

    def renewed(self) -> list[Any]:
        """New arrays for the next call to write into, and the changes that give them to the parameters."""
        self.whole.lent, self.tensors = None, []
        self.arrays = [np.empty(v.shape, v.dtype) for v in self.values]
        for slot, array in zip(self.slots, self.arrays, strict=True):
            self.whole.pointers[slot] = address(array)
        return [(setattr, p, "_grad", constant(a)) for p, a in zip(self.params, self.arrays, strict=True)]

    def remember(self, changes: list[Any]) -> None:
        """Those changes were made."""
        self.whole.lent = self.tensors = [change[3] for change in changes]


def _unheld() -> tuple[int, int]:
    """The counts of references to a tensor and to its array that nobody else holds, as this Python counts them."""
    known = LentGradients(None, [], [], [])
    owner, gradient = constant(None), constant(np.empty(1))
    owner._grad, known.tensors, known.arrays = gradient, [gradient], [gradient._data]
    del gradient
    (one,), (other,) = known.counts()
    return one, other


UNHELD = _unheld() if COUNTED else (0, 0)
