"""Two graphs beside each other: what changed in structure, in values, in gradients."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...functions.settings import least, settings
from ...program.program import Program
from ..formulas.notation import attribute, said
from ..pictures.draw import picture
from ..pictures.fold import view
from ..pictures.overlays import Paint
from ..pictures.palette import GREEN, GREY, ORANGE
from .graph import Graph, Node
from .identity import same, stretches
from .programs import ProgramNode, program_graph, signature
from .reading import read
from .values import one, shown, wide

if TYPE_CHECKING:
    from ..pictures.picture import Picture


@dataclass
class Matched:
    """A node of `a`, the one of `b` that does the same, and how far apart they are, relative to the largest entry."""

    a: Node
    b: Node
    value: float
    grad: float
    notes: list[str] = field(default_factory=list)


@dataclass
class Diff:
    """What `diff` found; prints as text, draws itself."""

    a: Graph
    b: Graph
    pairs: list[Matched]
    only_a: list[Node]
    only_b: list[Node]
    rtol: float
    notices: list[str] = field(default_factory=list)  # what of the graphs cannot be compared

    @property
    def changed(self) -> list[Matched]:
        """Pairs that differ by more than the tolerance, or in shape or dtype."""
        return [p for p in self.pairs if p.notes or p.value > self.rtol or p.grad > self.rtol]

    def __str__(self) -> str:
        counts = f"{len(self.only_a)} only in the first, {len(self.only_b)} only in the second"
        rows = [f"{len(self.pairs)} tensors in both, {counts}"]
        rows += [f"- {shown(n.title)}" for n in self.only_a] + [f"+ {shown(n.title)}" for n in self.only_b]
        rows += [f"~ {shown(p.b.title)}: {'; '.join(_words(p, self.rtol))}" for p in self.changed]
        rows = rows if len(rows) > 1 else [*rows, "no difference"]
        return "\n".join([rows[0], *self.notices, *rows[1:]])

    __repr__ = __str__

    def draw(self) -> Picture:
        """The second graph: new boxes green, changed ones orange; boxes that only the first has, dashed."""
        both, gone = self._both()
        paint = Paint(gone=gone, scale=[(GREEN.fill, "only in the second"), (ORANGE.fill, "differs")])
        paint.scale += [(GREY.fill, "only in the first, dashed")]
        paint.fills = {n.key: GREEN.fill for n in self.only_b} | dict.fromkeys(gone, GREY.fill)
        for pair in self.changed:
            paint.fills[pair.b.key] = ORANGE.fill
            paint.words[pair.b.key] = "; ".join(_words(pair, self.rtol))
        detail = "ops" if isinstance(next(iter(self.b.nodes.values()), None), ProgramNode) else "values"
        return picture(view(both), detail, paint=paint, notation="python")

    def _both(self) -> tuple[Graph, set[str]]:
        """The second graph with the nodes of the first that it lacks, each before what used it; and their keys."""
        partner = {p.a.key: p.b.key for p in self.pairs}
        new = {n.key: f"n{len(self.b.nodes) + k}" for k, n in enumerate(self.only_a)}
        partner |= new
        nodes, order = dict(self.b.nodes), list(self.b.nodes)
        users: dict[str, list[str]] = {}
        for source, user, _ in self.a.edges():
            users.setdefault(source, []).append(partner[user])
        for n in reversed(self.only_a):
            at = min((order.index(user) for user in users.get(n.key, [])), default=len(order))
            order.insert(at, new[n.key])
            inputs = tuple(partner[k] for k in n.inputs)
            nodes[new[n.key]] = replace(n, key=new[n.key], inputs=inputs)
            for user in users.get(n.key, []):
                if user in self.b.nodes:
                    nodes[user] = replace(nodes[user], inputs=(*nodes[user].inputs, new[n.key]))
        return replace(self.b, nodes={k: nodes[k] for k in order}, notices=self.notices), set(new.values())

    def _repr_svg_(self) -> str:
        return self.draw().svg()


def _words(p: Matched, rtol: float) -> list[str]:
    words = list(p.notes)
    words += [f"value differs by {one(p.value, 2)}"] if p.value > rtol else []
    return words + ([f"gradient differs by {one(p.grad, 2)}"] if p.grad > rtol else [])


@settings
def diff(a: object, b: object, rtol: float = 1e-6) -> Diff:
    """Compare the graphs behind two results: float32 with float64, mine with another's, before with after; or programs.

    Tensors are the same by name, operation and place in the program, whenever they were made. Differences are the
    largest of an array, relative to its largest entry; what is below `rtol` is the same. Other attributes of an
    operation, or its inputs in another order, are a difference also where the numbers are the same.

    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor(2.0, requires_grad=True)
    >>> print(diff(tg.sin(x * 3), tg.sin(x * 4)))
    4 tensors in both, 0 only in the first, 0 only in the second
    ~ x: gradient differs by 5.9
    ~ 4: value differs by 0.25
    ~ t1 = x * 4: value differs by 0.25; gradient differs by 7.6
    ~ t2 = sin(t1): value differs by 1.3
    """
    least("diff", "rtol", rtol, 0)
    if isinstance(a, Program) and isinstance(b, Program):
        first, second, found = _same_programs(a, b)
    else:
        first, second = read(a, who="diff", grads=True), read(b, who="diff", grads=True)
        found = same(first, second)
    pairs = [_pair(first.nodes[x], second.nodes[y]) for x, y in found.items()]
    for p in pairs:
        p.notes = list(dict.fromkeys([*p.notes, *_settings(p.a, p.b), *_inputs(first, second, found, p)]))
    only_a = [n for k, n in first.nodes.items() if k not in found]
    alone = set(second.nodes) - set(found.values())
    only_b = [n for k, n in second.nodes.items() if k in alone]
    notices = list(dict.fromkeys([*first.notices, *second.notices]))
    if notices:  # a gradient that one of them leaves out is no difference
        for p in pairs:
            p.grad, p.notes = 0.0, [note for note in p.notes if not note.startswith("gradient")]
    return Diff(first, second, pairs, only_a, only_b, rtol, notices)


def _same_programs(a: Program, b: Program) -> tuple[Graph, Graph, dict[str, str]]:
    """Both programs as graphs, and the steps that are the same: in order, by what is called on what types."""
    first, second = program_graph(a), program_graph(b)
    left, right = list(first.nodes), list(second.nodes)
    found = {
        left[i + k]: right[j + k]
        for equal, i, end, j, _ in stretches(signature(a), signature(b)) if equal
        for k in range(end - i)
    }  # fmt: skip
    return first, second, found


def _pair(a: Node, b: Node) -> Matched:
    notes = []
    if a.shape != b.shape:
        notes.append(f"shape {a.shape} became {b.shape}")
    if a.dtype != b.dtype:
        notes.append(f"{a.dtype} became {b.dtype}")
    if (a.grad is None) != (b.grad is None):
        notes.append("gradient only in the " + ("second" if a.grad is None else "first"))
    if isinstance(a, ProgramNode):
        return Matched(a, b, 0.0, 0.0, [])  # a program has no values, and its steps were found by their types
    return Matched(a, b, distance(a.value, b.value), distance(a.grad, b.grad), notes)


def _settings(a: Node, b: Node) -> list[str]:
    """The attributes of an operation that differ."""
    left, right = said(a.attributes), said(b.attributes)
    notes = []
    for key in [*left, *(key for key in right if key not in left)]:
        if key not in left or key not in right:
            v, where = (left[key], "first") if key in left else (right[key], "second")
            notes.append(f"{key} {shown(attribute(key, v))} only in the {where}")
        elif not _equal(left[key], right[key]):
            before, after = (shown(attribute(key, v[key])) for v in (left, right))
            notes.append(f"{key} {before} became {after}" if before != after else f"{key} differs")
    return notes


def _equal(a: Any, b: Any) -> bool:
    """Whether two attributes are the same; of what only says who it is, such as a function, its kind decides."""
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    if all(isinstance(v, np.ndarray | np.generic | int | float | complex) for v in (a, b)):
        return np.shape(a) == np.shape(b) and bool(np.all((a == b) | ((a != a) & (b != b))))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return False
    return bool(a == b) or (type(a) is type(b) and getattr(type(a), "__eq__", None) is object.__eq__)


def _inputs(first: Graph, second: Graph, found: dict[str, str], p: Matched) -> list[str]:
    """The inputs, by the names of the second graph, where both take tensors that both graphs have, but not the same
    ones in the same order."""
    there = set(found.values())
    uses = [(x, y) for x, y in zip(p.a.inputs, p.b.inputs, strict=False) if x in found and y in there]
    if all(found[x] == y for x, y in uses):
        return []
    before = [second.nodes[found[k]] if k in found else first.nodes[k] for k in p.a.inputs]
    after = [second.nodes[k] for k in p.b.inputs]
    return [f"inputs {_names(after)} for {_names(before)}"]


def _names(nodes: list[Node]) -> str:
    return ", ".join(shown(n.name or n.title) for n in nodes)


def distance(a: Any, b: Any) -> float:
    if a is None or b is None or np.shape(a) != np.shape(b) or not np.size(a):
        return 0.0
    a, b = wide(a), wide(b)
    both = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~both], b[~both], equal_nan=True):
        return float("inf")
    top = np.max(np.abs(b[both]), initial=0.0) or 1.0
    with np.errstate(over="ignore"):
        return float(np.max(np.abs(a[both] / top - b[both] / top), initial=0.0))
