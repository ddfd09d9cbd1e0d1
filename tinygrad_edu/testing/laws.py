"""What a hand-written derivative must keep to beside its formula: it is tried where only that can go wrong.

The probes are those of `kernels`. A law whose breach makes a gradient wrong (in another layout, for another gradient of
the output, after another forward) makes the verdict WRONG; one that disturbs others, or costs precision, is a note. The
probes stop when the check has called the function as often as it may.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from .axes import Axes
from .explanation import causes
from .kernels.kernel import PairKernel, Pull, foreign
from .kernels.parting import parting_line, sources
from .kernels.probes import (
    ADJOINT,
    ALIAS,
    BATCH,
    DTYPE,
    LAYOUT,
    LINEAR,
    SAID,
    SHARED,
    STALE,
    WRITES,
    Finding,
    ProbePoint,
    aliases,
    dtypes,
    linear,
    remembers,
    repeats,
    shared,
    writes,
)
from .layouts import SAME, laid_out
from .report import Report
from .slopes.judging import CALLS
from .subjects.other_libraries import precision
from .subjects.pairs import Pair, unlike_adjoint

WRONG = {ADJOINT, LAYOUT, LINEAR, STALE, SHARED}  # these make a gradient wrong


class Derivative(PairKernel):
    """A `Pair` as a kernel that calls the function only if the derivative needs what it computes."""

    def __init__(self, pair: Pair, y: Any) -> None:
        super().__init__(pair)
        coarse = [a.array.astype(np.float32) for a in pair.arguments]  # it may compute in float32 inside, unseen
        self.arguments = [a._replace(array=c) for a, c in zip(pair.arguments, coarse, strict=True)]
        self.y = np.asarray(y).reshape(pair.shape)

    def run(self, arrays: Sequence[Any]) -> tuple[list[Any], Pull]:
        pair = self.subject
        if pair.convention.needs_function:
            return super().run(arrays)
        given = [x.item() if a.scalar else x for a, x in zip(self.arguments, arrays, strict=True)]
        inputs = pair.placed([foreign(pair.library, x) for x in given] if pair.library else given)

        def pull(cotangents: Sequence[Any]) -> list[Any]:
            c = cotangents[0] if np.ndim(cotangents[0]) else np.asarray(cotangents[0])[()]
            with precision(pair.library):
                told = foreign(pair.library, c) if pair.library else c
                found = pair.convention.call(pair.df, inputs, None, None, told)
            return pair.named(pair.as_arrays(found), c)

        return [self.y], pull


def cotangent_layouts(place: ProbePoint) -> Iterator[Finding]:
    """The gradient of the output may lie in memory in any way."""
    if not place.kernel.cotangent:
        return
    (c,) = place.cotangents
    _, pull = place.kernel.run(place.copies())
    for layout in place.kernel.layouts[1:]:
        told = partial(laid_out, c, layout)
        if c.size > 1 or layout == "read-only":
            plain, other = partial(_pulled, pull, told, True), partial(_pulled, pull, told, False)
            yield from _compared(place, plain, other, layout, "the gradient of the output")


def input_layouts(place: ProbePoint) -> Iterator[Finding]:
    """The inputs may lie in memory in any way."""
    for k, (a, x) in enumerate(zip(place.kernel.arguments, place.arrays, strict=True)):
        for layout in SAME[1:] if x.ndim and not a.scalar else ():
            if layout in place.kernel.layouts:
                other = partial(_at, place, k, layout)
                yield from _compared(place, lambda: place.gradients, other, layout, f"the input {a.name}")


def _pulled(pull: Pull, told: Callable[[], Any], plain: bool) -> list[Any]:
    return pull([np.array(told(), order="C") if plain else told()])


def _at(place: ProbePoint, k: int, layout: str) -> list[Any]:
    """The gradients where input `k` is laid out otherwise."""
    given = [laid_out(x, layout if i == k else "plain") for i, x in enumerate(place.arrays)]
    return place.kernel.gradients(given, place.told())


def _compared(
    place: ProbePoint, plain: Callable[[], list[Any]], other: Callable[[], list[Any]], layout: str, what: str
) -> Iterator[Finding]:
    try:
        wanted = [np.array(g) for g in plain()]
        found = other()
    except Exception as error:  # refused, and not in silence
        if layout == "read-only":
            yield Finding(WRITES, f"df needs to write into {what}: {type(error).__name__}: {error}", where=layout)
        return
    if name := place.differs(found, wanted):
        text = f"the gradient of {name} is wrong when {what} is {SAID[layout]}"
        yield Finding(LAYOUT, text, name, (lambda: plain, lambda: other), layout)


def unused(place: ProbePoint) -> Iterator[Finding]:
    """Linear in the gradient of the output; that of a single number may be left out."""
    for finding in linear(place):
        if place.outputs[0].size > 1 or "not used" not in finding.text:
            yield finding


def adjoints(place: ProbePoint) -> Iterator[Finding]:
    """The two products of a LinearOperator are those with one matrix."""
    for operator in place.kernel.subject.operators:
        if text := unlike_adjoint(place.kernel.subject.who, operator):
            yield Finding(ADJOINT, text)
            return


def between(place: ProbePoint) -> Iterator[Finding]:
    """Another forward in between changes nothing: asked of derivatives that get what the forward computed."""
    if place.kernel.subject.convention.needs_function:
        yield from remembers(place)


PROBES: dict[Callable[[ProbePoint], Iterator[Finding]], int] = {  # how often each calls the function, for each argument
    adjoints: 0, dtypes: 0, aliases: 1, writes: 1, repeats: 1, unused: 1, cotangent_layouts: 1, between: 3,
    input_layouts: len(SAME), shared: 4,
}  # fmt: skip


def keeps_to_laws(pair: Pair, y: object, report: Report, seed: int = 0) -> Report:
    """The report of a derivative that is right; WRONG if it breaks a law that makes it wrong."""
    budget, each, disturbed = CALLS * pair.x.size, len(pair.arguments), False
    if report.verdict not in ("RIGHT", "KINK") or (pair.convention.needs_function and pair.calls >= budget):
        return report
    try:
        known = [a.array if a.array.dtype.kind == "f" else a.array.astype(np.float32) for a in pair.arguments]
        place = ProbePoint(Derivative(pair, y), known, np.random.default_rng(seed))
    except Exception:  # it does not take the inputs in their own dtype: then there is nothing to compare with
        return report
    for probe, calls in PROBES.items():
        if pair.convention.needs_function and pair.calls + calls * each > budget:
            break
        if disturbed:  # what comes after would only show that again
            break
        for finding in _findings(probe, place):
            if finding.pattern not in WRONG:
                report.notes.append(finding.text)
                disturbed = disturbed or finding.pattern not in (DTYPE, ALIAS)
                continue
            report.verdict, report.diagnosis, report.pattern = "WRONG", finding.text, finding.pattern
            report.blame = parting_line(sources(*pair.functions), *finding.pair) if finding.pair is not None else None
            report.notes.append("the formula is right: it agrees with the function at the inputs")
            report.evaluations = pair.calls
            return report
    if report.verdict == "RIGHT" and not disturbed and not pair.accuracy.given and causes.get():
        for said in Axes(pair, seed).said():
            report.notes.append("the formula is right at the inputs" if said.wrong else said.text)
            if said.wrong:
                report.verdict, report.diagnosis, report.pattern = "WRONG", said.text, BATCH
    report.evaluations = pair.calls
    return report


def _findings(probe: Callable[[ProbePoint], Iterator[Finding]], place: ProbePoint) -> list[Finding]:
    try:
        with np.errstate(all="ignore"):
            return list(probe(place))
    except Exception:  # a derivative may refuse what no check of its formula asks for
        return []
