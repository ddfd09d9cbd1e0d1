# %% [markdown]
# # Random search on a log scale
#
# Course 2: 16 random trials try 16 rates, a grid of 16 only four; and rates are drawn as 10**r with r uniform.

# %%
import os
import pathlib

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu import data, nn, optim
from tinygrad_edu.nn import functional as F

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %%
images, labels = data.load_digits()
order = np.random.default_rng(0).permutation(len(labels.data))
X, y = images.data.reshape(-1, 64)[order], labels.data[order]
train = data.TensorDataset(X[:800], y[:800])
dev, test = slice(800, 1300), slice(1300, None)


def learn(rate: float, one_minus_beta: float) -> list[float]:
    """Accuracy on dev and test after a few epochs; an unstable rate is a result as well."""
    rng = tg.random.default_rng(1)
    model = nn.Sequential(nn.Linear(64, 32, rng=rng), nn.ReLU(), nn.Linear(32, 10, rng=rng))
    optimizer = optim.SGD(model.parameters(), lr=rate, momentum=1 - one_minus_beta)
    with np.errstate(all="ignore"):
        for _ in range(4 if QUICK else 8):
            for inputs, targets in data.DataLoader(train, 64, shuffle=True, rng=rng):
                loss = F.cross_entropy(model(inputs), targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        with tg.no_grad():
            return [nn.metrics.accuracy(model(X[s]), y[s]) for s in (dev, test)]


# %% [markdown]
# Rate from 1e-4 to 10; beta from 0.5 to 0.999, by 1 - beta from 0.5 to 0.001, on a log scale as well: between 0.9 and
# 0.9005 nothing happens, between 0.999 and 0.9995 the average doubles its memory.

# %%
n = 16 if QUICK else 64
side = round(n**0.5)
rng = np.random.default_rng(2)
low, high = np.log10([1e-4, 1e-3]), np.log10([10.0, 0.5])
draws = {
    "random, log scale": 10 ** rng.uniform(low, high, (n, 2)),
    "grid, log scale": 10 ** np.stack(np.meshgrid(*np.linspace(low, high, side).T), -1).reshape(-1, 2),
    "random, linear scale": rng.uniform(10**low, 10**high, (n, 2)),
}
found = {name: np.array([learn(*setting) for setting in settings]) for name, settings in draws.items()}

# %% [markdown]
# From coarse to fine: the same number of trials once more, in the box of the best fifth.

# %%
settings, results = draws["random, log scale"], found["random, log scale"]
top = np.log10(settings[np.argsort(-results[:, 0])[: n // 5]])
draws["fine"] = 10 ** rng.uniform(top.min(0), top.max(0), (n, 2))
found["fine"] = np.array([learn(*setting) for setting in draws["fine"]])

# %%
figure = Figure((13, 3.9), layout="constrained")
panels = figure.subplots(1, 4, sharex=True, sharey=True)
for axes, (name, settings) in zip(panels, draws.items()):
    axes.scatter(*settings.T, c=found[name][:, 0], vmin=0, vmax=1, cmap="viridis", edgecolors="grey", s=40)
    axes.set(xscale="log", yscale="log", xlabel="learning rate")
    axes.set_title(f"{name}: best {found[name][:, 0].max():.1%}", fontsize=10)
panels[0].set_ylabel("1 - beta")
figure.colorbar(panels[0].collections[0], ax=panels, label="dev accuracy")
figure.savefig(OUT / "random_search.png", dpi=100)
print("picture:", OUT / "random_search.png")

# %%
for name, results in found.items():
    best = results[:, 0].argmax()
    rate, one_minus_beta = draws[name][best]
    print(
        f"{name:21} best dev {results[best, 0]:.1%} (test {results[best, 1]:.1%}) at rate {rate:.3g}, "
        f"beta {1 - one_minus_beta:.4f}; median {np.median(results[:, 0]):.1%}; "
        f"{len(np.unique(draws[name][:, 0].round(9)))} rates tried"
    )
medians = {name: np.median(results[:, 0]) for name, results in found.items()}
assert len(np.unique(draws["random, log scale"][:, 0])) == n
assert len(np.unique(draws["grid, log scale"][:, 0].round(9))) == side
below = (draws["random, linear scale"][:, 0] < 1).mean()
assert below < 0.3, "on a linear scale, nine of ten rates lie above 1"
assert medians["random, log scale"] > medians["random, linear scale"] + 0.2
assert medians["fine"] > medians["random, log scale"]
assert found["fine"][:, 0].max() > 0.9
