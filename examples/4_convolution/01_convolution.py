# %% [markdown]
# # Convolution by hand
#
# Course 4: a filter slides over the image; four loops, their derivative, and the layer that does the same at once.

# %%
import os
import pathlib
import time
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import data, testing

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# In the course's notation the images are `A_prev (m, n_H, n_W, n_C)`, the filters `W (f, f, n_C_prev, n_C)`, and
# the output has the height `n_H = floor((n_H_prev + 2 pad - f) / stride) + 1`.


# %%
def conv_forward(A_prev: np.ndarray, W: np.ndarray, b: np.ndarray, stride: int, pad: int) -> np.ndarray:
    A_pad = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    f, n_C = W.shape[0], W.shape[3]
    n_H, n_W = ((n + 2 * pad - f) // stride + 1 for n in A_prev.shape[1:3])
    Z = np.zeros((len(A_prev), n_H, n_W, n_C))
    for i in range(len(A_prev)):
        for h in range(n_H):
            for w in range(n_W):
                window = A_pad[i, h * stride : h * stride + f, w * stride : w * stride + f]
                for c in range(n_C):
                    Z[i, h, w, c] = np.sum(window * W[..., c]) + b[c]
    return Z


def conv_backward(dZ: np.ndarray, A_prev: np.ndarray, W: np.ndarray, stride: int, pad: int) -> tuple[np.ndarray, ...]:
    """Each output entry gives its gradient to the window that it came from, and to the filter."""
    A_pad = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    dA_pad, dW, f = np.zeros_like(A_pad), np.zeros_like(W), W.shape[0]
    for i, h, w, c in np.ndindex(dZ.shape):
        rows, columns = slice(h * stride, h * stride + f), slice(w * stride, w * stride + f)
        dA_pad[i, rows, columns] += W[..., c] * dZ[i, h, w, c]
        dW[..., c] += A_pad[i, rows, columns] * dZ[i, h, w, c]
    inside = slice(pad, dA_pad.shape[1] - pad), slice(pad, dA_pad.shape[2] - pad)
    return dA_pad[:, inside[0], inside[1]], dW, dZ.sum(axis=(0, 1, 2))


# %% [markdown]
# The hand-written derivative is compared with the function itself; and the loops with the layer's function
# `F.conv2d`, which takes images as (batch, channels, height, width) and filters as (out, in, height, width).


# %%
def conv_layer(A_prev: np.ndarray, W: np.ndarray, b: np.ndarray, stride: int, pad: int) -> tg.Tensor:
    x, weight = tg.asarray(A_prev).transpose(0, 3, 1, 2), tg.asarray(W).transpose(3, 2, 0, 1)
    return F.conv2d(x, weight, b, stride=stride, padding=pad).transpose(0, 2, 3, 1)


def by_hand(A_prev: np.ndarray, W: np.ndarray, b: np.ndarray, cotangent: np.ndarray, **how: int) -> Any:
    return conv_backward(cotangent, A_prev, W, **how)


rng = np.random.default_rng(0)
A_prev, W, b = rng.normal(size=(2, 5, 6, 2)), rng.normal(size=(3, 3, 2, 3)), rng.normal(size=3)
for stride, pad in ((1, 0), (1, 1), (2, 1), (2, 0)):
    report = testing.check_derivative(
        partial(conv_forward, stride=stride, pad=pad),
        partial(by_hand, stride=stride, pad=pad),
        A_prev, W, b,
    )  # fmt: skip
    Z, layer = conv_forward(A_prev, W, b, stride, pad), conv_layer(A_prev, W, b, stride, pad).data
    print(f"stride {stride}, pad {pad}: Z {Z.shape}, derivative {report.verdict}")
    assert report.verdict == "RIGHT"
    assert np.allclose(Z, layer, atol=1e-12)

# %% [markdown]
# The layer does no loop over pixels: it lays all windows side by side and multiplies once.

# %%
images = data.load_digits()[0].data[: 20 if QUICK else 200, :, :, None].astype(float)
filters, zeros = rng.normal(size=(3, 3, 1, 4)), np.zeros(4)
clocks = [time.perf_counter()]
answers: list[np.ndarray] = []
for convolve in (conv_forward, conv_layer):
    answers.append(np.asarray(convolve(images, filters, zeros, 1, 1)))
    clocks.append(time.perf_counter())
slow, quick = np.diff(clocks)
print(f"{len(images)} digits: loops {slow:.3f} s, layer {quick:.4f} s, {slow / quick:.0f} times faster")
assert np.allclose(answers[0], answers[1], atol=1e-12)

# %% [markdown]
# What a filter sees: a vertical edge detector answers where brightness changes from left to right.

# %%
edge = np.array([[1.0, 0, -1]] * 3)[:, :, None, None]
picture = np.zeros((1, 24, 24, 1))
picture[0, 4:20, 4:12] = 1
picture[0, 10:20, 12:20] = 0.5
cases = {"valid (24 to 22)": (edge, 1, 0), "same: pad 1 (24 to 24)": (edge, 1, 1), "stride 2 (24 to 11)": (edge, 2, 0)}
cases["horizontal edges"] = (edge.transpose(1, 0, 2, 3), 1, 1)
figure, axes = plt.subplots(1, 5, figsize=(13, 3), layout="constrained")
axes[0].imshow(picture[0, :, :, 0], cmap="gray")
axes[0].set_title("image")
for axis, (title, (kernel, stride, pad)) in zip(axes[1:], cases.items(), strict=True):
    axis.imshow(conv_layer(picture, kernel, np.zeros(1), stride, pad).data[0, :, :, 0], "RdBu", vmin=-3, vmax=3)
    axis.set_title(title)
figure.colorbar(axes[1].images[0], ax=axes, label="answer of the filter", shrink=0.8)
figure.savefig(OUT / "01_convolution.png", dpi=110)
print("picture:", OUT / "01_convolution.png")
