"""A run of a function that is written down as a program, with what it reads and changes besides its arguments.

Tensors that the function closes over, parameters, gradients and an optimizer's state are read when they are needed,
and become inputs; what it writes into them becomes an output. Learning rates, counts of steps and random numbers are
computed before each run, by the host. So nothing of the kind is built into the program.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..backward import pull
from ..batched.examples import by_example
from ..batched.levels import Batch, of_all
from ..engine import NEEDS, Variable, births, constant
from ..errors import GraphError
from ..op import Op
from ..recording import TRACERS, tracing
from ..sums import worked_in
from .array import EffectError, ProgramArray, UnknownShapeError, plain, refusal
from .host import HostNumber
from .inputs import Inputs
from .passes.common import without_dead_steps
from .primitives import VIEWS, is_fresh
from .program import Program, Value
from .writer import Writer
from .written import Place, Taken, Written


class ProgramReading(Inputs):
    """One run, in a `with` block."""

    def __init__(self) -> None:
        super().__init__()
        self.zeroed: dict[int, Any] = {}
        self.rows: dict[tuple[int, str, int], tuple[Place, Any]] = {}  # an optimizer's state, which is an array now
        self.wrt: list[tuple[Any, Any]] = []
        self.effects: list[Callable[[], list[Any]]] = []
        self.after: list[Callable[[], None]] = []
        self.guards: list[tuple[Callable[[], Any], Any]] = []
        self.rates: list[tuple[Any, Any]] = []  # groups of optimizers, and their learning rates
        self.given: set[Value] = set()  # outputs

    def __enter__(self) -> ProgramReading:
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
        for taken in self.taken.values():
            if taken.x._data is not taken.before["_data"]:
                taken.give_back()

    def forward(self, op: Op, xs: Any, attributes: dict[str, Any]) -> Any:
        """The value of an op: its forward on arrays of the program, or a step of its own."""
        if op.custom or op.kind.rule:
            return self._forward(op, xs, attributes)
        return self.writer.unwatched(self._forward, op, xs, attributes)

    def walked(self, steps: Iterator[Any]) -> Iterator[Any]:
        while (step := self.writer.unwatched(next, steps, None)) is not None:
            yield step

    def watched(self, f: Any, *args: Any) -> Any:
        return self.writer.watched(f, *args)

    def rules(self, op: Op, vjps: Any) -> Any:
        return _Watched(vjps, self.writer) if op.custom or op.kind.rule else vjps

    def _forward(self, op: Op, xs: Any, attributes: dict[str, Any]) -> Any:
        arrays = [self.array(x) if isinstance(x, Variable) else x for x in xs]
        if not any(isinstance(of_all(a), ProgramArray) for a in arrays):
            return op.forward(*arrays, **attributes)
        arrays = [self.writer.constant(a) if type(a) is np.ndarray else a for a in arrays]
        begun, refused, users = len(self.writer.steps), self.writer.refused, self.writer.users
        self.writer.users = op.custom
        try:
            found = op.forward(*arrays, **attributes)
            if not isinstance(self.writer.refused, EffectError):
                self.writer.refused = refused
            return found
        except (UnknownShapeError, EffectError):
            raise
        except Exception:  # it asks for values or strides, as a factorisation or a window does: a primitive of its own
            del self.writer.steps[begun:]
            self.writer.refused = refused
        finally:
            self.writer.users = users

        def call(*arrays: Any) -> Any:
            return self.writer.call(f"op.{op.name}", arrays, attributes)

        return by_example(call, arrays, {}) if any(isinstance(a, Batch) for a in arrays) else call(*arrays)

    def replaced(self, x: Any, array: Any) -> None:
        self.take(x)
        if array is not x._data:
            array = array.__copy__() if isinstance(array, ProgramArray) else np.array(array)
            x._data = array if array.dtype == x._data.dtype else array.astype(x._data.dtype)
        x.born = births()

    def cleared(self, params: Any, set_to_none: bool) -> None:
        for p in params:
            self.graded(p, read=not set_to_none)
            if set_to_none:
                p._grad, self.zeroed[id(p)] = None, p
            elif p._grad is not None:
                p._grad = constant(np.zeros_like(p._grad._data))

    def later(self, effect: Callable[[], None]) -> None:
        self.after.append(effect)

    def stepped(self, optimizer: Any) -> None:
        if optimizer._steps_itself():
            raise refusal("an optimizer that defines step()", "define update(), or step outside of the function")
        if self.after:
            raise refusal("a schedule that steps before the optimizer", "step the schedule last")
        self.guards.append((functools.partial(_groups, optimizer), _groups(optimizer)))
        with np.errstate(all="ignore"):
            for group, parts in zip(optimizer.param_groups, optimizer._bundles, strict=True):
                self.rates.append((group, group["lr"]))
                rate = functools.partial(_rate, group=group)
                settings = {**group, "lr": self.writer.number(rate(None), ("lr", id(group)), rate)}
                fixed = tuple(k for k in group if k not in ("lr", "params", "initial_lr", "name"))
                self.guards.append((functools.partial(_settings, group, fixed), _settings(group, fixed)))
                kept = optimizer.initial_state(group)
                for bundle in parts:
                    if len(kept) > len(bundle.state):
                        bundle.keep(kept)
                    together = _together(bundle)  # as a rule: then one number counts the steps of all
                    self.guards.append((functools.partial(_together, bundle), together))
                    for p in bundle.params:
                        self.graded(p)
                    moving = [i for i, p in enumerate(bundle.params) if p._grad is not None]
                    for i in moving:
                        self._step(optimizer, settings, bundle, i, 0 if together else i)
                    self.effects.append(functools.partial(_counted, bundle, moving))

    def _step(self, optimizer: Any, group: Any, bundle: Any, i: int, counted: int) -> None:
        """One parameter's update, by the optimizer's own rule."""
        p = bundle.params[i]
        wide = worked_in(p._data.dtype)
        row, g = (x._data.reshape(-1).astype(wide) for x in (p, p._grad))
        state = {name: self._row(bundle, name, i) for name in bundle.state}
        now, key = bundle.steps[counted] + 1, ("step", id(bundle), counted)
        step = self.writer.number(now, key, lambda leaves: bundle.steps[counted] + 1)
        optimizer.traced(group, step, row, -g if group.get("maximize") else g, state, p._data.shape)
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
        outside = [taken.x for taken in self.taken.values() if taken.x.flags & NEEDS]
        tracked = {id(x): (i, x) for i, x in reversed(list(enumerate(arguments))) if isinstance(x, Variable)}
        self.wrt = [(i, x) for i, x in reversed(tracked.values()) if x.flags & NEEDS]  # each once
        outside = [x for x in outside if not any(x is argument for _, argument in self.wrt)]
        self.wrt += [(x, x) for x in outside]
        cotangents = []
        for k, y in enumerate(results):
            if y.flags & NEEDS:
                array = self.writer.input(np.ones_like(plain(y._data)), "cotangent")
                self.sources[array.value] = Place("cotangent", None, k)
                cotangents.append((y, array))
        wanted = {x.born for _, x in self.wrt}
        with np.errstate(all="ignore"):
            hooks = [(x, x.hooks) for _, x in self.wrt]
            try:
                for x, _ in hooks:
                    x.hooks = None  # they are told by whoever differentiates the results
                found = {x.born: g for x, g in pull(cotangents, oldest=self.start) if x.born in wanted}
            finally:
                for x, own in hooks:
                    x.hooks = own
        self.wrt = [(key, x) for key, x in self.wrt if x.born in found]  # those that the results come from
        return [found[x.born] for _, x in self.wrt]

    def changes(self) -> bool:
        """Whether gradients, or values that need one, were changed: then the graph of the results is used up."""
        return (
            bool(self.zeroed)
            or any(taken.x._grad is not taken.gradient for taken in self.taken.values())
            or any(t._grad is not g for _, x, t, _, g in self.arguments if t is not x and isinstance(t, Variable))
            or any(
                taken.x.flags & NEEDS
                and not (isinstance(taken.x._data, ProgramArray) and taken.x._data.value is taken.value)
                for taken in self.taken.values()
            )
        )

    def end(self, result: Any, pulled: Any = ()) -> tuple[Written, list[Any]]:
        """The program, and the arrays of its outputs in this run. What was taken is given back as it was."""
        outputs: list[tuple[Place, Any]] = [
            (Place("check", check), x) for x, check in self.checks if x.value not in self.sources
        ]
        outputs += [(Place("result", None, i), x) for i, x in enumerate(result)]
        for taken in self.taken.values():
            outputs += self._changed(taken)
        for i, x, t, value, gradient in self.arguments:
            outputs += self._written(i, x, t, value, gradient)
        outputs += self.rows.values()
        outputs += [(Place("vjp", None, j), g) for j, g in enumerate(pulled)]
        targets: list[Place] = []
        values: list[Any] = []
        arrays: list[Any] = []
        for place, array in outputs:
            targets.append(place)
            if array is None:
                arrays.append(None)
                continue
            array = self._own(array) if place.kind not in ("check", "vjp") else array
            arrays.append(plain(array))
            known = hasattr(array, "dtype") or isinstance(array, HostNumber)
            values.append(self.writer.reference(array if known else np.asarray(array)))
        values = [v if isinstance(v, Value) else self._constant(v) for v in values]
        self.sources |= {v: Place("number", None, k) for k, v in enumerate(self.writer.host.inputs.values())}
        program = self.writer.program(values, [t.kind for t in targets if not t.kind.startswith("no ")])
        program = self._without_idle(program)
        if any(group["lr"] != lr for group, lr in self.rates):
            raise refusal("a learning rate set within", "set it outside, or have a schedule's step() within")
        leaves = [taken.x for key, taken in self.taken.items() if taken.x.op is None and self.settled.get(key)]
        guards: list[Any] = [*self.guards, (functools.partial(_have_gradients, leaves), _have_gradients(leaves))]
        questions = [(program.inputs.index(v), question, answer) for v, question, answer in self.writer.questions]
        sources = [self.sources[v] for v in program.inputs]
        checks = [(program.inputs.index(x.value), check) for x, check in self.checks if x.value in self.sources]
        host, inputs = self.writer.host.function(), [key for key, _ in self.wrt]
        return Written(
            program, sources, targets, host, None, self.effects, guards, inputs, questions, checks, [], self.after
        ), arrays

    def _changed(self, taken: Taken) -> Iterator[tuple[Place, Any]]:
        """What has become of a tensor that existed before, and is given back."""
        x, now = taken.x, taken.give_back()
        if now["flags"] != taken.before["flags"]:
            raise refusal("requires_grad set within", "set it outside of the function")
        data, g = now["_data"], now["_grad"]
        if not (isinstance(data, ProgramArray) and data.value is taken.value):
            yield Place("value", x), data
        if g is None and id(x) in self.zeroed:
            yield Place("no grad", x), None
        elif g is not None and not (g is taken.gradient and self._is_input(g._data, Place("grad", x))):
            self.settled.setdefault(id(x), True)
            yield Place("grad", x), g._data

    def _written(self, i: int, x: Any, t: Any, value: Value, gradient: Any) -> Iterator[tuple[Place, Any]]:
        """What was written into an argument."""
        array = t._data if isinstance(t, Variable) else t
        if array.value is not value if isinstance(array, ProgramArray) else True:
            if isinstance(t, Variable) and x.flags & NEEDS and x.op is not None:
                raise refusal("a write into an argument that has a history", "write into a clone(), and return it")
            yield Place("argument", None, i), array
        if isinstance(t, Variable) and t._grad is not gradient:
            if x.op is not None:
                raise refusal(
                    "backward() through an argument that has a history",
                    "pass its detach(), or call backward() outside",
                )
            yield (Place("no argument grad", None, i), None) if t._grad is None else (
                Place("argument grad", None, i), t._grad._data
            )  # fmt: skip

    def _is_input(self, array: Any, place: Place) -> bool:
        return isinstance(array, ProgramArray) and self.sources.get(array.value) == place

    def _own(self, array: Any) -> Any:
        """An output is nobody else's memory: what may be that of an input, a constant or another output is copied."""
        if isinstance(array, HostNumber):
            return array
        if isinstance(array, ProgramArray):
            made, root = self.writer.made, array.value
            while root in made and made[root].primitive in VIEWS and isinstance(made[root].args[0], Value):
                root = made[root].args[0]
            if root in made and is_fresh(made[root].primitive) and root not in self.given:
                self.given.add(root)
                return array
        return self.writer.call("copy", (array,), {})

    def _without_idle(self, program: Program) -> Program:
        """Without inputs that nothing needs; what is drawn is drawn for others, too."""
        used = {v for step in without_dead_steps(program).steps for v in step.uses} | set(program.results)
        used |= {v for v, _, _ in self.writer.questions} | {x.value for x, _ in self.checks}
        kept = [
            (v, name)
            for v, name in zip(program.inputs, program.names, strict=True)
            if v in used
            or self.sources[v].kind in ("argument", "drawn", "number")
            or (self.sources[v].kind == "cotangent" and self.wrt)
        ]
        return replace(program, inputs=[v for v, _ in kept], names=[name for _, name in kept])

    def _constant(self, x: Any) -> Value:
        value = self.writer.value(x)
        self.writer.constants[value] = x
        return value


class _Watched:
    """The user's rules of an op, by input."""

    def __init__(self, vjps: Any, writer: Writer) -> None:
        self.vjps, self.writer = vjps, writer

    def __getitem__(self, i: int) -> Any:
        vjp = self.vjps[i]
        return None if vjp is None else functools.partial(self._called, vjp)

    def _called(self, vjp: Any, *args: Any, **attributes: Any) -> Any:
        return self.writer.watched(functools.partial(vjp, **attributes), *args)


def _rate(leaves: Any, group: Any) -> float:
    return float(group["lr"])


def _groups(optimizer: Any) -> list[Any]:
    return [list(map(id, group["params"])) for group in optimizer.param_groups]


def _together(bundle: Any) -> bool:
    """Whether all parameters of a bundle have made equally many steps."""
    return bool(bundle.steps.count(bundle.steps[0]) == len(bundle.steps))


def _counted(bundle: Any, moving: list[int]) -> list[Any]:
    """The change by which some parameters of a bundle have made one more step."""
    return [(setattr, bundle, "steps", [n + (i in moving) for i, n in enumerate(bundle.steps)])]


def _have_gradients(leaves: list[Any]) -> list[bool]:
    return [x._grad is None for x in leaves]


def _settings(group: Any, names: tuple[str, ...]) -> list[Any]:
    return [group[name] for name in names]
