"""Where an op is defined and smooth, as one interval for each of its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

inf = float("inf")


class Domain(NamedTuple):
    """The open interval `(low, high)` without the points `kinks`.

    `matrix` names what a matrix must be for a linear-algebra op: "invertible", "definite",
    "symmetric" (with different eigenvalues) or "tall" (with full rank); `kind` says whether the
    array holds reals, integers or truth values, and `sorted` whether its entries ascend along one axis.
    """

    low: float = -inf
    high: float = inf
    kinks: tuple[float, ...] = ()
    matrix: str = ""
    kind: str = "real"
    sorted: bool = False

    def __str__(self) -> str:
        if self.matrix or self.kind != "real":
            return self.matrix or self.kind
        if self.sorted:
            return "sorted"
        if self.low == -inf and self.high == inf:
            text = "R"
        else:
            text = f"({self.low:g}, {self.high:g})"
        return text + "".join(f" \\ {{{k:g}}}" for k in self.kinks)


def shape_of(core: str, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape that a core of a signature stands for: "n,4k" with n = 2 and k = 3 for (2, 12)."""
    return tuple(int(term[:-1] or 1) * sizes[term[-1]] for term in core.split(",") if term)


REAL = Domain()
SORTED = Domain(sorted=True)
POSITIVE = Domain(0, inf)
NONZERO = Domain(kinks=(0.0,))
UNIT = Domain(-1, 1)
BOOLEAN = Domain(kind="boolean")
INTEGER = Domain(kind="integer")
