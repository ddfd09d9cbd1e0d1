"""Steps follow the function's own length scale; the complex step is trusted only where it has a meaning."""

import math

import numpy as np
import pytest

from tinygrad_edu import testing
from tinygrad_edu.testing import check_derivative, check_gradients, derivative_property, strategies

W = np.array([1.0, -2.0, 0.5])


def report(f, df, *inputs):
    return check_derivative(f, df, *inputs, raises=False)


SCALES = [
    *[(f"softsign at {x:g}", lambda x: x / (1 + np.abs(x)), lambda x: 1 / (1 + np.abs(x)) ** 2, x) for x in (1e-9, 1e-6, -1e-6, 0.3, 1e6)],
    *[(f"exp(x*x) at {x:g}", lambda x: math.exp(x * x), lambda x: 2 * x * math.exp(x * x), x) for x in (-15.0, 3.0, 15.0, 26.0)],
    *[(f"1/|x-1| at 1 + {d:g}", lambda x: 1 / np.abs(x - 1), lambda x: -np.sign(x - 1) / (x - 1) ** 2, 1 + d) for d in (1e-2, 1e-5, -1e-5, 1e-7, 1e-9)],
    *[(f"log|x-1| at 1 + {d:g}", lambda x: np.log(np.abs(x - 1)), lambda x: 1 / (x - 1), 1 + d) for d in (1e-5, -1e-5, 1e-9)],
    ("abs at two scales", lambda x: np.abs(x).sum(), np.sign, np.array([1e-8, 1e3])),
    ("abs at two scales, left", lambda x: np.abs(x).sum(), np.sign, np.array([-1e-6, 1e3])),
    ("a narrow bell", lambda x: np.exp(-(((x - 100) * 1e4) ** 2)), lambda x: -2e8 * (x - 100) * np.exp(-(((x - 100) * 1e4) ** 2)), 100.00005),
    ("sine of 1/x", lambda x: np.sin(1 / x), lambda x: -np.cos(1 / x) / x**2, 1e-3),
    *[(f"sine at {x:g}", np.sin, np.cos, x) for x in (1e-308, 1e-310, 5e-324)],
    ("log at 1e-307", np.log, lambda x: 1 / x, 1e-307),
    ("half a circle's edge", lambda x: np.sqrt(1 - x * x), lambda x: -x / np.sqrt(1 - x * x), 1 - 1e-9),
    ("L1 beside a square", lambda w: w @ w + 1e-5 * np.abs(w).sum(), lambda w: 2 * w + 1e-5 * np.sign(w), W),
]  # fmt: skip


@pytest.mark.parametrize(("f", "df", "x"), [c[1:] for c in SCALES], ids=[c[0] for c in SCALES])
def test_right_is_right_and_a_flipped_sign_is_wrong(f, df, x):
    assert report(f, df, x).verdict == "RIGHT"
    assert report(f, lambda x: -1.0 * df(x), x).verdict == "WRONG"


@pytest.mark.parametrize(
    "term",
    [
        lambda w: np.abs(w), lambda w: np.real(w**3), lambda w: w.real**3, lambda w: w * np.conj(w),
        lambda w: np.where(w > 0, w, -w), lambda w: np.abs(np.array(w, subok=False)), lambda w: w * np.sign(w),
    ],
)  # fmt: skip
def test_a_small_term_without_a_complex_derivative_is_not_forgotten(term):
    assert report(lambda w: w @ w + 1e-7 * term(w).sum(), lambda w: 2 * w, W).verdict == "WRONG"


@pytest.mark.parametrize("x", [-1.4308730228590871, 0.5, 2.2, -0.1])
def test_float32_inside(x):
    f = lambda x: float(np.exp(np.float32(x)))
    assert report(f, lambda x: float(np.exp(x)), x).verdict in ("RIGHT", "NOISE")
    assert report(f, lambda x: -float(np.exp(x)), x).verdict == "WRONG"


@pytest.mark.parametrize("x", [29.0, -29.0, -29.132, -30.0, 36.0])
def test_digits_that_a_function_has_lost_are_no_reproach(x):
    sigmoid = lambda x: 0.5 * (1 + np.tanh(x / 2))
    assert report(sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x)), x).verdict != "WRONG"


def test_a_fixed_point():
    def fixed_point(a, tol):
        x = 0.5
        for _ in range(100000):
            y = np.cos(a * x)
            if abs(y - x) < tol:
                return y
            x = y

    def slope(a):
        x = fixed_point(a, 1e-15)
        return -x * np.sin(a * x) / (1 + a * np.sin(a * x))

    assert report(lambda a: fixed_point(a, 1e-14), slope, 0.9).verdict == "RIGHT"
    assert report(lambda a: fixed_point(a, 1e-14), lambda a: 1.001 * slope(a), 0.9).verdict == "WRONG"


def test_models_of_torch_in_their_own_precision():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    assert check_gradients(torch.nn.Linear(3, 1), torch.randn(4, 3)).verdict == "RIGHT"

    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1.0

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    layer = torch.nn.Linear(3, 1)
    assert check_gradients(lambda x: layer(Twice.apply(x)), torch.randn(4, 3), raises=False).verdict == "WRONG"


def test_functions_that_differentiate_inside():
    torch = pytest.importorskip("torch")

    def penalty(x):
        (g,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
        return (g**2).sum()

    assert check_gradients(penalty, torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)).verdict == "RIGHT"


@pytest.mark.parametrize("factor", ["1 + 1e-07", "1 + 1e-05", "1 - 0.0001"])
def test_factors_near_one(factor):
    a = np.random.default_rng(0).normal(size=(20, 30))
    for x in (W, a):
        found = report(lambda x: np.sin(x).sum(), lambda x: np.cos(x) * eval(factor), x).pattern
        if factor != "1 + 1e-07" or x is W:
            assert found.startswith(f"off by a constant factor {factor}")
        else:
            assert not found.startswith("transposed")


def test_a_zero_gradient_and_indexed_writes_are_named():
    assert report(np.sin, lambda x: 0 * x, W).pattern == "one term missing: the whole gradient is 0"

    def f(x, w):
        return sum(np.tanh(w * x[t]) * (t + 1.0) for t in range(len(x)))

    def df(x, w):
        dx, dw = np.zeros_like(x), 0.0
        for t in range(len(x)):
            da = (1 - np.tanh(w * x[t])) * (t + 1.0)
            dx[t] = da * w
            dw += da * x[t]
        return {"dx": dx, "dw": dw}

    assert not report(f, df, np.array([0.3, 0.5, 0.7]), 1.2).pattern.startswith("= for +=")


@pytest.mark.slow
def test_properties_of_lambdas_and_of_operands():
    with pytest.raises(testing.GradientError, match="WRONG"):
        derivative_property(strategies.arrays(), df=lambda x: 2 * x)(lambda x: x**3)()
    derivative_property(strategies.broadcast_arrays())(lambda p: p[0] * p[1])()
    derivative_property(strategies.broadcast_arrays())(lambda a, b: a * b)()
    derivative_property(strategies.matmul_operands())(lambda a, b: a @ b)()


def test_each_gradient_is_broken_by_itself():
    ones = np.ones(3)
    first = lambda df: check_derivative(lambda a: (a * 2.0).sum(), lambda a: df(a, 2 * ones)[0], ones)
    score = testing.mutation_score(lambda a, b: (b, a), first)
    assert (score.caught, len(score.survivors)) == (6, 6)
    assert all(name.startswith("gradient 1:") for name in score.survivors)


@pytest.mark.parametrize("f", [np.sin, lambda x: np.exp(x) * abs(x), math.sin], ids=["sin", "exp |x|", "math.sin"])
def test_a_factor_on_a_function_of_one_number_is_named_where_it_is_one(f):
    """Any two numbers are proportional: whether that is a factor shows elsewhere."""
    right = {np.sin: np.cos, math.sin: math.cos}.get(f, lambda x: np.exp(x) * (abs(x) + np.sign(x)))
    pattern = report(f, lambda x: 1.37 * right(x), 0.7).pattern
    assert pattern == "off by a constant factor 1.37"
    assert report(f, lambda x: right(x) + 0.1, 0.7).pattern == "one term missing or wrong"


def test_a_mistake_in_some_entries_is_named_with_their_number():
    signs, thirds = np.array([1.0, -1.0, 1.0, 1.0]), np.array([3.0, 3.0, 3.0, 1.0])
    x = np.array([0.3, -0.5, 0.7, 1.1])
    assert report(np.sin, lambda x: signs * np.cos(x), x).pattern == "sign flipped, in 1 of 4 entries"
    assert report(np.sin, lambda x: thirds * np.cos(x), x).pattern == "off by a constant factor 3, in 3 of 4 entries"


BESIDE = {  # functions of Python's numbers that end at 1, and steeply so; 1 - x is exact beside 1
    "log": (lambda x: math.log(1 - x), lambda x: -1 / (1 - x)),
    "sqrt": (lambda x: math.sqrt(1 - x), lambda x: -0.5 / math.sqrt(1 - x)),
    "asin": (math.asin, lambda x: 1 / math.sqrt((1 - x) * (1 + x))),
    "logit": (lambda x: math.log(x) - math.log(1 - x), lambda x: 1 / (x * (1 - x))),
}


@pytest.mark.parametrize("power", range(2, 13))
@pytest.mark.parametrize("name", BESIDE)
def test_steps_stay_inside_where_a_function_ends_steeply(name, power):
    """An ulp of the input is a larger and larger share of its distance to the end, of which digits are left to tell."""
    f, df = BESIDE[name]
    x = 1 - 10.0**-power
    found = report(f, df, x)
    assert found.evaluations <= 20
    if power < 10:
        assert found.verdict == "RIGHT"
    else:
        assert (found.verdict, "agrees to" in found.diagnosis or power == 12) == ("UNDECIDED", True)
    for factor in (-1, 2, *[1.01] * (power < 10)) if power < 12 else ():
        assert report(f, lambda x, k=factor: k * df(x), x).verdict == "WRONG"


INNER = {
    "square": (lambda x: x * x, lambda x: 2 * x),
    "cube": (lambda x: x * x * x, lambda x: 3 * x * x),
    "exp": (lambda x: math.exp(x - 1), lambda x: math.exp(x - 1)),
}


@pytest.mark.parametrize("name", INNER)
def test_rounding_beside_a_steep_end_is_no_reproach(name):
    """What is rounded has the size of the input, and the slope magnifies it; the values themselves are small."""
    u, du = INNER[name]
    f, df = lambda x: math.sqrt(1 - u(x)), lambda x: -du(x) / 2 / math.sqrt(1 - u(x))
    distances = 10 ** np.random.default_rng(0).uniform(-9, -3, 60)
    verdicts = [report(f, df, 1 - float(d)).verdict for d in distances]
    assert set(verdicts) <= {"RIGHT", "UNDECIDED"}
    assert verdicts.count("RIGHT") > 40


@pytest.mark.parametrize("x", [9.0, 40.0])
def test_what_is_too_small_to_be_seen_is_not_called_zero(x):
    f, df = lambda x: 1 / (1 + math.exp(-4 * x)), lambda x: 4 / (2 + math.exp(4 * x) + math.exp(-4 * x))
    found = report(f, df, x)
    assert found.verdict == "VACUOUS"
    assert found.diagnosis.startswith("every derivative is zero here, or too small beside the function to be seen")
