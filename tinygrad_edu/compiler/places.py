"""Where each value is while kernels are made: in a loop with those that it follows, in memory, or waiting for one.

What is made in a loop is written to memory only where somebody else needs it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

from ..program.program import Step, Value
from .kernels import Convolution, Loop, MatrixProduct, used
from .slices import Group
from .views import Memory, View, dense

NEAR = 8  # how far back a loop is looked for that reads the same
LONG = 64  # steps of a loop, after which another one begins where its steps begin anew; at last after
LONGEST = 4 * LONG
LARGE = 1 << 13  # entries of a value that is rather made again than kept in memory
FEW = 4  # steps by which it is
SMALL = 8  # times as small as it is what is kept nevertheless
SIMPLE = {"add", "subtract", "divide", "negative", "positive", "absolute", "maximum", "minimum", "astype"}


class Places:
    """The kernels made so far, and the place of each value."""

    def __init__(self, needed: list[Value]) -> None:
        self.needed = dict.fromkeys(needed)  # values that are used after these steps
        self.kernels: list[Loop | MatrixProduct | Convolution] = []
        self.views: dict[Value, View] = {}
        self.ready: dict[Value, int] = {}  # the number of the kernel after which a value is in memory
        self.inside: dict[Value, Loop] = {}  # values that are made in a loop
        self.made: dict[Value, tuple[int, Step]] = {}  # and as the how manieth, by which step
        self.buffers: list[Memory] = []
        self.numbers = count()
        self.inputs: dict[Value, Memory] = {}
        self.outputs: dict[Value, Memory] = {}
        self.replaced: list[tuple[Memory, Memory]] = []  # copied at the end
        self.waiting: dict[Value, Step] = {}  # steps on inputs alone, which have no loop yet
        self.roots: dict[Value, tuple[Value, ...]] = {}  # what these are made from
        self.heights: dict[Value, int] = {}  # and by how many steps
        self.weak: list[Value] = []

    def buffer(self, kind: str, value: Value) -> Memory:
        found = Memory(kind, next(self.numbers), value.dtype, max(value.size, 1))
        self.buffers.append(found)
        return found

    def view(self, value: Value) -> View:
        """Where a value is in memory; made to be there, if it is in a loop only."""
        if value not in self.views:
            if value in self.waiting:
                step = self.waiting.pop(value)
                self._put(step, self._loop(value.shape, [v for v in step.uses if not v.weak], form=step.form))
            if value in self.inside:
                loop = self.inside[value]
                kind = "output" if value in self.needed else "own"
                view = View(self.buffer(kind, value), 0, dense(value.shape), value.shape)
                if kind == "output":
                    self.outputs[value] = view.buffer
                loop.stores[value] = view
                self.views[value] = view
                self.ready[value] = loop.number
            else:
                buffer = self.buffer("input", value)
                self.inputs[value] = buffer
                self.views[value] = View(buffer, 0, dense(value.shape), value.shape)
                self.ready[value] = -1
        return self.views[value]

    def new(self, value: Value, number: int) -> View:
        """Memory for a value that a kernel makes whole."""
        kind = "output" if value in self.needed else "own"
        view = View(self.buffer(kind, value), 0, dense(value.shape), value.shape)
        if kind == "output":
            self.outputs[value] = view.buffer
        self.views[value], self.ready[value] = view, number
        return view

    def _copy_of(self, x: Value) -> None:
        """Have a value in memory without gaps."""
        self.views[x] = self._copied(x, "own")
        self.ready[x] = len(self.kernels) - 1

    def _copied(self, x: Value, kind: str) -> View:
        """A kernel that writes a value once more, without gaps; where it does."""
        view, loop = self.view(x), Loop(x.shape, len(self.kernels))
        self.kernels.append(loop)
        same = Value(-1 - x.number, x.shape, x.dtype)
        loop.steps.append(Step("positive", (x,), {}, (same,)))
        loop.loads[x] = view
        loop.made.add(same)
        out = loop.stores[same] = View(self.buffer(kind, x), 0, dense(x.shape), x.shape)
        return out

    def _loop(
        self, shape: tuple[int, ...], uses: list[Value], fresh: bool = False, takes: bool = False, form: Any = None
    ) -> Loop:
        """The latest loop over this shape that may take a step of this form on these values, or a new one; what waits
        goes there, into a fresh one if it `takes` it."""
        waiting = [v for v in uses if v in self.waiting]
        if (fresh and not takes) or any(v.shape != shape for v in waiting):
            for v in waiting:
                self.view(v)
        waiting = [v for v in waiting if v in self.waiting]
        after, inside = -1, [self.inside[v] for v in uses if v in self.inside and v.shape == shape]
        known = self._made(uses)
        for v in known:
            if v in self.inside:
                after = max(after, self.inside[v].number)
            else:
                self.view(v)
                after = max(after, self.ready[v] + 1 if self.ready[v] >= 0 else -1)
        if not inside:
            inside = [
                k
                for k in self.kernels[-NEAR:]
                if isinstance(k, Loop) and k.shape == shape and not k.loads.keys().isdisjoint(known)
            ]
        found = max(inside, key=lambda k: k.number, default=None)
        if found is not None and _closed(found, form):
            after = max(after, found.number)
            later = [k for k in self.kernels[-NEAR:] if isinstance(k, Loop) and k.shape == shape and k.number > after]
            found = next((k for k in reversed(later) if not _closed(k, form)), None)
        if (
            fresh
            or found is None
            or found.number < after
            or any(self.inside.get(v) is found and v.shape != shape for v in known)
        ):
            found = Loop(shape, len(self.kernels), form)
            self.kernels.append(found)
        for v in waiting:
            if v in self.waiting:
                self._put(self.waiting[v], found)
        return found

    def _opens(self, shape: tuple[int, ...], values: Iterable[Value]) -> bool:
        """Whether a step on large values would begin a loop: it may as well wait for others that read the same."""
        if math.prod(shape) < LARGE:
            return False
        loops = [self.inside[v] for v in values if v in self.inside]
        last = max(loops, key=lambda k: k.number)
        after = max([self.ready[v] + 1 for v in values if v in self.views and v not in self.inside], default=0)
        return last.shape != shape or last.closed or last.number < after

    def _made(self, values: list[Value]) -> list[Value]:
        """What these are made from and what does not wait any more, as something else may have been made meanwhile."""
        found: dict[Value, None] = {}
        seen, todo = set(values), values[::-1]
        while todo:
            v = todo.pop()
            if v not in self.waiting:
                found[v] = None
                continue
            new = [x for x in self.waiting[v].uses if not x.weak and x not in seen]
            seen.update(new)
            todo += new[::-1]
        return list(found)

    def _put(self, step: Step, loop: Loop) -> None:
        """Make a step in a loop, after those on which it waits."""
        todo = [step]
        while todo:
            step = todo.pop()
            before = [self.waiting[v] for v in step.uses if v in self.waiting and v is not step.result]
            if before:
                todo += [step, *before]
            elif step.result not in loop.made:
                self.waiting.pop(step.result, None)
                self._reads(loop, step.uses)
                loop.steps.append(step)
                loop.made.add(step.result)
                self.inside[step.result] = loop
                self.made[step.result] = len(self.made), step

    def _reads(self, loop: Loop, values: Any) -> None:
        for v in values:
            if v.weak:
                if v not in self.weak:
                    self.weak.append(v)
            elif v not in loop.made:
                for step in self._again(v, loop):
                    self._reads(loop, [x for x in step.uses if x not in loop.made])
                    loop.steps.append(step)
                    loop.made.add(step.result)
                if v not in loop.made:
                    loop.loads[v] = self.view(v)

    def _again(self, value: Value, loop: Loop) -> list[Step]:
        """Steps that make a value, which another loop has in registers, once more: where that takes a few of them,
        without a chance to round otherwise, and less memory than to write it there and to read it here."""
        if value in self.views or value.size < LARGE:
            return []
        steps: dict[Value, tuple[int, Step]] = {}
        reads: dict[Value, None] = {}
        todo = [value]
        while todo:
            v = todo.pop()
            if v.weak or v in loop.made or v in reads or v in steps:
                continue
            if v in self.views or v not in self.made or v.size * SMALL <= value.size:
                if v in self.waiting or self._kept_by(v) >= loop.number:
                    return []
                reads[v] = None
                continue
            _, step = steps[v] = self.made[v]
            if step.primitive not in SIMPLE or len(steps) > FEW:
                return []
            todo += step.uses
        new = sum([v.size * v.dtype.itemsize for v in reads if v not in loop.loads])
        if new >= 2 * value.size * value.dtype.itemsize:
            return []
        return [step for _, step in sorted(steps.values(), key=lambda made: made[0])]

    def _kept_by(self, value: Value) -> int:
        """The number of the kernel that writes a value to memory, or could."""
        loop = self.inside.get(value)
        return self.ready.get(value, -1 if loop is None else loop.number)

    def _replace(self, value: Value, before: Value) -> None:
        """Write a result where an input was: at once, if nobody reads that after, and each entry at its place only."""
        out, old = self.outputs.pop(value), self.inputs.get(before)
        if old is None:  # the input is not read at all
            old = self.view(before).buffer
        self.replaced.append((out, old))
        out.kind, last = "own", out.last
        out.last = len(self.kernels)
        loop = self.kernels[last]
        if not isinstance(loop, Loop) or out.first != last or old.last != last:
            return
        loads = [view for view in loop.loads.values() if view.buffer is old]
        stores = [(v, view) for v, view in loop.stores.items() if view.buffer is out]
        whole = len(loop.shape) == 1 or all(len(view.shape) == len(loop.shape) for view in loads)
        if len(stores) == 1 and whole and all(view.contiguous and view.shape == loop.shape for view in loads):
            ((v, view),) = stores
            loop.stores[v] = View(old, view.offset, view.strides, view.shape)
            self.replaced.remove((out, old))
            self.buffers.remove(out)

    def with_copies(self, kernel: MatrixProduct) -> MatrixProduct:
        """Memory for what a product copies."""
        m, dtype = kernel.a.shape[-2], kernel.out.buffer.dtype
        room = kernel.room
        if room.copies_a:
            kernel.copy_a = self.buffer("own", Value(-1, (m, room.inner), dtype))
        if room.copies_b:
            kernel.copy_b = self.buffer("own", Value(-1, (room.inner, room.vectors * room.lanes), dtype))
        return kernel

    def without_copies(self, kernel: MatrixProduct) -> None:
        """Have a product, which is not made, copy nothing."""
        self.buffers = [b for b in self.buffers if b is not kernel.copy_a and b is not kernel.copy_b]

    def _memory(self, value: Value) -> View:
        """Memory for a value that several kernels make."""
        view = self.new(value, -1)
        self.ready[value] = -1
        return view

    def _filled(self, out: Value, view: View, number: float) -> None:
        """Write a number into a part of a value's memory."""
        if view.size:
            loop = Loop(view.shape, len(self.kernels))
            self.kernels.append(loop)
            self._stored(out, view, number, loop)

    def _stored(self, out: Value, view: View, x: Any, loop: Loop, primitive: str = "positive") -> None:
        """Have a loop write `x` into a part of a value's memory, or with "add" what stands there and `x`."""
        part = Value(-1, view.shape, out.dtype)
        args: tuple[Any, ...] = (x,)
        if primitive == "add":
            before = Value(-1, view.shape, out.dtype)
            loop.loads[before], args = view, (before, x)
        self._reads(loop, [x] if isinstance(x, Value) else [])
        loop.steps.append(Step(primitive, args, {}, (part,)))
        loop.made.add(part)
        loop.stores[part] = view
        self.ready[out] = max(self.ready[out], loop.number)

    def _deliver(self, value: Value) -> None:
        """See that a result stands in memory of its own, without gaps."""
        view = self.view(value)
        if self.outputs.get(value) is view.buffer:
            return
        if view.buffer.kind == "own" and view.contiguous and view.buffer.size == max(value.size, 1):
            view.buffer.kind = "output"
            self.outputs[value] = view.buffer
            return
        self.outputs[value] = self._copied(value, "output").buffer

    def forget(self, kernels: Sequence[Loop]) -> None:
        """Have no memory for loops that are not made."""
        gone = {view.buffer for kernel in kernels for view in kernel.loads.values()}
        self.buffers = [b for b in self.buffers if b not in gone]

    def count_uses(self, groups: Sequence[Group] = ()) -> None:
        """Note for each buffer between which kernels it is in use. Those of a group may run at one time."""
        together: dict[int, tuple[int, int]] = {}
        for first, slices, depth in groups:
            end = first + slices * depth
            together |= dict.fromkeys(range(first, end), (first, end - 1))
        for buffer in self.buffers:
            buffer.first = buffer.last = -1
        for k, kernel in enumerate(self.kernels):
            first, last = together.get(k, (k, k))
            for view in used(kernel):
                buffer = view.buffer
                buffer.first = first if buffer.first < 0 else buffer.first
                buffer.last = last
        for out, _ in self.replaced:
            out.last = len(self.kernels)


def _closed(loop: Loop, form: Any) -> bool:
    """Whether a loop takes no step of this form (a copy has none) any more, nor any other: it is long, and here
    its steps begin anew. LLVM's time for a loop grows with its steps, but equal loops are compiled once: so the rounds
    of a recurrence are cut alike."""
    size = len(loop.steps)
    loop.closed = loop.closed or (size >= LONG and (form in (loop.form, None) or size >= LONGEST))
    return loop.closed
