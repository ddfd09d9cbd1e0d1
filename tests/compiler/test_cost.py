"""What it costs to compile, counted in calls of Python's functions, which are the same on every machine."""

import gc
import sys

import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

from .twins import training_step

WIDTH, BATCH = 8, 4


def by_layer(kind, length):
    layer = kind(WIDTH, WIDTH)
    return layer.parameters(), lambda x: layer(x)[0]


def by_hand(scan, length):
    w, u, b = (tg.ones(s).requires_grad_() for s in ((WIDTH,) * 2, (WIDTH,) * 2, WIDTH))

    def cell(h, x):
        h = tg.tanh(x @ w + h @ u + b)
        return h, h

    def run(x):
        h, found = tg.zeros((BATCH, WIDTH)), []
        if scan:
            return tg.scan(cell, h, x)[1]
        for t in range(length):
            h, _ = cell(h, x[t])
            found.append(h)
        return tg.stack(found)

    return [w, u, b], run


def calls(make, kind, length):
    """How many functions of Python are called to compile a training step."""
    params, run = make(kind, length)
    opt = optim.Adam(params)

    step = training_step(run, opt)
    count = 0

    def called(frame, event, function):
        nonlocal count
        count += event == "call"

    given = [tg.zeros((length, BATCH, WIDTH)) for _ in range(2)]
    gc.disable()  # what the collector calls is not ours
    sys.setprofile(called)
    try:
        step(*given)
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "kind", "most"),
    [(by_layer, nn.LSTM, 6000), (by_layer, nn.GRU, 5500), (by_hand, False, 3500), (by_hand, True, 3500)],
)
def test_a_step_of_time_costs_few_calls(make, kind, most):
    few, many = (calls(make, kind, length) for length in (16, 48))
    assert many - few < 32 * most
