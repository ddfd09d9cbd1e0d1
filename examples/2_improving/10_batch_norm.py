# %% [markdown]
# # Batch normalisation
#
# Course 2: each unit's Z is normalised over the mini-batch, then scaled by gamma and moved by beta, which are learned.
#
# Examples are columns in the equations (Z is (n, m), the mean is over axis 1); `nn.BatchNorm1d` takes rows (m, n).

# %%
import os
import pathlib
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu import data, nn, optim, testing
from tinygrad_edu.nn import functional as F

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
eps = 1e-5


# %%
def forward(Z: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> Any:
    mu, var = np.mean(Z, axis=1, keepdims=True), np.var(Z, axis=1, keepdims=True)
    return gamma * (Z - mu) / np.sqrt(var + eps) + beta


def backward(Z: np.ndarray, gamma: np.ndarray, beta: np.ndarray, cotangent: np.ndarray) -> tuple[np.ndarray, ...]:
    mu, var = Z.mean(1, keepdims=True), Z.var(1, keepdims=True)
    normed, dZt = (Z - mu) / np.sqrt(var + eps), cotangent  # dZt is dJ/dZ~
    dnormed = dZt * gamma
    mean = [a.mean(1, keepdims=True) for a in (dnormed, dnormed * normed)]
    dZ = (dnormed - mean[0] - normed * mean[1]) / np.sqrt(var + eps)
    return dZ, (dZt * normed).sum(1, keepdims=True), dZt.sum(1, keepdims=True)


rng = np.random.default_rng(0)
Z, gamma, beta = rng.normal(3, 2, (4, 6)), rng.normal(size=(4, 1)), rng.normal(size=(4, 1))
report = testing.check_derivative(forward, backward, Z, gamma, beta)
layer = nn.BatchNorm1d(4, dtype=np.float64)
layer.weight.data, layer.bias.data = gamma[:, 0], beta[:, 0]
by_layer = layer(tg.Tensor(Z.T)).data.T
print("backward equations of batch norm:", report.verdict)

# %% [markdown]
# Six tanh layers with weights that start too large: units saturate and learn slowly. With batch norm they do not.

# %%
images, labels = data.load_digits()
order = np.random.default_rng(1).permutation(len(labels.data))
X, y = images.data.reshape(-1, 64)[order], labels.data[order]
epochs = 5 if QUICK else 20


def learn(norm: bool) -> tuple[np.ndarray, float, float]:
    rng = tg.random.default_rng(1)
    parts: list[nn.Module] = []
    n = 64
    for _ in range(6):
        linear = nn.Linear(n, 40, rng=rng)
        nn.init.normal_(linear.weight, std=1.0, rng=rng)
        parts += [linear, *([nn.BatchNorm1d(40)] if norm else []), nn.Tanh()]
        n = 40
    model = nn.Sequential(*parts, nn.Linear(40, 10, rng=rng))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    loader = data.DataLoader(data.TensorDataset(X[:1400], y[:1400]), 64, shuffle=True, rng=rng)
    costs: list[float] = []
    for _ in range(epochs):
        model.train()
        for inputs, targets in loader:
            loss = F.cross_entropy(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            costs.append(loss.item())
    model.eval()  # from here on, running averages of mean and variance stand in for the batch's
    with tg.no_grad():
        one_by_one = np.concatenate([model(X[i : i + 1]).data for i in range(1400, 1420)])
        together = model(X[1400:]).data
    return np.array(costs), nn.metrics.accuracy(together, y[1400:]), np.abs(together[:20] - one_by_one).max()


runs = {"without": learn(False), "with batch norm": learn(True)}
figure = Figure((7, 4.2), layout="constrained")
axes = figure.subplots()
for name, (costs, accuracy, gap) in runs.items():
    smooth = np.convolve(costs, np.ones(10) / 10, "valid")
    axes.semilogy(smooth, label=f"{name}: dev accuracy {accuracy:.1%}")
    print(f"{name:16} last costs {costs[-22:].mean():.3f}, dev accuracy {accuracy:.1%}; alone or in a batch: {gap:.1e}")
axes.set(xlabel="step", ylabel="cost (mean of 10 steps)", title="six tanh layers, weights that start too large")
axes.legend()
figure.savefig(OUT / "batch_norm.png", dpi=100)
print("picture:", OUT / "batch_norm.png")

# %%
assert report.verdict == "RIGHT"
np.testing.assert_allclose(by_layer, forward(Z, gamma, beta), rtol=1e-10)
assert runs["with batch norm"][0][-22:].mean() < runs["without"][0][-22:].mean() * 0.6
assert runs["with batch norm"][1] > runs["without"][1] + 0.02
assert runs["with batch norm"][2] < 1e-4, "in eval mode an example's result does not depend on its batch"
