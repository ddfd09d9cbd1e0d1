"""A step along a direction after which a function is smaller, and less steep: the strong Wolfe conditions.

Source: Nocedal and Wright, "Numerical optimization" (2006), algorithms 3.5 and 3.6; interpolation as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..annotations import Array, ArrayLike

Objective = Callable[[float], tuple[float, Any]]


class Point(NamedTuple):
    """A point of the line: how far along, with value, slope and gradient."""

    step: float
    value: float
    slope: float
    gradient: Any


def cubic(a: Point, b: Point, low: float, high: float) -> float:
    """Where the cubic through two points with slopes is least, from `low` to `high`."""
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step)
    square = d1 * d1 - a.slope * b.slope
    a, b = (a, b) if a.step <= b.step else (b, a)
    d2 = square**0.5 if square >= 0 else np.nan
    if not b.slope - a.slope + 2 * d2:  # a line
        d2 = np.nan
    if np.isnan(d2):
        return (low + high) / 2
    least = b.step - (b.step - a.step) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return float(min(max(least, low), high))


def strong_wolfe(
    f: Objective, d: Array, step: float, value: float, gradient: ArrayLike, *, c1: float = 1e-4, c2: float = 0.9,
    tolerance: float = 1e-9, most: int = 25, noise: float = 0.0,
) -> tuple[Point, int]:  # fmt: skip
    """The point along `d` at which the search ends, and how many times `f(step)`, value and gradient, was asked for.

    A rise of `noise`, the rounding of values, counts as none.
    """
    start = Point(0.0, value, float(gradient @ d), gradient)
    search = LineSearch(f, d, start, c1, c2, noise)
    before, now = start, search.at(step)
    bracket = [start, now]
    for k in range(most):
        if search.rises(now) or (k > 1 and now.value >= before.value):
            bracket = [before, now]
            break
        if search.flat(now):
            return now, search.count
        if now.slope >= 0:
            bracket = [before, now]
            break
        further = cubic(before, now, now.step + 0.01 * (now.step - before.step), now.step * 10)
        before, now = now, search.at(further)
        bracket = [start, now]
    return search.within(bracket, most, tolerance), search.count


class LineSearch:
    """A function along a direction, from a start."""

    def __init__(self, f: Objective, d: Array, start: Point, c1: float, c2: float, noise: float) -> None:
        self.f, self.d, self.start, self.c1, self.c2, self.noise = f, d, start, c1, c2, noise
        self.largest, self.count = float(np.max(np.abs(d), initial=0)), 0

    def at(self, step: float) -> Point:
        self.count += 1
        value, gradient = self.f(step)
        return Point(step, value, float(gradient @ self.d), gradient)

    def rises(self, p: Point) -> bool:
        """Whether the function does not fall as much as it should."""
        return p.value > self.start.value + self.c1 * p.step * self.start.slope + self.noise

    def flat(self, p: Point) -> bool:
        """Whether the slope is small enough."""
        return abs(p.slope) <= -self.c2 * self.start.slope

    def within(self, bracket: list[Point], most: int, tolerance: float) -> Point:
        """The lower end of a bracket, which is narrowed until that fulfils the conditions."""
        a, b = bracket
        low = 0 if a.value <= b.value else 1
        stuck = False
        while self.count <= most:
            a, b = bracket
            first, last = min(a.step, b.step), max(a.step, b.step)
            if (last - first) * self.largest < tolerance:
                break
            step, room = cubic(a, b, first, last), 0.1 * (last - first)
            near = min(last - step, step - first) < room
            if near and (stuck or step >= last or step <= first):  # a tenth away from the nearest end
                step = last - room if abs(step - last) < abs(step - first) else first + room
                near = False
            stuck = near
            p = self.at(step)
            if self.rises(p) or p.value >= bracket[low].value:
                bracket[1 - low] = p
                low = 0 if bracket[0].value <= bracket[1].value else 1
                continue
            if self.flat(p):
                return p
            if p.slope * (bracket[1 - low].step - bracket[low].step) >= 0:
                bracket[1 - low] = bracket[low]
            bracket[low] = p
        return bracket[low]
