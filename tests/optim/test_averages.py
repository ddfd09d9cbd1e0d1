"""Averages of models against PyTorch's torch.optim.swa_utils, and the finder of learning rates."""

import copy

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim
from tinygrad_edu.errors import StateDictError

torch = pytest.importorskip("torch")
theirs_utils = torch.optim.swa_utils


def pair():
    """A model with batch norm, here and there."""
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1)).double()
    ours = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).astype("float64")
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    return ours, theirs


@pytest.mark.parametrize("buffers", [False, True])
@pytest.mark.parametrize("kind", ["mean", "ema"])
def test_averaged_models_and_their_statistics(kind, buffers):
    ours, theirs = pair()
    functions = [m.get_ema_avg_fn(0.7) if kind == "ema" else None for m in (optim.swa_utils, theirs_utils)]
    a = optim.swa_utils.AveragedModel(ours, avg_fn=functions[0], use_buffers=buffers)
    b = theirs_utils.AveragedModel(theirs, avg_fn=functions[1], use_buffers=buffers)
    rng = np.random.default_rng(0)
    for _ in range(4):
        x = rng.normal(size=(5, 3))
        for p, q in zip(ours.parameters(), theirs.parameters()):
            p.data = rng.normal(size=p.shape)
            q.data = torch.from_numpy(p.data.copy())
        ours(x)
        theirs(torch.from_numpy(x))
        a.update_parameters(ours)
        b.update_parameters(theirs)
    assert list(a.state_dict()) == list(b.state_dict())
    for name, t in b.state_dict().items():
        if "num_batches" not in name:  # PyTorch averages this number, too, and rounds
            np.testing.assert_allclose(a.state_dict()[name].data, t.numpy(), atol=1e-12, err_msg=name)
    x = rng.normal(size=(5, 3))
    np.testing.assert_allclose(a.eval()(x).data, b.eval()(torch.from_numpy(x)).detach().numpy(), atol=1e-12)
    batches = [rng.normal(size=(6, 3)) for _ in range(3)]
    optim.swa_utils.update_bn([(x, 0) for x in batches], a)
    theirs_utils.update_bn([torch.from_numpy(x) for x in batches], b)
    assert not a.training
    for name in ("running_mean", "running_var"):
        np.testing.assert_allclose(getattr(a.module[1], name).data, getattr(b.module[1], name).numpy(), atol=1e-12)
    assert a.module[1].momentum == 0.1
    with pytest.raises(StateDictError, match="the model must be like the one copied"):
        a.update_parameters(nn.Linear(3, 1))


@pytest.mark.parametrize("kw", [{}, {"anneal_epochs": 4, "anneal_strategy": "linear"}, {"anneal_epochs": 1}], ids=str)
def test_the_rate_of_averaging(kw):
    found = []
    for m, s, utils, p in (
        (optim, optim, optim.swa_utils, nn.Parameter([1.0])),
        (torch.optim, torch.optim.lr_scheduler, theirs_utils, torch.nn.Parameter(torch.ones(1))),
    ):
        optimizer = m.SGD([p], lr=0.4)
        first, rates = s.ExponentialLR(optimizer, 0.9), []
        for t in range(16):
            if t == 3:
                last = utils.SWALR(optimizer, swa_lr=0.05, **kw)
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            (first if t < 3 else last).step()
        found.append(rates)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9)


def closure_of(w, optimizer, steep=1.0):
    def closure():
        optimizer.zero_grad()
        loss = ((w - 1) ** 2).sum() * steep
        loss.backward()
        return loss

    return closure


@pytest.mark.parametrize("steep", [1.0, 100.0])
def test_the_rate_that_is_found_trains_and_nothing_is_changed(steep):
    w = nn.Parameter([5.0, -3.0], dtype="float64")
    optimizer = optim.SGD([w], lr=0.1, momentum=0.5)
    before, values = copy.deepcopy(optimizer.state_dict()), w.data.copy()
    curve = optim.find_lr(optimizer, closure_of(w, optimizer, steep), 1e-6, 100.0, smoothing=0.0)
    np.testing.assert_array_equal(w.data, values)
    assert optimizer.state_dict() == before
    assert w.grad is None
    assert len(curve.rates) == len(curve.losses) < 100
    assert curve.rates == sorted(curve.rates)
    assert 1e-6 < curve.suggestion < 2 / (2 * steep)  # beyond this rate, gradient descent diverges
    again = optim.SGD([w], lr=curve.suggestion)
    first = closure_of(w, again, steep)().item()
    for _ in range(200):
        again.step(closure_of(w, again, steep))
    assert closure_of(w, again, steep)().item() < first / 100


def test_the_plot_and_what_is_refused():
    pytest.importorskip("matplotlib")
    w = nn.Parameter([5.0])
    optimizer = optim.SGD([w], lr=0.1)
    axes = optim.find_lr(optimizer, closure_of(w, optimizer)).plot().axes[0]
    assert (axes.get_xlabel(), axes.get_xscale()) == ("learning rate", "log")
    with pytest.raises(ValueError, match="rates must ascend from above 0"):
        optim.find_lr(optimizer, closure_of(w, optimizer), 1.0, 0.1)
    with pytest.raises(ValueError, match="the first loss must be finite"):
        optim.find_lr(optimizer, lambda: tg.asarray(np.nan))
    with pytest.raises(TypeError, match="takes an optimizer and a function; got Linear"):
        optim.find_lr(nn.Linear(1, 1), print)
