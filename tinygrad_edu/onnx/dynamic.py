"""An axis of any length: a function is written down for three lengths, and what differs is computed from the length.

A number that is a * n + b for two lengths n, and then for the third as well, is that for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import GraphError


def lengths(n: int) -> tuple[int, int, int]:
    """Three lengths of an axis that has length n: multiples of it, as it may be cut into parts."""
    n = n if n > 1 else 2
    return n, 3 * n, 4 * n


def of_any_length(onnx: Any, models: Sequence[Any], sizes: Sequence[int], name: str, places: dict[str, int]) -> Any:
    """One model from those for three lengths of the axes `places`: pairs of an input and an axis, called `name`."""
    first = models[0].graph
    merge = _Merge(onnx, [m.graph for m in models], sizes)
    if len({len(m.graph.node) for m in models}) > 1:
        raise merge.refused("other operations for other lengths")
    for nodes in zip(*[m.graph.node for m in models], strict=True):
        merge.node(nodes)
    lead = next(iter(places.items()))
    made = merge.beginning(lead)
    del first.node[:]
    first.node.extend(made + merge.nodes)
    used = {x for node in first.node for x in node.input} | {x.name for x in first.input}
    kept = [w for w in first.initializer if w.name in used]
    del first.initializer[:]
    first.initializer.extend(kept + merge.initializers)
    for k, side in enumerate(("input", "output")):
        for values in zip(*[getattr(m.graph, side) for m in models], strict=True):
            _named_axes(values, sizes, name, places if k == 0 else None)
    onnx.checker.check_model(models[0])
    return models[0]


def _named_axes(values: Sequence[Any], sizes: Sequence[int], name: str, places: dict[str, int] | None) -> None:
    """The axes whose lengths differ have the name, or none if they are something else than the length."""
    shapes = [v.type.tensor_type.shape.dim for v in values]
    for d, dims in enumerate(zip(*shapes, strict=True)):
        found = [dim.dim_value for dim in dims]
        if found == list(sizes) or (places is not None and places.get(values[0].name) == d):
            dims[0].dim_param = name
        elif len(set(found)) > 1:
            dims[0].ClearField("dim_value")


class _Merge:
    """Nodes that are equal but for constants, written once."""

    def __init__(self, onnx: Any, graphs: Sequence[Any], sizes: Sequence[int]) -> None:
        self.onnx, self.sizes = onnx, sizes
        self.constants = [{w.name: onnx.numpy_helper.to_array(w) for w in g.initializer} for g in graphs]
        self.given = {x.name for x in graphs[0].input}
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.made: dict[Any, str] = {}
        self.site = ""

    def refused(self, got: str) -> GraphError:
        """The error for what depends on the length in another way."""
        line = f" at {self.site}" if self.site else ""
        return GraphError(
            f"export: a dynamic axis must be used alike for all lengths; got {got}{line}; export with fixed shapes"
        )

    def beginning(self, lead: tuple[str, int]) -> list[Any]:
        """The nodes that look up the length."""
        make = self.onnx.helper.make_node
        return [make("Shape", [lead[0]], ["length"], start=lead[1], end=lead[1] + 1),
                make("Cast", ["length"], ["length_as_number"], to=self.onnx.TensorProto.DOUBLE)]  # fmt: skip

    def node(self, nodes: Sequence[Any]) -> None:
        """One node, of those for each length."""
        first = nodes[0]
        self.site = first.doc_string
        alike = all(n.op_type == first.op_type and n.output == first.output for n in nodes)
        if not alike or any(n.attribute != first.attribute or len(n.input) != len(first.input) for n in nodes):
            raise self.refused(f"other settings of {first.op_type}")
        inputs = [self._input(names) for names in zip(*[n.input for n in nodes], strict=True)]
        del first.input[:]
        first.input.extend(inputs)
        self.nodes.append(first)

    def _input(self, names: Sequence[str]) -> str:
        """An input that is the same for all lengths, or computed."""
        arrays: list[Any] = [known.get(name) for known, name in zip(self.constants, names, strict=True)]
        if names[0] in self.given or all(a is None for a in arrays):
            if len(set(names)) > 1:
                raise self.refused("other operations for other lengths")
            return names[0]
        if any(a is None for a in arrays):
            raise self.refused("other operations for other lengths")
        if all(a.shape == arrays[0].shape and a.tobytes() == arrays[0].tobytes() for a in arrays):
            return names[0]
        if tuple(names) not in self.made:
            self.made[tuple(names)] = self._computed(arrays)
        return self.made[tuple(names)]

    def _computed(self, arrays: Sequence[Any]) -> str:
        """A constant that depends on the length."""
        dtype = arrays[0].dtype
        if all(a.shape == arrays[0].shape for a in arrays):
            numbers = [a.astype(np.float64) for a in arrays]
            found = self._line(numbers)
            if found is not None:
                return self._cast(self._on_line(*found), dtype)
            if arrays[0].ndim == 0 and dtype.kind == "f":
                found = self._quotient(arrays)
                if found is not None:
                    return self._cast(self._add("Div", *[self._on_line(*line) for line in found]), dtype)
        elif all(a.ndim == arrays[0].ndim for a in arrays):
            found = self._line([np.array(a.shape, np.float64) for a in arrays])
            shape = None if found is None else self._cast(self._on_line(*found), np.dtype(np.int64))
            if shape is not None and all(a.size and (a == a.flat[0]).all() for a in arrays):
                ends = [np.asarray(a.reshape(-1)[0]) for a in arrays]
                one = self._constant(ends[0]) if len({e.tobytes() for e in ends}) == 1 else self._computed(ends)
                return self._add("Expand", one, shape)
            if shape is not None and all(np.array_equal(a.reshape(-1), np.arange(a.size)) for a in arrays):
                zero, one = (self._constant(np.asarray(k, dtype)) for k in (0, 1))
                count = self._add("Cast", self._add("ReduceProd", shape, keepdims=0), to=self._type(dtype))
                return self._add("Reshape", self._add("Range", zero, count, one), shape)
        raise self.refused("a constant array that depends on it")

    def _line(self, numbers: Sequence[Any]) -> tuple[Any, Any] | None:
        """a and b of a * n + b, if these are the numbers for all lengths n."""
        n, m, k = self.sizes
        a = (numbers[1] - numbers[0]) / (m - n)
        b = numbers[0] - a * n
        return (a, b) if np.allclose(a * k + b, numbers[2], rtol=1e-12, atol=0) else None

    def _quotient(self, arrays: Sequence[Any]) -> tuple[Any, Any] | None:
        """Two lines whose quotient gives these numbers to the bit: c / n, as means have, or m / (m - 1) for a count m,
        as variances have."""
        numbers = [float(a) for a in arrays]
        shares = [a * n for a, n in zip(numbers, self.sizes, strict=True)]
        if np.allclose(shares, shares[0], rtol=4 * np.finfo(arrays[0].dtype).eps, atol=0):
            for c in (*(round(shares[0] * k) / k for k in range(1, 65)), shares[0]):  # a simple fraction, if it can be
                if all(a == a.dtype.type(c / n) for a, n in zip(arrays, self.sizes, strict=True)):
                    return (0.0, c), (1.0, 0.0)
        if min(numbers) > 1:
            counts = [np.float64(round(a / (a - 1))) for a in numbers]
            line = self._line(counts)
            if line is not None and all(a == a.dtype.type(m / (m - 1)) for a, m in zip(arrays, counts, strict=True)):
                return line, (line[0], line[1] - 1)
        return None

    def _on_line(self, a: Any, b: Any) -> str:
        shape = np.shape(a)
        length = self._add("Reshape", "length_as_number", self._constant(np.array([1] * len(shape), np.int64)))
        return self._add("Add", self._add("Mul", length, self._constant(a)), self._constant(b))

    def _cast(self, name: str, dtype: Any) -> str:
        name = self._add("Round", name) if dtype.kind in "iu" else name
        return self._add("Cast", name, to=self._type(dtype))

    def _type(self, dtype: object) -> int:
        return int(self.onnx.helper.np_dtype_to_tensor_dtype(dtype))

    def _add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        name = f"length_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def _constant(self, x: Any) -> str:
        name = f"of_length_{len(self.initializers)}"
        self.initializers.append(self.onnx.numpy_helper.from_array(np.asarray(x), name))
        return name
