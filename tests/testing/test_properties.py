"""`derivative_property`: assumptions, operands, what a failure shows, and how long it takes to show it."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import testing
from tinygrad_edu.testing import derivative_property, explanation, strategies


def test_assumptions_ask_for_other_inputs():
    drawn = []

    @derivative_property(strategies.arrays(), df=lambda x: 1 / x)
    def logarithm(x):
        assume(np.all(x > 0))
        drawn.append(x)
        return np.log(x)

    logarithm()
    assert drawn

    @derivative_property(strategies.arrays())
    def root(x):
        assume(np.all(x.data > 0))
        return tg.sqrt(x)

    root()


@pytest.mark.parametrize(
    ("drawn", "f"),
    [
        (strategies.matmul_operands(), lambda a, b: a @ b),
        (strategies.broadcast_arrays(), lambda a, b: a * b),
        (strategies.broadcast_arrays(n=3), lambda a, b, c: a * b + c),
        (strategies.broadcast_arrays(), lambda pair: pair[0] * pair[1]),
        (st.tuples(strategies.arrays(shape=3), strategies.arrays(shape=3)), lambda a, b: tg.sin(a) * b),
        (st.tuples(strategies.arrays(shape=2), strategies.arrays(shape=())), lambda both: both[0] * both[1]),
        (strategies.conv_operands(), lambda x, w, given: F.conv2d(x, w, **given)),
    ],
)
def test_operands_that_are_drawn_together(drawn, f):
    derivative_property(drawn)(f)()


@pytest.mark.slow
def test_a_failing_lambda_shows_the_report_and_its_inputs():
    with pytest.raises(testing.GradientError) as caught:
        derivative_property(strategies.arrays(), df=lambda x: 2 * x**2)(lambda x: x**3)()
    assert str(caught.value).startswith("WRONG: x is wrong\n  x: analytic 2, numerical 3 +- ")
    assert "derivative_property" in "".join(caught.value.__notes__)


@pytest.mark.slow
def test_the_cause_is_looked_for_once(monkeypatch):
    looked = []
    diagnose = explanation.diagnose
    monkeypatch.setattr(explanation, "diagnose", lambda *given: (looked.append(1), diagnose(*given)))
    with pytest.raises(testing.GradientError, match="pattern: off by a constant factor 0.6"):
        derivative_property(strategies.arrays(shape=3), df=lambda x: 2 * x**2 * 0.9)(lambda x: np.sum(x**3))()
    assert len(looked) == 1


def test_a_slow_function_meets_no_deadline():
    @derivative_property(strategies.arrays(shape=()), df=lambda x: 2 * x)
    def slow(x):
        for _ in range(30000):
            pass
        return x**2

    slow()
    assert derivative_property(strategies.arrays())(tg.sin)._hypothesis_internal_use_settings.deadline is None


FAILS = """
import numpy as np
from tinygrad_edu.testing import derivative_property, strategies

@derivative_property(strategies.arrays(), df=lambda x: 2 * x**2)
def test_cube(x):
    return x**3
"""


@pytest.mark.slow
def test_the_traceback_shows_the_users_lines_only(tmp_path):
    (tmp_path / "test_it.py").write_text(FAILS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "test_it.py"]
    plain = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    said = subprocess.run(command, cwd=tmp_path, env=plain, capture_output=True, text=True, check=False).stdout
    assert "WRONG: x is wrong" in said
    assert "Paste this test" in said
    shown = {line.partition(":")[0] for line in said.splitlines()}
    assert {name for name in shown if name.endswith(".py") and not name.startswith("FAILED")} == {"test_it.py"}
    assert ">   def test_cube(x):" in said
