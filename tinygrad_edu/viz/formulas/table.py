"""A table of all operations, written by the operations themselves."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np

from ...domain import REAL, Domain, shape_of
from ...op import REGISTRY, Op
from .formula import Formula, input_names, of_rule, of_value


class OpRow(NamedTuple):
    """One op: formulas as plain text, and the same for a typesetter."""

    name: str
    kind: str
    value: str
    gradients: tuple[str, ...]
    domain: str
    doc: str
    value_latex: str
    gradients_latex: tuple[str, ...]


def op_table() -> list[OpRow]:
    """A row for each op of the registry, users' own included: name, kind, value, gradients, domain.

    >>> row = {row.name: row for row in op_table()}["tanh"]
    >>> row.value, row.gradients, row.domain
    ('tanh(x)', ('dx = g * (1 - y * y)',), 'R')
    """
    return [row(op) for op in REGISTRY.values()]


def row(op: Op) -> OpRow:
    """The row of one op."""
    domain = ", ".join(str(d) for d in op.domain or (REAL,))
    if op.kind.rule:
        rules = (op.kind.rule,)
        return OpRow(op.name, op.kind.name, f"{op.name}(...)", rules, domain, op.doc, rf"\text{{{op.name}}}", rules)
    arrays, attributes = example(op)
    names = input_names(op, len(arrays))
    value = of_value(op, names, arrays, attributes)
    found = [(f"d{name}", f) for name, f in zip(names, rules_of(op, arrays, attributes), strict=True) if f]
    return OpRow(
        op.name, op.kind.name, str(value), tuple(f"{d} = {f}" for d, f in found), domain, op.doc,
        value.latex(), tuple(f.latex() for _, f in found),
    )  # fmt: skip


def rules_of(op: Op, arrays: list[Any], attributes: dict[str, Any]) -> list[Formula | None]:
    """The formula of each rule on these inputs; None where no gradient goes."""
    return [of_rule(op, i, arrays, attributes) for i in range(len(arrays))]


def example(op: Op) -> tuple[list[Any], dict[str, Any]]:
    """Small arrays, inside the op's domain, and attributes, on which its rules can be read."""
    domains = op.domain or (REAL,)
    if op.signature:
        letters = sorted(set(re.findall("[a-z]", op.signature.split("->")[0])))
        sizes = {c: 2 + i % 4 for i, c in enumerate(letters)}
        if "m" in sizes and domains[0].matrix == "tall":
            sizes["m"] = sizes["n"] + 1
        cores = re.findall(r"\(([^)]*)\)", op.signature.split("->")[0])
        shapes = [shape_of(core, sizes) for core in cores]
    else:
        shapes = [(2, 3)] * len(domains)
    arrays = [_inside(d, shape) for d, shape in zip(domains, shapes, strict=True)]
    attributes = op.attributes(np.random.default_rng(4), shapes[0]) if op.attributes else {}
    return arrays, attributes


def _inside(domain: Domain, shape: tuple[int, ...]) -> Any:
    if domain.kind == "integer":
        return np.zeros(shape, dtype=np.int64)
    if domain.kind == "boolean":
        return np.ones(shape, dtype=bool)
    if domain.matrix:
        return np.eye(shape[-2], shape[-1]) * np.arange(2.0, 2.0 + shape[-1])
    low, high = max(domain.low, -1.0), domain.high
    middle = low + 1.5 if np.isinf(high) else (low + high) / 2 + 0.25 * (high - low)
    return middle + 0.01 * (min(high, 1.0) - low) * np.arange(np.prod(shape, dtype=int)).reshape(shape)  # all different
