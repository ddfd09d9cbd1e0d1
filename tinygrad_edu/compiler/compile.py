"""The public `compile`."""

from __future__ import annotations

import functools
import random as python_random
import threading
import types
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import get_default_dtype
from ..batched import RUNNING, BatchedArray
from ..blocks import no_collection
from ..engine import NEEDS, Variable
from ..errors import GraphError
from ..functions.settings import settings
from ..precision import lowered
from ..program.any_length import lengths as sizes
from ..program.array import ProgramArray, refusal
from ..program.program import Program
from ..program.reading import ProgramReading
from ..program.written import Written
from ..recording import recording, stack_level, tracing
from .dynamic import AnyLength, Dynamic, merged
from .effects import NoEffects
from .guards import Outside
from .plan import Plan
from .repetition import OTHERWISE
from .report import Timing, report
from .trees import Arguments, Results

if TYPE_CHECKING:
    from ..tensor import Tensor

OFTEN = 8  # programs of one function, after which it says that it is compiled again and again
FIXED, INPUTS = "fixed", "inputs"  # how floats are compiled
ONE_READING = threading.RLock()  # tensors that two functions use are inputs of one program at a time


@settings
def compile(f: Callable[..., Any] | None = None, dynamic: object = None, fast: bool = False) -> Any:
    """`f`, read once as a program and run as that from then on: the same results, to rounding, in less time.

    `f` takes and returns tensors, in tuples, lists and dicts as well, or it is a Module, or a whole training step with
    `backward()` and `optimizer.step()`. Parameters, gradients, an optimizer's state and learning rate, running
    statistics and random generators are read and written anew in each call. New shapes, dtypes, modes or settings
    make a new program. `fast` allows algebra that changes what nan and inf become. `dynamic=True` makes one program
    for all lengths of the first axis, `{"x": {0: "batch"}}` for those of the axes that it names; it runs on NumPy.

    `f.program` is the program, `f.explain()` tells what is computed where, `f.source()` is the code.

    Errors: a GraphError with the line where `f` branches on a value, prints one, or takes it out of the tensor; a
    TypeError where `f` cannot be called.

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

    def __init__(self, f: Callable[..., Any], dynamic: object = None, fast: bool = False) -> None:
        self.function, self.dynamic, self.fast = f, dynamic, fast
        functools.update_wrapper(self, f if hasattr(f, "__name__") else type(f), updated=())
        self.__wrapped__ = f
        self._plans: dict[Any, list[Plan]] = {}
        self._numbers: dict[Any, Any] = {}  # for each form of arguments: the floats met, or how they are compiled
        self._made = 0
        self._last: Plan | None = None

    def __reduce__(self) -> Any:
        return compile, (self.function, self.dynamic, self.fast)

    def __get__(self, instance: object, owner: object = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __repr__(self) -> str:
        return f"compile({self.function!r})"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._last is not None and not kwargs and (found := self._last.repeat(args)) is not OTHERWISE:
            return found
        called = Arguments(args, kwargs)
        if tracing.get() is not None or RUNNING or any(map(_inside_another, called.leaves)):
            return self.function(*args, **kwargs)
        if self.dynamic:
            return self._of_any_length(args, kwargs, called)
        form = called.form, recording.get() is not None, get_default_dtype(), lowered.get()
        key = form, called.numbers if called.floats and self._numbers.get(form) is not INPUTS else None
        ready = self._ready(key, called)
        if ready is None:
            with ONE_READING, no_collection():
                ready = self._ready(key, called)  # made meanwhile
                if ready is None:
                    return self._compiled(form, key, called)
        plan, inputs = ready
        self._last = plan
        return plan.run(inputs, called)

    def _of_any_length(self, args: object, kwargs: object, called: Arguments) -> Any:
        """A call with arguments of some length, by the program for all lengths."""
        lengths = Dynamic(self.function, self.dynamic, args, kwargs, called)
        key = lengths.form(), recording.get() is not None, get_default_dtype(), lowered.get(), called.numbers
        ready = self._ready(key, called)
        if ready is None:
            with ONE_READING, no_collection():
                ready = self._ready(key, called)
                if ready is None:
                    self._read_for_all_lengths(key, lengths)
                    ready = self._ready(key, called)
        if ready is None:
            raise refusal("other answers for other lengths", "compile it without dynamic=")
        self._last, inputs = ready
        return self._last.run(inputs, called)

    def _read_for_all_lengths(self, key: object, lengths: Dynamic) -> None:
        outside = Outside(self.function, *lengths.called.fixed)
        found = []
        for one in lengths.stretched():
            with ProgramReading() as reading:
                try:
                    found.append(self._written(reading, one, False, outside)[0])
                finally:
                    reading.undrawn()
        merge = merged(found, sizes(lengths.length))
        written = replace(found[0], program=merge.program)
        self._keep(key, Plan(written, self.function, self.fast, outside, functools.partial(AnyLength, merge)))

    def _ready(self, key: object, called: Arguments) -> tuple[Plan, list[Any]] | None:
        """The program that holds for a call, and its inputs."""
        for plan in self._plans.get(key, ()):
            if plan.holds() and (inputs := plan.gathered(called.leaves)) is not None:
                return plan, inputs
        return None

    def _compiled(self, form: object, key: object, called: Arguments) -> Any:
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

    def _read(self, key: object, called: Arguments, numbers: bool) -> Any:
        """Run the function as it stands, and write down what it computes."""
        outside = Outside(self.function, *called.fixed)
        with ProgramReading() as reading:
            try:
                written, arrays = self._written(reading, called, numbers, outside)
            except BaseException:
                reading.undrawn() if numbers else None
                raise
        plan = Plan(written, self.function, self.fast, outside)
        plan.form = called.form, recording.get() is not None, get_default_dtype(), lowered.get()
        plan.check_apart(called.leaves)
        self._keep(key, plan)
        kinds = [t.kind for t in written.targets]
        done = [a for a, kind in zip(arrays, kinds, strict=True) if kind != "vjp" and not kind.startswith("no ")]
        return plan.publish(done, [reading.writer.given[v] for v in plan.inputs], called)

    def _written(
        self, reading: ProgramReading, called: Arguments, numbers: bool, outside: Outside
    ) -> tuple[Written, list[Any]]:
        """What a call of the function does, and the arrays of its outputs."""
        chance = _python_chance()
        given = called.inside(reading, numbers)
        own, named = called.filled(given)
        with NoEffects(reading.writer):
            result = self.function(*own, **named)
        results = Results(result, called.leaves, given, reading)
        graph = any(x.flags & NEEDS for x in results.found) and recording.get() is not None
        ended = graph and reading.changes()
        pulled = reading.differentiated(results.found, given) if graph and not ended else ()
        ended = graph and not reading.wrt  # or made from tensors that it made itself
        if _python_chance() != chance:
            raise refusal("random numbers of Python or NumPy", "draw them from a generator of tg.random")
        if (name := outside.changed()) is not None:
            raise refusal(
                f"{name} changed, which stands outside of it", "return what changes, or keep it in a tensor's data"
            )
        written, arrays = reading.end([x._data for x in results.found], pulled)
        written.result = results
        written.ended = [k for k, x in enumerate(results.found) if x.flags & NEEDS] if ended else []
        return written, arrays

    def _keep(self, key: object, plan: Plan) -> None:
        """Have a program ready for calls like this, and say so where that happens often."""
        plans = self._plans.setdefault(key, [])
        plans[:] = [plan, *plans[: OFTEN - 1]]
        self._last = plan
        self._made += 1
        if self._made == OFTEN:
            warnings.warn(
                f"compile: a function should meet few kinds of arguments; got {self._made} programs of {self!r}; pad "
                "to equal shapes, pass what changes as tensors, or compile with dynamic=True",
                RuntimeWarning,
                stacklevel=stack_level(),
            )

    @property
    def program(self) -> Program:
        """The program of the last call."""
        if self._last is None:
            raise GraphError("compile: there is no program before the first call; got none; call the function")
        return self._last.executor.program

    @property
    def stages(self) -> dict[str, Program]:
        """The program of the last call as it was read, and after each pass, by name: to be printed, drawn with
        `tg.draw`, and compared with `tg.viz.diff`."""
        self.program  # noqa: B018
        assert self._last is not None
        executor = self._last.executor
        found: dict[str, Program] = executor.stages()
        return found

    def explain(self) -> Timing:
        """What is computed where: kernels with the operations that they join, the lines that these are from, bytes and
        operations, and the time that each takes on data like that of the last call, beside what memory and BLAS allow
        here. `explain().roofline()` is a picture of it."""
        self.program  # noqa: B018
        assert self._last is not None
        executor = self._last.executor
        return report(executor.explain(), executor, self._last.examples())

    def source(self) -> str:
        """The code that runs."""
        self.program  # noqa: B018
        assert self._last is not None
        return self._last.executor.source


def _inside_another(x: Tensor) -> bool:
    """Whether an argument is read by another transform, which then reads the function as it stands."""
    data = x._data if isinstance(x, Variable) else x
    return isinstance(data, BatchedArray | ProgramArray)


def _python_chance() -> Any:
    """The state of generators that cannot be read."""
    kind, keys, *rest = np.random.get_state(legacy=True)
    return python_random.getstate(), kind, bytes(memoryview(keys)), rest  # type: ignore[arg-type]
