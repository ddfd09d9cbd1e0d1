"""No false alarm and no miss on the corpus, and the mistake named; the guilty op found in large graphs."""

import numpy as np
import pytest
from corpus.cases import BROKEN, CASES, RIGHT

import tinygrad_edu as tg
from tinygrad_edu.testing import check_derivative, check_gradients


@pytest.fixture(scope="module")
def reports():
    return {c.name: check_derivative(c.f, c.df, *c.inputs, raises=False) for c in CASES}


def test_the_corpus_is_large_enough_and_names_are_unique():
    assert len(RIGHT) >= 60
    assert len(BROKEN) >= 120
    assert len({c.name for c in CASES}) == len(CASES)
    assert {np.ndim(x) for c in CASES for x in c.inputs} == {0, 1, 2, 3, 4}


def test_no_false_alarm(reports):
    assert [c.name for c in RIGHT if reports[c.name].verdict == "WRONG"] == []


def test_right_is_called_right_wherever_it_can_be_judged(reports):
    other = {c.name: reports[c.name].verdict for c in RIGHT if reports[c.name].verdict != "RIGHT"}
    assert set(other.values()) <= {"KINK", "VACUOUS", "OUT_OF_DOMAIN", "NOISE"}
    assert len(other) <= 0.15 * len(RIGHT)


def test_no_miss(reports):
    assert [c.name for c in BROKEN if reports[c.name].verdict != "WRONG"] == []


def test_the_mistake_is_named(reports):
    named = [c for c in BROKEN if (reports[c.name].pattern or "").startswith(c.pattern)]
    assert len(named) >= 0.9 * len(BROKEN)


def test_cost(reports):
    for c in CASES:
        n = sum(np.size(x) for x in c.inputs)
        if c.pattern is None and n <= 100:
            assert reports[c.name].evaluations <= 20 * n, c.name


UNARY = [tg.sin, tg.tanh, tg.cos, tg.sigmoid, tg.softplus, tg.atan, tg.erf]
BINARY = [tg.add, tg.multiply, tg.subtract, tg.maximum, tg.hypot]
RULES = {
    "sign": lambda g, y, x: -g * (1 - y * y),
    "factor": lambda g, y, x: g * (1 - y * y) * 1.01,
    "term": lambda g, y, x: g * (1 - y),
    "zero": lambda g, y, x: g * 0,
    "input for output": lambda g, y, x: g * (1 - x * x),
}


def graph_with_a_fault(seed, op):
    """A random function of 50 ops, one of which is `op`; its line is marked."""
    rng = np.random.default_rng(seed)
    where = int(rng.integers(5, 45))

    def f(x):
        values = [x]
        for k in range(49):
            if k == where:
                values.append(op(values[-1]))  # the guilty line
            elif rng.random() < 0.6:
                values.append(UNARY[rng.integers(len(UNARY))](values[-1]))
            else:
                other = values[rng.integers(len(values))]
                values.append(BINARY[rng.integers(len(BINARY))](values[-1], other) * 1.0)
        return values[-1].sum()

    def repeatable(x):
        nonlocal rng
        rng = np.random.default_rng(seed)
        rng.integers(5, 45)
        return f(x)

    return repeatable


@pytest.mark.parametrize("kind", RULES)
def test_the_guilty_op_and_its_line_are_named(kind):
    op = tg.custom_op(f"faulty_tanh_{kind.replace(' ', '_')}", np.tanh, RULES[kind], kind="elementwise")
    with open(__file__) as source:
        guilty = next(i for i, text in enumerate(source, 1) if text.strip().endswith("# the guilty line"))
    found, wrong = 0, 0
    for seed in range(8):
        report = check_gradients(graph_with_a_fault(seed, op), np.array([0.3, -0.8, 1.1]), raises=False, modes="reverse")
        if report.verdict != "WRONG":
            continue  # the fault does not reach the result: nothing to blame
        wrong += 1
        found += report.blame is not None and report.blame.op == op.name and report.blame.site == f"{__file__}:{guilty}"
    assert wrong >= 4
    assert found >= 0.95 * wrong
