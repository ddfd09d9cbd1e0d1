"""scan and while_loop, beside JAX."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import ShapeError, TreeError

jax = pytest.importorskip("jax")
R = np.random.default_rng(0)
XS = {"u": R.normal(size=(6, 3)), "v": R.normal(size=6)}
START = {"h": R.normal(size=3), "n": np.float64(0.5)}


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


def step(xp):
    def f(carry, x):
        h = xp.tanh(carry["h"] * x["u"] + x["v"])
        return {"h": h, "n": carry["n"] + h.sum()}, (h[0], {"n": carry["n"]})

    return f


SCANS = {"forward": {}, "reverse": {"reverse": True}, "with its length": {"length": 6}}


@pytest.mark.parametrize("name", SCANS)
def test_scan(name):
    results, gradients, tangents = [], [], []
    for t, xp, scan in ((tg, tg, tg.scan), (jax, jax.numpy, jax.lax.scan)):
        f = lambda c, xs, xp=xp, scan=scan: scan(step(xp), c, xs, **SCANS[name])
        results.append(f(START, XS))
        total = lambda c, xs, f=f, xp=xp: f(c, xs)[0]["n"] * (f(c, xs)[1][0] ** 2).sum()
        gradients.append(t.grad(total, (0, 1))(START, XS))
        tangents.append(t.jvp(total, (START, XS), (START, XS))[1])
    for pair in (results, gradients, tangents):
        for ours, theirs in zip(tg.tree.leaves(pair[0]), jax.tree.leaves(pair[1]), strict=True):
            np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-10, atol=1e-14)


def test_scan_without_xs():
    last, powers = tg.scan(lambda c, _: (2 * c, c), np.float64(1.0), length=5)
    assert (last.item(), powers.tolist()) == (32.0, [1.0, 2.0, 4.0, 8.0, 16.0])
    assert tg.scan(lambda c, _: (2 * c, c), 1.0, length=0) == (1.0, None)
    assert tg.scan(lambda c, x: (c + x, None), np.float64(0.0), np.ones(3))[1] is None


def test_scan_in_a_vmap_and_in_checkpoint():
    f = lambda c, xs, inner: tg.scan(inner, c, xs)[0]["n"]
    xs = {"u": R.normal(size=(2, 6, 3)), "v": R.normal(size=(2, 6))}
    plain = lambda c, xs: f(c, xs, step(tg))
    batch = tg.vmap(tg.grad(plain), in_axes=(None, 0))(START, xs)
    for i in range(2):
        one = tg.grad(lambda c, xs: f(c, xs, tg.checkpoint(step(tg))))(START, tg.tree.map(lambda x: x[i], xs))  # noqa: B023
        np.testing.assert_allclose(batch["h"].data[i], one["h"].data, rtol=1e-10)


def collatz(xp, where):
    def body(state):
        n, steps, x = state
        return where(n % 2 == 0, n / 2, 3 * n + 1), steps + 1, x + 0.1 * xp.sin(x)

    return body


def test_while_loop():
    """The number of steps depends on the values; under vmap it differs by the example."""
    ours = lambda n, x: tg.while_loop(lambda s: s[0] > 1, collatz(tg, tg.where), (n, 0, x))
    theirs = lambda n, x: jax.lax.while_loop(lambda s: s[0] > 1, collatz(jax.numpy, jax.numpy.where), (n, 0, x))
    for n in (1.0, 6.0, 7.0):
        for a, b in zip(ours(np.float64(n), np.float64(0.5)), theirs(np.float64(n), np.float64(0.5)), strict=True):
            np.testing.assert_allclose(a.item(), float(b), rtol=1e-12)
    ns, xs = np.array([1.0, 6.0, 7.0, 27.0]), np.array([0.5, 0.25, 1.0, 1.25])
    for a, b in zip(tg.vmap(ours)(ns, xs), jax.vmap(theirs)(ns, xs), strict=True):
        np.testing.assert_allclose(a.data, np.asarray(b), rtol=1e-10)
    move = lambda t, f: t.jvp(lambda x: f(np.float64(6.0), x)[2], (np.float64(0.5),), (np.float64(2.0),))[1]
    np.testing.assert_allclose(move(tg, ours).item(), float(move(jax, theirs)), rtol=1e-10)
    slopes = tg.vmap(tg.grad(lambda x, n: ours(n, x)[2]))(xs, ns)  # the way back, which JAX does not have
    for slope, x, n in zip(slopes.data, xs, ns, strict=True):
        expected = jax.jvp(lambda x, n=n: theirs(n, x)[2], (x,), (1.0,))[1]
        np.testing.assert_allclose(slope, float(expected), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: tg.scan(lambda c, x: (c, x), 0.0), ShapeError, "scan: xs must have one length; got none; give xs, or length="),
        (lambda: tg.scan(lambda c, x: (c, x), 0.0, (np.ones(2), np.ones(3))), ShapeError, r"scan: xs must have one length; got \[2, 3\]"),
        (lambda: tg.scan(lambda c, x: c, 0.0, np.ones(2)), ShapeError, r"scan: f must return \(carry, y\); got float"),
        (lambda: tg.scan(lambda c, x: ({"a": x}, x), {"b": 0.0}, np.ones(2)), TreeError, "scan: carry: trees must have one structure"),
        (lambda: tg.while_loop(lambda x: x < 3, lambda x: x + 1, np.zeros(2)), ShapeError, r"while_loop: cond must return one truth value; got shape \(2,\)"),
        (lambda: tg.while_loop(lambda x: x < 3, lambda x: (x, x), 0.0), ShapeError, "while_loop: cond must|while_loop: body: trees"),
    ],
)  # fmt: skip
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
