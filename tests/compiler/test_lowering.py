"""Programs of several results, whose numbers, rows and tables are used in more than one place, on machine code."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.compiler import native, places
from tinygrad_edu.compiler.execute import Executor

from ..program.passes.random_programs import programs, read


def table(x):
    return np.broadcast_to(x, (3, 4)) if np.ndim(x) < 2 or x.shape != (3, 4) else x


MOVES = [
    lambda a, b: np.tanh(a) * np.sum(np.tanh(b)), lambda a, b: np.sum(a) / 12.0, lambda a, b: np.tanh(a * b),
    lambda a, b: a - np.max(np.reshape(table(b), (3, 4)), axis=1, keepdims=True), lambda a, b: np.sum(table(a), axis=0) + b,
    lambda a, b: table(a) * table(b), lambda a, b: a * np.square(np.tanh(b)) + a, lambda a, b: table(a)[1:] * 0.5,
    lambda a, b: np.swapaxes(table(a), 0, 1) @ table(b), lambda a, b: np.exp(-np.square(a)) * np.sum(np.square(np.tanh(b))),
    lambda a, b: np.where(np.sum(a) > 0, a, b), lambda a, b: np.concatenate([table(a)[:1], table(b)[1:]]),
]  # fmt: skip
INPUTS = st.integers(0, 1 << 20).map(lambda n: list(np.random.default_rng(n).normal(size=(2, 3, 4))))


@given(programs(MOVES, INPUTS, length=14))
def test_random_programs_of_several_results(drawn):
    program, xs = drawn
    run = Executor(program)
    expected = program(*xs)
    for _ in range(2):
        for a, b in zip(run(xs), expected, strict=True):
            scale = np.abs(b).max(initial=1.0)
            assert np.allclose(a, b, rtol=1e-9, atol=1e-9 * scale), run.program


@given(programs(MOVES, INPUTS, length=14), st.integers(1, 5))
def test_random_programs_in_short_loops(drawn, long):
    program, xs = drawn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "LONG", long)
        patch.setattr(places, "LONGEST", 2 * long)
        run = Executor(program)
    for a, b in zip(run(xs), program(*xs), strict=True):
        assert np.allclose(a, b, rtol=1e-9, atol=1e-9 * np.abs(b).max(initial=1.0)), run.program


@given(programs(MOVES, INPUTS, length=14))
def test_random_programs_whose_values_are_made_again(drawn):
    program, xs = drawn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "LARGE", 1)
        run = Executor(program)
    for a, b in zip(run(xs), program(*xs), strict=True):
        assert np.allclose(a, b, rtol=1e-9, atol=1e-9 * np.abs(b).max(initial=1.0)), run.program


@pytest.mark.skipif(not native.available(), reason="machine code needs llvmlite")
@pytest.mark.parametrize(
    ("f", "arrays"),
    [
        (lambda x, w: nn.functional.layer_norm(x, (256,)) * w, 0),  # x, and what is asked for
        (lambda x, w: nn.functional.softmax(x, -1) * w, 1),  # the exponential function is not made again
        (lambda x, w: abs(x - x.max(1, keepdims=True)) / w, 0),
    ],
)
def test_what_is_quickly_made_is_not_kept_in_memory(f, arrays):
    x, w = tg.Tensor(np.random.default_rng(0).normal(size=(64, 256)), dtype="float32"), tg.ones(256)
    step = tg.compile(tg.value_and_grad(lambda x: f(x, w).sum()))
    found, expected = step(x), tg.value_and_grad(lambda x: f(x, w).sum())(x)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-4, atol=1e-4)
    own = sum(kernels.size for kernels in step._last.executor.kernels)
    assert arrays * x.data.nbytes <= own < (arrays + 0.5) * x.data.nbytes


@pytest.mark.skipif(not native.available(), reason="machine code needs llvmlite")
def test_a_sum_with_a_product_is_kept_in_memory():
    """Made in two loops, it might be rounded once in one of them and twice in the other: then no entry is the largest."""

    def f(x):
        y = x * 1.1 + 0.3
        return tg.where(y == y.max(1, keepdims=True), 1.0, 0.0)

    x = tg.asarray(np.random.default_rng(0).normal(size=(512, 64)))
    compiled = tg.compile(f)
    assert np.all(compiled(x).data.sum(1) == 1)
    assert sum(kernels.size for kernels in compiled._last.executor.kernels) >= x.data.nbytes


def test_a_number_that_was_made_for_another_result_is_made_before_it_is_read():
    def f(x, w):
        y, mean = np.tanh(x @ w), np.sum(x) / 12.0
        moved = (np.square(x) @ w + x @ w) * (1 - y * y)
        return [y * mean, moved * mean + np.sum(np.square(x)) / 12.0 * y]

    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))
    run = Executor(read(f, x, w))
    for _ in range(3):
        x, w = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))
        for a, b in zip(run([x, w]), f(x, w), strict=True):
            assert np.allclose(a, b, rtol=1e-12, atol=1e-12)
