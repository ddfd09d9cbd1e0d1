"""`why(x)`: why this gradient is None, zero, huge or nan, in one paragraph, with the line to change.

Two witnesses are asked. The graph says what is so: what the result depends on, and what each step
did to the gradient. The user's own source says where: the line at which a name that depends on `x`
was taken out of the graph (`source.py`). All functions that are running are read, so it makes no difference
which of them asks.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Any

import numpy as np

from ... import ops
from ...backward import history
from ...engine import CLEARED, NEEDS, Variable
from ...functions.settings import settings
from ...nn import guards
from ..graph.graph import Graph, Node
from ..graph.reading import read
from ..graph.steps import Backward, backward
from ..graph.values import one, shown, whole, wide
from ..graph.values import size as size_of
from ..graph.watch import callers, is_module, named, results_in
from .case import Answer, Case
from .reasons import ANSWERS, WHERE, advice
from .source import (
    CodeLine,
    Cut,
    assignment_of,
    calls_of,
    cleared,
    cut_after,
    cut_in_a_function,
    cut_inside,
    repeated,
    source_lines,
)

HUGE, TINY = 1e4, 1e-7


@settings
def why(x: object, of: object = None) -> Answer:
    """Why the gradient of `x` is as it is. `of` is the loss; by default the caller's newest scalar result.

    >>> import tinygrad_edu as tg
    >>> w = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> loss = (w * w).sum()
    >>> why(w)
    loss depends on w, and all is recorded, but backward() has not been called. Call loss.backward().
    """
    if not isinstance(x, Variable):
        reason = "a module" if is_module(x) else "not a tensor"
        return Answer(reason, ANSWERS[reason].format(kind=type(x).__name__))
    x.notice()  # numbers of its array that were written over since
    frames = callers()
    scopes: list[Mapping[str, Any]] = [{**frame.f_globals, **frame.f_locals} for frame in frames]
    names = named(scopes)  # as the outermost function calls them: where the program is, not who asks
    path = names.get(x.born, "this tensor")
    name = shown(path if x.name is None or path.endswith(f".{x.name}") else x.name)
    results = [of] if isinstance(of, Variable) else _results(x, scopes)
    case = Case(x, name, scopes, names, results, source_lines(frames))
    return _absent(case) if case.x._grad is None else _present(case)


def _results(x: Variable, scopes: list[Mapping[str, Any]]) -> list[Variable]:
    """The scalar results among the variables of running functions, newest first; if none of them was computed from `x`,
    also those that only other objects hold."""
    named = {r.born: r for scope in scopes for r in results_in(scope)}
    if not any(t.born == x.born for r in named.values() for t in history(r, constants=False)):
        everything = (v for v in gc.get_objects() if issubclass(type(v), Variable))  # isinstance may run others' code
        alive = [v for v in everything if v.op is not None and v.flags & NEEDS]
        used = {id(i) for v in alive for i in v.inputs}
        ends = [v for v in alive if id(v) not in used and np.size(v._data) == 1]
        named |= {r.born: r for r in ends if any(t.born == x.born for t in history(r, constants=False))}
    return [named[born] for born in sorted(named, reverse=True)]


def _absent(case: Case) -> Answer:
    """There is no gradient."""
    x, name, lines = case.x, case.name, case.lines
    if x.op is not None:
        made = assignment_of(lines, name)
        if made is not None and made.reads_itself:
            return case.answer("rebound", made.where)
        return case.answer("inner", case.line(name), op=x.op)
    if not x.flags & NEEDS:
        return _not_asked(case, assignment_of(lines, name))
    if any(case.changed(r) for r in case.results):
        return case.answer("changed", case.line(name))
    using = [r for r in case.results if case.depends(r)]
    walked = calls_of(lines, "backward")
    elsewhere = walked and not any(case.title(r) in walked for r in using)
    if using and not (elsewhere and cut_after(lines, case.stem, case.apart)):
        if found := _cleared(case, walked):
            return found
        return case.answer("no backward", case.line(case.title(using[0])), loss=case.title(using[0]))
    forgot = (_cleared(case, walked) or case.answer("cleared")) if x.flags & CLEARED else None
    if forgot and not case.results:  # the loss that gave it was not kept
        return forgot
    if cut := cut_after(lines, case.stem, case.apart) or cut_inside(lines, case.stem, case.scopes, case.apart):
        return case.answer(cut.cut, cut.where)
    if left := case.left(x.born):
        return case.answer("left", left[-1])
    if cut := cut_in_a_function(lines, case.stem, case.scopes):
        return case.answer(cut.cut, cut.where)
    if forgot:
        return forgot
    if not case.results:
        return case.answer("not recorded", case.line(name))
    loss = case.title(case.results[0])
    return case.answer("not used", case.line(loss), loss=loss)


def _cleared(case: Case, walked: Mapping[str, CodeLine]) -> Answer | None:
    """That the gradient was cleared, where a line does so after one that calls `backward()`; which line, if known."""
    lines = case.lines
    may = [c for c in cleared(lines) if case.clears(c.what, c.how, c.line.block)]
    may = [c for c in may if not c.line.module] or may  # those of running functions first
    if not may or not any(lines.index(line) <= lines.index(may[-1].line) for line in walked.values()):
        return None
    if len({(c.line.file, c.function) for c in may}) > 1:  # which of these functions ran last, no line tells
        return case.answer("cleared")
    stepped = any(lines.index(line) >= lines.index(may[-1].line) for line in calls_of(lines, "step").values())
    return case.answer("cleared before the step" if stepped else "cleared", may[-1].line.where)


def _not_asked(case: Case, made: Cut | None) -> Answer:
    if made is not None and made.cut:
        return case.answer(made.cut, made.where)
    dtype, where = np.asarray(case.x._data).dtype, made.where if made is not None else None
    frozen = [line for line in case.lines if "requires_grad" in line.text and "False" in line.text]
    where = frozen[-1].where if where is None and frozen else where
    return case.answer("not asked", where) if dtype.kind == "f" else case.answer("integer dtype", where, dtype=dtype)


def _present(case: Case) -> Answer:
    """There is one: is it finite, is it all, is it of a sensible size?"""
    g = np.asarray(case.x._grad._data)
    graph = _graph_with(case)
    if not np.isfinite(g).all():
        return _not_finite(case, graph, "nan" if np.isnan(g).any() else "inf")
    if graph is not None and (times := _accumulated(case, graph, g)) > 1:
        again = calls_of(case.lines, "backward").values()
        line = max(again, key=lambda line: line.number).where if again else None
        unless = f" All is well if backward() was called once, on {times} times the loss."
        return case.answer("accumulated", line, times=f"{times} times what the loss gives", unless=unless)
    if line := _never_cleared(case, graph, g):
        return case.answer("accumulated", line, times="a sum over the steps of a loop", unless="")
    if not g.any():
        return _zero(case, graph)
    size = float(np.max(np.abs(g)))
    if size > HUGE:
        return _scaled(case, graph, "huge", size)
    if size < TINY:
        return _scaled(case, graph, "vanishing", size)
    low, high = one(g.min()), one(g.max())
    facts: dict[str, Any] = {"low": low, "high": high, "count": int(np.count_nonzero(g)), "size": g.size}
    if line := _values_left(case):
        return case.answer("values left", line, **facts)
    if graph is not None and (bad := _held_back(case, graph)) is not None:
        step = shown(bad.title)
        return case.answer("held back", case.line_of(graph, bad), step=step, where=WHERE, **facts)
    if _alike(case.x, g):
        return case.answer("symmetry", case.line(case.stem))
    if graph is not None and (found := _partly_dead(case, graph, g)) is not None:
        user, dead, units = found
        text = user.op.blocks[1] if user.op is not None else ""
        more = {"dead": dead, "units": units, "step": shown(user.title), "text": text}
        return case.answer("partly dead", case.line_of(graph, user), **more, **facts)
    if (reason := _not_stepped(case)) is not None:
        made = [line for line in case.lines if ".parameters()" in line.text or "optim." in line.text]
        return case.answer(reason, made[-1].where if made else None, **facts)
    return case.answer("healthy", **facts)


def _alike(x: Variable, g: np.ndarray) -> bool:
    """Whether all units of a layer are one and the same, in weights and in gradients, and so will stay."""
    w = whole(x._data)
    if w.ndim < 2 or x.op is not None:
        return False
    return any(w.shape[axis] > 1 and all(bool((v == np.take(v, [0], axis)).all()) for v in (w, g)) for axis in range(2))


def _partly_dead(case: Case, graph: Graph, g: np.ndarray) -> tuple[Node, int, int] | None:
    """The step that passes no gradient for whole units, how many, of how many; the tensor's rows for them are all 0."""
    still = {(int(dead.sum()), dead.size) for axis in range(g.ndim) if (dead := ~_some(g, axis)).any()}
    for step in _downstream(case, graph) if still else []:
        if step.user.op is None or step.derivative is None or step.user.op.blocks[0] in ("", "times zero"):
            continue  # a unit that is multiplied by 0 was dropped on purpose
        slope = whole(step.derivative.value)
        for axis in range(slope.ndim):
            dead = ~_some(slope, axis)
            if 0 < dead.sum() < dead.size and (int(dead.sum()), dead.size) in still:
                return step.user, int(dead.sum()), dead.size
    return None


def _some(x: np.ndarray, axis: int) -> np.ndarray:
    """Which entries along an axis have anything in them that is not 0."""
    found: np.ndarray = (x != 0).any(tuple(k for k in range(x.ndim) if k != axis))
    return found


def _not_stepped(case: Case) -> str | None:
    """Whether no optimizer has the tensor, and one has its siblings, or has made steps with another model."""
    x, optimizers = case.x, guards.alive(guards.SEEN.optimizers)
    had = [p for o in optimizers for group in o.param_groups for p in group["params"]]
    if x.op is not None or not had or any(p is x for p in had):
        return None
    stepped = any(o._started for o in optimizers)
    for module in (v for scope in case.scopes for v in scope.values() if is_module(v)):
        siblings = [p for _, p in module.named_parameters()]
        if any(p is x for p in siblings):
            return (
                "without a layer" if any(p is q for p in had for q in siblings) else "another model" * stepped or None
            )
    return None


def _values_left(case: Case) -> str | None:
    """The first line at which values left the graph while the newest result that depends on the tensor was computed."""
    result = next((r for r in case.results if case.depends(r)), None)
    if result is None:
        return None
    first = min((t.born for t in history(result, constants=False) if t.op is not None), default=result.born)
    return next(iter(case.left(first, result.born)), None)


def _graph_with(case: Case) -> Graph | None:
    """The graph, with gradients, of the newest result that depends on the tensor."""
    found = next((r for r in case.results if case.depends(r)), None)
    graph = None if found is None else read(found, who="why", grads=True, scopes=case.scopes)
    return graph if graph is not None and graph.seeds else None


def _node(case: Case, graph: Graph) -> Node:
    return next(n for n in graph.nodes.values() if n.tensor is not None and n.tensor.born == case.x.born)


def _accumulated(case: Case, graph: Graph, g: Any) -> int:
    """How many times the gradient of the loss is in `.grad`."""
    own = _node(case, graph).grad
    if own is None or not np.any(own) or not np.isfinite(own).all():
        return 1
    top = np.max(np.abs(own))  # squares of huge numbers would overflow, and of tiny ones vanish
    scaled = wide(own) / wide(top)
    times = round(float(np.sum(wide(g) / wide(top) * scaled) / np.sum(scaled * scaled)))
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


def _never_cleared(case: Case, graph: Graph | None, g: Any) -> str | None:
    """The line that adds to the gradient in a loop in which nothing clears it."""
    own = _node(case, graph).grad if graph is not None else None
    may = any(c.how == "grad" or case.clears(c.what, c.how, c.line.block) for c in cleared(case.lines))
    line = repeated(case.lines, "backward")
    if line is None or may or (own is not None and np.allclose(g, own, rtol=1e-4)):
        return None
    return line.where


def _zero(case: Case, graph: Graph | None) -> Answer:
    if graph is None:
        return case.answer("zero")
    for step in _downstream(case, graph):
        if not whole(step.source.value).size or not whole(step.user.value).size:
            return case.answer("empty", case.line_of(graph, step.user), step=shown(step.user.title))
        if whole(step.incoming).any() and not whole(step.contribution).any():
            op = step.user.op
            assert op is not None
            reason, text = op.blocks
            text = text or f"the derivative of {op} is 0 at these inputs; the loss may be at a minimum"
            words = f"The gradient of {case.name} is 0 because of {shown(step.user.title)}: {text}."
            return Answer(reason or "flat here", words, case.line_of(graph, step.user))
    return case.answer("zero")


def _not_finite(case: Case, graph: Graph | None, kind: str) -> Answer:
    if graph is None:
        return case.answer("not finite", kind=kind)
    for n in graph.nodes.values():
        if n.op is not None and not np.isfinite(whole(n.value)).all():
            step = shown(n.title)
            return case.answer("not finite forward", case.line_of(graph, n), kind=kind, step=step, advice=advice(n.op))
    for use in backward(graph):
        if not np.isfinite(whole(use.contribution)).all():
            assert use.user.op is not None
            step = shown(use.user.title)
            line = case.line_of(graph, use.user)
            assert use.user.op is not None
            return case.answer("infinite slope", line, kind=kind, step=step, advice=advice(use.user.op))
    return case.answer("not finite", kind=kind)


def _held_back(case: Case, graph: Graph) -> Node | None:
    """The first step after the tensor whose value or slope is not finite, where a `where` after it leaves that out."""
    steps = _downstream(case, graph)
    if not any(step.user.op is ops.where for step in steps):
        return None
    for step in steps:
        slope = step.derivative.value if step.derivative is not None else 0.0
        if not all(np.isfinite(wide(v)).all() for v in (step.user.value, slope)):
            return step.user
    return None


def _scaled(case: Case, graph: Graph | None, reason: str, size: float) -> Answer:
    """Too large or too small: the step that does most of it."""
    steps = _downstream(case, graph) if graph is not None else []
    ratios = {i: size_of(s.contribution) / size_of(s.incoming) for i, s in enumerate(steps) if size_of(s.incoming) > 0}
    ratios = {i: r for i, r in ratios.items() if r > 0}
    if graph is None or not ratios:
        return case.answer(reason, size=one(size), where="")
    huge = reason == "huge"
    i = (max if huge else min)(ratios, key=lambda k: ratios[k])
    user, most, word = steps[i].user, "steepest" if huge else "flattest", "larger" if huge else "smaller"
    times = one(ratios[i] if huge else 1 / ratios[i], 2)
    where = f" The {most} step is {shown(user.title)}: it makes the gradient {times} times {word}."
    return case.answer(reason, case.line_of(graph, user), size=one(size), where=where)
