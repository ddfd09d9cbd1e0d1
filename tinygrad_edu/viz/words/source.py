"""The user's source as a witness: at which line a name that depends on a tensor leaves the graph."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...engine import Variable
from ...recording import user_frame

METHODS = {
    "detach": "detach", "numpy": "numpy", "asarray": "numpy", "array": "numpy", "tolist": "item", "item": "item",
    "float": "item", "int": "item", "argmax": "argmax", "argmin": "argmax", "argsort": "argmax", "round": "flat",
    "floor": "flat", "ceil": "flat", "sign": "flat", "Tensor": "tensor", "equal": "comparison",
    "greater": "comparison", "less": "comparison",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One line of the program."""

    number: int
    text: str
    file: str

    @property
    def where(self) -> str:
        return f"{Path(self.file).name}:{self.number}: {self.text.strip()}"


@dataclass(frozen=True)
class Cut:
    """An assignment: how it leaves the graph ("" if it does not), where, and whether it reads its own name."""

    cut: str
    where: str
    reads_itself: bool


def source_lines() -> list[Line]:
    """The lines of the user's function that is running, or of the module, up to the running one."""
    frame = user_frame()
    if frame is None:
        return []
    name = frame.f_code.co_filename
    everything = linecache.getlines(name, frame.f_globals)
    start = frame.f_code.co_firstlineno if frame.f_code.co_name != "<module>" else 1
    return [Line(k, everything[k - 1], name) for k in range(start, min(frame.f_lineno, len(everything)) + 1)]


def _statements(lines: list[Line]) -> list[tuple[ast.stmt, Line, bool]]:
    """The assignments among the lines, with whether they stand inside `no_grad`."""
    if not lines:
        return []
    text = "".join(line.text for line in lines)
    tree = _parsed(text)
    found: list[tuple[ast.stmt, Line, bool]] = []
    todo: list[tuple[ast.AST, bool]] = [(tree, False)] if tree else []
    while todo:
        node, quiet = todo.pop()
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            found.append((node, lines[node.lineno - 1], quiet))
        inside = quiet or (isinstance(node, ast.With) and "no_grad" in ast.unparse(node.items[0]))
        todo += [(child, inside) for child in ast.iter_child_nodes(node)]
    return sorted(found, key=lambda item: (item[1].number, item[0].col_offset))


def _parsed(text: str) -> ast.AST | None:
    """The syntax of a function's beginning: what is cut off at its end is left out."""
    import textwrap

    rows = text.splitlines(keepends=True)
    while rows:
        try:
            return ast.parse(textwrap.dedent("".join(rows)))
        except SyntaxError:
            rows.pop()
    return None


def _targets(node: ast.stmt) -> set[str]:
    tops = node.targets if isinstance(node, ast.Assign) else [node.target]  # type: ignore[attr-defined]
    return {n.id for top in tops for n in ast.walk(top) if isinstance(n, ast.Name)}


def _reads(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _how(node: ast.AST, names: set[str], quiet: bool) -> str:
    """How an expression that uses `names` leaves the graph, or nothing."""
    if quiet:
        return "no_grad"
    for part in ast.walk(node):
        if not names & _reads(part):
            continue
        if isinstance(part, ast.Attribute) and part.attr == "data":
            return "data"
        if isinstance(part, ast.Compare):
            return "comparison"
        if isinstance(part, ast.Call):
            called = part.func.attr if isinstance(part.func, ast.Attribute) else getattr(part.func, "id", "")
            if called == "astype" and any("int" in ast.unparse(a) for a in part.args):
                return "integer"
            if called in ("array", "asarray") and not _of_numpy(part.func):
                continue  # ours: a tensor stays one
            if called in METHODS:
                return METHODS[called]
    return ""


def _of_numpy(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and ast.unparse(function.value) in ("np", "numpy")


def assignment_of(lines: list[Line], name: str) -> Cut | None:
    """The last assignment to a name."""
    for node, line, quiet in reversed(_statements(lines)):
        if name in _targets(node) and node.value is not None:  # type: ignore[attr-defined]
            reads = _reads(node.value)  # type: ignore[attr-defined]
            value: ast.AST = node.value  # type: ignore[attr-defined]
            cut = _how(value, reads - {"tg", "np", "tinygrad_edu", "numpy"}, quiet)
            if cut == "tensor" and not _wraps_a_result(value, _statements(lines)):
                cut = ""
            return Cut(cut, line.where, name in reads)
    return None


def calls_of(lines: list[Line], method: str) -> dict[str, Line]:
    """The names on which a method is called, each with its last line."""
    found: dict[str, Line] = {}
    tree = _parsed("".join(line.text for line in lines))
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
            found[ast.unparse(node.func.value)] = lines[node.lineno - 1]
    return found


def repeated(lines: list[Line], method: str) -> Line | None:
    """The line in a loop that calls a method."""
    tree = _parsed("".join(line.text for line in lines))
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While)] if tree is not None else []
    for node in (inner for loop in loops for inner in ast.walk(loop)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
            return lines[node.lineno - 1]
    return None


def cut_inside(lines: list[Line], name: str, scope: Mapping[str, Any]) -> Cut | None:
    """The first assignment from a name whose result has no history: something that it calls cuts the path."""
    depends = {name}
    for node, line, _ in _statements(lines):
        value: ast.AST | None = node.value  # type: ignore[attr-defined]
        if value is None or not _reads(value) & depends:
            continue
        targets = _targets(node)
        made = [scope[t] for t in targets if t in scope]
        if made and not any(isinstance(v, Variable) and v.op is not None for v in made):
            return Cut("inside", line.where, False)
        depends |= targets
    return None


def _wraps_a_result(value: ast.AST, statements: list[tuple[ast.stmt, Line, bool]]) -> bool:
    """Whether `Tensor(y)` wraps a name that was itself made from a tensor."""
    made = {t for node, _, _ in statements for t in _targets(node) if "Tensor" in ast.unparse(node)}
    return bool(_reads(value) & made)


def cut_after(lines: list[Line], name: str) -> Cut | None:
    """The first assignment from a name, or from one made from it, that leaves the graph."""
    depends = {name}
    for node, line, quiet in _statements(lines):
        value: ast.AST | None = node.value  # type: ignore[attr-defined]
        if value is None or not _reads(value) & depends:
            continue
        cut = _how(value, depends, quiet)
        if cut:
            return Cut(cut, line.where, False)
        depends |= _targets(node)
    return None
