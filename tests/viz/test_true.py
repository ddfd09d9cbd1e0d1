"""Every formula that is drawn is evaluated, by NumPy, with the graph's own numbers: it must give the gradient."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import ops, viz
from tinygrad_edu.nn import functional as F
from tinygrad_edu.op import REGISTRY
from tinygrad_edu.viz.formulas.formula import input_names
from tinygrad_edu.viz.formulas.table import example
from tinygrad_edu.viz.graph.graph import is_number
from tinygrad_edu.viz.graph.local import local
from tinygrad_edu.viz.graph.reading import read
from tinygrad_edu.viz.graph.steps import arguments, contribution
from tinygrad_edu.viz.pictures.inline import inline

OTHER = {"put", "pad", "round", "qr", "svd", "eigh", "slogdet", "einsum", "searchsorted", "argsort"}
OTHER |= {"concat", "cumulative_sum", "cholesky", "put_along_axis", "inner", "sinc", "stack"}
SHAPED = {"put", "put_along_axis", "reshape", "broadcast_to", "sum_to"}


def named(op):
    """What a name in a formula means: NumPy's function of that name, or what the op's documentation says."""
    there = None if op.name in OTHER else getattr(np, op.name, None) or getattr(np.linalg, op.name, None)

    def call(*xs, **attributes):
        if there is not None:
            return there(*xs, **attributes)
        if op.name in SHAPED:
            *xs, attributes["shape"] = xs
        arrays = []
        if "index" in attributes:
            parts = attributes["index"] if isinstance(attributes["index"], tuple) else (attributes["index"],)
            arrays = [k for k in parts if isinstance(k, np.ndarray)]
            attributes["index"] = tuple(ops.indexing.ARRAY if isinstance(k, np.ndarray) else k for k in parts)
        if (op.kind.name == "reduce" or op.name == "standardize") and "axis" in attributes:
            if op.name not in ("inner", "deviation", "standardize"):
                attributes.setdefault("keepdims", False)
            axis = attributes["axis"]
            attributes["axis"] = (axis,) if isinstance(axis, int) else axis
        if op.name in ("cumulative_sum", "recurrence"):
            attributes.setdefault("reverse", False)
        if op.name.startswith(("conv", "max_", "window_")):
            axes = len(attributes["kernel"]) if "kernel" in attributes else xs[0].ndim - 2
            attributes = along(attributes, axes, op.name.startswith("conv"))
            if op.name in ("conv_input", "window_spread"):
                attributes.setdefault("extra", (0,) * axes)
        return op.forward(*xs, *arrays, **attributes)

    return call


WINDOW = ("kernel", "stride", "padding", "dilation", "extra")


def along(attributes, axes, convolution):
    """Attributes of windows, one entry for each axis: what is not written is as in nn.functional."""
    spread = {k: v if isinstance(v, tuple) else (v,) * axes for k, v in attributes.items() if k in WINDOW}
    spread.setdefault("stride", (1,) * axes if convolution else spread["kernel"])
    spread.setdefault("dilation", (1,) * axes)
    pairs = spread.get("padding", (0,) * axes)
    spread["padding"] = tuple(p if isinstance(p, tuple) else (p, p) for p in pairs)
    return ({"groups": 1} if convolution else {}) | attributes | spread


MEANINGS = {name: named(op) for name, op in REGISTRY.items()}
MEANINGS |= {name: getattr(np, name) for name in ("inf", "nan", "ones", "full", "array", "s_", "float32", "float64")}


def evaluate(text, values):
    scope = MEANINGS | values
    *steps, last = text.split("; ")
    with np.errstate(all="ignore"):
        for step in steps:
            name, _, value = step.partition(" = ")
            assert name not in values, f"{name} is a step and a tensor"
            scope[name] = eval(value, scope)
        return eval(last, scope)


def check(graph):
    """Each title gives its value; the formulas of all uses of a tensor add up to its gradient."""
    values = {n.name: n.value for n in graph.nodes.values() if not is_number(n)}
    values |= {f"d{n.name}": n.grad for n in (graph.whole or graph).nodes.values() if n.grad is not None}
    sums, whole = dict(graph.seeds), graph.whole or graph
    for n in graph.nodes.values():
        if n.op is None:
            continue
        if n.op.kind.name != "batch":
            formula = n.title.partition(" = ")[2]
            found = evaluate(formula, values)
            np.testing.assert_allclose(found, n.value, rtol=1e-5, atol=1e-9, err_msg=n.title)
        for i, key in enumerate(n.inputs):
            use = local(graph, n, i)
            if use is None:
                continue
            *steps, last = use.text.split("; ")
            target, _, formula = last.partition(" += ")
            assert target == f"d{graph.nodes[key].name}"
            assert "gradient of" not in use.text
            assert not re.search(r"\.m?T\.m?T|(?<![\w.])-0(?![\w.])", use.text)
            found = evaluate("; ".join([*steps, formula]), values)
            if np.iscomplexobj(found) and not np.iscomplexobj(graph.nodes[key].value):
                found = np.real(found)  # as all gradients of real tensors are
            assert np.shape(found) == graph.nodes[key].shape, use.text
            if not n.paths:
                expected = contribution(whole, n, i, arguments(whole, n), True)
                np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7, err_msg=use.text)
            sums[key] = found + sums.get(key, 0)
    for key, total in sums.items():
        np.testing.assert_allclose(total, graph.nodes[key].grad, rtol=1e-4, atol=1e-7)
    return len(sums)


def drawn(f, *inputs):
    graph = read(f, inputs, grads=True)
    assert check(graph) >= 1
    check(inline(graph))
    return graph


DIFFERENTIABLE = [
    op
    for op in REGISTRY.values()
    if op.differentiable and not op.kind.rule and not op.custom and op.name not in ("gates",)
]


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_of_every_op(op, seed):
    arrays, attributes = example(op)
    rng = np.random.default_rng(seed)
    arrays = [a + rng.uniform(-0.2, 0.2, a.shape) if a.dtype.kind == "f" else a for a in arrays]
    if op.attributes and not op.signature and op.name != "einsum":
        attributes = op.attributes(rng, arrays[0].shape)
    names = input_names(op, len(arrays))
    xs = [tg.Tensor(a, requires_grad=a.dtype.kind == "f", name=n) for a, n in zip(arrays, names, strict=True)]
    y = op(*xs, **attributes)
    y.name = "y"
    weights = tg.Tensor(rng.normal(size=y.shape), name="weights")
    graph = read((y * weights).sum(), grads=True)
    check(graph)


def matrix(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


PROGRAMS = {
    "bias in columns": (lambda X, W, b: tg.tanh(W @ X + b).sum(), matrix(2, 5), matrix(3, 2), matrix(3, 1)),
    "bias in rows": (lambda X, W, b: tg.tanh(X @ W + b).sum(), matrix(5, 2), matrix(2, 3), matrix(3)),
    "bias of one": (lambda X, b: (X + b).max(), matrix(5, 2), matrix(1, 1)),
    "scalar bias": (lambda X, b: (X + b).max(), matrix(5, 2), np.float64(0.5)),
    "bias in the middle": (lambda X, b: tg.sin(X * b).sum(), matrix(2, 3, 4), matrix(3, 1)),
    "stack of matrices": (lambda X, W: (X @ W).max(), matrix(4, 2, 3), matrix(4, 3, 2)),
    "stack by matrix": (lambda X, W: (X @ W).sum(), matrix(4, 2, 3), matrix(3, 2)),
    "transposed weight": (lambda X, W: tg.tanh(X @ W.T).sum(), matrix(5, 3), matrix(2, 3)),
    "transposed stack": (lambda X, W: tg.tanh(X @ W.mT).sum(), matrix(4, 5, 3), matrix(4, 2, 3)),
    "all axes turned": (lambda X: tg.sin(tg.permute_dims(X, (2, 1, 0))).sum(), matrix(2, 3, 4)),
    "sigmoid": (lambda Z: tg.sigmoid(Z).sum(), matrix(2, 3)),
    "full max": (lambda X: X.max(), matrix(2, 3)),
    "max by axis": (lambda X: X.max(axis=1).sum(), matrix(2, 3)),
    "logsumexp": (lambda X: tg.logsumexp(X, axis=1).sum(), matrix(2, 3)),
    "full logsumexp": (lambda X: tg.logsumexp(X), matrix(2, 3)),
    "norm": (lambda X: tg.linalg.norm(X), matrix(2, 3)),
    "norm by axis": (lambda X: tg.linalg.norm(X, axis=0).sum(), matrix(2, 3)),
    "prod": (lambda X: tg.prod(X), matrix(2, 3)),
    "prod by axis": (lambda X: tg.prod(X, axis=0).sum(), matrix(2, 3)),
    "gather": (lambda X: tg.sin(X[np.array([0, 1, 1])]).sum(), matrix(2, 3)),
    "gather in the middle": (lambda X: tg.sin(X[:, np.array([0, 2]), 1:]).sum(), matrix(2, 3, 4)),
    "slices": (lambda X: tg.sin(X[0, ::-1]).sum(), matrix(2, 3)),
    "along an axis": (lambda X: tg.take_along_axis(X, np.array([[0], [1]]), axis=1).sum(), matrix(2, 3)),
    "softmax": (lambda X: (F.softmax(X, axis=-1) ** 2).sum(), matrix(2, 3)),
    "log_softmax": (lambda X: F.log_softmax(X, axis=-1)[:, 0].sum(), matrix(2, 3)),
    "layer_norm": (lambda X: (F.layer_norm(X, (3,)) ** 3).sum(), matrix(2, 3)),
    "conv": (lambda X, W: (F.conv2d(X, W, stride=2, padding=1) ** 2).sum(), matrix(1, 2, 5, 5), matrix(3, 2, 3, 3)),
    "conv and bias": (lambda X, W, b: F.conv1d(X, W, b).max(), matrix(1, 2, 5), matrix(3, 2, 3), matrix(3)),
    "max_pool": (lambda X: (F.max_pool2d(X, 2) ** 2).sum(), matrix(1, 2, 4, 4)),
    "avg_pool": (lambda X: (F.avg_pool2d(X, 2) ** 2).sum(), matrix(1, 2, 4, 4)),
    "variance": (lambda X: tg.var(X, axis=0).sum(), matrix(4, 3)),
    "cumulative": (lambda X: tg.cumulative_prod(X, axis=0).sum(), matrix(4)),
    "names of steps": (lambda u1, u2: tg.prod(u1) * tg.prod(u2), matrix(5), matrix(5)),
    "minus nothing": (lambda X: (-(X * -0.0)).sum() + X.sum() * 0, matrix(2)),
    "concat": (lambda a, b: tg.sin(tg.concat([a, b], axis=1)).sum(), matrix(2, 3), matrix(2, 2)),
    "linear": (lambda X, W, b: tg.tanh(F.linear(X, W, b)).sum(), matrix(5, 3), matrix(2, 3), matrix(2)),
    "einsum": (lambda a, b: tg.einsum("bij,bjk->bik", a, b).max(), matrix(2, 3, 4), matrix(2, 4, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_of_a_program(name):
    f, *inputs = PROGRAMS[name]
    drawn(f, *inputs)


def texts(f, *inputs, folded=False):
    graph = read(f, inputs, grads=True)
    graph = inline(graph) if folded else graph
    uses = [local(graph, n, i) for n in graph.nodes.values() for i in range(len(n.inputs))]
    return [use.text for use in uses if use is not None]


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("bias in columns", "db += sum(dt2, axis=1, keepdims=True)"),
        ("bias in rows", "db += sum(dt2, axis=0)"),
        ("stack of matrices", "dX += dt1 @ W.mT"),
        ("stack of matrices", "dW += X.mT @ dt1"),
        ("transposed weight", "dW += dt1.T"),
        ("full max", "dX += (X == out) * (dout / sum(X == out, axis=(0, 1), keepdims=True))"),
        ("sigmoid", "dZ += dt1 * (t1 * (1 - t1))"),
        ("sigmoid", "dt1 += ones((2, 3))"),
        ("gather", "dX += put(dt1, (2, 3), index=s_[c1])"),
    ],
)
def test_formulas_as_the_course_writes_them(program, text):
    f, *inputs = PROGRAMS[program]
    assert text in texts(f, *inputs)


def test_a_transpose_of_a_transpose_is_not_written():
    found = texts(lambda X, W: (X @ W.T).sum(), matrix(5, 3), matrix(2, 3), folded=True)
    assert not any(".T.T" in text for text in found)


def test_the_complement_of_the_labels_is_written_as_one():
    Y, A = tg.Tensor([[1.0, 0.0, 1.0]]), tg.Tensor([[0.2, 0.3, 0.9]], requires_grad=True)
    for labels in (Y, Y.data):
        loss = -(labels * tg.log(A) + (1 - labels) * tg.log(1 - A)).sum()
        graph = read(loss, grads=True)
        check(graph)
        check(inline(graph))
        name = "Y" if labels is Y else "labels"
        assert f"= 1 - {name}" in "\n".join(n.title for n in graph.nodes.values())
        assert f"(1 - {name})" in viz.draw(loss, inline=True, notation="python").source
        for reading in (viz.explain, viz.player, viz.to_json, viz.draw):
            reading(loss)


def test_constants_of_equal_numbers_are_no_complement_of_another():
    a, b = tg.Tensor([1.0, 1.0]), tg.Tensor([0.0, 0.0])
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    assert "1 - " not in viz.draw(x * a + x * b).source


BINARY = [
    tg.add,
    tg.subtract,
    tg.multiply,
    lambda a, b: a / (b * b + 1),
    tg.maximum,
    lambda a, b: tg.where(a > b, a, b),
]
UNARY = [
    tg.tanh, tg.sigmoid, tg.exp, tg.negative, tg.square, lambda x: x.mT @ x @ x.mT if x.ndim > 1 else x * x,
    lambda x: x.sum(axis=-1, keepdims=True), lambda x: x.max(axis=0) if x.ndim else x, lambda x: x[..., :1] if x.ndim else x,
    lambda x: tg.logsumexp(x, axis=-1, keepdims=True) if x.ndim else x, lambda x: 1 - x, lambda x: x / 3,
]  # fmt: skip


@given(st.integers(0, 10**6), st.integers(1, 7))
def test_of_random_programs(seed, size):
    rng = np.random.default_rng(seed)
    shapes = [(2, 3), (3,), (1, 3), (2, 1), (), (4, 2, 3)]
    inputs = [rng.normal(size=shapes[int(rng.integers(len(shapes)))]) for _ in range(3)]
    plan = rng.integers(0, 1000, size=(size, 3))

    def program(a, b, c):
        _pool = [a, b, c]
        for which, i, j in plan:
            x, y = _pool[i % len(_pool)], _pool[j % len(_pool)]
            if which % 2:
                try:
                    np.broadcast_shapes(x.shape, y.shape)
                except ValueError:
                    continue
                _pool.append(BINARY[which % len(BINARY)](x, y))
            elif x.ndim or which % len(UNARY) not in (5, 6, 7, 8, 9):
                _pool.append(UNARY[which % len(UNARY)](x))
        return sum((t * t).sum() for t in _pool[-2:])

    drawn(program, *inputs)
