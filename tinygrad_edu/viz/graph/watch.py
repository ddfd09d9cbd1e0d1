"""Run a program and note what its tensors are called, and which module made which of them.

Nothing in the program or in the engine knows of this: Python itself reports calls and returns while
the program runs (`sys.setprofile`), and a tensor's number of birth tells between which of them it
was made.
"""

from __future__ import annotations

import inspect
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from types import CellType, CodeType, FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...engine import NEEDS, TRACED, Variable, births, constant
from ...functions.arguments import lift
from ...recording import PACKAGE, user_frame

if TYPE_CHECKING:
    from ...tensor import Tensor


@cache
def installed() -> tuple[str, ...]:
    """Where the code of others lies: Python's own, that of installed libraries, this package's."""
    import sysconfig  # which imports more

    folders = [sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return *folders, PACKAGE, "<frozen"


_EMPTY = CellType()  # of a name that has no value yet


class ModuleCall(NamedTuple):
    """One run of a module: what was born from `start` to `end` is its own."""

    start: int
    end: int
    module: Any


class Watch:
    """What happened while a `with` block ran: module calls, and the local names of one function."""

    def __init__(self, code: CodeType | None = None) -> None:
        self.code = code
        self.calls: list[ModuleCall] = []
        self.names: dict[int, str] = {}
        self.given: frozenset[int] = frozenset()  # births of the inputs
        self.open: list[tuple[FrameType, int]] = []

    def __enter__(self) -> Watch:
        self.before = sys.getprofile()
        sys.setprofile(self.note)
        return self

    def __exit__(self, *exception: object) -> None:
        if self.before is None or callable(self.before):
            sys.setprofile(self.before)
        else:  # that of cProfile before Python 3.12, which no call can set
            sys.setprofile(None)
            self.before.enable()

    def note(self, frame: FrameType, event: str, arg: Any) -> None:
        """Called by Python at every call and return."""
        if event == "call" and frame.f_code.co_name == "forward":
            self.open.append((frame, births()))
        elif event == "return":
            if self.open and self.open[-1][0] is frame:
                _, start = self.open.pop()
                module = frame.f_locals.get(next(iter(frame.f_code.co_varnames), ""))  # whatever it calls itself
                if is_module(module):
                    self.calls.append(ModuleCall(start, births(), module))
            if frame.f_code is self.code:
                self.names |= names_in(frame.f_locals)


def is_module(x: object) -> bool:
    return hasattr(type(x), "named_parameters")  # look on the class: access on the instance may run user code


def names_in(scope: Mapping[str, Any]) -> dict[int, str]:
    """What the tensors of a scope are called, by number of birth: own names before those in a list or a module."""
    found: dict[int, str] = {}
    inner: dict[int, str] = {}
    for name, x in list(scope.items()):
        if name.startswith("_") or not name.isidentifier():
            continue
        if isinstance(x, Variable):
            found.setdefault(x.born, name)
        elif isinstance(x, list | tuple | dict):
            pairs = list(x.items() if isinstance(x, dict) else enumerate(x))  # as it is now: it may grow meanwhile
            inner |= {v.born: f"{name}[{k!r}]" for k, v in pairs if isinstance(v, Variable)}
        elif is_module(x):
            inner = {p.born: path for path, p in x.named_parameters() if isinstance(p, Variable)} | inner
    return inner | found


def named(scopes: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """What tensors are called in the first scope that has a name for them.

    A place in a list or dict is a name only where no scope has a better one.
    """
    found: dict[int, str] = {}
    for weak in (True, False):
        for scope in reversed(scopes):
            found |= {born: name for born, name in names_in(scope).items() if weak or "[" not in name}
    return found


def data_in(scope: Mapping[str, Any], constants: Iterable[Variable]) -> dict[int, str]:
    """What the program calls the arrays that constants are copies of, by number of birth.

    An operation copies an array, and a layer casts it to the dtype of its weights, so it is found again by its values;
    one of equal numbers says too little.
    """
    named_data = ((name, x) for name, x in reversed(list(scope.items())) if name[0] != "_")
    held = ((name, x._data if isinstance(x, Variable) and x.op is None else x) for name, x in named_data)
    arrays = [(name, x) for name, x in held if isinstance(x, np.ndarray)]
    found = {}
    for t in constants:
        value = t._data
        if not isinstance(value, np.ndarray) or value.ndim == 0 or not (value != value.flat[:1]).any():
            continue
        alike = [(name, x) for name, x in arrays if x.shape == value.shape]
        same = (name for name, x in alike if x is value or (x.dtype == value.dtype and np.array_equal(x, value)))
        cast = (name for name, x in alike if x.dtype.kind in "iuf" and _casts_to(x, value))
        if name := next(same, "") or next(cast, ""):
            found[t.born] = name
    return found


def _casts_to(x: Any, value: Any) -> bool:
    """Whether floats are an array in another dtype."""
    with np.errstate(all="ignore"):
        return value.dtype.kind == "f" and x.dtype != value.dtype and np.array_equal(x.astype(value.dtype), value)


def results_in(scope: Mapping[str, Any]) -> list[Variable]:
    """The scalar results that need a gradient among the tensors of a scope, newest first."""
    found = [v for v in scope.values() if isinstance(v, Variable) and v.op is not None and v.flags & NEEDS]
    return sorted((v for v in found if np.size(v._data) == 1), key=lambda v: -v.born)


def caller() -> Mapping[str, Any]:
    """The variables of the user's program where it is running."""
    frame = user_frame()
    return {**frame.f_globals, **frame.f_locals} if frame else {}


def callers() -> list[FrameType]:
    """The frames of the user's program that are running, the outermost first; not those of installed libraries.

    A thread may ask of what others compute: the frames of the asking one stand last.
    """
    others = [frame for thread, frame in sys._current_frames().items() if thread != threading.get_ident()]
    found: list[FrameType] = []
    for frame in (user_frame(), *others):
        while frame is not None:
            if not frame.f_code.co_filename.startswith(installed()):
                found.append(frame)
            frame = frame.f_back
    return found[::-1]


@contextmanager
def traced(tensors: Iterable[Variable]) -> Iterator[None]:
    """While the program runs, what follows from these tensors without a derivative, as a mask, is recorded as well."""
    before = [(t, t.flags) for t in tensors]
    for t, flags in before:
        t.flags = flags | TRACED
    try:
        yield
    finally:
        for t, flags in before:
            t.flags = flags


def leaves_in(f: Callable[..., Any], around: Sequence[Any]) -> list[Variable]:
    """The tensors that `f` may use besides its inputs: a module's, and those around it that need a gradient."""
    closed = [cell.cell_contents for cell in getattr(f, "__closure__", None) or () if cell != _EMPTY]
    held = [x for part in (f, *closed, *around) for x in (part if isinstance(part, list | tuple) else [part])]
    found = [x for x in held if isinstance(x, Variable)]
    found += [p for x in held if is_module(x) and not isinstance(x, type) for _, p in x.named_parameters()]
    return [x for x in found if isinstance(x, Variable) and x.flags & NEEDS and x.op is None]


def run(f: Callable[..., Any], inputs: tuple[Any, ...], around: Sequence[Any] = ()) -> tuple[Any, Watch]:
    """`f` on fresh, tracked inputs, watched; `around` are the variables of the program that calls it.

    Inputs of a function need a gradient, unless some are tensors that ask for one: the others are data then. Those of a
    module need none.
    """
    target = f.forward if is_module(f) and hasattr(f, "forward") else f
    names = argument_names(target, len(inputs))
    asked = is_module(f) or any(isinstance(x, Variable) and x.flags & NEEDS for x in inputs)
    tensors = [_tracked(x, name, TRACED if asked else NEEDS) for x, name in zip(inputs, names, strict=True)]
    leaves = {id(x): x for x in (*leaves_in(f, around), *tensors) if isinstance(x, Variable)}
    with traced(leaves.values()), Watch(getattr(inspect.unwrap(target), "__code__", None)) as watch:
        result = f(*tensors)
    given = {x.born: x.name for x in tensors if isinstance(x, Variable) and x.name}
    again = {name for born, name in watch.names.items() if born not in given} & set(given.values())
    watch.names = {k: v for k, v in watch.names.items() if v not in again} | given  # a rebound name says little
    watch.given = frozenset(x.born for x in tensors if isinstance(x, Variable))
    return result, watch


def argument_names(f: Callable[..., Any], count: int) -> list[str]:
    """The names of a function's first arguments by position."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return [f"x{k + 1}" for k in range(count)]
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:count]
    return names + [f"x{k + 1}" for k in range(len(names), count)]


def _tracked(x: Tensor, name: str, flag: int) -> Any:
    if isinstance(x, Variable) and x.flags:
        return x
    if not isinstance(x, Variable) and not hasattr(x, "__array__") and not isinstance(x, float | int | list | tuple):
        return x
    given = lift(x, "draw")
    fresh = constant(given._data)
    fresh.flags = flag if given.dtype.kind == "f" else TRACED
    fresh.name = given.name or name
    return fresh
