"""Arguments and results as trees and their leaves, and of which form they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..engine import DECIDES, Variable, constant
from ..nn.module import Module
from ..nn.parameter import Parameter
from ..optim.optimizer import Optimizer
from ..program.array import ProgramArray
from ..program.host import HostNumber
from ..program.reading import ProgramReading
from ..tensor import Tensor
from ..transforms import tree
from .guards import PLAIN


class SameObject:
    """An object as part of what was compiled: which one it is."""

    __slots__ = ("x",)

    def __init__(self, x: Any) -> None:
        self.x = x

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, SameObject) and self.x is other.x

    def __hash__(self) -> int:
        return id(self.x)


class Arguments:
    """What a function was called with: the leaves of a tree, and of which form they are."""

    def __init__(self, args: Any, kwargs: Any) -> None:
        if not kwargs and FLAT.issuperset(map(type, args)):  # as a rule, and quicker
            self.leaves, self.structure = list(args), None
            shape: Any = len(args)
        else:
            self.leaves, self.structure = tree.flatten((args, kwargs), is_leaf=is_object)
            shape = self.structure, tuple(_orders(self.structure))
        leaves = self.leaves
        self.floats = float in map(type, leaves)
        self.numbers = tuple([x.hex() for x in leaves if type(x) is float]) if self.floats else ()
        again = [x for x in leaves if isinstance(x, Variable | np.ndarray)]
        alike = None if len(set(map(id, again))) == len(again) else tuple([_first(x, leaves) for x in leaves])
        self.form = shape, tuple(map(_kind, leaves)), alike

    @property
    def fixed(self) -> list[Any]:
        """Leaves that are part of what is compiled."""
        return [x for x in self.leaves if not isinstance(x, ARRAYS) and type(x) is not float]

    def inside(self, reading: ProgramReading, numbers: bool) -> list[Any]:
        """What stands for the leaves while the function is read."""
        given: list[Any] = []
        known: dict[int, Any] = {}
        for i, x in enumerate(self.leaves):
            if isinstance(x, Parameter):
                reading.take(x)
            elif isinstance(x, Variable):
                x = known[id(x)] if id(x) in known else known.setdefault(id(x), reading.tensor(x, i))
            elif isinstance(x, ARRAYS):
                x = known[id(x)] if id(x) in known else known.setdefault(id(x), reading.argument(x, i))
            elif type(x) is float and numbers:
                x = reading.number(x, i)
            given.append(x)
        return given

    def filled(self, leaves: list[Any]) -> Any:
        """Arguments with other leaves."""
        return (leaves, {}) if self.structure is None else tree.unflatten(self.structure, leaves)


FLAT = {Tensor, np.ndarray, int, float, bool}
ARRAYS = (Variable, np.ndarray, np.generic)


def _first(x: Any, leaves: list[Any]) -> int:
    return next(i for i, other in enumerate(leaves) if other is x)


def is_object(x: Any) -> bool:
    return isinstance(x, Module | Optimizer)


def _orders(structure: tree.Structure) -> Iterator[Any]:
    """The order of the keys of dicts, which a function may see."""
    if isinstance(structure.like, dict):
        yield tuple(structure.like)
    for part in structure.children or ():
        yield from _orders(part)


def _kind(x: Any) -> Any:
    """What of an argument must stay as it was."""
    if type(x) is Tensor:
        data = x._data
        return data.shape, data.dtype, x.flags & DECIDES, x.op is None, x._grad is None, _hooks(x)
    if isinstance(x, Parameter):
        return SameObject(x)
    if isinstance(x, Variable):
        return type(x), np.shape(x._data), x._data.dtype, x.flags & DECIDES, x.op is None, x._grad is None, _hooks(x)
    if isinstance(x, np.ndarray | np.generic):
        return type(x), x.shape, x.dtype
    if type(x) is float:
        return float
    return (type(x), x) if isinstance(x, PLAIN) else SameObject(x)


def _hooks(x: Any) -> Any:
    return tuple(map(SameObject, x.hooks.values())) if x.hooks else None


class Results:
    """What a function gave: a tree, some of whose leaves are computed."""

    def __init__(self, result: Any, leaves: Sequence[Any] = (), given: Sequence[Any] = (), reading: Any = None) -> None:
        parts, self.structure = tree.flatten(result, is_leaf=is_object)
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
