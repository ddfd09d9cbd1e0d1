"""`draw`: the graph as a picture, left to right; the gradients, if asked, right to left in the same one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import MissingLibraryError
from ...functions.settings import Names, choice, least, settings
from ...program.program import Program
from ...recording import PLAIN, SITES, Recording, recorder
from ..graph.graph import Graph
from ..graph.local import Local, among, local
from ..graph.programs import program_graph
from ..graph.reading import read
from ..graph.values import in_label
from .fold import LARGE, Arrow, Box, DrawnGraph, few, view
from .inline import inline as inlined
from .label import (
    SMALL,
    Rows,
    Style,
    box_rows,
    chip_rows,
    common_dtype,
    legend,
    lines,
    swatches,
    tooltip,
    unseen,
    width,
)
from .layers import layers_in
from .overlays import OVERLAYS, Paint
from .palette import ALARM, EDGE, INK, WAY_BACK, colour
from .rows import RowPlan, abreast, plan

if TYPE_CHECKING:
    from .picture import Picture

DETAILS = ("ops", "values", "gradients", "formulas")
DIRECTIONS = {"right": "LR", "down": "TB", "LR": "LR", "TB": "TB", "UD": "TB"}  # the last as elsewhere
NOTATIONS = ("mathematics", "python")
HEAD, LINE = 16.0, 14.0  # points: about the room above and below the lines of a box, and the height of each
PAGE = 760  # points: the width of a page, or of a slide
FONT = "DejaVu Sans,Verdana,Helvetica,Arial,sans-serif"


@settings
def draw(
    x: object,
    *inputs: object,
    detail: str = "values",
    backward: bool = False,
    depth: int | None = None,
    budget: int | None = 100,
    overlay: str | None = None,
    inline: bool = False,
    constants: bool = False,
    expand: Names = False,
    direction: str = "right",
    page: float | None = PAGE,
    notation: str = "mathematics",
) -> Picture:
    """The graph behind `x`: a tensor, or a module or function with example inputs (of a module, also the shape of one);
    or the program of a compiled function, `f.program`.

    Each box is a tensor and the operation that made it. `detail` adds up: "ops" (names and shapes),
    "values", "gradients" (the course's `dvar`), "formulas" (each edge's local derivative, with
    shapes). `backward` draws the way back as arrows of its own. `inline` writes results without a
    name into the formula that uses them: `Z = W @ X + b` is one box. A bare number such as the 3 in
    `3 * v` stands in the formula; with `constants` it is drawn as a box.

    A layer of `nn` that does several operations is one box, which `expand` opens: True for all, or names.
    Modules nested deeper than `depth` become one box each. A graph of more than `budget` boxes is
    folded: what repeats is drawn once with its count (None folds nothing). `overlay` colours boxes
    by "time", "memory", "flops", "gradient" (its norm) or "nonfinite" (where inf and nan go).

    A picture wider than `page` (in points; None for no limit) goes on in a row below; what a row uses of an earlier
    one is drawn once more, small. `direction` is "right" or "down" (Graphviz's "LR" and "TB"). Formulas are written as
    "mathematics" (`Z₁ = W₁X`) or as "python" (`Z1 = W1 @ X`).

    >>> import tinygrad_edu as tg
    >>> a, b, c = (tg.Tensor(v, requires_grad=True) for v in (5.0, 3.0, 2.0))
    >>> u = b * c
    >>> v = a + u
    >>> J = 3 * v
    >>> picture = draw(J, detail="gradients")
    >>> "v = a + u" in picture.source and "dv = 3" in picture.source
    True
    """
    check("draw", detail=detail, direction=direction, notation=notation, overlay=overlay)
    check("draw", depth=depth, budget=budget, page=page)
    if isinstance(x, Program):
        graph = program_graph(x)
        return picture(view(graph, None, budget), "ops", direction=direction, page=page, notation="python")
    with_gradients = backward or detail in ("gradients", "formulas") or overlay in ("gradient", "nonfinite")
    with Recording(SITES if recorder.get() is PLAIN else None):  # boxes say the line that made them
        graph = read(x, inputs, grads=with_gradients)
    layers = layers_in(graph, expand)
    seen = view(inlined(graph) if inline else graph, depth, budget, constants, layers)
    paint = OVERLAYS[overlay](graph, {k: seen.members(box) for k, box in seen.boxes.items()}) if overlay else None
    return picture(seen, detail, backward, paint, direction, page, notation)


CHOICES = {"detail": DETAILS, "direction": (*DIRECTIONS,), "notation": NOTATIONS, "overlay": (*OVERLAYS,)}
LEAST = {"depth": 0, "budget": 1, "page": 100}


def check(who: str, **given: Any) -> None:
    """Refuse settings of a picture that make no sense; None leaves one out, where it may be."""
    for what, x in given.items():
        if what in CHOICES and (x is not None or what != "overlay"):
            choice(who, what, x, CHOICES[what])
        elif what in LEAST:
            least(who, what, x, LEAST[what])


def alone(seen: DrawnGraph) -> frozenset[str]:
    """The boxes that are all of their innermost frame, of a module: the box says the module's name instead."""
    inside = Counter(box.frames[:k] for box in seen.boxes.values() for k in range(1, len(box.frames) + 1))
    return frozenset(
        key for key, box in seen.boxes.items()
        if box.frames and inside[box.frames] == 1 and not box.frames[-1].startswith("run") and not box.title
    )  # fmt: skip


def files(seen: DrawnGraph) -> frozenset[str]:
    """The files of the lines that made the boxes; none, if all were made by one line, which says nothing."""
    sites = {site for box in seen.boxes.values() if (site := seen.node(box).site) is not None}
    return frozenset(site.rpartition(":")[0] for site in sites) if len(sites) > 1 else frozenset()


def picture(
    seen: DrawnGraph, detail: str = "values", backward: bool = False, paint: Paint | None = None,
    direction: str = "right", page: float | None = PAGE, notation: str = "mathematics", stage: Stage | None = None,
) -> Picture:  # fmt: skip
    """DOT text for a view of a graph, or for one stage of a lecture on it."""
    hidden = stage.hidden if stage is not None else frozenset()
    style = Style(seen, detail, notation == "mathematics", paint, common_dtype(seen), alone(seen), files(seen))
    arrows, notes = few(seen)
    notices = [*seen.notices, *([notes] if notes else [])]
    backs = {arrow: back for arrow in arrows if (back := flows_back(seen, arrow, style.detail, backward)) is not None}
    labels = {key: box_rows(style, box) for key, box in seen.boxes.items()}
    chips = {a: chip_rows(style, back, seen.graph.nodes[a.source]) for a, back in backs.items()}
    chip = max((width(rows, SMALL) for rows in chips.values()), default=0.0)
    widths = {key: width([*own, *more]) + 12 * len(seen.boxes[key].frames) for key, (own, more) in labels.items()}
    heights = {key: HEAD + LINE * len([*own, *more]) for key, (own, more) in labels.items()}
    across = DIRECTIONS[direction] == "LR"
    page = page if across and page != float("inf") else None
    sizes = (heights, widths) if across else (widths, heights)
    after, columns = abreast(seen, arrows, *sizes, chip if across else HEAD * bool(chip), page)
    rows = plan(seen, arrows, widths | columns, chip, page)
    told = [*([_caption(stage.caption)] if stage is not None else []), *(in_label(line, 110) for line in notices)]
    told += legend(style, backward) if stage is None else []
    dot = new_picture(seen.graph, told, paint, len(seen.boxes) > LARGE and rows.count == 1)
    dot.attr("graph", rankdir=DIRECTIONS[direction])
    parts = [dot] if rows.count == 1 else [_row(dot, k) for k in range(rows.count)]
    _clusters(parts, seen, rows, style.alone, lambda part, box: _box(part, style, box, labels[box.key], hidden))
    drawn: set[str] = set()
    for arrow in arrows:
        at = rows.row[arrow.user]
        source = arrow.source
        if rows.row[source] != at or (arrow.copy and rows.count == 1):
            source = f"{source}_{arrow.user if rows.count == 1 else f'row{at}'}"
            if source not in drawn:
                drawn.add(source)
                later = rows.row[arrow.source] > at
                _copy(parts[at], source, style, seen.boxes[arrow.source], later, {arrow.source, arrow.user} & hidden)
        red = paint is not None and {arrow.source, arrow.user} <= paint.path
        _arrow(parts[at], source, arrow, chips.get(arrow), backward, red, hidden)
        if source in after:
            last = _chip(source, arrow) if arrow in chips else source
            parts[at].edge(last, after[source], style="invis", weight="20")
    if rows.count > 1:
        for part in reversed(parts):  # Graphviz puts the first one lowest
            dot.subgraph(part)
    return dot


@dataclass(frozen=True)
class Stage:
    """One step of a lecture: what is said, and what is not there yet: keys of boxes, `d` and keys for their gradients,
    `source:user:position` for what flows back along an arrow."""

    caption: str
    hidden: frozenset[str]


def _caption(words: str) -> str:
    """What is said at a step, of one size, so that nothing moves from step to step."""
    text = f'<font point-size="13" color="{EDGE}">{in_label(words, 96)}</font>'
    cell = f'<td fixedsize="true" width="620" height="26">{text}</td>'
    return f'<table border="0" cellborder="0" cellspacing="0" cellpadding="0"><tr>{cell}</tr></table>'


def flows_back(seen: DrawnGraph, arrow: Arrow, detail: str, backward: bool) -> Local | None:
    """What flows back along an arrow, where it is drawn."""
    if arrow.position is None or arrow.loop or not (detail == "formulas" or backward):
        return None
    back = local(seen.graph, seen.graph.nodes[arrow.user], arrow.position)
    return among(back, arrow.rounds) if back is not None else None


def new_picture(graph: Graph, told: Sequence[str], paint: Paint | None, quick: bool) -> Picture:
    """An empty picture in this package's style; laid out quickly, where that would take long."""
    try:
        from .picture import Picture
    except ImportError as error:
        raise MissingLibraryError("draw", "graphviz", "all") from error
    dot = Picture("graph")
    dot.graph = graph
    rows = [*told]
    if paint is not None:
        rows += [in_label(line, 110) for line in paint.legend] + [swatches(paint.scale)] * bool(paint.scale)
    label = {"label": lines(rows), "labelloc": "b"} if rows else {}
    fast = {"nslimit": "0.1", "nslimit1": "0.1", "mclimit": "0.1", "splines": "false"} if quick else {}
    dot.attr("graph", rankdir="LR", bgcolor="transparent", fontname=FONT, fontsize="10", nodesep="0.2", ranksep="0.28")
    dot.attr("graph", fontcolor=EDGE, **label, **fast)
    dot.attr("node", shape="box", fontname=FONT, fontsize="11", fontcolor=INK, margin="0.08,0.03")
    dot.attr("edge", color=EDGE, fontname=FONT, fontsize="10", fontcolor=EDGE, arrowsize="0.7")
    return dot


def _row(dot: Picture, number: int) -> Picture:
    part = type(dot)(f"cluster_row{number}")
    part.attr(peripheries="0", margin="6", label="")
    return part


def _clusters(
    parts: list[Picture], seen: DrawnGraph, rows: RowPlan, alone: frozenset[str], put: Callable[[Picture, Box], None]
) -> None:
    """Boxes inside frames: one for each repeated part, and for each module call; a row has frames of its own."""
    inside: dict[tuple[int, tuple[str, ...]], list[Box]] = {}
    for box in seen.boxes.values():
        frames = box.frames[:-1] if box.key in alone else box.frames
        inside.setdefault((rows.row[box.key], frames), []).append(box)
    made: dict[tuple[int, tuple[str, ...]], Picture] = {(k, ()): part for k, part in enumerate(parts)}
    places = sorted({(r, p[:k]) for r, p in inside for k in range(1, len(p) + 1)}, key=lambda at: (len(at[1]), at))
    begun: set[tuple[str, ...]] = set()
    for number, (row, path) in enumerate(places):
        frame = type(parts[0])(f"cluster{number}")
        line = WAY_BACK if path[-1].startswith("run") else EDGE
        again = ", continued" if path in begun else ""
        begun.add(path)
        frame.attr(
            label=f"<<b>{in_label(seen.labels[path[-1]])}</b>{again}>",
            color=line,
            fontcolor=line,
            style="rounded,dashed",
            peripheries="1",
            margin="8",
        )
        frame.attr(labelloc="t", labeljust="l")
        made[row, path] = frame
    for place, boxes in inside.items():
        for box in boxes:
            put(made[place], box)
    for row, path in sorted(places, key=lambda at: (-len(at[1]), at)):
        made[row, path[:-1]].subgraph(made[row, path])


def _copy(dot: Picture, key: str, style: Style, box: Box, later: bool, hidden: Set[str]) -> None:
    """A tensor of another row, or a shared leaf, once more, small, beside its user."""
    node = style.seen.node(box)
    kind = colour("folded" if box.title else node.kind)
    words = [in_label(style.name(node.name), 24), *(["(of the round before)"] if later else [])]
    dot.node(
        key, label=lines(words), style="invis" if hidden else "filled,rounded,dashed", fillcolor=kind.fill,
        color=kind.line, fontsize="9", width="0.3", height="0.25",
    )  # fmt: skip


def _box(dot: Picture, style: Style, box: Box, rows: Rows, hidden: Set[str]) -> None:
    node, paint = style.seen.node(box), style.paint
    kind = colour("folded" if box.title else node.kind)
    shape = "filled" if node.inputs else "filled,rounded"
    shape += ",dashed" if paint is not None and node.key in paint.gone else ""
    fill = paint.fills.get(node.key, "#ffffff") if paint else kind.fill
    label = [*rows.own, *(unseen(rows.gradient, fill) if f"d{node.key}" in hidden else rows.gradient)]
    red = paint is not None and node.key in paint.path
    dot.node(
        node.key, label=lines(label), style="invis" if node.key in hidden else shape, fillcolor=fill,
        color=ALARM if red else kind.line, tooltip=tooltip(node),
        penwidth="2.4" if red else "1.6" if node.kind == "parameter" else "1",
    )  # fmt: skip


def _chip(source: str, arrow: Arrow) -> str:
    """What the box is called that the formula on an arrow stands in."""
    return f"{source}_to_{arrow.user}_{arrow.position}"


def _arrow(
    dot: Picture, source: str, arrow: Arrow, rows: list[str] | None, backward: bool, red: bool, hidden: Set[str]
) -> None:
    """One use; the formula of what flows back along it stands on the arrow itself, which no other crosses there."""
    look = {"color": ALARM, "penwidth": "2"} if red else {}
    look |= {"style": "invis"} if arrow.user in hidden else {}
    if arrow.loop:
        look |= {"style": "dashed", "constraint": "false", "tooltip": "to the next round"}
    if rows is None:
        dot.edge(source, arrow.user, **look)
        return
    chip = _chip(source, arrow)
    shape = "invis" if f"{arrow.source}:{arrow.user}:{arrow.position}" in hidden else "filled,rounded"
    dot.node(
        chip, label=lines(rows), style=shape, fillcolor="#ffffff", color=WAY_BACK, fontcolor=WAY_BACK,
        fontsize="9", margin="0.04,0.01", penwidth="0.6", height="0",
    )  # fmt: skip
    if backward:
        dot.edge(source, arrow.user, **look)
        back = {"color": WAY_BACK, "style": "invis" if shape == "invis" else "dashed"}
        dot.edge(source, chip, dir="back", **back)
        dot.edge(chip, arrow.user, dir="none", **back)
    else:
        dot.edge(source, chip, dir="none", **look)
        dot.edge(chip, arrow.user, **look)
