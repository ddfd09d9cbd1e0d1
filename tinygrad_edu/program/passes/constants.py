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


CONSTANTS: dict[str, list[Rule]] = {"*": [folded]}
