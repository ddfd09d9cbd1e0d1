# %% [markdown]
# # Early stopping
#
# Course 2: the cost on the dev set falls and then rises; stop there, and keep the parameters of the best epoch.

# %%
import os
import pathlib
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu import data, io, nn, optim
from tinygrad_edu.nn import functional as F

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# 400 digits, one label in three wrong in training: to fit them all is to learn mistakes by heart.

# %%
images, labels = data.load_digits()
rng = np.random.default_rng(0)
order = rng.permutation(len(labels.data))
X, y = images.data.reshape(-1, 64)[order], labels.data[order]
train, dev, test = slice(0, 400), slice(400, 900), slice(900, None)
noisy = y[train].copy()
wrong = rng.random(400) < 0.33
noisy[wrong] = rng.integers(0, 10, wrong.sum())


# %%
class EarlyStopping:
    """Ask after each epoch: `stop(cost, model)` is true when `patience` epochs have brought nothing better."""

    def __init__(self, patience: int) -> None:
        self.patience, self.best, self.epoch, self.best_epoch = patience, np.inf, 0, 0
        self.state: dict[str, tg.Tensor] = {}

    def stop(self, cost: float, model: nn.Module) -> bool:
        self.epoch += 1
        if cost < self.best:
            self.best, self.best_epoch, self.state = cost, self.epoch, model.state_dict()  # a copy
        return self.epoch - self.best_epoch >= self.patience


def cost(model: nn.Module, rows: Any, targets: np.ndarray) -> tuple[float, float]:
    with tg.no_grad():
        scores = model(X[rows])
        return F.cross_entropy(scores, targets).item(), nn.metrics.accuracy(scores, targets)


model_rng = tg.random.default_rng(1)
model = nn.Sequential(nn.Linear(64, 128, rng=model_rng), nn.ReLU(), nn.Linear(128, 10, rng=model_rng))
optimizer = optim.Adam(model.parameters(), lr=5e-3)
loader = data.DataLoader(data.TensorDataset(X[train], noisy), 50, shuffle=True, rng=model_rng)
stopper, stopped = EarlyStopping(patience=8), 0
costs: list[list[float]] = []
for epoch in range(90 if QUICK else 150):
    for inputs, targets in loader:
        loss = F.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    costs.append([cost(model, train, noisy)[0], cost(model, dev, y[dev])[0]])
    if not stopped and stopper.stop(costs[-1][1], model):
        stopped = epoch + 1  # a real run would `break` here; this one goes on to show why
curve = np.array(costs)
last = cost(model, test, y[test])
io.save(OUT / "early_stopping.safetensors", stopper.state)
model.load_state_dict(io.load(OUT / "early_stopping.safetensors"))
best = cost(model, test, y[test])
print(f"stopped after epoch {stopped}, best was {stopper.best_epoch}")
print(f"test: cost {best[0]:.3f}, accuracy {best[1]:.1%}; had we gone on: {last[0]:.3f}, {last[1]:.1%}")

# %%
figure = Figure((7, 4.2), layout="constrained")
axes = figure.subplots()
epochs = np.arange(1, len(curve) + 1)
axes.plot(epochs, curve[:, 0], label="train (with wrong labels)")
axes.plot(epochs, curve[:, 1], label="dev")
axes.axvline(stopper.best_epoch, color="#2ca02c", linestyle="--", label="best epoch: kept")
axes.axvline(stopped, color="#999999", linestyle=":", label="patience is over: stop")
axes.set(xlabel="epoch", ylabel="cost", title="early stopping")
axes.legend()
figure.savefig(OUT / "early_stopping.png", dpi=100)
print("picture:", OUT / "early_stopping.png")

# %%
assert stopped
assert stopped - stopper.best_epoch == 8
assert curve[-1, 0] < curve[stopped - 1, 0], "the training cost goes on falling"
assert curve[-1, 1] > stopper.best * 1.2, "the dev cost rises"
assert best[0] < last[0]
assert best[1] > last[1], "on the test set the best epoch beats the last one"
