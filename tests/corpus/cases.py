"""A corpus of derivatives, right ones and planted wrong ones, to measure derivative checkers by.

A case is a function of arrays and its derivative `df(*arrays, cotangent)`; `pattern` says which mistake
was planted (None: the derivative is right). A right case may be a subgradient at a kink, or may lie
where nothing can be judged: a checker must not cry wolf there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

SIGN, FACTOR, TRANSPOSED = "sign flipped", "off by a constant factor", "transposed"
AXIS, UNSUMMED, TERM = "summed over the wrong axis", "not summed (broadcast)", "one term missing"
OVERWRITTEN, STALE, KINK = "= for +=", "stale cache", "kink"
NOT_FINITE, ROUNDED = "not finite", "rounded to a lower precision"


class Case(NamedTuple):
    name: str
    f: Callable[..., Any]
    df: Callable[..., Any]
    inputs: tuple[Any, ...]
    pattern: str | None = None
    plain: bool = True  # float64 arrays in, one array out: other checkers can take it


CASES: list[Case] = []
rng = np.random.default_rng(20)


def right(name, f, df, *inputs, plain=True):
    CASES.append(Case(name, f, df, inputs, None, plain))


def wrong(name, pattern, f, df, *inputs, plain=True):
    CASES.append(Case(f"{name}: {pattern}", f, df, inputs, pattern, plain))


def slope(d):
    """The derivative of an elementwise function from its slope."""
    return lambda x, cotangent: cotangent * d(x)


def scaled(df, k):
    """A derivative off by a factor, in its first gradient or only one."""

    @functools.wraps(df)
    def broken(*args, **kwargs):
        g = df(*args, **kwargs)
        return (k * g[0], *g[1:]) if isinstance(g, tuple) else k * g

    return broken


def arr(*shape, low=0.3, high=2.0):
    """Numbers of both signs away from 0, different each time."""
    return rng.uniform(low, high, shape) * rng.choice([-1, 1], shape)


def pos(*shape):
    return rng.uniform(0.3, 2.0, shape)


def sigmoid(x):
    return 0.5 * (1 + np.tanh(x / 2))


def softmax(x):
    e = np.exp(x - np.max(x.real, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


# Elementwise functions, from 0-d to 4-d.
ELEMENTWISE = [
    ("sin", np.sin, np.cos, arr(3)),
    ("exp", np.exp, np.exp, arr(2, 3)),
    ("tanh", np.tanh, lambda x: 1 - np.tanh(x) ** 2, arr()),
    ("sigmoid", sigmoid, lambda x: sigmoid(x) * sigmoid(-x), arr(2, 1, 2)),
    ("log", np.log, lambda x: 1 / x, pos(3)),
    ("sqrt", np.sqrt, lambda x: 0.5 / np.sqrt(x), pos(4)),
    ("reciprocal", lambda x: 1 / x, lambda x: -1 / x**2, arr(2, 2)),
    ("softplus", lambda x: np.log1p(np.exp(x)), sigmoid, arr(2, 2, 1, 2)),
    ("arctan", np.arctan, lambda x: 1 / (1 + x * x), arr(3)),
    ("cube", lambda x: x**3, lambda x: 3 * x**2, arr(2, 3)),
    ("x sin x", lambda x: x * np.sin(x), lambda x: np.sin(x) + x * np.cos(x), arr(4)),
    (
        "gelu",
        lambda x: x * sigmoid(1.702 * x),
        lambda x: sigmoid(1.702 * x) * (1 + 1.702 * x * sigmoid(-1.702 * x)),
        arr(3),
    ),
]
for name, f, d, x in ELEMENTWISE:
    right(name, f, slope(d), x)
    wrong(name, SIGN, f, scaled(slope(d), -1), x)
for name, f, d, x in ELEMENTWISE[:10]:
    wrong(name, FACTOR, f, scaled(slope(d), 1.001), x if np.ndim(x) else arr(3))
wrong("x sin x, product rule half done", TERM, ELEMENTWISE[10][1], slope(np.sin), arr(4))
wrong("x sin x, other half", TERM, ELEMENTWISE[10][1], slope(lambda x: x * np.cos(x)), arr(4))
wrong("gelu, slope of the gate left out", TERM, ELEMENTWISE[11][1], slope(lambda x: sigmoid(1.702 * x)), arr(3))
wrong("tanh, 1 - y for 1 - y**2", TERM, np.tanh, slope(lambda x: 1 - np.tanh(x)), arr(4))
wrong("exp(x**2), inner derivative", TERM, lambda x: np.exp(x**2), slope(lambda x: np.exp(x**2)), arr(4))
wrong("sin(x)**2, inner derivative", TERM, lambda x: np.sin(x) ** 2, slope(lambda x: 2 * np.sin(x)), arr(4))
wrong("1/x, a power too few", TERM, lambda x: 1 / x, slope(lambda x: -1 / x), arr(4))

# Scales.
for scale in (1e-8, 1e-4, 1e4, 1e8):
    right(
        f"x**2 times {scale:g}",
        lambda x, s=scale: s * x**2,
        lambda x, cotangent, s=scale: cotangent * 2 * s * x,
        arr(3),
    )
    right(f"x**3 at {scale:g}", lambda x: x**3, slope(lambda x: 3 * x**2), scale * arr(3))
    right(f"log at {scale:g}", np.log, slope(lambda x: 1 / x), scale * pos(3))
    wrong(
        f"x**2 times {scale:g}",
        SIGN,
        lambda x, s=scale: s * x**2,
        lambda x, cotangent, s=scale: cotangent * -2 * s * x,
        arr(3),
    )
    wrong(f"x**3 at {scale:g}", FACTOR, lambda x: x**3, slope(lambda x: 3.003 * x**2), scale * arr(3))
    wrong(f"log at {scale:g}", SIGN, np.log, slope(lambda x: -1 / x), scale * pos(3))
mixed = np.array([1e-8, 1.0, 1e8])
right("x**2 with mixed scales", lambda x: x**2, slope(lambda x: 2 * x), mixed)
wrong(
    "x**2 with mixed scales, small entry",
    TERM,
    lambda x: x**2,
    slope(lambda x: np.where(x < 1e-3, -2 * x, 2 * x)),
    mixed,
)
right("exp at 1e-12", np.exp, slope(np.exp), np.array([1e-12, -1e-12]))
right("sin(1e6 x)", lambda x: np.sin(1e6 * x), slope(lambda x: 1e6 * np.cos(1e6 * x)), arr(3))

# Kinks and ties: at a kink any slope between the two sides is right.
relu = lambda x: np.maximum(x, 0) if not np.iscomplexobj(x) else np.where(x.real > 0, x, 0)
at_zero = np.array([0.0, 1.0, -1.0])
right("relu at 0", relu, slope(lambda x: (x > 0) * 1.0), at_zero)
right("relu at 0, slope 1", relu, slope(lambda x: (x >= 0) * 1.0), at_zero)
right("relu at 0, slope 1/2", relu, slope(lambda x: np.heaviside(x, 0.5)), at_zero)
right("abs at 0", np.abs, slope(np.sign), at_zero)
right("abs away from 0", np.abs, slope(np.sign), arr(4))
right("relu near 0", relu, slope(lambda x: (x > 0) * 1.0), np.array([1e-5, -1e-5, 1e-7]))
right("leaky relu", lambda x: np.where(x > 0, x, 0.01 * x), slope(lambda x: np.where(x > 0, 1, 0.01)), arr(5))
right("relu squared at 0", lambda x: relu(x) ** 2, slope(lambda x: 2 * np.maximum(x, 0)), at_zero)


def shared(x, cotangent):
    top = x == np.max(x)
    return cotangent * top / np.sum(top)


right("max with a tie, shared", lambda x: np.max(x), shared, np.array([1.0, 3.0, 3.0]))
right(
    "hinge",
    lambda x: np.sum(np.maximum(1 - x, 0)),
    lambda x, cotangent: -1.0 * cotangent * (x < 1.0),
    np.array([0.5, 1.0, 2.0]),
)
wrong(
    "max with a tie, each gets all",
    KINK,
    lambda x: np.max(x),
    lambda x, cotangent: cotangent * (x == np.max(x)),
    np.array([1.0, 3.0, 3.0]),
)
wrong("relu at 0, slope 2", KINK, relu, slope(lambda x: np.where(x == 0, 2.0, x > 0)), at_zero)
wrong("relu at 0, slope -1", KINK, relu, slope(lambda x: np.where(x == 0, -1.0, x > 0)), at_zero)
wrong("abs at 0, slope 3", KINK, np.abs, slope(lambda x: np.where(x == 0, 3.0, np.sign(x))), at_zero)
near_one = np.array([1 + 1e-6, 0.3, 1 - 1e-5])
right("hinge near its kink", lambda x: relu(1 - x), slope(lambda x: -1.0 * (x < 1)), near_one)
wrong("hinge near its kink", SIGN, lambda x: relu(1 - x), slope(lambda x: 1.0 * (x < 1)), near_one)
right("x floor(x) near a jump", lambda x: x * np.floor(x), slope(np.floor), near_one)
wrong("x floor(x) near a jump", FACTOR, lambda x: x * np.floor(x), slope(lambda x: 2 * np.floor(x)), near_one)
wrong("relu near 0", TERM, relu, slope(lambda x: (np.abs(x) > 1e-3) * (x > 0)), np.array([1e-5, -1e-5, 0.5]))
wrong("abs", FACTOR, np.abs, slope(lambda x: 2 * np.sign(x)), arr(4))
wrong("abs", TERM, np.abs, slope(lambda x: np.ones_like(x)), np.array([1.0, -1.0, 2.0]))
wrong(
    "leaky relu, slope of one side",
    TERM,
    lambda x: np.where(x > 0, x, 0.01 * x),
    slope(lambda x: (x > 0) * 1.0),
    arr(5),
)

# Edges of the domain.
right("sqrt near 0", np.sqrt, slope(lambda x: 0.5 / np.sqrt(x)), np.array([1e-10, 1e-4]))
right("sqrt at 0, infinite slope", np.sqrt, slope(lambda x: 0.5 / np.sqrt(x)), np.array([0.0, 1.0]))
right("x**1.5 at 0, one-sided", lambda x: x * np.sqrt(x), slope(lambda x: 1.5 * np.sqrt(x)), np.array([0.0, 1.0]))
right("arcsin near 1", np.arcsin, slope(lambda x: 1 / np.sqrt((1 - x) * (1 + x))), np.array([0.9999, -0.999999]))
right("log near 0", np.log, slope(lambda x: 1 / x), np.array([1e-12, 1e-300]))
right("log1p near -1", np.log1p, slope(lambda x: 1 / (1 + x)), np.array([-0.999999, 0.5]))
right("arccos nearer 1", np.arccos, slope(lambda x: -1 / np.sqrt(1 - x * x)), np.array([1 - 1e-9, 0.5]))
wrong("arccos nearer 1", SIGN, np.arccos, slope(lambda x: 1 / np.sqrt(1 - x * x)), np.array([1 - 1e-9, 0.5]))
edge = lambda x: np.where(x.real >= 1, x * x, np.nan)
right("x**2 from 1 on, at 1", edge, slope(lambda x: 2 * x), np.array([1.0, 2.0]))
wrong("x**2 from 1 on, at 1", FACTOR, edge, slope(lambda x: 3.0 * x), np.array([1.0, 2.0]))
wrong("arcsin near 1", TERM, np.arcsin, slope(lambda x: 1 / np.sqrt(1 - x)), np.array([0.9999, -0.99]))
wrong("sqrt near 0", FACTOR, np.sqrt, slope(lambda x: 1 / np.sqrt(x)), np.array([1e-10, 1e-4]))
wrong(
    "sqrt of a square at 0",
    NOT_FINITE,
    lambda x: np.sum(x**2),
    lambda x, cotangent: cotangent * 2 * x * (x / x),
    np.array([0.0, 1.0]),
)
wrong(
    "x log x", NOT_FINITE, lambda x: np.sum(x**3), lambda x, cotangent: cotangent * 3 * x**3 / x, np.array([0.0, 1.0])
)

# Saturation: the derivative is a small difference of numbers near 1.
right("tanh saturated", np.tanh, slope(lambda x: 1 - np.tanh(x) ** 2), np.array([18.0, -19.0, 25.0, 1.0]))
right("sigmoid saturated", sigmoid, slope(lambda x: sigmoid(x) * (1 - sigmoid(x))), np.array([36.0, -40.0, 3.0]))
right(
    "softmax of large numbers",
    softmax,
    lambda x, cotangent: softmax(x) * (cotangent - np.sum(cotangent * softmax(x))),
    np.array([1000.0, 999.0, 998.5]),
)
right(
    "logsumexp of large numbers",
    lambda x: np.log(np.sum(np.exp(x - 1000.0))) + 1000.0,
    lambda x, cotangent: cotangent * softmax(x),
    np.array([1000.0, 1001.0, 999.0]),
)
wrong("tanh far out", FACTOR, np.tanh, slope(lambda x: 2 * (1 - np.tanh(x) ** 2)), np.array([4.0, -5.0, 6.0]))
wrong(
    "softmax, diagonal only",
    TERM,
    softmax,
    lambda x, cotangent: softmax(x) * (1 - softmax(x)) * cotangent,
    np.array([2.0, 1.0, 0.5]),
)
wrong(
    "softmax",
    SIGN,
    softmax,
    lambda x, cotangent: -softmax(x) * (cotangent - np.sum(cotangent * softmax(x))),
    np.array([2.0, 1.0, 0.5]),
)

# Jumps elsewhere than at the point, and functions that are flat.
right("floor", np.floor, slope(lambda x: 0 * x), np.array([0.5, 2.3]))
right("x**2 + floor", lambda x: x**2 + np.floor(x.real), slope(lambda x: 2 * x), np.array([0.51, 2.0001]))
right("remainder", lambda x: np.where(x.real > 1, x - 1, x), slope(np.ones_like), np.array([0.9999, 1.001]))
right("rounding to 6 digits", lambda x: np.round(np.sin(x), 6), slope(np.cos), np.array([0.4, 1.0]), plain=False)
wrong("x**2 + floor", TERM, lambda x: x**2 + np.floor(x.real), slope(lambda x: 2 * x + 1), np.array([0.51, 2.0001]))
wrong("floor, straight through", TERM, np.floor, slope(np.ones_like), np.array([0.5, 2.3]))
right("softmax summed: a constant", lambda x: np.sum(softmax(x)), lambda x, cotangent: 0 * x, arr(4))

# Low precision.
for dtype in (np.float16, np.float32):
    low = arr(3).astype(dtype)
    name = np.dtype(dtype).name
    right(f"sin in {name}", np.sin, slope(np.cos), low, plain=False)
    right(
        f"product in {name}",
        lambda a, b: a * b,
        lambda a, b, cotangent: (cotangent * b, cotangent * a),
        low,
        low[::-1].copy(),
        plain=False,
    )
    wrong(f"sin in {name}", SIGN, np.sin, slope(lambda x: -np.cos(x)), low, plain=False)
    wrong(
        f"product in {name}",
        FACTOR,
        lambda a, b: a * b,
        lambda a, b, cotangent: (1.01 * cotangent * b, cotangent * a),
        low,
        low[::-1].copy(),
        plain=False,
    )
    wrong(
        f"cos computed in {name}",
        ROUNDED,
        np.sin,
        lambda x, cotangent, t=dtype: (cotangent * np.cos(x)).astype(t).astype(np.float64),
        arr(4),
    )
single = lambda x: np.sin(x).astype(np.float32)
right("float32 inside", single, slope(np.cos), arr(3), plain=False)
wrong("float32 inside", SIGN, single, slope(lambda x: -np.cos(x)), arr(3), plain=False)
wrong("float32 inside", FACTOR, single, slope(lambda x: 0.9 * np.cos(x)), arr(3), plain=False)

# Linear algebra and layers. X is (examples, features); in course style (features, examples).
X, W, b = arr(5, 3), arr(3, 2), arr(2)
linear = lambda X, W, b: X @ W + b
d_linear = lambda X, W, b, cotangent: (cotangent @ W.T, X.T @ cotangent, cotangent.sum(axis=0))
right("linear layer", linear, d_linear, X, W, b)
wrong(
    "linear layer, dW",
    SIGN,
    linear,
    lambda X, W, b, cotangent: (cotangent @ W.T, -X.T @ cotangent, cotangent.sum(0)),
    X,
    W,
    b,
)
wrong(
    "linear layer, dW",
    TRANSPOSED,
    linear,
    lambda X, W, b, cotangent: (cotangent @ W.T, cotangent.T @ X, cotangent.sum(0)),
    X,
    W,
    b,
)
wrong(
    "linear layer, db",
    UNSUMMED,
    linear,
    lambda X, W, b, cotangent: (cotangent @ W.T, X.T @ cotangent, cotangent),
    X,
    W,
    b,
)
wrong(
    "linear layer, db",
    FACTOR,
    linear,
    lambda X, W, b, cotangent: (cotangent @ W.T, X.T @ cotangent, cotangent.mean(0)),
    X,
    W,
    b,
)
wrong(
    "linear layer, db of the first example",
    TERM,
    linear,
    lambda X, W, b, cotangent: (cotangent @ W.T, X.T @ cotangent, cotangent[0]),
    X,
    W,
    b,
)
S, V, u = arr(3, 3), arr(3, 3), arr(3)
wrong(
    "square layer, dW",
    TRANSPOSED,
    linear,
    lambda X, W, b, cotangent: (cotangent @ W.T, cotangent.T @ X, cotangent.sum(0)),
    S,
    V,
    u,
)
wrong(
    "square layer, dX",
    TERM,
    linear,
    lambda X, W, b, cotangent: (cotangent @ W, X.T @ cotangent, cotangent.sum(0)),
    S,
    V,
    u,
)
wrong(
    "square layer, db",
    AXIS,
    linear,
    lambda X, W, b, cotangent: (cotangent @ W.T, X.T @ cotangent, cotangent.sum(1)),
    S,
    V,
    u,
)
mse = lambda X, W, y: np.mean((X @ W - y) ** 2)
y = arr(5, 2)
d_mse = lambda X, W, y, cotangent: (
    cotangent * 2 * (X @ W - y) @ W.T / y.size,
    cotangent * 2 * X.T @ (X @ W - y) / y.size,
    cotangent * -2 * (X @ W - y) / y.size,
)
right("mean squared error", mse, d_mse, X, W, y)
part = lambda k: (
    lambda X, W, y, cotangent: (
        d_mse(X, W, y, cotangent)[0],
        k * d_mse(X, W, y, cotangent)[1],
        d_mse(X, W, y, cotangent)[2],
    )
)
wrong("mean squared error, 1/m", FACTOR, mse, part(10), X, W, y)
wrong("mean squared error, factor 2", FACTOR, mse, part(0.5), X, W, y)
wrong("mean squared error", SIGN, mse, part(-1), X, W, y)
ridge = lambda X, w, y: np.sum((X @ w - y) ** 2) / 5 + 0.7 * np.sum(w * w)
w1, y1 = arr(3), arr(5)
d_ridge = lambda X, w, y, cotangent: (
    cotangent * 2 * np.outer(X @ w - y, w) / 5,
    cotangent * (2 * X.T @ (X @ w - y) / 5 + 1.4 * w),
    cotangent * -2 * (X @ w - y) / 5,
)
right("ridge regression", ridge, d_ridge, X, w1, y1)
wrong(
    "ridge regression, penalty",
    TERM,
    ridge,
    lambda X, w, y, cotangent: (
        d_ridge(X, w, y, cotangent)[0],
        cotangent * 2 * X.T @ (X @ w - y) / 5,
        d_ridge(X, w, y, cotangent)[2],
    ),
    X,
    w1,
    y1,
)
wrong(
    "ridge regression, penalty's 2",
    TERM,
    ridge,
    lambda X, w, y, cotangent: (
        d_ridge(X, w, y, cotangent)[0],
        cotangent * (2 * X.T @ (X @ w - y) / 5 + 0.7 * w),
        d_ridge(X, w, y, cotangent)[2],
    ),
    X,
    w1,
    y1,
)

product = lambda A, B: A @ B
for shape in ((2, 2), (3, 3)):
    A, B = arr(*shape), arr(*shape)
    right(f"matrix product {shape}", product, lambda A, B, cotangent: (cotangent @ B.T, A.T @ cotangent), A, B)
    wrong(
        f"matrix product {shape}, dA",
        TRANSPOSED,
        product,
        lambda A, B, cotangent: ((cotangent @ B.T).T, A.T @ cotangent),
        A,
        B,
    )
    wrong(f"matrix product {shape}, dB", TERM, product, lambda A, B, cotangent: (cotangent @ B.T, A @ cotangent), A, B)
stack = lambda A, B: np.einsum("nij,njk->nik", A, B)
right(
    "batched product",
    stack,
    lambda A, B, cotangent: (cotangent @ np.swapaxes(B, 1, 2), np.swapaxes(A, 1, 2) @ cotangent),
    arr(2, 2, 3),
    arr(2, 3, 2),
)
wrong(
    "batched product",
    TRANSPOSED,
    stack,
    lambda A, B, cotangent: (np.swapaxes(cotangent @ np.swapaxes(B, 1, 2), 1, 2), np.swapaxes(A, 1, 2) @ cotangent),
    arr(2, 3, 3),
    arr(2, 3, 3),
)
quad = lambda x, A: x @ A @ x
Q = arr(3, 3)
right("quadratic form", quad, lambda x, A, cotangent: (cotangent * (A + A.T) @ x, cotangent * np.outer(x, x)), u, Q)
wrong(
    "quadratic form, one half",
    TERM,
    quad,
    lambda x, A, cotangent: (cotangent * A @ x, cotangent * np.outer(x, x)),
    u,
    Q,
)
wrong(
    "quadratic form, 2 A x",
    TERM,
    quad,
    lambda x, A, cotangent: (2 * cotangent * A @ x, cotangent * np.outer(x, x)),
    u,
    Q,
)
inverse = np.linalg.inv
M = arr(3, 3) + 4 * np.eye(3)
right("inverse", inverse, lambda A, cotangent: -inverse(A).T @ cotangent @ inverse(A).T, M)
wrong("inverse", SIGN, inverse, lambda A, cotangent: inverse(A).T @ cotangent @ inverse(A).T, M)
wrong("inverse, not transposed", TERM, inverse, lambda A, cotangent: -inverse(A) @ cotangent @ inverse(A), M)
right("determinant", np.linalg.det, lambda A, cotangent: cotangent * np.linalg.det(A) * inverse(A).T, M)
wrong("determinant", TRANSPOSED, np.linalg.det, lambda A, cotangent: cotangent * np.linalg.det(A) * inverse(A), M)
length = lambda x: np.sqrt(np.sum(x * x))
right("norm", length, lambda x, cotangent: cotangent * x / length(x), arr(4))
wrong("norm, not divided by it", FACTOR, length, lambda x, cotangent: cotangent * x, arr(4))

# Broadcasting and sums.
add = lambda x, b: x * np.ones((4, 3)) + b
right("bias over rows", add, lambda x, b, cotangent: (cotangent, cotangent.sum(0)), arr(4, 3), arr(3))
wrong("bias over rows", UNSUMMED, add, lambda x, b, cotangent: (cotangent, cotangent), arr(4, 3), arr(3))
wrong("bias over rows, mean", FACTOR, add, lambda x, b, cotangent: (cotangent, cotangent.mean(0)), arr(4, 3), arr(3))
wrong(
    "bias over columns",
    UNSUMMED,
    lambda x, b: x + b,
    lambda x, b, cotangent: (cotangent, cotangent),
    arr(3, 4),
    arr(3, 1),
)
wrong(
    "bias over columns, all summed",
    AXIS,
    lambda x, b: x + b,
    lambda x, b, cotangent: (cotangent, np.full((3, 1), cotangent.sum())),
    arr(3, 4),
    arr(3, 1),
)
wrong(
    "bias over columns, square",
    AXIS,
    lambda x, b: x + b,
    lambda x, b, cotangent: (cotangent, cotangent.sum(0, keepdims=True).T),
    arr(3, 3),
    arr(3, 1),
)
wrong(
    "scale by a scalar",
    UNSUMMED,
    lambda x, s: x * s,
    lambda x, s, cotangent: (cotangent * s, cotangent * x),
    arr(3),
    arr(),
)
wrong(
    "scale per channel",
    UNSUMMED,
    lambda x, s: x * s,
    lambda x, s, cotangent: (cotangent * s, cotangent * x),
    arr(2, 3, 2, 2),
    arr(3, 1, 1),
)
right(
    "scale per channel",
    lambda x, s: x * s,
    lambda x, s, cotangent: (cotangent * s, (cotangent * x).sum((0, 2, 3))[:, None, None]),
    arr(2, 3, 2, 2),
    arr(3, 1, 1),
)
wrong(
    "scale per channel, batch kept",
    UNSUMMED,
    lambda x, s: x * s,
    lambda x, s, cotangent: (cotangent * s, (cotangent * x).sum((2, 3), keepdims=True)),
    arr(2, 3, 2, 2),
    arr(3, 1, 1),
)
wrong(
    "outer sum",
    UNSUMMED,
    lambda a, b: a[:, None] + b,
    lambda a, b, cotangent: (cotangent, cotangent.sum(0)),
    arr(3),
    arr(4),
)
wrong(
    "outer sum, square",
    AXIS,
    lambda a, b: a[:, None] + b,
    lambda a, b, cotangent: (cotangent.sum(0), cotangent.sum(0)),
    arr(3),
    arr(3),
)
wrong(
    "row sums",
    AXIS,
    lambda x: x.sum(axis=0),
    lambda x, cotangent: np.broadcast_to(cotangent[:, None], (3, 3)),
    arr(3, 3),
)
right("row sums", lambda x: x.sum(axis=0), lambda x, cotangent: np.broadcast_to(cotangent, (3, 3)), arr(3, 3))
wrong(
    "mean of rows", FACTOR, lambda x: x.mean(axis=0), lambda x, cotangent: np.broadcast_to(cotangent, (4, 3)), arr(4, 3)
)
right("cumulative sum", np.cumsum, lambda x, cotangent: np.cumsum(cotangent[::-1])[::-1], arr(5))
wrong("cumulative sum, not turned back", TRANSPOSED, np.cumsum, lambda x, cotangent: np.cumsum(cotangent[::-1]), arr(5))
wrong("transpose", TRANSPOSED, lambda x: x.T * 1.5, lambda x, cotangent: 1.5 * cotangent, arr(2, 3))
wrong("transpose, square", TRANSPOSED, lambda x: x.T * 1.5, lambda x, cotangent: 1.5 * cotangent, arr(3, 3))
right("axes turned", lambda x: x.transpose(2, 0, 1), lambda x, cotangent: cotangent.transpose(1, 2, 0), arr(2, 3, 2))
wrong(
    "axes turned, cube",
    TRANSPOSED,
    lambda x: x.transpose(2, 0, 1),
    lambda x, cotangent: cotangent.transpose(2, 0, 1),
    arr(2, 2, 2),
)
wrong("flip", TRANSPOSED, lambda x: x[::-1] * 2, lambda x, cotangent: 2 * cotangent, arr(4))


def layer_norm(x):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-5)


def d_layer_norm(x, cotangent, through_mean=True, through_var=True):
    s = np.sqrt(((x - x.mean(-1, keepdims=True)) ** 2).mean(-1, keepdims=True) + 1e-5)
    h = layer_norm(x)
    g = cotangent - (cotangent * h).mean(-1, keepdims=True) * h * through_var
    return (g - cotangent.mean(-1, keepdims=True) * through_mean) / s


right("layer norm", layer_norm, d_layer_norm, arr(2, 4))
wrong(
    "layer norm, mean held fixed",
    TERM,
    layer_norm,
    lambda x, cotangent: d_layer_norm(x, cotangent, through_mean=False),
    arr(2, 4),
)
wrong(
    "layer norm, variance held fixed",
    TERM,
    layer_norm,
    lambda x, cotangent: d_layer_norm(x, cotangent, through_var=False),
    arr(2, 4),
)
wrong(
    "layer norm, both held fixed",
    TERM,
    layer_norm,
    lambda x, cotangent: d_layer_norm(x, cotangent, False, False),
    arr(2, 4),
)

labels = np.array([0, 2, 1])
cross = lambda z: -np.mean(np.log(softmax(z))[np.arange(3), labels])
hot = np.eye(3)[labels]
right("cross entropy", cross, lambda z, cotangent: cotangent * (softmax(z) - hot) / 3, arr(3, 3))
wrong("cross entropy, 1/m", FACTOR, cross, lambda z, cotangent: cotangent * (softmax(z) - hot), arr(3, 3))
wrong("cross entropy", SIGN, cross, lambda z, cotangent: cotangent * (hot - softmax(z)) / 3, arr(3, 3))
wrong("cross entropy, labels left out", TERM, cross, lambda z, cotangent: cotangent * softmax(z) / 3, arr(3, 3))


# `=` for `+=`: what is used twice gets the share of its last use only.
index = np.array([0, 2, 2, 1, 0])


def d_embed(E, cotangent):
    dE = np.zeros_like(E)
    np.add.at(dE, index, cotangent)
    return dE


def d_embed_overwritten(E, cotangent):
    dE = np.zeros_like(E)
    dE[index] = cotangent
    return dE


def d_embed_fancy(E, cotangent):
    dE = np.zeros_like(E)
    dE[index] += cotangent
    return dE


right("embedding", lambda E: E[index], d_embed, arr(4, 3))
wrong("embedding", OVERWRITTEN, lambda E: E[index], d_embed_overwritten, arr(4, 3))
wrong("embedding, += on an index", OVERWRITTEN, lambda E: E[index], d_embed_fancy, arr(4, 3))
twice = lambda x: x[:-1] * 2 + x[1:] ** 2


def d_twice(x, cotangent):
    dx = np.zeros_like(x)
    dx[:-1] += 2 * cotangent
    dx[1:] += 2 * x[1:] * cotangent
    return dx


def d_twice_overwritten(x, cotangent):
    dx = np.zeros_like(x)
    dx[:-1] = 2 * cotangent
    dx[1:] = 2 * x[1:] * cotangent
    return dx


right("two overlapping slices", twice, d_twice, arr(5))
wrong("two overlapping slices", OVERWRITTEN, twice, d_twice_overwritten, arr(5))
windows = lambda x, w: np.array([np.sum(x[i : i + 2] * w) for i in range(4)])


def d_windows(x, w, cotangent):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(4):
        dx[i : i + 2] += w * cotangent[i]
        dw += x[i : i + 2] * cotangent[i]
    return dx, dw


def d_windows_dx(x, w, cotangent):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(4):
        dx[i : i + 2] = w * cotangent[i]
        dw += x[i : i + 2] * cotangent[i]
    return dx, dw


def d_windows_dw(x, w, cotangent):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(4):
        dx[i : i + 2] += w * cotangent[i]
        dw = x[i : i + 2] * cotangent[i]
    return dx, dw


right("convolution", windows, d_windows, arr(5), arr(2))
wrong("convolution, dx", OVERWRITTEN, windows, d_windows_dx, arr(5), arr(2))
wrong("convolution, dw", OVERWRITTEN, windows, d_windows_dw, arr(5), arr(2))
wrong(
    "convolution, kernel turned",
    TRANSPOSED,
    windows,
    lambda x, w, cotangent: (d_windows(x, w, cotangent)[0], d_windows(x, w, cotangent)[1][::-1]),
    arr(5),
    arr(2),
)


def branches(x):
    return np.sin(x) + x**2


def d_branches(x, cotangent):
    dx = cotangent * np.cos(x)
    dx = cotangent * 2 * x
    return dx


wrong("two branches", OVERWRITTEN, branches, d_branches, arr(4))


def recurrent(w, x):
    h = 0.0
    for k in range(3):
        h = np.tanh(w * h + x[k])
    return h


def states(w, x):
    h = [0.0]
    for k in range(3):
        h.append(np.tanh(w * h[-1] + x[k]))
    return h


def d_recurrent(w, x, cotangent):
    h = states(w, x)
    dw, dx, dh = 0.0, np.zeros_like(x), cotangent
    for k in reversed(range(3)):
        dz = dh * (1 - h[k + 1] ** 2)
        dw += dz * h[k]
        dx[k] = dz
        dh = dz * w
    return dw, dx


def d_recurrent_last(w, x, cotangent):
    h = states(w, x)
    dw, dx, dh = 0.0, np.zeros_like(x), cotangent
    for k in reversed(range(3)):
        dz = dh * (1 - h[k + 1] ** 2)
        dw = dz * h[k + 0] + 0
        dx[k] = dz
        dh = dz * w
    return dw, dx


def d_recurrent_first(w, x, cotangent):
    h = states(w, x)
    dz = cotangent * (1 - h[3] ** 2)
    return dz * h[2], np.array([0.0, 0.0, dz])


right("recurrent net", recurrent, d_recurrent, np.array(0.8), arr(3))
wrong("recurrent net", OVERWRITTEN, recurrent, d_recurrent_last, np.array(0.8), arr(3))
wrong("recurrent net, one step only", TERM, recurrent, d_recurrent_first, np.array(0.8), arr(3))


# Stale caches: the derivative keeps what it saw first.
class Remembers:
    def __init__(self, slope):
        self.slope, self.kept = slope, None

    def __call__(self, x, cotangent):
        if self.kept is None:
            self.kept = self.slope(x)
        return self.kept * cotangent


for name, f, d, x in ELEMENTWISE[:6]:
    wrong(name, STALE, f, Remembers(d), x)

# Many inputs.
big = rng.normal(size=100_000)
norm2 = lambda x: np.sum(x * x)
right("100 000 squares", norm2, lambda x, cotangent: cotangent * 2 * x, big, plain=False)
right("100 000 sines", lambda x: np.sum(np.sin(x)), lambda x, cotangent: cotangent * np.cos(x), big, plain=False)
right("100 000 relus", lambda x: np.sum(relu(x)), lambda x, cotangent: cotangent * (x > 0), big, plain=False)
wrong("100 000 squares", FACTOR, norm2, lambda x, cotangent: cotangent * 2.002 * x, big, plain=False)
wrong("100 000 sines", SIGN, lambda x: np.sum(np.sin(x)), lambda x, cotangent: -cotangent * np.cos(x), big, plain=False)


def one_off(x, cotangent):
    g = cotangent * 2 * x
    g[777] *= 1.01
    return g


wrong("100 000 squares, one entry", TERM, norm2, one_off, big, plain=False)

RIGHT = [c for c in CASES if c.pattern is None]
BROKEN = [c for c in CASES if c.pattern is not None]
