"""Training steps: a compiled one beside its eager twin, over several calls with new data, whatever happens between."""

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim

from .twins import alike

pytestmark = pytest.mark.filterwarnings("error")


def net(seed=0, dtype="float64"):
    tg.random.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)).astype(dtype)


def data(n=6, dtype="float64", rows=4, seed=1):
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(rows, 3)).astype(dtype), rng.integers(0, 2, rows)) for _ in range(n)]


def trainer(optimizer, dtype="float64", schedule=None, clip=None, zero="first", model=net):
    """A step with one optimizer of one model."""

    def make():
        own = model(dtype=dtype)
        opt = optimizer(own)
        plan = schedule(opt) if schedule else None

        def step(x, t):
            if zero == "first":
                opt.zero_grad()
            loss = F.cross_entropy(own(x), t)
            loss.backward()
            norm = clip(own) if clip else None
            opt.step()
            if plan:
                plan.step()
            if zero == "last":
                opt.zero_grad()
            return (loss, norm) if clip else loss

        return (step, own, opt, plan) if plan else (step, own, opt)

    return make


def muon(own, **settings):
    for p in own.parameters():
        p.requires_grad_(p.ndim == 2)
    return optim.Muon([p for p in own.parameters() if p.ndim == 2], lr=0.1, **settings)


OPTIMIZERS = {
    "SGD": lambda m: optim.SGD(m.parameters(), lr=0.1),
    "SGD decay": lambda m: optim.SGD(m.parameters(), lr=0.1, weight_decay=0.1, maximize=True),
    "momentum": lambda m: optim.SGD(m.parameters(), lr=0.1, momentum=0.9, dampening=0.3),
    "Nesterov": lambda m: optim.SGD(m.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": lambda m: optim.Adam(m.parameters(), lr=0.1),
    "amsgrad": lambda m: optim.Adam(m.parameters(), lr=0.1, amsgrad=True, weight_decay=0.1),
    "Adam upwards": lambda m: optim.Adam(m.parameters(), lr=0.1, maximize=True),
    "AdamW": lambda m: optim.AdamW(m.parameters(), lr=0.1),
    "Adagrad": lambda m: optim.Adagrad(m.parameters(), lr=0.1, lr_decay=0.1, initial_accumulator_value=0.2),
    "RMSprop": lambda m: optim.RMSprop(m.parameters(), lr=0.01),
    "RMSprop centered": lambda m: optim.RMSprop(m.parameters(), lr=0.01, centered=True, momentum=0.9),
    **{name: (lambda m, name=name: getattr(optim, name)(m.parameters(), lr=0.01))
       for name in ("NAdam", "RAdam", "Adamax", "Lion", "Adadelta", "Rprop", "ASGD")},
    **{f"Adafactor {kw}": (lambda m, kw=kw: optim.Adafactor(m.parameters(), **kw)) for kw in (
        {}, {"lr": 1.0, "d": 1.5, "weight_decay": 0.1}, {"beta2_decay": -0.5, "eps": (1e-4, 0.1), "maximize": True},
    )},
    **{f"Muon {kw}": (lambda m, kw=kw: muon(m, **kw)) for kw in (
        {}, {"nesterov": False, "adjust_lr_fn": "match_rms_adamw"}, {"ns_steps": 2, "weight_decay": 0.0},
    )},
    "groups": lambda m: optim.AdamW(
        [{"params": list(m[0].parameters()), "lr": 0.01, "weight_decay": 0.5}, {"params": list(m[2].parameters())}], lr=0.1
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimizer(name, dtype):
    tolerance = 500 if dtype != "float16" else 8192  # state of float32, from gradients of float16
    alike(trainer(OPTIMIZERS[name], dtype), data(dtype=dtype), tolerance=tolerance, programs=1)


@pytest.mark.parametrize("zero", ["first", "last", "never"])
def test_gradients_are_added_up_or_cleared(zero):
    def between(i, model, opt):
        if zero == "never" and i % 2 == 0:
            opt.zero_grad(set_to_none=i % 4 == 0)

    with nn.guards.off("spent_gradients"):
        alike(trainer(OPTIMIZERS["Adam"], zero=zero), data(8), between)


def test_gradients_are_added_up_by_one_function_and_used_by_another():
    def make():
        own = net(dtype="float64")
        opt = OPTIMIZERS["Adam"](own)

        def add(x, t):
            loss = F.cross_entropy(own(x), t) / 2
            loss.backward()
            return loss

        return add, own, opt

    def between(i, own, opt):
        if i and i % 2 == 0:
            opt.step()
            opt.zero_grad()

    alike(make, data(8), between, programs=2)  # with gradients before, and without


def test_the_rate_is_read_in_each_call():
    def between(i, model, opt):
        for group in opt.param_groups:
            group["lr"] = 0.1 / (1 + i)

    alike(trainer(OPTIMIZERS["AdamW"]), data(), between, programs=1)


SCHEDULES = {
    "StepLR": lambda opt: optim.StepLR(opt, step_size=2),
    "Cosine": lambda opt: optim.CosineAnnealingLR(opt, T_max=4),
    "OneCycle": lambda opt: optim.OneCycleLR(opt, max_lr=0.2, total_steps=10),
    "Linear": lambda opt: optim.LinearLR(opt),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_step_inside(name):
    alike(trainer(OPTIMIZERS["Adam"], schedule=SCHEDULES[name]), data())


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_step_between_calls(name):
    def make():
        step, own, opt = trainer(OPTIMIZERS["Adam"])()
        return step, own, opt, SCHEDULES[name](opt)

    alike(make, data(), lambda i, own, opt, plan: plan.step())


CLIPS = {
    "norm": lambda m: nn.utils.clip_grad_norm_(m.parameters(), 0.3),
    "norm 1": lambda m: nn.utils.clip_grad_norm_(m.parameters(), 0.3, norm_type=1),
    "norm inf": lambda m: nn.utils.clip_grad_norm_(m.parameters(), 0.1, norm_type="inf"),
    "large": lambda m: nn.utils.clip_grad_norm_(m.parameters(), 1e9),
    "finite": lambda m: nn.utils.clip_grad_norm_(m.parameters(), 0.3, error_if_nonfinite=True),
    "value": lambda m: nn.utils.clip_grad_value_(m.parameters(), 0.05),
}


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("name", CLIPS)
def test_gradients_are_clipped(name, dtype):
    tolerance = 500 if dtype != "float16" else 64
    alike(trainer(OPTIMIZERS["SGD"], dtype, clip=CLIPS[name]), data(dtype=dtype), tolerance=tolerance, programs=1)


def test_several_optimizers():
    def make():
        a, b = net(0, "float64"), net(1, "float64")
        one, two = OPTIMIZERS["Adam"](a), OPTIMIZERS["momentum"](b)

        def step(x, t):
            one.zero_grad()
            two.zero_grad()
            first = F.cross_entropy(a(x), t)
            first.backward()
            one.step()
            second = (F.softmax(b(x), axis=1) - F.softmax(a(x), axis=1).detach()).square().mean()
            second.backward()
            two.step()
            return {"first": first.detach(), "second": [second]}

        return step, a, b, one, two

    alike(make, data(), programs=1)


def test_values_and_state_are_loaded_between_calls():
    saved = {}

    def between(i, own, opt):
        if i == 2:
            saved[0] = own.state_dict(), opt.state_dict()
        if i == 4:
            own.load_state_dict(saved[0][0])
            opt.load_state_dict(saved[0][1])
        if i == 5:
            own[0].weight.data = np.full((5, 3), 0.25)
        if i == 6:
            own[0].weight.data[1] = 0.5
        if i == 7:
            with tg.no_grad():
                own[2].bias += 1

    alike(trainer(OPTIMIZERS["Adam"]), data(9), between, programs=1)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizers_state_alone_is_loaded_between_calls(name):
    """The parameters keep their arrays: nothing else tells the compiled step that the state has others."""
    saved = {}

    def between(i, own, opt):
        if i == 2:
            saved[id(opt)] = opt.state_dict()
        if i in (5, 7):
            opt.load_state_dict(saved[id(opt)])

    alike(trainer(OPTIMIZERS[name]), data(9), between, programs=1)


def test_parameters_are_frozen_and_freed():
    def between(i, own, opt):
        own[0].requires_grad_(i % 3 != 1)

    with nn.guards.off("parameters"):
        alike(trainer(OPTIMIZERS["Adam"]), data(7), between)


def test_settings_are_changed():
    def between(i, own, opt):
        for group in opt.param_groups:
            group["weight_decay"] = 0.1 * (i // 2)
            group["amsgrad"] = i > 3

    alike(trainer(OPTIMIZERS["Adam"]), data(6), between)


def noisy(seed=0, dtype="float64", rng=None):
    tg.random.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(3, 6, bias=False), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.4, rng=rng), nn.Linear(6, 2)
    ).astype(dtype)


@pytest.mark.parametrize("own_generator", [True, False])
def test_modes_dropout_and_running_statistics(own_generator):
    def make():
        rng = tg.random.default_rng(7) if own_generator else None
        made = trainer(OPTIMIZERS["Adam"], model=lambda dtype: noisy(dtype=dtype, rng=rng))()
        return (*made, rng) if rng else made

    def between(i, own, *rest):
        own.train(i % 3 != 2)

    with nn.guards.off("eval_mode"):
        alike(make, data(8), between, programs=2)


def test_layers_that_share_parameters():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            tg.random.manual_seed(0)
            self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)
            self.b.weight = self.a.weight
            self.head = nn.Linear(3, 2)

        def forward(self, x):
            return self.head(self.b(self.a(x).tanh()).tanh())

    alike(trainer(OPTIMIZERS["Adam"], model=lambda dtype: Tied().astype(dtype)), data(), programs=1)


def test_new_shapes_make_a_new_program():
    calls = [*data(2), *data(2, rows=7), *data(2, rows=1), *data(1)]
    alike(trainer(OPTIMIZERS["Adam"]), calls, programs=3)
