# %% [markdown]
# # Logistic regression on the breast cancer data
#
# Course 1, row 4: one sigmoid neuron tells malignant from benign tumours; with squared error it would not be convex.

# %%
import os
import pathlib
from typing import Any, cast

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

import tinygrad_edu as tg

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
table: Any = cast(Any, load_breast_cancer())
X_all, Y_all = table.data.T, table.target[None, :].astype(float)  # course notation: columns are examples

# %% [markdown]
# `z = w.T x + b`, `a = sigmoid(z)`, `L = -(y log a + (1 - y) log(1 - a))`, and the cost J is the mean of L over m.


# %%
def cost(w: tg.Tensor, b: tg.Tensor, X: np.ndarray, Y: np.ndarray) -> Any:
    A = tg.sigmoid(w.T @ X + b)
    return -(Y * tg.log(A) + (1 - Y) * tg.log(1 - A)).mean()


def train(
    X: np.ndarray, Y: np.ndarray, iterations: int = 400, rate: float = 1.0
) -> tuple[tg.Tensor, tg.Tensor, list[float]]:
    w, b = tg.zeros((len(X), 1), dtype="float64"), tg.zeros((1, 1), dtype="float64")
    costs: list[float] = []
    for _ in range(iterations):
        J, (dw, db) = tg.value_and_grad(cost, argnums=(0, 1))(w, b, X, Y)
        w, b = w - rate * dw, b - rate * db
        costs.append(J.item())
    return w, b, costs


# %% [markdown]
# One split of 114 test examples is a small sample, so the figure is the mean over several. Mean and spread for
# normalising are those of the training part (row 8 shows why one does it).


# %%
def split(seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    order = np.random.default_rng(seed).permutation(X_all.shape[1])
    train_columns, test_columns = order[114:], order[:114]
    mean, spread = (f(X_all[:, train_columns], axis=1, keepdims=True) for f in (np.mean, np.std))
    return [(((X_all - mean) / spread)[:, k], Y_all[:, k]) for k in (train_columns, test_columns)]


def accuracy(w: tg.Tensor, b: tg.Tensor, X: np.ndarray, Y: np.ndarray) -> float:
    return float((((w.T @ X + b).data > 0) == (Y > 0.5)).mean())


scores: list[float] = []
costs: list[float] = []
for seed in range(5 if QUICK else 20):
    (X, Y), (X_test, Y_test) = split(seed)
    w, b, costs = train(X, Y)
    scores.append(accuracy(w, b, X_test, Y_test))
print(f"test accuracy: mean {np.mean(scores):.4f} of {len(scores)} splits, from {min(scores):.3f} to {max(scores):.3f}")

# %% [markdown]
# Why not squared error? Along a line of weights through one example (x = 1, y = 1), the second derivative of
# `(a - y)² / 2` changes its sign; that of the cross-entropy never does.


# %%
def cross_entropy(w: tg.Tensor) -> tg.Tensor:
    return -tg.log(tg.sigmoid(w))


def squared(w: tg.Tensor) -> tg.Tensor:
    return (tg.sigmoid(w) - 1) ** 2 / 2


line = np.linspace(-6, 6, 241)
bends = {f.__name__: tg.vmap(tg.grad(tg.grad(f)))(line).data for f in (cross_entropy, squared)}
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6))
axes[0].plot(costs)
axes[0].set(title=f"cost J; test accuracy {np.mean(scores):.1%}", xlabel="iteration", yscale="log")
for f in (cross_entropy, squared):
    axes[1].plot(
        line, f(tg.asarray(line)).data, label=f"{f.__name__.replace('_', '-')}, L'' from {bends[f.__name__].min():.2g}"
    )
axes[1].set(title="loss of one example with y = 1", xlabel="w", ylim=(-0.2, 6.5))
axes[1].legend()
figure.tight_layout()
figure.savefig(OUT / "04_logistic_regression.png", dpi=120)
print("picture:", OUT / "04_logistic_regression.png")

# %%
assert np.mean(scores) >= 0.97
assert (bends["cross_entropy"] > 0).all()
assert bends["squared"].min() < 0 < bends["squared"].max()
