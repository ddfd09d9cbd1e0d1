"""Gradients kept within bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...annotations import Array
from ...changes import at_once
from ...engine import Variable, constant
from ...functions.settings import leaf, real, settings, several
from ...recording import tracer
from ...sums import worked_in
from ...values import decided, require, value
from ..module import Module


def _with_gradients(who: str, parameters: Any) -> list[Any]:
    """The parameters that have a gradient."""
    if isinstance(parameters, Module | str):
        raise TypeError(
            f"{who}: takes a tensor, or an iterable of tensors; got {type(parameters).__name__}; pass net.parameters()"
        )
    params = [parameters] if isinstance(parameters, Variable) else several(who, "parameters", parameters)
    return [p for p in (leaf(who, "a parameter", p) for p in params) if p.grad is not None]


def _replace(params: list[Any], change: Callable[..., Any]) -> None:
    """Change the values of all gradients, each once: of one that has a history, in a new tensor without it."""
    grads = {id(p._grad): p._grad for p in params}
    arrays = {key: change(g._data).astype(g.dtype) for key, g in grads.items()}
    if tracer() is not None:
        for p in params:
            p._grad = constant(arrays[id(p._grad)])
        return
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

    Source: Pascanu et al., "On the difficulty of training recurrent neural networks" (2013).

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
    with np.errstate(all="ignore"):
        norms = [_norm(value(p._grad).astype(np.float64).reshape(-1), norm_type) for p in params]
        total = _norm(np.stack(norms) if norms else np.zeros(0), norm_type)
        if error_if_nonfinite:
            require(total, _must_be_finite)
        factor = max_norm / (total + 1e-6)
        if decided(factor, _shrinks, otherwise=True):
            factor = np.where(factor >= 1, 1.0, factor)
            _replace(params, lambda g: g * factor.astype(worked_in(g.dtype)))
    return constant(total.astype(np.result_type(np.float32, *{p._grad.dtype for p in params})))


def _must_be_finite(total: Array) -> None:
    if not np.isfinite(total):
        raise ValueError(f"clip_grad_norm_: the norm of the gradients must be finite; got {total}; lower the rate")


def _shrinks(factor: Array) -> bool:
    return not factor >= 1  # also where the norm is nan, as PyTorch has it


def _norm(x: Any, order: float) -> Any:
    """The norm of a row of numbers, scaled so that it neither overflows nor vanishes; 0 if there are none."""
    size = np.abs(x)
    largest = np.max(size, initial=0.0)
    if order == 0:
        return np.sum(size != 0, dtype=np.float64)
    if abs(order) == np.inf:
        return largest if order > 0 or not x.size else np.min(size)
    usual = (largest > 0) & (largest < np.inf)
    scale = np.where(usual, largest, 1.0)
    powers = size / scale if order == 1 else np.sum((size / scale) ** order)
    found = scale * (np.sum(powers) if order == 1 else np.sqrt(powers) if order == 2 else powers ** (1 / order))
    return found if order < 0 and x.size else np.where(usual, found, largest)


@settings
def clip_grad_value_(parameters: object, clip_value: float) -> None:
    """Move every entry of every gradient into the interval from -clip_value to clip_value.

    Source: Mikolov, "Statistical language models based on neural networks" (2012).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> w = nn.Parameter([1.0, 1.0])
    >>> (w * tg.Tensor([3.0, -0.5])).sum().backward()
    >>> nn.utils.clip_grad_value_([w], 1.0)
    >>> w.grad.tolist()
    [1.0, -0.5]
    """
    params = _with_gradients("clip_grad_value_", parameters)
    _replace(params, lambda g: np.clip(g, -clip_value, clip_value))
