"""Who is to blame? Every node of a graph is asked whether its own rule is right, for the values it saw."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...backward import history
from ...engine import NEEDS, Variable
from ...recording import SITES, Recording
from ..examination import examine_order
from ..properties.op_checks import OpSubject
from ..report import Blame, Report
from ..subjects.subjects import Subject, TensorSubject

FEW = 24  # entries of a node that are checked one by one


def node_subject(node: Variable) -> OpSubject:
    """One node of a graph: its op, as a function of those inputs through which a gradient flows."""
    op = node.op
    assert op is not None
    flow = [i for i, x in enumerate(node.inputs) if x.flags & NEEDS and op.vjps[i] is not None]
    return OpSubject(op, [np.asarray(x._data) for x in node.inputs], node.attributes or {}, flow)


def nodes(subject: TensorSubject) -> list[Variable]:
    """The nodes of one run through which a gradient flows, in order of birth, with the user's lines."""
    with np.errstate(all="ignore"), Recording(SITES):
        _, outputs = subject.run(subject.x)
    results = [y for y in outputs if isinstance(y, Variable)]
    found = [t for t in history(*results, constants=False) if t.op is not None and t.flags & NEEDS]
    return [t for t in reversed(found) if not t.op.kind.rule]  # type: ignore[union-attr]


def suspects(subject: Subject, order: int) -> Iterator[tuple[Variable, Report]]:
    """The nodes whose own derivative is wrong, earliest first."""
    if not isinstance(subject, TensorSubject):
        return
    for node in nodes(subject):
        own = node_subject(node)
        if own.x.size:
            report = examine_order(own, order, each=FEW)
            if report.verdict == "WRONG":
                yield node, report


def wrong_ops(subject: Subject, order: int = 1) -> list[Blame]:
    """The ops with a wrong rule, each with the first line of the user's program that used it."""
    found: dict[str, Blame] = {}
    for node, report in suspects(subject, order):
        entry = report.wrong[0] if report.wrong else None
        which = f"its derivative by input {entry.argument}" if entry and order == 1 else f"order {order}"
        name = str(node.op)
        found.setdefault(name, Blame(name, str(node.site), f"{which} is wrong for the values it saw here"))
    return list(found.values())
