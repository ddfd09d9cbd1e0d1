"""A worksheet from a graph: some numbers are blanks, and a wrong answer is told its likely slip."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...functions.settings import Positive, Texts, settings
from ...recording import user_frame
from ..graph.graph import Graph
from ..graph.steps import Backward, backward, forward
from ..graph.values import one, shown, whole
from .page import Page
from .player import noted, page_data

BLANKS = ("values", "derivatives", "gradients")
Question = dict[str, Any]


@settings
def worksheet(
    x: object,
    *inputs: object,
    blanks: Texts = "gradients",
    most: Positive = 12,
    title: str = "Worksheet: backpropagation",
) -> Page:
    """A player in which numbers are to be filled in: "values", "derivatives", "gradients", or several of them.

    Only scalars are asked for. Each answer is checked, and a wrong one is compared with what usual
    slips give: a forgotten factor, a forgotten use, a wrong sign. One switch shows the answers.
    Errors: a ValueError for other blanks, and a graph without scalars.

    >>> import tinygrad_edu as tg
    >>> page = worksheet(lambda a, b, c: 3 * (a + b * c), 5.0, 3.0, 2.0)
    >>> [q["text"] for q in page.data["worksheet"]["questions"]][:2]
    ['dout/dt2 = ?', 'dout/da = ?']
    """
    wanted = {blanks} if isinstance(blanks, str) else set(blanks)
    if not wanted or wanted - set(BLANKS):
        raise ValueError(f"worksheet: blanks must be of {', '.join(BLANKS)}; got {sorted(wanted)}; choose some")
    graph = noted(x, inputs, "worksheet")
    makers: dict[str, Callable[[Graph], list[Question]]] = {
        "values": _values, "derivatives": _derivatives, "gradients": _gradients,
    }  # fmt: skip
    questions = [q for name in BLANKS if name in wanted for q in makers[name](graph)]
    if not questions:
        raise ValueError("worksheet: the graph must have scalars to ask for; it has none; take smaller inputs")
    data = page_data(graph, user_frame())
    intro = "Fill in the blanks (?) of the picture. A number or a fraction will do; three digits are enough."
    data["live"] = None  # another number would be another question
    data["worksheet"] = {"title": shown(title), "intro": intro, "questions": questions[:most]}
    return Page(title, data)


def _askable(v: Any) -> bool:
    """Whether a learner can write a number down: it is real, and finite."""
    return not np.ndim(whole(v)) and not np.iscomplexobj(v) and bool(np.isfinite(v))


def _question(blank: str, node: str, text: str, answer: Any, why: str, slips: list[tuple[Any, str]]) -> Question:
    value = float(answer)
    different: dict[float, str] = {}
    for v, words in slips:
        v = float(v)
        if np.isfinite(v) and abs(v - value) > 0.01 * abs(value) + 1e-9:
            different.setdefault(v, words)
    return {
        "blank": blank, "node": node, "text": shown(text, 120), "answer": value, "shown": one(value),
        "why": shown(why, 200),
        "slips": [{"value": v, "text": shown(words, 200)} for v, words in different.items()],
    }  # fmt: skip


def _values(graph: Graph) -> list[Question]:
    found = []
    for s in forward(graph):
        inputs = [graph.nodes[k].value for k in s.node.inputs]
        inputs = [v for v in inputs if not np.ndim(v)]
        if not all(map(_askable, [s.node.value, *inputs])):
            continue
        values = [float(v) for v in inputs]
        slips: list[tuple[Any, str]] = [(-float(s.node.value), "The size is right, the sign is not.")]
        if len(values) == 2:
            a, b = values
            others = {"add": a + b, "multiply": a * b, "subtract": a - b}  # Python's numbers may overflow
            slips += [
                (v, f"That is what {name} gives; this box has {s.node.op}.")
                for name, v in others.items() if s.node.op and name != s.node.op.name
            ]  # fmt: skip
            slips.append((b - a, "The order of the inputs matters."))
        slips += [(v, "That is an input; the operation is still to be applied.") for v in values]
        found.append(_question(f"{s.node.key}.value", s.node.key, f"{s.node.title} = ?", s.node.value, s.text, slips))
    return found


def _derivatives(graph: Graph) -> list[Question]:
    found = []
    for s in backward(graph):
        if s.derivative is None or not s.scalar or not s.source.needs_grad:
            continue
        if not _askable(s.derivative.value):
            continue
        name = f"d{s.user.name}/d{s.source.name}"
        right = float(s.derivative.value)
        slips = [
            (s.contribution, "That is the whole product; the local derivative is only the box's own factor."),
            (s.user.value, "That is the value of the box, not how fast it changes."),
            (-right, "The size is right, the sign is not."),
            (s.source.value, f"That is {s.source.name} itself; differentiate by {s.source.name}."),
        ]
        blank = f"{s.user.key}:{s.position}.derivative"
        why = f"{name} = {s.derivative}" if s.derivative.number is None else f"{name} = {one(right)} everywhere"
        found.append(_question(blank, s.user.key, f"{name} = ?   at {s.user.title}", right, why, slips))
    return found


def _gradients(graph: Graph) -> list[Question]:
    out = graph.nodes[graph.outputs[-1]]
    by_source: dict[str, list[Backward]] = {}
    for s in backward(graph):
        if s.scalar and s.derivative is not None:
            by_source.setdefault(s.source.key, []).append(s)
    found = []
    for key, uses in by_source.items():
        source = uses[0].source
        if source.grad is None or not _askable(source.grad) or len(uses) != uses[0].uses:
            continue
        terms = [f"{one(s.incoming)} · {one(s.derivative.value)}" for s in uses if s.derivative is not None]
        why = f"d{out.name}/d{source.name} = {' + '.join(terms)} = {one(source.grad)}"
        text = f"d{out.name}/d{source.name} = ?"
        found.append(_question(f"{key}.grad", key, text, source.grad, why, _gradient_slips(uses)))
    return found


def _gradient_slips(uses: list[Backward]) -> list[tuple[Any, str]]:
    slips: list[tuple[Any, str]] = []
    if len(uses) > 1:
        name = uses[0].source.name
        for s in uses:
            words = f"That is the contribution by {s.user.name} alone; {name} is used {len(uses)} times"
            slips.append((s.contribution, f"{words}, and gradients add."))
        product = math.prod(float(s.contribution) for s in uses)
        slips.append((product, "Contributions of several uses add; they do not multiply."))
    for s in uses:
        assert s.derivative is not None
        factor, name = s.derivative.value, f"d{s.user.name}/d{s.source.name}"
        slips += [
            (factor, f"That is the local derivative {name}; multiply it by the incoming gradient {one(s.incoming)}."),
            (s.incoming, f"That is the incoming gradient; multiply it by the local derivative {one(factor)}."),
            (float(s.incoming) + float(factor), "The chain rule multiplies; it does not add."),
            (-s.after, "The size is right, the sign is not."),
        ]  # fmt: skip
    slips.append((uses[0].source.value, "That is the value; the gradient says how fast the result changes with it."))
    return slips
