"""`import_onnx`: a file in the ONNX format as a module of tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine import Variable
from ..errors import GraphError
from ..files import as_path, told
from ..functions.arguments import lift
from ..functions.creation import asarray
from ..functions.settings import settings
from ..nn.containers import ParameterDict
from ..nn.module import Module
from ..nn.parameter import Parameter
from .graph import library
from .node import OnnxNode
from .operators import OPERATORS


@settings
def import_onnx(model: Any) -> OnnxModule:
    """The graph of an ONNX file (a path, bytes, or a ModelProto) as a Module.

    Called with tensors for the graph's inputs, in their order or by their names, it gives the output, or a tuple of
    outputs. Floating-point weights of the file with an axis or more are its parameters, so that it can be trained;
    inputs that have a value in the file may be left out.

    Errors: a GraphError that names the nodes whose operators have no counterpart; a TypeError for inputs that are
    missing.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> linear = nn.Linear(3, 2)
    >>> x = tg.ones((4, 3))
    >>> again = tg.import_onnx(tg.export(linear, x))
    >>> bool((again(x) == linear(x)).all()), len(list(again.parameters()))
    (True, 2)
    """
    onnx = library("import_onnx")
    if not isinstance(model, onnx.ModelProto):
        model = _read(onnx, model)
    return OnnxModule(onnx, model.graph)


def _read(onnx: Any, given: Any) -> Any:
    """The model of a file, or of its bytes."""
    from google.protobuf.message import DecodeError  # which onnx brings along

    try:
        if isinstance(given, bytes):
            return onnx.load_from_string(given)
        path = as_path("import_onnx", given)
        with told("import_onnx", path, "name a readable file"):
            return onnx.load(path)
    except DecodeError as error:
        what = f"{len(given)} bytes" if isinstance(given, bytes) else repr(str(given))
        raise ValueError(
            f"import_onnx: the file must be an ONNX model; got {what} ({error}); export it again"
        ) from None


class OnnxModule(Module):
    """The graph of an ONNX file."""

    def __init__(self, onnx: Any, graph: Any) -> None:
        super().__init__()
        self.nodes = [OnnxNode(onnx, node) for node in graph.node]
        unknown = {node.operator for node in self.nodes if node.domain or node.operator not in OPERATORS}
        if unknown:
            raise next(n for n in self.nodes if n.operator in unknown).refused(", ".join(sorted(unknown)))
        self.constants: dict[str, Any] = {}
        self.weights = ParameterDict()
        self.keys: dict[str, str] = {}  # of parameters, whose names have no dots
        for tensor in graph.initializer:
            array = np.array(onnx.numpy_helper.to_array(tensor))
            if array.dtype.kind == "f" and array.ndim:
                self.keys[tensor.name] = tensor.name.replace(".", "_").replace(":", "_")
                self.weights[self.keys[tensor.name]] = Parameter(array)
            else:
                self.constants[tensor.name] = array
        self.inputs = [x.name for x in graph.input]
        self.given = [name for name in self.inputs if name not in self.keys and name not in self.constants]
        self.outputs = [y.name for y in graph.output]

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """The output, or all outputs."""
        known: dict[str, Any] = dict(self.constants)
        known |= {name: self.weights[key] for name, key in self.keys.items()}
        given = dict(zip(self.given, inputs)) | named
        missing = [name for name in self.given if name not in given]
        if missing or len(inputs) > len(self.given) or not given.keys() <= set(self.inputs):
            raise TypeError(
                f"import_onnx: the inputs must be {', '.join(self.given)}; got {len(inputs)} in order and "
                f"{list(named)} by name; give each once"
            )
        known |= {name: lift(x, "import_onnx") for name, x in given.items()}
        for node in self.nodes:
            xs = [known[name] if name else None for name in node.inputs]
            try:
                found = OPERATORS[node.operator](node, *xs)
            except (TypeError, ValueError, IndexError) as error:
                if isinstance(error, GraphError):
                    raise
                raise GraphError(
                    f"import_onnx: each node must compute; got {error} in node {node.name or node.operator!r}; check "
                    "the inputs' shapes and dtypes"
                ) from error
            found = found if isinstance(found, tuple) else (found,)
            if not any(isinstance(x, Variable) for x in xs):  # shapes and the like stay plain
                found = tuple(np.asarray(y._data) if isinstance(y, Variable) else y for y in found)
            known.update(zip(node.outputs, found))
        results = tuple(y if isinstance(y := known[name], Variable) else asarray(y) for name in self.outputs)
        return results[0] if len(results) == 1 else results
