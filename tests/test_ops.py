"""Every op of the registry, by what its declaration says. A new op needs no change here."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.engine import NEEDS, REGISTRY, constant, gradients
from tinygrad_edu.recording import Mode
from tinygrad_edu.testing.calls import calls

BUILT_IN = [op for op in REGISTRY.values() if not op.custom and op.kind not in ("batch", "checkpoint")]
DIFFERENTIABLE = [op for op in BUILT_IN if op.differentiable]
ops = pytest.mark.parametrize("op", DIFFERENTIABLE, ids=str)


def smooth(op, arrays):
    """Indices of the inputs that have a gradient."""
    return [i for i in range(len(arrays)) if op.vjps[i] is not None]


def directional(f, xs, vs):
    """d/dt f(x + t v) at 0, by the complex step where f takes it, else by Richardson's extrapolation of
    central differences, with its error estimate."""
    try:
        h = 1e-30
        y = f(*[x + 1j * h * v for x, v in zip(xs, vs)])
        return np.imag(y) / h, 1e-11
    except (TypeError, NotComplexError):
        pass
    steps = [0.005 / 2**k for k in range(7)]
    table = [
        [(f(*[x + h * v for x, v in zip(xs, vs)]) - f(*[x - h * v for x, v in zip(xs, vs)])) / (2 * h)] for h in steps
    ]
    for i in range(1, len(table)):
        for j in range(1, i + 1):
            table[i].append((4**j * table[i][j - 1] - table[i - 1][j - 1]) / (4**j - 1))
    return table[-1][-1], 1e-7


class NotComplexError(Exception):
    """The function does not take complex numbers."""


def forward(op, arrays, attributes, near):
    """The output; where several are equally right (signs of eigenvectors), the one nearest to `near`."""
    y = op.forward(*arrays, **attributes)
    return op.align(y, near, *arrays) if op.align else y


def along(op, arrays, attributes, which, analytic):
    near = op.forward(*arrays, **attributes)

    def f(*xs):
        if not analytic and any(np.iscomplexobj(x) for x in xs):
            raise NotComplexError
        full = list(arrays)
        for i, x in zip(which, xs):
            full[i] = x
        return forward(op, full, attributes, near)

    return f


def draw_like(rng, x):
    return rng.choice([-1.5, -0.5, 0.5, 1.0, 2.0], size=np.shape(x))


def close(a, b, tolerance, scale=1.0):
    a, b = np.asarray(a), np.asarray(b)
    bound = tolerance * (np.max(np.abs(b), initial=0) + np.max(np.abs(a), initial=0) + scale)
    assert np.all(np.isfinite(a)), a
    assert np.max(np.abs(a - b), initial=0) <= bound, (a, b)


def rules(op, g, y, xs, attributes, which):
    return [op.vjps[i](g, y, *xs, **attributes) for i in which]


@ops
@given(data=st.data())
def test_order_one_is_the_derivative_of_the_forward(op, data):
    arrays, attributes = data.draw(calls(op))
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    which = smooth(op, arrays)
    for a in arrays:
        a.flags.writeable = False
    y = op.forward(*arrays, **attributes)
    g = np.asarray(draw_like(rng, y))
    vs = [draw_like(rng, arrays[i]) for i in which]
    found = tg_gradients(op, arrays, attributes, which, g)
    expected, tolerance = directional(along(op, arrays, attributes, which, op.analytic), [arrays[i] for i in which], vs)
    left = sum(np.sum(gx * v) for gx, v in zip(found, vs))
    close(left, np.sum(g * expected), tolerance, scale=np.sum(np.abs(g)))


def tg_gradients(op, arrays, attributes, which, g):
    xs = [tg.Tensor(a, requires_grad=i in which) for i, a in enumerate(arrays)]
    y = op(*xs, **attributes)
    found = gradients([(y, np.asarray(g, dtype=y.dtype)[()])], [xs[i] for i in which])
    for i, gx in zip(which, found):
        assert gx.shape == arrays[i].shape
        assert gx.dtype == arrays[i].dtype
    return found


@ops
@given(data=st.data())
def test_order_two_is_the_derivative_of_the_rule(op, data):
    arrays, attributes = data.draw(calls(op))
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    which = smooth(op, arrays)
    y = near = op.forward(*arrays, **attributes)
    g = np.asarray(draw_like(rng, y))
    ws = [draw_like(rng, arrays[i]) for i in which]
    vs = [draw_like(rng, arrays[i]) for i in which]
    vg = draw_like(rng, g)

    def through_rule(g, *parts):  # <rule(g, x), w> on arrays
        if not op.analytic and any(np.iscomplexobj(x) for x in (g, *parts)):
            raise NotComplexError
        full = list(arrays)
        for i, x in zip(which, parts):
            full[i] = x
        y = forward(op, full, attributes, near)
        return sum(np.sum(gx * w) for gx, w in zip(rules(op, g, y, full, attributes, which), ws))

    expected, tolerance = directional(through_rule, [g, *[arrays[i] for i in which]], [vg, *vs])
    xs = [tg.Tensor(a, requires_grad=i in which) for i, a in enumerate(arrays)]
    tg_g = tg.Tensor(g, requires_grad=True)
    y = op(*xs, **attributes)
    wrt = [xs[i] for i in which]
    first = gradients([(y, tg_g)], wrt, create_graph=True)
    total = sum((gx * w).sum() for gx, w in zip(first, ws))
    second = gradients([(total, np.ones(()))], [tg_g, *wrt])
    left = sum(np.sum(gx * v) for gx, v in zip(second, [vg, *vs]))
    close(left, expected, max(tolerance, 1e-10) * 10, scale=np.sum(np.abs(g)))


@ops
@given(data=st.data())
def test_the_rule_reads_alike_on_arrays_and_on_tensors(op, data):
    arrays, attributes = data.draw(calls(op))
    rng = np.random.default_rng(0)
    which = smooth(op, arrays)
    y = op.forward(*arrays, **attributes)
    g = np.asarray(draw_like(rng, y))
    on_arrays = rules(op, g, y, arrays, attributes, which)
    with Mode("graph"):
        xs = [constant(a) for a in arrays]
        for i in which:
            xs[i].flags = NEEDS
        on_tensors = rules(op, tg.Tensor(g), op(*xs, **attributes), xs, attributes, which)
    for a, t in zip(on_arrays, on_tensors):
        np.testing.assert_array_equal(a, t.data)


@ops
@given(data=st.data())
def test_forward_mode_is_the_transpose_of_reverse_mode(op, data):
    arrays, attributes = data.draw(calls(op))
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    which = smooth(op, arrays)
    vs = [draw_like(rng, arrays[i]) for i in which]

    def f(*parts):
        full = list(arrays)
        for i, x in zip(which, parts):
            full[i] = x
        return op(*full, **attributes)

    y, dy = tg.jvp(f, tuple(arrays[i] for i in which), tuple(vs))
    g = draw_like(rng, y.data)
    back = tg_gradients(op, arrays, attributes, which, g)
    close(np.sum(g * dy.data), sum(np.sum(gx * v) for gx, v in zip(back, vs)), 1e-10, scale=np.sum(np.abs(g)))
    assert dy.shape == y.shape


@pytest.mark.parametrize("op", BUILT_IN, ids=str)
@given(data=st.data())
def test_a_batch_is_the_same_as_one_example_after_another(op, data):
    arrays, attributes = data.draw(calls(op))
    pairs = [np.stack([a, np.flip(a)]) for a in arrays]
    if op.name == "searchsorted":
        pairs = [np.sort(p) for p in pairs]
    batched = tg.vmap(lambda *xs: op(*xs, **attributes))(*map(tg.asarray, pairs))
    single = [op.forward(*[p[i] for p in pairs], **attributes) for i in range(2)]
    np.testing.assert_allclose(batched.data, np.stack(single), rtol=1e-12, atol=1e-12)


@ops
@given(data=st.data())
def test_gradients_of_a_batch(op, data):
    arrays, attributes = data.draw(calls(op))
    which = smooth(op, arrays)
    pairs = [np.stack([a, a]) for a in arrays]

    def f(*xs):
        y = op(*xs, **attributes)
        return (y * y).sum()

    batched = tg.vmap(tg.grad(f, tuple(which)))(*map(tg.asarray, pairs))
    single = tg.grad(f, tuple(which))(*map(tg.asarray, arrays))
    for b, s in zip(batched, single):
        np.testing.assert_allclose(b.data, np.stack([s.data, s.data]), rtol=1e-10, atol=1e-10)
