"""Arguments of steps in the forms that JSON has: exactly, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..ops.indexing import ARRAY

PLAIN = {int, str, bool, type(None)}


def encoded(x: Any, numbers: dict[Any, int]) -> Any:
    """An argument in the forms that JSON has."""
    kind = x.__class__
    if kind in PLAIN:
        return x
    if kind.__hash__ is object.__hash__ and x in numbers:
        return {"v": numbers[x]}
    if isinstance(x, np.ndarray):
        shape = list(x.shape)
        return {"array": x.ravel().view(f"V{x.itemsize}").tobytes().hex(), "dtype": x.dtype.str, "shape": shape}
    if isinstance(x, np.generic):
        return {"scalar": encoded(np.asarray(x), numbers)}
    if isinstance(x, bool | int | str):
        return x
    if isinstance(x, float):
        return {"float": x.hex()}
    if isinstance(x, complex):
        return {"complex": [x.real.hex(), x.imag.hex()]}
    if isinstance(x, tuple):
        return {"tuple": [encoded(part, numbers) for part in x]}
    if isinstance(x, list):
        return [encoded(part, numbers) for part in x]
    if isinstance(x, dict):
        return {"dict": [[k, encoded(part, numbers)] for k, part in x.items()]}
    if isinstance(x, slice):
        return {"slice": [encoded(part, numbers) for part in (x.start, x.stop, x.step)]}
    if x is Ellipsis:
        return {"ellipsis": True}
    if isinstance(x, np.dtype) or (isinstance(x, type) and issubclass(x, np.generic | float | int | bool)):
        return {"dtype": np.dtype(x).str}
    if x is ARRAY:
        return {"place": True}
    raise TypeError(f"program: an argument must be an array, a number, or text; got {type(x).__name__}; it has no JSON")


def decoded(x: Any, values: list[Any]) -> Any:
    """The argument that `encoded` wrote."""
    if isinstance(x, list):
        return [decoded(part, values) for part in x]
    if not isinstance(x, dict):
        return x
    kind, part = next(iter(x.items()))
    if kind == "array":
        return np.frombuffer(bytes.fromhex(part), np.dtype(x["dtype"])).reshape(x["shape"]).copy()
    read: dict[str, Callable[[Any], Any]] = {
        "v": lambda p: values[p],
        "scalar": lambda p: decoded(p, values)[()],
        "float": float.fromhex,
        "complex": lambda p: complex(*map(float.fromhex, p)),
        "tuple": lambda p: tuple(decoded(q, values) for q in p),
        "dict": lambda p: {k: decoded(q, values) for k, q in p},
        "slice": lambda p: slice(*(decoded(q, values) for q in p)),
        "ellipsis": lambda p: Ellipsis,
        "dtype": np.dtype,
        "place": lambda p: ARRAY,
    }
    return read[kind](part)
