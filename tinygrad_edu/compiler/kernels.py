"""Kernels, as data: loops over one shape, products, convolutions, and the memory that each reads and writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..program.program import Step, Value
from .views import Memory, View


@dataclass(eq=False)
class Loop:
    """Steps on entries over one shape, and sums of them."""

    shape: tuple[int, ...]
    number: int
    form: Any = None  # of the step for which it was begun
    closed: bool = False  # to other steps, as it is long
    steps: list[Step] = field(default_factory=list)
    loads: dict[Value, View] = field(default_factory=dict)
    stores: dict[Value, View] = field(default_factory=dict)
    reductions: list[tuple[Step, View]] = field(default_factory=list)
    gathers: dict[Value, tuple[View, tuple[Any, ...]]] = field(default_factory=dict)
    scatters: list[tuple[View, tuple[Any, ...], Any, bool]] = field(default_factory=list)
    made: set[Value] = field(default_factory=set)


@dataclass(eq=False)
class MatrixProduct:
    """out = a @ b, over leading axes as well, by loops in blocks that have room for copies."""

    number: int
    a: View
    b: View
    out: View
    room: Any = None
    copy_a: Memory | None = None
    copy_b: Memory | None = None
    site: str | None = None


@dataclass(eq=False)
class Convolution:
    """The windows of x times kernels w are y; or where `weight` is set, w is the gradient by the kernels for y's."""

    number: int
    x: View
    w: View
    y: View
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    weight: bool
    site: str | None = None


def used(kernel: Loop | MatrixProduct | Convolution) -> Iterator[View]:
    """The views that a kernel reads and writes."""
    if isinstance(kernel, Convolution):
        yield from (kernel.x, kernel.w, kernel.y)
        return
    if isinstance(kernel, MatrixProduct):
        yield from (kernel.a, kernel.b, kernel.out)
        yield from (View(copy, 0, (1,), (copy.size,)) for copy in (kernel.copy_a, kernel.copy_b) if copy)
        return
    yield from kernel.loads.values()
    yield from kernel.stores.values()
    yield from (view for _, view in kernel.reductions)
    yield from (view for view, _ in kernel.gathers.values())
    yield from (view for view, _, _, _ in kernel.scatters)
