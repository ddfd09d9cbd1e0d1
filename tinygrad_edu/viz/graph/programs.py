"""A `Program` as a graph of steps, for pictures and comparisons; it has types, and no values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...op import REGISTRY
from ...program.primitives import FRESH, VIEWS
from ...program.program import Program, Step, Value, shown
from .graph import Graph, Node

PRODUCTS = {"matmul", "dot", "einsum", "tensordot", "vecdot", "outer", "inner", "kron"}
MOVES = VIEWS | {"setitem", "concatenate", "stack", "copy", "astype", "broadcast_to", "repeat", "pad", "flip", "tile"}


@dataclass
class ProgramNode(Node):
    """An input, a constant or a step of a program."""

    primitive: str = ""

    @property
    def kind(self) -> str:
        """The kind that an op of this primitive would have; of an input and a constant, just that."""
        name = self.primitive
        if name.startswith("op."):
            return REGISTRY[name[3:]].kind.name
        if name in ("input", "constant") or not name:
            return name or "constant"
        if name in MOVES:
            return "layout"
        if name in PRODUCTS or name.startswith("linalg."):
            return "contract"
        reduces = name == "sum" or name.endswith((".reduce", ".accumulate")) or name in FRESH - {"where"}
        return "reduce" if reduces else "elementwise"


def program_graph(program: Program) -> Graph:
    """Nodes of the inputs, constants and steps; of a step with several results, one for each."""
    keys = {v: f"n{k}" for k, v in enumerate(program.values())}
    nodes: dict[str, Node] = {}

    def add(v: Value, primitive: str, name: str, title: str, uses: tuple[Value, ...] = ()) -> None:
        blank = np.broadcast_to(np.empty((), v.dtype), v.shape)  # of no memory: its type is all that is looked at
        inputs = tuple(keys[u] for u in uses)
        nodes[keys[v]] = ProgramNode(
            keys[v], name, None, inputs=inputs, value=blank, named=bool(name), title=title, primitive=primitive
        )

    for v, name in zip(program.inputs, program.names, strict=True):
        add(v, "input", f"{v} {name}".strip(), f"{v} {name}".strip())
    for v in program.constants:
        add(v, "constant", repr(v), f"{v} constant")
    for step in program.steps:
        for v in step.results:
            add(v, step.primitive, repr(v), f"{v} = {call(step)}", step.uses)
    return Graph(nodes, tuple(keys[v] for v in program.results))


def call(step: Step) -> str:
    """What a step calls on what: `tanh(v2)`."""
    args = [shown(a) for a in step.args] + [f"{k}={shown(a)}" for k, a in step.kwargs.items()]
    return f"{step.primitive}({', '.join(args)})"


def signature(program: Program) -> list[tuple[Any, ...]]:
    """For each value, what makes it the same as one of another program: what is called, on what types, and its type."""
    found: list[tuple[Any, ...]] = [
        ("input", name, v.type) for v, name in zip(program.inputs, program.names, strict=True)
    ]
    found += [("constant", v.type, np.asarray(a).tobytes()) for v, a in program.constants.items()]
    for step in program.steps:
        text = call(step.on(lambda v: v.type))
        found += [(text, k, v.type) for k, v in enumerate(step.results)]
    return found
