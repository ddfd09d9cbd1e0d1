"""Several changes at once: all are made, or none.

Whatever changes several things computes them first, and publishes them last, `at_once`. So an interrupt, as Ctrl-C,
finds everything as it was before, or as it is afterwards. What is computed from the old state (a gradient added to
another, a step of an optimizer, a running mean) is computed and published in turn, where threads share it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import chain, repeat, starmap
from operator import call
from threading import RLock
from typing import Any

TURN = RLock()  # held from the look at a state until its new one is published


def at_once(*changes: Any) -> None:
    """Make changes `(function, *arguments)`, all or none: the functions are written in C, and so is this loop, so
    that no signal is handled and no line is traced between two of them."""
    deque(starmap(call, changes), maxlen=0)


def make(changes: Iterable[Iterable[Any]]) -> None:
    """The same for changes that are made when an iterator written in C, such as `each`, is iterated over."""
    deque(chain.from_iterable(changes), maxlen=0)


def draft(thing: Any) -> Any:
    """Another object with the same attributes: to be changed, and then published by `become`."""
    new = object.__new__(type(thing))
    vars(new).update(vars(thing))
    return new


def become(thing: Any, new: Any) -> tuple[Any, ...]:
    """The change, for `at_once`, that gives `thing` the attributes of its draft, all of them or none."""
    return object.__setattr__, thing, "__dict__", vars(new)


def each(these: Iterable[Any], name: str, values: Any) -> Iterable[Any]:
    """For `make`: set an attribute of each of these."""
    return map(setattr, these, repeat(name), values)
