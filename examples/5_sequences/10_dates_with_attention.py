# %% [markdown]
# # Translating dates with attention
#
# Course 5: dates as people write them become `1999-05-03`, and the attention weights show where the network looked.

# %%
import datetime
import os
import pathlib
from typing import Any

import faker
import numpy as np
from babel.dates import format_date
from matplotlib.figure import Figure

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)


# %% [markdown]
# The days are drawn by Faker and written by Babel as eight countries write them in English, each in its short, medium,
# long and full form. The short American form is left out: nobody knows which of 5/3/99 is the month.
# %%
COUNTRIES = ("en_US", "en_GB") if QUICK else ("en_US", "en_GB", "en_AU", "en_CA", "en_CH", "en_IE", "en_IN", "en_ZA")
FORMS = ("long",) if QUICK else ("short", "medium", "long", "full")
CHOICES = [(form, country) for form in FORMS for country in COUNTRIES if (form, country) != ("short", "en_US")]
LETTERS, LENGTH = "~ abcdefghijklmnopqrstuvwxyz0123456789,./-", 18 if QUICK else 29  # ~ fills up
DIGITS = "0123456789-"
rng, fake = np.random.default_rng(0), faker.Faker("en_US")
fake.seed_instance(0)
span = datetime.date(1970, 1, 1), datetime.date(2019, 12, 31)
days = list(dict.fromkeys(fake.date_between(*span) for _ in range(40000)))  # each day once


def written(day: Any) -> str:
    form, country = CHOICES[rng.integers(len(CHOICES))]
    return format_date(day, form, locale=country).lower()


def encoded(days: list[Any]) -> tuple[list[str], np.ndarray, np.ndarray]:
    texts = [written(day) for day in days]
    X = np.array([[LETTERS.index(c) for c in text.ljust(LENGTH, "~")] for text in texts])
    return texts, X, np.array([[DIGITS.index(c) for c in day.isoformat()] for day in days])


X, Y = encoded(days[1000:] * 2)[1:]
texts, new, answers = encoded(days[:1000])  # of days that training never saw


# %% [markdown]
# `a` is what the two-way encoder says of each letter. At each output step, `e = v . tanh(W s + U a)`,
# `alpha = softmax(e)` over the letters, `context = sum(alpha * a)`, and a GRU cell takes the context to the next `s`.
# (Sequences are `(time, batch, features)` here, as the layers of `nn` have them.)
# %%
class Translator(nn.Module):
    def __init__(self, n: int, rng: tg.random.Generator) -> None:
        super().__init__()
        self.embed = nn.Embedding(len(LETTERS), 16, rng=rng)
        self.encoder = nn.GRU(16, n, bidirectional=True, rng=rng)
        self.U, self.W = nn.Linear(2 * n, n, rng=rng), nn.Linear(n, n, bias=False, rng=rng)
        self.v = nn.Linear(n, 1, bias=False, rng=rng)
        self.cell = nn.GRUCell(2 * n, n, rng=rng)
        self.read = nn.Linear(n, len(DIGITS), rng=rng)
        self.n = n

    def forward(self, X: np.ndarray) -> tuple[tg.Tensor, tg.Tensor]:
        a, _ = self.encoder(self.embed(X.T))
        Ua, s = self.U(a), tg.zeros(len(X), self.n)
        scores: list[tg.Tensor] = []
        alphas: list[tg.Tensor] = []
        for _ in range(10):
            alpha = F.softmax(self.v(tg.tanh(self.W(s) + Ua)), axis=0)
            s = self.cell((alpha * a).sum(axis=0), s)
            scores.append(self.read(s))
            alphas.append(alpha)
        return tg.stack(scores, axis=1), tg.stack(alphas)


# %%
model = Translator(32 if QUICK else 48, tg.random.default_rng(1))
steps, size = (260, 64) if QUICK else (500, 64)
optimizer = optim.Adam(model.parameters())
schedule = optim.OneCycleLR(optimizer, 0.015, total_steps=steps + 1)
for _ in range(steps):
    chosen = rng.integers(len(X), size=size)
    scores = model(X[chosen])[0]
    loss = F.cross_entropy(scores.reshape(-1, len(DIGITS)), Y[chosen].reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()

with tg.no_grad():
    scores, alphas = model(new)
right = scores.numpy().argmax(axis=2) == answers
exact = right.all(axis=1).mean()
print(f"letters right {right.mean():.1%}, dates right {exact:.1%} of {len(new)} new days")

# %% [markdown]
# Each row is one character that is written, each column one that is read: the year is looked for where the year is.
# %%
figure = Figure(figsize=(12, 7), layout="constrained")
longest_first = sorted(range(len(texts)), key=lambda k: -len(texts[k]))
for axes, k in zip(figure.subplots(2, 2).ravel(), (longest_first[k] for k in (0, 100, 500, 900))):
    axes.imshow(alphas.numpy()[:, : len(texts[k]), k, 0], cmap="Blues", vmin=0, aspect="auto")
    axes.set_xticks(range(len(texts[k])), texts[k])
    axes.set_yticks(range(10), [DIGITS[c] for c in scores.numpy()[k].argmax(axis=1)])
figure.suptitle("where each letter of the answer (down) looks in the date (across)")
figure.savefig(OUT / "dates_with_attention.png")
print("picture:", OUT / "dates_with_attention.png")

# %%
assert np.allclose(alphas.numpy().sum(axis=1), 1, atol=1e-5)
assert exact >= (0.9 if QUICK else 0.95)
