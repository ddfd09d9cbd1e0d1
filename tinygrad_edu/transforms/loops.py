"""Loops as functions: `scan`, which carries a state along an axis, and `while_loop`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..batched import levels, whole
from ..errors import ShapeError
from ..functions.arguments import lift
from ..functions.elementwise import where
from ..functions.joining import stack, unstack
from ..functions.settings import Size, settings
from . import tree

if TYPE_CHECKING:
    from ..tensor import Tensor


@settings
def scan(
    f: Callable[[Any, Any], Any], init: object, xs: object = None, length: Size | None = None, reverse: bool = False
) -> tuple[Any, Any]:
    """A loop that carries a state: `carry, y = f(carry, x)` for each `x` along the first axis of `xs`.

    Returns the last carry and all `y`, stacked along a new first axis, in the places of their `x`. `init`, `xs` and
    `y` may be trees (see `tg.tree`); without `xs`, `length` says how often, and `x` is None; after no step, `y` is
    None. With `reverse`, from the
    last to the first. Each step is recorded: wrap `f` in `tg.checkpoint` to keep only the carries. Source:
    `jax.lax.scan`. Errors: a ShapeError unless `xs` has one length, and `f` returns a pair.

    >>> import tinygrad_edu as tg
    >>> last, all_of_them = tg.scan(lambda total, x: (total + x, total + x), 0.0, tg.Tensor([1.0, 2.0, 3.0]))
    >>> last.item(), all_of_them.tolist()
    (6.0, [1.0, 3.0, 6.0])
    """
    leaves, form = tree.flatten(xs)
    columns = [_rows(lift(x, "scan")) for x in leaves]
    lengths = {len(column) for column in columns} | ({length} if length is not None else set())
    if len(lengths) != 1:
        raise ShapeError(f"scan: xs must have one length; got {sorted(lengths) or 'none'}; give xs, or length=")
    (n,) = lengths
    carry, given = init, tree.structure(init)
    found: list[Any] = []
    for i in reversed(range(n)) if reverse else range(n):
        pair = f(carry, tree.unflatten(form, [column[i] for column in columns]))
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise ShapeError(f"scan: f must return (carry, y); got {type(pair).__name__}; return a pair")
        carry, y = pair
        tree.leaves_like("scan: carry", given, carry)
        found.append(tree.map(lambda part: lift(part, "scan"), y))
    if reverse:
        found.reverse()
    if not found:
        return carry, None
    return carry, tree.map(lambda *ys: stack(ys), *found)


def _rows(x: Tensor) -> Sequence[Tensor]:
    if x.ndim == 0:
        raise ShapeError("scan: xs must have a first axis, to go along; got a number; give an array, or length=")
    return unstack(x, 0)


@settings
def while_loop(cond: Callable[[Any], Any], body: Callable[[Any], Any], init: object) -> Any:
    """`state = body(state)` as long as `cond(state)` is true, from `init`; returns the last state, which may be a tree.

    Each step is recorded, so that gradients and tangents pass. In a `vmap`, the loop goes on as long as one example
    asks for it, and those that do not stay as they are. Source: `jax.lax.while_loop`.
    Errors: a ShapeError where `cond` returns more than one truth value.

    >>> import tinygrad_edu as tg
    >>> double = lambda x: tg.while_loop(lambda x: x < 100, lambda x: 2 * x, x)
    >>> tg.grad(double)(3.0).item(), tg.vmap(double)(tg.Tensor([3.0, 70.0, 500.0])).tolist()
    (64.0, [192.0, 140.0, 500.0])
    """
    state = tree.map(lambda x: lift(x, "while_loop"), init)
    form = tree.structure(state)
    while True:
        wanted = lift(cond(state), "while_loop")
        if wanted.shape:
            raise ShapeError(
                f"while_loop: cond must return one truth value; got shape {wanted.shape}; use .all() or .any()"
            )
        if not np.any(whole(wanted._data)):
            return state
        new = body(state)
        pairs = zip(tree.leaves_like("while_loop: body", form, new), tree.leaves(state), strict=True)
        batched = any(levels(wanted._data))
        state = tree.unflatten(form, [where(wanted, a, b) if batched else lift(a, "while_loop") for a, b in pairs])
