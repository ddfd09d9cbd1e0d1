"""Would the project's own op tests have caught it? Every op of the registry, broken in every way.

python -m tinygrad_edu.testing.properties.registry_score
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import given, reject, settings

from ...op import Op
from . import op_checks
from .calls import calls
from .equivalence import QUICK, Call
from .mutation import Score, mutation_score


def op_test(op: Op, examples: int) -> Callable[[], None]:
    """The derivative checks of the op tests, on a few calls."""

    @settings(max_examples=examples, **QUICK)  # type: ignore[arg-type]
    @given(call=calls(op))
    def test(call: Call) -> None:
        try:
            op_checks.order_one(op, *call)
            op_checks.order_two(op, *call)
        except op_checks.Undecided:
            reject()

    return test


def registry_score(ops: Sequence[Op] | None = None, examples: int = 25) -> Score:
    """The mutation score of the op tests over ops of the registry (all differentiable ones by default)."""
    caught, survivors, same = 0, [], []
    for op in ops if ops is not None else [op for op in op_checks.built_in_ops() if op.differentiable]:
        score = mutation_score(op, op_test(op, examples))
        caught += score.caught
        survivors += score.survivors
        same += score.equivalent
    return Score(caught, survivors, same)


if __name__ == "__main__":
    result = registry_score()
    print(result)
    print(f"{len(result.equivalent)} mutants left out, as they compute the same")
