"""Pooling: the sum, or the largest entry, of each window over the last axes.

Settings are those of window.py; there may be any leading axes.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np

from ..batched import with_leading_axes
from ..domain import REAL
from ..op import Op
from ..sums import in_single, room
from .window import Ints, Pairs, count, enlarged, inside, left_over, padded, reach, same_size, tap, without

__all__ = ["max_gather", "max_pool", "max_spread", "window_spread", "window_sum"]


def _window_sizes(x: Any, kernel: Ints, stride: Ints, padding: Pairs, dilation: Ints) -> Ints:
    out = tuple(map(count, x.shape[-len(kernel) :], kernel, stride, padding, dilation))
    if min(out) < 1:
        raise ValueError("the window must fit")
    return out


@in_single
@with_leading_axes
def _window_sum(x: Any, *, kernel: Ints, stride: Ints, padding: Pairs, dilation: Ints) -> Any:
    out = _window_sizes(x, kernel, stride, padding, dilation)
    x = padded(x, padding)
    y = np.zeros((*x.shape[: -len(out)], *out), room(x.dtype, math.prod(kernel)))
    for place in product(*map(range, kernel)):
        y += x[tap(place, out, stride, dilation)]
    return y.astype(x.dtype, copy=False)


@in_single
@with_leading_axes
def _window_spread(g: Any, *, kernel: Ints, stride: Ints, padding: Pairs, dilation: Ints, extra: Ints) -> Any:
    out = g.shape[-len(kernel) :]
    size = reach(out, kernel, stride, dilation, extra)
    wide = np.zeros((*g.shape[: -len(out)], *size), room(g.dtype, math.prod(kernel)))
    for place in product(*map(range, kernel)):
        wide[tap(place, out, stride, dilation)] += g
    shape = tuple(m - a - b for m, (a, b) in zip(size, padding, strict=True))
    return wide[inside(shape, padding)].astype(g.dtype, copy=False)


@with_leading_axes
def _max_pool(x: Any, *, kernel: Ints, stride: Ints, padding: Pairs, dilation: Ints) -> Any:
    out = _window_sizes(x, kernel, stride, padding, dilation)
    x = padded(x, padding, -np.inf)
    places = product(*map(range, kernel))
    y = np.array(x[tap(next(places), out, stride, dilation)])
    for place in places:
        np.maximum(y, x[tap(place, out, stride, dilation)], out=y)
    return y


def _ties(x: Any, kernel: Ints, stride: Ints, padding: Pairs, dilation: Ints) -> tuple[list[Any], Any]:
    """For each place in a window, its index, and in which windows the largest entry stands there; and
    how many there are in each window."""
    y = _max_pool(x, kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    x = padded(x, padding, -np.inf)
    cuts = [tap(place, y.shape[-len(kernel) :], stride, dilation) for place in product(*map(range, kernel))]
    found = [(cut, x[cut] == y) for cut in cuts]
    total = found[0][1].astype(x.dtype)
    for _, here in found[1:]:
        total += here
    return found, total


@in_single
@with_leading_axes
def _max_spread(g: Any, x: Any, *, kernel: Ints, stride: Ints, padding: Pairs, dilation: Ints) -> Any:
    found, total = _ties(x, kernel, stride, padding, dilation)
    shares = g / total
    wide = np.zeros((*x.shape[: -len(kernel)], *enlarged(x.shape[-len(kernel) :], padding)), shares.dtype)
    for cut, here in found:
        wide[cut] += shares * here
    return wide[inside(x.shape[-len(kernel) :], padding)]


@in_single
@with_leading_axes
def _max_gather(h: Any, x: Any, *, kernel: Ints, stride: Ints, padding: Pairs, dilation: Ints) -> Any:
    found, total = _ties(x, kernel, stride, padding, dilation)
    h = padded(h, padding)
    return sum(h[cut] * here for cut, here in found) / total


def _some_pool(rng: Any, shape: Ints) -> dict[str, Any]:
    return {"kernel": (int(rng.integers(1, 4)),), "stride": (int(rng.integers(1, 3)),), "padding": ((1, 1),),
            "dilation": (1,)}  # fmt: skip


def _of_outputs(y: Any, *shapes: Any, kernel: Ints, **kw: Any) -> int:
    """One operation for each place of each window."""
    return math.prod(y) * math.prod(kernel)


def _of_inputs(y: Any, g: Any, *shapes: Any, kernel: Ints, **kw: Any) -> int:
    return math.prod(g) * math.prod(kernel)


def _from_sum(g: Any, y: Any, x: Any, **kw: Any) -> Any:
    return window_spread(g, extra=left_over(g, x, **kw), **kw)


FITS = "the window must fit into the padded input"
window_sum = Op(
    "window_sum", _window_sum, (_from_sum,),
    kind="window", linear=True, attributes=_some_pool, must=FITS,
    flops=_of_outputs,
    doc="The sum of each window along the last axes.",
)  # fmt: skip
window_spread = Op(
    "window_spread", _window_spread, (lambda g, y, x, **kw: window_sum(g, **without(kw, "extra")),),
    kind="window", linear=True,
    attributes=lambda rng, shape: _some_pool(rng, shape) | {"padding": ((0, 0),), "extra": (0,)},
    flops=_of_inputs,
    doc="Each entry added to all places of its window: the gradient of `window_sum`.",
)  # fmt: skip
max_pool = Op(
    "max_pool", _max_pool, (lambda g, y, x, **kw: max_spread(g, x, **kw),),
    kind="window", analytic=False, masks=True, must=FITS,
    attributes=lambda rng, shape: _some_pool(rng, shape) | {"kernel": (int(rng.integers(2, 4)),)},
    flops=_of_outputs,
    doc="The largest entry of each window along the last axes; ties share the gradient.",
)  # fmt: skip
max_spread: Op = Op(
    "max_spread", _max_spread, (lambda g, y, h, x, **kw: max_gather(g, x, **kw), None),
    kind="window", analytic=False, linear=True, signature="(n),(n)->(n)", domain=(REAL, REAL), attributes=same_size,
    flops=_of_inputs,
    doc="Each entry at the place of its window's largest entry: the gradient of `max_pool`.",
)  # fmt: skip
max_gather: Op = Op(
    "max_gather", _max_gather, (lambda g, y, h, x, **kw: max_spread(g, x, **kw), None),
    kind="window", analytic=False, linear=True, signature="(n),(n)->(n)", domain=(REAL, REAL), attributes=same_size,
    flops=_of_outputs,
    doc="From the first input, what stands where each window of the second has its largest entry.",
)  # fmt: skip
