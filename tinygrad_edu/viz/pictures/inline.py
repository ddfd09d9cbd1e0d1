"""Formulas as the user wrote them: `Z = W @ X + b` in one box, where the product has no name of its own."""

from __future__ import annotations

from dataclasses import replace

from ..formulas.formula import Formula
from ..formulas.notation import plain
from ..graph.graph import Graph, Node, is_number

LONGEST = 46  # letters of a formula in a box


def inline(graph: Graph) -> Graph:
    """The graph with each unnamed result that is used once written into the formula that uses it."""
    uses = graph.uses()
    hidden = {k for k, n in graph.nodes.items() if n.op is not None and not n.named and uses[k] == 1}
    hidden -= set(graph.outputs)
    written: dict[str, Formula] = {}
    nodes: dict[str, Node] = {}
    for key, node in graph.nodes.items():
        formula = _formula(graph, node, written, hidden)
        if node.op is not None and any(k in hidden for k in node.inputs) and _too_much(formula):
            for k in node.inputs:  # too long: what it uses stays in boxes of its own
                if k in hidden:
                    hidden.discard(k)
                    nodes[k] = _merged(graph, graph.nodes[k], written[k], hidden)
            formula = _formula(graph, node, written, hidden)
        written[key] = formula
        if key not in hidden:
            nodes[key] = _merged(graph, node, formula, hidden)
    ordered = {k: nodes[k] for k in graph.nodes if k in nodes}
    return replace(graph, nodes=ordered, whole=graph, written={k: written[k] for k in hidden})


def _too_much(f: Formula) -> bool:
    """More than a line, or more than one product of matrices: more than one layer."""
    products = sum(part.op is not None and part.op.kind.products for part in f.parts())
    return products > 1 or len(plain(f, "T")) > LONGEST


def members(node: Node) -> list[str]:
    """The node, after those that are written into it."""
    inner = {key for path in node.paths for key, _ in path} - {node.key}
    return [*sorted(inner, key=lambda k: int(k[1:])), node.key]


def _formula(graph: Graph, node: Node, written: dict[str, Formula], hidden: set[str]) -> Formula:
    if node.op is None:
        return Formula(text="" if is_number(node) else node.name, value=node.value)
    args = tuple(
        written[k] if k in hidden else Formula(text="" if is_number(n) else n.name, value=n.value)
        for k, n in ((k, graph.nodes[k]) for k in node.inputs)
    )
    return Formula("", node.op, args, node.attributes, node.value)


def _merged(graph: Graph, node: Node, formula: Formula, hidden: set[str]) -> Node:
    """The node with the inputs of all that is written into it, and the path to each."""
    if node.op is None:
        return node
    inputs: list[str] = []
    paths: list[tuple[tuple[str, int], ...]] = []
    todo: list[tuple[str, tuple[tuple[str, int], ...]]] = []
    todo += [(k, ((node.key, i),)) for i, k in enumerate(node.inputs)][::-1]
    while todo:
        key, path = todo.pop()
        if key in hidden:
            todo += [(k, (*path, (key, i))) for i, k in enumerate(graph.nodes[key].inputs)][::-1]
        else:
            inputs.append(key)
            paths.append(path)
    title = f"{node.name} = {plain(formula, 'T')}"
    return replace(node, inputs=tuple(inputs), paths=tuple(paths), title=title, composed=formula)
