"""Eigenvalues and eigenvectors of matrices that are not symmetric, against PyTorch, traces and differences."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.testing import check_gradients


def parts(w, v, c, abs, real, imag):
    """A function that does not depend on phases."""
    return ((abs(v) ** 2) * c).sum() + (real(w) ** 3).sum() + (imag(w) ** 2 * c[0]).sum()


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (4, 4), (3, 5, 5)], ids=str)
def test_gradients_are_those_of_pytorch(shape):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(shape[-1])
    a, c = rng.normal(size=shape), rng.normal(size=shape[-1])
    theirs = torch.tensor(a, requires_grad=True)
    value = parts(*torch.linalg.eig(theirs), torch.tensor(c), torch.abs, torch.real, torch.imag)
    value.backward()

    def ours(x):
        return parts(*np.linalg.eig(x), c, tg.abs, tg.real, tg.imag)

    found, gradient = tg.value_and_grad(ours)(tg.Tensor(a))
    np.testing.assert_allclose(float(found), value.item(), rtol=1e-12)
    np.testing.assert_allclose(gradient.data, theirs.grad.numpy(), rtol=1e-9, atol=1e-11)


def test_both_orders_and_a_matrix_with_complex_entries():
    rng = np.random.default_rng(0)
    a, c = rng.normal(size=(3, 3)), rng.normal(size=3)
    report = check_gradients(lambda x: parts(*tg.linalg.eig(x), c, tg.abs, tg.real, tg.imag), a, order=2, raises=False)
    assert report.verdict == "RIGHT", report
    torch = pytest.importorskip("torch")
    z = a + 1j * rng.normal(size=(3, 3))
    theirs = torch.tensor(z, requires_grad=True)
    (torch.linalg.eigvals(theirs) ** 3).sum().real.backward()  # the trace of z @ z @ z
    ours = tg.Tensor(z, requires_grad=True)
    tg.real((tg.linalg.eigvals(ours) ** 3).sum()).backward()
    np.testing.assert_allclose(ours.grad.data, (3 * z @ z).T.conj(), rtol=1e-10)
    np.testing.assert_allclose(ours.grad.data, theirs.grad.numpy(), rtol=1e-10)


def test_values_dtypes_transforms_and_refusals():
    a = np.random.default_rng(1).normal(size=(2, 3, 3))
    w, v = tg.linalg.eig(a)
    np.testing.assert_allclose((a @ v.data), v.data * w.data[..., None, :], atol=1e-12)
    assert tg.linalg.eigvals(tg.Tensor(a.astype("float32"))).dtype == np.complex64
    each = tg.vmap(tg.grad(lambda m: tg.real(tg.linalg.eigvals(m) ** 2).sum()))(tg.Tensor(a))
    np.testing.assert_allclose(each.data, 2 * a.mT, rtol=1e-9, atol=1e-11)
    with pytest.raises(np.linalg.LinAlgError, match="eigvals: .*[Ss]ingular"):
        tg.grad(lambda m: tg.real(tg.linalg.eigvals(m)).sum())(tg.Tensor(np.eye(2)))
    with pytest.raises(tg.errors.ShapeError, match=r"eig: needs square matrices in the last two axes; got \(2, 3\)"):
        tg.linalg.eig(np.ones((2, 3)))
