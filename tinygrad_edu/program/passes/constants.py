"""What is the same in each run is computed once."""

from __future__ import annotations

import numpy as np

from ..primitives import function_of
from ..program import Step, Value
from .draft import Draft, Rule

LARGEST = 1 << 20  # bytes of a constant that is computed ahead: larger ones are made anew, and freed after use


def folded(step: Step, draft: Draft) -> Value | None:
    """A step on constants alone is a constant."""
    for v in step.uses:
        if v not in draft.constants:
            return None
    if not step.uses or step.primitive == "copy":
        return None
    if step.result.size * step.result.dtype.itemsize > LARGEST:
        return None
    now = step.on(draft.constants.__getitem__)
    with np.errstate(all="ignore"):
        return draft.constant(np.array(function_of(step.primitive)(*now.args, **now.kwargs)))


def one_number(step: Step, draft: Draft) -> Value | None:
    """A single entry that follows from a shape alone, as the gradient with which a walk back begins, is a constant: it
    does not wait for the loss."""
    (x, *others), result = step.args, step.result
    if result.size != 1 or len(step.uses) != 1 or x is not step.uses[0] or x.weak:
        return None
    return draft.constant(np.array(function_of(step.primitive)(np.empty(x.shape, x.dtype), *others, **step.kwargs)))


CONSTANTS: dict[str, list[Rule]] = {
    "*": [folded],
    **{name: [one_number] for name in ("ones_like", "zeros_like", "full_like")},
}
