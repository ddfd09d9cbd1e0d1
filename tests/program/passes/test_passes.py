"""Each pass keeps the meaning of random programs, to the last bit, and does what it is for."""

import pathlib
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_edu.program.passes import simplified
from tinygrad_edu.program.passes.algebra import ALGEBRA
from tinygrad_edu.program.passes.common import with_common_steps_once, without_dead_steps
from tinygrad_edu.program.passes.constants import CONSTANTS
from tinygrad_edu.program.passes.draft import rewritten
from tinygrad_edu.program.passes.layout import LAYOUT
from tinygrad_edu.program.passes.products import with_products_together
from tinygrad_edu.program.passes.sections import SECTIONS
from tinygrad_edu.program.passes.side_by_side import with_parts_side_by_side

from .random_programs import programs, read, results

FIXED = np.array([[0.0, 1.0, -0.0], [np.inf, 2.0, np.nan]], np.float32)
NUMBERS = [0, 0.0, -0.0, 1, 1.0, np.float32(1), np.ones((2, 3), np.float32), np.ones(3), True]
ENTRIES = [np.add, np.subtract, np.multiply, np.maximum, lambda a, b: -a, lambda a, b: a]
MOVES = {
    "algebra": [
        *ENTRIES, *[lambda a, b, n=n, f=f: f(a, n) for n in NUMBERS for f in (np.add, np.subtract, np.multiply, np.power)],
        *[lambda a, b, n=n: n + a for n in NUMBERS], lambda a, b: a / 1, lambda a, b: abs(a), lambda a, b: np.square(a),
        lambda a, b: np.cos(a), lambda a, b: a / b, lambda a, b: a.astype("f8"), lambda a, b: a.astype("f4"),
        lambda a, b: a.astype("i8"), lambda a, b: +a, lambda a, b: np.conjugate(a), lambda a, b: np.logical_not(a),
    ],
    "layout": [
        np.add, np.multiply, lambda a, b: a.reshape(-1), lambda a, b: a.reshape(3, 2), lambda a, b: a.reshape(2, 3), lambda a, b: a.reshape(1, 6),
        lambda a, b: a.T, lambda a, b: np.swapaxes(a, 0, -1), lambda a, b: np.moveaxis(a, 0, -1), lambda a, b: np.expand_dims(a, 1),
        lambda a, b: np.squeeze(a, 1), lambda a, b: np.broadcast_to(a, (2, 2, 3)), lambda a, b: np.broadcast_to(a[:1], (2, 3)),
        lambda a, b: np.broadcast_to(a, b.shape), lambda a, b: np.where(a > 0, a, b), lambda a, b: np.einsum("ij,kj->ki", a, b),
    ],
    "sections": [
        np.add, lambda a, b: np.concatenate([a, b]), lambda a, b: np.concatenate([a, b], axis=1), lambda a, b: np.stack([a, b, a], axis=1),
        lambda a, b: np.stack([a, b]), *[lambda a, b, k=k: a[k] for k in (0, -1, slice(1, 3), slice(0, 2), slice(None), (slice(None), 1), (..., slice(1, 3)), (slice(None), slice(2)), slice(None, None, 2))],
        *[lambda a, b, k=k: _written(a, k, b[k]) for k in (0, slice(1, 3), (..., slice(1, 2)), (slice(None), 0))],
        lambda a, b: _written(a, slice(0, 1), b[:1]), lambda a, b: _written(a, 0, 2.0),
    ],
    "constants": [*ENTRIES, lambda a, b: a + FIXED, lambda a, b: np.add(_fixed(a), FIXED), lambda a, b: np.tanh(_fixed(a)), lambda a, b: _fixed(a),
        lambda a, b: np.multiply(a, np.ones_like(np.sum(b))), lambda a, b: np.zeros_like(np.max(a)) * b, lambda a, b: np.full_like(b[:1, :1], -2.5) + a,
        lambda a, b: np.ones_like(a) * b, lambda a, b: np.ones_like(np.sum(a), dtype="f8") - b],
    "equal steps": [*ENTRIES, lambda a, b: np.stack([a * 0.0, a * -0.0])[1]],
}  # fmt: skip
PASSES = {
    "algebra": lambda p: rewritten(p, ALGEBRA),
    "layout": lambda p: rewritten(p, LAYOUT),
    "sections": lambda p: rewritten(p, SECTIONS),
    "constants": lambda p: rewritten(p, CONSTANTS),
    "equal steps": lambda p: without_dead_steps(with_common_steps_once(p)),
}


def _written(a, index, value):
    y = a.copy() + 0
    y[index] = value
    return y


def _fixed(a):
    return a.writer.constant(FIXED)


@pytest.mark.parametrize("name", PASSES)
@given(data=st.data())
def test_a_pass_keeps_every_bit(name, data):
    program, xs = data.draw(programs(MOVES[name]))
    expected = results(program, xs)
    assert results(PASSES[name](program), xs) == expected
    assert results(simplified(program), xs) == expected


def names(f, *xs):
    """The primitives that remain."""
    return [step.primitive for step in simplified(read(f, *xs)).steps]


X = np.array([[1.0, -2.0, 0.0], [3.0, 4.0, -0.0]], np.float32)
SIMPLER = {
    "x * 1": (lambda x: [x * 1 + np.exp(x)], ["exp", "add"]),
    "x * 1, which is spread": (lambda x: [x[0] * np.broadcast_to(np.ones_like(np.sum(x)).reshape(1, 1), (2, 3)) + x], ["getitem", "add"]),
    "x * y and y * x are one": (lambda x: [x[0] * np.exp(x) - np.exp(x) * x[0]], ["getitem", "exp", "multiply", "subtract"]),
    "x + 0 is not x": (lambda x: [np.exp(x + 0)], ["add", "exp"]),
    "x - 0": (lambda x: [np.exp(x - 0)], ["exp"]),
    "-(-x)": (lambda x: [np.exp(np.negative(-x))], ["exp"]),
    "x + -y": (lambda x: [np.exp(x) + -x], ["exp", "subtract"]),
    "|-x| and |x| are one": (lambda x: [abs(-x) * abs(x)], ["absolute", "multiply"]),
    "to float64 and back": (lambda x: [np.exp(x.astype("f8").astype("f4"))], ["exp"]),
    "to int and back is not x": (lambda x: [np.exp(x.astype("i4").astype("f4"))], ["astype", "astype", "exp"]),
    "transposes": (lambda x: [np.exp(x.T.swapaxes(0, 1))], ["exp"]),
    "reshapes": (lambda x: [np.exp(x.reshape(6).reshape(3, 2))], ["reshape", "exp"]),
    "einsum of a transpose": (lambda x: [np.einsum("ij,jk->ik", x.T, x)], ["einsum"]),
    "a broadcast that an operation makes itself": (lambda x: [np.broadcast_to(x[0], (2, 3)) + x], ["getitem", "add"]),
    "a part of a concatenation": (lambda x: [np.concatenate([x, np.exp(x)])[2:]], ["exp"]),
    "an entry of a stack": (lambda x: [np.stack([x, np.exp(x)], 1)[:, 1]], ["exp"]),
    "what was written": (lambda x: [_written(x, 0, np.exp(x)[0])[0]], ["exp", "getitem"]),
    "constants": (lambda x: [x * np.exp(_fixed(x))], ["multiply"]),
    "a slope of a sum": (lambda x: [np.sum(np.exp(x)), np.ones_like(np.sum(np.exp(x))).reshape(1, 1) * np.exp(x)], ["exp", "sum"]),
    "an argument is not given back as a result": (lambda x: [x * 1], ["copy"]),
    "results are not one array": (lambda x: [x + 1, x + 1], ["add", "copy"]),
}  # fmt: skip


@pytest.mark.parametrize(("f", "left"), SIMPLER.values(), ids=SIMPLER)
def test_what_remains(f, left):
    assert names(f, X) == left


@given(st.lists(st.integers(0, 4), min_size=1, max_size=5, unique=True), st.integers(0, 1), st.booleans())
def test_slices_in_zeros_are_put_side_by_side(places, axis, single):
    def f(x, *values):
        total = None
        for k, v in zip(places, values, strict=False):
            zeros = np.zeros_like(x)
            zeros[(slice(None),) * axis + (k if single else slice(k, k + 1),)] = (
                v if single else np.expand_dims(v, axis)
            )
            total = zeros if total is None else total + zeros
        return [total]

    xs = [np.full((5, 5), 7.0), *np.array([[-0.0, 0.0, np.nan, -np.inf, 2.5]]) * np.arange(1.0, 6)[:, None]]
    program = read(f, *xs)
    assert results(simplified(program), xs) == results(program, xs)
    if len(places) > 1:
        assert "setitem" not in {step.primitive for step in without_dead_steps(with_parts_side_by_side(program)).steps}


def recurrence(x, u, w, h):
    """An unrolled loop, and its gradients with respect to u and w, and a bias."""
    hs, zs = [h], []
    for t in range(x.shape[1]):
        zs.append(np.tanh(x[:, t] @ u + hs[-1] @ w))
        hs.append(zs[-1] * 0.5)
    du = dw = db = None
    g = np.ones_like(h)
    for t in range(x.shape[1] - 1, -1, -1):
        dz = g * (1 - zs[t] * zs[t])
        parts = x[:, t].swapaxes(-1, -2) @ dz, hs[t].swapaxes(-1, -2) @ dz, dz.sum(axis=0)
        du, dw, db = parts if du is None else (du + parts[0], dw + parts[1], db + parts[2])
        g = dz @ w.swapaxes(-1, -2)
    return [hs[-1], du, dw, db]


@given(st.integers(1, 7), st.integers(0, 10**6))
def test_products_of_a_loop_are_one(length, seed):
    rng = np.random.default_rng(seed)
    xs = [rng.normal(size=s) for s in ((3, length, 4), (4, 2), (2, 2), (3, 2))]
    program = read(recurrence, *xs)
    shorter = without_dead_steps(with_products_together(program))
    for found, expected in zip(shorter(*xs), program(*xs), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
    products = [s for s in shorter.steps if s.primitive == "matmul"]
    # x @ u as one, and h @ w and g @ w.mT step by step; one each for the gradients of u and w
    assert len(products) == (5 * length - 1 if length < 4 else 2 * length + 2)


def test_the_peak_of_memory_is_what_is_needed():
    def f(x):
        a = np.exp(x)  # 1 row living
        b = a * x  # 2
        c = (a + b).reshape(-1, 2)  # 3, then a and b go
        return [np.sin(c[: len(x) // 4])]

    x = np.ones(2**16)
    program = read(f, x)
    assert program.peak() == 3 * x.nbytes
    program(x)
    tracemalloc.start()
    program(x)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert program.peak() <= most < 1.05 * program.peak()


def sequence(x, w, b, h):
    """A loop, and what a gradient of the whole sequence computes of it again."""
    hs = []
    for t in range(len(x)):
        joined = np.concatenate([np.tanh(x[t] + h @ w + b), h], axis=-1)
        h = joined[..., : w.shape[0]]
        hs.append(joined)
    y = np.stack(hs, axis=-3)[..., : w.shape[0]]
    before = np.concatenate([np.zeros((1, *h.shape)), y[:-1]], axis=0)
    rows = (before.reshape(-1, w.shape[0]) @ w).reshape(y.shape)
    out = np.tanh(x + rows + b.reshape(1, 1, -1))
    return [y, 1 - out * out, np.exp(out)]


@given(st.integers(1, 6), st.integers(0, 10**6))
def test_what_a_loop_computed_is_not_computed_again(length, seed):
    rng = np.random.default_rng(seed)
    xs = [rng.normal(size=s) for s in ((length, 3, 2), (2, 2), (2,))]
    program = read(lambda x, w, b: sequence(x, w, b, np.zeros(x.shape[1:])), *xs)
    shorter = simplified(program)
    for found, expected in zip(shorter(*xs), program(*xs), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
    again = sum(step.primitive in ("matmul", "tanh") for step in shorter.steps)
    assert again == 2 * length + (2 if length < 4 else 0)


def test_a_program_reads_as_text_before_and_after():
    """An unrolled loop with its gradients: `before` as it was written, `after` with its products together."""
    rng = np.random.default_rng(0)
    program = read(recurrence, *[rng.normal(size=s) for s in ((3, 4, 4), (4, 2), (2, 2), (3, 2))])
    text = f"before: {program}\n\nafter: {simplified(program)}\n"
    golden = pathlib.Path(__file__).with_name("recurrence.txt")
    assert text == golden.read_text(), f"look at what has changed, and write it to {golden.name}"
