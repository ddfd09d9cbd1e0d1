"""A training film: the graph of every few steps of training, replayed beside the loss curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import GraphError
from ...functions.settings import least, settings
from ..formulas.notation import number
from ..graph.graph import Graph, is_number
from ..graph.identity import Pairs, alike
from ..graph.reading import read
from ..graph.values import mean, one, short, shown, size, wide
from .figure import figure
from .page import Page
from .player import page_data

FRAME = 64  # entries of an array that each frame holds


class Film:
    """Values and gradients of a run: `record(loss)` at each step, then `save("training.html")`.

    When more than `frames` are kept, every second is dropped, so a long run fits as well as a short one.
    Errors: a GraphError for a step with another graph, and for a page before the first.

    >>> import tinygrad_edu as tg
    >>> w, film = tg.Tensor(3.0, requires_grad=True), Film(frames=10)
    >>> for step in range(35):
    ...     loss = (w - 1) ** 2
    ...     film.record(loss)
    ...     loss.backward()
    ...     w.data = w.data - 0.1 * w.grad.data
    ...     w.grad = None
    >>> [frame["step"] for frame in film.kept]
    [0, 4, 8, 12, 16, 20, 24, 28, 32]
    """

    @settings
    def __init__(self, frames: int = 120, title: str = "Training film") -> None:
        least("Film", "frames", frames, 2)  # a first and a last
        self.most, self.title = frames, title
        self.every, self.step = 1, 0
        self.kept: list[dict[str, Any]] = []
        self.first: Graph | None = None
        self.told: dict[str, Any] = {}  # the player of the first graph, made before a step changes its tensors

    def record(self, loss: object) -> None:
        """Keep this step, if its turn has come. The graph must be the same at every step."""
        step, self.step = self.step, self.step + 1
        if step % self.every:
            return
        graph = read(loss, who="Film", grads=True)
        if self.first is None:
            self.first, self.told = graph, page_data(graph)
        names = alike(self.first, graph)
        if names is None:
            raise GraphError("Film: every step must record the same graph; this one differs; make a film for each")
        self.kept.append(_frame(step, graph, names, _other_numbers(self.first, graph, names)))
        if len(self.kept) > self.most:
            self.kept, self.every = self.kept[::2], 2 * self.every

    def page(self) -> Page:
        """The player, on the first graph, with the frames."""
        if self.first is None:
            raise GraphError("Film: must have recorded a step; it has none; call record(loss) in the training loop")
        sizes = [v for frame in self.kept for v in frame["sizes"].values() if v]
        film = {"frames": self.kept, "largest": max(sizes, default=1.0)}
        return Page(self.title, {**self.told, "live": None, "film": film})

    def save(self, path: object) -> str:
        """Write the film as one HTML file."""
        return self.page().save(path)

    def _repr_html_(self) -> str:
        return self.page()._repr_html_()


def _other_numbers(first: Graph, graph: Graph, names: Pairs) -> list[str]:
    """The numbers written in the formulas of the first step that are others in this one."""
    found = {}
    for n in first.nodes.values():
        for k in n.inputs:
            was, now = first.nodes[k], graph.nodes[names[k]]
            if is_number(was) and number(was.value) != number(now.value):
                found[k] = f"In {shown(n.title)}, {number(was.value)} is {number(now.value)} at this step."
    return list(found.values())


def _frame(step: int, graph: Graph, names: Pairs, notices: list[str]) -> dict[str, Any]:
    """What a step shows, under the keys that the first step has for it."""
    drawn = {k: n for k, n in ((k, graph.nodes[other]) for k, other in names.items()) if not is_number(n)}
    losses = wide(graph.nodes[graph.outputs[-1]].value).real
    loss = float(mean(losses)) if losses.size else 0.0
    return {
        "step": step, "loss": _finite(loss), "loss_text": one(loss), "notice": " ".join([*graph.notices, *notices]),
        "values": {k: short(n.value) for k, n in drawn.items()},
        "grads": {k: short(n.grad) for k, n in drawn.items() if n.grad is not None},
        "arrays": {k: figure(n.value, FRAME) for k, n in drawn.items()},
        "slopes": {k: figure(n.grad, FRAME) for k, n in drawn.items() if n.grad is not None},
        "sizes": {k: _finite(size(n.grad)) for k, n in drawn.items() if n.grad is not None},
    }  # fmt: skip


def _finite(v: float) -> float | None:
    """What the page can hold: nothing where it is not a number."""
    return v if np.isfinite(v) else None
