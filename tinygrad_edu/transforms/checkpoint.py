"""checkpoint: trade a second forward pass for the memory of inner results."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import engine, random
from ..annotations import Function
from ..backward import gradients, history, parents
from ..batched import BatchedArray
from ..engine import NEEDS, Variable, births
from ..errors import GraphError
from ..functions.arguments import fresh, lift
from ..functions.settings import settings
from ..holders import fingerprint, values_of
from ..ops.layout import alias
from ..recording import Recording, no_grad, recording, tracer
from . import tree
from .joint import Joint, joint_op, noted, packed, passes, replaced, unpacked

OTHER = (
    "checkpoint: the function must compute the same when it is called again; got {}: something that it uses was "
    "changed, or is random; pass what changes as arguments, and draw from generators of tg.random"
)


class Segment(Joint):
    """What a checkpointed call remembers: the function, and what it drew from generators."""

    def __init__(
        self, f: Function, drawn: random.Draws, inputs: Sequence[Variable], outsiders: list[Variable], used: list[int]
    ) -> None:
        super().__init__([*inputs, *outsiders])
        self.f, self.drawn, self.given, self.outsiders, self.used = f, drawn, len(inputs), outsiders, used

    def __repr__(self) -> str:
        return getattr(self.f, "__name__", "function")

    def run(self, *xs: Any) -> Any:
        with random.Draws(self.drawn):
            return self.f(*xs)

    def value(self, *xs: Any) -> Any:
        """The output for arrays."""
        with no_grad():
            return self.run(*map(engine.constant, xs[: self.given]))._data

    def input(self, x: Any, needed: bool) -> Any:
        x = x if isinstance(x, Variable) else engine.constant(x)
        return fresh("checkpoint", x) if needed else x.detach()

    def gradients(self, g: Any, y: Any, xs: Sequence[Any]) -> list[Any]:
        graph = isinstance(g, Variable)
        with Recording():
            inputs = [self.input(x, needed) for x, needed in zip(xs, self.needs[: self.given], strict=False)]
            start = births()  # after the inputs: what they were made from is not asked for
            again = self.run(*inputs)
        # the outsiders are those of the first time: what needs a gradient since then was a constant
        if _used(again, start, [*inputs, *self.outsiders]) != self.used:
            raise GraphError(OTHER.format("other constants"))
        _must_agree(again._data, y._data if graph else y)
        wrt = [*inputs, *self.outsiders]
        return gradients([(again, g)], wrt, create_graph=graph, oldest=start)


def _used(output: Variable, start: int, inputs: Sequence[Variable]) -> list[int]:
    """Fingerprints of the leaves, not among `inputs`, that a computation since `start` used, newest use first."""
    own = {x.born for x in inputs}
    if tracer() is not None:  # which run again with all that they use
        return []
    return [
        fingerprint(np.asarray(values_of(x._data)))
        for t in history(output, constants=False)
        if t.born >= start
        for x in parents(t)
        if x.op is None and x.born not in own
    ]


def _must_agree(again: Any, before: Any) -> None:
    """The second computation must give what the first gave, to rounding."""
    if (by := tracer()) is not None and by.unknown(before):
        return
    if isinstance(before, BatchedArray):
        return _must_agree(again.values, before.values)
    tolerance = 64 * float(np.finfo(before.dtype).eps)
    if not np.allclose(
        again, before, rtol=tolerance, atol=tolerance * float(np.max(np.abs(before), initial=0)), equal_nan=True
    ):
        raise GraphError(OTHER.format("another value"))


def _outsiders(output: Any, start: int, inputs: Sequence[Variable]) -> list[Variable]:
    """The variables born before `start`, not as inputs, that a recorded computation used, newest first."""
    seen = {output.born: output} if output.flags & NEEDS and output.born < start else {}
    for t in history(output, constants=False):
        if t.born < start:
            break
        seen |= {x.born: x for x in parents(t) if x.flags & NEEDS and x.born < start}
    return [seen[born] for born in sorted(seen.keys() - {x.born for x in inputs}, reverse=True)]


_checkpoint = joint_op(
    "checkpoint", "checkpoint", "A function whose inner results are computed again when its gradient is needed."
)


@settings
def checkpoint(f: Function) -> Callable[..., Any]:
    """`f`, forgetting its inner results: less memory, for a second forward pass in `backward()`.

    Arguments and results may be trees (see `tg.tree`) of tensors; other arguments, and keywords, are passed on.
    Called again, `f` must compute the same (checked), and draws the same from generators of `tg.random`; what it
    changes outside itself, as batch norm its running statistics, changes twice.
    Source: T. Chen et al., "Training deep nets with sublinear memory cost" (2016).
    Errors: a GraphError where `f` returns what is no tensor, or computes something else when it is called again.

    >>> import tinygrad_edu as tg
    >>> block = tg.checkpoint(lambda x: tg.tanh(tg.exp(x)))
    >>> tg.grad(block)(0.0).item() == tg.grad(lambda x: tg.tanh(tg.exp(x)))(0.0).item()
    True
    """

    @functools.wraps(f)
    def wrapped(*args: object, **kwargs: object) -> Any:
        leaves, form = tree.flatten(args, lambda x: x is not args and tree.is_array(x))
        places = [i for i, x in enumerate(leaves) if isinstance(x, Variable | np.ndarray | float | list)]
        inputs = [lift(leaves[i], "checkpoint") for i in places]

        def run(*xs: Any) -> Any:
            full = list(leaves)
            for i, x in zip(places, xs, strict=True):
                full[i] = x
            return f(*tree.unflatten(form, full), **kwargs)

        given = [alias(x) if x.flags and recording.get() else x for x in inputs]  # f may also use x by another way
        start = births()
        with random.Draws() as drawn:
            result = run(*given)
        outputs, shape = tree.flatten(result)
        if wrong := [x for x in outputs if not isinstance(x, Variable)]:
            raise GraphError(
                f"checkpoint: the function must return tensors; got {type(wrong[0]).__name__}; use tg.asarray"
            )
        floats = list(filter(passes, outputs))
        if not (any(y.flags & NEEDS for y in floats) and (by := recording.get())):
            return result
        y = packed(floats)
        outsiders = _outsiders(y, start, given)
        again = lambda *xs: packed(list(filter(passes, tree.leaves(run(*xs)))))
        segment = Segment(again, drawn, inputs, outsiders, _used(y, start, [*given, *outsiders]))
        return replaced(shape, outputs, unpacked(noted(y, _checkpoint, [*inputs, *outsiders], segment, by), floats))

    return wrapped
