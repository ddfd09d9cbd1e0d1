"""A training film: the gradients of a deep sigmoid net vanish, those of a relu net do not."""

from typing import Any

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import viz


def train(activation: Any, steps: Any = 150, layers: Any = 6, width: Any = 8) -> Any:
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(width, 32)), rng.random(size=(width, 32))
    he = (2 / width) ** 0.5
    weights = [tg.Tensor(rng.normal(size=(width, width)) * he, requires_grad=True) for _ in range(layers)]
    film = viz.Film(frames=50, title=f"{layers} layers of {activation.__name__}")
    for _ in range(steps):
        A = tg.Tensor(X, name="X")
        for W in weights:
            A = activation(W @ A)
        loss = ((A - Y) ** 2).mean()
        film.record(loss)
        loss.backward()
        for W in weights:
            W.data, W.grad = W.data - 0.5 * W.grad.data, None
    return film


for activation in (tg.sigmoid, tg.relu):
    film = train(activation)
    sizes = film.kept[0]["sizes"]
    ratio = min(v for v in sizes.values() if v) / max(sizes.values())
    print(film.save(f"out/film_{activation.__name__}.html"), f"smallest gradient / largest: {ratio:.1e}")
