# %% [markdown]
# # Why now: more data, larger networks
#
# Course 1, row 16: accuracy against training-set size for logistic regression, a small, a medium and a large network.

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
# MNIST, where its folder is given; otherwise the packaged digits. Rows are examples, the convention of `nn`.

# %%
if QUICK:
    images, labels = data.load_digits()
    order = np.random.default_rng(0).permutation(1797)
    images, labels = images[order], labels[order]
    train_x, train_y, test_x, test_y = images[:1300], labels[:1300], images[1300:], labels[1300:]
    sizes, hidden, steps = [40, 200, 1300], {"small": [16], "medium": [32], "large": [256, 256]}, 300
else:
    train_x, train_y, test_x, test_y = data.load_mnist()
    test_x, test_y = test_x[::2], test_y[::2]
    sizes, hidden, steps = [100, 400, 1600, 6400, 25600], {"small": [32], "medium": [128], "large": [400, 200]}, 1000
train_x, test_x = train_x.reshape(len(train_x.data), -1), test_x.reshape(len(test_x.data), -1)


# %%
def network(widths: Any, rng: Any) -> Any:
    layers: list[nn.Module] = []
    for n_in, n_out in zip([train_x.shape[1], *widths], [*widths, 10]):
        layers += [nn.Linear(n_in, n_out, rng=rng), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def accuracy(widths: Any, m: Any, seed: Any = 0) -> Any:
    """Every network gets the same number of steps, whatever m is: 64 examples each, drawn from the first m."""
    model = network(widths, tg.random.default_rng(seed))
    optimizer = optim.Adam(model.parameters(), lr=0.003)
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        batch = rng.integers(0, m, 64)
        loss = F.cross_entropy(model(train_x[batch]), train_y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with tg.no_grad():
        return nn.metrics.accuracy(model(test_x), test_y)


# %%
found: dict[str, list[float]] = {}
for name, widths in {"logistic regression": [], **hidden}.items():
    found[name] = [accuracy(widths, m) for m in sizes]
    print(f"{name} {widths}:", " ".join(f"{a:.3f}" for a in found[name]))

# %%
figure, axis = plt.subplots(figsize=(6.5, 4))
for name, scores in found.items():
    axis.semilogx(sizes, scores, "o-", label=f"{name} {hidden.get(name, '')}")
axis.set(title="more data helps, large networks more", xlabel="training examples (logarithmic)", ylabel="test accuracy")
axis.grid(alpha=0.3)
axis.legend()
figure.tight_layout()
figure.savefig(OUT / "17_data_and_size.png", dpi=120)
print("picture:", OUT / "17_data_and_size.png")

# %%
assert all(scores[-1] > scores[0] + 0.05 for scores in found.values())
assert found["large"][-1] > found["logistic regression"][-1] + (0.01 if QUICK else 0.03)
assert found["large"][-1] > found["small"][-1]
assert found["large"][-1] > (0.93 if QUICK else 0.955)
