"""Losses as modules, of numbers and of classes; the functions are in `nn.functional`."""

from __future__ import annotations

from typing import Any

from ..annotations import ArrayLike
from ..functions.settings import Probability, settings
from ..tensor import Tensor
from . import functional as F
from .module import Module


class Loss(Module):
    """A loss with a reduction: "mean", "sum" or "none"."""

    @settings
    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction


class MSELoss(Loss):
    """(x - target)**2, averaged. Two different shapes raise a ShapeError. Source: Legendre (1805).

    >>> from tinygrad_edu import nn
    >>> nn.MSELoss()([1.0, 2.0], [1.0, 4.0]).item()
    2.0
    """

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.mse_loss(input, target, self.reduction)


class L1Loss(Loss):
    """abs(x - target), averaged. Two different shapes raise a ShapeError. Source: Bloomfield and Steiger (1983).

    >>> from tinygrad_edu import nn
    >>> nn.L1Loss()([1.0, 2.0], [1.0, 4.0]).item()
    1.0
    """

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.l1_loss(input, target, self.reduction)


class SmoothL1Loss(Loss):
    """d**2 / (2 * beta) where d = abs(x - target) is below `beta`, else d - beta / 2. Source: Girshick (2015).

    >>> from tinygrad_edu import nn
    >>> nn.SmoothL1Loss("none", beta=2.0)([1.0, 3.0], [0.0, 0.0]).tolist()
    [0.25, 2.0]
    """

    @settings
    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.smooth_l1_loss(input, target, self.reduction, self.beta)


class HuberLoss(Loss):
    """d**2 / 2 where d = abs(x - target) is below `delta`, else delta * (d - delta / 2). Source: Huber (1964).

    >>> from tinygrad_edu import nn
    >>> nn.HuberLoss("none")([0.5, 3.0], [0.0, 0.0]).tolist()
    [0.125, 2.5]
    """

    @settings
    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.huber_loss(input, target, self.reduction, self.delta)


class BCELoss(Loss):
    """-(target * log(x) + (1 - target) * log(1 - x)) for probabilities x: see `F.binary_cross_entropy`.

    Logits raise a ValueError: use BCEWithLogitsLoss. Source: Bishop (2006), section 4.3.

    >>> from tinygrad_edu import nn
    >>> round(nn.BCELoss()([0.5], [1.0]).item(), 4)
    0.6931
    """

    weight: Any

    @settings
    def __init__(self, weight: ArrayLike | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(Loss):
    """softplus(x) - target * x, the binary cross-entropy of sigmoid(x): see `F.binary_cross_entropy_with_logits`.

    Source: Bishop (2006), section 4.3.

    >>> from tinygrad_edu import nn
    >>> round(nn.BCEWithLogitsLoss()([0.0], [1.0]).item(), 4)
    0.6931
    """

    weight: Any
    pos_weight: Any

    @settings
    def __init__(
        self, weight: ArrayLike | None = None, reduction: str = "mean", pos_weight: ArrayLike | None = None
    ) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)


class CrossEntropyLoss(Loss):
    """-log softmax(x)[target], averaged: see `F.cross_entropy`.

    Shapes: logits `(batch, classes)`, class numbers `(batch,)`; labels beyond the classes raise an IndexError.
    Source: Bishop (2006), section 4.3.

    >>> from tinygrad_edu import nn
    >>> round(nn.CrossEntropyLoss()([[0.0, 0.0, 0.0, 0.0]], [2]).item(), 4)
    1.3863
    """

    weight: Any

    @settings
    def __init__(
        self,
        weight: ArrayLike | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: Probability = 0.0,
    ) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.cross_entropy(input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)


class NLLLoss(Loss):
    """-x[target] for log-probabilities x, averaged: see `F.nll_loss`. Source: Bishop (2006), section 4.3.

    >>> from tinygrad_edu import nn
    >>> nn.NLLLoss()([[-1.0, -3.0], [-2.0, -4.0]], [1, 0]).item()
    2.5
    """

    weight: Any

    @settings
    def __init__(self, weight: ArrayLike | None = None, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class KLDivLoss(Loss):
    """target * (log(target) - x) for log-probabilities x: see `F.kl_div`. Source: Kullback and Leibler (1951).

    >>> from tinygrad_edu import nn
    >>> nn.KLDivLoss("batchmean")([[-1.0, -2.0]], [[1.0, 0.0]]).item()
    1.0
    """

    @settings
    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.kl_div(input, target, self.reduction, self.log_target)


class PoissonNLLLoss(Loss):
    """exp(x) - target * x, -log of the Poisson probability of the target: see `F.poisson_nll_loss`.

    Source: Nelder and Wedderburn (1972).

    >>> from tinygrad_edu import nn
    >>> round(nn.PoissonNLLLoss()([1.0], [2.0]).item(), 4)
    0.7183
    """

    @settings
    def __init__(
        self, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
    ) -> None:  # fmt: skip
        super().__init__(reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.poisson_nll_loss(input, target, self.log_input, self.full, self.eps, self.reduction)


class GaussianNLLLoss(Loss):
    """(log(var) + (x - target)**2 / var) / 2, -log of the normal density of the target: see `F.gaussian_nll_loss`.

    Source: Nix and Weigend (1994).

    >>> from tinygrad_edu import nn
    >>> nn.GaussianNLLLoss()([0.0], [2.0], [1.0]).item()
    2.0
    """

    @settings
    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full, self.eps = full, eps

    def forward(self, input: ArrayLike, target: ArrayLike, var: ArrayLike) -> Tensor:
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


class MultiMarginLoss(Loss):
    """sum(max(0, margin - x[target] + x[i])**p) / classes, over the other classes i: see `F.multi_margin_loss`.

    Source: Crammer and Singer (2001).

    >>> from tinygrad_edu import nn
    >>> nn.MultiMarginLoss()([[1.0, 0.5]], [0]).item()
    0.25
    """

    weight: Any

    @settings
    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: ArrayLike | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.p, self.margin = p, margin
        self.register_buffer("weight", weight)

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.multi_margin_loss(input, target, self.p, self.margin, self.weight, self.reduction)


class MultiLabelMarginLoss(Loss):
    """sum(max(0, 1 - x[j] + x[i])) / classes, over the classes j in the target and the others i: see
    `F.multilabel_margin_loss`. Source: Elisseeff and Weston (2001).

    >>> from tinygrad_edu import nn
    >>> nn.MultiLabelMarginLoss()([0.0, 2.0], [0, -1]).item()
    1.5
    """

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.multilabel_margin_loss(input, target, self.reduction)


class MultiLabelSoftMarginLoss(Loss):
    """Binary cross-entropy of sigmoid(x), averaged over the classes: see `F.multilabel_soft_margin_loss`.

    Source: Bishop (2006), section 4.3.

    >>> from tinygrad_edu import nn
    >>> round(nn.MultiLabelSoftMarginLoss()([0.0, 0.0], [1.0, 0.0]).item(), 4)
    0.6931
    """

    weight: Any

    @settings
    def __init__(self, weight: ArrayLike | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: ArrayLike, target: ArrayLike) -> Tensor:
        return F.multilabel_soft_margin_loss(input, target, self.weight, self.reduction)


class CTCLoss(Loss):
    """-log of the probability of a text in a longer sequence of scores: see `F.ctc_loss`.

    Source: Graves et al. (2006).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> x = tg.log([[0.5, 0.5], [0.5, 0.5]])  # the text "1" is 11, 1-blank or blank-1: 3 ways of 4
    >>> round(nn.CTCLoss()(x, [1], 2, 1).item(), 4)
    0.2877
    """

    @settings
    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(self, log_probs: object, targets: Any, input_lengths: Any, target_lengths: Any) -> Tensor:
        return F.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )  # fmt: skip
