"""What the steps of a graph say, but for their names and numbers: worked out once for all steps that are alike.

A large graph has thousands of steps and a few dozen kinds of them. Two steps are alike where the same operation meets
the same shapes, dtypes and bare numbers, in names of the same lengths (a long formula is written in lines). The formula
of the first is read off its rule with signs in place of names, and every other one puts its names there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np

from ..formulas.formula import Formula
from ..formulas.mathml import Tree, tree
from ..formulas.notation import plain
from ..graph.graph import Graph, Node, is_number
from ..graph.local import gradient_name, local
from ..graph.steps import derivative
from ..graph.values import shown

TYPESET = 40  # operations in a formula that is typeset; a longer one is text
SIGNS = 0x13000  # letters of a script that no program has names in: Egyptian hieroglyphs


@dataclass
class Phrase:
    """The texts of a step, in which a sign stands for each name; and the number of its mathematics."""

    number: int
    formula: str = ""
    shapes: str = ""
    note: str = ""
    derivative: str | None = None

    def named(self, text: str, names: dict[str, str]) -> str:
        """A text with names in place of their signs."""
        for sign, name in names.items():
            text = text.replace(sign, name)
        return text


class Phrases:
    """The phrases of a graph; `mathematics` are their formulas as trees.

    In a tree, `["n", 0]` is the name of the first input, `["n", -1]` that of the operation's result and `["n", -2]`
    that of its gradient; any other name is a text.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph, self.known, self.facts = graph, dict[Any, Phrase](), dict[str, Any]()
        self.mathematics: list[dict[str, Tree | None]] = []
        letters = set().union(*(n.name for n in graph.nodes.values()))
        self.signs = (chr(k) for k in count(SIGNS) if chr(k) not in letters)
        self.letters: list[str] = []

    def forward(self, node: Node) -> Phrase:
        """What an operation computes."""
        key = self._key(node, None)
        if key not in self.known:
            self.known[key] = self._forward(*self._alike(node))
        return self.known[key]

    def backward(self, user: Node, i: int) -> Phrase:
        """What an operation gives back to its input `i`."""
        key = self._key(user, i)
        if key not in self.known:
            self.known[key] = self._backward(*self._alike(user), i)
        return self.known[key]

    def names(self, node: Node) -> dict[str, str]:
        """What stands for the signs of an operation's phrases."""
        return {sign: shown(n.name, 240) for sign, n in self._signed(node)}

    def _signed(self, node: Node) -> list[tuple[str, Node]]:
        """The names around an operation, each once, and their signs, which are as long."""
        around = {n.key: n for n in (*(self.graph.nodes[k] for k in node.inputs), node) if n.name}
        while len(self.letters) < len(around):
            self.letters.append(next(self.signs))
        return [(letter * len(n.name), n) for letter, n in zip(self.letters, around.values(), strict=False)]

    def _alike(self, node: Node) -> tuple[Graph, Node]:
        """The operation with signs for names, in a graph of its own."""
        signs = {n.key: sign for sign, n in self._signed(node)}
        nodes = {k: replace(self.graph.nodes[k], name=signs.get(k, "")) for k in (*node.inputs, node.key)}
        graph = replace(self.graph, nodes=nodes, whole=None, taken=self.graph.names())
        return graph, nodes[node.key]

    def _key(self, node: Node, i: int | None) -> Any:
        graph, inputs = self.graph, [self.graph.nodes[k] for k in node.inputs]
        places = tuple(node.inputs.index(k) for k in node.inputs)
        facts = tuple(self._facts(n) for n in (*inputs, node))
        key = (node.op, _frozen(node.attributes) if node.attributes else (), places, facts, i)
        if i is None:
            return key
        seed = graph.seeds.get(node.key)
        ones = seed is not None and not np.ndim(seed) and bool(seed == 1)
        return (*key, np.shape(node.grad), str(getattr(node.grad, "dtype", "")), ones)

    def _facts(self, n: Node) -> Any:
        """What of a tensor a formula may show or depend on, but for its name."""
        if n.key not in self.facts:
            number = _frozen(n.value) if is_number(n) else None
            self.facts[n.key] = n.dtype, n.shape, len(n.name), type(n.value), n.needs_grad, number
        return self.facts[n.key]

    def _told(self, **formulas: Tree | None) -> int:
        self.mathematics.append(formulas)
        return len(self.mathematics) - 1

    def _forward(self, graph: Graph, node: Node) -> Phrase:
        return Phrase(self._told(formula=_typeset(graph.formula(node), graph, node)))

    def _backward(self, graph: Graph, user: Node, i: int) -> Phrase:
        told, factor = local(graph, user, i), derivative(graph, user, i)
        assert told is not None
        number = self._told(
            formula=_typeset(told.formula, graph, user, True),
            derivative=None if factor is None else _typeset(factor, graph, user, True),
        )
        written = None if factor is None else shown(plain(factor), 120)
        return Phrase(number, shown(told.text, 600), told.shapes, shown(told.note, 160), written)


def _typeset(f: Formula, graph: Graph, node: Node, back: bool = False) -> Tree | None:
    """The formula as a tree, whose names are places; None if it is too long."""
    places = {node.name: -1} | {graph.nodes[k].name: i for i, k in reversed([*enumerate(node.inputs)])}
    places |= {gradient_name(node): -2} if back else {}
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
