"""What a layer or loss computes in one pass where its formula would take several: for speed only.

`linear` is `x @ w.mT + b`; `gates` and `memory` are the inside of an LSTM's step; `cross_entropy` is the
mean of `logsumexp(x) - x[target]`.
"""

import functools
import math
from typing import Any

import numpy as np

from ..batched import beside, pick
from ..domain import INTEGER, REAL
from ..op import Op, Product
from ..sums import HALF, in_single, total
from .contract import PRODUCTS, ZEROS, matmul
from .elementwise import quick_sigmoid
from .indexing import getitem, take_along_axis
from .layout import concat, reshape
from .reduce import argmax, softmax, sum

__all__ = ["cross_entropy", "gates", "linear", "memory", "residual"]


def _linear(x: Any, w: Any, b: Any) -> Any:
    if w.dtype is HALF:
        return _half_linear(x, w, b)
    y, b = x @ w.mT, (b if len(b.shape) == 1 else b[..., None, :])
    return np.add(y, b, out=y) if y.dtype == b.dtype and type(y) is type(b) is np.ndarray else y + b


_half_linear = in_single(_linear)
linear = Product(
    "linear",
    _linear,
    (lambda g, y, x, w, b: g @ w,
     lambda g, y, x, w, b: matmul(g.mT, x),
     lambda g, y, x, w, b: sum(g, axis=(len(g.shape) - 2,), keepdims=False)),
    kind="layer", signature="(i,k),(j,k),(j)->(i,j)", domain=(REAL, REAL, REAL),
    must="x.shape[-1] must equal w.shape[-1], and w.shape[-2] must equal b.shape[-1]",
    advice=PRODUCTS, blocks=ZEROS,
    flops=lambda y, x, w, b: 2 * math.prod(y) * x[-1],
    doc="x @ w.mT + b: each row of `x` through a matrix with one row for each output.",
)  # fmt: skip


def section(x: Any, k: int, size: int) -> Any:
    """The k-th part of the last axis, of parts of length `size`."""
    return getitem(x, index=(Ellipsis, slice(k * size, (k + 1) * size)))


@functools.lru_cache(maxsize=16)
def _third_of_four(n: int, dtype: Any) -> Any:
    """1 in the third quarter of a row of length n, 0 elsewhere."""
    row = np.repeat(np.array([0, 0, 1, 0], dtype), n // 4)
    row.flags.writeable = False
    return row


def _gates(x: Any) -> Any:
    n, more = divmod(x.shape[-1], 4)
    if more:
        raise ValueError("the parts must be equal")
    doors, new, last = x[..., : 2 * n], x[..., 2 * n : 3 * n], x[..., 3 * n :]
    return np.concatenate([quick_sigmoid(doors), np.tanh(new), quick_sigmoid(last)], axis=-1)


# the slope of sigmoid is (1 - y) * y, that of tanh (1 - y) * (y + 1)
gates = Op(
    "gates",
    _gates,
    (lambda g, y, x: g * ((1 - y) * (y + _third_of_four(x.shape[-1], y.dtype))),),
    kind="layer", signature="(n,4k)->(n,4k)", domain=(REAL,),
    must="the last axis must have four parts of one length", parts=("i", "f", "g", "o"),
    doc="sigmoid of the first, second and fourth quarter of the last axis, tanh of the third: i, f, o and g.",
)  # fmt: skip


@in_single
def _memory(y: Any, c: Any) -> Any:
    n = c.shape[-1]
    return y[..., n : 2 * n] * c + y[..., :n] * y[..., 2 * n : 3 * n]


def _into_gates(g: Any, y: Any, x: Any, c: Any) -> Any:
    n = c.shape[-1]
    return concat(g * section(x, 2, n), g * c, g * section(x, 0, n), 0 * g, axis=len(g.shape) - 1)


memory = Op(
    "memory",
    _memory,
    (_into_gates, lambda g, y, x, c: g * section(x, 1, c.shape[-1])),
    kind="layer", signature="(n,4k),(n,k)->(n,k)", domain=(REAL, REAL),
    must="the last axis of the gates must be four times that of the memory",
    flops=lambda y, x, c: 3 * math.prod(y),
    doc="f * c + i * g of the gates and a memory c: what is kept of it, and what enters.",
)  # fmt: skip


@functools.lru_cache(maxsize=16)
def _numbers(n: int) -> Any:
    """0 ... n - 1, made once for each size of batch."""
    numbers = np.arange(n)
    numbers.flags.writeable = False
    return numbers


def _at_targets(x: Any, target: Any) -> tuple[Any, ...]:
    """The index of `x[..., i, target[..., i]]`."""
    n = _numbers(x.shape[-2])
    if len(x.shape) == 2:
        return n, target
    lead = np.arange(math.prod(x.shape[:-2])).reshape((*x.shape[:-2], 1))
    return (*np.unravel_index(lead, x.shape[:-2]), n, target)


def _above_top(x: Any, axis: int) -> Any:
    """`x` minus the largest entry of each row, so that exp cannot overflow."""
    return x - np.maximum.reduce(x.real if x.dtype.kind == "c" else x, axis=axis, keepdims=True)


@in_single
def _mean_loss(x: Any, target: Any, *, axis: int) -> Any:
    z = _above_top(x, axis)
    lost = np.log(total(np.exp(z), axis=(axis,))) - pick(z, _at_targets(z, target))
    return total(lost, axis=(len(lost.shape) - 1,)) / x.shape[-2]


@in_single
def _residual(x: Any, target: Any, *, axis: int) -> Any:
    y = np.exp(_above_top(x, axis))
    y = y / total(y, axis=(axis,), keepdims=True)
    each = beside(y, (target,))  # targets may differ between examples, where x does not
    y = y if each is y else np.copy(each)
    y[_at_targets(y, target)] -= 1
    return y


def _from_residual(g: Any, y: Any, x: Any, target: Any, *, axis: int) -> Any:
    shares = softmax(x, axis=(axis,))
    # what is added to all of g changes nothing; so the largest share's is taken away, against rounding
    g = g - take_along_axis(g, argmax(x, axis=axis, keepdims=True), axis=axis)
    return shares * (g - sum(g * shares, axis=(axis,), keepdims=True))


residual = Op(
    "residual",
    _residual,
    (_from_residual, None),
    kind="layer", signature="(n,c),(n)->(n,c)", domain=(REAL, INTEGER),
    attributes=lambda rng, shape: {"axis": len(shape) - 1},
    doc="softmax(x) - one_hot(target), for each row: predicted minus target probabilities.",
)  # fmt: skip


def _from_mean_loss(g: Any, y: Any, x: Any, target: Any, *, axis: int) -> Any:
    share = g / x.shape[-2]
    return residual(x, target, axis=axis) * (reshape(share, shape=(*g.shape, 1, 1)) if g.shape else share)


cross_entropy = Op(
    "cross_entropy",
    _mean_loss,
    (_from_mean_loss, None),
    kind="layer", signature="(n,c),(n)->()", domain=(REAL, INTEGER),
    attributes=lambda rng, shape: {"axis": len(shape) - 1},
    must="target must have one class number for each row of logits",
    doc="The mean over rows of logsumexp(x) - x[target]: -log of the share that softmax gives to the target.",
)  # fmt: skip
