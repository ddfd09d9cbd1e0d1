"""The least value of a function of tensors, by methods that know its curvature."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..annotations import Array, ArrayLike
from ..engine import constant
from ..errors import DTypeError, ShapeError
from ..functions.arguments import lift
from ..functions.settings import Positive, settings
from ..tensor import Tensor
from ..transforms import tree
from ..transforms.derivatives import hvp, value_and_grad
from .lbfgs import direction
from .line_search import strong_wolfe

METHODS = ("bfgs", "lbfgs", "newton-cg")


class Minimum(NamedTuple):
    """Where a search ended: the argument, the value and gradient there, the numbers of steps and evaluations, and
    whether the gradient is as small as was asked for. Names are SciPy's.

    >>> from tinygrad_edu import optim
    >>> found = optim.minimize(lambda x: (x - 3.0) ** 2, 0.0)
    >>> found.x.item(), found.fun, found.jac.item(), found.success
    (3.0, 0.0, 0.0, True)
    """

    x: Any
    fun: float
    jac: Any
    nit: int
    nfev: int
    success: bool
    message: str


class Flat:
    """A function of a tree as a function of a vector."""

    def __init__(self, f: Callable[[Any], Any], x0: object) -> None:
        leaves, self.structure = tree.flatten(x0)
        arrays = [lift(x, "minimize") for x in leaves]
        if not arrays or any(x.dtype.kind != "f" for x in arrays):
            given = ", ".join(str(x.dtype) for x in arrays) or "nothing"
            raise DTypeError(f"minimize: x0 must be floating-point numbers, or a tree of them; got {given}; use floats")
        self.f, self.shapes, self.dtypes = f, [x.shape for x in arrays], [x.dtype for x in arrays]
        self.start = np.concatenate([np.asarray(x._data, np.float64).reshape(-1) for x in arrays])
        if not np.all(np.isfinite(self.start)):
            raise ValueError("minimize: x0 must be finite numbers; got inf or nan; start where f is defined")
        self.count = 0
        self.slope = value_and_grad(self._checked)

    def _checked(self, x: object) -> Any:
        y = self.f(x)
        if not isinstance(y, Tensor) or y.shape != ():
            got = f"shape {y.shape}" if isinstance(y, Tensor) else type(y).__name__
            raise ShapeError(f"minimize: f must give one number, a tensor without axes; got {got}; use sum or mean")
        return y

    def tree(self, x: ArrayLike) -> Any:
        """A vector as the tree."""
        cuts = np.split(x, np.cumsum([int(np.prod(shape)) for shape in self.shapes])[:-1])
        leaves = [constant(c.reshape(s).astype(d)) for c, s, d in zip(cuts, self.shapes, self.dtypes, strict=True)]
        return tree.unflatten(self.structure, leaves)

    def vector(self, x: ArrayLike) -> Any:
        """A tree as the vector."""
        return np.concatenate([np.asarray(leaf._data, np.float64).reshape(-1) for leaf in tree.leaves(x)])

    def at(self, x: Array) -> tuple[float, Any]:
        """Value and gradient."""
        self.count += 1
        value, gradient = self.slope(self.tree(x))
        return float(value), self.vector(gradient)

    def along(self, x: object, d: Any, t: float) -> tuple[float, Any]:
        """Value and gradient on a line."""
        return self.at(x + t * d)

    def curvature(self, x: ArrayLike, d: Array) -> Any:
        """The Hessian times `d`."""
        return self.vector(hvp(self._checked, (self.tree(x),), (self.tree(d),)))


@settings
def minimize(
    f: Callable[[Any], Any], x0: object, method: str = "bfgs", *, tolerance: float = 1e-6, max_steps: Positive = 500
) -> Minimum:  # fmt: skip
    """The least value of `f` near `x0`, a tensor or a tree of them, by a method with line searches.

    "bfgs" keeps an estimate of the whole inverse Hessian, "lbfgs" one from the last 20 steps, "newton-cg" asks for
    Hessian-vector products and solves for the step by conjugate gradients. It ends when no entry of the gradient is
    larger than `tolerance`. Source: Nocedal and Wright, "Numerical optimization" (2006), chapters 6 and 7.
    Errors: a ValueError for another `method`.

    >>> from tinygrad_edu import optim
    >>> rosenbrock = lambda p: (1 - p["x"]) ** 2 + 100 * (p["y"] - p["x"] ** 2) ** 2
    >>> found = optim.minimize(rosenbrock, {"x": -1.0, "y": 2.0}, tolerance=1e-4)
    >>> found.success, round(found.x["x"].item(), 3), round(found.x["y"].item(), 3)
    (True, 1.0, 1.0)
    """
    if method not in METHODS:
        raise ValueError(f"minimize: method must be {', '.join(METHODS)}; got {method!r}; choose one")
    flat = Flat(f, x0)
    x = flat.start
    value, g = flat.at(x)
    kind: Any = {"bfgs": Dense, "lbfgs": Limited, "newton-cg": Newton}[method](flat)
    message, steps = f"no entry of the gradient is larger than {tolerance}", 0
    while np.max(np.abs(g), initial=0) > tolerance:
        if steps == max_steps:
            message = f"all steps ({max_steps}) were made"
            break
        d = kind.direction(x, g)
        if not g @ d < 0:
            d = -g
        length = 1.0 if steps or method == "newton-cg" else min(1.0, 1.0 / float(np.sum(np.abs(g))))
        point, _ = strong_wolfe(
            partial(flat.along, x, d), d, length, value, g, tolerance=1e-15, noise=4e-16 * abs(value)
        )
        less = np.max(np.abs(point.gradient)) < np.max(np.abs(g))
        if not (point.value < value or (point.value <= value + 1e-12 * abs(value) and less)):
            message = "no smaller value was found along the last direction"
            break
        kind.note(point.step * d, point.gradient - g)
        x, value, g, steps = x + point.step * d, point.value, point.gradient, steps + 1
    success = bool(np.max(np.abs(g), initial=0) <= tolerance)
    return Minimum(flat.tree(x), value, flat.tree(g), steps, flat.count, success, message)


class Limited:
    """Directions of L-BFGS."""

    def __init__(self, flat: Flat) -> None:
        self.changes: list[Any] = []
        self.steps: list[Any] = []

    def direction(self, x: ArrayLike, g: Array) -> Any:
        if not self.steps:
            return -g
        y, s = self.changes[-1], self.steps[-1]
        return direction(g, self.changes, self.steps, float(y @ s) / float(y @ y))

    def note(self, s: Any, y: Any) -> None:
        if y @ s > 1e-10 * (y @ y):
            self.changes, self.steps = [*self.changes, y][-20:], [*self.steps, s][-20:]


class Dense:
    """Directions of BFGS."""

    def __init__(self, flat: Flat) -> None:
        self.inverse: Any = None

    def direction(self, x: ArrayLike, g: Array) -> Any:
        return -g if self.inverse is None else -(self.inverse @ g)

    def note(self, s: Any, y: Any) -> None:
        if not y @ s > 1e-10 * (y @ y):
            return
        rho = 1 / float(y @ s)
        if self.inverse is None:
            self.inverse = np.eye(len(s)) * (float(y @ s) / float(y @ y))
        hy = self.inverse @ y
        self.inverse += rho * ((1 + rho * (y @ hy)) * np.outer(s, s) - np.outer(hy, s) - np.outer(s, hy))


class Newton:
    """Directions of Newton's method, solved for by conjugate gradients as far as the Hessian is positive."""

    def __init__(self, flat: Flat) -> None:
        self.flat = flat

    def direction(self, x: ArrayLike, g: Array) -> Any:
        d, r = np.zeros_like(g), -g
        p, size = r, float(r @ r)
        enough = min(0.5, size**0.25) * size**0.5
        for _ in range(10 * len(g)):
            hp = self.flat.curvature(x, p)
            curve = float(p @ hp)
            if curve <= 0:
                return d if d.any() else p
            step = size / curve
            d, r = d + step * p, r - step * hp
            before, size = size, float(r @ r)
            if size**0.5 <= enough:
                break
            p = r + (size / before) * p
        return d

    def note(self, s: Any, y: object) -> None:
        """The Hessian is asked for anew at each step."""
