"""Batches, put together from examples."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..engine import Variable, constant
from ..errors import DTypeError, ShapeError, StateDictError, few
from ..functions.arguments import lift
from ..functions.creation import asarray
from ..functions.joining import stack
from ..functions.settings import several


def collate(examples: Sequence[Any]) -> Any:
    """A batch of examples: tuples and dicts part by part; tensors, arrays and numbers stacked; texts in a list.

    Arrays of other libraries are taken as well. An example, or a part of one, must not be None.
    Errors: a ShapeError for no examples, a ValueError for one that holds itself.

    >>> import numpy as np
    >>> from tinygrad_edu import data
    >>> x, names = data.collate([(np.array([1, 2]), "a"), (np.array([3, 4]), "b")])
    >>> x.tolist(), names
    ([[1, 2], [3, 4]], ['a', 'b'])
    """
    examples = several("collate", "examples", examples)
    if not examples:
        raise ShapeError("collate: a batch must have an example; got none; guard before")
    try:
        return _joined(examples, "examples")
    except RecursionError:
        raise ValueError("collate: examples must be nested, but not in themselves; got a loop; take it apart") from None


def _joined(examples: Sequence[Any], where: str) -> Any:
    first: Any = examples[0]
    if any(example is None for example in examples):
        raise _refusal(DTypeError, f"{where} must hold numbers", "None among them", "leave them out")
    if isinstance(first, Mapping):
        return _dict(examples, where)
    if isinstance(first, tuple | list):
        return _tuple(examples, where)
    if dataclasses.is_dataclass(first):
        names = [field.name for field in dataclasses.fields(first)]
        parts = {n: _joined([getattr(example, n) for example in examples], f"{where}' {n}") for n in names}
        return first.__class__(**parts)
    if isinstance(first, Variable):
        return _tensors(examples, where)
    if isinstance(first, np.ndarray | np.generic | int | float | complex) or _is_array(first):
        return _arrays(examples, where)
    return list(examples)


def _tuple(examples: Sequence[Any], where: str) -> Any:
    lengths = {len(example) if isinstance(example, tuple | list) else 0 for example in examples}
    if len(lengths) != 1:
        raise _refusal(ShapeError, f"{where} must have one number of parts", str(sorted(lengths)), "make them equal")
    parts = [_joined(part, f"{where}' part {i}") for i, part in enumerate(zip(*examples, strict=True))]
    first = examples[0]
    return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)  # a named tuple stays one


def _dict(examples: Sequence[Any], where: str) -> Any:
    first = examples[0]
    for example in examples:
        if not isinstance(example, Mapping) or example.keys() != first.keys():
            keys = sorted(map(str, example)) if isinstance(example, Mapping) else [type(example).__name__]
            given = f"{few(sorted(map(str, first)))} and {few(keys)}"
            raise _refusal(StateDictError, f"{where} must have the same keys", given, "fill them up")
    return {key: _joined([example[key] for example in examples], f"{where}' {key!r}") for key in first}


def _tensors(examples: Sequence[Any], where: str) -> Any:
    tensors = [example if isinstance(example, Variable) else _array(example, where) for example in examples]
    _must_agree(tensors, where)
    if any(isinstance(t, Variable) and t.flags for t in tensors):
        return stack(tensors)  # a gradient goes back to each
    return constant(np.stack([t._data if isinstance(t, Variable) else t for t in tensors]))


def _arrays(examples: Sequence[Any], where: str) -> Any:
    typed = any(hasattr(example, "dtype") or _is_array(example) for example in examples)
    arrays = [_array(example, where) for example in examples]
    _must_agree(arrays, where)
    return lift(np.stack(arrays) if typed else list(examples), "DataLoader")


def _is_array(x: object) -> bool:
    return hasattr(x, "__array__") or hasattr(x, "__array_interface__")


def _array(example: object, where: str) -> Any:
    try:
        array = np.asarray(example)
    except (TypeError, ValueError, RuntimeError) as error:  # a tensor of PyTorch that needs a gradient, or bfloat16
        given = f"{type(example).__name__} ({error})"
        raise _refusal(DTypeError, f"{where} must be numbers or arrays", given, "convert them") from error
    if array.dtype.kind not in "biufc":
        given = f"{type(example).__name__} among {where}"
        raise _refusal(DTypeError, f"{where} must be numbers or arrays of numbers", given, "convert them")
    return array


def _must_agree(arrays: Sequence[Any], where: str) -> None:
    shapes = sorted({tuple(array.shape) for array in arrays})
    if len(shapes) != 1:
        given = f"[{few(list(map(str, shapes)))}]"
        advice = "pad them, give data.TensorDataset(x, y) for an array of inputs and one of targets"
        raise _refusal(ShapeError, f"{where} of a batch must have one shape", given, advice)


def _refusal(kind: type, must: str, given: str, advice: str) -> Exception:
    error: Exception = kind(f"DataLoader: {must}; got {given}; {advice}, or give collate_fn")
    return error


def converted(example: Any) -> Any:
    """One example as it is, with tensors in place of arrays."""
    if isinstance(example, dict):
        return {key: converted(part) for key, part in example.items()}
    if isinstance(example, tuple | list):
        parts = [converted(part) for part in example]
        return (
            parts if type(example) is list else type(example)(*parts) if hasattr(example, "_fields") else tuple(parts)
        )
    return asarray(example) if hasattr(example, "__array__") or hasattr(example, "__dlpack__") else example
