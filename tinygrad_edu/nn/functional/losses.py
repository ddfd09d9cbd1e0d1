"""Losses: one number that says how far a prediction is from its target."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...annotations import Array, ArrayLike
from ...errors import ShapeError
from ...functions.arguments import kept_single, lift
from ...functions.reduce import sum
from ...functions.settings import settings
from ...tensor import Tensor
from ...values import require, value
from .. import guards


@settings
def reduced(losses: Tensor, reduction: str, who: str) -> Tensor:
    """The losses of all entries as one number: "mean", "sum", or as they are for "none"."""
    if reduction == "mean":
        return guards.note_loss(sum(losses) / losses.size)
    if reduction == "sum":
        return guards.note_loss(sum(losses))
    if reduction == "none":
        return losses
    raise ValueError(f"{who}: reduction must be 'mean', 'sum' or 'none'; got {reduction!r}; choose one")


@settings
def pair(who: str, x: ArrayLike, target: ArrayLike) -> tuple[Tensor, Tensor]:
    """A prediction and a target of the same shape; the target in the dtype of the prediction."""
    x, target = lift(x, who), lift(target, who)
    if x._data.shape != target._data.shape and guards.is_on("loss_shapes"):
        raise ShapeError(
            f"{who}: prediction and target must have one shape; got {x.shape} and {target.shape}, which would be "
            "paired by broadcasting; use squeeze or reshape on one, or nn.guards.off('loss_shapes')"
        )
    return x, target if target.dtype == x.dtype else target.astype(x.dtype)


def _weighed(losses: Any, weight: Any, reduction: str, who: str, by_count: bool = False) -> Tensor:
    """`reduced` losses, each times its weight; their mean is divided by the sum of the weights, or `by_count`."""
    if weight is None:
        return reduced(losses, reduction, who)
    weight = lift(weight, who)
    if weight.shape != losses.shape:
        raise ShapeError(f"{who}: weight must have the input's shape {losses.shape}; got {weight.shape}; reshape it")
    weight = weight if weight.dtype == losses.dtype else weight.astype(losses.dtype)
    if reduction == "mean" and not by_count:
        return guards.note_loss(sum(losses * weight) / sum(weight))
    return reduced(losses * weight, reduction, who)


@kept_single
def mse_loss(input: ArrayLike, target: ArrayLike, reduction: str = "mean", weight: ArrayLike | None = None) -> Tensor:
    """(x - target)**2; with `weight`, of the input's shape, times that, and the mean is divided by the sum of `weight`.

    Source: Legendre, "Nouvelles méthodes pour la détermination des orbites des comètes" (1805).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.mse_loss([1.0, 2.0], [1.0, 4.0]).item()
    2.0
    """
    x, target = pair("mse_loss", input, target)
    return _weighed(ops.square(x - target), weight, reduction, "mse_loss")


@kept_single
def l1_loss(input: ArrayLike, target: ArrayLike, reduction: str = "mean", weight: ArrayLike | None = None) -> Tensor:
    """abs(x - target); `weight` is as for `mse_loss`. Two different shapes raise a ShapeError.

    Source: Bloomfield and Steiger, "Least absolute deviations: theory, applications, and algorithms" (1983).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.l1_loss([1.0, 2.0], [1.0, 4.0]).item()
    1.0
    """
    x, target = pair("l1_loss", input, target)
    return _weighed(ops.abs(x - target), weight, reduction, "l1_loss")


@kept_single
def smooth_l1_loss(input: ArrayLike, target: ArrayLike, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """d**2 / (2 * beta) where d = abs(x - target) is below `beta`, else d - beta / 2.

    Source: Girshick, "Fast R-CNN" (2015).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.smooth_l1_loss([1.0, 3.0], [0.0, 0.0], "none", beta=2.0).tolist()
    [0.25, 2.0]
    """
    x, target = pair("smooth_l1_loss", input, target)
    d = ops.abs(x - target)
    if beta:
        d = ops.where(d < beta, ops.square(d) * (0.5 / beta), d - 0.5 * beta)
    return reduced(d, reduction, "smooth_l1_loss")


@kept_single
def huber_loss(
    input: ArrayLike, target: ArrayLike, reduction: str = "mean", delta: float = 1.0, weight: ArrayLike | None = None
) -> Tensor:  # fmt: skip
    """d**2 / 2 where d = abs(x - target) is below `delta`, else delta * (d - delta / 2).

    With `weight`, of the input's shape, times that; the mean is that of all entries, as PyTorch has it.
    Source: Huber, "Robust estimation of a location parameter" (1964).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.huber_loss([0.5, 3.0], [0.0, 0.0], "none").tolist()
    [0.125, 2.5]
    """
    x, target = pair("huber_loss", input, target)
    d = ops.abs(x - target)
    losses = ops.where(d < delta, ops.square(d) * 0.5, (d - 0.5 * delta) * delta)
    return _weighed(losses, weight, reduction, "huber_loss", by_count=True)


@kept_single
def binary_cross_entropy(
    input: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None, reduction: str = "mean"
) -> Tensor:
    """-(target * log(x) + (1 - target) * log(1 - x)) for probabilities x; logarithms end at -100.

    Predictions beyond 0 and 1, such as logits, raise a ValueError.
    Source: Bishop, "Pattern recognition and machine learning" (2006), section 4.3.

    >>> import tinygrad_edu.nn.functional as F
    >>> round(F.binary_cross_entropy([0.5, 1.0], [1.0, 1.0], reduction="sum").item(), 4)
    0.6931
    """
    who = "binary_cross_entropy"
    x, target = pair(who, input, target)

    def check(values: Array) -> None:
        if not np.all((values >= 0) & (values <= 1)):
            raise ValueError(
                f"{who}: predictions must be probabilities, from 0 to 1; got {values.min()} to {values.max()}; "
                "use sigmoid, or binary_cross_entropy_with_logits"
            )

    require(value(x), check)
    losses = -(target * _log(x) + (1 - target) * _log(1 - x))
    return reduced(losses if weight is None else losses * lift(weight), reduction, who)


def _log(p: Tensor) -> Any:
    """log(p), at least -100, with a finite gradient also at 0 (of 0)."""
    safe = ops.where(p == 0, 1, p)
    return ops.where(p == 0, -100, ops.maximum(ops.log(safe), -100))


@kept_single
def binary_cross_entropy_with_logits(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    reduction: str = "mean",
    pos_weight: ArrayLike | None = None,
) -> Tensor:
    """Binary cross-entropy of sigmoid(x), computed as softplus(x) - target * x, which cannot overflow.

    `pos_weight` multiplies the part of the positive targets.
    Source: Bishop, "Pattern recognition and machine learning" (2006), section 4.3.

    >>> import tinygrad_edu.nn.functional as F
    >>> loss = F.binary_cross_entropy_with_logits
    >>> round(loss([0.0], [1.0]).item(), 4), round(loss([0.0], [1.0], pos_weight=2.0).item(), 4)
    (0.6931, 1.3863)
    """
    who = "binary_cross_entropy_with_logits"
    x, target = pair(who, input, target)
    guards.check_logits(who, x, ops.sigmoid)
    if pos_weight is None:
        losses = ops.softplus(x) - target * x
    else:
        losses = (1 - target) * x + ((lift(pos_weight) - 1) * target + 1) * ops.softplus(-x)
    return reduced(losses if weight is None else losses * lift(weight), reduction, who)


@kept_single
def kl_div(input: ArrayLike, target: ArrayLike, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """target * (log(target) - x) for log-probabilities x; 0 where the target is 0.

    "batchmean" divides the sum by the length of axis 0, which is the mathematical definition.
    Source: Kullback and Leibler, "On information and sufficiency" (1951).

    >>> import tinygrad_edu.nn.functional as F
    >>> x, target = [[-1.0, -2.0]], [[1.0, 0.0]]
    >>> F.kl_div(x, target).item(), F.kl_div(x, target, "batchmean").item()
    (0.5, 1.0)
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


@kept_single
def poisson_nll_loss(
    input: ArrayLike,
    target: ArrayLike,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """-log of the Poisson probability of `target`, at a rate of exp(x), or of x without `log_input`.

    exp(x) - target * x, or x - target * log(x + eps); with `full`, and Stirling's formula for log(target!) where the
    target is larger than 1. Source: Nelder and Wedderburn, "Generalized linear models" (1972).

    >>> import tinygrad_edu.nn.functional as F
    >>> round(F.poisson_nll_loss([1.0], [2.0]).item(), 4)
    0.7183
    """
    x, target = pair("poisson_nll_loss", input, target)
    losses = ops.exp(x) - target * x if log_input else x - target * ops.log(x + eps)
    if full:
        t = ops.where(target > 1, target, 1)
        losses = losses + ops.where(target > 1, t * ops.log(t) - t + 0.5 * ops.log(2 * math.pi * t), 0)
    return reduced(losses, reduction, "poisson_nll_loss")


@kept_single
def gaussian_nll_loss(
    input: ArrayLike, target: ArrayLike, var: ArrayLike, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:  # fmt: skip
    """-log of the normal density of `target`, at mean x and variance `var`: (log(var) + (x - target)**2 / var) / 2.

    `var` has the shape of the input, or broadcasts to it, or lacks its last axis; below `eps` it counts as `eps`, and
    its gradient passes all the same. With `full`, log(2 * pi) / 2 is added. A negative `var` raises a ValueError.
    Source: Nix and Weigend, "Estimating the mean and variance of the target probability distribution" (1994).
    Errors: a ShapeError for a `var` of another shape.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.gaussian_nll_loss([0.0], [2.0], [1.0]).item()
    2.0
    """
    who = "gaussian_nll_loss"
    x, target = pair(who, input, target)
    var = lift(var, who)
    if var.shape != x.shape and var.shape == x.shape[:-1]:
        var = var.expand_dims(-1)
    if not _broadcasts(var.shape, x.shape):
        raise ShapeError(
            f"{who}: var must have the input's shape {x.shape}, or 1 for an axis; got {var.shape}; reshape it"
        )

    def check(values: Array) -> None:
        if np.size(values) and not np.min(values) >= 0:
            raise ValueError(f"{who}: var must be 0 or more; got {np.min(values)}; use exp or softplus for a variance")

    require(value(var), check)
    var = var + (ops.maximum(var, eps) - var).detach()
    losses = (ops.log(var) + ops.square(x - target) / var) * 0.5
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction, who)


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(reversed(shape), reversed(to), strict=False))


__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "gaussian_nll_loss", "huber_loss", "kl_div", "l1_loss",
    "mse_loss", "poisson_nll_loss", "smooth_l1_loss",
]  # fmt: skip
