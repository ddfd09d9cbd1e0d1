"""A node of an ONNX graph that is read: its operator, names and attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine import Variable
from ..errors import GraphError


class OnnxNode:
    """A node of a graph: its operator, names, and attributes."""

    def __init__(self, onnx: Any, node: Any) -> None:
        self.operator, self.inputs, self.outputs = node.op_type, list(node.input), list(node.output)
        self.domain, self.name = node.domain, node.name
        self.attributes: dict[str, Any] = {}
        for a in node.attribute:
            x = onnx.helper.get_attribute_value(a)
            x = onnx.numpy_helper.to_array(x) if isinstance(x, onnx.TensorProto) else x
            self.attributes[a.name] = x.decode() if isinstance(x, bytes) else x
        if "to" in self.attributes:
            self.attributes["to"] = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(self.attributes["to"]))

    def __call__(self, name: str, default: Any = None) -> Any:
        """An attribute."""
        return self.attributes.get(name, default)

    def refused(self, got: str) -> GraphError:
        """The error for what is not read."""
        return GraphError(
            f"import_onnx: the model must be made of operators that have a counterpart here; got {got} in node "
            f"{self.name or self.operator!r}; write that part by hand"
        )


Operator = Callable[..., Any]


def numbers(x: object) -> list[int]:
    """A shape, axes or sizes as plain numbers."""
    return [int(n) for n in np.asarray(x._data if isinstance(x, Variable) else x).reshape(-1)]


def axes_of(node: OnnxNode, axes: object, rank: int) -> tuple[int, ...] | None:
    """Axes that are an input, or in older models an attribute; None for all."""
    given = numbers(axes) if axes is not None else node("axes")
    return tuple(k % rank for k in given) if given is not None and len(given) else None
