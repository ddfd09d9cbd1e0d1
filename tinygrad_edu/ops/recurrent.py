"""Whole sequences through an LSTM or a GRU: for speed only.

A step depends on the one before by a product with `w`, so steps follow one another; but what the steps' gradients need
besides that is computed for all of them at once, and so is the gradient of `w`. Both are tried where gates are not
saturated: there, slopes are differences of nearly equal numbers.
"""

import math
from typing import Any

import numpy as np

from ..domain import UNIT
from ..op import Product, Together
from ..sums import in_single
from .contract import matmul
from .elementwise import sigmoid, tanh
from .fused import gates, memory, section
from .indexing import getitem
from .layout import concat, reshape, stack
from .reduce import sum

__all__ = ["gru", "lstm"]


def _before(first: Any, states: Any) -> Any:
    """The states that the steps `(..., length, batch, k)` begin with."""
    *lead, n, k = first.shape
    return concat(reshape(first, shape=(*lead, 1, n, k)), _steps(states, slice(0, -1)), axis=len(lead))


def _steps(x: Any, which: Any) -> Any:
    return getitem(x, index=(Ellipsis, which, slice(None), slice(None)))


def _joined(steps: list[Any]) -> Any:
    return stack(*steps, axis=len(steps[0].shape) - 2)


def _rows(x: Any) -> Any:
    """All steps of all examples as rows."""
    *lead, length, n, k = x.shape
    return reshape(x, shape=(*lead, length * n, k))


def _side_by_side(*xs: Any) -> Any:
    return concat(*xs, axis=len(xs[0].shape) - 1)


def _through(x: Any, w: Any) -> Any:
    """x @ w.mT for all steps."""
    return reshape(matmul(_rows(x), w.mT), shape=(*x.shape[:-1], w.shape[-2]))


def _turned(w: Any) -> Any:
    """w.mT; in order in memory, where a product with it takes two thirds of the time, and is asked for at each step."""
    return w.mT.copy() if w.__class__ is np.ndarray else w.mT


@in_single
def _lstm(x: Any, w: Any, h: Any, c: Any) -> Any:
    steps, turned = [], _turned(w)
    for t in range(x.shape[-3]):
        a = gates(x[..., t, :, :] + h @ turned)
        c = memory(a, c)
        h = a[..., 3 * c.shape[-1] :] * np.tanh(c)
        steps.append(np.concatenate([h, c], axis=-1))
    return np.stack(steps, axis=-3)


def _from_lstm(g: Any, y: Any, x: Any, w: Any, h: Any, c: Any) -> Any:
    n = w.shape[-1]
    hs, cs = _before(h, section(y, 0, n)), _before(c, section(y, 1, n))
    a = gates(x + _through(hs, w))
    i, f, new, last = (section(a, k, n) for k in range(4))
    out = tanh(section(y, 1, n))
    into_c = last * (1 - out * out)
    slopes = _side_by_side(
        new * (i * (1 - i)), cs * (f * (1 - f)), i * (1 - new * new), out * (last * (1 - last))
    )  # of c by what enters i, f and new; of h by what enters the last gate
    gh, gc = section(g, 0, n), section(g, 1, n)
    dh, dc, found = 0 * h, 0 * c, []
    for t in range(x.shape[-3] - 1, -1, -1):
        dh = dh + _steps(gh, t)
        dc = dc + _steps(gc, t) + dh * _steps(into_c, t)
        dz = _side_by_side(dc, dc, dc, dh) * _steps(slopes, t)
        found.append(dz)
        dh, dc = matmul(dz, w), dc * _steps(f, t)
    dx = _joined(found[::-1])
    return dx, matmul(_rows(dx).mT, _rows(hs)), dh, dc


lstm = Product(
    "lstm",
    _lstm,
    Together(_from_lstm),
    kind="layer", signature="(t,n,4k),(4k,k),(n,k),(n,k)->(t,n,2k)", domain=(UNIT, UNIT, UNIT, UNIT),
    must="x must be (length, batch, 4 * size), with a step or more, w (4 * size, size), and h and c (batch, size)",
    flops=lambda y, x, w, h, c: 2 * math.prod(x) * w[-1] + 4 * math.prod(x), parts=("h", "c"),
    doc="For each step of `x`: i, f, g, o = gates(x + h @ w.mT); c = f * c + i * g; h = o * tanh(c). Gives h beside c.",
)  # fmt: skip


@in_single
def _gru(x: Any, w: Any, b: Any, h: Any) -> Any:
    n, b, steps, turned = h.shape[-1], b[..., None, :], [], _turned(w)
    for t in range(x.shape[-3]):
        z, given = h @ turned + b, x[..., t, :, :]
        doors = sigmoid(given[..., : 2 * n] + z[..., : 2 * n])
        new = np.tanh(given[..., 2 * n :] + doors[..., :n] * z[..., 2 * n :])
        h = new + doors[..., n:] * (h - new)
        steps.append(h)
    return np.stack(steps, axis=-3)


def _from_gru(g: Any, y: Any, x: Any, w: Any, b: Any, h: Any) -> Any:
    n = w.shape[-1]
    hs = _before(h, y)
    z = _through(hs, w) + reshape(b, shape=(*b.shape[:-1], 1, 1, b.shape[-1]))
    both = sigmoid(section(x, 0, 2 * n) + section(z, 0, 2 * n))
    r, u = section(both, 0, n), section(both, 1, n)
    new = tanh(section(x, 2, n) + r * section(z, 2, n))
    into_new = (1 - u) * (1 - new * new)
    doors = _side_by_side(into_new * section(z, 2, n) * (r * (1 - r)), (hs - new) * (u * (1 - u)))
    slopes = _side_by_side(doors, into_new * r)
    dh, found = 0 * h, []
    for t in range(x.shape[-3] - 1, -1, -1):
        dh = dh + _steps(g, t)
        found.append(dh)
        dh = matmul(_side_by_side(dh, dh, dh) * _steps(slopes, t), w) + dh * _steps(u, t)
    each = _joined(found[::-1])
    dx = _side_by_side(each, each, each) * _side_by_side(doors, into_new)
    dz = _rows(_side_by_side(each, each, each) * slopes)
    return dx, matmul(dz.mT, _rows(hs)), sum(dz, axis=(len(dz.shape) - 2,), keepdims=False), dh


gru = Product(
    "gru",
    _gru,
    Together(_from_gru),
    kind="layer", signature="(t,n,3k),(3k,k),(3k),(n,k)->(t,n,k)", domain=(UNIT, UNIT, UNIT, UNIT),
    must="x must be (length, batch, 3 * size), with a step or more, w (3 * size, size), b (3 * size,), h (batch, size)",
    flops=lambda y, x, w, b, h: 2 * math.prod(x) * w[-1] + 4 * math.prod(x),
    doc="For each step of `x`: r, u = sigmoid(x + z), z = h @ w.mT + b; n = tanh(x + r * z); h = n + u * (h - n).",
)  # fmt: skip
