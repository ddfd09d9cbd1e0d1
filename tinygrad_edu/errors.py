"""What the package raises: NumPy's own choice of class, narrowed, and one form of words.

Every message reads *operation: what must hold; what was given; what to do*.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from .recording import stack_level


class ShapeError(ValueError):
    """Shapes that do not go together."""


class AxisError(np.exceptions.AxisError):
    """An axis that the tensor does not have."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class DTypeError(TypeError):
    """A dtype, or a kind of value, that the operation cannot take."""


class StateDictError(KeyError, ValueError):
    """Names of parameters, buffers or parts that do not go together."""

    __str__ = Exception.__str__  # KeyError's would put the message into quotes


class TreeError(ShapeError):
    """Containers of tensors that do not go together."""


class GraphError(ValueError):
    """A gradient that the recorded graph cannot give."""


class LostGradientWarning(UserWarning):
    """Values that left the graph and came back as constants, through which no gradient passes."""


class MissingLibraryError(ImportError):
    """An optional library that is not installed; the message carries the install command."""

    def __init__(self, feature: str, library: str, extra: str) -> None:
        super().__init__(f"{feature}: needs {library}; it is not installed; pip install 'tinygrad_edu[{extra}]'")


def few(names: Sequence[Any]) -> str:
    """A list of names in an error's words, shortened."""
    return ", ".join(map(str, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "") or "none"


NONE: Mapping[str, Any] = MappingProxyType({})

# NumPy's warning of an overflow names the line that called NumPy, one of this package. Raised there as an error
# it leads to `rescued`, which warns of the user's line. Where another filter comes first, the warning is NumPy's own.
warnings.filterwarnings(
    "error", category=RuntimeWarning, module=r"tinygrad_edu\.(engine|op|ops|pieces|products|sums|batched)\b"
)


def rescued(
    op: Any, error: Exception, inputs: Sequence[Any], attributes: Mapping[str, Any] = MappingProxyType({})
) -> Any:
    """What an op computes where NumPy only warns, with the warning at the user's line; else its error is raised."""
    if not isinstance(error, RuntimeWarning):
        raise refusal(op, error, inputs) from (error if op.custom else None)
    with np.errstate(all="ignore"):
        data = op.forward(*inputs, **attributes)
    who = op.said
    text = (
        f"{who}: results must be finite; got {error}; find the first one by `with tg.detect_anomaly():`, or accept "
        "them by `with np.errstate(all='ignore'):`"
    )
    try:
        warnings.warn(text, RuntimeWarning, stacklevel=stack_level())
    except RuntimeWarning as raised:  # as the user's filters ask
        raise raised from None
    return data


def refusal(op: Any, error: Exception, inputs: Sequence[Any]) -> Exception:
    """The error of an op's forward computation on some arrays, in this package's words."""
    who, shapes = op.said, " and ".join(str(tuple(np.shape(x))) for x in inputs)
    if isinstance(error, np.linalg.LinAlgError | IndexError):
        return type(error)(f"{who}: {error}; got shapes {shapes}; check the values given")
    if isinstance(error, DTypeError | ShapeError | GraphError):
        return error
    if isinstance(error, TypeError):
        return DTypeError(f"{who}: must support the dtypes given; got {_types(inputs)} ({error}); use .astype()")
    if isinstance(error, MemoryError):
        return MemoryError(f"{who}: the result must fit into memory; got shapes {shapes} ({error}); use smaller ones")
    if isinstance(error, ArithmeticError) and not isinstance(error, FloatingPointError):  # which the user asked for
        return ValueError(f"{who}: numbers must fit the dtypes; got {_types(inputs)} ({error}); use .astype('float64')")
    if not isinstance(error, ValueError):
        return error
    if op.kind.entrywise:
        try:
            np.broadcast_shapes(*[np.shape(x) for x in inputs])
        except ValueError:
            must = "shapes must broadcast: be equal, or 1, counted from the right"
            return ShapeError(f"{who}: {must}; got {shapes}; use reshape or expand_dims on one")
        return ValueError(f"{who}: {error}; got {shapes}; use .astype('float32') for integers")
    return ShapeError(f"{who}: {op.must or error}; got {shapes}; {_turned(op, *map(np.shape, inputs))}")


def _turned(op: Any, *shapes: tuple[int, ...]) -> str:
    """Which other product of the two matrices there is."""
    if op.formula == "{} @ {}" and min(map(len, shapes)) > 1:
        a, b = shapes
        if a[-2] == b[-2]:
            return "a.mT @ b would fit"
        if a[-1] == b[-1]:
            return "a @ b.mT would fit"
        if a[-2] == b[-1]:
            return "b @ a would fit"
    return "check the arguments"


def _types(inputs: Sequence[Any]) -> str:
    return " and ".join(str(getattr(x, "dtype", type(x).__name__)) for x in inputs)


def __dir__() -> list[str]:
    """The classes; what else stands here is for the package."""
    return [name for name, x in globals().items() if isinstance(x, type) and x.__module__ == __name__]
