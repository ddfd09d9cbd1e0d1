# %% [markdown]
# # Why depth: parity, learned
#
# Course 1, row 14: with as many units, a tree of learned gates answers inputs it has never seen; one layer does not.

# %%
import os
import pathlib
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)


def all_bits(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Every input of n bits, as rows of X (2^n, n), and the parities Y (2^n, 1)."""
    X = (np.arange(1 << n)[:, None] >> np.arange(n) & 1).astype(np.float32)
    return X, X.sum(axis=1, keepdims=True) % 2


# %% [markdown]
# Half of the 256 inputs of 8 bits train, the others test. A tree that uses one learned gate of 4 tanh units at every
# place, against one hidden layer of the 28 units that the tree has in all. Descent often gets stuck in the tree, the
# price of depth. So up to 12 starts are made, until the *training* cost is small. Rows are examples here, the
# convention of `nn`.


# %%
class Tree(nn.Module):
    def __init__(self, rng: tg.random.Generator) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(2, 4, rng=rng), nn.Tanh(), nn.Linear(4, 1, rng=rng))
        for p in self.gate.parameters():
            p.data = p.data * 2

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        while x.shape[1] > 1:
            x = tg.tanh(self.gate(x.reshape(x.shape[0], -1, 2))[..., 0])
        return 3 * x


def flat(rng: tg.random.Generator) -> nn.Module:
    return nn.Sequential(nn.Linear(8, 28, rng=rng), nn.Tanh(), nn.Linear(28, 1, rng=rng))


def learn(make: Any, starts: Any) -> tuple[float, float, int]:
    X, Y = all_bits(8)
    result = 0.0, 0.0, -1
    for start in starts:
        order = np.random.default_rng(start).permutation(256)
        x, y = tg.Tensor(2 * X[order] - 1), tg.Tensor(Y[order])
        model = make(tg.random.default_rng(start))
        optimizer = optim.Adam(model.parameters(), lr=0.01)
        loss = tg.Tensor(np.inf)
        for _ in range(1000):
            loss = F.binary_cross_entropy_with_logits(model(x[:128]), y[:128])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        right = (model(x).data > 0) == (y.data > 0.5)
        result = float(right[:128].mean()), float(right[128:].mean()), start
        if loss.item() < 0.1:
            break
    return result


starts = range(5, 12) if QUICK else range(12)  # of the tree, 5 is the first that gets there
learned = {name: learn(make, starts) for name, make in {"tree of gates": Tree, "one hidden layer": flat}.items()}
for name, (train, test, start) in learned.items():
    print(f"{name}: {train:.1%} of the training inputs right, {test:.1%} of the others (start {start})")

# %%
figure, axis = plt.subplots(figsize=(5.5, 3.6))
for k, part in enumerate(("seen in training", "never seen")):
    bars = axis.bar(np.arange(2) + 0.4 * k, [scores[k] for scores in learned.values()], 0.38, label=part)
    axis.bar_label(bars, fmt="{:.0%}")
axis.axhline(0.5, linestyle=":", color="black", label="guessing")
axis.set(
    title="parity of 8 bits: share of right answers",
    ylabel="accuracy",
    ylim=(0, 1.4),
    yticks=np.linspace(0, 1, 6),
    xticks=[0.2, 1.2],
    xticklabels=list(learned),
)
axis.legend(ncols=3)
figure.tight_layout()
figure.savefig(OUT / "15_parity_learned.png", dpi=120)
print("picture:", OUT / "15_parity_learned.png")

# %%
assert learned["tree of gates"][1] > 0.95
assert learned["one hidden layer"][1] < 0.9 < learned["one hidden layer"][0]
