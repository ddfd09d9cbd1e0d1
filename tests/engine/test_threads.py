"""Threads that share a leaf, an optimizer, parameters, a layer: nothing that one of them did is lost."""

import contextlib
import sys
import threading

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

THREADS, TIMES = 6, 4


@pytest.fixture(autouse=True)
def threads_change_places_at_every_chance():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(act, threads=THREADS, times=TIMES):
    """Each thread acts several times; all begin at once."""
    begin, failures = threading.Barrier(threads), []

    def work(k):
        try:
            begin.wait()
            for _ in range(times):
                act(k)
        except Exception as error:
            failures.append(error)

    pool = [threading.Thread(target=work, args=(k,)) for k in range(threads)]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()
    assert failures == []


def parameters():
    found = [nn.Parameter(np.full((2, 3), 4.0)), nn.Parameter(np.full((3, 2), 2.0))]
    for p in found:
        p.grad = np.full(p.shape, 0.5)
    return found


KINDS = {"SGD": (optim.SGD, {"lr": 0.25, "momentum": 0.5}), "Adam": (optim.Adam, {}), "Muon": (optim.Muon, {}),
         "Adafactor": (optim.Adafactor, {})}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_as_many_steps_are_made_as_were_asked_for(name):
    """The first as well, which brings parameters together. The oracle makes them one after another."""
    kind, options = KINDS[name]
    right = parameters()
    alone = kind(right, **options)
    for _ in range(THREADS * TIMES):
        alone.step()
    for _ in range(15):
        params = parameters()
        shared = kind(params, **options)
        together(lambda k, shared=shared: shared.step())
        for p, r in zip(params, right, strict=True):
            np.testing.assert_array_equal(p.data, r.data)


def test_optimizers_that_share_parameters_lose_no_step():
    for _ in range(15):
        params = parameters()
        each = [optim.SGD(params[::order], lr=0.5) for order in (1, -1) * (THREADS // 2)]
        together(lambda k, each=each: each[k].step())
        assert [p.data.flat[0] for p in params] == [4.0 - 0.25 * THREADS * TIMES, 2.0 - 0.25 * THREADS * TIMES]


@pytest.mark.parametrize("layer", [nn.BatchNorm1d, nn.InstanceNorm1d], ids=["batch norm", "instance norm"])
@pytest.mark.parametrize("momentum", [0.5, None], ids=["running", "plain mean"])
def test_running_statistics_have_seen_every_batch(layer, momentum):
    """Of one batch, shown n times, the statistics are known whatever the order."""
    x = np.array([[[1.0, 3.0]], [[5.0, 7.0]]])
    made = layer(1, momentum=momentum, track_running_stats=True, dtype="float64")
    together(lambda k: made(x))
    n = THREADS * TIMES
    alone = layer(1, momentum=momentum, track_running_stats=True, dtype="float64")
    for _ in range(n):
        alone(x)
    assert made.running_mean.item() == alone.running_mean.item()
    assert made.running_var.item() == alone.running_var.item()
    if layer is nn.BatchNorm1d:
        assert made.num_batches_tracked.item() == n


def test_averages_have_seen_every_update():
    model = nn.Linear(1, 1, bias=False)
    average = optim.swa_utils.AveragedModel(model)
    together(lambda k: average.update_parameters(model))
    assert average.n_averaged.item() == THREADS * TIMES


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_of_a_shared_leaf_are_all_there(create_graph):
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    together(lambda k: (x * (k + 1)).sum().backward(create_graph=create_graph), times=20)
    assert x.grad.tolist() == [20.0 * sum(range(1, THREADS + 1))] * 2


def test_writes_of_several_threads_are_whole_and_under_a_lock_all_there():
    lock, t, seen = threading.Lock(), tg.Tensor(np.zeros(20)), []

    def write(held):
        nonlocal t
        for _ in range(100):
            with held:
                t += 1
            seen.append(len(set(t.tolist())))

    for held, exact in ((contextlib.nullcontext(), False), (lock, True)):
        t = tg.Tensor(np.zeros(20))
        threads = [threading.Thread(target=write, args=(held,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(seen) == {1}  # no write is seen in part
        assert t.tolist()[0] == 400 if exact else 1 <= t.tolist()[0] <= 400
