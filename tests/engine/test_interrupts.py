"""Ctrl-C at any line of what changes several things: all of them are as before, or all are as after."""

import itertools
import linecache
import os
import pathlib
import sys

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import io, nn, optim
from tinygrad_edu.errors import DTypeError, GraphError, ShapeError

pytestmark = pytest.mark.slow
PACKAGE = str(pathlib.Path(tg.__file__).parent)


def interrupted(action, at):
    """Run with a KeyboardInterrupt before the package's line number `at`, counted as they run; False if there are
    fewer lines. Not where a `with` block ends, once at its first line and once where `__exit__` begins: there Python
    handles no signals, or next to none, and nothing helps against those."""
    left, entered = at, set()

    def trace(frame, event, arg):
        nonlocal left
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            leaves = frame.f_code.co_name == "__exit__" and frame not in entered
            again = (frame, frame.f_lineno) in entered and "with " in linecache.getline(
                frame.f_code.co_filename, frame.f_lineno
            )
            entered.update((frame, (frame, frame.f_lineno)))
            if leaves or again:
                return trace
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def net(seed):
    rng = tg.random.default_rng(seed)
    return nn.Sequential(nn.Linear(3, 4, rng=rng), nn.BatchNorm1d(4), nn.Linear(4, 2, rng=rng))


def trained(seed, steps=2):
    model = net(seed)
    optimizer = optim.AdamW(
        [{"params": model[:2].parameters(), "lr": 0.1 + seed}, {"params": model[2].parameters()}], amsgrad=True
    )
    schedule = optim.OneCycleLR(optimizer, [0.5, 0.25], total_steps=9)
    for _ in range(steps):
        optimizer.zero_grad()
        (model(np.ones((5, 3), "f4") * np.arange(5, dtype="f4")[:, None]) ** 2).sum().backward()
        optimizer.step()
        schedule.step()
    return model, optimizer, schedule


def frozen(x):
    """Values, to be compared."""
    if isinstance(x, tg.Tensor):
        return frozen(x._data)
    if isinstance(x, np.ndarray | np.generic):
        return (str(x.dtype), x.shape, x.tobytes())
    if isinstance(x, dict):
        return tuple((k, frozen(v)) for k, v in x.items())
    if isinstance(x, list | tuple):
        return tuple(map(frozen, x))
    return x


def everything(model, optimizer, schedule):
    grads = [p.grad for p in model.parameters()]
    modes = [m.training for m in model.modules()]
    return frozen([model.state_dict(), optimizer.state_dict(), schedule.state_dict(), grads, modes])


def of_all(act):
    def make(tmp_path):
        parts = trained(0)
        return (lambda: act(*parts)), (lambda: everything(*parts))

    return make


def of_a_file(make, look):
    def made(tmp_path):
        path = tmp_path / "w"
        io.save(path, {"w": np.ones(3), "n": 1})
        return (lambda: make(path)), (lambda: (look(path), sorted(os.listdir(tmp_path))))

    return made


other = trained(1, 4)
SAVED = [part.state_dict() for part in other]


def watched_plateau(tmp_path):
    model, optimizer, _ = trained(0)
    schedule = optim.ReduceLROnPlateau(optimizer, patience=0, cooldown=2)
    schedule.step(1.0)
    return (lambda: schedule.step(2.0)), (lambda: everything(model, optimizer, schedule))


def bigger(tmp_path):
    model, optimizer, _ = trained(0)
    more = [nn.Parameter(np.ones(n)) for n in (2, 5000, 3)]

    def look():
        groups, parts = optimizer.param_groups, optimizer._bundles
        return len(groups), len(parts), frozen(model.state_dict())

    return (lambda: optimizer.add_param_group({"params": more, "lr": 1.0})), look


ACTIONS = {
    "Module.load_state_dict": of_all(lambda m, o, s: m.load_state_dict(SAVED[0])),
    "Optimizer.load_state_dict": of_all(lambda m, o, s: o.load_state_dict(SAVED[1])),
    "LRScheduler.load_state_dict": of_all(lambda m, o, s: s.load_state_dict(SAVED[2])),
    "LRScheduler.step": of_all(lambda m, o, s: s.step()),
    "ReduceLROnPlateau.step": watched_plateau,
    "Module.zero_grad": of_all(lambda m, o, s: m.zero_grad()),
    "Optimizer.zero_grad": of_all(lambda m, o, s: o.zero_grad(set_to_none=False)),
    "Module.astype": of_all(lambda m, o, s: m.astype("float64")),
    "Module.eval": of_all(lambda m, o, s: m.eval()),
    "clip_grad_norm_": of_all(lambda m, o, s: nn.utils.clip_grad_norm_(m.parameters(), 1e-3)),
    "clip_grad_value_": of_all(lambda m, o, s: nn.utils.clip_grad_value_(m.parameters(), 1e-6)),
    "add_param_group": bigger,
    "save": of_a_file(lambda p: io.save(p, {"w": np.zeros(5), "n": 2}), lambda p: frozen(io.load(p))),
    "load": of_a_file(io.load, lambda p: frozen(io.load(p))),
}


def old_or_new(fresh, changes=True):
    """Interrupt an action at each of its lines: `fresh(n)` gives the action, and a look at what it changes."""
    act, look = fresh("whole")
    old = look()
    act()
    new = look()
    assert (old != new) == changes
    for at in itertools.count(1):
        act, look = fresh(at)
        assert look() == old
        more = interrupted(act, at)
        found = look()
        assert found in (old, new), f"half done at line {at}"
        if not more:
            break
        if found == old:
            act()
            assert look() == new, f"not to be done again after line {at}"
    assert found == new
    assert at > 5


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a file that is not closed by `with`
@pytest.mark.parametrize("name", ACTIONS)
def test_an_interrupt_at_any_line_leaves_the_old_state_or_the_new(name, tmp_path):
    def fresh(i):
        folder = tmp_path / str(i)
        folder.mkdir()
        return ACTIONS[name](folder)

    old_or_new(fresh, changes=name != "load")


@pytest.mark.filterwarnings("error")
def test_a_load_that_raises_anywhere_changes_nothing():
    """What does not fit stands last, where all before it does."""
    for last, kind in [
        (np.zeros(3), ShapeError), (np.array([1.0, 1e300]), ValueError), (np.ones(2, complex), DTypeError),
        (np.ones(2, "M8[s]"), TypeError), ([[1.0], [2.0, 3.0]], ValueError), (None, TypeError), ("ab", TypeError),
    ]:  # fmt: skip
        parts = trained(0)
        before = everything(*parts)
        with pytest.raises(kind, match=r"\Aload_state_dict: .+; .+; .+"):
            parts[0].load_state_dict({**SAVED[0], "2.bias": last})
        assert everything(*parts) == before
        state = SAVED[1]["state"]
        wrong = {**state, 5: {**state[5], "exp_avg": last}}
        with pytest.raises((ValueError, TypeError), match=r"\Aload_state_dict: .+; .+; .+"):
            parts[1].load_state_dict({**SAVED[1], "state": wrong})
        assert everything(*parts) == before


def test_integers_that_do_not_fit_are_refused():
    model = net(0)
    before = frozen(model.state_dict())
    model[1].num_batches_tracked = tg.asarray(np.array(0, np.int8))
    with pytest.raises(ValueError, match=r"1\.num_batches_tracked must hold numbers of int8; got 300; use a wider"):
        model.load_state_dict({**SAVED[0], "1.num_batches_tracked": np.array(300)})
    assert frozen(model[2].state_dict()) == frozen(net(0)[2].state_dict())
    assert before[0] == frozen(model.state_dict())[0]


def test_a_mapping_that_fails_halfway_changes_nothing():
    class Cut(dict):
        def __getitem__(self, key):
            if key == "2.bias":
                raise KeyboardInterrupt
            return super().__getitem__(key)

    parts = trained(0)
    before = everything(*parts)
    with pytest.raises(KeyboardInterrupt):
        parts[0].load_state_dict(Cut(SAVED[0]))
    assert everything(*parts) == before


def test_a_buffer_with_a_history_is_refused_before_anything_changes():
    model = net(0)
    model[1].register_buffer("extra", model[0].weight * 2)
    before = frozen(model.state_dict())
    with pytest.raises(GraphError, match=r"data: only a leaf's values can be replaced"):
        model.load_state_dict({**SAVED[0], "1.extra": np.zeros((4, 3))})
    assert frozen(model.state_dict()) == before


def test_a_graph_from_before_a_load_is_refused_by_backward():
    model = net(0)
    y = model(np.ones((5, 3), "f4")).sum()
    model.load_state_dict(SAVED[0])
    with pytest.raises(GraphError, match="was changed afterwards"):
        y.backward()


def test_a_loaded_state_is_a_copy():
    model, state = net(0), {k: np.array(v.data) for k, v in SAVED[0].items()}
    model.load_state_dict(state)
    before = frozen(model.state_dict())
    for array in state.values():
        array += 1
    assert frozen(model.state_dict()) == before


def test_a_refused_step_of_a_schedule_counts_nothing():
    model, optimizer, schedule = trained(0)
    while schedule.last_epoch < 9:
        schedule.step()
    before = everything(model, optimizer, schedule)
    with pytest.raises(ValueError, match="there are 9 steps; got step 10"):
        schedule.step()
    assert everything(model, optimizer, schedule) == before


def test_a_dtype_that_cannot_hold_the_weights_is_refused():
    model = net(0)
    with tg.no_grad():
        model[2].bias *= 1e30
    before = frozen(model.state_dict())
    with pytest.raises(ValueError, match="astype: bias must hold numbers of float16; got .*e.*; use a wider dtype"):
        model.astype("float16")
    with pytest.raises(DTypeError, match="astype: must be a floating-point dtype; got int64; use 'float32'"):
        model.astype("int64")
    assert frozen(model.state_dict()) == before
