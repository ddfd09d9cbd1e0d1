"""The backprop player: one offline HTML file in which the two passes are watched, step by step."""

from __future__ import annotations

from types import FrameType
from typing import Any

from ...batched import BatchedArray
from ...blocks import no_collection
from ...errors import GraphError
from ...functions.settings import settings
from ...recording import SITES, Recording, user_frame
from ..graph.graph import Graph, Node
from ..graph.reading import read
from ..graph.values import Texts, shown, whole
from ..live.javascript import description
from ..live.replay import replay
from .figure import MOST, figure
from .listing import listing
from .page import Page
from .storyboard import Storyboard
from .views import views

LARGEST, ENTRIES = 20_000, 1_000_000  # nodes and entries of a graph that a page computes anew
NUMBERS = 200_000  # entries that a page holds, at about nine letters each


@settings
def player(x: object, *inputs: object, title: str = "Backpropagation, step by step") -> Page:
    """A page that plays the forward and the backward pass of the graph behind `x`.

    Left to right each box computes its value; right to left, each step shows the incoming gradient,
    the local derivative, their product, and the running sum of a tensor that is used twice. `x` is a tensor, or a
    module or function with inputs, also of PyTorch or JAX.

    >>> import tinygrad_edu as tg
    >>> a, b = tg.Tensor(2.0, requires_grad=True), tg.Tensor(-3.0, requires_grad=True)
    >>> player(a * b + a)
    <Page 'Backpropagation, step by step': 4 nodes, 7 steps>
    """
    return Page(title, page_data(noted(x, inputs, "player"), user_frame()))


def noted(x: object, inputs: tuple[Any, ...], who: str) -> Graph:
    """The graph with gradients; while a function or a module runs, the user's lines are kept."""
    with Recording(SITES):
        return read(x, inputs, who=who, grads=True)


def page_data(graph: Graph, frame: FrameType | None = None) -> dict[str, Any]:
    """Nodes, views, steps and lines, as the page's script takes them."""
    with no_collection():
        return _page_data(graph, frame)


def _page_data(graph: Graph, frame: FrameType | None) -> dict[str, Any]:
    blocks, lines = listing(graph, frame)
    data = _data_inputs(graph)
    texts = Texts()
    story = Storyboard(graph, texts)
    most = min(MOST, max(16, NUMBERS // (2 * len(graph.nodes))))
    return {
        "nodes": [
            _node(n, "input" if n.key in data else n.kind, lines.get(n.key), most, texts) for n in graph.nodes.values()
        ],
        "outputs": list(graph.outputs), "result": shown(graph.result),
        "views": views(graph), "steps": story.steps, "mathematics": story.mathematics, "code": blocks,
        "notices": graph.notices, "live": _live(graph, data), "worksheet": None, "film": None,
    }  # fmt: skip


def _data_inputs(graph: Graph) -> set[str]:
    """The example inputs, where there are parameters beside them: they are data, also if they have gradients."""
    parameters = {n.key for n in graph.nodes.values() if n.kind == "parameter"}
    return set(graph.given & parameters) if parameters - graph.given else set()


def _live(graph: Graph, inputs: set[str]) -> dict[str, Any] | None:
    """What the page computes with; None where the graph is too large for it, or is not what was computed."""
    entries = sum(whole(n.value).size for n in graph.nodes.values())
    batched = any(isinstance(n.value, BatchedArray) for n in graph.nodes.values())
    if len(graph.nodes) > LARGEST or entries > ENTRIES or graph.notices or batched:
        return None
    try:
        again = replay(graph)
    except GraphError:
        return None
    for key in inputs:  # gradient descent leaves them as they are
        again.places[key].parameter = False
    return description(again)


def _node(n: Node, kind: str, line: list[int] | None, most: int, texts: Texts) -> dict[str, Any]:
    grad, shape = n.grad is not None, whole(n.value).shape
    return {
        "key": n.key, "name": shown(n.name), "title": shown(n.title, 240), "named": n.named,
        "op": n.op.name if n.op else None, "kind": kind, "inputs": list(n.inputs),
        "shape": list(shape), "batch": len(shape) - len(n.shape), "dtype": n.dtype,
        "module": list(map(shown, n.module)), "line": line, "site": n.site,
        "summary": texts.short(n.value), "value": figure(n.value, most),
        "grad_summary": texts.short(n.grad) if grad else None, "grad": figure(n.grad, most) if grad else None,
    }  # fmt: skip
