"""Operators of ONNX that are layers: convolutions, pooling, norms, as expressions of tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tinygrad_edu as tg

from .. import ops
from ..annotations import ArrayLike
from ..nn import functional as F
from ..ops.window import Pairs, count
from .node import OnnxNode, Operator


def _gemm(node: OnnxNode, a: Any, b: Any, c: Any = None) -> Any:
    a = tg.swapaxes(a, 0, 1) if node("transA", 0) else a
    b = tg.swapaxes(b, 0, 1) if node("transB", 0) else b
    y = tg.matmul(a, b)
    y = y * node("alpha") if node("alpha", 1.0) != 1 else y
    if c is None:
        return y
    return y + (c * node("beta") if node("beta", 1.0) != 1 else c)


def _padding(node: OnnxNode, sizes: Sequence[int], kernel: Sequence[int]) -> tuple[Any, Pairs, Any]:
    """Strides, padding and dilation of a window."""
    n = len(kernel)
    stride, dilation = tuple(node("strides", [1] * n)), tuple(node("dilations", [1] * n))
    auto, pads = node("auto_pad", "NOTSET"), node("pads", [0] * 2 * n)
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        pairs = []
        for m, k, s, d in zip(sizes, kernel, stride, dilation, strict=True):
            needed = max((-(-m // s) - 1) * s + d * (k - 1) + 1 - m, 0)
            small, large = needed // 2, needed - needed // 2
            pairs.append((small, large) if auto == "SAME_UPPER" else (large, small))
        return stride, tuple(pairs), dilation
    return stride, tuple(zip(pads[:n], pads[n:], strict=True)), dilation


def _with_bias(y: Any, bias: Any) -> Any:
    return y if bias is None else y + tg.reshape(bias, (-1, *(1,) * (y.ndim - 2)))


def _conv(node: OnnxNode, x: Any, w: Any, bias: Any = None) -> Any:
    stride, padding, dilation = _padding(node, x.shape[2:], w.shape[2:])
    x, w = tg.asarray(x), tg.asarray(w)
    y = ops.conv(x, w, stride=stride, padding=padding, dilation=dilation, groups=node("group", 1))
    return _with_bias(y, bias)


def _conv_transpose(node: OnnxNode, x: Any, w: Any, bias: Any = None) -> Any:
    if node("auto_pad", "NOTSET") != "NOTSET" or node("output_shape") is not None:
        raise node.refused("auto_pad or output_shape")
    stride, padding, dilation = _padding(node, x.shape[2:], w.shape[2:])
    extra = tuple(node("output_padding", [0] * len(stride)))
    x, w = tg.asarray(x), tg.asarray(w)
    y = ops.conv_input(x, w, stride=stride, padding=padding, dilation=dilation, groups=node("group", 1), extra=extra)
    return _with_bias(y, bias)


def _pool(node: OnnxNode, x: Any) -> tuple[Any, dict[str, Any]]:
    kernel = tuple(node("kernel_shape"))
    stride, padding, dilation = _padding(node, x.shape[2:], kernel)
    if node("ceil_mode", 0) or node("storage_order", 0) or len(node.outputs) > 1:
        raise node.refused("ceil_mode, storage_order or indices")
    return tg.asarray(x), {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}


def _max_pool(node: OnnxNode, x: Any) -> Any:
    x, settings = _pool(node, x)
    return ops.max_pool(x, **settings)


def _average_pool(node: OnnxNode, x: Any) -> Any:
    x, settings = _pool(node, x)
    y = ops.window_sum(x, **settings)
    if node("count_include_pad", 0):
        return y / float(np.prod(settings["kernel"]))
    out = tuple(
        map(count, x.shape[2:], settings["kernel"], settings["stride"], settings["padding"], settings["dilation"])
    )
    there = ops.window_sum.forward(np.ones((1, 1, *x.shape[2:]), x.dtype), **settings)
    return y / there.reshape(1, 1, *out)


def _global(f: Callable[..., Any]) -> Operator:
    return lambda node, x: f(x, axis=tuple(range(2, x.ndim)), keepdims=True)


def _batch_norm(node: OnnxNode, x: object, scale: object, bias: object, mean: object, var: object) -> Any:
    if node("training_mode", 0):
        raise node.refused("training_mode")
    return F.batch_norm(x, mean, var, scale, bias, eps=node("epsilon", 1e-5))


def _layer_norm(node: OnnxNode, x: Any, scale: Any, bias: Any = None) -> Any:
    if len(node.outputs) > 1:
        raise node.refused("the mean as an output")
    return F.layer_norm(x, x.shape[node("axis", -1) % x.ndim :], scale, bias, eps=node("epsilon", 1e-5))


def _softmax(f: Callable[..., Any]) -> Operator:
    return lambda node, x: f(x, axis=node("axis", -1))


def _recurrent(node: OnnxNode, parts: Sequence[int], states: int, whole: Callable[..., Any], xs: Sequence[Any]) -> Any:
    """A recurrent layer in each direction; `parts` is the order of the gates here, by their places in ONNX."""
    given: list[Any] = [*xs, *[None] * (5 + states - len(xs))]
    (x, w, r, b, lengths), begin = given[:5], given[5:]
    plain = node("layout", 0) == 0 and node("activations") is None and node("clip") is None
    if not plain or lengths is not None or any(p is not None for p in begin[states:]):
        raise node.refused("layout, activations, clip, sequence_lens or peepholes")
    n = r.shape[-1]
    order = np.concatenate([np.arange(n) + n * k for k in parts])
    found = []
    for d in range(w.shape[0]):
        back = node("direction", "forward") == "reverse" or d == 1
        steps = tg.flip(x, 0) if back else x
        bias = tg.zeros(2 * len(order), dtype=x.dtype) if b is None else b[d]
        zeros = tg.zeros((x.shape[1], n), dtype=x.dtype)
        first = [zeros if h is None else h[d] for h in begin[:states]]
        y, *ends = whole(steps, w[d][order], r[d][order], bias[: len(order)][order], bias[len(order) :][order], *first)
        found.append((tg.flip(y, 0) if back else y, *ends))
    outputs = [tg.stack(part, 1 if k == 0 else 0) for k, part in enumerate(zip(*found, strict=True))]
    return tuple(outputs[: len(node.outputs)])


def _lstm_steps(x: Any, w: Any, r: Any, b: Any, c: Any, h0: Any, c0: Any) -> tuple[Any, Any, Any]:
    y = ops.lstm(F.linear(x, w, b + c), r, h0, c0)
    n = r.shape[-1]
    return y[..., :n], y[-1, :, :n], y[-1, :, n:]


def _gru_steps(x: ArrayLike, w: ArrayLike, r: ArrayLike, b: ArrayLike, c: ArrayLike, h0: ArrayLike) -> tuple[Any, Any]:
    y = ops.gru(F.linear(x, w, b), r, c, h0)
    return y, y[-1]


def _lstm(node: OnnxNode, *xs: object) -> Any:
    """ONNX has the gates i, o, f, c; here they are i, f, c, o."""
    return _recurrent(node, (0, 2, 3, 1), 2, _lstm_steps, xs)


def _gru(node: OnnxNode, *xs: object) -> Any:
    """ONNX has the gates z, r, h; here they are r, z, h."""
    if not node("linear_before_reset", 0):
        raise node.refused("linear_before_reset = 0")
    return _recurrent(node, (1, 0, 2), 1, _gru_steps, xs)


def _gelu(node: OnnxNode, x: ArrayLike) -> Any:
    return F.gelu(x, approximate=node("approximate", "none"))


def _depth_to_space(node: OnnxNode, x: Any) -> Any:
    if node("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, node("blocksize"))
    n, c, h, w = x.shape
    b = node("blocksize")
    parts = tg.permute_dims(tg.reshape(x, (n, b, b, c // b**2, h, w)), (0, 3, 4, 1, 5, 2))
    return tg.reshape(parts, (n, c // b**2, h * b, w * b))


LAYERS: dict[str, Operator] = {
    "Gemm": _gemm, "Conv": _conv, "ConvTranspose": _conv_transpose, "MaxPool": _max_pool, "AveragePool": _average_pool,
    "GlobalAveragePool": _global(tg.mean), "GlobalMaxPool": _global(tg.max), "BatchNormalization": _batch_norm,
    "LSTM": _lstm, "GRU": _gru, "LayerNormalization": _layer_norm, "DepthToSpace": _depth_to_space,
    "GroupNormalization": lambda node, x, s, b: F.group_norm(x, node("num_groups"), s, b, eps=node("epsilon", 1e-5)),
    "InstanceNormalization": lambda node, x, s, b: F.instance_norm(x, weight=s, bias=b, eps=node("epsilon", 1e-5)),
    "Gelu": _gelu, "Softmax": _softmax(F.softmax), "LogSoftmax": _softmax(F.log_softmax),
    "Relu": lambda node, x: F.relu(x), "Sigmoid": lambda node, x: F.sigmoid(x), "Mish": lambda node, x: F.mish(x),
    "LeakyRelu": lambda node, x: F.leaky_relu(x, node("alpha", 0.01)),
    "PRelu": lambda node, x, w: tg.where(x > 0, x, w * x), "Selu": lambda node, x: F.selu(x),
    "Elu": lambda node, x: F.elu(x, node("alpha", 1.0)), "Celu": lambda node, x: F.celu(x, node("alpha", 1.0)),
    "Softplus": lambda node, x: F.softplus(x), "Softsign": lambda node, x: F.softsign(x),
    "HardSigmoid": lambda node, x: tg.clip(x * node("alpha", 0.2) + node("beta", 0.5), 0, 1),
    "HardSwish": lambda node, x: F.hardswish(x),
}  # fmt: skip
