"""Forward mode: tangents pushed through the graph, left to right.

No op declares anything for it. A linear op is its own derivative, the rule of an elementwise op
takes the tangent in place of `g`, a product has one term for each factor, and any other rule is
transposed: being linear in `g`, it is differentiated by `g`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..backward import gradients, history, parents
from ..engine import NEEDS, Variable, constant, zeros_like
from ..op import Op
from ..ops.layout import broadcast_to, cast
from ..recording import Recording


def push(outputs: Sequence[Variable], seeds: Iterable[tuple[Variable, Any]], create_graph: bool = False) -> list[Any]:
    """Left to right: the tangents of `outputs`, given those of earlier variables; None is zero."""
    tangents = {x.born: t for x, t in seeds}
    for t in reversed(list(history(*outputs, constants=False))):
        if t.op is None or t.born in tangents:
            continue
        inputs = parents(t)
        given = [
            tangents.get(x.born) if x.flags & NEEDS and t.op.vjps[i] is not None else None for i, x in enumerate(inputs)
        ]
        if any(dx is not None for dx in given):
            y, xs = (t, inputs) if create_graph else (t._data, [x._data for x in inputs])
            tangents[t.born] = tangent(t.op, given, y, xs, t.attributes or {})
    return [tangents.get(y.born) for y in outputs]


def tangent(op: Op, tangents: Sequence[Any], y: Any, xs: Sequence[Any], kw: dict[str, Any]) -> Any:
    """Forward mode, derived from the reverse rules; None stands for a tangent of zero."""
    given = [(i, t) for i, t in enumerate(tangents) if t is not None]
    if op.linear:  # conditions and indices stay, other inputs give way to their tangents
        parts = [
            x if op.vjps[i] is None else t if t is not None else zeros_like(x)
            for i, (t, x) in enumerate(zip(tangents, xs, strict=True))
        ]
        return op(*parts, **kw)
    if op.kind.multilinear:  # linear in each input: one term for each tangent
        terms = [op(*xs[:i], t, *xs[i + 1 :], **kw) for i, t in given]
    elif op.kind.entrywise:  # the local derivative is a diagonal: its own transpose
        terms = [op.vjps[i](t, y, *xs, **kw) for i, t in given]
    else:
        return _transposed(op, given, y, xs, kw)
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    total = total if total.shape == y.shape else broadcast_to(total, shape=y.shape)
    return total if total.dtype == y.dtype else cast(total, dtype=y.dtype)


def _transposed(op: Op, given: Any, y: Any, xs: Sequence[Any], kw: dict[str, Any]) -> Any:
    """A rule is linear in `g`; differentiating <rule(g), tangent> by `g` transposes it."""
    graph = isinstance(y, Variable)
    if not graph:
        y, xs = constant(y), [constant(x) for x in xs]
    with Recording():
        g = zeros_like(y)
        g.flags = NEEDS
        pairs = [(op.vjps[i](g, y, *xs, **kw), t) for i, t in given]
    (result,) = gradients(pairs, [g], create_graph=graph)
    return result
