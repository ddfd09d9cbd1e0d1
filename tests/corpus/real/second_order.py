"""Wrong second derivatives: the forward is a gradient, the backward a product with the Hessian."""

import numpy as np
from scipy import special

from .bug import Bug

TERM = "one term missing"
rng = np.random.default_rng(6)
BUGS = []
DESIGN, OBSERVED = rng.standard_normal((6, 2)), rng.standard_normal(6)


def score(beta):
    """The gradient of the likelihood of a linear model, its variance concentrated out."""
    rest = OBSERVED - DESIGN @ beta
    return len(OBSERVED) * (DESIGN.T @ rest) / np.sum(rest * rest)


def hessian(beta, factor=2.0):
    rest = OBSERVED - DESIGN @ beta
    ssr, slope = np.sum(rest * rest), -2 * DESIGN.T @ rest
    return -len(OBSERVED) / 2 * (factor * DESIGN.T @ DESIGN / ssr - np.outer(slope, slope) / ssr**2)


def hessian_product(beta, cotangent):
    return hessian(beta) @ cotangent


def hessian_product_broken(beta, cotangent):
    return hessian(beta, factor=1.0) @ cotangent


BUGS.append(
    Bug(
        "statsmodels/statsmodels#9469",
        2025,
        "the first of the two terms of a Hessian of least squares lacks its factor 2",
        TERM,
        score,
        hessian_product_broken,
        hessian_product,
        (np.array([0.25, -0.5]),),
    )
)


QUADRATIC = np.array([[2.0, 1.0], [1.0, 4.0]])


def transformed_score(theta):
    p = np.exp(theta)
    return p * (QUADRATIC @ p)


def transformed_product(theta, cotangent):
    p = np.exp(theta)
    return (QUADRATIC * np.outer(p, p) + np.diag(p * (QUADRATIC @ p))) @ cotangent


def transformed_product_broken(theta, cotangent):
    return QUADRATIC @ cotangent


BUGS.append(
    Bug(
        "statsmodels/statsmodels#10148",
        2026,
        "a Hessian ignores that its parameters are not transformed yet, while the score does not",
        TERM,
        transformed_score,
        transformed_product_broken,
        transformed_product,
        (np.array([0.25, -0.5]),),
    )
)

CENTRE = np.zeros(3)


def rbf_slope(x):
    d = x - CENTRE
    return -2 * d * np.exp(-np.sum(d * d))


def rbf_product(x, cotangent):
    d = x - CENTRE
    e = np.exp(-np.sum(d * d))
    return -2 * e * cotangent + 4 * e * d * np.sum(d * cotangent)


def rbf_product_broken(x, cotangent):
    d = x - CENTRE
    length = np.sqrt(np.sum(d * d))
    if length == 0:
        return np.zeros(x.shape)  # a norm has derivative 0 at 0
    return rbf_product(x, cotangent)


BUGS.append(
    Bug(
        "pytorch/pytorch#92075",
        2023,
        "the Hessian of a kernel that squares a norm is wrong where the two points are equal",
        "one term missing: the whole gradient is 0",
        rbf_slope,
        rbf_product_broken,
        rbf_product,
        (CENTRE.copy(),),
    )
)


def i1(x):
    return special.i1(x)


def i1_product(x, cotangent):
    return cotangent * special.ivp(1, x)


def i1_product_broken(x, cotangent):
    return cotangent * np.where(x == 0, 0.0, special.ivp(1, x))


BUGS.append(
    Bug(
        "jax-ml/jax#40627",
        2026,
        "the second derivative of a Bessel function is 0 at 0, as its first has a branch there",
        TERM,
        i1,
        i1_product_broken,
        i1_product,
        (np.array([0.0, 0.75]),),
    )
)


def cofactors(a):
    return np.linalg.det(a) * np.linalg.inv(a).T


def cofactor_product(a, cotangent):
    c, inverse = cofactors(a), np.linalg.inv(a)
    return np.sum(c * cotangent) * inverse.T - inverse.T @ cotangent.T @ c


def cofactor_product_broken(a, cotangent):
    return np.sum(cofactors(a) * cotangent) * np.linalg.inv(a).T  # the inverse is taken to be constant


BUGS.append(
    Bug(
        "pytorch/pytorch#192540",
        2026,
        "differentiated once more, the forward rule of a determinant lacks the derivative of the inverse in it",
        TERM,
        cofactors,
        cofactor_product_broken,
        cofactor_product,
        (np.array([[1.3, 0.4], [-0.7, 0.9]]),),
    )
)
