"""Live pages: graphs of the course, an LSTM, a residual network, a transformer block. Open, play, change numbers."""

# mypy: allow-untyped-defs, allow-untyped-calls
# pyright: basic
# (what pages show is written as a learner writes it, without types)

import sys
from pathlib import Path

import numpy as np

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, viz

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "out")
rng = np.random.default_rng(5)


def weights(*shapes, scale=1.0):
    return [tg.Tensor(np.round(rng.normal(size=s) * scale, 2), requires_grad=True) for s in shapes]


def data(x):
    return tg.Tensor(np.round(np.asarray(x, dtype=np.float64), 2))


def computation_graph(a, b, c):
    u = b * c
    v = a + u
    J = 3 * v
    return J


def neuron(x1, x2, w1, w2, b, y):
    z = w1 * x1 + w2 * x2 + b
    a = tg.sigmoid(z)
    L = -(y * tg.log(a) + (1 - y) * tg.log(1 - a))
    return L


def logistic_regression(X, w, b, Y):
    Z = w @ X + b
    A = tg.sigmoid(Z)
    J = -(Y * tg.log(A) + (1 - Y) * tg.log(1 - A)).mean()
    return J


def one_hidden_layer(X, W1, b1, W2, b2, Y):
    Z1 = X @ W1 + b1
    A1 = tg.tanh(Z1)
    Z2 = A1 @ W2 + b2
    A2 = tg.sigmoid(Z2)
    J = ((A2 - Y) ** 2).mean()
    return J


def columns(X, W1, b1, W2, b2, Y):
    Z1 = W1 @ X + b1
    A1 = tg.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = tg.sigmoid(Z2)
    J = -(Y * tg.log(A2) + (1 - Y) * tg.log(1 - A2)).mean()
    return J


def deep(X, W1, W2, W3, Y):
    A1 = tg.relu(W1 @ X)
    A2 = tg.relu(W2 @ A1)
    A3 = tg.sigmoid(W3 @ A2)
    J = ((A3 - Y) ** 2).mean()
    return J


def regularised(X, W, Y):
    error = ((X @ W - Y) ** 2).mean()
    penalty = 0.1 * (W**2).sum()
    J = error + penalty
    return J


def batch_norm(Z, gamma, beta):
    mu = Z.mean(axis=0)
    variance = ((Z - mu) ** 2).mean(axis=0)
    Z_norm = (Z - mu) / tg.sqrt(variance + 1e-5)
    Z_tilde = gamma * Z_norm + beta
    J = (Z_tilde**3).mean()
    return J


def softmax(X, W, T):
    Z = X @ W
    P = F.softmax(Z, axis=1)
    J = -(T * tg.log(P)).sum(axis=1).mean()
    return J


def recurrent(x, Wx, Wh, Wy):
    h = tg.zeros((1, 2), dtype="float64")
    for t in range(3):
        h = tg.tanh(x[t : t + 1] @ Wx + h @ Wh)
    J = ((h @ Wy - 1) ** 2).sum()
    return J


class Convolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = (
            nn.Conv2d(1, 3, 3, rng=tg.random.default_rng(1)),
            nn.Linear(27, 10, rng=tg.random.default_rng(2)),
        )

    def forward(self, image):
        features = F.relu(self.conv(image))
        pooled = F.max_pool2d(features, 2)
        return self.head(pooled.reshape(len(image), -1))


class Block(nn.Module):
    def __init__(self, seed):
        super().__init__()
        self.first, self.second = (nn.Conv2d(2, 2, 3, padding=1, rng=tg.random.default_rng(seed + k)) for k in range(2))

    def forward(self, x):
        return F.relu(x + self.second(F.relu(self.first(x))))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 2, 3, padding=1, rng=tg.random.default_rng(1))
        self.one, self.two, self.head = Block(2), Block(4), nn.Linear(2, 10, rng=tg.random.default_rng(6))

    def forward(self, image):
        x = self.two(self.one(F.relu(self.stem(image))))
        return self.head(x.mean(axis=(2, 3)))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = (
            nn.LSTMCell(1, 3, rng=tg.random.default_rng(1)),
            nn.Linear(3, 1, rng=tg.random.default_rng(2)),
        )

    def forward(self, x):
        h, c = tg.zeros((1, 3)), tg.zeros((1, 3))
        for t in range(len(x)):
            h, c = self.cell(x[t], (h, c))
        return self.head(h)


def pages():
    """The name, title, function and inputs of each page."""
    square = np.array([[1, 1], [-1, -1], [0.5, 0.6], [-0.6, -0.5], [1, -1], [-1, 1], [0.5, -0.6], [-0.6, 0.5]])
    labels = data(square.prod(axis=1, keepdims=True) > 0)
    cloud = rng.normal(size=(2, 6))
    images = tg.data.load_digits()[0][:2].reshape(2, 1, 8, 8).astype("float32") / 16
    wave = np.sin(np.arange(12.0))[:, None, None].astype("float32")
    yield (
        "one_hidden_layer",
        "One hidden layer",
        one_hidden_layer,
        [data(square), *weights((2, 4), (1, 4), (4, 1), (1, 1)), labels],
    )
    yield "computation_graph", "J = 3(a + bc)", computation_graph, [5.0, 3.0, 2.0]
    yield "neuron", "One neuron", neuron, [data(1.5), data(-0.5), *weights((), (), ()), data(1.0)]
    yield (
        "logistic_regression",
        "Logistic regression",
        logistic_regression,
        [data(cloud), *weights((1, 2), (1, 1)), data(cloud[:1] > 0)],
    )
    yield (
        "columns",
        "Six backward equations",
        columns,
        [data(cloud), *weights((3, 2), (3, 1), (1, 3), (1, 1)), data(cloud[1:] > 0)],
    )
    yield "deep", "Three layers", deep, [data(cloud), *weights((4, 2), (3, 4), (1, 3)), data(cloud[:1] > 0)]
    yield "regularised", "L2 regularisation", regularised, [data(cloud.T), *weights((2, 1)), data(cloud[:1].T * 2)]
    yield "batch_norm", "Batch normalisation", batch_norm, weights((4, 3), (3,), (3,))
    yield (
        "softmax",
        "Softmax regression",
        softmax,
        [data(cloud.T), *weights((2, 3)), data(np.eye(3)[[0, 1, 2, 0, 1, 2]])],
    )
    yield (
        "recurrent",
        "Backpropagation through time",
        recurrent,
        [data(rng.normal(size=(3, 2))), *weights((2, 2), (2, 2), (2, 1))],
    )
    yield "convolution", "Convolution and pooling", Convolution(), [images]
    yield "residual", "A residual network", Residual(), [images]
    yield "lstm", "An LSTM over 12 steps", Recurrent(), [wave]
    tokens = rng.normal(size=(1, 4, 8)).astype("float32")
    yield (
        "transformer",
        "A transformer block",
        nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, norm_first=True, rng=tg.random.default_rng(1)),
        [tokens],
    )


if __name__ == "__main__":
    for name, title, f, inputs in pages():
        print(viz.player(f, *inputs, title=title).save(FOLDER / f"{name}.html"))
