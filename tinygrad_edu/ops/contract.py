"""Products of several arrays summed over shared axes: linear in each input."""

import math
from typing import Any

import numpy as np

from ..domain import REAL
from ..op import Each, Op, Product
from ..products import product
from ..sums import HALF, in_single, total
from .layout import reshape

__all__ = ["einsum", "matmul"]

PRODUCTS = "products of large numbers overflow, and 0 * inf is nan; use smaller weights, or normalise the inputs"
ZEROS = (
    "times zero",
    "it is multiplied by a matrix of zeros, so no change of it reaches the result; start weights with random numbers",
)

_half_product = in_single(product)


def _matmul(a: Any, b: Any) -> Any:
    return _half_product(a, b) if a.dtype is HALF or b.dtype is HALF else product(a, b)


def _rows(x: Any) -> Any:
    """The rows of all matrices `(..., n, k)`, one below the other: `(... * n, k)`."""
    return reshape(x, shape=(math.prod(x.shape[:-1]), x.shape[-1])) if len(x.shape) > 2 else x


def _into_left(g: Any, y: Any, a: Any, b: Any) -> Any:
    """A matrix times a batch: the sum over the batch is one product's."""
    return matmul(_rows(g.mT).mT, _rows(b.mT)) if len(a.shape) == 2 < len(b.shape) else matmul(g, b.mT)


def _into_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    return matmul(_rows(a).mT, _rows(g)) if len(b.shape) == 2 < len(a.shape) else matmul(a.mT, g)


matmul: Op = Product(
    "matmul",
    _matmul,
    (_into_left, _into_right),
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
