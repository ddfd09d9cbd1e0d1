"""The two checks: a function against its derivative, and a function of tensors against the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..transforms import jvp
from .judging import Judge, overall
from .numerical import EPS, Probe, Slope
from .pairs import Pair
from .report import Entry, Report, conclude
from .subjects import Mismatch, SecondOrder, Subject, TensorSubject

Function = Callable[..., Any]
Strict = bool | Sequence[str]


def check_derivative(
    f: Function, df: Function, *inputs: Any, raises: bool = True, strict: Strict = False, seed: int = 0
) -> Report:
    """Check a hand-written derivative `df` of `f` at `inputs`.

    `f(*inputs)` is a value and `df(*inputs)` its gradient, a tuple with one for each input when there
    are several. If the value is no scalar, the check is of `sum(f * cotangent)` and `df` takes
    `cotangent=` too; or it returns the Jacobian, or, for an elementwise function, the derivatives.
    In course style `f(*inputs)` is `(value, cache)` and `df(cache)` a dict with keys `d<input name>`.

    WRONG raises `GradientError`, which carries the report, unless `raises` is False. `strict` names
    other verdicts that raise, too (True: all but RIGHT). `seed` draws the cotangent and directions.

    >>> import numpy as np
    >>> from tinygrad_edu import testing
    >>> print(testing.check_derivative(np.sin, np.cos, 0.5).verdict)
    RIGHT
    >>> print(testing.check_derivative(np.sin, lambda x: -np.cos(x), 0.5, raises=False).verdict)
    WRONG
    """
    subject = Pair(f, df, inputs)
    report = examine(subject, seed)
    if subject.unchecked:
        report.notes.append(f"not checked, as df says nothing of them: {', '.join(subject.unchecked)}")
    return conclude(report, raises, strict)


def check_gradients(
    f: Function,
    *inputs: Any,
    order: int = 1,
    modes: Sequence[str] = ("reverse", "forward"),
    raises: bool = True,
    strict: Strict = False,
    seed: int = 0,
) -> Report:
    """Check the derivatives that the engine finds for a function of Tensors, at `inputs`.

    `order=2` checks second derivatives too; `modes` says which ways to differentiate are checked.
    `raises`, `strict` and `seed` are those of `check_derivative`.

    >>> from tinygrad_edu import testing
    >>> report = testing.check_gradients(lambda x: (x * x).sum(), [1.0, 2.0], order=2)
    >>> report.verdict
    'RIGHT'
    """
    modes = (modes,) if isinstance(modes, str) else tuple(modes)
    if order not in (1, 2):
        raise ValueError(f"check_gradients: order must be 1 or 2; got {order!r}; check the gradient itself for more")
    if not modes or not set(modes) <= {"reverse", "forward"}:
        raise ValueError(
            f"check_gradients: modes must be among 'reverse' and 'forward'; got {modes}; choose one or both"
        )
    subject = TensorSubject(f, inputs)
    report = examine(subject, seed, modes)
    if order == 2 and report.verdict in ("RIGHT", "KINK", "VACUOUS"):
        report = _second(subject, report, seed)
    return conclude(report, raises, strict)


def _second(subject: TensorSubject, first: Report, seed: int) -> Report:
    rng = np.random.default_rng(seed + 1)
    c = _cotangent(subject.value(subject.x), rng)
    w = rng.choice([-1.5, -0.5, 0.5, 1.0, 2.0], subject.x.size)
    second = examine(SecondOrder(subject, c, w), seed)
    second.evaluations += first.evaluations
    if second.verdict == "WRONG":
        second.pattern = "right at order 1 and wrong at order 2"
        second.diagnosis = f"the first derivative is right, the second is wrong: {second.diagnosis}"
        return second
    if second.verdict == "VACUOUS":  # a linear function: nothing to be wrong about
        first.notes.append("the second derivative is zero here")
    elif second.verdict != "RIGHT":
        first.notes.append(f"second derivative: {second.verdict}: {second.diagnosis}")
        first.verdict = second.verdict if first.verdict == "RIGHT" else first.verdict
    first.entries += [e.but(argument=f"second derivative, {e.argument}") for e in second.entries]
    first.evaluations = second.evaluations
    return first


def _cotangent(y: Any, rng: Any) -> Any:
    """1 for one number; else numbers of both signs, so that no sum cancels the derivative."""
    return np.ones(1) if y.size == 1 else rng.uniform(0.5, 1.5, y.size) * rng.choice([-1, 1], y.size)


def examine(subject: Subject, seed: int = 0, modes: Sequence[str] = ("reverse",)) -> Report:
    """Everything at one point: repeat, differentiate, compare, conclude."""
    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        try:
            probe = Probe(subject.value, subject.x)
        except ArithmeticError as error:
            return Report(
                "OUT_OF_DOMAIN", f"the function has no value at the inputs: {error}", evaluations=subject.calls
            )
        except ValueError as error:
            if "math domain" not in str(error):
                raise
            return Report(
                "OUT_OF_DOMAIN", f"the function has no value at the inputs: {error}", evaluations=subject.calls
            )
        c = _cotangent(probe.y, rng)
        report = _unfit(subject, probe, c, rng) or _compare(subject, probe, c, rng, modes)
    report.evaluations = subject.calls
    return report


def _unfit(subject: Subject, probe: Probe, c: Any, rng: Any) -> Report | None:
    """Reasons not to compare numbers at all."""
    if not probe.y.size or not probe.x.size:
        return Report(
            "VACUOUS",
            "there is nothing to differentiate: " + ("the inputs are" if probe.y.size else "the output is") + " empty",
        )
    if probe.y.dtype.kind == "c":
        return Report("OUT_OF_DOMAIN", "the function returns complex numbers; check its real and imaginary part apart")
    if not np.all(np.isfinite(probe.y)):
        return Report("OUT_OF_DOMAIN", "the function is not finite at the inputs")
    return None


def _same(a: Any, b: Any, eps: float) -> bool:
    """Equal but for the last places, which parallel sums may turn."""
    return a.shape == b.shape and bool(np.all(np.abs(a.astype(np.float64) - b) <= 64 * eps * np.abs(b)))


def _compare(subject: Subject, probe: Probe, c: Any, rng: Any, modes: Sequence[str]) -> Report:
    try:
        g = subject.gradient(subject.x, c)
        again = subject.gradient(subject.x, c)
        near = subject.gradient(subject.x * (1 + 4 * EPS * rng.choice([-1, 1], subject.x.size)), c)
    except Mismatch as found:
        return _misshapen(found)
    if not all(_same(y, probe.y, float(np.finfo(probe.y.dtype).eps)) for y in subject.seen[-3:-1]):
        return Report(
            "NOT_REPEATABLE",
            "calls of the function with the same inputs gave different values: it is random, or keeps state",
        )
    if not np.array_equal(g, again, equal_nan=True):
        finite = np.isfinite(g) & np.isfinite(again)
        if np.any(np.abs(again - g)[finite] > 1e-12 * np.abs(g)[finite]):
            return Report(
                "NOT_REPEATABLE",
                "two calls of the derivative with the same inputs gave different values" + _growth(g, again),
            )
    haze = np.abs(near - g)
    probe.measure_noise(rng, 1 if probe.x.size == 1 else 2)
    judge = Judge(subject, probe, c, g, np.where(np.isfinite(haze), haze, 0), rng)
    entries = judge.entries()
    if "forward" in modes and isinstance(subject, TensorSubject):
        entries += _forward(subject, judge, c, entries)
    report = Report(*overall(entries), entries=entries, method=" and ".join(sorted(judge.methods)))
    if report.verdict == "RIGHT" and subject.narrow:
        _narrow(subject, c, g, report)
    return report


def _growth(g: Any, again: Any) -> str:
    return (
        ": the second is twice the first, as when gradients add up and are never set to zero"
        if np.allclose(again, 2 * g)
        else ""
    )


def _misshapen(found: Mismatch) -> Report:
    a, g = found.argument, found.got
    text = f"the gradient of {a.name} has shape {g.shape}, where {a.name} has shape {a.array.shape}"
    entry = Entry(a.name, (), float("nan"), float("nan"), 0.0, "WRONG", text)
    return Report("WRONG", text, pattern="wrong shape", entries=[entry])


def _forward(subject: TensorSubject, judge: Judge, c: Any, entries: Sequence[Entry]) -> list[Entry]:
    """Forward mode along two random directions, against the slopes found already or new ones."""
    out = []
    for k in range(2):
        v = judge.rng.standard_normal(subject.x.size) * judge.scales
        analytic = _tangent(subject, c, v)
        if len(entries) == v.size:  # every entry has its own slope
            if any(e.verdict not in ("RIGHT", "WRONG") for e in entries):
                continue  # left and right differ, or noise: the reverse entries have said so
            n, bar = (np.array([getattr(e, x) for e in entries]) for x in ("numerical", "error"))
            size = float(np.sum(np.abs(c * judge.probe.y)))
            s = Slope(float(n @ v), float(bar @ np.abs(v)) + 64 * EPS * float(np.abs(n) @ np.abs(v)), natural=size)
        else:
            s = judge.slope(v, 1.0, analytic, 8)
        out.append(judge.judge("direction", (k,), analytic, s).but(argument="forward mode, direction"))
    return out


def _tangent(subject: TensorSubject, c: Any, v: Any) -> float:
    """The derivative of <c, f> along `v`, pushed forward."""

    def run(*parts: Any) -> Any:
        tensors = list(subject.inputs)
        tensors = [dict(x) if isinstance(x, dict) else x for x in tensors]
        for a, p in zip(subject.arguments, parts, strict=True):
            if a.key is None:
                tensors[a.position] = p
            else:
                tensors[a.position][a.key] = p
        result = subject.f(*tensors)
        return tuple(result) if isinstance(result, tuple | list) else result

    parts = [p.copy() for p in subject.split(subject.x)]
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
