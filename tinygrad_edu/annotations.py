"""What arguments are annotated with: an array, and what is read as one; a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from numpy.typing import ArrayLike as ArrayLike  # an array, numbers, lists of them; a tensor, as it has __array__
from numpy.typing import DTypeLike as DTypeLike  # a dtype, or what names one
from numpy.typing import NDArray

Array = NDArray[Any]


class Called(Protocol):
    """What can be called, with any arguments."""

    @property
    def __call__(self) -> Any: ...


# A function of the user's. It is called with what the user gives, so its parameters may have any type; of a lambda, for
# which nobody can write them down, a strict type checker takes them from the form with as many parameters.
Function = (
    Callable[[Any], Any]
    | Callable[[Any, Any], Any]
    | Callable[[Any, Any, Any], Any]
    | Callable[[Any, Any, Any, Any], Any]
    | Callable[[Any, Any, Any, Any, Any], Any]
    | Callable[[Any, Any, Any, Any, Any, Any], Any]
    | Called
)
