"""Gradients scaled by their size so far: Adagrad and RMSprop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..functions.calls import own_keywords
from .optimizer import Optimizer, decayed


class Adagrad(Optimizer):
    """Each entry's rate falls with the sum of its squared gradients.

        g = gradient + weight_decay * p
        s = s + g**2      (at first initial_accumulator_value)
        p -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)

    Source: Duchi et al., "Adaptive subgradient methods for online learning and stochastic optimization" (2011).

    >>> from tinygrad_edu import nn, optim
    >>> w = nn.Parameter([1.0, 4.0])
    >>> (w**2).sum().backward()
    >>> optim.Adagrad([w], lr=0.25).step()
    >>> w.tolist()
    [0.75, 3.75]
    """

    @own_keywords
    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, lr_decay: float = 0.0, weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0, eps: float = 1e-10, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value, eps=eps, maximize=maximize,
        )  # fmt: skip

    def initial_state(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"sum": group["initial_accumulator_value"]}

    def update(self, group: Any, step: int, p: Any, g: Any, state: Any, a: Any, b: Any) -> None:
        g = decayed(g, p, group["weight_decay"], b)
        s = state["sum"]
        s += np.multiply(g, g, out=a)
        np.sqrt(s, out=a)
        a += group["eps"]
        np.divide(g, a, out=a)
        a *= group["lr"] / (1 + (step - 1) * group["lr_decay"])
        p -= a


class RMSprop(Optimizer):
    """Each entry's gradient is divided by its running size.

        g = gradient + weight_decay * p
        s = alpha * s + (1 - alpha) * g**2
        m = alpha * m + (1 - alpha) * g                  (if centered; else m = 0)
        v = momentum * v + g / (sqrt(s - m**2) + eps)
        p -= lr * v

    Source: T. Tieleman and G. Hinton, lecture 6.5 of "Neural networks for machine learning" (2012);
    centered: A. Graves, "Generating sequences with recurrent neural networks" (2013).

    >>> from tinygrad_edu import nn, optim
    >>> w = nn.Parameter([1.0, 4.0])
    >>> (w**2).sum().backward()
    >>> optim.RMSprop([w], lr=0.25, alpha=0.75).step()
    >>> w.tolist()
    [0.5, 3.5]
    """

    @own_keywords
    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0.0, momentum: float = 0.0, centered: bool = False,
        *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered,
            maximize=maximize,
        )  # fmt: skip

    def initial_state(self, group: Mapping[str, Any]) -> dict[str, float]:
        names = {"square_avg": True, "momentum_buffer": group["momentum"], "grad_avg": group["centered"]}
        return {name: 0.0 for name, wanted in names.items() if wanted}

    def update(self, group: Any, step: int, p: Any, g: Any, state: Any, a: Any, b: Any) -> None:
        alpha = group["alpha"]
        g = decayed(g, p, group["weight_decay"], b)
        s = state["square_avg"]
        s *= alpha
        np.multiply(g, g, out=a)
        a *= 1 - alpha
        s += a
        if group["centered"]:
            m = state["grad_avg"]
            m += np.multiply(np.subtract(g, m, out=a), 1 - alpha, out=a)
            np.multiply(m, m, out=a)
            np.subtract(s, a, out=a)
            np.sqrt(a, out=a)
        else:
            np.sqrt(s, out=a)
        a += group["eps"]
        np.divide(g, a, out=a)
        if group["momentum"]:
            v = state["momentum_buffer"]
            v *= group["momentum"]
            v += a
            np.multiply(v, group["lr"], out=a)
        else:
            a *= group["lr"]
        p -= a
