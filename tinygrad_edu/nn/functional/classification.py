"""Losses of class predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...arrays import to_array
from ...engine import Variable, constant
from ...errors import DTypeError, ShapeError
from ...functions.arguments import lift, single
from ...functions.layout import moveaxis
from ...functions.reduce import mean, sum
from ...functions.settings import Probability, settings
from ...tensor import Tensor
from ...values import decided, require, value
from .. import guards
from .activations import log_softmax
from .losses import reduced

UNSIGNED = {1: np.dtype("u1"), 2: np.dtype("u2"), 4: np.dtype("u4"), 8: np.dtype("u8")}


def _classes(who: str, target: Any, n: int, shape: tuple[int, ...], ignore_index: int) -> tuple[Any, Any]:
    """Class numbers, checked, with 0 where they are ignored; and where they are not, if any is."""
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

    def right(values: Any) -> bool:  # a negative number is a large unsigned one, so one comparison finds both
        unsigned = UNSIGNED[values.itemsize]
        return not values.size or bool(values.view(unsigned).max() < n and not 0 <= ignore_index < n)

    def check(values: Any) -> None:
        wrong = values[(values != ignore_index) & ((values < 0) | (values >= n))]
        if wrong.size and guards.is_on("labels"):
            raise IndexError(
                f"{who}: labels must be from 0 to {n - 1}, for {n} classes; got {wrong.flat[0]}; number the "
                "classes from 0, or widen the last layer"
            )

    if decided(target, right, otherwise=False):
        return target, None
    require(target, check)
    kept = target != ignore_index
    return np.where(kept, target, 0), None if decided(kept, np.all, otherwise=False) else kept


@settings
@single
def cross_entropy(
    input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean",
    label_smoothing: Probability = 0.0,
) -> Tensor:  # fmt: skip
    """-log softmax(x)[target]: how surprised the logits `input` are by the right class.

    Shapes: `(batch, classes)` or `(batch, classes, ...)` or `(classes,)`; the target holds class numbers
    and has no class axis, or probabilities and has the shape of `input`. `weight` has one factor for each
    class; class numbers equal to `ignore_index` do not count; "mean" divides by the weights of those
    that do (nan if none does). With `label_smoothing` s, a share s of the target is spread over all classes.

    >>> import tinygrad_edu.nn.functional as F
    >>> round(F.cross_entropy([[0.0, 0.0]], [1]).item(), 4)
    0.6931
    """
    x = lift(input, "cross_entropy")
    shape = x._data.shape
    if not shape:
        raise ShapeError(f"cross_entropy: the input must have a class axis; got shape {shape}; give logits")
    if x.op in (ops.softmax, ops.exp, ops.divide, ops.cast):  # so ends softmax
        guards.check_logits("cross_entropy", x)
    y = value(target) if isinstance(target, Variable) else to_array(target, who="cross_entropy")
    if y.dtype.kind == "f" and y.shape == shape:
        return _soft_cross_entropy(x, lift(target), weight, reduction, label_smoothing)
    x = _classes_last(x)
    *rows, n = x._data.shape
    y, kept = _classes("cross_entropy", y, n, tuple(rows), ignore_index)
    if weight is None and kept is None and not label_smoothing and len(rows) == 1 and reduction == "mean":
        return guards.note_loss(ops.cross_entropy(x, target if isinstance(target, Variable) else constant(y), axis=1))
    return _picked(log_softmax(x), y, kept, weight, reduction, label_smoothing, "cross_entropy")


@settings
@single
def nll_loss(
    input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:  # fmt: skip
    """-x[target] for log-probabilities x, as `log_softmax` gives; arguments as in `cross_entropy`."""
    x = lift(input, "nll_loss")
    if guards.is_on("softmax_twice") and guards.looks_like_softmax(x):
        guards.warn("softmax_twice", "nll_loss: takes log-probabilities; got probabilities; use log_softmax")
    if not x.ndim:
        raise ShapeError(f"nll_loss: the input must have a class axis; got shape {x.shape}; give log-probabilities")
    x = _classes_last(x)
    y = value(target) if isinstance(target, Variable) else to_array(target, who="nll_loss")
    y, kept = _classes("nll_loss", y, x.shape[-1], x.shape[:-1], ignore_index)
    return _picked(x, y, kept, weight, reduction, 0.0, "nll_loss")


def _classes_last(x: Any) -> Any:
    """The class axis (axis 1, or the only one) moved to the end."""
    return moveaxis(x, 1, -1) if len(x._data.shape) > 2 else x


def _picked(
    logp: Any, y: Any, kept: Any, weight: Any, reduction: str, smoothing: float, who: str
) -> Tensor:  # fmt: skip
    """Minus the log-probabilities of the targets, weighted by class; `logp` has its classes last."""
    n = logp.shape[-1]
    w = np.ones(n, logp.dtype) if weight is None else np.asarray(lift(weight, who)._data, logp.dtype)
    if w.shape != (n,):
        raise ShapeError(f"{who}: weight must have one entry for each of {n} classes; got {w.shape}; check it")
    counts = ops.getitem(w, y, index=(ops.ARRAY,))
    counts = counts if kept is None else counts * kept
    lost = -ops.take_along_axis(logp, y[..., None], axis=logp.ndim - 1).reshape(y.shape)
    losses = lost * counts if kept is None else ops.where(kept, lost * counts, 0)
    if smoothing:
        spread = -sum(logp * w, -1)
        spread = spread if kept is None else ops.where(kept, spread, 0)
        losses = losses * (1 - smoothing) + spread * (smoothing / n)
    if reduction == "mean":
        with np.errstate(invalid="ignore"):  # nan where no target counts
            return guards.note_loss(sum(losses) / np.sum(counts))
    return reduced(losses, reduction, who)


def _soft_cross_entropy(x: Any, target: Any, weight: Any, reduction: str, smoothing: float) -> Tensor:
    """-sum(target * log softmax(x)) over classes; "mean" divides by the number of rows."""
    axis = 1 if x.ndim > 1 else 0
    n = x.shape[axis]
    target = target.astype(x.dtype)
    if smoothing:
        target = target * (1 - smoothing) + smoothing / n
    losses = -log_softmax(x, axis) * target
    if weight is not None:
        losses = losses * lift(weight).reshape((-1,) + (1,) * (x.ndim - axis - 1))
    losses = sum(losses, axis)
    return guards.note_loss(mean(losses)) if reduction == "mean" else reduced(losses, reduction, "cross_entropy")


__all__ = ["cross_entropy", "nll_loss"]
