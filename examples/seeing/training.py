"""Watch a training layer by layer: a rate that is too large kills units of relu."""

import numpy as np

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim, viz

rng = tg.random.default_rng(0)
X = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
Y = (X[:, :1] * X[:, 1:] > 0).astype("float32")

for rate in (0.5, 50.0):
    model = nn.Sequential(nn.Linear(2, 16, rng=rng), nn.ReLU(), nn.Linear(16, 1, rng=rng))
    optimizer = optim.SGD(model.parameters(), lr=rate)
    with viz.watch(model) as training:
        for _ in range(60):
            loss = F.binary_cross_entropy_with_logits(model(tg.Tensor(X)), tg.Tensor(Y))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            training.step(loss)
    print(f"learning rate {rate}: {training}")
    print(training.save(f"out/training_{rate}.html"))


def halved(hidden: tg.Tensor) -> tg.Tensor:
    return hidden * 0.5


without = viz.intervene(model, X, change={"1": halved})
print("with half of every hidden unit:", without.answer)
