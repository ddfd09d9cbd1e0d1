"""No false alarm and no miss on the corpus, and the mistake named; the guilty op found in large graphs."""

import numpy as np
import pytest

from tinygrad_edu.testing import check_derivative

from ..corpus.cases import BROKEN, CASES, RIGHT
from ..corpus.costs import costs
from ..corpus.graphs import RULES, blamed
from ..corpus.held_out import HELD_OUT


@pytest.fixture(scope="module")
def reports():
    return {c.name: check_derivative(c.f, c.df, *c.inputs, raises=False) for c in CASES}


def test_the_corpus_is_large_enough_and_names_are_unique():
    assert len(RIGHT) >= 60
    assert len(BROKEN) >= 120
    assert len({c.name for c in CASES}) == len(CASES)
    assert {np.ndim(x) for c in CASES for x in c.inputs} == {0, 1, 2, 3, 4}


@pytest.mark.slow
def test_no_false_alarm(reports):
    assert [c.name for c in RIGHT if reports[c.name].verdict == "WRONG"] == []


def test_right_is_called_right_wherever_it_can_be_judged(reports):
    other = {c.name: reports[c.name].verdict for c in RIGHT if reports[c.name].verdict != "RIGHT"}
    assert set(other.values()) <= {"KINK", "VACUOUS", "OUT_OF_DOMAIN", "NOISE", "UNDECIDED"}
    assert len(other) <= 0.15 * len(RIGHT)


def test_no_miss(reports):
    assert [c.name for c in BROKEN if reports[c.name].verdict != "WRONG"] == []


def test_the_mistake_is_named(reports):
    named = [c for c in BROKEN if (reports[c.name].pattern or "").startswith(c.pattern)]
    assert len(named) >= 0.9 * len(BROKEN)


@pytest.mark.slow
def test_cases_that_nothing_was_tuned_on():
    reports = {c.name: check_derivative(c.f, c.df, *c.inputs, raises=False) for c in HELD_OUT}
    assert [c.name for c in HELD_OUT if (reports[c.name].verdict == "WRONG") != (c.pattern is not None)] == []
    broken = [c for c in HELD_OUT if c.pattern]
    assert sum((reports[c.name].pattern or "").startswith(c.pattern) for c in broken) >= 0.9 * len(broken)


def test_cost(reports):
    for c in CASES:
        n = sum(np.size(x) for x in c.inputs)
        if n <= 100:
            assert reports[c.name].evaluations <= 20 * n, c.name


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 2])
def test_cost_where_functions_are_hard_to_differentiate(n):
    assert costs((n,))[n] <= 10


@pytest.mark.slow
@pytest.mark.parametrize("kind", RULES)
def test_the_guilty_op_and_its_line_are_named(kind):
    wrong, found = blamed(kind, range(8))
    assert wrong >= 4
    assert found >= 0.95 * wrong
