"""The work of each operation, counted by its declaration: against PyTorch's counter, and closed forms."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.nn import functional as F
from tinygrad_edu.op import REGISTRY
from tinygrad_edu.viz.formulas.table import example
from tinygrad_edu.viz.graph.reading import read
from tinygrad_edu.viz.pictures.overlays import flops

torch = pytest.importorskip("torch")
FlopCounterMode = pytest.importorskip("torch.utils.flop_counter").FlopCounterMode

PRODUCTS = ("contract", "layer", "window")


def ours(result, kinds=PRODUCTS):
    graph = read(result)
    return sum(flops(graph, n) for n in graph.nodes.values() if n.op is not None and n.op.kind.name in kinds)


def theirs(f):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        f()
    return counter.get_total_flops()


def pair(*shape):
    return tg.Tensor(np.ones(shape, np.float32), requires_grad=True), torch.ones(*shape)


@pytest.mark.parametrize(
    ("f", "g", "shapes"),
    [
        (tg.matmul, torch.matmul, [(3, 4), (4, 5)]),
        (tg.matmul, torch.matmul, [(7, 3, 4), (7, 4, 5)]),
        (tg.matmul, torch.matmul, [(7, 3, 4), (4, 5)]),
        (lambda a, b: tg.einsum("ik,kj->ij", a, b), lambda a, b: torch.einsum("ik,kj->ij", a, b), [(3, 4), (4, 5)]),
        (
            lambda a, b: tg.einsum("bhqd,bhkd->bhqk", a, b),
            lambda a, b: torch.einsum("bhqd,bhkd->bhqk", a, b),
            [(2, 3, 4, 5), (2, 3, 6, 5)],
        ),
        (F.linear, torch.nn.functional.linear, [(9, 6, 4), (5, 4), (5,)]),
        (F.linear, torch.nn.functional.linear, [(256, 64), (32, 64), (32,)]),
        (F.conv1d, torch.nn.functional.conv1d, [(2, 3, 11), (5, 3, 4)]),
        (
            lambda x, w: F.conv2d(x, w, stride=2, padding=1, groups=2),
            lambda x, w: torch.nn.functional.conv2d(x, w, stride=2, padding=1, groups=2),
            [(2, 6, 9, 8), (4, 3, 3, 2)],
        ),
        (
            lambda x, w: F.conv2d(x, w, dilation=2),
            lambda x, w: torch.nn.functional.conv2d(x, w, dilation=2),
            [(2, 3, 9, 8), (4, 3, 3, 3)],
        ),
        (
            lambda x, w: F.conv_transpose2d(x, w, stride=2),
            lambda x, w: torch.nn.functional.conv_transpose2d(x, w, stride=2),
            [(2, 3, 5, 4), (3, 6, 3, 3)],
        ),
    ],
)
def test_products_are_counted_as_pytorch_counts_them(f, g, shapes):
    mine, other = zip(*(pair(*s) for s in shapes), strict=True)
    assert ours(f(*mine)) == theirs(lambda: g(*other))


def test_attention_is_four_projections_and_two_products():
    model, t, b, e = nn.MultiheadAttention(8, 2), 3, 5, 8
    x = np.ones((t, b, e), np.float32)
    out, _ = model(x, x, x)
    assert ours(out, ("contract", "layer")) == 2 * b * t * e * e * 4 + 2 * (2 * b * t * t * e)


def test_a_recurrent_network_is_a_sum_over_its_steps():
    t, b, i, h = 6, 2, 3, 4
    out, _ = nn.RNN(i, h)(np.ones((t, b, i), np.float32))
    assert ours(out, ("contract", "layer")) == 2 * b * t * h * (i + h)


def test_examples_that_vmap_hides_are_counted():
    w = tg.Tensor(np.ones((4, 5)), requires_grad=True)
    x = tg.Tensor(np.ones((7, 4)), requires_grad=True)
    assert ours(tg.vmap(lambda v: v @ w)(x)) == 2 * 7 * 4 * 5


@pytest.mark.parametrize(
    ("subscripts", "shapes", "count"),
    [
        ("i,j->ij", [(3,), (4,)], 12),
        ("ij->i", [(3, 4)], 12),
        ("ij->ji", [(3, 4)], 0),
        ("ij,jk,kl->il", [(2, 50), (50, 50), (50, 3)], 2 * 2 * 50 * 50 + 2 * 2 * 50 * 3),
    ],
)
def test_einsum_is_counted_pair_by_pair(subscripts, shapes, count):
    op = REGISTRY["einsum"]
    assert op.flops((), *shapes, subscripts=subscripts) == count


def test_matrix_functions_have_their_textbook_counts():
    n = 6
    counts = {"inv": 2 * n**3, "det": 2 * n**3 / 3, "cholesky": n**3 / 3, "eigh": 9 * n**3}
    for name, count in counts.items():
        assert np.isclose(REGISTRY[name].flops((5, n, n), (5, n, n)), 5 * count)


@pytest.mark.parametrize("op", [op for op in REGISTRY.values() if not op.custom and not op.kind.rule], ids=str)
def test_every_count_fits_its_ops_attributes(op):
    if op.flops is None:
        assert op.kind.name not in ("contract", "linalg"), f"{op} must declare its flops"
        return
    arrays, attributes = example(op)
    shape = np.shape(op.forward(*arrays, **attributes))
    assert op.flops(shape, *map(np.shape, arrays), **attributes) > 0
