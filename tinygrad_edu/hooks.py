"""Functions of the user's that are told of something, and how they are taken away again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from .changes import at_once

KEYS = count()


class Handle:
    """What registering a hook gives: `remove()` takes the hook away, and so does the end of a `with` block."""

    def __init__(self, hooks: dict[int, Any], hook: Callable[..., Any], first: bool = False) -> None:
        self.hooks, self.key = hooks, next(KEYS)
        others = dict(hooks) if first else {}
        at_once(*[(hooks.clear,)] * first, (hooks.update, {self.key: hook, **others}))

    def remove(self) -> None:
        """Take the hook away; once it is, nothing happens."""
        self.hooks.pop(self.key, None)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def function(who: str, hook: object) -> Callable[..., Any]:
    """Refuse what cannot be called."""
    if not callable(hook):
        raise TypeError(f"{who}: hook must be a function; got {type(hook).__name__}; pass e.g. a lambda")
    return hook
