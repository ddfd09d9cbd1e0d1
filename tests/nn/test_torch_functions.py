"""Functions of `torch.nn.functional` that are no layer's, or have settings that a layer has not; and every name."""

import inspect
import re
from functools import partial
from itertools import groupby, product

import numpy as np
import pytest
from scipy.spatial.distance import pdist

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu.interop.pytorch import FUNCTIONAL

from .parity import arrays, compare_functions, same

torch = pytest.importorskip("torch")
TF = torch.nn.functional
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:torch")


def test_each_name_is_here_or_answered():
    theirs = {n for n, x in vars(TF).items() if n[0] != "_" and callable(x) and not inspect.isclass(x)}
    theirs -= {"Optional"}
    assert sorted(n for n in theirs if hasattr(F, n) == (n in FUNCTIONAL)) == []
    assert sorted(n for n in theirs if not hasattr(F, n) and n not in FUNCTIONAL) == []


@pytest.mark.parametrize("name", sorted(FUNCTIONAL))
def test_a_name_that_is_not_here_says_what_to_use(name):
    with pytest.raises(AttributeError) as error:
        getattr(F, name)
    assert str(error.value) == f"F: has no attribute {name!r}; {FUNCTIONAL[name]}"
    assert [n for n in re.findall(r"F\.(\w+)", FUNCTIONAL[name]) if not hasattr(F, n)] == []


CORNERS, PADDINGS = [False, True], ["zeros", "border", "reflection"]


@pytest.mark.parametrize("corners", CORNERS)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_grid_sample(mode, padding, corners):
    settings = {"mode": mode, "padding_mode": padding, "align_corners": corners}
    for n in (2, 3)[: 1 if mode == "bicubic" else 2]:
        x, grid = arrays(n, (2, 3, 4, 5, 3)[: n + 2], (2, *(3, 2, 2)[:n], n))
        grid *= 1.3  # also beyond the image
        ours, theirs = partial(F.grid_sample, **settings), partial(TF.grid_sample, **settings)
        if mode == "nearest":  # no gradient by the places: PyTorch has zeros
            ours, theirs = partial(ours, grid=grid), partial(theirs, grid=torch.from_numpy(grid))
        compare_functions(ours, theirs, [x] if mode == "nearest" else [x, grid], "float64")


@pytest.mark.parametrize("corners", CORNERS)
def test_affine_grid(corners):
    for shape, size in (((2, 2, 3), (2, 3, 4, 5)), ((2, 3, 4), (2, 3, 4, 2, 6))):
        kw = {"size": size, "align_corners": corners}
        compare_functions(partial(F.affine_grid, **kw), partial(TF.affine_grid, **kw), arrays(0, shape), "float64")


@pytest.mark.parametrize("p", [0.5, 1.0, 2.0, 3.0, float("inf")])
def test_distances_of_rows(p):
    compare_functions(
        lambda a, b: F.cdist(a, b, p), lambda a, b: torch.cdist(a, b, p), arrays(0, (2, 4, 3), (2, 5, 3)), "float64"
    )
    (x,) = arrays(1, (5, 3))
    compare_functions(lambda x: F.pdist(x, p), lambda x: TF.pdist(x, p), [x], "float64")
    np.testing.assert_allclose(F.pdist(x, p).data, pdist(x, "minkowski" if p < np.inf else "chebyshev", **({"p": p} if p < np.inf else {})))  # fmt: skip


def test_attention_with_fewer_heads_of_keys():
    q, k, v = arrays(0, (2, 6, 3, 4), (2, 2, 5, 4), (2, 2, 5, 7))
    for causal in CORNERS:
        kw = {"is_causal": causal, "enable_gqa": True}
        ours, theirs = (partial(m.scaled_dot_product_attention, **kw) for m in (F, TF))
        compare_functions(ours, theirs, [q, k, v], "float64")
    with pytest.raises(ValueError, match=r"the heads \(axis -3\) of keys and values must divide those of queries"):
        F.scaled_dot_product_attention(q[:, :5], k, v, enable_gqa=True)


def test_gumbel_softmax_draws_as_softmax_says():
    logits = np.log([0.1, 0.2, 0.7])
    rng = tg.random.default_rng(0)
    hard = F.gumbel_softmax(np.tile(logits, (20000, 1)), hard=True, rng=rng)
    assert set(np.unique(hard.data)) <= {0.0, 1.0} or np.allclose(hard.data, hard.data.round(), atol=1e-12)
    np.testing.assert_allclose(hard.data.mean(0), np.exp(logits), atol=4 * 0.5 / np.sqrt(20000))
    # the gradient is that of the shares
    soft, pull = tg.vjp(lambda x: F.gumbel_softmax(x, 0.7, rng=tg.random.default_rng(1)), logits)
    hard, pull_hard = tg.vjp(lambda x: F.gumbel_softmax(x, 0.7, True, rng=tg.random.default_rng(1)), logits)
    np.testing.assert_allclose(pull(np.eye(3)[0])[0].data, pull_hard(np.eye(3)[0])[0].data)
    assert hard.data.argmax() == soft.data.argmax()


@pytest.mark.parametrize(("name", "shape", "kept"), [
    ("dropout1d", (200, 50, 3), (2,)), ("dropout2d", (200, 50, 3, 2), (2, 3)), ("dropout3d", (200, 50, 3, 2, 2), (2, 3, 4)),
    ("feature_alpha_dropout", (200, 50, 3, 2), (2, 3)),
])  # fmt: skip
def test_whole_channels_are_dropped(name, shape, kept):
    y = getattr(F, name)(np.ones(shape), 0.3, True, rng=tg.random.default_rng(0)).data
    assert np.ptp(y, axis=kept).max() == 0
    share = np.mean(y == y.min())
    assert abs(share - 0.3) < 5 * np.sqrt(0.21 / 10000)
    if name != "feature_alpha_dropout":
        assert set(np.unique(y)) == {0.0, 1 / 0.7}


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(p):
    (x,) = arrays(0, (400000,))
    y = F.alpha_dropout(x, p, True, rng=tg.random.default_rng(1)).data
    assert abs(y.mean()) < 5 / np.sqrt(x.size)
    assert abs(y.var() - 1) < 5 * np.sqrt(4 / x.size)
    torch.manual_seed(0)
    theirs = TF.alpha_dropout(torch.ones(100), p, True).numpy()
    ours = F.alpha_dropout(np.ones(100, "f4"), p, True, rng=tg.random.default_rng(1)).data
    np.testing.assert_allclose(np.unique(ours), np.unique(theirs), rtol=1e-6)


def test_rrelu_draws_slopes():
    y = F.rrelu(-np.ones(10000), 0.2, 0.4, True, rng=tg.random.default_rng(0)).data
    assert -0.4 <= y.min() < -0.39
    assert -0.21 < y.max() <= -0.2
    assert abs(y.mean() + 0.3) < 5 * 0.2 / np.sqrt(12 * 10000)


@pytest.mark.parametrize("zero", CORNERS)
def test_ctc_of_a_text_that_is_too_long(zero):
    (x,) = arrays(0, (4, 2, 3))
    texts, ends, lengths = np.array([[1, 1, 2], [1, 2, 1]]), [4, 2], [3, 3]
    loss = F.ctc_loss(F.log_softmax(x, -1), texts, ends, lengths, reduction="none", zero_infinity=zero)
    theirs = TF.ctc_loss(torch.log_softmax(torch.from_numpy(x), -1), torch.from_numpy(texts), torch.tensor(ends), torch.tensor(lengths), reduction="none", zero_infinity=zero)  # fmt: skip
    same(loss.data, theirs.numpy(), "float64", "loss")
    assert loss.data[1] == (0 if zero else np.inf)


def test_ctc_against_all_ways():
    """Each way along the sequence, one by one."""
    (x,) = arrays(3, (5, 1, 3))
    logp = F.log_softmax(x, -1).data[:, 0]
    ways = [w for w in product(range(3), repeat=5) if [k for k, _ in groupby(w) if k] == [1, 1]]
    total = np.logaddexp.reduce([sum(logp[t, k] for t, k in enumerate(w)) for w in ways])
    found = F.ctc_loss(F.log_softmax(x, -1), [[1, 1]], [5], [2], reduction="sum").item()
    assert found == pytest.approx(-total, abs=1e-12)


def test_windows_with_ties_and_nans():
    """Places are PyTorch's: the first of a tie; a nan is the largest."""
    x = np.array([[[1.0, 2.0, 2.0, 0.0, np.nan, 5.0]]])
    for ours, theirs in ((F.max_pool1d, TF.max_pool1d), (F.adaptive_max_pool1d, TF.adaptive_max_pool1d)):
        a, b = ours(x, 3, return_indices=True), theirs(torch.from_numpy(x), 3, return_indices=True)
        np.testing.assert_array_equal(a[0].data, b[0].numpy())
        np.testing.assert_array_equal(a[1].data, b[1].numpy())


def test_embedding_bags_of_weighted_samples_and_empty_bags():
    w, s = arrays(0, (6, 3), (7,))
    index, offsets = np.array([0, 1, 5, 5, 2, 2, 3]), np.array([0, 2, 2, 7])

    def bags(f, form, last, w, s):
        return f(form(index), w, form(offsets), per_sample_weights=s, mode="sum", include_last_offset=last)

    for last in CORNERS:
        ours, theirs = (
            partial(bags, F.embedding_bag, np.asarray, last),
            partial(bags, TF.embedding_bag, torch.from_numpy, last),
        )
        compare_functions(ours, theirs, [w, s], "float64")


def test_examples_of_a_vmap_are_computed_as_one_by_one():
    x, g = arrays(0, (3, 2, 4, 4), (3, 1, 2, 2, 2))
    for f in (
        lambda x: F.max_pool2d(x, 2, return_indices=True)[0], lambda x: F.adaptive_max_pool2d(x, 3), lambda x: F.unfold(x, 2),
        lambda x: F.pixel_shuffle(tg.concat([x, x]), 2), lambda x: F.mish(x), lambda x: F.glu(x), lambda x: F.lp_pool2d(x * x, 2.0, 2),
        lambda x: F.instance_norm(tg.expand_dims(x, 0)), lambda x: F.local_response_norm(tg.expand_dims(x, 0), 3),
        lambda x: F.grid_sample(tg.expand_dims(x, 0), g[0]),
    ):  # fmt: skip
        one_by_one = [tg.grad(lambda x, f=f: (f(x) ** 2).sum())(row).data for row in x]
        np.testing.assert_allclose(tg.vmap(tg.grad(lambda x, f=f: (f(x) ** 2).sum()))(x).data, one_by_one, atol=1e-12)


def test_a_tuple_of_one_is_for_all_axes():
    (x,) = arrays(0, (1, 2, 4, 4))
    for f, g in ((F.avg_pool2d, TF.avg_pool2d), (F.max_pool2d, TF.max_pool2d)):
        np.testing.assert_array_equal(f(x, (2,), (1,)).data, g(torch.from_numpy(x), (2,), (1,)).numpy())


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss"])
def test_losses_with_weights(name, reduction):
    kw = {"reduction": reduction}
    ours, theirs = (lambda x, t, w, m=m: getattr(m, name)(x, t, weight=w, **kw) for m in (F, TF))
    compare_functions(ours, theirs, arrays(0, (3, 4), (3, 4), (3, 4)), "float64")
    with pytest.raises(ValueError, match=f"{name}: weight must have the input's shape"):
        getattr(F, name)(np.ones((3, 4)), np.ones((3, 4)), weight=np.ones(4))


SIZES = [{"size": (9, 4)}, {"size": (2, 3)}, {"size": (1, 1)}, {"scale_factor": 0.4}, {"scale_factor": (0.3, 1.7)}, {"scale_factor": 0.45, "recompute_scale_factor": True}]  # fmt: skip


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("corners", CORNERS)
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_images_are_shrunk_smoothly(mode, corners, size):
    for antialias in (True, False):
        kw = size | {"mode": mode, "align_corners": corners, "antialias": antialias}
        ours, theirs = (partial(m.interpolate, **kw) for m in (F, TF))
        compare_functions(ours, theirs, arrays(0, (2, 3, 6, 7)), "float64")


def test_rows_are_shortened_where_they_are_looked_up():
    (w,) = arrays(0, (5, 3))
    ours, theirs = tg.Tensor(w, requires_grad=True), torch.tensor(w, requires_grad=True)
    index = np.array([[1, 3], [1, 1]])
    for p in (1.0, 2.0, 3.0):
        (F.embedding(index, ours, max_norm=0.7, norm_type=p) ** 2).sum().backward()
        (TF.embedding(torch.from_numpy(index), theirs, max_norm=0.7, norm_type=p) ** 2).sum().backward()
        np.testing.assert_allclose(ours.data, theirs.detach().numpy(), rtol=1e-12)
        np.testing.assert_allclose(ours.grad.data, theirs.grad.numpy(), rtol=1e-12)
        index = (index + 1) % 5
