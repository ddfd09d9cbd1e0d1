"""Values that are looked at by this package itself, to refuse bad ones or to choose a quicker way.

Where a function is being written down as a program (see program/), the same must be looked at again in each run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .batched import of_all, whole
from .errors import GraphError
from .recording import tracer


def require(x: object, check: Callable[[Any], None]) -> None:
    """`check` raises an error if the array `x` (of all examples, within a `vmap`) has values that it must not have."""
    by = tracer()
    if by is None or not by.check(of_all(x), check):
        check(whole(x))


def decided(x: object, question: Callable[[Any], bool], otherwise: bool) -> bool:
    """The answer to a question about values; `otherwise`, which is always right, where runs may differ in it."""
    x, by = of_all(x), tracer()
    answer = None if by is None else by.answer(x, question)
    if answer is None:
        return bool(question(whole(x))) if by is None or not by.unknown(x) else otherwise
    return answer


def value(x: Any) -> Any:
    """The value of a variable, for those who compute with it outside of an op."""
    by = tracer()
    if by is not None:
        by.take(x)
    return x._data


class Same:
    """Whether an array is still what it was when a program was written down."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __call__(self, x: Any) -> bool:
        return bool(np.array_equal(whole(x), self.array))


def settled(who: str, what: str, array: Any) -> Any:
    """The values of an array on which shapes depend: a program is for these, and made anew for others."""
    by = tracer()
    if by is None or not by.unknown(array):
        return array
    seen = np.array(array.values)
    if by.answer(array, Same(seen)) is None:
        raise GraphError(
            f"{who}: in a program, {what} must be known before it runs, as shapes depend on them; got what it computes "
            "itself; pass them as an argument, or as a list"
        )
    return seen
