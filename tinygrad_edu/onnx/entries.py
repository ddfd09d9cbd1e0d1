"""Operations of entries as nodes of ONNX: by the operator of the same meaning, or by a formula."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..annotations import DTypeLike
from ..program.program import Step, Value
from .graph import OnnxGraph

SAME = {
    "add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "power": "Pow", "negative": "Neg",
    "absolute": "Abs", "fabs": "Abs", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "tanh": "Tanh", "sin": "Sin",
    "cos": "Cos", "arcsin": "Asin", "arccos": "Acos", "arctan": "Atan", "sinh": "Sinh", "cosh": "Cosh",
    "arcsinh": "Asinh", "arccosh": "Acosh", "arctanh": "Atanh", "floor": "Floor", "ceil": "Ceil", "rint": "Round",
    "sign": "Sign", "reciprocal": "Reciprocal", "isnan": "IsNaN", "isinf": "IsInf", "positive": "Identity",
    "conjugate": "Identity", "equal": "Equal", "less": "Less", "less_equal": "LessOrEqual", "greater": "Greater",
    "greater_equal": "GreaterOrEqual", "maximum": "Max", "minimum": "Min", "logical_not": "Not", "logical_and": "And",
    "logical_or": "Or", "logical_xor": "Xor", "invert": "BitwiseNot", "bitwise_and": "BitwiseAnd",
    "bitwise_or": "BitwiseOr", "bitwise_xor": "BitwiseXor",
}  # fmt: skip
OF_BOOL = {
    "add": "Or", "maximum": "Or", "bitwise_or": "Or", "multiply": "And", "minimum": "And", "bitwise_and": "And",
    "bitwise_xor": "Xor", "invert": "Not",
}  # fmt: skip
LOGICAL = {"logical_not", "logical_and", "logical_or", "logical_xor"}


class Entries:
    """What a formula is written with: each method is a node."""

    def __init__(self, graph: OnnxGraph, dtype: DTypeLike) -> None:
        self.graph, self.dtype = graph, np.dtype(dtype)

    def __call__(self, operator: str, *xs: Any, **attributes: Any) -> str:
        """A node on names and numbers."""
        return self.graph.add(operator, *[x if isinstance(x, str) else self.number(x) for x in xs], **attributes)

    def number(self, x: float) -> str:
        """A constant in the dtype that is computed in."""
        return self.graph.constant(np.asarray(x, self.dtype))


def _log1p(e: Entries, x: str) -> str:
    """log(u) * x / (u - 1) with u = 1 + x, as the rounding of u cancels."""
    u = e("Add", x, 1)
    close = e("Or", e("Equal", u, 1), e("IsInf", x))
    return e("Where", close, x, e("Mul", e("Log", u), e("Div", x, e("Sub", u, 1))))


def _expm1(e: Entries, x: str) -> str:
    """tanh(x / 2) * (exp(x) + 1), which keeps the digits of small x."""
    return e("Mul", e("Tanh", e("Div", x, 2)), e("Add", e("Exp", x), 1))


def _signbit(e: Entries, x: str) -> str:
    """x < 0, or 1 / x < 0 where x is -0."""
    return e("Or", e("Less", x, 0), e("And", e("Equal", x, 0), e("Less", e("Reciprocal", x), 0)))


def _hypot(e: Entries, x: str, y: str) -> str:
    """m * sqrt((x / m)**2 + (y / m)**2), where m is the larger of |x| and |y|: no square leaves the range."""
    x, y = e("Abs", x), e("Abs", y)
    m = e("Max", x, y)
    plain = e("Or", e("Equal", m, 0), e("IsInf", m))
    a, b = e("Div", x, m), e("Div", y, m)
    return e("Where", plain, m, e("Mul", m, e("Sqrt", e("Add", e("Mul", a, a), e("Mul", b, b)))))


def _arctan2(e: Entries, y: str, x: str) -> str:
    """atan(y / x), plus pi where x < 0, with the sign of y; pi / 2 with that sign where x is 0."""
    sign = e("Where", _signbit(e, y), -1, 1)
    left = e("Mul", sign, e("Where", _signbit(e, x), math.pi, 0))
    origin = e("And", e("Equal", y, 0), e("Equal", x, 0))
    slope = e("Where", origin, e("Mul", sign, 0), e("Div", y, x))
    return e("Where", e("And", e("Equal", x, 0), e("Not", e("Equal", y, 0))), e("Mul", sign, math.pi / 2),
             e("Add", e("Atan", slope), left))  # fmt: skip


def _logaddexp(e: Entries, x: str, y: str) -> str:
    """max(x, y) + log(1 + exp(-|x - y|))."""
    gap = e("Where", e("Equal", x, y), 0, e("Sub", x, y))
    return e("Add", e("Max", x, y), _log1p(e, e("Exp", e("Neg", e("Abs", gap)))))


def _remainder(e: Entries, x: str, y: str) -> str:
    """What remains of x, with the sign of y."""
    if e.dtype.kind != "f":
        return e("Mod", x, y)
    rest = e("Mod", x, y, fmod=1)
    other = e("And", e("Not", e("Equal", rest, 0)), e("Not", e("Equal", e("Less", rest, 0), e("Less", y, 0))))
    return e("Where", other, e("Add", rest, y), rest)


def _floor_divide(e: Entries, x: str, y: str) -> str:
    """(x - remainder) / y, which is whole but for rounding."""
    found = e("Div", e("Sub", x, _remainder(e, x, y)), y)
    return e("Round", found) if e.dtype.kind == "f" else found


def _trunc(e: Entries, x: str) -> str:
    return e("Mul", e("Sign", x), e("Floor", e("Abs", x)))


def _fmod(e: Entries, x: str, y: str) -> str:
    return e("Mod", x, y, fmod=1)


def _cbrt(e: Entries, x: str) -> str:
    return e("Mul", e("Sign", x), e("Pow", e("Abs", x), 1 / 3))


def _heaviside(e: Entries, x: str, y: str) -> str:
    return e("Where", e("Equal", x, 0), y, e("Where", e("Less", x, 0), 0, e("Where", e("IsNaN", x), x, 1)))


def _shifted_left(e: Entries, x: str, n: str) -> str:
    """x * 2**n in two factors: 2**63 is no whole number of 64 bits. A negative n moves all out, as in NumPy."""
    n = e("Where", e("Less", n, 0), 8 * e.dtype.itemsize, n)
    half = e("Div", n, 2)
    return e("Mul", e("Mul", x, e("Pow", 2, half)), e("Pow", 2, e("Sub", n, half)))


def _shifted_right(e: Entries, x: str, n: str) -> str:
    most = 8 * e.dtype.itemsize - 2
    return _floor_divide(e, x, e("Pow", 2, e("Where", e("Less", n, 0), most, e("Min", n, most))))


FORMULAS: dict[str, Callable[..., str]] = {
    "log1p": _log1p, "expm1": _expm1, "hypot": _hypot, "arctan2": _arctan2, "logaddexp": _logaddexp,
    "remainder": _remainder, "floor_divide": _floor_divide, "fmod": _fmod, "trunc": _trunc, "cbrt": _cbrt,
    "heaviside": _heaviside, "signbit": _signbit,
    "square": lambda e, x: e("Mul", x, x),
    "exp2": lambda e, x: e("Pow", 2, x),
    "log2": lambda e, x: e("Div", e("Log", x), math.log(2)),
    "log10": lambda e, x: e("Div", e("Log", x), math.log(10)),
    "copysign": lambda e, x, y: e("Where", _signbit(e, y), e("Neg", e("Abs", x)), e("Abs", x)),
    "not_equal": lambda e, x, y: e("Not", e("Equal", x, y)),
    "isfinite": lambda e, x: e("Not", e("Or", e("IsNaN", x), e("IsInf", x))),
    "tan": lambda e, x: e("Div", e("Sin", x), e("Cos", x)),  # which runtimes have for float64 too
    "left_shift": _shifted_left, "right_shift": _shifted_right,
}  # fmt: skip


def entrywise(g: OnnxGraph, step: Step) -> str:
    """A ufunc, in the dtype in which NumPy computes it."""
    ufunc: np.ufunc = getattr(np, step.primitive)
    kinds = [_kind(x) for x in step.args]
    dtypes = ufunc.resolve_dtypes((*kinds, *[None] * ufunc.nout))
    made, inside = dtypes[-1], dtypes[0]
    if ufunc.__name__ in LOGICAL:
        inside = np.dtype(bool)
    xs = [g.of(x, inside) for x in step.args]
    if inside.kind == "c":
        raise NotImplementedError("complex numbers")
    if inside.kind == "b" and ufunc.__name__ in OF_BOOL:
        found = g.add(OF_BOOL[ufunc.__name__], *xs)
    elif inside.kind in "biu" and ufunc.__name__ in ("isnan", "isinf", "isfinite"):
        found = g.full(ufunc.__name__ == "isfinite", step.result.shape, bool)
    elif ufunc.__name__ in SAME:
        found = g.add(SAME[ufunc.__name__], *xs)
    else:
        found = FORMULAS[ufunc.__name__](Entries(g, inside), *xs)
    return g.cast(found, made, step.result.dtype)


def _kind(x: object) -> Any:
    """The dtype of an argument; the type of a Python number, which fits itself to what it meets."""
    if isinstance(x, Value):
        return float if x.weak else x.dtype
    return type(x) if type(x) in (int, float, complex) else np.asarray(x).dtype
