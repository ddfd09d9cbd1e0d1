"""Convolutions and their gradients in all their layouts, against PyTorch: strides, padding, dilation, groups, sizes."""

import itertools

import numpy as np
import pytest

from tinygrad_edu import ops

torch = pytest.importorskip("torch")

CASES = [
    # batch, channels, outputs, size, kernel, stride, padding, dilation, groups
    (3, 4, 6, (9, 8), (3, 2), (1, 1), (1, 0), (1, 1), 1),
    (3, 4, 6, (9, 8), (3, 2), (1, 1), (2, 1), (2, 1), 2),
    (2, 6, 6, (9, 8), (3, 3), (1, 1), (1, 1), (1, 1), 6),  # a channel for each group
    (2, 6, 6, (9, 8), (1, 3), (1, 1), (0, 1), (1, 2), 6),
    (2, 6, 12, (9, 8), (3, 3), (1, 1), (1, 1), (1, 1), 6),
    (2, 5, 7, (16, 17), (1, 1), (1, 1), (0, 0), (1, 1), 1),  # of entries
    (2, 6, 4, (16, 17), (1, 1), (1, 1), (0, 0), (1, 1), 2),
    (2, 5, 7, (3, 2), (1, 1), (1, 1), (0, 0), (1, 1), 1),
    (2, 5, 7, (3, 2), (1, 1), (1, 1), (1, 2), (1, 1), 1),  # more padding than the window reaches over
    (2, 40, 2, (6, 7), (3, 3), (1, 1), (1, 1), (1, 1), 1),  # of many channels into few, and the reverse
    (2, 2, 40, (6, 7), (3, 3), (1, 1), (1, 1), (1, 1), 1),
    (2, 4, 6, (9, 8), (3, 3), (2, 1), (1, 1), (1, 1), 1),
    (2, 4, 6, (9, 8), (3, 3), (2, 3), (1, 2), (1, 2), 2),
    (3, 4, 6, (11,), (3,), (1,), (1,), (2,), 1),
    (3, 4, 4, (11,), (3,), (1,), (1,), (2,), 4),
    (2, 3, 4, (5, 6, 7), (2, 3, 2), (1, 1, 1), (1, 0, 1), (1, 1, 2), 1),
    (2, 4, 4, (5, 6, 7), (2, 3, 2), (1, 1, 1), (1, 0, 1), (1, 1, 2), 4),
    (1, 3, 4, (300, 250), (3, 3), (1, 1), (1, 1), (1, 1), 1),  # a matrix of windows that does not fit into one block
]


def drawn(case, dtype, seed=0):
    n, c, o, size, kernel, stride, padding, dilation, groups = case
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=(n, c, *size)).astype(dtype), rng.normal(size=(o, c // groups, *kernel)).astype(dtype)
    settings = {"stride": stride, "padding": tuple((p, p) for p in padding), "dilation": dilation, "groups": groups}
    function = (torch.nn.functional.conv1d, torch.nn.functional.conv2d, torch.nn.functional.conv3d)[len(size) - 1]
    xt, wt = (torch.from_numpy(v).requires_grad_() for v in (x, w))
    y = function(xt, wt, None, stride, padding, dilation, groups)
    g = rng.normal(size=y.shape).astype(dtype)
    y.backward(torch.from_numpy(g))
    return x, w, g, settings, [v.numpy() for v in (y.detach(), xt.grad, wt.grad)]


def layouts(v):
    return v, np.moveaxis(np.ascontiguousarray(np.moveaxis(v, 1, -1)), -1, 1), v[..., ::-1].copy()[..., ::-1]


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_convolution_and_its_gradients_are_those_of_pytorch(case, dtype):
    x, w, g, settings, expected = drawn(case, dtype)
    roundings = 40 * np.finfo(dtype).eps
    _, _, _, size, kernel, stride, padding, dilation, _ = case
    reached = [(m - 1) * s + d * (k - 1) + 1 for m, s, d, k in zip(g.shape[2:], stride, dilation, kernel, strict=True)]
    extra = tuple(n + 2 * p - r for n, p, r in zip(size, padding, reached, strict=True))
    for xs, ws, gs in itertools.islice(itertools.product(layouts(x), layouts(w), layouts(g)), 0, None, 4):
        found = (
            ops.conv(xs, ws, **settings),
            ops.conv_input(gs, ws, extra=extra, **settings),
            ops.conv_weight(xs, gs, kernel=kernel, **settings),
        )
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == dtype
            np.testing.assert_allclose(a, b, rtol=0, atol=roundings * np.abs(b).max() * np.sqrt(g.size / g.shape[1]))


@pytest.mark.parametrize("case", CASES[:8], ids=str)
def test_extra_entries_and_uneven_padding_are_the_adjoint_of_the_convolution(case):
    """<conv(x, w), g> = <x, conv_input(g, w)> = <w, conv_weight(x, g)>."""
    x, w, _, settings, _ = drawn(case, np.float64)
    settings["padding"] = tuple((a, a + 1) for a, _ in settings["padding"])
    y = ops.conv(x, w, **settings)
    g = np.random.default_rng(5).normal(size=y.shape)
    back = ops.conv_input(g, w, extra=(0,) * len(settings["stride"]), **settings)
    assert back.shape == x.shape
    slope = ops.conv_weight(x, g, kernel=w.shape[2:], **settings)
    assert np.isclose(np.vdot(y, g), np.vdot(x, back))
    assert np.isclose(np.vdot(y, g), np.vdot(w, slope))
