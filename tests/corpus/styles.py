"""Derivatives in more styles: tangents that are carried along, recurrences, closures, tables of functions, dictionaries
that are filled or written out, lists of gradients. Their lines can be broken."""

from dataclasses import dataclass, field

import numpy as np

FAULTS = [  # (program, the line that is right, the line that is wrong)
    ("smoothing", "ds = ds + e - a * ds", "ds = ds + e"),
    ("smoothing", "ds = ds + e - a * ds", "ds = ds - a * ds"),
    ("smoothing", "ds0 = ds0 - a * ds0", "ds0 = ds0 + a * ds0"),
    ("garch", "dh = np.array([1.0, r[t - 1] ** 2, h]) + b * dh", "dh = np.array([1.0, r[t - 1] ** 2, h])"),
    ("garch", "g += 0.5 * (1 / h - r[t] ** 2 / h**2) * dh", "g += 0.5 * (1 / h + r[t] ** 2 / h**2) * dh"),
    ("garch", "g += 0.5 * (1 / h - r[t] ** 2 / h**2) * dh", "g = 0.5 * (1 / h - r[t] ** 2 / h**2) * dh"),
    ("gru", "dh = dh * z + dz @ W[0].T + dr @ W[1].T + drh * r", "dh = dh * z + dz @ W[0].T + dr @ W[1].T"),
    ("gru", "dh = dh * z + dz @ W[0].T + dr @ W[1].T + drh * r", "dh = dz @ W[0].T + dr @ W[1].T + drh * r"),
    ("gru", "dn = dh * (1 - z) * (1 - n * n)", "dn = dh * (1 - z)"),
    ("gru", "dr = drh * hp * r * (1 - r)", "dr = drh * r * (1 - r)"),
    (
        "gru",
        "dW += np.stack([np.outer(hp, dz), np.outer(hp, dr), np.outer(r * hp, dn)])",
        "dW += np.stack([np.outer(hp, dz), np.outer(hp, dr), np.outer(hp, dn)])",
    ),
    ("closures", "return g * np.cos(x)", "return g * np.sin(x)"),
    ("closures", "return g * np.cos(x)", "return -g * np.cos(x)"),
    ("closures", "return g @ W.T, x.T @ g", "return g @ W.T, 2 * x.T @ g"),
    ("table", "return (z > 0) * 1.0", "return (z < 0) * 1.0"),
    ("table", 'dy = np.full(c["z"].shape, 1 / n)', 'dy = np.full(c["z"].shape, 1.0)'),
    ("table", 'da = dh * ACTS["softplus"][1](c["a"])', 'da = dh * ACTS["relu"][1](c["a"])'),
    ("lists", "grads[k] += acts[k].T @ delta", "grads[k] = acts[k].T @ delta"),
    ("lists", "delta = delta @ Ws[k].T * (1 - acts[k] ** 2)", "delta = delta @ Ws[k].T"),
    ("orbit", "lam = lam + 0.1 * J.T @ lam", "lam = lam + 0.1 * J @ lam"),
    (
        "orbit",
        "K = np.array([[x, -x * y, 0.0, 0.0], [0.0, 0.0, x * y, -y]])",
        "K = np.array([[x, x * y, 0.0, 0.0], [0.0, 0.0, x * y, -y]])",
    ),
    ("dataclass", "g = g + A.T @ dz", "g = A.T @ dz"),
    ("dataclass", "g = g + A.T @ dz", "g = g - A.T @ dz"),
    ("dataclass", 'dz = 0.5 * g * (1 - s["y"] ** 2)', "dz = 0.5 * g"),
    ("tv", "g = u - v", "g = v - u"),
    ("tv", "g[1:] += lam * px", "g[1:] += px"),
    ("batchnorm", "dmu = -np.sum(dxc, axis=0)", "dmu = np.sum(dxc, axis=0)"),
    ("batchnorm", "dvar = 0.5 * dstd / std", "dvar = dstd / std"),
    ("batchnorm", "dgamma = np.sum(dout * xn, axis=0)", "dgamma = np.sum(dout * xc, axis=0)"),
]


def smoothing(a, x, s0):
    s, J = s0, 0.0
    for t in range(len(x)):
        e = x[t] - s
        J = J + e * e
        s = s + a * e
    return J


def smoothing_back(a, x, s0):
    s, ds, ds0, ga, g0 = s0, 0.0, 1.0, 0.0, 0.0
    for t in range(len(x)):
        e = x[t] - s
        ga = ga - 2 * e * ds
        g0 = g0 - 2 * e * ds0
        ds = ds + e - a * ds
        ds0 = ds0 - a * ds0
        s = s + a * e
    return ga, None, g0


def garch(theta, r):
    w, a, b = theta[0], theta[1], theta[2]
    h = r[0] ** 2 + 0.1
    L = 0.0
    for t in range(1, len(r)):
        h = w + a * r[t - 1] ** 2 + b * h
        L = L + np.log(h) + r[t] ** 2 / h
    return 0.5 * L


def garch_back(theta, r):
    w, a, b = theta
    h = r[0] ** 2 + 0.1
    dh = np.zeros(3)
    g = np.zeros(3)
    for t in range(1, len(r)):
        dh = np.array([1.0, r[t - 1] ** 2, h]) + b * dh
        h = w + a * r[t - 1] ** 2 + b * h
        g += 0.5 * (1 / h - r[t] ** 2 / h**2) * dh
    return g, None


def sg(z):
    return 1 / (1 + np.exp(-z))


def gru(x, U, W, h0):
    h, tape, J = h0, [], 0.0
    for t in range(len(x)):
        z = sg(x[t] @ U[0] + h @ W[0])
        r = sg(x[t] @ U[1] + h @ W[1])
        n = np.tanh(x[t] @ U[2] + (r * h) @ W[2])
        tape.append((h, z, r, n))
        h = (1 - z) * n + z * h
        J = J + np.sum(h * h)
    return J, (x, U, W, tape, h)


def gru_back(cache):
    x, U, W, tape, h = cache
    dU, dW, dx, dh = np.zeros_like(U), np.zeros_like(W), np.zeros_like(x), np.zeros_like(h)
    after = h
    for t in range(len(x) - 1, -1, -1):
        hp, z, r, n = tape[t]
        dh = dh + 2 * after
        dn = dh * (1 - z) * (1 - n * n)
        dz = dh * (hp - n) * z * (1 - z)
        drh = dn @ W[2].T
        dr = drh * hp * r * (1 - r)
        dU += np.stack([np.outer(x[t], g) for g in (dz, dr, dn)])
        dW += np.stack([np.outer(hp, dz), np.outer(hp, dr), np.outer(r * hp, dn)])
        dx[t] = dz @ U[0].T + dr @ U[1].T + dn @ U[2].T
        dh = dh * z + dz @ W[0].T + dr @ W[1].T + drh * r
        after = hp
    return dx, dU, dW, dh


def dense(x, W):
    def back(g):
        return g @ W.T, x.T @ g

    return x @ W, back


def act(x):
    y = np.sin(x)

    def back(g):
        return g * np.cos(x)

    return y, back


def closures(x, A, B):
    h, b1 = dense(x, A)
    s, b2 = act(h)
    o, b3 = dense(s, B)
    return np.sum(o**2), (o, b1, b2, b3)


def closures_back(cache):
    o, b1, b2, b3 = cache
    g = 2 * o
    g, dB = b3(g)
    g = b2(g)
    dx, dA = b1(g)
    return {"dx": dx, "dA": dA, "dB": dB}


def relu(z):
    return np.maximum(z, 0)


def d_relu(z):
    return (z > 0) * 1.0


def softplus(z):
    return np.log1p(np.exp(z))


def d_softplus(z):
    return 1 / (1 + np.exp(-z))


ACTS = {"relu": (relu, d_relu), "softplus": (softplus, d_softplus)}


def table(x, W, V, b):
    a = x @ W + b
    h = ACTS["softplus"][0](a)
    z = h @ V
    y = ACTS["relu"][0](z)
    return y.sum(axis=1).mean(), {"x": x, "a": a, "h": h, "z": z, "W": W, "V": V}


def table_back(c):
    n = c["x"].shape[0]
    dy = np.full(c["z"].shape, 1 / n)
    dz = dy * ACTS["relu"][1](c["z"])
    dV = c["h"].T @ dz
    dh = dz @ c["V"].T
    da = dh * ACTS["softplus"][1](c["a"])
    dW = c["x"].T @ da
    return {"dx": da @ c["W"].T, "dW": dW, "dV": dV, "db": da.sum(axis=0)}


def lists(W1, W2, W3, X, Y):
    Ws = [W1, W2, W3]
    acts = [X]
    for W in Ws[:-1]:
        acts.append(np.tanh(acts[-1] @ W))
    out = acts[-1] @ Ws[-1]
    return 0.5 * np.sum((out - Y) ** 2) / len(X) + 0.05 * sum(np.sum(W**2) for W in Ws), (Ws, acts, out, Y)


def lists_back(cache):
    Ws, acts, out, Y = cache
    grads = [0.1 * W for W in Ws]
    delta = (out - Y) / len(Y)
    for k in range(len(Ws) - 1, -1, -1):
        grads[k] += acts[k].T @ delta
        if k > 0:
            delta = delta @ Ws[k].T * (1 - acts[k] ** 2)
    return {"dW1": grads[0], "dW2": grads[1], "dW3": grads[2]}


def rates(u, p):
    return np.array([p[0] * u[0] - p[1] * u[0] * u[1], p[2] * u[0] * u[1] - p[3] * u[1]])


def orbit(p, u0):
    u = u0
    path = [u]
    for _ in range(6):
        u = u + 0.1 * rates(u, p)
        path.append(u)
    return np.sum((u - 1.0) ** 2), (p, path)


def orbit_back(cache):
    p, path = cache
    lam = 2 * (path[-1] - 1.0)
    dp = np.zeros(4)
    for u in path[-2::-1]:
        x, y = u
        J = np.array([[p[0] - p[1] * y, -p[1] * x], [p[2] * y, p[2] * x - p[3]]])
        K = np.array([[x, -x * y, 0.0, 0.0], [0.0, 0.0, x * y, -y]])
        dp += 0.1 * K.T @ lam
        lam = lam + 0.1 * J.T @ lam
    return {"dp": dp, "du0": lam}


@dataclass
class Tape:
    steps: list = field(default_factory=list)

    def push(self, **kw):
        self.steps.append(kw)


def dataclass(x, A, c):
    tape = Tape()
    for _ in range(3):
        y = np.tanh(A @ x + c)
        tape.push(x=x, y=y)
        x = x + 0.5 * y
    return x @ x, (tape, A, x)


def dataclass_back(cache):
    tape, A, x = cache
    g = 2 * x
    dA, dc = np.zeros(A.shape), np.zeros(x.shape)
    for s in tape.steps[::-1]:
        dz = 0.5 * g * (1 - s["y"] ** 2)
        dA += np.outer(dz, s["x"])
        dc += dz
        g = g + A.T @ dz
    return {"dx": g, "dA": dA, "dc": dc}


def tv(u, v, lam):
    dx, dy = np.diff(u, axis=0), np.diff(u, axis=1)
    return 0.5 * np.sum((u - v) ** 2) + lam * (np.sum(np.sqrt(dx**2 + 0.01)) + np.sum(np.sqrt(dy**2 + 0.01)))


def tv_back(u, v, lam):
    dx, dy = np.diff(u, axis=0), np.diff(u, axis=1)
    px, py = dx / np.sqrt(dx**2 + 0.01), dy / np.sqrt(dy**2 + 0.01)
    g = u - v
    g[1:] += lam * px
    g[:-1] -= lam * px
    g[:, 1:] += lam * py
    g[:, :-1] -= lam * py
    return g, None, None


def batchnorm(x, gamma, beta):
    mu = x.mean(axis=0)
    xc = x - mu
    var = (xc**2).mean(axis=0)
    std = np.sqrt(var + 1e-5)
    xn = xc / std
    cache = {"xn": xn, "xc": xc, "std": std, "gamma": gamma}
    return gamma * xn + beta, cache


def batchnorm_back(dout, cache):
    xn, xc, std, gamma = cache["xn"], cache["xc"], cache["std"], cache["gamma"]
    N = len(dout)
    dbeta = dout.sum(axis=0)
    dgamma = np.sum(dout * xn, axis=0)
    dxn = dout * gamma
    dxc = dxn / std
    dstd = -np.sum(dxn * xc / std**2, axis=0)
    dvar = 0.5 * dstd / std
    dxc += 2 / N * xc * dvar
    dmu = -np.sum(dxc, axis=0)
    dx = dxc + dmu / N
    return {"dx": dx, "dgamma": dgamma, "dbeta": dbeta}


def inputs(name):
    return {
        "smoothing": lambda: (
            0.3,
            np.array([1.0, 0.4, -0.7, 2.0, 0.3]),
            0.2,
        ),
        "garch": lambda: (
            np.array([0.2, 0.3, 0.4]),
            np.array([0.5, -1.2, 0.8, 0.3, -0.6, 1.5]),
        ),
        "gru": lambda: (
            np.random.default_rng(7).normal(size=(4, 2)),
            np.random.default_rng(8).normal(size=(3, 2, 3)),
            np.random.default_rng(9).normal(size=(3, 3, 3)),
            np.array([0.1, -0.3, 0.5]),
        ),
        "closures": lambda: (
            np.random.default_rng(4).normal(size=(2, 3)),
            np.random.default_rng(5).normal(size=(3, 4)),
            np.random.default_rng(6).normal(size=(4, 2)),
        ),
        "table": lambda: (
            np.random.default_rng(1).normal(size=(5, 3)),
            np.random.default_rng(2).normal(size=(3, 4)),
            np.random.default_rng(3).normal(size=(4, 2)),
            np.zeros(4) + 0.1,
        ),
        "lists": lambda: (
            np.random.default_rng(9).normal(size=(3, 4)),
            np.random.default_rng(10).normal(size=(4, 4)),
            np.random.default_rng(11).normal(size=(4, 2)),
            np.random.default_rng(12).normal(size=(6, 3)),
            np.random.default_rng(13).normal(size=(6, 2)),
        ),
        "orbit": lambda: (
            np.array([1.1, 0.4, 0.3, 0.9]),
            np.array([1.5, 0.7]),
        ),
        "dataclass": lambda: (
            np.array([0.4, -0.9]),
            np.array([[0.5, 1.0], [-0.7, 0.3]]),
            np.array([0.1, -0.2]),
        ),
        "tv": lambda: (
            np.random.default_rng(16).normal(size=(3, 4)),
            np.random.default_rng(17).normal(size=(3, 4)),
            0.3,
        ),
        "batchnorm": lambda: (
            np.random.default_rng(8).normal(size=(5, 3)),
            np.array([1.2, 0.7, -0.5]),
            np.array([0.1, 0.2, 0.3]),
        ),
    }[name]()
