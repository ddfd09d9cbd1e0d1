"""Optimizers whose rule is of a whole parameter and its shape: Adafactor, Muon."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..changes import TURN
from ..engine import STEPPED
from ..functions.calls import own_keywords
from ..functions.settings import several
from ..nn import guards
from ..recording import tracer
from ..sums import worked_in
from ..writing import publish
from .bundle import Alone, Bundle
from .optimizer import Optimizer


class WholeOptimizer(Optimizer):
    """What these share: a kind defines `changed`, which gives a parameter's new values."""

    changed: Any = None  # (group, step, state, values, gradient) -> values; puts new arrays into the state, a copy
    shapes: Any = None  # (shape of a parameter) -> the shapes of its state, by the names of the arrays

    def _bundled(self, params: list[Any], group: Mapping[str, Any]) -> list[Bundle]:
        return [Alone([p], self.shapes(p.shape)) for p in params]

    def _kept_for(self, group: Mapping[str, Any], p: Any) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = self.shapes(p.shape)
        return found

    def _steps_itself(self) -> bool:
        return False

    def traced(
        self, group: Mapping[str, Any], step: Any, row: Any, g: Any, state: Mapping[str, Any], shape: tuple[int, ...]
    ) -> None:
        kept = {name: state[name].reshape(own) for name, own in self.shapes(shape).items()}
        row[...] = self.changed(group, step, kept, row.reshape(shape), g.reshape(shape)).reshape(-1)
        for name, new in kept.items():
            state[name][...] = new.reshape(-1)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; see `Optimizer.step`."""
        loss = self._begun(closure)
        if (by := tracer()) is not None:
            by.stepped(self)
            return loss
        params, new, more = [], [], []
        with np.errstate(all="ignore"), TURN:
            for group, parts in zip(self.param_groups, self._bundles, strict=True):
                moving = [bundle for bundle in parts if bundle.params[0]._grad is not None]
                guards.check_gradients([bundle.params[0] for bundle in moving])
                for bundle in moving:
                    (p,), step, state = bundle.params, bundle.steps[0] + 1, dict(bundle.state)
                    wide = worked_in(p.dtype)
                    values, g = (np.asarray(x._data, wide) for x in (p, p._grad))
                    value = self.changed(group, step, state, values, -g if group.get("maximize") else g)
                    params.append(p)
                    new.append(np.array(value, p.dtype))
                    kept = {name: np.asarray(x, wide, order="C") for name, x in state.items()}
                    more += [(setattr, bundle, "steps", [step]), (bundle.state.update, kept)]
                    more += [(setattr, t, "site", STEPPED) for t in (p, p._grad)]
            publish(params, new, *more, in_place=True)
        guards.after_step(self)
        return loss


def _rms(x: Any) -> Any:
    return np.sqrt(np.mean(np.square(x))) if x.size else np.zeros((), x.dtype)


class Adafactor(WholeOptimizer):
    """Adam's scaling with the memory of two vectors for a matrix: the mean squares of its rows and columns.

        rate = max(eps[1], rms(p)) * min(lr, 1 / sqrt(t))
        r, c = running means of the squared gradient over columns and rows, with share t**beta2_decay
        u = g / sqrt(r * c / mean(r))            (of a vector: g / sqrt(running mean of g**2))
        p = p * (1 - lr * weight_decay) - rate * u / max(1, rms(u) / d)

    Source: Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost" (2018).
    Errors: a ValueError unless `eps` is two numbers, `d` 1 or more and `beta2_decay` 0 or less.

    >>> from tinygrad_edu import nn, optim
    >>> w = nn.Parameter([[1.0, -1.0, 1.0], [1.0, 1.0, -1.0]])
    >>> (w**2).sum().backward()
    >>> optimizer = optim.Adafactor([w], lr=0.25)
    >>> optimizer.step()
    >>> w.tolist()
    [[0.75, -0.75, 0.75], [0.75, 0.75, -0.75]]
    >>> optimizer.state[w]["row_var"].shape, optimizer.state[w]["col_var"].shape
    ((2, 1), (1, 3))
    """

    @own_keywords
    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3), d: float = 1.0, weight_decay: float = 0.0,
        *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, beta2_decay=beta2_decay, eps=eps, d=d, weight_decay=weight_decay, maximize=maximize
        )  # fmt: skip

    def check(self, group: Mapping[str, Any]) -> None:
        super().check({**group, "eps": 0.0})  # which is a pair here
        pair = several("Adafactor", "eps", group["eps"])
        numbers = [*pair[1:], *[x for x in pair[:1] if x is not None]]
        if len(pair) != 2 or not all(isinstance(x, int | float) and 0 <= x < 1e300 for x in numbers):
            raise ValueError(f"Adafactor: eps must be two numbers; got {group['eps']!r}; use (None, 1e-3)")
        if not isinstance(group["d"], int | float) or not 1 <= group["d"] < 1e300:
            raise ValueError(f"Adafactor: d must be a number, 1 or more; got {group['d']!r}; use 1.0")
        if not isinstance(group["beta2_decay"], int | float) or group["beta2_decay"] > 0:
            raise ValueError(f"Adafactor: beta2_decay must be 0 or less; got {group['beta2_decay']!r}; use -0.8")

    def shapes(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        if len(shape) < 2:
            return {"variance": shape}
        return {"row_var": (*shape[:-1], 1), "col_var": (*shape[:-2], 1, shape[-1])}

    def changed(self, group: Mapping[str, Any], step: Any, state: Any, p: Any, g: Any) -> Any:
        first, second = group["eps"]
        first = np.finfo(p.dtype).eps if first is None else first
        share, lr = step ** group["beta2_decay"], group["lr"]
        rate = np.maximum(_rms(p), second) * np.minimum(lr * np.ones((), p.dtype), step**-0.5)

        def running(name: str, value: Any) -> Any:
            state[name] = state[name] + share * (value - state[name])
            return state[name]

        if g.ndim > 1:
            rows = running("row_var", np.mean(g * g, -1, keepdims=True))
            columns = running("col_var", np.mean(g * g, -2, keepdims=True))
            size = rows * columns / np.maximum(np.mean(rows, -2, keepdims=True), first * first)
        else:
            size = running("variance", g * g)
        u = g / np.sqrt(np.maximum(size, first * first))
        return p * (1 - lr * group["weight_decay"]) - rate / np.maximum(_rms(u) / group["d"], 1.0) * u


class Muon(WholeOptimizer):
    """Momentum whose steps are made orthogonal: for matrices, such as the weights of linear layers inside a model.

        m = momentum * m + (1 - momentum) * g
        u = orthogonal(momentum * m + (1 - momentum) * g if nesterov else m)
        p = p * (1 - lr * weight_decay) - rate * u

    where rate = lr * sqrt(max(1, rows / columns)), or with adjust_lr_fn="match_rms_adamw" lr * 0.2 * sqrt(max(rows,
    columns)); orthogonal(x) brings all singular values near to 1, by `ns_steps` steps of Newton and Schulz.
    Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024).
    Parameters of other numbers of axes, such as biases, raise ValueError: give them to AdamW.

    >>> from tinygrad_edu import nn, optim
    >>> w = nn.Parameter([[1.0, 0.0], [0.0, 4.0]])
    >>> (w**2).sum().backward()
    >>> optim.Muon([w], lr=0.5, weight_decay=0.0).step()
    >>> w.round(1).data
    array([[0.6, 0. ],
           [0. , 3.6]], dtype=float32)
    """

    @own_keywords
    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95,
        nesterov: bool = True, ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7, ns_steps: int = 5, adjust_lr_fn: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov,
            ns_coefficients=ns_coefficients, eps=eps, ns_steps=ns_steps, adjust_lr_fn=adjust_lr_fn,
        )  # fmt: skip

    def check(self, group: Mapping[str, Any]) -> None:
        super().check(group)
        numbers = several("Muon", "ns_coefficients", group["ns_coefficients"])
        if len(numbers) != 3 or not all(isinstance(x, int | float) for x in numbers):
            raise ValueError(f"Muon: ns_coefficients must be three numbers; got {numbers!r}; use the default")
        steps = group["ns_steps"]
        if not isinstance(steps, int) or isinstance(steps, bool) or not 0 <= steps < 100:
            raise ValueError(f"Muon: ns_steps must be from 0 to 99; got {steps!r}; use 5")
        adjust = group["adjust_lr_fn"]
        if not (adjust is None or (isinstance(adjust, str) and adjust in ("original", "match_rms_adamw"))):
            raise ValueError(
                f"Muon: adjust_lr_fn must be None, 'original' or 'match_rms_adamw'; got {group['adjust_lr_fn']!r}; "
                "choose one"
            )
        wrong = [p.shape for p in group["params"] if p.ndim != 2]
        if wrong:
            raise ValueError(f"Muon: parameters must be matrices; got shape {wrong[0]}; give the others to AdamW")

    def shapes(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        return {"momentum_buffer": shape}

    def changed(self, group: Mapping[str, Any], step: Any, state: Any, p: Any, g: Any) -> Any:
        momentum, lr, before = group["momentum"], group["lr"], state["momentum_buffer"]
        m = state["momentum_buffer"] = before + (1 - momentum) * (g - before)
        u = orthogonal(g + momentum * (m - g) if group["nesterov"] else m, group)
        rows, columns = p.shape
        matched = group["adjust_lr_fn"] == "match_rms_adamw"
        rate = lr * (0.2 * max(rows, columns) ** 0.5 if matched else max(1.0, rows / max(columns, 1)) ** 0.5)
        return p * (1 - lr * group["weight_decay"]) - rate * u


def orthogonal(x: Any, group: Mapping[str, Any]) -> Any:
    """A matrix with the singular vectors of `x`, and singular values near to 1."""
    a, b, c = group["ns_coefficients"]
    turned = x.shape[0] > x.shape[1]
    x = x.T if turned else x
    x = x / np.maximum(np.sqrt(np.sum(np.square(x))), group["eps"])
    for _ in range(group["ns_steps"]):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if turned else x
