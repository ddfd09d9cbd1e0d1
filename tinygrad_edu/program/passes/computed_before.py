"""What a loop has computed step by step is not computed again for all steps at once, as the gradient of a whole
sequence does: it is the stack of what there is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from ..program import Program, Step, Value, form_of, uses_of
from .common import SMALL
from .draft import Draft
from .sections import Part, axis_of, index_from, parts_of

FEW = 4  # steps of a loop from which it is one
HEAVY = {"matmul", "exp", "log", "tanh", "sqrt", "divide", "power", "expm1", "log1p", "sin", "cos"}
Section = tuple[Value, tuple[Part, ...]]  # a part of an array: the array, and what is taken of each axis


def with_steps_computed_before(program: Program) -> Program:
    """`f(stack(xs))`, where each `f(x)` was computed before, is `stack(f(x) ...)`; so are rows of matrices times one
    matrix. Rounding differs, as a product of few rows may add up in another order than one of many."""
    if not any(step.primitive == "stack" and len(step.args[0]) >= FEW for step in program.steps):
        return program
    found = _Stacks(program)
    if not found.replaced:
        return program
    draft = Draft(program)
    for step in program.steps:
        draft.site = step.site
        parts = found.replaced.get(step.results[0])
        if parts is None:
            draft.keep(draft.follow(step))
            continue
        v = step.result
        shape = (len(parts), *_shape(parts[0]))
        stacked = draft.call("stack", ([_taken(part, draft) for part in parts],), shape, v.dtype, axis=0)
        draft.now[v] = stacked if shape == v.shape else draft.call("reshape", (stacked, v.shape), v.shape, v.dtype)
    return draft.end()


def _shape(section: Section) -> tuple[int, ...]:
    return tuple(len(k) for k in section[1] if isinstance(k, range))


def _whole(v: Value) -> Section:
    return v, tuple(map(range, v.shape))


def _taken(section: Section, draft: Draft) -> Value:
    """A section as a value."""
    x, parts = section
    x = draft.now.get(x, x)
    if parts == tuple(map(range, x.shape)):
        return x
    return draft.call("getitem", (x, index_from(parts, x.shape)), _shape(section), x.dtype)


def within(outer: tuple[Part, ...], inner: tuple[Part, ...]) -> tuple[Part, ...]:
    """A section of a section."""
    rest = iter(inner)
    return tuple(k if isinstance(k, int) else _of_range(k, next(rest)) for k in outer)


def _of_range(k: range, part: Part) -> Part:
    return k[part] if isinstance(part, int) else k[part.start : part.stop]


class _Stacks:
    """The values of a program that are stacks of other values: `parts` has those, each a section of an array.
    `replaced` are those whose own computation is heavy."""

    def __init__(self, program: Program) -> None:
        self.parts: dict[Value, list[Section]] = {}
        self.heavy: set[Value] = set()
        self.replaced: dict[Value, list[Section]] = {}
        self.sections: dict[Value, Section] = {}  # what each slice is a section of
        self.slices: dict[Section, Value] = {}
        self.shapes: dict[tuple[Value, tuple[int, ...]], Value] = {}  # reshapes, by what they show and their shape
        self.roots: dict[Value, Value] = {}
        self.joined: dict[Value, Step] = {}  # concatenations along other axes than the first
        self.equal: dict[Any, Value] = {}  # constants, by their bytes
        self.steps: dict[Any, Value] = {}  # results of steps so far
        for v, array in program.constants.items():  # those that show the same bytes are reshapes of each other
            if v.size <= SMALL:
                self._shown(self.equal.setdefault((v.dtype, np.asarray(array).tobytes()), v), v)
        for step in program.steps:
            if len(step.results) == 1:
                self._look(step)
                if step.primitive == "matmul" or _entrywise(step.primitive):
                    self.steps.setdefault((step.form, step.uses), step.results[0])

    def _look(self, step: Step) -> None:
        """See whether a step's result is a stack."""
        v, name, args = step.results[0], step.primitive, step.args
        if (
            name == "stack"
            and axis_of(step) == 0
            and len(args[0]) >= FEW
            and all(isinstance(x, Value) for x in args[0])
        ):
            self.parts[v] = [self._section(x) for x in args[0]]
        elif name == "getitem":
            self._slice(step)
        elif name in ("reshape", "expand_dims") and isinstance(args[0], Value):
            self._shown(args[0], v)
            self._reshaped(args[0], v)
        elif name == "concatenate" and axis_of(step) != 0:
            self.joined |= {v: step} if _values(args[0]) else {}
        elif name == "concatenate" and _values(args[0]):
            parts = [self._rows_of(x) for x in args[0]]
            if all(part is not None for part in parts):
                joined = [section for part in parts for section in part or ()]
                self.parts |= {v: joined} if len(joined) == v.shape[0] >= FEW else {}
        elif name == "matmul" and not step.kwargs and args[0] in self.parts and len(args[0].shape) == 2:
            self._computed(step, [self.parts[args[0]], args[1]])
        elif _entrywise(name) and not step.kwargs and not self.parts.keys().isdisjoint(step.uses):
            lengths = {len(self.parts[x]) for x in step.uses if x in self.parts and x.shape == v.shape}
            if len(lengths) == 1 and lengths == set(v.shape[:1]):
                self._computed(step, [self._argument(x, v.shape) for x in args])

    def _section(self, v: Value) -> Section:
        return self.sections.get(v) or _whole(v)

    def _slice(self, step: Step) -> None:
        """A slice of an array; of a stack, slices of its parts."""
        x, v = step.args[0], step.result
        parts = parts_of(step.args[1], x.shape) if isinstance(x, Value) else None
        if parts is None or any(isinstance(k, range) and k.step != 1 for k in parts):
            if isinstance(x, Value) and _only_new_axes(step.args[1]):
                self._shown(x, v)
            return
        root, outer = self._section(x)
        self.sections[v] = section = root, within(outer, parts)
        self.slices.setdefault(section, v)
        if x in self.parts and len(self.parts[x]) == x.shape[0] and isinstance(parts[0], range):
            some = self.parts[x][parts[0].start : parts[0].stop]
            self.parts[v] = [self._of_joined((y, within(own, parts[1:]))) for y, own in some]
            self.heavy |= {v} if x in self.heavy else set()

    def _of_joined(self, section: Section) -> Section:
        """A section of a concatenation that lies within one part, as a section of that."""
        whole, parts = section
        step = self.joined.get(whole)
        axis = None if step is None else axis_of(step)
        if step is None or axis is None or not isinstance(k := parts[axis], range):
            return section
        start = 0
        for x in step.args[0]:
            end = start + x.shape[axis]
            if start <= k.start and k.stop <= end:
                own = range(k.start - start, k.stop - start)
                return x, (*parts[:axis], own, *parts[axis + 1 :])
            start = end
        return section

    def _shown(self, x: Value, v: Value) -> None:
        """A value that shows the entries of another in their order."""
        self.roots[v] = root = self.roots.get(x, x)
        self.shapes.setdefault((root, v.shape), v)

    def _reshaped(self, x: Value, v: Value) -> None:
        """A stack whose first two axes are one, or the other way round."""
        if x in self.parts:
            first = _shape(self.parts[x][0])
            n = len(self.parts[x])
            if v.shape in ((n, *first), (n * first[0], *first[1:]) if first else None):
                self.parts[v] = self.parts[x]
                self.heavy |= {v} if x in self.heavy else set()

    def _rows_of(self, x: Any) -> list[Section] | None:
        """What is put together along the first axis: a stack, or one entry."""
        if x in self.parts:
            return self.parts[x] if len(self.parts[x]) == x.shape[0] else None
        one = self._only(x)
        return None if one is None else [_whole(one)]

    def _only(self, x: Value) -> Value | None:
        """The one entry of an array whose first axis has length 1, if it is known as a value."""
        if not x.shape or x.shape[0] != 1:
            return None
        root = self.roots.get(x, x)
        return root if root.shape == x.shape[1:] else self.shapes.get((root, x.shape[1:]))

    def _argument(self, x: Any, shape: tuple[int, ...]) -> Any:
        """Sections of an argument for each step; or what it is for all; or None."""
        if not isinstance(x, Value) or x.weak or len(x.shape) < len(shape):
            return x
        if x in self.parts and x.shape[0] == len(self.parts[x]):
            return self.parts[x]
        if x.shape[0] == 1:
            root = self.roots.get(x, x)
            return self._only(x) or (root if (1,) * (len(x.shape) - len(root.shape)) + root.shape == x.shape else None)
        root, parts = self._section(x)
        if x.shape[0] != shape[0] or not isinstance(parts[0], range):
            return None
        return [(root, (k, *parts[1:])) for k in parts[0]]

    def _computed(self, step: Step, args: Sequence[Any]) -> None:
        """If the step was made for each part, its result is the stack of those results."""
        if any(x is None for x in args):
            return
        count = next(len(x) for x in args if isinstance(x, list))
        found = []
        for t in range(count):
            now = tuple(self._value(x[t]) if isinstance(x, list) else x for x in args)
            if any(x is None for x in now):
                return
            made = self.steps.get((form_of(step.primitive, now, step.kwargs), uses_of(now, step.kwargs)))
            if made is None:
                return
            found.append(_whole(made))
        self.parts[step.result] = found
        uses = [x for x in step.uses if x in self.heavy]
        if step.primitive in HEAVY or uses:
            self.heavy.add(step.result)
            self.replaced[step.result] = found

    def _value(self, section: Section) -> Value | None:
        """A section as a value that there is."""
        return section[0] if section == _whole(section[0]) else self.slices.get(section)


@cache
def _entrywise(primitive: str) -> bool:
    """Whether it is a function of entries."""
    ufunc = getattr(np, primitive, None)
    return isinstance(ufunc, np.ufunc) and ufunc.signature is None


def _values(xs: Sequence[Any]) -> bool:
    """Whether all that is put together are values of one dtype."""
    return all(isinstance(x, Value) and x.dtype == xs[0].dtype for x in xs)


def _only_new_axes(index: Any) -> bool:
    """Whether an index takes all entries, with new axes of length 1."""
    given = index if isinstance(index, tuple) else (index,)
    return all(k is None or k is Ellipsis or (isinstance(k, slice) and k == slice(None)) for k in given)
