"""Results are nobody else's memory."""

from __future__ import annotations

from dataclasses import replace

from ..primitives import VIEWS
from ..program import Program, Step, Value


def with_own_results(before: Program, program: Program) -> Program:
    """A result that had memory of its own before the passes, and shows that of an input, a constant or another result
    after them, is copied."""
    own = _own(before)
    steps, results = list(program.steps), []
    count = program.free_number() - 1
    for v, was, now in zip(program.results, own, _own(program), strict=True):
        if was and not now:
            count += 1
            copied = Value(count, v.shape, v.dtype)
            steps.append(Step("copy", (v,), {}, (copied,)))
            v = copied
        results.append(v)
    return replace(program, steps=steps, results=results)


def _own(program: Program) -> list[bool]:
    """For each result, whether its memory was made by a step, and is that of no result before."""
    made, seen, found = program.made_by(), set(), []
    for v in program.results:
        while v in made and made[v].primitive in VIEWS and isinstance(made[v].args[0], Value):
            v = made[v].args[0]
        found.append(v in made and v not in seen)
        seen.add(v)
    return found
