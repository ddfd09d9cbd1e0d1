"""Convolution: a window of weights slides over the last axes.

`stride`, `padding` and `dilation` have one entry for each axis that the window slides along; those of
`padding` are pairs (before, after). Convolution and its two gradients are linear in each of their
inputs and each other's gradients, so three ops are closed under differentiation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np

from ..batched import with_leading_axes
from ..domain import REAL
from ..engine import Op
from ..sums import in_single
from .indexing import getitem

__all__ = ["conv", "conv_input", "conv_weight"]

Ints = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]
LIMIT = 1 << 20  # entries of the matrix that windows are copied into, at most (but one row of windows)


def count(size: int, kernel: int, stride: int, pair: Ints, dilation: int) -> int:
    """How many windows there are along an axis."""
    return (size + sum(pair) - dilation * (kernel - 1) - 1) // stride + 1


def enlarged(shape: Ints, padding: Pairs) -> Ints:
    """The lengths of axes after padding."""
    return tuple(n + a + b for n, (a, b) in zip(shape, padding, strict=True))


def reach(out: Any, kernel: Any, stride: Ints, dilation: Ints, extra: Ints) -> Ints:
    """The lengths of axes over which there are `out` windows, and `extra` entries."""
    return tuple(
        (m - 1) * s + d * (k - 1) + 1 + e for m, s, d, k, e in zip(out, stride, dilation, kernel, extra, strict=True)
    )


def padded(x: Any, padding: Pairs, value: float = 0.0) -> Any:
    if not any(map(any, padding)):
        return x
    lead = x.ndim - len(padding)
    wide = np.full((*x.shape[:lead], *enlarged(x.shape[lead:], padding)), value, x.dtype)
    wide[inside(x.shape[lead:], padding)] = x
    return wide


def inside(shape: Ints, padding: Pairs) -> tuple[Any, ...]:
    """The index of what was padded."""
    return (..., *(slice(a, a + n) for n, (a, _) in zip(shape, padding, strict=True)))


def tap(place: Ints, out: Ints, stride: Ints, dilation: Ints) -> tuple[Any, ...]:
    """The index of the entries that stand at `place` in each window."""
    return (..., *(
        slice(p * d, p * d + s * (n - 1) + 1, s) for p, n, s, d in zip(place, out, stride, dilation, strict=True)
    ))  # fmt: skip


def _examples(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f` of a pair of inputs for each entry of further leading axes, hidden ones (see batched/) too."""

    def call(a: Any, b: Any, *, stride: Ints, **attributes: Any) -> Any:
        if a.ndim > len(stride) + 2:
            return np.stack([call(p, q, stride=stride, **attributes) for p, q in zip(a, b, strict=True)])
        return f(a, b, stride=stride, **attributes)

    return with_leading_axes(call)


def _blocks(n: int, rows: int, entries: int) -> Iterator[tuple[slice, slice]]:
    """Blocks of the batch, or where one example has too many entries, of its rows of windows."""
    if entries <= LIMIT:
        step = max(1, LIMIT // max(entries, 1))
        yield from ((slice(i, min(i + step, n)), slice(0, rows)) for i in range(0, n, step))
    else:
        step = max(1, LIMIT * rows // entries)
        yield from ((slice(i, i + 1), slice(r, min(r + step, rows))) for i in range(n) for r in range(0, rows, step))


def _columns(x: Any, kernel: Ints, out: Ints, rows: slice, stride: Ints, dilation: Ints, groups: int) -> Any:
    """A matrix for each group whose columns are windows: `(groups, c * taps, n * windows)`."""
    n, c = x.shape[:2]
    x = x[:, :, rows.start * stride[0] :]
    out = (rows.stop - rows.start, *out[1:])
    steps = x.strides[2:]
    view = np.lib.stride_tricks.as_strided(
        x, (c, *kernel, n, *out),
        (x.strides[1], *(s * d for s, d in zip(steps, dilation, strict=True)),
         x.strides[0], *(s * t for s, t in zip(steps, stride, strict=True))),
        writeable=False,
    )  # fmt: skip
    return view.reshape(groups, c // groups * math.prod(kernel), n * math.prod(out))


def _rows_of(g: Any, groups: int) -> Any:
    """`(n, o, *out)` as `(groups, o / groups, n * out)`."""
    return np.moveaxis(g, 1, 0).reshape(groups, g.shape[1] // groups, g.size // max(g.shape[1], 1))


@in_single
@_examples
def _conv(x: Any, w: Any, *, stride: Ints, padding: Pairs, dilation: Ints, groups: int) -> Any:
    kernel, o = w.shape[2:], w.shape[0]
    out = tuple(map(count, x.shape[2:], kernel, stride, padding, dilation))
    entries = x.shape[1] * math.prod(kernel) * math.prod(out)
    if x.shape[1] != w.shape[1] * groups or o % groups or min(out) < 1:
        raise ValueError("the window must fit")
    x, matrix = padded(x, padding), w.reshape(groups, o // groups, -1)
    y = np.empty((x.shape[0], o, *out), np.result_type(x, w))
    for some, rows in _blocks(len(x), out[0], entries):
        part = matrix @ _columns(x[some], kernel, out, rows, stride, dilation, groups)
        y[some, :, rows] = np.moveaxis(part.reshape(o, some.stop - some.start, -1, *out[1:]), 0, 1)
    return y


@in_single
@_examples
def _conv_weight(x: Any, g: Any, *, stride: Ints, padding: Pairs, dilation: Ints, groups: int, kernel: Ints) -> Any:
    out, o = g.shape[2:], g.shape[1]
    entries, x = x.shape[1] * math.prod(kernel) * math.prod(out), padded(x, padding)
    w = np.zeros((groups, o // groups, x.shape[1] // groups * math.prod(kernel)), np.result_type(x, g))
    for some, rows in _blocks(len(x), out[0], entries):
        columns = _columns(x[some], kernel, out, rows, stride, dilation, groups)
        w += _rows_of(g[some, :, rows], groups) @ columns.mT
    return w.reshape(o, x.shape[1] // groups, *kernel)


@in_single
@_examples
def _conv_input(g: Any, w: Any, *, stride: Ints, padding: Pairs, dilation: Ints, groups: int, extra: Ints) -> Any:
    kernel, (n, o, *out) = w.shape[2:], g.shape
    if o != w.shape[0] or o % groups:
        raise ValueError("the channels must be equal")
    c = w.shape[1] * groups
    size = reach(out, kernel, stride, dilation, extra)
    wide = np.zeros((n, c, *size), np.result_type(g, w))
    matrix = w.reshape(groups, o // groups, -1).mT
    for some, rows in _blocks(n, out[0], c * math.prod(kernel) * math.prod(out)):
        columns = matrix @ _rows_of(g[some, :, rows], groups)
        height = (rows.stop - rows.start, *out[1:])
        parts = columns.reshape(c, *kernel, some.stop - some.start, *height)
        target = wide[some, :, rows.start * stride[0] :]
        for place in product(*map(range, kernel)):
            target[tap(place, height, stride, dilation)] += np.moveaxis(parts[(slice(None), *place)], 0, 1)
    shape = tuple(m - a - b for m, (a, b) in zip(size, padding, strict=True))
    return wide[inside(shape, padding)]


def left_over(g: Any, x: Any, kernel: Ints, stride: Ints, padding: Pairs, dilation: Ints) -> Ints:
    """How many entries at the end of each padded axis of `x` the windows of `g` do not reach."""
    n = len(kernel)
    reached = reach(g.shape[-n:], kernel, stride, dilation, (0,) * n)
    return tuple(m - r for m, r in zip(enlarged(x.shape[-n:], padding), reached, strict=True))


def _into_x(g: Any, x: Any, w: Any, *, stride: Ints, padding: Pairs, dilation: Ints, groups: int) -> Any:
    extra = left_over(g, x, tuple(w.shape[-len(stride) :]), stride, padding, dilation)
    return conv_input(g, w, stride=stride, padding=padding, dilation=dilation, groups=groups, extra=extra)


def _into_w(g: Any, x: Any, w: Any, **kw: Any) -> Any:
    return conv_weight(x, g, kernel=tuple(w.shape[-len(kw["stride"]) :]), **kw)


def _windows_of(g: Any, x: Any, w: Any, **kw: Any) -> Any:
    """The convolution at the windows that `g` has: entries left over at the end may hold more."""
    y = conv(x, w, **kw)
    return y if y.shape == g.shape else getitem(y, index=(..., *map(slice, g.shape)))


def without(kw: dict[str, Any], name: str) -> dict[str, Any]:
    """The settings of a convolution, without the one that says the result's size."""
    return {k: v for k, v in kw.items() if k != name}


def _some_window(rng: Any, shape: Ints) -> dict[str, Any]:
    d = int(rng.integers(1, 3))
    return {"stride": (int(rng.integers(1, 3)),), "padding": ((2, 2),), "dilation": (d,), "groups": 1}


def same_size(rng: Any, shape: Ints) -> dict[str, Any]:
    """Windows of which there are as many as entries."""
    kernel, dilation = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    before = int(rng.integers(0, dilation * (kernel - 1) + 1))
    padding = ((before, dilation * (kernel - 1) - before),)
    return {"kernel": (kernel,), "stride": (1,), "padding": padding, "dilation": (dilation,)}


# for each entry of the result (or of what is spread) and each tap of its kernel, a product that is added
def _conv_flops(y: Any, x: Any, w: Any, **kw: Any) -> int:
    return 2 * math.prod(y) * math.prod(w[-len(kw["stride"]) - 1 :])


def _conv_input_flops(y: Any, g: Any, w: Any, **kw: Any) -> int:
    return 2 * math.prod(g) * math.prod(w[-len(kw["stride"]) - 1 :])


def _conv_weight_flops(y: Any, x: Any, g: Any, **kw: Any) -> int:
    return 2 * math.prod(g) * math.prod(y[-len(kw["stride"]) - 1 :])


conv = Op(
    "conv", _conv,
    (lambda g, y, x, w, **kw: _into_x(g, x, w, **kw),
     lambda g, y, x, w, **kw: _into_w(g, x, w, **kw)),
    kind="contract", signature="(n,c,h),(o,c,k)->(n,o,h)", domain=(REAL, REAL), attributes=_some_window,
    must="x must have groups times the weight's axis 1 as its axis 1, groups must divide the weight's axis 0, and "
    "the window must fit into the padded x",
    flops=_conv_flops,
    doc="Convolution (cross-correlation): each window of `x` times each kernel of `w`.",
)  # fmt: skip
conv_input = Op(
    "conv_input", _conv_input,
    (lambda g, y, h, w, **kw: _windows_of(h, g, w, **without(kw, "extra")),
     lambda g, y, x, w, **kw: _into_w(x, g, w, **without(kw, "extra"))),
    kind="contract", signature="(n,o,h),(o,c,k)->(n,c,h)", domain=(REAL, REAL),
    attributes=lambda rng, shape: {"stride": (2,), "padding": ((0, 0),), "dilation": (int(rng.integers(1, 3)),),
                                   "groups": 1, "extra": (int(rng.integers(0, 4)),)},
    must="the input's axis 1 must be the weight's axis 0, which groups must divide",
    flops=_conv_input_flops,
    doc="The gradient of a convolution by its input, which is the transposed convolution.",
)  # fmt: skip
conv_weight = Op(
    "conv_weight", _conv_weight,
    (lambda g, y, x, h, kernel, **kw: _into_x(h, x, g, **kw),
     lambda g, y, x, h, kernel, **kw: _windows_of(h, x, g, **kw)),
    kind="contract", signature="(n,c,h),(n,o,h)->(o,c,k)", domain=(REAL, REAL),
    attributes=lambda rng, shape: same_size(rng, shape) | {"groups": 1},
    flops=_conv_weight_flops,
    doc="The gradient of a convolution by its kernels.",
)  # fmt: skip
