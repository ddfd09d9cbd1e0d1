"""Mistakes that autograd engines make, each tried here: silent wrong gradients above all."""

import contextlib
import gc
import math
import pickle
import weakref

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim
from tinygrad_edu.backward import history
from tinygrad_edu.engine import Variable
from tinygrad_edu.errors import DTypeError, GraphError


def leaf(*values, dtype=np.float64):
    return tg.Tensor(np.array(values, dtype=dtype), requires_grad=True)


OUTSIDE = leaf(1.0)


class TestMemoryOfOthers:
    """Arrays that somebody else can write into."""

    def test_data_kept_from_before_the_first_use(self):
        x = leaf(1.0, 2.0)
        kept = x.data
        y = (x * x).sum()
        kept[0] = 5
        with pytest.raises(GraphError, match="changed afterwards"):
            y.backward()

    @pytest.mark.parametrize("use", [lambda x, a: x * a, lambda x, a: tg.matmul(x, a), lambda x, a: x * tg.asarray(a)])
    def test_an_array_written_into_before_backward(self, use):
        x, a = leaf(1.0, 2.0), np.array([3.0, 4.0])
        y = use(x, a).sum()
        a[:] = 0
        with contextlib.suppress(GraphError):  # noticed; or, where the array was copied, right
            y.backward()
        assert x.grad is None or x.grad.data.tolist() == [3, 4]

    @pytest.mark.parametrize(
        "use",
        [
            lambda a: tg.asarray(a)[:],
            lambda a: tg.asarray(a[:]),
            lambda a: tg.asarray(a[:]).detach(),
            lambda a: tg.asarray(a).reshape(2, 1).reshape(2),
            lambda a: tg.flip(tg.asarray(a)).detach()[::-1],
            lambda a: tg.split(tg.asarray(a), 1)[0],
            lambda a: tg.asarray(np.broadcast_to(a, (1, 2)))[0],
        ],
    )
    def test_a_view_of_an_array_written_into_before_backward(self, use):
        x, a = leaf(1.0, 2.0), np.array([3.0, 4.0])
        y = (x * use(a)).sum()
        a[:] = 0
        with pytest.raises(GraphError, match="changed afterwards"):
            y.backward()

    def test_a_view_as_an_argument_of_a_transform(self):
        a = np.array([3.0, 4.0])
        _, pullback = tg.vjp(lambda x: (x * x).sum(), tg.asarray(a[:]))
        a[:] = 0
        with pytest.raises(GraphError, match="changed afterwards"):
            pullback(1.0)

    def test_asarray_copies_when_asked(self):
        x = tg.asarray(np.array([3.0, 4.0]))
        y = tg.asarray(x, copy=True)
        x.data[:] = 0
        assert y.data.tolist() == [3, 4]
        assert tg.asarray(x) is x

    def test_a_detached_result(self):
        x = leaf(1.0, 2.0)
        y = tg.exp(x)
        y.detach().data[...] = 100
        y.sum().backward()
        np.testing.assert_allclose(x.grad.data, np.exp([1.0, 2.0]))

    def test_a_detached_leaf(self):
        w, x = leaf(5.0, 6.0), leaf(1.0, 1.0)
        kept = w.detach()
        y = (kept * x).sum()
        with tg.no_grad():
            w *= 0
        y.backward()
        np.testing.assert_array_equal(x.grad.data, [5, 6])
        np.testing.assert_array_equal(kept.data, [5, 6])

    def test_a_view_of_a_constant(self):
        x, c = leaf(1.0, 1.0), tg.Tensor(np.array([5.0, 6.0]))
        y = (c * x).sum()
        c.reshape(2, 1).data[...] = 0
        y.backward()
        np.testing.assert_array_equal(x.grad.data, [5, 6])

    def test_views_keep_their_values(self):
        w = leaf(1.0, 2.0)
        views = [w[0:1], w.T, w.reshape(2, 1)]
        with tg.no_grad():
            w -= 1
        assert [v.data.ravel()[0] for v in views] == [1, 1, 1]

    def test_gradients_are_not_shared(self):
        a, b = leaf(1.0), leaf(1.0)
        (a + b).sum().backward(create_graph=True)
        assert a.grad is not b.grad
        with tg.no_grad():
            a.grad *= 0.5
        assert b.grad.data == 1

    def test_reading_an_array_does_not_let_a_write_reach_others(self):
        x, c = leaf(1.0, 1.0), tg.Tensor(np.array([3.0, 4.0]))
        y = (c * x).sum()
        c.numpy()
        c *= 0
        y.backward()
        np.testing.assert_array_equal(x.grad.data, [3, 4])
        t = tg.Tensor([1.0, 2.0])
        t.numpy()
        v = t[0:1]
        t[0] = 7
        assert v.data[0] == 1

    def test_a_detached_result_written_in_place(self):
        x = leaf(1.0, 2.0)
        e = tg.exp(x)
        h = e.detach()
        (h * x).sum()
        h *= 0.5
        e.sum().backward()
        np.testing.assert_allclose(x.grad.data, np.exp([1.0, 2.0]))

    def test_every_input_is_looked_at(self):
        x, c = leaf(1.0, 1.0), tg.Tensor(np.array([3.0, 4.0]))
        a = x * 1
        y = (a * c).sum()
        a += 1
        c.data[0] = 7
        with pytest.raises(GraphError, match="changed afterwards"):
            y.backward()

    @pytest.mark.parametrize("part", [lambda w: w[0], lambda w: w[np.array([0, 1])]])
    def test_an_index_that_copies_hides_no_holder(self, part):
        w = leaf(1.0, 2.0)
        held = w.numpy()
        kept = part(w)
        y = tg.sin(w).sum()
        held[1] = 9
        with pytest.raises(GraphError, match="changed afterwards"):
            y.backward()
        assert kept is not None

    def test_a_change_through_data_and_then_in_place(self):
        x, d = leaf(1.0, 1.0), tg.Tensor(np.array([3.0, 4.0]))
        y = (d * x).sum()
        d.data[:] = 7
        d *= 0.5
        with pytest.raises(GraphError, match="changed afterwards"):
            y.backward()

    def test_numpy_writes_into_no_tensor_unseen(self):
        with pytest.raises(TypeError, match=r"np.copyto: must be a function"):
            np.copyto(leaf(1.0), 5.0)

    def test_an_array_given_as_a_gradient(self):
        x, g, h = leaf(1.0, 2.0), np.ones(2), np.ones(2)
        x.grad = g
        (x * 1).backward(h)
        g[0] = h[0] = 99
        assert x.grad.tolist() == [2, 2]

    def test_steps_as_other_libraries_write_them(self):
        w = leaf(1.0, 2.0)
        for _ in range(2):
            w.grad = None
            (w * w).sum().backward()
            w.data -= 0.25 * w.grad
        np.testing.assert_array_equal(w.data, [0.25, 0.5])


class TestArraysOfTensors:
    """NumPy takes tensors' values when it makes an array of them; no gradient is pulled from there."""

    @pytest.mark.parametrize(
        "f",
        [
            lambda x: np.sum([x[0], x[1]]), lambda x: np.array([x[0], x[1] ** 2]).sum(), lambda x: x.data.sum(),
            lambda x: np.add(np.asarray(x), 1)[0], lambda x: math.exp(x[0]), lambda x: (x * x).sum().item(),
            lambda x: tg.grad(lambda y: y * float(x[0]))(2.0).item(),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize(
        "transform",
        [
            lambda f, x: tg.grad(f)(x),
            lambda f, x: tg.hessian(f)(x),
            lambda f, x: tg.vjp(f, x)[1](1.0),
        ],
    )
    def test_no_result_is_taken_for_a_constant(self, f, transform):
        with pytest.raises(
            GraphError, match=r"the function must return tensors; got float.* made from a tensor's values.*use tg.stack"
        ):
            transform(f, np.array([1.0, 2.0]))

    @pytest.mark.parametrize(
        "f",
        [
            lambda x, y: np.sum(y * y),
            lambda x, y: 3.0,
            lambda x, y: OUTSIDE.data.sum(),
            lambda x, y: tg.asarray(y).sum(),
        ],
    )
    def test_a_constant_is_one(self, f):
        np.testing.assert_array_equal(tg.grad(f)(np.ones(2), np.ones(3)).data, [0, 0])
        np.testing.assert_array_equal(tg.hessian(f)(np.ones(2), np.ones(3)).data, np.zeros((2, 2)))

    def test_values_may_be_looked_at_on_the_way(self):
        seen = []
        found = tg.grad(lambda x: (seen.append(float(x.sum())), (x * x).sum())[1])(np.ones(2))
        np.testing.assert_array_equal(found.data, [2, 2])
        assert seen == [2.0]


class TestComplexNumbers:
    """Where they have no gradient here, that is said; see tests/functions/test_complex.py for where they have."""

    @pytest.mark.parametrize(
        "f", [lambda x: tg.max((x * 1j).real + (x * 1j)), lambda x: tg.sign(x * 1j + 1).real.sum() + tg.relu(x * 1j)]
    )
    def test_no_gradient_passes(self, f):
        with pytest.raises((DTypeError, TypeError), match="complex"):
            tg.grad(f)(np.array([1.0, 2.0]))

    def test_constants_may_be_complex(self):
        z = tg.asarray(np.array([3 + 4j]))
        assert tg.abs(z).data.tolist() == [5]
        assert np.fft.ifft(np.fft.fft(z)).data.tolist() == [3 + 4j]
        with pytest.raises(DTypeError, match="complex numbers must stay complex"):
            z.astype("float64")


class TestListsOfTensors:
    def test_they_are_stacked(self):
        x = leaf(2.0, 3.0)
        for f in (lambda: tg.asarray([x[0] * 2, x[1]]).sum(), lambda: tg.sum([x[0], x[0], x[1]])):
            x.grad = None
            f().backward()
            np.testing.assert_array_equal(x.grad.data, [2, 1])
        y = tg.zeros(2, dtype="float64")
        y[:] = [x[1], x[0] * 5]
        x.grad = None
        y.sum().backward()
        np.testing.assert_array_equal(x.grad.data, [5, 1])

    def test_or_refused(self):
        x = leaf(2.0, 3.0)
        with pytest.raises(GraphError, match="a list must hold numbers; got tensors that need a gradient"):
            tg.Tensor([x[0], x[1]])
        with pytest.raises(GraphError, match=r"multiply: a list must hold numbers.*use tg.stack"):
            tg.ones(2) * [x[0], x[1]]

    def test_a_filled_tensor_and_settings(self):
        x = leaf(2.0)
        tg.full((3,), x[0]).sum().backward()
        assert x.grad.data == 3
        with pytest.raises(
            DTypeError, match="pad: constant_values must be a number; got a tensor that needs a gradient"
        ):
            tg.pad(x, 1, constant_values=x[0])
        with pytest.raises(DTypeError, match="vector_norm: ord must be a number"):
            tg.linalg.vector_norm(x, x[0])

    def test_functions_that_return_lists(self):
        f = lambda x: [x[0] * x[1], x[0] ** 2]
        ja, jb = tg.jacobian(f)(np.array([2.0, 3.0]))
        np.testing.assert_array_equal(ja.data, [3, 2])
        np.testing.assert_array_equal(jb.data, [4, 0])
        assert tg.grad(lambda x: [x.sum()])(np.ones(2)).data.tolist() == [1, 1]


class TestWrites:
    def test_the_last_of_several_writes_has_the_gradient(self):
        x = leaf(1.0, 2.0)
        t = tg.zeros(3, dtype="float64")
        t[[0, 0]] = x
        t.sum().backward()
        np.testing.assert_array_equal(x.grad.data, [0, 1])

    def test_a_gradient_does_not_pass_through_integers(self):
        x, t = leaf(1.5), tg.zeros(2, dtype="int64")
        with pytest.raises(
            DTypeError, match="setitem: the value must fit the tensor's dtype int64; got float64 with a gradient"
        ):
            t[0] = x[0]
        t[0] = 1.5
        assert t.data[0] == 1
        with pytest.raises(DTypeError, match="got complex64"):
            tg.zeros(2)[0] = 1j

    def test_augmented_assignment_to_a_part(self):
        x = leaf(1.0, 2.0, 3.0)
        y = x * 1
        y[0:2] += 10
        y[2] *= x[0]
        (y * y).sum().backward()
        np.testing.assert_array_equal(y.data, [11, 12, 3])
        np.testing.assert_array_equal(x.grad.data, [22 + 18, 24, 6])
        table = tg.zeros((2, 2))
        table[0] += 1
        np.testing.assert_array_equal(table.data, [[1, 1], [0, 0]])

    def test_writes_leave_no_cycle(self):
        gc.disable()
        try:
            y = leaf(1.0, 2.0) * 1
            y += 1
            y[0] = y[1]
            rows = tg.zeros((2, 2), dtype="float64")
            rows[0] += y
            rows[1] += y
            rows.T[0] += y
            gone = weakref.ref(y), weakref.ref(rows)
            del y, rows
            assert [kept() for kept in gone] == [None, None]
        finally:
            gc.enable()

    def test_a_loop_of_writes_needs_no_search_for_older_selves(self, monkeypatch):
        searches = []
        monkeypatch.setattr(Variable, "as_of", lambda *args: searches.append(args))
        x = leaf(1.0)
        s = x * 0
        for _ in range(100):
            s += x
            s[0] = s[0] * 2 + 1
        s.sum().backward()
        assert searches == []

    def test_an_error_in_a_write_is_ours(self):
        with pytest.raises(IndexError, match="setitem: index 5 is out of bounds"):
            tg.ones(3)[5] = 1.0
        with pytest.raises(tg.errors.ShapeError, match="setitem: the value must broadcast"):
            tg.ones(3)[:] = [1.0, 2.0]


class TestOrders:
    def test_mixed_derivatives_of_a_power_at_exponent_zero(self):
        h = tg.hessian(lambda a, b: a**b, (0, 1))(np.float64(2), np.float64(0))
        np.testing.assert_allclose([[v.item() for v in row] for row in h], [[0, 0.5], [0.5, np.log(2) ** 2]])

    def test_norms_at_zero_to_second_order(self):
        np.testing.assert_array_equal(tg.hessian(tg.linalg.norm)(np.zeros(2)).data, np.zeros((2, 2)))
        np.testing.assert_array_equal(tg.hessian(tg.std)(np.ones(2)).data, np.zeros((2, 2)))

    @pytest.mark.parametrize("compiled", [False, True])
    @pytest.mark.parametrize(
        ("f", "x", "slopes"), [(np.log, [0.0, 2.0], [0, 0.5]), (np.exp, [1.0, 2.0], np.exp([1, 2]))]
    )
    def test_a_gradient_of_zero_behind_a_mask_has_a_slope(self, f, x, slopes, compiled):
        """The gradient is w * f'(x): its derivative by w is f'(x) also where w is 0, and 0 where a mask lets nothing by."""

        def gradient(w):
            return tg.grad(lambda x: (tg.where(x > 0, f(x), 0) * w).sum())(tg.Tensor(x)).sum()

        by_w = tg.grad(gradient)
        by_w = tg.compile(by_w) if compiled else by_w
        with np.errstate(all="ignore"):
            for w in ([1.0, 1.0], [1.0, 0.0], [0.0, 0.0]):
                np.testing.assert_allclose(by_w(tg.Tensor(w)).numpy(), slopes, rtol=4 * np.finfo("f4").eps)

    def test_a_maximum_that_is_nan_has_a_gradient_that_is_nan(self):
        assert np.isnan(tg.grad(tg.max)(np.array([np.nan, 1.0])).data).all()

    @pytest.mark.parametrize(
        "f", [lambda x: x + 1.0, lambda x: 1.0 - x, lambda x: 2**x, lambda x: tg.where(x > 0, x, 0.0)]
    )
    @pytest.mark.parametrize("dtype", [np.float16, np.float32])
    def test_tangents_keep_their_dtype(self, f, dtype):
        x = np.ones(2, dtype)
        y, dy = tg.jvp(f, (x,), (x,))
        assert y.dtype == dy.dtype == dtype

    def test_steps_have_a_gradient_of_zero(self):
        x = leaf(1.2, -0.7)
        tg.floor(x).sum().backward()
        np.testing.assert_array_equal(x.grad.data, [0, 0])


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


class TestFirstMinutes:
    """What newcomers from elsewhere type."""

    def test_a_graph_can_be_drawn_after_a_step(self):
        w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
        loss = (w * w).sum()
        loss.backward()
        with tg.no_grad():
            w -= 0.1
        assert "w" in tg.draw(loss, detail="ops").source
        assert [t.op.name for t in history(loss) if t.op] == ["sum", "multiply"]

    @pytest.mark.parametrize("name", ["outer", "cross", "matmul", "tensordot", "vecdot"])
    def test_numpys_linalg_names_of_two_arrays(self, name):
        a = np.arange(1.0, 10).reshape(3, 3)
        a = a[0] if name == "outer" else a
        np.testing.assert_allclose(getattr(np.linalg, name)(tg.asarray(a), a).data, getattr(np.linalg, name)(a, a))

    @pytest.mark.parametrize(
        ("call", "error", "text"),
        [
            (lambda: tg.ones(2).view(-1), AttributeError, r"Tensor: has no attribute 'view'; use x.reshape\(...\)"),
            (lambda: tg.ones(2).cumsum(), AttributeError, "'cumsum'; use cumulative_sum$"),
            (lambda: tg.ones(2).nonsense, AttributeError, r"has no attribute 'nonsense'; see dir\(Tensor\)"),
            (lambda: tg.cat([tg.ones(2)]), AttributeError, "tg: has no attribute 'cat'; use tg.concat"),
            (lambda: tg.arctan2(1.0, 2.0), AttributeError, "'arctan2'; use atan2$"),
            (lambda: tg.diag(tg.ones(2)), AttributeError, "'diag'; use np.diag$"),
            (lambda: tg.linalg.lstsq(tg.ones((2, 2))), AttributeError, "'lstsq'; use np.linalg.lstsq$"),
            (lambda: tg.vstack([tg.ones(2)]), AttributeError, "'vstack'; use np.vstack$"),
            (lambda: tg.ones(2).copy(), AttributeError, "'copy'; use clone$"),
            (lambda: tg.norm(tg.ones(2)), AttributeError, r"'norm'; did you mean tg.linalg.norm\?$"),
            (lambda: tg.random.normal(size=3), AttributeError, r"'normal'; did you mean tg.random.default_rng\(seed\).normal\?$"),
            (lambda: tg.random.randn(3), AttributeError, r"'randn'; use tg.random.default_rng\(seed\).normal"),
            (lambda: tg.roll(tg.ones(2), 0.5), DTypeError, "^roll: shift must be an integer; got 0.5; round it"),
            (lambda: tg.linalg.vector_norm(tg.ones(2), "fro"), DTypeError, "^vector_norm: ord must be a number; got 'fro'; use"),
            (lambda: tg.sort(tg.ones(2), axis=1), IndexError, "^sort: axis must be from -1 to 0; got 1"),
            (lambda: tg.linalg.trace(tg.ones(2)), IndexError, "^trace: axis must be from -1 to 0; got -2"),
            (lambda: tg.ones(2).astype("foo"), DTypeError, "^astype: dtype must be one of NumPy's; got 'foo'; use"),
            (lambda: tg.Tensor([1.0], dtype="foo"), DTypeError, "^Tensor: dtype must be one of NumPy's; got 'foo'; use"),
            (lambda: tg.arange(0, 1, 0), ZeroDivisionError, r"^arange: arguments must make an array; got \(0, 1, 0\) .*; check"),
            (lambda: tg.linspace(0, 1, -1), ValueError, "^linspace: arguments must make an array; got .*; check"),
            (lambda: tg.eye(2.5), TypeError, "^eye: arguments must make an array; got .*; check"),
            (lambda: tg.zeros(2, dtype="foo"), TypeError, "^zeros: arguments must make an array; got .*'foo'.*; check"),
            (lambda: tg.grad(tg.sum, "x")(1.0), DTypeError, "^grad: argnums must be integers; got 'x'; count"),
            (lambda: tg.vmap(lambda a: a[a > 1])(np.ones((2, 2))), DTypeError, "^vmap: an index must pick as many.*tg.where"),
            (lambda: optim.SGD(nn.Linear(2, 2), 0.1), TypeError, r"got a Linear; pass model.parameters\(\)"),
            (lambda: np.unique(leaf(1.0), return_counts=True), TypeError, r"np.unique: must be called with arguments.*return_counts"),
        ],
    )  # fmt: skip
    def test_errors_name_the_counterpart(self, call, error, text):
        with pytest.raises(error, match=text):
            call()

    def test_functions_can_be_pickled(self):
        for function in (tg.sum, tg.exp, tg.add, tg.linalg.norm, tg.grad, nn.functional.softmax, tg.clip):
            assert pickle.loads(pickle.dumps(function)) is function


class TestSmallThings:
    def test_descending_sorts_of_all_dtypes(self):
        for dtype in (np.uint8, np.int64, np.float32, np.bool_):
            x = np.array([0, 1, 1, 0], dtype)
            assert tg.argsort(x, descending=True).data.tolist() == [1, 2, 0, 3]
        assert tg.topk(np.array([0, 255, 7], np.uint8), 2)[0].data.tolist() == [255, 7]
        assert tg.sort(np.array([np.iinfo(np.int64).min, 3]), descending=True).data[0] == 3

    def test_bits_and_truth(self):
        x, mask = tg.asarray([1, 2, 3]), tg.asarray([True, False, True])
        assert (x & 1).data.tolist() == [1, 0, 1]
        assert (~x).data.tolist() == [-2, -3, -4]
        assert (mask & ~mask).data.tolist() == [False] * 3
        assert (mask ^ True).data.tolist() == [False, True, False]
        assert (mask | mask).dtype == bool

    def test_spread_of_too_few_numbers(self):
        with np.errstate(all="ignore"):
            assert np.isinf(tg.std(np.array([1.0, 2.0]), correction=3).item())
            assert np.isinf(tg.var(np.array([1.0, 2.0]), correction=2).item())

    def test_erf_of_float16(self):
        assert np.isfinite(tg.erf(np.arange(-8, 8, 0.125, dtype=np.float16)).data).all()

    def test_rounding_keeps_integers(self):
        assert tg.round(tg.arange(3)).dtype == np.int64

    def test_uniform_numbers_stay_below_the_end(self):
        x = tg.random.default_rng(0).uniform(size=200_000, dtype="float16")
        assert x.data.max() < 1

    def test_random_numbers_with_tensors_as_parameters(self):
        loc = leaf(1.0, 2.0)
        x = tg.random.default_rng(0).normal(loc, 2.0)
        assert x.shape == (2,)
        x.sum().backward()
        np.testing.assert_array_equal(loc.grad.data, [1, 1])
        with pytest.raises(ValueError, match="normal: scale must not be negative"):
            tg.random.default_rng(0).normal(0.0, -1.0)

    def test_products_that_broadcast(self):
        a, b = leaf(2.0, 0.0, 0.0, 2.0).reshape(2, 2), np.ones((3, 2, 1))
        g = tg.grad(lambda a: tg.linalg.solve(a, b).sum())(a.data)
        assert g.shape == (2, 2)
        x, y = np.ones((2, 3)), np.full((1, 3), 2.0)
        np.testing.assert_array_equal(tg.grad(lambda y: tg.einsum("ij,ij->j", x, y).sum())(y).data, [[2, 2, 2]])

    def test_gradients_are_checked_when_set(self):
        x = leaf(1.0, 2.0)
        x.grad = np.ones(2, np.float32)
        assert x.grad.dtype == np.float64
        with pytest.raises(tg.errors.ShapeError, match=r"grad: must have the tensor's shape \(2,\); got \(3,\)"):
            x.grad = np.ones(3)

    def test_no_grad_without_brackets(self):
        @tg.no_grad
        def f(x):
            return x * 2

        assert not f(leaf(1.0)).requires_grad

    @pytest.mark.parametrize(
        ("make", "text"),
        [
            (
                lambda: tg.custom_op("bad", lambda x: [1.0], lambda g, y, x: g),
                "bad: forward must return one array; got list",
            ),
            (
                lambda: tg.custom_op("bad", lambda x: x + 1, lambda g, y, x: None),
                "bad: a rule must return a gradient; got None",
            ),
        ],
    )
    def test_custom_ops_that_are_wrong(self, make, text):
        with pytest.raises((DTypeError, GraphError), match=text):
            tg.grad(lambda x: make()(x).sum())(np.ones(2))

    def test_a_custom_op_with_too_few_rules_or_a_number_for_a_gradient(self):
        two = tg.custom_op("two", lambda a, b: a + b, (lambda g, y, a, b: g,))
        with pytest.raises(GraphError, match="two: needs a rule for each input; got 1 rules and an input 1"):
            tg.grad(lambda a, b: two(a, b).sum(), (0, 1))(np.ones(2), np.ones(2))
        one = tg.custom_op("one", lambda x: x + 1, lambda g, y, x: 1.0)
        np.testing.assert_array_equal(tg.grad(lambda x: one(x).sum())(np.ones(2)).data, [1, 1])

    def test_integers_to_negative_powers(self):
        with pytest.raises(ValueError, match=r"power: Integers to negative integer powers are not allowed.*astype"):
            tg.arange(3) ** -1

    def test_an_error_in_a_rule_names_the_op(self):
        q = tg.linalg.qr(tg.Tensor(np.zeros((3, 2)), requires_grad=True)).Q
        with pytest.raises(np.linalg.LinAlgError) as caught:
            q.sum().backward()
        assert any("while computing the gradient of input" in note for note in caught.value.__notes__)


def test_losses_may_be_added_up_while_their_parameters_change():
    w = tg.Tensor([1.0], requires_grad=True)
    total = 0.0
    for _ in range(3):
        loss = (w * 2).sum()
        with tg.no_grad():
            w += 1
        total += loss
    assert total.item() == 12.0


def test_arrays_handed_out_twice_are_one():
    x = tg.Tensor([1.0, 2.0])
    first, second = x.data, x.data
    first[0] = 5
    assert first is second
    assert x.tolist() == [5.0, 2.0]
