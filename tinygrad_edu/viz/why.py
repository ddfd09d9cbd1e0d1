"""`why(x)`: why this gradient is None, zero, huge or nan, in one paragraph, with the line to change.

Two witnesses are asked. The graph says what is so: what the result depends on, and what each step
did to the gradient. The user's own source says where: the line at which a name that depends on `x`
was taken out of the graph (`culprit.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine import NEEDS, Variable, history
from .culprit import Cut, assignment_of, cut_after, source_lines
from .graph import Graph, Node, add_gradients, read
from .steps import Backward, backward
from .values import one, shown
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
        import html

        return f"<p>{html.escape(str(self))}</p>"


@dataclass
class Case:
    """What is known about the question."""

    x: Variable
    name: str
    scope: dict[str, Any]
    results: list[Variable]


def why(x: Any, of: Any = None) -> Answer:
    """Why the gradient of `x` is as it is. `of` is the loss; by default the caller's newest scalar result.

    >>> import tinygrad_edu as tg
    >>> w = tg.Tensor([1.0, 2.0])
    >>> loss = (w * w).sum()
    >>> print(why(w))
    w has no gradient because it was not asked for: requires_grad is False, so nothing that uses w is recorded. \
Write tg.Tensor(..., requires_grad=True).
    """
    scope = dict(caller())
    if not isinstance(x, Variable):
        return Answer("not a tensor", f"This is a {type(x).__name__}, not a tensor: it has no place in a graph. Use tg.Tensor(x, requires_grad=True) in the computation.")  # fmt: skip
    name = x.name or names_in(scope).get(x.born, "this tensor")
    case = Case(x, shown(name), scope, [of] if isinstance(of, Variable) else results_in(scope))
    if x.grad is None:
        return _none(case)
    return _present(case)


def _none(case: Case) -> Answer:
    x, name = case.x, case.name
    if x.op is not None:
        return _inner(case)
    if not x.flags & NEEDS:
        return _not_asked(case)
    using = [r for r in case.results if any(t.born == x.born for t in history(r, constants=False))]
    if using:
        return _no_backward(case)
    older = [r for r in case.results if any(t.past is None and t.born < x.born and t.name == x.name for t in history(r, constants=False) if x.name)]  # fmt: skip
    cut = cut_after(source_lines(), name)
    if cut is not None:
        return _cut(case, cut)
    if older:
        return Answer("changed", f"{name} was changed after the loss was computed. Compute the loss again, then call backward().")  # fmt: skip
    results = [r for r in case.results if r.flags & NEEDS]
    if not results:
        return Answer("not recorded", f"{name} has no gradient because no recorded result depends on it: nothing was computed from it yet, or it was computed under no_grad(). Compute the loss outside no_grad(), then call loss.backward().")  # fmt: skip
    return Answer("not used", f"{name} has no gradient because the loss does not depend on it: no step from {name} leads to {_title(case, results[0])}. Use {name} in the computation, or take it out of the parameters.")  # fmt: skip


def _title(case: Case, r: Variable) -> str:
    return shown(r.name or names_in(case.scope).get(r.born, "the result"))


def _inner(case: Case) -> Answer:
    name = case.name
    line = assignment_of(source_lines(), name)
    if line is not None and line.reads_itself:
        return Answer("rebound", f"{name} has no gradient because it is no longer your parameter: the line made a new result and gave it the name {name}. Update the numbers in place instead: with tg.no_grad(): {name} -= step, or {name}.data = {name}.data - step.", line.where)  # fmt: skip
    return Answer("inner", f"{name} is an inner result (made by {case.x.op}), and backward() keeps gradients of leaves only. To see it: tg.draw(loss, detail='gradients'), tg.explain(loss), or tg.grad with respect to it.")  # fmt: skip


def _not_asked(case: Case) -> Answer:
    x, name = case.x, case.name
    cut = assignment_of(source_lines(), name)
    if cut is not None and cut.cut:
        return _cut(case, cut)
    if np.asarray(x._data).dtype.kind != "f":
        kind = np.asarray(x._data).dtype
        return Answer("integer", f"{name} has no gradient because it holds {kind} numbers, which do not vary smoothly. Make it a float: tg.Tensor(..., dtype='float32', requires_grad=True), or 1.0 instead of 1.")  # fmt: skip
    return Answer("not asked", f"{name} has no gradient because it was not asked for: requires_grad is False, so nothing that uses {name} is recorded. Write tg.Tensor(..., requires_grad=True).")  # fmt: skip


def _no_backward(case: Case) -> Answer:
    name = case.name
    lines = source_lines()
    for line in reversed(lines):
        if "zero_grad" in line.text or (f"{name}.grad = None" in line.text):
            return Answer("cleared", f"The gradient of {name} was cleared after it was computed. Read it, or call optimizer.step(), before clearing it.", line.where)  # fmt: skip
    loss = _title(case, case.results[0])
    return Answer("no backward", f"{loss} depends on {name}, and all is recorded, but nobody has walked back yet. Call {loss}.backward().")  # fmt: skip


CUTS = {
    "detach": "detach() gives the same values without their history; leave it out",
    "data": ".data is the bare array; compute with the tensor itself",
    "numpy": "this leaves the graph for a NumPy array; use the tensor, or np functions on the tensor, which record",
    "item": "this makes a plain Python number; keep the tensor, and take item() only to print",
    "tensor": "tg.Tensor(...) copies the values into a new leaf; use the tensor as it is",
    "no_grad": "nothing is recorded inside no_grad(); move this line out of the block",
    "comparison": "a comparison is flat: its derivative is 0 where it has one; train on a smooth loss, and compare only to report",
    "argmax": "a position does not vary smoothly; use softmax or logsumexp for training, argmax only to report",
    "integer": "whole numbers do not vary smoothly; keep floats until after the loss",
    "flat": "round, floor, ceil and sign are flat: their derivative is 0; use a smooth function in training",
}  # fmt: skip


def _cut(case: Case, cut: Cut) -> Answer:
    return Answer(cut.cut, f"{case.name} has no gradient because the path from it is cut here: {CUTS[cut.cut]}.", cut.where)


def _present(case: Case) -> Answer:
    x, name, g = case.x, case.name, np.asarray(case.x.grad._data)
    graph = _graph_with(case)
    if not np.isfinite(g).all():
        return _not_finite(case, graph)
    if graph is not None and (times := _accumulated(case, graph, g)) > 1:
        return Answer("accumulated", f"The gradient of {name} is {times} times what the loss gives: backward() adds to what is there, and it was not cleared in between. Call optimizer.zero_grad(), or set {name}.grad = None, before each backward().")  # fmt: skip
    if not g.any():
        return _zero(case, graph)
    size = float(np.max(np.abs(g)))
    if size > HUGE:
        return _large(case, graph, size)
    if size < TINY:
        return _small(case, graph, size)
    return Answer("healthy", f"The gradient of {name} is fine: from {one(g.min())} to {one(g.max())}, all finite, {int(np.count_nonzero(g))} of {g.size} entries not 0.")  # fmt: skip


def _graph_with(case: Case) -> Graph | None:
    """The graph of the newest result that depends on `x`, with gradients."""
    for r in case.results:
        if any(t.born == case.x.born for t in history(r, constants=False)):
            graph = read(r, who="why")
            by_birth = names_in(case.scope)
            for n in graph.nodes.values():
                if n.tensor is not None and not n.named and n.tensor.born in by_birth:
                    n.name = by_birth[n.tensor.born]
            add_gradients(graph)
            return graph
    return None


def _node(case: Case, graph: Graph) -> Node:
    return next(n for n in graph.nodes.values() if n.tensor is not None and n.tensor.born == case.x.born)


def _accumulated(case: Case, graph: Graph, g: Any) -> int:
    own = _node(case, graph).grad
    if own is None or not np.any(own) or not np.isfinite(own).all():
        return 1
    ratio = float(np.sum(g * own) / np.sum(own * own))
    times = round(ratio)
    return times if times > 1 and np.allclose(g, times * np.asarray(own), rtol=1e-4) else 1


def _downstream(graph: Graph, start: Node) -> list[Backward]:
    """The uses on the way from a node to the result, nearest to the node first."""
    reached = {start.key}
    found = []
    uses = backward(graph)
    for step in reversed(uses):
        if step.source.key in reached:
            reached.add(step.user.key)
            found.append(step)
    return found


SATURATED = {
    "relu": ("dead relu", "every input of relu is negative here, where its slope is 0; use a smaller learning rate, a smaller negative bias, or leaky_relu"),
    "sigmoid": ("saturated", "sigmoid is flat for inputs as far from 0 as these; use smaller weights, normalise the inputs, or a loss that takes logits"),
    "tanh": ("saturated", "tanh is flat for inputs as far from 0 as these; use smaller weights, or normalise the inputs"),
    "where": ("not chosen", "where takes the other branch for every entry, so nothing that is computed here reaches the result"),
    "clip": ("clipped", "every entry is outside the bounds of clip, where it is flat; widen the bounds"),
    "maximum": ("not chosen", "the other input is larger everywhere, so this one does not reach the result"),
    "minimum": ("not chosen", "the other input is smaller everywhere, so this one does not reach the result"),
    "multiply": ("times zero", "it is multiplied by 0, so no change of it reaches the result"),
    "matmul": ("times zero", "it is multiplied by a matrix of zeros, so no change of it reaches the result; start weights with random numbers"),
}  # fmt: skip


def _zero(case: Case, graph: Graph | None) -> Answer:
    name = case.name
    if graph is not None:
        for step in _downstream(graph, _node(case, graph)):
            if np.any(step.incoming) and not np.any(step.contribution):
                word = step.user.op.name if step.user.op else ""
                reason, text = SATURATED.get(word, ("flat", f"the derivative of {word} is 0 at these inputs"))
                return Answer(reason, f"The gradient of {name} is 0 because of {shown(step.user.title)}: {text}.", _site(step.user))  # fmt: skip
    return Answer("zero", f"The gradient of {name} is 0 everywhere: the loss does not change with it here. It may be at a minimum.")  # fmt: skip


def _site(node: Node) -> str | None:
    return node.tensor.site if node.tensor is not None else None


def _not_finite(case: Case, graph: Graph | None) -> Answer:
    name, g = case.name, np.asarray(case.x.grad._data)
    kind = "nan" if np.isnan(g).any() else "inf"
    if graph is not None:
        from .anomaly import ADVICE

        for n in graph.nodes.values():
            if n.op is not None and not np.isfinite(n.value).all():
                advice = ADVICE.get(n.op.name, "look at its inputs")
                return Answer("not finite forward", f"The gradient of {name} is {kind} because a value already is: {shown(n.title)} is not finite. There: {advice}.", _site(n))  # fmt: skip
        for step in backward(graph):
            if not np.isfinite(step.contribution).all():
                word = step.user.op.name if step.user.op else ""
                return Answer("infinite slope", f"The gradient of {name} is {kind} because {shown(step.user.title)} has no finite slope at its input, although its value is finite. There: {ADVICE.get(word, 'look at its inputs')}.", _site(step.user))  # fmt: skip
    return Answer("not finite", f"The gradient of {name} is {kind}. Run the computation inside `with tg.detect_anomaly():` to find the step that made it.")  # fmt: skip


def _rms(v: Any) -> float:
    return float(np.sqrt(np.mean(np.square(np.asarray(v, dtype=np.float64)))))


def _strongest(case: Case, graph: Graph, sign: float) -> Backward | None:
    """The step that made the gradient grow (or shrink) most."""
    steps = [s for s in _downstream(graph, _node(case, graph)) if _rms(s.incoming) > 0 and _rms(s.contribution) > 0]
    if not steps:
        return None
    return max(steps, key=lambda s: sign * (np.log(_rms(s.contribution)) - np.log(_rms(s.incoming))))


def _large(case: Case, graph: Graph | None, size: float) -> Answer:
    step = _strongest(case, graph, 1.0) if graph is not None else None
    where = f" The steepest step is {shown(step.user.title)}: it makes the gradient {one(_rms(step.contribution) / _rms(step.incoming), 2)} times larger." if step else ""  # fmt: skip
    return Answer("huge", f"The gradient of {case.name} is huge (up to {one(size)}): steps that each make it larger multiply (it explodes).{where} Use smaller weights, a mean instead of a sum, normalised inputs, or nn.utils.clip_grad_norm_.", _site(step.user) if step else None)  # fmt: skip


def _small(case: Case, graph: Graph | None, size: float) -> Answer:
    step = _strongest(case, graph, -1.0) if graph is not None else None
    where = f" The flattest step is {shown(step.user.title)}: it makes the gradient {one(_rms(step.incoming) / _rms(step.contribution), 2)} times smaller." if step else ""  # fmt: skip
    return Answer("vanishing", f"The gradient of {case.name} is tiny (at most {one(size)}): steps that each make it smaller multiply (it vanishes).{where} Use relu instead of sigmoid, better initial weights (Xavier, He), or fewer layers.", _site(step.user) if step else None)  # fmt: skip
