"""A program on NumPy: one Python function of straight lines, each of which calls NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..program.primitives import function_of
from ..program.program import Program, Value, changed


class Executor:
    """Runs a program."""

    def __init__(self, program: Program, fast: bool = False) -> None:
        from ..program.passes import simplified

        self.program = simplified(program)
        self.source, names = _python(self.program)
        exec(compile(self.source, "<program>", "exec"), names)  # noqa: S102
        self.function = names["run"]

    def __call__(self, arrays: Sequence[Any]) -> list[Any]:
        with np.errstate(all="ignore"):
            return self.function(arrays)  # type: ignore[no-any-return]

    def explain(self) -> str:
        return f"{len(self.program.steps)} steps on NumPy"


class _Name(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _python(program: Program) -> tuple[str, dict[str, Any]]:
    """The source of `run(inputs)`, and the names that it uses."""
    names: dict[str, Any] = {"np": np}
    last: dict[Value, int] = {}
    for k, step in enumerate(program.steps):
        for v in step.uses:
            last[v] = k
    kept = {*program.results, *program.constants}
    lines = ["def run(inputs):"]
    if program.inputs:
        lines.append(f"    {', '.join(map(repr, program.inputs))}, = inputs")
    for value, array in program.constants.items():
        names[repr(value)] = array

    def literal(x: Any) -> Any:
        if isinstance(x, Value):
            return _Name(repr(x))
        if isinstance(x, tuple | list):
            return type(x)(map(literal, x)) if type(x) in (tuple, list) else x
        if isinstance(x, dict):
            return {k: literal(v) for k, v in x.items()}
        if x is None or x is Ellipsis or isinstance(x, bool | str) or (isinstance(x, int | float) and x == x and abs(x) < 1e300 and type(x) in (int, float)):
            return _Name(repr(x))
        if isinstance(x, slice):
            return _Name(f"slice({literal(x.start)!r}, {literal(x.stop)!r}, {literal(x.step)!r})")
        name = f"k{len(names)}"
        names[name] = x
        return _Name(name)

    for k, step in enumerate(program.steps):
        function = "f_" + step.primitive.replace(".", "_")
        names[function] = function_of(step.primitive)
        args = [repr(literal(a)) for a in step.args] + [f"{n}={literal(a)!r}" for n, a in step.kwargs.items()]
        lines.append(f"    {', '.join(map(repr, step.results))}{',' * (len(step.results) > 1)} = {function}({', '.join(args)})")
        gone = [v for v in dict.fromkeys(step.uses) if last[v] == k and v not in kept]
        gone += [v for v in step.results if v not in last and v not in kept]
        if gone:
            lines.append(f"    del {', '.join(map(repr, gone))}")
    lines.append(f"    return [{', '.join(map(repr, program.results))}]")
    return "\n".join(lines) + "\n", names
