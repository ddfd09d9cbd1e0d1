"""Every optimizer and schedule of `torch.optim` by its name: step by step the same numbers, or a sentence."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim
from tinygrad_edu.errors import GraphError, ShapeError
from tinygrad_edu.interop.pytorch import OPTIM

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:torch")
theirs_schedules = torch.optim.lr_scheduler

OPTIMIZERS = [
    ("SGD", {"lr": 0.01}), ("SGD", {"lr": 0.003, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}), ("Adam", {"lr": 0.1}),
    ("AdamW", {"lr": 0.1, "amsgrad": True}), ("Adagrad", {"lr": 0.3, "lr_decay": 0.1}), ("RMSprop", {"lr": 0.05, "centered": True, "momentum": 0.5}),
    ("NAdam", {"lr": 0.1}), ("NAdam", {"lr": 0.1, "weight_decay": 0.2, "momentum_decay": 0.1}), ("NAdam", {"lr": 0.1, "weight_decay": 0.2, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.1}), ("RAdam", {"lr": 0.1, "weight_decay": 0.2, "betas": (0.8, 0.9)}), ("RAdam", {"lr": 0.1, "weight_decay": 0.2, "decoupled_weight_decay": True}),
    ("Adamax", {"lr": 0.1}), ("Adamax", {"lr": 0.1, "weight_decay": 0.2, "maximize": True}), ("Adadelta", {}), ("Adadelta", {"lr": 5.0, "rho": 0.5, "weight_decay": 0.2}),
    ("Rprop", {"lr": 0.1}), ("Rprop", {"lr": 0.1, "etas": (0.3, 1.7), "step_sizes": (0.05, 0.3)}), ("ASGD", {"lr": 0.01}),
    ("ASGD", {"lr": 0.01, "lambd": 0.2, "alpha": 0.5, "t0": 4.0, "weight_decay": 0.2}), ("Adafactor", {"lr": 0.1}),
    ("Adafactor", {"lr": 0.1, "beta2_decay": -0.5, "eps": (1e-4, 0.1), "d": 1.5, "weight_decay": 0.2, "maximize": True}),
    ("LBFGS", {"lr": 0.3, "max_iter": 6}), ("LBFGS", {"lr": 0.5, "max_iter": 4, "history_size": 2}), ("LBFGS", {"line_search_fn": "strong_wolfe", "max_iter": 6}),
]  # fmt: skip


ROUGH = {"NAdam", "ASGD", "LBFGS"}  # PyTorch keeps their factors in float32; L-BFGS multiplies what rounding does


def test_each_optimizer_is_built_or_answered():
    theirs = {n for n, x in vars(torch.optim).items() if inspect.isclass(x)} - {"Optimizer"}
    built = {name for name, _ in OPTIMIZERS} | {"Muon"}
    assert theirs - built - set(OPTIM) == set()
    assert [n for n in built if not hasattr(optim, n)] == []
    with pytest.raises(
        AttributeError, match="optim: has no attribute 'SparseAdam'; gradients are dense here; use optim.Adam"
    ):
        _ = optim.SparseAdam


def problem():
    """Parameters of several shapes, and data for a loss that bends."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape) for shape in ((4, 3), (3,), (3, 2, 2), ())], rng.normal(size=(6, 4))


def trained(name, kw, steps):
    """The parameters after each step, ours and PyTorch's."""
    start, x = problem()
    ours, theirs = (
        [nn.Parameter(p) for p in start],
        [torch.nn.Parameter(torch.from_numpy(p.copy())) for p in map(np.asarray, start)],
    )
    pair = getattr(optim, name)(ours, **kw), getattr(torch.optim, name)(theirs, **kw)
    for t in range(steps):
        for params, optimizer, mean, data in (
            (ours, pair[0], tg.mean, tg.asarray(x)),
            (theirs, pair[1], torch.mean, torch.from_numpy(x)),
        ):

            def closure(params=params, optimizer=optimizer, mean=mean, data=data, t=t):
                w, b, k, s = params
                optimizer.zero_grad()
                y = ((data @ w + b) ** 2 * (t % 3 + 1) / 4).sum(-1)
                loss = mean(y**1.5 / 10) + ((k - 1) ** 2).sum() * s * s + (s - 0.5) ** 4
                loss.backward()
                return loss

            optimizer.step(closure)
        yield [p.data for p in ours], [p.detach().numpy() for p in theirs]


@pytest.mark.parametrize(("name", "kw"), OPTIMIZERS, ids=str)
def test_steps_are_pytorchs(name, kw):
    tolerance = 1e-5 if name in ROUGH else 1e-8
    for t, (a, b) in enumerate(trained(name, kw, 5 if name == "LBFGS" else 12)):
        for p, q in zip(a, b):
            np.testing.assert_allclose(p, q, rtol=tolerance, atol=tolerance, err_msg=f"step {t}")


@pytest.mark.parametrize(("name", "kw"), OPTIMIZERS, ids=str)
def test_training_resumes_where_its_state_was_taken(name, kw):
    start, _ = problem()

    def run(params, optimizer, steps):
        for _ in range(steps):

            def closure():
                optimizer.zero_grad()
                loss = sum(((p - 1) ** 4).sum() for p in params)
                loss.backward()
                return loss

            optimizer.step(closure)

    whole = [nn.Parameter(p) for p in start]
    run(whole, getattr(optim, name)(whole, **kw), 6)
    first = [nn.Parameter(p) for p in start]
    run(first, before := getattr(optim, name)(first, **kw), 3)
    second = [nn.Parameter(p.data) for p in first]
    after = getattr(optim, name)(second, **kw)
    after.load_state_dict(before.state_dict())
    run(second, after, 3)
    for p, q in zip(whole, second):
        np.testing.assert_array_equal(p.data, q.data)


def test_muon_steps_are_orthogonal_and_near_pytorchs():
    """PyTorch's are computed in bfloat16."""
    rng = np.random.default_rng(0)
    for shape in ((4, 6), (6, 4), (5, 5)):
        for kw in ({}, {"nesterov": False, "adjust_lr_fn": "match_rms_adamw"}):
            w = rng.normal(size=shape).astype("f4")
            ours, theirs = nn.Parameter(w), torch.nn.Parameter(torch.from_numpy(w.copy()))
            pair = optim.Muon([ours], lr=0.1, **kw), torch.optim.Muon([theirs], lr=0.1, **kw)
            for _ in range(3):
                g = rng.normal(size=shape).astype("f4")
                ours.grad, theirs.grad = tg.asarray(g), torch.from_numpy(g)
                before = ours.data.copy()
                for optimizer in pair:
                    optimizer.step()
                step = before * (1 - 0.1 * 0.1) - ours.data
                rate = 0.1 * (0.2 * max(shape) ** 0.5 if kw else max(1, shape[0] / shape[1]) ** 0.5)
                assert 0.6 < np.linalg.svd(step / rate)[1].min() < np.linalg.svd(step / rate)[1].max() < 1.3
                np.testing.assert_allclose(ours.data, theirs.detach().numpy(), atol=0.1 * rate)
    with pytest.raises(
        ValueError, match=r"Muon: parameters must be matrices; got shape \(3,\); give the others to AdamW"
    ):
        optim.Muon([nn.Parameter([1.0, 2.0, 3.0])])


def test_lion_follows_its_formula():
    w = nn.Parameter([1.0, -2.0, 0.0], dtype="float64")
    optimizer, p, m = optim.Lion([w], lr=0.1, weight_decay=0.5), np.array([1.0, -2.0, 0.0]), np.zeros(3)
    for t in range(4):
        g = np.array([1.0, -0.5 + t / 4, 0.0])
        w.grad = tg.asarray(g)
        optimizer.step()
        p = p * (1 - 0.05) - 0.1 * np.sign(0.9 * m + 0.1 * g)
        m = 0.99 * m + 0.01 * g
        np.testing.assert_allclose(w.data, p)


@pytest.mark.parametrize(("make", "text"), [
    (lambda p: optim.Adadelta(p, rho=2.0), "Adadelta: rho must be from 0 to 1; got 2.0"), (lambda p: optim.Rprop(p, etas=(1.5, 2.0)), "etas must be below 1 and above 1"),
    (lambda p: optim.ASGD(p, t0=-1), "ASGD: t0 must be a number, 0 or more; got -1"), (lambda p: optim.Adafactor(p, beta2_decay=0.5), "beta2_decay must be 0 or less; got 0.5"),
    (lambda p: optim.Muon(p, ns_steps=100), "ns_steps must be from 0 to 99; got 100"), (lambda p: optim.NAdam(p, betas=(1.0, 0.9)), "betas must be from 0 to below 1"),
    (lambda p: optim.LBFGS(p, line_search_fn="armijo"), "line_search_fn must be None or 'strong_wolfe'; got 'armijo'"),
    (lambda p: optim.LBFGS(p).step(), "LBFGS: step needs a closure"),
])  # fmt: skip
def test_settings_that_make_no_sense_are_refused(make, text):
    with pytest.raises((ValueError, TypeError), match=text):
        make([nn.Parameter(np.ones((2, 2)))])


def optimizers(groups=1, momentum=0.9):
    ours = optim.SGD(
        [{"params": [nn.Parameter([1.0])], "lr": 0.4 / (k + 1)} for k in range(groups)], lr=0.4, momentum=momentum
    )
    theirs = torch.optim.SGD(
        [{"params": [torch.nn.Parameter(torch.ones(1))], "lr": 0.4 / (k + 1)} for k in range(groups)],
        lr=0.4,
        momentum=momentum,
    )
    return ours, theirs


def simple(name, *args, **kw):
    return name, lambda m, o: getattr(m, name)(o, *args, **kw)


SCHEDULES = [
    simple("StepLR", 3), simple("MultiStepLR", [2, 5, 5], 0.5), simple("ExponentialLR", 0.8), simple("CosineAnnealingLR", 7, 0.01), simple("LinearLR", 0.2, 0.9, 6),
    simple("ConstantLR"), simple("ConstantLR", 0.5, 3), simple("PolynomialLR"), simple("PolynomialLR", 8, 2.0), simple("LambdaLR", lambda t: 1 / (1 + t)),
    simple("MultiplicativeLR", lambda t: 0.9 + 0.01 * t), simple("CosineAnnealingWarmRestarts", 3), simple("CosineAnnealingWarmRestarts", 3, 2, 0.01),
    simple("CyclicLR", 0.01, 0.3, 4), simple("CyclicLR", 0.01, 0.3, 4, 2, "triangular2"), simple("CyclicLR", 0.01, 0.3, 3, 5, "exp_range", 0.9),
    simple("CyclicLR", 0.01, 0.3, 4, scale_fn=lambda x: 1 / x, scale_mode="cycle", cycle_momentum=False), simple("OneCycleLR", 0.5, 30),
    ("SequentialLR", lambda m, o: m.SequentialLR(o, [m.LinearLR(o, 0.1, total_iters=4), m.CosineAnnealingLR(o, 10)], [4])),
    ("SequentialLR", lambda m, o: m.SequentialLR(o, [m.ConstantLR(o, 0.1, 3), m.ExponentialLR(o, 0.9), m.StepLR(o, 2, 0.5)], [3, 7])),
    ("ChainedScheduler", lambda m, o: m.ChainedScheduler([m.ConstantLR(o, 0.1, 3), m.ExponentialLR(o, 0.9), m.StepLR(o, 4)])),
]  # fmt: skip


def test_each_schedule_is_built():
    theirs = {
        n
        for n, x in vars(theirs_schedules).items()
        if inspect.isclass(x) and n[0] != "_" and (n.endswith("LR") or n.endswith("Scheduler") or "Anneal" in n)
    }
    assert theirs - {name for name, _ in SCHEDULES} == {"LRScheduler"}
    assert [
        n for n in dir(optim.lr_scheduler) if n in theirs and getattr(optim, n) is not getattr(optim.lr_scheduler, n)
    ] == []


def settings_of(optimizer):
    return [(group["lr"], group["momentum"]) for group in optimizer.param_groups]


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("name", "make"), SCHEDULES, ids=[f"{name}{k}" for k, (name, _) in enumerate(SCHEDULES)])
def test_rates_are_pytorchs_step_by_step(name, make, groups):
    pair = optimizers(groups)
    ours, theirs = make(optim, pair[0]), make(theirs_schedules, pair[1])
    for t in range(25):
        np.testing.assert_allclose(
            settings_of(pair[0]), settings_of(pair[1]), rtol=1e-9, atol=1e-12, err_msg=f"step {t}"
        )
        np.testing.assert_allclose(ours.get_last_lr(), theirs.get_last_lr(), rtol=1e-9, atol=1e-12)
        for optimizer, schedule in zip(pair, (ours, theirs)):
            optimizer.step()
            schedule.step()


@pytest.mark.parametrize(("name", "make"), SCHEDULES, ids=[f"{name}{k}" for k, (name, _) in enumerate(SCHEDULES)])
def test_schedules_resume_from_their_state(name, make):
    (whole, _), (again, _) = optimizers(2), optimizers(2)
    a = make(optim, whole)
    for _ in range(6):
        a.step()
    b = make(optim, again)
    b.load_state_dict(a.state_dict())
    again.load_state_dict(whole.state_dict())
    for _ in range(8):
        assert settings_of(whole) == settings_of(again)
        a.step()
        b.step()


# PyTorch changes the rate a second time if it goes on just where MultiStepLR or ConstantLR changes it
GO_ON = [(name, make) for name, make in SCHEDULES[:13] if name not in ("MultiStepLR", "ConstantLR")]


@pytest.mark.parametrize(("name", "make"), GO_ON, ids=[f"{name}{k}" for k, (name, _) in enumerate(GO_ON)])
def test_a_new_schedule_goes_on_at_last_epoch_as_pytorchs(name, make):
    """After 5 steps, the last epoch is number 4."""
    pair = optimizers(2)
    for optimizer, m in zip(pair, (optim, theirs_schedules)):
        schedule = make(m, optimizer)
        for _ in range(5):
            optimizer.step()
            schedule.step()
    again = optimizers(2)
    for optimizer, old, m in zip(again, pair, (optim, theirs_schedules)):
        optimizer.load_state_dict(old.state_dict())
        kind = type(make(m, optimizers(2)[m is not optim]))
        arguments = inspect.getclosurevars(make).nonlocals
        schedule = kind(optimizer, *arguments["args"], **arguments["kw"], last_epoch=4)
        for _ in range(4):
            optimizer.step()
            schedule.step()
    np.testing.assert_allclose(settings_of(again[0]), settings_of(again[1]), rtol=1e-9)


def test_warm_restarts_take_fractions():
    pair = optimizers()
    ours, theirs = (m.CosineAnnealingWarmRestarts(o, 3, 2) for m, o in zip((optim, theirs_schedules), pair))
    for epoch in (0.25, 1.5, 2.9, 3.1, 8.75, 9.0, 20.5):
        ours.step(epoch)
        theirs.step(epoch)
        np.testing.assert_allclose(settings_of(pair[0]), settings_of(pair[1]))


def test_schedules_that_cannot_be_are_refused():
    o, other = optimizers(2)[0], optimizers()[0]
    for make, text in (
        (lambda: optim.SequentialLR(o, [optim.StepLR(o, 3)], [4]), "milestones must be 0, ascending"),
        (
            lambda: optim.SequentialLR(o, [optim.StepLR(o, 3), optim.ReduceLROnPlateau(o)], [4]),
            "got StepLR, ReduceLROnPlateau",
        ),
        (lambda: optim.ChainedScheduler([optim.StepLR(o, 3), optim.StepLR(other, 3)]), "of one optimizer"),
        (lambda: optim.LambdaLR(o, [max]), "lr_lambda must be a function, or 2"),
        (lambda: optim.CyclicLR(o, 0.1, 0.2, mode="square"), "mode must be in"),
    ):
        with pytest.raises(ValueError, match=text):
            make()
    schedule = optim.LambdaLR(o, lambda t: 0.5)
    o.add_param_group({"params": [nn.Parameter([1.0])]})
    with pytest.raises(ValueError, match="LambdaLR: the optimizer must keep its 2 groups; got 3"):
        schedule.step()


@pytest.mark.parametrize("name", ["NAdam", "RAdam", "Adamax", "Lion", "Adadelta", "Rprop", "ASGD"])
def test_a_compiled_step_is_the_same(name):
    found = []
    for compiled in (False, True):
        w = nn.Parameter(problem()[0][0])
        optimizer = getattr(optim, name)([w])

        def step(x, w=w, optimizer=optimizer):
            optimizer.zero_grad()
            loss = ((x @ w) ** 2).sum()
            loss.backward()
            optimizer.step()
            return loss

        run = tg.compile(step) if compiled else step
        for _ in range(8):
            run(tg.asarray(problem()[1]))
        found.append(w.data.copy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


@pytest.mark.parametrize("name", ["Adafactor", "Muon"])
def test_state_of_other_shapes_is_copied_loaded_and_checked(name):
    def trained(steps, optimizer, w):
        for k in range(steps):
            optimizer.zero_grad()
            (w * (k + 1.0)).square().sum().backward()
            optimizer.step()
        return optimizer, w

    def new(shape=(3, 2)):
        w = nn.Parameter(np.linspace(-1.0, 2.0, 6).reshape(shape))
        return getattr(optim, name)([w], lr=0.1), w

    first, w = trained(2, *new())
    again, other = copy.deepcopy((first, w))
    loaded, third = new()
    third.data = w.data.copy()
    loaded.load_state_dict(pickle.loads(pickle.dumps(first.state_dict())))
    for optimizer, p in ((first, w), (again, other), (loaded, third)):
        trained(3, optimizer, p)
        np.testing.assert_array_equal(p.data, w.data)
        assert optimizer.state[p]["step"] == 5
    with pytest.raises(ShapeError, match=r"load_state_dict: \w+ of parameter 0 must have shape .*; got"):
        new((2, 3))[0].load_state_dict(first.state_dict())


@pytest.mark.parametrize("name", ["LBFGS"])
def test_steps_that_depend_on_values_are_not_compiled(name):
    w = nn.Parameter(np.ones((2, 2)))
    optimizer = getattr(optim, name)([w])
    with pytest.raises(
        GraphError, match=f"^{name}: step must be called outside of a function that is compiled or exported"
    ):
        tg.compile(lambda x: optimizer.step(lambda: (x @ w).sum()))(tg.ones((2, 2)))
