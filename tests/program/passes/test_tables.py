"""Products with rows that are picked from a small table: of the table, once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim
from tinygrad_edu.program.passes.tables import with_tables_first

from .random_programs import read


def largest(program):
    """The multiplications of the largest product."""
    return max(
        step.args[0].size * step.args[1].shape[-1] for step in program.steps if step.primitive == "matmul"
    )  # fmt: skip


def step(table, w, g, ids, turned):
    """An embedding, moved about, times a matrix; and the gradients of all three."""
    x = table[ids]
    x = np.swapaxes(x, 0, 1) if turned else x
    rows = np.reshape(x, (-1, table.shape[1]))
    y = rows @ w
    by_w = np.swapaxes(rows, 0, 1) @ g
    back = np.reshape(g @ np.swapaxes(w, 0, 1), x.shape)
    back = np.swapaxes(back, 0, 1) if turned else back
    by_table = np.zeros_like(back, shape=table.shape, dtype=np.float64)
    np.add.at(by_table, (ids,), back.astype(np.float64))
    return [y + 0, by_w + 0, (np.swapaxes(g, 0, 1) @ rows) + 0, by_table.astype(table.dtype)]


@given(
    st.integers(0, 1 << 30), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5), st.booleans(),
    st.sampled_from(["float32", "float64"]), st.booleans(),
)  # fmt: skip
def test_the_same_to_rounding(seed, rows, k, n, turned, dtype, nan):
    rng = np.random.default_rng(seed)
    ids = rng.integers(-rows, rows, size=(4, 5))
    table, w, g = (rng.normal(size=s).astype(dtype) for s in ((rows, k), (k, n), (20, n)))
    if nan:  # in a row that nobody picks
        ids = np.where(ids % rows == 0, (rows > 1) * 1, ids)
        table[0] = np.nan
    program = read(lambda *xs: step(*xs, turned), table, w, g, ids)
    short = with_tables_first(program)
    if rows <= 4:
        assert largest(short) < largest(program)
    eps = np.finfo(dtype).eps
    for a, b, scale in zip(program(table, w, g, ids), short(table, w, g, ids), (k, 20, 20, 20 * n), strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert np.allclose(a, b, rtol=8 * eps, atol=40 * scale * eps, equal_nan=True)


def test_a_large_table_stays():
    rng = np.random.default_rng(0)
    table, w, g = rng.normal(size=(11, 3)), rng.normal(size=(3, 2)), rng.normal(size=(20, 2))
    program = read(lambda *xs: step(*xs, False), table, w, g, rng.integers(11, size=(4, 5)))
    assert with_tables_first(program) is program


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "Linear"])
def test_training_is_as_it_was(cell):
    def losses(wrap):
        tg.manual_seed(3)
        embedding, head = nn.Embedding(5, 4), nn.Linear(6, 5)
        layer = nn.Linear(4, 6) if cell == "Linear" else getattr(nn, cell)(4, 6, batch_first=True)
        params = [*embedding.parameters(), *layer.parameters(), *head.parameters()]
        opt = optim.SGD(params, lr=0.1)

        @wrap
        def train(x, target):
            opt.zero_grad()
            h = layer(embedding(x))
            z = head(h if cell == "Linear" else h[0])
            loss = F.cross_entropy(z.reshape(-1, 5), target.reshape(-1))
            loss.backward()
            opt.step()
            return loss

        rng = np.random.default_rng(0)
        found = [
            train(tg.Tensor(rng.integers(5, size=(3, 7))), tg.Tensor(rng.integers(5, size=(3, 7)))) for _ in range(3)
        ]
        return [x.item() for x in found], [p.numpy() for p in params], train

    eager, own, _ = losses(lambda f: f)
    compiled, others, train = losses(tg.compile)
    assert np.allclose(eager, compiled, rtol=1e-5)
    for a, b in zip(own, others, strict=True):
        assert np.allclose(a, b, rtol=1e-4, atol=1e-6)
    rows = {step.args[0].shape[0] for step in train.program.steps if step.primitive == "matmul"}
    assert 5 in rows  # the table's
