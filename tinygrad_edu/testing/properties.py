"""A test from a function and strategies: `@testing.derivative_property(strategies.arrays())`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from .checking import Strict, check_derivative, check_gradients
from .report import GradientError
from .subjects import parameter_names


def derivative_property(
    *inputs: Any,
    df: Callable[..., Any] | None = None,
    order: int = 1,
    modes: Sequence[str] = ("reverse", "forward"),
    strict: Strict = False,
) -> Callable[[Callable[..., Any]], Callable[[], None]]:
    """Make a test that checks the derivative of the decorated function at drawn inputs.

    `inputs` are strategies, one for each parameter. The function is one of Tensors; with `df`, its
    hand-written derivative, it is a plain one. A failure shrinks, and prints a test to paste. The
    function itself stays reachable as `.function`.

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
        def property_(inputs: Any) -> None:
            try:
                if df is not None:
                    check_derivative(f, df, *inputs, strict=strict)
                else:
                    check_gradients(f, *inputs, order=order, modes=modes, strict=strict)
            except GradientError as error:
                error.add_note(paste(f, df, inputs, order))
                raise

        property_.__name__, property_.__qualname__ = f.__name__, f.__qualname__
        property_.__module__, property_.__doc__ = f.__module__, f.__doc__
        test = given(inputs=st.tuples(*inputs))(property_)
        test.function = f  # type: ignore[attr-defined]
        return test

    return decorate


def paste(f: Callable[..., Any], df: Callable[..., Any] | None, inputs: Sequence[Any], order: int = 1) -> str:
    """A test of its own for one counterexample."""
    names = parameter_names(f, len(inputs))
    home = f.__module__
    lines = [
        "Paste this test to keep the counterexample:",
        "",
        "import numpy as np",
        "",
        "from tinygrad_edu import testing",
    ]
    if home != "__main__":
        imported = f.__name__ if df is None else f"{f.__name__}, {df.__name__}"
        lines.append(f"from {home} import {imported}")
    lines += ["", "", f"def test_{f.__name__.removeprefix('test_')}_again():"]
    lines += [f"    {n} = {written(x)}" for n, x in zip(names, inputs, strict=True)]
    call = f"{f.__name__}.function, {', '.join(names)}"
    if df is not None:
        lines.append(f"    testing.check_derivative({f.__name__}.function, {df.__name__}, {', '.join(names)})")
    else:
        lines.append(f"    testing.check_gradients({call}{f', order={order}' if order != 1 else ''})")
    return "\n".join(lines)


def written(x: Any) -> str:
    """An input as Python text that makes it again."""
    if not isinstance(x, np.ndarray):
        return repr(x)
    values = repr(x.tolist()) if x.size else f"np.zeros({x.shape})"
    return f"np.array({values}, dtype=np.{x.dtype})" if x.size else f"{values}.astype(np.{x.dtype})"
