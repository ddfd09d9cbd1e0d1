"""Arrays as a page holds them: all entries, or of a large array some of them, evenly spaced."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...annotations import Array
from ..graph.values import whole

MOST = 1024  # entries of an array that a page holds in full
SIDE, TILES = 32, 9  # of a larger one: entries along each of the last two axes, and how many such matrices


def figure(v: Array, most: int = MOST) -> dict[str, Any] | None:
    """`shape` and flat `values`, with seven digits; `rows`, `columns`, `tiles` where some are left out.

    None where there is nothing to colour: complex numbers, and arrays without an entry.

    >>> import numpy as np
    >>> figure(np.array([[1.0, 0.5]]))
    {'values': [1, 0.5]}
    >>> len(figure(np.ones((100, 100)))["values"])
    1024
    """
    a = whole(v)
    if a.dtype.kind not in "biuf" or not a.size:
        return None
    if a.size <= most:
        return {"values": entries(a)}
    rows = _evenly(a.shape[-2] if a.ndim > 1 else 1, SIDE)
    columns = _evenly(a.shape[-1], SIDE if a.ndim > 1 else most)
    tiles = a.reshape(-1, a.shape[-2] if a.ndim > 1 else 1, a.shape[-1])
    some = _evenly(len(tiles), max(1, min(TILES, most // (len(rows) * len(columns)))))
    seen = tiles[np.ix_(some, rows, columns)]
    return {
        "values": entries(seen),
        "tiles": some, "rows": rows, "columns": columns,
    }  # fmt: skip


def _evenly(count: int, most: int) -> list[int]:
    return list(range(count)) if count <= most else [int(k) for k in np.linspace(0, count - 1, most)]


def entries(a: Array) -> list[Any]:
    """The numbers of an array in C order, with seven digits."""
    values = a.ravel().tolist()
    if a.dtype.kind == "f" and np.isfinite(a).all() and max(values) < 2**53 and min(values) > -(2**53):
        rounded = map(float, (" ".join(["%.7g"] * len(values)) % tuple(values)).split())
        return [int(x) if x.is_integer() else x for x in rounded]
    return [entry(x) for x in values]


def entry(x: Any) -> Any:
    """A number with seven digits; one that JSON cannot hold as its text."""
    if isinstance(x, bool | int):
        return int(x) if abs(x) < 2**53 else float(f"{float(x):.7g}")
    if not np.isfinite(x):
        return str(x)
    rounded = float(f"{x:.7g}")
    if not np.isfinite(rounded):
        return float(x)
    return int(rounded) if rounded == int(rounded) and abs(rounded) < 2**53 else rounded
