"""Formulas as MathML: the LaTeX of `notation.py`, read into a tree that a page builds its elements from.

A tree is a list: `["row", ...]`, `["frac", a, b]`, `["sqrt", a]`, `["sub", a, b]`, `["sup", a, b]`,
`["table", row, ...]`, or a leaf: `["i", "exp"]` (identifier), `["num", "3"]`, `["o", "+"]`, `["text", "axis "]`,
`["n", name]`, `["break"]`.
A name stands in a leaf as it is, and is never read as LaTeX.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from .formula import Formula
from .notation import latex

Tree = list[Any]

SYMBOLS = {
    "cdot": "·", "odot": "⊙", "sum": "∑", "times": "×", "top": "⊤", "neq": "≠", "leq": "≤", "geq": "≥", "land": "∧",
    "lor": "∨", "lnot": "¬", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉",
}  # fmt: skip
FUNCTIONS = {
    "exp",
    "log",
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "tanh",
    "arcsin",
    "arccos",
    "arctan",
    "max",
    "min",
    "det",
}
UPRIGHT = {"mathrm", "operatorname", "mathbf"}
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[\d.]+|\s+|.", re.S)


def tree(f: Formula) -> Tree:
    """The formula as a tree of MathML.

    >>> import numpy as np
    >>> from tinygrad_edu import ops
    >>> from tinygrad_edu.viz.formulas.formula import of_rule
    >>> tree(of_rule(ops.sqrt, 0, [np.float64(0.5)], {}))
    ['frac', ['n', 'g'], ['row', ['num', '2'], ['o', '·'], ['n', 'y']]]
    """
    names: list[str] = []

    def place(name: str) -> str:
        names.append(name)
        return rf"\name{{{len(names) - 1}}}"

    return _named(_parsed(latex(f, place)), names)


@lru_cache(1000)
def _parsed(text: str) -> Tree:
    """The tree of a LaTeX, whose names are numbers: most steps of a graph are of a few forms."""
    return _Reader(text).row()


def _named(part: Any, names: list[str]) -> Any:
    if not isinstance(part, list):
        return part
    return ["n", names[part[1]]] if part[:1] == ["n"] else [_named(p, names) for p in part]


class _Reader:
    """Reads the LaTeX that this package writes, from left to right."""

    def __init__(self, text: str) -> None:
        self.tokens, self.at = TOKEN.findall(text), 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def row(self, *ends: str) -> Tree:
        """Everything up to one of `ends`, which is left."""
        parts: list[Tree] = []
        while (token := self.peek()) and token not in ends:
            if token.isspace():
                self.take()
            elif token in "^_":
                self.take()
                base = parts.pop() if parts else ["row"]
                parts.append(["sup" if token == "^" else "sub", base, self.atom()])
            elif (part := self.atom()) != ["row"]:
                parts.append(part)
        return parts[0] if len(parts) == 1 else ["row", *parts]

    def group(self) -> Tree:
        self.take()
        inside = self.row("}")
        self.take()
        return inside

    def raw(self) -> str:
        """The text of a group, with its escapes undone."""
        self.take()
        text, depth = "", 1
        while self.peek():
            token = self.take()
            depth += (token == "{") - (token == "}")
            if not depth:
                break
            if token in ("{", "}"):
                continue
            special = {r"\textbackslash": "\\", r"\textasciicircum": "^", r"\textasciitilde": "~"}
            text += special.get(token, token[1:] if token.startswith("\\") else token)
        return text

    def atom(self) -> Tree:
        while self.peek().isspace():
            self.take()
        token = self.peek()
        if token == "{":
            return self.group()
        self.take()
        if token.startswith("\\") and len(token) > 1:
            return self.command(token[1:])
        if re.fullmatch(r"[\d.]+", token):
            return ["num", token]
        return ["i" if token.isalpha() else "o", token]

    def command(self, name: str) -> Tree:
        if name == "name":
            return ["n", int(self.raw())]
        if name in ("frac", "sqrt"):
            return [name, *(self.group() for _ in range(2 if name == "frac" else 1))]
        if name in UPRIGHT:
            return ["i", self.raw()]
        if name == "text":
            return ["text", self.raw()]
        if name in SYMBOLS:
            return ["o", SYMBOLS[name]]
        if name in FUNCTIONS:
            return ["i", name]
        if name == "sigma":
            return ["i", "σ"]
        if name == "begin":
            return self.cases()
        if name == "quad":
            return ["break"]
        if name in ("left", "right"):
            return ["o", self.take()]
        return ["row"] if name == "," else ["o", name]

    def cases(self) -> Tree:
        self.raw()
        rows: list[Tree] = [[]]
        while self.peek():
            rows[-1].append(self.row("&", "\\\\", "\\end"))
            if (end := self.take()) == "\\\\":
                rows.append([])
            elif end == "\\end":
                self.raw()
                break
        return ["row", ["o", "{"], ["table", *rows]]
