"""Functions with rules of their own, beside the same functions without and beside JAX."""

import functools
import itertools
import weakref

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError, GraphError, ShapeError, TreeError

W, X = np.random.default_rng(0).normal(size=(2, 4))


def plain(p, n, x):
    return {"a": p["w"] * tg.sin(x) * n, "b": (p["w"].sum(), tg.ones(2, dtype="int64"))}


def with_vjp():
    f = tg.custom_vjp(plain)

    def forward(p, n, x):
        return plain(p, n, x), (p, tg.sin(x), tg.cos(x), n)

    def backward(kept, g):
        p, s, c, n = kept
        return {"w": g["a"] * s * n + g["b"][0]}, None, g["a"] * p["w"] * c * n

    f.defvjp(forward, backward)
    return f


def with_jvp():
    f = tg.custom_jvp(plain)

    def rule(primals, tangents):
        p, n, x = primals
        dp, _, dx = tangents
        da = dp["w"] * tg.sin(x) * n + p["w"] * tg.cos(x) * dx * n
        return plain(p, n, x), {"a": da, "b": (dp["w"].sum(), tg.ones(2, dtype="int64"))}

    f.defjvp(rule)
    return f


def loss(f):
    def of(w, x):
        r = f({"w": w}, 3, x)
        return (r["a"] ** 3).sum() + r["b"][0] ** 2 * r["a"][0]

    return of


TWO = np.stack([W, X]), np.stack([X, W])
READINGS = {
    "value": lambda f: f(W, X),
    "grad": lambda f: tg.grad(f, (0, 1))(W, X),
    "hessian": lambda f: tg.hessian(f, (0, 1))(W, X),
    "jvp": lambda f: tg.jvp(f, (W, X), (X, W)),
    "hvp": lambda f: tg.hvp(f, (W, X), (X, W)),
    "jacfwd": lambda f: tg.jacfwd(f, (0, 1))(W, X),
    "vmap": lambda f: tg.vmap(f)(*TWO),
    "vmap of grad": lambda f: tg.vmap(tg.grad(f, (0, 1)))(*TWO),
    "vmap of hessian": lambda f: tg.vmap(tg.hessian(f))(*TWO),
    "checkpoint": lambda f: tg.grad(tg.checkpoint(f))(W, X),
    "third order": lambda f: tg.grad(lambda w: tg.hessian(f)(w, X).sum())(W),
}


@pytest.mark.parametrize("name", READINGS)
@pytest.mark.parametrize("ruled", [with_vjp, with_jvp])
def test_a_right_rule_changes_nothing(ruled, name):
    ours, expected = (tg.tree.leaves(READINGS[name](loss(f))) for f in (ruled(), plain))
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-10, atol=1e-12)


def test_the_rule_is_what_is_used():
    """Beside JAX: a function whose rule says something else than its formula."""
    jax = pytest.importorskip("jax")
    found = []
    for t in (tg, jax):
        f = t.custom_vjp(lambda x, y: (x * y, x))
        f.defvjp(lambda x, y: ((x * y, x), (x, y)), lambda kept, g: (7 * g[0] * kept[1] + g[1], g[0] * kept[0] ** 2))
        h = t.custom_jvp(lambda x: x * x)
        h.defjvp(lambda p, dp: (p[0] * p[0], 5 * p[0] * dp[0]))
        both = lambda x, y, f=f, h=h: (f(x, y)[0] * h(f(x, y)[1])).sum()
        x, y = np.float32([1.0, 2.0]), np.float32([3.0, -1.0])
        found.append(
            [*t.grad(both, (0, 1))(x, y), *t.vmap(t.grad(both))(x[:, None], y[:, None]), t.jvp(h, (x,), (y,))[1]]
        )
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-5)


def test_the_way_back_uses_residuals_of_the_one_forward():
    runs = []

    def forward(x):
        runs.append("forward")
        return tg.exp(x), tg.exp(x)

    f = tg.custom_vjp(tg.exp)
    f.defvjp(forward, lambda y, g: (g * y,))
    x = tg.Tensor([0.0, 1.0], requires_grad=True)
    f(x).sum().backward()
    np.testing.assert_allclose(x.grad.data, np.exp([0.0, 1.0]), rtol=1e-6)
    assert runs == ["forward"]


def test_float32_and_pictures():
    f = tg.custom_vjp(lambda a, b: (a + b, a * 2.0))
    f.defvjp(lambda a, b: ((a + b, a * 2.0), None), lambda _, g: (g[0] + 2 * g[1], g[0]))
    a, b = tg.Tensor([1.0], requires_grad=True), tg.Tensor(np.array([1.0]), requires_grad=True)
    y, z = f(a, b)
    assert (y.dtype, z.dtype) == (np.float64, np.float32)
    (y + z).sum().backward()
    assert (a.grad.dtype, b.grad.dtype, a.grad.item(), b.grad.item()) == (np.float32, np.float64, 3.0, 1.0)
    assert "custom_rule" in tg.draw(y).source


def ruled(forward, backward):
    f = tg.custom_vjp(lambda x: x)
    f.defvjp(forward, backward)
    return f


OUTSIDE = tg.Tensor(2.0, requires_grad=True)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: tg.custom_vjp(3), DTypeError, "custom_vjp: f must be a function; got 3"),
        (lambda: tg.custom_vjp(abs)(1.0), GraphError, r"custom_vjp: needs a rule; got none; call f.defvjp\(forward, backward\)"),
        (lambda: tg.custom_jvp(abs)(1.0), GraphError, r"custom_jvp: needs a rule; got none; call f.defjvp\(rule\)"),
        (lambda: tg.grad(ruled(lambda x: x, None))(1.0), DTypeError, "defvjp: backward must be a function; got None"),
        (lambda: tg.grad(ruled(lambda x: x, abs))(1.0), GraphError, r"custom_vjp: forward must return \(result, residuals\); got Tensor"),
        (lambda: tg.grad(ruled(lambda x: (x, x), lambda r, g: g))(1.0), GraphError, "custom_vjp: backward must return a tuple of a gradient for each of 1 arguments; got Tensor"),
        (lambda: tg.grad(ruled(lambda x: (x, x), lambda r, g: (g, g)))(1.0), GraphError, "custom_vjp: backward must .*; got a tuple of 2"),
        (lambda: tg.grad(ruled(lambda x: (x, x), lambda r, g: (tg.ones(3),)))(1.0), ShapeError, r"custom_vjp: a rule must give a gradient of its argument's shape \(\); got \(3,\)"),
        (lambda: tg.grad(lambda x: ruled(lambda p: (p["a"], 1), lambda r, g: (g,))({"a": x}))(1.0), TreeError, "custom_vjp: trees must have one structure"),
        (lambda: tg.grad(ruled(lambda x: (x * OUTSIDE, x), lambda r, g: (g,)))(1.0), GraphError, "custom_vjp: a tensor that needs a gradient must be an argument"),
    ],
)  # fmt: skip
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


class Lender:
    """Gives its own array, whatever `copy` says."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return self.values


OWNERS = {
    "array": lambda a: a,
    "a view": lambda a: a[:],
    "an object": Lender,
    "a buffer": memoryview,
    "in a list": lambda a: [a],
    "in a dict": lambda a: {"a": Lender(a)},
}
NAMES = map("own_{}".format, itertools.count())


def held(a):
    return a["a"] if isinstance(a, dict) else a[0] if isinstance(a, list) else a


def as_argument(a):
    f = tg.custom_vjp(lambda x, a: x)
    f.defvjp(lambda x, a: (x * held(a), a), lambda a, g: (g * held(a), None))
    return lambda x: f(x, a)


def as_residual(a):
    f = tg.custom_vjp(lambda x: x)
    f.defvjp(lambda x: (tg.asarray(x.numpy() * np.asarray(held(a))), a), lambda a, g: (g * held(a),))
    return f


def from_outside(a):
    f = tg.custom_vjp(lambda x: x)
    f.defvjp(lambda x: (x * held(a), None), lambda _, g: (g * held(a),))
    return f


def of_forward_mode(a):
    f = tg.custom_jvp(lambda x, a: x * held(a))
    f.defjvp(lambda x, dx: (x[0] * held(x[1]), dx[0] * held(x[1])))
    return lambda x: f(x, a)


def as_attribute(a):
    values = lambda a: np.asarray(held(a))
    f = tg.custom_op(next(NAMES), lambda x, a: x * values(a), lambda g, y, x, a: g * values(a))
    return lambda x: f(x, a=a)


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("kept", [as_argument, as_residual, from_outside, of_forward_mode, as_attribute])
def test_what_a_rule_keeps_is_as_it_was_or_refused(owner, kept):
    def gradient(spoil):
        values, x = np.array([2.0, 3.0]), tg.Tensor([1.0, 1.0], requires_grad=True, dtype="float64")
        y = kept(OWNERS[owner](values))(x).sum()
        if spoil:
            values[...] = 9.0
        y.backward()
        return x.grad.tolist()

    assert gradient(spoil=False) == [2.0, 3.0]
    try:
        found = gradient(spoil=True)
    except GraphError as error:
        found = str(error)
    assert found == [2.0, 3.0] or "must be as it was; got a changed" in found


def test_a_tensor_that_is_kept_for_a_rule_is_watched():
    for change in (lambda t: t.data.fill(9.0), lambda t: t.__setitem__(..., 9.0), lambda t: t.__iadd__(1.0)):
        kept, x = tg.Tensor([2.0]), tg.Tensor([1.0], requires_grad=True)
        y = ruled(lambda x, kept=kept: (x * kept, kept), lambda kept, g: (g * kept,))(x)
        change(kept)
        with pytest.raises(GraphError, match=r"must be as it was; got a changed Tensor of shape \(1,\); pass tensors"):
            y.sum().backward()


def test_what_nobody_can_write_into_is_let_go():
    kept = []

    def forward(x):
        array = np.ones(3)
        kept.append(weakref.ref(array))
        return x * array, None

    y = ruled(forward, lambda _, g: (g,))(tg.Tensor(np.ones(3), requires_grad=True))
    assert kept[0]() is None
    y.sum().backward()


def _jaxs(api, xp):
    """Functions with rules as JAX's own pages write them."""

    @api.custom_vjp
    def itself(x, y):
        return {"p": xp.sin(x) * y, "q": x}

    def forward(x, y):
        return itself(x, y), (xp.cos(x), xp.sin(x), y)

    itself.defvjp(forward, lambda kept, g: (kept[0] * g["p"] * kept[2] + 3 * g["q"], kept[1] * g["p"]))

    @functools.partial(api.custom_vjp, nondiff_argnums=(0, 2))
    def applied(f, x, n):
        return f(x) ** n

    applied.defvjp(lambda f, x, n: (applied(f, x, n), x), lambda f, n, x, g: (7 * n * g * f(x),))

    @functools.partial(api.custom_jvp, nondiff_argnums=(1,))
    def power(x, n):
        return x**n

    power.defjvp(lambda n, primals, tangents: (power(primals[0], n), 5 * n * primals[0] * tangents[0]))

    @api.custom_jvp
    def product(x, y):
        return x * y

    product.defjvps(lambda t, out, x, y: 2 * t * y, lambda t, out, x, y: t * x + out * t)

    @api.custom_jvp
    def half(x, y):
        return x * y

    half.defjvps(None, lambda t, out, x, y: 3 * t * x)

    @api.custom_jvp
    def sine(x):
        return xp.sin(x)

    @api.custom_jvp
    def cosine(x):
        return xp.cos(x)

    sine.defjvp(lambda p, t: (sine(*p), cosine(*p) * t[0]))
    cosine.defjvp(lambda p, t: (cosine(*p), -sine(*p) * t[0]))

    @api.custom_jvp
    def exponential(x):
        return xp.exp(x)

    def rule(primals, tangents):
        y = exponential(*primals)
        return y, y * tangents[0]

    exponential.defjvp(rule)
    return {
        "rules in each other": lambda x, y: (sine(x) * cosine(x * y)).sum(), "in terms of its result": lambda x, y: exponential(x * y).sum(),
        "written in itself": lambda x, y: (itself(x, y)["p"] * itself(x, y)["q"]).sum(), "by keyword": lambda x, y: itself(x, y=y)["p"].sum(),
        "with settings": lambda x, y: (applied(xp.sin, x, 2) * applied(xp.tanh, y, 3)).sum(), "forward with settings": lambda x, y: (power(x, 2) * power(y, n=3)).sum(),
        "one rule each": lambda x, y: product(product(x, y), y).sum(), "no rule for one": lambda x, y: half(x, y).sum(),
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "written in itself",
        "by keyword",
        "with settings",
        "forward with settings",
        "one rule each",
        "no rule for one",
        "rules in each other",
        "in terms of its result",
    ],
)
def test_rules_written_as_jaxs_users_write_them(name):
    jax = pytest.importorskip("jax")
    x, y = np.float32([0.3, -1.2, 2.0]), np.float32([0.7, 0.1, -0.4])
    ours, theirs = _jaxs(tg, tg)[name], _jaxs(jax, jax.numpy)[name]
    np.testing.assert_allclose(ours(x, y).data, theirs(x, y), rtol=1e-5)
    for transform in (
        lambda api, f: api.grad(f, (0, 1)),
        lambda api, f: api.grad(lambda x, y: (api.grad(f)(x, y) ** 2).sum(), (0, 1)),
    ):
        for a, b in zip(transform(tg, ours)(x, y), transform(jax, theirs)(x, y), strict=True):
            np.testing.assert_allclose(a.data, b, rtol=1e-5, atol=1e-6)


def test_an_argument_by_keyword_alone_has_no_gradient_to_be_given():
    f = tg.custom_vjp(lambda x, *, n: x**n)
    f.defvjp(lambda x, n: (x, x), lambda x, g: (g,))
    with pytest.raises(
        TypeError, match=r"custom_vjp: arguments of <lambda> must have a place; got n by keyword alone; let"
    ):
        f(1.0, n=2)
