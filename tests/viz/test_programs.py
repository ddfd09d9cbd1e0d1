"""Programs of compiled functions as pictures, and two of them compared."""

import re

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import nn, viz
from tinygrad_edu.program.program import Program


def program(f, *inputs):
    compiled = tg.compile(f)
    compiled(*inputs)
    return compiled.program


def layer(activation):
    w = tg.Tensor(np.ones((3, 2)), requires_grad=True)
    return program(lambda x: (activation(x @ w) ** 2).mean(), tg.ones((4, 3)))


def test_each_step_is_a_box_with_its_type_and_its_uses_are_arrows():
    found = layer(tg.tanh)
    picture = tg.draw(found)
    for step in found.steps:
        assert f"<b>{step.result} = {step.primitive}(" in picture.source.replace("<b>keepdims", "")
    uses = sum(len(step.uses) for step in found.steps)
    assert picture.source.count(" -> ") == uses
    assert picture.source == tg.draw(Program.from_json(found.to_json())).source
    fills = dict(re.findall(r"<b>v\d+ = (\w+)\(.*?fillcolor=\"(#\w+)\"", picture.source))
    assert fills["tanh"] == fills["square"] != fills["matmul"]


def test_a_long_program_is_folded_and_fits_the_page():
    cell = nn.RNNCell(2, 3)

    def steps(x):
        h = tg.zeros((1, 3))
        for t in range(40):
            h = cell(x[t], h)
        return h.sum()

    picture = tg.draw(program(steps, tg.ones((40, 1, 2))), budget=30)
    assert picture.source.count("[label=") < 60
    assert picture.svg().startswith("<svg")


def test_two_programs_differ_where_other_steps_are():
    assert str(viz.diff(layer(tg.tanh), layer(tg.tanh))).endswith("no difference")
    difference = viz.diff(layer(tg.tanh), layer(tg.exp))
    assert [n.primitive for n in difference.only_a] == ["tanh"]
    assert [n.primitive for n in difference.only_b] == ["exp"]
    assert "dashed" in difference.draw().source
