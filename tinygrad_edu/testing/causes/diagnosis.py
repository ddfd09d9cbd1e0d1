"""From a WRONG verdict to its cause: the pattern of the mistake, and who or what line to blame."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import numpy as np

from ..examination import Examination
from ..report import Entry, Report
from ..slopes.judging import EACH, Judge
from ..slopes.probe import Probe
from ..slopes.thresholds import SUSPECT
from ..subjects.functions import is_lambda, lambda_of, plain_function
from ..subjects.pairs import Pair
from ..subjects.subjects import Mismatch, Subject, TensorSubject
from .lines import NumericalGradients, wrong_lines
from .ops import wrong_ops
from .patterns import KINK, OVERWRITTEN, STALE, TERM, TRANSPOSED, proportional, recognise
from .slicing import only_lines
from .text import forgets, overwritten, rewrites, site_of

LISTED = 8  # lines that a note lists, at most
AWAY = (0.3, -0.2)  # of the scale: where a factor is looked at that may be constant
JUDGED = 3  # calls for a slope and a derivative there
SAMPLE = 16  # entries looked at where there are too many to look at all


def diagnose(examination: Examination, report: Report) -> None:
    """Fill in `pattern` and `blame` of a report whose verdict is WRONG."""
    subject, judge = examination.subject, examination.judge
    patterns: dict[str, str] = {}
    if examination.mismatch is not None and examination.probe is not None:
        report.pattern = misshapen(subject, examination.mismatch, examination.c, examination.probe)
    elif judge is not None and report.pattern is None:
        if all(e.reason.startswith("a kink") for e in report.wrong):
            report.pattern = f"{KINK}: the value is no slope between those on its two sides"
            return
        patterns = _patterns(subject, judge, report)
        report.pattern = _stale(subject, judge, report) or _unused(subject, judge) or _clearest(patterns)
    if isinstance(subject, Pair):
        _blame_lines(subject, examination.c, report)
    else:
        _blame_ops(subject, report)
    if report.pattern in patterns.values() and len(set(patterns.values())) > 1:
        report.notes += [f"{name}: {text}" for name, text in patterns.items() if text != report.pattern]


def _blame_lines(pair: Pair, c: Any, report: Report) -> None:
    culprits, notes = wrong_lines(pair, c, sizes_of(pair, np.size(c)), slopes_of(pair, report))
    hint = overwritten(pair.df, {f"d{e.argument}" for e in report.wrong})
    if culprits:
        first, *rest = culprits
        report.blame = first.blame
        report.others = [c.blame._replace(pattern=c.pattern) for c in rest]
        known = report.pattern or ""
        if first.pattern and not known.startswith(STALE) and not _vaguer(first.pattern, known):
            report.pattern = first.pattern
    if culprits or not _blame_by_text(pair, pair.functions[1], report):
        report.notes += notes
    if report.blame is None and is_lambda(df := plain_function(pair.functions[0] if pair.own else pair.functions[1])):
        report.notes += _of_lambda(df)
    there = hint and (not culprits or hint.split()[-1] == str(culprits[0].blame.site).rpartition(":")[2])
    known = report.pattern or ""
    if there and known.startswith((TERM, OVERWRITTEN)) and not (culprits and ":" in known):
        report.pattern = hint
    line = int(str(culprits[0].blame.site).rpartition(":")[2]) if culprits else None
    kept = rewrites(pair.df) if line is None else forgets(pair.df, line)
    if (report.pattern or "").startswith(f"{OVERWRITTEN}: entries") and not kept:
        report.pattern = f"{TERM} or wrong, in some entries"


def _of_lambda(df: Any) -> list[str]:
    """The note with the line and the text of a lambda, if there is a source."""
    try:
        node, text = lambda_of(df)
    except (OSError, SyntaxError):
        return []
    return [f"the mistake is in this lambda, or in what it calls: {text} at {site_of(df, node.lineno)}"]


def slopes_of(subject: Subject, report: Report) -> NumericalGradients | None:
    """The gradients by numbers, if each entry is known."""
    known = {(e.argument, e.index): e for e in report.entries if e.verdict in ("RIGHT", "WRONG")}
    places = [subject.place(k) for k in range(subject.x.size)]
    if not all(place in known for place in places):
        return None
    found = [subject.split(np.array([getattr(known[p], k) for p in places])) for k in ("numerical", "error")]
    return NumericalGradients(*found)


def _vaguer(pattern: str, other: str) -> bool:
    """Whether a pattern says less than another."""
    return (
        pattern.startswith(TERM) and ":" not in pattern and bool(other) and (":" in other or not other.startswith(TERM))
    )


def _blame_by_text(subject: Subject, df: Any, report: Report) -> bool:
    """Name the one line that only wrong gradients come through; or list the few such lines in a note."""
    lines = only_lines(df, [(a.name, a.position) for a in subject.arguments], {e.argument for e in report.wrong})
    if len(lines) == 1:
        (report.blame,) = lines
    elif 1 < len(lines) <= LISTED:
        numbers = ", ".join(str(b.site).rpartition(":")[2] for b in lines)
        report.notes.append(f"the mistake is in one of the lines {numbers} of {str(lines[0].site).rpartition(':')[0]}")
    return len(lines) == 1


def _blame_ops(subject: Subject, report: Report) -> None:
    if not isinstance(subject, TensorSubject):
        df = getattr(subject, "backward", None)
        if df is not None:
            _blame_by_text(subject, df, report)
        return
    found = wrong_ops(subject)
    if found:
        report.blame, *report.others = found
    else:
        report.notes.append("every op's own rule is right for the values it saw: look between them (detach, .data)")


def sizes_of(subject: Subject, outputs: int) -> list[int]:
    """The lengths that a missing 1/m may have."""
    found = {n for a in subject.arguments for n in a.array.shape} | {a.size for a in subject.arguments} | {outputs}
    found |= {n for x in subject.inputs if isinstance(x, np.ndarray) for n in (*x.shape, x.size)}
    return sorted(found - {0, 1})


def _clearest(patterns: dict[str, str]) -> str | None:
    vague = lambda text: text.startswith(TERM)
    return min(patterns.values(), key=vague, default=None)


def _unused(subject: Subject, judge: Judge) -> str | None:
    """Whether the derivative takes no notice of the gradient of the output."""
    several = judge.probe.y.size > 1 and bool(np.any(judge.g))
    if several and np.array_equal(subject.nearby(judge.probe.x, 2 * judge.c), judge.g):
        return f"{TERM}: the factor cotangent; the gradient of the output is not used"
    return None


def _patterns(subject: Subject, judge: Judge, report: Report) -> dict[str, str]:
    """The mistake in the derivative by each argument in which there is one."""
    sizes = sizes_of(subject, judge.probe.y.size)
    found: dict[str, str] = {}
    start = 0
    for a, g, x in zip(subject.arguments, subject.split(judge.g), subject.split(judge.probe.x), strict=True):
        places = range(start, start + a.size)
        start += a.size
        entries = [e for e in report.entries if e.argument == a.name]
        if not any(e.verdict == "WRONG" for e in entries):
            continue
        if len(entries) == a.size:
            n, bars = (
                np.array([getattr(e, k) for e in entries]).reshape(a.array.shape) for k in ("numerical", "error")
            )
        elif turned := _turned(judge, places[0], g):
            found[a.name] = turned
            continue
        else:
            known = {places[0] + int(np.ravel_multi_index(e.index, a.array.shape)): e for e in entries}
            more = {places[0], places[-1], *judge.rng.choice(places, SAMPLE).tolist()}
            some = sorted({*known, *(k for k in more if judge.left() >= 2 * judge.most)})
            entries = [known.get(k) or judge.entry(k) for k in some]
            g, n, bars = (np.array([getattr(e, v) for e in entries]) for v in ("analytic", "numerical", "error"))
            x = x.flat[[k - places[0] for k in some]]
            if all(e.verdict == "RIGHT" for e in entries):
                found[a.name] = f"{TERM}, or {OVERWRITTEN}: a few of {a.size} entries are wrong"
                continue
        text = recognise(g, n, bars, sizes, x)
        if g.size == 1 and text == f"{TERM} or wrong" and (k := _ratio(judge, places[0], float(n.flat[0]))):
            text = proportional(k, sizes)
        if text:
            found[a.name] = text
    return found


def _ratio(judge: Judge, k: int, slope: float) -> float | None:
    """By what a single derivative is off, if that is the same at other inputs: any two numbers are proportional."""
    places = AWAY[: judge.left() // JUDGED]
    if not slope or not places:
        return None
    ratio = float(judge.g[k]) / slope
    for share in places:
        shift = share * judge.scales * judge.rng.uniform(0.5, 1, judge.g.size)
        there, analytic = judge.slope_at(shift, k), float(judge.subject.nearby(judge.probe.x + shift, judge.c)[k])
        if not there or not abs(analytic / there - ratio) <= SUSPECT * abs(ratio):
            return None
    return ratio


def _turned(judge: Judge, start: int, g: Any) -> str | None:
    """Whether a gradient too large to look at entry by entry is right but for the order of its axes: by slopes
    along random directions."""
    others = {f"{TRANSPOSED}: axes {axes}": g.transpose(axes) for axes in list(permutations(range(g.ndim)))[1:]}
    others |= {f"{TRANSPOSED}: entries run backwards along axis {k}": np.flip(g, k) for k in range(g.ndim)}
    here = slice(start, start + g.size)
    slopes = []
    for _ in range(3):
        v = np.zeros(judge.g.size)
        v[here] = judge.rng.standard_normal(g.size) * judge.scales[here]
        slopes.append((v[here], judge.slope(v, 1.0, math.nan, 8)))
    for text, other in others.items():
        if other.shape == g.shape and np.allclose(other, g, rtol=1e-3):
            continue
        terms = [other.ravel() * v for v, _ in slopes]
        near = [abs(t.sum() - s.value) <= s.error + 1e-4 * np.linalg.norm(t) for t, (_, s) in zip(terms, slopes)]
        if other.shape == g.shape and all(near):
            return TRANSPOSED if g.ndim == 2 and "axes" in text else text
    return None


def _stale(subject: Subject, judge: Judge, report: Report) -> str | None:
    """Whether the derivative is right at the first point that it ever saw."""
    first = getattr(subject, "first", None)
    if first is None or first.shape != judge.g.shape or np.array_equal(first, judge.probe.x):
        return None
    if not np.array_equal(subject.nearby(first, judge.c), judge.g):
        return None
    named = {(e.argument, e.index): e for e in report.wrong}
    wrong = [(k, e) for k in range(min(judge.g.size, EACH)) if (e := named.get(subject.place(k))) is not None]
    if wrong and all(_right_at(judge, first, k, e) for k, e in wrong[:4]):
        return f"{STALE}: the derivative is right for the first inputs it was called with, and stays there"
    return None


def _right_at(judge: Judge, x: Any, k: int, entry: Entry) -> bool:
    """Whether a wrong entry is the slope at another point, a hundred times closer to it than to the slope here."""
    slope = judge.slope_at(x - judge.probe.x, k)
    return slope is not None and abs(slope - entry.analytic) <= 1e-2 * abs(entry.numerical - entry.analytic)


def misshapen(subject: Subject, found: Mismatch, c: object, probe: Probe) -> str | None:
    """The pattern behind a gradient of the wrong shape, from the numerical one."""
    a = found.argument
    if found.wanted != a.array.shape:  # a Jacobian
        return f"{TRANSPOSED}: the axes of the input come first"
    if probe.x.size > EACH:
        n, bars = np.zeros(a.array.shape), np.zeros(a.array.shape)
    else:
        zero = np.zeros(probe.x.size)
        judge = Judge(subject, probe, c, zero, zero, np.random.default_rng(0))
        start = sum(b.size for b in subject.arguments[: [b is a for b in subject.arguments].index(True)])
        slopes = [judge.entry(k) for k in range(start, start + a.size)]
        n, bars = (np.array([getattr(e, k) for e in slopes]).reshape(a.array.shape) for k in ("numerical", "error"))
    return recognise(np.asarray(found.got, dtype=np.float64), n, bars, [], n)
