"""Every step of both passes, as a page tells it: what the engine computes, in the engine's order."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..formulas.formula import Formula
from ..formulas.mathml import Tree, tree
from ..formulas.notation import plain
from ..graph.graph import Graph, Node, is_number
from ..graph.local import gradient_name
from ..graph.steps import Backward, backward, forward
from ..graph.values import short, shown, whole
from .figure import figure

TYPESET = 40  # operations in a formula that is typeset; a longer one is text
PICTURED = 500  # nodes of a graph whose steps keep the arrays of factors and of sums


def storyboard(graph: Graph) -> list[dict[str, Any]]:
    """Forward steps, oldest first; the seeds; backward steps, newest user first."""
    result: list[dict[str, Any]] = [
        {
            "phase": "forward", "node": s.node.key, "text": shown(s.text.replace("; ", ", "), 200),
            "after": short(s.node.value), "math": typeset(graph.formula(s.node), _names(graph, s.node)),
        }
        for s in forward(graph)
    ]  # fmt: skip
    for key, seed in reversed(graph.seeds.items()):
        node = graph.nodes[key]
        name = f"d{node.name}" if node.shape else f"d{graph.result}/d{node.name}"
        text = f"{name} = {short(seed)}".replace("; ", ", ")
        result.append({"phase": "seed", "node": key, "text": shown(text, 200), "after": short(seed)})
    pictured = len(graph.nodes) <= PICTURED
    return result + [_backward(graph, s, pictured) for s in backward(graph) if not is_number(s.source)]


def _names(graph: Graph, node: Node, back: bool = False) -> dict[str, list[Any]]:
    """What the names in a formula stand for: a node's value (0) or its gradient (1)."""
    nodes = [node, *(graph.nodes[k] for k in node.inputs)]
    found: dict[str, list[Any]] = {n.name: [n.key, 0] for n in nodes if n.name}
    return found | ({gradient_name(node): [node.key, 1]} if back else {})


def typeset(f: Formula, names: dict[str, list[Any]]) -> Tree | None:
    """The formula as a tree, whose names say what they stand for; None if it is too long."""
    return _with_keys(tree(f), names) if f.size() <= TYPESET else None


def _with_keys(part: Any, names: dict[str, list[Any]]) -> Any:
    if not isinstance(part, list):
        return part
    if part and part[0] == "n":
        return ["n", shown(part[1]), *names.get(part[1], ())]
    return [_with_keys(p, names) for p in part]


def _backward(graph: Graph, s: Backward, pictured: bool) -> dict[str, Any]:
    out, names = graph.result, _names(graph, s.user, True)
    name = f"d{out}/d{s.source.name}"
    factor = s.derivative
    product = short(s.contribution)
    number = short(factor.value) if factor is not None else None
    if s.scalar:
        rule = f"d{out}/d{s.user.name} · d{s.user.name}/d{s.source.name}"
        text = f"{name} = {rule} = {short(s.incoming)} · {number} = {product}"
        text = text if s.before is None else f"{text}; sum {short(s.after)}"
    else:
        verb = s.local.text if s.adds else s.local.text.replace(" += ", " = ", 1)
        text = f"{verb} = {product}".replace("; ", ", ")
    part = {
        "phase": "backward", "node": s.source.key, "user": s.user.key, "position": s.position,
        "text": shown(text, 600), "math": typeset(s.local.formula, names),
        "product": product,
        "derivative": number, "derivative_formula": None if factor is None else shown(plain(factor), 120),
        "derivative_math": None if factor is None else typeset(factor, names),
        "factor": None if factor is None or not pictured else figure(_spread(factor.value, s.user.value), 64),
        "before": None if s.before is None else short(s.before), "after": short(s.after),
        "use": s.use, "uses": s.uses,
        "formula": shown(s.local.text, 600), "shapes": s.local.shapes, "note": shown(s.local.note, 160),
    }  # fmt: skip
    figures = {"contribution": s.contribution, "sum": s.after} if s.adds and pictured else {}
    return part | {name: figure(v, 64) for name, v in figures.items()}


def _spread(factor: Any, like: Any) -> Any:
    """A factor as large as what it is multiplied with."""
    a, b = whole(factor), whole(like)
    return a if a.shape == b.shape else np.broadcast_to(a, b.shape)
