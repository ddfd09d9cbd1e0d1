"""What is compared: runs of programs, as graphs, or as values by name where the program is another library's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...engine import Variable
from ...errors import DTypeError
from ..graph.graph import Graph, Node
from ..graph.identity import same
from ..graph.reading import read

Pair = tuple[Any, Any]  # a value and its gradient; None for what is not known


@dataclass
class Run:
    """A run: its graph, or the values that another library has for it, by names and paths."""

    name: str
    graph: Graph | None = None
    values: dict[str, Pair] = field(default_factory=dict)


def run_of(x: object, name: str) -> Run:
    """A result, `(f, *inputs)`, a PyTorch module with inputs, or a mapping of names to arrays."""
    if isinstance(x, tuple) and x and callable(x[0]) and not isinstance(x[0], Variable):
        f, *inputs = x
        if hasattr(f, "register_forward_hook") and type(f).__module__.partition(".")[0] != "tinygrad_edu" and _torch(f):
            return Run(name, values=torch_values(f, inputs))
        return Run(name, read(f, tuple(inputs), who="compare", grads=True))
    if isinstance(x, Mapping) and x and not any(isinstance(v, Variable) for v in x.values()):
        return Run(name, values=named_values(x))
    return Run(name, read(x, who="compare", grads=True))


def _torch(f: Callable[..., Any]) -> bool:
    return any(kind.__module__.startswith("torch.nn") for kind in type(f).__mro__)


def named_values(x: Mapping[Any, Any]) -> dict[str, Pair]:
    """Arrays by name; that of `dW` is the gradient of `W`, where there is a `W`."""
    if not all(isinstance(k, str) for k in x):
        raise DTypeError("compare: values must have names; got a mapping with other keys; write {'Z1': array}")
    arrays = {k: np.asarray(v) for k, v in x.items()}
    grads = {k[1:]: k for k in arrays if k.startswith("d") and k[1:] in arrays}
    return {k: (v, arrays.get(grads.get(k, ""))) for k, v in arrays.items() if k not in grads.values()}


def torch_values(module: Any, inputs: list[Any]) -> dict[str, Pair]:
    """What a PyTorch module computes, by the paths of its parts, and the gradients of the sum of its result."""
    import torch

    seen: dict[str, Any] = {}

    def keep(path: str) -> Any:
        def hook(part: object, given: object, result: object) -> None:
            if isinstance(result, torch.Tensor):
                seen[path] = result

        return hook

    handles = [part.register_forward_hook(keep(path)) for path, part in module.named_modules()]
    try:
        result = module(*[x if isinstance(x, torch.Tensor) else torch.as_tensor(np.array(x)) for x in inputs])
    finally:
        for handle in handles:
            handle.remove()
    result = result[0] if isinstance(result, tuple | list) else result
    found = dict(module.named_parameters()) | seen | {"": result}
    asked = {k: t for k, t in found.items() if t.requires_grad}
    grads = torch.autograd.grad(result.sum(), list(asked.values()), allow_unused=True) if asked else ()
    by_name = dict(zip(asked, grads, strict=True))
    return {k: (_array(t), None if by_name.get(k) is None else _array(by_name[k])) for k, t in found.items()}


def _array(t: Any) -> np.ndarray:
    return np.asarray(t.detach().cpu().numpy())


def paths(graph: Graph) -> dict[str, str]:
    """For the path of each module, the last operation of its last call, which gives its result."""
    found: dict[str, str] = {}
    for key, n in graph.nodes.items():
        for k in range(1, len(n.module) + 1) if n.op is not None else ():
            found[".".join(n.module[:k])] = key
    return found


def _given(graph: Graph) -> list[str]:
    return [k for k in graph.nodes if k in graph.given]


def aligned(first: Run, other: Run) -> dict[str, Pair | Node]:
    """For keys of the first run's nodes, what the other has: its node, or a value and its gradient."""
    assert first.graph is not None
    graph = first.graph
    if other.graph is not None:
        found = same(graph, other.graph)
        ends = ((graph.outputs, other.graph.outputs), (_given(graph), _given(other.graph)))
        for ours, theirs in ends:  # results and inputs by their order, whatever they are called
            for p, q in zip(ours, theirs, strict=False) if len(ours) == len(theirs) else ():
                if p not in found and q not in found.values():
                    found[p] = q
        return {k: other.graph.nodes[q] for k, q in found.items()}
    by_path = paths(graph) | {"": graph.outputs[0]}
    names = {n.name: key for key, n in graph.nodes.items() if n.named}
    places = {k: names.get(k) or by_path.get(k) for k in other.values}
    return {key: other.values[k] for k, key in places.items() if key is not None}
