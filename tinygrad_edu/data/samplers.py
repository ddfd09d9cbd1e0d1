"""Samplers: which examples of a data set are taken, and in which order. A sampler is anything that gives places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized

import numpy as np

from ..arrays import to_array
from ..functions.settings import Positive, refused, settings
from ..interop.names import Named
from ..random import Generator, or_shared
from .dataset import places


class SequentialSampler(Named):
    """0, 1, 2, ... to the length of a data set.

    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    @settings
    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Named):
    """Places in random order: each once, or `num_samples` of them; with `replacement`, each draw is among all.

    >>> from tinygrad_edu import random
    >>> list(RandomSampler("abcd", rng=random.default_rng(0)))
    [2, 0, 1, 3]
    """

    @settings
    def __init__(
        self, data_source: Sized, replacement: bool = False, num_samples: Positive | None = None,
        rng: Generator | None = None,
    ) -> None:  # fmt: skip
        self.data_source, self.replacement, self.rng = data_source, bool(replacement), rng
        self.num_samples = num_samples

    def __iter__(self) -> Iterator[int]:
        n, rng = len(self.data_source), or_shared(self.rng)
        if self.replacement:
            return iter(rng.draw("integers", 0, n, len(self)).tolist())
        rounds = -(-len(self) // max(n, 1))  # more than there are: all once, then again
        return iter(np.concatenate([rng.draw("permutation", n) for _ in range(rounds)] or [[]])[: len(self)].tolist())

    def __len__(self) -> int:
        return len(self.data_source) if self.num_samples is None else int(self.num_samples)


class SubsetRandomSampler(Named):
    """Some places, each once, in random order.

    >>> from tinygrad_edu import random
    >>> sorted(SubsetRandomSampler([3, 5, 8], rng=random.default_rng(0)))
    [3, 5, 8]
    """

    @settings
    def __init__(self, indices: Sequence[int], rng: Generator | None = None) -> None:
        self.indices, self.rng = places("SubsetRandomSampler", indices).tolist(), rng

    def __iter__(self) -> Iterator[int]:
        return (self.indices[i] for i in or_shared(self.rng).draw("permutation", len(self.indices)))

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Named):
    """`num_samples` places, drawn with probabilities proportional to `weights`: for classes of unequal size.

    Without `replacement`, no place is drawn twice.
    Errors: a ValueError for more samples than weights above 0, or no such weight.

    >>> from tinygrad_edu import random
    >>> set(WeightedRandomSampler([0.0, 1.0, 1.0], 50, rng=random.default_rng(0)))
    {1, 2}
    """

    @settings
    def __init__(
        self, weights: object, num_samples: Positive, replacement: bool = True, rng: Generator | None = None
    ) -> None:
        self.weights = to_array(weights, who="WeightedRandomSampler").astype(np.float64)
        if self.weights.ndim != 1 or not np.all(np.isfinite(self.weights) & (self.weights >= 0)):
            raise refused(
                "WeightedRandomSampler", "weights", "one number, 0 or more, for each example", weights, "[1, 2]"
            )
        self.num_samples, self.replacement, self.rng = int(num_samples), bool(replacement), rng
        drawable = np.count_nonzero(self.weights)
        if not drawable or (not replacement and num_samples > drawable):
            raise ValueError(
                f"WeightedRandomSampler: there must be a weight above 0 for each sample; got {drawable} for "
                f"{num_samples}; draw with replacement=True, or fewer"
            )

    def __iter__(self) -> Iterator[int]:
        p = self.weights / self.weights.sum()
        drawn = or_shared(self.rng).draw("choice", len(p), self.num_samples, self.replacement, p)
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Named):
    """The places that another sampler gives, in lists of `batch_size`.

    >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    @settings
    def __init__(self, sampler: Iterable[int], batch_size: Positive, drop_last: bool = False) -> None:
        self.sampler, self.batch_size, self.drop_last = sampler, int(batch_size), bool(drop_last)

    def __iter__(self) -> Iterator[list[int]]:
        batch: list[int] = []
        for i in self.sampler:
            batch.append(int(i))
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        whole, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return whole + bool(rest and not self.drop_last)
