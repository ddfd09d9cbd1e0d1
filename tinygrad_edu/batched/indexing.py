"""Indexing a batch, and writing into it, as each example is indexed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .examples import by_example, shared
from .levels import (
    Batch,
    at,
    batches,
    full_batch,
    is_array,
    leading,
    read_only,
    refusal,
    replaceable,
    widened,
    writeable,
)


def _parts(key: Any) -> list[Any]:
    """The parts of an index: lists as arrays, arrays of one integer as that integer."""
    parts = list(key) if isinstance(key, tuple) else [key]
    for i, k in enumerate(parts):
        if isinstance(k, list) and not any(True for _ in batches(k)):
            k = np.asarray(k) if k else np.zeros(0, np.intp)
        parts[i] = int(k) if isinstance(k, np.ndarray | np.integer) and k.dtype.kind in "iu" and not np.ndim(k) else k
    return parts


def _plain(parts: list[Any]) -> bool:
    """Whether the index means the same after a `:` for the hidden axis: no array, or arrays and integers side by
    side, as NumPy else moves their axes to the front."""
    if not all(k is None or k is Ellipsis or type(k) is int or isinstance(k, slice) or is_array(k) for k in parts):
        return False
    if any(isinstance(k, Batch) for k in parts):
        return False
    if any(True for _ in batches([k for k in parts if isinstance(k, slice)])):
        return False
    if not any(map(is_array, parts)):
        return True
    if any(k.dtype.kind == "b" and not k.ndim for k in parts if is_array(k)):
        return False
    places = [i for i, k in enumerate(parts) if type(k) is int or is_array(k)]
    return places[-1] - places[0] == len(places) - 1


def _fronted(parts: list[Any]) -> bool:
    """Whether all arrays of the index stand side by side at its front, and none is a mask: then the example's number
    can be one more of them, and each example has indices of its own."""
    places = [i for i, k in enumerate(parts) if is_array(k)]
    rest = parts[len(places) :]
    return (
        places == list(range(len(places)))
        and all(parts[i].dtype.kind in "iu" for i in places)
        and all(k is None or k is Ellipsis or type(k) is int or isinstance(k, slice) for k in rest)
        and not any(True for _ in batches(rest))
    )


def _index(parts: list[Any], level: int, n: int) -> tuple[Any, ...]:
    """An index into the batch that picks `parts` from each example."""
    if _plain(parts):
        return (slice(None), *parts)
    ndim = max(np.ndim(k) for k in parts if is_array(k))
    rows = np.arange(n).reshape((n,) + (1,) * ndim)
    return (rows, *(widened(k, level, ndim - k.ndim) if is_array(k) else k for k in parts))


def pick(x: Any, key: Any) -> Any:
    """`x[key]`, also where `x` is a plain array, or one of a lower level, and an index in `key` is batched."""
    inside = list(batches(key))
    if not inside and not isinstance(x, Batch):
        return x[key]
    lead = leading([x, key])
    if not at(x, lead.level):
        x = lead.like(full_batch(x, lead.level, lead.examples))
    parts = _parts(key)
    if any(k.dtype.kind == "b" for k in batches(parts)):
        raise refusal(
            "an index must pick as many entries from every example", "a mask that differs between them",
            "use tg.where(mask, x, 0)",
        )  # fmt: skip
    if _plain(parts) or _fronted(parts):
        y = x.like(pick(x.values, _index(parts, x.level, x.examples)))
    else:
        y = by_example(pick, (read_only(x), key if isinstance(key, tuple) else (key,)), {})
    if inside and y.shape and not any(map(np.ndim, filter(is_array, parts))):
        return read_only(y)  # NumPy gives a view, which must not be written into
    return y if y.shape or any(k is Ellipsis for k in parts) else x.result(np.copy(y.values))  # a scalar is no view


def getitem(x: Any, key: Any) -> Any:
    """What `BatchedArray.__getitem__` does: `pick`, whose result must not be a copy where NumPy gives a view."""
    found = list(batches(key))
    y = pick(x, key)
    if found and y.shape and writeable(x) and not any(map(np.ndim, filter(is_array, _parts(key)))):
        raise refusal(
            "an array must be picked from by the same index in every example, as it may be written into",
            "an index that differs between them", "copy the array first",
        )  # fmt: skip
    return y


def setitem(x: Any, key: Any, value: Any) -> None:
    """What `BatchedArray.__setitem__` does."""
    write(_write, x, key, value)


def write(how: Callable[..., None], x: Any, key: Any, *values: Any) -> None:
    """`how(x, key, *values)`, which writes into a part of each example: into those of all at once where that can be."""
    lead = leading([x, key, values])
    if not at(x, lead.level) or not (writeable(x) or replaceable(x)):
        raise shared(setitem if how is _write else how)
    parts = _parts(key)
    if _plain(parts) or _fronted(parts):
        places = _index(parts, x.level, x.examples)
        ndim = np.ndim(pick(x.values, places)) - 1
        if all(np.ndim(value) <= ndim for value in values):
            how(x.values, places, *(widened(value, x.level, ndim - np.ndim(value)) for value in values))
            return
    if not writeable(x):
        raise shared(setitem if how is _write else how)
    by_example(how, (x, key, *values), {})


def _write(x: Any, key: Any, value: Any) -> None:
    x[key] = value
