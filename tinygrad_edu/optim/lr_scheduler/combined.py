"""Schedules made of schedules: one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ...changes import at_once
from ...functions.settings import integer, settings, several
from ..optimizer import Optimizer
from .plateau import ReduceLROnPlateau
from .schedule import LRScheduler, afterwards, demand, mapping


class _Combined(LRScheduler):
    """What they share: several schedules of one optimizer, whose states are kept together."""

    def _take(self, optimizer: Optimizer | None, schedulers: Any) -> None:
        who = type(self).__name__
        given = several(who, "schedulers", schedulers)
        fits = given and all(isinstance(s, LRScheduler) and not isinstance(s, ReduceLROnPlateau) for s in given)
        if not fits or any(s.optimizer is not (optimizer or given[0].optimizer) for s in given):
            raise ValueError(
                f"{who}: schedulers must be schedules by steps, of one optimizer; got "
                f"{', '.join(type(s).__name__ for s in given) or 'none'}; make them for it"
            )
        self.optimizer, self._schedulers = given[0].optimizer, given

    @afterwards
    def step(self) -> None:
        """Count one, and set the rates. If one of the schedules refuses, or is interrupted, all are as before."""
        before = [(group.update, dict(group)) for group in self.optimizer.param_groups]
        before += [(vars(s).update, dict(vars(s))) for s in self._all()]
        try:
            self.last_epoch += 1
            self._advance()
        except BaseException:
            at_once(*before)
            raise

    def _advance(self) -> None:
        """Step the schedules whose turn it is."""
        raise NotImplementedError

    def _all(self) -> list[LRScheduler]:
        """This schedule, and all that it is made of."""
        inner = [s._all() if isinstance(s, _Combined) else [s] for s in self._schedulers]
        return [self, *[s for each in inner for s in each]]

    def state_dict(self) -> dict[str, Any]:
        """The states of all, but the optimizer's."""
        own = {k: v for k, v in vars(self).items() if k not in ("optimizer", "_schedulers")}
        return {**own, "_last_lr": self.get_last_lr(), "_schedulers": [s.state_dict() for s in self._schedulers]}

    def _loaded(self, state_dict: Any) -> list[Any]:
        states: Any = mapping(state_dict).get("_schedulers")
        rates: Any = state_dict.get("_last_lr")
        own = [name for name in vars(self) if name not in ("optimizer", "_schedulers")]
        given = (states, self._schedulers), (rates, self.optimizer.param_groups)
        lists = all(isinstance(found, list) and len(found) == len(have) for found, have in given)
        if not lists or {*own, "_last_lr", "_schedulers"} != {*state_dict}:
            raise ValueError(
                f"load_state_dict: the state must be of {len(self._schedulers)} schedules; got another; build what was "
                "saved"
            )
        parts = [change for s, state in zip(self._schedulers, states, strict=True) for change in s._loaded(state)]
        return [
            *parts,
            (vars(self).update, {name: state_dict[name] for name in own}),
            *[(g.update, {"lr": lr}) for g, lr in zip(self.optimizer.param_groups, rates, strict=True)],
        ]


class SequentialLR(_Combined):
    """One schedule after the other: the next begins, from the rate at first, when a milestone is reached.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import optim
    >>> optimizer = optim.SGD([tg.Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> warm = optim.LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> schedule = optim.SequentialLR(optimizer, [warm, optim.ExponentialLR(optimizer, 0.5)], milestones=[2])
    >>> rates = []
    >>> for _ in range(5):
    ...     rates += schedule.get_last_lr()
    ...     optimizer.step()
    ...     schedule.step()
    >>> rates
    [0.5, 0.75, 1.0, 0.5, 0.25]
    """

    @settings
    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ) -> None:
        self.must_have(optimizer)
        self._take(optimizer, schedulers)
        marks = [integer("SequentialLR", "milestones", m, 0) for m in several("SequentialLR", "milestones", milestones)]
        wanted = len(self._schedulers) - 1
        demand(
            "SequentialLR",
            len(marks) == wanted and marks == sorted(marks),
            f"milestones must be {wanted}, ascending",
            marks,
        )
        self._milestones = marks
        self.last_epoch = last_epoch + 1
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        self._schedulers[bisect_right(marks, 0)].begin()

    def _advance(self) -> None:
        i = bisect_right(self._milestones, self.last_epoch)
        if i and self._milestones[i - 1] == self.last_epoch:
            self._schedulers[i].begin()
        else:
            self._schedulers[i].step()


class ChainedScheduler(_Combined):
    """All schedules at once: the factors by which they change the rate are multiplied.

    >>> from tinygrad_edu import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> warm = optim.ConstantLR(optimizer, factor=0.5, total_iters=2)
    >>> schedule = optim.ChainedScheduler([warm, optim.ExponentialLR(optimizer, 0.5)])
    >>> rates = []
    >>> for _ in range(4):
    ...     rates += schedule.get_last_lr()
    ...     optimizer.step()
    ...     schedule.step()
    >>> rates
    [0.5, 0.25, 0.25, 0.125]
    """

    @settings
    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Any = None) -> None:
        if optimizer is not None:
            self.must_have(optimizer)
        self._take(optimizer, schedulers)
        self.last_epoch = 0

    def _advance(self) -> None:
        for schedule in self._schedulers:
            schedule.step()
