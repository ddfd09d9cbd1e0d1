"""Long kernels in slices along one axis, which threads share out. How many there are follows from shapes alone, and one
thread makes the same slices, so that results do not depend on the number of threads."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from . import costs
from .dividing import blocks
from .kernels import Convolution, Loop, Product
from .views import View

LONG = 4e-4  # seconds that a kernel takes, by a guess, from which slices pay
SHORT = 1e-4  # of a slice
MOST = 16  # slices
SPEED, FAST, MEMORY = 2e10, 6e10, 1e10  # a guess: operations per second of entries, of products; bytes per second
ENTRIES = 64  # of the innermost axis, of which slices are multiples, so that each entry is computed in the same way
ROWS = 128  # of a product: fewer do not pay for what is copied


def sliced(lowering: Any, kinds: dict[Any, int]) -> list[tuple[int, int]]:
    """Take long kernels apart; where each one's slices begin among the kernels, and how many there are. Kernels of one
    of the `kinds` take equally long."""
    kernels: list[Any] = []
    groups = []
    known: dict[int, float] = {}
    for kernel in lowering.kernels:
        kind = kinds[kernel]
        if kind not in known:
            known[kind] = _seconds(kernel)
        parts = [kernel] if known[kind] < LONG else _slices(kernel, known[kind], lowering)
        if len(parts) > 1:
            groups.append((len(kernels), len(parts)))
        kernels += parts
    if groups:
        lowering.kernels[:] = kernels
        lowering.count_uses(groups)
    return groups


def _seconds(kernel: Any) -> float:
    """A guess."""
    speed = FAST if isinstance(kernel, Product) else SPEED
    return max(costs.flops(kernel) / speed, costs.traffic(kernel) / MEMORY)


def _slices(kernel: Any, seconds: float, lowering: Any) -> list[Any]:
    if isinstance(kernel, Convolution):
        return [kernel]
    count = min(MOST, int(seconds / SHORT))
    return _of_product(kernel, count, lowering) if isinstance(kernel, Product) else _of_loop(kernel, count)


def _cut(view: View, axis: int, start: int, n: int) -> View:
    """A slice of a view; of one that is the same for all, all of it."""
    if axis < 0 or view.shape[axis] == 1:
        return view
    shape = (*view.shape[:axis], n, *view.shape[axis + 1 :])
    return View(view.buffer, view.offset + start * view.strides[axis], view.strides, shape)


def _of_loop(kernel: Loop, count: int) -> list[Loop]:
    """Slices along the first axis, if no sum runs over it and sums run over the last axes."""
    shape = kernel.shape
    axis = next((d for d, n in enumerate(shape) if n > 1), None)
    if axis is None or kernel.gathers or kernel.scatters:
        return [kernel]
    for step, _ in kernel.reductions:
        summed = [d in step.kwargs["axis"] for d, n in enumerate(shape) if n > 1]
        if summed != sorted(summed) or summed[0]:
            return [kernel]
    unit = ENTRIES if math.prod(shape[axis + 1 :]) < ENTRIES else 1
    size = -(-shape[axis] // (count * unit)) * unit
    found = []
    for start in range(0, shape[axis], size):
        n = min(size, shape[axis] - start)
        found.append(replace(
            kernel,
            shape=(*shape[:axis], n, *shape[axis + 1 :]),
            loads={v: _of(view, shape, axis, start, n) for v, view in kernel.loads.items()},
            stores={v: _of(view, shape, axis, start, n) for v, view in kernel.stores.items()},
            reductions=[(step, _kept(step, view, shape, axis, start)) for step, view in kernel.reductions],
        ))  # fmt: skip
    return found


def _of(view: View, shape: tuple[int, ...], axis: int, start: int, n: int) -> View:
    return _cut(view, axis - (len(shape) - len(view.shape)), start, n)


def _kept(step: Any, view: View, shape: tuple[int, ...], axis: int, start: int) -> View:
    """Where the sums of a slice go: memory without gaps, of which the first axis is that of the slices."""
    one = math.prod(n for d, n in enumerate(shape) if d > axis and d not in step.kwargs["axis"])
    return View(view.buffer, view.offset + start * one, view.strides, view.shape)


def _of_product(kernel: Product, count: int, lowering: Any) -> list[Product]:
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


def _of_products(kernel: Product, count: int) -> list[Product]:
    lead = kernel.out.shape[0]
    size = -(-lead // count)

    def cut(view: View, start: int) -> View:
        return _cut(view, 0, start, min(size, lead - start)) if len(view.shape) == len(kernel.out.shape) else view

    return [
        replace(kernel, a=cut(kernel.a, start), b=cut(kernel.b, start), out=cut(kernel.out, start))
        for start in range(0, lead, size)
    ]
