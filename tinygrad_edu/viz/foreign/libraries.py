"""Whose program is drawn, and how it is run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from ..graph.watch import Watch

LIBRARIES = {"torch": "torch", "jax": "jax", "jaxlib": "jax"}


def library_of(x: object, inputs: tuple[Any, ...] = ()) -> str:
    """`torch` or `jax` for a module, a compiled function or inputs of theirs; else an empty text.

    >>> library_of(len, ([1.0],))
    ''
    """
    classes = [c for part in (x, *_parts(inputs)) for c in type(part).__mro__]
    return next((LIBRARIES[m] for c in classes if (m := c.__module__.partition(".")[0]) in LIBRARIES), "")


def _parts(inputs: Sequence[Any]) -> list[Any]:
    """What stands in nested lists, tuples and dicts, once, also in a list in itself."""
    found: list[Any] = []
    todo = [inputs]
    seen: dict[int, Any] = {}
    while todo:
        part = todo.pop()
        if not isinstance(part, tuple | list | dict):
            found.append(part)
        elif id(part) not in seen:
            seen[id(part)] = part
            todo += list(part.values() if isinstance(part, dict) else part)[::-1]
    return found


def runner(library: str) -> Callable[[Any, tuple[Any, ...]], tuple[Any, Watch]]:
    """What runs a program of this library on inputs, in operations of this package: its result, watched."""
    run: Callable[[Any, tuple[Any, ...]], tuple[Any, Watch]] = import_module(f".{library}", __package__).run
    return run
