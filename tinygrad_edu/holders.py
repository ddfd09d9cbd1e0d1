"""Who else holds an array: memory that several tensors share, or that was handed out to the user.

Most tensors have memory of their own, and nothing is noted about them. Where memory is shared (a view,
`detach()`, the argument of a transform) or handed out (`.data`, `numpy()`, `asarray(a)`), those who share
it have one `Store`. Every write in place of this package stamps the store with a new birth; what others
write into an array that was handed out is found by comparing fingerprints. Either way the tensor is born
again when it is looked at next, and a graph recorded before the write refuses to use it.

Reference counts are read in one function, `held`, and decide only whether a write may go on in place or
needs a copy first. No result depends on them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import count
from typing import Any
from weakref import getweakrefcount

import numpy as np

births = count(1).__next__

# Free-threaded Python and PyPy have no count to go by: there, every array counts as held.
COUNTED = hasattr(sys, "getrefcount") and getattr(sys, "_is_gil_enabled", lambda: True)()


class Store:
    """Memory that tensors share, or that was handed out."""

    __slots__ = ("exposed", "seen", "written")

    def __init__(self, exposed: bool = False) -> None:
        self.written = 0  # the birth of the last write in place
        self.exposed = exposed  # somebody outside can write into it at any time
        self.seen: dict[Any, tuple[int, int]] = {}  # part of the memory -> its fingerprint, and the birth of that

    def look(self, data: Any) -> int:
        """The birth of the last change of `data`, a part of this memory."""
        if not self.exposed:
            return self.written
        data = values_of(data)
        place = data.__array_interface__["data"][0], data.shape, data.strides, data.dtype.str
        now, before = fingerprint(data), self.seen.get(place)
        if before is None:
            before = self.seen[place] = now, 0
        elif before[0] != now:
            before = self.seen[place] = now, births()
        return max(before[1], self.written)

    def stamped(self, born: int) -> tuple[Any, ...]:
        """The changes that note a write in place by this package, which is one for all who share the memory."""
        return (setattr, self, "written", born), (self.seen.clear,)


USED = Store()  # of memory that nobody shares, when a graph needs its values
OVERWRITTEN = Store()  # of an older self whose values were not kept, as no gradient needs them


def values_of(data: object) -> Any:
    """The array of a batch (see batched.py), or `data` itself."""
    while not isinstance(data, np.ndarray | np.generic) and hasattr(data, "values"):
        data = data.values
    return data


def fingerprint(data: Any) -> int:
    return hash(data.tobytes())


def root(data: object) -> Any:
    """The array that owns the memory of `data`."""
    data = values_of(data)
    while isinstance(base := getattr(data, "base", None), np.ndarray):
        data = base
    return data


def shared(x: Any) -> Store:
    """The store of a tensor, made now if its memory was its own."""
    if x.store is None or x.store is USED:
        x.store = Store()
    return x.store


def share(t: Any, inputs: Iterable[Any]) -> None:
    """Give `t` the store of that input whose memory it shares, if any.

    A small part of a tensor that is written into again and again (`rows[i] = rows[i - 1] * w`) gets memory of its own,
    or each write would copy the whole.
    """
    data = t._data
    if isinstance(data, np.generic):
        return
    if getattr(data, "base", None) is None and isinstance(data, np.ndarray):
        for x in inputs:
            if x._data is data:
                t.store = shared(x)
        return
    owner = root(data)
    for x in inputs:
        if root(x._data) is owner:
            written = x.past is not None or (x.op is not None and x.op.kind.name == "write")
            if written and data.__class__ is np.ndarray and 2 * data.size <= owner.size:
                t._data = np.array(data)
            else:
                t.store = shared(x)
            return


def held(x: Any) -> bool:
    """Whether anybody but `x` may hold its memory.

    Reads attributes only: since Python 3.14 a local variable may be borrowed, and then does not count.
    """
    if not COUNTED:
        return True
    if sys.getrefcount(x._data) > 2 or getweakrefcount(x._data):  # the attribute, and the argument of the call
        return True
    base = x._data.base
    return base is not None


def stays(x: Any) -> bool:
    """Whether a step of an optimizer must change `x` where it is, as the user may hold its array."""
    return x.store is not None and x.store.exposed and held(x)
