"""Compare two graphs: float32 with float64, and one activation with another."""

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import viz


def model(dtype: str, activation: Callable[..., Any]) -> Any:
    rng = np.random.default_rng(0)
    X = tg.Tensor(rng.normal(size=(8, 3)), dtype=dtype)
    W = tg.Tensor(rng.normal(size=(3, 2)), dtype=dtype, requires_grad=True)
    A = activation(X @ W)
    return (A**2).mean()


print(viz.diff(model("float32", tg.tanh), model("float64", tg.tanh), rtol=1e-9))
difference = viz.diff(model("float64", tg.tanh), model("float64", tg.sigmoid))
print(difference)
print(difference.draw().save("out/difference.svg"))

together = viz.compare(
    model("float64", tg.tanh),
    model("float32", tg.tanh),
    model("float64", tg.sigmoid),
    names=("tanh", "float32", "sigmoid"),
)
print(together.answer)
print(together.save("out/compare.html"))
