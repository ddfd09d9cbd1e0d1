"""The source of a hand-written function: a copy of it whose assignments can be given other values, and
assignments that forget what was there."""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from types import FunctionType, MethodType
from typing import Any, NamedTuple

from .patterns import OVERWRITTEN

Hook = Callable[[int, Any], Any]


class Site(NamedTuple):
    """A place in the source where a value gets its name."""

    line: int  # of the file
    name: str


class Mendable:
    """A copy of `f`, made from its source, that hands each value it assigns to a hook, and goes on with what
    the hook returns. Raises OSError, TypeError or SyntaxError where there is no source to make it from."""

    def __init__(self, f: Callable[..., Any]) -> None:
        f = inspect.unwrap(f)
        tree, first = parsed(f)
        definition = tree.body[0]
        if not isinstance(definition, ast.FunctionDef):
            raise TypeError("a lambda has no lines")
        definition.decorator_list = []
        ast.increment_lineno(tree, first - 1)
        marks = _Marks()
        tree = ast.fix_missing_locations(marks.visit(tree))
        plain = f.__func__ if isinstance(f, MethodType) else f
        assert isinstance(plain, FunctionType)
        self.sites = marks.sites
        self.space = {**plain.__globals__, **inspect.getclosurevars(plain).nonlocals}
        exec(compile(tree, plain.__code__.co_filename, "exec"), self.space)
        made = self.space[definition.name]
        self.f = MethodType(made, f.__self__) if isinstance(f, MethodType) else made

    def with_hook(self, hook: Hook) -> Callable[..., Any]:
        """The function, with this hook from now on."""
        self.space["_mend"] = hook
        self.space["_mends"] = lambda k, values: tuple(hook(k + i, v) for i, v in enumerate(values))
        return self.f


class _Marks(ast.NodeTransformer):
    """Wraps assigned and returned values in calls of the hook."""

    def __init__(self) -> None:
        self.sites: list[Site] = []

    def mark(self, value: ast.expr, line: int, names: Sequence[str], hook: str = "_mend") -> ast.expr:
        k = len(self.sites)
        self.sites += [Site(line, name) for name in names]
        return ast.Call(ast.Name(hook, ast.Load()), [ast.Constant(k), value], [])

    def visit_Assign(self, node: ast.Assign) -> ast.Assign:
        target = node.targets[-1]
        if isinstance(target, ast.Tuple):
            if not any(isinstance(t, ast.Starred) for t in target.elts):
                node.value = self.mark(node.value, node.lineno, [name_of(t) for t in target.elts], "_mends")
        else:
            node.value = self.mark(node.value, node.lineno, [name_of(target)])
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> list[ast.stmt]:
        now = copy.deepcopy(node.target)
        now.ctx = ast.Load()
        again = ast.Assign([copy.deepcopy(node.target)], self.mark(now, node.lineno, [name_of(node.target)]))
        return [node, ast.copy_location(again, node)]

    def visit_Return(self, node: ast.Return) -> ast.Return:
        if isinstance(node.value, ast.Dict):
            keys = [k.value if isinstance(k, ast.Constant) else "" for k in node.value.keys]
            node.value.values = [self._part(v, str(k)) for k, v in zip(keys, node.value.values, strict=True)]
        elif isinstance(node.value, ast.Tuple):
            node.value.elts = [self._part(v, "") for v in node.value.elts]
        elif node.value is not None:
            node.value = self._part(node.value, "")
        return node

    def _part(self, value: ast.expr, name: str) -> ast.expr:
        known = isinstance(value, ast.Name | ast.Starred | ast.Constant)
        return value if known else self.mark(value, value.lineno, [name or ast.unparse(value)])


def name_of(target: ast.expr) -> str:
    """What an assignment writes: `dW`, also for `grads["dW"]`; else the text of the target."""
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        return str(target.slice.value)
    return ast.unparse(target)


def text_of(f: Callable[..., Any], line: int) -> str:
    """A line of the function's source, by its number in the file."""
    source, first = inspect.getsourcelines(inspect.unwrap(f))
    return source[line - first].strip()


def site_of(f: Callable[..., Any], line: int) -> str:
    """`file.py:line`."""
    return f"{inspect.unwrap(f).__code__.co_filename}:{line}"


def parsed(f: Callable[..., Any]) -> tuple[ast.Module, int]:
    """The syntax of the function's source, and in which line of the file it begins."""
    source, first = inspect.getsourcelines(inspect.unwrap(f))
    return ast.parse(textwrap.dedent("".join(source))), first


def overwritten(df: Callable[..., Any], names: set[str]) -> str | None:
    """If a gradient of these names is assigned where it should be added to: the pattern, with the line."""
    found = next(((name, line) for name, line in repeated(df) if name in names), None)
    return assigned_again(*found) if found else None


def assigned_again(name: str, line: int) -> str:
    """The pattern of a gradient that is assigned where it should be added to, in words."""
    return f"{OVERWRITTEN}: {name} is assigned again in line {line}"


def repeated(df: Callable[..., Any]) -> list[tuple[str, int]]:
    """Names, and lines of the file, of assignments that forget what an earlier one, or turn of a loop, put there."""
    try:
        tree, first = parsed(df)
    except (OSError, TypeError, SyntaxError):  # no source, or a lambda in the middle of a line
        return []
    inner = {id(n) for loop in ast.walk(tree) if isinstance(loop, ast.For | ast.While) for n in ast.walk(loop)}
    whole: set[str] = set()  # assigned as a whole
    parts: set[str] = set()  # assigned in part
    found = []
    for node in sorted((n for n in ast.walk(tree) if isinstance(n, ast.Assign)), key=lambda n: n.lineno):
        used = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
        for target in _targets(node):
            name, part = _assigned(target)
            again = parts | (whole if id(node) in inner else set())
            known = whole if not part else again if not _varies(target) else set()
            if name and name in known and name not in used:
                found.append((name, first + node.lineno - 1))
            if name:
                (parts if part else whole).add(name)
    return found


def _varies(target: ast.expr) -> bool:
    """Whether an index names variables and no slice, as `dx[t]` in a loop over t does: it may be another place each
    time, while slices, as of a convolution's windows, overlap."""
    index = target.slice if isinstance(target, ast.Subscript) else target
    kinds = {type(n) for n in ast.walk(index)}
    return ast.Name in kinds and ast.Slice not in kinds


def _targets(node: ast.Assign) -> Iterator[ast.expr]:
    for target in node.targets:
        yield from target.elts if isinstance(target, ast.Tuple) else [target]


def _assigned(target: ast.expr) -> tuple[str | None, bool]:
    """The name that an assignment writes, and whether only a part of it; `grads["dW"]` is `dW`."""
    if isinstance(target, ast.Subscript):
        key = target.slice.value if isinstance(target.slice, ast.Constant) else None
        if isinstance(key, str):
            return key, False
        return (target.value.id if isinstance(target.value, ast.Name) else None), True
    return (target.id if isinstance(target, ast.Name) else None), False
