"""tg.special beside SciPy, in value; in gradient beside PyTorch and mpmath."""

import mpmath
import numpy as np
import pytest

import tinygrad_edu as tg

scipy_special = pytest.importorskip("scipy.special")
torch = pytest.importorskip("torch")

WIDE = np.concatenate([np.linspace(-8, 8, 801), np.linspace(8, 30, 200), [1e-300, 0.0, 1e10, np.inf, -np.inf, np.nan]])
POSITIVE = np.concatenate([np.logspace(-10, 10, 500), np.linspace(0.1, 40, 800), [np.inf, np.nan]])
SHARES = np.concatenate([np.linspace(0, 1, 801), np.logspace(-300, -1, 50), 1 - np.logspace(-16, -1, 50)])
LEFT = -np.linspace(0.1, 20, 501)[1:]

# name: where, and to what relative and absolute error
VALUES = {
    "gammaln": (np.concatenate([POSITIVE, LEFT]), 1e-14, 1e-14), "digamma": (np.concatenate([POSITIVE, LEFT]), 2e-14, 1e-14),
    "erf": (WIDE, 1e-15, 0), "erfc": (WIDE[WIDE < 26], 1e-13, 0), "erfcx": (WIDE, 1e-14, 0), "erfinv": (np.r_[SHARES, -SHARES], 2e-15, 0),
    "expit": (WIDE, 2e-15, 0), "i0": (WIDE, 4e-15, 0), "i1": (WIDE, 4e-15, 0), "i0e": (np.r_[WIDE, POSITIVE], 4e-15, 0), "i1e": (np.r_[WIDE, POSITIVE], 4e-15, 0),
    "ndtr": (WIDE, 4e-15, 1e-300), "log_ndtr": (WIDE, 1e-13, 1e-300), "logit": (SHARES, 1e-14, 1e-15),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_values_are_those_of_scipy(name):
    x, rtol, atol = VALUES[name]
    with np.errstate(all="ignore"):
        expected, ours = getattr(scipy_special, name)(x), getattr(tg.special, name)(x)
    assert ours.dtype == np.float64
    np.testing.assert_allclose(ours.data, expected, rtol=rtol, atol=atol)
    with np.errstate(all="ignore"):
        single = getattr(tg.special, name)(x[::7].astype(np.float32))
        wanted = getattr(scipy_special, name)(x[::7].astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single.data, wanted, rtol=3e-5, atol=1e-6)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 8])
def test_polygamma(n):
    x = np.concatenate([POSITIVE[np.isfinite(POSITIVE)], LEFT]) if n < 4 else np.linspace(0.1, 40, 500)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(
            tg.special.polygamma(n, x).data, scipy_special.polygamma(n, x), rtol=1e-12, atol=1e-13
        )


@pytest.mark.parametrize("name", ["xlogy", "xlog1py"])
def test_products_with_logarithms(name):
    x, y = np.array([0.0, 0.0, 1.0, 2.5, 0.0, np.nan]), np.array([0.0, 3.0, 0.5, 4.0, np.nan, 2.0])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(getattr(tg.special, name)(x, y).data, getattr(scipy_special, name)(x, y), rtol=1e-15)
        a, b = tg.Tensor(x[:4], requires_grad=True), tg.Tensor(y[:4] + 0.5, requires_grad=True)
        c, d = torch.tensor(x[:4], requires_grad=True), torch.tensor(y[:4] + 0.5, requires_grad=True)
        getattr(tg.special, name)(a, b).sum().backward()
        getattr(torch.special, name)(c, d).sum().backward()
    np.testing.assert_allclose(a.grad.data, c.grad.numpy(), rtol=1e-13)
    np.testing.assert_allclose(b.grad.data, d.grad.numpy(), rtol=1e-13)


SLOPES = {
    "gammaln": (0.3, 1.7, 12.0), "digamma": (0.3, 1.7, 12.0), "erfc": (-2.0, 0.0, 3.0), "erfinv": (-0.9, 0.0, 0.5), "i0": (-3.0, 0.0, 2.0), "i1": (-3.0, 0.5, 2.0),
    "i0e": (-3.0, 2.0, 50.0), "i1e": (-3.0, 0.5, 2.0), "erfcx": (-1.0, 0.5, 3.0), "ndtr": (-3.0, 0.0, 2.0), "log_ndtr": (-30.0, -1.0, 0.0, 2.0), "logit": (0.1, 0.5, 0.9),
}  # fmt: skip


@pytest.mark.parametrize("name", SLOPES)
def test_slopes_are_those_of_pytorch(name):
    x = np.array(SLOPES[name])
    t = torch.tensor(x, requires_grad=True)
    (expected,) = torch.autograd.grad(getattr(torch.special, name)(t).sum(), t)
    ours = tg.grad(lambda v: getattr(tg.special, name)(v).sum())(x)
    np.testing.assert_allclose(
        ours.data, expected.numpy(), rtol=1e-8 if name == "digamma" else 1e-11
    )  # PyTorch's trigamma has 9 digits
    bend = tg.grad(lambda v: tg.grad(lambda u: getattr(tg.special, name)(u).sum())(v).sum())(x)
    h = 1e-5
    around = [tg.grad(lambda v: getattr(tg.special, name)(v).sum())(x + s).data for s in (h, -h)]
    np.testing.assert_allclose(bend.data, (around[0] - around[1]) / (2 * h), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("n", range(5))
def test_sinc_at_every_order(n):
    f = np.sinc
    for _ in range(n):
        f = tg.grad(f)
    for x in (0.0, 0.01, 0.7, 1.5, -3.2):
        expected = float(mpmath.diff(mpmath.sincpi, x, n))
        np.testing.assert_allclose(f(tg.Tensor(np.float64(x))).item(), expected, rtol=1e-9, atol=1e-9)


def test_far_tails_against_mpmath():
    for x in (5.0, 15.0, 25.0):
        np.testing.assert_allclose(tg.special.erfc(np.float64(x)).item(), float(mpmath.erfc(x)), rtol=4e-15)
        np.testing.assert_allclose(
            tg.special.erfcx(np.float64(40 * x)).item(),
            float(mpmath.exp((40 * x) ** 2) * mpmath.erfc(40 * x)),
            rtol=4e-15,
        )
    for x in (-1000.3, -20.5, 1e-3, 1.4616, 1e6):
        np.testing.assert_allclose(
            tg.special.gammaln(np.float64(x)).item(), float(mpmath.log(abs(mpmath.gamma(x)))), rtol=1e-14, atol=1e-15
        )
