"""An array that was handed out by `.data` follows the steps of every optimizer."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

from .steps import apply

KINDS = [
    kind
    for name in dir(optim)
    if isinstance(kind := getattr(optim, name), type)
    and issubclass(kind, optim.Optimizer)
    and kind is not optim.Optimizer
]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_sees_every_step(kind, order):
    p, q = nn.Parameter(np.asarray(np.ones((3, 2), "f4"), order=order)), nn.Parameter(np.ones((2, 1), "f4"))
    held, before = p.data, 1.0
    optimizer = kind([p, q], lr=0.1)
    for k in range(1, 3):
        grads = [np.full((3, 2), k, "f4"), np.full((2, 1), k, "f4")]
        if kind is optim.LBFGS:
            optimizer.step(lambda grads=grads: np.sum(p.data) + _given([p, q], grads))
        else:
            apply(optimizer, [p, q], grads)
        assert np.all(held < before)
        held += 1  # and what is written into it is where the next step begins
        before = held.copy()
        assert np.array_equal(p.data, held)
    assert held is p.data
    assert np.all(q.data < 1)


def _given(params, grads):
    for p, g in zip(params, grads, strict=True):
        p.grad = tg.asarray(g)
    return 0.0


def test_a_failed_step_is_taken_back_in_it():
    p = nn.Parameter([4.0, 2.0])
    held, calls = p.data, []

    def closure():
        calls.append(held.copy())
        if len(calls) > 2:
            raise ArithmeticError
        p.grad = None
        loss = (p**2).sum()
        loss.backward()
        return loss

    with pytest.raises(ArithmeticError):
        optim.LBFGS([p], lr=0.5).step(closure)
    assert held is p.data
    assert not np.array_equal(calls[1], [4.0, 2.0])
    assert held.tolist() == [4.0, 2.0]


def test_the_search_for_a_rate_leaves_it_as_it_was():
    p = nn.Parameter([4.0, 2.0])
    held = p.data

    def closure():
        p.grad = None
        loss = (p**2).sum()
        loss.backward()
        return loss

    optim.find_lr(optim.SGD([p], lr=0.1), closure, 1e-3, 0.5, steps=5)
    assert held is p.data
    assert held.tolist() == [4.0, 2.0]
