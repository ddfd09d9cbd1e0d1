"""Machine code against NumPy: every op and rule, random chains of them, layouts, products, numbers at the edges."""

import math
import pathlib
import runpy

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.compiler import native
from tinygrad_edu.compiler.execute import Executor
from tinygrad_edu.testing.properties.calls import calls
from tinygrad_edu.testing.properties.op_checks import built_in_ops

from ..program.test_reading import parts, read

native_only = pytest.mark.skipif(not native.available(), reason="machine code needs llvmlite")


def agree(f, *xs, ulps=64):
    """The compiled function gives what NumPy gives, on other memory too; returns the executor."""
    with np.errstate(all="ignore"):
        expected = np.asarray(f(*map(np.array, xs)))
    run = Executor(read(f, *xs))
    for order in ("C", "F"):
        found = np.asarray(run([np.array(x, order=order) for x in xs])[0])
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        scale = max(
            np.abs(a[np.isfinite(a)]).max(initial=0) for a in (expected, *map(np.asarray, xs))
        )  # of what cancels
        eps = np.finfo(expected.dtype).eps if expected.dtype.kind == "f" else 0
        assert np.allclose(found, expected, rtol=ulps * eps, atol=ulps * eps * scale, equal_nan=True), run.source
    return run


@pytest.mark.parametrize("op", built_in_ops(), ids=str)
@given(st.data(), st.sampled_from([np.float64, np.float32]))
@settings(max_examples=2)
def test_each_op_and_rule(op, data, dtype):
    arrays, attributes = data.draw(calls(op, dtype))
    with np.errstate(all="ignore"):
        for f, xs in parts(op, arrays, attributes):
            agree(f, *xs, ulps=1024)  # those of linear algebra are by LAPACK either way


UNARY = [np.exp, np.tanh, np.abs, np.negative, np.square, lambda x: np.log1p(np.abs(x)), lambda x: np.sqrt(np.abs(x)),
         lambda x: np.where(x > 0, x, 0.1 * x), lambda x: (x >= 0) * x, np.sign, lambda x: x.astype(np.float32).astype(x.dtype)]  # fmt: skip
BINARY = [np.add, np.subtract, np.multiply, np.maximum, np.minimum, lambda a, b: a / (1 + np.abs(b))]
RESHAPED = [lambda x: np.swapaxes(x, 0, 1), lambda x: np.sum(x, axis=0, keepdims=True) + x, lambda x: x[::-1],
            lambda x: np.broadcast_to(np.max(x, axis=1, keepdims=True), x.shape), lambda x: np.reshape(np.reshape(x, -1), x.shape),
            lambda x: np.concatenate([x[1:], x[:1]], axis=0), lambda x: x @ np.swapaxes(x, 0, 1) / 4, lambda x: x - np.mean(x)]  # fmt: skip


@given(st.data(), st.sampled_from([np.float64, np.float32]), st.integers(1, 9))
def test_random_programs(data, dtype, n):
    """Chains with branches, sums, transposes and products, on squares so that everything fits."""

    def f(*xs):
        known = list(xs)
        for kind, which, i, j in steps:
            a, b = known[i % len(known)], known[j % len(known)]
            known.append(np.tanh(BINARY[which % len(BINARY)](a, b)) if kind == 0 else
                         UNARY[which % len(UNARY)](np.tanh(a)) if kind == 1 else np.tanh(RESHAPED[which % len(RESHAPED)](a)))  # fmt: skip
        return np.stack(known[-4:])

    number = st.integers(0, 30)
    steps = data.draw(st.lists(st.tuples(st.integers(0, 2), number, number, number), min_size=1, max_size=15))
    rng = np.random.default_rng(data.draw(number))
    xs = [rng.normal(size=(n, n)).astype(dtype) for _ in range(3)]
    agree(f, *xs, ulps=2000)


@native_only
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.booleans(), st.booleans(), st.integers(0, 2))
@settings(max_examples=25)
def test_products_of_all_sizes_and_layouts(m, k, n, left, right, lead):
    rng = np.random.default_rng(m * k + n)
    shapes = [(2, 3)[:lead] + s for s in (((k, m) if left else (m, k)), ((n, k) if right else (k, n)))]
    a, b = (rng.normal(size=s) for s in shapes)
    run = agree(lambda a, b: (np.swapaxes(a, -1, -2) if left else a) @ (np.swapaxes(b, -1, -2) if right else b), a, b)
    assert run.kernels


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("reduce", [np.sum, np.max, np.min])
def test_reductions(axes, reduce):
    x = np.random.default_rng(0).normal(size=(3, 70, 5)).astype(np.float32)
    agree(lambda x: reduce(x * 2, axis=axes), x)
    agree(lambda x: reduce(x, axis=axes, keepdims=True) - x, x)


@native_only
def test_a_sum_of_many_float32_is_as_exact_as_one_rounding():
    x = np.full((1000, 1000), 0.1, np.float32)
    for axis in (0, 1, (0, 1)):
        run = Executor(read(lambda x: np.sum(x, axis=axis), x))  # noqa: B023
        exact = np.sum(x.astype(np.float64), axis=axis)
        assert np.all(np.abs(run([x])[0] - exact) <= np.spacing(np.float32(exact.max())))


EDGES = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    np.inf,
    -np.inf,
    np.nan,
    1e-30,
    -1e-30,
    88.0,
    89.5,
    -104.5,
    700.0,
    711.0,
    -746.0,
    0.5,
    1e30,
    5e-324,
    1e-45,
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "name",
    [
        "exp",
        "log",
        "log1p",
        "expm1",
        "tanh",
        "sqrt",
        "abs",
        "negative",
        "sign",
        "square",
        "isfinite",
        "isnan",
        "floor",
        "rint",
    ],
)
def test_numbers_at_the_edges(name, dtype):
    with np.errstate(all="ignore"):
        x = np.array(EDGES).astype(dtype)
        expected = getattr(np, name)(x)
    found = Executor(read(getattr(np, name), x))([x])[0]
    assert np.allclose(found, expected, rtol=4 * np.finfo(dtype).eps, atol=0, equal_nan=True)
    known = ~np.isnan(expected)
    assert np.array_equal(np.signbit(found[known]), np.signbit(expected[known]))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("exp", -80, 80), ("log", 1e-30, 1e30), ("tanh", -9, 9), ("log1p", -0.99, 50), ("expm1", -9, 9)],
)
def test_functions_are_exact_to_a_few_roundings(name, low, high, dtype):
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(np.log(low), np.log(high), 500)) if name == "log" else rng.uniform(low, high, 500)
    x = np.concatenate([x, x * 1e-3]).astype(dtype)
    found = Executor(read(getattr(np, name), x))([x])[0]
    with mpmath.workdps(40):
        exact = np.array([float(getattr(mpmath, name)(mpmath.mpf(float(v))).__sub__(0)) for v in x])
    most = 2 if native.available() else 4  # NumPy's own promise
    assert (np.abs(found.astype(np.float64) - exact) / np.spacing(np.abs(exact).astype(dtype))).max() <= most


def test_maximum_and_comparison_know_nan():
    x, y = np.array([np.nan, 1.0, 2.0, -0.0]), np.array([1.0, np.nan, 3.0, 0.0])
    agree(
        lambda x, y: np.stack([np.maximum(x, y), np.minimum(x, y), np.where(x < y, x, y), np.where(x != y, 1.0, 0.0)]),
        x,
        y,
    )
    agree(lambda x: np.max(np.reshape(x, (2, 2)), axis=1), x)


@pytest.mark.parametrize("index", [np.s_[1:], np.s_[:0], np.s_[:, 3:], np.s_[2:1, ::2]])
def test_a_number_is_written_into_no_entries(index):
    def written(x):
        y = x * 2
        y[index] = 0.5
        return y + 1

    x = np.arange(3.0).reshape(1, 3)
    run = agree(written, x)
    if run.whole is not None:  # nothing around the result is written either
        kernels, around = run.whole.kernels, np.zeros(9)
        pointers = np.array([a.ctypes.data for a in (np.zeros(99), x, around[3:6])], np.uintp)
        kernels.function(pointers.ctypes.data, 0)
        assert not around[:3].any()
        assert not around[6:].any()


def test_rows_are_picked_and_written_by_arrays_of_indices():
    x, i, j, v = np.arange(12.0).reshape(3, 4), np.array([0, -1, 2]), np.array([3, 1, -2]), np.array([5.0, 6.0, 7.0])
    agree(lambda x, i, j: x[i, j] * 2, x, i, j)

    def written(x, i, j, v):
        y = np.copy(x)
        y[i, j] = v * 3
        return y + 1

    agree(written, x, i, j, v)


@native_only
@pytest.mark.parametrize("name", ["exp", "log", "log1p", "expm1", "tanh", "sigmoid", "erf", "sin", "cos", "pow"])
def test_a_sample_of_all_float32_numbers(name):
    """To 2 units in the last place."""
    accuracy = runpy.run_path(str(pathlib.Path(__file__).parents[2] / "benchmarks" / "accuracy.py"))
    most, place = accuracy["worst"](name, every=4096)
    assert most <= 2, place
    most, place = accuracy["worst_sample"](name, 2000)  # of float64
    assert most <= 2, place


@native_only
def test_powers_have_the_signs_and_exceptions_of_c():
    some = [0.0, 1, 2, 0.5, 3, 1.5, np.inf, 1e-45, 3e38, 1e-38, 16777215, 1 + 1e-7, 1 - 6e-8]
    some = np.array([*some, *(-x for x in some), np.nan], np.float32)
    x, y = (a.reshape(-1) for a in np.meshgrid(some, some))
    random = np.random.default_rng(0)
    x = np.concatenate([x, np.exp(random.uniform(-87, 88, 5000)).astype(np.float32)])
    y = np.concatenate([y, (random.normal(size=5000) * 10 ** random.uniform(-3, 2, 5000)).astype(np.float32)])
    with np.errstate(all="ignore"):
        found = Executor(read(np.power, x, y))([x, y])[0]
        exact = np.array([c_power(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)])
        rounded = exact.astype(np.float32)
    assert np.array_equal(np.signbit(found[~np.isnan(rounded)]), np.signbit(rounded[~np.isnan(rounded)]))
    finite = np.isfinite(rounded)
    assert np.array_equal(found[~finite], rounded[~finite], equal_nan=True)
    assert (np.abs(found[finite] - exact[finite]) <= 0.51 * np.spacing(np.abs(rounded[finite]))).all()


def c_power(x, y):
    """`x ** y` as C says, in float64."""
    try:
        return math.pow(x, y)
    except ValueError:  # of 0 and a negative exponent, or of a negative number and a fraction
        return math.nan if x else math.copysign(math.inf, x) if y % 2 == 1 else math.inf
    except OverflowError:
        return math.copysign(math.inf, x) if y % 2 == 1 else math.inf


@native_only
@pytest.mark.parametrize("axis", [0, 1, None])
def test_sums_in_float64_leave_whole_registers_of_float32_to_what_they_add_up(axis):
    lanes = native.registers()[0] // 4
    for n in (1, 3, lanes - 1, lanes, lanes + 1, 2 * lanes + 3, 1000):
        run = tg.compile(lambda x: tg.exp(x).sum(axis=axis))
        x = np.random.default_rng(n).normal(size=(5, n)).astype(np.float32)
        run(tg.Tensor(x))
        exact = np.exp(x.astype(np.float64)).sum(axis=axis)
        np.testing.assert_allclose(run(tg.Tensor(x)).numpy(), exact, rtol=3e-7)
    assert f'"llvm.loop.vectorize.width", i32 {lanes}' in run.source()
    assert ", !llvm.loop !0" in run.source()
