"""Examples to learn from.

A data set is any sequence: `len(data)`, and `data[i]` for one example, a tuple of its parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from ..annotations import ArrayLike
from ..arrays import to_array
from ..engine import constant
from ..errors import ShapeError, refusal
from ..functions.arguments import lift
from ..functions.settings import integer, real, refused, settings, several
from ..interop.names import Named
from ..op import REGISTRY
from ..random import Generator, or_shared
from ..tensor import Tensor

if TYPE_CHECKING:
    from typing_extensions import TypeVar as WithDefault

    Example = WithDefault("Example", default=Any, covariant=True)
else:
    Example = TypeVar("Example", covariant=True)


class Dataset(Named, Generic[Example]):
    """A data set of one's own: define `__len__`, and `__getitem__` for example `i`. Any sequence is one as well.

    For type checkers, `Dataset[tuple[Tensor, Tensor]]` says what an example is.
    Errors: a NotImplementedError where an example is asked for and `__getitem__` is missing.

    >>> from tinygrad_edu import data
    >>> class Squares(data.Dataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, i):
    ...         return float(i), float(i * i)
    >>> [y.tolist() for x, y in data.DataLoader(Squares(), batch_size=2)]
    [[0.0, 1.0], [4.0, 9.0]]
    """

    def __getitem__(self, i: Any) -> Example:
        name = type(self).__name__
        raise NotImplementedError(f"{name}: __getitem__ must give example i; got none defined; define it")


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Examples from the rows of tensors: example `i` is row `i` of each.

    Errors: a ShapeError where their lengths differ.

    >>> from tinygrad_edu import data
    >>> pairs = data.TensorDataset([[1.0], [2.0]], [0, 1])
    >>> len(pairs), [part.tolist() for part in pairs[1]]
    (2, [[2.0], 1])
    """

    @settings
    def __init__(self, *tensors: ArrayLike) -> None:
        self.tensors = tuple(lift(t, "TensorDataset") for t in tensors)
        lengths = {t.shape[:1] for t in self.tensors}
        if len(lengths) != 1 or lengths == {()}:
            shapes = ", ".join(str(t.shape) for t in self.tensors) or "none"
            columns = len({t.shape[-1:] for t in self.tensors}) == 1 and all(t.ndim > 1 for t in self.tensors)
            advice = "examples are rows, so pass x.T for each" if columns else "cut them to one"
            raise ShapeError(f"TensorDataset: tensors must have one length; got shapes {shapes}; {advice}")

    def __len__(self) -> int:
        return self.tensors[0].shape[0]

    def __getitem__(self, i: Any) -> tuple[Tensor, ...]:
        """Example `i`, or for a slice or an array of numbers, several as a batch."""
        return tuple(t[i] if t.flags else _copied(taken(t._data, i)) for t in self.tensors)


def taken(rows: Any, i: Any) -> Any:
    """Some of several rows."""
    try:
        return rows[i]
    except (IndexError, TypeError, ValueError) as error:
        raise refusal(REGISTRY["getitem"], error, [rows]) from None


def _copied(rows: object) -> Tensor:
    """Rows that share no memory with the data set."""
    return constant(np.array(rows) if getattr(rows, "base", None) is not None else rows)


class IterableDataset(Named, Generic[Example]):
    """A data set that gives its examples one after another: `__iter__` begins anew in each pass.

    For what has no length and no `[i]`, as a file that is read line by line; a generator function in a class.
    Errors: a NotImplementedError without `__iter__`.

    >>> from tinygrad_edu import data
    >>> class Squares(data.IterableDataset):
    ...     def __iter__(self):
    ...         return (float(i * i) for i in range(4))
    >>> [batch.tolist() for batch in data.DataLoader(Squares(), batch_size=2)]
    [[0.0, 1.0], [4.0, 9.0]]
    """

    def __iter__(self) -> Iterator[Example]:
        name = type(self).__name__
        raise NotImplementedError(f"{name}: __iter__ must give the examples; got none defined; define it")


def length(who: str, dataset: Any) -> int:
    """How many examples a data set has."""
    try:
        return len(dataset)
    except TypeError:
        raise refused(who, "a data set", "a sequence of examples", dataset, "TensorDataset(x, y)") from None


def places(who: str, indices: ArrayLike) -> Any:
    """Places in a data set, as an array of whole numbers."""
    found = to_array(indices if hasattr(indices, "dtype") else several(who, "indices", indices), who=who)
    if found.ndim != 1 or (found.size and found.dtype.kind not in "iu"):
        raise refused(who, "indices", "whole numbers, one for each example", indices, "[0, 2]")
    return found.astype(np.int64)


class Subset(Dataset):
    """The examples of a data set at some places.

    Errors: an IndexError for a place that the data set does not have.

    >>> from tinygrad_edu import data
    >>> part = data.Subset("abcde", [4, 0])
    >>> len(part), part[0], part[1]
    (2, 'e', 'a')
    """

    @settings
    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, places("Subset", indices)
        n = length("Subset", dataset)
        if self.indices.size and not (-n <= self.indices.min() and self.indices.max() < n):
            worst = self.indices[np.argmax(np.abs(self.indices + 0.5))]
            raise IndexError(f"Subset: indices must lie within the {n} examples; got {worst}; leave it out")

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, i: Any) -> Any:
        """Example `i` of the part, or for a slice or an array of numbers, several as a batch of a TensorDataset."""
        places = taken(self.indices, i)
        return self.dataset[int(places) if np.ndim(places) == 0 else places]


class ConcatDataset(Dataset):
    """Several data sets, one after another.

    Errors: an IndexError beyond the last example.

    >>> from tinygrad_edu import data
    >>> both = data.ConcatDataset(["ab", "cde"])
    >>> len(both), both[1], both[2]
    (5, 'b', 'c')
    """

    @settings
    def __init__(self, datasets: Sequence[Any]) -> None:
        self.datasets = several("ConcatDataset", "datasets", datasets)
        self.ends = np.cumsum([length("ConcatDataset", part) for part in self.datasets], dtype=np.int64)

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def __getitem__(self, i: int) -> Any:
        place = integer("ConcatDataset", "i", i)
        place += len(self) if place < 0 else 0
        if not 0 <= place < len(self):
            raise IndexError(f"ConcatDataset: i must lie within the {len(self)} examples; got {i}; use a smaller one")
        part = int(np.searchsorted(self.ends, place, "right"))
        return self.datasets[part][place - (int(self.ends[part - 1]) if part else 0)]


@settings
def random_split(dataset: object, lengths: Sequence[Any], rng: Generator | None = None) -> list[Subset]:
    """Parts of a data set, drawn without overlap, of the given `lengths`, or of fractions that sum to 1.

    Of fractions, what rounding down leaves over goes to the first parts, one example each, as in PyTorch.
    Errors: a ValueError for other lengths.

    >>> from tinygrad_edu import data, random
    >>> [len(part) for part in data.random_split(range(10), [0.5, 0.25, 0.25], random.default_rng(0))]
    [6, 2, 2]
    """
    n = length("random_split", dataset)
    sizes = [real("random_split", "lengths", size) for size in several("random_split", "lengths", lengths)]
    if any(isinstance(size, float) for size in sizes) and abs(sum(sizes) - 1) < 1e-9 and min(sizes) >= 0:
        sizes = [int(n * size) for size in sizes]
        for k in range(n - sum(sizes)):
            sizes[k % len(sizes)] += 1
    if sum(sizes) != n or min(sizes, default=0) < 0 or any(size % 1 for size in sizes):
        raise ValueError(
            f"random_split: lengths must sum to the {n} examples, or fractions to 1; got {sizes}; use such as "
            "[0.8, 0.2]"
        )
    order = or_shared(rng).draw("permutation", n)
    ends = np.cumsum(np.array(sizes, np.int64))
    return [Subset(dataset, order[end - int(size) : end]) for end, size in zip(ends, sizes, strict=True)]
