"""Graphs that the page computes by itself: values and gradients in a browser are those of the engine."""

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu.viz.graph.graph import read
from tinygrad_edu.viz.live.javascript import description, primitives, source
from tinygrad_edu.viz.live.replay import replay

from .test_browser import browser  # noqa: F401  a fixture

RUN = """d => {
    const machine = new Machine(d), numbers = a => a && Array.from(a.packed().data);
    return Object.fromEntries(Object.keys(d.nodes).map(key => [key, [
        numbers(machine.value(key)), numbers(machine.gradient(key)),
        d.nodes[key].edges.map((e, i) => numbers(machine.contribution(key, i))),
    ]]));
}"""


@pytest.fixture(scope="module")
def tab(browser):  # noqa: F811
    """A page in which `Machine` stands, and that refuses code made from text."""
    tab = browser.new_page()
    tab.set_content(
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; script-src 'unsafe-inline'\">"
        f"<script>{source()}; Object.assign(window, {{Machine, PRIMITIVES}})</script>"
    )
    yield tab
    tab.close()


def agree(found, expected, what):
    """A list of numbers is an array, to rounding: 1e-12 in double precision."""
    expected = np.asarray(expected)
    tolerance = 1e-12 if expected.dtype.itemsize == 8 else 2e-5
    found = np.array(found, float).reshape(expected.shape)
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=0)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale, err_msg=str(what))


def compare(tab, graph):
    found = tab.evaluate(RUN, description(replay(graph)))
    for key, node in graph.nodes.items():
        value, gradient, _ = found[key]
        agree(value, node.value, node.title)
        assert (gradient is None) == (node.grad is None), node.title
        if gradient is not None:
            agree(gradient, node.grad, f"gradient of {node.title}")


def network(dtype=np.float64, activation=tg.tanh):
    """A loss of a network with one hidden layer, and its tensors."""
    rng = np.random.default_rng(0)
    shapes = {"x": (5, 2), "w": (2, 4), "b": (4,), "v": (4, 3)}
    tensors = {k: tg.Tensor(rng.normal(size=s).astype(dtype), requires_grad=True, name=k) for k, s in shapes.items()}

    def loss(activation=activation):
        x, w, b, v = tensors.values()
        return F.cross_entropy(activation(x @ w + b) @ v, np.array([0, 1, 2, 1, 0]))

    return loss, tensors


def test_every_primitive_that_python_counts_has_javascript(tab):
    assert set(tab.evaluate("Object.keys(PRIMITIVES)")) == primitives()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_network_computes_itself(tab, dtype):
    loss, _ = network(dtype)
    compare(tab, read(loss(), grads=True))


def test_what_follows_from_a_change_is_what_the_engine_computes(tab):
    loss, tensors = network()
    graph = read(loss(), grads=True)
    w, x, tanh = (next(k for k, n in graph.nodes.items() if str(n.op or n.name) == name) for name in ("w", "x", "tanh"))
    found = tab.evaluate(
        """([d, w, h]) => {
            const machine = new Machine(d), numbers = key => Array.from(machine.gradient(key).packed().data);
            const state = () => [machine.total(), ...numbers(w)];
            machine.set(w, 3, 0.25);
            const changed = machine.run(), edited = state();
            machine.swap(h, "sigmoid");
            machine.run();
            const swapped = state(), slope = machine.finite_difference(w, 3, 1e-5).difference;
            machine.descend(0.5);
            const descended = state();
            machine.reset();
            return {changed, edited, swapped, slope, descended, again: state()};
        }""",
        [description(replay(graph)), w, tanh],
    )

    def state(activation):
        for t in tensors.values():
            t.grad = None
        value = loss(activation)
        value.backward()
        return [value.item(), *tensors["w"].grad.numpy().reshape(-1)]

    assert {w, tanh, x, *graph.outputs} <= set(found["changed"])
    agree(found["again"], np.array(state(tg.tanh)), "reset")
    tensors["w"].data[0, 3] = 0.25
    agree(found["edited"], np.array(state(tg.tanh)), "edited")
    agree(found["swapped"], np.array(state(tg.sigmoid)), "swapped")
    assert found["slope"] == pytest.approx(tensors["w"].grad.numpy()[0, 3], rel=1e-8)
    for t in tensors.values():
        t.data = t.data - 0.5 * t.grad.numpy()
    agree(found["descended"], np.array(state(tg.sigmoid)), "descended")
