"""A function beside itself compiled: two twins, made alike, live through the same calls and must look alike after each."""

import dataclasses

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import nn, optim
from tinygrad_edu.engine import Variable
from tinygrad_edu.nn import functional as F
from tinygrad_edu.recording import TRACERS


def training_step(run, opt):
    """A compiled step of training a function of one tensor to give another."""

    @tg.compile
    def step(x, target):
        opt.zero_grad()
        loss = F.mse_loss(run(x), target)
        loss.backward()
        opt.step()
        return loss

    return step


def parts(x):
    """Everything to be compared in what a function gave, or in what it may have changed, by name."""
    if isinstance(x, nn.Module):
        yield from ((name, t) for name, t in [*x.named_parameters(), *x.named_buffers()])
    elif isinstance(x, optim.Optimizer):
        yield "optimizer", x.state_dict()
        yield from ((f"parameter {i}", p) for i, p in enumerate(x._all()))
    elif isinstance(x, optim.LRScheduler):
        yield "schedule", x.state_dict()
    elif isinstance(x, tg.random.Generator):
        yield "generator", x.numpy.bit_generator.state["state"]["state"] % 2**31
    else:
        yield "", x


def same(found, expected, tolerance, where=""):
    """Equal in structure, types, dtypes, shapes, and numbers to rounding."""
    if isinstance(expected, Variable):
        assert isinstance(found, type(expected)), where
        assert found.requires_grad == expected.requires_grad, f"requires_grad of {where}"
        same(found._data, expected._data, tolerance, where)
        if expected.op is None:
            same(found._grad, expected._grad, tolerance, f"gradient of {where}")
    elif isinstance(expected, np.ndarray | np.generic):
        a, b = np.asarray(found), np.asarray(expected)
        assert (a.shape, a.dtype) == (b.shape, b.dtype), where
        eps = np.finfo(b.dtype).eps if b.dtype.kind in "fc" else 0
        if b.dtype == np.float16:
            tolerance = min(tolerance, 64)
        scale = np.abs(b[np.isfinite(b)]).max(initial=0) if eps else 0
        assert np.allclose(a, b, rtol=tolerance * eps, atol=tolerance * eps * scale, equal_nan=True), (
            f"{where}: off by {np.abs(a - b).max() / (eps * scale or 1):.3g} roundings"
        )
    elif isinstance(expected, dict):
        assert list(found) == list(expected), where
        for key, part in expected.items():
            same(found[key], part, tolerance, f"{where}[{key!r}]")
    elif isinstance(expected, tuple | list):
        assert type(found) is type(expected), where
        assert len(found) == len(expected), where
        for i, (a, b) in enumerate(zip(found, expected, strict=True)):
            same(a, b, tolerance, f"{where}[{i}]")
    elif dataclasses.is_dataclass(expected):
        same(vars(found), vars(expected), tolerance, where)
    elif isinstance(expected, float):
        assert np.isclose(found, expected, rtol=1e-6, equal_nan=True), where
    else:
        assert found == expected or found is expected, where


def alike(make, calls, between=None, tolerance=500, programs=None):
    """`make()` gives a function and the objects that it may change. Both twins are called with each of `calls`
    (tuples of arrays, of which fresh tensors are made); `between(i, *objects)` happens before call `i`."""
    eager, *own = make()
    function, *other = make()
    compiled = tg.compile(function)
    for i, arguments in enumerate(calls):
        if between is not None:
            between(i, *own)
            between(i, *other)
        results = []
        for f in (eager, compiled):
            tg.random.manual_seed(100 + i)
            tensors = [tg.Tensor(x) if isinstance(x, np.ndarray) else x for x in arguments]
            results.append((f(*tensors), tg.random.shared()))
        (expected, a), (found, b) = results
        same(found, expected, tolerance, f"result of call {i}")
        same(dict(parts(b)), dict(parts(a)), 0, f"shared generator after call {i}")
        for x, y in zip(own, other, strict=True):
            same(dict(parts(y)), dict(parts(x)), tolerance, f"{type(x).__name__} after call {i}")
        assert not TRACERS
    if programs is not None:
        assert sum(map(len, compiled._plans.values())) == programs
    return compiled
