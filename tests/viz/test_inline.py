"""Formulas in one box, the command line, and notebooks."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import nn, ops, viz
from tinygrad_edu.cli.explain import main
from tinygrad_edu.op import REGISTRY
from tinygrad_edu.viz.graph.graph import is_number
from tinygrad_edu.viz.graph.local import local
from tinygrad_edu.viz.graph.reading import read
from tinygrad_edu.viz.notebook import load_ipython_extension, module_html, op_html, tensor_html
from tinygrad_edu.viz.pictures.inline import inline


def network(X, Y, W1, b1, W2, b2):
    Z1 = W1 @ X + b1
    A1 = tg.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = tg.sigmoid(Z2)
    J = ((A2 - Y) ** 2).mean()
    return J


def inputs():
    rng = np.random.default_rng(0)
    shapes = [(2, 5), (1, 5), (4, 2), (4, 1), (1, 4), (1, 1)]
    return tuple(rng.normal(size=s) for s in shapes)


def test_boxes_read_as_the_program_was_written():
    graph = inline(read(network, inputs(), grads=True))
    titles = [n.title for n in graph.nodes.values() if n.op]
    assert titles == [
        "Z1 = W1 @ X + b1", "A1 = tanh(Z1)", "Z2 = W2 @ A1 + b2", "A2 = sigmoid(Z2)",
        "J = sum((A2 - Y) ** 2, axis=(0, 1)) / 5",
    ]  # fmt: skip


def test_the_backward_equations_of_the_course():
    graph = inline(read(network, inputs(), grads=True))
    found = {}
    for n in graph.nodes.values():
        for i, k in enumerate(n.inputs):
            back = local(graph, n, i)
            if back is not None:
                found[graph.nodes[k].name] = (back.text, back.note)
    assert found["W2"] == ("dW2 += dZ2 @ A1.T", "")
    assert found["b2"] == (
        "db2 += sum(dZ2, axis=1, keepdims=True)",
        "sum over axis 1, because b2 (1,1) was broadcast to (1,5)",
    )
    assert found["A1"] == ("dA1 += W2.T @ dZ2", "")
    assert found["Z1"] == ("dZ1 += dA1 * (1 - A1 * A1)", "")
    assert found["W1"] == ("dW1 += dZ1 @ X.T", "")
    assert found["b1"][0] == "db1 += sum(dZ1, axis=1, keepdims=True)"


@given(seed=st.integers(0, 10**6), size=st.integers(1, 20))
def test_composed_formulas_add_up_to_the_engines_gradients(seed, size):
    rng = np.random.default_rng(seed)
    pool = [
        tg.Tensor(rng.normal(size=s), requires_grad=True, name=f"w{k}") for k, s in enumerate([(2, 3), (3,), (1,), ()])
    ]
    for _ in range(size):
        p, q = (pool[int(rng.integers(len(pool)))] for _ in range(2))
        pool.append([p + q, p * q, tg.tanh(p), p - q, p.sum(), tg.sin(p) * q][int(rng.integers(6))])
    graph = read(sum((t.sum() for t in pool[-3:]), tg.Tensor(0.0, dtype="float64")), grads=True)
    small = inline(graph)
    sums = {}
    for n in small.nodes.values():
        for i, k in enumerate(n.inputs):
            back = local(small, n, i)
            if back is not None:
                sums[k] = sums.get(k, 0) + back.value
    for key, total in sums.items():
        np.testing.assert_allclose(total, small.nodes[key].grad, rtol=1e-9, atol=1e-9)
    shown = [n for n in small.nodes.values() if n.op is not None]
    assert all(len(n.title) < 80 for n in shown)
    assert {k for k, n in graph.nodes.items() if n.op is None and not is_number(n)} <= set(small.nodes)


def test_the_command_line(tmp_path, capsys):
    page, picture = tmp_path / "x.html", tmp_path / "x.svg"
    assert main(["a*b + tanh(c)", "a=2", "b=-3", "c=1", "--html", str(page), "--svg", str(picture)]) == 0
    said = capsys.readouterr().out
    assert "dout/da = dout/dt1 * dt1/da = 1 * (-3) = -3     dt1/da = b" in said
    assert f"wrote {page}" in said
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert picture.read_bytes().startswith(b"<?xml")
    main(["-a*b", "a=2", "b=3"])
    assert "out = t1 * b = -2 * 3 = -6" in capsys.readouterr().out
    main(["--markdown", "a**2", "a=3"])
    assert r"\frac{\partial" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["a*b", "a=2"], "every name must have a value; 'b' has none; add b=1"),
        (["a +", "a=2"], "must be an expression"),
        (["a", "a=two"], "values must be written name=number; got 'a=two'"),
        (["2 + 3"], "the expression must use a name"),
        (["__import__('os').system('true')"], "must be names, numbers, operators and functions"),
        (["open(a)", "a=1"], "functions must be elementwise operations; got 'open'"),
        (["a.data", "a=1"], "must be names, numbers, operators and functions"),
        (["sin(a, b)", "a=1", "b=2"], "sin must be given 1 arguments; got 2 in 'sin(a, b)'"),
        (["a*2", "a=1", "--svg", "picture.bmp"], "the format must be one of svg, png, pdf"),
        (["a*2", "a=1", "--html", "/dev/null/x.html"], "exists"),
    ],
)
def test_the_command_line_refuses(argv, words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


def test_notebooks_show_tensors_modules_and_operations():
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="<b>x</b>")
    (x * x).sum().backward()
    text = tensor_html(x)
    assert "[2 4]" in text
    assert "<b>" not in text
    assert "g * (1 - y * y)" in op_html(ops.tanh)
    assert "0.weight" in module_html(nn.Sequential(nn.Linear(2, 3)))

    class Formatter:
        def __init__(self):
            self.types = []

        def for_type(self, kind, f):
            self.types.append(kind.__name__)

        def for_type_by_name(self, module, name, f):
            assert hasattr(__import__(module, fromlist=[name]), name)
            self.types.append(name)

    formatter = Formatter()
    load_ipython_extension(SimpleNamespace(display_formatter=SimpleNamespace(formatters={"text/html": formatter})))
    assert set(formatter.types) == {"Op", "Tensor", "Parameter", "Module"}


def test_without_viz_a_notebook_shows_plain_text_and_no_markup_of_a_name():
    class Evil(nn.Module):
        def __init__(self):
            super().__init__()
            self.word = "<script>"

    cube = tg.custom_op("<b>cube</b>", lambda x: x**3, lambda g, y, x: g * (3 * x**2))
    try:
        for thing, words in [
            (tg.Tensor(1.0, name="<b>"), "shape"), (Evil(), "&lt;script&gt;"), (cube, "cube"), (ops.tanh, "tanh"),
        ]:  # fmt: skip
            text = thing._repr_html_()
            assert words in text
            assert "<b>" not in text
            assert "<script>" not in text
    finally:
        del REGISTRY["<b>cube</b>"]


def test_importing_viz_touches_no_notebook_outside_of_one():
    code = "import sys; import tinygrad_edu.viz; print('IPython' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert viz.draw is not None
