"""The two passes, one step at a time, with the engine's own numbers.

Left to right, each operation computes its value. Right to left, each use of a tensor gives a
contribution to its gradient: incoming gradient, times local derivative; contributions are added up.
Newest first, a tensor's gradient is complete when its turn comes: that is why the order matters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...annotations import Array
from ...backward import fit, keep_zeros
from ..formulas.formula import Formula, rule_of
from ..formulas.notation import plain
from .graph import Graph, Node
from .local import Local, gradient_name, local
from .values import short, whole


@dataclass
class Forward:
    """`v = a + u = 5 + 6 = 11`"""

    node: Node
    numbers: str  # `5 + 6`, or nothing where arrays are too large to write out

    @property
    def text(self) -> str:
        return " = ".join(filter(None, [self.node.title, self.numbers, short(self.node.value)]))


@dataclass
class Backward:
    """One use of a tensor, on the way back: `incoming * derivative = contribution`, added to what was there."""

    graph: Graph
    user: Node
    source: Node
    position: int
    incoming: Any
    contribution: Any
    before: Any  # the running sum; None at the first use of what is no output
    after: Any
    use: int  # which of the uses this is, from 1
    uses: int

    @cached_property
    def derivative(self) -> Formula | None:
        """The local derivative alone, where it is a factor (elementwise rules)."""
        return derivative(self.graph, self.user, self.position)

    @cached_property
    def local(self) -> Local:
        """What the use gives back, as a formula with shapes."""
        found = local(self.graph, self.user, self.position)
        assert found is not None
        return found

    @property
    def factor(self) -> Any:
        """The number, or the array, of the derivative alone."""
        return factor(self.graph, self.user, self.position)

    @property
    def adds(self) -> bool:
        """Whether the gradient has other parts: other uses, or the start that an output has."""
        return self.uses > 1 or self.before is not None

    @property
    def scalar(self) -> bool:
        """Whether it is one number times another."""
        return not (whole(self.source.value).shape or whole(self.user.value).shape)


def forward(graph: Graph) -> list[Forward]:
    """Every operation, oldest first."""
    return [Forward(n, _numbers(graph, n)) for n in graph.nodes.values() if n.op is not None]


def _numbers(graph: Graph, node: Node) -> str:
    """The operation with its inputs' values in place of their names."""
    inputs = [graph.nodes[k] for k in node.inputs]
    if node.op is None or any(whole(n.value).shape for n in inputs) or not inputs:
        return ""
    values = tuple(Formula(value=_rounded(n.value)) for n in inputs)
    text = plain(Formula(op=node.op, args=values, attributes=node.attributes))
    return text if len(text) < 60 else ""


def _rounded(v: Any) -> Any:
    v = whole(v)[()]
    if not isinstance(v, float | np.floating) or not np.isfinite(v):
        return v
    rounded = float(f"{v:.4g}")
    if not np.isfinite(rounded):
        return v
    return int(rounded) if abs(rounded) < 1e6 and rounded == int(rounded) else rounded


def backward(graph: Graph) -> list[Backward]:
    """Every use of every tensor that needs a gradient, newest user first, as the engine goes."""
    sums: dict[str, Any] = dict(graph.seeds)
    used: dict[str, int] = {}
    found: list[Backward] = []
    below = below_masks(graph)
    total = _live_uses(graph)
    for user in reversed(graph.nodes.values()):
        if user.grad is None or user.op is None:
            continue
        arrays = arguments(graph, user)
        for i, key in enumerate(user.inputs):
            source = graph.nodes[key]
            if not source.needs_grad or rule_of(user.op, i) is None:
                continue
            value = contribution(graph, user, i, arrays, user.key in below)
            before = sums.get(key)
            sums[key] = value if before is None else before + value
            used[key] = used.get(key, 0) + 1
            found.append(Backward(graph, user, source, i, user.grad, value, before, sums[key], used[key], total[key]))
    return found


def _live_uses(graph: Graph) -> dict[str, int]:
    """How many contributions each node receives."""
    count: dict[str, int] = {}
    for source, user, i in graph.edges():
        node = graph.nodes[user]
        if node.grad is not None and node.op is not None and graph.nodes[source].needs_grad and rule_of(node.op, i):
            count[source] = count.get(source, 0) + 1
    return count


def below_masks(graph: Graph) -> set[str]:
    """The keys of the nodes whose whole gradient came through masks, as the engine has it: it can be exactly 0."""
    below: set[str] = set()
    reached = set(graph.seeds)
    for user in reversed(graph.nodes.values()):
        if user.grad is None or user.op is None:
            continue
        masked = user.op.masks or user.key in below
        for i, key in enumerate(user.inputs):
            if graph.nodes[key].needs_grad and rule_of(user.op, i):
                if not masked:
                    below.discard(key)
                elif key not in reached:
                    below.add(key)
                reached.add(key)
    return below


def arguments(graph: Graph, user: Node) -> list[Any]:
    """What an operation was computed from, as the engine has it."""
    return [graph.nodes[k].tensor._data for k in user.inputs]  # type: ignore[union-attr]


def contribution(graph: Graph, user: Node, i: int, arrays: list[Any], masked: bool) -> Any:
    """What the engine adds to the gradient of input `i` for this use of these arrays, bit for bit."""
    assert user.op is not None
    assert user.tensor is not None
    source = graph.nodes[user.inputs[i]].tensor
    assert source is not None
    with np.errstate(all="ignore"):
        gx = rule_of(user.op, i)(user.grad, user.tensor._data, *arrays, **user.attributes)
        gx = fit(user.op, gx, source)
        keeps = masked and user.op.kind.entrywise and not user.op.masks and gx is not user.grad
        return keep_zeros(user.grad, gx) if keeps else gx


def is_factor(graph: Graph, user: Node, i: int) -> bool:
    """Whether the gradient comes by a product with the local derivative: of an elementwise op, or of scalars."""
    scalars = not whole(user.value).shape and not whole(graph.nodes[user.inputs[i]].value).shape
    return user.op is not None and (user.op.kind.entrywise or scalars)


def derivative(graph: Graph, user: Node, i: int) -> Formula | None:
    """The local derivative alone, where it is a factor: the rule, read with 1 for `g`."""
    if user.op is None or not is_factor(graph, user, i):
        return None
    found = graph.rules(user).of(i, ("", _one(user)))
    return found if found is None else replace(found, value=_real(found.value, user))


def factor(graph: Graph, user: Node, i: int) -> Any:
    """The value of the local derivative, where it is a factor; else None."""
    if user.op is None or not is_factor(graph, user, i):
        return None
    with np.errstate(all="ignore"):
        arrays = [graph.nodes[k].value for k in user.inputs]
        return _real(rule_of(user.op, i)(_one(user), user.value, *arrays, **user.attributes), user)


def _one(user: Node) -> Any:
    """What stands for the gradient that comes in, in its dtype."""
    one = np.ones_like(user.grad)[()] if isinstance(user.grad, np.ndarray | np.generic) else np.float64(1.0)
    return one if not np.ndim(one) else np.float64(1.0)


def _real(value: Array, user: Node) -> Any:
    """A mask as numbers: 0 or 1."""
    return whole(value).astype(whole(user.value).dtype)[()] if whole(value).dtype.kind == "b" else value


def names(step: Backward) -> tuple[str, str]:
    """`dv`, and `dv/du`: what the incoming gradient and the local derivative are called."""
    return gradient_name(step.user), f"{gradient_name(step.user)}/{gradient_name(step.source)}"
