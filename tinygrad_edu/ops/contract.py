"""Products of several arrays summed over shared axes: linear in each input."""

import math
from typing import Any

import numpy as np

from ..domain import REAL
from ..op import Each, Op, Product
from ..sums import HALF, WIDER, in_single, total

__all__ = ["einsum", "matmul"]

LONG, PIECE = 1 << 13, 1 << 10  # BLAS adds the products with one vector up one after the other: long ones in pieces

PRODUCTS = "products of large numbers overflow, and 0 * inf is nan; use smaller weights, or normalise the inputs"
ZEROS = (
    "times zero",
    "it is multiplied by a matrix of zeros, so no change of it reaches the result; start weights with random numbers",
)

_half_matmul = in_single(np.matmul)


def _matmul(a: Any, b: Any) -> Any:
    if a.dtype is HALF or b.dtype is HALF:
        return _half_matmul(a, b)
    a, b = _written_out(a), _written_out(b)
    if len(b.shape) != 2 or b.shape[0] <= LONG or not _in_pieces(a, b):
        return np.matmul(a, b)
    cut = b.shape[0] // PIECE * PIECE
    left = np.swapaxes(a[:, :cut].reshape(a.shape[0], -1, PIECE), 0, 1)
    y = total(np.matmul(left, b[:cut].reshape(-1, PIECE, b.shape[1])), axis=(0,))
    return y + np.matmul(a[:, cut:], b[cut:])


def _written_out(x: Any) -> Any:
    """A broadcast matrix, as a sum's gradient is, as BLAS takes it; broadcast batches of matrices stay so."""
    return np.ascontiguousarray(x) if x.__class__ is np.ndarray and 0 in x.strides[-2:] and x.size > 1 else x


def _in_pieces(a: Any, b: Any) -> bool:
    """Whether one of the two is a vector, in a dtype in which a long sum loses digits."""
    plain = type(a) is np.ndarray and type(b) is np.ndarray and a.shape[1:] == b.shape[:1]
    return plain and a.dtype == b.dtype and a.dtype in WIDER and 1 in (a.shape[0], b.shape[1])


matmul: Op = Product(
    "matmul",
    _matmul,
    (lambda g, y, a, b: matmul(g, b.mT), lambda g, y, a, b: matmul(a.mT, g)),
    kind="contract", signature="(i,k),(k,j)->(i,j)", formula="{} @ {}", latex=r"#1 \, #2", domain=(REAL, REAL),
    advice=PRODUCTS, blocks=ZEROS,
    flops=lambda y, a, b: 2 * math.prod(y) * a[-1],
    must="a.shape[-1] must equal b.shape[-2], and leading axes must broadcast",
)  # fmt: skip


def _swapped(i: int) -> Any:
    """In an einsum of distinct indices, input i's gradient is the einsum with it and y swapped."""

    def rule(g: Any, y: Any, *xs: Any, subscripts: str) -> Any:
        left, output = subscripts.split("->")
        names = left.split(",")
        others = xs[:i] + xs[i + 1 :]
        swapped = ",".join([output, *names[:i], *names[i + 1 :]]) + "->" + names[i]
        return einsum(g, *others, subscripts=swapped)

    return rule


@in_single
def _einsum(*xs: Any, subscripts: str) -> Any:
    """Two large operands by a product of matrices, which is ten times as fast as the loop of `np.einsum`."""
    if len(xs) != 2 or xs[0].size + xs[1].size < 4096:
        return np.einsum(subscripts, *xs, optimize=len(xs) > 2)
    left, output = subscripts.split("->")
    a, b = left.split(",")
    batch, inner = [c for c in a if c in b and c in output], [c for c in a if c in b and c not in output]
    rows, columns = [c for c in a if c not in b], [c for c in b if c not in a]
    if not inner:
        return np.einsum(subscripts, *xs)
    if not (rows or columns):  # products of vectors, which np.einsum adds up one after the other
        products = np.einsum(f"{left}->{''.join(batch + inner)}", *xs)
        y = total(products, axis=tuple(range(len(batch), len(batch + inner))))
        return np.transpose(y, [batch.index(c) for c in output])
    length = dict(zip(a + b, xs[0].shape + xs[1].shape, strict=True))

    def laid_out(x: Any, names: str, *groups: list[str]) -> Any:
        order = [names.index(c) for group in (batch, *groups) for c in group]
        shape = [length[c] for c in batch] + [math.prod(length[c] for c in group) for group in groups]
        return np.reshape(np.transpose(x, order), shape)

    y = _matmul(laid_out(xs[0], a, rows, inner), laid_out(xs[1], b, inner, columns))
    names = batch + rows + columns
    return np.transpose(np.reshape(y, [length[c] for c in names]), [names.index(c) for c in output])


def _einsum_flops(y: Any, *shapes: Any, subscripts: str) -> int:
    """Pair by pair, as NumPy contracts them: a multiplication for each combination of indices, and an addition
    where some of them are summed."""
    names = subscripts.split("->")[0].split(",")
    lengths = dict(
        pair for letters, shape in zip(names, shapes, strict=True) for pair in zip(letters, shape, strict=True)
    )
    steps = [tuple(range(len(names)))]
    if len(names) > 2:
        steps = np.einsum_path(subscripts, *[np.broadcast_to(0.0, s) for s in shapes], optimize="greedy")[0][1:]
    total = 0
    for step in steps:
        taken = [names.pop(k) for k in sorted(step, reverse=True)]
        left = {c for part in [*names, subscripts.split("->")[1]] for c in part}
        here = {c for part in taken for c in part}
        names.append("".join(here & left))
        total += (len(taken) - 1 + bool(here - left)) * math.prod(lengths[c] for c in here)
    return total


def _some_subscripts(rng: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    many = "b" * (len(shape) - 2)
    return {"subscripts": f"{many}ik,{many}kj->{many}{rng.choice(['ij', 'ji'])}"}


einsum = Product(
    "einsum",
    _einsum,
    Each(_swapped),
    kind="contract", domain=(REAL, REAL), signature="(i,k),(k,j)->(i,j)",
    attributes=_some_subscripts,
    must="every index must have one length in all operands", advice=PRODUCTS, blocks=ZEROS,
    flops=_einsum_flops,
    doc="Einstein summation; `functions.contract.einsum` prepares the subscripts.",
)  # fmt: skip
