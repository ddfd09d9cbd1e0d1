"""A program as kernels: loops over one shape, in which chains of operations of entries stay in registers.

`Lowering` gives each step a place: in a loop with those that it follows, as another view of memory, or as a product of
matrices. What is made in a loop is written to memory only where somebody else needs it.
"""

from __future__ import annotations

from collections import Counter
from itertools import product

from ..ops.window import inside, tap
from ..program.program import Program, Step, Value
from .dividing import blocks
from .kernels import Convolution, Loop, MatrixProduct
from .places import Places
from .steps import REDUCTIONS, VIEWS, Pick, index_of, part_shape, picked
from .views import View, around, dense, divided, merged, sliced, viewed

OFTEN = 4  # products with one matrix, for which it is copied once
FEW = 8  # values from which a step that has no loop yet may be made
MANY = 32  # steps that it may be made by


class Lowering(Places):
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
        super().__init__(needed)
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

    def _entrywise(self, step: Step, shape: tuple[int, ...]) -> None:
        if step.primitive in ("zeros_like", "ones_like"):
            step = Step(step.primitive, (), {}, step.results)
        uses = [v for v in dict.fromkeys(step.uses) if not v.weak]
        roots: dict[Value, None] = {}  # what it is made from, and does not wait
        for v in uses:
            roots.update(dict.fromkeys(self.roots[v] if v in self.waiting else (v,)))
        steps = 1 + sum([self.heights[v] for v in uses if v in self.waiting])
        if len(roots) <= FEW and steps <= MANY and (self.inside.keys().isdisjoint(roots) or self._opens(shape, roots)):
            self.waiting[step.result] = step  # until somebody uses it, so that it is made where that is
            self.roots[step.result], self.heights[step.result] = tuple(roots), steps
        else:
            self._put(step, self._loop(shape, uses, form=step.form))

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
        loop = self._loop(x.shape, [x], form=step.form)
        self._reads(loop, [x])
        out = self.new(step.result, loop.number)
        loop.reductions.append((step, out))

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
        kernel = MatrixProduct(
            number, *views, self.new(step.result, number), blocks(*views, self.registers), site=step.site
        )
        self.kernels.append(kernel)
        self.with_copies(kernel)

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
