# %% [markdown]
# # Backpropagation through time
#
# Course 5: an RNN unrolled is one graph in which the same weights come up at every step, so their gradients add up.

# %%
import os
import pathlib
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu import nn, testing

OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(0)
n_x, n_a, m = 2, 3, 1


# %% [markdown]
# Three steps; the loss looks at the last state only. The picture shows `Waa` going into every step, and the
# gradients coming back from right to left.
# %%
Wax = tg.Tensor(rng.normal(size=(n_a, n_x)), requires_grad=True)
Waa = tg.Tensor(rng.normal(size=(n_a, n_a)) / 2, requires_grad=True)
ba = tg.Tensor(np.zeros((n_a, 1)), requires_grad=True)
a0 = tg.zeros(n_a, m, dtype=np.float64)
x1, x2, x3 = (tg.Tensor(rng.normal(size=(n_x, m))) for _ in range(3))
a1 = tg.tanh(Waa @ a0 + Wax @ x1 + ba)
a2 = tg.tanh(Waa @ a1 + Wax @ x2 + ba)
a3 = tg.tanh(Waa @ a2 + Wax @ x3 + ba)
J = (a3**2).sum() / 2
tg.draw(J, detail="ops", backward=True, inline=True, budget=None).save(OUT / "unrolled_backwards.png")
print("picture:", OUT / "unrolled_backwards.png")


# The same with `nn`'s cell (rows are examples there), each call as one box: the course's picture.
class Unrolled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.RNNCell(n_x, n_a, dtype=np.float64)

    def forward(self, x1: tg.Tensor, x2: tg.Tensor, x3: tg.Tensor) -> Any:
        h1 = self.cell(x1)
        h2 = self.cell(x2, h1)
        return self.cell(x3, h2)


tg.draw(Unrolled(), *(x.numpy().T for x in (x1, x2, x3)), detail="ops", depth=0).save(OUT / "unrolled.png")
print("picture:", OUT / "unrolled.png")


# %% [markdown]
# By hand, with `x` of shape `(n_x, m, T)`: from the last step to the first, `dz<t> = (1 - a<t>^2) * da<t>`, then
# `dWax += dz<t> x<t>.T`, `dWaa += dz<t> a<t-1>.T`, `dba += sum(dz<t>)`, and `da<t-1> = Waa.T dz<t>`.
# %%
def forward(x: np.ndarray, Wax: np.ndarray, Waa: np.ndarray, ba: np.ndarray) -> Any:
    a: Any = np.zeros((len(ba), x.shape[1]))
    for t in range(x.shape[2]):
        a = tg.tanh(Waa @ a + Wax @ x[:, :, t] + ba)
    return (a**2).sum() / 2


def backward(x: np.ndarray, Wax: np.ndarray, Waa: np.ndarray, ba: np.ndarray) -> tuple[np.ndarray, ...]:
    a = [np.zeros((len(ba), x.shape[1]))]
    for t in range(x.shape[2]):
        a.append(np.tanh(Waa @ a[-1] + Wax @ x[:, :, t] + ba))
    dx, dWax, dWaa, dba, da = *(np.zeros_like(v) for v in (x, Wax, Waa, ba)), a[-1]
    for t in reversed(range(x.shape[2])):
        dz = (1 - a[t + 1] ** 2) * da
        dWax = dWax + dz @ x[:, :, t].T
        dWaa = dWaa + dz @ a[t].T
        dba = dba + dz.sum(axis=1, keepdims=True)
        dx[:, :, t] = Wax.T @ dz
        da = Waa.T @ dz
    return dx, dWax, dWaa, dba


arrays = rng.normal(size=(n_x, 4, 5)), Wax.numpy(), Waa.numpy(), ba.numpy()
report = testing.check_derivative(forward, backward, *arrays)
print("backpropagation through 5 steps, by hand:", report.verdict)

# %% [markdown]
# What a long way does: the loss looks at step 50, and a nudge of 0 added to each state shows its gradient. With a
# `Waa` that shrinks, gradients vanish on the way back; with one that stretches they explode; clipping helps only there.
# %%
turn = np.linalg.qr(rng.normal(size=(20, 20)))[0]  # a rotation keeps lengths
figure = Figure(figsize=(7, 3.2), layout="constrained")
axes = figure.subplots()
ratio: dict[float, float] = {}
for size in (0.8, 1.0, 1.2):
    nudges = tg.zeros(50, 20, dtype=np.float64).requires_grad_()
    a: Any = 1e-8 * rng.normal(size=20)
    for nudge in nudges:
        a = tg.tanh(size * turn @ a) + nudge
    a.sum().backward()
    lengths = np.linalg.norm(nudges.grad.numpy(), axis=1)
    ratio[size] = lengths[0] / lengths[-1]
    axes.semilogy(range(1, 51), lengths, label=f"Waa = {size} * rotation")
axes.set(xlabel="t", ylabel="length of da<t>", title="from step 50 back to step 1")
axes.legend()
figure.savefig(OUT / "backprop_through_time.png")
print("picture:", OUT / "backprop_through_time.png")
print("length of da<1> by that of da<50>:", ", ".join(f"{size}: {r:.1e}" for size, r in ratio.items()))

# %%
J.backward()
assert np.allclose(Waa.grad.numpy(), backward(np.stack([x.numpy() for x in (x1, x2, x3)], 2), *arrays[1:])[2])
assert report.verdict == "RIGHT"
assert ratio[0.8] < 1e-4 < 0.5 < ratio[1.0] < 2 < 1e3 < ratio[1.2]
