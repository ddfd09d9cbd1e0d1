"""Pooling over windows of one size; the input is as for convolutions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...annotations import ArrayLike
from ...functions.arguments import kept_single, lift, single
from ...functions.settings import settings
from ...ops.window import count
from ...tensor import Tensor
from .adaptive import picked
from .convolution import Ints, must_fit, sizes, with_batch


def _pool_setting(
    n: int, who: str, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> dict[str, Any]:
    kernel, dilation = sizes(kernel_size, n, who, "kernel_size"), sizes(dilation, n, who, "dilation")
    stride = sizes(kernel_size if stride is None else stride, n, who, "stride")
    pairs = []
    for size, k, s, p, d in zip(x.shape[-n:], kernel, stride, sizes(padding, n, who, "padding"), dilation, strict=True):
        if 2 * p > k:
            raise ValueError(f"{who}: padding must be at most half the kernel; got {p} for a kernel of {k}; reduce it")
        span = size + 2 * p - d * (k - 1) - 1
        windows = span // s + 1
        if ceil_mode and span % s and windows * s < size + p:  # one more, if it starts inside
            windows += 1
        pairs.append((p, p + max(0, (windows - 1) * s - span)))
    must_fit(who, x, kernel, stride, pairs, dilation)
    return {"kernel": kernel, "stride": stride, "padding": tuple(pairs), "dilation": dilation}


def _regular(size: int, kernel: int, stride: int, pair: tuple[int, int], dilation: int) -> Any:
    """The places of each window along an axis; for those in the padding, one that is inside."""
    windows = np.arange(count(size, kernel, stride, pair, dilation))[:, None]
    places = windows * stride - pair[0] + np.arange(kernel) * dilation
    inside = (places >= 0) & (places < size)
    return np.where(inside, places, np.take_along_axis(places, inside.argmax(1, keepdims=True), 1))


def _max_pool(
    n: int,
    x: object,
    kernel_size: object,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    who = f"max_pool{n}d"
    x, single = with_batch(x, n, who)
    kw = _pool_setting(n, who, x, kernel_size, stride, padding, dilation, ceil_mode)
    if return_indices:
        tables = list(map(_regular, x.shape[-n:], kw["kernel"], kw["stride"], kw["padding"], kw["dilation"]))
        return picked(x, tables, True, single)
    y = ops.max_pool(x, **kw)
    return y.squeeze(0) if single else y


@settings
def max_pool1d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: int | tuple[int, ...] | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """The largest entry of each window: `(n, c, l) -> (n, c, l_out)`; ties share the gradient.

    `stride` is `kernel_size` if not given. With `ceil_mode`, a last window may reach over the end. With
    `return_indices`, a pair: the entries, and their places in the input; the first of a tie gets the gradient.
    l_out as in `conv1d`; ShapeError where no window fits. Padding is at most half the kernel.
    Source: Yamaguchi et al., "A neural network for speaker-independent isolated word recognition" (1990).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> x = tg.tensor([[[1.0, 3.0, 4.0, 2.0]]])
    >>> F.max_pool1d(x, 2).tolist()
    [[[3.0, 4.0]]]
    >>> F.max_pool1d(x, 2, return_indices=True)[1].tolist()
    [[[1, 2]]]
    """
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@settings
def max_pool2d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: int | tuple[int, ...] | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """The largest entry of each window: `(n, c, h, w) -> (n, c, h_out, w_out)`; see `max_pool1d`.

    Source: Yamaguchi et al., "A neural network for speaker-independent isolated word recognition" (1990).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.max_pool2d(tg.arange(16.0).reshape(1, 1, 4, 4), 2).tolist()
    [[[[5.0, 7.0], [13.0, 15.0]]]]
    """
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@settings
def max_pool3d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: int | tuple[int, ...] | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """The largest entry of each window: `(n, c, d, h, w) -> (n, c, d_out, h_out, w_out)`; see `max_pool1d`.

    Source: Yamaguchi et al., "A neural network for speaker-independent isolated word recognition" (1990).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.max_pool3d(tg.arange(8.0).reshape(1, 1, 2, 2, 2), (1, 2, 2)).flatten().tolist()
    [3.0, 7.0]
    """
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _avg_pool(
    n: int,
    x: ArrayLike,
    kernel_size: int | tuple[int, ...],
    stride: object,
    padding: object,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None = None,
) -> Any:
    who = f"avg_pool{n}d"
    x, single = with_batch(x, n, who)
    kw = _pool_setting(n, who, x, kernel_size, stride, padding, 1, ceil_mode)
    if divisor == 0:
        raise ValueError(f"{who}: divisor_override must not be 0; got 0; use the number of entries in a window")
    if divisor is not None:
        y = ops.window_sum(x, **kw) / divisor
        return y.squeeze(0) if single else y
    before = sizes(padding, n, who, "padding")
    # how many entries each window averages: the padding may count, but not what ceil_mode adds
    real = np.pad(np.ones(x.shape[-n:], x.dtype), [(p, p) for p in before], constant_values=float(count_include_pad))
    beyond = {**kw, "padding": tuple((0, after - p) for (_, after), p in zip(kw["padding"], before, strict=True))}
    y = ops.window_sum(x, **kw) / ops.window_sum(real, **beyond)
    return y.squeeze(0) if single else y


@single
def avg_pool1d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: int | tuple[int, ...] | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window: `(n, c, l) -> (n, c, l_out)`.

    l_out and errors as in `max_pool1d`. The padding counts as zeros, unless `count_include_pad=False`.
    Source: LeCun et al., "Gradient-based learning applied to document recognition" (1998).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> x = tg.tensor([[[1.0, 3.0, 5.0]]])
    >>> F.avg_pool1d(x, 2, stride=1).tolist()
    [[[2.0, 4.0]]]
    >>> F.avg_pool1d(x, 2, padding=1).tolist()
    [[[0.5, 4.0]]]
    """
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad)


@single
def avg_pool2d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: int | tuple[int, ...] | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window: `(n, c, h, w) -> (n, c, h_out, w_out)`; or its sum over `divisor_override`.

    See `avg_pool1d`. Source: LeCun et al., "Gradient-based learning applied to document recognition" (1998).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> x = tg.arange(4.0).reshape(1, 1, 2, 2)
    >>> F.avg_pool2d(x, 2).item(), F.avg_pool2d(x, 2, divisor_override=1).item()
    (1.5, 6.0)
    """
    return _avg_pool(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


@kept_single
def avg_pool3d(
    input: ArrayLike,
    kernel_size: Ints,
    stride: int | tuple[int, ...] | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window: `(n, c, d, h, w) -> (n, c, d_out, h_out, w_out)`; or its sum over `divisor_override`.

    See `avg_pool1d`. Source: LeCun et al., "Gradient-based learning applied to document recognition" (1998).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.avg_pool3d(tg.arange(8.0).reshape(1, 1, 2, 2, 2), (1, 2, 2)).flatten().tolist()
    [1.5, 5.5]
    """
    return _avg_pool(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _lp_pool(
    n: int, x: ArrayLike, norm_type: float, kernel_size: int | tuple[int, ...], stride: object, ceil_mode: bool
) -> Any:
    if not norm_type:
        raise ValueError(f"lp_pool{n}d: norm_type must not be 0; got {norm_type}; use 2")
    entries = math.prod(sizes(kernel_size, n, f"lp_pool{n}d", "kernel_size"))
    means = _avg_pool(n, lift(x, f"lp_pool{n}d") ** norm_type, kernel_size, stride, 0, ceil_mode, True)
    return (means * entries) ** (1 / norm_type)


@single
def lp_pool1d(
    input: ArrayLike,
    norm_type: float,
    kernel_size: Ints,
    stride: int | tuple[int, ...] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """sum(x**norm_type)**(1 / norm_type) of each window: `(n, c, l) -> (n, c, l_out)`.

    l_out as in `max_pool1d`. A negative sum, as of odd powers, has no root: nan, but for `norm_type` 1.
    Source: Sermanet et al., "Convolutional neural networks applied to house numbers digit classification" (2012).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.lp_pool1d(tg.tensor([[[3.0, 4.0, 0.0, 2.0]]]), 2, kernel_size=2).round(decimals=4).tolist()
    [[[5.0, 2.0]]]
    """
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


@single
def lp_pool2d(
    input: ArrayLike,
    norm_type: float,
    kernel_size: Ints,
    stride: int | tuple[int, ...] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """sum(x**norm_type)**(1 / norm_type) of each window: `(n, c, h, w) -> (n, c, h_out, w_out)`.

    See `lp_pool1d`. Source: Sermanet et al. (2012).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.lp_pool2d(tg.arange(4.0).reshape(1, 1, 2, 2), 1, kernel_size=2).item()
    6.0
    """
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


@single
def lp_pool3d(
    input: ArrayLike,
    norm_type: float,
    kernel_size: Ints,
    stride: int | tuple[int, ...] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """sum(x**norm_type)**(1 / norm_type) of each window: `(n, c, d, h, w) -> (n, c, d_out, h_out, w_out)`.

    See `lp_pool1d`. Source: Sermanet et al. (2012).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> round(F.lp_pool3d(tg.ones((1, 1, 2, 2, 2)), 3, kernel_size=2).item(), 4)
    2.0
    """
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


__all__ = [
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d", "max_pool1d", "max_pool2d",
    "max_pool3d",
]  # fmt: skip
