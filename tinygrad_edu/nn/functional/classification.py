"""Losses of class predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...annotations import Array, ArrayLike
from ...arrays import to_array
from ...engine import Variable, constant
from ...errors import DTypeError, ShapeError
from ...functions.arguments import kept_single, lift
from ...functions.layout import moveaxis
from ...functions.reduce import mean, sum
from ...functions.settings import Probability
from ...tensor import Tensor
from ...values import decided, require, value
from .. import guards
from .activations import log_softmax
from .losses import pair, reduced

UNSIGNED = {1: np.dtype("u1"), 2: np.dtype("u2"), 4: np.dtype("u4"), 8: np.dtype("u8")}
NONE = -(2**63)  # no class number


def _remedy(target: tuple[int, ...], n: int, shape: tuple[int, ...]) -> str:
    """What to do about class targets of this shape, where the input has `n` classes, and the other axes `shape`."""
    if len(shape) == 1 and target == (n,):
        return "write input.T, if its rows are the classes: examples are rows"
    if len(shape) > 1 and target == (*shape[:1], n, *shape[1:-1]):
        return f"write input.reshape(-1, {shape[-1]}) and target.reshape(-1), if the classes stand along the last axis"
    if target == (*shape, 1):
        return "write target.reshape(-1)"
    return "use one integer for each row, not one-hot vectors of integers"


def _classes(
    who: str, target: Any, n: int, shape: tuple[int, ...], ignore_index: int = NONE
) -> tuple[Any, Any]:  # fmt: skip
    """Class numbers, checked, with 0 where they are ignored; and where they are not, if any is."""
    if target.dtype.kind not in "iu":
        raise DTypeError(
            f"{who}: class targets must be integers; got {target.dtype}; use .astype('int64'), or give "
            "probabilities in the shape of the input"
        )
    if target.shape != shape:
        raise ShapeError(
            f"{who}: class targets must have the input's shape without the class axis, {shape}; got "
            f"{target.shape}; {_remedy(target.shape, n, shape)}"
        )

    def right(values: Any) -> bool:  # a negative number is a large unsigned one, so one comparison finds both
        unsigned = UNSIGNED[values.itemsize]
        return not values.size or bool(values.view(unsigned).max() < n and not 0 <= ignore_index < n)

    def check(values: Array) -> None:
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


@kept_single
def cross_entropy(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: Probability = 0.0,
) -> Tensor:
    """-log softmax(x)[target]: how surprised the logits `input` are by the right class.

    Shapes: `(batch, classes)` or `(batch, classes, ...)` or `(classes,)`; the target holds class numbers
    and has no class axis, or probabilities and has the shape of `input`. `weight` has one factor for each
    class; class numbers equal to `ignore_index` do not count; "mean" divides by the weights of those
    that do (nan if none does). With `label_smoothing` s, a share s of the target is spread over all classes.
    Label smoothing: Szegedy et al., "Rethinking the Inception architecture" (2016).
    Source: Bishop, "Pattern recognition and machine learning" (2006), section 4.3.
    Errors: a ShapeError for an input without a class axis.

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
    y = _plain(target, "cross_entropy")
    if y.dtype.kind == "f" and y.shape == shape:
        return _soft_cross_entropy(x, lift(target), weight, reduction, label_smoothing)
    x = _classes_last(x)
    *rows, n = x._data.shape
    y, kept = _classes("cross_entropy", y, n, tuple(rows), ignore_index)
    if weight is None and kept is None and not label_smoothing and len(rows) == 1 and reduction == "mean":
        labels = target if isinstance(target, Variable) else constant(y.copy())  # its owner may write into it
        return guards.note_loss(ops.cross_entropy(x, labels, axis=1))
    return _picked(log_softmax(x), y, kept, weight, reduction, label_smoothing, "cross_entropy")


@kept_single
def nll_loss(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """-x[target] for log-probabilities x, as `log_softmax` gives; arguments as in `cross_entropy`.

    Labels beyond the classes raise an IndexError.
    Source: Bishop, "Pattern recognition and machine learning" (2006), section 4.3.
    Errors: a ShapeError for an input without a class axis.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.nll_loss([[-1.0, -3.0], [-2.0, -4.0]], [1, 0]).item()
    2.5
    """
    x = lift(input, "nll_loss")
    if guards.is_on("softmax_twice") and guards.looks_like_softmax(x):
        guards.warn("softmax_twice", "nll_loss: takes log-probabilities; got probabilities; use log_softmax")
    if not x.ndim:
        raise ShapeError(f"nll_loss: the input must have a class axis; got shape {x.shape}; give log-probabilities")
    x = _classes_last(x)
    y = _plain(target, "nll_loss")
    y, kept = _classes("nll_loss", y, x.shape[-1], x.shape[:-1], ignore_index)
    return _picked(x, y, kept, weight, reduction, 0.0, "nll_loss")


def _classes_last(x: Tensor) -> Any:
    """The class axis (axis 1, or the only one) moved to the end."""
    return moveaxis(x, 1, -1) if len(x._data.shape) > 2 else x


def _picked(
    logp: Any, y: Any, kept: Any, weight: Any, reduction: str, smoothing: float, who: str
) -> Tensor:  # fmt: skip
    """Minus the log-probabilities of the targets, weighted by class; `logp` has its classes last."""
    n = logp.shape[-1]
    w = np.ones(n, logp.dtype) if weight is None else _factors(who, weight, n, logp.dtype)
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


@kept_single
def multi_margin_loss(
    input: ArrayLike,
    target: ArrayLike,
    p: int = 1,
    margin: float = 1.0,
    weight: ArrayLike | None = None,
    reduction: str = "mean",
) -> Tensor:
    """sum(max(0, margin - x[target] + x[i])**p) / classes, over the other classes i; for p = 1 or 2.

    Shapes: `(batch, classes)` and class numbers `(batch,)`, or without the batch axis. `weight` has a factor for each
    class. Source: Crammer and Singer, "Multiclass kernel-based vector machines" (2001).
    Errors: a ShapeError for more axes, and for another `p`.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.multi_margin_loss([[1.0, 0.5]], [0]).item()
    0.25
    """
    who, x = "multi_margin_loss", lift(input, "multi_margin_loss")
    if x.ndim > 2 or p not in (1, 2):
        raise ShapeError(
            f"{who}: the input must be (batch, classes), and p 1 or 2; got shape {x.shape} and p={p}; reshape it"
        )
    target = _plain(target, who)
    if x.ndim < 2 and target.shape == (1,):  # of one example, which has no axis
        target = target.reshape(())
    x = x if x.ndim else x.reshape(1)
    n = x.shape[-1]
    y, _ = _classes(who, target, n, x.shape[:-1])
    here = y[..., None] == np.arange(n)
    z = ops.relu(x - ops.take_along_axis(x, y[..., None], axis=x.ndim - 1) + margin)
    losses = sum(ops.where(here, 0, z if p == 1 else ops.square(z)), -1) / n
    if weight is not None:
        losses = losses * ops.getitem(_factors(who, weight, n, x.dtype), y, index=(ops.ARRAY,))
    return reduced(losses, reduction, who)


@kept_single
def multilabel_margin_loss(input: ArrayLike, target: ArrayLike, reduction: str = "mean") -> Tensor:
    """sum(max(0, 1 - x[j] + x[i])) / classes, over the classes j in `target` and the others i.

    Shapes: `(batch, classes)` twice, or `(classes,)`; a row of the target lists class numbers, up to the first -1.
    Errors: a ShapeError unless both have one such shape.
    Source: Elisseeff and Weston, "A kernel method for multi-labelled classification" (2001).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.multilabel_margin_loss([0.0, 2.0], [0, -1]).item()
    1.5
    """
    who, x = "multilabel_margin_loss", lift(input, "multilabel_margin_loss")
    y = _plain(target, who)
    if not x.ndim and y.shape in ((), (1,)):
        x, y = x.reshape(1), y.reshape(1)
    if x.ndim not in (1, 2) or y.shape != x.shape:
        raise ShapeError(
            f"{who}: input and target must both be (batch, classes); got {x.shape} and {y.shape}; fill up with -1"
        )
    n = x.shape[-1]
    listed = np.cumsum(y < 0, -1) == 0
    y, _ = _classes(who, np.where(listed, y, 0), n, x.shape)
    wanted = np.any((y[..., None] == np.arange(n)) & listed[..., None], -2)
    scores = ops.take_along_axis(x, y, axis=x.ndim - 1)
    z = ops.relu(1 - scores.expand_dims(-1) + x.expand_dims(-2))
    pairs = listed[..., None] & ~wanted[..., None, :]
    return reduced(sum(ops.where(pairs, z, 0), (-2, -1)) / n, reduction, who)


@kept_single
def multilabel_soft_margin_loss(
    input: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None, reduction: str = "mean"
) -> Tensor:
    """Binary cross-entropy of sigmoid(x) and `target`, averaged over the classes: `(..., classes)` twice.

    Source: Bishop, "Pattern recognition and machine learning" (2006), section 4.3.
    Errors: a ShapeError for an input without a class axis.

    >>> import tinygrad_edu.nn.functional as F
    >>> round(F.multilabel_soft_margin_loss([0.0, 0.0], [1.0, 0.0]).item(), 4)
    0.6931
    """
    who = "multilabel_soft_margin_loss"
    x, target = pair(who, input, target)
    if not x.ndim:
        raise ShapeError(f"{who}: the input must have a class axis; got shape {x.shape}; give logits")
    losses = ops.softplus(x) - target * x
    return reduced(mean(losses if weight is None else losses * lift(weight, who), -1), reduction, who)


def _plain(target: object, who: str) -> Tensor:
    return value(target) if isinstance(target, Variable) else to_array(target, who=who)


def _factors(who: str, weight: Any, n: int, dtype: object) -> Any:
    """A factor for each of `n` classes."""
    w = value(lift(weight, who)).astype(dtype)
    if w.shape != (n,):
        raise ShapeError(f"{who}: weight must have one entry for each of {n} classes; got {w.shape}; check it")
    return w


__all__ = [
    "cross_entropy", "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss",
]  # fmt: skip
