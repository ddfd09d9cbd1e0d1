"""Losses: one number that says how far a prediction is from its target."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...engine import Variable
from ...errors import DTypeError, ShapeError
from ...functions.common import lift
from ...functions.layout import moveaxis
from ...functions.reduce import mean, sum
from ...tensor import Tensor
from .activations import log_softmax


def reduced(loss: Any, reduction: str, who: str) -> Tensor:
    """The losses of all entries as one number: "mean", "sum", or as they are for "none"."""
    if reduction == "mean":
        return ops.sum(loss, axis=tuple(range(len(loss._data.shape))), keepdims=False) / loss.size
    if reduction == "sum":
        return sum(loss)
    if reduction == "none":
        return loss
    raise ValueError(f"{who}: reduction must be 'mean', 'sum' or 'none'; got {reduction!r}; choose one")


def _classes(who: str, target: Any, n: int, shape: tuple[int, ...], ignore_index: int) -> tuple[Any, Any]:
    """Class numbers as an array, checked, with 0 where they are ignored; and where they are not."""
    if target.dtype.kind not in "iu":
        raise DTypeError(
            f"{who}: class targets must be integers; got {target.dtype}; use .astype('int64'), or give "
            "probabilities in the shape of the input"
        )
    if target.shape != shape:
        raise ShapeError(
            f"{who}: class targets must have the input's shape without the class axis, {shape}; got "
            f"{target.shape}; use one integer for each row, not one-hot vectors of integers"
        )
    # one pass finds labels below 0 as well: as unsigned numbers they are the largest
    if target.size and np.maximum.reduce(target.view(f"u{target.itemsize}"), axis=None) >= n:
        kept = target != ignore_index
        wrong = target[kept & ((target < 0) | (target >= n))]
        if wrong.size:
            raise IndexError(
                f"{who}: labels must be from 0 to {n - 1}, for {n} classes; got {wrong.flat[0]}; number the "
                "classes from 0, or widen the last layer"
            )
        return np.where(kept, target, 0), kept
    return target, (target != ignore_index) if 0 <= ignore_index < n else None


def _rows(x: Any) -> Any:
    """The class axis (axis 1, or the only one) moved to the end."""
    return moveaxis(x, 1, -1) if x.ndim > 2 else x


def cross_entropy(
    x: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """-log softmax(x)[target]: how surprised the logits `x` are by the right class.

    Shapes: `(batch, classes)` or `(batch, classes, ...)` or `(classes,)`; the target holds class numbers
    and has no class axis, or probabilities and has the shape of `x`. `weight` has one factor for each
    class; class numbers equal to `ignore_index` do not count; "mean" divides by the weights of those
    that do. With `label_smoothing` s, a share s of the target is spread over all classes.

    >>> import tinygrad_edu.nn.functional as F
    >>> round(F.cross_entropy([[0.0, 0.0]], [1]).item(), 4)
    0.6931
    """
    x = lift(x, "cross_entropy")
    y = target._data if isinstance(target, Variable) else np.asarray(target)
    if x.ndim < 1:
        raise ShapeError(f"cross_entropy: the input must have a class axis; got shape {x.shape}; give logits")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must be from 0 to 1; got {label_smoothing}; use e.g. 0.1")
    if y.dtype.kind == "f" and y.shape == x.shape:
        return _soft_cross_entropy(x, lift(target), weight, reduction, label_smoothing)
    x = _rows(x)
    n = x.shape[-1]
    y, kept = _classes("cross_entropy", y, n, x.shape[:-1], ignore_index)
    if weight is None and kept is None and not label_smoothing and x.ndim == 2 and reduction == "mean":
        return ops.cross_entropy(x, target if isinstance(target, Variable) else y, axis=1)
    return _weighted(log_softmax(x, -1), y, kept, weight, reduction, label_smoothing, "cross_entropy")


def _weighted(
    logp: Any, y: Any, kept: Any, weight: Any, reduction: str, smoothing: float, who: str
) -> Tensor:  # fmt: skip
    """Minus the picked log-probabilities, weighted by class; `logp` has its classes last."""
    n = logp.shape[-1]
    w = np.ones(n, logp.dtype) if weight is None else np.asarray(lift(weight, who)._data, logp.dtype)
    if w.shape != (n,):
        raise ShapeError(f"{who}: weight must have one entry for each of {n} classes; got {w.shape}; check it")
    counts = w[y] if kept is None else w[y] * kept
    picked = ops.take_along_axis(logp, np.asarray(y)[..., None], axis=logp.ndim - 1).reshape(y.shape)
    losses = -picked * counts if kept is None else ops.where(kept, -picked * counts, 0)
    if smoothing:
        spread = -sum(logp * w, -1)
        spread = spread if kept is None else ops.where(kept, spread, 0)
        losses = losses * (1 - smoothing) + spread * (smoothing / n)
    if reduction == "mean":
        return sum(losses) / counts.sum()
    return reduced(losses, reduction, who)


def _soft_cross_entropy(x: Any, target: Any, weight: Any, reduction: str, smoothing: float) -> Tensor:
    """-sum(target * log softmax(x)) over classes; "mean" divides by the number of rows."""
    axis = 1 if x.ndim > 1 else 0
    n = x.shape[axis]
    if smoothing:
        target = target * (1 - smoothing) + smoothing / n
    losses = -log_softmax(x, axis) * target
    if weight is not None:
        losses = losses * lift(weight).reshape((-1,) + (1,) * (x.ndim - axis - 1))
    losses = sum(losses, axis)
    return mean(losses) if reduction == "mean" else reduced(losses, reduction, "cross_entropy")


__all__ = ["cross_entropy"]
