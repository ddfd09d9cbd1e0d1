"""The public `compile`."""

from __future__ import annotations

import functools
import threading
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import get_default_dtype
from ..batched import BatchedArray
from ..engine import NEEDS, Variable, constant
from ..errors import GraphError
from ..program.array import ProgramArray
from ..program.program import Program
from ..program.reading import Reading
from ..recording import recording, stack_level, tracing
from .guards import fingerprint
from .plan import Plan
from .trees import apart, put_together, taken_apart

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
        shape = taken_apart((args, kwargs), leaves)
        if tracing.get() is not None or any(_inside_another(x) for x in leaves):
            return self.function(*args, **kwargs)
        if self._outside is None:
            self._outside = fingerprint(self.function)
        key = (shape, tuple(map(_kind, leaves)), self._outside(), recording.get() is not None, get_default_dtype())
        for plan in self._plans.get(key, ()):
            if plan.holds():
                inputs = plan.gathered(leaves)
                if all(bool(question(inputs[i])) is answer for i, question, answer in plan.questions):
                    self._last = plan
                    return plan.run(inputs, leaves, (args, kwargs))
        with self._lock:
            return self._compiled(key, args, kwargs, leaves)

    def _compiled(self, key: Any, args: Any, kwargs: Any, leaves: list[Any]) -> Any:
        """The first call of a kind: it is run as it stands, and written down."""
        with Reading() as reading:
            try:
                given = [_as_input(x, reading, i) for i, x in enumerate(leaves)]
                own, named = put_together((args, kwargs), iter(given))
                result = self.function(*own, **named)
                found: list[Any] = []
                tree = apart(result, found)
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
