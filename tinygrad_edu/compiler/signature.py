"""What makes two kernels one function: the same steps on entries that stand alike in memory, wherever that is."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..program.program import Value, key_of
from .kernels import Convolution, Loop, MatrixProduct
from .views import Memory, View


def signature(kernel: Loop | MatrixProduct | Convolution, bases: dict[Memory, int]) -> tuple[Any, list[Value]]:
    """What can be compared, and the Python numbers that the kernel reads. `bases` are its buffers, and where the first
    of its views begins in each."""
    found = _Signature(bases)
    return (type(kernel), found.of(kernel)), found.weak


class _Signature:
    """Names for a kernel's buffers and values, in the order in which they are met."""

    def __init__(self, bases: dict[Memory, int]) -> None:
        self.bases = bases
        self.places = {buffer: k for k, buffer in enumerate(bases)}
        self.types = tuple([(b.dtype, b.size) for b in bases])
        self.values: dict[Value, Any] = {}
        self.weak: list[Value] = []

    def of(self, kernel: Loop | MatrixProduct | Convolution) -> Any:
        if isinstance(kernel, MatrixProduct):
            copies = [None if b is None else self.places[b] for b in (kernel.copy_a, kernel.copy_b)]
            return self.types, *map(self.view, (kernel.a, kernel.b, kernel.out)), kernel.room, *copies
        if isinstance(kernel, Convolution):
            views = map(self.view, (kernel.x, kernel.w, kernel.y))
            return self.types, *views, kernel.stride, kernel.dilation, kernel.weight
        return self.types, self.loop(kernel)

    def loop(self, kernel: Loop) -> Any:
        loads = [(self.value(v), self.view(view)) for v, view in kernel.loads.items()]
        gathers = {v: (self.view(view), self.index(index)) for v, (view, index) in kernel.gathers.items()}
        steps = []
        for step in kernel.steps:
            gathered = gathers.get(step.results[0])
            args = () if gathered is not None else (self.argument(step.args), self.argument(step.kwargs))
            steps.append((step.primitive, *args, gathered, *map(self.value, step.results)))
        stores = [(self.value(v), self.view(view)) for v, view in kernel.stores.items()]
        sums = [
            (step.primitive, self.value(step.uses[0]), key_of(step.kwargs), self.view(view))
            for step, view in kernel.reductions
        ]
        scatters = [
            (self.view(view), self.index(index), self.argument(value), added)
            for view, index, value, added in kernel.scatters
        ]
        return kernel.shape, *map(tuple, (loads, steps, stores, sums, scatters))

    def view(self, view: View) -> Any:
        buffer = view.buffer
        return self.places[buffer], view.offset - self.bases[buffer], view.strides, view.shape

    def value(self, v: Value) -> Any:
        found = self.values.get(v)
        if found is None:
            found = self.values[v] = len(self.values), v.dtype, v.shape, v.weak
            self.weak += [v] if v.weak else []
        return found

    def index(self, index: tuple[Any, ...]) -> Any:
        return tuple([self.value(k) if isinstance(k, Value) else k for k in index])

    def argument(self, x: Any) -> Any:
        """An argument of a step, with the names of its values."""
        kind = x.__class__
        if kind is Value:
            return self.value(x)
        if kind is tuple or kind is list:
            return tuple([self.value(part) if part.__class__ is Value else self.argument(part) for part in x])
        if kind is dict:
            return tuple([(k, self.argument(part)) for k, part in x.items()])
        if kind is slice:
            return slice, self.argument((x.start, x.stop, x.step))
        return (str(x.dtype), x.shape, x.tobytes()) if isinstance(x, np.ndarray) else key_of(x)
