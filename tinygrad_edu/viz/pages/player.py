"""The backprop player: one offline HTML file in which the two passes are watched, step by step."""

from __future__ import annotations

import html
import itertools
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from ...functions.calls import own_keywords
from ..formulas.notation import plain
from ..graph.export import node_data
from ..graph.graph import Graph, Node, is_number, read
from ..graph.steps import Backward, backward, forward
from ..graph.values import short, shown
from ..pictures.fold import LARGE, view
from ..pictures.inline import inline
from ..pictures.palette import KINDS, colour
from .geometry import geometry

SCRIPTS = ("fold", "player", "camera", "worksheet", "film", "start")
MANY = 300  # nodes whose numbers are all written in full
MOST = 600  # boxes that a browser is given at once; a larger graph is shown folded only


class Page:
    """An HTML file that needs nothing else: `.save("backprop.html")`, or shown in a notebook."""

    def __init__(self, title: str, data: dict[str, Any]) -> None:
        self.title, self.data = title, data

    def html(self) -> str:
        """The whole file as text."""
        folder = files(__package__) / "page"
        scripts = [(folder / f"{name}.js").read_text("utf-8") for name in SCRIPTS]
        parts = {
            "title": html.escape(shown(self.title, 120)),
            "style": (folder / "player.css").read_text("utf-8"),
            "data": _embedded(self.data),
            "script": "\n".join(scripts),
        }
        text = (folder / "player.html").read_text("utf-8")
        pieces = text.split("{{")
        rest = [piece.partition("}}") for piece in pieces[1:]]
        return pieces[0] + "".join(parts[name] + after for name, _, after in rest)

    def save(self, path: Any) -> str:
        """Write the file."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self.html(), "utf-8")
        return str(target)

    def _repr_html_(self) -> str:
        return (
            f'<iframe title="{html.escape(shown(self.title))}" srcdoc="{html.escape(self.html())}" '
            'style="width:100%;height:640px;border:1px solid #888"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<Page {self.title!r}: {len(self.data['nodes'])} nodes, {len(self.data['steps'])} steps>"


def _embedded(data: Any) -> str:
    """JSON that cannot end the script element that holds it."""
    text = json.dumps(_packed(data), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for c in "<>&\u2028\u2029":
        text = text.replace(c, f"\\u{ord(c):04x}")
    return text


def _packed(data: Any) -> Any:
    """The same data, lists of alike objects as tables: the page has thousands of them, and names each key once."""
    if isinstance(data, dict):
        return {k: _packed(v) for k, v in data.items()}
    if not isinstance(data, list) or not all(isinstance(v, dict) for v in data):
        return data
    tables = [
        {"$columns": keys, "rows": [[_packed(v) for v in row.values()] for row in rows]}
        for keys, rows in itertools.groupby(data, key=tuple)
    ]
    return {"$tables": tables}


def _brief(v: Any) -> Any:
    """Numbers with seven digits, which are enough in a large graph's details."""
    if isinstance(v, list):
        return [_brief(part) for part in v]
    return float(f"{v:.7g}") if isinstance(v, float) else v


@own_keywords
def player(x: Any, *inputs: Any, title: str = "Backpropagation, step by step") -> Page:
    """A page that plays the forward and the backward pass of the graph behind `x`.

    Left to right each box computes its value; right to left, each step shows the incoming gradient,
    the local derivative, their product, and the running sum of a tensor that is used twice.

    >>> import tinygrad_edu as tg
    >>> a, b = tg.Tensor(2.0, requires_grad=True), tg.Tensor(-3.0, requires_grad=True)
    >>> player(a * b + a)
    <Page 'Backpropagation, step by step': 4 nodes, 7 steps>
    """
    return Page(title, page_data(read(x, inputs, who="player", grads=True)))


def page_data(graph: Graph, roomy: bool = False) -> dict[str, Any]:
    """Nodes, views and steps, as the page's script takes them; `roomy` if numbers will change."""
    nodes = [_node(n, len(graph.nodes) > MANY) for n in graph.nodes.values()]
    views = _views(graph, roomy)
    kinds = {n.kind for n in graph.nodes.values() if not is_number(n)}
    legend = [{"kind": k, "fill": c.fill, "line": c.line} for k, c in KINDS.items() if k in kinds]
    sky = colour("folded")
    return {
        "nodes": nodes, "views": views, "folded": {"fill": sky.fill, "line": sky.line}, "steps": step_data(graph),
        "legend": legend, "notices": graph.notices, "worksheet": None, "film": None,
    }  # fmt: skip


def _node(n: Node, brief: bool) -> dict[str, Any]:
    data = node_data(n) | {"name": shown(n.name), "title": shown(n.title)}
    return data | ({"value": _brief(data["value"]), "grad": _brief(data["grad"])} if brief else {})


def _views(graph: Graph, roomy: bool) -> list[dict[str, Any]]:
    """The graph as a whole, if it is not too large; with modules folded; with repetitions folded."""
    whole = view(graph, budget=None)
    found = [geometry(whole, "everything", roomy)] if len(whole.boxes) <= MOST else []
    short_view = view(inline(graph), budget=None)
    if len(short_view.boxes) < min(MOST, len(whole.boxes)):
        found.append(geometry(short_view, "as written", roomy))
    deepest = max((len(n.calls) for n in graph.nodes.values()), default=0)
    for depth in range(deepest):
        label = "modules folded" if deepest == 1 else f"modules folded ({depth + 1})"
        if len(whole.boxes) <= MOST:  # the page folds them itself, and each of them can be opened
            found.append({"label": label, "of": "everything", "depth": depth})
            continue
        seen = view(graph, depth=depth, budget=None)
        if len(seen.boxes) < MOST:
            found.append(geometry(seen, label, roomy))
    repeats = view(graph, budget=max(8, min(MOST, len(whole.boxes) // 2)))
    if len(repeats.boxes) < len(whole.boxes) // 2 or not found:
        found.insert(0 if len(whole.boxes) > LARGE else len(found), geometry(repeats, "repetitions folded", roomy))
    return found


def step_data(graph: Graph) -> list[dict[str, Any]]:
    """Every step of the two passes: what the engine computes, in the engine's order."""
    result: list[dict[str, Any]] = [
        {
            "phase": "forward",
            "node": s.node.key,
            "text": shown(s.text.replace("; ", ", "), 200),
            "after": short(s.node.value),
        }
        for s in forward(graph)
    ]
    for key, seed in reversed(graph.seeds.items()):
        node = graph.nodes[key]
        name = f"d{node.name}" if node.shape else f"d{graph.result}/d{node.name}"
        text = f"{name} = {short(seed)}".replace("; ", ", ")
        result.append({"phase": "seed", "node": key, "text": shown(text, 200), "after": short(seed)})
    out = graph.result
    result += [_backward_data(s, out) for s in backward(graph) if not is_number(s.source)]
    return result


def _backward_data(s: Backward, out: str) -> dict[str, Any]:
    scalar = s.derivative is not None
    name = f"d{out}/d{s.source.name}"
    derivative = short(s.derivative.value) if s.derivative is not None else None
    formula = plain(s.derivative) if s.derivative is not None else None
    product = short(s.contribution)
    if scalar and not s.source.shape and not s.user.shape:
        rule = f"d{out}/d{s.user.name} · d{s.user.name}/d{s.source.name}"
        text = f"{name} = {rule} = {short(s.incoming)} · {derivative} = {product}"
        text = text if s.before is None else f"{text}; sum {short(s.after)}"
    else:
        verb = s.local.text if s.adds else s.local.text.replace(" += ", " = ", 1)
        text = f"{verb} = {product}".replace("; ", ", ")
    return {
        "phase": "backward", "node": s.source.key, "user": s.user.key, "position": s.position,
        "text": shown(text, 600),
        "incoming_name": shown(f"d{s.user.name}" if s.user.shape else f"d{out}/d{s.user.name}"),
        "incoming": short(s.incoming),
        "derivative_name": shown(f"d{s.user.name}/d{s.source.name}"), "derivative": derivative,
        "derivative_formula": None if formula is None else shown(formula, 120), "product": product,
        "before": None if s.before is None else short(s.before), "after": short(s.after),
        "use": s.use, "uses": s.uses,
        "formula": shown(s.local.text, 600), "shapes": s.local.shapes, "note": shown(s.local.note, 160),
    }  # fmt: skip
