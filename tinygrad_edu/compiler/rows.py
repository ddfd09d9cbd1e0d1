"""A product of a matrix and one vector, as sums of rows: each entry is read once, in the order in which it lies."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from ..program.program import Step, Value

LEAST = 1 << 12  # entries of a matrix for which it pays


def by_rows(steps: Sequence[Step]) -> list[Step]:
    """The steps, with products of large matrices and one vector as a product of entries, and its sums."""
    fresh = itertools.count(1 + max([v.number for step in steps for v in (*step.uses, *step.results)], default=0))
    turned = {s.result: s.args[0] for s in steps if _turns(s)}
    found: list[Step] = []
    for step in steps:
        apart = _apart(step, turned) if step.primitive == "matmul" else None
        if apart is None:
            found.append(step)
            continue
        (matrix, vector, axis), out = apart, step.result
        shape = [1, 1]
        shape[axis] = matrix.shape[axis]
        line, entries, sums = (
            Value(next(fresh), s, out.dtype) for s in (tuple(shape), matrix.shape, (matrix.shape[1 - axis],))
        )
        found += [
            Step("reshape", (vector, line.shape), {}, (line,), step.site),
            Step("multiply", (matrix, line), {}, (entries,), step.site),
            Step("sum", (entries,), {"axis": (axis,)}, (sums,), step.site),
            Step("reshape", (sums, out.shape), {}, (out,), step.site),
        ]
    return found


def _turns(step: Step) -> bool:
    """Whether a step gives a matrix transposed."""
    name = step.primitive
    if name not in ("swapaxes", "transpose") or step.kwargs or len(step.args[0].shape) != 2:
        return False
    axes = step.args[1:] if name == "swapaxes" else step.args[1] if len(step.args) > 1 else (1, 0)
    return axes is None or (axes[0] - axes[1]) % 2 == 1


def _apart(step: Step, turned: dict[Value, Value]) -> tuple[Value, Value, int] | None:
    """The matrix as it lies in memory, the vector, and the axis of the matrix that is summed over."""
    a, b = step.args
    if step.kwargs or not (len(a.shape) == len(b.shape) == 2) or step.result.dtype.kind != "f":
        return None
    if b.shape[1] == 1 and a.size >= LEAST:
        return (turned[a], b, 0) if a in turned else (a, b, 1)
    if a.shape[0] == 1 and b.size >= LEAST and b in turned:
        return turned[b], a, 1
    return None
