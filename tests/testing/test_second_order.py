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


BRANCHES = {  # functions with a branch that the point does not take, and the inputs that only it depends on
    "a dead relu just below 0": (lambda x: np.array([np.maximum(x[0], 0) * x[1]]), [-0.01, 1.0]),
    "a dead relu at -3": (lambda x: np.array([np.maximum(x[0], 0) * x[1]]), [-3.0, 1.0]),
    "a larger one of two": (lambda x: np.array([np.maximum(x[0], x[1])]), [2.0, -1.5]),
    "clipped": (lambda x: np.array([x[0] * np.clip(x[1], 0, 1)]), [1.0, 4.0]),
    "switched by a sign": (lambda x: np.array([x[0] + (x[1] if x[2] > 0 else 0.0)]), [1.0, 2.0, -0.4]),
}


@pytest.mark.parametrize("name", BRANCHES)
def test_a_sparsity_must_hold_in_branches_near_the_point(name):
    f, x = BRANCHES[name]
    full = np.ones((1, len(x)))
    assert testing.check_jacobian_sparsity(f, full, np.array(x)).verdict == "RIGHT"
    allowed = full.copy()
    allowed[0, 1] = 0
    report = testing.check_jacobian_sparsity(f, allowed, np.array(x), raises=False)
    assert report.diagnosis == "f[0] depends on x[1], which the sparsity leaves out (1 such places)"


def test_a_sparsity_is_looked_at_within_the_domain_and_says_how_far():
    f = lambda x: np.array([np.log(x[0]) * x[1], 1 / x[1]])
    report = testing.check_jacobian_sparsity(f, np.array([[1, 1], [0, 1]]), np.array([0.3, 2.0]))
    assert report.verdict == "RIGHT"
    assert report.diagnosis.endswith("all allowed; inputs were moved by up to twice their size, at 11 points")
    report = testing.check_jacobian_sparsity(lambda x: np.log(x), np.eye(1), np.array([-1.0]), raises=False)
    assert report.verdict == "OUT_OF_DOMAIN"


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
        (
            lambda: testing.check_hessian(lambda x: None, h_logistic, X),
            "check_hessian: f must return numbers; got None",
        ),
        (
            lambda: testing.check_hessian(lambda x: DESIGN @ x, h_logistic, X),
            r"check_hessian: f must return one number here; got shape \(6,\)",
        ),
        (
            lambda: testing.check_hvp(logistic, product_broken, X, grad=lambda w: "no"),
            "check_hvp: grad must return numbers; got str",
        ),
        (
            lambda: testing.check_hessian(logistic, h_logistic, X, grad=lambda w: np.ones(3)),
            r"check_hessian: grad must return shape \(4,\) here; got shape \(3,\)",
        ),
        (
            lambda: testing.check_jvp(lambda x: {}, lambda x, v: v, X),
            "check_jvp: f must return numbers; got dict",
        ),
        (lambda: testing.check_jvp(np.sin, lambda x, v: {1}, X), "check_jvp: jvp must return real numbers; got set"),
        (
            lambda: testing.check_jacobian_sparsity(lambda x: None, np.eye(4), X),
            "check_jacobian_sparsity: f must return numbers; got None",
        ),
        (
            lambda: testing.check_jacobian_sparsity(np.sin, lambda x: None, X),
            "check_jacobian_sparsity: sparsity must be a matrix of numbers; got NoneType",
        ),
        (
            lambda: testing.check_derivative(lambda x: "no", np.cos, X),
            "check_derivative: f must return numbers; got str",
        ),
        (
            lambda: testing.check_kernel(lambda x: {}, lambda dy, x: dy, inputs=(X,)),
            "check_kernel: forward must return numbers; got dict",
        ),
        (
            lambda: testing.check_kernel(np.sin, lambda dy, x: dy, lambda x: None, inputs=(X,)),
            "check_kernel: reference must return numbers; got None",
        ),
        (
            lambda: testing.check_kernel(np.sin, lambda dy, x: dy, lambda x: np.ones((7, 2)), inputs=(X,)),
            "check_kernel: reference must return as many numbers as forward, 4 here; got 14",
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
    report = testing.check_hessian(logistic, lambda w: 0.3 * h_logistic(w) ** 2, X, raises=False)
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


@pytest.mark.parametrize("returned", [None, "no", {}, np.ones(7), np.ones((2, 5))])
def test_products_of_an_operator_that_are_no_columns_are_told(returned):
    LinearOperator = sparse.linalg.LinearOperator
    broken = lambda *x: LinearOperator((4, 4), matvec=lambda v: returned, dtype=float)
    wanted = r"matvec of a LinearOperator must return numbers of shape \(4,\); got .* \(is a return missing\?\)"
    with pytest.raises(TypeError, match="check_hessian: " + wanted):
        testing.check_hessian(logistic, broken, X, grad=d_logistic)
    with pytest.raises(TypeError, match="check_derivative: " + wanted):
        testing.check_derivative(np.sin, broken, X)
    with pytest.raises(TypeError, match="check_jacobian_sparsity: " + wanted):
        testing.check_jacobian_sparsity(np.sin, broken(), X)
    half = lambda w: LinearOperator((4, 4), lambda v: h_logistic(w) @ v, lambda u: returned, dtype=float)
    report = testing.check_hessian(logistic, half, X, grad=d_logistic, raises=False)
    assert report.diagnosis.startswith("rmatvec of a LinearOperator must return numbers of shape (4,); got ")


def test_a_hessian_given_as_a_lambda_has_its_line_and_its_text():
    report = testing.check_hessian(logistic, lambda w: -h_logistic(w), X, raises=False)
    assert "lambda w: -h_logistic(w)" in report.blame.detail
    assert report.notes[-1].endswith("would be right as: return h_logistic(w)")
    report = testing.check_hessian(logistic, lambda w: np.sinh(h_logistic(w)) * (1 + w**2), X, raises=False)
    line = test_a_hessian_given_as_a_lambda_has_its_line_and_its_text.__code__.co_firstlineno + 4
    assert report.blame is None
    assert report.notes[-1] == (
        f"the mistake is in this lambda, or in what it calls: lambda w: np.sinh(h_logistic(w)) * (1 + w**2) at {__file__}:{line}"
    )
