"""Shapes, parts, sums and products of arrays as nodes of ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..annotations import DTypeLike
from ..program.passes.layout import order_of
from ..program.program import Step, Value
from .entries import Entries
from .graph import OnnxGraph


def _moved(g: OnnxGraph, step: Step) -> str:
    order = order_of(step)
    assert order is not None
    return g.add("Transpose", g.of(step.args[0]), perm=list(order))


def _reshaped(g: OnnxGraph, step: Step) -> str:
    if step.kwargs.get("order", "C") != "C":
        raise NotImplementedError("entries in Fortran's order")
    return g.reshaped(g.of(step.args[0]), step.result.shape)


def _expanded(g: OnnxGraph, step: Step) -> str:
    return g.add("Expand", g.of(step.args[0]), g.ints(step.result.shape))


def _joined(g: OnnxGraph, step: Step) -> str:
    axis = step.kwargs.get("axis", 0) if len(step.args) < 2 else step.args[1]
    names = [g.of(x, step.result.dtype) for x in step.args[0]]
    if step.primitive == "stack":
        names = [g.add("Unsqueeze", x, g.ints([axis])) for x in names]
    return g.add("Concat", *names, axis=axis)


def _flipped(g: OnnxGraph, step: Step) -> str:
    x = step.args[0]
    axes = step.args[1] if len(step.args) > 1 else step.kwargs.get("axis")
    axes = range(len(x.shape)) if axes is None else (axes,) if isinstance(axes, int) else axes
    far = [-(2**62)] * len(axes)
    return g.add("Slice", g.of(x), g.ints([-1] * len(axes)), g.ints(far), g.ints(axes), g.ints([-1] * len(axes)))


def _padded(g: OnnxGraph, step: Step) -> str:
    x, widths = step.args[0], np.broadcast_to(step.args[1], (len(step.args[0].shape), 2))
    mode, name = step.kwargs.get("mode", "constant"), g.of(step.args[0])
    if mode == "constant":
        pads = g.ints([*map(int, widths[:, 0]), *map(int, widths[:, 1])])
        return g.add("Pad", name, pads, g.constant(step.kwargs.get("constant_values", 0), x.dtype))
    for axis, (n, width) in enumerate(zip(x.shape, widths.tolist(), strict=True)):
        if any(width):
            name = g.add("Gather", name, g.ints(np.pad(np.arange(n), width, mode=mode).tolist()), axis=axis)
    return name


def _chosen(g: OnnxGraph, step: Step) -> str:
    test, a, b = step.args
    dtype = step.result.dtype
    return g.add("Where", g.of(test, bool), g.of(a, dtype), g.of(b, dtype))


def _filled(value: int) -> Callable[[OnnxGraph, Step], str]:
    return lambda g, step: g.full(value, step.result.shape, step.result.dtype)


REDUCTIONS = {
    "sum": "ReduceSum", "add.reduce": "ReduceSum", "multiply.reduce": "ReduceProd", "maximum.reduce": "ReduceMax",
    "minimum.reduce": "ReduceMin", "logical_and.reduce": "ReduceMin", "logical_or.reduce": "ReduceMax",
}  # fmt: skip


def _reduced(g: OnnxGraph, step: Step) -> str:
    x, axes = step.args[0], step.kwargs["axis"]
    operator = REDUCTIONS[step.primitive]
    truth = step.primitive.startswith("logical") or x.dtype == bool
    inside = np.dtype(np.int64 if x.dtype.kind in "iub" and not truth else np.int32) if truth else step.result.dtype
    name = g.cast(g.of(x, bool), bool, inside) if step.primitive.startswith("logical") else g.of(x, inside)
    keep = int(step.kwargs.get("keepdims", False))
    found = g.add(operator, name, g.ints(axes), keepdims=keep, noop_with_empty_axes=1)
    initial = step.kwargs.get("initial")
    if initial is not None and not np.isinf(initial):
        found = g.add({"ReduceMax": "Max", "ReduceMin": "Min"}[operator], found, g.constant(initial, inside))
    return g.cast(found, inside, step.result.dtype)


def _mean(g: OnnxGraph, step: Step) -> str:
    x, axes = step.args[0], step.args[1] if len(step.args) > 1 else step.kwargs.get("axis")
    axes = range(len(x.shape)) if axes is None else (axes,) if isinstance(axes, int) else axes
    keep = int(step.kwargs.get("keepdims", False) is True)
    return g.add("ReduceMean", g.of(x, step.result.dtype), g.ints(axes), keepdims=keep, noop_with_empty_axes=1)


def _counted(g: OnnxGraph, step: Step) -> str:
    x, axes = step.args[0], step.kwargs.get("axis")
    axes = range(len(x.shape)) if axes is None else (axes,) if isinstance(axes, int) else axes
    there = g.cast(g.of(x, bool), bool, np.int64)
    keep = int(step.kwargs.get("keepdims", False))
    return g.add("ReduceSum", there, g.ints(axes), keepdims=keep, noop_with_empty_axes=1)


def _first_place(operator: str) -> Callable[[OnnxGraph, Step], str]:
    def write(g: OnnxGraph, step: Step) -> str:
        x, axis = step.args[0], step.kwargs.get("axis")
        name = g.of(x, np.int32) if x.dtype == bool else g.of(x)
        name = g.reshaped(name, (-1,)) if axis is None else name
        found = g.add(operator, name, axis=axis or 0, keepdims=int(step.kwargs.get("keepdims", False)))
        return g.reshaped(found, step.result.shape) if axis is None else found

    return write


def _running(g: OnnxGraph, step: Step) -> str:
    """Sums up to each entry; largest and smallest entries and products so far by comparing all with all."""
    x, axis = step.args[0], step.args[1] if len(step.args) > 1 else step.kwargs.get("axis", 0)
    name = g.of(x, step.result.dtype)
    if step.primitive in ("add.accumulate", "cumsum"):
        return g.add("CumSum", name, g.constant(np.asarray(axis, np.int64)))
    operator = {"maximum": "ReduceMax", "minimum": "ReduceMin", "multiply": "ReduceProd"}[step.primitive.split(".")[0]]
    limits = np.iinfo(x.dtype) if x.dtype.kind in "iu" else None
    low, high = (-np.inf, np.inf) if limits is None else (limits.min, limits.max)
    neutral = {"ReduceMax": low, "ReduceMin": high, "ReduceProd": 1}[operator]
    return _accumulated(g, name, x.shape, axis, operator, neutral, step.result.dtype)


def _accumulated(
    g: OnnxGraph, name: str, shape: Sequence[int], axis: int, operator: str, neutral: object, dtype: DTypeLike
) -> str:  # fmt: skip
    n = shape[axis]
    before = np.tri(n, dtype=bool).reshape(n, n, *(1,) * (len(shape) - axis - 1))  # the last entry, and each up to it
    rows = g.add("Unsqueeze", name, g.ints([axis]))
    rows = g.add("Where", g.constant(before), rows, g.constant(neutral, dtype))
    return g.add(operator, rows, g.ints([axis + 1]), keepdims=0)


def _product(g: OnnxGraph, step: Step) -> str:
    return g.add("MatMul", *[g.of(x, step.result.dtype) for x in step.args])


def _einsum(g: OnnxGraph, step: Step) -> str:
    return g.add("Einsum", *[g.of(x, step.result.dtype) for x in step.args[1:]], equation=step.args[0])


def _sorted_places(g: OnnxGraph, step: Step) -> str:
    x, axis = step.args[0], step.kwargs.get("axis", -1)
    return _top(g, x, axis, x.shape[axis], False)


def _top_places(g: OnnxGraph, step: Step) -> str:
    k = step.kwargs
    return _top(g, step.args[0], k["axis"], k["k"], k["largest"])


def _top(g: OnnxGraph, x: Value, axis: int, k: int, largest: bool) -> str:
    return g.add_many("TopK", 2, g.of(x), g.ints([k]), axis=axis, largest=int(largest))[1]


def _searched(g: OnnxGraph, step: Step) -> str:
    """How many entries of the sorted row are smaller (or, from the right, not larger)."""
    row, x = step.args[:2]
    dtype = np.result_type(row.dtype, x.dtype)
    operator = "Greater" if step.kwargs.get("side", "left") == "left" else "GreaterOrEqual"
    name = g.reshaped(g.of(x, dtype), (*x.shape, 1))
    return g.add("ReduceSum", g.cast(g.add(operator, name, g.of(row, dtype)), bool, np.int64),
                 g.ints([len(x.shape)]), keepdims=0)  # fmt: skip


def _rounded(g: OnnxGraph, step: Step) -> str:
    x = step.args[0]
    decimals = step.args[1] if len(step.args) > 1 else step.kwargs.get("decimals", 0)
    if not decimals or x.dtype.kind != "f":
        return g.add("Round" if x.dtype.kind == "f" else "Identity", g.of(x))
    e = Entries(g, x.dtype)
    return e("Div", e("Round", e("Mul", g.of(x), 10.0**decimals)), 10.0**decimals)


def _clipped(g: OnnxGraph, step: Step) -> str:
    """min(max(x, low), high), of the bounds that are given."""
    dtype = step.result.dtype
    found, bounds = (
        g.of(step.args[0], dtype),
        {**dict(zip(("a_min", "a_max"), step.args[1:], strict=False)), **step.kwargs},
    )
    for name, operator in {"a_min": "Max", "min": "Max", "a_max": "Min", "max": "Min"}.items():
        if bounds.get(name) is not None:
            found = g.add(operator, found, g.of(bounds[name], dtype))
    return found


def _running_scale(g: OnnxGraph, step: Step) -> str:
    """2 ** the rounded half of the exponents' running sum; 1 where all products are of medium size."""
    x, axis, dtype = step.args[0], step.kwargs["axis"], step.result.dtype
    e, top = Entries(g, np.float64), int(np.finfo(dtype).maxexp)
    size = e("Abs", g.of(x, np.float64))
    plain = e("And", e("Greater", size, 0), e("Not", e("IsInf", size)))
    place = g.constant(np.asarray(axis, np.int64))
    exponents = g.add("CumSum", e("Div", e("Log", e("Where", plain, size, 1)), np.log(2)), place)
    found = e("Pow", 2, e("Min", e("Max", e("Round", e("Div", exponents, 2)), 2 - top), top - 2))
    products = e("Abs", g.cast(_accumulated(g, g.of(x), x.shape, axis, "ReduceProd", 1, x.dtype), x.dtype, np.float64))
    axes = g.ints(range(len(x.shape)))
    low = e("Greater", g.add("ReduceMin", products, axes), 2.0 ** -(top // 3))
    high = e("Less", g.add("ReduceMax", products, axes), 2.0 ** (top // 3))
    return g.cast(e("Where", e("And", low, high), 1, found), np.float64, dtype)


def _determinant(g: OnnxGraph, step: Step) -> str:
    return g.add("Det", g.of(step.args[0]))


LAYOUT: dict[str, Callable[[OnnxGraph, Step], str]] = {
    "transpose": _moved, "swapaxes": _moved, "moveaxis": _moved, "reshape": _reshaped, "expand_dims": _reshaped,
    "squeeze": _reshaped, "broadcast_to": _expanded, "concatenate": _joined, "stack": _joined, "flip": _flipped,
    "pad": _padded, "where": _chosen, "zeros_like": _filled(0), "ones_like": _filled(1), "empty_like": _filled(0),
    "copy": lambda g, step: g.add("Identity", g.of(step.args[0])),
    "astype": lambda g, step: g.of(step.args[0], step.result.dtype),
    "real": lambda g, step: g.add("Identity", g.of(step.args[0])),
    "mean": _mean, "count_nonzero": _counted, "argmax": _first_place("ArgMax"), "argmin": _first_place("ArgMin"),
    "matmul": _product, "einsum": _einsum, "argsort": _sorted_places, "op.argtop": _top_places,
    "round": _rounded, "clip": _clipped, "op.running_scale": _running_scale, "searchsorted": _searched,
    "linalg.det": _determinant,
    **dict.fromkeys(REDUCTIONS, _reduced),
    "cumsum": _running, **{f"{name}.accumulate": _running for name in ("add", "maximum", "minimum", "multiply")},
}  # fmt: skip


def expanded(g: OnnxGraph, name: str, shape: Sequence[int]) -> str:
    """A value in a larger shape."""
    return g.add("Expand", name, g.ints(shape))


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of an argument."""
    return x.shape if isinstance(x, Value) else np.shape(x)
