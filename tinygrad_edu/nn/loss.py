"""Losses as modules; the functions are in `nn.functional`."""

from __future__ import annotations

from typing import Any

from . import functional as F
from .module import Module


class CrossEntropyLoss(Module):
    """-log softmax(x)[target], averaged: see `F.cross_entropy`."""

    def __init__(
        self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0
    ) -> None:
        super().__init__()
        self.weight, self.ignore_index = weight, ignore_index
        self.reduction, self.label_smoothing = reduction, label_smoothing

    def forward(self, x: Any, target: Any) -> Any:
        return F.cross_entropy(
            x, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing
        )  # fmt: skip
