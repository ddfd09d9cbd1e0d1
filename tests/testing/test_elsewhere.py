"""Derivatives that are zero at the inputs are looked at where they are not."""

import numpy as np
import pytest

from tinygrad_edu.testing import check_derivative

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, 4)), np.array([[1, 0, 1, 1]])


def forward(X, Y, parameters):
    m = X.shape[1]
    W1, b1, W2, b2 = (parameters[k] for k in ("W1", "b1", "W2", "b2"))
    A1 = np.maximum(0, W1 @ X + b1)
    A2 = 1 / (1 + np.exp(-(W2 @ A1 + b2)))
    return np.sum(-np.log(A2) * Y - np.log(1 - A2) * (1 - Y)) / m, (X, Y, A1, A2, W2, m)


def backward(cache, k1=1.0, k2=1.0):
    X, Y, A1, A2, W2, m = cache
    dZ2 = A2 - Y
    dZ1 = W2.T @ dZ2 * (A1 > 0)
    return {
        "dW1": dZ1 @ X.T / m, "db1": k1 * dZ1.sum(1, keepdims=True) / m,
        "dW2": k2 * dZ2 @ A1.T / m, "db2": dZ2.sum(1, keepdims=True) / m,
    }  # fmt: skip


def dead_network():
    weights = RNG.normal(size=(3, 2)), np.full((3, 1), -9.0), RNG.normal(size=(1, 3)), np.zeros((1, 1))
    return dict(zip(("W1", "b1", "W2", "b2"), weights, strict=True))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("k1", "k2"), [(4.0, 1.0), (1.0, 2.0), (4.0, 2.0)])
def test_mistakes_behind_dead_relus_are_found(k1, k2, seed):
    report = check_derivative(forward, lambda c: backward(c, k1, k2), X, Y, dead_network(), raises=False, seed=seed)
    assert report.verdict == "WRONG"
    assert any("could not be seen (1 of 13 derivatives agree; the other 12" in note for note in report.notes)
    assert {e.argument for e in report.wrong} == {n for n, k in (("b1", k1), ("W2", k2)) if k != 1}


def test_what_could_not_have_been_wrong_is_counted():
    report = check_derivative(forward, backward, X, Y, dead_network())
    assert report.verdict == "RIGHT"
    assert report.diagnosis.startswith("1 of 13 derivatives agree; the other 12 (of W1, b1, W2) are 0 here, so that")
    assert "of these were larger, and agreed" in report.diagnosis
    x = np.array([1.0, 2.0, 3.0])  # what the function never uses is alive nowhere
    report = check_derivative(lambda x: x[0] ** 2, lambda x: 2 * x * (np.arange(3) == 0), x)
    assert report.diagnosis.endswith("are 0 here, so that they could not have been wrong")


def test_a_forgotten_term_that_is_zero_here_is_found():
    f = lambda x: np.sum(x**2) + x[0] ** 3 * x[1]
    df = lambda x, k=1.0: 2 * x + k * np.array([3 * x[0] ** 2 * x[1], x[0] ** 3, 0.0])
    x = np.array([0.0, 0.0, 1.0])
    assert check_derivative(f, df, x).verdict == "RIGHT"
    assert check_derivative(f, lambda x: df(x, 0.0), x, raises=False).verdict == "WRONG"


def test_other_inputs_outside_the_domain_are_no_reproach():
    def f(x):
        if x[1] != 0.5:
            raise RuntimeError("one half, please")
        return x[0] ** 2 + np.maximum(x[1] - 9, 0)

    assert (
        check_derivative(f, lambda x: np.array([2 * x[0], 0.0]), np.array([1.0, 0.5]), raises=False).verdict != "WRONG"
    )


DEAD = {  # functions of one sign of their inputs, of zeros, and a mistake that only others show
    "relu": (lambda x: np.sum(np.maximum(x, 0)), lambda x: np.where(x > 0, np.where(x == x[0], 1, 2), 0), 1),
    "relu squared": (lambda x: np.sum(np.maximum(x, 0) ** 2), lambda x: np.maximum(x, 0), 1),
    "root of relu": (lambda x: np.sum(np.sqrt(np.maximum(x, 0))), lambda x: (x > 0) / np.sqrt(np.abs(x) + 1e-99), 1),
    "cube": (lambda x: np.sum(x**3), lambda x: 2 * x**2, 0),
    "exp": (lambda x: np.sum(np.exp(x - 50) * x**2), lambda x: 2 * x * np.exp(x - 50), 0),
}


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 3, 5, 10, 30, 100])
@pytest.mark.parametrize("name", DEAD)
def test_a_mistake_elsewhere_costs_no_more_than_ten_times_central_differences(name, n):
    f, df, sign = DEAD[name]
    alive = np.arange(n) == 0  # a term that is alive here, so that the check is not vacuous

    def whole(x):
        return f(x) + 3 * x[0]

    x = -sign * (0.1 + np.random.default_rng(n).random(n))
    report = check_derivative(whole, lambda x: df(x) + 3 * alive, x, raises=False)
    assert report.evaluations <= 10 * 2 * n
    assert report.verdict == "WRONG" or n == 2
    assert report.verdict != "WRONG" or "at the inputs given this could not be seen" in report.notes[0]


@pytest.mark.parametrize("power", [2, 3, 4, 5])
@pytest.mark.parametrize("base", [0.0, 1.0])
def test_powers_at_zero_have_slope_zero(power, base):
    """The complex step's own truncation is all that it sees there."""
    f, df = lambda x: np.sum(x**power) + base, lambda x: power * x ** (power - 1)
    x = np.zeros(2)
    assert check_derivative(f, df, x, raises=False).verdict == "VACUOUS"
    one = np.arange(2) == 0
    report = check_derivative(lambda x: f(x) + x[0], lambda x: df(x) + one, x)
    assert report.diagnosis.startswith("1 of 2 derivatives agree; the other 1 (of x) are 0 here")
    assert check_derivative(lambda x: f(x) + x[0], lambda x: 2 * df(x) + one, x, raises=False).verdict == "WRONG"
