"""Products of several arrays summed over shared axes: linear in each input."""

from typing import Any

import numpy as np

from ..domain import REAL
from ..engine import Each, Op

__all__ = ["einsum", "matmul"]

matmul = Op(
    "matmul",
    np.matmul,
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


einsum = Op(
    "einsum",
    lambda *xs, subscripts: np.einsum(subscripts, *xs, optimize=len(xs) > 2),
    Each(_swapped),
    kind="contract", domain=(REAL, REAL), signature="(i,k),(k,j)->(i,j)",
    attributes=lambda rng, shape: {"subscripts": "ik,kj->" + str(rng.choice(["ij", "ji"]))},
    must="every index must have one length in all operands",
    doc="Einstein summation; `functions.linalg.einsum` prepares the subscripts.",
)  # fmt: skip
