"""`optim.minimize` on functions whose least value is known, on trees, and beside SciPy."""

import numpy as np
import pytest
import scipy.optimize

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

METHODS = ["bfgs", "lbfgs", "newton-cg"]


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [2, 5, 20])
def test_rosenbrock(method, n):
    start = np.linspace(-1.0, 1.5, n)
    found = optim.minimize(rosenbrock, start, method, tolerance=1e-7)
    assert found.success, found.message
    assert found.fun < 1e-12 or found.fun == pytest.approx(3.95, abs=0.05)  # the other local minimum
    theirs = scipy.optimize.minimize(
        lambda x: rosenbrock(tg.asarray(x)).item(), start, jac=lambda x: tg.grad(rosenbrock)(x).data,
        method={"bfgs": "BFGS", "lbfgs": "L-BFGS-B", "newton-cg": "Newton-CG"}[method],
    )  # fmt: skip
    assert found.fun <= theirs.fun + 1e-6
    assert found.nfev <= 3 * theirs.nfev
    np.testing.assert_allclose(found.jac.data, tg.grad(rosenbrock)(found.x).data)


@pytest.mark.parametrize("method", METHODS)
def test_a_quadratic_of_a_tree(method):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 5)), rng.normal(size=5)
    matrix = a @ a.T + np.eye(5)

    def f(p):
        x = tg.concat([p["first"].reshape(-1), p["rest"][0], p["rest"][1].reshape(1)])
        return x @ (matrix @ x) / 2 - b @ x

    start = {"first": np.zeros((2, 1)), "rest": (np.ones(2), 1.0)}
    found = optim.minimize(f, tg.tree.map(tg.asarray, start), method, tolerance=1e-6)
    flat = np.concatenate(
        [found.x["first"].data.reshape(-1), found.x["rest"][0].data, found.x["rest"][1].data.reshape(1)]
    )
    np.testing.assert_allclose(flat, np.linalg.solve(matrix, b), atol=1e-6)
    assert type(found.x["rest"]) is tuple
    assert found.x["rest"][1].dtype == np.float32


@pytest.mark.parametrize("method", METHODS)
def test_a_module(method):
    x = np.random.default_rng(0).normal(size=(30, 2))
    y = x @ [[2.0], [-1.0]] + 0.5
    found = optim.minimize(lambda net: ((net(x) - y) ** 2).mean(), nn.Linear(2, 1, dtype="float64"), method)
    np.testing.assert_allclose(found.x.weight.data, [[2.0, -1.0]], atol=1e-5)
    np.testing.assert_allclose(found.x.bias.data, [0.5], atol=1e-5)


def test_what_it_says_of_a_search_that_does_not_end():
    found = optim.minimize(lambda x: -x.sum(), np.ones(2), max_steps=1)
    assert (found.success, found.nit, found.message) == (False, 1, "all steps (1) were made")


@pytest.mark.parametrize(("call", "text"), [
    (lambda: optim.minimize(rosenbrock, np.ones(3), "adam"), "method must be bfgs, lbfgs, newton-cg; got 'adam'"),
    (lambda: optim.minimize(lambda x: x * 2, np.ones(3)), r"f must give one number, a tensor without axes; got shape \(3,\)"),
    (lambda: optim.minimize(rosenbrock, np.arange(3)), "x0 must be floating-point numbers, or a tree of them; got int64"),
])  # fmt: skip
def test_what_is_refused(call, text):
    with pytest.raises((ValueError, TypeError), match=text):
        call()
