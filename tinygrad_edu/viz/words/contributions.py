"""Where one number of a gradient comes from: a sum over paths, uses, examples and time steps.

An entry of a gradient is `sum_j g[j] * dy[j]/dx[entry]` over the entries of each result that uses
`x`. Forward mode gives `dy/dx[entry]` for all `j` at once, for any operation, so the terms of the
sum can be shown one by one, and nothing about an operation is said a second time.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ...backward import history
from ...engine import NEEDS, Variable
from ...errors import GraphError, ShapeError
from ...transforms.forward import tangent
from ..formulas.formula import rule_of
from ..graph.graph import Graph, Node
from ..graph.reading import read
from ..graph.steps import Backward, arguments, backward, below_masks, contribution
from ..graph.values import whole
from ..graph.watch import caller, names_in, results_in

MOST_PATHS = 64
Terms = list[tuple[str, float]]  # where it comes from, and the number


def parts(x: object, entry: object, of: object) -> tuple[str, float, str, Terms]:
    """An entry's name and value, what it is the gradient of, and its contributions."""
    if not isinstance(x, Variable) or not x.flags & NEEDS:
        raise GraphError(
            "explain: entry needs a tensor that requires a gradient; got another; pass a parameter of your program"
        )
    index = entry if isinstance(entry, tuple) else (entry,)
    if len(index) != np.ndim(x._data) or not all(_fits(i, n) for i, n in zip(index, np.shape(x._data), strict=True)):
        raise ShapeError(
            f"explain: entry must name one entry of shape {np.shape(x._data)}; got {index}; "
            "give one index for each axis"
        )
    graph = read(of if of is not None else _newest_result(x), who="explain", grads=True)
    node = next((n for n in graph.nodes.values() if n.tensor is not None and n.tensor.born == x.born), None)
    if node is None or node.grad is None:
        found = graph.notices[0] if graph.notices else "it does not"
        raise GraphError(f"explain: the result must depend on the tensor as it is; {found}; ask tg.why(x)")
    name = f"d{node.name}[{', '.join(map(str, index))}]" if index else f"d{node.name}"
    return name, float(np.asarray(node.grad)[index]), graph.result, contributions(graph, node, index)


def _fits(i: object, n: int) -> bool:
    return isinstance(i, int | np.integer) and not isinstance(i, bool) and bool(-n <= i < n)


def _newest_result(x: Variable) -> Variable:
    """The newest scalar among the caller's variables that was computed from `x`."""
    scope = caller()
    for v in results_in(scope):
        if any(t.born == x.born for t in history(v, constants=False)):
            return v
    raise GraphError(
        f"explain: needs the result that was differentiated; found none that depends on "
        f"{names_in(scope).get(x.born, 'the tensor')}; pass of=loss"
    )


def contributions(graph: Graph, node: Node, index: tuple[int, ...]) -> Terms:
    """The terms whose sum is one entry of a gradient, largest first: `(where it comes from, value)`."""
    terms = _paths(graph, node) if not index else None
    if terms is None:
        terms, below = [("as the result itself", 1.0)] * (node.key in graph.outputs), below_masks(graph)
        times = Counter(n.op for n in graph.nodes.values() for k in n.inputs if k == node.key)
        turn = Counter(times)
        for user in reversed(graph.nodes.values()):
            for i, key in enumerate(user.inputs):
                if key != node.key:
                    continue
                which = f", use {turn[user.op]} of {times[user.op]}" if times[user.op] > 1 else ""
                turn[user.op] -= 1
                if user.grad is not None:
                    terms += _terms_of_use(graph, user, i, index, user.key in below, which)
    return sorted(terms, key=lambda term: -abs(term[1]))


def _terms_of_use(graph: Graph, user: Node, i: int, index: tuple[int, ...], masked: bool, which: str) -> Terms:
    """One use, taken apart along the axis over which its rule sums; `which` of several, as of time steps."""
    assert user.op is not None
    if rule_of(user.op, i) is None:
        return []
    source, where = graph.nodes[user.inputs[i]], f"through {user.title}{which}"
    total = float(np.asarray(contribution(graph, user, i, arguments(graph, user), masked))[index])
    change = whole(np.ones_like(user.grad) * _change(graph, user, i, index))
    places = np.argwhere(change)
    axes = [k for k in range(change.ndim) if len(set(places[:, k].tolist())) > 1]
    if not axes:
        return [(where, total)]
    with np.errstate(all="ignore"):
        terms = np.multiply(whole(user.grad), change)
        along = terms.sum(axis=tuple(k for k in range(terms.ndim) if k != axes[0]), dtype=np.float64)
    if not (np.isfinite(along).all() and np.isclose(along.sum(), total, rtol=1e-4, atol=1e-6 * np.abs(along).sum())):
        return [(where, total)]  # the rule is no sum of these, as where zeros are kept beside inf
    examples = source.op is None and (axes[0] == 0 or len(axes) == 1)  # the course keeps them in columns
    word = "example" if examples else f"axis {axes[0]}, place"
    return [(f"{where}, {word} {k}", float(along[k])) for k in sorted(set(places[:, axes[0]].tolist()))]


def _change(graph: Graph, user: Node, i: int, index: tuple[int, ...]) -> Any:
    """How each entry of a result changes with one entry of its input `i`."""
    assert user.op is not None
    arrays = [graph.nodes[k].value for k in user.inputs]
    nudge = np.zeros_like(whole(arrays[i]))
    nudge[index] = 1
    moved = [nudge[()] if k == i else None for k in range(len(arrays))]
    with np.errstate(all="ignore"):
        return tangent(user.op, moved, user.value, arrays, user.attributes)


def _paths(graph: Graph, node: Node) -> Terms | None:
    """On scalars: each path to a result, with the product of the derivatives along it; None if there are too many."""
    steps: dict[str, list[Backward]] = {}
    for step in backward(graph):
        if not step.scalar:
            return None
        steps.setdefault(step.source.key, []).append(step)
    done: Terms = []
    todo: list[tuple[str, list[str], float]] = [(node.key, [node.name], 1.0)]
    while todo:
        key, names, product = todo.pop()
        if key in graph.outputs:
            done.append(("along " + " → ".join(names), product))
        for step in reversed(steps.get(key, [])):
            assert step.derivative is not None
            todo.append((step.user.key, [*names, step.user.name], product * float(step.derivative.value)))
        if len(done) + len(todo) > MOST_PATHS:
            return None
    return done
