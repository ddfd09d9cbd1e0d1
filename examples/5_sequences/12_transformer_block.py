# %% [markdown]
# # The transformer block
#
# Course 5: self-attention, several heads, masks, position codes: written out, and compared with `nn`'s layer.
#
# Rows are positions here (as in nn and in the literature): `Q`, `K`, `V` are `(heads, T, d)` and
# `attention = softmax(Q K.T / sqrt(d)) V`.

# %%
import os
import pathlib
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu import nn

OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
rng = tg.random.default_rng(0)
T, n, heads = 12, 32, 4
d = n // heads


# %% [markdown]
# Attention does not know an order: where the words stand is added to them, as sines of many wavelengths.
# %%
def positions(T: int, n: int) -> np.ndarray:
    angle = np.arange(T)[:, None] / 10000 ** (np.arange(0, n, 2) / n)
    return np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(T, n)


# %% [markdown]
# One block: attention, added to its input and normalized; then two linear layers at each position, likewise.
# %%
def layer_norm(x: tg.Tensor, gain: tg.Tensor, shift: tg.Tensor) -> tg.Tensor:
    z = (x - x.mean(axis=-1, keepdims=True)) / tg.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    return gain * z + shift


def attention(Q: tg.Tensor, K: tg.Tensor, V: tg.Tensor, mask: Any) -> tuple[tg.Tensor, tg.Tensor]:
    scores = Q @ K.mT / np.sqrt(d) + mask
    e = tg.exp(scores - scores.max(axis=-1, keepdims=True))
    alpha = e / e.sum(axis=-1, keepdims=True)
    return alpha @ V, alpha


def block(x: tg.Tensor, w: dict[str, tg.Tensor], mask: Any) -> tuple[tg.Tensor, tg.Tensor]:
    def in_heads(y: tg.Tensor) -> tg.Tensor:
        return y.reshape(T, heads, d).swapaxes(0, 1)

    Q, K, V = (in_heads(y) for y in tg.split(x @ w["self_attn.in_proj_weight"].T + w["self_attn.in_proj_bias"], 3, 1))
    looked, alpha = attention(Q, K, V, mask)
    looked = looked.swapaxes(0, 1).reshape(T, n) @ w["self_attn.out_proj.weight"].T + w["self_attn.out_proj.bias"]
    x = layer_norm(x + looked, w["norm1.weight"], w["norm1.bias"])
    inner = tg.relu(x @ w["linear1.weight"].T + w["linear1.bias"])
    return layer_norm(x + inner @ w["linear2.weight"].T + w["linear2.bias"], w["norm2.weight"], w["norm2.bias"]), alpha


# %%
layer = nn.TransformerEncoderLayer(n, heads, 64, dropout=0.0, dtype=np.float64, rng=rng)
x = rng.normal(size=(T, n)) + positions(T, n)
mask = np.triu(np.full((T, T), -np.inf), 1)  # a position sees itself and what came before
x, theirs = tg.Tensor(x, requires_grad=True), tg.Tensor(x, requires_grad=True)
y, alpha = block(x, dict(layer.named_parameters()), mask)
z = layer(theirs.expand_dims(1), src_mask=mask)[:, 0]
far = np.abs((y - z).numpy()).max()
cotangent = rng.normal(size=(6, n))  # not ones: the sum over a normalized row is always 0
y[:6].backward(cotangent)
z[:6].backward(cotangent)
far_gradient = np.abs(x.grad.numpy() - theirs.grad.numpy()).max()
print(f"difference from nn.TransformerEncoderLayer: {far:.1e}, of the gradients {far_gradient:.1e}")
print("gradient of the first 6 outputs, by position:", np.linalg.norm(x.grad.numpy(), axis=1).round(3).tolist())

# Without positions and mask, the order does not matter: shuffled rows in, the same rows shuffled out.
order = rng.permutation(T)
there, _ = block(x[order], dict(layer.named_parameters()), 0.0)
here, _ = block(x, dict(layer.named_parameters()), 0.0)
shuffled = np.abs((there - here[order]).numpy()).max()

# %%
figure = Figure(figsize=(9, 5.5), layout="constrained")
top, bottom = figure.subfigures(2, 1, height_ratios=(1, 1.1), squeeze=False)[:, 0]
axes = top.subplots()
axes.imshow(positions(60, n).T, cmap="RdBu", aspect="auto")
axes.set(xlabel="position", ylabel="entry", title="the code of each position")
for k, axes in enumerate(bottom.subplots(1, heads)):
    axes.imshow(alpha.numpy()[k], cmap="Blues", vmin=0)
    axes.set(title=f"head {k}", xlabel="looks at", ylabel="position" if k == 0 else "")
figure.savefig(OUT / "transformer_block.png")
print("picture:", OUT / "transformer_block.png")

# %%
assert max(far, far_gradient) < 1e-10
assert not x.grad.numpy()[6:].any()  # the future is not seen
assert x.grad.numpy()[:6].all()
assert shuffled < 1e-12
assert np.allclose(alpha.numpy().sum(axis=2), 1)
assert not np.triu(alpha.numpy(), 1).any()
