"""What a compiled function depends on besides its arguments: what it closes over, and the modes of modules."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..engine import Variable
from ..nn.module import Module
from ..optim.optimizer import Optimizer

PLAIN = (int, float, complex, bool, str, bytes, type(None), np.dtype, np.generic)


def outside(f: Any) -> Iterator[tuple[str, Any]]:
    """The names and values that a function closes over: cells, globals that its code names, defaults, its object."""
    if isinstance(f, types.MethodType):
        yield "self", f.__self__
        f = f.__func__
    f = getattr(f, "__wrapped__", f)
    code = getattr(f, "__code__", None)
    if code is None:
        yield "function", f
        return
    for name, cell in zip(code.co_freevars, f.__closure__ or ()):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not yet assigned
            yield name, None
    for name in _names(code):
        if name in f.__globals__:
            yield name, f.__globals__[name]
    for k, value in enumerate(f.__defaults__ or ()):
        yield f"default {k}", value


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _names(inner)


def fingerprint(f: Any) -> Callable[[], tuple[Any, ...]]:
    """A function that gives what must be equal for a program of `f` to hold: plain values, which objects, and modes."""
    modules = tuple(m for _, x in outside(f) for m in _modules(x))

    def now() -> tuple[Any, ...]:
        return (*[_seen(x) for _, x in outside(f)], *[m.training for m in modules])

    return now


def _modules(x: Any) -> Iterator[Module]:
    if isinstance(x, Module):
        yield from x.modules()
    elif isinstance(x, tuple | list):
        for part in x:
            yield from _modules(part)
    elif isinstance(x, dict):
        yield from _modules(list(x.values()))


def _seen(x: Any) -> Any:
    """What of an outside value must stay as it was: a number itself; of an object, which one it is."""
    if isinstance(x, PLAIN):
        return type(x), x
    if isinstance(x, tuple | list) and len(x) < 100:
        return type(x), tuple(map(_seen, x))
    if isinstance(x, dict) and len(x) < 100:
        return dict, tuple((k, _seen(v)) for k, v in x.items())
    return id(x)


def simple(x: Any) -> bool:
    """Whether an argument is part of what is compiled, and not an array that may change."""
    return not isinstance(x, Variable | np.ndarray)


def of_argument(x: Any) -> Any:
    """What of such an argument must stay as it was."""
    if isinstance(x, Module):
        return id(x), tuple(m.training for m in x.modules())
    return id(x) if isinstance(x, Optimizer) else _seen(x)
