"""A replay as what `page/machine.js` takes: data for JSON, without code in it."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from ...program.coding import encoded
from ...program.program import Program, Step
from .activations import with_routines
from .replay import Replay, Slots

SCRIPTS = (
    "arrays",
    "indexing",
    "elementwise",
    "reductions",
    "layout",
    "windows",
    "linalg",
    "complex",
    "machine",
)  # in the order of loading
TABLES = {"windows", "linalg"}  # those that no other script needs
SIGNED = {"linalg.eigh", "linalg.svd"}  # their results are unique but for signs, which shall stay those of this run
ENTRY = re.compile(r'^  "?([a-z_][\w.]*)"?(?=[:,(])', re.MULTILINE)


def source(told: dict[str, Any] | None = None) -> str:
    """The scripts that define `Machine`, as one text; without the tables of primitives that a description has not."""
    programs = [] if told is None else [told["program"], *told["routines"]]
    used = {step[0] for program in programs for step in program["steps"]} if programs else primitives()
    scripts = [name for name in SCRIPTS if name not in TABLES or used & _names(name)]
    complex_too = not programs or any(kind[1][1] == "c" for program in programs for kind in program["values"])
    return "\n".join(_script(name) if name != "complex" or complex_too else "const COMPLEX = null;" for name in scripts)


@cache
def _script(name: str) -> str:
    return (files(__package__) / "page" / f"{name}.js").read_text("utf-8")


@cache
def _names(name: str) -> frozenset[str]:
    """The primitives of one script."""
    table = _script(name).partition("const COMPLEX = {\n" if name == "complex" else "Object.assign(PRIMITIVES, {\n")[2]
    return frozenset(ENTRY.findall(table.partition("\n});")[0]))


@cache
def primitives() -> frozenset[str]:
    """The names of the primitives that have JavaScript."""
    return frozenset().union(*(_names(name) for name in SCRIPTS if name != "complex"))


def description(replay: Replay) -> dict[str, Any]:
    """What `new Machine(...)` takes. A step whose primitive has no JavaScript keeps the results of this run.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.viz.graph.reading import read
    >>> from tinygrad_edu.viz.live.replay import replay
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> found = description(replay(read(tg.exp(x).sum(), grads=True)))
    >>> found["nodes"]["n0"]["leaf"], [step[0] for step in found["program"]["steps"]][:2]
    (0, ['exp', 'sum'])
    """
    program, missing = replay.program, without(replay.program)
    signed = [k for k, step in enumerate(program.steps) if step.primitive in SIGNED]
    fixed, near = (_results(program, replay.inputs, steps) for steps in (missing, signed))
    known = [Step(s.primitive, s.args, {} if k in fixed else s.kwargs, s.results) for k, s in enumerate(program.steps)]
    known, routines = with_routines(known)
    return {
        "program": program.with_steps(known).to_data(),
        "routines": [routine.to_data() for routine in routines],
        "data": [encoded(x, {}) for x in replay.inputs],
        "fixed": fixed,
        "near": near,
        "nodes": {key: _node(place) for key, place in replay.places.items()},
        "outputs": [{"key": key, "seed": seed} for key, seed in replay.outputs.items()],
    }


def without(program: Program) -> list[int]:
    """The numbers of the steps whose primitive has no JavaScript, or none for complex numbers."""
    known, of_complex = primitives(), _names("complex")
    return [
        k
        for k, step in enumerate(program.steps)
        if step.primitive
        not in (of_complex if any(v.dtype.kind == "c" for v in (*step.uses, *step.results)) else known)
    ]


def _results(program: Program, inputs: list[Any], steps: list[int]) -> dict[int, Any]:
    """What these steps give in this run."""
    if not steps:
        return {}
    values = [v for k in steps for v in program.steps[k].results]
    known = dict(zip(values, program.with_steps(program.steps, values)(*inputs), strict=True))
    return {k: [encoded(np.asarray(known[v]), {}) for v in program.steps[k].results] for k in steps}


def _node(place: Slots) -> dict[str, Any]:
    choice = {"input": place.choice, "names": list(place.names), "titles": list(place.titles)}
    return {
        "value": place.value, "gradient": place.gradient, "leaf": place.leaf, "parameter": place.parameter,
        "edges": [{"contribution": e.contribution, "derivative": e.derivative} for e in place.edges],
        "choice": None if place.choice is None else choice,
    }  # fmt: skip
