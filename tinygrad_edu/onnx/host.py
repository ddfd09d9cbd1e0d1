"""Numbers that the host computes before each run, as nodes: learning rates, counts of steps, formulas of them."""

from __future__ import annotations

import ast

import numpy as np

from ..program.host import Host
from ..program.program import Value
from .entries import FORMULAS, SAME, Entries
from .graph import OnnxGraph

OPERATORS = {ast.Add: "Add", ast.Sub: "Sub", ast.Mult: "Mul", ast.Div: "Div", ast.Pow: "Pow"}
COMPARISONS = {
    ast.Eq: "Equal", ast.Lt: "Less", ast.LtE: "LessOrEqual", ast.Gt: "Greater", ast.GtE: "GreaterOrEqual",
}  # fmt: skip
DOUBLE = np.dtype(np.float64)


class Numbers:
    """The numbers of one program: which inputs they look up, with their values now, and their formulas."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.names: dict[str, str] = {}  # of what is looked up: `x0`, and the name of the input
        self.inputs: dict[str, float] = {}  # the inputs, and what they are now
        for key, text in host.looked.items():
            now = float(host.names[f"look{text[1:]}"](None))
            kind = "step" if key[0] == "step" else str(key[0])
            now = now - 1 if kind == "step" else now  # how many steps were made before this one
            name, k = kind, 1
            while self.inputs.get(name, now) != now or (kind != "step" and name in self.inputs):
                name, k = f"{kind}_{k}", k + 1
            self.inputs[name], self.names[text] = now, name

    def written(self, g: OnnxGraph) -> dict[Value, str]:
        """The nodes: the name for each value of the program that is a number."""
        e = Entries(g, DOUBLE)
        names = {}
        for text, name in self.names.items():
            names[text] = e("Add", name, 1) if name.startswith("step") else name
        return {
            value: self._of(ast.parse(text, mode="eval").body, names, e) for text, value in self.host.inputs.items()
        }

    def steps(self, g: OnnxGraph) -> dict[str, str]:
        """For each count of steps, the name of what it becomes."""
        return {name: Entries(g, DOUBLE)("Add", name, 1) for name in self.inputs if name.startswith("step")}

    def _of(self, node: object, names: dict[str, str], e: Entries) -> str:
        """One formula."""
        if isinstance(node, ast.Name):
            return names[node.id]
        if isinstance(node, ast.Constant):
            return e.number(float(node.value))  # type: ignore[arg-type]
        if isinstance(node, ast.UnaryOp):
            return e("Neg", self._of(node.operand, names, e))
        if isinstance(node, ast.BinOp):
            a, b = (self._of(x, names, e) for x in (node.left, node.right))
            kind = type(node.op)
            return e(OPERATORS[kind], a, b) if kind in OPERATORS else FORMULAS[
                "remainder" if kind is ast.Mod else "floor_divide"
            ](e, a, b)  # fmt: skip
        if isinstance(node, ast.Compare):
            a, b = (self._of(x, names, e) for x in (node.left, node.comparators[0]))
            return e.graph.cast(e(COMPARISONS[type(node.ops[0])], a, b), bool, DOUBLE)
        assert isinstance(node, ast.Call)
        assert isinstance(node.func, ast.Name)
        xs = [self._of(x, names, e) for x in node.args]
        name = "absolute" if node.func.id == "abs" else node.func.id.rpartition("_")[0]
        return e(SAME[name], *xs) if name in SAME else FORMULAS[name](e, *xs)
