"""The text of a hand-written function: its syntax, its lines, and assignments that forget what was there."""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from ..subjects.functions import is_lambda, lambda_of, reached
from .patterns import OVERWRITTEN


def name_of(target: ast.expr) -> str:
    """What an assignment writes: `dW`, also for `grads["dW"]`; else the text of the target."""
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        return str(target.slice.value)
    return ast.unparse(target)


def is_empty(value: ast.expr) -> bool:
    """Whether it is 0, or an array that is made to be filled, such as `np.zeros(3)`."""
    called = value.func if isinstance(value, ast.Call) else None
    name = getattr(called, "attr", getattr(called, "id", ""))
    return name.removesuffix("_like") in ("zeros", "empty") or (isinstance(value, ast.Constant) and value.value == 0)


def text_of(f: Callable[..., Any], line: int) -> str:
    """A line of the function's source, by its number in the file."""
    g: Any = inspect.unwrap(f)
    return linecache.getline(g.__code__.co_filename, line, g.__globals__).strip()


def site_of(f: Callable[..., Any], line: int) -> str:
    """`file.py:line`."""
    return f"{inspect.unwrap(f).__code__.co_filename}:{line}"


def parsed(f: Callable[..., Any]) -> tuple[ast.Module, int]:
    """The syntax of the function's source, and in which line of the file it begins."""
    g: Any = inspect.unwrap(f)
    if is_lambda(g):
        found, _ = lambda_of(g)
        body = ast.copy_location(ast.Return(found.body), found.body)
        named = ast.copy_location(ast.FunctionDef(g.__name__, found.args, [body], []), found)
        return ast.Module([ast.fix_missing_locations(named)], []), 1
    source, first = inspect.getsourcelines(g)
    return ast.parse(textwrap.dedent("".join(source))), first


def overwritten(df: Callable[..., Any], names: set[str]) -> str | None:
    """If a gradient of these names is assigned where it should be added to: the pattern, with the line."""
    found = next(((name, line) for name, line in repeated(df) if name in names), None)
    return assigned_again(*found) if found else None


def rewrites(df: Callable[..., Any]) -> bool:
    """Whether the function, or one that it calls, assigns anything twice or in parts; True if there is no text."""
    for f in reached(df):
        try:
            tree, _ = parsed(f)
        except (OSError, TypeError, SyntaxError):
            return True
        assigned = [n for n in ast.walk(tree) if isinstance(n, ast.Assign | ast.AugAssign)]
        targets = [t for n in assigned for t in (_targets(n) if isinstance(n, ast.Assign) else [n.target])]
        names = [ast.unparse(t) for t in targets]
        loops = any(isinstance(n, ast.For | ast.While) for n in ast.walk(tree))
        if loops or len(names) > len(set(names)) or any(isinstance(t, ast.Subscript) for t in targets):
            return True
    return not reached(df)


def forgets(df: Callable[..., Any], line: int) -> bool:
    """Whether an assignment in a line of the file may forget what was there: it writes parts of an array, or a name
    that has a value already."""
    for f in reached(df):
        try:
            tree, first = parsed(f)
        except (OSError, TypeError, SyntaxError):
            return True
        here = [n for n in ast.walk(tree) if isinstance(n, ast.Assign) and first + n.lineno - 1 == line]
        if any(isinstance(t, ast.Subscript) for n in here for t in _targets(n)) or line in [n for _, n in repeated(f)]:
            return True
    return False


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
