"""`where` of large arrays chooses by bits: it must give what NumPy's gives, to the last bit."""

import numpy as np
import pytest

import tinygrad_edu as tg


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("size", [10, 5000, 70_000])
def test_where(dtype, size):
    rng = np.random.default_rng(0)
    c = rng.random(size) < 0.5
    a, b = (rng.choice([0.0, -0.0, np.nan, np.inf, -np.inf, 1.5, -2.0], size).astype(dtype) for _ in range(2))
    for x, y in [(a, b), (a, 0), (0, b), (a, -0.0), (2, b), (a.reshape(2, -1)[:1], b.reshape(2, -1)[:1])]:
        mask = c.reshape(2, -1)[:1] if np.ndim(x) == 2 else c
        found, expected = tg.where(mask, x, y).data, np.where(mask, x, y)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


def test_sigmoid_of_many_is_that_of_few():
    x = np.concatenate([np.linspace(-86, 86, 9000), np.full(9000, -120.0), [np.nan, np.inf, -np.inf]]).astype(
        np.float32
    )
    many, few = tg.sigmoid(x).data, np.concatenate([tg.sigmoid(part).data for part in np.array_split(x, 100)])
    np.testing.assert_allclose(many, few, rtol=1e-6)
    exact = 1 / (1 + np.exp(-x[:9000].astype(np.float64)))
    np.testing.assert_allclose(tg.sigmoid(x[:9000]).data, exact, rtol=4e-7)


@pytest.mark.parametrize("largest", [True, False])
def test_topk_of_long_rows(largest):
    x = np.random.default_rng(0).integers(0, 500, (5, 4096)).astype(np.float32)  # with ties
    x[0] = np.random.default_rng(1).permutation(4096)
    x[1, 7] = np.nan
    for k in (1, 3, 10):
        values, places = tg.topk(x, k, largest=largest)
        order = np.argsort(-x if largest else x, axis=1, kind="stable")[:, :k]
        np.testing.assert_array_equal(places.data[[0, 2, 3, 4]], order[[0, 2, 3, 4]])
        np.testing.assert_array_equal(values.data, np.take_along_axis(x, places.data, 1))
