"""Verdicts in low precision: against the same code in float64, with a bar that has the condition number in it."""

import numpy as np
import pytest

from tinygrad_edu.testing import check_derivative, check_gradients

ml_dtypes = pytest.importorskip("ml_dtypes")
DTYPES = [np.float16, np.float32, ml_dtypes.bfloat16]
X = np.linspace(0.1, 2, 6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("f", "df"),
    [
        (lambda x: np.sin(x).sum(), lambda x: np.cos(x)),
        (lambda x: np.sin(300 * x).sum(), lambda x: 300 * np.cos(300 * x)),  # all digits are lost, as they must
        (lambda x: np.exp(x).sum(), lambda x: np.exp(x)),
        (lambda x: np.log(np.sum(np.exp(x))), lambda x: np.exp(x) / np.sum(np.exp(x))),
        (lambda x: np.tanh(x).sum(), lambda x: 1 - np.tanh(x) ** 2),
    ],
)
def test_rounding_is_no_reproach(f, df, dtype):
    assert check_derivative(f, df, X.astype(dtype), strict=True).verdict == "RIGHT"
    assert check_derivative(f, lambda x: -df(x), X.astype(dtype), raises=False).pattern == "sign flipped"


def half_sum(x):
    """The sum, added up in the dtype of the numbers."""
    total = x.dtype.type(0)
    for v in x:
        total = total + v
    return total


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_sums_that_lose_their_digits(dtype):
    x = np.linspace(0.5, 1.5, 3000).astype(dtype)
    f = lambda x: np.sum(x.astype(float)) ** 2 / 2 if x.dtype.kind != "c" else np.sum(x) ** 2 / 2
    good = lambda x: np.full(x.shape, np.sum(x.astype(np.float64)))
    bad = lambda x: np.full(x.shape, half_sum(x))
    assert check_derivative(f, good, x).verdict == "RIGHT"
    report = check_derivative(f, bad, x, raises=False)
    assert (report.verdict, report.pattern) == ("WRONG", f"loses its digits in {np.dtype(dtype)}")
    assert "where it is 3000" in report.diagnosis
    assert check_derivative(f, bad, x.astype(np.float64)).verdict == "RIGHT"


def test_a_derivative_that_overflows_where_its_function_does_not():
    f = lambda x: np.sum(np.logaddexp(0, x))
    good = lambda x: 1 / (1 + np.exp(-x))
    bad = lambda x: np.exp(x) / (1 + np.exp(x))
    x = np.array([1.0, 12.0], dtype=np.float16)
    f_half = lambda x: np.sum(np.log1p(np.exp(-abs(x))) + np.maximum(x, 0))
    with np.errstate(over="ignore", invalid="ignore"):
        assert check_derivative(f_half, good, x).verdict == "RIGHT"
        report = check_derivative(f_half, bad, x, raises=False)
    assert f(1.0) == pytest.approx(f_half(1.0))
    assert (report.verdict, report.pattern) == ("WRONG", "loses its digits in float16")
    assert "x[1] is nan, where it is 0.999994 in float64" in report.diagnosis


def test_where_the_function_overflows_itself_it_is_noted():
    naive = lambda x: np.log1p(np.exp(x)).sum()
    x = np.array([1.0, 12.0], dtype=np.float16)
    with np.errstate(over="ignore", invalid="ignore"):
        report = check_derivative(naive, lambda x: np.exp(x) / (1 + np.exp(x)), x)
    assert report.verdict == "RIGHT"
    assert "the function itself is not finite in float16" in report.notes[-1]


def test_functions_of_tensors_in_half_precision():
    x = np.linspace(0.5, 1.5, 3000).astype(np.float16)
    assert check_gradients(lambda x: (x.sum() / 100) ** 2, x).verdict == "RIGHT"


def test_the_dtype_whose_rounding_leaves_it_open_is_named():
    x = np.random.default_rng(0).normal(size=(6, 3))
    w = np.random.default_rng(1).normal(size=(3, 4))
    df = lambda w: (x.T @ (1 - np.tanh(x @ w) ** 2)).astype(np.float16)
    report = check_derivative(lambda w: np.sum(np.tanh(x @ w)), df, w, raises=False)
    assert report.verdict == "UNDECIDED"
    assert "no more than the rounding of float16," in report.diagnosis
