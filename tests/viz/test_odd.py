"""Graphs out of the ordinary: batches, checkpoints, own operations, writes, nothing at all."""

import json

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim, viz
from tinygrad_edu.op import REGISTRY
from tinygrad_edu.viz.graph.reading import read
from tinygrad_edu.viz.graph.steps import backward

DETAILS = ("ops", "values", "gradients", "formulas")


def batched(x):
    return tg.vmap(lambda v: tg.sin(v) * v)(x).sum()


def nested(x):
    return tg.vmap(tg.vmap(lambda v: tg.exp(v) * 2.0))(x).sum()


def checkpointed(x):
    return tg.checkpoint(lambda v: tg.sin(v) * v)(x).sum()


def written(x):
    t = tg.zeros(3, dtype="float64") + x
    t[0] = 5.0
    return (t * x).sum()


def joined(x):
    return tg.concat([x, x * 2, tg.flip(x)]).max()


def empty(x):
    return x[:0] * 2


def twice_differentiated(x):
    g = tg.grad(lambda v: (v**3).sum())(x)
    return (g * g).sum()


PROGRAMS = {
    "batched": (batched, np.ones(3)),
    "nested": (nested, np.ones((2, 3))),
    "checkpointed": (checkpointed, np.ones(3)),
    "written": (written, np.ones(3)),
    "joined": (joined, np.array([1.0, 3.0, 2.0])),
    "empty": (empty, np.ones(3)),
    "twice": (twice_differentiated, np.array([1.0, 2.0])),
}


def test_what_was_changed_stands_before_all_its_users_and_once():
    w, x = (tg.Tensor(np.ones((2, 2)), requires_grad=True, name=name) for name in "wx")
    slope = tg.grad(lambda x: (tg.tanh(x @ w) @ w).sum())(x)
    penalty = (slope**2).sum()
    penalty.backward()
    optim.SGD([w], lr=0.1).step()
    new = tg.exp(w).sum()  # uses it as it is now
    for result in (penalty, (penalty, new)):
        graph, before = read(result), set()
        for node in graph.nodes.values():
            assert before.issuperset(node.inputs)
            before.add(node.key)
        assert [n.name for n in graph.nodes.values()].count("w") == 1
        assert not any(n.name.startswith("w_") for n in graph.nodes.values())
        assert "w changed after the result was computed" in graph.notices[0]
        viz.draw(result, detail="formulas", backward=True).svg()
        viz.to_json(result)
    assert "Left to right" in str(viz.explain(penalty))
    viz.player(penalty).html()


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_reader_reads_it(name):
    f, x = PROGRAMS[name]
    for detail in DETAILS:
        assert (
            viz.draw(f, x, detail=detail, backward=True).source == viz.draw(f, x, detail=detail, backward=True).source
        )
    assert viz.draw(f, x, inline=True, detail="formulas").svg().startswith("<svg")
    for overlay in ("time", "memory", "flops", "gradient", "nonfinite"):
        viz.draw(f, x, overlay=overlay)
    assert "Left to right" in str(viz.explain(f, x))
    assert "<html" in viz.player(f, x).html()
    json.loads(viz.to_json(f, x))


@pytest.mark.parametrize("name", [n for n in PROGRAMS if n != "empty"])
def test_running_sums_are_the_engines(name):
    f, x = PROGRAMS[name]
    graph = read(f, (x,), grads=True)
    leaf = next(n for n in graph.nodes.values() if n.name == "x")
    sums = {s.source.key: s.after for s in backward(graph)}
    np.testing.assert_allclose(sums[leaf.key], tg.grad(f)(x).data, rtol=1e-12)


def test_an_own_operation_is_explained_like_the_others():
    cube = tg.custom_op("odd_cube", lambda x: x**3, lambda g, y, x: g * (3 * x**2))
    try:
        assert "dt1/dx = 3 * x ** 2" in str(viz.explain(lambda x: cube(x) + 1, 2.0))
    finally:
        del REGISTRY["odd_cube"]


def test_a_constant_alone():
    assert "x" in viz.draw(tg.Tensor(1.0, name="x")).source
    assert "<html" in viz.player(tg.Tensor(1.0)).html()


@pytest.mark.parametrize("settings", [{}, {"page": None}, {"direction": "down"}, {"detail": "values"}], ids=str)
def test_a_number_without_a_history_is_a_box_and_says_why(settings):
    text = viz.draw((tg.ones(2) * 2).sum(), **settings).source
    assert ">4<" in text
    assert "nothing needs a gradient" in text


def test_drawing_a_recorded_graph_changes_nothing():
    x = tg.Tensor(np.ones(3), requires_grad=True)
    y = (tg.sin(x) * x).sum()
    before = y.born, x.born, x.flags
    viz.draw(y, detail="formulas", backward=True)
    viz.explain(y)
    viz.player(y)
    assert (y.born, x.born, x.flags) == before
    assert x.grad is None
    y.backward()
    np.testing.assert_allclose(x.grad.data, np.sin(1) + np.cos(1), rtol=1e-12)


def test_after_a_step_the_old_loss_is_still_readable_and_says_what_changed():
    layer = nn.Linear(2, 1)
    loss = (layer(np.ones((3, 2), dtype=np.float32)) ** 2).mean()
    loss.backward()
    with tg.no_grad():
        layer.weight -= 0.5
    words = "weight changed after the result was computed"
    assert words in viz.draw(loss, detail="formulas", backward=True).source
    assert words in str(viz.explain(loss))
    assert words in viz.player(loss).contents()
    assert viz.why(layer.weight).reason == "healthy"
    assert str(viz.diff(loss, loss)).endswith("no difference")
    with pytest.raises(ValueError, match=words):
        viz.explain(layer.weight, entry=(0, 0))


def test_numbers_written_into_the_array_afterwards_are_seen():
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    loss = (w * w).sum()
    w.data[0] = 7.0
    assert "w changed after" in str(viz.explain(loss))


def test_a_program_that_runs_again_gives_the_same_bytes():
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0)
    x = np.ones((2, 3, 4), dtype=np.float32)

    def everything():
        drawn = [viz.draw(layer, x, **options).source for options in ({"detail": "formulas"}, {"budget": 20})]
        return [*drawn, viz.player(layer, x).contents(), viz.to_json(layer, x), str(viz.explain(layer, x))]

    first = everything()
    for _ in range(6):
        for _ in range(333):  # births pass from three to four digits, at every place in the program
            tg.Tensor(0.0)
        assert everything() == first
