"""The same functions once more in extended precision: what rounding does to a derivative, and to its function.

`1 - tanh(x)**2` of a saturated `tanh` is a right formula that has lost its digits, and `log(1 - p)` a function that
has. Neither shows nearby: both are as smooth as they are wrong. NumPy's `longdouble` has eleven bits more than float64
on most machines, and NumPy code runs on it as it is; the difference of the two is the rounding. Where there is no such
precision (Windows, macOS on ARM), or functions do not take it, nothing is known of the rounding.
"""

from __future__ import annotations

import copy
from functools import cached_property
from typing import Any

import numpy as np

from ...annotations import Array
from ..subjects.subjects import Subject
from .extrapolation import EPS, Slope
from .numerical import Line
from .probe import Lattice, Probe
from .thresholds import SAFETY

EXTENDED = bool(np.finfo(np.longdouble).eps < EPS / 100)
MANY = 1e6 * EPS  # relative: a value that is off by more has lost six digits on the way


class Extended:
    """A function and its derivative at a point, in extended precision."""

    def __init__(self, subject: Subject, probe: Probe, c: Array, g: Any) -> None:
        self.subject, self.probe, self.c, self.g = subject, probe, c, g
        self.fine = copy.copy(probe)
        self.fine.x = probe.x.astype(np.longdouble)

    @cached_property
    def gradient(self) -> Any:
        """The derivative; None where it is not known."""
        if not EXTENDED or self.subject.dtype is not None or not np.all(np.isfinite(self.g)):
            return None
        found = self.subject.nearby(self.fine.x, self.c)
        return found if found.dtype == np.longdouble and np.all(np.isfinite(found)) else None  # else it casts inside

    def lost_by_slope(self, v: object, scale: float, plain: float) -> float:
        """The rounding of the complex step's slope along `v`, which is `plain` in float64; 0 where it is not known."""
        fine = Line(self.fine, v, self.c, scale).complex_slope()
        return 0.0 if fine is None else abs(fine - plain)

    @cached_property
    def lost(self) -> Any:
        """How far each value of the function is from that in extended precision; 0 where it is not known."""
        try:
            self.fine.y = self.fine.f(self.fine.x)
            return np.abs((self.fine.y - self.probe.y).astype(np.float64))
        except Exception:  # of another precision, it may refuse in any way
            return np.zeros(self.probe.y.shape)

    @property
    def function_loses(self) -> bool:
        """Whether the function loses many digits inside, so that its slope may have lost them all."""
        return bool(np.any(self.lost > MANY * np.abs(self.probe.y)))

    def slope(self, v: Any, scale: float, analytic: float, most: int) -> Slope:
        """The slope of the function along `v` by real differences in extended precision, if it loses digits."""
        self.fine.lattice = Lattice(self.probe.y)
        self.fine.measured = SAFETY * float(np.finfo(np.longdouble).eps) / EPS * self.lost
        return Line(self.fine, v, self.c, scale).slope(analytic, most=most)
