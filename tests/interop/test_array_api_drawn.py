"""The array API standard over drawn dtypes, shapes and settings: values, dtypes and shapes are NumPy's, which follows it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
FLOATS, COMPLEX = ["float32", "float64"], ["complex64", "complex128"]
REAL, NUMBERS = INTEGERS + FLOATS, INTEGERS + FLOATS + COMPLEX
ALL = ["bool", *NUMBERS]


def words(text):
    return text.split()


ONE = {
    **dict.fromkeys(words("abs negative positive square"), NUMBERS), **dict.fromkeys(words("ceil floor trunc sign"), REAL), "round": REAL,
    **dict.fromkeys(words("acos acosh asin asinh atan atanh cos cosh exp expm1 log log1p log2 log10 sin sinh sqrt tan tanh reciprocal"), FLOATS + COMPLEX),
    **dict.fromkeys(words("isfinite isinf isnan"), NUMBERS), "signbit": FLOATS, "logical_not": ["bool"], "bitwise_invert": ["bool", *INTEGERS],
    **dict.fromkeys(words("conj imag real"), COMPLEX),
}  # fmt: skip
TWO = {
    **dict.fromkeys(words("add subtract multiply"), NUMBERS), "divide": FLOATS + COMPLEX, **dict.fromkeys(words("equal not_equal"), ALL),
    **dict.fromkeys(words("less less_equal greater greater_equal maximum minimum"), REAL), **dict.fromkeys(words("atan2 copysign hypot logaddexp nextafter"), FLOATS),
    **{key: ["bool", *INTEGERS] for key in words("bitwise_and bitwise_or bitwise_xor")}, **{key: ["bool"] for key in words("logical_and logical_or logical_xor")},
    "pow": FLOATS + COMPLEX, **dict.fromkeys(words("floor_divide remainder"), FLOATS), **dict.fromkeys(words("bitwise_left_shift bitwise_right_shift"), INTEGERS),
}  # fmt: skip
REDUCTIONS = {
    **dict.fromkeys(words("sum prod"), NUMBERS), **dict.fromkeys(words("max min"), REAL), "mean": FLOATS + COMPLEX, **dict.fromkeys(words("std var"), FLOATS),
    **dict.fromkeys(words("all any"), ALL), "count_nonzero": ALL,
}  # fmt: skip
ALONG = {
    **dict.fromkeys(words("argmax argmin argsort sort"), REAL),
    **dict.fromkeys(words("cumulative_sum cumulative_prod"), NUMBERS),
    "diff": NUMBERS,
}
SETS = words("unique_all unique_counts unique_inverse unique_values")
SHAPES = [(), (0,), (1,), (4,), (3, 2), (2, 0, 3), (1, 4), (2, 3, 2), (2, 1, 3, 1)]
PAIRS = [
    ((), ()),
    ((3,), ()),
    ((2, 3), (3,)),
    ((2, 1), (1, 3)),
    ((0,), (1,)),
    ((2, 3, 1), (4,)),
    ((4,), (4,)),
    ((2, 0), (1, 0)),
]
SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 0.5, -2.5, 1e-30, 3e38]


def draw_array(rng, dtype, shape, special=True):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        x = rng.random(shape) < 0.5
    elif dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        x = rng.integers(max(bounds.min, -9), 10, shape)
    else:
        x = rng.normal(size=shape) * 3
        if special:
            x = np.where(rng.random(shape) < 0.3, rng.choice(SPECIAL, shape), x)
        if dtype.kind == "c":
            y = rng.normal(size=shape)
            x = np.asarray(rng.normal(size=shape)) + 1j * y
    return np.asarray(x).astype(dtype)


def compare(name, call, *arrays):
    with np.errstate(all="ignore"):
        try:
            expected = call(np, *arrays)
        except (ValueError, IndexError, TypeError) as error:
            with pytest.raises((ValueError, IndexError, TypeError)):
                call(tg, *map(tg.asarray, arrays))
            return str(error)
        found = call(tg, *map(tg.asarray, arrays))
    several = isinstance(expected, tuple | list)
    assert isinstance(found, tuple | list) == several
    for y, z in zip(found, expected, strict=True) if several else [(found, expected)]:
        z = np.asarray(z)
        assert isinstance(y, tg.Tensor)
        assert (y.shape, y.dtype) == (z.shape, z.dtype), name
        single = z.dtype in (np.float32, np.complex64)
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(
                y.data, z, rtol=3e-5 if single else 1e-12, atol=1e-5 if single else 1e-13, err_msg=name
            )
    return ""


def function(space, name):
    for part in name.split("."):
        space = getattr(space, part)
    return space


@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("name", ONE)
def test_of_each_entry(name, seed):
    rng = np.random.default_rng(seed)
    x = draw_array(rng, rng.choice(ONE[name]), SHAPES[rng.integers(len(SHAPES))], special=True)
    compare(name, lambda m, x: function(m, name)(x), x)


@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("name", TWO)
def test_of_two_arrays(name, seed):
    rng = np.random.default_rng(seed)
    a, b = PAIRS[rng.integers(len(PAIRS))][:: 1 if rng.random() < 0.5 else -1]
    kinds = TWO[name]
    one = str(rng.choice(kinds))
    other = str(rng.choice([k for k in kinds if np.dtype(k).kind == np.dtype(one).kind])) if rng.random() < 0.5 else one
    if {one, other} & {"uint64"} and one != other:
        other = one
    x, y = draw_array(rng, one, a), draw_array(rng, other, b)
    if "shift" in name:
        y = (np.abs(y) % 7).astype(other)
    compare(name, lambda m, x, y: function(m, name)(x, y), x, y)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # means of nothing
@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name, seed):
    rng = np.random.default_rng(seed)
    shape = SHAPES[rng.integers(len(SHAPES))]
    x = draw_array(rng, rng.choice(REDUCTIONS[name]), shape, special=False)
    axes = [None, *range(-len(shape), len(shape))] + ([(0, -1), (1, 0)] if len(shape) > 1 else [])
    kw = {"axis": axes[rng.integers(len(axes))]}
    if name != "count_nonzero" or rng.random() < 0.5:
        kw["keepdims"] = bool(rng.random() < 0.5)
    if name in ("sum", "prod") and rng.random() < 0.3:
        kw["dtype"] = x.dtype
    if name in ("std", "var"):
        kw["correction"] = float(rng.integers(0, 2))
    compare(f"{name} {kw}", lambda m, x: function(m, name)(x, **kw), x)


@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("name", ALONG)
def test_along_an_axis(name, seed):
    rng = np.random.default_rng(seed)
    shape = [s for s in SHAPES if s and 0 not in s][rng.integers(6)]
    x = draw_array(rng, rng.choice(ALONG[name]), shape, special=False)
    kw = {"axis": int(rng.integers(-len(shape), len(shape)))}
    if name == "argsort":
        kw["stable"] = True
    if name == "diff":
        kw["n"] = int(rng.integers(0, 3))
    if "cumulative" in name:
        kw |= {"include_initial": True} if rng.random() < 0.5 else {}
        kw |= {"dtype": x.dtype} if rng.random() < 0.5 else {}
    compare(f"{name} {kw}", lambda m, x: function(m, name)(x, **kw), x)


MANIPULATIONS = {
    "broadcast_to": lambda m, x: m.broadcast_to(x, (3, *x.shape)), "concat": lambda m, x: m.concat([x, x], axis=-1), "concat flat": lambda m, x: m.concat([x, x[:1]], axis=None),
    "expand_dims": lambda m, x: m.expand_dims(x, axis=-1), "flip": lambda m, x: m.flip(x), "flip axis": lambda m, x: m.flip(x, axis=-1), "moveaxis": lambda m, x: m.moveaxis(x, 0, -1),
    "permute_dims": lambda m, x: m.permute_dims(x, tuple(range(x.ndim))[::-1]), "repeat": lambda m, x: m.repeat(x, 2, axis=0), "repeat flat": lambda m, x: m.repeat(x, 3), "reshape": lambda m, x: m.reshape(x, (-1, x.shape[0])),
    "roll": lambda m, x: m.roll(x, 2), "roll axes": lambda m, x: m.roll(x, (1, -2), axis=(0, -1)), "squeeze": lambda m, x: m.squeeze(m.expand_dims(x, axis=0), axis=0), "stack": lambda m, x: m.stack([x, x], axis=1),
    "tile": lambda m, x: m.tile(x, (2, 1)), "unstack": lambda m, x: m.unstack(x, axis=-1), "take": lambda m, x: m.take(x, m.asarray([0, 0]), axis=-1), "take_along_axis": lambda m, x: m.take_along_axis(x, m.asarray(np.zeros((1,) * x.ndim, int)), axis=-1),
    "where": lambda m, x: m.where(x == x, x, x[:1]), "nonzero": lambda m, x: m.nonzero(x), "meshgrid": lambda m, x: m.meshgrid(m.reshape(x, (-1,)), m.reshape(x, (-1,)), indexing="ij"),
    "broadcast_arrays": lambda m, x: m.broadcast_arrays(x, x[:1]), "tril": lambda m, x: m.tril(m.stack([x, x]), k=-1), "triu": lambda m, x: m.triu(m.stack([x, x]), k=1), "astype": lambda m, x: m.astype(x, m.complex128),
    "zeros_like": lambda m, x: m.zeros_like(x), "ones_like": lambda m, x: m.ones_like(x), "full_like": lambda m, x: m.full_like(x, 1), "isin": lambda m, x: m.isin(x, x[:1]), "asarray": lambda m, x: m.asarray(x, copy=True),
    "indexing": lambda m, x: x[..., None, ::-1], "mask": lambda m, x: x[x == x], "clip": lambda m, x: m.clip(m.real(x) if x.dtype.kind == "c" else x, 0, 1) if x.dtype.kind not in "b" else x + False,
}  # fmt: skip


@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("name", MANIPULATIONS)
def test_manipulations(name, seed):
    rng = np.random.default_rng(seed)
    x = draw_array(rng, rng.choice(ALL), [(1,), (4,), (3, 2), (2, 3, 2), (1, 4)][rng.integers(5)], special=False)
    compare(name, MANIPULATIONS[name], x)


@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("name", SETS)
def test_sets(name, seed):
    rng = np.random.default_rng(seed)
    x = draw_array(rng, rng.choice(["bool", *REAL]), [(0,), (4,), (3, 4), ()][rng.integers(4)], special=False)
    x = np.round(x).astype(x.dtype)

    def call(m, x):
        y = function(m, name)(x)
        return tuple(y) if isinstance(y, tuple) else m.sort(y)

    compare(name, call, x)


LINEAR = {
    "cholesky": lambda m, a: m.linalg.cholesky(a @ positive(m, a)), "det": lambda m, a: m.linalg.det(a), "inv": lambda m, a: m.linalg.inv(a), "eigvalsh": lambda m, a: m.linalg.eigvalsh(a @ positive(m, a)),
    "matrix_norm": lambda m, a: m.linalg.matrix_norm(a, ord="nuc", keepdims=True), "matrix_power": lambda m, a: m.linalg.matrix_power(a, 3), "matrix_rank": lambda m, a: m.linalg.matrix_rank(a), "pinv": lambda m, a: m.linalg.pinv(a),
    "slogdet": lambda m, a: tuple(m.linalg.slogdet(a)), "solve": lambda m, a: m.linalg.solve(a, a[..., :1]), "svdvals": lambda m, a: m.linalg.svdvals(a), "trace": lambda m, a: m.linalg.trace(a, offset=1),
    "vecdot": lambda m, a: m.vecdot(a, a * 2), "vector_norm": lambda m, a: m.linalg.vector_norm(a, axis=(-1, 0), ord=3), "outer": lambda m, a: m.linalg.outer(m.reshape(a, (-1,)), m.reshape(a, (-1,))),
    "tensordot": lambda m, a: m.tensordot(a, a, axes=((0, 1), (0, 1))), "matmul": lambda m, a: m.matmul(a, m.matrix_transpose(a)), "diagonal": lambda m, a: m.linalg.diagonal(a, offset=-1), "cross": lambda m, a: m.linalg.cross(a[..., :3], a[..., ::-1][..., :3]),
    "eigh": lambda m, a: (lambda w, v: (w, v * w[..., None, :] @ positive(m, v)))(*m.linalg.eigh(a @ positive(m, a))), "qr": lambda m, a: (lambda q, r: (q @ r, m.abs(r)))(*m.linalg.qr(a)), "qr complete": lambda m, a: (lambda q, r: (q @ r, positive(m, q) @ q))(*m.linalg.qr(a, mode="complete")),
    "svd": lambda m, a: (lambda u, s, vh: (s, u @ positive(m, u), vh @ positive(m, vh)))(*m.linalg.svd(a)), "svd reduced": lambda m, a: (lambda u, s, vh: (s, u * s[..., None, :] @ vh))(*m.linalg.svd(a, full_matrices=False)),
    **{f"fft.{n}": lambda m, a, n=n: function(m.fft, n)(a, axis=0) for n in words("fft ifft hfft irfft")}, **{f"fft.{n}": lambda m, a, n=n: function(m.fft, n)(m.real(a), axis=-1) for n in words("rfft ihfft")},
    **{f"fft.{n}": lambda m, a, n=n: function(m.fft, n)(a, axes=(0, 1)) for n in words("fftn ifftn irfftn")}, "fft.rfftn": lambda m, a: m.fft.rfftn(m.real(a), axes=(0, 1)), "fft.fftshift": lambda m, a: m.fft.fftshift(a), "fft.ifftshift": lambda m, a: m.fft.ifftshift(a, axes=1),
}  # fmt: skip


def positive(m, a):
    return m.conj(m.matrix_transpose(a))


@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("name", LINEAR)
def test_linear_algebra_and_transforms(name, seed):
    rng = np.random.default_rng(seed)
    square = name.partition(" ")[0] in ("det", "inv", "matrix_power", "slogdet", "solve")
    shape = [(4, 4), (2, 5, 5)] if square else [(4, 4), (5, 3), (3, 4), (2, 4, 3)]
    x = draw_array(rng, rng.choice(["float64", "complex128"]), shape[rng.integers(len(shape))], special=False)
    if name == "cross":
        x = np.concatenate([x, x], -1)
    if name in ("inv", "solve", "pinv", "slogdet"):
        x = x + 6 * np.eye(*x.shape[-2:])
    if name == "cholesky":
        x = np.concatenate([x, 7 * np.eye(*x.shape[-2:])[..., :] + np.zeros_like(x)], -1)
    if name == "eigh" or name.startswith(("svd", "qr", "cholesky", "eigvalsh", "matrix", "pinv")):
        loose = lambda m, x: LINEAR[name](m, x)
        with np.errstate(all="ignore"):
            expected, found = loose(np, x), loose(tg, tg.asarray(x))
        for y, z in zip(found, expected, strict=True) if isinstance(expected, tuple) else [(found, expected)]:
            assert (y.shape, y.dtype) == (z.shape, z.dtype)
            np.testing.assert_allclose(y.data, z, rtol=1e-8, atol=1e-8)
    else:
        compare(name, LINEAR[name], x)


CREATION = {
    "arange": lambda m: m.arange(2, 9, 3), "arange of floats": lambda m: m.arange(0.5, 3.0, 0.5, dtype=m.float64), "eye": lambda m: m.eye(3, 4, k=1, dtype=m.int16), "full": lambda m: m.full((2, 3), 7),
    "full of truth": lambda m: m.full(2, True), "linspace": lambda m: m.linspace(0, 3, 5, dtype=m.float64, endpoint=False), "ones": lambda m: m.ones((2, 0), dtype=m.uint8), "zeros": lambda m: m.zeros(3, dtype=m.complex64),
    "asarray": lambda m: m.asarray([[1, 2], [3, 4]], dtype=m.float32), "fft.fftfreq": lambda m: m.fft.fftfreq(5, d=0.5) * m.asarray(1.0, dtype=m.float64), "searchsorted": lambda m: m.searchsorted(m.asarray([1, 3, 5]), m.asarray([[3, 0], [9, 5]]), side="right"),
    "result_type": lambda m: m.zeros(1, dtype=m.result_type(m.int8, m.asarray([1], dtype=m.uint8), m.float32)),
}  # fmt: skip


@pytest.mark.parametrize("name", CREATION)
def test_creation(name):
    y, z = CREATION[name](tg), CREATION[name](np)
    assert (y.shape, y.dtype) == (z.shape, z.dtype)
    np.testing.assert_allclose(y.data, z, rtol=1e-7)
