"""tg.autograd.grad, beside torch.autograd.grad."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import GraphError, ShapeError

torch = pytest.importorskip("torch")
A, B = np.random.default_rng(0).normal(size=(2, 3))


def graph(t):
    a, b = (t.Tensor(v, requires_grad=True) if t is tg else t.tensor(v, requires_grad=True) for v in (A, B))
    h = a * b
    return a, b, h, t.sin(h) * a, (h * h).sum()


CALLS = {
    "a leaf": lambda t, a, b, h, y, z: t.autograd.grad(z, a),
    "an inner result": lambda t, a, b, h, y, z: t.autograd.grad(z, (h, a)),
    "an output by itself": lambda t, a, b, h, y, z: t.autograd.grad(z, (z, h)),
    "several outputs": lambda t, a, b, h, y, z: t.autograd.grad([y.sum(), z], [a, b, h]),
    "unused": lambda t, a, b, h, y, z: t.autograd.grad(h.sum(), (a, y), allow_unused=True),
    "zeros": lambda t, a, b, h, y, z: t.autograd.grad(h.sum(), (a, y), materialize_grads=True),
    "second order": lambda t, a, b, h, y, z: t.autograd.grad(
        t.autograd.grad(z, (a, h), create_graph=True)[0].sum(), (a, b), retain_graph=True
    ),
    "the same input twice": lambda t, a, b, h, y, z: t.autograd.grad(z, (a, a)),
}


@pytest.mark.parametrize("name", CALLS)
def test_it_gives_what_pytorch_gives(name):
    ours, theirs = (CALLS[name](t, *graph(t)) for t in (tg, torch))
    assert isinstance(ours, tuple)
    for g, h in zip(ours, theirs, strict=True):
        assert (g is None) == (h is None)
        if g is not None:
            np.testing.assert_allclose(g.data, h.detach().numpy(), rtol=1e-12)


def test_given_gradients_and_what_it_leaves_alone():
    a, b, h, y, _ = graph(tg)
    ta, _, th, ty, _ = graph(torch)
    v = np.array([1.0, -2.0, 0.5])
    for g, e in zip(tg.autograd.grad(y, (a, h), v), torch.autograd.grad(ty, (ta, th), torch.tensor(v)), strict=True):
        np.testing.assert_allclose(g.data, e.numpy(), rtol=1e-12)
        assert not g.requires_grad
    assert a.grad is None
    assert b.grad is None


X = tg.Tensor([1.0, 2.0], requires_grad=True)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: tg.autograd.grad(X * X, X), ShapeError, r"autograd.grad: an output of more than one entry needs its gradient; got shape \(2,\)"),
        (lambda: tg.autograd.grad(X.sum(), X * 2), GraphError, r"autograd.grad: the outputs must depend on each input; got the output of multiply of shape \(2,\)"),
        (lambda: tg.autograd.grad(X.sum(), tg.ones(2)), GraphError, "autograd.grad: inputs must need a gradient; got a leaf"),
        (lambda: tg.autograd.grad(3.0, X), TypeError, "autograd.grad: outputs must be tensors; got float"),
        (lambda: tg.autograd.grad(X * X, X, np.ones(3)), ShapeError, r"autograd.grad: a gradient must have its output's shape \(2,\); got \(3,\)"),
        (lambda: tg.autograd.grad(X.sum(), X, (1.0, 2.0)), ShapeError, "autograd.grad: needs a gradient for each output; got 2 for 1"),
    ],
)  # fmt: skip
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
