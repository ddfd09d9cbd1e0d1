"""Sums of many terms, as backpropagation through a loop leaves them: a tree of additions."""

from __future__ import annotations

from collections.abc import Iterator

from ..program import Program, Step, Value

FEW = 2  # terms from which a sum is looked at


def sums_of_many(program: Program) -> Iterator[tuple[Step, list[Value]]]:
    """The last addition of each sum, and its terms: values that nothing adds up further, or that others use too."""
    made = {step.results[0]: step for step in program.steps if _adds(step)}
    users: dict[Value, list[Step]] = {v: [] for v in made}
    for step in program.steps if made else ():
        for v in dict.fromkeys(step.uses):
            if v in users:
                users[v].append(step)
    shown = set(program.results)

    def inner(v: object, step: Step) -> bool:
        """Whether a term is an addition that only this sum uses."""
        return (
            isinstance(v, Value)
            and v in made
            and v not in shown
            and len(users[v]) == 1
            and v.shape == step.result.shape
        )

    for step in made.values():
        user = users[step.result]
        if len(user) == 1 and _adds(user[0]) and inner(step.result, user[0]):
            continue
        terms: list[Value] = []
        todo: list[Value] = list(step.args[::-1])
        while todo:
            v = todo.pop()
            if inner(v, step):
                todo += made[v].args[::-1]
            else:
                terms.append(v)
        if len(terms) >= FEW:
            yield step, terms


def _adds(step: Step) -> bool:
    """Whether a step adds two values of one type."""
    if step.primitive != "add" or step.kwargs:
        return False
    a, b = step.args
    return isinstance(a, Value) and isinstance(b, Value) and a.dtype == b.dtype == step.result.dtype and (
        a.shape == b.shape == step.result.shape and not a.weak and not b.weak and a is not b
    )  # fmt: skip
