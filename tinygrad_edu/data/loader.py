"""The DataLoader: a data set, batch by batch."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import numpy as np

from ..errors import DTypeError, StateDictError
from ..functions.settings import Size, integer, settings
from ..interop.names import Named
from ..random import Generator, or_shared
from .batch import collate, converted
from .dataset import TensorDataset
from .samplers import BatchSampler


class DataLoader(Named):
    """Batches of a data set, in order or shuffled anew in each pass.

    `dataset` is any sequence, or anything that can be iterated over, as a generator, which gives its examples in
    order, once. Examples are joined by `collate_fn`; with `batch_size=None` they come one by one, their arrays as
    tensors. With `shuffle`, the order comes from `rng`, or from the shared generator; a `sampler` gives it instead, a
    `batch_sampler` the places of each batch. `drop_last` leaves out a last batch that is smaller. `num_workers` threads
    prepare batches ahead; these come in the same order as without (but what examples draw from a generator that threads
    share comes as they run). Each thread first calls `worker_init_fn` with its number.

    `state_dict()` says where the pass stands, with the states of the generators that the loader, its samplers and the
    data set hold as attributes. A loader that has loaded it begins with the batch that would be next, and its later
    passes are those that would follow. Errors: a TypeError for inputs and targets apart, another `rng`, and the length
    of a loader that has none; a DTypeError for what is no data set; a ValueError where two arguments say the order, a
    data set that can only be iterated over is to be shuffled, or one that is used up is gone through again; a
    StateDictError for a state of another loader.

    >>> from tinygrad_edu import data, random
    >>> loader = data.DataLoader(range(5), batch_size=2, shuffle=True, rng=random.default_rng(0))
    >>> [batch.tolist() for batch in loader]
    [[2, 4], [3, 0], [1]]
    """

    @settings
    def __init__(
        self, dataset: Any, batch_size: int | np.integer[Any] | None = 1, shuffle: bool = False,
        drop_last: bool = False, rng: Generator | None = None,
        collate_fn: Callable[[Sequence[Any]], Any] | None = None, num_workers: Size = 0,
        sampler: Iterable[int] | None = None, batch_sampler: Iterable[Sequence[int]] | None = None,
        worker_init_fn: Callable[[int], Any] | None = None,
    ) -> None:  # fmt: skip
        self.dataset, self.shuffle, self.drop_last, self.rng = dataset, bool(shuffle), bool(drop_last), rng
        if getattr(batch_size, "shape", ()):
            raise TypeError(
                "DataLoader: takes one data set; got inputs and targets apart; write "
                "DataLoader(data.TensorDataset(x, y), batch_size=32)"
            )
        self.batch_size = None if batch_size is None else integer("DataLoader", "batch_size", batch_size, 1)
        self.num_workers = num_workers
        self.collate_fn, self.worker_init_fn = collate_fn, worker_init_fn
        self.sampler, self.batch_sampler = sampler, batch_sampler
        if rng is not None and not isinstance(rng, Generator):
            raise TypeError(
                f"DataLoader: rng must be a generator of tg.random; got {type(rng).__name__}; pass "
                "tg.random.default_rng(seed)"
            )
        self.in_order = self._is_iterable_only()
        self.passed = False
        self.current: Position | None = None
        self.resumed: tuple[int, list[Any]] | None = None  # batches given, and those to come, of the next pass
        self._agree()

    def _agree(self) -> None:
        """Only one thing says the order, and a data set that has one of its own takes no other."""
        ordered = {"shuffle=True": self.shuffle, "a sampler": self.sampler, "a batch_sampler": self.batch_sampler}
        given = [name for name, value in ordered.items() if value is not None and value is not False]
        if self.in_order and given:
            raise ValueError(
                f"DataLoader: for {given[0]}, a data set must have len() and [i]; got {type(self.dataset).__name__}, "
                f"which can only be iterated over; pass list(dataset), or leave {given[0]} out"
            )
        if len(given) > 1 or (self.batch_sampler is not None and (self.batch_size != 1 or self.drop_last)):
            given = given if len(given) > 1 else [*given, "batch_size or drop_last"]
            raise ValueError(f"DataLoader: one of them says the order; got {' and '.join(given)}; leave one out")

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
        if self.batch_sampler is not None:
            return len(self._sized(self.batch_sampler))
        examples = self.dataset if self.sampler is None else self.sampler
        whole, rest = divmod(len(self._sized(examples)), self.batch_size or 1)
        return whole + bool(rest and not self.drop_last)

    def _sized(self, examples: Any) -> Sized:
        if not hasattr(type(examples), "__len__"):
            raise TypeError(
                f"DataLoader: len() needs a data set or sampler that has one; got {type(examples).__name__}; pass "
                "list(dataset), or count the batches"
            )
        return examples

    def __iter__(self) -> Iterator[Any]:
        groups: Any
        (given, groups), self.resumed = self.resumed or (0, None), None
        if self.in_order:
            groups = itertools.islice(self._groups_in_order(), given, None)
        elif groups is None:
            groups = self._groups()
        self.current = Position(given, groups)
        todo = iter(groups)
        return Pass(map(self._batch, todo) if not self.num_workers else self._ahead(todo), self.current)

    def _groups(self) -> Any:
        """The places of the examples of each batch: a list, or of a sampler without a length, an iterator."""
        if self.batch_sampler is not None or self.sampler is not None:
            source: Any = self.batch_sampler or BatchSampler(self.sampler or (), self.batch_size or 1, self.drop_last)
            return list(source) if hasattr(type(self.batch_sampler or self.sampler), "__len__") else iter(source)
        n, size = len(self.dataset), self.batch_size or 1
        order = or_shared(self.rng).draw("permutation", n) if self.shuffle else np.arange(n)
        return [order[k * size : (k + 1) * size] for k in range(len(self))]

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
        size = self.batch_size or 1
        groups = iter(lambda: list(itertools.islice(examples, size)), [])
        return (group for group in groups if len(group) == size or not self.drop_last)

    def state_dict(self) -> dict[str, Any]:
        """Where the pass stands: batches given, the places of those to come, and the state of `rng`."""
        state: dict[str, Any] = {"given": 0, "rng": None if self.rng is None else self.rng.state()}
        state["samplers"] = [rng.state() for rng in self._generators()]
        if self.current is not None and not self.current.ended:
            state |= self.current.state()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Begin the next pass with the batch that was next when `state_dict()` was asked for."""
        try:
            given, rest, sizes = int(state["given"]), state.get("rest"), state.get("sizes", ())
            places = None if rest is None else np.asarray(getattr(rest, "data", rest), np.int64)
            groups = (
                None
                if places is None
                else np.split(places, np.cumsum(np.asarray(getattr(sizes, "data", sizes), np.int64))[:-1])
            )
            fits = (
                self.in_order
                or not given
                or (places is not None and places.min(initial=0) >= 0 and places.max(initial=-1) < len(self.dataset))
            )
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            fits = False
        if not fits or given < 0:
            raise StateDictError(
                "DataLoader: the state must be a state_dict() of a loader of such data; got another; make the loader "
                "as it was"
            )
        if self.rng is not None and state.get("rng") is not None:
            self.rng.set_state(state["rng"])
        for rng, kept in zip(self._generators(), state.get("samplers", ()), strict=False):
            rng.set_state(kept)
        self.resumed = (given, [g for g in groups or [] if len(g)]) if given or groups is not None else None

    def _generators(self) -> list[Generator]:
        """Those of the samplers and the data set, from the outermost to the innermost."""
        found: list[Generator] = []
        for name, part in (("sampler", self.batch_sampler or self.sampler), ("dataset", self.dataset)):
            while hasattr(part, "__dict__"):
                found += [x for x in vars(part).values() if isinstance(x, Generator)]
                part = vars(part).get(name)
        return found

    def _batch(self, group: Any) -> Any:
        if self.batch_size is None:
            example = group[0] if self.in_order else self.dataset[int(group[0])]
            return (self.collate_fn or converted)(example)
        if self.in_order:
            return (self.collate_fn or collate)(group)
        if self.collate_fn is None and getattr(type(self.dataset), "__getitem__", None) is TensorDataset.__getitem__:
            return self.dataset[group]  # all rows in one call of NumPy
        return (self.collate_fn or collate)([self.dataset[int(i)] for i in group])

    def _ahead(self, groups: Iterator[Any]) -> Iterator[Any]:
        """The batches, prepared by threads before they are asked for, in order."""

        own, numbers = threading.local(), itertools.count()

        def batch(group: object) -> Any:
            if self.worker_init_fn is not None and not hasattr(own, "number"):
                own.number = next(numbers)
                self.worker_init_fn(own.number)
            return self._batch(group)

        def next_batch() -> Any:  # what can only be iterated over is read by one thread, batch after batch
            return [batch(group) for group in itertools.islice(groups, 1)]

        workers, waiting = 1 if self.in_order else self.num_workers, deque[Future[Any]]()
        pool = ThreadPoolExecutor(workers, "DataLoader")

        def submit() -> None:
            if self.in_order:
                waiting.append(pool.submit(copy_context().run, next_batch))
            else:
                waiting.extend(
                    pool.submit(copy_context().run, lambda group=group: [batch(group)])
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


class Position:
    """Where a pass stands: how many batches were given, and the places of all of its examples."""

    def __init__(self, given: int, groups: Any) -> None:
        self.first, self.given, self.groups, self.ended = given, given, groups, False

    def state(self) -> dict[str, Any]:
        """For `state_dict` of the loader."""
        if isinstance(self.groups, list):
            rest = [np.asarray(group, np.int64) for group in self.groups[self.given - self.first :]]
            sizes = np.array([len(group) for group in rest], np.int64)
            return {"given": self.given, "rest": np.concatenate([np.zeros(0, np.int64), *rest]), "sizes": sizes}
        if not isinstance(self.groups, itertools.islice):
            raise TypeError(
                "DataLoader: state_dict() within a pass needs a sampler with a length; got one without; add __len__"
            )
        return {"given": self.given}


class Pass:
    """The batches of one pass, counted as they are given."""

    def __init__(self, batches: Iterator[Any], place: Position) -> None:
        self.batches, self.place = batches, place  # a loader knows the place alone: workers end with the pass

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            batch = next(self.batches)
        except StopIteration:
            self.place.ended = True
            raise
        self.place.given += 1
        return batch
