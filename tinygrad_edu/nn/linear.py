"""Layers that apply a matrix."""

from __future__ import annotations

import math
from typing import Any

from ..arrays import get_default_dtype
from ..random import Generator
from . import functional as F
from . import init
from .module import Module, Parameter


def uniform(shape: tuple[int, ...], bound: float, dtype: Any = None, rng: Generator | None = None) -> Parameter:
    """A new parameter, uniform to +-bound."""
    values = init._numpy(rng).uniform(-bound, bound, shape)
    return Parameter(values, dtype=dtype or get_default_dtype())


class Linear(Module):
    """y = x @ weight.mT + bias.

    Shapes: `(..., in_features) -> (..., out_features)`; weight (out_features, in_features).
    Initial values: uniform to +-1 / sqrt(in_features), weight and bias.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.Linear(3, 2)(tg.ones((5, 3))).shape
    (5, 2)
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, dtype: Any = None, *, rng: Generator | None = None
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        bound = 1 / math.sqrt(in_features) if in_features else 0.0
        self.weight = uniform((out_features, in_features), bound, dtype, rng)
        self.bias = uniform((out_features,), bound, dtype, rng) if bias else None

    def forward(self, x: Any) -> Any:
        return F.linear(x, self.weight, self.bias)
