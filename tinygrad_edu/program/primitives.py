"""The primitives of a program by their names: NumPy's functions, methods that have no function, and whole ops."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..op import REGISTRY
from ..sums import total


def _set(x: Any, index: Any, value: Any) -> Any:
    x = np.array(x)
    x[index] = value
    return x


def _at(ufunc: str) -> Callable[..., Any]:
    def at(x: Any, *rest: Any) -> Any:
        x = np.array(x)
        getattr(np, ufunc).at(x, *rest)
        return x

    return at


def _sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return total(x, axis=axis, keepdims=keepdims)


METHODS: dict[str, Callable[..., Any]] = {
    "getitem": lambda x, index: x[index],
    "setitem": _set,
    "astype": lambda x, dtype: np.asarray(x).astype(dtype)[()],
    "sum": _sum,  # over axes, sorted and counted from the left
    "item": lambda x: x,
}


@cache
def function_of(name: str) -> Callable[..., Any]:
    """What a primitive computes. NumPy's functions have their own names (`exp`, `add.reduce`, `linalg.inv`); an op of
    this package that is one primitive is `op.conv`."""
    if name in METHODS:
        return METHODS[name]
    if name.startswith("op."):
        op = REGISTRY[name[3:]]
        return lambda *xs, **attributes: op.forward(*xs, **attributes)
    if name.endswith(".at"):
        return _at(name[:-3])
    found: Any = np
    for part in name.split("."):
        found = getattr(found, part)
    return found


FRESH = {"setitem", "astype", "sum", "where", "concatenate", "stack", "einsum", "matmul", "dot", "tensordot", "copy"}


VIEWS = {"getitem", "reshape", "transpose", "swapaxes", "moveaxis", "expand_dims", "squeeze"}  # of their first argument


def is_fresh(name: str) -> bool:
    """Whether the result of a primitive is new memory, as far as is known."""
    return name in FRESH or name.endswith((".reduce", ".at")) or isinstance(getattr(np, name, None), np.ufunc)


def name_of(function: Any) -> str:
    """The name of one of NumPy's functions."""
    module = getattr(function, "__module__", "numpy") or "numpy"
    inside = [part for part in module.split(".")[1:] if not part.startswith("_")]
    for name in (".".join([*inside, function.__name__]), function.__name__):
        try:
            if function_of(name) is function:
                return name
        except AttributeError:
            continue
    raise TypeError(f"program: takes NumPy's public functions; got {function!r}; use operations of this package")


def encoded(x: Any, numbers: dict[Any, int]) -> Any:
    """An argument in the forms that JSON has."""
    if x in numbers if getattr(x, "weak", None) is not None else False:
        return {"v": numbers[x]}
    if isinstance(x, np.ndarray):
        return {"array": x.ravel().view(f"V{x.itemsize}").tobytes().hex(), "dtype": x.dtype.str, "shape": x.shape}
    if isinstance(x, np.generic):
        return {"scalar": encoded(np.asarray(x), numbers)}
    if isinstance(x, bool | int | str | None):
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
    if type(x).__name__ == "_Array":
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
        "place": lambda p: _place(),
    }
    return read[kind](part)


def _place() -> Any:
    from ..ops.indexing import ARRAY

    return ARRAY
