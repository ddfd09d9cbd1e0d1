"""custom_op: an operation of the user's own, declared like a built-in one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from . import engine
from .engine import Op, Variable

Function = Callable[..., Any]


def custom_op(name: str, forward: Function, vjps: Any = (), **declaration: Any) -> Op:
    """Declare an operation of your own: it gets all that the built-in ones have.

    `forward(*arrays, **attributes)` computes it; `vjps[i](g, y, *arrays, **attributes)` is the rule
    for input `i`, written with operators and ops so that it can be read on arrays and on tensors.
    Say `kind="elementwise"` if inputs broadcast; see `engine.Op` for the rest of the declaration.

    >>> import numpy as np, tinygrad_edu as tg
    >>> cube = tg.custom_op("cube", lambda x: x**3, lambda g, y, x: g * (3 * x**2))
    >>> tg.hessian(cube)(2.0).item()
    12.0
    """
    known = engine.REGISTRY.get(name)
    if known is not None and not getattr(known, "custom", False):
        raise ValueError(f"custom_op: the name must be new; got {name!r}, a built-in op; choose another")
    rules = (vjps,) if callable(vjps) else vjps
    if isinstance(rules, tuple | list):
        rules = tuple(rule and _unwrapped(rule) for rule in rules)
    op = Op(name, forward, rules, **{"kind": "custom"} | declaration)
    op.custom = True
    return op


def _unwrapped(rule: Function) -> Function:
    """A rule that, given arrays, returns an array, even if it called functions of tensors."""

    @functools.wraps(rule)
    def read(g: Any, *args: Any, **attributes: Any) -> Any:
        gx = rule(g, *args, **attributes)
        return gx._data if isinstance(gx, Variable) and not isinstance(g, Variable) else gx

    return read
