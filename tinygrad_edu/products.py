"""Products of matrices as BLAS takes them: one call for a whole batch, and long sums in pieces.

`np.matmul` makes a product of its own for each matrix of a batch. Where the other operand is one matrix, the rows of
all of them are multiplied at once: 256 rows of 128 take a tenth of the time.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .sums import WIDER, total

LONG, PIECE = 1 << 13, 1 << 10  # BLAS adds the products with one vector up one after the other: long ones in pieces


def product(a: Any, b: Any) -> Any:
    """`a @ b`, for operands of two axes or more.

    >>> product(np.ones((5, 1, 3)), np.ones((3, 2))).shape, product(np.ones((2, 3)), np.ones((5, 3, 1))).shape
    ((5, 1, 2), (5, 2, 1))
    """
    a, b = _written_out(a), _written_out(b)
    if len(a.shape) == len(b.shape) == 2:
        return _of_matrices(a, b)
    if len(b.shape) == 2 and _in_order(a):
        return _of_matrices(_rows(a), b).reshape(*a.shape[:-1], b.shape[-1])
    if len(a.shape) == 2 and b.shape[-1] == 1 and _in_order(b):
        return _of_matrices(_rows(b.mT), a.mT).reshape(*b.shape[:-2], a.shape[0], 1)
    return np.matmul(a, b)


def _rows(x: Any) -> Any:
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def _in_order(x: Any) -> bool:
    """Whether its matrices lie one after the other, so that their rows can be joined without a copy."""
    return x.__class__ is not np.ndarray or bool(x.flags.c_contiguous)


def _written_out(x: Any) -> Any:
    """A broadcast matrix, as a sum's gradient is, as BLAS takes it; broadcast batches of matrices stay so."""
    return np.ascontiguousarray(x) if x.__class__ is np.ndarray and 0 in x.strides[-2:] and x.size > 1 else x


def _of_matrices(a: Any, b: Any) -> Any:
    if b.shape[0] <= LONG or not _in_pieces(a, b):
        return np.matmul(a, b)
    cut = b.shape[0] // PIECE * PIECE
    left = np.swapaxes(a[:, :cut].reshape(a.shape[0], -1, PIECE), 0, 1)
    y = total(np.matmul(left, b[:cut].reshape(-1, PIECE, b.shape[1])), axis=(0,))
    return y + np.matmul(a[:, cut:], b[cut:])


def _in_pieces(a: Any, b: Any) -> bool:
    """Whether one of the two is a vector, in a dtype in which a long sum loses digits."""
    plain = type(a) is np.ndarray and type(b) is np.ndarray and a.shape[1:] == b.shape[:1]
    return plain and a.dtype == b.dtype and a.dtype in WIDER and 1 in (a.shape[0], b.shape[1])
