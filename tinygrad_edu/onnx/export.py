"""`export`: a function, its gradients, or a whole training step as a file in the ONNX format."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..annotations import Function
from ..compiler.trees import Arguments, Results, is_object
from ..engine import NEEDS, Variable
from ..errors import DTypeError, GraphError
from ..files import write_whole
from ..functions.settings import refused, settings
from ..nn.module import Module
from ..ops import clone
from ..program.passes import simplified
from ..program.program import Value
from ..program.reading import ProgramReading
from ..program.written import Place, Written
from ..tensor import Tensor
from ..transforms import tree
from ..values import Same
from .dynamic import lengths, of_any_length
from .graph import library
from .host import Numbers
from .writer import write

NEW = "new."  # before the name of an input: the output with what becomes of it


@settings
def export(f: Function, inputs: Any, path: object = None, dynamic: Any = None) -> Any:
    """Write `f(*inputs)` to `path` as an ONNX model, and give the model back.

    `f` is a function of tensors, a Module, or a whole training step with `backward()` and `optimizer.step()`;
    gradients are those of `tg.grad(f)`. It is run once, and nothing is changed. The model's inputs have the names of
    `f`'s parameters. Parameters and other tensors that `f` reads are in the file; those that it changes, and an
    optimizer's state, learning rate `lr` and count of steps `step`, are inputs with values in the file, and the outputs
    `new.NAME` are what becomes of them. Random numbers that are drawn are inputs `random`, `random_1` ...

    Shapes are those of `inputs`, but for axes that `dynamic` names: `{"x": {0: "batch"}}` lets the first axis of x have
    any length. (Several inputs may share one name; there is one name for a model.)

    Errors: a GraphError with the line where `f` branches on a value, or uses what ONNX has no operator for
    (factorisations, complex numbers), and for steps of LBFGS, whose operations depend on values.
    The file raises none of the errors that `f` raises for some values (a label out of range): check them before.

    >>> import tinygrad_edu as tg
    >>> model = tg.export(lambda x: tg.exp(x) * 2, tg.Tensor([0.0, 1.0]))
    >>> [node.op_type for node in model.graph.node]
    ['Exp', 'Mul', 'Identity']

    Source: the Open Neural Network Exchange, https://onnx.ai.
    """
    axes = dynamic.values() if isinstance(dynamic, Mapping) else [None] * (dynamic is not None)
    if not all(isinstance(named, Mapping) for named in axes):
        raise refused("export", "dynamic", "a dict of inputs and their axes", dynamic, "dynamic={'x': {0: 'batch'}}")
    given = tree.map(_native, tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,))
    model = _with_dynamic_axes(f, given, dynamic) if dynamic else _written(f, given)
    if path is not None:
        write_whole("export", path, model.SerializeToString())
    return model


def _native(x: object) -> Any:
    """An input of a dtype that ONNX has, in this machine's order of bytes."""
    dtype = getattr(x, "dtype", np.dtype(float))
    if dtype.kind in "MmOV" or dtype in (np.longdouble, np.clongdouble):
        raise DTypeError(f"export: inputs must be of dtypes that ONNX has; got {dtype}; use .astype('float64')")
    return x.astype(x.dtype.newbyteorder("=")) if isinstance(x, np.ndarray) and not x.dtype.isnative else x


class _Once(ProgramReading):
    """A run that stands for all others: no question is asked again before these, so the way that is right for all
    values is taken, whatever the answer is now."""

    def answer(self, x: Any, question: Callable[[Any], bool]) -> bool | None:
        """The answer about an array on whose values shapes depend; None for any other."""
        return super().answer(x, question) if isinstance(question, Same) else None


def _written(f: Any, given: Any) -> Any:
    """The model for these inputs."""
    called = Arguments(given, {})
    with _Once() as reading:
        inside = called.inside(reading, False)
        args, kwargs = called.filled(inside)
        try:
            results = Results(_computed(f(*args, **kwargs)), called.leaves, inside, reading)
            written, _ = reading.end([x._data for x in results.found])
        finally:
            reading.undrawn()
    return _model(f, given, called, results, written, reading)


def _with_dynamic_axes(f: Any, given: Any, dynamic: dict[str, dict[int, str]]) -> Any:
    """The model for any length of some axes."""
    names = list(_arguments(f, given))
    labels = {label for axes in dynamic.values() for label in axes.values()}
    if len(labels) != 1 or not dynamic.keys() <= set(names) or any(len(axes) != 1 for axes in dynamic.values()):
        raise ValueError(
            f"export: dynamic must name one axis of inputs among {', '.join(names)}, with one name for all; got "
            f"{dynamic}; write {{'{names[0]}': {{0: 'batch'}}}}"
        )
    leaves, structure = tree.flatten(given)
    places = {name: next(iter(axes)) % leaves[names.index(name)].ndim for name, axes in dynamic.items()}
    found = {leaves[names.index(name)].shape[axis] for name, axis in places.items()}
    if len(found) != 1:
        raise ValueError(f"export: axes of one name must have one length; got {sorted(found)}; give equal ones")
    models, sizes = [], lengths(found.pop())
    for n in sizes:
        parts = [_resized(x, places[name], n) if name in places else x for name, x in zip(names, leaves, strict=True)]
        models.append(_written(f, tree.unflatten(structure, parts)))
    return of_any_length(library("export"), models, sizes, labels.pop(), places)


def _resized(x: Any, axis: int, n: int) -> Any:
    """An input with another length along an axis: its entries again and again."""
    if not isinstance(x, Variable):
        return np.take(x, np.arange(n) % x.shape[axis], axis=axis)
    return Tensor(np.take(x._data, np.arange(n) % x._data.shape[axis], axis=axis), requires_grad=bool(x.flags & NEEDS))


def _computed(result: Any) -> Any:
    """What a function gave, in which each tensor is an output of its own: an argument, or one that comes twice, too."""
    parts, structure = tree.flatten(result, is_leaf=is_object)
    seen: set[int] = set()
    for k, x in enumerate(parts):
        if isinstance(x, Variable) and (x.op is None or id(x) in seen):
            parts[k] = clone(x)
        seen.add(id(x))
    return tree.unflatten(structure, parts)


def _model(
    f: object, given: Any, called: Arguments, results: Results, written: Written, reading: ProgramReading
) -> Any:
    """The model of what was read."""
    program = simplified(written.program)
    numbers = Numbers(reading.writer.host)
    names = _Names(f, given, called)
    changed = {_key(p) for p in written.targets if p.kind in ("value", "state", "argument")}
    for i, question, _ in written.questions:
        place = written.sources[i]
        if place.kind == "number":
            raise GraphError(
                "export: a step must do the same operations for all learning rates and counts of steps; got a branch "
                "on one, or a number made of it; leave it out, or use np.where and other functions of NumPy"
            )
        assert isinstance(question, Same)
        if place.kind in ("argument", "drawn") or _key(place) in changed:
            raise GraphError(
                "export: shapes must not depend on the values of an input; got some that do, of an argument of shape "
                f"{question.array.shape}; pass it as a list, or take it from outside, and the file is for these values"
            )
    inputs: list[tuple[Value, str]] = []
    weights: dict[Value, tuple[str, Any]] = {}
    for value, place in zip(program.inputs, written.sources, strict=True):
        if place.kind == "number":
            continue
        name = names.of(place)
        if place.kind in ("argument", "drawn") or _key(place) in changed:
            inputs.append((value, name))
        if place.kind not in ("argument", "drawn"):
            weights[value] = name, np.array(reading.writer.given[value])
    kept, outputs = [], []
    moved = {id(p.owner) for p in written.targets if p.kind == "value"}
    values = iter(program.results)
    labels = _labels(results)
    for place in written.targets:
        if place.kind.startswith("no "):
            continue
        value = next(values)
        if place.kind == "check" or (place.kind == "grad" and id(place.owner) in moved):
            continue
        kept.append(value)
        outputs.append(labels[place.key] if place.kind == "result" else NEW + names.of(place))
    program = program.with_steps(program.steps, kept)
    return write(program, inputs, weights, outputs, numbers, getattr(f, "__name__", type(f).__name__))


def _key(place: Place) -> Any:
    """Which tensor, state or argument a place is."""
    return place.kind, id(place.owner), place.key


def _labels(results: Results) -> list[str]:
    """Names for results: `output`, or with the path to them in the tree that the function gives."""
    count = len(results.found)
    return ["output"] if count == 1 else [f"output_{k}" for k in range(count)]


class _Names:
    """Names of inputs: each is used once."""

    def __init__(self, f: object, given: Sequence[Any], called: Arguments) -> None:
        self.taken: set[str] = set()
        self.known: dict[Any, str] = {}
        self.tensors = {id(t): name for name, t in _reached(f, called)}
        self.leaves = list(_arguments(f, given))

    def of(self, place: Place) -> str:
        """The name for a place."""
        if place.kind == "drawn":  # each draw is an input of its own
            return self._new("random")
        key = _key(place)
        if key not in self.known:
            self.known[key] = self._new(self._wanted(place))
        return self.known[key]

    def _new(self, wanted: str) -> str:
        name, k = wanted, 1
        while name in self.taken:
            name, k = f"{wanted}_{k}", k + 1
        self.taken.add(name)
        return name

    def _wanted(self, place: Place) -> str:
        kind, owner, key = place.kind, place.owner, place.key
        if kind == "argument":
            return self.leaves[key]
        if kind == "state":
            name, i = key
            return f"{self._tensor(owner.params[i])}.{name}"
        if kind in ("argument grad", "no argument grad"):
            return f"{self.leaves[key]}.grad"
        return self._tensor(owner) + (".grad" if kind == "grad" else "")

    def _tensor(self, x: Any) -> str:
        return self.tensors.get(id(x)) or x.name or "tensor"


def _arguments(f: Any, given: Sequence[Any]) -> Iterator[str]:
    """A name for each leaf of the arguments: that of the parameter, numbered where it has several leaves."""
    try:
        own = f.forward if isinstance(f, Module) else f
        params = list(inspect.signature(own).parameters.values())
    except (TypeError, ValueError):  # no signature
        params = []
    for k, x in enumerate(given):
        named = k < len(params) and params[k].kind is not inspect.Parameter.VAR_POSITIONAL
        name = params[k].name if named else f"input_{k}"
        leaves = tree.leaves(x) if not isinstance(x, Variable | np.ndarray) else [x]
        yield from [name] if len(leaves) == 1 else [f"{name}_{i}" for i in range(len(leaves))]


def _reached(f: object, called: Arguments) -> Iterator[tuple[str, Any]]:
    """The tensors of modules that `f` is, is given or closes over, with their names."""
    if isinstance(f, Module):
        yield from _of_module("", f)
    for x in called.leaves:
        if isinstance(x, Module):
            yield from _of_module("", x)
    function = inspect.unwrap(f) if callable(f) else f
    if inspect.isfunction(function):
        seen = inspect.getclosurevars(function)
        for name, x in {**seen.globals, **seen.nonlocals}.items():
            if isinstance(x, Module):
                yield from _of_module(f"{name}.", x)
            elif isinstance(x, Variable):
                yield name, x


def _of_module(before: str, module: Module) -> Iterator[tuple[str, Any]]:
    for name, x in [*module.named_parameters(), *module.named_buffers()]:
        yield before + name, x
