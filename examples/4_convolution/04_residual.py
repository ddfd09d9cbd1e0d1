# %% [markdown]
# # Residual blocks: a way past every layer (long)
#
# Course 4: `a[l+2] = g(z[l+2] + a[l])` keeps gradients alive in deep networks; a small residual network on MNIST.

# %%
import os
import pathlib
import time
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import data, nn, optim

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
FULL = not QUICK and bool(os.environ.get("TINYGRAD_EDU_DATA"))  # the folder that holds mnist/

# %% [markdown]
# The block: two convolutions, and the input added to what they give. Where the shape changes (stride, channels), a
# 1 x 1 convolution brings the input into the new shape. `skip=False` makes a plain block, to compare with.


# %%
class Block(nn.Module):
    def __init__(self, n_in: int, n_out: int, stride: int, rng: tg.random.Generator, skip: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False, rng=rng)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False, rng=rng)
        self.norm2 = nn.BatchNorm2d(n_out)
        same = stride == 1 and n_in == n_out
        self.short = nn.Identity() if same else nn.Conv2d(n_in, n_out, 1, stride, bias=False, rng=rng)
        self.skip = skip

    def forward(self, a: tg.Tensor) -> tg.Tensor:
        z = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(a)))))
        return F.relu(z + self.short(a) if self.skip else z)


# %% [markdown]
# Training is the same for all: Adam, one cycle of the rate. `shift` moves each batch by up to so many pixels.


# %%
def accuracy(model: nn.Module, x: Any, y: Any) -> float:
    model.eval()
    with tg.no_grad():
        scores = np.concatenate([model(x[i : i + 500]).data for i in range(0, len(x), 500)])
    model.train()
    return nn.metrics.accuracy(scores, y)


def train(
    model: nn.Module, x: Any, y: Any, epochs: int, lr: float, shift: int = 0, test: tuple[Any, Any] | None = None
) -> list[float]:
    loader = data.DataLoader(data.TensorDataset(x, y), 64, True, True, rng=tg.random.default_rng(1))
    optimizer = optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
    # the schedule also sets a rate after the last step: one more than there are steps
    schedule = optim.OneCycleLR(optimizer, lr, total_steps=epochs * len(loader) + 1)
    rng, start = np.random.default_rng(2), time.perf_counter()
    losses: list[float] = []
    for epoch in range(epochs):
        for images, labels in loader:
            loss = F.cross_entropy(model(np.roll(images.data, rng.integers(-shift, shift + 1, 2), (2, 3))), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        if test:
            seconds = time.perf_counter() - start
            print(f"  epoch {epoch + 1}: test accuracy {accuracy(model, *test):.2%} after {seconds:.0f} s", flush=True)
    return losses


# %% [markdown]
# Eight blocks, 17 layers, on the packaged digits: once with the shortcuts and once without.

# %%
images, labels = data.load_digits()
small_x, small_y = images.data[:, None] * 2 - 1, labels.data


def deep(skip: bool) -> nn.Module:
    rng = tg.random.default_rng(0)
    blocks = [Block(8, 8, 1, rng, skip) for _ in range(8)]
    return nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1, rng=rng), *blocks, nn.Flatten(), nn.Linear(128, 10, rng=rng))


curves: dict[str, list[float]] = {}
for name, skip in (("plain", False), ("residual", True)):
    model = deep(skip)
    curves[name] = train(model, small_x[:1400], small_y[:1400], 4, 0.003)
    reached = accuracy(model, small_x[1400:], small_y[1400:])
    print(f"17 layers, {name}: training loss {np.mean(curves[name][-20:]):.3f}, test accuracy {reached:.1%}")

# %% [markdown]
# A small residual network, three blocks, on MNIST (the quick run stays with the packaged digits).

# %%
if FULL:
    train_x, train_y, test_x, test_y = (part.data for part in data.load_mnist())
    train_x, test_x = train_x[:, None] * 2 - 1, test_x[:, None] * 2 - 1
else:
    train_x, train_y, test_x, test_y = small_x[:1400], small_y[:1400], small_x[1400:], small_y[1400:]
rng = tg.random.default_rng(0)
model = nn.Sequential(
    nn.Conv2d(1, 16, 5, 2 if FULL else 1, 2, bias=False, rng=rng),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    Block(16, 16, 1, rng),
    Block(16, 32, 2, rng),
    Block(32, 32, 1, rng),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(32, 10, rng=rng),
)
print(f"{sum(p.size for p in model.parameters()):,} parameters, {len(train_x)} images")
losses = train(model, train_x, train_y, 7 if FULL else 4, 0.01, 2 if FULL else 0, (test_x, test_y))
reached = accuracy(model, test_x, test_y)

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
for (name, curve), color in zip(curves.items(), ("#d55e00", "#0072b2"), strict=True):
    left.plot(np.convolve(curve, np.ones(10) / 10, "valid"), color=color, label=name)
left.set(xlabel="step", ylabel="training loss", title="17 layers, with and without shortcuts")
left.legend()
right.plot(np.convolve(losses, np.ones(20) / 20, "valid"), color="#0072b2")
title = f"residual network: test accuracy {reached:.2%}"
right.set(xlabel="step", ylabel="loss, mean of 20 steps", yscale="log", title=title)
figure.savefig(OUT / "04_residual.png", dpi=110)
print("picture:", OUT / "04_residual.png")

# %%
assert np.mean(curves["residual"][-20:]) < np.mean(curves["plain"][-20:]) / 2  # the shortcuts make depth trainable
assert reached >= (0.992 if FULL else 0.92)
