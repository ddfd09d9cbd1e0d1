"""Functions that are not exact: solvers, fixed points, quadrature, low precision."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.testing import check_derivative, check_gradients
from tinygrad_edu.testing.subjects.functions import inexact


def solved(a, tolerance):
    """The number that is cos(a x)."""
    x = 0.5
    for _ in range(100000):
        y = np.cos(a * x)
        if abs(y - x) < tolerance:
            return y
        x = y


def slope(a):
    x = solved(a, 1e-15)
    return -x * np.sin(a * x) / (1 + a * np.sin(a * x))


@pytest.mark.parametrize("tolerance", [1e-14, 1e-12, 1e-10, 1e-8])
def test_a_solver_is_right_to_its_accuracy(tolerance):
    f = lambda a: solved(a, tolerance)
    assert check_derivative(f, slope, 0.9, accuracy=(10 * tolerance, 1e-12), strict=True).verdict == "RIGHT"
    for wrong in (lambda a: -slope(a), lambda a: 1.01 * slope(a)):
        assert check_derivative(f, wrong, 0.9, accuracy=10 * tolerance, raises=False).verdict == "WRONG"


def test_without_accuracy_a_solver_that_agrees_to_some_digits_is_not_called_wrong():
    report = check_derivative(lambda a: solved(a, 1e-8), slope, 0.9)
    assert report.verdict == "UNDECIDED"
    assert report.pattern == "agrees to 6 digits: solver tolerance or low precision"
    assert "accuracy=1e-6 takes that for right" in report.diagnosis
    assert check_derivative(lambda a: solved(a, 1e-8), slope, 0.9, accuracy=1e-6).verdict == "RIGHT"
    assert check_derivative(lambda a: solved(a, 1e-8), lambda a: -slope(a), 0.9, raises=False).verdict == "WRONG"


def test_an_exact_function_has_no_such_excuse():
    x = np.array([0.3, 1.1, 2.0])
    for factor in (1 + 1e-5, 1 + 1e-7):
        df = lambda x, factor=factor: np.cos(x) * factor
        assert check_derivative(lambda x: np.sin(x).sum(), df, x, raises=False).verdict == "WRONG"


def test_quadrature():
    from scipy.integrate import quad

    f = lambda a: quad(lambda x: np.exp(-a * x * x), 0, 3, epsabs=1e-5, epsrel=1e-5)[0]
    df = lambda a: quad(lambda x: -x * x * np.exp(-a * x * x), 0, 3)[0]
    assert check_derivative(f, df, 0.9, accuracy=1e-5).verdict == "RIGHT"
    assert check_derivative(f, lambda a: 2 * df(a), 0.9, accuracy=1e-5, raises=False).verdict == "WRONG"


def test_the_accuracy_of_a_derivative_is_a_share_of_its_largest_entry():
    x = np.array([1e-3, 1.0, 2.0])
    noise = 1e-6 * np.array([1.0, -1.0, 1.0])
    df = lambda x: 3 * x**2 + noise
    assert check_derivative(lambda x: (x**3).sum(), df, x, accuracy=(0, 1e-6)).verdict == "RIGHT"
    assert check_derivative(lambda x: (x**3).sum(), df, x, accuracy=(0, 1e-8), raises=False).verdict == "WRONG"
    assert check_derivative(lambda x: (x**3).sum(), df, x, raises=False).verdict == "WRONG"


def test_functions_of_tensors_take_it_too():
    coarse = tg.custom_op("coarse", lambda x: np.sin(x), lambda g, y, x: g * tg.cos(x) * (1 + 1e-6))
    f = lambda x: coarse(x).sum()
    x = np.array([0.3, 1.1])
    assert check_gradients(f, x, raises=False).verdict == "WRONG"
    assert check_gradients(f, x, accuracy=(0, 1e-5)).verdict == "RIGHT"


@pytest.mark.parametrize("accuracy", [-1e-3, 1.0, "high", (1e-3,), (1e-3, 2.0)])
def test_an_accuracy_that_is_none_is_refused(accuracy):
    with pytest.raises(ValueError, match="check_derivative: accuracy must be a relative error below 1"):
        check_derivative(np.sin, np.cos, 0.5, accuracy=accuracy)


def plain_loop(x):
    total = 0.0
    for v in x:
        if v == 1.0:
            continue
        total = total + v
    return total


def test_what_is_inexact_is_seen_in_the_text():
    assert inexact(plain_loop) is None
    assert inexact(np.sin) is None
    assert inexact(lambda a: solved(a, 1e-3)).startswith("the loop in line ")
    assert inexact(lambda x: np.float32(x)) == "`float32` in <lambda>"


def test_a_solver_that_is_imported_where_it_is_used_is_seen():
    brentq = pytest.importorskip("scipy.optimize").brentq

    def root(a):
        return a * a

    assert inexact(lambda a: brentq(lambda x: x**3 + a * x - 2, 0, 3)) == "`brentq` in <lambda>"
    assert inexact(lambda a: root(a)) is None
