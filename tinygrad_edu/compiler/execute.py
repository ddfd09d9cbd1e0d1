"""A program as one Python function of straight lines, each of which calls NumPy or machine code for a run of steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..program.passes import simplified
from ..program.primitives import function_of
from ..program.program import Program, Step, Value
from . import native

LITERAL = (bool, str, type(None), type(Ellipsis))


class Executor:
    """Runs a program: with llvmlite in machine code where there is a kernel for a step, else on NumPy."""

    def __init__(self, program: Program, fast: bool = False) -> None:
        self.program = simplified(program)
        self.kernels: list[Any] = []
        self.source, names = self._python(fast and True)
        exec(compile(self.source, "<program>", "exec"), names)
        self.function = names["run"]

    def __call__(self, arrays: Sequence[Any]) -> list[Any]:
        with np.errstate(all="ignore"):
            return self.function(arrays)

    def explain(self) -> str:
        """How many steps are computed where."""
        inside = sum(len(k.steps) for k in self.kernels)
        loops = sum(len(k.lowering.kernels) for k in self.kernels)
        text = f"{len(self.program.steps)} steps: {inside} in {loops} loops and products of {len(self.kernels)} native "
        text += f"functions, {len(self.program.steps) - inside} on NumPy"
        if not native.available():
            text += " (llvmlite is not installed: pip install 'tinygrad_edu[compile]')"
        own = sum(k.size for k in self.kernels)
        return text + (f"; {own} bytes of memory between them" if self.kernels else "")

    def _python(self, fast: bool) -> tuple[str, dict[str, Any]]:
        """The source of `run(inputs)`, and the names that it uses."""
        program = self.program
        names: dict[str, Any] = {}
        parts = list(runs(program.steps)) if native.available() else [[step] for step in program.steps]
        last: dict[Value, int] = {}
        for k, part in enumerate(parts):
            last.update({v: k for step in part for v in step.uses})
        kept = {*program.results, *program.constants}
        lines = ["def run(inputs):"]
        if program.inputs:
            lines.append(f"    {', '.join(map(repr, program.inputs))}, = inputs")
        names |= {repr(value): array for value, array in program.constants.items()}
        for k, part in enumerate(parts):
            made = {v for step in part for v in step.results}
            if native.available() and native.can(part[0]):
                needed = {v for v in made if v in kept or last.get(v, -1) > k}
                kernels = native.Kernels(program, part, needed, fast)
                self.kernels.append(kernels)
                names[f"native{k}"] = kernels
                results, call = (
                    kernels.outputs,
                    f"native{k}({', '.join(map(repr, [*kernels.inputs, *kernels.numbers]))})",
                )
                lines.append(f"    {''.join(f'{v}, ' for v in results)}= {call}" if results else f"    {call}")
            else:
                (step,) = part
                results = list(step.results)
                lines.append(f"    {', '.join(map(repr, results))}{',' * (len(results) > 1)} = {_call(step, names)}")
            gone = [v for v, where in last.items() if where == k and v not in kept and (v not in made or v in results)]
            gone += [v for v in results if v not in last and v not in kept]
            if gone:
                lines.append(f"    del {', '.join(map(repr, gone))}")
        lines.append(f"    return [{', '.join(map(repr, program.results))}]")
        return "\n".join(lines) + "\n", names


def runs(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """Steps with kernels that follow each other, together; each other step alone."""
    part: list[Step] = []
    for step in steps:
        if native.can(step):
            part.append(step)
            continue
        if part:
            yield part
            part = []
        yield [step]
    if part:
        yield part


def _call(step: Step, names: dict[str, Any]) -> str:
    """A step as Python; what has no literal gets a name."""

    def literal(x: Any) -> str:
        if isinstance(x, Value):
            return repr(x)
        if type(x) is tuple:
            return f"({''.join(f'{literal(part)}, ' for part in x)})"
        if type(x) is list:
            return f"[{', '.join(map(literal, x))}]"
        if isinstance(x, slice):
            return f"slice({literal(x.start)}, {literal(x.stop)}, {literal(x.step)})"
        if isinstance(x, LITERAL) or type(x) is int or (type(x) is float and abs(x) < 1e300):
            return repr(x)
        names[name := f"k{len(names)}"] = x
        return name

    function = "f_" + step.primitive.replace(".", "_")
    names[function] = function_of(step.primitive)
    args = [literal(a) for a in step.args] + [f"{n}={literal(a)}" for n, a in step.kwargs.items()]
    return f"{function}({', '.join(args)})"
