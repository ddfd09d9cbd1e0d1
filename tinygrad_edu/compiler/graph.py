"""Results of a compiled function in a graph: one node, whose gradients are computed by a program as well."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backward import gradients
from ..engine import Each, Op, Variable, note
from ..errors import GraphError
from ..recording import Recording, recorder
from .trees import apart, put_together, taken_apart


class Call:
    """One call whose results are differentiable: what it was given, and its gradients once one of them is asked for."""

    def __init__(self, plan: Any, inputs: list[Any], called: Any) -> None:
        self.plan, self.called = plan, called
        self.inputs = [
            x.copy() if isinstance(x, np.ndarray) and place.kind == "value" and not place.owner.flags else x
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
        if i == len(xs) - 1:
            self.last = None, None
        return found

    def _pulled(self, which: int, g: Any) -> list[Any]:
        shapes = dict(zip(self.plan.which, self.plan.backward.inputs[self.plan.given :], strict=True))
        cotangents = [np.asarray(g) if k == which else np.zeros(v.shape, v.dtype) for k, v in shapes.items()]
        return self.plan.pullback(self.inputs, cotangents)

    def _again(self, which: int, g: Any, xs: Sequence[Any]) -> list[Any]:
        """Gradients that can be differentiated again: of the function as it stands."""
        if any(place.kind == "drawn" for place in self.plan.sources):
            raise GraphError(
                "compile: a second derivative needs a function that draws nothing; got random numbers in it; "
                "differentiate the function that was compiled"
            )
        leaves: list[Any] = []
        taken_apart(self.called, leaves)
        given = list(leaves)
        for key, x in zip(self.plan.written.inputs, xs, strict=True):
            if isinstance(key, int):
                given[key] = x
        with Recording():
            args, kwargs = put_together(self.called, iter(given))
            found: list[Any] = []
            apart(self.plan.function(*args, **kwargs), found)
            return gradients([(found[which], g)], list(xs), create_graph=True)


def in_graph(call: Call, arrays: dict[int, Any], tracked: Sequence[Any]) -> dict[int, Any]:
    """The results of a call that are differentiable, as tensors that remember it."""
    flags = functools.reduce(operator.or_, (x.flags for x in tracked))
    return {
        k: note(y, flags, _compiled, tuple(tracked), {"call": call, "which": k}, recorder.get())
        for k, y in arrays.items()
        if k in call.plan.which
    }


def _compiled_rule(i: int) -> Any:
    def rule(g: Any, y: Any, *xs: Any, call: Call, which: int) -> Any:
        return call.gradient(i, which, g, xs)

    return rule


_compiled = Op(
    "compiled",
    lambda *xs, call, which: None,
    Each(_compiled_rule),
    kind="checkpoint",
    doc="A compiled function; its gradient is computed by a program as well.",
)
