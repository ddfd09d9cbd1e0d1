"""`compare`: several runs or models beside each other, and where they first come apart."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ...engine import Variable
from ...errors import GraphError
from ...functions.settings import least, settings, texts
from ..graph.diff import distance
from ..graph.graph import Node, is_number
from ..graph.values import one, short, shown, wide
from ..graph.watch import caller, names_in
from ..pictures.draw import picture
from ..pictures.fold import DrawnGraph, view
from ..pictures.layers import layers_in
from ..pictures.overlays import Paint
from ..pictures.palette import SCALE
from .charts import cells
from .runs import Run, aligned, run_of
from .sheet import Sheet

DRAWN = 80  # rows whose arrays are shown as cells
MOST = 3  # the darkest colour on which the cells of an array are seen


@dataclass(eq=False)
class TensorRow:
    """One tensor: what each run has for it, a value and a gradient, and how far they are from those of the first run.

    Distances are relative to the largest entry.
    """

    title: str
    site: str | None
    keys: list[str]  # of its node in each run's graph
    pairs: list[tuple[Any, Any] | None]
    value: list[float] = field(default_factory=list)
    grad: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def differs(self, rtol: float) -> bool:
        return bool(self.notes) or max(*self.value, *self.grad, 0.0) > rtol


class Comparison:
    """What `compare` found; prints as text, saves itself as one HTML file, shows itself in a notebook."""

    def __init__(self, runs: list[Run], rows: list[TensorRow], rtol: float) -> None:
        self.runs, self.rows, self.rtol = runs, rows, rtol

    @property
    def results(self) -> list[np.ndarray]:
        """What each run that has a graph gives: its first result."""
        graphs = [run.graph for run in self.runs if run.graph is not None]
        return [np.asarray(graph.nodes[graph.outputs[0]].value) for graph in graphs]

    @cached_property
    def first(self) -> TensorRow | None:
        """The first tensor that differs: in the order of the forward pass; if values agree, of the backward pass.

        None where all numbers that the runs have in common agree, as those of a function and of the same compiled.
        """
        if all(max(*row.value, *row.grad) <= self.rtol for row in self.rows):
            return None
        for row in self.rows:
            if row.notes or max(row.value) > self.rtol:
                return row
        return next((row for row in reversed(self.rows) if max(row.grad) > self.rtol), None)

    @property
    def answer(self) -> str:
        """Where the runs first come apart, in a sentence."""
        row = self.first
        names = ", ".join(shown(run.name) for run in self.runs)
        if row is None:
            both = sum(not row.notes for row in self.rows)
            rest = f"; {len(self.rows) - both} others are not in all of them" if both < len(self.rows) else ""
            return f"{names}: no difference above {one(self.rtol, 2)} in the {both} tensors that all have{rest}."
        return f"First divergence: {shown(row.title, 120)}{f' at {row.site}' if row.site else ''}: {self._words(row)}."

    def _words(self, row: TensorRow) -> str:
        words = list(row.notes)
        for what, distances, part in (("value", row.value, 0), ("gradient", row.grad, 1)):
            k = int(np.argmax(distances))
            if distances[k] > self.rtol:
                a, b = row.pairs[0], row.pairs[k]
                assert a is not None
                assert b is not None
                off = one(distances[k], 2)
                words.append(f"the {what} of {shown(self.runs[k].name)} is off by {off}{_worst(a[part], b[part])}")
        return "; ".join(words)

    def __str__(self) -> str:
        differing = [row for row in self.rows if row.differs(self.rtol)]
        rows = [
            self.answer,
            f"{len(self.rows)} tensors, {len(differing)} of which differ by more than {one(self.rtol, 2)}",
        ]
        rows += [f"~ {shown(row.title)}: {self._words(row)}" for row in differing[:20]]
        return "\n".join([*rows, *([f"and {len(differing) - 20} more"] if len(differing) > 20 else [])])

    __repr__ = __str__

    def sheet(self) -> Sheet:
        """The page: pictures, a table, details, with one selection."""
        seen = [_view(run) for run in self.runs]
        first = self.first
        parts = [f'<p class="answer">{html.escape(self.answer)}</p>', '<div class="runs">']
        for k, (run, v) in enumerate(zip(self.runs, seen, strict=True)):
            drawn = self._picture(k, v) if v is not None else "<p>values of another library: no graph</p>"
            name = html.escape(shown(run.name))
            parts.append(
                f'<section class="run"><h2>{name}</h2><div class="picture" tabindex="0" role="group" '
                f'aria-label="Graph of {name}">{drawn}</div></section>'
            )
        heads = "".join(f'<th scope="col">{html.escape(shown(run.name))}</th>' for run in self.runs)
        parts.append(
            '</div><div class="scroll" tabindex="0" role="group" aria-label="All tensors"><table><thead><tr>'
            f'<th scope="col">tensor</th>{heads}<th scope="col">difference</th></tr></thead><tbody>'
        )
        boxes = [_boxes(v) for v in seen]
        parts += [self._table_row(k, row, row is first, boxes) for k, row in enumerate(self.rows)]
        parts.append("</tbody></table></div>")
        parts += [self._detail(k, row) for k, row in enumerate(self.rows)]
        return Sheet(f"{len(self.runs)} runs compared", "\n".join(parts), "compare.js")

    def save(self, path: object) -> str:
        """Write the page as one HTML file."""
        return self.sheet().save(path)

    def _repr_html_(self) -> str:
        return self.sheet()._repr_html_()

    def _picture(self, k: int, seen: DrawnGraph) -> str:
        """A run's graph: the darker a box, the farther from the first run (of the first: from any)."""
        paint = Paint(legend=["the darker, the larger the difference; white: none"])
        place = _boxes(seen)
        for row in self.rows:
            box = place.get(row.keys[k])
            off = max(row.value[k], row.grad[k]) if k else max(*row.value, *row.grad)
            if box is None:
                continue
            if row.differs(self.rtol):
                level = MOST if row.notes else _level(off, self.rtol)
                paint.fills[box] = max(paint.fills.get(box, SCALE[0]), SCALE[level], key=SCALE.index)
            if row is self.first:
                paint.path.add(box)
        svg = picture(seen, "values", paint=paint).svg()
        return svg.replace(' id="', f' id="run{k}_')

    def _table_row(self, k: int, row: TensorRow, first: bool, boxes: list[dict[str, str]]) -> str:
        places = ",".join(box.get(key, "") for box, key in zip(boxes, row.keys, strict=True))
        cells_ = "".join(f"<td>{html.escape(_value(pair))}</td>" for pair in row.pairs)
        difference = html.escape(self._words(row)) if row.differs(self.rtol) else ""
        return (
            f'<tr data-row="{k}" data-boxes="{places}"{" data-first" if first else ""}'
            f"{' class=differs' if difference else ''}>"
            f'<td><button type="button" aria-pressed="false">{html.escape(shown(row.title))}</button></td>'
            f"{cells_}<td>{difference}</td></tr>"
        )

    def _detail(self, k: int, row: TensorRow) -> str:
        parts = []
        for run, pair in zip(self.runs, row.pairs, strict=True):
            name = html.escape(shown(run.name))
            body = "<p>has no such tensor</p>"
            if pair is not None:
                known = [(what, v) for what, v in zip(("value", "gradient"), pair, strict=True) if v is not None]
                body = "".join(
                    f"<p>{what} <code>{html.escape(short(v))}</code></p>"
                    + (cells(v, f"{what} in {run.name}") if k < DRAWN else "")
                    for what, v in known
                )
            parts.append(f"<section><h2>{html.escape(shown(row.title))} in {name}</h2>{body}</section>")
        return f'<div class="detail" data-row="{k}" hidden>{"".join(parts)}</div>'


def _value(pair: tuple[Any, Any] | None) -> str:
    return "" if pair is None else short(pair[0])


def _level(off: float, rtol: float) -> int:
    """From just above the tolerance to a difference as large as the numbers themselves."""
    if not np.isfinite(off) or off >= 1:
        return MOST
    steps = np.log10(max(off, rtol) / rtol) / max(np.log10(1 / rtol), 1e-9)
    return 1 + int(steps * (MOST - 1))


def _worst(a: Any, b: Any) -> str:
    """The entry that is farthest apart, and both numbers."""
    a, b = wide(a), wide(b)
    if a.shape != b.shape or not a.size:
        return ""
    with np.errstate(all="ignore"):
        off = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.nan_to_num(np.abs(a - b), nan=np.inf))
    index = tuple(int(k) for k in np.unravel_index(int(np.argmax(off)), a.shape))
    where = f"at entry {index}, " if index else ""
    return f" ({where}{one(b[index], 6)} against {one(a[index], 6)})"


def _view(run: Run) -> DrawnGraph | None:
    return None if run.graph is None else view(run.graph, layers=layers_in(run.graph, False))


def _boxes(seen: DrawnGraph | None) -> dict[str, str]:
    """The box that each node is drawn in."""
    return {} if seen is None else {k: box.key for box in seen.boxes.values() for k in seen.members(box)}


@settings
def compare(*runs: object, names: object = None, rtol: float | None = None) -> Comparison:
    """Runs or models beside each other: where they first differ, in a sentence and on one page with one selection.

    A run is a result, `(f, *inputs)` for a function or module of tensors, `(module, *inputs)` of PyTorch, or a mapping
    of names to arrays (`dW` beside `W` is its gradient). The others are compared with the first: float32 with float64,
    eager with compiled, mine with PyTorch's, before a change with after. Differences are relative to the largest entry
    of an array; `rtol` is 100 roundings of the least precise run by default.
    Errors: a GraphError for fewer than two runs, another number of names, and a first run without a graph.

    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor(2.0, requires_grad=True)
    >>> print(compare(tg.sin(x * 3), tg.sin(x * 4), names=("three", "four")).answer)
    First divergence: 3: the value of four is off by 0.33 (4 against 3).
    """
    if len(runs) < 2:
        raise GraphError(f"compare: needs two runs or more; got {len(runs)}; pass compare(a, b)")
    least("compare", "rtol", rtol, 0)
    names = names if names is None or isinstance(names, str) else texts("compare", "names", names)
    if names is not None and len(names) != len(runs):
        raise GraphError(f"compare: names must be one for each run; got {len(names)} for {len(runs)}; give as many")
    scope = names_in(caller())
    called = [scope.get(x.born, "") if isinstance(x, Variable) else "" for x in runs]
    called = called if len(set(called)) == len(runs) else [""] * len(runs)
    given = [run_of(x, (names or called)[k] or f"run {k + 1}") for k, x in enumerate(runs)]
    if given[0].graph is None:
        raise GraphError(
            "compare: the first run must be a result or a function of tensors, which has a graph; got values; "
            "put values behind it"
        )
    return comparison(given, rtol)


def comparison(runs: list[Run], rtol: float | None) -> Comparison:
    """Runs of which the first has a graph, compared."""
    rows = _rows(runs)
    return Comparison(runs, rows, _tolerance(rows) if rtol is None else rtol)


def _tolerance(rows: list[TensorRow]) -> float:
    dtypes = {
        v.dtype for row in rows for pair in row.pairs if pair for v in pair if getattr(v, "dtype", None) is not None
    }
    return 100 * max((float(np.finfo(d).eps) for d in dtypes if d.kind in "fc"), default=1e-12)


def _rows(runs: list[Run]) -> list[TensorRow]:
    """The first run's tensors in order, and after them, where they belong, those that only others have."""
    graph = runs[0].graph
    assert graph is not None
    others = [aligned(runs[0], run) for run in runs[1:]]
    rows = {}
    for key, node in graph.nodes.items():
        if is_number(node) and not any(_other_number(node, found.get(key)) for found in others):
            continue
        matches = [found.get(key) for found in others]
        pairs = [(node.value, node.grad), *(_pair(m) for m in matches)]
        keys = [key, *(m.key if isinstance(m, Node) else "" for m in matches)]
        row = TensorRow(node.title, node.site, keys, pairs)
        _measure(row, runs, node)
        rows[key] = row
    ordered = list(rows.values())
    for k, (run, found) in enumerate(zip(runs[1:], others, strict=True), 1):
        if run.graph is None:
            continue
        back = {m.key: key for key, m in found.items() if isinstance(m, Node)}
        last: TensorRow | None = None
        for key, node in run.graph.nodes.items():
            if key in back:
                last = rows.get(back[key], last)
            elif not is_number(node):
                pairs = [None] * len(runs)
                pairs[k] = (node.value, node.grad)
                keys = [""] * len(runs)
                keys[k] = key
                zero = [0.0] * len(runs)
                row = TensorRow(
                    node.title, node.site, keys, pairs, zero, list(zero), [f"only {shown(run.name)} has it"]
                )
                at = ordered.index(last) + 1 if last is not None else 0
                while at < len(ordered) and ordered[at].notes and ordered[at].keys[0]:
                    at += 1  # what the first has instead stands before it
                ordered.insert(at, row)
                last = row
    return ordered


def _other_number(node: Node, match: object) -> bool:
    return isinstance(match, Node) and not np.array_equal(node.value, match.value)


def _pair(match: Any) -> tuple[Any, Any] | None:
    return (match.value, match.grad) if isinstance(match, Node) else match


def _measure(row: TensorRow, runs: list[Run], node: Node) -> None:
    first = row.pairs[0]
    assert first is not None
    for run, pair in zip(runs, row.pairs, strict=True):
        value = grad = 0.0
        if pair is None:
            if run.graph is not None:
                row.notes.append(f"{shown(run.name)} has no such tensor")
        elif np.shape(pair[0]) != node.shape:
            row.notes.append(f"{shown(run.name)} has shape {np.shape(pair[0])} instead of {node.shape}")
        else:
            value = distance(pair[0], first[0])
            grad = distance(pair[1], first[1])
        row.value.append(value)
        row.grad.append(grad)
