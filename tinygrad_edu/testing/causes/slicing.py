"""Which lines can a mistake be in, by the text alone? Those that every wrong gradient comes through, and no right one.

This needs no run of the function, and so serves derivatives in PyTorch, JAX or compiled code, too. It takes one mistake
for granted, and names a line only if there is no other. Source: M. Weiser, "Program slicing" (1984).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from ..report import Blame
from ..subjects.functions import plain_function, reached
from ..subjects.trees import spelled
from .text import is_empty, name_of, parsed, site_of, text_of


class Assignment(NamedTuple):
    """A line that gives variables their values: which, and from which."""

    line: int
    names: frozenset[str]
    used: frozenset[str]
    shown: str


def only_lines(df: Callable[..., Any], arguments: Sequence[tuple[str, int]], wrong: set[str]) -> list[Blame]:
    """The lines of a derivative that only the wrong gradients come through. `arguments` are the names of the inputs
    that are differentiated by, and their places."""
    f = plain_function(df)
    if f is None or len(reached(f)) != 1:  # what is wrong may stand in a function that it calls
        return []
    try:
        tree, first = parsed(f)
    except (OSError, TypeError, SyntaxError):
        return []
    definition = tree.body[0]
    if not isinstance(definition, ast.FunctionDef):
        return []
    steps = [s._replace(line=s.line + first - 1) for s in _steps(definition)]
    results = [r for r in ast.walk(definition) if isinstance(r, ast.Return) and r.value is not None]
    if len(results) != 1:
        return []
    parts = {name: part for name, place in arguments if (part := _part(results[0].value, name, place)) is not None}
    if set(parts) != {name for name, _ in arguments}:
        return []
    slices = {name: _slice(part, steps, first) for name, part in parts.items()}
    lines = set.intersection(*(slices[name] for name in wrong))
    lines = lines.difference(*(found for name, found in slices.items() if name not in wrong))
    shown = {s.line: s.shown for s in steps}
    return [Blame(shown.get(k, "return"), site_of(f, k), text_of(f, k)) for k in sorted(lines)]


def _steps(definition: ast.FunctionDef) -> Iterator[Assignment]:
    for node in ast.walk(definition):
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AugAssign | ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        elif isinstance(node, ast.For):
            yield Assignment(node.lineno, _names(node.target), _names(node.iter), ast.unparse(node.target))
            continue
        else:
            continue
        names = frozenset().union(*map(_names, targets))
        changed = any(isinstance(t, ast.Subscript) for t in targets) or isinstance(node, ast.AugAssign)
        used = _names(value) | (names if changed else frozenset())
        if not is_empty(value):
            yield Assignment(node.lineno, names, used, name_of(targets[-1]))


def _names(node: ast.AST) -> frozenset[str]:
    return frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))


def _part(value: object, name: str, place: int) -> ast.expr | None:
    """The part of what is returned that is the gradient by an argument."""
    if isinstance(value, ast.Dict):
        keys = [getattr(k, "value", None) for k in value.keys]
        return next((v for k, v in zip(keys, value.values, strict=True) if k in spelled(name)), None)
    if isinstance(value, ast.Tuple):
        return value.elts[place] if place < len(value.elts) else None
    return value if isinstance(value, ast.expr) and place == 0 else None


def _slice(part: ast.expr, steps: Sequence[Assignment], first: int) -> set[int]:
    """The lines that an expression is computed through."""
    needed = set(_names(part))
    lines = set() if isinstance(part, ast.Name) else {part.lineno + first - 1}
    grown = True
    while grown:
        more = [s for s in steps if s.names & needed and (s.line not in lines or not s.used <= needed)]
        grown = bool(more)
        for s in more:
            lines.add(s.line)
            needed |= s.used
    return lines
