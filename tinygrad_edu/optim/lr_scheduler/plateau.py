"""A schedule that watches a measure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...changes import at_once
from ...functions.settings import real, settings
from ...tensor import Tensor
from ..optimizer import Optimizer
from .schedule import LRScheduler, each


class ReduceLROnPlateau(LRScheduler):
    """lr * factor whenever a measure has not improved for more than `patience` epochs: `step(measure)`.

    mode "min" or "max" says what is better; an improvement must exceed `threshold`, relative ("rel") or
    absolute ("abs"). After a reduction, `cooldown` epochs do not count.
    `step()` without a measure raises TypeError.
    Source: He et al., "Deep residual learning for image recognition" (2016).
    Errors: a ValueError for a `factor` of 1 or more, and another `mode` or `threshold_mode`.

    >>> from tinygrad_edu import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> rates = []
    >>> for loss in (3.0, 2.0, 2.0, 2.0, 2.0):
    ...     schedule.step(loss)
    ...     rates += schedule.get_last_lr()
    >>> rates
    [1.0, 1.0, 1.0, 0.5, 0.5]
    """

    @settings
    def __init__(
        self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
        threshold: float = 1e-4, threshold_mode: str = "rel", cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0, eps: float = 1e-8,
    ) -> None:  # fmt: skip
        if factor >= 1 or mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(
                "ReduceLROnPlateau: factor must be below 1, mode 'min' or 'max', threshold_mode 'rel' or 'abs'; got "
                f"{factor}, {mode!r}, {threshold_mode!r}; correct it"
            )
        self.mode, self.factor, self.patience, self.threshold = mode, factor, patience, threshold
        self.threshold_mode, self.cooldown, self.eps = threshold_mode, cooldown, eps
        self.must_have(optimizer)
        self.min_lr = min_lr
        self._least(optimizer)
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0
        self.optimizer = optimizer
        self._last_lr = self.get_last_lr()

    def _least(self, optimizer: Optimizer) -> list[float]:
        """The lowest rate of each group."""
        return each("ReduceLROnPlateau", "min_lr", self.min_lr, optimizer.param_groups)

    def step(self, metrics: Any = None) -> None:
        """Note the measure, and reduce the rates if it has not improved for long."""
        if metrics is None:
            raise TypeError("ReduceLROnPlateau.step: needs the measure to watch; got nothing; pass the validation loss")
        measure = metrics.item() if isinstance(metrics, Tensor) else metrics
        current = float(real("step", "metrics", measure))
        better = self._better(current)
        bad = 0 if better or self.cooldown_counter > 0 else self.num_bad_epochs + 1
        new = {
            "last_epoch": self.last_epoch + 1, "best": current if better else self.best, "num_bad_epochs": bad,
            "cooldown_counter": max(self.cooldown_counter - 1, 0),
        }  # fmt: skip
        rates = self.get_last_lr()
        if bad > self.patience:
            least = self._least(self.optimizer)
            lower = [max(lr * self.factor, low) for lr, low in zip(rates, least, strict=True)]
            rates = [low if lr - low > self.eps else lr for lr, low in zip(rates, lower, strict=True)]
            new |= {"cooldown_counter": self.cooldown, "num_bad_epochs": 0}
        groups = zip(self.optimizer.param_groups, rates, strict=True)
        at_once((vars(self).update, new | {"_last_lr": rates}), *[(group.update, {"lr": lr}) for group, lr in groups])

    def _better(self, current: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        if self.threshold_mode == "rel":
            if math.isinf(self.best):
                return sign * current < sign * self.best
            return sign * current < sign * self.best * (1 - sign * self.threshold)
        return sign * current < sign * self.best - self.threshold
