# %% [markdown]
# # Debiasing word vectors
#
# Course 5: vectors learn the prejudices of a text; neutralizing and equalizing take out what a direction tells.

# %%
import itertools
import os
import pathlib
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
rng, chance = tg.random.default_rng(0), np.random.default_rng(0)

# %% [markdown]
# A generated text with a prejudice: in it, 85 % of the engineers, pilots and doctors are "he", 85 % of the nurses,
# teachers and receptionists "she".
# %%
PAIRS = [("man", "woman"), ("king", "queen"), ("boy", "girl"), ("father", "mother")]
JOBS = {"engineer": 0.15, "pilot": 0.15, "doctor": 0.15, "nurse": 0.85, "teacher": 0.85, "receptionist": 0.85}
GENDER = ["he", "his", "him", "beard"], ["she", "her", "hers", "dress"]
ABOUT = {"man": "adult car", "king": "crown throne", "boy": "school toy", "father": "family home"}
ABOUT |= {"engineer": "bridge steel", "receptionist": "desk phone"}
ABOUT |= {"pilot": "plane wing", "doctor": "clinic patient", "nurse": "clinic patient", "teacher": "school lesson"}


def sentence() -> list[Any]:
    k, gender = int(chance.integers(len(PAIRS) + len(JOBS))), int(chance.integers(2))
    if k < len(PAIRS):
        word, topic = PAIRS[k][gender], PAIRS[k][0]
    else:
        word = topic = list(JOBS)[k - len(PAIRS)]
        gender = int(chance.random() < JOBS[word])
    around = chance.choice(GENDER[gender], 2), ABOUT[topic].split(), chance.choice(["a", "the", "with", "is"], 2)
    return [word, *itertools.chain(*around)]


sentences = [sentence() for _ in range(5000)]
words = sorted({word for s in sentences for word in s})
number = {word: k for k, word in enumerate(words)}
counts = np.zeros((len(words), len(words)))
for s in sentences:
    for a, b in itertools.permutations(s, 2):
        counts[number[a], number[b]] += 1

# %% [markdown]
# GloVe: with `X[i,j]` the times that `j` stands beside `i`, minimize `sum f(X) (theta_i . e_j + b_i + b'_j - log X)^2`,
# where the weight `f(X) = min(1, (X / 100)^0.75)` is 0 for words that never meet.
# %%
n = 12
theta, e = (nn.Parameter(0.3 * chance.normal(size=(len(words), n))) for _ in range(2))
b, b2 = nn.Parameter(np.zeros((len(words), 1))), nn.Parameter(np.zeros(len(words)))
weight, target = np.minimum(1, (counts / 100) ** 0.75), np.log(np.maximum(counts, 1))
optimizer = optim.Adam([theta, e, b, b2], lr=0.02, weight_decay=1e-4)
losses: list[float] = []
for _ in range(400 if QUICK else 1500):
    loss = (weight * (theta @ e.T + b + b2 - target) ** 2).sum() / weight.sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
E = {word: (theta + e).numpy()[k] for word, k in number.items()}
print(f"{len(words)} words; loss {losses[0]:.2f} -> {losses[-1]:.4f}")


# %% [markdown]
# The direction `g` is the mean of `woman - man`, `queen - king`, ... Neutralize a word that should not depend on it:
# `e - (e . g) / (g . g) g`. Equalize a pair that differs in it: same length, opposite parts along `g`, the rest equal.
# %%
def cosine(u: np.ndarray, v: np.ndarray) -> Any:
    return u @ v / np.linalg.norm(u) / np.linalg.norm(v)


def neutralize(e: np.ndarray, g: np.ndarray) -> Any:
    return e - (e @ g) / (g @ g) * g


def equalize(e1: np.ndarray, e2: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean, g = (e1 + e2) / 2, g / np.linalg.norm(g)
    rest, side = neutralize(mean, g), (e1 - e2) @ g
    part = np.sqrt(max(0, (e1 @ e1 + e2 @ e2) / 2 - rest @ rest)) * np.sign(side)
    return rest + part * g, rest - part * g


g = np.mean([E[w] - E[m] for m, w in PAIRS], axis=0)
fair = dict(E) | {job: neutralize(E[job], g) for job in JOBS}
for m, w in PAIRS:
    fair[m], fair[w] = equalize(E[m], E[w], g)

print(f"{'':14} before  after: likeness to g")
for job in JOBS:
    print(f"{job:14} {cosine(E[job], g):+6.2f} {cosine(fair[job], g):+6.2f}")
before, after = (abs(cosine(v["nurse"], v["man"]) - cosine(v["nurse"], v["woman"])) for v in (E, fair))
print(f"nurse is nearer to woman than to man by {before:.2f} before, {after:.2f} after")
wanted = fair["king"] - fair["man"] + fair["woman"]
answer = max(set(E) - {"man", "woman", "king"}, key=lambda word: cosine(fair[word], wanted))
print(f"man is to woman as king is to {answer}, still")

# %%
figure = Figure(figsize=(10, 4), layout="constrained")
shown = [*JOBS, *(word for pair in PAIRS for word in pair)]
for axes, vectors, title in zip(figure.subplots(1, 2, sharey=True), (E, fair), ("as learned", "debiased"), strict=True):
    values = [cosine(vectors[word], g) for word in shown]
    axes.barh(shown, values, color=["C0" if word in JOBS else "lightgrey" for word in shown])
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set(title=title, xlabel="cosine with g: man < 0 < woman", xlim=(-1, 1))
figure.axes[0].invert_yaxis()
figure.savefig(OUT / "debiasing.png")
print("picture:", OUT / "debiasing.png")

# %%
assert all((cosine(E[job], g) > 0) == (share > 0.5) for job, share in JOBS.items())  # the text's prejudice was learned
assert all(abs(cosine(fair[job], g)) < 1e-6 for job in JOBS)
assert before > 0.1
assert after < 1e-6
assert answer == "queen"
