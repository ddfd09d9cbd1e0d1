"""Sequences of different lengths: filled up to one length, or packed step by step for recurrent layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...annotations import ArrayLike
from ...engine import constant
from ...errors import ShapeError, few
from ...functions.arguments import lift
from ...functions.indexing import take
from ...functions.joining import concat, stack
from ...functions.layout import pad, swapaxes
from ...functions.settings import integer, settings, several
from ...interop.names import guide as _guide
from ...tensor import Tensor
from ..functional.sequences import counts


class PackedSequence(NamedTuple):
    """Sequences without filling: the first step of each, then the second of each that has one, and so on.

    `data` has all steps as rows; `batch_sizes` how many sequences there are at each step, the longest first.
    `sorted_indices` puts a batch into that order (None: it is in it), `unsorted_indices` back.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.nn.utils import rnn
    >>> packed = rnn.pack_sequence([tg.arange(3.0), tg.arange(1.0)])
    >>> packed.data.tolist(), packed.batch_sizes.tolist()
    ([0.0, 0.0, 1.0, 2.0], [2, 1, 1])
    """

    data: Tensor
    batch_sizes: Any
    sorted_indices: Any = None
    unsorted_indices: Any = None


def pieces(x: Any, sizes: Any) -> list[Any]:
    """Rows cut into pieces of these sizes, by halves: so the gradient costs n log(n) and not n * n."""
    if len(sizes) == 1:
        return [x]
    half = len(sizes) // 2
    n = int(sum(sizes[:half]))
    return pieces(x[:n], sizes[:half]) + pieces(x[n:], sizes[half:])


def _must_be_sequences(who: str, sequences: Any) -> list[Any]:
    given = [lift(x, who) for x in several(who, "sequences", sequences)]
    if not given or any(not x.ndim or x.shape[1:] != given[0].shape[1:] for x in given):
        raise ShapeError(
            f"{who}: takes sequences whose steps have one shape; got {few([str(x.shape) for x in given])}; reshape them"
        )
    return given


@settings
def pad_sequence(
    sequences: Any, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:  # fmt: skip
    """Sequences `(length, ...)` as one tensor `(longest, batch, ...)`, filled up; batch first with `batch_first`.

    Errors: a ValueError where `padding_side` is neither "left" nor "right".

    >>> from tinygrad_edu.nn.utils import rnn
    >>> rnn.pad_sequence([[1.0, 2.0], [3.0]], batch_first=True).tolist()
    [[1.0, 2.0], [3.0, 0.0]]
    """
    given = _must_be_sequences("pad_sequence", sequences)
    if padding_side not in ("left", "right"):
        raise ValueError(f"pad_sequence: padding_side must be 'left' or 'right'; got {padding_side!r}; choose one")
    longest = max(x.shape[0] for x in given)
    rest = [(0, 0)] * (given[0].ndim - 1)
    missing = [longest - x.shape[0] for x in given]
    sides = [(n, 0) if padding_side == "left" else (0, n) for n in missing]
    rows = [pad(x, [side, *rest], constant_values=padding_value) for x, side in zip(given, sides, strict=True)]
    return stack(rows, 0 if batch_first else 1)


@settings
def unpad_sequence(padded_sequences: Tensor, lengths: ArrayLike, batch_first: bool = False) -> list[Tensor]:
    """The sequences that `pad_sequence` filled up, by their lengths.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.nn.utils import rnn
    >>> [x.tolist() for x in rnn.unpad_sequence(tg.Tensor([[1.0, 2.0], [3.0, 0.0]]), [2, 1], batch_first=True)]
    [[1.0, 2.0], [3.0]]
    """
    x = _batch_first("unpad_sequence", padded_sequences, batch_first)
    return [x[i, :n] for i, n in enumerate(counts("unpad_sequence", "lengths", lengths, x.shape[:1], x.shape[1]))]


def _batch_first(who: str, x: ArrayLike, batch_first: bool) -> Any:
    x = lift(x, who)
    if x.ndim < 2:
        raise ShapeError(f"{who}: the input must be (length, batch, ...); got shape {x.shape}; add an axis")
    return x if batch_first else swapaxes(x, 0, 1)


@settings
def pack_padded_sequence(
    input: ArrayLike, lengths: ArrayLike, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:  # fmt: skip
    """A filled-up batch `(longest, batch, ...)` without what was filled up; `lengths` descend, or `enforce_sorted` is
    False.

    Errors: a ValueError for a length of 0, and where they neither descend nor may have any order.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.nn.utils import rnn
    >>> packed = rnn.pack_padded_sequence(tg.Tensor([[1.0, 3.0], [2.0, 0.0]]), [2, 1])
    >>> packed.data.tolist(), packed.batch_sizes.tolist()
    ([1.0, 3.0, 2.0], [2, 1])
    """
    who = "pack_padded_sequence"
    x = _batch_first(who, input, batch_first)
    n = counts(who, "lengths", lengths, x.shape[:1], x.shape[1])
    if not n.size or n.min() < 1:
        raise ValueError(f"{who}: lengths must be 1 or more; got {n.tolist()}; leave out empty sequences")
    order = None if enforce_sorted else np.argsort(-n, stable=True)
    n = n if order is None else n[order]
    if np.any(np.diff(n) > 0):
        raise ValueError(f"{who}: lengths must descend; got {n.tolist()}; pass enforce_sorted=False")
    step, row = np.nonzero(np.arange(n[0])[:, None] < n)
    sizes = constant(np.bincount(step, minlength=int(n[0])))
    row = row if order is None else order[row]
    back = None if order is None else constant(np.argsort(order))
    return PackedSequence(x[row, step], sizes, None if order is None else constant(order), back)


@settings
def pad_packed_sequence(
    sequence: Any, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The batch that was packed, filled up again: `(longest, batch, ...)` and the lengths.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.nn.utils import rnn
    >>> filled, lengths = rnn.pad_packed_sequence(rnn.pack_sequence([tg.arange(2.0), tg.ones(1)]), batch_first=True)
    >>> filled.tolist(), lengths.tolist()
    ([[0.0, 1.0], [1.0, 0.0]], [2, 1])
    """
    who = "pad_packed_sequence"
    sizes = _must_be_packed(who, sequence)
    longest = len(sizes) if total_length is None else integer(who, "total_length", total_length, len(sizes))
    lengths = np.sum(sizes[:, None] > np.arange(sizes[0]), 0)
    starts = np.cumsum(sizes) - sizes
    place = np.arange(longest)[:, None]
    inside = place < lengths
    at = np.where(inside, np.append(starts, np.zeros(longest - len(sizes), np.intp))[:, None] + np.arange(sizes[0]), 0)
    rows = lift(sequence.data)
    filled = take(concat([rows, rows[:1].detach() * 0 + padding_value]), np.where(inside, at, rows.shape[0]), 0)
    if sequence.unsorted_indices is not None:
        order = np.asarray(lift(sequence.unsorted_indices)._data)
        filled, lengths = filled[:, order], lengths[order]
    return swapaxes(filled, 0, 1) if batch_first else filled, constant(lengths)


def _must_be_packed(who: str, sequence: object) -> Any:
    if not isinstance(sequence, PackedSequence):
        raise TypeError(
            f"{who}: takes a PackedSequence; got {type(sequence).__name__}; make one with pack_padded_sequence"
        )
    return np.asarray(lift(sequence.batch_sizes)._data)


@settings
def pack_sequence(sequences: Sequence[Any], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences `(length, ...)` of different lengths, packed.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.nn.utils import rnn
    >>> rnn.pack_sequence([tg.ones(1), tg.arange(2.0)], enforce_sorted=False).data.tolist()
    [0.0, 1.0, 1.0]
    """
    given = _must_be_sequences("pack_sequence", sequences)
    return pack_padded_sequence(pad_sequence(given), [x.shape[0] for x in given], enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences that were packed.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.nn.utils import rnn
    >>> [x.tolist() for x in rnn.unpack_sequence(rnn.pack_sequence([tg.arange(2.0), tg.ones(1)]))]
    [[0.0, 1.0], [1.0]]
    """
    _must_be_packed("unpack_sequence", packed_sequences)
    return unpad_sequence(*pad_packed_sequence(packed_sequences, batch_first=True), batch_first=True)


__all__ = [
    "PackedSequence", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence", "pad_sequence", "unpack_sequence",
    "unpad_sequence",
]  # fmt: skip
_guide(__name__, "nn.utils.rnn")
