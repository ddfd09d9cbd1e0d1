# %% [markdown]
# # Why depth: circuits for the parity of n bits
#
# Course 1, row 14: a tree of XOR gates has 2(n - 1) units in log2(n) layers; one layer of AND gates needs 2^(n-1).

# %%
import os
import pathlib
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_edu as tg

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)


def all_bits(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Every input of n bits, as columns of X (n, 2^n), and the parities Y (1, 2^n)."""
    X = (np.arange(1 << n) >> np.arange(n)[:, None] & 1).astype(np.float32)
    return X, X.sum(axis=0, keepdims=True) % 2


# %% [markdown]
# Deep: `xor(a, b) = relu(a - b) + relu(b - a)`, two units per gate, in a tournament.
#
# Shallow, a circuit of AND gates and one OR: a unit for each input of odd parity, that fires for this one alone. Two
# such inputs differ in two bits at least, so that an AND gate that fires for both fires for a wrong one between them:
# no unit can be saved.


# %%
def deep(X: tg.Tensor) -> tuple[np.ndarray, int]:
    units = 0
    while X.shape[0] > 1:
        a, b = X[0::2], X[1::2]
        X = tg.relu(a - b) + tg.relu(b - a)
        units += 2 * a.shape[0]
    return X.data, units


def shallow(X: tg.Tensor, left_out: int = 0) -> tuple[np.ndarray, int]:
    bits, parity = all_bits(X.shape[0])
    odd = bits[:, parity[0] == 1][:, left_out:]
    W, b = 2 * odd.T - 1, 1 - odd.sum(axis=0)[:, None]  # W x + b is 1 for its own input, 0 or less for the others
    return tg.relu(W @ X + b).sum(axis=0, keepdims=True).data, len(W)


# %% [markdown]
# Units that count escape this bound: W x = sum of the bits, which a zigzag of n ReLU units folds to the parity. But
# depth wins there, too: a tent of two units, repeated log2(n) times, folds as often.


# %%
def zigzag(X: tg.Tensor) -> tuple[np.ndarray, int]:
    s = X.sum(axis=0, keepdims=True)
    answer = tg.relu(s)
    for k in range(1, X.shape[0]):
        answer = answer + 2 * (-1) ** k * tg.relu(s - k)
    return answer.data, X.shape[0]


def tents(X: tg.Tensor) -> tuple[np.ndarray, int]:
    s, units = X.mean(axis=0, keepdims=True), 0
    for _ in range(int(np.log2(X.shape[0]))):
        s, units = 2 * tg.relu(s) - 4 * tg.relu(s - 0.5), units + 2
    return s.data, units


networks = {  # with the n that they are built for
    "AND gates, 1 layer": (shallow, [2, 4, 8] if QUICK else [2, 4, 6, 8, 10, 12]),
    "XOR tree, log n layers": (deep, [2, 4, 8, 16]),
    "zigzag, 1 layer": (zigzag, [2, 4, 8, 16]),
    "tents, log n layers": (tents, [2, 4, 8, 16]),
}
units: dict[str, dict[int, Any]] = {name: {} for name in networks}
for name, (network, sizes) in networks.items():
    for n in sizes:
        X, Y = all_bits(n)
        answer, units[name][n] = network(tg.asarray(X))
        assert np.array_equal(answer, Y), (name, n)  # right for all of the 2^n inputs
    print(name, units[name])
assert (shallow(tg.asarray(all_bits(8)[0]), left_out=1)[0] != all_bits(8)[1]).sum() == 1  # one unit less, one wrong

# %%
figure, axis = plt.subplots(figsize=(6.5, 4))
for name, count in units.items():
    axis.semilogy(list(count), list(count.values()), "o-", label=name)
axis.set(title="hidden units for the parity of n bits", xlabel="n", ylabel="units (logarithmic)")
axis.grid(alpha=0.3)
axis.legend()
figure.tight_layout()
figure.savefig(OUT / "14_parity_circuits.png", dpi=120)
print("picture:", OUT / "14_parity_circuits.png")

# %%
assert units["AND gates, 1 layer"][8] == 2**7
assert units["XOR tree, log n layers"][8] == 2 * 7
assert (units["zigzag, 1 layer"][8], units["tents, log n layers"][8]) == (8, 6)
