# %% [markdown]
# # Images become vectors, and normalised inputs descend faster
#
# Course 1, row 8: images become columns of X; then the same descent on raw and on normalised inputs, both drawn.

# %%
import os
import pathlib
from typing import Any, cast

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

import tinygrad_edu as tg
from tinygrad_edu import data

OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# An image of 8 x 8 pixels is a vector of 64 numbers. `reshape(m, -1).T` gives one column per image; `reshape(-1, m)`
# has the same shape and mixes the images.

# %%
images, labels = data.load_digits()
m = len(images.data)
X = images.reshape(m, -1).T
mixed = images.reshape(-1, m)
print("images", images.shape, "-> X", X.shape)

# %% [markdown]
# Breast cancer data: the features differ in size by a factor of ten thousand and more. The largest safe rate is
# 2 / (largest curvature), and at that rate the flattest direction crawls. Each run gets half of its own largest rate.

# %%
table: Any = cast(Any, load_breast_cancer())
raw, Y = table.data.T, table.target[None, :].astype(float)
normalised = (raw - raw.mean(axis=1, keepdims=True)) / raw.std(axis=1, keepdims=True)


def cost(w: tg.Tensor, b: tg.Tensor, X: np.ndarray) -> Any:
    Z = w.T @ X + b
    return (
        tg.softplus(Z) - Y * Z
    ).mean()  # -(y log a + (1-y) log(1-a)) with a = sigmoid(z), written so as not to overflow


def descend(X: np.ndarray, iterations: int = 200) -> tuple[Any, ...]:
    extended = np.vstack([X, np.ones((1, X.shape[1]))])
    curvature = np.linalg.eigvalsh(extended @ extended.T / X.shape[1] / 4)  # the Hessian of J at w = 0
    rate = 1 / curvature[-1]
    w, b = np.zeros((len(X), 1)), np.zeros((1, 1))
    costs: list[float] = []
    for _ in range(iterations):
        J, (dw, db) = tg.value_and_grad(cost, argnums=(0, 1))(w, b, X)
        w, b = w - rate * dw.data, b - rate * db.data
        costs.append(J.item())
    accuracy = float((((w.T @ X + b) > 0) == (Y > 0.5)).mean())
    return costs, rate, curvature[-1] / curvature[0], accuracy


runs = {"raw": descend(raw), "normalised": descend(normalised)}
for name, (costs, rate, condition, accuracy) in runs.items():
    print(f"{name}: rate {rate:.2g}, curvatures differ by {condition:.1e}, J {costs[-1]:.3f}, right {accuracy:.3f}")

# %%
figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.2), width_ratios=[1, 1, 2.4])
axes[0].imshow(images.data[3], cmap="gray_r")
axes[0].set_title(f"an image, y = {labels.data[3]}")
axes[1].imshow(X.data[:, 3:4], cmap="gray_r", aspect=0.12)
axes[1].set_title("its column of X")
axes[1].set_xticks([])
for name, (costs, rate, _, _) in runs.items():
    axes[2].plot(costs, label=f"{name}, rate {rate:.1e}")
axes[2].set(title="cost J on the breast cancer data", xlabel="iteration", yscale="log")
axes[2].legend()
axes[2].grid(alpha=0.3)
figure.tight_layout()
figure.savefig(OUT / "08_normalising_inputs.png", dpi=120)
print("picture:", OUT / "08_normalising_inputs.png")

# %%
assert X.shape == mixed.shape == (64, m)
assert np.array_equal(X.data[:, 3].reshape(8, 8), images.data[3])
assert not np.array_equal(mixed.data[:, 3].reshape(8, 8), images.data[3])
assert runs["normalised"][0][-1] < 0.15 < runs["raw"][0][-1]
assert runs["normalised"][0][20] < runs["raw"][0][-1]  # after 20 steps further than raw after 200
