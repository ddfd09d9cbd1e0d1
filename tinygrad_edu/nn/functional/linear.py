"""Matrices applied to the last axis, and rows looked up."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...annotations import Array, ArrayLike
from ...arrays import to_array
from ...batched import BatchedArray, whole
from ...engine import Variable, constant
from ...errors import DTypeError, ShapeError
from ...functions import reduce
from ...functions.arguments import lift
from ...functions.calls import own_keywords
from ...functions.contract import einsum
from ...functions.norms import vector_norm
from ...functions.settings import settings
from ...ops.layout import cast
from ...recording import no_grad
from ...tensor import Tensor
from ...values import require, settled, value


def like(x: Tensor, weight: Tensor) -> Tensor:
    """`x` in the dtype of `weight`: a layer computes in the dtype of its weights."""
    return x if x._data.dtype == weight._data.dtype else cast(x, dtype=weight._data.dtype)


def linear(input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None) -> Tensor:
    """x @ weight.mT + bias: `(..., in_features) -> (..., out_features)`.

    `weight` has shape (out_features, in_features). The computation has the dtype of `weight`: an input
    of another one is cast.
    Source: Rosenblatt, "The perceptron: a probabilistic model for information storage and organization in the brain"
    (1958). Errors: a ShapeError where the input's last axis is not in_features.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.linear([[1.0, 2.0]], [[1.0, 0.0], [1.0, 1.0], [0.0, 3.0]], [0.5, 0.5, 0.5]).tolist()
    [[1.5, 3.5, 6.5]]
    """
    x, weight = lift(input, "linear"), lift(weight, "linear")
    shape = x._data.shape
    if not shape or len(weight._data.shape) != 2 or shape[-1] != weight._data.shape[1]:
        raise ShapeError(
            "linear: the last axis of the input must be in_features, for a weight (out_features, in_features); got "
            f"shape {tuple(shape)} for a weight of shape {weight.shape}; check the sizes of the layers; images go "
            "through nn.Flatten() first, and examples are rows, not columns"
        )
    if x._data.dtype != weight._data.dtype:
        x = cast(x, dtype=weight._data.dtype)
    if len(shape) != 2:  # one matrix product is faster than many
        return linear(x.reshape(-1, shape[-1]), weight, bias).reshape((*shape[:-1], weight._data.shape[0]))
    if bias is None:
        return ops.matmul.binary(x, weight.mT)
    return ops.linear(x, weight, lift(bias, "linear"))


@own_keywords
def bilinear(input1: ArrayLike, input2: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None) -> Tensor:
    """y[o] = x1 @ weight[o] @ x2 + bias[o]: `(..., i), (..., j) -> (..., o)`, weight (o, i, j).

    Source: Tenenbaum and Freeman, "Separating style and content with bilinear models" (2000).

    >>> import tinygrad_edu.nn.functional as F
    >>> F.bilinear([1.0, 2.0], [3.0, 4.0], [[[1.0, 0.0], [0.0, 1.0]]], [0.5]).tolist()
    [11.5]
    """
    x1, x2, weight = lift(input1, "bilinear"), lift(input2, "bilinear"), lift(weight, "bilinear")
    y = einsum("...i,oij,...j->...o", like(x1, weight), weight, like(x2, weight))
    return y if bias is None else y + bias


def _indices(who: str, x: Any) -> Tensor:
    x = value(x) if isinstance(x, Variable) else to_array(x, who=who)
    if x.dtype.kind not in "iu":
        raise DTypeError(f"{who}: indices must be integers; got {x.dtype}; use .astype('int64')")
    return x


def _bounded(index: Any, weight: Any, max_norm: float, norm_type: float) -> None:
    """Shorten the rows that are looked up, in place, where their norm is larger than `max_norm`."""
    used = np.bincount(index.reshape(-1), minlength=weight.shape[0]) > 0
    with no_grad():
        sizes = vector_norm(weight, norm_type, tuple(range(1, weight.ndim)))
        factor = ops.where(ops.logical_and(used, sizes > max_norm), max_norm / (sizes + 1e-7), 1)
        weight[...] = weight * factor.reshape(-1, *[1] * (weight.ndim - 1))


@settings
def embedding(
    input: ArrayLike,
    weight: ArrayLike,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
) -> Tensor:
    """The rows of `weight` at the indices `input`: `(...) -> (..., dim)`; row `padding_idx` gets no gradient.

    With `max_norm`, rows that are looked up and whose `norm_type`-norm is larger are first shortened, in `weight`.
    Source: Bengio et al., "A neural probabilistic language model" (2003).
    Errors: a ShapeError for a `weight` without rows, an IndexError for an index of none of them.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.embedding([2, 0], [[1.0], [2.0], [3.0]]).tolist()
    [[3.0], [1.0]]
    """
    index, weight = _indices("embedding", input), lift(weight, "embedding")
    if not weight.ndim:
        raise ShapeError("embedding: the weight must have rows; got a scalar; give a matrix")
    n = weight.shape[0]

    def check(values: Array) -> None:
        if values.size and (values.min() < 0 or values.max() >= n):
            wrong = values[(values < 0) | (values >= n)].flat[0]
            raise IndexError(f"embedding: indices must be from 0 to {n - 1}; got {wrong}; enlarge num_embeddings")

    require(index, check)
    if max_norm is not None:
        _bounded(index, weight, max_norm, norm_type)
    y = ops.getitem(weight, index, index=(ops.ARRAY,))
    if padding_idx is None:
        return y
    return ops.where((index == padding_idx % n)[..., None], y.detach(), y)


@settings
def embedding_bag(
    input: ArrayLike, weight: ArrayLike, offsets: Any = None, mode: str = "mean", per_sample_weights: Any = None,
    include_last_offset: bool = False, padding_idx: int | None = None, max_norm: float | None = None,
    norm_type: float = 2.0,
) -> Tensor:  # fmt: skip
    """The sum, mean or largest entries of the rows of `weight` in each bag of indices: `(bags, length) -> (bags, dim)`.

    A flat `input` is cut into bags that begin at `offsets`; with `include_last_offset`, these end with its length.
    Rows of `padding_idx` do not count. `per_sample_weights`, in the shape of the input, multiply the rows of a sum.
    `max_norm` and `norm_type` are as for `embedding`.
    Source: Joulin et al., "Bag of tricks for efficient text classification" (2017).
    Errors: a ValueError for another `mode`, and where weights meet one that is not "sum"; a ShapeError for an input of
    another shape, or with one where `offsets` are missing or in excess, and for `per_sample_weights` of another shape.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.embedding_bag([[0, 1], [1, 2]], [[1.0], [2.0], [6.0]]).tolist()
    [[1.5], [4.0]]
    >>> F.embedding_bag([0, 1, 2], [[1.0], [2.0], [6.0]], offsets=[0, 1], mode="sum").tolist()
    [[1.0], [8.0]]
    """
    who = "embedding_bag"
    index, weight = _indices(who, input), lift(weight, who)
    if mode not in ("sum", "mean", "max") or (per_sample_weights is not None and mode != "sum"):
        raise ValueError(
            f"{who}: mode must be 'sum', 'mean' or 'max', and 'sum' for per_sample_weights; got {mode!r}; choose one"
        )
    if index.ndim == 2 and offsets is None:
        bags = np.arange(index.size).reshape(index.shape), np.ones(index.shape, bool)
    elif index.ndim == 1 and offsets is not None:
        bags = _bags(settled(who, "offsets", _indices(who, offsets)), len(index), include_last_offset)
    else:
        raise ShapeError(
            f"{who}: takes indices (bags, length), or flat ones and offsets; got shape {index.shape} and "
            f"{'no ' if offsets is None else ''}offsets; give the other"
        )
    places, inside = bags
    flat = index.reshape(-1)
    if padding_idx is not None and flat.size:
        inside = inside & (flat[places] != padding_idx % (weight.shape[0] or 1))
    if max_norm is not None and flat.size:
        embedding(flat, weight, None, max_norm, norm_type)
    rows = embedding(flat[places] if flat.size else np.zeros(places.shape, np.intp), weight)
    if per_sample_weights is not None:
        factors = lift(per_sample_weights, who)
        if factors.shape != index.shape:
            raise ShapeError(
                f"{who}: per_sample_weights must have shape {index.shape}; got {factors.shape}; check them"
            )
        rows = rows * factors.reshape(-1)[places].expand_dims(-1)
    counted = inside[..., None]
    if mode == "max":
        largest = reduce.max(ops.where(counted, rows, -math.inf), -2)
        return ops.where(np.any(inside, -1, keepdims=True), largest, 0)
    total = reduce.sum(ops.where(counted, rows, 0), -2)
    return total if mode == "sum" else total / np.maximum(np.sum(inside, -1, keepdims=True), 1).astype(total.dtype)


def _bags(offsets: Any, n: int, include_last: bool) -> tuple[Any, Any]:
    """The places `(bags, length of the longest)` of flat indices, and which of them are of the bag."""
    ends = offsets if include_last else np.append(offsets, n)
    if offsets.ndim != 1 or not len(ends) or ends[0] != 0 or np.any(np.diff(ends) < 0) or ends[-1] > n:
        raise ValueError(
            f"embedding_bag: offsets must begin with 0, and ascend up to {n}, the number of indices; got {offsets}; "
            "sort them"
        )
    lengths = np.diff(ends)
    place = np.arange(np.max(lengths, initial=0))
    inside = place < lengths[:, None]
    return np.where(inside, ends[:-1, None] + place, 0), inside


@settings
def one_hot(tensor: ArrayLike, num_classes: int = -1) -> Tensor:
    """1 at place x[...] of a new last axis, 0 elsewhere; as many classes as are needed for -1.

    Errors: an IndexError for an index that is no class; a ShapeError for more classes than memory can hold.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.one_hot([0, 2]).tolist()
    [[1, 0, 0], [0, 0, 1]]
    """
    index = _indices("one_hot", tensor)
    index = index if isinstance(index, BatchedArray) else index.astype(np.int64)
    n = int(whole(index).max(initial=-1)) + 1 if num_classes == -1 else num_classes

    def check(values: Array) -> None:
        if values.size and (values.min() < 0 or values.max() >= n):
            raise IndexError(
                f"one_hot: indices must be from 0 to {n - 1}; got {values.min()} to {values.max()}; check them"
            )

    require(index, check)
    if n * max(index.size, 1) >= 2**40:
        raise ShapeError(f"one_hot: the result must fit into memory; got {n} classes; number them from 0")
    return constant((index[..., None] == np.arange(n)).astype(np.int64))


__all__ = ["bilinear", "embedding", "embedding_bag", "linear", "one_hot"]
