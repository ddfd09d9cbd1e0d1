"""What comes in from outside, as arrays: the default dtype, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .errors import DTypeError, GraphError

_default = np.dtype(np.float32)


def set_default_dtype(dtype: Any) -> None:
    """Set the dtype that Python floats become, in all threads: float16, float32 (at the start) or float64."""
    global _default
    wanted = normal_dtype("set_default_dtype", dtype)
    if wanted.kind != "f":
        raise DTypeError(f"set_default_dtype: must be a floating-point dtype; got {wanted}; use 'float32'")
    _default = wanted


def get_default_dtype() -> np.dtype[Any]:
    """The dtype that Python floats become."""
    return _default


def normal_dtype(who: str, dtype: Any) -> np.dtype[Any]:
    """A dtype as users name it."""
    try:
        return np.dtype(dtype)
    except TypeError:
        raise DTypeError(f"{who}: dtype must be one of NumPy's; got {dtype!r}; use e.g. 'float32'") from None


def to_array(data: Any, dtype: Any = None, copy: bool | None = None, who: str = "Tensor") -> Any:
    """`data` as a NumPy array. What has a dtype keeps it; Python floats take the default one."""
    typed = hasattr(data, "dtype")
    dtype = dtype if dtype is None else normal_dtype(who, dtype)
    if isinstance(data, list | tuple) and any(getattr(x, "requires_grad", False) for x in _leaves(data)):
        raise GraphError(
            f"{who}: a list must hold numbers; got tensors that need a gradient, which would be lost; use tg.stack"
        )
    if typed and hasattr(data, "__dlpack__") and not isinstance(data, np.ndarray | np.generic):
        data = np.asarray(data) if hasattr(data, "__array__") else np.from_dlpack(data)
    try:
        array = np.array(data, dtype=dtype, copy=copy)
    except ValueError as error:
        raise ValueError(
            f"{who}: data must be a rectangular nest of numbers; got {type(data).__name__} "
            f"({error}); make all rows equally long"
        ) from error
    if array.dtype.kind not in "biufc":
        raise DTypeError(
            f"{who}: data must be numbers or truth values; got {type(data).__name__} of dtype "
            f"{array.dtype}; convert it to an array of numbers first"
        )
    if dtype is None and not typed and array.dtype == np.float64:
        return array.astype(_default)
    return array


def _leaves(data: Any) -> Iterator[Any]:
    for x in data:
        if isinstance(x, list | tuple):
            yield from _leaves(x)
        else:
            yield x


def operand(x: Any, who: str) -> Any:
    """`x` as an operand beside tensors: an array, but a Python number stays one, as it never widens
    the other side (NumPy's rule for weak scalars)."""
    return x if is_weak(x) or hasattr(x, "batch") else to_array(x, who=who)


def is_weak(x: Any) -> bool:
    """Whether `x` is a Python number, which never widens what it meets; NumPy's own scalars do."""
    return isinstance(x, float | int) and not isinstance(x, np.generic)
