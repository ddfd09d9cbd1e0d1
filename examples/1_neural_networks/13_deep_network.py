# %% [markdown]
# # An L-layer network, forward and backward per layer
#
# Course 1, row 13: blocks with caches, the table of shapes, hand-written backpropagation checked, then trained.

# %%
import os
import pathlib
from typing import Any, cast

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

import tinygrad_edu as tg
from tinygrad_edu import testing

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# Hyperparameters (the rate, the iterations, L, n[l], the activation) are chosen; parameters W[l], b[l] are learned.


# %%
def initialise(n: list[int], seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    p: dict[str, np.ndarray] = {}
    for layer in range(1, len(n)):
        p[f"W{layer}"] = rng.normal(size=(n[layer], n[layer - 1])) * np.sqrt(2 / n[layer - 1])  # He
        p[f"b{layer}"] = rng.normal(size=(n[layer], 1)) * 0.01
    return p


def forward(parameters: dict[str, np.ndarray], X: np.ndarray, Y: np.ndarray) -> tuple[Any, ...]:
    L = len(parameters) // 2
    A = X
    caches: list[tuple[np.ndarray, ...]] = []
    for layer in range(1, L + 1):
        W, b = parameters[f"W{layer}"], parameters[f"b{layer}"]
        Z = W @ A + b
        caches.append((A, W, Z))
        A = np.maximum(Z, 0) if layer < L else 1 / (1 + np.exp(-Z))
    J = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / Y.shape[1]
    return J, (caches, A, Y)


def backward(cache: tuple[Any, ...]) -> dict[str, np.ndarray]:
    caches, AL, Y = cache
    m = Y.shape[1]
    gradients: dict[str, np.ndarray] = {}
    dZ = AL - Y
    for layer in range(len(caches), 0, -1):
        A_previous, W, _ = caches[layer - 1]
        gradients[f"dW{layer}"] = dZ @ A_previous.T / m
        gradients[f"db{layer}"] = np.sum(dZ, axis=1, keepdims=True) / m
        if layer > 1:
            dZ = W.T @ dZ * (caches[layer - 2][2] > 0)
    return gradients


# %% [markdown]
# The table of shapes: a gradient has the shape of what it belongs to.

# %%
n, m = [30, 16, 8, 1], 455
for layer in range(1, len(n)):
    W, b, Z = (n[layer], n[layer - 1]), (n[layer], 1), (n[layer], m)
    print(f"layer {layer}: W, dW {W}; b, db {b}; Z, A, dZ, dA {Z}")

# %% [markdown]
# All gradients of a small net of the same kind against slopes of its cost; and those of the engine.

# %%
rng = np.random.default_rng(1)
small = initialise([4, 5, 3, 1]), rng.normal(size=(4, 6)), (rng.random((1, 6)) > 0.5) * 1.0
report = testing.check_derivative(forward, backward, *small)
print("hand-written backward:", report.verdict)


def engine_cost(parameters: dict[str, tg.Tensor], X: tg.Tensor, Y: tg.Tensor) -> tg.Tensor:
    A, L = X, len(parameters) // 2
    for layer in range(1, L + 1):
        Z = parameters[f"W{layer}"] @ A + parameters[f"b{layer}"]
        A = tg.relu(Z) if layer < L else tg.sigmoid(Z)
        Z.name, A.name = f"Z{layer}", f"A{layer}"
    return -(Y * tg.log(A) + (1 - Y) * tg.log(1 - A)).mean()


leaves = {name: tg.Tensor(value, requires_grad=True, name=name) for name, value in small[0].items()}
J = engine_cost(leaves, tg.Tensor(small[1], name="X"), tg.Tensor(small[2], name="Y"))
J.backward()
hand = backward(forward(*small)[1])
tg.draw(J, detail="ops", inline=True).save(str(OUT / "13_graph.png"))

# %% [markdown]
# Trained on the breast cancer data, with the hand-written gradients.

# %%
table: Any = cast(Any, load_breast_cancer())
order = rng.permutation(569)
X, Y = table.data.T[:, order], table.target[None, order].astype(float)
X = (X - X[:, :m].mean(axis=1, keepdims=True)) / X[:, :m].std(axis=1, keepdims=True)
parameters = initialise(n)
costs: list[float] = []
for _ in range(300 if QUICK else 500):
    J, cache = forward(parameters, X[:, :m], Y[:, :m])
    gradients = backward(cache)
    parameters = {name: p - 0.1 * gradients[f"d{name}"] for name, p in parameters.items()}
    costs.append(J)
_, (_, A, _) = forward(parameters, X[:, m:], Y[:, m:])
accuracy = float(((A > 0.5) == Y[:, m:]).mean())
print(f"cost {costs[0]:.3f} -> {costs[-1]:.3f}, test accuracy {accuracy:.3f}")
figure, axis = plt.subplots(figsize=(6, 3.5))
axis.plot(costs)
axis.set(title=f"layers {n}: test accuracy {accuracy:.1%}", xlabel="iteration", ylabel="cost J", yscale="log")
figure.tight_layout()
figure.savefig(OUT / "13_deep_network.png", dpi=120)
print("picture:", OUT / "13_deep_network.png")

# %%
assert report.verdict == "RIGHT"
for name, leaf in leaves.items():
    np.testing.assert_allclose(leaf.grad.data, hand[f"d{name}"], rtol=1e-9, atol=1e-14)
assert accuracy > 0.94
