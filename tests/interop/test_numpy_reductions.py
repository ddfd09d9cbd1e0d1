"""NumPy's reductions with all their arguments: NumPy's values and dtypes, and true gradients."""

import itertools

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError

R = np.random.default_rng(0)
X = R.normal(size=(2, 3, 2))
HOLES = np.where(R.random(X.shape) < 0.3, np.nan, X)
MASKS = {"whole": R.random(X.shape) < 0.7, "of rows": np.array([[True], [False], [True]])}
MASKS["whole"][0] = True  # no mean of nothing
AXES = [None, 0, -1, (0, 2), (-2, 0)]
INITIAL = {
    "sum": 0.5,
    "prod": -1.5,
    "max": 0.25,
    "min": -0.25,
    "nansum": 0.5,
    "nanprod": 2.0,
    "nanmax": 0.1,
    "nanmin": -3.0,
}
NAMES = [*INITIAL, "mean", "var", "std", "any", "all", "nanmean", "nanvar", "nanstd"]
UFUNCS = [np.add, np.multiply, np.maximum, np.minimum, np.logical_and, np.logical_or, np.logaddexp]


def same(f, x, checked=True):
    """The value of NumPy's function on arrays, its dtype, and the gradient that differences of it show."""
    expected = np.asarray(f(x))
    ours = f(tg.Tensor(x, requires_grad=x.dtype.kind == "f"))
    assert isinstance(ours, tg.Tensor)
    assert (ours.shape, ours.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(
        ours.detach().data, expected, rtol=1e-6 if np.float32 in (x.dtype, ours.dtype) else 1e-12
    )
    if checked and x.dtype == expected.dtype == np.float64 and np.isfinite(expected).all() and np.isfinite(x).all():
        assert tg.testing.check_gradients(f, x, raises=False).verdict in ("RIGHT", "VACUOUS")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of means of nothing
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", NAMES)
def test_where_and_initial(name, mask):
    f, x = getattr(np, name), HOLES if name.startswith("nan") else X
    for axis, keepdims in itertools.product(AXES, (False, True)):
        keywords = {"axis": axis, "keepdims": keepdims, "where": MASKS[mask]}
        if "max" in name or "min" in name:
            keywords["initial"] = INITIAL[name]
        with np.errstate(invalid="ignore"):
            same(lambda t, f=f, kw=keywords: f(t, **kw), x, not keepdims)
            same(lambda t, f=f, kw=keywords: f(t, **kw), x.astype(np.float32))
        if name in INITIAL:
            more = {"axis": axis, "keepdims": keepdims, "initial": INITIAL[name]}
            same(lambda t, f=f, kw=more: f(t, **kw), x, not keepdims)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "bool", "float16"])
@pytest.mark.parametrize("name", [n for n in NAMES if n != "prod"])
def test_where_for_other_dtypes(name, dtype):
    x = R.integers(0, 5, (3, 4)).astype(dtype)
    mask = R.random((3, 4)) < 0.5
    mask[:, 0] = True
    keywords = {"initial": bool(0) if dtype == "bool" else 2} if "max" in name or "min" in name else {}
    f = getattr(np, name)
    for axis in (None, 1):
        ours = f(tg.asarray(x), axis=axis, where=mask, **keywords)
        expected = np.asarray(f(x, axis=axis, where=mask, **keywords))
        assert (ours.shape, ours.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(ours.data, expected, rtol=2e-3 if dtype == "float16" else 1e-12)


@pytest.mark.parametrize("f", UFUNCS, ids=lambda f: f.__name__)
def test_ufuncs_reduce_with_where_and_initial(f):
    for axis, mask in itertools.product((0, (0, 2), None), MASKS.values()):
        more = {} if f in (np.logical_and, np.logical_or) else {"initial": 0.5}
        same(lambda t, axis=axis, mask=mask, more=more: f.reduce(t, axis=axis, where=mask, **more), X)
        same(lambda t, axis=axis: f.reduce(t, axis, keepdims=True), X)


def test_the_dtype_that_sums_are_computed_in():
    for f in (np.sum, np.prod, np.mean, np.var, np.std):
        same(lambda t, f=f: f(t, axis=0, dtype=np.float64), X.astype(np.float32))
        same(lambda t, f=f: f(t, dtype="float32", where=MASKS["whole"]), X)


def test_what_is_refused():
    t = tg.Tensor(X, requires_grad=True)
    with pytest.raises(ValueError, match="max: with where, an initial value must be given; got none"):
        np.max(t, where=MASKS["whole"])
    with pytest.raises(DTypeError, match="where: must be truth values; got int64"):
        np.sum(t, where=np.ones(2, int))
    with pytest.raises(ValueError, match="broadcast"):
        np.sum(t, where=np.ones((5, 2), bool))


def test_the_largest_of_nothing_is_the_initial_value():
    for dtype, axis in itertools.product(("f4", "i8", "u1"), (None, 0)):
        same(lambda t, axis=axis: np.max(t, axis=axis, initial=3), np.ones((0, 2), dtype))


@pytest.mark.parametrize("f", [
    lambda t: np.vecdot(t, X, axis=1), lambda t: np.linalg.qr(t[..., 0].T, "r"),
    lambda t: np.lib.stride_tricks.sliding_window_view(t, 2, axis=1),
    lambda t: np.lib.stride_tricks.sliding_window_view(t, (2, 3, 1)),
    lambda t: np.lib.stride_tricks.sliding_window_view(t, (2, 2), (1, 1)),
])  # fmt: skip
def test_arguments_of_other_functions(f):
    same(f, X)


@pytest.mark.parametrize("f", [
    lambda x: x**3, lambda x: np.clip(x, None, 2), lambda x: np.clip(x, 0, None), lambda x: x.real,
    lambda x: np.real(x), lambda x: x * 2,
])  # fmt: skip
@pytest.mark.parametrize("shape", [(), (3,), (0, 2)])
def test_truth_values_beside_numbers_have_the_dtype_of_numpy(f, shape):
    x = R.integers(0, 2, shape).astype(bool)
    ours, expected = f(tg.asarray(x)), np.asarray(f(x))
    assert (ours.shape, ours.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(ours.data, expected)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric", "wrap"])
def test_a_number_has_no_edge_to_be_padded(mode):
    assert tg.pad(tg.Tensor(2.5), 1, mode=mode).tolist() == np.pad(2.5, 1, mode=mode) == 2.5
