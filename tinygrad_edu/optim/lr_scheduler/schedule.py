"""Learning rates that change over time. Call `step()` after each epoch (OneCycleLR: after each batch).

All but ReduceLROnPlateau are formulas of the number of steps `t` and of the rate at first, `lr`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, cast

import numpy as np

from ...changes import at_once
from ...errors import StateDictError, few
from ...functions.calls import Decorated
from ...functions.settings import real, settings, several
from ...interop.names import Named
from ...recording import tracer
from ...tensor import Tensor
from ..optimizer import Optimizer


def afterwards(step: Decorated) -> Decorated:
    """Decorator: within a compiled function, step when what it computes has been written."""

    @functools.wraps(step)
    def wrapped(self: object, *args: object, **kwargs: object) -> None:
        if (by := tracer()) is not None:
            by.later(functools.partial(step, self, *args, **kwargs))
        else:
            step(self, *args, **kwargs)

    return cast(Decorated, wrapped)


class LRScheduler(Named):
    """What schedules share; a kind of schedule defines `rate`.

    Errors: a TypeError for what is no optimizer; a StateDictError where it shall go on and groups lack initial_lr; a
    ValueError where the number of groups changes, or a state does not fit.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import optim
    >>> optimizer = optim.SGD([tg.Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = optim.ExponentialLR(optimizer, gamma=0.5)
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     schedule.step()
    >>> schedule.get_last_lr()
    [0.125]
    """

    unsaved: tuple[str, ...] = ("optimizer", "lr_lambdas")  # what is no part of the state
    chains = True  # a rate that something else has changed is scaled, and not set
    grows = True  # groups may be added to the optimizer later
    floor = 0.0  # what rates are scaled down to

    @settings
    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        who = type(self).__name__
        self.must_have(optimizer)
        groups = optimizer.param_groups
        if last_epoch >= 0 and not all("initial_lr" in group for group in groups):
            raise StateDictError(
                f"{who}: to go on at last_epoch={last_epoch}, groups must have initial_lr; got none; load the "
                "optimizer's state first, or give it in param_groups"
            )
        self.optimizer = optimizer
        self.last_epoch = max(int(last_epoch), -1) + 1
        for group in groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs = self._bases()
        if last_epoch < 0:
            self._formula = list(self.base_lrs)
        else:
            before, now = (self.rates(self.base_lrs, t) for t in (self.last_epoch - 1, self.last_epoch))
            self._formula = [self._resumed(*each) for each in zip(groups, self.base_lrs, before, now, strict=True)]
        self._set(self.last_epoch)

    def must_have(self, optimizer: object) -> None:
        """Refuse what is no optimizer."""
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"{type(self).__name__}: takes an optimizer; got {type(optimizer).__name__}; make one first"
            )

    def _bases(self) -> list[float]:
        """What the formula has for `lr`, for each group."""
        return [float(group["initial_lr"]) for group in self.optimizer.param_groups]

    def _resumed(self, group: Mapping[str, Any], base: float, before: float, now: float) -> float:
        """What the formula gave for the rate that a group has, at the epoch after `last_epoch`.

        That of then, if it has not been changed since: the rate of `last_epoch`, or the one at first. Otherwise its
        rate is one that was loaded, and that of now.
        """
        if math.isclose(group["lr"], before, rel_tol=1e-9):
            return before
        return float(group["lr"]) if math.isclose(group["lr"], base, rel_tol=1e-9) else now

    def rate(self, lr: float, t: int) -> float:
        """The rate after `t` steps."""
        raise NotImplementedError

    def rates(self, bases: list[float], t: int) -> list[float]:
        """The rates of all groups after `t` steps."""
        return [self.rate(lr, t) for lr in bases]

    def begin(self) -> None:
        """Begin at step 0, whatever the rates are."""
        for group, lr in zip(self.optimizer.param_groups, self._formula, strict=True):
            group["lr"] = lr
        self._set(0)

    def _set(self, t: int) -> None:
        """Step `t`: the rate of each group as the formula has it. If another schedule, or the user, has changed it,
        it is multiplied by what the formula changes by: so schedules chain. All is computed before any is set."""
        bases, formulas = self._with_new_groups(t)
        groups, formula = self.optimizer.param_groups, self.rates(bases, t)
        rates = [self._chained(*each) for each in zip(groups, bases, formulas, formula, strict=True)]
        own = {"last_epoch": t, "base_lrs": bases, "_formula": formula, "_last_lr": rates}
        at_once(
            (vars(self).update, own),
            *[
                (group.update, {"initial_lr": group.get("initial_lr", base), "lr": lr, **self.beside(group, t)})
                for group, base, lr in zip(groups, bases, rates, strict=True)
            ],
        )

    def _chained(self, group: Mapping[str, Any], base: float, before: float, now: float) -> float:
        lr: float = group["lr"]
        if not self.chains or lr == before:
            return now
        if abs(before - self.floor) > 1e-12 * abs(base - self.floor):
            return self.floor + (lr - self.floor) * ((now - self.floor) / (before - self.floor))
        return lr + now - before

    def _with_new_groups(self, t: int) -> tuple[list[float], list[float]]:
        """Bases and formulas; groups that were added to the optimizer follow from the rates that they have."""
        own, now = len(self.base_lrs), len(self.optimizer.param_groups)
        if own != now and not self.grows:
            raise ValueError(
                f"{type(self).__name__}: the optimizer must keep its {own} groups; got {now}; add groups before "
                "making the schedule"
            )
        added = self.optimizer.param_groups[own:]
        bases = [float(group.get("initial_lr", group["lr"])) for group in added]
        return self.base_lrs + bases, self._formula + [self.rate(lr, t - 1) for lr in bases]

    def beside(self, group: Mapping[str, Any], t: int) -> dict[str, Any]:
        """What a schedule sets beside the rate."""
        return {}

    @afterwards
    def step(self) -> None:
        """Count one, and set the rates."""
        self._set(self.last_epoch + 1)

    def get_last_lr(self) -> list[float]:
        """The rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """All but the optimizer, which has a state of its own; and the rates of now, whoever set them."""
        own = {k: _plain(v) for k, v in vars(self).items() if k not in self.unsaved}
        return own | {"_last_lr": _plain(self.get_last_lr())}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue where `state_dict()` was taken, with the rates of then; if it does not fit, nothing is changed."""
        at_once(*self._loaded(state_dict))

    def _loaded(self, state_dict: object) -> list[Any]:
        """The changes by which a state is loaded."""
        own = {k: v for k, v in vars(self).items() if k not in self.unsaved}
        new = {k: _plain(v) for k, v in mapping(state_dict).items()}
        wrong = [k for k, v in new.items() if k not in own or not _alike(v, own[k])]
        wrong += [] if "last_epoch" in new else ["place: it lacks last_epoch"]
        if wrong:
            raise ValueError(
                f"load_state_dict: the state must be of a {type(self).__name__}; got unknown {few(wrong)}; "
                "build the schedule that was saved"
            )
        groups = self.optimizer.param_groups
        rates = new.get("_last_lr", self.get_last_lr())
        if len(rates) != len(groups) or not all(isinstance(r, Real) for r in rates):
            raise ValueError(
                f"load_state_dict: the schedule must be of {len(groups)} groups, as the optimizer; got {rates}; "
                "build the optimizer as it was"
            )
        t = new.get("last_epoch", self.last_epoch)
        return [
            (vars(self).update, new),
            *[(group.update, {"lr": lr, **self.beside(group, t)}) for group, lr in zip(groups, rates, strict=True)],
        ]


def mapping(state_dict: object) -> Mapping[str, Any]:
    if not isinstance(state_dict, Mapping):
        raise TypeError(
            f"load_state_dict: takes a schedule's state; got {type(state_dict).__name__}; pass what state_dict() gave"
        )
    return state_dict


def _alike(a: object, b: object) -> bool:
    """Whether a setting is of the kind of another: both numbers, both texts, or lists of the like."""
    kinds = (Real, str, list | tuple)
    return b is None or a is None or any(isinstance(a, kind) and isinstance(b, kind) for kind in kinds)


def _plain(value: object) -> Any:
    """A setting as Python's own numbers and lists."""
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    return value.item() if isinstance(value, np.generic | np.ndarray | Tensor) else value


def demand(who: str, holds: bool, must: str, given: object) -> None:
    if not holds:
        raise ValueError(f"{who}: {must}; got {given}; correct it")


def each(who: str, name: str, value: float | Sequence[float], groups: Sequence[Any]) -> list[float]:
    """A setting for each group, given as one number or as a list."""
    given = several(who, name, value) if isinstance(value, list | tuple) else [value] * len(groups)
    values = [float(real(who, name, v)) for v in given]
    demand(
        who, len(values) == len(groups), f"{name} must be one number, or one for each of {len(groups)} groups", value
    )
    return values
