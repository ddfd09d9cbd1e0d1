"""Functions of sequences: their steps, and the loss of a text in a sequence of scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...annotations import Array, ArrayLike
from ...arrays import to_array
from ...engine import Variable
from ...errors import ShapeError
from ...functions.arguments import kept_single, lift
from ...functions.layout import broadcast_to
from ...functions.reduce import mean
from ...tensor import Tensor
from .losses import reduced

FAR = -1e30  # the logarithm of what is impossible, with room for sums


def unrolled(x: Tensor) -> list[Any]:
    """The steps `x[0], x[1], ...`, by halves: so the gradient costs n log(n) and not n * n."""
    n = x.shape[0]
    if n <= 1 or not x.flags:
        return [ops.getitem(x, index=(k,)) for k in range(n)]
    return unrolled(ops.getitem(x, index=(slice(0, n // 2),))) + unrolled(ops.getitem(x, index=(slice(n // 2, n),)))


def rolled(steps: list[Any]) -> Any:
    """The steps as one tensor, along a new first axis."""
    return ops.concat(*steps, axis=0).reshape(len(steps), *steps[0].shape)


def counts(who: str, what: str, x: ArrayLike, shape: tuple[int, ...], most: int) -> Any:
    """Lengths, given as a tensor or as several numbers: integers in `shape`, from 0 to `most`."""
    n = x._data if isinstance(x, Variable) else to_array(x, who=who)
    n = np.asarray(n)
    if n.dtype.kind not in "iu" or n.shape != shape or (n.size and not 0 <= n.min() <= n.max() <= most):
        raise ValueError(
            f"{who}: {what} must be integers in shape {shape}, from 0 to {most}; got {n.dtype} in shape {n.shape}, "
            f"{n.tolist() if n.size < 9 else '...'}; correct them"
        )
    return n.astype(np.intp)


def _texts(target: object, lengths: Array, classes: int, blank: int) -> Any:
    """The targets as `(batch, longest)`, filled up with blanks."""
    y = np.asarray(target._data if isinstance(target, Variable) else to_array(target, who="ctc_loss"))
    longest = int(lengths.max(initial=0))
    if y.dtype.kind not in "iu" or y.ndim not in (1, 2):
        raise ShapeError(
            f"ctc_loss: targets must be integers, (batch, length) or one after the other; got {y.dtype} in shape "
            f"{y.shape}; use .astype('int64')"
        )
    inside = np.arange(longest) < lengths[:, None]
    if (y.ndim == 1 and y.size != lengths.sum()) or (y.ndim == 2 and (len(y) != len(lengths) or y.shape[1] < longest)):
        raise ShapeError(
            f"ctc_loss: targets must be as long as target_lengths say, {lengths.sum()} in all; got shape {y.shape}; "
            "correct them"
        )
    texts = np.full(inside.shape, blank, np.intp)
    texts[inside] = y if y.ndim == 1 else y[:, :longest][inside]
    if texts.size and not 0 <= texts.min() <= texts.max() < classes:
        raise IndexError(
            f"ctc_loss: labels must be from 0 to {classes - 1}; got {texts.min()} to {texts.max()}; number the classes "
            "from 0"
        )
    return texts


@kept_single
def ctc_loss(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0, reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:  # fmt: skip
    """-log of the probability of a text, summed over all ways in which it lies along a sequence.

    In a way, a label may be repeated, and stand between blanks, which two equal neighbours need. Shapes: log_probs
    `(steps, batch, classes)` or `(steps, classes)`, as `log_softmax` gives; targets `(batch, length)`, or all one after
    the other; "mean" divides each loss by the length of its text first. A text that is too long has an infinite loss;
    with `zero_infinity`, 0. Source: Graves et al., "Connectionist temporal classification" (2006).
    Errors: a ShapeError for log_probs of another shape, or without a class `blank`.

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> x = tg.log([[0.5, 0.5], [0.5, 0.5]])  # the text "1" is 11, 1-blank or blank-1: 3 ways of 4
    >>> round(F.ctc_loss(x, [1], 2, 1).item(), 4)
    0.2877
    """
    who, x = "ctc_loss", lift(log_probs, "ctc_loss")
    if x.ndim not in (2, 3) or not x.shape[0] or not 0 <= blank < x.shape[-1]:
        raise ShapeError(
            f"{who}: log_probs must be (steps, batch, classes), with blank among the classes; got shape {x.shape} and "
            f"blank={blank}; permute it"
        )
    one = x.ndim == 2
    x = x.expand_dims(1) if one else x
    steps, batch, classes = x.shape
    shape = () if one and np.ndim(getattr(input_lengths, "_data", input_lengths)) == 0 else (batch,)
    ends = counts(who, "input_lengths", input_lengths, shape, steps).reshape(batch)
    lengths = counts(who, "target_lengths", target_lengths, shape, 2**40).reshape(batch)
    texts = _texts(targets, lengths, classes, blank)
    states = np.full((batch, 2 * texts.shape[1] + 1), blank, np.intp)  # blank, label, blank, ..., label, blank
    states[:, 1::2] = texts
    scores = ops.take_along_axis(x, broadcast_to(states, (steps, *states.shape)), axis=2)
    log_alpha = _forward(scores, states, ends, blank)
    last = np.stack([2 * lengths, np.maximum(2 * lengths - 1, 0)], 1)
    final = ops.take_along_axis(log_alpha, last, axis=1)
    final = ops.where(np.stack([lengths >= 0, lengths > 0], 1), final, FAR)
    losses = -ops.logsumexp(final, axis=(1,), keepdims=False)
    losses = ops.where(losses > -FAR / 2, 0.0 if zero_infinity else np.inf, losses)
    if reduction == "mean":
        return mean(losses / np.maximum(lengths, 1).astype(x.dtype))
    losses = reduced(losses, reduction, who)
    return losses.squeeze(0) if one and losses.ndim else losses


def _forward(scores: Tensor, states: Array, ends: Array, blank: int) -> Any:
    """The log-probability of all ways that end in each state, at the last step of each example."""
    batch, n = states.shape
    jumps = np.zeros((batch, n), bool)  # over a blank, between labels that differ
    jumps[:, 2:] = (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])
    first, *rest = unrolled(scores)
    alpha = ops.where(np.arange(n) < 2, first, FAR)
    nowhere = broadcast_to(lift(np.asarray(FAR, scores.dtype)), (batch, min(n, 2)))
    for t, score in enumerate(rest, 1):
        padded = ops.concat(nowhere, alpha, axis=1)
        here, before = padded[:, nowhere.shape[1] :], padded[:, nowhere.shape[1] - 1 : -1]
        ways = [here, before] + ([ops.where(jumps, padded[:, :-2], FAR)] if n > 1 else [])
        new = ops.logsumexp(rolled(ways), axis=(0,), keepdims=False) + score
        alpha = ops.where((t < ends)[:, None], new, alpha)
    return alpha


__all__ = ["ctc_loss"]
