"""The tester tested: it passes what is right, catches what is wrong, and says what it cannot judge."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, ops, testing
from tinygrad_edu.testing import GradientError, check_derivative, check_gradients
from tinygrad_edu.testing.properties import op_checks


def verdict(f, df, *inputs, **settings):
    return check_derivative(f, df, *inputs, raises=False, **settings).verdict


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1.0, 1e4, 1e8])
def test_scale_is_no_excuse(scale):
    for power in (1e-8, 1.0, 1e8):
        assert verdict(lambda x, p=power: p * x**2, lambda x, p=power: 2 * p * x, scale) == "RIGHT"
        assert verdict(lambda x, p=power: p * x**2, lambda x, p=power: -2 * p * x, scale) == "WRONG"
        assert verdict(lambda x, p=power: p * x**3, lambda x, p=power: 3.0001 * p * x**2, scale) == "WRONG"


def test_plain_functions_of_floats():
    assert verdict(math.sin, math.cos, 0.5) == "RIGHT"
    assert verdict(math.sin, lambda x: 1.00001 * math.cos(x), 0.5) == "WRONG"
    assert verdict(math.exp, math.exp, 1e-300) == "RIGHT"


def test_an_error_tells_entry_and_bars_and_carries_its_report():
    with pytest.raises(
        GradientError, match=r"(?s)WRONG: x\[1\] is wrong .*analytic -4, numerical 4 \+- .* error bars"
    ) as caught:
        check_derivative(lambda x: x @ x, lambda x: 2 * x * np.array([1.0, -1.0]), np.array([1.0, 2.0]))
    report = caught.value.report
    assert [e.verdict for e in report.entries] == ["RIGHT", "WRONG"]
    assert report.entries[1].index == (1,)
    assert report.entries[1].error < 1e-12
    assert isinstance(caught.value, AssertionError)


def test_a_kink_takes_any_slope_between_and_no_other():
    assert verdict(abs, lambda x: 0.3, 0.0) == "KINK"
    assert verdict(abs, lambda x: 1.3, 0.0) == "WRONG"
    assert verdict(lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0, np.array([0.0, 1.0, -1.0])) == "KINK"
    assert verdict(lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0, np.array([1e-4, 1.0, -1e-4])) == "RIGHT"


def test_entries_at_a_tie_must_be_a_subgradient_together():
    x = np.array([1.0, 3.0, 3.0])
    top = lambda x: x == np.max(x)
    assert verdict(np.max, lambda x: top(x) / np.sum(top(x)), x) == "KINK"
    assert verdict(np.max, lambda x: np.array([0.0, 1.0, 0.0]), x) == "KINK"
    report = check_derivative(np.max, lambda x: 1.0 * top(x), x, raises=False)
    assert report.verdict == "WRONG"
    assert "together they do not" in report.diagnosis


def test_a_parameter_called_data_is_not_a_cotangent():
    f = lambda data, w: data * w
    assert verdict(f, lambda data, w: (w, data), np.array([1.0, 2.0]), np.array([3.0, 0.5])) == "RIGHT"


def test_a_gradient_written_by_hand_over_tensors():
    f = lambda x, w: tg.tanh(x @ w).sum()
    slope = lambda x, w: 1 - tg.tanh(x @ w) ** 2
    df = lambda x, w: (slope(x, w) @ w.mT, x.mT @ slope(x, w))
    inputs = tg.asarray(np.array([[0.5, -1.0]])), tg.asarray(np.array([[0.25], [2.0]]))
    assert verdict(f, df, *inputs) == "RIGHT"
    assert verdict(f, lambda x, w: (df(x, w)[0], -df(x, w)[1]), *inputs) == "WRONG"


def test_a_cotangent_that_is_not_used():
    report = check_derivative(
        lambda x: x.sum(axis=0), lambda x, cotangent: np.ones_like(x), np.ones((3, 2)), raises=False
    )
    assert report.pattern.startswith("one term missing: the factor cotangent")


def test_edges_of_the_domain():
    assert verdict(lambda x: math.sqrt(x) ** 3, lambda x: 1.5 * math.sqrt(x), 4.0) == "RIGHT"
    assert verdict(math.sqrt, lambda x: 0.5 / x if x else math.inf, 0.0) == "OUT_OF_DOMAIN"  # infinitely steep
    assert verdict(lambda x: x * x if x >= 1 else math.nan, lambda x: 2 * x, 1.0) == "RIGHT"  # one-sided
    assert verdict(lambda x: x * x if x >= 1 else math.nan, lambda x: x, 1.0) == "WRONG"
    assert verdict(lambda x: math.log(x), lambda x: 1 / x, -1.0) == "OUT_OF_DOMAIN"


@pytest.mark.parametrize(
    ("name", "x"),
    [
        ("acos", 2.0), ("acosh", 0.5), ("asin", -2.0), ("atanh", 1.5), ("gamma", -1.0), ("lgamma", -2.0), ("log", -1.0),
        ("log10", -1.0), ("log1p", -2.0), ("log2", -1.0), ("sqrt", -1.0),
    ],
)  # fmt: skip
def test_what_functions_of_math_refuse_is_outside_of_their_domain(name, x):
    assert verdict(lambda x: getattr(math, name)(x), lambda x: 1.0, x) == "OUT_OF_DOMAIN"


@pytest.mark.parametrize(
    "text",  # as Python 3.15 has them
    [
        "expected a number in range from -1 up to 1, got 2.0", "expected argument value not less than 1, got 0.0",
        "expected a number between -1 and 1, got inf", "expected a finite input, got inf", "math domain error",
        "expected a noninteger or positive integer, got -2.0", "expected a positive input, got -1.0",
        "expected argument value > -1, got -2.0", "expected a nonnegative input, got -1.0",
    ],
)  # fmt: skip
def test_every_python_s_words_for_it(text):
    def f(x):
        raise ValueError(text)

    assert verdict(f, lambda x: 1.0, 1.0) == "OUT_OF_DOMAIN"


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("distance", [1e-3, 1e-5, 1e-7, 1e-8])
def test_near_kinks_jumps_and_edges(n, distance):
    x = np.full(n, 0.3)
    x[0] = 1 + distance
    for f, df in [
        (lambda x: np.sum(np.maximum(x - 1, 0)), lambda x: (x > 1) * 1.0),
        (lambda x: np.sum(np.abs(x - 1)), lambda x: np.sign(x - 1)),
        (lambda x: np.sum(x * np.floor(x)), np.floor),
    ]:
        assert verdict(f, df, x) == "RIGHT"
        assert verdict(f, lambda x, df=df: -df(x), x) == "WRONG"
    edge = 1 - distance
    assert verdict(np.arccos, lambda x: -1 / np.sqrt(1 - x * x), edge) == "RIGHT"
    assert verdict(np.arccos, lambda x: 1 / np.sqrt(1 - x * x), edge) == "WRONG"


@pytest.mark.parametrize("x", [5e-8, -3e-8, 1e-9])
def test_digits_lost_inside_a_function_are_found_from_afar(x):
    assert verdict(lambda x: math.log(math.cos(x)), lambda x: -math.tan(x), x) == "RIGHT"
    assert verdict(lambda x: math.log(math.cos(x)), math.tan, x) == "WRONG"
    assert verdict(lambda x: max(x, 0.0) ** 2, lambda x: 0.01 * x, -abs(x)) == "WRONG"  # really constant there


def test_at_a_jump_there_is_no_slope():
    for f in (np.floor, np.sign, lambda x: np.where(x >= 0, 1.0, 0.0), lambda x: np.where(x >= 0, x, x - 2)):
        for slope in (0.0, 1.0, -3.0):
            assert verdict(f, lambda x, slope=slope: slope, 0.0) == "OUT_OF_DOMAIN"


@pytest.mark.slow
@pytest.mark.parametrize(
    "f",
    [
        lambda z: tg.linalg.cross(z, z[::-1] * 2).sum(),
        lambda z: (tg.sin(z) ** 2 + tg.cos(z) ** 2).sum(),
        lambda z: tg.exp(z - tg.logsumexp(z, axis=-1, keepdims=True)).sum(),
        lambda z: (tg.linalg.inv(z[:3]) @ z[:3]).sum(),
        lambda z: (tg.exp(z) * tg.exp(-z)).sum(),
    ],
)
@pytest.mark.parametrize("seed", range(4))
def test_a_function_that_cancels_itself_is_no_reproach_and_a_small_wrong_term_is(f, seed):
    z = np.random.default_rng(seed).normal(size=(4, 3))
    for order in (1, 2):
        assert check_gradients(f, z, order=order, raises=False).verdict != "WRONG"
    lost = lambda z: f(z) + 1e-9 * (z.detach() ** 2).sum()
    assert check_gradients(lost, z, raises=False).verdict == "WRONG"


def test_complex_values_are_outside_the_domain():
    assert verdict(lambda x: x**1.5, lambda x: 1.0, 0.0) == "WRONG"  # (-1.0) ** 1.5 is complex in Python
    assert verdict(lambda x: x**1.5, lambda x: 0.0, 0.0) == "UNDECIDED"  # slopes that shrink slowly, as sqrt(h)


def test_a_gradient_that_a_sum_cancels_is_vacuous_though_it_is_no_exact_zero():
    x = np.random.default_rng(0).normal(size=6)
    normal = lambda x: (x - x.mean()) / x.std()

    def slope(x):
        g = np.ones(6)
        return (g - g.mean() - normal(x) * (g * normal(x)).mean()) / x.std()

    assert np.any(slope(x) != 0)
    assert verdict(lambda x: np.sum(normal(x)), slope, x) == "VACUOUS"


def test_none_leaves_an_input_out():
    report = check_derivative(lambda x, y: np.sum(x * y), lambda x, y: (y, None), np.ones(2), np.ones(2))
    assert report.verdict == "RIGHT"
    assert "y" in report.notes[0]
    assert {e.argument for e in report.entries} == {"x"}


def test_a_jacobian_with_its_axes_exchanged():
    f = lambda x: np.array([x[0] * x[1], x[1] ** 2, x[0]])
    right = lambda x: np.array([[x[1], x[0]], [0, 2 * x[1]], [1, 0]])
    x = np.array([0.5, 2.0])
    assert verdict(f, right, x) == "RIGHT"
    report = check_derivative(f, lambda x: right(x).T, x, raises=False)
    assert report.verdict == "WRONG"
    assert report.pattern.startswith("transposed")
    assert "shape (3, 2)" in report.diagnosis


def test_what_cannot_be_judged_is_not_wrong():
    rng = np.random.default_rng(0)
    assert verdict(lambda x: x + rng.normal(), lambda x: 1.0, 1.0) == "NOT_REPEATABLE"
    assert verdict(lambda x: x + math.modf(1e4 * math.sin(1e9 * x))[0], lambda x: 1.0, 1.0) == "NOISE"
    assert verdict(lambda x: x**0, lambda x: 0 * x, 1.0) == "VACUOUS"
    grown = []
    assert verdict(lambda x: x**2, lambda x: 2 * x * len(grown.append(x) or grown), 1.0) == "NOT_REPEATABLE"


def test_the_complex_step_is_not_believed_where_it_lies():
    assert verdict(lambda x: x * np.abs(x), lambda x: 2 * np.abs(x), np.array([0.7])) == "RIGHT"
    assert verdict(lambda x: x * np.abs(x), lambda x: np.abs(x), np.array([0.7])) == "WRONG"
    assert verdict(lambda x: np.sum(np.real(x) ** 2), lambda x: 2 * x, np.array([0.7, 2.0])) == "RIGHT"
    assert verdict(lambda x: np.sum(np.real(x) ** 2), lambda x: 0 * x, np.array([0.7, 2.0])) == "WRONG"


def test_low_precision_is_judged_by_its_noise():
    single = lambda x: float(np.float32(np.sin(x)))
    assert verdict(single, math.cos, 0.5) == "RIGHT"
    assert verdict(single, lambda x: 0.99 * math.cos(x), 0.5) == "WRONG"


def test_cotangent_jacobian_and_elementwise_styles():
    a = np.arange(6.0).reshape(2, 3)
    x = np.array([0.1, 0.2, 0.3])
    assert verdict(lambda x: a @ x, lambda x, cotangent: a.T @ cotangent, x) == "RIGHT"
    assert verdict(lambda x: a @ x, lambda x: a, x) == "RIGHT"
    assert verdict(np.sin, np.cos, x) == "RIGHT"
    assert verdict(lambda x: a @ x, lambda x: 2 * a, x) == "WRONG"
    with pytest.raises(TypeError, match=r"f returns shape .2,., not a scalar.*give df a parameter `cotangent`"):
        verdict(lambda x: a @ x, lambda x: x[:2], x)


def test_course_style():
    def forward(W, X, Y):
        Z = W @ X
        return np.sum((Z - Y) ** 2) / X.shape[1], (Z, X, Y)

    def backward(cache):
        Z, X, Y = cache
        dZ = 2 * (Z - Y) / X.shape[1]
        return {"dZ": dZ, "dW": dZ @ X.T}

    inputs = np.array([[1.0, -2.0]]), np.array([[0.5, 1.0, 2.0], [1.5, 0.0, 1.0]]), np.array([[1.0, 0.0, 2.0]])
    report = check_derivative(forward, backward, *inputs)
    assert report.verdict == "RIGHT"
    assert {e.argument for e in report.entries} == {"W"}
    assert "X, Y" in report.notes[0]
    assert verdict(forward, lambda cache: {"dW": 3 * backward(cache)["dW"]}, *inputs) == "WRONG"


def test_dictionaries_of_parameters():
    def forward(X, parameters):
        Z = parameters["W"] @ X + parameters["b"]
        return np.mean(Z**2), (X, Z)

    def backward(cache):
        X, Z = cache
        dZ = 2 * Z / Z.size
        return {"dW": dZ @ X.T, "db": np.sum(dZ, axis=1, keepdims=True)}

    parameters = {"W": np.array([[1.0, -2.0]]), "b": np.array([[0.5]])}
    X = np.array([[0.5, 1.0, 2.0], [1.5, 0.0, 1.0]])
    report = check_derivative(forward, backward, X, parameters)
    assert report.verdict == "RIGHT"
    assert {e.argument for e in report.entries} == {"W", "b"}
    broken = lambda cache: {k: 3 * g for k, g in backward(cache).items()}
    assert (
        check_derivative(forward, broken, X, parameters, raises=False).pattern
        == "off by a constant factor 3: 1/m missing, m = 3"
    )


def test_a_derivative_that_divides_by_zero():
    assert verdict(math.sqrt, lambda x: 0.5 / math.sqrt(x), 0.0) == "OUT_OF_DOMAIN"
    assert verdict(lambda x: x * x, lambda x: 2 * x * x / x, 0.0) == "WRONG"
    assert verdict(np.linalg.inv, lambda a: a, np.zeros((2, 2))) == "OUT_OF_DOMAIN"


def test_without_hypothesis_one_sentence():
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "from tinygrad_edu import testing, errors\n"
        "try: testing.derivative_property\n"
        "except errors.MissingLibraryError as error: assert 'pip install' in str(error), error\n"
        "else: raise SystemExit(1)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_many_inputs_are_projected_and_the_wrong_entry_is_found():
    x = np.random.default_rng(0).normal(size=100_000)

    def wrong(x):
        g = 2 * x
        g[777] *= 1.01
        return g

    report = check_derivative(lambda x: x @ x, wrong, x, raises=False)
    assert [e.index for e in report.wrong] == [(777,)]
    assert report.evaluations < 1000
    assert check_derivative(lambda x: x @ x, lambda x: 2 * x, x).verdict == "RIGHT"


def test_evaluations_are_at_most_ten_times_those_of_central_differences():
    for f, df in [(math.sin, math.cos), (abs, lambda x: 2.0), (math.exp, lambda x: -math.exp(x))]:
        for x in (0.0, 0.7, 1e-8):
            assert check_derivative(f, df, x, raises=False).evaluations <= 20
    x = np.linspace(-1, 1, 40)
    for df in (lambda x: x / np.abs(x), lambda x: 3 * x):
        assert check_derivative(lambda x: sum(map(abs, x)), df, x, raises=False).evaluations <= 20 * 40


def test_strictness_is_a_setting():
    with pytest.raises(GradientError, match="KINK"):
        check_derivative(abs, lambda x: 0.0, 0.0, strict=("KINK",))
    with pytest.raises(GradientError, match="VACUOUS"):
        check_derivative(lambda x: x**0, lambda x: 0 * x, 1.0, strict=True)
    with pytest.raises(GradientError, match="KINK"):
        check_derivative(abs, lambda x: 0.0, 0.0, strict="KINK")
    with pytest.raises(ValueError, match="strict must name verdicts"):
        check_derivative(abs, lambda x: 0.0, 0.0, strict=("BAD",))


def test_tensors_both_modes_and_orders():
    x, w = np.random.default_rng(0).normal(size=(2, 3)), np.random.default_rng(1).normal(size=(3, 2))
    report = check_gradients(lambda x, w: tg.tanh(x @ w), x, w, order=2)
    assert report.verdict == "RIGHT"
    assert {e.argument for e in report.entries} == {
        "x", "w", "forward mode, direction", "second derivative, x", "second derivative, w",
    }  # fmt: skip
    assert check_gradients(lambda x: tg.relu(x), np.array([0.0, 1.0])).verdict == "KINK"
    assert check_gradients(lambda x: (x * x).sum(), np.array([1, 2], np.float16)).verdict == "RIGHT"
    assert check_gradients(lambda x: tg.exp(x) / tg.exp(x).sum() * 1.0, x[0]).verdict == "RIGHT"
    assert check_gradients(lambda x: (tg.exp(x) / tg.exp(x).sum()).sum(), x[0]).verdict == "VACUOUS"


def test_a_wrong_op_is_caught_at_order_one_and_two_and_in_forward_mode():
    cube = tg.custom_op("bad_cube", lambda x: x**3, lambda g, y, x: g * (2 * x**2), kind="elementwise")
    with pytest.raises(GradientError, match="WRONG"):
        check_gradients(lambda x: cube(x).sum(), np.array([1.0, 2.0]))
    frozen = tg.custom_op(
        "frozen", lambda x: np.exp(x), lambda g, y, x: g * (y if isinstance(y, np.ndarray) else tg.asarray(y.data))
    )
    x = np.array([0.5, 1.0])
    assert check_gradients(lambda x: frozen(x).sum(), x).verdict == "RIGHT"
    report = check_gradients(lambda x: frozen(x).sum(), x, order=2, raises=False)
    assert (report.verdict, report.pattern) == ("WRONG", "right at order 1 and wrong at order 2")
    linear = tg.custom_op("not_linear", lambda x: x * x, lambda g, y, x: g * (2 * x), kind="elementwise", linear=True)
    assert check_gradients(lambda x: linear(x).sum(), x, modes="reverse").verdict == "RIGHT"
    report = check_gradients(lambda x: linear(x).sum(), x, raises=False)
    assert report.verdict == "WRONG"
    assert {e.argument for e in report.wrong} == {"forward mode, direction"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check_derivative(1, abs, 1.0), "check_derivative: f must be a function; got 1"),
        (lambda: check_derivative(abs, 1, 1.0), "check_derivative: df must be a function; got int"),
        (lambda: check_derivative(abs, abs, 1), r"needs an input of floats .* got \w+ \(int\); write 3.0 for 3"),
        (lambda: check_derivative(abs, abs, 1j), r"input \w+ must be real|needs an input of floats"),
        (lambda: check_derivative(abs, abs, [[1.0], [1.0, 2.0]]), r"input \w+ must be a rectangular nest"),
        (
            lambda: check_derivative(lambda a, b: a * b, lambda a, b: a, 1.0, 2.0),
            "one gradient for each of the inputs a, b; got 1",
        ),
        (lambda: check_derivative(lambda x: None, abs, 1.0), "f must return numbers; got None"),
        (
            lambda: check_derivative(lambda x: (x, x), lambda c: {"dy": 1.0}, 1.0),
            "keys d<input name>.*got keys \\['dy'\\]",
        ),
        (
            lambda: check_derivative(lambda W, x: W @ x, abs, np.ones((2, 3)), np.ones(2)),
            r"f must be computable at the inputs; with W of shape \(2, 3\), x of shape \(2,\) it raised ValueError",
        ),
        (
            lambda: check_gradients(lambda W, x: W @ x, np.ones((2, 3)), np.ones(2)),
            r"check_gradients: f must be computable at the inputs; with W of shape",
        ),
        (lambda: check_derivative(lambda a, b: a * b, lambda a, b: (b, a), (1.0, 2.0)), "f must .*one by one: .inputs"),
        (lambda: check_gradients(lambda a: a * a, lambda a: 2 * a, 1.0), "f must .*use check_derivative"),
        (lambda: check_gradients(lambda x: x, 1.0, order=3), "order must be 1 or 2; got 3"),
        (lambda: check_gradients(lambda x: x, 1.0, modes="sideways"), "modes must be among"),
        (lambda: check_gradients(lambda x: x, 1.0, modes=None), "modes must be among"),
        (lambda: check_gradients(lambda x: x, 1.0, seed="a"), "check_gradients: seed must be a whole number"),
        (lambda: check_derivative(np.sum, lambda x: x @ np.ones(7), np.ones(3)), "df must be computable at the inputs"),
        (lambda: check_derivative(np.sum, lambda x: x, np.ones(3), np.ones(2)), "f must be computable at the inputs"),
        (lambda: check_derivative(np.sum, lambda x: "text", np.ones(3)), "df must return real numbers; got str"),
        (lambda: check_derivative(np.sum, lambda x: 1j * x, np.ones(3)), "real numbers; got complex numbers"),
        (lambda: check_derivative(np.sum, lambda x: [[1.0], [1.0, 2.0]], np.ones(3)), "real numbers; got list"),
        (
            lambda: testing.numerical_jacobian(lambda x: x @ np.ones(7), np.ones(3)),
            "numerical_jacobian: f must be comp",
        ),
        (lambda: testing.check_op("tanh", [], {}), "check_op: op must be an op; got 'tanh'"),
        (lambda: testing.mutation_score(3, abs), "mutation_score: target must be a function or an op; got int 3"),
        (lambda: testing.mutation_score(np.cos, 3), "mutation_score: test must be a function; got int 3"),
        (
            lambda: testing.mutation_score(np.cos, lambda: None),
            "test must pass as long as nothing is broken; it raised",
        ),
    ],
)
def test_bad_input_gets_a_sentence(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_importing_it_imports_numpy_only():
    code = (
        "import sys, tinygrad_edu.testing; heavy = {'hypothesis', 'torch', 'jax', 'autograd', 'mygrad', 'scipy'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_json_and_text():
    report = testing.check_derivative(abs, lambda x: math.nan, 1.0, raises=False)
    facts = json.loads(report.to_json())
    assert facts["verdict"] == "WRONG"
    assert facts["entries"][0]["analytic"] == "nan"
    assert "finite slope" in str(report)


def test_a_function_that_leaves_the_graph():
    for f in (lambda x: x.data.sum(), lambda x: float((x * x).sum())):
        report = check_gradients(f, np.array([1.0, 2.0]), raises=False)
        assert (report.verdict, report.pattern) == ("WRONG", "one term missing: the whole gradient is 0")
    with pytest.raises(ValueError, match="f must be computable"):
        check_gradients(lambda x: np.sum([x[0], x[1]]), np.array([1.0, 2.0]))


def test_the_mistake_in_a_large_array_is_named():
    rng = np.random.default_rng(0)
    for shape, turn in [((20, 20), np.transpose), ((6, 6, 5), lambda g: g.swapaxes(0, 1)), ((300,), np.flip)]:
        weights, x = rng.normal(size=shape), rng.normal(size=shape)
        f, slope = lambda x, w=weights: np.sum(w * np.sin(x)), lambda x, w=weights: w * np.cos(x)
        report = check_derivative(f, lambda x, turn=turn, slope=slope: turn(slope(x)), x, raises=False)
        assert report.pattern.startswith("transposed"), shape
        assert check_derivative(f, slope, x).verdict == "RIGHT"


def test_digits_that_the_complex_step_loses_inside_are_no_reproach():
    call = [np.array([[3.65, -3.65]]), np.array([0])], {"axis": 1}
    op_checks.order_two(ops.cross_entropy, *call)  # its slope is the small difference of two large ones


def test_the_parameters_of_a_module_are_checked_too():
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    report = testing.check_gradients(net, np.random.default_rng(0).normal(size=(5, 3)))
    assert report.verdict == "RIGHT"
    assert {"0.weight", "0.bias", "2.weight", "2.bias"} < {e.argument for e in report.entries}
    assert report.notes == []


def test_a_wrong_gradient_of_a_parameter_is_found():
    wrong = tg.custom_op("twice_too_steep", lambda w: w * 3.0, lambda g, y, w: g * 6.0)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.w, self.frozen = nn.Parameter([2.0]), nn.Parameter([1.0], requires_grad=False)

        def forward(self, x):
            return x * wrong(self.w) + self.frozen

    report = testing.check_gradients(Net(), np.array([0.5, 1.5]), raises=False)
    assert report.verdict == "WRONG"
    assert {e.argument for e in report.wrong} - {"forward mode, direction"} == {"w"}


def test_what_a_function_uses_beside_its_inputs_is_named():
    w, unused = tg.Tensor([2.0], requires_grad=True, name="w"), nn.Parameter([1.0])
    report = testing.check_gradients(lambda x: (x * w + unused.detach()).sum(), np.array([0.5]))
    assert report.verdict == "RIGHT"
    assert report.notes == [
        "only the inputs were checked, not what else f uses: w; give them as inputs, or give an nn.Module"
    ]
    assert testing.check_gradients(lambda x, w: (x * w).sum(), np.array([0.5]), w).notes == []
