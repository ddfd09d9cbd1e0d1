"""An LSTM and its backward pass, written by hand as in a course: cells, and loops over time. Its lines can be broken."""

import numpy as np

FAULTS = {  # the line that is right: the line that is wrong
    "dh = dh_next + 2 * hs[t + 1]": "dh = dh_next + hs[t + 1]",
    "do = dh * np.tanh(c_next)": "do = dh * c_next",
    "dc = dc_next + dh * o * (1 - np.tanh(c_next) ** 2)": "dc = dc_next + dh * o * (1 - np.tanh(c_next))",
    "di = dc * g": "di = dc * i",
    "df = dc * c_prev": "df = dc * c_next",
    "dg = dc * i": "dg = -dc * i",
    "dai = di * i * (1 - i)": "dai = di * (1 - i)",
    "daf = df * f * (1 - f)": "daf = df * f",
    "dao = do * o * (1 - o)": "dao = do * o * (1 + o)",
    "dag = dg * (1 - g**2)": "dag = dg * (1 - g)",
    "dx_t = da @ Wx.T": "dx_t = da @ Wx.T * 2",
    "dh_prev = da @ Wh.T": "dh_prev = -da @ Wh.T",
    "dc_prev = dc * f": "dc_prev = dc",
    "db += da.sum(axis=0)": "db = da.sum(axis=0)",
}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def cell_forward(x_t, h_prev, c_prev, Wx, Wh, b):
    a = x_t @ Wx + h_prev @ Wh + b
    n = h_prev.shape[1]
    i = sigmoid(a[:, :n])
    f = sigmoid(a[:, n : 2 * n])
    o = sigmoid(a[:, 2 * n : 3 * n])
    g = np.tanh(a[:, 3 * n :])
    c_next = f * c_prev + i * g
    h_next = o * np.tanh(c_next)
    return h_next, c_next, (c_prev, i, f, o, g, c_next)


def forward(x, Wx, Wh, b):
    h = np.zeros((x.shape[1], Wh.shape[0]))
    c = np.zeros((x.shape[1], Wh.shape[0]))
    hs, caches, loss = [h], [], 0.0
    for t in range(len(x)):
        h, c, cell = cell_forward(x[t], h, c, Wx, Wh, b)
        hs.append(h)
        caches.append(cell)
        loss = loss + np.sum(h**2)
    return loss, (x, hs, caches, Wx, Wh)


def cell_backward(dh, dc_next, cell, Wx, Wh):
    c_prev, i, f, o, g, c_next = cell
    do = dh * np.tanh(c_next)
    dc = dc_next + dh * o * (1 - np.tanh(c_next) ** 2)
    di = dc * g
    df = dc * c_prev
    dg = dc * i
    dai = di * i * (1 - i)
    daf = df * f * (1 - f)
    dao = do * o * (1 - o)
    dag = dg * (1 - g**2)
    da = np.hstack([dai, daf, dao, dag])
    dx_t = da @ Wx.T
    dh_prev = da @ Wh.T
    dc_prev = dc * f
    return dx_t, dh_prev, dc_prev, da


def backward(cache):
    x, hs, caches, Wx, Wh = cache
    dx = np.zeros(x.shape)
    dWx, dWh, db = np.zeros(Wx.shape), np.zeros(Wh.shape), np.zeros(Wx.shape[1])
    dh_next, dc_next = np.zeros(hs[0].shape), np.zeros(hs[0].shape)
    for t in reversed(range(len(caches))):
        dh = dh_next + 2 * hs[t + 1]
        dx_t, dh_next, dc_next, da = cell_backward(dh, dc_next, caches[t], Wx, Wh)
        dx[t] = dx_t
        dWx += x[t].T @ da
        dWh += hs[t].T @ da
        db += da.sum(axis=0)
    return {"dx": dx, "dWx": dWx, "dWh": dWh, "db": db}


def inputs(steps=5, batch=2, size=3, hidden=4):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(steps, batch, size))
    return x, rng.normal(size=(size, 4 * hidden)), rng.normal(size=(hidden, 4 * hidden)), rng.normal(size=4 * hidden)
