# %% [markdown]
# # One number to choose by
#
# Course 3: accuracy misleads when a class is rare; F1 joins precision and recall; other wishes become limits.

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

# %% [markdown]
# Is it an 8? One digit in ten is. Rows are examples.

# %%
images, labels = data.load_digits()
order = np.random.default_rng(0).permutation(len(labels.data))
X, y = images.data.reshape(-1, 64)[order], (labels.data[order] == 8).astype(int)
train, dev = slice(0, 1000), slice(1000, None)


def learn(*widths: Any) -> nn.Module:
    rng = tg.random.default_rng(1)
    sizes = [64, *widths]
    hidden = [part for a, b in zip(sizes, widths) for part in (nn.Linear(a, b, rng=rng), nn.ReLU())]
    model = nn.Sequential(*hidden, nn.Linear(sizes[-1], 1, rng=rng))
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    for _ in range(150 if QUICK else 300):
        loss = F.binary_cross_entropy_with_logits(model(X[train])[:, 0], y[train].astype(np.float32))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def probability(model: nn.Module, rows: Any) -> Any:
    with tg.no_grad():
        return tg.sigmoid(model(X[rows])[:, 0]).data


def work(model: nn.Module) -> int:
    """Multiplications for one image: one for each entry of each weight matrix."""
    return sum(p.size for p in model.parameters() if p.ndim == 2)


# %% [markdown]
# Candidates on the dev set. F1 = 2 / (1/precision + 1/recall) is the number to optimise; work a limit to meet.

# %%
models = {"linear": learn(), "8 units": learn(8), "64 units": learn(64), "3 x 256 units": learn(256, 256, 256)}
guesses = {"never an 8": np.zeros(len(y[dev]), int)}
guesses |= {name: (probability(model, dev) > 0.5).astype(int) for name, model in models.items()}
multiplications = {"never an 8": 0} | {name: work(model) for name, model in models.items()}
limit = 10_000
rows: dict[str, tuple[float, ...]] = {}
print(f"{'':14} accuracy precision recall    F1  multiplications (limit {limit:,})")
for name, guess in guesses.items():
    scores = nn.metrics.precision_recall_f1(guess, y[dev], num_classes=2, average="binary")
    rows[name] = (nn.metrics.accuracy(guess, y[dev]), *scores)
    accuracy, precision, recall, f1 = rows[name]
    print(f"{name:14} {accuracy:8.1%} {precision:9.1%} {recall:6.1%} {f1:5.1%}  {multiplications[name]:7,}")
allowed = [name for name in rows if multiplications[name] <= limit]
chosen = max((rows[name][3], name) for name in allowed)[1]
print("chosen: the best F1 of those within the limit:", chosen)

# %% [markdown]
# Precision against recall: each threshold gives one point of a curve.

# %%
thresholds = np.linspace(0.01, 0.99, 99)
figure = Figure((11, 4.2), layout="constrained")
left, right = figure.subplots(1, 2)
best: dict[str, float] = {}
for name in ("linear", "64 units"):
    chance = probability(models[name], dev)
    curve = np.array([nn.metrics.precision_recall_f1(chance > t, y[dev], 2, "binary") for t in thresholds])
    some = curve[:, 1] > 0  # precision has no meaning where nothing is called an 8
    left.plot(curve[some, 1], curve[some, 0], label=name)
    right.plot(thresholds, curve[:, 2], label=name)
    best[name] = curve[:, 2].max()
    print(f"{name}: F1 {curve[49, 2]:.1%} at threshold 0.5, best {best[name]:.1%}")
left.set(xlabel="recall", ylabel="precision", title="two numbers: which is better?")
right.set(xlabel="threshold", ylabel="F1", title="one number")
left.legend()
right.legend()
figure.savefig(OUT / "one_number.png", dpi=100)
print("picture:", OUT / "one_number.png")

# %%
accuracy, _, _, f1 = rows["never an 8"]
assert accuracy > 0.85, "a classifier that never says yes is right nine times in ten"
assert f1 == 0, "and worth nothing"
p, r, f = rows["64 units"][1:]
np.testing.assert_allclose(f, 2 / (1 / p + 1 / r))
assert rows[chosen][3] > rows["linear"][3] + 0.1
assert multiplications["3 x 256 units"] > limit, "the largest network costs too much"
assert chosen in ("8 units", "64 units")
