"""The same call with other lengths of axes: one, a prime number, none; and the smallest that still fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..subjects.other_libraries import library_of, plain, wrapper
from ..subjects.trees import leaves, mapped
from .subject import Inputs

LENGTHS = (1, 7, 0)  # what every axis is tried with


def lengths(inputs: Inputs) -> list[int]:
    """The lengths of axes, the first axis of the first array first."""
    found = [n for _, x in leaves(inputs) if hasattr(x, "shape") for n in x.shape]
    return list(dict.fromkeys(found))


def resized(inputs: Inputs, old: int, new: int, rng: Any = None) -> Inputs:
    """Inputs with every axis of length `old` given the length `new`; whole numbers stay below it.

    Where it grows, numbers are repeated, and moved a little if there is a generator.
    """

    def leaf(path: object, x: Any) -> Any:
        if type(x) is int:
            return new if x == old > 1 else x
        if not hasattr(x, "shape"):
            return x
        library, a = library_of(x), np.asarray(plain(x))
        if a.dtype.kind in "iu" and a.size and 0 < new <= a.max() < old:
            a = a % new  # indices along that axis
        for axis in [k for k, n in enumerate(a.shape) if n == old]:
            filled = np.take(a, np.arange(new) % old, axis) if old else None
            a = np.ones((*a.shape[:axis], new, *a.shape[axis + 1 :]), a.dtype) if filled is None else filled
        if rng is not None and a.dtype.kind == "f" and new > old and new in a.shape:
            a = (a * rng.uniform(0.9, 1.1, a.shape)).astype(a.dtype)  # no two alike
        return wrapper(library)(np.array(a)) if library else a

    return tuple(mapped(leaf, list(inputs)))


def spread(inputs: Inputs, like: Inputs, old: int) -> Inputs:
    """Inputs whose axes of length 1 repeat their entry `old` times, where those of `like` have that length: as
    broadcasting would. A function that gives the same for both was not given shorter axes, but broadcast them."""
    wanted = dict(leaves(list(like)))

    def leaf(path: Any, x: Any) -> Any:
        if not hasattr(x, "shape"):
            return wanted[path]
        library, a = library_of(x), np.asarray(plain(x))
        for axis in [k for k, n in enumerate(wanted[path].shape) if n == old]:
            a = np.repeat(a, old, axis)
        return wrapper(library)(a) if library else a

    return tuple(mapped(leaf, list(inputs)))


def holders(inputs: Inputs, length: int) -> list[int]:
    """How many axes each array has of which one has that length."""
    return [len(x.shape) for _, x in leaves(list(inputs)) if hasattr(x, "shape") and length in x.shape]


def copied(inputs: Sequence[Any]) -> Inputs:
    """The same inputs in other arrays, as a function may write into its own."""
    return tuple(mapped(lambda path, x: x.copy() if isinstance(x, np.ndarray) else x, list(inputs)))


def variations(inputs: Inputs, wanted: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Each length of an axis with each of the lengths that it should be tried with."""
    return ((old, new) for new in wanted for old in lengths(inputs) if new != old)


def smallest(inputs: Inputs, fails: Callable[[Inputs], bool], rng: Any) -> Inputs:
    """The same failure with every axis as short as it goes."""
    for old in sorted(lengths(inputs), reverse=True):
        for new in range(1, min(old, 9)):
            if fails(other := resized(inputs, old, new, rng)):
                inputs = other
                break
    return inputs
