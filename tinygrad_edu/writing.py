"""Writes into tensors: `t[...] = v`, `t += v`, and what they must not break.

A tensor that others may still need as it was is not overwritten: it is born again. Its new self
remembers the old one (`past`), and operations that used the old one find it there. So a write is
differentiated like any other operation, and a graph recorded before it stays true.

A write into a view (`t[0]`, `t.T`) goes through to the tensor that the view was taken from, as in NumPy.
Other views keep the entries that they had when they were taken, and so do arrays that were handed out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import setitem
from typing import Any

import numpy as np

from . import ops
from .annotations import Array
from .batched import BatchedArray
from .changes import at_once
from .engine import APART, KEEPS, NEEDS, Variable, births, describe, note, shell
from .errors import DTypeError, GraphError, ShapeError, refusal
from .functions.arguments import lift
from .functions.indexing import split_index
from .holders import OVERWRITTEN, USED, Store, held, shared, stays
from .op import Op
from .recording import recording, site, tracer


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
    if _is_written(t, index, arrays, value):
        return
    if view_of(t) is not None:
        replace(t, ops.setitem(t, value, *arrays, index=index))
    elif recording.get() and (t.flags | value.flags):
        _write_recorded(t, index, arrays, value)
    else:
        _write_plain(t, index, arrays, value)


def update(t: Any, op: Op, result: Any) -> Any:
    """`t += other` and its like, where `result` is `t + other`; the tensor keeps its shape and dtype."""
    _refuse(op.name, t)
    if result.shape != t._data.shape:
        raise ShapeError(
            f"{op.said}: an in-place result must have the tensor's shape {t._data.shape}; got "
            f"{result.shape}; write t = {(op.formula or '').format('t', 'other')} instead"
        )
    if result.dtype != t._data.dtype:
        if not np.can_cast(result.dtype, t._data.dtype, "same_kind"):
            raise DTypeError(
                f"{op.said}: an in-place result must fit the tensor's dtype {t._data.dtype}; got "
                f"{result.dtype}; use .astype('{result.dtype}') on the tensor first"
            )
        result = ops.cast(result, dtype=t._data.dtype)
    replace(t, result)
    return t


def replace(t: Variable, result: Variable) -> None:
    """`t`, and what it is a view of, get the value of `result`, which was computed from it and is nobody else's."""
    if (view := view_of(t)) is not None and recording.get() and (t.flags | result.flags):
        op, base, _, attributes = view
        if op is ops.getitem and view_of(base) is None and _is_alone(base, result):
            _write_in_place(base, attributes["index"], [], result, t)
            return
    renewed: list[tuple[Variable, Variable]] = []
    _renew(t, result, renewed)
    at_once(*_become(renewed, [shell(t) for t, _ in renewed]))


def view_of(t: Variable) -> tuple[Op, Variable, tuple[Any, ...], dict[str, Any]] | None:
    """What `t` is a view of, and by which op; None if it has values of its own."""
    if t.op is not None:
        op, base, arrays, attributes = t.op, t.inputs[0] if t.inputs else None, t.inputs[1:], t.attributes or {}
    elif t.source.__class__ is tuple:
        op, base, arrays, attributes = t.source
    else:
        return None
    return (op, base, arrays, attributes) if op.view and base is not None and not arrays else None


def _refuse(who: str, t: Variable) -> None:
    """Raise before a write that could not be differentiated, or would not do what it says."""
    while True:
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
        t.notice()
        view = view_of(t)
        if view is None and t.source is not APART:
            return
        op, base = view[:2] if view is not None else (None, t)
        if _stale(t, base):
            raise GraphError(
                f"{who}: the tensor that a view was taken from must not have changed since; got a view of shape "
                f"{t._data.shape}, written at {site()}; take the view again, or write into view.clone()"
            )
        if op is ops.broadcast_to:
            raise GraphError(
                f"{who}: a broadcast view cannot be written into, as several of its entries are one; got shape "
                f"{t._data.shape}, written at {site()}; write into a clone()"
            )
        t = base


def _stale(t: Variable, base: Variable) -> bool:
    """Whether what `t` is a view of has changed since; to need a gradient is no change (see `keep_constant`)."""
    if base.source is APART:
        return True
    past = base.past
    born = past.born if past is not None and past._data is base._data else base.born
    return born > t.born or (base.store not in (None, USED) and base.store.look(base._data) > t.born)


def _is_written(t: Variable, index: tuple[Any, ...], arrays: list[Any], value: Any) -> bool:
    """Whether `t[index]` is `value` already: Python writes `t[0] += 1` as a write into a view, then into `t`."""
    view = None if arrays else view_of(value)
    return (
        view is not None
        and view[0] is ops.getitem
        and view[1] is t
        and value.born > t.born
        and (value.op is not None or not value.flags & NEEDS)  # else `t` is to get the gradient's path to a leaf
        and repr(view[3]["index"]) == repr(index)
    )


def _renew(t: Variable, result: Variable, renewed: list[tuple[Variable, Variable]]) -> Variable:
    """The new self of `t`, after those of what it is a view of: `result` is written into the places that `t` shows."""
    view, new = view_of(t), result
    if view is not None:
        op, base, _, attributes = view
        if op is ops.getitem:
            written = ops.setitem(base, result, index=attributes["index"])
        else:  # where each entry of the view stands in the flattened base
            places = op.forward(np.arange(math.prod(base._data.shape)).reshape(base._data.shape), **attributes)
            flat, values = ops.reshape(base, shape=(-1,)), ops.reshape(result, shape=(-1,))
            written = ops.setitem(flat, values, np.reshape(places, -1), index=(ops.ARRAY,))
            written = ops.reshape(written, shape=base._data.shape)
        new = op(_renew(base, written, renewed), **attributes)
    renewed.append((t, new))
    return new


def _write_recorded(t: Variable, index: tuple[Any, ...], arrays: list[Any], value: Variable) -> None:
    """A write that is differentiated: in place if no graph needs the values that stood there."""
    if _is_alone(t, value):
        _write_in_place(t, index, arrays, value)
    else:
        replace(t, ops.setitem(t, value, *arrays, index=index))


def _is_alone(t: Variable, value: Variable) -> bool:
    """Whether nobody but `t` has its memory, and no graph needs its values."""
    return t.store is None and _writeable(t._data) and not isinstance(value._data, BatchedArray)


def _write_in_place(
    t: Variable, index: tuple[Any, ...], arrays: list[Any], value: Variable, view: Variable | None = None
) -> None:
    """A recorded write of `t[index]`, which `view` shows, if given: it becomes `value`, of its shape and dtype."""
    places, past = [lift(k, "setitem") for k in arrays], shell(t)
    by: Any = recording.get()
    result = note(t._data, t.flags | value.flags, ops.setitem, (t, value, *places), {"index": index}, by)
    renewed, pasts = [(t, result)], [past]
    if view is not None:
        shown = note(np.array(value._data), result.flags, ops.getitem, (result,), {"index": index}, by)
        renewed, pasts = [*renewed, (view, shown)], [past, shell(view)]
    forgotten = np.broadcast_to(np.zeros((), past._data.dtype), past._data.shape)
    _put(
        t, index, places, value, *_become(renewed, pasts), (setattr, t, "store", None),
        (setattr, past, "_data", forgotten), (setattr, past, "store", OVERWRITTEN),
    )  # fmt: skip


def _write_plain(t: Variable, index: tuple[Any, ...], arrays: list[Any], value: Variable) -> None:
    """A write that is not recorded: in place, or into a copy where a graph, a tensor or the user has the array."""
    t.notice()
    kept = t.store is not None and not t.flags & NEEDS  # a constant that a graph has, or may have, used
    alone = _writeable(t._data) and not isinstance(value._data, BatchedArray)
    if t.store is USED:
        alone = alone and not kept
    elif t.store is not None:
        alone = alone and not held(t) and not (kept and t.past is None)
    if not alone:
        replace(t, ops.setitem(t, value, *arrays, index=index))
        return
    born = births()
    changes: list[Any] = [(setattr, t, "born", born)]
    if t.flags & NEEDS:
        changes += [(setattr, t, "past", None), (setattr, t, "site", site())]
    if t.store not in (None, USED):
        changes += t.store.stamped(born)
    _put(t, index, arrays, value, *changes)


def _writeable(data: Array) -> bool:
    return data.__class__ is np.ndarray and bool(data.flags.writeable) and tracer() is None


def _put(t: Variable, index: tuple[Any, ...], arrays: list[Any], value: Variable, *changes: object) -> None:
    """Write into the array of `t`, and make further changes, at once."""
    places = tuple(k._data if isinstance(k, Variable) else k for k in arrays)
    try:
        at_once((setitem, t._data, ops.indexing.filled(index, places), value._data), *changes)
    except (ValueError, IndexError) as error:
        raise refusal(ops.setitem, error, [t._data, value._data]) from error


def publish(tensors: Sequence[Any], arrays: Sequence[Any], *more: object, in_place: bool = False) -> None:
    """Give leaves new arrays, of which nobody else knows, and make `more` changes, all or none.

    `in_place` is for steps of optimizers, which an array that was handed out follows: it is written into instead.
    """
    for t in tensors:
        if t.op is not None:
            raise GraphError(f"data: only a leaf's values can be replaced; got {describe(t)}; detach() it first")
    if (by := tracer()) is not None:
        for t, array in zip(tensors, arrays, strict=True):
            by.replaced(t, array)
        return
    changes: list[Any] = []
    here = site()
    for t, array in zip(tensors, arrays, strict=True):
        born = births()
        if in_place and stays(t):
            changes += [(setitem, t._data, ..., array), *t.store.stamped(born)]
        else:
            changes += [(setattr, t, "_data", np.asarray(array, t._data.dtype)), (setattr, t, "store", None)]
        new = {"born": born, "site": here, "past": None, "source": None}
        changes += [(setattr, t, name, value) for name, value in new.items()]
    at_once(*changes, *more)


def keep_constant(t: Variable) -> None:
    """Before a constant becomes a leaf that requires a gradient: to a graph that used it, it stays a constant."""
    view, base = view_of(t), None
    if view is not None and _stale(t, view[1]):
        base = shell(view[1])
    shared(t)
    past = shell(t)
    past.source = None
    t.born, t.past = births(), past
    if view is not None and base is not None:  # a write is refused as before: the base has changed since
        base.born, base.past, t.source = births(), None, (view[0], base, *view[2:])


RENEWED = ("_data", "flags", "born", "op", "inputs", "attributes", "store", "source", "site")


def _become(renewed: list[tuple[Variable, Variable]], pasts: list[Variable]) -> list[Any]:
    """The changes by which tensors are born again as new selves, which were computed from them."""
    now: dict[int, Any] = {id(new): t for t, new in renewed}
    then = {id(t): past for (t, _), past in zip(renewed, pasts, strict=True)}
    _, last = renewed[-1]
    for past in pasts:  # must not lead to what comes from it
        past.inputs, past.source = tuple(then.get(id(x), x) for x in past.inputs), APART
    if last.op is not None:  # those who used a tensor until now used its past, which has the same birth and history
        oldest, todo, seen = min(past.born for past in pasts), [last], {last.born}
        while todo:
            user = todo.pop()
            found = user.inputs
            user.inputs = tuple(then.get(id(x), now.get(id(x), x)) for x in found)
            fresh = [x for x in found if x.born > oldest and x.born not in seen and id(x) not in then]
            seen.update(x.born for x in fresh)
            todo += fresh
    changes: list[Any] = []
    for (t, new), past in zip(renewed, pasts, strict=True):
        if new.op is not None:
            slots = {name: getattr(new, name) for name in RENEWED}
            # hooks belong to what `t` was when they were registered
            slots |= {"past": past, "hooks": None, "flags": new.flags | past.flags & KEEPS}
            changes += [(setattr, t, name, value) for name, value in slots.items()]
            continue
        if t.flags & NEEDS:
            kept = None
            changes.append((setattr, t, "site", site()))
        else:  # a graph that used a constant keeps it as it was, once (see `snapshot`)
            kept = past if t.store is not None and t.past is None else t.past
        store, source = new.store if kept is None or new.store is not None else Store(), t.source
        if new.source.__class__ is tuple and id(new.source[1]) in now:  # it is still a view
            source = new.source[0], now[id(new.source[1])], *new.source[2:]
        slots = {"_data": new._data, "born": new.born, "store": store, "source": source, "past": kept}
        changes += [(setattr, t, name, value) for name, value in slots.items()]
    return changes
