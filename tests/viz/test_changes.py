"""What a reader changes in the page, and what follows: values, gradients and steps are those of the engine."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, viz
from tinygrad_edu.nn import functional as F
from tinygrad_edu.viz.graph.reading import read
from tinygrad_edu.viz.graph.values import short

from .test_browser import at, browser, opened, text, until  # noqa: F401  a fixture

SHAPES = {"X": (6, 2), "W1": (2, 3), "b1": (1, 3), "W2": (3, 1)}


def inputs():
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape) for name, shape in SHAPES.items()}


def loss(X, W1, b1, W2, activation=tg.tanh):
    Y = np.array([[0.0], [1.0], [1.0], [0.0], [1.0], [0.0]])
    A1 = activation(X @ W1 + b1)
    A2 = tg.sigmoid(A1 @ W2)
    return ((A2 - Y) ** 2).mean()


def page():
    given = inputs()
    return viz.player(
        loss, tg.Tensor(given["X"]), *(tg.Tensor(given[k], requires_grad=True) for k in ("W1", "b1", "W2"))
    )


def engine(changed, **settings):
    """The loss and its gradients for other numbers."""
    tensors = {name: tg.Tensor(x, requires_grad=name != "X") for name, x in changed.items()}
    result = loss(**tensors, **settings)
    result.backward()
    return result.item(), {name: t.grad.data for name, t in tensors.items() if name != "X"}


SHOWN = """() => Object.fromEntries([...nodes.values()].filter(n => n.name).map(n =>
    [n.name, [state.figure(n.key, 0)?.values, n.grad && state.figure(n.key, 1).values]]))"""


def agree(tab, changed, **settings):
    total, slopes = engine(changed, **settings)
    shown = tab.evaluate(SHOWN)
    np.testing.assert_allclose(shown["out"][0], [total], rtol=1e-6)
    for name, slope in slopes.items():
        np.testing.assert_allclose(shown[name][0], changed[name].ravel(), rtol=1e-6)
        np.testing.assert_allclose(shown[name][1], slope.ravel(), rtol=1e-6, atol=1e-9)


def test_numbers_are_dragged_typed_and_slid_and_everything_follows(browser, tmp_path):  # noqa: F811
    given = inputs()
    with opened(browser, page(), tmp_path) as tab:
        agree(tab, given)
        cell = tab.locator(".box", has_text="W1").locator(".value .cell").nth(4).bounding_box()
        x, y = cell["x"] + cell["width"] / 2, cell["y"] + cell["height"] / 2
        tab.mouse.move(x, y)
        tab.mouse.down()
        tab.mouse.move(x + 30, y, steps=3)
        tab.mouse.up()
        assert text(tab, "#details h3") == "W1"
        assert tab.locator("#index").input_value() == "[1, 1]"
        dragged = float(tab.locator("#number").input_value())
        assert dragged > given["W1"][1, 1]
        given["W1"][1, 1] = dragged
        agree(tab, given)
        tab.fill("#number", "-2.5")
        tab.press("#number", "Enter")
        given["W1"][1, 1] = -2.5
        agree(tab, given)
        tab.fill("#index", "0, 2")
        tab.press("#index", "Enter")
        assert float(tab.locator("#number").input_value()) == pytest.approx(given["W1"][0, 2], rel=1e-5)
        tab.locator("#slider").fill("0.5")
        given["W1"][0, 2] = tab.evaluate("live.number(graph.selected(), 2)")
        agree(tab, given)
        tab.locator(".box", has_text="X").first.locator(".value .cell").first.click()
        tab.fill("#number", "1.5")
        tab.press("#number", "Enter")
        given["X"][0, 0] = 1.5
        agree(tab, given)
        told = tab.evaluate(
            "player.steps.map((s, k) => { player.go(k + 1); return document.querySelector('#scrub').getAttribute('aria-valuetext'); })"
        )
        assert any(f"= {engine(given)[0]:.4g}" in t for t in told)
        tab.click("#reset")
        agree(tab, inputs())


def test_an_activation_is_swapped_and_back(browser, tmp_path):  # noqa: F811
    with opened(browser, page(), tmp_path) as tab:
        tab.evaluate("graph.choose([...nodes.values()].find(n => n.op === 'tanh').key)")
        tab.select_option("#swap", "relu")
        agree(tab, inputs(), activation=tg.relu)
        assert "relu(" in text(tab, "#graph")
        assert "tanh(" not in text(tab, "#graph")
        words = tab.evaluate(
            "player.steps.map((s, k) => { player.go(k + 1); return document.getElementById('step').textContent; })"
        )
        assert not any("tanh" in w for w in words)
        tab.evaluate("player.go(1)")
        tab.click("#reset")
        assert "tanh(" in text(tab, "#graph")
        agree(tab, inputs())


def test_a_nudge_shows_the_difference_beside_the_derivative(browser, tmp_path):  # noqa: F811
    with opened(browser, page(), tmp_path) as tab:
        tab.locator(".box", has_text="W2").locator(".value .cell").nth(1).click()
        slope = engine(inputs())[1]["W2"][1, 0]
        for h in ("0.1", "0.001"):
            tab.select_option("#nudge", h)
            up, down = inputs(), inputs()
            up["W2"][1, 0] += float(h)
            down["W2"][1, 0] -= float(h)
            difference = (engine(up)[0] - engine(down)[0]) / (2 * float(h))
            found, shown = text(tab, "#slopes").removeprefix("difference ").split(", derivative ")
            assert float(found) == pytest.approx(difference, rel=1e-4)
            assert float(shown) == pytest.approx(slope, rel=1e-5)


def test_gradient_descent_draws_the_loss_and_the_boundary(browser, tmp_path):  # noqa: F811
    given = inputs()
    with opened(browser, page(), tmp_path) as tab:
        tab.fill("#rate", "0.5")
        for step in range(1, 4):
            tab.click("#descend")
            slopes = engine(given)[1]
            given |= {name: given[name] - 0.5 * slope for name, slope in slopes.items()}
            assert text(tab, "#loss") == f"step {step}, out = {engine(given)[0]:.5g}"
        agree(tab, given)
        assert tab.locator("#training .curve path").get_attribute("d").count("L") == 3
        tab.click("#train")
        until(tab, "Number(/\\d+/.exec(document.getElementById('loss').textContent)[0]) > 10")
        tab.click("#train")
        # the sign of the prediction at a corner of the plane is the colour there
        corner = tab.evaluate(
            """() => { boundary.show(); const f = (name) => state.figure([...nodes.values()].find(n => n.name === name).key, 0).values;
                const canvas = document.getElementById('boundary'), p = canvas.getContext('2d').getImageData(1, 1, 1, 1).data;
                return [f('X'), f('W1'), f('b1'), f('W2'), [...p]]; }"""
        )
        X, W1, b1, W2, pixel = corner
        X = np.reshape(X, (6, 2))
        low, high = X.min(0), X.max(0)
        margin = 0.2 * (high - low)
        cell = (high - low + 2 * margin) / 28
        point = np.array([low[0] - margin[0] + cell[0] / 2, high[1] + margin[1] - cell[1] / 2])
        z = np.tanh(point @ np.reshape(W1, (2, 3)) + b1) @ W2
        assert (pixel[1] > pixel[0]) == (z > 0)  # green above one half, purple below


def test_parameters_of_modules_learn_and_data_stays(browser, tmp_path):  # noqa: F811
    net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    X = np.random.default_rng(0).normal(size=(8, 2))
    Y = (X[:, :1] > 0).astype(float)
    with opened(browser, viz.player(lambda X: F.binary_cross_entropy_with_logits(net(X), Y), X), tmp_path) as tab:
        before = tab.evaluate(SHOWN)
        tab.click("#descend")
        after = tab.evaluate(SHOWN)
        assert before["X"][0] == pytest.approx(after["X"][0])
        assert before["0.weight"][0] != after["0.weight"][0]


def test_a_worksheet_is_not_answered_by_changing_it(browser, tmp_path):  # noqa: F811
    sheet = viz.worksheet(lambda a, b: a * b, 2.0, 3.0)
    with opened(browser, sheet, tmp_path) as tab:
        tab.locator(".box").first.click()
        assert tab.locator("#number").count() == 0
        assert not tab.locator("#training").is_visible()
        assert at(tab) == len(sheet.data["steps"])


def test_complex_numbers_follow_through_a_fourier_transform(browser, tmp_path):  # noqa: F811
    def power(x):
        spectrum = tg.fft.fft(x)
        turned = spectrum * (0.5 - 2j)
        total = (abs(turned) ** 2).sum()
        return total

    x = np.array([0.513, -1.071, 2.037, 0.292, 3.118, -0.774])
    with opened(browser, viz.player(power, tg.Tensor(x, requires_grad=True, name="x")), tmp_path) as tab:
        tab.evaluate("live.set([...nodes.values()].find(n => n.name === 'x').key, 2, -1.533)")
        found = tab.evaluate("[...nodes.values()].map(n => [n.name, state.text(n.key, 0), state.text(n.key, 1)])")
    x[2] = -1.533
    t = tg.Tensor(x, requires_grad=True, name="x")
    graph = read(power, (t,), grads=True)
    expected = {n.name: (short(n.value), None if n.grad is None else short(n.grad)) for n in graph.nodes.values()}
    for name, *told in found:  # a mean of numbers that cancel is rounding
        assert [t and t.split("; mean")[0] for t in told] == [t and t.split("; mean")[0] for t in expected[name]]
