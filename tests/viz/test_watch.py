"""A training seen layer by layer, and tensors replaced in a recorded program; oracles are NumPy and the program itself."""

import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim, viz
from tinygrad_edu.errors import GraphError, ShapeError


def trained(model, rate=0.05, steps=4, x=None, optimizer=None, **options):
    optimizer = optimizer or optim.SGD(model.parameters(), lr=rate)
    x = tg.Tensor(np.random.default_rng(0).normal(size=(16, 3)) if x is None else x, dtype="float32")
    with viz.watch(model, **options) as training:
        for _ in range(steps):
            loss = (model(x) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            training.step(loss)
    return training


def net(activation):
    tg.random.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 8), activation, nn.Linear(8, 1))


def test_what_is_noted_is_what_numpy_computes():
    model, x = net(nn.ReLU()), np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
    before = {k: v.data.copy() for k, v in model.state_dict().items()}
    training = trained(model, steps=1, x=x)
    z = x @ before["0.weight"].T + before["0.bias"]
    seen = training.layers["1"].moments[0]
    a = np.maximum(z, 0)
    assert seen.values.mean == pytest.approx(a.mean(), rel=1e-5)
    assert seen.values.deviation == pytest.approx(a.std(), rel=1e-5)
    assert sum(seen.values.counts) == a.size
    assert seen.dead == np.mean(~(a > 0).any(axis=0))
    y = a @ before["2.weight"].T + before["2.bias"]
    assert training.layers["2"].moments[0].gradient.deviation == pytest.approx((2 * y / y.size).std(), rel=1e-4)
    step = model.state_dict()["2.weight"].data - before["2.weight"]
    ratio = np.sqrt((step**2).mean() / (before["2.weight"] ** 2).mean())
    assert training.weights["2.weight"].ratios == [pytest.approx(ratio, rel=1e-4)]
    assert training.losses == [pytest.approx((y**2).mean(), rel=1e-5)]


def test_findings_name_the_layer_and_the_remedy():
    dead = net(nn.ReLU())
    dead[0].bias.data = np.full(8, -100.0, np.float32)
    assert any(
        w.startswith("1: 100% of its units are 0 for every example since step 0; lower") for w in trained(dead).findings
    )
    flat = net(nn.Tanh())
    flat[0].weight.data = np.full((8, 3), 100.0, np.float32)
    assert any("where Tanh is flat" in words for words in trained(flat).findings)
    assert any("lower the learning rate" in words for words in trained(net(nn.Tanh()), rate=10.0).findings)
    assert any("raise the learning rate" in words for words in trained(net(nn.Tanh()), rate=1e-7).findings)
    model = net(nn.Tanh())
    with nn.guards.off("parameters"):
        part = trained(model, optimizer=optim.SGD(model[2].parameters(), lr=0.05))
    assert "0.weight does not move: is it in the optimizer?" in part.findings


def test_the_report_is_one_offline_page_and_the_model_is_as_it_was(tmp_path):
    model = net(nn.ReLU())
    training = trained(model, every=2, steps=5)
    assert training.steps == [0, 2, 4]
    assert len(training.layers["0"].moments) == 3
    model(tg.ones((2, 3)))
    assert len(training.layers["0"].moments) == 3  # nobody looks any more
    training.save(tmp_path / "x.html")
    text = (tmp_path / "x.html").read_text()
    assert "default-src 'none'; style-src 'sha256-" in text
    assert not re.search(r"(src|href)=", text)
    assert text.count("<svg") >= 8
    assert "3 steps watched, 3 layers, 4 parameters" in str(training)
    with pytest.raises(GraphError, match="watch: needs a model; got int"):
        viz.watch(3)


def program(x, w):
    h = tg.tanh(x @ w)
    y = h * 3
    return (y * y).sum()


@pytest.mark.parametrize(
    ("new", "meant"),
    [(0, lambda h: 0 * h), (2.5, lambda h: 0 * h + 2.5), (lambda h: -2 * h, lambda h: -2 * h)],
    ids=["without", "another", "scaled"],
)
def test_an_intervention_is_the_program_with_another_tensor_in_that_place(new, meant):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))
    effect = viz.intervene(program, x, w, change={"h": new})
    before, after = effect.results
    h = np.tanh(x @ w)
    np.testing.assert_allclose([before, after], [(9 * h * h).sum(), (9 * meant(h) ** 2).sum()])
    nodes = {n.name: n for n in effect.runs[1].graph.nodes.values()}
    np.testing.assert_allclose(nodes["y"].value, 3 * meant(h))
    np.testing.assert_allclose(nodes["h"].grad, 18 * meant(h))
    assert effect.first.title.startswith("h = ")


def test_an_intervention_at_a_module_and_refusals():
    model = net(nn.ReLU())
    effect = viz.intervene(model, np.ones((2, 3), np.float32), change={"1": 0})
    np.testing.assert_allclose(effect.results[1], np.broadcast_to(model[2].bias.data, (2, 1)))
    with pytest.raises(GraphError, match="intervene: a change must name a tensor of the graph; got 'q'; such are"):
        viz.intervene(program, np.ones((1, 3)), np.ones((3, 2)), change={"q": 0})
    with pytest.raises(ShapeError, match=r"what takes the place of h must have its shape \(1, 2\); got \(2,\)"):
        viz.intervene(program, np.ones((1, 3)), np.ones((3, 2)), change={"h": lambda h: h[0]})


def test_in_a_notebook_the_report_is_drawn_anew_in_its_place(monkeypatch):
    shown = []

    class Handle:
        def update(self, what):
            shown.append(("update", what))

    def display(what, display_id):
        shown.append(("first", what))
        return Handle()

    shell = SimpleNamespace(kernel=object())
    modules = {
        "IPython": SimpleNamespace(get_ipython=lambda: shell),
        "IPython.display": SimpleNamespace(display=display),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr("tinygrad_edu.viz.reports.watch.PAUSE", 0.0)
    training = trained(net(nn.ReLU()), steps=3)
    assert shown == [("first", training), ("update", training), ("update", training)]
    assert "<iframe" in training._repr_html_()
