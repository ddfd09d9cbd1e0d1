"""A program as an ONNX graph: one table from primitives to nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import GraphError
from ..program.program import Program, Step, Value
from .entries import FORMULAS, SAME, entrywise
from .graph import IR_VERSION, OPSET, OnnxGraph
from .host import DOUBLE, Numbers
from .indexing import INDEXING
from .layout import LAYOUT
from .windows import WINDOWS

PRIMITIVES: dict[str, Callable[[OnnxGraph, Step], str]] = {
    **dict.fromkeys([*SAME, *FORMULAS], entrywise), **LAYOUT, **INDEXING, **WINDOWS,
}  # fmt: skip


def write(
    program: Program, inputs: list[tuple[Value, str]], weights: dict[Value, tuple[str, Any]], outputs: list[str],
    numbers: Numbers | None = None, name: str = "program",
) -> Any:  # fmt: skip
    """The ONNX model of a program: `inputs` and `outputs` by their names; `weights` are values that the file holds, of
    which those that are inputs too can be given anew; `numbers` are inputs as well."""
    g = OnnxGraph("export")
    for value, label in inputs:
        g.names[value] = label
    for value, (label, array) in weights.items():
        g.names[value] = g.constant(array, name=label)
    entering = [(label, v.dtype, v.shape) for v, label in inputs]
    leaving = [(label, v.dtype, v.shape) for v, label in zip(program.results, outputs, strict=True)]
    if numbers is not None:
        for label, now in numbers.inputs.items():
            g.constant(now, DOUBLE, name=label)
            entering.append((label, DOUBLE, ()))
        g.names |= numbers.written(g)
    for value, array in program.constants.items():
        g.names[value] = g.constant(array)
    for step in program.steps:
        g.site = step.site
        _written(g, step)
    g.site = None
    ends = [(g.of(value), label) for value, label in zip(program.results, outputs, strict=True)]
    for label, after in numbers.steps(g).items() if numbers is not None else ():
        ends.append((after, f"new.{label}"))
        leaving.append((f"new.{label}", DOUBLE, ()))
    helper = g.onnx.helper
    g.nodes += [helper.make_node("Identity", [inner], [label], name=label) for inner, label in ends]
    sides = [
        [helper.make_tensor_value_info(label, g.type(dtype), shape) for label, dtype, shape in side]
        for side in (entering, leaving)
    ]
    graph = helper.make_graph(g.nodes, name, *sides, g.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="tinygrad_edu")
    model.ir_version = IR_VERSION
    return model


def _written(g: OnnxGraph, step: Step) -> None:
    """The nodes of one step."""
    if step.primitive == "broadcast_arrays":
        for x, result in zip(step.args, step.results, strict=True):
            g.names[result] = g.add("Expand", g.of(x), g.ints(result.shape))
        return
    values = [*step.uses, *step.results]
    if step.primitive not in PRIMITIVES:
        raise _refused(step, f"{step.primitive}, for which ONNX has no operator")
    if any(v.dtype.kind == "c" for v in values):
        raise _refused(step, "complex numbers, which few ONNX operators take")
    try:
        g.set(step, PRIMITIVES[step.primitive](g, step))
    except NotImplementedError as error:
        raise _refused(step, f"{error} in {step.primitive}") from None


def _refused(step: Step, got: str) -> GraphError:
    line = f" at {step.site}" if step.site else ""
    return GraphError(
        f"export: the function must be made of what ONNX has operators for; got {got}{line}; leave it out"
    )
