# %% [markdown]
# # Transfer from a trained network to a small data set
#
# Course 3: a network trained on many images of one source learns a small data set of another by a new last layer.
#
# Rows are examples. With MNIST (folder in TINYGRAD_EDU_DATA) the small data set is the packaged digits, brought to
# its size. Without, the network learns 1000 packaged digits, and the small data set is the others, through a camera
# that is out of focus and noisy.

# %%
import os
import pathlib
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu import data, nn, optim
from tinygrad_edu.nn import functional as F

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %%
digits, digit_labels = data.load_digits()
if "TINYGRAD_EDU_DATA" in os.environ:
    mnist = data.load_mnist()
    size = 6000 if QUICK else 30000
    X_old, y_old = mnist.train_images.data[:size].reshape(-1, 784), mnist.train_labels.data[:size]
    resized = F.interpolate(digits.reshape(-1, 1, 8, 8), (20, 20), mode="bilinear").data[:, 0]
    X_new, y_new = np.pad(resized, ((0, 0), (4, 4), (4, 4))).reshape(-1, 784), digit_labels.data
else:
    X_old, y_old = digits.data[:1000].reshape(-1, 64), digit_labels.data[:1000]
    a, y_new = digits.data[1000:], digit_labels.data[1000:]
    blurred = (a + sum(np.roll(a, step, axis) for step in (-1, 1) for axis in (1, 2))) / 5
    noise = np.random.default_rng(0).normal(0, 0.1, (len(a), 8, 8))
    X_new = np.add(blurred, noise).astype(np.float32).reshape(-1, 64)


def fit(model: Any, params: Any, inputs: Any, targets: Any, steps: Any, lr: Any = 2e-3, seed: Any = 0) -> None:
    rng = np.random.default_rng(seed)
    optimizer = optim.Adam(params, lr=lr)
    for _ in range(steps):
        batch = rng.integers(0, len(targets), 64)
        loss = F.cross_entropy(model(inputs[batch]), targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def network(seed: Any) -> Any:
    rng = tg.random.default_rng(seed)
    body = nn.Sequential(
        nn.Linear(X_old.shape[1], 128, rng=rng), nn.ReLU(), nn.Linear(128, 64, rng=rng), nn.ReLU()
    )  # fmt: skip
    return nn.Sequential(body, nn.Linear(64, 10, rng=rng))


# %% [markdown]
# The first task, many examples.

# %%
trained = network(0)
fit(trained, list(trained.parameters()), X_old, y_old, 400 if QUICK else 2000)
with tg.no_grad():
    known, as_it_is = (nn.metrics.accuracy(trained(x), t) for x, t in ((X_old, y_old), (X_new, y_new)))
learned = trained.state_dict()
print(f"first task: {len(y_old)} images, training accuracy {known:.1%}; as it is on the small data set: {as_it_is:.1%}")

# %% [markdown]
# The second task: k examples of each digit; the others are the test set. Three ways:
# from scratch; a new last layer on frozen features; and that, followed by fine-tuning of all layers at a low rate.


# %%
def draw(k: Any, rng: Any) -> Any:
    chosen = np.concatenate([rng.permutation(np.flatnonzero(y_new == c))[:k] for c in range(10)])
    rest = np.setdiff1d(np.arange(len(y_new)), chosen)
    return chosen, rest


def second_task(k: Any, seed: Any) -> Any:
    few, rest = draw(k, np.random.default_rng(seed))
    scratch, moved = network(seed + 1), network(seed + 1)
    steps = 100 if QUICK else 300
    fit(scratch, list(scratch.parameters()), X_new[few], y_new[few], 2 * steps)  # as many as the others have
    moved[0].load_state_dict({name[2:]: value for name, value in learned.items() if name.startswith("0.")})
    with tg.no_grad():
        features = moved[0](X_new[few]).data
    fit(moved[1], list(moved[1].parameters()), features, y_new[few], steps, lr=0.01)
    accuracies = [score(scratch, rest), score(moved, rest)]
    fit(moved, list(moved.parameters()), X_new[few], y_new[few], steps, lr=5e-4)
    return [*accuracies, score(moved, rest)]


def score(model: Any, rows: Any) -> Any:
    with tg.no_grad():
        return nn.metrics.accuracy(model(X_new[rows]), y_new[rows])


ways = ["from scratch", "new last layer, features frozen", "then fine-tuned"]
sizes = [1, 3, 10, 30] if QUICK or "TINYGRAD_EDU_DATA" not in os.environ else [1, 3, 10, 30, 100]
results = np.array([np.mean([second_task(k, seed) for seed in range(3 if QUICK else 5)], 0) for k in sizes])
for k, row in zip(sizes, results):
    print(f"{k:4d} of each digit: " + ", ".join(f"{way} {accuracy:.1%}" for way, accuracy in zip(ways, row)))

# %%
figure = Figure((6.5, 4.3), layout="constrained")
axes = figure.subplots()
for way, accuracies in zip(ways, results.T):
    axes.semilogx(sizes, accuracies, "o-", label=way)
axes.set_xticks(sizes, [str(k) for k in sizes])
axes.minorticks_off()
axes.set(xlabel="examples of each digit", ylabel="test accuracy", title="transfer to a small data set")
axes.legend()
figure.savefig(OUT / "transfer.png", dpi=100)
print("picture:", OUT / "transfer.png")

# %%
scratch, frozen, tuned = results.T
assert known > 0.95
assert frozen[0] > scratch[0] + 0.02, "with one example of each digit, learned features are worth more than new ones"
assert (frozen[:2] > scratch[:2]).all()
assert (tuned[:3] > scratch[:3]).all(), "fine-tuned, it is better with up to ten"
assert tuned[-1] - scratch[-1] < tuned[0] - scratch[0], "the more data of its own, the less transfer brings"
