"""Learning rates that change over time. Call `step()` after each epoch (OneCycleLR: after each batch).

All but ReduceLROnPlateau are formulas of the number of steps `t` and of the rate at first, `lr`.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from ..changes import at_once
from ..errors import StateDictError, few
from ..functions.settings import Positive, integer, real, settings, several
from ..interop.names import Named
from ..tensor import Tensor
from .optimizer import Optimizer


class LRScheduler(Named):
    """What schedules share; a kind of schedule defines `rate`.

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

    chains = True  # a rate that something else has changed is scaled, and not set
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
            self._formula = [self._resumed(*both) for both in zip(groups, self.base_lrs, strict=True)]
        self._set(self.last_epoch)

    def must_have(self, optimizer: Any) -> None:
        """Refuse what is no optimizer."""
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"{type(self).__name__}: takes an optimizer; got {type(optimizer).__name__}; make one first"
            )

    def _bases(self) -> list[float]:
        """What the formula has for `lr`, for each group."""
        return [float(group["initial_lr"]) for group in self.optimizer.param_groups]

    def _resumed(self, group: Mapping[str, Any], base: float) -> float:
        """What the formula gave for the rate that a group has, at the epoch after `last_epoch`.

        That of then, if it has not been changed since: the rate of `last_epoch`, or the one at first. Otherwise its
        rate is one that was loaded, and that of now.
        """
        before = self.rate(base, self.last_epoch - 1)
        if math.isclose(group["lr"], before, rel_tol=1e-9):
            return before
        return float(group["lr"]) if math.isclose(group["lr"], base, rel_tol=1e-9) else self.rate(base, self.last_epoch)

    def rate(self, lr: float, t: int) -> float:
        """The rate after `t` steps."""
        raise NotImplementedError

    def _set(self, t: int) -> None:
        """Step `t`: the rate of each group as the formula has it. If another schedule, or the user, has changed it,
        it is multiplied by what the formula changes by: so schedules chain. All is computed before any is set."""
        bases, formulas = self._with_new_groups(t)
        groups, formula = self.optimizer.param_groups, [self.rate(lr, t) for lr in bases]
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
        added = self.optimizer.param_groups[len(self.base_lrs) :]
        bases = [float(group.get("initial_lr", group["lr"])) for group in added]
        return self.base_lrs + bases, self._formula + [self.rate(lr, t - 1) for lr in bases]

    def beside(self, group: Mapping[str, Any], t: int) -> dict[str, Any]:
        """What a schedule sets beside the rate."""
        return {}

    def step(self) -> None:
        """Count one, and set the rates."""
        self._set(self.last_epoch + 1)

    def get_last_lr(self) -> list[float]:
        """The rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """All but the optimizer, which has a state of its own; and the rates of now, whoever set them."""
        own = {k: _plain(v) for k, v in vars(self).items() if k != "optimizer"}
        return own | {"_last_lr": _plain(self.get_last_lr())}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue where `state_dict()` was taken, with the rates of then."""
        own = {k: v for k, v in vars(self).items() if k != "optimizer"}
        new = {k: _plain(v) for k, v in _mapping(state_dict).items()}
        wrong = [k for k, v in new.items() if k not in own or not _alike(v, own[k])]
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
        at_once(
            (vars(self).update, new),
            *[(group.update, {"lr": lr, **self.beside(group, t)}) for group, lr in zip(groups, rates, strict=True)],
        )


def _mapping(state_dict: Any) -> Mapping[str, Any]:
    if not isinstance(state_dict, Mapping):
        raise TypeError(
            f"load_state_dict: takes a schedule's state; got {type(state_dict).__name__}; pass what state_dict() gave"
        )
    return state_dict


def _alike(a: Any, b: Any) -> bool:
    """Whether a setting is of the kind of another: both numbers, both texts, or lists of the like."""
    kinds = (Real, str, list | tuple)
    return b is None or a is None or any(isinstance(a, kind) and isinstance(b, kind) for kind in kinds)


def _plain(value: Any) -> Any:
    """A setting as Python's own numbers and lists."""
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    return value.item() if isinstance(value, np.generic | np.ndarray | Tensor) else value


def _demand(who: str, holds: bool, must: str, given: Any) -> None:
    if not holds:
        raise ValueError(f"{who}: {must}; got {given}; correct it")


def _each(who: str, name: str, value: float | Sequence[float], groups: Sequence[Any]) -> list[float]:
    """A setting for each group, given as one number or as a list."""
    given = several(who, name, value) if isinstance(value, list | tuple) else [value] * len(groups)
    values = [float(real(who, name, v)) for v in given]
    _demand(
        who, len(values) == len(groups), f"{name} must be one number, or one for each of {len(groups)} groups", value
    )
    return values


class StepLR(LRScheduler):
    """lr * gamma ** floor(t / step_size)."""

    @settings
    def __init__(self, optimizer: Optimizer, step_size: Positive, gamma: float = 0.1, last_epoch: int = -1) -> None:
        _demand("StepLR", step_size >= 1, "step_size must be 1 or more", step_size)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, t: int) -> float:
        return lr * self.gamma ** (t // self.step_size)


class MultiStepLR(LRScheduler):
    """lr * gamma ** (how many of `milestones` are past)."""

    @settings
    def __init__(
        self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones = sorted(
            integer("MultiStepLR", "milestones", m, 0) for m in several("MultiStepLR", "milestones", milestones)
        )
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, t: int) -> float:
        return lr * self.gamma ** bisect_right(self.milestones, t)


class ExponentialLR(LRScheduler):
    """lr * gamma ** t."""

    @settings
    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, t: int) -> float:
        return lr * self.gamma**t


class CosineAnnealingLR(LRScheduler):
    """eta_min + (lr - eta_min) * (1 + cos(pi * t / T_max)) / 2. Source: Loshchilov and Hutter (2017)."""

    @settings
    def __init__(self, optimizer: Optimizer, T_max: Positive, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        _demand("CosineAnnealingLR", T_max >= 1, "T_max must be 1 or more", T_max)
        self.T_max, self.eta_min = T_max, eta_min
        self.floor = eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, t: int) -> float:
        return self.eta_min + (lr - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2


class LinearLR(LRScheduler):
    """lr times a factor that goes from `start_factor` to `end_factor` in `total_iters` steps."""

    @settings
    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: Positive = 5,
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        factors = (start_factor, end_factor)
        _demand("LinearLR", 0 < start_factor <= 1 and 0 <= end_factor <= 1, "factors must be from 0 to 1", factors)
        _demand("LinearLR", total_iters >= 1, "total_iters must be 1 or more", total_iters)
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, t: int) -> float:
        share = min(t, self.total_iters) / self.total_iters
        return lr * (self.start_factor + (self.end_factor - self.start_factor) * share)


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def _linear(start: float, end: float, share: float) -> float:
    return start + (end - start) * share


class OneCycleLR(LRScheduler):
    """From max_lr / div_factor up to max_lr, then down to a `final_div_factor`-th of where it began.

    With `cycle_momentum`, momentum (or beta1) goes the other way, between max_momentum and base_momentum.
    `three_phase` comes down to the beginning first, and then further. Step after each batch.
    Source: Smith and Topin, "Super-convergence" (2018).
    """

    chains = False

    @settings
    def __init__(
        self, optimizer: Optimizer, max_lr: float | Sequence[float], total_steps: int | None = None,
        epochs: int | None = None, steps_per_epoch: int | None = None, pct_start: float = 0.3,
        anneal_strategy: str = "cos", cycle_momentum: bool = True, base_momentum: float = 0.85,
        max_momentum: float = 0.95, div_factor: float = 25.0, final_div_factor: float = 1e4, three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: needs total_steps, or epochs and steps_per_epoch; got neither; give one")
            total_steps = epochs * steps_per_epoch
        _demand("OneCycleLR", total_steps >= 1, "total_steps must be 1 or more", total_steps)
        _demand("OneCycleLR", 0 <= pct_start <= 1, "pct_start must be from 0 to 1", pct_start)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"OneCycleLR: anneal_strategy must be 'cos' or 'linear'; got {anneal_strategy!r}; choose one"
            )
        _demand(
            "OneCycleLR", div_factor > 0 < final_div_factor, "factors must be above 0", (div_factor, final_div_factor)
        )
        self.must_have(optimizer)
        groups = optimizer.param_groups
        peaks = _each("OneCycleLR", "max_lr", max_lr, groups)
        if cycle_momentum and not all("momentum" in g or "betas" in g for g in groups):
            raise ValueError(
                "OneCycleLR: the optimizer must have momentum or betas; got neither; use cycle_momentum=False"
            )
        self.total_steps, self.anneal_strategy = total_steps, anneal_strategy
        self.cycle_momentum, self.base_momentum, self.max_momentum = cycle_momentum, base_momentum, max_momentum
        top = pct_start * total_steps - 1
        low, last = 1 / div_factor, 1 / div_factor / final_div_factor
        down = [(2 * top, 1.0, low), (total_steps - 1, low, last)] if three_phase else [(total_steps - 1, 1.0, last)]
        self.phases = [(top, low, 1.0), *down]  # (end, from, to), as shares of the peak
        self.peaks, self.low = peaks, low
        super().__init__(optimizer, last_epoch)

    def _bases(self) -> list[float]:
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            if self.last_epoch == 0:
                group["initial_lr"] = peak * self.low
        return list(self.peaks)

    def _with_new_groups(self, t: int) -> tuple[list[float], list[float]]:
        own, now = len(self.peaks), len(self.optimizer.param_groups)
        if own != now:
            raise ValueError(
                f"OneCycleLR: the optimizer must keep its {own} groups; got {now}; add groups before "
                "making the schedule"
            )
        return super()._with_new_groups(t)

    def _phase(self, t: int) -> tuple[int, float]:
        """Which phase step `t` is in, and how much of it is past."""
        last = len(self.phases) - 1  # which takes all the rest
        k = next((k for k in range(last) if t <= self.phases[k][0]), last)
        start = self.phases[k - 1][0] if k else 0.0
        return k, (t - start) / (self.phases[k][0] - start)

    def _between(self, start: float, end: float, share: float) -> float:
        return (_cosine if self.anneal_strategy == "cos" else _linear)(start, end, share)

    def rate(self, lr: float, t: int) -> float:
        k, share = self._phase(t)
        _, start, end = self.phases[k]
        return lr * self._between(start, end, share)

    def _set(self, t: int) -> None:
        if t > self.total_steps:
            raise ValueError(f"OneCycleLR: there are {self.total_steps} steps; got step {t}; raise total_steps")
        super()._set(t)

    def beside(self, group: Mapping[str, Any], t: int) -> dict[str, Any]:
        """The momentum, which goes the other way."""
        if not self.cycle_momentum:
            return {}
        k, share = self._phase(t)
        ends = (self.max_momentum, self.base_momentum, self.max_momentum, self.max_momentum)
        momentum = self._between(ends[k], ends[k + 1], share)
        return {"betas": (momentum, *group["betas"][1:])} if "betas" in group else {"momentum": momentum}


class ReduceLROnPlateau(LRScheduler):
    """lr * factor whenever a measure has not improved for more than `patience` epochs: `step(measure)`.

    mode "min" or "max" says what is better; an improvement must exceed `threshold`, relative ("rel") or
    absolute ("abs"). After a reduction, `cooldown` epochs do not count.
    """

    @settings
    def __init__(
        self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
        threshold: float = 1e-4, threshold_mode: str = "rel", cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0, eps: float = 1e-8,
    ) -> None:  # fmt: skip
        if factor >= 1 or mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(
                "ReduceLROnPlateau: factor must be below 1, mode 'min' or 'max', threshold_mode 'rel' or 'abs'; got "
                f"{factor}, {mode!r}, {threshold_mode!r}; correct it"
            )
        self.mode, self.factor, self.patience, self.threshold = mode, factor, patience, threshold
        self.threshold_mode, self.cooldown, self.eps = threshold_mode, cooldown, eps
        self.must_have(optimizer)
        self.min_lr = min_lr
        self._least(optimizer)
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0
        self.optimizer = optimizer
        self._last_lr = self.get_last_lr()

    def _least(self, optimizer: Optimizer) -> list[float]:
        """The lowest rate of each group."""
        return _each("ReduceLROnPlateau", "min_lr", self.min_lr, optimizer.param_groups)

    def step(self, metrics: Any = None) -> None:
        """Note the measure, and reduce the rates if it has not improved for long."""
        if metrics is None:
            raise TypeError("ReduceLROnPlateau.step: needs the measure to watch; got nothing; pass the validation loss")
        current, better = float(metrics), self._better(float(metrics))
        bad = 0 if better or self.cooldown_counter > 0 else self.num_bad_epochs + 1
        new = {
            "last_epoch": self.last_epoch + 1, "best": current if better else self.best, "num_bad_epochs": bad,
            "cooldown_counter": max(self.cooldown_counter - 1, 0),
        }  # fmt: skip
        rates = self.get_last_lr()
        if bad > self.patience:
            least = self._least(self.optimizer)
            lower = [max(lr * self.factor, low) for lr, low in zip(rates, least, strict=True)]
            rates = [low if lr - low > self.eps else lr for lr, low in zip(rates, lower, strict=True)]
            new |= {"cooldown_counter": self.cooldown, "num_bad_epochs": 0}
        groups = zip(self.optimizer.param_groups, rates, strict=True)
        at_once((vars(self).update, new | {"_last_lr": rates}), *[(group.update, {"lr": lr}) for group, lr in groups])

    def _better(self, current: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        if self.threshold_mode == "rel":
            if math.isinf(self.best):
                return sign * current < sign * self.best
            return sign * current < sign * self.best * (1 - sign * self.threshold)
        return sign * current < sign * self.best - self.threshold
