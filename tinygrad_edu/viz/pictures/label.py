"""What stands in boxes and on arrows, as Graphviz's labels: rows of words, cells of colour, a legend."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ... import ops
from ...annotations import Array
from ..formulas.mathematics import mathematics, symbol
from ..graph.graph import Node, is_number
from ..graph.local import LONG, Local, gradient_name
from ..graph.values import each_text, facts_text, in_label, markup, one, short, shown, size, whole
from .fold import Box, DrawnGraph
from .heat import heat
from .overlays import Paint
from .palette import BACKWARD, EDGE, INK, MEANINGS, TINTS, colour

TITLE = 24  # letters of a title on a line
LONG_WORD = 44  # letters of a name that is cut
CHIP = 18  # letters of a formula on a line of a chip
LETTER, SMALL = 6.5, 5.2  # the width of a letter, in points: of a title, and of what is written small
FEW = 60  # boxes of a picture in which arrays are shown as cells
MOST = 6  # parameters that the box of a layer names


@dataclass(frozen=True)
class Style:
    """How the labels of one picture are written."""

    seen: DrawnGraph
    detail: str
    mathematics: bool
    paint: Paint | None = None
    dtype: str = ""  # of most tensors; only others say theirs
    alone: frozenset[str] = frozenset()  # boxes that are all of their module's frame, which is not drawn
    files: frozenset[str] = frozenset()  # of the lines that boxes say; none, where all are of one line

    def heat(self, v: object) -> str | None:
        """An array in colours, in fewer cells where there are many arrays."""
        boxes = len(self.seen.boxes)
        return heat(v, (8, 12) if boxes <= FEW // 3 else (5, 8)) if boxes <= FEW else None

    @property
    def gradients(self) -> bool:
        return self.detail in ("gradients", "formulas")

    def name(self, text: str) -> str:
        return symbol(text) if self.mathematics else text

    def title(self, node: Node) -> str:
        """`Z₁ = W₁X + b₁`, or as Python writes it."""
        if not self.mathematics or node.op is None:
            return self.name(node.title)
        if node.op is ops.memory:  # of an LSTM: its gates have names
            return f"{symbol(node.name)} = f ⊙ {self.name(self.seen.graph.argument_names(node)[1])} + i ⊙ g"
        return f"{symbol(node.name)} = {mathematics(self.seen.graph.formula(node))}"

    def local(self, back: Local, source: Node) -> str:
        """`dW₁ += dZ₁ Xᵀ`"""
        if not self.mathematics:
            return back.text
        graph = self.seen.graph.whole or self.seen.graph
        written = mathematics(back.formula, LONG)
        if "; " in written:  # steps have names, which no tensor has
            written = mathematics(back.formula, LONG, {n.name for n in graph.nodes.values()})
        *steps, last = written.split("; ")
        return "; ".join([*steps, f"{symbol(gradient_name(source))} += {last}"])


def common_dtype(seen: DrawnGraph) -> str:
    """The dtype of most boxes."""
    counts = Counter(n.dtype for n in map(seen.node, seen.boxes.values()) if not is_number(n))
    return counts.most_common(1)[0][0] if counts else ""


class Rows(NamedTuple):
    """What a box says of its tensor, and of the gradient."""

    own: list[str]
    gradient: list[str]


def box_rows(style: Style, box: Box) -> Rows:
    """All that the box of a tensor, or of several, says."""
    seen, node, paint = style.seen, style.seen.node(box), style.paint
    ink = INK if paint else BACKWARD  # on an overlay's colours only black is readable
    rows = title_rows(box.title or style.title(node))
    if turn := seen.turn(box):
        rows.append(small(f"{style.name(node.name)}, {turn}", 120))
    rows += [small(words) for words in _facts(style, box, node)]
    if style.detail != "ops":
        rows += values(node.value, style)
    gradient = []
    if style.gradients and node.grad is not None:
        gradient += _gradient(style.name(gradient_name(node)), node.grad, ink, style)
        gradient += [f'<font color="{ink}">{words}</font>' for words in seen.sum_of(box)]
    if paint is not None and node.key in paint.words:
        total = f", sum over {len(box.rounds)} rounds" if paint.sums and len(box.rounds) > 1 else ""
        gradient.append(f"<i>{small(paint.words[node.key] + total)}</i>")
    return Rows(rows, gradient)


def unseen(rows: Sequence[str], fill: str) -> list[str]:
    """Rows that take their place in a box of a colour, and cannot be seen."""
    plain = (row if "color=" in row else f'<font color="{fill}">{row}</font>' for row in rows)
    return [re.sub(r'color="#\w+"', f'color="{fill}"', row) for row in plain]


def _facts(style: Style, box: Box, node: Node) -> list[str]:
    """Shape, dtype where it is another than that of most, module, the user's line; the parameters of a layer."""
    shape = each_text(node.value)
    made_in = ".".join(node.module)
    name = style.name(node.name) if box.title and not style.seen.turn(box) else ""
    first = [f"{name} {shape}".strip()] if node.dtype == style.dtype else [f"{name} {facts_text(node.value)}".strip()]
    first += [made_in] if made_in and box.key in style.alone else []
    if node.site and node.op is not None and style.files:
        first.append(f"line {node.site.rpartition(':')[2]}" if len(style.files) == 1 else node.site)
    rows = [" · ".join(filter(None, first))]
    if node.op is not None and node.op.parts and not box.title:
        rows.append(f"parts: {', '.join(node.op.parts)}")
        rows += textwrap.wrap(node.op.doc.replace("`", ""), 34, max_lines=5, placeholder=" …")
    inside = [style.seen.graph.nodes[k] for k in box.rounds[0]] if box.title else []
    owned = [n for n in inside if n.kind == "parameter"]
    for n in owned[:MOST]:
        grad = f", {gradient_name(n).rpartition('.')[2]} of size {_size(n.grad)}" if style.gradients else ""
        rows.append(f"{n.name.rpartition('.')[2]} {each_text(n.value)}{grad if n.grad is not None else ''}")
    rows += [f"and {len(owned) - MOST} more"] if len(owned) > MOST else []
    return [row for row in rows if row]


def _size(g: object) -> str:
    return f"{size(g):.2g}"


def values(v: Array, style: Style) -> list[str]:
    """An array as cells, with its range where the cells do not say the numbers; else as words."""
    table = style.heat(v)
    if table is None:
        return [in_label(line) for line in written(v).split("; ")]
    return [table] if "<font" in table else [table, small(span(v))]


def written(v: object) -> str:
    """A number, or a small array, or a summary; an array of one entry as its number."""
    a = whole(v)
    return one(a.flat[0]) if a.size == 1 else short(v)


def span(v: object) -> str:
    """From the least to the largest entry, and what of them is no number."""
    a = whole(v)
    finite = a[np.isfinite(a)]
    words = "" if not finite.size else f"{one(finite.min(), 3)} to {one(finite.max(), 3)}"
    words = f"all {one(finite[0], 3)}" if finite.size and (finite == finite[0]).all() else words
    bad = a.size - finite.size
    return ", ".join(filter(None, [words, f"{bad} not finite" if bad else ""]))


def _gradient(name: str, g: object, ink: str, style: Style) -> list[str]:
    table = style.heat(g)
    if table is None:
        return [f'<font color="{ink}">{in_label(line)}</font>' for line in f"{name} = {written(g)}".split("; ")]
    ends = "" if "<font" in table else small(span(g))
    return [f'<font color="{ink}">{in_label(name)} {ends}</font>', table]


def small(words: str, longest: int = 80) -> str:
    return f'<font point-size="9">{in_label(words, longest)}</font>'


def title_rows(title: str) -> list[str]:
    """A title in bold, on as many lines as it needs, up to six."""
    return [f"<b>{in_label(line)}</b>" for line in broken(shown(title, 240), TITLE, 6) or [""]]


def broken(text: str, letters: int, most: int | None = None) -> list[str]:
    """A formula on lines; a short pair of parentheses is not broken."""
    held = re.sub(r"\([^()]{1,12}\)", lambda inside: inside[0].replace(" ", "\u00a0"), text)
    cut = max(map(len, held.split()), default=0) > LONG_WORD
    found = textwrap.wrap(held, letters, max_lines=most, placeholder=" …", break_long_words=cut, break_on_hyphens=False)
    return [line.replace("\u00a0", " ") for line in found]


def width(rows: Iterable[str], letter: float = LETTER) -> float:
    """About how wide the rows are, in points."""
    return 12 + max((_row_width(row, letter) for row in rows), default=0.0)


def _row_width(row: str, letter: float) -> float:
    if row.startswith("<table"):
        first = row.partition("</tr>")[0]
        if "<font" in first:
            return sum(6 * (len(cell) + 2) for cell in _texts(first)) + 2
        return float(first.partition('width="')[2].partition('"')[0])
    return len("".join(_texts(row))) * (SMALL if 'point-size="9"' in row else letter)


def _texts(row: str) -> list[str]:
    """The words between tags."""
    return [part.partition("<")[0] for part in row.split(">") if part.partition("<")[0].strip()]


def tooltip(node: Node) -> str:
    return markup(" ".join(filter(None, [node.kind, node.site])), 200).replace("\\", "\\\\")


def chip_rows(style: Style, back: Local, source: Node) -> list[str]:
    """What stands on the arrow of a derivative: the formula, its shapes, why it is a sum."""
    *steps, last = style.local(back, source).split("; ")
    left, _, right = shown(last, 600).partition(" += ")
    rows = [line for step in steps for line in textwrap.wrap(shown(step, 600), 2 * CHIP)]
    if len(left) + len(right) + 4 <= CHIP:
        rows.append(f"{left} += {right}")
    else:
        rows += [f"{left} +=", *broken(right, CHIP if len(right) <= 2 * CHIP else CHIP + 8)]
    if style.detail == "formulas":
        what, _, reason = back.note.replace(source.name, style.name(source.name)).partition(", because ")
        rows += [back.shapes if ")(" in back.shapes else "", what]
        rows += textwrap.wrap(f"because {reason}", CHIP + 4) if reason else []
    elif back.note:
        rows.append(back.note.partition(",")[0])
    rows += back.rounds.split("; ") if back.rounds else []
    return [in_label(row, 90) for row in rows if row]


def lines(rows: Sequence[str]) -> str:
    """Rows of markup as one label, with some air between them."""
    cells = "".join(f"<tr><td>{row}</td></tr>" for row in rows)
    return f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{cells}</table>>'


def swatches(scale: Sequence[tuple[str, str]]) -> str:
    """A row of colours, each with what it stands for."""
    ink = f'<font color="{INK}" point-size="9">'
    cells = "".join(f'<td bgcolor="{shade}">{ink} {in_label(words)} </font></td>' for shade, words in scale)
    return f'<table border="0" cellborder="1" color="{EDGE}" cellspacing="0" cellpadding="2"><tr>{cells}</tr></table>'


def legend(style: Style, backward: bool) -> list[str]:
    """What colours stand for, where there are several; what is said of no single box."""
    seen = style.seen
    kinds = [colour("folded" if box.title else seen.node(box).kind) for box in seen.boxes.values()]
    used = [(shade, words) for shade, words in MEANINGS.items() if shade in kinds]
    rows = []
    if style.paint is None and len(used) > 1:
        rows.append(swatches([(shade.fill, words) for shade, words in used]))
    words = [f"{style.dtype} unless said"] if style.dtype and len(seen.boxes) > 1 else []
    words += [f"lines of {''.join(style.files)}"] if len(style.files) == 1 else []
    if backward or style.detail == "formulas":
        words.append("on arrows: what flows back")
    if words:
        rows.append(in_label(" · ".join(words), 150))
    arrays = any(np.size(seen.node(box).value) > 1 for box in seen.boxes.values())
    if len(seen.boxes) <= FEW and style.detail != "ops" and arrays and style.paint is None:
        shades = [(TINTS[0], "most negative"), (TINTS[4], "0"), (TINTS[-1], "most positive entry of an array")]
        rows.append(swatches(shades))
    return rows
