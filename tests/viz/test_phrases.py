"""What is worked out once for steps that are alike is what each of them says by itself; large graphs fold."""

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
from tinygrad_edu.viz.pages.phrases import TYPESET
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
