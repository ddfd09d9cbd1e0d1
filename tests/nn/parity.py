"""Comparing with PyTorch: outputs, gradients of inputs and parameters, and the names of the state."""

import numpy as np
import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch")
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


def arrays(seed, *shapes, dtype="float64"):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def flat(outputs):
    if isinstance(outputs, tuple | list):
        return [y for part in outputs for y in flat(part)]
    return [] if outputs is None else [outputs]


def same(a, b, dtype, what):
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape, what
    if b.dtype.kind in "iu":
        return np.testing.assert_array_equal(a, b, err_msg=what)
    assert a.dtype == b.dtype == np.dtype(dtype), what
    scale = 1 + np.max(np.abs(b[np.isfinite(b)]), initial=0)
    np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCE[dtype] * scale, err_msg=what)


def compare_functions(f, g, inputs, dtype, parameters=()):
    """f is ours, g is PyTorch's: outputs, and gradients by inputs and (pairs of) parameters."""
    ours = [tg.Tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    theirs = [torch.from_numpy(x.copy()).requires_grad_(x.dtype.kind == "f") for x in inputs]
    a, b = flat(f(*ours)), flat(g(*theirs))
    assert len(a) == len(b)
    for k, (u, v) in enumerate(zip(a, b)):
        same(u.data, v.detach().numpy(), dtype, f"output {k}")
    a, b = zip(*[(u, v) for u, v in zip(a, b) if v.requires_grad])
    cotangents = arrays(1, *[u.shape for u in a], dtype=dtype)
    total = sum((u * c).sum() for u, c in zip(a, cotangents))
    total.backward()
    sum((v * torch.from_numpy(np.asarray(c))).sum() for v, c in zip(b, cotangents)).backward()
    for k, (x, t) in enumerate(zip(ours, theirs)):
        if x.requires_grad and t.grad is not None:
            same(x.grad.data, t.grad.numpy(), dtype, f"gradient of input {k}")
    for name, p, q in parameters:
        if q.grad is not None:
            same(p.grad.data, q.grad.numpy(), dtype, f"gradient of {name}")
        else:
            assert p.grad is None, name


def compare_modules(ours, theirs, inputs, dtype="float64", call=None, train=True):
    """The state is loaded from PyTorch's by name; then both are compared."""
    ours.astype(dtype)
    theirs = theirs.to(getattr(torch, dtype))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, t in theirs.state_dict().items():
        assert ours.state_dict()[name].shape == tuple(t.shape), name
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    ours.train(train)
    theirs.train(train)
    named = dict(theirs.named_parameters())
    pairs = [(name, p, named[name]) for name, p in ours.named_parameters()]
    call = call or (lambda module, *xs: module(*xs))
    compare_functions(lambda *xs: call(ours, *xs), lambda *xs: call(theirs, *xs), inputs, dtype, pairs)
    for name, t in theirs.state_dict().items():  # running statistics
        same(ours.state_dict()[name].data, t.numpy(), str(t.numpy().dtype) if "num" in name else dtype, name) if (
            "num" not in name
        ) else np.testing.assert_array_equal(ours.state_dict()[name].data, t.numpy())
