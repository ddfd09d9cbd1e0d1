"""The largest entries, by partition: the same, and in the same order, as by sorting everything."""

import numpy as np
import pytest

import tinygrad_edu as tg

CASES = {
    "different": np.random.default_rng(0).permutation(200).reshape(4, 50).astype(float),
    "ties": np.random.default_rng(1).integers(5, size=(4, 50)).astype(float),
    "all equal": np.zeros((3, 20)),
    "nan": np.where(
        np.random.default_rng(2).random((4, 30)) < 0.2, np.nan, np.random.default_rng(3).normal(size=(4, 30))
    ),
    "infinite": np.array([[np.inf, 1.0, -np.inf, np.inf, 0.0], [-np.inf] * 5]),
    "integers": np.random.default_rng(4).integers(9, size=(5, 12)),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("largest", [True, False])
def test_places_are_the_first_of_a_stable_sort(name, axis, largest):
    x = CASES[name]
    for k in range(x.shape[axis] + 1):
        order = tg.argsort(x, axis, descending=largest).data
        expected = np.take(order, np.arange(k), axis)
        values, places = tg.topk(x, k, axis, largest)
        np.testing.assert_array_equal(places.data, expected)
        np.testing.assert_array_equal(values.data, np.take_along_axis(x, expected, axis))


def test_each_example_of_a_batch_has_its_own():
    x = CASES["ties"]
    batched = tg.vmap(lambda row: tg.topk(row, 3)[1])(x)
    np.testing.assert_array_equal(batched.data, tg.topk(x, 3)[1].data)


@pytest.mark.parametrize("mode", ["edge", "reflect", "symmetric", "wrap"])
@pytest.mark.parametrize("width", [((0, 0), (1, 2)), ((2, 1), (3, 0)), ((5, 7), (9, 4))])
def test_borders_and_their_gradients(mode, width):
    x, g = np.random.default_rng(5).normal(size=(4, 5)), None
    y = tg.pad(t := tg.Tensor(x, requires_grad=True), width, mode)
    np.testing.assert_array_equal(y.data, np.pad(x, width, mode))
    g = np.random.default_rng(6).normal(size=y.shape)
    y.backward(g)
    columns = [np.pad(e.reshape(x.shape), width, mode) for e in np.eye(x.size)]  # the map is linear
    np.testing.assert_allclose(t.grad.data.reshape(-1), [np.vdot(c, g) for c in columns], rtol=1e-12)
    rows = tg.vmap(lambda v: tg.pad(v, width[1:], mode))(x)
    np.testing.assert_array_equal(rows.data, np.pad(x, ((0, 0), width[1]), mode))
