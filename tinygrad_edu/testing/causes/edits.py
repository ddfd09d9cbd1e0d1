"""Which small change of a line makes a derivative right? A mistake is often one sign, factor, name, axis or index.

Each line in question is changed in one place, in the ways in which people err, and the derivative is run again. What
takes something away or exchanges it explains a mistake better than what adds to the line. Source: V. Debroy and
W. E. Wong, "Using mutation to automatically suggest fixes for faulty programs" (2010).
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from .mending import Mendable
from .text import parsed

REMOVED, EXCHANGED, NAMED, ADDED, SCALED = range(5)  # how well a change explains a mistake
FLIPPED: dict[type[ast.AST], Any] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Gt: ast.LtE, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip
TURNED = {"sin": "cos", "cos": "sin", "sum": "mean", "mean": "sum", "max": "min", "min": "max", "argmax": "argmin"}


class Edit(NamedTuple):
    """A line of a function that would be right, if it read otherwise."""

    function: Any  # a FunctionType
    line: int
    rank: int
    text: str


class Version(NamedTuple):
    """A change before it is tried: the list of statements that it changes, where, and by what."""

    edit: Edit
    definition: ast.FunctionDef
    body: list[ast.stmt]
    k: int
    new: ast.stmt

    def code(self) -> CodeType | None:
        """The function's code with this change; None if there is none."""
        node, space = self.body[self.k], dict[str, Any]()
        self.body[self.k] = self.new
        try:
            tree = ast.Module([self.definition], [])
            exec(compile(tree, self.edit.function.__code__.co_filename, "exec"), space)
        except (SyntaxError, ValueError, TypeError):
            return None
        finally:
            self.body[self.k] = node
        code: CodeType = space[self.definition.name].__code__
        return code


def edits(
    made: Mendable, places: Sequence[tuple[FunctionType, int]] | None, right: Callable[[], bool], most: int
) -> list[Edit]:
    """The changes of single lines with which the derivative is `right`, the best first: of the lines at `places`, the
    first of these first, or of all."""
    waiting: list[Version] = []
    for g in {g.__code__: g for g in made.copies}.values():  # closures of the same source: one of them
        wanted = None if places is None else {line for f, line in places if f.__code__ is g.__code__}
        waiting += _versions_of(g, wanted) if wanted is None or wanted else []
    found: list[Edit] = []
    nearest = {(f.__code__, line): i for i, (f, line) in enumerate(places or ())}

    def order(v: Version) -> tuple[int, bool, int]:
        place = v.edit.function.__code__, v.edit.line
        return v.edit.rank, not isinstance(v.new, ast.Return), nearest.get(place, 0)

    for version in sorted(waiting, key=order)[:most]:
        known: list[Any] = [f for g, f in made.copies.items() if g.__code__ is version.edit.function.__code__]
        code, before = version.code(), known[0].__code__
        if code is None or code.co_freevars != before.co_freevars:
            continue
        try:
            for f in known:
                f.__code__ = code
            if right():
                found.append(version.edit)
        finally:
            for f in known:
                f.__code__ = before
    return found


def _versions_of(g: FunctionType, wanted: set[int] | None) -> Iterator[Version]:
    """The changes of lines of one function."""
    try:
        tree, first = parsed(g)
    except (OSError, TypeError, SyntaxError):
        return
    definition = tree.body[0]
    endless = [n for n in ast.walk(definition) if isinstance(n, ast.While)]  # as a change may make it
    if not isinstance(definition, ast.FunctionDef) or endless:
        return
    definition.decorator_list = []
    definition.args.defaults = [ast.Constant(None) for _ in definition.args.defaults]  # a copy keeps its own
    definition.args.kw_defaults = [d and ast.Constant(None) for d in definition.args.kw_defaults]
    ast.fix_missing_locations(definition)
    known = _names(definition)
    for node, body, k in _statements(definition):
        line = node.lineno + first - 1
        texts = {_text(node)}
        names = [n for n in known if n != _filled(node)]
        for rank, new in _versions(node, names) if wanted is None or line in wanted else ():
            text = _text(_placed(new, node))
            if text not in texts:
                texts.add(text)
                yield Version(Edit(g, line, rank, text), definition, body, k, new)


def _statements(definition: ast.FunctionDef) -> Iterator[tuple[ast.stmt, list[ast.stmt], int]]:
    """The statements that compute something, and where each stands."""
    for node in ast.walk(definition):
        for body in (getattr(node, name, None) for name in ("body", "orelse")):
            statements: list[Any] = body if isinstance(body, list) else []
            for k, statement in enumerate(statements):
                if isinstance(statement, ast.Assign | ast.AugAssign | ast.Return | ast.Expr | ast.For):
                    yield statement, statements, k


def _names(definition: ast.FunctionDef) -> list[str]:
    """What may stand in the place of a name: the function's variables, and their parts."""
    loads = [n for n in ast.walk(definition) if isinstance(getattr(n, "ctx", None), ast.Load)]
    local = {n.id for n in ast.walk(definition) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    local |= {a.arg for a in (*definition.args.posonlyargs, *definition.args.args)}
    parts = {ast.unparse(n) for n in loads if isinstance(n, ast.Subscript | ast.Attribute) and len(ast.unparse(n)) < 12}
    return sorted(local) + sorted(p for p in parts if re.split(r"[.[]", p)[0] in local and not p.endswith(".T"))


def _versions(node: ast.stmt, names: Sequence[str]) -> Iterator[tuple[int, ast.stmt]]:
    """A statement, changed in one place."""
    if isinstance(node, ast.AugAssign):
        yield REMOVED, ast.Assign([node.target], node.value)
    if isinstance(node, ast.Assign) and not isinstance(node.targets[-1], ast.Tuple):
        target: Any = node.targets[-1]
        yield REMOVED, ast.AugAssign(target, ast.Add(), node.value)
    if isinstance(node, ast.For):
        for rank, new in _versions(ast.Expr(node.iter), names):
            yield rank, ast.For(node.target, new.value, node.body, node.orelse)  # type: ignore[attr-defined]
        return
    for k, part in enumerate(ast.walk(node)):
        for rank, change in _of(part, names):
            new = copy.deepcopy(node)
            target = next(p for i, p in enumerate(ast.walk(new)) if i == k)
            yield rank, _Putting(target, change(target)).visit(new)
    value = getattr(node, "value", None)
    if isinstance(value, ast.expr) and not isinstance(value, ast.Tuple | ast.Dict | ast.List):
        for rank, new_value in _added(value, names):
            new = copy.copy(node)
            new.value = new_value  # type: ignore[attr-defined]
            yield rank, new
    for k, part in enumerate(ast.walk(node)):
        for field, i, old in _elements(part):
            for _, new_value in _added(old, ()):
                new = copy.deepcopy(node)
                within = getattr(next(p for j, p in enumerate(ast.walk(new)) if j == k), field)
                if i is None:
                    setattr(next(p for j, p in enumerate(ast.walk(new)) if j == k), field, new_value)
                else:
                    within[i] = new_value
                yield ADDED, new


def _filled(node: ast.stmt) -> str:
    """The name of the container that a statement puts something into: itself, it would hang whoever reads it."""
    call = getattr(node, "value", None) if isinstance(node, ast.Expr) else None
    put: Any = getattr(call, "func", None) or next(iter(getattr(node, "targets", [])), getattr(node, "target", None))
    return ast.unparse(put.value) if isinstance(put, ast.Subscript | ast.Attribute) else ""


class _Putting(ast.NodeTransformer):
    """Puts one node in the place of another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self.new if node is self.old else self.generic_visit(node)


def _of(part: ast.AST, names: Sequence[str]) -> Iterator[tuple[int, Callable[[Any], ast.AST]]]:
    """The changes of one place."""
    if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.USub):
        yield REMOVED, lambda p: p.operand
    if isinstance(part, ast.BinOp):
        yield from _of_operation(part)
    if isinstance(part, ast.AugAssign) and type(part.op) in FLIPPED:
        yield EXCHANGED, lambda p: ast.AugAssign(p.target, FLIPPED[type(p.op)](), p.value)
    if isinstance(part, ast.Compare) and type(part.ops[0]) in FLIPPED:
        yield EXCHANGED, lambda p: ast.Compare(p.left, [FLIPPED[type(p.ops[0])](), *p.ops[1:]], p.comparators)
    if isinstance(part, ast.Attribute) and part.attr == "T":
        yield REMOVED, lambda p: p.value
    if isinstance(part, ast.Attribute) and part.attr in TURNED:
        yield EXCHANGED, lambda p: ast.Attribute(p.value, TURNED[p.attr], p.ctx)
    if isinstance(part, ast.Constant) and type(part.value) in (int, float):
        v: Any = part.value
        halves = [v // 2] if isinstance(v, int) and v % 2 == 0 else [v / 2]
        for other in dict.fromkeys([v + 1, v - 1, 2 * v, *halves, -v, 0, 1]):
            yield EXCHANGED, partial(_constant, other)
    if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and part.id in names:
        for name in names:
            yield NAMED, partial(_name, name)
    if isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Name) and isinstance(part.ctx, ast.Load):
        yield EXCHANGED, partial(_shifted, ast.Add())
        yield EXCHANGED, partial(_shifted, ast.Sub())


def _constant(value: Any, part: object) -> ast.expr:
    return ast.Constant(value)


def _name(name: str, part: object) -> ast.expr:
    return _parsed(name)


def _shifted(step: ast.operator, part: Any) -> ast.expr:
    """An index, one further."""
    return ast.Subscript(part.value, ast.BinOp(part.slice, step, ast.Constant(1)), part.ctx)


def _of_operation(part: ast.BinOp) -> Iterator[tuple[int, Callable[[Any], ast.AST]]]:
    kind = type(part.op)
    if kind in (ast.Mult, ast.Div, ast.Pow, ast.Add, ast.Sub):
        yield REMOVED, lambda p: p.left
    if kind in (ast.Mult, ast.Add):
        yield REMOVED, lambda p: p.right
    if kind in FLIPPED:
        yield EXCHANGED, lambda p: ast.BinOp(p.left, FLIPPED[type(p.op)](), p.right)
    if kind in (ast.Mult, ast.Div):
        other = ast.Div if kind is ast.Mult else ast.Mult
        yield EXCHANGED, lambda p: ast.BinOp(p.left, other(), p.right)
    if kind is ast.MatMult:
        yield EXCHANGED, lambda p: ast.BinOp(p.right, p.op, p.left)
        yield EXCHANGED, lambda p: ast.BinOp(ast.Attribute(p.left, "T", ast.Load()), p.op, p.right)
        yield EXCHANGED, lambda p: ast.BinOp(p.left, p.op, ast.Attribute(p.right, "T", ast.Load()))


def _added(value: ast.expr, names: Sequence[str]) -> Iterator[tuple[int, ast.expr]]:
    """Something more in a value: a sign or a factor, which may make good for a mistake elsewhere; a name."""
    yield SCALED, ast.UnaryOp(ast.USub(), value)
    yield SCALED, ast.BinOp(value, ast.Mult(), ast.Constant(2))
    yield SCALED, ast.BinOp(value, ast.Div(), ast.Constant(2))
    for name in names:
        for operation in (ast.Mult(), ast.Div(), ast.Add(), ast.Sub()):
            yield ADDED, ast.BinOp(value, operation, _parsed(name))
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add | ast.Sub):
            for operation in (ast.Mult(), ast.Div()):
                yield ADDED, ast.BinOp(ast.BinOp(value.left, operation, _parsed(name)), value.op, value.right)
                yield ADDED, ast.BinOp(value.left, value.op, ast.BinOp(value.right, operation, _parsed(name)))


def _elements(part: ast.AST) -> Iterator[tuple[str, int | None, ast.expr]]:
    """The elements of a list, tuple, dictionary, comprehension, and what a function is given: the field, the place in
    it, and the element."""
    if isinstance(part, ast.List | ast.Tuple) and isinstance(part.ctx, ast.Load):
        yield from (("elts", i, v) for i, v in enumerate(part.elts) if not isinstance(v, ast.List | ast.Tuple))
    if isinstance(part, ast.Dict):
        yield from (("values", i, v) for i, v in enumerate(part.values))
    if isinstance(part, ast.Call):
        yield from (("args", i, v) for i, v in enumerate(part.args) if isinstance(v, ast.Name | ast.Attribute))
    if isinstance(part, ast.ListComp | ast.GeneratorExp):
        yield "elt", None, part.elt
    if isinstance(part, ast.DictComp):
        yield "value", None, part.value


def _text(statement: ast.stmt) -> str:
    """A statement as text; of a loop, its head."""
    return ast.unparse(statement).partition("\n")[0]


def _placed(new: ast.stmt, old: ast.stmt) -> ast.stmt:
    """A statement in the line of another."""
    for node in ast.walk(new):
        if isinstance(node, ast.expr | ast.stmt) and getattr(node, "lineno", None) is None:
            ast.copy_location(node, old)
    return ast.fix_missing_locations(new)


def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
