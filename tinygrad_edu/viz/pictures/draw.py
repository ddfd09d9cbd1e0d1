"""`draw`: the graph as a picture, left to right; the gradients, if asked, right to left in the same one."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ...errors import MissingLibraryError
from ...functions.calls import own_keywords
from ..graph.graph import Graph, Node, read
from ..graph.local import Local, among, gradient_name, local
from ..graph.values import facts_text, in_label, markup, short, shown
from .fold import LARGE, Arrow, Box, View, view
from .inline import inline as inlined
from .overlays import OVERLAYS, Paint
from .palette import ALARM, BACKWARD, EDGE, INK, WAY_BACK, colour

if TYPE_CHECKING:
    from .picture import Picture

DETAILS = ("ops", "values", "gradients", "formulas")
WIDE = 80  # letters of a formula on a line
TITLE = 40  # letters of a title on a line
FONT = "DejaVu Sans,Verdana,Helvetica,Arial,sans-serif"


@own_keywords
def draw(
    x: Any,
    *inputs: Any,
    detail: str = "values",
    backward: bool = False,
    depth: int | None = None,
    budget: int | None = 100,
    overlay: str | None = None,
    inline: bool = False,
    constants: bool = False,
) -> Picture:
    """The graph behind `x`: a tensor, or a module or function with example inputs (of a module, also the shape of one).

    Each box is a tensor and the operation that made it. `detail` adds up: "ops" (names and shapes),
    "values", "gradients" (the course's `dvar`), "formulas" (each edge's local derivative, with
    shapes). `backward` draws the way back as arrows of its own. `inline` writes results without a
    name into the formula that uses them: `Z = W @ X + b` is one box. A bare number such as the 3 in
    `3 * v` stands in the formula; with `constants` it is drawn as a box.

    Modules nested deeper than `depth` become one box each. A graph of more than `budget` boxes is
    folded: what repeats is drawn once with its count (None folds nothing). `overlay` colours boxes
    by "time", "memory", "flops", "gradient" (its norm) or "nonfinite" (where inf and nan go).

    >>> import tinygrad_edu as tg
    >>> a, b, c = (tg.Tensor(v, requires_grad=True) for v in (5.0, 3.0, 2.0))
    >>> u = b * c
    >>> v = a + u
    >>> J = 3 * v
    >>> picture = draw(J, detail="gradients")
    >>> "v = a + u" in picture.source and "dv = 3" in picture.source
    True
    """
    if detail not in DETAILS:
        raise ValueError(f"draw: detail must be one of {', '.join(DETAILS)}; got {detail!r}; choose one")
    for what, number, least in (("depth", depth, 0), ("budget", budget, 1)):
        if number is not None and number < least:
            raise ValueError(f"draw: {what} must be at least {least}, or None; got {number}; give a larger number")
    if overlay is not None and overlay not in OVERLAYS:
        raise ValueError(f"draw: overlay must be one of {', '.join(OVERLAYS)}; got {overlay!r}; choose one")
    with_gradients = backward or detail in ("gradients", "formulas") or overlay in ("gradient", "nonfinite")
    graph = read(x, inputs, grads=with_gradients)
    seen = view(inlined(graph) if inline else graph, depth, budget, constants)
    paint = OVERLAYS[overlay](graph, {k: seen.members(box) for k, box in seen.boxes.items()}) if overlay else None
    return picture(seen, detail, backward, paint)


def picture(seen: View, detail: str, backward: bool, paint: Paint | None) -> Picture:
    """DOT text for a view of a graph."""
    graph = seen.graph
    legend, scale = (paint.legend, paint.scale) if paint else ([], [])
    dot = new_picture(graph, [*seen.notices, *legend], len(seen.boxes), scale)
    _clusters(dot, seen, lambda part, box: _box(part, seen, box, detail, paint))
    drawn: set[str] = set()
    for arrow in seen.arrows:
        source = arrow.source
        if arrow.copy:
            source = f"{arrow.source}_{arrow.user}"
            if source not in drawn:
                drawn.add(source)
                _copy(dot, source, graph.nodes[arrow.source])
        node = graph.nodes[arrow.user]
        wanted = arrow.position is not None and (detail == "formulas" or backward)
        back = local(graph, node, arrow.position or 0) if wanted else None
        back = among(back, arrow.rounds) if back is not None else None
        red = paint is not None and {arrow.source, arrow.user} <= paint.path
        _arrows(dot, source, arrow, back, detail, backward, red)
    return dot


def new_picture(graph: Graph, notices: list[str], boxes: int = 0, scale: Sequence[tuple[str, str]] = ()) -> Picture:
    """An empty picture in this package's style."""
    try:
        from .picture import Picture
    except ImportError as error:
        raise MissingLibraryError("draw", "graphviz", "all") from error
    dot = Picture("graph")
    dot.graph = graph
    rows = [in_label(line, 150) for line in notices] + ([_swatches(scale)] if scale else [])
    label = {"label": _lines(rows), "labelloc": "b"} if rows else {}
    quick = {"nslimit": "0.1", "nslimit1": "0.1", "mclimit": "0.1", "splines": "false"} if boxes > LARGE else {}
    dot.attr("graph", rankdir="LR", bgcolor="transparent", fontname=FONT, fontsize="10", nodesep="0.25", ranksep="0.4")
    dot.attr("graph", fontcolor=EDGE, **label, **quick)
    dot.attr("node", shape="box", fontname=FONT, fontsize="11", fontcolor=INK, margin="0.08,0.03")
    dot.attr("edge", color=EDGE, fontname=FONT, fontsize="10", fontcolor=EDGE, arrowsize="0.7")
    return dot


def _swatches(scale: Sequence[tuple[str, str]]) -> str:
    """A row of colours, each with what it stands for."""
    cells = [f'<td bgcolor="{shade}"><font color="{INK}"> {in_label(words)} </font></td>' for shade, words in scale]
    return f'<table border="0" cellborder="1" cellspacing="0" cellpadding="3"><tr>{"".join(cells)}</tr></table>'


def _clusters(dot: Picture, seen: View, put: Callable[[Picture, Box], None]) -> None:
    """Boxes inside frames: one for each repeated part, and for each module call."""
    inside: dict[tuple[str, ...], list[Box]] = {}
    for box in seen.boxes.values():
        inside.setdefault(box.frames, []).append(box)
    frames: dict[tuple[str, ...], Picture] = {(): dot}
    paths = sorted({p[:k] for p in inside for k in range(1, len(p) + 1)}, key=lambda p: (len(p), p))
    for number, path in enumerate(paths):
        frame = type(dot)(f"cluster{number}")
        line = WAY_BACK if path[-1].startswith("run") else EDGE
        frame.attr(
            label=f"<<b>{in_label(seen.labels[path[-1]])}</b>>",
            color=line,
            fontcolor=line,
            style="rounded,dashed",
            margin="8",
        )
        frame.attr(labelloc="t", labeljust="l")
        frames[path] = frame
    for path, boxes in inside.items():
        for box in boxes:
            put(frames[path], box)
    for path in sorted(paths, key=lambda p: (-len(p), p)):
        frames[path[:-1]].subgraph(frames[path])


def _copy(dot: Picture, key: str, node: Node) -> None:
    """A shared leaf once more, small, beside its user."""
    kind = colour(node.kind)
    dot.node(
        key, label=_lines([in_label(node.name, 24)]), style="filled,rounded,dashed", fillcolor=kind.fill,
        color=kind.line, fontsize="9",
    )  # fmt: skip


def _box(dot: Picture, seen: View, box: Box, detail: str, paint: Paint | None) -> None:
    node = seen.node(box)
    kind = colour("folded" if box.title else node.kind)
    style = "filled" if node.op is not None else "filled,rounded"
    rows = title_rows(box.title or node.title)
    if which := ", ".join(filter(None, [node.name if box.title else "", seen.turn(box)])):
        rows.append(in_label(which if box.title else f"{node.name}, {which}", 120))
    rows.append(f'<font point-size="9">{in_label(facts(node))}</font>')
    if detail != "ops":
        rows += [in_label(line) for line in short(node.value).split("; ")]
    if detail in ("gradients", "formulas") and node.grad is not None:
        text = f"{gradient_name(node)} = {short(node.grad)}"
        ink = INK if paint else BACKWARD  # on an overlay's colours only black is readable
        rows += [f'<font color="{ink}">{in_label(line)}</font>' for line in text.split("; ")]
        rows += [f'<font color="{ink}">{words}</font>' for words in seen.sum_of(box)]
    if paint is not None and node.key in paint.words:
        total = f", sum over {len(box.rounds)} rounds" if paint.sums and len(box.rounds) > 1 else ""
        rows.append(f'<font point-size="9"><i>{in_label(paint.words[node.key] + total)}</i></font>')
    red = paint is not None and node.key in paint.path
    dot.node(
        node.key, label=_lines(rows), style=style,
        fillcolor=paint.fills.get(node.key, "#ffffff") if paint else kind.fill,
        color=ALARM if red else kind.line, tooltip=_tooltip(node),
        penwidth="2.4" if red else "1.6" if node.kind == "parameter" else "1",
    )  # fmt: skip


def rows_label(rows: list[str], notes: list[str], colour_of_notes: str) -> str:
    """A label of plain rows, the first bold, and of notes in a colour."""
    first, *rest = rows
    marked = [f'<font color="{colour_of_notes}">{in_label(note)}</font>' for note in notes]
    return _lines([*title_rows(first), *[in_label(row, 48) for row in rest], *marked])


def title_rows(title: str) -> list[str]:
    """A title in bold, on as many lines as it needs, up to three."""
    lines = textwrap.wrap(shown(title, 240), TITLE, max_lines=3, placeholder=" …")
    return [f"<b>{in_label(line)}</b>" for line in lines or [""]]


def facts(node: Node) -> str:
    """Shape and dtype, in a few letters."""
    return facts_text(node.value)


def _tooltip(node: Node) -> str:
    return markup(" ".join(filter(None, [node.kind, node.site])), 200).replace("\\", "\\\\")


def _arrows(
    dot: Picture, source: str, arrow: Arrow, back: Local | None, detail: str, backward: bool, red: bool
) -> None:
    label = _edge_label(back) if back is not None and detail == "formulas" else ""
    look = {"color": ALARM, "penwidth": "2"} if red else {}
    if arrow.loop:
        look |= {"style": "dashed", "constraint": "false", "tooltip": "to the next round"}
    if not backward:
        dot.edge(source, arrow.user, **look, **({"label": label, "fontcolor": WAY_BACK} if label else {}))
        return
    dot.edge(source, arrow.user, **look)
    if back is not None:
        dot.edge(
            arrow.user, source, label=label or _short_label(back), color=WAY_BACK, fontcolor=WAY_BACK,
            style="dashed", constraint="false",
        )  # fmt: skip


def _edge_label(back: Local) -> str:
    lines = [line for step in back.text.split("; ") for line in textwrap.wrap(shown(step, 600), WIDE)]
    rows = [*lines, back.shapes, *back.note.split(", because ")]
    if back.note:
        rows[-1] = "because " + rows[-1]
    rows.append(back.rounds)
    return _lines([in_label(row, 90) for row in rows if row])


def _short_label(back: Local) -> str:
    """The formula in a narrow column."""
    *steps, last = back.text.split("; ")
    left, _, right = shown(last, 600).partition(" += ")
    whole = f"{left} += {right}"
    rows = [whole] if len(whole) <= 12 else [f"{left} +=", *textwrap.wrap(right, 20, break_long_words=False)]
    rows = [*(line for step in steps for line in textwrap.wrap(shown(step, 600), 40)), *rows]
    rows += [back.note.partition(",")[0]] if back.note else []
    rows += back.rounds.split("; ") if back.rounds else []
    return _lines([in_label(row) for row in rows])


def _lines(rows: list[str]) -> str:
    """Rows of markup as one label, with some air between them."""
    cells = "".join(f"<tr><td>{row}</td></tr>" for row in rows)
    return f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{cells}</table>>'
