"""The chain rule in words: every number in it is the engine's, and contributions add up to the gradient."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import viz
from tinygrad_edu.viz.graph.reading import read
from tinygrad_edu.viz.graph.steps import backward
from tinygrad_edu.viz.words.contributions import contributions


def program(seed, size):
    """A random scalar program on three leaves."""
    rng = np.random.default_rng(seed)
    pool = [tg.Tensor(float(v), requires_grad=True, dtype="float64", name=n) for v, n in zip((0.7, -1.3, 0.4), "abc")]
    leaves = list(pool)
    for _ in range(size):
        p, q = (pool[int(rng.integers(len(pool)))] for _ in range(2))
        pool.append(
            [p + q, p * q, p - q, tg.tanh(p), tg.sin(p), tg.relu(p), p**2, p / (q * q + 1)][int(rng.integers(8))]
        )
    return leaves, pool[-1] + sum(leaves, tg.Tensor(0.0, dtype="float64"))


def network():
    rng = np.random.default_rng(3)
    X = tg.Tensor(rng.normal(size=(6, 3)), name="X")
    W = tg.Tensor(rng.normal(size=(3, 2)), requires_grad=True, name="W")
    b = tg.Tensor(rng.normal(size=2), requires_grad=True, name="b")
    loss = (tg.sigmoid(X @ W + b) ** 2).mean()
    return X, W, b, loss


@given(seed=st.integers(0, 10**6), size=st.integers(1, 25))
def test_running_sums_end_in_the_engines_gradients_bit_for_bit(seed, size):
    leaves, out = program(seed, size)
    graph = read(out, grads=True)
    sums = {s.source.key: s for s in backward(graph)}
    for step in sums.values():
        assert step.use == step.uses
        assert np.array_equal(step.after, step.source.grad, equal_nan=True)
    out.backward()
    for x in leaves:
        node = next(n for n in graph.nodes.values() if n.tensor is x)
        assert np.array_equal(node.grad, x.grad.data)


def test_running_sums_of_a_network_are_the_engines():
    _X, W, b, loss = network()
    graph = read(loss, grads=True)
    loss.backward()
    found = {s.source.name: s.after for s in backward(graph)}
    np.testing.assert_array_equal(found["W"], W.grad.data)
    np.testing.assert_array_equal(found["b"], b.grad.data)


@given(seed=st.integers(0, 10**6), size=st.integers(1, 12))
def test_contributions_of_a_scalar_add_up_to_its_gradient(seed, size):
    _leaves, out = program(seed, size)
    graph = read(out, grads=True)
    for name in "abc":
        node = next((n for n in graph.nodes.values() if n.name == name), None)
        terms = contributions(graph, node, ())
        scale = sum(abs(v) for _, v in terms) + 1
        assert abs(sum(v for _, v in terms) - node.grad) < 1e-12 * scale
        assert [abs(v) for _, v in terms] == sorted((abs(v) for _, v in terms), reverse=True)


@pytest.mark.parametrize(("name", "count"), [("W", 6), ("b", 6)])
def test_contributions_by_example_add_up_entry_by_entry(name, count):
    loss = network()[-1]
    graph = read(loss, grads=True)
    node = next(n for n in graph.nodes.values() if n.name == name)
    for index in np.ndindex(node.shape):
        terms = contributions(graph, node, index)
        assert len(terms) == count
        assert all("example" in where for where, _ in terms)
        np.testing.assert_allclose(sum(v for _, v in terms), node.grad[index], rtol=1e-12)


def test_contributions_by_time_step():
    rng = np.random.default_rng(0)
    U = tg.Tensor(rng.normal(size=(2, 2)), requires_grad=True, name="U")
    h = tg.Tensor(rng.normal(size=(1, 2)))
    for _ in range(4):
        h = tg.tanh(h @ U)
    loss = h.sum()
    text = str(viz.explain(U, entry=(0, 1)))
    assert len(re.findall(r"through t\d+ = ", text)) + len(re.findall(r"through h", text)) == 4
    for step in (1, 2, 3, 4):
        assert f"use {step} of 4" in text
    loss.backward()
    total = float(text.splitlines()[-1])
    assert np.isclose(total, U.grad.data[0, 1], rtol=1e-3)


def test_the_course_example_word_by_word():
    a, b, c = (tg.Tensor(v, requires_grad=True) for v in (5.0, 3.0, 2.0))
    u = b * c
    v = a + u
    J = 3 * v
    text = str(viz.explain(J))
    for line in ("u = b * c = 3 * 2 = 6", "dJ/dv = 3", "dJ/du = dJ/dv * dv/du = 3 * 1 = 3",
                 "dJ/db = dJ/du * du/db = 3 * 2 = 6   du/db = c", "dJ/dc = dJ/du * du/dc = 3 * 3 = 9   du/dc = b"):  # fmt: skip
        assert line in text
    assert a.grad is None


def test_a_tensor_used_twice_is_told_to_add():
    x = tg.Tensor(3.0, requires_grad=True)
    y = x * x
    text = str(viz.explain(y))
    assert "dy/dx by use 1 of 2: 3" in text
    assert "dy/dx = 6" in text
    assert "x is used 2 times, so its gradients add" in text
    assert (
        r"\frac{\partial y}{\partial x} &= \sum_k \left.\frac{\partial y}{\partial x}\right|_{k} = 6"
        in viz.explain(y).latex()
    )
    assert "\n" + r"\frac{\partial y}{\partial x} &= \frac" not in viz.explain(y).latex()  # a part is not the whole


def test_formats():
    *_, loss = network()
    explanation = viz.explain(loss)
    assert "dW = X.T @ dt1" in str(explanation)
    assert "(3,6)(6,2)" in str(explanation)
    assert "sum over axis 0, because b (2,) was broadcast to (6,2)" in str(explanation)
    assert r"X^\top" in explanation.latex()
    assert explanation.latex().startswith("\\begin{align*}")
    a, b = (tg.Tensor(v, requires_grad=True) for v in (2.0, 3.0))
    J = a * b
    steps = viz.explain(J).latex().splitlines()
    assert steps[1:3] == [r"J &= a \cdot b = 6 \\", r"\frac{\partial J}{\partial J} &= 1 \\"]
    assert explanation.latex().count("{") == explanation.latex().count("}")
    assert explanation.markdown().startswith("**loss = ")
    ElementTree.fromstring(explanation.html())


def test_names_are_escaped_everywhere():
    x = tg.Tensor(2.0, requires_grad=True, name="<script>$`x`\n</script>")
    explanation = viz.explain(x * x)
    assert "<script>" not in explanation.html()
    ElementTree.fromstring(explanation.html())
    assert "\n</script>" not in str(explanation)


def test_where_nothing_needs_a_gradient():
    assert "nothing needs a gradient" in str(viz.explain(tg.Tensor(1.0) + 1))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: viz.explain(tg.Tensor([1.0]), entry=0), ValueError, "explain: entry needs a tensor that requires"),
        (lambda: viz.explain(network()[1], entry=(9, 9)), ValueError, r"explain: entry must name one entry of shape \(3, 2\)"),
        (lambda: viz.explain(network()[1], entry=(True, 0)), ValueError, r"explain: entry must name one entry of shape"),
        (lambda: viz.explain(tg.Tensor([1.0], requires_grad=True), entry=0), ValueError, "pass of=loss"),
    ],
)  # fmt: skip
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_a_long_explanation_is_shortened_in_print_only():
    y = tg.Tensor(1.0, requires_grad=True, name="x")
    for _ in range(1000):
        y = tg.sin(y)
    explanation = viz.explain(y)
    text = str(explanation)
    assert len(text.splitlines()) < 420
    assert "... 800 steps more, in .sections ..." in text
    assert [len(lines) for lines in explanation.sections.values()] == [1000, 1001]


def arrays(seed, size):
    """A random program on a matrix and a vector: products, broadcasts, picks, sums, products of products."""
    rng = np.random.default_rng(seed)
    W = tg.Tensor(rng.normal(size=(3, 3)), requires_grad=True, name="W")
    b = tg.Tensor(rng.normal(size=3), requires_grad=True, name="b")
    h = tg.Tensor(rng.normal(size=(4, 3)))
    for _ in range(size):
        k = int(rng.integers(4))
        h = [
            lambda h: h @ W + b, lambda h: tg.tanh(h) * b, lambda h, k=k: tg.where(h > 0, h, h * W[k % 3]),
            lambda h, k=k: tg.concat([h[k:], h[:k]]) + W.sum(axis=0),
            lambda h: tg.linalg.inv(W @ W.T + np.eye(3))[0] * h,
            lambda h: tg.einsum("ni,ij->nj", h, W) / 3, lambda h: tg.relu(h - b) + b[[0, 0, 1]],
            lambda h: tg.maximum(h, W[0]) + tg.cumulative_sum(b),
        ][int(rng.integers(8))](h)  # fmt: skip
    return (W, b), (h * h).mean() + (W * W).sum() + b.sum()


@given(seed=st.integers(0, 10**6), size=st.integers(1, 5))
def test_contributions_to_each_entry_of_arrays_add_up(seed, size):
    leaves, loss = arrays(seed, size)
    graph = read(loss, grads=True)
    for leaf in leaves:
        node = next(n for n in graph.nodes.values() if n.tensor is leaf)
        for index in np.ndindex(node.shape):
            terms = contributions(graph, node, index)
            scale = sum(abs(v) for _, v in terms) + 1e-12
            assert abs(sum(v for _, v in terms) - node.grad[index]) <= 1e-9 * scale


def test_contributions_to_a_layers_weights_come_by_example():
    rng = np.random.default_rng(0)
    layer, x = tg.nn.Linear(3, 2), rng.normal(size=(5, 3)).astype(np.float32)
    loss = (layer(x) ** 2).mean()
    graph = read(loss, grads=True)
    node = next(n for n in graph.nodes.values() if n.tensor is layer.weight)
    found = {where.rpartition(" ")[2]: v for where, v in contributions(graph, node, (1, 2))}
    out = x @ layer.weight.data.T + layer.bias.data
    for k in range(5):
        assert np.isclose(found[str(k)], 2 * out[k, 1] * x[k, 2] / 10, rtol=1e-4, atol=1e-7)


def test_several_results_are_differentiated_together():
    a = tg.Tensor(2.0, requires_grad=True)
    t = a * 2
    u = t * 3
    text = str(viz.explain((t, u)))
    assert "t = 4, u = 12" in text
    assert "d(t + u)/dt = 4" in text
    assert "t is a result itself, and is used, so its gradients add" in text
    assert "d(t + u)/da = d(t + u)/dt * dt/da = 4 * 2 = 8" in text
    steps = viz.player((t, u)).data["steps"]
    assert steps[-2]["before"] == "1"
    assert steps[-2]["after"] == "4"


@pytest.mark.parametrize(
    ("f", "derivative"),
    [
        (lambda a: a**3, "3 * a ** 2"),
        (lambda a: 2**a, "y * log(2)"),
        (lambda a: a / 3, "1 / 3"),
        (tg.cos, "-sin(a)"),
        (lambda a: 3 / a, "-y / a"),
    ],
)
def test_derivatives_read_as_in_a_textbook(f, derivative):
    a = tg.Tensor(2.0, requires_grad=True)
    y = f(a)
    assert f"dy/da = {derivative}" in str(viz.explain(y))


def test_a_mask_is_a_number_in_a_product():
    for v, slope in ((-1.0, 0), (2.0, 1)):
        a = tg.Tensor(v, requires_grad=True)
        y = tg.relu(a)
        assert f"dy/da = {slope}   dy/da = a > 0" in str(viz.explain(y))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("layout", [np.asarray, np.asfortranarray, lambda x: np.repeat(x, 2, 0)[::2]])
def test_arrays_have_the_names_of_the_program(dtype, layout):
    X = layout(np.arange(10).reshape(5, 2).astype(dtype))
    y = layout(np.arange(5)[:, None].astype(dtype))
    ones = np.ones((5, 1), dtype)
    W = tg.Tensor(np.ones((2, 1)), requires_grad=True)
    text = str(tg.explain(((X @ W - y) * ones).mean()))
    assert "X @ W" in text
    assert " - y" in text
    assert "dW = X.T @" in text
    assert "ones" not in text  # equal numbers say too little


def test_data_beside_a_tensor_that_needs_a_gradient_gets_none():
    def loss(W, X, y):
        return ((X @ W - y) ** 2).mean()

    X, y, W = np.arange(6.0).reshape(3, 2), np.arange(3.0)[:, None], np.ones((2, 1))
    asked = tg.draw(loss, tg.Tensor(W, requires_grad=True), X, y, detail="gradients").source
    assert ">dW <" in asked
    assert ">dX <" not in asked
    assert ">dX <" in tg.draw(loss, W, X, y, detail="gradients").source
