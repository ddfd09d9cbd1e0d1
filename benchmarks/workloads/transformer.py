"""A training step of a language model: two transformer blocks of width 64 with 4 heads, context 64, batch 16, AdamW."""

import importlib
from typing import Any

import numpy as np

from .common import Job, jax, rng, training

NAME = "transformer LM, 2 blocks of 64, 4 heads, context 64, batch 16, AdamW"
GOAL = 1.2
PEERS = ("PyTorch", "torch.compile", "JAX")


def build(nn: Any) -> Any:
    class Block(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(64), nn.LayerNorm(64)
            self.attention = nn.MultiheadAttention(64, 4, batch_first=True)
            self.network = nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64))

        def forward(self, x: Any, mask: Any) -> Any:
            h = self.norm1(x)
            x = x + self.attention(h, h, h, attn_mask=mask, need_weights=False)[0]
            return x + self.network(self.norm2(x))

    class Model(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.positions = nn.Embedding(64, 64), nn.Embedding(64, 64)
            self.first, self.second = Block(), Block()
            self.norm, self.head = nn.LayerNorm(64), nn.Linear(64, 64)
            mask, places = np.triu(np.ones((64, 64), bool), 1), np.arange(64)
            if nn.__name__ == "torch.nn":
                torch: Any = importlib.import_module("torch")
                mask, places = torch.tensor(mask), torch.tensor(places)
            self.mask, self.places = mask, places

        def forward(self, x: Any) -> Any:
            h = self.embedding(x) + self.positions(self.places)
            return self.head(self.norm(self.second(self.first(h, self.mask), self.mask)))

    return Model()


def forward(p: Any, x: Any) -> Any:
    jx, jnp = jax()

    def norm(x: Any, k: str) -> Any:
        z = (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return z * p[f"{k}.weight"] + p[f"{k}.bias"]

    def linear(x: Any, k: str) -> Any:
        return x @ p[f"{k}.weight"].T + p[f"{k}.bias"]

    h = p["embedding.weight"][x] + p["positions.weight"]
    for k in ("first", "second"):
        z = norm(h, f"{k}.norm1") @ p[f"{k}.attention.in_proj_weight"].T + p[f"{k}.attention.in_proj_bias"]
        q, key, v = (t.reshape(*x.shape, 4, 16).swapaxes(1, 2) for t in jnp.split(z, 3, axis=-1))
        scores = jnp.where(jnp.tri(64, dtype=bool), q @ key.swapaxes(2, 3) / 4, -jnp.inf)
        y = (jx.nn.softmax(scores) @ v).swapaxes(1, 2).reshape(h.shape)
        h = h + linear(y, f"{k}.attention.out_proj")
        inner = jx.nn.gelu(linear(norm(h, f"{k}.norm2"), f"{k}.network.0"), approximate=False)
        h = h + linear(inner, f"{k}.network.2")
    return linear(norm(h, "norm"), "head")


def job(peer: str) -> Job:
    return training(peer, build, rng().integers(64, size=(16, 64)), rng().integers(64, size=(16, 64)), "AdamW", forward)
