"""Which line of a hand-written derivative is wrong?

By convention `dZ` is the derivative of the result by `Z`. So the function is run once on Tensors, and
the engine knows the true derivative by each of its local variables; the hand-written derivative is
run once on arrays, and each `d<name>` that it computes is compared in the order of its lines. The
first that is wrong names the line. Intermediate derivatives may carry a common factor (courses leave
out 1/m until the end).
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, FrameType
from typing import Any, NamedTuple

import numpy as np

from ..engine import NEEDS, Variable, constant, pull
from ..recording import Mode
from .patterns import OVERWRITTEN, TERM, factor, recognise
from .report import Blame


class Seen(NamedTuple):
    """A local variable just after a line of a function gave it a value."""

    line: int
    name: str
    value: Any


def watch(f: Callable[..., Any], call: Callable[[], Any]) -> tuple[Any, list[Seen]]:
    """Run `call`, and note what the lines of `f` assign to its local variables."""
    code: CodeType | None = getattr(inspect.unwrap(f), "__code__", None)
    seen: list[Seen] = []
    known: dict[str, int] = {}
    last = [0]

    def local(frame: FrameType, event: str, argument: Any) -> Any:
        for name, value in frame.f_locals.items():
            if known.get(name) != id(value):
                known[name] = id(value)
                seen.append(Seen(last[0], name, value))
        last[0] = frame.f_lineno
        return local

    before = sys.gettrace()
    sys.settrace(lambda frame, event, argument: local(frame, event, argument) if frame.f_code is code else None)
    try:
        return call(), seen
    finally:
        sys.settrace(before)


def blame_line(pair: Any, c: Any, wrong: set[str], sizes: Sequence[int]) -> tuple[Blame, str | None] | None:
    """The first wrong line of the derivative of a `Pair`, and the pattern of its mistake."""
    try:
        truth, seen_forward = true_derivatives(pair, c)
        given = pair.call(pair.x)[1]
        cotangent = np.asarray(c).reshape(pair.shape)
        _, seen = watch(pair.df, lambda: pair.differentiate(given, cotangent))
    except Exception:  # the function does not run on Tensors, or has no source: then there is no line to name
        return None
    finals = {a.name for a in pair.arguments}
    common = 1.0  # what intermediate derivatives have been left out so far: courses divide by m at the end
    last = {s.name: k for k, s in enumerate(seen)}
    for k, s in enumerate(seen):
        truths = truth.get(s.name[1:], []) if s.name.startswith("d") and len(s.name) > 1 else []
        value = _array(s.value)
        final = s.name[1:] in finals
        if not truths or value is None or any(_equal(value, t) for t in truths):
            continue
        if (k < last[s.name] or s.name[1:] not in wrong) if final else not value.any():
            continue  # still being added up, or found right
        ratio = next((r for t in truths if (r := _ratio(value, t)) is not None), None)
        if not final and ratio is not None and (np.isclose(ratio, common) or (common == 1 and _size(ratio, sizes))):
            common = ratio
            continue
        scale = 1.0 if final else common if common != 1 or ratio is None or not _size(-ratio, sizes) else abs(ratio)
        return _accuse(pair.df, s, value / scale, truths[-1], sizes, seen_forward)
    return None


def _accuse(
    df: Callable[..., Any], s: Seen, value: Any, true: Any, sizes: Sequence[int], locals_: Sequence[Seen]
) -> tuple[Blame, str | None]:
    pattern = recognise(value, true, _bars(true), sizes, np.zeros(np.shape(true)))
    line = s.line
    if (pattern or TERM).startswith((TERM, OVERWRITTEN)):
        again = next((at for name, at in repeated(df) if name == s.name), None)
        if again is not None:
            pattern, line = f"{OVERWRITTEN}: {s.name} is assigned again in line {again}", again
        else:
            pattern = missing_factor(value, true, locals_) or pattern
    return Blame(s.name, site_of(df, line), text_of(df, line)), pattern


def _bars(true: Any) -> Any:
    return 1e-8 * np.max(np.abs(true), initial=0) + 1e-12 * np.abs(true)


def _equal(value: Any, true: Any) -> bool:
    return value.shape == true.shape and bool(np.all(np.abs(value - true) <= _bars(true)))


def _size(k: float, sizes: Sequence[int]) -> bool:
    return any(np.isclose(k, m) for m in sizes)


def missing_factor(value: Any, true: Any, locals_: Sequence[Seen]) -> str | None:
    """Whether the derivative lacks the slope of an activation, computed from a variable of the function."""
    if value.shape != true.shape or not np.all(value):
        return None
    ratio = true / value
    for s in locals_:
        v = _array(getattr(s.value, "_data", s.value))
        if v is None or v.shape != ratio.shape or not v.size:
            continue
        for text, slope in SLOPES.items():
            if np.allclose(ratio, slope(v), rtol=1e-6, atol=1e-12) and np.ptp(ratio) > 0:
                return f"{TERM}: the factor {text.replace('v', s.name)}"
    return None


SLOPES: dict[str, Callable[[Any], Any]] = {
    "1 - v**2": lambda v: 1 - v**2,
    "v * (1 - v)": lambda v: v * (1 - v),
    "v > 0": lambda v: v > 0,
    "cos(v)": np.cos,
    "v": lambda v: v,
    "2 * v": lambda v: 2 * v,
}


def _ratio(value: Any, true: Any) -> float | None:
    return factor(value, true, _bars(true)) if value.shape == true.shape else None


def _array(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic | float) and np.asarray(value).dtype.kind == "f":
        return np.asarray(value, dtype=np.float64)
    return None


def true_derivatives(pair: Any, c: Any) -> tuple[dict[str, list[Any]], list[Seen]]:
    """For each local variable of the function, the derivative of <c, value> by each value it had."""
    inputs = pair.rebuilt(pair.x)
    for a in pair.arguments:
        t = constant(a.array.astype(np.float64)[()])
        t.flags = NEEDS
        a.put(inputs, t)
    with Mode("graph"), np.errstate(all="ignore"):
        result, seen = watch(pair.f, lambda: pair.f(*inputs))
        value = result[0] if isinstance(result, tuple) else result
        found = {t.born: g for t, g in pull([(value, np.asarray(c, dtype=np.float64).reshape(value.shape)[()])])}
    out: dict[str, list[Any]] = {}
    locals_ = [(s.name, s.value) for s in seen] + [
        (a.name, inputs[a.position]) for a in pair.arguments if a.key is None
    ]
    locals_ += [(a.name, inputs[a.position][a.key]) for a in pair.arguments if a.key is not None]
    for name, t in locals_:
        if isinstance(t, Variable) and t.born in found:
            out.setdefault(name, []).append(np.asarray(found[t.born]))
    return out, seen


def text_of(f: Callable[..., Any], line: int) -> str:
    source, first = inspect.getsourcelines(inspect.unwrap(f))
    return source[line - first].strip()


def site_of(f: Callable[..., Any], line: int) -> str:
    return f"{inspect.unwrap(f).__code__.co_filename}:{line}"


def overwritten(df: Callable[..., Any], names: set[str]) -> str | None:
    """If a gradient of these names is assigned where it should be added to: the pattern, with the line."""
    found = next(((name, line) for name, line in repeated(df) if name in names), None)
    return f"{OVERWRITTEN}: {found[0]} is assigned again in line {found[1]}" if found else None


def repeated(df: Callable[..., Any]) -> list[tuple[str, int]]:
    """Names, and lines of the file, of assignments that forget what an earlier one, or turn of a loop, put there."""
    try:
        source, first = inspect.getsourcelines(inspect.unwrap(df))
        tree = ast.parse(textwrap.dedent("".join(source)))
    except (OSError, TypeError, SyntaxError):  # no source, or a lambda in the middle of a line
        return []
    loops = [n for n in ast.walk(tree) if isinstance(n, ast.For | ast.While)]
    inner = {id(n) for loop in loops for n in ast.walk(loop)}
    whole: set[str] = set()  # assigned as a whole
    parts: set[str] = set()  # assigned in part
    found = []
    for node in sorted((n for n in ast.walk(tree) if isinstance(n, ast.Assign)), key=lambda n: n.lineno):
        used = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
        for target in _targets(node):
            name, part = _assigned(target)
            known = parts | (whole if id(node) in inner else set()) if part else whole
            if name and name in known and name not in used:
                found.append((name, first + node.lineno - 1))
            if name:
                (parts if part else whole).add(name)
    return found


def _targets(node: ast.Assign) -> Iterator[ast.expr]:
    for target in node.targets:
        yield from target.elts if isinstance(target, ast.Tuple) else [target]


def _assigned(target: ast.expr) -> tuple[str | None, bool]:
    """The name that an assignment writes, and whether only a part of it; `grads["dW"]` is `dW`."""
    if isinstance(target, ast.Subscript):
        key = target.slice.value if isinstance(target.slice, ast.Constant) else None
        if isinstance(key, str):
            return key, False
        return (target.value.id if isinstance(target.value, ast.Name) else None), True
    return (target.id if isinstance(target, ast.Name) else None), False
