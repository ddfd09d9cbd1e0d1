"""NumPy's functions on tensors: the values are NumPy's own, the gradients those that differences of them show."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import ShapeError

R, MORE = np.random.default_rng(0), np.random.default_rng(1)
V, U, W = R.normal(size=7), R.normal(size=3), R.normal(size=4)
M, N, S = R.normal(size=(3, 4)), R.normal(size=(2, 3)), R.normal(size=(4, 4))
POSITIVE = np.array([0.5, 1.5, 2.25, 7.0])
HOLES = np.array([[1.0, np.nan, 3.0, -2.0], [np.nan, 0.5, 2.0, 7.0]])
GRID = np.array([0.0, 0.5, 0.75, 2.0])
AT = np.array([0.1, 0.6, 1.9, -1.0, 3.0])


def filled(holes):
    """Holes are constants: what is differentiated is put between them."""
    return lambda x: np.where(np.isnan(holes), np.nan, x)


def put(x, v):
    x = x.clone() if isinstance(x, tg.Tensor) else x.copy()
    np.put_along_axis(x, np.array([[1], [0], [2]]), v, 1)
    return x


METHODS = [
    "lower", "higher", "midpoint", "nearest", "inverted_cdf", "averaged_inverted_cdf", "closest_observation",
    "interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased", "normal_unbiased",
]  # fmt: skip

# Python's numbers do not widen float32 here, nor do integers
LOOSE = {
    "block of vectors", "diff with ends", "vander", "vander increasing", "polyder", "polyder twice", "polyint", "polyint twice", "polyadd of a number",
    "polyfit", "polyfit of columns", "poly", "poly of a matrix", "roots", "average and counts",
}  # fmt: skip

nan = filled(HOLES)
FULL = np.nan_to_num(HOLES, nan=1.25)

CASES = {
    "kron": (np.kron, M, N), "kron of different axes": (np.kron, U, M), "kron of numbers": (np.kron, U, np.float64(2.0)),
    **{f"convolve {m} {a.size} {b.size}": (lambda a, b, m=m: np.convolve(a, b, m), a, b)
       for m in ("full", "same", "valid") for a, b in ((V, U), (V, W), (U, V), (W, V), (U, U))},
    **{f"correlate {m} {a.size} {b.size}": (lambda a, b, m=m: np.correlate(a, b, m), a, b)
       for m in ("full", "same", "valid") for a, b in ((V, U), (V, W), (U, V), (W, V), (U, U), (V[:6], W), (W, V[:6]))},
    "cov": (np.cov, M), "cov of columns": (lambda x: np.cov(x, rowvar=False, bias=True), M), "cov of two": (np.cov, U, R.normal(size=3)),
    **{f"cov with {name}": (lambda x, w=w: np.cov(x, **w), M) for name, w in {
        "counts": {"fweights": np.array([1, 2, 0, 3])[: M.shape[1]]}, "weights": {"aweights": np.array([0.5, 2.0, 1.0, 0.1])[: M.shape[1]]},
        "both": {"fweights": np.array([1, 2, 0, 3])[: M.shape[1]], "aweights": np.array([0.5, 2.0, 1.0, 0.1])[: M.shape[1]]},
        "weights and ddof": {"aweights": np.array([0.5, 2.0, 1.0, 0.1])[: M.shape[1]], "ddof": 0},
    }.items()},
    "cov with ddof": (lambda x: np.cov(x, ddof=0), M), "cov of one": (np.cov, V), "corrcoef": (np.corrcoef, M),
    "corrcoef of two": (np.corrcoef, U, R.normal(size=3)), "corrcoef of one": (lambda x: np.corrcoef(x) * x[0], V),
    "quantile": (lambda x: np.quantile(x, [0.1, 0.5, 0.77]), V), "quantile of rows": (lambda x: np.quantile(x, 0.3, axis=1), M),
    "quantile of all axes": (lambda x: np.quantile(x, [[0.3, 0.9]], axis=(0, 1), keepdims=True), M),
    **{f"quantile {m}": (lambda x, m=m: np.quantile(x, [0, 0.4, 0.5, 1], axis=0, method=m), M) for m in METHODS},
    **{f"nanquantile {m}": (lambda x, m=m: np.nanquantile(nan(x), [0, 0.3, 0.5, 0.75, 1], axis=1, method=m), FULL) for m in METHODS},
    "percentile": (lambda x: np.percentile(x, [10, 60], axis=0), M), "median": (np.median, V),
    "median of rows": (lambda x: np.median(x, axis=1, keepdims=True), M), "median of both": (lambda x: np.median(x, axis=(0, 1)), M),
    "nanmean": (lambda x: np.nanmean(nan(x), axis=1), FULL), "nansum": (lambda x: np.nansum(nan(x), axis=0, keepdims=True), FULL),
    "nanprod": (lambda x: np.nanprod(nan(x), axis=1), FULL), "nanvar": (lambda x: np.nanvar(nan(x), axis=1, ddof=1), FULL),
    "nanstd": (lambda x: np.nanstd(nan(x)), FULL), "nanmax": (lambda x: np.nanmax(nan(x), axis=1), FULL),
    "nanmin": (lambda x: np.nanmin(nan(x)), FULL), "nanmedian": (lambda x: np.nanmedian(nan(x), axis=1), FULL),
    "nanquantile": (lambda x: np.nanquantile(nan(x), [0.25, 0.6], axis=1), FULL),
    "nanpercentile": (lambda x: np.nanpercentile(nan(x), 35, axis=0), FULL),
    "average": (lambda x, w: np.average(x, 1, w), M, POSITIVE), "average of all": (lambda x, w: np.average(x, weights=w * w + 1), M, M),
    "gradient": (np.gradient, V), "gradient by rows": (lambda x: np.gradient(x, axis=1), M),
    "gradient of both": (lambda x: np.gradient(x, 0.5, 2.0)[0] + np.gradient(x, 0.5, 2.0)[1], M),
    "gradient of uneven steps": (lambda x, g: np.gradient(x, g, axis=1), M, GRID),
    "gradient of order 2": (lambda x, g: np.gradient(x, g, axis=1, edge_order=2), M, GRID),
    "sinc": (np.sinc, V), "cbrt": (np.cbrt, V), "nan_to_num": (lambda x: np.nan_to_num(nan(x), nan=3.0), FULL),
    "linspace": (lambda a, b: np.linspace(a, b, 5, axis=1), U, np.float64(2.0)), "linspace without its end": (lambda a: np.linspace(a, 3.0, 4, endpoint=False), U),
    "logspace": (lambda a, b: np.logspace(a, b, 5), np.float64(0.5), np.float64(2.0)), "logspace of base 2": (lambda a: np.logspace(a, 2.0, 4, base=2.0), U),
    "geomspace": (lambda a, b: np.geomspace(a, b, 5), POSITIVE, np.float64(2.0)), "geomspace of negatives": (lambda a: np.geomspace(-a, -3.0, 3), POSITIVE),
    **{f"rot90 {k}": (lambda x, k=k: np.rot90(x, k), M) for k in (-1, 0, 1, 2, 5)}, "rot90 of axes": (lambda x: np.rot90(x, 1, (1, 0)), M),
    "cummax": (lambda x: np.maximum.accumulate(x, axis=1), M), "cummin": (np.minimum.accumulate, V),
    "heaviside": (lambda x, h: np.heaviside(np.where(np.arange(7) == 2, 0, x), h), V, V * V), "fmod": (lambda a, b: np.fmod(5 * a, b), V, V[::-1] + 3),
    "modf": (lambda x: np.modf(3 * x)[0] + 2 * np.modf(3 * x)[1], V), "trunc": (lambda x: np.trunc(3 * x) * x, V),
    "copysign": (np.copysign, V, np.float64(-1.0)), "nextafter": (lambda x: np.nextafter(x, 3.0), V),
    "insert": (lambda x, v: np.insert(x, 2, v), V, np.float64(9.0)), "insert several": (lambda x, v: np.insert(x, [1, 1, 5], v), V, U),
    "insert out of order": (lambda x, v: np.insert(x, [5, 1, -1], v), V, U),
    "insert a row": (lambda x, v: np.insert(x, 1, v, axis=0), M, W), "insert rows": (lambda x, v: np.insert(x, [1, 3], v, axis=0), M, R.normal(size=(2, 4))),
    "insert a column": (lambda x, v: np.insert(x, 0, v, axis=1), M, U), "insert by a slice": (lambda x, v: np.insert(x, slice(1, 3), v), V, V[:2]),
    "insert columns": (lambda x, v: np.insert(x, [0, 2], v, axis=1), M, R.normal(size=(3, 2))), "insert into all": (lambda x, v: np.insert(x, 3, v), M, U),
    "delete": (lambda x: np.delete(x, 2), V), "delete rows": (lambda x: np.delete(x, [0, -1], axis=0), M), "delete a slice": (lambda x: np.delete(x, slice(0, 3), 1), M),
    "append": (np.append, V, U), "append rows": (lambda a, b: np.append(a, b, axis=1), M, R.normal(size=(3, 2))),
    "block": (lambda a, b: np.block([[a, a * b], [b, np.zeros((3, 4))]]), M, R.normal(size=(3, 4))), "block of vectors": (lambda a, b: np.block([a, b, 2.0]), U, W),
    "ediff1d": (lambda x, e: np.ediff1d(x, to_end=e, to_begin=[1.0, 2.0]), M, U), "diff": (lambda x: np.diff(x, 2, axis=0), M),
    "diff with ends": (lambda x, p: np.diff(x, axis=1, prepend=p, append=3.0), M, np.float64(1.0)),
    "apply_along_axis": (lambda x: np.apply_along_axis(lambda r: r * r.sum(), 0, x), M), "apply_along_axis to numbers": (lambda x: np.apply_along_axis(lambda r: (r**3).sum(), 1, x), M),
    "apply_along_axis to matrices": (lambda x: np.apply_along_axis(lambda r: r[:, None] * r, 1, x), M),
    "piecewise": (lambda x: np.piecewise(x, [x < -0.2, x > 0.3], [lambda v: v * v, lambda v: 3 * v, 7.0]), V),
    "partition": (lambda x: np.partition(x, 6)[-1:] * 2, V), "put_along_axis": (put, M, R.normal(size=(3, 1))),
    "select": (lambda x: np.select([x < 0, x > 1], [x * x, 3 * x], -x), V), "choose": (lambda a, b: np.choose(np.array([1, 0, 1]), [a, b]), U, R.normal(size=3)),
    "trapezoid": (lambda y, x: np.trapezoid(y, x), M, GRID), "trapezoid of rows": (lambda y: np.trapezoid(y, dx=0.5, axis=0), M),
    "interp": (lambda x, fp: np.interp(x, GRID, fp), AT, POSITIVE), "interp with ends": (lambda x, fp: np.interp(x, GRID, fp, left=-5.0, right=9.0), AT, POSITIVE),
    "interp around": (lambda x, fp: np.interp(x, GRID, fp, period=2.5), AT + 0.05, POSITIVE),
    "unwrap": (lambda x: np.unwrap(3 * x), V), "unwrap of rows": (lambda x: np.unwrap(4 * x, axis=0, period=3.0), M), "unwrap with discont": (lambda x: np.unwrap(5 * x, 4.0), V),
    "i0": (np.i0, V), "logaddexp2": (np.logaddexp2, V, V[::-1]), "ldexp": (lambda x: np.ldexp(x, np.arange(7)), V),
    "frexp": (lambda x: np.frexp(8 * x)[0] * np.frexp(8 * x)[1], V), "float_power": (np.float_power, POSITIVE, np.float64(1.5)),
    "vander": (np.vander, U), "vander increasing": (lambda x: np.vander(x, 5, increasing=True), U), "polyval": (np.polyval, W, U),
    "lstsq": (lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0], R.normal(size=(5, 3)), R.normal(size=5)),
    "residuals of lstsq": (lambda a, b: np.linalg.lstsq(a, b, rcond=None)[1], R.normal(size=(5, 3)), R.normal(size=(5, 2))),
    "cond": (np.linalg.cond, S), "tensorsolve": (np.linalg.tensorsolve, R.normal(size=(2, 3, 6)), R.normal(size=(2, 3))),
    "tensorsolve with axes": (lambda a, b: np.linalg.tensorsolve(a, b, axes=(0,)), R.normal(size=(6, 2, 3)), R.normal(size=(2, 3))),
    "tensorinv": (np.linalg.tensorinv, R.normal(size=(2, 3, 6))), "tensorinv of one": (lambda a: np.linalg.tensorinv(a, ind=1), R.normal(size=(4, 2, 2))),
    **{f"{n} of polynomials": (getattr(np, n), V, W) for n in ("polyadd", "polysub", "polymul")}, "polyadd of a number": (np.polyadd, W, np.float64(2.0)),
    "polyder": (np.polyder, V), "polyder twice": (lambda p: np.polyder(p, 2), V), "polyint": (np.polyint, V), "polyint twice": (lambda p, k: np.polyint(p, 2, k), V, U[:2]),
    "polyfit": (lambda x, y: np.polyfit(x, y, 2), V, V[::-1] ** 2), "polyfit of columns": (lambda y, w: np.polyfit(GRID, y, 1, w=w), MORE.normal(size=(4, 2)), POSITIVE),
    "poly": (np.poly, U), "poly of a matrix": (lambda a: np.real(np.poly(a)), S), "roots": (lambda p: np.sum(np.real(np.roots(np.concatenate([[0.0], p, [0.0, 0.0]])) ** 2)), W),
    "nancumsum": (lambda x: np.nancumsum(nan(x), axis=1), FULL), "nancumprod": (lambda x: np.nancumprod(nan(x)), FULL), "fix": (lambda x: np.fix(3 * x) * x, V),
    "apply_over_axes": (lambda x: np.apply_over_axes(np.sum, x * x, [0, 1]), M), "compress": (lambda x: np.compress([True, False, True], x, axis=1), M), "compress of all": (lambda x: np.compress([False, True], x), M),
    "extract": (lambda x: np.extract(np.arange(12).reshape(3, 4) % 3 == 1, x), M), "resize": (lambda x: np.resize(x, (2, 5)), U), "resize to less": (lambda x: np.resize(x, (2, 2)), M),
    **{f"diagflat {k}": (lambda x, k=k: np.diagflat(x, k), N) for k in (-2, 0, 1)}, **{f"rollaxis {i} {j}": (lambda x, i=i, j=j: np.rollaxis(x, i, j), MORE.normal(size=(2, 3, 4))) for i in (0, 1, -1) for j in (0, 1, 2, 3, -1)},
    **{f"pad with {mode}": (lambda x, mode=mode: np.pad(x, ((1, 2), (0, 3)), mode), M) for mode in ("maximum", "minimum", "mean", "median", "linear_ramp", "edge", "wrap")},
    "pad to ends": (lambda x: np.pad(x, 2, "linear_ramp", end_values=((1.0, -2.0), (3.0, 4.0))), M), "pad with a number": (lambda x: np.pad(x, 1, constant_values=2.0), M),
    **{f"take {mode}": (lambda x, mode=mode: np.take(x, [[7, -9], [1, 2]], axis=1, mode=mode), M) for mode in ("clip", "wrap")}, "take wrapping all": (lambda x: np.take(x, [-14, 13], mode="wrap"), M),
    "reshape by columns": (lambda x: np.reshape(x, (2, -1), order="F"), M), "ravel by columns": (lambda x: np.ravel(x, order="F"), MORE.normal(size=(2, 3, 2))),
    "average and weights": (lambda x, w: np.average(x, axis=1, weights=w, returned=True)[0] * np.average(x, axis=1, weights=w, returned=True)[1], M, POSITIVE), "average and counts": (lambda x: np.average(x, axis=0, returned=True)[1] * x, M),
    "matvec": (np.matvec, M, W), "vecmat": (np.vecmat, U, M), "concatenate in double": (lambda x, y: np.concatenate([x, y], dtype=np.float64), U, W), "trace in double": (lambda x: np.trace(x, dtype=np.float64), S),
    "nanmean in double": (lambda x: np.nanmean(nan(x), axis=0, dtype=np.float64), FULL),
    "multi_dot": (lambda a, b, c: np.linalg.multi_dot([a, b, c]), N, M, S), "multi_dot of vectors": (lambda a, b, c: np.linalg.multi_dot([a, b, c]), U, M, W),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", CASES)
def test_values_are_those_of_numpy_and_gradients_true(name):
    f, *inputs = CASES[name]
    expected = np.asarray(f(*inputs))
    ours = f(*[tg.Tensor(x, requires_grad=True) for x in inputs])
    assert isinstance(ours, tg.Tensor)
    assert (ours.shape, ours.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(ours.detach().data, expected, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(np.asarray(f(*map(tg.Tensor, inputs))), expected, rtol=1e-11, atol=1e-12)
    if not np.isnan(expected).any():
        report = tg.testing.check_gradients(f, *inputs, raises=False)
        assert report.verdict in ("RIGHT", "VACUOUS"), str(report)
    if name in LOOSE:
        return
    short = [x.astype(np.float32) for x in inputs]
    assert f(*map(tg.Tensor, short)).dtype == np.asarray(f(*short)).dtype


# without a derivative to lose: they write into their argument, make tables of places, or read and write files and texts
NOT_HERE = """
copyto fill_diagonal place put putmask busday_count busday_offset datetime_as_string is_busday isnat packbits unpackbits
bitwise_count gcd lcm spacing polydiv real_if_close sort_complex trim_zeros
"""
# NumPy's own for tensors that need no gradient; refused for others, as they may give numbers that depend on them
WHERE_NOTHING_IS_LOST = """
argpartition digitize histogram histogram2d histogram_bin_edges histogramdd intersect1d ix_ lexsort ravel_multi_index
setdiff1d setxor1d union1d unravel_index
"""


def test_every_function_of_numpy_is_here_or_named_as_one_that_is_not():
    from tinygrad_edu.interop.table import FUNCTIONS, STEPS, UFUNCS, WITHOUT_GRADIENT

    known, missing = {*FUNCTIONS, *STEPS, *WITHOUT_GRADIENT, *UFUNCS}, set()
    for part in (np, np.linalg, np.fft):
        for name in dir(part):
            f = getattr(part, name)
            dispatched = isinstance(f, np.ufunc) or hasattr(f, "_implementation")
            if dispatched and name[0] != "_" and f not in known:
                missing.add(name)
    assert missing == {*NOT_HERE.split(), *WHERE_NOTHING_IS_LOST.split()}


@pytest.mark.parametrize("name", ["isreal", "iscomplex", "isposinf", "isneginf", "nanargmax", "nanargmin", "isin"])
def test_steps_are_tensors_without_a_gradient(name):
    f = getattr(np, name)
    call = (lambda x: f(x, [1.0])) if name == "isin" else f
    y = call(tg.Tensor(M, requires_grad=True))
    assert isinstance(y, tg.Tensor)
    assert not y.requires_grad
    np.testing.assert_array_equal(y.data, call(M))


def test_an_order_that_depends_on_memory_is_refused():
    for call in (np.ravel, lambda x, order: np.reshape(x, (4, 3), order=order)):
        with pytest.raises(ValueError, match=r"np\.(ravel|reshape): order must be 'C' or 'F'; got '[AK]'; choose one"):
            call(tg.Tensor(M, requires_grad=True), order="A")


def test_what_is_nan():
    x = tg.Tensor(HOLES, requires_grad=True)
    for f in (np.median, lambda x: np.quantile(x, 0.2, axis=0)):
        np.testing.assert_array_equal(f(x).detach().data, f(HOLES))
    np.testing.assert_array_equal(
        np.nan_to_num(tg.Tensor([np.inf, -np.inf, np.nan, 1.0])).data,
        np.nan_to_num(np.float32([np.inf, -np.inf, np.nan, 1.0])),
    )
    assert np.isnan(np.nanmax(tg.Tensor([[np.nan]], requires_grad=True), axis=1).detach().data).all()


def test_running_extremes_at_ties_and_nan():
    x = np.array([1.0, 3.0, 3.0, 2.0, np.nan, 4.0])
    np.testing.assert_array_equal(np.maximum.accumulate(tg.Tensor(x)).data, np.maximum.accumulate(x))
    t = tg.Tensor(x[:4], requires_grad=True)
    np.maximum.accumulate(t).sum().backward()
    np.testing.assert_array_equal(t.grad.data, [1, 1, 2, 0])  # the last of equal ones, as in torch.cummax


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: np.quantile(x, 2.0), ValueError, "quantile: q must be from 0 to 1; got 2.0"),
        (lambda x: np.quantile(x, 0.5, method="gibbs"), ValueError, "quantile: method must be one of linear, lower, higher, midpoint, .*; got 'gibbs'"),
        (lambda x: np.convolve(x, x, "inner"), ValueError, "convolve: mode must be full, same or valid; got 'inner'"),
        (lambda x: np.convolve(x[None], x), ShapeError, r"convolve: needs vectors; got \(1, 3\) and \(3,\)"),
        (lambda x: np.gradient(x[:1]), ShapeError, "gradient: needs 2 entries along an axis"),
        (lambda x: np.gradient(x, 1.0, 2.0), ShapeError, "gradient: needs a step for each of 1 axes; got 2"),
        (lambda x: np.choose(np.array([3]), [x, x]), ValueError, "choose: indices must be from 0 to 1"),
        (lambda x: np.piecewise(x, [x > 0], [1.0, 2.0, 3.0]), ShapeError, "piecewise: needs a function for each condition"),
        (lambda x: np.linalg.multi_dot([x]), ShapeError, "multi_dot: needs two arrays or more; got 1"),
        (lambda x: np.cov(x.reshape(1, 1, 3)), ShapeError, r"cov: needs a vector or a matrix; got \(1, 1, 3\)"),
    ],
)  # fmt: skip
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call(tg.Tensor(U, requires_grad=True))


@pytest.mark.parametrize("needs", [False, True])
def test_numpy_functions_that_write_are_refused_in_the_promised_form(needs):
    mask = np.eye(2) > 0
    writers = [
        lambda t: np.put(t, [0], [9.0]), lambda t: np.fill_diagonal(t, 9.0), lambda t: np.copyto(t, 9.0),
        lambda t: np.place(t, mask, [1.0]), lambda t: np.putmask(t, mask, 1.0),
    ]  # fmt: skip
    for write in writers:
        t = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=needs)
        with pytest.raises((TypeError, ValueError), match=r"\A[^:;]+: .+; .+; .+"):
            write(t)
        assert t.tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("n", range(1, 13))
@pytest.mark.parametrize("method", METHODS)
def test_quantiles_of_every_method_lie_where_numpy_has_them(method, n):
    """Also where a share falls on an entry, or half way between two."""
    x, shares = R.normal(size=n), np.linspace(0, 1, 4 * n + 1)
    expected = np.quantile(x, shares, method=method)
    np.testing.assert_allclose(np.quantile(tg.Tensor(x), shares, method=method).data, expected, rtol=1e-12)


Z, FLAGS = R.normal(size=(2, 3, 3)) + 1j * R.normal(size=(2, 3, 3)), R.random((2, 3, 3)) < 0.5
OF_EVERY_DTYPE = {
    np.vdot: "ab", np.vecdot: "ab", np.inner: "ab", np.dot: "ab", np.correlate: "uv", np.convolve: "uv", np.cov: "a", np.corrcoef: "a",
    np.nanmean: "a", np.nanvar: "a", np.nanstd: "a", np.mean: "a", np.var: "a", np.std: "a", np.average: "a", np.sign: "a",
    np.frexp: "a", np.conj: "a", np.square: "a", np.nansum: "a", np.trace: "a", np.gradient: "a",
}  # fmt: skip


@pytest.mark.parametrize("function", OF_EVERY_DTYPE, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32, np.float64, np.complex128])
def test_constants_of_every_dtype_have_the_values_of_numpy(function, dtype):
    table = Z if dtype is np.complex128 else FLAGS.astype(dtype) if dtype is bool else (9 * abs(Z) % 5).astype(dtype)
    given = {"a": table[0], "b": table[1], "u": table[0, 0], "v": table[1, 1]}
    arrays = [given[name] for name in OF_EVERY_DTYPE[function]]
    try:
        want = function(*arrays)
    except TypeError:  # NumPy has none of this dtype
        return
    found = function(*map(tg.Tensor, arrays))
    pairs = zip(found, want, strict=True) if isinstance(want, tuple | list) else [(found, want)]
    tolerance = 2e-6 if dtype is np.float32 else 1e-12
    for a, b in pairs:
        if np.asarray(b).dtype != bool:  # sums of truth values are numbers here
            np.testing.assert_allclose(a.data, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    "function", [np.nanmean, np.nanvar, np.nanstd, np.average, np.median], ids=lambda f: f.__name__
)
def test_many_halves_are_counted_and_added_up_in_single(function):
    x = (1 + 9 * np.random.default_rng(0).random(70_000)).astype(np.float16)
    y = function(tg.Tensor(x))
    assert y.dtype == np.float16
    np.testing.assert_allclose(y.data, function(x.astype(float)), rtol=2e-3)


def test_a_weighted_average_of_halves_does_not_overflow():
    x, w = np.full(300, 200, np.float16), np.full(300, 400, np.float16)
    assert np.average(tg.Tensor(x), weights=tg.Tensor(w)).item() == 200


LISTED = {
    "interp": lambda x: np.interp(x, [0.1, 0.3], [0.7, 0.2]), "add": lambda x: np.add(x, [0.1]), "where": lambda x: np.where(x > 1, x, [0.1]),
    "dot": lambda x: np.dot(x, [0.1] * 3), "concatenate": lambda x: np.concatenate([x, [0.1]]), "convolve": lambda x: np.convolve(x, [0.1, 0.7]),
    "trapezoid": lambda x: np.trapezoid(x, [0.1, 0.3, 0.9]), "polyval": lambda x: np.polyval([0.1, 0.7], x), "kron": lambda x: np.kron(x, [0.1]),
    "gradient": lambda x: np.gradient(x, 2.1), "gradient of steps": lambda x: np.gradient(x, [0.1, 0.4, 1.7]), "select": lambda x: np.select([x > 1], [x], 0.1),
    "einsum": lambda x: np.einsum("i,i", x, [0.1, 0.2, 0.7]), "average": lambda x: np.average(x, weights=[0.1, 0.2, 0.6]), "clip": lambda x: np.clip(x, 0.1, 0.7),
    "insert": lambda x: np.insert(x, 1, 0.1), "arctan2": lambda x: np.arctan2(x, [0.1]), "quantile": lambda x: np.quantile(x, [0.1, 0.7]),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTED)
def test_lists_and_numbers_beside_doubles_keep_all_digits_in_numpys_functions(name):
    x = np.array([0.15, 1.2, 0.01])
    found = LISTED[name](tg.Tensor(x))
    np.testing.assert_allclose(found.data, LISTED[name](x), rtol=1e-15, atol=1e-16)
    assert found.dtype == np.float64


def test_weights_of_cov_are_checked():
    for weights, text in (([1, 2], r"cov: weights must be one for each of 3 observations; got shape \(2,\)"), ([1, -1, 1], "cov: weights must not be negative, .*; got -1 to 1; check them")):  # fmt: skip
        with pytest.raises(ValueError, match=text):
            np.cov(tg.Tensor(U[:3], requires_grad=True), fweights=np.array(weights))


def test_quantiles_have_the_dtype_of_numpys():
    x, q = np.linspace(0, 1, 5, dtype=np.float32), np.float32([0.2, 0.7])
    assert np.quantile(tg.Tensor(x), q).dtype == np.quantile(tg.Tensor(x), tg.Tensor(q)).dtype == np.quantile(x, q).dtype == np.float32  # fmt: skip
