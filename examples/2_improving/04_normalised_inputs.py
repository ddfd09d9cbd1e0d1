# %% [markdown]
# # Normalised inputs make a round bowl
#
# Course 2: subtract the mean and divide by the deviation of the training set; descent then goes straight.
#
# Examples are columns: X is (n_x, m), w is (1, n_x).

# %%
import os
import pathlib

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# House-like data: two features of different scale and with large means, and a price that depends on both.

# %%
rng = np.random.default_rng(0)
m = 200
raw = np.stack([rng.normal(1.5, 1.0, m), rng.normal(12.0, 5.0, m)])
Y = 2 * raw[:1] - 0.5 * raw[1:] + rng.normal(0, 0.3, (1, m))
Y = Y - Y.mean()
new = np.stack([rng.normal(1.5, 1.0, 50), rng.normal(12.0, 5.0, 50)])  # the test set

mu, sigma = raw.mean(1, keepdims=True), raw.std(1, keepdims=True)
normalised = (raw - mu) / sigma
new_normalised = (new - mu) / sigma  # with mu and sigma of the *training* set


def descend(X: np.ndarray, rate: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
    def cost(w: tg.Tensor) -> tg.Tensor:
        return ((w @ X - Y) ** 2).mean() / 2

    w = np.array([[-1.5, 1.0]])
    path: list[list[float]] = []
    step = tg.value_and_grad(cost)
    for _ in range(steps):
        value, slope = step(tg.Tensor(w))
        path.append([*w[0], value.item()])
        w = w - rate * slope.data
    curvature = tg.hessian(cost)(tg.Tensor(w)).data.reshape(2, 2)
    return np.array(path), np.linalg.eigvalsh(curvature)


# %% [markdown]
# Each with a rate near the largest that its steepest direction allows, 1.5 / (largest curvature).

# %%
steps = 40 if QUICK else 100
figure = Figure((14, 4.2), layout="constrained")
panels = figure.subplots(1, 3)
condition: dict[str, float] = {}
paths: dict[str, np.ndarray] = {}
for axes, (name, X) in zip(panels, {"raw": raw, "normalised": normalised}.items()):
    _, curvature = descend(X, 0.0, 1)
    path, _ = descend(X, 1.5 / curvature[1], steps)
    condition[name], paths[name] = curvature[1] / curvature[0], path
    a, b = np.meshgrid(np.linspace(-3, 4, 80), np.linspace(-5, 3, 80))
    J = ((a[..., None] * X[0] + b[..., None] * X[1] - Y) ** 2).mean(-1) / 2
    axes.contour(a, b, J, J.min() + np.geomspace(0.05, 300, 14), cmap="viridis", linewidths=0.8)
    axes.plot(path[:, 0], path[:, 1], "o-", color="#d95f02", markersize=3, linewidth=1)
    title = f"{name}: curvatures differ by a factor {condition[name]:.1f}"
    axes.set(title=title, xlabel="w1", ylabel="w2", xlim=(-3, 4), ylim=(-5, 3))
    panels[2].semilogy(path[:, 2], label=name)
panels[2].set(xlabel="step", ylabel="cost", title="cost")
panels[2].legend()
figure.savefig(OUT / "normalised_inputs.png", dpi=100)
print("picture:", OUT / "normalised_inputs.png")

# %%
ends = {name: path[-1, 2] for name, path in paths.items()}
best: dict[str, float] = {}
for name, X in (("raw", raw), ("normalised", normalised)):
    solution = np.linalg.pinv(X.T) @ Y[0]  # least squares
    best[name] = float(((solution @ X - Y) ** 2).mean()) / 2
need = {name: int((path[:, 2] < best[name] * 1.01).argmax()) for name, path in paths.items()}
print(f"condition number: raw {condition['raw']:.1f}, normalised {condition['normalised']:.2f}")
print(f"steps to within 1 % of the best cost: {need} (0: not reached in {steps})")
print(
    f"test set after normalising: means {new_normalised.mean(1).round(2)}, deviations {new_normalised.std(1).round(2)}"
)
np.testing.assert_allclose(normalised.mean(1), 0, atol=1e-12)
np.testing.assert_allclose(normalised.std(1), 1)
assert condition["raw"] > 20 * condition["normalised"]
assert 0 < need["normalised"] < 40
assert need["raw"] == 0, "the raw features take longer than we waited"
