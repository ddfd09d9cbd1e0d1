"""Matrices applied to the last axis, and rows looked up."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...engine import cast
from ...errors import ShapeError
from ...functions.common import lift
from ...tensor import Tensor


def like(x: Any, weight: Any) -> Any:
    """`x` in the dtype of `weight`: a layer computes in the dtype of its weights."""
    return x if x._data.dtype == weight._data.dtype else cast(x, dtype=weight._data.dtype)


def linear(x: Any, weight: Any, bias: Any = None) -> Tensor:
    """x @ weight.mT + bias: `(..., in_features) -> (..., out_features)`.

    `weight` has shape (out_features, in_features). The computation has the dtype of `weight`: an input
    of another one is cast.
    """
    x, weight = lift(x, "linear"), lift(weight, "linear")
    shape = x._data.shape
    if not shape or len(weight._data.shape) != 2 or shape[-1] != weight._data.shape[1]:
        raise ShapeError(
            f"linear: the last axis of the input must be in_features = {weight.shape[-1:]}; got shape "
            f"{tuple(shape)} for a weight of shape {weight.shape}; check the sizes of the layers, or flatten the input"
        )
    if x._data.dtype != weight._data.dtype:
        x = cast(x, dtype=weight._data.dtype)
    if len(shape) != 2:  # one matrix product is faster than many
        return linear(x.reshape(-1, shape[-1]), weight, bias).reshape((*shape[:-1], weight._data.shape[0]))
    if bias is None:
        return ops.matmul.binary(x, weight.mT)
    return ops.linear(x, weight, bias)


__all__ = ["linear"]
