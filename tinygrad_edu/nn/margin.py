"""Losses that want a margin, as modules; the functions are in `nn.functional`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..annotations import ArrayLike
from ..functions.settings import settings
from ..tensor import Tensor
from . import functional as F
from .loss import Loss


class MarginRankingLoss(Loss):
    """max(0, margin - target * (x1 - x2)), for targets 1 and -1: see `F.margin_ranking_loss`.

    Source: Herbrich, Graepel and Obermayer (2000).

    >>> from tinygrad_edu import nn
    >>> nn.MarginRankingLoss()([1.0], [3.0], [1]).item()
    2.0
    """

    @settings
    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: ArrayLike, input2: ArrayLike, target: ArrayLike) -> Tensor:
        return F.margin_ranking_loss(input1, input2, target, self.margin, self.reduction)


class HingeEmbeddingLoss(Loss):
    """x where the target is 1, max(0, margin - x) where it is -1: see `F.hinge_embedding_loss`.

    Source: Hadsell et al. (2006).

    >>> from tinygrad_edu import nn
    >>> nn.HingeEmbeddingLoss(reduction="none")([0.25, 0.25], [1, -1]).tolist()
    [0.25, 0.75]
    """

    @settings
    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.hinge_embedding_loss(input, target, self.margin, self.reduction)


class SoftMarginLoss(Loss):
    """log(1 + exp(-target * x)), averaged, for targets 1 and -1. Source: Friedman, Hastie and Tibshirani (2000).

    >>> from tinygrad_edu import nn
    >>> round(nn.SoftMarginLoss()([0.0], [1]).item(), 4)
    0.6931
    """

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.soft_margin_loss(input, target, self.reduction)


class CosineEmbeddingLoss(Loss):
    """1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1: see
    `F.cosine_embedding_loss`.

    >>> from tinygrad_edu import nn
    >>> nn.CosineEmbeddingLoss()([[1.0, 0.0]], [[0.0, 2.0]], [1]).item()
    1.0
    """

    @settings
    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: ArrayLike, input2: ArrayLike, target: ArrayLike) -> Tensor:
        return F.cosine_embedding_loss(input1, input2, target, self.margin, self.reduction)


class TripletMarginLoss(Loss):
    """max(0, |anchor - positive| - |anchor - negative| + margin): see `F.triplet_margin_loss`.

    Source: Balntas et al. (2016).

    >>> from tinygrad_edu import nn
    >>> round(nn.TripletMarginLoss()([[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 1.0]]).item(), 4)
    5.0
    """

    @settings
    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap

    def forward(self, anchor: ArrayLike, positive: ArrayLike, negative: ArrayLike) -> Tensor:
        return F.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, self.reduction
        )  # fmt: skip


class TripletMarginWithDistanceLoss(Loss):
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), for any distance d: see
    `F.triplet_margin_with_distance_loss`. Source: Balntas et al. (2016).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> city = lambda a, b: (a - b).abs().sum(-1)
    >>> x = tg.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    >>> nn.TripletMarginWithDistanceLoss(distance_function=city)(*x).item()
    7.0
    """

    @settings
    def __init__(
        self, *, distance_function: Callable[[Any, Any], Any] | None = None, margin: float = 1.0, swap: bool = False,
        reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(reduction)
        self.distance_function, self.margin, self.swap = distance_function, margin, swap

    def forward(self, anchor: ArrayLike, positive: ArrayLike, negative: ArrayLike) -> Tensor:
        return F.triplet_margin_with_distance_loss(
            anchor, positive, negative, distance_function=self.distance_function, margin=self.margin, swap=self.swap,
            reduction=self.reduction,
        )  # fmt: skip
