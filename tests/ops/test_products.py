"""Products along axes: their gradients beside zeros, at extremes, at every order, and as a recurrence of any length."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import ops

torch = pytest.importorskip("torch")

inf = float("inf")


def gradient_of_prod(x):
    x = [mp.mpf(float(v)) for v in x]
    return [mp.fprod(x[:k] + x[k + 1 :]) for k in range(len(x))]


def gradient_of_cumulative_prod(x):
    """sum over j >= k of the product of x[: j + 1] without x[k]"""
    x = [mp.mpf(float(v)) for v in x]
    return [mp.fsum(mp.fprod(x[:k] + x[k + 1 : j + 1]) for j in range(k, len(x))) for k in range(len(x))]


EXTREMES = [
    [1e-300, 1, 1e200, 1e200], [1e200, 1e200, 1e-300, 1e-100], [1e-200, 1e200, 0, 1e200, 1e-5], [0, 1e200, 1e200, 1],
    [1e200, 1e200], [1e-200, 1e-200], [1e-300, 1e-300, 1e300, 1e300], [0, 0, 1e300, 5], [1e308, 1e-308, 1e308, 1e-308, 3],
    [-1e300, 2, -1e-300, 3, 1e-310, 7], [1e200, 1e200, 0, 1e-200], [0], [3], [0, 0], [-2, 0, 3, 0, 5],
]  # fmt: skip


@pytest.mark.parametrize("x", EXTREMES, ids=str)
def test_no_overflow_where_the_gradient_is_finite(x):
    x = np.array(x, dtype=float)
    with mp.workdps(50), np.errstate(all="ignore"):
        for f, exact in (
            (tg.prod, gradient_of_prod),
            (lambda x: tg.cumulative_prod(x).sum(), gradient_of_cumulative_prod),
        ):
            wanted = np.array([float(v) for v in exact(x)])
            np.testing.assert_allclose(tg.grad(f)(x).data, wanted, rtol=1e-13, atol=0)


@pytest.mark.parametrize("n", [1, 2, 64, 127, 128, 129, 130, 192, 193, 1000, 9000])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("zeros", [(), (0,), (-1,), (5,), (3, 70), (0, -1)], ids=str)
def test_long_cumulative_products_as_in_pytorch(n, dtype, zeros):
    rng = np.random.default_rng(n)
    x = (rng.uniform(0.9, 1.1, n) * rng.choice([-1, 1], n)).astype(dtype)
    x[[k for k in zeros if -n <= k < n]] = 0
    g = rng.normal(size=n).astype(dtype)
    t = torch.tensor(x.astype(np.float64), requires_grad=True)
    (torch.cumprod(t, 0) * torch.tensor(g.astype(np.float64))).sum().backward()
    found = tg.grad(lambda x: (tg.cumulative_prod(x) * g).sum())(x).data
    assert found.dtype == dtype
    wanted = t.grad.numpy()
    scale = np.abs(wanted).max(initial=1)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=4 * n**0.5 * np.finfo(dtype).eps * scale)


def by_steps(a, b):
    s, steps = 0 * b[..., 0], []
    for k in range(b.shape[-1]):
        s = a[..., k] * s + b[..., k]
        steps.append(s)
    return np.stack(steps, -1)


@given(
    n=st.integers(1, 700), lead=st.sampled_from([(), (1,), (3,), (2, 2)]), reverse=st.booleans(), seed=st.integers(0, 99),
    spread=st.sampled_from([0.1, 1.0, 20.0]), dtype=st.sampled_from([np.float64, np.float32, np.float16]),
)  # fmt: skip
def test_recurrences_in_blocks_equal_those_in_steps(n, lead, reverse, seed, spread, dtype):
    """Also where the product of a block overflows or underflows, and what comes in brings it back."""
    rng = np.random.default_rng(seed)
    exact = np.float32 if dtype == np.float16 else dtype
    with np.errstate(all="ignore"):
        a = np.exp(spread * rng.normal(size=(*lead, n)) - spread).astype(dtype) * rng.choice([-1, 0, 1, 1], (*lead, n))
        a, b = a.astype(dtype), (rng.normal(size=(*lead, n)) * rng.choice([0, 1, 1e-3], (*lead, n))).astype(dtype)
        turn = (lambda x: np.flip(x, -1)) if reverse else (lambda x: x)
        wanted = turn(by_steps(turn(a).astype(exact), turn(b).astype(exact))).astype(dtype)
        for axis in range(len(lead) + 1):
            moved = [np.moveaxis(x, -1, axis) for x in (a, b)]
            found = np.moveaxis(ops.recurrence(*moved, axis=axis, reverse=reverse), axis, -1)
            assert found.dtype == dtype
            safe = np.isfinite(wanted)
            tol = 50 * np.finfo(dtype).eps
            np.testing.assert_allclose(found[safe], wanted[safe], rtol=tol, atol=tol * np.abs(b).max())


def test_what_a_block_loses_comes_back():
    """The product of 64 factors of 1e-6 is 0 in float64, of 1e6 infinite; the state that they meet is neither."""
    a = np.concatenate([np.full(320, 1e-6), np.full(320, 1e6), np.full(320, 0.5)])
    b = np.zeros(960)
    b[[0, 310, 322]] = 1.0, 1e-300, 1e-200
    b[390:] = 3.0
    with np.errstate(all="ignore"):
        found, wanted = ops.recurrence(a[:370], b[:370], axis=0, reverse=False), by_steps(a[:370], b[:370])
    np.testing.assert_allclose(found, wanted, rtol=1e-13)


@pytest.mark.parametrize("zeros", [(), (1,), (1, 3), (0, 4), (0, 1, 2)], ids=str)
@pytest.mark.parametrize("shape", [(5,), (2, 5), (5, 2)])
def test_second_and_third_order(zeros, shape):
    axis = shape.index(5)
    x = np.random.default_rng(0).normal(size=shape)
    x[(slice(None),) * axis + (list(zeros),)] = 0
    for ours, theirs in ((tg.cumulative_prod, torch.cumprod), (lambda x, axis: tg.prod(x, axis), torch.prod)):
        f, t = lambda x, ours=ours: (ours(x, axis) ** 2 * 3).sum(), torch.tensor(x)
        wanted = torch.autograd.functional.hessian(lambda x, theirs=theirs: _by_hand(x, theirs, axis), t).numpy()
        np.testing.assert_allclose(tg.hessian(f)(x).data, wanted, rtol=1e-11, atol=1e-12)
        d = np.random.default_rng(1).normal(size=shape)
        third = tg.grad(lambda x, f=f, d=d: (tg.hvp(f, (x,), (d,)) * d).sum())(x).data
        wanted = torch.autograd.functional.jacobian(
            lambda x, theirs=theirs, d=d: torch.autograd.functional.hvp(
                lambda x: _by_hand(x, theirs, axis), x, torch.tensor(d), create_graph=True
            )[1].mul(torch.tensor(d)).sum(), t,
        ).numpy()  # fmt: skip
        np.testing.assert_allclose(third, wanted, rtol=1e-10, atol=1e-11)


def _by_hand(x, theirs, axis):
    """PyTorch's own products, one factor at a time: plain multiplications have every derivative."""
    parts = torch.unbind(x, axis)
    running = [parts[0]]
    for p in parts[1:]:
        running.append(running[-1] * p)
    y = torch.stack(running, axis) if theirs is torch.cumprod else running[-1]
    return (y**2 * 3).sum()


def test_batches_of_long_products():
    x = np.random.default_rng(0).uniform(0.5, 1.5, (3, 300))
    x[1, 7] = 0
    f = lambda x: (tg.cumulative_prod(x) ** 2).sum()
    np.testing.assert_allclose(tg.vmap(tg.grad(f))(x).data, np.stack([tg.grad(f)(v).data for v in x]), rtol=1e-12)
    assert tg.grad(lambda x: tg.cumulative_prod(x).sum())(np.zeros(0)).shape == (0,)
    assert tg.grad(lambda x: tg.cumulative_prod(x, 0).sum())(np.zeros((0, 3))).shape == (0, 3)
