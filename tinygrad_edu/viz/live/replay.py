"""A graph computed again as a program: from its leaves, the value and the gradient of every node.

The recorded operations run once more, in their order, while a `Reading` writes down what they ask of arrays; then the
engine's own walk back runs on the results. So the program computes what the engine computes, for any other leaves.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...annotations import Array
from ...arrays import is_weak
from ...backward import pull
from ...batched import BatchedArray
from ...engine import NEEDS, Variable, constant
from ...errors import GraphError
from ...op import REGISTRY, Op
from ...program.array import ProgramArray, UnknownShapeError
from ...program.passes.common import with_common_steps_once, without_dead_steps
from ...program.program import Program, Value
from ...program.reading import ProgramReading
from ...recording import Recording
from ..formulas.formula import rule_of
from ..graph.graph import Graph, Node, title
from ..graph.steps import arguments
from ..graph.values import shown
from .activations import ACTIVATIONS, chosen

PLACE = "\0"  # no name has it


@dataclass
class Edge:
    """One use of a tensor: where the program has what the use gives back to it, and the local derivative."""

    contribution: int | None = None  # numbers of results
    derivative: int | None = None  # where it is a factor: of an elementwise operation


@dataclass
class Slots:
    """Where a program has what is known of one node."""

    value: int  # numbers of results
    gradient: int | None = None
    edges: list[Edge] = field(default_factory=list)  # one for each input
    leaf: int | None = None  # the number of its input, of a leaf that can be edited
    parameter: bool = False
    choice: int | None = None  # the number of the input that chooses its activation
    names: tuple[str, ...] = ()  # of the activations that it can be, the first its own
    titles: tuple[str, ...] = ()  # of the node with each


@dataclass
class Replay:
    """A program, what its inputs are in the graph, and where it has each node's value and gradient."""

    program: Program
    inputs: list[Any]
    places: dict[str, Slots]
    outputs: dict[str, int | None]  # the graph's outputs, and the results that hold the gradients that they start with


class Rerun(ProgramReading):
    """A reading that answers no question about values, as other leaves would answer otherwise, and that keeps what each
    use of a tensor gives back."""

    def __init__(self) -> None:
        super().__init__()
        self.back: dict[tuple[int, int], Any] = {}  # by the birth of the result and the place of its input

    def gave(self, t: Any, i: int, gx: Any) -> None:
        self.back[t.born, i] = gx

    def check(self, x: Any, check: Callable[[Any], None]) -> bool:
        return isinstance(x, ProgramArray)

    def answer(self, x: Any, question: Callable[[Any], bool]) -> bool | None:
        return None


def replay(graph: Graph) -> Replay:
    """The program of a graph that was read with its gradients.

    Its inputs are the leaves that can be edited, and one number for each activation, which chooses among those that can
    stand there. Its results are the value of each node, its gradient, and what each use of it gives back.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.viz.graph.reading import read
    >>> w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    >>> again = replay(read((w * w).sum(), grads=True))
    >>> place = again.places["n0"]
    >>> again.program(np.array([3.0, 4.0], np.float32))[place.gradient].tolist()
    [6.0, 8.0]
    """
    whole = graph.whole or graph
    if whole.notices:
        raise GraphError(f"live: the graph must be as it was computed; got one of which {whole.notices[0]}")
    rerun = Rerun()
    with rerun, Recording(), np.errstate(all="ignore"):
        return rerun.writer.unwatched(_Writing(whole, rerun).replay)  # no step is of a line of the user's


class _Writing:
    """A replay that is being written."""

    def __init__(self, graph: Graph, reading: Rerun) -> None:
        self.graph, self.reading, self.writer = graph, reading, reading.writer
        self.tensors: dict[str, Variable] = {}
        self.places: dict[str, Slots] = {}
        self.results: list[Value] = []
        self.numbers: dict[Value, int] = {}  # where a value stands among the results
        self.texts: dict[Any, list[str]] = {}  # titles of activations, with a place for the input's name

    def replay(self) -> Replay:
        graph = self.graph
        users: dict[str, list[Node]] = {key: [] for key in graph.nodes}
        for node in graph.nodes.values():
            for key in node.inputs:
                users[key].append(node)
        for key, node in graph.nodes.items():
            self.places[key] = Slots(0, parameter=node.kind == "parameter")
            self.tensors[key] = self.leaf(node, users[key]) if node.op is None else self.result(node, node.op)
            self.places[key].value = self.number(self.tensors[key]._data)
        gradients = self.gradients()
        for key, g in gradients.items():
            self.places[key].gradient = self.number(g)
        seeds = {key: self.number(np.asarray(seed)) for key, seed in graph.seeds.items()}
        outputs = {key: seeds.get(key) for key in graph.outputs}
        self.uses(gradients)
        program = self.writer.program(self.results, ["result"] * len(self.results))
        inputs = [np.asarray(self.writer.given[v]) for v in program.inputs]
        return Replay(without_dead_steps(with_common_steps_once(program)), inputs, self.places, outputs)

    def number(self, array: object) -> int:
        """Where an array stands among the results."""
        value = self.writer.reference(array if isinstance(array, ProgramArray) else np.asarray(array))
        if value not in self.numbers:
            self.numbers[value] = len(self.results)
            self.results.append(value)
        return self.numbers[value]

    def leaf(self, node: Node, users: list[Node]) -> Variable:
        """A leaf: an input of the program, if other numbers can stand there."""
        data = node.tensor._data if node.tensor is not None else node.value
        if isinstance(data, BatchedArray):
            raise GraphError(f"live: values must be arrays; got {node.name}, a batch of vmap; draw one of its examples")
        if is_weak(data):
            data = self.strong(data, users)
        kind = np.asarray(data).dtype.kind
        fixed = is_weak(data) or kind == "c" or (kind == "b" and any(_shapes(user) for user in users))
        if not fixed:
            self.places[node.key].leaf = len(self.writer.inputs)
            data = self.writer.input(np.asarray(data), shown(node.name))
        t: Variable = constant(data)
        if node.tensor is not None:
            t.flags, t.name, t.hooks = node.tensor.flags & NEEDS, node.tensor.name, node.tensor.hooks
        return t

    def strong(self, number: Any, users: list[Node]) -> Any:
        """A Python number in the dtype that it takes beside the arrays that it meets, if that is one dtype."""
        found = set()
        for user in users:
            arrays = [v for v in (self.graph.nodes[k].value for k in user.inputs) if not is_weak(v)]
            found.add(np.result_type(number, *arrays) if arrays else None)
        dtype = found.pop() if len(found) == 1 else None
        return number if dtype is None or isinstance(number, bool) else np.asarray(number, dtype)

    def result(self, node: Node, op: Op) -> Variable:
        """A result, computed by the same operation; where that is an activation, by one that is chosen."""
        xs = [self.tensors[key] for key in node.inputs]
        x = xs[0]._data
        if op.name in ACTIVATIONS and isinstance(x, ProgramArray) and x.dtype.kind == "f":
            place = self.places[node.key]
            place.names = (op.name, *(name for name in ACTIVATIONS if name != op.name))
            place.titles = (node.title, *self.titles(node, place.names[1:]))
            place.choice = len(self.writer.inputs)
            op = chosen(op, place.names, self.writer.input(np.asarray(0), ""))
        try:
            t: Variable = op(*xs, **node.attributes)
        except UnknownShapeError:  # the shape of this run is that of all
            t = self.opaque(op, xs, node.attributes)
        if node.tensor is not None:
            t.hooks = node.tensor.hooks
        return t

    def titles(self, node: Node, names: tuple[str, ...]) -> list[str]:
        """What the node would be with each of these activations in place of its own."""
        [name] = self.graph.argument_names(node)
        key = names, repr(node.attributes), None if name else node.key
        if key not in self.texts:
            nodes = [replace(node, name="", op=REGISTRY[other], tensor=None) for other in names]
            given = {k: replace(self.graph.nodes[k], name=PLACE) for k in node.inputs if name}
            graph = replace(self.graph, nodes=self.graph.nodes | given)
            self.texts[key] = [title(graph, n) for n in nodes]
        return [node.name + text.replace(PLACE, name) for text in self.texts[key]]

    def opaque(self, op: Op, xs: list[Any], attributes: dict[str, Any]) -> Variable:
        """A result that stays as it is, whatever becomes of its inputs."""
        whole = copy.copy(op)
        whole.forward = lambda *arrays, **options: self.writer.call(f"op.{op.name}", arrays, options)
        t: Variable = whole(*xs, **attributes)
        return t

    def gradients(self) -> dict[str, Any]:
        """The gradient of each node that has one, as the engine's walk back gives it."""
        keys = {t.born: key for key, t in self.tensors.items()}
        starts = [(self.tensors[key], self.start(seed)) for key, seed in self.graph.seeds.items()]
        return {keys[t.born]: g for t, g in pull(starts) if t.born in keys}

    def start(self, seed: Array) -> Any:
        return self.writer.constant(np.asarray(seed))

    def uses(self, gradients: dict[str, Any]) -> None:
        """What each use of a tensor gives back, and its local derivative."""
        nodes = {
            key: replace(n, tensor=self.tensors[key], op=self.tensors[key].op or n.op, grad=gradients.get(key))
            for key, n in self.graph.nodes.items()
        }
        graph, ones = replace(self.graph, nodes=nodes, whole=None), dict[Any, Any]()
        for key, node in nodes.items():
            self.places[key].edges = [Edge() for _ in node.inputs]
            arrays = arguments(graph, node)
            for i, source in enumerate(node.inputs):
                if node.op is None or node.grad is None or not nodes[source].needs_grad or not rule_of(node.op, i):
                    continue
                edge = self.places[key].edges[i]
                edge.contribution = self.number(self.reading.back[self.tensors[key].born, i])
                if node.op.kind.entrywise:
                    one = ones.setdefault(node.grad.dtype, self.writer.constant(np.ones((), node.grad.dtype)))
                    y = self.tensors[key]._data
                    edge.derivative = self.number(rule_of(node.op, i)(one, y, *arrays, **node.attributes))


def _shapes(user: Node) -> bool:
    """Whether a node's shape depends on the values of a mask."""
    return user.op is not None and user.op.kind.name == "index"
