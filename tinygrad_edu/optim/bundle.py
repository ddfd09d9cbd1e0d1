"""Parameters that are updated together.

An update rule is a formula of each entry, so it does not care where one parameter ends: small
parameters of one dtype are laid end to end in one array, which the rule then updates in a few calls
of NumPy; a large one is updated block by block, while the block is in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from operator import attrgetter, call, setitem
from typing import TYPE_CHECKING, Any

import numpy as np

from ..annotations import Array, DTypeLike
from ..changes import each, make
from ..engine import STEPPED
from ..errors import ShapeError
from ..holders import USED, births, stays
from ..sums import worked_in

if TYPE_CHECKING:
    from ..tensor import Tensor

BLOCK = 16384  # entries; what a rule works on at once stays below a megabyte
SMALL = BLOCK // 4
LANE = 16  # parameters start at multiples of this, where vector instructions like it


MARKED = attrgetter("site", "store", "source")  # of a parameter: what a step may have to change
USUAL = [(STEPPED, None, None), (STEPPED, USED, None)]  # after a step, and when a graph has used it since

Rule = Callable[[int, Any, Any, Any], None]  # (step, values, gradient, state), all rows but the step


class Bundle:
    """Some parameters, their state, and how many steps each has made."""

    def __init__(self, params: Sequence[Any], initial: Mapping[str, float]) -> None:
        self.params = list(params)
        self.dtype = params[0]._data.dtype
        self.shapes = [p.shape for p in self.params]
        self.steps = [0] * len(self.params)
        self.slices: list[slice] = []
        start = 0
        for p in self.params:
            self.slices.append(slice(start, start + p.size))
            start += -(-p.size // LANE) * LANE
        total = start if len(self.params) > 1 else self.params[0].size
        self.total = total
        self.state: dict[str, Any] = {}
        self.keep(initial)
        self._build_homes()

    def _build_homes(self) -> None:
        """The arrays in which several parameters are updated as one."""
        if len(self.params) > 1:
            self.values, self.grads = np.zeros(self.total, self.dtype), np.zeros(self.total, self.dtype)
            self.homes = [
                (p, self.grads[cut].reshape(shape), shape, cut)
                for p, shape, cut in zip(self.params, self.shapes, self.slices, strict=True)
            ]

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("values", "grads", "homes")}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        """A copy, or what was pickled, has homes of its own: copied views would no longer be views."""
        self.__dict__.update(kept)
        self._build_homes()

    def keep(self, initial: Mapping[str, float]) -> None:
        """Have a row for each name, at first filled with its number."""
        for name, value in initial.items():
            if name not in self.state:
                self.state[name] = np.full(self.total, value, worked_in(self.dtype))

    def loaded(
        self, initial: Mapping[str, float], steps: Mapping[int, int], rows: Mapping[int, Mapping[str, Any]]
    ) -> dict[str, Any]:
        """The attributes of this bundle with other steps and state, by the ids of parameters: new arrays."""
        state = {name: np.array(array) for name, array in self.state.items()}
        for name, value in initial.items():
            array = state.setdefault(name, np.full(self.total, value, worked_in(self.dtype)))
            for p, cut, shape in zip(self.params, self.slices, self.shapes, strict=True):
                if name in rows[id(p)]:
                    array[cut].reshape(shape)[...] = rows[id(p)][name]
        return {"steps": [steps[id(p)] for p in self.params], "state": state}

    def part(self, name: str, i: int) -> Any:
        """The state `name` of parameter `i`, to be read or written."""
        return self.state[name][self.slices[i]].reshape(self.shapes[i])

    def parts(self, rule: Rule) -> list[Part]:
        """What `rule` is to change: all parameters as one, or each that has a gradient by itself."""
        if len(self.params) > 1 and self._move_in():
            return [Part(self, range(len(self.params)), self.values, self.grads, self.state, rule)]
        return [self._part(i, p, rule) for i, p in enumerate(self.params) if p._grad is not None]

    def _move_in(self) -> bool:
        """Bring all gradients, and values that are elsewhere, into the bundle's own arrays.

        False if the parameters cannot be updated as one: a gradient is missing, one has made fewer
        steps, or the user holds a parameter's array, which must then stay where it is.
        """
        steps = self.steps
        if steps[0] != steps[-1] or steps.count(steps[0]) != len(steps):
            return False
        values = self.values
        for p, home, shape, cut in self.homes:
            g, data = p._grad, p._data
            if g is None or g._data.shape != shape:
                return False
            if data.base is not values:
                if stays(p) or data.dtype != self.dtype or data.shape != shape:
                    return False
                moved = values[cut].reshape(shape)
                moved[...] = data
                p._data, p.store = moved, None
            home[...] = g._data
        return True

    def _part(self, i: int, p: Tensor, rule: Rule) -> Part:
        """Parameter `i` by itself, in memory of its own unless the user may hold it."""
        data, g = p._data, p._grad._data
        if np.shape(data) != self.shapes[i]:
            raise ShapeError(
                f"optimizer.step: a parameter must keep its shape {self.shapes[i]}; got {np.shape(data)}; build the "
                "optimizer again after changing the model"
            )
        if np.shape(g) != np.shape(data):
            raise ShapeError(
                f"optimizer.step: a gradient must have its parameter's shape {p.shape}; got {np.shape(g)}; "
                "set p.grad = None and call backward() again"
            )
        shared = not self.steps[i] and not stays(p) and p.store not in (None, USED)
        if shared or not isinstance(data, np.ndarray) or not data.flags.writeable:
            p._data, p.store = data, _ = np.array(data), None
        state = {name: row[self.slices[i]] for name, row in self.state.items()}
        return Part(self, (i,), data, np.asarray(g, data.dtype).reshape(-1), state, rule)


class Alone(Bundle):
    """One parameter that is updated as a whole; its state, at first zeros, has shapes of its own."""

    def keep(self, initial: Mapping[str, Any]) -> None:
        """Have zeros of these shapes, by their names."""
        self.state |= {name: np.zeros(shape, worked_in(self.dtype)) for name, shape in initial.items()}

    def loaded(
        self, initial: Mapping[str, float], steps: Mapping[int, int], rows: Mapping[int, Mapping[str, Any]]
    ) -> dict[str, Any]:
        key = id(self.params[0])
        state = {name: np.array(rows[key].get(name, array), array.dtype) for name, array in self.state.items()}
        return {"steps": [steps[key]], "state": state}

    def part(self, name: str, i: int) -> Any:
        return self.state[name]


class Part:
    """Parameters of a bundle that are updated as rows of numbers: values, gradient and state."""

    __slots__ = ("block", "bundle", "done", "grads", "rule", "size", "state", "values", "which")

    def __init__(
        self, bundle: Bundle, which: Sequence[int], values: Array, grads: Array, state: dict[str, Any], rule: Rule
    ) -> None:
        self.bundle, self.which, self.rule = bundle, which, rule
        self.values, self.grads, self.state = values, grads, state
        self.size, self.done = values.size, 0  # how many numbers are updated
        self.block = BLOCK if values.flags.c_contiguous else self.size

    def changes(self) -> list[Iterable[Any]]:
        """Apply the rule to copies of the next block; to make these changes is to write them back."""
        step, grads = self.bundle.steps[self.which[0]] + (not self.done), self.grads
        old = [self.values.reshape(-1), *self.state.values()]
        if self.size > self.block:
            cut = slice(self.done, self.done + self.block)
            old, grads = [row[cut] for row in old], grads[cut]
        new = [row.copy() for row in old]
        self.rule(step, new[0], grads, dict(zip(self.state, new[1:])))
        if self.block is not BLOCK:
            old[0], new[0] = self.values, new[0].reshape(self.values.shape)
        changes: list[Iterable[Any]] = [map(setitem, old, repeat(...), new)]
        return changes if self.size <= self.block else [*changes, each((self,), "done", (self.done + self.block,))]

    def marks(self) -> list[Iterable[Any]]:
        """To make these changes counts the step, and lets graphs that were recorded before know of it."""
        which, steps, params = self.which, self.bundle.steps, self.bundle.params
        params = params if len(which) == len(params) else [params[i] for i in which]
        marks = [
            each(params, "born", iter(births, None)),
            each([p._grad for p in params], "site", repeat(STEPPED)),
            map(setitem, repeat(steps), which, repeat(steps[which[0]] + 1)),
        ]
        if not all(map(USUAL.__contains__, map(MARKED, params))):
            more = [p for p in params if MARKED(p) not in USUAL]
            marks += [
                each(more, "site", repeat(STEPPED)),
                *(each(more, name, repeat(None)) for name in ("past", "source")),
            ]
            sharing = [p for p in more if p.store not in (None, USED)]
            marks.append(each([p.store for p in sharing], "written", map(attrgetter("born"), sharing)))
            marks.append(map(call, [p.store.seen.clear for p in sharing]))
        return marks


def step(parts: Sequence[Part]) -> None:
    """Change the parameters and their state: all, or none if an error or an interrupt comes before the first write.

    The first block of each part is computed before any is written, and one loop of C writes them all, which no signal
    handler interrupts. The further blocks of large parameters follow one by one; an interrupt among them is raised
    again when they are done.
    """
    changes = [change for part in parts for change in (*part.marks(), *part.changes())]
    large = [part for part in parts if part.size > part.block]
    if large:
        _finish(changes, large)
    else:
        make(changes)


def _finish(changes: list[Iterable[Any]], large: Sequence[Part]) -> None:
    try:
        make(changes)
        changes.clear()
        for part in large:
            while part.done < part.size:
                make(part.changes())
    except KeyboardInterrupt:
        if large[0].done:
            _finish([], large)
        raise


def bundles(params: Sequence[Any], initial: Mapping[str, float]) -> list[Bundle]:
    """The parameters, in bundles of at most a block of one dtype; large ones by themselves."""
    done: list[list[Any]] = []
    filling: dict[Any, list[Any]] = {}
    room: dict[Any, int] = {}
    for p in params:
        dtype, size = p._data.dtype, -(-p.size // LANE) * LANE
        if size > SMALL or not p.size:
            done.append([p])
        elif dtype in filling and room[dtype] >= size:
            filling[dtype].append(p)
            room[dtype] -= size
        else:
            filling[dtype], room[dtype] = [p], BLOCK - size
            done.append(filling[dtype])
    return [Bundle(group, initial) for group in done]


def workspace(dtype: DTypeLike) -> tuple[Any, Any]:
    """Two rows of a block, for a rule to work in."""
    return np.empty(BLOCK, worked_in(dtype)), np.empty(BLOCK, worked_in(dtype))
