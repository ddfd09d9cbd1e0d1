# %% [markdown]
# # Momentum, RMSprop and Adam on a contour plot
#
# Course 2: in a long valley plain descent zigzags; momentum averages that away, RMSprop and Adam scale each direction.

# %%
import os
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu import optim

OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)


# %%
def cost(w: Any) -> Any:
    return (w[0] ** 2 + 25 * w[1] ** 2) / 2


start, steps = np.array([-4.0, 1.5]), 60


def walk(make: Callable[[Any], optim.Optimizer]) -> np.ndarray:
    w = tg.Tensor(start, requires_grad=True)
    optimizer = make([w])
    path = [start]
    for _ in range(steps):
        optimizer.zero_grad()
        cost(w).backward()
        optimizer.step()
        path.append(w.data.copy())
    return np.array(path)


paths = {
    "descent, rate 0.075": walk(lambda p: optim.SGD(p, lr=0.075)),
    "momentum 0.8, rate 0.03": walk(lambda p: optim.SGD(p, lr=0.03, momentum=0.8)),
    "RMSprop, rate 0.15": walk(lambda p: optim.RMSprop(p, lr=0.15, alpha=0.9)),
    "Adam, rate 0.3": walk(lambda p: optim.Adam(p, lr=0.3, betas=(0.8, 0.99))),
}

# %% [markdown]
# Adam by the course's equations: V and S are running averages of dW and dW**2, both divided by 1 - beta**t, as they
# start from 0. (The course's V for momentum also has a factor 1 - beta; `optim.SGD(dampening=beta)` is that form,
# but for its first step.)

# %%
w, V, S, beta1, beta2 = start.copy(), np.zeros(2), np.zeros(2), 0.8, 0.99
by_hand = [w]
for t in range(1, steps + 1):
    slope = np.array([w[0], 25 * w[1]])
    V, S = beta1 * V + (1 - beta1) * slope, beta2 * S + (1 - beta2) * slope**2
    w = w - 0.3 * (V / (1 - beta1**t)) / (np.sqrt(S / (1 - beta2**t)) + 1e-8)
    by_hand.append(w)

# %%
figure = Figure((11, 6), layout="constrained")
a, b = np.meshgrid(np.linspace(-4.5, 2, 200), np.linspace(-2, 2, 200))
for axes, (name, path) in zip(figure.subplots(2, 2, sharex=True, sharey=True).flat, paths.items()):
    axes.contour(a, b, cost((a, b)), np.geomspace(0.02, 60, 14), cmap="viridis", linewidths=0.7)
    axes.plot(*path.T, "o-", color="#d95f02", markersize=3, linewidth=1)
    axes.plot(0, 0, "k*", markersize=10)
    axes.set(title=f"{name}: cost {cost(path[30]):.1e} after 30 steps", xlabel="first weight", ylabel="second weight")
figure.savefig(OUT / "optimizer_paths.png", dpi=100)
print("picture:", OUT / "optimizer_paths.png")

# %%
zigzags = {name: int((np.diff(np.sign(path[:20, 1])) != 0).sum()) for name, path in paths.items()}
lengths = {name: np.abs(np.diff(path[:, 1])).sum() for name, path in paths.items()}
for name, path in paths.items():
    print(
        f"{name:24} cost after 15, 30, 60 steps {cost(path[15]):.1e}, {cost(path[30]):.1e}, {cost(path[-1]):.1e}; "
        f"crosses the valley {zigzags[name]} times, way up and down {lengths[name]:.1f}"
    )
plain, momentum, rms, adam = paths.values()
np.testing.assert_allclose(adam, by_hand, rtol=1e-9, atol=1e-12)
assert zigzags["descent, rate 0.075"] >= 15, "descent crosses the valley at nearly every step"
assert zigzags["momentum 0.8, rate 0.03"] < zigzags["descent, rate 0.075"]
assert zigzags["RMSprop, rate 0.15"] == 0, "RMSprop goes down both directions at one speed"
assert cost(momentum[-1]) < cost(plain[-1]) / 5
assert abs(adam[1] - start).round(6).tolist() == [0.3, 0.3], "Adam's first step is the rate, whatever the slope"
