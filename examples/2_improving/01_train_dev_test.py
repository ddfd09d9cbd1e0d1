# %% [markdown]
# # Train, dev and test: bias and variance
#
# Course 2: a small network underfits (bias), a large one on few examples overfits (variance); more data closes the gap.
#
# Rows are examples here, as in the layers of `nn`. The dev set chooses the network; the test set is looked at once.

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

# %% [markdown]
# 1797 digits: 1000 to train on, 400 to choose with (dev), 397 for the last word (test).

# %%
images, labels = data.load_digits()
order = np.random.default_rng(0).permutation(len(labels.data))
X, y = images.data.reshape(-1, 64)[order], labels.data[order]
parts = {"train": slice(0, 1000), "dev": slice(1000, 1400), "test": slice(1400, None)}


def error(model: nn.Module, rows: Any) -> float:
    with tg.no_grad():
        return 1 - nn.metrics.accuracy(model(X[rows]), y[rows])


def train(width: int, m: int, steps: int = 150 if QUICK else 400) -> nn.Module:
    rng = tg.random.default_rng(1)
    model = nn.Sequential(nn.Linear(64, width, rng=rng), nn.ReLU(), nn.Linear(width, 10, rng=rng))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        loss = F.cross_entropy(model(X[:m]), y[:m])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


# %% [markdown]
# Error against size of the network (200 training examples), then against the number of examples (64 units).

# %%
widths = [1, 2, 4, 16, 64, 128]
sizes = [30, 100, 300, 1000]
by_width = [(w, train(w, 200)) for w in widths]
by_size = [(m, train(64, m)) for m in sizes]
width_errors = np.array([[error(net, slice(0, 200)), error(net, parts["dev"])] for _, net in by_width])
size_errors = np.array([[error(net, slice(0, m)), error(net, parts["dev"])] for m, net in by_size])
for w, (low, high) in zip(widths, width_errors):
    print(f"{w:4d} units: train error {low:6.1%}, dev error {high:6.1%}, gap (variance) {high - low:6.1%}")

# %%
figure = Figure((10, 4), layout="constrained")
left, right = figure.subplots(1, 2, sharey=True)
for axes, xs, errors in ((left, widths, width_errors), (right, sizes, size_errors)):
    axes.semilogx(xs, errors[:, 0], "o-", label="train")
    axes.semilogx(xs, errors[:, 1], "s-", label="dev")
    axes.set_xticks(xs, [str(x) for x in xs])
    axes.minorticks_off()
    axes.legend()
left.set(xlabel="hidden units (200 examples)", ylabel="error", title="bias falls with the size of the network")
right.set(xlabel="training examples (64 hidden units)", title="variance falls with the amount of data")
figure.savefig(OUT / "train_dev_test.png", dpi=100)
print("picture:", OUT / "train_dev_test.png")

# %%
candidates = [net for _, net in by_width + by_size]
best = min(candidates, key=lambda net: error(net, parts["dev"]))
dev, test = (error(best, parts[name]) for name in ("dev", "test"))
print(f"best of {len(candidates)} on dev: error {dev:.1%} there, {test:.1%} on test")
assert width_errors[0, 0] > 0.3, "one unit: high bias, it cannot even fit the training set"
assert width_errors[-1, 0] == 0, "128 units fit 200 examples"
assert width_errors[-1, 1] > 0.04, "but not the others: variance"
gaps = size_errors[:, 1] - size_errors[:, 0]
assert gaps[-1] < gaps[0] / 3, "more examples close the gap"
assert test < 0.06
