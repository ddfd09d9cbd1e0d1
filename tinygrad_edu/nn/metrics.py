"""How good predictions are, as plain numbers and arrays; no gradients."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..annotations import ArrayLike
from ..arrays import to_array
from ..engine import Variable
from ..errors import ShapeError
from ..functions.settings import settings
from ..interop.names import guide as _guide


class Scores(NamedTuple):
    """Precision, recall and F1: one number each, or one for each class.

    >>> from tinygrad_edu import nn
    >>> nn.metrics.Scores(1.0, 0.5, 2 / 3).recall
    0.5
    """

    precision: Any
    recall: Any
    f1: Any


def _labels(who: str, prediction: ArrayLike, target: ArrayLike) -> tuple[Any, Any]:
    """Class numbers of predictions (the largest logit, where there is an axis more) and targets."""
    p, t = (x._data if isinstance(x, Variable) else to_array(x, who=who) for x in (prediction, target))
    if p.ndim == t.ndim + 1 and p.ndim > 1 and p.shape[1]:
        p = p.argmax(1)
    if p.shape != t.shape:
        raise ShapeError(
            f"{who}: predictions must be class numbers in the target's shape, or have one axis of classes more; got "
            f"{p.shape} for {t.shape}; reshape one"
        )
    return p, t


def accuracy(prediction: ArrayLike, target: ArrayLike) -> float:
    """The share of predictions that are right. Predictions are class numbers, or logits `(batch, classes)`.

    Formula: mean(prediction == target). Errors: a ShapeError where the shapes are no such pair.

    >>> from tinygrad_edu import nn
    >>> nn.metrics.accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    0.5
    """
    p, t = _labels("accuracy", prediction, target)
    return float(np.mean(p == t))


@settings
def confusion_matrix(prediction: ArrayLike, target: ArrayLike, num_classes: int | None = None) -> Any:
    """How often class `i` (row) was predicted as `j` (column).

    Formula: C[i, j] = sum(target == i and prediction == j); shapes `(n,), (n,) -> (classes, classes)`, or
    logits `(n, classes)` first. Errors: a ShapeError where the shapes are no such pair, an IndexError for labels
    outside of `num_classes`.

    >>> from tinygrad_edu import nn
    >>> nn.metrics.confusion_matrix([0, 1, 1], [0, 0, 1])
    array([[1, 1],
           [0, 1]])
    """
    p, t = (x.reshape(-1).astype(np.int64) for x in _labels("confusion_matrix", prediction, target))
    n = int(max(p.max(initial=-1), t.max(initial=-1))) + 1 if num_classes is None else num_classes
    if min(p.min(initial=0), t.min(initial=0)) < 0 or max(p.max(initial=-1), t.max(initial=-1)) >= n:
        raise IndexError(f"confusion_matrix: labels must be from 0 to {n - 1}; got others; check num_classes")
    return np.bincount(t * n + p, minlength=n * n).reshape(n, n)


@settings
def precision_recall_f1(
    prediction: ArrayLike, target: ArrayLike, num_classes: int | None = None, average: str | None = "macro"
) -> Scores:
    """Of those predicted as a class, the share that is right; of those in a class, the share that is
    found; and the harmonic mean of both. 0 where nothing is there to be counted.

    `average`: "macro" (mean over classes), "binary" (class 1), "micro" (all together), None (each class).
    Source: van Rijsbergen, "Information retrieval" (1979).

    Formula, of the confusion matrix C: C[i, i] / sum(C[:, i]); C[i, i] / sum(C[i]); 2 p r / (p + r). Errors: those of
    `confusion_matrix`, and a ValueError for another `average`, or "binary" of more than two classes.

    >>> from tinygrad_edu import nn
    >>> nn.metrics.precision_recall_f1([1, 1, 0], [1, 0, 1], average="binary")
    Scores(precision=0.5, recall=0.5, f1=0.5)
    """
    counts = confusion_matrix(prediction, target, num_classes)
    right, called, there = (x.astype(float) for x in (np.diagonal(counts), counts.sum(0), counts.sum(1)))
    if average == "micro":
        right, called, there = (np.array([x.sum()]) for x in (right, called, there))
    elif average == "binary":
        if len(counts) != 2:
            raise ValueError(f"precision_recall_f1: 'binary' needs two classes; got {len(counts)}; use 'macro'")
        right, called, there = right[1:], called[1:], there[1:]
    elif average not in ("macro", None):
        raise ValueError(
            f"precision_recall_f1: average must be macro, micro, binary or None; got {average!r}; choose one"
        )
    precision, recall = right / np.maximum(called, 1), right / np.maximum(there, 1)
    f1 = 2 * right / np.maximum(called + there, 1)
    if average is None:
        return Scores(precision, recall, f1)
    return Scores(*(float(x.mean()) for x in (precision, recall, f1)))


_guide(__name__, "nn.metrics")
