"""Formulas: each is what its rule computes (evaluated as a program of its own), and every op has one."""

import subprocess
import sys

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, ops, viz
from tinygrad_edu.op import REGISTRY
from tinygrad_edu.viz.formulas.formula import input_names, of_rule, of_value
from tinygrad_edu.viz.formulas.table import example, op_table
from tinygrad_edu.viz.graph.reading import read

from .test_true import evaluate

READABLE = [op for op in REGISTRY.values() if not op.kind.rule and not op.custom]
DIFFERENTIABLE = [op for op in READABLE if op.differentiable]


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=str)
def test_a_formula_evaluated_is_what_its_rule_computes(op):
    arrays, attributes = example(op)
    rng = np.random.default_rng(7)
    arrays = [a + rng.uniform(-0.2, 0.2, a.shape) if a.dtype.kind == "f" else a for a in arrays]
    y = op.forward(*arrays, **attributes)
    g = rng.normal(size=np.shape(y))[()]
    names, compared = input_names(op, len(arrays)), 0
    for i in range(len(arrays)):
        formula = of_rule(op, i, arrays, attributes, g=("g", g), y=("y", y))
        rule = op.vjps[i]
        assert (formula is None) == (rule is None)
        if formula is None:
            continue
        expected = rule(g, y, *arrays, **attributes)
        np.testing.assert_allclose(formula.value, expected, rtol=1e-12)
        assert formula.shape == expected.shape
        text = str(formula)
        if "constant(" in text:
            continue  # a large array that the rule makes itself
        found = evaluate(text, dict(zip(names, arrays)) | {"g": g, "y": y})
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-12)  # numbers have six digits
        compared += 1
    assert compared


@pytest.mark.parametrize(
    ("name", "value", "gradients"),
    [
        ("tanh", "tanh(x)", ["g * (1 - y * y)"]),
        ("matmul", "a @ b", ["g @ b.mT", "a.mT @ g"]),
        ("divide", "a / b", ["g / b", "-g * y / b"]),
        ("relu", "relu(x)", ["g * (x > 0)"]),
        (
            "power",
            "a ** b",
            ["g * (b * where((a == 0) & (b == 0), 1, a) ** (b - 1))", "g * (y * log(where(a == 0, 1, a)))"],
        ),
        ("square", "x ** 2", ["g * (2 * x)"]),
        ("inv", "inv(a)", ["-(y.mT @ g @ y.mT)"]),
        ("where", "where(c, a, b)", ["where(c, g, 0)", "where(c, 0, g)"]),
        ("add", "a + b", ["g", "g"]),
    ],
)
def test_formulas_read_as_they_are_written(name, value, gradients):
    row = {row.name: row for row in op_table()}[name]
    assert row.value == value
    assert [text.partition(" = ")[2] for text in row.gradients] == gradients


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("tanh", r"g \odot (1 - y \odot y)"),
        ("matmul", r"g \, b^\top"),
        ("divide", r"\frac{g}{b}"),
        ("relu", r"g \odot [x > 0]"),
        ("exp", r"g \odot y"),
    ],
)
def test_latex(name, latex):
    assert {row.name: row for row in op_table()}[name].gradients_latex[0] == latex


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (lambda a, b: a - (b - a), "a - (b - a)"),
        (lambda a, b: (a - b) - a, "a - b - a"),
        (lambda a, b: (a + b) * -a, "(a + b) * (-a)"),
        (lambda a, b: -(a**b), "-a ** b"),
        (lambda a, b: (-a) ** b, "(-a) ** b"),
        (lambda a, b: (a**b) ** a, "(a ** b) ** a"),
        (lambda a, b: a ** (b**a), "a ** b ** a"),
        (lambda a, b: a / (b * a), "a / (b * a)"),
        (lambda a, b: a * b / a, "a * b / a"),
        (lambda a, b: (a + 1) ** 2, "(a + 1) ** 2"),
        (lambda a, b: (a < b) == (b < a), "(a < b) == (b < a)"),
        (lambda a, b: (a * 1 + 0) / 1, "a"),
        (lambda a, b: tg.negative(-a), "a"),
        (lambda a, b: np.exp(a) * np.sin(b), "exp(a) * sin(b)"),
    ],
)
def test_parentheses_stand_where_a_reader_needs_them(f, text):
    probe = tg.custom_op("formula_probe", lambda a, b: a, (lambda g, y, a, b: f(a, b), None), kind="elementwise")
    try:
        a, b = 0.5, 3.0
        formula = of_rule(probe, 0, [np.float64(a), np.float64(b)], {})
        assert str(formula) == text
        assert np.isclose(eval(text, {"a": a, "b": b, "exp": np.exp, "sin": np.sin}), float(formula.value))
    finally:
        del REGISTRY["formula_probe"]


def test_a_rule_may_use_methods_functions_and_indexing():
    op = tg.custom_op("probe2", lambda x: x.sum(), lambda g, y, x: tg.where(x > 0, g, 0).mT.mT[0:1] + x.sum(axis=0))
    try:
        text = str(of_rule(op, 0, [np.ones((2, 3))], {}))
        assert text == "where(x > 0, g, 0)[0:1] + sum(x, axis=0)"
        assert "probe2" in {row.name for row in op_table()}
    finally:
        del REGISTRY["probe2"]


def test_a_number_is_written_out_and_a_name_is_not():
    formula = of_value(ops.multiply, ["", "v"], [3, np.float64(2.0)], {})
    assert str(formula) == "3 * v"
    assert of_value(ops.power, ["", "x"], [-2.0, 1.0], {}).__str__() == "(-2) ** x"


def test_the_table_has_every_op_and_every_differentiable_one_a_gradient():
    rows = {row.name: row for row in op_table()}
    assert list(rows) == list(REGISTRY)
    for op in DIFFERENTIABLE:
        assert rows[op.name].gradients, op
        assert all(text.startswith("d") and " = " in text for text in rows[op.name].gradients)
        for latex in rows[op.name].gradients_latex:
            assert latex.count("{") == latex.count("}")


def test_importing_viz_imports_nothing_heavier_than_numpy():
    code = (
        "import sys; from tinygrad_edu import viz; "
        "heavy = ('graphviz', 'pygraphviz', 'matplotlib', 'networkx', 'hypothesis'); "
        "print([m for m in sys.modules if m.split('.')[0] in heavy])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert viz.draw.__module__ == "tinygrad_edu.viz.pictures.draw"


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({}, "conv(x, w)"),
        ({"stride": 2, "padding": 1}, "conv(x, w, stride=2, padding=1)"),
        ({"stride": (1, 2), "padding": (0, 2)}, "conv(x, w, stride=(1, 2), padding=(0, 2))"),
        ({"dilation": 2, "groups": 2}, "conv(x, w, dilation=2, groups=2)"),
    ],
)
def test_of_windows_only_what_the_call_says_is_written(attributes, text):
    w = np.ones((2, 2 // attributes.get("groups", 1), 2, 2))
    x, w = tg.Tensor(np.ones((1, 2, 5, 5)), name="x"), tg.Tensor(w, requires_grad=True, name="w")
    assert read(nn.functional.conv2d(x, w, **attributes)).nodes["n2"].title.endswith(text)
    y = nn.functional.max_pool2d(tg.Tensor(np.ones((1, 1, 4, 4)), requires_grad=True, name="x"), 2)
    assert read(y).nodes["n1"].title.endswith("max_pool(x, kernel=(2, 2))")
