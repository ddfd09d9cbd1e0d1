# %% [markdown]
# # Names, letter by letter
#
# Course 5: a character-level RNN learns from 4,000 women's names what such names sound like, and makes up new ones.

# %%
import os
import pathlib
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from names import FILES

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
LETTERS = "\nabcdefghijklmnopqrstuvwxyz"  # the line's end starts a name and ends it
rng, chance = tg.random.default_rng(0), np.random.default_rng(0)
# Names of women in the United States (census of 1990) as the package `names` ships them, the frequent ones first.
lines = pathlib.Path(FILES["first:female"]).read_text().splitlines()  # "MARY 2.629 2.629 1"
names = chance.permutation([line.split()[0].lower() for line in lines])


def encoded(names: Any) -> tuple[np.ndarray, np.ndarray]:
    """`x<t>` and `y<t> = x<t+1>`, `(names, T)`; -100 marks what comes after the end, and is not counted."""
    x = np.array([[LETTERS.index(c) for c in f"\n{name}".ljust(12, "\n")] for name in names])
    ends = np.array([len(name) for name in names])[:, None]
    y = np.concatenate([x[:, 1:], 0 * x[:, :1]], axis=1)
    return x, np.where(np.arange(12) <= ends, y, -100)


train, test = encoded(names[300:]), encoded(names[:300])


# %% [markdown]
# The output of each step is a guess of the next letter. (Sequences are `(time, batch, features)` in `nn`.)
# %%
class Speller(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.embed, self.cells = nn.Embedding(27, 16, rng=rng), nn.RNN(16, n, rng=rng)
        self.drop, self.read = nn.Dropout(0.1, rng=rng), nn.Linear(n, 27, rng=rng)

    def forward(self, x: np.ndarray, state: Any = None) -> tuple[tg.Tensor, tg.Tensor]:
        a, state = self.cells(self.embed(x.T), state)
        return self.read(self.drop(a)).swapaxes(0, 1), state


def bits(x: np.ndarray, y: np.ndarray) -> Any:
    with tg.no_grad():
        return F.cross_entropy(model(x)[0].reshape(-1, 27), y.reshape(-1)).item() / np.log(2)


model = Speller(64)
optimizer = optim.Adam(model.parameters(), lr=0.005)
curve: list[tuple[float, ...]] = []
for step in range(300 if QUICK else 1200):
    chosen = rng.integers(len(train[0]), size=64)
    loss = F.cross_entropy(model(train[0][chosen])[0].reshape(-1, 27), train[1][chosen].reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # gradients through time explode now and then
    optimizer.step()
    if step % 50 == 49:
        model.eval()
        curve.append((step + 1, bits(*train), bits(*test)))
        model.train()
model.eval()


# %%
def sample(temperature: float = 1.0) -> str:
    letters, state = [0], None
    with tg.no_grad():
        while len(letters) < 12 and (len(letters) == 1 or letters[-1]):
            score, state = model(np.array([letters[-1:]]), state)
            p = F.softmax(score[0, 0].astype(np.float64) / temperature).numpy()
            letters.append(chance.choice(27, p=p))
    return "".join(LETTERS[k] for k in letters).strip()


new = [sample() for _ in range(400)]
print("made up:", ", ".join([name for name in new if name not in names][:14]))
x, y = train
counts = np.ones((27, 27))
np.add.at(counts, (x[y >= 0], y[y >= 0]), 1)
x, y = (part[test[1] >= 0] for part in test)
alone = -np.log2((counts.sum(axis=0) / counts.sum())[y]).mean()
pairs = -np.log2((counts / counts.sum(axis=1, keepdims=True))[x, y]).mean()
print(f"bits per letter of 300 unseen names: RNN {curve[-1][2]:.2f}, pairs of letters {pairs:.2f}, letters {alone:.2f}")
with_a, real = (np.mean([name.endswith("a") for name in group]) for group in (new, names))
fresh = np.mean([name not in names for name in new])
print(f"end in a: {with_a:.0%} of the made-up names, {real:.0%} of the list; {fresh:.0%} are not in the list")

# %%
figure = Figure(figsize=(11, 4.5), layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
steps, learned, unseen = np.array(curve).T
left.plot(steps, learned, label="names it learns from")
left.plot(steps, unseen, label="unseen names")
left.axhline(alone, color="black", linestyle=":", label="letters alone")
left.axhline(pairs, color="black", linestyle="--", label="pairs of letters")
left.set(xlabel="step", ylabel="bits per letter")
left.legend(loc=(0.45, 0.45))
with tg.no_grad():
    p = F.softmax(model(encoded(["christabel"])[0])[0][0, :11]).numpy()
right.imshow(p.T, cmap="Blues", aspect="auto", vmin=0, vmax=1)
right.set_yticks(range(27), ["end", *LETTERS[1:]], fontsize=7)
right.set_xticks(range(11), ["start", *"christabel"])
right.set(title="its guess of the next letter, after each letter")
figure.savefig(OUT / "names.png")
print("picture:", OUT / "names.png")

# %%
assert curve[-1][2] < pairs - 0.2 < alone - 0.2
assert abs(with_a - real) < 0.1
assert fresh > 0.5
