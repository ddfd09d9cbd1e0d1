"""What a batch is: its values, its level, and how it stands beside plain arrays and other batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..errors import DTypeError

RUNNING: set[int] = set()  # the levels of those `vmap` that are at work
refused = 0  # how often something was refused so far: a function may catch the error and go on


def refusal(must: str, got: str, do: str) -> DTypeError:
    """The error for what cannot be done for all examples at once."""
    global refused
    refused += 1
    return DTypeError(f"vmap: {must}; got {got}; {do}")


class Batch:
    """`values[i]` is the array of example `i` of the `vmap` numbered `level`.

    An example of no axes may be one of NumPy's scalars, which `x += 1` leaves as it is, or an array.
    """

    __slots__ = ("level", "scalar", "values")

    def __init__(self, values: Any, level: int, scalar: bool = False) -> None:
        self.values, self.level, self.scalar = values, level, scalar

    def like(self, values: Any) -> Any:
        """Another batch of the same level."""
        return type(self)(values, self.level)

    def result(self, values: Any) -> Any:
        """A batch for which NumPy gives a scalar, where an example has no axes."""
        y = self.like(values)
        return y if y.shape else type(self)(read_only(values), self.level, scalar=True)

    @property
    def examples(self) -> int:
        return int(self.values.shape[0])

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.values.shape[1:])

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    @property
    def dtype(self) -> Any:
        return self.values.dtype


def of_all(x: Any) -> Any:
    """What holds the values of all examples, which are its first axis."""
    while isinstance(x, Batch):
        x = x.values
    return x


def whole(x: Any) -> Any:
    """A value as an array; inside a `vmap`, that of all examples."""
    return np.asarray(of_all(x))


def as_array(x: Any) -> Any:
    """`x`, which may be a list or a number, as an array or a batch; what looks like an array to NumPy stays."""
    return x if is_array(x) else np.asanyarray(x)


def is_array(x: Any) -> bool:
    """Whether it is an array, or looks like one to NumPy, as a batch does and an array of a program."""
    return hasattr(x, "__array_ufunc__") and not isinstance(x, np.generic)


def writeable(x: Any) -> bool:
    """Whether `x` may be written into: not so a scalar, an input of the function, or a view that was copied."""
    x = of_all(x)
    return isinstance(x, np.ndarray) and x.flags.writeable


def replaceable(x: Any) -> bool:
    """Whether `x` is written into by becoming another value, as an array of a program is that is nobody else's."""
    x = of_all(x)
    return hasattr(x, "become") and x.flags.writeable


def read_only(x: Any) -> Any:
    """The same entries, not to be written into."""
    if isinstance(x, Batch):
        return type(x)(read_only(x.values), x.level, x.scalar)
    if isinstance(x, np.ndarray) and x.flags.writeable:
        x = x.view()
        x.flags.writeable = False
    return x.__read_only__() if hasattr(x, "__read_only__") else x


def levels(x: Any) -> Iterator[tuple[int, int]]:
    """The levels at which `x` is batched, the highest first, each with its number of examples."""
    while isinstance(x, Batch):
        yield x.level, x.examples
        x = x.values


def has_level(x: Any, level: int) -> bool:
    """Whether `x` is batched by the `vmap` numbered `level`."""
    return any(found == level for found, _ in levels(x))


def batches(x: Any) -> Iterator[Batch]:
    """All batches in a nest of arguments."""
    if isinstance(x, Batch):
        yield x
    elif isinstance(x, tuple | list):
        for v in x:
            yield from batches(v)
    elif isinstance(x, dict):
        yield from batches(tuple(x.values()))
    elif isinstance(x, slice):
        yield from batches((x.start, x.stop, x.step))


def leading(xs: Iterable[Any]) -> Any:
    """The argument of the highest level."""
    found: Any = None
    for x in xs:
        if isinstance(x, tuple | list | dict | slice):
            x = max(batches(x), key=lambda x: x.level, default=None)
        if isinstance(x, Batch) and (found is None or x.level > found.level):
            found = x
    return found


def at(x: Any, level: int) -> bool:
    """Whether the outermost batch of `x` is that of `level`."""
    return isinstance(x, Batch) and x.level == level


def full_batch(x: Any, level: int, n: int) -> Any:
    """The values of `x` at `level`, or `n` equal examples where it is not batched there."""
    return x.values if at(x, level) else np.broadcast_to(x, (n, *np.shape(x)))


def widened(x: Any, level: int, more: int) -> Any:
    """The values of `x`, with `more` axes of length 1 after that of the batch; `x` itself where it has no batch."""
    if not at(x, level):
        return x
    return x.values.reshape(x.examples, *(1,) * more, *x.shape) if more else x.values


def aligned(inputs: Any, level: int, ndim: int | None = None) -> list[Any]:
    """Values that broadcast as examples do: the batch first, then axes of length 1, then theirs."""
    ndim = max(np.ndim(x) for x in inputs) if ndim is None else ndim
    return [widened(x, level, ndim - np.ndim(x)) for x in inputs]
