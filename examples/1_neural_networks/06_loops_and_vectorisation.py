# %% [markdown]
# # The same step with two loops, one loop and none
#
# Course 1, row 6: a step of logistic regression over m examples, written three times; vectorised it is much faster.

# %%
import os
import pathlib
import time
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import testing

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(0)
n_x, m = 50, 1000 if QUICK else 4000
X, Y = rng.normal(size=(n_x, m)), (rng.random((1, m)) > 0.5) * 1.0
w, b = rng.normal(size=(n_x, 1)) * 0.1, np.float64(0.1)


# %%
def two_loops(w: np.ndarray, b: float, X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, float]:
    n_x, m = X.shape
    dw, db = np.zeros((n_x, 1)), 0.0
    for i in range(m):
        z = b
        for j in range(n_x):
            z += w[j, 0] * X[j, i]
        dz = 1 / (1 + np.exp(-z)) - Y[0, i]
        for j in range(n_x):
            dw[j, 0] += X[j, i] * dz
        db += dz
    return dw / m, db / m


def one_loop(w: np.ndarray, b: float, X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, float]:
    n_x, m = X.shape
    dw, db = np.zeros((n_x, 1)), 0.0
    for i in range(m):
        x = X[:, i : i + 1]
        dz = 1 / (1 + np.exp(-((w.T @ x).item() + b))) - Y[0, i]
        dw += x * dz
        db += dz
    return dw / m, db / m


def no_loop(w: np.ndarray, b: float, X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, float]:
    m = X.shape[1]
    Z = w.T @ X + b
    A = 1 / (1 + np.exp(-Z))
    dZ = A - Y
    return X @ dZ.T / m, np.sum(dZ) / m


# %% [markdown]
# The vectorised equations are the derivatives of the cost: checked against the numbers, and against the engine.


# %%
def cost(w: np.ndarray, b: Any) -> Any:
    A = tg.sigmoid(w.T @ X + b)
    return -(Y * tg.log(A) + (1 - Y) * tg.log(1 - A)).mean()


def gradients(w: np.ndarray, b: Any) -> tuple[Any, ...]:
    return no_loop(w, b, X, Y)


report = testing.check_derivative(cost, gradients, w, b)
engine = tg.grad(cost, argnums=(0, 1))(w, b)
print(f"dW = X dZ.T / m, db = sum(dZ) / m: {report.verdict}")

# %%
seconds: dict[str, float] = {}
found: dict[str, tuple[Any, ...]] = {}
for f, repeats in ((two_loops, 1), (one_loop, 3), (no_loop, 20)):
    times: list[float] = []
    for _ in range(repeats):
        begin = time.perf_counter()
        found[f.__name__] = f(w, b, X, Y)
        times.append(time.perf_counter() - begin)
    seconds[f.__name__] = min(times)
    print(
        f"{f.__name__}: {1e3 * min(times):.3f} ms, {seconds['two_loops'] / min(times):.0f} times as fast as two loops"
    )

# %%
figure, axis = plt.subplots(figsize=(7, 2.6))
names = [name.replace("_", " ") for name in seconds]
bars = axis.barh(names, [1e3 * s for s in seconds.values()])
axis.bar_label(bars, fmt="%.3g ms", padding=3)
axis.set(
    xscale="log",
    xlabel="milliseconds for one step (logarithmic)",
    ylabel="way of computing",
    title=f"{n_x} features, {m} examples",
)
axis.margins(x=0.2)
axis.invert_yaxis()
figure.tight_layout()
figure.savefig(OUT / "06_loops_and_vectorisation.png", dpi=120)
print("picture:", OUT / "06_loops_and_vectorisation.png")

# %%
assert report.verdict == "RIGHT"
for dw, db in found.values():
    np.testing.assert_allclose(dw, engine[0].data, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(db, engine[1].data, rtol=1e-9, atol=1e-12)
