"""Ctrl-C at any line of what changes modules, scalers and schedules: all is as before, or all is as after."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

from .test_interrupts import frozen, net, old_or_new

pytestmark = pytest.mark.slow


def of(make, act, look):
    """What is made anew for each interrupt, what is done to it, and what is compared."""

    def made(_):
        x = make()
        return (lambda: act(x)), (lambda: look(x))

    return made


class Halved(nn.Module):
    def forward(self, x):
        return x / 2

    def right_inverse(self, x):
        return x * 2


def layer():
    return nn.Linear(2, 2, rng=tg.random.default_rng(0))


def listed():
    return nn.ModuleList([nn.ReLU(), nn.Tanh(), nn.Sigmoid()])


def tree(module):
    """What a module holds."""
    values = [(name, frozen(x)) for name, x in (*module.named_parameters(), *module.named_buffers())]
    return repr(module), values, frozen(module.state_dict()), [p.requires_grad for p in module.parameters()]


def computed(module):
    return tree(module), frozen(module.eval()(np.ones((1, 2), "f4")))


def halved():
    return nn.utils.parametrize.register_parametrization(layer(), "weight", Halved())


def normed():
    tg.manual_seed(0)
    return nn.utils.spectral_norm(nn.Linear(9, 8, rng=tg.random.default_rng(0)))


def with_hook():
    module = layer()
    module.register_forward_hook(lambda module, args, y: y * 2)
    return module


def scaled(done):
    def make():
        scaler, model = tg.amp.GradScaler(init_scale=4.0, growth_interval=1), net(0)
        optimizer = optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
        scaler.scale((model(np.ones((5, 3), "f4")) ** 2).sum()).backward()
        done(scaler, optimizer)
        return scaler, optimizer, model

    return make


def of_scaler(parts):
    scaler, optimizer, model = parts
    return frozen(
        [scaler.state_dict(), optimizer.state_dict(), model.state_dict(), [p.grad for p in model.parameters()]]
    )


def combined(make):
    def made():
        optimizer = optim.SGD([{"params": [nn.Parameter([1.0])], "lr": lr} for lr in (0.1, 0.2)], lr=1.0)
        return make(optimizer)

    return made


def rates(schedule):
    return frozen([schedule.state_dict(), schedule.optimizer.state_dict()])


ACTIONS = {
    "Module.requires_grad_": of(layer, lambda m: m.requires_grad_(False), tree),
    "Module.buffer": of(layer, lambda m: setattr(m, "mean", nn.Buffer([1.0])), tree),
    "Module.register_buffer": of(layer, lambda m: m.register_buffer("mean", [1.0], persistent=False), tree),
    "del Module.buffer": of(lambda: net(0)[1], lambda m: delattr(m, "running_mean"), tree),
    "ModuleList.extend": of(listed, lambda m: m.extend([nn.ELU(), nn.GELU()]), tree),
    "ModuleList.insert": of(listed, lambda m: m.insert(0, nn.ELU()), tree),
    "del ModuleList[0]": of(listed, lambda m: m.pop(0), tree),
    "ParameterList.extend": of(nn.ParameterList, lambda m: m.extend([[1.0], [2.0]]), tree),
    "ModuleDict.update": of(nn.ModuleDict, lambda m: m.update({"a": nn.ELU(), "b": nn.GELU()}), tree),
    "ModuleDict.clear": of(lambda: nn.ModuleDict({"a": nn.ELU(), "b": nn.GELU()}), nn.ModuleDict.clear, tree),
    "LazyLinear": of(
        lambda: nn.LazyLinear(2, rng=tg.random.default_rng(0)), lambda m: m(np.ones((1, 2), "f4")),
        lambda m: [(n, p.shape) for n, p in m.named_parameters()],
    ),
    "register_forward_hook": of(
        with_hook, lambda m: m.register_forward_hook(lambda module, args, y: y + 1, prepend=True), computed
    ),
    "register_parametrization": of(
        layer, lambda m: nn.utils.parametrize.register_parametrization(m, "weight", Halved()), computed
    ),
    "register_parametrization twice": of(
        halved, lambda m: nn.utils.parametrize.register_parametrization(m, "weight", Halved()), computed
    ),
    "remove_parametrizations": of(
        halved, lambda m: nn.utils.parametrize.remove_parametrizations(m, "weight"), computed
    ),
    "weight_norm": of(layer, nn.utils.weight_norm, computed),
    "spectral_norm": of(normed, lambda m: m(np.ones((1, 9), "f4")), tree),
    "GradScaler.unscale_": of(scaled(lambda s, o: None), lambda p: p[0].unscale_(p[1]), of_scaler),
    "GradScaler.step": of(scaled(lambda s, o: s.unscale_(o)), lambda p: p[0].step(p[1]), of_scaler),
    "GradScaler.update": of(scaled(lambda s, o: s.step(o)), lambda p: p[0].update(), of_scaler),
    "GradScaler.load_state_dict": of(
        scaled(lambda s, o: None), lambda p: p[0].load_state_dict(tg.amp.GradScaler(8.0, 3.0, 0.1).state_dict()), of_scaler
    ),
    "ChainedScheduler.step": of(
        combined(lambda o: optim.ChainedScheduler([optim.StepLR(o, 1, 0.5), optim.ExponentialLR(o, 0.9)])),
        lambda s: s.step(), rates,
    ),
    "SequentialLR.step": of(
        combined(lambda o: optim.SequentialLR(o, [optim.ConstantLR(o, 0.5, 3), optim.ExponentialLR(o, 0.9)], [1])),
        lambda s: s.step(), rates,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIONS)
def test_an_interrupt_at_any_line_leaves_the_old_state_or_the_new(name):
    old_or_new(ACTIONS[name])


def test_a_refused_step_of_one_schedule_of_a_chain_counts_for_none():
    optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.1)
    last = optim.OneCycleLR(optimizer, 0.5, total_steps=2)
    chain = optim.ChainedScheduler([optim.ExponentialLR(optimizer, 0.9), last])
    chain.step()
    chain.step()
    before = rates(chain)
    with pytest.raises(ValueError, match="there are 2 steps; got step 3"):
        chain.step()
    assert rates(chain) == before


def test_a_list_that_is_refused_halfway_adds_nothing():
    parts, named = listed(), nn.ModuleDict()
    with pytest.raises(TypeError, match="holds modules"):
        parts.extend([nn.ELU(), 3])
    with pytest.raises(TypeError, match="holds modules"):
        named.update({"a": nn.ELU(), "b": 3})
    assert (len(parts), len(named)) == (3, 0)


def test_a_step_that_is_refused_may_be_made_again():
    scaler, optimizer, model = scaled(lambda s, o: None)()
    usual, optimizer.step = optimizer.step, lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        scaler.step(optimizer)
    optimizer.step, before = usual, frozen(model.state_dict())
    scaler.step(optimizer)
    assert frozen(model.state_dict()) != before
