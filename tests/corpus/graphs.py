"""Random graphs of 50 ops, one of which has a wrong rule."""

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.testing import check_gradients

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
    """A function of 50 ops, the same at every call, one of which is `op`."""

    def f(x):
        rng = np.random.default_rng(seed)
        where = int(rng.integers(5, 45))
        values = [x]
        while len(values) < 50:
            if len(values) == where:
                values.append(op(values[-1]))  # the guilty line
            elif rng.random() < 0.6:
                values.append(UNARY[rng.integers(len(UNARY))](values[-1]))
            else:
                other = values[rng.integers(len(values))]
                values.append(BINARY[rng.integers(len(BINARY))](values[-1], other))
        return values[-1].sum()

    return f


def guilty_line():
    with open(__file__) as source:
        return next(i for i, text in enumerate(source, 1) if text.strip().endswith("# the guilty line"))


def blamed(kind, seeds):
    """How many faults of a kind are found WRONG, and how many of these are blamed on the op and its line."""
    op = tg.custom_op(f"faulty_tanh_{kind.replace(' ', '_')}", np.tanh, RULES[kind], kind="elementwise")
    wrong = found = 0
    for seed in seeds:
        x = np.array([0.3, -0.8, 1.1])
        report = check_gradients(graph_with_a_fault(seed, op), x, raises=False, modes="reverse")
        if report.verdict == "WRONG":  # else the fault does not reach the result: nothing to blame
            wrong += 1
            site = f"{__file__}:{guilty_line()}"
            found += report.blame is not None and (report.blame.op, report.blame.site) == (op.name, site)
    return wrong, found
