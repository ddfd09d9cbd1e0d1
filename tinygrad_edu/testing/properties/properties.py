"""A test from a function and strategies: `@testing.derivative_property(strategies.arrays())`."""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import settings as options
from hypothesis import strategies as st
from hypothesis.control import current_build_context

from ...functions.arguments import Function
from ...functions.settings import Names, Texts, settings
from ..checking import check_derivative, check_gradients
from ..explanation import causes
from ..report import GradientError
from ..subjects.subjects import parameter_names
from ..written import written


@settings
def derivative_property(
    *inputs: object,
    df: Function | None = None,
    order: int = 1,
    modes: Texts = ("reverse", "forward"),
    strict: Names = False,
) -> Callable[[Callable[..., Any]], Callable[[], None]]:
    """Make a test that checks the derivative of the decorated function at drawn inputs.

    `inputs` are strategies, one for each parameter. The function is one of Tensors; with `df`, its
    hand-written derivative, it is a plain one. A failure shrinks, and prints a test to paste. The
    function itself stays reachable as `.function`, `df` as `.derivative`.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import testing
    >>> @testing.derivative_property(testing.strategies.arrays())
    ... def test_product(x):
    ...     return x * tg.sin(x)
    >>> test_product()
    """
    if not inputs or not all(isinstance(s, st.SearchStrategy) for s in inputs):
        raise TypeError(
            "derivative_property: needs a hypothesis strategy for each parameter; got "
            f"{[type(s).__name__ for s in inputs]}; use testing.strategies.arrays(), say"
        )

    def decorate(f: Callable[..., Any]) -> Callable[[], None]:
        method = parameter_names(f, 1)[0] == "self" and "." in f.__qualname__
        asked: dict[str, Any] = {"strict": strict} if strict else {}
        if df is None:
            asked |= {"order": order} if order != 1 else {}
            asked |= {"modes": modes} if tuple(modes) != ("reverse", "forward") else {}

        own = len(parameter_names(f, 1)) and _arity(f) - method

        def spread(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
            """The operands of a strategy that draws several at once, each for a parameter of its own."""
            if len(inputs) == 1 and isinstance(inputs[0], tuple) and own == len(inputs[0]):
                return inputs[0]
            return inputs

        def property_(inputs: Any) -> None:
            check(f, f, df, spread(inputs), asked)

        def property_of(self: Any, inputs: Any) -> None:
            check(partial(f, self), f, df, spread(inputs), asked)

        found: Any = property_of if method else property_
        if code := getattr(f, "__code__", None):  # so that a traceback shows the user's lines
            place = {"co_filename": code.co_filename, "co_firstlineno": code.co_firstlineno}
            found.__code__ = found.__code__.replace(**place)
        found.__name__, found.__qualname__ = _identifier(f.__name__), f.__qualname__
        found.__module__, found.__doc__ = f.__module__, f.__doc__
        test: Any = options(deadline=None, report_multiple_bugs=False)(given(inputs=st.tuples(*inputs))(found))
        test.function, test.derivative = f, df
        return test

    return decorate


def _identifier(name: str) -> str:
    """A name that hypothesis can print a call of: a lambda has none."""
    return name if name.isidentifier() else "derivative_property"


def _arity(f: Callable[..., Any]) -> int:
    parameters = inspect.signature(f).parameters.values()
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def check(call: Function, f: Function, df: Function | None, inputs: Any, settings: dict[str, Any]) -> None:
    """Check `call`, which is `f` or a method bound to its object; a failure carries a test to paste, and the example
    that is shown in the end the cause as well."""
    __tracebackhide__ = True  # pytest shows the user's lines only
    token = causes.set(current_build_context().is_final)
    try:
        if df is not None:
            check_derivative(call, df, *inputs, **settings)
        else:
            check_gradients(call, *inputs, **settings)
    except GradientError as error:
        try:
            error.add_note(paste(f, df, inputs, settings))
        except (OSError, TypeError, SyntaxError, AttributeError):  # a lambda has no source of its own to paste
            error.add_note("inputs: " + ", ".join(map(written, inputs)))
        raise error.with_traceback(None) from None
    finally:
        causes.reset(token)


def paste(f: Callable[..., Any], df: Callable[..., Any] | None, inputs: Sequence[Any], settings: dict[str, Any]) -> str:
    """A test of its own for one counterexample."""
    lines = ["Paste this test to keep the counterexample:", "", "import numpy as np", ""]
    lines += ["from tinygrad_edu import testing"]
    if f.__name__ == f.__qualname__:
        lines += [f"from {f.__module__} import {f.__name__}"] * (f.__module__ != "__main__")
        own, derivative = f"{f.__name__}.function", f"{f.__name__}.derivative"
    else:  # it is defined within a function or a class, so that nobody can import it
        text, used, derivative = standing_alone(f)
        lines += [f"from {f.__module__} import {', '.join(used)}"] * bool(used and f.__module__ != "__main__")
        lines += ["", "", text]
        own = f.__name__
    names = [n for n in parameter_names(f, len(inputs) + 1) if n != "self"][: len(inputs)]
    lines += ["", "", f"def test_{f.__name__.removeprefix('test_')}_again():"]
    lines += [f"    {n} = {written(x)}" for n, x in zip(names, inputs, strict=True)]
    arguments = [own, *[derivative] * (df is not None), *names, *(f"{k}={v!r}" for k, v in settings.items())]
    name = "check_gradients" if df is None else "check_derivative"
    return "\n".join([*lines, f"    testing.{name}({', '.join(arguments)})"])


def standing_alone(f: Callable[..., Any]) -> tuple[str, list[str], str]:
    """The source of a local function without its decorators; which names of its module it uses; and the text of
    the derivative that its decorator names."""
    definition: Any = ast.parse(textwrap.dedent(inspect.getsource(f))).body[0]
    given = [k.value for d in definition.decorator_list for k in getattr(d, "keywords", []) if k.arg == "df"]
    definition.decorator_list = []
    definition.args.args = [a for a in definition.args.args if a.arg != "self"]
    around = inspect.getclosurevars(f).nonlocals
    known = [f"{name} = {written(x)}" for name, x in around.items() if isinstance(x, float | int | np.ndarray)]
    text, derivative = ast.unparse(definition), ast.unparse(given[0]) if given else ""
    used = {n.id for part in (definition, *given) for n in ast.walk(part) if isinstance(n, ast.Name)}
    home = vars(sys.modules[f.__module__])
    return "\n".join([*known, text]), sorted(n for n in used if n in home and not hasattr(builtins, n)), derivative
