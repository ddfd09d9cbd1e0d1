"""What was saved of a module, copied back into it: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..arrays import held, to_array
from ..engine import Variable
from ..errors import ShapeError, StateDictError, few
from ..tensor import Tensor
from ..writing import publish


class Keys(NamedTuple):
    """Names that `load_state_dict` did not find in the state, and those of the state that it had no place for."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def load(who: str, own: Mapping[str, Tensor], state: Mapping[str, Any], strict: bool) -> Keys:
    """Copy the values of `state` into the tensors of the same names; see `Module.load_state_dict`."""
    if not isinstance(state, Mapping):
        raise TypeError(
            f"load_state_dict: takes tensors by name; got {type(state).__name__}; pass what state_dict() gave"
        )
    keys = Keys([name for name in own if name not in state], [name for name in state if name not in own])
    if strict and any(keys):
        raise StateDictError(
            f"load_state_dict: names must be those of {who}; missing {few(keys.missing_keys)}, "
            f"unknown {few(keys.unexpected_keys)}; rename them, or pass strict=False"
        )
    new = {name: _fitting(name, state[name], t) for name, t in own.items() if name in state}
    publish([own[name] for name in new], list(new.values()))
    return keys


def _fitting(name: str, value: Any, own: Tensor) -> Any:
    """`value` as an array of the shape of `own`, of numbers that its dtype can hold."""
    array = value._data if isinstance(value, Variable) else to_array(value, who=f"load_state_dict: {name}")
    if np.shape(array) != own.shape:
        raise ShapeError(
            f"load_state_dict: {name} must have shape {own.shape}; got {np.shape(array)}; "
            "load into a model of the same sizes"
        )
    return held(f"load_state_dict: {name}", array, own.dtype)
