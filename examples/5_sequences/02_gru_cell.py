# %% [markdown]
# # The GRU cell
#
# Course 5: a gate decides how much of the memory cell is written anew, so that a memory can last.
#
# `Gr = sigmoid(Wr [c<t-1>, x<t>] + br)`, `Gu = sigmoid(Wu [c<t-1>, x<t>] + bu)`,
# `c~ = tanh(Wc [Gr * c<t-1>, x<t>] + bc)`, `c<t> = Gu * c~ + (1 - Gu) * c<t-1>`; columns are examples.

# %%
import os
import pathlib
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu import nn

OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(0)
n_x, n_c, m, T_x = 3, 4, 5, 8
names = ("Wr", "Wu", "Wc")
weights = {name: tg.Tensor(rng.normal(size=(n_c, n_c + n_x)), requires_grad=True) for name in names}
biases = {name: rng.normal(size=(n_c, 1)) for name in ("br", "bu", "bc")}
x = rng.normal(size=(T_x, n_x, m))


# %%
def gru_cell(
    xt: np.ndarray,
    c_prev: tg.Tensor,
    Wr: Any,
    Wu: Any,
    Wc: Any,
    br: Any,
    bu: Any,
    bc: Any,
    *,
    reset_after: bool = False,
) -> tuple[tg.Tensor, tg.Tensor]:
    both = tg.concat([c_prev, xt])
    Gr, Gu = tg.sigmoid(Wr @ both + br), tg.sigmoid(Wu @ both + bu)
    if reset_after:  # as nn has it: see below
        n = c_prev.shape[0]
        candidate = tg.tanh(Gr * (Wc[:, :n] @ c_prev) + Wc[:, n:] @ xt + bc)
    else:
        candidate = tg.tanh(Wc @ tg.concat([Gr * c_prev, xt]) + bc)
    return Gu * candidate + (1 - Gu) * c_prev, Gu


# %% [markdown]
# Two differences from `nn.GRUCell`, which does as PyTorch: its gate `z` is the course's `1 - Gu`, so weights and bias
# change sign; and it puts the reset gate *after* the matrix: `Gr * (Wcc c)`, not `Wcc (Gr * c)`. Both are called GRU.
# %%
cell = nn.GRUCell(n_x, n_c, dtype=np.float64)
Wr, Wu, Wc = (weights[name].numpy() for name in names)
cell.load_state_dict({
    "weight_ih": np.concatenate([Wr[:, n_c:], -Wu[:, n_c:], Wc[:, n_c:]]),
    "weight_hh": np.concatenate([Wr[:, :n_c], -Wu[:, :n_c], Wc[:, :n_c]]),
    "bias_ih": np.concatenate([biases["br"], -biases["bu"], biases["bc"]])[:, 0],
    "bias_hh": np.zeros(3 * n_c),
})  # fmt: skip
c = course = tg.zeros(n_c, m, dtype=np.float64)
h = tg.zeros((m, n_c), dtype=np.float64)
for t in range(T_x):
    c, _ = gru_cell(x[t], c, *weights.values(), *biases.values(), reset_after=True)
    course, _ = gru_cell(x[t], course, *weights.values(), *biases.values())
    h = cell(x[t].T, h)
far, other = np.abs(h.numpy().T - c.numpy()).max(), np.abs(course.numpy() - c.numpy()).max()
print(f"difference from nn.GRUCell: {far:.1e} with the reset after the matrix, {other:.2f} with the course's reset")

# Gradients agree as well: of the sum of the last state, with respect to the update gate's weights.
c.sum().backward()
h.sum().backward()
mine = weights["Wu"].grad.numpy()
theirs = -cell.weight_hh.grad.numpy()[n_c : 2 * n_c], -cell.weight_ih.grad.numpy()[n_c : 2 * n_c]
far_gradient = np.abs(np.concatenate(theirs, axis=1) - mine).max()
print(f"difference of the gradients dWu: {far_gradient:.1e}")

# %% [markdown]
# "The cat, which already ate ..., was full": with the update gate shut after the first word, the memory stays.
# %%
figure = Figure(figsize=(8, 3), layout="constrained")
axes = figure.subplots()
kept: dict[float, float] = {}
for bias in (2.0, 0.0, -2.0, -6.0):
    state = tg.ones(n_c, m, dtype=np.float64)
    path: list[float] = []
    for _step in range(40):
        state = gru_cell(np.zeros((n_x, m)), state, 0 * Wr, 0 * Wu, 0 * Wc, 0.0, bias, 0.0)[0]
        path.append(state.numpy()[0, 0])
    kept[bias] = path[-1]
    axes.plot(range(1, 41), path, label=f"bu = {bias:g}: Gu = {1 / (1 + np.exp(-bias)):.3f}")
axes.set(xlabel="t", ylabel="what is left of c<0> = 1", title="the update gate's bias sets how long a memory lasts")
axes.legend()
figure.savefig(OUT / "gru_cell.png")
print("picture:", OUT / "gru_cell.png")

# %%
assert max(far, far_gradient) < 1e-10
assert other > 1e-3  # the two definitions differ
assert kept[2.0] < 1e-6 < 0.9 < kept[-6.0]
