# %% [markdown]
# # Word embeddings and analogies
#
# Course 5: words that stand beside the same words get similar vectors, and `king - man + woman` is `queen`.

# %%
import itertools
import os
import pathlib
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
rng, chance = tg.random.default_rng(0), np.random.default_rng(0)

# %% [markdown]
# Sentences are generated: each is about one person, and has words that go with the gender and with the part played.
# Which word means what is nowhere given to the network.
# %%
PEOPLE = {"man woman": "grown", "boy girl": "young", "king queen": "royal", "prince princess": "royal young"}
PEOPLE |= {"father mother": "parent", "actor actress": "stage", "grandfather grandmother": "parent old"}
PEOPLE |= {"waiter waitress": "inn", "monk nun": "church"}
GENDER = ["he", "his", "him", "himself", "beard"], ["she", "her", "hers", "herself", "dress"]
PART = {"grown": "works job car", "young": "school toy plays", "royal": "crown throne palace"}
PART |= {"parent": "family home son", "stage": "theatre film applause", "old": "cane grey pension"}
PART |= {"inn": "coffee plate menu", "church": "bell prayer faith"}
FILL = ["the", "a", "and", "with", "is", "in", "of", "at", "has"]


def sentence() -> np.ndarray:
    pair, part = list(PEOPLE.items())[chance.integers(len(PEOPLE))]
    gender = chance.integers(2)
    about = [word for kind in part.split() for word in chance.choice(PART[kind].split(), 2, replace=False)]
    words = [pair.split()[gender], *chance.choice(GENDER[gender], 2), *about, *chance.choice(FILL, 3)]
    return chance.permutation(words)


sentences = [sentence() for _ in range(3000 if QUICK else 6000)]
words = sorted({word for s in sentences for word in s})
number = {word: k for k, word in enumerate(words)}
pairs = np.array([(number[a], number[b]) for s in sentences for a, b in itertools.permutations(s, 2)])
print(" ".join(sentences[0]), f"... {len(words)} words, {len(pairs):,} pairs of word and neighbour")

# %% [markdown]
# Skip-gram with negative sampling: from a word's vector, tell a real neighbour from words drawn at random.
# %%
n, k = 16, 5
inner, outer = nn.Embedding(len(words), n, rng=rng), nn.Embedding(len(words), n, rng=rng)
for table in (inner, outer):
    nn.init.normal_(table.weight, 0, 0.3, rng=rng)
often = np.bincount(pairs[:, 1], minlength=len(words)) ** 0.75
optimizer = optim.Adam([*inner.parameters(), *outer.parameters()], lr=0.02)
steps = 500 if QUICK else 1000
losses: list[float] = []
schedule = optim.CosineAnnealingLR(optimizer, steps)
for _ in range(steps):
    word, neighbour = pairs[chance.integers(len(pairs), size=512)].T
    others = chance.choice(len(words), size=(512, k), p=often / often.sum())
    candidates = np.concatenate([neighbour[:, None], others], axis=1)
    scores = (inner(word).expand_dims(1) * outer(candidates)).sum(axis=2)
    loss = F.binary_cross_entropy_with_logits(scores, np.eye(1, k + 1, dtype=np.float32).repeat(512, axis=0))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    losses.append(loss.item())

# %% [markdown]
# `a` is to `b` as `c` is to the word whose vector is nearest, by cosine, to `e_b - e_a + e_c`.
# %%
E = inner.weight.numpy()
E = E / np.linalg.norm(E, axis=1, keepdims=True)


def analogy(a: str, b: str, c: str) -> Any:
    likeness = E @ (E[number[b]] - E[number[a]] + E[number[c]])
    likeness[[number[a], number[b], number[c]]] = -np.inf
    return words[likeness.argmax()]


both = [pair.split() for pair in PEOPLE]
questions = [(a, b, c, d) for a, b in both for c, d in both if a != c]
questions += [("king", "prince", "queen", "princess"), ("boy", "prince", "girl", "princess")]
right = np.mean([analogy(a, b, c) == d for a, b, c, d in questions])
found = analogy("man", "woman", "king")
print(f"man is to woman as king is to {found}; of {len(questions)} analogies {right:.0%} right")

# %%
figure = Figure(figsize=(8, 5.5), layout="constrained")
axes = figure.subplots()
people = np.array([[E[number[a]], E[number[b]]] for a, b in both])
across = (people[:, 1] - people[:, 0]).mean(axis=0)
across /= np.linalg.norm(across)  # from left to right; upwards, the direction in which people differ most besides
rest = people.mean(axis=1) - people.mean(axis=(0, 1))
up = np.linalg.svd(rest - np.outer(rest @ across, across))[2][0]
ends = people @ np.stack([across, up]).T
for pair in ends:
    axes.plot(*pair.T, "o-", color="lightgrey", markerfacecolor="C0")
for side, (column, align) in enumerate([(ends[:, 0, 0].min() - 0.02, "right"), (ends[:, 1, 0].max() + 0.02, "left")]):
    free = -np.inf  # a word stands in a column at the height of its point, or higher where another word stands
    for k in sorted(range(len(both)), key=lambda k: float(ends[k, side, 1])):
        x, y = ends[k, side]
        free = max(y, free)
        line = {"arrowstyle": "-", "color": "lightgrey", "linestyle": ":"}
        axes.annotate(both[k][side], (x, y), (column, free), ha=align, va="center", arrowprops=line)
        free += 0.05
axes.margins(0.26, 0.08)
axes.set(xlabel="along the mean of (woman - man), (queen - king), ...", ylabel="across: what differs most besides")
figure.savefig(OUT / "word_embeddings.png")
print("picture:", OUT / "word_embeddings.png")

# %%
assert found == "queen"
assert right >= (0.7 if QUICK else 0.9)
assert np.mean(losses[-20:]) < np.mean(losses[:20])
