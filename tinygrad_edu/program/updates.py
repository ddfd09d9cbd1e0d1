"""Steps of optimizers, while a function is read: their rules on arrays of the program, and what they count."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine import births
from ..recording import Tracer
from ..sums import worked_in
from .array import refusal
from .program import Value
from .writer import Writer
from .written import Place


class Updates(Tracer):
    """What a reading knows of optimizers."""

    def __init__(self) -> None:
        self.writer = Writer()
        self.sources: dict[Value, Place] = {}
        self.rows: dict[tuple[int, str, int], tuple[Place, Any]] = {}  # an optimizer's state, which is an array now
        self.effects: list[Callable[[], list[Any]]] = []
        self.after: list[Callable[[], None]] = []
        self.guards: list[tuple[Callable[[], Any], Any]] = []
        self.rates: list[tuple[Any, Any]] = []  # groups of optimizers, and their learning rates

    def stepped(self, optimizer: Any) -> None:
        if optimizer._steps_itself():
            raise refusal("an optimizer that defines step()", "define update(), or step outside of the function")
        if self.after:
            raise refusal("a schedule that steps before the optimizer", "step the schedule last")
        self.guards.append((functools.partial(_groups, optimizer), _groups(optimizer)))
        with np.errstate(all="ignore"):
            for group, parts in zip(optimizer.param_groups, optimizer._bundles, strict=True):
                self.rates.append((group, group["lr"]))
                rate = functools.partial(_rate, group=group)
                settings = {**group, "lr": self.writer.number(rate(None), ("lr", id(group)), rate)}
                fixed = tuple(k for k in group if k not in ("lr", "params", "initial_lr", "name"))
                self.guards.append((functools.partial(_settings, group, fixed), _settings(group, fixed)))
                kept = optimizer.initial_state(group)
                for bundle in parts:
                    if len(kept) > len(bundle.state):
                        bundle.keep(kept)
                    together = _together(bundle)  # as a rule: then one number counts the steps of all
                    self.guards.append((functools.partial(_together, bundle), together))
                    for p in bundle.params:
                        self.graded(p)
                    moving = [i for i, p in enumerate(bundle.params) if p._grad is not None]
                    for i in moving:
                        self._step(optimizer, settings, bundle, i, 0 if together else i)
                    self.effects.append(functools.partial(_counted, bundle, moving))

    def _step(self, optimizer: Any, group: Any, bundle: Any, i: int, counted: int) -> None:
        """One parameter's update, by the optimizer's own rule."""
        p = bundle.params[i]
        wide = worked_in(p._data.dtype)
        row, g = (x._data.reshape(-1).astype(wide) for x in (p, p._grad))
        state = {name: self._row(bundle, name, i) for name in bundle.state}
        a, b = (np.zeros_like(row) for _ in range(2))
        now, key = bundle.steps[counted] + 1, ("step", id(bundle), counted)
        step = self.writer.number(now, key, lambda leaves: bundle.steps[counted] + 1)
        optimizer.update(group, step, row, -g if group.get("maximize") else g, state, a, b)
        p._data = row.astype(p._data.dtype).reshape(p._data.shape)
        p.born, p.past = births(), None

    def _row(self, bundle: Any, name: str, i: int) -> Any:
        key = id(bundle), name, i
        if key not in self.rows:
            place = Place("state", bundle, (name, i))
            array = self.writer.input(bundle.part(name, i).reshape(-1), name)
            self.sources[array.value] = place
            self.rows[key] = place, array
        return self.rows[key][1]


def _rate(leaves: Any, group: Any) -> float:
    return float(group["lr"])


def _groups(optimizer: Any) -> list[Any]:
    return [list(map(id, group["params"])) for group in optimizer.param_groups]


def _together(bundle: Any) -> bool:
    """Whether all parameters of a bundle have made equally many steps."""
    return bool(bundle.steps.count(bundle.steps[0]) == len(bundle.steps))


def _counted(bundle: Any, moving: list[int]) -> list[Any]:
    """The change by which some parameters of a bundle have made one more step."""
    return [(setattr, bundle, "steps", [n + (i in moving) for i, n in enumerate(bundle.steps)])]


def _settings(group: Any, names: tuple[str, ...]) -> list[Any]:
    return [group[name] for name in names]
