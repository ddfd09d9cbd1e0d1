# %% [markdown]
# # One hidden layer draws a boundary that no line is
#
# Course 1, row 9: planar data in the shape of a flower; four tanh units learn what logistic regression cannot.

# %%
import itertools
import os
import pathlib
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_edu as tg

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)


# %%
def flower(m: int = 400, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Points on a rose, X of shape (2, m); every second petal has the other label, Y of shape (1, m)."""
    rng = np.random.default_rng(seed)
    label = np.repeat([0.0, 1.0], m // 2)
    angle = np.linspace(0, 3.12, m // 2) + np.array([[0.0], [3.12]]) + rng.normal(size=(2, m // 2)) * 0.2
    radius = 4 * np.sin(4 * angle) + rng.normal(size=angle.shape) * 0.2
    return np.stack([(radius * np.sin(angle)).ravel(), (radius * np.cos(angle)).ravel()]), label[None, :]


X, Y = flower()

# %% [markdown]
# `Z1 = W1 X + b1`, `A1 = tanh(Z1)`, `Z2 = W2 A1 + b2`, `A2 = sigmoid(Z2)`;
# without a hidden layer, `A2 = sigmoid(W X + b)`.


# %%
def hidden_layer(X: np.ndarray, W1: tg.Tensor, b1: tg.Tensor, W2: tg.Tensor, b2: tg.Tensor) -> tg.Tensor:
    Z1 = W1 @ X + b1
    A1 = tg.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = tg.sigmoid(Z2)
    return A2


def logistic(X: np.ndarray, W: tg.Tensor, b: tg.Tensor) -> tg.Tensor:
    return tg.sigmoid(W @ X + b)


def cost(network: Callable[..., Any], parameters: Any) -> Any:
    A = network(X, *parameters)
    return -(Y * tg.log(A) + (1 - Y) * tg.log(1 - A)).mean()


def train(
    network: Callable[..., Any], sizes: list[int], iterations: int, rate: float = 1.2
) -> tuple[list[np.ndarray], list[float], float]:
    rng = np.random.default_rng(3)
    parameters: list[np.ndarray] = []
    for n_in, n_out in itertools.pairwise(sizes):
        parameters += [rng.normal(size=(n_out, n_in)) * 0.5, np.zeros((n_out, 1))]
    costs: list[float] = []
    for _ in range(iterations):
        J, gradients = tg.value_and_grad(lambda p: cost(network, p))(parameters)
        parameters = [p - rate * g.data for p, g in zip(parameters, gradients)]
        costs.append(J.item())
    accuracy = float(((network(X, *parameters).data > 0.5) == (Y > 0.5)).mean())
    return parameters, costs, accuracy


# %%
runs: dict[str, tuple[Any, Any]] = {
    "logistic regression": (logistic, train(logistic, [2, 1], 500)),
    "4 hidden units": (hidden_layer, train(hidden_layer, [2, 4, 1], 2500 if QUICK else 10000)),
}
for name, (_, (_, costs, accuracy)) in runs.items():
    print(f"{name}: cost {costs[-1]:.3f}, {accuracy:.1%} right")

# %%
x, y = np.meshgrid(np.linspace(-4.6, 4.6, 150), np.linspace(-4.6, 4.6, 150))
grid = np.stack([x.ravel(), y.ravel()])
figure, axes = plt.subplots(1, 3, figsize=(12, 3.8))
for axis, (name, (network, (parameters, costs, accuracy))) in zip(axes, runs.items()):
    A = network(grid, *parameters).data.reshape(x.shape)
    axis.contourf(x, y, A, levels=[0, 0.5, 1], colors=["#cfe3f3", "#fbe0c4"])
    for k, (mark, colour) in enumerate((("o", "#0072b2"), ("^", "#b34700"))):
        axis.plot(*X[:, Y[0] == k], mark, color=colour, markersize=3)
    axis.set(title=f"{name}: {accuracy:.0%} right", xlabel="x₁", ylabel="x₂")
    axes[2].plot(costs, label=name)
axes[2].set(title="cost J", xlabel="iteration")
axes[2].legend()
figure.tight_layout()
figure.savefig(OUT / "09_one_hidden_layer.png", dpi=120)
print("picture:", OUT / "09_one_hidden_layer.png")

# %%
right = {name: accuracy for name, (_, (_, _, accuracy)) in runs.items()}
assert right["logistic regression"] < 0.6
assert right["4 hidden units"] > 0.85
