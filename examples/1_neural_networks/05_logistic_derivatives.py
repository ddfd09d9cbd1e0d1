# %% [markdown]
# # The derivatives of logistic regression, by hand
#
# Course 1, row 5: `da`, `dz`, `dw` and `db` of one example, each checked against the numbers and against the engine.

# %%
import os
import pathlib
from functools import partial
from typing import Any

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import testing

OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(0)
x, w, b, y = rng.normal(size=(2, 1)), rng.normal(size=(2, 1)), rng.normal(size=(1, 1)), np.ones((1, 1))

# %% [markdown]
# `da = -y/a + (1-y)/(1-a)`; then the slope of the sigmoid, `a(1-a)`, makes `dz = a - y` of it; `dw = x dz`, `db = dz`.


# %%
def forward(w: np.ndarray, b: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[Any, ...]:
    z = w.T @ x + b
    a = 1 / (1 + np.exp(-z))
    L = np.sum(-(y * np.log(a) + (1 - y) * np.log(1 - a)))
    return L, (a, x, y)


def backward(cache: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    a, x, y = cache
    dz = a - y
    dw = x * dz
    db = dz
    return {"dw": dw, "db": db}


report = testing.check_derivative(forward, backward, w, b, x, y)
print(f"dw and db: {report.verdict}")

# %% [markdown]
# The step from a to L, and from z to L, each by itself, for both labels.


# %%
def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def loss_of_a(y: float, a: Any) -> Any:
    return -(y * np.log(a) + (1 - y) * np.log(1 - a))


def loss_of_z(y: float, z: Any) -> Any:
    return loss_of_a(y, sigmoid(z))


def slope_in_a(y: float, a: Any) -> Any:
    return -y / a + (1 - y) / (1 - a)


def slope_in_z(y: float, z: Any) -> Any:
    return sigmoid(z) - y


verdicts: list[str] = []
for label in (0.0, 1.0):
    da, dz = partial(slope_in_a, label), partial(slope_in_z, label)
    verdicts.append(testing.check_derivative(partial(loss_of_a, label), da, 0.3).verdict)
    verdicts.append(testing.check_derivative(partial(loss_of_z, label), dz, 0.7).verdict)
    a = sigmoid(0.7)
    assert abs(da(a) * a * (1 - a) - dz(0.7)) < 1e-12  # the chain rule: dz = da * a(1 - a)
print("da and dz for y = 0 and y = 1:", verdicts)

# %% [markdown]
# The checker can say no: the sign of `dz` flipped.


# %%
def flipped(cache: Any) -> dict[str, Any]:
    return {name: -value for name, value in backward(cache).items()}


wrong = testing.check_derivative(forward, flipped, w, b, x, y, raises=False)
print(f"with y - a for a - y: {wrong.verdict}: {wrong.pattern}")

# %% [markdown]
# The engine finds the same numbers from the forward pass alone, and draws how.

# %%
hand = backward(forward(w, b, x, y)[1])
weights, bias = (tg.Tensor(v, requires_grad=True, name=name) for v, name in ((w, "w"), (b, "b")))
output = tg.sigmoid(weights.T @ tg.Tensor(x, name="x") + bias)
cost = (-(y * tg.log(output) + (1 - y) * tg.log(1 - output))).sum()
cost.backward()
picture = tg.draw(cost, detail="gradients", inline=True)
picture.save(str(OUT / "05_logistic_derivatives.png"))
print("picture:", OUT / "05_logistic_derivatives.png")

# %%
assert report.verdict == "RIGHT"
assert verdicts == ["RIGHT"] * 4
assert wrong.verdict == "WRONG"
np.testing.assert_allclose(weights.grad.data, hand["dw"], rtol=1e-12)
np.testing.assert_allclose(bias.grad.data, hand["db"], rtol=1e-12)
