# %% [markdown]
# # L2 regularisation
#
# Course 2: the term lambda/(2m) * ||W||^2 adds lambda/m * W to dW, shrinks the weights and smooths the boundary.
#
# Examples are columns in the hand-written part (X is (n_x, m)); the layers of `nn` take rows.

# %%
import os
import pathlib
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu import nn, optim, testing
from tinygrad_edu.nn import functional as F

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# The equations, checked: logistic regression with the cost J + lambda/(2m) * sum(W**2).

# %%
rng = np.random.default_rng(0)
lambd, X, Y = 0.7, rng.normal(size=(3, 8)), (rng.random((1, 8)) > 0.5) * 1.0


def cost(W: np.ndarray, b: np.ndarray) -> Any:
    A = 1 / (1 + np.exp(-(W @ X + b)))
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A)) + lambd / (2 * 8) * np.sum(W**2)


def slopes(W: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    dZ = 1 / (1 + np.exp(-(W @ X + b))) - Y
    return dZ @ X.T / 8 + lambd / 8 * W, dZ.sum(1, keepdims=True) / 8  # the bias is not regularised


report = testing.check_derivative(cost, slopes, rng.normal(size=(1, 3)), np.zeros((1, 1)))
print("dW = dZ X.T / m + lambda / m * W:", report.verdict)

# %% [markdown]
# `weight_decay=lambda/m` of `optim.SGD` is the same term ("weight decay": W shrinks by 1 - rate * lambda/m per step).
# Two rings that overlap, 100 noisy training points, and a network that is much too large.


# %%
def rings(m: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    angle, kind = rng.uniform(0, 2 * np.pi, m), rng.integers(0, 2, m)
    radius = 1 + 0.8 * kind + 0.45 * rng.normal(size=m)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1), kind


def train(lambd: float, steps: int = 800 if QUICK else 4000) -> tuple[nn.Module, float]:
    rng = tg.random.default_rng(3)
    model = nn.Sequential(
        nn.Linear(2, 40, rng=rng), nn.ReLU(), nn.Linear(40, 40, rng=rng), nn.ReLU(), nn.Linear(40, 2, rng=rng)
    )
    decay = [p for name, p in model.named_parameters() if name.endswith("weight")]
    free = [p for name, p in model.named_parameters() if name.endswith("bias")]
    groups = [{"params": decay, "weight_decay": lambd / len(kind)}, {"params": free}]
    optimizer = optim.SGD(groups, lr=0.1, momentum=0.9)
    for _ in range(steps):
        loss = F.cross_entropy(model(points), kind)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model, sum(float((p.data**2).sum()) for p in decay)


points, kind = rings(100, np.random.default_rng(1))
dev_points, dev_kind = rings(2000, np.random.default_rng(2))
grid = np.stack(np.meshgrid(np.linspace(-3.2, 3.2, 120), np.linspace(-3.2, 3.2, 120)), -1)
figure = Figure((12, 4.7), layout="constrained")
found: dict[float, Any] = {}
for axes, lambd in zip(figure.subplots(1, 3, sharey=True), (0.0, 2.0, 100.0)):
    model, size = train(lambd)
    with tg.no_grad():
        accuracies = [nn.metrics.accuracy(model(p), k) for p, k in ((points, kind), (dev_points, dev_kind))]
        logits = model(grid.reshape(-1, 2)).data
    found[lambd] = (*accuracies, size)
    print(f"lambda {lambd:5.1f}: train {accuracies[0]:.1%}, dev {accuracies[1]:.1%}, ||W||^2 = {size:.1f}")
    axes.contourf(
        *grid.T, (logits[:, 1] - logits[:, 0]).reshape(120, 120).T, [-1e9, 0, 1e9], colors=["#cfe3f7", "#fbdcc4"]
    )
    axes.scatter(*points.T, c=np.where(kind, "#d95f02", "#1f77b4"), s=18, edgecolors="white", linewidths=0.4)
    axes.set(
        title=f"lambda = {lambd:g}: train {accuracies[0]:.0%}, dev {accuracies[1]:.1%}",
        xlabel="x1",
        ylabel="x2",
        aspect="equal",
    )
figure.savefig(OUT / "l2_regularisation.png", dpi=100)
print("picture:", OUT / "l2_regularisation.png")

# %%
assert report.verdict == "RIGHT"
assert found[0.0][2] > found[2.0][2] > found[100.0][2], "the larger lambda, the smaller the weights"
assert found[0.0][0] > found[2.0][0], "without it the training set is fitted better"
assert found[2.0][1] > found[0.0][1] + 0.01, "with it the dev set is"
assert found[100.0][1] < found[2.0][1], "too much of it is bias"
