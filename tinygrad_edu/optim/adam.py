"""Adam, and Adam with decoupled weight decay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..functions.calls import own_keywords
from ..functions.settings import several
from .optimizer import Optimizer, decayed


class Adam(Optimizer):
    """Steps along the running mean of the gradient, each entry scaled by its running size.

        g = gradient + weight_decay * p
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        p -= lr * (m / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + eps)

    With `amsgrad`, v is replaced by the largest v so far. Source: Kingma and Ba, "Adam: a method for
    stochastic optimization" (2015). Errors: a ValueError unless `betas` are from 0 to below 1.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import optim
    >>> x = tg.Tensor([1.0], requires_grad=True)
    >>> (x**2).sum().backward()
    >>> optim.Adam([x], lr=0.25).step()
    >>> x.data
    array([0.75], dtype=float32)
    """

    decoupled = False

    @own_keywords
    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, amsgrad: bool = False, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize
        )

    def check(self, group: Mapping[str, Any]) -> None:
        super().check(group)
        if not all(0 <= beta < 1 for beta in several("optimizer", "betas", group["betas"])):
            raise ValueError(
                f"{type(self).__name__}: betas must be from 0 to below 1; got {group['betas']}; use (0.9, 0.999)"
            )

    def initial_state(self, group: Mapping[str, Any]) -> dict[str, float]:
        largest = {"max_exp_avg_sq": 0.0} if group["amsgrad"] else {}
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0, **largest}

    def update(self, group: Any, step: int, p: Any, g: Any, state: Any, a: Any, b: Any) -> None:
        (beta1, beta2), lr, decay = group["betas"], group["lr"], group["weight_decay"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        if decay and self.decoupled:
            p *= 1 - lr * decay
        else:
            g = decayed(g, p, decay, b)
        np.subtract(g, m, a)
        np.multiply(a, 1 - beta1, a)
        np.add(m, a, m)
        np.multiply(g, g, a)
        np.multiply(a, 1 - beta2, a)
        np.multiply(v, beta2, v)
        np.add(v, a, v)
        if group["amsgrad"]:
            v = np.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
        root = (1 - beta2**step) ** 0.5
        np.sqrt(v, a)
        np.add(a, group["eps"] * root, a)  # sqrt(v) + eps * root = root * (sqrt(v / (1 - beta2**t)) + eps)
        np.divide(m, a, a)
        np.multiply(a, lr * root / (1 - beta1**step), a)
        np.subtract(p, a, p)


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameters directly: p *= 1 - lr * weight_decay.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization" (2019).

    >>> from tinygrad_edu import nn, optim
    >>> w = nn.Parameter([4.0, 8.0])
    >>> (w**2).sum().backward()
    >>> optim.AdamW([w], lr=0.5, weight_decay=0.5).step()
    >>> w.tolist()
    [2.5, 5.5]
    """

    decoupled = True

    @own_keywords
    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
