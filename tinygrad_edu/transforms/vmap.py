"""vmap: a function of one example, on a batch. The public `vmap`; the arrays of `batched/` do the work."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import ops
from ..annotations import Function
from ..batched import RUNNING
from ..engine import births
from ..errors import ShapeError
from ..functions.arguments import lift, normal_axis
from ..functions.settings import settings
from . import tree


class Level(int):
    """The number of a `vmap`; pictures, which must not depend on how much was computed before, hide it."""

    def __repr__(self) -> str:
        return "vmap"

    __str__ = __repr__


@settings
def vmap(f: Function, in_axes: object = 0, out_axes: object = 0) -> Callable[..., Any]:
    """`f` on every example of a batch at once, written for one example.

    `in_axes` says which axis of each argument counts the examples; None gives all the same one.
    `out_axes` says where that axis goes in the result, or in each of several. Arguments and results may be trees
    (see `tg.tree`): an axis holds for all tensors of a tree, or is itself given as a tree, for each part of one.
    Arguments by keyword are the same for all examples, as in PyTorch.

    >>> import tinygrad_edu as tg
    >>> tg.vmap(tg.grad(lambda x: x**2))(tg.Tensor([1.0, 2.0, 3.0])).data
    array([2., 4., 6.], dtype=float32)
    """

    @functools.wraps(f)
    def wrapped(*args: object, **kwargs: object) -> Any:
        level = Level(births())
        batch, size = _entered(args, in_axes, level)
        RUNNING.add(level)
        try:
            result = f(*batch, **kwargs)
        finally:
            RUNNING.discard(level)
        outputs, form = tree.flatten(result)
        axes = _one_each("out_axes", form, out_axes)
        outputs = [lift(y, "vmap") for y in outputs]
        shown = [
            ops.leave_batch(y, level=level, axis=normal_axis("vmap", k, y.ndim + 1), size=size)
            for y, k in zip(outputs, axes, strict=True)
        ]
        return tree.unflatten(form, shown)

    return wrapped


def _one_each(name: str, form: tree.Structure, axes: object) -> list[Any]:
    """An axis for each leaf of a tree, given as one for all, or as a tree of such."""
    if form.children is None or axes is None or hasattr(axes, "__index__"):
        return [axes] * form.num_leaves
    parts = tree.leaves_like(f"vmap: {name}", form.shallow(), axes)
    return [k for child, part in zip(form.children, parts, strict=True) for k in _one_each(name, child, part)]


def _entered(args: tuple[Any, ...], in_axes: object, level: int) -> tuple[Any, int]:
    """The arguments, those with an axis as batches, and how many examples there are."""
    leaves, form = tree.flatten(args, lambda x: x is not args and tree.is_array(x))
    axes = _one_each("in_axes", form, in_axes)
    tensors = [
        lift(a, "vmap") if k is not None or isinstance(a, np.ndarray) else a for a, k in zip(leaves, axes, strict=True)
    ]
    axes = [k if k is None else normal_axis("vmap", k, a.ndim) for a, k in zip(tensors, axes, strict=True)]
    sizes = {a.shape[k] for a, k in zip(tensors, axes, strict=True) if k is not None}
    if len(sizes) != 1:
        raise ShapeError(f"vmap: the batched axes must have one length; got {sorted(sizes) or 'none'}; check in_axes")
    (size,) = sizes
    if not size:
        raise ShapeError("vmap: the batch must have an example; got an axis of length 0; guard before")
    batch = [
        a if k is None else ops.enter_batch(a, level=level, axis=k, size=size)
        for a, k in zip(tensors, axes, strict=True)
    ]
    return tree.unflatten(form, batch), size
