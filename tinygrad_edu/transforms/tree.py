"""Trees: dicts, lists, tuples, named tuples, dataclasses and Modules of tensors, in each other: `tg.tree`.

What is in none of these is a leaf: a tensor, an array, a number, a text. None is a tree without leaves. The leaves
of a dict come in the order of its keys, sorted; those of a Module are its parameters. Source: `jax.tree`.

>>> import tinygrad_edu as tg
>>> leaves, structure = tg.tree.flatten({"w": [1.0, 2.0], "b": 3.0})
>>> leaves, structure
([3.0, 1.0, 2.0], Structure(dict(b=*, w=list(*, *))))
>>> tg.tree.unflatten(structure, [30.0, 10.0, 20.0])
{'w': [10.0, 20.0], 'b': 30.0}
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..annotations import ArrayLike, Function
from ..engine import Variable
from ..errors import TreeError, few
from ..functions.settings import refused, settings, several, truth
from ..interop.names import guide as _guide

Parts = dict[Any, Any]  # what a container holds, by key, index or name of field


class Container(NamedTuple):
    """A kind of container: what it holds, and one like it around other parts, given in the same order."""

    parts: Callable[[Any], Parts]
    around: Callable[[Any, list[Any]], Any]


def _sorted(x: dict[Any, Any]) -> Parts:
    try:
        return {key: x[key] for key in sorted(x)}
    except TypeError:
        raise TreeError(
            f"tree: the keys of a dict must be sortable; got {few([repr(key) for key in x])}; use keys of one type"
        ) from None


def _dict(like: Any, parts: list[Any]) -> Any:
    new = copy.copy(like)  # keeps the order of the keys, and what a defaultdict makes
    new.update(zip(_sorted(like), parts, strict=True))
    return new


def _fields(x: Any) -> Parts:
    return {f.name: getattr(x, f.name) for f in dataclasses.fields(x) if f.init}


KINDS: dict[type, Container] = {
    type(None): Container(lambda x: {}, lambda like, parts: None),
    dict: Container(_sorted, _dict),
    list: Container(lambda x: dict(enumerate(x)), lambda like, parts: type(like)(parts)),
    tuple: Container(
        lambda x: dict(zip(getattr(x, "_fields", range(len(x))), x, strict=True)),
        lambda like, parts: type(like)(*parts) if hasattr(like, "_fields") else type(like)(parts),
    ),
}
DATACLASS = Container(
    _fields, lambda like, parts: dataclasses.replace(like, **dict(zip(_fields(like), parts, strict=True)))
)


def register(kind: type, parts: Callable[[Any], Parts], around: Callable[[Any, list[Any]], Any]) -> None:
    """Make trees of a class and those derived from it: `parts(x)` gives what `x` holds by name, in an order that is
    always the same; `around(x, parts)` one like `x` with other parts.

    >>> import tinygrad_edu as tg
    >>> class Pair:
    ...     def __init__(self, a, b):
    ...         self.a, self.b = a, b
    >>> tg.tree.register(Pair, vars, lambda like, parts: Pair(*parts))
    >>> tg.grad(lambda p: p.a * p.b)(Pair(2.0, 5.0)).b.item()
    2.0
    """
    if not isinstance(kind, type):
        raise refused("tree.register", "kind", "a class", kind, "the class of your container")
    KINDS[kind] = Container(parts, around)


def kind_of(x: object) -> Container | None:
    """What kind of container `x` is; None for a leaf."""
    if isinstance(x, Variable | np.ndarray):
        return None
    for base in type(x).__mro__:
        if base in KINDS:
            return KINDS[base]
    return DATACLASS if dataclasses.is_dataclass(x) and not isinstance(x, type) else None


class Structure:
    """A tree without its leaves: its containers, and what they call their parts.

    >>> import tinygrad_edu as tg
    >>> a, b = tg.tree.structure({"w": [1.0, 2.0]}), tg.tree.structure({"w": [5.0, 6.0]})
    >>> a, a.num_leaves, a == b
    (Structure(dict(w=list(*, *))), 2, True)
    """

    __slots__ = ("children", "keys", "like")

    def __init__(self, like: Any = None, keys: tuple[Any, ...] = (), children: tuple[Structure, ...] | None = None):
        self.like = like  # a container to make others like it
        self.keys = keys
        self.children = children  # None for a leaf

    @property
    def num_leaves(self) -> int:
        """How many leaves a tree of this structure has."""
        return 1 if self.children is None else sum(child.num_leaves for child in self.children)

    def shallow(self) -> Structure:
        """This container alone: its parts are leaves."""
        return Structure(self.like, self.keys, (Structure(),) * len(self.keys))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and self._facts() == other._facts()

    def __hash__(self) -> int:
        return hash(self._facts())

    def _facts(self) -> Any:
        return None if self.children is None else (type(self.like), self.keys, self.children)

    def __repr__(self) -> str:
        return f"Structure({self._text()})"

    def _text(self) -> str:
        if self.children is None:
            return "*"
        if self.like is None:
            return "None"
        names = ["" if isinstance(key, int) else f"{key}=" for key in self.keys]
        inner = ", ".join(name + child._text() for name, child in zip(names, self.children, strict=True))
        return f"{type(self.like).__name__}({inner})"


@settings
def flatten(tree: Any, is_leaf: Callable[[Any], Any] | None = None) -> tuple[list[Any], Structure]:
    """The leaves of a tree, and its structure; what `is_leaf` says True of is a leaf as well.

    Errors: a TreeError for a container that holds itself.

    >>> import tinygrad_edu as tg
    >>> tg.tree.flatten({"b": 2.0, "a": [1.0, None]})
    ([1.0, 2.0], Structure(dict(a=list(*, None), b=*)))
    """
    found: list[Any] = []

    def visit(x: object) -> Structure:
        kind = None if is_leaf is not None and truth("tree", "is_leaf(x)", is_leaf(x)) else kind_of(x)
        if kind is None:
            found.append(x)
            return Structure()
        parts = kind.parts(x)
        return Structure(x, tuple(parts), tuple([visit(part) for part in parts.values()]))

    try:
        return found, visit(tree)
    except RecursionError:
        raise TreeError("tree: a container must not hold itself; got one that does; take it apart") from None


def unflatten(structure: Structure, leaves: Iterable[Any]) -> Any:
    """The tree of a structure with other leaves.

    Of too few leaves, or too many, a TreeError.

    >>> import tinygrad_edu as tg
    >>> leaves, structure = tg.tree.flatten({"b": 2.0, "a": (1.0,)})
    >>> tg.tree.unflatten(structure, [10 * x for x in leaves])
    {'b': 20.0, 'a': (10.0,)}
    """
    if not isinstance(structure, Structure):
        raise refused("tree.unflatten", "structure", "what tree.flatten gave", structure, "tree.structure(tree)")
    leaves = several("tree.unflatten", "leaves", leaves)
    if len(leaves) != structure.num_leaves:
        raise TreeError(
            f"tree.unflatten: needs a leaf for each of {structure.num_leaves} places; got {len(leaves)}; "
            "pass as many as tree.flatten gave"
        )
    return _filled(structure, iter(leaves))


def _filled(structure: Structure, leaves: Iterator[Any]) -> Any:
    if structure.children is None:
        return next(leaves)
    parts = [_filled(child, leaves) for child in structure.children]
    return kind_of(structure.like).around(structure.like, parts)  # type: ignore[union-attr]


@settings
def structure(tree: object, is_leaf: Callable[[Any], Any] | None = None) -> Structure:
    """The structure of a tree. Two are equal if their containers are of the same classes, with the same keys.

    >>> import tinygrad_edu as tg
    >>> tg.tree.structure({"a": 1, "b": (2, 3)})
    Structure(dict(a=*, b=tuple(*, *)))
    """
    return flatten(tree, is_leaf)[1]


@settings
def leaves(tree: object, is_leaf: Callable[[Any], Any] | None = None) -> list[Any]:
    """The leaves of a tree.

    >>> import tinygrad_edu as tg
    >>> tg.tree.leaves({"b": [1, 2], "a": 3, "c": None})
    [3, 1, 2]
    """
    return flatten(tree, is_leaf)[0]


def leaves_like(who: str, structure: Structure, tree: object) -> list[Any]:
    """What stands in `tree` where a tree of `structure` has its leaves."""
    if structure.children is None:
        return [tree]
    kind = kind_of(tree)
    parts = None if kind is None else kind.parts(tree)
    if parts is None or tuple(parts) != structure.keys:
        got = "a leaf" if parts is None else Structure(tree, tuple(parts)).shallow()._text()
        raise TreeError(
            f"{who}: trees must have one structure; got {got} in place of {structure._text()}; give the same "
            "containers, with the same keys"
        )
    return [leaf for child, part in zip(structure.children, parts.values()) for leaf in leaves_like(who, child, part)]


@settings
def map(f: Function, tree: Any, *rest: Any, is_leaf: Callable[[Any], Any] | None = None) -> Any:
    """A tree of the same structure whose leaves are `f(leaf, ...)` of the leaves of one tree, or of several like it.

    >>> import tinygrad_edu as tg
    >>> tg.tree.map(lambda w, g: w - 0.5 * g, {"w": 1.0, "b": 2.0}, {"w": 2.0, "b": 4.0})
    {'w': 0.0, 'b': 0.0}
    """
    first, form = flatten(tree, is_leaf)
    others = [leaves_like("tree.map", form, other) for other in rest]
    return unflatten(form, [f(*xs) for xs in zip(first, *others, strict=True)])


def is_array(x: ArrayLike) -> bool:
    """Whether a list or tuple holds numbers only, and lists of them: as an argument, it is one array."""
    return isinstance(x, list | tuple) and len(x) > 0 and all(isinstance(v, _NUMBERS) or is_array(v) for v in x)


_NUMBERS = (int, float, complex, np.generic)


__all__ = ["Structure", "flatten", "leaves", "map", "register", "structure", "unflatten"]

_guide(__name__, "tg.tree", __all__)
