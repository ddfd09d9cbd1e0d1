"""Recurrences drawn at random: compiled, their values, gradients and second derivatives are what they are eagerly.

Numbers are whole and few, and moves keep them so, so that all sums are exact in any order: results are equal bit by bit.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F

WIDTH, BATCH = 3, 2
EXACT = 2.0**45  # whole numbers below it, and sums of a few hundred of them, are exact in float64

MOVES = {
    "add": lambda a, b, w: a + b,
    "subtract": lambda a, b, w: a - b,
    "product": lambda a, b, w: a * b,
    "matrix": lambda a, b, w: a @ w,
    "larger": lambda a, b, w: F.relu(a) - F.relu(-b),
    "where": lambda a, b, w: tg.where(a > b, a, 2 * b),
    "gates": lambda a, b, w: tg.concat([b[:, 1:], a[:, :1]], axis=1),
    "centred": lambda a, b, w: a - b.sum(axis=0),
    "drop": lambda a, b, w: F.dropout(a, 0.5),
    "square": lambda a, b, w: a**2,
}


def bounded(x):
    return tg.where(x > 2, 2, tg.where(x < -2, -2, x))


@dataclass
class Cell:
    """A step: moves on the states, the states before those, x at t and at t - 1; what becomes state and output."""

    moves: list[tuple[str, int, int]]
    states: list[int]
    outputs: list[int]

    def __call__(self, states, before, x, last, ws):
        known = [*states, *before, x, last]
        for k, (name, i, j) in enumerate(self.moves):
            known.append(MOVES[name](known[i % len(known)], known[j % len(known)], ws[k % len(ws)]))
        now = [bounded(known[-1 - i % len(known)]) for i in self.states]
        return now, [known[-1 - i % len(known)] for i in self.outputs]


def by_loop(cell, x, hs, ws, backwards):
    states, before, last, found = hs, hs, 0 * x[0], []
    for t in range(len(x))[:: -1 if backwards else 1]:
        (states, out), before = cell(states, before, x[t], last, ws), states
        last = x[t]
        found.append(out)
    return [tg.stack(ys) for ys in zip(*found, strict=True)], states


def by_scan(cell, x, hs, ws, backwards):
    def step(carry, xt):
        states, before, last = carry
        now, out = cell(states, before, xt, last, ws)
        return (now, states, xt), out

    (states, _, _), found = tg.scan(step, (hs, hs, 0 * x[0]), x, reverse=backwards)
    return found, states


@st.composite
def cells(draw):
    names = draw(st.lists(st.sampled_from(list(MOVES)), min_size=1, max_size=5))
    places = st.integers(0, 20)
    several = st.lists(st.integers(0, 5), min_size=1, max_size=3)
    return Cell([(name, draw(places), draw(places)) for name in names], draw(several), draw(several))


def whole(rng, *shape):
    return rng.integers(-1, 2, shape).astype("f8")


def derivatives(run, cell, backwards, count):
    """A function of arrays that gives all results, their gradients, and the gradients of those."""

    def loss(x, *given):
        found, states = run(cell, x, list(given[:count]), list(given[count:]), backwards)
        return sum((y * (k + 1)).sum() for k, y in enumerate([*found, *states]))

    def slopes(x, *given):
        return sum((g * (k + 1)).sum() for k, g in enumerate(tg.grad(loss, argnums=places(given))(x, *given)))

    def places(given):
        return tuple(range(1 + len(given)))

    def f(x, *given):
        found, states = run(cell, x, list(given[:count]), list(given[count:]), backwards)
        first = tg.grad(loss, argnums=places(given))(x, *given)
        return [*found, *states, *first, *tg.grad(slopes, argnums=places(given))(x, *given)]

    return f


def check(run, cell, backwards, length, seed, exact):
    """Three calls beside three eager ones; `exact(...)` says whether numbers are as small as must be."""
    rng = np.random.default_rng(seed)
    count = len(cell.states)
    xs = [whole(rng, length, BATCH, WIDTH), *[whole(rng, BATCH, WIDTH) for _ in range(count)]]
    xs += [whole(rng, WIDTH, WIDTH) for _ in range(2)]
    f = derivatives(run, cell, backwards, count)
    compiled = tg.compile(f)
    for k in range(3):
        given = [tg.Tensor(np.roll(x, k)) for x in xs]
        tg.manual_seed(seed + k)
        expected = [y.numpy() for y in f(*given)]
        exact(max(np.abs(y).max() for y in expected) < EXACT)
        tg.manual_seed(seed + k)
        for found, y in zip(compiled(*given), expected, strict=True):
            np.testing.assert_array_equal(found.numpy(), y)


def _holds(small):
    assert small


@pytest.mark.parametrize("length", [1, 2, 3, 7])
@pytest.mark.parametrize("run", [by_loop, by_scan])
def test_one_recurrence_of_every_length(run, length):
    moves = [("matrix", 0, 0), ("add", -2, -1), ("larger", -1, 3), ("product", -1, 1), ("drop", -1, 0)]
    check(run, Cell(moves, [0, 2], [0, 3]), False, length, 5, _holds)


@pytest.mark.slow
@given(
    cells(),
    st.sampled_from([by_loop, by_scan]),
    st.booleans(),
    st.sampled_from([1, 2, 3, 5, 7, 11]),
    st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_random_recurrences_are_what_they_are_eagerly(cell, run, backwards, length, seed):
    check(run, cell, backwards, length, seed, assume)
