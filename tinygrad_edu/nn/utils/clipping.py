"""Gradients kept within bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...changes import at_once
from ...engine import Variable, constant
from ...functions.settings import leaf, real, settings, several
from ...sums import worked_in
from ..module import Module


def _with_gradients(who: str, parameters: Any) -> list[Any]:
    """The parameters that have a gradient."""
    if isinstance(parameters, Module | str):
        raise TypeError(
            f"{who}: takes a tensor, or an iterable of tensors; got {type(parameters).__name__}; pass net.parameters()"
        )
    params = [parameters] if isinstance(parameters, Variable) else several(who, "parameters", parameters)
    return [p for p in (leaf(who, "a parameter", p) for p in params) if p._grad is not None]


def _replace(params: list[Any], change: Any) -> None:
    """Change the values of all gradients, each once: of one that has a history, in a new tensor without it."""
    grads = {id(p._grad): p._grad for p in params}
    arrays = {key: np.asarray(change(g._data), g.dtype) for key, g in grads.items()}
    fresh = {key: g if g.op is None else constant(arrays[key]) for key, g in grads.items()}
    for g in fresh.values():
        g.reborn()
    at_once(
        *((setattr, fresh[key], "_data", array) for key, array in arrays.items()),
        *((setattr, g, "store", None) for g in fresh.values()),
        *((setattr, p, "_grad", fresh[id(p._grad)]) for p in params),
    )


@settings
def clip_grad_norm_(
    parameters: Any, max_norm: float, norm_type: Any = 2.0, error_if_nonfinite: bool = False
) -> Any:  # fmt: skip
    """Scale all gradients together so that their norm is at most `max_norm`; returns what it was.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> w = nn.Parameter([1.0, 1.0])
    >>> (w * tg.Tensor([3.0, 4.0])).sum().backward()
    >>> nn.utils.clip_grad_norm_([w], 1.0).item(), w.grad.data.round(4)
    (5.0, array([0.6, 0.8], dtype=float32))
    """
    params = _with_gradients("clip_grad_norm_", parameters)
    norm_type = (
        np.inf if isinstance(norm_type, str) and norm_type == "inf" else real("clip_grad_norm_", "norm_type", norm_type)
    )
    norms = [_norm(np.asarray(p._grad._data, np.float64).reshape(-1), norm_type) for p in params]
    total = _norm(np.array(norms), norm_type)
    if error_if_nonfinite and not np.isfinite(total):
        raise ValueError(f"clip_grad_norm_: the norm of the gradients must be finite; got {total}; lower the rate")
    with np.errstate(all="ignore"):
        factor = max_norm / (total + 1e-6)
        if not factor >= 1:  # also where the norm is nan, as PyTorch has it
            _replace(params, lambda g: g * worked_in(g.dtype).type(factor))
    dtype = np.result_type(np.float32, *{p._grad.dtype for p in params})
    return constant(dtype.type(total))


def _norm(x: Any, order: float) -> float:
    """The norm of a row of numbers, scaled so that it neither overflows nor vanishes; 0 if there are none."""
    largest = float(np.max(np.abs(x), initial=0))
    if order == 0:
        return float(np.count_nonzero(x))
    if not 0 < largest < np.inf and (order > 0 or not x.size):
        return largest
    largest = largest if 0 < largest < np.inf else 1.0
    with np.errstate(all="ignore"):
        return largest * float(np.linalg.norm(x / largest, order))


@settings
def clip_grad_value_(parameters: Any, clip_value: float) -> None:
    """Move every entry of every gradient into the interval from -clip_value to clip_value."""
    params = _with_gradients("clip_grad_value_", parameters)
    _replace(params, lambda g: np.clip(g, -clip_value, clip_value))
