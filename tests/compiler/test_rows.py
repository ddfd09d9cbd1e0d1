"""Products of a matrix and one vector, compiled: rows times the vector and their sums, for whatever lies in memory."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.compiler import native
from tinygrad_edu.compiler.rows import LEAST

PRODUCTS = {  # of x (m, k), a (k, 1) and b (m, 1)
    "matrix by column": lambda x, a, b: x @ a,
    "turned matrix by column": lambda x, a, b: x.T @ b,
    "row by matrix": lambda x, a, b: b.T @ x,
    "row by turned matrix": lambda x, a, b: a.T @ tg.permute_dims(x, (1, 0)),
    "of a slice": lambda x, a, b: x[::2, : x.shape[1] // 2 + 1] @ a[: x.shape[1] // 2 + 1],
    "of the result of another": lambda x, a, b: x.T @ (x @ a),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(3, 5), (64, 64), (4097, 1), (1, 4097), (211, 37), (1, 1), (20, 1000)])
@pytest.mark.parametrize("name", PRODUCTS)
def test_values_and_gradients(name, shape, dtype):
    m, k = shape
    rng = np.random.default_rng(m * k)
    arrays = [rng.normal(size=s).astype(dtype) for s in ((m, k), (k, 1), (m, 1))]
    f = PRODUCTS[name]
    given = [tg.Tensor(a) for a in arrays]
    loss = lambda *xs: (f(*xs) * np.arange(1.0, f(*given).size + 1, dtype=dtype).reshape(f(*given).shape)).sum()
    found = tg.compile(f)(*given), *tg.compile(tg.grad(loss, argnums=(0, 1, 2)))(*given)
    exact = [tg.Tensor(a.astype("float64")) for a in arrays]
    wanted = f(*exact), *tg.grad(loss, argnums=(0, 1, 2))(*exact)
    sizes = [abs(a) + 1 for a in exact]
    bounds = f(*sizes), *tg.grad(loss, argnums=(0, 1, 2))(*sizes)  # of the same sums without cancelling
    for y, exact_y, bound in zip(found, wanted, bounds, strict=True):
        assert y.dtype == dtype
        assert y.shape == exact_y.shape
        error = np.abs(y.numpy() - exact_y.numpy())
        assert (error <= 2 * (m + k) * np.finfo(dtype).eps * np.abs(bound.numpy())).all()


@pytest.mark.skipif(not native.available(), reason="needs llvmlite: how kernels are made")
@pytest.mark.parametrize("name", ["matrix by column", "turned matrix by column"])
def test_a_large_matrix_is_read_once_row_by_row(name):
    f = tg.compile(PRODUCTS[name])
    for rows in (LEAST // 64 - 1, LEAST // 64):
        f(tg.ones((rows, 64)), tg.ones((64, 1)), tg.ones((rows, 1)))
        assert ("multiply sum" in f.explain()) == (rows * 64 >= LEAST)
