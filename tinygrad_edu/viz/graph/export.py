"""The graph as data for other programs: JSON of a documented form, and networkx."""

from __future__ import annotations

import json
import math
from typing import Any

from ...errors import MissingLibraryError
from ...functions.settings import Size, settings
from .graph import Graph, Node
from .reading import read
from .values import short, whole

SCHEMA = "tinygrad_edu.graph/1"
WHOLE = 64  # arrays of up to so many entries are written in full


@settings
def to_json(x: object, *inputs: object, grads: bool = True, indent: Size | None = 1) -> str:
    """The graph behind `x` as JSON text.

    An object with `schema` ("tinygrad_edu.graph/1"), `outputs` (keys), and `nodes`, a list, oldest
    first, of objects with

    - `key` ("n0", ...), `name`, `title` (`v = a + u`), `named` (whether the user named it)
    - `op` (null for a leaf), `kind` (of the op; "parameter", "input" or "constant" for a leaf)
    - `inputs`: keys, one for each argument
    - `shape`, `dtype`, `summary` (text), `value` (nested lists, or null for more than 64 entries)
    - `grad`, `grad_summary`: likewise, or null
    - `attributes` (texts), `module` (path as a list), `site` ("file.py:line", or null)

    A number that JSON cannot hold is the text "nan", "inf" or "-inf".

    >>> import json, tinygrad_edu as tg
    >>> x = tg.Tensor(3.0, requires_grad=True)
    >>> nodes = json.loads(to_json(x * x))["nodes"]
    >>> [(n["title"], n["value"], n["grad"]) for n in nodes]
    [('x', 3.0, 6.0), ('t1 = x * x', 9.0, 1.0)]
    """
    return json.dumps(as_data(read(x, inputs, who="to_json", grads=grads)), indent=indent, allow_nan=False)


def as_data(graph: Graph) -> dict[str, Any]:
    """The object that `to_json` writes."""
    return {
        "schema": SCHEMA,
        "outputs": list(graph.outputs),
        "nodes": [node_data(n) for n in graph.nodes.values()],
    }


def node_data(n: Node) -> dict[str, Any]:
    return {
        "key": n.key, "name": n.name, "title": n.title, "named": n.named,
        "op": n.op.name if n.op else None, "kind": n.kind, "inputs": list(n.inputs),
        "shape": list(n.shape), "dtype": n.dtype, "summary": short(n.value), "value": numbers(n.value),
        "grad": None if n.grad is None else numbers(n.grad),
        "grad_summary": None if n.grad is None else short(n.grad),
        "attributes": {k: str(v) for k, v in n.attributes.items()}, "module": list(n.module),
        "site": n.site,
    }  # fmt: skip


def numbers(v: object) -> Any:
    """An array as nested lists that JSON can hold; None if it is large."""
    return None if whole(v).size > WHOLE else _safe(whole(v).tolist())


def _safe(v: object) -> Any:
    if isinstance(v, list):
        return [_safe(part) for part in v]
    if isinstance(v, complex):
        return str(v)
    return v if not isinstance(v, float) or math.isfinite(v) else str(v)


@settings
def to_networkx(x: object, *inputs: object, grads: bool = False) -> Any:
    """The graph behind `x` as a `networkx.MultiDiGraph`: the fields of `to_json` on nodes, `position` on edges.

    Errors: a MissingLibraryError without networkx.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import viz
    >>> x = tg.Tensor(3.0, requires_grad=True)
    >>> graph = viz.to_networkx(x * x)
    >>> graph.nodes["n1"]["title"], list(graph.edges(data="position"))
    ('t1 = x * x', [('n0', 'n1', 0), ('n0', 'n1', 1)])
    """
    try:
        import networkx  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingLibraryError("to_networkx", "networkx", "all") from error
    graph = read(x, inputs, who="to_networkx", grads=grads)
    result = networkx.MultiDiGraph()
    for n in graph.nodes.values():
        result.add_node(n.key, **node_data(n))
    result.add_edges_from((source, user, {"position": i}) for source, user, i in graph.edges())
    return result
