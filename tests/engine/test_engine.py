"""The graph and the backward pass: order, accumulation, length, memory, threads, writes."""

import gc
import threading
import tracemalloc
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.backward import history
from tinygrad_edu.errors import GraphError, ShapeError


def leaf(*values):
    return tg.Tensor(np.array(values, dtype=np.float64), requires_grad=True)


def test_a_diamond_adds_its_paths():
    x = leaf(3.0)
    a, b = x * 2, x * x
    (a * b).backward(np.ones(1))  # 2 x^3
    assert x.grad.data == 6 * 9


def test_one_tensor_used_twice_by_one_op():
    x = leaf(3.0)
    (x * x + x).sum().backward()
    assert x.grad.data == 7


@given(st.data())
def test_any_order_of_use_gives_the_sum_over_paths(data):
    """A random graph of sums and products, against the derivative carried along (dual numbers)."""
    values, duals = [leaf(1.5)], [(1.5, 1.0)]
    for _ in range(data.draw(st.integers(1, 12))):
        i, j = (data.draw(st.integers(0, len(values) - 1)) for _ in range(2))
        (a, da), (b, db) = duals[i], duals[j]
        if data.draw(st.booleans()):
            values.append(values[i] + values[j])
            duals.append(((a + b) / 2, (da + db) / 2))
            values[-1] = values[-1] / 2
        else:
            values.append(tg.sin(values[i] * values[j]))
            duals.append((np.sin(a * b), np.cos(a * b) * (da * b + a * db)))
    values[-1].sum().backward()
    np.testing.assert_allclose(values[0].grad.data, duals[-1][1], rtol=1e-12, atol=1e-12)


def test_unused_inputs_have_no_gradient_and_a_functional_gradient_of_zero():
    x, y = leaf(1.0), leaf(2.0)
    (x * 2).sum().backward()
    assert y.grad is None
    gx, gy = tg.grad(lambda x, y: (x * 2).sum(), (0, 1))(x, y)
    assert gx.data == 2
    assert gy.data == 0


def test_gradients_add_up_in_leaves_and_only_there():
    x = leaf(1.0, 2.0)
    hidden = x * 3
    y = (hidden * hidden).sum()
    y.backward()
    first = x.grad.data.copy()
    y.backward()  # the same graph again: the same gradient again
    np.testing.assert_array_equal(x.grad.data, 2 * first)
    with pytest.warns(UserWarning, match="only a leaf gets a gradient"):
        assert hidden.grad is None


def test_gradients_of_two_leaves_do_not_share_memory():
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    seed = np.ones(2)
    (x + y).backward(seed)
    x.grad.data[...] = 7
    np.testing.assert_array_equal(y.grad.data, [1, 1])
    np.testing.assert_array_equal(seed, [1, 1])


def test_a_seed_has_the_shape_of_the_output():
    x = leaf(1.0, 2.0)
    y = x * x
    y.backward([1.0, 10.0])
    np.testing.assert_array_equal(x.grad.data, [2, 40])
    with pytest.raises(ShapeError, match=r"backward: the gradient must have the tensor's shape \(2,\); got \(3,\)"):
        y.backward(np.ones(3))


@pytest.mark.parametrize("length", [10_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_long_chain_is_built_differentiated_and_freed_without_recursion(length):
    x = tg.Tensor(1.0, requires_grad=True)
    y = x
    for _ in range(length):
        y = y + 1.0
    y.backward()
    assert x.grad.item() == 1
    assert tg.jvp(lambda x: _chain(x, 5_000), (1.0,), (1.0,))[1].item() == 1
    gone = weakref.ref(y)
    del y
    assert gone() is None


def _chain(x, length):
    for _ in range(length):
        x = x + 1.0
    return x


def test_a_wide_graph_is_walked_in_order():
    x = leaf(2.0)
    total = x
    for k in range(2000):
        total = total + x * k
    total.sum().backward()
    assert x.grad.data == 1 + sum(range(2000))


def training_step(w, x):
    loss = tg.tanh(x @ w).sum()
    loss.backward()
    with tg.no_grad():
        w -= 0.01 * w.grad
    w.grad = None


@pytest.mark.long
def test_memory_does_not_grow_over_ten_thousand_steps_with_the_collector_off():
    w, x = tg.Tensor(np.ones((3, 2)), requires_grad=True), tg.Tensor(np.ones((4, 3)))
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            training_step(w, x)
        tracemalloc.start()
        for _ in range(5_000):
            training_step(w, x)
        halfway, _ = tracemalloc.get_traced_memory()
        for _ in range(5_000):
            training_step(w, x)
        end, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert end - halfway < 2_000
        assert gc.collect() == 0  # no cycle was left behind
    finally:
        gc.enable()


def test_gradients_of_inner_nodes_are_freed_as_the_pass_goes():
    """A chain of 100 arrays of 80 kB: at most a few gradients are alive at once."""
    x = tg.Tensor(np.ones(10_000), requires_grad=True)
    y = x
    for _ in range(100):
        y = y * 1.01
    tracemalloc.start()
    y.sum().backward()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * 80_000


def test_the_graph_stays_readable_after_backward():
    x = leaf(1.0)
    y = tg.exp(x * 2).sum()
    y.backward()
    assert [t.op.name for t in history(y) if t.op] == ["sum", "exp", "multiply"]


def test_two_threads_differentiate_graphs_of_their_own():
    results, failures = {}, []

    def work(k):
        try:
            x = leaf(float(k))
            for _ in range(200):
                x.grad = None
                _chain(x * x, 50).sum().backward()
                if k % 2:
                    with tg.no_grad():
                        assert not (x * x).requires_grad
                assert (x * x).requires_grad
            results[k] = x.grad.data[0]
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures
    assert results == {k: 2.0 * k for k in range(4)}


def test_no_grad_is_a_block_and_a_decorator_and_ends_with_an_error():
    x = leaf(1.0)

    @tg.no_grad()
    def f():
        with pytest.raises(ZeroDivisionError), tg.no_grad():
            1 / 0  # noqa: B018
        return x * 2

    assert not f().requires_grad
    assert (x * 2).requires_grad


def test_backward_needs_a_graph():
    with pytest.raises(
        GraphError, match=r"backward: .* must come from one that requires a gradient.*requires_grad=True"
    ):
        tg.Tensor([1.0]).backward()
    x = leaf(1.0)
    with tg.no_grad():
        y = (x * x).sum()
    with pytest.raises(GraphError, match="outside no_grad"):
        y.backward()


def test_backward_needs_a_scalar_or_a_gradient():
    with pytest.raises(ShapeError, match=r"backward: needs a scalar, or a gradient; got shape \(2,\); call \.sum\(\)"):
        (leaf(1.0, 2.0) * 2).backward()


def test_an_error_in_a_rule_changes_no_gradient():
    def broken(g, y, x):
        raise RuntimeError("broken rule")

    op = tg.custom_op("broken", lambda x: x + 0, broken)
    x, z = leaf(1.0), leaf(1.0)
    y = (z * 2 + op(x)).sum()
    with pytest.raises(RuntimeError, match="broken rule"):
        y.backward()
    assert x.grad is None
    assert z.grad is None


def test_a_rule_of_the_wrong_shape_is_named():
    op = tg.custom_op("misshapen", lambda x: x + 0, lambda g, y, x: g.sum())
    with pytest.raises(
        GraphError, match=r"misshapen: its rule must give a gradient of its input's shape \(2,\); it gave \(\)"
    ):
        op(leaf(1.0, 2.0)).sum().backward()


class TestWrites:
    """Writes either differentiate correctly, or raise before they change anything."""

    def test_setitem_is_differentiated(self):
        x = leaf(1.0, 2.0, 3.0)
        y = x * 2
        y[0] = x[2] * 5
        np.testing.assert_array_equal(y.data, [15, 4, 6])
        (y * y).sum().backward()
        np.testing.assert_array_equal(x.grad.data, [0, 16, 150 + 24])

    def test_a_value_used_before_the_write_keeps_its_gradient(self):
        x = leaf(1.0, 2.0)
        y = x * 2
        before = (y * y).sum()  # its rule needs y as it was
        y[...] = 100.0
        before.backward()
        np.testing.assert_array_equal(x.grad.data, [8, 16])

    def test_a_loop_that_fills_a_tensor_from_its_own_entries(self):
        x = leaf(2.0)
        powers = tg.ones(4, dtype="float64")
        for i in range(1, 4):
            powers[i] = powers[i - 1] * x[0]
        powers.sum().backward()
        np.testing.assert_array_equal(powers.data, [1, 2, 4, 8])
        assert x.grad.data == 1 + 2 * 2 + 3 * 4

    def test_augmented_assignment_is_differentiated(self):
        x = leaf(3.0)
        y = x * x
        alias = y
        y += x
        y *= 2
        y -= 1
        y /= 2
        assert alias is y
        y.sum().backward()
        assert x.grad.data == 7

    def test_a_masked_write(self):
        x = leaf(1.0, -2.0, 3.0)
        y = x * 1
        y[y < 0] = 0
        (y * y).sum().backward()
        np.testing.assert_array_equal(x.grad.data, [2, 0, 6])

    def test_a_write_into_a_constant_that_a_graph_uses(self):
        x, c = leaf(1.0, 1.0), tg.Tensor(np.array([2.0, 3.0]))
        y = (x * c).sum()
        c[0] = 100.0
        y.backward()
        np.testing.assert_array_equal(x.grad.data, [2, 3])
        assert c.data[0] == 100

    def test_an_array_of_the_users_that_changes_after_its_use(self):
        x, c = leaf(1.0, 1.0), np.array([2.0, 3.0])
        y = (x * c).sum()
        c[0] = 100.0
        y.backward()
        np.testing.assert_array_equal(x.grad.data, [2, 3])

    @pytest.mark.parametrize("view", [lambda y: y[0:2], lambda y: y.reshape(3, 1), lambda y: y.T])
    def test_a_write_into_a_view_goes_through_to_its_tensor(self, view):
        def program(x):
            y = x * 2
            v = view(y)
            v += 1
            v[..., 0] = x[2] * 10  # the first column, or the first entry
            return y, v

        x = leaf(1.0, 2.0, 3.0)
        y, v = program(x)
        np.testing.assert_array_equal(y.data, program(x.data)[0])  # NumPy's own views
        np.testing.assert_array_equal(v.data, program(x.data)[1])
        jacobian = np.stack([program(e)[0] - program(0 * e)[0] for e in np.eye(3)], axis=1)  # affine: exact
        np.testing.assert_array_equal(tg.jacobian(lambda x: program(x)[0])(x).data, jacobian)

    def test_other_views_keep_the_entries_they_had(self):
        y = leaf(1.0, 2.0, 3.0) * 2
        before = y[1:]
        y[0:2][1] = 0.0
        assert y.tolist() == [2, 0, 6]
        assert before.tolist() == [4, 6]

    def test_chained_indexing_writes_into_the_tensor(self):
        y = tg.zeros((2, 2))
        y[0][1] = 5.0
        y.reshape(4)[2:][0] += 7.0
        np.testing.assert_array_equal(y.data, [[0, 5], [7, 0]])

    def test_a_view_of_what_has_changed_since_cannot_be_written_into(self):
        y = leaf(1.0, 2.0, 3.0) * 2
        v = y[:2]
        y[0] = 0.0
        with pytest.raises(GraphError, match="take the view again"):
            v[0] = 1.0
        with pytest.raises(GraphError, match="broadcast view"):
            tg.broadcast_to(y, (2, 3))[0] = 1.0

    def test_a_clone_of_a_view_can_be_written_into(self):
        y = tg.zeros((2, 2))
        v = y[0].clone()
        v[1] = 5.0
        np.testing.assert_array_equal(v.data, [0, 5])

    def test_a_leaf_that_requires_a_gradient_is_written_into_only_under_no_grad(self):
        x = leaf(1.0, 2.0)
        with pytest.raises(GraphError, match="a leaf that requires a gradient cannot be written into"):
            x[0] = 5.0
        with pytest.raises(GraphError, match="with tg.no_grad"):
            x += 1
        with tg.no_grad():
            x -= 1
            x[0] = 7
        np.testing.assert_array_equal(x.data, [7, 1])
        assert x.is_leaf
        assert x.requires_grad

    def test_a_result_is_not_written_into_under_no_grad(self):
        y = leaf(1.0, 2.0) * 2
        with tg.no_grad(), pytest.raises(GraphError, match="cannot be written into under no_grad"):
            y[0] = 5.0

    @pytest.mark.parametrize(
        "change",
        [
            lambda x: x.data.__setitem__(0, 9.0),
            lambda x: setattr(x, "data", np.array([9.0, 9.0])),
            lambda x: np.multiply(x.data, 2, out=x.data),
            lambda x: np.asarray(x).fill(3.0),
            lambda x: x.numpy().fill(3.0),
        ],
    )
    def test_a_leaf_that_changes_between_forward_and_backward_is_caught(self, change):
        x = leaf(1.0, 2.0)
        y = (x * x).sum()
        change(x)
        with pytest.raises(GraphError, match=r"inputs of multiply must be as they were .* changed afterwards \(at "):
            y.backward()
        assert x.grad is None
        (x * x).sum().backward()  # a new graph is fine
        np.testing.assert_array_equal(x.grad.data, 2 * x.data)

    def test_reading_a_leaf_between_forward_and_backward_is_fine(self):
        x = leaf(1.0, 2.0)
        kept = x.data
        kept[0] = 4.0  # before its use: fine, too
        y = (x * x).sum()
        assert x.data.sum() == 6
        y.backward()
        np.testing.assert_array_equal(x.grad.data, [8, 4])

    def test_data_is_one_array_however_often_it_is_asked_for(self):
        x = tg.Tensor([1.0, 2.0])
        for use in (lambda: None, lambda: (leaf(1.0, 1.0) * x).sum()):
            kept = [use(), x.data, x.data]
            assert kept[1] is kept[2]
            kept[1][0] += 1
            assert x.data[0] == kept[2][0]

    def test_a_step_written_on_data_and_the_next_forward(self):
        x = leaf(1.0, 2.0)
        for _ in range(3):
            y = (x * x).sum()
            x.grad = None
            y.backward()
            x.data -= 0.25 * x.grad.data
        np.testing.assert_array_equal(x.data, [0.125, 0.25])

    def test_the_optimizers_step_makes_an_old_graph_stale(self):
        x = leaf(1.0)
        y = (x * x).sum()
        y.backward()
        with tg.no_grad():
            x -= 1
        with pytest.raises(GraphError, match="changed afterwards"):
            y.backward()

    def test_the_data_of_a_result_cannot_be_written_into(self):
        y = leaf(1.0, 2.0) * 2
        with pytest.raises(ValueError, match="read-only"):
            y.data[0] = 1.0
        with pytest.raises(GraphError, match="only a leaf's values can be replaced"):
            y.data = np.zeros(2)

    def test_an_in_place_result_must_fit(self):
        y = leaf(1.0, 2.0) * 2
        with pytest.raises(ShapeError, match=r"must have the tensor's shape \(2,\); got \(3, 2\)"):
            y += np.ones((3, 2))
        n = tg.arange(3)
        with pytest.raises(tg.errors.DTypeError, match="must fit the tensor's dtype int64; got float64"):
            n /= 2
