"""Layers that apply a matrix, look up its rows, or compare rows."""

from __future__ import annotations

import math
from typing import Any

from ..annotations import ArrayLike, DTypeLike
from ..arrays import get_default_dtype
from ..errors import ShapeError
from ..functions.arguments import lift, spelled
from ..functions.settings import Size, settings
from ..random import Generator, or_shared
from ..tensor import Tensor
from . import functional as F
from .module import Module
from .parameter import Parameter


def uniform(
    shape: tuple[int, ...], bound: float, dtype: DTypeLike | None = None, rng: Generator | None = None
) -> Parameter:
    """A new parameter, uniform to +-bound."""
    if math.prod(shape) >= 2**40:
        raise ShapeError(f"nn: weights must fit into memory; got shape {shape}; use smaller sizes")
    values = or_shared(rng).draw("uniform", -bound, bound, shape)
    return Parameter(values, dtype=dtype or get_default_dtype())


class Linear(Module):
    """y = x @ weight.mT + bias.

    Shapes: `(..., in_features) -> (..., out_features)`; weight (out_features, in_features).
    Initial values: uniform to +-1 / sqrt(in_features), weight and bias. Source: Rosenblatt (1958).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.Linear(3, 2)(tg.ones((5, 3))).shape
    (5, 2)
    """

    @settings
    def __init__(
        self,
        in_features: Size,
        out_features: Size,
        bias: bool = True,
        dtype: DTypeLike | None = None,
        *,
        rng: Generator | None = None,
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        bound = 1 / math.sqrt(in_features) if in_features else 0.0
        self.weight = uniform((out_features, in_features), bound, dtype, rng)
        self.bias: Parameter | Any = uniform((out_features,), bound, dtype, rng) if bias else None

    def forward(self, input: ArrayLike) -> Tensor:
        return F.linear(input, self.weight, self.bias)


class Bilinear(Module):
    """y[o] = x1 @ weight[o] @ x2 + bias[o].

    Shapes: `(..., in1_features), (..., in2_features) -> (..., out_features)`.
    Initial values: uniform to +-1 / sqrt(in1_features), weight and bias. Source: Tenenbaum and Freeman (2000).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.Bilinear(3, 4, 2)(tg.ones((5, 3)), tg.ones((5, 4))).shape
    (5, 2)
    """

    @settings
    def __init__(
        self,
        in1_features: Size,
        in2_features: Size,
        out_features: Size,
        bias: bool = True,
        dtype: DTypeLike | None = None,
        *,
        rng: Generator | None = None,
    ) -> None:
        super().__init__()
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        bound = 1 / math.sqrt(in1_features) if in1_features else 0.0
        self.weight = uniform((out_features, in1_features, in2_features), bound, dtype, rng)
        self.bias: Parameter | Any = uniform((out_features,), bound, dtype, rng) if bias else None

    def forward(self, input1: ArrayLike, input2: ArrayLike) -> Tensor:
        return F.bilinear(input1, input2, self.weight, self.bias)


def pretrained(who: str, embeddings: ArrayLike) -> Any:
    """Given rows, as a matrix."""
    rows = lift(embeddings, who)
    if rows.ndim != 2:
        raise ShapeError(f"{who}: rows must be a matrix; got shape {rows.shape}; reshape them")
    return rows


class Embedding(Module):
    """The row of `weight` at each index: `(...) -> (..., embedding_dim)`.

    Initial values: normal; row `padding_idx` is 0, and gets no gradient. With `max_norm`, rows that are looked up are
    shortened to it (see `F.embedding`).
    Indices must be integers from 0 to num_embeddings - 1; others raise IndexError.
    Source: Bengio et al., "A neural probabilistic language model" (2003).
    Errors: a ValueError for a `padding_idx` that is no row; a ShapeError for more rows than memory can hold.

    >>> from tinygrad_edu import nn
    >>> layer = nn.Embedding.from_pretrained([[1.0, 2.0], [3.0, 4.0]])
    >>> layer([[1, 0, 1]]).tolist()
    [[[3.0, 4.0], [1.0, 2.0], [3.0, 4.0]]]
    >>> layer([[1, 0, 1]]).shape
    (1, 3, 2)
    """

    @settings
    def __init__(
        self, num_embeddings: Size, embedding_dim: Size, padding_idx: int | None = None, max_norm: float | None = None,
        norm_type: float = 2.0, dtype: DTypeLike | None = None, *, rng: Generator | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.max_norm, self.norm_type = max_norm, norm_type
        who = type(self).__name__
        self.num_embeddings, self.embedding_dim, self.padding_idx = num_embeddings, embedding_dim, padding_idx
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(
                f"{who}: padding_idx must be one of the {num_embeddings} rows; got {padding_idx}; enlarge "
                "num_embeddings"
            )
        if num_embeddings * embedding_dim >= 2**40:
            raise ShapeError(f"{who}: rows must fit into memory; got {num_embeddings} of them; use fewer")
        values = or_shared(rng).draw("normal", size=(num_embeddings, embedding_dim))
        if padding_idx is not None:
            values[padding_idx] = 0
        self.weight = Parameter(values, dtype=dtype or get_default_dtype())

    @classmethod
    def from_pretrained(
        cls, embeddings: ArrayLike, freeze: bool = True, padding_idx: int | None = None, max_norm: float | None = None,
        norm_type: float = 2.0,
    ) -> Embedding:  # fmt: skip
        """A layer with given rows, which are not learned unless `freeze` is False."""
        rows = pretrained("Embedding.from_pretrained", embeddings)
        layer = cls(rows.shape[0], rows.shape[1], padding_idx, max_norm, norm_type, rows.dtype)
        layer.weight = Parameter(rows, not freeze)
        return layer

    def forward(self, input: ArrayLike) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx, self.max_norm, self.norm_type)


class EmbeddingBag(Embedding):
    """The mean, sum or largest entries of the rows of `weight` in each bag of indices: `(bags, length) -> (bags, dim)`,
    or flat indices and the `offsets` at which bags begin; see `F.embedding_bag`. Initial values: normal.
    Source: Joulin et al. (2017).

    >>> from tinygrad_edu import nn
    >>> rows = [[1.0], [2.0], [6.0]]
    >>> nn.EmbeddingBag.from_pretrained(rows)([[0, 1], [1, 2]]).tolist()
    [[1.5], [4.0]]
    >>> nn.EmbeddingBag.from_pretrained(rows, mode="sum")([0, 1, 2], offsets=[0, 1]).tolist()
    [[1.0], [8.0]]
    """

    @settings
    def __init__(
        self,
        num_embeddings: Size,
        embedding_dim: Size,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        mode: str = "mean",
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        dtype: DTypeLike | None = None,
        *,
        rng: Generator | None = None,
    ) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, dtype, rng=rng)
        self.mode, self.include_last_offset = mode, include_last_offset

    @classmethod
    def from_pretrained(  # type: ignore[override]  # its arguments are in PyTorch's order
        cls, embeddings: ArrayLike, freeze: bool = True, max_norm: float | None = None, norm_type: float = 2.0,
        mode: str = "mean", include_last_offset: bool = False, padding_idx: int | None = None,
    ) -> EmbeddingBag:  # fmt: skip
        """A layer with given rows, which are not learned unless `freeze` is False."""
        rows = pretrained("EmbeddingBag.from_pretrained", embeddings)
        layer = cls(
            rows.shape[0], rows.shape[1], max_norm, norm_type, mode, include_last_offset, padding_idx, rows.dtype
        )
        layer.weight = Parameter(rows, not freeze)
        return layer

    def forward(self, input: ArrayLike, offsets: Any = None, per_sample_weights: Any = None) -> Tensor:
        return F.embedding_bag(
            input, self.weight, offsets, self.mode, per_sample_weights, self.include_last_offset, self.padding_idx,
            self.max_norm, self.norm_type,
        )  # fmt: skip


class CosineSimilarity(Module):
    """sum(x1 * x2) / (norm(x1) * norm(x2)) along `axis`: see `F.cosine_similarity`.

    Shapes: two that broadcast, to theirs without `axis`. Source: Salton and McGill (1983).

    >>> from tinygrad_edu import nn
    >>> nn.CosineSimilarity()([[1.0, 0.0], [1.0, 0.0]], [[0.0, 3.0], [-2.0, 0.0]]).tolist()
    [0.0, -1.0]
    """

    @settings
    def __init__(self, axis: int = 1, eps: float = 1e-8, *, dim: int | None = None) -> None:
        super().__init__()
        self.axis, self.eps = axis if dim is None else spelled("CosineSimilarity", axis, 1, dim), eps

    def forward(self, x1: ArrayLike, x2: ArrayLike) -> Tensor:
        return F.cosine_similarity(x1, x2, self.axis, self.eps)


class PairwiseDistance(Module):
    """The p-norm of x1 - x2 + eps over the last axis: see `F.pairwise_distance`.

    Shapes: `(..., n), (..., n) -> (...)`, or `(..., 1)` with `keepdims`.

    >>> from tinygrad_edu import nn
    >>> nn.PairwiseDistance(eps=0.0)([[3.0, 4.0]], [[0.0, 0.0]]).tolist()
    [5.0]
    >>> nn.PairwiseDistance(p=1.0, eps=0.0)([[3.0, 4.0]], [[0.0, 0.0]]).tolist()
    [7.0]
    """

    @settings
    def __init__(
        self, p: float = 2.0, eps: float = 1e-6, keepdims: bool = False, *, keepdim: bool | None = None
    ) -> None:
        super().__init__()
        self.p, self.eps = p, eps
        self.keepdims = keepdims if keepdim is None else spelled("PairwiseDistance", keepdims, False, keepdim)

    def forward(self, x1: ArrayLike, x2: ArrayLike) -> Tensor:
        return F.pairwise_distance(x1, x2, self.p, self.eps, self.keepdims)
