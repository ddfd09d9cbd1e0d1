"""Functions of each entry in pieces: the same results as in one, whatever the layout of the arguments."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.pieces import LARGE, PIECE, at_least, at_most, in_pieces

SHAPES = [(LARGE - 1,), (LARGE,), (LARGE + 1,), (3, PIECE), (2, 5, LARGE // 7)]


def plain(a, b, *, shift=0.0):
    return a * b + np.exp(-np.abs(1.0 * a)) - shift


def layouts(x):
    yield x
    yield x[..., ::-1]
    yield np.asfortranarray(x)
    yield np.broadcast_to(x.flat[0], x.shape)
    yield x.flat[0]
    yield 3.0
    yield x[..., :1]
    yield x[:1]
    yield x.astype(np.float64)
    yield x > 0


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_result_is_that_of_the_whole_bit_for_bit(shape, dtype):
    x = np.random.default_rng(0).normal(size=shape).astype(dtype)
    for a in layouts(x):
        for b in (x, *layouts(x)):
            expected, found = plain(a, b, shift=1.0), in_pieces(plain)(a, b, shift=1.0)
            assert found.dtype == expected.dtype
            assert found.shape == expected.shape
            np.testing.assert_array_equal(found, expected)


def test_a_larger_second_argument_gives_its_shape():
    x = np.ones((1, LARGE), np.float32)
    assert in_pieces(plain)(x, np.ones((3, LARGE), np.float32)).shape == (3, LARGE)


def test_a_large_batch_is_differentiated_like_its_examples():
    x = np.random.default_rng(1).normal(size=(4, LARGE)).astype(np.float32)
    each = tg.vmap(tg.grad(lambda t: tg.sigmoid(t).sum()))(x)
    whole = tg.grad(lambda t: tg.sigmoid(t).sum())(x)
    np.testing.assert_allclose(each.data, whole.data, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64"])
@pytest.mark.parametrize("layout", [lambda x: x, lambda x: x.T, lambda x: x[::2, ::-1], lambda x: x[0, 0]])
@pytest.mark.parametrize("number", [0, -0.5, 3.95])
def test_an_array_and_a_number(dtype, layout, number):
    x = np.random.default_rng(0).normal(size=(300, 301), scale=4)
    x[:3, :3] = [[0, -0.0, 1e4], [-1e4, 3.95, -0.5], [1e-7, -1e-7, 1]]
    if dtype != "int64":
        x[5, :3] = np.nan, np.inf, -np.inf
    x = layout(x.astype(dtype) if dtype != "int64" else x.round().astype(dtype))
    for made, ufunc in ((at_least, np.maximum), (at_most, np.minimum)):
        found, expected = made(x, number), ufunc(x, number)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
