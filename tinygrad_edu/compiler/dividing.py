"""How products of matrices are divided into blocks."""

from __future__ import annotations

from typing import NamedTuple

from .views import View

INNER = 384  # entries along the axis that is summed over, of one block
NEAR = 1 << 14  # bytes of `b` that are read where they are
ROWS = 16  # rows of the result from which a copy of `b` pays for itself


class Blocks(NamedTuple):
    """How a product is divided: rows, vectors and summed entries of a block, and what is copied first."""

    rows: int
    vectors: int
    lanes: int
    inner: int
    copies_a: bool
    copies_b: bool


def blocks(a: View, b: View, registers: tuple[int, int]) -> Blocks:
    """The blocks of a product, for registers of so many bytes of which so many keep sums."""
    (m, k), n = a.shape[-2:], b.shape[-1]
    size = a.buffer.dtype.itemsize
    full = registers[0] // size
    lanes = full
    while lanes > 1 and lanes // 2 >= n:
        lanes //= 2
    vectors = min(3, -(-n // lanes))
    rows = min(m, max(1, registers[1] // vectors), 16)
    parts = -(-k // INNER)
    beside = b.strides[-1] == 1 or n == 1
    copies_b = not beside or (k * n * size > NEAR and m >= ROWS)
    copies_a = a.strides[-1] != 1 and k > 1 and n > vectors * lanes and m >= rows
    return Blocks(rows, vectors, lanes, -(-k // parts), copies_a, copies_b)
