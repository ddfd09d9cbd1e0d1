"""Algebra of real numbers, for `fast=True`: what it gives may differ where nan, inf or -0 come in, and by roundings."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..program import Step, Value
from .draft import Draft, Rule


def zero(step: Step, draft: Draft) -> Value | None:
    """x + 0 and x - 0 are x; x * 0 and 0 / x are 0: also where x is -0, nan or inf."""
    if not _plain(step, 2):
        return None
    a, b = step.args
    for x, other, first in ((a, b, True), (b, a, False)):
        if draft.number(other) != 0 or (not first and step.primitive == "subtract"):
            continue
        if step.primitive in ("add", "subtract"):
            return x if _is(x, step.result) else None
        if step.primitive == "multiply" or not first:
            like = next(v for v in step.uses if not v.weak)
            shape = step.result.shape
            return draft.call("zeros_like", (like,), shape, step.result.dtype, shape=shape, dtype=step.result.dtype)
    return None


def same(step: Step, draft: Draft) -> Value | None:
    """x - x is 0 and x / x is 1: also where x is nan, inf or 0."""
    if not _plain(step, 2) or step.args[0] is not step.args[1] or not _is(step.args[0], step.result):
        return None
    name = "zeros_like" if step.primitive == "subtract" else "ones_like"
    return draft.call(name, (step.args[0],), step.result.shape, step.result.dtype)


def inverse(step: Step, draft: Draft) -> Value | None:
    """log(exp(x)), exp(log(x)), square(sqrt(x)) and their like are x: also where the first would be inf or nan."""
    if not _plain(step, 1):
        return None
    inner = draft.of(step.args[0], INVERSES[step.primitive])
    if inner is None or inner.kwargs or not _is(inner.args[0], step.result):
        return None
    return inner.args[0]


INVERSES = {"log": "exp", "exp": "log", "log1p": "expm1", "expm1": "log1p", "square": "sqrt"}


def divided(step: Step, draft: Draft) -> Value | None:
    """x / c for a number c is x * (1 / c), rounded once more."""
    if not _plain(step, 2) or not _is(step.args[0], step.result):
        return None
    c = draft.number(step.args[1])
    if c is None or isinstance(c, complex) or c == 0 or not np.isfinite(c):
        return None
    return draft.call("multiply", (step.args[0], float(1.0 / float(c))), step.result.shape, step.result.dtype)


def scaled(step: Step, draft: Draft) -> Value | None:
    """(x * a) * b and (x + a) + b for numbers a and b have one of them: also where that overflows another time."""
    if not _plain(step, 2):
        return None
    inner = draft.of(step.args[0], step.primitive)
    if inner is None or inner.kwargs or not _is(inner.args[0], step.result):
        return None
    a, b = _number(inner.args[1]), _number(step.args[1])
    if a is None or b is None:
        return None
    c = a * b if step.primitive == "multiply" else a + b
    return (
        draft.call(step.primitive, (inner.args[0], c), step.result.shape, step.result.dtype) if np.isfinite(c) else None
    )


def _number(x: Any) -> float | None:
    return float(x) if isinstance(x, int | float) and not isinstance(x, bool) else None


def _plain(step: Step, n: int) -> bool:
    """Whether a step is on real numbers, without options."""
    return not step.kwargs and len(step.args) == n and step.result.dtype.kind == "f"


def _is(x: Any, result: Value) -> bool:
    return isinstance(x, Value) and not x.weak and x.dtype == result.dtype and x.shape == result.shape


LOOSE: dict[str, list[Rule]] = {
    "add": [zero, scaled], "multiply": [zero, scaled], "subtract": [zero, same], "divide": [zero, same, divided],
    **{name: [inverse] for name in INVERSES},
}  # fmt: skip
