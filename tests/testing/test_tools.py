"""Strategies, property tests, mutation scores, other libraries: faults are planted."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import ops, testing
from tinygrad_edu.testing import GradientError, check_derivative, check_gradients
from tinygrad_edu.testing.properties import op_checks, strategies
from tinygrad_edu.testing.properties.registry_score import registry_score

# Strategies


@pytest.mark.parametrize(
    "strategy",
    [
        strategies.shapes(empty=True),
        strategies.broadcastable(3),
        strategies.arrays(kind="smooth", dtype=strategies.dtypes(), layouts=strategies.LAYOUTS),
        strategies.arrays(kind="extremes", shape=strategies.shapes(empty=True)),
        strategies.arrays(distinct=True),
        strategies.broadcast_arrays(3),
        strategies.matmul_operands(),
        strategies.conv_operands(),
        *[strategies.values(kind) for kind in strategies.VALUES],
    ],
    ids=repr,
)
def test_no_health_check_trips(strategy):
    @settings(max_examples=50, suppress_health_check=[], database=None)
    @given(strategy)
    def draw(value):
        assert value is not None

    draw()


@given(strategies.matmul_operands(), strategies.broadcast_arrays(3), strategies.conv_operands())
def test_operands_fit(pair, trio, conv):
    assert np.matmul(*pair).dtype == np.float64
    assert sum(trio).size >= 1
    x, w, settings_ = conv
    assert x.shape[1] == w.shape[1]
    assert all(n + 2 * settings_["padding"] >= k for n, k in zip(x.shape[2:], w.shape[2:], strict=True))


@given(strategies.arrays(shape=(2, 3), layouts=("strided", "reversed", "fortran")))
def test_layouts_are_not_contiguous(a):
    assert not a.flags.c_contiguous


@given(strategies.arrays(distinct=True, kind="unit"))
def test_distinct_arrays_have_no_ties_and_stay_in_their_domain(a):
    assert len(np.unique(a)) == a.size
    assert np.all(np.abs(a) < 1)


@given(strategies.arrays(shape=3), strategies.arrays(shape=[2, 1]))
def test_shapes_may_be_written_in_any_way(a, b):
    assert (a.shape, b.shape) == ((3,), (2, 1))


def test_an_unknown_layout_is_told():
    @given(strategies.arrays(layouts=("odd",)))
    def test(a):
        raise AssertionError

    with pytest.raises(ValueError, match=r"arrays: layouts must be among plain, .*got .'odd'"):
        test()


def test_bad_kind_is_told():
    with pytest.raises(ValueError, match=r"values: kind must be among smooth, .*got 'odd'"):
        strategies.values("odd")


# Property tests


@testing.derivative_property(strategies.arrays(), order=2)
def test_a_right_function_passes(x):
    return tg.tanh(x) * x


@testing.derivative_property(strategies.arrays(shape=(3,)), df=lambda x, cotangent: cotangent * np.exp(x))
def test_a_right_pair_passes(x):
    return np.exp(x)


wrong_above_one = tg.custom_op("wrong_above_one", lambda x: x * x, lambda g, y, x: g * ops.where(x > 1, 3 * x, 2 * x))


def test_a_failure_shrinks_and_prints_a_test_to_paste():
    @testing.derivative_property(strategies.arrays())
    def test_square(x):
        return wrong_above_one(x)

    with pytest.raises(GradientError) as caught:
        test_square()
    (note,) = [n for n in caught.value.__notes__ if "Paste this test" in n]
    assert "def test_square_again():" in note
    assert "    x = np.array(2.0, dtype=np.float64)" in note  # the smallest shape, the plainest wrong number
    assert "    testing.check_gradients(test_square, x)" in note  # a local function is pasted, too


def of_a_lambda():
    two = 2.0

    @testing.derivative_property(strategies.arrays(shape=(2,)), df=lambda x, cotangent: cotangent * x)
    def test_square(x):
        return two * x * x

    return test_square


def of_a_kink():
    @testing.derivative_property(strategies.arrays(kind="zeros"), strict=("KINK",), modes=("reverse",))
    def test_size(x):
        return tg.abs(x)

    return test_size


def of_a_dictionary():
    arrays = strategies.arrays(shape=(2,))

    @testing.derivative_property(st.fixed_dictionaries({"w": arrays, "b": arrays}))
    def test_sum(p):
        return wrong_above_one(p["w"] + p["b"]).sum()

    return test_sum


class Methods:
    @testing.derivative_property(strategies.arrays())
    def test_square(self, x):
        return wrong_above_one(x)

    @testing.derivative_property(strategies.arrays(), order=2)
    def test_right(self, x):
        return tg.sin(x)


@pytest.mark.slow
@pytest.mark.parametrize("make", [of_a_lambda, of_a_kink, of_a_dictionary, lambda: Methods().test_square])
def test_the_pasted_test_of_a_local_function_fails_alike(make):
    with pytest.raises(GradientError) as caught:
        make()()
    (note,) = [n for n in caught.value.__notes__ if "Paste" in n]
    space = {}
    exec(note.partition("\n")[2], space)
    (again,) = [v for k, v in space.items() if k.endswith("_again")]
    with pytest.raises(GradientError) as pasted:
        again()
    assert pasted.value.report.verdict == caught.value.report.verdict


def test_a_property_may_be_a_method():
    Methods().test_right()


def test_the_pasted_test_fails_alike(tmp_path, monkeypatch):
    (tmp_path / "home_of_it.py").write_text(
        "import numpy as np\nfrom tinygrad_edu import testing\nfrom tinygrad_edu.testing import strategies\n"
        "def slope(x):\n    return np.where(x > 1, 3 * x, 2 * x)\n"
        "@testing.derivative_property(strategies.arrays(shape=(2,)), df=slope)\n"
        "def test_square(x):\n    return x * x\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import home_of_it

    with pytest.raises(GradientError) as caught:
        home_of_it.test_square()
    (note,) = [n for n in caught.value.__notes__ if "Paste" in n]
    space = {}
    exec(note.partition("\n")[2], space)
    with pytest.raises(GradientError):
        space["test_square_again"]()


def test_a_property_needs_strategies():
    with pytest.raises(TypeError, match=r"needs a hypothesis strategy for each parameter; got .'ndarray'."):
        testing.derivative_property(np.ones(3))


# Mutation scores


def test_mutation_score_of_a_strong_and_of_a_weak_test():
    x = np.array([[0.3, -0.7], [1.2, 0.4]])
    strong = lambda df: check_derivative(np.sin, df, x)
    assert testing.mutation_score(lambda x, cotangent: cotangent * np.cos(x), strong).share == 1
    blind = testing.mutation_score(np.cos, lambda df: df(x))
    assert blind.share == 0
    assert "survived: sign" in str(blind)


@pytest.mark.parametrize(
    ("df", "read", "at"),
    [
        (lambda a, b: (b, a), lambda g: g[1], (2.0, 3.0)),
        (lambda p: {"dW": {"x": p["b"]}, "db": [p["W"]]}, lambda g: g["db"][0], ({"W": np.ones(3), "b": np.ones(3)},)),
        (lambda p: ({"W": p["b"], "b": p["W"]},), lambda g: g[0]["b"], ({"W": np.ones(3), "b": np.ones(3)},)),
    ],
)
def test_each_gradient_in_a_container_is_broken_by_itself(df, read, at):
    whole = read(df(*at))
    score = testing.mutation_score(df, lambda df: np.testing.assert_allclose(read(df(*at)), whole))
    assert score.caught == len(score.survivors) == 6


def test_mutants_of_an_op_are_put_back():
    before = ops.tanh.vjps
    score = testing.mutation_score(ops.tanh, lambda: testing.check_op(ops.tanh, [np.array([0.5, -1.0])], {}))
    assert ops.tanh.vjps is before
    assert score.survivors == []
    assert score.equivalent == ["tanh, input 0: frozen input 0"]  # its rule does not use x


def test_a_function_of_tensors_stands_for_its_op():
    test = lambda: check_gradients(lambda x: (x + 1) * tg.exp(x), np.array([0.5, -1.0]))
    assert testing.mutation_score(tg.exp, test).survivors == ["exp, input 0: frozen output"]  # not seen at order 1


def test_a_test_that_always_fails_has_no_score():
    with pytest.raises(ValueError, match="test must pass as long as nothing is broken; it raised GradientError"):
        testing.mutation_score(np.cos, lambda df: check_derivative(np.exp, df, 0.5))


@pytest.mark.long
def test_the_op_tests_catch_what_is_planted_in_the_registry():
    few = [op for k, op in enumerate(testing.built_in_ops()) if op.differentiable and k % 9 == 0]
    score = registry_score(few)
    assert score.caught > 40
    assert score.share >= 0.99


# Other libraries


def test_pytorch():
    torch = pytest.importorskip("torch")
    x = torch.tensor([0.5, 1.0])
    assert check_gradients(lambda x: torch.tanh(x).sum(), x).verdict == "RIGHT"
    assert check_gradients(lambda x: (x * x.detach()).sum(), x, raises=False).verdict == "WRONG"
    assert check_derivative(lambda x: (x**2).sum(), lambda x: 2 * x, x).verdict == "RIGHT"
    assert check_derivative(lambda x: (x**2).sum(), lambda x: -2 * x, x, raises=False).pattern == "sign flipped"


def test_jax():
    jax = pytest.importorskip("jax")
    x = jax.numpy.ones((2, 3))
    assert check_gradients(lambda x: jax.numpy.tanh(x @ x.T), x).verdict == "RIGHT"
    assert check_gradients(lambda x: x * jax.lax.stop_gradient(x), x, raises=False).verdict == "WRONG"
    f = lambda x: jax.numpy.sum(x**3)
    assert check_derivative(f, jax.grad(f), x).verdict == "RIGHT"
    assert not jax.config.jax_enable_x64  # left as it was


def test_mygrad_and_hips_autograd():
    mygrad = pytest.importorskip("mygrad")
    autograd = pytest.importorskip("autograd")
    assert check_gradients(lambda x: mygrad.tanh(x) * x, mygrad.tensor([1.0, 2.0])).verdict == "RIGHT"
    f = lambda x: autograd.numpy.sum(autograd.numpy.sin(x))
    assert check_derivative(f, autograd.grad(f), np.array([1.0, 2.0])).verdict == "RIGHT"


# numerical_jacobian


def test_numerical_jacobian_against_a_matrix():
    a = np.arange(6.0).reshape(2, 3)
    j, error = testing.numerical_jacobian(lambda x: a @ x, np.array([1.0, -2.0, 0.5]), with_error=True)
    assert np.all(np.abs(j - a) <= error)
    assert np.all(error < 1e-9)
    by_x, by_w = testing.numerical_jacobian(lambda x, w: tg.matmul(x, w), tg.asarray(a), np.ones((3, 1)))
    assert (by_x.shape, by_w.shape) == ((2, 1, 2, 3), (2, 1, 3, 1))


@settings(phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.floats(0.1, 3), st.sampled_from([(math.sin, math.cos), (math.exp, math.exp), (math.log, lambda x: 1 / x)]))
def test_error_bars_hold(x, pair):
    f, df = pair
    value, error = testing.numerical_jacobian(f, x, with_error=True)
    assert abs(value - df(x)) <= error + 1e-15
    assert error <= 1e-6 * (1 + abs(df(x)))


@pytest.mark.parametrize("change", [lambda g: 0 * g, lambda g: -g, lambda g: 2 * g], ids=["zero", "sign", "factor"])
def test_ops_with_complex_results_are_checked_by_their_parts(change, monkeypatch):
    op, x = ops.dft, np.array([0.5, -1.0, 2.0])
    call = op, [x], {"axis": 0, "inverse": False}
    op_checks.order_one(*call)
    op_checks.order_two(*call)
    (rule,) = op.vjps
    monkeypatch.setattr(op, "vjps", (lambda *args, **more: change(rule(*args, **more)),))
    with pytest.raises(GradientError):
        op_checks.order_one(*call)
