# %% [markdown]
# # A trigger word
#
# Course 5: a convolution and a GRU listen to a spectrum over time, and raise an alarm when the word has been said.

# %%
import os
import pathlib
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
# The sound is made: a "word" is three syllables, each a tone that glides between two pitches, of a voice that is
# higher or lower, faster or slower. The trigger word is up-down-up; the other words differ in one syllable or more.
# Three words at most come at random places of a clip of 3 seconds with noise.
# %%
RATE, SECONDS, FRAME, HOP = 4000, 3, 128, 64
WORDS = ["up down up", "up up up", "down down up", "up down down", "down up down", "up up down", "down up up"]


def word(name: str) -> np.ndarray:
    pitch, length = chance.uniform(350, 600), int(RATE * chance.uniform(0.13, 0.18))
    glide = np.linspace(1, 1.8, length)
    path = np.concatenate([pitch * (glide if part == "up" else glide[::-1]) for part in name.split()])
    phase = 2 * np.pi * np.cumsum(path) / RATE
    return np.tile(np.hanning(length), 3) * (np.sin(phase) + 0.4 * np.sin(2 * phase))


def clip() -> tuple[Any, ...]:
    """A sound, and the frames at which a trigger word ends."""
    sound, free = 0.15 * chance.normal(size=RATE * SECONDS), 0
    ends: list[int] = []
    for _ in range(3):
        name = WORDS[0] if chance.random() < 0.4 else WORDS[chance.integers(1, len(WORDS))]
        said = word(name)
        start = free + int(chance.integers(0, RATE // 2))
        free = start + len(said)
        if free > len(sound) - RATE // 4:
            break
        sound[start:free] += said
        if name == WORDS[0]:
            ends.append(free // HOP)
    return sound, ends


def spectrum(sound: np.ndarray) -> np.ndarray:
    """Short-time Fourier transform: `(frequencies, frames)`, as logarithms."""
    frames = np.lib.stride_tricks.sliding_window_view(sound, FRAME)[::HOP] * np.hanning(FRAME)
    return np.log(np.abs(np.fft.rfft(frames, axis=1)) + 0.1).T


STRIDE, AFTER = 4, 6  # the network steps over 4 frames; the label is 1 for 6 steps after the word


def data_set(m: int) -> tuple[list[tuple[Any, ...]], np.ndarray, np.ndarray]:
    clips = [clip() for _ in range(m)]
    x = np.stack([spectrum(sound) for sound, _ in clips]).astype(np.float32)
    y = np.zeros((m, (x.shape[2] - 8) // STRIDE + 1), np.float32)
    for row, (_, ends) in zip(y, clips, strict=True):
        for end in ends:
            row[end // STRIDE : end // STRIDE + AFTER] = 1
    return clips, x, y


x, y = data_set(500 if QUICK else 800)[1:]
clips, new_x, new_y = data_set(100)
print(f"spectra {x.shape} (clips, frequencies, frames); labels {y.shape}, {y.mean():.0%} of them 1")


# %%
class Listener(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv1d(x.shape[1], n, 8, stride=STRIDE, rng=rng), nn.BatchNorm1d(n)
        self.cells, self.read = nn.GRU(n, n, rng=rng), nn.Linear(n, 1, rng=rng)

    def forward(self, x: np.ndarray) -> tg.Tensor:
        z = F.relu(self.norm(self.conv(x)))  # (clips, n, steps)
        h, _ = self.cells(z.permute_dims((2, 0, 1)))  # (steps, clips, n)
        return self.read(h).squeeze(2).T


model = Listener(32)
optimizer = optim.Adam(model.parameters(), lr=0.005)
for _ in range(240 if QUICK else 600):
    chosen = chance.integers(len(x), size=32)
    loss = F.binary_cross_entropy_with_logits(model(x[chosen]), y[chosen], pos_weight=np.float32(3))
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
model.eval()
with tg.no_grad():
    p = F.sigmoid(model(new_x)).numpy()


# %% [markdown]
# An alarm is the step at which the probability comes above 0.5 and stays there for a moment. It is right if a trigger
# word ended there.
# %%
def alarms(p: Any) -> Any:
    high = (p > 0.5) & (np.roll(p, -1) > 0.5)
    return np.flatnonzero(high & ~np.r_[False, high[:-1]])


right = missed = false = 0
for (_, ends), row in zip(clips, p, strict=True):
    heard = alarms(row)
    hits = [any(-4 <= step - end // STRIDE <= AFTER for step in heard) for end in ends]
    right, missed = right + sum(hits), missed + len(hits) - sum(hits)
    false += sum(not any(-4 <= step - end // STRIDE <= AFTER for end in ends) for step in heard)
score = 2 * right / (2 * right + missed + false)
print(f"{right} trigger words heard, {missed} missed, {false} false alarms: F1 = {score:.2f}")

# %%
k = int(np.argmax([len(ends) == 1 and row.sum() > 0 for (_, ends), row in zip(clips, new_y, strict=True)]))
figure = Figure(figsize=(10, 5), layout="constrained")
top, bottom = figure.subplots(2, 1)
top.imshow(new_x[k], origin="lower", aspect="auto", extent=(0, SECONDS, 0, RATE / 2), cmap="magma")
top.set(ylabel="frequency in Hz", title="what is heard (the trigger word is up-down-up)")
time = (np.arange(len(p[k])) * STRIDE + 4) * HOP / RATE
bottom.step(time, new_y[k], where="mid", color="lightgrey", label="just after the word")
bottom.plot(time, p[k], label="probability")
bottom.set(xlim=(0, SECONDS), xlabel="seconds", ylim=(-0.05, 1.05))
bottom.legend()
figure.savefig(OUT / "trigger_word.png")
print("picture:", OUT / "trigger_word.png")

# %%
assert score > (0.7 if QUICK else 0.9)
