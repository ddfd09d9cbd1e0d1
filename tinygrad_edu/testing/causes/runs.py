"""Runs of a copy of a hand-written derivative with other values or lines, and which gradients are right then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from .mending import Hook, Mendable

MOST = 600  # runs in search of values, and of changes, that make it right; an LSTM's take a millisecond or two each


class RightGradients(Protocol):
    """What the gradients should be."""

    arguments: list[Any]

    def agrees(self, k: int, found: Any) -> bool:
        """Whether a gradient by argument `k` is right."""
        ...


class Runs:
    """A copy of the derivative of a `Pair`, run at its inputs again and again."""

    def __init__(self, pair: Any, c: Any, copy: Mendable, answer: RightGradients, here: tuple[Any, Any]) -> None:
        self.pair, self.copy, self.answer = pair, copy, answer
        self.cotangent = np.asarray(c).reshape(pair.shape)
        self.runs = 0
        self.forward: Any = None
        self.forward = self.kept(here)

    def kept(self, kept: tuple[Any, Any]) -> Any:
        """The value and the cache, if they can be kept: if a second run of the derivative on them gives the same."""
        runs = []
        for _ in range(2):
            self.forward = kept
            runs.append(self.run(lambda k, value: value))
        first, again = runs
        same = first is not None and again is not None and all(map(np.array_equal, first, again))
        return kept if same else None

    def run(self, hook: Hook) -> list[Any] | None:
        """The gradients, when assignments go through this hook; None if it cannot be computed with such values."""
        self.runs += 1
        df, made = self.pair.df, self.copy.with_hook(hook)
        try:
            if self.pair.own:  # it computes its value and its gradient
                found = self.pair.as_arrays(made(*self.pair.rebuilt(self.pair.x))[1])
            else:
                value, cache = self.forward or self.pair.call(self.pair.x)
                self.pair.df = made
                found = self.pair.differentiate(self.pair.x, value, self.copy.made(cache), self.cotangent)
            return [np.asarray(g) for g in self.pair.named(found, self.cotangent)]
        except Exception:  # numbers that do not fit are no mending
            return None
        finally:
            self.pair.df = df

    def right(self, found: list[Any] | None) -> list[bool]:
        """Which gradients are right."""
        if found is None:
            return [False] * len(self.answer.arguments)
        return [self.answer.agrees(k, g) for k, g in enumerate(found)]


class Replacing:
    """A hook that gives one site other values, in their order."""

    def __init__(self, k: int, values: Sequence[Any]) -> None:
        self.k, self.values = k, iter(values)

    def __call__(self, k: int, value: Any) -> Any:
        other = next(self.values, None) if k == self.k else None
        return value if other is None else other.copy()


class Moving:
    """A hook that adds something to the values of one site, and notes them."""

    def __init__(self, k: int, shifts: Sequence[Any]) -> None:
        self.k, self.shifts, self.values = k, iter(shifts), list[Any]()

    def __call__(self, k: int, value: Any) -> Any:
        if k != self.k:
            return value
        shift = next(self.shifts, None)
        self.values.append(None if shift is None else np.asarray(value + shift))
        return value if shift is None else self.values[-1].copy()
