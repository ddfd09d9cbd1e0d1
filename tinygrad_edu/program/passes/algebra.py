"""Algebra that keeps every bit, also of nan, inf and -0: x + 0 stays, as -0 + 0 is 0."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..program import Step, Value
from .draft import Draft, Rule

REAL = "fiu"  # kinds of dtypes for which 1 and 0 are neutral: complex products of inf by 1 are nan


def neutral(step: Step, draft: Draft) -> Value | None:
    """x * 1, x / 1, x ** 1, x - 0 and x + -0.0 are x, or x in the shape of the result, where the dtype stays."""
    if step.kwargs or len(step.args) != 2 or step.primitive not in NEUTRAL:
        return None
    does_nothing, out = NEUTRAL[step.primitive], step.result
    for x, other in (step.args, step.args[::-1]) if step.primitive in ("multiply", "add") else (step.args,):
        spread = draft.of(other, "broadcast_to")
        if _real(x, out.dtype) and does_nothing(draft.number(spread.args[0] if spread else other), out.dtype.kind):
            return x if x.shape == out.shape else draft.call("broadcast_to", (x, out.shape), out.shape, out.dtype)
    return None


def _one(n: Any, kind: str) -> bool:
    return n is not None and bool(n == 1)


def _nothing_to_add(n: Any, kind: str) -> bool:
    return n is not None and bool(n == 0) and (kind != "f" or math.copysign(1.0, n) < 0)


def _nothing_to_take(n: Any, kind: str) -> bool:
    return n is not None and bool(n == 0) and (kind != "f" or math.copysign(1.0, n) > 0)


NEUTRAL = {"multiply": _one, "divide": _one, "power": _one, "add": _nothing_to_add, "subtract": _nothing_to_take}


def _is(x: Any, result: Value) -> bool:
    """Whether a value has the shape and the dtype of the result."""
    return _real(x, result.dtype) and x.shape == result.shape


def _real(x: Any, dtype: Any) -> bool:
    return isinstance(x, Value) and not x.weak and x.dtype == dtype and dtype.kind in REAL


TWICE = {"negative", "logical_not", "invert", "conjugate"}
EVEN = {"absolute", "square", "fabs", "cos", "cosh"}  # functions of which -x has the value of x


def twice(step: Step, draft: Draft) -> Value | None:
    """-(-x), ~~x and the conjugate of a conjugate are x; +x and the conjugate of a real x too."""
    if step.kwargs or len(step.args) != 1:
        return None
    (x,) = step.args
    if step.primitive == "positive" or (step.primitive == "conjugate" and step.result.dtype.kind in REAL):
        return x if _is(x, step.result) else None
    inner = draft.of(x, step.primitive) if step.primitive in TWICE else None
    if inner is None or inner.kwargs or not isinstance(inner.args[0], Value):
        return None
    return inner.args[0] if inner.args[0].dtype == step.result.dtype else None


def even(step: Step, draft: Draft) -> Value | None:
    """|-x|, (-x)**2 and cos(-x) without the sign; ||x|| is |x|."""
    if step.primitive not in EVEN or step.kwargs:
        return None
    inner = draft.of(step.args[0], "negative", "absolute")
    if inner is None or inner.kwargs:
        return None
    if step.primitive == "absolute" and inner.primitive == "absolute":
        return inner.result if inner.result.dtype == step.result.dtype else None
    if inner.primitive == "absolute" or not isinstance(inner.args[0], Value) or inner.result.dtype.kind not in "fc":
        return None
    return draft.call(step.primitive, inner.args, step.result.shape, step.result.dtype)


SIGNS = {("add", False, True): ("subtract", False), ("add", True, False): ("subtract", True),
         ("subtract", False, True): ("add", False), ("multiply", True, True): ("multiply", False),
         ("divide", True, True): ("divide", False)}  # fmt: skip


def signs(step: Step, draft: Draft) -> Value | None:
    """x + -y is x - y, x - -y is x + y, and two signs of a product or quotient go."""
    if step.kwargs or len(step.args) != 2 or step.result.dtype.kind not in "fi":
        return None
    inner = [draft.of(x, "negative") for x in step.args]
    known = SIGNS.get((step.primitive, inner[0] is not None, inner[1] is not None))
    if known is None or not all(i is None or (not i.kwargs and _is(i.args[0], i.result)) for i in inner):
        return None
    if any(i is not None and i.result.dtype != step.result.dtype for i in inner):
        return None
    args = tuple(x if i is None else i.args[0] for x, i in zip(step.args, inner, strict=True))
    name, turned = known
    return draft.call(name, args[::-1] if turned else args, step.result.shape, step.result.dtype)


def casts(step: Step, draft: Draft) -> Value | None:
    """A cast to the same dtype is nothing; a cast after one that lost nothing is one cast."""
    if step.primitive != "astype" or not isinstance(step.args[0], Value) or step.args[0].weak:
        return None
    x, dtype = step.args[0], step.result.dtype
    if x.dtype == dtype:
        return x
    inner = draft.of(x, "astype")
    if inner is None or not isinstance(inner.args[0], Value) or inner.args[0].weak:
        return None
    first = inner.args[0]
    exact = first.dtype.kind == x.dtype.kind and np.can_cast(first.dtype, x.dtype)
    if not exact:
        return None
    return first if first.dtype == dtype else draft.call("astype", (first,), step.result.shape, dtype, dtype=dtype)


ALGEBRA: dict[str, list[Rule]] = {
    **{name: [neutral, signs] for name in ("multiply", "divide", "add", "subtract")},
    **{name: [twice, even] for name in (*TWICE, *EVEN, "positive")},
    "power": [neutral], "astype": [casts],
}  # fmt: skip
