"""One declaration is all that a new op needs: every reading of the graph picks it up."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import ops, viz
from tinygrad_edu.domain import REAL
from tinygrad_edu.viz.formulas.formula import Formula


@pytest.fixture
def softsign():
    return tg.custom_op(
        "softsign",
        lambda x: x / np.sqrt(1 + x * x),
        lambda g, y, x: g * (1 - y * y) ** 1.5,
        kind="elementwise",
        domain=(REAL,),
    )


def test_one_declaration_is_enough(softsign):
    x = np.array([-1.0, 0.0, 2.0])
    first, second = (1 + x * x) ** -1.5, -3 * x * (1 + x * x) ** -2.5
    f = lambda x: softsign(x).sum()
    np.testing.assert_allclose(tg.grad(f)(x).data, first)
    np.testing.assert_allclose(np.diag(tg.hessian(f)(x).data), second)
    np.testing.assert_allclose(tg.jvp(softsign, (x,), (np.ones(3),))[1].data, first)
    np.testing.assert_allclose(tg.vmap(tg.grad(softsign))(x).data, first)
    h = 1e-30  # and on complex arrays
    np.testing.assert_allclose(softsign(x + 1j * h).imag / h, first)


def test_it_is_drawn_and_listed(softsign):
    y = softsign(tg.Tensor([1.0], requires_grad=True, name="x"))
    assert "softsign" in tg.draw(y).source
    row = next(row for row in viz.op_table() if row.name == "softsign")
    assert row.gradients == ("dx = g * (1 - y * y) ** 1.5",)


def test_the_registry_tests_draw_calls_of_it(softsign):
    from hypothesis import given, settings

    from tinygrad_edu.testing.properties.calls import calls

    seen = []

    @given(calls(softsign))
    @settings(max_examples=5)
    def collect(call):
        seen.append(call)

    collect()
    assert seen


def test_an_op_that_broadcasts_says_so(softsign):
    plain = tg.custom_op("scaled", lambda a, b: a * b, (lambda g, y, a, b: g * b, lambda g, y, a, b: g * a))
    with pytest.raises(tg.errors.GraphError, match="scaled: its rule must give a gradient of its input's shape"):
        tg.grad(lambda a: plain(a, np.ones(3)).sum())(1.0)


def test_what_is_known_of_it_stands_in_its_declaration():
    halved = tg.custom_op(
        "halved", lambda x: x / 2 + 0 * np.sqrt(x - 1), lambda g, y, x: 0 * g, domain=(REAL,), latex=r"\frac{#1}{2}",
        flops=lambda y, x: 7, advice="keep x above 1", blocks=("asleep", "halved sleeps; wake it"),
    )  # fmt: skip
    row = next(row for row in viz.op_table() if row.name == "halved")
    assert row.value_latex == r"\frac{x}{2}"
    x = tg.Tensor([2.0], requires_grad=True, name="x")
    loss = halved(x).sum()
    loss.backward()
    answer = tg.why(x)
    assert (answer.reason, "wake it" in str(answer)) == ("asleep", True)
    assert "7 flop" in tg.draw(loss, overlay="flops").source
    with pytest.raises(FloatingPointError, match="keep x above 1"), tg.detect_anomaly():
        halved(tg.Tensor([0.0], requires_grad=True)).sum()
    with pytest.raises(ValueError, match="odd: kind must be one of elementwise, reduce, .*; got 'odd'; leave it out"):
        tg.custom_op("odd", np.sin, kind="odd")


@pytest.mark.parametrize(("template", "text"), [
    ("#1 + #2", "a - 1 + b - 1"), ("#1 - #2", "a - 1 - (b - 1)"), (r"#1 \, #2", r"(a - 1) \, (b - 1)"),
    ("#1^{#2}", "(a - 1)^{b - 1}"), (r"\frac{#1}{#2}", r"\frac{a - 1}{b - 1}"), (r"\cap", r"\cap(a - 1, b - 1)"),
    (r"\left|#1\right| \cdot #2", r"\left|a - 1\right| \cdot (b - 1)"), ("[#2 > #1]", "[b - 1 > a - 1]"),
])  # fmt: skip
def test_its_latex_gets_the_parentheses_that_it_needs(template, text):
    op = tg.custom_op("typeset", lambda a, b: a + b, kind="elementwise", domain=(REAL, REAL), latex=template)
    one, two = Formula(value=np.array(1)), np.array(2.0)
    a, b = (Formula("", ops.subtract, (Formula(name, value=two), one), {}, two - 1) for name in "ab")
    assert Formula("", op, (a, b), {}, two).latex() == text
