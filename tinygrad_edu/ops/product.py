"""Products along axes, and the linear recurrence that their gradients follow.

No rule divides by an entry, so zeros need no care. A gradient is a product of what comes before an entry and of what
comes after it, of which one may overflow and the other underflow; so the factors are first divided by powers of two
that bring both nearer to 1.
"""

from typing import Any

import numpy as np

from ..batched import whole, with_leading_axes
from ..domain import REAL
from ..op import Op
from .indexing import getitem, some_axis
from .layout import broadcast_to, pad, permute_dims, reshape
from .reduce import Axes, kept, some_axes

__all__ = ["cumulative_prod", "prod", "recurrence", "running_scale"]

BLOCK = 64  # entries that a recurrence takes one after the other; 2.0**-64 is far from underflow


def _cut(x: Any, piece: slice, axis: int) -> Any:
    """`piece` of one axis."""
    return getitem(x, index=(slice(None),) * axis + (piece,))


def _shift(x: Any, axis: int, reverse: bool, fill: float) -> Any:
    """Move entries one step along `axis` (backwards with `reverse`); `fill` comes in at the end."""
    width = tuple(((0, 1) if reverse else (1, 0)) if i == axis else (0, 0) for i in range(len(x.shape)))
    n = x.shape[axis]
    return _cut(pad(x, width=width, value=fill), slice(1, n + 1) if reverse else slice(0, n), axis)


def _recurrence(a: Any, b: Any, *, axis: int, reverse: bool) -> Any:
    if reverse:
        return np.flip(_recurrence(np.flip(a, axis), np.flip(b, axis), axis=axis, reverse=False), axis)
    return np.moveaxis(_along_last(np.moveaxis(a, axis, -1), np.moveaxis(b, axis, -1)), -1, axis)


@with_leading_axes
def _along_last(a: Any, b: Any) -> Any:
    a, b = np.broadcast_arrays(a, b)
    dtype = np.result_type(a, b)
    exact = np.float32 if dtype == np.float16 else dtype
    a, b = (np.moveaxis(x, -1, 0).astype(exact, copy=False) for x in (a, b))
    solve = _in_blocks if exact in (np.float32, np.float64) and a[:1].size < len(a) > 2 * BLOCK else _one_by_one
    return np.moveaxis(solve(a, b), 0, -1).astype(dtype, copy=False)


def _one_by_one(a: Any, b: Any, first: Any = 0, out: Any = None) -> Any:
    """s[k] = a[k] s[k-1] + b[k] along the first axis, from s[-1] = first."""
    s = np.empty_like(b) if out is None else out
    for k in range(len(b)):
        s[k] = first = a[k] * first + b[k]
    return s


def _in_blocks(a: Any, b: Any) -> Any:
    """The same, many blocks at once: each from 0, then the recurrence of their ends, then each from its start."""
    n, s = len(b) - len(b) % BLOCK, np.empty(b.shape, b.dtype)
    blocks, given, solved = (np.swapaxes(x[:n].reshape(-1, BLOCK, *x.shape[1:]), 0, 1) for x in (a, b, s))
    ends = given[0]
    for k in range(1, BLOCK):
        ends = blocks[k] * ends + given[k]
    starts = np.concatenate([np.zeros_like(ends[:1]), _ends(blocks, ends)[:-1]])
    _one_by_one(blocks, given, starts, out=solved)
    _one_by_one(a[n:], b[n:], s[n - 1], out=s[n:])
    return s


def _ends(a: Any, ends: Any) -> Any:
    """What the blocks end with, where each starts with what the one before ended with."""
    product = np.multiply.reduce(a, axis=0)
    limits = np.finfo(a.dtype)
    with np.errstate(all="ignore"):
        safe = (np.abs(product) >= limits.tiny) & (np.abs(product) <= limits.max)
    if safe.all() or (safe | (a == 0).any(axis=0)).all():
        return _in_blocks(product, ends) if len(ends) > 2 * BLOCK else _one_by_one(product, ends)
    fraction, exponent = np.frexp(a)
    fraction, more = np.frexp(np.multiply.reduce(fraction, axis=0))
    exponent = np.add.reduce(exponent, axis=0) + more
    s = np.empty_like(ends)
    last = ends[0] * 0
    for k in range(len(ends)):  # the product of a block is out of range; what it multiplies may bring it back
        s[k] = last = np.ldexp(fraction[k] * last, exponent[k]) + ends[k]
    return s


def _back(g: Any, a: Any, axis: int, reverse: bool) -> Any:
    """r[k] = g[k] + a[k+1] r[k+1]: the recurrence that a recurrence's gradient follows."""
    return recurrence(_shift(a, axis, not reverse, 0.0), g, axis=axis, reverse=not reverse)


recurrence = Op(
    "recurrence",
    _recurrence,
    (lambda g, y, a, b, *, axis, reverse: _back(g, a, axis, reverse) * _shift(y, axis, reverse, 0.0),
     lambda g, y, a, b, *, axis, reverse: _back(g, a, axis, reverse)),
    kind="scan", signature="(n),(n)->(n)", domain=(REAL, REAL),
    attributes=lambda rng, shape: some_axis(rng, shape) | {"reverse": bool(rng.random() < 0.5)},
    doc="s[k] = a[k] s[k-1] + b[k] along `axis`, from s[-1] = 0.",
)  # fmt: skip


def _running_scale(x: Any, *, axis: int) -> Any:
    x = x.real if np.iscomplexobj(x) else x
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    largest = np.finfo(dtype).maxexp
    with np.errstate(all="ignore"):
        products = whole(np.multiply.accumulate(x, axis=axis))
        size = np.abs(products, out=products)
    if 2.0 ** -(largest // 3) < size.min(initial=1) <= size.max(initial=1) < 2.0 ** (largest // 3):
        return np.broadcast_to(dtype.type(1), x.shape)
    size = np.abs(x).astype(np.float64)
    exponent = np.add.accumulate(np.log2(np.where((size > 0) & (size < np.inf), size, 1)), axis=axis) / 2
    exponent = np.minimum(np.maximum(np.rint(exponent), 2 - largest), largest - 2)
    return np.ldexp(1.0, exponent.astype(np.int32)).astype(dtype)


running_scale = Op(
    "running_scale", _running_scale, kind="scan", attributes=some_axis, domain=(REAL,), analytic=False,
    doc="Powers of two near the roots of the products up to here, zeros left out; 1 where all are of medium size.",
)  # fmt: skip


def _scaled(x: Any, axis: int) -> tuple[Any, Any, Any]:
    """x / size, 1 / size, and the products of all sizes up to here; a size is a power of two near a root."""
    scale = running_scale(x, axis=axis)
    inverse = _shift(scale, axis, False, 1.0) / scale
    return x * inverse, inverse, scale


def _from_cumulative_prod(g: Any, y: Any, x: Any, *, axis: int) -> Any:
    """The products before an entry, times a recurrence of what comes after it."""
    x, inverse, scale = _scaled(x, axis)
    before = _shift(cumulative_prod(x, axis=axis), axis, False, 1.0)
    return before * _back(g * scale, x, axis, False) * inverse


cumulative_prod = Op(
    "cumulative_prod",
    np.multiply.accumulate,
    (_from_cumulative_prod,),
    kind="scan", attributes=some_axis, domain=(REAL,), special=(0,),
    doc="The product of all entries up to here along `axis`.",
)  # fmt: skip


def _others(x: Any) -> Any:
    """Along the last axis, the product of all other entries."""
    axis, n = len(x.shape) - 1, x.shape[-1]
    x, inverse, scale = _scaled(x, axis)
    before = _shift(cumulative_prod(x, axis=axis), axis, False, 1.0)
    after = cumulative_prod(_cut(x, slice(None, None, -1), axis), axis=axis)
    after = _cut(_shift(after, axis, False, 1.0), slice(None, None, -1), axis)
    return before * after * inverse * _cut(scale, slice(n - 1, n), axis)


def _from_prod(g: Any, y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    if not axis:
        return g
    g = broadcast_to(kept(g, x, axis, keepdims), shape=x.shape)
    if 0 in x.shape:
        return g
    order = tuple(i for i in range(len(x.shape)) if i not in axis) + axis
    moved = permute_dims(x, axes=order)
    flat = reshape(moved, shape=(*moved.shape[: len(moved.shape) - len(axis)], _size(x, axis)))
    others = reshape(_others(flat), shape=moved.shape)
    return g * permute_dims(others, axes=tuple(np.argsort(order).tolist()))


def _size(x: Any, axis: Axes) -> int:
    return int(np.prod([x.shape[i] for i in axis], dtype=int))


prod = Op("prod", np.multiply.reduce, (_from_prod,), kind="reduce", attributes=some_axes,
          domain=(REAL,), special=(0,))  # fmt: skip
