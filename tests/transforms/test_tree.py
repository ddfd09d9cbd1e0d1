"""Trees, and every transform of functions of trees, beside JAX."""

import collections
import dataclasses
import operator
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.errors import DTypeError, GraphError, ShapeError, TreeError

jax = pytest.importorskip("jax")


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


class Pair(NamedTuple):
    first: object
    second: object


@dataclasses.dataclass
class Box:
    low: object
    high: object = None


def rng():
    return np.random.default_rng(0)


def same(ours, theirs):
    """The same containers around the same numbers."""
    a, b = tg.tree.flatten(ours), jax.tree.flatten(theirs)
    assert len(a[0]) == len(b[0])
    for x, y in zip(a[0], b[0], strict=True):
        np.testing.assert_allclose(np.asarray(x), np.asarray(y), rtol=1e-10, atol=1e-12)
    assert jax.tree.structure(tg.tree.map(lambda x: 0, ours)) == jax.tree.structure(jax.tree.map(lambda x: 0, theirs))


LEAVES = st.one_of(st.integers(), st.floats(allow_nan=False), st.text(max_size=2))
TREES = st.recursive(
    LEAVES | st.none(),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=2), inner, max_size=3),
        st.tuples(inner, inner).map(lambda p: Pair(*p)),
        st.dictionaries(st.integers(), inner, max_size=2).map(lambda d: collections.defaultdict(list, d)),
    ),
    max_leaves=12,
)


@given(TREES)
def test_trees_come_apart_and_together_as_in_jax(tree):
    leaves, structure = tg.tree.flatten(tree)
    assert leaves == jax.tree.leaves(tree) == tg.tree.leaves(tree)
    again = tg.tree.unflatten(structure, leaves)
    assert again == tree
    assert type(again) is type(tree)
    assert structure == tg.tree.structure(again)
    assert hash(structure) == hash(tg.tree.structure(again))
    assert structure.num_leaves == len(leaves)
    assert tg.tree.map(lambda x: [x], tree) == jax.tree.map(lambda x: [x], tree)
    assert tg.tree.map(lambda *xs: xs, tree, tree) == jax.tree.map(lambda *xs: xs, tree, tree)


@given(TREES, TREES)
def test_structures_are_equal_where_those_of_jax_are(a, b):
    assert (tg.tree.structure(a) == tg.tree.structure(b)) == (jax.tree.structure(a) == jax.tree.structure(b))


def test_is_leaf_and_dataclasses():
    tree = {"b": [1, 2], "a": Box(3, (4, 5))}
    assert tg.tree.leaves(tree, is_leaf=lambda x: isinstance(x, list)) == [3, 4, 5, [1, 2]]
    assert tg.tree.map(operator.neg, tree) == {"b": [-1, -2], "a": Box(-3, (-4, -5))}
    assert repr(tg.tree.structure(tree)) == "Structure(dict(a=Box(low=*, high=tuple(*, *)), b=list(*, *)))"
    assert list(tg.tree.map(str, {"b": 1, "a": 2})) == ["b", "a"]  # as the keys stood


def loss(xp, p, x):
    """Uses every kind of container."""
    h = xp.tanh(x @ p["w"] + p["deep"][0])
    return (h * h).sum() + (p["deep"][1].first * x[0, 0]).sum() * p["scale"]


def several(xp, p, x):
    return {"out": (xp.sin(x @ p["w"]), p["scale"] ** 2), "sum": [xp.exp(p["deep"][0])]}


def params():
    r = rng()
    return {
        "w": r.normal(size=(3, 2)), "deep": [r.normal(size=2), Pair(r.normal(size=(2, 2)), np.float64(2.5))], "scale": np.float64(0.5),
    }  # fmt: skip


X = rng().normal(size=(4, 3))
BATCH = rng().normal(size=(5, 4, 3))


def tangent(seed):
    r = np.random.default_rng(seed)
    return tg.tree.map(lambda p: r.normal(size=np.shape(p)), params())


TRANSFORMS = {
    "grad": lambda t, xp: t.grad(lambda p, x: loss(xp, p, x))(params(), X),
    "grad of both": lambda t, xp: t.grad(lambda p, x: loss(xp, p, x), argnums=(1, 0))(params(), X),
    "value_and_grad": lambda t, xp: t.value_and_grad(lambda p, x: loss(xp, p, x))(params(), X),
    "has_aux": lambda t, xp: t.value_and_grad(lambda p, x: (loss(xp, p, x), {"seen": x.sum()}), has_aux=True)(params(), X),
    "grad with has_aux": lambda t, xp: t.grad(lambda p, x: (loss(xp, p, x), [x, None]), has_aux=True)(params(), X),
    "vjp": lambda t, xp: t.vjp(lambda p, x: several(xp, p, x), params(), X)[1](
        {"out": (np.ones((4, 2)), np.float64(2.0)), "sum": [np.array([1.0, -1.0])]}
    ),
    **{f"{n} with has_aux": lambda t, xp, n=n: getattr(t, n)(lambda p: (p["w"] * xp.sin(p["scale"]), {"seen": p["deep"]}), has_aux=True)(params()) for n in ("jacrev", "jacfwd")},
    "hessian with has_aux": lambda t, xp: t.hessian(lambda p, x: (loss(xp, p, x), [x]), has_aux=True)(params(), X),
    "linearize with has_aux": lambda t, xp: (lambda y, f, seen: [y, f(params()), seen])(*t.linearize(lambda p: (p["w"] * 2, p["scale"]), params(), has_aux=True)),
    "jvp with has_aux": lambda t, xp: t.jvp(lambda p: (p["w"] ** 2, p["scale"]), (params(),), (params(),), has_aux=True),
    "vjp with has_aux": lambda t, xp: t.vjp(lambda p: (p["w"], p["scale"]), params(), has_aux=True)[2],
    "jvp": lambda t, xp: t.jvp(lambda p, x: several(xp, p, x), (params(), X), (tangent(1), X + 1)),
    "linearize": lambda t, xp: t.linearize(lambda p, x: several(xp, p, x), params(), X)[1](tangent(2), X),
    "jacrev": lambda t, xp: t.jacrev(lambda p, x: several(xp, p, x))(params(), X),
    "jacrev of both": lambda t, xp: t.jacrev(lambda p, x: several(xp, p, x), argnums=(0, 1))(params(), X),
    "jacfwd": lambda t, xp: t.jacfwd(lambda p, x: several(xp, p, x))(params(), X),
    "jacfwd of both": lambda t, xp: t.jacfwd(lambda p, x: several(xp, p, x), argnums=(0, 1))(params(), X),
    "jacfwd of jacrev": lambda t, xp: t.jacfwd(t.jacrev(lambda p, x: loss(xp, p, x)))(params(), X),
    "hessian": lambda t, xp: t.hessian(lambda p, x: loss(xp, p, x))(params(), X),
    "vmap": lambda t, xp: t.vmap(lambda p, x: several(xp, p, x), in_axes=(None, 0))(params(), BATCH),
    "vmap with trees of axes": lambda t, xp: t.vmap(
        lambda q, x: {"a": q["u"] * q["v"], "b": [x.sum(), q["u"]]},
        in_axes=({"u": 1, "v": None}, 0), out_axes={"a": 0, "b": [0, 1]},
    )({"u": rng().normal(size=(2, 5)), "v": rng().normal(size=2)}, BATCH),
    "vmap of grad": lambda t, xp: t.vmap(t.grad(lambda p, x: loss(xp, p, x)), in_axes=(None, 0))(params(), BATCH),
    "checkpoint": lambda t, xp: t.grad(
        lambda p, x: sum(y.sum() for y in jax.tree.leaves(t.checkpoint(lambda p, x: several(xp, p, x))(p, x)["out"]))
    )(params(), X),
    "hessian of checkpoint": lambda t, xp: t.hessian(
        lambda p, x: (t.checkpoint(lambda p, x: several(xp, p, x))(p, x)["out"][0] ** 3).sum()
    )(params(), X),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_takes_and_gives_trees(name):
    same(TRANSFORMS[name](tg, tg), TRANSFORMS[name](jax, jax.numpy))


def test_hvp_of_trees():
    ours = tg.hvp(lambda p, x: loss(tg, p, x), (params(), X), (tangent(1), X))
    theirs = jax.jvp(jax.grad(lambda p, x: loss(jax.numpy, p, x), (0, 1)), (params(), X), (tangent(1), X))[1]
    same(ours, theirs)
    same(
        tg.hvp(lambda p: loss(tg, p, X), params(), tangent(1)),
        tg.hvp(lambda p: loss(tg, p, X), (params(),), (tangent(1),)),
    )


def test_checking_of_gradients_takes_trees():
    net = nn.Linear(3, 2).astype("float64")
    report = tg.testing.check_gradients(lambda m, b, x: (m(x) * b.low).sum(), net, Box(X[0, :2], 1), X, order=2)
    assert report.verdict == "RIGHT"
    assert "all 24 derivatives agree" in str(report)


def model():
    tg.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2)).astype("float64")


def test_a_module_is_a_tree_of_its_parameters():
    net = model()
    f = lambda m, x: (m(x) ** 2).sum() + sum((p * p).sum() for p in m.parameters())
    value, found = tg.value_and_grad(f)(net, X)
    assert tg.tree.structure(found) == tg.tree.structure(net)
    f(net, X).backward()
    for p, g in zip(net.parameters(), found.parameters(), strict=True):
        np.testing.assert_allclose(g.data, p.grad.data, rtol=1e-12)
    assert found[0].weight.shape == net[0].weight.shape
    stepped = tg.tree.map(lambda p, g: p - 0.001 * g, net, found)
    assert f(stepped, X).item() < value.item()
    assert [n for n, _ in stepped.named_parameters()] == [n for n, _ in net.named_parameters()]
    assert isinstance(net[0].weight, nn.Parameter)


def test_per_example_gradients_of_a_module():
    net = model().eval()
    f = lambda m, x: (m(x) ** 2).sum()
    found = tg.vmap(tg.grad(f), in_axes=(None, 0))(net, BATCH)
    for i, x in enumerate(BATCH):
        one = tg.grad(f)(net, x)
        for a, b in zip(tg.tree.leaves(found), tg.tree.leaves(one), strict=True):
            np.testing.assert_allclose(a.data[i], b.data, rtol=1e-10)
    outputs = tg.vmap(lambda m, x: m(x), in_axes=0)(found, BATCH)  # a batch of modules
    assert outputs.shape == (5, 4, 2)


def test_shared_parameters_are_one_leaf():
    net = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    net[1].weight = net[0].weight
    found = tg.grad(lambda m: (m(X.astype("f4")) ** 2).sum())(net)
    assert len(tg.tree.leaves(found)) == 1
    zeros = tg.tree.map(lambda p: 0.0, model())
    assert len(tg.tree.leaves(zeros)) == 6


def test_functional_call_lists_the_tensors_it_was_given():
    class Decayed(nn.Linear):
        def forward(self, x):
            return super().forward(x).sum() + sum((p * p).sum() for p in self.parameters())

    net = Decayed(2, 1).astype("float64")
    w = np.array([[1.0, 2.0]])
    found = tg.grad(lambda w: nn.functional_call(net, {"weight": w}, np.array([[3.0, 4.0]])))(w)
    np.testing.assert_allclose(found.data, [[5.0, 8.0]])


def test_numbers_in_a_list_are_one_array_for_a_transform():
    assert tg.grad(lambda x: (x * x).sum())([1.0, 2.0]).tolist() == [2.0, 4.0]
    assert tg.vmap(lambda x: 2 * x)([[1.0], [2.0]]).tolist() == [[2.0], [4.0]]


def test_registered_classes_are_trees():
    class Line:
        def __init__(self, slope, start):
            self.slope, self.start = slope, start

    class Steep(Line):
        pass

    tg.tree.register(Line, vars, lambda like, parts: type(like)(*parts))
    try:
        found = tg.grad(lambda line: line.slope**2 * line.start)(Steep(3.0, 2.0))
        assert (type(found), found.slope.item(), found.start.item()) == (Steep, 12.0, 9.0)
    finally:
        del tg.tree.KINDS[Line]


LOOP = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: tg.grad(lambda p: p["a"])({"a": 1.0, "b": 2}), DTypeError, "grad: can only differentiate by floating-point arguments; got int64"),
        (lambda: tg.grad(lambda p: None)(1.0), GraphError, "grad: the function must return tensors; got None; end it with return"),
        (lambda: tg.grad(lambda p: p, has_aux=True)(1.0), GraphError, r"grad: with has_aux, the function must return \(value, anything\); got Tensor"),
        (lambda: tg.grad(lambda p: {"a": p, "b": p})(1.0), ShapeError, "grad: the function must return one scalar; got 2 values"),
        (lambda: tg.tree.map(abs, {"a": 1}, {"b": 1}), TreeError, r"tree.map: trees must have one structure; got dict\(b=\*\) in place of dict\(a=\*\)"),
        (lambda: tg.tree.map(abs, {"a": 1}, 3), TreeError, r"tree.map: trees must have one structure; got a leaf in place of dict\(a=\*\)"),
        (lambda: tg.tree.flatten({"a": 1, 2: 3}), TreeError, "tree: the keys of a dict must be sortable; got 'a', 2"),
        (lambda: tg.tree.flatten(LOOP), TreeError, "tree: a container must not hold itself"),
        (lambda: tg.tree.unflatten(tg.tree.structure([1, 2]), [1]), TreeError, "tree.unflatten: needs a leaf for each of 2 places; got 1"),
        (lambda: tg.tree.unflatten([1], [1]), DTypeError, "tree.unflatten: structure must be what tree.flatten gave; got list"),
        (lambda: tg.tree.map(3, [1]), DTypeError, "map: f must be a function; got 3"),
        (lambda: tg.tree.register(3, vars, vars), DTypeError, "tree.register: kind must be a class; got 3"),
        (lambda: tg.jvp(lambda p: p["a"], ({"a": 1.0},), ({"b": 1.0},)), TreeError, "jvp: trees must have one structure"),
        (lambda: tg.linearize(lambda p: p, 1.0)[1](1.0, 2.0), ShapeError, "linearize: needs a tangent for each primal; got 2 for 1"),
        (lambda: tg.vmap(lambda p: p, in_axes=({"a": 0},))({"b": np.ones(2)}), TreeError, "vmap: in_axes: trees must have one structure"),
        (lambda: tg.checkpoint(lambda x: 3)(tg.ones(2)), GraphError, "checkpoint: the function must return tensors; got int"),
    ],
)  # fmt: skip
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
