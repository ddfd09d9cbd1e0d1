"""The functions that a function of the user's calls, as far as they have a source of the user's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import cache
from types import CodeType, FunctionType, MethodType
from typing import Any

OURS = __name__.partition(".")[0]


@cache
def libraries() -> tuple[str, ...]:
    """Where the standard library and installed packages lie."""
    import sysconfig

    return tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def plain_function(f: Any) -> FunctionType | None:
    """The function under wrappers, partial applications and methods; None for what is no Python function."""
    while True:
        if isinstance(f, MethodType):
            f = f.__func__
        elif hasattr(f, "__wrapped__"):
            f = f.__wrapped__
        elif hasattr(f, "func") and callable(f.func) and not isinstance(f, FunctionType):
            f = f.func
        else:
            return f if isinstance(f, FunctionType) else None


def is_own(f: FunctionType) -> bool:
    """Whether a function is the user's, not of the standard library, an installed package, or this one."""
    package = str(f.__module__).partition(".")[0]
    return not f.__code__.co_filename.startswith((*libraries(), "<frozen")) and package not in (OURS, "numpy")


def reached(f: Any) -> list[FunctionType]:
    """The function and the user's functions that it names, directly or through each other."""
    found: list[FunctionType] = []
    waiting = [plain_function(f)]
    while waiting:
        here = waiting.pop()
        if here is None or here in found or not (is_own(here) or not found):
            continue
        found.append(here)
        waiting += [plain_function(v) for v in _named(here) if callable(v)]
    return found


def _named(f: FunctionType) -> Iterator[Any]:
    """What the names in a function's code stand for: globals and closed-over variables."""
    closed = {}
    for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
        try:
            closed[name] = cell.cell_contents
        except ValueError:  # not bound yet
            continue
    yield from closed.values()
    for name in {n for code in codes(f.__code__) for n in code.co_names}:
        if name in f.__globals__:
            yield f.__globals__[name]


def codes(code: CodeType) -> Iterator[CodeType]:
    """A code object, and those of the functions defined within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def names_in(f: Callable[..., Any]) -> set[str]:
    """The local variables of a function and of the user's functions that it calls."""
    return {name for g in reached(inspect.unwrap(f)) for code in codes(g.__code__) for name in code.co_varnames}
