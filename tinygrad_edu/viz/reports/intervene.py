"""`intervene`: the same program with another tensor in one place: without it, scaled, or replaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...engine import Variable, constant
from ...errors import GraphError, ShapeError
from ...functions.arguments import lift
from ...functions.settings import refused, settings
from ..graph.graph import Graph, Node
from ..graph.reading import add_gradients, read
from .compare import Comparison, comparison
from .runs import Run, paths


@settings
def intervene(x: object, *inputs: object, change: Mapping[str, Any]) -> Comparison:
    """What becomes of the graph behind `x` if tensors in it were others: it beside the same with the change.

    `change` says what takes the place of a tensor, by the name that pictures give it or the path of the module that
    makes it: a number (0 takes it out), an array, or a function of it, as `lambda a: 2 * a`. All that was computed from
    it is computed again by the recorded operations, and so are the gradients. The program itself is not changed.
    Errors: a GraphError where a tensor was written into after its use, and where nothing was recorded.

    >>> import tinygrad_edu as tg
    >>> def f(x):
    ...     h = tg.tanh(x)
    ...     return (h * h).sum()
    >>> effect = intervene(f, tg.Tensor([1.0, 2.0], requires_grad=True), change={"h": 0})
    >>> [round(float(result), 3) for result in effect.results]
    [1.509, 0.0]
    """
    if not isinstance(change, Mapping):
        raise refused("intervene", "change", "a dict of names and what takes their places", change, 'change={"h": 0}')
    graph = read(x, inputs, who="intervene", grads=True)
    if graph.notices:
        raise GraphError(f"intervene: the graph must be as it was recorded; {graph.notices[0]}")
    keys = _places(graph, change)
    after = _again(graph, keys)
    return comparison([Run("as it is", graph), Run("changed", after)], None)


def _places(graph: Graph, change: Mapping[str, Any]) -> dict[str, Any]:
    """What is changed, by keys of nodes."""
    known = {n.name: key for key, n in graph.nodes.items() if n.name} | paths(graph)
    found = {}
    for name, new in change.items():
        if name not in known:
            some = ", ".join(list(known)[:8])
            raise GraphError(f"intervene: a change must name a tensor of the graph; got {name!r}; such are {some}, ...")
        found[known[name]] = new
    return found


def _again(graph: Graph, change: Mapping[str, Any]) -> Graph:
    """The graph recorded again, with other tensors in the places of some."""
    made: dict[str, Variable] = {}
    nodes: dict[str, Node] = {}
    for key, node in graph.nodes.items():
        if node.op is None:
            t = node.tensor if node.tensor is not None else constant(node.value)
        else:
            t = node.op(*[made[k] for k in node.inputs], **node.attributes)
        if key in change:
            t = _changed(node, t, change[key])
        made[key] = t
        nodes[key] = replace(node, tensor=t, value=t._data, grad=None)
    after = replace(graph, nodes=nodes, seeds={})
    add_gradients(after)
    return after


def _changed(node: Node, t: Any, new: Any) -> Any:
    result = new(t) if callable(new) and not isinstance(new, Variable) else new
    if not isinstance(result, Variable):
        dtype = t._data.dtype if hasattr(t._data, "dtype") else None
        result = lift(np.broadcast_to(np.asarray(result, dtype), np.shape(t._data)).copy(), "intervene")
        result.flags = t.flags  # its gradient is of interest where that of the other was
    if np.shape(result._data) != node.shape:
        raise ShapeError(
            f"intervene: what takes the place of {node.name} must have its shape {node.shape}; got "
            f"{np.shape(result._data)}; reshape it"
        )
    return result
