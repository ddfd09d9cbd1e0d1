"""Eigenvalues and eigenvectors of matrices that need not be symmetric: `eig`, `eigvals`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import ops
from ..annotations import ArrayLike
from ..arrays import complex_step
from ..engine import constant
from ..errors import DTypeError, ShapeError
from .arguments import lift
from .calls import own_keywords
from .contract import matmul
from .joining import concat
from .layout import broadcast_to, expand_dims, matrix_transpose, swapaxes
from .linalg import solve
from .norms import vector_norm

if TYPE_CHECKING:
    from ..tensor import Tensor

STEPS = 2  # of Newton's iteration, each of which doubles the orders of the derivative: 1, 3


class EigResult(NamedTuple):
    """What `eig` gives, by name or in order: (..., n) and (..., n, n), complex.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.eig([[2.0, 0.0], [0.0, 3.0]]).eigenvalues.tolist()
    [(2+0j), (3+0j)]
    """

    eigenvalues: Tensor
    eigenvectors: Tensor


@own_keywords
def eig(x: ArrayLike) -> EigResult:
    """The eigenvalues and eigenvectors (columns of norm 1) of square matrices: x @ V = V * w, both complex.

    A vector's phase is what LAPACK gives, and has no derivative: a result must not depend on it. Where eigenvalues are
    equal, neither they nor the vectors have a derivative, and `solve` refuses. Derivatives up to order 3.

    Source: the implicit function theorem, on x v = w v and <v0, v> = 1, in the form of Newton's iteration from the
    solution: D. Christianson, "Reverse accumulation and attractive fixed points" (1994).

    Errors: a ShapeError unless `x` is `(..., n, n)`, a DTypeError under the complex step.

    >>> import tinygrad_edu as tg
    >>> turn = lambda t: tg.stack([tg.stack([tg.cos(t), -tg.sin(t)]), tg.stack([tg.sin(t), tg.cos(t)])])
    >>> slope = tg.grad(lambda t: tg.abs(tg.imag(tg.linalg.eig(turn(t)).eigenvalues[0])))(tg.Tensor(0.5))
    >>> round(slope.item(), 4)  # cos(0.5)
    0.8776
    """
    x = lift(x, "eig")
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"eig: needs square matrices in the last two axes; got {x.shape}; use reshape")
    if complex_step.get():
        raise DTypeError("eig: has no complex step; got complex numbers that stand for real ones; use differences")
    x = x.astype(np.complex64 if x.dtype in (np.float16, np.float32, np.complex64) else np.complex128)
    try:
        w, v = map(constant, np.linalg.eig(x._data))
    except np.linalg.LinAlgError as error:
        raise type(error)(f"eig: entries must be finite; got shape {x.shape} ({error}); look at the input") from None
    if not x.flags:
        return EigResult(w, v)
    start = v
    for _step in range(STEPS):
        w, v = _better(x, w, v, start)
    return EigResult(w, v / vector_norm(v, 2, -2, True))


def _better(x: Any, w: Any, v: Any, start: Any) -> tuple[Any, Any]:
    """One step of Newton's iteration for each pair of x v = w v, <start, v> = 1."""
    n = x.shape[-1]
    rows = expand_dims(matrix_transpose(v), -1)  # the vectors, one matrix of a column for each
    first = ops.conj(expand_dims(matrix_transpose(start), -2))
    shifted = expand_dims(x, -3) - expand_dims(expand_dims(w, -1), -1) * constant(np.eye(n, dtype=x.dtype))
    zero = broadcast_to(constant(np.zeros((1, 1), x.dtype)), (*w.shape, 1, 1))
    system = concat([concat([shifted, -rows], -1), concat([first, zero], -1)], -2)
    left = concat([matmul(shifted, rows), matmul(first, rows) - 1], -2)
    change = solve(system, -left)
    return w + change[..., n, 0], v + swapaxes(change[..., :n, 0], -1, -2)


@own_keywords
def eigvals(x: ArrayLike) -> Tensor:
    """The eigenvalues of square matrices, complex.

    >>> import tinygrad_edu as tg
    >>> sorted(tg.linalg.eigvals([[2.0, 1.0], [0.0, 3.0]]).real.tolist())
    [2.0, 3.0]
    """
    return eig(x).eigenvalues
