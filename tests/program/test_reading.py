"""Programs: every op, forward and rule, is read whole; what is read means what ran, as data and after the passes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.engine import constant
from tinygrad_edu.errors import GraphError
from tinygrad_edu.op import REGISTRY
from tinygrad_edu.program.passes import simplified
from tinygrad_edu.program.passes.common import with_common_steps_once
from tinygrad_edu.program.program import Program
from tinygrad_edu.program.reading import ProgramReading
from tinygrad_edu.testing.properties.calls import calls
from tinygrad_edu.testing.properties.op_checks import built_in_ops


def read(f, *arrays):
    """The program of a function of arrays."""
    with ProgramReading() as reading, np.errstate(all="ignore"):
        y = f(*[reading.argument(np.array(a), i) for i, a in enumerate(arrays)])
        written, _ = reading.end([y])
    return written.program


def same(found, expected):
    eps = np.finfo(expected.dtype).eps if expected.dtype.kind in "fc" else 0
    return found.dtype == expected.dtype and np.allclose(found, expected, rtol=16 * eps, atol=0, equal_nan=True)


def parts(op, arrays, attributes):
    """The forward of an op and its rules, as functions of arrays with arguments for them."""
    y = op.forward(*map(np.array, arrays), **attributes)
    yield (lambda *xs: op(*xs, **attributes)), arrays
    for i in range(len(arrays) if op.differentiable else 0):
        rule = op.vjps[i] if not isinstance(op.vjps, tuple) or i < len(op.vjps) else None
        if rule is not None:
            yield (lambda *xs, rule=rule: rule(*xs, **attributes)), [np.ones_like(y), y, *arrays]


@pytest.mark.parametrize("op", built_in_ops(), ids=str)
@given(st.data())
@settings(max_examples=8)
def test_each_op_and_rule_is_read(op, data):
    arrays, attributes = data.draw(calls(op))
    with np.errstate(all="ignore"):
        for f, xs in parts(op, arrays, attributes):
            expected = np.asarray(f(*map(np.array, xs)))
            program = read(f, *xs)
            for other in (program, Program.from_json(program.to_json()), simplified(program)):
                assert same(np.asarray(other(*map(np.array, xs))[0]), expected), str(other)


def test_a_program_is_readable():
    program = read(lambda x, w: np.tanh(x @ w) * 2, np.ones((2, 3), np.float32), np.ones((3, 4), np.float32))
    assert str(program) == (
        "program(\n    v0: float32[2, 3]\n    v1: float32[3, 4]\n):\n"
        "    v2 = matmul(v0, v1)  float32[2, 4]\n    v3 = tanh(v2)  float32[2, 4]\n"
        "    v4 = multiply(v3, 2)  float32[2, 4]\n    return v4"
    )
    with pytest.raises(TypeError, match=r"takes 2 arrays; got 1"):
        program(np.ones((2, 3)))


@given(st.data())
def test_passes_keep_the_meaning_of_random_programs(data):
    names = [np.add, np.multiply, np.subtract, np.maximum]

    def f(*xs):
        known = list(xs)
        for _ in range(data.draw(st.integers(1, 12))):
            a, b = (known[data.draw(st.integers(0, len(known) - 1))] for _ in range(2))
            known.append(data.draw(st.sampled_from(names))(a, b))
        return known[data.draw(st.integers(0, len(known) - 1))] + 0

    xs = [np.array([1.5, -2.0]), np.array([0.25, np.nan])]
    program = read(f, *xs)
    shorter = simplified(program)
    assert np.array_equal(shorter(*xs)[0], program(*xs)[0], equal_nan=True)
    used = {v for step in shorter.steps for v in step.uses} | set(shorter.results)
    assert all(set(step.results) & used for step in shorter.steps)
    texts = [str(step).partition(" = ")[2] for step in shorter.steps]
    assert len(set(texts)) == len(texts)


def test_equal_steps_are_told_apart_by_the_types_of_their_numbers():
    x = np.array([3.0])
    program = with_common_steps_once(read(lambda x: np.stack([x * 0.0, x * -0.0, x * 1, x * 1.0]), x))
    assert len([s for s in program.steps if s.primitive == "multiply"]) == 4
    assert np.array_equal(np.signbit(program(x)[0].ravel()), [False, True, False, False])


ASKED = {
    "bool": lambda x: x if x.sum() > 0 else -x,
    "float": lambda x: x * float(x.sum()),
    "item": lambda x: x * x.sum().item(),
    "array": lambda x: tg.Tensor(np.asarray(x.data)),
    "mask": lambda x: x[x > 0],
    "nonzero": lambda x: tg.nonzero(x)[0],
    "list": lambda x: x * x.tolist()[0],
}


@pytest.mark.parametrize("f", ASKED.values(), ids=ASKED)
def test_what_asks_for_a_value_is_refused_with_the_line(f):
    with ProgramReading() as reading:
        x = constant(reading.argument(np.array([1.0, 2.0]), 0))
        with pytest.raises(GraphError, match=r"same operations for all values; got .* at .*test_reading\.py:\d+; use"):
            f(x)
        reading.end([])


def test_a_program_of_an_array_that_has_ended_is_refused():
    with ProgramReading() as reading:
        x = reading.argument(np.ones(2), 0)
        reading.end([x])
    with pytest.raises(GraphError, match="has ended"):
        x + 1


def test_an_op_of_the_users_that_is_declared_anew_is_the_new_one():
    def program(forward):
        tg.custom_op("turned", lambda x: forward(x) if float(x[0]) < 9 else x)  # asks for a value: a step of its own
        op = REGISTRY["turned"]
        found = read(op, np.array([1.0, 2.0]))
        assert [step.primitive for step in found.steps] == ["op.turned", "copy"]
        return found(np.array([1.0, 2.0]))[0].tolist()

    assert program(lambda x: x * 2) == [2, 4]
    del REGISTRY["turned"]
    assert program(lambda x: x * 3) == [3, 6]
