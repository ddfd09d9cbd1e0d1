# %% [markdown]
# # The six backward equations of one hidden layer
#
# Course 1, row 10: `dZ2, dW2, db2, dZ1, dW1, db1` written by hand, checked line by line, and read off the graph.

# %%
import os
import pathlib
from typing import Any

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import testing

OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)


# %%
def forward(
    W1: np.ndarray, b1: np.ndarray, W2: np.ndarray, b2: np.ndarray, X: np.ndarray, Y: np.ndarray
) -> tuple[Any, ...]:
    m = X.shape[1]
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = 1 / (1 + np.exp(-Z2))
    J = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m
    return J, (A1, A2, W2, X, Y)


def backward(cache: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    A1, A2, W2, X, Y = cache
    m = X.shape[1]
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = W2.T @ dZ2 * (1 - A1**2)
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


# %% [markdown]
# Every shape equals that of what it is the derivative by: the first check to make, on paper.

# %%
rng = np.random.default_rng(0)
shapes = {"W1": (4, 3), "b1": (4, 1), "W2": (1, 4), "b2": (1, 1), "X": (3, 5)}
inputs = {name: rng.normal(size=shape) for name, shape in shapes.items()} | {"Y": (rng.random((1, 5)) > 0.5) * 1.0}
J, cache = forward(**inputs)
hand = backward(cache)
for name, value in hand.items():
    print(f"{name}: {value.shape}")

# %% [markdown]
# The second check: against slopes of the cost, with error bars.

# %%
report = testing.check_derivative(forward, backward, *inputs.values())
print("the six equations:", report.verdict)

# %% [markdown]
# Mistakes that people make, and what the checker says of them.


# %%
def without_slope(cache: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    A1, A2, W2, X, Y = cache
    m = X.shape[1]
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = W2.T @ dZ2
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


def without_mean(cache: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    return {name: value * cache[3].shape[1] for name, value in backward(cache).items()}


mistakes: dict[str, testing.Report] = {}
for broken in (without_slope, without_mean):
    mistakes[broken.__name__] = found = testing.check_derivative(forward, broken, *inputs.values(), raises=False)
    print(f"{broken.__name__}: {found.verdict}: {found.pattern}")

# %% [markdown]
# The third: the engine derives the same from the forward pass, and the arrows of its picture carry the equations.
# There `dZ2` is the derivative by Z2, so it holds the 1/m that the course writes into dW and db.

# %%
p = {name: tg.Tensor(value, requires_grad=name not in "XY") for name, value in inputs.items()}
X, Y, W1, b1, W2, b2 = (p[name] for name in ("X", "Y", "W1", "b1", "W2", "b2"))
Z1 = W1 @ X + b1
A1 = tg.tanh(Z1)
Z2 = W2 @ A1 + b2
A2 = tg.sigmoid(Z2)
J = -(Y * tg.log(A2) + (1 - Y) * tg.log(1 - A2)).mean()
J.backward()
tg.draw(A2, detail="ops", inline=True, backward=True).save(str(OUT / "10_six_backward_equations.png"))
print("picture:", OUT / "10_six_backward_equations.png")

# %%
assert report.verdict == "RIGHT"
assert all(hand[f"d{name}"].shape == shapes[name] for name in ("W1", "b1", "W2", "b2"))
assert all(found.verdict == "WRONG" for found in mistakes.values())
assert "1 - A1**2" in str(mistakes["without_slope"].pattern)
for name in ("W1", "b1", "W2", "b2"):
    np.testing.assert_allclose(p[name].grad.data, hand[f"d{name}"], rtol=1e-10)
