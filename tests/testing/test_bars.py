"""Error bars are as narrow as a function allows, and what a wide one may hide is not called right."""

import numpy as np
import pytest
from scipy import special

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import ops, testing
from tinygrad_edu.testing import check_derivative
from tinygrad_edu.testing.properties.registry_score import op_test


def inside_only(f):
    """The function, which insists on arguments between 0 and 1."""

    def checked(x):
        assert 0 < x < 1
        return f(x)

    return checked


def leaky(x):
    return np.where(x > 0, x, 0.1 * x).sum()


def softmax(x):
    e = np.exp(x - np.max(x))
    return e / e.sum()


def chain(x):
    return special.log_expit(special.j0(np.arctanh(x / 3e-12)))


def d_chain(x):
    u = np.arctanh(x / 3e-12)
    return special.expit(-special.j0(u)) * -special.j1(u) / (1 - (x / 3e-12) ** 2) / 3e-12


SHARP = {  # where the function bends within far less than the size of its inputs
    "a pole and tiny inputs": (lambda x: chain(x).sum(), d_chain, 3e-12 * np.array([0.99, 0.985, -0.99])),
    "a pole of gamma, 1e-4": (special.gamma, lambda x: special.gamma(x) * special.digamma(x), 1e-4 - 2),
    "a pole of gamma, 1e-6": (special.gamma, lambda x: special.gamma(x) * special.digamma(x), 1e-6 - 2),
    "an edge at 1e-7": (
        inside_only(lambda x: x**1.5 * (1 - x) ** 2.5),
        inside_only(lambda x: (1.5 * (1 - x) - 2.5 * x) * x**0.5 * (1 - x) ** 1.5),
        1 - 1e-7,
    ),
    "softmax far from 0": (
        lambda x: softmax(x)[1],
        lambda x: softmax(x) * ((np.arange(3) == 1) - softmax(x)[1]),
        np.array([1000.0, 999.0, 998.5]),
    ),
    "a kink at 1e-8 beside 1000": (leaky, lambda x: np.where(x > 0, 1, 0.1), np.array([1e-8, 1e3])),
    "a far tail": (lambda x: special.log_expit(x).sum(), lambda x: special.expit(-x), np.array([13.4, 15.2, 25.4])),
}


@pytest.mark.parametrize("name", SHARP)
def test_a_factor_of_a_thousandth_does_not_hide_in_the_bar(name):
    f, df, x = SHARP[name]
    assert check_derivative(f, df, x).verdict == "RIGHT"
    report = check_derivative(f, lambda x: 1.001 * df(x), x, raises=False)
    assert report.verdict == "WRONG"
    if np.ndim(x):
        one = lambda x: np.where(np.arange(len(x)) == 0, 1.001, 1) * df(x)
        assert check_derivative(f, one, x, raises=False).verdict == "WRONG"


def test_what_no_value_of_the_function_shows_is_undecided():
    """Beside 1e4, whose last place is 2e-12, a kink at 1e-10 leaves two digits of the slope between."""
    x = np.array([1e-10, -1e4])
    for factor in (1.0, 1.001):
        report = check_derivative(leaky, lambda x, k=factor: np.where(x > 0, k, 0.1), x)
        assert report.verdict == "UNDECIDED"
        assert report.diagnosis.startswith("x[0]: agrees to 1 digit: the error bar, ")
    opposite = check_derivative(lambda x: np.abs(x).sum(), lambda x: np.array([-1.0, -1.0]), x, raises=False)
    assert opposite.verdict == "WRONG"


def test_a_derivative_too_small_to_be_seen_sharply_is_looked_at_elsewhere():
    f, x = lambda x: np.abs(np.exp(x)).sum(), np.array([-23.0, 0.7, 0.15, 0.4, -0.3])
    report = check_derivative(f, np.exp, x)
    assert report.verdict == "RIGHT"
    assert "beside the function, 1 of these (of x) can be seen to 2 digits or fewer" in report.diagnosis
    wrong = check_derivative(f, lambda x: np.array([1.001, 1, 1, 1, 1]) * np.exp(x), x, raises=False)
    assert wrong.verdict == "WRONG"
    assert "could not be seen" in wrong.notes[-1]


def test_complex_functions_of_other_libraries_are_taken_for_rough():
    """SciPy's Airy function of a complex number has an imaginary part that is noise."""
    f = lambda x: np.exp(np.maximum(special.airy(x)[0], 0))
    df = lambda x, cotangent: cotangent * f(x) * special.airy(x)[1] * (special.airy(x)[0] > 0)
    x = np.array([-1.9, -2.6, -3.2])
    for scale in (1.0, 1e-10):
        scaled = lambda x, cotangent, s=scale: df(x / s, cotangent) / s
        report = check_derivative(lambda x, s=scale: f(x / s), scaled, x * scale)
        assert report.verdict == "RIGHT"


@pytest.mark.parametrize("x", [9.1, -8.7, 9.4])
def test_inputs_that_a_function_rounds_are_noise(x):
    f = lambda x: float(np.exp(np.float32(-x * x / 9)))
    slope = lambda x: -2 * x / 9 * np.exp(-x * x / 9)
    assert check_derivative(f, slope, x).verdict in ("RIGHT", "UNDECIDED")
    assert check_derivative(f, lambda x: -slope(x), x, raises=False).verdict == "WRONG"


def test_digits_are_those_of_each_gradient_and_of_finite_ones():
    f = lambda a, b: np.sum(a * a) + 1e-9 * np.sum(b * b)
    low = lambda a, b: (np.float16(2 * a).astype(float), np.float16(2e-9 * b).astype(float))  # the second one is 0
    a = np.array([0.3, 0.7])
    assert check_derivative(f, low, a, a, raises=False).verdict == "WRONG"
    high = lambda a: np.float16(2e6 * a).astype(float)  # infinite
    assert check_derivative(lambda a: np.sum(1e6 * a * a), high, a, raises=False).verdict == "WRONG"


def falls(x):
    return 9e9 * special.erf(np.arctanh(x / 7e-7))


def d_falls(x):
    u = np.arctanh(x / 7e-7)
    return 9e9 * 2 / np.sqrt(np.pi) * np.exp(-u * u) / (1 - (x / 7e-7) ** 2) / 7e-7


def waves(x):
    return special.xlogy(special.airy(x)[0], special.airy(x)[0])


def d_waves(x):
    return special.airy(x)[1] * (np.log(special.airy(x)[0]) + 1)


@pytest.mark.parametrize("factor", [1, -1, 1.001])
@pytest.mark.parametrize(("f", "df", "x"), [(falls, d_falls, 1.3e-7), (waves, d_waves, 0.3), (waves, d_waves, -4e-11)])
def test_what_real_differences_deny_costs_nothing_more(f, df, x, factor):
    report = check_derivative(lambda x: np.sum(f(x)), lambda x: factor * df(x), np.array([x]), raises=False)
    assert report.verdict == ("RIGHT" if factor == 1 else "WRONG")
    assert report.evaluations <= 20


def test_noise_is_not_taken_for_a_bend():
    """A saturated softmax has more rounding than its values tell: smaller steps would show that alone."""
    op_test(ops.attend, 25)()


KINKS = {  # functions that compute in float32 whatever they are given: where, slopes between the sides, and others
    "relu": (tg.relu, 0.0, (0, 0.5, 1), (-0.1, 1.1, 2)),
    "abs": (tg.abs, 0.0, (-1, 0, 1), (-1.1, 1.2)),
    "leaky relu": (lambda z: F.leaky_relu(z, 0.1), 0.0, (0.1, 0.5, 1), (0, 1.1)),
    "relu6": (F.relu6, 6.0, (0, 1), (-0.1, 1.2)),
    "hardtanh": (F.hardtanh, 1.0, (0, 0.3, 1), (1.2,)),
    "maximum": (lambda z: tg.maximum(z, 2 * z), 0.0, (1, 1.5, 2), (0.9, 2.1)),
    "a third away": (lambda z: np.float32(np.abs(np.float32(z) - np.float32(3))), 3.0, (-1, 0, 1), (1.05, -1.05)),
    "steep": (lambda z: tg.relu(1e4 * z), 0.0, (0, 1e4), (1.1e4, -1e3)),
    "flat": (lambda z: tg.relu(1e-4 * z), 0.0, (0, 1e-4), (1.1e-4,)),
}


@pytest.mark.parametrize("name", KINKS)
def test_the_slopes_of_a_kink_in_float32_are_known_to_its_rounding(name):
    f, x, between, others = KINKS[name]
    for slope, verdict in [(s, "KINK") for s in between] + [(s, "WRONG") for s in others]:
        found = testing.check_derivative(f, lambda z, slope=slope: slope, x, raises=False)
        assert (slope, found.verdict) == (slope, verdict)
