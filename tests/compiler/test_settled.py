"""Functions whose inner shapes depend on values, compiled: a program is for the values, and made anew for others."""

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu.errors import GraphError

R = np.random.default_rng(0)
TABLE, ROWS, FLAT = R.normal(size=(7, 3)), R.normal(size=(5, 3)), np.array([1, 2, 6, 0, 3])
POOLED, PLACES = F.max_pool2d(tg.Tensor(R.normal(size=(2, 2, 4, 4))), 2, return_indices=True)

# a function of values and of what decides the shapes or the places, the values, and several of the others
CASES = {
    **{f"embedding_bag {mode}": (lambda w, at, mode=mode: F.embedding_bag(FLAT, w, at, mode=mode), TABLE, [[0, 2], [0, 4], [0, 0, 3]]) for mode in ("sum", "mean", "max")},
    "with the last offset": (lambda w, at: F.embedding_bag(FLAT, w, at, include_last_offset=True), TABLE, [[0, 2, 5], [0, 1, 4]]),
    "without padding": (lambda w, at: F.embedding_bag(FLAT, w, at, padding_idx=2), TABLE, [[0, 2], [0, 3]]),
    "repeat_interleave": (lambda x, n: tg.repeat_interleave(x, n, dim=0), ROWS, [[1, 0, 2, 1, 1], [0, 3, 1, 0, 0]]),
    "repeat": (lambda x, n: tg.repeat(x, n, axis=1), ROWS, [[1, 0, 2], [2, 2, 2]]),
    **{name: (lambda x, q, name=name: getattr(np, name)(x, q, axis=0), ROWS, [0.3, 0.9, [0.25, 0.5]]) for name in ("quantile", "nanquantile", "percentile", "nanpercentile")},
    "max_unpool2d": (lambda x, at: F.max_unpool2d(x, at, 2), POOLED.data, [PLACES.data, PLACES.data[::-1]]),
}  # fmt: skip


@pytest.mark.parametrize("captured", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_what_shapes_depend_on_may_be_an_argument_or_come_from_outside(name, captured):
    f, x, settings = CASES[name]
    x, given = tg.Tensor(x), [tg.Tensor(np.asarray(s)) for s in settings]
    g = lambda x, s: tg.grad(lambda x: (f(x, s) ** 2).sum())(x)
    if captured:
        held = [None]
        run, slope = tg.compile(lambda x: f(x, held[0])), tg.compile(lambda x: g(x, held[0]))
    else:
        run, slope = tg.compile(f), tg.compile(g)
    for s in [*given, given[0]]:
        if captured:
            held[0] = s
        more = () if captured else (s,)
        np.testing.assert_allclose(run(x, *more).data, f(x, s).data, rtol=1e-12)
        np.testing.assert_allclose(slope(x, *more).data, g(x, s).data, rtol=1e-12)


def test_a_share_is_no_part_of_the_program():
    run = tg.compile(lambda x, q: np.quantile(x, q))
    found = [(run(tg.Tensor(ROWS), tg.Tensor(q)).item(), id(run.program)) for q in (0.25, 0.75)]
    assert [y for y, _ in found] == [np.quantile(ROWS, 0.25), np.quantile(ROWS, 0.75)]
    assert len({program for _, program in found}) == 1
    with pytest.raises(ValueError, match="quantile: q must be from 0 to 1; got 1.5"):
        run(tg.Tensor(ROWS), tg.Tensor(1.5))


def test_values_that_the_program_computes_itself_cannot_decide_a_shape():
    counts = tg.Tensor(np.array([1, 0, 2, 1, 1]))
    for f, what in (
        (lambda x, n: tg.repeat(x, n + 1, axis=0), "repeat: in a program, repeats must be known before it runs"),
        (
            lambda x, n: F.embedding_bag(FLAT, x, n[:2] - 1),
            "embedding_bag: in a program, offsets must be known before it runs",
        ),
    ):
        with pytest.raises(GraphError, match=what + ", as shapes depend on them; got .*; pass them as an argument"):
            tg.compile(f)(tg.Tensor(ROWS), counts)


def test_a_file_has_one_shape_so_an_input_cannot_decide_it(tmp_path):
    pytest.importorskip("onnx")
    counts = tg.Tensor(np.array([1, 0, 2, 1, 1]))
    with pytest.raises(
        GraphError, match=r"export: shapes must not depend on the values of an input; got .* shape \(5,\); pass"
    ):
        tg.export(lambda x, n: tg.repeat(x, n, axis=0), (tg.Tensor(ROWS), counts), tmp_path / "m.onnx")
    runtime = pytest.importorskip("onnxruntime")
    tg.export(lambda x: tg.repeat(x, counts, axis=0), tg.Tensor(ROWS), tmp_path / "m.onnx")
    (found,) = runtime.InferenceSession(tmp_path / "m.onnx").run(None, {"x": ROWS})
    np.testing.assert_array_equal(found, np.repeat(ROWS, counts.data, axis=0))
