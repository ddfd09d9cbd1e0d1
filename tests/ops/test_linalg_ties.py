"""Functions of matrices that are smooth where their singular values or eigenvalues are equal, or 0."""

import itertools
import warnings

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import ops

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)


def rotation(n, seed=1):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]


def slopes(f, a, directions, h=1e-3):
    """Directional derivatives by central differences, extrapolated twice: errors of order h**6."""
    found = []
    for d in directions:
        table = [(f(a + k * d) - f(a - k * d)) / (2 * k) for k in (h, h / 2, h / 4)]
        once = [(4 * y - x) / 3 for x, y in itertools.pairwise(table)]
        found.append((16 * once[1] - once[0]) / 15)
    return np.array(found)


MATRICES = {
    "identity": np.eye(3),
    "negative": -2 * np.eye(2),
    "orthonormal columns": rotation(4)[:, :2],
    "orthonormal rows": rotation(4)[:2],
    "rotation": np.array([[0.6, -0.8], [0.8, 0.6]]),
    "one pair": rotation(4, 2) @ np.diag([3.0, 1, 1, 0.5]) @ rotation(4, 3),
    "pairs": (rotation(5, 2)[:, :4] * [3.0, 3, 1, 1]) @ rotation(4, 3),
    "distinct": RNG.normal(size=(4, 3)),
    "batch": np.stack([np.eye(2), rotation(2), RNG.normal(size=(2, 2))]),
}


def golub_pereyra(a, d):
    p, t = np.linalg.pinv(a), lambda x: np.swapaxes(x, -1, -2)
    left, right = np.eye(a.shape[-2]) - a @ p, np.eye(a.shape[-1]) - p @ a
    return -p @ d @ p + p @ t(p) @ t(d) @ left + right @ t(d) @ t(p) @ p


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_pinv_in_both_modes(name, dtype):
    a = MATRICES[name].astype(dtype)
    d, c = RNG.normal(size=a.shape).astype(dtype), RNG.normal(size=np.swapaxes(a, -1, -2).shape).astype(dtype)
    wanted = golub_pereyra(a.astype(np.float64), d.astype(np.float64))
    tol = 1e3 * np.finfo(dtype).eps
    np.testing.assert_allclose(tg.jvp(tg.linalg.pinv, (a,), (d,))[1].data, wanted, rtol=tol, atol=tol)
    for f in (tg.linalg.pinv, np.linalg.pinv, lambda a: tg.linalg.pinv(a, rtol=1e-3)):
        g = tg.grad(lambda a, f=f: (f(a) * c).sum())(a).data
        assert g.dtype == dtype
        np.testing.assert_allclose((g * d).sum(), (wanted * c).sum(), rtol=20 * tol, atol=20 * tol)


@pytest.mark.parametrize("name", [n for n in MATRICES if n != "batch"])
def test_pinv_to_third_order(name):
    """Each order against differences of the one below, at a constant rank."""
    a = MATRICES[name]
    c = RNG.normal(size=a.T.shape)
    first = lambda a: tg.grad(lambda a: (tg.linalg.pinv(a) * c).sum())(a)
    e = RNG.normal(size=a.shape) / 4
    second = lambda a: tg.grad(lambda a: (first(a) * e).sum())(a)
    directions = RNG.normal(size=(2, *a.shape)) / 4
    for f in (first, second):
        inner = lambda a, f=f: (f(a).data * e).sum()
        wanted = slopes(inner, a, directions)
        found = [(tg.grad(lambda a, f=f: (f(a) * e).sum())(a).data * d).sum() for d in directions]
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7 * np.abs(wanted).max() + 1e-9)


@pytest.mark.parametrize(("m", "n", "rank"), [(3, 3, 1), (6, 5, 1), (4, 6, 2), (2, 5, 1), (5, 3, 2)])
def test_pinv_of_products_of_less_than_full_rank(m, n, rank):
    u, v = RNG.normal(size=(m, rank)), RNG.normal(size=(rank, n))
    c = RNG.normal(size=(n, m))
    pair = [torch.tensor(x, requires_grad=True) for x in (u, v)]
    (torch.linalg.pinv(pair[0] @ pair[1]) * torch.tensor(c)).sum().backward()
    for g, t in zip(tg.grad(lambda u, v: (tg.linalg.pinv(u @ v) * c).sum(), (0, 1))(u, v), pair, strict=True):
        np.testing.assert_allclose(g.data, t.grad.numpy(), rtol=1e-8, atol=1e-8 * np.abs(t.grad.numpy()).max())


FACTORS = {
    "rank 1, wider": (np.outer([1.0, 2, 3], [1.0, -1]), np.outer([2.0, 1, 0, 1], [1.0, 0.5])),
    "orthonormal": (rotation(3, 4)[:, :2], rotation(3, 5)[:, :2]),
    "orthonormal batch": (np.stack([rotation(4, 4)[:, :2], rotation(4, 6)[:, :2]]), np.eye(3)[:, :2]),
    "one orthonormal": (rotation(3, 4)[:, :2], RNG.normal(size=(3, 2))),
    "rank 1, both": (np.ones((3, 2)), np.ones((3, 2))),
}


@pytest.mark.parametrize("name", FACTORS)
def test_pinv_of_products_of_three_by_two_factors_as_in_pytorch(name):
    u, v = FACTORS[name]
    c = RNG.normal(size=np.swapaxes(u @ v.T, -1, -2).shape)
    f = lambda u, v: (tg.linalg.pinv(u @ v.mT) * c).sum()
    theirs = lambda u, v: (torch.linalg.pinv(u @ v.mT) * torch.tensor(c)).sum()
    pair = [torch.tensor(x, requires_grad=True) for x in (u, v)]
    theirs(*pair).backward()
    for g, t in zip(tg.grad(f, (0, 1))(u, v), pair, strict=True):
        np.testing.assert_allclose(g.data, t.grad.numpy(), rtol=1e-10, atol=1e-12)
    d = RNG.normal(size=u.shape)
    t = torch.autograd.functional.hvp(lambda u: theirs(u, torch.tensor(v)), torch.tensor(u), torch.tensor(d))[1].numpy()
    found = tg.hvp(lambda u: f(u, v), (u,), (d,)).data
    np.testing.assert_allclose(found, t, rtol=1e-9, atol=1e-10 * np.abs(t).max())


@pytest.mark.parametrize("s", [(3.0, 2.0, 0.5, 0.1), (2.0, 2.0, 0.5, 0.5), (1.0, 1.0, 1.0, 0.3)])
@pytest.mark.parametrize(("m", "n"), [(4, 4), (6, 4), (4, 5)])
def test_pinv_that_cuts_off_what_is_not_small(s, m, n):
    """The kept directions turn with those that are cut off."""
    a = (rotation(m, 5)[:, :4] * s) @ rotation(n, 6)[:4]
    c, directions = RNG.normal(size=(n, m)), RNG.normal(size=(3, m, n)) / 10
    f = lambda a: (tg.linalg.pinv(a, rtol=0.4) * c).sum()
    g = tg.grad(f)(a).data
    wanted = slopes(lambda a: (np.linalg.pinv(a, rcond=0.4) * c).sum(), a, directions)
    np.testing.assert_allclose([(g * d).sum() for d in directions], wanted, rtol=1e-7, atol=1e-8)
    second = tg.hvp(f, (a,), (directions[0],)).data
    wanted = slopes(lambda a: (tg.grad(f)(a).data * directions[0]).sum(), a, directions)
    np.testing.assert_allclose([(second * d).sum() for d in directions], wanted, rtol=1e-6, atol=1e-7)


def test_pinv_of_a_symmetric_matrix_reads_a_triangle():
    a = RNG.normal(size=(3, 3))
    np.testing.assert_allclose(np.linalg.pinv(tg.asarray(a), hermitian=True).data, np.linalg.pinv(a, hermitian=True))
    g = tg.grad(lambda a: np.linalg.pinv(a, hermitian=True)[0, 1])(np.eye(3)).data
    np.testing.assert_allclose(g, [[0, 0, 0], [-1, 0, 0], [0, 0, 0]], atol=1e-12)


def polynomial_hessian(a):
    n = len(a)
    h = np.zeros((n,) * 4)
    for p in itertools.permutations(range(n)):
        sign = np.linalg.det(np.eye(n)[list(p)])
        for i, j in itertools.permutations(range(n), 2):
            h[i, p[i], j, p[j]] += sign * np.prod([a[k, p[k]] for k in range(n) if k not in (i, j)])
    return h


SINGULAR = {
    "zero 1": np.zeros((1, 1)), "zero 2": np.zeros((2, 2)), "zero 3": np.zeros((3, 3)), "zero 4": np.zeros((4, 4)),
    "rank 1 of 2": np.array([[1.0, 2], [2, 4]]), "counting": np.arange(1.0, 10).reshape(3, 3),
    "rank 1 of 3": np.outer([1.0, 2, 3], [1.0, -1, 2]), "rank 2 of 4": RNG.normal(size=(4, 2)) @ RNG.normal(size=(2, 4)),
    "nearly": np.array([[1.0, 1], [1, 1 + 1e-12]]), "identity": np.eye(3), "regular": RNG.normal(size=(4, 4)),
    "large and small": np.diag([1e150, 1e-150, 1.0]),
}  # fmt: skip


@pytest.mark.parametrize("name", SINGULAR)
def test_det_to_second_order_at_any_matrix(name):
    a = SINGULAR[name]
    wanted = polynomial_hessian(a)
    atol = 1e-12 * max(1, np.abs(wanted).max())
    np.testing.assert_allclose(tg.hessian(tg.linalg.det)(a).data, wanted, rtol=1e-10, atol=atol)
    np.testing.assert_allclose(tg.hessian(np.linalg.det)(a).data, wanted, rtol=1e-10, atol=atol)
    d = RNG.normal(size=a.shape)
    forward = tg.jvp(tg.grad(tg.linalg.det), (a,), (d,))[1].data
    np.testing.assert_allclose(forward, np.tensordot(wanted, d), rtol=1e-10, atol=10 * atol)
    batched = tg.vmap(tg.hessian(tg.linalg.det))(np.stack([a, a.T])).data
    np.testing.assert_allclose(batched[0], wanted, rtol=1e-10, atol=atol)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("rank", [0, 1, 2, 4])
def test_det_to_third_and_fourth_order(n, rank):
    """Along lines a + t d + ..., det is a polynomial, whose coefficients a few values give exactly."""
    a = RNG.normal(size=(n, min(rank, n))) @ RNG.normal(size=(min(rank, n), n))
    ds = RNG.normal(size=(4, n, n))
    f = tg.linalg.det
    for order in (1, 2, 3, 4):
        inner = f
        f = lambda a, inner=inner, d=ds[order - 1]: (tg.grad(inner)(a) * d).sum()
        signs = itertools.product((-1.0, 1.0), repeat=order)  # the mixed derivative of the polynomial, by polarisation
        points = [(np.prod(s), sum(k * d for k, d in zip(s, ds, strict=False))) for s in signs]
        steps = np.array([0.5, 1.0, 1.5])
        table = [sum(w * np.linalg.det(a + t * d) for w, d in points) / (2 * t) ** order for t in steps]
        wanted = np.linalg.solve(np.vander(steps**2, increasing=True), table)[0]
        assert f(a).item() == pytest.approx(wanted, rel=1e-8, abs=1e-8)


def test_det_of_batches_mixes_singular_and_regular():
    a = np.stack([np.zeros((3, 3)), np.eye(3), np.arange(9.0).reshape(3, 3)])
    got = tg.grad(lambda a: tg.linalg.det(a).sum())(a).data
    for x, g in zip(a, got, strict=True):
        np.testing.assert_allclose(g, tg.grad(tg.linalg.det)(x).data, atol=1e-12)
    assert tg.grad(lambda a: tg.linalg.det(a).sum())(a.astype(np.float32)).dtype == np.float32


def test_det_of_what_is_not_finite():
    a = np.stack([np.eye(2), np.full((2, 2), np.nan), np.array([[np.inf, 1], [1, 2.0]]), np.ones((2, 2))])
    with np.errstate(all="ignore"):
        for f in (tg.grad(lambda a: tg.linalg.det(a).sum()), tg.vmap(tg.hessian(tg.linalg.det))):
            y = f(a).data
            assert np.isnan(y[1:3]).all()
            np.testing.assert_allclose(y[[0, 3]], f(a[[0, 3]]).data, atol=1e-15)


SMOOTH = {
    "nuclear": (lambda x, a: x.linalg.matrix_norm(a, ord="nuc"), ["identity", "rotation", "one pair", "pairs", "distinct"]),
    "frobenius": (lambda x, a: x.linalg.matrix_norm(a), list(MATRICES)[:-1]),
    "spectral": (lambda x, a: x.linalg.matrix_norm(a, ord=2), ["one pair", "distinct"]),
    "smallest": (lambda x, a: x.linalg.matrix_norm(a, ord=-2), ["one pair", "distinct"]),
    "condition": (lambda x, a: x.linalg.cond(a), ["one pair", "distinct"]),
    "singular values": (lambda x, a: (x.linalg.svdvals(a) ** 3).sum(), list(MATRICES)[:-1]),
    "power": (lambda x, a: (x.linalg.matrix_power(a, -2) ** 2).sum(), ["identity", "negative", "rotation", "one pair"]),
    "slogdet": (lambda x, a: x.linalg.slogdet(a)[1], ["identity", "negative", "rotation", "one pair"]),
    "eigenvalues": (lambda x, a: (x.linalg.eigvalsh((a + a.T) / 2) ** 3).sum(), ["identity", "negative", "one pair"]),
    "polar factor": (lambda x, a: _polar(x, a), ["identity", "rotation", "one pair", "pairs", "distinct"]),
}  # fmt: skip


def _polar(x, a):
    u, _, vh = x.linalg.svd(a, full_matrices=False)
    return ((u @ vh) * np.arange(a.size).reshape(a.shape)).sum()


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, (_, names) in SMOOTH.items() for n in names])
def test_smooth_functions_of_singular_values(kind, name):
    f, a = SMOOTH[kind][0], MATRICES[name]
    directions = RNG.normal(size=(3, *a.shape)) / 10
    wanted = slopes(lambda a: f(np, a), a, directions)
    for library in (tg, np):  # NumPy's functions on tensors
        g = tg.grad(lambda a, library=library: f(library, a))(a).data
        np.testing.assert_allclose([(g * d).sum() for d in directions], wanted, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("kind", ["nuclear", "frobenius", "spectral", "smallest", "condition", "power", "slogdet"])
def test_their_second_derivatives(kind):
    f, names = SMOOTH[kind]
    for name in names:
        a = MATRICES[name]
        e, *directions = RNG.normal(size=(3, *a.shape)) / 10
        g = lambda a: tg.grad(lambda a: f(tg, a))(a)
        wanted = slopes(lambda a, e=e, g=g: (g(a).data * e).sum(), a, directions)
        found = tg.hvp(lambda a: f(tg, a), (a,), (e,)).data
        np.testing.assert_allclose([(found * d).sum() for d in directions], wanted, rtol=1e-6, atol=1e-8)


def test_a_projector_onto_the_space_of_equal_eigenvalues():
    q, c = rotation(4, 7), RNG.normal(size=(4, 4))
    a = (q * [1.0, 3, 3, 3]) @ q.T
    directions = [d + d.T for d in RNG.normal(size=(3, 4, 4)) / 10]

    def f(x, a):
        v = x.linalg.eigh(a)[1][:, 1:]
        return ((v @ v.T) * c).sum()

    g = tg.grad(lambda a: f(tg, a))(a).data
    wanted = slopes(lambda a: f(np, a), a, directions)
    np.testing.assert_allclose([(g * d).sum() for d in directions], wanted, rtol=1e-7, atol=1e-8)


def test_what_equal_eigenvalues_leave_out_is_said():
    def f(a):
        w, v = tg.linalg.eigh(a)
        return ((v * tg.exp(w)) @ v.mT * np.arange(9.0).reshape(3, 3)).sum()

    with pytest.warns(
        RuntimeWarning, match="must be differentiated where the values differ; got equal values"
    ) as caught:
        tg.grad(f)(np.eye(3))
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tg.grad(f)(np.diag([1.0, 2, 3]))


def test_polar_factors_by_batches():
    a = np.stack([np.eye(3), rotation(3), RNG.normal(size=(3, 3))])
    for f in (ops.polar, ops.nuclear):
        np.testing.assert_allclose(
            tg.vmap(tg.grad(lambda a, f=f: (f(a) ** 2).sum()))(a).data,
            tg.grad(lambda a, f=f: (f(a) ** 2).sum())(a).data,
            atol=1e-12,
        )


ORDER_ZERO = {
    "vector_norm": (lambda x: tg.linalg.vector_norm(x, 0), lambda x: torch.linalg.vector_norm(x, 0)),
    "norm": (lambda x: tg.linalg.norm(x[0], 0), lambda x: torch.linalg.norm(x[0], 0)),
    "np.linalg.norm": (lambda x: np.linalg.norm(x[0], 0), lambda x: torch.linalg.norm(x[0], 0)),
    "along an axis": (lambda x: tg.linalg.vector_norm(x, 0, axis=1).sum(), lambda x: torch.linalg.vector_norm(x, 0, 1).sum()),
    "matrix_power": (lambda x: tg.linalg.matrix_power(x, 0).sum(), lambda x: torch.linalg.matrix_power(x, 0).sum()),
    "**": (lambda x: (x**0).sum(), lambda x: (x**0).sum()),
    "** 0.0": (lambda x: (x**0.0).sum(), lambda x: (x**0.0).sum()),
    "power": (lambda x: tg.power(x, np.zeros((2, 2))).sum(), lambda x: (x ** torch.zeros(2, 2)).sum()),
}  # fmt: skip


@pytest.mark.parametrize("name", ORDER_ZERO)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("x", [np.zeros((2, 2)), np.array([[0.0, -2], [3, 0]])], ids=["zeros", "mixed"])
def test_norms_and_powers_of_order_zero_keep_a_graph(name, dtype, x):
    ours, theirs = ORDER_ZERO[name]
    t = tg.Tensor(x.astype(dtype), requires_grad=True)
    y = ours(t)
    assert y.requires_grad
    assert y.item() == theirs(torch.tensor(x)).item()
    y.backward()
    assert (t.grad.dtype, t.grad.tolist()) == (dtype, [[0, 0], [0, 0]])
    np.testing.assert_array_equal(tg.hessian(ours)(x).data, np.zeros((2, 2, 2, 2)))


@pytest.mark.parametrize("part", ["L", "U"])
def test_numpy_functions_that_read_one_triangle(part):
    a = RNG.normal(size=(2, 3, 3))
    t = tg.Tensor(a, requires_grad=True)
    np.testing.assert_allclose(np.linalg.eigvalsh(t, UPLO=part).data, np.linalg.eigvalsh(a, UPLO=part), rtol=1e-12)
    np.testing.assert_allclose(np.linalg.eigh(t, UPLO=part)[0].data, np.linalg.eigh(a, UPLO=part)[0], rtol=1e-12)
    np.linalg.eigvalsh(t, UPLO=part).sum().backward()
    np.testing.assert_allclose(t.grad.data, np.broadcast_to(np.eye(3), a.shape), atol=1e-12)
    values = np.linalg.svd(tg.asarray(a), compute_uv=False, hermitian=True)
    np.testing.assert_allclose(values.data, np.linalg.svd(a, compute_uv=False, hermitian=True), rtol=1e-12)
    assert np.linalg.matrix_rank(t).tolist() == [3, 3]
