"""Normalization: entries shifted and scaled to mean 0 and variance 1 over some axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import ops
from ...annotations import ArrayLike
from ...arrays import get_default_dtype
from ...batched import BatchedArray
from ...changes import TURN
from ...errors import DTypeError, ShapeError
from ...functions.arguments import lift, row_axis, single, spelled
from ...functions.layout import moveaxis
from ...functions.norms import vector_norm
from ...functions.reduce import mean
from ...functions.settings import Positive, leaf, lengths
from ...tensor import Tensor
from ...values import value
from ...writing import publish


def _moments(x: Tensor, axes: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """The mean over `axes`, what `x` differs from it, and the mean square of that."""
    mu = mean(x, axes, keepdims=True)
    d = x - mu
    return mu, d, mean(ops.square(d), axes, keepdims=True)


def refuse_examples(who: str, x: Tensor) -> None:
    """Raise before running statistics would have to be moved by each example of a `vmap`."""
    if isinstance(x._data, BatchedArray):
        raise DTypeError(
            f"{who}: in training, the running statistics must be one for all examples of a vmap; got an input that "
            "differs between them; call eval() on the layer, give it track_running_stats=False, or use GroupNorm or "
            "LayerNorm, which have none"
        )


def _scaled(y: Any, weight: Any, bias: Any, shape: tuple[int, ...]) -> Any:
    """y * weight + bias, with weight and bias in `shape`."""
    if weight is not None:
        y = y * lift(weight).reshape(shape)
    return y if bias is None else y + lift(bias).reshape(shape)


@single
def batch_norm(
    input: object,
    running_mean: object,
    running_var: object,
    weight: object = None,
    bias: object = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, for each channel (axis 1).

    In training, mean and variance are the batch's, and move the running ones: running = (1 - momentum) *
    running + momentum * batch (with the unbiased variance); otherwise they are the running ones.
    Source: Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal
    covariate shift" (2015).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.batch_norm([[1.0], [3.0]], None, None, training=True, eps=0.0).tolist()
    [[-1.0], [1.0]]
    >>> F.batch_norm([[1.0], [3.0]], [1.0], [4.0], eps=0.0).tolist()
    [[0.0], [1.0]]
    """
    return batch_norm_with(input, running_mean, running_var, weight, bias, training, eps, lambda: (momentum, {}))


@single
def batch_norm_with(
    input: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, training: bool, eps: float,
    count: Callable[[], tuple[float, dict[Tensor, Any]]],
) -> Tensor:  # fmt: skip
    """`batch_norm`, where `count` gives the momentum, and new values of other tensors, which go with the statistics."""
    x = lift(input, "batch_norm")
    if x.ndim < 2:
        raise ShapeError(f"batch_norm: the input must have a batch and a channel axis; got {x.shape}; add one")
    axes = tuple(i for i in range(x.ndim) if i != 1)
    shape = (1, -1, *(1,) * (x.ndim - 2))
    if not training and running_mean is not None:
        scale = 1 / ops.sqrt(lift(running_var) + eps)
        scale = scale if weight is None else scale * lift(weight)
        return _scaled(x - lift(running_mean).reshape(shape), scale, bias, shape)
    if not x.size:  # an empty batch says nothing of its channels
        return _scaled(x, weight, bias, shape)
    n = x.size // x.shape[1]
    if n == 1:
        raise ShapeError(
            f"batch_norm: training needs more than one value in each channel; got shape {x.shape}; use a larger "
            "batch (drop_last=True), or eval()"
        )
    mu, d, var = _moments(x, axes)
    if running_mean is not None:
        refuse_examples("batch_norm", x)
    y = _scaled(d / ops.sqrt(var + eps), weight, bias, shape)
    with TURN:  # threads may share the layer
        momentum, new = count()
        if running_mean is not None:
            new |= {
                running_mean: _moved("batch_norm", running_mean, mu._data, momentum),
                running_var: _moved("batch_norm", running_var, var._data * (n / (n - 1)), momentum),
            }
        publish(list(new), list(new.values()))
    return y


def _moved(who: str, running: Any, batch: Any, momentum: float) -> Any:
    """A running statistic, moved towards that of a batch."""
    if leaf(who, "a running statistic", running).shape != (batch.size,):
        raise ShapeError(
            f"{who}: running statistics must be {(batch.size,)}; got {running.shape}; one for each channel"
        )
    moved = (1 - momentum) * value(running) + momentum * batch.reshape(-1)
    return moved.astype(running._data.dtype, copy=False)


def _last_axes(who: str, x: Tensor, normalized_shape: object) -> tuple[tuple[int, ...], tuple[int, ...]]:
    shape = lengths(who, "normalized_shape", normalized_shape)
    if not shape or x.shape[-len(shape) :] != shape:
        raise ShapeError(
            f"{who}: the last axes of the input must be {shape}; got shape {x.shape}; check normalized_shape"
        )
    return shape, tuple(range(x.ndim - len(shape), x.ndim))


@single
def layer_norm(
    input: ArrayLike,
    normalized_shape: int | Sequence[int],
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, over the last axes: `(..., *normalized_shape)` to the same.

    Source: Ba, Kiros and Hinton, "Layer normalization" (2016).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.layer_norm([[1.0, 3.0], [10.0, 30.0]], 2, weight=[2.0, 1.0], eps=0.0).tolist()
    [[-2.0, 1.0], [-2.0, 1.0]]
    """
    x = lift(input, "layer_norm")
    shape, axes = _last_axes("layer_norm", x, normalized_shape)
    if not x.size:
        return _scaled(x, weight, bias, shape)
    return _scaled(ops.standardize(x, axis=axes, eps=eps, center=True), weight, bias, shape)


@single
def rms_norm(
    input: ArrayLike, normalized_shape: int | Sequence[int], weight: ArrayLike | None = None, eps: float | None = None
) -> Tensor:
    """x / sqrt(mean(x**2) + eps) * weight, over the last axes: `(..., *normalized_shape)` to the same.

    Source: Zhang and Sennrich, "Root mean square layer normalization" (2019).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.rms_norm([[2.0, 2.0], [-3.0, 3.0]], 2, eps=0.0).tolist()
    [[1.0, 1.0], [-1.0, 1.0]]
    """
    x = lift(input, "rms_norm")
    x = x if x.dtype.kind in "fc" else x.astype(get_default_dtype())
    shape, axes = _last_axes("rms_norm", x, normalized_shape)
    if not x.size:
        return _scaled(x, weight, None, shape)
    eps = float(np.finfo(x.dtype).eps) if eps is None else eps
    return _scaled(ops.standardize(x, axis=axes, eps=eps, center=False), weight, None, shape)


@single
def group_norm(
    input: ArrayLike,
    num_groups: Positive,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, over groups of channels: `(n, c, ...)`, to the same.

    `num_groups` must divide c. Source: Wu and He, "Group normalization" (2018).
    Errors: a ShapeError for another number, and for an input without a channel axis.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.group_norm([[1.0, 3.0, 10.0, 30.0]], num_groups=2, eps=0.0).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """
    x = lift(input, "group_norm")
    if x.ndim < 2:
        raise ShapeError(f"group_norm: the input must have a batch and a channel axis; got {x.shape}; add one")
    n, c = x.shape[:2]
    if c % num_groups:
        raise ShapeError(f"group_norm: num_groups must divide the {c} channels; got {num_groups}; choose a divisor")
    if not x.size:
        return _scaled(x, weight, bias, (-1,) + (1,) * (x.ndim - 2))
    y = ops.standardize(x.reshape(n, num_groups, -1), axis=(2,), eps=eps, center=True).reshape(x.shape)
    return _scaled(y, weight, bias, (-1,) + (1,) * (x.ndim - 2))


@single
def normalize(input: ArrayLike, p: float = 2.0, axis: int = 1, eps: float = 1e-12, *, dim: int | None = None) -> Tensor:
    """x / max(norm(x), eps), with the p-norm along `axis`.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.normalize([[4.0, 4.0], [0.0, 2.0]], p=1.0).tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    >>> F.normalize([3.0, 4.0], axis=0).data
    array([0.6, 0.8], dtype=float32)
    """
    axis = axis if dim is None else spelled("normalize", axis, 1, dim)
    x = lift(input, "normalize")
    return x / ops.maximum(vector_norm(x, p, row_axis("normalize", axis, x.ndim), keepdims=True), eps)


@single
def instance_norm(
    input: ArrayLike,
    running_mean: ArrayLike | None = None,
    running_var: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, for each channel of each example: `(n, c, l ...)`.

    Running statistics, where they are given, move towards the means over the batch; without `use_input_stats` they are
    used instead. Source: Ulyanov, Vedaldi and Lempitsky, "Instance normalization: the missing ingredient for
    fast stylization" (2016). Errors: a ShapeError for fewer axes, and for one value in each channel; a ValueError where
    statistics shall be used that are not given.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.instance_norm([[[1.0, 3.0], [10.0, 30.0]]], eps=0.0).tolist()
    [[[-1.0, 1.0], [-1.0, 1.0]]]
    """
    x = lift(input, "instance_norm")
    if x.ndim < 3:
        raise ShapeError(
            f"instance_norm: the input must have a batch axis, a channel axis and another; got {x.shape}; add one"
        )
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise ValueError("instance_norm: needs use_input_stats or running statistics; got neither; give one")
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    shape = (-1,) + (1,) * (x.ndim - 2)
    if not x.size:
        return _scaled(x, weight, bias, shape)
    n = x.size // (x.shape[0] * x.shape[1])
    if n == 1:
        raise ShapeError(
            f"instance_norm: needs more than one value in each channel; got shape {x.shape}; use larger inputs"
        )
    axes = tuple(range(2, x.ndim))
    if running_mean is None or running_var is None:
        return _scaled(ops.standardize(x, axis=axes, eps=eps, center=True), weight, bias, shape)
    refuse_examples("instance_norm", x)
    mu, d, var = _moments(x, axes)
    y = _scaled(d / ops.sqrt(var + eps), weight, bias, shape)
    with TURN:
        moved = [
            _moved("instance_norm", running_mean, np.mean(mu._data, 0), momentum),
            _moved("instance_norm", running_var, np.mean(var._data, 0) * (n / (n - 1)), momentum),
        ]
        publish([running_mean, running_var], moved)
    return y


@single
def local_response_norm(
    input: ArrayLike, size: Positive, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:  # fmt: skip
    """x / (k + alpha * mean(x**2))**beta, with the mean over `size` neighbouring channels: `(n, c, l ...)`.

    Source: Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks" (2012).
    Errors: a ShapeError for fewer axes.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.local_response_norm([[[1.0], [1.0]]], size=2, alpha=2.0, beta=1.0, k=0.0).tolist()
    [[[1.0], [0.5]]]
    """
    x = lift(input, "local_response_norm")
    if x.ndim < 3:
        raise ShapeError(
            f"local_response_norm: the input must have a batch axis, a channel axis and another; got {x.shape}; add one"
        )
    if not x.size:
        return x
    around = ((size // 2, (size - 1) // 2),)
    rows = moveaxis(ops.square(x), 1, -1)
    near = ops.window_sum(rows, kernel=(size,), stride=(1,), padding=around, dilation=(1,))
    return x / (moveaxis(near, -1, 1) * (alpha / size) + k) ** beta


__all__ = [
    "batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "normalize", "rms_norm",
]  # fmt: skip
