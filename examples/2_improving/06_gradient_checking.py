# %% [markdown]
# # Gradient checking of hand-written backprop
#
# Course 2: compare backprop with (J(theta + eps) - J(theta - eps)) / (2 eps); then let the checker find the wrong line.
#
# Examples are columns: X is (n_x, m). Three layers, written by hand.

# %%
import os
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tinygrad_edu import testing

OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)


# %%
def forward(W1: Any, b1: Any, W2: Any, b2: Any, W3: Any, b3: Any, X: np.ndarray, Y: np.ndarray) -> tuple[Any, ...]:
    m = X.shape[1]
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = np.tanh(Z2)
    Z3 = W3 @ A2 + b3
    A3 = 1 / (1 + np.exp(-Z3))
    J = -np.sum(Y * np.log(A3) + (1 - Y) * np.log(1 - A3)) / m
    return J, (A1, A2, A3, W2, W3, X, Y)


def backward(cache: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    A1, A2, A3, W2, W3, X, Y = cache
    m = X.shape[1]
    dZ3 = A3 - Y
    dW3, db3 = dZ3 @ A2.T / m, np.sum(dZ3, axis=1, keepdims=True) / m
    dZ2 = (W3.T @ dZ3) * (1 - A2**2)
    dW2, db2 = dZ2 @ A1.T / m, np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = (W2.T @ dZ2) * (1 - A1**2)
    dW1, db1 = dZ1 @ X.T / m, np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2, "dW3": dW3, "db3": db3}


def backward_with_one_wrong_line(cache: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    A1, A2, A3, W2, W3, X, Y = cache
    m = X.shape[1]
    dZ3 = A3 - Y
    dW3, db3 = dZ3 @ A2.T / m, np.sum(dZ3, axis=1, keepdims=True) / m
    dZ2 = W3.T @ dZ3
    dW2, db2 = dZ2 @ A1.T / m, np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = (W2.T @ dZ2) * (1 - A1**2)
    dW1, db1 = dZ1 @ X.T / m, np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2, "dW3": dW3, "db3": db3}


rng = np.random.default_rng(0)
theta = [rng.normal(size=s) for s in [(4, 3), (4, 1), (3, 4), (3, 1), (1, 3), (1, 1)]]
X, Y = rng.normal(size=(3, 6)), (rng.random((1, 6)) > 0.5) * 1.0

# %% [markdown]
# The course's check: all parameters as one vector, nudged one by one, and one number for the difference.


# %%
def nudge(epsilon: float) -> np.ndarray:
    slopes: list[float] = []
    for part in theta:
        for i in np.ndindex(part.shape):
            kept = part[i]
            costs: list[float] = []
            for side in (epsilon, -epsilon):
                part[i] = kept + side
                costs.append(forward(*[*theta, X, Y])[0])
            part[i] = kept
            slopes.append((costs[0] - costs[1]) / (2 * epsilon))
    return np.array(slopes)


def difference(back: Callable[..., Any], epsilon: float = 1e-7) -> tuple[Any, Any]:
    order = ("dW1", "db1", "dW2", "db2", "dW3", "db3")
    gradients = back(forward(*[*theta, X, Y])[1])
    exact, approx = np.concatenate([gradients[k].ravel() for k in order]), nudge(epsilon)
    return np.linalg.norm(exact - approx) / (np.linalg.norm(exact) + np.linalg.norm(approx)), exact - approx


(good, good_gaps), (bad, bad_gaps) = difference(backward), difference(backward_with_one_wrong_line)
print(f"difference: {good:.1e} (right), {bad:.1e} (one line wrong; but which?)")

# %% [markdown]
# The checker of this package needs no epsilon, and names the line.

# %%
right = testing.check_derivative(forward, backward, *theta, X, Y)
wrong = testing.check_derivative(forward, backward_with_one_wrong_line, *theta, X, Y, raises=False)
print(wrong)

# %%
figure = Figure((11, 4.3), layout="constrained")
left, right_axes = figure.subplots(1, 2)
left.semilogy(np.abs(bad_gaps) + 1e-13, "s", color="#d95f02", label="one line wrong")
left.semilogy(np.abs(good_gaps) + 1e-13, "o", color="#1f77b4", label="right")
ends = np.cumsum([0] + [part.size for part in theta])
left.set_xticks((ends[:-1] + ends[1:]) / 2 - 0.5, ["W1", "b1", "W2", "b2", "W3", "b3"])
for end in ends[1:-1]:
    left.axvline(end - 0.5, color="#dddddd", zorder=0)
left.set(ylabel="|backprop - nudge|", title="which parameters are off: a hint at the layer")
left.legend()
epsilons = np.logspace(-12, -1, 23)
right_axes.loglog(epsilons, [difference(backward, e)[0] for e in epsilons], "o-")
right_axes.set(xlabel="epsilon", ylabel="difference", title="right backprop: why epsilon must not be too small")
figure.savefig(OUT / "gradient_checking.png", dpi=100)
print("picture:", OUT / "gradient_checking.png")

# %%
assert good < 1e-7
assert bad > 1e-3
assert right.verdict == "RIGHT"
assert wrong.verdict == "WRONG"
assert "1 - A2**2" in str(wrong.pattern)
assert wrong.blame
assert wrong.blame.op == "dZ2"
