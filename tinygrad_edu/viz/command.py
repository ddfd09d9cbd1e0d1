"""`tinygrad-edu explain "a*b + tanh(c)" a=2 b=-3 c=1`: the chain rule of an expression, on the command line."""

from __future__ import annotations

import argparse
import ast
import operator
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ..engine import REGISTRY
from ..functions.creation import asarray
from .draw import picture
from .explain import Explanation, explained
from .fold import view
from .graph import Graph, read
from .player import Page, page_data

OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.Mod: operator.mod, ast.FloorDiv: operator.floordiv, ast.MatMult: operator.matmul,
    ast.USub: operator.neg, ast.UAdd: operator.pos,
}  # fmt: skip


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
    given = [f" {a}" if re.match("-[^-h]|-h.", a) else a for a in given]  # `-a*b` is an expression, not an option
    return run(parser.parse_intermixed_args(given), parser)


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Print the explanation, and write what was asked for."""
    try:
        graph = expression_graph(options.expression.strip(), numbers(options.values))
        explanation: Explanation = explained(graph)
        print(explanation.markdown() if options.markdown else explanation)
        if options.svg:
            print("wrote", picture(view(graph), "gradients", False, None).save(options.svg))
        if options.html:
            print("wrote", Page(options.expression.strip(), page_data(graph)).save(options.html))
    except (ValueError, OSError) as error:
        parser.error(str(error))
    return 0


def numbers(pairs: Sequence[str]) -> dict[str, float]:
    """`a=2` as a name and a number."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            equals = ""
        if not equals or not name.isidentifier():
            raise ValueError(f"explain: values must be written name=number; got {pair!r}; write such as a=2")
    return found


def expression_graph(text: str, values: dict[str, float]) -> Graph:
    """The graph of an expression of names, numbers, operators and elementwise operations; nothing else is run."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise ValueError(
            f"explain: must be an expression; got {text!r} ({error.msg}); write such as a*b + tanh(c)"
        ) from None
    leaves = {name: asarray(v, dtype="float64") for name, v in values.items()}
    for name, x in leaves.items():
        x.requires_grad, x.name = True, name
    result = _value(tree, leaves)
    if not hasattr(result, "flags"):
        raise ValueError(f"explain: the expression must use a name; got {text!r}; write such as a*2 with a=3")
    result.name = result.name or "out"
    return read(result, who="explain", grads=True)


def _value(node: ast.expr, leaves: dict[str, Any]) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return node.value
    if isinstance(node, ast.Name):
        if node.id not in leaves:
            raise ValueError(f"explain: every name must have a value; {node.id!r} has none; add {node.id}=1")
        return leaves[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)](_value(node.left, leaves), _value(node.right, leaves))
    if isinstance(node, ast.UnaryOp) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)](_value(node.operand, leaves))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        op = REGISTRY.get(node.func.id)
        if op is None or op.kind != "elementwise":
            raise ValueError(
                f"explain: functions must be elementwise operations; got {node.func.id!r}; write such as tanh or exp"
            )
        if len(node.args) != len(op.domain or (None,)):
            raise ValueError(
                f"explain: {op.name} must be given {len(op.domain or (None,))} arguments; got {len(node.args)} in "
                f"{ast.unparse(node)!r}; correct the call"
            )
        return op(*[asarray(_value(a, leaves)) for a in node.args])
    raise ValueError(
        f"explain: must be names, numbers, operators and functions; got {ast.unparse(node)!r}; leave it out"
    )
