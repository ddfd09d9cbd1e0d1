"""Gradients that are added up in place: the same numbers as by fresh sums, one pass over T slices, no shared arrays."""

from time import process_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import ops

INDICES = [
    3, -1, slice(None), slice(1, 4), slice(None, None, -2), (slice(None), 2), (None, 0), (Ellipsis, slice(1, 3)),
    (2, 1), np.array([0, 3, 3]), (slice(None), np.array([1, 1, 0])), np.array([True, False, True, False, True]),
]  # fmt: skip


@given(st.data(), st.sampled_from([np.float64, np.float32, np.float16]), st.sampled_from("CF"))
def test_slices_in_any_order_beside_other_uses(data, dtype, order):
    """Against the same sum with each slice written as a product with zeros and ones."""
    values = np.asarray(np.arange(15).reshape(5, 3) % 7, dtype=dtype, order=order)
    x = tg.Tensor(values, requires_grad=True)
    expected = np.zeros((5, 3))
    loss = 0.0
    for _ in range(data.draw(st.integers(1, 8))):
        weight = data.draw(st.integers(-3, 3))
        use = data.draw(st.integers(0, len(INDICES)))
        if use == len(INDICES):
            loss, part = loss + (x * weight).sum(), np.full((5, 3), weight)
        else:
            part = np.zeros((5, 3))
            np.add.at(part, INDICES[use], weight)
            loss = loss + (x[INDICES[use]] * weight).sum()
        expected += part
    loss.backward()
    assert x.grad.dtype == dtype
    assert np.array_equal(x.grad.data, expected)  # small integers: exact in every dtype


@pytest.mark.parametrize("of", [lambda x, t: x[t], lambda x, t: x[:, t], lambda x, t: x[t : t + 2]])
def test_many_slices_cost_one_array(monkeypatch, of):
    made = []
    put = ops.put.forward
    monkeypatch.setattr(ops.put, "forward", lambda *a, **k: made.append(k["shape"]) or put(*a, **k))
    x = tg.Tensor(np.ones((40, 40)), requires_grad=True)
    sum((of(x, t) ** 2).sum() for t in range(38)).backward()
    assert len(made) == 2  # the first, and the one whose sum with it belongs to the walk


@given(st.integers(2, 5))
def test_a_gradient_that_a_rule_hands_to_two_inputs_is_not_added_into(count):
    a, b = (tg.Tensor(np.ones(3), requires_grad=True) for _ in range(2))
    c = a + b  # its rule gives the same array to both
    loss = (c * 5).sum()
    for k in range(count):
        loss = loss + (a[k % 3] * 2) + (a * 1).sum()
    loss.backward()
    assert np.array_equal(b.grad.data, [5, 5, 5])
    seed = np.ones(3)
    y = a + b
    (y + y + y).backward(seed)
    assert np.array_equal(seed, [1, 1, 1])


def test_slices_have_second_derivatives_and_batches():
    def f(x):
        return sum((x[t] ** 3).sum() for t in range(4))

    x = np.arange(8.0).reshape(4, 2)
    assert np.array_equal(tg.hvp(f, x, np.ones((4, 2))).data, 6 * x)
    xs = np.stack([x, x + 1, -x])
    assert np.array_equal(tg.vmap(tg.grad(f))(xs).data, 3 * xs**2)


@pytest.mark.parametrize("join", [tg.concat, tg.stack, np.hstack])
def test_the_way_back_through_many_joined_tensors_grows_with_their_number(join):
    def seconds(n):
        xs = [tg.Tensor([float(k), 1.0], requires_grad=True) for k in range(n)]
        y, weights = join(xs), np.arange(2.0 * n)
        y = (y * weights.reshape(y.shape)).sum()
        begin = process_time()
        y.backward()
        spent = process_time() - begin
        assert all(x.grad.tolist() == [2 * k, 2 * k + 1] for k, x in enumerate(xs))
        return spent

    few, many = (min(seconds(n) for _ in range(3)) for n in (500, 6000))
    assert many < 40 * few  # 12 times as many tensors; were each a walk over all, 144 times as long
