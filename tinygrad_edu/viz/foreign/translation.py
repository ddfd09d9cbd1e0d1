"""Another library's operation in one of this package, if that gives the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...engine import Variable
from ...op import REGISTRY
from ...recording import Recorder

CLOSE = 1024  # roundings by which two libraries may differ, as differences of near numbers are small


class LineKeeper(Recorder):
    """Keeps a line of the user's with all that is computed for it."""

    def __init__(self, line: str | None) -> None:
        self.line = line

    def recorded(self, t: Any) -> None:
        t.site = self.line


def translated(ours: Callable[..., Any] | None, args: Sequence[Any], options: dict[str, Any], expected: Any) -> Any:
    """What `ours` gives, a tensor or a tuple; None where it does not take the arguments, or gives other numbers."""
    if ours is None:
        return None
    try:
        found = ours(*args, **options)
    except Exception:  # it does not take such arguments: the operation is another one
        return None
    alone = isinstance(found, Variable) and isinstance(expected, np.ndarray)
    if alone and np.asarray(found._data).dtype != expected.dtype:
        found = REGISTRY["astype"](found, dtype=expected.dtype)  # whole numbers do not widen others everywhere
    return found if _agree(found, expected) else None


def _agree(found: Any, expected: Any) -> bool:
    if isinstance(expected, tuple | list):
        same = isinstance(found, tuple | list) and len(found) == len(expected)
        return same and all(map(_agree, found, expected))
    if not isinstance(found, Variable) or found.shape != expected.shape:  # type: ignore[attr-defined]
        return expected.size == 0
    value = np.asarray(found._data)
    if value.dtype != expected.dtype or value.dtype.kind not in "fc":
        return value.dtype == expected.dtype and bool(np.array_equal(value, expected))
    close = CLOSE * np.finfo(value.dtype).eps
    size = np.abs(expected[np.isfinite(expected)]).max(initial=0)
    return bool(np.allclose(value, expected, rtol=close, atol=close * size, equal_nan=True))
