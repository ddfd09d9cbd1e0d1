"""Sums keep their digits: half precision is added up in float32, float32 along any axis as along the last one."""

import itertools

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim
from tinygrad_edu.sums import BLOCK, total

torch = pytest.importorskip("torch")

SINGLE, HALF = np.finfo(np.float32).eps / 2, np.finfo(np.float16).eps / 2  # of one rounding


def rng():
    return np.random.default_rng(0)


LAYOUTS = {
    "C": lambda x: x,
    "Fortran": np.asfortranarray,
    "reversed": lambda x: x[::-1],
    "reversed last": lambda x: x[..., ::-1],
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "cut": lambda x: np.concatenate([x, x], axis=-1)[..., : x.shape[-1]],
    "transposed": lambda x: x.T,
    "repeated first": lambda x: np.broadcast_to(x[:1], x.shape),
    "repeated last": lambda x: np.broadcast_to(x[..., :1], x.shape),
}
SHAPES = [(40_000,), (300, 301), (40_000, 3), (3, 40_000), (64, 32, 49), (1, 40_000, 1), (513, 3, 5, 9), (40, 0, 3)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.complex64])
def test_total_is_exact_to_some_roundings_along_any_axes_of_any_layout(shape, dtype):
    x = (rng().uniform(0.5, 1.5, shape) / (64 if dtype == np.float16 else 1)).astype(dtype)
    for layout, keepdims in itertools.product(LAYOUTS, (False, True)):
        if layout.startswith("repeated") and not x.size:
            continue
        v = LAYOUTS[layout](x)
        wide = v.astype(complex if dtype == np.complex64 else float)
        for n in range(v.ndim + 1):
            for axis in itertools.combinations(range(v.ndim), n):
                y, exact = total(v, axis=axis, keepdims=keepdims), wide.sum(axis=axis, keepdims=keepdims)
                assert (y.shape, y.dtype) == (exact.shape, v.dtype)
                entries = max(v.size // max(exact.size, 1), 1)
                # in blocks, or NumPy's pairwise sum: 18 for 128 entries, and one for each doubling
                roundings = (BLOCK + 1) if entries > 1 else 0
                bound = HALF * 1.01 + 40 * SINGLE if dtype == np.float16 else SINGLE * (roundings + np.log2(entries))
                assert (np.abs(y - exact) <= bound * np.abs(exact) + 2**-25 * (dtype == np.float16)).all(), layout


@pytest.mark.parametrize("scale", [1e-4, 0.1, 3e4])
@pytest.mark.parametrize("shape", [(10**6,), (10**6, 2), (2, 10**6), (1000, 10, 100), (128, 8, 32, 32)], ids=str)
def test_sums_means_and_variances_of_many_equal_and_unequal_numbers(shape, scale):
    x = (scale * rng().uniform(0.9, 1.1, shape)).astype(np.float32)
    wide = x.astype(np.float64)
    for n in range(1, len(shape) + 1):
        for axis in itertools.combinations(range(len(shape)), n):
            np.testing.assert_allclose(tg.sum(x, axis=axis).data, wide.sum(axis), rtol=50 * SINGLE)
            np.testing.assert_allclose(tg.mean(x, axis=axis).data, wide.mean(axis), rtol=52 * SINGLE)
            if n == len(shape):  # the mean is rounded at a hundred times the deviations: 1e-7 / (2 / sqrt(1200))
                np.testing.assert_allclose(tg.var(x, axis=axis).data, wide.var(axis), rtol=120 * SINGLE)
                np.testing.assert_allclose(tg.std(x, axis=axis).data, wide.std(axis), rtol=120 * SINGLE)
    for axis in range(len(shape)):
        found = tg.cumulative_sum(x, axis=axis).data
        np.testing.assert_allclose(found, wide.cumsum(axis), rtol=2 * SINGLE)


def test_gradients_of_what_was_broadcast_are_as_exact():
    n = 200_000
    for shape in [(2,), (1, 2), (1, 1), ()]:
        b = tg.Tensor(np.zeros(shape, np.float32), requires_grad=True)
        ((tg.Tensor(np.full((n, 2), 0.1, np.float32)) + b) * np.full((n, 2), 0.1, np.float32)).sum().backward()
        entries = n * 2 // b.size
        np.testing.assert_allclose(b.grad.data, np.float64(np.float32(0.1)) * entries, rtol=40 * SINGLE)
    x = np.full((n, 3), 0.1, np.float32)
    layer = nn.Linear(3, 2)
    (layer(x) * np.float32(0.1)).sum().backward()
    np.testing.assert_allclose(layer.bias.grad.data, n * np.float64(np.float32(0.1)), rtol=40 * SINGLE)
    w = tg.Tensor(np.zeros(2, np.float32), requires_grad=True)  # over the examples of a vmap
    tg.vmap(lambda row: (w * row).sum())(x[:, :2]).sum().backward()
    np.testing.assert_allclose(w.grad.data, n * np.float64(np.float32(0.1)), rtol=40 * SINGLE)


def test_entries_that_are_picked_often_add_up_in_double():
    n, value = 200_000, np.float64(np.float32(0.1))
    w = tg.Tensor(np.zeros((3, 2), np.float32), requires_grad=True)
    index = np.arange(n) % 3 // 2  # rows 0 and 1
    rows = [n - n // 3, n // 3, 0]
    for pick in (
        lambda: F.embedding(index, w),
        lambda: w[index],
        lambda: tg.take_along_axis(w, np.stack([index] * 2, 1), axis=0),
    ):
        w.grad = None
        pick().backward(tg.Tensor(np.full((n, 2), 0.1, np.float32)))
        np.testing.assert_allclose(w.grad.data, np.outer(rows, [value] * 2), rtol=2 * SINGLE)


@pytest.mark.parametrize("outputs", [1, 3])
def test_long_products_of_vectors_are_added_up_in_pieces(outputs):
    n, value = 1_000_003, np.float64(np.float32(0.1))
    x = np.full((n, 2), 0.1, np.float32)
    np.testing.assert_allclose((tg.Tensor(x.T) @ x).data, n * value**2, rtol=1024 * SINGLE)
    np.testing.assert_allclose((tg.ones((1, n)) @ x).data, n * value, rtol=1024 * SINGLE)
    layer = nn.Linear(2, outputs)
    (layer(x) * np.float32(0.1)).sum().backward()
    np.testing.assert_allclose(layer.weight.grad.data, n * value**2, rtol=1024 * SINGLE)
    weight = tg.Tensor(np.zeros((2, outputs), np.float32), requires_grad=True)
    ((x @ weight) * np.float32(0.1)).sum().backward()
    np.testing.assert_allclose(weight.grad.data, n * value**2, rtol=1024 * SINGLE)


def test_einsum_adds_products_of_vectors_in_blocks():
    x = np.full((10**5, 2), 0.1, np.float32)
    exact = 10**5 * np.float64(np.float32(0.1)) ** 2
    for subscripts, parts in [("ij,ij->j", 2), ("ij,ij->", 1), ("ij,ij->i", 10**5)]:
        y = tg.einsum(subscripts, x, x).data
        want = exact * (2 if parts == 1 else 1) if parts < 3 else 2 * np.float64(np.float32(0.1)) ** 2
        np.testing.assert_allclose(y, np.full_like(y, want, np.float64), rtol=50 * SINGLE)


def vectors(*shapes, scale=1.0, seed=0):
    r = np.random.default_rng(seed)
    return [(scale * r.standard_normal(s)).astype(np.float16) for s in shapes]


POSITIVE = [np.abs(v) + np.float16(0.1) for v in vectors((30, 300))]
LABELS = np.arange(70) % 5
# name: a function of arrays, arrays in float16
HALVES = {
    "sum": (lambda x: tg.sum(x, axis=0), POSITIVE),
    "mean": (lambda x: tg.mean(x, axis=1), vectors((3, 4096), scale=200)),
    "mean of a product beyond the largest half": (lambda x: tg.mean(x * 1), [np.full(70_000, 100, np.float16)]),
    "var": (lambda x: tg.var(x, axis=1), [vectors((3, 900))[0] * np.float16(200)]),
    "std": (lambda x: tg.std(x, axis=0), vectors((900, 3), scale=300)),
    "prod": (lambda x: tg.prod(x, axis=1), [1 + vectors((3, 60))[0] / np.float16(64)]),
    "cumulative_sum": (lambda x: tg.cumulative_sum(x, axis=0), POSITIVE),
    "logsumexp": (lambda x: tg.logsumexp(x, axis=0), vectors((4096, 2))),
    "vecdot": (lambda a, b: tg.vecdot(a, b), vectors((4, 4096), (4, 4096))),
    "einsum": (lambda a, b: tg.einsum("ij,ij->i", a, b), [np.abs(v) for v in vectors((4, 4096), (4, 4096))]),
    "matmul": (lambda a, b: a @ b, [np.abs(v) for v in vectors((4, 4096), (4096, 2))]),
    "tensordot": (lambda a, b: tg.tensordot(a, b, 1), [np.abs(v) for v in vectors((4, 4096), (4096, 2))]),
    "vector norm": (lambda x: tg.linalg.vector_norm(x, axis=1), vectors((4, 4096), scale=300)),
    "3-norm": (lambda x: tg.linalg.vector_norm(x, 3, axis=1), vectors((4, 4096), scale=100)),
    "softmax": (lambda x: F.softmax(x, 0), vectors((4096, 3))),
    "softmax of large scores": (lambda x: F.softmax(x, 1), [1000 + vectors((3, 40))[0] * np.float16(2)]),
    "log_softmax": (lambda x: F.log_softmax(x, 0), vectors((4096, 3))),
    "layer_norm": (lambda x: F.layer_norm(x, 900), vectors((3, 900), scale=300)),
    "rms_norm": (lambda x: F.rms_norm(x, 900, eps=1e-6), vectors((3, 900), scale=300)),
    "group_norm": (lambda x: F.group_norm(x, 2), vectors((3, 4, 200), scale=300)),
    "batch_norm": (lambda x: F.batch_norm(x, None, None, training=True), vectors((900, 3), scale=300)),
    "normalize": (lambda x: F.normalize(x, axis=0), vectors((900, 3), scale=300)),
    "cosine_similarity": (lambda a, b: F.cosine_similarity(a, b, 1), vectors((3, 900), (3, 900), scale=300)),
    "linear": (lambda x, w, b: F.linear(x, w, b), [np.abs(v) for v in vectors((4, 4096), (2, 4096), (2,))]),
    "bias": (lambda b: F.linear(np.ones((8192, 2), np.float16), np.ones((3, 2), np.float16), b), vectors((3,))),
    "conv1d": (lambda x, w: F.conv1d(x, w), [np.abs(v) for v in vectors((1, 512, 6), (2, 512, 3))]),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 32), [np.full((1, 2, 64, 64), 200, np.float16)]),
    "mse_loss": (lambda x: F.mse_loss(x, np.zeros(70_000, np.float16)), vectors((70_000,))),
    "mse_loss of a large difference": (lambda x: F.mse_loss(x, np.zeros(90, np.float16)), [np.r_[300, [1] * 89].astype("e")]),
    "l1_loss": (lambda x: F.l1_loss(x, np.zeros(70_000, np.float16)), vectors((70_000,))),
    "bce": (lambda x: F.binary_cross_entropy_with_logits(x, np.zeros(70_000, np.float16)), vectors((70_000,))),
    "cross_entropy": (lambda x: F.cross_entropy(x, LABELS), vectors((70, 5), scale=4)),
    "smoothed cross_entropy": (lambda x: F.cross_entropy(x, LABELS, label_smoothing=0.1), vectors((70, 5), scale=4)),
    "embedding": (lambda w: F.embedding(np.zeros(5000, int), w), vectors((2, 3))),
    "take": (lambda x: x[np.zeros(5000, int)], vectors((2, 3))),
    "met again": (lambda x: sum([x * 0.001 for _ in range(3000)], tg.zeros(3, dtype=x.dtype) * 0), vectors((3,))),
}  # fmt: skip


@pytest.mark.parametrize("name", HALVES)
def test_half_precision_is_added_up_in_single(name):
    """Value and gradient within a few roundings of half precision of what float64 computes."""
    f, arrays = HALVES[name]
    half = [tg.Tensor(a, requires_grad=True) for a in arrays]
    wide = [tg.Tensor(a.astype(np.float64), requires_grad=True) for a in arrays]
    y, exact = f(*half), f(*wide)
    assert y.dtype == np.float16
    if name != "met again":  # a sum by hand is rounded each time
        np.testing.assert_allclose(y.data, exact.data, rtol=4 * HALF, atol=4 * HALF * abs(exact.data).max() / 8)
    g = (
        np.ones(y.shape, np.float16)
        if name in ("bias", "embedding", "take", "met again")
        else vectors(y.shape, seed=1)[0]
    )
    y.backward(tg.Tensor(g))
    exact.backward(tg.Tensor(g.astype(np.float64)))
    for a, b in zip(half, wide, strict=True):
        assert a.grad.dtype == np.float16
        top = np.abs(b.grad.data).max()
        np.testing.assert_allclose(a.grad.data, b.grad.data, rtol=8 * HALF, atol=8 * HALF * top + 2**-24)


OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, lr=0.01),
    "momentum": lambda p: optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": lambda p: optim.Adam(p, lr=0.01),
    "amsgrad": lambda p: optim.Adam(p, lr=0.01, amsgrad=True, weight_decay=0.01),
    "AdamW": lambda p: optim.AdamW(p, lr=0.01),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.01),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.01),
    "centered": lambda p: optim.RMSprop(p, lr=0.01, centered=True, momentum=0.9),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("scale", [0.0, 1e-6, 1.0, 3e4])
@pytest.mark.parametrize("size", [3, 40_000])
def test_optimizers_keep_the_state_of_half_precision_in_single(name, scale, size):
    """Small eps and squares of small and large gradients are neither 0 nor infinite."""
    start = vectors((size,))[0]
    params = [[tg.Tensor(start.astype(d), requires_grad=True), tg.Tensor([1.0], dtype=d, requires_grad=True)]
              for d in (np.float16, np.float32)]  # fmt: skip
    half, single = (OPTIMIZERS[name](p) for p in params)
    for k in range(5):
        g = (scale * np.cos(np.arange(size) + k)).astype(np.float16)
        for ps in params:
            for p in ps:
                p.grad = tg.Tensor(g[: p.size].astype(p.dtype))
        half.step()
        single.step()
        if k == 2:  # a state that was saved, and one that was saved in half precision, can be loaded
            again = OPTIMIZERS[name](params[0])
            again.load_state_dict(half.state_dict())
            half = again
    for p, q in zip(*params, strict=True):
        assert p.dtype == np.float16
        for key, kept in half.state.get(p, {}).items():
            if key != "step":
                assert kept.dtype == np.float32
        # five times a parameter of half precision is rounded
        np.testing.assert_allclose(p.data, q.data, rtol=8 * HALF, atol=8 * HALF * max(1, abs(q.data).max()) / 2)


def test_clipping_gradients_of_half_precision():
    w = nn.Parameter(np.zeros(4096, np.float16))
    w.grad = tg.Tensor(np.full(4096, 60_000, np.float16))
    assert nn.utils.clip_grad_norm_([w], 1.0).item() == pytest.approx(60_000 * 64)
    np.testing.assert_allclose(w.grad.data, 1 / 64, rtol=2 * HALF)


@pytest.mark.parametrize(
    ("dtype", "scores"), [(np.float16, 1e3), (np.float16, 6e4), (np.float32, 1e8), (np.float32, 1e30)]
)
@pytest.mark.parametrize("axis", [0, 1])
def test_softmax_of_large_scores(dtype, scores, axis):
    x = np.full((5, 4), scores, dtype)
    x[1] -= dtype(scores / 1e3)
    x = tg.Tensor(x, requires_grad=True)
    y = F.softmax(x, axis)
    want = torch.softmax(torch.from_numpy(x.data.astype(np.float64)), axis).numpy()
    np.testing.assert_allclose(y.data, want, rtol=4 * np.finfo(dtype).eps, atol=np.finfo(dtype).smallest_subnormal)
    np.testing.assert_allclose(y.data.astype(float).sum(axis), 1, rtol=4 * np.finfo(dtype).eps)
    logs = torch.log_softmax(torch.from_numpy(x.data.astype(np.float64)), axis).numpy()
    np.testing.assert_allclose(F.log_softmax(x, axis).data, logs, rtol=2 * np.finfo(dtype).eps)
    z = tg.logsumexp(x, axis=axis)
    z.backward(tg.ones(z.shape, dtype=dtype))
    np.testing.assert_allclose(x.grad.data, want, rtol=4 * np.finfo(dtype).eps, atol=np.finfo(dtype).smallest_subnormal)


def test_means_of_integers_and_truth_values():
    ns = np.array([1_700_000_000_000_000_000] * 8, np.int64)
    assert tg.mean(ns).item() == 1.7e18
    assert (tg.var(ns).item(), tg.std(ns).item()) == (0, 0)
    assert tg.mean(np.array([True, False])).item() == 0.5
    assert tg.mean(np.array([250, 250], np.uint8)).item() == 250
    assert tg.std(np.array([[True, False]]), axis=1).item() == 0.5


def test_complex_constants_as_the_array_api_has_them():
    r = rng()
    a, b = (r.standard_normal((4, 3)) + 1j * r.standard_normal((4, 3)) for _ in range(2))
    a[0, 0] = 0
    np.testing.assert_allclose(tg.var(a, axis=0).data, np.var(a, axis=0))
    np.testing.assert_allclose(tg.std(a, axis=1, correction=1).data, np.std(a, axis=1, ddof=1))
    np.testing.assert_allclose(tg.vecdot(a, b).data, np.vecdot(a, b))
    np.testing.assert_allclose(tg.vecdot(a, b, axis=0).data, np.vecdot(a, b, axis=0))
    np.testing.assert_allclose(tg.sign(a).data, np.sign(a))
    np.testing.assert_allclose(tg.mean(a, axis=0).data, a.mean(0))


@pytest.mark.parametrize("low", [0, 0.0, None, np.int64(0), np.array([0, 1]), [0, 1], np.array(False), np.float32(0)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_clip_by_integers_keeps_the_dtype(low, dtype):
    if getattr(low, "dtype", None) == np.float32 and dtype == np.float16:
        return
    x = tg.Tensor(np.array([-1, 2], dtype), requires_grad=True)
    for y in (tg.clip(x, low, 3), tg.clip(x, low, np.int64(3)), x.clip(low, None if low is not None else np.uint8(3))):
        assert y.dtype == dtype
        np.testing.assert_array_equal(y.data, np.clip([-1, 2], low, 3))
        y.sum().backward()
    assert tg.clip(np.array([1, 5]), 0, 3).dtype == np.int64


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1.0, 1e20, 1e37])
def test_norms_of_small_and_large_vectors(scale):
    """Value and gradient as of the same vectors at scale 1: norms are homogeneous."""
    a, b = (rng().standard_normal((2, 3, 4)) + 0.1).astype(np.float32)
    eps = 1e-8 * min(scale, 1)
    for f, power in [
        (lambda x, y, e: F.cosine_similarity(x, y, 1, e), 0),
        (lambda x, y, e: F.normalize(x, axis=1, eps=e), 0),
        (lambda x, y, e: F.normalize(x, p=3, axis=0, eps=e), 0),
        (lambda x, y, e: tg.linalg.vector_norm(x, axis=1), 1),
        (lambda x, y, e: tg.linalg.norm(x), 1),
        (lambda x, y, e: tg.linalg.vector_norm(x, 3, axis=0), 1),
        (lambda x, y, e: tg.linalg.vector_norm(x - y, axis=1), 1),
        (lambda x, y, e: tg.hypot(x, y), 1),
        (lambda x, y, e: tg.std(x, axis=1), 1),
    ]:  # fmt: skip
        results = []
        for s, dtype in ((scale, np.float32), (1.0, np.float64)):
            xs = [tg.Tensor((v * dtype(s)).astype(dtype), requires_grad=True) for v in (a, b)]
            y = f(*xs, eps if s == scale else 1e-8)
            y.sum().backward()
            results.append([y.data / s**power] + [x.grad.data * s ** (1 - power) for x in xs if x.grad is not None])
        for got, want in zip(*results, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


def test_an_empty_batch_leaves_running_statistics_alone():
    for layer, shape in [(nn.BatchNorm1d(3), (0, 3)), (nn.BatchNorm1d(3, momentum=None), (0, 3, 5)), (nn.BatchNorm2d(3), (0, 3, 2, 2)),
                         (nn.BatchNorm2d(3), (2, 3, 0, 2)), (nn.GroupNorm(1, 3), (0, 3, 4)), (nn.LayerNorm(3), (0, 3)),
                         (nn.RMSNorm(3), (0, 3))]:  # fmt: skip
        before = {k: np.array(v.data) for k, v in layer.named_buffers()}
        for mode in (layer.train, layer.eval):
            mode()
            x = tg.Tensor(np.zeros(shape, np.float32), requires_grad=True)
            y = layer(x)
            assert y.shape == shape
            y.sum().backward()
            assert x.grad.shape == shape
            for p in layer.parameters():
                np.testing.assert_array_equal(p.grad.data, 0)
        for k, v in layer.named_buffers():
            np.testing.assert_array_equal(v.data, before[k])


def _value_and_gradients(f, xs, dtype):
    tensors = [tg.Tensor(x.astype(dtype), requires_grad=True) for x in xs]
    y = f(*tensors)
    assert y.dtype == dtype
    y.sum().backward()
    return [np.asarray(t.data, np.float64) for t in (y, *[t.grad for t in tensors])]


WINDOWS = {
    "avg_pool1d": (lambda x: F.avg_pool1d(x, 900, 1), (1, 1, 2000)),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 40, 1), (1, 1, 60, 60)),
    "conv2d of entries": (lambda x, w: F.conv2d(x, w), (500, 2, 16, 16), (3, 2, 1, 1)),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_wide_windows_and_many_examples_keep_the_digits_of_float32(name):
    f, *shapes = WINDOWS[name]
    rng = np.random.default_rng(0)  # of numbers at random, BLAS rounds the sum of an example's entries at random, too
    xs = [rng.uniform(0.05, 0.15, shape).astype(np.float32) for shape in shapes]
    single, double = (_value_and_gradients(f, xs, dtype) for dtype in (np.float32, np.float64))
    for a, b in zip(single, double, strict=True):
        np.testing.assert_allclose(a, b, rtol=3e-7)


STEPS = {
    "prod": (tg.prod, (500,)),
    "cumulative_prod": (tg.cumulative_prod, (500,)),
    "cross": (tg.linalg.cross, (40, 3), (40, 3)),
    "gradient": (np.gradient, (200,)),
    "gradient of a square": (lambda x: np.gradient(x)[1], (20, 20)),
    "gradient, uneven": (lambda x: np.gradient(x, 1e5 + np.arange(200) ** 1.5, edge_order=2), (200,)),
    "trapezoid": (np.trapezoid, (4000,)),
    "interpolate": (lambda x: F.interpolate(x.reshape(1, 1, 20, 20), scale_factor=3, mode="bicubic"), (400,)),
    "tanhshrink": (F.tanhshrink, (100,)),
    "glu": (F.glu, (100,)),
}


@pytest.mark.parametrize("name", STEPS)
def test_what_is_made_of_several_steps_rounds_float16_once(name):
    f, *shapes = STEPS[name]
    rng = np.random.default_rng(0)
    near = 1 if "prod" in name else 0
    xs = [(rng.normal(size=shape) * 0.05 + near).astype(np.float16) for shape in shapes]
    half, double = (_value_and_gradients(f, xs, dtype) for dtype in (np.float16, np.float64))
    for a, b in zip(half, double, strict=True):
        exact = b.astype(np.float16).astype(np.float64)
        assert np.all(np.abs(a - exact) <= np.spacing(np.abs(exact).astype(np.float16)) + 1e-6 * np.abs(exact).max())
    for x in xs:  # beside a wider operand the result is as wide
        assert f(*[x.astype(np.float32)] * len(xs)).dtype == np.float32
