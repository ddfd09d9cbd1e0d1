"""Local derivatives: what one use of a tensor adds to its gradient, as a formula with shapes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ... import ops
from ...annotations import Array
from ..formulas.formula import Formula, over_examples, summed
from ..formulas.notation import plain
from .graph import Graph, Node
from .values import shape_text, whole

LONG = 70  # letters of a formula on one line; a longer one is written in steps


class Local(NamedTuple):
    """One use of a tensor: the formula, its number, and what the formula alone does not say."""

    formula: Formula
    value: Any  # in the shape of the input: broadcasting undone
    text: str  # `dW += x.T @ dY`
    shapes: str  # `(3,5)(5,2)`
    note: str  # `sum over axis 0, because b (5,) was broadcast to (32,5)`
    rounds: str = ""  # `in round 1; sum over 40 rounds`


def gradient_name(node: Node) -> str:
    """The course's name for the derivative of the output by a tensor: `dvar`."""
    return f"d{node.name}"


def local(graph: Graph, node: Node, i: int) -> Local | None:
    """What `node` gives back to its input `i`; None where no gradient goes. Needs the graph's gradients."""
    source = graph.nodes[node.inputs[i]]
    if node.op is None or node.grad is None or not source.needs_grad:
        return None
    gradient: Any = node.grad
    formula: Formula | None = None
    whole = graph.whole or graph
    for key, position in graph.path(node, i):
        formula = _rule(whole, whole.nodes[key], position, node, formula, gradient)
        if formula is None:
            return None
        for k in (key, *whole.nodes[key].inputs) if graph.written else ():
            if k in graph.written:
                formula = formula.with_name(whole.nodes[k].name, graph.written[k])
        gradient = formula.value
    assert formula is not None
    user = whole.nodes[graph.path(node, i)[-1][0]]
    formula = _from_one(graph, node, formula)
    shapes, single = _shapes(formula), over_examples(formula, source.value)
    note = f"sum over the examples, as {source.name} is one for all" if single is not formula else ""
    formula, value = single, single.value
    if formula.shape != source.shape and user.op is not None and user.op.broadcasts:
        value = ops.sum_to(value, shape=source.shape)
        note = "; ".join(filter(None, [note, broadcast_note(source, formula.shape)]))
        formula = replace(summed(formula, source.shape), value=value)
    written = plain(formula, "T", LONG)
    if "; " in written:  # steps have names, which no tensor has
        written = plain(formula, "T", LONG, whole.names())
    *steps, last = written.split("; ")
    text = "; ".join([*steps, f"{gradient_name(source)} += {last}"])
    return Local(formula, value, text, shapes, note)


def among(back: Local, rounds: int) -> Local:
    """The same, where other rounds of a repeated part, which are not drawn, add to the gradient as well."""
    if rounds == 1:
        return back
    return back._replace(rounds=f"in round 1; sum over {rounds} rounds")


def _from_one(graph: Graph, node: Node, formula: Formula) -> Formula:
    """At the result, whose gradient is 1 everywhere: ones, instead of a repeated 1."""
    seed = graph.seeds.get(node.key)
    if seed is None or np.ndim(seed) or not (whole(seed) == 1).all() or not (whole(node.grad) == 1).all():
        return formula
    for part in formula.parts():
        if part.op is ops.broadcast_to and part.args[0].text == gradient_name(node):
            return formula.with_part(part, Formula(f"ones({part.shape})", value=part.value))
    return formula


def _rule(graph: Graph, user: Node, i: int, outer: Node, so_far: Formula | None, gradient: Array) -> Formula | None:
    """One step back; `so_far` is the formula of the gradient that comes in, if it has no name of its own."""
    if so_far is not None:
        so_far = over_examples(so_far, user.value)
        gradient = so_far.value
    if so_far is not None and np.shape(gradient) != user.shape:
        gradient = ops.sum_to(gradient, shape=user.shape)
        so_far = replace(summed(so_far, user.shape), value=gradient)
    incoming = gradient_name(outer) if so_far is None else "\0"
    found = graph.rules(user).of(i, (incoming, gradient))
    return found if found is None or so_far is None else found.with_name("\0", so_far)


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
    if f.op is ops.matmul:
        return "".join(shape_text(a.shape) for a in f.args)
    return shape_text(f.shape)
