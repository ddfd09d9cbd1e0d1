"""The graph as pictures, texts and files need it: named nodes, oldest first, without recursion.

Names of nodes (`n0`, `n1`, ...) count from the left and say nothing of memory, so the same program
gives the same picture twice. `reading.py` makes it.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from ...annotations import DTypeLike
from ...engine import NEEDS, Variable
from ...op import Op
from ..formulas.formula import Formula, Rules, of_value
from ..formulas.notation import number, plain


@cache
def dtype_name(dtype: DTypeLike) -> str:
    """Its name, which NumPy takes long to say; nothing for None."""
    return "" if dtype is None else str(dtype)


@dataclass
class Node:
    """One tensor, and the operation that made it."""

    key: str
    name: str
    tensor: Variable | None
    op: Op | None = None
    inputs: tuple[str, ...] = ()  # keys, one for each argument: a tensor used twice stands here twice
    value: Any = None
    grad: Any = None
    calls: tuple[tuple[int, str], ...] = ()  # the module calls that it was made in: number and name
    named: bool = False  # by the user, not by us
    title: str = ""  # `v = a + u`
    paths: tuple[tuple[tuple[str, int], ...], ...] = ()  # to each input, where other operations are written into it
    composed: Formula | None = None  # all that it computes, where other operations are written into it

    @property
    def module(self) -> tuple[str, ...]:
        """The path of the module that made it."""
        return tuple(name for _, name in self.calls)

    @property
    def kind(self) -> str:
        """The op's kind; for a leaf, `parameter`, `input` or `constant`."""
        if self.op is not None:
            return "custom" if self.op.custom else self.op.kind.name
        flags = self.tensor.flags if self.tensor is not None else 0
        return "parameter" if flags & NEEDS else "input" if flags or self.named else "constant"

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(np.shape(self.value))

    @property
    def dtype(self) -> str:
        return dtype_name(getattr(self.value, "dtype", None)) or type(self.value).__name__

    @property
    def attributes(self) -> dict[str, Any]:
        return (self.tensor.attributes if self.tensor is not None else None) or {}

    @property
    def site(self) -> str | None:
        """The user's line that made it, "file.py:12", where that is kept."""
        line = self.tensor.site if self.tensor is not None else None
        return str(line).replace("\\", "/").rpartition("/")[2] if line is not None else None

    @property
    def needs_grad(self) -> bool:
        return self.tensor is not None and bool(self.tensor.flags & NEEDS)


@dataclass
class Graph:
    """Nodes, oldest first; the keys of the outputs; what a reader should be told about it."""

    nodes: dict[str, Node]
    outputs: tuple[str, ...]
    notices: list[str] = field(default_factory=list)
    seeds: dict[str, Any] = field(default_factory=dict)  # the gradients that the outputs start with
    given: frozenset[str] = frozenset()  # keys of the example inputs that the program was run on
    whole: Graph | None = None  # the graph with every operation, where this one shows fewer
    written: dict[str, Formula] = field(default_factory=dict)  # those that are written into others
    modules: dict[int, Any] = field(default_factory=dict)  # of each call, by its number
    taken: Set[str] = frozenset()  # names of a graph that this is a part of
    read: dict[str, Rules] = field(default_factory=dict, init=False, repr=False)  # the rules that were asked for

    def names(self) -> Set[str]:
        """All names of tensors."""
        return self.taken or {n.name for n in self.nodes.values()}

    def path(self, node: Node, i: int) -> tuple[tuple[str, int], ...]:
        """The operations, outermost first, through which a node uses its input `i`."""
        return node.paths[i] if node.paths else ((node.key, i),)

    def edges(self) -> list[tuple[str, str, int]]:
        """`(input, user, position)`, one for each use."""
        return [(k, n.key, i) for n in self.nodes.values() for i, k in enumerate(n.inputs) if k in self.nodes]

    @property
    def result(self) -> str:
        """What was differentiated: the output, or the sum of several."""
        names = [self.nodes[k].name for k in self.outputs]
        return names[0] if len(names) == 1 else f"({' + '.join(names)})"

    def owned(self, node: Node) -> bool:
        """Whether a leaf belongs to whatever uses it: a parameter or a constant, not an input of the program."""
        return node.op is None and node.kind != "input" and node.key not in self.given

    def uses(self) -> dict[str, int]:
        """How often each node is used."""
        count = dict.fromkeys(self.nodes, 0)
        for source, _, _ in self.edges():
            count[source] += 1
        return count

    def formula(self, node: Node) -> Formula:
        """What a node computes, in the names of its inputs."""
        if node.composed is not None:
            return node.composed
        assert node.op is not None
        arrays = [self.nodes[k].value for k in node.inputs]
        return of_value(node.op, self.argument_names(node), arrays, node.attributes)

    def rules(self, node: Node) -> Rules:
        """The rules of the operation that made a node, in the names of its inputs, which are looked up once."""
        if node.key not in self.read:
            assert node.op is not None
            arrays, names = [self.nodes[k].value for k in node.inputs], self.argument_names(node)
            self.read[node.key] = Rules(node.op, arrays, node.attributes, names, (node.name, node.value))
        return self.read[node.key]

    def argument_names(self, node: Node) -> list[str]:
        """What the inputs of a node are called in a formula; an empty name stands for a number written out."""
        return ["" if is_number(self.nodes[k]) else self.nodes[k].name for k in node.inputs]


def is_number(node: Node) -> bool:
    """Whether a node is a bare constant like the 3 in `3 * v`, which formulas show by its value."""
    return node.kind == "constant" and not node.shape and not node.named


def title(graph: Graph, node: Node) -> str:
    """What a node is: `v = a + u` for a result, its name for a leaf, the number for a bare constant."""
    if node.op is None:
        return number(node.value) if is_number(node) else node.name
    return f"{node.name} = {plain(graph.formula(node), 'T')}"
