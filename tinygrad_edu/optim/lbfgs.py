"""L-BFGS: Newton's method with a Hessian that is known from the last steps only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from ..annotations import Array
from ..functions.calls import own_keywords
from ..nn import guards
from ..writing import publish
from .line_search import strong_wolfe
from .optimizer import Optimizer


def direction(g: Array, changes: list[Any], steps: list[Any], scale: float) -> Any:
    """-H @ g, where H is the inverse Hessian that the last steps, and the changes of the gradient with them, tell.

    The two-loop recursion of Nocedal, "Updating quasi-Newton matrices with limited storage" (1980).
    """
    q, shares = -g, []
    for y, s in zip(reversed(changes), reversed(steps), strict=True):
        shares.append(float(s @ q) / float(y @ s))
        q = q - shares[-1] * y
    d = q * scale
    for y, s in zip(changes, steps, strict=True):
        d = d + s * (shares.pop() - float(y @ d) / float(y @ s))
    return d


class LBFGS(Optimizer):
    """Steps along -H @ g, where H estimates the inverse Hessian from the last `history_size` steps.

    `step(closure)` makes up to `max_iter` of them, of length `lr`, or with line_search_fn="strong_wolfe" of one that a
    line search finds; `closure` computes the loss and its gradients and is called again and again, `max_eval` times at
    most (1.25 * max_iter). It ends when the gradient is below `tolerance_grad`, or steps or losses change by less than
    `tolerance_change`. All data at once, and one group of parameters.
    Source: Liu and Nocedal, "On the limited memory BFGS method" (1989).
    Errors: a ValueError for several groups, or a setting out of its range; a TypeError for a step without a closure.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import optim
    >>> x = tg.Tensor([3.0, -2.0], requires_grad=True, dtype="float64")
    >>> optimizer = optim.LBFGS([x], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((x - 1) ** 2 * tg.Tensor([1.0, 10.0])).sum()
    ...     loss.backward()
    ...     return loss
    >>> _ = optimizer.step(closure)
    >>> x.data.round(4)
    array([1., 1.])
    """

    @own_keywords
    def __init__(
        self, params: Iterable[Any], lr: float = 1, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, max_iter=max_iter, max_eval=max_eval, tolerance_grad=tolerance_grad,
            tolerance_change=tolerance_change, history_size=history_size, line_search_fn=line_search_fn,
        )  # fmt: skip

    def check(self, group: Mapping[str, Any]) -> None:
        super().check(group)
        if self.param_groups and group["params"] is not self.param_groups[0]["params"]:
            raise ValueError("LBFGS: takes one group of parameters; got another; put all into one")
        for name in ("max_iter", "history_size", "max_eval"):
            n = group[name]
            if not (n is None and name == "max_eval") and (not isinstance(n, int) or isinstance(n, bool) or n < 1):
                raise ValueError(f"LBFGS: {name} must be an integer, 1 or more; got {n!r}; use the default")
        for name in ("tolerance_grad", "tolerance_change"):
            if not isinstance(group[name], int | float) or not 0 <= group[name] < 1e300:
                raise ValueError(f"LBFGS: {name} must be a number, 0 or more; got {group[name]!r}; use the default")
        search = group["line_search_fn"]
        if not (search is None or (isinstance(search, str) and search == "strong_wolfe")):
            raise ValueError(
                f"LBFGS: line_search_fn must be None or 'strong_wolfe'; got {group['line_search_fn']!r}; choose one"
            )

    def _values(self, params: list[Any]) -> Any:
        return np.concatenate([np.asarray(p._data).reshape(-1) for p in params])

    def _gradient(self, params: list[Any]) -> Any:
        return np.concatenate(
            [np.zeros(p.size, p.dtype) if p._grad is None else np.asarray(p._grad._data).reshape(-1) for p in params]
        )

    def _go(self, params: list[Any], x: Array) -> None:
        """Write a vector into the parameters."""
        cuts = np.split(x, np.cumsum([p.size for p in params])[:-1])
        values = [np.array(part.reshape(p.shape), p.dtype) for part, p in zip(cuts, params, strict=True)]
        publish(params, values, in_place=True)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Up to `max_iter` steps; gives the loss before the first."""
        if not callable(closure):
            raise TypeError(
                f"LBFGS: step needs a closure that computes the loss and its gradients; got {type(closure).__name__}; "
                "write a function that calls zero_grad(), then backward()"
            )
        self.not_compiled()
        params = self._all()
        births, values = [p.born for p in params], [np.array(p._data) for p in params]
        before = {p: dict(state) for p, state in self._kept.items()}
        try:
            with np.errstate(all="ignore"):
                return self._steps(closure)
        except BaseException:  # an error of the closure, or an interrupt: as if the step had not begun
            moved = [(p, value) for p, value, born in zip(params, values, births, strict=True) if p.born != born]
            restored = (self._kept.clear,), (self._kept.update, before)
            publish([p for p, _ in moved], [value for _, value in moved], *restored, in_place=True)
            raise

    def _steps(self, closure: Callable[[], Any]) -> Any:
        (group,) = self.param_groups
        params, tolerance = group["params"], group["tolerance_change"]
        state = self.state[params[0]]
        first = self._begun(closure)
        loss, g = float(first), self._gradient(params)
        evaluations, most = 1, group["max_eval"] or group["max_iter"] * 5 // 4

        def evaluated(x: Array) -> tuple[float, Any]:
            self._go(params, x)
            return float(closure()), self._gradient(params)

        def ray(x: Array, d: Array, t: float) -> tuple[float, Any]:
            return evaluated(x + t * d)

        def small() -> bool:
            return bool(np.max(np.abs(g), initial=0) <= group["tolerance_grad"])

        for k in range(1, group["max_iter"] + 1) if not small() else ():
            state["n_iter"] = state.get("n_iter", 0) + 1
            d = self._direction(group, state, g)
            t = min(1.0, 1.0 / float(np.sum(np.abs(g)))) * group["lr"] if state["n_iter"] == 1 else group["lr"]
            state |= {"d": d, "t": t, "prev_flat_grad": g}
            before, x = loss, self._values(params)
            if g @ d > -tolerance:
                break
            if group["line_search_fn"]:
                along = partial(ray, x, d)
                point, n = strong_wolfe(along, d, t, loss, g, most=most - evaluations)
                loss, g, state["t"] = point.value, point.gradient, point.step
                self._go(params, x + state["t"] * d)
            elif k == group["max_iter"]:
                self._go(params, x + t * d)
                break
            else:
                (loss, g), n = evaluated(x + t * d), 1
            evaluations += n
            if k == group["max_iter"] or evaluations >= most or small():
                break
            if np.max(np.abs(d)) * state["t"] <= tolerance or abs(loss - before) < tolerance:
                break
        state["func_evals"] = state.get("func_evals", 0) + evaluations
        guards.after_step(self)
        return first

    def _direction(self, group: dict[str, Any], state: dict[str, Any], g: Array) -> Any:
        """The direction of the next step, after the last one has been noted."""
        if state["n_iter"] == 1:
            state |= {"old_dirs": [], "old_stps": [], "H_diag": 1.0}
            return -g
        y, s = g - state["prev_flat_grad"], state["d"] * state["t"]
        if y @ s > 1e-10:
            for name, row in (("old_dirs", y), ("old_stps", s)):
                state[name] = [*state[name], row][-group["history_size"] :]
            state["H_diag"] = float(y @ s) / float(y @ y)
        return direction(g, state["old_dirs"], state["old_stps"], state["H_diag"])
