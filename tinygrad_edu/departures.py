"""Values that leave the graph: where, and by whose word.

`t.item()`, `float(t)`, `t.data`, `np.asarray(t)` say that plain numbers are wanted. `A[0] = t`, `math.exp(t)`,
`X.sum(initial=t)` do not: Python and NumPy ask a tensor for its numbers by themselves, and no number can tell later
where it came from. The instruction of the user's program tells the two apart, and the second is warned of. The
instruction decides on the warning only: no number depends on it.
"""

from __future__ import annotations

import builtins
import dis
import os
import warnings
from collections import deque
from contextvars import ContextVar
from functools import lru_cache
from types import CodeType, FrameType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from .engine import Variable, describe
from .errors import LostGradientWarning
from .holders import births
from .recording import site, stack_level, user_frame


class Departure(NamedTuple):
    """Values of `tensor` were turned into plain ones, at birth `when`, in line `site`: in an array, or as numbers that
    do not tell where they come from."""

    tensor: Any
    when: int
    site: Any
    numbers: bool


departures: ContextVar[list[Departure] | None] = ContextVar("departures", default=None)  # see transforms.Trace
LATEST: deque[tuple[int, Any]] = deque(maxlen=64)  # births and lines, for `why`; a tensor is not kept for it

INSTALLED = os.path.dirname(os.path.dirname(np.__file__)) + os.sep  # where other libraries stand
FLAT = {"floor", "ceil", "trunc", "isnan", "isinf", "isfinite", "isclose"}  # of which no gradient is wanted
TAKERS = np.full, np.fromiter, np.sum, np.prod, np.max, np.min  # of a number, or of an `initial` one
STORES = {"STORE_SUBSCR", "STORE_SLICE"}
NAMES = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FAST", "LOAD_DEREF")
ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")


def depart(t: Any, numbers: bool) -> None:
    """Note that values of `t`, which needs a gradient, leave the graph."""
    here = site()
    LATEST.append((births(), here))
    if (departed := departures.get()) is not None:
        departed.append(Departure(t, births(), here, numbers))


def warn_if_unasked(t: Variable, array: bool = False, listed: bool = False) -> None:
    """Warn if the user's program did not ask for the numbers of `t`, which needs a gradient.

    `array`: an array is asked for, not a number; `listed`: as `np.array` asks each tensor of a list. A transform that
    runs says it when its function has returned.
    """
    if departures.get() is not None:
        return
    frame = user_frame()
    by = None if frame is None else asker(frame, array, listed)
    if by is not None:
        warnings.warn(
            f"{by} takes plain numbers, through which no gradient passes; got {describe(t)}; use what tensors have "
            "(tg.exp, tg.stack, a write into a tensor), or item() or detach() to say that numbers are meant",
            LostGradientWarning,
            stacklevel=stack_level(),
        )


def asker(frame: FrameType, array: bool, listed: bool) -> str | None:
    """Who takes the numbers of a tensor by itself in the instruction that runs; None if the user asks, or who knows."""
    name, called = instruction(frame.f_code, frame.f_lasti)
    if name in STORES:
        return "array: an assignment into an array"
    if array and in_operator(frame):
        return "array: the operator of the other operand"
    f: Any = found(frame, called) if called else None
    if getattr(f, "__module__", None) in ("math", "cmath"):
        return None if f.__name__ in FLAT else f"{f.__name__}: a function of Python's {f.__module__}"
    if isinstance(getattr(f, "__self__", None), np.ndarray):
        return f"{f.__name__}: a method of NumPy's arrays"
    if any(f is g for g in TAKERS) or (f is np.array and listed):
        return f"{f.__name__}: this argument of a function of NumPy"
    return None


def in_operator(frame: FrameType) -> bool:
    """Whether the user's program computes `S @ t`, as with a sparse matrix `S` of another library."""
    while frame.f_back is not None and frame.f_code.co_filename.startswith(INSTALLED):
        frame = frame.f_back
    return instruction(frame.f_code, frame.f_lasti)[0] == "BINARY_OP"


@lru_cache(maxsize=1024)
def instruction(code: CodeType, place: int) -> tuple[str, tuple[str, ...]]:
    """The name of an instruction and, of a call, the dotted name of what is called: ("CALL", ("math", "exp"))."""
    before = [i for i in dis.get_instructions(code) if i.offset <= place]  # `place` may be in a cache that follows it
    at, names = before.pop(), list[str]()
    if at.opname.startswith("CALL") and at.positions is not None:
        for i in reversed(before):  # what is called begins where the call does
            if i.positions is None or i.positions[:3:2] != at.positions[:3:2]:
                continue
            if i.opname.startswith(NAMES):
                return at.opname, (str(i.argval), *reversed(names))
            if i.opname.startswith(ATTRIBUTES):
                names.append(str(i.argval))
    return at.opname, ()


def found(frame: FrameType, names: tuple[str, ...]) -> Any:
    """What a dotted name stands for, if looking runs no code of the user's."""
    first, *rest = names
    for space in (frame.f_locals, frame.f_globals, vars(builtins)):
        if first in space:
            thing = space[first]
            break
    else:
        return None
    for name in rest:
        if not isinstance(thing, ModuleType) and type(thing) is not np.ndarray:
            return None
        thing = getattr(thing, name, None)
    return thing
