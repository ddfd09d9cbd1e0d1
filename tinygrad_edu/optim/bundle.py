"""Parameters that are updated together.

An update rule is a formula of each entry, so it does not care where one parameter ends: small
parameters of one dtype are laid end to end in one array, which the rule then updates in a few calls
of NumPy; a large one is updated block by block, while the block is in the processor's cache.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..engine import USED, births
from ..errors import ShapeError
from ..guards import check_gradients

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
                self.state[name] = np.full(self.total, value, self.dtype)

    def part(self, name: str, i: int) -> Any:
        """The state `name` of parameter `i`, to be read or written."""
        return self.state[name][self.slices[i]].reshape(self.shapes[i])

    def update(self, rule: Rule) -> None:
        """Apply `rule` to every parameter that has a gradient."""
        check_gradients(self.params)
        if len(self.params) > 1 and self._move_in():
            self.steps = [self.steps[0] + 1] * len(self.steps)
            rule(self.steps[0], self.values, self.grads, self.state)
            for p in self.params:
                p.born, p.past, p.site, p._grad.site = births(), None, USED, USED
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
                if sys.getrefcount(data) > 3 or data.dtype != self.dtype or data.shape != shape:
                    return False
                p._data = values[cut].reshape(shape)
                p._data[...] = data
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
        self.steps[i] += 1
        in_place = isinstance(data, np.ndarray) and data.flags.c_contiguous and data.flags.writeable
        values = data.reshape(-1) if in_place else np.array(data).reshape(-1)
        grads = np.asarray(g, data.dtype).reshape(-1)
        first = self.slices[i].start
        for start in range(0, max(values.size, 1), BLOCK):
            cut = slice(start, start + BLOCK)
            own = slice(first + start, first + min(start + BLOCK, values.size))
            rule(self.steps[i], values[cut], grads[cut], {k: s[own] for k, s in self.state.items()})
        if not in_place and isinstance(data, np.ndarray) and data.flags.writeable:
            data[...] = values.reshape(data.shape)
        elif not in_place:
            p._data = values.reshape(np.shape(data))[()]
        p.born, p.past, p.site, p._grad.site = births(), None, USED, USED


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
    return np.empty(BLOCK, dtype), np.empty(BLOCK, dtype)
