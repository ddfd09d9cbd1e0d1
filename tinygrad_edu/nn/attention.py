"""Attention with several heads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..annotations import ArrayLike, DTypeLike
from ..arrays import get_default_dtype
from ..engine import Variable
from ..errors import ShapeError
from ..functions.arguments import lift
from ..functions.creation import zeros
from ..functions.joining import concat
from ..functions.layout import matrix_transpose, swapaxes
from ..functions.reduce import mean
from ..functions.settings import Positive, Probability, settings
from ..random import Generator
from . import functional as F
from . import init
from .functional.attention import attended, causal
from .linear import Linear
from .module import Module
from .parameter import Parameter

if TYPE_CHECKING:
    from ..tensor import Tensor


def _additive(mask: object, dtype: DTypeLike) -> Any:
    """PyTorch's masks here say where *not* to look (True), or are added: as numbers to add."""
    if mask is None:
        return None
    values = mask._data if isinstance(mask, Variable) else np.asarray(mask)
    return np.where(values, -np.inf, 0.0).astype(dtype) if values.dtype == np.bool else values.astype(dtype)


class MultiheadAttention(Module):
    """Attention in `num_heads` subspaces of size embed_dim / num_heads, side by side.

    Shapes: query `(l, batch, embed_dim)`, key `(s, batch, kdim)`, value `(s, batch, vdim)`, batch first with
    `batch_first`, or without a batch axis; gives `(l, batch, embed_dim)` and the weights `(batch, l, s)`.
    Masks: True in `key_padding_mask (batch, s)` and `attn_mask (l, s)` or `(batch * heads, l, s)` says not
    to look; numbers are added. Initial values: Xavier uniform; biases 0.
    Source: Vaswani et al., "Attention is all you need" (2017). Errors: a ValueError where `num_heads` does not divide
    `embed_dim`; a ShapeError for a `key_padding_mask` of another shape.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> x = tg.ones((2, 3, 4))
    >>> y, weights = nn.MultiheadAttention(embed_dim=4, num_heads=2)(x, x, x, is_causal=True)
    >>> y.shape, weights.shape, weights[0].tolist()
    ((2, 3, 4), (3, 2, 2), [[1.0, 0.0], [0.5, 0.5]])
    """

    @settings
    def __init__(
        self,
        embed_dim: Positive,
        num_heads: Positive,
        dropout: Probability = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: Positive | None = None,
        vdim: Positive | None = None,
        batch_first: bool = False,
        dtype: DTypeLike | None = None,
        *,
        rng: Generator | None = None,
    ) -> None:
        super().__init__()
        if embed_dim % num_heads:
            raise ValueError(
                f"MultiheadAttention: num_heads must divide embed_dim; got {num_heads} for {embed_dim}; change one"
            )
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.add_zero_attn, self.rng = add_zero_attn, rng
        dtype = dtype or get_default_dtype()
        widths = (embed_dim, kdim or embed_dim, vdim or embed_dim)
        self.same = widths == (embed_dim,) * 3

        def xavier(*shape: int) -> Parameter:
            weights: Parameter = init.xavier_uniform_(Parameter(np.empty(shape, dtype)), rng=rng)
            return weights

        if self.same:
            self.in_proj_weight = xavier(3 * embed_dim, embed_dim)
        else:
            self.q_proj_weight, self.k_proj_weight, self.v_proj_weight = (xavier(embed_dim, n) for n in widths)
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim, dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype, rng=rng)
        if bias:
            init.zeros_(self.out_proj.bias)
        self.bias_k = self.bias_v = None
        if add_bias_kv:
            self.bias_k, self.bias_v = (
                init.xavier_normal_(Parameter(np.empty((1, 1, embed_dim), dtype)), rng=rng) for _ in range(2)
            )

    def _projected(self, xs: Any) -> list[Any]:
        """Queries, keys and values."""
        n = self.embed_dim
        cuts = [slice(i * n, i * n + n) for i in range(3)]
        if self.same:
            weights = [self.in_proj_weight[cut] for cut in cuts]
        else:
            weights = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        biases = [None if self.in_proj_bias is None else self.in_proj_bias[cut] for cut in cuts]
        return [F.linear(x, w, b) for x, w, b in zip(xs, weights, biases, strict=True)]

    def _extended(self, k: Any, v: Any, mask: Any, padding: Any) -> tuple[Any, Any, Any, Any]:
        """Keys and values with the learned one, and the zero one, where asked for."""
        more = [(self.bias_k, self.bias_v)] if self.bias_k is not None else []
        more += [(zeros(1, 1, 1, dtype=k.dtype),) * 2] if self.add_zero_attn else []
        for extra in more:
            k, v = (
                concat([x, ops.broadcast_to(e, shape=(1, *x.shape[1:]))]) for x, e in zip((k, v), extra, strict=True)
            )
            mask, padding = (m if m is None else np.pad(m, [(0, 0)] * (m.ndim - 1) + [(0, 1)]) for m in (mask, padding))
        return k, v, mask, padding

    def _joined(self, mask: Any, padding: Any, batch: int, keys: int) -> Any:
        """Both masks as one, to be added to scores `(batch, heads, queries, keys)`."""
        if mask is not None and mask.ndim == 3:
            mask = mask.reshape(batch, self.num_heads, *mask.shape[1:])
        if padding is None:
            return mask
        if padding.shape != (batch, keys):
            raise ShapeError(
                f"MultiheadAttention: key_padding_mask must be (batch, keys) = {(batch, keys)}; got "
                f"{padding.shape}; transpose it"
            )
        padding = padding[:, None, None, :]
        return padding if mask is None else mask + padding

    def forward(
        self,
        query: ArrayLike,
        key: ArrayLike,
        value: ArrayLike,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> Any:
        xs = [lift(x, "MultiheadAttention") for x in (query, key, value)]
        single = xs[0].ndim == 2
        if single:
            xs = [x.expand_dims(1) for x in xs]
        elif self.batch_first:
            xs = [swapaxes(x, 0, 1) for x in xs]
        q, k, v = self._projected(xs)
        mask, padding = _additive(attn_mask, q.dtype), _additive(key_padding_mask, q.dtype)
        hidden = mask is not None or padding is not None or (self.dropout and self.training)
        whole = need_weights or hidden or not (q.size and k.size) or self.bias_k is not None or self.add_zero_attn
        if is_causal and mask is None and whole:
            mask = np.where(causal(q.shape[0], k.shape[0]), 0.0, -np.inf).astype(q.dtype)
        k, v, mask, padding = self._extended(k, v, mask, padding[None] if single and padding is not None else padding)
        batch = q.shape[1]
        mask = self._joined(mask, padding, batch, k.shape[0])
        q, k, v = (self._heads(x) for x in (q, k, v))
        weights: Any = None
        if whole:
            weights = attended(ops.matmul(q * (q.shape[-1] ** -0.5), matrix_transpose(k)), mask)
            weights = F.dropout(weights, self.dropout, self.training, self.rng)
            y = ops.matmul(weights, v)
        else:  # in blocks, without an array of all weights
            y = ops.attend(q, k, v, scale=q.shape[-1] ** -0.5, causal=bool(is_causal))
        y = ops.permute_dims(y, axes=(2, 0, 1, 3)).reshape(-1, batch, self.embed_dim)
        y = self.out_proj(y)
        if single:
            y, weights = y.squeeze(1), None if weights is None else weights.squeeze(0)
        elif self.batch_first:
            y = swapaxes(y, 0, 1)
        if not need_weights:
            return y, None
        return y, mean(weights, -3) if average_attn_weights else weights

    def _heads(self, x: Tensor) -> Any:
        """`(l, batch, embed_dim)` as `(batch, heads, l, size)`."""
        length, batch, n = x.shape
        return ops.permute_dims(x.reshape(length, batch, self.num_heads, n // self.num_heads), axes=(1, 2, 0, 3))
