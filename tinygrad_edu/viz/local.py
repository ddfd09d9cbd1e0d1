"""Local derivatives: what one use of a tensor adds to its gradient, as a formula with shapes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..engine import BROADCASTS, sum_to
from .formula import Formula, of_rule
from .graph import Graph, Node
from .notation import plain
from .values import shape_text

LONG = 70  # a longer formula is named by its operation instead


class Local(NamedTuple):
    """One use of a tensor: the formula, its number, and what the formula alone does not say."""

    formula: Formula
    value: Any  # in the shape of the input: broadcasting undone
    text: str  # `dW += x.T @ dY`
    shapes: str  # `(3,5)(5,2)`
    note: str  # `sum over axis 0, because b (5,) was broadcast to (32,5)`


def gradient_name(node: Node) -> str:
    """The course's name for the derivative of the output by a tensor: `dvar`."""
    return f"d{node.name}"


def local(graph: Graph, node: Node, i: int) -> Local | None:
    """What `node` gives back to its input `i`; None where no gradient goes. Needs the graph's gradients."""
    source = graph.nodes[node.inputs[i]]
    if node.op is None or node.grad is None or not source.needs_grad:
        return None
    arrays = [graph.nodes[k].value for k in node.inputs]
    names = graph.argument_names(node)
    formula = of_rule(
        node.op, i, arrays, node.attributes, names, (gradient_name(node), node.grad), (node.name, node.value)
    )
    if formula is None:
        return None
    text = plain(formula, "T")
    if len(text) > LONG:
        text = f"gradient of {node.op.name}({', '.join([gradient_name(node), *filter(None, names)])})"
    value, note = formula.value, ""
    if formula.shape != source.shape and node.op.kind in BROADCASTS:
        value = sum_to(value, shape=source.shape)
        note = broadcast_note(source, formula.shape)
    return Local(formula, value, f"{gradient_name(source)} += {text}", _shapes(formula), note)


def broadcast_note(source: Node, shape: tuple[int, ...]) -> str:
    """Why a gradient is summed: its tensor was repeated."""
    lead = len(shape) - len(source.shape)
    axes = [*range(lead), *(lead + i for i, n in enumerate(source.shape) if n == 1 and shape[lead + i] != 1)]
    word = "axis" if len(axes) == 1 else "axes"
    return (
        f"sum over {word} {', '.join(map(str, axes))}, because {source.name} "
        f"{shape_text(source.shape) or '()'} was broadcast to {shape_text(shape)}"
    )


def _shapes(f: Formula) -> str:
    """The shapes that meet in a matrix product; else the one shape."""
    if f.op is not None and f.op.name == "matmul":
        return "".join(shape_text(a.shape) for a in f.args)
    return shape_text(f.shape)


def derivative(f: Formula, g: Any) -> Any:
    """For an elementwise rule: the factor that `g` is multiplied by, where it can be read off."""
    with np.errstate(all="ignore"):
        return np.asarray(f.value) / np.asarray(g)
