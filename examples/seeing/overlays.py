"""Overlays: where the time, the memory and the work go; where gradients vanish; where nan comes from."""

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import viz

rng = np.random.default_rng(0)
A = tg.Tensor(rng.normal(size=(16, 64)), name="X")
for layer in range(5):
    W = tg.Tensor(rng.normal(size=(16, 16)), requires_grad=True, name=f"W{layer + 1}")
    A = tg.sigmoid(W @ A)
loss = (A**2).mean()
for overlay in ("time", "memory", "flops", "gradient"):
    print(viz.draw(loss, overlay=overlay, inline=True, detail="ops").save(f"out/overlay_{overlay}.svg"))

x = tg.Tensor([0.0, 1.0], requires_grad=True)
with np.errstate(all="ignore"):
    y = tg.log(x)
    z = y * x
print(viz.draw(z.sum(), overlay="nonfinite").save("out/overlay_nonfinite.svg"))
