"""Examples to learn from.

A data set is any sequence: `len(data)`, and `data[i]` for one example, a tuple of its parts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine import constant
from ..errors import ShapeError
from ..functions.arguments import lift
from ..functions.settings import settings
from ..tensor import Tensor


class TensorDataset:
    """Examples from the rows of tensors: example `i` is row `i` of each.

    >>> from tinygrad_edu import data
    >>> pairs = data.TensorDataset([[1.0], [2.0]], [0, 1])
    >>> len(pairs), [part.tolist() for part in pairs[1]]
    (2, [[2.0], 1])
    """

    @settings
    def __init__(self, *tensors: Any) -> None:
        self.tensors = tuple(lift(t, "TensorDataset") for t in tensors)
        lengths = {t.shape[:1] for t in self.tensors}
        if len(lengths) != 1 or lengths == {()}:
            shapes = ", ".join(str(t.shape) for t in self.tensors) or "none"
            raise ShapeError(f"TensorDataset: tensors must have one length; got shapes {shapes}; cut them to one")

    def __len__(self) -> int:
        return self.tensors[0].shape[0]

    def __getitem__(self, i: Any) -> tuple[Tensor, ...]:
        """Example `i`, or for a slice or an array of numbers, several as a batch."""
        return tuple(t[i] if t.flags else _copied(t._data[i]) for t in self.tensors)


def _copied(rows: Any) -> Tensor:
    """Rows that share no memory with the data set."""
    return constant(np.array(rows) if getattr(rows, "base", None) is not None else rows)
