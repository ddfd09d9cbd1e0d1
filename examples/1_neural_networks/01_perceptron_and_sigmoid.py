# %% [markdown]
# # A perceptron flips, a sigmoid neuron moves a little
#
# Course 1, row 1: a nudge of one weight flips a perceptron's output, while a sigmoid neuron's output moves a little.

# %%
import os
import pathlib

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_edu as tg

OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# Both neurons compute `z = w x + b` with x = 4 and b = -2; they differ in what they do with z.


# %%
def z(w: tg.Tensor) -> tg.Tensor:
    return w * 4.0 - 2.0


def perceptron(w: tg.Tensor) -> tg.Tensor:
    return tg.where(z(w) > 0, 1.0, 0.0)


def sigmoid_neuron(w: tg.Tensor) -> tg.Tensor:
    return tg.sigmoid(z(w))


# %% [markdown]
# A nudge of 0.02 across the threshold.

# %%
before, after = np.float64(0.49), np.float64(0.51)
moved = {f.__name__: (f(tg.asarray(after)) - f(tg.asarray(before))).item() for f in (perceptron, sigmoid_neuron)}
slopes = {f.__name__: tg.grad(f)(np.float64(0.5)).item() for f in (perceptron, sigmoid_neuron)}
for name, change in moved.items():
    print(f"{name}: output changes by {change:.4f}, slope at w = 0.5 is {slopes[name]:.4f}")

# %% [markdown]
# The slope predicts what the sigmoid does. Of the perceptron it says nothing: it is 0 on both sides of the jump, so
# that gradient descent has nothing to follow.

# %%
w = np.linspace(-1, 2, 601)
figure, axes = plt.subplots(1, 2, figsize=(8.5, 3.4), sharey=True)
for axis, f in zip(axes, (perceptron, sigmoid_neuron)):
    axis.plot(w, f(tg.asarray(w)).data)
    for at, mark in ((before, "o"), (after, "s")):
        y = f(tg.asarray(at)).item()
        axis.plot(at, y, mark, label=f"w = {at}: output {y:.2f}")
    axis.set(title=f.__name__.replace("_", " "), xlabel="weight w")
    axis.grid(alpha=0.3)
    axis.legend(loc="center right", fontsize=8)
axes[0].set_ylabel("output")
figure.tight_layout()
figure.savefig(OUT / "01_perceptron_and_sigmoid.png", dpi=120)
print("picture:", OUT / "01_perceptron_and_sigmoid.png")

# %%
assert moved["perceptron"] == 1.0
assert slopes["perceptron"] == 0.0
assert abs(moved["sigmoid_neuron"] - 0.02 * slopes["sigmoid_neuron"]) < 1e-4
