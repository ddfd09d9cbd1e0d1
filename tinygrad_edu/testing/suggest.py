"""Writes the file of property tests for the functions of a module, to be read, corrected and kept."""

from __future__ import annotations

import importlib
import inspect
import itertools
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from ..annotations import Function
from ..files import write_whole
from ..functions.settings import settings
from .checking import check_derivative, check_gradients
from .pasting import written
from .report import GradientError
from .subjects.subjects import parameter_names

PREFIXES = ("d_", "grad_", "backward_", "d", "dloss_")
SUFFIXES = ("_backward", "_grad", "_der", "_derivative", "_prime", "_vjp", "_bwd")
FORWARD = ("_forward", "_fwd")
SHAPES: tuple[tuple[tuple[int, ...], ...], ...] = (
    ((3,), (3,), (3,)),
    ((2, 3), (2, 3), (2, 3)),
    ((2, 3), (3,), (2,)),
    ((2, 3), (3, 2), (2,)),
    ((2, 3), (2, 3), (2,)),
    ((3, 2), (2,), (3,)),
    ((2, 3), (2,), (3,)),
    ((3, 3), (3, 2), (3,)),
    ((3,), (2, 3), (2,)),
    ((3, 2), (2, 3), (2,)),
    ((), (), ()),
)
DRAWS = 3  # of numbers, at which it must be right
KINDS = {"smooth": 0.0, "positive": 1.75, "unit": 0.0}  # of values, and where they lie
DEFAULTS = "defaults"  # the kind of values that a function's own defaults are


@dataclass
class Suggestion:
    """A function, its derivative if the module has one, and inputs that both take."""

    name: str
    f: Callable[..., Any]
    df: Callable[..., Any] | None
    inputs: tuple[Any, ...] | None
    kind: str = "smooth"
    wrong: str = ""  # what is wrong with it now

    @property
    def names(self) -> list[str]:
        n = len(self.inputs) if self.inputs is not None else _arity(self.f) or 1
        return [re.sub(r"\W", "_", name) for name in parameter_names(self.f, n)]


@settings
def suggest(module: ModuleType | str | Function, path: str | os.PathLike[str] | None = None) -> str:
    """Write the property tests of a module's functions and their derivatives.

    `module` is a module, its name, or one function of it. Each public function with arrays as parameters is paired
    with its derivative by name: `d_loss`, `grad_loss`, `loss_backward`, `loss_grad` for `loss`, and `layer_backward`
    for `layer_forward`; a function of Tensors needs none. Shapes and ranges of values that it takes are found by
    trying. Where every parameter has a default, the floats and arrays among the first give the shapes, or are the
    inputs themselves if no numbers drawn in these shapes will do: a comment says so. The text of the file is returned,
    and written to `path` if one is given. It is a beginning: read it, widen the shapes, and keep it. A test that fails
    now says so in a comment, as the derivative may be wrong.

    >>> import tinygrad_edu.nn.functional as F
    >>> from tinygrad_edu import testing
    >>> print(testing.suggest(F.softsign).partition("@")[2])
    testing.derivative_property(strategies.arrays(shape=(3,)))
    def test_derivative_of_softsign(input):
        return softsign(input)
    <BLANKLINE>
    """
    found, home = functions_of(module)
    text = file_of(home, [looked_at(name, f, df) for name, f, df in found])
    if path is not None:
        write_whole("suggest", path, text.encode())
    return text


def functions_of(module: Any) -> tuple[list[tuple[str, Callable[..., Any], Callable[..., Any] | None]], str]:
    """The functions to test, each with its derivative, and the name of their module."""
    if isinstance(module, str):
        try:
            module = importlib.import_module(module)
        except (ModuleNotFoundError, ValueError) as error:
            raise ValueError(f"suggest: module must be importable; got {module!r}: {error}; check the name") from error
    if not isinstance(module, ModuleType) and not callable(module):
        got = type(module).__name__
        raise TypeError(f"suggest: module must be a module, its name or a function; got {got}; pass one of these")
    home = module if isinstance(module, ModuleType) else importlib.import_module(module.__module__)
    own = {
        name: f
        for name, f in vars(home).items()
        if inspect.isfunction(f) and f.__module__ == home.__name__ and not name.startswith("_")
    }
    pairs = {name: derivative_of(name, own) for name in own}
    derivatives = {df for df in pairs.values() if df}
    chosen = [name for name in own if name not in derivatives] if isinstance(module, ModuleType) else [module.__name__]
    return [(name, own[name], own.get(pairs[name] or "")) for name in chosen if name in own], home.__name__


def derivative_of(name: str, known: Any) -> str | None:
    """What the derivative of a function is called."""
    stem = next((name.removesuffix(end) for end in FORWARD if name.endswith(end)), name)
    if name == "forward":
        return "backward" if "backward" in known else None
    spelled = [f"{p}{stem}" for p in PREFIXES] + [f"{stem}{s}" for s in SUFFIXES]
    return next((s for s in spelled if s in known and s != name), None)


def looked_at(name: str, f: Callable[..., Any], df: Callable[..., Any] | None) -> Suggestion:
    """A function with inputs that it takes, the plainest first at which it is right, and what a check says there."""
    rng = np.random.default_rng(0)
    wrong = None
    for kind, draws in candidates(f, rng):
        if kind == DEFAULTS and wrong is not None:
            break
        try:
            with np.errstate(all="ignore"):
                reports = [_check(f, df, inputs) for inputs in draws]
        except Exception:  # it does not take these
            continue
        verdicts = {report.verdict for report in reports}
        if verdicts <= {"RIGHT", "KINK"}:
            return Suggestion(name, f, df, draws[0], kind)
        if verdicts <= {"RIGHT", "KINK", "WRONG"} and wrong is None:
            wrong = Suggestion(name, f, df, draws[0], kind, next(r.diagnosis for r in reports if not r))
    return wrong or Suggestion(name, f, df, None)


def candidates(f: Callable[..., Any], rng: Any) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """Kinds of values, and some inputs of each, that a function may take."""
    n, known = _arity(f), defaults(f)
    shapes = [s[:n] for s in SHAPES if 0 < n <= len(s)] or [tuple(map(np.shape, known))] * bool(known)
    for kind, centre in KINDS.items():
        for some in dict.fromkeys(shapes):
            yield kind, [tuple(np.asarray(centre + rng.uniform(-0.9, 0.9, s)) for s in some) for _ in range(DRAWS)]
    if known and not n:
        yield DEFAULTS, [known]


def defaults(f: Callable[..., Any]) -> tuple[Any, ...]:
    """The defaults of the first parameters, as far as they are floats or arrays of floats."""
    values = [p.default for p in inspect.signature(f).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    floats = [isinstance(v, float | np.ndarray | np.generic) and np.asarray(v).dtype.kind == "f" for v in values]
    return tuple(v for v, _ in itertools.takewhile(lambda pair: pair[1], zip(values, floats, strict=True)))


def _check(f: Callable[..., Any], df: Callable[..., Any] | None, inputs: tuple[Any, ...]) -> Any:
    try:
        return check_derivative(f, df, *inputs) if df is not None else check_gradients(f, *inputs)
    except GradientError as error:
        return error.report


def _arity(f: Callable[..., Any]) -> int:
    kinds = inspect.Parameter
    parameters = inspect.signature(f).parameters.values()
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is kinds.empty for p in parameters)


def file_of(module: str, suggestions: Sequence[Suggestion]) -> str:
    """The text of the file of tests."""
    ready = [s for s in suggestions if s.inputs is not None]
    left = [s.name for s in suggestions if s.inputs is None]
    used = sorted({n for s in ready for n in (s.name, *([s.df.__name__] if s.df is not None else []))})
    lines = [f'"""Property tests of derivatives in `{module}`, written by testing.suggest to be read and kept."""', ""]
    lines += ["import numpy as np", ""] * any(s.kind == DEFAULTS for s in ready)
    lines += ["from tinygrad_edu import testing"]
    lines += ["from tinygrad_edu.testing import strategies"] * any(s.kind != DEFAULTS for s in ready) + [""]
    lines += [imported(module, used)] if used else []
    for s in ready:
        lines += ["", "", *test_of(s)]
    if left:
        lines += ["", "", f"# No inputs were found for {', '.join(left)}: write a test with inputs that these take."]
    return "\n".join(lines) + "\n"


def imported(module: str, names: Sequence[str]) -> str:
    """The line, or lines, that import the functions."""
    line = f"from {module} import {', '.join(names)}"
    return line if len(line) <= 110 else f"from {module} import (\n" + "".join(f"    {n},\n" for n in names) + ")"


def test_of(s: Suggestion) -> list[str]:
    """The test of one function."""
    assert s.inputs is not None
    comment = [f"# WRONG now: {s.wrong}"] if s.wrong else []
    name, names = f"test_derivative_of_{s.name}", ", ".join(s.names)
    if not _arity(s.f):
        what = "At" if s.kind == DEFAULTS else "Of the shapes of"
        comment += [f"# {what} the defaults of {names}."]
    if s.kind == DEFAULTS:
        check = f"check_derivative({s.name}, {s.df.__name__}, " if s.df is not None else f"check_gradients({s.name}, "
        given = [f"    {n} = {written(x)}" for n, x in zip(s.names, s.inputs, strict=True)]
        return [*comment, f"def {name}():", *given, f"    testing.{check}{names})"]
    kind = "" if s.kind == "smooth" else f', kind="{s.kind}"'
    parts = [f"strategies.arrays(shape={np.shape(x)}{kind})" for x in s.inputs]
    parts += [f"df={s.df.__name__}"] if s.df is not None else []
    head = f"@testing.derivative_property({', '.join(parts)})"
    if len(head) > 110:
        head = "@testing.derivative_property(\n" + "".join(f"    {p},\n" for p in parts) + ")"
    return [*comment, head, f"def {name}({names}):", f"    return {s.name}({names})"]
