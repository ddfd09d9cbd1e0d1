"""What optimizers take besides a gradient: Hessians, products with them, products with a Jacobian, and the places where
a Jacobian may be other than zero."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import DTypeError
from ..functions.arguments import Function
from ..functions.settings import Names, Size, settings
from .causes.patterns import OVERWRITTEN, TERM
from .examination import Examination
from .explanation import explained
from .jacobian import numerical_jacobian
from .kernels.probes import alike
from .report import Entry, Report, conclude
from .subjects.conventions import COTANGENT, Convention
from .subjects.pairs import Pair

NOT_SYMMETRIC = "not symmetric"
NOT_LINEAR = "not linear in the direction"
LEFT_OUT = "an entry that the sparsity leaves out"
GUESSES = (TERM, OVERWRITTEN)  # patterns that are left where nothing better fits
TRIES = 4  # points at which a Jacobian is looked at, and pairs of directions


class Slopes(Pair):
    """A gradient, and what gives its derivatives: a matrix, or a product with a direction."""

    def __init__(self, who: str, grad: Function, second: Function, x: Any, product: bool) -> None:
        self.who, self.product = who, product
        super().__init__(grad, second, (x,))

    def ways(self, cache: object) -> list[Convention]:
        return [Convention((0, COTANGENT) if self.product else (0,))]


@settings
def check_hessian(
    f: Callable[..., Any],
    hess: Function,
    x: object,
    *args: object,
    grad: Function | None = None,
    raises: bool = True,
    strict: Names = False,
    seed: Size = 0,
) -> Report:
    """Check a hand-written Hessian, as `scipy.optimize.minimize` takes it.

    `hess(x, *args)` is the matrix of the second derivatives of `f(x, *args)`, a number: an array, a sparse matrix or a
    LinearOperator. With `grad(x, *args)`, it is checked against the gradient, which is quicker and more precise. The
    Hessian must be symmetric. The other arguments are those of `check_derivative`.

    >>> import numpy as np
    >>> from tinygrad_edu import testing
    >>> f = lambda x: np.sum(x**4) + x[0] * x[1]
    >>> hess = lambda x: np.diag(12 * x**2) + np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> print(testing.check_hessian(f, hess, np.array([0.5, -1.0])).verdict)
    RIGHT
    """
    who = "check_hessian"
    slope, second = gradient_of(f, grad, args), _with(hess, args)
    report = explained(Examination(Slopes(who, slope, second, _vector(who, x), False), seed))
    h = _matrix(second(np.array(x)))
    if report.verdict == "RIGHT" or report.pattern is None or report.pattern.startswith(GUESSES):
        asymmetric(h, report)
    return conclude(report, raises, strict)


@settings
def check_hvp(
    f: Callable[..., Any],
    hvp: Function,
    x: object,
    *args: object,
    grad: Function | None = None,
    raises: bool = True,
    strict: Names = False,
    seed: Size = 0,
) -> Report:
    """Check a hand-written product with a Hessian, as the `hessp` of `scipy.optimize.minimize`.

    `hvp(x, p, *args)` is `H @ p`, H being the matrix of the second derivatives of `f(x, *args)`, a number. It must be
    linear in `p`, and `q @ (H @ p)` be `p @ (H @ q)`. With a `grad` the report can name the line; it and the other
    arguments are those of `check_hessian`.

    >>> import numpy as np
    >>> from tinygrad_edu import testing
    >>> f, hvp = lambda x: np.sum(x**4), lambda x, p: 12 * x**2 * p
    >>> print(testing.check_hvp(f, hvp, np.array([0.5, -1.0])).verdict)
    RIGHT
    """
    who = "check_hvp"
    product: Function = (lambda x, p: hvp(x, p, *args)) if args else hvp
    slope = gradient_of(f, grad, args)
    report = explained(Examination(Slopes(who, slope, product, _vector(who, x), True), seed))
    guessed = report.verdict != "WRONG" or (report.pattern or "").startswith(GUESSES)
    unlike_a_matrix(lambda p: product(np.array(x), p), np.asarray(x).shape, report, seed, symmetric=guessed)
    return conclude(report, raises, strict)


@settings
def check_jvp(
    f: Callable[..., Any],
    jvp: Function,
    x: Any,
    *args: Any,
    raises: bool = True,
    strict: Names = False,
    seed: Size = 0,
) -> Report:
    """Check a hand-written derivative along a direction: forward mode, or the product with a Jacobian.

    `jvp(x, v, *args)` is `J @ v`, J being the derivatives of `f(x, *args)`, an array or a number; or the pair
    `(f(x), J @ v)`. It must be linear in `v`. The other arguments are those of `check_derivative`.

    >>> import numpy as np
    >>> from tinygrad_edu import testing
    >>> print(testing.check_jvp(np.sin, lambda x, v: np.cos(x) * v, np.array([0.5, -1.0])).verdict)
    RIGHT
    """
    who = "check_jvp"
    x = _vector(who, x)

    def along(at: object, v: object) -> Any:
        found = jvp(at, v, *args)
        return np.asarray(found[1] if isinstance(found, tuple) and len(found) == 2 else found)

    def jacobian(at: object) -> Any:
        """Its columns, one direction after the other."""
        at = np.asarray(at)
        units = np.eye(at.size).reshape(at.size, *at.shape)
        columns = [along(at.copy(), e.copy()) for e in units]
        return np.moveaxis(np.stack(columns), 0, -1).reshape(*columns[0].shape, *at.shape)

    report = explained(Examination(Slopes(who, _with(f, args), jacobian, x, False), seed))
    report.blame = None if report.blame is None or "jacobian" in str(report.blame) else report.blame
    unlike_a_matrix(lambda v: along(np.array(x), v), x.shape, report, seed, symmetric=False)
    return conclude(report, raises, strict)


@settings
def check_jacobian_sparsity(
    f: Function,
    sparsity: object,
    x: object,
    *args: object,
    raises: bool = True,
    strict: Names = False,
    seed: Size = 0,
) -> Report:
    """Check the places at which a Jacobian may be other than zero, as `scipy.optimize.least_squares` takes them.

    `sparsity` is a matrix of shape (outputs, inputs), an array or sparse, that is not zero where output i of
    `f(x, *args)` may depend on input j. Each input is moved, at `x` and at points nearby: an output that changes, and
    is left out, is WRONG. Places that are allowed, and at which nothing was ever seen to change, are noted.

    >>> import numpy as np
    >>> from tinygrad_edu import testing
    >>> f = lambda x: np.array([x[0] ** 2, x[0] * x[1]])
    >>> print(testing.check_jacobian_sparsity(f, np.array([[1, 0], [1, 1]]), np.array([0.5, 2.0])).verdict)
    RIGHT
    """
    who = "check_jacobian_sparsity"
    x = _vector(who, x)
    pattern = sparsity(x, *args) if callable(sparsity) else sparsity
    try:
        allowed = np.asarray(_matrix(pattern)).astype(bool)
    except (TypeError, ValueError) as error:
        raise DTypeError(
            f"{who}: sparsity must be a matrix of numbers; got {type(pattern).__name__} ({error}); write np.eye(3), say"
        ) from None
    seen, calls = dependence(_with(f, args), x, np.random.default_rng(seed))
    if allowed.shape != seen.shape:
        raise ValueError(
            f"{who}: sparsity must have shape (outputs, inputs), {seen.shape}; got {allowed.shape}; transpose it, say"
        )
    found = [(int(i), int(j)) for i, j in np.argwhere(seen & ~allowed)]
    report = Report("RIGHT", f"{int(seen.sum())} of {seen.size} outputs and inputs depend on each other, all allowed")
    if found:
        (i, j), n = found[0], len(found)
        report = Report("WRONG", f"f[{i}] depends on x[{j}], which the sparsity leaves out ({n} such places)", LEFT_OUT)
        report.entries = [Entry(f"f[{i}] by x", (j,), 0.0, 1.0, 0.0, "WRONG") for i, j in found]
    elif not seen.any():
        report = Report("VACUOUS", "no output was seen to depend on any input")
    if spare := int(np.sum(allowed & ~seen)):
        report.notes.append(f"{spare} places are allowed at which nothing was seen to change")
    report.evaluations, report.method = calls, "changes of the outputs"
    return conclude(report, raises, strict)


def dependence(f: Function, x: Any, rng: Any) -> tuple[Any, int]:
    """Which outputs change with which inputs, at a few points; and how often the function was called."""
    calls, seen = 0, None
    for k in range(TRIES):
        at = x if not k else x * rng.uniform(0.8, 1.2, x.shape) + (x == 0) * rng.uniform(-0.1, 0.1, x.shape)
        y = np.ravel(f(at.copy()))
        seen = np.zeros((y.size, x.size), dtype=bool) if seen is None else seen
        for j in range(x.size):
            for step in (1e-3, -0.05):
                moved = at.copy()
                moved.flat[j] += step * (abs(float(at.flat[j])) or 1.0)
                with np.errstate(all="ignore"):
                    z = np.ravel(f(moved))
                rounding = 64 * np.finfo(np.float64).eps * np.abs(y)
                seen[:, j] |= np.abs(z - y) > rounding
                calls += 1
        calls += 1
    return seen, calls


def gradient_of(f: Function, grad: Function | None, args: Sequence[Any]) -> Function:
    """The gradient that was given, or one by numbers."""
    if grad is not None:
        return _with(grad, args)
    return lambda x: numerical_jacobian(_with(f, args), np.asarray(x, dtype=np.float64))


def _with(f: Function, args: Sequence[Any]) -> Function:
    """The function of its first argument."""
    return (lambda x: f(x, *args)) if args else f


def asymmetric(h: Any, report: Report) -> None:
    """Say in a report that a Hessian is not symmetric."""
    if h.ndim != 2 or h.shape[0] != h.shape[1] or alike(h, h.T):
        return
    i, j = (int(k) for k in np.unravel_index(np.argmax(np.abs(h - h.T)), h.shape))
    report.verdict, report.pattern = "WRONG", NOT_SYMMETRIC
    report.diagnosis = f"the Hessian is not symmetric: [{i}, {j}] is {h[i, j]:.6g}, [{j}, {i}] is {h[j, i]:.6g}"


def unlike_a_matrix(
    product: Callable[[Any], Any], shape: tuple[int, ...], report: Report, seed: int, symmetric: bool
) -> None:
    """Say in a report that a product is not that with a matrix, or with a symmetric one."""
    rng = np.random.default_rng(seed)
    for _ in range(TRIES):
        p, q = (rng.standard_normal(shape) for _ in range(2))
        hp, hq, both = (np.array(product(v)) for v in (p.copy(), q.copy(), 2 * p - 0.5 * q))
        size = float(np.max(np.abs(2 * hp) + np.abs(0.5 * hq), initial=0))
        if not alike(both, 2 * hp - 0.5 * hq, 1e-8 * size):
            report.verdict, report.pattern = "WRONG", NOT_LINEAR
            report.diagnosis = "the product is not linear in the direction"
            return
        left, right = (float(np.sum(a * b)) for a, b in ((q, hp), (p, hq))) if symmetric else (0.0, 0.0)
        if symmetric and abs(left - right) > 1e-8 * float(np.sum(np.abs(q * hp)) + np.sum(np.abs(p * hq))):
            report.verdict, report.pattern = "WRONG", NOT_SYMMETRIC
            report.diagnosis = (
                f"the product is not that with a symmetric matrix: q H p is {left:.6g}, p H q {right:.6g}"
            )
            return


def _vector(who: str, x: object) -> Any:
    """The point, as an array of floats."""
    try:
        found = np.array(x)
    except ValueError as error:
        raise ValueError(
            f"{who}: x must be an array of floats; got {type(x).__name__} ({error}); make all rows equally long"
        ) from None
    if found.dtype.kind != "f":
        raise TypeError(
            f"{who}: x must be an array of floats; got {type(x).__name__} of {found.dtype}; use .astype(float)"
        )
    return found


def _matrix(h: Any) -> Any:
    """A matrix, sparse or not, or a LinearOperator, as an array."""
    if hasattr(h, "toarray"):
        return h.toarray()
    return h.matmat(np.eye(h.shape[1])) if hasattr(h, "matmat") else np.asarray(h)
