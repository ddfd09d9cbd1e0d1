# %% [markdown]
# # A character language model (long)
#
# Course 5: a small transformer reads the standard library's docstrings, and guesses the next letter better than pairs.

# %%
import importlib
import inspect
import os
import pathlib

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
MODULES = """argparse ast asyncio calendar cmd code collections configparser contextlib copy csv dataclasses datetime
decimal difflib doctest email.message enum fractions functools gettext heapq html.parser http.client inspect io json
locale logging mailbox mimetypes numbers optparse os pathlib pdb pickle pprint random re sched shelve shlex shutil
smtplib socket statistics string subprocess tarfile tempfile textwrap threading timeit tokenize trace traceback types
unittest.case unittest.mock urllib.parse urllib.request uuid warnings weakref zipfile"""


def docstrings(module):
    """The texts that a module says about itself, its classes and functions."""
    things = [module, *(thing for _, thing in inspect.getmembers(module) if inspect.getmodule(thing) is module)]
    things += [member for thing in things[1:] if inspect.isclass(thing) for member in vars(thing).values()]
    return [" ".join(doc.split()) for thing in things if isinstance(doc := getattr(thing, "__doc__", None), str)]


parts = dict.fromkeys(
    doc for name in MODULES.split() for doc in docstrings(importlib.import_module(name)) if len(doc) > 80
)
documents = [doc for doc in parts if doc.isascii()]
chance = np.random.default_rng(0)
chance.shuffle(documents)
text = "\n".join(documents)
letters = sorted(set(text))
codes = np.array([letters.index(c) for c in text])
cut = len(codes) * 9 // 10
train, test = codes[:cut], codes[cut:]
print(f"{len(text):,} letters, {len(letters)} of them different")

# %% [markdown]
# The baseline: how often each letter follows each (with a pseudo-count, chosen well). Bits per character: `-log2 p`.
# %%
counts = np.zeros((len(letters), len(letters)))
np.add.at(counts, (train[:-1], train[1:]), 1)
pairs = (counts + 0.05) / (counts + 0.05).sum(axis=1, keepdims=True)
bigram = -np.log2(pairs[test[:-1], test[1:]]).mean()
share = (np.bincount(train, minlength=len(letters)) + 0.05) / (len(train) + 0.05 * len(letters))
unigram = -np.log2(share[test]).mean()


# %%
class Model(nn.Module):
    def __init__(self, n, T, blocks, rng):
        super().__init__()
        self.letter, self.position = nn.Embedding(len(letters), n, rng=rng), nn.Embedding(T, n, rng=rng)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(n, 4, 4 * n, 0.0, "gelu", batch_first=True, norm_first=True, rng=rng)
            for _ in range(blocks)
        )
        self.norm, self.read = nn.LayerNorm(n), nn.Linear(n, len(letters), rng=rng)
        self.mask = np.triu(np.full((T, T), -np.inf, np.float32), 1)
        self.T = T
        for table in (self.letter, self.position):
            nn.init.normal_(table.weight, 0, 0.1, rng=rng)

    def forward(self, x):
        T = x.shape[1]
        y = self.letter(x) + self.position.weight[:T]
        for block in self.blocks:
            y = block(y, src_mask=self.mask[:T, :T])
        return self.read(self.norm(y))


def batch(codes, size, T, rng):
    x = codes[rng.integers(len(codes) - T, size=size)[:, None] + np.arange(T + 1)]
    return x[:, :-1], x[:, 1:].reshape(-1)


def bits(model, codes):
    """Bits per character of the second half of each window, so that all have something to go by."""
    x, y = batch(codes, 200, model.T, tg.random.default_rng(5))
    with tg.no_grad():
        loss = F.cross_entropy(model(x).reshape(-1, len(letters)), y, reduction="none")
    return loss.numpy().mean() / np.log(2)


# %%
n, T, blocks, steps = (48, 32, 1, 500) if QUICK else (96, 64, 2, 600)
rng = tg.random.default_rng(1)
model = Model(n, T, blocks, rng)
optimizer = optim.AdamW(model.parameters(), lr=0.005)
schedule = optim.OneCycleLR(optimizer, 0.005, total_steps=steps + 1)
losses = []
for _ in range(steps):
    x, y = batch(train, 16, T, rng)
    loss = F.cross_entropy(model(x).reshape(-1, len(letters)), y)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    losses.append(loss.item() / np.log(2))
model_bits = bits(model, test)
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

# %%
assert model_bits < (bigram if QUICK else bigram - 0.5) < unigram
