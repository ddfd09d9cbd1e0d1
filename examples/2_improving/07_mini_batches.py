# %% [markdown]
# # Mini-batches
#
# Course 2: one step for each batch of 64 learns in a few passes what whole-batch descent needs hundreds for.
#
# Rows are examples here, as in the layers of `nn`.

# %%
import os
import pathlib
import time
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu import data, nn, optim
from tinygrad_edu.nn import functional as F

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %%
images, labels = data.load_digits()
order = np.random.default_rng(0).permutation(len(labels.data))
X, y = images.data.reshape(-1, 64)[order], labels.data[order]
train = data.TensorDataset(X[:1400], y[:1400])


def learn(batch_size: int, rate: float, epochs: int) -> tuple[Any, ...]:
    rng = tg.random.default_rng(1)
    model = nn.Sequential(nn.Linear(64, 32, rng=rng), nn.ReLU(), nn.Linear(32, 10, rng=rng))
    optimizer = optim.SGD(model.parameters(), lr=rate)
    loader = data.DataLoader(train, batch_size, shuffle=True, rng=tg.random.default_rng(2))
    steps: list[float] = []
    passes: list[float] = []
    start = time.perf_counter()
    for _ in range(epochs):
        for inputs, targets in loader:
            loss = F.cross_entropy(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps.append(loss.item())
        with tg.no_grad():
            passes.append(F.cross_entropy(model(X[:1400]), y[:1400]).item())
    seconds = time.perf_counter() - start
    with tg.no_grad():
        return np.array(steps), np.array(passes), seconds, nn.metrics.accuracy(model(X[1400:]), y[1400:])


# %% [markdown]
# Batch (all 1400), mini-batch (64), stochastic (1). The noisier the step, the smaller the rate it bears.

# %%
epochs = 10 if QUICK else 30
runs = {
    "batch, 1400": learn(1400, 0.5, epochs),
    "mini-batch, 64": learn(64, 0.2, epochs),
    "stochastic, 1": learn(1, 0.01, 2 if QUICK else 10),
}
for name, (steps, passes, seconds, accuracy) in runs.items():
    print(
        f"{name:15} {len(passes):3d} passes, {len(steps):6d} steps, {seconds:5.2f} s, "
        f"{seconds / len(passes):6.3f} s a pass; cost {passes[-1]:.3f}, dev accuracy {accuracy:.1%}"
    )

# %%
figure = Figure((11, 4.3), layout="constrained")
left, right = figure.subplots(1, 2)
for name, (_, passes, _, _) in runs.items():
    left.plot(range(1, len(passes) + 1), passes, "o-", markersize=3, label=name)
for name, shown in (("mini-batch, 64", "#d95f02"), ("batch, 1400", "#1f77b4")):
    right.plot(runs[name][0][:200], color=shown, linewidth=1, label=name)
left.set(xlabel="pass over the data (epoch)", ylabel="cost on the training set", yscale="log", title="cost for a pass")
right.set(xlabel="step", ylabel="cost of the batch", title="cost for a step: mini-batches are noisy")
left.legend()
right.legend()
figure.savefig(OUT / "mini_batches.png", dpi=100)
print("picture:", OUT / "mini_batches.png")

# %%
batch, mini, single = runs.values()
assert len(mini[0]) == epochs * 22, "1400 / 64: 21 whole batches and one of 56"
assert mini[1][-1] < batch[1][-1] / 3, "for the same number of passes, mini-batches get further"
assert len(single[0]) / len(single[1]) == 1400, "one by one, a pass takes as many steps as there are examples"
assert (np.diff(batch[0]) < 0).mean() > 0.9, "whole-batch cost falls at nearly every step"
assert (np.diff(mini[0]) > 0).mean() > 0.25, "mini-batch cost often rises"
assert mini[3] > 0.9
