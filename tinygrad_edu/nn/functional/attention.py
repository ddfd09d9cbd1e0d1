"""Attention: each query takes a mean of the values, weighted by how well it fits their keys."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...engine import Variable
from ...functions.common import lift
from ...functions.layout import matrix_transpose
from ...random import Generator
from ...tensor import Tensor
from .activations import softmax
from .normalization import dropout


def masked(scores: Any, mask: Any) -> Any:
    """Scores where the mask is True, -inf where it is False; a mask of numbers is added."""
    if mask is None:
        return scores
    values = mask._data if isinstance(mask, Variable) else np.asarray(mask)
    if values.dtype == np.bool:
        return ops.where(values, scores, -math.inf)
    return scores + (mask if isinstance(mask, Variable) else values.astype(scores.dtype))


def causal(rows: int, columns: int) -> Any:
    """Which columns a row may look at: those up to its own."""
    return np.tri(rows, columns, dtype=bool)


def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    scale: float | None = None, rng: Generator | None = None,
) -> Tensor:  # fmt: skip
    """softmax(query @ key.mT * scale + mask) @ value: `(..., l, e), (..., s, e), (..., s, v) -> (..., l, v)`.

    A mask of truth values says where to look; one of numbers is added. `scale` is 1 / sqrt(e).
    Source: Vaswani et al., "Attention is all you need" (2017).
    """
    query, key, value = (lift(x, "scaled_dot_product_attention") for x in (query, key, value))
    if is_causal and attn_mask is not None:
        raise ValueError("scaled_dot_product_attention: takes attn_mask or is_causal; got both; put both into one mask")
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = ops.matmul(query * scale, matrix_transpose(key))
    mask = causal(*scores.shape[-2:]) if is_causal else attn_mask
    return ops.matmul(dropout(softmax(masked(scores, mask)), dropout_p, True, rng), value)


__all__ = ["scaled_dot_product_attention"]
