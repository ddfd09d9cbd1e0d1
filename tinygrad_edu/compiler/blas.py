"""The matrix products of the library that NumPy carries with it, by their addresses."""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np

NAMES = {"cblas_sgemm": "scipy_cblas_sgemm64_", "cblas_dgemm": "scipy_cblas_dgemm64_"}
INTEGER = "i64"  # lengths, in that library


@cache
def addresses() -> dict[str, int]:
    """Where the functions are; nothing if this NumPy was built with another library."""
    try:
        library = ctypes.CDLL(np._core._multiarray_umath.__file__)  # type: ignore[attr-defined]
        return {name: ctypes.cast(getattr(library, found), ctypes.c_void_p).value or 0 for name, found in NAMES.items()}
    except (AttributeError, OSError):
        return {}


@cache
def threads() -> int:
    """How many threads the library uses."""
    try:
        return int(ctypes.CDLL(np._core._multiarray_umath.__file__).scipy_openblas_get_num_threads64_())  # type: ignore[attr-defined]
    except (AttributeError, OSError):
        return 1


def found() -> bool:
    """Whether there are such functions."""
    return bool(addresses())
