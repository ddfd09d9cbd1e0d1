"""One call for a hand-written kernel: its formula, and the laws that every backward pass must keep to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ...annotations import Function
from ...functions.settings import Names, Size, settings
from ...functions.settings import lengths as lengths_of
from ..causes.patterns import OVERWRITTEN, TERM
from ..examination import Examination
from ..explanation import explained
from ..report import Blame, conclude
from ..slopes.judging import digits
from ..subjects.other_libraries import plain, precision
from ..subjects.subjects import Mismatch, Uncomputable, flatten, parameter_names
from .kernel import kernel_of
from .parting import parting_line, sources, writing_line
from .probes import (
    BATCH,
    COARSE,
    EMPTY,
    PRECISION,
    PROBES,
    VALUE,
    WRITES,
    Finding,
    ProbePoint,
    aliases,
    alike,
    coarseness,
    probed,
)
from .report import KernelReport, described, kernel_report, pasted
from .sizes import LENGTHS, copied, resized, smallest, spread, variations
from .subject import WHO, Inputs, KernelFunctions

UNITS = 256  # in the last place: sums of float32 are not so far off
EXPLAINED = 16  # times what rounding does to a sum of two gradients, it may do to one gradient


@settings
def check_kernel(
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None = None,
    reference: Function | None = None,
    inputs: Sequence[Any] | None = None,
    *,
    lengths: Sequence[int] = LENGTHS,
    raises: bool = True,
    strict: Names = False,
    seed: Size = 0,
) -> KernelReport:
    """Check a hand-written kernel: the formula of its backward pass, and all that it must keep to besides.

    `forward` and `backward` are functions as `check_derivative` takes them: of NumPy arrays, compiled by numba, calling
    C by ctypes, or of another library's arrays. Without a `backward`, `forward` carries its own: a
    `torch.autograd.Function`, a function of JAX with a `custom_vjp`, or any function of these libraries. `inputs` are
    the arrays that the forward takes, a list of several such tuples, or strategies of hypothesis, one for each
    parameter. `reference` computes what the forward should, in float64, for kernels that take float32 only.

    Beside the derivative at the inputs, these are checked: gradients are linear in the gradient of the output; a second
    backward gives the same, adds to nothing and leaves the first result alone; another forward in between changes
    nothing; neither inputs nor outputs are written to; the layouts of the gradient of the output and of each input
    do not matter (Fortran order, slices, stride 0, reversed, misaligned, read-only); one array may be passed for two
    inputs; shapes and dtypes of gradients are those of the inputs; each axis may have the `lengths` 1, a prime number
    and 0, as far as the forward takes them; in float32 the gradient is that of float64, but for rounding. A kernel that
    rounds to float16 or bfloat16 inside is UNDECIDED, "low precision inside", as far as its digits go.

    The report has the fields of every report, and `smallest`, the smallest inputs that show the fault, and `test`, a
    test to paste. WRONG raises `GradientError` unless `raises` is False.

    >>> import numpy as np
    >>> from tinygrad_edu import testing
    >>> def forward(x):
    ...     return np.tanh(x), np.tanh(x)
    >>> def backward(dy, y):
    ...     return dy * (1 - y * y)
    >>> print(testing.check_kernel(forward, backward, inputs=[np.array([[0.5, -1.0, 2.0]])]).verdict)
    RIGHT
    """
    functions = KernelFunctions(forward, backward, reference)
    check = Check(functions, lengths_of(WHO, "lengths", lengths, 0), seed)
    cases = functions.cases(inputs, seed)
    with precision(functions.library(cases[0])):
        report = check.report(cases)
    conclude(report, raises, strict)
    return report


class Check:
    """A kernel that is checked at one set of inputs after the other, until a fault is found."""

    def __init__(self, functions: KernelFunctions, lengths: Sequence[int] = LENGTHS, seed: int = 0) -> None:
        self.functions, self.lengths, self.seed = functions, tuple(lengths), seed
        self.tried: dict[str, None] = {}  # in their order

    @property
    def rng(self) -> Any:
        return np.random.default_rng(self.seed)

    def report(self, cases: Sequence[Inputs]) -> KernelReport:
        """The report of the first set of inputs at which something is wrong, else of the last."""
        for inputs in cases:
            report = self.at(inputs)
            report.tried = list(self.tried)
            if report.verdict == "WRONG":
                break
        return report

    def at(self, inputs: Inputs) -> KernelReport:
        """Everything at one set of inputs, and at the same with other lengths of axes."""
        subject = self.functions.subject(inputs)
        report = kernel_report(explained(Examination(subject, self.seed)))
        report.notes += getattr(subject, "notes", [])
        if unchecked := getattr(subject, "unchecked", []):
            report.notes.append(f"not checked, as the backward says nothing of them: {', '.join(unchecked)}")
        if report.verdict == "WRONG" and (finding := self.rounded(inputs)) is not None:
            return self.found(replace(report, verdict="UNDECIDED", notes=[]), inputs, finding)
        if report.verdict == "WRONG":
            self.broken(report, inputs)
            return self.told(report, smallest(inputs, self.is_wrong, self.rng), "")
        if report.verdict == "NOT_REPEATABLE" and "of the function" in report.diagnosis:
            return report
        if (finding := self.probes(inputs)) is not None:
            return self.found(report, inputs, finding)
        report.notes += [finding.text for finding in aliases(self.place(inputs))]
        known = [np.ndim(y) for y in self.outputs(inputs)]
        for old, new in variations(inputs, self.lengths):
            if (finding := self.resized(inputs, old, new, known)) is not None:
                return self.found(report, resized(inputs, old, new, self.rng), finding, inputs)
        return report

    def broken(self, report: KernelReport, inputs: Inputs) -> None:
        """Where a derivative is wrong and no mistake of its formula is recognised, a law that is broken, too."""
        if report.pattern is not None and not report.pattern.startswith((TERM, OVERWRITTEN)):
            return
        try:
            finding = self.probes(inputs)
        except Exception:  # its shapes or dtypes are wrong
            return
        if finding is not None and finding.pattern not in (PRECISION, COARSE):
            report.notes.append(finding.text)
            report.pattern = finding.pattern
            report.blame = self.blame(inputs, finding) or report.blame

    def formula(self, inputs: Inputs) -> KernelReport:
        subject = self.functions.subject(inputs)
        return kernel_report(Examination(subject, self.seed, each=32).report())

    def is_wrong(self, inputs: Inputs) -> bool:
        """Whether the derivative is wrong there."""
        try:
            return self.formula(inputs).verdict == "WRONG"
        except Exception:  # not computable there
            return False

    def place(self, inputs: Inputs) -> ProbePoint:
        subject = self.functions.subject(inputs)
        return ProbePoint(kernel_of(subject), [a.array for a in subject.arguments], self.rng)

    def probes(self, inputs: Inputs) -> Finding | None:
        """The first law that is broken there."""
        self.tried |= dict.fromkeys(probe.__doc__ or "" for probe in PROBES)
        place = self.place(inputs)
        with np.errstate(all="ignore"):
            return probed(place) or self.reads(place) or precise(place) or coarse(place)

    def rounded(self, inputs: Inputs) -> Finding | None:
        """Whether rounding inside explains that the derivative is not that of the slopes."""
        try:
            finding = coarse(place := self.place(inputs), UNITS)
        except Exception:  # its shapes or dtypes are wrong
            return None
        if finding is None:
            return None
        report = self.formula(inputs)
        most = {a.name: float(np.max(np.abs(g), initial=0)) for a, g in zip(place.kernel.arguments, place.gradients)}
        bars = [EXPLAINED * coarseness(place) * most.get(e.argument, max(most.values())) for e in report.wrong]
        near = [abs(e.analytic - e.numerical) <= bar for e, bar in zip(report.wrong, bars, strict=True)]
        return finding if all(near) and bool(near) == (report.verdict == "WRONG") else None

    def reads(self, place: ProbePoint) -> Finding | None:
        """Whether the forward is that of the reference."""
        if self.functions.reference is None:
            return None
        subject = place.kernel.subject
        wanted, got = subject.value(subject.x), flatten(WHO, tuple(place.outputs))
        if alike(got, wanted):
            return None
        if got.shape != wanted.shape:
            return Finding(VALUE, f"the forward gives {got.size} numbers, the reference {wanted.size}")
        k = int(np.argmax(np.abs(got - wanted)))
        return Finding(VALUE, f"the forward gives {got[k]:.6g}, where the reference gives {wanted[k]:.6g}")

    def outputs(self, inputs: Inputs) -> list[Any]:
        """What the forward gives."""
        with np.errstate(all="ignore"):
            result = self.functions.call(*copied(inputs))
        pair = isinstance(result, tuple) and len(result) == 2 and self.functions.backward is not None
        several = result if isinstance(result, tuple) else (result,)
        return [plain(y) for y in (several[:1] if pair else several)]

    def resized(self, inputs: Inputs, old: int, new: int, known: Sequence[int]) -> Finding | None:
        """What is wrong where an axis has another length, if the forward takes it."""
        other = resized(inputs, old, new, self.rng)
        name, pattern = f"an axis has length {new} in place of {old}", BATCH if new else EMPTY
        try:
            outputs = self.outputs(other)
            whole = self.outputs(spread(other, inputs, old)) if new == 1 else []
        except Exception:  # the forward has no value there
            return None
        if [np.ndim(y) for y in outputs] != known or (new and not all(np.size(y) for y in outputs)):
            return None  # it makes something else of it
        if whole and all(np.shape(y) == np.shape(z) and alike(y, z) for y, z in zip(outputs, whole, strict=True)):
            return None  # the axis is not shortened, but broadcast
        self.tried |= {name: None}
        try:
            if not new:
                return empty(self.place(other), name)
            report = self.formula(other)
            if report.verdict == "WRONG":
                return Finding(pattern, f"where {name}, {report.diagnosis}", report.wrong[0].argument)
            return self.probes(other)
        except (Uncomputable, Mismatch, ArithmeticError, ValueError, TypeError, LookupError, RuntimeError) as error:
            cause = error.__cause__ or error
            return Finding(pattern, f"where {name}, the backward raises {type(cause).__name__}: {cause}")

    def same(self, finding: Finding, inputs: Inputs) -> bool:
        """Whether the same law is broken there."""
        try:
            found = self.probes(inputs)
        except Exception:  # not computable there
            return False
        return found is not None and (found.pattern, found.where) == (finding.pattern, finding.where)

    def found(
        self, report: KernelReport, inputs: Inputs, finding: Finding, given: Inputs | None = None
    ) -> KernelReport:
        """The report of a broken law; the test begins at the inputs `given` where it only shows at other lengths."""
        if finding.pattern not in (BATCH, EMPTY):
            inputs, given = smallest(inputs, partial(self.same, finding), self.rng), None
            again = self.probes(inputs)
            finding = again if again is not None and again.pattern == finding.pattern else finding
        verdict = "UNDECIDED" if finding.pattern == COARSE else "WRONG"
        wrong = replace(report, verdict=verdict, diagnosis=finding.text, pattern=finding.pattern, entries=[])
        wrong.notes = [*report.notes, f"the derivative itself: {report.verdict}"]
        wrong.blame = self.blame(inputs, finding)
        return self.told(wrong, inputs, finding.where, given)

    def blame(self, inputs: Inputs, finding: Finding) -> Blame | None:
        """The line at which the law is broken."""
        functions = sources(*self.functions.texts())
        if finding.pair is not None:
            first, second = finding.pair
            return parting_line(functions, first, second)
        if finding.pattern != WRITES or finding.where:
            return None
        place = self.place(inputs)
        arrays, cotangents = place.copies(), place.told()
        run = lambda: place.kernel.run(arrays)[1](cotangents)
        before = [*place.arrays, *place.cotangents]
        return writing_line(functions, run, lambda: not all(map(np.array_equal, [*arrays, *cotangents], before)))

    def told(self, report: KernelReport, inputs: Inputs, where: str, given: Inputs | None = None) -> KernelReport:
        """The report with its smallest inputs, and the test that shows it again."""
        f = self.functions
        first = int(f.own)  # a torch.autograd.Function's forward begins with ctx
        names = parameter_names(f.forward.forward if f.own else f.forward, len(inputs) + first)[first:]
        report.smallest = described(names, inputs, where)
        functions = {"forward": f.forward, "backward": f.backward, "reference": f.reference}
        report.test = pasted(functions, names, given or inputs)
        return report


def empty(place: ProbePoint, name: str) -> Finding | None:
    """Gradients of empty arrays are empty, and of the others zero."""
    for a, g in zip(place.kernel.arguments, place.gradients, strict=True):
        if g.shape != a.array.shape:
            return Finding(EMPTY, f"where {name}, the gradient of {a.name} has shape {g.shape}")
        if not any(y.size for y in place.outputs) and np.any(g):
            return Finding(EMPTY, f"where {name} and nothing comes out, the gradient of {a.name} is not 0")
    return None


def coarse(place: ProbePoint, units: float = 0.0) -> Finding | None:
    """Whether the backward rounds to fewer bits than its inputs have: to half of them, or to so many units in the last
    place."""
    eps = max(float(np.finfo(a.array.dtype).eps) for a in place.kernel.arguments)
    if not (share := coarseness(place)) > (units * eps or np.sqrt(eps)):
        return None
    text = f"gradients agree to {digits(share)}: low precision inside, as of float16 or bfloat16"
    return Finding(COARSE, text)


def precise(place: ProbePoint) -> Finding | None:
    """Whether the gradient in float32, or in the dtype of the inputs, is that in float64, but for rounding.

    The bar is what rounding of the inputs does to the gradient in float64, which has the condition number in it, and
    some units in the last place of the gradient, and of one of the size that values and inputs suggest.
    """
    kernel, arguments = place.kernel, place.kernel.arguments
    if kernel.subject.dtype is not None or not all(np.all(np.isfinite(g)) for g in place.gradients):
        return None
    own = min((a.array.dtype for a in arguments), key=lambda d: d.itemsize)
    low = np.dtype(np.float32) if own.itemsize > 4 else own
    eps = float(np.finfo(low).eps)
    narrow = [x.astype(low) for x in place.arrays]
    wide = [x.astype(np.float64) for x in narrow]
    try:
        outputs, pull = kernel.run(narrow)
        cotangents = [c.astype(y.dtype) for c, y in zip(place.cotangents, outputs, strict=True)]
        found = [np.array(g, dtype=np.float64) for g in pull(cotangents)]
        told = [c.astype(np.float64) for c in cotangents]
        true = [np.array(g) for g in kernel.gradients(wide, told)]
        blur = [np.zeros(g.shape) for g in true]
        for _ in range(4):
            near = kernel.gradients(_rounded(wide, eps, place.rng), _rounded(told, eps, place.rng))
            blur = [np.maximum(b, np.abs(n - t)) for b, n, t in zip(blur, near, true, strict=True)]
    except Exception:  # it takes one dtype only
        return None
    for a, x, g, t, b in zip(arguments, narrow, found, true, blur, strict=True):
        bar = 64 * (np.max(b, initial=0) + eps * np.max(np.abs(t), initial=0)) + place.rounding(x) / 16
        off = np.where(np.isfinite(t), np.abs(g - t), 0) if g.shape == t.shape else np.zeros(1)
        if not np.all(off <= bar):
            k = int(np.argmax(off))
            text = f"in {low} the gradient of {a.name} is {g.flat[k]:.6g}, where it is {t.flat[k]:.6g} in float64"
            return Finding(PRECISION, text, a.name, where=str(low))
    return None


def _rounded(arrays: Sequence[Any], eps: float, rng: Any) -> list[Any]:
    return [np.asarray(x * (1 + eps * rng.choice([-1, 1], x.shape))) for x in arrays]
