"""Hessians, products and sparsities as optimizers take them: right ones of SciPy, and planted faults."""

import numpy as np
import pytest
from scipy import optimize, sparse

from tinygrad_edu import testing
from tinygrad_edu.testing import second_order

jax = pytest.importorskip("jax")

X = np.array([0.7, -1.2, 0.4, 1.5])
DESIGN = np.random.default_rng(0).standard_normal((6, 4))


def logistic(w):
    return np.sum(np.logaddexp(0, DESIGN @ w))


def d_logistic(w):
    z = DESIGN @ w
    p = 1 / (1 + np.exp(-z))
    return DESIGN.T @ p


def h_logistic(w):
    p = 1 / (1 + np.exp(-DESIGN @ w))
    weights = p * (1 - p)
    return DESIGN.T @ (weights[:, None] * DESIGN)


def product_broken(w, v):
    p = 1 / (1 + np.exp(-DESIGN @ w))
    dz = p * (DESIGN @ v)
    return DESIGN.T @ dz


def test_hessians_of_scipy_with_and_without_their_gradient():
    report = testing.check_hessian(optimize.rosen, optimize.rosen_hess, X, grad=optimize.rosen_der)
    assert report.verdict == "RIGHT"
    assert testing.check_hessian(optimize.rosen, optimize.rosen_hess, X).verdict == "RIGHT"
    assert testing.check_hvp(optimize.rosen, optimize.rosen_hess_prod, X, grad=optimize.rosen_der).verdict == "RIGHT"
    assert testing.check_hvp(optimize.rosen, optimize.rosen_hess_prod, X).verdict == "RIGHT"


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, sparse.linalg.aslinearoperator])
def test_a_hessian_may_be_sparse_or_an_operator(form):
    assert testing.check_hessian(logistic, lambda w: form(h_logistic(w)), X, grad=d_logistic).verdict == "RIGHT"
    wrong = lambda w: form(2 * h_logistic(w))
    report = testing.check_hessian(logistic, wrong, X, grad=d_logistic, raises=False)
    assert report.pattern.startswith("off by a constant factor 2")


def test_the_line_of_a_wrong_product():
    with pytest.raises(testing.GradientError) as error:
        testing.check_hvp(logistic, product_broken, X, grad=d_logistic)
    assert error.value.report.blame.detail == "dz = p * (DESIGN @ v)"


def test_a_hessian_that_is_not_symmetric_is_named():
    def lower(w):
        return np.tril(h_logistic(w))

    report = testing.check_hessian(logistic, lower, X, grad=d_logistic, raises=False)
    assert report.verdict == "WRONG"
    assert report.pattern == second_order.NOT_SYMMETRIC
    assert report.diagnosis.startswith("the Hessian is not symmetric: [")


def test_a_product_that_is_not_linear_is_named():
    report = testing.check_hvp(lambda x: np.sum(x**3), lambda x, p: 6 * x * np.abs(p), X, raises=False)
    assert (report.verdict, report.pattern) == ("WRONG", second_order.NOT_LINEAR)


def test_arguments_besides_the_point():
    f = lambda x, a: a * np.sum(x**3)
    assert testing.check_hessian(f, lambda x, a: np.diag(6 * a * x), X, 2.0).verdict == "RIGHT"
    assert testing.check_hvp(f, lambda x, p, a: 6 * a * x * p, X, 2.0).verdict == "RIGHT"
    assert testing.check_jvp(lambda x, a: a * x**3, lambda x, v, a: 3 * a * x**2 * v, X, 2.0).verdict == "RIGHT"
    assert testing.check_hvp(f, lambda x, p, a: 6 * x * p, X, 2.0, raises=False).verdict == "WRONG"


def test_products_must_be_those_with_a_symmetric_matrix():
    right = lambda x, p: 12 * x**2 * p
    f, grad = lambda x: np.sum(x**4), lambda x: 4 * x**3
    assert testing.check_hvp(f, right, X, grad=grad).verdict == "RIGHT"
    report = testing.check_hvp(f, lambda x, p: 12 * x**2 * np.abs(p), X, grad=grad, raises=False)
    assert report.pattern == second_order.NOT_LINEAR
    skew = np.triu(np.ones((4, 4)))
    report = testing.check_hvp(lambda x: 0.5 * x @ skew @ x, lambda x, p: skew @ p, X, raises=False)
    assert report.pattern == second_order.NOT_SYMMETRIC
    report = testing.check_hvp(f, lambda x, p: -right(x, p), X, grad=grad, raises=False)
    assert report.pattern == "sign flipped"


def test_forward_mode_of_other_libraries_and_by_hand():
    f = lambda x: np.array([np.sin(x[0]) * x[1], x[2] * x[3]])
    jf = lambda x: jax.numpy.array([jax.numpy.sin(x[0]) * x[1], x[2] * x[3]])
    with jax.enable_x64(True):
        by_jax = lambda x, v: tuple(map(np.asarray, jax.jvp(jf, (x,), (v,))))
        assert testing.check_jvp(f, by_jax, X).verdict == "RIGHT"
    wrong = lambda x, v: np.array([np.cos(x[0]) * x[1] * v[0], x[2] * v[3] + x[3] * v[2]])
    report = testing.check_jvp(f, wrong, X, raises=False)
    assert report.verdict == "WRONG"
    assert {e.place for e in report.wrong} == {"x[1]"}
    report = testing.check_jvp(np.sin, lambda x, v: np.cos(x) * np.sign(v), X, raises=False)
    assert report.pattern == second_order.NOT_LINEAR


def test_a_sparsity_that_leaves_something_out():
    f = lambda x: np.array([x[0] ** 2, x[0] * x[1], x[3]])
    right = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1]])
    report = testing.check_jacobian_sparsity(f, sparse.csr_array(right), X)
    assert report.verdict == "RIGHT"
    assert report.notes == ["1 places are allowed at which nothing was seen to change"]
    report = testing.check_jacobian_sparsity(f, right[:, [0, 2, 1, 3]], X, raises=False)
    assert report.diagnosis == "f[1] depends on x[1], which the sparsity leaves out (1 such places)"
    with pytest.raises(ValueError, match=r"sparsity must have shape \(outputs, inputs\), \(3, 4\); got \(4, 3\)"):
        testing.check_jacobian_sparsity(f, right.T, X)
    hidden = lambda x: np.array([np.maximum(x[0], 0) * x[1]])  # nothing is seen at the point itself
    report = testing.check_jacobian_sparsity(hidden, np.array([[1, 0]]), np.array([0.0, 1.0]), raises=False)
    assert report.verdict == "WRONG"


@pytest.mark.parametrize("check", [testing.check_hessian, testing.check_hvp, testing.check_jvp])
def test_whole_numbers_are_no_point(check):
    with pytest.raises(TypeError, match=f"{check.__name__}: x must be an array of floats; got list of int64"):
        check(optimize.rosen, optimize.rosen_hess, [1, 2, 3])


@pytest.mark.parametrize(
    ("check", "named"),
    [
        (
            lambda: testing.check_hessian(logistic, lambda w: None, X),
            "check_hessian: hess must return numbers; got None",
        ),
        (lambda: testing.check_hvp(logistic, lambda w, v: None, X), "check_hvp: hvp must return numbers; got None"),
        (lambda: testing.check_jvp(np.sin, lambda x, v: None, X), "check_jvp: jvp must return numbers; got None"),
        (
            lambda: testing.check_hessian(logistic, lambda w: np.diag(h_logistic(w)), X, grad=d_logistic),
            r"check_hessian: hess must return shape \(4, 4\) here; got \(4,\)",
        ),
        (
            lambda: testing.check_jvp(lambda x: DESIGN @ x, lambda x, v: (DESIGN @ v)[:5], X),
            r"check_jvp: jvp must return shape \(6,\) here; got \(5,\)",
        ),
    ],
)
def test_what_has_no_numbers_or_another_shape_is_told_by_its_own_name(check, named):
    with pytest.raises(TypeError, match=named):
        check()


def forward_broken(x, v, k):
    inner = k * v
    return np.sin(k * x) * inner


def test_a_wrong_jvp_is_told_by_its_own_lines_not_the_checkers():
    report = testing.check_jvp(lambda x, k: np.cos(k * x), forward_broken, X, 1.5, raises=False)
    assert report.pattern == "sign flipped"
    assert "second_order.py" not in str(report).replace(__file__, "")


def test_what_a_hessian_lacks_for_its_line_to_be_named_is_said():
    report = testing.check_hessian(logistic, lambda w: -h_logistic(w), X, raises=False)
    assert "its gradient is found by numbers; give one as grad=" in report.notes[0]


def test_both_products_of_an_operator_are_those_with_one_matrix():
    from scipy.sparse.linalg import LinearOperator

    def operator(matrix, adjoint):
        return LinearOperator(
            matrix.shape, matvec=lambda v: matrix @ v, rmatvec=adjoint and (lambda u: adjoint(matrix) @ u)
        )

    f = lambda x: np.sin(DESIGN @ x)
    jacobian = lambda x: np.cos(DESIGN @ x)[:, None] * DESIGN
    for adjoint, verdict in ((np.transpose, "RIGHT"), (None, "RIGHT"), (lambda m: -m.T, "WRONG")):
        report = testing.check_derivative(f, lambda x, a=adjoint: operator(jacobian(x), a), X, raises=False)
        assert report.verdict == verdict, adjoint
        hess = lambda w, a=adjoint: operator(h_logistic(w), a)
        assert testing.check_hessian(logistic, hess, X, grad=d_logistic, raises=False).verdict == verdict
    assert report.diagnosis.startswith("rmatvec of the LinearOperator is not the adjoint of matvec")
