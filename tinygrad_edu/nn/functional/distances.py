"""Distances and similarities of vectors."""

from __future__ import annotations

import numpy as np

from ... import ops
from ...annotations import ArrayLike
from ...errors import ShapeError
from ...functions.arguments import kept_single, lift, row_axis, single, spelled
from ...functions.layout import broadcast_to
from ...functions.norms import vector_norm
from ...functions.reduce import sum
from ...functions.settings import settings
from ...sums import HALF
from ...tensor import Tensor


@settings
def cosine_similarity(
    x1: ArrayLike, x2: ArrayLike, axis: int = 1, eps: float = 1e-8, *, dim: int | None = None
) -> Tensor:
    """sum(x1 * x2) / (norm(x1) * norm(x2)) along `axis`, after broadcasting; norms below `eps` count as `eps`.

    Source: Salton and McGill, "Introduction to modern information retrieval" (1983).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.cosine_similarity([[1.0, 0.0], [3.0, 0.0]], [[0.0, 2.0], [5.0, 0.0]]).tolist()
    [0.0, 1.0]
    """
    axis = axis if dim is None else spelled("cosine_similarity", axis, 1, dim)
    x1, x2 = lift(x1, "cosine_similarity"), lift(x2, "cosine_similarity")
    if x1.dtype == x2.dtype == HALF:
        return cosine_similarity(x1.astype(np.float32), x2.astype(np.float32), axis, eps).astype(HALF)
    ndim = max(x1.ndim, x2.ndim)
    axes = row_axis("cosine_similarity", axis, ndim)
    x1, x2 = (x if x.ndim == ndim else x.reshape((1,) * (ndim - x.ndim) + x.shape) for x in (x1, x2))
    for i in axes:  # a norm is that of the vector that is compared
        x1, x2 = _as_long(x1, x2.shape[i], i), _as_long(x2, x1.shape[i], i)
    unit1, unit2 = (x / ops.maximum(vector_norm(x, 2, axes, keepdims=True), eps) for x in (x1, x2))
    return sum(unit1 * unit2, axes)


def _as_long(x: Tensor, n: int, axis: int) -> Tensor:
    """`x` with its one entry along an axis repeated `n` times."""
    return x if x.shape[axis] != 1 or n == 1 else broadcast_to(x, (*x.shape[:axis], n, *x.shape[axis + 1 :]))


@single
def pairwise_distance(
    x1: ArrayLike,
    x2: ArrayLike,
    p: float = 2.0,
    eps: float = 1e-6,
    keepdims: bool = False,
    *,
    keepdim: bool | None = None,
) -> Tensor:
    """The p-norm of x1 - x2 + eps over the last axis: `(..., d), (..., d) -> (...)`.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.pairwise_distance([[0.0, 0.0]], [[3.0, 4.0]]).round(4).tolist()
    [5.0]
    """
    keepdims = keepdims if keepdim is None else spelled("pairwise_distance", keepdims, False, keepdim)
    x1, x2 = lift(x1, "pairwise_distance"), lift(x2, "pairwise_distance")
    return vector_norm(x1 - x2 + eps, p, (-1,)[: max(x1.ndim, x2.ndim)], keepdims=keepdims)


@kept_single
def cdist(x1: ArrayLike, x2: ArrayLike, p: float = 2.0, compute_mode: str | None = None) -> Tensor:
    """The p-norm of each row of `x1` minus each row of `x2`: `(..., n, d), (..., m, d) -> (..., n, m)`.

    They are subtracted first, whatever `compute_mode`, PyTorch's way of computing, says.
    Errors: a ShapeError unless both have rows, of one length.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]]).tolist()
    [[5.0, 1.0]]
    """
    x1, x2 = lift(x1, "cdist"), lift(x2, "cdist")
    if min(x1.ndim, x2.ndim) < 2 or x1.shape[-1] != x2.shape[-1]:
        raise ShapeError(
            f"cdist: takes rows of one length, (..., n, d) and (..., m, d); got {x1.shape} and {x2.shape}; reshape them"
        )
    return vector_norm(x1.expand_dims(-2) - x2.expand_dims(-3), p, -1)


@single
def pdist(input: ArrayLike, p: float = 2.0) -> Tensor:
    """The p-norm of each row minus each later one, as SciPy's pdist orders them: `(n, d) -> (n * (n - 1) / 2,)`.

    Errors: a ShapeError unless `input` is a matrix.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.pdist([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]], p=1).tolist()
    [7.0, 1.0, 6.0]
    """
    x = lift(input, "pdist")
    if x.ndim != 2:
        raise ShapeError(f"pdist: takes a matrix of rows; got shape {x.shape}; use cdist for several matrices")
    first, second = np.triu_indices(x.shape[0], 1)
    return vector_norm(x[first] - x[second], p, -1)


__all__ = ["cdist", "cosine_similarity", "pairwise_distance", "pdist"]
