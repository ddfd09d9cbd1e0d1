"""Every way by which values leave the graph inside a function that is differentiated: the gradient is right, or an error
or a warning says that it is lost."""

import copy
import functools
import json
import math
import operator
import warnings

import numpy as np
import pytest
from scipy import integrate, interpolate, linalg, sparse, special, stats

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.errors import LostGradientWarning

A, X, AT = np.ones((2, 2)), np.array([1.0, 3.0]), np.array([1.375, 0.7])


def into(write, shape=2):
    """A route that writes a tensor into an array."""

    def route(t):
        array = np.zeros(shape)
        write(array, t)
        return array.sum()

    return route


ROUTES = {
    "X.dot": lambda t: X.dot(t),
    "A.dot": lambda t: np.sum(A.dot(t)),
    "np.dot": lambda t: np.dot(X, t),
    "inner": lambda t: np.inner(X, t),
    "vdot": lambda t: np.vdot(X, t),
    "full": lambda t: tg.asarray(np.full(2, t[0])).sum(),
    "full_like": lambda t: np.full_like(X, t[0]).sum(),
    "array": lambda t: tg.asarray(np.array(t)).sum(),
    "asarray": lambda t: np.asarray(t).sum(),
    "array of the same": lambda t: np.array([t, t]).sum(),
    "array of tables": lambda t: np.array((tg.stack([t, t]), tg.stack([t, t]))).sum(),
    "array of a type": lambda t: np.array([t, t], dtype=float).sum(),
    "asarray of the same": lambda t: np.asarray([t, t]).sum(),
    "asarray of a name": lambda t: (lambda rows: np.asarray(rows).sum())([t, t]),
    "array of a loop": lambda t: np.asarray([2 * t for _ in range(2)]).sum(),
    "array list": lambda t: np.array([t[0], t[1]]).sum(),
    "array list0": lambda t: np.array([t[0] * 2, 1.0]).sum(),
    "stack": lambda t: np.stack([t, t]).sum(),
    "vstack": lambda t: np.vstack([t, X]).sum(),
    "vectorize": lambda t: np.vectorize(lambda v: v * 2)(t).sum(),
    "ma.array": lambda t: np.ma.array(t).sum(),
    "ma*": lambda t: (np.ma.array(X, mask=[0, 1]) * t).sum(),
    "ma+": lambda t: (np.ma.array(X) + t).sum(),
    "t*ma": lambda t: (t * np.ma.array(X)).sum(),
    "ma.dot": lambda t: np.ma.dot(np.ma.array(X), t),
    "ma.sum": lambda t: np.ma.sum(t),
    "apply_along_axis": lambda t: np.apply_along_axis(lambda v: v * 2, 0, t).sum(),
    "searchsorted": lambda t: X.searchsorted(t).sum(),
    "put": into(lambda a, t: a.put([0, 1], t)),
    "setitem": into(lambda a, t: a.__setitem__(0, t[0])),
    "setitem all": into(lambda a, t: a.__setitem__(..., t)),
    "iadd": into(lambda a, t: a.__iadd__(t)),
    "choose": lambda t: np.array([0, 1]).choose([t, t]).sum(),
    "choose a tensor": lambda t: np.array([0, 1]).choose(t).sum(),
    "np.choose": lambda t: np.choose([0, 1], [t, t]).sum(),
    "method of a result": lambda t: (X + 1).clip(t[0], 9.0).sum(),
    "csr.dot": lambda t: sparse.csr_matrix(A).dot(t).sum(),
    "csr @": lambda t: (sparse.csr_array(A) @ t).sum(),
    "csr *": lambda t: (sparse.csr_matrix(A) * t).sum(),
    "coo.dot": lambda t: sparse.coo_array(A).dot(t).sum(),
    "csc.multiply": lambda t: sparse.csc_matrix(A).multiply(t).sum(),
    "linear operator": lambda t: sparse.linalg.aslinearoperator(A).matvec(t).sum(),
    "scipy.linalg": lambda t: linalg.norm(t),
    "scipy.special": lambda t: special.logsumexp(t),
    "scipy.stats": lambda t: stats.norm.pdf(X, loc=t).sum(),
    "spline": lambda t: interpolate.CubicSpline([0, 1, 2, 5.0], [0, 1, 4, 25.0])(t).sum(),
    "quad": lambda t: integrate.quad(lambda x: x * t[0], 0, 1)[0],
    "np.random": lambda t: np.random.default_rng(0).normal(t, 1).sum(),
    "setattr": into(lambda a, t: setattr(a, "real", t)),
    "flat": into(lambda a, t: a.flat.__setitem__(slice(None), t)),
    "operator.setitem": into(lambda a, t: operator.setitem(a, 0, t[0])),
    "fill_diagonal": into(lambda a, t: np.fill_diagonal(a, t), (2, 2)),
    "pad": lambda t: np.pad(X, 1, constant_values=t[0]).sum(),
    "arange of": lambda t: np.arange(0, 3, t[0]).sum(),
    "histogram": lambda t: np.histogram(X, weights=t)[0].sum(),
    "tg.linspace": lambda t: tg.linspace(0, t[0], 3, dtype="float64").sum(),
    "tg.arange": lambda t: tg.arange(0, 3, t[0]).sum(),
    "as_strided": lambda t: np.lib.stride_tricks.as_strided(t).sum(),
    "recarray": lambda t: np.rec.fromarrays([t, t]).f0.sum(),
    "ddof": lambda t: np.std(X, ddof=t[0] * 0.1),
    "clip": lambda t: X.clip(t, 5.0).sum(),
    "clip2": lambda t: X.clip(max=t).sum(),
    "fill": into(lambda a, t: a.fill(t[0])),
    "putmask": into(lambda a, t: np.putmask(a, [True, True], t)),
    "copyto": into(lambda a, t: np.copyto(a, t)),
    "trace": lambda t: A.trace(t[0]),
    "matmul out": lambda t: np.matmul(A, t, out=np.zeros(2)).sum(),
    "ufunc at": into(lambda a, t: np.add.at(a, [0, 1], t)),
    "reduceat": lambda t: np.add.reduceat(t, [0]).sum(),
    "outer": lambda t: np.multiply.outer(X, t).sum(),
    "frompyfunc": lambda t: np.frompyfunc(lambda v: v * 2, 1, 1)(t).sum(),
    "float sum": lambda t: float(np.sum(np.asarray(t) ** 2)),
    "Tensor numpy": lambda t: tg.Tensor(t.numpy()).sum(),
    "dlpack": lambda t: np.from_dlpack(t).sum(),
    "Parameter": lambda t: nn.Parameter(t).sum(),
    "Parameter r": lambda t: nn.Parameter(t * 2).sum(),
    "Tensor": lambda t: tg.Tensor(t).sum(),
    "Tensor r": lambda t: tg.Tensor(t * 2).sum(),
    "tensor list": lambda t: tg.Tensor([t[0], t[1]]).sum(),
    "asarray numpy": lambda t: tg.asarray(t.numpy()).sum(),
    "numpy exp": lambda t: tg.asarray(np.exp(t.numpy())).sum(),
    "data": lambda t: tg.asarray(t.data).sum(),
    "data*2": lambda t: tg.asarray(t.data * 2).sum(),
    "float": lambda t: float(t[0]),
    "int": lambda t: int(t[0]),
    "item": lambda t: t[0].item(),
    "tolist": lambda t: sum(t.tolist()),
    "tolist row": lambda t: (tg.Tensor(t.tolist()) * t).sum(),
    "tolist entry": lambda t: (2 - t.tolist()[0] / 3) * t[1],
    "map": lambda t: sum(map(math.exp, t)),
    "tuple of a map": lambda t: max(tuple(map(math.exp, t))),
    "loop over a map": lambda t: sum([2 * v for v in map(math.sqrt, t)]),
    "next of a map": lambda t: next(map(math.sqrt, t)),
    "unpacked map": lambda t: [*map(math.sqrt, t)][1],
    "comprehension": lambda t: sum([math.exp(v) for v in t]),
    "generator": lambda t: sum(math.exp(v) for v in t),
    "partial": lambda t: functools.partial(math.exp, t[0])(),
    "entry of a dict": lambda t: {"exp": math.exp}["exp"](t[0]),
    "getattr": lambda t: getattr(math, "exp")(t[0]),  # noqa: B009
    "math": lambda t: math.exp(t[0]),
    "format": lambda t: float(f"{t[0]:.6f}"),
    "json": lambda t: json.loads(json.dumps(t.tolist()))[0],
    "complex": lambda t: abs(complex(t[0])),
    "sum()": lambda t: sum(t),
    "sorted": lambda t: sorted(t)[0],
    "max": lambda t: max(t),
    "iter float": lambda t: sum(float(v) for v in t),
    "copy": lambda t: copy.copy(t).sum(),
    "copy r": lambda t: copy.copy(t * 2).sum(),
    "deepcopy": lambda t: copy.deepcopy(t).sum(),
    "polyval": lambda t: np.polyval([1.0, 2.0], t).sum(),
    "polyval t": lambda t: np.polyval(t, 2.0),
    "poly1d": lambda t: np.poly1d(t)(2.0),
    "Polynomial": lambda t: np.polynomial.Polynomial(t)(2.0),
    "interp": lambda t: np.interp(t, [0, 5], [0, 5]).sum(),
    "linspace": lambda t: np.linspace(0, t[0], 3).sum(),
    "arange": lambda t: np.arange(0, t[0], 1.0).sum(),
    "fromiter": lambda t: np.fromiter(t, float).sum(),
    "piecewise": lambda t: np.piecewise(t, [t > 0], [lambda v: v * 2]).sum(),
    "select": lambda t: np.select([X > 0], [t]).sum(),
    "where": lambda t: np.where(X > 0, t, 0).sum(),
    "std X": lambda t: X.std(ddof=t[0]),
    "X.round": lambda t: X.round(t),
    "X.sum initial": lambda t: X.sum(initial=t[0]),
    "np.sum initial": lambda t: np.sum(X, initial=t[0]),
    "X.mean where": lambda t: X.mean(where=t > 0),
    "X*t": lambda t: (X * t).sum(),
    "X@t": lambda t: X @ t,
    "X**t": lambda t: (X**t).sum(),
    "np64*": lambda t: (np.float64(2) * t).sum(),
    "0d*": lambda t: (np.array(2.0) * t).sum(),
    "object": lambda t: np.array([t[0], None], dtype=object)[0],
    "objsum": lambda t: np.array([t[0], t[1]], dtype=object).sum(),
    "tobytes": lambda t: np.frombuffer(t.data.tobytes()).sum(),
    "bool": lambda t: 2.0 * bool(t[0] > 0),
    "astype": lambda t: t.astype("int64").sum(),
}
PLACES = {  # the gradient of route(w) + sum(w**2) by w, and the Hessian
    "hessian": lambda f: tg.hessian(f)(AT).data,
    "grad": lambda f: tg.grad(f)(AT).data,
    "vjp": lambda f: tg.vjp(f, AT)[1](1.0)[0].data,
    "jacobian": lambda f: tg.jacobian(f)(AT).data,
    "jvp": lambda f: np.array([tg.jvp(f, (AT,), (e,))[1].item() for e in np.eye(2)]),
    "vmap": lambda f: tg.vmap(tg.grad(f))(AT[None]).data[0],
}


# where numbers are asked for, a loss of one's own takes them for constants
ASKED_FOR = {
    "array", "asarray", "float sum", "Parameter", "data", "data*2", "float", "item", "format", "json", "complex",
    "iter float", "copy", "deepcopy", "tobytes",
}  # fmt: skip


def slope(f):
    """By central differences, on constants."""

    def value(x):
        y = f(tg.asarray(x))
        return float(y._data if isinstance(y, tg.Tensor) else y)

    return np.array([(value(AT + e) - value(AT - e)) / 2e-6 for e in 1e-6 * np.eye(2)])


def backward(f):
    w = tg.Tensor(AT, requires_grad=True)
    f(w).backward()
    return w.grad.data


@pytest.mark.parametrize("route", ROUTES)
def test_of_a_loss_of_ones_own_too(route):
    f = lambda w: ROUTES[route](w) + (w**2).sum()
    if route in ASKED_FOR:
        np.testing.assert_array_equal(backward(f), 2 * AT)
        return
    try:
        found = backward(f)
    except (LostGradientWarning, ValueError, TypeError, AttributeError):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(found, slope(f), atol=1e-4)


def test_numbers_that_are_looked_at_are_no_departures():
    w, losses, grid = tg.Tensor(AT, requires_grad=True), np.zeros(3), np.zeros((2, 2))
    loss = (w * w).sum()
    for k in range(3):
        losses[k] = loss.item()
        grid[k % 2] = w.numpy()
        grid[0, int(loss) % 2] = float(loss)
        kept = {0: None}
        kept[0] = loss
        assert math.isfinite(loss)
        assert math.floor(loss) < float(loss) < math.exp(loss.item())
    assert f"{loss:.2f} {loss}"
    assert np.asarray(w).size == len(list(map(float, w))) == len(w.tolist()) == 2
    np.testing.assert_allclose(w, AT)
    loss.backward()
    np.testing.assert_array_equal(w.grad.data, 2 * AT)


@pytest.mark.parametrize(
    ("take", "who"),
    [
        (lambda w, A: math.exp(w[0]), "exp: a function of Python's math"),
        (lambda w, A: [math.hypot(*w)], "hypot: a function of Python's math"),
        (lambda w, A: A.fill(w[0]), "fill: a method of NumPy's arrays"),
        (lambda w, A: sparse.csr_array(A) @ w, "array: the operator of the other operand"),
        (lambda w, A: np.array([[w, w]]), "array: this argument of a function of NumPy"),
        (lambda w, A: exec("A[0, 1:] = w[:1]", {"A": A, "w": w}), "array: an assignment into an array"),
    ],
)
def test_the_warning_says_who_took_the_numbers_and_where(take, who):
    w, A = tg.Tensor(AT, requires_grad=True), np.zeros((2, 2))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        take(w, A)
    assert str(told[0].message).startswith(f"{who} takes plain numbers, through which no gradient passes; got ")
    assert told[0].filename in (__file__, "<string>") or "scipy" in told[0].filename
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        take(w.detach(), A)
        with tg.no_grad():
            take(w, A)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("route", ROUTES)
def test_a_gradient_is_right_or_its_loss_is_told(route, place):
    f = lambda w: ROUTES[route](w) + (w**2).sum()
    try:
        found = PLACES[place](f)
    except (LostGradientWarning, ValueError, TypeError, AttributeError):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if place == "hessian":  # of functions that are polynomials, or smooth
            steps = 1e-3 * np.eye(2)
            want = np.array([(slope(lambda x, e=e: f(x + e)) - slope(lambda x, e=e: f(x - e))) / 2e-3 for e in steps])
            np.testing.assert_allclose(found, want, atol=1e-3)
        else:
            np.testing.assert_allclose(found, slope(f), atol=1e-4)


def test_plots_take_tensors_as_they_are():
    """A library that draws only looks at numbers: no warning, no error, and the numbers are those of the tensor."""
    Figure = pytest.importorskip("matplotlib.figure").Figure
    w = tg.Tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
    losses = [(w * k).sum() for k in (1.0, 2.0, 3.0)]
    axes, numbers = Figure().subplots(), [11.0, 22.0, 33.0]
    (line,) = axes.plot(losses)
    assert line.get_ydata().tolist() == numbers
    (line,) = axes.plot(range(3), tg.stack(losses) * 2)
    assert np.asarray(line.get_ydata()).tolist() == [22.0, 44.0, 66.0]
    assert [bar.get_height() for bar in axes.bar(range(3), losses)] == numbers
    assert axes.scatter(losses, losses).get_offsets().tolist() == [[x, x] for x in numbers]
    assert axes.contourf(w * 1).get_array().size > 1
    assert axes.imshow(w * 1).get_array().tolist() == w.tolist()


def test_an_array_that_was_asked_for_is_no_list_for_numpy():
    t = (tg.Tensor([1.0, 2.0], requires_grad=True) ** 2).sum()
    assert (np.asarray(t), float(t)) == (5.0, 5.0)
    with pytest.warns(LostGradientWarning):
        np.full(2, t).sum()
    assert float(t) == 5.0
    with tg.no_grad():
        assert np.array([t, t]).tolist() == [5.0, 5.0]
    with pytest.raises(ValueError, match="sequence"), pytest.warns(LostGradientWarning):
        np.array([t, t]).sum()
