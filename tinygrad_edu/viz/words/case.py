"""What `why` knows about the tensor that it was asked about, and the answer that it gives."""

from __future__ import annotations

import html
import linecache
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...backward import history, shown_inputs
from ...departures import LATEST
from ...engine import Variable
from ..graph.graph import Graph, Node
from ..graph.values import shown
from ..graph.watch import is_module
from .reasons import ANSWERS
from .source import CodeLine, assignment_of, names_in


class Answer(str):
    """The paragraph with the line to change, as a text that also knows the reason in a word, and the line (or None)."""

    reason: str
    text: str
    line: str | None

    def __new__(cls, reason: str, text: str, line: str | None = None) -> Answer:
        self = super().__new__(cls, text + (f" The line: {line}" if line else ""))
        self.reason, self.text, self.line = reason, text, line
        return self

    __repr__ = str.__str__

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(str(self))}</p>"


@dataclass
class Case:
    """What is known about the question: the tensor, its name, the program's variables, results and lines."""

    x: Any
    name: str
    scopes: list[Mapping[str, Any]]  # of the functions that are running, the outermost first
    names: dict[int, str]
    results: list[Variable]
    lines: list[CodeLine]

    def answer(self, reason: str, line: str | None = None, **facts: Any) -> Answer:
        return Answer(reason, ANSWERS[reason].format(x=self.name, **facts), line)

    def depends(self, r: Variable) -> bool:
        return any(t.born == self.x.born for t in history(r, constants=False))

    @property
    def stem(self) -> str:
        """The variable through which the tensor is reached: `net` of a layer's weight, `layers` of `layers[0]`."""
        for name, v in (item for scope in self.scopes for item in scope.items()):
            if is_module(v) and any(p is self.x for _, p in v.named_parameters()):
                return name
        return self.name.partition("[")[0].partition(".")[0]

    def changed(self, r: Variable) -> bool:
        """Whether the tensor got other numbers after `r` was computed from it."""
        older, x = {self.x.born}, self.x.past
        while x is not None:
            older, x = older | {x.born}, x.past
        used = ((t, x) for t in history(r) for x in shown_inputs(t))
        return any(x.born in older and (x.born > t.born or x is not self.x) for t, x in used)

    def line(self, name: str) -> str | None:
        """Where a name got its value."""
        made = assignment_of(self.lines, name)
        return made.where if made is not None else None

    def line_of(self, graph: Graph, node: Node) -> str | None:
        """The line that computes a node: its own, or that of the first named result that is made from it."""
        if node.site is not None:
            return next((line.where for line in self.lines if line.where.startswith(f"{node.site}:")), node.site)
        reached = {node.key}
        for n in graph.nodes.values():
            if n.key in reached or reached.intersection(n.inputs):
                reached.add(n.key)
                if n.named and (where := self.line(n.name)) is not None:
                    return where
        return None

    def apart(self, name: str, block: int) -> bool:
        """Whether a variable of a running function is a tensor that was not computed from this one."""
        value = self.scopes[block].get(name) if block < len(self.scopes) else None
        return isinstance(value, Variable) and not self.depends(value)

    def clears(self, what: str, how: str, block: int) -> bool:
        """Whether what a line clears, by `zero_grad` or by setting `grad`, may be the gradient of this tensor."""
        if how == "grad":
            return what == self.name
        value: Any = self.scopes[block].get(what) if block < len(self.scopes) else None
        if is_module(value):
            return any(p is self.x for p in value.parameters())
        groups = getattr(value, "param_groups", None)
        return groups is None or any(p is self.x for group in groups for p in group["params"])

    def left(self, first: int, last: float = np.inf) -> list[str]:
        """The lines at which values that may have been computed from the tensor left the graph, between two births."""
        lines = [(self.text_of(site), t()) for when, site, t in LATEST if first < when < last]
        return [line for line, t in lines if (self.depends(t) if t is not None else self._may_read(line))]

    def _may_read(self, line: str) -> bool:
        """Whether a line may compute with the tensor; not if its tensors were not computed from it."""
        scopes = self.scopes[::-1]
        found = [next((s[name] for s in scopes if name in s), None) for name in names_in(line.partition(": ")[2])]
        tensors = [v for v in found if isinstance(v, Variable)]
        return not tensors or any(is_module(v) for v in found) or any(self.depends(v) for v in tensors)

    def text_of(self, site: Any) -> str:
        """A line of the program with what stands there."""
        cells = next((c for scope in self.scopes if isinstance(c := scope.get("In"), list)), [])
        return text_of(str(site), [str(cell) for cell in cells])

    def title(self, r: Variable) -> str:
        return shown(r.name or self.names.get(r.born, "the result"))


def text_of(site: str, cells: Sequence[str]) -> str:
    """A line of the program, "file.py:12", with what stands there; of a notebook, its cell."""
    file, _, number = site.rpartition(":")
    name, rows = Path(file).name, linecache.getlines(file)
    cell = re.match(r"<ipython-input-(\d+)", name)
    whole = "".join(rows).rstrip()
    n = int(cell[1]) if cell else next((n for n, text in enumerate(cells) if whole and text.rstrip() == whole), 0)
    if 0 < n < len(cells):
        name, rows = f"In [{n}]", cells[n].split("\n")
    text = rows[int(number) - 1].strip() if 0 < int(number) <= len(rows) else ""
    return f"{name}:{number}: {text}" if text else f"{name}:{number}"
