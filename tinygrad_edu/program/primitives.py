"""The primitives of a program by their names: NumPy's functions, methods that have no function, and whole ops."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from ..op import REGISTRY
from ..sums import total


def _set(x: Any, index: Any, value: Any) -> Any:
    x = np.array(x)
    x[index] = value
    return x


def _at(ufunc: str, x: Any, *rest: Any) -> Any:
    x = np.array(x)
    getattr(np, ufunc).at(x, *rest)
    return x


METHODS: dict[str, Callable[..., Any]] = {
    "getitem": operator.getitem,
    "setitem": _set,
    "astype": lambda x, dtype: x.astype(dtype),
    "copy": np.array,
    "sum": total,  # over axes, sorted and counted from the left
}


def function_of(name: str) -> Callable[..., Any]:
    """What a primitive computes. NumPy's functions have their own names (`exp`, `add.reduce`, `linalg.inv`); an op of
    this package that is one primitive is `op.conv`."""
    return REGISTRY[name[3:]].forward if name.startswith("op.") else _found(name)


@cache
def _found(name: str) -> Callable[..., Any]:
    if name in METHODS:
        return METHODS[name]
    if name.endswith(".at"):
        return partial(_at, name[:-3])
    found: Any = np
    for part in name.split("."):
        found = getattr(found, part)
    return found


# whose results are new memory
FRESH = {"setitem", "astype", "sum", "where", "concatenate", "stack", "einsum", "matmul", "dot", "tensordot", "copy"}
VIEWS = {"getitem", "reshape", "transpose", "swapaxes", "moveaxis", "expand_dims", "squeeze"}  # of their first argument


def is_fresh(name: str) -> bool:
    """Whether the result of a primitive is new memory, as far as is known."""
    return name in FRESH or name.endswith((".reduce", ".at")) or isinstance(getattr(np, name, None), np.ufunc)


@cache
def name_of(function: Any) -> str:
    """The name of one of NumPy's functions."""
    module = getattr(function, "__module__", "numpy") or "numpy"
    inside = [part for part in module.split(".")[1:] if not part.startswith("_")]
    for name in (".".join([*inside, function.__name__]), function.__name__):
        try:
            if function_of(name) is function:
                return name
        except AttributeError:
            continue
    raise TypeError(f"program: takes NumPy's public functions; got {function!r}; use operations of this package")
