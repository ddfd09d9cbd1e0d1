"""The report of an examination in full: derivatives that are zero are seen elsewhere, and mistakes get their cause."""

from __future__ import annotations

from contextvars import ContextVar

import numpy as np

from .causes.diagnosis import diagnose
from .causes.ops import wrong_ops
from .causes.patterns import ORDER
from .examination import Examination, with_second
from .report import Report
from .subjects.elsewhere import look_elsewhere

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


def elsewhere(first: Examination, report: Report) -> Report:
    """The report; if derivatives that are zero here are wrong at other inputs, the report from there."""
    if report.verdict != "RIGHT" or first.judge is None:
        return report
    place = look_elsewhere(first.subject, first.judge, report)
    report.evaluations = first.subject.calls
    if place is None:
        return report
    here, first.subject.x = first.subject.x, place
    found = first.report()
    if found.verdict != "WRONG":
        first.subject.x = here
        return report
    found.notes.append(
        f"at the inputs given this could not be seen ({report.diagnosis.partition('; at other')[0]}); these are other "
        "inputs, at which it could"
    )
    return found
