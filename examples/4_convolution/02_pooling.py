# %% [markdown]
# # Pooling by hand
#
# Course 4: maximum and average of each window, their derivatives, and what pooling is good for.

# %%
import os
import pathlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import data, testing

OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# As in the course, `A_prev` is `(m, n_H, n_W, n_C)`. Each channel is pooled alone; nothing is learned.


# %%
def windows(shape: tuple[int, ...], f: int, stride: int) -> Iterator[Any]:
    """The place of each output entry, and the window of the input that it sees."""
    n_H, n_W = ((n - f) // stride + 1 for n in shape[1:3])
    for i, h, w, c in np.ndindex(shape[0], n_H, n_W, shape[3]):
        yield (i, h, w, c), (i, slice(h * stride, h * stride + f), slice(w * stride, w * stride + f), c)


def pool_forward(A_prev: np.ndarray, f: int, stride: int, mode: str) -> np.ndarray:
    n_H, n_W = ((n - f) // stride + 1 for n in A_prev.shape[1:3])
    A = np.zeros((len(A_prev), n_H, n_W, A_prev.shape[3]))
    for place, window in windows(A_prev.shape, f, stride):
        A[place] = A_prev[window].max() if mode == "max" else A_prev[window].mean()
    return A


def pool_backward(dA: np.ndarray, A_prev: np.ndarray, f: int, stride: int, mode: str) -> np.ndarray:
    """The maximum gives its gradient to the largest entry alone; the average gives a share to all."""
    dA_prev = np.zeros_like(A_prev)
    for place, window in windows(A_prev.shape, f, stride):
        a = A_prev[window]
        dA_prev[window] += dA[place] * (a == a.max() if mode == "max" else 1 / a.size)
    return dA_prev


# %% [markdown]
# Checked against the function itself, and against the layers' functions, which have the channels first.


# %%
def by_hand(A_prev: np.ndarray, cotangent: np.ndarray, f: int, stride: int, mode: str) -> np.ndarray:
    return pool_backward(cotangent, A_prev, f, stride, mode)


rng = np.random.default_rng(0)
A_prev = rng.normal(size=(2, 6, 5, 3))
for mode, layer in (("max", F.max_pool2d), ("average", F.avg_pool2d)):
    for f, stride in ((2, 2), (3, 1), (3, 2)):
        report = testing.check_derivative(
            partial(pool_forward, f=f, stride=stride, mode=mode),
            partial(by_hand, f=f, stride=stride, mode=mode),
            A_prev,
        )
        A = pool_forward(A_prev, f, stride, mode)
        other = layer(tg.asarray(A_prev).transpose(0, 3, 1, 2), f, stride).transpose(0, 2, 3, 1).data
        print(f"{mode} of {f} x {f}, stride {stride}: A {A.shape}, derivative {report.verdict}")
        assert report.verdict == "RIGHT"
        assert np.allclose(A, other, atol=1e-12)

# %% [markdown]
# Why pool? The answer changes less when the image moves by a pixel. Compare digits with themselves, one pixel to
# the right: how far apart are they, in proportion to their size, before and after pooling?

# %%
images = np.pad(data.load_digits()[0].data.astype(float), ((0, 0), (4, 4), (4, 4)))[:, None]
moved = np.roll(images, 1, axis=3)
views: dict[str, Callable[[Any], Any]] = {
    "no pooling": lambda x: x,
    "max 2 x 2": lambda x: F.max_pool2d(x, 2).data,
    "max 4 x 4": lambda x: F.max_pool2d(x, 4).data,
    "average 4 x 4": lambda x: F.avg_pool2d(x, 4).data,
}
change: dict[str, float] = {}
figure, axes = plt.subplots(2, 4, figsize=(9.5, 5), layout="constrained")
for column, (title, view) in zip(axes.T, views.items(), strict=True):
    change[title] = float(np.linalg.norm(view(moved) - view(images)) / np.linalg.norm(view(images)))
    column[0].imshow(view(images)[3, 0], cmap="gray_r")
    column[1].imshow(view(moved)[3, 0], cmap="gray_r")
    column[0].set_title(f"{title}\nchange {change[title]:.2f}")
axes[0, 0].set_ylabel("a digit")
axes[1, 0].set_ylabel("one pixel to the right")
figure.savefig(OUT / "02_pooling.png", dpi=110)
print("picture:", OUT / "02_pooling.png")
print({title: round(value, 3) for title, value in change.items()})

# %%
assert change["no pooling"] > change["max 2 x 2"] > change["max 4 x 4"]
