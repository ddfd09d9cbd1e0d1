"""Initial values: those of PyTorch, in distribution, and reproducible."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.errors import ShapeError
from tinygrad_edu.random import default_rng

LAYERS = [
    ("Linear", (90, 70), {}), ("Bilinear", (20, 30, 40), {}), ("Embedding", (80, 60), {}), ("PReLU", (5,), {}),
    ("Conv1d", (20, 40, 5), {}), ("Conv2d", (20, 40, 3), {"groups": 2}),
    ("ConvTranspose2d", (20, 40, 3), {"groups": 2}), ("BatchNorm1d", (5,), {}), ("LayerNorm", (5,), {}),
    ("GroupNorm", (1, 5), {}), ("RMSNorm", (5,), {}), ("RNN", (30, 60), {"num_layers": 2}),
    ("LSTM", (30, 60), {"bidirectional": True}), ("GRU", (30, 60), {}), ("RNNCell", (30, 60), {}),
    ("LSTMCell", (30, 60), {}), ("GRUCell", (30, 60), {}), ("MultiheadAttention", (60, 2), {}),
    ("MultiheadAttention", (60, 2), {"kdim": 50, "vdim": 40, "add_bias_kv": True}),
    ("TransformerEncoderLayer", (60, 2, 80), {}), ("TransformerDecoderLayer", (60, 2, 80), {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "kw"), LAYERS, ids=str)
def test_layers_begin_as_pytorchs_do(name, args, kw):
    torch = pytest.importorskip("torch")
    tg.random.manual_seed(0)
    ours, theirs = getattr(nn, name)(*args, **kw), getattr(torch.nn, name)(*args, **kw)
    for key, value in theirs.state_dict().items():
        a, b = ours.state_dict()[key].data, value.numpy()
        if np.ptp(b) == 0:
            np.testing.assert_array_equal(a, b, key)
            continue
        n = a.size
        uniform = abs(b.std() * 3**0.5 - np.abs(b).max()) < 0.1 * np.abs(b).max()
        # the deviation of a sample's deviation is below std / sqrt(2 n); six of them, on both sides
        assert abs(a.std() - b.std()) < 12 * b.std() / (2 * n) ** 0.5, key
        if uniform and n > 1000:
            assert np.abs(a).max() == pytest.approx(np.abs(b).max(), rel=0.02), key


@pytest.mark.parametrize("name", ["Linear", "Conv2d", "LSTM", "MultiheadAttention"])
def test_a_generator_makes_layers_reproducible(name):
    args = {"Linear": (3, 4), "Conv2d": (2, 3, 3), "LSTM": (3, 4), "MultiheadAttention": (4, 2)}[name]
    a, b, c = (getattr(nn, name)(*args, rng=default_rng(seed)) for seed in (1, 1, 2))
    tg.random.manual_seed(1)
    d = getattr(nn, name)(*args)
    for p, q, r, s in zip(a.parameters(), b.parameters(), c.parameters(), d.parameters()):
        np.testing.assert_array_equal(p.data, q.data)
        np.testing.assert_array_equal(p.data, s.data)
        assert not np.any(p.data) or not np.array_equal(p.data, r.data)


def drawn(f, *args, shape=(200, 300), **kw):
    t = nn.Parameter(np.zeros(shape, "f4"))
    assert f(t, *args, **kw, rng=default_rng(0)) is t
    assert t.dtype == np.float32
    return t.data


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("shape", [(4, 4, 3), (4, 2, 3, 3), (6, 3, 2, 4, 5), (2, 4, 3), (6, 2, 1)])
def test_dirac_is_pytorchs_and_gives_back_the_input(shape, groups):
    torch = pytest.importorskip("torch")
    t = nn.Parameter(tg.zeros(shape))
    if shape[0] % groups:
        with pytest.raises(ShapeError, match="dirac_: the tensor must be"):
            nn.init.dirac_(t, groups)
        return
    np.testing.assert_array_equal(nn.init.dirac_(t, groups).data, torch.nn.init.dirac_(torch.zeros(shape), groups))


@pytest.mark.parametrize("share", [0, 0.3, 0.5, 1])
def test_sparse_and_identity_matrices(share):
    values = drawn(nn.init.sparse_, share, std=2.0, shape=(7, 400))
    assert set((values == 0).sum(0)) == {int(np.ceil(share * 7))}
    if share < 1:
        assert abs(values[values != 0].std() - 2) < 0.15
    np.testing.assert_array_equal(nn.init.eye_(nn.Parameter(tg.ones((2, 3)))).data, np.eye(2, 3))
    for wrong in (lambda t: nn.init.sparse_(t, share), nn.init.eye_, nn.init.dirac_):
        with pytest.raises(ShapeError):
            wrong(nn.Parameter(tg.zeros(3)))
    with pytest.raises(ValueError, match="sparse_: sparsity must be from 0 to 1; got 2"):
        nn.init.sparse_(nn.Parameter(tg.zeros((2, 2))), 2)


def test_constants():
    t = nn.Parameter([1.0, 2.0])
    assert nn.init.ones_(t).tolist() == [1.0, 1.0]
    assert nn.init.constant_(t, 3).tolist() == [3.0, 3.0]
    assert nn.init.zeros_(t).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("name", "kw", "deviation"),
    [
        ("uniform_", {"a": -1.0, "b": 1.0}, 3**-0.5), ("normal_", {"std": 0.3}, 0.3),
        ("xavier_uniform_", {}, (2 / 500) ** 0.5), ("xavier_normal_", {"gain": 2.0}, 2 * (2 / 500) ** 0.5),
        ("kaiming_uniform_", {}, (2 / 300) ** 0.5), ("kaiming_normal_", {"mode": "fan_out"}, (2 / 200) ** 0.5),
        ("kaiming_normal_", {"nonlinearity": "tanh"}, 5 / 3 / 300**0.5),
        ("kaiming_uniform_", {"a": 5**0.5}, (1 / 900) ** 0.5),
        ("trunc_normal_", {"std": 1.0}, 0.8796), ("trunc_normal_", {"std": 0.1}, 0.1),
    ],
    ids=str,
)  # fmt: skip
def test_deviations(name, kw, deviation):
    values = drawn(getattr(nn.init, name), **kw)
    assert values.std() == pytest.approx(deviation, rel=0.02)
    assert abs(values.mean()) < 0.02 * deviation
    if "uniform" in name:
        assert np.abs(values).max() == pytest.approx(deviation * 3**0.5, rel=0.01)
    if name == "trunc_normal_":
        assert np.abs(values).max() <= 2


@pytest.mark.parametrize("shape", [(20, 50), (50, 20), (10, 4, 3)])
def test_orthogonal(shape):
    q = drawn(nn.init.orthogonal_, 2.0, shape=shape).reshape(shape[0], -1).astype("f8")
    product = q @ q.T if q.shape[0] < q.shape[1] else q.T @ q
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-5)


def test_what_has_no_meaning_is_refused():
    t = nn.Parameter([1.0, 2.0])
    with pytest.raises(ShapeError, match=r"fan in and fan out need two axes or more; got \(2,\)"):
        nn.init.xavier_normal_(t)
    with pytest.raises(ValueError, match=r"nonlinearity must be leaky_relu or one of .*; got 'cube'"):
        nn.init.calculate_gain("cube")
    with pytest.raises(ValueError, match="mode must be 'fan_in' or 'fan_out'; got 'fan'"):
        nn.init.kaiming_normal_(nn.Parameter(np.ones((2, 2))), mode="fan")
    with pytest.raises(ValueError, match="the bounds must hold some of the distribution"):
        nn.init.trunc_normal_(t, mean=9.0, std=0.01)
