"""The backprop player: one offline page on which both passes are watched, step by step."""

from typing import Any

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import viz


def course(a: Any, b: Any, c: Any) -> Any:
    u = b * c
    v = a + u
    J = 3 * v
    return J


def network(X: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
    Z1 = W1 @ X + b1
    A1 = tg.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = tg.sigmoid(Z2)
    return (A2**2).mean()


rng = np.random.default_rng(0)
shapes = (2, 5), (4, 2), (4, 1), (1, 4), (1, 1)
print(viz.player(course, 5.0, 3.0, 2.0, title="J = 3(a + bc)").save("out/backprop.html"))
print(viz.player(network, *(rng.normal(size=s) for s in shapes), title="One hidden layer").save("out/network.html"))
