"""Functions of functions: gradients, tangents, Jacobians, batches. They nest, to any order.

Each runs the function on fresh variables, so that one transform inside another differentiates with
respect to its own, and no two are confused. A result can itself be differentiated whenever it
depends on something that is being differentiated outside.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from . import engine, ops, random
from .batched import has_level
from .engine import NEEDS, Each, Op, Variable, births, gradients, history
from .errors import DTypeError, GraphError, ShapeError
from .forward import push
from .functions.common import lift, normal_axis
from .functions.creation import zeros_like
from .functions.layout import reshape
from .recording import Mode, recording
from .tensor import Tensor

Function = Callable[..., Any]


class Trace:
    """One run of `f` on fresh variables in place of some of its arguments."""

    def __init__(self, who: str, f: Function, args: Sequence[Any], argnums: Sequence[int], kwargs: Any = None):
        self.start, self.outer = births(), recording.get()
        tensors = list(args)
        self.inputs: list[Any] = []
        with Mode(self.outer or "graph"):
            for i in argnums:
                if not -len(args) <= i < len(args):
                    raise ValueError(f"{who}: argnums must name arguments; got {i} of {len(args)}; count from 0")
                self.inputs.append(_fresh(who, args[i]))
                tensors[i] = self.inputs[-1]
            self.result = f(*tensors, **(kwargs or {}))
        self.outputs = tuple(map(lift, self.result)) if isinstance(self.result, tuple) else (lift(self.result),)

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
        graph = self.differentiable_outside(*cotangents)
        seeds = [(y, _seed(y, g, graph)) for y, g in zip(self.outputs, cotangents, strict=True)]
        found = gradients(seeds, self.inputs, create_graph=graph)
        return tuple(found) if graph else tuple(map(engine.constant, found))

    def shaped(self, parts: Sequence[Any]) -> Any:
        """Parts, one for each output, in the form in which the function returned its outputs."""
        return tuple(parts) if isinstance(self.result, tuple) else parts[0]

    def values(self) -> Any:
        """The outputs, without a history that reaches only the fresh inputs."""
        keep = self.differentiable_outside()
        return self.shaped([y if keep else y.detach() for y in self.outputs])


def _fresh(who: str, x: Any) -> Any:
    x = lift(x, who)
    if x.dtype.kind != "f":
        raise DTypeError(
            f"{who}: can only differentiate by floating-point arguments; got {x.dtype}; pass floats "
            "(1.0, not 1), or choose other argnums"
        )
    new = ops.alias(x) if x.flags and recording.get() else engine.constant(x._data)
    new.flags |= NEEDS
    new.name = x.name
    return new


def _seed(y: Any, g: Any, graph: bool) -> Any:
    g = lift(g, "vjp")
    if g.shape != y.shape:
        raise ShapeError(
            f"vjp: a cotangent must have its output's shape {y.shape}; got {g.shape}; use zeros_like and fill in"
        )
    g = g if g.dtype == y.dtype else g.astype(y.dtype)
    return g if graph else g._data


def _numbers(argnums: int | Sequence[int]) -> tuple[int, ...]:
    return (argnums,) if isinstance(argnums, int) else tuple(argnums)


def value_and_grad(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """A function that returns `(f(*args), gradient)`; see `grad`."""

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        trace = Trace("grad", f, args, _numbers(argnums), kwargs)
        y = trace.outputs[0]
        if len(trace.outputs) != 1 or y.size != 1:
            got = f"a tuple of {len(trace.outputs)}" if len(trace.outputs) != 1 else f"shape {y.shape}"
            raise ShapeError(f"grad: the function must return one scalar; got {got}; use .sum(), vjp or jacobian")
        found = trace.pull([engine.constant(np.ones_like(y._data)[()])])
        return trace.values(), found[0] if isinstance(argnums, int) else found

    return wrapped


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


def vjp(f: Function, *primals: Any) -> tuple[Any, Function]:
    """`f(*primals)`, and the pullback: from a cotangent of the output to a tuple of gradients.

    >>> import tinygrad_edu as tg
    >>> y, pullback = tg.vjp(lambda a, b: a * b, 2.0, 5.0)
    >>> [g.item() for g in pullback(1.0)]
    [5.0, 2.0]
    """
    trace = Trace("vjp", f, primals, range(len(primals)))

    def pullback(cotangent: Any) -> tuple[Tensor, ...]:
        many = isinstance(trace.result, tuple)
        cotangents = tuple(cotangent) if many else (cotangent,)
        if len(cotangents) != len(trace.outputs):
            raise ShapeError(
                f"vjp: needs a cotangent for each of {len(trace.outputs)} outputs; got {len(cotangents)}; pass a tuple"
            )
        return trace.pull(cotangents)

    return trace.values(), pullback


def _tuple(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, tuple | list) else (x,)


def jvp(f: Function, primals: Any, tangents: Any) -> tuple[Any, Any]:
    """`f(*primals)`, and its directional derivative along `tangents`, in forward mode.

    >>> import tinygrad_edu as tg
    >>> y, dy = tg.jvp(lambda x: x**3, (2.0,), (1.0,))
    >>> y.item(), dy.item()
    (8.0, 12.0)
    """
    primals, tangents = _tuple(primals), _tuple(tangents)
    if len(primals) != len(tangents):
        raise ShapeError(
            f"jvp: needs a tangent for each primal; got {len(tangents)} for {len(primals)}; pass tuples of equal length"
        )
    trace = Trace("jvp", f, primals, range(len(primals)))
    directions = []
    for x, t in zip(trace.inputs, tangents, strict=True):
        t = lift(t, "jvp")
        if t.shape != x.shape:
            raise ShapeError(f"jvp: a tangent must have its primal's shape {x.shape}; got {t.shape}; reshape it")
        directions.append(t if t.dtype == x.dtype else t.astype(x.dtype))
    graph = trace.differentiable_outside(*directions)
    seeds = [(x, t if graph else t._data) for x, t in zip(trace.inputs, directions, strict=True)]
    with np.errstate(all="ignore"), Mode("graph") if graph else nullcontext():
        found = push(trace.outputs, seeds, create_graph=graph)
    moves = [
        zeros_like(y) if t is None else t if graph else engine.constant(t)
        for y, t in zip(trace.outputs, found, strict=True)
    ]
    return trace.values(), trace.shaped(moves)


def jacobian(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """All derivatives of all outputs: `J[i..., j...] = d f[i...] / d x[j...]`, by reverse mode.

    The shape is the output's followed by the input's. All rows are pulled back at once.

    >>> import tinygrad_edu as tg
    >>> tg.jacobian(lambda x: x**2)(tg.Tensor([1.0, 2.0])).data
    array([[2., 0.],
           [0., 4.]], dtype=float32)
    """
    numbers = _numbers(argnums)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        trace = Trace("jacobian", f, args, numbers, kwargs)

        def rows(k: int) -> Any:
            y = trace.outputs[k]
            zeros = [zeros_like(other) for other in trace.outputs]
            basis = np.eye(y.size, dtype=y.dtype).reshape(y.size, *y.shape)
            found = vmap(lambda g: trace.pull([*zeros[:k], g, *zeros[k + 1 :]]))(basis)
            parts = tuple(reshape(j, y.shape + x.shape) for j, x in zip(found, trace.inputs, strict=True))
            return parts[0] if isinstance(argnums, int) else parts

        return trace.shaped([rows(k) for k in range(len(trace.outputs))])

    return wrapped


def hessian(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """All second derivatives of a scalar function: the Jacobian of its gradient.

    >>> import tinygrad_edu as tg
    >>> tg.hessian(lambda x: (x**3).sum())(tg.Tensor([1.0, 2.0])).data
    array([[ 6.,  0.],
           [ 0., 12.]], dtype=float32)
    """
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Function, primals: Any, tangents: Any) -> Any:
    """The Hessian of a scalar function times a vector, without the Hessian: `jvp` of `grad`."""
    numbers = tuple(range(len(_tuple(primals))))
    moves = jvp(grad(f, numbers), primals, tangents)[1]
    return moves[0] if len(numbers) == 1 else moves


def vmap(f: Function, in_axes: Any = 0, out_axes: int = 0) -> Function:
    """`f` on every example of a batch at once, written for one example.

    `in_axes` says which axis of each argument counts the examples; None gives all the same one.

    >>> import tinygrad_edu as tg
    >>> tg.vmap(tg.grad(lambda x: x**2))(tg.Tensor([1.0, 2.0, 3.0])).data
    array([2., 4., 6.], dtype=float32)
    """

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        axes = tuple(in_axes) if isinstance(in_axes, tuple | list) else (in_axes,) * len(args)
        if len(axes) != len(args):
            raise ValueError(
                f"vmap: in_axes must name an axis for each argument; got {len(axes)} for {len(args)}; "
                "use None for no axis"
            )
        start = births()
        tensors = [a if k is None else lift(a, "vmap") for a, k in zip(args, axes, strict=True)]
        axes = tuple(k if k is None else normal_axis("vmap", k, a.ndim) for a, k in zip(tensors, axes, strict=True))
        sizes = {a.shape[k] for a, k in zip(tensors, axes, strict=True) if k is not None}
        if len(sizes) != 1:
            raise ShapeError(
                f"vmap: the batched axes must have one length; got {sorted(sizes) or 'none'}; check in_axes"
            )
        (size,) = sizes
        if not size:
            raise ShapeError("vmap: the batch must have an example; got an axis of length 0; guard before")
        batch = [
            a if k is None else ops.enter_batch(a, level=start, axis=k, size=size)
            for a, k in zip(tensors, axes, strict=True)
        ]
        result = f(*batch, **kwargs)
        outputs = [lift(y) for y in _tuple(result)]
        _repeat_outsiders(outputs, start, size)
        shown = [ops.leave_batch(y, level=start, axis=out_axes % (y.ndim + 1), size=size) for y in outputs]
        return (
            type(result)(shown)
            if type(result) in (tuple, list)
            else tuple(shown)
            if isinstance(result, tuple)
            else shown[0]
        )

    return wrapped


def _repeat_outsiders(outputs: Sequence[Variable], start: int, size: int) -> None:
    """Where a batched operation used a variable that is one for all examples, note that it was
    repeated: so the gradients of the examples are added up on their way out of the batch."""
    for t in history(*outputs, constants=False):
        if t.born < start:
            break
        if t.op is not None and t.op.kind != "batch" and has_level(t._data, start):
            inputs = engine.parents(t)
            for i, x in enumerate(inputs):
                if x.flags and not has_level(x._data, start):
                    t.inputs = (*t.inputs[:i], _repeated(x, t, start, size), *t.inputs[i + 1 :])


def _repeated(x: Variable, user: Variable, level: int, size: int) -> Variable:
    """`x` repeated, born between `x` and its user: a fraction that no other variable has."""
    with Mode("graph"):
        y: Any = ops.repeat_batch(x, level=level, size=size)
    taken = {other.born for other in user.inputs}
    born: float = max(x.born, user.born - 1)
    while born in taken or born == user.born - 1:
        born = (born + user.born) / 2
    y.born = born
    return y


class Segment:
    """What a checkpointed call remembers: the function, and the shared generator's state."""

    def __init__(self, f: Function, given: int) -> None:
        self.f, self.given = f, given
        self.state = random.shared().numpy.bit_generator.state
        self.last: tuple[Any, Any] = (None, None)

    def __repr__(self) -> str:
        return getattr(self.f, "__name__", "function")

    def run(self, *xs: Any) -> Any:
        generator = random.shared().numpy.bit_generator
        now, generator.state = generator.state, self.state
        try:
            return self.f(*xs)
        finally:
            generator.state = now

    def gradients(self, g: Any, xs: Sequence[Any]) -> Any:
        """All gradients, computed when the first is asked for."""
        if self.last[0] is not g:
            graph = isinstance(g, Variable)
            start = births()
            with Mode("graph"):
                inputs = [_fresh("checkpoint", x) if x.dtype.kind == "f" else lift(x) for x in xs[: self.given]]
                y = self.run(*inputs)
            wrt = [*inputs, *_outsiders([y], start)]
            self.last = g, gradients([(y, g)], wrt, create_graph=graph, oldest=start)
        return self.last[1]


def _outsiders(outputs: Sequence[Any], start: int) -> list[Variable]:
    """The variables born before `start` that a recorded computation used, newest first."""
    seen: dict[int, Variable] = {}
    for t in history(*outputs, constants=False):
        if t.born < start:
            break
        seen |= {x.born: x for x in engine.parents(t) if x.flags & NEEDS and x.born < start}
    return [seen[born] for born in sorted(seen, reverse=True)]


def _segment_rule(i: int) -> Any:
    def rule(g: Any, y: Any, *xs: Any, segment: Segment) -> Any:
        return segment.gradients(g, xs)[i]

    return rule


_checkpoint = Op(
    "checkpoint",
    lambda *xs, segment: segment.value,
    Each(_segment_rule),
    kind="checkpoint",
    doc="A function whose inner results are computed again when its gradient is needed.",
)


def checkpoint(f: Function) -> Function:
    """`f`, forgetting its inner results: less memory, for a second forward pass in `backward()`.

    `f` takes tensors and returns one tensor. Source: T. Chen et al., "Training deep nets with
    sublinear memory cost" (2016).
    """

    @functools.wraps(f)
    def wrapped(*args: Any) -> Any:
        start = births()
        inputs = [lift(x, "checkpoint") for x in args]
        segment = Segment(f, len(inputs))
        y = f(*inputs)
        if not isinstance(y, Variable):
            raise GraphError(
                f"checkpoint: the function must return one tensor; got {type(y).__name__}; concat its results"
            )
        if not (y.flags & NEEDS and recording.get()):
            return y
        own = {x.born for x in inputs}
        others = [x for x in _outsiders([y], start) if x.born not in own]
        return engine.note(y._data, y.flags, _checkpoint, (*inputs, *others), {"segment": segment}, "graph")

    return wrapped


def custom_op(name: str, forward: Function, vjps: Any = (), **declaration: Any) -> Op:
    """Declare an operation of your own: it gets all that the built-in ones have.

    `forward(*arrays, **attributes)` computes it; `vjps[i](g, y, *arrays, **attributes)` is the rule
    for input `i`, written with operators and ops so that it can be read on arrays and on tensors.
    Say `kind="elementwise"` if inputs broadcast; see `engine.Op` for the rest of the declaration.

    >>> import numpy as np, tinygrad_edu as tg
    >>> cube = tg.custom_op("cube", lambda x: x**3, lambda g, y, x: g * (3 * x**2))
    >>> tg.hessian(cube)(2.0).item()
    12.0
    """
    known = engine.REGISTRY.get(name)
    if known is not None and not getattr(known, "custom", False):
        raise ValueError(f"custom_op: the name must be new; got {name!r}, a built-in op; choose another")
    rules = (vjps,) if callable(vjps) else vjps
    if isinstance(rules, tuple | list):
        rules = tuple(rule and _unwrapped(rule) for rule in rules)
    op = Op(name, forward, rules, **{"kind": "custom"} | declaration)
    op.custom = True
    return op


def _unwrapped(rule: Function) -> Function:
    """A rule that, given arrays, returns an array, even if it called functions of tensors."""

    @functools.wraps(rule)
    def read(g: Any, *args: Any, **attributes: Any) -> Any:
        gx = rule(g, *args, **attributes)
        return gx._data if isinstance(gx, Variable) and not isinstance(g, Variable) else gx

    return read
