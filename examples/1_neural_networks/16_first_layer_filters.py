# %% [markdown]
# # Why depth: the first layer learns edges
#
# Course 1, row 15: first-layer filters of a small convolutional network, before and after training, and what they see.

# %%
import os
import pathlib
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import data, nn, optim

QUICK = "QUICK" in os.environ or "TINYGRAD_EDU_DATA" not in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# MNIST, where its folder is given; otherwise the packaged digits, of 8 x 8 pixels. Rows are examples:
# `(m, channels, height, width)`, the convention of `nn`.

# %%
if QUICK:
    images, labels = data.load_digits()
    order = np.random.default_rng(0).permutation(1797)
    images, labels = images[order], labels[order]
    train_x, train_y, test_x, test_y = images[:1437], labels[:1437], images[1437:], labels[1437:]
else:
    train_x, train_y, test_x, test_y = data.load_mnist()
    train_x, train_y = train_x[:20000], train_y[:20000]
size, side = train_x.shape[1], 3 if QUICK else 7
train_x, test_x = train_x.reshape(-1, 1, size, size), test_x.reshape(-1, 1, size, size)

# %%
rng = tg.random.default_rng(0)
first = nn.Conv2d(1, 8, side, padding=side // 2, rng=rng)
model = nn.Sequential(
    first,
    nn.ReLU(),
    nn.MaxPool2d(2 if QUICK else 4),
    nn.Flatten(),
    nn.Linear(8 * (size // (2 if QUICK else 4)) ** 2, 10, rng=rng),
)
before = first.weight.data.copy()
optimizer = optim.Adam(model.parameters(), lr=0.005, weight_decay=1e-3)
loader = data.DataLoader(data.TensorDataset(train_x, train_y), 64, shuffle=True, rng=tg.random.default_rng(1))
for _ in range(20 if QUICK else 3):
    for x, y in loader:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with tg.no_grad():
    accuracy = nn.metrics.accuracy(model(test_x), test_y)
    seen = tg.relu(first(test_x[:1]))
print(f"test accuracy {accuracy:.3f}")

# %% [markdown]
# How smooth is a filter? The correlation of neighbouring weights: about 0 for random numbers, towards 1 for edges and
# strokes.


# %%
def smoothness(filters: np.ndarray) -> Any:
    rows = np.corrcoef(filters[..., :-1].ravel(), filters[..., 1:].ravel())[0, 1]
    columns = np.corrcoef(filters[..., :-1, :].ravel(), filters[..., 1:, :].ravel())[0, 1]
    return (rows + columns) / 2


after = first.weight.data
print(f"correlation of neighbouring weights: {smoothness(before):.2f} before, {smoothness(after):.2f} after training")

# %%
figure, axes = plt.subplots(3, 8, figsize=(11, 4.4))
for k in range(8):
    for row, (name, picture) in enumerate(
        (("before", before[k, 0]), ("after", after[k, 0]), ("sees", seen.data[0, k]))
    ):
        limit = abs(picture).max()
        colours = {"cmap": "gray_r"} if row == 2 else {"cmap": "RdBu", "vmin": -limit, "vmax": limit}
        axes[row, k].imshow(picture, **colours)
        axes[row, k].set(xticks=[], yticks=[])
        if k == 0:
            axes[row, k].set_ylabel(name)
figure.suptitle(f"filters of the first layer, and what each makes of a {test_y.data[0]}; test accuracy {accuracy:.1%}")
figure.tight_layout()
figure.savefig(OUT / "16_first_layer_filters.png", dpi=120)
print("picture:", OUT / "16_first_layer_filters.png")

# %%
assert accuracy > (0.9 if QUICK else 0.96)
assert smoothness(after) > smoothness(before) + 0.1
