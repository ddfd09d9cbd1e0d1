"""Examples to learn from, and batches of them.

A data set is any sequence: `len(data)`, and `data[i]` for one example, a tuple of its parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..engine import Variable, constant
from ..errors import ShapeError
from ..functions.common import lift
from ..random import Generator, or_shared
from ..tensor import Tensor


class TensorDataset:
    """Examples from the rows of tensors: example `i` is row `i` of each.

    >>> from tinygrad_edu import data
    >>> pairs = data.TensorDataset([[1.0], [2.0]], [0, 1])
    >>> len(pairs), [part.tolist() for part in pairs[1]]
    (2, [[2.0], 1])
    """

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
        return tuple(constant(t._data[i]) for t in self.tensors)


def collate(examples: Sequence[Any]) -> Any:
    """A batch of examples: tuples and dicts part by part; tensors, arrays and numbers stacked."""
    first = examples[0]
    if isinstance(first, tuple | list):
        parts = [collate(part) for part in zip(*examples, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)  # a named tuple stays one
    if isinstance(first, dict):
        return {key: collate([example[key] for example in examples]) for key in first}
    if isinstance(first, Variable):
        return constant(np.stack([example._data for example in examples]))
    if isinstance(first, np.ndarray | np.generic | int | float | bool):
        shapes = {np.shape(example) for example in examples}
        if len(shapes) != 1:
            raise ShapeError(
                f"DataLoader: examples of a batch must have one shape; got {sorted(shapes)}; "
                "pad them, or give collate_fn"
            )
        return lift(np.stack(examples) if hasattr(first, "dtype") else list(examples), "DataLoader")
    return list(examples)


class DataLoader:
    """Batches of a data set, in order or shuffled anew in each pass.

    `dataset` is any sequence; its examples are joined by `collate_fn`. With `shuffle`, the order comes
    from `rng`, or from the shared generator. `drop_last` leaves out a last batch that is smaller.

    >>> from tinygrad_edu import data, random
    >>> loader = data.DataLoader(range(5), batch_size=2, shuffle=True, rng=random.default_rng(0))
    >>> [batch.tolist() for batch in loader]
    [[2, 4], [3, 0], [1]]
    """

    def __init__(
        self, dataset: Any, batch_size: int = 1, shuffle: bool = False, drop_last: bool = False,
        rng: Generator | None = None, collate_fn: Callable[[Sequence[Any]], Any] | None = None,
    ) -> None:  # fmt: skip
        if batch_size < 1:
            raise ValueError(f"DataLoader: batch_size must be 1 or more; got {batch_size}; use e.g. 32")
        self.dataset, self.batch_size, self.shuffle = dataset, batch_size, shuffle
        self.drop_last, self.rng, self.collate_fn = drop_last, rng, collate_fn

    def __len__(self) -> int:
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + bool(rest and not self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        n = len(self.dataset)
        order = np.arange(n)
        if self.shuffle:
            order = or_shared(self.rng).draw("permutation", n)
        for k in range(len(self)):
            yield self._batch(order[k * self.batch_size : (k + 1) * self.batch_size])

    def _batch(self, places: Any) -> Any:
        if isinstance(self.dataset, TensorDataset) and self.collate_fn is None:
            return self.dataset[places]  # all rows in one call of NumPy
        return (self.collate_fn or collate)([self.dataset[int(i)] for i in places])
