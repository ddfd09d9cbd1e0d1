"""Products of several arrays summed over shared axes: linear in each input."""

import math
from typing import Any

import numpy as np

from ..domain import REAL
from ..engine import Each, Op
from ..sums import in_single, total

__all__ = ["einsum", "matmul"]

matmul = Op(
    "matmul",
    in_single(np.matmul),
    (lambda g, y, a, b: g @ b.mT, lambda g, y, a, b: a.mT @ g),
    kind="contract", signature="(i,k),(k,j)->(i,j)", formula="{} @ {}", domain=(REAL, REAL),
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

    y = np.matmul(laid_out(xs[0], a, rows, inner), laid_out(xs[1], b, inner, columns))
    names = batch + rows + columns
    return np.transpose(np.reshape(y, [length[c] for c in names]), [names.index(c) for c in output])


einsum = Op(
    "einsum",
    _einsum,
    Each(_swapped),
    kind="contract", domain=(REAL, REAL), signature="(i,k),(k,j)->(i,j)",
    attributes=lambda rng, shape: {"subscripts": "ik,kj->" + str(rng.choice(["ij", "ji"]))},
    must="every index must have one length in all operands",
    doc="Einstein summation; `functions.linalg.einsum` prepares the subscripts.",
)  # fmt: skip
