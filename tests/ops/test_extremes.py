"""Values and derivatives, of order one and two, at extremes, kinks and ties.

The oracle is mpmath at 60 digits, or the convention that docs/conventions.md states.
"""

import math

import mpmath as mp
import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import ops
from tinygrad_edu.op import REGISTRY

mp.mp.dps = 60
inf, nan = float("inf"), float("nan")


def derivatives(f, *at):
    """Value, first and second derivative of a function of one float64 number."""
    x = [np.float64(v) for v in at]
    return f(*map(tg.asarray, x)).item(), tg.grad(f)(*x).item(), tg.grad(tg.grad(f))(*x).item()


EXACT = {
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), [-745, -700, -40, -1, 0, 1e-8, 3, 40, 700, 1000]),
    "softplus": (lambda x: mp.log(1 + mp.exp(x)), [-745, -700, -40, -1, 0, 1e-8, 3, 40, 700, 1000]),
    "log1p": (lambda x: mp.log(1 + x), [-0.999999, -1e-12, 0, 1e-300, 1e-12, 1, 1e100]),
    "expm1": (lambda x: mp.exp(x) - 1, [-700, -40, -1e-12, 0, 1e-300, 1e-12, 1, 700]),
    "exp": (lambda x: mp.exp(x), [-745, -700, 0, 700]),
    "tanh": (lambda x: mp.tanh(x), [-1000, -2, 0, 1e-8, 2, 1000]),
    "atan": (lambda x: mp.atan(x), [-1e100, -1, 0, 1e-300, 1e100]),
    "asinh": (lambda x: mp.asinh(x), [-1e100, -1, 0, 1e-300, 1e100]),
    "erf": (lambda x: mp.erf(x), [-5, -1e-300, 0, 1e-8, 0.47, 1, 4, 5]),
    "log": (lambda x: mp.log(x), [1e-150, 1, 1e150]),
    "sqrt": (lambda x: mp.sqrt(x), [1e-150, 1, 1e150]),
    "cosh": (lambda x: mp.cosh(x), [-700, 0, 700]),
    "acosh": (lambda x: mp.acosh(x), [1.0001, 2, 1e100]),
    "atanh": (lambda x: mp.atanh(x), [-0.999999, 0, 1e-300, 0.999999]),
}
CASES = [(name, x) for name, (_, points) in EXACT.items() for x in points]


@pytest.mark.parametrize(("name", "x"), CASES)
def test_value_and_two_derivatives(name, x):
    exact = EXACT[name][0]
    with mp.workdps(400):  # saturated functions differ from their limit only after hundreds of digits
        h = mp.mpf(10) ** -120 * (abs(mp.mpf(x)) or 1)
        orders = [exact(mp.mpf(x)), mp.diff(exact, mp.mpf(x), 1, h=h), mp.diff(exact, mp.mpf(x), 2, h=h)]
        expected = [float(mp.re(v)) for v in orders]
    found = derivatives(getattr(tg, name), x)
    size = max(abs(v) for v in expected)
    for got, want in zip(found, expected, strict=True):
        # a few units in the last place of each term: terms of a second derivative cancel
        floor = 4e-16 * size
        assert abs(got - want) <= 1e-12 * abs(want) + floor, (found, expected)


@pytest.mark.parametrize("gap", [-700.0, -40.0, -1.0, 0.0, 1.0, 40.0, 700.0])
def test_logaddexp_to_second_order(gap):
    """Also in its tails, relatively: its derivatives are those of a softplus of the gap."""
    a, b = np.float64(3 + gap), np.float64(3)
    np.testing.assert_allclose(tg.grad(tg.logaddexp)(a, b).item(), tg.sigmoid(a - b).item(), rtol=1e-12)
    np.testing.assert_allclose(
        tg.grad(tg.grad(tg.logaddexp))(a, b).item(), tg.grad(tg.grad(tg.softplus))(a - b).item(), rtol=1e-12
    )


def test_logaddexp_of_nothing():
    a = np.array([-inf, 0.0, -inf])
    for order in (lambda f: f, lambda f: tg.grad(lambda a, b: f(a, b).sum())):
        gradient = order(tg.grad(lambda a, b: tg.logaddexp(a, b).sum()))(a, np.array([-inf, -inf, 0.0]))
        assert np.isfinite(gradient.data).all()
        assert gradient.data[[0, 2]].tolist() == [0, 0]


@pytest.mark.parametrize("shift", [-1e4, -700.0, 0.0, 700.0, 1e4])
def test_logsumexp_and_cross_entropy_are_shift_invariant(shift):
    x = np.array([0.5, -1.0, 2.0])
    p = np.exp(x - 2) / np.exp(x - 2).sum()
    f = tg.logsumexp
    np.testing.assert_allclose(f(x + shift).item(), shift + np.log(np.exp(x).sum()), rtol=1e-13)
    np.testing.assert_allclose(tg.grad(f)(x + shift).data, p, rtol=1e-11)
    np.testing.assert_allclose(tg.hessian(f)(x + shift).data, np.diag(p) - np.outer(p, p), rtol=1e-10, atol=1e-12)


def test_logsumexp_of_masked_entries():
    x = np.array([[0.0, -inf], [-inf, -inf]])
    np.testing.assert_array_equal(tg.logsumexp(x, axis=1).data, [0, -inf])
    gradient = tg.grad(lambda x: tg.logsumexp(x, axis=1).sum())(x)
    np.testing.assert_array_equal(gradient.data, [[1, 0], [0, 0]])
    assert tg.logsumexp(np.array([inf, 0.0])).item() == inf


@pytest.mark.parametrize(
    ("a", "b", "value", "by_a", "by_b"),
    [(0, 2, 0, 0, 0), (0, 1, 0, 1, 0), (0, 0, 1, 0, 0), (2, 0, 1, 0, np.log(2)), (-2, 3, -8, 12, nan),
     (1e-200, 2, 0, 2e-200, 0), (3, -1, 1 / 3, -1 / 9, np.log(3) / 3)],
)  # fmt: skip
def test_power(a, b, value, by_a, by_b):
    with np.errstate(all="ignore"):
        assert tg.power(float(a), float(b)).item() == pytest.approx(value)
        found = tg.grad(tg.power, (0, 1))(np.float64(a), np.float64(b))
    np.testing.assert_allclose([g.item() for g in found], [by_a, by_b], rtol=1e-12)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
def test_powers_at_zero_to_second_order(n):
    f = lambda x: x**n
    expected = [float(n == k) * [1, 1, 2][k] for k in range(3)]
    assert list(derivatives(f, 0.0)) == expected
    for order in range(n + 3):
        assert f(tg.asarray(0.0)).item() == (math.factorial(n) if order == n else 0)
        f = tg.grad(f)


@pytest.mark.parametrize("zeros", [[], [1], [1, 3], [0, 1, 2, 3]])
def test_prod_with_zeros(zeros):
    x = np.array([2.0, 3.0, 5.0, 7.0])
    x[zeros] = 0
    others = np.array([np.prod(np.delete(x, i)) for i in range(4)])
    pairs = np.array([[np.prod(np.delete(x, [i, j])) if i != j else 0 for j in range(4)] for i in range(4)])
    np.testing.assert_allclose(tg.grad(tg.prod)(x).data, others)
    np.testing.assert_allclose(tg.hessian(tg.prod)(x).data, pairs)
    third = tg.jacobian(tg.hessian(tg.prod))(x).data
    assert third[0, 1, 2] == x[3]
    for k in range(4):  # the running product: d y[k] / d x
        expected = [np.prod(np.delete(x[: k + 1], i)) if i <= k else 0 for i in range(4)]
        np.testing.assert_allclose(tg.grad(lambda x, k=k: tg.cumulative_prod(x)[k])(x).data, expected)


def test_norms_and_spreads_at_zero_and_at_extremes():
    for f in (tg.linalg.norm, lambda x: tg.linalg.vector_norm(x, 3), tg.std):
        gradient = tg.grad(f)(np.zeros(3))
        np.testing.assert_array_equal(gradient.data, np.zeros(3))
    for size in (1e-200, 1.0, 1e200):
        x = size * np.array([3.0, 4.0])
        np.testing.assert_allclose(tg.linalg.norm(x).item() / size, 5)
        np.testing.assert_allclose(tg.grad(tg.linalg.norm)(x).data, [0.6, 0.8])
        np.testing.assert_allclose(tg.hessian(tg.linalg.norm)(x).data * size, [[0.128, -0.096], [-0.096, 0.072]])
        np.testing.assert_allclose(tg.std(x).item() / size, 0.5)
        np.testing.assert_allclose(tg.grad(tg.std)(x).data, [-0.5, 0.5])
    np.testing.assert_allclose(tg.grad(tg.var)(np.array([1e8, 1e8 + 1])).data, [-0.5, 0.5])


@pytest.mark.parametrize("p", [0.5, 1.0, 1.5, 2.5, 3.0])
def test_entries_of_0_in_a_norm(p):
    """They have derivative 0, at both orders, and leave those of the others alone."""
    x = np.array([0.0, 1.0, -2.0])
    f = lambda x: tg.linalg.vector_norm(x, p)
    np.testing.assert_allclose(tg.grad(f)(x).data, [0, *tg.grad(f)(x[1:]).data])
    np.testing.assert_allclose(tg.hessian(f)(x).data, np.pad(tg.hessian(f)(x[1:]).data, ((1, 0), (1, 0))), atol=1e-15)
    assert tg.grad(f)(np.zeros(2)).data.tolist() == [0, 0]


def test_hypot_and_atan2():
    for f in (tg.hypot, tg.atan2):
        assert [g.item() for g in tg.grad(f, (0, 1))(0.0, 0.0)] == [0, 0]
    for size in (1e-160, 1e160):
        a, b = np.float64(3 * size), np.float64(4 * size)
        np.testing.assert_allclose([g.item() for g in tg.grad(tg.hypot, (0, 1))(a, b)], [0.6, 0.8])
        np.testing.assert_allclose([g.item() * size for g in tg.grad(tg.atan2, (0, 1))(a, b)], [0.16, -0.12])
    assert tg.atan2(0.0, -1.0).item() == pytest.approx(np.pi)
    np.testing.assert_allclose(tg.grad(tg.atan2)(np.float64(0), np.float64(-2)).item(), -0.5)


@pytest.mark.parametrize(
    "inner",
    [tg.log, tg.sqrt, lambda x: 1 / x, lambda x: x**-0.5, lambda x: tg.log(x) * x, lambda x: tg.exp(800 - 1e4 * x)],
)
def test_where_ignores_the_branch_not_taken(inner):
    """log(0), sqrt'(0), 1/0 and an overflow, in a branch that where() does not take."""
    f = lambda x: tg.where(x > 0, inner(tg.where(x > 0, x, 0.0)), 3 * x * x).sum()
    x = np.array([0.0, 2.0])
    with np.errstate(all="ignore"):
        g = tg.grad(inner)(np.float64(2.0)).item()
        gg = tg.grad(tg.grad(inner))(np.float64(2.0)).item()
        np.testing.assert_allclose(tg.grad(f)(x).data, [0, g])
        np.testing.assert_allclose(tg.hessian(f)(x).data, [[6, 0], [0, gg]])
        np.testing.assert_allclose(tg.hvp(f, (x,), (np.ones(2),)).data, [6, gg])


def test_ties_share_the_gradient_equally():
    x = np.array([2.0, 5.0, 5.0, 1.0, 5.0])
    third = 1 / 3
    np.testing.assert_allclose(tg.grad(tg.max)(x).data, [0, third, third, 0, third])
    np.testing.assert_allclose(tg.grad(tg.min)(-x).data, [0, third, third, 0, third])
    for f in (tg.maximum, tg.minimum):
        assert [g.item() for g in tg.grad(f, (0, 1))(1.0, 1.0)] == [0.5, 0.5]
    np.testing.assert_array_equal(tg.grad(lambda x: tg.sort(x)[0])(np.array([1.0, 1.0])).data, [1, 0])


def test_kinks():
    assert tg.grad(tg.abs)(0.0).item() == 0
    assert tg.grad(tg.relu)(0.0).item() == 0
    assert [tg.grad(lambda x: tg.clip(x, 0, 1))(v).item() for v in (-1.0, 0.0, 0.5, 1.0, 2.0)] == [0, 1, 1, 1, 0]
    for f in (tg.sign, tg.floor, tg.ceil, tg.round):
        assert tg.grad(lambda x, f=f: f(x) + 2 * x)(0.5).item() == 2


def test_determinants_of_singular_matrices():
    a = np.array([[1.0, 2.0], [2.0, 4.0]])
    np.testing.assert_allclose(tg.grad(tg.linalg.det)(a).data, [[4, -2], [-2, 1]], atol=1e-14)
    np.testing.assert_array_equal(tg.grad(tg.linalg.det)(np.zeros((3, 3))).data, np.zeros((3, 3)))
    second = tg.hessian(tg.linalg.det)(np.eye(2)).data
    assert second[0, 0, 1, 1] == 1
    assert second[0, 1, 1, 0] == -1


def test_equal_eigenvalues_that_are_only_summed():
    gradient = tg.grad(lambda a: (tg.linalg.eigh(a).eigenvalues ** 2).sum())(2 * np.eye(3))
    np.testing.assert_allclose(gradient.data, 4 * np.eye(3), atol=1e-14)


def test_float16_means_do_not_overflow():
    x = tg.Tensor(np.full(100, 1000, np.float16), requires_grad=True)
    y = tg.mean(x)
    y.backward()
    assert (y.item(), y.dtype, x.grad.dtype) == (1000, np.float16, np.float16)
    assert tg.std(x).item() == 0


SPECIAL = [(op, point) for op in REGISTRY.values() for point in op.special if op.kind.entrywise]


@pytest.mark.parametrize(("op", "point"), SPECIAL, ids=str)
def test_declared_special_points_are_finite_to_second_order_and_both_ways(op, point):
    """At the points that a declaration names, nothing overflows, and forward agrees with reverse."""
    attributes = op.attributes(np.random.default_rng(0), ()) if op.attributes else {}

    def f(x):
        return op(*[x] * len(op.domain or (x,)), **attributes)

    x = np.float64(point)
    with np.errstate(all="raise", under="ignore"):
        value = f(x)
    first, second = tg.grad(f)(x).item(), tg.grad(tg.grad(f))(x).item()
    assert np.isfinite([value, first, second]).all()
    np.testing.assert_allclose(tg.jvp(f, (x,), (np.float64(1),))[1].item(), first, rtol=1e-15)
    low = tg.grad(f)(np.float32(point)).item() if abs(point) < 3e38 else first
    np.testing.assert_allclose(low, first, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", ["logsumexp", "prod", "cumulative_prod"])
def test_declared_special_points_of_folds(name):
    for point in REGISTRY[name].special:
        for x in (np.full(3, float(point)), np.array([point, 1.0, 2.0])):
            f = lambda x: getattr(tg, name)(x).sum()
            assert np.isfinite(tg.grad(f)(x).data).all()
            assert np.isfinite(tg.hessian(f)(x).data).all()


@pytest.mark.parametrize("x", [-60.0, -12.0, 0.0, 3.0, 12.0, 60.0])
def test_the_gates_of_an_lstm_keep_their_digits(x):
    row = tg.Tensor(np.full(4, x, np.float32), requires_grad=True)
    ops.gates(row).sum().backward()
    door, slope = 1 / (1 + math.exp(-x)), 1 / ((1 + math.exp(-x)) * (1 + math.exp(x)))
    rtol = 8 * np.finfo(np.float32).eps
    np.testing.assert_allclose(ops.gates(row).data[[0, 1, 3]], door, rtol=rtol)
    np.testing.assert_allclose(row.grad.data[[0, 1, 3]], slope, rtol=rtol, atol=rtol * (x > 0))  # 1 - y is rounded
    np.testing.assert_allclose(ops.gates(row).data[2], math.tanh(x), rtol=rtol)
    with pytest.raises(ValueError, match="gates: the last axis must have four parts of one length"):
        ops.gates(tg.ones(5))
