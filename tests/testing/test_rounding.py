"""Right derivatives that have lost their digits, or whose function has, are not called wrong; mistakes among them are."""

import numpy as np
import pytest

from tinygrad_edu.testing import check_derivative
from tinygrad_edu.testing.slopes.extended import EXTENDED

pytestmark = pytest.mark.skipif(not EXTENDED, reason="NumPy's longdouble is float64 on this machine")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    return np.exp(x) / np.exp(x).sum()


NAIVE = {  # as they are written: the formula is right, and loses its digits somewhere
    "tanh": (lambda x: np.tanh(x).sum(), lambda x: 1 - np.tanh(x) ** 2, (17.0, 18.9, -19.2)),
    "sigmoid": (lambda x: sigmoid(x).sum(), lambda x: sigmoid(x) * (1 - sigmoid(x)), (35.2, -36.1, 38.0)),
    "log-loss": (lambda x: -np.log(sigmoid(x)).sum(), lambda x: sigmoid(x) - 1, (27.7, 76.5, 12.3)),
    "log-loss of the other": (lambda x: -np.log(1 - sigmoid(x)).sum(), sigmoid, (27.1, 28.2, 22.9)),
    "logit": (lambda x: np.log(sigmoid(x) / (1 - sigmoid(x))).sum(), np.ones_like, (29.7, 32.3, -30.1)),
    "cross-entropy": (lambda x: -np.log(softmax(x)[0]), lambda x: softmax(x) - (np.arange(3) == 0), (38.0, 2.0, -1.0)),
    "log1p": (lambda x: np.log(1 + x).sum(), lambda x: 1 / (1 + x), (1e-9, 3e-12, 2e-8)),
    "expm1 / x": (lambda x: (np.exp(x) - 1).sum(), np.exp, (1e-12, -3e-9, 2e-16)),
    "difference": (lambda x: ((x + 1e4) ** 2 - 1e8 - 2e4 * x).sum(), lambda x: 2 * (x + 1e4) - 2e4, (-9.7e-6, 3e-7, 2e-8)),
    "root": (lambda x: (np.sqrt(x * x + 1) - np.abs(x)).sum(), lambda x: x / np.sqrt(x * x + 1) - np.sign(x), (8.8e5, -39.0, 7.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", NAIVE)
def test_a_right_derivative_is_not_wrong_and_a_flipped_one_not_right(name):
    f, df, x = NAIVE[name]
    for k in range(3):
        point = np.array([*x[k:], *x[:k]])
        assert check_derivative(f, df, point).verdict != "WRONG"
        flipped = lambda x, k=k: df(x) * np.where(np.arange(3) == k, -1, 1)
        if np.all(np.abs(df(point)) > 1e-15):
            assert check_derivative(f, flipped, point, raises=False).verdict in ("WRONG", "UNDECIDED")


def test_digits_that_are_left_are_right_and_none_are_undecided():
    assert check_derivative(*NAIVE["log-loss"][:2], np.array([27.7])).verdict == "RIGHT"
    slope = lambda x: (x * np.exp(x) - np.exp(x) + 1) / x**2  # 4.0 at x = 5e-9, where 0.5 is right
    report = check_derivative(lambda x: ((np.exp(x) - 1) / x).sum(), slope, np.array([-5.3e-9, -2.6e-8]))
    assert report.verdict == "UNDECIDED"


@pytest.mark.parametrize("factor", [2.0, 1.0001])
def test_a_wrong_derivative_stays_wrong_where_others_have_lost_their_digits(factor):
    f, df = NAIVE["tanh"][:2]
    report = check_derivative(f, lambda x: factor * df(x), np.array([0.3, 18.9]), raises=False)
    assert report.entries[0].verdict == "WRONG"


def test_float32_inside_that_says_so_nowhere():
    single = np.dtype("f4")
    f = lambda x: float(sigmoid(np.asarray(x, single)).sum())
    df = lambda x: sigmoid(np.asarray(x, single)) * (1 - sigmoid(np.asarray(x, single)))
    assert check_derivative(f, df, np.array([-18.58, 18.64])).verdict != "WRONG"
    assert check_derivative(f, lambda x: -df(x), np.array([0.3, 1.2]), raises=False).verdict == "WRONG"


def test_a_mistake_too_small_to_be_seen_is_found_elsewhere():
    f = lambda x: np.sum(np.exp(-x * x / 2))
    df = lambda x: -x * np.exp(-x * x / 2) * np.array([1.0, 2.0])
    report = check_derivative(f, df, np.array([0.5, 41.0]), raises=False)
    assert report.verdict == "WRONG"
    assert "these are other inputs" in report.notes[-1]
