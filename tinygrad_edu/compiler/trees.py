"""Arguments and results as their structure and their arrays."""

from __future__ import annotations

from typing import Any

from ..engine import Variable, constant
from ..program.array import ProgramArray
from .guards import of_argument, simple


def taken_apart(x: Any, leaves: list[Any]) -> Any:
    """The structure of arguments, hashable, and their arrays."""
    if isinstance(x, tuple | list):
        return type(x), tuple(taken_apart(part, leaves) for part in x)
    if isinstance(x, dict):
        return dict, tuple((k, taken_apart(part, leaves)) for k, part in x.items())
    if simple(x):
        return of_argument(x)
    leaves.append(x)
    return "array"


def put_together(x: Any, leaves: Any) -> Any:
    if isinstance(x, tuple | list):
        parts = [put_together(part, leaves) for part in x]
        return type(x)(parts) if type(x) in (tuple, list) else type(x)(*parts)
    if isinstance(x, dict):
        return {k: put_together(part, leaves) for k, part in x.items()}
    return x if simple(x) else next(leaves)


class Leaf(int):
    """The number of a tensor in a result."""


def apart(x: Any, found: list[Any]) -> Any:
    if isinstance(x, Variable | ProgramArray):
        found.append(x if isinstance(x, Variable) else constant(x))
        return Leaf(len(found) - 1)
    if isinstance(x, tuple | list):
        parts = [apart(part, found) for part in x]
        return type(x)(parts) if type(x) in (tuple, list) else type(x)(*parts)
    if isinstance(x, dict):
        return {k: apart(part, found) for k, part in x.items()}
    return x


def in_tree(x: Any, results: dict[int, Any]) -> Any:
    if isinstance(x, Leaf):
        return results[int(x)]
    if isinstance(x, tuple | list):
        parts = [in_tree(part, results) for part in x]
        return type(x)(parts) if type(x) in (tuple, list) else type(x)(*parts)
    if isinstance(x, dict):
        return {k: in_tree(part, results) for k, part in x.items()}
    return x
