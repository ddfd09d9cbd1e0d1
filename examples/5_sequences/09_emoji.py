# %% [markdown]
# # From a sentence to an emoji
#
# Course 5: the mean of the word vectors knows which words there are; an LSTM also knows in which order.

# %%
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
rng, chance = tg.random.default_rng(0), np.random.default_rng(0)

# %% [markdown]
# Written by hand, with alternatives: `a|b` stands for either, and `_` for nothing. Sentences with "not" have the same
# words as others that mean something else.
# %%
EMOJI = {"♥": "love", "♫": "music", "☺": "glad", "☹": "sad", "☕": "coffee"}
WRITTEN = """
♥ i|we love|adore|miss you|her|him|them _|dearly|so|much
♥ my|your mother|father|dog loves|adores me|us
♫ let us|me play|hear music|songs|jazz _|today|tonight|again
♫ my|the band sang|played|wrote the song|tune
☕ let us|me drink|have some coffee|tea _|today|now
☕ where is my|the cup|coffee|tea
☺ i|we am|feel so|very|_ happy|glad|great _|today|now
☺ this|that was good|funny|great news|work
☺ i|we am|feel not sad|bad but|just happy|glad
☹ i|we am|feel so|very|_ sad|bad|lonely _|today|now
☹ this|that was bad|terrible|sad news|work
☹ i|we am|feel not happy|glad but|just sad|bad
"""


def expanded(line: str) -> list[tuple[list[str], int]]:
    """All sentences of a line, with the number of its emoji."""
    symbol, *slots = line.split()
    sentences: list[list[str]] = [[]]
    for slot in slots:
        sentences = [[*s, word] for s in sentences for word in slot.split("|")]
    return [([word for word in s if word != "_"], list(EMOJI).index(symbol)) for s in sentences]


pairs: list[tuple[list[str], int]] = [pair for line in WRITTEN.strip().splitlines() for pair in expanded(line)]
pairs = [pairs[k] for k in chance.permutation(len(pairs))]
words = sorted({word for sentence, _ in pairs for word in sentence})
LENGTH = max(len(sentence) for sentence, _ in pairs)


def encoded(sentence: Sequence[str]) -> list[int]:
    """Numbers from 1; 0 stands before shorter sentences, so that the last step is always a word."""
    return [0] * (LENGTH - len(sentence)) + [words.index(word) + 1 for word in sentence]


X, Y = np.array([encoded(sentence) for sentence, _ in pairs]), np.array([label for _, label in pairs])
cut = len(X) * 7 // 10
print(f"{len(X)} sentences of {len(words)} words; {len(X) - cut} kept for the test")


# %%
class Mean(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(len(words) + 1, 16, padding_idx=0, rng=rng)
        self.read = nn.Linear(16, len(EMOJI), rng=rng)

    def forward(self, x: np.ndarray) -> tg.Tensor:
        return self.read(self.embed(x).sum(axis=1) / (x > 0).sum(axis=1, keepdims=True).astype(np.float32))


class Ordered(Mean):
    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.LSTM(16, 16, batch_first=True, rng=rng)

    def forward(self, x: np.ndarray) -> tg.Tensor:
        return self.read(self.cells(self.embed(x))[0][:, -1])


def trained(model: Any) -> Any:
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    for _ in range(200 if QUICK else 400):
        chosen = chance.integers(cut, size=32)
        loss = F.cross_entropy(model(X[chosen]), Y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def guess(model: Any, x: Any) -> Any:
    with tg.no_grad():
        return model(np.atleast_2d(x)).numpy().argmax(axis=1)


models = {"mean": trained(Mean()), "LSTM": trained(Ordered())}
score = {name: float((guess(model, X[cut:]) == Y[cut:]).mean()) for name, model in models.items()}
print("accuracy on new sentences:", ", ".join(f"{name} {value:.1%}" for name, value in score.items()))
first, second = "i feel not happy but sad", "i feel not sad but happy"  # the same words
for text in ("my dog loves me", "let us have tea now", first, second):
    print(f"{text:26}", *(f"{name}: {list(EMOJI)[guess(m, encoded(text.split()))[0]]}" for name, m in models.items()))

# %%
figure = Figure(figsize=(9, 4), layout="constrained")
for axes, (name, model) in zip(figure.subplots(1, 2), models.items(), strict=True):
    table = nn.metrics.confusion_matrix(guess(model, X[cut:]), Y[cut:], len(EMOJI))
    axes.imshow(table, cmap="Blues")
    for i, j in np.ndindex(*table.shape):
        axes.text(j, i, int(table[i, j]), ha="center", color="C1")
    axes.set_xticks(range(5), EMOJI, fontsize=14)
    axes.set_yticks(range(5), EMOJI, fontsize=14)
    axes.set(title=f"{name}: {score[name]:.0%} right", xlabel="guessed", ylabel="meant")
figure.savefig(OUT / "emoji.png")
print("picture:", OUT / "emoji.png")

# %%
answers = {name: [guess(model, encoded(text.split()))[0] for text in (first, second)] for name, model in models.items()}
assert answers["mean"][0] == answers["mean"][1]  # cannot be otherwise
assert answers["LSTM"] == [list(EMOJI).index("☹"), list(EMOJI).index("☺")]
assert score["LSTM"] > max(0.95, score["mean"])
