"""The chain rule in words and numbers, and where one number of a gradient comes from."""

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import viz

a, b, c = (tg.Tensor(v, requires_grad=True) for v in (5.0, 3.0, 2.0))
u = b * c
v = a + u
J = 3 * v
print(viz.explain(J))

rng = np.random.default_rng(0)
X = tg.Tensor(rng.normal(size=(6, 3)))
W = tg.Tensor(rng.normal(size=(3, 2)), requires_grad=True)
loss = (tg.sigmoid(X @ W) ** 2).mean()
print(viz.explain(W, entry=(0, 1)))
print(viz.explain(J).markdown())
