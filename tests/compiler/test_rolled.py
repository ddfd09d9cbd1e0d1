"""What repeats is a loop in machine code: the same numbers as one call after the other, and code that does not grow."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import nn, optim
from tinygrad_edu.compiler import native, places, rolled
from tinygrad_edu.compiler.memory import arena
from tinygrad_edu.compiler.views import Memory

from .twins import training_step

pytestmark = pytest.mark.skipif(not native.available(), reason="machine code needs llvmlite")


@given(st.lists(st.tuples(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.integers(1, 12)), max_size=5))
def test_parts_are_the_whole(pieces):
    names = [k for piece, rounds in pieces for k in piece * rounds]
    found = list(rolled.parts(names, [5] * len(names)))
    assert [names[p.start + i % p.length] for p in found for i in range(p.length * p.rounds)] == names
    at = 0
    for p in found:
        assert p.start == at
        at += p.length * p.rounds


def test_many_rounds_are_one_part():
    assert list(rolled.parts([9, *[1, 2, 3] * 100, 8], [4] * 302)) == [(0, 1, 1), (1, 3, 100), (301, 1, 1)]
    assert list(rolled.parts(range(50), [4] * 50)) == [(0, 50, 1)]


def test_a_few_calls_with_many_pointers_are_one_part():
    assert list(rolled.parts([1] * 4, [20] * 4)) == [(0, 1, 4)]
    assert list(rolled.parts([1] * 4, [2] * 4)) == [(0, 4, 1)]


@given(st.lists(st.tuples(st.integers(1, 300), st.integers(0, 20), st.integers(0, 6)), max_size=40))
def test_memory_is_shared_by_nobody_at_one_time(wanted):
    lowered = SimpleNamespace(
        buffers=[
            Memory("own", k, np.dtype("float32"), size, first, first + length)
            for k, (size, first, length) in enumerate(wanted)
        ]
    )
    size = arena(lowered)
    for a in lowered.buffers:
        assert a.offset % 64 == 0
        assert a.offset + a.size * 4 <= size
        for b in lowered.buffers:
            together = a.first <= b.last and b.first <= a.last
            apart = a.offset + a.size * 4 <= b.offset or b.offset + b.size * 4 <= a.offset
            assert a is b or not together or apart
    assert size <= sum(-(-b.size * 4 // 64) * 64 for b in lowered.buffers)


def by_layer(kind, length):
    cell = getattr(nn, kind)(3, 4)
    return cell.parameters(), lambda x: cell(x)[0]


def by_cell(kind, length):
    """The user's own loop over a list of steps."""
    cell = getattr(nn, f"{kind}Cell")(3, 4)

    def run(x):
        state, found = None, []
        for t in range(length):
            state = cell(x[t], state)
            found.append(state[0] if kind == "LSTM" else state)
        return tg.stack(found, axis=0)

    return cell.parameters(), run


def trained(make, kind, length, steps=3):
    """Losses, parameters and code of some training steps."""
    tg.manual_seed(0)
    params, run = make(kind, length)
    params = list(params)
    opt = optim.Adam(params, lr=0.01)

    step = training_step(run, opt)
    rng = tg.random.default_rng(1)
    losses = [step(rng.normal(size=(length, 2, 3)), rng.normal(size=(length, 2, 4))).item() for _ in range(steps)]
    return losses, [p.numpy().copy() for p in params], step.source()


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("make", [by_layer, by_cell])
def test_loops_give_the_same_bits(kind, make, monkeypatch):
    losses, params, source = trained(make, kind, 12)
    assert "@table" in source
    monkeypatch.setattr(rolled, "LEAST", 1 << 30)
    straight, own, unrolled = trained(make, kind, 12)
    assert "@table" not in unrolled
    assert losses == straight
    for a, b in zip(params, own, strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("make", [by_layer, by_cell])
def test_code_does_not_grow_with_the_number_of_steps(kind, make):
    def lines(length):
        return sum(not line.startswith("@table") for line in trained(make, kind, length, 1)[2].splitlines())

    assert lines(48) < 1.3 * lines(24)


def _reset(v):
    spike = (v > 1) * 1.0
    return v * (1 - spike), spike


# one step of each: two states, two numbers from outside, and x at that time
BY_ENTRIES = {
    "chain": lambda u, v, a, b, x: (tg.tanh((u * 1.0001 + a) * 0.5), v),
    "filter": lambda u, v, a, b, x: (tg.tanh(u * a * 0.3 + x), v),
    "predator and prey": lambda u, v, a, b, x: (u + 0.01 * (a * u - u * v), v + 0.01 * (u * v - b * v)),
    "oscillator": lambda u, v, a, b, x: (u + 0.02 * v, v - 0.02 * (tg.sin(u) + a * v) + 0.02 * x),
    "integrate and fire": lambda u, v, a, b, x: (_reset(0.9 * u + x)[0], v + a * _reset(0.9 * u + x)[1]),
    "clipped": lambda u, v, a, b, x: (tg.clip(u + a * x, -1, 1), tg.maximum(0.5 * v, b * u)),
}


def by_entries(name, length, shape=(2, 3)):
    """The last states of a loop over time, and the gradients by where it began; and x of each time."""

    def last(u, v, a, b, xs):
        for t in range(length):
            u, v = BY_ENTRIES[name](u, v, a, b, xs[t])
        return (u * 2 + v).sum()

    rng = np.random.default_rng(0)
    given = [rng.uniform(0.1, 1, shape) for _ in range(4)] + [rng.normal(size=(length, *shape))]
    return tg.value_and_grad(last, argnums=(0, 1, 2, 3, 4)), [tg.tensor(x, dtype=tg.float64) for x in given]


@pytest.mark.slow
@pytest.mark.parametrize("name", BY_ENTRIES)
def test_recurrences_of_entries_are_cut_alike_in_each_round(name):
    def lines(length):
        f, given = by_entries(name, length)
        compiled = tg.compile(f)
        compiled(*given)
        (value, slopes), (expected, exact) = compiled(*given), f(*given)
        for a, b in zip([value, *slopes], [expected, *exact], strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-12)
        return sum(not line.startswith("@table") for line in compiled.source().splitlines())

    assert lines(512) < 1.3 * lines(256)


@pytest.mark.parametrize("long", [1, 8])
@pytest.mark.parametrize("name", BY_ENTRIES)
def test_wherever_loops_are_cut_they_give_the_same(name, long, monkeypatch):
    monkeypatch.setattr(places, "LONG", long)
    monkeypatch.setattr(places, "LONGEST", 2 * long)
    f, given = by_entries(name, 20)
    compiled = tg.compile(f)
    compiled(*given)
    (value, slopes), (expected, exact) = compiled(*given), f(*given)
    for a, b in zip([value, *slopes], [expected, *exact], strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-12)
