"""What a check of a kernel found, with the smallest inputs that show it, and a test to paste."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..pasting import MOST, Pasted
from ..report import Report


@dataclass(repr=False)
class KernelReport(Report):
    """The outcome of a check of a kernel: a `Report`, and how to see a fault again.

    >>> import numpy as np
    >>> from tinygrad_edu import testing
    >>> def forward(x):
    ...     return np.tanh(x), np.tanh(x)
    >>> wrong = lambda dy, y: dy * (1 - y)
    >>> report = testing.check_kernel(forward, wrong, inputs=[np.array([0.5, -1.0])], raises=False)
    >>> report.verdict, report.smallest
    ('WRONG', 'x (1,) float64')
    """

    smallest: str = ""  # shapes, dtypes, and the layout
    test: str = ""
    tried: list[str] = field(default_factory=list)  # laws, and lengths of axes

    def lines(self) -> Iterator[str]:
        *body, end = super().lines()
        yield from body
        if self.smallest:
            yield f"  smallest: {self.smallest}"
        yield end
        if self.test:
            yield textwrap.indent(self.test, "  ")

    def facts(self) -> dict[str, Any]:
        return super().facts() | {"smallest": self.smallest, "test": self.test, "tried": self.tried}


def kernel_report(report: Report) -> KernelReport:
    """A report of a derivative as the beginning of one of a kernel."""
    return KernelReport(**{name: getattr(report, name) for name in Report.__dataclass_fields__})


def described(names: Sequence[str], inputs: Sequence[Any], where: str) -> str:
    """Shapes and dtypes of inputs, and which layout it was."""
    arrays = [(n, x) for n, x in zip(names, inputs, strict=True) if hasattr(x, "shape")]
    shown = [f"{n} {tuple(x.shape)} {str(x.dtype).rpartition('.')[2]}" for n, x in arrays]
    return ", ".join(shown) + (f"; {where}" if where else "")


def pasted(functions: dict[str, Any], names: Sequence[str], inputs: Sequence[Any]) -> str:
    """A test of its own for one failure: `functions` by the parameters of `check_kernel` that they are given to.

    Nothing, if there are too many numbers to paste.
    """
    if sum(int(np.prod(getattr(x, "shape", ()), dtype=int)) for x in inputs) > MOST:
        return ""
    text = Pasted()
    told = [f"{k}={text.function(f, k)}" for k, f in functions.items() if f is not None]
    given = [f"    {n} = {text.input(x)}" for n, x in zip(names, inputs, strict=True)]
    name = getattr(functions["forward"], "__name__", "").strip("_<>") or "kernel"
    every = f"{names[0]}," if len(names) == 1 else ", ".join(names)
    head = ["", "", f"def test_{name}_again():", *given]
    return "\n".join([*text.lines(), *head, f"    testing.check_kernel({', '.join(told)}, inputs=({every}))"])
