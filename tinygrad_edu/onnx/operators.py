"""The operators of ONNX as expressions of tensors: one table, by the operator's name.

Each takes its node, for attributes, and its inputs; what is left out is None. Shapes, axes and indices may be plain
arrays, and are where they do not come from the data.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tinygrad_edu as tg

from ..annotations import ArrayLike
from .layers import LAYERS
from .node import OnnxNode, Operator, axes_of, numbers
from .parts import PARTS


def _dtype(x: Any) -> Any:
    return x.dtype


def _plainly(f: Callable[..., Any]) -> Operator:
    """A function of the inputs alone."""
    return lambda node, *xs: f(*xs)


def _folded(f: Callable[..., Any]) -> Operator:
    """A function of two inputs, for any number of them."""
    return lambda node, *xs: functools.reduce(f, xs)


def _div(node: OnnxNode, x: Any, y: Any) -> Any:
    if np.dtype(x.dtype).kind in "iu":  # as in C: towards zero
        return tg.sign(x) * tg.sign(y) * (abs(x) // abs(y))
    return x / y


def _mod(node: OnnxNode, x: ArrayLike, y: ArrayLike) -> Any:
    return tg.fmod(x, y) if node("fmod", 0) else tg.remainder(x, y)


def _power(node: OnnxNode, x: Any, y: Any) -> Any:
    return tg.astype(tg.power(x, y), x.dtype)


def _clip(node: OnnxNode, x: ArrayLike, low: ArrayLike | None = None, high: ArrayLike | None = None) -> Any:
    low, high = node("min", low), node("max", high)
    return tg.clip(x, low, high)


def _is_inf(node: OnnxNode, x: Any) -> Any:
    found = tg.isinf(x)
    if not node("detect_negative", 1):
        found = tg.logical_and(found, x > 0)
    return found if node("detect_positive", 1) else tg.logical_and(found, x < 0)


def _reduction(f: Callable[..., Any]) -> Operator:
    def reduce(node: OnnxNode, x: Any, axes: object = None) -> Any:
        found = axes_of(node, axes, x.ndim)
        if found is None and node("noop_with_empty_axes", 0):
            return x
        return f(x, axis=found, keepdims=bool(node("keepdims", 1)))

    return reduce


def _place(f: Callable[..., Any]) -> Operator:
    def place(node: OnnxNode, x: object) -> Any:
        if node("select_last_index", 0):
            raise node.refused("select_last_index")
        return f(x, axis=node("axis", 0), keepdims=bool(node("keepdims", 1)))

    return place


def _running_sum(node: OnnxNode, x: Any, axis: int | Sequence[int]) -> Any:
    (k,) = numbers(axis)
    x = tg.flip(x, k) if node("reverse", 0) else x
    y = tg.cumulative_sum(x, axis=k)
    y = y - x if node("exclusive", 0) else y
    return tg.flip(y, k) if node("reverse", 0) else y


def _top(node: OnnxNode, x: ArrayLike, k: object) -> Any:
    return tuple(tg.topk(x, numbers(k)[0], axis=node("axis", -1), largest=bool(node("largest", 1))))


def _shift(node: OnnxNode, x: ArrayLike, n: int) -> Any:
    return tg.bitwise_left_shift(x, n) if node("direction") == "LEFT" else tg.bitwise_right_shift(x, n)


def _same(node: OnnxNode, x: object, *rest: object) -> Any:
    return x


NAMES = {
    "Neg": "negative", "Abs": "abs", "Exp": "exp", "Log": "log", "Sqrt": "sqrt", "Tanh": "tanh", "Sin": "sin",
    "Cos": "cos", "Tan": "tan", "Asin": "asin", "Acos": "acos", "Atan": "atan", "Sinh": "sinh", "Cosh": "cosh",
    "Asinh": "asinh", "Acosh": "acosh", "Atanh": "atanh", "Floor": "floor", "Ceil": "ceil", "Round": "round",
    "Sign": "sign", "Reciprocal": "reciprocal", "Erf": "erf", "IsNaN": "isnan", "Not": "logical_not",
    "And": "logical_and", "Or": "logical_or", "Xor": "logical_xor", "Equal": "equal", "Less": "less",
    "LessOrEqual": "less_equal", "Greater": "greater", "GreaterOrEqual": "greater_equal", "Where": "where",
    "MatMul": "matmul", "BitwiseAnd": "bitwise_and", "BitwiseOr": "bitwise_or", "BitwiseXor": "bitwise_xor",
    "BitwiseNot": "bitwise_invert",
}  # fmt: skip
OPERATORS: dict[str, Operator] = {
    **{name: _plainly(getattr(tg, ours)) for name, ours in NAMES.items()},
    **LAYERS, **PARTS,
    "Add": _plainly(operator.add), "Sub": _plainly(operator.sub), "Mul": _plainly(operator.mul), "Div": _div,
    "Pow": _power, "Mod": _mod, "Clip": _clip, "IsInf": _is_inf, "BitShift": _shift,
    "Max": _folded(tg.maximum), "Min": _folded(tg.minimum), "Sum": _folded(operator.add),
    "Mean": lambda node, *xs: functools.reduce(operator.add, xs) / len(xs),
    "Cast": lambda node, x: tg.astype(x, node("to")), "CastLike": lambda node, x, y: tg.astype(x, y.dtype),
    "Identity": _same, "Dropout": _same,
    "ReduceSum": _reduction(tg.sum), "ReduceMean": _reduction(tg.mean), "ReduceMax": _reduction(tg.max),
    "ReduceMin": _reduction(tg.min), "ReduceProd": _reduction(tg.prod), "ReduceLogSumExp": _reduction(tg.logsumexp),
    "ReduceL1": _reduction(lambda x, **kw: tg.sum(tg.abs(x), **kw)),
    "ReduceL2": _reduction(lambda x, **kw: tg.sqrt(tg.sum(x * x, **kw))),
    "ReduceSumSquare": _reduction(lambda x, **kw: tg.sum(x * x, **kw)),
    "ReduceLogSum": _reduction(lambda x, **kw: tg.log(tg.sum(x, **kw))),
    "ArgMax": _place(tg.argmax), "ArgMin": _place(tg.argmin), "CumSum": _running_sum, "TopK": _top,
    "Einsum": lambda node, *xs: tg.einsum(node("equation"), *xs), "Det": lambda node, x: tg.linalg.det(x),
}  # fmt: skip
