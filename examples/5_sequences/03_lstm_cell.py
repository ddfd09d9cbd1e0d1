# %% [markdown]
# # The LSTM cell
#
# Course 5: three gates, a memory cell `c` beside the state `a`, and the road along which gradients survive.
#
# `Gf, Gu, Go = sigmoid(W [a<t-1>, x<t>] + b)` with weights of their own, `c~ = tanh(Wc [a<t-1>, x<t>] + bc)`,
# `c<t> = Gu * c~ + Gf * c<t-1>`, `a<t> = Go * tanh(c<t>)`; columns are examples.

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
n_x, n_a, m, T_x = 3, 4, 5, 6
Wf, Wu, Wc, Wo = (rng.normal(size=(n_a, n_a + n_x)) for _ in range(4))
bf, bu, bc, bo = (rng.normal(size=(n_a, 1)) for _ in range(4))
x = rng.normal(size=(T_x, n_x, m))


# %%
def lstm_cell(
    xt: Any, a_prev: Any, c_prev: Any, Wf: Any, Wu: Any, Wc: Any, Wo: Any, bf: Any, bu: Any, bc: Any, bo: Any
) -> tuple[tg.Tensor, tg.Tensor]:
    both = tg.concat([a_prev, xt])
    Gf, Gu, Go = (tg.sigmoid(W @ both + b) for W, b in ((Wf, bf), (Wu, bu), (Wo, bo)))
    c = Gf * c_prev + Gu * tg.tanh(Wc @ both + bc)
    return Go * tg.tanh(c), c


# %% [markdown]
# `nn.LSTM` keeps the gates in one matrix in the order (i, f, g, o), which are the course's (u, f, c, o), and has
# rows as examples: the whole sequence is `(T_x, m, n_x)`.
# %%
layer = nn.LSTM(n_x, n_a, dtype=np.float64)
together = np.concatenate([Wu, Wf, Wc, Wo])
layer.load_state_dict({
    "weight_ih_l0": together[:, n_a:], "weight_hh_l0": together[:, :n_a],
    "bias_ih_l0": np.concatenate([bu, bf, bc, bo])[:, 0], "bias_hh_l0": np.zeros(4 * n_a),
})  # fmt: skip
a = c = tg.zeros((n_a, m), dtype=np.float64)
for t in range(T_x):
    a, c = lstm_cell(x[t], a, c, Wf, Wu, Wc, Wo, bf, bu, bc, bo)
_, (h, memory) = layer(x.swapaxes(1, 2))
far = max(np.abs(h.numpy()[0].T - a.numpy()).max(), np.abs(memory.numpy()[0].T - c.numpy()).max())
print(f"largest difference from nn.LSTM after {T_x} steps: {far:.1e}")


# %% [markdown]
# Backwards through the cell, by hand (`dc` is what comes along the memory's road, `da` from the state):
# %%
def hidden(xt: Any, a_prev: Any, c_prev: Any, Wf: Any, Wu: Any, Wc: Any, Wo: Any) -> tg.Tensor:
    return lstm_cell(xt, a_prev, c_prev, Wf, Wu, Wc, Wo, bf, bu, bc, bo)[0]


def hidden_backward(
    xt: Any, a_prev: Any, c_prev: Any, Wf: Any, Wu: Any, Wc: Any, Wo: Any, *, cotangent: Any
) -> tuple[np.ndarray, ...]:
    both = np.concatenate([a_prev, xt])
    Gf, Gu, Go = (1 / (1 + np.exp(-(W @ both + b))) for W, b in ((Wf, bf), (Wu, bu), (Wo, bo)))
    cc = np.tanh(Wc @ both + bc)
    c = Gf * c_prev + Gu * cc
    dc = cotangent * Go * (1 - np.tanh(c) ** 2)
    dzf, dzu = dc * c_prev * Gf * (1 - Gf), dc * cc * Gu * (1 - Gu)
    dzc, dzo = dc * Gu * (1 - cc**2), cotangent * np.tanh(c) * Go * (1 - Go)
    dboth = Wf.T @ dzf + Wu.T @ dzu + Wc.T @ dzc + Wo.T @ dzo
    return dboth[n_a:], dboth[:n_a], dc * Gf, *(dz @ both.T for dz in (dzf, dzu, dzc, dzo))


arrays = (x[0], rng.normal(size=(n_a, m)), rng.normal(size=(n_a, m)), Wf, Wu, Wc, Wo)
report = testing.check_derivative(hidden, hidden_backward, *arrays)
print("the cell backwards, by hand:", report.verdict)


# %% [markdown]
# The road of the memory: `dc<T>/dc<0>` is the product of the forget gates, whereas the state of a plain RNN is
# multiplied by `Waa` and a slope of tanh at every step.
# %%
def carried(state: tg.Tensor, steps: int, forget: Any) -> tg.Tensor:
    zero, nothing = np.zeros((n_a, n_a + n_x)), np.zeros((n_a, 1))
    for _ in range(steps):
        if forget is None:
            state = tg.tanh(0.5 * state)
        else:
            _, state = lstm_cell(np.zeros((n_x, 1)), nothing, state, zero, zero, zero, zero, forget, 0.0, 0.0, 0.0)
    return state.sum()


figure = Figure(figsize=(7, 3.2), layout="constrained")
axes, steps = figure.subplots(), range(1, 41)
left: dict[str, float] = {}
for name, forget in (("RNN, Waa = 0.5 I", None), ("LSTM, bf = 1", 1.0), ("LSTM, bf = 5", 5.0)):
    slopes = [tg.grad(carried)(np.full((n_a, 1), 0.1), T, forget).numpy()[0, 0] for T in steps]
    axes.semilogy(steps, slopes, label=name)
    left[name] = slopes[-1]
axes.set(xlabel="T: steps between cause and effect", ylabel="slope of the last by the first")
axes.legend()
figure.savefig(OUT / "lstm_cell.png")
print("picture:", OUT / "lstm_cell.png")
print("slope over 40 steps:", ", ".join(f"{name}: {slope:.1e}" for name, slope in left.items()))

# %%
assert far < 1e-12
assert report.verdict == "RIGHT"
assert np.isclose(left["LSTM, bf = 5"], (1 / (1 + np.exp(-5))) ** 40)
assert left["RNN, Waa = 0.5 I"] < 1e-10 < 0.5 < left["LSTM, bf = 5"]
