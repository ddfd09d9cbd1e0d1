"""Large graphs: nothing is lost by folding, repetitions are found, and both kinds of drawing are quick."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import nn, viz
from tinygrad_edu.viz.formulas.mathematics import symbol
from tinygrad_edu.viz.graph.graph import is_number
from tinygrad_edu.viz.graph.reading import read
from tinygrad_edu.viz.pictures.fold import repetition, view

from .test_draw import Net


def lstm(steps, hidden=3):
    rng = np.random.default_rng(0)
    W, U = (tg.Tensor(rng.normal(size=(hidden, 4 * hidden)), requires_grad=True) for _ in range(2))
    b = tg.Tensor(np.zeros(4 * hidden), requires_grad=True)
    x = tg.Tensor(rng.normal(size=(2, steps, hidden)), requires_grad=True)
    h = c = tg.zeros((2, hidden), dtype=np.float64)
    for t in range(steps):
        z = x[:, t] @ W + h @ U + b
        i, f, o, g = (z[:, k * hidden : (k + 1) * hidden] for k in range(4))
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
    return (h * h).sum()


def random_graph(seed, size):
    rng = np.random.default_rng(seed)
    pool = [tg.Tensor(1.0, requires_grad=True) for _ in range(3)]
    for _ in range(size):
        a, b = (pool[int(rng.integers(len(pool)))] for _ in range(2))
        pool.append([tg.sin, tg.tanh, lambda x, b=b: x * b, lambda x, b=b: x + b][int(rng.integers(4))](a))
    return sum(pool[-5:], tg.Tensor(0.0))


def work():
    """CPU seconds so far, of this process and of those it started: what else the machine runs does not count."""
    return sum(os.times()[:4])


def check_nothing_is_lost(graph, seen):
    place = {k: key for key, box in seen.boxes.items() for keys in box.rounds for k in keys}
    drawn = [k for k, n in graph.nodes.items() if not is_number(n)]
    assert sorted(place) == sorted(drawn)
    assert sum(box.size for box in seen.boxes.values()) == len(drawn)
    arrows = {(a.source, a.user) for a in seen.arrows}
    for source, user, _ in graph.edges():
        if source in place and place[source] != place[user]:
            assert (place[source], place[user]) in arrows
    position = {key: i for i, key in enumerate(seen.boxes)}
    for a in seen.arrows:
        assert a.loop or position[a.source] < position[a.user]


@given(seed=st.integers(0, 10**6), size=st.integers(1, 120), budget=st.integers(3, 60))
def test_folding_keeps_every_tensor_and_every_use(seed, size, budget):
    graph = read(random_graph(seed, size))
    seen = view(graph, budget=budget)
    check_nothing_is_lost(graph, seen)
    assert len(seen.boxes) <= max(budget, 1)


@pytest.mark.parametrize("steps", [2, 5, 40])
def test_time_steps_become_one_with_a_count(steps):
    graph = read(lstm(steps))
    seen = view(graph, budget=30)
    check_nothing_is_lost(graph, seen)
    assert len(seen.boxes) <= 30
    if steps > 2:
        assert any(label in (f"× {steps}", f"× {steps - 1}") for label in seen.labels.values())
        assert any(a.loop for a in seen.arrows)
        assert "tensors drawn as" in seen.notices[0]
        assert f"× {steps}" in viz.draw(lstm(steps), budget=30).source


@given(
    st.lists(st.integers(0, 3), max_size=6, unique=True),
    st.lists(st.integers(0, 9), min_size=1, max_size=5),
    st.integers(6, 12),
)
def test_a_repetition_is_found_whatever_stands_around_it(before, part, count):
    start, period, found = repetition([100 + v for v in before] + part * count + [200])
    assert period * found >= len(part) * (count - 1)
    assert start >= len(before)


def test_no_repetition_in_what_does_not_repeat():
    assert repetition(list(range(50)))[2] == 0


def test_modules_fold_by_depth():
    graph = read(Net(), (np.ones((5, 3)),))
    opened, folded = view(graph, depth=1), view(graph, depth=0)
    check_nothing_is_lost(graph, folded)
    assert len(folded.boxes) < len(opened.boxes)
    titles = [box.title for box in folded.boxes.values() if box.title]
    assert titles == ["first: 1 operation", "second: 1 operation"]
    assert "cluster" not in viz.draw(Net(), np.ones((5, 3))).source  # a frame around one box says nothing


def test_the_layers_of_nn_are_named_by_their_paths():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    source = viz.draw(model, np.ones((5, 3), dtype=np.float32)).source
    for name in ("0.weight", "2.bias"):
        assert f"<b>{name}</b>" in source
    graph = read(model, (np.ones((5, 3), dtype=np.float32),))
    assert {n.module for n in graph.nodes.values() if n.op} >= {("0",), ("2",)}


def test_ten_thousand_nodes_are_drawn_in_five_seconds(tmp_path):
    loss = lstm(600)
    before = work()
    picture = viz.draw(loss)
    picture.save(tmp_path / "x.svg")
    assert len(picture.graph.nodes) > 10_000
    assert work() - before < 5


def test_ten_thousand_nodes_that_do_not_repeat(tmp_path):
    loss = random_graph(0, 10_000)
    before = work()
    viz.draw(loss).save(tmp_path / "x.svg")
    assert work() - before < 5


def test_a_thousand_nodes_unfolded_in_ten_seconds(tmp_path, capfd):
    loss = lstm(60)
    before = work()
    picture = viz.draw(loss, budget=None, detail="ops")
    assert len(picture.graph.nodes) > 1000
    picture.save(tmp_path / "x.svg")
    assert work() - before < 10
    assert picture.source.count('style="filled,rounded,dashed"') > 60  # shared weights, where they are used


@pytest.mark.parametrize(("overlay", "words"), [
    ("time", "µs"), ("memory", "B"), ("flops", "flop"), ("gradient", "gradient size"),
])  # fmt: skip
def test_overlays_colour_every_operation_and_say_what_they_mean(overlay, words):
    x = tg.Tensor(np.ones((8, 5)), requires_grad=True)
    picture = viz.draw((tg.tanh(x @ np.ones((5, 2))) ** 2).sum(), overlay=overlay)
    assert picture.source.count(words) >= 4


def test_flops_of_a_product_are_two_for_each_multiplication():
    from tinygrad_edu.viz.pictures.overlays import flops

    graph = read(tg.Tensor(np.ones((8, 5)), requires_grad=True) @ np.ones((5, 2)))
    assert flops(graph, graph.nodes[graph.outputs[0]]) == 2 * 8 * 5 * 2


def test_the_path_of_bad_numbers_is_red_and_the_good_one_is_not():
    x = tg.Tensor(np.array([0.0, 1.0]), requires_grad=True)
    with np.errstate(all="ignore"):
        y, good = tg.log(x), x + 1
        z = y * 0 + good
    from tinygrad_edu.viz.pictures.overlays import nonfinite

    graph = read(z)
    paint = nonfinite(graph, {k: [k] for k in graph.nodes})
    assert {graph.nodes[k].name for k in paint.path} >= {"y", "z"}
    assert "good" not in {graph.nodes[k].name for k in paint.path}
    assert "first in the forward pass: y = log(x)" in paint.legend


def test_diff_finds_what_was_changed_and_nothing_else():
    def model(dtype, act):
        rng = np.random.default_rng(1)
        x = tg.Tensor(rng.normal(size=(4, 3)), dtype=dtype)
        w = tg.Tensor(rng.normal(size=(3, 2)), dtype=dtype, requires_grad=True)
        return (act(x @ w) ** 2).sum()

    assert str(viz.diff(model("float64", tg.tanh), model("float64", tg.tanh))).endswith("no difference")
    precision = viz.diff(model("float32", tg.tanh), model("float64", tg.tanh), rtol=1e-12)
    assert all("float32 became float64" in p.notes for p in precision.changed if p.a.op)
    assert max(p.value for p in precision.changed) < 1e-5
    other = viz.diff(model("float64", tg.tanh), model("float64", tg.sigmoid))
    assert [n.op.name for n in other.only_a] == ["tanh"]
    assert [n.op.name for n in other.only_b] == ["sigmoid"]
    source = other.draw().source
    assert "tanh" in source
    assert "dashed" in source


def test_repeated_blocks_are_framed_inside_what_holds_them_and_around_what_they_hold():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            return x + tg.tanh(self.fc(x))

    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.Sequential(*[Block() for _ in range(24)])
            self.head = nn.Linear(4, 1)

        def forward(self, x):
            return self.head(self.blocks(x))

    graph = read(Deep(), (np.ones((2, 4), dtype=np.float32),))
    seen = view(graph, budget=20)
    check_nothing_is_lost(graph, seen)
    names = {tuple(seen.labels[f] for f in box.frames) for box in seen.boxes.values() if seen.node(box).op}
    assert names == {("blocks", "× 24", "0", "fc"), ("blocks", "× 24", "0"), ("head",)}
    folded = view(graph, depth=1, budget=8)
    check_nothing_is_lost(graph, folded)
    assert ("blocks", "× 24") in {tuple(folded.labels[f] for f in box.frames) for box in folded.boxes.values()}
    assert viz.draw(Deep(), np.ones((2, 4), dtype=np.float32), depth=0).source.count("operation") >= 1


def test_an_input_of_the_program_is_not_folded_into_the_module_that_uses_it():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
    graph = read(lambda x: model(x).sum(), (np.ones((5, 3)),))
    assert [box.title for box in view(graph, depth=0).boxes.values()][:2] == ["", "Sequential: 3 operations"]


@given(
    st.lists(st.integers(0, 3), max_size=12),
    st.lists(st.integers(0, 3), max_size=12),
    st.lists(st.integers(0, 3), max_size=12),
)
def test_the_stretches_of_two_sequences_cover_both(start, a, b):
    from tinygrad_edu.viz.graph.identity import stretches

    a, b = start + a + start, start + b + start
    found = list(stretches(a, b))
    assert [v for _, i, j, _, _ in found for v in a[i:j]] == a
    assert [v for _, _, _, k, m in found for v in b[k:m]] == b
    assert all(a[i:j] == b[k:m] for same, i, j, k, m in found if same)
    assert sum(j - i for same, i, j, _, _ in found if same) >= 2 * len(start)


def test_ten_thousand_nodes_are_compared_in_five_seconds():
    y = tg.Tensor(0.5, requires_grad=True)
    for _ in range(10_000):
        y = tg.sin(y)
    before = work()
    assert str(viz.diff(y, y)).endswith("no difference")
    assert work() - before < 5


def rnn(steps, layers=1):
    rng = np.random.default_rng(0)
    W, U = (tg.Tensor(rng.normal(size=(3, 3)), requires_grad=True) for _ in "WU")
    h = tg.zeros((2, 3), dtype="float64")
    for _ in range(layers):
        h = tg.exp(h) if layers > 1 else h
        for _ in range(steps):
            h = tg.tanh(tg.Tensor(rng.normal(size=(2, 3))) @ W + h @ U)
    return (h * h).mean()


@pytest.mark.parametrize(("steps", "layers", "budget"), [(40, 1, 14), (20, 1, 14), (6, 5, 40), (3, 9, 40)])
def test_a_folded_box_says_which_round_it_shows_and_shows_no_other(steps, layers, budget):
    graph = read(rnn(steps, layers), grads=True)
    seen = view(graph, budget=budget)
    check_nothing_is_lost(graph, seen)
    folded = [box for box in seen.boxes.values() if len(box.rounds) > 1]
    assert folded
    source = viz.draw(rnn(steps, layers), budget=budget, detail="gradients").source
    for box in folded:
        assert len(box.turns) == len(box.rounds) == np.prod([seen.counts[run] for run in box.runs])
        assert len({tuple(sorted(turn.items())) for turn in box.turns}) == len(box.turns)
        node = seen.node(box)
        assert f"{symbol(node.name)}, {seen.turn(box)}" in source
        assert all(
            f"round {turn[run] + 1} of " in seen.turn(box, k) for k, turn in enumerate(box.turns) for run in turn
        )
    frames = {}
    for box in folded:  # what stands in one frame is of one round
        frames.setdefault(box.frames, set()).add(seen.turn(box))
    assert all(len(turns) == 1 for turns in frames.values())


def test_numbers_of_a_folded_box_are_those_of_its_round():
    graph = read(rnn(40), grads=True)
    seen = view(graph, budget=14)
    for box in seen.boxes.values():
        node = seen.node(box)
        assert node is graph.nodes[box.rounds[0][-1]]
        if len(box.rounds) > 1:
            values = [graph.nodes[keys[-1]].value for keys in box.rounds]
            assert not any(np.array_equal(node.value, v) for v in values[1:])


def test_a_sum_over_rounds_is_called_one():
    picture = viz.draw(rnn(40), budget=14, detail="formulas", backward=True).source
    rounds = max(int(label[2:]) for label in view(read(rnn(40)), budget=14).labels.values())
    assert f"sum over {rounds} rounds" in picture
    assert "in round 1<" in picture
    assert f", sum over {rounds} rounds" in viz.draw(rnn(40), budget=14, overlay="flops").source
    assert "rounds" not in viz.draw(rnn(2), detail="formulas").source


def test_bad_numbers_of_later_rounds_are_not_hidden():
    h = w = tg.Tensor(2.0, requires_grad=True)
    with np.errstate(all="ignore"):
        for _ in range(40):
            h = tg.square(tg.sin(h) * w + h * h)
    assert "values are not finite" in viz.draw(h, budget=10, overlay="nonfinite").source


def test_a_module_that_runs_in_rounds_is_folded_round_by_round():
    class Again(nn.Module):
        def __init__(self):
            self.step = nn.Sequential(nn.Linear(3, 3), nn.Tanh())

        def forward(self, x):
            for _ in range(30):
                x = self.step(x)
            return x

    graph = read(Again(), (np.ones((2, 3), np.float32),), grads=True)
    for depth, budget in ((None, 12), (None, 3), (0, 5), (1, 8)):
        seen = view(graph, depth=depth, budget=budget)
        check_nothing_is_lost(graph, seen)
        assert all(len(box.turns) == len(box.rounds) for box in seen.boxes.values())
        for box in seen.boxes.values():
            seen.turn(box)
