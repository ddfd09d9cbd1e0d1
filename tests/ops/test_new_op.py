"""One declaration is all that a new op needs: every reading of the graph picks it up."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import viz
from tinygrad_edu.domain import REAL


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
