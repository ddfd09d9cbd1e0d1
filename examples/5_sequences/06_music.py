# %% [markdown]
# # Music as a sequence of notes
#
# Course 5: an LSTM learns tunes note by note, then composes one; the tune is drawn as a piano roll and saved as sound.

# %%
import os
import pathlib
import wave

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
# The tunes are made by a grammar that the network does not know: eight bars over one of three rows of chords; the
# first and third note of a bar belong to the chord, the others lead to them by steps of the scale; C at the end.
# %%
SCALE = np.array([60 + 12 * octave + step for octave in (0, 1) for step in (0, 2, 4, 5, 7, 9, 11)])  # C major, MIDI
CHORDS = {"C": (0, 2, 4), "Dm": (1, 3, 5), "F": (3, 5, 0), "G": (4, 6, 1), "Am": (5, 0, 2)}  # as steps of the scale
SONGS = ("C Am F G C F G C", "C F C G Am Dm G C", "Am F C G Am F G C")


def tune():
    """32 notes, numbered 0 to 13 along the scale."""
    notes, at = [], int(chance.integers(4, 9))
    for chord in SONGS[chance.integers(3)].split():
        for _ in range(2):
            near = sorted((k for k in range(14) if k % 7 in CHORDS[chord] and k != at), key=lambda k: abs(k - at))
            at = near[chance.integers(2)]
            notes += [at, int(np.clip(at + chance.choice((-1, 1)), 0, 13))]
            at = notes[-1]
    return [*notes[:-2], 6 if notes[-3] < 7 else 8, 7]


START = 14
tunes = np.array([[START, *tune()] for _ in range(600)])
train, test = tunes[:500], tunes[500:]


# %%
class Composer(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.embed, self.cells = nn.Embedding(15, 16, rng=rng), nn.LSTM(16, n, batch_first=True, rng=rng)
        self.read = nn.Linear(n, 14, rng=rng)

    def forward(self, x, state=None):
        h, state = self.cells(self.embed(x), state)
        return self.read(h), state


def loss_of(tunes):
    return F.cross_entropy(model(tunes[:, :-1])[0].reshape(-1, 14), tunes[:, 1:].reshape(-1))


model = Composer(64)
optimizer, curve = optim.Adam(model.parameters(), lr=0.01), []
for step in range(120 if QUICK else 300):
    loss = loss_of(train[chance.integers(len(train), size=32)])
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if step % 10 == 9:
        with tg.no_grad():
            curve.append((step + 1, loss_of(test).item() / np.log(2)))

counts = np.full((15, 14), 0.1)
np.add.at(counts, (train[:, :-1], train[:, 1:]), 1)
pairs = -np.log2((counts / counts.sum(axis=1, keepdims=True))[test[:, :-1], test[:, 1:]]).mean()
print(f"bits per note of new tunes: pairs of notes {pairs:.2f}, LSTM {curve[-1][1]:.2f}, guessing {np.log2(14):.2f}")


# %%
def compose(temperature=0.6):
    notes, state = [START], None
    with tg.no_grad():
        for _ in range(32):
            score, state = model(np.array([notes[-1:]]), state)
            notes.append(chance.choice(14, p=F.softmax(score[0, 0].astype(np.float64) / temperature).numpy()))
    return np.array(notes[1:])


def in_chords(song):
    """The share of strong notes that belong to their chord, in that of the three rows that fits best."""
    fits = [
        [k % 7 in CHORDS[chord] for chord, k in zip(np.repeat(row.split(), 2), song[::2], strict=True)] for row in SONGS
    ]
    return np.mean(fits, axis=1).max()


songs = [compose() for _ in range(20)]
by_pairs = np.full((20, 33), START)
for song in by_pairs:
    for t in range(32):
        p = counts[song[t]] ** (1 / 0.6)
        song[t + 1] = chance.choice(14, p=p / p.sum())
fit, pairs_fit = (np.mean([in_chords(song) for song in group]) for group in (songs, by_pairs[:, 1:]))
print(f"strong notes that belong to a row of chords: LSTM {fit:.0%}, composed by pairs of notes {pairs_fit:.0%}")

time = np.arange(4000) / 16000  # a quarter of a second for each note
sound = [np.sin(2 * np.pi * 440 * 2 ** ((SCALE[k] - 69) / 12) * time) * np.exp(-6 * time) for k in songs[0]]
with wave.open(str(OUT / "tune.wav"), "wb") as file:
    file.setparams((1, 2, 16000, 0, "NONE", ""))
    file.writeframes((np.concatenate(sound) * 20000).astype("<i2").tobytes())

# %%
figure = Figure(figsize=(10, 5), layout="constrained")
top, bottom = figure.subplots(2, 1, height_ratios=(1.2, 1))
for t, k in enumerate(songs[0]):
    top.broken_barh([(t + 0.05, 0.9)], (k - 0.4, 0.8), color="C0" if t % 2 == 0 else "C1")
top.set_yticks(range(14), list("CDEFGAB") * 2)
top.set(xlim=(0, 32), xticks=range(0, 33, 4), xlabel="note (lines: bars)", title="a tune that the network composed")
top.grid(axis="x")
bottom.plot(*zip(*curve, strict=True), label="LSTM, new tunes")
bottom.axhline(pairs, color="black", linestyle="--", label="pairs of notes")
bottom.set(xlabel="step", ylabel="bits per note")
bottom.legend()
figure.savefig(OUT / "music.png")

# %%
assert curve[-1][1] < pairs - 0.1
assert fit > pairs_fit + (0.05 if QUICK else 0.15)
