"""Optimizers of running sizes and means of other kinds: Adadelta, Rprop, ASGD."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..functions.calls import own_keywords
from ..functions.settings import several
from .adam_family import moved
from .optimizer import Optimizer, decayed


class Adadelta(Optimizer):
    """Steps as large as those before them, in relation to the gradients; it needs no rate.

        s = rho * s + (1 - rho) * g**2
        d = sqrt(e + eps) / sqrt(s + eps) * g
        e = rho * e + (1 - rho) * d**2
        p -= lr * d

    Source: Zeiler, "ADADELTA: an adaptive learning rate method" (2012).
    Errors: a ValueError for a `rho` that is not from 0 to 1.

    >>> from tinygrad_edu import nn, optim
    >>> w = nn.Parameter([1.0, 4.0])
    >>> (w**2).sum().backward()
    >>> optim.Adadelta([w]).step()
    >>> w.round(4).data
    array([0.9968, 3.9968], dtype=float32)
    """

    @own_keywords
    def __init__(
        self, params: Iterable[Any], lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0,
        *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def check(self, group: Mapping[str, Any]) -> None:
        super().check(group)
        if not isinstance(group["rho"], int | float) or not 0 <= group["rho"] <= 1:
            raise ValueError(f"Adadelta: rho must be from 0 to 1; got {group['rho']!r}; use 0.9")

    def initial_state(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"square_avg": 0.0, "acc_delta": 0.0}

    def update(self, group: Any, step: int, p: Any, g: Any, state: Any, a: Any, b: Any) -> None:
        s, e, eps = state["square_avg"], state["acc_delta"], group["eps"]
        g = decayed(g, p, group["weight_decay"], b)
        moved(s, g * g, 1 - group["rho"], a)
        d = np.sqrt(e + eps) / np.sqrt(s + eps) * g
        moved(e, d * d, 1 - group["rho"], a)
        p -= np.multiply(d, group["lr"], out=a)


class Rprop(Optimizer):
    """Each entry steps against the sign of its gradient, by a size that grows while the sign stays.

        size *= etas[1] where g and the one before have one sign, etas[0] where they differ (where g then counts as 0)
        p -= sign(g) * size      (sizes from step_sizes[0] to step_sizes[1]; at first lr)

    For gradients of all data at once. Source: Riedmiller and Braun, "A direct adaptive method for faster
    backpropagation learning: the RPROP algorithm" (1993).
    Errors: a ValueError unless `etas` are below and above 1, and `step_sizes` two numbers above 0.

    >>> from tinygrad_edu import nn, optim
    >>> w = nn.Parameter([1.0, 4.0])
    >>> optimizer = optim.Rprop([w], lr=0.25, etas=(0.5, 2.0))
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     (w**2).sum().backward()
    ...     optimizer.step()
    >>> w.tolist()
    [0.25, 3.25]
    """

    @own_keywords
    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, lr=lr, etas=etas, step_sizes=step_sizes, maximize=maximize)

    def check(self, group: Mapping[str, Any]) -> None:
        super().check(group)
        for name, least, most in (("etas", 0.0, np.inf), ("step_sizes", 0.0, np.inf)):
            pair = several("Rprop", name, group[name])
            if len(pair) != 2 or not all(isinstance(x, int | float) and least < x < most for x in pair):
                raise ValueError(f"Rprop: {name} must be two numbers above 0; got {group[name]!r}; use the default")
        if not group["etas"][0] < 1 < group["etas"][1]:
            raise ValueError(f"Rprop: etas must be below 1 and above 1; got {group['etas']}; use (0.5, 1.2)")

    def initial_state(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"prev": 0.0, "step_size": group["lr"]}

    def update(self, group: Any, step: int, p: Any, g: Any, state: Any, a: Any, b: Any) -> None:
        (less, more), (least, most) = group["etas"], group["step_sizes"]
        before, size = state["prev"], state["step_size"]
        turn = np.multiply(g, before, out=a)
        size *= np.where(turn > 0, more, np.where(turn < 0, less, 1.0))
        np.clip(size, least, most, out=size)
        before[...] = np.where(turn < 0, 0.0, g)
        p -= np.multiply(np.sign(before, out=b), size, out=b)


class ASGD(Optimizer):
    """SGD whose parameters are averaged, beside, after `t0` steps: `optimizer.state[p]["ax"]`.

        rate = lr / (1 + lambd * lr * (t - 1))**alpha
        p = p * (1 - lambd * rate) - rate * g
        ax += (p - ax) / max(1, t - 1 - t0)

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging" (1992).
    Errors: a ValueError for a `lambd` or `t0` below 0.

    >>> from tinygrad_edu import nn, optim
    >>> w = nn.Parameter([1.0])
    >>> optimizer = optim.ASGD([w], lr=0.25, lambd=0.0, t0=0)
    >>> for _ in range(3):
    ...     optimizer.zero_grad()
    ...     (w**2).sum().backward()
    ...     optimizer.step()
    >>> w.tolist(), optimizer.state[w]["ax"].tolist()
    ([0.125], [0.1875])
    """

    @own_keywords
    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
        weight_decay: float = 0.0, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, lambd=lambd, alpha=alpha, t0=t0, weight_decay=weight_decay, maximize=maximize
        )  # fmt: skip

    def check(self, group: Mapping[str, Any]) -> None:
        super().check(group)
        for name in ("lambd", "t0"):
            if not isinstance(group[name], int | float) or not 0 <= group[name] < 1e300:
                raise ValueError(f"ASGD: {name} must be a number, 0 or more; got {group[name]!r}; use the default")

    def initial_state(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"ax": 0.0}

    def update(self, group: Any, step: int, p: Any, g: Any, state: Any, a: Any, b: Any) -> None:
        lr, lambd = group["lr"], group["lambd"]
        g = decayed(g, p, group["weight_decay"], b)
        rate = lr / (1 + lambd * lr * (step - 1)) ** group["alpha"]
        p *= 1 - lambd * rate
        p -= np.multiply(g, rate, out=a)
        moved(state["ax"], p, 1 / np.maximum(1.0, step - 1 - group["t0"]), a)
