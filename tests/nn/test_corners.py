"""Corner cases as rows of one table: numbers without axes, ties, singular matrices, empty, huge and tiny entries, half
precision. Each is compared with PyTorch in float64: value, gradient, second derivative, and examples of a batch."""

import zlib
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F

torch = pytest.importorskip("torch")
T, L = torch.nn.functional, torch.linalg
pytestmark = pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")


class Row(NamedTuple):
    ours: Any
    theirs: Any
    inputs: tuple[Any, ...]
    dtypes: str = "fd"
    twice: bool = True  # whether it is smooth enough for a second derivative that both have


def rotation(n, m=None):
    return np.linalg.qr(np.random.default_rng(n).normal(size=(n, m or n)))[0]


C, SINGULAR = np.array([[2.0, 1.0], [0.5, 3.0], [1.0, -1.0]]), np.outer([1.0, 2.0, -1.0], [3.0, 0.5, 1.0])
SCORES, HALVES = np.array([[1.0, -2.0, 0.5], [3.0, 3.0, -1.0]]), np.array([[300.0, -300.0, 200.0, 100.0]])
NONE = np.array([[0.0, 0.3, 0.7], [1.0, 0.0, 0.0]])
LONG, EMPTY = np.sin(np.arange(4096.0)) + 1.5, np.zeros((0, 3))
ROWS: dict[str, Row] = {}


def row(name, ours, theirs, *inputs, **more):
    ROWS[name] = Row(ours, theirs, inputs, **more)


for axis in (0, -1):
    row(f"softmax of a number {axis}", lambda x, a=axis: F.softmax(x, a), lambda x, a=axis: T.softmax(x, a), 3.0)
    row(f"log_softmax of a number {axis}", lambda x, a=axis: F.log_softmax(x, a), lambda x, a=axis: T.log_softmax(x, a), -2.0)  # fmt: skip
    row(f"normalize of a number {axis}", lambda x, a=axis: F.normalize(x, axis=a), lambda x, a=axis: T.normalize(x, dim=a), -3.0)  # fmt: skip
    row(f"cosine of numbers {axis}", lambda x, y, a=axis: F.cosine_similarity(x, y, a), lambda x, y, a=axis: T.cosine_similarity(x, y, a), -3.0, 2.0)  # fmt: skip
for p in (1.0, 3.0, np.inf):
    row(f"normalize {p} of a number", lambda x, p=p: F.normalize(x, p, 0), lambda x, p=p: T.normalize(x, p, 0), -3.0)
for reduction in ("none", "sum", "mean", "batchmean"):
    row(f"kl_div {reduction} of numbers", lambda x, y, r=reduction: F.kl_div(x, y, r), lambda x, y, r=reduction: T.kl_div(x, y, reduction=r), -1.0, 0.5)  # fmt: skip
    row(f"kl_div {reduction} of no probability", lambda x, r=reduction: F.kl_div(x, NONE.astype(x.dtype), r), lambda x, r=reduction: T.kl_div(x, torch.tensor(NONE), reduction=r), SCORES)  # fmt: skip
    row(f"kl_div {reduction} of logarithms", lambda x, y, r=reduction: F.kl_div(x, y, r, log_target=True), lambda x, y, r=reduction: T.kl_div(x, y, reduction=r, log_target=True), -1.0, -0.5)  # fmt: skip
row("prelu of a number", F.prelu, T.prelu, -3.0, [0.25])
row("prelu of a vector", F.prelu, T.prelu, [-3.0, 2.0], [0.25])
row("prelu of each channel", F.prelu, T.prelu, SCORES, [0.25, 0.5, -1.0])

row("cosine, huge", lambda x, y: F.cosine_similarity(x * 1e20, y * 1e20, 1), lambda x, y: T.cosine_similarity(x, y, 1), C, C[::-1])  # fmt: skip
row("cosine, huge inputs", lambda x, y: F.cosine_similarity(x, y, 0), lambda x, y: T.cosine_similarity(x, y, 0), [1e20, 3e20], [2e20, -1e20], twice=False)  # fmt: skip
row("cosine of rows and a row", lambda x, y: F.cosine_similarity(x, y, 1), lambda x, y: T.cosine_similarity(x, y, 1), C, C[0])  # fmt: skip
row("cosine along an axis that broadcasts", lambda x, y: F.cosine_similarity(x, y, -2), lambda x, y: T.cosine_similarity(x, y, -2), C[None], C[:1, None])  # fmt: skip
row("cosine of a row and of numbers", lambda x, y: F.cosine_similarity(x, y, 1), lambda x, y: T.cosine_similarity(x, y, 1), C[:1], C[:, :1])  # fmt: skip
row("distance along an axis that broadcasts", F.pairwise_distance, T.pairwise_distance, C, C[:1, :1])
row("triplet along an axis that broadcasts", F.triplet_margin_loss, T.triplet_margin_loss, C, C[:, :1] + 1, C[:1] - 1)
row("average pooling by a negative divisor", lambda x: F.avg_pool2d(x, 2, 1, divisor_override=-2), lambda x: T.avg_pool2d(x, 2, 1, divisor_override=-2), C[None])  # fmt: skip
for mode in ("replicate", "reflect", "circular"):
    for width in ((-2, 1), (1, -1), (-1, -1), (2, -2, -1, 1)):
        x = np.tile(C, (2, 3))[None, None] if len(width) == 4 else np.tile(C, (1, 3))[None]
        row(f"pad {mode} {width}", lambda x, w=width, m=mode: F.pad(x, w, m), lambda x, w=width, m=mode: T.pad(x, w, m), x)  # fmt: skip
row("pad replicate past the input", lambda x: F.pad(x, (-2, 3), "replicate"), lambda x: T.pad(x, (-2, 3), "replicate"), C)  # fmt: skip
for p in (1, 2):
    row(f"multi_margin_loss {p} of a number", lambda x, p=p: F.multi_margin_loss(x, 0, p), lambda x, p=p: T.multi_margin_loss(x, torch.tensor(0), p), 1.5, twice=False)  # fmt: skip
    row(f"multi_margin_loss {p} of one example", lambda x, p=p: F.multi_margin_loss(x, [1], p), lambda x, p=p: T.multi_margin_loss(x, torch.tensor([1]), p), C[0], twice=False)  # fmt: skip
row("multilabel_margin_loss of a number", lambda x: F.multilabel_margin_loss(x, 0), lambda x: T.multilabel_margin_loss(x, torch.tensor(0)), 1.5, twice=False)  # fmt: skip
for axis in (0, -1):
    row(f"logsumexp of a number {axis}", lambda x, a=axis: tg.logsumexp(x, a), lambda x, a=axis: torch.logsumexp(x, a), -3.0)  # fmt: skip
    row(f"topk of a number {axis}", lambda x, a=axis: tg.topk(x, 1, a)[0], lambda x, a=axis: torch.topk(x, 1, a)[0], -3.0)  # fmt: skip
    row(f"gather of a number {axis}", lambda x, a=axis: tg.gather(x, a, [0, 0]), lambda x, a=axis: torch.gather(x, a, torch.tensor([0, 0])), -3.0)  # fmt: skip
    row(f"scatter_add of a number {axis}", lambda x, y, a=axis: tg.scatter_add(x, a, 0, y), lambda x, y, a=axis: torch.scatter_add(x, a, torch.tensor(0), y), -3.0, 2.0)  # fmt: skip
    row(f"index_add of a number {axis}", lambda x, y, a=axis: tg.index_add(x, a, [0], y, alpha=3), lambda x, y, a=axis: torch.index_add(x, a, torch.tensor([0]), y, alpha=3), -3.0, 2.0)  # fmt: skip
for size in ((0, 0), (3, 0), (0, 3), (2, 0, 3)):
    none = np.zeros(size)
    row(f"svd of nothing {size}", lambda x: tg.linalg.svdvals(x), lambda x: L.svdvals(x), none)
    for full in (True, False):
        row(f"singular vectors of nothing {size} {full}", lambda x, f=full: tg.linalg.svd(x, f)[2], lambda x, f=full: L.svd(x, f)[2], none, twice=False)  # fmt: skip
    row(f"pinv of nothing {size}", tg.linalg.pinv, L.pinv, none)
    row(f"qr of nothing {size}", lambda x: tg.linalg.qr(x)[1], lambda x: L.qr(x)[1], none)
    for ord in ("fro", "nuc", 2, 1, np.inf):
        row(f"norm {ord} of nothing {size}", lambda x, o=ord: tg.linalg.matrix_norm(x, o) + 0 * x.sum(), lambda x, o=ord: L.matrix_norm(x, o) + 0 * x.sum(), none, twice=False)  # fmt: skip
    if size == (0, 0):
        for name in ("det", "inv", "cholesky", "eigvalsh"):
            row(f"{name} of nothing {size}", getattr(tg.linalg, name), getattr(L, name), none)
row("cosine of the same", lambda x: F.cosine_similarity(x, x, 0), lambda x: T.cosine_similarity(x, x, 0), [1.0, -2.0], twice=False)  # fmt: skip
row("normalize, tiny", lambda x: F.normalize(x, axis=0, eps=1e-40), lambda x: T.normalize(x, dim=0, eps=1e-40), [3e-30, -4e-30], twice=False)  # fmt: skip
row("softmax, huge", lambda x: F.softmax(x * 1e8, 1), lambda x: T.softmax(x * 1e8, 1), SCORES, twice=False)
row("log_softmax, huge", lambda x: F.log_softmax(x * 1e8, 1), lambda x: T.log_softmax(x * 1e8, 1), SCORES, twice=False)
row("softmax, masked", lambda x: F.softmax(tg.where(x > 2, x, -np.inf), 1), lambda x: T.softmax(torch.where(x > 2, x, -np.inf), 1), SCORES[1:], twice=False)  # fmt: skip
row("clip by integers", lambda x: tg.clip(x, -1, 2), lambda x: torch.clip(x, -1, 2), SCORES)
row("softmax of nothing", lambda x: F.softmax(x, 1), lambda x: T.softmax(x, 1), EMPTY)
row("normalize of nothing", lambda x: F.normalize(x, axis=1), lambda x: T.normalize(x, dim=1), EMPTY)
row("mean over an axis of nothing", lambda x: x.mean(1), lambda x: x.mean(1), EMPTY)
row("layer_norm of nothing", lambda x: F.layer_norm(x, 3), lambda x: T.layer_norm(x, (3,)), EMPTY)

for name, matrix in {
    "identity": np.eye(3), "-identity": -np.eye(2), "rotation": rotation(3), "orthonormal columns": rotation(4, 2),
    "orthonormal rows": rotation(4, 2).T, "permutation": np.eye(3)[[2, 0, 1]], "two equal values": np.diag([2.0, 2.0, 1.0]),
    "reflection": np.diag([1.0, -1.0]), "plain": C,
}.items():  # fmt: skip
    full = min(matrix.shape)
    row(f"pinv of {name}", tg.linalg.pinv, L.pinv, matrix)
    row(f"pinv of a product with {name}", lambda a, b: tg.linalg.pinv(a @ b), lambda a, b: L.pinv(a @ b), matrix[:, :1], matrix[:1], twice=False)  # fmt: skip
    row(
        f"nuclear norm of {name}",
        lambda x: tg.linalg.norm(x, "nuc"),
        lambda x: torch.trace(_root(x)),
        matrix,
        dtypes="d",
    )
    row(f"Frobenius norm of {name}", lambda x: tg.linalg.norm(x), lambda x: L.norm(x), matrix)
    if matrix.shape[0] == matrix.shape[1]:
        row(f"det of {name}", tg.linalg.det, L.det, matrix)
        for k in (-2, -1, 0, 1, 3):
            row(f"power {k} of {name}", lambda x, k=k: tg.linalg.matrix_power(x, k) + 0 * x, lambda x, k=k: L.matrix_power(x, k) + 0 * x, matrix)  # fmt: skip
for k, matrix in enumerate([SINGULAR, np.zeros((3, 3)), np.ones((3, 3)), np.diag([1.0, 0.0, 0.0])]):
    row(f"det of singular {k}", tg.linalg.det, _det := lambda x: L.cross(x[0], x[1], dim=0) @ x[2], matrix)
    row(f"det of a product, singular {k}", lambda a, b: tg.linalg.det(a @ b), lambda a, b: _det(a @ b), matrix, rotation(3))  # fmt: skip
row("pinv of a product of rank 1", lambda a, b: tg.linalg.pinv(a @ b.mT), lambda a, b: L.pinv(a @ b.mT), np.outer([1.0, 2, 3], [1, -1.0]), C, dtypes="d", twice=False)  # fmt: skip
row("vector norm 0", lambda x: tg.linalg.vector_norm(x, 0) + 0 * x.sum(), lambda x: L.vector_norm(x, 0) + 0 * x.sum(), [1.0, 0.0, -2.0])  # fmt: skip
row("power 0", lambda x: x**0 + 0 * x, lambda x: x**0 + 0 * x, [1.0, 0.0, -2.0])
row("norm at 0", lambda x: tg.linalg.vector_norm(x), lambda x: L.vector_norm(x), [0.0, 0.0], twice=False)

row("half layer_norm", lambda x: F.layer_norm(x, 4), lambda x: T.layer_norm(x, (4,)), HALVES, dtypes="efd")
row("half rms_norm", lambda x: F.rms_norm(x, 4), lambda x: T.rms_norm(x, (4,)), HALVES, dtypes="efd")
row("half softmax, many rows", lambda x: F.softmax(x, 0), lambda x: T.softmax(x, 0), LONG, dtypes="efd")
row("half mean", lambda x: x.mean(), lambda x: x.mean(), LONG * 20, dtypes="efd")
row("half norm", lambda x: tg.linalg.vector_norm(x), lambda x: L.vector_norm(x), LONG * 200, dtypes="efd")
row("half variance", lambda x: x.var(correction=1), lambda x: x.var(), HALVES / 2, dtypes="efd")
row("half mse", lambda x, y: F.mse_loss(x, y), lambda x, y: T.mse_loss(x, y), LONG, -LONG * 3, dtypes="efd")
row("half linear", F.linear, T.linear, np.tile(SCORES, (2048, 1)) / 8, rotation(3), [1.0, 2.0, 3.0], dtypes="efd", twice=False)  # fmt: skip
row("half cross_entropy", lambda x: F.cross_entropy(x, np.arange(4)), lambda x: T.cross_entropy(x, torch.arange(4)), np.tile(LONG[:1000], (4, 1)), dtypes="efd")  # fmt: skip


def _root(x):
    """(x.T x) ** (1/2), by Newton's iteration, which has a derivative where singular values are equal."""
    a = x.mT @ x if x.shape[0] >= x.shape[1] else x @ x.mT
    scale = torch.trace(a).detach()
    y, z, one = a / scale, torch.eye(a.shape[0], dtype=a.dtype), torch.eye(a.shape[0], dtype=a.dtype)
    for _ in range(30):
        t = (3 * one - z @ y) / 2
        y, z = y @ t, t @ z
    return y * scale**0.5


def cotangent(name, shape):
    return np.random.default_rng(zlib.crc32(name.encode())).normal(size=shape)


def theirs(name, arrays, twice):
    """By PyTorch in float64: the value, gradients, and the gradients of a combination of these."""
    xs = [torch.tensor(a.astype(np.float64), requires_grad=True) for a in arrays]
    y = ROWS[name].theirs(*xs)
    g = torch.autograd.grad((y * torch.tensor(cotangent(name, tuple(y.shape)))).sum(), xs, create_graph=twice)
    found = [y, *g]
    if twice:
        total = sum((a * torch.tensor(cotangent(name + str(k), tuple(a.shape)))).sum() for k, a in enumerate(g))
        total = total + 0 * xs[0].sum()  # of a linear function PyTorch's gradient has no graph
        found += [
            torch.zeros_like(x) if h is None else h
            for x, h in zip(xs, torch.autograd.grad(total, xs, allow_unused=True), strict=True)
        ]
    return [a.detach().numpy() for a in found]


def ours(name, xs, twice):
    def first(*xs):
        return (ROWS[name].ours(*xs) * cotangent(name, ROWS[name].ours(*xs).shape)).sum()

    def second(*xs):
        g = tg.grad(first, tuple(range(len(xs))))(*xs)
        return sum((a * cotangent(name + str(k), a.shape)).sum() for k, a in enumerate(g))

    numbers = tuple(range(len(xs)))
    found = [ROWS[name].ours(*xs), *tg.grad(first, numbers)(*xs)]
    return found + list(tg.grad(second, numbers)(*xs)) if twice else found


CASES = [(name, dtype) for name, r in ROWS.items() for dtype in r.dtypes]


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_values_and_derivatives_are_those_of_pytorch(name, dtype):
    arrays = [np.array(a, dtype) for a in ROWS[name].inputs]
    twice = ROWS[name].twice and dtype == "d"
    found = ours(name, [tg.Tensor(a) for a in arrays], twice)
    for a, b in zip(found, theirs(name, arrays, twice), strict=True):
        assert a.shape == b.shape
        assert a.dtype == dtype
        scale = np.max(np.abs(b), initial=0)
        scale = scale if scale > 1e-12 else 1.0  # what is 0 but for rounding
        np.testing.assert_allclose(a.data / scale, b / scale, rtol=0, atol={"e": 2e-3, "f": 2e-5, "d": 1e-9}[dtype])


@pytest.mark.parametrize("name", [name for name, r in ROWS.items() if "nothing" not in name and "half" not in name])
def test_in_a_batch_and_in_forward_mode(name):
    arrays = [np.array(a, float) for a in ROWS[name].inputs]
    f, batch = ROWS[name].ours, [np.stack([a, a * 2, a]) for a in arrays]

    def gradients(*xs):
        return tg.grad(lambda *xs: (f(*xs) * f(*xs)).sum(), tuple(range(len(xs))))(*xs)

    for of in (f, gradients):
        whole, each = tg.vmap(of)(*batch), [of(*map(tg.Tensor, example)) for example in zip(*batch, strict=True)]
        for a, *parts in zip(*[x if isinstance(x, tuple) else (x,) for x in (whole, *each)], strict=True):
            np.testing.assert_allclose(a.data, np.stack([p.data for p in parts]), rtol=1e-9, atol=1e-9)
    moves = [cotangent(name, a.shape) for a in arrays]
    _, moved = tg.jvp(f, tuple(arrays), tuple(moves))
    y, pull = tg.vjp(f, *arrays)
    c = cotangent(name + "c", y.shape)
    want = sum(np.sum(g.data * m) for g, m in zip(pull(c), moves, strict=True))
    np.testing.assert_allclose(np.sum(moved.data * c), want, rtol=1e-9, atol=1e-9 * (1 + np.max(np.abs(y.data))))


@pytest.mark.parametrize("f", [F.softmax, F.log_softmax, F.normalize])
def test_a_number_is_a_row_but_has_one_axis_only(f):
    with pytest.raises(tg.errors.AxisError):
        f(tg.Tensor(3.0), axis=1)
