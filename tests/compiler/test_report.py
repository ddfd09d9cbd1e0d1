"""explain(): kernels with what they join, their lines, bytes and operations; looking changes nothing."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim
from tinygrad_edu.compiler import native

needs_llvm = pytest.mark.skipif(not native.available(), reason="machine code needs llvmlite")


def test_counts_of_a_product_and_of_a_chain():
    f = tg.compile(lambda a, b, c: (tg.matmul(a, b), c * c + 1.0))
    f(*(tg.ones((n, m)) for n, m in ((40, 50), (50, 60), (7, 8))))
    rows = f.explain().rows
    product = next(row for row in rows if "matmul" in row.what)
    assert product.bytes == 4 * (40 * 50 + 50 * 60 + 40 * 60)
    if native.available():
        assert product.flops == 2 * 40 * 50 * 60
        (chain,) = (row for row in rows if row is not product)
        assert "multiply add over (7, 8)" in chain.what
        assert chain.flops == 2 * 56
        assert chain.bytes == 2 * 56 * 4  # read once, written once: what is between stays in registers


@needs_llvm
def test_repeated_kernels_are_one_row_with_their_lines():
    cell = nn.RNNCell(3, 4)

    @tg.compile
    def f(x):
        h = tg.zeros((2, 4))
        for t in range(20):
            h = cell(x[t], h)
        return h

    f(tg.ones((20, 2, 3)))
    report = f.explain()
    often = [row for row in report.rows if row.calls >= 18]
    assert often
    assert all(any("test_report.py" in line for line in row.lines) for row in often)
    assert str(report) == repr(report)
    assert sum(row.calls for row in report.rows) == len(f._last.executor.kernels[0].module.calls)


def test_looking_changes_nothing():
    tg.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    opt = optim.Adam(model.parameters())

    @tg.compile
    def step(x, t):
        opt.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        opt.step()
        return loss

    args = tg.ones((5, 3)), tg.Tensor(np.array([0, 1, 1, 0, 1]))
    step(*args)
    step(*args)
    before = {k: v.numpy().copy() for k, v in model.state_dict().items()}
    gradients, steps = [p.grad.numpy().copy() for p in model.parameters()], [list(b.steps) for b in opt._bundles[0]]
    state = tg.random.default_rng(0).normal(size=3).numpy()
    report = step.explain()
    assert all(row.bytes > 0 for row in report.rows)
    for k, v in model.state_dict().items():
        assert v.numpy().tobytes() == before[k].tobytes()
    for p, g in zip(model.parameters(), gradients, strict=True):
        assert p.grad.numpy().tobytes() == g.tobytes()
    assert [list(b.steps) for b in opt._bundles[0]] == steps
    assert tg.random.default_rng(0).normal(size=3).numpy().tobytes() == state.tobytes()
    step(*args)  # and it still runs


def test_the_picture_is_svg_with_a_point_for_each_kernel(tmp_path):
    f = tg.compile(lambda x: F.softmax(x @ x, axis=1))
    f(tg.ones((64, 64)))
    report = f.explain()
    picture = report.roofline()
    root = ET.fromstring(picture)
    points = [row for row in report.rows if row.flops and row.seconds]
    points = [row for row in points if row.seconds >= 1e-3 * sum(row.seconds for row in points)]
    assert sum(node.tag.endswith("circle") for node in root.iter()) == len(points)
    assert picture.save(tmp_path / "a" / "roof.svg").endswith("roof.svg")
    assert (tmp_path / "a" / "roof.svg").read_text() == picture
    with pytest.raises(ValueError, match="must end in .svg"):
        picture.save(tmp_path / "roof.png")


def test_steps_on_numpy_have_rows():
    f = tg.compile(lambda x: tg.linalg.inv(x) * 2)
    f(tg.eye(3) + 1.0)
    assert any(row.name == "NumPy" and "inv" in row.what for row in f.explain().rows)
