"""What layers promise beside their numbers: memory, cost, errors, structure."""

import tracemalloc

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, ops
from tinygrad_edu.backward import history
from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.ops import window

rng = np.random.default_rng(0)


def convolved(x, w):
    x, w = tg.Tensor(x, requires_grad=True), tg.Tensor(w, requires_grad=True)
    y = F.conv2d(x, w, padding=1, stride=2)
    (y * y).sum().backward()
    return y.data, x.grad.data, w.grad.data


@pytest.mark.parametrize("limit", [1, 300, 2000])
def test_blocks_of_a_convolution_give_the_same(monkeypatch, limit):
    x, w = rng.normal(size=(5, 4, 9, 8)), rng.normal(size=(6, 4, 3, 3))
    whole = convolved(x, w)
    monkeypatch.setattr(window, "LIMIT", limit)
    for a, b in zip(whole, convolved(x, w)):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_the_memory_of_a_convolution_is_bounded(monkeypatch):
    monkeypatch.setattr(window, "LIMIT", 1 << 17)
    x, w = np.ones((16, 8, 64, 64), "f4"), np.ones((8, 8, 5, 5), "f4")
    windows = 16 * 8 * 25 * 60 * 60 * 4
    for f in (
        lambda: ops.conv(x, w, stride=(1, 1), padding=((0, 0),) * 2, dilation=(1, 1), groups=1),
        lambda: ops.conv_weight(
            x, np.ones((16, 8, 60, 60), "f4"),
            stride=(1, 1), padding=((0, 0),) * 2, dilation=(1, 1), groups=1, kernel=(5, 5),
        ),
    ):  # fmt: skip
        tracemalloc.start()
        f()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 3 * window.LIMIT * 4 + 2 * x.nbytes < windows / 6


def test_a_recurrent_step_records_the_same_in_a_long_sequence():
    layer = nn.LSTM(8, 16)

    def recorded(length):
        y = layer(tg.Tensor(np.ones((length, 4, 8), "f4"), requires_grad=True))[0].sum()
        return sum(t.op is not None for t in history(y))

    assert recorded(30) - recorded(20) == recorded(20) - recorded(10) <= 10 * 11


def test_ties_of_max_pooling_share_the_gradient():
    x = tg.Tensor(np.ones((1, 1, 2, 2)), requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    assert x.grad.tolist() == [[[[0.25, 0.25], [0.25, 0.25]]]]


def test_dropout_keeps_the_mean_and_the_share():
    drop = nn.Dropout(0.3, rng=tg.random.default_rng(0))
    y = drop(tg.ones((300, 300)))
    kept = y.data != 0
    assert kept.mean() == pytest.approx(0.7, abs=6 * (0.21 / 90000) ** 0.5)
    np.testing.assert_allclose(y.data[kept], 1 / 0.7, rtol=1e-6)
    x = tg.Tensor(np.ones(50), requires_grad=True)
    y = F.dropout(x, 0.5, rng=tg.random.default_rng(1))
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.data, y.data)  # the same entries pass, by the same factor
    assert F.dropout(x, 1.0).tolist() == [0.0] * 50
    assert F.dropout(x, 0.5, training=False) is x
    with pytest.raises(ValueError, match="p must be from 0 to 1; got 2"):
        nn.Dropout(2)


def test_layers_are_differentiable_twice():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Flatten(), nn.LayerNorm(18), nn.Linear(18, 1))
    model.astype("float64")
    x, v = rng.normal(size=(2, 1, 8, 8)), rng.normal(size=(2, 1, 8, 8))
    f = lambda x: (model(x) ** 2).sum()
    product = tg.hvp(f, (x,), (v,)).data
    h = 1e-5
    g = tg.grad(f)
    np.testing.assert_allclose(product, (g(x + h * v).data - g(x - h * v).data) / (2 * h), rtol=1e-5, atol=1e-6)


def test_gradients_of_each_example_by_vmap():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(18, 3)).astype(
        "float64"
    )
    x, y = rng.normal(size=(4, 1, 8, 8)), np.array([0, 2, 1, 1])
    one = tg.grad(lambda x, y: F.cross_entropy(model(x.reshape(1, 1, 8, 8)), y.reshape(1)))
    batch = tg.vmap(one)(x, y).data
    for i in range(4):
        np.testing.assert_allclose(batch[i], one(x[i], tg.asarray(y[i])).data, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: nn.Conv2d(2, 3, 3)(np.ones((4, 5, 6))),
         r"conv2d: the weight must be .*got \(3, 2, 3, 3\) for an input of shape"),
        (lambda: nn.Conv2d(2, 3, 3)(np.ones((4, 4))),
         r"the input must be \(batch, channels, height, width\); got shape \(4, 4\)"),
        (lambda: nn.Conv2d(2, 3, 5)(np.ones((1, 2, 3, 3))), r"conv2d: the window must fit .*got a kernel of \(5, 5\)"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "groups must divide in_channels and out_channels; got 2 for 3 and 4"),
        (lambda: F.conv2d(np.ones((1, 1, 4, 4)), np.ones((1, 1, 3, 3)), padding="same", stride=2),
         "padding='same' needs stride 1"),
        (lambda: nn.Conv2d(1, 1, (3, 3, 3)), "kernel_size must be an integer or 2 integers"),
        (lambda: nn.MaxPool2d(2, padding=2)(np.ones((1, 1, 4, 4))), "padding must be at most half the kernel; got 2"),
        (lambda: nn.BatchNorm2d(3)(np.ones((2, 4, 5, 5))),
         r"4 axes, and 3 channels as axis 1; got shape \(2, 4, 5, 5\)"),
        (lambda: nn.BatchNorm1d(3)(np.ones((1, 3))),
         r"more than one value in each channel; got shape \(1, 3\).*drop_last=True"),
        (lambda: nn.LayerNorm(4)(np.ones((2, 3))), r"the last axes of the input must be \(4,\); got shape \(2, 3\)"),
        (lambda: F.group_norm(np.ones((2, 4)), 3), "num_groups must divide the 4 channels; got 3"),
        (lambda: nn.LSTM(3, 4)(np.ones((5, 2, 2))), r"must be \(length, batch, 3\).*got shape \(5, 2, 2\)"),
        (lambda: nn.LSTM(3, 4)(np.ones((5, 2, 3)), np.ones((1, 2, 4))),
         r"the state must be a pair \(h, c\), each of shape \(1, 2, 4\); got \(1, 2, 4\)"),
        (lambda: nn.LSTMCell(3, 4)(np.ones((2, 3)), (np.ones((2, 4)), np.ones((2, 5)))),
         r"LSTMCell: the state must be a pair \(h, c\), each of shape \(2, 4\); got \(2, 4\), \(2, 5\)"),
        (lambda: nn.MultiheadAttention(5, 2), "num_heads must divide embed_dim; got 2 for 5"),
        (lambda: nn.Embedding(3, 2)(np.array([3])), "embedding: indices must be from 0 to 2; got 3"),
        (lambda: nn.Embedding(3, 2)(np.array([1.0])), "embedding: indices must be integers; got float64"),
        (lambda: F.one_hot([5], 3), "indices must be from 0 to 2"),
        (lambda: nn.Upsample(2, mode="cubic")(np.ones((1, 1, 3))), "mode must be 'nearest'.*got 'cubic'"),
        (lambda: nn.Upsample()(np.ones((1, 1, 3))), "needs size or scale_factor; got None and None"),
        (lambda: nn.BCELoss()(np.array([2.0]), np.array([1.0])),
         "predictions must be probabilities, from 0 to 1; got 2.0"),
        (lambda: F.mse_loss([1.0], [1.0], "average"), "reduction must be 'mean', 'sum' or 'none'; got 'average'"),
        (lambda: F.cross_entropy(np.ones((2, 3)), [0.5, 0.5]), "class targets must be integers; got float"),
        (lambda: F.cross_entropy(np.ones((2, 3)), [0, 1], weight=[1.0]),
         r"one entry for each of 3 classes; got \(1,\)"),
        (lambda: nn.Sequential(np.tanh), "Sequential: holds modules; got ufunc"),
        (lambda: nn.ModuleDict({"train": nn.ReLU()}), "a name must not be one of Module's own"),
        (lambda: nn.Module()(1), r"Module: must define forward\(self, x\)"),
    ],
    ids=range(27),
)  # fmt: skip
def test_errors_say_what_to_do(call, text):
    with pytest.raises(
        (ShapeError, ValueError, IndexError, DTypeError, TypeError, KeyError, NotImplementedError), match=text
    ):
        call()


def test_containers_hold_what_they_are_given():
    parts = nn.ModuleList([nn.Linear(1, 2)]).extend([nn.ReLU()]).append(nn.Linear(2, 1))
    assert len(parts) == 3
    assert [type(m).__name__ for m in parts[1:]] == ["ReLU", "Linear"]
    parts[1] = nn.Tanh()
    assert isinstance(parts[-2], nn.Tanh)
    table = nn.ModuleDict({"a": nn.Linear(1, 2)})
    table["b"] = nn.ReLU()
    assert (list(table), "a" in table, len(table)) == (["a", "b"], True, 2)
    del table["a"]
    assert [name for name, _ in table.items()] == table.keys() == ["b"]
    named = nn.Sequential({"first": nn.Linear(1, 2), "second": nn.ReLU()})
    assert list(named.state_dict()) == ["first.weight", "first.bias"]


def test_apply_and_modes_reach_every_module():
    model = nn.Sequential(nn.Sequential(nn.Linear(1, 2), nn.Dropout()), nn.ReLU())
    seen = []
    model.apply(lambda m: seen.append(type(m).__name__))
    assert seen == ["Linear", "Dropout", "Sequential", "ReLU", "Sequential"]
    assert not any(m.training for m in model.eval().modules())
    assert all(m.training for m in model.train().modules())
    model.requires_grad_(False)
    assert not any(p.requires_grad for p in model.parameters())


def test_buffers_are_saved_and_not_learned():
    norm = nn.BatchNorm1d(3)
    assert [name for name, _ in norm.named_buffers()] == ["running_mean", "running_var", "num_batches_tracked"]
    assert len(list(norm.parameters())) == 2
    norm(rng.normal(size=(4, 3)))
    other = nn.BatchNorm1d(3)
    other.load_state_dict(norm.state_dict())
    np.testing.assert_array_equal(other.running_var.data, norm.running_var.data)
    assert other.num_batches_tracked.item() == 1


def test_a_summary_changes_nothing():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Sequential(nn.Flatten(), nn.Linear(72, 4)))
    model[0].requires_grad_(False)
    before, modes = model.state_dict(), [m.training for m in model.modules()]
    text = str(model.summary(np.ones((5, 1, 8, 8))))
    assert text.splitlines()[3].split() == ["0", "Conv2d", "(5,", "2,", "6,", "6)", "20"]
    assert "  1  " in text
    assert "(5, 4)" in text
    assert text.splitlines()[-1] == "316 parameters, 20 of them frozen, 1.2 KiB"
    for name, t in model.state_dict().items():
        np.testing.assert_array_equal(t.data, before[name].data)
    assert [m.training for m in model.modules()] == modes
    assert "forward" not in vars(model)


def test_metrics():
    p, t = np.array([0, 1, 1, 2, 2, 2]), np.array([0, 1, 2, 2, 2, 0])
    assert nn.metrics.accuracy(p, t) == pytest.approx(4 / 6)
    logits = F.one_hot(p, 3)
    assert nn.metrics.accuracy(logits, tg.asarray(t)) == pytest.approx(4 / 6)
    assert nn.metrics.confusion_matrix(p, t).tolist() == [[1, 0, 1], [0, 1, 0], [0, 1, 2]]
    each = nn.metrics.precision_recall_f1(p, t, average=None)
    np.testing.assert_allclose(each.precision, [1, 1 / 2, 2 / 3])
    np.testing.assert_allclose(each.recall, [1 / 2, 1, 2 / 3])
    np.testing.assert_allclose(each.f1, [2 / 3, 2 / 3, 2 / 3])
    assert nn.metrics.precision_recall_f1(p, t, average="micro").f1 == pytest.approx(4 / 6)
    assert nn.metrics.precision_recall_f1([0, 0], [1, 1], average="binary") == (0.0, 0.0, 0.0)
    with pytest.raises(ShapeError, match=r"have one axis of classes more; got \(3,\) for \(2,\)"):
        nn.metrics.accuracy([1, 2, 3], [1, 2])
    with pytest.raises(IndexError, match="labels must be from 0 to 1"):
        nn.metrics.confusion_matrix([0, 2], [0, 1], 2)


def test_kinks_are_pytorchs():
    torch = pytest.importorskip("torch")
    for name, points in (
        ("elu", [0.0]),
        ("selu", [0.0]),
        ("hardtanh", [-1.0, 1.0]),
        ("relu", [0.0]),
        ("leaky_relu", [0.0]),
    ):
        x, t = tg.Tensor(points, requires_grad=True), torch.tensor(points, requires_grad=True)
        getattr(F, name)(x).sum().backward()
        getattr(torch.nn.functional, name)(t).sum().backward()
        np.testing.assert_allclose(x.grad.data, t.grad.numpy(), rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("mask", [np.array([[True, False], [False, False]]), np.array([[0.0, -np.inf], [-np.inf] * 2])])
def test_who_may_look_nowhere_sees_zeros(mask):
    q = tg.Tensor(rng.normal(size=(2, 3)), requires_grad=True)
    v = rng.normal(size=(2, 3))
    y = F.scaled_dot_product_attention(q, rng.normal(size=(2, 3)), v, mask)
    np.testing.assert_allclose(y.data, [v[0], np.zeros(3)])
    y.sum().backward()
    assert np.isfinite(q.grad.data).all()
    layer = nn.MultiheadAttention(4, 2)
    x = tg.ones((2, 1, 4))
    hidden = ~mask if mask.dtype == bool else mask
    y, weights = layer(x, x, x, attn_mask=hidden)
    np.testing.assert_array_equal(weights.data, [[[1, 0], [0, 0]]])
    np.testing.assert_allclose(y.data[1, 0], layer.out_proj.bias.data)


def test_the_weights_that_are_given_are_those_that_were_used():
    layer = nn.MultiheadAttention(8, 2, 0.5, rng=tg.random.default_rng(0))
    x = tg.Tensor(rng.normal(size=(4, 3, 8)).astype("f4"))
    _, weights = layer(x, x, x, average_attn_weights=False)
    assert weights.shape == (3, 2, 4, 4)
    assert np.any(weights.data == 0)


@pytest.mark.parametrize("mode", ["bicubic", "nearest-exact", "area"])
@pytest.mark.parametrize(
    "size", [{"size": (9, 4)}, {"scale_factor": 2}, {"scale_factor": 0.6}, {"scale_factor": 2.7}, {"size": 1}]
)
@pytest.mark.parametrize("corners", [False, True])
def test_images_are_resized_as_in_pytorch(mode, size, corners):
    torch = pytest.importorskip("torch")
    kw = size | ({"align_corners": corners} if mode == "bicubic" else {})
    x = rng.normal(size=(2, 3, 6, 7))
    expected = torch.nn.functional.interpolate(torch.tensor(x), mode=mode, **kw).numpy()
    np.testing.assert_allclose(F.interpolate(x, mode=mode, **kw).data, expected, rtol=1e-9, atol=1e-12)


def test_a_transposed_convolution_gives_the_size_asked_for():
    torch = pytest.importorskip("torch")
    ours, theirs = nn.ConvTranspose2d(2, 3, 3, 2, 1), torch.nn.ConvTranspose2d(2, 3, 3, 2, 1)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    x = rng.normal(size=(1, 2, 5, 4)).astype("f4")
    for size in ((10, 8), (9, 8), (1, 3, 10, 7)):
        expected = theirs(torch.tensor(x), output_size=size).detach().numpy()
        np.testing.assert_allclose(ours(x, output_size=size).data, expected, rtol=1e-4, atol=1e-6)
    with pytest.raises(
        ShapeError, match=r"output_size must be from \(9, 7\) to less than a stride more; got \(12, 8\)"
    ):
        ours(x, output_size=(12, 8))


def test_sums_of_windows_may_be_divided_by_any_number():
    x = rng.normal(size=(1, 2, 5, 5))
    kw = {"padding": 1, "ceil_mode": True}
    pool = nn.AvgPool2d(2, divisor_override=3, **kw)
    np.testing.assert_allclose(pool(x).data * 3, F.avg_pool2d(x, 2, divisor_override=1, **kw).data)
    np.testing.assert_allclose(F.avg_pool2d(x, 2, divisor_override=4).data, F.avg_pool2d(x, 2).data)


def test_rows_that_were_learned_before():
    rows = rng.normal(size=(4, 3))
    frozen, free = nn.Embedding.from_pretrained(rows), nn.Embedding.from_pretrained(rows, freeze=False, padding_idx=1)
    np.testing.assert_array_equal(frozen(np.array([2])).data, rows[2:3])
    assert (frozen.weight.requires_grad, free.weight.requires_grad, free.padding_idx) == (False, True, 1)
    with pytest.raises(ShapeError, match=r"rows must be a matrix; got shape \(4,\)"):
        nn.Embedding.from_pretrained(np.ones(4))


def test_nothing_that_counts_has_no_mean():
    with np.errstate(all="raise"):
        assert np.isnan(F.cross_entropy(np.zeros((2, 3)), np.array([-100, -100])).item())


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: nn.Conv2d(1, 1, 3, stride=0), "stride must be 1 or more; got 0"),
        (lambda: nn.Conv2d(1, 1, 0), "kernel_size must be 1 or more; got 0"),
        (lambda: F.conv2d(np.ones((1, 1, 9, 9)), np.ones((1, 1, 3, 3)), padding=-1), "padding must be 0 or more; got -1"),
        (lambda: nn.Conv2d(2, 2, 3, groups=0), "groups must divide"),
        (lambda: nn.GroupNorm(3, 4), "num_groups must divide num_channels; got 3 for 4"),
        (lambda: nn.Embedding(3, 2, padding_idx=5), "padding_idx must be one of the 3 rows; got 5"),
        (lambda: nn.LSTM(2, 0), "hidden_size and num_layers must be 1 or more; got 0 and 1"),
        (lambda: nn.GRU(2, 3, dropout=1.5), "GRU: dropout must be from 0 to 1; got 1.5"),
        (lambda: F.adaptive_avg_pool2d(np.ones((1, 1, 4, 4)), (1, 2, 3)), "output_size must be one number, or 2"),
        (lambda: F.nll_loss(np.ones(()), np.array(0)), "nll_loss: the input must have a class axis"),
        (lambda: F.conv_transpose2d(np.ones((1, 1, 4, 3)), np.ones((1, 1, 1, 1)), padding=2),
         r"padding must leave something of the output; got padding 2 for an output of \(4, 3\) before it"),
    ],
    ids=range(11),
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_softmax_of_integers_is_that_of_floats():
    np.testing.assert_allclose(F.softmax([1, 2, 3]).data, F.softmax([1.0, 2.0, 3.0]).data, rtol=1e-6)
    np.testing.assert_allclose(
        F.log_softmax(np.array([[True, False]])).data, F.log_softmax([[1.0, 0.0]]).data, rtol=1e-6
    )
    assert tg.logsumexp(3) == 3
