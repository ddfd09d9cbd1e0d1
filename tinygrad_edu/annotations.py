"""What arguments are annotated with: an array, and what is read as one."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike as ArrayLike  # an array, numbers, lists of them; a tensor, as it has __array__
from numpy.typing import DTypeLike as DTypeLike  # a dtype, or what names one
from numpy.typing import NDArray

Array = NDArray[Any]
