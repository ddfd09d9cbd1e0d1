"""A program as kernels: loops over one shape, in which chains of operations of entries stay in registers.

`lowered` gives each step a place: in a loop with those that it follows, as another view of memory, or as a product of
matrices. What is made in a loop is written to memory only where somebody else needs it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..program.program import Program, Step, Value

TYPES = {"float32", "float64", "int64", "int32", "bool"}

NEAR = 8  # how far back a loop is looked for that reads the same

# operations of entries, by the names of NumPy
ENTRYWISE = {
    "add", "subtract", "multiply", "divide", "negative", "positive", "absolute", "fabs", "sign", "square", "sqrt",
    "reciprocal", "exp", "log", "log1p", "expm1", "tanh", "maximum", "minimum", "greater", "greater_equal", "less",
    "less_equal", "equal", "not_equal", "logical_and", "logical_or", "logical_not", "isfinite", "isnan", "where",
    "astype", "power", "sin", "cos", "floor", "ceil", "rint", "trunc", "bitwise_and", "bitwise_or", "invert",
    "conjugate",     "zeros_like", "ones_like", "copysign", "signbit", "exp2", "log2", "log10",
}  # fmt: skip
REDUCTIONS = {"sum": "add", "maximum.reduce": "maximum", "minimum.reduce": "minimum"}
VIEWS = {"reshape", "swapaxes", "transpose", "broadcast_to", "expand_dims", "squeeze", "moveaxis", "getitem"}


@dataclass(eq=False)
class Buffer:
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

    buffer: Buffer
    offset: int
    strides: tuple[int, ...]
    shape: tuple[int, ...]

    @property
    def contiguous(self) -> bool:
        return self.strides == dense(self.shape) or math.prod(self.shape) <= 1


@dataclass(eq=False)
class Loop:
    """Steps on entries over one shape, and sums of them."""

    shape: tuple[int, ...]
    number: int
    steps: list[Step] = field(default_factory=list)
    loads: dict[Value, View] = field(default_factory=dict)
    stores: dict[Value, View] = field(default_factory=dict)
    reductions: list[tuple[Step, View]] = field(default_factory=list)
    gathers: dict[Value, tuple[View, tuple[Any, ...]]] = field(default_factory=dict)
    scatters: list[tuple[View, tuple[Any, ...], Any]] = field(default_factory=list)
    made: set[Value] = field(default_factory=set)


@dataclass(eq=False)
class Product:
    """out = a @ b, over leading axes as well."""

    number: int
    a: View
    b: View
    out: View


def dense(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of an array without gaps."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


class Lowering:
    """The kernels of a run of steps."""

    def __init__(
        self, program: Program, steps: list[Step], needed: set[Value], changed: dict[Value, Value] | None = None
    ) -> None:
        self.changed = changed or {}  # results that take the place of an input
        self.needed = needed  # values that are used after these steps
        self.kernels: list[Loop | Product] = []
        self.views: dict[Value, View] = {}
        self.ready: dict[Value, int] = {}  # the number of the kernel after which a value is in memory
        self.inside: dict[Value, Loop] = {}  # values that are made in a loop
        self.buffers: list[Buffer] = []
        self.inputs: dict[Value, Buffer] = {}
        self.outputs: dict[Value, Buffer] = {}
        self.replaced: list[tuple[Buffer, Buffer]] = []  # copied at the end
        self.waiting: dict[Value, Step] = {}  # steps on inputs alone, which have no loop yet
        self.weak: list[Value] = []
        self.program = program
        self.users: dict[Value, int] = {}
        for step in steps:
            self._lower(step)
        for value in needed:
            self._deliver(value)
        self._uses()
        for value, before in self.changed.items():
            self._replace(value, before)

    def _lower(self, step: Step) -> None:
        name, out = step.primitive, step.result
        if name in VIEWS and not _gathers(step):
            self._view(step)
        elif name == "matmul":
            self._product(step)
        elif name in REDUCTIONS:
            self._reduction(step)
        elif name == "setitem" and _gathers(step):
            self._scatter(step)
        elif name in ("setitem", "concatenate", "stack"):
            self._assembled(step)
        else:
            self._entrywise(step, out.shape)

    def buffer(self, kind: str, value: Value) -> Buffer:
        found = Buffer(kind, len(self.buffers), value.dtype, max(value.size, 1))
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

    def _loop(self, shape: tuple[int, ...], uses: list[Value], fresh: bool = False) -> Loop:
        """The latest loop over this shape that may take a step on these values, or a new one; what waits goes there."""
        waiting = [v for v in uses if v in self.waiting]
        if fresh or any(v.shape != shape for v in waiting):
            for v in waiting:
                self.view(v)
        waiting = [v for v in waiting if v in self.waiting]
        after, inside = -1, [self.inside[v] for v in uses if v in self.inside and v.shape == shape]
        known = [v for v in uses if v not in self.waiting] + [x for v in waiting for x in self._roots(v)]
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

    def _roots(self, value: Value) -> list[Value]:
        """What a value that waits is made from, and does not wait."""
        if value not in self.waiting:
            return [value]
        return [x for v in self.waiting[value].uses if not v.weak for x in self._roots(v)]

    def _put(self, step: Step, loop: Loop) -> None:
        """Make a step in a loop, after those on which it waits."""
        self.waiting.pop(step.result, None)
        for v in step.uses:
            if v in self.waiting:
                self._put(self.waiting[v], loop)
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
        uses = [v for v in dict.fromkeys(step.uses) if not v.weak]
        if step.primitive in ("zeros_like", "ones_like"):
            step, uses = Step(step.primitive, (), {}, step.results), []
        source = None
        if step.primitive == "getitem":
            source, uses = uses[0], [v for v in uses if v is not step.args[0]]
            self.view(source)
            if source in self.inside:
                self.ready[source] = self.inside[source].number
            loop = self._loop(shape, uses, fresh=True)
            loop.gathers[step.result] = self.view(source), _index(step)
            self._reads(loop, uses)
            loop.steps.append(step)
            loop.made.add(step.result)
            self.inside[step.result] = loop
        elif not any(v in self.inside for v in uses):
            self.waiting[step.result] = step  # until somebody uses it, so that it is made where that is
        else:
            self._put(step, self._loop(shape, uses))

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
        number = len(self.kernels)
        views = self.view(a), self.view(b)
        self.kernels.append(Product(number, *views, self.new(step.result, number)))

    def _scatter(self, step: Step) -> None:
        """`setitem`: a copy, and then a loop that writes to places."""
        x, _, value = step.args
        index = _index(step)
        copy = self._loop(x.shape, [x], fresh=True)
        self._reads(copy, [x])
        out = self.new(step.result, copy.number)
        copy.steps.append(Step("positive", (x,), {}, (step.result,)))
        copy.made.add(step.result)
        copy.stores[step.result] = out
        values = [v for v in step.uses if v is not x and not v.weak]
        shape = np.broadcast_shapes(*(k.shape for k in index))
        loop = self._loop(shape, values, fresh=True)
        self._reads(loop, values)
        loop.scatters.append((out, index, value))
        self.ready[step.result] = loop.number

    def _assembled(self, step: Step) -> None:
        """Parts that are copied next to each other, or into an array: into views of the result."""
        out = step.result
        memory = View(self.buffer("output" if out in self.needed else "own", out), 0, dense(out.shape), out.shape)
        if memory.buffer.kind == "output":
            self.outputs[out] = memory.buffer
        if step.primitive == "setitem":
            x, _, value = step.args
            part = _basic(memory, _index(step), ())
            assert part is not None
            shape = _shape(step)
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

    def _uses(self) -> None:
        for k, kernel in enumerate(self.kernels):
            for view in used(kernel):
                buffer = view.buffer
                buffer.first = k if buffer.first < 0 else buffer.first
                buffer.last = k


def used(kernel: Loop | Product) -> Iterator[View]:
    """The views that a kernel reads and writes."""
    if isinstance(kernel, Product):
        yield from (kernel.a, kernel.b, kernel.out)
        return
    yield from kernel.loads.values()
    yield from kernel.stores.values()
    yield from (view for _, view in kernel.reductions)
    yield from (view for view, _ in kernel.gathers.values())
    yield from (view for view, _, _ in kernel.scatters)


def _gathers(step: Step) -> bool:
    return step.primitive in ("getitem", "setitem") and any(isinstance(v, Value) for v in _index(step))


def _index(step: Step) -> tuple[Any, ...]:
    index = step.args[1]
    return index if isinstance(index, tuple) else (index,)


def viewed(x: View, step: Step) -> View | None:
    """The view that a step gives, or None where strides do not tell it."""
    name, shape = step.primitive, step.result.shape
    if name == "reshape":
        return _reshaped(x, shape)
    if name == "getitem":
        return _basic(x, _index(step), shape)
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


def _basic(x: View, index: tuple[Any, ...], shape: tuple[int, ...]) -> View | None:
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


def can(step: Step) -> bool:
    """Whether a step has a kernel."""
    name = step.primitive
    values = [*step.uses, *step.results]
    if len(step.results) != 1 or any(str(v.dtype) not in TYPES for v in values if not v.weak):
        return False
    out = step.result
    if any(v.size == 0 for v in values) or len(out.shape) > 6:
        return False
    if name in VIEWS:
        if name == "getitem":
            index = _index(step)
            if _gathers(step):
                return _plain_gather(step.args[0], index)
            return _slices(index)
        return set(step.kwargs) <= {"axes"} or (
            name == "reshape" and step.kwargs.get("order", "C") == "C" and set(step.kwargs) <= {"order", "shape"}
        )
    if name == "setitem":
        x, _, value = step.args
        if not isinstance(x, Value) or not isinstance(value, Value | int | float):
            return False
        return _plain_gather(x, _index(step)) if _gathers(step) else _slices(_index(step))
    if name in ("concatenate", "stack"):
        return (
            set(step.kwargs) <= {"axis"}
            and (step.kwargs.get("axis", 0) is not None)
            and all(isinstance(x, Value) for x in step.args[0])
        )
    if name == "matmul":
        a, b = step.args
        return bool(
            out.dtype.kind == "f"
            and a.dtype == b.dtype == out.dtype
            and min(len(a.shape), len(b.shape)) >= 2
            and not step.kwargs
            and (
                len(a.shape) == len(b.shape) == 2
                or a.shape[:-2] == b.shape[:-2]
                or len(b.shape) == 2
                or len(a.shape) == 2
            )
        )
    if name in REDUCTIONS:
        return bool(
            out.dtype.kind == "f" and step.uses[0].dtype == out.dtype and set(step.kwargs) <= {"axis", "keepdims"}
        )
    if name not in ENTRYWISE:
        return False
    if name == "astype":
        return len(step.uses) == 1
    if name in ("zeros_like", "ones_like"):
        return set(step.kwargs) <= {"shape", "dtype", "order"} and out.dtype.kind in "fib"
    if step.kwargs:
        return False
    if name in FLOATING and out.dtype.kind != "f":
        return False
    if (
        name in ("sign", "reciprocal", "divide", "power", "maximum", "minimum")
        and out.dtype.kind != "f"
        and name != "sign"
    ):
        return name in ("maximum", "minimum")
    if name == "sign":
        return out.dtype.kind == "f"
    if name in ("invert", "bitwise_and", "bitwise_or") and out.dtype != bool:
        return False
    return not (name in ("add", "multiply", "subtract", "negative", "absolute") and out.dtype == bool)


FLOATING = {
    "exp",
    "log",
    "log1p",
    "expm1",
    "tanh",
    "sqrt",
    "sin",
    "cos",
    "fabs",
    "exp2",
    "log2",
    "log10",
    "copysign",
    "floor",
    "ceil",
    "rint",
    "trunc",
}


def _slices(index: tuple[Any, ...]) -> bool:
    """Whether an index has slices and numbers only."""
    return all(
        (isinstance(k, slice | int | np.integer) and not isinstance(k, bool)) or k is None or k is Ellipsis
        for k in index
    )


def _shape(step: Step) -> tuple[int, ...]:
    """The shape of the part that a `setitem` writes into."""
    return tuple(np.broadcast_to(np.empty((), np.int8), step.result.shape)[_index(step)].shape)


def _plain_gather(x: Value, index: tuple[Any, ...]) -> bool:
    """An index by arrays of integers, one for each axis."""
    return len(index) == len(x.shape) and all(
        isinstance(k, Value) and k.dtype.kind == "i" and not k.weak for k in index
    )
