"""Mistakes with memory that several hold: arrays that others write into, writes, arrays of tensors."""

import contextlib
import gc
import math
import weakref

import numpy as np
import pytest

import tinygrad_edu as tg
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


def test_arrays_handed_out_twice_are_one():
    x = tg.Tensor([1.0, 2.0])
    first, second = x.data, x.data
    first[0] = 5
    assert first is second
    assert x.tolist() == [5.0, 2.0]
