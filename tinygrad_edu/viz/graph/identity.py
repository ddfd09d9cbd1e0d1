"""Which tensor of one graph is which of another: by name, by operation, and by place; never by birth.

A leaf is what its own name or its path says; one without is what stands at the same place of the same operation.
Operations are walked from the results back, in the order of their inputs, so the order in which a program happened
to build its parts makes no difference. What remains is aligned as a sequence, as two versions of a text are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

from .graph import Graph, Node

Pairs = dict[str, str]  # keys of the first graph, and those of the second


def same(a: Graph, b: Graph) -> Pairs:
    """What both graphs have, oldest first."""
    left, right = _from_the_results(a), _from_the_results(b)
    pairs = _by_name(a, b)
    names_a, names_b = ({key: name for name, key in _named(g).items()} for g in (a, b))
    for what in (_with_names, _alone):
        rest_a = [n for n in left if n.op is not None and n.key not in pairs]
        taken = set(pairs.values())
        rest_b = [n for n in right if n.op is not None and n.key not in taken]
        _align(rest_a, rest_b, [what(a, n, names_a) for n in rest_a], [what(b, n, names_b) for n in rest_b], pairs)
        if what is _with_names and len(pairs) == len(a.nodes) == len(b.nodes):
            break
    _by_place(a, b, pairs)
    return {k: pairs[k] for k in a.nodes if k in pairs}


def alike(a: Graph, b: Graph) -> Pairs | None:
    """The pairs, if both graphs do the same with the same; else None."""
    if len(a.nodes) != len(b.nodes) or len(a.outputs) != len(b.outputs):
        return None
    pairs = same(a, b)
    whole = len(pairs) == len(a.nodes) and all(pairs[p] == q for p, q in zip(a.outputs, b.outputs, strict=True))
    fits = whole and all(
        n.op is b.nodes[pairs[k]].op and [pairs[i] for i in n.inputs] == list(b.nodes[pairs[k]].inputs)
        for k, n in a.nodes.items()
    )
    return pairs if fits else None


def _from_the_results(graph: Graph) -> list[Node]:
    """Every node once, after its inputs, in the order of the outputs and of the arguments."""
    found: dict[str, Node] = {}
    todo = [(k, False) for k in reversed(graph.outputs)]
    while todo:
        key, ready = todo.pop()
        if ready:
            found.setdefault(key, graph.nodes[key])
        elif key not in found:
            todo.append((key, True))
            todo += [(k, False) for k in reversed(graph.nodes[key].inputs) if k not in found]
    return list(found.values())


def _by_name(a: Graph, b: Graph) -> Pairs:
    """The leaves that have a name, and the same name in both."""
    left, right = _named(a), _named(b)
    return {key: right[name] for name, key in left.items() if name in right}


def _named(graph: Graph) -> dict[str, str]:
    """The leaves with a name of their own; `w` and `w_2` may be two that are both called `w`."""
    found = {n.name: n.key for n in graph.nodes.values() if n.op is None and n.named}
    again = {name for name in found if name.rpartition("_")[0] in found and name.rpartition("_")[2].isdigit()}
    unclear = again | {name.rpartition("_")[0] for name in again}
    return {name: key for name, key in found.items() if name not in unclear}


def _with_names(graph: Graph, n: Node, named: Pairs) -> Any:
    """An operation, and the named leaves that it uses."""
    return str(n.op), len(n.inputs), tuple(named.get(k, "") for k in n.inputs)


def _alone(graph: Graph, n: Node, named: Pairs) -> Any:
    return str(n.op), len(n.inputs)


def _align(a: list[Node], b: list[Node], left: list[Any], right: list[Any], pairs: Pairs) -> None:
    for equal, i, j, k, m in stretches(left, right):
        if equal:
            pairs.update((x.key, y.key) for x, y in zip(a[i:j], b[k:m], strict=True))


def _by_place(a: Graph, b: Graph, pairs: Pairs) -> None:
    """The other leaves: at the same place of most of the operations that are the same."""
    taken = set(pairs.values())
    votes: Counter[tuple[str, str]] = Counter()
    for n in a.nodes.values():
        if n.op is not None and n.key in pairs:
            votes.update(zip(n.inputs, b.nodes[pairs[n.key]].inputs, strict=False))
    if len(a.outputs) == len(b.outputs):
        votes.update(zip(a.outputs, b.outputs, strict=True))
    for (x, y), _ in votes.most_common():
        if x not in pairs and y not in taken and a.nodes[x].op is None and b.nodes[y].op is None:
            pairs[x] = y
            taken.add(y)


Stretch = tuple[bool, int, int, int, int]  # whether both have it, from where to where in the first and in the second


def stretches(a: Sequence[Any], b: Sequence[Any]) -> Iterator[Stretch]:
    """What both have and what one has, in order; only what lies between the outer differences takes long."""
    low, high = 0, 0
    shorter = min(len(a), len(b))
    while low < shorter and a[low] == b[low]:
        low += 1
    while high < shorter - low and a[len(a) - 1 - high] == b[len(b) - 1 - high]:
        high += 1
    yield True, 0, low, 0, low
    matcher = SequenceMatcher(None, a[low : len(a) - high], b[low : len(b) - high], autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        yield tag == "equal", low + i, low + j, low + k, low + m
    yield True, len(a) - high, len(a), len(b) - high, len(b)
