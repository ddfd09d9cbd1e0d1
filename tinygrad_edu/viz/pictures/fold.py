"""What of a graph is drawn: all of it, or repeated parts once with a count, and modules as one box.

Birth order is a topological order, so a time step, a layer or a block that runs again and again is
the same sequence of operations again, and finding it is finding the period of a sequence: no need
for the program to say where its loops are.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..graph.graph import Graph, Node, is_number
from .inline import members

LONGEST_PERIOD = 2000
SHARED = 4  # in a large picture, a leaf with more uses is drawn again at each of them
LARGE = 150
ARROWS = 2  # into each box, where there are very many


@dataclass
class Box:
    """What is drawn as one: `rounds[r]` are the keys of the nodes that it stands for in round `r`."""

    rounds: list[list[str]]
    modules: tuple[str, ...] = ()  # the module calls that it is in, outermost first
    frames: tuple[str, ...] = ()  # those, and the repeated parts that it is in
    title: str = ""  # instead of the node's own
    turns: list[dict[str, int]] = field(default_factory=lambda: [{}])  # of each round: its number in each run, from 0

    @property
    def key(self) -> str:
        return self.rounds[0][-1]

    @property
    def runs(self) -> tuple[str, ...]:
        """The repeated parts that it is in."""
        return tuple(f for f in self.frames if f.startswith("run"))

    @property
    def size(self) -> int:
        return sum(map(len, self.rounds))


@dataclass(frozen=True)
class Arrow:
    """One use. `position` says which argument it is, where both ends are single nodes."""

    source: str
    user: str
    position: int | None = None
    loop: bool = False  # to the next round
    copy: str = ""  # which copy of a shared leaf it starts from
    rounds: int = 1  # how many rounds use one and the same source, whose gradient is a sum over them


@dataclass
class DrawnGraph:
    """The part of a graph that is drawn."""

    graph: Graph
    boxes: dict[str, Box]
    arrows: list[Arrow] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)  # of runs and of module calls
    notices: list[str] = field(default_factory=list)

    counts: dict[str, int] = field(default_factory=dict)  # how many rounds each run has
    held: frozenset[str] = frozenset()  # parameters in the box of their layer, which no arrow shows

    def node(self, box: Box) -> Node:
        return self.graph.nodes[box.key]

    def turn(self, box: Box, index: int = 0) -> str:
        """Which of its rounds a box shows: "round 2 of 40"; from the outside in, where runs are nested."""
        numbers = box.turns[index]
        return ", ".join(f"round {numbers[run] + 1} of {self.counts[run]}" for run in box.runs)

    def sum_of(self, box: Box) -> list[str]:
        """What the gradient of a box is a sum over, where only one of several rounds is shown."""
        uses = [a.rounds for a in self.arrows if a.source == box.key]
        if max(uses, default=1) == 1:
            return []
        return [f"sum over {max(uses)} rounds" + (" and other uses" if min(uses) == 1 else "")]

    def members(self, box: Box) -> list[str]:
        """The keys of all nodes that a box stands for, those written into its formula included."""
        return [m for keys in self.rounds(box) for m in keys]

    def rounds(self, box: Box) -> list[list[str]]:
        """The same, round by round."""
        return [[m for k in keys for m in members(self.graph.nodes[k])] for keys in box.rounds]


def view(
    graph: Graph,
    depth: int | None = None,
    budget: int | None = 100,
    constants: bool = False,
    layers: Set[str] = frozenset(),
) -> DrawnGraph:
    """The graph folded to modules of nesting `depth`, and then into at most `budget` boxes.

    Each of the calls `layers` is one box.
    """
    calls = {k: tuple(f"{start}" for start, _ in n.calls) for k, n in graph.nodes.items()}
    drawn = {k for k, n in graph.nodes.items() if constants or k in graph.outputs or not is_number(n)}
    boxes = [Box([[k]], calls[k], calls[k]) for k in graph.nodes if k in drawn]
    labels = {f"{start}": name for n in graph.nodes.values() for start, name in n.calls}
    held = frozenset[str]()
    if layers:
        before = {b.key for b in boxes if graph.owned(graph.nodes[b.key])}
        boxes = fold_calls(graph, boxes, labels, layers, graph.modules)
        held = frozenset(before - {b.key for b in boxes})
    notices, total = list(graph.notices), len(boxes)
    if depth is not None:
        boxes = fold_modules(graph, boxes, labels, depth)
    if budget is not None and len(boxes) > budget:
        boxes = fold_repeats(graph, boxes, labels)
        deepest = max((len(b.modules) for b in boxes), default=0)
        while len(boxes) > budget and deepest and depth is None:
            deepest -= 1
            boxes = fold_repeats(graph, fold_modules(graph, boxes, labels, deepest), labels)
        if len(boxes) > budget:
            boxes = fold_stretches(boxes, budget)
    if len(boxes) < total:
        once = (
            ": a repeated part is drawn once, with the numbers of its first round" if any(b.runs for b in boxes) else ""
        )
        notices.append(f"{total:,} tensors drawn as {len(boxes):,} boxes{once}")
    counts = {run: int(label[2:]) for run, label in labels.items() if run.startswith("run")}
    result = DrawnGraph(graph, {b.key: b for b in boxes}, labels=labels, notices=notices, counts=counts, held=held)
    result.arrows = arrows(graph, boxes, held)
    return result


def fold_modules(graph: Graph, boxes: list[Box], labels: dict[str, str], depth: int) -> list[Box]:
    """Every module call nested deeper than `depth` as one box, with the parameters that only it uses."""
    return fold_calls(graph, boxes, labels, {b.modules[depth] for b in boxes if len(b.modules) > depth})


def fold_calls(
    graph: Graph, boxes: list[Box], labels: dict[str, str], chosen: Set[str], modules: Mapping[int, Any] | None = None
) -> list[Box]:
    """Every chosen module call as one box, with the parameters that only it uses; called by its class, if known."""
    group: dict[str, str] = {}
    for box in boxes:
        call = next((c for c in box.modules if c in chosen), None)
        if call is not None:
            group |= {k: call for keys in box.rounds for k in keys}
    users: dict[str, set[str]] = {}
    for source, user, _ in graph.edges():
        users.setdefault(source, set()).add(group.get(user, user))
    parts: dict[str, list[Box]] = {}
    result: list[Box] = []
    for box in boxes:
        node = graph.nodes[box.key]
        call = group.get(box.key)
        if call is None and graph.owned(node) and users.get(box.key):
            call = _owner(users[box.key], labels, modules)
        if call is None:
            result.append(box)
        else:
            parts.setdefault(call, []).append(box)
    for call, inside in parts.items():
        box = _one_call(graph, call, inside, labels[call])
        if modules is not None:
            box.title = f"{labels[call]}: {type(modules[int(call)]).__name__}"
        result.append(box)
    return sorted(result, key=lambda b: int(b.rounds[0][-1][1:]))


def _owner(users: Set[str], labels: Mapping[str, str], modules: Mapping[int, Any] | None) -> str | None:
    """The call that a leaf belongs to: its only user, or the first of several calls of one module."""
    if not all(user in labels for user in users):
        return None
    same = len(users) == 1 or (modules is not None and len({id(modules[int(user)]) for user in users}) == 1)
    return min(users, key=int) if same else None


def _one_call(graph: Graph, call: str, inside: list[Box], label: str) -> Box:
    """The boxes of a module call as one; where the call itself is in a run, in each of its rounds for itself."""
    own = [b for b in inside if call in b.modules]  # the others are parameters, in no call and in no run
    frames = own[0].frames[: own[0].frames.index(call)]
    runs = [f for f in frames if f.startswith("run")]
    rounds: dict[tuple[int, ...], list[str]] = {}
    for box in own:
        for keys, turn in zip(box.rounds, box.turns, strict=True):
            rounds.setdefault(tuple(turn[run] for run in runs), []).extend(keys)
    first = next(iter(rounds.values()))
    first += [k for b in inside if call not in b.modules for keys in b.rounds for k in keys]
    for keys in rounds.values():
        keys.sort(key=lambda k: int(k[1:]))
    operations = sum(graph.nodes[k].op is not None for k in first)
    title = f"{label}: {operations} operation{'s' * (operations != 1)}"
    turns = [dict(zip(runs, turn, strict=True)) for turn in rounds]
    return Box(list(rounds.values()), own[0].modules[: own[0].modules.index(call)], frames, title, turns)


def _signature(graph: Graph, box: Box) -> tuple[object, ...]:
    """What makes two boxes the same part of a repetition: operations and shapes, not names."""
    nodes = [graph.nodes[k] for k in box.rounds[0]]
    return (len(box.rounds), len(box.runs), *((n.op.name if n.op else n.kind, n.shape, n.dtype) for n in nodes))


def fold_repeats(graph: Graph, boxes: list[Box], labels: dict[str, str]) -> list[Box]:
    """Each repeated stretch once, as often as a repetition is found; repetitions may hold repetitions."""
    while True:
        known: dict[tuple[object, ...], int] = {}
        codes = np.array([known.setdefault(_signature(graph, b), len(known)) for b in boxes])
        start, period, count = repetition(codes)
        if count < 2:
            return boxes
        run = f"run{sum(key.startswith('run') for key in labels)}"
        labels[run] = f"× {count}"
        first = boxes[start : start + period]
        outside = _shared([b.frames for b in boxes[start : start + count * period]])
        for k, box in enumerate(first):
            again = boxes[start + k : start + count * period : period]
            box.turns = [{run: j} | _renamed(turn, b, box) for j, b in enumerate(again) for turn in b.turns]
            box.rounds = [keys for b in again for keys in b.rounds]
            box.frames = (*box.frames[:outside], run, *box.frames[outside:])
        boxes = boxes[:start] + first + boxes[start + count * period :]


def _renamed(turn: dict[str, int], box: Box, first: Box) -> dict[str, int]:
    """The numbers of a round under the names that the runs have in the first of the boxes that become one."""
    return {name: turn[run] for run, name in zip(box.runs, first.runs, strict=True)}


def _shared(paths: list[tuple[str, ...]]) -> int:
    """How many frames, from the outside, all of these are in."""
    levels = itertools.takewhile(lambda level: len(set(level)) == 1, zip(*paths, strict=False))
    return sum(1 for _ in levels)


def repetition(codes: Sequence[int] | np.ndarray) -> tuple[int, int, int]:
    """The repetition in a sequence that saves most: `(start, period, count)`; a count of 0 if there is none.

    >>> repetition([9, 1, 2, 3, 1, 2, 3, 1, 2, 3, 8])
    (1, 3, 3)
    """
    codes = np.asarray(codes)
    best, saved = (0, 0, 0), max(3, len(codes) // 50)  # a repetition that saves less is not worth a frame
    for period in range(1, min(len(codes) // 2, LONGEST_PERIOD) + 1):
        breaks = np.flatnonzero(codes[:-period] != codes[period:])
        edges = np.concatenate([[-1], breaks, [len(codes) - period]])
        lengths = np.diff(edges) - 1
        at = int(np.argmax(lengths))
        count = int(lengths[at] + period) // period
        if count >= 2 and (count - 1) * period > saved and (count > 2 or period > 3):
            best, saved = (int(edges[at]) + 1, period, count), (count - 1) * period
    return best


def fold_stretches(boxes: list[Box], budget: int) -> list[Box]:
    """When nothing repeats: stretches of the order of birth, each as one box."""
    length = -(-len(boxes) // budget)
    result = []
    for start in range(0, len(boxes), length):
        part = boxes[start : start + length]
        keys = [k for b in part for keys in b.rounds for k in keys]
        result.append(part[0] if len(part) == 1 else Box([keys], title=f"{len(keys)} tensors"))
    return result


def arrows(graph: Graph, boxes: list[Box], held: Set[str] = frozenset()) -> list[Arrow]:
    """The uses between boxes, each once; a use by a later round of the same repetition is a loop."""
    place = {k: (n, r) for n, b in enumerate(boxes) for r, keys in enumerate(b.rounds) for k in keys}
    uses, sizes = graph.uses(), [box.size for box in boxes]
    found: dict[Arrow, None] = {}
    rounds: dict[tuple[str, str], set[int]] = {}  # of each tensor and each box that uses it
    for source, user, i in graph.edges():
        if source not in place or user not in place or source in held:
            continue
        (n, r), (m, q) = place[source], place[user]
        a, b = boxes[n], boxes[m]
        if n == m and r == q:
            continue
        before, now = a.turns[r], b.turns[q]
        loop = m <= n or any(before[run] != now[run] for run in before.keys() & now.keys())
        single = (sizes[n] == sizes[m] == 1) or (source == a.key and user == b.key and len(b.rounds[0]) == 1)
        repeated = len(boxes) > LARGE and not graph.nodes[source].inputs and uses[source] > SHARED
        if not loop:
            rounds.setdefault((source, b.key), set()).add(q)
        arrow = Arrow(a.key, b.key, i if single and not loop else None, loop, user if repeated else "")
        if arrow.position is None and any(Arrow(a.key, b.key, k, loop, arrow.copy) in found for k in range(4)):
            continue
        found[arrow] = None
    return [a if a.loop else replace(a, rounds=len(rounds.get((a.source, a.user), "1"))) for a in found]


def few(seen: DrawnGraph) -> tuple[list[Arrow], str]:
    """The arrows that are drawn: of a box with many inputs those from the nearest, and a word on the others."""
    if len(seen.arrows) <= max(LARGE, ARROWS * len(seen.boxes)):
        return seen.arrows, ""
    place = {key: k for k, key in enumerate(seen.boxes)}
    entering: dict[str, list[Arrow]] = {}
    for arrow in seen.arrows:
        entering.setdefault(arrow.user, []).append(arrow)
    kept = {
        arrow for found in entering.values()
        for arrow in sorted(found, key=lambda a: place[a.user] - place[a.source] if not a.loop else 0)[:ARROWS]
    }  # fmt: skip
    return [a for a in seen.arrows if a in kept], (
        f"{len(seen.arrows):,} arrows, of which {len(kept):,} are drawn: of each box those from its nearest inputs"
    )
