"""The public `compile`."""

from __future__ import annotations

import functools
import operator
import threading
import types
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arrays import get_default_dtype
from ..backward import gradients
from ..batched import BatchedArray
from ..changes import at_once
from ..engine import NEEDS, STEPPED, Each, Op, Variable, births, constant, note
from ..errors import GraphError
from ..holders import USED
from ..program.array import ProgramArray
from ..program.program import Program
from ..program.reading import Place, Reading, Written
from ..recording import Recording, recorder, recording, stack_level, tracing
from .execute import Executor
from .guards import fingerprint, of_argument, simple

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
        self._lock = threading.RLock()
        self._plans: dict[Any, list[Plan]] = {}
        self._outside: Callable[[], Any] | None = None
        self._last: Plan | None = None

    def __reduce__(self) -> Any:
        return compile, (self.function, self.dynamic, self.fast)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __repr__(self) -> str:
        return f"compile({self.function!r})"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves: list[Any] = []
        shape = _taken_apart((args, kwargs), leaves)
        if tracing.get() is not None or any(_inside_another(x) for x in leaves):
            return self.function(*args, **kwargs)
        if self._outside is None:
            self._outside = fingerprint(self.function)
        key = (shape, tuple(map(_kind, leaves)), self._outside(), recording.get() is not None, get_default_dtype())
        for plan in self._plans.get(key, ()):
            if plan.holds():
                inputs = [read(leaves) for read in plan.readers]
                if all(bool(question(inputs[i])) is answer for i, question, answer in plan.written.questions):
                    self._last = plan
                    return plan.publish(plan.executor(inputs[: plan.given]), inputs, leaves, (args, kwargs))
        with self._lock:
            return self._compiled(key, args, kwargs, leaves)

    def _compiled(self, key: Any, args: Any, kwargs: Any, leaves: list[Any]) -> Any:
        """The first call of a kind: it is run as it stands, and written down."""
        with Reading() as reading:
            try:
                given = [_as_input(x, reading, i) for i, x in enumerate(leaves)]
                own, named = _put_together((args, kwargs), iter(given))
                result = self.function(*own, **named)
                found: list[Any] = []
                tree = _apart(result, found)
                graph = (
                    any(x.flags & NEEDS for x in found)
                    and recording.get() is not None
                    and not reading.zeroed
                    and not any(x._grad is not now for x, _, now in reading.grads.values())
                )
                pulled = reading.differentiated(found, given) if graph else ()
            except BaseException:
                reading.end([], None)
                raise
            written, arrays = reading.end([x._data for x in found], tree, pulled)
        plan = Plan(written, self.function, self.fast)
        plans = self._plans.setdefault(key, [])
        plans[:] = [p for p in plans if p.holds()] + [plan]
        self._last = plan
        if (many := sum(map(len, self._plans.values()))) == OFTEN:
            warnings.warn(
                f"compile: a function should meet few kinds of arguments; got {many} programs of {self!r}; pad to "
                "equal shapes, or pass what changes as tensors",
                RuntimeWarning,
                stacklevel=stack_level(),
            )
        kinds = [t.kind for t in written.targets]
        done = [a for a, kind in zip(arrays, kinds, strict=True) if kind not in ("vjp", "no grad")]
        return plan.publish(
            done, [reading.writer.given[v] for v in plan.executor.program.inputs], leaves, (args, kwargs)
        )

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

    def __init__(self, written: Written, function: Any, fast: bool) -> None:
        self.written, self.function, self.fast = written, function, fast
        program, targets = written.program, written.targets
        self.sources = [place for place in written.sources if place.kind != "cotangent"]
        self.targets = [place for place in targets if place.kind != "vjp"]
        order = sorted(range(len(written.sources)), key=lambda k: written.sources[k].kind == "cotangent")
        inputs = [program.inputs[k] for k in order]
        self.given = len(self.sources)
        self.which = [written.sources[k].key for k in order[self.given :]]  # the results that have a cotangent
        values = iter(program.results)
        results = [(place.kind, next(values)) for place in targets if place.kind != "no grad"]
        forward = Program(
            inputs[: self.given],
            [""] * self.given,
            program.constants,
            program.steps,
            [v for kind, v in results if kind != "vjp"],
        )
        forward.names = [program.names[k] for k in order[: self.given]]
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
        self.types = [
            (place.owner, np.shape(place.owner._data), place.owner._data.dtype, place.owner.flags)
            for place in self.sources
            if place.kind == "value"
        ]

    def holds(self) -> bool:
        """Whether what was read besides arguments is still of the kind that it was."""
        return all(
            x._data.shape == shape and x._data.dtype == dtype and x.flags == flags
            for x, shape, dtype, flags in self.types
        ) and all(now() == then for now, then in self.written.guards)

    def pullback(self, arrays: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        """The gradients of all tracked inputs."""
        if self._pullback is None:
            self._pullback = Executor(self.backward, self.fast)
        return self._pullback([*arrays, *cotangents])

    def publish(self, arrays: Sequence[Any], inputs: Sequence[Any], leaves: Sequence[Any], called: Any) -> Any:
        """Give results back, and write everywhere else, all or nothing."""
        results: dict[int, Any] = {}
        changes: list[Any] = []
        values = iter(arrays)
        for place in self.targets:
            x = place.owner
            if place.kind == "no grad":
                changes.append((setattr, x, "_grad", None))
                continue
            array = next(values)
            if place.kind == "result":
                results[place.key] = array
            elif place.kind == "value":
                self._write(x, array, changes)
            elif place.kind == "grad":
                changes.append((setattr, x, "_grad", constant(array)))
            elif place.kind == "check":
                x(array)
            else:
                name, i = place.key
                changes.append((np.copyto, x.part(name, i).reshape(-1), array))
        at_once(*changes, *[change for effect in self.written.effects for change in effect()])
        if self.which:
            tracked = [leaves[key] if isinstance(key, int) else key for key in self.written.inputs]
            flags = functools.reduce(operator.or_, (x.flags for x in tracked))
            call = Call(self, list(inputs), called)
            shown = {
                k: note(y, flags, _compiled, tuple(tracked), {"call": call, "which": k}, recorder.get())
                if k in self.which
                else constant(y)
                for k, y in results.items()
            }
        else:
            shown = {k: constant(y) for k, y in results.items()}
        return _in_tree(self.written.result, shown)

    def _write(self, x: Any, array: Any, changes: list[Any]) -> None:
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
    if place.kind == "value":
        return lambda leaves: x._data
    if place.kind == "grad":
        return lambda leaves: x._grad._data
    if place.kind == "state":
        return lambda leaves: x.part(*key).reshape(-1)
    if place.kind == "drawn":
        method, args, kwargs = key
        return lambda leaves: x.draw(method, *args, **kwargs)
    return lambda leaves: x.again()


class Call:
    """One call whose results are differentiable: what it was given, and its gradients once one of them is asked for."""

    def __init__(self, plan: Plan, inputs: list[Any], called: Any) -> None:
        self.plan, self.called = plan, called
        self.inputs = [
            x.copy() if isinstance(x, np.ndarray) and place.kind == "value" and not place.owner.flags else x
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
        if i == len(xs) - 1:
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
        leaves: list[Any] = []
        _taken_apart(self.called, leaves)
        given = list(leaves)
        for key, x in zip(self.plan.written.inputs, xs, strict=True):
            if isinstance(key, int):
                given[key] = x
        with Recording():
            args, kwargs = _put_together(self.called, iter(given))
            found: list[Any] = []
            _apart(self.plan.function(*args, **kwargs), found)
            return gradients([(found[which], g)], list(xs), create_graph=True)


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


def _inside_another(x: Any) -> bool:
    """Whether an argument is read by another transform, which then reads the function as it stands."""
    data = x._data if isinstance(x, Variable) else x
    return isinstance(data, BatchedArray | ProgramArray)


def _kind(x: Any) -> Any:
    data = x._data if isinstance(x, Variable) else x
    return type(x), np.shape(data), data.dtype if hasattr(data, "dtype") else type(data), getattr(x, "flags", None)


def _as_input(x: Any, reading: Reading, i: int) -> Any:
    if not isinstance(x, Variable):
        return reading.argument(x, i)
    data = x._data if hasattr(x._data, "dtype") else np.asarray(x._data)
    t = constant(reading.argument(data, i, x.name or ""))
    t.flags, t.name = x.flags, x.name
    return t


def _taken_apart(x: Any, leaves: list[Any]) -> Any:
    """The structure of arguments, hashable, and their arrays."""
    if isinstance(x, tuple | list):
        return type(x), tuple(_taken_apart(part, leaves) for part in x)
    if isinstance(x, dict):
        return dict, tuple((k, _taken_apart(part, leaves)) for k, part in x.items())
    if simple(x):
        return of_argument(x)
    leaves.append(x)
    return "array"


def _put_together(x: Any, leaves: Any) -> Any:
    if isinstance(x, tuple | list):
        parts = [_put_together(part, leaves) for part in x]
        return type(x)(parts) if type(x) in (tuple, list) else type(x)(*parts)
    if isinstance(x, dict):
        return {k: _put_together(part, leaves) for k, part in x.items()}
    return x if simple(x) else next(leaves)


class _Leaf(int):
    """The number of a tensor in a result."""


def _apart(x: Any, found: list[Any]) -> Any:
    if isinstance(x, Variable | ProgramArray):
        found.append(x if isinstance(x, Variable) else constant(x))
        return _Leaf(len(found) - 1)
    if isinstance(x, tuple | list):
        parts = [_apart(part, found) for part in x]
        return type(x)(parts) if type(x) in (tuple, list) else type(x)(*parts)
    if isinstance(x, dict):
        return {k: _apart(part, found) for k, part in x.items()}
    return x


def _in_tree(x: Any, results: dict[int, Any]) -> Any:
    if isinstance(x, _Leaf):
        return results[int(x)]
    if isinstance(x, tuple | list):
        parts = [_in_tree(part, results) for part in x]
        return type(x)(parts) if type(x) in (tuple, list) else type(x)(*parts)
    if isinstance(x, dict):
        return {k: _in_tree(part, results) for k, part in x.items()}
    return x
