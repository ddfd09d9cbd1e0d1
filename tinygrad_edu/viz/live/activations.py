"""Activations that can stand for one another in a page: which one is computed, a number says.

In a program such an activation, and each reading of its rule, is one step, `activation(which, ...)`; what each name
computes is written down once, as a routine of its own, for all places at which it can stand.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np

from ...op import REGISTRY, Op
from ...program.array import ProgramArray
from ...program.coding import encoded
from ...program.primitives import METHODS
from ...program.program import Program, Step
from ...program.writer import Writer
from ...recording import Recording

# `positive` is none at all
ACTIVATIONS = (
    "relu", "tanh", "sigmoid", "leaky_relu", "elu", "silu", "gelu_tanh", "softplus", "sin", "positive",
)  # fmt: skip


def activation(which: Any, *arrays: Any, names: Any, attributes: Any, back: bool) -> Any:
    """The value of number `which` of the activations of `arrays = (x,)`, or with `back` its rule, of `(g, y, x)`."""
    found = _computed(names[int(which)], {} if which else attributes, back, arrays)
    return np.broadcast_to(found, np.broadcast_shapes(*map(np.shape, arrays)))


METHODS["activation"] = activation


def _computed(name: str, attributes: dict[str, Any], back: bool, arrays: Any) -> Any:
    op = REGISTRY[name]
    return op.vjps[0](*arrays, **attributes) if back else op.forward(*arrays, **attributes)


def chosen(op: Op, names: tuple[str, ...], which: ProgramArray) -> Op:
    """An activation that is one of several: number `which` of them; the first is its own."""

    def call(back: bool, arrays: Any, attributes: dict[str, Any]) -> Any:
        kwargs = {"names": names, "attributes": attributes, "back": back}
        return which.writer.call("activation", (which, *arrays), kwargs)

    found = copy.copy(op)
    found.forward = lambda x, **attributes: call(False, (x,), attributes)
    found.vjps = (lambda g, y, x, **attributes: call(True, (g, y, x), attributes),)
    found.fresh, found.view = True, False
    return found


def with_routines(steps: list[Step]) -> tuple[list[Step], list[Program]]:
    """The steps with numbers of routines in place of names, and these routines, each once."""
    routines: dict[str, int] = {}
    alike: dict[str, list[int]] = {}  # the routines of all names, for each kind of step
    programs: list[Program] = []

    def number(name: str, attributes: dict[str, Any], back: bool, dtypes: list[Any]) -> int:
        key = json.dumps([name, back, encoded(attributes, {}), [d.str for d in dtypes]])
        if key not in routines:
            routines[key] = len(programs)
            programs.append(_routine(name, attributes, back, dtypes))
        return routines[key]

    def all_numbers(names: Any, attributes: dict[str, Any], back: bool, dtypes: list[Any]) -> list[int]:
        key = json.dumps([names, back, encoded(attributes, {}), [d.str for d in dtypes]])
        if key not in alike:
            alike[key] = [number(name, {} if k else attributes, back, dtypes) for k, name in enumerate(names)]
        return alike[key]

    found = []
    for step in steps:
        if step.primitive == "activation":
            names, attributes, back = (step.kwargs[k] for k in ("names", "attributes", "back"))
            dtypes = [v.dtype for v in step.uses[1:]]
            numbers = all_numbers(names, attributes, back, dtypes)
            step = Step("activation", step.args, {"routines": numbers}, step.results)
        found.append(step)
    return found, programs


def _routine(name: str, attributes: dict[str, Any], back: bool, dtypes: list[Any]) -> Program:
    """What an activation computes, entry by entry: its program for arrays of one entry."""
    writer = Writer()
    with Recording(), np.errstate(all="ignore"):
        arrays = [writer.input(np.full(1, 0.5, dtype)) for dtype in dtypes]
        found = _computed(name, attributes, back, arrays)
    return writer.program([writer.reference(found)], ["result"])
