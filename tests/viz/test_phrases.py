"""What is worked out once for steps that are alike is what each of them says by itself; large graphs fold."""

import sys

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, viz
from tinygrad_edu.viz.formulas.mathml import tree
from tinygrad_edu.viz.formulas.notation import plain
from tinygrad_edu.viz.graph.graph import is_number
from tinygrad_edu.viz.graph.local import gradient_name
from tinygrad_edu.viz.graph.reading import read
from tinygrad_edu.viz.graph.steps import backward, forward
from tinygrad_edu.viz.graph.values import Texts, short
from tinygrad_edu.viz.pages.phrases import SIGN, TYPESET
from tinygrad_edu.viz.pages.storyboard import Storyboard
from tinygrad_edu.viz.pages.views import MOST, WIDE

from .test_player import GRAPHS


def odd_names():
    """Names of other lengths, one of them like a step of a long formula; tensors that are used twice in one operation."""
    u1, a_long_one = (tg.Tensor(v, requires_grad=True, name=n) for v, n in ((2.0, "u1"), (-1.5, "a_long_one")))
    total = u1 * a_long_one
    for k in range(6):
        total = tg.sigmoid(total * total + u1 / (k % 2 + 2)) + a_long_one**2 - tg.where(total > 0.5, total, u1)
    return total


def layers():
    x = tg.Tensor(np.linspace(-1, 1, 12).reshape(4, 3), requires_grad=True, name="x")
    model = nn.Sequential(nn.Linear(3, 3, dtype="float64"), nn.Tanh(), nn.LayerNorm(3, dtype="float64"))
    for _ in range(3):
        x = model(x) * x[:, :1] + x.T[0, 1:3].sum()
    return (x[np.array([0, 2, 2])] ** 2).mean()


PROGRAMS = {"odd names": odd_names, "layers": layers} | {
    name: (lambda f=f, xs=xs: f(*(tg.Tensor(x, requires_grad=True) for x in xs))) for name, (f, xs) in GRAPHS.items()
}


def named(part, names):
    """A tree with names in place of their numbers."""
    if not isinstance(part, list):
        return part
    if part and part[0] == "n":
        return ["n", names.get(part[1], part[1])]
    return [named(p, names) for p in part]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_step_says_what_it_would_say_alone(name):
    graph = read(PROGRAMS[name](), grads=True)
    board = Storyboard(graph, Texts())
    back = [s for s in backward(graph) if not is_number(s.source)]
    told = [s for s in board.steps if s["phase"] == "backward"]
    assert len(back) == len(told)
    for s, t in zip(back, told, strict=True):
        assert (t["formula"], t["shapes"], t["note"]) == (s.local.text, s.local.shapes, s.local.note)
        names = dict(enumerate(graph.nodes[k].name for k in s.user.inputs))
        names |= {-1: s.user.name, -2: gradient_name(s.user)}
        trees = board.mathematics[t["told"]]
        if s.local.formula.size() <= TYPESET:
            assert named(trees["formula"], names) == tree(s.local.formula)
        assert (s.derivative is None) == (t["derivative"] is None)
        if s.derivative is not None:
            assert t["derivative_formula"] == plain(s.derivative)[:120]
            assert t["derivative"] == short(s.derivative.value)
            assert named(trees["derivative"], names) == tree(s.derivative)
    for s, t in zip(forward(graph), board.steps, strict=False):
        names = dict(enumerate(graph.nodes[k].name for k in s.node.inputs)) | {-1: s.node.name}
        assert named(board.mathematics[t["told"]]["formula"], names) == tree(graph.formula(s.node))


def test_alike_steps_share_their_formulas():
    x = tg.Tensor(0.5, requires_grad=True, name="x")
    y = x
    for _ in range(1000):
        y = tg.sin(y)
    page = viz.player(y)
    assert len(page.data["mathematics"]) < 20
    assert len(page.html()) < 500_000


def test_a_large_graph_is_given_whole_in_frames_that_hold_few():
    x = tg.Tensor(0.5, requires_grad=True, name="x")
    y = x
    for k in range(2500):
        y = tg.sin(y) if k % 3 else y * x
    whole = viz.player(y).data["views"][0]
    assert len(whole["boxes"]) == 2501 > MOST
    inside = {}
    for path in [tuple(f["path"]) for f in whole["frames"]] + [(*b["path"], b["key"]) for b in whole["boxes"]]:
        inside.setdefault(path[:-1], []).append(path[-1])
    assert all(len(found) <= WIDE + 1 for found in inside.values())  # with the parameter, which stands at its users
    order = [int(b["key"][1:]) for b in whole["boxes"]]
    assert order == sorted(order)


def stacked(n):
    """One operation with many inputs, which are one kind of operation each."""
    return tg.stack([tg.sin(tg.Tensor(float(k), requires_grad=True)) for k in range(n)]).sum()


def scattered(n):
    """Operations on tensors that are drawn at random, all of which end in one."""
    rng = np.random.default_rng(0)
    made = [tg.Tensor(v, requires_grad=True) for v in rng.normal(size=4)]
    for _ in range(n):
        a, b = (made[k] for k in rng.integers(0, len(made), 2))
        made.append([a + b, a * b, tg.tanh(a), a - b][rng.integers(4)])
    return tg.stack(made).sum()


def calls(make, n):
    """How many functions are called while a page is made: what it costs, whatever the machine."""
    x, count = make(n), 0

    def called(frame, event, argument):
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        viz.player(x).html()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.slow
@pytest.mark.parametrize("make", [stacked, scattered])
def test_a_page_of_twice_as_many_operations_costs_twice_as_much(make):
    few, more, most = (calls(make, n) for n in (150, 300, 600))
    assert most - more < 2.5 * (more - few)  # 2 where the cost is linear, 4 where it is quadratic


def test_names_stand_for_as_many_signs_as_there_are_inputs():
    page = viz.player(stacked(1200))
    texts = [s["text"] + s.get("formula", "") for s in page.data["steps"]]
    assert all("\\U" not in text and not SIGN.search(text) for text in texts)
    assert [s["formula"] for s in page.data["steps"] if s["phase"] == "backward"][1:3] == [
        "dt1 += dt1201[0]",
        "dt2 += dt1201[1]",
    ]
