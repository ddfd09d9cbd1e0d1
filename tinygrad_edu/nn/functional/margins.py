"""Losses that want a margin: between a score and its limit, between near and far."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ... import ops
from ...annotations import ArrayLike
from ...errors import ShapeError
from ...functions.arguments import kept_single, lift
from ...tensor import Tensor
from ...values import value
from .distances import cosine_similarity, pairwise_distance
from .losses import pair, reduced


@kept_single
def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:  # fmt: skip
    """max(0, margin - target * (x1 - x2)): x1 shall be the larger where the target is 1, the smaller where it is -1.

    All three have one shape, else a ShapeError.
    Source: Herbrich, Graepel and Obermayer, "Large margin rank boundaries for ordinal regression" (2000).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.margin_ranking_loss([1.0], [3.0], [1]).item()
    2.0
    """
    x1, x2 = pair("margin_ranking_loss", input1, input2)
    x1, target = pair("margin_ranking_loss", x1, target)
    return reduced(ops.relu(margin - target * (x1 - x2)), reduction, "margin_ranking_loss")


@kept_single
def hinge_embedding_loss(input: ArrayLike, target: ArrayLike, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """x where the target is 1, max(0, margin - x) where it is -1.

    Source: Hadsell, Chopra and LeCun, "Dimensionality reduction by learning an invariant mapping" (2006), of squares.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.hinge_embedding_loss([0.25, 0.25], [1, -1], reduction="none").tolist()
    [0.25, 0.75]
    """
    x, target = pair("hinge_embedding_loss", input, target)
    losses = ops.where(target == -1, 0, x) + ops.where(target == 1, 0, ops.relu(margin - x))
    return reduced(losses, reduction, "hinge_embedding_loss")


@kept_single
def soft_margin_loss(input: ArrayLike, target: ArrayLike, reduction: str = "mean") -> Tensor:
    """log(1 + exp(-target * x)), for targets 1 and -1.

    Source: Friedman, Hastie and Tibshirani, "Additive logistic regression: a statistical view of boosting" (2000).

    >>> import tinygrad_edu.nn.functional as F
    >>> round(F.soft_margin_loss([0.0], [1]).item(), 4)
    0.6931
    """
    x, target = pair("soft_margin_loss", input, target)
    return reduced(ops.softplus(-target * x), reduction, "soft_margin_loss")


@kept_single
def cosine_embedding_loss(
    input1: ArrayLike, input2: ArrayLike, target: ArrayLike, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:  # fmt: skip
    """1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1.

    Shapes: `(n, d), (n, d)` and targets `(n,)`, or without n; other targets raise a ShapeError.

    >>> import tinygrad_edu.nn.functional as F
    >>> x1, x2 = [[1.0, 0.0], [1.0, 0.0]], [[0.0, 2.0], [2.0, 0.0]]
    >>> F.cosine_embedding_loss(x1, x2, [1, -1], reduction="none").tolist()
    [1.0, 1.0]
    """
    target = lift(target, "cosine_embedding_loss")
    similarity = cosine_similarity(input1, input2, -1, 1e-12)
    if target.shape != similarity.shape:
        raise ShapeError(
            f"cosine_embedding_loss: needs one target, 1 or -1, for each pair; got {target.shape} for "
            f"{similarity.shape}; reshape it"
        )
    losses = ops.where(value(target) == 1, 1 - similarity, ops.maximum(similarity - margin, 0))
    return reduced(losses, reduction, "cosine_embedding_loss")


@kept_single
def triplet_margin_loss(
    anchor: ArrayLike, positive: ArrayLike, negative: ArrayLike, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6,
    swap: bool = False, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, |anchor - positive| - |anchor - negative| + margin), with the p-norm over the last axis.

    With `swap`, |positive - negative| counts if it is smaller. Shapes: `(n, d)` three times.
    Source: Balntas et al., "Learning local feature descriptors with triplets and shallow convolutional neural
    networks" (2016).

    >>> import tinygrad_edu.nn.functional as F
    >>> round(F.triplet_margin_loss([[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 1.0]]).item(), 4)
    5.0
    """
    who = "triplet_margin_loss"
    distance = partial(pairwise_distance, p=p, eps=eps)
    return _triplet(who, anchor, positive, negative, distance, margin, swap, reduction)


@kept_single
def triplet_margin_with_distance_loss(
    anchor: Any, positive: Any, negative: Any, *, distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0, swap: bool = False, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), with any distance d; `pairwise_distance` if none is
    given. See `triplet_margin_loss`. Source: Balntas et al. (2016).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> city = lambda a, b: (a - b).abs().sum(-1)
    >>> x = tg.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    >>> F.triplet_margin_with_distance_loss(*x, distance_function=city).item()
    7.0
    """
    who, distance = "triplet_margin_with_distance_loss", distance_function or pairwise_distance
    return _triplet(who, anchor, positive, negative, distance, margin, swap, reduction)


def _triplet(
    who: str, anchor: Any, positive: Any, negative: Any, distance: Any, margin: float, swap: bool, reduction: str
) -> Tensor:  # fmt: skip
    anchor, positive, negative = lift(anchor, who), lift(positive, who), lift(negative, who)
    far = lift(distance(anchor, negative), who)
    if swap:
        far = ops.minimum(far, lift(distance(positive, negative), who))
    return reduced(ops.maximum(lift(distance(anchor, positive), who) - far + margin, 0), reduction, who)


__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "soft_margin_loss", "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]  # fmt: skip
