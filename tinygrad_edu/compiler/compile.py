"""The public `compile`."""

from __future__ import annotations

import functools
import operator
import random as python_random
import threading
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..arrays import get_default_dtype
from ..backward import gradients
from ..batched import RUNNING, BatchedArray
from ..engine import NEEDS, STEPPED, Each, Op, Variable, births, constant, note
from ..errors import GraphError
from ..functions.arguments import fresh
from ..holders import USED
from ..nn.module import Module, Parameter
from ..nn.state import at_once
from ..optim.optimizer import Optimizer
from ..program.array import HostNumber, ProgramArray, refusal
from ..program.program import Program
from ..program.reading import Place, Reading, Written
from ..random import Generator
from ..recording import Recording, recorder, recording, stack_level, tracing
from ..transforms import tree
from .execute import Executor
from .guards import PLAIN, Outside

OFTEN = 8  # programs of one function, after which it says that it is compiled again and again


def compile(f: Any = None, dynamic: Any = None, fast: bool = False) -> Any:
    """`f`, read once as a program and run as that from then on: the same results, to rounding, in less time.

    `f` takes and returns tensors, in tuples, lists and dicts as well, or it is a Module, or a whole training step with
    `backward()` and `optimizer.step()`. Parameters, gradients, an optimizer's state and learning rate, running
    statistics and random generators are read and written anew in each call. New shapes, dtypes, modes or settings
    make a new program. `fast` allows algebra that changes what nan and inf become.

    `f.program` is the program, `f.explain()` tells what is computed where, `f.source()` is the code.

    Errors: a GraphError with the line where `f` branches on a value, prints one, or takes it out of the tensor.

    >>> import tinygrad_edu as tg
    >>> @tg.compile
    ... def f(x):
    ...     return tg.exp(x) * 2 + 1
    >>> f(tg.Tensor([0.0, 1.0])).data.round(2)
    array([3.  , 6.44], dtype=float32)
    """
    if f is None:
        return functools.partial(compile, dynamic=dynamic, fast=fast)
    if not callable(f):
        raise TypeError(
            f"compile: f must be a function, or a module; got {type(f).__name__}; pass a function of tensors"
        )
    return Compiled(f, dynamic, fast)


class Compiled:
    """A function with its programs, one for each kind of arguments."""

    def __init__(self, f: Callable[..., Any], dynamic: Any = None, fast: bool = False) -> None:
        self.function, self.dynamic, self.fast = f, dynamic, fast
        functools.update_wrapper(self, f if hasattr(f, "__name__") else type(f), updated=())
        self.__wrapped__ = f
        self._plans: dict[Any, list[Plan]] = {}
        self._numbers: dict[Any, Any] = {}  # for each form of arguments: the floats met, or how they are compiled
        self._made = 0
        self._last: Plan | None = None

    def __reduce__(self) -> Any:
        return compile, (self.function, self.dynamic, self.fast)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __repr__(self) -> str:
        return f"compile({self.function!r})"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        called = Arguments(args, kwargs)
        if tracing.get() is not None or RUNNING or any(map(_inside_another, called.leaves)):
            return self.function(*args, **kwargs)
        form = called.form, recording.get() is not None, get_default_dtype()
        key = form, called.numbers if called.floats and self._numbers.get(form) is not INPUTS else None
        ready = self._ready(key, called)
        if ready is None:
            with ONE_READING:
                ready = self._ready(key, called)  # made meanwhile
                if ready is None:
                    return self._compiled(form, key, called)
        plan, inputs = ready
        self._last = plan
        return plan.publish(plan.executor(inputs[: plan.given]), inputs, called)

    def _ready(self, key: Any, called: Arguments) -> tuple[Plan, list[Any]] | None:
        """The program that holds for a call, and its inputs."""
        for plan in self._plans.get(key, ()):
            if plan.holds() and (inputs := plan.read(called.leaves)) is not None:
                return plan, inputs
        return None

    def _compiled(self, form: Any, key: Any, called: Arguments) -> Any:
        """The first call of a kind. Floats are part of what is compiled, until others come: then they are inputs, if
        the function can be read so."""
        met = self._numbers.setdefault(form, called.numbers)
        if called.floats and met is not FIXED and met is not INPUTS and met != called.numbers:
            self._numbers[form] = FIXED
            try:
                found = self._read((form, None), called, True)
            except Exception:  # what takes a Python float only; or the function's own error, which comes again
                pass
            else:
                self._numbers[form] = INPUTS
                return found
        return self._read(key, called, met is INPUTS)

    def _read(self, key: Any, called: Arguments, numbers: bool) -> Any:
        """Run the function as it stands, and write down what it computes."""
        outside = Outside(self.function, *called.fixed)
        chance = _python_chance()
        with Reading() as reading:
            try:
                given = called.inside(reading, numbers)
                own, named = called.filled(given)
                result = self.function(*own, **named)
                results = Results(result, called.leaves, given, reading)
                graph = any(x.flags & NEEDS for x in results.found) and recording.get() is not None
                ended = graph and reading.changes()
                pulled = reading.differentiated(results.found, given) if graph and not ended else ()
                if _python_chance() != chance:
                    raise refusal("random numbers of Python or NumPy", "draw them from a generator of tg.random")
                if (name := outside.changed()) is not None:
                    raise refusal(
                        f"{name} changed, which stands outside of it",
                        "return what changes, or keep it in a tensor's data",
                    )
                written, arrays = reading.end([x._data for x in results.found], pulled)
            except BaseException:
                reading.undrawn() if numbers else None
                raise
            written.result = results
            written.ended = [k for k, x in enumerate(results.found) if x.flags & NEEDS] if ended else []
        plan = Plan(written, self.function, self.fast, outside)
        plans = self._plans.setdefault(key, [])
        plans[:] = [plan, *plans[: OFTEN - 1]]
        self._last = plan
        self._made += 1
        if self._made == OFTEN:
            warnings.warn(
                f"compile: a function should meet few kinds of arguments; got {self._made} programs of {self!r}; pad to "
                "equal shapes, or pass what changes as tensors",
                RuntimeWarning,
                stacklevel=stack_level(),
            )
        kinds = [t.kind for t in written.targets]
        done = [a for a, kind in zip(arrays, kinds, strict=True) if kind != "vjp" and not kind.startswith("no ")]
        return plan.publish(done, [reading.writer.given[v] for v in plan.inputs], called)

    @property
    def program(self) -> Program:
        """The program of the last call."""
        if self._last is None:
            raise GraphError("compile: there is no program before the first call; got none; call the function")
        return self._last.executor.program

    def explain(self) -> str:
        """What is computed where: steps, kernels, bytes, operations."""
        self.program  # noqa: B018
        assert self._last is not None
        return self._last.executor.explain()

    def source(self) -> str:
        """The code that runs."""
        self.program  # noqa: B018
        assert self._last is not None
        return self._last.executor.source


class Plan:
    """A program with where its inputs come from and its outputs go."""

    def __init__(self, written: Written, function: Any, fast: bool, outside: Outside) -> None:
        self.written, self.function, self.fast, self.outside = written, function, fast, outside
        program, targets = written.program, written.targets
        self.sources = [place for place in written.sources if place.kind != "cotangent"]
        self.targets = [place for place in targets if place.kind != "vjp"]
        order = sorted(range(len(written.sources)), key=lambda k: written.sources[k].kind == "cotangent")
        inputs = [program.inputs[k] for k in order]
        self.given = len(self.sources)
        self.inputs = inputs[: self.given]
        self.ended = frozenset(written.ended)
        self.which = [written.sources[k].key for k in order[self.given :]]  # the results that have a cotangent
        values = iter(program.results)
        results = [(place.kind, next(values)) for place in targets if not place.kind.startswith("no ")]
        forward = Program(
            self.inputs,
            [program.names[k] for k in order[: self.given]],
            program.constants,
            program.steps,
            [v for kind, v in results if kind != "vjp"],
        )
        self.executor = Executor(forward, fast)
        self.backward = Program(
            inputs,
            [program.names[k] for k in order],
            program.constants,
            program.steps,
            [v for kind, v in results if kind == "vjp"],
        )
        self._pullback: Executor | None = None
        self.readers = [_reader(place) for place in self.sources]
        self.draws = [k for k, place in enumerate(self.sources) if place.kind == "drawn"]
        self.types = [
            (place.owner, np.shape(place.owner._data), place.owner._data.dtype, place.owner.flags)
            for place in self.sources
            if place.kind == "value"
        ]

    def holds(self) -> bool:
        """Whether what was read besides arguments is still of the kind that it was."""
        return (
            all(
                x._data.shape == shape and x._data.dtype == dtype and x.flags == flags
                for x, shape, dtype, flags in self.types
            )
            and all(now() == then for now, then in self.written.guards)
            and self.outside.holds()
        )

    def read(self, leaves: Sequence[Any]) -> list[Any] | None:
        """The inputs of a run; None if they are not of the kind for which the program holds. Then nothing is drawn."""
        found = [None if k in self.draws else read(leaves) for k, read in enumerate(self.readers)]
        for i, question, answer in self.written.questions:
            if question(found[i]) != answer:
                return None
        if any(isinstance(x, ProgramArray) for x in found):  # another thread reads a function just now
            return None
        for k in self.draws:
            found[k] = self.readers[k](leaves)
        return found

    def pullback(self, arrays: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        """The gradients of all tracked inputs."""
        if self._pullback is None:
            self._pullback = Executor(self.backward, self.fast)
        return self._pullback([*arrays, *cotangents])

    def publish(self, arrays: Sequence[Any], inputs: Sequence[Any], called: Arguments) -> Any:
        """Give results back, and write everywhere else, all or nothing."""
        results: list[Any] = []
        changes: list[Any] = []
        written: list[Any] = []
        values = iter(arrays)
        leaves = called.leaves
        for place in self.targets:
            kind, x = place.kind, place.owner
            if kind == "check":  # these stand first
                x(next(values))
            elif kind == "result":
                results.append(next(values))
            elif kind == "value":
                written.append((x, next(values)))
            elif kind == "argument":
                written.append((leaves[place.key], next(values)))
            elif kind == "state":
                name, i = place.key
                changes.append((np.copyto, x.part(name, i).reshape(-1), next(values)))
            else:
                owner = x if place.key is None else leaves[place.key]
                changes.append((setattr, owner, "_grad", None if kind.startswith("no ") else constant(next(values))))
        for x, array in written:
            self._write(x, array, changes)
        at_once(*changes, *[change for effect in self.written.effects for change in effect()])
        for effect in self.written.after:
            effect()
        return self.written.result.put_together(self._shown(results, inputs, called), leaves)

    def _shown(self, results: list[Any], inputs: Sequence[Any], called: Arguments) -> list[Any]:
        """Results as tensors, with the graph that they have."""
        if not self.which:
            return [
                note(y, NEEDS, _ended, (SPENT,), None, recorder.get()) if k in self.ended else constant(y)
                for k, y in enumerate(results)
            ]
        leaves = called.leaves
        tracked = [leaves[key] if isinstance(key, int) else key for key in self.written.inputs]
        others = [x for x in leaves if isinstance(x, Variable) and not x.flags & NEEDS]
        flags = functools.reduce(operator.or_, (x.flags for x in tracked))
        call = Call(self, list(inputs), called)
        return [
            note(y, flags, _compiled, (*tracked, *others), {"call": call, "which": k}, recorder.get())
            if k in self.which
            else constant(y)
            for k, y in enumerate(results)
        ]

    def _write(self, x: Any, array: Any, changes: list[Any]) -> None:
        if not isinstance(x, Variable):
            changes.append((np.copyto, x, array))
            return
        x.born, x.past, x.site = births(), None, STEPPED
        if x.flags & NEEDS and isinstance(x._data, np.ndarray) and x._data.flags.writeable:
            if x.store is not None and x.store is not USED:
                x.store.stamp(x.born)
            changes.append((np.copyto, x._data, array))
        else:
            changes += [(setattr, x, "_data", array), (setattr, x, "store", None)]


def _reader(place: Place) -> Callable[[Sequence[Any]], Any]:
    x, key = place.owner, place.key
    if place.kind == "argument":
        return lambda leaves: leaves[key]._data if isinstance(leaves[key], Variable) else leaves[key]
    if place.kind == "argument grad":
        return lambda leaves: leaves[key]._grad._data
    if place.kind == "value":
        return lambda leaves: x._data
    if place.kind == "grad":
        return lambda leaves: x._grad._data
    if place.kind == "state":
        return lambda leaves: x.part(*key).reshape(-1)
    if place.kind == "drawn":
        method, args, kwargs = key
        if isinstance(x, Generator):
            return lambda leaves: np.asarray(x.draw(method, *args, **kwargs))
        return lambda leaves: np.asarray(x().draw(method, *args, **kwargs))
    return lambda leaves: x.again(leaves)


class Call:
    """One call whose results are differentiable: what it was given, and its gradients once one of them is asked for."""

    def __init__(self, plan: Plan, inputs: list[Any], called: Arguments) -> None:
        self.plan, self.called = plan, called
        self.inputs = [
            x.copy() if isinstance(x, np.ndarray) and _may_change(place, called.leaves) else x
            for x, place in zip(inputs, plan.sources)
        ]
        self.last: tuple[Any, Any] = (None, None)

    def __repr__(self) -> str:
        return getattr(self.plan.function, "__name__", "function")

    def gradient(self, i: int, which: int, g: Any, xs: Sequence[Any]) -> Any:
        """The gradient of input `i` for the cotangent `g` of one result."""
        if self.last[0] is not g:
            self.last = g, self._again(which, g, xs) if isinstance(g, Variable) else self._pulled(which, g)
        found = self.last[1][i]
        if i == len(self.plan.written.inputs) - 1:
            self.last = None, None
        return found

    def _pulled(self, which: int, g: Any) -> list[Any]:
        shapes = dict(zip(self.plan.which, self.plan.backward.inputs[self.plan.given :], strict=True))
        cotangents = [np.asarray(g) if k == which else np.zeros(v.shape, v.dtype) for k, v in shapes.items()]
        return self.plan.pullback(self.inputs, cotangents)

    def _again(self, which: int, g: Any, xs: Sequence[Any]) -> list[Any]:
        """Gradients that can be differentiated again: of the function as it stands."""
        if any(place.kind == "drawn" for place in self.plan.sources):
            raise GraphError(
                "compile: a second derivative needs a function that draws nothing; got random numbers in it; "
                "differentiate the function that was compiled"
            )
        given = list(self.called.leaves)
        wanted = list(self.plan.written.inputs)
        with Recording():
            for k, key in enumerate(wanted):
                if isinstance(key, int):
                    wanted[k] = given[key] = fresh("compile", xs[k])
            start = births()
            args, kwargs = self.called.filled(given)
            found = Results(self.plan.function(*args, **kwargs)).found
            return gradients([(found[which], g)], wanted, create_graph=True, oldest=start)


def _may_change(place: Place, leaves: Sequence[Any]) -> bool:
    """Whether the memory of an input may be written into before its gradient is asked for, without a trace."""
    if place.kind == "value":
        return not place.owner.flags
    return place.kind == "argument" and not isinstance(leaves[place.key], Variable)


def _compiled_rule(i: int) -> Any:
    def rule(g: Any, y: Any, *xs: Any, call: Call, which: int) -> Any:
        return call.gradient(i, which, g, xs)

    return rule


_compiled = Op(
    "compiled",
    lambda *xs, call, which: None,
    Each(_compiled_rule),
    kind="checkpoint",
    doc="A compiled function; its gradient is computed by a program as well.",
)


def _refused(g: Any, y: Any, spent: Any) -> Any:
    raise GraphError(
        "compile: results of a function that calls backward() or zero_grad() keep no graph; got a gradient for one of "
        "them; call backward() within the function only, or use the result's detach()"
    )


_ended = Op("ended", lambda spent: spent, (_refused,), kind="checkpoint", doc="A result whose graph was used up.")
SPENT = constant(np.zeros(()))
SPENT.flags = NEEDS


def _inside_another(x: Any) -> bool:
    """Whether an argument is read by another transform, which then reads the function as it stands."""
    data = x._data if isinstance(x, Variable) else x
    return isinstance(data, BatchedArray | ProgramArray)


def _python_chance() -> Any:
    """The state of generators that cannot be read."""
    kind, keys, *rest = np.random.get_state(legacy=True)
    return python_random.getstate(), kind, keys.tobytes(), rest


ONE_READING = threading.RLock()  # tensors that two functions use are inputs of one program at a time
FIXED, INPUTS = "fixed", "inputs"  # how floats are compiled


class Same:
    """An object as part of what was compiled: which one it is."""

    __slots__ = ("x",)

    def __init__(self, x: Any) -> None:
        self.x = x

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Same) and self.x is other.x

    def __hash__(self) -> int:
        return id(self.x)


class Arguments:
    """What a function was called with: the leaves of a tree, and of which form they are."""

    def __init__(self, args: Any, kwargs: Any) -> None:
        self.leaves, self.structure = tree.flatten((args, kwargs), is_leaf=_is_object)
        self.floats = [i for i, x in enumerate(self.leaves) if type(x) is float]
        self.numbers = tuple([self.leaves[i].hex() for i in self.floats])
        self.fixed = [x for x in self.leaves if not isinstance(x, ARRAYS) and type(x) is not float]
        first: dict[int, int] = {}
        again = [first.setdefault(id(x), i) for i, x in enumerate(self.leaves) if isinstance(x, Variable)]
        self.form = (
            self.structure, tuple(_orders(self.structure)), tuple(map(_kind, self.leaves)),
            tuple(again) if len(first) < len(again) else None,
        )  # fmt: skip

    def inside(self, reading: Reading, numbers: bool) -> list[Any]:
        """What stands for the leaves while the function is read."""
        given: list[Any] = []
        known: dict[int, Any] = {}
        for i, x in enumerate(self.leaves):
            if isinstance(x, Parameter):
                reading.take(x)
            elif isinstance(x, Variable):
                x = known[id(x)] if id(x) in known else known.setdefault(id(x), reading.tensor(x, i))
            elif isinstance(x, ARRAYS):
                x = reading.argument(x, i)
            elif type(x) is float and numbers:
                x = reading.number(x, i)
            given.append(x)
        return given

    def filled(self, leaves: list[Any]) -> Any:
        """Arguments with other leaves."""
        return tree.unflatten(self.structure, leaves)


ARRAYS = (Variable, np.ndarray, np.generic)


def _is_object(x: Any) -> bool:
    return isinstance(x, Module | Optimizer)


def _orders(structure: tree.Structure) -> Iterator[Any]:
    """The order of the keys of dicts, which a function may see."""
    if isinstance(structure.like, dict):
        yield tuple(structure.like)
    for part in structure.children or ():
        yield from _orders(part)


def _kind(x: Any) -> Any:
    """What of an argument must stay as it was."""
    if isinstance(x, Parameter):
        return Same(x)
    if isinstance(x, Variable):
        return type(x), x.shape, x.dtype, x.flags, x.op is None, x._grad is None
    if isinstance(x, ARRAYS):
        return type(x), x.shape, x.dtype
    if type(x) is float:
        return float
    return (type(x), x) if isinstance(x, PLAIN) else Same(x)


class Results:
    """What a function gave: a tree, some of whose leaves are computed."""

    def __init__(self, result: Any, leaves: Sequence[Any] = (), given: Sequence[Any] = (), reading: Any = None) -> None:
        parts, self.structure = tree.flatten(result, is_leaf=_is_object)
        self.found: list[Any] = []  # variables of what is computed
        self.parts: list[tuple[str, Any]] = []
        places = {id(x): i for i, x in enumerate(given)}
        seen: dict[int, int] = {}
        for x in parts:
            if id(x) in places and isinstance(x, Variable):
                self.parts.append(("argument", places[id(x)]))
            elif isinstance(x, Variable) and reading is not None and (x.op is None and x.born < reading.start):
                self.parts.append(("as it is", x))
            elif isinstance(x, Variable | ProgramArray | HostNumber):
                if id(x) not in seen:
                    seen[id(x)] = len(self.found)
                    self.found.append(x if isinstance(x, Variable) else constant(x))
                kind = "tensor" if isinstance(x, Variable) else "number" if isinstance(x, HostNumber) else "array"
                self.parts.append((kind, seen[id(x)]))
            else:
                self.parts.append(("as it is", x))

    def put_together(self, results: Sequence[Any], leaves: Sequence[Any]) -> Any:
        """The tree with these results."""
        if self.structure.children is None:
            return _part(*self.parts[0], results, leaves)
        return tree.unflatten(self.structure, [_part(*part, results, leaves) for part in self.parts])


def _part(kind: str, k: Any, results: Sequence[Any], leaves: Sequence[Any]) -> Any:
    if kind == "tensor":
        return results[k]
    if kind == "as it is":
        return k
    if kind == "argument":
        return leaves[k]
    return results[k]._data if kind == "array" else results[k]._data
