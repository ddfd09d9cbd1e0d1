"""Schedules: their rates beside PyTorch's, how they chain, and how they go on."""

import copy
import pickle
import tempfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

SCHEDULES = {
    "StepLR": {"step_size": st.integers(1, 20), "gamma": st.sampled_from([0.1, 0.5])},
    "MultiStepLR": {"milestones": st.lists(st.integers(1, 40), max_size=4, unique=True), "gamma": st.just(0.3)},
    "ExponentialLR": {"gamma": st.sampled_from([0.9, 0.99])},
    "CosineAnnealingLR": {"T_max": st.integers(3, 60), "eta_min": st.sampled_from([0.0, 0.01])},
    "LinearLR": {
        "start_factor": st.sampled_from([0.1, 1.0]), "end_factor": st.just(0.7), "total_iters": st.integers(1, 60),
    },
    "OneCycleLR": {
        "max_lr": st.sampled_from([0.5, [0.3, 0.6]]), "total_steps": st.integers(52, 80), "three_phase": st.booleans(),
        "pct_start": st.sampled_from([0.3, 0.45]), "anneal_strategy": st.sampled_from(["cos", "linear"]),
    },
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEDULES)
@given(data=st.data(), adam=st.booleans())
def test_schedules_are_pytorchs(name, data, adam):
    torch = pytest.importorskip("torch")
    kw = {k: data.draw(v) for k, v in SCHEDULES[name].items()}
    own = {} if adam else {"momentum": 0.9}

    def make(module, params):
        groups = [{"params": params[:1]}, {"params": params[1:], "lr": 0.3}]
        return (module.Adam if adam else module.SGD)(groups, lr=0.1, **own)

    mine = make(optim, [nn.Parameter([1.0]), nn.Parameter([1.0])])
    other = make(torch.optim, [torch.nn.Parameter(torch.ones(1)) for _ in range(2)])
    ours, theirs = getattr(optim, name)(mine, **kw), getattr(torch.optim.lr_scheduler, name)(other, **kw)
    for step in range(50):
        np.testing.assert_allclose(ours.get_last_lr(), theirs.get_last_lr(), rtol=1e-9, atol=1e-12)
        for a, b in zip(mine.param_groups, other.param_groups):
            key = "betas" if adam else "momentum"
            np.testing.assert_allclose(a[key], b[key], rtol=1e-9)
        if step == 20:  # saved and loaded on the way
            saved, again = ours.state_dict(), getattr(optim, name)(mine, **kw)
            again.load_state_dict(saved)
            ours = again
        other.step()
        ours.step()
        theirs.step()


@given(
    st.sampled_from(["min", "max"]), st.sampled_from(["rel", "abs"]), st.integers(0, 3), st.integers(0, 2),
    st.sampled_from([0.0, 0.01]), st.integers(0, 99),
)  # fmt: skip
def test_reduce_on_plateau_is_pytorchs(mode, threshold_mode, patience, cooldown, min_lr, seed):
    torch = pytest.importorskip("torch")
    kw = {"mode": mode, "threshold_mode": threshold_mode, "patience": patience, "cooldown": cooldown, "min_lr": min_lr}
    mine, other = optim.SGD([nn.Parameter([1.0])], lr=0.5), torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.5)
    ours = optim.ReduceLROnPlateau(mine, factor=0.5, **kw)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(other, factor=0.5, **kw)
    for value in np.random.default_rng(seed).normal(size=50).cumsum():
        ours.step(value)
        theirs.step(value)
        assert mine.param_groups[0]["lr"] == pytest.approx(other.param_groups[0]["lr"])


def test_schedules_refuse_what_makes_no_sense():
    optimizer = optim.Adagrad([nn.Parameter([1.0])])
    with pytest.raises(ValueError, match="the optimizer must have momentum or betas"):
        optim.OneCycleLR(optimizer, 0.1, total_steps=10)
    with pytest.raises(ValueError, match="needs total_steps, or epochs and steps_per_epoch"):
        optim.OneCycleLR(optimizer, 0.1)
    schedule = optim.OneCycleLR(optimizer, 0.1, total_steps=10, cycle_momentum=False)
    for _ in range(10):
        schedule.step()
    with pytest.raises(ValueError, match="there are 10 steps; got step 11"):
        schedule.step()
    with pytest.raises(TypeError, match="needs the measure to watch"):
        optim.ReduceLROnPlateau(optimizer).step()
    with pytest.raises(ValueError, match="must be of a StepLR; got unknown"):
        optim.StepLR(optimizer, 3).load_state_dict(schedule.state_dict())


def test_one_cycle_takes_all_its_steps_and_not_one_more():
    torch = pytest.importorskip("torch")
    p = nn.Parameter([1.0])
    schedule = optim.OneCycleLR(optim.SGD([p], lr=0.1, momentum=0.9), 0.1, total_steps=5)
    torch_p = torch.nn.Parameter(torch.tensor([1.0]))
    peer = torch.optim.lr_scheduler.OneCycleLR(torch.optim.SGD([torch_p], lr=0.1, momentum=0.9), 0.1, total_steps=5)
    for _ in range(5):
        peer.optimizer.step()
        schedule.step()
        peer.step()
        assert schedule.optimizer.param_groups[0]["lr"] == pytest.approx(peer.get_last_lr()[0], abs=1e-12)
    with pytest.raises(ValueError, match="OneCycleLR: there are 5 steps"):
        schedule.step()


def libraries():
    """Optimizers, schedules and a parameter, here and in PyTorch."""
    torch = pytest.importorskip("torch")
    yield optim, optim, nn.Parameter([1.0])
    yield torch.optim, torch.optim.lr_scheduler, torch.nn.Parameter(torch.ones(1))


def test_schedules_chain_as_in_pytorch():
    found = []
    for module, schedules, p in libraries():
        optimizer = module.SGD([p], lr=0.1)
        parts = [schedules.LinearLR(optimizer, 0.1, 1.0, 4), schedules.MultiStepLR(optimizer, [3, 6], 0.1)]
        rates = []
        for epoch in range(12):
            optimizer.step()
            for schedule in parts:
                schedule.step()
            if epoch == 7:  # the user steps in
                optimizer.param_groups[0]["lr"] *= 5
            if epoch == 9:  # a new schedule goes on from the rate of now
                parts = [schedules.ExponentialLR(optimizer, 0.9)]
            rates.append(optimizer.param_groups[0]["lr"])
        found.append(rates)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


def test_a_schedule_goes_on_at_an_epoch():
    first = optim.SGD([nn.Parameter([1.0])], lr=0.1)
    schedule = optim.StepLR(first, 2)
    for _ in range(5):
        schedule.step()
    second = optim.SGD([nn.Parameter([1.0])], lr=0.1)
    with pytest.raises(ValueError, match="to go on at last_epoch=4, groups must have initial_lr"):
        optim.StepLR(second, 2, last_epoch=4)
    second.load_state_dict(first.state_dict())
    assert optim.StepLR(second, 2, last_epoch=5).get_last_lr() == [pytest.approx(0.1 * 0.1**3)]


HOW = st.sampled_from(["pickle", "deepcopy", "opt, build, schedules", "build, schedules, opt", "build, opt, schedules"])


CHAINED = [name for name in SCHEDULES if name != "OneCycleLR"]


def scheduled(module, schedules, kinds, params):
    """An optimizer of two groups, and schedules on it."""
    sgd = module.SGD([{"params": params[:1]}, {"params": params[1:2], "lr": 0.3}], lr=0.1, momentum=0.9)
    return sgd, [getattr(schedules, name)(sgd, **kw) for name, kw in kinds]


def resumed(how, optimizer, parts, kinds, params, extra, path):
    """What was built anew, or copied, and goes on where it was."""
    if how in ("pickle", "deepcopy"):
        copied = copy.deepcopy if how == "deepcopy" else (lambda x: pickle.loads(pickle.dumps(x)))
        return copied((optimizer, parts))
    tg.save(path, {"optimizer": optimizer.state_dict(), "schedules": [part.state_dict() for part in parts]})
    saved = tg.load(path)
    built = optim.SGD([{"params": params[:1]}, {"params": params[1:2], "lr": 7.0}, *extra], lr=5.0, momentum=0.9)

    def build():
        return [getattr(optim, name)(built, **kw) for name, kw in kinds]

    if how.startswith("opt"):
        built.load_state_dict(saved["optimizer"])
    again = build()
    if how.endswith("schedules") and not how.startswith("opt"):
        built.load_state_dict(saved["optimizer"])
    for part, state in reversed(list(zip(again, saved["schedules"], strict=True))):
        part.load_state_dict(state)
    if how.endswith("opt"):
        built.load_state_dict(saved["optimizer"])
    return built, again


@given(data=st.data(), one_cycle=st.booleans())
def test_schedules_after_any_history_are_pytorchs(data, one_cycle, tmp_path_factory):
    """Chained schedules, the user's changes, new groups, and resumptions, beside PyTorch's without resumptions."""
    torch = pytest.importorskip("torch")
    path = tmp_path_factory.mktemp("states") / "state.safetensors"
    names = ["OneCycleLR"] if one_cycle else data.draw(st.lists(st.sampled_from(CHAINED), min_size=1, max_size=3))
    kinds = [(name, {k: data.draw(v) for k, v in SCHEDULES[name].items()}) for name in names]
    ours, theirs = [nn.Parameter([1.0]) for _ in range(3)], [torch.nn.Parameter(torch.ones(1)) for _ in range(3)]
    mine, parts = scheduled(optim, optim, kinds, ours)
    other, peers = scheduled(torch.optim, torch.optim.lr_scheduler, kinds, theirs)
    extra, history = [], st.sampled_from(["step", "step", "step", "resume"] + ["change", "add"] * (not one_cycle))
    for event in data.draw(st.lists(history, max_size=40)):
        if event == "step":
            mine.step()
            other.step()
            for part in parts:
                part.step()
            try:
                for part in peers:
                    part.step()
            except ValueError:  # PyTorch's CosineAnnealingLR at the end of a period, after a group was added
                assert extra
                return
        elif event == "change":
            for groups in (mine.param_groups, other.param_groups):
                groups[0]["lr"] *= 0.5
        elif event == "add" and not extra:
            extra.append({"params": ours[2:], "lr": 0.7})
            mine.add_param_group(dict(extra[0]))
            other.add_param_group({"params": theirs[2:], "lr": 0.7})
        elif event == "resume":
            mine, parts = resumed(data.draw(HOW), mine, parts, kinds, ours, extra, path)
        for a, b in zip(mine.param_groups, other.param_groups, strict=True):
            assert a["lr"] == pytest.approx(b["lr"], rel=1e-9, abs=1e-12)
            assert a["momentum"] == pytest.approx(b["momentum"], rel=1e-9)


@pytest.mark.parametrize("name", SCHEDULES)
@given(
    data=st.data(), epoch=st.integers(0, 49), how=st.sampled_from(["loaded", "loaded before its step", "initial_lr"])
)
def test_a_schedule_goes_on_at_its_last_epoch(name, data, epoch, how):
    """`last_epoch` gives the rates of the next epoch, whether the loaded rates are of that one, or of the one before, or
    only the rates at first are known."""
    kw = {k: data.draw(v) for k, v in SCHEDULES[name].items()}
    first, (schedule,) = scheduled(optim, optim, [(name, kw)], [nn.Parameter([1.0]), nn.Parameter([1.0])])
    want = []
    for t in range(52):
        if t == epoch + (how == "loaded"):
            saved = first.state_dict()
        want.append((schedule.get_last_lr(), [group["momentum"] for group in first.param_groups]))
        schedule.step()
    params = [nn.Parameter([1.0]), nn.Parameter([1.0])]
    initial = [group["initial_lr"] for group in first.param_groups]
    second = optim.SGD(
        [{"params": [p], "lr": lr, "initial_lr": lr} for p, lr in zip(params, initial, strict=True)],
        lr=1.0,
        momentum=0.9,
    )
    if how != "initial_lr":
        second.load_state_dict(saved)
    again = getattr(optim, name)(second, last_epoch=epoch, **kw)
    for t in range(epoch + 1, 52):
        np.testing.assert_allclose(again.get_last_lr(), want[t][0], rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose([group["momentum"] for group in second.param_groups], want[t][1], rtol=1e-9)
        again.step()


def chain(schedules, optimizer, **kw):
    return [schedules.CosineAnnealingLR(optimizer, 20, 0.01, **kw), schedules.ExponentialLR(optimizer, 0.9, **kw)]


def test_chained_schedules_go_on_at_their_last_epoch():
    """What was loaded is the rate of now, as in PyTorch."""
    found = []
    for module, schedules, p in libraries():
        optimizer = module.SGD([p], lr=0.1)
        parts, rates = chain(schedules, optimizer), []
        for t in range(15):
            if t == 7:
                state, optimizer = optimizer.state_dict(), module.SGD([p], lr=0.1)
                optimizer.load_state_dict(state)
                parts = chain(schedules, optimizer, last_epoch=6)
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            for part in parts:
                part.step()
        found.append(rates)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


@given(st.integers(0, 99), st.integers(0, 29), HOW, st.sampled_from([0.0, [0.01, 0.2]]))
def test_reduce_on_plateau_goes_on(seed, stop, how, min_lr):
    kinds, params = (
        [("ReduceLROnPlateau", {"patience": 1, "cooldown": 1, "min_lr": min_lr})],
        [nn.Parameter([1.0]) for _ in "ab"],
    )
    losses, found = np.random.default_rng(seed).normal(size=30), []
    for stops in ((), (stop,)):
        optimizer, parts = scheduled(optim, optim, kinds, params)
        rates = []
        for t, loss in enumerate(losses):
            if t in stops:
                with tempfile.TemporaryDirectory() as folder:
                    optimizer, parts = resumed(how, optimizer, parts, kinds, params, [], f"{folder}/state")
            parts[0].step(loss)
            rates.append(parts[0].get_last_lr())
        found.append(rates)
    assert found[0] == found[1]


def test_reduce_on_plateau_takes_new_groups():
    optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.5)
    schedule = optim.ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
    each = optim.ReduceLROnPlateau(optimizer, min_lr=[0.1])
    optimizer.add_param_group({"params": [nn.Parameter([1.0])], "lr": 0.25})
    for _ in range(2):
        schedule.step(1.0)
    assert schedule.get_last_lr() == [0.25, 0.125]
    with pytest.raises(ValueError, match="min_lr must be one number, or one for each of 2 groups"):
        [each.step(1.0) for _ in range(20)]


def test_settings_may_be_numpys_numbers(tmp_path):
    """As drawn from np.logspace: they are saved and loaded as numbers."""
    make = lambda: optim.Adam([nn.Parameter([1.0])], lr=np.float64(0.1), eps=np.float32(1e-8))
    optimizer = make()
    schedule = optim.ExponentialLR(optimizer, np.float64(0.5))
    schedule.step()
    tg.save(tmp_path / "s", {"o": optimizer.state_dict(), "s": schedule.state_dict()})
    saved, again = tg.load(tmp_path / "s"), make()
    other = optim.ExponentialLR(again, 0.9)
    again.load_state_dict(saved["o"])
    other.load_state_dict(saved["s"])
    assert type(again.param_groups[0]["lr"]) is float
    other.step()
    assert other.get_last_lr() == [pytest.approx(0.025)]


@pytest.mark.parametrize("name", SCHEDULES)
def test_to_go_on_needs_the_rates_at_first(name):
    kw = {"StepLR": {"step_size": 2}, "MultiStepLR": {"milestones": [2]}, "ExponentialLR": {"gamma": 0.9},
          "CosineAnnealingLR": {"T_max": 9}, "LinearLR": {}, "OneCycleLR": {"max_lr": 1.0, "total_steps": 9}}[name]  # fmt: skip
    make = getattr(optim, name)
    for kind in (KeyError, ValueError):
        with pytest.raises(
            kind, match=f"{name}: to go on at last_epoch=3, groups must have initial_lr; got none; load"
        ):
            make(optim.SGD([nn.Parameter([1.0])], lr=0.1, momentum=0.9), last_epoch=3, **kw)
    with pytest.raises(TypeError, match="last_epoch must be an integer; got '3'"):
        make(optim.SGD([nn.Parameter([1.0])], lr=0.1, momentum=0.9), last_epoch="3", **kw)


def test_a_loaded_schedule_restores_the_rate():
    make = lambda: optim.LinearLR(optim.SGD([nn.Parameter([1.0])], lr=0.1))
    schedule, again = make(), make()
    schedule.step()
    again.load_state_dict(schedule.state_dict())
    assert again.get_last_lr() == schedule.get_last_lr()
    again.step()
    assert again.get_last_lr() != schedule.get_last_lr()  # a copy: the first schedule stays as it is


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda o: optim.StepLR(o, 0), "step_size must be 1 or more; got 0"),
        (lambda o: optim.CosineAnnealingLR(o, 0), "T_max must be 1 or more; got 0"),
        (lambda o: optim.LinearLR(o, 0.0), r"factors must be from 0 to 1; got \(0.0, 1.0\)"),
        (lambda o: optim.OneCycleLR(o, 0.1, total_steps=-3), "total_steps must be 1 or more; got -3"),
        (lambda o: optim.OneCycleLR(o, [0.1, 0.2], total_steps=3), "max_lr must be one number, or one for each of 1"),
        (lambda o: optim.ReduceLROnPlateau(o, min_lr=[0.1, 0.2]), "min_lr must be one number, or one for each of 1"),
        (lambda o: optim.StepLR(list(o.param_groups), 1), "StepLR: takes an optimizer; got list"),
    ],
    ids=range(7),
)
def test_schedules_say_what_they_need(make, text):
    with pytest.raises((ValueError, TypeError), match=text):
        make(optim.SGD([nn.Parameter([1.0])], lr=0.1))


@pytest.mark.parametrize("lacks", ["_last_lr", "last_epoch", "the second schedule's last_epoch", "a schedule"])
def test_a_state_of_schedules_that_does_not_fit_changes_nothing(lacks):
    def made():
        optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
        parts = [optim.ConstantLR(optimizer, 0.5, 2), optim.ExponentialLR(optimizer, 0.5)]
        return optim.ChainedScheduler(parts), parts, optimizer

    schedule, _, _ = made()
    for _ in range(3):
        schedule.step()
    state = schedule.state_dict()
    if lacks == "a schedule":
        state["_schedulers"].pop()
    elif "second" in lacks:
        del state["_schedulers"][1]["last_epoch"]
    else:
        del state[lacks]
    schedule, parts, optimizer = made()
    before = [dict(vars(s)) for s in (schedule, *parts)], optimizer.param_groups[0]["lr"]
    with pytest.raises(ValueError, match=r"\Aload_state_dict: the state must be of .*; got .*; build "):
        schedule.load_state_dict(state)
    assert ([vars(s) for s in (schedule, *parts)], optimizer.param_groups[0]["lr"]) == before
