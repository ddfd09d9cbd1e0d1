"""What optimizers take besides a gradient: Hessians, products with them, products with a Jacobian, and the places where
a Jacobian may be other than zero."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..annotations import Function
from ..engine import Variable
from ..errors import DTypeError
from ..functions.settings import Names, Size, settings
from .causes.patterns import OVERWRITTEN, TERM
from .examination import Examination
from .explanation import explained
from .jacobian import numerical_jacobian
from .kernels.probes import ADJOINT, alike
from .report import Entry, Report, conclude
from .subjects.conventions import COTANGENT, Convention
from .subjects.pairs import Pair, dense, unlike_adjoint
from .subjects.subjects import Argument, flatten

NOT_SYMMETRIC = "not symmetric"
NOT_LINEAR = "not linear in the direction"
LEFT_OUT = "an entry that the sparsity leaves out"
GUESSES = (TERM, OVERWRITTEN)  # patterns that are left where nothing better fits
TRIES = 4  # pairs of directions
ROUNDS = 2  # of points at which it is looked at what depends on what


class Matrix(Convention):
    """How optimizers call what gives a matrix: with the point, and their further arguments."""

    args: tuple[Any, ...] = ()

    def call(
        self, df: Callable[..., Any], inputs: Sequence[Any], value: object, cache: object, cotangent: object
    ) -> Any:
        return df(inputs[0], *self.args)


class SymmetricProduct(Matrix):
    """A product with a symmetric matrix: the direction is as good as a gradient of the output."""

    def call(
        self, df: Callable[..., Any], inputs: Sequence[Any], value: object, cache: object, cotangent: object
    ) -> Any:
        return df(inputs[0], cotangent, *self.args)


class Columns(Matrix):
    """A product with a Jacobian, whose columns it gives one direction after the other."""

    def call(
        self, df: Callable[..., Any], inputs: Sequence[Any], value: object, cache: object, cotangent: object
    ) -> Any:
        at = np.asarray(inputs[0])
        units = np.eye(max(at.size, 1), at.size).reshape(max(at.size, 1), *at.shape)  # for no input, once
        columns = [along(df, at.copy(), e.copy(), *self.args) for e in units]
        if any(c.dtype == object for c in columns):  # no numbers
            return columns[0].item() if not columns[0].ndim else columns[0]
        shape = (*columns[0].shape, *at.shape)
        return np.stack(columns, -1).reshape(shape) if at.size else np.zeros(shape)


def along(jvp: Function, *given: object) -> Any:
    """The derivative along a direction, from what returns it alone, or with the value before it."""
    found = jvp(*given)
    return np.asarray(found[1] if isinstance(found, tuple) and len(found) == 2 else found)


class Slopes(Pair):
    """A function or gradient, and what gives its derivatives: a matrix, or a product with a direction."""

    def __init__(
        self, who: str, grad: Function, second: Function, x: Any, way: Matrix, args: tuple[Any, ...], valued: str = "f"
    ) -> None:
        self.valued = valued  # what the first function is called
        self.who, self.called, self.way = who, who.removeprefix("check_").replace("hessian", "hess"), way
        way.args = args
        super().__init__(grad, second, (x,))

    def ways(self, cache: object) -> list[Convention]:
        return [self.way]

    def nothing(self, found: object) -> Exception:
        got = "None (is a return missing?)" if found is None else type(found).__name__
        return TypeError(f"{self.who}: {self.called} must return numbers; got {got}; return an array of floats")

    def _contracted(self, a: Argument, g: Any, cotangent: Any) -> Any:
        whole = a.array.shape if isinstance(self.way, SymmetricProduct) else self.shape + a.array.shape
        flat = () if isinstance(self.way, SymmetricProduct) else (int(np.prod(self.shape)), a.size)
        if g.shape not in (whole, flat) and not g.size == a.size == 1:
            raise self.misfit(a, g, whole)
        return super()._contracted(a, g, cotangent)

    def misfit(self, a: Argument, g: Any, whole: tuple[int, ...]) -> Exception:
        along = len(a.array.shape) if isinstance(self.way, Columns) else 0  # columns were put behind one another
        got, wanted = (s[: len(s) - along] for s in (g.shape, whole))
        return TypeError(
            f"{self.who}: {self.called} must return shape {wanted} here; got {got}; check its sums and axes"
        )


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
    slope = gradient_of(who, f, grad, _vector(who, x), args)
    report = explained(Examination(Slopes(who, slope, hess, _vector(who, x), Matrix((0,)), args, "grad"), seed))
    found = hess(np.array(x), *args)
    h = np.asarray(dense(who, found))
    if report.verdict == "RIGHT" or report.pattern is None or report.pattern.startswith(GUESSES):
        asymmetric(h, report)
        if report.verdict == "RIGHT" and (text := unlike_adjoint(who, found)):
            report.verdict, report.pattern, report.diagnosis = "WRONG", ADJOINT, text
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
    slope, way = gradient_of(who, f, grad, _vector(who, x), args), SymmetricProduct((0, COTANGENT))
    product: Callable[..., Any] = hvp
    report = explained(Examination(Slopes(who, slope, hvp, _vector(who, x), way, args, "grad"), seed))
    guessed = report.verdict != "WRONG" or (report.pattern or "").startswith(GUESSES)
    unlike_a_matrix(lambda p: product(np.array(x), p, *args), np.asarray(x).shape, report, seed, symmetric=guessed)
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
    report = explained(Examination(Slopes(who, _with(f, args), jvp, x, Columns((0,)), args), seed))
    unlike_a_matrix(lambda v: along(jvp, np.array(x), v, *args), x.shape, report, seed, symmetric=False)
    return conclude(report, raises, strict)


@settings
def check_jacobian_sparsity(
    f: Function,
    sparsity: object,
    x: Any,
    *args: object,
    raises: bool = True,
    strict: Names = False,
    seed: Size = 0,
) -> Report:
    """Check the places at which a Jacobian may be other than zero, as `scipy.optimize.least_squares` takes them.

    `sparsity` is a matrix of shape (outputs, inputs), an array or sparse, that is not zero where output i of
    `f(x, *args)` may depend on input j. Each input is moved, by up to twice its size, at `x` and at points around it,
    where branches may be that `x` does not take: an output that changes, and is left out, is WRONG. Places that are
    allowed, and at which nothing was ever seen to change, are noted.
    Errors: a DTypeError for what is no matrix of numbers, a ValueError for one of another shape.

    >>> import numpy as np
    >>> from tinygrad_edu import testing
    >>> f = lambda x: np.array([x[0] ** 2, x[0] * x[1]])
    >>> print(testing.check_jacobian_sparsity(f, np.array([[1, 0], [1, 1]]), np.array([0.5, 2.0])).verdict)
    RIGHT
    """
    who = "check_jacobian_sparsity"
    x = _vector(who, x)
    matrix = hasattr(sparsity, "shape")  # a LinearOperator can be called, too
    pattern = sparsity(x, *args) if callable(sparsity) and not matrix else sparsity
    try:
        allowed = np.asarray(dense(who, pattern))
        allowed = allowed.astype(bool) if allowed.dtype.kind in "biufc" else np.array(None)
    except (TypeError, ValueError) as error:
        raise DTypeError(
            f"{who}: sparsity must be a matrix of numbers; got {type(pattern).__name__} ({error}); write np.eye(3), say"
        ) from None
    if allowed.dtype == object:
        got = type(pattern).__name__
        raise DTypeError(f"{who}: sparsity must be a matrix of numbers; got {got}; write np.eye(3), say")
    with np.errstate(all="ignore"):
        value = flatten(who, f(x.copy(), *args))
    if not np.all(np.isfinite(value)):
        return conclude(Report("OUT_OF_DOMAIN", "the function is not finite at the inputs"), raises, strict)
    seen, calls = dependence(_with(f, args), x, np.random.default_rng(seed))
    if allowed.shape != seen.shape:
        raise ValueError(
            f"{who}: sparsity must have shape (outputs, inputs), {seen.shape}; got {allowed.shape}; transpose it, say"
        )
    found = [(int(i), int(j)) for i, j in np.argwhere(seen & ~allowed)]
    report = Report(
        "RIGHT",
        f"{int(seen.sum())} of {seen.size} outputs and inputs depend on each other, all allowed; inputs were moved by "
        f"up to twice their size, at {1 + 5 * ROUNDS} points",
    )
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


def dependence(f: Callable[[Any], Any], x: Any, rng: Any) -> tuple[Any, int]:
    """Which outputs change with which inputs, at `x` and at points nearby; and how often the function was called. Where
    it has no value, nothing is seen."""
    with np.errstate(all="ignore"):
        y = np.ravel(f(x.copy()))
    seen, calls = np.zeros((y.size, x.size), dtype=bool), 1
    size = np.maximum(np.abs(x), float(np.max(np.abs(x), initial=0)) or 1.0)

    def value(at: Any) -> Any:
        try:
            with np.errstate(all="ignore"):
                found = np.ravel(f(at))
        except Exception:  # outside its domain, it may refuse in any way
            return np.full(y.shape, np.nan)
        return found if found.shape == y.shape else np.full(y.shape, np.nan)

    for at in (x, *_around(x, size, rng)):
        y = value(at.copy())
        for j in range(x.size):
            steps = np.array([1e-3, -0.05, 2, -2]) * (abs(float(at.flat[j])) or 1.0)
            for step in (*steps, size.flat[j], -size.flat[j]):
                moved = at.copy()
                moved.flat[j] += step
                z = value(moved)
                rounding = 64 * np.finfo(np.float64).eps * (np.abs(y) + np.abs(z) + abs(moved.flat[j]))
                seen[:, j] |= np.abs(z - y) > rounding
        calls += 1 + 6 * x.size
    return seen, calls


def _around(x: Any, size: Any, rng: Any) -> list[Any]:
    """Points around another: near it, on both sides of it, and with each number of the other sign once."""
    found = []
    for _ in range(ROUNDS):
        away, signs = size * rng.standard_normal(x.shape), rng.choice([-1, 1], x.shape)
        near = x * rng.uniform(0.8, 1.2, x.shape)
        found += [near + (x == 0) * rng.uniform(-0.1, 0.1, x.shape), x + away, x - away, near * signs, -near * signs]
    return found


def gradient_of(who: str, f: Function, grad: Function | None, x: Any, args: Sequence[Any]) -> Callable[..., Any]:
    """The gradient that was given, or one by numbers."""
    name, known, shape = ("f", f, ()) if grad is None else ("grad", grad, x.shape)
    try:
        value = known(np.array(x), *args)
    except Exception:  # told when it is checked
        value = np.zeros(shape)
    if not isinstance(value, Variable) and flatten(who, value, name).size != int(np.prod(shape)):
        raise TypeError(
            f"{who}: {name} must return {'one number' if grad is None else f'shape {shape}'} here; got shape "
            f"{np.shape(value)}; check its sums and axes"
        )
    if grad is not None:
        return _with(grad, args)

    def by_numbers(x: object) -> Any:
        if isinstance(x, Variable):
            raise TypeError("its gradient is found by numbers; give one as grad=")
        return numerical_jacobian(_with(f, args), np.asarray(x, dtype=np.float64))

    return by_numbers


def _with(f: Function, args: Sequence[Any]) -> Callable[..., Any]:
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
