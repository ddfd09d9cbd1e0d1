# %% [markdown]
# # Decay of the learning rate
#
# Course 2: with noisy gradients a constant rate circles around the minimum; rate / (1 + decay * epoch) settles in it.

# %%
import os
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu import data, optim

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# The course's schedule, as one of our own: `rate(lr, t)` is the rate in epoch t.


# %%
class TimeDecay(optim.LRScheduler):
    def __init__(self, optimizer: Any, decay: float) -> None:
        self.decay = decay
        super().__init__(optimizer)

    def rate(self, lr: float, t: int) -> float:
        return lr / (1 + self.decay * t)


# %% [markdown]
# A line fitted to noisy points by mini-batches of 8 (rows are examples).

# %%
rng = np.random.default_rng(0)
x = rng.uniform(-1, 1, (256, 1))
design = np.hstack([x, np.ones_like(x)])
y = (design @ np.array([1.5, -0.5])) + rng.normal(0, 1.0, 256)
best = np.linalg.lstsq(design, y, rcond=None)[0]
pairs = data.TensorDataset(design, y)
epochs = 20 if QUICK else 60


def cost(w: tg.Tensor, inputs: tg.Tensor, targets: tg.Tensor) -> tg.Tensor:
    return ((inputs @ w - targets) ** 2).mean() / 2


def fit(schedule: Callable[[optim.Optimizer], Any]) -> tuple[np.ndarray, list[float]]:
    w = tg.Tensor([-1.5, 1.5], requires_grad=True, dtype=np.float64)
    optimizer = optim.SGD([w], lr=0.6)
    scheduler = schedule(optimizer)
    loader = data.DataLoader(pairs, 8, shuffle=True, rng=tg.random.default_rng(1))
    path: list[np.ndarray] = [w.data.copy()]
    rates: list[float] = []
    for _ in range(epochs):
        rates.append(scheduler.get_last_lr()[0])
        for inputs, targets in loader:
            optimizer.zero_grad()
            cost(w, inputs, targets).backward()
            optimizer.step()
            path.append(w.data.copy())
        scheduler.step()
    return np.array(path), rates


runs = {
    "constant": fit(lambda optimizer: optim.ExponentialLR(optimizer, gamma=1.0)),
    "rate / (1 + t)": fit(lambda optimizer: TimeDecay(optimizer, 1.0)),
    "rate * 0.9**t": fit(lambda optimizer: optim.ExponentialLR(optimizer, gamma=0.9)),
    "halved every 5 epochs": fit(lambda optimizer: optim.StepLR(optimizer, step_size=5, gamma=0.5)),
}

# %%
figure = Figure((13, 4.3), layout="constrained")
panels = figure.subplots(1, 3)
a, b = np.meshgrid(np.linspace(-1.7, 2.7, 100), np.linspace(-2, 2, 100))
J = ((a[..., None] * design[:, 0] + b[..., None] - y) ** 2).mean(-1) / 2
for axes, name in zip(panels, list(runs)[:2]):
    axes.contour(a, b, J, J.min() + np.geomspace(0.005, 3, 12), cmap="viridis", linewidths=0.7)
    axes.plot(*runs[name][0].T, "-", color="#d95f02", linewidth=0.6)
    axes.plot(*best, "k*", markersize=10)
    axes.set(title=name, xlabel="slope w", ylabel="intercept b")
for name, (_, rates) in runs.items():
    panels[2].plot(rates, label=name)
panels[2].set(title="learning rate", xlabel="epoch")
panels[2].legend()
figure.savefig(OUT / "rate_decay.png", dpi=100)
print("picture:", OUT / "rate_decay.png")

# %%
distance = {name: np.linalg.norm(path[-64:] - best, axis=1).mean() for name, (path, _) in runs.items()}
for name, d in distance.items():
    print(f"{name:22} mean distance from the minimum in the last two epochs: {d:.4f}")
assert all(d < distance["constant"] / 3 for name, d in distance.items() if name != "constant")
np.testing.assert_allclose(runs["rate / (1 + t)"][1][:3], [0.6, 0.3, 0.2])
