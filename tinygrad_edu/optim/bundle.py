"""Parameters that are updated together.

An update rule is a formula of each entry, so it does not care where one parameter ends: small
parameters of one dtype are laid end to end in one array, which the rule then updates in a few calls
of NumPy; a large one is updated block by block, while the block is in the processor's cache.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from operator import setitem
from typing import Any

import numpy as np

from ..engine import STEPPED
from ..errors import ShapeError
from ..holders import USED, births, held
from ..nn.guards import check_gradients
from ..sums import worked_in

BLOCK = 16384  # entries; what a rule works on at once stays below a megabyte
SMALL = BLOCK // 4
LANE = 16  # parameters start at multiples of this, where vector instructions like it

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

    def update(self, rule: Rule) -> None:
        """Apply `rule` to every parameter that has a gradient."""
        check_gradients(self.params)
        if len(self.params) > 1 and self._move_in():
            self._publish(self.values, self.grads, self.state, rule, range(len(self.params)))
        else:
            for i, p in enumerate(self.params):
                if p._grad is not None:
                    self._update_one(i, p, rule)

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

    def _update_one(self, i: int, p: Any, rule: Rule) -> None:
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
        if not self.steps[i] and not stays(p) and p.store not in (None, USED):  # memory that other tensors have, too
            data, p.store = np.array(data), None
            p._data = data
        in_place = isinstance(data, np.ndarray) and data.flags.c_contiguous and data.flags.writeable
        values = data.reshape(-1) if in_place else np.array(data).reshape(-1)
        state = {name: row[self.slices[i]] for name, row in self.state.items()}
        self._publish(values, np.asarray(g, data.dtype).reshape(-1), state, rule, (i,))
        if not in_place and isinstance(data, np.ndarray) and data.flags.writeable:
            data[...] = values.reshape(data.shape)
        elif not in_place:
            p._data = values.reshape(np.shape(data))[()]

    def _publish(self, values: Any, grads: Any, state: dict[str, Any], rule: Rule, which: Sequence[int]) -> None:
        """Apply `rule` to rows, block by block, so that an interrupt finds each block either old or new.

        Graphs recorded before learn of the step first. The rule works on copies, which stay in the cache; all
        rows of a block are then written by one loop of C, which no signal handler interrupts. An interrupt
        between two blocks is raised again when the step is whole.
        """
        step = self.steps[which[0]] + 1
        for i in which:
            p = self.params[i]
            p.born, p.past, p.source, p.site, p._grad.site = births(), None, None, STEPPED, STEPPED
            if p.store is not USED and p.store is not None:
                p.store.stamp(p.born)
        names, size = tuple(state), values.size
        rows = [values, *state.values()]
        done = np.zeros(1, np.intp)
        interrupted: BaseException | None = None
        while (start := done.item()) < size:
            try:
                old = rows if size <= BLOCK else [row[start : start + BLOCK] for row in rows]
                new = [row.copy() for row in old]
                rule(step, new[0], grads[start : start + BLOCK], dict(zip(names, new[1:])))
                deque(map(setitem, (*old, done), repeat(...), (*new, start + BLOCK)), maxlen=0)
            except KeyboardInterrupt as error:
                interrupted = error
        if len(which) == len(self.steps):
            self.steps = [step] * len(which)
        else:
            self.steps[which[0]] = step
        if interrupted is not None:
            raise interrupted


def stays(p: Any) -> bool:
    """Whether a parameter must be updated where it is, as the user may hold its array."""
    return p.store is not None and p.store.exposed and held(p)


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


def workspace(dtype: Any) -> tuple[Any, Any]:
    """Two rows of a block, for a rule to work in."""
    return np.empty(BLOCK, worked_in(dtype)), np.empty(BLOCK, worked_in(dtype))
