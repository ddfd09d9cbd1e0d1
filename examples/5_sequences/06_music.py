# %% [markdown]
# # Music as a sequence of notes
#
# Course 5: an LSTM learns Bach's tunes note by note, then composes one, drawn as a piano roll and saved as sound.

# %%
import os
import pathlib
import wave
from typing import Any, cast

import numpy as np
from matplotlib.figure import Figure
from music21 import converter, corpus, environment

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
rng, chance = tg.random.default_rng(0), np.random.default_rng(0)

# %% [markdown]
# The tunes are the sopranos of Bach's chorales, from the scores that music21 ships, moved to the key without sharps
# and flats; rhythm is left out. Bach set many a tune several times: one that shares ten notes in a row with a tune that
# was taken before is left out, so that a new tune is new.
# %%
LOW, HIGH, LENGTH = 53, 79, 64  # F below middle C to G; of longer tunes the start
END = HIGH - LOW + 1  # the sign that ends a tune; it starts one too
environment.Environment()["directoryScratch"] = str(OUT)  # type: ignore[no-untyped-call]


def soprano(path: Any) -> Any:
    """The notes of the highest voice, numbered from LOW on."""
    score: Any = converter.parse(path, forceSource=True)
    part = score.parts[0]
    key = part.flatten().getElementsByClass("KeySignature").first()
    if part.id != "Soprano" or key is None:  # some scores are not of chorales
        return []
    return [note.pitch.midi - 7 * key.sharps % 12 - LOW for note in part.flatten().notes if note.isNote]


tunes: list[list[int]] = []
heard: set[tuple[int, ...]] = set()
known = sorted(str(path) for path in cast(list[pathlib.Path], corpus.getComposer("bach")) if path.suffix == ".mxl")
for path in chance.permutation(known).tolist()[: 40 if QUICK else 390]:
    notes = soprano(path)
    runs = {tuple(notes[k : k + 10]) for k in range(len(notes) - 9)}
    if runs and not runs & heard and min(notes) >= 0 and max(notes) <= HIGH - LOW:
        tunes.append([END, *notes, END])
        heard |= runs
n = len(tunes) // 6
print(f"{len(tunes)} different tunes, of which {n} are kept for the test")


def encoded(tunes: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """`x<t>` and `y<t> = x<t+1>`, `(tunes, LENGTH)`; -100 marks what comes after the end, and is not counted."""
    full = np.array([(tune + [-100] * LENGTH)[: LENGTH + 1] for tune in tunes])
    return np.maximum(full[:, :-1], 0), full[:, 1:]


train, test = encoded(tunes[n:]), encoded(tunes[:n])


# %%
class Composer(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.embed, self.cells = nn.Embedding(END + 1, 16, rng=rng), nn.LSTM(16, n, batch_first=True, rng=rng)
        self.drop, self.read = nn.Dropout(0.3, rng=rng), nn.Linear(n, END + 1, rng=rng)

    def forward(self, x: np.ndarray, state: Any = None) -> tuple[Any, ...]:
        h, state = self.cells(self.embed(x), state)
        return self.read(self.drop(h)), state


def loss_of(x: np.ndarray, y: np.ndarray) -> tg.Tensor:
    return F.cross_entropy(model(x)[0].reshape(-1, END + 1), y.reshape(-1))


model = Composer(48)
optimizer = optim.Adam(model.parameters(), lr=0.01)
curve = list[tuple[float, float]]()
for step in range(60 if QUICK else 240):
    chosen = chance.integers(len(train[0]), size=32)
    loss = loss_of(train[0][chosen], train[1][chosen])
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if step % 10 == 9:
        model.eval()
        with tg.no_grad():
            curve.append((step + 1, loss_of(*test).item() / np.log(2)))
        model.train()
model.eval()

counts = np.full((END + 1, END + 1), 0.1)
(x, y), (u, v) = ((x[y >= 0], y[y >= 0]) for x, y in (train, test))
np.add.at(counts, (x, y), 1)
pairs = -np.log2((counts / counts.sum(axis=1, keepdims=True))[u, v]).mean()
print(f"bits per note of new tunes: LSTM {curve[-1][1]:.2f}, pairs of notes {pairs:.2f}, guess {np.log2(END + 1):.2f}")


# %%
def compose(temperature: float = 0.8) -> np.ndarray:
    notes, state = [END], None
    with tg.no_grad():
        while len(notes) <= LENGTH and (len(notes) == 1 or notes[-1] != END):
            score, state = model(np.array([notes[-1:]]), state)
            notes.append(chance.choice(END + 1, p=F.softmax(score[0, 0].astype(np.float64) / temperature).numpy()))
    return np.array([note for note in notes if note != END])


songs = [compose() for _ in range(20)]
song = max(songs[:5], key=len)
in_scale = np.mean(np.isin((np.concatenate(songs) + LOW) % 12, (0, 2, 4, 5, 7, 9, 11)))
print(f"of the notes it composes {in_scale:.0%} belong to the scale")

time = np.arange(6000) / 16000  # three eighths of a second for each note
sound = [np.sin(2 * np.pi * 440 * 2 ** ((k + LOW - 69) / 12) * time) * np.exp(-5 * time) for k in song]
with wave.open(str(OUT / "tune.wav"), "wb") as file:
    file.setparams((1, 2, 16000, 0, "NONE", ""))
    file.writeframes((np.concatenate(sound) * 20000).astype("<i2").tobytes())

# %%
figure = Figure(figsize=(10, 6), layout="constrained")
top, bottom = figure.subplots(2, 1, height_ratios=(1.4, 1))
for t, k in enumerate(song):
    top.broken_barh([(t + 0.05, 0.9)], (k + LOW - 0.4, 0.8))
white = [k for k in range(min(song) + LOW - 1, max(song) + LOW + 2) if k % 12 in (0, 2, 4, 5, 7, 9, 11)]
top.set_yticks(white, ["C D EF G A B"[k % 12] for k in white])
top.set(xlim=(0, len(song)), xlabel="note", title="a tune that the network composed")
bottom.plot(*np.array(curve).T, label="LSTM, new tunes")
bottom.axhline(pairs, color="black", linestyle="--", label="pairs of notes")
bottom.set(xlabel="step", ylabel="bits per note")
bottom.legend()
figure.savefig(OUT / "music.png")
print("picture:", OUT / "music.png")

# %%
assert curve[-1][1] < pairs - (0.02 if QUICK else 0.05)
assert in_scale > 0.8
