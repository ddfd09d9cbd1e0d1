"""`dynamic=`: one program for all lengths of an axis, which runs on NumPy."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine import NEEDS, Variable
from ..errors import GraphError
from ..program.any_length import NAMES, FilledArray, Merge, lengths
from ..program.passes.common import with_common_steps_once, without_dead_steps
from ..program.program import Program
from ..tensor import Tensor
from .execute import called_as_python
from .trees import Arguments


class Dynamic:
    """Which axes of a call's arguments may have any length, and how long they are now."""

    def __init__(self, function: object, dynamic: Any, args: Any, kwargs: Any, called: Arguments) -> None:
        self.called = called
        if dynamic is True:
            arrays = [i for i, x in enumerate(called.leaves) if _is_array(x) and np.ndim(x)]
            n = np.shape(called.leaves[arrays[0]])[0] if arrays else 0
            self.axes = {i: 0 for i in arrays if np.shape(called.leaves[i])[0] == n}
        else:
            self.axes = _named(function, dynamic, args, kwargs, called)
        found = {np.shape(called.leaves[i])[axis] for i, axis in self.axes.items()}
        if len(found) != 1 or 0 in found:
            raise ValueError(
                f"compile: axes that dynamic= names must have one length, of 1 or more; got {sorted(found) or 'none'}; "
                "pass arguments of the same length"
            )
        (self.length,) = found

    def form(self) -> Any:
        """Of which form the arguments are, whatever the length."""
        shape, kinds, alike = self.called.form
        kinds = tuple(
            tuple(_without(part, self.axes[i]) for part in kind) if i in self.axes else kind
            for i, kind in enumerate(kinds)
        )
        return shape, kinds, alike, tuple(self.axes.items())

    def stretched(self) -> list[Arguments]:
        """The call with arguments of three lengths, which repeat what these have."""
        return [self._of_length(n) for n in lengths(self.length)]

    def _of_length(self, n: int) -> Arguments:
        if n == self.length:
            return self.called
        leaves = list(self.called.leaves)
        for i, axis in self.axes.items():
            x = leaves[i]
            data = x._data if isinstance(x, Variable) else x
            data = np.concatenate([data] * (n // self.length), axis=axis)
            leaves[i] = Tensor(data, requires_grad=bool(x.flags & NEEDS)) if isinstance(x, Variable) else data
            if isinstance(x, Variable):
                leaves[i].name = x.name
        filled = self.called.filled(leaves)
        return Arguments(*filled)


def _is_array(x: object) -> bool:
    return isinstance(x, Variable | np.ndarray)


def _without(part: Any, axis: int) -> Any:
    is_shape = isinstance(part, tuple) and len(part) > axis and all(type(k) is int for k in part)
    return (*part[:axis], None, *part[axis + 1 :]) if is_shape else part


def _named(function: Any, dynamic: Any, args: Any, kwargs: Any, called: Arguments) -> dict[int, int]:
    """`{"x": {0: "batch"}}` or `{"x": 0}`, as axes of leaves."""
    call = function.forward if hasattr(function, "forward") and not inspect.isroutine(function) else function
    given = inspect.signature(call).bind(*args, **kwargs).arguments
    if not isinstance(dynamic, dict) or not dynamic.keys() <= given.keys():
        raise ValueError(
            f"compile: dynamic must be True, for the first axis of each argument, or name axes of "
            f"{', '.join(given) or 'no arguments'}; got {dynamic!r}; write "
            f"dynamic={{{next(iter(given), 'x')!r}: {{0: 'batch'}}}}"
        )
    found = {}
    for name, axes in dynamic.items():
        (axis,) = axes if isinstance(axes, dict) else (axes,)
        x = given[name]
        place = next((i for i, leaf in enumerate(called.leaves) if leaf is x), None)
        if place is None or not _is_array(x) or not -np.ndim(x) <= axis < np.ndim(x):
            raise ValueError(
                f"compile: dynamic must name an axis of a tensor or an array; got axis {axis} of {name}, "
                f"{type(x).__name__}; name another"
            )
        found[place] = axis % np.ndim(x)
    return found


class AnyLength:
    """Runs a program for any length on NumPy, as an `Executor` runs one for given shapes."""

    whole: Any = None
    changed: dict[int, int] = {}  # noqa: RUF012
    kernels: list[Any] = []  # noqa: RUF012
    parts: list[Any] = []  # noqa: RUF012

    def __init__(self, merge: Merge, program: Program) -> None:
        self.program = program = without_dead_steps(with_common_steps_once(program))
        self.steps = program.steps
        known = [(k, merge.axes[v]) for k, v in enumerate(program.inputs) if v in merge.axes]
        place, axis = known[0]
        names: dict[str, Any] = dict(NAMES)
        lines = ["def run(inputs):", f"    n = inputs[{place}].shape[{axis}]"]
        if program.inputs:
            lines.append(f"    {', '.join(map(repr, program.inputs))}, = inputs")
        for v, array in program.constants.items():
            names[f"c{v.number}"] = array
            lines.append(f"    {v} = c{v.number}" + (".at(n)" if isinstance(array, FilledArray) else ""))
        for step, gone in zip(program.steps, program.last_uses(), strict=True):
            results = ", ".join(map(repr, step.results)) + "," * (len(step.results) > 1)
            lines.append(f"    {results} = {called_as_python(step, names)}")
            lines += [f"    del {', '.join(map(repr, gone))}"] if gone else []
        lines.append(f"    return [{', '.join(map(repr, program.results))}]")
        self.source = "\n".join(lines) + "\n"
        exec(compile(self.source, "<program>", "exec"), names)
        self.function = names["run"]

    def __call__(self, arrays: Sequence[Any]) -> list[Any]:
        with np.errstate(all="ignore"):
            found: list[Any] = self.function(arrays)
        return found

    def begun(self, arrays: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """No calls that are still to be made, and the results."""
        return [], self(arrays)

    def explain(self) -> str:
        """What runs where."""
        return (
            f"{len(self.steps)} steps on NumPy, for any length of an axis (dynamic=); without it, machine code for one"
        )

    def stages(self) -> dict[str, Program]:
        """The program as it was read, which is what runs."""
        return {"as read": self.program}


def merged(written: Sequence[Any], sizes: Sequence[int]) -> Merge:
    """The program for any length, from what was written down for three; all else must be the same."""
    merge = Merge([w.program for w in written], sizes)
    for parts in zip(*[w.result.parts for w in written], strict=True):
        if any(part != parts[0] for part in parts):
            raise GraphError(
                "compile: with dynamic=, a function must return tensors, and numbers that do not depend on the length; "
                f"got {parts[0][1]!r}; read the shape of a result outside"
            )
    if (
        len({tuple(map(_place, w.targets)) for w in written}) > 1
        or len({tuple(map(_drawn, w.sources)) for w in written}) > 1
    ):
        raise merge.refused("other inputs or outputs for other lengths")
    return merge


def _place(place: Any) -> Any:
    return place.kind, id(place.owner) if place.kind != "check" else None, repr(place.key)


def _drawn(place: Any) -> Any:
    return place.kind, repr(place.key) if place.kind == "drawn" else None
