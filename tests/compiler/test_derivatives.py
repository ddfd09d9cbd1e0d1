"""Values, gradients and second order, compiled in one program: of every op, and of random functions, at new inputs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.testing.properties.calls import calls
from tinygrad_edu.testing.properties.op_checks import OpSubject, built_in_ops

from .twins import same


def thrice(f, count):
    """A function's value, gradient, and the gradient's own along a direction, by all of its inputs."""
    places = tuple(range(count))

    def slope(*xs):
        gradients = tg.grad(f, argnums=places)(*xs)
        return sum((g * np.cos(np.arange(g.size)).reshape(g.shape)).sum() for g in gradients)

    return lambda *xs: (f(*xs), tg.grad(f, argnums=places)(*xs), tg.grad(slope, argnums=places)(*xs))


def agree(f, points, tolerance):
    """The compiled function gives at each point what the function gives as it stands."""
    whole = thrice(f, len(points[0]))
    compiled = tg.compile(whole)
    with np.errstate(all="ignore"):
        for xs in points:
            same(compiled(*map(tg.Tensor, xs)), whole(*map(tg.Tensor, xs)), tolerance)
    return compiled


SMOOTH = [op for op in built_in_ops() if op.differentiable and not op.custom]


@pytest.mark.parametrize("op", SMOOTH, ids=str)
@given(st.data())
@settings(max_examples=1)
@pytest.mark.filterwarnings("ignore")
def test_each_op(op, data):
    arrays, attributes = data.draw(calls(op))
    subject = OpSubject(op, [np.array(a) for a in arrays], attributes)
    value = op.forward(*arrays, **attributes)
    if np.iscomplexobj(value):
        return  # a loss is real; complex results have tests of their own
    weights = np.sin(np.arange(1, np.size(value) + 1.0)).reshape(np.shape(value))
    points = [[np.array(arrays[i]) for i in subject.flow]] * 2
    agree(lambda *xs: (op(*subject.filled(xs), **attributes) * weights).sum(), points, 1e6)


UNARY = [tg.tanh, tg.sigmoid, tg.sin, lambda x: x * x, lambda x: tg.exp(-x * x), lambda x: tg.log(1 + x * x), tg.softplus,
         lambda x: tg.nn.functional.softmax(x, 1), lambda x: x.T, lambda x: x[::-1], lambda x: x - x.mean(0), lambda x: tg.cumulative_sum(x, axis=1),
         lambda x: tg.relu(x) * x, lambda x: tg.logsumexp(x, axis=0, keepdims=True) - x]  # fmt: skip
BINARY = [lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - b, lambda a, b: a / (1 + b * b), lambda a, b: tg.tanh(a @ b),
          lambda a, b: tg.where(a > b, a * b, b), tg.hypot, lambda a, b: tg.concat([a[1:], b[:1]])]  # fmt: skip


@given(st.lists(st.tuples(st.booleans(), *[st.integers(0, 60)] * 3), min_size=1, max_size=8), st.integers(1, 4))
def test_random_functions_at_new_inputs(steps, n):
    def f(*xs):
        known = list(xs)
        for one, which, i, j in steps:
            a, b = known[i % len(known)], known[j % len(known)]
            known.append(UNARY[which % len(UNARY)](a) if one else BINARY[which % len(BINARY)](a, b))
        squares = sum((x * x).sum() for x in xs)  # so that no gradient is made of roundings alone
        return sum(tg.tanh(x).sum() for x in known[-3:]) + squares

    points = [[np.random.default_rng(seed).normal(size=(n, n)) for _ in range(2)] for seed in range(3)]
    compiled = agree(f, points, 1e6)
    assert sum(map(len, compiled._plans.values())) == 1
