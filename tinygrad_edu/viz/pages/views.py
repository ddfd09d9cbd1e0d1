"""What of a graph a page can draw: every operation, the lines as written, repeated parts once. The page lays it out."""

from __future__ import annotations

from typing import Any

from ..graph.graph import Graph
from ..graph.local import among, local
from ..graph.values import shown
from ..pictures.fold import Arrow, Box, View, view
from ..pictures.inline import inline

MOST = 600  # boxes that a browser is given at once; a larger graph is shown folded only
EXPLAINED = 150  # boxes of a view whose arrows have formulas of their own


def views(graph: Graph) -> list[dict[str, Any]]:
    """The most detailed first; of modules folded to a depth, only the depth: the page folds them itself."""
    whole = view(graph, budget=None)
    found = [_data(whole, "operations")] if len(whole.boxes) <= MOST else []
    written = view(inline(graph), budget=None) if len(whole.boxes) <= 20 * MOST else whole
    if len(written.boxes) < min(MOST, len(whole.boxes)):
        found.append(_data(written, "lines as written"))
    deepest = max((len(n.calls) for n in graph.nodes.values()), default=0)
    for depth in reversed(range(deepest)):
        label = "modules" if deepest == 1 else f"modules, level {depth + 1}"
        if len(whole.boxes) <= MOST:
            found.append({"label": label, "of": "operations", "depth": depth})
            continue
        seen = view(graph, depth=depth, budget=None)
        if len(seen.boxes) < MOST:
            found.append(_data(seen, label))
    repeats = view(graph, budget=max(1, min(MOST, len(whole.boxes) - 1)))
    if repeats.counts or not found:
        found.append(_data(repeats, "repetitions once"))
    return found


def _data(seen: View, label: str) -> dict[str, Any]:
    explained = len(seen.boxes) <= EXPLAINED
    paths = {box.frames[:k] for box in seen.boxes.values() for k in range(1, len(box.frames) + 1)}
    return {
        "label": label,
        "boxes": [_box(seen, box) for box in seen.boxes.values()],
        "arrows": [_arrow(seen, arrow, explained) for arrow in seen.arrows],
        "frames": [{"label": shown(seen.labels[path[-1]]), "path": list(path)} for path in sorted(paths)],
    }


def _box(seen: View, box: Box) -> dict[str, Any]:
    node = seen.node(box)
    return {
        "key": box.key, "title": shown(box.title or node.title, 240), "folded": bool(box.title),
        "rounds": seen.rounds(box), "counts": [seen.counts[run] for run in box.runs], "runs": list(box.runs),
        "turns": [[turn[run] for run in box.runs] for turn in box.turns],
        "leaf": node.op is None and not box.title, "own": seen.graph.owned(node), "path": list(box.frames),
    }  # fmt: skip


def _arrow(seen: View, arrow: Arrow, explained: bool) -> dict[str, Any]:
    user = seen.graph.nodes[arrow.user]
    data = {"source": arrow.source, "user": arrow.user, "loop": arrow.loop, "position": arrow.position, "text": ""}
    if not user.paths:
        return data
    data["position"] = None
    if explained and arrow.position is not None and (back := local(seen.graph, user, arrow.position)) is not None:
        back = among(back, arrow.rounds)
        data["text"] = shown("   ".join(filter(None, [back.text, back.shapes, back.note, back.rounds])), 600)
    return data
