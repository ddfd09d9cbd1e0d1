"""vmap: a function of one example, on a batch. The public `vmap`; the arrays of `batched/` do the work."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import ops
from ..batched import RUNNING
from ..engine import births
from ..errors import ShapeError
from ..functions.arguments import Function, as_tuple, lift, normal_axis
from ..functions.settings import settings


class Level(int):
    """The number of a `vmap`; pictures, which must not depend on how much was computed before, hide it."""

    def __repr__(self) -> str:
        return "vmap"

    __str__ = __repr__


@settings
def vmap(f: Function, in_axes: Any = 0, out_axes: Any = 0) -> Function:
    """`f` on every example of a batch at once, written for one example.

    `in_axes` says which axis of each argument counts the examples; None gives all the same one.
    `out_axes` says where that axis goes in the result, or in each of several.

    >>> import tinygrad_edu as tg
    >>> tg.vmap(tg.grad(lambda x: x**2))(tg.Tensor([1.0, 2.0, 3.0])).data
    array([2., 4., 6.], dtype=float32)
    """

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        level = Level(births())
        batch, size = _entered(args, _one_each("in_axes", "argument", in_axes, len(args)), level)
        RUNNING.add(level)
        try:
            result = f(*batch, **kwargs)
        finally:
            RUNNING.discard(level)
        outputs = [lift(y) for y in as_tuple(result)]
        shown = [
            ops.leave_batch(y, level=level, axis=normal_axis("vmap", k, y.ndim + 1), size=size)
            for y, k in zip(outputs, _one_each("out_axes", "result", out_axes, len(outputs)), strict=True)
        ]
        return type(result)(shown) if isinstance(result, tuple | list) else shown[0]

    return wrapped


def _one_each(name: str, of: str, axes: Any, n: int) -> tuple[Any, ...]:
    """An axis for each of `n`, given as one for all, or as several."""
    several = tuple(axes) if isinstance(axes, tuple | list) else (axes,) * n
    if len(several) != n:
        raise ValueError(
            f"vmap: {name} must name an axis for each {of}; got {len(several)} for {n}; give one for each, or one int"
        )
    return several


def _entered(args: Sequence[Any], axes: Sequence[Any], level: int) -> tuple[list[Any], int]:
    """The arguments, those with an axis as batches, and how many examples there are."""
    tensors = [
        lift(a, "vmap") if k is not None or isinstance(a, np.ndarray) else a for a, k in zip(args, axes, strict=True)
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
    return batch, size
