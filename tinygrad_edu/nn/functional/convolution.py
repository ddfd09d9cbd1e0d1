"""Convolutions: the input is (batch, channels, length), (batch, channels, height, width) or (batch, channels, depth,
height, width), or one example without the batch axis."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ... import ops
from ...annotations import ArrayLike, DTypeLike
from ...errors import ShapeError
from ...functions.arguments import lift
from ...functions.settings import Positive, settings
from ...ops.window import count, reach
from ...tensor import Tensor
from .linear import like

Ints = int | tuple[int, ...]


@settings
def sizes(value: object, n: int, who: str, what: str) -> tuple[int, ...]:
    """A setting for each of `n` axes, given as one number or as a tuple, which may hold one."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    values = values * n if len(values) == 1 else values
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


AXES = {1: "length", 2: "height, width", 3: "depth, height, width"}


def must_have_axes(x: Tensor, n: int, who: str) -> None:
    """Refuse what has not `n` axes after the channels, with or without a batch axis."""
    if x.ndim not in (n + 1, n + 2):
        raise ShapeError(
            f"{who}: the input must be (batch, channels, {AXES[n]}); got shape {x.shape}; use reshape, or expand_dims "
            "for a missing axis"
        )


@settings
def with_batch(x: Any, n: int, who: str) -> tuple[Tensor, bool]:
    """`x` with a batch axis, and whether it had none."""
    x = lift(x, who)
    must_have_axes(x, n, who)
    return (x.expand_dims(0), True) if x.ndim == n + 1 else (x, False)


def _advice(n: int, shape: tuple[int, ...], channels: int, single: bool) -> str:
    """What to do about an input of `shape` where a weight takes so many channels."""
    if single and channels == 1:
        return f"write x[:, None], if it is {shape[1]} inputs of one channel"
    if shape[-1] == channels:
        return f"write x.transpose({', '.join(map(str, (0, n + 1, *range(1, n + 1))))}): channels come second"
    return "check the channels, which come before the lengths of an image"


def _conv(
    n: int,
    who: str,
    x: ArrayLike,
    weight: ArrayLike,
    bias: object,
    stride: int | tuple[int, ...],
    padding: object,
    dilation: int | tuple[int, ...],
    groups: Positive,
) -> Any:
    x, single = with_batch(x, n, who)
    weight = lift(weight, who)
    stride, dilation = sizes(stride, n, who, "stride"), sizes(dilation, n, who, "dilation")
    kernel = weight.shape[2:]
    if len(kernel) != n or x.shape[1] != weight.shape[1] * groups or weight.shape[0] % groups:
        raise ShapeError(
            f"{who}: the weight must be (out_channels, in_channels / groups, kernel ...); got {weight.shape} for an "
            f"input of shape {x.shape} and groups={groups}; "
            + _advice(n, x.shape, weight.shape[1] * groups if weight.ndim == n + 2 else -1, single)
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
    must_fit(who, x, kernel, stride, pairs, dilation)
    y = ops.conv(like(x, weight), weight, stride=stride, padding=pairs, dilation=dilation, groups=groups)
    return _finish(y, bias, single, n)


def must_fit(who: str, x: Any, kernel: Any, stride: Any, pairs: Any, dilation: Any) -> None:
    if min(map(count, x.shape[2:], kernel, stride, pairs, dilation)) < 1:
        raise ShapeError(
            f"{who}: the window must fit into the padded input; got a kernel of {tuple(kernel)} dilated by {dilation} "
            f"for an input of shape {x.shape}; pad more, or use a smaller kernel"
        )


def _finish(y: Tensor, bias: Any, single: bool, n: int) -> Any:
    """A bias for each channel added, and a batch axis that was not given taken away."""
    y = y if bias is None else y + lift(bias).reshape((-1,) + (1,) * n)
    return y.squeeze(0) if single else y


@settings
def conv1d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Ints = 1,
    padding: int | tuple[int, ...] | str = 0,
    dilation: Ints = 1,
    groups: Positive = 1,
) -> Tensor:
    """Each window of `input` times each kernel: `(n, c, l) -> (n, o, l_out)`, weight (o, c / groups, k).

    l_out = floor((l + 2 * padding - dilation * (k - 1) - 1) / stride) + 1. `padding` may be "same".
    The kernel is not flipped. ShapeError where the channels of input and weight differ.
    Source: Waibel et al., "Phoneme recognition using time-delay neural networks" (1989).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.conv1d(tg.arange(4.0).reshape(1, 1, 4), tg.tensor([[[1.0, 10.0]]])).tolist()
    [[[10.0, 21.0, 32.0]]]
    """
    return _conv(1, "conv1d", input, weight, bias, stride, padding, dilation, groups)


@settings
def conv2d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Ints = 1,
    padding: int | tuple[int, ...] | str = 0,
    dilation: Ints = 1,
    groups: Positive = 1,
) -> Tensor:
    """Each window of `input` times each kernel: `(n, c, h, w) -> (n, o, h_out, w_out)`, weight
    (o, c / groups, k_h, k_w); sizes as in `conv1d`.

    Source: LeCun et al., "Backpropagation applied to handwritten zip code recognition" (1989).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.conv2d(tg.ones((1, 1, 3, 3)), tg.ones((1, 1, 2, 2))).tolist()
    [[[[4.0, 4.0], [4.0, 4.0]]]]
    """
    return _conv(2, "conv2d", input, weight, bias, stride, padding, dilation, groups)


@settings
def conv3d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Ints = 1,
    padding: int | tuple[int, ...] | str = 0,
    dilation: Ints = 1,
    groups: Positive = 1,
) -> Tensor:
    """Each window of `input` times each kernel: `(n, c, d, h, w) -> (n, o, d_out, h_out, w_out)`; see `conv1d`.

    Source: Ji et al., "3D convolutional neural networks for human action recognition" (2013).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.conv3d(tg.ones((1, 1, 2, 2, 3)), tg.ones((1, 1, 2, 2, 2))).tolist()
    [[[[[8.0, 8.0]]]]]
    """
    return _conv(3, "conv3d", input, weight, bias, stride, padding, dilation, groups)


def _conv_transpose(
    n: int,
    x: ArrayLike,
    weight: ArrayLike,
    bias: object,
    stride: int | tuple[int, ...],
    padding: object,
    output_padding: int | tuple[int, ...],
    groups: int,
    dilation: int | tuple[int, ...],
) -> Any:
    who = f"conv_transpose{n}d"
    x, single = with_batch(x, n, who)
    weight = lift(weight, who)
    stride, dilation = sizes(stride, n, who, "stride"), sizes(dilation, n, who, "dilation")
    extra = sizes(output_padding, n, who, "output_padding")
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ValueError(f"{who}: output_padding must be smaller than stride or dilation; got {extra}; reduce it")
    if weight.ndim != n + 2 or x.shape[1] != weight.shape[0] or weight.shape[0] % groups:
        raise ShapeError(
            f"{who}: the weight must be (in_channels, out_channels / groups, {AXES[n]}); got {weight.shape} "
            f"for an input of shape {x.shape} and groups={groups}; "
            + _advice(n, x.shape, weight.shape[0] if weight.ndim == n + 2 else -1, single)
        )
    pairs = tuple((p, p) for p in sizes(padding, n, who, "padding"))
    whole = reach(x.shape[2:], weight.shape[2:], stride, dilation, extra)
    if any(m <= 2 * p for m, (p, _) in zip(whole, pairs, strict=True)):
        raise ShapeError(
            f"{who}: padding must leave something of the output; got padding {padding} for an output of {whole} before "
            "it; pad less"
        )
    y = ops.conv_input(
        like(x, weight), weight, stride=stride, padding=pairs, dilation=dilation, groups=groups, extra=extra
    )
    return _finish(y, bias, single, n)


@settings
def conv_transpose1d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: Positive = 1,
    dilation: Ints = 1,
) -> Tensor:
    """The transpose of a convolution as a linear map: `(n, c, l) -> (n, o, l_out)`; see `conv_transpose2d`.

    Each entry times the kernel, added up a stride apart. Source: Zeiler et al. (2010).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.conv_transpose1d(tg.tensor([[[1.0, 2.0]]]), tg.tensor([[[1.0, 10.0, 100.0]]]), stride=2).tolist()
    [[[1.0, 10.0, 102.0, 20.0, 200.0]]]
    """
    return _conv_transpose(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


@settings
def conv_transpose2d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: Positive = 1,
    dilation: Ints = 1,
) -> Tensor:
    """The transpose of a convolution as a linear map: `(n, c, h, w) -> (n, o, h_out, w_out)`.

    weight (c, o / groups, k_h, k_w); h_out = (h - 1) * stride - 2 * padding + dilation * (k - 1) +
    output_padding + 1.
    Source: Zeiler et al., "Deconvolutional networks" (2010).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.conv_transpose2d(tg.ones((1, 1, 2, 2)), tg.ones((1, 1, 2, 2))).tolist()
    [[[[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]]]
    """
    return _conv_transpose(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


@settings
def conv_transpose3d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: Positive = 1,
    dilation: Ints = 1,
) -> Tensor:
    """The transpose of a convolution as a linear map: `(n, c, d, h, w) -> (n, o, ...)`; see `conv_transpose2d`.

    Source: Zeiler et al. (2010).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.conv_transpose3d(tg.ones((1, 3, 2, 5, 5)), tg.ones((3, 4, 2, 2, 2)), stride=2).shape
    (1, 4, 4, 10, 10)
    """
    return _conv_transpose(3, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _picking(kernel: tuple[int, ...], channels: int, dtype: DTypeLike) -> Any:
    """Kernels that pick one entry of the window each, for every channel."""
    taps = math.prod(kernel)
    if taps * taps * channels >= 2**31:
        raise ShapeError(f"fold: windows must be small; got {kernel} for {channels} channels; use a smaller kernel")
    return np.tile(np.eye(taps, dtype=dtype).reshape(taps, 1, *kernel), (channels, *(1,) * (len(kernel) + 1)))


def _window_settings(
    who: str,
    kernel_size: int | tuple[int, ...],
    dilation: int | tuple[int, ...],
    padding: int | tuple[int, ...],
    stride: int | tuple[int, ...],
) -> tuple[Any, Any]:
    kernel = sizes(kernel_size, 2, who, "kernel_size")
    pairs = tuple((p, p) for p in sizes(padding, 2, who, "padding"))
    return kernel, {
        "stride": sizes(stride, 2, who, "stride"), "padding": pairs, "dilation": sizes(dilation, 2, who, "dilation")
    }  # fmt: skip


@settings
def unfold(input: ArrayLike, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1) -> Tensor:
    """Each window as a column: `(n, c, h, w) -> (n, c * k_h * k_w, windows)`.

    Source: Chellapilla, Puri and Simard, "High performance convolutional neural networks for document processing"
    (2006).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.unfold(tg.arange(4.0).reshape(1, 1, 2, 2), (1, 2)).tolist()
    [[[0.0, 2.0], [1.0, 3.0]]]
    """
    x, single = with_batch(input, 2, "unfold")
    kernel, kw = _window_settings("unfold", kernel_size, dilation, padding, stride)
    must_fit("unfold", x, kernel, kw["stride"], kw["padding"], kw["dilation"])
    y = ops.conv(x, _picking(kernel, x.shape[1], x.dtype), groups=x.shape[1], **kw)
    y = y.reshape(*y.shape[:2], math.prod(y.shape[2:]))
    return y.squeeze(0) if single else y


@settings
def fold(
    input: ArrayLike, output_size: Ints, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1
) -> Tensor:  # fmt: skip
    """Columns added up at the places of their windows, the transpose of `unfold`: `(n, c * k_h * k_w, windows) ->
    (n, c, *output_size)`.

    Where windows overlap, entries add up; ShapeError where the number of windows is another.
    Source: Chellapilla, Puri and Simard, "High performance convolutional neural networks for document processing"
    (2006).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.fold(tg.ones((1, 2, 2)), (1, 3), (1, 2)).tolist()
    [[[[1.0, 2.0, 1.0]]]]
    """
    x = lift(input, "fold")
    kernel, kw = _window_settings("fold", kernel_size, dilation, padding, stride)
    size, pairs = sizes(output_size, 2, "fold", "output_size"), kw["padding"]
    out = tuple(map(count, size, kernel, kw["stride"], pairs, kw["dilation"]))
    taps = math.prod(kernel)
    if x.ndim not in (2, 3) or x.shape[-2] % taps or min(out) < 1 or x.shape[-1] != math.prod(out):
        raise ShapeError(
            f"fold: the input must be (batch, channels * {taps}, windows), with {out} windows in {size}; got shape "
            f"{x.shape}; check output_size"
        )
    wide = tuple(m + a + b for m, (a, b) in zip(size, pairs, strict=True))
    reached = reach(out, kernel, kw["stride"], kw["dilation"], (0, 0))
    y = ops.conv_input(
        x.reshape(-1, x.shape[-2], *out), _picking(kernel, x.shape[-2] // taps, x.dtype), groups=x.shape[-2] // taps,
        extra=tuple(m - r for m, r in zip(wide, reached, strict=True)), **kw,
    )  # fmt: skip
    return y.reshape(*x.shape[:-2], x.shape[-2] // taps, *size)


__all__ = [
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "fold", "unfold",
]  # fmt: skip
