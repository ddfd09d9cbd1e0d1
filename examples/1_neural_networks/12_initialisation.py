# %% [markdown]
# # Zeros stay symmetric, small random weights break the symmetry
#
# Course 1, row 12: units that start equal stay equal; too large weights saturate; Xavier and He keep the signal's size.

# %%
import os
import pathlib
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import nn

OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(0)
X = rng.normal(size=(2, 300))
Y = (X[:1] * X[1:] > 0) * 1.0  # two opposite quadrants: no line tells them apart


# %%
def cost(W1: tg.Tensor, b1: tg.Tensor, W2: tg.Tensor, b2: tg.Tensor) -> tg.Tensor:
    A1 = tg.tanh(W1 @ X + b1)
    Z2 = W2 @ A1 + b2
    return (tg.softplus(Z2) - Y * Z2).mean()


def train(W1: np.ndarray, W2: np.ndarray, iterations: int = 2000, rate: float = 0.8) -> tuple[list[float], list[float]]:
    p = [W1, np.zeros((len(W1), 1)), W2, np.zeros((1, 1))]
    spread: list[float] = []  # how much the hidden units differ, over the iterations
    costs: list[float] = []
    for _ in range(iterations):
        J, gradients = tg.value_and_grad(cost, argnums=(0, 1, 2, 3))(*p)
        p = [x - rate * g.data for x, g in zip(p, gradients)]
        spread.append(np.ptp(np.hstack([p[0], p[1], p[2].T]), axis=0).max())
        costs.append(J.item())
    return spread, costs


# %% [markdown]
# All zeros, all the same constant, and small random numbers. With a constant the weights do move, but all units alike.

# %%
starts = {
    "zeros": (np.zeros((4, 2)), np.zeros((1, 4))),
    "constant": (np.full((4, 2), 0.5), np.full((1, 4), 0.5)),
    "small random": (rng.normal(size=(4, 2)) * 0.01, rng.normal(size=(1, 4)) * 0.01),
}
runs = {name: train(*start) for name, start in starts.items()}
for name, (spread, costs) in runs.items():
    print(f"{name}: the units differ by {spread[-1]:.3g}, cost {costs[-1]:.3f}")

# %% [markdown]
# Too large: with weights of size 10 the tanh units sit on their flat ends, and the gradient in front of them vanishes.

# %%
saturated: dict[float, float] = {}
for size in (0.1, 1.0, 10.0, 100.0):
    A1 = tg.tanh((rng.normal(size=(50, 2)) * size) @ X)
    saturated[size] = (1 - A1**2).mean().item()
    print(f"weights of size {size:g}: mean slope of tanh {saturated[size]:.3f}")


# %% [markdown]
# Deep: the spread of the activations of ten layers of 100 units. Xavier suits tanh, He suits ReLU (it doubles the
# variance, as ReLU cuts half of it). Here rows are examples, the convention of `nn`.


# %%
def signal(
    activation: Callable[..., Any], init: Callable[[Any, Any], Any], layers: int = 10, n: int = 100
) -> list[float]:
    generator = tg.random.default_rng(0)
    A = tg.asarray(rng.normal(size=(500, n)))
    spreads: list[float] = []
    for _ in range(layers):
        W = init(nn.Parameter(np.zeros((n, n))), generator)
        A = activation(A @ W.mT).detach()
        spreads.append(float(np.sqrt((A.data**2).mean())))
    return spreads


deep = {
    "tanh, normal 0.01": signal(tg.tanh, lambda W, g: nn.init.normal_(W, std=0.01, rng=g)),
    "tanh, Xavier": signal(tg.tanh, lambda W, g: nn.init.xavier_normal_(W, rng=g)),
    "ReLU, Xavier": signal(tg.relu, lambda W, g: nn.init.xavier_normal_(W, rng=g)),
    "ReLU, He": signal(tg.relu, lambda W, g: nn.init.kaiming_normal_(W, rng=g)),
}

# %%
figure, axes = plt.subplots(1, 3, figsize=(12, 3.5))
for name, (spread, costs) in runs.items():
    axes[0].plot(spread, label=name)
    axes[1].plot(costs, label=name)
for name, spreads in deep.items():
    axes[2].semilogy(range(1, 11), spreads, "o-", markersize=3, label=name)
axes[0].set(title="how much the hidden units differ", xlabel="iteration")
axes[1].set(title="cost J", xlabel="iteration")
axes[2].set(title="size of the activations", xlabel="layer", ylim=(1e-12, 10))
for axis in axes:
    axis.legend()
    axis.grid(alpha=0.3)
figure.tight_layout()
figure.savefig(OUT / "12_initialisation.png", dpi=120)
print("picture:", OUT / "12_initialisation.png")

# %%
assert max(runs["zeros"][0]) == 0.0  # exactly, in every iteration
assert max(runs["constant"][0]) < 1e-12
assert runs["small random"][0][-1] > 1
assert runs["small random"][1][-1] < 0.25 < 0.55 < runs["constant"][1][-1] < runs["zeros"][1][-1]
assert saturated[100.0] < 0.05 < saturated[0.1]
assert deep["tanh, normal 0.01"][-1] < 1e-6
assert deep["ReLU, Xavier"][-1] < 0.1 < deep["ReLU, He"][-1]
assert deep["tanh, Xavier"][-1] > 0.1
