# %% [markdown]
# # Triplet loss: are these two the same?
#
# Course 4: verification. A network learns distances: `max(0, d(A, P) - d(A, N) + margin)`; no class is ever asked for.

# %%
import os
import pathlib
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import data, nn, optim, testing

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# The loss for one triplet by hand, in the course's squared distances, with its derivatives: where the loss is not
# zero, dA = 2 (N - P), dP = -2 (A - P), dN = 2 (A - N).


# %%
def triplet(A: np.ndarray, P: np.ndarray, N: np.ndarray, margin: float = 1.0) -> Any:
    return np.maximum(0, np.sum((A - P) ** 2) - np.sum((A - N) ** 2) + margin)


def triplet_backward(A: np.ndarray, P: np.ndarray, N: np.ndarray) -> tuple[np.ndarray, ...]:
    active = triplet(A, P, N) > 0
    return active * 2 * (N - P), active * -2 * (A - P), active * 2 * (A - N)


A, P, N = np.random.default_rng(0).normal(size=(3, 4)) / 4
assert triplet(A, P, N) > 0
report = testing.check_derivative(triplet, triplet_backward, A, P, N)
print("derivatives of the triplet loss by hand:", report.verdict)

# %% [markdown]
# Digits 0 to 6 are for training, four fifths of their images. Then two questions. Are two *new images* of these digits
# the same digit? And, as at a door that meets new faces: are two images of *new digits*, 7, 8 and 9, the same?

# %%
images, labels = (t.data for t in data.load_digits())
images = images[:, None] * 2 - 1
known, late = labels < 7, np.arange(len(labels)) > 0.8 * len(labels)
train_x, train_y = images[known & ~late], labels[known & ~late]
tests = {"new images": known & late, "new digits": ~known}
rng = tg.random.default_rng(0)
model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1, rng=rng),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1, rng=rng),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(512, 16, rng=rng),
)


def embed(x: np.ndarray) -> tg.Tensor:
    e = model(x)
    return e / tg.sqrt((e * e).sum(axis=1, keepdims=True))  # on the unit sphere


# %% [markdown]
# Of a batch, each image is an anchor; its positive is another image of its class, and its negative the nearest image
# of another class that is still farther than the positive (semi-hard), since easy triplets teach nothing.

# %%
chance = np.random.default_rng(0)
optimizer = optim.Adam(model.parameters(), lr=0.002)
losses: list[float] = []
for _ in range(150 if QUICK else 600):
    batch = chance.choice(len(train_x), 96, replace=False)
    e, y = embed(train_x[batch]), train_y[batch]
    apart: np.ndarray = np.linalg.norm(e.data[:, None] - e.data[None], axis=2)
    same = (y[:, None] == y) & ~np.eye(96, dtype=bool)
    positive = np.where(same, chance.random((96, 96)), -1).argmax(1)
    near: np.ndarray = apart > np.take_along_axis(apart, positive[:, None], 1)
    negative = np.where(y[:, None] == y, 9.0, np.where(near, apart, apart + 3)).argmin(1)
    loss = F.triplet_margin_loss(e, e[positive], e[negative], margin=0.3)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())


# %% [markdown]
# Verification: same, if the distance is below a threshold. The threshold is the best one on known digits.


# %%
def distances(e: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    i, j = np.triu_indices(len(y), 1)
    different = np.flatnonzero(y[i] != y[j])
    pairs = np.concatenate([np.flatnonzero(y[i] == y[j])[::5], different[:: len(different) // len(i[::25])]])
    return np.linalg.norm(e[i[pairs]] - e[j[pairs]], axis=1), y[i[pairs]] == y[j[pairs]]


def balanced(d: np.ndarray, same: np.ndarray, threshold: float) -> Any:
    return (np.mean(d[same] < threshold) + np.mean(d[~same] >= threshold)) / 2


with tg.no_grad():
    views = {"pixels": images.reshape(len(images), -1), "embedding": embed(images).data}
reached: dict[tuple[str, str], float] = {}
figure, axes = plt.subplots(2, 2, figsize=(10, 6), layout="constrained")
for row, (name, points) in zip(axes, views.items(), strict=True):
    d, same = distances(points[known & ~late], train_y)
    threshold = max((balanced(d, same, t), t) for t in np.linspace(float(d.min()), float(d.max()), 100).tolist())[1]
    for axis, (case, chosen) in zip(row, tests.items(), strict=True):
        d, same = distances(points[chosen], labels[chosen])
        reached[name, case] = balanced(d, same, threshold)
        for mask, label, color in ((same, "same digit", "#0072b2"), (~same, "different digits", "#d55e00")):
            axis.hist(d[mask], 40, density=True, alpha=0.6, color=color, label=label)
        axis.axvline(threshold, color="black", linestyle="--", label="threshold")
        axis.set(title=f"{name}, {case}: {reached[name, case]:.1%} right", xlabel="distance", yticks=[])
axes[0, 0].legend()
figure.savefig(OUT / "06_triplet_loss.png", dpi=110)
print("picture:", OUT / "06_triplet_loss.png")
for (name, case), share in reached.items():
    print(f"{name}, pairs of {case}: {share:.1%} judged rightly")

# %% [markdown]
# For new digits the embedding is no better than the pixels, even worse: seven digits teach what sets these seven apart,
# not what sets any two digits apart. Systems for faces are trained on many thousands of people for this reason.

# %%
assert report.verdict == "RIGHT"
assert np.mean(losses[-20:]) < np.mean(losses[:20])
assert reached["embedding", "new images"] > 0.9 > reached["pixels", "new images"]
assert reached["embedding", "new digits"] < reached["embedding", "new images"]
