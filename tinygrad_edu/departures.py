"""Values that leave the graph: where, and whether the program asked for it.

`t.item()`, `float(t)`, `t.data`, `np.asarray(t)` say that plain numbers are wanted. All others (`A[0] = t`,
`math.exp(t)`, `X.sum(initial=t)`, SciPy) ask a tensor for its numbers by themselves, and no number can tell later where
it came from. The instruction of the user's program tells the two apart, and the second is warned of, unless what is
called can only look: a plot, or a statement that throws its result away. The instruction decides on the warning only:
no number depends on it.
"""

from __future__ import annotations

import builtins
import dis
import os
import sys
import warnings
from collections import deque
from contextvars import ContextVar
from functools import lru_cache
from types import CodeType, FrameType, ModuleType
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from .engine import Variable, describe
from .errors import LostGradientWarning
from .holders import births
from .recording import LIBRARIES, PACKAGE, site


class Departure(NamedTuple):
    """Values of `tensor` were turned into plain ones, at birth `when`, in line `site`: in an array, or as numbers that
    do not tell where they come from."""

    tensor: Any
    when: int
    site: Any
    numbers: bool


departures: ContextVar[list[Departure] | None] = ContextVar("departures", default=None)  # see transforms.Trace
LATEST: deque[tuple[int, Any, ref[Any]]] = deque(maxlen=64)  # births, lines and tensors, which are not kept, for `why`

NUMPY = os.path.dirname(np.__file__) + os.sep
INSTALLED = (os.path.dirname(os.path.dirname(np.__file__)) + os.sep, os.path.dirname(os.__file__) + os.sep)
LOOKING = {  # libraries that show, compare or keep numbers, and compute no loss
    "IPython", "PIL", "_pytest", "altair", "bokeh", "csv", "doctest", "json", "logging", "matplotlib", "numpy.testing",
    "pandas", "pickle", "plotly", "pprint", "pytest", "rich", "seaborn", "tensorboardX", "torch.utils.tensorboard",
    "tqdm", "unittest",
}  # fmt: skip
FLAT = {"floor", "ceil", "trunc", "isnan", "isinf", "isfinite", "isclose"}  # of which no gradient is wanted
ARRAYS = (np.array, np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray, np.require, np.copy)
ASKING = {f.__name__ for f in ARRAYS} | {"float", "complex", "int", "format", "numpy"}
NOT_PYTHON = "code that is not Python's"
STORES = {"STORE_SUBSCR", "STORE_SLICE", "STORE_ATTR"}
LOOKS = {"COMPARE_OP", "CONTAINS_OP", "IS_OP", "FORMAT_VALUE", "FORMAT_SIMPLE", "FORMAT_WITH_SPEC"}
NAMES = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FAST", "LOAD_DEREF")
ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")
LISTCOMP = "<code object <listcomp"
LISTS = {"BUILD_LIST", "BUILD_TUPLE", "LIST_EXTEND", "LIST_APPEND", LISTCOMP}
NOWHERE = (0, 0)


class Instruction(NamedTuple):
    """An instruction and, of a call, what the program says of it."""

    name: str
    called: tuple[str, ...] = ()  # the dotted name of what is called: ("math", "exp")
    whole: bool = False  # whether that is all that is called; not of `f(x).dot`
    names: tuple[tuple[str, ...], ...] = ()  # the dotted names in the call
    listed: bool = False  # whether its first argument is written as a list or a tuple
    first: tuple[str, ...] = ()  # the dotted name that its first argument is
    dropped: bool = False  # whether its result is thrown away
    known: bool = True  # whether the program says where the call stands


def depart(t: object, numbers: bool) -> None:
    """Note that values of `t`, which needs a gradient, leave the graph."""
    here = site()
    LATEST.append((births(), here, ref(t)))
    if (departed := departures.get()) is not None:
        departed.append(Departure(t, births(), here, numbers))


def warn_if_unasked(t: Variable, array: bool = False, copy: bool | None = None) -> bool:
    """Warn if the user's program did not ask for the numbers of `t`, which needs a gradient; gives whether it warned.

    `array`: an array is asked for, not a number, with this `copy`. A transform that runs says it when its function has
    returned.
    """
    if departures.get() is not None:
        return False
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(NUMPY):
        frame = frame.f_back
    if frame is None or frame.f_code.co_filename.startswith(PACKAGE):  # which says itself what it does not take
        return False
    by = asker(frame, array, copy)
    if by is not None:
        warnings.warn(
            f"{by} takes plain numbers, through which no gradient passes; got {describe(t)}; use what tensors have "
            "(tg.exp, tg.stack, a write into a tensor), or item() or detach() to say that numbers are meant",
            LostGradientWarning,
            stacklevel=_level(),
        )
    return by is not None


def only_looked_at() -> bool:
    """Whether the function of a library that the user's program runs just now can only look at numbers, as a plot."""
    library, frame = "", sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith((*LIBRARIES, *INSTALLED)):
        library, frame = frame.f_globals.get("__name__", ""), frame.f_back
    return _looks(library)


def _level() -> int:
    """The `stacklevel` at which a warning of the caller names the line of the user's own program."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith((*LIBRARIES, *INSTALLED)):
        level, frame = level + 1, frame.f_back
    return level


def asker(frame: FrameType, array: bool, copy: bool | None) -> str | None:
    """Who takes the numbers of a tensor by itself in the instruction that runs; None if the user asks, or who knows."""
    inner, own = None, frame
    while own.f_code.co_filename.startswith((*LIBRARIES, *INSTALLED)):
        if own.f_back is None:
            return None
        inner, own = own, own.f_back
    at = instruction(own.f_code, own.f_lasti)
    if at.name in STORES:
        return "array: an assignment into an array"
    if at.name == "BINARY_OP":  # a number is asked for by "%.3f" % t only
        return "array: the operator of the other operand" if array else None
    if at.name in LOOKS or not at.known:
        return None
    f = found(own, at.called) if at.whole else None
    if inner is not None:
        library = inner.f_globals.get("__name__", "")
        if at.dropped or _looks(library):
            return None
        return f"{at.called[-1] if at.called else inner.f_code.co_name}: code of {library}"
    return _taker(own, at, f, array, copy)


def _taker(frame: FrameType, at: Instruction, f: Any, array: bool, copy: bool | None) -> str | None:
    """Who takes numbers in a call, of the user's program, of NumPy or of a function that is not written in Python."""
    method = isinstance(getattr(f, "__self__", None), np.ndarray)
    if copy and (method or f is None):  # `X.dot(t)` asks again
        return None
    if any(f is g for g in ARRAYS):
        return f"{f.__name__}: this argument of a function of NumPy" if array and _listed(frame, at, f, copy) else None
    if isinstance(f, type) and issubclass(f, np.generic | float | complex | int):
        return None
    if getattr(f, "__module__", None) in ("math", "cmath"):
        return None if f.__name__ in FLAT else f"{f.__name__}: a function of Python's {f.__module__}"
    if method:
        return f"{f.__name__}: a method of NumPy's arrays"
    if f is None and at.called and at.called[-1] in ASKING:  # of a module that was not looked up
        return None
    module, name = str(getattr(f, "__module__", None)), at.called[-1] if at.called else "call"
    if not array and not module.startswith("numpy"):  # as by the iterator in `sum(map(math.exp, t))`
        for g in (found(frame, names) for names in at.names):
            if any(g is kind for kind in (float, complex, int)):
                return None
            if g is not f and getattr(g, "__module__", None) in ("math", "cmath"):
                return None if g.__name__ in FLAT else f"{g.__name__}: a function of Python's {g.__module__}"
    if _looks(module) or (at.dropped and f is None and not hasattr(np.ndarray, name)):
        return None
    return f"{name}: {'this argument of a function of NumPy' if module.startswith('numpy') else NOT_PYTHON}"


def _looks(module: str) -> bool:
    """Whether a library's module shows, compares or keeps numbers, and computes no loss."""
    return any(f"{module}.".startswith(f"{name}.") for name in LOOKING)


def _listed(frame: FrameType, at: Instruction, f: object, copy: bool | None) -> bool:
    """Whether an array is made of a list with the tensor in it."""
    if f is np.array:  # asks a tensor for a copy, and those of a list for what they have
        return copy is None
    return at.listed or isinstance(found(frame, at.first) if at.first else None, list | tuple)


@lru_cache(maxsize=1024)
def instruction(code: CodeType, place: int) -> Instruction:
    """The instruction of a program at a place, which may be in a cache that follows it."""
    every = list(dis.get_instructions(code))
    k = max(n for n, i in enumerate(every) if i.offset <= place)
    if every[k].opname == "PRECALL":  # where Python 3.11 stands in a call that ran often
        k += 1
    at = every[k]
    if not at.opname.startswith("CALL"):
        return Instruction(at.opname)
    start, end = _extent(at)
    if start == NOWHERE:
        return Instruction(at.opname, known=False)
    inside = [i for i in every[:k] if start <= _extent(i)[0] and _extent(i)[1] <= end and _extent(i) != (start, end)]
    callee = [i for i in inside if _extent(i)[0] == start]  # what is called begins where the call does
    after = max((_extent(i)[1] for i in callee), default=start)
    parts = [i for i in inside if _extent(i)[0] >= after]
    begins = min((_extent(i)[0] for i in parts), default=end)
    first = max((_extent(i) for i in parts if _extent(i)[0] == begins), default=(end, end))  # the first argument
    made = {text for i in parts if _extent(i) == first for text in (i.opname, i.argrepr[: len(LISTCOMP)])}
    names = _dotted(inside)
    called = max((name for place, name in names if place[0] == start), key=len, default=())
    then = next((i.opname for i in every[k + 1 :] if i.opname not in ("CACHE", "NOP")), "")
    return Instruction(
        at.opname,
        called or tuple(str(i.argval) for i in callee[-1:] if i.opname in ATTRIBUTES),
        whole=bool(called) and all(i.opname.startswith((*NAMES, *ATTRIBUTES, "PUSH_NULL", "KW_NAMES")) for i in callee),
        names=tuple(name for _, name in names),
        listed=bool(made & LISTS) and not ("MAKE_FUNCTION" in made and LISTCOMP not in made),
        first=next((name for place, name in names if place == first), ()),
        dropped=then == "POP_TOP",
    )


def _extent(i: dis.Instruction) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where in the source an instruction begins and ends; at NOWHERE, if it is not known."""
    line, last, column, end = (i.positions and tuple(i.positions)) or (None,) * 4
    if line is None or last is None or column is None or end is None:
        return NOWHERE, NOWHERE
    return (line, column), (last, end)


def _dotted(instructions: list[dis.Instruction]) -> list[tuple[Any, tuple[str, ...]]]:
    """The dotted names in instructions, and where they stand."""
    names: list[tuple[Any, tuple[str, ...]]] = []
    for i in instructions:
        if i.opname.startswith(NAMES):
            names.append((_extent(i), (str(i.argval),)))
        elif i.opname in ATTRIBUTES and names and names[-1][0][0] == _extent(i)[0]:
            names.append((_extent(i), (*names[-1][1], str(i.argval))))
    return names


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
