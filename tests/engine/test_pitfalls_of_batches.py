"""Mistakes that an engine makes with batches, each tried here."""

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn
from tinygrad_edu.errors import GraphError


def leaf(*values, dtype=np.float64):
    return tg.Tensor(np.array(values, dtype=dtype), requires_grad=True)


class TestBatches:
    def test_many_closures_in_one_op(self):
        ws = [tg.Tensor(float(i), requires_grad=True) for i in range(100)]
        tg.vmap(lambda x: tg.stack([x, *ws]).sum())(tg.ones(3)).sum().backward()
        assert {w.grad.item() for w in ws} == {3.0}

    def test_checkpoints_inside(self):
        f = lambda x: tg.sin(x * x)
        x = np.array([0.5, 1.5])
        expected = tg.vmap(tg.grad(f))(x).data
        np.testing.assert_allclose(tg.vmap(tg.grad(tg.checkpoint(f)))(x).data, expected)
        t = tg.Tensor(x, requires_grad=True)
        tg.vmap(tg.checkpoint(f))(t).sum().backward()
        np.testing.assert_allclose(t.grad.data, expected)

    def test_checkpoints_that_compute_something_else_the_second_time(self):
        w = leaf(1.0, 2.0)
        h = w
        for scale in (1.0, 2.0, 3.0):
            h = tg.checkpoint(lambda a: a * scale)(h)  # noqa: B023
        with pytest.raises(GraphError, match="checkpoint: the function must compute the same when it is called again"):
            h.sum().backward()

    @pytest.mark.parametrize(
        ("f", "x"),
        [
            (lambda w, i: (F.embedding(i, w) ** 2).sum(), np.array([[0, 2, 2], [1, 0, 3]])),
            (lambda w, i: (F.embedding(i, w, padding_idx=0) ** 2).sum(), np.array([[0, 2, 2], [1, 0, 3]])),
            (lambda w, i: (F.one_hot(i, 3) * w).sum(), np.array([[0, 2, 2, 1], [1, 0, 2, 2]])),
            (lambda w, i: (F.one_hot(i) * w).sum(), np.array([[0, 2, 2, 1], [1, 0, 2, 0]])),
            (lambda w, p: F.binary_cross_entropy(p, tg.sigmoid(w[0])), np.array([[0.1, 0.5, 0.9], [0.2, 0.3, 0.4]])),
            (
                lambda w, m: F.scaled_dot_product_attention(w, w, w, attn_mask=m)[:, 0].sum(),
                np.array([np.eye(4), np.tri(4)]) > 0,
            ),
            (
                lambda w, m: F.scaled_dot_product_attention(w, w, w, attn_mask=m)[:, 0].sum(),
                np.tri(4) * [np.eye(4), np.ones((4, 4))] > 0,
            ),
            (
                lambda w, m: F.scaled_dot_product_attention(w, w, w, attn_mask=tg.log(m)).var(),
                np.array([np.tri(4, 4, -1), np.tri(4)]),
            ),
        ],
    )
    def test_indices_and_masks_that_differ_between_examples(self, f, x):
        w = np.arange(12.0).reshape(4, 3) / 10
        with np.errstate(all="ignore"):
            both = tg.vmap(tg.grad(f), in_axes=(None, 0))(tg.Tensor(w), x)
            for k in range(2):
                np.testing.assert_allclose(both.data[k], tg.grad(f)(w, tg.Tensor(x[k])).data, atol=1e-12)

    def test_padded_attention_of_each_example(self):
        tg.manual_seed(0)
        layer = nn.MultiheadAttention(4, 2, batch_first=True, dtype="float64")
        x = np.random.default_rng(0).normal(size=(3, 2, 5, 4))
        ignored = np.random.default_rng(1).random((3, 2, 5)) > 0.6
        found = tg.vmap(lambda x, p: layer(x, x, x, key_padding_mask=p)[0], in_axes=0)(x, ignored)
        for k in range(3):
            np.testing.assert_allclose(
                found.data[k], layer(x[k], x[k], x[k], key_padding_mask=ignored[k])[0].data, atol=1e-12
            )

    @pytest.mark.parametrize(
        ("f", "x", "error", "text"),
        [
            (
                lambda i: F.embedding(i, tg.ones((2, 3))),
                [[0, 1], [1, 5]],
                IndexError,
                "indices must be from 0 to 1; got 5",
            ),
            (lambda i: F.one_hot(i, 2), [[0, 1], [1, 5]], IndexError, "indices must be from 0 to 1; got 0 to 5"),
            (lambda p: F.binary_cross_entropy(p, tg.ones(2)), [[0.2, 0.5], [0.1, 1.5]], ValueError, "got 0.1 to 1.5"),
        ],
    )
    def test_wrong_numbers_in_one_example(self, f, x, error, text):
        with pytest.raises(error, match=text):
            tg.vmap(f)(np.array(x))

    def test_custom_ops_written_with_functions(self):
        slope = lambda x: tg.sigmoid(x) + x * tg.sigmoid(x) * (1 - tg.sigmoid(x))
        swish = tg.custom_op(
            "swish_here", lambda x: x / (1 + np.exp(-x)), lambda g, y, x: g * slope(x), kind="elementwise"
        )
        x = np.array([[0.5, -1.0], [2.0, 3.0]])
        each = np.stack([tg.grad(lambda x: swish(x).sum())(row).data for row in x])
        np.testing.assert_allclose(tg.vmap(tg.grad(lambda x: swish(x).sum()))(x).data, each, rtol=1e-12)
        np.testing.assert_allclose(tg.jacobian(swish)(x[0]).data, np.diag(each[0]), rtol=1e-12)
        twice = tg.vmap(tg.vmap(tg.grad(swish)))(x)
        np.testing.assert_allclose(twice.data, each, rtol=1e-12)

    def test_custom_ops_written_with_methods(self):
        softmax = tg.custom_op(
            "softmax_", lambda x: np.exp(x) / np.exp(x).sum(), lambda g, y, x: y * (g - (g * y).sum())
        )
        x = np.array([1.0, 2.0, 3.0])
        p = np.exp(x) / np.exp(x).sum()
        np.testing.assert_allclose(tg.jacobian(softmax)(x).data, np.diag(p) - np.outer(p, p))

    def test_a_mask_that_differs_between_examples(self):
        with pytest.raises(TypeError, match=r"vmap: an index must pick as many entries.*tg.where\(mask, x, 0\)"):
            tg.vmap(lambda r: r[r > 1].sum())(tg.ones((2, 3)))

    def test_writes_inside(self):
        def f(x):
            y = tg.zeros(2, dtype="float64")
            y[0] = x
            y += 1
            return y

        np.testing.assert_array_equal(tg.vmap(f)(np.array([5.0, 6.0])).data, [[6, 1], [7, 1]])

    def test_pinv_printing_and_several_axes_out(self):
        a = np.random.default_rng(0).normal(size=(3, 2, 2))
        np.testing.assert_allclose(tg.vmap(tg.linalg.pinv)(a).data, np.linalg.pinv(a), atol=1e-12)
        seen = []
        x, y = tg.vmap(lambda v: (seen.append(repr(v)), v, v * 2)[1:], 0, (0, 1))(a)
        assert "a batch" in seen[0]
        assert (x.shape, y.shape) == ((3, 2, 2), (2, 3, 2))

    def test_a_plain_array_indexed_for_each_example(self):
        table = np.arange(6.0).reshape(3, 2)
        rows = tg.vmap(lambda t, i: t[i], (None, 0))(table, np.array([2, 0]))
        np.testing.assert_array_equal(rows.data, table[[2, 0]])

    def test_empty_jacobians(self):
        assert tg.jacobian(lambda x: x * 2)(np.zeros(0)).shape == (0, 0)
        assert tg.jacobian(lambda x: x[:0])(np.zeros(2)).shape == (0, 2)
        assert tg.jacobian(lambda x: x.sum(0))(np.zeros((0, 2))).shape == (2, 0, 2)

    def test_matrices_of_different_ranks(self):
        """The examples' axis must not meet another one, of the same length."""
        rng = np.random.default_rng(0)
        a, b = rng.normal(size=(2, 2, 3, 3)), rng.normal(size=(2, 3, 2))
        y = tg.vmap(tg.linalg.solve)(a, b)
        np.testing.assert_allclose(y.data, [np.linalg.solve(*pair) for pair in zip(a, b, strict=True)])
