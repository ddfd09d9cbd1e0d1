# ruff: noqa: RUF024, E741, C405
"""The Python array API standard (2024.12): every name is there, and gives what NumPy gives."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError

from .array_api_names import STANDARD

R = np.random.default_rng(0)
A, B, P = R.normal(size=(3, 4)), R.normal(size=(3, 4)), R.uniform(0.1, 0.9, size=(3, 4))
I, J, T, S = R.integers(0, 9, (3, 4)), R.integers(0, 5, (3, 4)), A > 0, R.normal(size=(4, 4))
Z = A + 1j * B
D = S @ S.T + np.eye(4)
EVERY = np.array(
    [
        complex(a, b)
        for a in (0.0, -0.0, 1, -2, np.inf, -np.inf, np.nan)
        for b in (0.0, -0.0, 1, -2, np.inf, -np.inf, np.nan)
    ]
)

# name: arguments, keywords; a tuple of several calls
CALLS = {
    **dict.fromkeys(["abs", "acos", "asin", "atan", "cos", "sin", "tan", "cosh", "sinh", "tanh", "asinh", "atanh", "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "square", "reciprocal", "negative", "positive", "floor", "ceil", "trunc", "round", "isfinite", "isinf", "isnan", "signbit"], [(P,), (P.astype("f4"),), (P - 0.05,)]),
    "sign": [(P,), (P.astype("f4"),), (P - 0.05,), (Z,), (EVERY,), (EVERY.astype("c8"),)], "acosh": [(P + 1,)], "logical_not": [(T,)], "bitwise_invert": [(I,), (T,)], "conj": [(Z,)], "real": [(Z,)], "imag": [(Z,)],
    **dict.fromkeys(["add", "subtract", "multiply", "divide", "pow", "atan2", "hypot", "logaddexp", "maximum", "minimum", "copysign", "nextafter", "remainder", "floor_divide"], [(P, P.T.copy().reshape(3, 4)), (P, 2.0), (P.astype("f4"), P)]),
    **dict.fromkeys(["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"], [(A, B), (I, J), (I, 3)]),
    **dict.fromkeys(["logical_and", "logical_or", "logical_xor"], [(T, B > 0)]), **dict.fromkeys(["bitwise_and", "bitwise_or", "bitwise_xor"], [(I, J), (T, B > 0)]),
    **dict.fromkeys(["bitwise_left_shift", "bitwise_right_shift"], [(I, J)]), "clip": [(A, -0.5, 0.5), (I, 2, 5)],
    **dict.fromkeys(["sum", "prod", "max", "min", "mean", "std", "var", "all", "any", "count_nonzero"], [(A,), (A, {"axis": 0}), (A, {"axis": (0, 1), "keepdims": True})]),
    **dict.fromkeys(["argmax", "argmin"], [(A,), (A, {"axis": 1}), (A, {"axis": 0, "keepdims": True})]),
    **dict.fromkeys(["cumulative_sum", "cumulative_prod"], [(A, {"axis": 1}), (A, {"axis": 0, "include_initial": True})]),
    "diff": [(A,), (A, {"axis": 0, "n": 2}), (A, {"prepend": A[:, :1]})], "matmul": [(A, S)], "matrix_transpose": [(A,)], "tensordot": [(A, S, {"axes": 1})],
    "vecdot": [(A, B), (Z, Z), *((I.astype(d), 60 * J.astype(d)) for d in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")), (T, B > 0)], "broadcast_to": [(A[0], (3, 4))], "concat": [([A, B],), ([A, B], {"axis": 1}), ([A, B], {"axis": None})], "stack": [([A, B], {"axis": 1})],
    "expand_dims": [(A, {"axis": 1})], "flip": [(A,), (A, {"axis": 0})], "moveaxis": [(A, 0, 1)], "permute_dims": [(A, (1, 0))], "repeat": [(A, 2), (A, 2, {"axis": 1})],
    "reshape": [(A, (4, 3))], "roll": [(A, 1), (A, 2, {"axis": 1})], "squeeze": [(A[None], {"axis": 0})], "tile": [(A, (2, 1))], "unstack": [(A,), (A, {"axis": 1})],
    "tril": [(A,), (A, {"k": 1})], "triu": [(A,), (A, {"k": -1})], "sort": [(A,), (A, {"axis": 0})], "argsort": [(A,)], "nonzero": [(T,)], "searchsorted": [(np.sort(A[0]), B[0])],
    "where": [(T, A, B)], "take": [(A, np.array([0, 2]), {"axis": 1})], "take_along_axis": [(A, I % 3, {"axis": 0})], "isin": [(I, J[0]), (I, J[0], {"invert": True})],
    **dict.fromkeys(["unique_all", "unique_counts", "unique_inverse", "unique_values"], [(I,), (J.ravel(),), (np.array([np.nan, 1.0, np.nan, -0.0, 0.0]),)]), "meshgrid": [(A[0], B[0]), (A[0], B[0], {"indexing": "ij"})],
    "arange": [(3,), (1, 9, 2)], "eye": [(3,), (2, 4, {"k": 1})], "linspace": [(0.0, 1.0, 5), (1.0, 2j, 5), (1 - 1j, 2j, 4, {"endpoint": False})], "full": [((2, 3), 4)], "zeros": [((2, 3),)], "ones": [((2, 3),)],
    "full_like": [(A, 2.0)], "zeros_like": [(A,)], "ones_like": [(A,)], "asarray": [(A,), ([1, 2],)], "astype": [(A, np.dtype("f4")), (I, np.dtype("f8")), (Z * (P > 0.5), np.dtype("bool"))],
    "broadcast_arrays": [(A, B[0])], "can_cast": [(np.dtype("i4"), np.dtype("f8")), (np.dtype("f8"), np.dtype("f4"))], "result_type": [(A, np.dtype("f4")), (np.dtype("i2"), np.dtype("u1"))],
    "isdtype": [(np.dtype("f4"), "real floating"), (np.dtype("i4"), "numeric"), (np.dtype("i4"), ("bool", np.dtype("i4"))), (np.dtype("c8"), "integral")],
    "linalg.cholesky": [(D,)], "linalg.cross": [(A[:, :3], B[:, :3])], "linalg.det": [(S,)], "linalg.diagonal": [(A,)], "linalg.eigvalsh": [(D,)], "linalg.inv": [(S,)],
    "linalg.matrix_norm": [(A,), (A, {"ord": 2})], "linalg.matrix_power": [(S, 3)], "linalg.matrix_rank": [(A,), (np.ones((3, 3)),)], "linalg.outer": [(A[0], B[0])], "linalg.pinv": [(A,)],
    "linalg.slogdet": [(S,)], "linalg.solve": [(S, A.T)], "linalg.svdvals": [(A,)], "linalg.trace": [(S,)], "linalg.vector_norm": [(A,), (A, {"axis": 0, "ord": 1}), (Z,)],
}  # fmt: skip

# of which NumPy's own results have a sign or an order of their own, or which make nothing to compare
ELSEWHERE = set(
    [
        "empty",
        "empty_like",
        "from_dlpack",
        "finfo",
        "iinfo",
        "e",
        "inf",
        "nan",
        "newaxis",
        "pi",
        "bool",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float32",
        "float64",
        "complex64",
        "complex128",
        "linalg.eigh",
        "linalg.qr",
        "linalg.svd",
        "linalg.matmul",
        "linalg.matrix_transpose",
        "linalg.tensordot",
        "linalg.vecdot",
        "__array_namespace_info__",
        "linalg",
        "fft",
        "split",
    ]
)


def found(space, name):
    for part in name.split("."):
        space = getattr(space, part)
    return space


def test_every_name_of_the_standard_is_there_and_compared():
    assert [name for name in STANDARD if found(tg, name) is None and name != "newaxis"] == []
    compared = {*CALLS, *ELSEWHERE, *(n for n in STANDARD if n.startswith("fft."))}  # tests/functions/test_complex.py
    assert set(STANDARD) - compared == set()
    assert tg.ones(2).__array_namespace__() is tg.ones(2).__array_namespace__(api_version="2024.12") is tg


CASES = [(name, call) for name, calls in CALLS.items() for call in calls]
FLOATS_OF_THEIR_OWN = {"linspace", "zeros", "ones", "eye"}  # in the default dtype, float32


@pytest.mark.parametrize(("name", "call"), CASES, ids=[f"{name} {i}" for i, (name, _) in enumerate(CASES)])
def test_results_are_those_of_numpy(name, call):
    options = call[-1] if isinstance(call[-1], dict) else {}
    arguments = call[:-1] if options else call
    tensors = [
        [tg.asarray(v) for v in x]
        if isinstance(x, list) and name != "asarray"
        else tg.asarray(x)
        if isinstance(x, np.ndarray)
        else x
        for x in arguments
    ]
    given = {k: tg.asarray(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    ours, theirs = found(tg, name)(*tensors, **given), found(np, name)(*arguments, **options)
    if name == "unique_values":  # whose order NumPy leaves open
        theirs = np.sort(theirs)
    several = isinstance(theirs, tuple | list)
    assert isinstance(ours, tuple | list) == several
    for y, z in zip(ours, theirs, strict=True) if several else [(ours, theirs)]:
        if not isinstance(z, np.ndarray | np.generic):
            assert y == z
            continue
        assert y.shape == z.shape
        assert y.dtype == z.dtype or name in FLOATS_OF_THEIR_OWN
        np.testing.assert_allclose(y.data, z, rtol=1e-6 if z.dtype == np.float32 else 1e-11, atol=1e-12)


def test_factorisations_multiply_back():
    q, r = tg.linalg.qr(A.T)
    np.testing.assert_allclose((q @ r).data, A.T, rtol=1e-10)
    u, s, vh = tg.linalg.svd(A, full_matrices=False)
    np.testing.assert_allclose((u * s @ vh).data, A, rtol=1e-10)
    values, vectors = tg.linalg.eigh(D)
    np.testing.assert_allclose((vectors * values @ vectors.mT).data, D, rtol=1e-10)
    assert tg.finfo(tg.float32).eps == np.finfo("f4").eps
    assert tg.iinfo(tg.int8).max == 127
    assert tg.empty_like(A).shape == A.shape
    np.testing.assert_array_equal(tg.from_dlpack(A).data, A)


def test_a_reshaped_tensor_is_a_copy_where_that_is_asked_for():
    x = tg.Tensor(np.arange(6.0))
    for copy in (None, False, True):
        y = tg.reshape(x, (2, 3), copy=copy)
        assert y.tolist() == [[0, 1, 2], [3, 4, 5]]
        assert np.shares_memory(y._data, x._data) != bool(copy)
    with pytest.raises(ValueError, match="reshape: with copy=False the result must share memory"):
        tg.reshape(tg.reshape(x, (2, 3)).T, (6,), copy=False)


def test_pythons_numbers_have_the_default_dtype_and_complex_ones_that_of_its_parts():
    for floats, complexes in (("float32", "complex64"), ("float64", "complex128")):
        tg.set_default_dtype(floats)
        try:
            default = tg.__array_namespace_info__().default_dtypes()
            for make in (
                tg.asarray,
                tg.Tensor,
                lambda x: tg.full((2,), x),
                lambda x: tg.linspace(0.0, x, 3),
                lambda x: tg.asarray([x]),
            ):
                assert make(1.5).dtype == floats == default["real floating"]
                assert make(1.5j).dtype == complexes == default["complex floating"]
            assert tg.fft.fftfreq(5).dtype == floats
        finally:
            tg.set_default_dtype("float32")
    np.testing.assert_array_equal(tg.fft.fftfreq(5, d=0.5, dtype=tg.float64).data, np.fft.fftfreq(5, 0.5))
    np.testing.assert_array_equal(tg.fft.rfftfreq(7, dtype=tg.float64).data, np.fft.rfftfreq(7))


@pytest.mark.parametrize("values", [[1.0, 2.0], (1, 2), 3.5, True, 1j])
def test_what_has_no_memory_to_share_is_refused_where_no_copy_may_be_made(values):
    with pytest.raises(ValueError, match="asarray: with copy=False the tensor must share memory; got a"):
        tg.asarray(values, copy=False)
    a = np.arange(3.0)
    assert np.shares_memory(tg.asarray(a, copy=False).data, a)


@pytest.mark.parametrize("name", ["floor_divide", "remainder", "floor", "ceil", "trunc", "signbit", "bitwise_and"])
def test_functions_of_real_numbers_refuse_complex_ones(name):
    x = tg.asarray(np.array([1 + 2j, 3.0]))
    pair = name in ("floor_divide", "remainder", "bitwise_and")
    with pytest.raises(DTypeError, match=rf"{name}: .*; got .*complex128.*; "):
        getattr(tg, name)(*[x] * (1 + pair))


def test_numpys_unique_takes_all_nans_for_one():
    x = np.array([np.nan, 1.0, np.nan, 0.5])
    np.testing.assert_array_equal(np.unique(tg.asarray(x)).data, np.unique(x))
    np.testing.assert_array_equal(np.unique(tg.asarray(x), equal_nan=False).data, np.unique(x, equal_nan=False))


def test_devices_and_inspection():
    x = tg.ones((2, 3), device="cpu")
    assert (x.device, x.to_device("cpu") is x) == ("cpu", True)
    info = tg.__array_namespace_info__()
    assert info.devices() == [info.default_device()]
    assert info.default_dtypes()["real floating"] == tg.float32
    assert set(info.dtypes(kind="integral")) == {f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)}
    assert info.capabilities()["boolean indexing"]
    for call in (
        lambda: tg.ones(2, device="cuda"),
        lambda: x.to_device("cuda:0"),
        lambda: tg.astype(x, tg.float64, device="gpu"),
    ):
        with pytest.raises(
            DTypeError, match="device must be 'cpu'; got '(cuda|cuda:0|gpu)'; leave it out: there is the CPU only"
        ):
            call()
    with pytest.raises(ValueError, match="__array_namespace__: api_version must be one of"):
        x.__array_namespace__(api_version="1999.01")


def test_gradients_pass():
    f = lambda x: (
        (tg.trunc(x) * x + tg.copysign(x, -1.0) + tg.conj(x) * tg.real(x)).sum()
        + tg.unique_all(x).values.sum()
        + tg.diff(x, n=2).sum()
    )
    assert tg.testing.check_gradients(f, P + 1).verdict == "RIGHT"
