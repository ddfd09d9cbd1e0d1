"""Products of a matrix and a batch, with their gradients, as one product each."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.products import product

ONE_MATRIX = [
    ((64, 2, 32), (32, 24)), ((24, 32), (64, 32, 2)), ((64, 1, 32), (32, 24)), ((24, 32), (64, 32, 1)),
    ((8, 8, 1, 32), (32, 24)), ((24, 32), (8, 8, 32, 1)),
]  # fmt: skip


@pytest.mark.parametrize("shapes", ONE_MATRIX, ids=str)
def test_the_gradient_of_one_matrix_is_not_made_for_each_example(shapes):
    """64 matrices of 24 x 32 in float64 would be 393 kB; operands, results and gradients are less than a third of that."""
    a, b = (tg.Tensor(np.ones(s), requires_grad=True) for s in shapes)
    loss = (a @ b).sum()
    tracemalloc.start()
    loss.backward()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 24 * 32 * 8 / 2


def test_the_examples_of_a_vmap_share_one_product(monkeypatch):
    shapes = []
    inner = np.matmul
    monkeypatch.setattr(np, "matmul", lambda a, b: shapes.append((a.shape, b.shape)) or inner(a, b))
    weight = np.arange(12.0).reshape(3, 4)
    product(np.broadcast_to(weight, (1, 3, 4))[0], np.ones((50, 4, 1)))
    product(np.ones((50, 1, 3)), weight)
    assert shapes == [((50, 4), (4, 3)), ((50, 3), (3, 4))]


@st.composite
def operands(draw):
    """Two arrays whose matrices fit, with batches that broadcast, in any order of axes in memory."""
    m, k, n = (draw(st.integers(0, 3)) for _ in range(3))
    lead = draw(st.lists(st.integers(0, 3), max_size=2))
    kept = draw(st.sampled_from(["both", "left", "right", "ones"]))
    batch = [lead if kept in ("both", "left") else [], lead if kept in ("both", "right") else []]
    batch[0] = [1] * len(lead) if kept == "ones" else batch[0]
    batch[1] = lead if kept == "ones" else batch[1]
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    found = []
    for shape in ([*batch[0], m, k], [*batch[1], k, n]):
        order = draw(st.permutations(range(len(shape))))
        x = rng.integers(-4, 5, [shape[i] for i in order]).astype(draw(st.sampled_from(["f8", "c16", "i8"])))
        x = x.transpose(np.argsort(order))
        found.append(np.broadcast_to(x[..., :1], x.shape) if draw(st.booleans()) and x.shape[-1] else x)
    return found


@given(operands())
def test_equal_to_the_sum_of_products(pair):
    a, b = pair
    wanted = np.einsum("...ik,...kj->...ij", a, b)
    found = product(a, b)
    assert found.shape == wanted.shape
    assert found.dtype == np.result_type(a, b)
    np.testing.assert_array_equal(found, wanted)  # small integers: no rounding


@given(operands(), st.integers(0, 9))
def test_gradients_are_those_of_the_sum_of_products(pair, seed):
    """Against einsum's rule, which sums over all batch axes; exact, as all numbers are small integers."""
    a, b = (x.astype("c16" if x.dtype == "c16" else "f8") for x in pair)
    rng = np.random.default_rng(seed)
    g = rng.integers(-4, 5, np.matmul(a, b).shape).astype(np.result_type(a, b))
    of_product, of_sum = (
        tg.vjp(f, a, b)[1](g) for f in (tg.matmul, lambda a, b: tg.einsum("...ik,...kj->...ij", a, b))
    )
    for found, wanted in zip(of_product, of_sum, strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("shapes", ONE_MATRIX, ids=str)
def test_second_derivative_along_a_direction(shapes):
    rng = np.random.default_rng(0)
    a, b, u, v = (rng.integers(-4, 5, s).astype(float) for s in shapes * 2)
    f = lambda a, b: (a @ b).sum() ** 2
    _, (hu, hv) = tg.jvp(lambda a, b: tg.grad(f, argnums=(0, 1))(a, b), (a, b), (u, v))
    along = (u @ b).sum() + (a @ v).sum()
    wanted = 2 * along**2 + 4 * (a @ b).sum() * (u @ v).sum()  # by hand; exact, as all numbers are small integers
    assert (np.asarray(hu) * u).sum() + (np.asarray(hv) * v).sum() == wanted
