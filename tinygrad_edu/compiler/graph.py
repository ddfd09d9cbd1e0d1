"""Results of a compiled function in a graph: one node, whose gradients are computed by a program as well."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backward import gradients
from ..batched import BatchedArray
from ..batched.examples import by_example
from ..engine import NEEDS, Variable, births, constant, note
from ..errors import GraphError
from ..functions.arguments import fresh
from ..op import Each, Op
from ..recording import Recording, recorder
from .trees import Results

if TYPE_CHECKING:
    from ..compiler.trees import Arguments
    from ..program.written import Place


class CompiledCall:
    """One call whose results are differentiable: what it was given, and its gradients once one of them is asked for."""

    def __init__(self, plan: Any, inputs: list[Any], called: Arguments, results: Sequence[Any]) -> None:
        self.plan, self.called = plan, called
        self.types = [(np.shape(y), y.dtype) for y in results]
        self.inputs = [
            x.copy() if isinstance(x, np.ndarray) and _may_change(place, called.leaves) else x
            for x, place in zip(inputs, plan.sources)
        ]
        self.last: tuple[Any, Any] = (None, None)

    def __repr__(self) -> str:
        return getattr(self.plan.function, "__name__", "function")

    def gradient(self, i: int, which: int, g: Any, xs: Sequence[Any]) -> Any:
        """The gradient of input `i` for the cotangent `g` of one result."""
        if self.last[0] is not g:
            self.last = g, self._again(which, g, xs) if isinstance(g, Variable) else self._pulled(which, g)
        found = self.last[1][i]
        if i == len(self.plan.written.inputs) - 1:
            self.last = None, None
        return found

    def _pulled(self, which: int, g: Any) -> Sequence[Any]:
        if isinstance(g, BatchedArray):  # many cotangents, as for a Jacobian
            found: Sequence[Any] = by_example(lambda one: tuple(self._pulled(which, one)), (g,), {})
            return found
        cotangents = [np.asarray(g) if k == which else np.zeros(*self.types[k]) for k in self.plan.which]
        return self.plan.pullback(self.inputs, cotangents)

    def _again(self, which: int, g: Any, xs: Sequence[Any]) -> list[Any]:
        """Gradients that can be differentiated again: of the function as it stands."""
        if any(place.kind == "drawn" for place in self.plan.sources):
            raise GraphError(
                "compile: a second derivative needs a function that draws nothing; got random numbers in it; "
                "differentiate the function that was compiled"
            )
        given = list(self.called.leaves)
        wanted = list(self.plan.written.inputs)
        with Recording():
            for k, key in enumerate(wanted):
                if isinstance(key, int):
                    wanted[k] = given[key] = fresh("compile", xs[k])
            start = births()
            args, kwargs = self.called.filled(given)
            found = Results(self.plan.function(*args, **kwargs)).found
            return gradients([(found[which], g)], wanted, create_graph=True, oldest=start)


def _may_change(place: Place, leaves: Sequence[Any]) -> bool:
    """Whether the memory of an input may be written into before its gradient is asked for, without a trace."""
    if place.kind == "value":
        return not place.owner.flags
    return place.kind == "argument" and not isinstance(leaves[place.key], Variable)


def in_graph(call: CompiledCall, arrays: Sequence[Any]) -> list[Any]:
    """The results of a call, as tensors; those that are differentiable remember it."""
    leaves = call.called.leaves
    tracked = [leaves[key] if isinstance(key, int) else key for key in call.plan.written.inputs]
    others = [x for x in leaves if isinstance(x, Variable) and not x.flags & NEEDS]  # must not change until then
    flags = functools.reduce(operator.or_, (x.flags for x in tracked))
    return [
        note(y, flags, _compiled, (*tracked, *others), {"call": call, "which": k}, recorder.get())
        if k in call.plan.which
        else constant(y)
        for k, y in enumerate(arrays)
    ]


def ended(y: object) -> Any:
    """A result that has a history which was used up."""
    return note(y, NEEDS, _ended, (SPENT,), None, recorder.get())


def _refused(g: object, y: object, spent: object) -> Any:
    raise GraphError(
        "compile: results of a function that calls backward() or zero_grad() keep no graph; got a gradient for one of "
        "them; call backward() within the function only, or use the result's detach()"
    )


_ended = Op("ended", lambda spent: spent, (_refused,), kind="checkpoint", doc="A result whose graph was used up.")
SPENT = constant(np.zeros(()))
SPENT.flags = NEEDS


def _compiled_rule(i: int) -> Any:
    def rule(g: object, y: object, *xs: object, call: CompiledCall, which: int) -> Any:
        return call.gradient(i, which, g, xs)

    return rule


_compiled = Op(
    "compiled",
    lambda *xs, call, which: None,
    Each(_compiled_rule),
    kind="checkpoint",
    doc="A compiled function; its gradient is computed by a program as well.",
)
