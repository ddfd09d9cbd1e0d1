# %% [markdown]
# # Vanishing and exploding gradients, layer by layer
#
# Course 2: through 30 layers activations and gradients shrink or grow exponentially, unless Var(W) suits.
#
# Examples are columns: A is (n, m), W is (n[l], n[l-1]).

# %%
import os
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu import nn

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
layers, n, m = 30, 50 if QUICK else 200, 64

# %% [markdown]
# One forward and one backward pass; for each layer the size (root mean square) of A, dZ and dW.
# The biases b have one column for each example here, so that db is dZ itself, not its sum.


# %%
def size(array: np.ndarray) -> Any:
    return np.sqrt(np.mean(array**2))


def watch(activation: Callable[..., Any], deviation: float) -> tuple[np.ndarray, list[tg.Tensor]]:
    rng = np.random.default_rng(0)
    A, Y = tg.Tensor(rng.normal(size=(n, m))), rng.normal(size=(n, m))
    weights = [tg.Tensor(rng.normal(size=(n, n)) * deviation, requires_grad=True) for _ in range(layers)]
    biases = [tg.Tensor(np.zeros((n, m)), requires_grad=True) for _ in range(layers)]
    sizes: list[float] = []
    for W, b in zip(weights, biases):
        A = activation(W @ A + b)
        sizes.append(size(A.data))
    J = ((A - Y) ** 2).mean()
    J.backward()
    slopes = [[size(p.grad.data) for p in group] for group in (biases, weights)]
    return np.array([sizes, *slopes]), weights


he, xavier = np.sqrt(2 / n), np.sqrt(1 / n)
cases = {
    "relu, He: Var(W) = 2/n": (tg.relu, he),
    "relu, He / 2": (tg.relu, he / 2),
    "relu, He * 1.5": (tg.relu, he * 1.5),
    "tanh, Xavier: Var(W) = 1/n": (tg.tanh, xavier),
    "sigmoid, Xavier": (tg.sigmoid, xavier),
}
seen = {name: watch(*case) for name, case in cases.items()}
ratios = {name: (A[-1] / A[0], dZ[0] / dZ[-1]) for name, ((A, dZ, _), _) in seen.items()}
for name, (forward, back) in ratios.items():
    print(f"{name:27} A[30] / A[1] = {forward:8.1e}, dZ[1] / dZ[30] = {back:8.1e}")

# %% [markdown]
# A layer multiplies by a number f, so 29 layers by f**29: half of He gives 0.5**29 = 2e-9, forwards and backwards.
# dW[l] = dZ[l] A[l-1].T has both: with relu it is as small (or as large) in every layer; with sigmoid, the first
# layers learn nothing, as A does not shrink there and dZ does.

# %%
figure = Figure((14, 4.3), layout="constrained")
titles = ("activations: size of A[l]", "gradients: size of dZ[l]", "gradients: size of dW[l]")
panels = figure.subplots(1, 3)
for axes, title, which in zip(panels, titles, range(3)):
    for name, (sizes, _) in seen.items():
        axes.semilogy(range(1, layers + 1), sizes[which], label=name)
    axes.set(xlabel="layer", ylabel="size (logarithmic)" if axes.get_yscale() == "log" else "size", title=title)
panels[0].legend(fontsize=8)
figure.savefig(OUT / "vanishing_gradients.png", dpi=100)
print("picture:", OUT / "vanishing_gradients.png")

# %% [markdown]
# Against explosion, the gradient can be clipped: if its length exceeds a limit, it is scaled down to it.

# %%
exploded = seen["relu, He * 1.5"][1]
before = nn.utils.clip_grad_norm_(exploded, 1.0).item()
after = np.sqrt(sum((W.grad.data**2).sum() for W in exploded))
print(f"length of the exploded gradient: {before:.3g}, clipped {after:.3f}")

# %%
steady, half, more = (ratios[name] for name in list(cases)[:3])
assert min(steady) > 0.1, "He keeps the size of activations and gradients"
assert max(steady) < 10
assert max(half) < 1e-7, "0.5**29 is 2e-9: both vanish"
assert min(more) > 1e4, "1.5**29 is 1e5: both explode"
assert ratios["sigmoid, Xavier"][1] < 0.25**29 * 100, "each sigmoid layer multiplies by at most about 1/4"
assert min(ratios["tanh, Xavier: Var(W) = 1/n"]) > 0.01
assert before > 1e4
assert abs(after - 1) < 1e-3
