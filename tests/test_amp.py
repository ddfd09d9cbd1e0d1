"""Mixed precision beside PyTorch: what is rounded, the gradients, and a scaler step by step."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim
from tinygrad_edu.errors import DTypeError, GraphError

EPS = {"bfloat16": 2.0**-8, "float16": 2.0**-11}
R = np.random.default_rng(0)


def drawn(*shape):
    return R.normal(size=shape).astype(np.float32)


PLACES = np.array([0, 2, 1, 1])
PRODUCTS = {
    "matmul": (lambda m, f, x, w: x @ w, drawn(2, 4, 6), drawn(6, 3)), "linear": (lambda m, f, x, w, b: f.linear(x, w, b), drawn(4, 6), drawn(3, 6), drawn(3)),
    "einsum": (lambda m, f, x, w: m.einsum("bij,bjk->bik", x, w), drawn(2, 3, 4), drawn(2, 4, 5)),
    "tensordot": (lambda m, f, x, w: m.tensordot(x, w, 1), drawn(2, 3, 4), drawn(4, 5)),
    **{f"conv{n}d": (lambda m, f, x, w, n=n: getattr(f, f"conv{n}d")(x, w, stride=2, padding=1), drawn(2, 4, *(6,) * n), drawn(3, 4, *(3,) * n)) for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": (lambda m, f, x, w, n=n: getattr(f, f"conv_transpose{n}d")(x, w, stride=2), drawn(2, 3, *(4,) * n), drawn(3, 2, *(3,) * n)) for n in (1, 2)},
    "relu between": (lambda m, f, x, w: f.relu(x @ w) @ w.T, drawn(4, 6), drawn(6, 3)),
}  # fmt: skip
LOSSES = {
    "mse_loss": lambda m, f, x: f.mse_loss(x, x * 0), "l1_loss": lambda m, f, x: f.l1_loss(x, x * 0), "huber_loss": lambda m, f, x: f.huber_loss(x, x * 0),
    "smooth_l1_loss": lambda m, f, x: f.smooth_l1_loss(x, x * 0), "cross_entropy": lambda m, f, x: f.cross_entropy(x, places(m)), "nll_loss": lambda m, f, x: f.nll_loss(x, places(m)),
    "binary_cross_entropy_with_logits": lambda m, f, x: f.binary_cross_entropy_with_logits(x, x * 0), "kl_div": lambda m, f, x: f.kl_div(x, ones(m)[:, None] * np.float32([1, 1, 1]) if m is tg else ones(m)[:, None] * ones(m)[:3], reduction="batchmean"),
    "soft_margin_loss": lambda m, f, x: f.soft_margin_loss(x, ones(m)[:, None] + x.detach() * 0), "poisson_nll_loss": lambda m, f, x: f.poisson_nll_loss(x, x * 0 + 1),
    "cosine_embedding_loss": lambda m, f, x: f.cosine_embedding_loss(x, x * 0 + 1, ones(m)), "triplet_margin_loss": lambda m, f, x: f.triplet_margin_loss(x, x * 2, x + 1),
    "multi_margin_loss": lambda m, f, x: f.multi_margin_loss(x, places(m)), "margin_ranking_loss": lambda m, f, x: f.margin_ranking_loss(x, x * 2, x * 0 + 1),
    "hinge_embedding_loss": lambda m, f, x: f.hinge_embedding_loss(x, x * 0 + 1),
}  # fmt: skip


def places(m):
    return PLACES if m is tg else m.from_numpy(PLACES)


def ones(m):
    return np.ones(4, np.float32) if m is tg else m.ones(4)


def both(case, name, *xs):
    """The results of a case and the gradients by its inputs, ours and PyTorch's."""
    torch = pytest.importorskip("torch")
    ours = [tg.Tensor(x, requires_grad=True) for x in xs]
    theirs = [torch.tensor(x, requires_grad=True) for x in xs]
    with tg.autocast(name):
        y = case(tg, F, *ours)
    with torch.autocast("cpu", getattr(torch, name)):
        z = case(torch, torch.nn.functional, *theirs)
    weights = np.random.default_rng(1).normal(size=y.shape).astype(np.float32)
    (y * weights).sum().backward()
    (z.float() * torch.from_numpy(weights)).sum().backward()
    yield y, z
    yield from ((x.grad, t.grad) for x, t in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("name", EPS)
@pytest.mark.parametrize("case", PRODUCTS)
def test_products_are_rounded_as_pytorch_rounds_them(case, name):
    """Sums of products in another order may be rounded the other way: by one unit in the last place."""
    for y, z in both(PRODUCTS[case][0], name, *PRODUCTS[case][1:]):
        expected = z.detach().float().numpy()
        scale = np.abs(expected).max()
        np.testing.assert_allclose(y.data.astype(np.float32), expected, rtol=2 * EPS[name], atol=4 * EPS[name] * scale)
        assert np.mean(y.data == expected) > 0.5


@pytest.mark.parametrize("name", EPS)
@pytest.mark.parametrize("case", LOSSES)
def test_losses_are_computed_in_float32(case, name):
    torch = pytest.importorskip("torch")
    rows = lambda m, f, x, w: LOSSES[case](m, f, x @ w)
    (y, z), *grads = both(rows, name, drawn(4, 6), drawn(6, 3))
    assert (y.dtype, z.dtype) == (np.float32, torch.float32)
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=4 * EPS[name])
    for g, h in grads:
        assert g.dtype == np.float32
        np.testing.assert_allclose(g.data, h.numpy(), rtol=4 * EPS[name], atol=4 * EPS[name] * np.abs(h.numpy()).max())


def test_what_is_rounded_and_where():
    x, w = tg.Tensor(drawn(5, 7)), tg.Tensor(drawn(7, 2), requires_grad=True)
    product = tg.autocast("float16")(lambda a, b: a @ b)
    with tg.autocast("float16"):
        assert ((x @ w).dtype, (x + x).dtype, tg.exp(x).dtype) == (np.float16, np.float32, np.float32)
        with tg.autocast(enabled=False):
            assert (x @ w).dtype == np.float32
        assert (x.astype("float64") @ w).dtype == np.float64
        assert (tg.arange(3) @ tg.arange(3)).item() == 5
        assert F.softmax(x @ w, 1).dtype == np.float16
        loss = F.mse_loss(x @ w, np.zeros((5, 2), np.float32))
    assert loss.item() == F.mse_loss(product(x, w).astype("float32"), np.zeros((5, 2), np.float32)).item()
    assert (x @ w).dtype == np.float32
    np.testing.assert_array_equal(
        product(x, w).data,
        (x.astype("float16").astype("float32") @ w.astype("float16").astype("float32")).astype("float16").data,
    )
    ml_dtypes = pytest.importorskip("ml_dtypes")
    with tg.autocast():
        y = x @ w
    np.testing.assert_array_equal(y.data.astype(ml_dtypes.bfloat16).astype(np.float32), y.data)
    with tg.autocast():  # the whole graph has its derivatives of other kinds, too
        np.testing.assert_array_equal(tg.vmap(lambda row: row @ w)(x).data, (x @ w).data)
        move = tg.jvp(lambda x: x @ w, (x,), (x,))[1]
    np.testing.assert_allclose(move.data, y.data, rtol=2.0**-7, atol=2.0**-6)


@pytest.mark.parametrize("name", EPS)
def test_a_compiled_step_is_rounded_alike(name):
    pytest.importorskip("llvmlite")
    x, w = drawn(8, 6), [tg.Tensor(drawn(6, 3), requires_grad=True) for _ in range(2)]
    w[1].data[...] = w[0].data

    def loss(w):
        with tg.autocast(name):
            return F.mse_loss(F.relu(tg.asarray(x) @ w), np.ones((8, 3), np.float32))

    def step(w):
        y = loss(w)
        y.backward()
        return y

    a, b = step(w[0]), tg.compile(step)(w[1])
    np.testing.assert_allclose(a.data, b.data, rtol=1e-6)
    np.testing.assert_allclose(w[0].grad.data, w[1].grad.data, rtol=1e-2 if name == "bfloat16" else 1e-3, atol=1e-6)
    product = tg.compile(lambda a, b: a @ b)  # one function, within and without
    t = tg.Tensor(x.T @ x)
    for block in (tg.autocast(name), tg.autocast(enabled=False), tg.autocast(name)):
        with block:
            np.testing.assert_allclose(product(t, t).data, (t @ t).data, rtol=1e-6)


EVENTS = st.lists(st.sampled_from(["good", "good", "good", "inf", "nan", "unscale", "set"]), min_size=1, max_size=30)


@np.errstate(all="ignore")
@given(events=EVENTS, interval=st.integers(1, 4), start=st.sampled_from([1.0, 65536.0, 2.0**126]))
def test_a_scaler_is_pytorchs_step_by_step(events, interval, start):
    torch = pytest.importorskip("torch")
    settings = {"init_scale": start, "growth_factor": 3.0, "backoff_factor": 0.25, "growth_interval": interval}
    w, v = tg.Tensor([1.0, 2.0], requires_grad=True), torch.tensor([1.0, 2.0], requires_grad=True)
    ours, theirs = tg.amp.GradScaler(**settings), torch.amp.GradScaler("cpu", **settings)
    steps = optim.SGD([w], lr=0.125, momentum=0.5), torch.optim.SGD([v], lr=0.125, momentum=0.5)
    for event in events:
        factor = {"inf": np.inf, "nan": np.nan}.get(event, 0.5)
        for optimizer, scaler, p in ((steps[0], ours, w), (steps[1], theirs, v)):
            optimizer.zero_grad()
            scaler.scale((p * factor).sum()).backward()
            if event == "unscale":
                scaler.unscale_(optimizer)
            scaler.step(optimizer)
            scaler.update(7.0 if event == "set" else None)
        np.testing.assert_array_equal(w.data, v.detach().numpy())
        assert ours.get_scale() == theirs.get_scale()
        assert ours.state_dict() == theirs.state_dict()
        again = tg.amp.GradScaler()
        again.load_state_dict(copy.deepcopy(ours.state_dict()))
        assert again.state_dict() == ours.state_dict()


def test_training_in_float16_needs_the_scale():
    """Gradients of 1e-9 are 0 in float16; scaled, they are what float32 has."""
    x = tg.Tensor(np.full((4, 3), 1e-4, np.float32))
    found = {}
    for scale in (None, 1.0, 65536.0):
        w = nn.Parameter(np.ones((3, 1), np.float32))
        scaler = tg.amp.GradScaler(init_scale=scale or 1.0)
        with tg.autocast("float16", enabled=scale is not None):
            loss = (x @ w).sum().astype("float32") * 1e-5
        scaler.scale(loss).backward()
        scaler.unscale_(optim.SGD([w], lr=1.0))
        found[scale] = w.grad.data
    assert not found[1.0].any()
    np.testing.assert_allclose(found[65536.0], found[None], rtol=2e-2)


def test_a_network_trains_as_pytorchs():
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
    own = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))
    own.load_state_dict({k: v.numpy() for k, v in net.state_dict().items()})
    x, y = drawn(64, 4), drawn(64, 1)
    losses = []
    for model, F_, tensor, block, scaler, optimizer in (
        (own, F, tg.Tensor, tg.autocast("float16"), tg.amp.GradScaler(), optim.SGD(own.parameters(), lr=0.1)),
        (net, torch.nn.functional, torch.tensor, torch.autocast("cpu", torch.float16), torch.amp.GradScaler("cpu"), torch.optim.SGD(net.parameters(), lr=0.1)),
    ):  # fmt: skip
        losses.append([])
        for _ in range(20):
            optimizer.zero_grad()
            with block:
                loss = F_.mse_loss(model(tensor(x)), tensor(y))
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            losses[-1].append(loss.item())
    np.testing.assert_allclose(losses[0], losses[1], rtol=2e-3)
    assert losses[0][-1] < losses[0][0]


def test_what_is_refused():
    w = tg.Tensor([1.0], requires_grad=True)
    optimizer, scaler = optim.SGD([w], lr=0.1), tg.amp.GradScaler()
    cases = [
        (lambda: tg.autocast("float64"), DTypeError, "autocast: dtype must be 'bfloat16' or 'float16'; got 'float64'"),
        (lambda: tg.autocast("float16", 1), DTypeError, "autocast: enabled must be True or False; got 1"),
        (lambda: tg.amp.GradScaler(growth_factor=1.0), ValueError, "growth_factor must be above 1; got 1.0"),
        (lambda: tg.amp.GradScaler(backoff_factor=1.0), ValueError, "backoff_factor must be between 0 and 1; got 1.0"),
        (lambda: scaler.update(), GraphError, r"update: needs a step\(\) or unscale_\(\) before it"),
        (lambda: scaler.scale("loss"), TypeError, "scale: outputs must be tensors; got str"),
        (lambda: scaler.step(optimizer, closure=print), TypeError, "step: a closure computes gradients anew"),
        (lambda: scaler.load_state_dict({}), ValueError, "load_state_dict: the state must have scale, growth_factor"),
    ]
    for call, kind, text in cases:
        with pytest.raises(kind, match=text):
            call()
    (w * 2).sum().backward()
    scaler.step(optimizer)
    with pytest.raises(GraphError, match="step: must be called once between two update"):
        scaler.step(optimizer)
    with pytest.raises(GraphError, match="unscale_: must be called once between two update.*after step"):
        scaler.unscale_(optimizer)
    half = tg.Tensor(np.ones(1, np.float16), requires_grad=True)
    half.sum().backward()
    with pytest.raises(GraphError, match="unscale_: parameters must be of float32; got gradients of float16"):
        tg.amp.GradScaler().unscale_(optim.SGD([half], lr=0.1))
    off = tg.amp.GradScaler(enabled=False)
    off.unscale_(optimizer)
    off.update()
    assert (off.scale(w) is w, off.get_scale(), off.state_dict(), off.is_enabled()) == (True, 1.0, {}, False)
    assert [y.item() for y in scaler.scale([w.sum(), w.sum()])] == [65536 * w.item()] * 2
