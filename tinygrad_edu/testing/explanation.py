"""The report of an examination in full: derivatives that are zero are seen elsewhere, and mistakes get their cause."""

from __future__ import annotations

from contextvars import ContextVar

import numpy as np

from .causes.diagnosis import diagnose
from .causes.ops import wrong_ops
from .causes.patterns import ORDER
from .elsewhere import elsewhere
from .examination import Examination, with_second
from .report import Report

causes: ContextVar[bool] = ContextVar("causes", default=True)  # whether mistakes get their causes, which takes longer


def explained(first: Examination, order: int = 1) -> Report:
    """The report of an examination, with the cause if it is WRONG."""
    with np.errstate(all="ignore"):
        report = elsewhere(first, first.report())
        if report.verdict == "WRONG":
            if report.pattern is None and causes.get():
                diagnose(first, report)
            return report
        report = with_second(first, report, order)
        if report.pattern == ORDER and causes.get():
            report.blame = next(iter(wrong_ops(first.subject, order=2)), None)
    return report
