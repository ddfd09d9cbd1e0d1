"""Cases written after the checker and its patterns were finished, and never used to tune them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .cases import (
    AXIS,
    FACTOR,
    OVERWRITTEN,
    SIGN,
    STALE,
    TERM,
    TRANSPOSED,
    UNSUMMED,
    Case,
    Remembers,
    sigmoid,
    slope,
    softmax,
)  # fmt: skip

HELD_OUT: list[Case] = []
rng = np.random.default_rng(77)


def add(name: str, pattern: str | None, f: Any, df: Any, *inputs: Any) -> None:
    HELD_OUT.append(Case(f"{name}: {pattern or 'right'}", f, df, inputs, pattern))


def normal(*shape: int) -> Any:
    return rng.normal(size=shape)


# Attention with one head: o = softmax(q k.T / sqrt(d)) v
attend = lambda q, k, v: softmax(q @ k.T / np.sqrt(q.shape[1])) @ v


def d_attend(q, k, v, cotangent, root=None, k_side=1.0, diagonal=1.0):
    d = np.sqrt(q.shape[1])
    p = softmax(q @ k.T / d)
    dp = cotangent @ v.T
    ds = p * (dp - diagonal * np.sum(dp * p, axis=1, keepdims=True))
    return ds @ k / (root or d), k_side * ds.T @ q / d, p.T @ cotangent


QKV = normal(4, 3), normal(5, 3), normal(5, 2)
add("attention", None, attend, d_attend, *QKV)
add("attention, 1/sqrt(d)", FACTOR, attend, lambda q, k, v, cotangent: d_attend(q, k, v, cotangent, root=1), *QKV)
add("attention, dk", SIGN, attend, lambda q, k, v, cotangent: d_attend(q, k, v, cotangent, k_side=-1), *QKV)
by_diagonal = lambda q, k, v, cotangent: d_attend(q, k, v, cotangent, diagonal=0)
add("attention, softmax by its diagonal", TERM, attend, by_diagonal, *QKV)
swap_v = lambda q, k, v, cotangent: (*d_attend(q, k, v, cotangent)[:2], d_attend(q, k, v, cotangent)[2].T)
add("attention, dv", TRANSPOSED, attend, swap_v, *QKV)

# Batch norm in training mode, over the rows
batch_norm = lambda x, s, b: s * (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3) + b


def d_batch_norm(x, s, b, cotangent, mean=True, var=True):
    r = np.sqrt(x.var(0) + 1e-3)
    h = (x - x.mean(0)) / r
    g = cotangent * s
    dx = (g - mean * g.mean(0) - var * h * (g * h).mean(0)) / r
    return dx, (cotangent * h).sum(0), cotangent.sum(0)


BN = normal(5, 3), normal(3), normal(3)
add("batch norm", None, batch_norm, d_batch_norm, *BN)
add(
    "batch norm, fixed mean",
    TERM,
    batch_norm,
    lambda x, s, b, cotangent: d_batch_norm(x, s, b, cotangent, mean=False),
    *BN,
)
add(
    "batch norm, fixed variance",
    TERM,
    batch_norm,
    lambda x, s, b, cotangent: d_batch_norm(x, s, b, cotangent, var=False),
    *BN,
)
kept = lambda x, s, b, cotangent: (*d_batch_norm(x, s, b, cotangent)[:2], cotangent)
add("batch norm, shift", UNSUMMED, batch_norm, kept, *BN)
mean_s = lambda x, s, b, cotangent: (
    d_batch_norm(x, s, b, cotangent)[0],
    d_batch_norm(x, s, b, cotangent)[1] / 5,
    cotangent.sum(0),
)
add("batch norm, scale by the mean", FACTOR, batch_norm, mean_s, *BN)


# Convolution over images, one channel
def conv(x, w):
    return np.array([[np.sum(x[i : i + 2, j : j + 2] * w) for j in range(3)] for i in range(3)])


def d_conv(x, w, cotangent):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(3):
        for j in range(3):
            dx[i : i + 2, j : j + 2] += w * cotangent[i, j]
            dw += x[i : i + 2, j : j + 2] * cotangent[i, j]
    return dx, dw


def d_conv_assigned(x, w, cotangent):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(3):
        for j in range(3):
            dx[i : i + 2, j : j + 2] = w * cotangent[i, j]
            dw += x[i : i + 2, j : j + 2] * cotangent[i, j]
    return dx, dw


def d_conv_last_window(x, w, cotangent):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(3):
        for j in range(3):
            dx[i : i + 2, j : j + 2] += w * cotangent[i, j]
            dw = x[i : i + 2, j : j + 2] * cotangent[i, j]
    return dx, dw


IMAGE = normal(4, 4), normal(2, 2)
add("convolution", None, conv, d_conv, *IMAGE)
add("convolution, dx", OVERWRITTEN, conv, d_conv_assigned, *IMAGE)
add("convolution, dw", OVERWRITTEN, conv, d_conv_last_window, *IMAGE)
add(
    "convolution, kernel",
    TRANSPOSED,
    conv,
    lambda x, w, cotangent: (d_conv(x, w, cotangent)[0], d_conv(x, w, cotangent)[1].T),
    *IMAGE,
)
add(
    "convolution, image",
    SIGN,
    conv,
    lambda x, w, cotangent: (-d_conv(x, w, cotangent)[0], d_conv(x, w, cotangent)[1]),
    *IMAGE,
)

# Losses
huber = lambda x: np.sum(np.where(np.abs(x) < 1, 0.5 * x**2, np.abs(x) - 0.5))
add("huber", None, huber, lambda x, cotangent: cotangent * np.clip(x, -1, 1), normal(6) * 2)
add("huber", SIGN, huber, lambda x, cotangent: -cotangent * np.clip(x, -1, 1), normal(6) * 2)
add("huber, not clipped", TERM, huber, lambda x, cotangent: cotangent * x, normal(6) * 2)
triplet = lambda a, p, n: np.sum(np.maximum(np.sum((a - p) ** 2, 1) - np.sum((a - n) ** 2, 1) + 5, 0))
d_triplet = lambda a, p, n, cotangent: (2 * cotangent * (n - p), -2 * cotangent * (a - p), 2 * cotangent * (a - n))
APN = normal(3, 2) / 3, normal(3, 2) / 3, normal(3, 2) / 3
add("triplet loss", None, triplet, d_triplet, *APN)
add(
    "triplet loss, negatives",
    SIGN,
    triplet,
    lambda a, p, n, cotangent: (*d_triplet(a, p, n, cotangent)[:2], -2 * cotangent * (a - n)),
    *APN,
)
add(
    "triplet loss, 2s",
    FACTOR,
    triplet,
    lambda a, p, n, cotangent: (cotangent * (n - p), -cotangent * (a - p), cotangent * (a - n)),
    *APN,
)
add(
    "triplet loss, anchor",
    TERM,
    triplet,
    lambda a, p, n, cotangent: (2 * cotangent * (a - p), *d_triplet(a, p, n, cotangent)[1:]),
    *APN,
)
t = (rng.random(7) > 0.5) * 1.0
bce = lambda z: np.mean(np.log1p(np.exp(z)) - t * z)
add("cross entropy of logits", None, bce, lambda z, cotangent: cotangent * (sigmoid(z) - t) / 7, normal(7))
add("cross entropy of logits, m", FACTOR, bce, lambda z, cotangent: cotangent * (sigmoid(z) - t), normal(7))
add("cross entropy of logits, labels", TERM, bce, lambda z, cotangent: cotangent * sigmoid(z) / 7, normal(7))
cosine = lambda a, b: np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b))
d_cosine = lambda a, b: b / np.sqrt(np.sum(a * a) * np.sum(b * b)) - cosine(a, b) * a / np.sum(a * a)
AB = normal(4), normal(4)
add(
    "cosine similarity",
    None,
    cosine,
    lambda a, b, cotangent: (cotangent * d_cosine(a, b), cotangent * d_cosine(b, a)),
    *AB,
)
norms = lambda a, b: np.sqrt(np.sum(a * a) * np.sum(b * b))
fixed = lambda a, b, cotangent: (cotangent * b / norms(a, b), cotangent * d_cosine(b, a))
add("cosine similarity, norms fixed", TERM, cosine, fixed, *AB)
penalty = lambda w: np.sum(np.tanh(w)) + 0.01 * np.sum(w**2)
add("weight decay left out", TERM, penalty, lambda w, cotangent: cotangent * (1 - np.tanh(w) ** 2), normal(3, 2))
add(
    "weight decay subtracted",
    TERM,
    penalty,
    lambda w, cotangent: cotangent * (1 - np.tanh(w) ** 2 - 0.02 * w),
    normal(3, 2),
)

# Shapes
gram = lambda x: x.T @ x
add("gram matrix", None, gram, lambda x, cotangent: x @ (cotangent + cotangent.T), normal(4, 3))
add("gram matrix, one half", TERM, gram, lambda x, cotangent: x @ cotangent, normal(4, 3))
pairwise = lambda x: np.sum((x[:, None] - x[None]) ** 2)
add("pairwise distances", None, pairwise, lambda x, cotangent: cotangent * 4 * (len(x) * x - x.sum(0)), normal(5, 2))
add(
    "pairwise distances, once",
    FACTOR,
    pairwise,
    lambda x, cotangent: cotangent * 2 * (len(x) * x - x.sum(0)),
    normal(5, 2),
)
add(
    "row scale",
    UNSUMMED,
    lambda x, s: x * s[:, None],
    lambda x, s, cotangent: (cotangent * s[:, None], cotangent * x),
    normal(3, 4),
    normal(3),
)
add(
    "row scale, square",
    AXIS,
    lambda x, s: x * s[:, None],
    lambda x, s, cotangent: (cotangent * s[:, None], (cotangent * x).sum(0)),
    normal(4, 4),
    normal(4),
)
add(
    "column means, square",
    TRANSPOSED,
    lambda x: (x.T @ x)[0],
    lambda x, cotangent: (np.outer(x @ cotangent, np.eye(3)[0]) + np.outer(x[:, 0], cotangent)).T,
    normal(3, 3),
)
add(
    "channel bias",
    UNSUMMED,
    lambda x, b: x + b[:, None, None],
    lambda x, b, cotangent: (cotangent, cotangent.sum((0, 2))),
    normal(2, 3, 2, 2),
    normal(3),
)
add(
    "channel bias, of all",
    AXIS,
    lambda x, b: x + b[:, None, None],
    lambda x, b, cotangent: (cotangent, np.full(3, cotangent.sum())),
    normal(2, 3, 2, 2),
    normal(3),
)
add(
    "kron",
    SIGN,
    lambda a: np.kron(a, np.arange(1.0, 3.0)),
    lambda a, cotangent: -(cotangent.reshape(-1, 2) @ np.arange(1.0, 3.0)),
    normal(4),
)
rows = np.array([1, 1, 0, 3])


def d_rows(x, cotangent):
    dx = np.zeros_like(x)
    for k, r in enumerate(rows):
        dx[r] = cotangent[k]
    return dx


add("rows taken twice", OVERWRITTEN, lambda x: x[rows] * 1.0, d_rows, normal(4, 2))


def d_shared(x, cotangent):
    dx = cotangent * (1 - np.tanh(x) ** 2) * np.exp(x)
    dx = cotangent * np.tanh(x) * np.exp(x)
    return dx


add("tanh(x) exp(x)", OVERWRITTEN, lambda x: np.tanh(x) * np.exp(x), d_shared, normal(5))
add("swish kept", STALE, lambda x: x * sigmoid(x), Remembers(lambda x: sigmoid(x) * (1 + x * sigmoid(-x))), normal(3))
add("square kept", STALE, lambda x: x * x, Remembers(lambda x: 2 * x), normal(2, 2))
add("degrees", FACTOR, lambda x: np.sin(np.deg2rad(x)), slope(lambda x: np.cos(np.deg2rad(x))), 30 * normal(4))
add("log2", FACTOR, np.log2, slope(lambda x: 1 / x), np.abs(normal(4)) + 0.1)
add("10**x", FACTOR, lambda x: 10.0**x, slope(lambda x: 10.0**x), normal(4))
add("arccos", SIGN, np.arccos, slope(lambda x: 1 / np.sqrt(1 - x * x)), np.array([0.3, -0.6, 0.9]))
add("erf-like", TERM, lambda x: np.exp(-x * x) * x, slope(lambda x: np.exp(-x * x) * (1 - 2 * x)), normal(4))
