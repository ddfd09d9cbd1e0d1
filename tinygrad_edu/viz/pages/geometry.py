"""Where boxes, arrows and frames lie: Graphviz's layout of a view, as plain numbers in points."""

from __future__ import annotations

from typing import Any

from ..graph.local import among, gradient_name, local
from ..graph.values import short, shown
from ..pictures.fold import LARGE, Arrow, Box, View
from ..pictures.palette import colour
from ..pictures.render import layout

LETTER, ROWS = 7.6, 60  # the width of a letter, the height of a box, in points
NARROW, WIDE = 9, 25  # letters in a line of a box


def geometry(seen: View, label: str, roomy: bool = False) -> dict[str, Any]:
    """A view as the player draws it; `roomy` leaves room for other numbers than the present ones."""
    wide = {key: _letters(seen, box, roomy) for key, box in seen.boxes.items()}
    nodes, edges, width, height = _parse(layout(_dot(seen, wide)))
    boxes = [_box_data(seen, box, wide[key], nodes[key]) for key, box in seen.boxes.items()]
    arrows = []
    for arrow in seen.arrows:
        points = edges[arrow.source, arrow.user].pop(0)
        path, head = _drawn(points), _head(points[-2], points[-1], 9)
        arrows.append({
            "source": arrow.source, "user": arrow.user, "loop": arrow.loop,
            "position": None if seen.graph.nodes[arrow.user].paths else arrow.position,
            "d": path, "head": head, "tail": _head(points[1], points[0], 0),
            "text": _words(seen, arrow),
        })  # fmt: skip
    size = {"label": label, "width": width, "height": height}
    return size | {"boxes": boxes, "arrows": arrows, "frames": _frames(seen)}


def _letters(seen: View, box: Box, roomy: bool) -> int:
    node = seen.node(box)
    lines = [box.title or node.title, short(node.value)]
    if len(box.rounds) > 1:
        lines.append(f"{seen.graph.nodes[box.rounds[-1][-1]].name}, {seen.turn(box, -1)}")
    if node.grad is not None:
        lines.append(f"{gradient_name(node)} = {'-0.001234' if roomy else short(node.grad)}")
    return max(NARROW, min(WIDE, max(map(len, lines))))


def _dot(seen: View, wide: dict[str, int]) -> str:
    """Boxes of a known size, without their text."""
    quick = "nslimit=0.1 nslimit1=0.1 mclimit=0.1 splines=false " if len(seen.boxes) > LARGE else ""
    rows = ["digraph graph_ {", f"graph [rankdir=LR nodesep=0.3 ranksep=0.6 {quick}]"]
    rows.append("node [shape=box fixedsize=true]")
    for key, letters in wide.items():
        rows.append(f"{key} [width={(letters * LETTER + 14) / 72:.3f} height={ROWS / 72:.3f}]")
    inside: dict[tuple[str, ...], list[str]] = {}
    for key, box in seen.boxes.items():
        for k in range(1, len(path := box.frames) + 1):
            inside.setdefault(path[:k], []).append(key)
    paths = sorted(inside)
    rows += _subgraphs(paths, inside)
    for arrow in seen.arrows:
        loop = " [constraint=false]" if arrow.loop else ""
        rows.append(f"{arrow.source} -> {arrow.user}{loop}")
    return "\n".join([*rows, "}"])


def _subgraphs(paths: list[tuple[str, ...]], inside: dict[tuple[str, ...], list[str]]) -> list[str]:
    """Nested clusters; `paths` is sorted, so what is inside a frame follows it at once."""
    rows: list[str] = []
    stack: list[tuple[str, ...]] = []
    for number, path in enumerate(paths):
        while stack and path[: len(stack[-1])] != stack[-1]:
            stack.pop()
            rows.append("}")
        rows.append(f'subgraph cluster{number} {{ margin=8; label=" "; fontsize=13; {"; ".join(inside[path])}')
        stack.append(path)
    return rows + ["}"] * len(stack)


Points = list[tuple[float, float]]


def _parse(text: str) -> tuple[dict[str, tuple[float, ...]], dict[tuple[str, str], list[Points]], float, float]:
    """Graphviz's "plain" lines, with the y axis turned downwards."""
    nodes: dict[str, tuple[float, ...]] = {}
    edges: dict[tuple[str, str], list[Points]] = {}
    width = height = 0.0
    for line in text.replace("\\\n", "").splitlines():
        word, *rest = line.split()
        if word == "graph":
            width, height = float(rest[1]) * 72, float(rest[2]) * 72
        elif word == "node":
            x, y, w, h = (float(v) * 72 for v in rest[1:5])
            nodes[rest[0]] = (x, height - y, w, h)
        elif word == "edge":
            count = int(rest[2])
            numbers = [float(v) * 72 for v in rest[3 : 3 + 2 * count]]
            points = [(x, height - y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
            edges.setdefault((rest[0], rest[1]), []).append(points)
    return nodes, edges, width, height


def _drawn(points: Points) -> str:
    """The curve as an SVG path."""
    first, *rest = [f"{x:.1f} {y:.1f}" for x, y in points]
    return f"M{first}" + "".join(f"C{' '.join(rest[i : i + 3])}" for i in range(0, len(rest), 3))


def _head(before: tuple[float, float], end: tuple[float, float], beyond: float) -> str:
    """An arrow head as a polygon, its tip so far beyond the end of the line."""
    dx, dy = end[0] - before[0], end[1] - before[1]
    size = (dx * dx + dy * dy) ** 0.5 or 1.0
    dx, dy = dx / size, dy / size
    tip = end[0] + beyond * dx, end[1] + beyond * dy
    base = tip[0] - 10 * dx, tip[1] - 10 * dy
    corners = [tip, (base[0] - 4.5 * dy, base[1] + 4.5 * dx), (base[0] + 4.5 * dy, base[1] - 4.5 * dx)]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)


def _box_data(seen: View, box: Box, wide: int, place: tuple[float, ...]) -> dict[str, Any]:
    node = seen.node(box)
    kind = colour("folded" if box.title else node.kind)
    x, y, w, h = (round(v, 1) for v in place)
    return {
        "key": box.key, "title": shown(box.title or node.title, 240), "wide": wide,
        "members": seen.members(box), "rounds": seen.rounds(box), "counts": [seen.counts[run] for run in box.runs],
        "runs": list(box.runs), "turns": [[turn[run] for run in box.runs] for turn in box.turns],
        "leaf": node.op is None and not box.title, "own": seen.graph.owned(node),
        "x": x, "y": y, "w": w, "h": h, "fill": kind.fill, "line": kind.line, "path": list(box.frames),
    }  # fmt: skip


def _words(seen: View, arrow: Arrow) -> str:
    source, user = seen.graph.nodes[arrow.source], seen.graph.nodes[arrow.user]
    back = local(seen.graph, user, arrow.position) if arrow.position is not None else None
    if back is None:
        return shown(f"{source.name} → {user.name}", 240)
    back = among(back, arrow.rounds)
    return shown("   ".join(filter(None, [back.text, back.shapes, back.note, back.rounds])), 600)


def _frames(seen: View) -> list[dict[str, Any]]:
    """The frames, of module calls and of repeated parts; the page draws them around the boxes that are in them."""
    paths = {box.frames[:k] for box in seen.boxes.values() for k in range(1, len(box.frames) + 1)}
    return [{"label": shown(seen.labels[path[-1]]), "path": list(path)} for path in sorted(paths)]
