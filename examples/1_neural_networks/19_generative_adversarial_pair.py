# %% [markdown]
# # A small generative adversarial pair that is stable
#
# Course 1, row 17: a generator learns eight clusters on a ring; with little momentum the pair settles, else it swings.

# %%
import itertools
import os
import pathlib
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim

RATE = 0.005
QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
angles = np.arange(8) * np.pi / 4
centres = np.stack([np.cos(angles), np.sin(angles)], axis=1)


def real(m: int, rng: np.random.Generator) -> tg.Tensor:
    return tg.asarray((centres[rng.integers(0, 8, m)] + rng.normal(size=(m, 2)) * 0.08).astype("float32"))


# %% [markdown]
# D tells real from made, with the loss of logistic regression; G turns noise into points that D takes for real. Each
# chases a target that the other moves, and momentum makes both overshoot. Rows are examples, the convention of `nn`.


# %%
def layers(sizes: list[int], rng: tg.random.Generator) -> nn.Module:
    parts: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise(sizes):
        parts += [nn.Linear(n_in, n_out, rng=rng), nn.LeakyReLU(0.2)]
    return nn.Sequential(*parts[:-1])


def judge(points: np.ndarray) -> tuple[float, float]:
    """The share of points within 3 standard deviations of a centre, and the smallest share that one centre gets."""
    distance = np.linalg.norm(points[:, None] - centres, axis=2)
    near = distance.min(axis=1) < 0.24
    return near.mean(), np.bincount(distance.argmin(axis=1)[near], minlength=8).min() / len(points)


def play(momentum: float, steps: int, m: int = 128, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    generator = tg.random.default_rng(seed)
    G, D = layers([2, 64, 64, 2], generator), layers([2, 64, 64, 1], generator)
    for_G = optim.Adam(G.parameters(), lr=RATE, betas=(momentum, 0.99))
    for_D = optim.Adam(D.parameters(), lr=RATE, betas=(momentum, 0.99))

    def noise(k: int) -> tg.Tensor:
        return tg.asarray(rng.normal(size=(k, 2)).astype("float32"))

    def descend(loss: tg.Tensor, optimizer: Any) -> None:
        for_G.zero_grad()  # both: the loss of G passes through D as well
        for_D.zero_grad()
        loss.backward()
        optimizer.step()

    history: list[tuple[float, ...]] = []
    points = np.zeros((0, 2))
    for step in range(steps):
        x, made = real(m, rng), G(noise(m))
        loss_D = F.softplus(-D(x)).mean() + F.softplus(D(made.detach())).mean()
        descend(loss_D, for_D)
        loss_G = F.softplus(-D(G(noise(m)))).mean()
        descend(loss_G, for_G)
        if (step + 1) % (steps // 20) == 0:
            with tg.no_grad():
                points = G(noise(1000)).data
            history.append((step + 1, *judge(points), loss_D.item(), loss_G.item()))
            if len(history) % 5 == 0:
                print(f"beta1 = {momentum}, step {step + 1} of {steps}: {history[-1][1]:.0%} near a centre", flush=True)
    return points, np.array(history)


# %%
runs = {momentum: play(momentum, 1000 if QUICK else 3000) for momentum in (0.5, 0.9)}
for momentum, (_, history) in runs.items():
    late = history[len(history) // 2 :]
    near, rarest, loss = late[:, 1], late[:, 2].mean(), late[:, 3].mean()
    print(f"beta1 = {momentum}, second half: {near.mean():.0%} of the points near a centre, at worst {near.min():.0%};")
    print(f"    the rarest centre gets {rarest:.1%}; loss of D {loss:.2f} (2 log 2 = 1.39 when undecided)")

# %%
figure, axes = plt.subplots(1, 3, figsize=(12, 3.9))
for axis, (momentum, (points, history)) in zip(axes, runs.items()):
    axis.plot(*real(1000, np.random.default_rng(9)).data.T, ".", color="#bbbbbb", markersize=3, label="real")
    axis.plot(*points.T, ".", color="#0072b2", markersize=3, label="made")
    axis.set(title=f"beta1 = {momentum}, after {history[-1, 0]:.0f} steps", xlabel="x1")
    axis.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6))
    axis.legend(loc="upper left", fontsize=8)
    axes[2].plot(history[:, 0], history[:, 1], "o-", label=f"beta1 = {momentum}")
axes[0].set(ylabel="x2")
axes[2].set(title="share of made points near a centre", xlabel="step", ylabel="share", ylim=(0, 1))
axes[2].grid(alpha=0.3)
axes[2].legend()
figure.tight_layout()
figure.savefig(OUT / "19_generative_adversarial_pair.png", dpi=120)
print("picture:", OUT / "19_generative_adversarial_pair.png")

# %%
steady, swinging = (history[len(history) // 2 :] for _, history in runs.values())
assert steady[:, 1].min() > (0.4 if QUICK else 0.65)  # stable: never falls back
assert steady[-1, 2] > 0.02  # no centre is forgotten
assert swinging[:, 1].mean() < steady[:, 1].mean() - 0.2
