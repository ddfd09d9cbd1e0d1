"""Draw a graph: of a tensor, of a function, of a module; from names only to formulas with shapes."""

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import nn, viz

# A tensor: names come from your own variables.
a, b, c = (tg.Tensor(v, requires_grad=True) for v in (5.0, 3.0, 2.0))
u = b * c
v = a + u
J = 3 * v
for detail in ("ops", "values", "gradients", "formulas"):
    print(viz.draw(J, detail=detail).save(f"out/course_{detail}.svg"))

# The way back as arrows of its own, right to left.
print(viz.draw(J, detail="gradients", backward=True).save("out/course_backward.png"))


# A function with example inputs; what has no name is written into the formula that uses it.
def logistic(X: tg.Tensor, w: tg.Tensor, b: tg.Tensor) -> tg.Tensor:
    z = w.T @ X + b
    a = tg.sigmoid(z)
    return -tg.log(a).mean()


rng = np.random.default_rng(0)
inputs = rng.normal(size=(3, 8)), rng.normal(size=(3, 1)), np.zeros((1, 1))
print(viz.draw(logistic, *inputs, detail="formulas", inline=True).save("out/logistic.pdf"))

# A module with an example input; depth=0 folds each of its parts into one box.
model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
batch = rng.normal(size=(8, 3)).astype(np.float32)
print(viz.draw(model, batch).save("out/model.svg"))
print(viz.draw(model, batch, depth=0).save("out/model_folded.html"))
