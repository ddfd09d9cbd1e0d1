"""Kernels for the tests of `check_kernel`: a right one, and for each law one that breaks it."""

import numpy as np


def forward(x, w):
    y = np.tanh(x @ w)
    return y, (x, w, y)


def backward(dy, cache):
    x, w, y = cache
    dz = dy * (1 - y * y)
    return dz @ w.T, x.T @ dz


def contiguous(dy, cache):
    dy = np.lib.stride_tricks.as_strided(dy, dy.shape, np.empty(dy.shape).strides)
    return backward(dy, cache)


def contiguous_input(dy, cache):
    x, _, y = cache
    dw = x.ravel(order="K").reshape(x.shape).T @ (dy * (1 - y * y))
    return backward(dy, cache)[0], dw


def writing(dy, cache):
    x, w, y = cache
    dy *= 1 - y * y
    return dy @ w.T, x.T @ dy


def writing_input(dy, cache):
    x = cache[0]
    gradients = backward(dy, cache)
    x *= 0
    return gradients


KEPT = {}


def adding(dy, cache):
    dx, dw = backward(dy, cache)
    KEPT[dw.shape] = KEPT.get(dw.shape, 0) + dw
    return dx, KEPT[dw.shape]


def reusing(dy, cache):
    dx, dw = backward(dy, cache)
    buffer = KEPT.setdefault(("buffer", dw.shape), np.empty(dw.shape))
    buffer[...] = dw
    return dx, buffer


def remembering(x, w):
    KEPT["x"] = x
    return forward(x, w)


def remembered(dy, cache):
    return backward(dy, (KEPT["x"], *cache[1:]))


def squaring(dy, cache):
    dx, dw = backward(dy, cache)
    return dx * np.abs(dy).sum() / np.abs(dy).sum() ** 0.5, dw


def squeezing(dy, cache):
    dx, dw = backward(dy, cache)
    return dx.squeeze(), dw


def not_empty(dy, cache):
    dx, dw = backward(dy, cache)
    return dx, dw / len(dy) * len(dy)


def in_place(x, y):
    return x * y, (x, y)


def one_array(dy, cache):
    x, y = cache
    dx, dy_ = dy * y, np.array(dy)
    return (dx, dy_ * x) if x is not y else (dx, dy_ * 0)


def cancelling(x):
    return np.sum(x * x)


def cancelled(x):
    big = x.dtype.type(1e8)
    return (2 * x + big) - big
