"""Into a batch and out of it, for `vmap`: see batched.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..batched import BatchedArray, full_batch
from ..engine import Op

__all__ = ["add_batch", "enter_batch", "leave_batch", "repeat_batch"]


def _add_batch(x: Any) -> Any:
    return np.add.reduce(x.values, axis=0)


enter_batch = Op(
    "enter_batch",
    lambda x, *, axis: BatchedArray(np.moveaxis(x, axis, 0)),
    (lambda g, y, x, *, axis: leave_batch(g, axis=axis, size=x.shape[axis]),),
    kind="batch", linear=True, doc="Hide `axis`: each entry along it becomes an example.",
)  # fmt: skip
leave_batch = Op(
    "leave_batch",
    lambda x, *, axis, size: np.moveaxis(full_batch(x, size), 0, axis),
    (lambda g, y, x, *, axis, size: enter_batch(g, axis=axis),),
    kind="batch", linear=True, doc="Show the examples along a new `axis`.",
)  # fmt: skip
repeat_batch = Op(
    "repeat_batch",
    lambda x, *, size: BatchedArray(full_batch(x, size)),
    (lambda g, y, x, *, size: add_batch(g),),
    kind="batch", linear=True, doc="The same value for every example.",
)  # fmt: skip
add_batch = Op(
    "add_batch",
    _add_batch,
    (lambda g, y, x: repeat_batch(g, size=(x if isinstance(x, BatchedArray) else x._data).values.shape[0]),),
    kind="batch", linear=True, doc="The sum over all examples.",
)  # fmt: skip
