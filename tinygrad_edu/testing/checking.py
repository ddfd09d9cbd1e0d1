"""The two checks: a function against its derivative, and a function of tensors against the engine."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..errors import few
from ..functions.arguments import Function
from ..nn.module import Module
from ..nn.stateless import functional_call
from ..transforms.derivatives import jvp
from .causes.diagnosis import diagnose, misshapen
from .causes.ops import culprits_in
from .causes.patterns import ORDER
from .report import Entry, Report, conclude
from .slopes.extrapolation import EPS, Slope
from .slopes.judging import EACH, Judge, overall
from .slopes.numerical import Probe
from .subjects.elsewhere import look_elsewhere
from .subjects.other_libraries import ForeignSubject, library_of
from .subjects.pairs import Pair
from .subjects.subjects import Mismatch, SecondOrder, Subject, TensorSubject, off_domain

Strict = bool | str | Sequence[str]


def check_derivative(
    f: Function,
    df: Function | Any,
    *inputs: Any,
    jac: bool = False,
    raises: bool = True,
    strict: Strict = False,
    seed: int = 0,
) -> Report:
    """Check a hand-written derivative `df` of `f` at `inputs`.

    `f(*inputs)` is a value and `df(*inputs)` its gradient, a tuple with one for each input when there
    are several. If the value is no scalar, the check is of `sum(f * cotangent)` and `df` takes
    `cotangent=` too; or it returns the Jacobian, or, for an elementwise function, the derivatives.
    In course style `f(*inputs)` is `(value, cache)` and `df(cache)` a dict with keys `d<input name>`.
    With `jac=True`, as in SciPy, `f(*inputs)` is `(value, gradient)`: `check_derivative(f, *inputs, jac=True)`.

    WRONG raises `GradientError`, which carries the report, unless `raises` is False. `strict` names
    other verdicts that raise, too (True: all but RIGHT). `seed` draws the cotangent and directions.

    >>> import numpy as np
    >>> from tinygrad_edu import testing
    >>> print(testing.check_derivative(np.sin, np.cos, 0.5).verdict)
    RIGHT
    >>> print(testing.check_derivative(np.sin, lambda x: -np.cos(x), 0.5, raises=False).verdict)
    WRONG
    """
    subject = Pair(f, True, (df, *inputs)) if jac else Pair(f, df, inputs)
    report = Examination(subject, seed).report()
    report.notes += subject.notes
    if subject.unchecked:
        report.notes.append(f"not checked, as df says nothing of them: {', '.join(subject.unchecked)}")
    return conclude(report, raises, strict)


def check_gradients(
    f: Function,
    *inputs: Any,
    order: int = 1,
    modes: str | Sequence[str] = ("reverse", "forward"),
    raises: bool = True,
    strict: Strict = False,
    seed: int = 0,
) -> Report:
    """Check the derivatives that the engine finds for a function of Tensors, at `inputs`.

    If the inputs are arrays of PyTorch, JAX or MyGrad, `f` is a function of those, and their gradients
    are checked (order 1, reverse mode). For HIPS autograd, see `check_derivative(f, autograd.grad(f), x)`.

    If `f` is an nn.Module, its parameters are checked, too. What else `f` uses that needs a gradient is not, and the
    report names it.

    `order=2` checks second derivatives too; `modes` says which ways to differentiate are checked.
    `raises`, `strict` and `seed` are those of `check_derivative`.

    >>> from tinygrad_edu import testing
    >>> report = testing.check_gradients(lambda x: (x * x).sum(), [1.0, 2.0], order=2)
    >>> report.verdict
    'RIGHT'
    """
    modes = (modes,) if isinstance(modes, str) or not isinstance(modes, Iterable) else tuple(modes)
    if order not in (1, 2):
        raise ValueError(f"check_gradients: order must be 1 or 2; got {order!r}; check the gradient itself for more")
    if not modes or not set(modes) <= {"reverse", "forward"}:
        raise ValueError(
            f"check_gradients: modes must be among 'reverse' and 'forward'; got {modes}; choose one or both"
        )
    if library := next((name for x in inputs if (name := library_of(x))), ""):
        if order == 2:
            raise ValueError(f"check_gradients: order 2 is for functions of Tensors; got {library} arrays; use order=1")
        return conclude(Examination(ForeignSubject(library, f, inputs), seed).report(), raises, strict)
    subject = TensorSubject(*(_with_parameters(f, inputs) if isinstance(f, Module) else (f, inputs)))
    report = examine_order(subject, order, modes, seed, explain=True)
    if report.verdict == "RIGHT" and (others := subject.others()):
        report.notes.append(
            f"only the inputs were checked, not what else f uses: {few(others)}; give them as inputs, or "
            "give an nn.Module"
        )
    return conclude(report, raises, strict)


def _with_parameters(module: Module, inputs: Sequence[Any]) -> tuple[Function, Sequence[Any]]:
    """A module as a function of its parameters, by name, and of its inputs."""

    def called(parameters: Any, *xs: Any) -> Any:
        return functional_call(module, parameters, *xs)

    learned = {name: p for name, p in module.named_parameters() if p.requires_grad}
    first = inspect.Parameter("parameters", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    given = [
        p for p in inspect.signature(module.forward).parameters.values() if p.kind in (p.POSITIONAL_ONLY, first.kind)
    ]
    called.__signature__ = inspect.Signature([first, *(p.replace(kind=first.kind, default=p.empty) for p in given)])  # type: ignore[attr-defined]
    return called, (learned, *inputs)


def examine_order(
    subject: TensorSubject,
    order: int,
    modes: Sequence[str] = ("reverse", "forward"),
    seed: int = 0,
    each: int = EACH,
    explain: bool = False,
) -> Report:
    """Examine the first, or the first and the second derivative."""
    first = Examination(subject, seed, modes, each)
    report = first.report(explain)
    if order == 1 or report.verdict not in ("RIGHT", "KINK", "VACUOUS"):
        return report
    w = np.random.default_rng(seed + 1).choice([-1.5, -0.5, 0.5, 1.0, 2.0], subject.x.size)
    second = Examination(SecondOrder(subject, first.c, w), seed, ("reverse",), each).report()
    second.evaluations += report.evaluations
    if second.verdict == "WRONG":
        second.pattern = ORDER
        second.diagnosis = f"the first derivative is right, the second is wrong: {second.diagnosis}"
        if explain:
            second.blame = next(iter(culprits_in(subject, order=2)), None)
        return second
    if second.verdict == "VACUOUS":  # a linear function: nothing to be wrong about
        report.notes.append("the second derivative is zero here")
    elif second.verdict != "RIGHT":
        report.notes.append(f"second derivative: {second.verdict}: {second.diagnosis}")
        report.verdict = second.verdict if report.verdict == "RIGHT" else report.verdict
    report.entries += [e.but(argument=f"second derivative, {e.argument}") for e in second.entries]
    report.evaluations = second.evaluations
    return report


def _cotangent(y: Any, rng: Any) -> Any:
    """1 for one number; else numbers of both signs, so that no sum cancels the derivative."""
    return np.ones(1) if y.size == 1 else rng.uniform(0.5, 1.5, y.size) * rng.choice([-1, 1], y.size)


class Examination:
    """Everything at one point: repeat, differentiate, compare, conclude."""

    def __init__(self, subject: Subject, seed: int = 0, modes: Sequence[str] = ("reverse",), each: int = EACH) -> None:
        self.subject, self.modes, self.each = subject, modes, each
        try:
            self.rng = np.random.default_rng(seed)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{subject.who}: seed must be a whole number from 0; got {seed!r}; write 0, say") from error
        self.judge: Judge | None = None
        self.c: Any = np.ones(1)

    def report(self, explain: bool = True) -> Report:
        """The verdict; with `explain`, also the cause if it is WRONG."""
        with np.errstate(all="ignore"):
            report = self._verdict()
            if report.verdict == "RIGHT" and explain and self.judge is not None:
                report = self._elsewhere(self.judge, report)
            if report.verdict == "WRONG" and explain and not isinstance(self.subject, SecondOrder):
                diagnose(self.subject, self.judge, report, self.c)
        report.evaluations = report.evaluations or self.subject.calls
        return report

    def _elsewhere(self, judge: Judge, report: Report) -> Report:
        """The report; if derivatives that are zero here are wrong at other inputs, the report from there."""
        place = look_elsewhere(self.subject, judge, report)
        if place is None:
            return report
        here, self.subject.x = self.subject.x, place
        found = self._verdict()
        if found.verdict != "WRONG":
            self.subject.x = here
            return report
        found.notes.append(
            f"at the inputs given, {report.diagnosis.partition(';')[0]} and the rest are 0; these are other inputs, at "
            "which they are not"
        )
        return found

    def _verdict(self) -> Report:
        try:
            probe = Probe(self.subject.value, self.subject.x, self.subject.dtype)
        except (ArithmeticError, ValueError) as error:
            if not off_domain(error):
                raise
            return Report("OUT_OF_DOMAIN", f"the function has no value at the inputs: {error}")
        self.c = _cotangent(probe.y, self.rng)
        report = _unfit(probe) or self._compare(probe)
        report.evaluations = self.subject.calls
        return report

    def _compare(self, probe: Probe) -> Report:
        subject, c = self.subject, self.c
        try:
            start = len(subject.seen)
            g = subject.gradient(subject.x, c)
            again = subject.gradient(subject.x, c)
            values = subject.seen[start:]
            near = subject.nearby(subject.x * (1 + 4 * EPS * self.rng.choice([-1, 1], subject.x.size)), c)
        except Mismatch as found:
            report = _misshapen(found)
            misshapen(subject, found, c, probe, report)
            return report
        if unsteady := _unsteady(values, probe, g, again):
            return unsteady
        haze = np.abs(near - g)
        if subject.dtype is not None:
            haze = haze + float(np.finfo(subject.dtype).eps) * np.max(np.abs(g), initial=0)
        probe.measure_noise(self.rng, 1 if probe.x.size == 1 else 2)
        self.judge = judge = Judge(subject, probe, c, g, np.where(np.isfinite(haze), haze, 0), self.rng, self.each)
        entries = judge.entries()
        if "forward" in self.modes and isinstance(subject, TensorSubject):
            entries += _forward(subject, judge, c, entries)
        report = Report(*overall(entries), entries=entries, method=" and ".join(sorted(judge.methods)))
        if report.verdict == "RIGHT" and subject.narrow:
            _narrow(subject, c, g, report)
        return report


def _unfit(probe: Probe) -> Report | None:
    """Reasons not to compare numbers at all."""
    if not probe.y.size or not probe.x.size:
        what = "the inputs are" if probe.y.size else "the output is"
        return Report("VACUOUS", f"there is nothing to differentiate: {what} empty")
    if probe.y.dtype.kind == "c":
        return Report("OUT_OF_DOMAIN", "the function returns complex numbers; check its real and imaginary part apart")
    if not np.all(np.isfinite(probe.y)):
        return Report("OUT_OF_DOMAIN", "the function is not finite at the inputs")
    return None


def _unsteady(values: Sequence[Any], probe: Probe, g: Any, again: Any) -> Report | None:
    """Whether two calls with the same inputs differ."""
    eps = float(np.finfo(probe.y.dtype).eps)
    if not all(_same(y, probe.y, eps) for y in values):
        return Report(
            "NOT_REPEATABLE",
            "calls of the function with the same inputs gave different values: it is random, or keeps state",
        )
    with np.errstate(invalid="ignore"):
        moved = np.abs(again - g) > 1e-12 * np.abs(g)
    if not np.any(moved):
        return None
    grown = np.allclose(again, 2 * g)
    more = ": the second is twice the first, as when gradients add up and are never set to zero" if grown else ""
    return Report("NOT_REPEATABLE", f"calls of the derivative with the same inputs gave different values{more}")


def _same(a: Any, b: Any, eps: float) -> bool:
    """Equal but for the last places, which parallel sums may turn."""
    return a.shape == b.shape and bool(np.all(np.abs(a.astype(np.float64) - b) <= 64 * eps * np.abs(b)))


def _misshapen(found: Mismatch) -> Report:
    a, g = found.argument, found.got
    whose = f"{a.name} has shape {a.array.shape}"
    if found.wanted != a.array.shape:
        whose = f"the Jacobian, of shape output + input, has shape {found.wanted}"
    text = f"the gradient of {a.name} has shape {g.shape}, where {whose}"
    return Report("WRONG", text, entries=[Entry(a.name, (), float("nan"), float("nan"), 0.0, "WRONG", text)])


def _forward(subject: TensorSubject, judge: Judge, c: Any, entries: Sequence[Entry]) -> list[Entry]:
    """Forward mode along two random directions, against the slopes found already or new ones."""
    out = []
    for k in range(2):
        v = judge.rng.standard_normal(subject.x.size) * judge.scales
        analytic = _tangent(subject, c, v, subject.x)
        if len(entries) == v.size:  # every entry has its own slope
            if any(e.verdict not in ("RIGHT", "WRONG") for e in entries):
                continue  # left and right differ, or noise: the reverse entries have said so
            n, bar = (np.array([getattr(e, x) for e in entries]) for x in ("numerical", "error"))
            size = float(np.sum(np.abs(c * judge.probe.y)))
            s = Slope(float(n @ v), float(bar @ np.abs(v)) + 64 * EPS * float(np.abs(n) @ np.abs(v)), natural=size)
        else:
            s = judge.slope(v, 1.0, analytic, 8)
        haze = judge.haze_along(v)
        entry = judge.judge("direction", (k,), analytic, s, haze)
        if entry.verdict == "WRONG":  # before a reproach: how much of it is the tangent's own rounding?
            near = (subject.x * (1 + 4 * EPS * judge.rng.choice([-1, 1], v.size)) for _ in range(4))
            grain = max(abs(_tangent(subject, c, v, x) - analytic) for x in near)
            entry = judge.judge("direction", (k,), analytic, s, haze + grain)
        out.append(entry.but(argument="forward mode, direction"))
    return out


def _tangent(subject: TensorSubject, c: Any, v: Any, x: Any) -> float:
    """The derivative of <c, f> at `x` along `v`, pushed forward."""

    def run(*parts: Any) -> Any:
        result = subject.f(*subject.placed(parts))
        return tuple(result) if isinstance(result, tuple | list) else result

    parts = [p.copy() for p in subject.split(x)]
    moves = jvp(run, tuple(parts), tuple(subject.split(v)))[1]
    flat = np.concatenate([np.ravel(m.data) for m in (moves if isinstance(moves, tuple) else (moves,))])
    return float(np.dot(c, flat))


def _narrow(subject: Subject, c: Any, g: Any, report: Report) -> None:
    """The same in the inputs' own dtype, which may round, but should do no more than that."""
    low = subject.gradient(subject.x, c, native=True)
    eps = max(float(np.finfo(a.array.dtype).eps) for a in subject.arguments)
    off = ~(np.abs(low - g) <= 64 * eps * (np.abs(g) + np.max(np.abs(g), initial=0)))
    if off.any():
        name, index = subject.place(int(np.argmax(off)))
        where = Entry(name, index, 0.0, 0.0, 0.0, "NOISE").place
        report.notes.append(
            f"right in float64, but in the inputs' own dtype the derivative by {where} is {low[np.argmax(off)]:.6g} "
            f"instead of {g[np.argmax(off)]:.6g}: rounding or overflow"
        )
