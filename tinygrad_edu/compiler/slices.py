"""Long kernels in slices along one axis, which threads share out. How many there are follows from shapes alone, and one
thread makes the same slices, so that results do not depend on the number of threads.

Loops that follow each other, each of which needs of the others what its own slice has made, are made slice by slice:
all of them for the first slice, then for the next. So what one has written is still near when another reads it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ..program.program import Step, Value
from . import costs
from .dividing import blocks
from .kernels import Convolution, Loop, MatrixProduct, used
from .steps import REDUCTIONS
from .views import Memory, View, dense

LONG = 4e-4  # seconds that a kernel takes, by a guess, from which slices pay
SHORT = 1e-4  # of a slice
MOST = 16  # slices of that length
NEAR = 1 << 16  # entries of a loop that are near
MANY = 256  # slices of so many
FAR = 1 << 23  # bytes that no cache of one processor holds
SPEED, FAST, MEMORY = 2e10, 6e10, 1e10  # a guess: operations per second of entries, of products; bytes per second
ENTRIES = 64  # of the innermost axis, of which slices are multiples, so that each entry is computed in the same way
ROWS = 128  # of a product: fewer do not pay for what is copied


class Group(NamedTuple):
    """Slices among the kernels, from `first` on: how many, and how many kernels each of them has."""

    first: int
    slices: int
    depth: int = 1


def sliced(lowering: Any, kinds: dict[Any, int]) -> list[Group]:
    """Take long kernels apart; where their slices are among the kernels. Kernels of one of the `kinds` take equally
    long."""
    found = _Kernels()
    known: dict[int, float] = {}
    for kernel in lowering.kernels:
        kind = kinds[kernel]
        if kind not in known:
            known[kind] = _seconds(kernel)
        if found.takes(kernel, lowering) or (known[kind] < LONG and found.precedes(kernel)):
            continue
        parts: list[Any] = [kernel]
        rest: list[Any] = []
        if known[kind] >= LONG and not isinstance(kernel, Convolution):
            count = min(MOST, int(known[kind] / SHORT))
            if isinstance(kernel, MatrixProduct):
                parts = _of_product(kernel, count, lowering)
            else:
                parts, rest = _of_loop(kernel, max(count, min(math.prod(kernel.shape) // NEAR, MANY)), lowering)
        found.add(parts, rest)
    found.end()
    if found.groups:
        lowering.kernels[:] = found.kernels
        lowering.count_uses(found.groups)
    return found.groups


class _Kernels:
    """Kernels and slices in their new order; the last slices may be joined by those of further loops."""

    def __init__(self) -> None:
        self.kernels: list[Any] = []
        self.groups: list[Group] = []
        self.open: list[list[Any]] = []  # for each slice, its kernels
        self.after: list[Any] = []  # what follows these
        self.memory: dict[Memory, _Spans] = {}  # that they use

    def takes(self, kernel: Any, lowering: Any) -> bool:
        """Have a loop made slice by slice with those before it, if that can be, and if much memory is then near."""
        buffers = {view.buffer for view in used(kernel)}
        near = sum(b.size * b.dtype.itemsize for b in buffers if b in self.memory)
        if near < FAR or not isinstance(kernel, Loop) or self._follows(buffers):
            return False
        parts, rest = _of_loop(kernel, len(self.open), lowering)
        if len(parts) != len(self.open):
            lowering.forget(rest)
            return False
        memory = _together(self.memory, parts)
        if memory is None:
            lowering.forget(rest)
            return False
        self.memory |= memory
        for own, part in zip(self.open, parts, strict=True):
            own.append(part)
        self.after += rest
        return True

    def precedes(self, kernel: Any) -> bool:
        """Have a kernel made before the slices, if there are some, and if it has nothing to do with them."""
        buffers = {view.buffer for view in used(kernel)}
        if not self.memory or self._follows(buffers):
            return False
        writes = {view.buffer for view in _writes(kernel)} if isinstance(kernel, Loop) else buffers
        if any(b in self.memory and (b in writes or self.memory[b].written) for b in buffers):
            return False
        self.kernels.append(kernel)
        return True

    def _follows(self, buffers: set[Memory]) -> bool:
        """Whether a kernel that uses these must be made after what follows the slices."""
        return any(view.buffer in buffers for kernel in self.after for view in used(kernel))

    def add(self, parts: list[Any], rest: list[Any]) -> None:
        """A kernel, or its slices and what follows these."""
        self.end()
        if len(parts) == 1:
            self.kernels += parts
            return
        self.open, self.after = [[part] for part in parts], rest
        self.memory = (isinstance(parts[0], Loop) and _together({}, parts)) or {}

    def end(self) -> None:
        """No further loop joins the slices."""
        if self.open:
            self.groups.append(Group(len(self.kernels), len(self.open), len(self.open[0])))
            self.kernels += [part for own in self.open for part in own]
        self.kernels += self.after
        self.open, self.after, self.memory = [], [], {}


class _Spans(NamedTuple):
    """Where each slice begins and ends in a buffer, and whether one of them writes there."""

    places: list[tuple[int, int]]
    written: bool


def _together(memory: dict[Memory, _Spans], parts: list[Any]) -> dict[Memory, _Spans] | None:
    """The memory that slices use beside what those before them use; None if one would need what another's is."""
    found: dict[Memory, _Spans] = {}
    for buffer in dict.fromkeys(view.buffer for view in used(parts[0])):
        places = []
        written = False
        for part in parts:
            views = [view for view in used(part) if view.buffer is buffer]
            starts, ends = zip(*map(_span, views), strict=True)
            places.append((min(starts), max(ends)))
            written = written or any(view.buffer is buffer for view in _writes(part))
        before = memory.get(buffer)
        if before is not None:
            written = written or before.written
            places = [(min(a, c), max(b, d)) for (a, b), (c, d) in zip(before.places, places, strict=True)]
        if written and any(b > c for (_, b), (c, _) in pairwise(places)):
            return None
        found[buffer] = _Spans(places, written)
    return found


def _span(view: View) -> tuple[int, int]:
    """Where a view begins and ends in its buffer."""
    reach = [(n - 1) * s for n, s in zip(view.shape, view.strides, strict=True)]
    return view.offset + sum(r for r in reach if r < 0), view.offset + 1 + sum(r for r in reach if r > 0)


def _writes(kernel: Loop) -> Iterator[View]:
    yield from kernel.stores.values()
    yield from (view for _, view in kernel.reductions)


def _seconds(kernel: Any) -> float:
    """A guess."""
    speed = FAST if isinstance(kernel, MatrixProduct) else SPEED
    return max(costs.flops(kernel) / speed, costs.traffic(kernel) / MEMORY)


def _cut(view: View, axis: int, start: int, n: int) -> View:
    """A slice of a view; of one that is the same for all, all of it."""
    if axis < 0 or view.shape[axis] == 1:
        return view
    shape = (*view.shape[:axis], n, *view.shape[axis + 1 :])
    return View(view.buffer, view.offset + start * view.strides[axis], view.strides, shape)


def _of_loop(kernel: Loop, count: int, lowering: Any) -> tuple[list[Loop], list[Loop]]:
    """Slices along the first axis, and loops that add up what each of these has summed, where sums run over it."""
    shape = kernel.shape
    axis = next((d for d, n in enumerate(shape) if n > 1), None)
    if axis is None or kernel.gathers or kernel.scatters or count < 2:
        return [kernel], []
    across = []  # sums over the slices
    for step, _ in kernel.reductions:
        summed = [d in step.kwargs["axis"] for d, n in enumerate(shape) if n > 1]
        if summed[0]:
            across.append(step)
        elif summed != sorted(summed):
            return [kernel], []
    unit = ENTRIES if math.prod(shape[axis + 1 :]) < ENTRIES else 1
    size = -(-shape[axis] // (count * unit)) * unit
    starts = range(0, shape[axis], size)
    kept = {step: tuple(n for d, n in enumerate(shape) if d not in step.kwargs["axis"]) for step in across}
    if len(starts) < 2 or any(math.prod(kept[step]) > NEAR for step in across):
        return [kernel], []
    sums = {step: _sums(step, kept[step], len(starts), lowering) for step in across}
    found = []
    for k, start in enumerate(starts):
        n = min(size, shape[axis] - start)
        found.append(replace(
            kernel,
            shape=(*shape[:axis], n, *shape[axis + 1 :]),
            loads={v: _of(view, shape, axis, start, n) for v, view in kernel.loads.items()},
            stores={v: _of(view, shape, axis, start, n) for v, view in kernel.stores.items()},
            reductions=[
                (step, _part(sums[step], k) if step in sums else _kept(step, view, shape, axis, start, n))
                for step, view in kernel.reductions
            ],
        ))  # fmt: skip
    return found, [_added(step, sums[step], view) for step, view in kernel.reductions if step in sums]


def _sums(step: Step, kept: tuple[int, ...], count: int, lowering: Any) -> View:
    """Memory for what each slice has summed, in which nothing is rounded."""
    dtype = np.dtype("float64") if REDUCTIONS[step.primitive] == "add" else step.result.dtype
    shape = (count, *kept)
    return View(lowering.buffer("own", Value(-1, shape, dtype)), 0, dense(shape), shape)


def _part(sums: View, k: int) -> View:
    return View(sums.buffer, k * sums.strides[0], sums.strides[1:], sums.shape[1:])


def _added(step: Step, sums: View, out: View) -> Loop:
    """The sum of what the slices have summed."""
    x = Value(-1, sums.shape, sums.buffer.dtype)
    loop = Loop(sums.shape, -1, loads={x: sums}, made={x})
    loop.reductions.append((Step(step.primitive, (x,), {"axis": (0,)}, step.results, step.site), out))
    return loop


def _of(view: View, shape: tuple[int, ...], axis: int, start: int, n: int) -> View:
    return _cut(view, axis - (len(shape) - len(view.shape)), start, n)


def _kept(step: Step, view: View, shape: tuple[int, ...], axis: int, start: int, n: int) -> View:
    """Where the sums of a slice go: memory without gaps, of which the first axis is that of the slices."""
    one = math.prod(m for d, m in enumerate(shape) if d > axis and d not in step.kwargs["axis"])
    return View(view.buffer, view.offset + start * one, dense((n, one)), (n, one))


def _of_product(kernel: MatrixProduct, count: int, lowering: Any) -> list[MatrixProduct]:
    """Rows of one product; or products, if there are many."""
    out = kernel.out
    if len(out.shape) > 2:
        return _of_products(kernel, count) if kernel.copy_b is None and kernel.copy_a is None else [kernel]
    m, room = out.shape[0], kernel.room
    size = -(-m // (min(count, m // ROWS) * room.rows)) * room.rows if m >= 2 * ROWS else m
    if size >= m:
        return [kernel]
    found = []
    for start in range(0, m, size):
        n = min(size, m - start)
        a, own = _cut(kernel.a, 0, start, n), _cut(out, 0, start, n)
        made = blocks(a, kernel.b, lowering.registers)
        room = room._replace(rows=min(room.rows, n), copies_a=room.copies_a and made.copies_a)
        part = replace(kernel, a=a, out=own, room=room, copy_a=None, copy_b=None)
        found.append(lowering.with_copies(part))
    lowering.without_copies(kernel)
    return found


def _of_products(kernel: MatrixProduct, count: int) -> list[MatrixProduct]:
    lead = kernel.out.shape[0]
    size = -(-lead // count)

    def cut(view: View, start: int) -> View:
        return _cut(view, 0, start, min(size, lead - start)) if len(view.shape) == len(kernel.out.shape) else view

    return [
        replace(kernel, a=cut(kernel.a, start), b=cut(kernel.b, start), out=cut(kernel.out, start))
        for start in range(0, lead, size)
    ]
