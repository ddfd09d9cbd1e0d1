"""Convolutions and pooling in machine code against the ops as they stand: strides, paddings, dilations, groups, ties."""

import numpy as np
import pytest

from tinygrad_edu.compiler import native
from tinygrad_edu.compiler.execute import Executor
from tinygrad_edu.op import REGISTRY
from tinygrad_edu.ops.window import left_over
from tinygrad_edu.program.writer import Writer

RNG = np.random.default_rng(0)


def agree(*calls):
    """One program of several calls `(op, arrays, attributes)` gives what the ops give."""
    writer, arrays, results, expected = Writer(), [], [], []
    for name, xs, attributes in calls:
        inputs = [writer.input(x) for x in xs]
        arrays += xs
        results.append(writer.call(f"op.{name}", inputs, attributes).value)
        expected.append(REGISTRY[name].forward(*xs, **attributes))
    run = Executor(writer.program(results, ["result"] * len(results)))
    for (name, _, attributes), found, y in zip(calls, run(arrays), expected, strict=True):
        assert (found.shape, found.dtype) == (y.shape, y.dtype), (name, attributes)
        eps = 100 * np.finfo(y.dtype).eps
        assert np.allclose(found, y, rtol=eps, atol=eps * np.nanmax(np.abs(y)), equal_nan=True), (name, attributes)
    return run


CONVOLUTIONS = {  # sizes of x, kernels, stride, padding, dilation, groups
    "plain": ((2, 3, 8, 8), (4, 3, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    "stride and groups": ((2, 4, 9, 7), (6, 2, 3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), 2),
    "depthwise": ((2, 4, 14, 14), (4, 1, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 4),
    "wide": ((1, 2, 20, 35), (20, 2, 5, 5), (1, 1), ((2, 2), (2, 2)), (1, 1), 1),
    "one by one": ((3, 2, 12, 12), (5, 2, 1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    "uneven": ((2, 3, 11, 10), (5, 3, 4, 3), (3, 2), ((2, 1), (0, 1)), (1, 1), 1),
    "dilated": ((2, 2, 13, 13), (4, 1, 3, 3), (1, 1), ((2, 2), (0, 3)), (2, 3), 2),
    "padded beyond the kernels": ((2, 2, 5, 6), (3, 2, 2, 2), (1, 1), ((3, 2), (2, 2)), (1, 1), 1),
    "one axis": ((2, 3, 21), (4, 3, 4), (1,), ((2, 1),), (1,), 1),
    "three axes": ((2, 3, 5, 6, 7), (4, 3, 3, 2, 3), (1, 1, 2), ((1, 1), (0, 1), (1, 1)), (1, 1, 1), 1),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions_and_their_gradients(name, dtype):
    size, kernels, stride, padding, dilation, groups = CONVOLUTIONS[name]
    x, w = (RNG.normal(size=s).astype(dtype) for s in (size, kernels))
    kw = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    g = REGISTRY["conv"].forward(x, w, **kw)
    extra = left_over(g, x, kernels[2:], stride, padding, dilation)
    run = agree(
        ("conv", (x, w), kw),
        ("conv_weight", (x, g), kw | {"kernel": kernels[2:]}),
        ("conv_input", (g, w), kw | {"extra": extra}),
    )
    assert run.whole is not None or not native.available()


@pytest.mark.parametrize("registers", [(32, 12), (16, 24), (16, 12)])
def test_processors_with_other_registers(registers, monkeypatch):
    monkeypatch.setattr(native, "registers", lambda: registers)
    test_convolutions_and_their_gradients("uneven", "float64")


POOLS = {  # kernel, stride, padding, dilation, size
    "side by side": ((2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1), (8, 6)),
    "left over": ((2, 3), (2, 3), ((0, 0), (1, 0)), (1, 1), (9, 10)),
    "overlapping": ((3, 3), (2, 1), ((1, 1), (1, 0)), (1, 1), (9, 7)),
    "with gaps": ((2, 2), (3, 3), ((0, 0), (0, 0)), (1, 1), (10, 11)),
    "dilated": ((2, 2), (2, 2), ((1, 1), (1, 1)), (2, 2), (9, 9)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", POOLS)
def test_pools_and_their_gradients_share_ties_and_keep_nan(name, dtype):
    kernel, stride, padding, dilation, size = POOLS[name]
    kw = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    x = RNG.integers(0, 3, size=(2, 3, *size)).astype(dtype)
    y = REGISTRY["max_pool"].forward(x, **kw)
    g, h = RNG.normal(size=y.shape).astype(dtype), RNG.normal(size=x.shape).astype(dtype)
    calls = [("max_pool", (x,), kw), ("window_sum", (h,), kw), ("max_spread", (g, x), kw), ("max_gather", (h, x), kw)]
    calls.append(("window_spread", (g,), kw | {"extra": left_over(y, x, kernel, stride, padding, dilation)}))
    assert agree(*calls).whole is not None or not native.available()
    x[0, 0, 1, 1] = np.nan
    agree(("max_pool", (x,), kw))
