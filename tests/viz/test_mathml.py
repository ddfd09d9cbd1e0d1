"""Every op's LaTeX, and that of its rules, is read to the end: no command of it is unknown to the reader."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_edu.testing.properties.calls import calls
from tinygrad_edu.testing.properties.op_checks import built_in_ops
from tinygrad_edu.viz.formulas.formula import input_names, of_rule, of_value, rule_of
from tinygrad_edu.viz.formulas.mathml import tree

KNOWN = {"row", "frac", "sqrt", "sub", "sup", "table", "i", "num", "o", "text", "n", "break"}


def leaves(part):
    """The leaves of a tree; its other parts are of known kinds."""
    if part and isinstance(part[0], str):
        assert part[0] in KNOWN
        if part[0] in ("i", "num", "o", "text", "n"):
            yield part
            return
        part = part[1:]
    for p in part:
        yield from leaves(p)


@pytest.mark.parametrize("op", built_in_ops(), ids=str)
@given(st.data())
@settings(max_examples=2)
def test_every_formula_is_read_to_the_end(op, data):
    arrays, attributes = data.draw(calls(op, np.float64))
    names = input_names(op, len(arrays))
    names += [f"x{k}" for k in range(len(names), len(arrays))]
    formulas = [of_value(op, names, arrays, attributes)]
    with np.errstate(all="ignore"):
        formulas += [of_rule(op, i, arrays, attributes, names) for i in range(len(arrays)) if rule_of(op, i)]
    for formula in formulas:
        for kind, text, *_ in leaves(tree(formula)):
            assert kind != "o" or not (text.isalpha() and len(text) > 1), text
            assert "\\" not in text
