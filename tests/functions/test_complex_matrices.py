"""Factorisations of complex matrices: values and gradients beside PyTorch, derivatives of both orders beside JAX."""

import numpy as np
import pytest

import tinygrad_edu as tg

R = np.random.default_rng(0)


def drawn(*shape):
    return R.normal(size=shape) + 1j * R.normal(size=shape)


A, B, TALL, MOVE, WEIGHTS = drawn(2, 4, 4), drawn(2, 4, 3), drawn(4, 2), drawn(2, 4, 4), drawn(4, 4)
HERMITIAN = A @ np.conj(np.swapaxes(A, -1, -2)) + 3 * np.eye(4)


def adjoint(x):
    return x.mH if hasattr(x, "mH") else tg.conj(tg.linalg.matrix_transpose(x))


def projector(n, x):
    """That of the orthogonal complement of the columns of `x`."""
    one = np.eye(x.shape[-2]) if n is tg else n.eye(x.shape[-2])
    return one - x @ n.linalg.inv(adjoint(x) @ x) @ adjoint(x)


def spectrum(n, h):
    """Eigenvalues, and what does not depend on the phases of the vectors: the projector on one, a function of `h`."""
    w, v = n.linalg.eigh(h)
    return w, v[..., :1] @ adjoint(v[..., :1]), (v * n.sin(w)[..., None, :]) @ adjoint(v)


def singular(n, x):
    u, s, vh = n.linalg.svd(x, full_matrices=False)
    return s, (u[..., :2] * s[..., None, :2]) @ vh[..., :2, :], u @ vh


def rest(n, x):
    """The basis that is beside the columns of `x`, from the full factorisations, and the same by a formula."""
    if n is not tg:
        return [projector(n, x)] * 3
    q, u, v = tg.linalg.qr(x, "complete").Q, tg.linalg.svd(x).U, adjoint(tg.linalg.svd(adjoint(x)).Vh)
    return [y[..., x.shape[-1] :] @ adjoint(y[..., x.shape[-1] :]) for y in (q, u, v)]


CASES = {
    "inv": (lambda n, a: n.linalg.inv(a), A), "det": (lambda n, a: n.linalg.det(a), A),
    "solve": (lambda n, a, b: n.linalg.solve(a, b), A, B), "slogdet": (lambda n, a: tuple(n.linalg.slogdet(a)), A),
    "cholesky": (lambda n, a: n.linalg.cholesky(a @ adjoint(a)), A),
    "cholesky upper": (lambda n, a: n.linalg.cholesky(a @ adjoint(a), upper=True), A),
    "eigh": (spectrum, HERMITIAN), "eigvalsh": (lambda n, h: n.linalg.eigvalsh(h), HERMITIAN),
    "svd": (singular, B), "svd wide": (singular, np.swapaxes(B, -1, -2)), "svdvals": (lambda n, x: n.linalg.svdvals(x), B),
    "qr": (lambda n, x: tuple(n.linalg.qr(x)), B), "qr wide": (lambda n, x: tuple(n.linalg.qr(x.mT)), B),
    "complete": (rest, TALL), "complete real": (rest, TALL.real.copy()),
    "R": (lambda n, x: n.linalg.qr(x, "complete")[1] if n is tg else n.nn.functional.pad(n.linalg.qr(x)[1], (0, 0, 0, 2)), TALL),
    "pinv": (lambda n, x: n.linalg.pinv(x), B), "pinv wide": (lambda n, x: n.linalg.pinv(x.mT), B),
    "matrix_power": (lambda n, a: (n.linalg.matrix_power(a, 3), n.linalg.matrix_power(a, -2)), A),
    **{f"norm {o}": (lambda n, a, o=o: n.linalg.matrix_norm(a, o), A) for o in ("fro", "nuc", 2, -2, 1, np.inf)},
    "cond": (lambda n, a: n.linalg.cond(a), A),
    "solve_triangular": (lambda n, a, b: n.linalg.solve_triangular(a, b, upper=True), A, B),
    "eigvals": (lambda n, a: n.linalg.eigvals(a), A[0]), "cross": (lambda n, a, b: n.linalg.cross(a, b), B, B * 2j + 1),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")
    f, *xs = CASES[name]
    ours = [tg.Tensor(x, requires_grad=True) for x in xs]
    theirs = [torch.tensor(x, requires_grad=True) for x in xs]
    ys, zs = f(tg, *ours), f(torch, *theirs)
    if not isinstance(ys, tuple | list):
        ys, zs = [ys], [zs]
    total = expected = 0
    for y, z in zip(ys, zs, strict=True):
        np.testing.assert_allclose(y.data, z.detach().resolve_conj().numpy(), rtol=1e-9, atol=1e-10)
        weights = drawn(*y.shape)
        total = total + tg.real(y * weights).sum()
        expected = expected + torch.real(z.to(torch.complex128) * torch.as_tensor(weights)).sum()
    total.backward()
    expected.backward()
    for x, t in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x.grad.data, t.grad.resolve_conj().numpy(), rtol=1e-8, atol=1e-9)


def test_solving_by_cholesky_is_solving():
    f = lambda h, b: tg.linalg.cholesky_solve(b, tg.linalg.cholesky(h))
    g = lambda h, b: tg.linalg.cholesky_solve(b, tg.linalg.cholesky(h, upper=True), upper=True)
    for solved in (f, g):
        loss = lambda h, b, solved=solved: tg.abs(solved(h, b)).sum()
        straight = lambda h, b: tg.abs(tg.linalg.solve((h + adjoint(h)) / 2, b)).sum()
        np.testing.assert_allclose(loss(HERMITIAN, B).data, straight(HERMITIAN, B).data)
        for k in (0, 1):
            expected = tg.grad(straight, k)(HERMITIAN, B).data
            np.testing.assert_allclose(tg.grad(loss, k)(HERMITIAN, B).data, expected, rtol=1e-8, atol=1e-10)


def weighed(n, y):
    return n.real(y * WEIGHTS[: y.shape[-2], : y.shape[-1]]).sum()


def raised(n, a):
    """A positive definite matrix."""
    return a @ n.conj(n.swapaxes(a, -1, -2)) + np.eye(4)


TWICE = {
    "inv": lambda n, a: weighed(n, n.linalg.inv(a)), "cholesky": lambda n, a: weighed(n, n.linalg.cholesky(raised(n, a))),
    "eigvalsh": lambda n, a: (n.linalg.eigh(raised(n, a))[0] ** 2).sum(),
    "eigh": lambda n, a: (lambda v: weighed(n, v @ n.conj(n.swapaxes(v, -1, -2))))(n.linalg.eigh(raised(n, a))[1][..., :1]),
    "svdvals": lambda n, a: (n.linalg.svd(a, full_matrices=False)[1] ** 3).sum(),
    "svd": lambda n, a: (lambda u, s, vh: weighed(n, (u[..., :1] * s[..., None, :1]) @ vh[..., :1, :]))(*n.linalg.svd(a, full_matrices=False)),
    "qr": lambda n, a: sum(weighed(n, y) for y in n.linalg.qr(a[..., :3])),
    "slogdet": lambda n, a: sum(n.real(y * (1 + 0.5j)).sum() for y in n.linalg.slogdet(a)),
    "pinv": lambda n, a: weighed(n, n.linalg.pinv(a[..., :2])),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", TWICE)
def test_both_orders_are_those_of_jax(name):
    jax = pytest.importorskip("jax")
    f = TWICE[name]
    ours, theirs = (lambda a: f(tg, a)), (lambda a: f(jax.numpy, a))
    with jax.enable_x64(True):
        slope = jax.grad(theirs)
        expected = np.asarray(slope(jax.numpy.asarray(A)))
        bend = np.asarray(jax.jvp(slope, (jax.numpy.asarray(A),), (jax.numpy.asarray(MOVE),))[1])
    np.testing.assert_allclose(tg.grad(ours)(A).data, expected, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(tg.jvp(ours, (A,), (MOVE,))[1].data, (expected * MOVE).sum().real, rtol=1e-8)
    np.testing.assert_allclose(tg.vmap(tg.grad(ours))(A).data, expected, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(tg.jvp(tg.grad(ours), (A,), (MOVE,))[1].data, bend, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (3, 3), (2, 4, 2), (3, 0), (0, 3)])
def test_full_bases_are_square_and_multiply_back(shape):
    for x in (R.normal(size=shape), drawn(*shape)):
        m, n = shape[-2:]
        for a in (tg.Tensor(x), tg.Tensor(x, requires_grad=True)):
            (u, s, vh), (q, r) = tg.linalg.svd(a), tg.linalg.qr(a, "complete")
            assert (u.shape[-2:], vh.shape[-2:], q.shape[-2:], r.shape[-2:]) == ((m, m), (n, n), (m, m), (m, n))
            k = s.shape[-1]
            np.testing.assert_allclose(((u[..., :k] * s[..., None, :]) @ vh[..., :k, :]).data, x, atol=1e-12)
            np.testing.assert_allclose((q @ r).data, x, atol=1e-12)
            for y in (u, vh, q):
                np.testing.assert_allclose(
                    (adjoint(y) @ y).data, np.broadcast_to(np.eye(y.shape[-1]), y.shape), atol=1e-12
                )
        for name, kw in (("svd", {}), ("svd", {"full_matrices": False}), ("svdvals", {})):
            found, given = getattr(np.linalg, name)(tg.Tensor(x), **kw), getattr(np.linalg, name)(x, **kw)
            shapes = [y.shape for y in (found if isinstance(found, tuple) else [found])]
            assert shapes == [y.shape for y in (given if isinstance(given, tuple) else [given])]
