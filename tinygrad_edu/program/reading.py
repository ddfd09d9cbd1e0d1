"""A run of a function that is written down as a program, with what it reads and changes besides its arguments.

Tensors that the function closes over, parameters, gradients and an optimizer's state are read when they are needed,
and become inputs; what it writes into them becomes an output. Learning rates, counts of steps and random numbers are
computed before each run, by the host. So nothing of the kind is built into the program.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..backward import gradients
from ..engine import NEEDS, Op, Variable, births, constant
from ..errors import GraphError
from ..recording import TRACERS, Tracer, tracing
from ..sums import worked_in
from .array import ProgramArray, UnknownShapeError, Writer, plain, refusal
from .program import Program, Value


@dataclass(frozen=True)
class Place:
    """Where a program's input comes from before a run, or an output goes to after it."""

    kind: str  # argument, value, grad, state, drawn, number; result
    owner: Any = None
    key: Any = None


@dataclass
class Written:
    """What was written down: the program, where its inputs come from and its outputs go, what must stay as it was."""

    program: Program
    sources: list[Place]
    targets: list[Place]
    result: Any  # the function's result, a tree with the numbers of outputs in place of tensors
    numbers: Callable[[], tuple[Any, ...]]  # the inputs that the host computes before each run
    effects: list[Callable[[], list[Any]]] = field(default_factory=list)  # counts of steps and the like, after each run
    guards: list[tuple[Callable[[], Any], Any]] = field(default_factory=list)
    inputs: list[Any] = field(
        default_factory=list
    )  # to be differentiated with respect to: numbers of arguments, or tensors
    questions: list[tuple[int, Callable[[Any], bool], bool]] = field(default_factory=list)  # about inputs, before a run
    checks: list[tuple[int, Callable[[Any], None]]] = field(default_factory=list)  # of inputs, before a run


class Reading(Tracer):
    """One run, in a `with` block."""

    def __init__(self) -> None:
        self.writer = Writer()
        self.start = births()
        self.sources: dict[Value, Place] = {}
        self.taken: dict[int, tuple[Any, Any, Value]] = {}  # variables that existed before: with array and input
        self.grads: dict[int, tuple[Any, Any, Any]] = {}  # leaves, with their gradient before, and as an input
        self.zeroed: dict[int, Any] = {}
        self.rows: dict[tuple[int, str, int], tuple[Place, Any]] = {}  # an optimizer's state, which is an array now
        self.wrt: list[tuple[Any, Any]] = []
        self.checks: list[tuple[Value, Callable[[Any], None]]] = []
        self.questions: list[tuple[Value, Callable[[Any], bool], bool]] = []
        self.effects: list[Callable[[], list[Any]]] = []
        self.guards: list[tuple[Callable[[], Any], Any]] = []

    def __enter__(self) -> Reading:
        if tracing.get() is not None:
            raise GraphError(
                "compile: a reading must end before another begins; got one within another; call the function"
            )
        TRACERS.append(self)
        self.token = tracing.set(self)
        return self

    def __exit__(self, *exception: object) -> None:
        tracing.reset(self.token)
        TRACERS.remove(self)
        self.writer.closed = True

    def argument(self, x: Any, i: int, name: str = "") -> ProgramArray:
        """The array of an argument as an input."""
        array = self.writer.input(x, name)
        self.sources[array.value] = Place("argument", None, i)
        return array

    def forward(self, op: Op, xs: Any, attributes: dict[str, Any]) -> Any:
        """The value of an op: its forward on arrays of the program, or a step of its own."""
        arrays = [self.array(x) if isinstance(x, Variable) else x for x in xs]
        if not any(isinstance(a, ProgramArray) for a in arrays):
            return op.forward(*arrays, **attributes)
        arrays = [self.writer.constant(a) if type(a) is np.ndarray else a for a in arrays]
        begun = len(self.writer.steps)
        try:
            return op.forward(*arrays, **attributes)
        except UnknownShapeError:
            raise
        except Exception:  # it asks for values or strides, as a factorisation or a window does: a primitive of its own
            del self.writer.steps[begun:]
        return self.writer.call(f"op.{op.name}", op.forward, arrays, attributes)

    def array(self, x: Any) -> Any:
        """The value of a variable; of one that existed before, it is an input from now on."""
        self.take(x)
        return x._data

    def take(self, x: Any) -> None:
        data = x._data
        if (
            isinstance(data, ProgramArray)
            or x.born >= self.start
            or isinstance(data, int | float)
            or id(x) in self.taken
        ):
            return
        if not isinstance(data, np.ndarray | np.generic):
            raise refusal(
                "a batch of vmap from outside", "compile the function that is mapped, or map the compiled one"
            )
        array = self.writer.input(data, x.name or "")
        self.sources[array.value] = Place("value", x)
        self.taken[id(x)] = x, data, array.value
        x._data = array
        self._take_gradient(x)

    def _take_gradient(self, x: Any) -> None:
        """The gradient that a leaf has before becomes an input as well, should the function add to it."""
        if x.op is not None or id(x) in self.grads:
            return
        g = x._grad
        if g is not None and not isinstance(g._data, ProgramArray):
            array = self.writer.input(g._data, f"grad of {x.name}" if x.name else "")
            self.sources[array.value] = Place("grad", x)
            x._grad = constant(array)
        self.grads[id(x)] = x, g, x._grad

    def unknown(self, x: Any) -> bool:
        return isinstance(x, ProgramArray)

    def check(self, x: Any, check: Callable[[Any], None]) -> bool:
        if not isinstance(x, ProgramArray):
            return False
        check(x.values)
        self.checks.append((x.value, check))
        return True

    def answer(self, x: Any, question: Callable[[Any], bool]) -> bool | None:
        if not isinstance(x, ProgramArray) or x.value not in self.sources:
            return None
        answer = bool(question(x.values))
        self.questions.append((x.value, question, answer))
        return answer

    def shown(self, x: Any) -> Any:
        return self.array(x)

    def replaced(self, x: Any, array: Any) -> None:
        self.take(x)
        if array is not x._data:
            array = array.__copy__() if isinstance(array, ProgramArray) else np.array(array)
            x._data = array if array.dtype == x._data.dtype else array.astype(x._data.dtype)
        x.born = births()

    def cleared(self, params: Any, set_to_none: bool) -> None:
        for p in params:
            self.take(p)
            self._take_gradient(p)
            if set_to_none:
                p._grad, self.zeroed[id(p)] = None, p
            elif p._grad is not None:
                p._grad = constant(np.zeros_like(p._grad._data))

    def drawn(self, generator: Any, method: str, args: Any, kwargs: Any) -> Any:
        found = generator.drawn(method, *args, **kwargs)
        if not isinstance(found, np.ndarray | np.generic):
            return found
        array = self.writer.input(found, method)
        self.sources[array.value] = Place("drawn", generator, (method, args, kwargs))
        return array

    def stepped(self, optimizer: Any) -> None:
        if optimizer._steps_itself():
            raise refusal("an optimizer that defines step()", "define update(), or step outside of the function")
        with np.errstate(all="ignore"):
            for group, parts in zip(optimizer.param_groups, optimizer._bundles, strict=True):
                settings = {**group, "lr": self.writer.number(("lr", id(group)), functools.partial(_rate, group))}
                fixed = tuple(k for k in group if k not in ("lr", "params", "initial_lr", "name"))
                self.guards.append((functools.partial(_settings, group, fixed), _settings(group, fixed)))
                kept = optimizer.initial_state(group)
                for bundle in parts:
                    if len(kept) > len(bundle.state):
                        bundle.keep(kept)
                    together = _together(bundle)  # as a rule: then one number counts the steps of all
                    self.guards.append((functools.partial(_together, bundle), together))
                    moving = [i for i, p in enumerate(bundle.params) if p._grad is not None]
                    for i in moving:
                        self._step(optimizer, settings, bundle, i, 0 if together else i)
                    self.effects.append(functools.partial(_counted, bundle, moving))

    def _step(self, optimizer: Any, group: Any, bundle: Any, i: int, counted: int) -> None:
        """One parameter's update, by the optimizer's own rule."""
        p = bundle.params[i]
        self.take(p)
        wide = worked_in(p._data.dtype)
        row, g = (x._data.reshape(-1).astype(wide) for x in (p, p._grad))
        state = {name: self._row(bundle, name, i) for name in bundle.state}
        a, b = (np.zeros_like(row) for _ in range(2))
        step = self.writer.number(("step", id(bundle), counted), lambda: bundle.steps[counted] + 1)
        optimizer.update(group, step, row, -g if group.get("maximize") else g, state, a, b)
        p._data = row.astype(p._data.dtype).reshape(p._data.shape)
        p.born, p.past = births(), None

    def _row(self, bundle: Any, name: str, i: int) -> Any:
        key = id(bundle), name, i
        if key not in self.rows:
            place = Place("state", bundle, (name, i))
            array = self.writer.input(bundle.part(name, i).reshape(-1), name)
            self.sources[array.value] = place
            self.rows[key] = place, array
        return self.rows[key][1]

    def differentiated(self, results: list[Any], arguments: list[Any]) -> list[Any]:
        """Write down the gradients of the results too: `sum <result, cotangent>`, by each tracked input."""
        outside = [x for x, _, _ in self.taken.values() if x.flags & NEEDS]
        self.wrt = [(i, x) for i, x in enumerate(arguments) if isinstance(x, Variable) and x.flags & NEEDS]
        self.wrt += [(x, x) for x in outside]
        cotangents = []
        for k, y in enumerate(results):
            if y.flags & NEEDS:
                array = self.writer.input(np.ones_like(plain(y._data)), "cotangent")
                self.sources[array.value] = Place("cotangent", None, k)
                cotangents.append((y, array))
        return gradients(cotangents, [x for _, x in self.wrt], oldest=self.start)

    def end(self, result: Any, tree: Any, pulled: Any = ()) -> tuple[Written, list[Any]]:
        """The program, and the arrays of its outputs in this run. What was taken is given back as it was."""
        outputs: list[tuple[Place, Any]] = [(Place("result", None, i), x) for i, x in enumerate(result)]
        for x, before, value in self.taken.values():
            now, x._data = x._data, before
            if not (isinstance(now, ProgramArray) and now.value is value):
                outputs.append((Place("value", x), now))
        for x, before, as_input in self.grads.values():
            now, x._grad = x._grad, before
            if now is None and id(x) in self.zeroed:
                outputs.append((Place("no grad", x), None))
            elif now is not as_input and now is not None:
                outputs.append((Place("grad", x), now._data))
        for place, array in self.rows.values():
            outputs.append((place, array))
        outputs += [(Place("vjp", None, j), g) for j, g in enumerate(pulled)]
        outputs += [
            (Place("check", check), ProgramArray(None, v, self.writer))
            for v, check in self.checks
            if v not in self.sources
        ]
        targets, values, arrays = [], [], []
        for place, array in outputs:
            targets.append(place)
            arrays.append(array.values if isinstance(array, ProgramArray) else array)
            if array is not None:
                values.append(self.writer.reference(array if hasattr(array, "dtype") else np.asarray(array)))
        numbers = {v: Place("number", None, k) for k, v in enumerate(self.writer.host.inputs.values())}
        sources = [self.sources[v] if v in self.sources else numbers[v] for v in self.writer.inputs]
        values = [v if isinstance(v, Value) else self._constant(v) for v in values]
        program = self.writer.program(values, [t.kind for t in targets if t.kind != "no grad"])
        questions = [(program.inputs.index(v), question, answer) for v, question, answer in self.questions]
        inputs = [key for key, _ in self.wrt]
        host = self.writer.host.function()
        checks = [(program.inputs.index(v), check) for v, check in self.checks if v in self.sources]
        return Written(
            program, sources, targets, tree, host, self.effects, self.guards, inputs, questions, checks
        ), arrays

    def _constant(self, x: Any) -> Value:
        value = self.writer.value(x)
        self.writer.constants[value] = x
        return value


def _rate(group: Any) -> float:
    return float(group["lr"])


def _settings(group: Any, names: tuple[str, ...]) -> list[Any]:
    return [group[name] for name in names]


def _together(bundle: Any) -> bool:
    """Whether all parameters of a bundle have made equally many steps."""
    return bool(bundle.steps.count(bundle.steps[0]) == len(bundle.steps))


def _counted(bundle: Any, moving: list[int]) -> list[Any]:
    """The change by which some parameters of a bundle have made one more step."""
    return [(setattr, bundle, "steps", [n + (i in moving) for i, n in enumerate(bundle.steps)])]
