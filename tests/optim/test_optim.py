"""Optimizers: their formulas, their bookkeeping, and 50 steps beside PyTorch's."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import nn, optim
from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.optim import bundle

from .steps import SHAPES, apply, gradients, parameters


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "BLOCK", 64)
        patch.setattr(bundle, "SMALL", 32)
        yield


flags = st.booleans()
decay = st.sampled_from([0.0, 0.1])


@st.composite
def settings_of(draw, kind):
    kw = {"lr": draw(st.sampled_from([0.1, 0.01])), "weight_decay": draw(decay)}
    if kind == "SGD":
        kw["momentum"] = draw(st.sampled_from([0.0, 0.9]))
        if kw["momentum"]:
            kw["nesterov"] = draw(flags)
            kw["dampening"] = 0.0 if kw["nesterov"] else draw(st.sampled_from([0.0, 0.3]))
    elif kind == "Adagrad":
        kw |= {"lr_decay": draw(decay), "initial_accumulator_value": draw(decay)}
    elif kind == "RMSprop":
        kw |= {"momentum": draw(st.sampled_from([0.0, 0.9])), "centered": draw(flags), "alpha": 0.9}
    else:
        kw |= {"amsgrad": draw(flags), "betas": draw(st.sampled_from([(0.9, 0.999), (0.5, 0.8)]))}
    return kw


KINDS = ["SGD", "Adagrad", "RMSprop", "Adam", "AdamW"]


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_fifty_steps_are_pytorchs(kind, data):
    torch = pytest.importorskip("torch")
    kw = data.draw(settings_of(kind))
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    skip = data.draw(st.sampled_from([None, 0, 4]))  # now and then, one parameter has no gradient
    ours = parameters(dtype)
    theirs = [torch.nn.Parameter(torch.from_numpy(np.array(p.data))) for p in ours]
    groups = [{"params": ours[:3]}, {"params": ours[3:], "lr": 0.02}]
    mine = getattr(optim, kind)(groups, **kw)
    other = getattr(torch.optim, kind)([{"params": theirs[:3]}, {"params": theirs[3:], "lr": 0.02}], **kw)
    with nn.guards.off("parameters"):
        for step in range(50):
            grads = gradients(step, dtype, skip if step % 7 == 3 else None)
            apply(mine, ours, grads)
            for q, g in zip(theirs, grads):
                q.grad = None if g is None else torch.from_numpy(np.array(g))
            other.step()
    tolerance = 1e-10 if dtype == "float64" else 2e-4
    for p, q in zip(ours, theirs):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=tolerance, atol=tolerance)
    for (p, kept), (q, state) in zip(mine.state.items(), other.state.items()):
        assert p.shape == tuple(q.shape)
        for name, value in kept.items():
            if state.get(name) is not None:
                np.testing.assert_allclose(value, np.asarray(state[name]), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_saved_state_goes_on_bit_for_bit(kind, data):
    kw = data.draw(settings_of(kind))
    skip = data.draw(st.sampled_from([None, 0]))
    a = parameters("float32")
    first = getattr(optim, kind)(a, **kw)
    with nn.guards.off("parameters"):
        for step in range(3):
            apply(first, a, gradients(step, "float32", skip if step == 1 else None))
        saved, values = first.state_dict(), [np.array(p.data) for p in a]
        b = [nn.Parameter(v) for v in values]
        second = getattr(optim, kind)(b, **kw | {"lr": 7.0})
        second.load_state_dict(saved)
        for step in range(3, 6):
            apply(first, a, gradients(step, "float32"))
            apply(second, b, gradients(step, "float32"))
    for p, q in zip(a, b):
        np.testing.assert_array_equal(p.data, q.data)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("kind", ["SGD", "Adagrad", "RMSprop", "Adam", "AdamW"])
def test_copies_of_a_model_and_its_optimizer_go_on_together(kind, steps, again):
    params = parameters()
    optimizer = getattr(optim, kind)(params, lr=0.1)
    schedule = optim.StepLR(optimizer, 4)
    for k in range(steps):
        apply(optimizer, params, gradients(k))
        schedule.step()
    copies, optimizer_copy, schedule_copy = again((params, optimizer, schedule))
    before = [p.data.copy() for p in params]
    for k in range(steps, steps + 4):
        apply(optimizer_copy, copies, gradients(k))
        schedule_copy.step()
    for p, was in zip(params, before, strict=True):
        np.testing.assert_array_equal(p.data, was)  # the original was left alone
    for k in range(steps, steps + 4):
        apply(optimizer, params, gradients(k))
        schedule.step()
    for p, q, was in zip(params, copies, before, strict=True):
        np.testing.assert_array_equal(p.data, q.data)
        assert not np.array_equal(q.data, was)


def test_state_dict_is_a_copy_and_in_pytorchs_form():
    params = parameters()
    optimizer = optim.Adam(params)
    apply(optimizer, params, gradients(0))
    saved = optimizer.state_dict()
    before = saved["state"][0]["exp_avg"].copy()
    apply(optimizer, params, gradients(1))
    np.testing.assert_array_equal(saved["state"][0]["exp_avg"], before)
    assert saved["param_groups"][0]["params"] == list(range(len(SHAPES)))
    assert saved["state"][3]["exp_avg_sq"].shape == SHAPES[3]
    assert saved["state"][3]["step"] == 1


def test_a_state_that_does_not_fit_changes_nothing():
    params = parameters()
    optimizer = optim.Adam(params)
    apply(optimizer, params, gradients(0))
    before = optimizer.state_dict()
    with pytest.raises(ValueError, match=r"groups must have as many parameters as this optimizer's, \[6\]; got \[1\]"):
        optimizer.load_state_dict(optim.Adam(params[:1]).state_dict())
    wrong = optimizer.state_dict()
    wrong["state"][5]["exp_avg"] = np.zeros(2)
    with pytest.raises(ShapeError, match="exp_avg of parameter 5"):
        optimizer.load_state_dict(wrong)
    sgd = optim.SGD(params, momentum=0.9)
    apply(sgd, params, gradients(0))
    with pytest.raises(ValueError, match="parameter 0 must have exp_avg; got step, momentum_buffer"):
        optimizer.load_state_dict(sgd.state_dict())
    after = optimizer.state_dict()
    np.testing.assert_array_equal(after["state"][0]["exp_avg"], before["state"][0]["exp_avg"])


def test_values_that_the_user_sets_are_kept():
    a, b = nn.Parameter([1.0, 2.0]), nn.Parameter([3.0])
    optimizer = optim.SGD([a, b], lr=1.0)
    apply(optimizer, [a, b], [np.ones(2, "f4"), np.ones(1, "f4")])
    a.data = np.array([10.0, 20.0])
    b.data -= 1
    apply(optimizer, [a, b], [np.ones(2, "f4"), np.ones(1, "f4")])
    assert (a.tolist(), b.tolist()) == ([9.0, 19.0], [0.0])
    with tg.no_grad():
        a *= 2
    apply(optimizer, [a, b], [np.ones(2, "f4"), np.ones(1, "f4")])
    assert (a.tolist(), b.tolist()) == ([17.0, 37.0], [-1.0])


def test_steps_make_no_arrays_of_the_models_size(monkeypatch):
    import tracemalloc

    monkeypatch.setattr(bundle, "BLOCK", 4096)
    p = nn.Parameter(np.zeros(1 << 20, "f4"))
    optimizer = optim.Adam([p])
    p.grad = tg.asarray(np.ones(1 << 20, "f4"))
    optimizer.step()
    tracemalloc.start()
    optimizer.step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 4 * 4096 < p.data.nbytes / 30  # copies of the values and of two rows of state, for one block


def test_what_cannot_be_optimized_is_refused():
    p = nn.Parameter([1.0])
    with pytest.raises(TypeError, match="takes an iterable of parameters; got one tensor"):
        optim.SGD(p)
    with pytest.raises(ValueError, match="needs one parameter or more; got none"):
        optim.SGD([])
    with pytest.raises(ValueError, match="must be given once; got one of shape"):
        optim.SGD([p, p])
    with pytest.raises(DTypeError, match="must be a leaf of floating-point numbers"):
        optim.SGD([p * 2])
    with pytest.raises(ValueError, match="lr must be a number, 0 or more; got -1"):
        optim.SGD([p], lr=-1)
    with pytest.raises(ValueError, match=r"settings must be among .* got \['rate'\]"):
        optim.SGD([{"params": [p], "rate": 1.0}])
    with pytest.raises(ValueError, match="nesterov needs a momentum"):
        optim.SGD([p], nesterov=True)
    with pytest.raises(ValueError, match="betas must be from 0 to below 1"):
        optim.Adam([p], betas=(0.9, 1.0))
    p.grad = tg.ones(1)
    p.data = [1.0, 2.0]
    with pytest.raises(ShapeError, match=r"a gradient must have its parameter's shape \(2,\); got \(1,\)"):
        optim.SGD([p]).step()


@pytest.mark.parametrize("others", [0, 2])
def test_a_parameter_keeps_its_shape(others):
    params = [nn.Parameter([1.0, 1.0]) for _ in range(1 + others)]
    optimizer = optim.Adam(params)
    for p in params:
        p.grad = tg.ones(2)
    optimizer.step()
    params[0].data = [1.0, 2.0, 3.0]
    params[0].grad = tg.ones(3)
    with pytest.raises(
        ShapeError, match=r"a parameter must keep its shape \(2,\); got \(3,\); build the optimizer again"
    ):
        optimizer.step()


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop, optim.Adagrad])
def test_maximizing_goes_the_other_way(kind):
    p, q = nn.Parameter([1.0, -2.0]), nn.Parameter([-1.0, 2.0])
    for t, maximize, sign in ((p, False, 1), (q, True, 1)):
        t.grad = tg.Tensor([0.5 * sign, 0.25 * sign])
        optimizer = kind([t], lr=0.1, weight_decay=0.0, maximize=maximize)
        optimizer.step()
    np.testing.assert_allclose((p.data - [1, -2]), -(q.data - [-1, 2]), rtol=1e-5)


def test_momentum_may_come_later():
    torch = pytest.importorskip("torch")
    p, q = nn.Parameter([1.0]), torch.nn.Parameter(torch.ones(1))
    for module, schedules, t, one in (
        (optim, optim, p, tg.ones(1)), (torch.optim, torch.optim.lr_scheduler, q, torch.ones(1)),
    ):  # fmt: skip
        optimizer = module.SGD([t], lr=0.1)
        schedule = schedules.OneCycleLR(optimizer, 0.1, total_steps=9)  # sets momentum
        for _ in range(8):
            t.grad = one * 1.0
            optimizer.step()
            schedule.step()
    np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-5)


def test_step_calls_a_closure_and_gives_its_loss_back():
    p = nn.Parameter([1.0])
    optimizer = optim.SGD([p], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    assert [optimizer.step(closure).item(), optimizer.step(closure=closure).item()] == [1.0, 0.25]
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0.0]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: s["state"].update({99: s["state"][0]}),
        lambda s: s["state"][0].pop("step"),
        lambda s: s["state"][0].update(step="x"),
        lambda s: s["state"][1].update(exp_avg="hello"),
        lambda s: s["state"][1].update(exp_avg=np.full(3, 1j)),
        lambda s: s.pop("state"),
        lambda s: s["param_groups"][0].update(lr=-3.0),
        lambda s: s["param_groups"][0].update(lr="x"),
        lambda s: s["param_groups"].__setitem__(0, 3),
    ],
    ids=range(9),
)
def test_a_spoilt_state_changes_nothing(spoil):
    params = [nn.Parameter(np.ones(2)), nn.Parameter(np.ones(3))]
    optimizer = optim.Adam(params)
    apply(optimizer, params, [np.ones(2), np.ones(3)])
    before, bad = optimizer.state_dict(), optimizer.state_dict()
    spoil(bad)
    with pytest.raises((ValueError, TypeError)):
        optimizer.load_state_dict(bad)
    now = optimizer.state_dict()
    assert now["param_groups"] == before["param_groups"]
    for i, kept in before["state"].items():
        for name, value in kept.items():
            np.testing.assert_array_equal(now["state"][i][name], value)


def test_settings_that_are_loaded_bring_their_state():
    params = [nn.Parameter(np.ones(2))]
    plain, heavy = optim.SGD(params, lr=0.1), optim.SGD(params, lr=0.1, momentum=0.9)
    apply(heavy, params, [np.ones(2)])
    plain.load_state_dict(heavy.state_dict())
    assert plain.state[params[0]]["momentum_buffer"].tolist() == [1.0, 1.0]


class Plain(optim.Optimizer):
    """As Optimizer's docstring has it."""

    def __init__(self, params, lr=0.1):
        super().__init__(params, lr=lr)

    def update(self, group, step, p, g, state, a, b):
        p -= group["lr"] * g


class AsInPyTorch(optim.Optimizer):
    """Heavy ball, as people write it for PyTorch."""

    def __init__(self, params, lr=0.1, momentum=0.9):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @tg.no_grad()
    def step(self, closure=None):
        loss = None if closure is None else closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if len(state) == 0:
                    state["step"] = 0
                    state["v"] = tg.zeros_like(p)
                state["step"] += 1
                state["v"] = group["momentum"] * state["v"] + p.grad
                p -= group["lr"] * state["v"]
        return loss


def run(make, steps, params=None, state=None, path=None):
    params = parameters() if params is None else params
    optimizer = make(params)
    if state is not None:
        optimizer.load_state_dict(state)
    schedule = optim.ExponentialLR(optimizer, 0.99)
    for k in steps:
        apply(optimizer, params, gradients(k))
        schedule.step()
        optimizer.zero_grad()
    return params, optimizer


@pytest.mark.parametrize(
    ("own", "same"),
    [(Plain, lambda ps: optim.SGD(ps, lr=0.1)), (AsInPyTorch, lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9))],
    ids=["update", "step"],
)
def test_an_optimizer_of_ones_own(own, same):
    (ours, _), (theirs, _) = run(own, range(5)), run(same, range(5))
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-12)
    w = nn.Parameter([1.0, 2.0])
    (w**2).sum().backward()
    own([w]).step()
    np.testing.assert_allclose(w.data, [0.8, 1.6], rtol=1e-6)
    with pytest.raises(ValueError, match=r"settings must be among .*'lr'.*; got \['rate'\]"):
        own([{"params": [w], "rate": 1.0}])


@pytest.mark.parametrize("how", ["dict", "file", "pickle", "deepcopy"])
def test_the_state_of_an_optimizer_of_ones_own(how, tmp_path):
    whole, _ = run(AsInPyTorch, range(6))
    params, optimizer = run(AsInPyTorch, range(3))
    state = optimizer.state_dict()
    assert sorted(state["state"]) == list(range(len(SHAPES)))
    if how == "file":
        tg.save(tmp_path / "s", state)
        state = tg.load(tmp_path / "s")
    if how in ("pickle", "deepcopy"):
        copied = copy.deepcopy if how == "deepcopy" else (lambda x: pickle.loads(pickle.dumps(x)))
        params, optimizer = copied((params, optimizer))
        for k in range(3, 6):
            optimizer.param_groups[0]["lr"] = 0.1 * 0.99**k
            apply(optimizer, params, gradients(k))
    else:
        before = state["state"][0]["step"]
        params, again = run(AsInPyTorch, range(3, 6), params, state)
        assert (before, state["state"][0]["step"], again.state[params[0]]["step"]) == (3, 3, 6)
    for p, q in zip(params, whole, strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-6)


def test_an_optimizer_without_a_rule_says_what_it_needs():
    class Nothing(optim.Optimizer):
        pass

    w = nn.Parameter([1.0])
    (w**2).sum().backward()
    with pytest.raises(NotImplementedError, match="Nothing: must define update"):
        Nothing([w], lr=0.1).step()
    with pytest.raises(TypeError, match="settings must have names; got 0.1; write super"):
        Nothing([w], 0.1)
