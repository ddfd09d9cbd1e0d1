"""Threads share out slices of long kernels: the same bits for every number of them."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim
from tinygrad_edu.compiler import native, places, slices
from tinygrad_edu.compiler.execute import Executor

from ..program.test_reading import read

needs_llvm = pytest.mark.skipif(not native.available(), reason="machine code needs llvmlite")


@pytest.fixture(autouse=True)
def _number():
    before = tg.get_num_threads()
    yield
    tg.set_num_threads(before)


@pytest.fixture
def finely(monkeypatch):
    """Kernels of a few entries are taken apart, too."""
    for name, value in {"LONG": 1e-9, "SHORT": 2e-9, "ROWS": 1, "ENTRIES": 4, "NEAR": 32, "FAR": 1}.items():
        monkeypatch.setattr(slices, name, value)
    monkeypatch.setattr(places, "LARGE", 1)


MOVES = [
    lambda a, b: np.tanh(a) * b, lambda a, b: a - np.max(a, axis=1, keepdims=True), lambda a, b: a @ b,
    lambda a, b: np.swapaxes(a, 0, 1) @ b, lambda a, b: np.sum(a, axis=0) + b, lambda a, b: a[::-1] * np.sum(b),
    lambda a, b: np.reshape(np.reshape(a, (1, -1)) * 2, a.shape), lambda a, b: np.stack([a, b, a]) @ b,
    lambda a, b: np.where(a > b, a, np.swapaxes(b, 0, 1)), lambda a, b: np.sum(np.stack([a, b, a * b]), axis=(1, 2)),
    lambda a, b: a / np.sqrt(np.sum(a * a, axis=1, keepdims=True) + 1), lambda a, b: np.sum(a * b), lambda a, b: a - np.min(b),
]  # fmt: skip


@needs_llvm
@pytest.mark.usefixtures("finely")
@given(st.data(), st.integers(2, 23), st.sampled_from(["float32", "float64"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_programs(data, n, dtype):
    moves = data.draw(
        st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6)
    )

    def f(*xs):
        known = list(xs)
        for move, i, j in moves:
            y = move(*(known[k % len(known)] for k in (i, j)))
            known.append(np.tanh(y)) if y.shape == known[0].shape else results.append(y)
        return np.concatenate([np.reshape(y, -1) for y in (*known, *results)])

    results = []
    xs = [np.random.default_rng(n).normal(size=(n, n)).astype(dtype) for _ in range(2)]
    expected = f(*xs)
    results = []
    program = read(f, *xs)
    run = Executor(program)
    found = []
    for threads in (1, 2, 5):
        tg.set_num_threads(threads)
        found += [run(xs)[0].tobytes() for _ in range(2)]
    assert len(set(found)) == 1
    eps = np.finfo(dtype).eps
    assert np.allclose(np.frombuffer(found[0], dtype), expected, rtol=1000 * eps, atol=1000 * eps * n)


@needs_llvm
@pytest.mark.usefixtures("finely")
def test_training_is_the_same():
    def trained(threads):
        tg.set_num_threads(threads)
        tg.manual_seed(0)
        model = nn.Sequential(nn.Linear(5, 20), nn.ReLU(), nn.Linear(20, 3))
        opt = optim.Adam(model.parameters(), lr=0.1)

        @tg.compile
        def step(x, t):
            opt.zero_grad()
            loss = F.cross_entropy(model(x), t)
            loss.backward()
            opt.step()
            return loss

        rng = np.random.default_rng(0)
        for _ in range(5):
            step(tg.Tensor(rng.normal(size=(16, 5)), dtype="float32"), tg.Tensor(rng.integers(3, size=16)))
        assert step._last.executor.whole.kernels.slices
        return [p.numpy().tobytes() for p in model.parameters()]

    assert trained(1) == trained(2) == trained(7)


@needs_llvm
@pytest.mark.parametrize("rows", [1024, 1000, 961])  # the last slice may be a shorter one
def test_loops_that_follow_each_other_are_made_slice_by_slice(rows, monkeypatch):
    monkeypatch.setattr(slices, "FAR", 1 << 20)
    monkeypatch.setattr(slices, "LONG", 1e-4)
    x, w = (tg.Tensor(np.random.default_rng(0).normal(size=size), dtype="float32") for size in ((rows, 700), (700,)))
    f = tg.value_and_grad(lambda x: (F.layer_norm(x, (700,)) * w).sum())
    step = tg.compile(f)
    (value, slope), (expected, other) = step(x), f(x)
    np.testing.assert_allclose(value.data, expected.data, rtol=1e-5)
    np.testing.assert_allclose(slope.data, other.data, rtol=1e-4, atol=1e-5)
    (kernels,) = step._last.executor.kernels
    (group,) = kernels.module.groups
    assert group.slices > 8
    assert group.depth > 2
    assert kernels.size < x.data.nbytes / 16  # nothing of the size of x is kept


@needs_llvm
@pytest.mark.parametrize("axis", [(0,), (0, 1)])
def test_sums_of_slices_are_rounded_once(axis):
    x = np.random.default_rng(0).uniform(size=(2048, 1024)).astype(np.float32)
    run = Executor(read(lambda x: np.sum(np.sqrt(x), axis=axis), x))
    assert np.array_equal(run([x])[0], np.sum(np.sqrt(x), axis=axis, dtype=np.float64).astype(np.float32))
    assert run.kernels[0].module.groups


@needs_llvm
def test_long_kernels_are_taken_apart_and_short_ones_are_not():
    f = tg.compile(lambda x: tg.exp(x) * 2)
    f(tg.ones((8, 8)))
    assert "@shared" not in f.source()
    f(tg.ones((1500, 1000)))
    assert "@shared" in f.source()


@needs_llvm
@pytest.mark.usefixtures("finely")
def test_one_function_in_several_threads():
    tg.set_num_threads(3)
    f = tg.compile(lambda x: (tg.exp(x) * 2).sum())
    xs = [tg.Tensor(np.full((40, 40), k / 10), requires_grad=True) for k in range(4)]
    expected = [(f(x).item(), tg.grad(lambda x: f(x))(x).numpy()) for x in xs]
    wrong = []

    def work(k):
        for _ in range(30):
            y = f(xs[k])
            (g,) = tg.autograd.grad(y, [xs[k]])
            if y.item() != expected[k][0] or not np.allclose(g.numpy(), expected[k][1], rtol=1e-6):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


@pytest.mark.parametrize("n", [0, -1, 1.5, True, "2", None])
def test_what_is_no_number_of_threads(n):
    with pytest.raises(ValueError, match="set_num_threads: n must be a whole number from 1; got"):
        tg.set_num_threads(n)


def test_the_number_is_what_the_user_has_set():
    code = "import tinygrad_edu as tg; print(tg.get_num_threads()); tg.set_num_threads(5); print(tg.get_num_threads())"
    for said in ("3", "2,1", "no", ""):
        env = {**os.environ, "OMP_NUM_THREADS": said}
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env).stdout
        first, second = map(int, out.split())
        assert second == 5
        assert first == {"3": 3, "2,1": 2}.get(said, first) >= 1
