# %% [markdown]
# # Softmax over many classes
#
# Course 2: a = exp(z) / sum(exp(z)) gives a probability for each of C classes; its slope with cross-entropy is A - Y.
#
# Examples are columns in the equations (Z is (C, m)); the layers of `nn` take rows and class numbers.

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

# %% [markdown]
# The equations: J = -mean over examples of sum(Y * log A), Y one-hot; then dZ = (A - Y) / m.

# %%
rng = np.random.default_rng(0)
Z, kinds = rng.normal(size=(4, 5)), np.array([0, 1, 2, 3, 1])
Y = np.eye(4)[:, kinds]


def softmax(Z: np.ndarray) -> Any:
    T = np.exp(Z - np.max(Z, axis=0))  # the shift changes nothing but keeps exp from overflow
    return T / np.sum(T, axis=0)


def cost(Z: np.ndarray) -> Any:
    return -np.sum(Y * np.log(softmax(Z))) / 5


def by_hand(Z: np.ndarray) -> Any:
    return (softmax(Z) - Y) / 5


def by_engine(logits: tg.Tensor) -> tg.Tensor:
    return F.cross_entropy(logits, kinds)


report = testing.check_derivative(cost, by_hand, Z)
engine = tg.grad(by_engine)(tg.Tensor(Z.T)).data.T
print("z = (5, 2, -1, 3) ->", softmax(np.array([[5.0], [2.0], [-1.0], [3.0]]))[:, 0].round(3))
print("dZ = (A - Y) / m:", report.verdict)
z = rng.normal(size=6)
two = softmax(np.stack([z, 0 * z]))[0]  # C = 2: softmax is the sigmoid of the difference

# %% [markdown]
# Without a hidden layer the boundaries between classes are straight lines; with one they bend. Five classes in a plane.

# %%
m, angle = 300, np.linspace(0, 2 * np.pi, 5, endpoint=False)
kind = rng.integers(0, 5, m)
radius = rng.uniform(0.3, 2.2, m)
turn = angle[kind] + 0.7 * radius + rng.normal(0, 0.14, m)
points = np.stack([radius * np.cos(turn), radius * np.sin(turn)], 1)
steps = 150 if QUICK else 600


def learn(model: nn.Module, inputs: np.ndarray, targets: np.ndarray) -> nn.Module:
    optimizer = optim.Adam(model.parameters(), lr=0.03)
    for _ in range(steps):
        loss = F.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def scores(model: nn.Module, inputs: np.ndarray) -> Any:
    with tg.no_grad():
        return model(inputs).data


seed = tg.random.default_rng(1)
flat = learn(nn.Linear(2, 5, rng=seed), points, kind)
deep = learn(nn.Sequential(nn.Linear(2, 30, rng=seed), nn.Tanh(), nn.Linear(30, 5, rng=seed)), points, kind)
a, b = np.meshgrid(np.linspace(-2.6, 2.6, 150), np.linspace(-2.6, 2.6, 150))
figure = Figure((9, 5.1), layout="constrained")
accuracy: dict[str, float] = {}
for axes, (name, model) in zip(figure.subplots(1, 2), {"softmax regression": flat, "one hidden layer": deep}.items()):
    accuracy[name] = nn.metrics.accuracy(scores(model, points), kind)
    winner = scores(model, np.stack([a.ravel(), b.ravel()], 1)).argmax(1).reshape(a.shape)
    axes.contourf(a, b, winner, np.arange(6) - 0.5, cmap="Set2", alpha=0.5)
    axes.scatter(*points.T, c=kind, cmap="Set2", edgecolors="black", linewidths=0.4, s=20, vmin=-0.5, vmax=4.5)
    axes.set(title=f"{name}: {accuracy[name]:.0%} right", xlabel="x1", ylabel="x2", aspect="equal")
figure.savefig(OUT / "softmax.png", dpi=100)
print("picture:", OUT / "softmax.png")

# %% [markdown]
# Ten classes: digits.

# %%
images, labels = data.load_digits()
X, y = images.data.reshape(-1, 64), labels.data
digits = learn(nn.Linear(64, 10, rng=seed), X[:1400], y[:1400])
on_digits = nn.metrics.accuracy(scores(digits, X[1400:]), y[1400:])
probabilities = F.softmax(tg.Tensor(scores(digits, X[1400:]))).data
print(f"plane: {accuracy}; digits, softmax regression: test accuracy {on_digits:.1%}")

# %%
assert report.verdict == "RIGHT"
np.testing.assert_allclose(engine, (softmax(Z) - Y) / 5, rtol=1e-6)
np.testing.assert_allclose(two, 1 / (1 + np.exp(-z)), rtol=1e-12)
np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
assert accuracy["one hidden layer"] > accuracy["softmax regression"] + 0.1
assert on_digits > 0.9
