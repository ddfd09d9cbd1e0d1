"""What a check found: verdicts, one entry for each number compared, and words."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

VERDICTS = ("RIGHT", "WRONG", "KINK", "NOISE", "UNDECIDED", "OUT_OF_DOMAIN", "VACUOUS", "NOT_REPEATABLE")


@dataclass(frozen=True)
class Entry:
    """One number of a derivative: what the code says, and what the function does.

    >>> from tinygrad_edu import testing
    >>> print(testing.Entry("W", (0, 1), analytic=2.0, numerical=3.0, error=0.01, verdict="WRONG"))
    W[0, 1]: analytic 2, numerical 3 +- 0.01, off by 100 error bars
    """

    argument: str
    index: tuple[int, ...]
    analytic: float
    numerical: float
    error: float
    verdict: str
    reason: str = ""

    def but(self, **changes: Any) -> Entry:
        """The same entry with something changed."""
        return replace(self, **changes)

    @property
    def rank(self) -> tuple[float, float]:
        """How wrong it is, to sort by: in error bars, or beyond a million of them, whose last digits differ from
        machine to machine, by the difference."""
        return min(self.bars, 1e6), abs(self.analytic - self.numerical)

    @property
    def bars(self) -> float:
        """By how many error bars the two differ."""
        difference = abs(self.analytic - self.numerical)
        return difference / self.error if self.error else (0.0 if difference == 0 else math.inf)

    @property
    def place(self) -> str:
        """`W[0, 1]`, or `x` for a scalar."""
        return f"{self.argument}[{', '.join(map(str, self.index))}]" if self.index else self.argument

    def __str__(self) -> str:
        return f"{self.place}: analytic {self.analytic:.6g}, numerical {self.numerical:.6g} +- {self.error:.1g}" + (
            f", off by {_count(self.bars)} error bars" if self.verdict == "WRONG" else ""
        )


def _count(bars: float) -> str:
    return f"{bars:.0f}" if bars < 1e6 else f"{bars:.0e}"


class Blame(NamedTuple):
    """The culprit: an op (or a hand-written variable), and the line of the user's program."""

    op: str
    site: str | None
    detail: str = ""
    pattern: str | None = None  # of its own mistake, where several lines are wrong

    def __str__(self) -> str:
        where = f" at {self.site}" if self.site else ""
        own = f" ({self.pattern})" if self.pattern else ""
        return f"{self.op}{where}" + (f": {self.detail}" if self.detail else "") + own


@dataclass(repr=False)
class Report:
    """The outcome of a check. `str(report)` is for people, `to_json()` for programs.

    >>> import numpy as np
    >>> from tinygrad_edu import testing
    >>> report = testing.check_derivative(np.sin, lambda x: -np.cos(x), 0.5, raises=False)
    >>> bool(report), report.verdict, report.pattern, [e.place for e in report.wrong]
    (False, 'WRONG', 'sign flipped', ['x'])
    """

    verdict: str
    diagnosis: str
    pattern: str | None = None
    blame: Blame | None = None
    entries: list[Entry] = field(default_factory=list)
    evaluations: int = 0  # calls of the function
    method: str = ""  # how the numerical derivative was found
    notes: list[str] = field(default_factory=list)
    others: list[Blame] = field(default_factory=list)  # further culprits, where several lines or ops are wrong

    def __bool__(self) -> bool:
        return self.verdict != "WRONG"

    @property
    def wrong(self) -> list[Entry]:
        """The entries whose analytic value is wrong, worst first."""
        return sorted((e for e in self.entries if e.verdict == "WRONG"), key=lambda e: e.rank, reverse=True)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    __repr__ = __str__  # at a prompt, too

    def lines(self) -> Iterator[str]:
        yield f"{self.verdict.replace('_', ' ')}: {self.diagnosis}"
        for e in self.wrong[:3]:
            if e.index or e.error:
                yield f"  {e}"
        if len(self.wrong) > 3:
            yield f"  and {len(self.wrong) - 3} more"
        if self.pattern:
            yield f"  pattern: {self.pattern}"
        if self.blame:
            yield f"  blame: {self.blame}"
        for other in self.others:
            yield f"  and also: {other}"
        for text in self.notes:
            yield f"  note: {text}"
        yield f"  ({self.evaluations} evaluations of the function; {self.method or 'no numerical derivative'})"

    def to_json(self) -> str:
        """The report as one JSON object; numbers that JSON has no word for become strings."""
        return json.dumps(self.facts())

    def facts(self) -> dict[str, Any]:
        """What the JSON object says."""
        entries = [{k: (list(v) if k == "index" else _plain(v)) for k, v in asdict(e).items()} for e in self.entries]
        return {
            "verdict": self.verdict,
            "diagnosis": self.diagnosis,
            "pattern": self.pattern,
            "blame": self.blame and self.blame._asdict(),
            "others": [other._asdict() for other in self.others],
            "evaluations": self.evaluations,
            "method": self.method,
            "notes": self.notes,
            "entries": entries,
        }


def _plain(v: object) -> Any:
    return v if not isinstance(v, float) or math.isfinite(v) else str(v)


class GradientError(AssertionError):
    """A derivative is wrong; `report` says which, where and how.

    >>> import numpy as np
    >>> from tinygrad_edu import testing
    >>> try:
    ...     testing.check_derivative(np.sin, lambda x: -np.cos(x), 0.5)
    ... except testing.GradientError as error:
    ...     print(error.report.pattern)
    sign flipped
    """

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


def conclude(report: Report, raises: bool, strict: bool | str | Sequence[str]) -> Report:
    """Raise if the verdict fails, else hand back the report."""
    names = [strict] if isinstance(strict, str) else VERDICTS[1:] if isinstance(strict, bool) and strict else strict
    failing = {"WRONG", *(names or ())}
    if not failing <= set(VERDICTS):
        raise ValueError(
            f"check: strict must name verdicts; got {sorted(failing - set(VERDICTS))}; choose from {VERDICTS}"
        )
    if raises and report.verdict in failing:
        raise GradientError(report)
    return report
