"""Graphs that the page computes by itself: values and gradients in a browser are those of the engine."""

import gc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn
from tinygrad_edu.engine import NEEDS, TRACED, constant
from tinygrad_edu.op import REGISTRY
from tinygrad_edu.program.coding import encoded
from tinygrad_edu.testing.properties.calls import calls
from tinygrad_edu.testing.properties.op_checks import built_in_ops
from tinygrad_edu.viz.graph.reading import read
from tinygrad_edu.viz.live.activations import ACTIVATIONS
from tinygrad_edu.viz.live.javascript import SIGNED, description, primitives, source, without
from tinygrad_edu.viz.live.replay import replay
from tinygrad_edu.viz.pages.player import page_data

from .test_browser import browser  # noqa: F401  a fixture

# all together, and then each step on NumPy's own arguments: its results that differ from NumPy's
RUN = """([d, steps, entrywise]) => {
    const machine = new Machine(d), wrong = [];
    const numbers = a => a && (a.pairs ? a.pairs().flat() : Array.from(a.packed().data));
    const sizes = a => (a ? numbers(a).map(Math.abs).filter(Number.isFinite) : []);
    const nodes = Object.fromEntries(Object.keys(d.nodes).map(key => [key, [numbers(machine.value(key)), numbers(machine.gradient(key))]]));
    machine.steps.forEach((step, k) => {
        const found = machine.outcome(step, k), expected = steps[k].map(decoded);
        const same = found.every((y, j) => {
            if (y === null || step.primitive === "empty_like") return true;
            const solved = /linalg|cofactors/.test(step.primitive);  // NumPy's own rounding grows with the condition number
            const close = y.dtype === "<c16" || (y.dtype[2] === "8" && y.dtype[1] !== "c") ? 1e-12 : 2 ** (solved ? -12 : -21), [a, b] = [numbers(y), numbers(expected[j])];
            const scale = entrywise[k] ? 0 : Math.max(0, ...sizes(expected[j]), ...step.uses.flatMap(id => sizes(machine.known[id])));
            const near = (v, i) => Object.is(v, a[i]) || v === a[i] || Math.abs(v - a[i]) <= close * Math.max(Math.abs(v), scale);
            return y.dtype === expected[j].dtype && String(y.shape) === String(expected[j].shape) && b.every(near);
        });
        if (!same) wrong.push([k, found.map(numbers), expected.map(numbers)]);
        step.results.forEach((id, j) => { machine.known[id] = expected[j]; });
    });
    return [nodes, wrong];
}"""


@pytest.fixture(scope="module")
def tab(browser):  # noqa: F811
    """A page in which `Machine` stands, and that refuses code made from text."""
    tab = browser.new_page()
    tab.set_content(
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; script-src 'unsafe-inline'\">"
        f"<script>{source()}; Object.assign(window, {{Machine, PRIMITIVES, decoded}})</script>"
    )
    yield tab
    tab.close()


def agree(found, expected, what):
    """A list of numbers is an array, to rounding: 1e-12 in double precision."""
    expected = np.asarray(expected)
    if expected.dtype.kind == "c":  # pairs of real numbers
        expected = expected.reshape(*expected.shape, 1).view(expected.real.dtype)
    tolerance = 1e-12 if expected.dtype.itemsize == 8 else 2e-5
    found = np.array(found, float).reshape(expected.shape)
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=1)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale, err_msg=str(what))


def factors(step, known, found, expected):
    """Whether the results of a step are a factorisation as NumPy's is, of a matrix that has several."""
    if step.primitive not in SIGNED:
        return False
    parts = [np.reshape(x, v.shape).astype(v.dtype) for x, v in zip(found, step.results, strict=True)]
    u, s, v = parts if len(parts) == 3 else (parts[1], parts[0], parts[1].mT)
    a, values, n = known[step.args[0]], expected[len(parts) - 2], s.shape[-1]
    size, close = np.abs(a).max(initial=1e-300), 1e-12 if a.itemsize == 8 else 1e-5
    pairs = [(s.ravel() / size, np.ravel(values) / size), (u[..., :n] * (s / size)[..., None, :] @ v, a / size)]
    return all(np.allclose(x, y, rtol=0, atol=close) for x, y in (*pairs, (u.mT @ u, np.eye(u.shape[-1]))))


def compare(tab, graph):
    """Each step is NumPy's, and so are all values and gradients. Returns the steps that JavaScript has not."""
    again = replay(graph)
    told, program = description(again), again.program
    values = [v for step in program.steps for v in step.results]
    known = dict(zip(values, program.with_steps(program.steps, values)(*again.inputs), strict=True))
    steps = [[encoded(np.asarray(known[v]), {}) for v in step.results] for step in program.steps]
    ufuncs = [getattr(getattr(np, s.primitive, None), "signature", 0) is None for s in program.steps]  # not of matrices
    found, wrong = tab.evaluate(RUN, [told, steps, ufuncs])
    wrong = [(program.steps[k], *parts) for k, *parts in wrong]
    assert [(str(step), *parts) for step, *parts in wrong if not factors(step, known, *parts)] == []
    for key, node in graph.nodes.items():
        value, gradient = found[key]
        if value is not None:
            agree(value, node.value, node.title)
        if node.grad is not None and gradient is not None:
            agree(gradient, node.grad, f"gradient of {node.title}")
    return [program.steps[k] for k in without(program)]


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


@pytest.mark.parametrize("op", built_in_ops(), ids=str)
@given(st.data())
@settings(max_examples=2)
def test_each_op_is_numpys(tab, op, data):
    of_complex = [np.complex128, np.complex64] if op.complex else []
    arrays, attributes = data.draw(calls(op, data.draw(st.sampled_from([np.float64, np.float32, *of_complex]))))
    xs = [constant(a) for a in arrays]
    for x in xs:
        x.flags = TRACED | (NEEDS if x.dtype.kind in "fc" else 0)
    with np.errstate(all="ignore"):
        missing = compare(tab, read(op(*xs, **attributes), grads=True))
    unknown = "op.cofactors", "linalg.eigh"  # which the page does not compute for complex numbers
    assert [step for step in missing if step.primitive not in unknown] == []


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


def test_what_javascript_has_not_is_unknown_once_its_inputs_change(tab):
    tg.custom_op("halved", lambda x: x / 2 if float(x[0]) < 9 else x, lambda g, y, x: g / 2)  # asks for a value
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    w = tg.Tensor([3.0, 4.0], requires_grad=True, name="w")
    graph = read((REGISTRY["halved"](x) * w).sum(), grads=True)
    x, w, halved = (
        next(k for k, n in graph.nodes.items() if str(n.op or n.name) == name) for name in ("x", "w", "halved")
    )
    found = tab.evaluate(
        """([d, x, w, halved]) => {
            const machine = new Machine(d), state = () => [machine.total(), machine.value(halved) && 1, machine.descend(0)];
            machine.set(w, 0, 5);
            const known = state();
            machine.set(x, 0, 5);
            const unknown = state();
            machine.set(x, 0, 1);
            return [known, unknown, state()];
        }""",
        [description(replay(graph)), x, w, halved],
    )
    assert found[0] == found[2] == [6.5, 1, 6.5]
    assert found[1][1] is None
    assert np.isnan([found[1][0], found[1][2]]).all()


def test_a_page_has_the_scripts_that_it_needs():
    told = description(replay(read(network()[0](), grads=True)))
    assert "op.conv" not in source(told)
    assert "linalg.solve" in source()


def test_very_many_activations_are_exchanged_and_what_they_compute_is_written_once(tab):
    one = (tg.Tensor(1.0, dtype="float64"),)
    graph = read(lambda x: sum(tg.tanh(x * k) for k in range(1, 41)), one, grads=True)
    told = description(replay(graph))
    assert len(told["routines"]) == len(description(replay(read(tg.tanh, one, grads=True)))["routines"])
    last = next(k for k, n in reversed(graph.nodes.items()) if str(n.op) == "tanh")
    found = tab.evaluate(
        """([d, h]) => {
            const machine = new Machine(d), leaf = Object.keys(d.nodes).find(key => d.nodes[key].parameter || d.nodes[key].leaf !== null);
            return [...machine.choices(h)].map(name => {
                machine.swap(h, name);
                machine.run();
                return [name, machine.total(), machine.gradient(leaf).data[0]];
            });
        }""",
        [told, last],
    )
    assert len(found) == len(ACTIVATIONS)
    for name, total, slope in found:
        x = tg.Tensor(1.0, dtype="float64", requires_grad=True)
        y = sum(tg.tanh(x * k) for k in range(1, 40)) + REGISTRY[name](x * 40.0)
        y.backward()
        agree([total, slope], np.array([y.item(), x.grad.item()]), name)


def prelu():
    return nn.PReLU()


def closed():
    slope = tg.Tensor([-0.5], dtype="float64", requires_grad=True, name="weight")
    return lambda x: tg.where(slope * x > 0.2, x, slope * x)


@pytest.mark.parametrize("make", [prelu, closed])
def test_masks_follow_what_they_come_from(make):
    f, x = make(), np.array([0.5, -0.5, 1.5])
    graph = read(f, (tg.Tensor(x, requires_grad=True, name="x"),), grads=True)
    again = replay(graph)
    key = next(k for k, n in graph.nodes.items() if "x" in n.name)
    again.inputs[again.places[key].leaf] = -x
    found = again.program(*again.inputs)[again.places[graph.outputs[0]].value]
    agree(found, f(tg.Tensor(-x)).data, "at other inputs")


@pytest.mark.parametrize("elementwise", [True, False])
def test_a_rule_is_read_once_for_the_way_back_and_once_for_the_local_derivative(elementwise):
    calls = []

    def rule(g, y, x):
        calls.append(None)
        return g * 2

    twice = tg.custom_op("twice_counted", lambda x: x * 2, rule, kind="elementwise" if elementwise else "custom")
    graph = read(twice, (np.ones((2, 3)),), grads=True)
    calls.clear()
    place = replay(graph).places["n0"]
    assert len(calls) == 1 + elementwise
    assert place.gradient is not None


def test_a_page_of_many_operations_is_made_without_collections():
    graph = read(lambda x: sum((tg.sin(x * k) for k in range(1, 400)), x).sum(), (np.ones(3),), grads=True)
    begun = []

    def told(phase, info):
        begun.append(phase)

    gc.callbacks.append(told)
    try:
        page_data(graph)
    finally:
        gc.callbacks.remove(told)
    assert len(begun) <= 2  # one as soon as it may
    assert gc.isenabled()
