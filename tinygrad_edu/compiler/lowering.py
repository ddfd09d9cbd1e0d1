"""A program as kernels: loops over one shape, in which chains of operations of entries stay in registers.

`Lowering` gives each step a place: in a loop with those that it follows, as another view of memory, or as a product of
matrices. What is made in a loop is written to memory only where somebody else needs it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import count, product
from typing import Any

from ..ops.window import inside, tap
from ..program.program import Program, Step, Value
from .dividing import blocks
from .kernels import Convolution, Loop, Product, used
from .steps import REDUCTIONS, VIEWS, Pick, index_of, part_shape, picked
from .views import Buffer, View, around, dense, divided, merged, sliced, viewed

OFTEN = 4  # products with one matrix, for which it is copied once
FEW = 8  # values from which a step that has no loop yet may be made
NEAR = 8  # how far back a loop is looked for that reads the same


class Lowering:
    """The kernels of a run of steps."""

    def __init__(
        self,
        program: Program,
        steps: list[Step],
        needed: list[Value],
        changed: dict[Value, Value] | None = None,
        registers: tuple[int, int] = (64, 24),
    ) -> None:
        self.registers = registers  # bytes of one, and how many keep sums
        self.changed = changed or {}  # results that take the place of an input
        self.needed = dict.fromkeys(needed)  # values that are used after these steps
        self.kernels: list[Loop | Product | Convolution] = []
        self.views: dict[Value, View] = {}
        self.ready: dict[Value, int] = {}  # the number of the kernel after which a value is in memory
        self.inside: dict[Value, Loop] = {}  # values that are made in a loop
        self.buffers: list[Buffer] = []
        self.numbers = count()
        self.inputs: dict[Value, Buffer] = {}
        self.outputs: dict[Value, Buffer] = {}
        self.replaced: list[tuple[Buffer, Buffer]] = []  # copied at the end
        self.waiting: dict[Value, Step] = {}  # steps on inputs alone, which have no loop yet
        self.roots: dict[Value, tuple[Value, ...]] = {}  # what these are made from
        self.weak: list[Value] = []
        self.program = program
        self.factors = Counter(step.args[1] for step in steps if step.primitive == "matmul")
        for step in steps:
            self._lower(step)
        for value in needed:
            self._deliver(value)
        self.count_uses()
        for value, before in self.changed.items():
            self._replace(value, before)

    def _lower(self, step: Step) -> None:
        name, out = step.primitive, step.result
        pick = picked(step)
        if pick is not None:
            (self._scatter if name in ("setitem", "add.at") else self._gather)(step, pick)
        elif name in VIEWS:
            self._view(step)
        elif name == "matmul":
            self._product(step)
        elif name in ("window.conv", "window.weight"):
            self._convolution(step)
        elif name == "window.pad":
            self._padded(step)
        elif name == "window.spread":
            self._spread(step)
        elif name in REDUCTIONS:
            self._reduction(step)
        elif name in ("setitem", "concatenate", "stack"):
            self._assembled(step)
        else:
            self._entrywise(step, out.shape)

    def buffer(self, kind: str, value: Value) -> Buffer:
        found = Buffer(kind, next(self.numbers), value.dtype, max(value.size, 1))
        self.buffers.append(found)
        return found

    def view(self, value: Value) -> View:
        """Where a value is in memory; made to be there, if it is in a loop only."""
        if value not in self.views:
            if value in self.waiting:
                step = self.waiting.pop(value)
                self._put(step, self._loop(value.shape, [v for v in step.uses if not v.weak]))
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

    def _view(self, step: Step) -> None:
        x = next(iter(step.uses))
        found = viewed(self.view(x), step)
        if found is None:  # no strides tell it: a copy, in the order of its entries
            self._copy(x, step)
            return
        self.views[step.result], self.ready[step.result] = found, self.ready[x]

    def _copy(self, x: Value, step: Step) -> None:
        loop = self._loop(x.shape, [x], fresh=True)
        same = Value(-1 - x.number, x.shape, x.dtype)
        loop.steps.append(Step("positive", (x,), {}, (same,)))
        loop.loads[x] = self.view(x)
        self.inside[same] = loop
        loop.made.add(same)
        self.ready[same] = loop.number
        found = viewed(self.view(same), step)
        assert found is not None
        self.views[step.result], self.ready[step.result] = found, loop.number

    def _copy_of(self, x: Value) -> None:
        """Have a value in memory without gaps."""
        view = self.view(x)
        loop = Loop(x.shape, len(self.kernels))
        self.kernels.append(loop)
        same = Value(-1 - x.number, x.shape, x.dtype)
        loop.steps.append(Step("positive", (x,), {}, (same,)))
        loop.loads[x] = view
        loop.made.add(same)
        loop.stores[same] = self.views[x] = View(self.buffer("own", x), 0, dense(x.shape), x.shape)
        self.ready[x] = loop.number

    def _loop(self, shape: tuple[int, ...], uses: list[Value], fresh: bool = False, takes: bool = False) -> Loop:
        """The latest loop over this shape that may take a step on these values, or a new one; what waits goes there,
        into a fresh one if it `takes` it."""
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
        beside = [
            k
            for k in self.kernels[-NEAR:]
            if isinstance(k, Loop) and k.shape == shape and any(v in k.loads for v in known)
        ]
        found = max(inside or beside, key=lambda k: k.number, default=None)
        if (
            fresh
            or found is None
            or found.number < after
            or any(self.inside.get(v) is found and v.shape != shape for v in known)
        ):
            found = Loop(shape, len(self.kernels))
            self.kernels.append(found)
        for v in waiting:
            if v in self.waiting:
                self._put(self.waiting[v], found)
        return found

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

    def _roots(self, value: Value) -> tuple[Value, ...]:
        """What a value that waits is made from, and does not wait."""
        return self.roots[value] if value in self.waiting else (value,)

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

    def _reads(self, loop: Loop, values: Any) -> None:
        for v in values:
            if v.weak:
                if v not in self.weak:
                    self.weak.append(v)
            elif not (v in self.inside and self.inside[v] is loop):
                loop.loads[v] = self.view(v)

    def _entrywise(self, step: Step, shape: tuple[int, ...]) -> None:
        if step.primitive in ("zeros_like", "ones_like"):
            step = Step(step.primitive, (), {}, step.results)
        uses = [v for v in dict.fromkeys(step.uses) if not v.weak]
        roots = tuple(dict.fromkeys(x for v in uses for x in self._roots(v)))
        if len(roots) <= FEW and not any(v in self.inside for v in roots):
            self.waiting[step.result] = step  # until somebody uses it, so that it is made where that is
            self.roots[step.result] = roots
        else:
            self._put(step, self._loop(shape, uses))

    def _gather(self, step: Step, pick: Pick) -> None:
        """Entries at places that arrays of indices name."""
        source = self.view(pick.source)
        loop = self._picked(pick, [])
        loop.gathers[step.result] = source, pick.index
        loop.steps.append(step)
        loop.made.add(step.result)
        self.inside[step.result] = loop

    def _picked(self, pick: Pick, values: list[Value]) -> Loop:
        """A new loop over what is picked, which reads the indices: those stand in front of the axes that are whole."""
        indices = [v for v in pick.index if isinstance(v, Value)]
        views = [(v, self.view(v)) for v in indices]
        loop = self._loop(pick.shape, values, fresh=True, takes=True)
        for v, view in views:
            shape = (*view.shape, *(1,) * pick.whole)
            loop.loads[v] = View(view.buffer, view.offset, (*view.strides, *(0,) * pick.whole), shape)
        return loop

    def _reduction(self, step: Step) -> None:
        (x,) = step.uses
        loop = self._loop(x.shape, [x])
        self._reads(loop, [x])
        out = self.new(step.result, loop.number)
        loop.reductions.append((step, out))

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

    def _product(self, step: Step) -> None:
        a, b = step.args
        for x in (a, b):
            view = self.view(x)
            if 1 not in view.strides[-2:] and x.size > 1:
                self._copy_of(x)
        if self.factors[b] >= OFTEN and self.view(b).strides[-1] != 1:  # a recurrence's weights: turned once
            self._copy_of(b)
        number = len(self.kernels)
        views = self.view(a), self.view(b)
        kernel = Product(number, *views, self.new(step.result, number), blocks(*views, self.registers), site=step.site)
        self.kernels.append(kernel)
        self.with_copies(kernel)

    def with_copies(self, kernel: Product) -> Product:
        """Memory for what a product copies."""
        m, dtype = kernel.a.shape[-2], kernel.out.buffer.dtype
        room = kernel.room
        if room.copies_a:
            kernel.copy_a = self.buffer("own", Value(-1, (m, room.inner), dtype))
        if room.copies_b:
            kernel.copy_b = self.buffer("own", Value(-1, (room.inner, room.vectors * room.lanes), dtype))
        return kernel

    def without_copies(self, kernel: Product) -> None:
        """Have a product, which is not made, copy nothing."""
        self.buffers = [b for b in self.buffers if b is not kernel.copy_a and b is not kernel.copy_b]

    def _convolution(self, step: Step) -> None:
        a, b = step.args
        weight = step.primitive == "window.weight"
        for v in (a, b) if weight else (a,):
            if self.view(v).strides[-1] != 1 and v.shape[-1] > 1:
                self._copy_of(v)
        number, groups = len(self.kernels), step.kwargs["groups"]
        stride, dilation = step.kwargs["stride"], step.kwargs["dilation"]
        x, other = divided(self.view(a), 1, groups), self.view(b)
        out = self.new(step.result, number)
        w, y = (out, divided(other, 1, groups)) if weight else (other, divided(out, 1, groups))
        w = w if len(w.shape) == len(x.shape) else divided(w, 0, groups)
        if set(w.shape[3:]) | set(stride) == {1} and len(stride) > 1:  # no windows: entries in one line, where they are
            one, two = merged(x, 3), merged(y, 3)
            if one is not None and two is not None:
                x, y, w = one, two, View(w.buffer, w.offset, (*w.strides[:3], 1), (*w.shape[:3], 1))
                stride = dilation = (1,)
        self.kernels.append(Convolution(number, x, w, y, stride, dilation, weight, step.site))

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

    def _padded(self, step: Step) -> None:
        """What is around is written in slabs; what is inside, where it is made."""
        (x,), out = step.args, step.result
        memory, pairs = self._memory(out), step.kwargs["pairs"]
        lead = len(out.shape) - len(pairs)
        for slab in around(memory, lead, [(a, m - b) for (a, b), m in zip(pairs, out.shape[lead:], strict=True)]):
            self._filled(out, slab, step.kwargs["value"])
        place = sliced(memory, inside(x.shape[lead:], pairs), x.shape)
        self._stored(out, place, x, self._loop(x.shape, [x]))

    def _spread(self, step: Step) -> None:
        """Parts at their places in windows: where these lie side by side, written where they are made."""
        out, memory = step.result, self._memory(step.result)
        kernel, stride, dilation = (step.kwargs[k] for k in ("kernel", "stride", "dilation"))
        n, shape = len(kernel), step.args[0].shape
        lead = len(shape) - n
        beside = kernel == stride and set(dilation) == {1}
        if beside:
            for slab in around(memory, lead, [(0, k * m) for k, m in zip(kernel, shape[lead:], strict=True)]):
                self._filled(out, slab, 0.0)
        else:
            self._filled(out, memory, 0.0)
        for place, part in zip(product(*map(range, kernel)), step.args, strict=True):
            view = sliced(memory, tap(place, shape[lead:], stride, dilation), shape)
            loop = self._loop(shape, [part], fresh=not beside)
            self._stored(out, view, part, loop, "positive" if beside else "add")

    def _scatter(self, step: Step, pick: Pick) -> None:
        """`setitem` and `add.at`: a copy, and then a loop that writes to places."""
        x, value = step.args[0], step.args[2]
        copy = self._loop(x.shape, [x], fresh=True)
        self._reads(copy, [x])
        out = self.new(step.result, copy.number)
        copy.steps.append(Step("positive", (x,), {}, (step.result,)))
        copy.made.add(step.result)
        copy.stores[step.result] = out
        values = [value] if isinstance(value, Value) and not value.weak else []
        loop = self._picked(pick, values)
        self._reads(loop, [value] if isinstance(value, Value) else [])
        loop.scatters.append((out, pick.index, value, step.primitive == "add.at"))
        self.ready[step.result] = loop.number

    def _assembled(self, step: Step) -> None:
        """Parts that are copied next to each other, or into an array: into views of the result."""
        out = step.result
        memory = View(self.buffer("output" if out in self.needed else "own", out), 0, dense(out.shape), out.shape)
        if memory.buffer.kind == "output":
            self.outputs[out] = memory.buffer
        if step.primitive == "setitem":
            x, _, value = step.args
            part = sliced(memory, index_of(step), ())
            assert part is not None
            shape = part_shape(step)
            parts = [(x, memory), (value, View(part.buffer, part.offset, part.strides, shape))]
        else:
            axis = (step.args[1] if len(step.args) > 1 else step.kwargs.get("axis", 0)) % len(out.shape)
            parts, start = [], 0
            for x in step.args[0]:
                shape = x.shape if step.primitive == "concatenate" else (*x.shape[:axis], 1, *x.shape[axis:])
                offset = start * memory.strides[axis]
                strides = (
                    memory.strides
                    if step.primitive == "concatenate"
                    else memory.strides[:axis] + memory.strides[axis + 1 :]
                )
                parts.append((x, View(memory.buffer, offset, strides, x.shape)))
                start += shape[axis]
        for x, view in parts:
            same = Value(-1, view.shape, out.dtype)
            uses = [x] if isinstance(x, Value) and not x.weak else []
            loop = self._loop(view.shape, uses, fresh=step.primitive == "setitem")
            self._reads(loop, [x] if isinstance(x, Value) else [])
            loop.steps.append(Step("positive", (x,), {}, (same,)))
            loop.made.add(same)
            loop.stores[same] = view
            self.ready[out] = max(self.ready.get(out, -1), loop.number)
        self.views[out] = memory

    def _deliver(self, value: Value) -> None:
        """See that a result stands in memory of its own, without gaps."""
        view = self.view(value)
        if self.outputs.get(value) is view.buffer:
            return
        if view.buffer.kind == "own" and view.contiguous and view.buffer.size == max(value.size, 1):
            view.buffer.kind = "output"
            self.outputs[value] = view.buffer
            return
        loop = Loop(value.shape, len(self.kernels))
        self.kernels.append(loop)
        same = Value(-1 - value.number, value.shape, value.dtype)
        loop.steps.append(Step("positive", (value,), {}, (same,)))
        loop.loads[value] = view
        loop.made.add(same)
        out = View(self.buffer("output", value), 0, dense(value.shape), value.shape)
        loop.stores[same] = out
        self.outputs[value] = out.buffer

    def count_uses(self, groups: Sequence[tuple[int, int]] = ()) -> None:
        """Note for each buffer between which kernels it is in use. Those of a group, by the first one and how many
        there are, may run at one time."""
        together = {k: (first, first + n - 1) for first, n in groups for k in range(first, first + n)}
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
