"""Why is this gradient None, zero or nan? Three mistakes, each answered in a paragraph."""

import tinygrad_edu as tg
from tinygrad_edu import viz

w, b = (tg.Tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
h = (w * 2).detach()
loss = (h * b).sum()
loss.backward()
print(viz.why(w))

dead = tg.Tensor([-1.0, -2.0], requires_grad=True)
loss = tg.relu(dead).sum()
loss.backward()
print(viz.why(dead))

length = tg.Tensor([0.0], requires_grad=True)
loss = tg.sqrt(length).sum()
loss.backward()
print(viz.why(length))
