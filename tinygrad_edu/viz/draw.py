"""`draw`: the graph as a picture, left to right; the gradients, if asked, right to left in the same one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import MissingLibraryError
from .graph import Graph, Node, is_number, read
from .local import Local, gradient_name, local
from .palette import BACKWARD, EDGE, INK, colour
from .values import markup, shape_text, short

if TYPE_CHECKING:
    from .picture import Picture

DETAILS = ("ops", "values", "gradients", "formulas")
FONT = "DejaVu Sans,Verdana,Helvetica,Arial,sans-serif"


def draw(x: Any, *inputs: Any, detail: str = "values", backward: bool = False, constants: bool = False) -> Picture:
    """The graph behind `x`: a tensor, or a module or function with example inputs.

    Each box is a tensor and the operation that made it. `detail` adds up: "ops" (names and shapes),
    "values", "gradients" (the course's `dvar`), "formulas" (each edge's local derivative, with
    shapes). `backward` draws the way back as arrows of its own. A bare number such as the 3 in
    `3 * v` stands in the formula; with `constants` it is drawn as a box.

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
    with_gradients = backward or detail in ("gradients", "formulas")
    graph = read(x, inputs, grads=with_gradients)
    return picture(graph, detail, backward, constants)


def picture(graph: Graph, detail: str, backward: bool, constants: bool) -> Picture:
    """DOT text for a graph."""
    try:
        from .picture import Picture
    except ImportError as error:
        raise MissingLibraryError("draw", "graphviz", "all") from error
    dot = Picture("graph")
    dot.graph = graph
    dot.attr("graph", rankdir="LR", bgcolor="transparent", fontname=FONT, nodesep="0.25", ranksep="0.45")
    dot.attr("node", shape="box", fontname=FONT, fontsize="11", fontcolor=INK, margin="0.08,0.03")
    dot.attr("edge", color=EDGE, fontname=FONT, fontsize="9", fontcolor=EDGE, arrowsize="0.7")
    drawn = {k: n for k, n in graph.nodes.items() if constants or not is_number(n)}
    for node in drawn.values():
        _box(dot, node, detail)
    for node in drawn.values():
        for i, key in enumerate(node.inputs):
            if key in drawn:
                back = local(graph, node, i) if detail == "formulas" or backward else None
                _arrows(dot, key, node.key, back, detail, backward)
    return dot


def _box(dot: Picture, node: Node, detail: str) -> None:
    kind = colour(node.kind)
    style = "filled" if node.op is not None else "filled,rounded"
    rows = [f"<b>{markup(node.title, 48)}</b>"]
    rows.append(f'<font point-size="9">{markup(facts(node))}</font>')
    if detail != "ops":
        rows += [markup(line) for line in short(node.value).split("; ")]
    if detail in ("gradients", "formulas") and node.grad is not None:
        text = f"{gradient_name(node)} = {short(node.grad)}"
        rows += [f'<font color="{BACKWARD}">{markup(line)}</font>' for line in text.split("; ")]
    dot.node(
        node.key, label=_lines(rows), style=style, fillcolor=kind.fill, color=kind.line,
        penwidth="1.6" if node.kind == "parameter" else "1", tooltip=_tooltip(node),
    )  # fmt: skip


def facts(node: Node) -> str:
    """Shape and dtype, in a few letters."""
    return f"{shape_text(node.shape) or 'scalar'} {node.dtype}"


def _tooltip(node: Node) -> str:
    words = [node.kind, *([str(node.tensor.site)] if node.tensor is not None and node.tensor.site else [])]
    return " ".join(words).replace("\\", "\\\\")


def _arrows(dot: Picture, source: str, user: str, back: Local | None, detail: str, backward: bool) -> None:
    label = _edge_label(back) if back is not None and detail == "formulas" else ""
    if not backward:
        dot.edge(source, user, **({"label": label, "fontcolor": BACKWARD} if label else {}))
        return
    dot.edge(source, user)
    if back is not None:
        dot.edge(
            user, source, label=label or f"<{markup(back.text)}>", color=BACKWARD, fontcolor=BACKWARD,
            style="dashed", constraint="false",
        )  # fmt: skip


def _edge_label(back: Local) -> str:
    rows = [back.text, back.shapes, *back.note.split(", because ")]
    if back.note:
        rows[-1] = "because " + rows[-1]
    return _lines([markup(row, 90) for row in rows if row])


def _lines(rows: list[str]) -> str:
    """Rows of markup as one label, with some air between them."""
    cells = "".join(f"<tr><td>{row}</td></tr>" for row in rows)
    return f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{cells}</table>>'
