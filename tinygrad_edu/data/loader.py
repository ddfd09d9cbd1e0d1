"""The DataLoader: a data set, batch by batch."""

from __future__ import annotations

import itertools
import operator
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import numpy as np

from ..errors import DTypeError
from ..functions.settings import Positive, Size, settings
from ..interop.names import Named
from ..random import Generator, or_shared
from .batch import collate
from .dataset import TensorDataset


class DataLoader(Named):
    """Batches of a data set, in order or shuffled anew in each pass.

    `dataset` is any sequence, or anything that can be iterated over, as a generator, which gives its examples in
    order, once. Examples are joined by `collate_fn`. With `shuffle`, the order comes from `rng`, or from the shared
    generator. `drop_last` leaves out a last batch that is smaller. `num_workers` threads prepare batches ahead; these
    come in the same order as without (but what examples draw from a generator that threads share comes as they run).

    >>> from tinygrad_edu import data, random
    >>> loader = data.DataLoader(range(5), batch_size=2, shuffle=True, rng=random.default_rng(0))
    >>> [batch.tolist() for batch in loader]
    [[2, 4], [3, 0], [1]]
    """

    @settings
    def __init__(
        self, dataset: Any, batch_size: Positive = 1, shuffle: bool = False, drop_last: bool = False,
        rng: Generator | None = None, collate_fn: Callable[[Sequence[Any]], Any] | None = None, num_workers: Size = 0,
    ) -> None:  # fmt: skip
        self.dataset, self.shuffle, self.drop_last, self.rng = dataset, bool(shuffle), bool(drop_last), rng
        self.batch_size = _whole("batch_size", batch_size, 1, "use e.g. 32")
        self.num_workers = _whole("num_workers", num_workers, 0, "use 0 for none")
        self.collate_fn = collate_fn
        if rng is not None and not isinstance(rng, Generator):
            raise TypeError(
                f"DataLoader: rng must be a generator of tg.random; got {type(rng).__name__}; pass "
                "tg.random.default_rng(seed)"
            )
        if collate_fn is not None and not callable(collate_fn):
            raise TypeError(
                f"DataLoader: collate_fn must be a function of a list of examples; got {type(collate_fn).__name__}; "
                "pass one, or None"
            )
        self.in_order = self._is_iterable_only()
        self.passed = False
        if self.in_order and shuffle:
            raise ValueError(
                f"DataLoader: to be shuffled, a data set must have len() and [i]; got {type(dataset).__name__}, which "
                "can only be iterated over; pass list(dataset), or shuffle=False"
            )

    def _is_iterable_only(self) -> bool:
        """Whether the data set gives its examples in its own order; what is no data set is refused."""
        kind = type(self.dataset)
        named = any(cls.__name__ == "IterableDataset" for cls in kind.__mro__)  # PyTorch's has a [i] that only fails
        if not named and hasattr(kind, "__getitem__") and hasattr(kind, "__len__"):
            if isinstance(self.dataset, Mapping) or getattr(self.dataset, "shape", None) == ():
                raise DTypeError(
                    f"DataLoader: the data set must be a sequence or an iterable of examples; got a {kind.__name__}"
                    f"{'' if isinstance(self.dataset, Mapping) else ' of shape ()'}; pass a list, or "
                    "data.TensorDataset(x, y)"
                )
            return False
        if not hasattr(kind, "__iter__"):
            raise DTypeError(
                f"DataLoader: the data set must be a sequence or an iterable of examples; got {kind.__name__}, which "
                "has no len() and [i], nor can be iterated over; pass a list, or data.TensorDataset(x, y)"
            )
        return True

    def __len__(self) -> int:
        if self.in_order and not hasattr(type(self.dataset), "__len__"):
            raise TypeError(
                f"DataLoader: len() needs a data set that has one; got {type(self.dataset).__name__}; pass "
                "list(dataset), or count the batches"
            )
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + bool(rest and not self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        groups = self._groups_in_order() if self.in_order else self._groups()
        return map(self._batch, groups) if not self.num_workers else self._ahead(groups)

    def _groups(self) -> Iterator[Any]:
        """The places of the examples of each batch."""
        n = len(self.dataset)
        order = or_shared(self.rng).draw("permutation", n) if self.shuffle else np.arange(n)
        return (order[k * self.batch_size : (k + 1) * self.batch_size] for k in range(len(self)))

    def _groups_in_order(self) -> Iterator[Any]:
        """The examples of each batch."""
        examples = iter(self.dataset)
        if examples is self.dataset:
            if self.passed:
                raise ValueError(
                    "DataLoader: the data set must give its examples again in each pass; got a "
                    f"{type(examples).__name__}, which has been used; pass a list, or an object whose __iter__ begins "
                    "anew"
                )
            self.passed = True
        groups = iter(lambda: list(itertools.islice(examples, self.batch_size)), [])
        return (group for group in groups if len(group) == self.batch_size or not self.drop_last)

    def _batch(self, group: Any) -> Any:
        if self.in_order:
            return (self.collate_fn or collate)(group)
        if self.collate_fn is None and getattr(type(self.dataset), "__getitem__", None) is TensorDataset.__getitem__:
            return self.dataset[group]  # all rows in one call of NumPy
        return (self.collate_fn or collate)([self.dataset[int(i)] for i in group])

    def _ahead(self, groups: Iterator[Any]) -> Iterator[Any]:
        """The batches, prepared by threads before they are asked for, in order."""

        def next_batch() -> Any:  # what can only be iterated over is read by one thread, batch after batch
            return [self._batch(group) for group in itertools.islice(groups, 1)]

        workers, waiting = 1 if self.in_order else self.num_workers, deque[Future[Any]]()
        pool = ThreadPoolExecutor(workers, "DataLoader")

        def submit() -> None:
            if self.in_order:
                waiting.append(pool.submit(copy_context().run, next_batch))
            else:
                waiting.extend(
                    pool.submit(copy_context().run, lambda group=group: [self._batch(group)])
                    for group in itertools.islice(groups, 1)
                )

        try:
            for _ in range(2 * self.num_workers):
                submit()
            while waiting and (ready := waiting.popleft().result()):
                submit()
                yield ready[0]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _whole(name: str, value: Any, least: int, advice: str) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least or isinstance(value, bool):
        kind = TypeError if number is None or isinstance(value, bool) else ValueError
        raise kind(f"DataLoader: {name} must be {least} or more; got {value!r}; {advice}")
    return number
