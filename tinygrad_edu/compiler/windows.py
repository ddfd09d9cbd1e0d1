"""Pooling and convolutions as steps that have kernels: slices of what is padded, their sums and maxima, and three
primitives that only the compiler knows.

    window.pad(x, pairs, value)            x with `value` around it
    window.spread(*parts, ...)             the sum of parts, each at its place in every window
    window.conv(x, w), window.weight(x, g) the convolution of what is padded, and its gradient by the kernels
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from ..ops.window import count, enlarged, inside, reach, tap
from ..program.program import Program, Step, Value

WIDEST = 11  # of the last axis of a kernel, whose places are written out
MANY = 1 << 20  # entries of kernels from which BLAS is quicker
REACH = 64  # places of a pooling window, which are written out


def expanded(program: Program) -> list[Step]:
    """The steps of a program, with those on windows taken apart."""
    fresh = itertools.count(program.free_number())
    steps: list[Step] = []
    for step in program.steps:
        make = KINDS.get(step.primitive)
        if make is None or not plain(step):
            steps.append(step)
        else:
            make(_Steps(steps, fresh, step), *step.args, **step.kwargs)
    return steps


def plain(step: Step) -> bool:
    """Whether a step on windows is taken apart: one kind of real numbers, no further leading axes."""
    out, values = step.result, step.args
    if out.dtype not in (np.float32, np.float64) or any(v.dtype != out.dtype or v.size == 0 for v in values):
        return False
    if out.size == 0:
        return False
    kw, rank = step.kwargs, len(step.kwargs["stride"])
    if step.primitive.startswith("op.conv"):
        kernel = kw.get("kernel") or values[1].shape[-rank:]
        apart = set(kw["stride"]) != {1} and step.primitive == "op.conv_input"  # see `_conv_input`
        if apart and (set(kw["dilation"]) != {1} or any(k < s for k, s in zip(kernel, kw["stride"], strict=True))):
            return False
        if step.primitive == "op.conv" and values[1].size > MANY:
            return False
        return len(out.shape) == rank + 2 == len(values[0].shape) and kernel[-1] <= WIDEST
    return len(out.shape) >= rank and math.prod(kw["kernel"]) <= REACH


class _Steps:
    """Steps that take the place of one, while they are written."""

    def __init__(self, steps: list[Step], fresh: Iterator[int], step: Step) -> None:
        self.steps, self.fresh, self.step = steps, fresh, step

    def __call__(self, primitive: str, shape: Sequence[int], *args: Any, dtype: Any = None, **kwargs: Any) -> Value:
        value = Value(next(self.fresh), tuple(shape), np.dtype(dtype or self.step.result.dtype))
        self.steps.append(Step(primitive, args, kwargs, (value,), self.step.site))
        return value

    def ends(self) -> None:
        """The last of these steps makes the result."""
        last = self.steps[-1]
        self.steps[-1] = Step(last.primitive, last.args, last.kwargs, self.step.results, last.site)

    def padded(self, x: Value, pairs: Any, value: float) -> Value:
        if not any(map(any, pairs)):
            return x
        n = len(pairs)
        return self("window.pad", (*x.shape[:-n], *enlarged(x.shape[-n:], pairs)), x, pairs=pairs, value=value)

    def cut(self, x: Value, pairs: Any, size: Any) -> Value:
        """What was padded."""
        return self("getitem", (*x.shape[: -len(size)], *size), x, inside(size, pairs)) if any(map(any, pairs)) else x

    def taps(self, x: Value, out: Any, kernel: Any, stride: Any, dilation: Any) -> list[Value]:
        """The entries at each place of the windows."""
        shape = (*x.shape[: -len(out)], *out)
        return [self("getitem", shape, x, tap(p, out, stride, dilation)) for p in product(*map(range, kernel))]

    def folded(self, primitive: str, parts: Sequence[Value]) -> Value:
        y, *rest = parts
        for part in rest:
            y = self(primitive, part.shape, y, part, dtype=part.dtype)
        return y

    def same(self, x: Value) -> Value:
        return self("positive", x.shape, x)


def _max_pool(
    make: _Steps, x: Value, *, kernel: Any, stride: object, padding: int | Sequence[int] | str, dilation: object
) -> None:
    out = make.step.result.shape[-len(kernel) :]
    parts = make.taps(make.padded(x, padding, -math.inf), out, kernel, stride, dilation)
    make.folded("maximum", parts) if len(parts) > 1 else make.same(parts[0])
    make.ends()


def _window_sum(
    make: _Steps, x: Value, *, kernel: Any, stride: object, padding: int | Sequence[int] | str, dilation: object
) -> None:
    out = make.step.result.shape[-len(kernel) :]
    parts = make.taps(make.padded(x, padding, 0.0), out, kernel, stride, dilation)
    make.folded("add", parts) if len(parts) > 1 else make.same(parts[0])
    make.ends()


def _spread(make: _Steps, parts: Any, size: Any, padding: Any, kernel: Any, stride: object, dilation: object) -> None:
    """The sum of parts, without what was padded; `size` is that with it."""
    shape = (*make.step.result.shape[: -len(size)], *size)
    wide = make("window.spread", shape, *parts, kernel=kernel, stride=stride, dilation=dilation)
    make.cut(wide, padding, make.step.result.shape[-len(size) :])
    make.ends()


def _window_spread(
    make: _Steps, g: Value, *, kernel: Any, stride: Any, padding: object, dilation: Any, extra: Any
) -> None:
    size = reach(g.shape[-len(kernel) :], kernel, stride, dilation, extra)
    _spread(make, [g] * math.prod(kernel), size, padding, kernel, stride, dilation)


def _ties(make: _Steps, x: Value, kernel: Any, stride: Any, padding: Any, dilation: Any) -> tuple[list[Value], Value]:
    """At each place of a window, whether its largest entry stands there, as a number; and how many there are."""
    out = tuple(map(count, x.shape[-len(kernel) :], kernel, stride, padding, dilation))
    parts = make.taps(make.padded(x, padding, -math.inf), out, kernel, stride, dilation)
    y = make.folded("maximum", parts)
    here = [make("equal", y.shape, part, y, dtype=bool) for part in parts]
    ones = [make("astype", y.shape, one, dtype=y.dtype) for one in here]
    return ones, make.folded("add", ones)


def _max_spread(make: _Steps, g: Value, x: Value, *, kernel: Any, stride: Any, padding: Any, dilation: Any) -> None:
    ones, total = _ties(make, x, kernel, stride, padding, dilation)
    shares = make("divide", g.shape, g, total)
    parts = [make("multiply", g.shape, shares, one) for one in ones]
    _spread(make, parts, enlarged(x.shape[-len(kernel) :], padding), padding, kernel, stride, dilation)


def _max_gather(
    make: _Steps,
    h: Value,
    x: Value,
    *,
    kernel: Any,
    stride: object,
    padding: int | Sequence[int] | str,
    dilation: object,
) -> None:
    ones, total = _ties(make, x, kernel, stride, padding, dilation)
    parts = make.taps(make.padded(h, padding, 0.0), total.shape[-len(kernel) :], kernel, stride, dilation)
    chosen = [make("multiply", total.shape, part, one) for part, one in zip(parts, ones, strict=True)]
    make("divide", total.shape, make.folded("add", chosen), total)
    make.ends()


def _conv(
    make: _Steps,
    x: Value,
    w: Value,
    *,
    stride: int | Sequence[int],
    padding: int | Sequence[int],
    dilation: int | Sequence[int],
    groups: int,
) -> None:
    x = make.padded(x, padding, 0.0)
    make("window.conv", make.step.result.shape, x, w, stride=stride, dilation=dilation, groups=groups)
    make.ends()


def _conv_weight(
    make: _Steps,
    x: Value,
    g: Value,
    *,
    stride: int | Sequence[int],
    padding: int | Sequence[int],
    dilation: int | Sequence[int],
    groups: int,
    kernel: object,
) -> None:
    x = make.padded(x, padding, 0.0)
    make("window.weight", make.step.result.shape, x, g, stride=stride, dilation=dilation, groups=groups)
    make.ends()


def _conv_input(
    make: _Steps, g: Value, w: Value, *, stride: Any, padding: Any, dilation: Any, groups: int, extra: Any
) -> None:
    """Convolutions with the kernels turned round: one, or at a stride one for each place between two windows, with
    the entries of the kernels that come to stand there."""
    rank, kernel = len(stride), w.shape[2:]
    if set(stride) == {1}:
        spans = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        pairs = [(s - a, s - b + e) for s, (a, b), e in zip(spans, padding, extra, strict=True)]
        _turned(make, g, w, (slice(None),) * rank, pairs, make.step.result.shape, dilation, groups)
        make.ends()
        return
    out = g.shape[2:]
    wide = reach(out, kernel, stride, dilation, extra)
    size = tuple(-(-n // s) for n, s in zip(wide, stride, strict=True))
    parts = []
    for first in product(*map(range, stride)):
        some = tuple(slice(f, None, s) for f, s in zip(first, stride, strict=True))
        taps = [len(range(f, k, s)) for f, k, s in zip(first, kernel, stride, strict=True)]
        pairs = [(t - 1, m - n) for t, m, n in zip(taps, size, out, strict=True)]
        shape = (*make.step.result.shape[:2], *size)
        parts.append(_turned(make, g, w, some, pairs, shape, dilation, groups))
    shape = (*make.step.result.shape[:2], *(m * s for m, s in zip(size, stride, strict=True)))
    y = make("window.spread", shape, *parts, kernel=stride, stride=stride, dilation=(1,) * rank)
    kept = make.step.result.shape[2:]
    make("getitem", make.step.result.shape, y, inside(kept, padding))
    make.ends()


def _turned(
    make: _Steps, g: Value, w: Value, some: Any, pairs: Any, shape: Sequence[int], dilation: object, groups: int
) -> Value:
    """The convolution of `g`, padded or where that is negative cut, with some entries of the kernels turned round."""
    g = make.padded(g, tuple((max(a, 0), max(b, 0)) for a, b in pairs), 0.0)
    if min(map(min, pairs)) < 0:  # padding beyond the kernel's reach: entries that no window saw
        cut = [slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(g.shape[2:], pairs, strict=True)]
        g = make("getitem", (*g.shape[:2], *(k.stop - k.start for k in cut)), g, (..., *cut))
    o, c, *kernel = w.shape
    w = make("reshape", (groups, o // groups, c, *kernel), w, (groups, o // groups, c, *kernel))
    w = make("swapaxes", (groups, c, o // groups, *kernel), w, 1, 2)
    taps = [range(k)[part] for k, part in zip(kernel, some, strict=True)]
    turned = tuple(slice(t[-1], t[0] - 1 if t[0] else None, -t.step) for t in taps)
    w = make("getitem", (*w.shape[:3], *map(len, taps)), w, (..., *turned))
    return make("window.conv", shape, g, w, stride=(1,) * len(kernel), dilation=dilation, groups=groups)


KINDS: dict[str, Callable[..., None]] = {
    "op.max_pool": _max_pool, "op.window_sum": _window_sum, "op.window_spread": _window_spread,
    "op.max_spread": _max_spread, "op.max_gather": _max_gather, "op.conv": _conv, "op.conv_weight": _conv_weight,
    "op.conv_input": _conv_input,
}  # fmt: skip
OWN = {"window.pad", "window.spread", "window.conv", "window.weight"}
