"""Right to left: walks over the graph, newest first, and the one that differentiates.

`history` lists everything that led to an output. `pull` visits the variables that led to an output and applies the
chain rule (reverse-mode differentiation, backpropagation). Birth order is a topological order, so a variable's gradient
is complete when the variable is visited: whatever used it is younger. Gradients of inner variables are freed as they
are used up.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import nullcontext
from heapq import heappop, heappush
from typing import Any

import numpy as np

from .annotations import Array
from .batched import RUNNING, BatchedArray, levels
from .engine import NEEDS, SCALARS, Variable, constant, zeros_like
from .errors import GraphError
from .holders import USED
from .op import REGISTRY, Op, Together
from .recording import TRACERS, Recording, recorder, tracing
from .sums import HALF, WIDER
from .values import decided


def parents(t: Variable) -> tuple[Variable, ...]:
    """The inputs of `t` as they were when `t` was born."""
    born = t.born
    for x in t.inputs:
        if x.store is not USED:
            x.notice()
        if x.born >= born:
            t.inputs = tuple([x.as_of(t) for x in t.inputs])
            break
    return t.inputs


def shown_inputs(t: Variable) -> tuple[Variable, ...]:
    """The inputs of `t` to be looked at: as they were, or, where that was not kept, as they are now."""
    found = []
    for x in t.inputs:
        past: Variable | None = x
        while past is not None and past.born >= t.born:
            past = past.past
        found.append(x if past is None else past)
    return tuple(found)


def history(*outputs: Variable, constants: bool = True) -> Iterator[Variable]:
    """Everything that led to `outputs`, newest first. A leaf that was changed since is shown as it is now."""
    seen = {t.born: t for t in outputs}
    leaves: set[int] = set()
    heap = sorted((-born, t) for born, t in seen.items())
    while heap:
        _, t = heappop(heap)
        del seen[t.born]  # nothing older than t can lead back to it, but to a leaf that was changed
        if t.op is None:
            leaves.add(t.born)
        yield t
        for x in shown_inputs(t):
            if x.born > t.born:  # changed since: shown at once, and once
                if x.born not in leaves:
                    leaves.add(x.born)
                    yield x
            elif (constants or x.flags) and x.born not in seen:
                seen[x.born] = x
                heappush(heap, (-x.born, x))


def pull(
    cotangents: Iterable[tuple[Variable, Any]], create_graph: bool = False, oldest: int = 0
) -> Iterator[tuple[Variable, Any]]:
    """Right to left: yield each variable with its gradient, complete, newest first.

    Gradients are arrays, or variables with `create_graph`. Nothing born before `oldest` is visited.
    """
    steps = recorder.get().pulled(_chain_rule(cotangents, create_graph, oldest))
    return by.walked(steps) if TRACERS and (by := tracing.get()) else steps


def _chain_rule(
    cotangents: Iterable[tuple[Variable, Any]], create_graph: bool, oldest: int
) -> Iterator[tuple[Variable, Any]]:
    grads: dict[int, Any] = {}
    heap: list[tuple[int, Variable]] = []  # births are unique, so variables are never compared
    masked: set[int] = set()  # births whose gradient came through masks only, which can make it exactly 0
    wide: set[int] = set()  # the births of variables of float16 whose gradient is being added up in float32
    sums: set[int] = set()  # births whose gradient is an array of this walk alone, into which more can be added
    for y, g in cotangents:
        if y.born in grads:
            grads[y.born] = grads[y.born] + g
        elif y.flags & NEEDS:
            grads[y.born] = g
            heappush(heap, (-y.born, y))
    while heap:
        born, t = heappop(heap)
        g = grads.pop(-born)
        if wide and -born in wide:
            g = REGISTRY["astype"](g, dtype=HALF)
        if t.hooks is not None:
            g = hooked(t, g, create_graph)
        yield t, g
        op = t.op
        if op is None or -born <= oldest:
            continue
        inputs = parents(t)
        vjps, attributes = op.vjps, t.attributes
        y, xs = (t, inputs) if create_graph else (t._data, [x._data for x in inputs])
        if vjps.__class__ is Together:
            vjps, xs = vjps.once(xs), ()
        by = tracing.get() if TRACERS else None
        if by is not None:
            for x in inputs:
                by.take(x)
            vjps = by.rules(op, vjps)
        below = op.masks or -born in masked
        for i, x in enumerate(inputs):
            if not x.flags & NEEDS or (vjp := vjps[i]) is None:
                continue
            n = x.born
            if i == 0 and op.add is not None and n in sums and g.__class__ is np.ndarray:
                op.add(grads[n], g, *xs[1:], **attributes or {})  # a slice, into the places that it was taken from
                if not below:
                    masked.discard(n)
                continue
            try:
                gx = vjp(g, y, *xs, **attributes) if attributes else vjp(g, y, *xs)
            except Exception as error:
                error.add_note(f"backward: while computing the gradient of input {i} of {op}")
                raise
            value, like = gx._data if create_graph else gx, x._data
            if (cls := value.__class__) is like.__class__ and cls in SCALARS:
                pass  # the class says it all, and faster
            elif value.shape != like.shape or value.dtype is not like.dtype or cls is BatchedArray:
                gx = fit(op, gx, x)
            if below and op.kind.entrywise and gx is not g and not op.masks:  # a mask multiplies by 0 or 1
                gx = keep_zeros(g, gx)
            if by is not None:
                by.gave(t, i, gx)
            if n in grads:
                if gx.dtype is HALF:
                    gx = REGISTRY["astype"](gx, dtype=WIDER[HALF])
                    wide.add(n)
                if n in sums and gx.__class__ is np.ndarray:
                    grads[n] += gx
                else:  # never += at first: a rule may hand the same array to two inputs
                    grads[n] = total = grads[n] + gx
                    if total.__class__ is np.ndarray:
                        sums.add(n)
                if not below:
                    masked.discard(n)
            else:
                grads[n] = gx
                heappush(heap, (-n, x))
                if below:
                    masked.add(n)


def hooked(t: Variable, g: Any, create_graph: bool) -> Any:
    """The gradient of `t` after its hooks: each is given it as a tensor, and may give another in its place."""
    by = tracing.get() if TRACERS else None
    for hook in list((t.hooks or {}).values()):
        given = g if create_graph else constant(+g)  # a copy: the walk goes on with `g`
        new = hook(given) if by is None else by.watched(hook, given)
        if new is None:
            continue
        if not isinstance(new, Variable) or new._data.shape != t._data.shape:
            raise GraphError(
                f"register_hook: a hook must give None or a gradient of shape {tuple(t._data.shape)}; got "
                f"{tuple(new._data.shape) if isinstance(new, Variable) else type(new).__name__}; return g, or nothing"
            )
        new = new if new._data.dtype == t._data.dtype else REGISTRY["astype"](new, dtype=t._data.dtype)
        g = new if create_graph else new._data
    return g


def fit(op: Op, gx: Any, x: Variable) -> Any:
    """Give a gradient the shape and dtype of its variable, undoing broadcasting if `op` did any.

    So is that over the hidden axis of a `vmap` undone, once it is left: a variable that is the same for all examples
    gets the sum of their gradients. As long as it runs, each example differentiates for itself.
    """
    gx = for_all_examples(gx, x, RUNNING)
    shape = tuple(x._data.shape)
    if tuple(gx.shape) != shape:
        try:
            allowed = op.broadcasts and np.broadcast_shapes(gx.shape, shape) == gx.shape
        except ValueError:
            allowed = False
        if not allowed:
            raise GraphError(
                f"{op}: its rule must give a gradient of its input's shape {shape}; "
                f"it gave {tuple(gx.shape)}; correct the rule"
            )
        gx = REGISTRY["sum_to"](gx, shape=shape)
    return gx if gx.dtype == x._data.dtype else REGISTRY["astype"](gx, dtype=x._data.dtype)


def for_all_examples(gx: object, x: Variable, each: Container[int]) -> Any:
    """The sum of a gradient over the examples of each `vmap` at which `x` is not batched, but for the levels `each`."""
    own = dict(levels(x._data))
    for level, size in levels(gx._data if isinstance(gx, Variable) else gx):
        if level not in own and level not in each:
            gx = REGISTRY["total_batch"](gx, level=level, size=size)
    return gx


def _finite(values: Array) -> bool:
    return bool(np.isfinite(values).all())


def keep_zeros(g: Any, gx: Any) -> Any:
    """Where no gradient comes in, none goes out, even through an infinite local derivative.

    This is what `where(x > 0, log(x), 0)` needs at x = 0: its gradient into the log is exactly 0.
    """
    if g.shape != gx.shape or decided(gx._data if isinstance(gx, Variable) else gx, _finite, otherwise=False):
        return gx
    nothing = REGISTRY["equal"](g, 0)
    if isinstance(gx, Variable):  # it may be differentiated again, by g too: what is finite keeps its slope
        nothing = REGISTRY["logical_and"](nothing, REGISTRY["logical_not"](REGISTRY["isfinite"](gx)))
    return REGISTRY["where"](nothing, 0 * g, gx)


def gradients(
    cotangents: Iterable[tuple[Variable, Any]],
    wrt: Sequence[Variable],
    create_graph: bool = False,
    oldest: int | None = None,
) -> list[Any]:
    """The gradients of `sum <output, cotangent>` with respect to each of `wrt`; zero if unused."""
    oldest = min((x.born for x in wrt), default=0) if oldest is None else oldest
    wanted = {x.born for x in wrt}
    with np.errstate(all="ignore"), Recording() if create_graph else nullcontext():
        found = {t.born: g for t, g in pull(cotangents, create_graph, oldest) if t.born in wanted}
        return [found[x.born] if x.born in found else zeros_like(x if create_graph else x._data) for x in wrt]
