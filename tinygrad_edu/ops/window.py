"""Convolution: a window of weights slides over the last axes.

`stride`, `padding` and `dilation` have one entry for each axis that the window slides along; those of
`padding` are pairs (before, after). Convolution and its two gradients are linear in each of their
inputs and each other's gradients, so three ops are closed under differentiation.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np

from ..batched import with_leading_axes
from ..domain import REAL
from ..op import Product
from ..sums import BLOCK, in_single, room
from .contract import PRODUCTS, ZEROS
from .indexing import getitem

__all__ = ["conv", "conv_input", "conv_weight"]

Ints = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]
LIMIT = 1 << 19  # entries of the matrix that windows are copied into, at most (but one row of windows)


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


def _ones(stride: Ints) -> bool:
    return stride == (1,) * len(stride)


class _Line:
    """Examples one after the other along one axis, for windows at stride 1: at each tap the windows then read one
    piece of a line, each a step after the one before.

    Between rows stand as many zeros as padding needs, which serve the row before and the row after; windows that start
    there are computed, and left out.
    """

    def __init__(self, size: Ints, kernel: Ints, padding: Pairs, dilation: Ints) -> None:
        spans = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        self.out = tuple(n + sum(pair) - s for n, pair, s in zip(size, padding, spans, strict=True))
        self.pitch = tuple(max(n + max(pair), m) for n, pair, m in zip(size, padding, self.out, strict=True))
        self.starts = tuple(a for a, _ in padding)
        self.length = math.prod(self.pitch)
        self.first = kernel[0] if len(kernel) > 1 else 1  # taps along an axis other than the last
        steps = [math.prod(self.pitch[i + 1 :]) for i in range(len(size))]
        places = product(*[range(0, s + 1, d) for s, d in zip(spans, dilation, strict=True)])
        self.taps = [sum(p * t for p, t in zip(place, steps, strict=True)) for place in places]
        self.entries = self.taps == [0] and self.pitch == size and self.length >= 256  # no copy pays for itself

    @classmethod
    @functools.lru_cache(maxsize=256)
    def of(cls, *settings: Any) -> _Line:
        """The line for these settings, made once."""
        return cls(*settings)

    def laid(self, x: Any, starts: Ints, tail: int = 0) -> Any:
        """`(n, c, *size)` as `(c, n * length + tail)`."""
        n, c = x.shape[:2]
        line = np.zeros((c, n * self.length + tail), x.dtype)
        places: Any = (slice(a, a + m) for a, m in zip(starts, x.shape[2:], strict=True))
        line[:, : n * self.length].reshape(c, n, *self.pitch)[(..., *places)] = np.moveaxis(x, 1, 0)
        return line

    def lines(self, x: Any, rows: int) -> Iterator[tuple[slice, Any]]:
        """Some examples, and their line; as many as `LIMIT` allows for a matrix of so many rows."""
        step = max(1, LIMIT // (rows * self.length))
        for i in range(0, len(x), step):
            some = slice(i, min(i + step, len(x)))
            yield some, self.laid(x[some], self.starts, self.taps[-1])

    def columns(self, line: Any, groups: int) -> Iterator[tuple[slice, Any]]:
        """A part of the line, and a matrix for each group whose columns are the windows that start there:
        `(groups, c / groups * taps, windows)`."""
        c, length = line.shape
        rows, n = c * len(self.taps), length - self.taps[-1]
        step = max(1, min(n, LIMIT // rows))
        for a in range(0, n, step):
            b = min(a + step, n)
            found = np.empty((c, len(self.taps), b - a), line.dtype)
            for k, tap in enumerate(self.taps):
                found[:, k] = line[:, a + tap : b + tap]
            yield slice(a, b), found.reshape(groups, rows // groups, b - a)

    def of_each(self, line: Any, w: Any) -> Any:
        """The convolution of each channel with its own row of `w`. `np.einsum` adds up the taps of the first axis, row
        by row, which is faster than products of small matrices."""
        apart = len(self.taps) // self.first
        step = line.itemsize * (self.taps[apart] if self.first > 1 else 0)
        shape = len(line), self.first, line.shape[1] - self.taps[-1]
        strides = line.strides[0], step, line.itemsize
        y: Any = None
        for k in range(apart):
            view = np.lib.stride_tricks.as_strided(line[:, self.taps[k] :], shape, strides, writeable=False)
            found = np.einsum("ci,cin->cn", w[:, k::apart], view)
            y = found if y is None else np.add(y, found, out=y)
        return y

    def unlaid(self, y: Any) -> Any:
        """What stands at the windows of a line `(o, n * length)`, as `(n, o, *out)`."""
        y = y.reshape(len(y), y.shape[1] // self.length, *self.pitch)
        return np.moveaxis(y[(..., *map(slice, self.out))], 0, 1)


def _conv_in_line(x: Any, w: Any, line: _Line, groups: int) -> Any:
    """The convolution at stride 1: `w` is `(groups, o / groups, c / groups * taps)`."""
    o = w.shape[0] * w.shape[1]
    if line.entries:
        return np.matmul(w, x.reshape(len(x), groups, -1, line.length)).reshape(len(x), o, *line.out)
    y = np.empty((len(x), o, *line.out), np.result_type(x, w))
    for some, xs in line.lines(x, x.shape[1] * len(line.taps)):
        n = (some.stop - some.start) * line.length
        if o == groups == x.shape[1]:
            found = line.of_each(xs, w[:, 0])
        else:
            found = np.empty((groups, o // groups, n), y.dtype)
            for part, columns in line.columns(xs, groups):
                np.matmul(w, columns, out=found[..., part])
        y[some] = line.unlaid(found.reshape(o, n))
    return y


def _weight_in_line(x: Any, g: Any, line: _Line, groups: int) -> Any:
    """The gradient of that by its weight."""
    o, rows = g.shape[1] // groups, x.shape[1] // groups * len(line.taps)
    dtype = np.result_type(x, g)
    w = np.zeros((groups, o, rows), room(dtype, BLOCK + 1))
    if line.entries:
        for one, its in zip(x, g, strict=True):
            w += its.reshape(groups, o, -1) @ one.reshape(groups, rows, -1).mT
        return w.astype(dtype)
    for some, xs in line.lines(x, groups * rows):
        gs = line.laid(g[some], (0,) * len(line.out)).reshape(groups, o, -1)
        if o * groups == groups == x.shape[1]:
            for k, tap in enumerate(line.taps):
                w[:, :, k : k + 1] += gs @ xs[:, tap : gs.shape[2] + tap, None]
        else:
            for part, columns in line.columns(xs, groups):
                w += gs[..., part] @ columns.mT
    return w.astype(dtype)


@in_single
@_examples
def _conv(x: Any, w: Any, *, stride: Ints, padding: Pairs, dilation: Ints, groups: int) -> Any:
    kernel, o = w.shape[2:], w.shape[0]
    out = tuple(map(count, x.shape[2:], kernel, stride, padding, dilation))
    entries = x.shape[1] * math.prod(kernel) * math.prod(out)
    if x.shape[1] != w.shape[1] * groups or o % groups or min(out) < 1:
        raise ValueError("the window must fit")
    matrix = w.reshape(groups, o // groups, -1)
    if _ones(stride):
        return _conv_in_line(x, matrix, _Line.of(x.shape[2:], kernel, padding, dilation), groups)
    x, y = padded(x, padding), np.empty((x.shape[0], o, *out), np.result_type(x, w))
    for some, rows in _blocks(len(x), out[0], entries):
        part = matrix @ _columns(x[some], kernel, out, rows, stride, dilation, groups)
        y[some, :, rows] = np.moveaxis(part.reshape(o, some.stop - some.start, -1, *out[1:]), 0, 1)
    return y


@in_single
@_examples
def _conv_weight(x: Any, g: Any, *, stride: Ints, padding: Pairs, dilation: Ints, groups: int, kernel: Ints) -> Any:
    out, o = g.shape[2:], g.shape[1]
    shape = (o, x.shape[1] // groups, *kernel)
    if _ones(stride):
        return _weight_in_line(x, g, _Line.of(x.shape[2:], kernel, padding, dilation), groups).reshape(shape)
    dtype = np.result_type(x, g)
    w = np.zeros((groups, o // groups, math.prod(shape[1:])), room(dtype, BLOCK + 1))
    entries, x = x.shape[1] * math.prod(kernel) * math.prod(out), padded(x, padding)
    for some, rows in _blocks(len(x), out[0], entries):
        columns = _columns(x[some], kernel, out, rows, stride, dilation, groups)
        w += _rows_of(g[some, :, rows], groups) @ columns.mT
    return w.astype(dtype).reshape(shape)


@in_single
@_examples
def _conv_input(g: Any, w: Any, *, stride: Ints, padding: Pairs, dilation: Ints, groups: int, extra: Ints) -> Any:
    kernel, (n, o, *out) = w.shape[2:], g.shape
    if o != w.shape[0] or o % groups:
        raise ValueError("the channels must be equal")
    c = w.shape[1] * groups
    around = tuple(
        (d * (k - 1) - a, d * (k - 1) - b + e)
        for d, k, (a, b), e in zip(dilation, kernel, padding, extra, strict=True)
    )  # fmt: skip
    if (
        _ones(stride) and min(map(min, around)) >= 0 and o <= 4 * c
    ):  # the convolution of g with the kernels turned round
        turned = np.flip(np.swapaxes(w.reshape(groups, o // groups, -1, *kernel), 1, 2), tuple(range(3, w.ndim + 1)))
        matrix = np.ascontiguousarray(turned).reshape(groups, c // groups, -1)
        return _conv_in_line(g, matrix, _Line.of(tuple(out), kernel, around, dilation), groups)
    size = reach(out, kernel, stride, dilation, extra)
    dtype = np.result_type(g, w)
    wide = np.zeros((n, c, *size), room(dtype, math.prod(kernel)))
    matrix = w.reshape(groups, o // groups, -1).mT
    for some, rows in _blocks(n, out[0], c * math.prod(kernel) * math.prod(out)):
        columns = matrix @ _rows_of(g[some, :, rows], groups)
        height = (rows.stop - rows.start, *out[1:])
        parts = columns.reshape(c, *kernel, some.stop - some.start, *height)
        target = wide[some, :, rows.start * stride[0] :]
        for place in product(*map(range, kernel)):
            target[tap(place, height, stride, dilation)] += np.moveaxis(parts[(slice(None), *place)], 0, 1)
    shape = tuple(m - a - b for m, (a, b) in zip(size, padding, strict=True))
    return wide[inside(shape, padding)].astype(dtype, copy=False)


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


conv = Product(
    "conv", _conv,
    (lambda g, y, x, w, **kw: _into_x(g, x, w, **kw),
     lambda g, y, x, w, **kw: _into_w(g, x, w, **kw)),
    kind="contract", signature="(n,c,h),(o,c,k)->(n,o,h)", domain=(REAL, REAL), attributes=_some_window,
    must="x must have groups times the weight's axis 1 as its axis 1, groups must divide the weight's axis 0, and "
    "the window must fit into the padded x",
    flops=_conv_flops, advice=PRODUCTS, blocks=ZEROS,
    doc="Convolution (cross-correlation): each window of `x` times each kernel of `w`.",
)  # fmt: skip
conv_input = Product(
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
conv_weight = Product(
    "conv_weight", _conv_weight,
    (lambda g, y, x, h, kernel, **kw: _into_x(h, x, g, **kw),
     lambda g, y, x, h, kernel, **kw: _windows_of(h, x, g, **kw)),
    kind="contract", signature="(n,c,h),(n,o,h)->(o,c,k)", domain=(REAL, REAL),
    attributes=lambda rng, shape: same_size(rng, shape) | {"groups": 1},
    flops=_conv_weight_flops,
    doc="The gradient of a convolution by its kernels.",
)  # fmt: skip
