"""A program as one Python function of straight lines, each of which calls NumPy or machine code for a run of steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..program.any_length import LengthFormula
from ..program.passes.simplify import simplified, stages
from ..program.primitives import function_of
from ..program.program import Program, Step, Value
from . import native
from .rows import by_rows
from .windows import expanded

LITERAL = (bool, str, type(None), type(Ellipsis))


class Executor:
    """Runs a program: with llvmlite in machine code where there is a kernel for a step, else on NumPy.

    `changed` says which results take the place of which inputs. If all is machine code, they are written there, once
    all is computed, and the run gives None for them.
    """

    def __init__(
        self,
        program: Program,
        fast: bool = False,
        changed: dict[int, int] | None = None,
        passing: set[int] | None = None,
    ) -> None:
        self.program = _apart(simplified(program, fast))
        self.read = program
        self.fast = fast
        self.kernels: list[Any] = []
        self.parts: list[Any] = []  # kernels, and steps on NumPy between them, in order
        self.whole: Any = None
        self.changed = changed or {}
        self.passing = set(range(len(program.inputs))) if passing is None else passing
        self.careful: Executor | None = None  # writes nothing in place
        self.steps = by_rows(expanded(self.program)) if native.available() else self.program.steps
        if native.available() and self.steps and all(map(native.can, self.steps)):
            self._native()
        else:
            self.source, names = self._python()
            exec(compile(self.source, "<program>", "exec"), names)
            self.function = names["run"]

    def _native(self) -> None:
        """All of the program as one native function."""
        program = self.program
        changed = {program.results[k]: program.inputs[i] for k, i in self.changed.items()}
        changed = {v: x for v, x in changed.items() if program.results.count(v) == 1 and v not in program.inputs}
        self.whole = native.Whole(program, self.steps, changed, self.passing, self.fast)
        self.kernels = self.parts = [self.whole.kernels]
        self.source = self.whole.kernels.module.text

    def __call__(self, arrays: Sequence[Any]) -> list[Any]:
        calls, results = self.begun(arrays)
        for function, *args in calls:
            function(*args)
        return results

    def begun(self, arrays: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Calls of functions of C that are still to be made, and the results, which they fill."""
        if self.whole is not None:
            results = self.whole.prepared(arrays)
            if results is not None:
                return [self.whole.call()], results
            if self.careful is None:
                self.careful = Executor(self.program, self.fast)
            return [], self.careful(arrays)
        with np.errstate(all="ignore"):
            return [], self.function(arrays)

    def stages(self) -> dict[str, Program]:
        """The program as it was read, and after each pass, by name."""
        return {**stages(self.read, self.fast), "what runs": self.program}

    def explain(self) -> str:
        """How many steps are computed where."""
        inside = sum(len(k.steps) for k in self.kernels)
        loops = sum(len(k.lowering.kernels) for k in self.kernels)
        text = f"{len(self.steps)} steps: {inside} in {loops} loops and products of {len(self.kernels)} native "
        text += f"functions, {len(self.steps) - inside} on NumPy"
        if not native.available():
            text += " (llvmlite is not installed: pip install 'tinygrad_edu[compile]')"
        own = sum(k.size for k in self.kernels)
        return text + (f"; {own} bytes of memory between them" if self.kernels else "")

    def _python(self) -> tuple[str, dict[str, Any]]:
        """The source of `run(inputs)`, and the names that it uses."""
        program = self.program
        names: dict[str, Any] = {}
        parts = list(runs(self.steps)) if native.available() else [[step] for step in self.steps]
        last: dict[Value, int] = {}
        for k, part in enumerate(parts):
            last.update({v: k for step in part for v in step.uses})
        kept = {*program.results, *program.constants}
        lines = ["def run(inputs):"]
        if program.inputs:
            lines.append(f"    {', '.join(map(repr, program.inputs))}, = inputs")
        names |= {repr(value): array for value, array in program.constants.items()}
        for k, part in enumerate(parts):
            made = dict.fromkeys(v for step in part for v in step.results)
            if native.available() and native.can(part[0]):
                needed = [v for v in made if v in kept or last.get(v, -1) > k]
                kernels = native.Kernels(program, part, needed, self.fast)
                self.kernels.append(kernels)
                self.parts.append(kernels)
                names[f"native{k}"] = kernels
                results, call = (
                    kernels.outputs,
                    f"native{k}({', '.join(map(repr, [*kernels.inputs, *kernels.numbers]))})",
                )
                lines.append(f"    {''.join(f'{v}, ' for v in results)}= {call}" if results else f"    {call}")
            else:
                (step,) = part
                self.parts.append(step)
                results = list(step.results)
                lines.append(
                    f"    {', '.join(map(repr, results))}{',' * (len(results) > 1)} = {called_as_python(step, names)}"
                )
            gone = [v for v, where in last.items() if where == k and v not in kept and (v not in made or v in results)]
            gone += [v for v in results if v not in last and v not in kept]
            if gone:
                lines.append(f"    del {', '.join(map(repr, gone))}")
        lines.append(f"    return [{', '.join(map(repr, program.results))}]")
        return "\n".join(lines) + "\n", names


def _apart(program: Program) -> Program:
    """Results that became one value are copies, each in memory of its own."""
    number = program.free_number()
    steps, results = list(program.steps), list(program.results)
    for k, v in enumerate(results):
        if v in results[:k]:
            results[k] = Value(number + k, v.shape, v.dtype, v.weak)
            steps.append(Step("copy", (v,), {}, (results[k],)))
    return program.with_steps(steps, results) if len(steps) > len(program.steps) else program


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


def called_as_python(step: Step, names: dict[str, Any]) -> str:
    """A step as Python; what has no literal gets a name."""

    def literal(x: object) -> str:
        if isinstance(x, Value | LengthFormula):
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
