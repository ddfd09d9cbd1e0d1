"""Schedules that are formulas of the number of steps."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from ...functions.settings import Positive, integer, settings, several
from ..optimizer import Optimizer
from .schedule import LRScheduler, afterwards, demand


class StepLR(LRScheduler):
    """lr * gamma ** floor(t / step_size).

    t counts the calls of `step`, and lr is the rate at first.

    >>> from tinygrad_edu import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.StepLR(optimizer, step_size=2, gamma=0.5)
    >>> [schedule.rate(1.0, t) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    @settings
    def __init__(self, optimizer: Optimizer, step_size: Positive, gamma: float = 0.1, last_epoch: int = -1) -> None:
        demand("StepLR", step_size >= 1, "step_size must be 1 or more", step_size)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, t: int) -> float:
        return lr * self.gamma ** (t // self.step_size)


class MultiStepLR(LRScheduler):
    """lr * gamma ** (how many of `milestones` are past).

    t counts the calls of `step`, and lr is the rate at first.
    Source: He et al., "Deep residual learning for image recognition" (2016).

    >>> from tinygrad_edu import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.MultiStepLR(optimizer, milestones=[1, 4], gamma=0.5)
    >>> [schedule.rate(1.0, t) for t in range(5)]
    [1.0, 0.5, 0.5, 0.5, 0.25]
    """

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
    """lr * gamma ** t.

    t counts the calls of `step`, and lr is the rate at first.
    Source: Senior et al., "An empirical study of learning rates in deep neural networks for speech recognition" (2013).

    >>> from tinygrad_edu import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.ExponentialLR(optimizer, gamma=0.5)
    >>> [schedule.rate(1.0, t) for t in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """

    @settings
    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, t: int) -> float:
        return lr * self.gamma**t


class CosineAnnealingLR(LRScheduler):
    """eta_min + (lr - eta_min) * (1 + cos(pi * t / T_max)) / 2. After T_max steps it goes up again.

    t counts the calls of `step`, and lr is the rate at first.
    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017).

    >>> from tinygrad_edu import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.CosineAnnealingLR(optimizer, T_max=4)
    >>> [round(schedule.rate(1.0, t), 4) for t in range(6)]
    [1.0, 0.8536, 0.5, 0.1464, 0.0, 0.1464]
    """

    @settings
    def __init__(self, optimizer: Optimizer, T_max: Positive, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        demand("CosineAnnealingLR", T_max >= 1, "T_max must be 1 or more", T_max)
        self.T_max, self.eta_min = T_max, eta_min
        self.floor = eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, t: int) -> float:
        return self.eta_min + (lr - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2


class LinearLR(LRScheduler):
    """lr times a factor that goes from `start_factor` to `end_factor` in `total_iters` steps.

    Source: Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour" (2017).

    >>> from tinygrad_edu import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.LinearLR(optimizer, start_factor=0.25, total_iters=3)
    >>> [schedule.rate(1.0, t) for t in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    @settings
    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: Positive = 5,
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        factors = (start_factor, end_factor)
        demand("LinearLR", 0 < start_factor <= 1 and 0 <= end_factor <= 1, "factors must be from 0 to 1", factors)
        demand("LinearLR", total_iters >= 1, "total_iters must be 1 or more", total_iters)
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, t: int) -> float:
        share = min(t, self.total_iters) / self.total_iters
        return lr * (self.start_factor + (self.end_factor - self.start_factor) * share)


class ConstantLR(LRScheduler):
    """lr times `factor` for `total_iters` steps, then lr.

    Source: Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour" (2017).

    >>> from tinygrad_edu import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.ConstantLR(optimizer, factor=0.5, total_iters=2)
    >>> [schedule.rate(1.0, t) for t in range(4)]
    [0.5, 0.5, 1.0, 1.0]
    """

    @settings
    def __init__(
        self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: Positive = 5, last_epoch: int = -1
    ) -> None:
        demand("ConstantLR", 0 <= factor <= 1, "factor must be from 0 to 1", factor)
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, t: int) -> float:
        return lr * self.factor if t < self.total_iters else lr


class PolynomialLR(LRScheduler):
    """lr * (1 - t / total_iters)**power, and 0 afterwards.

    t counts the calls of `step`, and lr is the rate at first.
    Source: Chen et al., "DeepLab: semantic image segmentation with deep convolutional nets, atrous convolution, and
    fully connected CRFs" (2018).

    >>> from tinygrad_edu import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.PolynomialLR(optimizer, total_iters=4, power=2.0)
    >>> [schedule.rate(1.0, t) for t in range(6)]
    [1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]
    """

    @settings
    def __init__(
        self, optimizer: Optimizer, total_iters: Positive = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, t: int) -> float:
        return lr * (1 - min(t, self.total_iters) / self.total_iters) ** self.power


class LambdaLR(LRScheduler):
    """lr * lr_lambda(t): a function for all groups, or one for each. Functions are not part of the state.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import optim
    >>> optimizer = optim.SGD([tg.Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = optim.LambdaLR(optimizer, lambda t: 1 / (1 + t))
    >>> optimizer.step()
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    chains = grows = False

    @settings
    def __init__(
        self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        who = type(self).__name__
        self.must_have(optimizer)
        n = len(optimizer.param_groups)
        given = [lr_lambda] * n if callable(lr_lambda) else several(who, "lr_lambda", lr_lambda)
        demand(who, len(given) == n and all(map(callable, given)), f"lr_lambda must be a function, or {n}", lr_lambda)
        self.lr_lambdas: list[Any] = given
        super().__init__(optimizer, last_epoch)

    def rates(self, bases: list[float], t: int) -> list[float]:
        return [lr * float(f(t)) for lr, f in zip(bases, self.lr_lambdas, strict=True)]


class MultiplicativeLR(LambdaLR):
    """lr * lr_lambda(1) * ... * lr_lambda(t); see LambdaLR.

    >>> from tinygrad_edu import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.MultiplicativeLR(optimizer, lambda t: 0.5 if t > 2 else 1.0)
    >>> [schedule.rates([1.0], t)[0] for t in range(5)]
    [1.0, 1.0, 1.0, 0.5, 0.25]
    """

    chains = True

    def rates(self, bases: list[float], t: int) -> list[float]:
        pairs = zip(bases, self.lr_lambdas, strict=True)
        return [lr * math.prod(float(f(k)) for k in range(1, t + 1)) for lr, f in pairs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """eta_min + (lr - eta_min) * (1 + cos(pi * u / T)) / 2, where u counts the steps since the last restart, and T is
    their number until the next: T_0 at first, then `T_mult` times as many each time.

    `step(epoch)` takes fractions, as `epoch + i / len(loader)`. Source: Loshchilov and Hutter, "SGDR: stochastic
    gradient descent with warm restarts" (2017).

    >>> from tinygrad_edu import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.CosineAnnealingWarmRestarts(optimizer, T_0=1, T_mult=2)
    >>> [round(schedule.rate(1.0, t), 4) for t in (0, 0.5, 1, 2, 3)]
    [1.0, 0.5, 1.0, 0.5, 1.0]
    """

    chains = False

    @settings
    def __init__(
        self, optimizer: Optimizer, T_0: Positive, T_mult: Positive = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, t: float) -> float:
        length, since = self.T_0, t
        if self.T_mult == 1:
            since = t % length
        while since >= length:
            since, length = since - length, length * self.T_mult
        return self.eta_min + (lr - self.eta_min) * (1 + math.cos(math.pi * since / length)) / 2

    @afterwards
    @settings
    def step(self, epoch: float | None = None) -> None:
        """Count one, or go to `epoch`, and set the rates."""
        if epoch is not None:
            demand(type(self).__name__, 0 <= epoch < 2**53, "epoch must be 0 or more", epoch)
        self._set(self.last_epoch + 1 if epoch is None else epoch)  # type: ignore[arg-type]
