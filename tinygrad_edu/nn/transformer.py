"""The transformer: layers of attention and linear maps, stacks of them, and both together."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from ..annotations import ArrayLike, DTypeLike
from ..arrays import get_default_dtype
from ..engine import constant
from ..functions.arguments import lift
from ..functions.settings import Positive, Probability, Size, settings
from ..random import Generator
from ..tensor import Tensor
from . import functional as F
from . import init
from .attention import MultiheadAttention
from .containers import ModuleList, must_be_module
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .normalization import LayerNorm


def _function(activation: object) -> Any:
    if callable(activation):
        return activation
    if not isinstance(activation, str) or activation not in ("relu", "gelu"):
        raise ValueError(f"Transformer: activation must be 'relu', 'gelu' or a function; got {activation!r}; use one")
    return F.relu if activation == "relu" else F.gelu


class TransformerEncoderLayer(Module):
    """Self-attention, then two linear layers, each added to its input and normalized.

    x = norm1(x + attention(x)), then norm2(x + linear2(activation(linear1(x)))). With `norm_first`, inputs are
    normalized instead of sums: x + attention(norm1(x)).
    Shapes: `(length, batch, d_model)` to the same, batch first with `batch_first`.
    Source: Vaswani et al., "Attention is all you need" (2017).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.TransformerEncoderLayer(d_model=4, nhead=2, dim_feedforward=8)
    >>> layer(tg.ones((5, 2, 4))).shape
    (5, 2, 4)
    """

    @settings
    def __init__(
        self, d_model: Positive, nhead: Positive, dim_feedforward: Positive = 2048, dropout: Probability = 0.1,
        activation: object = "relu",
        layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False, bias: bool = True,
        dtype: DTypeLike | None = None, *, rng: Generator | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype, rng=rng
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype, rng=rng)
        self.dropout = Dropout(dropout, rng=rng)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype, rng=rng)
        self.norm_first, self.activation = norm_first, _function(activation)
        self.norm1, self.norm2 = (LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype) for _ in range(2))
        self.dropout1, self.dropout2 = Dropout(dropout, rng=rng), Dropout(dropout, rng=rng)

    def forward(
        self, src: ArrayLike, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:  # fmt: skip
        def attend(x: Tensor) -> Tensor:
            y, _ = self.self_attn(x, x, x, src_key_padding_mask, False, src_mask, is_causal=is_causal)
            return self.dropout1(y)

        x = _added(lift(src), attend, self.norm1, self.norm_first)
        return _added(x, lambda x: self.dropout2(_feed_forward(self, x)), self.norm2, self.norm_first)


def _added(x: Tensor, f: Callable[..., Any], norm: Any, norm_first: bool) -> Any:
    """x + f(x), with the input or the sum normalized."""
    return x + f(norm(x)) if norm_first else norm(x + f(x))


def _feed_forward(layer: Any, x: object) -> Any:
    return layer.linear2(layer.dropout(layer.activation(layer.linear1(x))))


class TransformerDecoderLayer(Module):
    """Self-attention, attention to the encoder's output `memory`, then two linear layers.

    Shapes: `(length, batch, d_model)`, memory `(s, batch, d_model)`, batch first with `batch_first`; gives the first.
    `tgt_is_causal=True` hides the steps after each. Source: Vaswani et al., "Attention is all you need" (2017).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.TransformerDecoderLayer(d_model=4, nhead=2, dim_feedforward=8)
    >>> layer(tg.ones((3, 2, 4)), memory=tg.ones((5, 2, 4)), tgt_is_causal=True).shape
    (3, 2, 4)
    """

    @settings
    def __init__(
        self, d_model: Positive, nhead: Positive, dim_feedforward: Positive = 2048, dropout: Probability = 0.1,
        activation: object = "relu",
        layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False, bias: bool = True,
        dtype: DTypeLike | None = None, *, rng: Generator | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.self_attn, self.multihead_attn = (
            MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype, rng=rng)
            for _ in range(2)
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype, rng=rng)
        self.dropout = Dropout(dropout, rng=rng)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype, rng=rng)
        self.norm_first, self.activation = norm_first, _function(activation)
        self.norm1, self.norm2, self.norm3 = (
            LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype) for _ in range(3)
        )
        self.dropout1, self.dropout2, self.dropout3 = (Dropout(dropout, rng=rng) for _ in range(3))

    def forward(
        self,
        tgt: ArrayLike,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        def attend(x: Tensor) -> Tensor:
            y, _ = self.self_attn(x, x, x, tgt_key_padding_mask, False, tgt_mask, is_causal=tgt_is_causal)
            return self.dropout1(y)

        def look(x: Tensor) -> Any:
            y, _ = self.multihead_attn(
                x, memory, memory, memory_key_padding_mask, False, memory_mask, is_causal=memory_is_causal
            )
            return self.dropout2(y)

        x = _added(lift(tgt), attend, self.norm1, self.norm_first)
        x = _added(x, look, self.norm2, self.norm_first)
        return _added(x, lambda x: self.dropout3(_feed_forward(self, x)), self.norm3, self.norm_first)


class TransformerEncoder(Module):
    """`num_layers` copies of a layer in a row, and `norm` at the end; initial values are those of the layer, so that
    copies begin alike. `enable_nested_tensor` and `mask_check` have no effect. Source: Vaswani et al. (2017).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    >>> nn.TransformerEncoder(layer, num_layers=3)(tg.ones((2, 5, 4))).shape
    (2, 5, 4)
    """

    @settings
    def __init__(
        self,
        encoder_layer: Any,
        num_layers: Positive,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers, self.num_layers = _copies(self, encoder_layer, num_layers), num_layers
        self.norm = norm if norm is None else must_be_module(self, norm)

    def forward(
        self,
        src: ArrayLike,
        mask: ArrayLike | None = None,
        src_key_padding_mask: Any = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        x = lift(src, "TransformerEncoder")
        for layer in self.layers:
            x = layer(x, mask, src_key_padding_mask, bool(is_causal))
        return x if self.norm is None else self.norm(x)


def _copies(holder: object, layer: object, n: int) -> ModuleList:
    return ModuleList([copy.deepcopy(must_be_module(holder, layer)) for _ in range(n)])


class TransformerDecoder(Module):
    """`num_layers` copies of a layer in a row, and `norm` at the end; see TransformerEncoder.

    Source: Vaswani et al. (2017).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.TransformerDecoderLayer(4, 2, 8, batch_first=True)
    >>> nn.TransformerDecoder(layer, num_layers=3)(tg.ones((2, 3, 4)), tg.ones((2, 5, 4))).shape
    (2, 3, 4)
    """

    @settings
    def __init__(self, decoder_layer: Any, num_layers: Positive, norm: Module | None = None) -> None:
        super().__init__()
        self.layers, self.num_layers = _copies(self, decoder_layer, num_layers), num_layers
        self.norm = norm if norm is None else must_be_module(self, norm)

    def forward(
        self,
        tgt: ArrayLike,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        x = lift(tgt, "TransformerDecoder")
        for layer in self.layers:
            x = layer(
                x, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask, bool(tgt_is_causal),
                memory_is_causal,
            )  # fmt: skip
        return x if self.norm is None else self.norm(x)


class Transformer(Module):
    """An encoder of `src`, and a decoder of `tgt` that attends to it: `(s, batch, d_model), (t, batch, d_model) ->
    (t, batch, d_model)`, batch first with `batch_first`.

    `custom_encoder` and `custom_decoder` stand in for them. Initial values: Xavier uniform. Source: Vaswani et al.,
    "Attention is all you need" (2017).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> model = nn.Transformer(4, 2, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=8)
    >>> model(tg.ones((5, 2, 4)), tg.ones((3, 2, 4))).shape
    (3, 2, 4)
    >>> nn.Transformer.generate_square_subsequent_mask(2).tolist()
    [[0.0, -inf], [0.0, 0.0]]
    """

    @settings
    def __init__(
        self,
        d_model: Positive = 512,
        nhead: Positive = 8,
        num_encoder_layers: Size = 6,
        num_decoder_layers: Size = 6,
        dim_feedforward: Positive = 2048,
        dropout: Probability = 0.1,
        activation: object = "relu",
        custom_encoder: object = None,
        custom_decoder: object = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        dtype: DTypeLike | None = None,
        *,
        rng: Generator | None = None,
    ) -> None:
        super().__init__()
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        common = (
            d_model,
            nhead,
            dim_feedforward,
            dropout,
            activation,
            layer_norm_eps,
            batch_first,
            norm_first,
            bias,
            dtype,
        )

        def stack(kind: type, layer: type, n: int, custom: object) -> Any:
            if custom is not None:
                return must_be_module(self, custom)
            return kind(layer(*common, rng=rng), n, LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype))

        self.encoder = stack(TransformerEncoder, TransformerEncoderLayer, num_encoder_layers, custom_encoder)
        self.decoder = stack(TransformerDecoder, TransformerDecoderLayer, num_decoder_layers, custom_decoder)
        for p in self.parameters():
            if p.ndim > 1:
                init.xavier_uniform_(p, rng=rng)

    @staticmethod
    @settings
    def generate_square_subsequent_mask(sz: Size, dtype: DTypeLike | None = None) -> Tensor:
        """Numbers to add to scores `(sz, sz)`, so that each step sees itself and those before: 0 there, -inf after."""
        above = np.triu(np.full((sz, sz), -np.inf, dtype or get_default_dtype()), 1)
        mask: Tensor = constant(above)
        return mask

    def forward(
        self, src: object, tgt: object, src_mask: Any = None, tgt_mask: Any = None, memory_mask: Any = None,
        src_key_padding_mask: Any = None, tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None, tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        return self.decoder(
            tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask, tgt_is_causal,
            memory_is_causal,
        )  # fmt: skip
