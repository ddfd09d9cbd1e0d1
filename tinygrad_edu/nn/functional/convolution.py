"""Convolutions and pooling: the input is (batch, channels, length) or (batch, channels, height, width), or one
example without the batch axis."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ... import ops
from ...errors import ShapeError
from ...functions.arguments import lift, single
from ...functions.settings import Positive, settings
from ...ops.window import count, reach
from ...tensor import Tensor
from .linear import like

Ints = int | tuple[int, ...]


@settings
def sizes(value: Any, n: int, who: str, what: str) -> tuple[int, ...]:
    """A setting for each of `n` axes, given as one number or as a tuple."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,) * n
    try:
        numbers = tuple(operator.index(v) for v in values)
    except TypeError:
        numbers = ()
    if len(numbers) != n:
        raise ShapeError(f"{who}: {what} must be an integer or {n} integers; got {value!r}; use e.g. {what}=1")
    least = 0 if "padding" in what else 1
    if min(numbers) < least:
        raise ValueError(f"{who}: {what} must be {least} or more; got {value!r}; use e.g. {what}=1")
    return numbers


@settings
def with_batch(x: Any, n: int, who: str) -> tuple[Any, bool]:
    """`x` with a batch axis, and whether it had none."""
    x = lift(x, who)
    if x.ndim not in (n + 1, n + 2):
        axes = "length" if n == 1 else "height, width"
        raise ShapeError(
            f"{who}: the input must be (batch, channels, {axes}); got shape {x.shape}; use reshape, or expand_dims "
            "for a missing axis"
        )
    return (x.expand_dims(0), True) if x.ndim == n + 1 else (x, False)


def _conv(
    n: int, who: str, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: Positive
) -> Any:  # fmt: skip
    x, single = with_batch(x, n, who)
    weight = lift(weight, who)
    stride, dilation = sizes(stride, n, who, "stride"), sizes(dilation, n, who, "dilation")
    kernel = weight.shape[2:]
    if len(kernel) != n or x.shape[1] != weight.shape[1] * groups or weight.shape[0] % groups:
        raise ShapeError(
            f"{who}: the weight must be (out_channels, in_channels / groups, kernel ...); got {weight.shape} for "
            f"an input of shape {x.shape} and groups={groups}; check the channels, "
            "which come before the lengths of an image"
        )
    if isinstance(padding, str) and padding == "same":
        if stride != (1,) * n:
            raise ValueError(f"{who}: padding='same' needs stride 1; got {stride}; give padding as numbers")
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        pairs = tuple((t // 2, t - t // 2) for t in total)
    else:
        pairs = tuple(
            (p, p) for p in sizes(0 if isinstance(padding, str) and padding == "valid" else padding, n, who, "padding")
        )
    _must_fit(who, x, kernel, stride, pairs, dilation)
    y = ops.conv(like(x, weight), weight, stride=stride, padding=pairs, dilation=dilation, groups=groups)
    return _finish(y, bias, single, n)


def _must_fit(who: str, x: Any, kernel: Any, stride: Any, pairs: Any, dilation: Any) -> None:
    if min(map(count, x.shape[2:], kernel, stride, pairs, dilation)) < 1:
        raise ShapeError(
            f"{who}: the window must fit into the padded input; got a kernel of {tuple(kernel)} dilated by {dilation} "
            f"for an input of shape {x.shape}; pad more, or use a smaller kernel"
        )


def _finish(y: Any, bias: Any, single: bool, n: int) -> Any:
    """A bias for each channel added, and a batch axis that was not given taken away."""
    y = y if bias is None else y + lift(bias).reshape((-1,) + (1,) * n)
    return y.squeeze(0) if single else y


@settings
def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Ints = 1,
    padding: Any = 0,
    dilation: Ints = 1,
    groups: Positive = 1,
) -> Tensor:
    """Each window of `input` times each kernel: `(n, c, l) -> (n, o, l_out)`, weight (o, c / groups, k).

    l_out = floor((l + 2 * padding - dilation * (k - 1) - 1) / stride) + 1. `padding` may be "same".
    """
    return _conv(1, "conv1d", input, weight, bias, stride, padding, dilation, groups)


@settings
def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Ints = 1,
    padding: Any = 0,
    dilation: Ints = 1,
    groups: Positive = 1,
) -> Tensor:
    """Each window of `input` times each kernel: `(n, c, h, w) -> (n, o, h_out, w_out)`, weight
    (o, c / groups, k_h, k_w); sizes as in `conv1d`.

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.conv2d(tg.ones((1, 1, 3, 3)), tg.ones((1, 1, 2, 2))).tolist()
    [[[[4.0, 4.0], [4.0, 4.0]]]]
    """
    return _conv(2, "conv2d", input, weight, bias, stride, padding, dilation, groups)


@settings
def conv_transpose2d(
    input: Any, weight: Any, bias: Any = None, stride: Ints = 1, padding: Ints = 0, output_padding: Ints = 0,
    groups: Positive = 1, dilation: Ints = 1,
) -> Tensor:  # fmt: skip
    """The transpose of a convolution as a linear map: `(n, c, h, w) -> (n, o, h_out, w_out)`.

    weight (c, o / groups, k_h, k_w); h_out = (h - 1) * stride - 2 * padding + dilation * (k - 1) +
    output_padding + 1.
    """
    who = "conv_transpose2d"
    x, single = with_batch(input, 2, who)
    weight = lift(weight, who)
    stride, dilation = sizes(stride, 2, who, "stride"), sizes(dilation, 2, who, "dilation")
    extra = sizes(output_padding, 2, who, "output_padding")
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ValueError(f"{who}: output_padding must be smaller than stride or dilation; got {extra}; reduce it")
    if weight.ndim != 4 or x.shape[1] != weight.shape[0] or weight.shape[0] % groups:
        raise ShapeError(
            f"{who}: the weight must be (in_channels, out_channels / groups, height, width); got {weight.shape} "
            f"for an input of shape {x.shape} and groups={groups}; check the channels, "
            "which come before the lengths of an image"
        )
    pairs = tuple((p, p) for p in sizes(padding, 2, who, "padding"))
    whole = reach(x.shape[2:], weight.shape[2:], stride, dilation, extra)
    if any(n <= 2 * p for n, (p, _) in zip(whole, pairs, strict=True)):
        raise ShapeError(
            f"{who}: padding must leave something of the output; got padding {padding} for an output of {whole} before "
            "it; pad less"
        )
    y = ops.conv_input(
        like(x, weight), weight, stride=stride, padding=pairs, dilation=dilation, groups=groups, extra=extra
    )
    return _finish(y, bias, single, 2)


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
    _must_fit(who, x, kernel, stride, pairs, dilation)
    return {"kernel": kernel, "stride": stride, "padding": tuple(pairs), "dilation": dilation}


def _max_pool(
    n: int, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Any:  # fmt: skip
    who = f"max_pool{n}d"
    x, single = with_batch(x, n, who)
    y = ops.max_pool(x, **_pool_setting(n, who, x, kernel_size, stride, padding, dilation, ceil_mode))
    return y.squeeze(0) if single else y


@settings
def max_pool1d(
    input: Any, kernel_size: Ints, stride: Any = None, padding: Ints = 0, dilation: Ints = 1, ceil_mode: bool = False
) -> Tensor:
    """The largest entry of each window: `(n, c, l) -> (n, c, l_out)`; ties share the gradient.

    `stride` is `kernel_size` if not given. With `ceil_mode`, a last window may reach over the end.
    """
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode)


@settings
def max_pool2d(
    input: Any, kernel_size: Ints, stride: Any = None, padding: Ints = 0, dilation: Ints = 1, ceil_mode: bool = False
) -> Tensor:
    """The largest entry of each window: `(n, c, h, w) -> (n, c, h_out, w_out)`; see `max_pool1d`."""
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode)


def _avg_pool(
    n: int, x: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool,
    divisor: int | None = None,
) -> Any:  # fmt: skip
    who = f"avg_pool{n}d"
    x, single = with_batch(x, n, who)
    kw = _pool_setting(n, who, x, kernel_size, stride, padding, 1, ceil_mode)
    if divisor is not None:
        y = ops.window_sum(x, **kw) / divisor
        return y.squeeze(0) if single else y
    before = sizes(padding, n, who, "padding")
    # how many entries each window averages: the padding may count, but not what ceil_mode adds
    real = np.pad(np.ones(x.shape[-n:], x.dtype), [(p, p) for p in before], constant_values=float(count_include_pad))
    beyond = {**kw, "padding": tuple((0, after - p) for (_, after), p in zip(kw["padding"], before, strict=True))}
    y = ops.window_sum(x, **kw) / ops.window_sum(real, **beyond)
    return y.squeeze(0) if single else y


@settings
@single
def avg_pool1d(
    input: Any, kernel_size: Ints, stride: Any = None, padding: Ints = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The mean of each window: `(n, c, l) -> (n, c, l_out)`."""
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad)


@settings
@single
def avg_pool2d(
    input: Any, kernel_size: Ints, stride: Any = None, padding: Ints = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: Positive | None = None,
) -> Tensor:  # fmt: skip
    """The mean of each window: `(n, c, h, w) -> (n, c, h_out, w_out)`; or its sum over `divisor_override`."""
    return _avg_pool(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


@single
def adaptive_avg_pool2d(input: Any, output_size: Any) -> Tensor:
    """The means of `output_size` windows that cover the input: `(n, c, h, w) -> (n, c, *output_size)`.

    Window i reaches from floor(i * h / h_out) to ceil((i + 1) * h / h_out). None keeps an axis as it is.
    """
    x, single = with_batch(input, 2, "adaptive_avg_pool2d")
    wanted = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size, output_size)
    if len(wanted) != 2:
        raise ShapeError(f"adaptive_avg_pool2d: output_size must be one or two numbers; got {output_size}; use two")
    rows, columns = (
        averages(n, n if m is None else m).astype(x.dtype) for n, m in zip(x.shape[-2:], wanted, strict=True)
    )  # fmt: skip
    y = ops.matmul(ops.matmul(rows, x), columns.T)
    return y.squeeze(0) if single else y


@settings
def averages(n: int, m: int) -> Any:
    """The matrix `(m, n)` that averages n entries into m."""
    place, i = np.arange(n), np.arange(m)[:, None]
    inside = (place >= i * n // m) & (place < -(-(i + 1) * n // m))
    return inside / inside.sum(1, keepdims=True)


__all__ = [
    "adaptive_avg_pool2d", "avg_pool1d", "avg_pool2d", "conv1d", "conv2d", "conv_transpose2d", "max_pool1d",
    "max_pool2d",
]  # fmt: skip
