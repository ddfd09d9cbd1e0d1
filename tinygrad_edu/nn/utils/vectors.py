"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ShapeError
from ...functions.arguments import lift
from ...functions.joining import concat
from ...functions.settings import leaf, several
from ...tensor import Tensor
from ...writing import publish


def parameters_to_vector(parameters: Sequence[Any]) -> Tensor:
    """All entries of all parameters, one after the other.

    Shape: `(n,)`, for n entries in all. Errors: a ValueError where there is none.

    >>> from tinygrad_edu import nn
    >>> nn.utils.parameters_to_vector([nn.Parameter([[1.0, 2.0]]), nn.Parameter([3.0])]).tolist()
    [1.0, 2.0, 3.0]
    """
    given = several("parameters_to_vector", "parameters", parameters)
    if not given:
        raise ValueError("parameters_to_vector: needs one parameter or more; got none; pass net.parameters()")
    return concat([leaf("parameters_to_vector", "a parameter", p).reshape(-1) for p in given])


def vector_to_parameters(vec: Any, parameters: Any) -> None:
    """The entries of a vector, written into the parameters one after the other.

    Shape of the vector: `(n,)`, for n entries in all. Errors: a ShapeError for another number of them.

    >>> from tinygrad_edu import nn
    >>> a, b = nn.Parameter([[0.0, 0.0]]), nn.Parameter([0.0])
    >>> nn.utils.vector_to_parameters([1.0, 2.0, 3.0], [a, b])
    >>> a.tolist(), b.tolist()
    ([[1.0, 2.0]], [3.0])
    """
    who, params = "vector_to_parameters", several("vector_to_parameters", "parameters", parameters)
    values = np.asarray(lift(vec, who)._data)
    size = sum(leaf(who, "a parameter", p).size for p in params)
    if values.shape != (size,) or values.dtype.kind not in "fiu":
        raise ShapeError(
            f"{who}: the vector must have the {size} entries of the parameters; got {values.dtype} in shape "
            f"{values.shape}; make it with parameters_to_vector"
        )
    cuts = np.split(values, np.cumsum([p.size for p in params])[:-1])
    publish(params, [np.array(x.reshape(p.shape), p.dtype) for x, p in zip(cuts, params, strict=True)])


__all__ = ["parameters_to_vector", "vector_to_parameters"]
