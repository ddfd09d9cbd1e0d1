"""Films and diffs know a tensor by what it is, whenever it was made, and whatever was done to it since."""

import copy
import itertools
import re

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim, viz
from tinygrad_edu.errors import GraphError
from tinygrad_edu.op import REGISTRY
from tinygrad_edu.viz.formulas.table import example
from tinygrad_edu.viz.graph.graph import is_number
from tinygrad_edu.viz.graph.identity import alike, same
from tinygrad_edu.viz.graph.reading import read
from tinygrad_edu.viz.graph.values import short
from tinygrad_edu.viz.pages.player import page_data


def by_key(film):
    """What each frame says of each box, by the box's name in the picture."""
    data = film.page().data
    names = {n["key"]: n["name"] for n in data["nodes"]}
    return [{names[k]: text for k, text in frame["values"].items()} for frame in data["film"]["frames"]]


def by_gradient(film):
    data = film.page().data
    names = {n["key"]: n["name"] for n in data["nodes"]}
    return [{names[k]: text for k, text in frame["grads"].items()} for frame in data["film"]["frames"]]


def sgd_step(w):
    w.data = w.data - 0.1 * w.grad.data


def write_step(w):
    with tg.no_grad():
        w -= 0.1 * w.grad


def optimizer_step(w):
    optim.SGD([w], lr=0.1).step()


def adam_step(w):
    optim.Adam([w], lr=0.1).step()


def array_step(w):
    w.data[...] = w.data - 0.1 * w.grad.data


UPDATES = [sgd_step, write_step, optimizer_step, adam_step, array_step]


@pytest.mark.parametrize("update", UPDATES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("made", ["before", "after", "inside"])
@pytest.mark.parametrize("known", [True, False], ids=["named", "unnamed"])
def test_a_film_keeps_data_and_parameters_apart(update, made, known):
    rng = np.random.default_rng(0)
    data = [rng.normal(size=(3, 3)) for _ in range(6)]
    X = tg.Tensor(data[0]) if made == "before" else None
    stores = {
        "u": tg.Tensor(rng.normal(size=(3, 3)), requires_grad=True),
        "v": tg.Tensor(np.eye(3), requires_grad=True),
    }
    if known:
        stores["u"].name, stores["v"].name = "u", "v"
    if made == "after":
        X = tg.Tensor(data[0])
    film, truth, slopes = viz.Film(), [], []
    for k in range(5):
        if made == "inside":
            X = tg.Tensor(data[k])
        loss = ((tg.tanh(X @ stores["u"]) @ stores["v"]) ** 2).mean()
        film.record(loss)
        truth.append([short(X.data), short(stores["u"].data), short(stores["v"].data), short(loss.data)])
        for w in stores.values():
            w.grad = None
        loss.backward()
        slopes.append([short(stores["u"].grad.data), short(stores["v"].grad.data)])
        for w in stores.values():
            update(w)
    frames, gradients = by_key(film), by_gradient(film)
    names = ("X", "u" if known else "stores['u']", "v" if known else "stores['v']", "loss")
    for frame, grads, values, slope in zip(frames, gradients, truth, slopes, strict=True):
        assert [frame[name] for name in names] == values
        assert [grads[name] for name in names[1:3]] == slope


def row_step(w):
    with tg.no_grad():
        w[0] = w[0] - 0.1 * w.grad[0]


@pytest.mark.parametrize("update", [*UPDATES, row_step], ids=lambda f: f.__name__)
@pytest.mark.parametrize("wrap", [lambda f: f, tg.checkpoint], ids=["plain", "checkpoint"])
def test_a_film_tells_the_first_step_with_the_numbers_of_that_step(update, wrap):
    rng = np.random.default_rng(0)
    X, u, v = (tg.Tensor(rng.normal(size=(3, 3)), requires_grad=k > 0) for k in range(3))
    layer, film, told = wrap(lambda x, w: tg.tanh(x @ w)), viz.Film(), None
    for _ in range(3):
        loss = ((layer(X, u) @ v) ** 2).mean()
        film.record(loss)
        told = told or page_data(read(loss, grads=True))
        loss.backward()
        for w in (u, v):
            update(w)
            w.grad = None
    data = film.page().data
    assert (data["nodes"], data["steps"]) == (told["nodes"], told["steps"])


def test_a_film_inside_a_class_that_the_program_cannot_see_into():
    class Trainer:
        def __init__(self):
            self.model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2))
            self.film = viz.Film()
            self.optimizers = [optim.SGD([p], lr=0.1) for p in self.model.parameters()]

        def step(self, order):
            self.loss = (self.model(np.ones((2, 2), np.float32)) ** 2).mean()
            self.film.record(self.loss)
            for o in self.optimizers:
                o.zero_grad()
            self.loss.backward()
            for k in order:
                self.optimizers[k].step()

    trainer, truth = Trainer(), []
    for order in itertools.islice(itertools.permutations(range(4)), 0, 24, 5):
        truth.append([short(p.data) for p in trainer.model.parameters()])
        trainer.step(order)
    layers = [n for n in trainer.film.first.nodes.values() if n.op is not None and n.op.name == "linear"]
    keys = [k for n in layers for k in n.inputs[1:]]  # two matrices of one shape, two rows of one shape
    for frame, values in zip(trainer.film.kept, truth, strict=True):
        assert [frame["values"][k] for k in keys] == values


@pytest.mark.parametrize("update", UPDATES, ids=lambda f: f.__name__)
def test_a_diff_across_a_step_finds_every_tensor_again(update):
    weight = tg.Tensor(np.ones((2, 2)), requires_grad=True)
    X = tg.Tensor(np.eye(2))
    before = ((X @ weight) ** 2).sum()
    before.backward()
    update(weight)
    after = ((X @ weight) ** 2).sum()
    text = str(viz.diff(before, after))
    assert "0 only in the first, 0 only in the second" in text
    assert "\n- " not in text
    assert "\n+ " not in text
    assert "value differs" in text
    assert "gradient only" not in text
    assert "weight changed after the result was computed" in text


def copied(model):
    return copy.deepcopy(model)


def loaded(model):
    other = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2))
    other.load_state_dict(model.state_dict())
    return other


@pytest.mark.parametrize("way", [copied, loaded], ids=lambda f: f.__name__)
def test_a_copy_of_a_model_is_the_same_program(way):
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2))
    x = np.ones((3, 2), np.float32)
    loss = (model(x) ** 2).mean()
    other = way(model)
    assert str(viz.diff(loss, (other(x) ** 2).mean())).endswith("no difference")
    model.load_state_dict({k: v * 2 for k, v in model.state_dict().items()})
    found = viz.diff((other(x) ** 2).mean(), (model(x) ** 2).mean())
    assert not found.only_a
    assert not found.only_b


def test_clones_and_detached_copies_stand_at_the_same_place():
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    x = tg.Tensor([3.0, 4.0])
    first = (w * x).sum()
    v = tg.Tensor(w.data.copy(), requires_grad=True)
    assert str(viz.diff(first, (v * x).sum())).endswith("no difference")


def network(order, changed=lambda t: t):
    """Three branches, built in an order, joined in another."""
    rng = np.random.default_rng(3)
    made = {}
    for k in order:
        w = tg.Tensor(np.full((2, 2), k + 1.0), requires_grad=True, name=f"w{k}")
        made[k] = tg.tanh(tg.Tensor(rng.normal(size=(1,)) * 0 + k, name=f"x{k}") @ tg.ones(1) + w.sum() * w)
    return changed(made[0]) + made[1] * made[2]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_order_of_construction_makes_no_difference(order):
    a, b = network((0, 1, 2)), network(order)
    assert str(viz.diff(a, b)).endswith("no difference")
    pairs = alike(read(a), read(b))
    assert pairs is not None
    film = viz.Film()
    film.record(a)
    film.record(b)
    first, second = film.kept
    assert first["values"] == second["values"]
    found = viz.diff(a, network(order, tg.sin))
    assert [n.op.name for n in found.only_b] == ["sin"]
    assert not found.only_a


def test_two_parameters_that_change_places_are_followed_by_their_names():
    u, v = (tg.Tensor(np.full((2, 2), k), requires_grad=True, name=n) for n, k in (("u", 1.0), ("v", 2.0)))
    found = viz.diff(u @ v, v @ u)
    assert {(p.a.name, p.b.name) for p in found.pairs if p.a.op is None} == {("u", "u"), ("v", "v")}


RECORDED = [op for op in REGISTRY.values() if op.differentiable and not op.kind.rule and not op.custom]
EXAMPLES = {op: example(op)[0] for op in RECORDED}
TWO = [
    op
    for op, arrays in EXAMPLES.items()
    if [a.dtype.kind + str(a.shape) for a in arrays[1:]] == ["f" + str(arrays[0].shape)]
]


def tensors(arrays):
    return [tg.Tensor(a, requires_grad=a.dtype.kind == "f", name=f"u{k}") for k, a in enumerate(arrays)]


X, PLACES = np.arange(1.0, 5.0).reshape(2, 2), np.zeros((2, 2), int)
ROWS, COLUMNS = {"axis": 0}, {"axis": 1}
CONSTANT = {
    "round": ([X], {"decimals": 0}, {"decimals": 1}),
    "setitem": ([X, np.float64(0.5)], {"index": (slice(1), 0)}, {"index": (slice(1), 1)}),
    "astype": ([X], {"dtype": np.dtype("f8")}, {"dtype": np.dtype("f4")}),
    "fold_border": ([X], *({"width": ((0, 0), (0, 0)), "mode": mode} for mode in ("edge", "wrap"))),
    "inner": ([X, X], {"axis": (0,)}, {"axis": (1,)}),
    "concat": ([X, X], ROWS, COLUMNS),
    "take_along_axis": ([X, PLACES], ROWS, COLUMNS),
    "put_along_axis": ([X, PLACES], ROWS | {"shape": (2, 2)}, COLUMNS | {"shape": (2, 2)}),
    **{name: ([X, PLACES[0]], ROWS, COLUMNS) for name in ("residual", "cross_entropy")},
}  # ops that draw the same attributes each time


def draws(op):
    """Inputs, attributes, and others that may differ from those."""
    if op.name in CONSTANT:
        return CONSTANT[op.name]
    arrays, first = example(op)
    return arrays, first, *(op.attributes(np.random.default_rng(seed), arrays[0].shape) for seed in range(40))


@pytest.mark.parametrize("op", [op for op in RECORDED if op.attributes], ids=str)
def test_an_attribute_that_differs_is_named(op):
    """Oracle: the attributes as they were drawn."""
    arrays, first, *others = draws(op)
    keys = set()
    for second in others:
        made = [op(*tensors(arrays), **attributes) for attributes in (first, second)]
        differ = {key for key in first.keys() | second.keys() if first.get(key) != second.get(key)}
        lines = str(viz.diff(*made)).splitlines()
        found = {key for key in first for line in lines if re.search(rf"^~ .*[:;] {key} .* became ", line)}
        assert found == differ
        keys |= differ
    assert keys


@pytest.mark.parametrize("op", TWO, ids=str)
@pytest.mark.parametrize("inner", [lambda u: u, tg.tanh, lambda u: u * 1.0], ids=["leaves", "results", "products"])
def test_inputs_that_change_places_are_named_where_the_numbers_are_the_same(op, inner):
    array, attributes = EXAMPLES[op][0], example(op)[1]

    def made(swapped):
        u, v = tensors([array, array])
        u, v = inner(u), inner(v)
        return op(*((v, u) if swapped else (u, v)), **attributes)

    assert str(viz.diff(made(False), made(False))).endswith("no difference")
    text = str(viz.diff(made(False), made(True)))
    assert re.search(r"^~ .*: (.*; )?inputs (\S+), (\S+) for \3, \2(;|$)", text, re.MULTILINE)


def test_inputs_are_named_as_the_second_graph_names_them():
    b, c = (tg.Tensor(np.eye(2), requires_grad=True) for _ in range(2))
    assert "~ t1 = c @ b: inputs c, b for b, c" in str(viz.diff(b @ c, c @ b))
    assert "inputs t1, t2 for t2, t1" in str(viz.diff(tg.tanh(b) @ tg.tanh(c), tg.tanh(c) @ tg.tanh(b)))
    assert "inputs b, c for b, b" in str(viz.diff(b @ b + c, b @ c + c))
    first, second = tg.compile(lambda b, c: b @ c), tg.compile(lambda b, c: c @ b)
    assert str(first(b, c)) == str(second(b, c))
    assert "inputs v1, v0 for v0, v1" in str(viz.diff(first.program, second.program))


@pytest.mark.parametrize("same", [np.ones(2), np.nan, (1, np.nan), {"k": [np.zeros(2)]}, len, slice(1, None), "text"])
def test_settings_of_an_operation_of_ones_own_are_compared_by_what_they_are(same):
    op = tg.custom_op("identity_probe", lambda x, setting: x * 1, lambda g, y, x, setting: g)
    try:
        x = tg.Tensor([1.0, 2.0], requires_grad=True)
        assert str(viz.diff(op(x, setting=same), op(x, setting=copy.deepcopy(same)))).endswith("no difference")
        assert "setting " in str(viz.diff(op(x, setting=same), op(x, setting=(same, 2))))
        assert "setting " in str(viz.diff(op(x, setting=np.zeros(3)), op(x, setting=same)))
        big = np.zeros(5000)
        other = big.copy()
        other[2500] = 1
        assert "setting differs" in str(viz.diff(op(x, setting=big), op(x, setting=other)))
    finally:
        del REGISTRY["identity_probe"]


def test_steps_of_a_loop_that_come_and_go():
    w = tg.Tensor(np.eye(2) / 2, requires_grad=True)

    def run(steps, extra=False):
        h = tg.Tensor(np.ones((1, 2)))
        for k in range(steps):
            h = tg.tanh(h @ w)
            h = tg.sin(h) if extra and k == 1 else h
        return h.sum()

    longer = viz.diff(run(3), run(5))
    assert [n.op.name for n in longer.only_b] == ["matmul", "tanh"] * 2
    assert not longer.only_a
    inserted = viz.diff(run(3), run(3, extra=True))
    assert [n.op.name for n in inserted.only_b] == ["sin"]
    film = viz.Film()
    film.record(run(3))
    for other in (run(4), run(3, extra=True)):
        with pytest.raises(GraphError, match="every step must record the same graph"):
            film.record(other)


def test_several_results_are_matched_one_by_one():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)

    def both(first):
        parts = {}
        for name in ("a", "b") if first == "a" else ("b", "a"):
            parts[name] = tg.sin(x) * 2 if name == "a" else tg.cos(x) * 3
        return parts["a"], parts["b"]

    assert str(viz.diff(both("a"), both("b"))).endswith("no difference")
    a, b = read(both("a")), read(both("b"))
    pairs = same(a, b)
    assert [pairs[k] for k in a.outputs] == list(b.outputs)


def test_the_same_picture_after_a_step():
    layer = nn.Linear(2, 2)
    x = tg.Tensor(np.ones((1, 2), np.float32))
    bias_like = tg.Tensor(np.ones(2, np.float32), requires_grad=True)

    def keys():
        graph = read((layer(x) * bias_like).sum())
        return [(n.key, n.name, n.inputs) for n in graph.nodes.values() if not is_number(n)]

    before = keys()
    for p in (bias_like, layer.bias, layer.weight):
        p.data = p.data * 2
        assert keys() == before


def test_a_frame_says_what_its_formulas_do_not():
    w, film = tg.Tensor(1.0, requires_grad=True), viz.Film()
    for k in range(3):
        loss = w * (k + 2.0)
        film.record(loss)
    assert [f["notice"] for f in film.kept] == ["", *(f"In loss = w * 2, 2 is {k} at this step." for k in (3, 4))]
    film = viz.Film()
    loss = w * 2
    w.data = w.data * 5
    film.record(loss)
    assert "w changed after the result was computed" in film.kept[0]["notice"]
    assert film.kept[0]["grads"] == {}


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_a_loss_that_is_no_number_is_said_to_be_none(loss):
    w, film = tg.Tensor(loss, requires_grad=True), viz.Film()
    film.record(w * 1)
    assert film.kept[0]["loss"] is None
    assert film.kept[0]["loss_text"] == str(loss)
