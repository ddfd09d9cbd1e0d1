"""An operation that this package does not have: a node with the other library's name, its values and its derivative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...engine import Variable
from ...op import REGISTRY, Each, Op


class ForeignCall:
    """One call of another library's operation, which gives one array."""

    def __init__(
        self,
        arrays: Sequence[Any],
        value: object,
        again: Callable[[Sequence[Any]], Any],
        pulled: Callable[[Any, Sequence[Any]], Sequence[Any]],
    ) -> None:
        self.arrays, self.value = arrays, value  # of the run that was recorded
        self.again = again  # the value at other arrays
        self.pulled = pulled  # the gradients of the inputs, from that of the value

    def forward(self, *arrays: Any) -> Any:
        """The value; that of the recorded run for its arrays, as a random operation would give another one."""
        same = all(
            np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(arrays, self.arrays, strict=True)
        )
        return self.value if same else self.again(arrays)


def _forward(*arrays: object, _call: ForeignCall) -> Any:
    return _call.forward(*map(np.asarray, arrays))


def _backward(g: Any, *arrays: Any, _call: ForeignCall, position: int) -> Any:
    found = _call.pulled(np.asarray(g), [np.asarray(a) for a in arrays])[position]
    return np.zeros_like(arrays[position]) if found is None else np.asarray(found).astype(arrays[position].dtype)


def operation(name: str) -> Op:
    """The operation of this name, declared when it is first met. Its derivative is the library's, of order 1."""
    if name in REGISTRY:
        return REGISTRY[name]
    back = Op(f"{name} backward", _backward, kind="custom", analytic=False)
    back.custom = True

    def rule(i: int) -> Any:
        return lambda g, y, *xs, _call: back(g, *xs, _call=_call, position=i)

    op = Op(name, _forward, Each(rule), kind="custom", analytic=False)
    op.custom = op.differentiable = True
    return op


def boxed(name: str, xs: Sequence[Variable], call: ForeignCall) -> Variable:
    """The result of a call as a node of the graph."""
    y: Variable = operation(name)(*xs, _call=call)
    return y
