"""`compile`: functions of every form give compiled what they give as they stand, with graphs and under transforms."""

import copy
import dataclasses
import functools
import pickle
import threading
import warnings
from typing import NamedTuple

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.errors import GraphError
from tinygrad_edu.recording import TRACERS

from .twins import same

RNG = np.random.default_rng(0)


def fresh(*shape, grad=False, dtype="float64", seed=None):
    rng = RNG if seed is None else np.random.default_rng(seed)
    return tg.Tensor(rng.normal(size=shape).astype(dtype), requires_grad=grad)


def programs(f):
    return sum(map(len, f._plans.values()))


@dataclasses.dataclass
class Pair:
    a: object
    b: object


class Point(NamedTuple):
    x: object
    y: object


TREES = {
    "tuple": (lambda p: (p[0] + p[1], [p[0] * 2]), lambda: ((fresh(3), fresh(3)),)),
    "dict": (lambda d: {"z": d["b"] - d["a"], "a": d["a"]}, lambda: ({"b": fresh(2), "a": fresh(2)},)),
    "dataclass": (lambda p: Pair(p.a * p.b, (p.b, "text")), lambda: (Pair(fresh(2), fresh(2)),)),
    "named tuple": (lambda p: Point(p.y * 2, p.x), lambda: (Point(fresh(2), fresh(2)),)),
    "None": (lambda x, y: (x + 1, y), lambda: (fresh(2), None)),
    "text": (lambda x, how: x + 1 if how == "up" else x - 1, lambda: (fresh(2), "down")),
    "number": (lambda x, n: x**n, lambda: (fresh(2), 3)),
    "truth": (lambda x, up: x + 1 if up else x - 1, lambda: (fresh(2), False)),
    "array": (lambda x, a: (x * a, a.sum(), a + 1), lambda: (fresh(2), RNG.normal(size=2))),
    "scalar": (lambda x, a: x * a, lambda: (fresh(2), np.float64(RNG.normal()))),
    "numbers": (lambda x: (x * 2, 3, 2.5, None, "text"), lambda: (fresh(2),)),
    "constant": (lambda x: tg.arange(3.0), lambda: (fresh(2),)),
    "itself": (lambda x: x, lambda: (fresh(2),)),
    "the same twice": (lambda x: (lambda y: (y, y))(x + 1), lambda: (fresh(2),)),
    "views": (lambda x: (x.T, x[0], x.reshape(-1)), lambda: (fresh(2, 3),)),
    "empty": (lambda x: (x.sum(), x * 2), lambda: (fresh(0, 3),)),
    "no axes": (lambda x: (x * 2, x.sum()), lambda: (fresh(),)),
    "whole numbers": (lambda x: (x + 1, x // 2, x > 1, x.sum()), lambda: (tg.Tensor(RNG.integers(0, 9, 4)),)),
    "truths": (lambda x: (x & True, ~x, x.sum()), lambda: (tg.Tensor(RNG.integers(0, 2, 4) > 0),)),
    "half": (lambda x: (tg.exp(x), x.sum(), x @ x), lambda: (fresh(4, dtype="float16"),)),
    "single": (lambda x: (tg.exp(x), x.sum(), x @ x), lambda: (fresh(4, dtype="float32"),)),
    "complex": (lambda x: (x * 1j).real() if callable(getattr(x, "real", None)) else (x * x), lambda: (tg.Tensor(RNG.normal(size=3) + 1j),)),
    "no arguments": (lambda: tg.ones(2) * 3, lambda: ()),
}  # fmt: skip


@pytest.mark.parametrize("name", TREES)
def test_arguments_and_results_of_every_form(name):
    f, arguments = TREES[name]
    compiled = tg.compile(f)
    for _ in range(3):
        given = arguments()
        expected = f(*copy.deepcopy(given))
        same(compiled(*given), expected, 8, name)
    assert programs(compiled) == 1


def test_arrays_of_numpy_can_be_indices_and_labels():
    table = fresh(5, 3)
    f = tg.compile(lambda i, y: tg.nn.functional.cross_entropy(table[i] * 2, y))
    for _ in range(2):
        i, y = RNG.integers(5, size=4), RNG.integers(3, size=4)
        same(f(i, y), tg.nn.functional.cross_entropy(table[i] * 2, y), 8)
    assert programs(f) == 1


def test_products_of_what_is_one_for_all_examples_and_what_is_not():
    f = tg.vmap(tg.grad(lambda w, x: tg.tanh(tg.matmul(x, w)).sum()), in_axes=(None, 0))
    compiled = tg.compile(f)
    for _ in range(2):
        w, x = fresh(4, 3), fresh(5, 4)
        same(compiled(w, x), f(w, x), 64)


def test_keyword_arguments_in_any_order():
    compiled = tg.compile(lambda a, *, b, c=2.0: a * b + c)
    for _ in range(2):
        a, b = fresh(2), fresh(2)
        assert np.allclose(compiled(a, b=b).data, (a * b + 2).data)
        assert np.allclose(compiled(b=b, a=a, c=3.0).data, (a * b + 3).data)
    f = tg.compile(lambda d: next(iter(d.values())) * 2)
    assert f({"a": tg.Tensor(1.0), "b": tg.Tensor(5.0)}).item() == 2
    assert f({"b": tg.Tensor(5.0), "a": tg.Tensor(1.0)}).item() == 10


def test_floats_among_the_arguments_are_inputs_where_they_can_be():
    f = tg.compile(lambda x, a: x * a + (1 - a) ** 2)
    x = fresh(3)
    for a in (0.5, 0.25, -1.0, 3.5, 0.0):
        same(f(x, a), x * a + (1 - a) ** 2, 4)
    assert programs(f) == 2

    branching = tg.compile(lambda x, a: x * 2 if a > 0.5 else x + a)
    for a in (0.1, 0.2, 0.7, 0.3, 0.9, 0.1):
        same(branching(x, a), x * 2 if a > 0.5 else x + a, 4)
    assert programs(branching) == 3

    fixed = tg.compile(lambda x, p: tg.exp(p) * x)  # takes Python's numbers only
    for p in (0.1, 0.2, 0.3, 0.1):
        same(fixed(x, p), tg.exp(p) * x, 4)
    given_back = tg.compile(lambda x, a: (x + a, a * 2))
    for a in (1.0, 2.0, 3.0):
        _, b = given_back(x, a)
        assert (type(b), b) == (float, 2 * a)


def test_methods_modules_and_partial_functions():
    class Scaler:
        def __init__(self, k):
            self.k = tg.Tensor(k)

        @tg.compile
        def scale(self, x):
            return x * self.k

    a, b = Scaler(2.0), Scaler(3.0)
    for _ in range(2):
        assert (a.scale(tg.Tensor(5.0)).item(), b.scale(tg.Tensor(5.0)).item()) == (10, 15)
    assert "multiply" in str(a.scale.program)
    layer = nn.Linear(2, 2)
    model, step = tg.compile(layer), tg.compile(lambda m, x: m(x))
    for _ in range(3):
        x = fresh(4, 2, dtype="float32")
        same(model(x), layer(x), 8)
        same(step(layer, x), layer(x), 8)
    part = tg.compile(functools.partial(lambda k, x: x * k, tg.Tensor(2.0)))
    assert part(tg.Tensor(4.0)).item() == 8
    outer = tg.compile(lambda x: model(x) * 2)
    same(outer(x), layer(x) * 2, 8)


def test_pickles_and_copies_are_the_plain_function_compiled():
    f = tg.compile(np.abs)
    for other in (pickle.loads(pickle.dumps(f)), copy.deepcopy(f), copy.copy(f)):
        assert other.function is np.abs
        assert other(tg.Tensor([-1.0])).tolist() == [1.0]


FACTOR, OFFSETS, WEIGHT = 2.0, [1.0, 2.0], tg.Tensor([1.0, 1.0])


class Settings:
    scale = 1.0

    def __init__(self):
        self.alpha, self.table = 0.5, np.array([1.0, 2.0])


SETTINGS = Settings()


def helper(x):
    return x * FACTOR + OFFSETS[0]


@tg.compile
def reads_globals(x):
    return helper(x) * WEIGHT + SETTINGS.alpha * SETTINGS.scale + tg.Tensor(SETTINGS.table)


def test_whatever_is_reached_from_the_function_may_change_between_calls():
    global FACTOR, WEIGHT

    def check():
        x = fresh(2)
        same(reads_globals(x), reads_globals.function(x), 4)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        check()
        before = programs(reads_globals)
        check()
        WEIGHT.data = [3.0, 4.0]
        check()
        WEIGHT.data[0] = 7.0
        check()
        WEIGHT += 1
        check()
        assert programs(reads_globals) == before
        for change in (
            lambda: OFFSETS.__setitem__(0, 9.0), lambda: setattr(SETTINGS, "alpha", 3.0),
            lambda: setattr(Settings, "scale", 4.0), lambda: SETTINGS.table.__setitem__(0, 8.0),
            lambda: setattr(SETTINGS, "table", np.array([5.0, 6.0])),
        ):  # fmt: skip
            change()
            check()
        FACTOR = 5.0
        check()
        WEIGHT = tg.Tensor([8.0, 9.0])
        check()


def test_closed_over_variables_are_rebound_and_modules_change_their_parts():
    k = 2.0
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.0))

    def f(x):
        return model(x) * k

    compiled = tg.compile(f)

    def check():
        x = fresh(3, 2, dtype="float32")
        same(compiled(x), f(x), 8)

    check()
    k = 3.0
    check()
    model[0] = nn.Linear(2, 2)
    check()
    model[0].weight = nn.Parameter(np.ones((2, 2), "float32"))
    check()
    model = nn.Linear(2, 2)
    check()


def test_the_default_dtype_and_no_grad_count():
    f = tg.compile(lambda x: x * tg.ones(2))
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    assert f(x).dtype == np.float32
    assert f(x).requires_grad
    with tg.no_grad():
        assert not f(x).requires_grad
    tg.set_default_dtype("float64")
    try:
        assert f(x).dtype == np.float64
    finally:
        tg.set_default_dtype("float32")
    assert not f(x.detach()).requires_grad
    assert f(x).requires_grad


def scalar(x, w):
    return (tg.tanh(x * w) * x).sum()


def test_gradients_of_results():
    f = tg.compile(lambda x, w: {"a": tg.tanh(x) * w, "b": (x @ w)})
    for seed in range(3):
        ours, own = ([fresh(3, grad=True, seed=seed + i) for i in (0, 9)] for _ in range(2))
        for g, (x, w) in ((f, ours), (f.function, own)):
            y = g(x, w)
            (y["a"].sum() * y["b"] + tg.exp(y["b"])).backward()
        same([x.grad for x in ours], [x.grad for x in own], 16)


TRANSFORMS = {
    "grad": lambda f: tg.grad(f), "grad of grad": lambda f: tg.grad(lambda x, w: tg.grad(f)(x, w).sum()),
    "value and grad": lambda f: tg.value_and_grad(f, argnums=1), "hessian": lambda f: tg.hessian(f),
    "jacobian": lambda f: tg.jacobian(lambda x, w: tg.grad(f)(x, w)),
    "jvp": lambda f: lambda x, w: tg.jvp(lambda x: f(x, w), (x,), (w,)),
    "hvp": lambda f: lambda x, w: tg.hvp(lambda x: f(x, w), (x,), (w,)),
    "vmap": lambda f: tg.vmap(lambda x, w: f(x, w)), "vmap of grad": lambda f: tg.vmap(tg.grad(f)),
    "vmap over one": lambda f: lambda x, w: tg.vmap(lambda x: f(x, w))(tg.stack([x, w])),
    "checkpoint": lambda f: tg.grad(lambda x, w: tg.checkpoint(f)(x, w)),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSFORMS)
def test_compiled_under_transforms_and_transforms_compiled(name):
    transform = TRANSFORMS[name]
    inner, outer = transform(tg.compile(scalar)), tg.compile(transform(scalar))
    for _ in range(3):
        x, w = fresh(3), fresh(3)
        expected = transform(scalar)(x, w)
        same(inner(x, w), expected, 200, "compiled inside")
        same(outer(x, w), expected, 200, "compiled outside")


def in_place(x, i):
    y = x * 2
    y[0] = x[1]
    y += 1
    v = y[1:]
    v *= 3
    y[i] = 7.0
    out = tg.zeros(3, dtype="float64")
    out[1] = y.sum()
    return y, v, out


def test_writes_inside():
    f = tg.compile(in_place)
    for i in (0, 2):
        for _ in range(2):
            x = fresh(3)
            same(f(x, i), in_place(x, i), 4)


def test_writes_into_arguments_and_closed_over_tensors():
    total = tg.zeros(2, dtype="float64")

    def f(x, a):
        x += 1
        x[0] = 5.0
        total.data = total.data + x.data
        a += 1
        return x * 2

    compiled = tg.compile(f)
    for _ in range(3):
        before = total.data.copy()
        x, a = fresh(2), np.array([1.0, 2.0])
        own, other = tg.Tensor(x), a.copy()
        y = compiled(x, a)
        after = total.data.copy()
        total.data = before
        same(y, f(own, other), 4)
        same(x, own, 4)
        same(a, other, 0)
        same(after, total.data, 4)


def test_gradients_of_arguments_are_added_up():
    def f(x, w):
        loss = (x * w).sum()
        loss.backward()
        return loss

    compiled = tg.compile(f)
    ours, own = fresh(2, grad=True, seed=1), fresh(2, grad=True, seed=1)
    for _ in range(3):
        w = fresh(2)
        same(compiled(ours, w), f(own, w), 4)
        same(ours, own, 4)
    with pytest.raises(GraphError, match="history"):
        compiled(ours * 2, w)


def test_results_are_nobody_elses_memory():
    w = tg.Tensor([1.0, 2.0])
    f = tg.compile(lambda x: (x[:1], w.reshape(2, 1), tg.ones(2), x.reshape(-1), x.reshape(-1)))
    for _ in range(2):
        x = fresh(2)
        found = f(x)
        for y in found:
            y.data[...] = 99
        assert 99 not in x.data
        assert w.tolist() == [1, 2]
    assert f(x)[2].tolist() == [1, 1]


def test_a_graph_whose_inputs_changed_says_so():
    f = tg.compile(lambda x, w: (x * w).sum())
    for _ in range(2):
        x, w = fresh(2), fresh(2, grad=True)
        y = f(x, w)
        expected = x.data.copy()
        x.data[...] = 0
        try:
            y.backward()
        except GraphError:
            pass
        else:
            assert np.allclose(w.grad.data, expected)
        a = np.array([1.0, 2.0])
        y = f(a, w)
        w.grad = None
        a[...] = 0
        y.backward()
        assert w.grad.tolist() == [1, 2]


def test_results_of_a_step_keep_no_graph_and_say_so():
    w = fresh(2, grad=True)

    @tg.compile
    def f(x):
        y = (x * w).sum()
        y.backward()
        return y

    for _ in range(2):
        y = f(fresh(2))
        assert y.requires_grad
        with pytest.raises(GraphError, match="keep no graph"):
            (y * 2).backward()


REFUSED = {
    "branch": lambda x: x if x.sum() > 0 else -x, "item": lambda x: x * x.sum().item(), "float": lambda x: x * float(x[0]),
    "numpy": lambda x: tg.Tensor(np.sort(np.asarray(x))), "print": lambda x: print(f"{x}") or x,
    "mask": lambda x: x[x > 0], "list": lambda x: x.tolist(), "NumPy's chance": lambda x: x * np.random.rand(),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_with_the_line(name):
    f = tg.compile(REFUSED[name])
    x = fresh(3)
    before = x.data.copy()
    for _ in range(2):
        with pytest.raises(GraphError, match=r"same operations for all values; got .* at .*test_compile\.py:\d+; "):
            f(x)
    assert np.array_equal(x.data, before)
    assert not TRACERS


def test_what_is_changed_outside_is_refused():
    seen = []

    @tg.compile
    def f(x):
        seen.append(x)
        return x * 2

    with pytest.raises(GraphError, match="seen changed"):
        f(fresh(2))


def test_programs_before_and_after_calls():
    f = tg.compile(lambda x: tg.tanh(x) * 2)
    for ask in (lambda: f.program, f.explain, f.source):
        with pytest.raises(GraphError, match="before the first call"):
            ask()
    f(fresh(2))
    assert "tanh" in str(f.program)
    assert "steps" in f.explain()
    assert "define" in f.source() or "def run" in f.source()


def test_many_shapes_are_warned_of():
    f = tg.compile(lambda x: x * 2)
    for n in range(7):
        assert f(fresh(n)).shape == (n,)
    with pytest.warns(RuntimeWarning, match="8 programs"):
        f(fresh(7))


def test_threads_call_one_function():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    f = tg.compile(lambda x: model(x).sum())
    xs = [np.random.default_rng(i).normal(size=(1 + i % 4, 3)).astype("float32") for i in range(40)]
    expected = [model(tg.Tensor(x)).sum().item() for x in xs]
    found, errors = {}, []

    def work(start):
        try:
            for i in range(start, 40, 4):
                found[i] = f(tg.Tensor(xs[i])).item()
                assert np.isclose(model(tg.Tensor(xs[i])).sum().item(), expected[i], rtol=1e-4)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors, errors
    assert np.allclose([found[i] for i in range(40)], expected, rtol=1e-4)
