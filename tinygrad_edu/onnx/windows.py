"""Convolution, pooling and their gradients as nodes of ONNX."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from ..ops.window import enlarged, reach, tap
from ..program.program import Step, Value
from .graph import OnnxGraph
from .layout import expanded

Ints = tuple[int, ...]


def _settings(kw: dict[str, Any]) -> dict[str, Any]:
    """Strides, padding and dilation, as ONNX has them."""
    before, after = zip(*kw["padding"], strict=True)
    return {"strides": list(kw["stride"]), "dilations": list(kw["dilation"]), "pads": [*before, *after]}


Writer = Callable[[OnnxGraph, Step], str]


def _each_example(write: Writer) -> Writer:
    """A convolution of a pair of arrays for each entry of further leading axes."""

    def each(g: OnnxGraph, step: Step) -> str:
        (a, b), result = step.args, step.result
        if len(a.shape) == len(step.kwargs["stride"]) + 2:
            return write(g, step)
        found = []
        for k in range(len(result.shape) and result.shape[0]):
            pair = []
            for v in (a, b):
                part = Value(-1, v.shape[1:], v.dtype)
                g.names[part] = g.add("Gather", g.of(v), g.constant(np.asarray(k)), axis=0)
                pair.append(part)
            one = Step(step.primitive, tuple(pair), step.kwargs, (Value(-1, result.shape[1:], result.dtype),))
            found.append(g.add("Unsqueeze", each(g, one), g.ints([0])))
        return g.add("Concat", *found, axis=0)

    return each


@_each_example
def _conv(g: OnnxGraph, step: Step) -> str:
    x, w = step.args
    return g.add("Conv", g.of(x), g.of(w), group=step.kwargs["groups"], **_settings(step.kwargs))


def _cut(g: OnnxGraph, name: str, sizes: Ints, padding: Any, extra: Ints, rank: int) -> str:
    """The last axes of these lengths with `extra` zeros at their ends, without the padding."""
    lead = rank - len(sizes)
    if any(extra):
        name = g.add("Pad", name, g.ints([0] * rank + [0] * lead + list(extra)))
    ends = [n + e - b for n, e, (_, b) in zip(sizes, extra, padding, strict=True)]
    axes = range(lead, rank)
    return g.add("Slice", name, g.ints([a for a, _ in padding]), g.ints(ends), g.ints(axes))


@_each_example
def _conv_input(g: OnnxGraph, step: Step) -> str:
    (x, w), kw = step.args, step.kwargs
    sizes = reach(x.shape[2:], w.shape[2:], kw["stride"], kw["dilation"], (0,) * len(kw["stride"]))
    wide = g.add("ConvTranspose", g.of(x), g.of(w), group=kw["groups"], strides=list(kw["stride"]),
                 dilations=list(kw["dilation"]))  # fmt: skip
    return _cut(g, wide, sizes, kw["padding"], kw["extra"], len(x.shape))


@_each_example
def _conv_weight(g: OnnxGraph, step: Step) -> str:
    """The convolution of the input with the gradient, examples as channels; stride and dilation change places."""
    (x, h), kw = step.args, step.kwargs
    groups, rank = kw["groups"], len(x.shape)
    turned = [1, 0, *range(2, rank)]
    c, o = x.shape[1] // groups, h.shape[1] // groups
    before, after = zip(*kw["padding"], strict=True)
    found = []
    for k in range(groups):
        part, its = (
            g.add("Slice", g.of(v), g.ints([k * n]), g.ints([(k + 1) * n]), g.ints([1])) for v, n in ((x, c), (h, o))
        )
        y = g.add("Conv", g.add("Transpose", part, perm=turned), g.add("Transpose", its, perm=turned),
                  strides=list(kw["dilation"]), dilations=list(kw["stride"]), pads=[*before, *after])  # fmt: skip
        axes = range(2, rank)
        y = g.add("Slice", y, g.ints([0] * len(axes)), g.ints(kw["kernel"]), g.ints(axes))
        found.append(g.add("Transpose", y, perm=turned))
    return found[0] if groups == 1 else g.add("Concat", *found, axis=0)


def _channels(g: OnnxGraph, x: Any, n: int) -> tuple[str, Ints]:
    """An array with its leading axes as one, and one channel: `(lead, 1, *last)`."""
    shape = (math.prod(x.shape[:-n]), 1, *x.shape[-n:])
    return g.reshaped(g.of(x), shape), shape


def _window_sum(g: OnnxGraph, step: Step) -> str:
    x, kw = step.args[0], step.kwargs
    name, _ = _channels(g, x, len(kw["kernel"]))
    ones = g.constant(np.ones((1, 1, *kw["kernel"]), x.dtype))
    return g.reshaped(g.add("Conv", name, ones, **_settings(kw)), step.result.shape)


def _window_spread(g: OnnxGraph, step: Step) -> str:
    x, kw = step.args[0], step.kwargs
    kernel = kw["kernel"]
    name, shape = _channels(g, x, len(kernel))
    sizes = reach(x.shape[-len(kernel) :], kernel, kw["stride"], kw["dilation"], (0,) * len(kernel))
    ones = g.constant(np.ones((1, 1, *kernel), x.dtype))
    wide = g.add("ConvTranspose", name, ones, strides=list(kw["stride"]), dilations=list(kw["dilation"]))
    return g.reshaped(_cut(g, wide, sizes, kw["padding"], kw["extra"], len(shape)), step.result.shape)


def _max_pool(g: OnnxGraph, step: Step) -> str:
    x, kw = step.args[0], step.kwargs
    name, _ = _channels(g, x, len(kw["kernel"]))
    found = g.add("MaxPool", name, kernel_shape=list(kw["kernel"]), **_settings(kw))
    return g.reshaped(found, step.result.shape)


def _taps(g: OnnxGraph, x: Any, kw: dict[str, Any], value: float, out: Ints) -> tuple[str, np.ndarray, Ints]:
    """For each lead, the entries of all windows in a row, tap by tap; their places; the lengths of padded axes."""
    n = len(kw["kernel"])
    sizes = enlarged(x.shape[-n:], kw["padding"])
    before, after = zip(*kw["padding"], strict=True)
    name, _ = _channels(g, x, n)
    name = g.add("Pad", name, g.ints([0, 0, *before, 0, 0, *after]), g.constant(value, x.dtype))
    numbers = np.arange(math.prod(sizes)).reshape(sizes)
    places = np.stack([numbers[tap(p, out, kw["stride"], kw["dilation"])] for p in product(*map(range, kw["kernel"]))])
    rows = g.reshaped(name, (math.prod(x.shape[:-n]), math.prod(sizes)))
    return g.add("Gather", rows, g.constant(places.reshape(len(places), -1)), axis=1), places, sizes


def _largest(g: OnnxGraph, x: Any, kw: dict[str, Any], out: Ints) -> tuple[str, str, np.ndarray, Ints]:
    """`(lead, taps, windows)`: 1 where a window has its largest entry; how many it has; the places; the lengths."""
    rows, places, sizes = _taps(g, x, kw, -np.inf, out)
    top = g.add("ReduceMax", rows, g.ints([1]), keepdims=1)
    here = g.cast(g.add("Equal", rows, top), bool, x.dtype)
    return here, g.add("ReduceSum", here, g.ints([1]), keepdims=1), places, sizes


def _max_spread(g: OnnxGraph, step: Step) -> str:
    (h, x), kw = step.args, step.kwargs
    n = len(kw["kernel"])
    here, total, places, sizes = _largest(g, x, kw, h.shape[-n:])
    lead = math.prod(x.shape[:-n])
    share = g.add("Div", g.reshaped(g.of(h, x.dtype), (lead, 1, math.prod(h.shape[-n:]))), total)
    rows = g.reshaped(g.add("Mul", here, share), (lead, places.size))
    at = expanded(g, g.constant(places.reshape(1, -1)), (lead, places.size))
    wide = g.full(0, (lead, math.prod(sizes)), x.dtype)
    wide = g.reshaped(g.add("ScatterElements", wide, at, rows, axis=1, reduction="add"), (*x.shape[:-n], *sizes))
    return _cut(g, wide, sizes, kw["padding"], (0,) * n, len(x.shape))


def _max_gather(g: OnnxGraph, step: Step) -> str:
    (h, x), kw = step.args, step.kwargs
    out = step.result.shape[-len(kw["kernel"]) :]
    here, total, _, _ = _largest(g, x, kw, out)
    rows, _, _ = _taps(g, h, kw, 0.0, out)
    found = g.add("ReduceSum", g.add("Mul", rows, here), g.ints([1]), keepdims=1)
    return g.reshaped(g.add("Div", found, total), step.result.shape)


WINDOWS: dict[str, Writer] = {
    "op.conv": _conv, "op.conv_input": _conv_input, "op.conv_weight": _conv_weight, "op.window_sum": _window_sum,
    "op.window_spread": _window_spread, "op.max_pool": _max_pool, "op.max_spread": _max_spread,
    "op.max_gather": _max_gather,
}  # fmt: skip
