"""The user's own lines on a page: which line made which tensor, where that is known."""

from __future__ import annotations

import ast
import linecache
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from ..graph.graph import Graph, Node
from ..graph.values import shown

LONGEST, AROUND = 60, 2  # lines of a function that are all shown; lines shown around one that made a tensor


def listing(graph: Graph, frame: FrameType | None) -> tuple[list[dict[str, Any]], dict[str, list[int]]]:
    """Blocks of numbered lines, and for each operation the block and the line that made it.

    The lines are those that were noted while the program ran. Of a tensor that was there before, the name tells:
    where one line of the user's function (`frame`) alone assigns `u`, it made `u` and what `u` was computed from.
    Where nothing is known, the recorded operations are the program.
    """
    places = _noted(graph, frame) or ({} if graph.given else _assigned(graph, frame))
    if not places:
        return _recorded(graph)
    blocks: dict[CodeType, set[int]] = {}
    for code, line in places.values():
        blocks.setdefault(code, set()).add(line)
    texts = {code: _lines(code, lines) for code, lines in blocks.items()}
    known = [code for code, text in texts.items() if text]
    if not known:
        return _recorded(graph)
    data = [{"name": shown(Path(code.co_filename).name), "lines": texts[code]} for code in known]
    return data, {key: [known.index(code), line] for key, (code, line) in places.items() if code in known}


Places = dict[str, tuple[CodeType, int]]


def _noted(graph: Graph, frame: FrameType | None) -> Places:
    """Lines that were noted, but for the one that asked for the page, and ran a module of this package for it."""
    asking = (frame.f_code, frame.f_lineno) if frame is not None else None
    found = {}
    for n in graph.nodes.values():
        site = n.tensor.site if n.tensor is not None and n.op is not None else None
        if site is not None and hasattr(site, "code"):
            found[n.key] = (site.code, int(str(site).rpartition(":")[2]))
    return {key: place for key, place in found.items() if place != asking}


def _assigned(graph: Graph, frame: FrameType | None) -> Places:
    """The lines of a function that assign names, each by one statement alone."""
    if frame is None:
        return {}
    everything = linecache.getlines(frame.f_code.co_filename, frame.f_globals)
    try:
        syntax = ast.parse("".join(everything))
    except (SyntaxError, ValueError):
        return {}
    first, last = _range(frame.f_code, len(everything))
    found: dict[str, list[int]] = {}
    for statement in _own(syntax, frame.f_code):
        if isinstance(statement, ast.Assign | ast.AugAssign) and first <= statement.lineno <= min(last, frame.f_lineno):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for name in (n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)):
                found.setdefault(name, []).append(statement.lineno)
    places: Places = {}
    for n in reversed(graph.nodes.values()):
        if n.op is not None and n.named and len(found.get(n.name, ())) == 1:
            places[n.key] = (frame.f_code, found[n.name][0])
        for k in n.inputs if n.key in places else ():
            if graph.nodes[k].op is not None and not graph.nodes[k].named:
                places.setdefault(k, places[n.key])
    return places


def _own(syntax: ast.Module, code: CodeType) -> Iterator[ast.AST]:
    """What stands in a function, or in a file outside of functions."""
    inner = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
    todo: list[ast.AST] = [syntax]
    if code.co_name != "<module>":
        functions = (n for n in ast.walk(syntax) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
        first = code.co_firstlineno  # of the first decorator, where there is one
        own = (f for f in functions if first in (f.lineno, *(d.lineno for d in f.decorator_list)))
        todo = [statement for f in own for statement in f.body]
    while todo:
        node = todo.pop()
        if not isinstance(node, inner):
            yield node
            todo += ast.iter_child_nodes(node)


def _range(code: CodeType, count: int) -> tuple[int, int]:
    if code.co_name == "<module>":
        return 1, count
    numbers = [line for _, _, line in code.co_lines() if line is not None]
    return code.co_firstlineno, max(numbers, default=code.co_firstlineno)


def _lines(code: CodeType, marked: set[int]) -> list[list[Any]]:
    """Numbered lines: the whole function, if it is short; else those around the marked ones."""
    everything = linecache.getlines(code.co_filename)
    first, last = _range(code, len(everything))
    if code.co_name == "<module>" or last - first >= LONGEST:
        wanted = sorted({k for line in marked for k in range(line - AROUND, line + AROUND + 1) if first <= k <= last})
    else:
        wanted = list(range(first, last + 1))
    wanted = [k for k in wanted if k <= len(everything)]
    text = textwrap.dedent("".join(everything[k - 1].rstrip("\n") + "\n" for k in wanted)).split("\n")
    return [[k, shown(line.expandtabs(4), 200)] for k, line in zip(wanted, text, strict=False)]


def _recorded(graph: Graph) -> tuple[list[dict[str, Any]], dict[str, list[int]]]:
    """The operations themselves, as a program."""
    operations: list[Node] = [n for n in graph.nodes.values() if n.op is not None]
    lines = [[k, shown(n.title, 200)] for k, n in enumerate(operations, 1)]
    return [{"name": "", "lines": lines}], {n.key: [0, k] for k, n in enumerate(operations, 1)}
