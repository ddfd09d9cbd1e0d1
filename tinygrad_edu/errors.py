"""What the package raises: NumPy's own choice of class, narrowed, and one form of words.

Every message reads *operation: what must hold; what was given; what to do*.
"""

import numpy as np


class ShapeError(ValueError):
    """Shapes that do not go together."""


class AxisError(np.exceptions.AxisError):
    """An axis that the tensor does not have."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class DTypeError(TypeError):
    """A dtype, or a kind of value, that the operation cannot take."""


class GraphError(ValueError):
    """A gradient that the recorded graph cannot give."""


class MissingLibraryError(ImportError):
    """An optional library that is not installed; the message carries the install command."""

    def __init__(self, feature: str, library: str, extra: str) -> None:
        super().__init__(f"{feature}: needs {library}; it is not installed; pip install 'tinygrad_edu[{extra}]'")
