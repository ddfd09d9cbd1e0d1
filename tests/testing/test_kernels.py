"""`check_kernel`: each law is seen where it is broken, with the line and the smallest inputs; right kernels of every
kind are right."""

import ctypes
import json

import numpy as np
import pytest
from hypothesis import strategies as st

from tinygrad_edu import testing
from tinygrad_edu.testing import check_kernel, strategies
from tinygrad_edu.testing.kernels import probes

from . import kernels as k
from .right_kernels import KERNELS

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
numba = pytest.importorskip("numba")
torch = pytest.importorskip("torch")

X = np.random.default_rng(0).standard_normal((4, 3))
W = np.random.default_rng(1).standard_normal((3, 2))


def test_a_right_kernel_is_right_in_every_respect():
    report = check_kernel(k.forward, k.backward, inputs=(X, W))
    assert report.verdict == "RIGHT"
    assert report.test == report.smallest == ""
    said = "\n".join(report.tried)
    assert "an axis has length 1 in place of 4" in said
    assert "an axis has length 7 in place of 2" in said
    assert "an axis has length 0 in place of 4" in said
    assert "The layout of an input does not matter." in said


BROKEN = [
    (k.forward, k.contiguous, probes.LAYOUT, "as_strided", "fortran"),
    (k.forward, k.contiguous_input, probes.LAYOUT, "ravel", "the input x: fortran"),
    (k.forward, k.writing, probes.WRITES, "dy *= 1 - y * y", ""),
    (k.forward, k.writing_input, probes.WRITES, "x *= 0", ""),
    (k.forward, k.adding, probes.AGAIN, "KEPT[dw.shape]", ""),
    (k.forward, k.reusing, probes.REUSED, None, ""),
    (k.remembering, k.remembered, probes.STALE, "x, w, y = cache", ""),
    (k.forward, k.squeezing, probes.BATCH, None, ""),
    (k.forward, k.not_empty, probes.EMPTY, None, ""),
    (k.in_place, k.one_array, probes.SHARED, None, ""),
]


@pytest.mark.parametrize(
    ("forward", "backward", "law", "line", "where"), BROKEN, ids=lambda f: getattr(f, "__name__", None)
)
def test_a_broken_law_is_named_with_its_line(forward, backward, law, line, where):
    k.KEPT.clear()
    inputs = (X, W) if forward is not k.in_place else (X, X + 1)
    with np.errstate(all="ignore"), pytest.raises(testing.GradientError) as error:
        check_kernel(forward, backward, inputs=inputs)
    report = error.value.report
    assert report.pattern == law, report
    assert where in report.smallest
    if line is not None:
        assert line in report.blame.detail, report
        assert "kernels.py:" in report.blame.site


@pytest.mark.parametrize(("forward", "backward", "inputs"), KERNELS, ids=lambda f: getattr(f, "__name__", ""))
def test_right_kernels_of_many_kinds(forward, backward, inputs):
    report = check_kernel(forward, backward, inputs=inputs)
    assert report.verdict == "RIGHT", report


def test_a_gradient_that_is_not_linear_is_told():
    report = check_kernel(k.forward, k.squaring, inputs=(X[:1, :1], W[:1, :1]), lengths=(), raises=False)
    assert report.verdict == "WRONG"
    assert report.pattern == probes.LINEAR or report.wrong


def test_a_gradient_in_a_lower_dtype_is_told_even_if_its_numbers_are_right():
    report = check_kernel(np.sum, lambda x: np.ones(x.shape, dtype=np.float16), inputs=(X,), raises=False)
    assert report.pattern == probes.DTYPE
    assert report.diagnosis == "the gradient of a is float16, where a is float64"


def test_low_precision_is_judged_by_what_rounding_does():
    report = check_kernel(k.cancelling, k.cancelled, inputs=(np.array([0.3, -0.7]),), lengths=(), raises=False)
    assert report.verdict == "WRONG"
    assert report.pattern == probes.PRECISION
    assert "in float32 the gradient of x is" in report.diagnosis
    assert check_kernel(k.cancelling, lambda x: 2 * x, inputs=(np.array([0.3, -0.7]),)).verdict == "RIGHT"


def test_the_smallest_inputs_and_a_test_that_fails_again():
    report = check_kernel(k.forward, k.contiguous, inputs=(X, W), raises=False)
    assert report.smallest == "x (2, 1) float64, w (1, 2) float64; the gradient of the output: fortran"
    space = {}
    exec(report.test, space)
    with pytest.raises(testing.GradientError, match="reads memory as if it were contiguous"):
        space["test_forward_again"]()
    assert json.loads(report.to_json())["smallest"] == report.smallest


def test_a_local_kernel_is_pasted_with_its_source():
    def double(x):
        return 2 * x

    def half(dy, x):
        return dy * 1.5

    report = check_kernel(double, half, inputs=(X,), raises=False)
    space = {}
    exec(report.test, space)
    with pytest.raises(testing.GradientError):
        space["test_double_again"]()


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g


class Strided(Cube):
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        g = g.as_strided(g.shape, x.contiguous().stride())
        return 3 * x**2 * g


class Writing(Cube):
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        g.mul_(3 * x**2)
        return g


def test_functions_of_pytorch():
    assert check_kernel(Cube, inputs=(X,), lengths=(1, 0)).verdict == "RIGHT"
    assert torch.autograd.gradcheck(Strided.apply, torch.tensor(X, requires_grad=True))  # the reason for all this
    report = check_kernel(Strided, inputs=(X,), raises=False)
    assert report.pattern == probes.LAYOUT
    assert "as_strided" in report.blame.detail
    report = check_kernel(Writing, inputs=(X,), raises=False)
    assert report.pattern == probes.WRITES
    assert "g.mul_" in report.blame.detail
    assert check_kernel(torch.tanh, inputs=(torch.tensor(X),), lengths=(1,)).verdict == "RIGHT"


def with_vjp(derivative):
    f = jax.custom_vjp(lambda x: jnp.sin(x))
    f.defvjp(lambda x: (jnp.sin(x), x), derivative)
    return f


def test_functions_of_jax():
    x = jnp.asarray(X[:2, 0])
    assert check_kernel(with_vjp(lambda x, g: (g * jnp.cos(x),)), inputs=(x,), lengths=(1,)).verdict == "RIGHT"
    report = check_kernel(with_vjp(lambda x, g: (jnp.cos(x),)), inputs=(x,), lengths=(), raises=False)
    assert report.verdict == "WRONG"


@pytest.mark.long
def test_functions_compiled_by_numba():
    forward = numba.njit(lambda x: np.tanh(x))

    @numba.njit
    def right(dy, x):
        return dy * (1 - np.tanh(x) ** 2)

    @numba.njit
    def writing(dy, x):
        for i in range(len(dy)):
            dy[i] *= 1 - np.tanh(x[i]) ** 2
        return dy

    x = X[:, 0].copy()
    assert check_kernel(forward, right, inputs=(x,), lengths=(1,)).verdict == "RIGHT"
    report = check_kernel(forward, writing, inputs=(x,), lengths=(), raises=False)
    assert report.pattern == probes.WRITES


POINTER = ctypes.POINTER(ctypes.c_float)


def pointers(*arrays):
    for a in arrays:
        if a.dtype != np.float32:
            raise TypeError(a.dtype)
    return [a.ctypes.data_as(POINTER) for a in arrays]


def square_in_c(x):
    x = np.ascontiguousarray(x)
    y = np.empty(x.shape, dtype=np.float32)
    p, q = pointers(x, y)
    for i in range(x.size):
        q[i] = p[i] * p[i]
    return y


def square_back(dy, x):
    x = np.ascontiguousarray(x)
    dx = np.empty(x.shape, dtype=np.float32)
    p, q, r = pointers(x, dx, dy)
    for i in range(x.size):
        q[i] = 2 * p[i] * r[i]
    return dx


def square_back_anywhere(dy, x):
    return square_back(np.ascontiguousarray(dy), x)


def test_memory_by_pointers_in_float32_only():
    x = X.astype(np.float32)
    report = check_kernel(square_in_c, square_back, np.square, inputs=(x,), raises=False)
    assert report.pattern == probes.LAYOUT
    assert "q[i] = 2 * p[i] * r[i]" in report.blame.detail
    assert check_kernel(square_in_c, square_back_anywhere, np.square, inputs=(x,)).verdict == "RIGHT"
    report = check_kernel(square_in_c, square_back_anywhere, lambda x: x * x + 0.1, inputs=(x,), raises=False)
    assert report.pattern == probes.VALUE


def test_inputs_may_be_several_or_drawn():
    assert check_kernel(k.forward, k.backward, inputs=[(X, W), (X[:2], W)], lengths=()).verdict == "RIGHT"
    drawn = (strategies.arrays(shape=st.sampled_from([(2, 3), (1, 3)])), strategies.arrays(shape=(3, 2)))
    assert check_kernel(k.forward, k.backward, inputs=drawn, lengths=()).verdict == "RIGHT"
    report = check_kernel(k.forward, k.squeezing, inputs=drawn, lengths=(), raises=False)
    assert report.verdict == "WRONG"
    assert report.smallest == "x (1, 2) float64, w (2, 2) float64"


def labels(x, y):
    return -np.log(x[np.arange(len(y)), y]).sum()


def d_labels(x, y):
    d = np.zeros_like(x)
    d[np.arange(len(y)), y] = -1 / x[np.arange(len(y)), y]
    return d


def test_whole_numbers_stay_within_the_axis_that_they_index():
    report = check_kernel(labels, d_labels, inputs=(np.abs(X) + 0.5, np.array([0, 2, 1, 2])))
    assert report.verdict == "RIGHT"
    assert "an axis has length 7 in place of 3" in report.tried
    assert "an axis has length 1 in place of 4" in report.tried


def test_what_is_given_wrongly_is_told():
    with pytest.raises(TypeError, match=r"check_kernel: inputs must be a tuple .*; got NoneType; write \(x,\) for one"):
        check_kernel(k.forward, k.backward)
    with pytest.raises(TypeError, match=r"check_kernel: needs a backward for a forward of NumPy arrays; got None"):
        check_kernel(k.forward, inputs=(X, W))
    with pytest.raises(
        TypeError, match=r"check_kernel: forward must be a function; got int; pass it without calling it"
    ):
        check_kernel(3, inputs=(X, W))


def rounded_inside(dtype):
    """A layer that computes in float32, and rounds what it is told to a lower precision inside."""

    def forward(x, w):
        h = x.astype(dtype).astype(np.float32) @ w.astype(dtype).astype(np.float32)
        return np.tanh(h), (x, w, h)

    def backward(dy, cache):
        x, w, h = cache
        dh = (dy * (1 - np.tanh(h) ** 2)).astype(dtype).astype(np.float32)
        return dh @ w.T, x.T @ dh

    return forward, backward


SMALL = tuple(np.random.default_rng(0).normal(size=s).astype(np.float32) for s in ((3, 4), (4, 2)))


@pytest.mark.parametrize("reference", [None, lambda x, w: np.tanh(x @ w)])
@pytest.mark.parametrize("dtype", [np.float16, "bfloat16"])
def test_rounding_to_low_precision_inside_is_named(dtype, reference):
    dtype = pytest.importorskip("ml_dtypes").bfloat16 if dtype == "bfloat16" else dtype
    forward, backward = rounded_inside(dtype)
    report = testing.check_kernel(forward, backward, reference, inputs=SMALL)
    assert (report.verdict, report.pattern) == ("UNDECIDED", "low precision inside")
    assert "gradients agree to" in report.diagnosis
    wrong = lambda dy, cache: [1.5 * g for g in backward(dy, cache)]
    assert testing.check_kernel(forward, wrong, reference, inputs=SMALL, raises=False).verdict == "WRONG"


def test_what_is_a_little_unlinear_is_no_rounding():
    report = testing.check_kernel(np.sin, lambda dy, x: dy * np.cos(x) + 1e-3 * dy**3, inputs=SMALL[:1], raises=False)
    assert (report.verdict, report.pattern) == ("WRONG", "not linear in the gradient of the output")


def test_a_right_kernel_that_casts_to_float32_inside_is_right_beside_its_reference():
    forward, backward = rounded_inside(np.float32)
    reference = lambda x, w: np.tanh(x @ w)
    assert testing.check_kernel(forward, backward, reference, inputs=SMALL).verdict == "RIGHT"
    wrong = lambda dy, cache: [g * np.float32(1 + 1e-4) for g in backward(dy, cache)]
    assert testing.check_kernel(forward, wrong, reference, inputs=SMALL, raises=False).verdict == "WRONG"
