"""Graphs of `vmap`, as every reader tells them: the same numbers as example by example, and sums over examples said."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, viz
from tinygrad_edu.viz.graph.local import local
from tinygrad_edu.viz.graph.reading import read
from tinygrad_edu.viz.words.contributions import parts

X = np.arange(6.0).reshape(3, 2)


def leaves():
    w = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, dtype="float64", name="w")
    b = tg.Tensor([1.0, 2.0], requires_grad=True, dtype="float64", name="b")
    return w, b, tg.Tensor(2.0, requires_grad=True, dtype="float64", name="s")


def each(f, *xs):
    """`vmap`, as a loop has it."""
    return tg.stack([f(*row) for row in zip(*xs, strict=True)])


PROGRAMS = {
    "matrix": lambda vmap, w, b, s: vmap(lambda r: tg.tanh(r @ w * 0.1 + b).sum())(X).sum(),
    "scalar": lambda vmap, w, b, s: vmap(lambda r: r.sum() * s + s)(X).sum() * b.sum(),
    "used twice": lambda vmap, w, b, s: vmap(lambda r: (r * b * b).sum())(X).sum(),
    "nested": lambda vmap, w, b, s: vmap(lambda r: vmap(lambda e: e * s + b.sum())(r).sum())(X).sum(),
    "nested rows": lambda vmap, w, b, s: vmap(lambda r: vmap(lambda q: (q * r * b).sum())(X).sum())(X).sum(),
    "row": lambda vmap, w, b, s: vmap(lambda r: (w[0] * r).sum())(X).sum(),
    "broadcast": lambda vmap, w, b, s: vmap(lambda r: (w * (r + s)).sum())(X).sum(),
    "where": lambda vmap, w, b, s: vmap(lambda r: tg.where(r > 2, r * b, b).sum())(X).sum(),
    "max": lambda vmap, w, b, s: vmap(lambda r: (r * b).max() * s)(X).sum(),
}  # fmt: skip
READERS = {
    "draw": lambda J: viz.draw(J, detail="formulas", backward=True).svg(),
    "inline": lambda J: viz.draw(J, detail="formulas", backward=True, inline=True, notation="python").source,
    "overlays": lambda J: [viz.draw(J, overlay=o).source for o in ("time", "memory", "flops", "gradient", "nonfinite")],
    "explain": lambda J: [
        str(viz.explain(J)),
        viz.explain(J).markdown(),
        viz.explain(J).latex(),
        viz.explain(J).html(),
    ],
    "player": lambda J: viz.player(J).contents(),
    "json": viz.to_json,
    "diff": lambda J: viz.diff(J, J),
    "compare": lambda J: viz.compare(J, J),
    "lecture": lambda J: viz.lecture(J).captions,
}
ASKED = {"scalar"}  # the programs with a number to ask for, beside the batches


def by_loop(f):
    return lambda *xs: each(f, *xs)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_reader_reads_it(name):
    J = PROGRAMS[name](tg.vmap, *leaves())
    for read_it in READERS.values():
        assert read_it(J) is not None
    if name not in ASKED:
        with pytest.raises(ValueError, match="worksheet: the graph must have scalars to ask for"):
            viz.worksheet(J, blanks="gradients")
    else:
        assert viz.worksheet(J, blanks="gradients").contents()


@pytest.mark.parametrize("name", PROGRAMS)
def test_contributions_add_up_to_the_gradient_of_a_loop(name):
    mine, loop = leaves(), leaves()
    J, K = PROGRAMS[name](tg.vmap, *mine), PROGRAMS[name](by_loop, *loop)
    K.backward()
    for t, other in zip(mine, loop, strict=True):
        if other.grad is not None:
            for index in np.ndindex(t.shape):
                _, value, _, terms = parts(t, index, J)
                assert value == pytest.approx(other.grad.numpy()[index], rel=1e-9)
                assert sum(term for _, term in terms) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_sum_over_examples_is_written(name):
    """The formulas of all uses of a leaf, which is one for all examples, have its shape and add up to its gradient."""
    mine, loop = leaves(), leaves()
    PROGRAMS[name](by_loop, *loop).backward()
    graph = read(PROGRAMS[name](tg.vmap, *mine), grads=True)
    for t, other in zip(mine, loop, strict=True):
        node = next((n for n in graph.nodes.values() if n.tensor is t), None)
        if node is None:
            continue
        uses = [local(graph, n, i) for n in graph.nodes.values() for i, key in enumerate(n.inputs) if key == node.key]
        found = [use for use in uses if use is not None]
        np.testing.assert_allclose(sum(use.formula.value for use in found), other.grad.numpy(), rtol=1e-9)
    uses = [local(graph, n, i) for n in graph.nodes.values() for i in range(len(n.inputs))]
    found = [use for use in uses if use is not None]
    over = [use for use in found if "sum over the examples" in use.note]
    assert over
    assert [use for use in found if "total_batch(" in use.text] == over


def test_contributions_are_told_example_by_example():
    _, b, _ = leaves()
    J = tg.vmap(lambda r: (r * b).sum())(X).sum()
    assert "4   through t1 = c1 * b, example 2" in str(viz.explain(b, entry=0, of=J))
    assert "db = total_batch(dt1 * c1, size=3) = [6 9]" in str(viz.explain(J))


def test_a_layer_for_each_example():
    layer = nn.Linear(2, 1, rng=tg.random.default_rng(0))
    J = tg.vmap(layer)(X.astype("f4")).sum()
    assert "sum over the examples, as bias is one for all" in str(viz.explain(J))


def seen(vmapped):
    """The page and the picture of a result within `vmap`."""
    found = []

    def f(x):
        h = tg.tanh(leaves()[0] @ x)
        found.append((viz.player(h), viz.draw(h, notation="python").source))
        return h

    vmapped(f)
    return found[0]


VMAPPED = {
    "one": (lambda f: tg.vmap(f)(X), (3,), "3 of (2,)"),
    "two": (lambda f: tg.vmap(tg.vmap(f))(np.stack([X, X])), (2, 3), "2×3 of (2,)"),
}


@pytest.mark.parametrize("name", VMAPPED)
def test_a_box_says_how_many_examples_its_numbers_are_of(name):
    vmapped, batch, told = VMAPPED[name]
    page, drawn = seen(vmapped)
    node = page.data["nodes"][-1]
    assert node["shape"] == [*batch, 2]
    assert node["batch"] == len(batch)
    assert len(node["value"]["values"]) == np.prod(batch) * 2
    assert told in drawn
    assert [n["batch"] for n in page.data["nodes"] if n["name"] == "w"] == [0]
    assert "(2,2)" in drawn  # w is one for all
