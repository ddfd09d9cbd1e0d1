"""Formulas as mathematics in plain letters, `Z₁ = W₁X + b₁`: for pictures, whose labels no typesetter reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Set
from typing import TYPE_CHECKING, Any

from ..graph.values import shape_text
from .notation import (
    ATOM,
    BESIDE,
    PLUS,
    POWER,
    SUM,
    TIMES,
    UNARY,
    Written,
    in_steps,
    indexed,
    keywords,
    leaf,
    plain_part,
    transposition,
    wrap,
)

if TYPE_CHECKING:
    from .formula import Formula

INTO, EQUALS, OTHERWISE = 2.0, 1.0, 0.5  # how tightly `x as (2,3)`, `x = y`, `x if c else y` bind
BELOW = str.maketrans("0123456789,", "₀₁₂₃₄₅₆₇₈₉,")
ABOVE = str.maketrans("0123456789.-", "⁰¹²³⁴⁵⁶⁷⁸⁹·⁻")
FUNCTIONS = {"sigmoid": "σ", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "maximum": "max", "minimum": "min"}
SIGNS = {
    "equal": "=", "not_equal": "≠", "less": "<", "less_equal": "≤", "greater": ">", "greater_equal": "≥",
    "logical_and": "∧", "logical_or": "∨",
}  # fmt: skip
USUAL = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}  # settings of windows that say nothing


def mathematics(f: Formula, longest: int | None = None, taken: Set[str] = frozenset()) -> str:
    """`W₁X + b₁`, `σ(z)`, `g ⊙ (1 - y ⊙ y)`; a long formula in steps, as `plain` has it.

    >>> import numpy as np
    >>> from tinygrad_edu import ops
    >>> from tinygrad_edu.viz.formulas.formula import of_rule, of_value
    >>> W, X = np.ones((2, 3)), np.ones((3, 4))
    >>> mathematics(of_value(ops.matmul, ["W1", "X"], [W, X], {}))
    'W₁X'
    >>> mathematics(of_rule(ops.matmul, 1, [W, X], {}, ["W1", "X"], g=("dZ", np.ones((2, 4)))))
    'W₁ᵀ dZ'
    """
    return in_steps(f, _part, "u{}", "; ", longest, taken)


def symbol(name: str) -> str:
    """A name with its number below: `W1` as W₁, `dA12` as dA₁₂; other names as they are.

    >>> symbol("W1"), symbol("dt12"), symbol("layer1.weight"), symbol("W_2")
    ('W₁', 'dt₁₂', 'layer1.weight', 'W₂')
    """
    match = re.fullmatch(r"(d?[A-Za-zα-ω])_?(\d+)", name)
    return match[1] + match[2].translate(BELOW) if match else name


def _part(f: Formula, args: list[Written]) -> Written:
    if f.op is None:
        text, binds = leaf(f)
        return (symbol(text) if f.text else text), binds
    name = f.op.name
    write = WRITE.get(name)
    if write is not None:
        return write(f, args)
    if name in SIGNS:
        return f"{wrap(*args[0], PLUS)} {SIGNS[name]} {wrap(*args[1], PLUS)}", EQUALS
    if name in ("add", "subtract"):
        sign, binds = ("−" if name == "subtract" else "+"), PLUS
        return f"{wrap(*args[0], binds)} {sign} {wrap(*args[1], binds + 0.5 * (name == 'subtract'))}", binds
    if f.op.formula and f.op.formula.count("{}") == len(args):
        return plain_part(f, args, "T")
    if name in ("permute_dims", "getitem"):
        return plain_part(f, args, "T")
    given, arrays = indexed(f, args)
    words = [text for text, _ in given] + [word for word in keywords(f, arrays) if not _usual(f, word)]
    return f"{FUNCTIONS.get(name, name)}({', '.join(words)})", ATOM


def _usual(f: Formula, word: str) -> bool:
    """Whether a setting is the one that is meant where nothing is said."""
    key = word.partition("=")[0]
    if key not in USUAL:
        return False
    values = re.findall(r"-?\d+", word)
    return all(int(v) == USUAL[key] for v in values)


def _times(f: Formula, args: list[Written]) -> Written:
    """`3v`, `a · b` of numbers, `a ⊙ b` entry by entry."""
    left, right = wrap(*args[0], TIMES), wrap(*args[1], TIMES + 1)
    if re.fullmatch(r"[\d.]+", left) and re.match(r"[^\W\d]", right):
        return left + right, TIMES
    sign = "⊙" if all(len(a.shape) for a in f.args) else "·"
    return f"{left} {sign} {right}", TIMES


def _product(f: Formula, args: list[Written]) -> Written:
    """A product of matrices, side by side; close together where both are one letter."""
    left, right = wrap(*args[0], BESIDE), wrap(*args[1], POWER)
    return (left + right if _short(left) and _short(right) else f"{left} {right}"), BESIDE


def _short(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z][₀-₉]*", text))


def _linear(f: Formula, args: list[Written]) -> Written:
    (x, w, b) = args
    return f"{wrap(*x, BESIDE)} {wrap(*w, ATOM)}ᵀ + {wrap(*b, PLUS)}", PLUS


def _power(base: Written, exponent: str) -> Written:
    raised = exponent.translate(ABOVE) if re.fullmatch(r"-?\d+", exponent) else f"^{exponent}"
    return wrap(*base, ATOM) + raised, POWER


def _sum(f: Formula, args: list[Written]) -> Written:
    """Σ over all entries, or with the axes below."""
    axis, ndim = f.attributes.get("axis"), len(f.args[0].shape)
    some = axis is not None and len(axis) < ndim
    return f"Σ{_axes(axis) if some else ''} {wrap(*args[0], SUM)}", SUM


def _negative(x: Written) -> Written:
    """A sign in front, which takes in as much as a sum does."""
    return f"−{wrap(*x, SUM)}", min(x[1] if x[1] >= SUM else ATOM, UNARY)


def _axes(axis: Any) -> str:
    return ",".join(map(str, axis)).translate(BELOW)


def _transpose(f: Formula, args: list[Written]) -> Written:
    return (wrap(*args[0], ATOM) + "ᵀ", POWER) if transposition(f, "T") else plain_part(f, args, "T")


def _whole(x: Written) -> str:
    return wrap(*x, PLUS)


def _shape(f: Formula) -> str:
    return shape_text(tuple(f.attributes["shape"])) or "()"


WRITE: dict[str, Callable[[Formula, list[Written]], Written]] = {
    "multiply": _times,
    "matmul": _product,
    "linear": _linear,
    "divide": lambda f, a: (f"{wrap(*a[0], TIMES)} / {wrap(*a[1], TIMES + 1)}", TIMES),
    "reciprocal": lambda f, a: (f"1 / {wrap(*a[0], TIMES + 1)}", TIMES),
    "negative": lambda f, a: _negative(a[0]),
    "square": lambda f, a: _power(a[0], "2"),
    "power_n": lambda f, a: _power(a[0], f"{f.attributes['n']:g}"),
    "power": lambda f, a: _power(a[0], wrap(*a[1], ATOM)),
    "sqrt": lambda f, a: (f"√{wrap(*a[0], ATOM)}", POWER),
    "abs": lambda f, a: (f"|{a[0][0]}|", ATOM),
    "inv": lambda f, a: (f"{wrap(*a[0], ATOM)}⁻¹", POWER),
    "sum": _sum,
    "permute_dims": _transpose,
    "reshape": lambda f, a: (f"{_whole(a[0])} as {_shape(f)}", INTO),
    "broadcast_to": lambda f, a: (f"{_whole(a[0])} over {_shape(f)}", INTO),
    "where": lambda f, a: (f"{wrap(*a[1], INTO)} if {wrap(*a[0], EQUALS)} else {a[2][0]}", OTHERWISE),
    "logical_not": lambda f, a: (f"¬{wrap(*a[0], UNARY)}", UNARY),
}  # fmt: skip
