"""Relatives of Adam: with another bound on a step, Nesterov's momentum, a correction of the first steps, or signs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..functions.calls import own_keywords
from .adam import Adam
from .optimizer import decayed


def moved(mean: Any, value: Any, share: float, room: Any) -> None:
    """mean += share * (value - mean), in place."""
    mean += np.multiply(np.subtract(value, mean, out=room), share, out=room)


class NAdam(Adam):
    """Adam with Nesterov's momentum.

        mu(t) = beta1 * (1 - 0.96**(t * momentum_decay) / 2)
        m, v as in Adam
        p -= lr * ((1 - mu(t)) / (1 - M(t)) * g + mu(t + 1) / (1 - M(t + 1)) * m) / (sqrt(v') + eps)

    where M(t) = mu(1) * ... * mu(t) and v' = v / (1 - beta2**t).
    Source: Dozat, "Incorporating Nesterov momentum into Adam" (2016).

    >>> from tinygrad_edu import nn, optim
    >>> w = nn.Parameter([1.0, 4.0])
    >>> (w**2).sum().backward()
    >>> optim.NAdam([w], lr=0.5).step()
    >>> w.round(4).data
    array([0.4718, 3.4718], dtype=float32)
    """

    @own_keywords
    def __init__(
        self, params: Iterable[Any], lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False,
        *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super(Adam, self).__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay,
            decoupled_weight_decay=decoupled_weight_decay, maximize=maximize,
        )  # fmt: skip

    def initial_state(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0, "mu_product": 1.0}

    def update(self, group: Any, step: int, p: Any, g: Any, state: Any, a: Any, b: Any) -> None:
        (beta1, beta2), lr, decay = group["betas"], group["lr"], group["weight_decay"]
        m, v, product = state["exp_avg"], state["exp_avg_sq"], state["mu_product"]
        if group["decoupled_weight_decay"]:
            p *= 1 - lr * decay
        else:
            g = decayed(g, p, decay, b)
        mu, after = (beta1 * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"])) for t in (step, step + 1))
        moved(m, g, 1 - beta1, a)
        v *= beta2
        v += np.multiply(np.multiply(g, g, out=a), 1 - beta2, out=a)
        np.sqrt(np.multiply(v, 1 / (1 - beta2**step), out=a), out=a)
        a += group["eps"]
        product *= mu
        direction = g * (1 - mu) / (1 - product) + m * after / (1 - product * after)
        p -= np.multiply(np.divide(direction, a, out=a), lr, out=a)


class RAdam(Adam):
    """Adam whose first steps are plain momentum, until the variance of v is known well enough.

        r = 2 / (1 - beta2) - 1;   r(t) = r - 2 * t * beta2**t / (1 - beta2**t)
        p -= lr * m'                                                   (while r(t) <= 5)
        p -= lr * m' * c(t) * sqrt(1 - beta2**t) / (sqrt(v) + eps)     (afterwards)

    where m' = m / (1 - beta1**t), c(t)**2 = (r(t) - 4) * (r(t) - 2) * r / ((r - 4) * (r - 2) * r(t)).
    Source: Liu et al., "On the variance of the adaptive learning rate and beyond" (2020).

    >>> from tinygrad_edu import nn, optim
    >>> w = nn.Parameter([1.0, 4.0])
    >>> (w**2).sum().backward()
    >>> optim.RAdam([w], lr=0.25).step()
    >>> w.tolist()
    [0.5, 2.0]
    """

    @own_keywords
    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, decoupled_weight_decay: bool = False, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super(Adam, self).__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
            decoupled_weight_decay=decoupled_weight_decay, maximize=maximize,
        )  # fmt: skip

    def initial_state(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def update(self, group: Any, step: int, p: Any, g: Any, state: Any, a: Any, b: Any) -> None:
        (beta1, beta2), lr, decay = group["betas"], group["lr"], group["weight_decay"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        if group["decoupled_weight_decay"]:
            p *= 1 - lr * decay
        else:
            g = decayed(g, p, decay, b)
        moved(m, g, 1 - beta1, a)
        v *= beta2
        v += np.multiply(np.multiply(g, g, out=a), 1 - beta2, out=a)
        left, whole = 1 - beta2**step, 2 / (1 - beta2) - 1
        known = whole - 2 * step * beta2**step / left
        late = np.sign(np.maximum(known - 5, 0.0))  # 1 from where it is known on, 0 before
        known = np.maximum(known, 5.0)
        factor = ((known - 4) * (known - 2) * whole / ((whole - 4) * (whole - 2) * known)) ** 0.5
        np.sqrt(v, out=a)
        a += group["eps"]
        np.divide(late * factor * left**0.5, a, out=a)
        a += 1 - late
        np.multiply(m, a, out=a)
        p -= np.multiply(a, lr / (1 - beta1**step), out=a)


class Adamax(Adam):
    """Adam with the largest gradient, which fades, in place of the root of the mean square.

        u = max(beta2 * u, abs(g) + eps)
        p -= lr / (1 - beta1**t) * m / u

    Source: Kingma and Ba, "Adam: a method for stochastic optimization" (2015).

    >>> from tinygrad_edu import nn, optim
    >>> w = nn.Parameter([1.0, 4.0])
    >>> (w**2).sum().backward()
    >>> optim.Adamax([w], lr=0.25).step()
    >>> w.tolist()
    [0.75, 3.75]
    """

    @own_keywords
    def __init__(
        self, params: Iterable[Any], lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super(Adam, self).__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize
        )  # fmt: skip

    def initial_state(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_inf": 0.0}

    def update(self, group: Any, step: int, p: Any, g: Any, state: Any, a: Any, b: Any) -> None:
        beta1, beta2 = group["betas"]
        m, u = state["exp_avg"], state["exp_inf"]
        g = decayed(g, p, group["weight_decay"], b)
        moved(m, g, 1 - beta1, a)
        np.abs(g, out=a)
        a += group["eps"]
        u *= beta2
        np.maximum(u, a, out=u)
        p -= np.multiply(np.divide(m, u, out=a), group["lr"] / (1 - beta1**step), out=a)


class Lion(Adam):
    """Steps of one size, in the direction of the sign of a running mean.

        p *= 1 - lr * weight_decay
        p -= lr * sign(beta1 * m + (1 - beta1) * g)
        m = beta2 * m + (1 - beta2) * g

    It is not PyTorch's. Source: Chen et al., "Symbolic discovery of optimization algorithms" (2023).

    >>> from tinygrad_edu import nn, optim
    >>> w = nn.Parameter([1.0, 4.0])
    >>> (w**2).sum().backward()
    >>> optim.Lion([w], lr=0.25).step()
    >>> w.tolist()
    [0.75, 3.75]
    """

    @own_keywords
    def __init__(
        self, params: Iterable[Any], lr: float = 1e-4, betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super(Adam, self).__init__(params, lr=lr, betas=betas, weight_decay=weight_decay, maximize=maximize)

    def initial_state(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"exp_avg": 0.0}

    def update(self, group: Any, step: int, p: Any, g: Any, state: Any, a: Any, b: Any) -> None:
        (beta1, beta2), lr, m = group["betas"], group["lr"], state["exp_avg"]
        p *= 1 - lr * group["weight_decay"]
        np.multiply(m, beta1, out=a)
        a += np.multiply(g, 1 - beta1, out=b)
        p -= np.multiply(np.sign(a, out=a), lr, out=a)
        moved(m, g, 1 - beta2, a)
