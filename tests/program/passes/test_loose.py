"""fast=True: algebra of real numbers, which is right where nan, inf and -0 stay out, and changes nothing otherwise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.program.passes.common import without_dead_steps
from tinygrad_edu.program.passes.draft import rewritten
from tinygrad_edu.program.passes.loose import LOOSE
from tinygrad_edu.program.passes.simplify import FAST, simplified, stages

from .random_programs import programs, read

CASES = {  # what may go, and numbers for which it goes wrong without anybody's fault
    "x + 0": (lambda x: x + 0.0, lambda x: x, [-0.0]),
    "x * 0": (lambda x: x * 0.0, np.zeros_like, [np.nan, np.inf, -1.0]),
    "0 / x": (lambda x: 0.0 / x, np.zeros_like, [0.0, np.nan, -2.0]),
    "x - x": (lambda x: x - x, np.zeros_like, [np.inf, np.nan]),
    "x / x": (lambda x: x / x, np.ones_like, [0.0, np.inf, np.nan]),
    "log(exp(x))": (lambda x: np.log(np.exp(x)), lambda x: x, [800.0, -800.0]),
    "exp(log(x))": (lambda x: np.exp(np.log(x)), lambda x: x, [-1.0]),
    "expm1(log1p(x))": (lambda x: np.expm1(np.log1p(x)), lambda x: x, [-2.0]),
    "square(sqrt(x))": (lambda x: np.square(np.sqrt(x)), lambda x: x, [-1.0]),
    "x * a * b": (lambda x: x * 1e30 * 1e-30, lambda x: x, [1e300]),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_rule(name, dtype):
    f, short, odd = CASES[name]
    x = np.array([[0.5, 1.0, 2.0], [3.0, 7.0, 1e-3]], dtype)
    program = read(lambda x: [f(x)], x)
    fast = simplified(program, fast=True)
    assert np.allclose(fast(x)[0], program(x)[0], rtol=4 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).eps)
    assert str(fast) != str(simplified(program))
    if dtype == "float64":
        for v in odd:
            y = np.full((2, 3), v)
            with np.errstate(all="ignore"):
                kept, changed = simplified(program)(y)[0], fast(y)[0]
                assert kept.tobytes() == f(y).tobytes()  # not fast: every bit
            assert np.array_equal(changed, short(y), equal_nan=True)


def test_divisions_by_numbers_are_products():
    x = np.array([[1.0, 2.0, 3.0]], np.float32)
    program = read(lambda x: [x / 3.0], x)
    assert "divide" in str(simplified(program))
    assert "divide" not in str(simplified(program, fast=True))
    assert np.abs(simplified(program, fast=True)(x)[0] - x / 3).max() <= np.spacing(np.float32(1.0))


MOVES = [np.add, np.subtract, np.multiply, lambda a, b: a / (np.abs(b) + 1), lambda a, b: a + 0.0, lambda a, b: a * 2.0,
         lambda a, b: a - a, lambda a, b: np.sqrt(np.square(a)), lambda a, b: np.log(np.exp(np.tanh(a))),
         lambda a, b: np.tanh(a) / 4.0, lambda a, b: 0.0 * a, lambda a, b: np.tanh(a) * 3.0 * 0.25]  # fmt: skip
TAME = st.tuples(*[
    st.integers(0, 99).map(lambda n: np.random.default_rng(n).uniform(0.5, 2.0, (2, 3))) for _ in range(2)
])  # fmt: skip


@given(programs(MOVES, TAME, length=6))
def test_random_programs_of_tame_numbers(drawn):
    program, xs = drawn
    before, after = program(*xs), without_dead_steps(rewritten(program, LOOSE))(*xs)
    for a, b in zip(before, after, strict=True):
        scale = max(1.0, *(np.abs(y).max() for y in before))
        assert np.allclose(a, b, rtol=1e-12, atol=1e-12 * scale)


def test_compiled_functions_show_their_stages():
    for fast in (False, True):
        f = tg.compile(lambda x: tg.log(tg.exp(x)) + x * 0.0, fast=fast)
        f(tg.Tensor([800.0], dtype="float64"))
        again = f(tg.Tensor([800.0], dtype="float64")).item()
        assert (again == 800.0) is fast
        found = f.stages
        assert next(iter(found)) == "as read"
        assert (FAST in found) is fast
        assert str(list(found.values())[-1]) == str(f.program)
        assert str(found["as read"]) == str(f._last.executor.read)
        picture = tg.draw(found["as read"]).source
        assert "exp" in picture
        for a, b in zip(list(found.values())[:-1], list(found.values())[1:], strict=True):
            assert tg.viz.diff(a, b) is not None


def test_stages_end_with_what_runs():
    program = read(lambda x: [np.exp(x) + np.exp(x) - 0.0], np.ones(3))
    found = stages(program)
    assert str(list(found.values())[-1]) == str(simplified(program))
    counts = [len(p.steps) for p in found.values()]
    assert counts[0] > counts[-1]
