"""A test from a function and strategies: `@testing.derivative_property(strategies.arrays())`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from hypothesis import Phase, given
from hypothesis import settings as options
from hypothesis import strategies as st
from hypothesis.control import current_build_context

from ...annotations import Function
from ...functions.settings import Names, Texts, settings
from ..checking import check_derivative, check_gradients
from ..explanation import causes
from ..pasting import Pasted
from ..report import GradientError
from ..subjects.subjects import parameter_names


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
    function itself stays reachable as `.function`, `df` as `.derivative`. Errors: a TypeError without strategies.

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
        phases = [p for p in options().phases if p is not Phase.explain]  # the report explains better, and sooner
        chosen = options(deadline=None, report_multiple_bugs=False, phases=phases)
        test: Any = chosen(given(inputs=st.tuples(*inputs))(found))
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
        error.add_note(paste(f, df, inputs, settings))
        raise error.with_traceback(None) from None
    finally:
        causes.reset(token)


def paste(f: Callable[..., Any], df: Callable[..., Any] | None, inputs: Sequence[Any], settings: dict[str, Any]) -> str:
    """A test of its own for one counterexample."""
    text, name = Pasted(), _identifier(f.__name__)
    test = getattr(sys.modules.get(f.__module__), name, None) if f.__module__ != "__main__" else None
    if getattr(test, "function", None) is f:  # it can be imported
        text.imports[f"from {f.__module__} import {name}"] = None
        functions = [f"{name}.function", f"{name}.derivative"]
    else:
        functions = [text.function(f, name, bare=True), text.function(df, "derivative") if df is not None else ""]
    names = [n for n in parameter_names(f, len(inputs) + 1) if n != "self"][: len(inputs)]
    given = [f"    {n} = {text.input(x)}" for n, x in zip(names, inputs, strict=True)]
    arguments = [*functions[: 1 + (df is not None)], *names, *(f"{k}={v!r}" for k, v in settings.items())]
    check = "check_gradients" if df is None else "check_derivative"
    return "\n".join([
        "Paste this test to keep the counterexample:", "", *text.lines(), "", "",
        f"def test_{name.removeprefix('test_')}_again():", *given, f"    testing.{check}({', '.join(arguments)})",
    ])  # fmt: skip
