# %% [markdown]
# # The RNN cell
#
# Course 5: one step of a recurrent network in the course's notation, and the same step as a layer of `nn`.
#
# `a<t> = tanh(Waa a<t-1> + Wax x<t> + ba)` and `y<t> = softmax(Wya a<t> + by)`; columns are examples: `x<t>` is
# `(n_x, m)`, `a<t>` is `(n_a, m)`. The same weights are used at every step.

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
n_x, n_a, n_y, m, T_x = 3, 5, 2, 4, 6
Wax, Waa, Wya = rng.normal(size=(n_a, n_x)), rng.normal(size=(n_a, n_a)) / 2, rng.normal(size=(n_y, n_a))
ba, by = rng.normal(size=(n_a, 1)), rng.normal(size=(n_y, 1))
x = rng.normal(size=(T_x, n_x, m))


# %%
def cell_forward(xt: np.ndarray, a_prev: Any, Wax: np.ndarray, Waa: np.ndarray, ba: np.ndarray) -> tg.Tensor:
    return tg.tanh(Waa @ a_prev + Wax @ xt + ba)


def predict(at: tg.Tensor, Wya: np.ndarray, by: np.ndarray) -> tg.Tensor:
    z = Wya @ at + by
    e = tg.exp(z - z.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


a = [tg.zeros((n_a, m), dtype=np.float64)]
for t in range(T_x):
    a.append(cell_forward(x[t], a[-1], Wax, Waa, ba))
y = [predict(at, Wya, by) for at in a[1:]]

# %% [markdown]
# `nn.RNNCell` has rows as examples: `x<t>.T` is `(m, n_x)`. It has two biases, whose sum is `ba`.
# %%
cell = nn.RNNCell(n_x, n_a, dtype=np.float64)
cell.load_state_dict({"weight_ih": Wax, "weight_hh": Waa, "bias_ih": ba[:, 0], "bias_hh": np.zeros(n_a)})
h = tg.zeros((m, n_a), dtype=np.float64)
far: list[float] = []
for t in range(T_x):
    h = cell(x[t].T, h)
    far.append(np.abs(h.numpy().T - a[t + 1].numpy()).max())
print(f"largest difference from nn.RNNCell in {T_x} steps: {max(far):.1e}")


# %% [markdown]
# One step backwards, by hand: `dz = (1 - a^2) * da`, `dWax = dz x.T`, `dWaa = dz a_prev.T`, `dba = sum(dz)`,
# `dx = Wax.T dz`, `da_prev = Waa.T dz`; checked against the step itself.
# %%
def cell_backward(xt: Any, a_prev: Any, Wax: Any, Waa: Any, ba: Any, *, cotangent: Any) -> tuple[np.ndarray, ...]:
    at = np.tanh(Waa @ a_prev + Wax @ xt + ba)
    dz = (1 - at**2) * cotangent
    return Wax.T @ dz, Waa.T @ dz, dz @ xt.T, dz @ a_prev.T, dz.sum(axis=1, keepdims=True)


report = testing.check_derivative(cell_forward, cell_backward, x[0], a[2].numpy(), Wax, Waa, ba)
print("the step backwards, by hand:", report.verdict)

# %%
figure = Figure(figsize=(9, 3), layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=(2, 1))
left.plot(range(1, T_x + 1), [at.numpy()[:, 0] for at in a[1:]], "o-")
left.set(xlabel="t", ylabel="a<t>", title=f"the {n_a} hidden units along one sequence")
left.set_ylim(-1.05, 1.05)
right.stackplot(range(1, T_x + 1), np.stack([yt.numpy()[:, 0] for yt in y]).T, alpha=0.7)
right.set(xlabel="t", title="y<t>: probabilities")
figure.savefig(OUT / "rnn_cell.png")
print("picture:", OUT / "rnn_cell.png")

# %%
assert max(far) < 1e-12
assert report.verdict == "RIGHT"
assert all(np.allclose(yt.numpy().sum(axis=0), 1) for yt in y)
