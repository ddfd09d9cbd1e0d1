"""Random programs in NumPy's language, run by JAX and, unchanged, by this package: derivatives of every kind."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg

jax = pytest.importorskip("jax")
jnp = jax.numpy


def with_axes(step):
    """A step for arrays that have an axis; others stay as they are."""
    return lambda m, x: step(m, x) if x.ndim else x


def of_matrices(step):
    """A step for a matrix, given the positive definite one made of it."""
    return lambda m, x: step(m, x @ x.T + 3 * np.eye(x.shape[0])) if x.ndim == 2 else x


ONE = [
    lambda m, x: m.sin(x), lambda m, x: m.tanh(x), lambda m, x: m.exp(m.clip(x, -3, 3)), lambda m, x: x**3,
    lambda m, x: m.log(m.abs(x) + 1.5), lambda m, x: m.sqrt(x * x + 1), lambda m, x: (x * x + 0.5) ** -1.5,
    lambda m, x: m.arctan(x), lambda m, x: m.log1p(x * x), lambda m, x: m.maximum(x, 0.1), lambda m, x: m.square(x),
    lambda m, x: m.where(x > 0.3, x * x, m.sin(x)), lambda m, x: 1 / (2 + m.cos(x)), lambda m, x: m.abs(x),
    lambda m, x: m.logaddexp(x, 0.5), lambda m, x: m.hypot(x, 1.0), lambda m, x: m.arctan2(x, 2.0),
    lambda m, x: m.transpose(x), lambda m, x: m.reshape(x, (-1,)), lambda m, x: m.expand_dims(x, 0),
    lambda m, x: m.squeeze(x), lambda m, x: m.linalg.norm(x + 3), lambda m, x: m.tensordot(x, x, axes=x.ndim),
    lambda m, x: m.std(x + np.arange(x.size).reshape(x.shape)),
    *map(with_axes, [
        lambda m, x: m.sum(x, axis=-1), lambda m, x: m.mean(x, axis=0, keepdims=True), lambda m, x: m.max(x, axis=-1),
        lambda m, x: m.var(x, axis=0), lambda m, x: m.prod(x, axis=0), lambda m, x: m.cumsum(x, axis=-1),
        lambda m, x: m.cumprod(x, axis=0), lambda m, x: x[::-1], lambda m, x: x[..., 0], lambda m, x: m.flip(x, 0),
        lambda m, x: x[np.array([0, -1, 0])], lambda m, x: m.sort(x, axis=-1), lambda m, x: m.roll(x, 1, -1),
        lambda m, x: m.tile(x, 2), lambda m, x: m.repeat(x, 2, axis=0), lambda m, x: m.pad(x, 1),
    ]),
    *map(of_matrices, [
        lambda m, a: m.linalg.inv(a), lambda m, a: m.linalg.det(a), lambda m, a: m.linalg.cholesky(a),
        lambda m, a: m.linalg.slogdet(a)[1], lambda m, a: m.einsum("ij,kj->ik", a, a), lambda m, a: m.diagonal(a),
        lambda m, a: m.trace(a), lambda m, a: m.tril(a), lambda m, a: m.outer(a[0], a[:, 0]),
    ]),
]  # fmt: skip
TWO = [
    lambda m, a, b: a + b, lambda m, a, b: a * b, lambda m, a, b: a - b, lambda m, a, b: a / (b * b + 1),
    lambda m, a, b: m.maximum(a, b), lambda m, a, b: m.hypot(a, b + 2), lambda m, a, b: m.arctan2(a, b * b + 1),
    lambda m, a, b: m.logaddexp(a, b), lambda m, a, b: (a * a + 1) ** m.tanh(b), lambda m, a, b: m.where(a > b, a, 2 * b),
    lambda m, a, b: m.concatenate([m.reshape(a, (-1,)), m.reshape(b, (-1,))]), lambda m, a, b: m.stack([a, a]) * m.sum(b),
    lambda m, a, b: m.matmul(m.reshape(a, (1, -1)), m.reshape(a, (-1, 1))) + m.sum(b),
]  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from(ONE + TWO), st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=8
)  # fmt: skip
STEEPEST = 1e4  # beyond, rounding in the program is magnified too much to compare
LARGEST = 200  # entries; results that are larger are left out


def program(steps, m):
    """The steps as one function of a matrix and a vector, in the language of the module `m`."""

    def run(x, y):
        made = [x, y, x[0], y * 0.5]
        for step, i, j in steps:
            a, b = made[-i], made[-j]
            if step in TWO:
                try:
                    np.broadcast_shapes(a.shape, b.shape)
                except ValueError:
                    b = m.sum(b)
                z = step(m, a, b)
            else:
                z = step(m, a)
            made += [z] if z.size <= LARGEST else []
        return m.sum(m.sin(made[-1])) + m.sum(made[-2]) * 0.1

    return run


@pytest.mark.long
@given(steps=STEPS, seed=st.integers(0, 2**32 - 1))
@settings(max_examples=max(10, settings.default.max_examples))
def test_derivatives_agree_with_those_of_jax(steps, seed):
    rng = np.random.default_rng(seed)  # points at random: no ties, no kinks but those that a program makes itself
    x, y, v = rng.normal(size=(2, 3)), rng.normal(size=3), rng.normal(size=(2, 3))
    ours, theirs = program(steps, np), program(steps, jnp)
    with jax.enable_x64(True):
        gradients = jax.grad(theirs, (0, 1))(x, y)
        move = jax.jvp(lambda x: theirs(x, y), (x,), (v,))[1]
        bend = jax.jvp(lambda x: jax.grad(theirs)(x, y), (x,), (v,))[1]
    found = [
        (tg.grad(ours, (0, 1))(x, y)[0], gradients[0]),
        (tg.grad(ours, (0, 1))(x, y)[1], gradients[1]),
        (tg.jvp(lambda x: ours(x, y), (x,), (v,))[1], move),
        (tg.hvp(lambda x: ours(x, y), (x,), (v,)), bend),
        (tg.grad(lambda x: (tg.grad(ours)(x, y) * v).sum())(x), bend),
        (tg.vmap(tg.grad(ours), in_axes=(0, None))(np.stack([x, 2 * x]), y)[0], gradients[0]),
    ]
    for mine, other in found:
        scale = np.max(np.abs(other), initial=1)
        if scale < STEEPEST:
            # eight steps, each of which may magnify the rounding before it tenfold: 1e-16 * 10**8
            np.testing.assert_allclose(mine.data, other, rtol=1e-8, atol=1e-8 * scale)
