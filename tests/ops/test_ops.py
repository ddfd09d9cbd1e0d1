"""Every op of the registry, by what its declaration says. A new op needs no change here."""

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from tinygrad_edu import testing
from tinygrad_edu.testing.properties import op_checks, strategies

BUILT_IN = testing.built_in_ops()
DIFFERENTIABLE = [op for op in BUILT_IN if op.differentiable]
CASES = [
    pytest.param(name, op, marks=[pytest.mark.slow] * (name == "order_two"))
    for name in op_checks.PROPERTIES
    for op in (BUILT_IN if name == "batch" else DIFFERENTIABLE)
]


@pytest.mark.parametrize(("name", "op"), CASES, ids=lambda v: str(v))
@given(data=st.data())
def test_it_holds(name, op, data):
    try:
        op_checks.PROPERTIES[name](op, *data.draw(strategies.calls(op)))
    except op_checks.Undecided:
        reject()  # where too many calls are undecided, the test fails
