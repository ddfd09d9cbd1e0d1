"""Gradients of tensors that were computed already, by tensors that they were computed from: `tg.autograd.grad`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .backward import gradients, history
from .engine import NEEDS, Variable, constant, describe
from .errors import DTypeError, GraphError, ShapeError
from .functions.arguments import as_tuple, lift
from .functions.settings import settings
from .interop.names import guide as _guide
from .ops import conj
from .tensor import Tensor


@settings
def grad(
    outputs: object,
    inputs: object,
    grad_outputs: object = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | Any, ...]:
    """The gradient of a result by inputs or inner results, as a tuple; no `.grad` is touched.

    `outputs` and `inputs` are a tensor or several. `grad_outputs` are the gradients of something by the outputs; an
    output of one entry needs none. With `create_graph`, the result can be differentiated again. An input that no
    output depends on is refused, with `allow_unused` gives None, with `materialize_grads` zeros. The graph always
    stays, so that `retain_graph` changes nothing. Source: `torch.autograd.grad`.
    Errors: a ShapeError unless there is a gradient for each output; a GraphError for such an input.

    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor(3.0, requires_grad=True)
    >>> h = x * x
    >>> y = 5 * h
    >>> [g.item() for g in tg.autograd.grad(y, (h, x))]
    [5.0, 30.0]
    """
    ys, xs = _tensors("outputs", outputs), _tensors("inputs", inputs)
    given = as_tuple(grad_outputs) if grad_outputs is not None else (None,) * len(ys)
    if len(given) != len(ys):
        raise ShapeError(
            f"autograd.grad: needs a gradient for each output; got {len(given)} for {len(ys)}; pass a tuple"
        )
    seeds = [(y, _seed(y, g)) for y, g in zip(ys, given, strict=True)]
    reached = {t.born for t in history(*ys, constants=False)}
    unused = [x for x in xs if x.born not in reached]
    if unused and not (allow_unused or materialize_grads):
        raise GraphError(
            f"autograd.grad: the outputs must depend on each input; got {describe(unused[0])}, which they do not; pass "
            "allow_unused=True for None, or materialize_grads=True for zeros"
        )
    found = gradients([(y, g if create_graph else g._data) for y, g in seeds], xs, create_graph)
    found = found if create_graph else [constant(g) for g in found]
    found = [conj(g) if g.dtype.kind == "c" else g for g in found]  # as backward() has it
    return tuple([g if x.born in reached or materialize_grads else None for x, g in zip(xs, found, strict=True)])


def _tensors(what: str, x: object) -> list[Any]:
    several: Sequence[Any] = x if isinstance(x, tuple | list) else (x,)
    for t in several:
        if not isinstance(t, Variable):
            raise TypeError(f"autograd.grad: {what} must be tensors; got {type(t).__name__}; pass tensors of the graph")
        if not t.flags & NEEDS:
            raise GraphError(
                f"autograd.grad: {what} must need a gradient; got {describe(t)}, which does not; use "
                "requires_grad=True before computing"
            )
    return list(several)


def _seed(y: Any, g: Any) -> Any:
    if g is None:
        if y.size != 1:
            raise ShapeError(
                f"autograd.grad: an output of more than one entry needs its gradient; got shape {y.shape}; pass "
                "grad_outputs, or sum it"
            )
        return constant(np.ones_like(y._data)[()])
    g = lift(g, "autograd.grad")
    if g.shape != y.shape:
        raise ShapeError(f"autograd.grad: a gradient must have its output's shape {y.shape}; got {g.shape}; reshape it")
    if y.dtype.kind == "c":
        return conj(g.astype(y.dtype))
    if g.dtype.kind == "c":
        raise DTypeError(f"autograd.grad: the gradient of a real output must be real; got {g.dtype}; take its .real")
    return g.astype(y.dtype)


__all__ = ["grad"]

_guide(__name__, "tg.autograd", __all__)
