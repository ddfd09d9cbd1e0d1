"""The two checks: a function against its derivative, and a function of tensors against the engine."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from ..annotations import Function
from ..errors import few
from ..functions.settings import Names, settings
from ..nn.module import Module
from ..nn.stateless import functional_call
from .examination import Examination
from .explanation import explained
from .laws import keeps_to_laws
from .report import Report, conclude
from .subjects.other_libraries import ForeignSubject, library_of
from .subjects.pairs import Pair
from .subjects.subjects import TensorSubject


@settings
def check_derivative(
    f: Function,
    df: Function | object,  # an input, with jac=True
    *inputs: Any,
    jac: bool = False,
    accuracy: float | tuple[float, float] | None = None,
    raises: bool = True,
    strict: Names = False,
    seed: Any = 0,
) -> Report:
    """Check a hand-written derivative `df` of `f` at `inputs`.

    `f(*inputs)` is a value and `df(*inputs)` its gradient, a tuple with one for each input when there
    are several. If the value is no scalar, the check is of `sum(f * cotangent)` and `df` takes
    `cotangent=` too; or it returns the Jacobian, or, for an elementwise function, the derivatives.
    In course style `f(*inputs)` is `(value, cache)` and `df(cache)` a dict with keys `d<input name>`.
    With `jac=True`, as in SciPy, `f(*inputs)` is `(value, gradient)`: `check_derivative(f, *inputs, jac=True)`.

    `accuracy` says how exact values are that come from solvers, quadrature or low precision: a relative error, or a
    pair of these, for `f` and for `df` (as a share of the largest entry of a gradient).

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
    examination = Examination(subject.inexact(accuracy), seed)
    report = explained(examination)
    if examination.probe is not None:
        report = keeps_to_laws(subject, examination.probe.y, report, seed)
    report.notes += subject.notes
    if subject.unchecked:
        report.notes.append(f"not checked, as df says nothing of them: {', '.join(subject.unchecked)}")
    return conclude(report, raises, strict)


@settings
def check_gradients(
    f: Function,
    *inputs: Any,
    order: int = 1,
    modes: str | Sequence[str] = ("reverse", "forward"),
    accuracy: float | tuple[float, float] | None = None,
    raises: bool = True,
    strict: Names = False,
    seed: Any = 0,
) -> Report:
    """Check the derivatives that the engine finds for a function of Tensors, at `inputs`.

    If the inputs are arrays of PyTorch, JAX or MyGrad, `f` is a function of those, and their gradients
    are checked (order 1, reverse mode). For HIPS autograd, see `check_derivative(f, autograd.grad(f), x)`.

    If `f` is an nn.Module, its parameters are checked, too. What else `f` uses that needs a gradient is not, and the
    report names it.

    `order=2` checks second derivatives too; `modes` says which ways to differentiate are checked.
    `accuracy`, `raises`, `strict` and `seed` are those of `check_derivative`.
    Errors: a ValueError for another `order` or `modes`.

    >>> from tinygrad_edu import testing
    >>> report = testing.check_gradients(lambda x: (x * x).sum(), [1.0, 2.0], order=2)
    >>> report.verdict
    'RIGHT'
    """
    ways: tuple[Any, ...] = tuple(modes) if isinstance(modes, list | tuple | set) else (modes,)
    if order not in (1, 2):
        raise ValueError(f"check_gradients: order must be 1 or 2; got {order!r}; check the gradient itself for more")
    if not ways or not all(isinstance(way, str) and way in ("reverse", "forward") for way in ways):
        raise ValueError(
            f"check_gradients: modes must be among 'reverse' and 'forward'; got {ways}; choose one or both"
        )
    if library := next((name for x in inputs if (name := library_of(x))), ""):
        if order == 2:
            raise ValueError(f"check_gradients: order 2 is for functions of Tensors; got {library} arrays; use order=1")
        foreign = ForeignSubject(library, f, inputs).inexact(accuracy)
        return conclude(explained(Examination(foreign, seed)), raises, strict)
    subject = TensorSubject(*(_with_parameters(f, inputs) if isinstance(f, Module) else (f, inputs)))
    report = explained(Examination(subject.inexact(accuracy), seed, ways), order)
    if report.verdict == "RIGHT" and (others := subject.others()):
        report.notes.append(
            f"only the inputs were checked, not what else f uses: {few(others)}; give them as inputs, or "
            "give an nn.Module"
        )
    return conclude(report, raises, strict)


def _with_parameters(module: Module, inputs: Sequence[Any]) -> tuple[Callable[..., Any], Sequence[Any]]:
    """A module as a function of its parameters, by name, and of its inputs."""

    def called(parameters: object, *xs: object) -> Any:
        return functional_call(module, parameters, *xs)

    learned = {name: p for name, p in module.named_parameters() if p.requires_grad}
    first = inspect.Parameter("parameters", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    given = [
        p for p in inspect.signature(module.forward).parameters.values() if p.kind in (p.POSITIONAL_ONLY, first.kind)
    ]
    called.__signature__ = inspect.Signature([first, *(p.replace(kind=first.kind, default=p.empty) for p in given)])  # type: ignore[attr-defined]
    return called, (learned, *inputs)
