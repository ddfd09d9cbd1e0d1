"""Derivatives that are right at their inputs, and wrong where an axis has length 1, a prime number, or none."""

import numpy as np
import pytest

from tinygrad_edu.testing import check_derivative
from tinygrad_edu.testing.subjects.functions import takes_any_length

RNG = np.random.default_rng(0)
X, W, Y = RNG.normal(size=(5, 3)), RNG.normal(size=3), RNG.normal(size=5)
TARGET = np.array([1.0, -2.0, 0.5])


def loss(w, X, y):
    return np.mean((X @ w - y) ** 2)


def gradient(m):
    def df(w, X, y):
        off = 2 * (X @ w - y) / m(y)
        return X.T @ off, np.outer(off, w), -off

    return df


def softmax(Z, labels):
    P = np.exp(Z - Z.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    return -np.log(P[np.arange(len(Z)), labels]).mean(), P


def d_softmax(m):
    def df(cache, Z, labels):
        g = cache.copy()
        g[np.arange(len(Z)), labels] -= 1
        return {"dZ": g / m(labels)}

    return df


@pytest.mark.parametrize(
    ("f", "df", "inputs"),
    [
        (loss, gradient(lambda y: 5), (W, X, Y)),
        (lambda X: (X**2).mean(), lambda X: X * 2 / 15, (X,)),
        (softmax, d_softmax(lambda labels: 5), (X, np.array([0, 1, 2, 1, 0]))),
    ],
)
def test_a_length_that_is_written_as_a_number(f, df, inputs):
    report = check_derivative(f, df, *inputs, raises=False)
    assert (report.verdict, report.pattern) == ("WRONG", "an axis of another length")
    assert "in place of 5, the derivative is wrong" in report.diagnosis
    assert "the formula is right at the inputs" in report.notes


@pytest.mark.parametrize(
    ("f", "df", "inputs"),
    [
        (loss, gradient(len), (W, X, Y)),
        (softmax, d_softmax(len), (X, np.array([0, 1, 2, 1, 0]))),
        (lambda w: loss(w, X, Y), lambda w: gradient(len)(w, X, Y)[0], (W,)),
        (lambda w: ((w - TARGET) ** 2).sum(), lambda w: 2 * (w - TARGET), (W,)),
        (lambda w: ((w - TARGET) ** 2).sum(), lambda w: np.array([2 * (v - t) for v, t in zip(w, TARGET)]), (W,)),
        (np.sin, np.cos, (W,)),
    ],
)
def test_right_derivatives_have_nothing_to_tell(f, df, inputs):
    report = check_derivative(f, df, *inputs)
    assert report.verdict == "RIGHT"
    assert not [note for note in report.notes if "an axis" in note]


def deep(W1, W2, b2, W3):
    """Two hidden layers of rectified units. Where the first layer has one unit, and it is dead, the second is at 0."""
    A1 = np.maximum(W1 @ FEATURES, 0)
    Z2 = W2 @ A1 + b2
    A2 = np.maximum(Z2, 0)
    return ((W3 @ A2) ** 2 + W3 @ A2).sum(), (A1, Z2, A2, W2, W3)


def d_deep(cache):
    A1, Z2, A2, W2, W3 = cache
    dZ3 = 2 * W3 @ A2 + 1
    dZ2 = W3.T @ dZ3 * (Z2 > 0)
    dZ1 = W2.T @ dZ2 * (A1 > 0)
    return {"dW1": dZ1 @ FEATURES.T, "dW2": dZ2 @ A1.T, "db2": dZ2.sum(axis=1, keepdims=True), "dW3": dZ3 @ A2.T}


FEATURES = RNG.normal(size=(3, 6))


@pytest.mark.parametrize("seed", range(5))
def test_kinks_at_inputs_that_nobody_chose_say_nothing(seed):
    rng = np.random.default_rng(seed)
    sizes = (5, 3), (4, 5), (1, 4)
    W1, W2, W3 = (rng.normal(size=size) for size in sizes)
    report = check_derivative(deep, d_deep, W1, W2, np.zeros((4, 1)), W3)
    assert report.verdict in ("RIGHT", "KINK")


def squeezed(Z, cotangent):
    """Right but for one row, which it takes for a vector."""
    rows = np.squeeze(cotangent)
    return np.cos(Z) * np.concatenate([row[None, :] for row in rows])


def test_what_a_derivative_refuses_is_a_note():
    report = check_derivative(np.sin, squeezed, X)
    assert report.verdict == "RIGHT"
    assert any(note.startswith("where an axis has length 1 in place of 5, df raises") for note in report.notes)


def test_a_derivative_of_a_vector_may_be_written_for_its_length():
    """What is wrong at other lengths is no reproach, but told."""
    by_hand = lambda x: np.array([x[1] * x[2], x[0] * x[2], x[0] * x[1]])
    assert check_derivative(np.prod, by_hand, W).verdict == "RIGHT"
    optimize = pytest.importorskip("scipy.optimize")
    assert check_derivative(optimize.rosen, optimize.rosen_der, W).verdict == "RIGHT"
    report = check_derivative(lambda w: (w**2).mean(), lambda w: 2 * w / 3, W)
    assert report.verdict == "RIGHT"
    assert any(note.startswith("where an axis has length 7 in place of 3, the deriv") for note in report.notes)


def test_empty_inputs_have_empty_gradients():
    report = check_derivative(lambda X: (X**2).sum(), lambda X: 2 * X if X.size else np.zeros(1), X)
    assert any("length 0 in place of 5, the gradient of X has shape (1,), not (0, 3)" in note for note in report.notes)


class Model:
    def __init__(self, X):
        self.X = X

    def value(self, w):
        return np.sum(np.tanh(self.X @ w))


def imports(x):
    import ctypes

    return np.sum(x) * ctypes.sizeof(ctypes.c_char)


def test_only_what_is_ones_own_and_holds_nothing_of_that_length_is_tried():
    """Compiled code may read beyond the end of an array."""
    assert takes_any_length(loss, 5)
    assert takes_any_length(np.sin, 5)
    assert not takes_any_length(lambda w: loss(w, X, Y), 3)
    assert takes_any_length(lambda w: loss(w, X, Y), 2)
    assert not takes_any_length(Model(X).value, 3)
    assert takes_any_length(Model(X).value, 7)
    assert not takes_any_length(imports, 3)
    assert not takes_any_length(lambda x: np.lib.stride_tricks.as_strided(x, (3,)), 3)
    assert not takes_any_length(pytest.approx, 3)


@pytest.mark.parametrize("n", [2, 3, 10])
def test_rounding_at_another_length_is_no_reproach(n):
    """Of two vectors of one number, the cosine is 1 or -1 whatever the numbers are."""

    def cosine(a, b):
        return a @ b / (np.sqrt(a @ a) * np.sqrt(b @ b))

    def d_cosine(a, b):
        na, nb = np.sqrt(a @ a), np.sqrt(b @ b)
        c = a @ b / (na * nb)
        return b / (na * nb) - c * a / na**2, a / (na * nb) - c * b / nb**2

    for seed in range(10):
        a, b = np.random.default_rng(seed).normal(size=(2, n))
        assert check_derivative(cosine, d_cosine, a, b).verdict == "RIGHT"


def test_what_is_left_of_terms_that_cancel_at_another_length_is_no_reproach():
    """Of one class, the cross entropy is 0, whatever the logits are: what its sum leaves is rounding."""

    def entropy(z):
        return np.sum(np.log(np.sum(np.exp(z), axis=1)) - z[:, 0])

    def d_entropy(z):
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        p[:, 0] -= 1
        return p

    for seed in range(10):
        z = 3 * np.random.default_rng(seed).normal(size=(5, 4))
        assert check_derivative(entropy, d_entropy, np.asfortranarray(z)).verdict == "RIGHT"
