"""Gradients that are wrong at zeros, ties, large numbers, or in low precision."""

import numpy as np
from scipy import special

from .bug import Bug

TERM, NOT_FINITE = "one term missing", "not finite"
BUGS = []


def xlogy(x, y):
    return np.where(x == 0, 0, x * np.log(y))


def d_xlogy(x, y, cotangent):
    return cotangent * np.log(y), cotangent * x / y


def d_xlogy_broken(x, y, cotangent):
    return cotangent * np.where(x == 0, 0, np.log(y)), cotangent * x / y


BUGS.append(
    Bug(
        "jax-ml/jax#15598",
        2023,
        "the logarithm of a beta density has a zero gradient where a parameter is 1, as x log y is cut off at x = 0",
        TERM,
        xlogy,
        d_xlogy_broken,
        d_xlogy,
        (np.array([0.0, 1.5]), np.array([0.5, 2.0])),
    )
)


def logsumexp(b):
    return np.log(np.sum(b))


def d_logsumexp(b, cotangent):
    return cotangent * np.ones(b.shape) / np.sum(b)


def d_logsumexp_broken(b, cotangent):
    return cotangent * np.where(b == 0, 0, 1.0) / np.sum(b)


BUGS.append(
    Bug(
        "jax-ml/jax#22398",
        2024,
        "weights of logsumexp that are 0 are masked, and their derivatives with them",
        TERM,
        logsumexp,
        d_logsumexp_broken,
        d_logsumexp,
        (np.array([1.0, 0.0]),),
    )
)


def i0(x):
    return special.i0(x)


def d_i0(x, cotangent):
    return cotangent * special.i1(x)


def d_i0_broken(x, cotangent):
    return cotangent * np.where(x == 0, 1.0, special.i1(x))


BUGS.append(
    Bug(
        "jax-ml/jax#40628",
        2026,
        "the derivative of an even Bessel function is 1 at 0, as the absolute value in it is differentiated",
        TERM,
        i0,
        d_i0_broken,
        d_i0,
        (np.array([0.0, 0.75]),),
    )
)


def ldexp(x):
    return np.where(x == 0, x, 2 * x)


def d_ldexp(x, cotangent):
    return 2 * cotangent


def d_ldexp_broken(x, cotangent):
    return np.where(x == 0, 1, 2) * cotangent


BUGS.append(
    Bug(
        "jax-ml/jax#37992",
        2026,
        "a branch for signed zeros returns x itself, so that the derivative of 2 x is 1 at 0",
        TERM,
        ldexp,
        d_ldexp_broken,
        d_ldexp,
        (np.array([0.0, 1.0, 2.0]),),
    )
)


def digamma(x):
    return special.digamma(x)


def d_digamma(x, cotangent):
    return cotangent * special.polygamma(1, x)


def d_digamma_broken(x, cotangent):
    return cotangent * np.where(x < 0, -special.polygamma(1, 1 - x), special.polygamma(1, np.abs(x)))


BUGS.append(
    Bug(
        "jax-ml/jax#37635",
        2026,
        "for negative numbers the derivative of digamma forgets the derivative of its reflection",
        TERM,
        digamma,
        d_digamma_broken,
        d_digamma,
        (np.array([-16.5, -2.25, 1.5]),),
    )
)


def cumprod(x):
    return np.cumprod(x)


def d_cumprod(x, cotangent):
    d = np.zeros(x.shape)
    for i in range(len(x)):
        others = np.concatenate([x[:i], [1.0], x[i + 1 :]])
        d[i] = np.sum(cotangent[i:] * np.cumprod(others)[i:])
    return d


def d_cumprod_broken(x, cotangent):
    return np.cumsum((cotangent * np.cumprod(x))[::-1])[::-1] / x


BUGS.append(
    Bug(
        "tracel-ai/burn#3864",
        2025,
        "the gradient of a cumulative product divides by the input, which is nan where that is 0",
        NOT_FINITE,
        cumprod,
        d_cumprod_broken,
        d_cumprod,
        (np.array([2.0, 0.0, 3.0, 4.0]),),
    )
)


def log_loss(raw):
    return np.logaddexp(0, raw) - raw


def d_log_loss(raw, cotangent):
    return cotangent * -1 / (1 + np.exp(np.minimum(raw, 700)))


def d_log_loss_broken(raw, cotangent):
    low = np.exp(-raw)
    return cotangent * -low / (1 + low)


BUGS.append(
    Bug(
        "scikit-learn/scikit-learn#28046",
        2024,
        "the gradient of the logistic loss is inf / inf for a large negative prediction",
        NOT_FINITE,
        log_loss,
        d_log_loss_broken,
        d_log_loss,
        (np.array([-1000.0, 0.5]),),
    )
)


def power(a, b):
    return a**b


def d_power(a, b, cotangent):
    with np.errstate(all="ignore"):
        log = np.where(a > 0, np.log(np.where(a > 0, a, 1)), 0)
    return cotangent * b * a ** (b - 1), cotangent * a**b * log


def d_power_broken(a, b, cotangent):
    return cotangent * b * a ** (b - 1), cotangent * a**b * np.log(a)


BUGS.append(
    Bug(
        "ml-explore/mlx#628",
        2024,
        "the gradient by an exponent is 0 times the logarithm of 0",
        NOT_FINITE,
        power,
        d_power_broken,
        d_power,
        (np.array([0.0, 2.0]), np.array([2.0, 1.5])),
    )
)

TIES = 70_000


def largest(x):
    return np.max(np.repeat(x, TIES // len(x)))


def d_largest(x, cotangent, count=np.float64):
    mask = np.repeat(x, TIES // len(x)) == np.max(x)
    with np.errstate(all="ignore"):
        share = 1 / count(np.sum(mask))
    return cotangent * np.sum((mask * share).reshape(len(x), -1), axis=1, dtype=np.float64).astype(x.dtype)


def d_largest_broken(x, cotangent):
    return d_largest(x, cotangent, count=np.float16 if x.dtype == np.float16 else np.float64)


BUGS.append(
    Bug(
        "tinygrad/tinygrad#12296",
        2025,
        "in half precision the number of ties of a maximum overflows, and its gradient is 0",
        "loses its digits in float16",
        largest,
        d_largest_broken,
        d_largest,
        (np.array([1.0], dtype=np.float16),),
    )
)
