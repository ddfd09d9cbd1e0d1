"""What the steps of a graph say, but for their names and numbers: worked out once for all steps that are alike.

A large graph has thousands of steps and a few dozen kinds of them. Two steps are alike where the same operation meets
the same shapes, dtypes and bare numbers, in names of the same lengths (a long formula is written in lines). The formula
of the first is read off its rule with signs in place of names, and every other one puts its names there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from ..formulas.formula import Formula
from ..formulas.mathml import Tree, tree
from ..formulas.notation import plain
from ..graph.graph import Graph, Node, is_number
from ..graph.local import gradient_name, local
from ..graph.steps import derivative
from ..graph.values import shown, whole

TYPESET = 40  # operations in a formula that is typeset; a longer one is text
SIGNS = 0x20000  # rare Chinese characters: 40,000 letters, which hardly any program has in its names
SIGN = re.compile(r"([\U00020000-\U0003ffff])\1*")


@dataclass
class Phrase:
    """The texts of a step, in which a sign stands for each name; and the number of its mathematics."""

    number: int
    formula: str = ""
    shapes: str = ""
    note: str = ""
    derivative: str | None = None


class Alike(NamedTuple):
    """An operation with signs for names, in a graph of its own."""

    graph: Graph
    node: Node
    places: dict[str, int]  # what stands in a tree for each sign


@dataclass
class Around:
    """An operation with what stands around it: the names, each once, and the letters of their signs."""

    node: Node
    names: dict[str, tuple[str, str]]  # of each letter: the name that its sign is as long as, and how that is shown
    alikes: int  # which of the kinds of operations it is: what its phrases depend on
    signs: dict[str, str]  # of each node
    alike: Alike | None = None

    def named(self, text: str) -> str:
        """A text with names in place of their signs."""
        return SIGN.sub(self._name, text)

    def _name(self, found: re.Match[str]) -> str:
        name, seen = self.names.get(found[1], ("", ""))
        return seen if len(name) == len(found[0]) else seen[: len(found[0])] if name else found[0]


class Phrases:
    """The phrases of a graph; `mathematics` are their formulas as trees.

    In a tree, `["n", 0]` is the name of the first input, `["n", -1]` that of the operation's result and `["n", -2]`
    that of its gradient; any other name is a text.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph, self.known, self.facts = graph, dict[Any, Phrase](), dict[str, Any]()
        self.names, self.kinds = graph.names(), dict[Any, int]()
        self.mathematics: list[dict[str, Tree | None]] = []
        letters = set().union(*(n.name for n in graph.nodes.values()))
        self.signs = (c for c in map(chr, count(SIGNS)) if c.isprintable() and c not in letters)
        self.letters: list[str] = []
        self.last: Around | None = None  # steps of one operation come one after the other

    def forward(self, node: Node) -> Phrase:
        """What an operation computes."""
        key = self._key(node, None)
        if key not in self.known:
            self.known[key] = self._forward(self._alike(node))
        return self.known[key]

    def backward(self, user: Node, i: int) -> Phrase:
        """What an operation gives back to its input `i`."""
        key = self._key(user, i)
        if key not in self.known:
            self.known[key] = self._backward(self._alike(user), i)
        return self.known[key]

    def around(self, node: Node) -> Around:
        """The names around an operation, and their signs, which are as long."""
        if self.last is None or self.last.node is not node:
            inputs = [self.graph.nodes[k] for k in node.inputs]
            named = {n.key: n for n in (*inputs, node) if n.name}
            while len(self.letters) < len(named):
                self.letters.append(next(self.signs))
            names = {c: (n.name, shown(n.name, 240)) for c, n in zip(self.letters, named.values(), strict=False)}
            signs = {k: c * len(name) for k, (c, (name, _)) in zip(named, names.items(), strict=True)}
            first = {k: i for i, k in reversed([*enumerate(node.inputs)])}
            places, facts = tuple(first[k] for k in node.inputs), tuple(self._facts(n) for n in (*inputs, node))
            attributes = _frozen(node.attributes) if node.attributes else ()
            kind = self.kinds.setdefault((node.op, attributes, places, facts), len(self.kinds))
            self.last = Around(node, names, kind, signs)
        return self.last

    def _alike(self, node: Node) -> Alike:
        around = self.around(node)
        if around.alike is None:
            keys = dict.fromkeys((*node.inputs, node.key))
            nodes = {k: replace(self.graph.nodes[k], name=around.signs.get(k, "")) for k in keys}
            graph, own = replace(self.graph, nodes=nodes, whole=None, taken=self.names), nodes[node.key]
            inputs = {nodes[k].name: i for i, k in reversed([*enumerate(node.inputs)])}
            around.alike = Alike(graph, own, {own.name: -1} | inputs | {gradient_name(own): -2})
        return around.alike

    def _key(self, node: Node, i: int | None) -> Any:
        if i is None:
            return self.around(node).alikes, i
        seed = self.graph.seeds.get(node.key)
        ones = seed is not None and not np.ndim(seed) and bool((whole(seed) == 1).all())
        return self.around(node).alikes, i, np.shape(node.grad), str(getattr(node.grad, "dtype", "")), ones

    def _facts(self, n: Node) -> Any:
        """What of a tensor a formula may show or depend on, but for its name."""
        if n.key not in self.facts:
            number = _frozen(n.value) if is_number(n) else None
            self.facts[n.key] = n.dtype, n.shape, len(n.name), type(n.value), n.needs_grad, number
        return self.facts[n.key]

    def _told(self, **formulas: Tree | None) -> int:
        self.mathematics.append(formulas)
        return len(self.mathematics) - 1

    def _forward(self, alike: Alike) -> Phrase:
        return Phrase(self._told(formula=_typeset(alike.graph.formula(alike.node), alike.places)))

    def _backward(self, alike: Alike, i: int) -> Phrase:
        told, factor = local(alike.graph, alike.node, i), derivative(alike.graph, alike.node, i)
        assert told is not None
        number = self._told(
            formula=_typeset(told.formula, alike.places),
            derivative=None if factor is None else _typeset(factor, alike.places),
        )
        written = None if factor is None else shown(plain(factor), 120)
        return Phrase(number, shown(told.text, 600), told.shapes, shown(told.note, 160), written)


def _typeset(f: Formula, places: dict[str, int]) -> Tree | None:
    """The formula as a tree, whose names are places; None if it is too long."""
    return _placed(tree(f), places) if f.size() <= TYPESET else None


def _placed(part: object, places: dict[str, int]) -> Any:
    if not isinstance(part, list):
        return part
    if part and part[0] == "n":
        return ["n", places.get(part[1], shown(part[1]))]
    return [_placed(p, places) for p in part]


def _frozen(x: object) -> Any:
    """Something equal for equal attributes, and for no others."""
    if isinstance(x, np.ndarray):
        return x.dtype.str, x.shape, x.tobytes()
    if isinstance(x, tuple | list):
        return type(x), tuple(map(_frozen, x))
    if isinstance(x, dict):
        return tuple((k, _frozen(v)) for k, v in x.items())
    if isinstance(x, slice):
        return "slice", _frozen((x.start, x.stop, x.step))
    try:
        hash(x)
    except TypeError:
        return id(x)  # the graph keeps it
    return type(x), repr(x) if isinstance(x, float | complex | np.floating | np.complexfloating) else x
