"""An ONNX graph that is being written: nodes, names, constants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..annotations import DTypeLike
from ..errors import MissingLibraryError
from ..program.program import Step, Value

OPSET, IR_VERSION = 20, 10  # of ONNX 1.15 and later


def library(who: str) -> Any:
    """The onnx package."""
    try:
        import onnx
    except ImportError:
        raise MissingLibraryError(who, "onnx", "onnx") from None
    return onnx


class OnnxGraph:
    """Nodes of an ONNX graph, in order, and the names of values. `add` writes one node."""

    def __init__(self, who: str) -> None:
        self.onnx = library(who)
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.names: dict[Value, str] = {}
        self.known: dict[Any, str] = {}  # constants by their contents, casts by what is cast
        self.count = 0
        self.site: str | None = None  # the user's line, for those who look at the graph

    def add(self, operator: str, *inputs: str, **attributes: object) -> str:
        """One node with one output: its name."""
        return self.add_many(operator, 1, *inputs, **attributes)[0]

    def add_many(self, operator: str, outputs: int, *inputs: str, **attributes: object) -> list[str]:
        """One node: the names of its outputs."""
        self.count += 1
        names = [f"t{self.count}" if k == 0 else f"t{self.count}_{k}" for k in range(outputs)]
        node = self.onnx.helper.make_node(operator, list(inputs), names, name=f"{operator}_{self.count}", **attributes)
        node.doc_string = self.site or ""
        self.nodes.append(node)
        return names

    def constant(self, x: Any, dtype: Any = None, name: str | None = None) -> str:
        """The name of a constant."""
        array = np.ascontiguousarray(np.asarray(x, dtype)).reshape(np.shape(x))
        key = array.dtype.str, array.shape, array.tobytes()
        if name is None and key in self.known:
            return self.known[key]
        found = name or f"c{len(self.initializers)}"
        self.initializers.append(self.onnx.numpy_helper.from_array(array, found))
        if name is None:
            self.known[key] = found
        return found

    def ints(self, xs: Sequence[int]) -> str:
        """Whole numbers in a row, as shapes and axes are given."""
        return self.constant(np.array(xs, np.int64).reshape(len(xs)))

    def of(self, x: Any, dtype: DTypeLike | None = None) -> str:
        """The name of an argument of a step, in this dtype."""
        if not isinstance(x, Value):
            return self.constant(x, dtype)
        return self.cast(self.names[x], np.dtype(np.float64) if x.weak else x.dtype, dtype)

    def cast(self, name: str, have: Any, want: Any) -> str:
        """A value in another dtype."""
        if want is None or np.dtype(have) == np.dtype(want):
            return name
        key = "cast", name, np.dtype(want).str
        if key not in self.known:
            self.known[key] = self.add("Cast", name, to=self.type(want))
        return self.known[key]

    def type(self, dtype: Any) -> int:
        """The number of a dtype in ONNX."""
        return int(self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def reshaped(self, name: str, shape: Sequence[int]) -> str:
        """The same entries in another shape."""
        return self.add("Reshape", name, self.ints(shape), allowzero=1)

    def full(self, value: object, shape: Sequence[int], dtype: DTypeLike) -> str:
        """One number in this shape."""
        return self.add("Expand", self.constant(np.asarray(value, dtype)), self.ints(shape))

    def set(self, step: Step, name: str) -> None:
        """What a step's result is called."""
        self.names[step.result] = name
