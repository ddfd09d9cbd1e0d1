"""Complex tensors with gradients, and Fourier transforms: `grad`, `jvp` beside JAX, `backward()` beside PyTorch."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError

jax = pytest.importorskip("jax")
torch = pytest.importorskip("torch")
jnp = jax.numpy
R = np.random.default_rng(0)
Z, V = R.normal(size=(2, 4)) + 1j * R.normal(size=(2, 4))
W = R.normal(size=(4, 4)) + 1j * R.normal(size=(4, 4))


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


FUNCTIONS = {
    "abs": lambda n, z: abs(z * z + 1j).sum(), "real": lambda n, z: (n.exp(z) * z).real.sum(), "imag": lambda n, z: (n.sin(z) / z).imag.sum(),
    "conj": lambda n, z: (n.conj(z) * z * z).real.sum(), "matmul": lambda n, z: (abs(n.matmul(n.asarray(W), z)) ** 2).sum(),
    "inv": lambda n, z: abs(n.linalg.inv(n.asarray(W) * z)).sum(), "solve": lambda n, z: abs(n.linalg.solve(n.asarray(W), z[:, None])).sum(),
    "det": lambda n, z: abs(n.linalg.det(n.asarray(W) * z)), "prod": lambda n, z: abs(n.prod(z)), "log": lambda n, z: (n.log(z) * n.sqrt(z)).real.sum(),
    "powers": lambda n, z: (z**3 + z * z).real.sum(), "real numbers between": lambda n, z: (z.real * z.imag * abs(z)).sum(),
    "indices": lambda n, z: (abs(n.concat([z[1:], z[:2]])) ** 3).sum(), "tanh": lambda n, z: n.tanh(z).imag.sum(),
    "var": lambda n, z: n.var(z), "std": lambda n, z: n.std(z * z), "var, ddof": lambda n, z: n.var(z, correction=1), "mean": lambda n, z: abs(n.mean(z)),
    "vecdot": lambda n, z: abs(n.vecdot(z, z * n.asarray(W))).sum(), "vecdot, real": lambda n, z: n.vecdot(n.asarray(W), z).imag.sum(),
    "fft": lambda n, z: (abs(n.fft.fft(z, 6)) ** 3).sum(), "ifft": lambda n, z: (abs(n.fft.ifft(z, 3, norm="forward")) ** 3).sum(),
    "rfft": lambda n, z: (abs(n.fft.rfft(z.real)) ** 3).sum(), "irfft": lambda n, z: (n.fft.irfft(z, 5) ** 3).sum(), "hfft": lambda n, z: (n.fft.hfft(z, 7) ** 3).sum(),
    "ihfft": lambda n, z: (abs(n.fft.ihfft(z.imag)) ** 3).sum(), "fftn": lambda n, z: (abs(n.fft.fftn(z.reshape(2, 2), norm="ortho")) ** 3).sum(),
    "rfftn": lambda n, z: (abs(n.fft.rfftn(z.real.reshape(2, 2))) ** 3).sum(), "irfftn": lambda n, z: (n.fft.irfftn(z.reshape(2, 2)) ** 3).sum(),
}  # fmt: skip

TWICE = {"abs", "conj", "matmul", "real numbers between", "fft"}  # also differentiated twice


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives(name):
    f = FUNCTIONS[name]
    ours, theirs = (lambda z: f(tg, z)), (lambda z: f(jnp, z))
    np.testing.assert_allclose(ours(tg.Tensor(Z)).data, np.asarray(theirs(jnp.asarray(Z))), rtol=1e-11)
    expected = np.asarray(jax.grad(theirs)(jnp.asarray(Z)))
    np.testing.assert_allclose(tg.grad(ours)(Z).data, expected, rtol=1e-9, atol=1e-11)
    leaf = tg.Tensor(Z, requires_grad=True)
    ours(leaf).backward()
    np.testing.assert_allclose(leaf.grad.data, expected.conj(), rtol=1e-9, atol=1e-11)  # the direction of ascent
    np.testing.assert_array_equal(tg.autograd.grad(ours(leaf), leaf)[0].data, leaf.grad.data)
    move = (expected * V).sum().real
    np.testing.assert_allclose(tg.jvp(ours, (Z,), (V,))[1].data, move, rtol=1e-9, atol=1e-11)
    if name in TWICE:
        bend = jax.jvp(jax.grad(theirs), (jnp.asarray(Z),), (jnp.asarray(V),))[1]
        np.testing.assert_allclose(tg.jvp(tg.grad(ours), (Z,), (V,))[1].data, np.asarray(bend), rtol=1e-8, atol=1e-9)
    batch = tg.vmap(tg.grad(ours))(np.stack([Z, V]))
    np.testing.assert_allclose(batch.data[0], expected, rtol=1e-9, atol=1e-11)


TORCH = {
    "abs": lambda n, z: (z * z + 1j).abs().sum(), "parts": lambda n, z: (z.real * z.imag + z.conj().imag).sum(),
    "matmul": lambda n, z: (z @ z.conj()).real, "fft": lambda n, z: (n.fft.fft(z).abs() ** 3).sum(), "exp": lambda n, z: n.exp(z).real.sum(),
}  # fmt: skip


@pytest.mark.parametrize("name", TORCH)
def test_backward_is_that_of_pytorch(name):
    a, b = tg.Tensor(Z, requires_grad=True), torch.tensor(Z, requires_grad=True)
    TORCH[name](tg, a).backward()
    TORCH[name](torch, b).backward()
    np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-12)
    y, w = tg.exp(a) * a, torch.exp(b) * b
    a.grad = b.grad = None
    y.backward(V)
    w.backward(torch.tensor(V))
    np.testing.assert_allclose(a.grad.data, b.grad.resolve_conj().numpy(), rtol=1e-12)


def test_a_step_against_the_gradient_goes_down():
    z = tg.Tensor(Z, requires_grad=True)
    loss = lambda: (tg.abs(z - (1 + 2j)) ** 2).sum()
    start = loss()
    start.backward()
    with tg.no_grad():
        z -= 0.1 * z.grad
    assert loss().item() < 0.7 * start.item()


X = {"one": R.normal(size=8), "odd": R.normal(size=7), "rows": R.normal(size=(3, 6)), "complex": W}
SHAPED = [{}, {"n": 5}, {"n": 12}, {"norm": "ortho"}, {"norm": "forward"}, {"axis": 0}]


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
def test_transforms_give_what_those_of_numpy_give(name):
    for x in X.values():
        for options in SHAPED:
            if np.iscomplexobj(x) and name in ("rfft", "ihfft"):
                continue
            expected = getattr(np.fft, name)(x, **options)
            for y in (getattr(tg.fft, name)(x, **options), getattr(np.fft, name)(tg.Tensor(x), **options)):
                assert y.dtype == expected.dtype
                np.testing.assert_allclose(y.data, expected, rtol=1e-12, atol=1e-12)
    single = getattr(tg.fft, name)(np.ones(6, np.float32))
    assert single.dtype == getattr(np.fft, name)(np.ones(6, np.float32)).dtype


@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
def test_transforms_along_several_axes(name):
    x = R.normal(size=(3, 4, 5))
    for options in ({}, {"axes": (0, 2)}, {"s": (2, 6), "axes": (1, 2)}, {"norm": "ortho"}):
        np.testing.assert_allclose(
            getattr(tg.fft, name)(x, **options).data, getattr(np.fft, name)(x, **options), rtol=1e-12, atol=1e-12
        )
    flat = name.replace("n", "2")
    np.testing.assert_allclose(
        getattr(np.fft, flat)(tg.Tensor(x)).data, getattr(np.fft, flat)(x), rtol=1e-12, atol=1e-12
    )


def test_frequencies_and_shifts():
    for n in (5, 8):
        np.testing.assert_allclose(tg.fft.fftfreq(n, 0.5, dtype="float64").data, np.fft.fftfreq(n, 0.5))
        np.testing.assert_allclose(tg.fft.rfftfreq(n, dtype="float64").data, np.fft.rfftfreq(n))
        x = R.normal(size=(n, 3))
        for name in ("fftshift", "ifftshift"):
            for axes in (None, 0, (0, 1)):
                np.testing.assert_array_equal(getattr(tg.fft, name)(x, axes).data, getattr(np.fft, name)(x, axes))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda z: (z * z).sum().backward(), "backward: needs a real number, or a gradient; got complex128; take .real or abs"),
        (lambda z: tg.grad(lambda z: z[0])(z), "grad: the function must return a real number; got complex128"),
        (lambda z: tg.clip(z, 0, 1), "clip: has no derivative for complex numbers"),
        (lambda z: z.astype("float64"), "astype: complex numbers must stay complex; got complex128 for float64; take .real"),
        (lambda z: tg.fft.rfft(z), "rfft: needs real numbers; got complex128; use fft"),
    ],
)  # fmt: skip
def test_what_has_no_derivative_says_so(call, text):
    with pytest.raises(DTypeError, match=text):
        call(tg.Tensor(Z, requires_grad=True))


@pytest.mark.parametrize("shape", [(), (3,)])
def test_complex_python_numbers_never_widen(shape):
    x = np.ones(shape, np.float32)
    for f in (lambda x: x * 1j, lambda x: 1j - x, lambda x: x**2j, lambda x: np.multiply(x, 1 + 2j)):
        assert f(tg.Tensor(x)).dtype == f(x).dtype == np.complex64
        np.testing.assert_allclose(f(tg.Tensor(x)).data, f(x), rtol=1e-6)
        slope = tg.grad(lambda x, f=f: tg.abs(f(x)).sum())(tg.Tensor(x))
        assert slope.dtype == np.float32
    assert (tg.Tensor([1, 2]) * 1j).dtype == np.complex128
    assert tg.exp(1j).dtype == np.complex64
    w = tg.Tensor(np.float64(2.0), requires_grad=True)  # whose value is a NumPy scalar
    (g,) = tg.autograd.grad(tg.real((tg.ones(3, dtype="float64") + 1j * w) ** 2).sum(), [w], create_graph=True)
    assert (g.item(), tg.autograd.grad(g, [w])[0].item()) == (-12.0, -6.0)


@pytest.mark.parametrize("through", [lambda f: f, tg.vmap, tg.compile])
def test_a_number_that_is_imaginary_only_is_true(through):
    z = np.array([1j, 0, 1, -0.5j])
    assert through(lambda z: z.astype(bool))(tg.asarray(z)).tolist() == [True, False, True, True]
