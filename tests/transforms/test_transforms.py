"""Transforms and their nesting. The oracle is a polynomial, whose derivatives of any order are known."""

import concurrent.futures
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu.errors import DTypeError, ShapeError

COEFFICIENTS = [2.0, -1.0, 0.5, 3.0, -0.25, 1.0]
P = np.polynomial.Polynomial(COEFFICIENTS)


def poly(x):
    y = 0 * x
    for c in COEFFICIENTS[::-1]:
        y = y * x + c
    return y


def by_grad(f):
    return tg.grad(f)


def by_backward(f):
    """The derivative with .backward(create_graph=True), as a user of the class would write it."""

    def df(x):
        x = tg.asarray(x)
        leaf = (
            x if x.requires_grad and x.is_leaf else x.clone() if x.requires_grad else tg.Tensor(x, requires_grad=True)
        )
        if leaf.is_leaf and leaf is not x:
            f(leaf).backward(create_graph=True)
            return leaf.grad
        return tg.vjp(f, x)[1](1.0)[0]

    return df


def by_jvp(f):
    return lambda x: tg.jvp(f, (x,), (tg.ones_like(x),))[1]


def by_vjp(f):
    return lambda x: tg.vjp(f, x)[1](tg.ones_like(f(x)))[0]


def by_jacobian(f):
    return lambda x: tg.jacobian(f)(x)


def by_batch(f):
    return lambda x: tg.vmap(tg.grad(f))(tg.stack([x, x]))[1]


def by_inner_checkpoint(f):
    return tg.grad(tg.checkpoint(f))


WAYS = [by_grad, by_backward, by_jvp, by_vjp, by_jacobian, by_batch, by_inner_checkpoint]


@given(ways=st.lists(st.sampled_from(WAYS), min_size=1, max_size=4), x=st.integers(-8, 8).map(lambda k: k / 4))
def test_any_nesting_of_transforms_gives_the_nth_derivative(ways, x):
    f = poly
    for way in ways:
        f = way(f)
    value = f(tg.asarray(np.float64(x)))
    np.testing.assert_allclose(value.item(), P.deriv(len(ways))(x), rtol=1e-12, atol=1e-10)


def test_inner_and_outer_variables_are_not_confused():
    """d/dx (x * d/dy (x + y) at y = 1) = 1, the classic of perturbation confusion."""
    for inner, outer in [(a, b) for a in (by_grad, by_jvp) for b in (by_grad, by_jvp)]:
        f = outer(lambda x, inner=inner: x * inner(lambda y: x + y)(tg.asarray(1.0)))
        assert f(tg.asarray(1.0)).item() == 1


def test_a_hessian_of_a_function_that_calls_grad():
    f = lambda x: tg.grad(lambda v: (v**3).sum())(x * x).sum()  # 3 x^4
    np.testing.assert_allclose(tg.hessian(f)(np.array([1.0, 2.0])).data, np.diag([36.0, 144.0]))


def test_closures_get_their_gradients():
    w = tg.Tensor(np.array([1.0, 2.0]), requires_grad=True)
    for way in (lambda f, x: tg.grad(f)(x), lambda f, x: tg.jvp(f, (x,), (np.ones(2),))[1]):
        w.grad = None
        way(lambda x: (w * x * x).sum(), np.array([3.0, 4.0])).sum().backward()
        np.testing.assert_array_equal(w.grad.data, [6, 8])


def test_results_without_an_outer_derivative_hold_no_graph():
    y, pullback = tg.vjp(lambda x: x * x, np.array([1.0, 2.0]))
    assert not y.requires_grad
    assert not pullback(np.ones(2))[0].requires_grad
    assert not tg.grad(poly)(2.0).requires_grad
    assert not any(t.requires_grad for t in tg.jvp(poly, (2.0,), (1.0,)))


def test_argnums_and_keywords():
    f = lambda a, b, *, scale: (a * b * scale).sum()
    a, b = np.array([1.0, 2.0]), np.array([3.0, 5.0])
    np.testing.assert_array_equal(tg.grad(f, 1)(a, b, scale=2.0).data, 2 * a)
    ga, gb = tg.grad(f, (0, -1))(a, b, scale=2.0)
    np.testing.assert_array_equal(ga.data, 2 * b)
    np.testing.assert_array_equal(gb.data, 2 * a)
    value, gradient = tg.value_and_grad(f)(a, b, scale=1.0)
    assert value.item() == 13
    np.testing.assert_array_equal(gradient.data, b)
    blocks = tg.hessian(lambda a, b: (a * b).sum(), (0, 1))(a, b)
    np.testing.assert_array_equal(blocks[0][1].data, np.eye(2))
    np.testing.assert_array_equal(blocks[0][0].data, np.zeros((2, 2)))


def test_functions_of_several_outputs():
    f = lambda x: (x * x, x.sum())
    x = np.array([1.0, 2.0])
    (square, total), pullback = tg.vjp(f, x)
    np.testing.assert_array_equal(square.data, [1, 4])
    assert total.item() == 3
    np.testing.assert_array_equal(pullback((np.ones(2), 10.0))[0].data, [12, 14])
    _, (dsquare, dtotal) = tg.jvp(f, (x,), (np.ones(2),))
    np.testing.assert_array_equal(dsquare.data, [2, 4])
    assert dtotal.item() == 2
    jsquare, jtotal = tg.jacobian(f)(x)
    np.testing.assert_array_equal(jsquare.data, np.diag([2.0, 4.0]))
    np.testing.assert_array_equal(jtotal.data, [1, 1])


def test_jacobian_shapes():
    f = lambda x: x.reshape(6)[:4].reshape(2, 2) * 2
    j = tg.jacobian(f)(np.arange(6.0).reshape(2, 3))
    assert j.shape == (2, 2, 2, 3)
    np.testing.assert_array_equal(j.data.reshape(4, 6), 2 * np.eye(4, 6))


def test_hvp_is_hessian_times_vector():
    f = lambda x: tg.exp(x).sum() * (x * x).sum()
    x, v = np.array([0.1, 0.2, 0.3]), np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(tg.hvp(f, (x,), (v,)).data, tg.hessian(f)(x).data @ v)
    pair = tg.hvp(lambda a, b: (a * a * b).sum(), (x, v), (v, x))
    np.testing.assert_allclose(pair[0].data, 2 * v * v + 2 * x * x)
    np.testing.assert_allclose(pair[1].data, 2 * x * v)


class TestVmap:
    def test_axes(self):
        x = np.arange(6.0).reshape(2, 3)
        f = lambda v, c: (v * c).sum()
        np.testing.assert_array_equal(tg.vmap(f, (0, None))(x, 2.0).data, 2 * x.sum(1))
        np.testing.assert_array_equal(tg.vmap(f, (1, None))(x, 2.0).data, 2 * x.sum(0))
        np.testing.assert_array_equal(tg.vmap(lambda v: v * 2, 0, 1)(x).data, 2 * x.T)
        np.testing.assert_array_equal(tg.vmap(lambda v: 7.0 + 0 * tg.ones(2))(x).data, np.full((2, 2), 7.0))

    def test_nested(self):
        a, b = np.arange(3.0), np.arange(4.0)
        table = tg.vmap(tg.vmap(lambda x, y: x * 10 + y, (None, 0)), (0, None))(a, b)
        np.testing.assert_array_equal(table.data, a[:, None] * 10 + b)

    def test_gradients_for_each_example_and_for_all(self):
        w, x = np.array([1.0, -2.0]), np.arange(6.0).reshape(3, 2)
        loss = lambda w, x: ((w * x).sum()) ** 2 + (w * w).sum()
        each = 2 * (x @ w)[:, None] * x + 2 * w
        np.testing.assert_allclose(tg.vmap(tg.grad(loss), (None, 0))(w, x).data, each)
        total = tg.grad(lambda w: tg.vmap(loss, (None, 0))(w, x).sum())(w)
        np.testing.assert_allclose(total.data, each.sum(0))
        closed = tg.grad(lambda w: tg.vmap(lambda x: loss(w, x))(x).sum() + (w**3).sum())(w)
        np.testing.assert_allclose(closed.data, each.sum(0) + 3 * w * w)
        second = tg.hessian(lambda w: tg.vmap(lambda x: loss(w, x))(x).sum())(w)
        np.testing.assert_allclose(second.data, 2 * x.T @ x + 6 * np.eye(2))

    def test_index_arrays_that_differ_between_examples(self):
        table = tg.Tensor(np.arange(8.0).reshape(4, 2), requires_grad=True)
        rows = tg.vmap(lambda i: table[i])(np.array([3, 0, 3]))
        np.testing.assert_array_equal(rows.data, table.data[[3, 0, 3]])
        rows.sum().backward()
        np.testing.assert_array_equal(table.grad.data, [[1, 1], [0, 0], [0, 0], [2, 2]])

    @pytest.mark.parametrize(
        ("call", "text"),
        [
            (lambda: tg.vmap(lambda x: x if x > 0 else -x)(tg.ones(2)), "vmap: the function must not branch on values"),
            (lambda: tg.vmap(lambda x, y: x + y)(tg.ones(2), tg.ones(3)), r"vmap: the batched axes must have one length; got \[2, 3\]"),
            (lambda: tg.vmap(lambda x: x, (0, 0))(tg.ones(2)), "vmap: in_axes: trees must have one structure; got tuple\\(\\*, \\*\\) in place of tuple\\(\\*\\)"),
            (lambda: tg.vmap(lambda x: x, None)(tg.ones(2)), "vmap: the batched axes must have one length; got none"),
            (lambda: tg.vmap(lambda x: x.item())(tg.ones(2)), "vmap: "),
        ],
    )  # fmt: skip
    def test_errors(self, call, text):
        with pytest.raises((TypeError, ValueError), match=text):
            call()


class TestCheckpoint:
    def test_gradients_of_arguments_and_closures(self):
        w = tg.Tensor(np.array([1.0, 2.0]), requires_grad=True)
        x = tg.Tensor(np.array([0.3, 0.4]), requires_grad=True)
        block = lambda x: tg.tanh(tg.exp(x) * w)
        gradients = []
        for f in (block, tg.checkpoint(block)):
            w.grad = x.grad = None
            (f(x * 2) ** 2).sum().backward()
            gradients.append((w.grad.data, x.grad.data))
        np.testing.assert_array_equal(*[g[0] for g in gradients])
        np.testing.assert_array_equal(*[g[1] for g in gradients])

    @pytest.mark.parametrize("create_graph", [False, True])
    @pytest.mark.parametrize(
        "block",
        [
            lambda x, w, v: x * w * v,
            lambda x, w, v: w * w * x,
            lambda x, w, v: v * x * x,
            lambda x, w, v: x,
            lambda x, w, v: w,
        ],
    )
    @pytest.mark.parametrize("same", [(), "xw", "xwv", "wv"])
    def test_what_is_passed_and_what_is_captured_get_what_is_theirs(self, block, same, create_graph):
        def gradients(way):
            x, w, v = (tg.Tensor(np.array(a), requires_grad=True) for a in ([2.0, 3.0], [5.0, 7.0], [11.0, 13.0]))
            one = dict.fromkeys(same, x if "x" in same else w)
            x, w, v = one.get("x", x), one.get("w", w), one.get("v", v)
            (way(lambda a: block(a, w, v))(x) * 3).sum().backward(create_graph=create_graph)
            return [np.zeros(2) if t.grad is None else t.grad.data for t in (x, w, v)]

        np.testing.assert_allclose(gradients(tg.checkpoint), gradients(lambda f: f))

    @pytest.mark.parametrize("through", [True, False])
    def test_what_needs_a_gradient_only_since_then_was_a_constant(self, through):
        c = tg.Tensor([3.0, 4.0])
        run = (lambda x: tg.checkpoint(lambda x, c: x * x * c)(x, c)) if through else tg.checkpoint(lambda x: x * x * c)
        _, pull = tg.vjp(run, tg.Tensor([1.0, 2.0]))
        c.requires_grad = True
        assert pull([1.0, 1.0])[0].tolist() == [6.0, 16.0]

    def test_second_derivatives_by_what_is_passed_and_captured(self):
        w = tg.Tensor(np.array([[0.5, -0.25], [0.75, 1.0]]), requires_grad=True)
        f = lambda x: (tg.tanh(x @ w) ** 2).sum()
        x = np.array([[0.3, -0.7]])
        np.testing.assert_allclose(tg.hessian(tg.checkpoint(f))(x).data, tg.hessian(f)(x).data, rtol=1e-12)
        mixed = lambda way: tg.jacobian(lambda w: tg.grad(way(lambda x: (tg.tanh(x @ w) ** 2).sum()))(x))(w).data
        np.testing.assert_allclose(mixed(tg.checkpoint), mixed(lambda f: f), rtol=1e-12)

    def test_inner_results_are_forgotten_and_computed_again(self):
        calls = []

        def block(x):
            calls.append(1)
            return tg.exp(tg.exp(x))

        x = tg.Tensor(np.zeros(1000), requires_grad=True)
        y = tg.checkpoint(block)(x)
        assert y.inputs == (x,)
        y.sum().backward()
        assert len(calls) == 2

    def test_chance_is_repeated(self):
        tg.random.manual_seed(0)
        block = tg.checkpoint(lambda x: x * x * tg.random.shared().bernoulli(0.5, x.shape, dtype="float64"))
        x = tg.Tensor(np.ones(100), requires_grad=True)
        y = block(x)
        after = tg.random.shared().uniform().item()
        y.sum().backward()
        np.testing.assert_array_equal(x.grad.data, 2 * y.data)
        assert tg.random.shared().uniform().item() != after

    @pytest.mark.parametrize("how", ["shared", "seeded", "own", "dropout", "numpy", "inside", "nested", "seed"])
    def test_chance_is_repeated_from_any_generator(self, how):
        """The same function, checkpointed or not, draws the same, and leaves its generators in the same state."""
        rng = tg.random.default_rng(3)

        def block(x):
            draws = {
                "shared": lambda: tg.random.shared().normal(size=5),
                "seeded": lambda: captured.normal(size=5),
                "own": lambda: rng.uniform(size=5) + tg.random.shared().uniform(size=5) + rng.integers(9, size=5),
                "dropout": lambda: F.dropout(x, 0.5) + F.dropout(x, 0.5, rng=rng) + rng.permutation(5),
                "numpy": lambda: rng.numpy.normal(size=5) + tg.random.shared().numpy.normal(size=5),
                "inside": lambda: tg.random.default_rng(1).normal(size=5),
                "nested": lambda: tg.checkpoint(lambda x: F.dropout(x, 0.5, rng=rng))(x) + rng.uniform(size=5),
                "seed": lambda: tg.random.shared().normal(size=5) + tg.manual_seed(5).normal(size=5),
            }
            return x * x * draws[how]()

        found = []
        for f in (block, tg.checkpoint(block)):
            rng = tg.random.default_rng(3)
            captured = tg.manual_seed(0)
            x = tg.Tensor(np.arange(1.0, 6), requires_grad=True)
            y = f(f(x))
            after = tg.random.shared().numpy.random(), rng.numpy.random()
            tg.manual_seed(99)  # what happens to the shared generator before the way back is of no importance
            between = tg.random.shared().numpy.random()
            y.sum().backward()
            found.append((y.tolist(), x.grad.tolist(), after, between, tg.random.shared().numpy.random()))
        assert found[0] == found[1]

    def test_second_derivatives_repeat_chance(self):
        x = np.arange(1.0, 5)

        def loss(x, way):
            tg.manual_seed(0)
            return way(lambda x: (x**3 * tg.random.shared().normal(size=4)).sum())(x)

        np.testing.assert_array_equal(
            tg.hessian(lambda x: loss(x, tg.checkpoint))(x).data, tg.hessian(lambda x: loss(x, lambda f: f))(x).data
        )

    def test_the_way_back_leaves_other_threads_their_numbers(self):
        """Threads that drop out in checkpoints, beside one that draws: no number is drawn twice."""
        tg.manual_seed(0)
        stop, drawn = threading.Event(), []

        def draw():
            while not stop.is_set():
                drawn.extend(tg.random.shared().uniform(size=3, dtype="float64").tolist())

        def train(_):
            for _ in range(20):
                w = tg.Tensor(np.ones(50), requires_grad=True)
                block = tg.checkpoint(lambda w: tg.random.shared().uniform(size=50, dtype="float64") * w * w)
                y = block(w)
                y.sum().backward()
                np.testing.assert_array_equal(w.grad.data, 2 * y.data)
                drawn.extend(y.tolist())

        other = threading.Thread(target=draw)
        other.start()
        try:
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                list(pool.map(train, range(4)))
        finally:
            stop.set()
            other.join()
        assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: tg.grad(lambda x: x * 2)(np.ones(3)), ShapeError, r"grad: the function must return one scalar; got shape \(3,\); use .sum"),
        (lambda: tg.grad(lambda x: (x, x))(1.0), ShapeError, "grad: the function must return one scalar; got 2 values"),
        (lambda: tg.grad(lambda x: x * 2)(3), DTypeError, "grad: can only differentiate by floating-point arguments; got int64"),
        (lambda: tg.grad(lambda x: x, 1)(1.0), ValueError, "grad: argnums must name arguments; got 1 of 1"),
        (lambda: tg.jvp(lambda x: x, (1.0,), (1.0, 2.0)), ShapeError, "jvp: needs a tangent for each primal; got 2 for 1"),
        (lambda: tg.jvp(lambda x: x, (np.ones(2),), (np.ones(3),)), ShapeError, r"jvp: a tangent must have its primal's shape \(2,\)"),
        (lambda: tg.vjp(lambda x: x, np.ones(2))[1](np.ones(3)), ShapeError, r"vjp: a cotangent must have its output's shape \(2,\)"),
        (lambda: tg.vjp(lambda x: (x, x), np.ones(2))[1]((np.ones(2),)), ShapeError, r"vjp: trees must have one structure; got tuple\(\*\) in place of tuple\(\*, \*\)"),
        (lambda: tg.custom_op("tanh", np.tanh), ValueError, "custom_op: the name must be new; got 'tanh', a built-in op"),
    ],
)  # fmt: skip
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_transforms_in_threads():
    found = {}

    def work(k):
        with tg.no_grad():
            found[k] = tg.hessian(lambda x: (x**3).sum() * k)(np.ones(2)).data[0, 0]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == {k: 6.0 * k for k in range(4)}
