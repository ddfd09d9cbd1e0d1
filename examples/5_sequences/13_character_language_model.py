# %% [markdown]
# # A character language model (long)
#
# Course 5: a small transformer reads Python's manual, and guesses the next letter better than pairs.

# %%
import os
import pathlib
from pydoc_data.topics import topics
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# The text is Python's manual, as `help()` shows it: its pages in any order, on one line each.
documents = [" ".join(page.encode("ascii", "ignore").decode().split()) for page in topics.values()]
chance = np.random.default_rng(0)
chance.shuffle(documents)
text = "\n".join(documents)
letters = sorted(set(text))
codes = np.array([letters.index(c) for c in text])
cut = len(codes) * 9 // 10
train, test = codes[:cut], codes[cut:]
print(f"{len(text):,} letters, {len(letters)} of them different")

n, T, blocks, steps = (48, 32, 1, 500) if QUICK else (96, 64, 2, 600)
rng = tg.random.default_rng(1)


def batch(codes: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    x = codes[chance.integers(len(codes) - T, size=size)[:, None] + np.arange(T + 1)]
    return x[:, :-1], x[:, 1:].reshape(-1)


# %% [markdown]
# The baselines: how often each letter comes, and how often after each (with a small pseudo-count). All are measured on
# the same windows of new text, in bits per character: the mean of `-log2 p`.
# %%
new_x, new_y = batch(test, 300)
counts = np.full((len(letters), len(letters)), 0.05)
np.add.at(counts, (train[:-1], train[1:]), 1)
unigram = -np.log2(counts.sum(axis=0) / counts.sum())[new_y].mean()
bigram = -np.log2(counts / counts.sum(axis=1, keepdims=True))[new_x.reshape(-1), new_y].mean()


# %%
class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.letter, self.position = nn.Embedding(len(letters), n, rng=rng), nn.Embedding(T, n, rng=rng)
        for table in (self.letter, self.position):
            nn.init.normal_(table.weight, 0, 0.1, rng=rng)
        settings: dict[str, Any] = {
            "dropout": 0.0,
            "activation": "gelu",
            "batch_first": True,
            "norm_first": True,
            "rng": rng,
        }
        self.blocks = nn.ModuleList(nn.TransformerEncoderLayer(n, 4, 4 * n, **settings) for _ in range(blocks))
        self.norm, self.read = nn.LayerNorm(n), nn.Linear(n, len(letters), rng=rng)

    def forward(self, x: np.ndarray) -> tg.Tensor:
        t = x.shape[1]
        y = self.letter(x) + self.position.weight[:t]
        for block in self.blocks:  # no position looks at what comes after it
            y = block(y, src_mask=np.triu(np.full((t, t), -np.inf, np.float32), 1))
        return self.read(self.norm(y))


def loss_of(x: np.ndarray, y: np.ndarray) -> tg.Tensor:
    return F.cross_entropy(model(x).reshape(-1, len(letters)), y)


# %%
model = Model()
optimizer = optim.AdamW(model.parameters(), lr=0.005)
schedule = optim.OneCycleLR(optimizer, 0.005, total_steps=steps + 1)
losses: list[float] = []
for _ in range(steps):
    inputs, targets = batch(train, 16)
    loss = loss_of(inputs, targets)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    losses.append(loss.item() / np.log(2))
with tg.no_grad():
    model_bits = loss_of(new_x, new_y).item() / np.log(2)
print(f"bits per letter of new text: single letters {unigram:.2f}, pairs {bigram:.2f}, transformer {model_bits:.2f}")


# %% [markdown]
# What it writes, letter by letter, when letters are drawn by the probabilities that it gives them.
# %%
written = [letters.index(c) for c in "Return "]
with tg.no_grad():
    for _ in range(60 if QUICK else 300):
        score = model(np.array(written[-T:])[None])[0, -1]
        written.append(chance.choice(len(letters), p=F.softmax(score.astype(np.float64) / 0.7).numpy()))
print("".join(letters[k] for k in written))

# %%
figure = Figure(figsize=(7, 3.5), layout="constrained")
axes = figure.subplots()
smooth = np.convolve(losses, np.ones(20) / 20, mode="valid")
axes.plot(range(19, steps), smooth, label="transformer, while learning")
for value, name, style in ((unigram, "single letters", ":"), (bigram, "pairs", "--"), (model_bits, "transformer", "-")):
    axes.axhline(value, color="black", linestyle=style, linewidth=1, label=f"{name}, new text: {value:.2f}")
axes.set(xlabel="step", ylabel="bits per character", ylim=(0, unigram + 1))
axes.legend()
figure.savefig(OUT / "character_language_model.png")
print("picture:", OUT / "character_language_model.png")

# %%
assert model_bits < (bigram if QUICK else bigram - 0.5) < unigram
