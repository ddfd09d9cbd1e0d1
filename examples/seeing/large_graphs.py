"""Large graphs: time steps fold into one with a count, and a notice says what was folded."""

import time
from typing import Any

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import viz


def lstm(steps: Any, hidden: Any = 4) -> Any:
    rng = np.random.default_rng(0)
    W, U = (tg.Tensor(rng.normal(size=(hidden, 4 * hidden)), requires_grad=True) for _ in range(2))
    b = tg.Tensor(np.zeros(4 * hidden), requires_grad=True)
    x = tg.Tensor(rng.normal(size=(2, steps, hidden)), requires_grad=True)
    h = c = tg.zeros((2, hidden), dtype="float64")
    for t in range(steps):
        z = x[:, t] @ W + h @ U + b
        i, f, o, g = (z[:, k * hidden : (k + 1) * hidden] for k in range(4))
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
    return (h * h).sum()


for steps in (80, 600):
    loss = lstm(steps)
    start = time.perf_counter()
    picture = viz.draw(loss, budget=40)
    picture.save(f"out/lstm_{steps}.svg")
    print(f"{len(picture.graph.nodes):,} tensors drawn in {time.perf_counter() - start:.2f} s")
