"""Gradients kept within bounds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine import Variable, constant
from ..functions.settings import leaf, settings, several
from ..sums import worked_in
from .state import publish


def _grads(parameters: Any) -> list[Any]:
    params: list[Any] = (
        [parameters] if isinstance(parameters, Variable) else several("clip_grad", "parameters", parameters)
    )
    params = [leaf("clip_grad", "a parameter", p) for p in params]
    return [p.grad for p in params if p.grad is not None]


@settings
def clip_grad_norm_(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Any:  # fmt: skip
    """Scale all gradients together so that their norm is at most `max_norm`; returns what it was.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> w = nn.Parameter([1.0, 1.0])
    >>> (w * tg.Tensor([3.0, 4.0])).sum().backward()
    >>> nn.utils.clip_grad_norm_([w], 1.0).item(), w.grad.data.round(4)
    (5.0, array([0.6, 0.8], dtype=float32))
    """
    grads = _grads(parameters)
    norms = [np.linalg.norm(np.asarray(g._data, np.float64).reshape(-1), norm_type) for g in grads]
    total = float(np.linalg.norm(norms, norm_type)) if norms else 0.0
    if error_if_nonfinite and not math.isfinite(total):
        raise ValueError(f"clip_grad_norm_: the norm of the gradients must be finite; got {total}; lower the rate")
    factor = max_norm / (total + 1e-6)
    if not factor >= 1:  # also where the norm is nan, as PyTorch has it
        scaled = [(g._data * worked_in(g._data.dtype).type(factor)).astype(g._data.dtype, copy=False) for g in grads]
        publish(grads, [np.asarray(g) for g in scaled])
    return constant(np.asarray(total, worked_in(grads[0].dtype) if grads else np.float32)[()])


@settings
def clip_grad_value_(parameters: Any, clip_value: float) -> None:
    """Move every entry of every gradient into the interval from -clip_value to clip_value."""
    grads = _grads(parameters)
    publish(grads, [np.asarray(np.clip(g._data, -clip_value, clip_value)) for g in grads])
