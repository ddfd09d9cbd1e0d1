"""dynamic=: one program for all lengths of an axis, or an error that names the line which needs another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim
from tinygrad_edu.errors import GraphError

LAYERS = {
    "Linear": lambda: nn.Linear(4, 3), "LayerNorm": lambda: nn.LayerNorm(4), "BatchNorm1d": lambda: nn.BatchNorm1d(4),
    "GELU": nn.GELU, "Softmax": lambda: nn.Softmax(axis=-1), "LSTM": lambda: Recurrent("LSTM"),
    "GRU": lambda: Recurrent("GRU"), "attention": lambda: Attention(), "convolution": lambda: Pictures(),
}  # fmt: skip


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.cell = getattr(nn, kind)(2, 3, batch_first=True)

    def forward(self, x):
        return self.cell(x.reshape(-1, 2, 2))[0].reshape(-1, 6)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.MultiheadAttention(2, 1, batch_first=True)

    def forward(self, x):
        x = x.reshape(-1, 2, 2)
        return self.inner(x, x, x, need_weights=False)[0].reshape(-1, 4)


class Pictures(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(1, 2, 2, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())

    def forward(self, x):
        return self.inner(x.reshape(-1, 1, 2, 2))


def trainer(make, wrap):
    tg.manual_seed(0)
    model = make()
    scale = nn.Parameter(tg.ones(()))  # for layers without parameters
    opt = optim.Adam([*model.parameters(), scale], lr=0.01)

    @wrap
    def step(x):
        opt.zero_grad()
        loss = ((model(x) * scale) ** 2).mean()
        loss.backward()
        opt.step()
        return loss

    return step, model


@pytest.mark.parametrize("name", LAYERS)
def test_one_program_for_all_lengths(name):
    eager, a = trainer(LAYERS[name], lambda f: f)
    step, b = trainer(LAYERS[name], tg.compile(dynamic=True))
    rng = np.random.default_rng(0)
    for n in (5, 2, 9, 31, 5, 4):
        x = tg.Tensor(rng.normal(size=(n, 4)), dtype="float32")
        assert np.allclose(eager(x).item(), step(x).item(), rtol=1e-5)
    assert step._made == 1
    for k, v in a.state_dict().items():
        assert np.allclose(v.numpy(), b.state_dict()[k].numpy(), rtol=1e-4, atol=1e-6)


MOVES = [
    lambda x, w: tg.tanh(x @ w), lambda x, w: x - x.mean(axis=0), lambda x, w: x / (1 + x.var(axis=0)), lambda x, w: x + x.sum(),
    lambda x, w: tg.concat([x[1:], x[:1]]), lambda x, w: x[:-1].sum(axis=0) + x, lambda x, w: F.softmax(x, 0) * x,
    lambda x, w: x * tg.arange(x.shape[0]).reshape(-1, 1) / x.shape[0], lambda x, w: x.reshape(-1).reshape(x.shape),
    lambda x, w: x - tg.logsumexp(x, axis=0), lambda x, w: tg.zeros((x.shape[0], 3)) + x, lambda x, w: x.std(axis=0) + x,
]  # fmt: skip


@given(st.lists(st.sampled_from(MOVES), min_size=1, max_size=5), st.lists(st.integers(2, 12), min_size=2, max_size=4))
def test_random_functions_with_their_gradients(moves, sizes):
    def f(x, w):
        for move in moves:
            x = tg.tanh(move(x, w))
        return x, (x * x).sum()

    compiled = tg.compile(f, dynamic={"x": {0: "batch"}})
    rng = np.random.default_rng(0)
    w = tg.Tensor(rng.normal(size=(3, 3)), requires_grad=True)
    for n in sizes:
        x = tg.Tensor(rng.normal(size=(n, 3)), requires_grad=True)
        found = []
        for g in (f, compiled):
            y, total = g(x, w)
            found.append(
                [
                    y.numpy(),
                    total.numpy(),
                    *(d.numpy() for d in tg.autograd.grad(y.sum() + total, [x, w], materialize_grads=True)),
                ]
            )
        for a, b in zip(*found, strict=True):
            assert a.shape == b.shape
            assert np.allclose(a, b, rtol=1e-9, atol=1e-9)
    assert compiled._made == 1


def test_an_axis_of_length_one_and_an_axis_by_number():
    f = tg.compile(lambda x: (x * 2).mean(axis=1), dynamic={"x": 1})
    for n in (1, 3, 1, 2):
        assert np.allclose(f(tg.ones((2, n))).numpy(), 2.0)
    assert f._made == 1


REFUSED = {
    "other operations": lambda x: sum((row.sum() for row in x), start=tg.zeros(())),
    "a number that depends on it": lambda x: x * float(x.shape[0]) ** 1.5,
    "the shape itself": lambda x: (x, x.shape[0]),
    "random numbers of its shape": lambda x: F.dropout(x, 0.5),
    "a branch": lambda x: x * 2 if x.shape[0] > 6 else x + x + x,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_a_program_for_each_length(name):
    with pytest.raises(GraphError, match=r"compile: with dynamic=.*; got .*; (compile it without|read the shape)"):
        tg.compile(REFUSED[name], dynamic=True)(tg.ones((5, 2)))


def test_the_error_names_the_line():
    def f(x):
        return x * float(x.shape[0]) ** 1.5  # this one

    with pytest.raises(GraphError, match=rf"test_dynamic.py:{f.__code__.co_firstlineno + 1}"):
        tg.compile(f, dynamic=True)(tg.ones((5, 2)))


def test_what_dynamic_may_be():
    f = lambda x, y: x + y
    with pytest.raises(ValueError, match="compile: dynamic must be True, .* name axes of x, y; got {'z': 0}"):
        tg.compile(f, dynamic={"z": 0})(tg.ones(2), tg.ones(2))
    with pytest.raises(ValueError, match="compile: dynamic must name an axis of a tensor or an array; got axis 1 of x"):
        tg.compile(f, dynamic={"x": 1})(tg.ones(2), tg.ones(2))
    with pytest.raises(ValueError, match=r"compile: axes that dynamic= names must have one length.*got \[2, 3\]"):
        tg.compile(f, dynamic={"x": 0, "y": 0})(tg.ones(2), tg.ones((3, 2)))
    with pytest.raises(ValueError, match="must have one length"):
        tg.compile(f, dynamic=True)(tg.ones(()), tg.ones(()))


def test_a_failed_reading_changes_nothing():
    model = nn.Linear(2, 2)
    opt = optim.SGD(model.parameters(), lr=0.1)

    @tg.compile(dynamic=True)
    def step(x):
        opt.zero_grad()
        loss = model(x).sum() * float(x.shape[0]) ** 0.5
        loss.backward()
        opt.step()
        return loss

    before = [p.numpy().copy() for p in model.parameters()]
    generator = tg.random.default_rng(0)
    with pytest.raises(GraphError):
        step(tg.ones((3, 2)))
    for p, q in zip(model.parameters(), before, strict=True):
        assert p.numpy().tobytes() == q.tobytes()
        assert p.grad is None
    assert generator.normal(size=2).numpy().tobytes() == tg.random.default_rng(0).normal(size=2).numpy().tobytes()
