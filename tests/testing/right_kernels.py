"""Right kernels of many kinds, for the tests of `check_kernel`: none may be called wrong."""

import numpy as np

rng = np.random.default_rng(9)


def batch_norm(x, gamma, beta):
    mean, var = x.mean(0), x.var(0)
    hat = (x - mean) / np.sqrt(var + 1e-5)
    return gamma * hat + beta, (hat, gamma, var)


def batch_norm_backward(dout, cache):
    hat, gamma, var = cache
    g = dout * gamma
    dx = (g - g.mean(0) - hat * np.mean(g * hat, axis=0)) / np.sqrt(var + 1e-5)
    return dx, np.sum(dout * hat, axis=0), np.sum(dout, axis=0)


def layer_norm(x, w):
    hat = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return hat * w, (x, hat, w)


def layer_norm_backward(dout, cache):
    x, hat, w = cache
    g = dout * w
    dx = g - g.mean(-1, keepdims=True) - hat * np.mean(g * hat, axis=-1, keepdims=True)
    return dx / np.sqrt(x.var(-1, keepdims=True) + 1e-5), np.sum(dout * hat, axis=tuple(range(x.ndim - 1)))


def cross_entropy(logits, labels):
    e = np.exp(logits - np.max(logits.real, axis=-1, keepdims=True))
    p = e / e.sum(-1, keepdims=True)
    return -np.mean(np.log(p[np.arange(len(labels)), labels])), (p, labels)


def cross_entropy_backward(cache):
    p, labels = cache
    d = p.copy()
    d[np.arange(len(labels)), labels] -= 1
    return d / len(labels)


def embedding(table, index):
    return table[index], (table.shape, index)


def embedding_backward(dout, cache):
    shape, index = cache
    d = np.zeros(shape, dtype=dout.dtype)
    np.add.at(d, index, dout)
    return d


def max_pool(x):
    return np.maximum(x[..., 0::2], x[..., 1::2]), x


def max_pool_backward(dout, x):
    first = x[..., 0::2] >= x[..., 1::2]
    d = np.zeros(x.shape, dtype=dout.dtype)
    d[..., 0::2], d[..., 1::2] = dout * first, dout * ~first
    return d


def cell(x, h, w, u):
    a = np.tanh(x @ w + h @ u)
    return a, (x, h, w, u, a)


def cell_backward(dout, cache):
    x, h, w, u, a = cache
    d = dout * (1 - a * a)
    return d @ w.T, d @ u.T, x.T @ d, h.T @ d


def identity(x):
    return x


def identity_backward(dout):
    return dout


def added(x, y):
    return x + y


def added_backward(dout):
    return dout, dout


def norm(x):
    return np.sqrt(np.sum(x * x)), x


def norm_backward(dout, x):
    return dout * x / np.sqrt(np.sum(x * x))


def cumulative(x):
    return np.cumsum(x, axis=0)


def cumulative_backward(dout):
    return np.cumsum(dout[::-1], axis=0)[::-1]


def low(*shape):
    return rng.standard_normal(shape).astype(np.float32)


KERNELS = [
    (batch_norm, batch_norm_backward, (rng.standard_normal((5, 3)), rng.standard_normal(3), rng.standard_normal(3))),
    (batch_norm, batch_norm_backward, (low(5, 3), low(3), low(3))),
    (layer_norm, layer_norm_backward, (rng.standard_normal((2, 4)), rng.standard_normal(4))),
    (layer_norm, layer_norm_backward, (low(2, 3, 4), low(4))),
    (cross_entropy, cross_entropy_backward, (rng.standard_normal((4, 3)), np.array([0, 2, 1, 2]))),
    (embedding, embedding_backward, (rng.standard_normal((5, 2)), np.array([0, 3, 3]))),
    (max_pool, max_pool_backward, (rng.standard_normal((2, 6)),)),
    (cell, cell_backward, tuple(rng.standard_normal(s) for s in ((2, 3), (2, 4), (3, 4), (4, 4)))),
    (cell, cell_backward, (low(2, 3), low(2, 4), low(3, 4), low(4, 4))),
    (identity, identity_backward, (rng.standard_normal((2, 3)),)),
    (added, added_backward, (rng.standard_normal(3), rng.standard_normal(3))),
    (norm, norm_backward, (rng.standard_normal(4),)),
    (cumulative, cumulative_backward, (rng.standard_normal((4, 2)),)),
]
