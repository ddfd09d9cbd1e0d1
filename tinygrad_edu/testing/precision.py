"""A derivative in the dtype of its inputs, against the same code in float64: what low precision may do, and what not.

What rounding of the inputs does to the gradient has the condition number in it, so that an ill-conditioned function
has a wide bar. Beyond it are some units in the last place of the largest gradient, and of one of the size that values
and inputs suggest. Source: N. Higham, "Accuracy and Stability of Numerical Algorithms" (2002), chapter 1: the forward
error is at most the condition number times the backward error.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from ..annotations import DTypeLike
from .report import Entry, Report
from .slopes.thresholds import LOSES
from .subjects.subjects import Subject

LOST = "loses its digits"
DRAWS = 4  # roundings of the inputs that are tried; their largest effect is that of the condition number


def resolution(dtype: DTypeLike) -> Any:
    """What `np.finfo` says of a dtype, also of bfloat16 and the others of `ml_dtypes`."""
    return np.finfo(dtype) if np.dtype(dtype).kind == "f" else import_module("ml_dtypes").finfo(dtype)


def in_own_dtype(subject: Subject, c: Any, g: Any, y: Any, rng: Any, report: Report) -> None:
    """Make a report that is RIGHT in float64 WRONG, or add a note, where low precision does more than it must."""
    low = subject.gradient(subject.x, c, native=True)
    values = subject.seen[-1].astype(np.float64)
    known = [resolution(a.array.dtype) for a in subject.arguments]
    each = [(float(i.eps), float(i.max)) for i in known]
    eps, most = (
        np.concatenate([np.full(a.size, v[k]) for a, v in zip(subject.arguments, each, strict=True)]) for k in (0, 1)
    )
    blur = np.zeros(g.size)
    for _ in range(DRAWS):
        near = subject.nearby(subject.x * (1 + eps * rng.choice([-1, 1], g.size)), c)
        blur = np.fmax(blur, np.abs(near - g))
    bars = _bars(subject, blur, g, eps, float(np.sum(np.abs(c * y))))
    off = ~(np.abs(low - g) <= bars) & (np.abs(g) <= most)
    if not off.any():
        return
    k = int(np.argmax(np.where(off, np.nan_to_num(np.abs(low - g) / bars, nan=np.inf), -1)))
    name, index = subject.place(k)
    entry = Entry(name, index, float(low[k]), float(g[k]), float(bars[k]), "WRONG")
    dtype = next(a for a in subject.arguments if a.name == name).array.dtype
    text = f"in {dtype} the derivative by {entry.place} is {low[k]:.6g}, where it is {g[k]:.6g} in float64"
    if not np.all(np.isfinite(values)):
        report.notes.append(f"{text}; the function itself is not finite in {dtype}")
        return
    report.verdict, report.pattern = "WRONG", f"{LOST} in {dtype}"
    report.diagnosis = f"{text}; what its condition number allows is {bars[k]:.1g}"
    report.entries = [*report.entries, entry]


def _bars(subject: Subject, blur: object, g: object, eps: object, size: float) -> Any:
    """For each entry the largest of its array: by the condition number, and by some units in the last place."""
    parts = zip(*(subject.split(v) for v in (subject.x, blur, g, eps)), strict=True)
    found = []
    for x, b, t, e in parts:
        natural = size / (float(np.sum(np.abs(x))) or 1.0)
        bar = LOSES * (np.max(b, initial=0) + np.max(e, initial=0) * (np.max(np.abs(t), initial=0) + natural))
        found.append(np.full(x.size, bar))
    return np.concatenate(found)
