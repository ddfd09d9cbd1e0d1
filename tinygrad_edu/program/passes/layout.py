"""Views of views, and views that their users do without.

A product reads a transposed matrix as well as any other, so there is nothing to do for `matmul`.
"""

from __future__ import annotations

import numpy as np

from ..program import Step, Value
from .draft import Draft, Rule


def reshaped(step: Step, draft: Draft) -> Value | None:
    """A reshape of a reshape is one; to the shape that there is, it is nothing."""
    if not _is_reshape(step):
        return None
    x, shape = step.args[0], step.result.shape
    inner = draft.of(x, "reshape", "expand_dims", "squeeze")
    if inner is not None and _is_reshape(inner):
        x = inner.args[0]
    if x.shape == shape:
        return x
    return None if x is step.args[0] else draft.call("reshape", (x, shape), shape, x.dtype)


def _is_reshape(step: Step) -> bool:
    """Whether a step changes the shape alone."""
    return (
        step.primitive in ("reshape", "expand_dims", "squeeze")
        and isinstance(step.args[0], Value)
        and step.kwargs.get("order", "C") == "C"
    )


def order_of(step: Step) -> tuple[int, ...] | None:
    """The axes of its argument in the order in which the step gives them; None if it does not reorder axes."""
    name, args = step.primitive, step.args
    if name not in ("transpose", "swapaxes", "moveaxis") or not isinstance(args[0], Value):
        return None
    numbered = np.empty(range(len(args[0].shape)))  # each axis is as long as its number
    moved = getattr(np, name)(numbered, *args[1:], **step.kwargs)
    return tuple(moved.shape)


def reordered(step: Step, draft: Draft) -> Value | None:
    """A transpose of a transpose is one; one that leaves the axes is nothing."""
    order = order_of(step)
    if order is None:
        return None
    x = step.args[0]
    inner = draft.of(x, "transpose", "swapaxes", "moveaxis")
    before = None if inner is None else order_of(inner)
    if inner is not None and before is not None:
        x, order = inner.args[0], tuple(before[k] for k in order)
    if order == tuple(range(len(order))):
        return x
    return None if x is step.args[0] else draft.call("transpose", (x, order), step.result.shape, x.dtype)


def broadcast(step: Step, draft: Draft) -> Value | None:
    """To the shape that there is, a broadcast is nothing; a broadcast of a broadcast is one."""
    if step.primitive != "broadcast_to" or not isinstance(step.args[0], Value):
        return None
    x, shape = step.args[0], step.result.shape
    inner = draft.of(x, "broadcast_to")
    if inner is not None and isinstance(inner.args[0], Value):
        x = inner.args[0]
    if x.shape == shape:
        return x
    return None if x is step.args[0] else draft.call("broadcast_to", (x, shape), shape, x.dtype)


def broadcast_within(step: Step, draft: Draft) -> Value | None:
    """An operation of entries broadcasts by itself what another argument has the shape for."""
    for x in step.uses:
        if (made := draft.made.get(x)) is not None and made.primitive == "broadcast_to":
            break
    else:
        return None
    ufunc = getattr(np, step.primitive, None)
    if step.kwargs or not (step.primitive == "where" or (isinstance(ufunc, np.ufunc) and ufunc.signature is None)):
        return None
    args = list(step.args)
    for i, x in enumerate(args):
        inner = draft.of(x, "broadcast_to")
        if inner is None or not isinstance(inner.args[0], Value):
            continue
        shapes = [a.shape for k, a in enumerate(args) if k != i and isinstance(a, Value)]
        if shapes and np.broadcast_shapes(*shapes, inner.args[0].shape) == step.result.shape:
            args[i] = inner.args[0]
    if all(a is b for a, b in zip(args, step.args, strict=True)):
        return None
    return draft.call(step.primitive, tuple(args), step.result.shape, step.result.dtype)


def transposed_within(step: Step, draft: Draft) -> Value | None:
    """`einsum` reads its arguments' axes in any order."""
    if step.primitive != "einsum" or not isinstance(step.args[0], str) or "." in step.args[0]:
        return None
    left, arrow, right = step.args[0].replace(" ", "").partition("->")
    terms, args = left.split(","), list(step.args[1:])
    for i, x in enumerate(args):
        inner = draft.of(x, "transpose", "swapaxes", "moveaxis")
        order = None if inner is None else order_of(inner)
        if inner is not None and order is not None and len(terms[i]) == len(order):
            letters = dict(zip(order, terms[i], strict=True))
            terms[i], args[i] = "".join(letters[k] for k in range(len(order))), inner.args[0]
    if not arrow or all(a is b for a, b in zip(args, step.args[1:], strict=True)):
        return None
    text = f"{','.join(terms)}->{right}"
    return draft.call("einsum", (text, *args), step.result.shape, step.result.dtype, **step.kwargs)


LAYOUT: dict[str, list[Rule]] = {
    **{name: [reshaped] for name in ("reshape", "expand_dims", "squeeze")},
    **{name: [reordered] for name in ("transpose", "swapaxes", "moveaxis")},
    "broadcast_to": [broadcast], "einsum": [transposed_within], "*": [broadcast_within],
}  # fmt: skip
