# %% [markdown]
# # LeNet: a small convolutional network reads handwritten digits (long)
#
# Course 4: two convolutions, two poolings and two dense layers reach 99 % on MNIST in minutes.

# %%
import os
import pathlib
import time

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
# The images: MNIST, 60,000 of 28 x 28; or the packaged digits, 1797 of 8 x 8, for the quick run.
# Layers keep rows first: a batch is (examples, channels, height, width), where the course has (m, n_H, n_W, n_C).

# %%
if FULL:
    train_x, train_y, test_x, test_y = data.load_mnist()
else:
    images, labels = data.load_digits()
    train_x, train_y, test_x, test_y = images[:1400], labels[:1400], images[1400:], labels[1400:]
mean, deviation = train_x.data.mean(), train_x.data.std()
train_x, test_x = ((x.data[:, None] - mean) / deviation for x in (train_x, test_x))  # one channel
print(f"{len(train_x)} images to train on, {len(test_x)} to test on, of {train_x.shape[2:]} pixels")

# %% [markdown]
# The shapes, from image to scores (MNIST): 1x28x28 -> 8x24x24 -> 8x12x12 -> 16x8x8 -> 16x4x4 -> 256 -> 128 -> 10.

# %%
rng = tg.random.default_rng(0)
kernel, flat = (5, 16 * 4 * 4) if FULL else (3, 16 * 2 * 2)
model = nn.Sequential(
    nn.Conv2d(1, 8, kernel, padding=0 if FULL else 1, rng=rng),
    nn.MaxPool2d(2),
    nn.ReLU(),  # after the pooling: the same values, and a quarter of the work
    nn.Conv2d(8, 16, kernel, padding=0 if FULL else 1, rng=rng),
    nn.MaxPool2d(2),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(flat, 128, rng=rng),
    nn.ReLU(),
    nn.Dropout(0.2, rng=rng),
    nn.Linear(128, 10, rng=rng),
)
print(model.summary((1, *train_x.shape[1:])))

# %% [markdown]
# Training: Adam, its rate warmed up and then lowered to nothing along a cosine (one cycle). The margins of
# MNIST are blank, so each batch is moved by up to one pixel: more images for nothing.


# %%
def test_scores() -> np.ndarray:
    model.eval()
    with tg.no_grad():
        scores = np.concatenate([model(test_x[i : i + 500]).data for i in range(0, len(test_x), 500)])
    model.train()
    return scores


epochs, batch = 6, 64 if FULL else 16
loader = data.DataLoader(data.TensorDataset(train_x, train_y), batch, True, True, rng=tg.random.default_rng(1))
optimizer = optim.Adam(model.parameters(), lr=0.003)
# the schedule also sets a rate after the last step: one more than there are steps
schedule = optim.OneCycleLR(optimizer, 0.003 if FULL else 0.01, total_steps=epochs * len(loader) + 1)
shift = np.random.default_rng(2)
losses: list[float] = []
reached, start = 0.0, time.perf_counter()
for epoch in range(epochs):
    for x, y in loader:
        moved = np.roll(x.data, shift.integers(-1, 2, 2), axis=(2, 3)) if FULL else x
        loss = F.cross_entropy(model(moved), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    reached = nn.metrics.accuracy(test_scores(), test_y)
    print(f"epoch {epoch + 1}: test accuracy {reached:.2%} after {time.perf_counter() - start:.0f} s", flush=True)

# %% [markdown]
# The loss, and the images that the network is most sure of and wrong about.

# %%
scores = test_scores()
wrong = np.flatnonzero(scores.argmax(1) != test_y.data)
worst = wrong[np.argsort(-scores[wrong].max(1))][:10]
figure = plt.figure(figsize=(11, 3.4), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[1, 1.4], squeeze=False)[0]
axis = left.subplots()
axis.plot(np.convolve(losses, np.ones(20) / 20, "valid"), color="#0072b2")
axis.set(xlabel="step", ylabel="loss, mean of 20 steps", yscale="log", title=f"test accuracy {reached:.2%}")
for place, axis in zip(range(10), right.subplots(2, 5).flat, strict=True):
    axis.axis("off")
    if place < len(worst):
        axis.imshow(test_x[worst[place], 0], cmap="gray_r")
        axis.set_title(f"{test_y.data[worst[place]]}, read as {scores[worst[place]].argmax()}", fontsize=9)
figure.savefig(OUT / "03_lenet.png", dpi=110)
print("picture:", OUT / "03_lenet.png")

# %%
assert reached >= (0.99 if FULL else 0.93)
assert losses[-1] < losses[0]
