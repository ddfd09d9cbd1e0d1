"""Writes into tensors: `t[...] = v`, `t += v`, and what they must not break.

A tensor that others may still need as it was is not overwritten: it is born again. Its new self
remembers the old one (`past`), and operations that used the old one find it there. So a write is
differentiated like any other operation, and a graph recorded before it stays true.

Tensors are values: a view (`t[0]`, `t.T`) keeps the entries it had when it was taken. Writing
*through* a view, to change the tensor it came from, is refused, as it could not do that.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from . import engine, ops
from .batched import BatchedArray
from .engine import NEEDS, Op, Variable, births, describe, new
from .errors import DTypeError, GraphError, ShapeError, refusal
from .functions.common import lift
from .functions.indexing import split_index
from .recording import Site, recording, site


def assign(t: Variable, key: Any, value: Any) -> None:
    """`t[key] = value`."""
    index, arrays = split_index(key)
    value = value if isinstance(value, Variable) else lift(value, "setitem")
    _refuse("setitem", t)
    if (given := value._data.dtype) != t._data.dtype:
        if given.kind == "c" or (value.flags & NEEDS and t._data.dtype.kind != "f"):
            raise DTypeError(
                f"setitem: the value must fit the tensor's dtype {t._data.dtype}; got {given}"
                f"{' with a gradient' * bool(value.flags & NEEDS)}; use .astype() on the tensor, or detach() the value"
            )
        value = ops.cast(value, dtype=t._data.dtype)
    if recording.get() and (t.flags | value.flags):
        _become(t, ops.setitem(t, value, *arrays, index=index))
    else:
        _overwrite(t, index, value, arrays)


def update(t: Variable, op: Op, other: Any) -> Variable:
    """`t += other` and its like, for any binary op; the tensor keeps its shape and dtype."""
    nameless = sys.getrefcount(t) < NAMED
    result = op.binary(t, other)
    if nameless and _is_view(t):  # `a[0] += 1`: Python takes the sum and writes it into `a` itself
        return result
    _refuse(op.name, t)
    if result.shape != t._data.shape:
        raise ShapeError(
            f"{op}: an in-place result must have the tensor's shape {t._data.shape}; got "
            f"{result.shape}; write t = {(op.formula or '').format('t', 'other')} instead"
        )
    if result.dtype != t._data.dtype:
        if not np.can_cast(result.dtype, t._data.dtype, "same_kind"):
            raise DTypeError(
                f"{op}: an in-place result must fit the tensor's dtype {t._data.dtype}; got "
                f"{result.dtype}; use .astype('{result.dtype}') on the tensor first"
            )
        result = ops.cast(result, dtype=t._data.dtype)
    if result.op is not None:
        _become(t, result)
    else:
        _overwrite(t, (...,), result, [])
    return t


def _refuse(who: str, t: Variable) -> None:
    """Raise before a write that could not be differentiated, or would not do what it says."""
    if _is_view(t) and _is_shared(t):
        raise GraphError(
            f"{who}: a view cannot be written through, because the tensor it was taken from keeps "
            f"its values; got a view of shape {t._data.shape} made at {t.site}, written at "
            f"{site()}; write into the whole tensor, as in t[0, 1] = v, or into view.clone()"
        )
    if recording.get():
        if t.flags & NEEDS and t.op is None:
            raise GraphError(
                f"{who}: a leaf that requires a gradient cannot be written into while operations "
                f"are recorded; got {describe(t)}, written at {site()}; use `with tg.no_grad():`, "
                "or write into a clone()"
            )
    elif t.flags & NEEDS and t.op is not None:
        raise GraphError(
            f"{who}: a result that has a gradient cannot be written into under no_grad, as its "
            f"gradient would be wrong; got {describe(t)}, written at {site()}; detach() it first"
        )


def _is_view(t: Variable) -> bool:
    """Whether the tensor was made by an op whose result may share memory with its input."""
    return t.op.views if t.op is not None else isinstance(t.site, Site) and not t.flags


def _is_shared(t: Variable) -> bool:
    """Whether somebody else can see the memory that this view is a view of."""
    base = getattr(t._data, "base", None)
    if base is None:
        return False
    if t.inputs:  # recorded: does anyone hold the tensor that it was taken from?
        return sys.getrefcount(t.inputs[0]) > 2
    return sys.getrefcount(base) > 3


def _become(t: Variable, result: Variable) -> None:
    """`t` is born again as `result`, which was computed from it."""
    past = _shell(t)
    todo, seen = [result], {past.born}
    while todo:  # those who used `t` until now used its past
        user = todo.pop()
        if user.born > past.born and user.born not in seen:
            seen.add(user.born)
            user.inputs = tuple(past if x is t else x for x in user.inputs)
            todo += user.inputs
    for slot in ("_data", "flags", "born", "op", "inputs", "attributes", "loose", "site"):
        setattr(t, slot, getattr(result, slot))
    t.past = past


def _shell(t: Variable) -> Variable:
    """`t` as it is now, for those who used it until now."""
    old = new(type(t))
    for slot in Variable.__slots__:
        if slot != "__weakref__":
            setattr(old, slot, getattr(t, slot))
    return old


def _overwrite(t: Variable, index: tuple[Any, ...], value: Variable, arrays: list[Any]) -> None:
    """Write into the array itself, or into a copy when a graph or another tensor uses it."""
    t.notice()
    shared = t._data.base is not None or sys.getrefcount(t._data) > 2 if isinstance(t._data, np.ndarray) else True
    if t.flags & NEEDS:  # a parameter under no_grad: it changes, and its graphs learn of it
        t.reborn()
    elif t.loose is not True:
        t.past, t.born, shared = _shell(t), births(), True
    batched = isinstance(t._data, BatchedArray) or isinstance(value._data, BatchedArray)
    if batched or shared or not t._data.flags.writeable:
        t._data = ops.setitem(engine.constant(t._data), value, *arrays, index=index)._data
    else:
        try:
            t._data[ops.indexing.filled(index, tuple(arrays))] = value._data
        except (ValueError, IndexError) as error:
            raise refusal(ops.setitem, error, [t._data, value._data]) from error
    t.loose = True


class _Probe:
    """Counts who holds an object while `name += 1` runs, seen from where `update` looks."""

    def __iadd__(self, other: int) -> Any:
        return _holders(self)


def _holders(probe: _Probe) -> int:
    return sys.getrefcount(probe)


_named: Any = _Probe()
_named += 1
NAMED: int = _named
