"""`why` where it is not asked beside the loss: in a thread, in a generator, after the loss is gone."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim
from tinygrad_edu.viz import why

from . import test_why
from .test_why import EXPECTED


def in_a_thread(x):
    found = []
    thread = threading.Thread(target=lambda: found.append(why(x)))
    thread.start()
    thread.join()
    return found[0]


def in_a_pool(x):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(why, x).result()


def in_a_generator(x):
    def answers():
        yield why(x)

    return next(answers())


@pytest.mark.parametrize("ask", [in_a_thread, in_a_pool, in_a_generator])
@pytest.mark.parametrize("mistake", EXPECTED, ids=lambda f: f.__name__)
def test_the_answer_is_the_same_wherever_it_is_asked(mistake, ask, monkeypatch):
    monkeypatch.setattr(test_why, "why", ask)
    reason, line = EXPECTED[mistake]
    answer = mistake()
    assert answer.reason == reason
    assert line is None or answer.line.endswith(line)


def loss_of(model):
    return (model(np.ones((3, 2), np.float32)) ** 2).mean()


def by_setting_it(model, optimizer):
    for p in model.parameters():
        p.grad = None


CLEARING = {
    "grad = None": by_setting_it,
    "of the optimizer": lambda model, optimizer: optimizer.zero_grad(),
    "of the model": lambda model, optimizer: model.zero_grad(),
}


def train(model, clear, steps=2):
    """Makes steps; what it computed is gone when it returns."""
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        loss = loss_of(model)
        loss.backward()
        optimizer.step()
        clear(model, optimizer)
    return loss.item()


@pytest.mark.parametrize("ask", [why, in_a_thread, in_a_generator])
@pytest.mark.parametrize("clear", CLEARING.values(), ids=CLEARING)
def test_a_gradient_that_was_cleared_is_known_when_its_loss_is_gone(clear, ask):
    model = nn.Linear(2, 1)
    last = train(model, clear)
    assert last > 0
    assert ask(model.weight).reason == "cleared"


def test_the_line_that_cleared_is_named_where_it_is_known():
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    (w * w).sum().backward()
    w.grad = None
    answer = why(w)
    assert (answer.reason, answer.line.rpartition(": ")[2]) == ("cleared", "w.grad = None")


def test_of_several_functions_that_clear_none_is_named():
    model = nn.Linear(2, 1)
    train(model, CLEARING["of the model"])
    assert why(model.weight).line is None


def never_used(w):
    return w


def set_to_zero(w):
    w.sum().backward()
    w.grad = np.zeros(2)


def cleared_before_there_was_one(w):
    w.grad = None
    optim.SGD([w], lr=0.1).zero_grad()


@pytest.mark.parametrize(
    ("use", "reason"),
    [(never_used, "not recorded"), (cleared_before_there_was_one, "not recorded"), (set_to_zero, "zero")],
)
def test_nothing_is_said_to_be_cleared_that_was_not(use, reason):
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    use(w)
    assert why(w).reason == reason


def test_a_tensor_that_was_cleared_and_frozen_is_recorded_no_more():
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    w.sum().backward()
    w.grad = None
    w.requires_grad = False
    assert not w.flags
    assert not (w * 2).requires_grad
    assert why(w).reason == "not asked"
