# %% [markdown]
# # Where is it? Bounding boxes, and intersection over union
#
# Course 4: a network that says where an object is, by regression of the box; and the measure of how well it fits.

# %%
import os
import pathlib
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import data, nn, optim

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
SIZE = 32

# %% [markdown]
# Generated images: a bright ellipse to find, a thin cross that distracts, and noise. The target is the course's
# `(bx, by, bh, bw)`: the middle, height and width of the box, as shares of the image.


# %%
def generate(m: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    boxes = np.empty((m, 4))
    boxes[:, 2:] = rng.uniform(0.2, 0.5, (m, 2))
    boxes[:, :2] = rng.uniform(boxes[:, 3:1:-1] / 2, 1 - boxes[:, 3:1:-1] / 2)
    bx, by, bh, bw = (boxes.T * SIZE)[:, :, None, None]
    ellipse = ((columns - bx) / (bw / 2)) ** 2 + ((rows - by) / (bh / 2)) ** 2 <= 1
    x, y = rng.uniform(4, SIZE - 4, (2, m, 1, 1))
    down, along = abs(rows - y), abs(columns - x)
    cross = (np.minimum(down, along) < 1) & (np.maximum(down, along) < 4)
    images = np.maximum(ellipse * rng.uniform(0.5, 1, (m, 1, 1)), 0.7 * cross) + rng.normal(0, 0.15, (m, SIZE, SIZE))
    return images[:, None].astype("float32"), boxes.astype("float32")


# %% [markdown]
# Intersection over union: the area that two boxes share, divided by the area that they cover together.


# %%
def iou(a: np.ndarray, b: np.ndarray) -> Any:
    """Of boxes (..., 4) as (bx, by, bh, bw)."""
    half_a, half_b = a[..., 3:1:-1] / 2, b[..., 3:1:-1] / 2
    low = np.maximum(a[..., :2] - half_a, b[..., :2] - half_b)
    high = np.minimum(a[..., :2] + half_a, b[..., :2] + half_b)
    shared = np.clip(high - low, 0, None).prod(-1)
    return shared / (a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - shared)


box, right = np.array([0.5, 0.5, 0.2, 0.4]), np.array([0.1, 0, 0, 0])
print("a box and itself:", iou(box, box).round(4), "moved by half its width:", iou(box, box + 2 * right).round(4))
assert np.isclose(iou(box, box), 1)
assert np.isclose(iou(box, box + 2 * right), 1 / 3)  # shares 1/2, covers 3/2
assert iou(box, box + 4 * right) < 1e-12  # side by side
assert np.isclose(iou(box, box * [1, 1, 0.5, 0.5]), 1 / 4)  # inside

# %% [markdown]
# The network ends in four sigmoids, one for each number of the box, since all lie between 0 and 1.

# %%
train_x, train_y = generate(1500 if QUICK else 6000, np.random.default_rng(0))
test_x, test_y = generate(400, np.random.default_rng(1))
rng = tg.random.default_rng(0)
model = nn.Sequential(
    nn.Conv2d(1, 8, 5, 2, 2, rng=rng),
    nn.ReLU(),
    nn.Conv2d(8, 16, 3, 2, 1, rng=rng),
    nn.ReLU(),
    nn.Conv2d(16, 16, 3, 1, 1, rng=rng),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(16 * 64, 64, rng=rng),
    nn.ReLU(),
    nn.Linear(64, 4, rng=rng),
    nn.Sigmoid(),
)
epochs = 8 if QUICK else 15
loader = data.DataLoader(data.TensorDataset(train_x, train_y), 32, True, True, rng=tg.random.default_rng(1))
optimizer = optim.Adam(model.parameters(), lr=0.002)
schedule = optim.CosineAnnealingLR(optimizer, epochs * len(loader))
for _ in range(epochs):
    for x, y in loader:
        loss = F.smooth_l1_loss(model(x), y, beta=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
with tg.no_grad():
    found = model(test_x).data
fit = iou(found, test_y)
always = iou(train_y.mean(0), test_y)  # the best box that does not look at the image, nearly
print(f"mean IoU {fit.mean():.3f}; with one box for all {always.mean():.3f}; IoU above 0.5: {np.mean(fit > 0.5):.1%}")

# %%
figure, axes = plt.subplots(2, 5, figsize=(11, 4.8), layout="constrained")
for k, axis in enumerate(axes.flat):
    axis.imshow(test_x[k, 0], cmap="gray", extent=(0, 1, 1, 0), vmin=-0.3, vmax=1.3)
    for (bx, by, bh, bw), color in ((test_y[k], "#009e73"), (found[k], "#d55e00")):
        axis.add_patch(Rectangle((bx - bw / 2, by - bh / 2), bw, bh, fill=False, color=color, linewidth=2))
    axis.set_title(f"IoU {fit[k]:.2f}")
    axis.axis("off")
figure.suptitle("true box (green) and predicted box (orange), test images")
figure.savefig(OUT / "05_bounding_box.png", dpi=110)
print("picture:", OUT / "05_bounding_box.png")

# %%
assert fit.mean() > (0.6 if QUICK else 0.8)
assert fit.mean() > 2 * always.mean()
