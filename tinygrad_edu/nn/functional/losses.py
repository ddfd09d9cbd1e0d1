"""Losses: one number that says how far a prediction is from its target."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...errors import ShapeError
from ...functions.arguments import lift, single
from ...functions.linalg import vector_norm
from ...functions.reduce import sum
from ...functions.settings import settings
from ...tensor import Tensor
from ...values import require, value
from .. import guards
from .normalization import cosine_similarity


@settings
def reduced(losses: Any, reduction: str, who: str) -> Tensor:
    """The losses of all entries as one number: "mean", "sum", or as they are for "none"."""
    if reduction == "mean":
        return guards.note_loss(sum(losses) / losses.size)
    if reduction == "sum":
        return guards.note_loss(sum(losses))
    if reduction == "none":
        return losses
    raise ValueError(f"{who}: reduction must be 'mean', 'sum' or 'none'; got {reduction!r}; choose one")


@settings
def pair(who: str, x: Any, target: Any) -> tuple[Any, Any]:
    """A prediction and a target of the same shape; the target in the dtype of the prediction."""
    x, target = lift(x, who), lift(target, who)
    if x._data.shape != target._data.shape and guards.is_on("loss_shapes"):
        raise ShapeError(
            f"{who}: prediction and target must have one shape; got {x.shape} and {target.shape}, which would be "
            "paired by broadcasting; use squeeze or reshape on one, or nn.guards.off('loss_shapes')"
        )
    return x, target if target.dtype == x.dtype else target.astype(x.dtype)


@settings
@single
def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """(x - target)**2.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.mse_loss([1.0, 2.0], [1.0, 4.0]).item()
    2.0
    """
    x, target = pair("mse_loss", input, target)
    return reduced(ops.square(x - target), reduction, "mse_loss")


@settings
@single
def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """abs(x - target)."""
    x, target = pair("l1_loss", input, target)
    return reduced(ops.abs(x - target), reduction, "l1_loss")


@settings
@single
def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """d**2 / (2 * beta) where d = abs(x - target) is below `beta`, else d - beta / 2."""
    x, target = pair("smooth_l1_loss", input, target)
    d = ops.abs(x - target)
    if beta:
        d = ops.where(d < beta, ops.square(d) * (0.5 / beta), d - 0.5 * beta)
    return reduced(d, reduction, "smooth_l1_loss")


@settings
@single
def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """d**2 / 2 where d = abs(x - target) is below `delta`, else delta * (d - delta / 2)."""
    x, target = pair("huber_loss", input, target)
    d = ops.abs(x - target)
    return reduced(
        ops.where(d < delta, ops.square(d) * 0.5, (d - 0.5 * delta) * delta), reduction, "huber_loss"
    )  # fmt: skip


@settings
@single
def binary_cross_entropy(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Tensor:
    """-(target * log(x) + (1 - target) * log(1 - x)) for probabilities x; logarithms end at -100."""
    who = "binary_cross_entropy"
    x, target = pair(who, input, target)

    def check(values: Any) -> None:
        if not np.all((values >= 0) & (values <= 1)):
            raise ValueError(
                f"{who}: predictions must be probabilities, from 0 to 1; got {values.min()} to {values.max()}; "
                "use sigmoid, or binary_cross_entropy_with_logits"
            )

    require(value(x), check)
    losses = -(target * _log(x) + (1 - target) * _log(1 - x))
    return reduced(losses if weight is None else losses * lift(weight), reduction, who)


def _log(p: Any) -> Any:
    """log(p), at least -100, with a finite gradient also at 0 (of 0)."""
    safe = ops.where(p == 0, 1, p)
    return ops.where(p == 0, -100, ops.maximum(ops.log(safe), -100))


@settings
@single
def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Tensor:
    """Binary cross-entropy of sigmoid(x), computed as softplus(x) - target * x, which cannot overflow.

    `pos_weight` multiplies the part of the positive targets.
    """
    who = "binary_cross_entropy_with_logits"
    x, target = pair(who, input, target)
    guards.check_logits(who, x, ops.sigmoid)
    if pos_weight is None:
        losses = ops.softplus(x) - target * x
    else:
        losses = (1 - target) * x + ((lift(pos_weight) - 1) * target + 1) * ops.softplus(-x)
    return reduced(losses if weight is None else losses * lift(weight), reduction, who)


@settings
@single
def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """target * (log(target) - x) for log-probabilities x; 0 where the target is 0.

    "batchmean" divides the sum by the length of axis 0, which is the mathematical definition.
    """
    x, target = pair("kl_div", input, target)
    if log_target:
        losses = ops.exp(target) * (target - x)
    else:
        zero = target == 0
        losses = target * (ops.where(zero, 0, ops.log(ops.where(zero, 1, target))) - x)
    if reduction == "batchmean":
        return reduced(losses, "sum", "kl_div") / (x.shape[0] if x.shape else 1)
    return reduced(losses, reduction, "kl_div")


@settings
@single
def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:  # fmt: skip
    """1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1."""
    target = lift(target, "cosine_embedding_loss")
    similarity = cosine_similarity(input1, input2, -1, 1e-12)
    if target.shape != similarity.shape:
        raise ShapeError(
            f"cosine_embedding_loss: needs one target, 1 or -1, for each pair; got {target.shape} for "
            f"{similarity.shape}; reshape it"
        )
    losses = ops.where(value(target) == 1, 1 - similarity, ops.maximum(similarity - margin, 0))
    return reduced(losses, reduction, "cosine_embedding_loss")


@settings
@single
def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6,
    swap: bool = False, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, |anchor - positive| - |anchor - negative| + margin), with the p-norm over the last axis.

    With `swap`, |positive - negative| counts if it is smaller. Source: Balntas et al. (2016).
    """
    who = "triplet_margin_loss"
    anchor, positive, negative = lift(anchor, who), lift(positive, who), lift(negative, who)
    far = _distance(anchor, negative, p, eps)
    if swap:
        far = ops.minimum(far, _distance(positive, negative, p, eps))
    return reduced(ops.maximum(_distance(anchor, positive, p, eps) - far + margin, 0), reduction, who)


def _distance(a: Any, b: Any, p: float, eps: float) -> Any:
    return vector_norm(a - b + eps, p, -1)


__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss", "huber_loss", "kl_div",
    "l1_loss", "mse_loss", "smooth_l1_loss", "triplet_margin_loss",
]  # fmt: skip
