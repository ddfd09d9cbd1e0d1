"""Guards: each notices its mistake, says what to do, is silent where all is well, and can be switched off."""

import concurrent.futures
import contextlib
import gc
import threading
import warnings
import weakref

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim
from tinygrad_edu.errors import ShapeError
from tinygrad_edu.nn.guards import SilentMistakeWarning

X, Y = np.random.default_rng(0).normal(size=(8, 3)).astype("f4"), np.arange(8) % 2


def build():
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.1), nn.Linear(4, 2))
    return model, optim.SGD(model.parameters(), lr=0.01)


def step(model, optimizer, clear=True):
    loss = F.cross_entropy(model(X), Y)
    if clear:
        optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def notices(name, text, mistake):
    """`mistake` warns with `text`, at the line of this file; and not when the guard is off."""
    with pytest.warns(SilentMistakeWarning, match=text) as found:
        mistake()
    assert f'nn.guards.off("{name}")' in str(found[0].message)
    assert found[0].filename == __file__
    with nn.guards.off(name):
        mistake()


def test_a_right_loop_is_silent():
    model, optimizer = build()
    total = 0.0
    for _ in range(60):
        total += step(model, optimizer).item()
        model.eval()
        with tg.no_grad():
            model(X)
        model.train()
    model.eval()
    model(X)  # an evaluation that records is no mistake, if training mode comes back
    model.train()
    step(model, optimizer)


@pytest.mark.parametrize(
    "loss", [F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, F.binary_cross_entropy_with_logits]
)
def test_shapes_that_would_be_broadcast(loss):
    with pytest.raises(ShapeError, match=r"must have one shape; got \(8, 1\) and \(8,\).*use squeeze or reshape"):
        loss(np.ones((8, 1)), np.ones(8))
    with nn.guards.off("loss_shapes"):
        assert loss(np.ones((8, 1)), np.ones(8), reduction="none").shape == (8, 8)
    loss(np.ones((8, 1)), np.ones((8, 1)))


def test_gradients_that_were_not_cleared():
    def mistake():
        model, optimizer = build()
        step(model, optimizer)
        step(model, optimizer, clear=False)

    notices("spent_gradients", "step: gradients of an earlier step must be cleared.*call optimizer.zero_grad", mistake)


def test_gradients_of_several_batches_may_be_added_up_before_a_step():
    model, optimizer = build()
    for _ in range(3):
        optimizer.zero_grad()
        for _ in range(4):
            F.cross_entropy(model(X), Y).backward()
        optimizer.step()
    assert optimizer.param_groups[0]["params"][0].grad + 1 is not None  # reading a used gradient is no mistake


def test_gradients_that_pass_through_another_network_are_cleared_before_its_step():
    """The loop of an adversarial pair: what the generator's loss leaves in the discriminator is no mistake."""
    first, second = nn.Linear(2, 2), nn.Linear(2, 1)
    a, b = optim.SGD(first.parameters(), 0.1), optim.SGD(second.parameters(), 0.1)
    for _ in range(3):
        b.zero_grad()
        second(tg.ones((4, 2))).mean().backward()
        b.step()
        a.zero_grad()
        second(first(tg.ones((4, 2)))).mean().backward()
        a.step()


def test_a_parameter_that_the_user_steps_is_not_missing():
    for write in ("in place", "data"):
        mine, theirs = nn.Parameter([3.0]), nn.Parameter([3.0])
        optimizer = optim.SGD([theirs], lr=0.1)
        losses = [(p**2).sum() for p in (mine, theirs)]
        for loss in losses:
            loss.backward()
        with warnings.catch_warnings(), tg.no_grad():
            warnings.simplefilter("error")
            if write == "data":
                mine.data -= 0.1 * mine.grad.data
            else:
                mine -= 0.1 * mine.grad
            optimizer.step()
        assert mine.tolist() == theirs.tolist()


def test_a_parameter_that_no_optimizer_has():
    def mistake():
        model = build()[0]
        step(model, optim.SGD(model[0].parameters(), lr=0.01))

    notices(
        "parameters",
        r"every parameter with a gradient must be in an optimizer; got none for weight of shape \(2, 4\)",
        mistake,
    )


def test_a_parameter_that_the_model_does_not_use():
    def mistake():
        model, _ = build()
        step(model, optim.SGD([*model.parameters(), nn.Parameter([1.0], name="extra")], lr=0.01))

    notices("parameters", r"must be used by the loss; got no gradient for extra of shape \(1,\)", mistake)


def without_backward(model, optimizer):
    F.cross_entropy(model(X), Y)


def cleared_too_late(model, optimizer):
    F.cross_entropy(model(X), Y).backward()
    optimizer.zero_grad()


def of_another_model(model, optimizer):
    optimizer.other = nn.Linear(3, 2)  # alive at the step
    F.cross_entropy(optimizer.other(X), Y).backward()


@pytest.mark.parametrize("before", [without_backward, cleared_too_late, of_another_model])
def test_a_step_without_any_gradient(before):
    def mistake():
        model, optimizer = build()
        before(model, optimizer)
        optimizer.step()

    notices("parameters", r"a parameter must have a gradient, .*; got none for .*; call loss\.backward\(\)", mistake)


def test_steps_without_a_computation_are_silent_as_those_that_only_move_a_schedule():
    older = build()[0]
    F.cross_entropy(older(X), Y).backward()
    _, optimizer = build()
    schedule = optim.StepLR(optimizer, 2)
    for _ in range(4):
        optimizer.step()
        schedule.step()
    assert schedule.get_last_lr() == pytest.approx([0.01 * 0.1**2])


def test_an_older_model_with_gradients_is_none_of_an_optimizers_business():
    older = build()[0]
    F.cross_entropy(older(X), Y).backward()
    model, optimizer = build()
    step(model, optimizer)
    assert older[0].weight.grad is not None


def test_two_optimizers_may_share_a_model():
    model = build()[0]
    first, second = (optim.SGD(part.parameters(), lr=0.1) for part in (model[0], model[2]))
    F.cross_entropy(model(X), Y).backward()
    first.step()
    second.step()


@pytest.mark.parametrize("layer", [nn.Dropout(0.5), nn.BatchNorm1d(3)], ids=repr)
def test_training_in_eval_mode(layer):
    def mistake():
        model = nn.Sequential(nn.Linear(3, 3), layer, nn.Linear(3, 2))
        model.eval()
        step(model, optim.SGD(model.parameters(), lr=0.01))

    notices("eval_mode", f"got {type(layer).__name__} in eval mode; call model.train", mistake)


def test_another_model_in_eval_mode_is_no_mistake():
    teacher, (model, optimizer) = build()[0].eval(), build()
    loss = F.mse_loss(model(X), teacher(X).detach())
    loss.backward()
    optimizer.step()


def test_softmax_before_a_loss_that_takes_logits():
    w = tg.Tensor(X, requires_grad=True)
    notices(
        "softmax_twice",
        "cross_entropy: takes logits; got the output of softmax",
        lambda: F.cross_entropy(F.softmax(w), Y),
    )

    def made_by_hand():
        e = tg.exp(w)
        F.cross_entropy(e / e.sum(1, keepdims=True), Y)

    notices("softmax_twice", "got the output of softmax", made_by_hand)
    notices(
        "softmax_twice", "nll_loss: takes log-probabilities; got probabilities", lambda: F.nll_loss(F.softmax(w), Y)
    )
    sigmoid = lambda: F.binary_cross_entropy_with_logits(F.sigmoid(w), X)
    notices("softmax_twice", "takes logits; got the output of sigmoid", sigmoid)
    F.nll_loss(F.log_softmax(w), Y)
    F.cross_entropy(w * 2, Y)


def test_labels_out_of_range():
    with pytest.raises(IndexError, match="labels must be from 0 to 2, for 3 classes; got 7"):
        F.cross_entropy(X, np.full(8, 7))
    with nn.guards.off("labels"), pytest.raises(IndexError):
        F.cross_entropy(X, np.full(8, 7))


def test_losses_that_are_kept_with_their_graphs():
    def mistake():
        model, optimizer = build()
        total = 0.0
        for _ in range(100):
            total += step(model, optimizer)

    notices("kept_graphs", "losses of earlier steps must not be kept.*add loss.item", mistake)


def on():
    return [name for name in nn.guards.NAMES if nn.guards.is_on(name)]


def test_switches():
    every = list(nn.guards.NAMES)
    assert on() == every
    with nn.guards.off():
        assert on() == []
        with nn.guards.on("labels"):
            assert on() == ["labels"]
        nn.guards.on("eval_mode")  # until the end of the block
        assert on() == ["eval_mode"]
    assert on() == every
    with pytest.raises(ValueError, match=r"names must be among .*; got label; correct them"):
        nn.guards.off("label")
    nn.guards.off("labels")
    with nn.guards.off("labels"):
        assert "labels" not in on()
    assert "labels" not in on()
    nn.guards.on()
    assert on() == every


def test_a_call_outside_of_blocks_holds_in_every_thread():
    nn.guards.off("labels")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert "labels" not in pool.submit(on).result()
        nn.guards.on()
        assert pool.submit(on).result() == list(nn.guards.NAMES)


def test_a_block_holds_in_its_own_thread():
    turn, found = threading.Barrier(2), []

    def other():
        turn.wait()  # 1: the block of the main thread is open
        found.append(on())
        with nn.guards.off("parameters"):
            turn.wait()  # 2
            turn.wait()  # 3: the block of the main thread has ended
            found.append(on())
        found.append(on())

    thread = threading.Thread(target=other)
    thread.start()
    every = list(nn.guards.NAMES)
    with contextlib.suppress(KeyboardInterrupt), nn.guards.off("labels", "eval_mode"):
        turn.wait()
        turn.wait()
        assert on() == [name for name in every if name not in ("labels", "eval_mode")]
        raise KeyboardInterrupt
    turn.wait()
    thread.join()
    assert on() == every
    assert found == [every, [name for name in every if name != "parameters"], every]


def test_many_threads_switch_at_once():
    def work(_):
        for _ in range(200):
            with nn.guards.off("labels"):
                assert not nn.guards.is_on("labels")

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert on() == list(nn.guards.NAMES)


def test_nothing_is_kept_alive_where_nobody_steps():
    model = build()[0].eval()
    before = len(nn.guards.SEEN.losses)
    for _ in range(100):
        loss = F.cross_entropy(model(X), Y)
        loss.backward()
    assert len(nn.guards.SEEN.losses) <= before + 1
    kept = [weakref.ref(model), weakref.ref(model[0].weight)]
    del model, loss
    gc.collect()
    assert [r() for r in kept] == [None, None]


def test_a_gradient_set_to_zero_by_hand_is_clear():
    model, optimizer = build()
    for clear in (
        lambda p: p.grad.data.fill(0),
        lambda p: p.grad.__imul__(0),
        lambda p: setattr(p, "grad", p.grad * 0),
    ):
        step(model, optimizer)
        for p in model.parameters():
            clear(p)
        step(model, optimizer, clear=False)


def test_gradients_that_were_not_cleared_are_noticed_with_create_graph_and_alone():
    def mistake():
        w = nn.Parameter([1.0])
        optimizer = optim.SGD([w], lr=0.1)
        for _ in range(2):
            (w**2).sum().backward(create_graph=True)
            optimizer.step()

    notices("spent_gradients", "must be cleared", mistake)


def test_first_steps_in_threads():
    """An optimizer looks through all parameters that are alive, while other threads make more."""

    def work(_):
        for _ in range(20):
            model = nn.Linear(2, 2)
            optimizer = optim.SGD(model.parameters(), lr=0.1)
            model(np.ones((1, 2))).sum().backward()
            with nn.guards.off("parameters"):
                optimizer.step()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


def test_warnings_can_be_made_errors():
    shares = F.softmax(tg.Tensor(X, requires_grad=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error", SilentMistakeWarning)
        with pytest.raises(SilentMistakeWarning):
            F.cross_entropy(shares, Y)


def test_an_input_may_be_optimized_through_a_model():
    model = nn.Sequential(nn.Linear(3, 2), nn.Dropout(), nn.Linear(2, 1)).eval()
    x = nn.Parameter(np.ones((2, 3)))
    optimizer = optim.SGD([x], lr=0.1)
    model(x).sum().backward()
    optimizer.step()
