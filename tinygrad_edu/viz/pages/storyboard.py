"""Every step of both passes, as a page tells it: what the engine computes, in the engine's order."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph.graph import Graph, is_number
from ..graph.steps import Backward, backward, forward
from ..graph.values import Texts, shown, whole
from .figure import figure
from .phrases import Phrases

PICTURED = 500  # nodes of a graph whose steps keep the arrays of factors and of sums


class Storyboard:
    """Forward steps, oldest first; the seeds; backward steps, newest user first."""

    def __init__(self, graph: Graph, texts: Texts) -> None:
        self.graph, self.texts, self.phrases = graph, texts, Phrases(graph)
        self.pictured = len(graph.nodes) <= PICTURED
        self.steps = self._forward() + self._seeds()
        self.steps += [self._backward(s) for s in backward(graph) if not is_number(s.source)]

    @property
    def mathematics(self) -> list[dict[str, Any]]:
        """The formulas of the steps; each step has the number of its own as `told`."""
        return self.phrases.mathematics

    def _forward(self) -> list[dict[str, Any]]:
        return [
            {
                "phase": "forward", "node": s.node.key, "text": shown(s.text.replace("; ", ", "), 200),
                "after": self.texts.short(s.node.value), "told": self.phrases.forward(s.node).number,
            }
            for s in forward(self.graph)
        ]  # fmt: skip

    def _seeds(self) -> list[dict[str, Any]]:
        graph, found = self.graph, []
        for key, seed in reversed(graph.seeds.items()):
            node = graph.nodes[key]
            name = f"d{node.name}" if node.shape else f"d{graph.result}/d{node.name}"
            text = f"{name} = {self.texts.short(seed)}".replace("; ", ", ")
            found.append({"phase": "seed", "node": key, "text": shown(text, 200), "after": self.texts.short(seed)})
        return found

    def _backward(self, s: Backward) -> dict[str, Any]:
        out, short = self.graph.result, self.texts.short
        phrase, named = self.phrases.backward(s.user, s.position), self.phrases.around(s.user).named
        factor, product = s.factor, short(s.contribution)
        formula, number = named(phrase.formula), None if factor is None else short(factor)
        name = f"d{out}/d{s.source.name}"
        if s.scalar:
            rule = f"d{out}/d{s.user.name} · d{s.user.name}/d{s.source.name}"
            text = f"{name} = {rule} = {short(s.incoming)} · {number} = {product}"
            text = shown(text if s.before is None else f"{text}; sum {short(s.after)}", 600)
        else:
            verb = formula if s.adds else formula.replace(" += ", " = ", 1)
            text = f"{verb} = {product}".replace("; ", ", ")
        part = {
            "phase": "backward", "node": s.source.key, "user": s.user.key, "position": s.position,
            "text": text, "told": phrase.number, "product": product, "derivative": number,
            "derivative_formula": None if phrase.derivative is None else named(phrase.derivative),
            "factor": None if factor is None or not self.pictured else figure(_spread(factor, s.user.value), 64),
            "before": None if s.before is None else short(s.before), "after": short(s.after),
            "use": s.use, "uses": s.uses,
            "formula": formula, "shapes": phrase.shapes, "note": named(phrase.note),
        }  # fmt: skip
        figures = {"contribution": s.contribution, "sum": s.after} if s.adds and self.pictured else {}
        return part | {name: figure(v, 64) for name, v in figures.items()}


def _spread(factor: Any, like: Any) -> Any:
    """A factor as large as what it is multiplied with."""
    a = whole(factor)
    return a if a.shape == whole(like).shape else whole(np.multiply(factor, np.ones_like(like)))
