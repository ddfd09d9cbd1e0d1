"""What of a graph a page can draw: every operation, the lines as written, repeated parts once. The page lays it out.

A browser is given all boxes, however many there are; where they are too many to be seen at once, they stand in frames,
those in frames again, all of which are folded at first.
"""

from __future__ import annotations

import math
from typing import Any

from ..graph.graph import Graph
from ..graph.local import among, local
from ..graph.values import shown
from ..pictures.fold import Arrow, Box, DrawnGraph, view
from ..pictures.inline import inline

MOST = 600  # boxes that are shown without frames of their own making
WIDE = 40  # boxes and frames within one frame, where there are more than MOST in all
EXPLAINED = 150  # boxes of a view whose arrows have formulas of their own
LONGEST = 20_000  # boxes of a graph of which other views are made as well


def views(graph: Graph) -> list[dict[str, Any]]:
    """The most detailed first; of modules folded to a depth, only the depth: the page folds them itself."""
    whole = view(graph, budget=None)
    count = len(whole.boxes)
    found = [_data(whole, "operations")]
    if count <= LONGEST:
        written = view(inline(graph), budget=None)
        if len(written.boxes) < count:
            found.append(_data(written, "lines as written"))
    deepest = max((len(n.calls) for n in graph.nodes.values()), default=0)
    for depth in reversed(range(deepest)):
        label = "modules" if deepest == 1 else f"modules, level {depth + 1}"
        found.append({"label": label, "of": "operations", "depth": depth})
    if count <= LONGEST:
        repeats = view(graph, budget=max(1, min(MOST, count - 1)))
        if repeats.counts:
            found.append(_data(repeats, "repetitions once"))
    return found


def _data(seen: DrawnGraph, label: str) -> dict[str, Any]:
    explained = len(seen.boxes) <= EXPLAINED
    boxes = [_box(seen, box) for box in seen.boxes.values()]
    labels = {key: shown(name) for key, name in seen.labels.items()}
    large = len(boxes) > MOST
    if large:
        labels |= _stretches(seen, boxes)
    paths = {tuple(box["path"][:k]) for box in boxes for k in range(1, len(box["path"]) + 1)}
    return {
        "label": label, "large": large,
        "boxes": boxes,
        "arrows": [_arrow(seen, arrow, explained) for arrow in seen.arrows],
        "frames": [{"label": labels[path[-1]], "path": list(path)} for path in sorted(paths)],
    }  # fmt: skip


def _stretches(seen: DrawnGraph, boxes: list[dict[str, Any]]) -> dict[str, str]:
    """Frames in the paths of the boxes, so that no frame holds more than WIDE of them; their labels."""
    labels: dict[str, str] = {}
    frames = [([b for b in boxes if b["path"] or not b["own"]], 0)]
    for inside, depth in frames:  # outer ones first
        frames += [(part, depth + 1) for key, part in _parts(inside, depth).items() if isinstance(key, str)]
    for inside, depth in reversed(frames):
        groups = list(_parts(inside, depth).values())
        levels = math.ceil(math.log(max(2, len(groups)), WIDE))
        size = math.ceil(len(groups) ** (1 / levels))  # so that all levels hold about equally many
        while len(groups) > WIDE:
            groups = [[b for part in groups[k : k + size] for b in part] for k in range(0, len(groups), size)]
            for group in groups:
                name = f"stretch{len(labels)}"
                labels[name] = _label(seen, group)
                for b in group:
                    b["path"].insert(depth, name)
    return labels


def _parts(inside: list[dict[str, Any]], depth: int) -> dict[Any, list[dict[str, Any]]]:
    """What stands directly in a frame at this depth: boxes, and frames with what is in them."""
    parts: dict[Any, list[dict[str, Any]]] = {}
    for b in inside:
        parts.setdefault(b["path"][depth] if len(b["path"]) > depth else (b["key"],), []).append(b)
    return parts


def _label(seen: DrawnGraph, group: list[dict[str, Any]]) -> str:
    first, last = (seen.graph.nodes[b["key"]].name for b in (group[0], group[-1]))
    return shown(first if first == last else f"{first} to {last}")


def _box(seen: DrawnGraph, box: Box) -> dict[str, Any]:
    node = seen.node(box)
    return {
        "key": box.key, "title": shown(box.title or node.title, 240), "folded": bool(box.title),
        "rounds": seen.rounds(box), "counts": [seen.counts[run] for run in box.runs], "runs": list(box.runs),
        "turns": [[turn[run] for run in box.runs] for turn in box.turns],
        "leaf": node.op is None and not box.title, "own": seen.graph.owned(node), "path": list(box.frames),
    }  # fmt: skip


def _arrow(seen: DrawnGraph, arrow: Arrow, explained: bool) -> dict[str, Any]:
    user = seen.graph.nodes[arrow.user]
    data = {"source": arrow.source, "user": arrow.user, "loop": arrow.loop, "position": arrow.position, "text": ""}
    if not user.paths:
        return data
    data["position"] = None
    if explained and arrow.position is not None and (back := local(seen.graph, user, arrow.position)) is not None:
        back = among(back, arrow.rounds)
        data["text"] = shown("   ".join(filter(None, [back.text, back.shapes, back.note, back.rounds])), 600)
    return data
