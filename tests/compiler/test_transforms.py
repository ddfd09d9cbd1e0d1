"""Transforms of compiled functions, and compiled transforms, of first and later calls."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu.errors import GraphError
from tinygrad_edu.testing.properties.calls import calls
from tinygrad_edu.testing.properties.op_checks import built_in_ops


def f(x, w):
    return tg.tanh(x @ w).sum() * x.mean() + (tg.exp(-x * x) @ w).var()


def rows(x, w):
    return tg.tanh(x @ w) * x.mean()


def batch(x):
    return x[None] * tg.linspace(0.5, 1.5, 3)[:, None, None]


FIRST = {
    "grad": lambda f: tg.grad(f, argnums=(0, 1)),
    "hvp": lambda f: lambda x, w: tg.hvp(f, (x, w), (w.sum() * x, w)),
    "jvp": lambda f: lambda x, w: tg.jvp(f, (x, w), (x * x, w)),
    "hessian": lambda f: lambda x, w: tg.hessian(lambda x: f(x, w))(x),
    "vmap": lambda f: lambda x, w: tg.vmap(f, in_axes=(0, None))(batch(x), w),
    "vmap of grad": lambda f: lambda x, w: tg.vmap(tg.grad(f), in_axes=(0, None))(batch(x), w),
    "grad of vmap": lambda f: tg.grad(lambda x, w: tg.vmap(f, in_axes=(0, None))(batch(x), w).sum(), argnums=(0, 1)),
    "jacobian": tg.jacobian,
    "jacfwd": tg.jacfwd,
    "linearize": lambda f: lambda x, w: tg.linearize(f, x, w)[1](x, w),
    "vjp": lambda f: lambda x, w: [tg.vjp(f, x, w)[0], *tg.vjp(f, x, w)[1](tg.ones_like(f(x, w)))],
    "checkpoint": lambda f: tg.grad(lambda x, w: tg.checkpoint(f)(x, w).sum()),
    "third": lambda f: lambda x, w: tg.grad(lambda a: tg.grad(lambda b: tg.grad(lambda c: f(c, w).sum())(b).sum())(a).sum())(x),
}  # fmt: skip
SCALAR = {"grad", "hvp", "hessian", "vmap of grad"}


@pytest.mark.parametrize("name", FIRST)
@pytest.mark.parametrize("function", [f, rows])
def test_inside_and_outside(name, function):
    if name in SCALAR and function is rows:
        function = lambda x, w: (rows(x, w) ** 2).sum()
    transform, rng = FIRST[name], np.random.default_rng(0)
    inside, outside = transform(tg.compile(function)), tg.compile(transform(function))
    for _ in range(3):
        x, w = (tg.Tensor(rng.normal(size=s)) for s in ((4, 3), (3, 2)))
        expected = tg.tree.flatten(transform(function)(x, w))[0]
        for made in (inside, outside):
            found = tg.tree.flatten(made(x, w))[0]
            assert len(found) == len(expected)
            for a, b in zip(found, expected, strict=True):
                assert a.shape == b.shape
                assert np.allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("print_it", [lambda x: print("here"), lambda x: print(), lambda x: print(x)])
def test_prints_are_refused_with_their_line(print_it, capsys):
    def g(x):
        print_it(x)
        return x * 2

    with pytest.raises(GraphError, match=r"compile: .*; got (print|the value).*test_transforms.py:.*; .*"):
        tg.compile(g)(tg.ones(3))
    print("outside")
    assert capsys.readouterr().out == "outside\n"


PARTS = {
    "slice": lambda r: (r[1:] ** 2).sum(),
    "entry": lambda r: tg.sin(r[2]) * r[0],
    "rows": lambda r: (r.reshape(2, 2)[:1, :1] * 3).sum(axis=1).sum(),
    "reversed": lambda r: (r[::-2] * r[:2]).sum(),
}


@pytest.mark.parametrize("name", PARTS)
def test_gradients_of_parts_of_each_example(name):
    function = tg.vmap(tg.grad(PARTS[name]))
    compiled, rng = tg.compile(function), np.random.default_rng(0)
    for _ in range(3):
        x = tg.Tensor(rng.normal(size=(5, 4)))
        each = np.stack([tg.grad(PARTS[name])(row).numpy() for row in x])
        np.testing.assert_allclose(compiled(x).numpy(), each, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("op", built_in_ops(), ids=str)
@given(st.data())
@settings(max_examples=2)
def test_each_op_of_examples_and_what_they_share(op, data):
    arrays, attributes = data.draw(calls(op, np.float64))
    places = [k for k, a in enumerate(arrays) if isinstance(a, np.ndarray)]
    shared = [tg.asarray(a) if isinstance(a, np.ndarray) else a for a in arrays]
    k = data.draw(st.sampled_from(places))

    def of(x):
        return op(*shared[:k], x, *shared[k + 1 :], **attributes)

    x = tg.asarray(np.stack([arrays[k]] * 3))
    functions = [tg.vmap(of)]
    if op.vjps and x.dtype.kind == of(shared[k]).dtype.kind == "f":
        functions.append(tg.vmap(tg.grad(lambda x: of(x).sum())))
    with np.errstate(all="ignore"):
        for function in functions:
            expected, compiled = function(x), tg.compile(function)
            for _ in range(2):
                np.testing.assert_allclose(compiled(x).numpy(), expected.numpy(), rtol=1e-9, atol=1e-9)


M = tg.asarray(np.random.default_rng(0).normal(size=(4, 4)))
LABELS = tg.asarray(np.array([2, 0, 3]))
BESIDE = {
    "matrix": lambda r, k: (M @ r).sum(),
    "factor": lambda r, k: (M * r).sum(),
    "concat": lambda r, k: (tg.concat([M[0], r]) ** 2).sum(),
    "maximum": lambda r, k: tg.maximum(M, r).sum(),
    "indices": lambda r, k: (r[np.array([0, 2, 2])] ** 2).sum(),
    "row of a table": lambda r, k: (M[k] * r).sum(),
    "cross entropy": lambda r, k: F.cross_entropy(r, k),
    "nll": lambda r, k: F.nll_loss(F.log_softmax(r, 0), k),
    "embedding": lambda r, k: (F.embedding(k, M) * r).sum(),
    "written": lambda r, k: _written(r),
    "largest": lambda r, k: (r.topk(2)[0] ** 2).sum(),
    "convolution": lambda r, k: (F.conv1d(r.reshape(1, 1, 4), M[:, None]) ** 2).sum(),
    "determinant": lambda r, k: tg.linalg.det(M + r),
}


def _written(r):
    z = tg.zeros(5, dtype=r.dtype)
    z[1:] = r * M[0]
    return (z * z).sum()


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize("transform", [tg.vmap, lambda f: tg.vmap(tg.grad(f))], ids=["vmap", "vmap of grad"])
def test_examples_beside_what_all_share(name, transform):
    function = transform(BESIDE[name])
    compiled, rng = tg.compile(function), np.random.default_rng(0)
    for _ in range(3):
        x = tg.asarray(rng.normal(size=(3, 4)))
        np.testing.assert_allclose(compiled(x, LABELS).numpy(), function(x, LABELS).numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "function", [tg.exp, tg.tanh, tg.logsumexp, tg.custom_op("halved", lambda x: x / 2, lambda g, y, x: g / 2)]
)
def test_what_reaches_nothing_outside_compiles(function):
    x = tg.Tensor([0.5, -1.0, 2.0])
    compiled = tg.compile(function)
    for _ in range(3):
        np.testing.assert_allclose(compiled(x).numpy(), function(x).numpy(), rtol=1e-6)


def test_a_write_through_a_view_in_an_operation_is_not_lost():
    def first_row(x):
        y = np.zeros_like(x)
        row = y[0]
        row[...] = 5 * x[1]
        return y

    op = tg.custom_op("written_through", first_row, lambda g, y, x: g)
    compiled, x = tg.compile(op), tg.Tensor([[1.0, 2.0], [3.0, 4.0]])
    for _ in range(3):
        assert compiled(x).tolist() == [[15.0, 20.0], [0.0, 0.0]]
