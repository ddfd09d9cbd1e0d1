"""Calls that repeat the last one: gradients keep their arrays where nobody else holds them, and only there."""

import weakref

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim
from tinygrad_edu.compiler import native
from tinygrad_edu.compiler.repetition import OTHERWISE
from tinygrad_edu.holders import COUNTED


def made(calls=3):
    tg.random.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    opt = optim.Adam(model.parameters())

    @tg.compile
    def step(x, t):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(model(x), t)
        loss.backward()
        opt.step()
        return loss

    for i in range(calls):
        step(*data(i))
    return step, model


def data(i):
    rng = np.random.default_rng(i)
    return tg.Tensor(rng.normal(size=(5, 3)).astype("float32")), tg.Tensor(rng.integers(2, size=5))


HOLDERS = {
    "the tensor": lambda p: p.grad,
    "its array": lambda p: p._grad._data,
    "a view": lambda p: p._grad._data[1:],
    "a graph": lambda p: p.grad * tg.Tensor(1.0, requires_grad=True),
    "memory": lambda p: memoryview(p._grad._data),
    "a weak reference": lambda p: weakref.ref(p.grad),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_a_gradient_that_somebody_holds_stays_as_it_is(name):
    step, model = made()
    weight = model[0].weight
    held, before = HOLDERS[name](weight), weight._grad._data.copy()
    step(*data(7))
    assert not np.array_equal(weight._grad._data, before)
    if name == "a weak reference":
        assert held() is None
    elif name == "a graph":
        (leaf,) = (x for x in held.inputs if x.requires_grad)
        held.sum().backward()
        assert np.isclose(leaf.grad.item(), before.sum(), rtol=1e-5)
    else:
        found = np.asarray(held.numpy() if name == "the tensor" else held)
        assert np.array_equal(found, before[1:] if name == "a view" else before)


@pytest.mark.skipif(not COUNTED or not native.available(), reason="there are no counts, or no machine code")
def test_a_gradient_that_nobody_holds_keeps_its_array():
    step, model = made()
    place = id(model[0].weight._grad._data)
    assert step._last.repeat(data(7)) is not OTHERWISE
    assert id(model[0].weight._grad._data) == place


CHANGES = {
    "a loaded value": lambda m: m.load_state_dict({k: v * 2 for k, v in m.state_dict().items()}),
    "a new array": lambda m: setattr(m[0].weight, "data", np.ones((4, 3), "float32")),
    "a value": lambda m: m[0].weight.data.__setitem__(0, 5.0),
    "no gradient": lambda m: setattr(m[0].weight, "grad", None),
    "a gradient of the user's": lambda m: setattr(m[0].weight, "grad", tg.ones((4, 3))),
    "evaluation": lambda m: m.eval(),
    "another layer": lambda m: m.__setitem__(1, nn.ReLU()),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_changes_between_calls_is_seen(name):
    (step, model), (other, twin) = made(), made()
    CHANGES[name](model), CHANGES[name](twin)
    for i in (7, 8):
        x, t = data(i)
        loss = step(x, t)
        assert np.allclose(loss.item(), other.function(x, t).item(), rtol=1e-5)
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        assert np.allclose(p.numpy(), q.numpy(), rtol=1e-5, atol=1e-6)
        assert np.allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_arguments_that_are_written_into_or_have_gaps():
    step, _ = made()
    x, t = data(5)
    wide = np.zeros((5, 6), "float32")
    wide[:, ::2] = x.numpy()
    expected = made()[0](x, t).item()
    gaps = tg.Tensor(x)
    gaps._data = wide[:, ::2]
    assert np.allclose(step(gaps, t).item(), expected)

    w = tg.Tensor(np.ones(4, "float32"), requires_grad=True)
    opt = optim.SGD([w], lr=1.0)

    @tg.compile
    def shrink(x):
        opt.zero_grad()
        loss = (w * x).sum()
        loss.backward()
        opt.step()
        return loss

    for _ in range(3):
        shrink(tg.ones(4))
    before = w.numpy().copy()
    itself = tg.Tensor(0.0)
    itself._data = w._data  # the memory that the step writes into
    assert np.allclose(shrink(itself).item(), (before**2).sum())
    assert np.allclose(w.numpy(), 0)
