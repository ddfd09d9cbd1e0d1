"""The public functions against NumPy's, value by value, and their arguments."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.errors import AxisError, DTypeError, ShapeError

FLOATS = hnp.arrays(
    st.sampled_from([np.float32, np.float64]),
    hnp.array_shapes(min_dims=0, max_dims=3, max_side=4),
    elements=st.integers(-40, 40).map(lambda k: k / 8),
)


def same(ours, theirs):
    """Equal values (to rounding), shape and dtype."""
    theirs = np.asarray(theirs)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    tolerance = 1e-12 if theirs.dtype != np.float32 else 1e-5
    np.testing.assert_allclose(ours.data, theirs, rtol=tolerance, atol=tolerance)


ELEMENTWISE = [
    "negative", "positive", "abs", "exp", "exp2", "expm1", "square", "sin", "cos", "tan", "sinh", "cosh", "tanh",
    "atan", "asinh", "sign", "floor", "ceil", "round", "isnan", "isinf", "isfinite",
]  # fmt: skip
PAIRS = [
    "add", "subtract", "multiply", "atan2", "hypot", "logaddexp", "maximum", "minimum", "equal", "not_equal",
    "less", "less_equal", "greater", "greater_equal",
]  # fmt: skip


@pytest.mark.parametrize("name", ELEMENTWISE)
@given(x=FLOATS)
def test_elementwise(name, x):
    reference = {"round": np.rint}.get(name) or getattr(np, name)
    same(getattr(tg, name)(x), reference(x))
    same(getattr(tg.Tensor(x), name)(), reference(x))


@pytest.mark.parametrize("name", ["log", "log2", "log10", "sqrt", "reciprocal", "log1p", "acosh"])
@given(x=FLOATS)
def test_elementwise_on_positive_numbers(name, x):
    x = np.abs(x) + 1
    same(getattr(tg, name)(x), getattr(np, name)(x))


@pytest.mark.parametrize("name", ["asin", "acos", "atanh"])
@given(x=FLOATS)
def test_elementwise_on_the_unit_interval(name, x):
    same(getattr(tg, name)(x / 6), getattr(np, name)(x / 6))


@pytest.mark.parametrize("name", PAIRS)
@given(data=st.data())
def test_pairs_broadcast_and_promote(name, data):
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)).input_shapes
    a, b = (
        data.draw(hnp.arrays(data.draw(st.sampled_from([np.float32, np.float64])), s, elements=st.integers(-8, 8)))
        for s in shapes
    )
    same(getattr(tg, name)(a, b), getattr(np, name)(a, b))
    same(getattr(tg, name)(tg.Tensor(a), 2), getattr(np, name)(a, 2))


@pytest.mark.parametrize("name", ["divide", "power", "remainder", "floor_divide"])
@given(data=st.data())
def test_divisions_and_powers(name, data):
    a, b = (np.abs(data.draw(hnp.arrays(np.float64, (3,), elements=st.integers(1, 9)))) for _ in range(2))
    same(getattr(tg, name)(a, b), getattr(np, name)(a, b))


def test_logic_and_choice():
    a, b = np.array([True, False, True]), np.array([True, True, False])
    same(tg.logical_and(a, b), a & b)
    same(tg.logical_or(a, b), a | b)
    same(tg.logical_not(a), ~a)
    same(tg.where(a, np.float32(1), np.float32([5, 6, 7])), np.where(a, np.float32(1), np.float32([5, 6, 7])))
    same(tg.clip(np.array([-1.0, 0.5, 2.0]), 0, 1), np.array([0, 0.5, 1]))
    same(tg.clip(np.array([-1, 2]), None, 1), np.array([-1, 1]))
    same(tg.round(np.array([1.255, -2.5]), 1), np.round(np.array([1.255, -2.5]), 1))


def test_erf_against_the_standard_library():
    from math import erf

    x = np.concatenate([np.linspace(-7, 7, 10_001), [0.0, 1e-300, 30.0, -30.0, np.inf, -np.inf]])
    expected = np.array([erf(v) for v in x])
    np.testing.assert_allclose(tg.erf(x).data, expected, rtol=1e-15, atol=0)
    assert np.isnan(tg.erf(np.nan).item())
    single = tg.erf(x.astype(np.float32))
    assert single.dtype == np.float32
    expected = np.array([erf(v) for v in x.astype(np.float32)])
    np.testing.assert_allclose(single.data, expected, rtol=8 * np.finfo(np.float32).eps, atol=0)
    assert np.isnan(tg.erf(np.float32(np.nan)).item())


@given(n=st.integers(-20, 20) | st.sampled_from([0.5, -1.5, 2.0, 3.0]), dtype=st.sampled_from(["f4", "f8"]))
def test_powers_by_a_number(n, dtype):
    x = np.array([0.3, 1.7, 2.0] + [-0.4, -2.5] * (n == int(n)), dtype=dtype)
    rtol = 40 * np.finfo(dtype).eps  # a rounding for each of up to 20 products, and as many of NumPy's
    for ours in (tg.Tensor(x) ** n, tg.power(x, n), np.power(tg.Tensor(x), n), tg.Tensor(x).power(n)):
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours.data, x.astype("f8") ** float(n), rtol=rtol)
    slope, bend = tg.grad(lambda v: (v**n).sum())(x), tg.grad(lambda v: tg.grad(lambda w: (w**n).sum())(v).sum())(x)
    np.testing.assert_allclose(slope.data, n * x.astype("f8") ** (n - 1.0), rtol=2 * rtol)
    np.testing.assert_allclose(bend.data, n * (n - 1) * x.astype("f8") ** (n - 2.0), rtol=3 * rtol)


@pytest.mark.parametrize("n", [3, 7, 15, -5])
def test_powers_in_half_precision_are_rounded_once(n):
    x = np.linspace(0.6, 1.7, 50).astype(np.float16)
    np.testing.assert_array_equal((tg.Tensor(x) ** n).data, (x.astype(np.float64) ** n).astype(np.float16))


@pytest.mark.parametrize(
    ("name", "reference"),
    [("sum", np.sum), ("prod", np.prod), ("mean", np.mean), ("max", np.max), ("min", np.min), ("var", np.var),
     ("std", np.std), ("all", np.all), ("any", np.any), ("count_nonzero", np.count_nonzero)],
)  # fmt: skip
@given(data=st.data())
def test_reductions(name, reference, data):
    x = data.draw(FLOATS)
    axis = data.draw(
        st.none() | hnp.valid_tuple_axes(x.ndim) | (st.integers(-x.ndim, x.ndim - 1) if x.ndim else st.none())
    )
    keepdims = data.draw(st.booleans())
    same(getattr(tg, name)(x, axis=axis, keepdims=keepdims), reference(x, axis=axis, keepdims=keepdims))
    same(getattr(np, name)(tg.Tensor(x), axis=axis, keepdims=keepdims), reference(x, axis=axis, keepdims=keepdims))


@given(data=st.data())
def test_positions_and_running_folds(data):
    x = data.draw(FLOATS)
    assume(x.ndim)
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    same(tg.argmax(x, axis), np.argmax(x, axis))
    same(tg.argmin(x, axis, keepdims=True), np.argmin(x, axis, keepdims=True))
    same(tg.argmax(x), np.argmax(x))
    same(tg.cumulative_sum(x, axis=axis), np.cumsum(x, axis))
    same(tg.cumulative_prod(x, axis=axis, include_initial=True), np.cumulative_prod(x, axis=axis, include_initial=True))
    same(tg.sort(x, axis), np.sort(x, axis))
    same(tg.sort(x, axis, descending=True), -np.sort(-x, axis))
    same(tg.argsort(x, axis), np.argsort(x, axis, stable=True))
    values, places = tg.topk(x, 1, axis)
    same(values, np.max(x, axis, keepdims=True))
    same(tg.take_along_axis(x, places, axis), values.data)


@given(data=st.data())
def test_shapes(data):
    x = data.draw(FLOATS)
    assume(x.ndim >= 2)
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    n = x.shape[axis]
    same(tg.flip(x), np.flip(x))
    same(tg.flip(x, axis), np.flip(x, axis))
    same(tg.roll(x, 2, axis), np.roll(x, 2, axis))
    same(tg.roll(x, -3), np.roll(x, -3))
    same(tg.tile(x, (2, 1, 2)), np.tile(x, (2, 1, 2)))
    same(tg.tile(x, 2), np.tile(x, 2))
    same(tg.repeat(x, 2, axis), np.repeat(x, 2, axis))
    same(tg.repeat(x, np.arange(n), axis), np.repeat(x, np.arange(n), axis))
    same(tg.repeat(x, 2), np.repeat(x, 2))
    same(tg.moveaxis(x, axis, 0), np.moveaxis(x, axis, 0))
    same(tg.swapaxes(x, 0, axis), np.swapaxes(x, 0, axis))
    same(tg.expand_dims(x, axis), np.expand_dims(x, axis))
    same(tg.squeeze(tg.expand_dims(x, (0, -1))), np.squeeze(x))
    same(tg.permute_dims(x, range(x.ndim)[::-1]), x.T)
    same(tg.matrix_transpose(x), np.swapaxes(x, -1, -2))
    same(tg.broadcast_to(x, (2, *x.shape)), np.broadcast_to(x, (2, *x.shape)))
    same(tg.concat([x, x], axis), np.concatenate([x, x], axis))
    same(tg.concat([x, x], None), np.concatenate([x, x], None))
    same(tg.stack([x, x], axis), np.stack([x, x], axis))
    for ours, theirs in zip(tg.split(x, [1, 2], axis), np.split(x, [1, 2], axis), strict=True):
        same(ours, theirs)
    for ours, theirs in zip(tg.split(x, n, axis), np.split(x, n, axis), strict=True):
        same(ours, theirs)
    for ours, theirs in zip(tg.unstack(x, axis), np.unstack(x, axis=axis), strict=True):
        same(ours, theirs)
    same(tg.tril(x, 1), np.tril(x, 1))
    same(tg.triu(x, -1), np.triu(x, -1))
    same(tg.diagonal(x, 1), np.diagonal(x, 1, -2, -1))
    same(tg.diagonal(x, -1, 0, 1), np.diagonal(x, -1))
    same(tg.take(x, [0, 0], axis), np.take(x, [0, 0], axis))
    same(tg.take(x, [0, 1]), np.take(x, [0, 1]) if x.size > 1 else x.reshape(-1)[[0, 0]]) if x.size > 1 else None
    for mode in ("constant", "edge", "wrap", "symmetric"):
        same(tg.pad(x, 2, mode=mode), np.pad(x, 2, mode=mode))


def test_searching_and_sets():
    x = np.array([[3.0, 1.0], [0.0, 3.0]])
    for ours, theirs in zip(tg.nonzero(x), np.nonzero(x), strict=True):
        same(ours, theirs)
    same(tg.unique_values(x), np.unique(x))
    same(tg.searchsorted([1.0, 2.0, 3.0], [0.5, 2.0]), np.array([0, 1]))
    same(tg.searchsorted([1.0, 2.0, 3.0], [2.0], side="right"), np.array([2]))
    for ours, theirs in zip(tg.meshgrid([1.0, 2.0], [3.0]), np.meshgrid(np.float32([1, 2]), np.float32([3]))):
        same(ours, theirs)


def test_creation():
    same(tg.zeros((2, 3)), np.zeros((2, 3), np.float32))
    same(tg.ones(2, dtype="int64"), np.ones(2, int))
    same(tg.full((2,), 7), np.full((2,), 7))
    same(tg.full((2,), 0.5), np.full((2,), 0.5, np.float32))
    same(tg.arange(5), np.arange(5))
    same(tg.arange(1.0, 2.0, 0.25), np.arange(1.0, 2.0, 0.25, np.float32))
    same(tg.linspace(0, 1, 5), np.linspace(0, 1, 5, dtype=np.float32))
    same(tg.eye(2, 3, k=1), np.eye(2, 3, 1, np.float32))
    same(tg.zeros_like(np.arange(3)), np.zeros(3, int))
    same(tg.ones_like(tg.ones(2)), np.ones(2, np.float32))
    same(tg.full_like(np.ones(2), 5), np.full(2, 5.0))
    assert tg.empty((2, 2)).shape == (2, 2)


@given(data=st.data())
def test_products(data):
    i, j, k = (data.draw(st.integers(1, 3)) for _ in range(3))
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    a, b, batch = rng.normal(size=(i, k)), rng.normal(size=(k, j)), rng.normal(size=(2, i, k))
    same(tg.matmul(a, b), a @ b)
    same(tg.matmul(batch, b), batch @ b)
    same(tg.matmul(a[0], b), a[0] @ b)
    same(tg.matmul(batch, b[:, 0]), batch @ b[:, 0])
    same(tg.matmul(a[0], b[:, 0]), np.asarray(a[0] @ b[:, 0]))
    same(tg.matmul(a[0], np.swapaxes(batch, 1, 2)), a[0] @ np.swapaxes(batch, 1, 2))
    same(tg.tensordot(a, b, 1), np.tensordot(a, b, 1))
    same(tg.tensordot(batch, batch, ([0, 2], [0, 2])), np.tensordot(batch, batch, ([0, 2], [0, 2])))
    same(tg.tensordot(a, b, 0), np.tensordot(a, b, 0))
    same(tg.vecdot(a, a), np.sum(a * a, -1))
    for text, xs in [("ik,kj", (a, b)), ("ik,kj->ji", (a, b)), ("bik,kj->bij", (batch, b)), ("ik->", (a,)),
                     ("ki->ik", (a,)), ("...ik,kj->...ij", (batch, b)), ("...k->...", (batch,)), ("ik,kj->", (a, b)),
                     ("ik,jk,lk->ijl", (a, a, a)), ("i...->...", (batch,))]:  # fmt: skip
        same(tg.einsum(text, *xs), np.einsum(text, *xs))
    square = rng.normal(size=(2, 3, 3))
    same(tg.einsum("bii->bi", square), np.einsum("bii->bi", square))
    same(tg.einsum("bii", square), np.einsum("bii", square))


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3, unique=True), st.data())
def test_einsum_of_large_operands(left, data):
    letters = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3, unique=True)
    right = data.draw(letters)
    output = data.draw(st.permutations(sorted({*left, *right}))).copy()
    del output[data.draw(st.integers(0, len(output))) :]
    text = f"{''.join(left)},{''.join(right)}->{''.join(output)}"
    length = dict(zip("abcdef", (3, 5, 70, 7, 80, 11), strict=True))
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=[length[c] for c in names]) for names in (left, right))
    same(tg.einsum(text, x, y), np.einsum(text, x, y, optimize=False))


def test_matrix_functions():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(2, 3, 3)) + 3 * np.eye(3)
    s = a @ np.swapaxes(a, -1, -2)
    b, tall = rng.normal(size=(2, 3, 2)), rng.normal(size=(2, 4, 3))
    same(tg.linalg.inv(a), np.linalg.inv(a))
    same(tg.linalg.solve(a, b), np.linalg.solve(a, b))
    same(tg.linalg.solve(a[0], b[0, :, 0]), np.linalg.solve(a[0], b[0, :, 0]))
    same(tg.linalg.det(a), np.linalg.det(a))
    for ours, theirs in zip(tg.linalg.slogdet(a), np.linalg.slogdet(a), strict=True):
        same(ours, theirs)
    same(tg.linalg.cholesky(s), np.linalg.cholesky(s))
    same(tg.linalg.cholesky(s, upper=True), np.swapaxes(np.linalg.cholesky(s), -1, -2))
    for x in (tall, np.swapaxes(tall, -1, -2)):
        q, r = tg.linalg.qr(x)
        np.testing.assert_allclose((q @ r).data, x, atol=1e-12)
        np.testing.assert_allclose((q.mT @ q).data, np.broadcast_to(np.eye(3), (2, 3, 3)), atol=1e-12)
        u, sv, vh = tg.linalg.svd(x, full_matrices=False)
        same(sv, np.linalg.svd(x, compute_uv=False))
        np.testing.assert_allclose(((u * sv[:, None, :]) @ vh).data, x, atol=1e-12)
        np.testing.assert_allclose(tg.linalg.pinv(x).data, np.linalg.pinv(x), atol=1e-12)
    values, vectors = tg.linalg.eigh(s)
    same(values, np.linalg.eigvalsh(s))
    np.testing.assert_allclose((s @ vectors).data, (vectors * values[:, None, :]).data, atol=1e-10)
    same(tg.linalg.matrix_power(a, 3), np.linalg.matrix_power(a, 3))
    same(tg.linalg.matrix_power(a, 0), np.linalg.matrix_power(a, 0))
    same(tg.linalg.matrix_power(a, -2), np.linalg.matrix_power(a, -2))
    same(tg.linalg.trace(a), np.trace(a, axis1=-2, axis2=-1))
    same(tg.linalg.outer(a[0, 0], b[0, 0]), np.outer(a[0, 0], b[0, 0]))
    same(tg.linalg.cross(a[0], s[0]), np.cross(a[0], s[0]))
    for ord in ("fro", "nuc", 1, 2, -1, -2, np.inf, -np.inf):
        same(tg.linalg.matrix_norm(a[0], ord), np.linalg.matrix_norm(a[0], ord=ord))
        same(tg.linalg.norm(a, ord, (0, 2), keepdims=True), np.linalg.norm(a, ord, (0, 2), keepdims=True))
    for ord in (0, 1, 2, 3, 0.5, np.inf, -np.inf):
        same(tg.linalg.vector_norm(a, ord, axis=1), np.linalg.vector_norm(a, ord=ord, axis=1))
    same(tg.linalg.norm(a[0]), np.linalg.norm(a[0]))


INDICES = st.sampled_from([
    0, -1, slice(1, None), slice(None, None, -1), (slice(None), 1), (..., 0), None, (None, 1, ..., None),
    [0, 2, 0], ([0, 1], [1, 1]), (slice(None), [2, 0]), ([1, 0], slice(None), [0, 1]), (0, slice(None), [0, 1]),
    np.array([[0, 1], [2, 2]]), (np.array([[0], [1]]), np.array([0, 2])), np.array([True, False, True]),
    (..., np.array([True, False])), (slice(0, 2), None, [1, 0]), [], [-1, 2, -3], ([-1, 0], [-2, 3]),
])  # fmt: skip


@given(key=INDICES)
def test_indexing_and_its_gradient(key):
    x = np.arange(24.0).reshape(3, 4, 2)
    if isinstance(key, tuple) and isinstance(key[-1], list) and len(key) == 3 and key[1] == slice(None):
        key = (*key[:2], [0, 1])
    t = tg.Tensor(x, requires_grad=True)
    same(t[key], x[key])
    weights = np.random.default_rng(0).normal(size=x[key].shape)
    (t[key] * weights).sum().backward()
    expected = np.zeros_like(x)
    np.add.at(expected, key, weights)
    same(t.grad, expected)
    as_tensors = (
        tuple(tg.asarray(k) if isinstance(k, np.ndarray) else k for k in key) if isinstance(key, tuple) else key
    )
    same(t[as_tensors], x[key])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: tg.ones((2, 3)) + tg.ones((2, 4)), ShapeError, r"add: shapes must broadcast.*got \(2, 3\) and \(2, 4\)"),
        (lambda: tg.ones((2, 3)) @ tg.ones((4, 5)), ShapeError, r"matmul: a.shape\[-1\] must equal b.shape\[-2\].*got \(2, 3\) and \(4, 5\)"),
        (lambda: tg.ones(3) @ tg.ones(4), ShapeError, r"matmul: .*got \(3,\) and \(4,\)"),
        (lambda: tg.ones(3).sum(axis=2), AxisError, r"sum: axis must be from -1 to 0; got 2"),
        (lambda: tg.ones((3, 2)).mean(axis=(0, 0)), AxisError, r"mean: axes must differ|sum: axes must differ"),
        (lambda: tg.ones(3).sum(axis="x"), DTypeError, r"sum: axis must be an integer; got 'x'"),
        (lambda: tg.ones((2, 3)).reshape(4, 2), ShapeError, r"reshape: the new shape must have the 6 entries of \(2, 3\); got \(4, 2\)"),
        (lambda: tg.ones(6).reshape(-1, -1), ShapeError, r"reshape: .*use -1 for one length"),
        (lambda: tg.ones((2, 3)).squeeze(0), ShapeError, r"squeeze: the axes removed must have length 1"),
        (lambda: tg.concat([tg.ones((2, 3)), tg.ones((2, 4))]), ShapeError, r"concat: shapes must be equal but for the axis"),
        (lambda: tg.stack([tg.ones(2), tg.ones(3)]), ShapeError, r"stack: tensors must have one shape; got \(2,\), \(3,\)"),
        (lambda: tg.broadcast_to(tg.ones(2), (3,)), ShapeError, r"broadcast_to: .*got \(2,\)"),
        (lambda: tg.ones(3)[5], IndexError, r"getitem: index 5 is out of bounds"),
        (lambda: tg.ones(3)[1.0], DTypeError, r"getitem: an index must be integers.*got float64"),
        (lambda: tg.ones(3)["a"], DTypeError, r"getitem: an index must be integers"),
        (lambda: tg.take(tg.ones(3), [0.5]), DTypeError, r"take: indices must be integers; got float64"),
        (lambda: tg.topk(tg.ones(3), 4), ShapeError, r"topk: k must be from 0 to 3"),
        (lambda: tg.linalg.inv(tg.ones((2, 3))), ShapeError, r"inv: needs square matrices.*got \(2, 3\)"),
        (lambda: tg.linalg.inv(tg.zeros((2, 2))), np.linalg.LinAlgError, r"inv: Singular matrix; got shapes \(2, 2\)"),
        (lambda: tg.linalg.cholesky(-tg.eye(2)), np.linalg.LinAlgError, r"cholesky: .*not positive definite"),
        (lambda: tg.einsum("ij,jk->ii", tg.ones((2, 2)), tg.ones((2, 2))), ShapeError, r"einsum: the output must use each index once"),
        (lambda: tg.einsum("ij,jk->ik", tg.ones((2, 3)), tg.ones((2, 2))), ShapeError, r"einsum: every index must have one length"),
        (lambda: tg.max(tg.ones((0, 2)), axis=0), ShapeError, r"max: the axes reduced must not be empty"),
        (lambda: tg.pad(tg.ones(3), -1), ShapeError, r"pad: pad_width must not be negative"),
        (lambda: tg.pad(tg.ones(3), 1, mode="mirror"), ValueError, r"pad: mode must be constant"),
        (lambda: tg.split(tg.ones(5), 2), ShapeError, r"split: the axis must divide into equal sections; got length 5"),
        (lambda: tg.ones(3) + "a", DTypeError, r"add: data must be numbers"),
        (lambda: tg.exp([[1.0], [1.0, 2.0]]), ValueError, r"exp: data must be a rectangular nest"),
        (lambda: tg.add(1.0), TypeError, r"add: needs x2; got 1 argument; write add"),
        (lambda: tg.ones(3) - (tg.ones(3) > 0) * True - tg.asarray([True]) , None, ""),
        (lambda: -tg.asarray([True]), DTypeError, r"negative: must support the dtypes given; got bool"),
    ],
)  # fmt: skip
def test_errors_say_what_must_hold_what_was_given_and_what_to_do(call, error, text):
    if error is None:
        call()
        return
    with pytest.raises(error, match=text) as caught:
        call()
    assert str(caught.value).count(";") >= 2
