"""Attention: each query takes a mean of the values, weighted by how well it fits their keys."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...annotations import Array, ArrayLike
from ...arrays import to_array
from ...batched import BatchedArray
from ...engine import Variable
from ...errors import ShapeError
from ...functions.arguments import lift
from ...functions.joining import repeat
from ...functions.layout import matrix_transpose
from ...functions.settings import Probability, settings
from ...random import Generator
from ...tensor import Tensor
from ...values import decided, value
from .activations import softmax
from .dropout import dropout


def attended(scores: Tensor, mask: Array | None) -> Any:
    """softmax of the scores where the mask is True; a mask of numbers is added to them.

    A row whose keys are all masked gets zeros.
    """
    if mask is None:
        return softmax(scores)
    values = (
        value(mask)
        if isinstance(mask, Variable)
        else mask
        if isinstance(mask, BatchedArray)
        else to_array(mask, who="attention")
    )
    truth = values.dtype == np.bool
    if truth:
        scores = ops.where(values, scores, -math.inf)
    else:
        scores = scores + (mask if isinstance(mask, Variable) else values.astype(scores.dtype))
    nowhere = np.all(~values if truth else values == -math.inf, axis=-1, keepdims=True)
    if not decided(nowhere, np.any, otherwise=True):
        return softmax(scores)
    return ops.where(nowhere, 0, softmax(ops.where(nowhere, 0, scores)))


@settings
def causal(rows: int, columns: int) -> Any:
    """Which columns a row may look at: those up to its own."""
    return np.tri(rows, columns, dtype=bool)


def _shared_by(query: Tensor, x: Tensor) -> Tensor:
    """`x` with as many heads as `query`, each repeated. Source: Ainslie et al., "GQA" (2023)."""
    if query.ndim < 3 or x.ndim < 3 or not x.shape[-3] or query.shape[-3] % x.shape[-3]:
        raise ShapeError(
            "scaled_dot_product_attention: the heads (axis -3) of keys and values must divide those of queries; got "
            f"{x.shape} for {query.shape}; change one"
        )
    return repeat(x, query.shape[-3] // x.shape[-3], -3)


@settings
def scaled_dot_product_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    attn_mask: Array | None = None,
    dropout_p: Probability = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    rng: Generator | None = None,
    *,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(query @ key.mT * scale + mask) @ value: `(..., l, e), (..., s, e), (..., s, v) -> (..., l, v)`.

    A mask of truth values says where to look; one of numbers is added; give a mask or `is_causal`, not both. `scale` is
    1 / sqrt(e). With `enable_gqa`, keys and values may have fewer heads (axis -3) than queries, each of which serves as
    many queries. Source: Vaswani et al., "Attention is all you need" (2017).
    Errors: a ShapeError for fewer than two axes, a ValueError for a mask with `is_causal`.

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> q, k, v = tg.zeros((2, 1)), tg.ones((2, 1)), tg.Tensor([[1.0], [3.0]])
    >>> F.scaled_dot_product_attention(q, k, v).tolist()
    [[2.0], [2.0]]
    >>> F.scaled_dot_product_attention(q, k, v, is_causal=True).tolist()
    [[1.0], [2.0]]
    """
    query, key, value = (lift(x, "scaled_dot_product_attention") for x in (query, key, value))
    if min(query.ndim, key.ndim, value.ndim) < 2 or not query.shape[-1]:
        raise ShapeError(
            "scaled_dot_product_attention: query, key and value must be (..., length, features); got "
            f"{query.shape}, {key.shape}, {value.shape}; add axes"
        )
    if is_causal and attn_mask is not None:
        raise ValueError("scaled_dot_product_attention: takes attn_mask or is_causal; got both; put both into one mask")
    if enable_gqa:
        key, value = (_shared_by(query, x) for x in (key, value))
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    alike = query.shape[:-2] == key.shape[:-2] == value.shape[:-2] and query.shape[-2] and key.shape[-2]
    if attn_mask is None and not dropout_p and alike:
        return ops.attend(query, key, value, scale=float(scale), causal=is_causal)
    scores = ops.matmul(query * scale, matrix_transpose(key))
    mask = causal(*scores.shape[-2:]) if is_causal else attn_mask
    return ops.matmul(dropout(attended(scores, mask), dropout_p, True, rng), value)


__all__ = ["scaled_dot_product_attention"]
