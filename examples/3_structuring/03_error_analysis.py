# %% [markdown]
# # Error analysis: a table before a decision
#
# Course 3: count the causes of mistakes on the dev set; the share of a cause is the most that its cure can gain.
#
# Digits as a camera may give them: some are shifted, blurred, or hidden in part. Rows are examples.

# %%
import os
import pathlib
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu import data, nn, optim
from tinygrad_edu.nn import functional as F

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
images, labels = data.load_digits()
order = np.random.default_rng(0).permutation(len(labels.data))
X, y = images.data[order], labels.data[order]


# %%
def shift(a: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.roll(a, rng.choice([-2, -1, 1, 2], 2), (0, 1))


def blur(a: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (a + sum(np.roll(a, step, axis) for step in (-1, 1) for axis in (0, 1))) / 5


def hide(a: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    a, row = a.copy(), rng.integers(1, 5)
    a[row : row + 3] = 0
    return a


def spoil(a: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, list[bool]]:
    """The image as it comes, and notes of what is the matter with it (more than one is possible)."""
    notes = {name: rng.random() < share for name, share in (("shifted", 0.3), ("blurred", 0.3), ("hidden", 0.1))}
    for name, change in (("shifted", shift), ("blurred", blur), ("hidden", hide)):
        a = change(a, rng) if notes[name] else a
    return a, list(notes.values())


def learn(inputs: np.ndarray, targets: np.ndarray) -> nn.Module:
    rng = tg.random.default_rng(1)
    model = nn.Sequential(nn.Linear(64, 100, rng=rng), nn.ReLU(), nn.Linear(100, 10, rng=rng))
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    loader = data.DataLoader(data.TensorDataset(inputs.reshape(-1, 64), targets), 64, shuffle=True, rng=rng)
    for _ in range(8 if QUICK else 20):
        for batch, kinds in loader:
            loss = F.cross_entropy(model(batch), kinds)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model


def mistakes(model: nn.Module) -> Any:
    with tg.no_grad():
        return model(dev.reshape(-1, 64)).data.argmax(1) != y[1000:]


rng = np.random.default_rng(3)
dev, notes = (np.array(part) for part in zip(*(spoil(a, rng) for a in X[1000:])))
first = mistakes(learn(X[:1000], y[:1000]))

# %% [markdown]
# The table: a row for each mistake (in real life the notes are made by looking at a hundred of them), and the totals.
# The ceiling is the error that would be left if all mistakes with that note were cured.

# %%
names = ["shifted", "blurred", "hidden"]
print("image  true  " + "  ".join(names))
for i in np.flatnonzero(first)[:5]:
    print(f"{i:5d} {y[1000 + i]:5d}  " + "  ".join(f"{'x' if note else '':^7}" for note in notes[i]))
share = notes[first].mean(0)
ceiling = first.mean() * (1 - share)
print(f"of {first.sum()} mistakes: " + ", ".join(f"{name} {s:.0%}" for name, s in zip(names, share)))
print(f"dev error {first.mean():.1%}; at best " + ", ".join(f"{c:.1%} ({n})" for n, c in zip(names, ceiling)))

# %% [markdown]
# The decision: work on the largest share. For each, the cure is the same: add such images to the training set.

# %%
cured: dict[str, float] = {}
for name, change in zip(names, (shift, blur, hide)):
    extra = [np.array([change(a, rng) for a in X[:1000]]) for _ in range(3)]
    cured[name] = mistakes(learn(np.concatenate([X[:1000], *extra]), np.tile(y[:1000], 4))).mean()
    print(f"after work on {name} images: dev error {cured[name]:.1%} (from {first.mean():.1%})")

# %%
figure = Figure((10, 4), layout="constrained")
left, right = figure.subplots(1, 2)
left.bar(names, share, color="#1f77b4")
left.set(ylabel="share of the mistakes", title=f"error analysis of {first.sum()} mistakes", ylim=(0, 1))
right.bar(np.arange(3) - 0.2, ceiling, 0.4, label="ceiling: at best", color="#bbbbbb")
right.bar(np.arange(3) + 0.2, list(cured.values()), 0.4, label="reached", color="#d95f02")
right.axhline(first.mean(), color="black", linestyle="--", label="before")
right.set_xticks(range(3), [f"cure {name}" for name in names])
right.set(ylabel="dev error", title="what the work brought", ylim=(0, 0.6))
right.legend()
figure.savefig(OUT / "error_analysis.png", dpi=100)
print("picture:", OUT / "error_analysis.png")

# %%
target = names[int(share.argmax())]
assert target == "shifted"
assert share[0] > share[1] > 0
assert cured[target] == min(cured.values()), "the largest share was the right thing to work on"
assert cured[target] < first.mean() * 0.75
