"""Memory, and how entries of an array stand in it: offsets and strides, and the steps that only change these."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..program.program import Step
from .steps import index_of


@dataclass(eq=False)
class Memory:
    """Memory: of an input, a result, a constant, or of the run's own."""

    kind: str
    index: int
    dtype: np.dtype[Any]
    size: int  # entries
    first: int = -1  # the kernels between which it is in use
    last: int = -1
    offset: int = 0  # bytes, of memory of the run's own


@dataclass(frozen=True)
class View:
    """Entries of a buffer: an offset and strides, counted in entries."""

    buffer: Memory
    offset: int
    strides: tuple[int, ...]
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many entries it has."""
        return math.prod(self.shape)

    @property
    def contiguous(self) -> bool:
        return self.strides == dense(self.shape) or math.prod(self.shape) <= 1


def dense(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of an array without gaps."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def spread(view: View, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a view that is broadcast to a shape."""
    lead = len(shape) - len(view.shape)
    return (0,) * lead + tuple(
        s if n == m else 0 for s, n, m in zip(view.strides, view.shape, shape[lead:], strict=True)
    )


def viewed(x: View, step: Step) -> View | None:
    """The view that a step gives, or None where strides do not tell it."""
    name, shape = step.primitive, step.result.shape
    if name == "reshape":
        return _reshaped(x, shape)
    if name == "getitem":
        return sliced(x, index_of(step), shape)
    if name == "broadcast_to":
        lead = len(shape) - len(x.shape)
        strides = [s if n == m else 0 for s, n, m in zip(x.strides, x.shape, shape[lead:], strict=True)]
        return View(x.buffer, x.offset, (0,) * lead + tuple(strides), shape)
    if name in ("expand_dims", "squeeze"):
        return _reshaped(x, shape)
    args = step.args[1:]
    if name == "swapaxes":
        order = list(range(len(shape)))
        i, j = (k % len(shape) for k in args)
        order[i], order[j] = order[j], order[i]
    elif name == "moveaxis":
        source, target = ([k % len(shape) for k in np.atleast_1d(a)] for a in args)
        order = [k for k in range(len(shape)) if k not in source]
        for to, k in sorted(zip(target, source, strict=True)):
            order.insert(to, k)
    else:
        axes = args[0] if args else step.kwargs.get("axes")
        order = [k % len(shape) for k in axes] if axes is not None else list(range(len(shape)))[::-1]
    return View(x.buffer, x.offset, tuple(x.strides[k] for k in order), shape)


def _reshaped(x: View, shape: tuple[int, ...]) -> View | None:
    """NumPy's rule: axes that are reshaped together must lie together."""
    old = [(n, s) for n, s in zip(x.shape, x.strides, strict=True) if n != 1]
    if math.prod(x.shape) == 0 or x.contiguous:
        return View(x.buffer, x.offset, dense(shape), shape)
    strides: list[int] = []
    i = 0
    todo = list(shape)
    k = 0
    while k < len(todo):
        if todo[k] == 1:
            strides.append(0)
            k += 1
            continue
        group, size, have = [todo[k]], todo[k], old[i][0]
        j = i + 1
        k += 1
        while size != have:
            if size < have:
                group.append(todo[k])
                size *= todo[k]
                k += 1
            else:
                have *= old[j][0]
                j += 1
        for a, b in zip(old[i : j - 1], old[i + 1 : j], strict=True):
            if a[1] != b[0] * b[1]:
                return None
        step = old[j - 1][1]
        inner = [step * s for s in dense(tuple(group))]
        strides += inner
        i = j
    return View(x.buffer, x.offset, tuple(strides), shape)


def divided(x: View, axis: int, n: int) -> View:
    """With an axis as two, the first of which has `n` entries."""
    size, step = x.shape[axis] // n, x.strides[axis]
    strides = (*x.strides[:axis], step * size, *x.strides[axis:])
    return View(x.buffer, x.offset, strides, (*x.shape[:axis], n, size, *x.shape[axis + 1 :]))


def merged(x: View, axis: int) -> View | None:
    """With an axis and those after it as one, where their entries stand in one line."""
    shape, strides = x.shape[axis:], x.strides[axis:]
    if strides != dense(shape):
        return None
    return View(x.buffer, x.offset, (*x.strides[:axis], 1), (*x.shape[:axis], math.prod(shape)))


def around(x: View, lead: int, inner: list[tuple[int, int]]) -> Iterator[View]:
    """Slabs that are all of a view but for a box, from its starts to its ends along the axes after `lead`."""
    cut: list[Any] = [slice(None)] * len(x.shape)
    for axis, (start, end) in enumerate(inner, lead):
        n = x.shape[axis]
        for part in (slice(0, start), slice(end, n)):
            index = (*cut[:axis], part, *cut[axis + 1 :])
            size = tuple(len(range(*k.indices(m))) for k, m in zip(index, x.shape, strict=True))
            yield sliced(x, index, size)
        cut[axis] = slice(start, end)


def sliced(x: View, index: tuple[Any, ...], shape: tuple[int, ...]) -> View:
    """Slices, integers, None and `...`."""
    given = sum(k is not None and k is not Ellipsis for k in index)
    full: list[Any] = []
    for k in index:
        full += [slice(None)] * (len(x.shape) - given) if k is Ellipsis else [k]
    if Ellipsis not in index:
        full += [slice(None)] * (len(x.shape) - given)
    offset, strides, axis = x.offset, [], 0
    for k in full:
        if k is None:
            strides.append(0)
            continue
        n, step = x.shape[axis], x.strides[axis]
        axis += 1
        if isinstance(k, slice):
            start, _, jump = k.indices(n)
            offset += start * step if n else 0
            strides.append(step * jump)
        else:
            offset += (int(k) + n if k < 0 else int(k)) * step
    return View(x.buffer, offset, tuple(strides), shape)
