# %% [markdown]
# # Activation functions and their slopes
#
# Course 1, row 11: five activations, their slopes by hand and by the engine; saturation; linear layers are one layer.

# %%
import os
import pathlib
from collections.abc import Callable
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import testing

OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# Sigmoid and tanh have slopes that need only the output a, which is why the cache keeps it.


# %%
def sigmoid(z: np.ndarray) -> Any:
    return 1 / (1 + np.exp(-z))


slopes: dict[
    str, tuple[Callable[[Any], Any], Callable[[Any], Any]]
] = {  # name: the function of the engine, the course's formula for its slope
    "sigmoid: a(1 - a)": (tg.sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "tanh: 1 - a²": (tg.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "ReLU: 0 or 1": (tg.relu, lambda z: np.where(z > 0, 1.0, 0.0)),
    "leaky ReLU: 0.01 or 1": (lambda z: F.leaky_relu(z, 0.01), lambda z: np.where(z > 0, 1.0, 0.01)),
    "linear: 1": (lambda z: z * 1.0, lambda z: np.ones_like(z)),
}
z = np.linspace(-6, 6, 242)  # 0 is not among them
verdicts = {name: testing.check_derivative(f, slope, z).verdict for name, (f, slope) in slopes.items()}
print(verdicts)

# %% [markdown]
# At the kink of ReLU any slope from 0 to 1 is a valid subgradient; the course takes either, and the checker says so.


# %%
def constant(slope: float, z: float) -> float:
    return slope


answers = [partial(constant, slope) for slope in (0.0, 1.0, 2.0)]
kinks = [testing.check_derivative(tg.relu, answer, 0.0, raises=False).verdict for answer in answers]
print("ReLU at 0, with slopes 0, 1 and 2:", kinks)

# %% [markdown]
# Saturation: far from 0 the slope of a sigmoid is nearly 0, so that nothing is learned there.

# %%
at_10 = tg.grad(tg.sigmoid)(np.float64(10.0)).item()
print(f"slope of sigmoid at 0: {tg.grad(tg.sigmoid)(np.float64(0.0)).item()}, at 10: {at_10:.1e}")

# %% [markdown]
# Why there must be an activation at all: three linear layers are one, with `W' = W3 W2 W1` and
# `b' = W3 (W2 b1 + b2) + b3`.

# %%
rng = np.random.default_rng(0)
n = [4, 7, 5, 2]
W: list[Any] = [None] + [rng.normal(size=(n[k], n[k - 1])) for k in (1, 2, 3)]
b: list[Any] = [None] + [rng.normal(size=(n[k], 1)) for k in (1, 2, 3)]
A = X = tg.asarray(rng.normal(size=(4, 10)))
for layer in (1, 2, 3):
    A = W[layer] @ A + b[layer]
one_layer = (W[3] @ W[2] @ W[1]) @ X + (W[3] @ (W[2] @ b[1] + b[2]) + b[3])
difference = abs(A - one_layer).max().item()
print(f"three linear layers against one: largest difference {difference:.1e}")

# %%
figure, axes = plt.subplots(1, 5, figsize=(13, 2.9), sharey=True)
for axis, (name, (f, by_hand)) in zip(axes, slopes.items()):
    axis.plot(z, f(tg.asarray(z)).data, label="g(z)")
    axis.plot(z, tg.vmap(tg.grad(f))(z).data, label="g'(z), engine")
    axis.plot(z, by_hand(z), "--", color="black", linewidth=1, label="by hand")
    axis.set(title=name, xlabel="z", ylim=(-1.3, 2))
    axis.grid(alpha=0.3)
axes[0].set(ylabel="g(z), and its slope")
axes[0].legend(loc="upper left", fontsize=8)
figure.tight_layout()
figure.savefig(OUT / "11_activations.png", dpi=120)
print("picture:", OUT / "11_activations.png")

# %%
assert set(verdicts.values()) == {"RIGHT"}
assert kinks == ["KINK", "KINK", "WRONG"]
assert at_10 < 1e-4
assert difference < 1e-12
