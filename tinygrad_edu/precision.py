"""Half precision where it does little harm: what `amp.autocast` asks for, and the dtypes that NumPy lacks."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import numpy as np

from .blocks import STATES, Block
from .errors import DTypeError, MissingLibraryError

LOW = ("bfloat16", "float16")
lowered: ContextVar[np.dtype[Any] | None] = ContextVar("lowered", default=None)  # the dtype of products; None: as it is
STATES.append(lowered)


def small(who: str, name: str) -> Any:
    """A dtype that NumPy does not have."""
    try:
        import ml_dtypes
    except ImportError:
        raise MissingLibraryError(who, "ml_dtypes", "io") from None
    return np.dtype(getattr(ml_dtypes, name))


def rounds(dtype: np.dtype[Any]) -> bool:
    """Whether numbers of a dtype stand rounded in arrays of float32, as NumPy cannot compute with it."""
    return bool(dtype.kind == "V")


class Autocast(Block):
    """A block in which products are computed from numbers of a small dtype; `enabled=False` ends that for a block."""

    states = (lowered,)

    def __init__(self, dtype: object = "bfloat16", enabled: bool = True) -> None:
        name = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", str(dtype))
        if name not in LOW:
            given = repr(dtype) if isinstance(dtype, str | type | np.dtype) else type(dtype).__name__
            raise DTypeError(f"autocast: dtype must be 'bfloat16' or 'float16'; got {given}; use 'bfloat16'")
        if enabled is not True and enabled is not False:
            given = repr(enabled) if isinstance(enabled, int | str | None) else type(enabled).__name__
            raise DTypeError(f"autocast: enabled must be True or False; got {given}; leave it out")
        self.name, self.enabled = name, enabled
        self.dtype = small("autocast", "bfloat16") if name == "bfloat16" else np.dtype(np.float16)

    def inside(self) -> tuple[Any, ...]:
        return (self.dtype if self.enabled else None,)

    def again(self) -> Autocast:
        return Autocast(self.name, self.enabled)
