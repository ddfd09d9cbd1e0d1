"""Networks written by hand in several styles, whose lines can be broken: what is wrong is often a helper value, a method of
an object in a list, a returned variable, or a number that only an index or a shape comes from."""

import numpy as np

FAULTS = [  # (network, the line that is right, the line that is wrong)
    ("attention", "inner = np.sum(dp * p, axis=-1, keepdims=True)", "inner = -np.sum(dp * p, axis=-1, keepdims=True)"),
    ("attention", "return p * (dp - inner)", "return p * (dp + inner)"),
    ("attention", "scale = 1 / np.sqrt(q.shape[-1])", "scale = 2 / np.sqrt(q.shape[-1])"),
    ("attention", "return dq, dk, dv", "return dq, dk, dk"),
    ("attention", "dv = p.swapaxes(-1, -2) @ do", "dv = 2 * p.swapaxes(-1, -2) @ do"),
    ("norm", "m1 = dn.mean(-1, keepdims=True)", "m1 = -dn.mean(-1, keepdims=True)"),
    ("norm", "m2 = (dn * n).mean(-1, keepdims=True)", "m2 = (dn * n).sum(-1, keepdims=True)"),
    ("norm", "dx = rstd * (dn - m1 - n * m2)", "dx = rstd * (dn - m1 - n * m1)"),
    ("layers", "dx = g * self.s + ds * self.s * (1 - self.s)", "dx = g * self.s - ds * self.s * (1 - self.s)"),
    ("layers", "self.db = g.sum(axis=0)", "self.db = 2 * g.sum(axis=0)"),
    ("layers", "g = 2 * y / len(y)", "g = 2 * y"),
    ("leaky", "mask = np.where(a > 0, 1.0, 0.1)", "mask = np.where(a > 0, 1.0, 0.2)"),
    ("leaky", "da = dh * mask", "da = dh * mask * 2"),
    ("leaky", "n = len(x)", "n = 2 * len(x)"),
    ("chain", "p = np.exp(m - (alpha[t] - emit[t])[None, :])", "p = np.exp(m - (alpha[t] + emit[t])[None, :])"),
    ("chain", "m = alpha[t - 1][:, None] + trans", "m = alpha[t - 1][:, None] - trans"),
    ("chain", "for t in range(len(emit) - 1, 0, -1):", "for t in range(len(emit) - 1, 1, -1):"),
    ("recurrent", "carry = carry * a[t]", "carry = carry"),
    ("recurrent", "da[t] = carry * xs[t]", "da[t] = carry * xs[t + 1]"),
    ("descent", "coef = -y * s / len(y)", "coef = y * s / len(y)"),
    ("descent", "grad = grad + 0.02 * w", "grad = grad - 0.02 * w"),
]


def attention(q, k, v):
    s = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    return p @ v, (q, k, v, p)


def softmax_back(dp, p):
    inner = np.sum(dp * p, axis=-1, keepdims=True)
    return p * (dp - inner)


def attention_back(do, cache):
    q, k, v, p = cache
    scale = 1 / np.sqrt(q.shape[-1])
    dv = p.swapaxes(-1, -2) @ do
    dp = do @ v.swapaxes(-1, -2)
    ds = softmax_back(dp, p)
    dq = ds @ k * scale
    dk = ds.swapaxes(-1, -2) @ q * scale
    return dq, dk, dv


def norm(x, gamma):
    mean = x.mean(-1, keepdims=True)
    rstd = (x.var(-1, keepdims=True) + 1e-6) ** -0.5
    n = (x - mean) * rstd
    return n * gamma, (n, rstd, gamma)


def norm_back(dy, cache):
    n, rstd, gamma = cache
    dgamma = (dy * n).sum(axis=(0, 1))
    dn = dy * gamma
    m1 = dn.mean(-1, keepdims=True)
    m2 = (dn * n).mean(-1, keepdims=True)
    dx = rstd * (dn - m1 - n * m2)
    return dx, dgamma


class Linear:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, g):
        self.dW = self.x.T @ g
        self.db = g.sum(axis=0)
        return g @ self.W.T


class Swish:
    def forward(self, x):
        self.x, self.s = x, 1 / (1 + np.exp(-x))
        return x * self.s

    def backward(self, g):
        ds = g * self.x
        dx = g * self.s + ds * self.s * (1 - self.s)
        return dx


class Net:
    def __init__(self, *layers):
        self.layers = layers


def layers(x, W1, b1, W2, b2):
    net, y = Net(Linear(W1, b1), Swish(), Linear(W2, b2)), x
    for layer in net.layers:
        y = layer.forward(y)
    return np.sum(y**2) / len(x), (net, y)


def layers_back(cache):
    net, y = cache
    g = 2 * y / len(y)
    for layer in reversed(net.layers):
        g = layer.backward(g)
    first, _, last = net.layers
    return {"dx": g, "dW1": first.dW, "db1": first.db, "dW2": last.dW, "db2": last.db}


def leaky(x, w):
    a = x @ w
    return np.mean(np.sum(np.maximum(a, 0.1 * a) ** 2, axis=1)), (x, w, a)


def leaky_back(cache):
    x, w, a = cache
    n = len(x)
    h = np.maximum(a, 0.1 * a)
    dh = 2 * h / n
    mask = np.where(a > 0, 1.0, 0.1)
    da = dh * mask
    return da @ w.T, x.T @ da


def chain(emit, trans):
    alpha = np.zeros(emit.shape)
    alpha[0] = emit[0]
    for t in range(1, len(emit)):
        m = trans + alpha[t - 1][:, None]
        alpha[t] = emit[t] + np.log(np.sum(np.exp(m), axis=0))
    total = np.log(np.sum(np.exp(alpha[-1])))
    return total, (emit, trans, alpha, total)


def chain_back(cache):
    emit, trans, alpha, total = cache
    demit, dtrans = np.zeros_like(emit), np.zeros_like(trans)
    dalpha = np.exp(alpha[-1] - total)
    for t in range(len(emit) - 1, 0, -1):
        demit[t] = dalpha
        m = alpha[t - 1][:, None] + trans
        p = np.exp(m - (alpha[t] - emit[t])[None, :])
        dm = p * dalpha[None, :]
        dtrans += dm
        dalpha = dm.sum(axis=1)
    demit[0] = dalpha
    return demit, dtrans


def recurrent(a, b, x):
    xs, loss = [x], 0.0
    for t in range(len(a)):
        x = a[t] * x + b[t]
        xs.append(x)
        loss = loss + (t + 1.0) * np.sum(x**2)
    return loss, (a, xs)


def recurrent_back(cache):
    a, xs = cache
    da, db = np.zeros_like(a), np.zeros_like(a)
    carry = np.zeros_like(xs[0])
    for t in reversed(range(len(a))):
        carry = carry + 2 * (t + 1.0) * xs[t + 1]
        db[t] = carry
        da[t] = carry * xs[t]
        carry = carry * a[t]
    return da, db, carry


def descent(w, X, y):
    w = np.asarray(w)
    z = y * (X @ w)
    loss = np.mean(np.log1p(np.exp(-z))) + 0.01 * np.sum(w**2)
    s = 1 / (1 + np.exp(z))
    coef = -y * s / len(y)
    grad = X.T @ coef
    grad = grad + 0.02 * w
    return loss, (grad, None, None)


def inputs(name):
    r = np.random.default_rng(1)
    return {
        "attention": lambda: (r.normal(size=(2, 4, 3)), r.normal(size=(2, 5, 3)), r.normal(size=(2, 5, 6))),
        "norm": lambda: (r.normal(size=(2, 3, 5)), r.normal(size=5)),
        "layers": lambda: tuple(r.normal(size=s) for s in ((5, 3), (3, 4), (4,), (4, 2), (2,))),
        "leaky": lambda: (r.normal(size=(5, 3)), r.normal(size=(3, 4))),
        "chain": lambda: (r.normal(size=(4, 3)), r.normal(size=(3, 3))),
        "recurrent": lambda: (r.normal(size=(5, 3)), r.normal(size=(5, 3)), r.normal(size=3)),
        "descent": lambda: (r.normal(size=4), r.normal(size=(8, 4)), np.sign(r.normal(size=8))),
    }[name]()
