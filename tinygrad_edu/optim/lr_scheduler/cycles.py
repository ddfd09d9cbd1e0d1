"""Schedules that go up and down, and take the momentum along."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...functions.settings import Positive, settings
from ..optimizer import Optimizer
from .schedule import LRScheduler, demand, each


def cosine(start: float, end: float, share: float) -> float:
    """From start to end along half a wave."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def linear(start: float, end: float, share: float) -> float:
    """From start to end along a line."""
    return start + (end - start) * share


class OneCycleLR(LRScheduler):
    """From max_lr / div_factor up to max_lr, then down to a `final_div_factor`-th of where it began.

    With `cycle_momentum`, momentum (or beta1) goes the other way, between max_momentum and base_momentum.
    `three_phase` comes down to the beginning first, and then further. Step after each batch.
    Source: Smith and Topin, "Super-convergence" (2018).
    With an optimizer that has no momentum or betas, such as Adagrad, use cycle_momentum=False.
    More than total_steps steps raise ValueError.

    >>> from tinygrad_edu import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0, momentum=0.9)
    >>> shape = {"total_steps": 8, "pct_start": 0.5, "div_factor": 4, "anneal_strategy": "linear"}
    >>> schedule = optim.OneCycleLR(optimizer, max_lr=1.0, **shape)
    >>> [round(schedule.rates([1.0], t)[0], 3) for t in range(8)]
    [0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25, 0.0]
    """

    chains = grows = False

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
        demand("OneCycleLR", total_steps >= 1, "total_steps must be 1 or more", total_steps)
        demand("OneCycleLR", 0 <= pct_start <= 1, "pct_start must be from 0 to 1", pct_start)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"OneCycleLR: anneal_strategy must be 'cos' or 'linear'; got {anneal_strategy!r}; choose one"
            )
        demand(
            "OneCycleLR", div_factor > 0 < final_div_factor, "factors must be above 0", (div_factor, final_div_factor)
        )
        self.must_have(optimizer)
        groups = optimizer.param_groups
        peaks = each("OneCycleLR", "max_lr", max_lr, groups)
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

    def _phase(self, t: int) -> tuple[int, float]:
        """Which phase step `t` is in, and how much of it is past."""
        last = len(self.phases) - 1  # which takes all the rest
        k = next((k for k in range(last) if t <= self.phases[k][0]), last)
        start = self.phases[k - 1][0] if k else 0.0
        return k, (t - start) / (self.phases[k][0] - start)

    def _between(self, start: float, end: float, share: float) -> float:
        return (cosine if self.anneal_strategy == "cos" else linear)(start, end, share)

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


class CyclicLR(LRScheduler):
    """From base_lr up to max_lr in `step_size_up` steps, down in `step_size_down`, and again.

    The height stays in mode "triangular", halves with each cycle in "triangular2", and shrinks by `gamma` with each
    step in "exp_range"; or is what `scale_fn` gives for the number of the cycle, or, with scale_mode "iterations", of
    the step. With `cycle_momentum`, momentum (or beta1) goes the other way. Step after each batch.
    Source: Smith, "Cyclical learning rates for training neural networks" (2017).
    With an optimizer that has no momentum or betas, such as Adagrad, use cycle_momentum=False.
    Errors: a ValueError for such an optimizer otherwise, and for another `mode` or `scale_mode`.

    >>> from tinygrad_edu import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.CyclicLR(optimizer, 1.0, 2.0, step_size_up=2, cycle_momentum=False)
    >>> [schedule.rates([1.0], t)[0] for t in range(6)]
    [1.0, 1.5, 2.0, 1.5, 1.0, 1.5]
    """

    chains = grows = False
    unsaved = ("optimizer", "scale_fn")

    @settings
    def __init__(
        self, optimizer: Optimizer, base_lr: float | Sequence[float], max_lr: float | Sequence[float],
        step_size_up: Positive = 2000, step_size_down: Positive | None = None, mode: str = "triangular",
        gamma: float = 1.0, scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle",
        cycle_momentum: bool = True, base_momentum: float = 0.8, max_momentum: float = 0.9, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        self.must_have(optimizer)
        modes, scales = ("triangular", "triangular2", "exp_range"), ("cycle", "iterations")
        if mode not in modes or scale_mode not in scales or not (scale_fn is None or callable(scale_fn)):
            raise ValueError(
                f"CyclicLR: mode must be in {modes}, scale_mode in {scales}, and scale_fn a function; got {mode!r}, "
                f"{scale_mode!r} and {type(scale_fn).__name__}; choose one"
            )
        groups = optimizer.param_groups
        if cycle_momentum and not all("momentum" in g or "betas" in g for g in groups):
            raise ValueError(
                "CyclicLR: the optimizer must have momentum or betas; got neither; use cycle_momentum=False"
            )
        self.lows, self.peaks = each("CyclicLR", "base_lr", base_lr, groups), each("CyclicLR", "max_lr", max_lr, groups)
        self.up = step_size_up
        self.total = step_size_up + (step_size_up if step_size_down is None else step_size_down)
        self.mode, self.gamma, self.scale_fn, self.scale_mode = mode, gamma, scale_fn, scale_mode
        self.cycle_momentum, self.base_momentum, self.max_momentum = cycle_momentum, base_momentum, max_momentum
        super().__init__(optimizer, last_epoch)

    def _bases(self) -> list[float]:
        for group, low in zip(self.optimizer.param_groups, self.lows, strict=True):
            if self.last_epoch == 0:
                group["initial_lr"] = low
        return list(self.lows)

    def _height(self, t: int) -> float:
        """How far up step `t` is, from 0 to 1, scaled."""
        cycle = t // self.total + 1
        x = t / self.total + 1 - cycle
        ratio = self.up / self.total
        height = x / ratio if x <= ratio else (x - 1) / (ratio - 1)
        if self.scale_fn is not None:
            return height * float(self.scale_fn(cycle if self.scale_mode == "cycle" else t))
        return height * {"triangular": 1.0, "triangular2": 2.0 ** (1 - cycle), "exp_range": self.gamma**t}[self.mode]

    def rates(self, bases: list[float], t: int) -> list[float]:
        height = self._height(t)
        return [low + (peak - low) * height for low, peak in zip(self.lows, self.peaks, strict=True)]

    def beside(self, group: Mapping[str, Any], t: int) -> dict[str, Any]:
        """The momentum, which goes the other way."""
        if not self.cycle_momentum:
            return {}
        momentum = self.max_momentum - (self.max_momentum - self.base_momentum) * self._height(t)
        return {"betas": (momentum, *group["betas"][1:])} if "betas" in group else {"momentum": momentum}
