"""Which module calls are layers, drawn as one box: those of `nn` that hold their weights themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..graph.graph import Graph, is_number

if TYPE_CHECKING:
    from ...nn.module import Module

SMALL = 40  # in a larger picture, a layer of one operation is one box with its weights too
OURS = __name__.partition(".")[0]


def layers_in(graph: Graph, expand: bool | str | Sequence[str]) -> frozenset[str]:
    """The numbers, as text, of the calls that are drawn as one box."""
    if expand is True:
        return frozenset()
    names = {expand} if isinstance(expand, str) else set(expand) if expand else set()
    operations = Counter(number for n in graph.nodes.values() if n.op is not None for number, _ in n.calls)
    least = 2 if sum(not is_number(n) for n in graph.nodes.values()) <= SMALL else 1
    opened = {
        number for n in graph.nodes.values() for k, (number, name) in enumerate(n.calls)
        if name in names or ".".join(part for _, part in n.calls[: k + 1]) in names
        or type(graph.modules[number]).__name__ in names
    }  # fmt: skip
    return frozenset(
        str(number) for number, count in operations.items()
        if count >= least and number not in opened and is_layer(graph.modules[number])
    )  # fmt: skip


def is_layer(module: Module) -> bool:
    """Whether it is of this package, and holds no other modules, or its weights beside them as attention does."""
    if type(module).__module__.partition(".")[0] != OURS:
        return False
    own = any("." not in name for name, _ in module.named_parameters())
    return own or sum(1 for _ in module.named_modules()) == 1
