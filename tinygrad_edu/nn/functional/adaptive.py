"""Pooling over windows that are fitted to a wanted size, and pooling undone; the input is as for convolutions.

The largest entry of a window is picked by its place, from a table of each window's places; of equal ones the first,
which gets the gradient, as in PyTorch.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...annotations import Array, ArrayLike
from ...errors import ShapeError
from ...functions.arguments import kept_single, lift, single
from ...functions.creation import zeros
from ...functions.indexing import take_along_axis
from ...functions.layout import broadcast_to, moveaxis
from ...functions.reduce import argmax
from ...functions.settings import integer, real, settings
from ...random import Generator, or_shared
from ...tensor import Tensor
from ...values import require, value
from .convolution import Ints, sizes, with_batch


def picked(x: Tensor, tables: list[Any], indices: bool, single: bool) -> Any:
    """The first largest entry of each window, and where asked for its place, counted over all axes of the window.

    For each axis of the window, a table `(..., windows, entries)` has the places; one that comes twice counts once.
    """
    n, shape = len(tables), x.shape[-len(tables) :]
    places: Any = 0
    for i, table in enumerate(tables):
        lead = table.shape[:-2]
        across = [1] * (2 * n)
        across[i], across[n + i] = table.shape[-2:]
        places = places * shape[i] + table.reshape(*lead, *across)
    out = tuple(table.shape[-2] for table in tables)
    places = places.reshape(*lead, math.prod(out), -1)
    flat, whole = x.reshape(*x.shape[:-n], math.prod(shape)), (*x.shape[:-n], *places.shape[-2:])
    seen = take_along_axis(flat.detach(), broadcast_to(places, whole).reshape(*x.shape[:-n], -1), -1).reshape(*whole)
    first = take_along_axis(broadcast_to(places, whole), argmax(seen, -1, keepdims=True), -1).squeeze(-1)
    y, where = (t.reshape(*x.shape[:-n], *out) for t in (take_along_axis(flat, first, -1), first))
    y, where = (t.squeeze(0) for t in (y, where)) if single else (y, where)
    return (y, where) if indices else y


def _outputs(x: Any, n: int, output_size: Any, who: str) -> tuple[int, ...]:
    """How many windows each axis shall have; None keeps its length."""
    wanted = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size,) * n
    if len(wanted) != n:
        raise ShapeError(f"{who}: output_size must be one number, or {n}; got {output_size}; use one")
    return tuple(
        m if k is None else integer(who, "output_size", k, 1) for m, k in zip(x.shape[-n:], wanted, strict=True)
    )


def along(x: ArrayLike, matrix: Array, axis: int) -> Tensor:
    """A matrix applied to an axis, counted from the right."""
    if axis == -1:
        return ops.matmul(x, matrix.T)
    return ops.matmul(matrix, x) if axis == -2 else moveaxis(ops.matmul(matrix, moveaxis(x, axis, -2)), -2, axis)


@settings
def averages(n: int, m: int) -> Any:
    """The matrix `(m, n)` that averages n entries into m."""
    place, i = np.arange(n), np.arange(m)[:, None]
    inside = (place >= i * n // m) & (place < -(-(i + 1) * n // m))
    return inside / inside.sum(1, keepdims=True)


def _adaptive_avg_pool(n: int, x: ArrayLike, output_size: object) -> Any:
    who = f"adaptive_avg_pool{n}d"
    x, single = with_batch(x, n, who)
    for k, m in enumerate(_outputs(x, n, output_size, who)):
        x = along(x, averages(x.shape[k - n], m).astype(x.dtype), k - n)
    return x.squeeze(0) if single else x


@single
def adaptive_avg_pool1d(input: ArrayLike, output_size: int | tuple[int | None, ...]) -> Tensor:
    """The means of `output_size` windows that cover the input: `(n, c, l) -> (n, c, l_out)`; see
    `adaptive_avg_pool2d`.
    Source: He et al., "Spatial pyramid pooling in deep convolutional networks for visual recognition" (2014).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.adaptive_avg_pool1d(tg.arange(3.0).reshape(1, 1, 3), 2).tolist()
    [[[0.5, 1.5]]]
    """
    return _adaptive_avg_pool(1, input, output_size)


@single
def adaptive_avg_pool2d(input: ArrayLike, output_size: int | tuple[int | None, ...]) -> Tensor:
    """The means of `output_size` windows that cover the input: `(n, c, h, w) -> (n, c, *output_size)`.

    Window i reaches from floor(i * h / h_out) to ceil((i + 1) * h / h_out). None keeps an axis as it is.
    An output of 1 is the mean of each channel: Lin et al., "Network in network" (2013).
    Source: He et al., "Spatial pyramid pooling in deep convolutional networks for visual recognition" (2014).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> x = tg.arange(4.0).reshape(1, 1, 2, 2)
    >>> F.adaptive_avg_pool2d(x, 1).tolist(), F.adaptive_avg_pool2d(x, (None, 1)).tolist()
    ([[[[1.5]]]], [[[[0.5], [2.5]]]])
    """
    return _adaptive_avg_pool(2, input, output_size)


@kept_single
def adaptive_avg_pool3d(input: ArrayLike, output_size: int | tuple[int | None, ...]) -> Tensor:
    """The means of `output_size` windows that cover the input: `(n, c, d, h, w) -> (n, c, *output_size)`; see
    `adaptive_avg_pool2d`.
    Source: He et al., "Spatial pyramid pooling in deep convolutional networks for visual recognition" (2014).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.adaptive_avg_pool3d(tg.arange(8.0).reshape(1, 1, 2, 2, 2), (2, 1, 1)).flatten().tolist()
    [1.5, 5.5]
    """
    return _adaptive_avg_pool(3, input, output_size)


def _covering(n: int, m: int) -> Any:
    """The places of `m` windows that cover `n` entries; a shorter window has its first place again."""
    start, stop = np.arange(m) * n // m, -(-(np.arange(m) + 1) * n // m)
    places = start[:, None] + np.arange((stop - start).max(initial=1))
    return np.where(places < stop[:, None], places, start[:, None])


def _adaptive_max_pool(n: int, x: ArrayLike, output_size: object, return_indices: bool) -> Any:
    who = f"adaptive_max_pool{n}d"
    x, single = with_batch(x, n, who)
    if not x.size:
        raise ShapeError(f"{who}: the input must have entries; got shape {x.shape}; guard before")
    return picked(x, list(map(_covering, x.shape[-n:], _outputs(x, n, output_size, who))), return_indices, single)


@settings
def adaptive_max_pool1d(
    input: ArrayLike, output_size: int | tuple[int | None, ...], return_indices: bool = False
) -> Tensor:
    """The largest entries of `output_size` windows that cover the input: `(n, c, l) -> (n, c, l_out)`.

    With `return_indices`, a pair: the entries, and their places in the input. Windows as in `adaptive_avg_pool2d`.
    Source: He et al., "Spatial pyramid pooling in deep convolutional networks for visual recognition" (2014).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> y, at = F.adaptive_max_pool1d(tg.tensor([[[1.0, 3.0, 2.0]]]), 2, return_indices=True)
    >>> y.tolist(), at.tolist()
    ([[[3.0, 3.0]]], [[[1, 1]]])
    """
    return _adaptive_max_pool(1, input, output_size, return_indices)


@settings
def adaptive_max_pool2d(
    input: ArrayLike, output_size: int | tuple[int | None, ...], return_indices: bool = False
) -> Tensor:
    """The largest entries of `output_size` windows that cover the input: `(n, c, h, w) -> (n, c, *output_size)`; see
    `adaptive_max_pool1d`.
    Source: He et al., "Spatial pyramid pooling in deep convolutional networks for visual recognition" (2014).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.adaptive_max_pool2d(tg.arange(6.0).reshape(1, 1, 2, 3), (2, 1)).tolist()
    [[[[2.0], [5.0]]]]
    """
    return _adaptive_max_pool(2, input, output_size, return_indices)


@settings
def adaptive_max_pool3d(
    input: ArrayLike, output_size: int | tuple[int | None, ...], return_indices: bool = False
) -> Tensor:
    """The largest entries of `output_size` windows that cover the input: `(n, c, d, h, w) -> (n, c, *output_size)`; see
    `adaptive_max_pool1d`.
    Source: He et al., "Spatial pyramid pooling in deep convolutional networks for visual recognition" (2014).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.adaptive_max_pool3d(tg.arange(8.0).reshape(1, 1, 2, 2, 2), (2, 1, 1)).flatten().tolist()
    [3.0, 7.0]
    """
    return _adaptive_max_pool(3, input, output_size, return_indices)


def _scattered(u: Array, n: int, m: int, kernel: int) -> Any:
    """The places of `m` windows of length `kernel` over `n` entries, in steps of random lengths, for each `u`."""
    alpha = (n - kernel) / max(m - 1, 1)
    i = np.arange(m)
    start = np.floor((i + u[..., None]) * alpha) - np.floor(u[..., None] * alpha)
    return np.where(i == m - 1, n - kernel, start).astype(int)[..., None] + np.arange(kernel)


def _fractional_max_pool(
    n: int, x: object, kernel_size: Any, output_size: Any, output_ratio: Any, return_indices: bool, samples: Any,
    rng: Generator | None,
) -> Any:  # fmt: skip
    who = f"fractional_max_pool{n}d"
    x, single = with_batch(x, n, who)
    kernel = sizes(kernel_size, n, who, "kernel_size")
    if (output_size is None) == (output_ratio is None):
        raise ValueError(f"{who}: needs output_size or output_ratio; got {output_size} and {output_ratio}; give one")
    if output_ratio is not None:
        ratios = output_ratio if isinstance(output_ratio, tuple | list) else (output_ratio,) * n
        ratios = [real(who, "output_ratio", r) for r in ratios]
        if len(ratios) != n or not all(0 < r < 1 for r in ratios):
            raise ValueError(f"{who}: output_ratio must be from 0 to 1 for each axis; got {output_ratio}; use e.g. 0.5")
        output_size = tuple(int(m * r) for m, r in zip(x.shape[-n:], ratios, strict=True))
    out = sizes(output_size, n, who, "output_size")
    if any(m + k - 1 > length for m, k, length in zip(out, kernel, x.shape[-n:], strict=True)):
        raise ShapeError(
            f"{who}: {out} windows of {kernel} must fit into the input; got shape {x.shape}; use smaller ones"
        )
    shape = (*x.shape[:2], n)
    u = or_shared(rng).draw("random", shape) if samples is None else np.asarray(lift(samples, who)._data, float)
    if u.shape != shape or not np.all((u >= 0) & (u < 1)):
        raise ShapeError(f"{who}: samples must be {shape} numbers from 0 to below 1; got {u.shape}; leave them out")
    # PyTorch numbers them from the last axis in two dimensions, and from the first in three
    axes = range(n) if n == 3 else reversed(range(n))
    tables = [
        _scattered(u[..., a], length, m, k) for a, length, m, k in zip(axes, x.shape[-n:], out, kernel, strict=True)
    ]
    return picked(x, tables, return_indices, single)


@settings
def fractional_max_pool2d(
    input: ArrayLike,
    kernel_size: Ints,
    output_size: int | tuple[int, ...] | None = None,
    output_ratio: object = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
    *,
    rng: Generator | None = None,
) -> Tensor:
    """The largest entries of windows in steps of random lengths: `(n, c, h, w) -> (n, c, *output_size)`.

    The size is given, or by its ratio to that of the input; windows differ between examples and channels.
    ShapeError where output_size + kernel_size - 1 is more than the length of an axis.
    Source: Graham, "Fractional max-pooling" (2014).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import random
    >>> import tinygrad_edu.nn.functional as F
    >>> x = tg.arange(25.0).reshape(1, 1, 5, 5)
    >>> F.fractional_max_pool2d(x, 2, output_size=3, rng=random.default_rng(0)).shape
    (1, 1, 3, 3)
    """
    return _fractional_max_pool(2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples, rng)


@settings
def fractional_max_pool3d(
    input: ArrayLike,
    kernel_size: Ints,
    output_size: int | tuple[int, ...] | None = None,
    output_ratio: object = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
    *,
    rng: Generator | None = None,
) -> Tensor:
    """The largest entries of windows in steps of random lengths: `(n, c, d, h, w) -> (n, c, *output_size)`; see
    `fractional_max_pool2d`. Source: Graham (2014).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.fractional_max_pool3d(tg.ones((1, 3, 6, 6, 6)), 2, output_ratio=0.5).shape
    (1, 3, 3, 3, 3)
    """
    return _fractional_max_pool(3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples, rng)


def _max_unpool(
    n: int,
    x: object,
    indices: object,
    kernel_size: Any,
    stride: object,
    padding: Any,
    output_size: int | tuple[int, ...] | None,
) -> Any:
    who = f"max_unpool{n}d"
    x, single = with_batch(x, n, who)
    places = with_batch(indices, n, who)[0]
    kernel = sizes(kernel_size, n, who, "kernel_size")
    stride, padding = (
        sizes(kernel_size if stride is None else stride, n, who, "stride"),
        sizes(padding, n, who, "padding"),
    )
    if output_size is None:
        size = tuple((m - 1) * s - 2 * p + k for m, s, p, k in zip(x.shape[-n:], stride, padding, kernel, strict=True))
    else:
        size = sizes(output_size[-n:] if isinstance(output_size, tuple | list) else output_size, n, who, "output_size")
    if places.shape != x.shape or places.dtype.kind not in "iu":
        raise ShapeError(
            f"{who}: indices must be integers in the shape of the input, {x.shape}; got {places.shape} of "
            f"{places.dtype}; use those of max_pool{n}d(return_indices=True)"
        )
    room, rows = math.prod(size), math.prod(x.shape[:2])
    if min(size) < 1 or room * rows >= 2**40:
        raise ShapeError(f"{who}: the output must have a size; got {size}; give output_size")

    def within(at: Any) -> None:
        if at.size and not 0 <= at.min() <= at.max() < room:
            raise IndexError(
                f"{who}: indices must be from 0 to {room - 1}; got {at.min()} to {at.max()}; give output_size"
            )

    require(value(places), within)
    at = places.detach().reshape(rows, -1)
    y = ops.setitem(
        zeros((rows, room), dtype=x.dtype), x.reshape(*at.shape), np.arange(rows)[:, None], at,
        index=(ops.ARRAY, ops.ARRAY),
    ).reshape(*x.shape[:2], *size)  # fmt: skip
    return y.squeeze(0) if single else y


@settings
def max_unpool1d(
    input: ArrayLike,
    indices: ArrayLike,
    kernel_size: Ints,
    stride: int | tuple[int, ...] | None = None,
    padding: Ints = 0,
    output_size: int | tuple[int, ...] | None = None,
) -> Tensor:
    """Each entry at the place that `max_pool1d(return_indices=True)` found it at, and 0 elsewhere:
    `(n, c, l) -> (n, c, l_out)` with l_out = (l - 1) * stride - 2 * padding + kernel_size, or `output_size`.

    Source: Zeiler and Fergus, "Visualizing and understanding convolutional networks" (2014).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> y, at = F.max_pool1d(tg.tensor([[[1.0, 3.0, 4.0, 2.0]]]), 2, return_indices=True)
    >>> F.max_unpool1d(y, at, 2).tolist()
    [[[0.0, 3.0, 4.0, 0.0]]]
    """
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


@settings
def max_unpool2d(
    input: ArrayLike,
    indices: ArrayLike,
    kernel_size: Ints,
    stride: int | tuple[int, ...] | None = None,
    padding: Ints = 0,
    output_size: int | tuple[int, ...] | None = None,
) -> Tensor:
    """Each entry at the place that `max_pool2d(return_indices=True)` found it at, and 0 elsewhere; see
    `max_unpool1d`. Source: Zeiler and Fergus (2014).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> y, at = F.max_pool2d(tg.arange(4.0).reshape(1, 1, 2, 2), 2, return_indices=True)
    >>> F.max_unpool2d(y, at, 2).tolist()
    [[[[0.0, 0.0], [0.0, 3.0]]]]
    """
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


@settings
def max_unpool3d(
    input: ArrayLike,
    indices: ArrayLike,
    kernel_size: Ints,
    stride: int | tuple[int, ...] | None = None,
    padding: Ints = 0,
    output_size: int | tuple[int, ...] | None = None,
) -> Tensor:
    """Each entry at the place that `max_pool3d(return_indices=True)` found it at, and 0 elsewhere; see
    `max_unpool1d`. Source: Zeiler and Fergus (2014).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> y, at = F.max_pool3d(tg.arange(8.0).reshape(1, 1, 2, 2, 2), 2, return_indices=True)
    >>> F.max_unpool3d(y, at, 2).flatten().tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7.0]
    """
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)


__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d", "fractional_max_pool2d", "fractional_max_pool3d", "max_unpool1d", "max_unpool2d",
    "max_unpool3d",
]  # fmt: skip
