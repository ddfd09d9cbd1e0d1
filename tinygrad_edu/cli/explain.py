"""`tinygrad-edu explain "a*b + tanh(c)" a=2 b=-3 c=1`: the chain rule of an expression, on the command line."""

from __future__ import annotations

import argparse
import ast
import keyword
import operator
import re
import sys
import unicodedata
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import few
from ..files import as_path, told
from ..functions import elementwise
from ..functions.creation import asarray
from ..op import REGISTRY
from ..viz.graph.graph import Graph
from ..viz.graph.reading import read
from ..viz.pages.page import Page
from ..viz.pages.player import page_data
from ..viz.pictures.draw import picture
from ..viz.pictures.fold import view
from ..viz.words.explain import Explanation, explained

OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.Mod: operator.mod, ast.FloorDiv: operator.floordiv, ast.MatMult: operator.matmul,
    ast.USub: operator.neg, ast.UAdd: operator.pos,
}  # fmt: skip

LARGEST = 300  # operations: what a person can still read, and what is drawn in a second
EXACT = 2**53  # up to it, whole numbers are exact as floats


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `explain` takes."""
    parser.add_argument("expression", help='such as "a*b + tanh(c)"; functions are the elementwise operations')
    parser.add_argument("values", nargs="*", metavar="name=value", help="such as a=2 b=-3 c=1")
    parser.add_argument("--html", metavar="FILE", help="write the player, one offline page")
    parser.add_argument("--svg", metavar="FILE", help="write the picture, with gradients (also .png, .pdf, .dot)")
    parser.add_argument("--markdown", action="store_true", help="print Markdown with formulas")


def main(argv: Sequence[str] | None = None) -> int:
    """Run `explain` with these arguments; 2 where they make no sense."""
    parser = argparse.ArgumentParser("tinygrad-edu explain", description="The chain rule of an expression.")
    add_arguments(parser)
    given = sys.argv[1:] if argv is None else list(argv)
    given = [
        f" {a}" if re.match("-[^-h]|-h.|--+[^a-z]", a) else a for a in given
    ]  # `-a*b` is an expression, not an option
    return run(parser.parse_intermixed_args(given), parser)


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Print the explanation, and write what was asked for."""
    text = options.expression.strip()
    try:
        svg, html = (name if name is None else as_path("explain", name) for name in (options.svg, options.html))
        with np.errstate(all="ignore"):
            graph = expression_graph(text, numbers(options.values))
            explanation: Explanation = explained(graph)
        print(explanation.markdown() if options.markdown else explanation)
        for path, made in (
            (svg, lambda: picture(view(graph), "gradients")),
            (html, lambda: _page(text, graph)),
        ):
            if path is not None:
                with told("explain", path, "be a writable place"):
                    print("wrote", made().save(path))
    except BrokenPipeError:
        raise
    except (ValueError, TypeError, IndexError, OSError) as error:
        parser.error(str(error))
    except (ArithmeticError, RecursionError, MemoryError) as error:
        parser.error(
            f"explain: the expression must be one that can be computed; got {short(text)} ({error}); simplify it"
        )
    return 0


def _page(text: str, graph: Graph) -> Page:
    return Page(text, page_data(graph))


def short(text: str) -> str:
    """A text in quotes, shortened."""
    return repr(text if len(text) <= 80 else f"{text[:60]}...{text[-15:]}")


def numbers(pairs: Sequence[str]) -> dict[str, float]:
    """`a=2` as a name and a number."""
    found: dict[str, float] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        name = unicodedata.normalize("NFKC", name)  # as Python reads names
        try:
            number = float(value)
        except ValueError:
            equals = ""
        if not equals or not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError(f"explain: values must be written name=number; got {short(pair)}; write such as a=2")
        if name in found:
            raise ValueError(f"explain: every name must have one value; got another, {short(pair)}; leave one out")
        found[name] = number
    return found


def expression_graph(text: str, values: dict[str, float]) -> Graph:
    """The graph of an expression of names, numbers, operators and elementwise operations; nothing else is run."""
    tree = _parsed(text)
    size = sum(isinstance(node, ast.BinOp | ast.UnaryOp | ast.Call) for node in ast.walk(tree))
    if size > LARGEST:
        raise ValueError(f"explain: the expression must have at most {LARGEST} operations; got {size}; shorten it")
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    leaves = {name: asarray(v, dtype="float64") for name, v in values.items()}
    for name, x in leaves.items():
        x.requires_grad, x.name = True, name
    result = _value(tree, leaves)
    if not hasattr(result, "flags"):
        raise ValueError(f"explain: the expression must use a name; got {short(text)}; write such as a*2 with a=3")
    unused = [name for name in values if name not in names]
    if unused:
        raise ValueError(f"explain: every value must be used; got {few(unused)}, not in {short(text)}; leave it out")
    result.name = result.name or "out"
    return read(result, who="explain", grads=True)


def _parsed(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as "invalid decimal literal" in `1if`
            return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ValueError(
            f"explain: must be an expression; got {short(text)} ({why}); write such as a*b + tanh(c)"
        ) from None


def _constant(node: ast.expr, operate: Callable[..., Any], *xs: Any) -> Any:
    """An operation on numbers, in floating point: whole numbers could grow without end."""
    try:
        value = operate(*map(float, xs))
    except (ArithmeticError, TypeError) as error:
        raise ValueError(
            f"explain: numbers must be finite; got {short(ast.unparse(node))} ({error}); write another"
        ) from None
    if isinstance(value, complex):
        raise ValueError(f"explain: numbers must be real; got {short(ast.unparse(node))} = {value:.4g}; write another")
    whole = all(isinstance(x, int) for x in xs) and value.is_integer() and abs(value) <= EXACT
    return int(value) if whole and operate is not operator.truediv else value


def _value(node: ast.expr, leaves: dict[str, Any]) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return _constant(node, operator.pos, node.value)
    if isinstance(node, ast.Name):
        if node.id not in leaves:
            raise ValueError(f"explain: every name must have a value; {node.id!r} has none; add {node.id}=1")
        return leaves[node.id]
    if isinstance(node, ast.BinOp | ast.UnaryOp) and type(node.op) in OPERATORS:
        parts = (node.operand,) if isinstance(node, ast.UnaryOp) else (node.left, node.right)
        operate, xs = OPERATORS[type(node.op)], [_value(part, leaves) for part in parts]
        return operate(*xs) if any(hasattr(x, "flags") for x in xs) else _constant(node, operate, *xs)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        op = REGISTRY.get(node.func.id)
        if op is None or not op.kind.entrywise:
            raise ValueError(
                f"explain: functions must be elementwise operations; got {node.func.id!r}; write such as tanh or exp"
            )
        if len(node.args) != len(op.domain or (None,)):
            raise ValueError(
                f"explain: {op.name} must be given {len(op.domain or (None,))} arguments; got {len(node.args)} in "
                f"{short(ast.unparse(node))}; correct the call"
            )
        public = getattr(elementwise, op.name, op)  # which knows the op's settings
        return public(*[asarray(_value(a, leaves)) for a in node.args])
    hint = "write ** for powers" if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor) else "leave it out"
    raise ValueError(
        f"explain: must be names, numbers, operators and functions; got {short(ast.unparse(node))}; {hint}"
    )
