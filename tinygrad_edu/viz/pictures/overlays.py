"""Overlays: a number for each node (time, memory, work, gradient norm), as a colour with a legend."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from ..graph.graph import Graph, Node
from ..graph.values import one, size, whole
from .palette import BAD, DIVERGING, SCALE

Boxes = dict[str, list[str]]  # for each box, the keys of the nodes that it stands for


@dataclass
class Paint:
    """How boxes are coloured: fills and words by node, the path drawn in red, and what it all means."""

    fills: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    sums: bool = False  # whether a box that stands for several nodes has their sum
    path: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)  # boxes that are not there any more, drawn dashed
    legend: list[str] = field(default_factory=list)
    scale: list[tuple[str, str]] = field(default_factory=list)  # each colour, and what it stands for


def _scaled(found: dict[str, float], boxes: Boxes, words: Callable[[float], str], what: str) -> Paint:
    """The largest number darkest, in proportion; a box that stands for several nodes has their sum."""
    values = {k: sum(found.get(m, 0.0) for m in inside) for k, inside in boxes.items()}
    values = {k: v for k, v in values.items() if any(m in found for m in boxes[k])}
    top = max(values.values(), default=0.0) or 1.0
    fills = {k: SCALE[min(int(v / top * len(SCALE)), len(SCALE) - 1)] for k, v in values.items()}
    legend = f"{what}: from white (0) to dark orange ({words(top)}); all together {words(sum(values.values()))}"
    scale = [(shade, f"to {words(top * (k + 1) / len(SCALE))}") for k, shade in enumerate(SCALE)]
    return Paint(fills, {k: words(v) for k, v in values.items()}, True, legend=[legend], scale=scale)


def seconds(v: float) -> str:
    return f"{v * 1e6:.3g} µs" if v < 1e-3 else f"{v * 1e3:.3g} ms" if v < 1 else f"{v:.3g} s"


def amount(v: float, unit: str) -> str:
    """`1.5 MB`, `20 kflop`"""
    for unit_size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if v >= unit_size:
            return f"{v / unit_size:.3g} {prefix}{unit}"
    return f"{v:.3g} {unit}"


def time(graph: Graph, boxes: Boxes) -> Paint:
    """Each operation's forward pass, run again: the best of three."""
    found = {n.key: min(_run(graph, n) for _ in range(3)) for n in graph.nodes.values() if n.op is not None}
    return _scaled(found, boxes, seconds, "time of the forward pass")


def _run(graph: Graph, node: Node) -> float:
    arrays = [graph.nodes[k].value for k in node.inputs]
    assert node.op is not None
    with np.errstate(all="ignore"):
        start = perf_counter()
        node.op.forward(*arrays, **node.attributes)
        return perf_counter() - start


def memory(graph: Graph, boxes: Boxes) -> Paint:
    """The bytes of each value that is kept; a view keeps none of its own."""
    found = {k: float(_own_bytes(n.value)) for k, n in graph.nodes.items()}
    return _scaled(found, boxes, lambda v: amount(v, "B"), "memory of the values")


def _own_bytes(v: object) -> int:
    return 0 if isinstance(v, np.ndarray) and v.base is not None else int(whole(v).nbytes)


def work(graph: Graph, boxes: Boxes) -> Paint:
    """Floating-point operations, as the op declares them; else one for each entry."""
    found = {n.key: float(flops(graph, n)) for n in graph.nodes.values() if n.op is not None}
    return _scaled(found, boxes, lambda v: amount(v, "flop"), "floating-point operations of the forward pass")


def flops(graph: Graph, node: Node) -> int:
    assert node.op is not None
    inputs = [graph.nodes[k] for k in node.inputs]
    if node.op.flops is not None:
        count = node.op.flops(node.shape, *[n.shape for n in inputs], **node.attributes)
        examples = whole(node.value).size / max(math.prod(node.shape), 1)  # those that vmap hides
        return round(count * examples)
    if node.op.kind.moves:
        return 0
    return max(whole(n.value).size for n in [node, *inputs])


def gradient(graph: Graph, boxes: Boxes) -> Paint:
    """The norm of each gradient beside the typical one: blue vanishes, orange explodes."""
    norms = {k: size(n.grad) for k, n in graph.nodes.items() if n.grad is not None}
    logs = [np.log10(v) for v in norms.values() if v > 0 and np.isfinite(v)]
    middle = float(np.median(logs)) if logs else 0.0
    paint = Paint(words={k: f"gradient size {one(v, 2)}" for k, v in norms.items()})
    for k, v in norms.items():
        step = 4.0 if not np.isfinite(v) or v > 1e30 else 0.0 if v == 0 else np.log10(v) - middle + 2
        paint.fills[k] = DIVERGING[int(np.clip(round(step), 0, 4))]
    paint.legend = [
        f"size of the gradient (root mean square): white is the typical {one(10**middle, 2)}; "
        "each step of blue is ten times smaller, of orange ten times larger"
    ]
    paint.scale = [(shade, one(10 ** (middle + k - 2), 2)) for k, shade in enumerate(DIVERGING)]
    return paint


def nonfinite(graph: Graph, boxes: Boxes) -> Paint:
    """Where inf and nan appear first, and where they go, in red."""
    bad = {k for k, n in graph.nodes.items() if _bad(n.value)}
    back = {k for k, n in graph.nodes.items() if n.grad is not None and _bad(n.grad)}
    words = _counted(back, boxes, "gradient") | _counted(bad, boxes, "value")
    first = next((k for k in graph.nodes if k in bad), None)
    legend = ["no inf and no nan"] if not words else ["red: inf or nan"]
    if first is not None:
        legend.append(f"first in the forward pass: {graph.nodes[first].title}")
    elif back:
        latest = [k for k in graph.nodes if k in back][-1]
        legend.append(f"first in the backward pass: the gradient of {graph.nodes[latest].name}")
    scale = [(BAD, "inf or nan"), ("#ffffff", "finite")] if words else []
    return Paint(dict.fromkeys(words, BAD), words, path=set(words), legend=legend, scale=scale)


def _counted(bad: set[str], boxes: Boxes, what: str) -> dict[str, str]:
    """Words for each box that stands for a node of `bad`."""
    found = {}
    for key, inside in boxes.items():
        count = len(bad.intersection(inside))
        if count:
            all_of_it = f"{what} is not finite"
            found[key] = all_of_it if len(inside) == 1 else f"{count} of {len(inside)} {what}s are not finite"
    return found


def _bad(v: object) -> bool:
    a = whole(v)
    return a.dtype.kind in "fc" and not bool(np.isfinite(a).all())


OVERLAYS: dict[str, Callable[[Graph, Boxes], Paint]] = {
    "time": time, "memory": memory, "flops": work, "gradient": gradient, "nonfinite": nonfinite,
}  # fmt: skip
