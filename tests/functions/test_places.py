"""gather, repeat_interleave, triangular solutions and draws of indices, beside PyTorch and SciPy."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError, ShapeError

torch = pytest.importorskip("torch")
R = np.random.default_rng(0)
M, B = R.normal(size=(4, 4)) + 4 * np.eye(4), R.normal(size=(4, 2))


def both(ours, theirs, *arrays):
    """The same values, and the same gradients of a sum of squares."""
    a, b = [tg.Tensor(x, requires_grad=True) for x in arrays], [torch.tensor(x, requires_grad=True) for x in arrays]
    y, z = ours(*a), theirs(*b)
    np.testing.assert_allclose(y.detach().data, z.detach().numpy(), rtol=1e-10)
    (y * y).sum().backward()
    (z * z).sum().backward()
    for t, u in zip(a, b, strict=True):
        np.testing.assert_allclose(t.grad.data, u.grad.numpy(), rtol=1e-9, atol=1e-11)


def test_gather():
    for axis, index in ((1, [[0, 0, 3], [1, 2, 1]]), (0, [[3, 0], [1, 1], [2, 3]]), (-1, [[2]])):
        i = np.array(index)
        both(lambda x: tg.gather(x, axis, i), lambda x: torch.gather(x, axis, torch.tensor(i)), M)  # noqa: B023
        both(lambda x: x.gather(dim=axis, index=i), lambda x: x.gather(axis, torch.tensor(i)), M)  # noqa: B023
    with pytest.raises(
        ShapeError, match=r"gather: index must have the axes of the input, .*; got \(5, 1\) for \(4, 4\)"
    ):
        tg.gather(M, 1, np.zeros((5, 1), int))


def test_repeat_interleave():
    both(lambda x: tg.repeat_interleave(x, 2), lambda x: torch.repeat_interleave(x, 2), M)
    both(
        lambda x: x.repeat_interleave([1, 0, 2, 1], dim=0),
        lambda x: x.repeat_interleave(torch.tensor([1, 0, 2, 1]), dim=0),
        M,
    )


@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("lower", [False, True])
def test_solve_triangular(lower, unit):
    import scipy.linalg

    theirs = lambda a, b: torch.linalg.solve_triangular(a, b, upper=not lower, unitriangular=unit)
    both(lambda a, b: tg.linalg.solve_triangular(a, b, lower, unit), theirs, M, B)
    expected = scipy.linalg.solve_triangular(M, B[:, 0], lower=lower, unit_diagonal=unit)
    np.testing.assert_allclose(
        tg.linalg.solve_triangular(M, B[:, 0], upper=not lower, unit_diagonal=unit).data, expected, rtol=1e-10
    )
    batch = np.stack([M, M.T])
    np.testing.assert_allclose(
        tg.linalg.solve_triangular(batch, B, lower).data[1], tg.linalg.solve_triangular(M.T, B, lower).data
    )


@pytest.mark.parametrize("upper", [False, True])
def test_cholesky_solve(upper):
    both(
        lambda b, a: tg.linalg.cholesky_solve(b, a, upper),
        lambda b, a: torch.cholesky_solve(b, a.triu() if upper else a.tril(), upper),
        B,
        M,
    )


def test_multinomial_and_categorical_draw_by_their_weights():
    rng, p = tg.random.default_rng(0), np.array([[0.1, 0.0, 0.4, 0.5], [0.25, 0.25, 0.25, 0.25]])
    n = 20_000
    drawn = rng.multinomial(p, n, replacement=True)
    assert drawn.shape == (2, n)
    categories = rng.categorical(tg.log(p + 1e-300), size=(n, 2))
    for row in range(2):
        for found in (drawn.data[row], categories.data[:, row]):
            counts = np.bincount(found, minlength=4)
            assert np.all(np.abs(counts - n * p[row]) < 5 * np.sqrt(n * 0.25))  # five standard deviations
    several = np.stack([rng.multinomial(p, 3).data for _ in range(50)])
    assert all(len(set(row)) == 3 for draw in several for row in draw)
    assert not (several[:, 0] == 1).any()
    first = rng.multinomial([1.0, 3.0], 1)
    assert first.shape == (1,)
    assert rng.categorical(p).shape == (2,)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda r: r.multinomial([1.0, 0.0], 2), ValueError, "multinomial: a row must have a weight above 0 for each sample; got 1 for 2"),
        (lambda r: r.multinomial([-1.0, 2.0], 1), DTypeError, "multinomial: p must be rows of weights, 0 or more"),
        (lambda r: r.categorical(1.0), DTypeError, r"categorical: logits must be rows of numbers; got shape \(\)"),
        (lambda r: r.categorical([[1.0], [2.0]], size=3), ShapeError, r"categorical: size must end with the shape of the rows \(2,\); got \(3,\)"),
    ],
)  # fmt: skip
def test_errors_of_draws(call, error, text):
    with pytest.raises(error, match=text):
        call(tg.random.default_rng(0))
