"""Matrices without entries: ranks, norms and condition numbers as NumPy has them; `diff` of order 0."""

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F

SHAPES = [(0, 0), (3, 0), (0, 3), (2, 0, 3)]


@pytest.mark.parametrize("shape", SHAPES)
def test_ranks_and_norms_of_no_entries_are_numpys(shape):
    x = np.zeros(shape)
    np.testing.assert_array_equal(tg.linalg.matrix_rank(x).data, np.linalg.matrix_rank(x))
    for ord in ("fro", "nuc", 2, 1, np.inf):
        np.testing.assert_array_equal(tg.linalg.matrix_norm(x, ord=ord).data, np.linalg.matrix_norm(x, ord=ord))
    for ord in (0, 1, 2, 3, np.inf):
        found = tg.linalg.vector_norm(x, ord, -1)
        np.testing.assert_array_equal(found.data, np.linalg.vector_norm(x, ord=ord, axis=-1))
    with pytest.raises(tg.errors.ShapeError, match="cond: the matrices must have entries; got shape .*; guard before"):
        tg.linalg.cond(x)


@pytest.mark.parametrize("more", [{"prepend": 1.0}, {"append": [2.0, 3.0]}, {"prepend": 0.0, "append": 1.0}, {}])
def test_diff_of_order_0_is_the_input(more):
    x = np.array([1.0, 4.0, 9.0])
    np.testing.assert_array_equal(tg.diff(x, n=0, **more).data, np.diff(x, n=0, **more))


def test_settings_that_leave_nothing_are_refused():
    x = tg.ones((1, 1, 4, 4))
    with pytest.raises(ValueError, match="avg_pool2d: divisor_override must not be 0; got 0; use "):
        F.avg_pool2d(x, 2, divisor_override=0)
    with pytest.raises(
        tg.errors.ShapeError, match="pad: negative numbers must not cut more than there is; got .* cut less"
    ):
        F.pad(x, (-3, -2))
    np.testing.assert_array_equal(F.pad(x, (-3, -1)).shape, (1, 1, 4, 0))
    for corners in (None, False):
        found = F.interpolate(x, 2, mode="bilinear", align_corners=corners)
        np.testing.assert_array_equal(found.data, F.interpolate(x, 2, mode="bilinear").data)
