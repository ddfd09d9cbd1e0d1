# %% [markdown]
# # Inverted dropout
#
# Course 2: units are dropped at random in training and the rest divided by keep_prob, so that nothing changes at test.
#
# Examples are columns in the hand-written part (A is (n, m)); the layers of `nn` take rows.

# %%
import os
import pathlib

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu import data, nn, optim
from tinygrad_edu.nn import functional as F

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# By hand: `D = rand < keep_prob; A = A * D / keep_prob`, and backwards `dA = dA * D / keep_prob`, with the same D.

# %%
rng = np.random.default_rng(0)
keep_prob, A = 0.8, rng.normal(size=(50, 2000)) + 1
D = rng.random(A.shape) < keep_prob
dropped = A * D / keep_prob
print(f"mean activation: {A.mean():.3f} before, {dropped.mean():.3f} after, {(A * D).mean():.3f} without the division")

x = tg.Tensor(A, requires_grad=True)
upstream = rng.normal(size=A.shape)
(tg.where(D, x / keep_prob, 0.0) * upstream).sum().backward()
hand = upstream * D / keep_prob
layer = nn.Dropout(1 - keep_prob, rng=tg.random.default_rng(0))  # p is the share dropped, not kept
out = layer(tg.Tensor(A)).data
kept = out != 0

# %% [markdown]
# On digits: 300 to train on, a large network, with and without dropout.

# %%
images, labels = data.load_digits()
order = np.random.default_rng(1).permutation(len(labels.data))
X, y = images.data.reshape(-1, 64)[order], labels.data[order]
m, width, epochs = 300, 256, 40 if QUICK else 150


def train(p: float, seed: int) -> tuple[np.ndarray, float]:
    rng = tg.random.default_rng(seed)
    model = nn.Sequential(
        nn.Dropout(p / 2, rng=rng), nn.Linear(64, width, rng=rng), nn.ReLU(), nn.Dropout(p, rng=rng),
        nn.Linear(width, width, rng=rng), nn.ReLU(), nn.Dropout(p, rng=rng), nn.Linear(width, 10, rng=rng),
    )  # fmt: skip
    optimizer = optim.Adam(model.parameters(), lr=2e-3)
    curve: list[list[float]] = []
    score = 0.0
    for _ in range(epochs):
        model.train()
        loss = F.cross_entropy(model(X[:m]), y[:m])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.eval()  # nothing is dropped when we measure
        with tg.no_grad():
            curve.append([float(F.cross_entropy(model(X[s]), y[s])) for s in (slice(0, m), slice(m, None))])
            score = nn.metrics.accuracy(model(X[m:]), y[m:])
    return np.array(curve), score


seeds = range(1 if QUICK else 3)
curves = {p: [train(p, seed) for seed in seeds] for p in (0.0, 0.5)}
scores = {p: np.mean([score for _, score in runs]) for p, runs in curves.items()}
figure = Figure((7, 4.2), layout="constrained")
axes = figure.subplots()
for (p, runs), colour in zip(curves.items(), ("#1f77b4", "#d95f02")):
    mean = np.mean([curve for curve, _ in runs], 0)
    axes.semilogy(mean[:, 0], "--", color=colour, label=f"train, dropout {p:g}")
    axes.semilogy(mean[:, 1], color=colour, label=f"dev, dropout {p:g} (accuracy {scores[p]:.1%})")
axes.set(xlabel="epoch", ylabel="cost, measured without dropping", title="dropout keeps train and dev closer")
axes.legend()
figure.savefig(OUT / "inverted_dropout.png", dpi=100)
print("picture:", OUT / "inverted_dropout.png")
ends = {p: np.mean([curve[-1] for curve, _ in runs], 0) for p, runs in curves.items()}
for p, (low, high) in ends.items():
    print(f"dropout {p:g}: train cost {low:.4f}, dev cost {high:.4f}, dev accuracy {scores[p]:.1%}")

# %%
assert abs(dropped.mean() - A.mean()) < 0.02 < abs((A * D).mean() - A.mean()), "the division keeps the mean"
np.testing.assert_allclose(x.grad.data, hand, rtol=1e-6)
np.testing.assert_allclose(out[kept], A[kept] / keep_prob, rtol=1e-6)
assert abs(kept.mean() - keep_prob) < 0.01
assert (layer.eval()(tg.Tensor(A)).data == A.astype(out.dtype)).all(), "in eval mode nothing is dropped"
assert ends[0.5][0] > ends[0.0][0], "dropout: higher cost in training"
assert ends[0.5][1] - ends[0.5][0] < (ends[0.0][1] - ends[0.0][0]) * 0.7, "and a smaller gap to the dev cost"
if not QUICK:
    assert ends[0.5][1] < ends[0.0][1], "in the end, a lower cost on examples not seen"
