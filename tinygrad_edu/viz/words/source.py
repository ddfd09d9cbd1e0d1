"""The user's source as a witness: at which line a name that depends on a tensor leaves the graph."""

from __future__ import annotations

import ast
import inspect
import itertools
import linecache
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any, NamedTuple

import numpy as np

from ...engine import NEEDS, Variable
from ...recording import LIBRARIES

DEEPEST = 3  # functions that call one another

METHODS = {
    "detach": "detach", "numpy": "numpy", "asarray": "numpy", "array": "numpy", "tolist": "item", "item": "item",
    "float": "item", "int": "item", "argmax": "argmax", "argmin": "argmax", "argsort": "argmax", "round": "flat",
    "floor": "flat", "ceil": "flat", "sign": "flat", "Tensor": "tensor", "equal": "comparison",
    "greater": "comparison", "less": "comparison",
}  # fmt: skip


@dataclass(frozen=True)
class CodeLine:
    """One line of the program."""

    number: int
    text: str
    file: str
    block: int = 0  # which of the functions that are running
    module: bool = False  # whether the block is that of a module, and so of none of its functions

    @property
    def where(self) -> str:
        return f"{Path(self.file).name}:{self.number}: {self.text.strip()}"


@dataclass(frozen=True)
class Cut:
    """An assignment: how it leaves the graph ("" if it does not), where, and whether it reads its own name."""

    cut: str
    where: str
    reads_itself: bool


def source_lines(frames: Sequence[FrameType]) -> list[CodeLine]:
    """The lines of running functions, or of the module, up to the running one of each; of a notebook, also those of the
    cells before."""
    found: list[CodeLine] = []
    for block, frame in enumerate(frames):
        name, first = frame.f_code.co_filename, frame.f_code.co_name == "<module>"
        if first and isinstance(cells := frame.f_globals.get("In"), list):
            texts = [str(cell).splitlines(keepends=True) for cell in cells[:-1]]
            found += [
                CodeLine(k, text if text.endswith("\n") else text + "\n", f"In [{n}]", block, True)
                for n, cell in enumerate(texts) for k, text in enumerate(cell, 1)
            ]  # fmt: skip
        everything = linecache.getlines(name, frame.f_globals)
        start = 1 if first else frame.f_code.co_firstlineno
        found += [
            CodeLine(k, everything[k - 1], name, block, first)
            for k in range(start, min(frame.f_lineno, len(everything)) + 1)
        ]
    return found


def _blocks(lines: list[CodeLine]) -> Iterator[tuple[ast.AST, list[CodeLine]]]:
    """The syntax of each running function, and its lines. Names of functions inside that do not run are others."""
    for _, group in itertools.groupby(lines, key=lambda line: (line.block, line.file)):
        block = list(group)
        tree = _parsed("".join(line.text for line in block))
        if tree is not None:
            for node in tree.body:
                _apart(node, {}, running=not block[0].module and node is tree.body[0])
            yield tree, block


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
SCOPES = (*FUNCTIONS, ast.ClassDef, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _apart(node: Any, renamed: Mapping[str, str], running: bool = False) -> None:
    """Rename what is local to functions and classes: the `w` of one that does not run is not the `w` of who asks."""
    if isinstance(node, ast.Name):
        node.id = renamed.get(node.id, node.id)
    inside = renamed
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and not running:
        inside = {**renamed, **{name: f"{name} of line {node.lineno}" for name in _local(node)}}
    body = node.body if isinstance(node, SCOPES[:4]) else []
    for part in ast.iter_child_nodes(node):
        within = part in body if isinstance(body, list) else part is body
        of_class = isinstance(node, ast.ClassDef) and isinstance(part, FUNCTIONS)  # a method does not see them
        _apart(part, inside if within and not of_class else renamed)


def _local(scope: Any) -> set[str]:
    """The names that are local to a function or a class."""
    given = [] if isinstance(scope, ast.ClassDef) else [a for a in ast.walk(scope.args) if isinstance(a, ast.arg)]
    found, shared = {a.arg for a in given}, set()
    todo = list(scope.body) if isinstance(scope.body, list) else [scope.body]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        shared |= set(node.names) if isinstance(node, ast.Global | ast.Nonlocal) else set()
        todo += [] if isinstance(node, SCOPES) else list(ast.iter_child_nodes(node))
    return found - shared


Statement = tuple[Any, CodeLine, bool]
KEEPING = {"append", "add", "extend", "insert", "update", "appendleft"}


def _statements(lines: list[CodeLine]) -> list[Statement]:
    """The assignments and returns among the lines, and what is put into lists; whether `no_grad` is around."""
    return [statement for tree, block in _blocks(lines) for statement in _of_block(tree, block)]


def _of_block(tree: ast.AST, lines: list[CodeLine]) -> list[Statement]:
    found: list[Statement] = []
    todo: list[tuple[Any, bool]] = [(tree, False)]
    while todo:
        node, quiet = todo.pop()
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.NamedExpr | ast.Return) or _held(node):
            found.append((node, lines[node.lineno - 1], quiet))
        inside = quiet or (isinstance(node, ast.With) and "no_grad" in ast.unparse(node.items[0]))
        todo += [(child, inside) for child in ast.iter_child_nodes(node)]
    return sorted(found, key=lambda item: (item[1].number, item[0].col_offset))


def _parsed(text: str) -> ast.Module | None:
    """The syntax of a function's beginning: what is cut off at its end is left out."""
    import textwrap

    rows = text.splitlines(keepends=True)
    while rows:
        try:
            return ast.parse(textwrap.dedent("".join(rows)))
        except SyntaxError:
            rows.pop()
    return None


def _held(node: ast.AST) -> str:
    """The name of the list in which a statement keeps something: `parts` of `parts.append(x)`."""
    f = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
    return f.value.id if isinstance(f, ast.Attribute) and f.attr in KEEPING and isinstance(f.value, ast.Name) else ""


def _targets(node: Any) -> set[str]:
    if isinstance(node, ast.Return):
        return set()
    if held := _held(node):
        return {held}
    tops = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {n.id for top in tops for n in ast.walk(top) if isinstance(n, ast.Name)}


def _reads(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _how(node: ast.AST, names: set[str], quiet: bool) -> str:
    """How an expression that uses `names` leaves the graph, or nothing."""
    if quiet:
        return "no_grad"
    for loop in (part for part in ast.walk(node) if isinstance(part, ast.comprehension)):
        if names & _reads(loop.iter):
            names = names | {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
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


def assignment_of(lines: list[CodeLine], name: str) -> Cut | None:
    """The last assignment to a name."""
    for node, line, quiet in reversed(_statements(lines)):
        if name in _targets(node) and node.value is not None:
            reads = _reads(node.value)
            value: ast.AST = node.value
            cut = _how(value, reads - {"tg", "np", "tinygrad_edu", "numpy"}, quiet)
            if cut == "tensor" and not _wraps_a_result(value, _statements(lines)):
                cut = ""
            return Cut(cut, line.where, name in reads)
    return None


def _running(lines: list[CodeLine]) -> list[tuple[Any, CodeLine, str]]:
    """The calls and assignments of the functions that are running, and of those inside them that they name, in the
    order of their lines, each with the function it stands in: what no line names has not run."""
    blocks, found = list(_blocks(lines)), []
    everything = [node for tree, _ in blocks for node in ast.walk(tree)]
    named = {getattr(n, "id", getattr(n, "attr", "")) for n in everything}
    for tree, block in blocks:
        part: list[Any] = []
        todo: list[Any] = [(tree, "")]
        while todo:
            node, within = todo.pop()
            part += [(node, within)] * isinstance(node, ast.Call | ast.Assign)
            within = node.name if isinstance(node, FUNCTIONS[:2]) else within
            inside = isinstance(node, FUNCTIONS[:2]) and (block[0].module or node not in ast.iter_child_nodes(tree))
            if not inside or node.name in named or node.name[:2] == "__":
                todo += [(child, within) for child in ast.iter_child_nodes(node)]
        part.sort(key=lambda found: (found[0].lineno, found[0].col_offset))
        found += [(node, block[node.lineno - 1], within) for node, within in part]
    return found


def calls_of(lines: list[CodeLine], method: str) -> dict[str, CodeLine]:
    """The names on which a method is called, each with its last line."""
    found: dict[str, CodeLine] = {}
    for node, line, _ in _running(lines):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
            found[ast.unparse(node.func.value)] = line
    return found


class Clearing(NamedTuple):
    """A line that clears gradients: of an optimizer or a model by `zero_grad()`, or of a tensor whose `grad` becomes
    None; with that word, and the function that the line stands in."""

    what: str
    how: str
    line: CodeLine
    function: str


def cleared(lines: list[CodeLine]) -> list[Clearing]:
    """The lines that clear gradients."""
    found = []
    for node, line, function in _running(lines):
        call = isinstance(node, ast.Call)
        targets = [node.func] if call else node.targets if ast.unparse(node.value) == "None" else []
        word = "zero_grad" if call else "grad"
        found += [
            Clearing(ast.unparse(t.value), word, line, function) for t in targets if getattr(t, "attr", "") == word
        ]
    return found


def repeated(lines: list[CodeLine], method: str) -> CodeLine | None:
    """The line in a loop that calls a method."""
    for tree, block in _blocks(lines):
        loops = [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While)]
        for node in (inner for loop in loops for inner in ast.walk(loop)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
                return block[node.lineno - 1]
    return None


def cut_inside(
    lines: list[CodeLine], name: str, scopes: Sequence[Mapping[str, Any]], apart: Callable[[str, int], bool]
) -> Cut | None:
    """The first assignment from a name whose result has no history: something that it calls cuts the path there."""
    depends = {name}
    for node, line, _ in _using(lines, depends, apart):
        value: ast.AST = node.value
        targets, scope = _targets(node), scopes[line.block]
        made = [scope[t] for t in targets if t in scope]
        if any(map(_constant, made)) and not any(isinstance(v, Variable) and v.op is not None for v in made):
            return _cut_in_calls(value, depends, scope) or Cut("inside", line.where, False)
        depends |= targets
    return None


def _constant(value: Any) -> bool:
    """Whether a value may be what is left of a tensor that was cut: numbers, or a tensor that needs no gradient."""
    if isinstance(value, Variable):
        return not value.flags & NEEDS
    return isinstance(value, np.ndarray | np.generic | int | float | complex)


def cut_in_a_function(lines: list[CodeLine], name: str, scopes: Sequence[Mapping[str, Any]]) -> Cut | None:
    """The first line of a function that leaves the graph with what depends on a name, which it was given."""
    depends = {name}
    for node, line, _ in _statements(lines):
        value: ast.AST | None = node.value
        if value is not None and _reads(value) & depends:
            if found := _cut_in_calls(value, depends, scopes[line.block], models=False):
                return found
            depends |= _targets(node)
    return None


def _cut_in_calls(
    value: ast.AST, depends: Set[str], scope: Mapping[str, Any], depth: int = DEEPEST, models: bool = True
) -> Cut | None:
    """Where a function of the user's, or a model's `forward`, that an expression calls leaves the graph."""
    for call in (part for part in ast.walk(value) if isinstance(part, ast.Call)):
        f = _function(call.func, scope)
        if f is None or not _reads(call) & depends or not (models or isinstance(scope.get(_name(call)), FunctionType)):
            continue
        try:
            rows, start = inspect.getsourcelines(f)
        except (OSError, TypeError):
            continue
        lines = [CodeLine(start + k, row, f.__code__.co_filename) for k, row in enumerate(rows)]
        names = f.__code__.co_varnames[: f.__code__.co_argcount]
        model = not isinstance(scope.get(_name(call)), FunctionType)
        given = names[1:] if model else names
        taken = {n for n, a in zip(given, call.args, strict=False) if _reads(a) & depends}
        taken |= {names[0]} if model and _reads(call.func) & depends else set()
        taken |= {k.arg for k in call.keywords if k.arg and _reads(k.value) & depends}
        if cut := _first_cut(_statements(lines), taken, f.__globals__, depth - 1):
            return cut
    return None


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func)


def _function(called: ast.expr, scope: Mapping[str, Any]) -> Any:
    """The user's function that a name stands for, or what a model of that name computes by."""
    thing = scope.get(called.id) if isinstance(called, ast.Name) else None
    if thing is not None and not isinstance(thing, FunctionType | type) and hasattr(type(thing), "forward"):
        thing = type(thing).forward
    thing = inspect.unwrap(thing) if isinstance(thing, FunctionType) else None
    ours = thing is not None and thing.__code__.co_filename.startswith(LIBRARIES)
    return None if ours else thing


def _wraps_a_result(value: ast.AST, statements: list[Statement]) -> bool:
    """Whether `Tensor(y)` wraps a name that was itself made from a tensor."""
    made = {t for node, _, _ in statements for t in _targets(node) if "Tensor" in ast.unparse(node)}
    return bool(_reads(value) & made)


def names_in(text: str) -> set[str]:
    """The names that a line of code reads; none if it is not whole."""
    tree = _parsed(text)
    return set() if tree is None else _reads(tree)


def cut_after(lines: list[CodeLine], name: str, apart: Callable[[str, int], bool]) -> Cut | None:
    """The first assignment from a name, or from one made from it, that leaves the graph. Not where it reads variables
    that are known to be `apart`, in a block, from what is asked for."""
    depends = {name}
    for node, line, quiet in _using(lines, depends, apart):
        if cut := _how(node.value, depends, quiet):
            return Cut(cut, line.where, False)
        depends |= _targets(node)
    return None


def _using(lines: list[CodeLine], depends: Set[str], apart: Callable[[str, int], bool]) -> Iterator[Statement]:
    """The statements that read one of the names in `depends`, which may grow meanwhile, or one that is set again later,
    or is not known to be apart."""
    statements = _statements(lines)
    for k, (node, line, quiet) in enumerate(statements):
        read = _reads(node.value) & depends if node.value is not None else set()
        later = {name for after, _, _ in statements[k:] for name in _targets(after)} if read else set()
        if any(name in later or not apart(name, line.block) for name in read):
            yield node, line, quiet


def _first_cut(statements: list[Statement], names: Set[str], scope: Mapping[str, Any], depth: int) -> Cut | None:
    """The first statement that takes what depends on names out of the graph, or whose calls do."""
    depends = set(names)
    for node, line, quiet in statements:
        value: ast.AST | None = node.value
        if value is None or not _reads(value) & depends:
            continue
        cut = _how(value, depends, quiet)
        if cut:
            return Cut(cut, line.where, False)
        if depth and (found := _cut_in_calls(value, depends, scope, depth)):
            return found
        depends |= _targets(node)
    return None
