"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..functions.calls import own_keywords
from .optimizer import Optimizer, decayed


class SGD(Optimizer):
    """p -= lr * v, where v is the gradient, or with `momentum` the running sum of gradients.

        g = gradient + weight_decay * p
        v = momentum * v + (1 - dampening) * g      (v = g at the first step)
        p -= lr * (g + momentum * v if nesterov else v)

    Source: Sutskever et al., "On the importance of initialization and momentum" (2013).
    Errors: a ValueError for `nesterov` without momentum, or with dampening.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import optim
    >>> x = tg.Tensor([1.0], requires_grad=True)
    >>> (x**2).sum().backward()
    >>> optim.SGD([x], lr=0.25).step()
    >>> x.data
    array([0.5], dtype=float32)
    """

    @own_keywords
    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, momentum: float = 0.0, dampening: float = 0.0,
        weight_decay: float = 0.0, nesterov: bool = False, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov,
            maximize=maximize,
        )  # fmt: skip

    def check(self, group: Mapping[str, Any]) -> None:
        super().check(group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError(
                "SGD: nesterov needs a momentum and no dampening; got "
                f"momentum={group['momentum']}, dampening={group['dampening']}; use e.g. momentum=0.9"
            )

    def initial_state(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"momentum_buffer": 0.0} if group["momentum"] else {}

    def update(self, group: Any, step: int, p: Any, g: Any, state: Any, a: Any, b: Any) -> None:
        momentum = group["momentum"]
        g = decayed(g, p, group["weight_decay"], b)
        if momentum:
            v = state["momentum_buffer"]
            v *= momentum
            v += np.multiply(g, 1 - group["dampening"] * (step > 1), out=a)  # at first, v is g
            if group["nesterov"]:
                g = np.add(g, np.multiply(v, momentum, out=a), out=a)
            else:
                g = v
        p -= np.multiply(g, group["lr"], out=a)
