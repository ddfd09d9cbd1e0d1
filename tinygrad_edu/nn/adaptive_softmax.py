"""A softmax over very many classes, the rare ones in clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..annotations import ArrayLike, DTypeLike
from ..engine import Variable
from ..errors import ShapeError
from ..functions.arguments import lift
from ..functions.creation import zeros
from ..functions.indexing import index_add
from ..functions.joining import concat
from ..functions.reduce import argmax, mean
from ..functions.settings import Positive, integer, settings, several
from ..random import Generator
from ..tensor import Tensor
from . import functional as F
from .containers import ModuleList, Sequential
from .linear import Linear
from .module import Module


class Scored(NamedTuple):
    """The log-probability of each target, and the loss: minus their mean."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """log softmax over `n_classes` classes, numbered from the most frequent: those up to `cutoffs[0]` directly, the
    others by a cluster that ends at each further cutoff, and a class in it.

    Cluster i is computed by way of in_features / div_value**(i + 1) numbers, and only for the rows that need it.
    Shapes: `(batch, in_features)`, targets `(batch,)`, or without the batch axis; gives `(output, loss)`.
    Initial values: those of Linear. Source: Grave et al., "Efficient softmax approximation for GPUs" (2017).
    A target that is not below `n_classes` raises an IndexError. Errors: a ValueError unless cutoffs ascend to below
    `n_classes`, and `div_value` is above 0; a ShapeError for an input or targets of other shapes.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.AdaptiveLogSoftmaxWithLoss(8, 100, cutoffs=[10, 50])
    >>> output, loss = layer(tg.ones((2, 8)), [3, 70])
    >>> output.shape, loss.shape, layer.log_prob(tg.ones((2, 8))).shape
    ((2,), (), (2, 100))
    """

    @settings
    def __init__(
        self,
        in_features: Positive,
        n_classes: Positive,
        cutoffs: Sequence[Any],
        div_value: float = 4.0,
        head_bias: bool = False,
        dtype: DTypeLike | None = None,
        *,
        rng: Generator | None = None,
    ) -> None:
        super().__init__()
        who = "AdaptiveLogSoftmaxWithLoss"
        cuts = [integer(who, "cutoffs", c, 1) for c in several(who, "cutoffs", cutoffs)]
        if not cuts or cuts != sorted(set(cuts)) or cuts[-1] >= n_classes or not div_value > 0:
            raise ValueError(
                f"{who}: cutoffs must ascend to below n_classes, and div_value be above 0; got {cutoffs} for "
                f"{n_classes}, {div_value}; use e.g. [10, 100]"
            )
        self.in_features, self.n_classes, self.div_value, self.head_bias = in_features, n_classes, div_value, head_bias
        self.cutoffs = [*cuts, n_classes]
        self.shortlist_size, self.n_clusters = cuts[0], len(cuts)
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, dtype, rng=rng)
        self.tail = ModuleList()
        for i, (start, stop) in enumerate(zip(self.cutoffs, self.cutoffs[1:], strict=False)):
            size = int(in_features // div_value ** (i + 1))
            inner = Linear(in_features, size, False, dtype, rng=rng), Linear(size, stop - start, False, dtype, rng=rng)
            self.tail.append(Sequential(*inner))

    def forward(self, input: object, target: ArrayLike) -> Scored:
        who, x = "AdaptiveLogSoftmaxWithLoss", self._checked(input)
        y = np.asarray(target._data if isinstance(target, Variable) else lift(target, who)._data)
        single = x.ndim == 1
        x, y = (x.expand_dims(0), y.reshape(1) if y.size == 1 else y) if single else (x, y)
        if y.shape != x.shape[:1] or y.dtype.kind not in "iu" or not y.size:
            raise ShapeError(
                f"{who}: targets must be integers, one for each row; got {y.dtype} in shape {y.shape} for {x.shape}; "
                "reshape them"
            )
        if not 0 <= y.min() <= y.max() < self.n_classes:
            raise IndexError(
                f"{who}: targets must be from 0 to {self.n_classes - 1}; got {y.min()} to {y.max()}; raise n_classes"
            )
        cluster = np.searchsorted(self.cutoffs, y, side="right")
        first = np.where(cluster == 0, y, self.shortlist_size + cluster - 1)
        head = F.log_softmax(self.head(x), 1)
        output = ops.take_along_axis(head, first[:, None], axis=1).squeeze(1)
        for i, tail in enumerate(self.tail, 1):
            (rows,) = np.nonzero(cluster == i)
            if rows.size:
                inside = F.log_softmax(tail(x[rows]), 1)
                picked = ops.take_along_axis(inside, (y[rows] - self.cutoffs[i - 1])[:, None], axis=1).squeeze(1)
                output = output + index_add(zeros(len(y), dtype=picked.dtype), 0, rows, picked)
        return Scored(output.squeeze(0) if single else output, -mean(output))

    def _checked(self, input: Any) -> Any:
        x = lift(input, "AdaptiveLogSoftmaxWithLoss")
        if x.ndim not in (1, 2) or x.shape[-1] != self.in_features:
            raise ShapeError(
                f"AdaptiveLogSoftmaxWithLoss: the input must be (batch, {self.in_features}); got {x.shape}; reshape it"
            )
        return x

    def log_prob(self, input: Any) -> Tensor:
        """The log-probabilities of all classes: `(batch, in_features) -> (batch, n_classes)`."""
        x = self._checked(input)
        head, n = F.log_softmax(self.head(x), -1), self.shortlist_size
        tails = [F.log_softmax(tail(x), -1) + head[..., n + i : n + i + 1] for i, tail in enumerate(self.tail)]
        return concat([head[..., :n], *tails], -1)

    def predict(self, input: ArrayLike) -> Tensor:
        """The most probable class of each row."""
        return argmax(self.log_prob(input), -1)
