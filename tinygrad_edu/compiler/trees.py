"""Arguments and results as trees and their leaves, and of which form they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..engine import Variable, constant
from ..nn.module import Module, Parameter
from ..optim.optimizer import Optimizer
from ..program.array import ProgramArray
from ..program.host import HostNumber
from ..program.reading import Reading
from ..transforms import tree
from .guards import PLAIN


class Same:
    """An object as part of what was compiled: which one it is."""

    __slots__ = ("x",)

    def __init__(self, x: Any) -> None:
        self.x = x

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Same) and self.x is other.x

    def __hash__(self) -> int:
        return id(self.x)


class Arguments:
    """What a function was called with: the leaves of a tree, and of which form they are."""

    def __init__(self, args: Any, kwargs: Any) -> None:
        self.leaves, self.structure = tree.flatten((args, kwargs), is_leaf=_is_object)
        self.floats = [i for i, x in enumerate(self.leaves) if type(x) is float]
        self.numbers = tuple([self.leaves[i].hex() for i in self.floats])
        self.fixed = [x for x in self.leaves if not isinstance(x, ARRAYS) and type(x) is not float]
        first: dict[int, int] = {}
        again = [first.setdefault(id(x), i) for i, x in enumerate(self.leaves) if isinstance(x, Variable)]
        self.form = (
            self.structure, tuple(_orders(self.structure)), tuple(map(_kind, self.leaves)),
            tuple(again) if len(first) < len(again) else None,
        )  # fmt: skip

    def inside(self, reading: Reading, numbers: bool) -> list[Any]:
        """What stands for the leaves while the function is read."""
        given: list[Any] = []
        known: dict[int, Any] = {}
        for i, x in enumerate(self.leaves):
            if isinstance(x, Parameter):
                reading.take(x)
            elif isinstance(x, Variable):
                x = known[id(x)] if id(x) in known else known.setdefault(id(x), reading.tensor(x, i))
            elif isinstance(x, ARRAYS):
                x = reading.argument(x, i)
            elif type(x) is float and numbers:
                x = reading.number(x, i)
            given.append(x)
        return given

    def filled(self, leaves: list[Any]) -> Any:
        """Arguments with other leaves."""
        return tree.unflatten(self.structure, leaves)


ARRAYS = (Variable, np.ndarray, np.generic)


def _is_object(x: Any) -> bool:
    return isinstance(x, Module | Optimizer)


def _orders(structure: tree.Structure) -> Iterator[Any]:
    """The order of the keys of dicts, which a function may see."""
    if isinstance(structure.like, dict):
        yield tuple(structure.like)
    for part in structure.children or ():
        yield from _orders(part)


def _kind(x: Any) -> Any:
    """What of an argument must stay as it was."""
    if isinstance(x, Parameter):
        return Same(x)
    if isinstance(x, Variable):
        return type(x), np.shape(x._data), x._data.dtype, x.flags, x.op is None, x._grad is None
    if isinstance(x, np.ndarray | np.generic):
        return type(x), x.shape, x.dtype
    if type(x) is float:
        return float
    return (type(x), x) if isinstance(x, PLAIN) else Same(x)


class Results:
    """What a function gave: a tree, some of whose leaves are computed."""

    def __init__(self, result: Any, leaves: Sequence[Any] = (), given: Sequence[Any] = (), reading: Any = None) -> None:
        parts, self.structure = tree.flatten(result, is_leaf=_is_object)
        self.found: list[Any] = []  # variables of what is computed
        self.parts: list[tuple[str, Any]] = []
        places = {id(x): i for i, x in enumerate(given)}
        seen: dict[int, int] = {}
        for x in parts:
            if id(x) in places and isinstance(x, Variable):
                self.parts.append(("argument", places[id(x)]))
            elif isinstance(x, Variable) and reading is not None and (x.op is None and x.born < reading.start):
                self.parts.append(("as it is", x))
            elif isinstance(x, Variable | ProgramArray | HostNumber):
                if id(x) not in seen:
                    seen[id(x)] = len(self.found)
                    self.found.append(x if isinstance(x, Variable) else constant(x))
                kind = "tensor" if isinstance(x, Variable) else "number" if isinstance(x, HostNumber) else "array"
                self.parts.append((kind, seen[id(x)]))
            else:
                self.parts.append(("as it is", x))

    def put_together(self, results: Sequence[Any], leaves: Sequence[Any]) -> Any:
        """The tree with these results."""
        if self.structure.children is None:
            return _part(*self.parts[0], results, leaves)
        return tree.unflatten(self.structure, [_part(*part, results, leaves) for part in self.parts])


def _part(kind: str, k: Any, results: Sequence[Any], leaves: Sequence[Any]) -> Any:
    if kind == "tensor":
        return results[k]
    if kind == "as it is":
        return k
    if kind == "argument":
        return leaves[k]
    return results[k]._data
