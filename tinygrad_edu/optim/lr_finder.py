"""Which rate to begin with: the loss at rates that grow from step to step."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..functions.settings import Positive, settings
from ..writing import publish
from .optimizer import Optimizer


class Curve(NamedTuple):
    """The rates that were tried, and the loss at each, smoothed."""

    rates: list[float]
    losses: list[float]

    @property
    def suggestion(self) -> float:
        """The rate at which the loss falls fastest, over the logarithm of the rate; before its least value."""
        least = int(np.argmin(self.losses)) + 1
        if least < 3:
            return self.rates[0]
        slopes = np.gradient(np.array(self.losses[:least]), np.log(self.rates[:least]))
        return self.rates[int(np.argmin(slopes))]

    def plot(self) -> Any:
        """A figure of the curve, with the suggestion marked (needs matplotlib)."""
        from matplotlib.figure import Figure

        figure = Figure()
        axes = figure.subplots()
        axes.semilogx(self.rates, self.losses)
        axes.axvline(self.suggestion, linestyle=":", label=f"suggestion {self.suggestion:.2g}")
        axes.set(xlabel="learning rate", ylabel="loss")
        axes.legend()
        return figure


@settings
def find_lr(
    optimizer: object, closure: Callable[[], Any], start: float = 1e-6, end: float = 1.0, steps: Positive = 100,
    smoothing: float = 0.9,
) -> Curve:  # fmt: skip
    """Train for up to `steps` steps at rates that grow from `start` to `end`, and note the loss; then everything is as
    before: parameters, state and rates.

    `closure()` computes the loss of the next batch and its gradients, as for `optimizer.step(closure)`. It stops when
    the smoothed loss is more than 4 times the smallest. Source: Smith, "Cyclical learning rates" (2017).
    Errors: a TypeError for what is no optimizer or function; a ValueError for rates that do not ascend, and where the
    first loss is not finite.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn, optim
    >>> w = nn.Parameter([5.0])
    >>> optimizer = optim.SGD([w], lr=0.1)
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (w**2).sum()
    ...     loss.backward()
    ...     return loss
    >>> curve = optim.find_lr(optimizer, closure, 1e-4, 10.0)
    >>> 0.01 < curve.suggestion < 1.0, w.tolist()
    (True, [5.0])
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"find_lr: takes an optimizer and a function; got {type(optimizer).__name__}; make one first")
    if not 0 < start < end < math.inf or not 0 <= smoothing < 1:
        raise ValueError(
            f"find_lr: rates must ascend from above 0, and smoothing be from 0 to below 1; got {start}, {end} and "
            f"{smoothing}; use e.g. 1e-6 and 1.0"
        )
    params = [p for group in optimizer.param_groups for p in group["params"]]
    values, state = [np.array(p._data) for p in params], copy.deepcopy(optimizer.state_dict())
    rates: list[float] = []
    losses: list[float] = []
    mean = 0.0
    try:
        for k in range(steps):
            rate = start * (end / start) ** (k / max(steps - 1, 1))
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss = float(closure())
            mean = smoothing * mean + (1 - smoothing) * loss
            smooth = mean / (1 - smoothing ** (k + 1))
            if not math.isfinite(smooth) or (losses and smooth > 4 * min(losses) > 0):
                break
            rates.append(rate)
            losses.append(smooth)
            optimizer.step()
    finally:
        publish(params, values, in_place=True)
        optimizer.load_state_dict(state)
        optimizer.zero_grad()
    if not rates:
        raise ValueError("find_lr: the first loss must be finite; got another; check the data and the model")
    return Curve(rates, losses)
