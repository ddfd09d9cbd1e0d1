"""One run of a function on fresh variables in place of its arguments, and how derivatives are read off it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from .. import engine
from ..annotations import ArrayLike, Function
from ..arrays import is_weak
from ..backward import gradients, history
from ..departures import Departure, departures
from ..engine import Variable, births
from ..errors import DTypeError, GraphError, LostGradientWarning, ShapeError
from ..functions.arguments import fresh, lift
from ..functions.creation import zeros_like
from ..ops.layout import alias
from ..recording import Recording, recording, stack_level
from . import tree
from .forward import push


class Trace:
    """One run of `f` on fresh variables in place of the leaves of some of its arguments, which may be trees."""

    def __init__(
        self,
        who: str,
        f: Function,
        args: Sequence[Any],
        argnums: Sequence[int],
        kwargs: dict[str, Any] | None = None,
        aux: bool = False,
    ) -> None:
        self.who, self.start, self.outer = who, births(), recording.get()
        given = list(args)
        self.inputs: list[Any] = []
        self.arguments: list[tree.Structure] = []  # of each argument that is differentiated by
        with Recording():
            for i in argnums:
                if not -len(args) <= i < len(args):
                    raise ValueError(f"{who}: argnums must name arguments; got {i} of {len(args)}; count from 0")
                leaves, structure = tree.flatten(args[i], tree.is_array)
                own = [fresh(who, x) for x in leaves]
                given[i] = tree.unflatten(structure, [_written(x) for x in own])
                self.inputs += own
                self.arguments.append(structure)
            if not self.inputs:
                raise DTypeError(
                    f"{who}: needs an argument to differentiate by; got none that holds a number; pass tensors or "
                    "arrays"
                )
            self.departed: list[Departure] = []
            token = departures.set(self.departed)
            try:
                result = f(*given, **(kwargs or {}))
            finally:
                departures.reset(token)
                if (outer := departures.get()) is not None:  # what left this run may be the outer one's
                    outer += self.departed
        self.aux: Any
        result, self.aux = _with_aux(who, result) if aux else (result, None)
        if result is None:
            raise GraphError(f"{who}: the function must return tensors; got None; end it with return")
        self.leaves, self.form = tree.flatten(result)
        self.outputs = tuple([lift(y, who) for y in self.leaves])

    def differentiable_outside(self, *others: object) -> bool:
        """Whether a result depends on something, but for the inputs, that needs a gradient."""
        if not self.outer:
            return False
        if any(isinstance(x, Variable) and x.flags for x in others) or any(x.inputs for x in self.inputs):
            return True
        own = {x.born for x in self.inputs}
        return any(
            t.born < self.start for t in history(*self.outputs, constants=False) if t.flags and t.born not in own
        )  # fmt: skip

    def pull(self, cotangents: Sequence[Any]) -> list[Any]:
        """The gradients of `sum <output, cotangent>` by the inputs."""
        self.check_departures()
        graph = self.differentiable_outside(*cotangents)
        tensors = [
            _fitting("vjp", "a cotangent", "output", g, y) for y, g in zip(self.outputs, cotangents, strict=True)
        ]
        seeds = [(y, g if graph else g._data) for y, g in zip(self.outputs, tensors, strict=True)]
        found = gradients(seeds, self.inputs, create_graph=graph)
        return found if graph else list(map(engine.constant, found))

    def push(self, tangents: Sequence[tuple[Variable, Any]]) -> list[Any]:
        """The tangents of the outputs, given some of the inputs'; the others are 0."""
        self.check_departures()
        moves = [(x, _fitting("jvp", "a tangent", "primal", t, x)) for x, t in tangents]
        graph = self.differentiable_outside(*[t for _, t in moves])
        with np.errstate(all="ignore"), Recording() if graph else nullcontext():
            found = push(self.outputs, [(x, t if graph else t._data) for x, t in moves], create_graph=graph)
        return [
            zeros_like(y) if t is None else t if graph else engine.constant(t)
            for y, t in zip(self.outputs, found, strict=True)
        ]

    def by_argument(self, parts: Sequence[Any]) -> tuple[Any, ...]:
        """Parts, one for each input, in the form of the arguments."""
        rest = iter(parts)
        return tuple([tree.unflatten(a, [next(rest) for _ in range(a.num_leaves)]) for a in self.arguments])

    def check_departures(self) -> None:
        """Say so if values left the graph in this run, and came back as constants."""
        own = {x.born for x in self.inputs}
        left = [d for d in self.departed if any(t.born in own for t in history(d.tensor, constants=False))]
        if not left:
            return
        at = f"at {left[0].site}"
        remedy = (
            "use tg.stack for np.array, t[i] = v on a tensor for that on an array, X @ w for X.dot(w), tg.exp for "
            "math.exp, a tensor for its .data, item() or tolist()"
        )
        plain = [y for y in self.leaves if not isinstance(y, Variable)]
        if plain:
            raise GraphError(
                f"{self.who}: the function must return tensors; got {type(plain[0]).__name__} made from a tensor's "
                f"values, which left the graph {at}, where no gradient passes; {remedy}"
            )
        found = list(history(*self.outputs))
        if not any(t.born in own for t in found):
            raise GraphError(
                f"{self.who}: the result must depend on the arguments by operations on tensors; got one made from "
                f"values that left the graph {at}, where no gradient passes; {remedy}"
            )
        numbers = any(d.numbers for d in left)
        if any(t.born > left[0].when and may_come_back(t, numbers) for t in found):
            warnings.warn(
                f"{self.who}: no gradient passes through values that left the graph ({at}), from which constants that "
                f"came after may be made; {remedy}, or detach() first if none is wanted",
                LostGradientWarning,
                stacklevel=stack_level(),
            )

    def shaped(self, parts: Sequence[Any]) -> Any:
        """Parts, one for each output, in the form in which the function returned its outputs."""
        return tree.unflatten(self.form, parts)

    def values(self) -> Any:
        """The outputs, without a history that reaches only the fresh inputs."""
        return self.kept(self.shaped(self.outputs))

    def kept(self, x: ArrayLike) -> Any:
        """A tree of what the function computed, its tensors without a history that reaches only the fresh inputs."""
        keep = self.differentiable_outside()
        return x if keep else tree.map(lambda y: y.detach() if isinstance(y, Variable) else y, x)  # type: ignore[attr-defined]


def _written(x: Any) -> Any:
    """An input for the function, which it may write into."""
    y = alias(x)
    y.name = x.name
    return y


def _with_aux(who: str, result: object) -> tuple[Any, Any]:
    if isinstance(result, tuple) and len(result) == 2:
        return result
    got = f"a tuple of {len(result)}" if isinstance(result, tuple) else type(result).__name__
    raise GraphError(f"{who}: with has_aux, the function must return (value, anything); got {got}; return a pair")


def may_come_back(t: Variable, numbers: bool) -> bool:
    """Whether a constant can be made of values that left the graph: no integers or truth values, as indices and
    masks are. Where only arrays left, a Python number of one digit (0.5, 1e-3) is taken for one that was typed."""
    kind = np.asarray(t._data).dtype.kind if not hasattr(t._data, "dtype") else t._data.dtype.kind
    if t.op is not None or t.flags or kind not in "fc":
        return False
    return numbers or not is_weak(t._data) or t._data != float(f"{t._data:.1g}")


def _fitting(who: str, what: str, of: str, v: Any, like: Any) -> Any:
    """A cotangent or a tangent as a tensor, of the shape and dtype of what it belongs to."""
    v = lift(v, who)
    if v.shape != like.shape:
        raise ShapeError(
            f"{who}: {what} must have its {of}'s shape {like.shape}; got {v.shape}; use zeros_like and fill in"
        )
    return v if v.dtype == like.dtype else v.astype(like.dtype)
