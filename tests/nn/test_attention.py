"""Attention in parts: the same as its formula, at two orders and forward, and never all of its weights in memory."""

import math
import tracemalloc

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.nn import functional as F
from tinygrad_edu.ops import attend

torch = pytest.importorskip("torch")

SHAPES = [((40, 3), (40, 3), (40, 5)), ((2, 33, 3), (2, 50, 3), (2, 50, 4)), ((2, 3, 50, 4), (1, 20, 4), (3, 20, 2))]


def drawn(shapes, dtype=np.float64):
    rng = np.random.default_rng(0)
    return [rng.normal(size=s).astype(dtype) for s in shapes]


def by_formula(q, k, v, causal):
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    if causal:
        scores = tg.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -math.inf)
    return F.softmax(scores) @ v


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr("tinygrad_edu.ops.attention.WEIGHTS", 1)


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("causal", [False, True])
def test_parts_are_the_formula(shapes, causal):
    xs = drawn(shapes)
    ours = lambda q, k, v: tg.sin(F.scaled_dot_product_attention(q, k, v, is_causal=causal)).sum()
    formula = lambda q, k, v: tg.sin(by_formula(q, k, v, causal)).sum()
    tangents = drawn(shapes[::-1])[::-1]
    assert np.isclose(ours(*map(tg.asarray, xs)).item(), formula(*map(tg.asarray, xs)).item(), rtol=1e-12)
    for f in (lambda g: tg.grad(g, (0, 1, 2))(*xs), lambda g: tg.hvp(g, tuple(xs), tuple(tangents))):
        for a, b in zip(f(ours), f(formula), strict=True):
            np.testing.assert_allclose(a.data, b.data, rtol=1e-9, atol=1e-11)
    (_, a), (_, b) = (tg.jvp(f, tuple(xs), tuple(tangents)) for f in (ours, formula))
    np.testing.assert_allclose(a.data, b.data, rtol=1e-9)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_is_that_of_pytorch(causal, dtype):
    xs = drawn([(2, 2, 70, 8)] * 3, dtype)
    ours, theirs = [tg.Tensor(x, requires_grad=True) for x in xs], [torch.tensor(x, requires_grad=True) for x in xs]
    g = np.random.default_rng(1).normal(size=(2, 2, 70, 8)).astype(dtype)
    F.scaled_dot_product_attention(*ours, is_causal=causal).backward(g)
    torch.nn.functional.scaled_dot_product_attention(*theirs, is_causal=causal).backward(torch.from_numpy(g))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=0, atol=200 * np.finfo(dtype).eps)


def test_the_weights_never_stand_in_memory_as_a_whole():
    n = 1500
    xs = [tg.Tensor(x, requires_grad=True) for x in drawn([(n, 4)] * 3, np.float32)]
    tracemalloc.start()
    F.scaled_dot_product_attention(*xs, is_causal=True).sum().backward()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < n * n * 4 / 4


def test_values_must_be_as_many_as_keys():
    with pytest.raises(ValueError, match="as many rows"):
        attend(*map(tg.asarray, drawn([(3, 2), (4, 2), (5, 2)])), scale=1.0, causal=True)


@pytest.mark.parametrize("causal", [False, True])
def test_without_weights_none_are_kept(causal):
    """Asked for no weights, attention makes them in blocks, with the same results and gradients."""
    layer = nn.MultiheadAttention(8, 2, rng=tg.random.default_rng(0))
    found = []
    for need in (True, False):
        x = tg.Tensor(np.random.default_rng(1).normal(size=(1024, 1, 8)).astype(np.float32), requires_grad=True)
        layer.zero_grad()
        tracemalloc.start()
        y, weights = layer(x, x, x, need_weights=need, is_causal=causal)
        (y * y).sum().backward()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (weights is None) != need
        found.append((y.data, x.grad.data, layer.in_proj_weight.grad.data, most))
    for whole, blocks in zip(*(f[:3] for f in found), strict=True):
        np.testing.assert_allclose(blocks, whole, rtol=1e-3, atol=1e-5 * np.abs(whole).max())
    assert found[1][3] < found[0][3] / 2
