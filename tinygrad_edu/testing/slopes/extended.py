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

from ..subjects.subjects import Subject
from .extrapolation import EPS
from .numerical import Line, Probe
from .thresholds import SAFETY

EXTENDED = bool(np.finfo(np.longdouble).eps < EPS / 100)
NEARBY = 2.0**-27  # relative: where the function is computed in both precisions, beside the point itself


class Extended:
    """A function and its derivative at a point, in extended precision."""

    def __init__(self, subject: Subject, probe: Probe, c: Any, g: Any) -> None:
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

    def lost_by_slope(self, v: Any, scale: float, plain: float) -> float:
        """The rounding of the complex step's slope along `v`, which is `plain` in float64; 0 where it is not known."""
        fine = Line(self.fine, v, self.c, scale).complex_slope()
        return 0.0 if fine is None else abs(fine - plain)

    def noise(self, rng: Any) -> Any:
        """The rounding of each output of the function, at the point and, if it is more there than was known, beside it;
        0 where it is not known."""
        x = self.probe.x
        found = self.rounding(x, self.probe.y)
        if np.any(found > SAFETY * self.probe.noise):
            found = np.fmax(found, self.rounding(x + NEARBY * x * rng.choice([-1.0, 1.0], x.shape)))
        return np.where(np.isfinite(found), found, 0.0)

    def rounding(self, x: Any, y: Any = None) -> Any:
        """How far the values `y` at `x` are from those in extended precision; 0 where these are not known."""
        try:
            fine = self.probe.f(x.astype(np.longdouble))
            return np.abs(((self.probe.f(x) if y is None else y) - fine).astype(np.float64))
        except Exception:  # outside its domain, or of another precision, it may refuse in any way
            return np.zeros(self.probe.y.shape)
