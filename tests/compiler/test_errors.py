"""When a call fails, in whatever line: parameters, gradients, optimizers and what is being recorded are as they were."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim
from tinygrad_edu.compiler import native
from tinygrad_edu.recording import TRACERS, tracing

from .twins import parts, same


def trainer():
    tg.random.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    opt = optim.Adam(model.parameters())

    @tg.compile
    def step(x, t):
        opt.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        opt.step()
        return loss

    return step, model, opt


def data(seed=0):
    rng = np.random.default_rng(seed)
    return tg.Tensor(rng.normal(size=(5, 3)), dtype="float32"), tg.Tensor(rng.integers(0, 2, 5))


def snapshot(*objects):
    found = []
    for x in objects:
        for _, part in parts(x):
            found.append(np.array(part._data) if isinstance(part, tg.Tensor) else part)
            if isinstance(part, tg.Tensor):
                found.append(None if part._grad is None else np.array(part._grad._data))
    return found


@pytest.mark.parametrize("before", [0, 1, 3])
def test_bad_labels_and_shapes_change_nothing(before):
    step, model, opt = trainer()
    for i in range(before):
        step(*data(i))
    births = [p.born for p in model.parameters()]
    was = snapshot(model, opt)
    x, _ = data()
    for wrong in (tg.Tensor([0, 1, 5, 0, 1]), tg.Tensor([0, 1])):
        with pytest.raises((ValueError, IndexError)):
            step(x, wrong)
        same(snapshot(model, opt), was, 0)
        assert [p.born for p in model.parameters()] == births
        assert not TRACERS
        assert tracing.get() is None
    other, twin, own = trainer()
    for i in range(before):
        other(*data(i))
    tg.random.manual_seed(5)
    step(*data(9))
    tg.random.manual_seed(5)
    other(*data(9))
    same(snapshot(model, opt), snapshot(twin, own), 500)


class Interrupted(BaseException):
    """As a KeyboardInterrupt, from a line of choice."""


def interrupted(f, n):
    """Call `f`, and raise at the n-th line that runs within the package; how many lines there were."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        if "tinygrad_edu" not in frame.f_code.co_filename:
            return trace
        if event == "line":
            count += 1
            if count == n:
                raise Interrupted
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        f()
    except Interrupted:
        pass
    finally:
        sys.settrace(before)
    return count


def test_an_interrupt_in_any_line_leaves_all_old_or_all_new():
    step, model, opt = trainer()
    lines = interrupted(lambda: step(*data(1)), -1)
    for n in np.linspace(1, lines, 25).astype(int):
        step, model, opt = trainer()
        was = snapshot(model, opt)
        interrupted(lambda: step(*data(1)), n)  # noqa: B023
        now = snapshot(model, opt)
        assert not TRACERS
        assert tracing.get() is None
        changed = [not np.array_equal(a, b) for a, b in zip(was, now) if isinstance(a, np.ndarray) and a.size > 1]
        assert len(_steps(opt)) <= 1
        assert any(changed) == (_steps(opt) == {1})
        step(*data(2))


@pytest.mark.parametrize("of", [lambda y: y.reshape(-1), lambda y: y.reshape(-1) + 0], ids=["reshaped", "computed"])
def test_labels_are_checked_in_each_call(of):
    f = tg.compile(lambda z, y: tg.nn.functional.cross_entropy(z, of(y)))
    z, right = tg.Tensor(np.arange(12.0).reshape(4, 3)), np.array([[0, 1], [2, 0]])
    for labels in (right, right[::-1], right):
        expected = tg.nn.functional.cross_entropy(z, labels.reshape(-1)).item()
        assert f(z, tg.Tensor(labels)).item() == pytest.approx(expected, rel=1e-6)
    words = "labels must be from 0 to 2, for 3 classes; got 7"
    if not native.available():
        words += "|index 7 is out of bounds"  # of labels that are computed, NumPy says it first
    with pytest.raises(IndexError, match=words):
        f(z, tg.Tensor(right + 7 * (right == 2) - 2 * (right == 2)))


def test_an_interrupt_in_any_line_of_a_later_call_leaves_all_old_or_all_new():
    step, model, opt = trainer()
    step(*data(1))
    lines = interrupted(lambda: step(*data(1)), -1)
    for n in np.linspace(1, lines, 25).astype(int):
        was, before = snapshot(model, opt), _steps(opt)
        interrupted(lambda: step(*data(1)), n)
        now, after = snapshot(model, opt), _steps(opt)
        changed = [not np.array_equal(a, b) for a, b in zip(was, now) if isinstance(a, np.ndarray) and a.size > 1]
        assert len(before) == len(after) == 1
        assert any(changed) == (before != after), n


def _steps(opt):
    return {kept["step"] for kept in opt.state_dict()["state"].values()}


def test_without_llvmlite_all_runs_on_numpy():
    code = """
        import sys
        sys.modules["llvmlite"] = None
        import numpy as np
        import tinygrad_edu as tg
        from tests.compiler import test_steps as T
        T.alike(T.trainer(T.OPTIMIZERS["AdamW"]), T.data(3), programs=1)
        f = tg.compile(lambda x: tg.tanh(x) * 2)
        assert np.allclose(f(tg.Tensor([1.0])).data, 2 * np.tanh(1.0))
        assert "llvmlite is not installed" in f.explain()
        assert "def run" in f.source()
        print("done")
    """
    found = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert found.stdout.strip() == "done", found.stderr
