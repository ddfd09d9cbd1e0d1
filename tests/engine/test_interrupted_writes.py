"""Ctrl-C at any line of a step, of backward(), of a write or of batch norm: the state is the old one or the new one."""

import itertools
from functools import partial

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.engine.test_interrupts import frozen, interrupted
from tinygrad_edu import blocks, nn, optim, recording
from tinygrad_edu.nn import guards
from tinygrad_edu.optim import bundle


@pytest.fixture(autouse=True)
def parameters_without_a_gradient_are_meant():
    with guards.off("parameters"):
        yield


def settings():
    """What holds for this thread."""
    return recording.recording.get(), blocks.opened.get(), guards.switched.get(), guards.EVERYWHERE.now, np.geterr()


def state(*tensors):
    """Values, gradients, whether they were born again or marked since, and what holds for this thread."""
    births = [(t.born, t.site, t.past is None) for t in tensors]

    def look():
        new = [(t.born != born, t.site is not here, t.past is None) for t, (born, here, _) in zip(tensors, births)]
        kinds = [(t.op and t.op.name, t.flags, None if t._grad is None else t._grad.site) for t in tensors]
        return frozen([[t._data for t in tensors], [t._grad for t in tensors], new, kinds]), settings()

    return look


def parameters():
    """Some of each kind: small ones that are updated together, one of several blocks, one that the user holds, one
    that does not lie in one piece, one of half precision, a number, and one without a gradient."""
    arrays = [np.ones(3, "f4"), np.ones((2, 3), "f4"), np.ones(70, "f4"), np.ones((4, 3), "f4").T, np.ones(2, "f2"),
              np.ones(2), np.float32(1.0), np.ones(4, "f4")]  # fmt: skip
    found = [nn.Parameter(a) for a in arrays]
    found[3] = tg.asarray(arrays[3]).requires_grad_()
    for p in found[:-1]:
        p.grad = np.asarray(p._data) * 2
    return found


def of_a_step(kind, **options):
    def make():
        params = parameters()
        held = [params[0].data, params[3].data]
        optimizer = kind([{"params": params[:4], "lr": 0.5}, {"params": params[4:]}], lr=0.25, **options)
        look = state(*params)
        return optimizer.step, lambda: (look(), frozen(optimizer.state_dict()), frozen(held))

    return make


def of_backward(create_graph):
    def make():
        x, y = (tg.Tensor(np.array([1.0, 2.0]), requires_grad=True) for _ in range(2))
        (x * y).sum().backward()
        loss = (x * x * y + y).sum()
        return (lambda: loss.backward(create_graph=create_graph)), state(x, y, loss)

    return make


def of_a_write(write, without=False):
    """`write(b, v, x)`, where v is a view of a view of b, and x needs a gradient."""

    def make():
        x, b = tg.Tensor(np.array([1.0, 2.0]), requires_grad=True), tg.Tensor(np.arange(4.0))
        if without:
            b = b.requires_grad_()
        with tg.no_grad():
            v = b.reshape(2, 2)[0]
            u = x.detach()

        def act():
            if without:
                with tg.no_grad():
                    write(b, v, u)
            else:
                write(b, v, x)

        look, kept = state(x, b, v), (tg.Tensor(np.ones(4), requires_grad=True) * b).sum()
        return act, lambda: (look(), frozen(kept))

    return make


def set_part(b, v, x):
    v[...] = x * x


def set_base(b, v, x):
    b[1:3] = x


def add_to_view(b, v, x):
    v += x


def add_to_base(b, v, x):
    b *= x[0]


def of_batch_norm():
    layer = nn.BatchNorm1d(2, momentum=None)
    look = state(layer.running_mean, layer.running_var, layer.num_batches_tracked)
    return (lambda: layer(np.array([[1.0, 2.0], [3.0, 5.0]], "f4"))), look


def of_whole_parameters(kind, **options):
    """Optimizers that look at a parameter as a whole; a step of LBFGS is of several evaluations."""

    def make():
        params = [nn.Parameter(np.full(shape, 2.0)) for shape in [(2, 3), (3, 2)]]
        optimizer = kind(params, **options)

        def closure():
            optimizer.zero_grad()
            loss = sum((p**2).sum() for p in params)
            loss.backward()
            return loss

        closure()
        optimizer.step(closure)  # so that there is a state
        closure()
        again = kind is optim.LBFGS  # whose parameters come back, and whose gradients are the closure's
        kept = [(t.born, t.site) for p in params for t in (p, p._grad)]

        def look():
            same = again or [(t.born, t.site) for p in params for t in (p, p._grad)] == kept
            return frozen([[p._data for p in params], optimizer.state_dict()["state"]]), settings(), same

        return (partial(optimizer.step, closure) if again else optimizer.step), look

    return make


ACTIONS = {
    "Adafactor": of_whole_parameters(optim.Adafactor),
    "Muon": of_whole_parameters(optim.Muon, ns_steps=1),
    "LBFGS": of_whole_parameters(optim.LBFGS, max_iter=2, lr=0.25),
    "SGD": of_a_step(optim.SGD, momentum=0.5),
    "Adam": of_a_step(optim.Adam, amsgrad=True),
    "backward": of_backward(False),
    "backward with a graph": of_backward(True),
    "BatchNorm": of_batch_norm,
}
for write, without in itertools.product([set_part, set_base, add_to_view, add_to_base], [False, True]):
    ACTIONS[f"{write.__name__}{' under no_grad' * without}"] = of_a_write(write, without)


@pytest.mark.slow
@pytest.mark.parametrize("name", ACTIONS)
def test_an_interrupt_at_any_line_leaves_the_old_state_or_the_new(name, monkeypatch):
    monkeypatch.setattr(bundle, "BLOCK", 32)
    act, look = ACTIONS[name]()
    old = look()
    act()
    new = look()
    assert old != new
    seen = set()
    for at in itertools.count(1, 41 if name == "LBFGS" else 1):  # its closure has thousands of lines
        act, look = ACTIONS[name]()
        assert look() == old
        more = interrupted(act, at)
        found = look()
        assert found in (old, new), f"half done at line {at}"
        seen.add(found == old)
        if not more:
            break
        if found == old:
            act()
            assert look() == new, f"not to be done again after line {at}"
    assert found == new
    assert seen == {True, False}
    assert at > 10


@pytest.mark.parametrize("wrong", ["shape", "gradient", "setting", "rule"])
def test_a_step_that_raises_changes_nothing(wrong):
    class Rule(optim.Adam):
        def update(self, group, step, p, g, state, a, b):
            super().update(group, step, p, g, state, a, b)
            if group["lr"] == 0.125:
                raise ArithmeticError("a rule of the user's own")

    params = parameters()
    optimizer = Rule([{"params": params[:4]}, {"params": params[4:]}], lr=0.25)
    optimizer.step()
    if wrong == "shape":
        params[-2]._data = np.ones(5)
    elif wrong == "gradient":
        params[-2]._grad = tg.ones(3)
    else:
        optimizer.param_groups[1]["lr"] = "fast" if wrong == "setting" else 0.125
    look = state(*params)
    before = look(), frozen(optimizer.state_dict()["state"])
    with pytest.raises((ValueError, TypeError, ArithmeticError, np._core._exceptions._UFuncNoLoopError)):
        optimizer.step()
    assert (look(), frozen(optimizer.state_dict()["state"])) == before
