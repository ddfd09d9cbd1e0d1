# %% [markdown]
# # Adversarial inputs by the sign of the gradient
#
# Course 1, row 17: the gradient of the loss by the *input* says how to change an image a little and be misread.

# %%
import os
import pathlib

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import data, nn, optim

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
EPSILON = 0.2  # of pixels that go from 0 to 1

# %% [markdown]
# A network for the packaged digits, trained in the usual way. Rows are examples, the convention of `nn`.

# %%
images, labels = data.load_digits()
order = np.random.default_rng(0).permutation(1797)
X, Y = images.reshape(-1, 64)[order], labels[order]
train, test_x, test_y = data.TensorDataset(X[:1437], Y[:1437]), X[1437:], Y[1437:]
rng = tg.random.default_rng(0)
model = nn.Sequential(nn.Linear(64, 128, rng=rng), nn.ReLU(), nn.Linear(128, 10, rng=rng))
optimizer = optim.Adam(model.parameters(), lr=0.003)
loader = data.DataLoader(train, 64, shuffle=True, rng=tg.random.default_rng(1))
for _ in range(20 if QUICK else 40):
    for x, y in loader:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

# %% [markdown]
# The same `backward`, asked another question: the parameters stay, the image moves, by epsilon in each pixel,
# uphill in the loss. Pixels stay within 0 and 1.


# %%
def fast_gradient_sign(x: tg.Tensor, y: tg.Tensor, epsilon: float) -> tg.Tensor:
    def loss(x: tg.Tensor) -> tg.Tensor:
        return F.cross_entropy(model(x), y)

    dx = tg.grad(loss)(x)
    return tg.clip(x + epsilon * tg.sign(dx), 0, 1)


def random_sign(x: tg.Tensor, epsilon: float) -> tg.Tensor:
    noise = np.random.default_rng(2).choice([-1.0, 1.0], size=x.shape).astype("float32")
    return tg.clip(x + epsilon * noise, 0, 1)


def accuracy(x: tg.Tensor) -> float:
    with tg.no_grad():
        return nn.metrics.accuracy(model(x), test_y)


epsilons = np.linspace(0, 0.3, 13)
fooled = [accuracy(fast_gradient_sign(test_x, test_y, e)) for e in epsilons]
shaken = [accuracy(random_sign(test_x, e)) for e in epsilons]
attack = fast_gradient_sign(test_x, test_y, EPSILON)
clean, attacked, noisy = accuracy(test_x), accuracy(attack), accuracy(random_sign(test_x, EPSILON))
print(f"accuracy {clean:.1%}; fast gradient sign, epsilon {EPSILON}: {attacked:.1%}; random signs: {noisy:.1%}")

# %%
figure = plt.figure(figsize=(11, 4))
left, right = figure.subfigures(1, 2, width_ratios=[1.4, 1], squeeze=False)[0]
axes = left.subplots(2, 5)
with tg.no_grad():
    reads = [model(x).data.argmax(axis=1) for x in (test_x, attack)]
for row, x in enumerate((test_x, attack)):
    for k in range(5):
        axes[row, k].imshow(x.data[k].reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        axes[row, k].set(title=f"read as {reads[row][k]}", xticks=[], yticks=[])
    axes[row, 0].set_ylabel("image" if row == 0 else f"epsilon {EPSILON}")
axis = right.subplots()
axis.plot(epsilons, fooled, "o-", label="sign of the gradient")
axis.plot(epsilons, shaken, "s-", label="random signs")
axis.axvline(EPSILON, linestyle=":", color="black")
axis.set(xlabel="epsilon", ylabel="test accuracy", title="the larger, the more is misread", ylim=(-0.03, 1.03))
axis.legend(loc="center right")
axis.grid(alpha=0.3)
figure.savefig(OUT / "18_fast_gradient_sign.png", dpi=120)
print("picture:", OUT / "18_fast_gradient_sign.png")

# %%
assert clean > 0.95
assert attacked < 0.2
assert noisy > 0.8
assert abs(attack - test_x).max().item() <= EPSILON + 1e-6
