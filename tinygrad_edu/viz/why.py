"""`why(x)`: why this gradient is None, zero, huge or nan, in one paragraph, with the line to change.

Two witnesses are asked. The graph says what is so: what the result depends on, and what each step
did to the gradient. The user's own source says where: the line at which a name that depends on `x`
was taken out of the graph (`culprit.py`).
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine import NEEDS, Variable, history
from .culprit import Cut, assignment_of, cut_after, source_lines
from .graph import Graph, Node, read
from .reasons import ANSWERS, BLOCKED, advice
from .steps import Backward, backward
from .values import one, shown, whole
from .values import size as size_of
from .watch import caller, names_in, results_in

HUGE, TINY = 1e4, 1e-7


@dataclass(frozen=True)
class Answer:
    """A reason in a word, the paragraph, and the line to change (or None)."""

    reason: str
    text: str
    line: str | None = None

    def __str__(self) -> str:
        return self.text + (f" The line: {self.line}" if self.line else "")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(str(self))}</p>"


@dataclass
class Case:
    """What is known about the question: the tensor, its name, the results of the program."""

    x: Any
    name: str
    names: dict[int, str]
    results: list[Variable]

    def answer(self, reason: str, line: str | None = None, **facts: Any) -> Answer:
        return Answer(reason, ANSWERS[reason].format(x=self.name, **facts), line)

    def depends(self, r: Variable) -> bool:
        return any(t.born == self.x.born for t in history(r, constants=False))

    def title(self, r: Variable) -> str:
        return shown(r.name or self.names.get(r.born, "the result"))


def why(x: Any, of: Any = None) -> Answer:
    """Why the gradient of `x` is as it is. `of` is the loss; by default the caller's newest scalar result.

    >>> import tinygrad_edu as tg
    >>> w = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> loss = (w * w).sum()
    >>> why(w)
    loss depends on w, and all is recorded, but nobody has walked back yet. Call loss.backward().
    """
    scope = caller()
    names = names_in(scope)
    if not isinstance(x, Variable):
        return Answer("not a tensor", ANSWERS["not a tensor"].format(kind=type(x).__name__))
    name = shown(x.name or names.get(x.born, "this tensor"))
    case = Case(x, name, names, [of] if isinstance(of, Variable) else results_in(scope))
    return _absent(case) if case.x.grad is None else _present(case)


def _absent(case: Case) -> Answer:
    """There is no gradient."""
    x, name, lines = case.x, case.name, source_lines()
    if x.op is not None:
        made = assignment_of(lines, name)
        if made is not None and made.reads_itself:
            return case.answer("rebound", made.where)
        return case.answer("inner", op=x.op)
    if not x.flags & NEEDS:
        return _not_asked(case, assignment_of(lines, name))
    if using := [r for r in case.results if case.depends(r)]:
        cleared = [line for line in lines if "zero_grad(" in line.text or f"{name}.grad = None" in line.text]
        if cleared and any(".backward(" in line.text for line in lines if line.number < cleared[-1].number):
            return case.answer("cleared", cleared[-1].where)
        return case.answer("no backward", loss=case.title(using[0]))
    if cut := cut_after(lines, name):
        return case.answer(cut.cut, cut.where)
    if any(t.born < x.born and t.op is None and t.name == name for r in case.results for t in history(r)):
        return case.answer("changed")
    if not case.results:
        return case.answer("not recorded")
    return case.answer("not used", loss=case.title(case.results[0]))


def _not_asked(case: Case, made: Cut | None) -> Answer:
    if made is not None and made.cut:
        return case.answer(made.cut, made.where)
    dtype = np.asarray(case.x._data).dtype
    return case.answer("not asked") if dtype.kind == "f" else case.answer("integer dtype", dtype=dtype)


def _present(case: Case) -> Answer:
    """There is one: is it finite, is it all, is it of a sensible size?"""
    g = np.asarray(case.x.grad._data)
    graph = _graph_with(case)
    if not np.isfinite(g).all():
        return _not_finite(case, graph, "nan" if np.isnan(g).any() else "inf")
    if graph is not None and (times := _accumulated(case, graph, g)) > 1:
        return case.answer("accumulated", times=times)
    if not g.any():
        return _zero(case, graph)
    size = float(np.max(np.abs(g)))
    if size > HUGE:
        return _scaled(case, graph, "huge", size)
    if size < TINY:
        return _scaled(case, graph, "vanishing", size)
    low, high = one(g.min()), one(g.max())
    return case.answer("healthy", low=low, high=high, count=int(np.count_nonzero(g)), size=g.size)


def _graph_with(case: Case) -> Graph | None:
    """The graph, with gradients, of the newest result that depends on the tensor."""
    found = next((r for r in case.results if case.depends(r)), None)
    return None if found is None else read(found, who="why", grads=True)


def _node(case: Case, graph: Graph) -> Node:
    return next(n for n in graph.nodes.values() if n.tensor is not None and n.tensor.born == case.x.born)


def _accumulated(case: Case, graph: Graph, g: Any) -> int:
    """How many times the gradient of the loss is in `.grad`."""
    own = _node(case, graph).grad
    if own is None or not np.any(own) or not np.isfinite(own).all():
        return 1
    times = round(float(np.sum(g * own) / np.sum(own * own)))
    return times if times > 1 and np.allclose(g, times * np.asarray(own), rtol=1e-4) else 1


def _downstream(case: Case, graph: Graph) -> list[Backward]:
    """The uses on the way from the tensor to the result, nearest to the tensor first."""
    reached = {_node(case, graph).key}
    found = []
    for step in reversed(backward(graph)):
        if step.source.key in reached:
            reached.add(step.user.key)
            found.append(step)
    return found


def _zero(case: Case, graph: Graph | None) -> Answer:
    for step in _downstream(case, graph) if graph is not None else ():
        if whole(step.incoming).any() and not whole(step.contribution).any():
            op = str(step.user.op)
            reason, text = BLOCKED.get(op, ("flat here", f"the derivative of {op} is 0 at these inputs"))
            words = f"The gradient of {case.name} is 0 because of {shown(step.user.title)}: {text}."
            return Answer(reason, words, step.user.site)
    return case.answer("zero")


def _not_finite(case: Case, graph: Graph | None, kind: str) -> Answer:
    if graph is None:
        return case.answer("not finite", kind=kind)
    for n in graph.nodes.values():
        if n.op is not None and not np.isfinite(whole(n.value)).all():
            step = shown(n.title)
            return case.answer("not finite forward", n.site, kind=kind, step=step, advice=advice(n.op))
    for use in backward(graph):
        if not np.isfinite(whole(use.contribution)).all():
            step = shown(use.user.title)
            return case.answer("infinite slope", use.user.site, kind=kind, step=step, advice=advice(use.user.op))
    return case.answer("not finite", kind=kind)


def _scaled(case: Case, graph: Graph | None, reason: str, size: float) -> Answer:
    """Too large or too small: the step that does most of it."""
    steps = _downstream(case, graph) if graph is not None else []
    ratios = {i: size_of(s.contribution) / size_of(s.incoming) for i, s in enumerate(steps) if size_of(s.incoming) > 0}
    ratios = {i: r for i, r in ratios.items() if r > 0}
    if not ratios:
        return case.answer(reason, size=one(size), where="")
    pick, word, factor = (max, "larger", 1) if reason == "huge" else (min, "smaller", -1)
    i = pick(ratios, key=lambda k: ratios[k])
    user = steps[i].user
    most = "steepest" if factor == 1 else "flattest"
    times = one(ratios[i] ** factor, 2)
    where = f" The {most} step is {shown(user.title)}: it makes the gradient {times} times {word}."
    return case.answer(reason, user.site, size=one(size), where=where)
