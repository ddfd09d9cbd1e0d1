"""Functions of functions: gradients, tangents, Jacobians. They nest, to any order.

Each runs the function on fresh variables, so that one transform inside another differentiates with
respect to its own, and no two are confused. A result can itself be differentiated whenever it
depends on something that is being differentiated outside.
"""

from __future__ import annotations

import functools
import operator
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from .. import engine
from ..backward import gradients, history
from ..engine import Variable, births
from ..errors import DTypeError, GraphError, LostGradientWarning, ShapeError
from ..functions.arguments import Function, as_tuple, fresh, lift
from ..functions.creation import zeros, zeros_like
from ..functions.layout import reshape
from ..functions.settings import settings
from ..ops.layout import alias
from ..recording import Departure, Recording, departures, recording, stack_level
from ..tensor import Tensor
from .forward import push
from .vmap import vmap


class Trace:
    """One run of `f` on fresh variables in place of some of its arguments."""

    def __init__(self, who: str, f: Function, args: Sequence[Any], argnums: Sequence[int], kwargs: Any = None):
        self.who, self.start, self.outer = who, births(), recording.get()
        tensors = list(args)
        self.inputs: list[Any] = []
        with Recording():
            for i in argnums:
                if not -len(args) <= i < len(args):
                    raise ValueError(f"{who}: argnums must name arguments; got {i} of {len(args)}; count from 0")
                self.inputs.append(fresh(who, args[i]))
                tensors[i] = alias(self.inputs[-1])  # which `f` may write into
                tensors[i].name = self.inputs[-1].name
            self.departed: list[Departure] = []
            token = departures.set(self.departed)
            try:
                self.result = f(*tensors, **(kwargs or {}))
            finally:
                departures.reset(token)
                if (outer := departures.get()) is not None:  # what left this run may be the outer one's
                    outer += self.departed
        self.outputs = tuple(map(lift, as_tuple(self.result)))

    def differentiable_outside(self, *others: Any) -> bool:
        """Whether a result depends on something, but for the inputs, that needs a gradient."""
        if not self.outer:
            return False
        if any(isinstance(x, Variable) and x.flags for x in others) or any(x.inputs for x in self.inputs):
            return True
        own = {x.born for x in self.inputs}
        return any(
            t.born < self.start for t in history(*self.outputs, constants=False) if t.flags and t.born not in own
        )  # fmt: skip

    def pull(self, cotangents: Sequence[Any]) -> tuple[Tensor, ...]:
        """The gradients of `sum <output, cotangent>` by the inputs."""
        self.check_departures()
        graph = self.differentiable_outside(*cotangents)
        tensors = [
            _fitting("vjp", "a cotangent", "output", g, y) for y, g in zip(self.outputs, cotangents, strict=True)
        ]
        seeds = [(y, g if graph else g._data) for y, g in zip(self.outputs, tensors, strict=True)]
        found = gradients(seeds, self.inputs, create_graph=graph)
        return tuple(found) if graph else tuple(map(engine.constant, found))

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
        plain = [y for y in as_tuple(self.result) if not isinstance(y, Variable)]
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
        scalars = any(not d.tensor.shape for d in left)
        if any(t.born > left[0].when and _may_come_back(t, scalars) for t in found):
            warnings.warn(
                f"{self.who}: no gradient passes through values that left the graph ({at}) and come back as "
                f"constants; {remedy}, or detach() first if none is wanted",
                LostGradientWarning,
                stacklevel=stack_level(),
            )

    def shaped(self, parts: Sequence[Any]) -> Any:
        """Parts, one for each output, in the form in which the function returned its outputs."""
        return type(self.result)(parts) if isinstance(self.result, tuple | list) else parts[0]

    def values(self) -> Any:
        """The outputs, without a history that reaches only the fresh inputs."""
        keep = self.differentiable_outside()
        return self.shaped([y if keep else y.detach() for y in self.outputs])


def _may_come_back(t: Variable, scalars: bool) -> bool:
    """Whether a constant can be made of values that left the graph: no integers or truth values, as indices and
    masks are; a Python float only where a scalar left."""
    kind = np.asarray(t._data).dtype.kind if not hasattr(t._data, "dtype") else t._data.dtype.kind
    return t.op is None and not t.flags and kind in "fc" and (scalars or not isinstance(t._data, float))


def _fitting(who: str, what: str, of: str, v: Any, like: Any) -> Any:
    """A cotangent or a tangent as a tensor, of the shape and dtype of what it belongs to."""
    v = lift(v, who)
    if v.shape != like.shape:
        raise ShapeError(
            f"{who}: {what} must have its {of}'s shape {like.shape}; got {v.shape}; use zeros_like and fill in"
        )
    return v if v.dtype == like.dtype else v.astype(like.dtype)


def _numbers(who: str, argnums: int | Sequence[int]) -> tuple[int, ...]:
    try:
        numbers = tuple(map(operator.index, as_tuple(argnums)))
    except TypeError:
        raise DTypeError(f"{who}: argnums must be integers; got {argnums!r}; count arguments from 0") from None
    if len(set(numbers)) != len(numbers):
        raise ValueError(f"{who}: argnums must differ; got {argnums}; name each argument once")
    return numbers


def _as_asked(argnums: int | Sequence[int], parts: tuple[Any, ...]) -> Any:
    """One result for a number, a tuple for several."""
    return parts if isinstance(argnums, tuple | list) else parts[0]


@settings
def value_and_grad(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """A function that returns `(f(*args), gradient)`; see `grad`."""
    numbers = _numbers("grad", argnums)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        trace = Trace("grad", f, args, numbers, kwargs)
        y = trace.outputs[0]
        if len(trace.outputs) != 1 or y.size != 1:
            got = f"a tuple of {len(trace.outputs)}" if len(trace.outputs) != 1 else f"shape {y.shape}"
            raise ShapeError(f"grad: the function must return one scalar; got {got}; use .sum(), vjp or jacobian")
        found = trace.pull([engine.constant(np.ones_like(y._data)[()])])
        return trace.values(), _as_asked(argnums, found)

    return wrapped


@settings
def grad(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """The gradient of a scalar function by argument `argnums`; a tuple of them for a tuple.

    >>> import tinygrad_edu as tg
    >>> tg.grad(lambda x: x**3)(2.0).item()
    12.0
    >>> tg.grad(tg.grad(lambda x: x**3))(2.0).item()
    12.0
    """
    both = value_and_grad(f, argnums)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return wrapped


@settings
def vjp(f: Function, *primals: Any) -> tuple[Any, Function]:
    """`f(*primals)`, and the pullback: from a cotangent of the output to a tuple of gradients.

    >>> import tinygrad_edu as tg
    >>> y, pullback = tg.vjp(lambda a, b: a * b, 2.0, 5.0)
    >>> [g.item() for g in pullback(1.0)]
    [5.0, 2.0]
    """
    trace = Trace("vjp", f, primals, range(len(primals)))

    def pullback(cotangent: Any) -> tuple[Tensor, ...]:
        many = isinstance(trace.result, tuple | list)
        cotangents = tuple(cotangent) if many else (cotangent,)
        if len(cotangents) != len(trace.outputs):
            raise ShapeError(
                f"vjp: needs a cotangent for each of {len(trace.outputs)} outputs; got {len(cotangents)}; pass a tuple"
            )
        return trace.pull(cotangents)

    return trace.values(), pullback


@settings
def jvp(f: Function, primals: Any, tangents: Any) -> tuple[Any, Any]:
    """`f(*primals)`, and its directional derivative along `tangents`, in forward mode.

    >>> import tinygrad_edu as tg
    >>> y, dy = tg.jvp(lambda x: x**3, (2.0,), (1.0,))
    >>> y.item(), dy.item()
    (8.0, 12.0)
    """
    primals, tangents = as_tuple(primals), as_tuple(tangents)
    if len(primals) != len(tangents):
        raise ShapeError(
            f"jvp: needs a tangent for each primal; got {len(tangents)} for {len(primals)}; pass tuples of equal length"
        )
    trace = Trace("jvp", f, primals, range(len(primals)))
    directions = [_fitting("jvp", "a tangent", "primal", t, x) for x, t in zip(trace.inputs, tangents, strict=True)]
    graph = trace.differentiable_outside(*directions)
    seeds = [(x, t if graph else t._data) for x, t in zip(trace.inputs, directions, strict=True)]
    with np.errstate(all="ignore"), Recording() if graph else nullcontext():
        found = push(trace.outputs, seeds, create_graph=graph)
    moves = [
        zeros_like(y) if t is None else t if graph else engine.constant(t)
        for y, t in zip(trace.outputs, found, strict=True)
    ]
    return trace.values(), trace.shaped(moves)


@settings
def jacobian(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """All derivatives of all outputs: `J[i..., j...] = d f[i...] / d x[j...]`, by reverse mode.

    The shape is the output's followed by the input's. All rows are pulled back at once.

    >>> import tinygrad_edu as tg
    >>> tg.jacobian(lambda x: x**2)(tg.Tensor([1.0, 2.0])).data
    array([[2., 0.],
           [0., 4.]], dtype=float32)
    """
    numbers = _numbers("jacobian", argnums)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        trace = Trace("jacobian", f, args, numbers, kwargs)

        def rows(k: int) -> Any:
            y = trace.outputs[k]
            if not y.size:
                return _as_asked(argnums, tuple(zeros(y.shape + x.shape, dtype=x.dtype) for x in trace.inputs))
            nought = [zeros_like(other) for other in trace.outputs]
            basis = np.eye(y.size, dtype=y.dtype).reshape(y.size, *y.shape)
            found = vmap(lambda g: trace.pull([*nought[:k], g, *nought[k + 1 :]]))(basis)
            return _as_asked(
                argnums, tuple(reshape(j, y.shape + x.shape) for j, x in zip(found, trace.inputs, strict=True))
            )

        return trace.shaped([rows(k) for k in range(len(trace.outputs))])

    return wrapped


@settings
def hessian(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """All second derivatives of a scalar function: the Jacobian of its gradient.

    >>> import tinygrad_edu as tg
    >>> tg.hessian(lambda x: (x**3).sum())(tg.Tensor([1.0, 2.0])).data
    array([[ 6.,  0.],
           [ 0., 12.]], dtype=float32)
    """
    return jacobian(grad(f, argnums), argnums)


@settings
def hvp(f: Function, primals: Any, tangents: Any) -> Any:
    """The Hessian of a scalar function times a vector, without the Hessian: `jvp` of `grad`."""
    numbers = tuple(range(len(as_tuple(primals))))
    moves = jvp(grad(f, numbers), primals, tangents)[1]
    return moves[0] if len(numbers) == 1 else moves
