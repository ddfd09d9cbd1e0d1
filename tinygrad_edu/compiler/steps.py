"""Which steps of a program have a kernel, and which entries a step picks by arrays of indices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..program.program import Step, Value
from .windows import OWN

TYPES = {np.dtype(name) for name in ("float32", "float64", "int64", "int32", "bool")}

# operations of entries, by the names of NumPy
ENTRYWISE = {
    "add", "subtract", "multiply", "divide", "negative", "positive", "absolute", "fabs", "sign", "square", "sqrt",
    "reciprocal", "exp", "log", "log1p", "expm1", "tanh", "maximum", "minimum", "greater", "greater_equal", "less",
    "less_equal", "equal", "not_equal", "logical_and", "logical_or", "logical_not", "isfinite", "isnan", "where",
    "astype", "power", "sin", "cos", "floor", "ceil", "rint", "trunc", "bitwise_and", "bitwise_or", "invert",
    "conjugate", "copy", "zeros_like", "ones_like", "copysign", "signbit", "exp2", "log2", "log10",
}  # fmt: skip
FLOATING = {
    "exp", "log", "log1p", "expm1", "tanh", "sqrt", "sin", "cos", "fabs", "exp2", "log2", "log10", "copysign", "floor",
    "ceil", "rint", "trunc",
}  # fmt: skip
REDUCTIONS = {"sum": "add", "maximum.reduce": "maximum", "minimum.reduce": "minimum"}
FIRST = {
    "maximum.reduce": -math.inf,
    "minimum.reduce": math.inf,
}  # `initial` that changes nothing
VIEWS = {"reshape", "swapaxes", "transpose", "broadcast_to", "expand_dims", "squeeze", "moveaxis", "getitem"}


def can(step: Step) -> bool:
    """Whether a step has a kernel."""
    name = step.primitive
    if name in OWN:
        return True
    if len(step.results) != 1:
        return False
    (out,) = step.results
    for v in (out, *step.uses):
        if (v.dtype not in TYPES and not v.weak) or 0 in v.shape:
            return False
    if len(out.shape) > 6:
        return False
    pick = picked(step)
    if pick is not None:
        return bool(pick.index) and (
            len(step.args) < 3 or name == "take_along_axis" or isinstance(step.args[2], Value | int | float)
        )
    if name in VIEWS:
        if name == "getitem":
            return _slices(index_of(step))
        return set(step.kwargs) <= {"axes"} or (
            name == "reshape" and step.kwargs.get("order", "C") == "C" and set(step.kwargs) <= {"order", "shape"}
        )
    if name == "setitem":
        x, _, value = step.args
        if not isinstance(x, Value) or not isinstance(value, Value | int | float):
            return False
        return _slices(index_of(step))
    if name in ("concatenate", "stack"):
        return (
            set(step.kwargs) <= {"axis"}
            and (step.kwargs.get("axis", 0) is not None)
            and all(isinstance(x, Value) for x in step.args[0])
        )
    if name == "matmul":
        a, b = step.args
        return bool(
            out.dtype.kind == "f"
            and a.dtype == b.dtype == out.dtype
            and min(len(a.shape), len(b.shape)) >= 2
            and not step.kwargs
            and (
                len(a.shape) == len(b.shape) == 2
                or a.shape[:-2] == b.shape[:-2]
                or len(b.shape) == 2
                or len(a.shape) == 2
            )
        )
    if name in REDUCTIONS:
        return bool(
            out.dtype.kind == "f"
            and step.uses[0].dtype == out.dtype
            and set(step.kwargs) <= {"axis", "keepdims", "initial"}
            and step.kwargs.get("initial", FIRST.get(name)) == FIRST.get(name)
        )
    if name not in ENTRYWISE:
        return False
    if name == "astype":
        return len(step.uses) == 1
    if name in ("zeros_like", "ones_like"):
        return set(step.kwargs) <= {"shape", "dtype", "order"} and out.dtype.kind in "fib"
    if step.kwargs:
        return False
    if name in FLOATING and out.dtype.kind != "f":
        return False
    if (
        name in ("sign", "reciprocal", "divide", "power", "maximum", "minimum")
        and out.dtype.kind != "f"
        and name != "sign"
    ):
        return name in ("maximum", "minimum")
    if name == "sign":
        return out.dtype.kind == "f"
    if name in ("invert", "bitwise_and", "bitwise_or") and out.dtype != bool:
        return False
    return not (name in ("add", "multiply", "subtract", "negative", "absolute") and out.dtype == bool)


@dataclass(frozen=True)
class Pick:
    """Entries of `source` that are named one by one: `index` has an array of indices, or an axis of the loop, for each
    axis of the source; the last `whole` axes of the loop run over whole axes."""

    source: Value
    index: tuple[Any, ...]
    shape: tuple[int, ...]
    whole: int


def picked(step: Step) -> Pick | None:
    """What a step picks or writes to by arrays of indices, if it does; one that is no plain case has no index."""
    name = step.primitive
    if name == "take_along_axis":
        x, indices = step.args[:2]
        axis = (step.args[2] if len(step.args) > 2 else step.kwargs.get("axis", -1)) % len(x.shape)
        index = tuple(indices if d == axis else d for d in range(len(x.shape)))
        plain = all(d == axis or x.shape[d] == indices.shape[d] for d in range(len(x.shape)))
        return Pick(x, index if plain and _whole_numbers(indices) else (), indices.shape, 0)
    if (
        name not in ("getitem", "setitem", "add.at")
        or len(step.uses) == 1
        or not any(isinstance(k, Value) for k in index_of(step))
    ):
        return None
    x, index = step.args[0], index_of(step)
    if not isinstance(x, Value) or len(index) > len(x.shape) or not all(map(_whole_numbers, index)):
        return Pick(x, (), (), 0)
    lead = np.broadcast_shapes(*(k.shape for k in index))
    whole = len(x.shape) - len(index)
    if any(k.shape != lead for k in index) and whole:
        return Pick(x, (), (), 0)
    rest = x.shape[len(index) :]
    return Pick(x, (*index, *range(len(lead), len(lead) + whole)), (*lead, *rest), whole)


def _whole_numbers(k: object) -> bool:
    return isinstance(k, Value) and not k.weak and k.dtype.kind == "i"


def index_of(step: Step) -> tuple[Any, ...]:
    index = step.args[1]
    return index if isinstance(index, tuple) else (index,)


def _slices(index: tuple[Any, ...]) -> bool:
    """Whether an index has slices and numbers only."""
    for k in index:
        if k.__class__ is int or k.__class__ is slice or k is None or k is Ellipsis:
            continue
        if not isinstance(k, slice | int | np.integer) or isinstance(k, bool):
            return False
    return True


def part_shape(step: Step) -> tuple[int, ...]:
    """The shape of the part that a `setitem` writes into."""
    return tuple(np.broadcast_to(np.empty((), np.int8), step.result.shape)[index_of(step)].shape)
