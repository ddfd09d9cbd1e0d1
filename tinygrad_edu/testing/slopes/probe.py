"""A function around a point: how often it was called, and how much of what it says is rounding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...annotations import Array, DTypeLike
from .extrapolation import EPS, inf
from .thresholds import CLEAR


class Probe:
    """A function of one flat vector around a point: counts its calls, and knows its noise."""

    def __init__(self, f: Callable[[Any], Any], x: Any, dtype: DTypeLike | None = None, accuracy: float = 0.0) -> None:
        self.f, self.x, self.count, self.dtype = f, np.asarray(x, dtype=np.float64), 0, dtype
        self.accuracy = accuracy  # how far the values may be from the true ones, relatively
        self.y = f(self.x)
        self.count += 1
        self.measured = np.zeros(np.shape(self.y))
        self.lattice = Lattice(self.y)
        self.sharp = False  # whether steps of some 1e-8 are wide for it, as close to a pole

    @classmethod
    def of(cls, subject: Any, x: Any = None) -> Probe:
        """The probe of a subject, at its inputs or at others."""
        return cls(subject.value, subject.x if x is None else x, subject.dtype, subject.accuracy.f)

    def __call__(self, x: Any) -> Any:
        """f(x), or None where it has no value of the right size."""
        self.count += 1
        try:
            y = self.f(x)
        except Exception:  # outside its domain, it may refuse in any way
            return None
        complex_ = y.dtype.kind == "c" != self.y.dtype.kind  # (-1.0) ** 1.5 in Python: outside its domain, too
        if y.shape != self.y.shape or complex_:
            return None
        self.lattice.see(y)
        return y

    @property
    def noise(self) -> Any:
        """What rounding may do to each output."""
        return np.maximum(self.measured, self.lattice.spacing)

    def measure_noise(self, rng: Any, pairs: int) -> None:
        """What second differences show that no smooth function has, so close to the point.

        A large one may be the function's own bend, near a pole, say; then that over a step of a few units in the last
        place tells the rounding, if the function moves there at all.
        """
        eps = float(np.finfo(self.y.dtype).eps) if self.y.dtype.kind == "f" else EPS
        self.measured = np.maximum(eps, self.accuracy) * np.abs(self.y.astype(np.float64))
        size = np.where(self.x == 0, typical(self.x) * EPS, np.abs(self.x))
        signs = rng.choice([-1.0, 1.0], self.x.shape)
        bend, _ = self.bend(size * signs * 2.0**-27)
        large = bool(np.any(bend > 64 * self.measured))
        self.sharp = bool(np.any(bend > CLEAR * np.abs(self.y)))
        if self.dtype is not None:
            self.measured = np.maximum(self.measured, 4 * float(np.finfo(self.dtype).eps) * np.abs(self.y))
            return
        near, moves = self.bend(size * signs * 4 * EPS) if large or pairs > 1 else (bend, False)
        if large:
            half = self.bend(size * signs * 2.0**-28)[0] if not np.all(moves) else bend
            bend = np.where(moves | (np.abs(bend - 4 * half) <= bend / 2), near, bend)
        for found in (bend, near):
            self.measured = np.where(np.isfinite(found), np.maximum(self.measured, found), self.measured)

    def bend(self, shift: Array) -> tuple[Any, Any]:
        """Half the second difference (nan where there is none), and whether the values move."""
        above, below = self(self.x + shift), self(self.x - shift)
        if above is None or below is None:
            return np.full(np.shape(self.y), np.nan), np.zeros(np.shape(self.y), dtype=bool)
        bend = np.abs(above.astype(np.float64) - 2 * self.y.astype(np.float64) + below) / 2
        return bend, (above != self.y) | (below != self.y)


class Lattice:
    """The coarsest lattice of numbers, m * 2**k, on which all values of a function lie: wider than float64's if it
    computes in float32, or adds a small number to a large one and takes the large one off again."""

    def __init__(self, y: Any) -> None:
        self.unit = np.full(np.shape(y), inf)
        self.least = np.full(np.shape(y), inf)  # the smallest value but 0
        self.digits = 0.0  # of the longest value in binary, as a whole number
        self.first, self.moved = y, np.zeros(np.shape(y), dtype=np.int64)
        self.last = y
        self.see(y)

    def see(self, y: Any) -> None:
        """Note some values."""
        values = np.abs(y.astype(np.float64))
        values = np.where(np.isfinite(values), values, 0.0)
        m, e = np.frexp(values)
        whole = (m * 2.0**53).astype(np.int64)
        unit = np.ldexp((whole & -whole).astype(np.float64), np.maximum(e - 53, -1074))
        self.unit = np.where(values == 0, self.unit, np.minimum(self.unit, unit))
        self.least = np.where(values == 0, self.least, np.minimum(self.least, values))
        self.digits = max(self.digits, float(np.max(values / unit, where=values > 0, initial=0)))
        self.moved += (y != self.first) & (y != self.last)
        self.last = y

    @property
    def spacing(self) -> Any:
        """The distance of its points, where it is surely no accident; else 0."""
        known = (self.moved >= 4) & np.isfinite(self.unit) & (self.unit > 2.0**12 * EPS * self.least)
        return np.where(known, self.unit, 0.0)

    @property
    def coarse(self) -> float:
        """The relative unit in the last place, if all values are as short as float32's, and not by accident; else 0."""
        return 2.0**-23 if 2**13 < self.digits <= 2**24 else 0.0


def typical(x: Array) -> float:
    """The size of an array's numbers: the largest, or 1 if all are 0."""
    return float(np.max(np.abs(x), initial=0)) or 1.0


def sizes(parts: Sequence[Any]) -> Any:
    """The natural size of a step in each entry of some arrays: its own size, or that of its array if it is 0."""
    return np.concatenate([np.where(part == 0, typical(part), np.abs(part)).ravel() for part in parts])
